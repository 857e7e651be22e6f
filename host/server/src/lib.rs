//! Mutually authenticated HTTP in front of casework.
//!
//! One table of routes ([`routes`]) says for each path who may call it, how large a body may be and what it answers; the
//! same table drives authorisation, the audit of refusals and the OpenAPI document, so that no route can forget one of them.
//!
//! | module | holds |
//! |---|---|
//! | [`tls`] | TLS 1.3, client certificates, revocation, reloading |
//! | [`identity`] | who a certificate names |
//! | [`routes`] | the table |
//! | [`endpoints`] | what each route does |
//! | `public_log` | the log as any C2SP client reads it, and attempts to change it |
//! | [`api`] | bodies: what is sent and answered |
//! | [`problem`] | RFC 9457 |
//! | [`openapi`] | the document, from the table |
//! | [`metrics`] | Prometheus |
//! | [`listener`] | connections, limits, shutdown |
//! | [`witness`] | a witness of other hosts' logs |

pub mod api;
mod endpoints;
pub mod identity;
pub mod listener;
pub mod metrics;
mod openapi;
pub mod problem;
mod public_log;
mod routes;
pub mod tls;
pub mod witness;

pub use listener::{Patience, Server, ServerError};
pub use routes::document as openapi_document;
pub use witness::WitnessServer;
