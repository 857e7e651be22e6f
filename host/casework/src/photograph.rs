//! Photographs are looked at a few at a time: each is decoded into hundreds of megabytes, and takes a core for as long.

use crate::error::CaseError;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Photographs looked at at one moment: as many as there are cores to do so.
static LOOKING: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)));

/// Has a photograph looked at, away from the runtime's threads, when it is its turn. What breaks off on it cannot be read.
pub(crate) async fn look_at_photograph<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CaseError> {
    // Nobody closes it.
    let place = LOOKING.acquire().await.map_err(|_| CaseError::Stopping)?;
    let work = move || {
        // Until the work ends, whether or not anybody still waits for it.
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| {
        if e.is_panic() { CaseError::Invalid("the photograph cannot be read".to_owned()) } else { CaseError::Stopping }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_photographs_are_looked_at_than_there_are_cores() {
        let cores = LOOKING.available_permits();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let looks = (0..4 * cores + 4).map(|_| {
            let (now, most) = (now.clone(), most.clone());
            tokio::spawn(look_at_photograph(move || {
                most.fetch_max(now.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                std::thread::sleep(std::time::Duration::from_millis(5));
                now.fetch_sub(1, Ordering::AcqRel);
            }))
        });
        for look in looks.collect::<Vec<_>>() {
            look.await.unwrap().unwrap();
        }
        assert!((1..=cores).contains(&most.load(Ordering::Acquire)), "{most:?} of {cores}");
        let broken = look_at_photograph(|| panic!("as the test wants")).await.map(|(): ()| ());
        assert!(matches!(broken, Err(CaseError::Invalid(_))));
        assert_eq!(LOOKING.available_permits(), cores, "what broke off takes no place");
    }
}
