//! What is wrong with a configuration, and what went wrong with a delivery.

use std::path::PathBuf;

/// An outbox cannot be made of this configuration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Neither channel is there.
    #[error("[outbox] delivers nowhere: set `folder`, or add [outbox.smtp], or both")]
    NoChannel,
    /// Not an address.
    #[error("`{address}` of {whose} is not a mail address: write it as `name@example.gov`, in ASCII")]
    Address {
        /// What stands there.
        address: String,
        /// The office, or `[outbox.smtp] from`.
        whose: String,
    },
    /// An alarm that would reach nobody.
    #[error(
        "the office `{0}` is told of alarms and has no address: add it to [outbox.recipients], or take it out of `alarm`"
    )]
    Alarm(String),
    /// Mail in clear over a network.
    #[error(
        "[outbox.smtp] tls = \"none\" is for a server on this machine, and `{0}` is none of its names: set tls = \"required\", or host to 127.0.0.1, ::1 or localhost"
    )]
    Unencrypted(String),
    /// One of `user` and `password-file` without the other.
    #[error("[outbox.smtp] has only one of `user` and `password-file`: set both, or neither")]
    HalfCredentials,
    /// A file cannot be used.
    #[error("{path}: {reason}: name a readable file as [outbox.smtp] {key}")]
    File {
        /// The file.
        path: PathBuf,
        /// Which key names it.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("TLS to `{host}` cannot be set up: {reason}: check [outbox.smtp] authority and the system's certificates")]
    Tls {
        /// The server.
        host: String,
        /// What the library said.
        reason: String,
    },
}

/// A part of a delivery failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeliveryError {
    /// The notice cannot become a message.
    #[error("the notice cannot be delivered: {0}")]
    Notice(String),
    /// Nobody said where this office reads its mail.
    #[error("the office `{office}` has no address: add it to [outbox.recipients]")]
    NoAddress {
        /// As the policy names it.
        office: String,
    },
    /// The message file cannot be written.
    #[error("{path}: the message file cannot be written: {reason}")]
    Folder {
        /// The file, or the folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The server does not take mail for this address; others may have got it.
    #[error("the mail server refuses `{recipient}`: {reason}")]
    Refused {
        /// The address.
        recipient: String,
        /// What the server said.
        reason: String,
        /// Whether the server said that this may pass.
        temporary: bool,
    },
    /// Nothing was sent.
    #[error("the mail server `{host}` did not take the message: {reason}")]
    Server {
        /// The server.
        host: String,
        /// What it or the network said.
        reason: String,
        /// Whether trying again, with nothing changed, can help.
        temporary: bool,
    },
    /// The server took too long. It may have taken the message or not: a repetition has the same id.
    #[error("the mail server `{host}` gave no answer within {seconds} s")]
    Timeout {
        /// The server.
        host: String,
        /// How long it was given.
        seconds: u64,
    },
}

impl DeliveryError {
    /// Whether to try again with nothing changed. Otherwise a person has to change something first.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Notice(_) | Self::NoAddress { .. } => false,
            Self::Folder { .. } | Self::Timeout { .. } => true,
            Self::Refused { temporary, .. } | Self::Server { temporary, .. } => *temporary,
        }
    }
}
