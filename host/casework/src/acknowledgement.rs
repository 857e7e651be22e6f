//! The requester acknowledges a statement that a policy wants acknowledged. No policy is asked: it already spoke.

use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::ledger::{self, Entry, Receipt};
use crate::limits::bounded;
use crate::misstep::Misstep;
use crate::obligations;
use crate::signatures::is;
use crate::sitting::Sitting;
use model::account::{Event, Kind};
use model::rulings::Duty;
use model::terms::Digest;
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
    /// Records that the requester acknowledges a statement: the charter's, word for word.
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
        if let Err(misstep) = in_place(&sitting, actor, &statement, digest) {
            return self.refuse(&sitting, actor, ASKED, misstep).await;
        }
        let meets = |owed: &obligations::Owed| matches!(&owed.duty, Duty::Acknowledge(id) if *id == statement);
        let rows = obligations::met(&sitting.owed, meets, &actor.key(), sitting.now)?;
        let entry = Entry {
            kind: Kind::Fulfilment,
            who: actor.who(),
            at: sitting.now,
            subject: sitting.request.subject(),
            of: None,
            event: Event::Acknowledged { statement, text_digest: digest },
        };
        let ledgers: Vec<_> = sitting.concerned.iter().map(|c| &c.ledger).collect();
        ledger::record(&ledgers, entry, rows).await?.receipt()
    }
}

fn in_place(sitting: &Sitting, actor: &Registered, statement: &str, digest: Digest) -> Result<(), Misstep> {
    if !is(&actor.who(), &sitting.request.requester) {
        return Err(Misstep::NotTheRequester { requester: sitting.request.requester.to_string() });
    }
    let asked =
        |owed: &&obligations::Owed| owed.is_open() && matches!(&owed.duty, Duty::Acknowledge(id) if id == statement);
    let Some(owed) = sitting.owed.iter().find(asked) else {
        return Err(Misstep::NothingOwed { of: statement.to_owned() });
    };
    let chamber = sitting.concerned.iter().find(|c| c.id() == owed.jurisdiction);
    match chamber.and_then(|c| c.statement(statement)).map(|s| Digest::of(s.text.as_bytes())) {
        None => Err(Misstep::UnknownStatement { id: statement.to_owned() }),
        Some(verbatim) if verbatim != digest => {
            Err(Misstep::AlteredStatement { id: statement.to_owned(), digest: verbatim })
        }
        Some(_) => Ok(()),
    }
}
