//! The statuses of gallery records that the host gives itself. Any other is given at the enrolment, in the words of whoever
//! writes the policies; who is shown a record of which status is theirs to say, too.

/// In use: what a record is enrolled as where nobody says otherwise.
pub(crate) const ACTIVE: &str = "active";

/// Sealed by a step, or enrolled so.
pub(crate) const SEALED: &str = "sealed";

/// In use until its agency gave notice that it no longer keeps its own.
pub(crate) const NOTICE_RECEIVED: &str = "notice-received";
