//! Where notices and alarms go: casework's, carried by `outbox`.

use casework::Clock;
use casework::alarm::{Alarm, Alert, Announce, Raising};
use casework::notices::{Delivering, Delivery, Notice, Outbox};
use model::terms::Digest;
use outbox::{Channel, DeliveryError, Outcome};
use std::sync::Arc;

/// Characters of a digest that tell one notice from all others.
const ID_CHARS: usize = 32;

/// A configured outbox.
pub(crate) struct Post {
    outbox: outbox::Outbox,
    /// Whether mail is sent, so that an office without an address is not reached.
    mails: bool,
    clock: Clock,
}

impl Post {
    /// Checks the configuration. Connects to nothing.
    pub(crate) fn new(config: &outbox::Config) -> Result<Self, outbox::ConfigError> {
        let outbox = outbox::Outbox::new(config)?;
        Ok(Self { outbox, mails: config.smtp.is_some(), clock: Clock::system() })
    }

    async fn carry(&self, notice: Notice) -> Result<Delivery, String> {
        let now = self.clock.now().map_err(|e| e.to_string())?;
        delivery(self.outbox.deliver(&notice, now).await, self.mails, now)
    }
}

/// What became of a notice, as one. A file names its offices, so that none of them needs an address for it; mail that did not
/// reach all of them is sent again, under the same id.
fn delivery(outcome: Outcome, mails: bool, now: model::terms::Instant) -> Result<Delivery, String> {
    let Outcome { deliveries, errors } = outcome;
    let counts = |e: &&DeliveryError| mails || !matches!(e, DeliveryError::NoAddress { .. });
    let errors: Vec<String> = errors.iter().filter(counts).map(DeliveryError::to_string).collect();
    if !errors.is_empty() {
        return Err(errors.join("; "));
    }
    let Some(first) = deliveries.first() else { return Err("it was delivered nowhere".to_owned()) };
    let channel = |channel: &Channel| match channel {
        Channel::Folder(path) => format!("folder {}", path.display()),
        Channel::Smtp => "smtp".to_owned(),
    };
    let channels: Vec<String> = deliveries.iter().map(|d| channel(&d.channel)).collect();
    Ok(Delivery {
        channel: channels.join(", "),
        recipients: deliveries.iter().flat_map(|d| d.recipients.iter().cloned()).collect(),
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

/// Tells the host's own log and, through the outbox, the offices named for alarms.
pub(crate) struct Bell {
    pub(crate) post: Arc<Post>,
    pub(crate) to: Vec<String>,
}

impl Alarm for Bell {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
        Box::pin(async move {
            Announce.raise(alert).await?;
            if self.to.is_empty() {
                return Ok(());
            }
            let Alert { jurisdiction, subject, text, since } = alert;
            let notice = Notice {
                id: id(&format!("{jurisdiction}\n{subject}\n{text}\n{since}")),
                jurisdiction: jurisdiction.clone(),
                to: self.to.clone(),
                subject: format!("ALARM: {subject}"),
                body: format!("{text}\n\nJurisdiction: {jurisdiction}\nSince: {since}\n"),
                clause: "alarm".to_owned(),
                due: None,
            };
            self.post.carry(notice).await.map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::terms::Instant;
    use std::path::Path;

    fn post(folder: &Path, smtp: Option<outbox::Smtp>) -> Post {
        let (folder, recipients, alarm) = (Some(folder.to_owned()), Default::default(), vec![]);
        Post::new(&outbox::Config { folder, smtp, recipients, alarm }).unwrap()
    }

    fn notice(id: &str) -> Notice {
        Notice {
            id: id.to_owned(),
            jurisdiction: "north".to_owned(),
            to: vec!["the board".to_owned()],
            subject: "weekly report".to_owned(),
            body: "it is drawn up".to_owned(),
            clause: "6".to_owned(),
            due: None,
        }
    }

    fn letters(folder: &Path) -> Vec<String> {
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_notice_with_a_long_id_is_one_file_however_often_it_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let post = post(folder.path(), None);
        let long = format!("{}.{}", "0".repeat(36), "1".repeat(32));
        let one = post.deliver(notice(&long)).await.unwrap();
        let two = post.deliver(notice(&long)).await.unwrap();
        assert_eq!(
            (one.message_id.as_str(), one.recipients.as_slice()),
            (two.message_id.as_str(), &["the board".to_owned()][..])
        );
        assert_eq!(letters(folder.path()).len(), 1);
        post.deliver(notice("another")).await.unwrap();
        assert_eq!(letters(folder.path()).len(), 2);
    }

    #[test]
    fn an_office_without_an_address_is_reached_by_a_file_and_not_by_mail() {
        let outcome = || Outcome {
            deliveries: vec![outbox::Delivery {
                channel: Channel::Folder("x".into()),
                recipients: vec!["the board".to_owned()],
                message_id: "<1@x>".to_owned(),
                at: Instant(0),
            }],
            errors: vec![DeliveryError::NoAddress { office: "the board".to_owned() }],
        };
        assert!(delivery(outcome(), false, Instant(1)).is_ok());
        assert!(delivery(outcome(), true, Instant(1)).unwrap_err().contains("the board"));
        assert!(delivery(Outcome::default(), false, Instant(1)).is_err(), "nowhere at all");
    }

    #[tokio::test]
    async fn an_alarm_reaches_the_offices_named_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let post = Arc::new(post(folder.path(), None));
        let alert = Alert {
            jurisdiction: "north".to_owned(),
            subject: "the log cannot be written".to_owned(),
            text: "no space is left".to_owned(),
            since: Instant(7),
        };
        Bell { post: post.clone(), to: vec![] }.raise(&alert).await.unwrap();
        let bell = Bell { post, to: vec!["administrator".to_owned()] };
        bell.raise(&alert).await.unwrap();
        bell.raise(&alert).await.unwrap();
        let letters = letters(folder.path());
        assert_eq!(letters.len(), 1, "once, however often it is raised");
        assert!(letters[0].contains("no space is left") && letters[0].contains("administrator"), "{}", letters[0]);
    }
}
