//! What a step makes of a gallery record's status.
//!
//! A notice gives a record that is in use another status, and so does a seal, whatever status the record has: that one is on its
//! docket before anything changes, and it has it again when it is unsealed. A notice that comes meanwhile counts then. A record
//! that was enrolled under any other status keeps that when there is a notice of it: nobody knows here who may see such a record,
//! and it is not for a notice to have it shown.

use super::docket::Effect;
use super::find::{Found, Place};
use super::{Docket, Since};
use crate::error::CaseError;
use crate::misstep::Misstep;
use crate::status::{ACTIVE, NOTICE_RECEIVED, SEALED};

impl Found {
    /// The docket with the status that the record has again when it is unsealed.
    pub(super) fn to_be_sealed(&self) -> Docket {
        let mut docket = self.docket.clone();
        docket.under_seal_of(self.status());
        docket
    }

    /// Seals the record. Whoever is told that it is sealed already may seal it: a policy has permitted that.
    pub(super) async fn seal(&self, docket: &mut Docket, since: Since) -> Result<(), CaseError> {
        if self.status() == Some(SEALED) {
            return Err(Misstep::Sealed { record: self.record.record.clone() }.into());
        }
        self.restate(SEALED).await?;
        docket.undergo(Effect::Sealed(since));
        Ok(())
    }

    /// Gives the record the status that it had.
    pub(super) async fn unseal(&self, docket: &mut Docket) -> Result<(), CaseError> {
        if let Some(status) = self.status().filter(|status| *status != SEALED) {
            let (record, status) = (self.record.record.clone(), status.to_owned());
            return Err(Misstep::NotSealed { record, status }.into());
        }
        self.restate(unsealed(docket)).await?;
        docket.undergo(Effect::Unsealed);
        Ok(())
    }

    /// From a notice on, every list the record is on says so; whether it is shown then is the policy's to say.
    pub(super) async fn mark_noticed(&self) -> Result<(), CaseError> {
        if self.status() == Some(ACTIVE) { self.restate(NOTICE_RECEIVED).await } else { Ok(()) }
    }

    async fn restate(&self, status: &str) -> Result<(), CaseError> {
        let Place::Record { hall, .. } = &self.place else { return Ok(()) };
        let (id, hint) = (&self.record.record, " in the gallery");
        if hall.restate(&self.owner.store, id, status).await? {
            return Ok(());
        }
        Err(CaseError::Unknown { kind: "record", id: id.clone(), hint })
    }
}

/// The status of a record that is sealed no longer. One that was enrolled sealed is in use then.
fn unsealed(docket: &Docket) -> &str {
    match docket.under_seal.as_deref().unwrap_or(ACTIVE) {
        ACTIVE if docket.noticed.is_some() => NOTICE_RECEIVED,
        before => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::account::Retained;

    #[test]
    fn what_is_unsealed_has_the_status_that_it_had_and_a_notice_counts() {
        let of = |under_seal: Option<&str>, noticed: bool| {
            let record = Retained { subject: "s".into(), gallery: None, record: "r".into() };
            let mut docket = Docket { under_seal: under_seal.map(str::to_owned), ..Docket::new(record) };
            docket.noticed = noticed.then(|| "2026-03-01".parse().unwrap());
            unsealed(&docket).to_owned()
        };
        assert_eq!(of(Some("active"), false), "active");
        assert_eq!(of(Some("active"), true), "notice-received");
        assert_eq!(of(Some("juvenile"), false), "juvenile");
        assert_eq!(of(Some("juvenile"), true), "juvenile", "that alone may have it shown to nobody");
        assert_eq!(of(Some("notice-received"), true), "notice-received");
        assert_eq!((of(None, false), of(None, true)), ("active".to_owned(), "notice-received".to_owned()));
    }
}
