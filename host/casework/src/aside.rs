//! Work that would hold a runtime thread for long: reading and writing files, drawing, waiting for a disk.

use crate::error::CaseError;

/// Does it on a thread of its own.
///
/// # Errors
/// [`CaseError::Stopping`] if it broke off; a panic in it is logged.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CaseError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| {
        tracing::error!(%e, "work aside broke off");
        CaseError::Stopping
    })
}
