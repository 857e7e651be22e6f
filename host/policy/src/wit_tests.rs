//! The contract documents itself: whoever writes a policy has nothing else.

const CONTRACT: &str = include_str!("../../../wit/policy.wit");

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
