//! The `[outbox]` table of magistrate.toml.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// Where notices go. At least one of `folder` and `smtp` is needed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The folder for message files; made if it is missing.
    pub folder: Option<PathBuf>,
    /// The mail server.
    pub smtp: Option<Smtp>,
    /// The mail addresses of each office, by the name that policies use.
    #[serde(default)]
    pub recipients: BTreeMap<String, Vec<String>>,
    /// The offices to tell when the host itself is in trouble. Whoever raises alarms reads this, and knows what empty means. With
    /// `smtp`, each has an address.
    #[serde(default)]
    pub alarm: Vec<String>,
}

/// A mail server and who is known to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Smtp {
    /// The server's name, as its certificate has it, or its address.
    pub host: String,
    /// 465 (TLS from the first byte, RFC 8314), 587 or another (STARTTLS, RFC 3207).
    pub port: u16,
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// A PEM file of authorities to trust beside the system's, for a server with a certificate of the agency's own.
    pub authority: Option<PathBuf>,
    /// The account to log in with; needs `password-file`.
    pub user: Option<String>,
    /// The file whose first line is the account's password.
    pub password_file: Option<PathBuf>,
    /// The sender's address.
    pub from: String,
    /// How long a delivery may take, in seconds; a server that takes longer is given up on for this time.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Always; without TLS nothing is sent.
    #[default]
    Required,
    /// Never; only for a server on this machine.
    None,
}

/// RFC 5321, section 4.5.3.2, allows minutes for each step; a notice is short, and a caller waits.
fn default_timeout() -> u64 {
    30
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_reads() {
        let config: Config = toml::from_str(
            r#"
            folder = "outbox"
            alarm = ["records office"]
            [smtp]
            host = "mail.example.gov"
            port = 587
            tls = "required"
            user = "magistrate"
            password-file = "outbox.password"
            from = "magistrate@example.gov"
            [recipients]
            "records office" = ["records@example.gov"]
            "#,
        )
        .unwrap();
        let smtp = config.smtp.unwrap();
        assert_eq!((smtp.tls, smtp.timeout_s), (Tls::Required, 30));
        assert_eq!(config.recipients["records office"], ["records@example.gov"]);
        assert_eq!(config.alarm, ["records office"]);
    }

    #[test]
    fn a_typo_is_refused() {
        for text in ["folders = \"x\"", "[smtp]\nhost=\"h\"\nport=1\nfrom=\"a@b\"\ntsl=\"none\"", "[smtp]\nhost=\"h\""]
        {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
