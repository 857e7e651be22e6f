//! A server, and who asks it: what every command of the client's side needs.

use crate::mistyped::Mistyped;
use crate::{pki, runtime};
use anyhow::Context as _;
use client::{Answer, Client, Identity};
use model::terms::check_id;
use serde_json::Value;
use std::path::PathBuf;

// Whom to ask, and as whom. Not a doc comment, here and in other flattened arguments: it would become the command's help.
#[derive(clap::Args)]
pub(crate) struct Connection {
    /// The server, host:port
    #[arg(long, env = "MAGISTRATE_SERVER", default_value = "127.0.0.1:8443")]
    server: String,
    /// Your certificate; its key is expected beside it as NAME-key.pem
    #[arg(long)]
    certificate: PathBuf,
    /// The authority of the server's certificate; ca.pem in the folder above your certificate where absent
    #[arg(long)]
    authority: Option<PathBuf>,
    /// The jurisdiction whose gallery is meant
    #[arg(long)]
    pub(crate) jurisdiction: String,
}

impl Connection {
    /// A client with the certificate named.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        // First: where there is no certificate, its authority is not what is missing.
        let missing = || format!("cannot read the certificate {}", self.certificate.display());
        self.certificate.metadata().with_context(missing)?;
        let above = || pki::authority_of(&self.certificate);
        let authority = self.authority.clone().or_else(above).context("name the authority with --authority")?;
        let identity = Identity::read(&self.certificate, &pki::key_of(&self.certificate)?, &authority)?;
        Ok(Client::new(address(&self.server), identity))
    }

    /// The path of something of the jurisdiction's. The parts may hold nothing that would lead elsewhere.
    pub(crate) fn path<const N: usize>(&self, parts: [&str; N]) -> anyhow::Result<String> {
        let mut path = String::from("/v1");
        for part in [self.jurisdiction.as_str()].into_iter().chain(parts) {
            check_id(part).map_err(|e| Mistyped(format!("`{part}` cannot be asked for: {e}")))?;
            path.push('/');
            path.push_str(part);
        }
        Ok(path)
    }

    /// Asks for something.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let mut client = self.client()?;
        Ok(runtime()?.block_on(client.get(path))?)
    }

    /// Sends something.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let mut client = self.client()?;
        Ok(runtime()?.block_on(client.post(path, body))?)
    }
}

/// `host:port`, also of an address as `serve` prints it.
fn address(said: &str) -> &str {
    said.strip_prefix("https://").unwrap_or(said).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_by_the_address_that_it_prints() {
        for said in ["127.0.0.1:8443", "https://127.0.0.1:8443", "https://127.0.0.1:8443/"] {
            assert_eq!(address(said), "127.0.0.1:8443");
        }
        assert_eq!(address("[::1]:8443"), "[::1]:8443");
        assert_eq!(address("http://127.0.0.1:8443"), "http://127.0.0.1:8443", "certificates are not asked for there");
    }
}
