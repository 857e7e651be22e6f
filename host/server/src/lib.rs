//! Mutually authenticated HTTP in front of casework; and what is public, for everybody.
//!
//! One table of routes ([`routes`]) says for each path who may call it, how large a body may be and what it answers; the
//! same table drives authorisation, the audit of refusals and the OpenAPI document, so that no route can forget one of them.
//!
//! | module | holds |
//! |---|---|
//! | [`tls`], [`authority`] | TLS 1.3, client certificates and who may issue them for whom, revocation, reloading |
//! | `lists`, `trouble` | how long revocation lists may be used, and what is wrong with the TLS files |
//! | [`identity`] | who a certificate names |
//! | [`routes`] | the table, and how a request finds its route |
//! | `letting_in` | who is let in, and what is on record of a call before it is answered |
//! | [`endpoints`] | what each route does |
//! | `public_log` | the log as any C2SP client reads it, and attempts to change it |
//! | `query` | the query of an address |
//! | [`api`], [`template`], `unique`, `objects` | bodies: what is sent and answered; maps in which each name is once; objects that are no lists |
//! | [`office_api`], `office_endpoints` | the same for people, agencies, violations and policy revisions |
//! | [`case_api`], `case_endpoints` | the same for the life of a request after the candidate list |
//! | [`retention_api`] | how long records stay |
//! | [`reporting`] | reports |
//! | `survey` | what auditors have the log searched for |
//! | [`problem`] | RFC 9457 |
//! | [`openapi`] | the document, from the table |
//! | [`metrics`] | Prometheus |
//! | [`listener`], `bodies` | connections, limits, shutdown, each request on its way, the address for everybody; room for what is sent |
//! | `body`, `sending`, `draining` | a request's body, answers on their way, and clients that do not read them |
//! | `handshakes` | clients that have not shown who they are yet |
//! | `idle`, `places` | connections on which nothing happens, and too many of one person |
//! | `budget` | how much of a log one person may fill with what is refused them, and with looks |
//! | [`witness`] | a witness of other hosts' logs |

// A route's future holds those of casework and the store, which nest deeper than the compiler's default of 128.
#![recursion_limit = "256"]

pub mod api;
pub mod authority;
mod bodies;
mod body;
mod budget;
pub mod case_api;
mod case_endpoints;
mod draining;
mod endpoints;
mod handshakes;
pub mod identity;
mod idle;
mod letting_in;
pub mod listener;
mod lists;
pub mod metrics;
mod objects;
pub mod office_api;
mod office_endpoints;
mod openapi;
mod places;
pub mod problem;
mod public_log;
mod query;
pub mod registry_api;
pub mod reporting;
pub mod retention_api;
mod routes;
mod sending;
mod survey;
pub mod template;
#[cfg(test)]
mod test_pki;
pub mod tls;
mod trouble;
mod unique;
pub mod witness;

pub use budget::{Allowance, Allowances};
pub use handshakes::MOST_HANDSHAKES_EACH;
pub use listener::{
    MOST_CONNECTIONS, MOST_PUBLIC_CONNECTIONS, MOST_PUBLIC_EACH, Patience, Public, Server, ServerError,
};
pub use places::MOST_EACH;
pub use routes::document as openapi_document;
pub use witness::WitnessServer;
