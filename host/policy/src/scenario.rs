//! Decisions expected of a policy, as data: `scenarios/base.toml` holds one matter, every other file of the folder the
//! cases that differ from it. `docs/scenarios.md` describes the format for whoever writes them.

mod given;

use crate::Policy;
use given::Given;
use model::facts::{Attestation, Matter, Party, Step};
use model::rulings::{Charter, Decision, Duty, Outcome};
use model::terms::{Field, Phase, Value, Verdict};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The file every other one differs from.
pub const BASE: &str = "base.toml";

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What a reader calls it.
    pub name: String,
    /// The phase it is decided in.
    pub phase: Phase,
    /// Merged over the base, table by table; lists are replaced whole.
    #[serde(default)]
    differs: toml::Table,
    /// Dotted paths removed after merging.
    #[serde(default)]
    without: Vec<String>,
    /// Settings that differ from the policy's own defaults.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Answers that the actor gives beside the requester's.
    #[serde(default)]
    operator_answers: BTreeMap<String, Value>,
    /// Answers that no form of the policy takes, by name, and that are meant so: it may hear them from another jurisdiction.
    #[serde(default)]
    on_no_form: BTreeSet<String>,
    /// What must come out.
    pub expect: Expected,
}

/// What must come out: everything listed here, among whatever else the policy says; and what must not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The verdict.
    pub verdict: Verdict,
    /// Clauses and how they must have fared.
    #[serde(default)]
    pub clauses: BTreeMap<String, Outcome>,
    /// Clauses and the interpretation they must have relied on.
    #[serde(default)]
    pub interpretations: BTreeMap<String, String>,
    /// Clauses and the kind of duty they must have imposed.
    #[serde(default)]
    pub obligations: BTreeMap<String, String>,
    /// Clauses and the kind of duty they must not have imposed.
    #[serde(default)]
    pub no_obligations: BTreeMap<String, String>,
    /// Clauses that must have had nothing to say: no finding, and no duty.
    #[serde(default)]
    pub silent: BTreeSet<String>,
}

/// A file of scenarios that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ScenarioError {
    path: PathBuf,
    message: String,
}

/// A scenario with its matter put together.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The file it is from.
    pub file: PathBuf,
    /// The scenario.
    pub scenario: Scenario,
    /// What the policy is told.
    pub matter: Matter,
    /// Everybody's answers in it.
    given: Vec<Given>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    #[serde(default)]
    scenario: Vec<Scenario>,
}

/// Reads every scenario of a policy's `scenarios` folder, in the order of file names.
///
/// # Errors
/// [`ScenarioError`], naming the file, the scenario and what is wrong in it.
pub fn read(folder: &Path) -> Result<Vec<Prepared>, ScenarioError> {
    let base_path = folder.join(BASE);
    let base: toml::Table = parse(&base_path)?;
    let listing =
        std::fs::read_dir(folder).map_err(|e| ScenarioError { path: folder.to_owned(), message: e.to_string() })?;
    let mut files: Vec<PathBuf> = listing
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml") && *path != base_path)
        .collect();
    files.sort();
    let mut prepared = Vec::new();
    for file in files {
        for scenario in parse::<Cases>(&file)?.scenario {
            let (matter, given) = matter(&base, &scenario).map_err(|message| ScenarioError {
                path: file.clone(),
                message: format!("scenario `{}`: {message}", scenario.name),
            })?;
            prepared.push(Prepared { file: file.clone(), scenario, matter, given });
        }
    }
    Ok(prepared)
}

/// The base matter for one phase, unchanged: what `bench vet` decides.
///
/// # Errors
/// [`ScenarioError`].
pub fn base(folder: &Path, phase: Phase) -> Result<Matter, ScenarioError> {
    let path = folder.join(BASE);
    let table: toml::Table = parse(&path)?;
    let scenario = Scenario {
        name: "base".to_owned(),
        phase,
        differs: toml::Table::new(),
        without: vec![],
        settings: BTreeMap::new(),
        operator_answers: BTreeMap::new(),
        on_no_form: BTreeSet::new(),
        expect: Expected {
            verdict: Verdict::Permit,
            clauses: BTreeMap::new(),
            interpretations: BTreeMap::new(),
            obligations: BTreeMap::new(),
            no_obligations: BTreeMap::new(),
            silent: BTreeSet::new(),
        },
    };
    matter(&table, &scenario).map(|(matter, _)| matter).map_err(|message| ScenarioError { path, message })
}

/// What differs between expected and actual; empty when the scenario passes.
pub fn differences(policy: &Policy, prepared: &Prepared) -> Vec<String> {
    let ruled = policy.decide(&prepared.matter);
    let expected = &prepared.scenario.expect;
    let mut lines = compare(expected, &ruled.decision);
    lines.extend(misspelt(expected, policy.charter()));
    lines.extend(given::untaken(&prepared.given, &prepared.scenario.on_no_form, policy.charter()));
    lines.extend(ruled.fault.map(|fault| format!("fault: {fault}")));
    lines
}

fn compare(expected: &Expected, actual: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    if expected.verdict != actual.verdict {
        lines.push(format!("verdict: expected {}, got {}", expected.verdict, actual.verdict));
        let deciding = actual.findings.iter().filter(|f| matches!(f.outcome, Outcome::Violated | Outcome::Missing));
        lines.extend(
            deciding
                .map(|f| format!("  {} {:?}: {}", f.clause, f.outcome, f.explanation.as_deref().unwrap_or_default())),
        );
    }
    for (clause, outcome) in &expected.clauses {
        let found: Vec<_> = actual.outcomes().filter(|(found, _)| ***found == **clause).map(|(_, o)| o).collect();
        if !found.contains(outcome) {
            let got: Vec<_> = found.iter().map(|outcome| format!("{outcome:?}")).collect();
            let got = if got.is_empty() { "no finding".to_owned() } else { got.join(", ") };
            lines.push(format!("clause {clause}: expected {outcome:?}, got {got}"));
        }
    }
    for (clause, id) in &expected.interpretations {
        if !actual.findings.iter().any(|f| *f.clause == **clause && f.interpretation.as_ref() == Some(id)) {
            lines.push(format!("clause {clause}: expected to rely on {id}"));
        }
    }
    for (clause, kind) in &expected.obligations {
        if !actual.obligations.iter().any(|o| *o.clause == **clause && duty_kind(&o.duty) == *kind) {
            let got: Vec<_> =
                actual.obligations.iter().map(|o| format!("{} {}", o.clause, duty_kind(&o.duty))).collect();
            lines.push(format!("obligation {clause} {kind}: got {}", got.join(", ")));
        }
    }
    for (clause, kind) in &expected.no_obligations {
        if actual.obligations.iter().any(|o| *o.clause == **clause && duty_kind(&o.duty) == *kind) {
            lines.push(format!("obligation {clause} {kind}: expected none"));
        }
    }
    for clause in &expected.silent {
        let found = actual.outcomes().filter(|(found, _)| ***found == **clause).map(|(_, o)| format!("{o:?}"));
        let imposed = actual.obligations.iter().filter(|o| *o.clause == **clause);
        let said: Vec<String> = found.chain(imposed.map(|o| duty_kind(&o.duty).to_owned())).collect();
        if !said.is_empty() {
            lines.push(format!("clause {clause}: expected nothing of it, got {}", said.join(", ")));
        }
    }
    lines
}

/// Names nobody knows where nothing is expected of them: what is misspelt would always come out as expected.
fn misspelt(expected: &Expected, charter: &Charter) -> Vec<String> {
    let listed = |id: &str| charter.clauses.iter().any(|clause| *clause.id == *id);
    let clauses = expected.silent.iter().chain(expected.no_obligations.keys()).filter(|id| !listed(id.as_str()));
    let mut lines: Vec<String> = clauses.map(|id| format!("clause {id}: the charter lists no such clause")).collect();
    let kinds = expected.no_obligations.values().filter(|kind| !DUTY_KINDS.contains(&kind.as_str()));
    lines.extend(kinds.map(|kind| format!("`{kind}` is no kind of duty: use one of {}", DUTY_KINDS.join(", "))));
    lines
}

/// Every kind of duty, as [`duty_kind`] names it.
pub(crate) const DUTY_KINDS: [&str; 17] = [
    "statement",
    "document",
    "sign-offs",
    "approve",
    "acknowledge",
    "notify",
    "retain",
    "purge",
    "hold",
    "candidates",
    "galleries",
    "show-only",
    "withhold",
    "dispose-all",
    "flag",
    "suspend",
    "task",
];

/// A duty's name in the contract.
pub fn duty_kind(duty: &Duty) -> &'static str {
    match duty {
        Duty::Statement(_) => "statement",
        Duty::Document(_) => "document",
        Duty::SignOffs(_) => "sign-offs",
        Duty::Approve(_) => "approve",
        Duty::Acknowledge(_) => "acknowledge",
        Duty::Notify(_) => "notify",
        Duty::Retain(_) => "retain",
        Duty::Purge(_) => "purge",
        Duty::Hold(_) => "hold",
        Duty::Candidates(_) => "candidates",
        Duty::Galleries(_) => "galleries",
        Duty::ShowOnly(_) => "show-only",
        Duty::Withhold(_) => "withhold",
        Duty::DisposeAll => "dispose-all",
        Duty::Flag(_) => "flag",
        Duty::Suspend(_) => "suspend",
        Duty::Task(_) => "task",
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ScenarioError> {
    let failed = |message: String| ScenarioError { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    toml::from_str(&text).map_err(|e| failed(e.to_string().trim_end().to_owned()))
}

/// What the policy is told, and everybody's answers in it.
fn matter(base: &toml::Table, scenario: &Scenario) -> Result<(Matter, Vec<Given>), String> {
    let mut whole = base.clone();
    if let Some(unknown) =
        whole.keys().chain(scenario.differs.keys()).find(|k| !matches!(k.as_str(), "matter" | "answers" | "steps"))
    {
        return Err(format!("unknown table `{unknown}`: use matter, answers or steps"));
    }
    merge(&mut whole, &scenario.differs);
    for path in &scenario.without {
        remove(&mut whole, path).ok_or_else(|| format!("without `{path}`: there is no such thing to leave out"))?;
    }
    let take = |whole: &mut toml::Table, key: &str| match whole.remove(key) {
        Some(toml::Value::Table(table)) => Ok(table),
        None => Ok(toml::Table::new()),
        Some(_) => Err(format!("`{key}` is not a table")),
    };
    let answers = take(&mut whole, "answers")?;
    let mut steps = take(&mut whole, "steps")?;
    let mut table = take(&mut whole, "matter")?;
    let mut payload = steps.remove(scenario.phase.name());
    let mut step_answers = toml::Table::new();
    if let Some(toml::Value::Table(asked)) = &mut payload {
        step_answers = take(asked, "answers")?;
    }
    let step = match (scenario.phase, payload) {
        (phase @ (Phase::Request | Phase::Outcome), _) => toml::Value::String(phase.name().to_owned()),
        (phase, Some(payload)) => toml::Table::from_iter([(phase.name().to_owned(), payload)]).into(),
        (phase, None) => return Err(format!("the base has no steps.{phase}: say what this step is about")),
    };
    table.insert("step".to_owned(), step);
    let mut matter: Matter = table.try_into().map_err(|e: toml::de::Error| e.to_string())?;
    let opened = matter.request.as_ref().map_or(matter.clock.now, |r| r.opened);
    let by_requester = fields(answers)?;
    let by_actor: Vec<Field> = fields(step_answers)?
        .into_iter()
        .chain(scenario.operator_answers.iter().map(|(name, value)| Field::new(name.clone(), value.clone())))
        .collect();
    let mut given: Vec<Given> = Given::all(Phase::Request, &by_requester).collect();
    given.extend(Given::all(scenario.phase, &by_actor));
    given.extend(matter.attestations.iter().flat_map(|others| Given::all(scenario.phase, &others.answers)));
    let vouching = |party: &Party| format!("{}/{}", party.agency.home, party.person.id);
    let (requester, actor) = (vouching(&matter.requester), vouching(&matter.actor));
    let attestations = [
        Attestation { by: requester, at: opened, answers: by_requester },
        Attestation { by: actor, at: matter.clock.now, answers: by_actor },
    ];
    matter.attestations.extend(attestations.into_iter().filter(|a| !a.answers.is_empty()));
    debug_assert!(matches!(matter.step, Step::Request) == (scenario.phase == Phase::Request));
    Ok((matter, given))
}

fn fields(answers: toml::Table) -> Result<Vec<Field>, String> {
    let field = |(name, value): (String, toml::Value)| {
        let value: Value = value.try_into().map_err(|e: toml::de::Error| format!("answer `{name}`: {e}"))?;
        Ok(Field::new(name, value))
    };
    answers.into_iter().map(field).collect()
}

fn merge(into: &mut toml::Table, from: &toml::Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) if !is_value(new) => merge(old, new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `{date = …}` and `{instant = …}` are values, not tables to merge.
fn is_value(table: &toml::Table) -> bool {
    table.len() == 1 && (table.contains_key("date") || table.contains_key("instant"))
}

fn remove(table: &mut toml::Table, path: &str) -> Option<()> {
    match path.split_once('.') {
        Some((first, rest)) if !table.contains_key(path) => match table.get_mut(first)? {
            toml::Value::Table(inner) => remove(inner, rest),
            _ => None,
        },
        _ => table.remove(path).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::Obligation;

    #[test]
    fn tables_merge_and_lists_are_replaced() {
        let mut base: toml::Table = toml::from_str("[a]\nx = 1\ny = [1, 2]\nd = { date = \"2026-01-01\" }").unwrap();
        merge(&mut base, &toml::from_str("[a]\ny = [3]\nz = 4\nd = { date = \"2027-01-01\" }").unwrap());
        let expected: toml::Table =
            toml::from_str("[a]\nx = 1\ny = [3]\nz = 4\nd = { date = \"2027-01-01\" }").unwrap();
        assert_eq!(base, expected);
    }

    #[test]
    fn leaving_out_what_is_not_there_is_an_error() {
        let mut base: toml::Table = toml::from_str("[a]\nx = 1").unwrap();
        assert_eq!(remove(&mut base, "a.y"), None);
        assert_eq!(remove(&mut base, "a.x"), Some(()));
    }

    /// A decision that satisfies clause `1`, and imposes one duty under clause `2`.
    fn decision() -> Decision {
        let duty = Duty::Flag("look at it".to_owned());
        Decision {
            verdict: Verdict::Permit,
            satisfied: vec!["1".into()],
            findings: vec![],
            obligations: vec![Obligation { clause: "2".into(), duty }],
            tags: vec![],
        }
    }

    fn expecting(text: &str) -> Expected {
        toml::from_str(&format!("verdict = \"permit\"\n{text}")).unwrap()
    }

    #[test]
    fn what_must_not_come_out_is_looked_for() {
        for holds in ["silent = [\"3\"]", "no_obligations = { 2 = \"task\", 1 = \"flag\" }"] {
            assert_eq!(compare(&expecting(holds), &decision()), Vec::<String>::new(), "{holds}");
        }
        for differs in ["silent = [\"1\"]", "silent = [\"2\"]", "no_obligations = { 2 = \"flag\" }"] {
            assert_eq!(compare(&expecting(differs), &decision()).len(), 1, "{differs}");
        }
    }
}
