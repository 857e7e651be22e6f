//! Where notices and alarms go: casework's, carried by `outbox`.
//!
//! A notice that reached some and not yet others is repeated to those others. Who has it is on record once a delivery is; of a try
//! that failed for a reason that may pass it is known until the host stops, and after that it may reach somebody twice, under one
//! id.

use anyhow::bail;
use casework::Clock;
use casework::alarm::{Alarm, Alert, Announce, Raising};
use casework::notices::{Delivering, Delivery, Notice, Outbox};
use model::terms::Digest;
use outbox::{Channel, DeliveryError, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Characters of a digest that tell one notice from all others.
const ID_CHARS: usize = 32;

/// What an attempt may take beside the mail server: the disk, and the words at the end of a conversation.
const BESIDE_MAIL: Duration = Duration::from_secs(30);

/// A configured outbox.
pub(crate) struct Post {
    outbox: outbox::Outbox,
    /// Whether mail is sent, so that an office without an address is not reached.
    mails: bool,
    /// How long an attempt may take.
    patience: Duration,
    clock: Clock,
    /// Of notices that have not reached everybody yet, what was delivered: by jurisdiction and id.
    begun: Mutex<BTreeMap<(String, String), Vec<outbox::Delivery>>>,
}

impl Post {
    /// Checks the configuration. Connects to nothing.
    pub(crate) fn new(config: &outbox::Config) -> Result<Self, outbox::ConfigError> {
        let outbox = outbox::Outbox::new(config)?;
        let mail = config.smtp.as_ref().map_or(0, |smtp| smtp.timeout_s);
        Ok(Self {
            outbox,
            mails: config.smtp.is_some(),
            patience: BESIDE_MAIL.saturating_add(Duration::from_secs(mail)),
            clock: Clock::system(),
            begun: Mutex::default(),
        })
    }

    async fn carry(&self, notice: Notice) -> Result<Delivery, String> {
        let now = self.clock.now().map_err(|e| e.to_string())?;
        let key = (notice.jurisdiction.clone(), notice.id.clone());
        let mut deliveries = self.begun().get(&key).cloned().unwrap_or_default();
        let before = !notice.reached.is_empty();
        let mut reached = mailed(&deliveries);
        reached.extend(notice.reached.iter().cloned());
        let outcome = self.outbox.deliver(&notice, now, &reached).await;
        for made in outcome.deliveries {
            // A file that was there already is no other delivery.
            if made.channel == Channel::Smtp || !deliveries.iter().any(|d| d.channel == made.channel) {
                deliveries.push(made);
            }
        }
        let done =
            delivery(Outcome { deliveries: deliveries.clone(), errors: outcome.errors }, self.mails, before, now);
        let mut begun = self.begun();
        if done.is_ok() || deliveries.is_empty() {
            begun.remove(&key);
        } else {
            begun.insert(key, deliveries);
        }
        done
    }

    fn begun(&self) -> MutexGuard<'_, BTreeMap<(String, String), Vec<outbox::Delivery>>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses for which the mail server took it.
fn mailed(deliveries: &[outbox::Delivery]) -> BTreeSet<String> {
    let mails = deliveries.iter().filter(|d| d.channel == Channel::Smtp);
    mails.flat_map(|d| d.recipients.iter().cloned()).collect()
}

/// Whether another try may help. One address or office that cannot be reached is no reason for it; a server that takes nothing
/// is, also where somebody has to see to that server first.
fn may_pass(error: &DeliveryError) -> bool {
    error.is_temporary() || matches!(error, DeliveryError::Server { .. })
}

/// What became of a notice, as one. A file names its offices, so that none of them needs an address for it. Of one that
/// reached somebody `before`, nothing may be left to do: who it is for now has it.
fn delivery(outcome: Outcome, mails: bool, before: bool, now: model::terms::Instant) -> Result<Delivery, String> {
    let Outcome { deliveries, mut errors } = outcome;
    errors.retain(|e| mails || !matches!(e, DeliveryError::NoAddress { .. }));
    let unreached: Vec<String> = errors.iter().map(DeliveryError::to_string).collect();
    if errors.iter().any(may_pass) {
        return Err(unreached.join("; "));
    }
    let Some(first) = deliveries.first() else {
        if before && unreached.is_empty() {
            let (channel, message_id) = ("smtp".to_owned(), String::new());
            return Ok(Delivery { channel, recipients: vec![], unreached, message_id, at: now });
        }
        let nowhere = || "it was delivered nowhere".to_owned();
        return Err(if unreached.is_empty() { nowhere() } else { unreached.join("; ") });
    };
    let channel = |channel: &Channel| match channel {
        Channel::Folder(path) => format!("folder {}", path.display()),
        Channel::Smtp => "smtp".to_owned(),
    };
    let mut channels: Vec<String> = Vec::new();
    for name in deliveries.iter().map(|d| channel(&d.channel)) {
        // Mail that took more than one try is one way all the same.
        if !channels.contains(&name) {
            channels.push(name);
        }
    }
    Ok(Delivery {
        channel: channels.join(", "),
        recipients: deliveries.iter().flat_map(|d| d.recipients.iter().cloned()).collect(),
        unreached,
        message_id: first.message_id.clone(),
        at: now,
    })
}

/// An id that is one, the same for the same notice: casework's may be longer.
fn id(of: &str) -> String {
    Digest::of(of.as_bytes()).to_string().chars().take(ID_CHARS).collect()
}

impl Outbox for Post {
    fn deliver(&self, notice: Notice) -> Delivering<'_> {
        Box::pin(self.carry(Notice { id: id(&notice.id), ..notice }))
    }
}

/// The office that alarms go to where none is named: whoever looks into the folder finds them.
pub(crate) const OFFICE: &str = "administrator";

/// The offices that alarms go to.
///
/// # Errors
/// Where they would reach nobody: mail alone, and no office named.
pub(crate) fn told_of_alarms(config: &outbox::Config) -> anyhow::Result<Vec<String>> {
    match (config.alarm.as_slice(), &config.folder) {
        ([], Some(_)) => Ok(vec![OFFICE.to_owned()]),
        ([], None) => bail!(
            "[outbox] alarm names nobody to tell when this host is in trouble: name an office, with its address under \
             [outbox.recipients]"
        ),
        (named, _) => Ok(named.to_vec()),
    }
}

/// Tells the host's own log and, through the outbox, the offices that alarms go to.
pub(crate) struct Bell {
    pub(crate) post: Arc<Post>,
    pub(crate) to: Vec<String>,
}

impl Alarm for Bell {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
        Box::pin(async move {
            Announce.raise(alert).await?;
            let Alert { jurisdiction, subject, text, since } = alert;
            let notice = Notice {
                id: id(&format!("{jurisdiction}\n{subject}\n{text}\n{since}")),
                jurisdiction: jurisdiction.clone(),
                to: self.to.clone(),
                reached: vec![],
                subject: format!("ALARM: {subject}"),
                body: format!("{text}\n\nJurisdiction: {jurisdiction}\nSince: {since}\n"),
                clause: "alarm".to_owned(),
                due: None,
                enclosed: vec![],
            };
            let Delivery { unreached, .. } = self.post.carry(notice).await?;
            if !unreached.is_empty() {
                tracing::error!(%jurisdiction, %subject, ?unreached, "an alarm does not reach all who are to be told");
            }
            Ok(())
        })
    }

    fn patience(&self) -> Duration {
        self.post.patience
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
