//! Work that would hold a runtime thread for long: reading and writing files, drawing, waiting for a disk.

use crate::error::CaseError;
use tokio::task::JoinError;

/// Does it on a thread of its own.
///
/// # Errors
/// [`CaseError::Fault`] for a panic in it, which is logged; [`CaseError::Stopping`] if the host stops.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CaseError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| broke_off(&e))
}

/// Why work of the host's own gave no answer.
pub(crate) fn broke_off(e: &JoinError) -> CaseError {
    if !e.is_panic() {
        return CaseError::Stopping;
    }
    tracing::error!(%e, "work of the host broke off");
    CaseError::Fault("work of its own broke off, which its operator finds in the host's output".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_fault_of_the_host_and_no_stop() {
        assert!(matches!(aside(|| 1).await, Ok(1)));
        let broken: Result<(), CaseError> = aside(|| panic!("as the test wants")).await;
        assert!(matches!(broken, Err(CaseError::Fault(_))), "{broken:?}");
    }
}
