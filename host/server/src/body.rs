//! A request's body: read up to its route's limit and in time, and let run out where nobody wants it.
//!
//! A server may answer before a body is through, and then stop reading (RFC 9113 section 8.1, RFC 9112 section 9.6). A client
//! that is still sending when the stream is reset, or the connection closed, may lose the answer that came before: curl 7.88
//! says "Stream error in the HTTP/2 framing layer" instead. So the answer goes out at once, and what still comes is thrown
//! away for a while.

use crate::problem::Problem;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use std::time::Duration;

/// Bytes of an unwanted body that are thrown away: as many as the largest body that is wanted.
const RUNOFF_BYTES: usize = 64 << 20;

/// How long an unwanted body may take to run out: enough for a client to read a small answer and to stop.
const RUNOFF: Duration = Duration::from_secs(5);

/// Reads a body of up to `most` bytes. `length` is what the client says of it; a body that says it is too large is not begun.
///
/// # Errors
/// [`Problem`] where it is too large, breaks off, or takes longer than `patience`. What is left of it is in `body` then.
pub(crate) async fn read(
    body: &mut Incoming,
    most: usize,
    length: Option<usize>,
    patience: Duration,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("this route takes bodies of up to {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is too large", detail)
    };
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match tokio::time::timeout(patience, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(e)) => Err(Problem::invalid(format!("the body broke off: {e}"))),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", patience.as_secs_f64());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body is too slow", detail))
        }
    }
}

/// Throws away what still comes of a body that nobody wants, within bounds of bytes and time, while its answer is sent.
pub(crate) fn run_off(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let rest = async {
            let mut left = RUNOFF_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(less) => left = less,
                    None => break,
                }
            }
        };
        // Dropping the rest resets the stream without an error, or closes the connection.
        let _ = tokio::time::timeout(RUNOFF, rest).await;
    });
}
