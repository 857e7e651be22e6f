//! Telling somebody: what the host hands to whatever delivers its notices.

pub use model::notice::Notice;
use model::terms::Instant;
use std::future::Future;
use std::pin::Pin;

/// How a notice was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// By what means.
    pub channel: String,
    /// The addresses.
    pub recipients: Vec<String>,
    /// Whom it does not reach, and why that does not pass by itself. They are tried again, rarely: the notice is for all.
    pub unreached: Vec<String>,
    /// The message's id.
    pub message_id: String,
    /// When.
    pub at: Instant,
}

/// A delivery under way.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<Delivery, String>> + Send + 'a>>;

/// Whatever delivers notices.
pub trait Outbox: Send + Sync {
    /// Delivers a notice, or says why it cannot be delivered now, to all or to some. It will be tried again, under the same
    /// id: whom a delivery reached is told with the next try, and whom it reached before it failed is the outbox's to know. They
    /// are not told twice.
    fn deliver(&self, notice: Notice) -> Delivering<'_>;
}
