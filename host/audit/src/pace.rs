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
    published: Cell<Instant>,
}

impl<'a> Pace<'a> {
    /// One who rests between two pieces of work, as long as nobody waits for the end of it.
    pub(crate) fn new(underway: &'a Underway, is_awaited: &'a dyn Fn() -> bool) -> Self {
        Self { underway, is_awaited, published: Cell::new(Instant::now()) }
    }

    /// One whom somebody waits for.
    pub(crate) fn hurried(underway: &'a Underway) -> Self {
        Self::new(underway, &|| true)
    }

    pub(crate) fn underway(&self) -> &'a Underway {
        self.underway
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
        if self.published.get().elapsed() >= PUBLISH_INTERVAL {
            publish(tree)?;
            self.published.set(Instant::now());
            self.underway.step();
        }
        thread::sleep(begun.elapsed().min(LONGEST_REST));
        self.underway.step();
        Ok(())
    }
}
