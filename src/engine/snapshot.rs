//! A moment of a run as it lies in memory. Taking one costs no more than copying the numbers; turning it into a
//! checkpoint, which is slow for large networks, is left to the thread that writes.

use std::sync::Arc;

use crate::{
    files::{Checkpoint, State, Tensors},
    nn::Layout,
};

/// A moment of a run: the numbers are in the executor's order.
pub(super) struct Snapshot {
    /// What is not weights.
    pub(super) state: State,
    /// The order of the numbers.
    pub(super) layout: Arc<dyn Layout>,
    /// The raw weights.
    pub(super) model: Vec<f32>,
    /// The averaged weights.
    pub(super) ema: Vec<f32>,
    /// Adam's moments.
    pub(super) moments: [Vec<f32>; 2],
    /// What the loss itself learned.
    pub(super) loss: Tensors,
}

impl Snapshot {
    /// The same under the names of files.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let named = |flat: &[f32]| Tensors::from_weights(self.layout.unpack(flat), self.layout.params());
        let [first_moment, second_moment] = self.moments.each_ref().map(|m| named(m));
        Checkpoint {
            state: self.state.clone(),
            model: named(&self.model),
            ema: named(&self.ema),
            first_moment,
            second_moment,
            loss: self.loss.clone(),
        }
    }
}
