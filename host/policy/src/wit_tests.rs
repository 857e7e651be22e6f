//! The contract documents itself: whoever writes a policy has nothing else. Whoever writes scenarios has a page of words, which are
//! the contract's.

use crate::scenario::DUTY_KINDS;

const CONTRACT: &str = include_str!("../../../wit/policy.wit");

/// The format of scenarios, for whoever writes them.
const PAGE: &str = include_str!("../../../docs/scenarios.md");

/// Lines that declare something and have no documentation above them, each with its number.
fn undocumented(contract: &str) -> Vec<String> {
    let (mut found, mut documented) = (Vec::new(), false);
    for (number, line) in (1..).zip(contract.lines().map(str::trim)) {
        let declares =
            !(line.is_empty() || line.starts_with('}') || line.starts_with("use ") || line.starts_with("//"));
        if declares && !documented {
            found.push(format!("{number}: {line}"));
        }
        documented = line.starts_with("///");
    }
    found
}

#[test]
fn every_item_of_the_contract_is_documented() {
    assert_eq!(undocumented(CONTRACT), Vec::<String>::new());
    assert!(CONTRACT.contains("variant step {"), "it is the contract that was read");
}

#[test]
fn an_item_without_documentation_is_found() {
    let contract =
        "/// W.\ninterface i {\n  use t.{a};\n\n  /// V.\n  variant v {\n    /// A.\n    a,\n    b(a),\n  }\n}\n";
    assert_eq!(undocumented(contract), ["9: b(a),"]);
    assert_eq!(undocumented("/// Far away.\n\npackage p;\n"), ["3: package p;"]);
}

/// What an enum or a variant of the contract may be.
fn cases<'c>(contract: &'c str, of: &str) -> Vec<&'c str> {
    let within = contract.lines().map(str::trim).skip_while(|line| *line != format!("{of} {{")).skip(1);
    let lines = within.take_while(|line| *line != "}").filter(|line| !line.starts_with("//"));
    lines.filter_map(|line| line.split(['(', ',']).next()).collect()
}

/// What the table under a heading of the page lists, by the first column.
fn listed<'p>(page: &'p str, heading: &str) -> Vec<&'p str> {
    let within = page.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let rows = within.take_while(|line| !line.starts_with('#')).filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

#[test]
fn the_page_on_scenarios_lists_every_phase_and_every_kind_of_duty() {
    let (phases, duties) = (cases(CONTRACT, "enum phase"), cases(CONTRACT, "variant duty"));
    assert_eq!((phases.len(), duties.len()), (15, 17), "it is the contract that was read");
    assert_eq!(listed(PAGE, "Phases"), phases);
    assert_eq!(listed(PAGE, "Kinds of duty"), duties);
    assert_eq!(duties, DUTY_KINDS);
    for phase in phases {
        let known: Result<model::terms::Phase, _> = serde_json::from_value(phase.into());
        assert!(known.is_ok_and(|known| known.name() == phase), "a scenario calls it `{phase}`");
    }
}

#[test]
fn words_are_read_from_their_own_table_alone() {
    let page = "# P\n| `z` | |\n\n## A\n\n| a | |\n|---|---|\n| `x` | `q` |\n| `y-1` | |\n\n## B\n| `w` | |\n";
    assert_eq!((listed(page, "A"), listed(page, "B"), listed(page, "C")), (vec!["x", "y-1"], vec!["w"], vec![]));
    let contract = "  enum v {\n    /// A, b.\n    a,\n    b-c(d),\n  }\n  enum w {\n    e,\n  }\n";
    assert_eq!((cases(contract, "enum v"), cases(contract, "enum u")), (vec!["a", "b-c"], vec![]));
}
