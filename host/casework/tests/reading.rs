//! Accounts that cannot be read: whoever asks is told so, and that is another thing than a log that cannot be written.

use crate::common::{Court, FIRST, JURISDICTION, court};
use casework::CaseError;
use casework::anomalies::Scope;
use magistrate_casework as casework;
use model::account::Event;

const AUDITOR: &str = "a.feld";

/// A court with a request of which the account of the search is not what it was.
async fn damaged() -> Option<(Court, String)> {
    let court = court().await?;
    let (request, _) = court.searched(1, 3).await;
    let auditor = court.who(AUDITOR).await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 100).await.unwrap();
    let mut accounts = seen.into_iter().filter_map(|s| s.account);
    let searched = accounts.find(|a| matches!(a.event, Event::Searched { .. })).unwrap().id;
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            rows.destroy_accounts(std::slice::from_ref(&searched)).await.unwrap();
            let row = store::AccountRow { id: searched.clone(), salt: [1; 32], plain: b"not what it was".to_vec() };
            rows.keep(&[store::Kept::Account(row)]).await.unwrap();
        })
        .await;
    Some((court, request))
}

/// What the asker is told.
fn unreadable<T>(asked: Result<T, CaseError>) -> String {
    match asked {
        Ok(_) => panic!("it was read"),
        Err(e @ CaseError::Unreadable(_)) => e.to_string(),
        Err(e) => panic!("it says something else: {e:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_is_no_log_that_cannot_be_written() {
    let Some((court, request)) = damaged().await else { return };
    assert!(court.casework.impediments().await.is_empty(), "nobody has looked");
    let (auditor, examiner) = (court.who(AUDITOR).await, court.who(FIRST).await);
    let told = [
        unreadable(court.casework.survey(&auditor, JURISDICTION, Scope::default()).await),
        unreadable(court.casework.view(&examiner, JURISDICTION, &request).await),
    ];
    for told in told {
        assert!(told.contains("what is on record cannot be read: the account of entry"), "{told}");
        assert!(told.contains("restore the database") && !told.contains("cannot be written"), "{told}");
    }
    let impediments = court.casework.impediments().await;
    let [trouble] = impediments.as_slice() else { panic!("one thing is wrong") };
    let text = &trouble.text;
    assert!(trouble.partial, "decisions go on: {text}");
    assert!(text.starts_with("detroit: accounts on record cannot be read") && text.contains("restore"), "{text}");

    court.searched(2, 3).await;
    assert_eq!(court.casework.impediments().await.len(), 1, "others are read, and that one is not");
}
