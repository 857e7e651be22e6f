//! Who is let in to a route, and what is on record of a call before it is answered: as the route's row of the table says.
//!
//! Whoever is turned away is on record with the jurisdiction that they asked something of, whatever their certificate says of
//! them: that, and what they asked, is all there is to say.

use crate::endpoints::Ask;
use crate::identity::IdentityError;
use crate::problem::Problem;
use crate::routes::{Audit, Caller, Route};
use casework::Casework;
use casework::chamber::Registered;
use hyper::Method;
use model::registry::Principal;
use std::collections::BTreeMap;

/// What somebody asked is on record in so many characters at most, and each word of a query: enough to see what it was.
const MOST_ASKED: usize = 256;

/// Lets in whom the route's row of the table allows. Nobody is named on a route for everybody, or for any certificate.
///
/// # Errors
/// The problem of whoever is turned away, once that is on record.
pub(crate) async fn admit(
    casework: &Casework,
    (route, method): (&Route, &Method),
    caller: Result<Principal, IdentityError>,
    path: &[(String, String)],
) -> Result<Option<Registered>, Problem> {
    if matches!(route.caller, Caller::Everybody | Caller::Certified) {
        return Ok(None);
    }
    let (jurisdiction, asked) = (jurisdiction(path), asked(route, method, path));
    let registered = let_in(casework, caller, jurisdiction, &asked, request(path)).await?;
    let here = registered.principal.jurisdiction == jurisdiction;
    let reason = match route.caller {
        Caller::Member if !here => format!("only people of `{jurisdiction}` may do this"),
        Caller::Role(role) if !here || !registered.holds(role) => {
            format!("only the role `{role}` of `{jurisdiction}` may do this")
        }
        _ => return Ok(Some(registered)),
    };
    casework.reject::<()>(jurisdiction, &registered, &asked, request(path), &reason).await?;
    Err(Problem::forbidden(reason))
}

/// Finds the person a certificate names, for what they ask of a jurisdiction, and of the request that they name, if any.
///
/// # Errors
/// The problem of whoever is nobody who may act, once that is on record.
pub(crate) async fn let_in(
    casework: &Casework,
    caller: Result<Principal, IdentityError>,
    jurisdiction: &str,
    asked: &str,
    request: Option<&str>,
) -> Result<Registered, Problem> {
    match caller {
        Ok(principal) => Ok(casework.registered_for(&principal, jurisdiction, asked, request).await?),
        Err(e) => {
            let reason = e.to_string();
            casework.reject_nobody(jurisdiction, asked, request, &reason).await?;
            Err(Problem::forbidden(reason))
        }
    }
}

/// Records the look, where the route is one. What is shown is shown afterwards.
///
/// # Errors
/// The problem of whoever is shown nothing, or where the look cannot be recorded.
pub(crate) async fn record_look(route: &Route, method: &Method, ask: &Ask) -> Result<(), Problem> {
    if route.audit != Audit::Look {
        return Ok(());
    }
    let said = ask.query.iter().map(|(name, value)| (name.clone(), shortened(value)));
    let parameters: BTreeMap<String, String> = said.collect();
    let asked = asked(route, method, &ask.path);
    Ok(ask.casework.record_look(ask.caller()?, jurisdiction(&ask.path), &asked, parameters).await?)
}

pub(crate) fn jurisdiction(path: &[(String, String)]) -> &str {
    path.iter().find(|(name, _)| name == "jurisdiction").map_or("", |(_, value)| value)
}

/// The request that a path names, if any.
fn request(path: &[(String, String)]) -> Option<&str> {
    path.iter().find(|(name, _)| name == "request").map(|(_, value)| value.as_str())
}

/// A route as it was called: by which method, which may be `HEAD` where the route's is `GET`, and its path with what stood in it.
fn asked(route: &Route, method: &Method, path: &[(String, String)]) -> String {
    let called =
        path.iter().fold(route.path.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    shortened(&format!("{method} {called}"))
}

/// As it is put on record: of bounded length, and without what moves a reader's cursor.
pub(crate) fn shortened(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(MOST_ASKED).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn what_was_asked_is_on_record_as_it_was_called() {
        let path = "/v1/{jurisdiction}/requests/{request}";
        let route = ROUTES.iter().find(|r| r.path == path && r.method == Method::GET).unwrap();
        let parts = [("jurisdiction", "a"), ("request", "r-17")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(asked(route, &Method::GET, &parts), "GET /v1/a/requests/r-17");
        assert_eq!(asked(route, &Method::HEAD, &parts), "HEAD /v1/a/requests/r-17", "not as the table has it");
        assert_eq!((jurisdiction(&parts), request(&parts), request(&parts[..1])), ("a", Some("r-17"), None));
        let long = [("jurisdiction", "a"), ("request", &*"r".repeat(5000))].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(asked(route, &Method::GET, &long).chars().count(), MOST_ASKED);
        assert_eq!(shortened("a\u{1b}[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
    }
}
