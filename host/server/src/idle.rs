//! A connection on which no request is under way, for too long.
//!
//! HTTP/1.1 needs none of this: there the next request's head is late. An HTTP/2 connection has no head to wait for: one that
//! never begins, that breaks off in a head, or that only answers pings would hold its place for ever.

use std::time::Duration;
use tokio::sync::watch;

/// How many requests of one connection are under way.
#[derive(Default)]
pub(crate) struct UnderWay(watch::Sender<usize>);

/// One of them, until it is dropped.
pub(crate) struct Counted(watch::Sender<usize>);

impl UnderWay {
    /// One more.
    pub(crate) fn another(&self) -> Counted {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        Counted(self.0.clone())
    }

    /// Their number as it changes.
    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Returns once nothing has been under way for `limit`, without a break, or nobody counts any more: the connection is over.
pub(crate) async fn for_as_long_as(mut under_way: watch::Receiver<usize>, limit: Duration) {
    while under_way.wait_for(|count| *count == 0).await.is_ok() {
        // A request that came and went in between begins the time anew, too.
        let Ok(Ok(())) = tokio::time::timeout(limit, under_way.changed()).await else { return };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_with_nothing_under_way_is_idle() {
        let under_way = UnderWay::default();
        for_as_long_as(under_way.changes(), Duration::ZERO).await;
    }

    #[tokio::test]
    async fn it_is_not_while_one_request_of_two_is_under_way() {
        let under_way = UnderWay::default();
        let (one, two) = (under_way.another(), under_way.another());
        let mut idle = std::pin::pin!(for_as_long_as(under_way.changes(), Duration::ZERO));
        drop(one);
        let waited = tokio::time::timeout(Duration::ZERO, idle.as_mut()).await;
        assert!(waited.is_err(), "one is still under way");
        drop(two);
        idle.await;
    }

    #[tokio::test]
    async fn of_a_connection_that_is_over_nothing_is_awaited() {
        let under_way = UnderWay::default();
        let changes = under_way.changes();
        drop(under_way);
        for_as_long_as(changes, Duration::from_secs(3600)).await;
    }
}
