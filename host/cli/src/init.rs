//! `magistrate init`: a folder ready to serve.

use crate::host_name;
use crate::output::bar;
use crate::pki::{self, Authority, write_secret};
use crate::scratch::{self, Scratch};
use anyhow::{Context as _, bail};
use model::facts::Device;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The environment variable that names where policies are to be copied from.
const POLICIES: &str = "MAGISTRATE_POLICIES";

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate init here --policies policies\n  magistrate serve --config here/magistrate.toml"
)]
pub(crate) struct Arguments {
    /// The folder to make; it must not exist, or be empty
    folder: PathBuf,
    /// Where the policies are: a folder for each, with policy.toml, registry.toml and the built component
    #[arg(long, env = POLICIES, default_value = "policies")]
    policies: PathBuf,
    /// Where the server is to listen
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: std::net::SocketAddr,
    /// The name by which this host's logs are told from other hosts'; the machine's own where absent. Once there are logs it
    /// stays: it is part of their origins and keys
    #[arg(long)]
    host: Option<String>,
    /// Face detector model (YuNet, ONNX), to read photographs
    #[arg(long, requires = "embedder")]
    detector: Option<PathBuf>,
    /// Face embedding model (ArcFace-style, ONNX), to read photographs
    #[arg(long, requires = "detector")]
    embedder: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let paths = arguments.detector.clone().zip(arguments.embedder.clone());
    let faces = paths.map(|(detector, embedder)| face::ModelPaths { detector, embedder });
    let host = arguments.host.as_deref().map_or_else(host_name::of_this_machine, host_name::checked)?;
    write(folder, &arguments.policies, &host, arguments.listen, faces.as_ref())?;
    say!("{} is ready, with logs of {host}/<jurisdiction>:", folder.display());
    say!("  magistrate serve --config {}", quoted(&folder.join("magistrate.toml")));
    Ok(ExitCode::SUCCESS)
}

/// A deployment on any loopback port, without face models.
pub(crate) fn make(folder: &Path, policies: &Path) -> anyhow::Result<()> {
    write(folder, policies, "localhost", std::net::SocketAddr::from(([127, 0, 0, 1], 0)), None)
}

/// Everything is made beside the folder and moved there whole, so that a failure leaves nothing half-made.
fn write(
    folder: &Path,
    policies: &Path,
    host: &str,
    listen: std::net::SocketAddr,
    faces: Option<&face::ModelPaths>,
) -> anyhow::Result<()> {
    let sources = find_policies(policies)?;
    let making = Scratch::common(scratch::room_for(folder)?, ".magistrate-init-")?;
    fill(making.path(), &sources, host, listen, faces)?;
    making.settle(folder)
}

/// A path as it is typed in a shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@,=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The policies to copy: id and folder.
fn find_policies(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let missing = || format!("no policies in {}: name their folder with --policies or in {POLICIES}", folder.display());
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(missing)? {
        let path = entry?.path();
        if path.join(policy::folder::FILE).is_file() {
            let id = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            model::terms::check_id(&id).with_context(|| path.display().to_string())?;
            let component = policy::Folder::read(&path)?.component().to_owned();
            if !component.is_file() {
                bail!(
                    "{} is not there: build the policies first (`cargo xtask build` in the source tree)",
                    component.display()
                );
            }
            found.push((id, path));
        }
    }
    if found.is_empty() {
        bail!(missing());
    }
    found.sort();
    Ok(found)
}

fn fill(
    folder: &Path,
    sources: &[(String, PathBuf)],
    host: &str,
    listen: std::net::SocketAddr,
    faces: Option<&face::ModelPaths>,
) -> anyhow::Result<()> {
    let engine = policy::Engine::new()?;
    let authority = Authority::create(&folder.join("certs"))?;
    authority.server()?;
    std::fs::create_dir_all(folder.join("secrets"))?;
    std::fs::create_dir_all(folder.join("log-keys"))?;
    write_secret(&folder.join("secrets/master.key"), &hex::encode(store::MasterKey::generate().to_bytes()))?;

    let model = match faces {
        Some(paths) => {
            let extractor = crate::serve::load_faces(paths)?;
            Some((extractor.model_id().to_owned(), extractor.dim()))
        }
        None => None,
    };
    let mut config = HEAD.replace("{listen}", &listen.to_string()).replace("{host}", host);
    if let Some(paths) = faces {
        let (detector, embedder) = (std::path::absolute(&paths.detector)?, std::path::absolute(&paths.embedder)?);
        write!(config, "\n[faces]\ndetector = {:?}\nembedder = {:?}\n", detector, embedder)?;
    } else {
        config.push_str(NO_FACES);
    }
    for (id, source) in sources {
        let target = folder.join("policies").join(id);
        copy(source, &target)?;
        policy::Folder::pin(&target, &engine)?;
        if let Some((model, dim)) = &model {
            fit_galleries(&target.join("registry.toml"), model, *dim)?;
        }
        let registry = crate::config::registry(&target.join("registry.toml"))?;
        date_anew(&target.join("registry.toml"))?;
        let bar = bar(&format!("certificates of {id}"), registry.people.len() as u64);
        for person in &registry.people {
            authority.person(id, &person.id, Device::Fixed, &pki::file_name(&person.id), 365)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let signer = audit::Ed25519Signer::generate(&format!("{host}/{id}"))?;
        write_secret(&folder.join(format!("secrets/log-{id}.key")), &hex::encode(signer.seed()))?;
        let key = audit::Signer::verifier_key(&signer);
        std::fs::write(folder.join(format!("log-keys/{id}.vkey")), format!("{key}\n"))?;
        write!(
            config,
            "\n[jurisdictions.{id}]\npolicy = \"policies/{id}\"\nregistry = \"policies/{id}/registry.toml\"\n\
             # Where portable media are mounted, for records that are transferred to them.\n\
             # exports = \"/mnt/evidence\"\n\
             # The person by whose standing order what is due is purged; without one it waits, overdue, for somebody.\n\
             # purge_as = \"person-id\"\n"
        )?;
    }
    std::fs::write(folder.join("magistrate.toml"), config)?;
    Ok(())
}

/// How a line of a sample registry ends whose day is that before `init`'s own.
const DATED_ANEW: &str = "# init: the day before";

/// Enters the day before in the lines of a sample registry that ask for it: an invented person's review, say, is not to be overdue
/// because the sample is old. The day before, as where the jurisdiction is it may not be today yet.
fn date_anew(registry: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(registry)?;
    if text.contains(DATED_ANEW) {
        std::fs::write(registry, dated(&text, pki::today().yesterday()?))?;
    }
    Ok(())
}

/// The same lines with this day where they ask for one.
fn dated(text: &str, day: model::terms::Date) -> String {
    rewritten(text, |line| {
        let (key, _) = line.split_once('=')?;
        line.ends_with(DATED_ANEW).then(|| format!("{key}= \"{day}\""))
    })
}

/// Makes the development galleries hold templates of the configured model. Only galleries have these two keys.
fn fit_galleries(registry: &Path, model: &str, dim: usize) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(registry)?;
    let fitted = rewritten(&text, |line| match line.split_once('=')?.0.trim() {
        "model" => Some(format!("model = {model:?}")),
        "dim" => Some(format!("dim = {dim}")),
        _ => None,
    });
    std::fs::write(registry, fitted)?;
    Ok(())
}

/// The same lines but for those that `anew` gives another for.
fn rewritten(text: &str, anew: impl Fn(&str) -> Option<String>) -> String {
    let lines: Vec<String> = text.lines().map(|line| anew(line).unwrap_or_else(|| line.to_owned())).collect();
    lines.join("\n") + "\n"
}

/// Copies policy.toml, registry.toml, the component, the directive's text and the scenarios.
fn copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(target)?;
    for entry in source.read_dir()? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy(&path, &target.join(name))?;
        } else {
            std::fs::copy(&path, target.join(name)).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

const HEAD: &str = r#"# Magistrate's configuration. Paths are relative to this file.

[server]
listen = "{listen}"
# The server's certificate, and the authority that client certificates must come from.
certificate = "certs/server.pem"
key = "certs/server-key.pem"
client_authority = "certs/ca.pem"
# Nobody gets in with an expired list: `magistrate pki renew certs` signs a new one.
revocations = "certs/revocations.pem"
# Where jurisdictions have authorities of their own, leave those two out, and name each authority with the jurisdictions whose
# people it may name:
# [[server.client_authorities]]
# file = "certs/north-ca.pem"
# revocations = "certs/north-revocations.pem"
# jurisdictions = ["north"]
# Seconds, or fractions of one, that a client may take: for a request's head (a connection on which nothing happens is closed
# after as long; a handshake after three seconds at most), for a request's body, and for reading the answer.
# head_timeout_s = 10
# body_timeout_s = 30
# answer_timeout_s = 60
# A connection takes requests for so many seconds; then whoever has it connects again, if their certificate is still good.
# connection_age_s = 600
# Connections of one person at one moment.
# connections_each = 64
# Handshakes from one address at one moment; the oldest gives way. Behind a proxy everybody has one address: name more then.
# handshakes_each = 64
# Attempts of one person that may be refused, at once and then a minute, and how often they may look: each is an entry of the log.
# Whoever goes on is not heard for a while, and how often that was is an entry a minute.
# refusals_burst = 60
# refusals_per_minute = 60
# looks_burst = 600
# looks_per_minute = 600

# What is public, for everybody, without a certificate: the logs, their keys, the directives with their revisions, published reports.
# Nothing that is shown there is an entry; attempts on a log are counted, in one entry a minute. TLS with the server's certificate; with
# `tls = false`, HTTP for a proxy in front, and then name more connections_each, for all have its address.
# [public]
# listen = "127.0.0.1:8445"
# tls = true
# Connections from one address at one moment.
# connections_each = 16

[store]
# An embedded database in a folder, every commit synced; or a server, wss://host:port with user and password_env, whose
# certificate a public authority has issued. ws:// is for a server, or a tunnel to one, on this machine.
url = "surrealkv://data/db"
# Encrypts images and everything personal. Keep a copy elsewhere: without it they are lost.
key = "secrets/master.key"
# Copies of the galleries, to search in and to start from: as confidential as the database, and made again when lost.
galleries = "data/galleries"

[audit]
# This host's name in the logs' origins, <host>/<jurisdiction>. No two hosts may have the same, or a witness takes their logs
# for forks of one another; once there are logs it stays, because their keys hold it.
host = "{host}"
folder = "data/logs"
# Signing keys: log-<jurisdiction>.key. The public halves are in log-keys/.
keys = "secrets"
# Of the witnesses below, so many must cosign a checkpoint before it is published. A jurisdiction may say otherwise.
# witnesses_required = 1

# Where notices go that policies demand: one message file each, and mail to the offices whose addresses are named.
[outbox]
folder = "data/outbox"
# Whom to tell when this host itself is in trouble, a log that cannot be written, say. By mail, each needs an address below. A disk
# that is full takes no alarm either: name a mail server, or a folder that is not on the disk of the logs.
alarm = ["administrator"]
# [outbox.smtp]
# host = "mail.example.gov"
# port = 587
# user = "magistrate"
# password-file = "secrets/outbox.password"
# from = "magistrate@example.gov"
# [outbox.recipients]
# administrator = ["administrator@example.gov"]
# Whoever asked for a search is told by name: jurisdiction and id.
# "north/a.vogt" = ["a.vogt@example.gov"]

# Somebody who watches that the logs are only ever appended to: `magistrate witness init` makes one and prints this.
# [[witness]]
# verifier_key = "witness.example/w1+24b5d9fe+..."
# url = "https://witness.example:8444"
# certificate = "certs/witness/log-host.pem"
# certificate_key = "certs/witness/log-host-key.pem"
# authority = "certs/witness/ca.pem"
"#;

const NO_FACES: &str = r#"
# To read photographs, name two ONNX models; without them, templates of your own engine are accepted.
# [faces]
# detector = "models/yunet.onnx"
# embedder = "models/arcface.onnx"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_ask_for_it_are_dated_anew() {
        let text =
            "reviewed = \"2026-01-01\" # init: the day before\nchecked = \"2026-01-01\"\n# init: the day before\n";
        let expected = "reviewed = \"2031-02-28\"\nchecked = \"2026-01-01\"\n# init: the day before\n";
        assert_eq!(dated(text, "2031-02-28".parse().unwrap()), expected);
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        for plain in ["here/magistrate.toml", "/srv/x_1.2-b", "Ämter/x"] {
            assert_eq!(quoted(Path::new(plain)), plain);
        }
        for (path, typed) in [("d e/x", "'d e/x'"), ("a'b", "'a'\\''b'"), ("$HOME;x", "'$HOME;x'"), ("", "''")] {
            assert_eq!(quoted(Path::new(path)), typed);
        }
    }
}
