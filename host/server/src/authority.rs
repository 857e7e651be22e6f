//! Whose client certificates are accepted, and for whom: an authority speaks for its jurisdictions, and for no others.
//!
//! Each authority has a verifier of its own, with its own roots and its own revocation lists, and all of them are asked. A
//! certificate is accepted if one of them accepts it that speaks for every jurisdiction the certificate names, and none says that it
//! is revoked: one authority may be named twice, with different lists, and their order is nobody's decision. So who runs one
//! jurisdiction's authority cannot issue a certificate for a person of another. A certificate that names no jurisdiction names
//! nobody, and gets as far as the public log.

use crate::identity;
use crate::lists::List;
use crate::tls::{TlsError, certificates, failed};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An authority that client certificates may come from; its files are PEM.
#[derive(Clone, Debug)]
pub struct ClientAuthority {
    /// Its certificate, or several.
    pub certificates: PathBuf,
    /// Its revocation list, and those of the authorities between it and its certificates.
    pub revocations: PathBuf,
    /// The jurisdictions whose people it may name; any where absent.
    pub jurisdictions: Option<BTreeSet<String>>,
}

/// The serial number of a certificate, as its bytes, if an authority signed it; one that has expired is revoked too.
///
/// # Errors
/// [`TlsError`] where either file holds no certificate that can be read, and where the authority did not sign this one.
pub fn serial_of_issued(authority: &Path, certificate: &Path) -> Result<Vec<u8>, TlsError> {
    let (roots, chain) = (certificates(authority)?, certificates(certificate)?);
    let mut anchors = Vec::with_capacity(roots.len());
    for root in &roots {
        anchors.push(webpki::anchor_from_trusted_cert(root).map_err(|e| failed(authority, e))?);
    }
    let issued = chain.first().ok_or_else(|| failed(certificate, "it holds no certificate"))?;
    let issued = webpki::EndEntityCert::try_from(issued).map_err(|e| failed(certificate, e))?;
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
    let at = |time| issued.verify_for_usage(algorithms, &anchors, &[], time, AnyUse, None, None).map(drop);
    let signed = match at(UnixTime::now()) {
        // It was, or will be, good at some moment.
        Err(webpki::Error::CertExpired { not_after, .. }) => at(not_after),
        Err(webpki::Error::CertNotValidYet { not_before, .. }) => at(not_before),
        now => now,
    };
    match signed {
        Ok(()) => Ok(issued.serial().to_vec()),
        Err(e) => Err(failed(certificate, format!("the authority in {} did not issue it: {e}", authority.display()))),
    }
}

/// Of people's certificates and of servers'.
struct AnyUse;

impl webpki::ExtendedKeyUsageValidator for AnyUse {
    fn validate(&self, _: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// A certificate that names a jurisdiction for which its authority does not speak.
#[derive(Debug, thiserror::Error)]
#[error(
    "its authority may not name anybody of the jurisdiction `{jurisdiction}`: have that jurisdiction's authority issue it"
)]
struct ForeignError {
    jurisdiction: String,
}

/// What decides at the handshake.
#[derive(Debug)]
pub(crate) struct Authorities {
    each: Vec<Authority>,
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Authority {
    verifier: Arc<dyn ClientCertVerifier>,
    jurisdictions: Option<BTreeSet<String>>,
}

impl Authorities {
    /// Reads the files of every authority; gives, too, the revocation lists of each.
    pub(crate) fn load(
        named: &[ClientAuthority],
        provider: &Arc<CryptoProvider>,
    ) -> Result<(Self, Vec<Vec<List>>), TlsError> {
        if named.is_empty() {
            return Err(failed(Path::new("client authorities"), "none is named, so nobody could get in"));
        }
        let (mut each, mut lists, mut subjects) = (Vec::with_capacity(named.len()), Vec::new(), Vec::new());
        for authority in named {
            let roots = authority.roots()?;
            subjects.extend(roots.subjects());
            let revoked = authority.lists()?;
            lists.push(revoked.iter().map(|list| List::read(&authority.revocations, list)).collect());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .with_crls(revoked)
                .enforce_revocation_expiration()
                .build()
                .map_err(|e| failed(&authority.revocations, e))?;
            each.push(Authority { verifier, jurisdictions: authority.jurisdictions.clone() });
        }
        Ok((Self { each, subjects, algorithms: provider.signature_verification_algorithms }, lists))
    }
}

impl ClientAuthority {
    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.certificates)? {
            roots.add(certificate).map_err(|e| failed(&self.certificates, e))?;
        }
        Ok(roots)
    }

    fn lists(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
        let path = &self.revocations;
        let read = CertificateRevocationListDer::pem_file_iter(path).map_err(|e| failed(path, e))?;
        let lists: Vec<_> = read.collect::<Result<_, _>>().map_err(|e| failed(path, e))?;
        if lists.is_empty() {
            return Err(failed(path, "it holds no revocation list; an empty list is one too"));
        }
        Ok(lists)
    }
}

impl Authority {
    /// A jurisdiction among these for which it does not speak.
    fn foreign<'n>(&self, named: &'n BTreeSet<String>) -> Option<&'n String> {
        let own = self.jurisdictions.as_ref()?;
        named.iter().find(|jurisdiction| !own.contains(*jurisdiction))
    }
}

impl ClientCertVerifier for Authorities {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let unreadable = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let named = identity::jurisdictions(end_entity).map_err(unreadable)?;
        let (mut accepted, mut refusal) = (None, Error::from(CertificateError::UnknownIssuer));
        for authority in &self.each {
            match authority.verifier.verify_client_cert(end_entity, intermediates, now) {
                Ok(verified) => match authority.foreign(&named) {
                    None => accepted = Some(verified),
                    Some(jurisdiction) => {
                        let foreign = ForeignError { jurisdiction: jurisdiction.clone() };
                        refusal = CertificateError::Other(OtherError(Arc::new(foreign))).into();
                    }
                },
                // What one of them revoked no other makes good, asked before it or after.
                Err(revoked @ Error::InvalidCertificate(CertificateError::Revoked)) => return Err(revoked),
                // It is another's, most likely, which may bear the same name.
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {}
                Err(e) => refusal = e,
            }
        }
        accepted.ok_or(refusal)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
