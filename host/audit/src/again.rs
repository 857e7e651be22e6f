//! A log that could not be opened, to be prepared again: opening uses up what was read.

use std::sync::Arc;

use cap_std::fs::Dir;

use crate::error::{FileError, OpenError};
use crate::files::ROOT;
use crate::key::Signer;
use crate::log::{Log, Prepared};

/// What it takes to prepare one log, as often as it has to be.
pub struct Again {
    pub(crate) dir: Dir,
    pub(crate) origin: String,
    pub(crate) signer: Arc<dyn Signer>,
}

impl Again {
    /// Reads and locks the log, as [`Log::prepare`] did.
    ///
    /// # Errors
    ///
    /// Those of [`Log::open`].
    pub fn prepare(&self) -> Result<Prepared, OpenError> {
        let dir = self.dir.try_clone().map_err(|source| FileError::new(ROOT, "opened again", source))?;
        Log::prepare(dir, &self.origin, Arc::clone(&self.signer))
    }
}
