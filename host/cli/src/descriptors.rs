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

/// Of what connections may take, everybody has this part at most, at the address that needs no certificate.
const PUBLIC_PART: usize = 8;

/// Connections at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Of those with certificates.
    pub(crate) certified: usize,
    /// Of everybody, where there is an address for them.
    pub(crate) public: usize,
}

/// How many connections there may be at one moment with so many descriptors: a quarter of these is left at least, and
/// [`RESERVE`] unless that is more than half. What everybody may take is none of the others'.
pub(crate) fn connections(descriptors: Option<u64>, for_everybody: bool) -> Shares {
    let left = descriptors.map_or(usize::MAX, |all| {
        let reserve = (all / 4).max(RESERVE.min(all / 2));
        usize::try_from(all.saturating_sub(reserve).max(1)).unwrap_or(usize::MAX)
    });
    let public = if for_everybody { (left / PUBLIC_PART).clamp(1, server::MOST_PUBLIC_CONNECTIONS) } else { 0 };
    let certified = left.saturating_sub(public).clamp(1, server::MOST_CONNECTIONS);
    Shares { certified, public }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (descriptors, left) in
            [(0, 1), (1, 1), (128, 64), (512, 256), (1024, 768), (1 << 20, server::MOST_CONNECTIONS), (u64::MAX, 1024)]
        {
            let shares = Shares { certified: left, public: 0 };
            assert_eq!(connections(Some(descriptors), false), shares, "{descriptors}");
        }
        assert_eq!(connections(None, false).certified, server::MOST_CONNECTIONS);
    }

    #[test]
    fn everybody_has_a_part_of_what_there_is_and_no_more() {
        for (descriptors, certified, public) in
            [(0, 1, 1), (128, 56, 8), (512, 224, 32), (1024, 672, 96), (2048, 1024, 128), (u64::MAX, 1024, 128)]
        {
            let shares = Shares { certified, public };
            assert_eq!(connections(Some(descriptors), true), shares, "{descriptors}");
        }
        assert_eq!(connections(None, true), Shares { certified: server::MOST_CONNECTIONS, public: 128 });
    }
}
