//! A log's checkpoints on their way to its witnesses.
//!
//! A task per log asks all of its witnesses at once for cosignatures on the newest checkpoint, at most once in an
//! [`INTERVAL`] and off the way of every step: receipts carry the log's own signature at once. A checkpoint that has its
//! quorum is published, without waiting for the rest. A witness that does not answer is left alone for a while; one that
//! denies that the log is append-only is an alarm, an impediment that `/readyz` tells, and an entry.

use crate::alarm::{Alarm, Alert, insist};
use crate::chamber::{Casework, Chamber};
use crate::clock::Clock;
use crate::error::CaseError;
use crate::recovery::now;
use audit::{Cosignature, Petition, PetitionError, WitnessKey, Witnessed};
use model::terms::Instant;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The shortest time between two checkpoints that witnesses are asked for. Outsiders poll less often, and each costs
/// every witness a sync of its disk.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long one answer may take: a sync on a slow disk and a slow line, with room to spare.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a witness is left alone after it failed once; the time doubles up to [`LONGEST_REST`].
const REST: Duration = Duration::from_secs(2);

/// See [`REST`]. A witness that comes back is asked again within this.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How often a witness may name another size in one round: once is usual after a start.
const ATTEMPTS: u32 = 3;

/// When missing a quorum is worth a line on `/readyz`: not after a witness's restart.
const LATE: Duration = Duration::from_secs(60);

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + 'a>>;

/// What a witness answered, over whatever carries messages to it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type, empty where none was named.
    pub media_type: String,
    /// The body; longer ones than [`audit::MAX_ANSWER_BYTES`] are cut.
    pub body: Vec<u8>,
}

/// The way to one witness.
pub trait Link: Send + Sync {
    /// Posts a request to the witness's `add-checkpoint`. An error says why there is no answer.
    fn post(&self, request: String) -> Answering<'_>;
}

/// One of a log's witnesses.
pub struct Member {
    key: WitnessKey,
    link: Arc<dyn Link>,
    // The size it cosigned last, as far as known.
    cosigned: u64,
    // Left alone until then, after so many failures in a row.
    rests_until: Option<tokio::time::Instant>,
    failures: u32,
    // What it failed with last.
    failure: String,
    disputes: bool,
}

impl Member {
    /// The witness with this key, at the other end of this link.
    pub fn new(key: WitnessKey, link: Arc<dyn Link>) -> Self {
        let (failure, rests_until) = (String::new(), None);
        Self { key, link, cosigned: 0, rests_until, failures: 0, failure, disputes: false }
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| tokio::time::Instant::now() < until)
    }

    fn succeeded(&mut self, size: u64) {
        (self.cosigned, self.failures, self.rests_until, self.disputes) = (size, 0, None, false);
        self.failure.clear();
    }

    fn failed(&mut self, failure: String) {
        let rest = REST.saturating_mul(1 << self.failures.min(10)).min(LONGEST_REST);
        self.rests_until = Some(tokio::time::Instant::now() + rest);
        self.failures += 1;
        self.failure = failure;
    }
}

impl Casework {
    /// From now on a jurisdiction's checkpoints are published with a quorum of these witnesses' cosignatures only. To be
    /// called before work begins, once for each jurisdiction that has witnesses.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for a jurisdiction that this host does not serve; [`CaseError::Exists`] for one that has
    /// witnesses already.
    pub fn seek_witnesses(
        &mut self,
        jurisdiction: &str,
        witnessed: Witnessed,
        members: Vec<Member>,
    ) -> Result<(), CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        let witnessed = Arc::new(witnessed);
        if chamber.witnessed.set(witnessed.clone()).is_err() {
            return Err(CaseError::Exists(format!("`{jurisdiction}` has witnesses already")));
        }
        let (clock, alarm) = (self.clock.clone(), self.alarm.clone());
        let seeking = Seeking { chamber, witnessed, members, clock, alarm, alarms: JoinSet::new(), behind: None };
        self.watches.spawn(seeking.run());
        Ok(())
    }
}

impl Chamber {
    /// The log's checkpoint for outsiders: with witnesses, the newest that has their quorum, and `None` until there is
    /// one; without, the newest.
    pub fn published_checkpoint(&self) -> Option<Arc<str>> {
        match self.witnessed.get() {
            Some(witnessed) => witnessed.checkpoint(),
            None => Some(self.log().checkpoint()),
        }
    }
}

struct Seeking {
    chamber: Arc<Chamber>,
    witnessed: Arc<Witnessed>,
    members: Vec<Member>,
    clock: Clock,
    alarm: Arc<dyn Alarm>,
    alarms: JoinSet<()>,
    // Since when there have been entries that no published checkpoint covers.
    behind: Option<(tokio::time::Instant, Instant)>,
}

impl Seeking {
    async fn run(mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            while self.alarms.try_join_next().is_some() {}
            if self.witnessed.size() == Some(self.chamber.log().size()) {
                continue;
            }
            match self.round().await {
                Ok(true) => self.caught_up(),
                Ok(false) => self.fell_behind(),
                Err(e) => {
                    tracing::error!(jurisdiction = self.chamber.id(), %e, "no checkpoint could be published");
                    self.fell_behind();
                }
            }
        }
    }

    /// Asks every witness that does not rest; whether there is a new published checkpoint.
    async fn round(&mut self) -> Result<bool, PetitionError> {
        let petition = Petition::new(self.chamber.log(), 0)?;
        let mut asking = JoinSet::new();
        for (number, member) in self.members.iter().enumerate().filter(|(_, member)| !member.rests()) {
            let (log, petition) = (self.chamber.log().clone(), petition.to_another(member.cosigned));
            let (key, link) = (member.key.clone(), member.link.clone());
            asking.spawn(async move { (number, ask(&log, petition, &key, &*link).await) });
        }
        let (mut cosignatures, mut published) = (Vec::new(), false);
        while let Some(answered) = asking.join_next().await {
            // A task that panicked has told so itself, and counts as no answer.
            let Ok((number, answer)) = answered else { continue };
            match answer {
                Ok(cosignature) => {
                    self.granted(number, petition.size());
                    cosignatures.push(cosignature);
                    published = self.publish(petition.checkpoint(), cosignatures.clone()).await;
                    if published {
                        self.caught_up();
                    }
                }
                Err(e) => self.denied(number, &e, &petition).await,
            }
        }
        Ok(published)
    }

    async fn publish(&self, checkpoint: Arc<str>, cosignatures: Vec<Cosignature>) -> bool {
        let witnessed = self.witnessed.clone();
        // It waits for the disk.
        let done = tokio::task::spawn_blocking(move || witnessed.publish(&checkpoint, &cosignatures)).await;
        match done {
            Ok(Ok(published)) => published,
            Ok(Err(e)) => {
                tracing::error!(jurisdiction = self.chamber.id(), %e, "a witnessed checkpoint could not be written");
                false
            }
            Err(_) => false,
        }
    }

    fn granted(&mut self, number: usize, size: u64) {
        if let Some(member) = self.members.get_mut(number) {
            if member.failures > 0 {
                tracing::info!(jurisdiction = self.chamber.id(), witness = member.key.name(), "a witness is back");
            }
            self.chamber.troubles.clear(&about(&member.key));
            member.succeeded(size);
        }
    }

    async fn denied(&mut self, number: usize, error: &PetitionError, petition: &Petition) {
        let Some(member) = self.members.get_mut(number) else { return };
        let first = error.is_dispute() && !std::mem::replace(&mut member.disputes, true);
        member.failed(error.to_string());
        let witness = member.key.name().to_owned();
        if !error.is_dispute() {
            tracing::warn!(jurisdiction = self.chamber.id(), %witness, %error, "a witness did not cosign");
            return;
        }
        tracing::error!(jurisdiction = self.chamber.id(), %witness, %error, "a witness disputes the log");
        self.chamber.troubles.set(&about(&member.key), format!("the witness `{witness}` disputes the log: {error}"));
        if first {
            self.raise(&witness, error, petition).await;
        }
    }

    /// Tells people of a dispute, and the log's readers.
    async fn raise(&mut self, witness: &str, error: &PetitionError, petition: &Petition) {
        let since = now(&self.clock);
        let alert = Alert {
            jurisdiction: self.chamber.id().to_owned(),
            subject: "a witness disputes the audit log".to_owned(),
            text: format!(
                "The witness `{witness}` does not cosign: {error}. Somebody may show another history under this log's \
                 key, or its folder was put back to an earlier state. Compare this host's log with the evidence that \
                 the witness has kept."
            ),
            since,
        };
        self.alarms.spawn(insist(self.alarm.clone(), alert));
        let details = BTreeMap::from([
            ("witness".to_owned(), witness.to_owned()),
            ("dispute".to_owned(), error.to_string()),
            ("checkpoint".to_owned(), petition.checkpoint().to_string()),
        ]);
        if let Err(e) = self.chamber.record_host(since, "witness-dispute", details).await {
            tracing::error!(jurisdiction = self.chamber.id(), %e, "a witness's dispute could not be recorded");
        }
    }

    fn caught_up(&mut self) {
        self.behind = None;
        self.chamber.troubles.clear(QUORUM);
    }

    fn fell_behind(&mut self) {
        let (started, since) = *self.behind.get_or_insert_with(|| (tokio::time::Instant::now(), now(&self.clock)));
        if started.elapsed() < LATE {
            return;
        }
        let failures =
            self.members.iter().filter(|m| m.failures > 0).map(|m| format!("{} {}", m.key.name(), m.failure));
        let (required, listed) = (self.witnessed.quorum().required(), self.members.len());
        let text = format!(
            "no checkpoint has had {required} of {listed} witnesses since {since}, so none was published: {}",
            failures.collect::<Vec<_>>().join("; ")
        );
        // Each failure of each witness has been logged; this is for `/readyz`.
        self.chamber.troubles.set(QUORUM, text);
    }
}

/// What the trouble of a missing quorum is filed under.
const QUORUM: &str = "quorum";

/// What a witness's trouble is filed under.
fn about(key: &WitnessKey) -> String {
    format!("witness {key}")
}

/// Asks one witness, again where it names another size.
async fn ask(
    log: &audit::Log,
    mut petition: Petition,
    key: &WitnessKey,
    link: &dyn Link,
) -> Result<Cosignature, PetitionError> {
    for _ in 0..ATTEMPTS {
        let request = petition.request(log)?;
        let answer = match tokio::time::timeout(PATIENCE, link.post(request)).await {
            Ok(answer) => answer.map_err(PetitionError::Unreachable)?,
            Err(_) => {
                let reason = format!("no answer within {} s", PATIENCE.as_secs());
                return Err(PetitionError::Unreachable(reason));
            }
        };
        if let Some(cosignature) = petition.answered(key, answer.status, &answer.media_type, &answer.body)? {
            return Ok(cosignature);
        }
    }
    Err(PetitionError::Unreachable("it names another size each time it is asked".to_owned()))
}
