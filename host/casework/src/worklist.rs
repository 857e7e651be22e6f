//! Requests, for those who work on them: folded from their entries like everything that is said of them.

use crate::awaited::{Demands, next};
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::life::State;
use crate::obligations::Owed;
use crate::signatures::is;
use model::terms::Instant;
use serde::Serialize;

/// Requests listed at once.
pub const MOST_LISTED: usize = 200;

/// How far back a worklist looks where nobody says, in ms: a month.
const USUAL_PAST_MS: u64 = 31 * 24 * 3_600_000;

/// Which requests are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those that stand there.
    pub state: Option<State>,
    /// Only those that the asker made or took a step of.
    pub mine: bool,
    /// Only those opened then or later; of the last month where absent.
    pub since: Option<Instant>,
}

/// One request of a worklist.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// When it was opened.
    pub opened: Instant,
    /// Who asked: `jurisdiction/person`.
    pub requester: String,
    /// The gallery.
    pub gallery: String,
    /// What comes next.
    pub next: &'static str,
    /// Obligations that people still have to meet.
    pub open_obligations: usize,
    /// Of these, how many are late.
    pub overdue: usize,
}

impl Casework {
    /// The requests of a jurisdiction's galleries, the latest first, [`MOST_LISTED`] at most. Whoever is of the jurisdiction
    /// sees all; anybody else sees those of their own.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn worklist(
        &self,
        asker: &Registered,
        jurisdiction: &str,
        wanted: &Wanted,
    ) -> Result<Vec<Listing>, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        chamber.ledger.settle().await?;
        let now = self.clock.now()?;
        let since = wanted.since.unwrap_or(Instant(now.0.saturating_sub(USUAL_PAST_MS)));
        let me = asker.who();
        let mut listings = Vec::new();
        for id in chamber.store.requests_opened_since(since).await?.into_iter().rev() {
            if listings.len() == MOST_LISTED {
                break;
            }
            let request = match self.request(jurisdiction, &id).await {
                Ok(request) => request,
                // It has been purged.
                Err(CaseError::Unknown { .. }) => continue,
                Err(e) => return Err(e),
            };
            let theirs = &asker.principal.jurisdiction;
            if *theirs != request.owner && *theirs != request.requester.jurisdiction {
                continue;
            }
            let life = self.life(&chamber, &id).await?;
            let state = life.state();
            let mine = is(&me, &request.requester) || life.concerns(&me);
            if wanted.state.is_some_and(|state_wanted| state_wanted != state) || (wanted.mine && !mine) {
                continue;
            }
            let owed = chamber.store.obligations_of_request(&id).await?;
            let owed = owed.into_iter().map(Owed::read).collect::<Result<Vec<_>, _>>()?;
            listings.push(Listing {
                state,
                opened: request.request.opened,
                requester: request.requester.to_string(),
                gallery: request.gallery,
                next: next(state, Demands::on_record(&owed, &life).open()),
                open_obligations: owed.iter().filter(|o| o.is_outstanding()).count(),
                overdue: owed.iter().filter(|o| o.is_overdue()).count(),
                id,
            });
        }
        Ok(listings)
    }
}
