//! Whether the signatures that a result needs are there. The policy says which rules hold; that they are kept is the host's
//! to see to, on its own records.
//!
//! A signature counts while nothing it was given for has changed ([`crate::life`]), and while whoever gave it is in the
//! registry, neither they nor their agency suspended, holds the role they signed in, today, and is of the unit and the agency
//! they signed for.
//! For a result with a lead those count that conclude a lead or approve; for one without, those that conclude no lead or
//! approve. A refusal counts for nothing, so whoever is involved and refuses holds the result back. A role is a word of the jurisdiction whose rule names it: only its own people meet the rule.

use crate::chamber::Casework;
use crate::life::{Imposed, Life, Signed, same_person};
use crate::misstep::Demanded;
use model::account::Who;
use model::facts::{Conclusion, Signature};
use model::registry::Principal;
use model::rulings::{ClauseId, Duty, Obligation, SignOffRule};

/// A rule for signatures, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'r> {
    jurisdiction: &'r str,
    clause: &'r ClauseId,
    rule: &'r SignOffRule,
}

impl<'r> Rule<'r> {
    /// An obligation's that this jurisdiction imposes, if it is one.
    pub(crate) fn of(jurisdiction: &'r str, obligation: &'r Obligation) -> Option<Self> {
        let Obligation { clause, duty, .. } = obligation;
        Self::among(jurisdiction, clause, duty)
    }

    fn among(jurisdiction: &'r str, clause: &'r ClauseId, duty: &'r Duty) -> Option<Self> {
        if let Duty::SignOffs(rule) = duty { Some(Self { jurisdiction, clause, rule }) } else { None }
    }

    fn demanded(&self) -> Demanded {
        Demanded { jurisdiction: self.jurisdiction.to_owned(), clause: self.clause.clone() }
    }
}

/// The signatures a result is to be released on.
pub(crate) struct Bench<'l> {
    /// Those that count now.
    pub(crate) counting: Vec<&'l Signed>,
    /// Who opened the candidate list.
    pub(crate) openers: &'l [Who],
    /// Who asked for the search.
    pub(crate) requester: &'l Principal,
    /// Whether a candidate leaves.
    pub(crate) lead: bool,
    /// Whether it is left aside what they conclude, so that whoever is not to know it does not learn it from what is wanting.
    pub(crate) aside: bool,
}

impl Casework {
    /// The signatures of a life that count now.
    pub(crate) fn counting<'l>(&self, life: &'l Life) -> Vec<&'l Signed> {
        life.signatures.iter().filter(|s| s.stands && self.vouches(&s.by, &s.signature)).collect()
    }

    /// Whether somebody may sign now what they signed then: in that role, for that unit of that agency.
    pub(crate) fn vouches(&self, who: &Who, signature: &Signature) -> bool {
        self.holds(who, &signature.role, &signature.unit)
    }

    /// Whether somebody is in the registry, neither they nor their agency suspended, holds this role and is of this unit, now, and
    /// of the agency that they were of then.
    pub(crate) fn holds(&self, who: &Who, role: &str, unit: &str) -> bool {
        let Ok(chamber) = self.chamber(&who.jurisdiction) else { return false };
        // Which day it is has to be known: roles count from one day to another.
        let Ok(now) = self.clock.now() else { return false };
        let (registry, today) = (chamber.registry(), chamber.local(now).today);
        let Some(person) = registry.people.iter().find(|p| p.id == who.person) else { return false };
        let agency = registry.agencies.iter().find(|a| a.id == person.agency);
        agency.is_some_and(|a| a.suspended_since.is_none())
            && person.suspended_since.is_none()
            && person.agency == who.agency
            && person.unit == unit
            && person.holds(role, today)
    }
}

impl Bench<'_> {
    /// What is missing of the rules, one line each, with what demands it; nothing when the result may leave.
    pub(crate) fn wanting<'r>(&self, rules: impl Iterator<Item = Rule<'r>>) -> Vec<(String, Demanded)> {
        let mut all: Vec<(String, Demanded)> = Vec::new();
        for rule in rules.filter(|rule| self.binds(rule.rule)) {
            let Some(missing) = self.missing(rule) else { continue };
            let demanded = rule.demanded();
            let line = (format!("{missing} ({demanded})"), demanded);
            if !all.contains(&line) {
                all.push(line);
            }
        }
        all
    }

    /// A rule for leads binds unless the result is that there is none: as long as nobody has concluded anything, it does.
    fn binds(&self, rule: &SignOffRule) -> bool {
        let concluded = |c: Conclusion| self.counting.iter().any(|s| s.signature.conclusion == c);
        let may_be_a_lead = || !self.aside && (concluded(Conclusion::Lead) || !concluded(Conclusion::NoLead));
        !rule.leads_only || self.lead || may_be_a_lead()
    }

    fn missing(&self, whose: Rule<'_>) -> Option<String> {
        let rule = whose.rule;
        let mut signers: Vec<&Who> = Vec::new();
        for signed in self.counting.iter().filter(|s| self.counts(s, whose)) {
            if !signers.iter().any(|w| same_person(w, &signed.by)) {
                signers.push(&signed.by);
            }
        }
        let needed = usize::try_from(rule.persons).unwrap_or(usize::MAX);
        if signers.len() < needed {
            let of = if rule.units.is_empty() { String::new() } else { format!(" of {}", rule.units.join(" or ")) };
            let besides = if rule.distinct_from_requester { ", not the requester" } else { "" };
            let seen = if rule.blind { ", each without having seen the others' conclusions" } else { "" };
            let n = signers.len();
            return Some(format!(
                "{needed} with the role `{}`{of} have to sign{besides}{seen}, and {n} whose signature counts did: have others sign",
                rule.role
            ));
        }
        if rule.all_involved {
            let signed = |w: &&Who| self.counting.iter().any(|s| self.agrees(s) && same_person(&s.by, w));
            let absent: Vec<_> = self.openers.iter().filter(|w| !signed(w)).map(|w| w.person.as_str()).collect();
            if !absent.is_empty() {
                return Some(format!(
                    "everybody who opened the candidate list has to sign: have `{}` sign, or search anew",
                    absent.join("`, `")
                ));
            }
        }
        None
    }

    fn counts(&self, signed: &Signed, whose: Rule<'_>) -> bool {
        let (signature, rule) = (&signed.signature, whose.rule);
        let unit = rule.units.is_empty() || rule.units.contains(&signature.unit);
        signed.by.jurisdiction == whose.jurisdiction
            && signature.role == rule.role
            && unit
            && self.agrees(signed)
            && !(rule.distinct_from_requester && is(&signed.by, self.requester))
            && (signature.blind || !rule.blind)
    }

    /// Whether a signature is for what is about to leave.
    fn agrees(&self, signed: &Signed) -> bool {
        self.aside
            || match signed.signature.conclusion {
                Conclusion::Approved => true,
                Conclusion::Lead => self.lead,
                Conclusion::NoLead => !self.lead,
                Conclusion::Refused => false,
            }
    }
}

/// The rules for signatures among duties.
pub(crate) fn rules(imposed: &[Imposed]) -> impl Iterator<Item = Rule<'_>> {
    imposed.iter().filter_map(|i| Rule::among(&i.jurisdiction, &i.clause, &i.duty))
}

/// Whether an approval has been given: as many distinct persons as the rule asks for have signed `approved` in its role,
/// whatever has changed since. `signed` are all signatures that may count, the newest included.
pub(crate) fn approved<'s>(
    rule: &SignOffRule,
    requester: &Principal,
    signed: impl Iterator<Item = (&'s Who, &'s Signature)>,
) -> bool {
    let mut people: Vec<&Who> = Vec::new();
    for (who, signature) in signed {
        let unit = rule.units.is_empty() || rule.units.contains(&signature.unit);
        let own = rule.distinct_from_requester && is(who, requester);
        let counts = signature.conclusion == Conclusion::Approved && signature.role == rule.role && unit && !own;
        if counts && !people.iter().any(|w| same_person(w, who)) {
            people.push(who);
        }
    }
    people.len() >= usize::try_from(rule.persons).unwrap_or(usize::MAX)
}

/// Whether an entry names this person.
pub(crate) fn is(who: &Who, principal: &Principal) -> bool {
    who.person == principal.person && who.jurisdiction == principal.jurisdiction
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;
    use model::terms::Instant;

    fn who(person: &str) -> Who {
        let (name, unit, agency) = (person.into(), "unit".into(), "agency".into());
        Who { jurisdiction: "north".into(), person: person.into(), name, unit, agency }
    }

    fn signed(person: &str, role: &str, conclusion: Conclusion) -> Signed {
        let signature = Signature {
            person: person.into(),
            role: role.into(),
            unit: "unit".into(),
            conclusion,
            at: Instant(1),
            blind: false,
        };
        Signed { by: who(person), signature, reason: String::new(), stands: true, taken_back: false }
    }

    fn rule(role: &str, persons: u32) -> SignOffRule {
        SignOffRule {
            role: role.into(),
            persons,
            units: vec!["unit".into()],
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        }
    }

    fn wanting(signatures: &[Signed], openers: &[Who], lead: bool, rules: &[SignOffRule]) -> usize {
        let requester = Principal { jurisdiction: "north".into(), person: "asker".into(), device: Device::Fixed };
        let bench = Bench { counting: signatures.iter().collect(), openers, requester: &requester, lead, aside: false };
        let clause = ClauseId::from("c");
        bench.wanting(rules.iter().map(|rule| Rule { jurisdiction: "north", clause: &clause, rule })).len()
    }

    #[test]
    fn persons_are_counted_and_not_signatures() {
        use Conclusion::Lead;
        let twice = [signed("a", "examiner", Lead), signed("a", "examiner", Lead)];
        assert_eq!(wanting(&twice, &[], true, &[rule("examiner", 2)]), 1);
        let two = [signed("a", "examiner", Lead), signed("b", "examiner", Lead)];
        assert_eq!(wanting(&two, &[], true, &[rule("examiner", 2)]), 0);
    }

    #[test]
    fn a_role_is_a_word_of_the_jurisdiction_whose_rule_names_it() {
        use Conclusion::Lead;
        let elsewhere = |person: &str| {
            let by = Who { jurisdiction: "south".into(), ..who(person) };
            Signed { by, ..signed(person, "examiner", Lead) }
        };
        let both = [signed("a", "examiner", Lead), elsewhere("b")];
        assert_eq!(wanting(&both, &[], true, &[rule("examiner", 1)]), 0);
        assert_eq!(wanting(&both, &[], true, &[rule("examiner", 2)]), 1, "the other one is south's examiner");
        assert_eq!(wanting(&[elsewhere("a")], &[], true, &[rule("examiner", 1)]), 1);
        let requester = Principal { jurisdiction: "north".into(), person: "asker".into(), device: Device::Fixed };
        let bench =
            Bench { counting: both.iter().collect(), openers: &[], requester: &requester, lead: true, aside: false };
        let (clause, two) = (ClauseId::from("5"), rule("examiner", 2));
        let of = |jurisdiction| bench.wanting([Rule { jurisdiction, clause: &clause, rule: &two }].into_iter());
        let wanted = of("north");
        let [(line, demanded)] = wanted.as_slice() else { panic!("{wanted:?}") };
        assert!(line.ends_with("(north 5)"), "{line}");
        assert_eq!(*demanded, Demanded { jurisdiction: "north".into(), clause: "5".into() });
        let all = SignOffRule { all_involved: true, ..rule("examiner", 1) };
        let openers = [both[0].by.clone(), both[1].by.clone()];
        assert_eq!(
            wanting(&both, &openers, true, std::slice::from_ref(&all)),
            0,
            "whoever opened the list is involved"
        );
        assert_eq!(wanting(&both[..1], &openers, true, &[all]), 1);
    }

    #[test]
    fn who_asked_of_another_unit_or_of_another_mind_does_not_count() {
        use Conclusion::{Approved, Lead, NoLead, Refused};
        let one = |s: Signed, lead| wanting(&[s], &[], lead, &[rule("examiner", 1)]);
        assert_eq!(one(signed("a", "examiner", Lead), true), 0);
        assert_eq!(one(signed("a", "examiner", Approved), true), 0);
        assert_eq!(one(signed("asker", "examiner", Lead), true), 1);
        assert_eq!(one(signed("a", "clerk", Lead), true), 1);
        assert_eq!(one(signed("a", "examiner", Refused), true), 1);
        assert_eq!(one(signed("a", "examiner", NoLead), true), 1);
        assert_eq!(one(signed("a", "examiner", NoLead), false), 0);
        let mut elsewhere = signed("a", "examiner", Lead);
        elsewhere.signature.unit = "other".into();
        assert_eq!(one(elsewhere, true), 1);
    }

    #[test]
    fn everybody_who_opened_the_list_is_involved() {
        let all = SignOffRule { all_involved: true, ..rule("examiner", 1) };
        let signatures = [signed("a", "examiner", Conclusion::Lead), signed("s", "chief", Conclusion::Approved)];
        assert_eq!(wanting(&signatures, &[who("a"), who("s")], true, std::slice::from_ref(&all)), 0);
        assert_eq!(wanting(&signatures, &[who("a"), who("b")], true, &[all]), 1);
    }

    #[test]
    fn a_rule_for_leads_binds_until_somebody_says_there_is_none() {
        let leads = SignOffRule { leads_only: true, ..rule("examiner", 2) };
        let rules = [leads];
        assert_eq!(wanting(&[], &[], false, &rules), 1, "nobody has concluded anything");
        let none = [signed("a", "examiner", Conclusion::NoLead)];
        assert_eq!(wanting(&none, &[], false, &rules), 0);
        assert_eq!(wanting(&none, &[], true, &rules), 1, "a candidate leaves all the same");
        let torn = [signed("a", "examiner", Conclusion::NoLead), signed("b", "examiner", Conclusion::Lead)];
        assert_eq!(wanting(&torn, &[], false, &rules), 1);
    }

    #[test]
    fn whatever_is_concluded_the_same_is_wanting_where_that_is_left_aside() {
        use Conclusion::{Approved, Lead, NoLead, Refused};
        let requester = Principal { jurisdiction: "north".into(), person: "asker".into(), device: Device::Fixed };
        let (clause, openers) = (ClauseId::from("c"), [who("a"), who("b")]);
        let all = SignOffRule { all_involved: true, ..rule("examiner", 2) };
        let of_leads = SignOffRule { leads_only: true, ..rule("examiner", 3) };
        let wanting = |signatures: &[Signed], lead: bool| {
            let counting = signatures.iter().collect();
            let bench = Bench { counting, openers: &openers, requester: &requester, lead, aside: true };
            let rules = [&all, &of_leads].into_iter();
            bench.wanting(rules.map(|rule| Rule { jurisdiction: "north", clause: &clause, rule })).len()
        };
        for conclusions in [[Lead, Lead], [NoLead, NoLead], [Lead, NoLead], [NoLead, Refused], [Approved, Lead]] {
            let [a, b] = conclusions;
            let both = [signed("a", "examiner", a), signed("b", "examiner", b)];
            assert_eq!((wanting(&both, true), wanting(&both, false)), (1, 0), "{conclusions:?}");
            assert_eq!(wanting(&both[..1], false), 1, "{conclusions:?}: how many have signed is no secret");
        }
    }

    #[test]
    fn a_blind_rule_wants_blind_signatures() {
        let blind = SignOffRule { blind: true, ..rule("examiner", 1) };
        let mut signature = signed("a", "examiner", Conclusion::Lead);
        assert_eq!(wanting(&[signature.clone()], &[], true, std::slice::from_ref(&blind)), 1);
        signature.signature.blind = true;
        assert_eq!(wanting(&[signature], &[], true, &[blind]), 0);
    }

    #[test]
    fn an_approval_is_the_roles_and_nobody_elses() {
        let requester = Principal { jurisdiction: "north".into(), person: "asker".into(), device: Device::Fixed };
        let given = |s: &[Signed]| approved(&rule("chief", 1), &requester, s.iter().map(|s| (&s.by, &s.signature)));
        assert!(!given(&[]));
        assert!(!given(&[signed("a", "chief", Conclusion::Lead)]));
        assert!(!given(&[signed("asker", "chief", Conclusion::Approved)]));
        assert!(given(&[signed("a", "chief", Conclusion::Approved)]));
    }
}
