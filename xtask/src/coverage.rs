//! `cargo xtask coverage`: docs/coverage.md, which shows for each requirement the policy's rule, what of the host carries it
//! out, and what proves it in both directions.
//!
//! `docs/coverage.toml` says which clauses, files and tests belong to a requirement. What can be found is found: the files
//! that cite a clause, and the scenarios that show what difference it makes. Most clauses stop a step; some only oblige
//! somebody, take note of something or open a way, and [`Shows`] says what its two directions are then. What does not add up
//! is an error, all of it at once.

use crate::build::root;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ROWS: &str = "docs/coverage.toml";

const PAGE: &str = "docs/coverage.md";

const HEAD: &str = "# What covers each clause

Made by `cargo xtask coverage` from [coverage.toml](coverage.toml), the policies' sources and their scenarios; not to be
edited. A rule is named by the files that cite the clause. Scenarios are counted in two directions, and the first of each is
named:

| what the clause does | one direction | the other |
|---|---|---|
| it stops a step | permits: with the clause satisfied or noted | refuses: with the clause violated or missing |
| it obliges somebody | imposes a duty | imposes no such duty |
| it takes note of something | notes it | has nothing to note: it is satisfied or silent |
| it opens a way | permits: with the clause satisfied | refuses: and the clause is silent |

`magistrate policy test` runs them, and `cargo xtask test` runs everything.
";

/// docs/coverage.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    row: Vec<Row>,
    #[serde(default)]
    beside: Vec<Beside>,
}

/// What no policy decides, as it is about policies themselves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    id: String,
    says: String,
    host: Vec<String>,
    tests: Vec<String>,
}

/// One requirement. The file's head says what each key means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    says: String,
    policy: String,
    #[serde(default)]
    clauses: Vec<String>,
    #[serde(default)]
    host: Vec<String>,
    unbuilt: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    #[serde(default)]
    shows: Shows,
    stops_none: Option<String>,
    one_way: Option<String>,
}

/// In which two directions scenarios show what difference a clause makes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shows {
    /// A permit with the clause satisfied or noted, and a refusal with it violated or missing.
    #[default]
    Refusal,
    /// It imposes a duty, and imposes no duty of that kind.
    Duty,
    /// It notes something, and has nothing to note.
    Note,
    /// It permits what nothing else would, and where it is silent the step is refused.
    Way,
}

impl Shows {
    /// What a scenario in one direction shows, or in the other.
    fn named(self, one: bool) -> &'static str {
        match (self, one) {
            (Self::Refusal | Self::Way, true) => "permits",
            (Self::Refusal | Self::Way, false) => "refuses",
            (Self::Duty, true) => "imposes a duty",
            (Self::Duty, false) => "imposes none",
            (Self::Note, true) => "notes",
            (Self::Note, false) => "nothing to note",
        }
    }
}

/// What is found of a policy.
struct Policy {
    /// Its source files: path and text, by path.
    sources: Vec<(PathBuf, String)>,
    /// The clauses its charter lists.
    clauses: BTreeSet<String>,
    scenarios: Vec<Scenario>,
}

/// A scenario, as far as it proves anything of a clause.
struct Scenario {
    file: String,
    name: String,
    permits: bool,
    /// What is expected of it.
    expected: Expected,
}

#[derive(Deserialize)]
struct ScenarioFile {
    #[serde(default)]
    scenario: Vec<ScenarioEntry>,
}

#[derive(Deserialize)]
struct ScenarioEntry {
    name: String,
    expect: Expected,
}

/// As the format of scenarios has it: clauses and outcomes, clauses and kinds of duty.
#[derive(Default, Deserialize)]
struct Expected {
    verdict: String,
    #[serde(default)]
    clauses: BTreeMap<String, String>,
    #[serde(default)]
    obligations: BTreeMap<String, String>,
    #[serde(default)]
    no_obligations: BTreeMap<String, String>,
    #[serde(default)]
    silent: BTreeSet<String>,
}

#[derive(Deserialize)]
struct PolicyFile {
    component: String,
}

/// Writes the page or, to check it, compares it with what is there.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let page = page(&root())?;
    let path = root().join(PAGE);
    if !check {
        return std::fs::write(&path, page).with_context(|| path.display().to_string());
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == page { Ok(()) } else { bail!("{PAGE} is stale: run `cargo xtask coverage`") }
}

fn page(root: &Path) -> anyhow::Result<String> {
    let rows: Rows = toml::from_str(&read(&root.join(ROWS))?).context(ROWS)?;
    let mut policies = BTreeMap::new();
    for id in rows.row.iter().map(|row| row.policy.as_str()).collect::<BTreeSet<_>>() {
        policies.insert(id, Policy::find(root, id)?);
    }
    let mut problems = problems(root, &rows.row, &policies);
    for beside in &rows.beside {
        let absent = absent_files(root, &beside.host).chain(absent_tests(root, &beside.tests));
        problems.extend(absent.map(|problem| format!("{}: {problem}", beside.id)));
    }
    if !problems.is_empty() {
        bail!("{ROWS} does not add up:\n{}", problems.join("\n"));
    }
    let one_way = rows.row.iter().filter(|row| row.one_way.is_some()).count();
    let unbuilt = rows.row.iter().filter(|row| row.unbuilt.is_some()).count();
    let mut page = format!(
        "{HEAD}\n{} requirements; {one_way} with scenarios in one direction, {unbuilt} without a step of the host, each with its reason.\n",
        rows.row.len()
    );
    for (id, policy) in &policies {
        page +=
            &format!("\n## {id}\n\n| requirement | what it asks | rule | one direction | the other | host | tests |\n");
        page += "|---|---|---|---|---|---|---|\n";
        for row in rows.row.iter().filter(|row| row.policy == **id) {
            let cells = row.cells(policy).map(|cell| cell.replace('|', "\\|"));
            page += &format!("| {} |\n", cells.join(" | "));
        }
    }
    page += "\n## Beside the policies\n\n| scenario | what has to be | host | tests |\n|---|---|---|---|\n";
    for Beside { id, says, host, tests } in &rows.beside {
        page += &format!("| {id} | {} | {} | {} |\n", says.replace('|', "\\|"), code(host), code(tests));
    }
    Ok(page)
}

/// Everything that does not add up.
fn problems(root: &Path, rows: &[Row], policies: &BTreeMap<&str, Policy>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows {
        if !seen.insert(&row.id) {
            problems.push(format!("{}: there are two rows of it", row.id));
        }
        if let Some(policy) = policies.get(row.policy.as_str()) {
            problems.extend(row.unproven(policy).into_iter().map(|problem| format!("{}: {problem}", row.id)));
        }
        problems.extend(row.unexplained().map(|problem| format!("{}: {problem}", row.id)));
        problems.extend(row.absent(root).into_iter().map(|problem| format!("{}: {problem}", row.id)));
    }
    for (id, policy) in policies {
        let named: BTreeSet<String> = rows.iter().filter(|row| row.policy == **id).flat_map(Row::clauses).collect();
        let left_out = policy.clauses.difference(&named);
        problems.extend(left_out.map(|clause| format!("{id}: the charter's clause {clause} is in no row")));
    }
    problems
}

impl Row {
    /// Its clauses in the charter.
    fn clauses(&self) -> Vec<String> {
        match self.id.split_once(' ') {
            Some((_, clause)) if self.clauses.is_empty() => vec![clause.to_owned()],
            _ => self.clauses.clone(),
        }
    }

    /// What of it the policy does not bear out.
    fn unproven(&self, policy: &Policy) -> Vec<String> {
        let mut problems = Vec::new();
        for clause in self.clauses() {
            if !policy.clauses.contains(&clause) {
                problems.push(format!("the charter lists no clause {clause}"));
            }
            if policy.citing(&clause).next().is_none() {
                problems.push(format!("no rule cites {clause}"));
            }
        }
        let lacking = |shows: Shows| [true, false].into_iter().any(|one| self.lacks(policy, shows, one));
        if self.shows != Shows::Refusal && !lacking(Shows::Refusal) {
            problems.push("scenarios are refused because of it: take `shows` out".to_owned());
        }
        match (&self.one_way, lacking(self.shows)) {
            (None, true) => problems.push(
                "scenarios prove it in one direction at most: add one, or say in `one_way` why there is none"
                    .to_owned(),
            ),
            (Some(_), false) => problems.push("scenarios prove it in both directions: take `one_way` out".to_owned()),
            _ => {}
        }
        problems
    }

    /// Why it stops no step, where that is not said, or is said and is not so.
    fn unexplained(&self) -> Option<&'static str> {
        match (self.shows, &self.stops_none) {
            (Shows::Refusal, Some(_)) => Some("it stops steps: take `stops_none` out"),
            (Shows::Duty | Shows::Note | Shows::Way, None) => {
                Some("no step is refused for it: say in `stops_none` why")
            }
            _ => None,
        }
    }

    /// What is named and is not there.
    fn absent(&self, root: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        match (self.host.is_empty(), &self.unbuilt) {
            (true, None) => problems.push("nothing of the host is named: name it, or say in `unbuilt` why".to_owned()),
            (false, Some(_)) => problems.push("something of the host is named: take `unbuilt` out".to_owned()),
            _ => {}
        }
        problems.extend(absent_files(root, &self.host));
        problems.extend(absent_tests(root, &self.tests));
        problems
    }

    /// Whether no scenario proves one of its clauses in this direction.
    fn lacks(&self, policy: &Policy, shows: Shows, one: bool) -> bool {
        self.clauses().iter().any(|clause| policy.proofs(clause, shows, one).next().is_none())
    }

    fn cells(&self, policy: &Policy) -> [String; 7] {
        let clauses = self.clauses();
        let rules: BTreeSet<String> = clauses.iter().flat_map(|clause| policy.citing(clause)).collect();
        let host = if self.host.is_empty() { self.unbuilt.clone().unwrap_or_default() } else { code(&self.host) };
        [
            self.id.clone(),
            self.says.clone(),
            code(&rules),
            self.direction(policy, &clauses, true),
            self.direction(policy, &clauses, false),
            host,
            code(&self.tests),
        ]
    }

    /// The scenarios that prove it in one direction, and why there are none of a clause.
    fn direction(&self, policy: &Policy, clauses: &[String], one: bool) -> String {
        let proves = |s: &&Scenario| clauses.iter().any(|clause| policy.proves(s, clause, self.shows, one));
        let proofs: Vec<&Scenario> = policy.scenarios.iter().filter(proves).collect();
        let mut says = Vec::new();
        if let Some(first) = proofs.first() {
            says.push(format!("{}, {}: {} (`{}`)", self.shows.named(one), proofs.len(), first.name, first.file));
        }
        if !one {
            says.extend(self.stops_none.as_ref().map(|why| format!("it stops no step: {why}")));
        }
        if self.lacks(policy, self.shows, one) {
            says.extend(self.one_way.clone());
        }
        says.join("; ")
    }
}

impl Scenario {
    /// Whether it expects one of these outcomes of a clause.
    fn finds(&self, clause: &str, among: &[&str]) -> bool {
        self.expected.clauses.get(clause).is_some_and(|outcome| among.contains(&outcome.as_str()))
    }
}

impl Policy {
    fn find(root: &Path, id: &str) -> anyhow::Result<Self> {
        let folder = root.join("policies").join(id);
        let file: PolicyFile = toml::from_str(&read(&folder.join("policy.toml"))?).context(id.to_owned())?;
        // A component is named after its package, as cargo names a library.
        let package = file.component.trim_end_matches(".wasm").replace('_', "-");
        let mut sources = Vec::new();
        for path in files(&root.join("plugins").join(package).join("src"), "rs")? {
            let text = read(&path)?;
            sources.push((path, text));
        }
        let catalogues = sources.iter().filter(|(_, text)| text.contains("catalogue::Entry"));
        let clauses = catalogues.flat_map(|(_, text)| entries(text)).collect();
        let mut scenarios = Vec::new();
        for path in files(&folder.join("scenarios"), "toml")? {
            let name = file_name(&path);
            if name == "base.toml" {
                continue;
            }
            let read: ScenarioFile = toml::from_str(&read(&path)?).with_context(|| path.display().to_string())?;
            scenarios.extend(read.scenario.into_iter().map(|entry| Scenario {
                file: name.clone(),
                name: entry.name,
                permits: entry.expect.verdict == "permit",
                expected: entry.expect,
            }));
        }
        Ok(Self { sources, clauses, scenarios })
    }

    /// The scenarios that prove a clause in this direction.
    fn proofs(&self, clause: &str, shows: Shows, one: bool) -> impl Iterator<Item = &Scenario> {
        self.scenarios.iter().filter(move |s| self.proves(s, clause, shows, one))
    }

    /// Whether a scenario shows what difference a clause makes, in one direction or the other.
    fn proves(&self, s: &Scenario, clause: &str, shows: Shows, one: bool) -> bool {
        let silent = s.expected.silent.contains(clause);
        match (shows, one) {
            (Shows::Refusal, true) => s.permits && s.finds(clause, &["satisfied", "noted"]),
            (Shows::Refusal, false) => !s.permits && s.finds(clause, &["violated", "missing"]),
            (Shows::Duty, true) => s.expected.obligations.contains_key(clause),
            (Shows::Duty, false) => {
                let spared = s.expected.no_obligations.get(clause);
                silent || spared.is_some_and(|kind| self.imposes(clause, kind))
            }
            (Shows::Note, true) => s.finds(clause, &["noted"]),
            (Shows::Note, false) => silent || s.finds(clause, &["satisfied"]),
            (Shows::Way, true) => s.permits && s.finds(clause, &["satisfied"]),
            (Shows::Way, false) => !s.permits && silent,
        }
    }

    /// Whether any scenario expects a duty of this kind of a clause: not to impose another proves nothing.
    fn imposes(&self, clause: &str, kind: &str) -> bool {
        self.scenarios.iter().any(|s| s.expected.obligations.get(clause).is_some_and(|imposed| imposed == kind))
    }

    /// The names of the files with a rule that cites a clause.
    fn citing(&self, clause: &str) -> impl Iterator<Item = String> {
        let citation = format!("clause!(\"{clause}\")");
        self.sources.iter().filter(move |(_, text)| text.contains(&citation)).map(|(path, _)| file_name(path))
    }
}

fn absent_files(root: &Path, paths: &[String]) -> impl Iterator<Item = String> {
    paths.iter().filter(move |path| !root.join(path).is_file()).map(|path| format!("there is no file {path}"))
}

/// Tests that are named and are not there, or that none is named: what nothing proves may not be so.
fn absent_tests(root: &Path, tests: &[String]) -> impl Iterator<Item = String> {
    let none = tests.is_empty().then(|| "no test is named: name one that proves the host's part".to_owned());
    let there = move |test: &str| {
        test.split_once('#').is_some_and(|(file, function)| {
            is_test(&std::fs::read_to_string(root.join(file)).unwrap_or_default(), function)
        })
    };
    none.into_iter().chain(tests.iter().filter(move |test| !there(test)).map(|test| format!("there is no test {test}")))
}

/// Whether a source has a test of this name, and not just a function.
fn is_test(source: &str, function: &str) -> bool {
    let named = format!("fn {function}(");
    source.match_indices(&named).any(|(at, _)| {
        // Its own line up to the name (`async `), then the attributes and comments above it.
        let above = source[..at].split('\n').rev().skip(1).map(str::trim_start);
        above
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

/// The ids in a clause catalogue: the first of two texts after an opening parenthesis.
fn entries(source: &str) -> Vec<String> {
    let entry = |rest: &str| {
        let (id, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        rest.strip_prefix(',')?.trim_start().starts_with('"').then(|| id.to_owned())
    };
    source.match_indices('(').filter_map(|(at, _)| entry(&source[at + 1..])).collect()
}

/// Every file of a folder with this ending, and of the folders in it, by path.
fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn code<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    texts.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_is_so() {
        run(true).expect("`cargo xtask coverage` says the same again");
    }

    fn row(text: &str) -> Row {
        let head = "id = \"X 1\"\nsays = \"that\"\npolicy = \"p\"\n";
        toml::from_str(&format!("{head}{text}")).expect("a row")
    }

    /// A policy of one clause, `1`, with scenarios that expect this.
    fn expecting(expected: impl IntoIterator<Item = (bool, Expected)>) -> Policy {
        let scenario =
            |(permits, expected)| Scenario { file: "s.toml".to_owned(), name: "a case".to_owned(), permits, expected };
        Policy {
            sources: vec![(PathBuf::from("src/rule.rs"), "case.clause(clause!(\"1\"))".to_owned())],
            clauses: ["1".to_owned()].into(),
            scenarios: expected.into_iter().map(scenario).collect(),
        }
    }

    fn policy(scenarios: &[(bool, &str)]) -> Policy {
        let expected =
            |outcome: &str| Expected { clauses: [("1".to_owned(), outcome.to_owned())].into(), ..Expected::default() };
        expecting(scenarios.iter().map(|(permits, outcome)| (*permits, expected(outcome))))
    }

    /// The same, with more that is expected, as a scenario writes it.
    fn written(scenarios: &[(bool, &str)]) -> Policy {
        let expected = |text: &str| toml::from_str(&format!("verdict = \"\"\n{text}")).expect("what is expected");
        expecting(scenarios.iter().map(|(permits, text)| (*permits, expected(text))))
    }

    #[test]
    fn one_direction_needs_a_reason_and_two_take_none() {
        let both = policy(&[(true, "satisfied"), (false, "violated")]);
        assert_eq!(row("").unproven(&both), Vec::<String>::new());
        assert_eq!(row("one_way = \"so\"").unproven(&both).len(), 1);
        for one in [[(true, "noted"), (true, "satisfied")], [(false, "missing"), (false, "noted")]] {
            assert_eq!(row("").unproven(&policy(&one)).len(), 1, "{one:?}");
            assert_eq!(row("one_way = \"so\"").unproven(&policy(&one)), Vec::<String>::new());
        }
    }

    #[test]
    fn a_duty_a_note_and_a_way_have_directions_of_their_own() {
        let (imposes, other) = ("obligations = { 1 = \"task\" }", "no_obligations = { 1 = \"notify\" }");
        let (spares, silent) = ("no_obligations = { 1 = \"task\" }", "silent = [\"1\"]");
        let (notes, holds) = ("clauses = { 1 = \"noted\" }", "clauses = { 1 = \"satisfied\" }");
        for (shows, one, the_other) in [
            ("duty", (true, imposes), (false, spares)),
            ("duty", (true, imposes), (true, silent)),
            ("note", (false, notes), (true, holds)),
            ("note", (true, notes), (false, silent)),
            ("way", (true, holds), (false, silent)),
        ] {
            let row = row(&format!("shows = \"{shows}\""));
            assert_eq!(row.unproven(&written(&[one, the_other])), Vec::<String>::new(), "{shows}");
            for alone in [one, the_other] {
                assert_eq!(row.unproven(&written(&[alone])).len(), 1, "{shows}: {alone:?}");
            }
        }
        for (shows, scenarios) in [("duty", [(true, imposes), (true, other)]), ("way", [(true, holds), (true, silent)])]
        {
            let row = row(&format!("shows = \"{shows}\""));
            assert_eq!(row.unproven(&written(&scenarios)).len(), 1, "{shows}");
        }
        let refused = policy(&[(true, "satisfied"), (true, "noted"), (false, "violated")]);
        assert_eq!(row("shows = \"note\"").unproven(&refused).len(), 1, "it is more than a note");
    }

    #[test]
    fn what_stops_no_step_says_why() {
        assert_eq!(row("").unexplained(), None);
        assert!(row("stops_none = \"so\"").unexplained().is_some());
        for shows in ["duty", "note", "way"] {
            assert!(row(&format!("shows = \"{shows}\"")).unexplained().is_some(), "{shows}");
            assert_eq!(row(&format!("shows = \"{shows}\"\nstops_none = \"so\"")).unexplained(), None, "{shows}");
        }
    }

    #[test]
    fn what_is_named_is_there() {
        let root = root();
        let this = "xtask/src/coverage.rs";
        let proven = |text: &str| row(&format!("{text}\ntests = [\"{this}#what_is_named_is_there\"]"));
        assert_eq!(proven("").absent(&root).len(), 1, "nothing of the host");
        assert_eq!(proven("unbuilt = \"so\"").absent(&root), Vec::<String>::new());
        assert_eq!(proven("host = [\"host/nowhere.rs\"]").absent(&root).len(), 1);
        let tested = |function: &str| row(&format!("host = [\"{this}\"]\ntests = [\"{this}#{function}\"]"));
        assert_eq!(tested("what_is_named_is_there").absent(&root), Vec::<String>::new());
        assert_eq!(tested("what_is_nowhere").absent(&root).len(), 1);
        assert_eq!(tested("file_name").absent(&root).len(), 1, "a function, and no test");
        assert_eq!(
            row("clauses = [\"2\"]\none_way = \"so\"").unproven(&policy(&[])).len(),
            2,
            "neither listed nor cited"
        );
    }

    #[test]
    fn what_no_test_proves_is_refused() {
        let root = root();
        for named in ["", "tests = []"] {
            let absent = row(&format!("unbuilt = \"so\"\n{named}")).absent(&root);
            assert!(matches!(absent.as_slice(), [only] if only.contains("no test is named")), "{absent:?}");
        }
        assert_eq!(absent_tests(&root, &[]).count(), 1, "nor beside the policies");
    }

    #[test]
    fn a_test_is_told_from_a_function() {
        let source = "    #[test]\n    // Why.\n    fn one() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn two() {}\n\nfn three() {}\n#[test]\n\nfn four() {}";
        for (function, is) in [("one", true), ("two", true), ("three", false), ("four", false), ("five", false)] {
            assert_eq!(is_test(source, function), is, "{function}");
        }
    }

    #[test]
    fn a_catalogue_is_read_however_it_is_wrapped() {
        let source =
            "&[(\"hdr\", \"Reviewed.\", &[Activation]), (\n    \"1-b\",\n    \"A lead.\",\n    &[(Release)],\n)]";
        assert_eq!(entries(source), ["hdr", "1-b"]);
    }
}
