//! Telling somebody: what the host hands to whatever delivers its notices.

use model::terms::Instant;
use std::future::Future;
use std::pin::Pin;

/// A notice to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for every try, so that a repeated delivery is one message.
    pub id: String,
    /// The jurisdiction whose policy demands it.
    pub jurisdiction: String,
    /// The offices it is for, as the policy names them.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// The clause it comes from.
    pub clause: String,
    /// By when it has to be delivered.
    pub due: Option<Instant>,
}

/// How a notice was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// By what means.
    pub channel: String,
    /// The addresses.
    pub recipients: Vec<String>,
    /// The message's id.
    pub message_id: String,
    /// When.
    pub at: Instant,
}

/// A delivery under way.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<Delivery, String>> + Send + 'a>>;

/// Whatever delivers notices.
pub trait Outbox: Send + Sync {
    /// Delivers a notice, or says why it cannot be delivered now. It will be tried again.
    fn deliver(&self, notice: Notice) -> Delivering<'_>;
}
