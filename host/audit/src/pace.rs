//! How fast what may wait is done: settling a segment takes hundreds of small files, and whoever appends wants the same disk.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::FileError;
use crate::publisher::PUBLISH_INTERVAL;
use crate::settle::publish;
use crate::tree::Tree;
use crate::underway::Underway;

/// The longest that a piece of work is rested for: a disk that took so long for one is not helped by waiting longer.
const LONGEST_REST: Duration = Duration::from_millis(10);

/// The pace of one who settles a segment.
pub(crate) struct Pace<'a> {
    underway: &'a Underway,
    is_awaited: &'a dyn Fn() -> bool,
    published: Cell<Option<Instant>>,
}

impl<'a> Pace<'a> {
    /// One who rests between two pieces of work, as long as nobody waits for the end of it.
    /// The checkpoint was published then, if it was.
    pub(crate) fn new(underway: &'a Underway, is_awaited: &'a dyn Fn() -> bool, published: Option<Instant>) -> Self {
        Self { underway, is_awaited, published: Cell::new(published) }
    }

    /// One whom somebody waits for.
    pub(crate) fn hurried(underway: &'a Underway) -> Self {
        Self::new(underway, &|| true, None)
    }

    pub(crate) fn underway(&self) -> &'a Underway {
        self.underway
    }

    /// When the checkpoint was published last.
    pub(crate) fn published(&self) -> Option<Instant> {
        self.published.get()
    }

    /// Publishes the newest checkpoint.
    pub(crate) fn publish(&self, tree: &Tree) -> Result<(), FileError> {
        publish(tree)?;
        self.published.set(Some(Instant::now()));
        self.underway.step();
        Ok(())
    }

    pub(crate) fn is_hurried(&self) -> bool {
        (self.is_awaited)()
    }

    /// After a piece of work that was begun then: leaves the disk to others for as long. What is to be published meanwhile does
    /// not wait for the end of all.
    pub(crate) fn rest(&self, tree: &Tree, begun: Instant) -> Result<(), FileError> {
        self.underway.step();
        if self.is_hurried() {
            return Ok(());
        }
        if self.published.get().is_none_or(|published| published.elapsed() >= PUBLISH_INTERVAL) {
            self.publish(tree)?;
        }
        thread::sleep(begun.elapsed().min(LONGEST_REST));
        self.underway.step();
        Ok(())
    }
}
