//! Which entries are meant: by what their leaves say, and by what their accounts say.

use super::accounts::Reader;
use super::parse_word;
use crate::mistyped::Mistyped;
use crate::output::bar;
use casework::history::case_number;
use casework::retention::GALLERY_RECORD;
use model::account::{Account, Awaited, Event, Kind, Leaf, Retained};
use model::facts::{Identifier, Matter};
use model::terms::{Instant, Phase, Value, Verdict};
use std::collections::BTreeSet;

// Every condition given has to hold.
#[derive(clap::Args)]
pub(super) struct Filter {
    /// Only this kind: intent, refusal, outcome, rejection, look, fulfilment, proposal or host
    #[arg(long, value_parser = parse_word::<Kind>)]
    kind: Option<Kind>,
    /// Only decisions of this phase: request, search, candidates, …
    #[arg(long, value_parser = parse_word::<Phase>)]
    phase: Option<Phase>,
    /// Only decisions with this verdict: permit, pend or deny
    #[arg(long, value_parser = parse_word::<Verdict>)]
    verdict: Option<Verdict>,
    /// Only decisions of this policy, by its id or the digest of its component
    #[arg(long)]
    policy: Option<String>,
    /// Only entries of this moment or later, as 2026-01-31T09:30:00Z
    #[arg(long)]
    from: Option<Instant>,
    /// Only entries before this moment
    #[arg(long)]
    to: Option<Instant>,
    /// Only what this person did: an id, or jurisdiction/id
    #[arg(long)]
    person: Option<String>,
    /// Only what people of this unit did
    #[arg(long)]
    unit: Option<String>,
    /// Only what people of this agency did
    #[arg(long)]
    agency: Option<String>,
    /// Only this case: its number, or KIND=NUMBER (KIND:NUMBER is the same). Numbers are compared by their letters and digits
    /// alone, whatever their kind; whatever else is on record of a request of the case belongs to it
    #[arg(long)]
    case: Option<String>,
    /// Only this gallery: an id, or jurisdiction/id. What is on record of its records belongs to it
    #[arg(long)]
    gallery: Option<String>,
    /// Only decisions that cite this clause, and steps and obligations that wait, are late or are set aside and come from it
    #[arg(long)]
    clause: Option<String>,
    /// Only decisions told this answer on a form, as NAME=VALUE: crime=robbery, say
    #[arg(long, value_parser = pair)]
    answer: Option<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// A case as somebody types it: `KIND=NUMBER`, or `KIND:NUMBER`. A kind is a word of a form, so the first sign ends it.
pub(super) fn case(text: &str) -> anyhow::Result<Identifier> {
    match text.split_once([':', '=']) {
        Some((kind, value)) if !kind.is_empty() && !value.trim().is_empty() => {
            Ok(Identifier { kind: kind.to_owned(), value: value.trim().to_owned() })
        }
        _ => Err(Mistyped(format!("`{text}` is no case: write it as KIND=NUMBER")).into()),
    }
}

/// A case that is looked for, and those of its requests that accounts have told of. Its number is compared as the host counts it
/// ([`case_number`]): the kind is no part of it.
pub(super) struct Trail {
    numbers: Vec<String>,
    requests: BTreeSet<String>,
}

impl Trail {
    /// Of a case.
    pub(super) fn of(wanted: &Identifier) -> Self {
        Self { numbers: vec![case_number(&wanted.value)], requests: BTreeSet::new() }
    }

    /// Of a case as somebody types it: a number alone, which may hold either sign, or a kind and a number.
    fn typed(wanted: &str) -> Self {
        let named = case(wanted).ok().map(|named| case_number(&named.value));
        Self { numbers: std::iter::once(case_number(wanted)).chain(named).collect(), requests: BTreeSet::new() }
    }

    /// Of a case, as these accounts tell of it.
    pub(super) fn told_by<'a>(wanted: &Identifier, accounts: impl IntoIterator<Item = &'a Account>) -> Self {
        let mut trail = Self::of(wanted);
        accounts.into_iter().for_each(|account| trail.learn(account));
        trail
    }

    /// Learns from a whole log which requests are the case's. It has to before any entry is asked about: an attempt that names a
    /// request alone may come before what names its case. The log is read from its beginning again after that.
    pub(super) async fn follow(&mut self, reader: &mut Reader) -> anyhow::Result<()> {
        let bar = bar("looking for the case's requests", reader.snapshot().size());
        while let Some(told) = reader.next(|_, _| true).await? {
            for entry in &told {
                if let Some(account) = entry.account()? {
                    self.learn(&account);
                }
            }
            bar.set_position(reader.done());
        }
        bar.finish_and_clear();
        reader.rewind();
        Ok(())
    }

    /// Learns the request of an account that names the case.
    fn learn(&mut self, account: &Account) {
        if self.is_named_in(account) {
            self.requests.extend(account.request.clone());
        }
    }

    fn is_named_in(&self, account: &Account) -> bool {
        account.case.iter().any(|found| self.numbers.contains(&case_number(&found.value)))
    }

    /// Whether an entry belongs to the case: by its number, or by a request that does.
    pub(super) fn touches(&self, account: &Account) -> bool {
        self.is_named_in(account) || account.request.as_ref().is_some_and(|request| self.requests.contains(request))
    }

    /// The requests of the case.
    pub(super) fn requests(&self) -> &BTreeSet<String> {
        &self.requests
    }
}

impl Filter {
    /// Whether any condition is one on accounts.
    pub(super) fn needs_accounts(&self) -> bool {
        self.answer.is_some()
            || [&self.person, &self.unit, &self.agency, &self.case, &self.gallery, &self.clause]
                .iter()
                .any(|condition| condition.is_some())
    }

    /// Whether the conditions on leaves hold.
    pub(super) fn admits_leaf(&self, leaf: &Leaf) -> bool {
        let policy =
            |wanted: &String| leaf.policies.iter().any(|p| p.id == *wanted || p.component.to_string() == *wanted);
        self.kind.is_none_or(|kind| leaf.kind == kind)
            && self.phase.is_none_or(|phase| leaf.phase == Some(phase))
            && self.verdict.is_none_or(|verdict| leaf.verdict == Some(verdict))
            && self.policy.as_ref().is_none_or(policy)
            && self.from.is_none_or(|from| leaf.at >= from)
            && self.to.is_none_or(|to| leaf.at < to)
    }

    /// The case that is looked for, if any: whether an entry is of it hangs on all others.
    pub(super) fn trail(&self) -> Option<Trail> {
        self.case.as_deref().map(Trail::typed)
    }

    /// Whether the conditions on accounts hold, but for that on the case. `owner` is the jurisdiction whose log it is.
    pub(super) fn admits_account(&self, account: &Account, owner: &str) -> bool {
        let who = &account.who;
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        self.person.as_deref().is_none_or(|wanted| named(wanted, &who.jurisdiction, &who.person))
            && is(&self.unit, &who.unit)
            && is(&self.agency, &who.agency)
            && self.gallery.as_deref().is_none_or(|wanted| of_gallery(&account.event, owner, wanted))
            && self.clause.as_deref().is_none_or(|wanted| cites(&account.event, wanted))
            && self.answer.as_ref().is_none_or(|(name, value)| told(&account.event, name, value))
    }
}

/// Whether `owner/id` is meant by `id` or by `owner/id`.
fn named(wanted: &str, owner: &str, id: &str) -> bool {
    match wanted.split_once('/') {
        Some((of, wanted)) => of == owner && wanted == id,
        None => wanted == id,
    }
}

fn matters(event: &Event) -> &[Matter] {
    if let Event::Decision { matters, .. } = event { matters } else { &[] }
}

fn of_gallery(event: &Event, owner: &str, wanted: &str) -> bool {
    // What is done with records in a gallery is on record where the gallery is, by its id alone.
    let full = |name: &str| {
        let (owner, id) = name.split_once('/').unwrap_or((owner, name));
        named(wanted, owner, id)
    };
    // Of other records it says something else.
    let holds = |record: &Retained| record.subject == GALLERY_RECORD && record.gallery.as_deref().is_some_and(full);
    match event {
        Event::Searched { gallery, .. } | Event::Enrolled { gallery, .. } => full(gallery),
        Event::Retention { record, .. } | Event::Exported { record, .. } | Event::Purged { record, .. } => {
            holds(record)
        }
        _ => matters(event)
            .iter()
            .any(|m| m.gallery.as_ref().is_some_and(|gallery| named(wanted, &gallery.owner, &gallery.id))),
    }
}

fn cites(event: &Event, wanted: &str) -> bool {
    let demanded = |awaited: &[Awaited]| awaited.iter().any(|one| *one.clause == *wanted);
    match event {
        Event::Decision { rulings, .. } => rulings.rulings.iter().any(|r| {
            let obliged = r.decision.obligations.iter().any(|o| *o.clause == *wanted);
            obliged || r.decision.outcomes().any(|(clause, _)| **clause == *wanted)
        }),
        Event::Overdue { clause, demands, .. } => clause == wanted || demanded(demands),
        Event::Waived { clause, .. } => clause == wanted,
        Event::Waits { awaited } => demanded(awaited),
        _ => false,
    }
}

fn told(event: &Event, name: &str, wanted: &str) -> bool {
    let is = |value: &Value| match value {
        Value::Flag(found) => wanted == found.to_string(),
        Value::Number(found) => wanted == found.to_string(),
        Value::Text(found) => wanted == found,
        Value::Texts(found) => found.iter().any(|one| one == wanted),
        Value::Date { date } => wanted == date.to_string(),
        Value::Instant { instant } => wanted == instant.to_string(),
    };
    let answers = matters(event).iter().flat_map(|m| &m.attestations).flat_map(|a| &a.answers);
    answers.into_iter().any(|answer| answer.name == name && is(&answer.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::account::Who;
    use model::combine::PolicyRef;
    use model::terms::Digest;
    use serde_json::json;

    /// The conditions of a command line.
    fn filter(arguments: &[&str]) -> Filter {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            filter: Filter,
        }
        let line = <Line as clap::Parser>::try_parse_from([&["show"][..], arguments].concat());
        line.map(|line| line.filter).ok().unwrap()
    }

    fn leaf() -> Leaf {
        let policy = PolicyRef {
            id: "north-policy".to_owned(),
            component: Digest::of(b"component"),
            settings: Digest::of(b"settings"),
        };
        Leaf {
            v: 1,
            id: "e".to_owned(),
            kind: Kind::Intent,
            at: Instant(1000),
            phase: Some(Phase::Search),
            verdict: Some(Verdict::Permit),
            policies: vec![policy],
            of: None,
            account: Digest::default(),
        }
    }

    fn account() -> Account {
        let text = str::to_owned;
        let who = Who {
            jurisdiction: text("north"),
            person: text("p.1"),
            name: text("P"),
            unit: text("homicide"),
            agency: text("npd"),
        };
        Account {
            id: text("e"),
            who,
            at: Instant(1000),
            case: vec![],
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: None,
            lacking: vec![],
            of: None,
            event: Event::Opened,
        }
    }

    #[test]
    fn every_condition_on_leaves_admits_its_own_and_nothing_else() {
        let component = Digest::of(b"component").to_string();
        let settings = Digest::of(b"settings").to_string();
        let own = [
            ["--kind", "intent"],
            ["--phase", "search"],
            ["--verdict", "permit"],
            ["--policy", "north-policy"],
            ["--policy", &component],
            ["--from", "1970-01-01T00:00:01Z"],
            ["--to", "1970-01-01T00:00:02Z"],
        ];
        for condition in own {
            assert!(filter(&condition).admits_leaf(&leaf()), "{condition:?}");
            assert!(!filter(&condition).needs_accounts(), "{condition:?}");
        }
        let others = [
            ["--kind", "refusal"],
            ["--phase", "request"],
            ["--verdict", "deny"],
            ["--policy", "north"],
            ["--policy", &settings],
            ["--from", "1970-01-01T00:00:02Z"],
            ["--to", "1970-01-01T00:00:01Z"],
        ];
        for condition in others {
            assert!(!filter(&condition).admits_leaf(&leaf()), "{condition:?}");
        }
        let undecided = Leaf { phase: None, verdict: None, policies: vec![], ..leaf() };
        assert!(!filter(&["--policy", "north-policy"]).admits_leaf(&undecided));
        assert!(!filter(&["--policy", "north-policy", "--verdict", "deny"]).admits_leaf(&leaf()), "each has to hold");
    }

    #[test]
    fn every_condition_on_who_it_was_admits_its_own_and_nothing_else() {
        for condition in [["--person", "p.1"], ["--unit", "homicide"], ["--agency", "npd"]] {
            assert!(filter(&condition).admits_account(&account(), "north"), "{condition:?}");
            assert!(filter(&condition).needs_accounts(), "{condition:?}");
        }
        for condition in
            [["--person", "p.2"], ["--unit", "npd"], ["--unit", "homi"], ["--agency", "homicide"], ["--agency", ""]]
        {
            assert!(!filter(&condition).admits_account(&account(), "north"), "{condition:?}");
        }
        let both = filter(&["--unit", "homicide", "--agency", "spd"]);
        assert!(!both.admits_account(&account(), "north"), "each has to hold");
    }

    #[test]
    fn a_person_is_named_with_or_without_the_jurisdiction() {
        assert!(named("p.1", "here", "p.1") && named("here/p.1", "here", "p.1"));
        assert!(!named("there/p.1", "here", "p.1") && !named("p.2", "here", "p.1"));
    }

    #[test]
    fn a_case_is_a_kind_and_a_number() {
        let found = case("incident-number:26-0310-114").unwrap();
        assert_eq!((found.kind.as_str(), found.value.as_str()), ("incident-number", "26-0310-114"));
        for bad in ["26-0310-114", ":1", "incident:", "incident: "] {
            assert!(case(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_case_is_found_by_its_number_however_it_is_written_and_by_either_notation() {
        let case = ["incident-number=26-0310-114x", "complaint=26:7"].map(|text| case(text).unwrap()).to_vec();
        let account = Account { case, ..account() };
        for wanted in [
            "26-0310-114x",
            "26 0310 114X",
            "260310114x",
            "incident-number=26-0310-114x",
            "incident-number:26.0310.114X",
            "complaint:26-0310-114x",
            "26:7",
            "26=7",
            "complaint:26:7",
        ] {
            assert!(Trail::typed(wanted).touches(&account), "{wanted}");
        }
        for wanted in ["incident-number=26-0310", "7", "26-0310-114", ""] {
            assert!(!Trail::typed(wanted).touches(&account), "{wanted}");
        }
        assert!(Trail::of(&account.case[0]).touches(&account));
    }

    #[test]
    fn what_names_a_request_alone_is_of_its_case_wherever_it_stands() {
        let of = |request: &str| Account { request: Some(request.to_owned()), ..account() };
        let wanted = case("incident-number=26-1").unwrap();
        assert!(!Trail::told_by(&wanted, [&of("r")]).touches(&of("r")), "nothing is known of it");
        let named = Account { case: vec![case("incident-number=26 1").unwrap()], ..of("r") };
        let trail = Trail::told_by(&wanted, [&of("r"), &named, &of("s")]);
        assert!(trail.touches(&named));
        assert!(trail.touches(&of("r")) && !trail.touches(&of("s")) && !trail.touches(&account()));
        assert_eq!(trail.requests().iter().collect::<Vec<_>>(), ["r"]);
    }

    /// Whether a condition admits what happened, in the log of `north`.
    fn admits(condition: [&str; 2], event: serde_json::Value) -> bool {
        let event: Event = serde_json::from_value(event).unwrap();
        filter(&condition).admits_account(&Account { event, ..account() }, "north")
    }

    #[test]
    fn a_gallery_is_found_by_all_that_is_done_with_its_records() {
        let record = json!({"subject": "gallery-record", "gallery": "snap", "record": "r1"});
        let manifest = Digest::default();
        let events = [
            json!({"what": "enrolled", "gallery": "snap", "records": ["r1"], "generation": 1}),
            json!({"what": "searched", "gallery": "north/snap", "generation": 1, "rows": 1, "found": []}),
            json!({"what": "retention", "change": "hold", "record": record, "pending": false, "answers": []}),
            json!({"what": "purged", "record": record, "destroyed": []}),
            json!({"what": "exported", "record": record, "folder": "f", "manifest": manifest, "files": [], "answers": []}),
        ];
        for event in events {
            for (gallery, is_it) in [("snap", true), ("north/snap", true), ("south/snap", false), ("hall", false)] {
                assert_eq!(admits(["--gallery", gallery], event.clone()), is_it, "{gallery} {event}");
            }
        }
        let entries = json!({"subject": "audit-entry", "gallery": "north/snap", "record": "1-2"});
        let purged = json!({"what": "purged", "record": entries, "destroyed": []});
        assert!(!admits(["--gallery", "north/snap"], purged), "that is the origin of a log");
        assert!(!admits(["--gallery", "snap"], json!({"what": "opened"})));
    }

    #[test]
    fn a_clause_is_found_by_what_waits_is_late_or_was_set_aside() {
        let awaited = json!([{"jurisdiction": "north", "clause": "7.2", "duty": {"acknowledge": "s"}}]);
        let due = "2026-03-01T00:00:00.000Z";
        let events = [
            json!({"what": "waits", "awaited": awaited}),
            json!({"what": "overdue", "obligation": "o", "clause": "1", "due": due, "demands": awaited}),
            json!({"what": "overdue", "obligation": "o", "clause": "7.2", "due": due}),
            json!({"what": "waived", "obligation": "o", "clause": "7.2", "reason": "r"}),
        ];
        for event in events {
            assert!(admits(["--clause", "7.2"], event.clone()), "{event}");
            assert!(!admits(["--clause", "7"], event.clone()), "{event}");
        }
    }
}
