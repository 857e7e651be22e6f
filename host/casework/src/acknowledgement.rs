//! The requester acknowledges a statement that a policy wants acknowledged. No policy is asked: it already spoke.

use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::ledger::{self, Entry, Receipt};
use crate::limits::bounded;
use crate::misstep::{Demanded, Misstep, each};
use crate::obligations::{self, Owed};
use crate::signatures::is;
use crate::sitting::Sitting;
use model::account::{Event, Kind};
use model::rulings::Duty;
use model::terms::{Digest, Instant};
use std::collections::BTreeMap;

/// As a rejection calls it.
const ASKED: &str = "acknowledge a statement";

/// What somebody acknowledges.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// The statement's id in the charter.
    pub statement: String,
    /// The text they were shown, or
    pub text: Option<String>,
    /// its digest.
    pub digest: Option<Digest>,
}

impl Casework {
    /// Records that the requester acknowledges a statement: a charter's, word for word. Where several jurisdictions want one of
    /// this id acknowledged, it is that of the one whose words they are; of the same words in several charters, one at a time.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for anybody else, for other words, and where nobody asked for it.
    pub async fn acknowledge(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        acknowledgement: Acknowledgement,
    ) -> Result<Option<Receipt>, CaseError> {
        let Acknowledgement { statement, text, digest } = acknowledgement;
        let shown = ("text", text.as_deref().unwrap_or_default());
        bounded([("statement", statement.as_str())], [shown], &BTreeMap::new())?;
        let digest = match (text, digest) {
            (Some(text), None) => Digest::of(text.as_bytes()),
            (None, Some(digest)) => digest,
            _ => return Err(CaseError::Invalid("send either text or digest, of the statement as shown".to_owned())),
        };
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        let jurisdiction = match meant(&sitting, actor, &statement, digest) {
            Ok(owed) => owed.jurisdiction.clone(),
            Err(misstep) => return self.refuse(&sitting, actor, ASKED, misstep).await,
        };
        let rows = settled(&sitting.owed, &jurisdiction, &statement, &actor.key(), sitting.now)?;
        let entry = Entry {
            kind: Kind::Fulfilment,
            who: actor.who(),
            at: sitting.now,
            subject: sitting.request.subject()?.into(),
            of: None,
            event: Event::Acknowledged { jurisdiction, statement, text_digest: digest },
        };
        let ledgers: Vec<_> = sitting.concerned.iter().map(|c| &c.ledger).collect();
        ledger::record(&ledgers, entry, rows).await?.receipt()
    }
}

/// The obligations as they stand once this jurisdiction's statement is acknowledged, by this person, where that changes them.
pub(crate) fn settled(
    owed: &[Owed],
    jurisdiction: &str,
    statement: &str,
    by: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    obligations::met(owed, |owed| owed.jurisdiction == jurisdiction && demands(owed, statement), by, at)
}

/// The demand that is met with these words.
fn meant<'s>(sitting: &'s Sitting, actor: &Registered, statement: &str, digest: Digest) -> Result<&'s Owed, Misstep> {
    let (who, requester) = (actor.who(), &sitting.request.requester);
    if !is(&who, requester) {
        let sees = actor.sees_all() || sitting.life.concerns(&who);
        return Err(Misstep::NotTheRequester { requester: sees.then(|| requester.to_string()) });
    }
    // Given already, or set aside.
    let settled = sitting.owed.iter().filter(|owed| demands(owed, statement)).map(Demanded::from);
    let mut otherwise = Misstep::NothingOwed { of: statement.to_owned(), demanded: each(settled) };
    for owed in sitting.owed.iter().filter(|owed| owed.is_open() && demands(owed, statement)) {
        let chamber = sitting.concerned.iter().find(|c| c.id() == owed.jurisdiction);
        match chamber.and_then(|c| c.statement(statement)).map(|s| Digest::of(s.text.as_bytes())) {
            Some(verbatim) if verbatim == digest => return Ok(owed),
            Some(verbatim) => {
                let (id, demanded) = (statement.to_owned(), Some(Demanded::from(owed)));
                otherwise = Misstep::AlteredStatement { id, digest: verbatim, demanded };
            }
            None if matches!(otherwise, Misstep::NothingOwed { .. }) => {
                let (id, demanded) = (statement.to_owned(), vec![Demanded::from(owed)]);
                otherwise = Misstep::UnknownStatement { id, demanded };
            }
            None => {}
        }
    }
    Err(otherwise)
}

/// Whether an obligation is to acknowledge a statement of this id.
fn demands(owed: &Owed, statement: &str) -> bool {
    matches!(&owed.duty, Duty::Acknowledge(id) if id == statement)
}
