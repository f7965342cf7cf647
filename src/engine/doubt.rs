//! The learned uncertainty of each noise level while it learns.

use super::Error;
use crate::{
    diffusion::loss::uncertainty::Uncertainty,
    math::Level,
    nn::optim::{AdamW, Hyper},
};

/// Names in a checkpoint.
const NAMES: [&str; 3] = ["uncertainty", "uncertainty.exp_avg", "uncertainty.exp_avg_sq"];

/// The uncertainty and its optimiser, which is like that of the network but without weight decay.
pub(super) struct Doubt {
    learned: Uncertainty,
    adam: AdamW,
}

impl Doubt {
    pub(super) fn new(seed: u64, hyper: Hyper) -> Self {
        let learned = Uncertainty::new(seed);
        let hyper = Hyper {
            weight_decay: 0.0,
            ..hyper
        };
        Self {
            adam: AdamW::new(learned.weights.len(), hyper),
            learned,
        }
    }

    /// What the loss at a level is multiplied by.
    pub(super) fn factor(&self, at: Level) -> f64 {
        (-self.learned.at(at)).exp()
    }

    /// Takes in level, loss and factor of each sample of a step.
    pub(super) fn update(&mut self, samples: &[(Level, f64, f64)], lr: f64) {
        let gradient = self.learned.gradient(samples);
        self.adam.update(&mut self.learned.weights, &gradient, lr);
    }

    /// Everything that a resume needs, by name.
    pub(super) fn memory(&self) -> impl Iterator<Item = (&'static str, Vec<f32>)> {
        let parts = [&self.learned.weights, &self.adam.mean, &self.adam.square];
        NAMES.into_iter().zip(parts.map(Clone::clone))
    }

    /// Goes back to what [`Doubt::memory`] gave after `updates` updates.
    pub(super) fn recall<'a>(&mut self, part: impl Fn(&str) -> &'a [f32], updates: u64) -> Result<(), Error> {
        let places = [&mut self.learned.weights, &mut self.adam.mean, &mut self.adam.square];
        for (place, name) in places.into_iter().zip(NAMES) {
            let saved = part(name);
            if saved.len() != place.len() {
                return Err(Error::refused(format!(
                    "this checkpoint cannot be used: “{name}” has {} numbers instead of {}",
                    saved.len(),
                    place.len()
                )));
            }
            place.copy_from_slice(saved);
        }
        self.adam.step = updates;
        Ok(())
    }
}
