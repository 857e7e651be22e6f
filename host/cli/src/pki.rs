//! The development PKI: one authority, a server certificate, a certificate per person, a revocation list.
//!
//! For development and demonstration. A deployment brings certificates of its own authority; all that matters to the server
//! are the two URI SANs.

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use model::facts::Device;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use server::identity::{device_uri, person_uri};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How long the authority is valid, in days.
const AUTHORITY_DAYS: i64 = 3650;

/// How long a certificate is valid, in days.
const CERTIFICATE_DAYS: i64 = 365;

/// How long a revocation list may be used, in days. After that nobody gets in until `pki renew`.
const REVOCATIONS_DAYS: i64 = 30;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issue a certificate to a person
    #[command(
        after_help = "Example:\n  magistrate pki issue certs --jurisdiction detroit --person examiner-1 --device fixed"
    )]
    Issue {
        /// The PKI's folder
        folder: PathBuf,
        /// The person's jurisdiction
        #[arg(long)]
        jurisdiction: String,
        /// The person's id in its registry
        #[arg(long)]
        person: String,
        /// What kind of device the key is for
        #[arg(long, value_enum, default_value = "fixed")]
        device: DeviceKind,
        /// Name of the files; the person's id where absent
        #[arg(long)]
        name: Option<String>,
        /// Days it is valid; a negative number makes one that has expired
        #[arg(long, default_value_t = CERTIFICATE_DAYS, allow_negative_numbers = true)]
        days: i64,
    },
    /// Revoke a certificate
    #[command(after_help = "Example:\n  magistrate pki revoke certs certs/detroit/examiner-1.pem")]
    Revoke {
        /// The PKI's folder
        folder: PathBuf,
        /// The certificate's file
        certificate: PathBuf,
    },
    /// Sign the revocation list anew, for another 30 days
    #[command(after_help = "Example:\n  magistrate pki renew certs")]
    Renew {
        /// The PKI's folder
        folder: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum DeviceKind {
    /// A desk
    Fixed,
    /// Carried, or in a vehicle
    Mobile,
    /// A program
    Service,
}

impl From<DeviceKind> for Device {
    fn from(kind: DeviceKind) -> Self {
        match kind {
            DeviceKind::Fixed => Self::Fixed,
            DeviceKind::Mobile => Self::Mobile,
            DeviceKind::Service => Self::Service,
        }
    }
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Issue { folder, jurisdiction, person, device, name, days } => {
            let authority = Authority::open(folder)?;
            let name = name.as_deref().unwrap_or(person);
            let path = authority.person(jurisdiction, person, (*device).into(), name, *days)?;
            say!("{}", path.display());
        }
        Command::Revoke { folder, certificate } => {
            Authority::open(folder)?.revoke(certificate)?;
            say!("{} is revoked; a running server refuses it within seconds", certificate.display());
        }
        Command::Renew { folder } => Authority::open(folder)?.publish_revocations()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The authority of a PKI folder: `ca.pem`, `ca-key.pem`, `revocations.pem`, and the list of revoked serial numbers.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority in this folder, with an empty revocation list.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "Magistrate development authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, AUTHORITY_DAYS)?;
        let certificate = params.self_signed(&key)?;
        std::fs::write(folder.join("ca.pem"), certificate.pem())?;
        write_secret(&folder.join("ca-key.pem"), &key.serialize_pem())?;
        let authority = Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) };
        authority.publish_revocations()?;
        Ok(authority)
    }

    /// Opens the authority of this folder.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let key = KeyPair::from_pem(&read("ca-key.pem")?)?;
        let issuer = Issuer::from_ca_cert_pem(&read("ca.pem")?, key)?;
        Ok(Self { folder: folder.to_owned(), issuer })
    }

    /// Issues the server's certificate for loopback: `server.pem`, `server-key.pem`.
    pub(crate) fn server(&self) -> anyhow::Result<()> {
        let mut params =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "Magistrate development server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, &self.folder.join("server.pem"), CERTIFICATE_DAYS)
    }

    /// Issues a person's certificate: `<jurisdiction>/<name>.pem` and `-key.pem`.
    pub(crate) fn person(
        &self,
        jurisdiction: &str,
        person: &str,
        device: Device,
        name: &str,
        days: i64,
    ) -> anyhow::Result<PathBuf> {
        for id in [jurisdiction, person, name] {
            model::terms::check_id(id)?;
        }
        let folder = self.folder.join(jurisdiction);
        std::fs::create_dir_all(&folder)?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, format!("{jurisdiction}/{person}"));
        for uri in [person_uri(jurisdiction, person), device_uri(jurisdiction, device)] {
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let path = folder.join(format!("{name}.pem"));
        self.issue(params, &path, days)?;
        Ok(path)
    }

    fn issue(&self, mut params: CertificateParams, path: &Path, days: i64) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        valid(&mut params, days)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let serial: [u8; 16] = rand::random();
        params.serial_number = Some(positive(serial));
        let certificate = params.signed_by(&key, &self.issuer)?;
        std::fs::write(path, certificate.pem())?;
        let key_path = key_of(path)?;
        write_secret(&key_path, &key.serialize_pem())?;
        // The serial stands beside the certificate, for a revocation list to name.
        std::fs::write(path.with_extension("serial"), hex::encode(positive(serial).to_bytes()))?;
        Ok(())
    }

    /// Adds a certificate to the revocation list.
    pub(crate) fn revoke(&self, certificate: &Path) -> anyhow::Result<()> {
        let path = certificate.with_extension("serial");
        let serial = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: was this certificate issued here?", path.display()))?;
        let list = self.folder.join("revoked.txt");
        let mut revoked = std::fs::read_to_string(&list).unwrap_or_default();
        if !revoked.lines().any(|line| line == serial.trim()) {
            revoked.push_str(serial.trim());
            revoked.push('\n');
            std::fs::write(&list, revoked)?;
        }
        self.publish_revocations()
    }

    /// Signs the revocation list.
    pub(crate) fn publish_revocations(&self) -> anyhow::Result<()> {
        let revoked = std::fs::read_to_string(self.folder.join("revoked.txt")).unwrap_or_default();
        let now = day(0)?;
        let revoked_certs = revoked
            .lines()
            .map(|line| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&hex::decode(line)?),
                    revocation_time: now,
                    reason_code: Some(RevocationReason::CessationOfOperation),
                    invalidity_date: None,
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let number = jiff::Timestamp::now().as_millisecond().unsigned_abs().to_be_bytes();
        let list = CertificateRevocationListParams {
            this_update: day(-1)?,
            next_update: day(REVOCATIONS_DAYS)?,
            crl_number: SerialNumber::from_slice(&number[2..]),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer)?.pem()?;
        let path = self.folder.join("revocations.pem");
        // In one step, so that a server never reads half a list.
        let temporary = path.with_extension("new");
        std::fs::write(&temporary, pem)?;
        std::fs::rename(&temporary, &path)?;
        Ok(())
    }
}

/// The key's file beside a certificate's: `x.pem` and `x-key.pem`.
pub(crate) fn key_of(certificate: &Path) -> anyhow::Result<PathBuf> {
    let Some(stem) = certificate.file_stem().and_then(|s| s.to_str()) else {
        bail!("{} is not a certificate's file", certificate.display())
    };
    Ok(certificate.with_file_name(format!("{stem}-key.pem")))
}

/// A serial number is positive (RFC 5280 section 4.1.2.2): the first bit is clear, and the first byte is not zero.
fn positive(mut serial: [u8; 16]) -> SerialNumber {
    serial[0] = serial[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&serial)
}

fn day(from_today: i64) -> anyhow::Result<time::OffsetDateTime> {
    use jiff::ToSpan as _;
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let date = today.checked_add(from_today.days())?;
    Ok(rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs()))
}

fn valid(params: &mut CertificateParams, days: i64) -> anyhow::Result<()> {
    // A day of slack before, for clocks that differ; an expired certificate was valid in the past.
    (params.not_before, params.not_after) = (day(days.min(0) - 1)?, day(days)?);
    Ok(())
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
