//! TLS 1.3 with client certificates, checked against revocation lists that must not have expired.
//!
//! No session is ever resumed: resumption would skip the revocation check. Certificates and lists are read again when their
//! files change; a file that cannot be used leaves the last good configuration in force, which is trouble. Whoever got in under
//! another configuration than the one in force has to come in again: a certificate is looked at in a handshake only.
//! At the address for everybody no client shows a certificate, and only the server's own files matter.

use crate::authority::{Authorities, ClientAuthority};
use crate::lists::{self, List};
use crate::trouble::Trouble;
use model::terms::Instant;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// How often the files are looked at. A revocation takes effect for new connections within this, and ends those there are.
pub(crate) const LOOK: Duration = Duration::from_secs(2);

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
    /// What they say; with it, each authority's revocation lists.
    fn load(&self, clients: Clients) -> Result<(rustls::ServerConfig, Vec<Vec<List>>), TlsError> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| failed(&self.key, e))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (verifier, lists) = match clients {
            Clients::Certified => {
                let (authorities, lists) = Authorities::load(&self.authorities, &provider)?;
                (Some(Arc::new(authorities)), lists)
            }
            Clients::Anybody => (None, Vec::new()),
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
        Ok((config, lists))
    }

    /// When each was changed last, where it is there.
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
    known: Arc<Mutex<Known>>,
    files: Arc<TlsFiles>,
    clients: Clients,
}

/// What is known of the files.
struct Known {
    /// When those in force were changed last, as it was before they were read: whatever was changed since is read again, whoever
    /// looks next.
    changed: Vec<Option<SystemTime>>,
    /// Each authority's revocation lists in force.
    lists: Vec<Vec<List>>,
    /// Why changed files cannot be used, and since when.
    failed: Option<(String, Instant)>,
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
        let changed = files.changed(clients);
        let (config, lists) = files.load(clients)?;
        let known = Arc::new(Mutex::new(Known { changed, lists, failed: None }));
        Ok(Self { config: watch::Sender::new(Arc::new(config)), known, files: Arc::new(files), clients })
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

    /// What is wrong with the files: that they cannot be used as they are now, and lists that have ended or are about to.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let known = self.known();
        let mut troubles = lists::troubles(&known.lists, now());
        if let Some((reason, since)) = &known.failed {
            let text = format!(
                "{reason}. Until that is repaired, those read before stay in force, and no revocation since has any effect"
            );
            let subject = "changed TLS files cannot be used";
            troubles.push(Trouble { shut: false, subject, text, since: *since });
        }
        troubles
    }

    /// Reads the files again whenever they change, or have changed since they were read, until dropped.
    pub(crate) async fn follow(self) {
        loop {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&self) {
        let changed = self.files.changed(self.clients);
        {
            let mut known = self.known();
            if changed == known.changed {
                // What could not be used is gone.
                known.failed = None;
                return;
            }
        }
        match self.files.load(self.clients) {
            Ok((config, lists)) => {
                *self.known() = Known { changed, lists, failed: None };
                self.config.send_replace(Arc::new(config));
                tracing::info!("certificates and revocations read again: every connection is made anew");
            }
            Err(e) => {
                tracing::error!(%e, "changed TLS files cannot be used; the last good ones stay in force");
                let mut known = self.known();
                let since = known.failed.as_ref().map_or_else(now, |(_, since)| *since);
                known.failed = Some((e.to_string(), since));
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The moment by the clock that handshakes go by.
fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pki::Files;

    fn subjects(tls: &Tls) -> Vec<&'static str> {
        tls.troubles().iter().map(|trouble| trouble.subject).collect()
    }

    #[tokio::test]
    async fn what_is_changed_before_anybody_follows_is_read_again() {
        let files = Files::new();
        let tls = Tls::load(files.tls(), Clients::Certified).unwrap();
        let (_, offered) = tls.current();
        files.put_list(2021, 2200);
        let following = tokio::spawn(tls.clone().follow());
        let replaced = tokio::time::timeout(Duration::from_secs(60), offered.replaced());
        assert!(replaced.await.is_ok(), "the list that was read stays in force");
        following.abort();
        let (_, offered) = tls.current();
        tls.look();
        assert!(!offered.0.has_changed().unwrap(), "once is enough");
    }

    #[test]
    fn files_that_cannot_be_used_are_trouble_until_they_can() {
        let files = Files::new();
        let tls = Tls::load(files.tls(), Clients::Certified).unwrap();
        let (_, offered) = tls.current();
        assert!(tls.troubles().is_empty());
        files.put("revocations.pem", "garbage");
        tls.look();
        let found = tls.troubles();
        assert_eq!(subjects(&tls), ["changed TLS files cannot be used"]);
        assert!(!found[0].shut && found[0].text.contains("revocations.pem"), "{found:?}");
        tls.look();
        assert_eq!(tls.troubles(), found, "the same, since the same moment");
        assert!(!offered.0.has_changed().unwrap(), "the last good ones stay in force");

        files.put_list(2021, 2200);
        tls.look();
        assert!(tls.troubles().is_empty() && offered.0.has_changed().unwrap());
        std::fs::rename(files.path("server.pem"), files.path("aside.pem")).unwrap();
        tls.look();
        assert_eq!(subjects(&tls), ["changed TLS files cannot be used"]);
        std::fs::rename(files.path("aside.pem"), files.path("server.pem")).unwrap();
        tls.look();
        assert!(tls.troubles().is_empty(), "it is as it was");
    }

    #[test]
    fn a_list_that_has_ended_is_trouble() {
        let files = Files::new();
        files.put_list(2020, 2021);
        let tls = Tls::load(files.tls(), Clients::Certified).unwrap();
        let found = tls.troubles();
        assert!(found.len() == 1 && found[0].shut, "{found:?}");
        let public = Tls::load(files.tls(), Clients::Anybody).unwrap();
        assert!(public.troubles().is_empty(), "no list matters there");
        files.put_list(2020, 2200);
        tls.look();
        assert!(tls.troubles().is_empty());
    }

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
