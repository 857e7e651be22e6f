//! An authority for tests: a server's files, and revocation lists for any time.

use crate::authority::ClientAuthority;
use crate::tls::TlsFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams, DnType, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("authority")
    }

    /// One of this common name.
    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, from: i32, until: i32, revoked: &[[u8; 16]]) -> CertificateRevocationList {
        let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: date_time_ymd(from, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(from, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap()
    }

    /// A list in DER, good from the first day of one year until that of another.
    pub(crate) fn list(&self, from: i32, until: i32, revoked: &[[u8; 16]]) -> Vec<u8> {
        self.sign(from, until, revoked).der().to_vec()
    }
}

/// A folder with an authority's and a server's files; gone when it is dropped.
pub(crate) struct Files {
    folder: PathBuf,
    authority: Authority,
    changes: AtomicU32,
}

impl Files {
    /// With an empty list that is good for long.
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let n = MADE.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("magistrate-pki-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = Self { folder, authority: Authority::new(), changes: AtomicU32::new(0) };
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&key, &files.authority.issuer).unwrap();
        files.put("ca.pem", &files.authority.certificate);
        files.put("server.pem", &server.pem());
        files.put("server-key.pem", &key.serialize_pem());
        files.put_list(2020, 2200);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file; each time is seen to be another, however soon after the one before.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        let n = self.changes.fetch_add(1, Ordering::SeqCst);
        self.date(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + u64::from(n)));
    }

    /// Writes an empty list that is good from one year until another.
    pub(crate) fn put_list(&self, from: i32, until: i32) {
        self.put("revocations.pem", &self.authority.sign(from, until, &[]).pem().unwrap());
    }

    fn date(&self, path: &Path, at: SystemTime) {
        std::fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    }

    pub(crate) fn tls(&self) -> TlsFiles {
        let authority = ClientAuthority {
            certificates: self.path("ca.pem"),
            revocations: self.path("revocations.pem"),
            jurisdictions: None,
        };
        TlsFiles {
            certificate: self.path("server.pem"),
            key: self.path("server-key.pem"),
            authorities: vec![authority],
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
