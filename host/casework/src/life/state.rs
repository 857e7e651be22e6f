//! Where a request stands, and what comes next.

use serde::Serialize;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// On record, not searched yet.
    Open,
    /// Searched; nobody has been shown the list.
    Searched,
    /// Somebody has seen the candidate list.
    Listed,
    /// Every candidate has a disposition.
    Disposed,
    /// Somebody has signed what stands.
    Signed,
    /// The result has left the examining unit.
    Released,
    /// It has been handed to somebody.
    Disseminated,
    /// What became of it has been reported.
    Concluded,
}

impl State {
    /// Every state, in order.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Searched,
        Self::Listed,
        Self::Disposed,
        Self::Signed,
        Self::Released,
        Self::Disseminated,
        Self::Concluded,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Searched => "searched",
            Self::Listed => "listed",
            Self::Disposed => "disposed",
            Self::Signed => "signed",
            Self::Released => "released",
            Self::Disseminated => "disseminated",
            Self::Concluded => "concluded",
        }
    }

    /// What comes next, for a worklist.
    pub fn next(self) -> &'static str {
        match self {
            Self::Open => "search",
            Self::Searched => "open the candidate list",
            Self::Listed => "dispose of the candidates",
            Self::Disposed => "sign",
            Self::Signed => "sign, or release",
            Self::Released => "hand the result over",
            Self::Disseminated => "report what became of it",
            Self::Concluded => "nothing",
        }
    }
}
