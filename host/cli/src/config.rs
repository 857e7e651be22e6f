//! magistrate.toml. Paths in it are relative to the folder it is in.

use crate::private;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    /// The address for everybody; none where absent.
    pub(crate) public: Option<Public>,
    pub(crate) store: Store,
    pub(crate) audit: Audit,
    pub(crate) faces: Option<face::ModelPaths>,
    /// Where notices and alarms go; nowhere where absent, and then notices stay to be delivered.
    pub(crate) outbox: Option<outbox::Config>,
    #[serde(default, rename = "witness")]
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) jurisdictions: BTreeMap<String, Jurisdiction>,
    /// Where it was read.
    #[serde(skip)]
    file: PathBuf,
}

/// Where and as whom to listen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The authority that every client certificate comes from, and its revocation list.
    pub(crate) client_authority: Option<PathBuf>,
    pub(crate) revocations: Option<PathBuf>,
    /// Instead of these: several authorities, each for jurisdictions of its own.
    #[serde(default)]
    pub(crate) client_authorities: Vec<ClientAuthority>,
    /// For the head of a client's request, and for its handshake where that is less than three seconds.
    pub(crate) head_timeout_s: Option<Seconds>,
    /// For the body of a request.
    pub(crate) body_timeout_s: Option<Seconds>,
    /// For an answer to be read.
    pub(crate) answer_timeout_s: Option<Seconds>,
    /// For which a connection takes requests.
    pub(crate) connection_age_s: Option<Seconds>,
    /// Connections of one person at one moment.
    pub(crate) connections_each: Option<NonZeroUsize>,
    /// Handshakes from one address at one moment.
    pub(crate) handshakes_each: Option<NonZeroUsize>,
    /// Attempts of one person that may be refused, and looks, at once and then a minute.
    pub(crate) refusals_burst: Option<NonZeroU32>,
    pub(crate) refusals_per_minute: Option<NonZeroU32>,
    pub(crate) looks_burst: Option<NonZeroU32>,
    pub(crate) looks_per_minute: Option<NonZeroU32>,
}

/// Where everybody reads what is public, without a certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Public {
    pub(crate) listen: SocketAddr,
    /// Whether TLS is spoken there, with the server's certificate; `false` behind a proxy that speaks it.
    #[serde(default = "yes")]
    pub(crate) tls: bool,
    /// Connections from one address at one moment.
    pub(crate) connections_each: Option<NonZeroUsize>,
}

fn yes() -> bool {
    true
}

impl Public {
    /// Whether it is another address than the server's own.
    fn check(&self, server: &Server) -> anyhow::Result<()> {
        // Port 0 is any that is free.
        if self.listen == server.listen && self.listen.port() != 0 {
            bail!("[public] and [server] both listen on {}: name another address under [public]", self.listen);
        }
        Ok(())
    }

    /// The same for the server, with so many connections at one moment.
    pub(crate) fn bounds(&self, connections: usize) -> server::Public {
        let connections_each = self.connections_each.map_or(server::MOST_PUBLIC_EACH, NonZeroUsize::get);
        server::Public { listen: self.listen, tls: self.tls, connections, connections_each }
    }
}

/// Who may issue client certificates, and for whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientAuthority {
    pub(crate) file: PathBuf,
    pub(crate) revocations: PathBuf,
    /// The jurisdictions whose people it may name.
    pub(crate) jurisdictions: BTreeSet<String>,
}

impl Server {
    /// Whether it is clear who may issue client certificates for whom.
    fn check<'j>(&self, mut jurisdictions: impl Iterator<Item = &'j String> + Clone) -> anyhow::Result<()> {
        match (&self.client_authority, &self.revocations, self.client_authorities.as_slice()) {
            (Some(_), Some(_), []) => return Ok(()),
            (None, None, [_, ..]) => {}
            _ => bail!(
                "[server] needs client_authority and revocations, or [[server.client_authorities]] with file, revocations and jurisdictions, and not both"
            ),
        }
        let named = || self.client_authorities.iter().flat_map(|authority| &authority.jurisdictions);
        let known = jurisdictions.clone().collect::<BTreeSet<_>>();
        if let Some(unknown) = named().find(|name| !known.contains(name)) {
            bail!("[[server.client_authorities]] names `{unknown}`: add [jurisdictions.{unknown}], or leave it out");
        }
        if let Some(left_out) = jurisdictions.find(|id| !named().any(|name| name == *id)) {
            bail!(
                "no [[server.client_authorities]] is for `{left_out}`, so nobody of it could get in: name it with its authority"
            );
        }
        Ok(())
    }

    /// Who may issue client certificates.
    fn authorities(&self) -> Vec<server::authority::ClientAuthority> {
        let single = self.client_authority.iter().zip(&self.revocations).map(|(certificates, revocations)| {
            let (certificates, revocations) = (certificates.clone(), revocations.clone());
            server::authority::ClientAuthority { certificates, revocations, jurisdictions: None }
        });
        let each = self.client_authorities.iter().map(|authority| server::authority::ClientAuthority {
            certificates: authority.file.clone(),
            revocations: authority.revocations.clone(),
            jurisdictions: Some(authority.jurisdictions.clone()),
        });
        single.chain(each).collect()
    }
}

/// How long somebody may take, in seconds or fractions of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(Duration);

/// A day: whoever needs longer made a mistake of units.
const MOST_SECONDS: Duration = Duration::from_secs(86_400);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if !time.is_zero() && time <= MOST_SECONDS => Ok(Self(time)),
            _ => Err(format!("`{seconds}` s is no time to allow: name more than 0 and at most {MOST_SECONDS:?}")),
        }
    }
}

/// The database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// `surrealkv://folder`, or `wss://host:port`; `ws://` for a server on this machine.
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    /// The environment variable that holds the password.
    pub(crate) password_env: Option<String>,
    /// The file that holds the key which encrypts records.
    pub(crate) key: PathBuf,
    /// The folder of the galleries' files: their f32 rows and snapshots.
    #[serde(default = "galleries")]
    pub(crate) galleries: PathBuf,
}

/// How an embedded database writes what it acknowledges: through to the disk, each time.
const SYNCED: &str = "sync=every";

/// What is said where an embedded database would lie among other files.
const OF_ITS_OWN: &str = "the database needs a folder of its own, beside this file: write `surrealkv://data/db`";

impl Store {
    /// Whether the address is a database's that keeps what it has acknowledged, and all of it is heeded.
    fn check(&self) -> anyhow::Result<()> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let (folder, query) = rest.split_once('?').map_or((rest, None), |(folder, query)| (folder, Some(query)));
        // It is not shown: there may be a password in it.
        match scheme {
            "surrealkv" if Path::new(folder).components().all(|part| part == Component::CurDir) => {
                bail!(OF_ITS_OWN);
            }
            "surrealkv" if query.is_some_and(|query| query != SYNCED) => {
                bail!("every commit is synced, and there is nothing else to choose: leave out what follows the `?`");
            }
            "mem" => bail!("what is kept in memory is gone when the server stops: write `surrealkv://data/db`"),
            "ws" | "wss" if rest.contains('@') => {
                bail!(
                    "a user and a password in the address are not heeded: leave them out, and set user and password_env"
                );
            }
            "ws" | "wss" if rest.is_empty() || rest.starts_with([':', '/', '?', '#']) => {
                bail!("the address names no host: write `{scheme}://host:port`");
            }
            "surrealkv" | "ws" | "wss" => Ok(()),
            _ => bail!("that is no database's address: write `surrealkv://data/db`, or `wss://host:port` for a server"),
        }
    }
}

/// Whether a folder, by whatever name, is the one that the configuration is in, or one above it.
fn is_around(folder: &Path, base: &Path) -> bool {
    // One without a name is the working folder; one that is not there yet is around nothing.
    let real = |path: &Path| path.join(".").canonicalize();
    matches!((real(folder), real(base)), (Ok(folder), Ok(base)) if base.starts_with(&folder))
}

fn galleries() -> PathBuf {
    PathBuf::from("data/galleries")
}

/// The logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// This host's name in the logs' origins.
    pub(crate) host: String,
    pub(crate) folder: PathBuf,
    /// The folder of the signing keys.
    pub(crate) keys: PathBuf,
    /// How many of the witnesses must cosign a checkpoint before it is published.
    pub(crate) witnesses_required: Option<usize>,
}

/// Somebody who watches that the logs are only ever appended to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Witness {
    /// Its verifier key (C2SP tlog-cosignature); its name is in it.
    pub(crate) verifier_key: String,
    /// `https://host:port`, and a path where it has one.
    pub(crate) url: String,
    /// The certificate with which this host asks it, and the certificate's key.
    pub(crate) certificate: PathBuf,
    pub(crate) certificate_key: PathBuf,
    /// The authority that its server's certificate must come from.
    pub(crate) authority: PathBuf,
}

/// One jurisdiction.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jurisdiction {
    pub(crate) policy: PathBuf,
    pub(crate) registry: PathBuf,
    /// The names of this jurisdiction's witnesses; all of them where absent.
    pub(crate) witnesses: Option<Vec<String>>,
    /// How many must cosign here; as `[audit]` says where absent, and 0 for none to be asked.
    pub(crate) witnesses_required: Option<usize>,
    /// Where portable media are mounted that records are exported to.
    pub(crate) exports: Option<PathBuf>,
    /// The person by whose standing order what is due is purged.
    pub(crate) purge_as: Option<String>,
}

impl Config {
    /// Reads and checks the file, and makes every path in it absolute or relative to where the program runs.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; `magistrate init DIR` writes one", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {}", path.display(), e.to_string().trim_end()))?;
        if config.jurisdictions.is_empty() {
            bail!("{}: no jurisdiction: add [jurisdictions.<id>] with policy and registry", path.display());
        }
        for id in config.jurisdictions.keys() {
            model::terms::check_id(id).with_context(|| format!("{}: [jurisdictions.{id}]", path.display()))?;
        }
        config.server.check(config.jurisdictions.keys()).with_context(|| path.display().to_string())?;
        if let Some(public) = &config.public {
            public.check(&config.server).with_context(|| path.display().to_string())?;
        }
        config.store.check().with_context(|| format!("{}: [store] url", path.display()))?;
        config.file = path.to_owned();
        let base = path.parent().unwrap_or(Path::new("."));
        let (server, store, audit) = (&mut config.server, &mut config.store, &mut config.audit);
        let mut paths = vec![&mut server.certificate, &mut server.key, &mut store.key, &mut store.galleries];
        paths.extend([&mut server.client_authority, &mut server.revocations].into_iter().flatten());
        paths.extend(server.client_authorities.iter_mut().flat_map(|a| [&mut a.file, &mut a.revocations]));
        paths.extend([&mut audit.folder, &mut audit.keys]);
        paths.extend(config.faces.iter_mut().flat_map(|f| [&mut f.detector, &mut f.embedder]));
        if let Some(outbox) = &mut config.outbox {
            let mail = outbox.smtp.iter_mut().flat_map(|smtp| [&mut smtp.authority, &mut smtp.password_file]);
            paths.extend(std::iter::once(&mut outbox.folder).chain(mail).flatten());
        }
        paths.extend(
            config.witnesses.iter_mut().flat_map(|w| [&mut w.certificate, &mut w.certificate_key, &mut w.authority]),
        );
        paths.extend(config.jurisdictions.values_mut().flat_map(|j| {
            let exports = j.exports.iter_mut();
            [&mut j.policy, &mut j.registry].into_iter().chain(exports)
        }));
        for path in paths {
            *path = base.join(&*path);
        }
        if let Some(folder) = config.database_folder() {
            let folder = base.join(folder);
            if is_around(&folder, base) {
                bail!("{}: [store] url: {OF_ITS_OWN}", path.display());
            }
            let absolute = std::path::absolute(folder)?;
            config.store.url = format!("surrealkv://{}?{SYNCED}", absolute.display());
        }
        Ok(config)
    }

    /// The server's certificate and whom it trusts.
    pub(crate) fn tls_files(&self) -> server::tls::TlsFiles {
        server::tls::TlsFiles {
            certificate: self.server.certificate.clone(),
            key: self.server.key.clone(),
            authorities: self.server.authorities(),
        }
    }

    /// How long a client may take.
    pub(crate) fn patience(&self) -> server::Patience {
        let usual = server::Patience::default();
        server::Patience {
            head: self.server.head_timeout_s.map_or(usual.head, |seconds| seconds.0),
            body: self.server.body_timeout_s.map_or(usual.body, |seconds| seconds.0),
            answer: self.server.answer_timeout_s.map_or(usual.answer, |seconds| seconds.0),
            age: self.server.connection_age_s.map_or(usual.age, |seconds| seconds.0),
        }
    }

    /// Connections of one person at one moment.
    pub(crate) fn most_each(&self) -> usize {
        self.server.connections_each.map_or(server::MOST_EACH, NonZeroUsize::get)
    }

    /// Handshakes from one address at one moment.
    pub(crate) fn handshakes_each(&self) -> usize {
        self.server.handshakes_each.map_or(server::MOST_HANDSHAKES_EACH, NonZeroUsize::get)
    }

    /// What one person may have on record of what is refused them, and of looks.
    pub(crate) fn allowances(&self) -> server::Allowances {
        let usual = server::Allowances::default();
        let allowance = |burst: Option<NonZeroU32>, per_minute: Option<NonZeroU32>, usual: server::Allowance| {
            let burst = burst.map_or(usual.burst, NonZeroU32::get);
            server::Allowance { burst, per_minute: per_minute.map_or(usual.per_minute, NonZeroU32::get) }
        };
        let server = &self.server;
        server::Allowances {
            refusals: allowance(server.refusals_burst, server.refusals_per_minute, usual.refusals),
            looks: allowance(server.looks_burst, server.looks_per_minute, usual.looks),
        }
    }

    /// Where every policy revision that was ever in force is kept, beside the logs whose decisions name it.
    pub(crate) fn archive(&self) -> anyhow::Result<policy::Archive> {
        let folder = self.audit.folder.parent().unwrap_or(Path::new(".")).join("policies");
        private::folder(&folder)?;
        let dir = cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority())
            .with_context(|| format!("cannot open {}", folder.display()))?;
        Ok(policy::Archive::new(dir))
    }

    /// The folder of an embedded database; absent for a server.
    pub(crate) fn database_folder(&self) -> Option<PathBuf> {
        let folder = self.store.url.strip_prefix("surrealkv://")?;
        Some(PathBuf::from(folder.split_once('?').map_or(folder, |(folder, _)| folder)))
    }

    /// Makes the folder of an embedded database, for its owner alone: the engine makes its files for everybody.
    fn keep_database_private(&self) -> anyhow::Result<()> {
        self.database_folder().map_or(Ok(()), |folder| private::only_owners(&folder))
    }

    /// Where the database's address is named, and which it is: for whoever has to change it.
    fn store_named(&self) -> String {
        format!("{}: [store] url = \"{}\"", self.file.display(), self.store.url)
    }

    /// Database credentials, where a user is configured.
    fn credentials(&self) -> anyhow::Result<Option<store::Credentials>> {
        let Some(user) = self.store.user.clone() else { return Ok(None) };
        let variable = self.store.password_env.as_deref().unwrap_or("MAGISTRATE_STORE_PASSWORD");
        let password = std::env::var(variable)
            .with_context(|| format!("[store] user is set: put its password in the environment as {variable}"))?;
        Ok(Some(store::Credentials { user, password }))
    }

    /// Reads what the database is opened with; the future opens it.
    pub(crate) fn database(&self) -> anyhow::Result<impl Future<Output = anyhow::Result<store::Store>>> {
        self.keep_database_private()?;
        let key = store::MasterKey::from_bytes(secret(&self.store.key)?);
        let credentials = self.credentials()?;
        Ok(async move {
            let opened = store::Store::open(&self.store.url, credentials.as_ref(), key).await;
            opened.with_context(|| self.store_named())
        })
    }
}

/// Reads a file of 32 bytes written as 64 hexadecimal characters.
pub(crate) fn secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .with_context(|| format!("{} is not a key: 64 hexadecimal characters", path.display()))?;
    Ok(bytes)
}

/// Reads a registry file.
pub(crate) fn registry(path: &Path) -> anyhow::Result<model::registry::Registry> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let registry: model::registry::Registry =
        toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {}", path.display(), e.to_string().trim_end()))?;
    registry.check().with_context(|| path.display().to_string())?;
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> Option<Duration> {
        #[derive(Deserialize)]
        struct Only {
            allowed: Seconds,
        }
        toml::from_str::<Only>(&format!("allowed = {text}")).ok().map(|only| only.allowed.0)
    }

    fn checked(text: &str) -> Result<Vec<server::authority::ClientAuthority>, String> {
        let head = "listen = \"127.0.0.1:0\"\ncertificate = \"c\"\nkey = \"k\"\n";
        let server: Server = toml::from_str(&format!("{head}{text}")).map_err(|e| e.to_string())?;
        server.check(["north".to_owned(), "south".to_owned()].iter()).map_err(|e| e.to_string())?;
        Ok(server.authorities())
    }

    fn authority(jurisdictions: &str) -> String {
        format!("[[client_authorities]]\nfile = \"f\"\nrevocations = \"r\"\njurisdictions = {jurisdictions}\n")
    }

    #[test]
    fn one_authority_is_for_all_or_each_for_its_own() {
        let single = "client_authority = \"ca\"\nrevocations = \"list\"\n";
        let all = checked(single).unwrap().pop().unwrap();
        assert_eq!((all.certificates, all.jurisdictions), (PathBuf::from("ca"), None));
        let each = checked(&[authority("[\"north\"]"), authority("[\"south\"]")].concat()).unwrap();
        let names: Vec<_> = each.into_iter().flat_map(|a| a.jurisdictions.unwrap()).collect();
        assert_eq!(names, ["north", "south"]);

        let refused = |text: &str, says: &str| {
            let reason = checked(text).unwrap_err();
            assert!(reason.contains(says), "{text}: {reason}");
        };
        let both = authority("[\"north\", \"south\"]");
        for wrong in ["", "client_authority = \"ca\"\n", "revocations = \"list\"\n"] {
            refused(wrong, "and not both");
        }
        refused(&format!("{single}{both}"), "and not both");
        refused(&[both.clone(), authority("[\"nroth\"]")].concat(), "names `nroth`");
        refused(&authority("[\"north\"]"), "no [[server.client_authorities]] is for `south`");
        refused("[[client_authorities]]\nfile = \"f\"\nrevocations = \"r\"\n", "jurisdictions");
    }

    #[test]
    fn everybody_has_an_address_of_their_own_with_tls_unless_it_is_said_otherwise() {
        let server: Server = toml::from_str(
            "listen = \"127.0.0.1:8443\"\ncertificate = \"c\"\nkey = \"k\"\nclient_authority = \"a\"\nrevocations = \"r\"\n",
        )
        .unwrap();
        let public = |text: &str| toml::from_str::<Public>(text).map_err(|e| e.to_string());
        let other = public("listen = \"127.0.0.1:8445\"\n").unwrap();
        assert!(other.check(&server).is_ok());
        let bounds = other.bounds(100);
        assert_eq!((bounds.tls, bounds.connections, bounds.connections_each), (true, 100, server::MOST_PUBLIC_EACH));
        let plain = public("listen = \"127.0.0.1:8445\"\ntls = false\nconnections_each = 99\n").unwrap().bounds(100);
        assert_eq!((plain.tls, plain.connections_each), (false, 99));

        let same = public("listen = \"127.0.0.1:8443\"\n").unwrap().check(&server).unwrap_err().to_string();
        assert!(same.contains("both listen on 127.0.0.1:8443"), "{same}");
        let any = Server { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..server };
        assert!(public("listen = \"127.0.0.1:0\"\n").unwrap().check(&any).is_ok(), "two free ports are two");
        for wrong in [
            "",
            "listen = \"8445\"\n",
            "listen = \"127.0.0.1:1\"\nconnections_each = 0\n",
            "listen = \"127.0.0.1:1\"\nkey = \"k\"\n",
        ] {
            assert!(public(wrong).is_err(), "{wrong}");
        }
    }

    /// What is said of such an address; nothing where it can be used.
    fn said_of(url: &str) -> Option<String> {
        let store: Store = toml::from_str(&format!("url = {url:?}\nkey = \"k\"\n")).unwrap();
        store.check().err().map(|e| e.to_string())
    }

    #[test]
    fn a_database_has_an_address_all_of_which_is_heeded() {
        for right in [
            "surrealkv://data/db",
            "surrealkv://data/db?sync=every",
            "surrealkv:///srv/db",
            "surrealkv://../db",
            "surrealkv://./db",
            "ws://127.0.0.1:8000",
            "ws://[::1]:8000",
            "wss://db.example.gov/rpc",
        ] {
            assert_eq!(said_of(right), None, "{right}");
        }
        for (wrong, says) in [
            ("", "no database's address"),
            ("data/db", "no database's address"),
            ("surrealkv:data/db", "no database's address"),
            ("https://root:secret@db.example.gov", "no database's address"),
            ("surrealkv://", "a folder of its own"),
            ("surrealkv://?sync=every", "a folder of its own"),
            ("surrealkv://.", "a folder of its own"),
            ("surrealkv://././", "a folder of its own"),
            ("surrealkv://data/db?sync=never", "every commit is synced"),
            ("surrealkv://data/db?sync=1s", "every commit is synced"),
            ("surrealkv://data/db?sync=every&versioned=true", "every commit is synced"),
            ("surrealkv://data/db?sync=every&sync=never", "every commit is synced"),
            ("surrealkv://data/db?foo=1", "every commit is synced"),
            ("surrealkv://data/db?", "every commit is synced"),
            ("mem://", "gone when the server stops"),
            ("mem://data/db", "gone when the server stops"),
            ("wss://", "names no host"),
            ("ws://:8000", "names no host"),
            ("wss:///rpc", "names no host"),
            ("ws://root:secret@127.0.0.1:8000", "set user and password_env"),
            ("wss://root@db.example.gov", "set user and password_env"),
            ("wss://root:a/secret@db.example.gov", "set user and password_env"),
        ] {
            let said = said_of(wrong).unwrap_or_else(|| panic!("it is taken: {wrong}"));
            assert!(said.contains(says) && !said.contains("secret"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_database_is_in_no_folder_that_the_configuration_is_in() {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().join("here");
        std::fs::create_dir_all(base.join("data/db")).unwrap();
        std::os::unix::fs::symlink(&base, home.path().join("there")).unwrap();
        for around in ["", ".", "..", "../here", "data/..", "data/db/../..", "../there", "/"] {
            assert!(is_around(&base.join(around), &base), "{around}");
        }
        assert!(is_around(home.path(), &base) && is_around(&base, &base) && is_around(Path::new("."), Path::new("")));
        for beside in ["data", "data/db", "data/none", "../elsewhere", "../here-too"] {
            assert!(!is_around(&base.join(beside), &base), "{beside}");
        }
    }

    #[test]
    fn a_time_to_allow_is_whole_seconds_or_fractions_of_one() {
        assert_eq!(allowed("10"), Some(Duration::from_secs(10)));
        assert_eq!(allowed("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(allowed("86400"), Some(MOST_SECONDS));
        for wrong in ["0", "0.0", "-1", "nan", "inf", "86401", "\"10\"", "1e-12"] {
            assert_eq!(allowed(wrong), None, "{wrong}");
        }
    }
}
