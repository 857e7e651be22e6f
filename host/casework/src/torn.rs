//! Entries that stand in the log of one jurisdiction concerned, and not in the other's.
//!
//! An entry of a step that concerns two jurisdictions goes into one log after the other. Where the second does not take it
//! nothing is done, and yet the first says otherwise, for good. So it is recorded behind that entry that nothing came of it: at
//! once, if the second log certainly does not have the entry and the first takes another. Otherwise the pass over deadlines
//! records it, as soon as both are known.
//!
//! It finds the entry by a mark that rides on it in the first log, and that goes once the second has it, too. So it makes no
//! difference whether the second log failed or the host was killed between the two: a host that starts passes over deadlines.
//! An entry that turns up in the second log after all, at a start, needs nothing more, and one that is not in the first has no
//! mark. What is still on its way is left alone (`Ledger::under_way`).
//!
//! What is counted by days looks for the end of a step just after them, and this end may come weeks later. So it is kept of which
//! entries it came later, and whoever counts is told of each that nothing came of it, or that this is not known yet ([`Fate`]).

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Entry, Ledger, Unrecorded, Written};
use model::account::{Account, Event, Kind};
use model::subject::Stated;
use model::terms::{Instant, Verdict};
use std::collections::BTreeMap;

/// The kind under which such entries are marked.
const TORN: &str = "torn-entry";

/// The kind under which it is kept of which entries it was recorded later that nothing came of them.
const UNDONE: &str = "undone-entry";

/// Whether what an entry says was done, as far as that hangs on another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was.
    Stands,
    /// Nothing came of it, which is on record: the other log has not got it, or the step waits.
    Undone,
    /// It is not known yet whether the other log has it.
    InDoubt,
}

/// That it is recorded long after an entry of a jurisdiction's log that nothing came of it: to be kept with what says so.
pub(crate) fn undone(chamber: &Chamber, entry: &str) -> store::Kept {
    let body = serde_json::json!({ "log": chamber.log().origin() });
    store::Kept::Stands(store::StandingRow { kind: UNDONE.to_owned(), id: entry.to_owned(), body })
}

/// The entries of a jurisdiction's log of which another log is known not to have them, or not known to have them, by their ids.
pub(crate) async fn fates(chamber: &Chamber) -> Result<BTreeMap<String, Fate>, CaseError> {
    // In this order: of one that is decided meanwhile both are found, and not neither.
    let in_doubt = chamber.store.standings(TORN).await?;
    let undone = chamber.store.standings(UNDONE).await?;
    let fated = |rows: Vec<store::StandingRow>, fate: Fate| {
        let own = rows.into_iter().filter(|row| row.body["log"] == chamber.log().origin());
        own.map(move |row| (row.id, fate)).collect::<Vec<_>>()
    };
    Ok(fated(in_doubt, Fate::InDoubt).into_iter().chain(fated(undone, Fate::Undone)).collect())
}

/// Sees to an entry that these ledgers have, at these indices, and `missing` has not; gives what the asker is told.
pub(crate) async fn told(
    standing: &[(&Ledger, u64)],
    missing: &Ledger,
    written: &Written,
    unrecorded: Unrecorded,
) -> CaseError {
    let Unrecorded { error, doubtful } = unrecorded;
    let mut told = String::new();
    for (ledger, index) in standing {
        let origin = ledger.log().origin();
        told += &match make_good(ledger, missing, written, doubtful).await {
            Made::Needless => format!("; it stands as entry {index} of the log `{origin}`"),
            Made::Good(made_good) => format!(
                "; entry {index} of the log `{origin}` says otherwise, and entry {made_good} there says that nothing came of it"
            ),
            Made::Marked => format!(
                "; entry {index} of the log `{origin}` says otherwise, and that nothing came of it is recorded there as soon as \
                 that can be known and done"
            ),
        };
    }
    also(error, &told)
}

/// An error that says more. Where the host broke off nobody is told that nothing was done.
fn also(error: CaseError, more: &str) -> CaseError {
    match error {
        error if more.is_empty() => error,
        CaseError::Fault(reason) => CaseError::Fault(reason + more),
        CaseError::Log(reason) => CaseError::Log(reason + more),
        CaseError::Unwritten(reason) => CaseError::Unwritten(reason + more),
        other => CaseError::Log(other.to_string() + more),
    }
}

/// What was made of an entry that stands in one log and not in the other.
enum Made {
    /// It says of itself that nothing was done.
    Needless,
    /// That nothing came of it is recorded behind it, at this index.
    Good(u64),
    /// Its mark stays, and the pass over deadlines sees to it.
    Marked,
}

/// Records behind an entry that nothing came of it, or leaves that to be done later.
async fn make_good(ledger: &Ledger, missing: &Ledger, written: &Written, doubtful: bool) -> Made {
    let failure = match failure(&written.plain, None, missing.log().origin()) {
        Ok(Some(failure)) => failure,
        Ok(None) => return Made::Needless,
        // It was written down just now, and the mark is on it.
        Err(_) => return Made::Marked,
    };
    if !doubtful
        && let Ok(failure) = Written::of(model::terms::new_id(), failure)
        && let Ok(appended) = ledger.append(&failure, vec![unmark(&written.id)]).await
    {
        return Made::Good(appended.index);
    }
    tracing::error!(log = ledger.log().origin(), entry = %written.id, "an entry stands here, and another log did not take it");
    Made::Marked
}

/// The mark of an entry that goes into this ledger's log first, and is to go into that of `missing`, too: to be kept with it.
pub(crate) fn mark(ledger: &Ledger, missing: &Ledger, entry: &str) -> store::Kept {
    let body = serde_json::json!({ "log": ledger.log().origin(), "missing": missing.log().origin() });
    store::Kept::Stands(store::StandingRow { kind: TORN.to_owned(), id: entry.to_owned(), body })
}

/// That an entry is in both logs, or that it is on record that nothing came of it: to be kept then.
pub(crate) fn unmark(entry: &str) -> store::Kept {
    store::Kept::Forgotten { kind: TORN.to_owned(), id: entry.to_owned() }
}

/// Whether an event says of itself that nothing was done: then it makes no difference which logs have it.
pub(crate) fn says_nothing_was_done(event: &Event) -> bool {
    match event {
        Event::Decision { rulings, .. } => rulings.verdict() != Verdict::Permit,
        event => matches!(event, Event::Failed { .. } | Event::Waits { .. } | Event::Rejected { .. }),
    }
}

/// The entry that says of this one that nothing came of it; none where it says so itself.
fn failure(plain: &[u8], at: Option<Instant>, missing: &str) -> Result<Option<Entry>, CaseError> {
    let account: Account = serde_json::from_slice(plain).map_err(|e| CaseError::Unreadable(e.to_string()))?;
    if says_nothing_was_done(&account.event) {
        return Ok(None);
    }
    let Account { id, who, at: then, case, purpose, justification, probe, request, lacking, .. } = account;
    let reason = format!("the log `{missing}` did not take this entry, so nothing was done");
    Ok(Some(Entry {
        kind: Kind::Outcome,
        who,
        at: at.unwrap_or(then),
        subject: Stated { case, purpose, justification, probe, request, lacking }.into(),
        of: Some(id),
        event: Event::Failed { reason },
    }))
}

impl Casework {
    /// Records of every marked entry of a jurisdiction's log that nothing came of it, if the other log does not have it.
    pub(crate) async fn make_torn_good(&self, chamber: &Chamber, now: Instant) -> Result<(), CaseError> {
        // What a log has that cannot be written is known for certain once it has recovered.
        if !chamber.log().is_writable() {
            return Ok(());
        }
        // What has not reached the database did not turn up here yet.
        chamber.ledger.settle().await?;
        let mut first = None;
        for mark in chamber.store.standings(TORN).await? {
            // One that cannot be read keeps none of the others in doubt.
            if let Err(e) = self.make_one_good(chamber, &mark, now).await {
                tracing::warn!(jurisdiction = chamber.id(), entry = %mark.id, %e, "an entry that another log did not take could not be seen to");
                first.get_or_insert(e);
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The same of one mark.
    async fn make_one_good(&self, chamber: &Chamber, mark: &store::StandingRow, now: Instant) -> Result<(), CaseError> {
        if mark.body["log"] != chamber.log().origin() {
            // Another host's to see to.
            return Ok(());
        }
        if chamber.ledger.under_way().has(&mark.id) {
            return Ok(());
        }
        // It may have arrived since the marks were read, or have been seen to.
        chamber.ledger.settle().await?;
        if chamber.store.standing(TORN, &mark.id).await?.is_none() {
            return Ok(());
        }
        let missing = mark.body["missing"].as_str().unwrap_or_default();
        let Some(other) = self.chambers().find(|c| c.log().origin() == missing) else { return Ok(()) };
        if !other.log().is_writable() || other.ledger.settle().await.is_err() {
            return Ok(());
        }
        let ids = [mark.id.clone()];
        let there = other.accounts(&ids).await?.into_iter().flatten().next().is_some();
        let own = chamber.accounts(&ids).await?.into_iter().flatten().next();
        let failure = match own.filter(|_| !there) {
            Some(row) => failure(&row.plain, Some(now), missing)?,
            None => None,
        };
        let forget = unmark(&mark.id);
        match failure {
            Some(failure) => {
                let rows = vec![forget, undone(chamber, &mark.id)];
                ledger::record(&[&chamber.ledger], failure, rows).await.map(drop)?;
            }
            None => chamber.store.keep(&[forget]).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]
mod tests {
    use super::*;
    use model::account::{Leaf, Who};
    use model::terms::Digest;
    use std::path::Path;
    use std::sync::Arc;

    struct Two {
        north: Ledger,
        south: Ledger,
        rows: store::Jurisdiction,
        _store: store::Store,
        _home: tempfile::TempDir,
    }

    async fn two() -> Two {
        let home = tempfile::tempdir().unwrap();
        let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
        let ledger = async |id: &str| {
            let rows = store.jurisdiction(id).await.unwrap();
            Ledger::new(log(&home.path().join(id), id), rows)
        };
        let (north, south) = (ledger("north").await, ledger("south").await);
        let rows = store.jurisdiction("north").await.unwrap();
        Two { north, south, rows, _store: store, _home: home }
    }

    fn log(folder: &Path, id: &str) -> audit::Log {
        std::fs::create_dir_all(folder).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let signer = audit::Ed25519Signer::from_seed(&format!("test/{id}"), [7; 32]).unwrap();
        audit::Log::open(dir, &format!("test/{id}"), Arc::new(signer)).unwrap().log
    }

    fn entry(event: Event) -> Entry {
        let named = |text: &str| text.to_owned();
        let who = Who {
            jurisdiction: named("north"),
            person: named("p"),
            name: named("P"),
            unit: named("u"),
            agency: named("a"),
        };
        let stated = Stated {
            purpose: named("investigation"),
            justification: named("why"),
            probe: Some(Digest::of(b"probe")),
            request: Some(named("r")),
            ..Stated::default()
        };
        Entry { kind: Kind::Outcome, who, at: Instant(5), subject: stated.into(), of: Some(named("intent")), event }
    }

    fn leaf(ledger: &Ledger, index: u64) -> Leaf {
        serde_json::from_slice(&ledger.log().entry(index).unwrap()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_one_log_took_and_the_other_did_not_is_said_to_have_failed() {
        let two = two().await;
        two.south.log().clone().close().unwrap();
        let recorded = ledger::record(&[&two.north, &two.south], entry(Event::Opened), vec![]).await;
        let Err(CaseError::Log(told)) = recorded.map(drop) else { panic!("it was recorded") };
        assert!(told.contains("entry 0 of the log `test/north` says otherwise"), "{told}");
        assert!(told.contains("entry 1 there says that nothing came of it"), "{told}");
        assert_eq!((two.north.log().size(), two.south.log().size()), (2, 0));
        let (first, second) = (leaf(&two.north, 0), leaf(&two.north, 1));
        assert_eq!((second.kind, second.of.as_ref()), (Kind::Outcome, Some(&first.id)));
        two.north.settle().await.unwrap();
        let row = two.rows.accounts(&[second.id]).await.unwrap().into_iter().flatten().next().unwrap();
        let account: Account = serde_json::from_slice(&row.plain).unwrap();
        assert!(matches!(&account.event, Event::Failed { reason } if reason.contains("`test/south`")), "{account:?}");
        assert_eq!((account.who.person.as_str(), account.purpose.as_str()), ("p", "investigation"));
        assert_eq!((account.justification.as_str(), account.probe), ("why", Some(Digest::of(b"probe"))));
        assert!(two.rows.standings(TORN).await.unwrap().is_empty(), "nothing is left to be done");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_says_itself_that_nothing_was_done_needs_nothing_more() {
        let two = two().await;
        two.south.log().clone().close().unwrap();
        let rejected = Event::Rejected { asked: "a step".into(), reason: "not yours".into() };
        let recorded = ledger::record(&[&two.north, &two.south], entry(rejected), vec![]).await;
        let Err(CaseError::Log(told)) = recorded.map(drop) else { panic!("it was recorded") };
        assert!(told.contains("it stands as entry 0 of the log `test/north`"), "{told}");
        assert_eq!(two.north.log().size(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_the_first_log_does_not_take_it_nothing_stands() {
        let two = two().await;
        two.north.log().clone().close().unwrap();
        let recorded = ledger::record(&[&two.north, &two.south], entry(Event::Opened), vec![]).await;
        let Err(CaseError::Log(told)) = recorded.map(drop) else { panic!("it was recorded") };
        assert!(!told.contains("says otherwise"), "{told}");
        assert_eq!(two.south.log().size(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_the_other_log_is_in_doubt_its_mark_stays() {
        let two = two().await;
        let written = Written::of("e1".to_owned(), entry(Event::Opened)).ok().unwrap();
        let rows = vec![mark(&two.north, &two.south, "e1")];
        two.north.append(&written, rows).await.ok().unwrap();
        let unrecorded = Unrecorded { error: CaseError::Log("no disk".to_owned()), doubtful: true };
        let told = told(&[(&two.north, 0)], &two.south, &written, unrecorded).await.to_string();
        assert!(told.contains("no disk") && told.contains("as soon as that can be known and done"), "{told}");
        assert_eq!(two.north.log().size(), 1, "it may turn up there");
        assert_eq!(marked(&two).await, ["e1"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_both_logs_took_is_marked_no_more() {
        let two = two().await;
        for event in [Event::Opened, Event::Viewed] {
            ledger::record(&[&two.north, &two.south], entry(event), vec![]).await.unwrap();
        }
        assert_eq!((two.north.log().size(), two.south.log().size()), (2, 2));
        assert!(marked(&two).await.is_empty());
        ledger::record(&[&two.north], entry(Event::Opened), vec![]).await.unwrap();
        assert!(marked(&two).await.is_empty(), "one log alone is never torn");
    }

    async fn marked(two: &Two) -> Vec<String> {
        two.north.settle().await.unwrap();
        two.rows.standings(TORN).await.unwrap().into_iter().map(|mark| mark.id).collect()
    }
}
