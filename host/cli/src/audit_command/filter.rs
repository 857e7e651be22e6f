//! Which entries are meant: by what their leaves say, and by what their accounts say.

use super::parse_word;
use anyhow::bail;
use model::account::{Account, Event, Kind, Leaf};
use model::facts::{Identifier, Matter};
use model::terms::{Instant, Phase, Value, Verdict};

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
    /// Only this case: its number, or KIND=NUMBER (KIND:NUMBER is the same)
    #[arg(long)]
    case: Option<String>,
    /// Only this gallery: an id, or jurisdiction/id
    #[arg(long)]
    gallery: Option<String>,
    /// Only decisions that cite this clause
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
        _ => bail!("`{text}` is no case: write it as KIND=NUMBER"),
    }
}

/// Whether two identifiers name the same case.
pub(super) fn same_case(a: &Identifier, b: &Identifier) -> bool {
    a.kind == b.kind && a.value.trim() == b.value.trim()
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

    /// Whether the conditions on accounts hold.
    pub(super) fn admits_account(&self, account: &Account) -> bool {
        let who = &account.who;
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        self.person.as_deref().is_none_or(|wanted| named(wanted, &who.jurisdiction, &who.person))
            && is(&self.unit, &who.unit)
            && is(&self.agency, &who.agency)
            && self.case.as_deref().is_none_or(|wanted| of_case(&account.case, wanted))
            && self.gallery.as_deref().is_none_or(|wanted| of_gallery(&account.event, wanted))
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

/// Whether one of the identifiers is what is wanted: a number alone, which may hold either sign, or a case.
fn of_case(found: &[Identifier], wanted: &str) -> bool {
    let by_kind = case(wanted).ok();
    found.iter().any(|found| {
        found.value.trim() == wanted.trim() || by_kind.as_ref().is_some_and(|wanted| same_case(found, wanted))
    })
}

fn matters(event: &Event) -> &[Matter] {
    if let Event::Decision { matters, .. } = event { matters } else { &[] }
}

fn of_gallery(event: &Event, wanted: &str) -> bool {
    let full = |name: &str| match name.split_once('/') {
        Some((owner, id)) => named(wanted, owner, id),
        None => wanted == name,
    };
    match event {
        Event::Searched { gallery, .. } | Event::Enrolled { gallery, .. } => full(gallery),
        _ => matters(event)
            .iter()
            .any(|m| m.gallery.as_ref().is_some_and(|gallery| named(wanted, &gallery.owner, &gallery.id))),
    }
}

fn cites(event: &Event, wanted: &str) -> bool {
    let Event::Decision { rulings, .. } = event else { return false };
    rulings.rulings.iter().any(|r| {
        let obliged = r.decision.obligations.iter().any(|o| *o.clause == *wanted);
        obliged || r.decision.outcomes().any(|(clause, _)| **clause == *wanted)
    })
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
            assert!(filter(&condition).admits_account(&account()), "{condition:?}");
            assert!(filter(&condition).needs_accounts(), "{condition:?}");
        }
        for condition in
            [["--person", "p.2"], ["--unit", "npd"], ["--unit", "homi"], ["--agency", "homicide"], ["--agency", ""]]
        {
            assert!(!filter(&condition).admits_account(&account()), "{condition:?}");
        }
        assert!(!filter(&["--unit", "homicide", "--agency", "spd"]).admits_account(&account()), "each has to hold");
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
        assert!(same_case(&found, &case("incident-number=26-0310-114 ").unwrap()));
        assert!(!same_case(&found, &case("complaint:26-0310-114").unwrap()));
        for bad in ["26-0310-114", ":1", "incident:", "incident: "] {
            assert!(case(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_case_is_found_by_its_number_and_by_either_notation() {
        let found = ["incident-number=26-0310-114", "complaint=26:7"].map(|text| case(text).unwrap());
        for wanted in
            ["26-0310-114", "incident-number=26-0310-114", "incident-number:26-0310-114", "26:7", "complaint:26:7"]
        {
            assert!(of_case(&found, wanted), "{wanted}");
        }
        for wanted in ["complaint:26-0310-114", "incident-number=26-0310", "7", "26=7", ""] {
            assert!(!of_case(&found, wanted), "{wanted}");
        }
    }
}
