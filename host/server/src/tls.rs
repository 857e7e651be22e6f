//! TLS 1.3 with client certificates, checked against revocation lists that must not have expired.
//!
//! No session is ever resumed: resumption would skip the revocation check. Certificates and lists are read again when their
//! files change; a file that cannot be used leaves the last good configuration in force, and says so. Whoever got in under
//! another configuration than the one in force has to come in again: a certificate is looked at in a handshake only.
//! At the address for everybody no client shows a certificate, and only the server's own files matter.

use crate::authority::{Authorities, ClientAuthority};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often the files are looked at. A revocation takes effect for new connections within this, and ends those there are.
const LOOK: Duration = Duration::from_secs(2);

/// Where the certificates are; all PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities that client certificates must come from.
    pub authorities: Vec<ClientAuthority>,
}

/// Whom a server lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// Whoever shows a certificate of one of the authorities.
    Certified,
    /// Anybody: no certificate is asked for. They are offered HTTP/1.1 alone, so that a connection holds one answer at a time.
    Anybody,
}

/// TLS files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct TlsError {
    path: String,
    reason: String,
}

pub(crate) fn failed(path: &Path, reason: impl std::fmt::Display) -> TlsError {
    TlsError { path: path.display().to_string(), reason: reason.to_string() }
}

impl TlsFiles {
    fn load(&self, clients: Clients) -> Result<rustls::ServerConfig, TlsError> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| failed(&self.key, e))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = match clients {
            Clients::Certified => Some(Arc::new(Authorities::load(&self.authorities, &provider)?)),
            Clients::Anybody => None,
        };
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| failed(&self.certificate, e))?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|e| failed(&self.certificate, e))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = match clients {
            Clients::Certified => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Clients::Anybody => vec![b"http/1.1".to_vec()],
        };
        Ok(config)
    }

    fn changed(&self, clients: Clients) -> Vec<Option<SystemTime>> {
        let matter = clients == Clients::Certified;
        let authorities = self.authorities.iter().filter(|_| matter).flat_map(|a| [&a.certificates, &a.revocations]);
        [&self.certificate, &self.key]
            .into_iter()
            .chain(authorities)
            .map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok())
            .collect()
    }
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|e| failed(path, e))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|e| failed(path, e))?;
    if all.is_empty() { Err(failed(path, "it holds no certificate")) } else { Ok(all) }
}

/// Chooses the provider of cryptography for every library that does not name one and so asks the process: the database's
/// client does, and two providers are linked in, between which rustls would not choose. To be called once, before anything
/// connects; a provider that was chosen before stays.
pub fn choose_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The configuration in force, whoever holds it.
#[derive(Clone)]
pub(crate) struct Tls {
    config: watch::Sender<Arc<rustls::ServerConfig>>,
    files: Arc<TlsFiles>,
    clients: Clients,
}

/// The configuration under which a connection came in.
pub(crate) struct Offered(watch::Receiver<Arc<rustls::ServerConfig>>);

impl Offered {
    /// Returns once another is in force.
    pub(crate) async fn replaced(mut self) {
        if self.0.changed().await.is_err() {
            // The server stops, which ends connections in its own way.
            std::future::pending::<()>().await;
        }
    }
}

impl Tls {
    pub(crate) fn load(files: TlsFiles, clients: Clients) -> Result<Self, TlsError> {
        let config = watch::Sender::new(Arc::new(files.load(clients)?));
        Ok(Self { config, files: Arc::new(files), clients })
    }

    /// Where its certificates are.
    pub(crate) fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// The configuration in force, and how to learn that it is not any more.
    pub(crate) fn current(&self) -> (Arc<rustls::ServerConfig>, Offered) {
        let mut offered = self.config.subscribe();
        let config = offered.borrow_and_update().clone();
        (config, Offered(offered))
    }

    /// Reads the files again whenever they change, until dropped.
    pub(crate) async fn follow(self) {
        let mut seen = self.files.changed(self.clients);
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.files.changed(self.clients);
            if now == seen {
                continue;
            }
            match self.files.load(self.clients) {
                Ok(config) => {
                    self.config.send_replace(Arc::new(config));
                    tracing::info!("certificates and revocations read again: every connection is made anew");
                    seen = now;
                }
                Err(e) => tracing::error!(%e, "changed TLS files cannot be used; the last good ones stay in force"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_names_no_provider_finds_one() {
        choose_provider();
        choose_provider();
        // Panics where the process has not chosen.
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        assert!(config.alpn_protocols.is_empty());
    }
}
