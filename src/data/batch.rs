//! Which samples make a batch: a pure function of the seed and the training step, so that a resumed run needs no state.

use std::sync::Arc;

use super::{Augment, Dataset, Samples};
use crate::math::{
    Domain,
    domain::unit_from_byte,
    noise::{Address, Stream, permutation},
};

/// Which samples are learned from and which are kept for the validation loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Indices of the training samples, ascending.
    pub train: Arc<[u32]>,
    /// Indices of the validation samples, ascending.
    pub validation: Arc<[u32]>,
}

impl Split {
    /// Sets a random share (`0..0.5`, rounded to whole samples) of `count` samples aside.
    pub fn new(count: usize, share: f64, seed: u64) -> Self {
        let address = Address {
            seed,
            stream: Stream::Data,
            sample: 0,
            mv: 1,
            draw: 0,
        };
        let mut order = permutation(count, address);
        let kept = (count as f64 * share.clamp(0.0, 0.5)).round() as usize;
        let mut train = order.split_off(kept);
        order.sort_unstable();
        train.sort_unstable();
        Self {
            train: train.into(),
            validation: order.into(),
        }
    }
}

/// Deals the training samples into batches. Each epoch is a new permutation, laid end to end with the one before: a
/// batch may take the end of one epoch and the start of the next, and may be larger than the data set.
#[derive(Clone, Debug)]
pub struct Batcher {
    train: Arc<[u32]>,
    batch: usize,
    seed: u64,
    /// The permutations of the two epochs met last: a speed-up without influence on the result.
    recent: [(u64, Vec<u32>); 2],
}

impl Batcher {
    /// `train` must not be empty.
    pub fn new(train: Arc<[u32]>, batch: usize, seed: u64) -> Self {
        debug_assert!(!train.is_empty(), "no training samples");
        Self {
            train,
            batch,
            seed,
            recent: [(u64::MAX, Vec::new()), (u64::MAX, Vec::new())],
        }
    }

    /// Indices into the data set of the batch of training step `step`.
    pub fn indices(&mut self, step: u64) -> Vec<u32> {
        let first = step * self.batch as u64;
        (first..first + self.batch as u64)
            .map(|place| self.dealt(place))
            .collect()
    }

    /// How often each sample was seen after `step` steps.
    pub fn epochs(&self, step: u64) -> f64 {
        step as f64 * self.batch as f64 / self.train.len() as f64
    }

    fn dealt(&mut self, place: u64) -> u32 {
        let n = self.train.len() as u64;
        let (epoch, within) = (place / n, (place % n) as usize);
        let slot = &mut self.recent[(epoch % 2) as usize];
        if slot.0 != epoch {
            let address = Address {
                seed: self.seed,
                stream: Stream::Shuffle,
                sample: 0,
                mv: epoch,
                draw: 0,
            };
            *slot = (epoch, permutation(self.train.len(), address));
        }
        self.train[slot.1[within] as usize]
    }
}

impl Dataset {
    /// The samples `indices` in tensor order ([`Domain::shape`]): pictures `(B, C, H, W)` in `[-1, 1]`, points `(B, 2)`.
    ///
    /// Pictures are changed as `augment` says; `first` is the address of the first sample's random numbers, the others
    /// follow in `first.sample`. Augmentation uses `first.draw` and no other block.
    pub fn gather(&self, indices: &[u32], augment: &Augment, first: Address) -> Vec<f32> {
        let len = self.domain.numel();
        let mut out = vec![0.0; indices.len() * len];
        for (place, (&i, sample)) in indices.iter().zip(out.chunks_exact_mut(len)).enumerate() {
            let range = i as usize * len..(i as usize + 1) * len;
            match (&self.samples, self.domain) {
                (Samples::Points(all), _) => sample.copy_from_slice(&all[range]),
                (Samples::Pixels(all), Domain::Image { channels, width, .. }) => {
                    let at = Address {
                        sample: first.sample + place as u64,
                        ..first
                    };
                    augment.draw(at).apply(&all[range], channels, width, sample);
                }
                (Samples::Pixels(_), Domain::Points) => unreachable!("points are never stored as bytes"),
            }
        }
        out
    }

    /// The samples `indices` as they are stored, in tensor order.
    pub fn tensor(&self, indices: &[u32]) -> Vec<f32> {
        let nowhere = Address {
            seed: 0,
            stream: Stream::Augment,
            sample: 0,
            mv: 0,
            draw: 0,
        };
        self.gather(indices, &Augment::default(), nowhere)
    }

    /// The classes of the samples `indices`, where the data set has any.
    pub fn classes(&self, indices: &[u32]) -> Option<Vec<u32>> {
        let labels = self.labels.as_ref()?;
        Some(indices.iter().map(|&i| labels.of[i as usize]).collect())
    }
}

/// `(H, W, C)` bytes to `(C, H, W)` numbers in `[-1, 1]`.
pub(super) fn planes_from_bytes(bytes: &[u8], channels: usize, out: &mut [f32]) {
    let pixels = bytes.len() / channels;
    for (i, &byte) in bytes.iter().enumerate() {
        out[i % channels * pixels + i / channels] = unit_from_byte(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_complete_disjoint_and_seeded() {
        let split = Split::new(1000, 0.1, 5);
        assert_eq!((split.train.len(), split.validation.len()), (900, 100));
        let mut all: Vec<u32> = split.train.iter().chain(&*split.validation).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        assert_eq!(split, Split::new(1000, 0.1, 5));
        assert_ne!(split, Split::new(1000, 0.1, 6));
        assert_ne!(*split.validation, *(0..100).collect::<Vec<_>>(), "the split is random");
        assert!(Split::new(7, 0.0, 5).validation.is_empty());
    }

    #[test]
    fn batches_are_a_pure_function_of_seed_and_step() {
        let train: Arc<[u32]> = (100..150).collect();
        let mut forward = Batcher::new(train.clone(), 16, 1);
        let there: Vec<_> = (0..40).map(|step| forward.indices(step)).collect();
        let mut backward = Batcher::new(train.clone(), 16, 1);
        let back: Vec<_> = (0..40).rev().map(|step| backward.indices(step)).collect();
        assert!(there.iter().eq(back.iter().rev()));
        assert_ne!(there[0], Batcher::new(train, 16, 2).indices(0));
    }

    #[test]
    fn every_epoch_deals_each_sample_once_in_a_new_order() {
        let train: Arc<[u32]> = (100..107).collect();
        let mut batcher = Batcher::new(train.clone(), 16, 1);
        let dealt: Vec<u32> = (0..7).flat_map(|step| batcher.indices(step)).collect();
        let epochs: Vec<&[u32]> = dealt.chunks(7).collect();
        assert_eq!(epochs.len(), 16);
        for epoch in &epochs {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, *train);
        }
        assert!(epochs.windows(2).any(|w| w[0] != w[1]));
        assert_eq!(batcher.epochs(7), 16.0);
    }
}
