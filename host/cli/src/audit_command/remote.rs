//! Fetching a log from a server that speaks C2SP tlog-tiles: checkpoint, entry bundles, tiles, and the note that says what
//! was pruned. What is fetched is a folder like the log's own, and is checked like one.

use crate::output::bar;
use crate::scratch::{self, Scratch};
use crate::{pki, runtime};
use anyhow::{Context as _, bail};
use client::{Client, Identity, StatusCode};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The port of an address that names none.
const HTTPS: &str = "443";
const HTTP: &str = "80";

/// How long a host is given to publish what it has signed, where it has published less: much longer than it takes.
const PATIENCE: Duration = audit::PUBLISH_INTERVAL.saturating_mul(20);

// Who fetches, and where to.
#[derive(clap::Args)]
pub(super) struct Access {
    /// Your certificate, for an address that asks for one; its key is expected beside it as NAME-key.pem
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// The authority of the server's certificate, or several in one file; ca.pem in the folder above your certificate where
    /// absent. https:// needs one of the two
    #[arg(long)]
    authority: Option<PathBuf>,
    /// Keep what is fetched in this folder, which must not exist, or be empty
    #[arg(long)]
    copy: Option<PathBuf>,
}

/// A log that was fetched.
pub(super) struct Fetched {
    pub(super) folder: PathBuf,
    /// Entries that its checkpoint is of.
    pub(super) published: u64,
    /// With which the folder goes, where it is a temporary one.
    _scratch: Option<Scratch>,
}

/// Fetches the log at an address, of which so many entries were signed before: less than that is asked for once more, after a while,
/// and is then all that there is. The folder is a temporary one unless a copy is wanted. A copy has its place once it is whole.
pub(super) fn fetch(
    address: &str,
    key: &audit::VerifierKey,
    kept: Option<u64>,
    access: &Access,
) -> anyhow::Result<Fetched> {
    let (wire, server, path) = parse(address)?;
    let mut client = match wire {
        Wire::Tls => Client::new(&server, access.identity()?),
        // Nothing is believed but the key, and what is fetched is public.
        Wire::Plain => Client::plain(&server),
    };
    let Some(place) = &access.copy else {
        let fetched = Scratch::private(&std::env::temp_dir(), "magistrate-log-")?;
        let published = runtime()?.block_on(copy(&mut client, &path, key, kept, fetched.path()))?;
        return Ok(Fetched { folder: fetched.path().to_owned(), published, _scratch: Some(fetched) });
    };
    let fetched = Scratch::common(scratch::room_for(place)?, ".magistrate-log-")?;
    let published = runtime()?.block_on(copy(&mut client, &path, key, kept, fetched.path()))?;
    fetched.settle(place)?;
    Ok(Fetched { folder: place.clone(), published, _scratch: None })
}

impl Access {
    /// Who asks: whoever the certificate names, or anybody.
    fn identity(&self) -> anyhow::Result<Identity> {
        let Some(certificate) = &self.certificate else {
            let authority = self.authority.as_ref();
            let missing = "name your certificate with --certificate or, where the server asks for none, the authority of its own with --authority";
            return Ok(Identity::anonymous(authority.context(missing)?)?);
        };
        let above = || pki::authority_of(certificate);
        let authority = self.authority.clone().or_else(above).context("name the authority with --authority")?;
        Ok(Identity::read(certificate, &pki::key_of(certificate)?, &authority)?)
    }
}

/// What is spoken with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Tls,
    Plain,
}

/// Whether this is the address of a log, and no folder.
pub(super) fn is_address(log: &str) -> bool {
    log.starts_with("https://") || log.starts_with("http://")
}

/// What is spoken, `host:port`, and the path of the log.
fn parse(address: &str) -> anyhow::Result<(Wire, String, String)> {
    let (wire, port, rest) = match (address.strip_prefix("https://"), address.strip_prefix("http://")) {
        (Some(rest), _) => (Wire::Tls, HTTPS, rest),
        (None, Some(rest)) => (Wire::Plain, HTTP, rest),
        (None, None) => bail!("the address begins with https:// or http://"),
    };
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port_named = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let server = if port_named { server.to_owned() } else { format!("{server}:{port}") };
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        bail!("the address names a server and no log: add its path, /v1/JURISDICTION/log");
    }
    Ok((wire, server, format!("/{path}")))
}

/// Fetches it into a folder; gives how many entries its checkpoint is of.
async fn copy(
    client: &mut Client,
    path: &str,
    key: &audit::VerifierKey,
    kept: Option<u64>,
    folder: &Path,
) -> anyhow::Result<u64> {
    let (mut checkpoint, mut size) = published(client, path, key).await?;
    if kept.is_some_and(|kept| kept > size) {
        tokio::time::sleep(PATIENCE).await;
        (checkpoint, size) = published(client, path, key).await?;
    }
    let minimum = pruned(client, path, key, folder).await?;
    let there = |file: &audit::TilePath| file.level().is_some() || file.first_entry() >= minimum;
    let files = audit::files_of(size).filter(there);
    let bar = bar("fetching", audit::files_of(size).filter(there).count() as u64);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for file in files {
        let content = get(client, &format!("{path}/{file}")).await?;
        let target = folder.join(file.to_string());
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&target, &content).with_context(|| format!("cannot write {}", target.display()))?;
        bar.inc(1);
    }
    std::fs::write(folder.join("checkpoint"), &checkpoint)?;
    bar.finish_and_clear();
    Ok(size)
}

/// The newest checkpoint that is published, and its size. Before anything else: a log that another key signs is not fetched at all.
async fn published(client: &mut Client, path: &str, key: &audit::VerifierKey) -> anyhow::Result<(Vec<u8>, u64)> {
    let checkpoint = get(client, &format!("{path}/checkpoint")).await?;
    let text = std::str::from_utf8(&checkpoint).context("the checkpoint is no text")?;
    let size = audit::signed_size(text, key).with_context(|| format!("the checkpoint of {path}"))?;
    Ok((checkpoint, size))
}

/// Fetches the note that says what was pruned, if there is one; gives the first entry that is still there. A server that
/// knows of no such notes has none.
async fn pruned(client: &mut Client, path: &str, key: &audit::VerifierKey, folder: &Path) -> anyhow::Result<u64> {
    let path = format!("{path}/{}", audit::PRUNED_NOTE);
    let answer = client.get(&path).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(0);
    }
    let note = body(&path, answer)?;
    let text = std::str::from_utf8(&note).with_context(|| format!("{path} is no text"))?;
    let minimum = audit::minimum_index(text, key).with_context(|| path.clone())?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(folder.join(audit::PRUNED_NOTE), &note)?;
    Ok(minimum)
}

async fn get(client: &mut Client, path: &str) -> anyhow::Result<Vec<u8>> {
    let answer = client.get(path).await?;
    body(path, answer)
}

fn body(path: &str, answer: client::Answer) -> anyhow::Result<Vec<u8>> {
    if !answer.status.is_success() {
        let said: String = String::from_utf8_lossy(&answer.body).chars().take(400).collect();
        bail!("the server answered {} to GET {path}: {said}", answer.status);
    }
    Ok(answer.body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Wire, parse};

    #[test]
    fn an_address_names_a_server_and_a_log() {
        let of = |text| parse(text).ok();
        let at = |wire, server: &str| Some((wire, server.to_owned(), "/v1/a/log".to_owned()));
        let here = |server| at(Wire::Tls, server);
        assert_eq!(of("https://localhost:8443/v1/a/log"), here("localhost:8443"));
        assert_eq!(of("https://[::1]:8443/v1/a/log/"), here("[::1]:8443"));
        assert_eq!(of("https://logs.example/v1/a/log"), here("logs.example:443"));
        assert_eq!(of("http://localhost:8445/v1/a/log"), at(Wire::Plain, "localhost:8445"));
        assert_eq!(of("http://logs.example/v1/a/log"), at(Wire::Plain, "logs.example:80"));
        for bad in [
            "ftp://localhost/v1/a/log",
            "http://localhost:8445",
            "https://localhost:8443",
            "https://localhost:8443/",
            "localhost",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
