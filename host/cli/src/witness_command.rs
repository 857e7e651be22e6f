//! `magistrate witness`: one that watches the logs of other hosts. It needs no database, no policy and no jurisdiction.

use crate::init::quoted;
use crate::keys;
use crate::output;
use crate::pki::{Authority, write_secret};
use crate::scratch::{self, Scratch};
use anyhow::Context as _;
use audit::{Cosigner, VerifierKey, Witness};
use cap_std::fs::Dir;
use clap::Subcommand;
use model::facts::Device;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The configuration's name in a folder that `init` makes.
const CONFIG: &str = "witness.toml";

/// The name of the certificate with which logs' hosts may ask: `witness/log-host.pem` in the PKI's folder.
const ASKER: (&str, &str) = ("witness", "log-host");

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  magistrate witness init watch --name witness.example/w1 --log here/log-keys/detroit.vkey\n  magistrate witness --config watch/witness.toml"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The configuration
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Write a folder ready to witness: configuration, key, records, development PKI
    #[command(
        after_help = "Example:\n  magistrate witness init watch --name witness.example/w1 --log here/log-keys/detroit.vkey"
    )]
    Init(Init),
}

#[derive(clap::Args)]
struct Init {
    /// The folder to make; it must not exist, or be empty
    folder: PathBuf,
    /// The witness's name in its cosignatures, by custom an address without its scheme
    #[arg(long)]
    name: String,
    /// Where it is to listen
    #[arg(long, default_value = "127.0.0.1:8444")]
    listen: SocketAddr,
    /// Verifier key of a log to watch: a file, or the key itself; may be given several times
    #[arg(long)]
    log: Vec<String>,
}

/// witness.toml. Paths in it are relative to the folder it is in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: SocketAddr,
    name: String,
    /// The file of the cosigning key's seed.
    key: PathBuf,
    /// The folder of what was cosigned.
    records: PathBuf,
    tls: Tls,
    #[serde(default, rename = "log")]
    logs: Vec<Log>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    client_authority: PathBuf,
    revocations: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    /// The log's name is in it. A log whose key is changed has two for a while.
    verifier_key: VerifierKeyText,
}

/// A verifier key that was read from its text, so that a mistake in it is said with its line.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct VerifierKeyText(VerifierKey);

impl TryFrom<String> for VerifierKeyText {
    type Error = audit::KeyError;

    fn try_from(text: String) -> Result<Self, audit::KeyError> {
        text.parse().map(Self)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Some(Command::Init(init)) => make(init),
        None => crate::runtime()?.block_on(witness(&Config::read(&arguments.config)?)),
    }
}

impl Config {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; `magistrate witness init DIR` writes one", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {}", path.display(), e.to_string().trim_end()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let tls = &mut config.tls;
        for path in [
            &mut config.key,
            &mut config.records,
            &mut tls.certificate,
            &mut tls.key,
            &mut tls.client_authority,
            &mut tls.revocations,
        ] {
            *path = base.join(&*path);
        }
        Ok(config)
    }
}

async fn witness(config: &Config) -> anyhow::Result<ExitCode> {
    let files = server::tls::TlsFiles {
        certificate: config.tls.certificate.clone(),
        key: config.tls.key.clone(),
        authorities: vec![server::authority::ClientAuthority {
            certificates: config.tls.client_authority.clone(),
            revocations: config.tls.revocations.clone(),
            jurisdictions: None,
        }],
    };
    let listening = server::WitnessServer::bind(config.listen, files).await?;
    let cosigner = Cosigner::from_seed(&config.name, crate::config::secret(&config.key)?)?;
    let logs = config.logs.iter().map(|log| log.verifier_key.0.clone()).collect();
    let witness = Witness::open(open(&config.records)?, cosigner, logs)
        .with_context(|| format!("the records in {} cannot be used", config.records.display()))?;
    let mut table = output::table(["log", "entries cosigned"]);
    for (origin, size) in witness.logs() {
        table.add_row([origin, size.to_string()]);
    }
    say!("{table}");
    say!("verifier key: {}", witness.key());
    let asked = crate::serve::asked_to_stop();
    say!("listening on https://{}", listening.address());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        asked.await;
        let _ = stop.send(true);
    });
    listening.run(Arc::new(witness), stopped).await;
    Ok(ExitCode::SUCCESS)
}

fn open(folder: &Path) -> anyhow::Result<Dir> {
    Dir::open_ambient_dir(folder, cap_std::ambient_authority())
        .with_context(|| format!("cannot open {}", folder.display()))
}

/// Makes a witness's folder, beside where it is to be and moved there whole.
fn make(init: &Init) -> anyhow::Result<ExitCode> {
    let folder = &init.folder;
    let logs = init.log.iter().map(|log| keys::read::<VerifierKey>(log)).collect::<anyhow::Result<Vec<_>>>()?;
    let cosigner = Cosigner::generate(&init.name)?;
    let making = Scratch::common(scratch::room_for(folder)?, ".magistrate-witness-")?;
    fill(making.path(), init, &cosigner, &logs)?;
    making.settle(folder)?;

    let certs = std::path::absolute(folder.join("certs"))?;
    let (path, name) = ASKER;
    say!("{} is ready:", folder.display());
    say!("  magistrate witness --config {}", quoted(&folder.join(CONFIG)));
    say!("A host that it is to watch adds this to magistrate.toml:");
    say!("  [[witness]]");
    say!("  verifier_key = \"{}\"", cosigner.key());
    say!("  url = \"https://{}\"", init.listen);
    say!("  certificate = {:?}", certs.join(path).join(format!("{name}.pem")));
    say!("  certificate_key = {:?}", certs.join(path).join(format!("{name}-key.pem")));
    say!("  authority = {:?}", certs.join("ca.pem"));
    Ok(ExitCode::SUCCESS)
}

fn fill(folder: &Path, init: &Init, cosigner: &Cosigner, logs: &[VerifierKey]) -> anyhow::Result<()> {
    let authority = Authority::create(&folder.join("certs"))?;
    authority.server()?;
    let (group, name) = ASKER;
    authority.person(group, name, Device::Service, name, 365)?;
    write_secret(&folder.join("witness.key"), &hex::encode(cosigner.seed()))?;
    std::fs::write(folder.join("witness.vkey"), format!("{}\n", cosigner.key()))?;
    let records = folder.join("records");
    std::fs::create_dir(&records)?;
    Witness::create(&open(&records)?)?;
    let mut config = HEAD.replace("{listen}", &init.listen.to_string()).replace("{name}", &init.name);
    for log in logs {
        config.push_str(&format!("\n[[log]]\nverifier_key = \"{log}\"\n"));
    }
    std::fs::write(folder.join(CONFIG), config)?;
    Ok(())
}

const HEAD: &str = r#"# The configuration of a witness. Paths are relative to this file.

listen = "{listen}"
# The name in its cosignatures, and the seed of the key that makes them. The public half is in witness.vkey.
name = "{name}"
key = "witness.key"
# What it has cosigned, and the evidence of forks. A witness that lost its records must get a new key.
records = "records"

[tls]
certificate = "certs/server.pem"
key = "certs/server-key.pem"
# Who may ask: hosts with a certificate of this authority. certs/witness/log-host.pem is one.
client_authority = "certs/ca.pem"
revocations = "certs/revocations.pem"

# A log to watch, by the verifier key that its host publishes.
# [[log]]
# verifier_key = "host/jurisdiction+f7b05916+..."
"#;
