//! `cargo xtask coverage`: docs/coverage.md, which shows for each requirement the policy's rule, what of the host carries it
//! out, and what proves it in both directions.
//!
//! `docs/coverage.toml` says which clauses, files and tests belong to a requirement. What can be found is found: the files
//! that cite a clause, and the scenarios that a policy permits with it or refuses because of it. What does not add up is
//! an error, all of it at once.

use crate::build::root;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ROWS: &str = "docs/coverage.toml";

const PAGE: &str = "docs/coverage.md";

const HEAD: &str = "# What covers each clause

Made by `cargo xtask coverage` from [coverage.toml](coverage.toml), the policies' sources and their scenarios; not to be
edited. A rule is named by the files that cite the clause. Scenarios are counted in which a policy permits with the clause
satisfied or noted, and refuses with the clause violated or missing; the first of each is named. `magistrate policy test`
runs them, and `cargo xtask test` runs everything.
";

/// docs/coverage.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    row: Vec<Row>,
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
    one_way: Option<String>,
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
    outcomes: BTreeMap<String, String>,
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

#[derive(Deserialize)]
struct Expected {
    verdict: String,
    #[serde(default)]
    clauses: BTreeMap<String, String>,
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
    let problems = problems(root, &rows.row, &policies);
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
        page += &format!("\n## {id}\n\n| requirement | what it asks | rule | permits | refuses | host | tests |\n");
        page += "|---|---|---|---|---|---|---|\n";
        for row in rows.row.iter().filter(|row| row.policy == **id) {
            let cells = row.cells(policy).map(|cell| cell.replace('|', "\\|"));
            page += &format!("| {} |\n", cells.join(" | "));
        }
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
        let lacking = [true, false].into_iter().any(|permits| self.lacks(policy, permits));
        match (&self.one_way, lacking) {
            (None, true) => problems.push(
                "scenarios prove it in one direction at most: add one, or say in `one_way` why there is none"
                    .to_owned(),
            ),
            (Some(_), false) => problems.push("scenarios prove it in both directions: take `one_way` out".to_owned()),
            _ => {}
        }
        problems
    }

    /// What is named and is not there.
    fn absent(&self, root: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        match (self.host.is_empty(), &self.unbuilt) {
            (true, None) => problems.push("nothing of the host is named: name it, or say in `unbuilt` why".to_owned()),
            (false, Some(_)) => problems.push("something of the host is named: take `unbuilt` out".to_owned()),
            _ => {}
        }
        for path in self.host.iter().filter(|path| !root.join(path).is_file()) {
            problems.push(format!("there is no file {path}"));
        }
        for test in &self.tests {
            let there = test.split_once('#').is_some_and(|(file, function)| {
                let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                text.contains(&format!("fn {function}("))
            });
            if !there {
                problems.push(format!("there is no test {test}"));
            }
        }
        problems
    }

    /// Whether no scenario proves one of its clauses in this direction.
    fn lacks(&self, policy: &Policy, permits: bool) -> bool {
        self.clauses().iter().any(|clause| !policy.scenarios.iter().any(|s| s.proves(clause, permits)))
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
    fn direction(&self, policy: &Policy, clauses: &[String], permits: bool) -> String {
        let proves = |s: &&Scenario| clauses.iter().any(|clause| s.proves(clause, permits));
        let proofs: Vec<&Scenario> = policy.scenarios.iter().filter(proves).collect();
        let mut says = Vec::new();
        if let Some(first) = proofs.first() {
            says.push(format!("{}: {} (`{}`)", proofs.len(), first.name, first.file));
        }
        if self.lacks(policy, permits) {
            says.extend(self.one_way.clone());
        }
        says.join("; ")
    }
}

impl Scenario {
    /// Whether it shows a permit with this clause, or a refusal because of it.
    fn proves(&self, clause: &str, permits: bool) -> bool {
        let outcomes = if permits { ["satisfied", "noted"] } else { ["violated", "missing"] };
        let outcome = self.outcomes.get(clause);
        self.permits == permits && outcome.is_some_and(|outcome| outcomes.contains(&outcome.as_str()))
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
                outcomes: entry.expect.clauses,
            }));
        }
        Ok(Self { sources, clauses, scenarios })
    }

    /// The names of the files with a rule that cites a clause.
    fn citing(&self, clause: &str) -> impl Iterator<Item = String> {
        let citation = format!("clause!(\"{clause}\")");
        self.sources.iter().filter(move |(_, text)| text.contains(&citation)).map(|(path, _)| file_name(path))
    }
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

    fn policy(scenarios: &[(bool, &str)]) -> Policy {
        let scenario = |(permits, outcome): &(bool, &str)| Scenario {
            file: "s.toml".to_owned(),
            name: "a case".to_owned(),
            permits: *permits,
            outcomes: [("1".to_owned(), (*outcome).to_owned())].into(),
        };
        Policy {
            sources: vec![(PathBuf::from("src/rule.rs"), "case.clause(clause!(\"1\"))".to_owned())],
            clauses: ["1".to_owned()].into(),
            scenarios: scenarios.iter().map(scenario).collect(),
        }
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
    fn what_is_named_is_there() {
        let root = root();
        assert_eq!(row("").absent(&root).len(), 1, "nothing of the host");
        assert_eq!(row("unbuilt = \"so\"").absent(&root), Vec::<String>::new());
        assert_eq!(row("host = [\"host/nowhere.rs\"]").absent(&root).len(), 1);
        let this = "xtask/src/coverage.rs";
        let tested = |function: &str| row(&format!("host = [\"{this}\"]\ntests = [\"{this}#{function}\"]"));
        assert_eq!(tested("what_is_named_is_there").absent(&root), Vec::<String>::new());
        assert_eq!(tested("what_is_nowhere").absent(&root).len(), 1);
        assert_eq!(
            row("clauses = [\"2\"]\none_way = \"so\"").unproven(&policy(&[])).len(),
            2,
            "neither listed nor cited"
        );
    }

    #[test]
    fn a_catalogue_is_read_however_it_is_wrapped() {
        let source =
            "&[(\"hdr\", \"Reviewed.\", &[Activation]), (\n    \"1-b\",\n    \"A lead.\",\n    &[(Release)],\n)]";
        assert_eq!(entries(source), ["hdr", "1-b"]);
    }
}
