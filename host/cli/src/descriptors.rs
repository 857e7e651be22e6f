//! File descriptors: how many the process may have, and how many of them connections may take.
//!
//! A connection takes one for as long as it is open, whether or not anything happens on it. The log, the database and the outbox
//! need some at any moment, and a host whose log finds none can do nothing at all. So connections are fewer than there are
//! descriptors, and what they leave is never theirs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is left for everything else, where there is as much: each jurisdiction's log, galleries and database have some dozens.
const RESERVE: u64 = 256;

/// Lets the process have as many as it may at the most, and gives how many that are; `None` where there is no limit.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(e) => {
            tracing::warn!(%e, ?current, "the limit of file descriptors cannot be raised");
            current
        }
    }
}

/// How many connections there may be at one moment with so many descriptors: a quarter of these is left at least, and
/// [`RESERVE`] unless that is more than half.
pub(crate) fn connections(descriptors: Option<u64>) -> usize {
    let Some(all) = descriptors else { return server::MOST_CONNECTIONS };
    let reserve = (all / 4).max(RESERVE.min(all / 2));
    let left = all.saturating_sub(reserve).max(1);
    usize::try_from(left).unwrap_or(usize::MAX).min(server::MOST_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (descriptors, left) in
            [(0, 1), (1, 1), (128, 64), (512, 256), (1024, 768), (1 << 20, server::MOST_CONNECTIONS), (u64::MAX, 1024)]
        {
            assert_eq!(connections(Some(descriptors)), left, "{descriptors}");
        }
        assert_eq!(connections(None), server::MOST_CONNECTIONS);
    }
}
