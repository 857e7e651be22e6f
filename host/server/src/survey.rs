//! What auditors have the log searched for: the survey of anomalies, and entries drawn at random.

use crate::endpoints::{Ask, Reply};
use crate::problem::Problem;
use crate::reporting::both;
use casework::anomalies::{Scope, Thresholds};
use std::str::FromStr;

/// Entries drawn where nobody says how many.
const USUAL_SAMPLE: u64 = 20;

pub(crate) async fn anomalies(ask: Ask) -> Result<Reply, Problem> {
    let usual = Thresholds::default();
    let thresholds = Thresholds {
        times_peers: given(&ask, "times_peers", usual.times_peers)?,
        searches: given(&ask, "searches", usual.searches)?,
        subjects_per_case: given(&ask, "subjects_per_case", usual.subjects_per_case)?,
        cases_per_probe: given(&ask, "cases_per_probe", usual.cases_per_probe)?,
        night_from: given(&ask, "night_from", usual.night_from)?,
        night_to: given(&ask, "night_to", usual.night_to)?,
        unsigned_hours: given(&ask, "unsigned_hours", usual.unsigned_hours)?,
        concurrent_minutes: given(&ask, "concurrent_minutes", usual.concurrent_minutes)?,
    };
    let days = both(asked(&ask, "from")?, asked(&ask, "to")?)?;
    let scope = Scope { days, thresholds };
    Reply::json(&ask.casework.survey(ask.caller()?, ask.part("jurisdiction"), scope).await?)
}

pub(crate) async fn sample(ask: Ask) -> Result<Reply, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    // A seed must be the same to everybody, whatever escapes it on its way.
    let seed = ask.asked("seed").filter(|seed| !seed.is_empty() && seed.chars().all(plain)).ok_or_else(|| {
        Problem::invalid("`seed` is missing or cannot be used: give letters, digits, `-`, `.`, `_` or `~`")
    })?;
    let (n, size) = (given(&ask, "n", USUAL_SAMPLE)?, asked(&ask, "size")?);
    Reply::json(&ask.casework.sample(ask.caller()?, ask.part("jurisdiction"), seed, n, size).await?)
}

/// What the query says of this name.
fn asked<T: FromStr>(ask: &Ask, name: &str) -> Result<Option<T>, Problem> {
    let Some(text) = ask.asked(name) else { return Ok(None) };
    let wrong = |_| Problem::invalid(format!("`{name}` is `{text}`, which cannot be read: see GET /openapi.json"));
    text.parse().map(Some).map_err(wrong)
}

fn given<T: FromStr>(ask: &Ask, name: &str, usual: T) -> Result<T, Problem> {
    Ok(asked(ask, name)?.unwrap_or(usual))
}
