//! What the entries of a period add up to. Derived from the log each time, never stored.
//!
//! Under each heading of a tag a request counts once, however many of its steps are tagged with it; a step outside a request's
//! life counts for itself. It counts as permitted if any step so tagged was, and as refused if none was. A step that was
//! permitted and failed is not counted, nor one that waits for others and has no effect, nor what is said to have been done
//! and then, by an entry of the period or soon after it, that nothing came of it. Only what this jurisdiction's own
//! policy says counts, and not what another says of the same step.
//!
//! Each act is of the period in which its own entry was recorded, and a tagged step of the period in which it was decided. Whether
//! that step had an effect is told by an entry that may come after the period's end: there, nothing else is looked at. What another
//! log did not take is not counted, however much later that is recorded; nor as long as it is in doubt.

use super::{Figure, Section};
use crate::torn::Fate;
use crate::walk::{Extent, Told};
use model::account::{Account, Event};
use model::combine::Ruling;
use model::facts::Step;
use model::terms::{Digest, Instant, Phase, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// What counts the violations that are listed, too.
const VIOLATIONS: &str = "Violations recorded";

/// Things that happen, in the order in which they are reported. What did not happen is reported as 0.
const ACTS: [&str; 18] = [
    "Requests opened",
    "Searches run",
    "Results released with a lead",
    "Results released without a lead",
    "Results handed over",
    "Outcomes reported",
    "Records enrolled",
    "Destructions",
    "Steps refused by policy",
    "Steps rejected as out of place or not allowed",
    "Steps permitted that failed",
    "Steps permitted that wait for others",
    VIOLATIONS,
    "Obligations that became overdue",
    "Obligations waived",
    "Notices delivered",
    "Notices that could not be delivered at once",
    "Looks at the log and at requests",
];

/// The sums, while entries are added.
pub(crate) struct Figures {
    jurisdiction: String,
    tags: Vec<String>,
    acts: BTreeMap<&'static str, u64>,
    tagged: Vec<Tagged>,
    /// Permits that had no effect.
    failed: BTreeSet<String>,
    /// What was done, by its entry: the act, and the permit.
    done: BTreeMap<String, (&'static str, Option<String>)>,
    /// By the entry of their permit: ids grow with time. So are the changes.
    violations: BTreeMap<String, Vec<String>>,
    versions: Vec<Version>,
    changes: BTreeMap<String, Vec<String>>,
    overdue: Vec<Vec<String>>,
    /// By entry: ids grow with time.
    waived: BTreeMap<String, Vec<String>>,
    entries: u64,
    purged: u64,
    /// Entries of which it is not known yet whether another log has them.
    in_doubt: u64,
    span: Option<(u64, u64)>,
    extent: Extent,
}

/// A step of which the policy said under which heading it counts.
struct Tagged {
    entry: String,
    /// The request, or the entry itself.
    subject: String,
    permitted: bool,
    tags: Vec<(String, String)>,
}

/// A version of the policy that decided something.
struct Version {
    component: Digest,
    settings: Digest,
    first: (Instant, u64),
    decisions: u64,
}

impl Figures {
    /// Nothing yet. `tags` are those whose headings are counted.
    pub(crate) fn new(jurisdiction: &str, tags: &[String]) -> Self {
        Self {
            jurisdiction: jurisdiction.to_owned(),
            tags: tags.to_vec(),
            acts: BTreeMap::new(),
            tagged: Vec::new(),
            failed: BTreeSet::new(),
            done: BTreeMap::new(),
            violations: BTreeMap::new(),
            versions: Vec::new(),
            changes: BTreeMap::new(),
            overdue: Vec::new(),
            waived: BTreeMap::new(),
            entries: 0,
            purged: 0,
            in_doubt: 0,
            span: None,
            extent: Extent::default(),
        }
    }

    /// The same, of entries of this log.
    pub(crate) fn over(self, extent: Extent) -> Self {
        Self { extent, ..self }
    }

    /// Adds one entry.
    pub(crate) fn add(&mut self, told: Told) {
        let Told { index, leaf, account, after, fate } = told;
        let undone = (fate != Fate::Stands).then(|| leaf.id.clone());
        if after {
            match account {
                Some(Account { of, event: Event::Failed { .. }, .. }) => self.undo(of),
                Some(Account { of, event: Event::Waits { .. }, .. }) => self.no_effect(of),
                Some(Account { of, .. }) if undone.is_some() => self.no_effect(of),
                _ => {}
            }
            return;
        }
        self.entries += 1;
        self.in_doubt += u64::from(fate == Fate::InDoubt);
        self.span = Some((self.span.map_or(index, |(first, _)| first), index));
        let Some(Account { who, at, request, of, event, .. }) = account else {
            self.purged += 1;
            return;
        };
        match event {
            Event::Decision { matters, rulings } => {
                let permitted = rulings.verdict() == Verdict::Permit;
                if !permitted {
                    self.note("Steps refused by policy", 1);
                }
                let mine: Vec<&Ruling> =
                    rulings.rulings.iter().filter(|r| r.jurisdiction == self.jurisdiction).collect();
                for ruling in &mine {
                    self.decided_by(ruling, at, index);
                }
                if permitted && let Some(matter) = matters.last() {
                    self.special(&leaf.id, &matter.step, &mine, at, index);
                }
                let counted = mine.iter().flat_map(|r| &r.decision.tags).filter(|t| self.tags.contains(&t.name));
                let tags: Vec<_> = counted.map(|t| (t.name.clone(), t.value.clone())).collect();
                if !tags.is_empty() {
                    // Two violations of one request are two, and so are two waivers.
                    let request = request.filter(|_| !matches!(rulings.phase, Phase::Violation | Phase::Waiver));
                    let subject = request.unwrap_or_else(|| leaf.id.clone());
                    self.tagged.push(Tagged { entry: leaf.id, subject, permitted, tags });
                }
            }
            Event::Failed { .. } => {
                self.note("Steps permitted that failed", 1);
                self.undo(of);
            }
            Event::Waits { .. } => {
                self.note("Steps permitted that wait for others", 1);
                self.no_effect(of);
            }
            Event::Opened => self.did(leaf.id, of, "Requests opened"),
            Event::Searched { .. } => self.did(leaf.id, of, "Searches run"),
            Event::Released { candidates, .. } if candidates.is_empty() => {
                self.did(leaf.id, of, "Results released without a lead");
            }
            Event::Released { .. } => self.did(leaf.id, of, "Results released with a lead"),
            Event::Disseminated { .. } => self.did(leaf.id, of, "Results handed over"),
            Event::Reported { .. } => self.did(leaf.id, of, "Outcomes reported"),
            Event::Enrolled { records, .. } => self.note("Records enrolled", records.len() as u64),
            Event::Purged { .. } | Event::Pruned { .. } => self.note("Destructions", 1),
            Event::Rejected { .. } => self.note("Steps rejected as out of place or not allowed", 1),
            Event::Notified { unreached, .. } if unreached.is_empty() => self.note("Notices delivered", 1),
            Event::Undelivered { .. } => self.note("Notices that could not be delivered at once", 1),
            Event::Overdue { clause, due, .. } => {
                self.note("Obligations that became overdue", 1);
                self.overdue.push(vec![clause, due.to_string(), at.to_string(), index.to_string()]);
            }
            Event::Waived { clause, .. } => {
                self.waived.insert(leaf.id.clone(), vec![clause, who.key(), at.to_string(), index.to_string()]);
                self.did(leaf.id, of, "Obligations waived");
            }
            Event::Viewed | Event::Looked { .. } | Event::Surveyed { .. } => {
                self.note("Looks at the log and at requests", 1);
            }
            _ => {}
        }
        // Where that was recorded too late to be of the period, or is not known yet.
        self.undo(undone);
    }

    fn did(&mut self, entry: String, permit: Option<String>, act: &'static str) {
        self.note(act, 1);
        self.done.insert(entry, (act, permit));
    }

    /// Notes that nothing came of an entry: of a permit, or of what is said to have been done.
    fn undo(&mut self, of: Option<String>) {
        if let Some(of) = &of {
            self.waived.remove(of);
        }
        let undone = of.as_ref().and_then(|of| self.done.remove(of));
        if let Some((act, permit)) = undone {
            self.unnote(act);
            self.no_effect(permit);
        }
        self.no_effect(of);
    }

    /// Notes that a permit had no effect.
    fn no_effect(&mut self, permit: Option<String>) {
        let Some(permit) = permit else { return };
        self.changes.remove(&permit);
        if self.violations.remove(&permit).is_some() {
            self.unnote(VIOLATIONS);
        }
        self.failed.insert(permit);
    }

    fn unnote(&mut self, act: &'static str) {
        let times = self.acts.entry(act).or_default();
        *times = times.saturating_sub(1);
    }

    fn note(&mut self, act: &'static str, times: u64) {
        *self.acts.entry(act).or_default() += times;
    }

    fn decided_by(&mut self, ruling: &Ruling, at: Instant, index: u64) {
        let policy = &ruling.policy;
        let known = |v: &&mut Version| v.component == policy.component && v.settings == policy.settings;
        match self.versions.iter_mut().find(known) {
            Some(version) => version.decisions += 1,
            None => self.versions.push(Version {
                component: policy.component,
                settings: policy.settings,
                first: (at, index),
                decisions: 1,
            }),
        }
    }

    /// What is listed one by one.
    fn special(&mut self, entry: &str, step: &Step, rulings: &[&Ruling], at: Instant, index: u64) {
        match step {
            Step::Violation(happened) => {
                self.note(VIOLATIONS, 1);
                let said: Vec<String> = rulings
                    .iter()
                    .flat_map(|r| &r.decision.tags)
                    .map(|tag| format!("{}: {}", tag.name, tag.value))
                    .collect();
                let row = vec![happened.to_string(), at.to_string(), said.join(", "), index.to_string()];
                self.violations.insert(entry.to_owned(), row);
            }
            Step::Activation(version) => {
                let (component, settings) = (version.component.to_string(), version.settings.to_string());
                self.changes.insert(entry.to_owned(), vec![at.to_string(), component, settings, index.to_string()]);
            }
            _ => {}
        }
    }

    /// The figures at the top.
    pub(crate) fn counts(&self) -> Vec<Figure> {
        let figure = |act: &&'static str| Figure::new(*act, self.acts.get(act).copied().unwrap_or(0));
        ACTS.iter().map(figure).collect()
    }

    /// The rest: one section for each tag, and one for each list.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let counted = self.counted();
        let mut sections: Vec<Section> = self.tags.iter().map(|tag| section(tag, counted.get(tag.as_str()))).collect();
        let list = |heading: &str, nothing: &str, columns: &[&str], rows: &[Vec<String>]| Section {
            heading: heading.to_owned(),
            text: if rows.is_empty() { nothing.to_owned() } else { String::new() },
            bars: Vec::new(),
            columns: if rows.is_empty() { Vec::new() } else { columns.iter().map(|c| (*c).to_owned()).collect() },
            rows: rows.to_vec(),
            verbatim: false,
        };
        let rows = |by_entry: &BTreeMap<String, Vec<String>>| by_entry.values().cloned().collect::<Vec<_>>();
        let (violations, changes, waived) = (rows(&self.violations), rows(&self.changes), rows(&self.waived));
        let versions: Vec<Vec<String>> = self
            .versions
            .iter()
            .map(|v| {
                let (at, index) = v.first;
                let (component, settings) = (v.component.to_string(), v.settings.to_string());
                vec![component, settings, at.to_string(), index.to_string(), v.decisions.to_string()]
            })
            .collect();
        sections.extend([
            list("Violations", "No violation was recorded.", &["Happened", "Recorded", "Of", "Entry"], &violations),
            list(
                "Overdue obligations",
                "No obligation became overdue.",
                &["Clause", "Due", "Found overdue", "Entry"],
                &self.overdue,
            ),
            list("Waived obligations", "No obligation was waived.", &["Clause", "Waived by", "At", "Entry"], &waived),
            list(
                "Versions of the policy",
                "Nothing was decided.",
                &["Component", "Settings", "First decision", "Entry", "Decisions"],
                &versions,
            ),
            list(
                "Changes of the policy",
                "No change was put in force.",
                &["At", "Component", "Settings", "Entry"],
                &changes,
            ),
            self.basis(),
        ]);
        sections
    }

    /// What was counted under each heading of each tag: permitted, and refused.
    fn counted(&self) -> BTreeMap<&str, BTreeMap<&str, (u64, u64)>> {
        type Subjects<'f> = BTreeSet<&'f str>;
        let mut under: BTreeMap<(&str, &str), (Subjects<'_>, Subjects<'_>)> = BTreeMap::new();
        for step in self.tagged.iter().filter(|step| !self.failed.contains(&step.entry)) {
            for (name, value) in &step.tags {
                let (permitted, all) = under.entry((name.as_str(), value.as_str())).or_default();
                all.insert(step.subject.as_str());
                if step.permitted {
                    permitted.insert(step.subject.as_str());
                }
            }
        }
        let mut counted: BTreeMap<&str, BTreeMap<&str, (u64, u64)>> = BTreeMap::new();
        for ((name, value), (permitted, all)) in under {
            let sums = (permitted.len() as u64, (all.len() - permitted.len()) as u64);
            counted.entry(name).or_default().insert(value, sums);
        }
        counted
    }

    fn basis(&self) -> Section {
        let Extent { log, others, minimum } = &self.extent;
        let mut text = match self.span {
            None if *minimum > 0 => format!("No entry that the log `{log}` still keeps is of this period."),
            None => format!("No entry of the log `{log}` is of this period."),
            Some((first, last)) => format!(
                "{} entries of the log `{log}` are of this period, from entry {first} to entry {last}. The personal part of {} \
                 of them has been destroyed, and what they said is not counted.",
                self.entries, self.purged
            ),
        };
        if self.in_doubt > 0 {
            text += &format!(
                " Of {} of them it is not known yet whether another log took them, too: what they say was done is not counted.",
                self.in_doubt
            );
        }
        if *minimum > 0 {
            text += &format!(
                " The entries before {minimum} have been pruned from it: what was of this period among them is not counted."
            );
        }
        if !others.is_empty() {
            text += &format!(
                " Other hosts of the jurisdiction keep logs of their own, and what is in those is not counted: `{}`.",
                others.join("`, `")
            );
        }
        Section { heading: "What this is drawn from".to_owned(), text, ..Section::default() }
    }
}

fn section(tag: &str, counted: Option<&BTreeMap<&str, (u64, u64)>>) -> Section {
    let heading = crate::paper::title(tag);
    let Some(counted) = counted else {
        return Section { heading, text: "Nothing of it is on record.".to_owned(), ..Section::default() };
    };
    let row = |(value, (permitted, refused)): (&&str, &(u64, u64))| {
        vec![(*value).to_owned(), permitted.to_string(), refused.to_string()]
    };
    Section {
        heading,
        text: String::new(),
        bars: counted.iter().map(|(value, (permitted, _))| Figure::new(*value, *permitted)).collect(),
        columns: ["Heading", "Permitted", "Refused"].map(str::to_owned).to_vec(),
        rows: counted.iter().map(row).collect(),
        verbatim: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::account::{Kind, Leaf, Who};
    use model::combine::{PolicyRef, Rulings};
    use model::rulings::{Decision, Tag};

    fn told(index: u64, request: Option<&str>, of: Option<&str>, event: Event) -> Told {
        let id = format!("e{index}");
        let who = Who {
            jurisdiction: "north".into(),
            person: "p".into(),
            name: "P".into(),
            unit: "u".into(),
            agency: "a".into(),
        };
        let leaf = Leaf {
            v: 1,
            id: id.clone(),
            kind: Kind::Intent,
            at: Instant(index),
            phase: None,
            verdict: None,
            policies: vec![],
            of: None,
            account: Digest::default(),
        };
        let account = Account {
            id,
            who,
            at: Instant(index),
            case: vec![],
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: request.map(str::to_owned),
            lacking: vec![],
            of: of.map(str::to_owned),
            event,
        };
        Told { index, leaf, account: Some(account), after: false, fate: Fate::Stands }
    }

    fn decision(jurisdiction: &str, verdict: Verdict, tags: &[(&str, &str)]) -> Event {
        let tag = |(name, value): &(&str, &str)| Tag { name: (*name).to_owned(), value: (*value).to_owned() };
        let ruling = Ruling {
            jurisdiction: jurisdiction.to_owned(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision: Decision {
                verdict,
                satisfied: vec![],
                findings: vec![],
                obligations: vec![],
                tags: tags.iter().map(tag).collect(),
            },
            fuel: 0,
            fault: None,
            lines: vec![],
        };
        let rulings = Rulings { id: "d".into(), phase: Phase::Search, at: Instant(0), rulings: vec![ruling] };
        Event::Decision { matters: vec![], rulings }
    }

    fn rows(figures: &Figures, heading: &str) -> Vec<Vec<String>> {
        figures.sections().into_iter().find(|s| s.heading == heading).map(|s| s.rows).unwrap()
    }

    #[test]
    fn a_request_counts_once_under_a_heading() {
        let mut figures = Figures::new("north", &["crime".to_owned()]);
        let robbery = |verdict| decision("north", verdict, &[("crime", "robbery"), ("colour", "red")]);
        figures.add(told(1, Some("r1"), None, robbery(Verdict::Permit)));
        figures.add(told(2, Some("r1"), None, robbery(Verdict::Permit)));
        figures.add(told(3, Some("r1"), None, robbery(Verdict::Deny)));
        figures.add(told(4, Some("r2"), None, robbery(Verdict::Pend)));
        figures.add(told(5, None, None, robbery(Verdict::Permit)));
        assert_eq!(rows(&figures, "Crime"), [["robbery", "2", "1"]]);
        assert!(figures.counts().contains(&Figure::new("Steps refused by policy", 2)));
    }

    #[test]
    fn violations_of_one_request_count_each() {
        let mut figures = Figures::new("north", &["clause".to_owned()]);
        for (index, request) in [(1, Some("r1")), (2, Some("r1")), (3, None)] {
            let Event::Decision { matters, mut rulings } = decision("north", Verdict::Permit, &[("clause", "5.2")])
            else {
                panic!("no decision");
            };
            rulings.phase = Phase::Violation;
            figures.add(told(index, request, None, Event::Decision { matters, rulings }));
        }
        assert_eq!(rows(&figures, "Clause"), [["5.2", "3", "0"]]);
    }

    #[test]
    fn what_was_waived_is_listed_with_whoever_did_unless_nothing_came_of_it() {
        let mut figures = Figures::new("north", &["kind".to_owned()]);
        for index in [1, 3] {
            let Event::Decision { matters, mut rulings } = decision("north", Verdict::Permit, &[("kind", "task")])
            else {
                panic!("no decision");
            };
            rulings.phase = Phase::Waiver;
            figures.add(told(index, Some("r1"), None, Event::Decision { matters, rulings }));
            let event =
                Event::Waived { obligation: "o".into(), clause: "5.2".into(), reason: "it cannot be met".into() };
            figures.add(told(index + 1, Some("r1"), Some(&format!("e{index}")), event));
        }
        assert_eq!(rows(&figures, "Kind"), [["task", "2", "0"]], "two of one request are two");
        figures.add(told(5, Some("r1"), Some("e4"), Event::Failed { reason: "no disk elsewhere".into() }));
        let waived = rows(&figures, "Waived obligations");
        assert_eq!(waived.len(), 1, "{waived:?}");
        assert_eq!((waived[0][0].as_str(), waived[0][3].as_str()), ("5.2", "2"));
        assert!(waived[0][1].starts_with("north/"), "{waived:?}");
        assert!(figures.counts().contains(&Figure::new("Obligations waived", 1)));
        assert_eq!(rows(&figures, "Kind"), [["task", "1", "0"]], "nor does its permit count");
    }

    #[test]
    fn what_failed_and_what_another_policy_said_is_not_counted() {
        let mut figures = Figures::new("north", &["crime".to_owned()]);
        figures.add(told(1, Some("r1"), None, decision("north", Verdict::Permit, &[("crime", "robbery")])));
        figures.add(told(2, Some("r1"), Some("e1"), Event::Failed { reason: "no disk".into() }));
        figures.add(told(3, Some("r2"), None, decision("south", Verdict::Permit, &[("crime", "robbery")])));
        let crime = figures.sections().into_iter().find(|s| s.heading == "Crime").unwrap();
        assert!(crime.rows.is_empty() && !crime.text.is_empty(), "{crime:?}");
        assert_eq!(rows(&figures, "Versions of the policy").len(), 1);
    }

    #[test]
    fn what_another_log_did_not_take_is_not_counted_as_done() {
        let mut figures = Figures::new("north", &["crime".to_owned()]);
        figures.add(told(1, Some("r1"), None, decision("north", Verdict::Permit, &[("crime", "robbery")])));
        figures.add(told(2, Some("r1"), Some("e1"), Event::Opened));
        figures.add(told(3, Some("r2"), None, Event::Opened));
        figures.add(told(4, Some("r1"), Some("e2"), Event::Failed { reason: "no disk elsewhere".into() }));
        assert!(figures.counts().contains(&Figure::new("Requests opened", 1)));
        assert!(figures.counts().contains(&Figure::new("Steps permitted that failed", 1)));
        let crime = figures.sections().into_iter().find(|s| s.heading == "Crime").unwrap();
        assert!(crime.rows.is_empty(), "{crime:?}");
    }

    #[test]
    fn what_became_of_a_step_counts_though_it_was_recorded_after_the_period() {
        let late = |told: Told| Told { after: true, ..told };
        for event in [Event::Failed { reason: "no disk".into() }, Event::Waits { awaited: vec![] }] {
            let mut figures = Figures::new("north", &["crime".to_owned()]);
            let robbery = || decision("north", Verdict::Permit, &[("crime", "robbery")]);
            figures.add(told(1, Some("r1"), None, robbery()));
            figures.add(late(told(2, Some("r1"), Some("e1"), event)));
            figures.add(late(told(3, Some("r2"), None, robbery())));
            let crime = figures.sections().into_iter().find(|s| s.heading == "Crime").unwrap();
            assert!(crime.rows.is_empty(), "the one had no effect, and the other is of the next period: {crime:?}");
            assert!(figures.counts().iter().all(|figure| figure.value == 0), "nor is the next period's failure");
            assert!(figures.basis().text.contains("1 entries"), "{}", figures.basis().text);
        }
    }

    #[test]
    fn what_is_undone_after_the_period_is_not_counted_as_done_in_it() {
        let late = |told: Told| Told { after: true, ..told };
        let mut figures = Figures::new("north", &["crime".to_owned()]);
        figures.add(told(1, Some("r1"), None, decision("north", Verdict::Permit, &[("crime", "robbery")])));
        figures.add(told(2, Some("r1"), Some("e1"), Event::Opened));
        figures.add(told(3, Some("r2"), None, Event::Opened));
        figures.add(late(told(4, Some("r1"), Some("e2"), Event::Failed { reason: "no disk elsewhere".into() })));
        figures.add(late(told(5, Some("r3"), Some("e9"), Event::Failed { reason: "of the next period".into() })));
        assert!(figures.counts().contains(&Figure::new("Requests opened", 1)));
        assert!(figures.counts().contains(&Figure::new("Steps permitted that failed", 0)), "in the next period");
        let crime = figures.sections().into_iter().find(|s| s.heading == "Crime").unwrap();
        assert!(crime.rows.is_empty(), "{crime:?}");
    }

    #[test]
    fn what_is_undone_long_after_the_period_is_not_counted_in_it() {
        for (fate, in_doubt) in [(Fate::Undone, false), (Fate::InDoubt, true)] {
            let fated = |told: Told| Told { fate, ..told };
            let mut figures = Figures::new("north", &["crime".to_owned()]);
            let robbery = || decision("north", Verdict::Permit, &[("crime", "robbery")]);
            figures.add(told(1, Some("r1"), None, robbery()));
            figures.add(fated(told(2, Some("r1"), Some("e1"), Event::Opened)));
            figures.add(told(3, Some("r2"), None, Event::Opened));
            // A permit that the other log did not take.
            figures.add(fated(told(4, Some("r4"), None, robbery())));
            // A step of the period whose outcome is of the next one.
            figures.add(told(5, Some("r5"), None, robbery()));
            figures.add(Told { after: true, ..fated(told(6, Some("r5"), Some("e5"), Event::Opened)) });
            assert!(figures.counts().contains(&Figure::new("Requests opened", 1)), "{fate:?}");
            assert!(figures.counts().contains(&Figure::new("Steps permitted that failed", 0)), "{fate:?}");
            let crime = figures.sections().into_iter().find(|s| s.heading == "Crime").unwrap();
            assert!(crime.rows.is_empty(), "{fate:?}: {crime:?}");
            assert_eq!(figures.basis().text.contains("Of 2 of them it is not known yet"), in_doubt, "{fate:?}");
        }
    }

    #[test]
    fn what_is_undone_soon_and_known_to_be_is_undone_once() {
        let mut figures = Figures::new("north", &[]);
        figures.add(told(1, Some("r1"), None, Event::Opened));
        figures.add(Told { fate: Fate::Undone, ..told(2, Some("r2"), None, Event::Opened) });
        figures.add(told(3, Some("r2"), Some("e2"), Event::Failed { reason: "no disk elsewhere".into() }));
        assert!(figures.counts().contains(&Figure::new("Requests opened", 1)));
        assert!(figures.counts().contains(&Figure::new("Steps permitted that failed", 1)));
    }

    #[test]
    fn it_says_which_log_was_counted_and_what_was_not() {
        let extent = |others: &[&str], minimum: u64| {
            let others = others.iter().map(|log| (*log).to_owned()).collect();
            Extent { log: "here/north".to_owned(), others, minimum }
        };
        let said = |extent: Extent, empty: bool| {
            let mut figures = Figures::new("north", &[]).over(extent);
            if !empty {
                figures.add(told(600, Some("r"), None, Event::Opened));
            }
            figures.sections().pop().unwrap().text
        };
        for empty in [true, false] {
            let alone = said(extent(&[], 0), empty);
            assert!(alone.contains("`here/north`") && !alone.contains("pruned") && !alone.contains("Other"), "{alone}");
            let pruned = said(extent(&[], 512), empty);
            assert!(pruned.contains("entries before 512 have been pruned"), "{pruned}");
            let several = said(extent(&["a/north", "b/north"], 0), empty);
            assert!(several.contains("not counted: `a/north`, `b/north`."), "{several}");
        }
        assert!(said(extent(&[], 512), true).contains("still keeps"), "which is not that nothing was of this period");
    }

    #[test]
    fn a_violation_or_a_change_of_the_policy_that_came_to_nothing_is_not_listed() {
        let change = || model::facts::Activation {
            component: Digest::default(),
            settings: Digest::default(),
            approvals: vec![],
        };
        for event in [Event::Failed { reason: "no disk".into() }, Event::Waits { awaited: vec![] }] {
            let mut figures = Figures::new("north", &[]);
            for (index, entry) in [(1, "e1"), (3, "e3")] {
                figures.special(entry, &Step::Violation(Instant(1)), &[], Instant(2), index);
            }
            for (index, entry) in [(5, "e5"), (7, "e7")] {
                figures.special(entry, &Step::Activation(change()), &[], Instant(2), index);
            }
            for of in ["e1", "e5"] {
                figures.add(told(9, None, Some(of), event.clone()));
            }
            let left = |heading: &str| rows(&figures, heading).iter().map(|row| row[3].clone()).collect::<Vec<_>>();
            assert_eq!(left("Violations"), ["3"]);
            assert_eq!(left("Changes of the policy"), ["7"]);
            assert!(figures.counts().contains(&Figure::new("Violations recorded", 1)));
        }
    }

    #[test]
    fn what_was_purged_is_said() {
        let mut figures = Figures::new("north", &[]);
        figures.add(Told { account: None, ..told(7, None, None, Event::Opened) });
        figures.add(told(9, Some("r"), None, Event::Opened));
        let basis = figures.sections().pop().unwrap();
        assert!(basis.text.contains("2 entries") && basis.text.contains("entry 7 to entry 9"), "{}", basis.text);
        assert!(basis.text.contains("part of 1 of"), "{}", basis.text);
        assert!(figures.counts().contains(&Figure::new("Requests opened", 1)));
    }
}
