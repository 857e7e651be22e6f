//! Where the rows are not what the entries say.

use super::owed::Row;
use super::{Derivation, Gone};
use crate::error::CaseError;
use crate::obligations::{Owed, Standing};
use crate::retention::Docket;
use model::account::Retained;
use model::terms::{Digest, Instant};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What a kind of row is called.
const OBLIGATION: &str = "obligation";
const DOCKET: &str = "docket";
const SEARCH: &str = "search";

/// How much later than an obligation was set aside the entry may say so, in ms: between the two its policy decides, perhaps in
/// another jurisdiction's log.
const SLACK_MS: u64 = 15 * 60_000;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// How many obligations are as the entries say.
    pub obligations: usize,
    /// How many dockets are.
    pub dockets: usize,
    /// How many searches are, and are counted.
    pub searches: usize,
    /// Rows that are not.
    pub differences: Vec<Difference>,
    /// Rows that may be as they are because of an entry that says nothing any more.
    pub untold: Vec<String>,
    /// Entries whose accounts a purge on record destroyed.
    pub purged: usize,
    /// The first entry that the log keeps.
    pub pruned: u64,
    /// Entries whose accounts are not there, or not theirs, and no purge on record says why.
    pub missing: Vec<String>,
}

/// One row that differs.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// What kind of row.
    pub kind: &'static str,
    /// Which.
    pub row: String,
    /// What it holds, where that differs; null where it is not there.
    pub holds: Value,
    /// What the entries say instead; null where none tells of it. Such a row is not mended.
    pub says: Value,
    /// The rows that put it right.
    #[serde(skip)]
    pub(super) mend: Vec<store::Kept>,
}

impl Difference {
    /// Whether the entries say what the row has to be.
    pub fn can_be_mended(&self) -> bool {
        !self.mend.is_empty()
    }
}

impl Derivation {
    /// Compares the rows that are there with what the entries say.
    ///
    /// # Errors
    /// [`CaseError`] when rows cannot be read.
    pub async fn compare(&self, rows: &store::Jurisdiction) -> Result<Findings, CaseError> {
        let mut findings = Findings { pruned: self.gone.pruned, ..Findings::default() };
        for (id, _) in &self.gone.entries {
            if self.gone.destroyed.contains(id) {
                findings.purged += 1;
            } else {
                findings.missing.push(id.clone());
            }
        }
        self.compare_obligations(rows, &mut findings).await?;
        self.compare_dockets(rows, &mut findings).await?;
        self.compare_searches(rows, &mut findings).await?;
        Ok(findings)
    }

    async fn compare_obligations(&self, rows: &store::Jurisdiction, findings: &mut Findings) -> Result<(), CaseError> {
        let place = |row: &store::ObligationRow| (row.request.clone().unwrap_or_default(), row.id.clone());
        let listed: BTreeSet<_> = rows.open_obligations(None).await?.iter().map(place).collect();
        let there = rows.every_obligation().await?.into_iter().map(|row| (place(&row), row));
        let mut there: BTreeMap<_, _> = there.collect();
        for derived in self.owed.rows() {
            let at = (derived.owed.filed_under().unwrap_or_default(), derived.owed.id.clone());
            let Some(row) = there.remove(&at) else {
                let mend = vec![settled(&derived.owed, None)?];
                let says = json(&derived.owed)?;
                findings.differences.push(Difference { kind: OBLIGATION, row: at.1, holds: Value::Null, says, mend });
                continue;
            };
            self.compare_obligation(derived, row, listed.contains(&at), findings)?;
        }
        for (_, row) in there {
            let owed = Owed::read(row)?;
            let (told, holds) = (self.gone.has(owed.since), json(&owed)?);
            findings.stray(OBLIGATION, owed.id, holds, told);
        }
        Ok(())
    }

    fn compare_obligation(
        &self,
        derived: &Row,
        row: store::ObligationRow,
        listed: bool,
        findings: &mut Findings,
    ) -> Result<(), CaseError> {
        let (open, was) = (row.open, row.wake);
        let stored = Owed::read(row)?;
        let says = agreed(&stored, derived.owed.clone());
        let (holds, mut differs) = unlike(&json(&stored)?, &json(&says)?);
        let mut held = holds;
        if held.is_empty() && (open != stored.is_open() || listed != open || (open && was != stored.wake)) {
            // What is read by is the key and the listing, and not what the row says.
            held.insert("listed".to_owned(), Value::Bool(listed));
            differs.insert("listed".to_owned(), Value::Bool(says.is_open()));
        } else if held.is_empty() {
            findings.obligations += 1;
            return Ok(());
        } else if self.is_untold(&stored, &says, derived.changed) {
            findings.untold.push(format!("{OBLIGATION} {}", stored.id));
            return Ok(());
        }
        let mend = vec![settled(&says, was)?];
        let (holds, says) = (Value::Object(held), Value::Object(differs));
        findings.differences.push(Difference { kind: OBLIGATION, row: stored.id, holds, says, mend });
        Ok(())
    }

    /// Whether an entry that is gone may be why an obligation stands as it does: it was imposed by that already, or came to stand
    /// so by it.
    fn is_untold(&self, stored: &Owed, says: &Owed, changed: Instant) -> bool {
        let earlier = stored.since < says.since && self.gone.has(stored.since);
        let came = moment(&stored.standing).filter(|_| stored.standing != says.standing);
        earlier || self.gone.may_say(came, changed)
    }

    async fn compare_dockets(&self, rows: &store::Jurisdiction, findings: &mut Findings) -> Result<(), CaseError> {
        let mut there: BTreeMap<(String, String, String), Docket> = BTreeMap::new();
        for row in rows.retentions().await? {
            there.insert((row.subject.clone(), row.gallery.clone(), row.record.clone()), Docket::read(row)?);
        }
        for (derived, changed) in self.dockets.dockets() {
            let Retained { subject, gallery, record } = derived.record.clone();
            let name = named(&derived.record);
            let Some(stored) = there.remove(&(subject, gallery.unwrap_or_default(), record)) else {
                let (says, mend) = (json(derived)?, vec![derived.kept()?]);
                findings.differences.push(Difference { kind: DOCKET, row: name, holds: Value::Null, says, mend });
                continue;
            };
            let says = Docket { pruning: stored.pruning.clone(), ..derived.clone() };
            let (holds, differs) = unlike(&json(&stored)?, &json(&says)?);
            if holds.is_empty() {
                findings.dockets += 1;
                continue;
            }
            let known = moments(&says);
            let new: Vec<Instant> = moments(&stored).into_iter().filter(|at| !known.contains(at)).collect();
            let told = if new.is_empty() { self.gone.since(*changed) } else { new.iter().any(|at| self.gone.has(*at)) };
            if told {
                findings.untold.push(format!("{DOCKET} {name}"));
                continue;
            }
            let (holds, mend) = (Value::Object(holds), vec![says.kept()?]);
            findings.differences.push(Difference {
                kind: DOCKET,
                row: name,
                holds,
                says: Value::Object(differs),
                mend,
            });
        }
        for stored in there.into_values() {
            let moments = moments(&stored);
            let told = if moments.is_empty() {
                self.gone.since(Instant(0))
            } else {
                moments.iter().any(|at| self.gone.has(*at))
            };
            findings.stray(DOCKET, named(&stored.record), json(&stored)?, told);
        }
        Ok(())
    }

    /// A search's id is on no entry: one that is otherwise the same is the same.
    async fn compare_searches(&self, rows: &store::Jurisdiction, findings: &mut Findings) -> Result<(), CaseError> {
        let mut there: BTreeMap<Same, Vec<store::SearchRow>> = BTreeMap::new();
        for row in rows.searches_since(Instant(0)).await? {
            there.entry(same(&row)).or_default().push(row);
        }
        let mut counted: BTreeMap<String, u32> = BTreeMap::new();
        for row in there.values().flatten() {
            *counted.entry(row.request.clone()).or_default() += 1;
        }
        // Of each request and each case once: either may have thousands of searches.
        let mut listed: BTreeMap<String, u32> = BTreeMap::new();
        let mut probes: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
        for derived in self.searches.values() {
            let stored = there.get_mut(&same(derived)).and_then(Vec::pop);
            let name = format!("{} of request {}", derived.at, derived.request);
            let Some(stored) = stored else {
                let (says, mend) = (search(derived), vec![kept(derived)]);
                findings.differences.push(Difference { kind: SEARCH, row: name, holds: Value::Null, says, mend });
                continue;
            };
            let listed = match listed.entry(stored.request.clone()) {
                Entry::Occupied(known) => *known.into_mut(),
                Entry::Vacant(none) => *none.insert(rows.searches_of_request(&stored.request).await?),
            };
            let mut is_counted = Some(listed) == counted.get(&stored.request).copied();
            for case in &stored.case_keys {
                let known = match probes.entry(case.clone()) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(none) => none.insert(rows.probes_of_case(case).await?.into_iter().collect()),
                };
                is_counted &= known.contains(&stored.probe);
            }
            if is_counted {
                findings.searches += 1;
                continue;
            }
            let one = |counted: bool| Value::Object(Map::from_iter([("counted".to_owned(), Value::Bool(counted))]));
            let mend = vec![kept(&stored)];
            findings.differences.push(Difference { kind: SEARCH, row: name, holds: one(false), says: one(true), mend });
        }
        for row in there.into_values().flatten() {
            let name = format!("{} of request {}", row.at, row.request);
            findings.stray(SEARCH, name, search(&row), self.gone.has(row.at));
        }
        Ok(())
    }
}

impl Findings {
    /// A row that no entry tells of; `told` where one that is gone may have.
    fn stray(&mut self, kind: &'static str, row: String, holds: Value, told: bool) {
        if told {
            self.untold.push(format!("{kind} {row}"));
        } else {
            self.differences.push(Difference { kind, row, holds, says: Value::Null, mend: Vec::new() });
        }
    }
}

impl Gone {
    /// Whether an entry that is gone may say what a row holds: of this moment, or, where the row has none, since it last changed.
    fn may_say(&self, at: Option<Instant>, changed: Instant) -> bool {
        at.map_or_else(|| self.since(changed), |at| self.has(at))
    }
}

/// What an obligation has to be, in the words of the row where entries say the same in others: whom a notice does not reach is
/// one text in an entry, and the moment of a waiver may be on another log's.
fn agreed(stored: &Owed, mut derived: Owed) -> Owed {
    let joined = |owed: &Owed| owed.reach.unreached.join("; ");
    if joined(stored) == joined(&derived) {
        derived.reach.unreached.clone_from(&stored.reach.unreached);
    }
    if let (Standing::Waived { at: stored, .. }, Standing::Waived { at, .. }) =
        (&stored.standing, &mut derived.standing)
        && *stored <= *at
        && at.since(*stored) < SLACK_MS
    {
        *at = *stored;
    }
    derived
}

/// When it came to stand so.
fn moment(standing: &Standing) -> Option<Instant> {
    match standing {
        Standing::Open => None,
        Standing::Met { at, .. } | Standing::Overdue { at } | Standing::Waived { at, .. } => Some(*at),
    }
}

/// The moments that a docket names.
fn moments(docket: &Docket) -> Vec<Instant> {
    let since = docket.held.iter().chain(&docket.sealed).map(|since| since.at);
    let exported = docket.exported.iter().map(|export| export.at);
    let asked = docket.asked.values().map(|asked| asked.at);
    since.chain(exported).chain(asked).chain(docket.purged).chain(docket.pruned).collect()
}

fn named(record: &Retained) -> String {
    crate::obligations::filed_under(record)
}

/// The row that puts an obligation right; `was` is when the row says that it is to be looked at.
fn settled(owed: &Owed, was: Option<Instant>) -> Result<store::Kept, CaseError> {
    Ok(store::Kept::Settled { row: owed.row()?, was })
}

/// What two searches are the same by.
type Same = (Instant, String, String, Vec<String>, Digest);

fn same(row: &store::SearchRow) -> Same {
    (row.at, row.person.clone(), row.request.clone(), row.case_keys.clone(), row.probe)
}

fn kept(row: &store::SearchRow) -> store::Kept {
    store::Kept::Search(row.clone())
}

/// A search as it is told of.
fn search(row: &store::SearchRow) -> Value {
    serde_json::json!({
        "at": row.at, "person": row.person, "request": row.request, "case_keys": row.case_keys, "probe": row.probe,
    })
}

fn json<T: Serialize>(value: &T) -> Result<Value, CaseError> {
    serde_json::to_value(value).map_err(|e| CaseError::Log(e.to_string()))
}

/// The fields in which two objects differ, of each: null where one has none.
fn unlike(one: &Value, other: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let (mut of_one, mut of_other) = (Map::new(), Map::new());
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (one, other) = (fields(one), fields(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for name in names {
        let (a, b) = (one.get(name).unwrap_or(&Value::Null), other.get(name).unwrap_or(&Value::Null));
        if a != b {
            of_one.insert(name.clone(), a.clone());
            of_other.insert(name.clone(), b.clone());
        }
    }
    (of_one, of_other)
}
