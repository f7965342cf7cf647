//! Memory of frames that several trajectories may share.

use std::{collections::BTreeMap, sync::Arc};

use super::frame_bytes;
use crate::engine::event::StepFrame;

/// Which frames are kept, by their address, and how many bytes that is. Shared frames count once.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    owners: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Held {
    /// Memory of all frames.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// One more trajectory keeps this frame.
    pub(super) fn take(&mut self, step: &Arc<StepFrame>) {
        let owners = self.owners.entry(Arc::as_ptr(step).addr()).or_default();
        *owners += 1;
        if *owners == 1 {
            self.bytes += frame_bytes(step);
        }
    }

    /// One trajectory less keeps this frame. Call before the frame itself is dropped.
    pub(super) fn release(&mut self, step: &Arc<StepFrame>) {
        let address = Arc::as_ptr(step).addr();
        if let Some(owners) = self.owners.get_mut(&address) {
            *owners -= 1;
            if *owners == 0 {
                self.owners.remove(&address);
                self.bytes -= frame_bytes(step);
            }
        }
    }
}
