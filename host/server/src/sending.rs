//! Answers on their way to a client, which may read slowly or not at all.
//!
//! A connection is given an answer in parts, and takes the next when it has room. Over HTTP/2 that is the client's to say, for
//! each stream: a client that gives no room holds the answer in memory, and nothing else is held up by that. So it is noted
//! since when each answer is on its way, until its last part is taken. What the connection then holds is a part for each stream,
//! and [`crate::draining`] sees to that.

use crate::idle;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Bytes of a part: the largest frame that every HTTP/2 client takes, and of TLS.
const PART: usize = 16 << 10;

/// When an answer was begun, and a number to tell those of one moment apart.
type Begun = (Instant, u64);

/// The answers of one connection that are on their way.
#[derive(Clone, Default)]
pub(crate) struct OnTheirWay(watch::Sender<BTreeSet<Begun>>);

impl OnTheirWay {
    /// One more, with this body; so long as it is on its way, its request is under way.
    pub(crate) fn answer(&self, body: Bytes, under_way: idle::Counted) -> Answer {
        let mut begun = (Instant::now(), 0);
        self.0.send_modify(|all| {
            while !all.insert(begun) {
                begun.1 += 1;
            }
        });
        Answer { left: body, _counted: Counted { all: self.0.clone(), begun }, _under_way: under_way }
    }

    /// Which there are, as that changes.
    pub(crate) fn changes(&self) -> watch::Receiver<BTreeSet<Begun>> {
        self.0.subscribe()
    }
}

/// An answer's body.
pub(crate) struct Answer {
    left: Bytes,
    _counted: Counted,
    _under_way: idle::Counted,
}

struct Counted {
    all: watch::Sender<BTreeSet<Begun>>,
    begun: Begun,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.send_modify(|all| {
            all.remove(&self.begun);
        });
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let part = self.left.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// Returns once an answer has been on its way for `limit`.
pub(crate) async fn overdue(mut on_their_way: watch::Receiver<BTreeSet<Begun>>, limit: Duration) {
    loop {
        let oldest = on_their_way.borrow_and_update().first().copied();
        let changed = match oldest.and_then(|(since, _)| since.checked_add(limit)) {
            None => on_their_way.changed().await,
            Some(due) => match tokio::time::timeout_at(due, on_their_way.changed()).await {
                Ok(changed) => changed,
                Err(_) => return,
            },
        };
        if changed.is_err() {
            // The connection is over, and with it every answer.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn answer(on_their_way: &OnTheirWay, body: impl Into<Bytes>) -> Answer {
        on_their_way.answer(body.into(), idle::UnderWay::default().another())
    }

    async fn is_overdue(on_their_way: &OnTheirWay) -> bool {
        tokio::time::timeout(Duration::from_millis(1), overdue(on_their_way.changes(), Duration::ZERO)).await.is_ok()
    }

    #[tokio::test]
    async fn an_answer_goes_in_parts_and_whole() {
        let on_their_way = OnTheirWay::default();
        let bytes: Vec<u8> = (0..PART * 2 + 5).map(|i| (i % 251) as u8).collect();
        let mut answer = self::answer(&on_their_way, bytes.clone());
        assert_eq!(answer.size_hint().exact(), Some(bytes.len() as u64));
        let first = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), answer.is_end_stream()), (PART, false));
        let rest = answer.collect().await.unwrap().to_bytes();
        assert_eq!([first, rest].concat(), bytes);
        assert!(self::answer(&on_their_way, "").is_end_stream(), "an empty one is none");
    }

    #[tokio::test]
    async fn an_answer_is_on_its_way_until_it_is_let_go_of() {
        let on_their_way = OnTheirWay::default();
        assert!(!is_overdue(&on_their_way).await);
        let (one, two) = (answer(&on_their_way, "1"), answer(&on_their_way, "2"));
        assert!(is_overdue(&on_their_way).await);
        drop(one);
        assert!(is_overdue(&on_their_way).await, "the other is still on its way");
        drop(two);
        assert!(!is_overdue(&on_their_way).await);
    }

    #[tokio::test]
    async fn one_that_is_read_in_time_is_not_overdue() {
        let on_their_way = OnTheirWay::default();
        let answer = self::answer(&on_their_way, "1");
        let long = overdue(on_their_way.changes(), Duration::from_secs(3600));
        let mut long = std::pin::pin!(long);
        assert!(tokio::time::timeout(Duration::ZERO, long.as_mut()).await.is_err());
        drop((answer, on_their_way));
        assert!(tokio::time::timeout(Duration::ZERO, long).await.is_err(), "nor one of a connection that is over");
    }
}
