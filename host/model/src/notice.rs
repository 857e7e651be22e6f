//! What offices are told.

use crate::terms::Instant;

/// Something that offices must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Tells it apart from every other of its jurisdiction, and is the same for every try: delivered twice, it is one
    /// message.
    pub id: String,
    /// The jurisdiction whose policy demands it.
    pub jurisdiction: String,
    /// The offices it is for, as the policy names them; a person is named `jurisdiction/person`.
    pub to: Vec<String>,
    /// Whom earlier tries reached, as the deliveries name them: they are not told again.
    pub reached: Vec<String>,
    /// What it is about; one line.
    pub subject: String,
    /// What it says; plain text.
    pub body: String,
    /// The clause that demands it.
    pub clause: String,
    /// By when they must be told.
    pub due: Option<Instant>,
}
