//! Attempts on a log that no route is for: on record before they are answered, whatever their method is and however their path is
//! written. They are bounded as what is refused is, for they cost whoever makes them nothing.

use super::Desk;
use super::serving::{hangs, hear, unless_stalled};
use crate::budget::{self, TurnedAway};
use crate::identity::IdentityError;
use crate::problem::Problem;
use crate::public_log;
use crate::routes::Match;
use hyper::Method;
use model::registry::Principal;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The jurisdiction whose log a call is an attempt on; absent where it is none, or where its route puts it on record, which it does
/// unless the call is not even read.
pub(super) fn attempted(
    desk: &Desk,
    found: &Match<'_>,
    is_read: bool,
    (method, path): (&Method, &str),
) -> Option<String> {
    let is_here = |id: &str| desk.casework.chamber(id).is_ok();
    if is_read
        && let Match::Route(route, parts) = found
        && public_log::is_for_auditors(route.path)
        && parts.iter().any(|(name, value)| *name == "jurisdiction" && is_here(value))
    {
        return None;
    }
    public_log::attempted(method, path, is_here)
}

/// Puts an attempt on this log on record, under what it is called; gives what whoever made it is told, by a safe method `otherwise`.
///
/// # Errors
/// What somebody is told who is not heard.
pub(super) async fn answer(
    desk: &Arc<Desk>,
    (caller, whose): (&Result<Principal, IdentityError>, &str),
    (log, asked): (String, String),
    otherwise: Option<Problem>,
    busy: mpsc::Sender<()>,
) -> Result<Problem, TurnedAway> {
    let log = budget::log_of(&desk.casework, &log, caller).unwrap_or(&log).to_owned();
    hear(desk, caller, whose, &log, false)?;
    if let Some(problem) = hangs(desk, caller, &log) {
        return Ok(problem);
    }
    let (theirs, caller) = (desk.clone(), caller.clone());
    let recording = tokio::spawn(async move {
        // In this order: casework is let go of before it is told that nobody is busy with it any more.
        let (_busy, desk) = (busy, theirs);
        public_log::record_attempt(&desk.casework, caller, &log, &asked, otherwise).await
    });
    let recorded = async { recording.await.map_err(|e| Problem::unavailable(e.to_string())) };
    Ok(unless_stalled(desk, recorded).await.unwrap_or_else(|problem| problem))
}
