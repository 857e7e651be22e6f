//! What each entry makes of the rows: what the step that it records writes with it.

use super::{Case, Derivation, Intent};
use crate::error::CaseError;
use crate::history::case_key;
use crate::life::Life;
use crate::obligations::{self, HOST, Occasion, Owed};
use crate::retention::{self, Lift, approvals};
use crate::sign_off::Before;
use crate::{acknowledgement, calendar, deadlines, disposition, lapsed, release, report, sign_off};
use model::account::{Account, Event, Kind};
use model::combine::Rulings;
use model::facts::{Matter, Signature, Step};
use model::registry::Principal;
use model::rulings::Duty;
use model::terms::{Instant, Phase, Verdict};
use std::collections::{BTreeMap, BTreeSet};

impl Derivation {
    pub(super) fn told(&mut self, kind: Kind, account: &Account) -> Result<(), CaseError> {
        if let Event::Decision { matters, rulings } = &account.event {
            return self.decision(account, matters, rulings);
        }
        let intent = account.of.as_ref().and_then(|of| Some((of.clone(), self.intents.remove(of)?)));
        let rows = match &intent {
            Some((entry, intent)) => self.outcome(account, entry, intent)?,
            None => self.deed(kind, account)?,
        };
        let entry = intent.map_or_else(|| account.id.clone(), |(entry, _)| entry);
        for row in rows {
            self.owed.keep(&entry, account.at, row)?;
        }
        Ok(())
    }

    /// A decision: what it imposes, and what is kept with a permit.
    fn decision(&mut self, account: &Account, matters: &[Matter], rulings: &Rulings) -> Result<(), CaseError> {
        let Some(matter) = matters.last() else { return Ok(()) };
        let (at, permitted) = (account.at, rulings.verdict() == Verdict::Permit);
        let Some(keeper) = self.keeper(matter, rulings) else { return Ok(()) };
        let own = keeper == self.jurisdiction;
        if let Some(request) = &matter.request {
            self.requests.entry(request.id.clone()).or_insert_with(|| Case::new(keeper, matter));
        }
        if let Step::Search(_) = &matter.step
            && permitted
            && let (Some(request), Some(probe)) = (&matter.request, &matter.probe)
        {
            // It is counted with everybody concerned. Its id is on no entry: that of its permit serves.
            let row = store::SearchRow {
                id: account.id.clone(),
                at,
                person: account.who.key(),
                request: request.id.clone(),
                case_keys: request.identifiers.iter().map(case_key).collect(),
                probe: probe.digest,
            };
            self.searches.insert(account.id.clone(), row);
        }
        let mut imposed = Vec::new();
        if own {
            let occasion = Occasion {
                now: at,
                request: matter.request.as_ref(),
                gallery: matter.gallery.as_ref(),
                log: Some(self.origin.as_str()),
                step: &matter.step,
            };
            imposed = obligations::imposed_by(rulings, &occasion, matter.actor.agency.suspended_since)?;
            if let Some(row) = obligations::imposition(&rulings.id, &imposed)? {
                self.owed.keep(&account.id, at, row)?;
            }
        }
        if !permitted {
            return Ok(());
        }
        let mut rules = Vec::new();
        match &matter.step {
            Step::Retention(event) => {
                rules = approvals(rulings);
                if own {
                    self.dockets.permitted(event, matter.gallery.as_ref().map(|g| g.id.as_str()), at);
                }
            }
            // The list is the answer itself: nothing comes of it.
            Step::Candidates(_) => {
                if let Some(case) = matter.request.as_ref().and_then(|request| self.requests.get_mut(&request.id)) {
                    case.shown = imposed;
                }
                return Ok(());
            }
            _ => {}
        }
        let imposed = imposed.into_iter().map(|owed| owed.id).collect();
        self.intents.insert(account.id.clone(), Intent { at, phase: rulings.phase, rules, imposed });
        Ok(())
    }

    /// The jurisdiction that keeps what a decision imposes: that of the gallery, or of the request; else the one that decided.
    fn keeper(&self, matter: &Matter, rulings: &Rulings) -> Option<String> {
        if let Some(gallery) = &matter.gallery {
            return Some(gallery.owner.clone());
        }
        let known = matter.request.as_ref().and_then(|request| self.requests.get(&request.id));
        known
            .map(|case| case.keeper.clone())
            .or_else(|| rulings.rulings.last().map(|ruling| ruling.jurisdiction.clone()))
    }

    /// The request of an entry, where it is kept here, and its id.
    fn own_case(&self, account: &Account) -> Option<(&str, &Case)> {
        let (id, case) = self.requests.get_key_value(account.request.as_deref()?)?;
        (case.keeper == self.jurisdiction).then_some((id.as_str(), case))
    }

    /// What came of a permitted step: how obligations stand then, where that changes them.
    fn outcome(&mut self, account: &Account, entry: &str, intent: &Intent) -> Result<Vec<store::Kept>, CaseError> {
        let at = intent.at;
        match &account.event {
            Event::Waits { .. } => {
                self.searches.remove(entry);
                Ok(Vec::new())
            }
            Event::Signed { signature, .. } => {
                let Some((id, case)) = self.own_case(account) else { return Ok(Vec::new()) };
                let owed = self.owed.before(id, entry);
                // Early entries name the person without the jurisdiction.
                let signature = Signature { person: account.who.key(), ..signature.clone() };
                let before = Before { life: &case.life, requester: &case.requester, owed: &owed };
                sign_off::settled(&before, &account.who, &signature, entry, at)
            }
            Event::Disposed { dispositions } => {
                let Some((id, case)) = self.own_case(account) else { return Ok(Vec::new()) };
                disposition::settled(&case.life, &self.owed.before(id, entry), dispositions, entry, at)
            }
            Event::Released { candidates, documents, .. } => {
                let Some((id, _)) = self.own_case(account) else { return Ok(Vec::new()) };
                // With what its own decision imposed.
                release::settled(&self.owed.before(id, ""), candidates, documents, entry, at)
            }
            Event::Drawn { period, .. } => {
                let (filed, id) = calendar::place(&self.jurisdiction, period);
                let due = self.owed.at(&filed, &id).map(|row| row.owed.clone());
                report::settled(&self.imposed(intent), due, entry, account.at)
            }
            Event::Failed { .. } if intent.phase == Phase::Report => report::not_drawn(&self.imposed(intent), at),
            Event::Waived { obligation, reason, .. } => self.waived(account, obligation, reason, at),
            Event::Activated { meets, .. } => {
                let met = meets.iter().filter_map(|id| self.owed.by_id(id)).filter(|owed| owed.is_open());
                met.map(|owed| owed.clone().met(&account.who.key(), at)).collect()
            }
            _ if intent.phase == Phase::Retention => self.retained(account, entry, intent),
            _ => Ok(Vec::new()),
        }
    }

    /// The obligations that a permit outside of a request imposed, as they stand.
    fn imposed(&self, intent: &Intent) -> Vec<Owed> {
        intent.imposed.iter().filter_map(|id| self.owed.by_id(id)).cloned().collect()
    }

    /// An obligation that was set aside, where it is kept here.
    fn waived(
        &self,
        account: &Account,
        obligation: &str,
        reason: &str,
        at: Instant,
    ) -> Result<Vec<store::Kept>, CaseError> {
        let Some(owed) = self.owed.by_id(obligation) else { return Ok(Vec::new()) };
        Ok(vec![owed.clone().waived(&account.who.key(), at, reason)?])
    }

    /// What came of a step of the phase `retention`.
    fn retained(&mut self, account: &Account, entry: &str, intent: &Intent) -> Result<Vec<store::Kept>, CaseError> {
        let permit = retention::Intent { entry, at: intent.at, rules: &intent.rules };
        let Some(concluded) = self.dockets.concluded(account, &permit) else { return Ok(Vec::new()) };
        let places = concluded.filed_under();
        let mut filed: Vec<Owed> = places.iter().flat_map(|place| self.owed.before(place, entry)).collect();
        if let Some(range) = concluded.lifted() {
            let decided = self.decided.range(range).map(|(_, decision)| decision.clone()).collect();
            let lift = Lift { keeper: self.jurisdiction.clone(), decided, entry: entry.to_owned(), at: intent.at };
            filed.extend(self.held_by(&lift));
            self.lifts.push(lift);
        }
        let around = self.owed.rows().filter(|row| row.imposed != *entry).map(|row| &row.owed);
        let around: Vec<Owed> = around.filter(|owed| concluded.is_around(owed, &self.origin)).cloned().collect();
        concluded.settled(&filed, &around, &permit)
    }

    /// What was done without a permit of its own: what the host did, and what people did that they were obliged to.
    fn deed(&mut self, kind: Kind, account: &Account) -> Result<Vec<store::Kept>, CaseError> {
        let (at, who) = (account.at, account.who.key());
        let open = |id: &str| self.owed.by_id(id).filter(|owed| owed.is_open()).cloned();
        let row = match &account.event {
            Event::Acknowledged { jurisdiction, statement, .. } => {
                let Some((id, _)) = self.own_case(account) else { return Ok(Vec::new()) };
                return acknowledgement::settled(&self.owed.before(id, ""), jurisdiction, statement, &who, at);
            }
            Event::Completed { obligation, .. } => {
                let by = if kind == Kind::Host { HOST } else { who.as_str() };
                open(obligation).map(|owed| owed.met(by, at)).transpose()?
            }
            Event::Suspended { obligation, .. } => open(obligation).map(|owed| owed.met(HOST, at)).transpose()?,
            Event::Notified { obligation, .. } | Event::Undelivered { obligation, .. } => {
                open(obligation).map(|owed| deadlines::after(owed, &account.event, at)).transpose()?.flatten()
            }
            Event::Overdue { obligation, demands, .. } => {
                let Some(owed) = open(obligation) else { return Ok(Vec::new()) };
                let rule =
                    demands.iter().find_map(|d| if let Duty::Notify(rule) = &d.duty { Some(rule) } else { None });
                let notice = rule.and_then(|rule| calendar::notice_by(&owed, rule.clone(), at));
                let mut rows = vec![owed.late(at)?];
                rows.extend(obligations::imposition(&account.id, notice.as_slice())?);
                return Ok(rows);
            }
            // Judged by a policy of another jurisdiction, in whose log its permit is.
            Event::Waived { obligation, reason, .. } => return self.waived(account, obligation, reason, at),
            Event::Pruned { record, .. } => {
                self.dockets.pruned(record, at);
                None
            }
            Event::Host { act, details } => return self.act(account, act, details),
            _ => None,
        };
        Ok(row.into_iter().collect())
    }

    /// What the host did of its own about obligations.
    fn act(
        &self,
        account: &Account,
        act: &str,
        details: &BTreeMap<String, String>,
    ) -> Result<Vec<store::Kept>, CaseError> {
        let at = account.at;
        let detail = |name: &str| details.get(name).map(String::as_str).unwrap_or_default();
        if act == calendar::OPENED {
            let opened = calendar::opened(&self.jurisdiction, details, at);
            return Ok(obligations::imposition(&account.id, opened.as_slice())?.into_iter().collect());
        }
        let id = detail("obligation");
        let row = match (act, self.owed.by_id(id).cloned()) {
            (lapsed::LAPSED, Some(owed)) => Some(owed.met(HOST, at)?),
            (lapsed::ANEW, Some(_)) => {
                let anew = self.own_case(account).and_then(|(_, case)| case.shown.iter().find(|owed| owed.id == id));
                anew.map(|anew| anew.clone().again(anew.wake)).transpose()?
            }
            (retention::WAITS | retention::PUT_OFF, Some(owed)) => {
                let wake = retention::looked_at_again(&owed, act, detail("because"), at);
                Some(owed.again(wake)?)
            }
            _ => None,
        };
        Ok(row.into_iter().collect())
    }
}

impl Case {
    fn new(keeper: String, matter: &Matter) -> Self {
        let requester = Principal {
            jurisdiction: matter.requester.agency.home.clone(),
            person: matter.requester.person.id.clone(),
            device: matter.requester.person.device,
        };
        let (life, pending, shown, decided) = (Life::default(), Vec::new(), Vec::new(), BTreeSet::new());
        Self { keeper, requester, life, pending, shown, decided }
    }
}
