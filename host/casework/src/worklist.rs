//! Requests, for those who work on them: folded from their entries like everything that is said of them.
//!
//! Each request looked at is some reads of the database, whether or not it is one of those asked for. So a call looks at a bounded
//! number, the latest first, and says where the next one goes on.

use crate::awaited::{Demands, next};
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::life::State;
use crate::signatures::is;
use model::terms::{Instant, check_id};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Requests listed at once.
pub const MOST_LISTED: usize = 200;

/// Requests looked at for that: about a second's reads.
pub const MOST_LOOKED_AT: usize = 500;

/// How far back a worklist looks where nobody says, in ms: a month.
const USUAL_PAST_MS: u64 = 31 * 24 * 3_600_000;

/// How far back requests are looked for at first, in ms: a day. Then eight times as far, and so on, so that a long past full of
/// requests is not read for the sake of the latest.
const FIRST_REACH_MS: u64 = 24 * 3_600_000;

/// Which requests are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those that stand there.
    pub state: Option<State>,
    /// Only those that the asker made or took a step of.
    pub mine: bool,
    /// Only those opened then or later; of the last month where absent.
    pub since: Option<Instant>,
    /// Only those before the one at which an earlier answer ended.
    pub before: Option<Cursor>,
}

/// The request at which an answer ended: when it was opened, in ms, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    opened: Instant,
    id: String,
}

/// A text that no answer ended with.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no place in a worklist: use `before` as an earlier answer has it")]
pub struct CursorError(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.opened.0, self.id)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let wrong = || CursorError(text.to_owned());
        let (opened, id) = text.split_once('-').ok_or_else(wrong)?;
        check_id(id).map_err(|_| wrong())?;
        Ok(Self { opened: Instant(opened.parse().map_err(|_| wrong())?), id: id.to_owned() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One answer.
#[derive(Clone, Debug, Serialize)]
pub struct Worklist {
    /// The latest first.
    pub requests: Vec<Listing>,
    /// Where to go on, if there may be more: also where none of those looked at was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Cursor>,
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
    /// The requests of a jurisdiction's galleries, the latest first, [`MOST_LISTED`] of [`MOST_LOOKED_AT`] at most. People of
    /// another jurisdiction see none but its own; whoever is not to see all sees those that concern them. That they look has
    /// been recorded ([`Casework::record_look`]).
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn worklist(
        &self,
        asker: &Registered,
        jurisdiction: &str,
        wanted: &Wanted,
    ) -> Result<Worklist, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        chamber.ledger.settle().await?;
        let now = self.clock.now()?;
        let opened = opened(&chamber, wanted, now).await?;
        let mut more = opened.len() == MOST_LOOKED_AT;
        let (mut requests, mut last) = (Vec::new(), None);
        for cursor in opened {
            if requests.len() == MOST_LISTED {
                more = true;
                break;
            }
            requests.extend(listing(self, &chamber, asker, wanted, &cursor.id).await?);
            last = Some(cursor);
        }
        Ok(Worklist { requests, before: last.filter(|_| more) })
    }
}

impl Chamber {
    /// The ids of the requests that a worklist looks at where nobody says which, the latest first.
    pub(crate) async fn latest_requests(&self, now: Instant) -> Result<Vec<String>, CaseError> {
        let latest = opened(self, &Wanted::default(), now).await?;
        Ok(latest.into_iter().map(|cursor| cursor.id).collect())
    }
}

/// The requests to look at, the latest first.
async fn opened(chamber: &Chamber, wanted: &Wanted, now: Instant) -> Result<Vec<Cursor>, CaseError> {
    let since = wanted.since.unwrap_or(Instant(now.0.saturating_sub(USUAL_PAST_MS)));
    let mut before = wanted.before.clone();
    let (mut found, mut reach) = (Vec::new(), FIRST_REACH_MS);
    loop {
        let end = before.as_ref().map(|cursor| (cursor.opened, cursor.id.as_str()));
        let latest = end.map_or(now, |(opened, _)| opened);
        let from = since.max(Instant(latest.0.saturating_sub(reach)));
        let rows = chamber.store.requests_opened(from, end, MOST_LOOKED_AT - found.len()).await?;
        found.extend(rows.into_iter().map(|(opened, id)| Cursor { opened, id }));
        if found.len() == MOST_LOOKED_AT || from <= since {
            return Ok(found);
        }
        // No id comes before the empty one.
        before = Some(Cursor { opened: from, id: String::new() });
        reach = reach.saturating_mul(8);
    }
}

/// A request, if it is one of those asked for.
async fn listing(
    casework: &Casework,
    chamber: &Chamber,
    asker: &Registered,
    wanted: &Wanted,
    id: &str,
) -> Result<Option<Listing>, CaseError> {
    // It may have been purged.
    let Some(request) = chamber.request_in_store(id).await? else { return Ok(None) };
    let theirs = &asker.principal.jurisdiction;
    if *theirs != request.owner && *theirs != request.requester.jurisdiction {
        return Ok(None);
    }
    let life = chamber.life_in_store(id).await?;
    let (state, me) = (life.state(), asker.who());
    let mine = is(&me, &request.requester) || life.concerns(&me);
    if wanted.state.is_some_and(|state_wanted| state_wanted != state) || (!mine && (wanted.mine || !asker.sees_all())) {
        return Ok(None);
    }
    let owed = chamber.store.obligations_of_request(id).await?;
    let owed = casework.owed(owed, &life, &request.requester)?;
    Ok(Some(Listing {
        id: id.to_owned(),
        state,
        opened: request.request.opened,
        requester: request.requester.to_string(),
        gallery: request.gallery,
        next: next(state, Demands::on_record(&owed, &life).open()),
        open_obligations: owed.iter().filter(|o| o.is_outstanding()).count(),
        overdue: owed.iter().filter(|o| o.is_overdue()).count(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_an_answer_ended_with_and_nothing_else() {
        let cursor = Cursor { opened: Instant(1_773_154_800_000), id: model::terms::new_id() };
        assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        for wrong in ["", "-", "7", "7-", "-a", "x-a", "7-A", "7-a b", "7-a/b", "-7-a", "99999999999999999999-a"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError(wrong.to_owned())), "{wrong}");
        }
    }
}
