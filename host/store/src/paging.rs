//! Many rows, read a page at a time by several tasks, and passed on as they come.

use crate::error::StoreError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Tasks that read at the same time at most: more of them wait for the engine and not for each other.
const MOST_READERS: usize = 4;

/// Pages that wait to be passed on. With those being read and the one being passed on, this bounds the memory: a page has
/// some 8 MB.
const PAGES_WAITING: usize = 4;

/// Tasks that read.
pub(crate) type Tasks = Vec<JoinHandle<Result<(), StoreError>>>;

/// How many tasks read at the same time.
pub(crate) fn readers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_READERS)
}

/// Where a task puts the pages it has read.
pub(crate) struct Pages<T>(mpsc::Sender<T>);

impl<T> Clone for Pages<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Pages<T> {
    /// Passes a page on; whether anybody still wants one.
    pub(crate) async fn pass(&self, page: T) -> bool {
        self.0.send(page).await.is_ok()
    }
}

/// Starts tasks that read, and passes what they read to `each` until all have ended.
///
/// # Errors
/// What a task failed with, the first of them in the order they were started. `each` may have been called by then.
pub(crate) async fn gather<T>(
    start: impl FnOnce(Pages<T>) -> Tasks,
    each: &mut (dyn FnMut(T) + Send),
) -> Result<(), StoreError> {
    let (sender, mut pages) = mpsc::channel(PAGES_WAITING);
    let tasks = start(Pages(sender));
    while let Some(page) = pages.recv().await {
        each(page);
    }
    for task in tasks {
        task.await.map_err(|e| StoreError::Query(format!("a reading task broke off: {e}")))??;
    }
    Ok(())
}
