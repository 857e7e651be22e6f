//! From a request's method and path to its route.

use super::{Audit, Caller, ROUTES, Route};
use crate::public_log;
use hyper::Method;
use hyper::header::HeaderValue;

static HEAD: Method = Method::HEAD;

/// Finds routes by path.
pub(crate) struct Table {
    paths: matchit::Router<Vec<&'static Route>>,
}

/// What a path leads to.
pub(crate) enum Match<'p> {
    Route(&'static Route, Vec<(&'p str, &'p str)>),
    /// The path is right, the method is not: these are, `HEAD` among them where it is.
    Methods(Vec<&'static Method>),
    Nothing,
}

impl Match<'_> {
    /// The right methods, where the method is wrong, as `Allow` lists them: 405 has to (RFC 9110, section 15.5.6).
    pub(crate) fn allow(&self) -> Option<HeaderValue> {
        let Self::Methods(methods) = self else { return None };
        let names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
        HeaderValue::try_from(names.join(", ")).ok()
    }
}

impl Table {
    /// Of every route.
    pub(crate) fn new() -> Self {
        Self::of(ROUTES.iter())
    }

    /// Of the routes for everybody alone: whatever else there is, is not there.
    pub(crate) fn for_everybody() -> Self {
        Self::of(ROUTES.iter().filter(|route| route.caller == Caller::Everybody))
    }

    fn of(routes: impl Iterator<Item = &'static Route>) -> Self {
        let mut paths: matchit::Router<Vec<&'static Route>> = matchit::Router::new();
        for route in routes {
            match paths.at_mut(route.path) {
                Ok(found) if found.value.iter().any(|r| r.path == route.path) => found.value.push(route),
                // The table is a constant; that its paths do not conflict is tested.
                _ => drop(paths.insert(route.path, vec![route])),
            }
        }
        Self { paths }
    }

    pub(crate) fn find<'p>(&'p self, method: &Method, path: &'p str) -> Match<'p> {
        let Ok(found) = self.paths.at(path) else { return Match::Nothing };
        let head = |r: &Route| *method == Method::HEAD && has_head(r);
        match found.value.iter().find(|r| r.method == *method || head(r)) {
            Some(route) => Match::Route(route, found.params.iter().collect()),
            None => Match::Methods(found.value.iter().copied().flat_map(methods).collect()),
        }
    }
}

/// Whether the head of a route's answer may be asked for alone. What is public is on record neither way; what is for auditors is
/// on record, or refused, as the whole of it.
pub(crate) fn has_head(route: &Route) -> bool {
    route.method == Method::GET && (route.audit == Audit::Public || public_log::is_for_auditors(route.path))
}

/// By which methods a route is asked.
fn methods(route: &'static Route) -> impl Iterator<Item = &'static Method> {
    std::iter::once(&route.method).chain(has_head(route).then_some(&HEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_own_path() {
        let table = Table::new();
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            match table.find(&route.method, &path) {
                Match::Route(found, _) => assert_eq!(found.path, route.path),
                _ => panic!("{} {path} is not found", route.method),
            }
        }
    }

    #[test]
    fn the_head_of_what_is_public_or_for_auditors_is_found_and_of_nothing_else() {
        let table = Table::new();
        let has_head = |r: &Route| r.audit == Audit::Public || r.caller == Caller::Role("auditor");
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            let found = matches!(table.find(&Method::HEAD, &path), Match::Route(found, _) if found.path == route.path);
            let expected = ROUTES.iter().any(|r| r.path == route.path && r.method == Method::GET && has_head(r));
            assert_eq!(found, expected, "{path}");
        }
        assert!(matches!(Table::for_everybody().find(&Method::HEAD, "/v1/a/audit/entries"), Match::Nothing));
    }

    #[test]
    fn for_everybody_there_is_what_is_public_and_nothing_else() {
        let table = Table::for_everybody();
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            let found = matches!(table.find(&route.method, &path), Match::Route(found, _) if found.path == route.path);
            assert_eq!(found, route.caller == Caller::Everybody, "{} {path}", route.method);
            let there = !matches!(table.find(&Method::HEAD, &path), Match::Nothing);
            let public = ROUTES.iter().any(|r| r.path == route.path && r.caller == Caller::Everybody);
            assert_eq!(there, public, "{path}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert!(matches!(table.find(&method, "/v1/a/reports"), Match::Methods(m) if m == [&Method::GET, &HEAD]));
        }
        assert!(matches!(table.find(&Method::POST, "/v1/a/searches"), Match::Nothing));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_one() {
        let table = Table::new();
        assert!(matches!(table.find(&Method::DELETE, "/v1/a/searches"), Match::Methods(m) if m == [&Method::POST]));
        assert!(matches!(table.find(&Method::GET, "/v2/a"), Match::Nothing));
        let allow = |table: &Table, method: &Method, path: &str| table.find(method, path).allow();
        for (path, right) in [
            ("/v1/a/searches", "POST"),
            ("/v1/a/people", "POST, GET"),
            ("/v1/a/reports", "POST, GET, HEAD"),
            ("/v1/a/audit/entries", "GET, HEAD"),
        ] {
            assert_eq!(allow(&table, &Method::DELETE, path).unwrap(), right, "{path}");
        }
        assert_eq!(allow(&Table::for_everybody(), &Method::POST, "/v1/a/reports").unwrap(), "GET, HEAD");
        for (method, path) in [(&Method::DELETE, "/v2/a"), (&Method::POST, "/v1/a/searches"), (&HEAD, "/v1/a/reports")]
        {
            assert_eq!(allow(&table, method, path), None, "{method} {path}: it is not the method that is wrong");
        }
    }
}
