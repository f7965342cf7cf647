//! How far loading is, and the wish to stop it, shared between two threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::DataError;

/// How far loading is, and the wish to stop it. The loading thread counts, any other thread looks and may cancel.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
    cancelled: AtomicBool,
}

impl Progress {
    /// `(done, total)` files or pictures; `(0, 0)` before the total is known.
    pub fn get(&self) -> (usize, usize) {
        (self.done.load(Relaxed), self.total.load(Relaxed))
    }

    /// Makes the loading thread return [`DataError::Cancelled`] at the next picture.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// A new stage with `total` steps.
    pub(crate) fn begin(&self, total: usize) {
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
    }

    /// One more step done; an error when cancelled.
    pub(crate) fn step(&self) -> Result<(), DataError> {
        self.done.fetch_add(1, Relaxed);
        if self.cancelled.load(Relaxed) {
            Err(DataError::Cancelled)
        } else {
            Ok(())
        }
    }
}
