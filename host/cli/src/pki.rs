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
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
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
        after_help = "Example:\n  magistrate pki issue here/certs --jurisdiction detroit --person m.whitfield --device mobile --name m.whitfield-telephone"
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
        /// Name of the files, which must not be there yet; the person's id where absent
        #[arg(long)]
        name: Option<String>,
        /// Days it is valid; a negative number makes one that has expired
        #[arg(long, default_value_t = CERTIFICATE_DAYS, allow_negative_numbers = true, value_parser = day_range())]
        days: i64,
    },
    /// Revoke a certificate
    #[command(after_help = "Example:\n  magistrate pki revoke here/certs here/certs/detroit/m.whitfield.pem")]
    Revoke {
        /// The PKI's folder
        folder: PathBuf,
        /// The certificate's file
        certificate: PathBuf,
    },
    /// Sign the revocation list anew
    #[command(after_help = "Example:\n  magistrate pki renew here/certs")]
    Renew {
        /// The PKI's folder
        folder: PathBuf,
        /// Days it may be used; a negative number makes one that has expired
        #[arg(long, default_value_t = REVOCATIONS_DAYS, allow_negative_numbers = true, value_parser = day_range())]
        days: i64,
    },
}

/// Reads days from today, ten years before to a hundred after: all of them have a date that a certificate can say.
fn day_range() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(-3_650..=36_500)
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
            let name = name.clone().unwrap_or_else(|| file_name(person));
            let path = authority.person(jurisdiction, person, (*device).into(), &name, *days)?;
            say!("{}", path.display());
        }
        Command::Revoke { folder, certificate } => {
            Authority::open(folder)?.revoke(certificate)?;
            say!("{} is revoked; a running server refuses it within seconds", certificate.display());
        }
        Command::Renew { folder, days } => Authority::open(folder)?.publish_revocations(*days)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The list of revoked serial numbers: hexadecimal, one a line.
const REVOKED: &str = "revoked.txt";

/// The file of the authority's key. Whoever changes something in the folder holds it locked meanwhile.
const AUTHORITY_KEY: &str = "ca-key.pem";

/// What the name of a key's file ends with.
const KEY_SUFFIX: &str = "-key";

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
        // The first of its files, and new: of two who make an authority here, one does.
        write_secret(&folder.join(AUTHORITY_KEY), &key.serialize_pem())?;
        let _alone = lock(folder)?;
        std::fs::write(folder.join("ca.pem"), certificate.pem())?;
        let authority = Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) };
        // A new authority has revoked nobody. One that lost its list must not say so.
        replace(&folder.join(REVOKED), "")?;
        authority.sign_revocations("", REVOCATIONS_DAYS)?;
        Ok(authority)
    }

    /// Opens the authority of this folder.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let key = KeyPair::from_pem(&read(AUTHORITY_KEY)?)?;
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

    /// Issues a person's certificate: `<jurisdiction>/<name>.pem`, `-key.pem` and `.serial`.
    ///
    /// # Errors
    /// When one of them is there already, or the name would be that of a key's file: nothing is issued then.
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
        if name.ends_with(KEY_SUFFIX) {
            bail!("`{name}` is what a key's file is called: name the files otherwise with --name");
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
        let _alone = lock(&self.folder)?;
        let (key_path, serial_path) = (key_of(path)?, path.with_extension("serial"));
        for there in [path, &key_path, &serial_path] {
            if there.symlink_metadata().is_ok() {
                bail!(
                    "{} is there already, and a certificate whose serial number is lost cannot be revoked: name the files \
                     otherwise with --name",
                    there.display()
                );
            }
        }
        let key = KeyPair::generate()?;
        valid(&mut params, days)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let serial: [u8; 16] = rand::random();
        params.serial_number = Some(positive(serial));
        let certificate = params.signed_by(&key, &self.issuer)?;
        // The serial stands beside the certificate, for a revocation list to name, and is there before it.
        write_new(&serial_path, &hex::encode(positive(serial).to_bytes()), PUBLIC)?;
        write_secret(&key_path, &key.serialize_pem())?;
        write_new(path, &certificate.pem(), PUBLIC)
    }

    /// Adds a certificate of this authority to the revocation list.
    ///
    /// # Errors
    /// When the authority did not sign it, whatever stands beside it: on this list it would be revoked for nobody.
    pub(crate) fn revoke(&self, certificate: &Path) -> anyhow::Result<()> {
        let serial = server::authority::serial_of_issued(&self.folder.join("ca.pem"), certificate);
        let serial = hex::encode(serial.context("nothing is revoked")?);
        // Until the list is signed that was read: another's revocation in between would be lost.
        let _alone = lock(&self.folder)?;
        let mut revoked = self.revoked()?;
        if !revoked.lines().any(|line| line == serial) {
            revoked.push_str(&serial);
            revoked.push('\n');
            replace(&self.folder.join(REVOKED), &revoked)?;
        }
        self.sign_revocations(&revoked, REVOCATIONS_DAYS)
    }

    /// The serial numbers revoked so far. A list that cannot be read is not an empty one: everybody would be let in again.
    fn revoked(&self) -> anyhow::Result<String> {
        let path = self.folder.join(REVOKED);
        std::fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {}: nothing is signed; if nobody was ever revoked, make it an empty file",
                path.display()
            )
        })
    }

    /// Signs the revocation list, to be used for so many days; a negative number makes one that has expired.
    ///
    /// # Errors
    /// When the list of revoked serial numbers cannot be read: the signed one stays as it is.
    pub(crate) fn publish_revocations(&self, days: i64) -> anyhow::Result<()> {
        let _alone = lock(&self.folder)?;
        self.sign_revocations(&self.revoked()?, days)
    }

    /// The same of these serial numbers, one a line, by whoever is alone in the folder.
    fn sign_revocations(&self, revoked: &str, days: i64) -> anyhow::Result<()> {
        let now = day(0)?;
        let revoked_certs = revoked
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
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
            this_update: day(days.min(0) - 1)?,
            next_update: day(days)?,
            crl_number: SerialNumber::from_slice(&number[2..]),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer)?.pem()?;
        replace(&self.folder.join("revocations.pem"), &pem)
    }
}

/// The name of a person's files where none is given: their id, unless that is what a key's file is called.
pub(crate) fn file_name(person: &str) -> String {
    let suffix = if person.ends_with(KEY_SUFFIX) { "-certificate" } else { "" };
    format!("{person}{suffix}")
}

/// Where the authority is looked for that issued a certificate and the server's: `ca.pem` in the folder above.
pub(crate) fn authority_of(certificate: &Path) -> Option<PathBuf> {
    Some(std::path::absolute(certificate).ok()?.parent()?.parent()?.join("ca.pem"))
}

/// The key's file beside a certificate's: `x.pem` and `x-key.pem`.
pub(crate) fn key_of(certificate: &Path) -> anyhow::Result<PathBuf> {
    let Some(stem) = certificate.file_stem().and_then(|s| s.to_str()) else {
        bail!("{} is not a certificate's file", certificate.display())
    };
    Ok(certificate.with_file_name(format!("{stem}{KEY_SUFFIX}.pem")))
}

/// A serial number is positive (RFC 5280 section 4.1.2.2): the first bit is clear, and the first byte is not zero.
fn positive(mut serial: [u8; 16]) -> SerialNumber {
    serial[0] = serial[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&serial)
}

/// Which day it is, in UTC.
pub(crate) fn today() -> model::terms::Date {
    jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date()
}

fn day(from_today: i64) -> anyhow::Result<time::OffsetDateTime> {
    use jiff::ToSpan as _;
    let date = today().checked_add(from_today.days())?;
    Ok(rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs()))
}

fn valid(params: &mut CertificateParams, days: i64) -> anyhow::Result<()> {
    // A day of slack before, for clocks that differ; an expired certificate was valid in the past.
    (params.not_before, params.not_after) = (day(days.min(0) - 1)?, day(days)?);
    Ok(())
}

/// The permissions of a file that everybody may read, as far as the process's mask allows.
const PUBLIC: u32 = 0o666;

/// Writes a file that only its owner may read, and that was not there before.
pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    write_new(path, text, 0o600)
}

/// Writes a file that was not there before, with these permissions.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = made.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Waits until nobody else changes anything in the folder; others wait for as long as this is held.
fn lock(folder: &Path) -> anyhow::Result<File> {
    // A file that is there anyway, and that whoever signs here can read: one made for this would belong to whoever came first, and
    // bar the others.
    let path = folder.join(AUTHORITY_KEY);
    let locked = File::open(&path).and_then(|file| file.lock().map(|()| file));
    locked.with_context(|| format!("cannot lock {}", path.display()))
}

/// Puts a file's new content in its place in one step, so that nobody ever reads half of it, not after a power failure
/// either.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // Of this call alone: where a lock binds nobody, on some network's disk, no two write one file.
    let temporary = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let put = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(PUBLIC).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    };
    let failed = |_: &std::io::Error| drop(std::fs::remove_file(&temporary));
    put().inspect_err(failed).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    /// The serial numbers that the signed list of a folder revokes.
    fn listed(folder: &Path) -> usize {
        let pem = std::fs::read_to_string(folder.join("revocations.pem")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
        let serials = std::fs::read_to_string(folder.join(REVOKED)).unwrap();
        let held = |serial: &str| {
            let serial = hex::decode(serial).unwrap();
            der.windows(serial.len()).any(|bytes| bytes == serial)
        };
        serials.lines().filter(|serial| !serial.is_empty() && held(serial)).count()
    }

    fn said(failed: anyhow::Result<impl Sized>) -> String {
        format!("{:#}", failed.err().unwrap())
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_an_empty_one() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("certs");
        let authority = Authority::create(&folder).unwrap();
        let [first, second] = ["x", "y"].map(|id| authority.person("here", id, Device::Fixed, id, 30).unwrap());
        authority.revoke(&first).unwrap();
        assert_eq!(listed(&folder), 1);
        let signed = std::fs::read(folder.join("revocations.pem")).unwrap();

        let list = folder.join(REVOKED);
        let kept = std::fs::read(&list).unwrap();
        for unreadable in [None, Some(&b"\xff\xfe"[..])] {
            std::fs::remove_file(&list).unwrap();
            if let Some(bytes) = unreadable {
                std::fs::write(&list, bytes).unwrap();
            }
            let authority = Authority::open(&folder).unwrap();
            assert!(said(authority.publish_revocations(30)).contains(REVOKED));
            assert!(said(authority.revoke(&second)).contains(REVOKED));
            assert_eq!(std::fs::read(folder.join("revocations.pem")).unwrap(), signed, "nothing was signed");
            std::fs::write(&list, &kept).unwrap();
        }
        std::fs::write(&list, [&kept[..], b"\n"].concat()).unwrap();
        authority.revoke(&second).unwrap();
        authority.revoke(&second).unwrap();
        let lines = std::fs::read_to_string(&list).unwrap().lines().count();
        assert_eq!((listed(&folder), lines), (2, 3), "an empty line is no number, and each number is there once");
    }

    #[test]
    fn of_many_who_revoke_at_once_each_does() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("certs");
        let authority = Authority::create(&folder).unwrap();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let issued = names.map(|id| authority.person("here", id, Device::Fixed, id, 30).unwrap());
        let (folder, together) = (&folder, &std::sync::Barrier::new(names.len()));
        std::thread::scope(|threads| {
            for certificate in &issued {
                threads.spawn(move || {
                    // As programs of their own: each opens the folder for itself.
                    let authority = Authority::open(folder).unwrap();
                    together.wait();
                    authority.revoke(certificate).unwrap();
                    authority.publish_revocations(30).unwrap();
                });
            }
        });
        assert_eq!(listed(folder), names.len());
        let mut left: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let own = ["ca-key.pem", "ca.pem", "here", "revocations.pem", REVOKED];
        assert_eq!(left, own, "nothing half made is left, and nothing that bars others");
    }

    #[test]
    fn days_without_a_date_are_typed_wrongly() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(subcommand)]
            _command: Command,
        }
        let typed = |days: &str| {
            let issue = ["pki", "issue", "certs", "--jurisdiction", "here", "--person", "x", "--days", days];
            [&["pki", "renew", "certs", "--days", days][..], &issue]
                .map(|line| <Line as clap::Parser>::try_parse_from(line).is_ok())
        };
        for bad in ["9000000", "-9223372036854775808", "-800000", "36501", "-3651"] {
            assert_eq!(typed(bad), [false; 2], "{bad}");
        }
        for good in ["36500", "-3650", "0"] {
            assert_eq!(typed(good), [true; 2], "{good}");
            day(good.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn what_was_issued_is_never_written_over() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::create(&home.path().join("certs")).unwrap();
        let issue = |person: &str, name: &str| authority.person("here", person, Device::Fixed, name, 30);
        let certificate = issue("x", "x").unwrap();
        let files = [certificate.clone(), key_of(&certificate).unwrap(), certificate.with_extension("serial")];
        let read = || files.each_ref().map(|file| std::fs::read(file).unwrap());
        let before = read();
        assert!(said(issue("x", "x")).contains("--name"));
        assert_eq!(read(), before);
        for kept in &files {
            let aside = home.path().join("aside");
            for file in files.iter().filter(|file| *file != kept) {
                std::fs::rename(file, aside.with_file_name(file.file_name().unwrap())).unwrap();
            }
            assert!(said(issue("x", "x")).contains("is there already"), "{}", kept.display());
            for file in files.iter().filter(|file| *file != kept) {
                assert!(!file.exists(), "{}", file.display());
                std::fs::rename(aside.with_file_name(file.file_name().unwrap()), file).unwrap();
            }
        }
        // A second certificate of the same person has files of its own, and each can be revoked.
        let second = issue("x", "x-desk").unwrap();
        authority.revoke(&certificate).unwrap();
        authority.revoke(&second).unwrap();
        assert_eq!(listed(&home.path().join("certs")), 2);
        assert!(Authority::create(&home.path().join("certs")).is_err(), "nor is an authority");
    }

    #[test]
    fn only_what_this_authority_signed_is_revoked() {
        let home = tempfile::tempdir().unwrap();
        let [own, other] = ["own", "other"].map(|name| Authority::create(&home.path().join(name)).unwrap());
        let foreign = other.person("here", "x", Device::Fixed, "x", 30).unwrap();
        assert!(said(own.revoke(&foreign)).contains("did not issue it"));
        assert!(said(own.revoke(&home.path().join("own/ca.pem"))).contains("did not issue it"));
        assert!(said(own.revoke(&home.path().join("none.pem"))).contains("none.pem"));
        assert!(said(own.revoke(&key_of(&foreign).unwrap())).contains("nothing is revoked"));
        assert_eq!((listed(&home.path().join("own")), listed(&home.path().join("other"))), (0, 0));

        // What has expired, a server's, and one whose serial number is not beside it any more.
        let expired = own.person("here", "y", Device::Fixed, "y", -1).unwrap();
        own.server().unwrap();
        let alone = own.person("here", "z", Device::Fixed, "z", 30).unwrap();
        std::fs::remove_file(alone.with_extension("serial")).unwrap();
        for certificate in [&expired, &home.path().join("own/server.pem"), &alone] {
            own.revoke(certificate).unwrap();
        }
        assert_eq!(listed(&home.path().join("own")), 3);
    }

    #[test]
    fn no_certificate_is_taken_for_a_key() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::create(&home.path().join("certs")).unwrap();
        let issue = |person: &str, name: &str| authority.person("here", person, Device::Fixed, name, 30);
        assert!(said(issue("x-key", "x-key")).contains("`x-key`"));
        let [first, second] = ["x", "x-key"].map(|person| issue(person, &file_name(person)).unwrap());
        let all = [&first, &second, &key_of(&first).unwrap(), &key_of(&second).unwrap()].map(PathBuf::clone);
        assert!(all.iter().all(|file| file.is_file()));
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
