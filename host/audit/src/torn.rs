//! What stands at the end of a journal and is no whole, sound frame.

use std::fmt;
use std::ops::Range;

/// The end of a journal behind its last sound frame. Opening the log drops it; whoever does that, or verifies the folder, is
/// told of it, because not every such end was left by a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The journal's segment, relative to the log's folder.
    pub file: String,
    /// Where it begins in that file, in bytes.
    pub offset: u64,
    /// How long it is, in bytes: to the room behind it, or to the end of the file.
    pub bytes: u64,
    /// The size of the log without it. Entries below do not depend on it.
    pub intact_below: u64,
    /// The entries that it says it held, as far as that can be read; nothing vouches for it.
    pub claims: Option<Range<u64>>,
    /// Whether it is the beginning of a frame whose end is missing, as a process leaves it that is killed while it writes.
    /// Otherwise it is as long as it should be and does not add up: the machine failed before it was durable, or it was
    /// durable, acknowledged perhaps, and has been damaged since. Nothing in the folder tells which.
    pub cut_short: bool,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes, intact_below, claims, cut_short } = self;
        write!(f, "`{file}` ends in {bytes} bytes, from byte {offset} on, that are no whole frame")?;
        if let Some(Range { start, end }) = claims {
            write!(f, " and say that they held entries {start} to {}", end.saturating_sub(1))?;
        }
        if *cut_short {
            write!(f, "; its end is missing, as after a crash while it was written")?;
        } else {
            write!(
                f,
                "; that was not cut off while it was written: either the machine failed before it was durable, or it was \
                 acknowledged and has been damaged since, so compare it with a copy and with receipts for entries from \
                 {intact_below} on"
            )?;
        }
        write!(f, "; entries below {intact_below} do not depend on it")
    }
}
