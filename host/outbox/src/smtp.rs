//! One message to one mail server, one connection each time: notices are rare, and a kept connection goes stale.

use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, SUBMISSIONS_PORT};

use crate::message::one_line;
use crate::{ConfigError, DeliveryError, Smtp, Tls};

/// A configured server.
pub(crate) struct Server {
    host: String,
    port: u16,
    /// None for a server on this machine.
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    pub(crate) from: Address,
    timeout_s: u64,
}

/// What became of a message.
pub(crate) struct Sent {
    /// For whom the server took it.
    pub(crate) accepted: Vec<Address>,
    /// For whom it did not.
    pub(crate) refused: Vec<DeliveryError>,
}

impl Server {
    /// Checks the configuration and reads the files it names. Connects to nothing.
    ///
    /// # Errors
    /// Says what to change.
    pub(crate) fn new(config: &Smtp) -> Result<Self, ConfigError> {
        let from = address(&config.from, "[outbox.smtp] from")?;
        let tls = match config.tls {
            Tls::Required => Some(tls(config)?),
            Tls::None if is_this_machine(&config.host) => None,
            Tls::None => return Err(ConfigError::Unencrypted(config.host.clone())),
        };
        let credentials = match (&config.user, &config.password_file) {
            (Some(user), Some(path)) => {
                let text = read(path, "password-file")?;
                let text = String::from_utf8(text).map_err(|_| ConfigError::File {
                    path: path.clone(),
                    key: "password-file",
                    reason: "it is not UTF-8 text".to_owned(),
                })?;
                Some(Credentials::new(user.clone(), text.lines().next().unwrap_or_default().to_owned()))
            }
            (None, None) => None,
            _ => return Err(ConfigError::HalfCredentials),
        };
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            tls,
            credentials,
            from,
            timeout_s: config.timeout_s.max(1),
        })
    }

    /// Sends a message to these addresses.
    ///
    /// # Errors
    /// The server took it for nobody, for a reason that is not one address's.
    pub(crate) async fn send(&self, to: &[Address], message: &[u8]) -> Result<Sent, DeliveryError> {
        // Around everything: the library's own timeout ends with the connecting.
        match tokio::time::timeout(Duration::from_secs(self.timeout_s), self.converse(to, message)).await {
            Ok(Ok(sent)) => Ok(sent),
            Ok(Err(error)) => Err(DeliveryError::Server {
                host: self.host.clone(),
                reason: one_line(&error.to_string()),
                temporary: is_temporary(&error),
            }),
            Err(_) => Err(DeliveryError::Timeout { host: self.host.clone(), seconds: self.timeout_s }),
        }
    }

    async fn converse(&self, to: &[Address], message: &[u8]) -> Result<Sent, Error> {
        let hello = ClientId::default();
        let at_once = self.tls.clone().filter(|_| self.port == SUBMISSIONS_PORT);
        let place = (self.host.as_str(), self.port);
        let limit = Some(Duration::from_secs(self.timeout_s));
        let mut server = AsyncSmtpConnection::connect_tokio1(place, limit, &hello, at_once, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.port != SUBMISSIONS_PORT) {
            // Fails where the server offers none: nothing goes out in clear.
            server.starttls(tls, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            server.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        server.command(Mail::new(Some(self.from.clone()), Vec::new())).await?;
        let mut sent = Sent { accepted: Vec::new(), refused: Vec::new() };
        for address in to {
            match server.command(Rcpt::new(address.clone(), Vec::new())).await {
                Ok(_) => sent.accepted.push(address.clone()),
                // One address refused keeps nobody else from being told.
                Err(error) if error.status().is_some() => sent.refused.push(DeliveryError::Refused {
                    recipient: address.to_string(),
                    reason: one_line(&error.to_string()),
                    temporary: error.is_transient(),
                }),
                Err(error) => return Err(error),
            }
        }
        if !sent.accepted.is_empty() {
            server.command(Data).await?;
            server.message(message).await?;
        }
        // Says QUIT; the message is the server's by now, whatever it answers.
        let _ = tokio::time::timeout(Duration::from_secs(2), server.abort()).await;
        Ok(sent)
    }
}

/// An address in ASCII: any server takes it.
///
/// # Errors
/// It is none; `whose` goes into the message.
pub(crate) fn address(text: &str, whose: &str) -> Result<Address, ConfigError> {
    let refused = || ConfigError::Address { address: text.to_owned(), whose: whose.to_owned() };
    if !text.is_ascii() {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

/// The provider is aws-lc-rs: the library passes it to rustls explicitly unless the process installed another, so two
/// providers in one program do not matter here.
fn tls(config: &Smtp) -> Result<TlsParameters, ConfigError> {
    let refused = |error: Error| ConfigError::Tls { host: config.host.clone(), reason: error.to_string() };
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.authority {
        let pem = read(path, "authority")?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(refused)?);
    }
    builder.build().map_err(refused)
}

fn read(path: &Path, key: &'static str) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::File { path: path.to_owned(), key, reason: error.to_string() })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the server called permanent, what the library refused to do and what TLS did not trust stay so until somebody
/// changes something. Networks mend themselves.
fn is_temporary(error: &Error) -> bool {
    !error.is_permanent() && !error.is_client() && !error.is_tls()
}
