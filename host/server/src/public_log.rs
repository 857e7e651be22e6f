//! The log as any C2SP client reads it, and attempts to change it.
//!
//! Checkpoint, tiles, entry bundles and key are for everybody: they hold nothing personal, and the more people
//! keep copies, the less can be taken back. Nobody writes here: whoever tries is on record.

use crate::endpoints::{Ask, Reply};
use crate::identity::IdentityError;
use crate::letting_in::{let_in, shortened};
use crate::problem::Problem;
use crate::query;
use casework::{CaseError, Casework};
use hyper::{Method, StatusCode};
use model::registry::Principal;

/// The path of tiles and entry bundles, as the table of routes has it.
pub(crate) const TILE: &str = "/v1/{jurisdiction}/log/tile/{*path}";

/// For a full tile or bundle: its content is decided for ever (c2sp.org/tlog-tiles, "Merkle Tree").
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What the problem is called that no checkpoint is published yet.
pub(crate) const UNPUBLISHED: &str = "unpublished";

/// What somebody is told who tries to change a log.
const APPEND_ONLY: &str =
    "a log is appended to by its host alone, and nothing in it is changed or deleted; this attempt is on record";

/// The log's verifier key (c2sp.org/signed-note, "Verifier keys"), on a line of its own.
pub(crate) async fn key(ask: Ask) -> Result<Reply, Problem> {
    let log = ask.casework.chamber(part(&ask, "jurisdiction"))?.log();
    let body = format!("{}\n", log.verifier_key()).into_bytes();
    Ok(Reply { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body })
}

/// A tile or an entry bundle of the acknowledged tree. Whatever any checkpoint given out so far refers to is there, but for
/// bundles that were pruned since: these are gone, and said to be.
pub(crate) async fn tile(ask: Ask) -> Result<Reply, Problem> {
    let log = ask.casework.chamber(part(&ask, "jurisdiction"))?.log().clone();
    let path = format!("tile/{}", part(&ask, "path"));
    let asked = path.clone();
    let read = tokio::task::spawn_blocking(move || log.file(&asked)).await;
    match read.map_err(|e| Problem::unavailable(e.to_string()))? {
        Ok(Some(body)) => Ok(Reply { status: StatusCode::OK, content_type: "application/octet-stream", body }),
        Ok(None) => {
            let detail = format!("the log has no `{path}`: its checkpoint says how large it is");
            Err(Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail))
        }
        Err(e) => {
            let said = e.to_string();
            match CaseError::from(e) {
                pruned @ CaseError::Pruned(_) => Err(pruned.into()),
                _ => Err(Problem::unavailable(said)),
            }
        }
    }
}

/// The note, signed by the log's key, that says which entries were pruned; without it, a copy of the bundles that are left
/// does not verify.
pub(crate) async fn pruned(ask: Ask) -> Result<Reply, Problem> {
    let log = ask.casework.chamber(part(&ask, "jurisdiction"))?.log().clone();
    let read = tokio::task::spawn_blocking(move || log.pruned_note()).await;
    match read.map_err(|e| Problem::unavailable(e.to_string()))? {
        Ok(Some(body)) => Ok(Reply { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body }),
        Ok(None) => {
            let detail = "nothing of this log was pruned: every entry is in its bundle";
            Err(Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail))
        }
        Err(e) => Err(Problem::unavailable(e.to_string())),
    }
}

fn part<'a>(ask: &'a Ask, name: &str) -> &'a str {
    ask.path.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

/// How long an answer may be kept by whoever asked, where it may be kept at all: `Cache-Control`.
pub(crate) fn kept(route: &str, path: &str, status: StatusCode) -> Option<&'static str> {
    (route == TILE && status == StatusCode::OK && !path.contains(".p/")).then_some(FOR_EVER)
}

/// Whether a route, as the table has it, reads the log and nothing else.
pub(crate) fn is_of_log(route: &str) -> bool {
    route.starts_with("/v1/{jurisdiction}/log/")
}

/// Whether a route, as the table has it, is for auditors alone.
pub(crate) fn is_for_auditors(route: &str) -> bool {
    route.starts_with("/v1/{jurisdiction}/audit/")
}

/// The jurisdiction whose log a request would change, if it could. A safe method (RFC 9110, section 9.2.1) asks for nothing
/// to be changed.
pub(crate) fn attacked(method: &Method, path: &str) -> Option<String> {
    let (jurisdiction, _) = of_a_log(path)?;
    (!method.is_safe()).then_some(jurisdiction)
}

/// The same of somebody without a certificate, who may not read what is for auditors either.
pub(crate) fn tried(method: &Method, path: &str) -> Option<String> {
    let (jurisdiction, for_auditors) = of_a_log(path)?;
    let reads = for_auditors && [Method::GET, Method::HEAD].contains(method);
    (reads || !method.is_safe()).then_some(jurisdiction)
}

/// The jurisdiction whose log a path is of, however it is escaped, and whether it is of what is for auditors.
fn of_a_log(path: &str) -> Option<(String, bool)> {
    let path = query::decoded_path(path);
    let (jurisdiction, rest) = path.strip_prefix("/v1/")?.split_once('/')?;
    let for_auditors = match rest.split('/').next()? {
        "log" => false,
        "audit" => true,
        _ => return None,
    };
    Some((jurisdiction.to_owned(), for_auditors))
}

/// Records who tried to change a log, and says that nobody can.
pub(crate) async fn record_attempt(
    casework: &Casework,
    caller: Result<Principal, IdentityError>,
    jurisdiction: &str,
    asked: &str,
) -> Problem {
    let asked = shortened(asked);
    let registered = match let_in(casework, caller, jurisdiction, &asked, None).await {
        Ok(registered) => registered,
        Err(problem) => return problem,
    };
    match casework.reject::<()>(jurisdiction, &registered, &asked, None, APPEND_ONLY).await {
        Ok(()) => Problem::forbidden(APPEND_ONLY),
        Err(e) => e.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_safe_on_a_log_is_an_attack_on_it() {
        let escaped = ["/v1/a/%6cog/checkpoint", "/v1/%61/log/%ff", "/v1/a%2Flog", "/v1/a/audi%74/%zz"];
        let plain = ["/v1/a/log", "/v1/a/log/", "/v1/a/log/checkpoint", "/v1/a/log/x/y", "/v1/a/audit/entries"];
        for path in plain.into_iter().chain(escaped) {
            for method in [Method::DELETE, Method::PUT, Method::PATCH, Method::POST] {
                assert_eq!(attacked(&method, path).as_deref(), Some("a"), "{method} {path}");
                assert_eq!(tried(&method, path).as_deref(), Some("a"), "{method} {path}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
                assert_eq!(attacked(&method, path), None, "{method} {path}: reading is no attack");
            }
        }
        for path in ["/v1/a/searches", "/v1/log", "/v1", "/", "/v1/a/logs", "/v2/a/log/x"] {
            assert_eq!(attacked(&Method::DELETE, path), None, "{path}");
        }
        for (method, path, is_one) in [
            (Method::GET, "/v1/a/audit/entries", true),
            (Method::HEAD, "/v1/a/%61udit/reports/x", true),
            (Method::GET, "/v1/a/log/checkpoint", false),
            (Method::OPTIONS, "/v1/a/audit/entries", false),
            (Method::GET, "/v1/a/audits", false),
        ] {
            assert_eq!(tried(&method, path).is_some(), is_one, "{method} {path}: what is for auditors alone");
        }
    }

    #[test]
    fn only_full_tiles_are_kept_for_ever() {
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/x001/000", StatusCode::OK), Some(FOR_EVER));
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/000.p/5", StatusCode::OK), None);
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/999", StatusCode::NOT_FOUND), None);
        assert_eq!(kept("/v1/{jurisdiction}/audit/entries", "/v1/a/audit/entries", StatusCode::OK), None);
    }
}
