//! What is wrong with the TLS files while the server runs: `/readyz` tells it, and an alarm.
//!
//! Nobody would notice otherwise. A file that cannot be used leaves the last good ones in force, so that everybody gets in who did
//! before, whoever was revoked since included; and when a list has ended, nobody of its issuer gets in to ask.

use crate::tls::{LOOK, Tls};
use casework::Casework;
use casework::chamber::Impediment;
use model::terms::Instant;
use std::sync::Arc;
use tokio::sync::watch;

/// Something that is wrong with the TLS files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Whether nobody with a certificate is let in for it.
    pub(crate) shut: bool,
    /// What, in a few words.
    pub(crate) subject: &'static str,
    /// What is known of it, and what would help.
    pub(crate) text: String,
    /// Since when.
    pub(crate) since: Instant,
}

impl From<Trouble> for Impediment {
    fn from(trouble: Trouble) -> Self {
        Self { jurisdiction: None, partial: !trouble.shut, text: format!("tls: {}", trouble.text) }
    }
}

/// Raises an alarm for each trouble that lasts, until `stop` turns true.
pub(crate) async fn tell(tls: Tls, casework: Arc<Casework>, mut stop: watch::Receiver<bool>) {
    let (mut before, mut told) = (Vec::new(), Vec::new());
    loop {
        let now = tls.troubles();
        // Seen twice: a file that is being written is soon whole.
        let lasting: Vec<Trouble> = now.iter().filter(|trouble| before.contains(*trouble)).cloned().collect();
        for new in lasting.iter().filter(|trouble| !told.contains(*trouble)) {
            tokio::spawn(casework.alert(new.subject, new.text.clone(), new.since));
        }
        (before, told) = (now, lasting);
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = crate::listener::told(&mut stop) => return,
        }
    }
}
