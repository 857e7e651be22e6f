//! A database that lacks what is on record, and is gone on with because somebody answers for that: how it gets on record.
//!
//! What rides on the log's journal is brought to such a database like to any other, and nothing tells afterwards that it lacks what
//! came before. So that is marked in it first, and the mark goes with the entry that tells of it. A host that dies in between tells of
//! it at its next start.

use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::reopening::Restoration;
use model::terms::Instant;
use std::collections::BTreeMap;
use std::ops::Range;

/// The kind under which it is marked, and the act that is on record.
const SET_BACK: &str = "database-set-back";

/// Marks which entries of a log the database may lack what they left of, and who answers for that.
///
/// # Errors
/// When the database does not take the mark: then the log must stay closed.
pub(crate) async fn mark(
    origin: &str,
    rows: &store::Jurisdiction,
    restoration: &Restoration,
    lacking: Range<u64>,
) -> Result<(), CaseError> {
    let Restoration { by, why } = restoration;
    let lacking = format!("{}-{}", lacking.start, lacking.end.saturating_sub(1));
    tracing::warn!(log = origin, %lacking, %by, %why, "the database lacks what these entries left, and is gone on with");
    let details = [("by", by), ("why", why), ("lacking", &lacking)];
    let details: BTreeMap<_, _> = details.map(|(name, value)| (name.to_owned(), value.clone())).into();
    let body = serde_json::json!(details);
    // Among several hosts each has its own log.
    let mark = store::StandingRow { kind: SET_BACK.to_owned(), id: origin.to_owned(), body };
    Ok(rows.keep(&[store::Kept::Stands(mark)]).await?)
}

/// Records what is marked, if anything is. To be recorded before the start is.
///
/// # Errors
/// When the mark cannot be read, or it cannot be recorded.
pub(crate) async fn record(chamber: &Chamber, at: Instant) -> Result<(), CaseError> {
    let origin = chamber.log().origin();
    let Some(mark) = chamber.store.standing(SET_BACK, origin).await? else { return Ok(()) };
    let details = serde_json::from_value(mark.body).map_err(|e| {
        CaseError::Unreadable(format!("what the database lacks of the log `{origin}`: {e}; restore the database"))
    })?;
    let told = store::Kept::Forgotten { kind: SET_BACK.to_owned(), id: origin.to_owned() };
    chamber.record_host_with(at, SET_BACK, details, vec![told]).await
}
