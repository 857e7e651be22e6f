//! Whether what was given still counts.
//!
//! The row of an obligation says that an approval or an acknowledgement was given. Whether it counts is looked at whenever the
//! demand is read: an approval counts while as many of those who gave it as the rule asks for could give it now
//! ([`crate::signatures`]), and have not taken it back; an acknowledgement while the jurisdiction's charter has the statement in
//! the words that were acknowledged. What does not count is open again, and can be given anew, by others or of the new words.
//! It counts again by itself when that is over.
//!
//! Nothing lists what counts no more: the database lists what was never met. So it is looked for among the latest requests, those
//! that a worklist looks at. Of older ones the request itself says it.

use crate::awaited::of_retention;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::life::Life;
use crate::obligations::{Owed, Standing};
use crate::signatures::{approved, is};
use model::registry::Principal;
use model::rulings::Duty;
use model::terms::Digest;

impl Casework {
    /// The obligations of a request as they stand now.
    ///
    /// # Errors
    /// [`CaseError::Log`] for a row that cannot be read.
    pub(crate) fn owed(
        &self,
        rows: Vec<store::ObligationRow>,
        life: &Life,
        requester: &Principal,
    ) -> Result<Vec<Owed>, CaseError> {
        rows.into_iter().map(|row| Ok(self.as_it_counts(Owed::read(row)?, life, requester))).collect()
    }

    /// What was given once of a jurisdiction's latest requests and counts no more: open again. For somebody who is not to see all,
    /// of their own requests and of what they themselves would have to give. Several are read at a time.
    ///
    /// # Errors
    /// [`CaseError`] when it cannot be read.
    pub(crate) async fn open_again(&self, chamber: &Chamber, asker: &Registered) -> Result<Vec<Owed>, CaseError> {
        let latest = chamber.latest_requests(self.clock.now()?).await?;
        let mut parts = latest.chunks(latest.len().div_ceil(4).max(1));
        let [a, b, c, d] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let (a, b, c, d) = tokio::try_join!(
            Box::pin(self.open_again_of(chamber, asker, a)),
            Box::pin(self.open_again_of(chamber, asker, b)),
            Box::pin(self.open_again_of(chamber, asker, c)),
            Box::pin(self.open_again_of(chamber, asker, d)),
        )?;
        Ok([a, b, c, d].concat())
    }

    /// The same of these requests.
    async fn open_again_of(
        &self,
        chamber: &Chamber,
        asker: &Registered,
        requests: &[String],
    ) -> Result<Vec<Owed>, CaseError> {
        let (me, sees_all) = (asker.who(), asker.sees_all());
        let owes_nothing = asker.person.roles.is_empty();
        let mut again = Vec::new();
        for request in requests {
            if owes_nothing {
                let found = chamber.request_in_store(request).await?;
                if !found.is_some_and(|found| is(&me, &found.requester)) {
                    continue;
                }
            }
            let rows = chamber.store.obligations_of_request(request).await?;
            let mut given = rows.into_iter().map(Owed::read).collect::<Result<Vec<_>, _>>()?;
            given.retain(is_given);
            if given.is_empty() {
                continue;
            }
            // It may have been purged.
            let Some(found) = chamber.request_in_store(request).await? else { continue };
            given.retain(|owed| sees_all || is(&me, &found.requester) || asker.owes(owed));
            if given.is_empty() {
                continue;
            }
            let life = chamber.life_in_store(request).await?;
            let now = given.into_iter().map(|owed| self.as_it_counts(owed, &life, &found.requester));
            again.extend(now.filter(Owed::is_open));
        }
        Ok(again)
    }

    /// An obligation of a request as it stands now: open again where what met it counts no more.
    pub(crate) fn as_it_counts(&self, mut owed: Owed, life: &Life, requester: &Principal) -> Owed {
        if matches!(owed.standing, Standing::Met { .. }) && !self.counts(&owed, life, requester) {
            owed.standing = Standing::Open;
        }
        owed
    }

    /// Whether what was given to meet this counts now. What meets any other duty has happened.
    fn counts(&self, owed: &Owed, life: &Life, requester: &Principal) -> bool {
        match &owed.duty {
            // Those are given in another way, and on the record's docket.
            Duty::Approve(_) if of_retention(owed, life) => true,
            Duty::Approve(rule) => {
                let theirs = life.signatures.iter().filter(|s| {
                    !s.taken_back
                        && s.by.jurisdiction == owed.jurisdiction
                        && s.signature.at >= owed.since
                        && self.vouches(&s.by, &s.signature)
                });
                approved(rule, requester, theirs.map(|s| (&s.by, &s.signature)))
            }
            Duty::Acknowledge(id) => {
                let statement = self.chamber(&owed.jurisdiction).ok().and_then(|chamber| chamber.statement(id));
                statement.is_some_and(|s| life.acknowledges(&owed.jurisdiction, id, Digest::of(s.text.as_bytes())))
            }
            _ => true,
        }
    }
}

/// Whether it is an approval or an acknowledgement, and was given.
fn is_given(owed: &Owed) -> bool {
    matches!(owed.duty, Duty::Approve(_) | Duty::Acknowledge(_)) && matches!(owed.standing, Standing::Met { .. })
}
