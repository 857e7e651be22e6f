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

/// What is on record as the reason where what somebody asks for under the audit paths is not there.
const NOT_THERE: &str = "there is nothing there, so nothing was shown or changed";

/// Characters of a method that are on record with an attempt: the longest that anybody registered has 17 (RFC 3253), and one that
/// somebody made up must not push the path out.
const MOST_METHOD: usize = 32;

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

/// The jurisdiction whose log a request is an attempt on, if no route is for it: to change it, by any method that is not safe (RFC
/// 9110, section 9.2.1), or to get at what is for its auditors by any at all. A path may be understood in several ways; the first
/// counts by which a jurisdiction is named that `is_here`, or else any.
pub(crate) fn attempted(method: &Method, path: &str, is_here: impl Fn(&str) -> bool) -> Option<String> {
    let once = query::decoded_path(path);
    // What was escaped twice, somebody else may decode twice.
    let twice = query::decoded_path(&once);
    let mut elsewhere = None;
    for path in [&once, &twice] {
        for steps in [resolved(path), as_it_stands(path)] {
            match of_a_log(method, &steps) {
                Some(log) if is_here(log) => return Some(log.to_owned()),
                Some(log) => elsewhere = elsewhere.or_else(|| Some(log.to_owned())),
                None => {}
            }
        }
    }
    elsewhere
}

/// What some take for the end of a step of a path.
const SEPARATORS: [char; 2] = ['/', '\\'];

/// A path's steps where its dots lead (RFC 3986, section 5.2.4), without empty ones.
fn resolved(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    for step in path.split(SEPARATORS) {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps
}

/// A path's steps, whatever they are.
fn as_it_stands(path: &str) -> Vec<&str> {
    path.strip_prefix(SEPARATORS).unwrap_or(path).split(SEPARATORS).collect()
}

/// The jurisdiction that these steps name, where this method is an attempt on its log there.
fn of_a_log<'p>(method: &Method, steps: &[&'p str]) -> Option<&'p str> {
    let [version, jurisdiction, part, ..] = steps else { return None };
    let is_of_log = part.eq_ignore_ascii_case("audit") || (part.eq_ignore_ascii_case("log") && !method.is_safe());
    (version.eq_ignore_ascii_case("v1") && is_of_log).then_some(*jurisdiction)
}

/// What an attempt is called on record, of bounded length, whatever the method is called and however long the path is.
pub(crate) fn asked(method: &Method, path: &str) -> String {
    let method: String = method.as_str().chars().take(MOST_METHOD).collect();
    shortened(&format!("{method} {path}"))
}

/// Records with this jurisdiction who made an attempt on a log. Gives what they are told: by a safe method, `otherwise`; by another,
/// that nobody changes a log.
pub(crate) async fn record_attempt(
    casework: &Casework,
    caller: Result<Principal, IdentityError>,
    jurisdiction: &str,
    asked: &str,
    otherwise: Option<Problem>,
) -> Problem {
    let registered = match let_in(casework, caller, jurisdiction, asked, None).await {
        Ok(registered) => registered,
        Err(problem) => return problem,
    };
    let reason = if otherwise.is_some() { NOT_THERE } else { APPEND_ONLY };
    match (casework.reject::<()>(jurisdiction, &registered, asked, None, reason).await, otherwise) {
        (Err(CaseError::Rejected(rejection)), Some(mut problem)) => {
            problem.detail.push_str("; that it was asked for is on record");
            problem.receipt = rejection.into_receipt().map(|receipt| Box::new((*receipt).into()));
            problem
        }
        (Err(e), _) => e.into(),
        (Ok(()), _) => Problem::forbidden(APPEND_ONLY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSAFE: [Method; 4] = [Method::DELETE, Method::PUT, Method::PATCH, Method::POST];
    const SAFE: [Method; 4] = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];

    fn of(method: &Method, path: &str) -> Option<String> {
        attempted(method, path, |id| ["a", "b"].contains(&id))
    }

    #[test]
    fn whatever_is_not_safe_on_a_log_and_whatever_is_asked_of_its_auditors_part_is_an_attempt() {
        let logs = ["/v1/a/log", "/v1/a/log/", "/v1/a/log/checkpoint", "/v1/a/log/x/y", "/v1/a/%6cog/checkpoint"];
        let logs = logs.into_iter().chain(["/v1/%61/log/%ff", "/v1/a%2Flog", "/v1/a/LOG/x"]);
        let audits = ["/v1/a/audit", "/v1/a/audit/", "/v1/a/audit/entries/5", "/v1/a/audi%74/%zz", "/v1/a/%2561udit"];
        let made_up = Method::from_bytes(b"PURGE").unwrap();
        for path in logs.chain(audits) {
            for method in UNSAFE.iter().chain([&made_up]) {
                assert_eq!(of(method, path).as_deref(), Some("a"), "{method} {path}");
            }
        }
        for method in SAFE {
            for path in audits {
                assert_eq!(of(&method, path).as_deref(), Some("a"), "{method} {path}");
            }
            for path in ["/v1/a/log", "/v1/a/log/checkpoint", "/v1/a/log/tile/../checkpoint"] {
                assert_eq!(of(&method, path), None, "{method} {path}: the log is for everybody to read");
            }
        }
        for path in
            ["/v1/a/searches", "/v1/log", "/v1", "/", "", "*", "/v1/a/logs", "/v2/a/log/x", "/v1/a/requests/audit"]
        {
            assert_eq!(of(&Method::DELETE, path), None, "{path}");
        }
    }

    #[test]
    fn where_dots_lead_and_where_they_stand_is_an_attempt_either_way() {
        for path in [
            "/v1/a/log/../audit/entries",
            "/v1/a/log/tile/../../audit/entries",
            "/v1/a/log/tile/%2e%2e/%2E./audit/entries",
            "/v1/x/../a/audit",
            "/../v1/./a/./audit",
            "//v1//a//audit",
            "/v1/a\\audit",
            "/v1/a/audit/../requests",
            "/v1/x/audit/../../a/audit",
            "/v1/a/reports/..%2faudit%2fentries",
        ] {
            assert_eq!(of(&Method::GET, path).as_deref(), Some("a"), "{path}");
        }
        assert_eq!(of(&Method::GET, "/v1/a/audit/../../b/audit").as_deref(), Some("b"), "where it leads first");
        for (path, named) in [("/v1/nowhere/audit/entries", "nowhere"), ("/v1//audit/entries", "")] {
            assert_eq!(of(&Method::GET, path).as_deref(), Some(named), "{path}: of no jurisdiction here");
        }
    }

    #[test]
    fn an_attempt_on_record_is_bounded_and_names_its_path() {
        let method = Method::from_bytes(&[b'A'; 5000]).unwrap();
        let text = asked(&method, &format!("/v1/a/audit/{}", "x".repeat(60_000)));
        assert!(text.starts_with(&format!("{} /v1/a/audit/xxx", "A".repeat(MOST_METHOD))), "{text}");
        assert!(text.chars().count() <= 256, "{text}");
        assert_eq!(asked(&Method::GET, "/v1/a/audit/\u{1b}[2J"), "GET /v1/a/audit/\u{fffd}[2J");
    }

    #[test]
    fn only_full_tiles_are_kept_for_ever() {
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/x001/000", StatusCode::OK), Some(FOR_EVER));
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/000.p/5", StatusCode::OK), None);
        assert_eq!(kept(TILE, "/v1/a/log/tile/0/999", StatusCode::NOT_FOUND), None);
        assert_eq!(kept("/v1/{jurisdiction}/audit/entries", "/v1/a/audit/entries", StatusCode::OK), None);
    }
}
