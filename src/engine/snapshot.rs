//! A moment of a run as it lies in memory. Taking one costs no more than copying the numbers; turning it into a
//! checkpoint, which is slow for large networks, is left to the thread that writes.

use std::sync::Arc;

use super::model::ModelInfo;
use crate::{
    files::{self, Checkpoint, RunFolder, State, Tensors, learning::About},
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

/// The averaged weights of one training step.
pub(super) struct Moment {
    /// What they are; its recipe and step count.
    pub(super) info: ModelInfo,
    /// The order of the numbers.
    pub(super) layout: Arc<dyn Layout>,
    /// The averaged weights.
    pub(super) ema: Vec<f32>,
}

impl Moment {
    /// Puts them into the run folder.
    pub(super) fn keep(&self, folder: &RunFolder) -> files::Result<()> {
        let ModelInfo {
            recipe,
            step,
            domain,
            class_names,
            ..
        } = &self.info;
        let ema = Tensors::from_weights(self.layout.unpack(&self.ema), self.layout.params());
        let about = About {
            domain: *domain,
            class_names,
        };
        folder.keep_learning(*step, ema, recipe, &about)
    }
}
