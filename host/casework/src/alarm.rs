//! Alarms: what somebody has to be told without having asked.
//!
//! How an alarm reaches people is not casework's to know. What it sees to is that one is raised until it has been taken
//! over: an alarm that got lost is worse than a late one.

use model::terms::Instant;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long one attempt may take, unless whoever tells people needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause after the first attempt that failed; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(5);

/// The longest pause between attempts: a dozen fit into the hour within which somebody has to be told (CJIS AU-5).
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Who an alarm of the whole host is about, where a jurisdiction is named otherwise.
pub const HOST: &str = "host";

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The jurisdiction concerned; [`HOST`] where it is the whole host.
    pub jurisdiction: String,
    /// What, in a line.
    pub subject: String,
    /// What is known of it, and what would help.
    pub text: String,
    /// Since when.
    pub since: Instant,
}

/// An attempt under way.
pub type Raising<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Whoever tells people.
pub trait Alarm: Send + Sync {
    /// Takes an alert over: once this has succeeded, it is not raised again. An error says why not; the alert is raised
    /// again later, for as long as the host runs.
    fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a>;

    /// How long one attempt may take: longer than anything that it waits for, or it is broken off before its end each time.
    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// The alarm of a host that has no other: a line in its own log, at the level `error`.
pub struct Announce;

impl Alarm for Announce {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
        Box::pin(async move {
            let Alert { jurisdiction, subject, text, since } = alert;
            tracing::error!(%jurisdiction, %since, "{subject}: {text}");
            Ok(())
        })
    }
}

/// Raises an alert until it has been taken over.
pub(crate) async fn insist(alarm: Arc<dyn Alarm>, alert: Alert) {
    raise(&*alarm, &alert, PAUSE).await;
}

/// Raises an alert once, for whoever cannot wait until it has been taken over.
///
/// # Errors
/// Why it was not taken over.
pub async fn attempt(alarm: &dyn Alarm, alert: &Alert) -> Result<(), String> {
    let patience = alarm.patience();
    let raised = tokio::time::timeout(patience, alarm.raise(alert)).await;
    raised.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs())))
}

async fn raise(alarm: &dyn Alarm, alert: &Alert, mut pause: Duration) {
    while let Err(failed) = attempt(alarm, alert).await {
        let Alert { jurisdiction, subject, .. } = alert;
        tracing::error!(%jurisdiction, %subject, %failed, "an alarm was not taken over");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What is wrong at this moment without keeping a jurisdiction from deciding, by what it is about: `/readyz` tells it.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<String, String>>);

impl Troubles {
    /// Something is wrong, or wrong in another way than before.
    pub(crate) fn set(&self, about: &str, text: String) {
        self.all_mut().insert(about.to_owned(), text);
    }

    /// All is well with it.
    pub(crate) fn clear(&self, about: &str) {
        self.all_mut().remove(about);
    }

    /// Everything that is wrong.
    pub(crate) fn all(&self) -> Vec<String> {
        self.all_mut().values().cloned().collect()
    }

    fn all_mut(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod bell {
    use super::*;

    /// Takes every alert over.
    #[derive(Default)]
    pub(crate) struct Bell(Mutex<Vec<Alert>>);

    impl Alarm for Bell {
        fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
            Box::pin(async move {
                self.0.lock().unwrap().push(alert.clone());
                Ok(())
            })
        }
    }

    impl Bell {
        pub(crate) fn rung(&self) -> Vec<Alert> {
            self.0.lock().unwrap().clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Takes an alert over at the third attempt.
    struct Deaf(AtomicU32);

    impl Alarm for Deaf {
        fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
            Box::pin(async move {
                match self.0.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(format!("nobody to tell of {}", alert.subject)),
                    1 => std::future::pending().await,
                    _ => Ok(()),
                }
            })
        }

        fn patience(&self) -> Duration {
            Duration::from_millis(20)
        }
    }

    #[tokio::test]
    async fn an_alarm_is_raised_until_it_is_taken_over() {
        let alert = Alert {
            jurisdiction: "north".to_owned(),
            subject: "subject".to_owned(),
            text: "text".to_owned(),
            since: Instant(0),
        };
        let deaf = Deaf(AtomicU32::new(0));
        raise(&deaf, &alert, Duration::from_millis(1)).await;
        assert_eq!(deaf.0.load(Ordering::SeqCst), 3, "refused, unanswered, taken over");
    }

    #[test]
    fn troubles_come_and_go() {
        let troubles = Troubles::default();
        troubles.set("a", "one".to_owned());
        troubles.set("b", "two".to_owned());
        troubles.set("a", "three".to_owned());
        assert_eq!(troubles.all(), ["three", "two"]);
        troubles.clear("a");
        troubles.clear("a");
        assert_eq!(troubles.all(), ["two"]);
    }
}
