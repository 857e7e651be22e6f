//! What was typed wrongly, where that is found out only after the command line was read.

use crate::unverified;
use std::fmt;

/// Why; the program ends with the code for wrong usage.
#[derive(Debug)]
pub(crate) struct Mistyped(pub(crate) String);

impl fmt::Display for Mistyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistyped {}

/// The code that a failure stands for, whatever was said about it on its way.
pub(crate) fn code(failure: &anyhow::Error) -> u8 {
    match failure.downcast_ref::<Mistyped>() {
        Some(_) => crate::MISTYPED,
        None if unverified::is_why(failure) => crate::UNVERIFIED,
        None => crate::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn what_was_typed_wrongly_is_known_through_whatever_is_said_of_it() {
        let mistyped = || anyhow::Error::from(Mistyped("--x y is no x".to_owned()));
        assert_eq!(code(&mistyped()), crate::MISTYPED);
        let deep = Err::<(), _>(mistyped()).context("first").with_context(|| "second".to_owned());
        assert_eq!(code(&deep.unwrap_err()), crate::MISTYPED);
        assert_eq!(code(&anyhow::anyhow!("--x y is no x")), crate::FAILED);
    }
}
