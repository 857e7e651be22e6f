//! Delivers notices to the offices that a policy names.
//!
//! A policy says *whom* to tell: an office. A deployment says where that office reads its mail. This crate brings the two
//! together and carries the notice, over either or both of two channels:
//!
//! - a **folder**: one message file (`.eml`, RFC 5322) per notice, written under another name, synced, renamed. The file is
//!   there whole or not at all, and a repeated delivery finds it and writes nothing;
//! - **SMTP** (RFC 5321), over TLS unless the server is on this machine. The message's id comes from the notice's, so a
//!   receiver that sees a repeated delivery can tell.
//!
//! ```toml
//! [outbox]
//! folder = "outbox"
//! alarm = ["records office"]       # whom to tell when the host itself is in trouble
//!
//! [outbox.smtp]
//! host = "mail.example.gov"
//! port = 587                       # 465: TLS from the first byte; any other: STARTTLS
//! tls = "required"                 # "none" only for a server on this machine
//! user = "magistrate"
//! password-file = "outbox.password"
//! from = "magistrate@example.gov"
//!
//! [outbox.recipients]
//! "records office" = ["records@example.gov"]
//! "north/a.vogt" = ["a.vogt@example.gov"]    # a person, who is told as whoever asked for a search
//! ```
//!
//! [`Outbox::deliver`] does what it can and tells what it did: an office without an address is an error that names it, and
//! the others and the file are delivered all the same. It keeps nothing and retries nothing: whoever calls records the
//! [`Delivery`], and calls again after an error that [is temporary](DeliveryError::is_temporary), for those not reached yet.
//! An office named for alarms has an address where mail is sent, or the configuration is refused.
//!
//! Notices are text from outside. Their fields cannot add a header or a recipient: line ends in them become spaces,
//! headers are encoded by the mail library, and names of files are checked ids.
#![forbid(unsafe_code)]

mod config;
mod deliver;
mod error;
mod folder;
mod message;
mod smtp;

pub use config::{Config, Smtp, Tls};
pub use deliver::{Channel, Delivery, Outbox, Outcome};
pub use error::{ConfigError, DeliveryError};
pub use model::notice::Notice;
