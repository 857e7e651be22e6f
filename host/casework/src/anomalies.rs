//! What an auditor should look at: searches that are unlike others, and rules that were not kept. And entries drawn at random.
//!
//! Everything is derived from the log, with the entries that each number comes from, so that it can be looked up. What is
//! listed is not wrong for that: it is where to look first. The thresholds are the asker's; their defaults say where they come
//! from. Asking is itself an entry. A survey is of this host's log, as far as it is not pruned, and says so.
//!
//! | kind | what is listed |
//! |---|---|
//! | `searches-per-person` | people who search many times more than the others of their unit |
//! | `subjects-per-case` | case numbers under which many different probes are searched |
//! | `cases-per-probe` | probes that are searched under several case numbers |
//! | `odd-hours` | people who search at night, by the jurisdiction's clock |
//! | `image-source` | every source of probes, with how many searches |
//! | `training-expired` | steps permitted to people of whom a training had expired, and not been renewed |
//! | `lead-unsigned` | requests with a possible candidate and no signature that stands, though time has passed |
//! | `released-unsigned` | results that left with a candidate and without a signature |
//! | `obligation-overdue` | obligations that became overdue |
//! | `credential-concurrent` | people who act from two kinds of device at a time, and so with two certificates |

mod devices;
mod peers;
mod tally;

use crate::aside::aside;
use crate::chamber::{Casework, Chamber, Registered};
use crate::clock::zone;
use crate::error::CaseError;
use crate::inspection::{MOST_ENTRIES, Seen};
use crate::ledger::Subject;
use crate::life::Life;
use crate::report::{Form, OnRecord, period};
use crate::walk::{Extent, Walk};
use jiff::ToSpan as _;
use model::account::Event;
use model::facts::Conclusion;
use model::terms::{Date, Instant};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tally::Tally;

const HOUR_MS: u64 = 3_600_000;

/// How many days are looked at where nobody says: a month, as long as worklists are.
const USUAL_DAYS: i32 = 31;

/// How many days are looked at at most: a year, as the longest report does. A survey is read as it is waited for.
const MOST_DAYS: i32 = 366;

/// From which numbers on something is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Thresholds {
    /// Searches of one person are listed from so many times the median of their peers on. 3: above what a busy week alone
    /// explains.
    pub times_peers: u64,
    /// ... and from so many searches on. 10: below, a median says nothing.
    pub searches: u64,
    /// Different probes under one case number. 5: a case has suspects, and witnesses, but not many.
    pub subjects_per_case: u64,
    /// Case numbers under which one probe is searched. 2: one photograph belongs to one case.
    pub cases_per_probe: u64,
    /// The first hour of the night, 0 to 23. 22.
    pub night_from: u8,
    /// The first hour that is no night any more. 6.
    pub night_to: u8,
    /// Hours after which a possible candidate should have a signature. 72: three days, over a weekend.
    pub unsigned_hours: u64,
    /// Minutes that somebody takes at least who changes from one kind of device to another. 5: to put one away, and sign in to the
    /// other.
    pub concurrent_minutes: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            times_peers: 3,
            searches: 10,
            subjects_per_case: 5,
            cases_per_probe: 2,
            night_from: 22,
            night_to: 6,
            unsigned_hours: 72,
            concurrent_minutes: 5,
        }
    }
}

impl Thresholds {
    /// Whether this hour, 0 to 23, is night. None is where both ends are the same.
    fn is_night(&self, hour: u8) -> bool {
        let (from, to) = (self.night_from, self.night_to);
        if from <= to { (from..to).contains(&hour) } else { hour >= from || hour < to }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// First and last day; the last month up to today where absent.
    pub days: Option<(Date, Date)>,
    /// From which numbers on something is listed.
    pub thresholds: Thresholds,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// Of which kind: see the module's table.
    pub kind: &'static str,
    /// Who or what.
    pub about: String,
    /// The number.
    pub number: u64,
    /// What it counts, and what it is measured against.
    pub measure: String,
    /// Indices of the entries that it comes from.
    pub entries: Vec<u64>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// The jurisdiction.
    pub jurisdiction: String,
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
    /// When it was made.
    pub at: Instant,
    /// From which numbers on something is listed.
    pub thresholds: Thresholds,
    /// Entries of these days.
    pub entries: u64,
    /// Of these, how many say nothing any more, because what they said was destroyed.
    pub purged: u64,
    /// The log that was looked at, by its origin.
    pub log: String,
    /// The first entry that it keeps: what was of these days and pruned before that is not counted. 0 where nothing was pruned.
    pub minimum_index: u64,
    /// Logs of other hosts of the jurisdiction, by their origins: what is in these is not counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_logs: Vec<String>,
    /// What to look at, by kind.
    pub anomalies: Vec<Anomaly>,
}

/// Entries drawn at random.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// The log.
    pub log: String,
    /// The seed.
    pub seed: String,
    /// From the first so many entries of the log.
    pub size: u64,
    /// In the order drawn.
    pub drawn: Vec<Seen>,
    /// Indices that were drawn, too, of entries that have been pruned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<u64>,
    /// The log's signed checkpoint.
    pub checkpoint: String,
}

impl Casework {
    /// Looks for anomalies, for one of the jurisdiction's auditors. That the asker is one has been checked.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for days or hours that are none, and for more than 366 days; [`CaseError::Log`] when the look
    /// cannot be recorded.
    pub async fn survey(&self, auditor: &Registered, jurisdiction: &str, scope: Scope) -> Result<Survey, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        let Scope { days, thresholds } = scope;
        if thresholds.night_from > 23 || thresholds.night_to > 23 {
            return Err(CaseError::Invalid("the night begins and ends at an hour from 0 to 23".to_owned()));
        }
        let now = self.clock.now()?;
        let in_force = chamber.ready();
        let zone = zone(in_force.as_ref().map_or("UTC", |policy| policy.charter().time_zone.as_str()));
        let today = period::day(now, &zone);
        let month = || (today.checked_sub(USUAL_DAYS.days()).unwrap_or(today), today);
        let (first, last) = days.unwrap_or_else(month);
        let span = period::moments(first, last, &zone)?;
        if first.checked_add(MOST_DAYS.days()).is_ok_and(|beyond| last >= beyond) {
            let message = format!("from {first} to {last} are too many days: look at {MOST_DAYS} of them at most");
            return Err(CaseError::Invalid(message));
        }
        let asked = [("first", first.to_string()), ("last", last.to_string())];
        self.record_survey(&chamber, auditor, "anomalies", asked).await?;
        let mut tally = Tally::new(chamber.id());
        let mut walk = Walk::begin(&chamber, span.start, span.end).await?;
        while let Some(entries) = walk.next().await? {
            entries.into_iter().for_each(|told| tally.add(told));
        }
        let Extent { log, others: other_logs, minimum: minimum_index } = walk.extent().clone();
        let measured = thresholds.clone();
        let (tally, mut anomalies) = aside(move || {
            let anomalies = tally.anomalies(&measured);
            (tally, anomalies)
        })
        .await?;
        anomalies.extend(self.unsigned(&chamber, &tally, &thresholds, now).await?);
        anomalies.sort_by(|a, b| a.kind.cmp(b.kind).then(b.number.cmp(&a.number)).then_with(|| a.about.cmp(&b.about)));
        let (entries, purged) = tally.read();
        let jurisdiction = jurisdiction.to_owned();
        let at = now;
        Ok(Survey {
            jurisdiction,
            first,
            last,
            at,
            thresholds,
            entries,
            purged,
            log,
            minimum_index,
            other_logs,
            anomalies,
        })
    }

    /// Requests whose leads nobody signed. What is signed is told by their whole lives, and not by the days looked at alone.
    async fn unsigned(
        &self,
        chamber: &Arc<Chamber>,
        tally: &Tally,
        thresholds: &Thresholds,
        now: Instant,
    ) -> Result<Vec<Anomaly>, CaseError> {
        let mut found = Vec::new();
        let signed =
            |life: &Life| life.signatures.iter().any(|s| s.stands && s.signature.conclusion != Conclusion::Refused);
        for (request, (since, entries)) in tally.leads() {
            let hours = now.since(*since) / HOUR_MS;
            if hours < thresholds.unsigned_hours {
                continue;
            }
            let life = self.life(chamber, request).await?;
            if life.possible().next().is_some() && !signed(&life) {
                found.push(Anomaly {
                    kind: "lead-unsigned",
                    about: format!("request {request}"),
                    number: hours,
                    measure: "hours since a candidate was found possible".to_owned(),
                    entries: entries.clone(),
                });
            }
        }
        for (request, (left, entries)) in tally.released() {
            if !signed(&self.life(chamber, request).await?) {
                found.push(Anomaly {
                    kind: "released-unsigned",
                    about: format!("request {request}"),
                    number: *left,
                    measure: "candidates that left without a signature".to_owned(),
                    entries: entries.clone(),
                });
            }
        }
        Ok(found)
    }

    /// Draws `n` entries at random, the same for whoever draws again with the same seed and size: [`audit::draw`] says how.
    /// From the whole log where no size is named. For an auditor, as [`Casework::inspect`].
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for too many, or from more entries than there are; [`CaseError::Log`] when the look cannot be
    /// recorded.
    pub async fn sample(
        &self,
        auditor: &Registered,
        jurisdiction: &str,
        seed: &str,
        n: u64,
        size: Option<u64>,
    ) -> Result<Sample, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        // Before the look itself is an entry.
        let (there, checkpoint) = (chamber.log().size(), chamber.log().checkpoint().to_string());
        let size = size.unwrap_or(there);
        if n == 0 || n > MOST_ENTRIES {
            return Err(CaseError::Invalid(format!("n is {n}: draw 1 to {MOST_ENTRIES} entries")));
        }
        if size > there {
            return Err(CaseError::Invalid(format!("the log has {there} entries: draw from so many at most")));
        }
        let asked = [("seed", seed.to_owned()), ("size", size.to_string()), ("n", n.to_string())];
        self.record_survey(&chamber, auditor, "sample", asked).await?;
        let minimum = chamber.log().minimum_index();
        let (mut leaves, mut pruned) = (Vec::new(), Vec::new());
        for index in audit::draw(seed, size, n) {
            if index < minimum {
                pruned.push(index);
            } else {
                leaves.push((index, crate::walk::leaf(index, &chamber.log().entry(index)?)?));
            }
        }
        let drawn = crate::inspection::with_accounts(&chamber, leaves).await?;
        Ok(Sample { log: chamber.log().origin().to_owned(), seed: seed.to_owned(), size, drawn, pruned, checkpoint })
    }

    /// Every report of a jurisdiction, for one of its auditors.
    ///
    /// # Errors
    /// [`CaseError::Log`] when the look cannot be recorded.
    pub async fn inspect_reports(&self, auditor: &Registered, jurisdiction: &str) -> Result<Vec<OnRecord>, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        self.record_survey(&chamber, auditor, "reports", []).await?;
        self.reports(jurisdiction, false).await
    }

    /// One form of any report, for one of the jurisdiction's auditors.
    ///
    /// # Errors
    /// As [`Casework::report_file`]; [`CaseError::Log`] when the look cannot be recorded.
    pub async fn inspect_report(
        &self,
        auditor: &Registered,
        jurisdiction: &str,
        id: &str,
        form: Form,
    ) -> Result<Vec<u8>, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        let asked = [("report", id.to_owned()), ("form", form.suffix().to_owned())];
        self.record_survey(&chamber, auditor, "report", asked).await?;
        self.report_file(jurisdiction, id, form, false).await
    }

    async fn record_survey<const N: usize>(
        &self,
        chamber: &Arc<Chamber>,
        auditor: &Registered,
        what: &str,
        asked: [(&str, String); N],
    ) -> Result<(), CaseError> {
        let parameters: BTreeMap<String, String> =
            asked.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let event = Event::Surveyed { asked: what.to_owned(), parameters };
        self.looks(chamber, auditor, what, Subject::Apart, event).await
    }
}

#[cfg(test)]
mod tests {
    use super::Thresholds;

    #[test]
    fn a_night_may_pass_midnight() {
        let usual = Thresholds::default();
        let nights: Vec<u8> = (0..24).filter(|hour| usual.is_night(*hour)).collect();
        assert_eq!(nights, [0, 1, 2, 3, 4, 5, 22, 23]);
        let early = Thresholds { night_from: 1, night_to: 4, ..usual.clone() };
        assert_eq!((0..24).filter(|hour| early.is_night(*hour)).collect::<Vec<u8>>(), [1, 2, 3]);
        let none = Thresholds { night_from: 5, night_to: 5, ..usual };
        assert!(!(0..24).any(|hour| none.is_night(hour)));
    }
}
