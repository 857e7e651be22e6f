//! What whoever is told of alarms learns of a start that failed.

use casework::Clock;
use casework::alarm::{self, Alarm, Alert, HOST};
use model::terms::Instant;
use std::io::ErrorKind;

const HOUR_MS: u64 = 3_600_000;

/// Tells whoever is told of alarms that the host does not start. Once, for the process ends.
pub(crate) async fn tell(alarm: &dyn Alarm, why: &anyhow::Error) {
    let now = Clock::system().now().unwrap_or_else(|e| e.latest());
    if let Err(reason) = alarm::attempt(alarm, &alert(why, now)).await {
        tracing::error!(%reason, "an alarm was not taken over");
    }
}

fn alert(why: &anyhow::Error, now: Instant) -> Alert {
    let (subject, then) = if is_held_elsewhere(why) {
        (
            "another process has what the host needs",
            "If that process is this host itself, it goes on, and nothing has to be done. If it is not, nothing is served until \
             that process has ended and the host is started again.",
        )
    } else {
        ("the host does not start", "Nothing is served until that is repaired and the host started again.")
    };
    Alert {
        jurisdiction: HOST.to_owned(),
        subject: subject.to_owned(),
        text: format!("{why:#}. {then}"),
        // One alarm an hour, however often something starts it again.
        since: Instant(now.0 - now.0 % HOUR_MS),
    }
}

/// Whether another process has the address, a log or the database: as a rule this host, which serves.
fn is_held_elsewhere(why: &anyhow::Error) -> bool {
    let address = matches!(
        why.downcast_ref::<server::ServerError>(),
        Some(server::ServerError::Listen { reason, .. }) if reason.kind() == ErrorKind::AddrInUse
    );
    let log = matches!(why.downcast_ref::<audit::OpenError>(), Some(audit::OpenError::Locked));
    let database = matches!(why.downcast_ref::<store::StoreError>(), Some(store::StoreError::Locked { .. }));
    address || log || database
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, Error};

    fn listen(kind: ErrorKind) -> server::ServerError {
        server::ServerError::Listen { address: ([127, 0, 0, 1], 8443).into(), reason: kind.into() }
    }

    fn told(why: &Error) -> String {
        let Alert { subject, text, since, .. } = alert(why, Instant(HOUR_MS + 1));
        assert_eq!(since, Instant(HOUR_MS));
        format!("{subject}: {text}")
    }

    #[test]
    fn a_second_start_is_not_told_as_a_host_that_is_not_served() {
        let url = "surrealkv://data/db".to_owned();
        let held: [Error; 4] = [
            listen(ErrorKind::AddrInUse).into(),
            Error::from(listen(ErrorKind::AddrInUse)).context("[public]"),
            Err::<(), _>(audit::OpenError::Locked).context("the audit log in logs cannot be opened").unwrap_err(),
            store::StoreError::Locked { url }.into(),
        ];
        for why in held {
            let told = told(&why);
            assert!(told.contains("another process has") && told.contains("nothing has to be done"), "{told}");
            assert!(told.contains(&format!("{why:#}")) && !told.contains("does not start"), "{told}");
        }
    }

    #[test]
    fn what_keeps_the_host_from_being_served_is_told_as_that() {
        let others: [Error; 4] = [
            listen(ErrorKind::PermissionDenied).into(),
            listen(ErrorKind::AddrNotAvailable).into(),
            audit::OpenError::Closed.into(),
            anyhow::anyhow!("cannot read registry.toml"),
        ];
        for why in others {
            let told = told(&why);
            assert!(told.contains("the host does not start") && told.contains("Nothing is served"), "{told}");
            assert!(told.contains(&format!("{why:#}")) && !told.contains("another process has"), "{told}");
        }
    }
}
