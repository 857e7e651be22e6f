//! One notice, over every channel there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lettre::Address;
use model::notice::Notice;
use model::terms::Instant;

use crate::smtp::{self, Server};
use crate::{Config, ConfigError, DeliveryError, folder, message};

/// The sender where no mail server, and so no sender, is configured. `.invalid` leads nowhere (RFC 2606).
const NO_SENDER: (&str, &str) = ("outbox", "magistrate.invalid");

/// Over what a notice went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Into this file.
    Folder(PathBuf),
    /// To the mail server.
    Smtp,
}

/// One delivery that was made, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Over what.
    pub channel: Channel,
    /// To whom: addresses for SMTP, offices for the folder.
    pub recipients: Vec<String>,
    /// The message's id, with its angle brackets.
    pub message_id: String,
    /// When, as the caller's clock said at the start.
    pub at: Instant,
}

/// What became of a notice. It reached every office exactly if there are no errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was done.
    pub deliveries: Vec<Delivery>,
    /// What was not.
    pub errors: Vec<DeliveryError>,
}

/// A configured outbox.
pub struct Outbox {
    folder: Option<PathBuf>,
    server: Option<Server>,
    offices: BTreeMap<String, Vec<Address>>,
}

impl Outbox {
    /// Checks the configuration and reads the files it names; paths are taken as they are. Connects to nothing and
    /// writes nothing.
    ///
    /// # Errors
    /// Says what to change.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        if config.folder.is_none() && config.smtp.is_none() {
            return Err(ConfigError::NoChannel);
        }
        let mut offices = BTreeMap::new();
        for (office, addresses) in &config.recipients {
            let whose = format!("the office `{office}`");
            let addresses: Result<Vec<Address>, ConfigError> =
                addresses.iter().map(|address| smtp::address(address, &whose)).collect();
            offices.insert(office.clone(), addresses?);
        }
        // A file names its offices; a mail needs addresses.
        let unreachable = |office: &&String| config.recipients.get(*office).is_none_or(Vec::is_empty);
        if config.smtp.is_some()
            && let Some(office) = config.alarm.iter().find(unreachable)
        {
            return Err(ConfigError::Alarm(office.clone()));
        }
        let server = config.smtp.as_ref().map(Server::new).transpose()?;
        Ok(Self { folder: config.folder.clone(), server, offices })
    }

    /// Delivers a notice over every channel. What fails keeps nothing else from being tried; calling again with the same
    /// notice repeats no file, and no mail to the addresses that are `reached`: those for which the server took it before.
    pub async fn deliver(&self, notice: &Notice, now: Instant, reached: &BTreeSet<String>) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.deliver_into(notice, now, reached, &mut outcome).await {
            outcome.errors.push(error);
        }
        outcome
    }

    /// The error is one of the whole notice; those of a part are in the outcome.
    async fn deliver_into(
        &self,
        notice: &Notice,
        now: Instant,
        reached: &BTreeSet<String>,
        outcome: &mut Outcome,
    ) -> Result<(), DeliveryError> {
        if notice.to.is_empty() {
            return Err(DeliveryError::Notice("it is addressed to no office".to_owned()));
        }
        let name = message::name(notice)?;
        let mut offices: Vec<(&str, Vec<Address>)> = Vec::new();
        for office in &notice.to {
            let addresses = self.offices.get(office).cloned().unwrap_or_default();
            if addresses.is_empty() {
                outcome.errors.push(DeliveryError::NoAddress { office: office.clone() });
            }
            offices.push((office.as_str(), addresses));
        }
        let from = match &self.server {
            Some(server) => server.from.clone(),
            None => Address::new_dangerous(NO_SENDER.0, NO_SENDER.1),
        };
        let (bytes, message_id) = message::compose(notice, &name, &from, &offices, now)?;
        if let Some(folder) = self.folder.clone() {
            let file = format!("{name}.eml");
            let copy = bytes.clone();
            // Waits for a disk.
            let written = tokio::task::spawn_blocking(move || folder::write(&folder, &file, &copy)).await;
            match written {
                Ok(Ok(path)) => outcome.deliveries.push(Delivery {
                    channel: Channel::Folder(path),
                    recipients: notice.to.clone(),
                    message_id: message_id.clone(),
                    at: now,
                }),
                Ok(Err(error)) => outcome.errors.push(error),
                Err(error) => outcome.errors.push(DeliveryError::Folder {
                    path: self.folder.clone().unwrap_or_default(),
                    reason: error.to_string(),
                }),
            }
        }
        if let Some(server) = &self.server {
            let mut to: Vec<Address> = Vec::new();
            for address in offices.into_iter().flat_map(|(_, addresses)| addresses) {
                if !to.contains(&address) && !reached.contains(&address.to_string()) {
                    to.push(address);
                }
            }
            if to.is_empty() {
                return Ok(());
            }
            let sent = server.send(&to, &bytes).await?;
            outcome.errors.extend(sent.refused);
            if !sent.accepted.is_empty() {
                outcome.deliveries.push(Delivery {
                    channel: Channel::Smtp,
                    recipients: sent.accepted.iter().map(Address::to_string).collect(),
                    message_id,
                    at: now,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
pub(crate) mod tests;
