//! What the network learns from: batches and their conditions as a function of seed and step.

use std::sync::Arc;

use super::Error;
use crate::{
    data::{Augment, Batcher, Dataset, Split},
    files::Recipe,
    math::{
        Cond,
        noise::{Address, Stream},
    },
};

/// Draw of the label dropping; the augmentation of the same stream uses 0.
const DROP: u64 = 1;

/// Samples in tensor order with one condition each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) x: Vec<f32>,
    pub(super) cond: Cond,
}

/// Deals batches.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    data: Dataset,
    batcher: Batcher,
    augment: Augment,
    validation: Arc<[u32]>,
    seed: u64,
    /// The null class, where the network is told a class.
    null: Option<u32>,
    drop: f64,
}

impl Feed {
    pub(super) fn new(data: Dataset, recipe: &Recipe) -> Result<Self, Error> {
        let split = Split::new(data.count, recipe.data.validation, recipe.seed);
        if split.train.is_empty() {
            return Err(Error::refused(format!(
                "“{}” has no samples to learn from: choose other data",
                data.label
            )));
        }
        let labels = data.labels.as_ref().filter(|_| recipe.condition.classes);
        Ok(Self {
            batcher: Batcher::new(split.train, recipe.train.batch, recipe.seed),
            augment: Augment::from(&recipe.data),
            validation: split.validation,
            seed: recipe.seed,
            null: labels.map(|l| l.names.len() as u32),
            drop: recipe.condition.drop,
            data,
        })
    }

    /// The batch of one step.
    pub(super) fn batch(&mut self, step: u64) -> Batch {
        let indices = self.batcher.indices(step);
        let x = self.data.gather(&indices, &self.augment, self.address(step, 0, 0));
        let classes = self.classes(&indices, |place| {
            self.address(step, place as u64, DROP).uniform() < self.drop
        });
        Batch { x, cond: classes }
    }

    /// Number of training samples.
    pub(super) fn count(&self) -> usize {
        self.data.count - self.validation.len()
    }

    /// How often each sample was seen after `step` steps.
    pub(super) fn epochs(&self, step: u64) -> f64 {
        self.batcher.epochs(step)
    }

    /// Samples kept for validation.
    pub(super) fn validation_count(&self) -> usize {
        self.validation.len()
    }

    /// `count` of them, evenly spread (data sets may be sorted by class), as they are.
    pub(super) fn validation(&self, count: usize) -> Batch {
        let all = &self.validation;
        let indices: Vec<u32> = (0..count).map(|i| all[i * all.len() / count]).collect();
        Batch {
            x: self.data.tensor(&indices),
            cond: self.classes(&indices, |_| false),
        }
    }

    fn address(&self, step: u64, place: u64, draw: u64) -> Address {
        Address {
            seed: self.seed,
            stream: Stream::Augment,
            sample: place,
            mv: step,
            draw,
        }
    }

    /// The class of each sample, the null class where `dropped` says so.
    fn classes(&self, indices: &[u32], dropped: impl Fn(usize) -> bool) -> Cond {
        let (Some(null), Some(labels)) = (self.null, &self.data.labels) else {
            return Cond::None;
        };
        let told = |(place, &i): (usize, &u32)| if dropped(place) { null } else { labels.of[i as usize] };
        Cond::Class(indices.iter().enumerate().map(told).collect())
    }
}
