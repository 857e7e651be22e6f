//! A host's witnesses, as magistrate.toml names them: which jurisdiction asks whom, and how messages get there.

use crate::config::Config;
use anyhow::{Context as _, bail};
use audit::WitnessKey;
use casework::Casework;
use casework::witnessing::{Answer, Answering, Link, Member};
use client::{Client, Identity, Method};
use std::sync::Arc;
use tokio::sync::Mutex;

/// A witness, and the way to it.
struct Known {
    key: WitnessKey,
    url: Url,
    identity: Identity,
}

/// Where a witness listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    /// `host:port`.
    address: String,
    /// The path of its `add-checkpoint`.
    path: String,
}

/// Has every jurisdiction's checkpoints cosigned as the configuration demands.
pub(crate) fn seek(config: &Config, casework: &mut Casework) -> anyhow::Result<()> {
    let known = config.witnesses.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    for (id, jurisdiction) in &config.jurisdictions {
        let chosen =
            choose(&known, jurisdiction.witnesses.as_deref()).with_context(|| format!("[jurisdictions.{id}]"))?;
        let required = match required(config, id) {
            Some(0) => continue,
            Some(required) => required,
            None if known.is_empty() => continue,
            None => bail!("there are witnesses: say under [audit] how many must cosign, witnesses_required = 1"),
        };
        let keys = chosen.iter().map(|witness| witness.key.clone()).collect();
        let quorum = audit::Quorum::new(keys, required).with_context(|| format!("[jurisdictions.{id}]"))?;
        let folder = config.audit.folder.join(id);
        let dir = cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority())?;
        let log = casework.chamber(id)?.log().clone();
        let witnessed = audit::Witnessed::open(dir, &log, quorum)
            .with_context(|| format!("{} does not hold what its witnesses have cosigned", folder.display()))?;
        let members = chosen.into_iter().map(|witness| Member::new(witness.key.clone(), Arc::new(Line::to(witness))));
        casework.seek_witnesses(id, witnessed, members.collect())?;
    }
    Ok(())
}

/// The keys of a jurisdiction's witnesses, for whoever checks what they cosigned; none where none is asked.
pub(crate) fn keys(config: &Config, jurisdiction: &str) -> anyhow::Result<Vec<WitnessKey>> {
    let Some(own) = config.jurisdictions.get(jurisdiction) else { return Ok(Vec::new()) };
    if required(config, jurisdiction) == Some(0) {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    for witness in &config.witnesses {
        let key = witness.verifier_key.parse::<WitnessKey>().with_context(|| format!("[[witness]] {}", witness.url))?;
        if own.witnesses.as_ref().is_none_or(|names| names.iter().any(|name| name == key.name())) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// How many of a jurisdiction's witnesses must cosign a checkpoint; none where that is not said.
pub(crate) fn required(config: &Config, jurisdiction: &str) -> Option<usize> {
    let own = config.jurisdictions.get(jurisdiction).and_then(|own| own.witnesses_required);
    own.or(config.audit.witnesses_required)
}

fn read(witness: &crate::config::Witness) -> anyhow::Result<Known> {
    let context = || format!("[[witness]] {}", witness.url);
    let key = witness.verifier_key.parse::<WitnessKey>().with_context(context)?;
    let url = parse(&witness.url).with_context(context)?;
    let identity = Identity::read(&witness.certificate, &witness.certificate_key, &witness.authority);
    Ok(Known { key, url, identity: identity.with_context(context)? })
}

/// The witnesses of these names, or all.
fn choose<'a>(known: &'a [Known], names: Option<&[String]>) -> anyhow::Result<Vec<&'a Known>> {
    let Some(names) = names else { return Ok(known.iter().collect()) };
    let find = |name: &String| {
        let found = known.iter().find(|witness| witness.key.name() == name);
        found.with_context(|| format!("witnesses: no [[witness]] has a key of the name `{name}`"))
    };
    names.iter().map(find).collect()
}

/// Splits `https://host:port/path`.
fn parse(url: &str) -> anyhow::Result<Url> {
    let rest = url.strip_prefix("https://").filter(|rest| !rest.contains(['?', '#', '@'])).unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() {
        bail!("`{url}` is no address of a witness: write https://host:port");
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:443") };
    let prefix = path.trim_end_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    Ok(Url { address, path: format!("{slash}{prefix}/add-checkpoint") })
}

/// A connection to a witness, kept while all goes well.
struct Line {
    url: Url,
    identity: Identity,
    // Taken out while in use, so that a request that was given up takes its connection with it.
    client: Mutex<Option<Client>>,
}

impl Line {
    fn to(witness: &Known) -> Self {
        Self { url: witness.url.clone(), identity: witness.identity.clone(), client: Mutex::new(None) }
    }
}

impl Link for Line {
    fn post(&self, request: String) -> Answering<'_> {
        Box::pin(async move {
            let kept = self.client.lock().await.take();
            let fresh = || Client::new(&self.url.address, self.identity.clone()).limited(audit::MAX_ANSWER_BYTES);
            let mut client = kept.unwrap_or_else(fresh);
            let answer = client.send(Method::POST, &self.url.path, Some("text/plain"), request.into()).await;
            let answer = answer.map_err(|e| e.to_string())?;
            *self.client.lock().await = Some(client);
            Ok(Answer { status: answer.status.as_u16(), media_type: answer.content_type, body: answer.body.to_vec() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port_and_path() {
        for (url, address, path) in [
            ("https://127.0.0.1:9443", "127.0.0.1:9443", "/add-checkpoint"),
            ("https://witness.example", "witness.example:443", "/add-checkpoint"),
            ("https://witness.example/w1/", "witness.example:443", "/w1/add-checkpoint"),
            ("https://[::1]:9443/a/b", "[::1]:9443", "/a/b/add-checkpoint"),
            ("https://[::1]", "[::1]:443", "/add-checkpoint"),
        ] {
            assert_eq!(parse(url).unwrap(), Url { address: address.to_owned(), path: path.to_owned() });
        }
        for url in [
            "",
            "http://witness.example",
            "https://",
            "https:///w1",
            "witness.example:9443",
            "https://a?b",
            "https://me@a",
        ] {
            assert!(parse(url).unwrap_err().to_string().contains("https://host:port"), "{url}");
        }
    }
}
