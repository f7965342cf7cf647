//! Counter-based randomness: every number is a function of `(seed, stream, sample, move, draw)`.
//!
//! Rewinding to a step and going on gives the same picture; sample 3 does not depend on the batch size; a resumed run
//! sees the numbers an uninterrupted run would have seen. `ChaCha8` is the counter-based generator, Box–Muller with
//! `libm` arithmetic makes normals that agree on all platforms.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// What a number is drawn for. Streams never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum Stream {
    /// Initial weights: sample = parameter in sorted name order.
    Weights = 1,
    /// Which training samples make a batch: move = epoch.
    Shuffle = 2,
    /// Training times: move = training step, sample = place in the batch.
    Times = 3,
    /// Training noise: move = training step, sample = place in the batch.
    Noise = 4,
    /// Augmentation and label dropping: move = training step, sample = place in the batch.
    Augment = 5,
    /// Start of a reverse process: move = 0.
    Start = 6,
    /// Fresh noise of a reverse process: move = index of the move, draw = how many draws this move already made.
    Step = 7,
    /// The fixed noise and times of the validation loss.
    Validation = 8,
    /// Made data (point sets) and the split into training and validation.
    Data = 9,
    /// Dropout masks: move = training step.
    Dropout = 10,
    /// Forward noising of data that is looked at.
    Forward = 11,
    /// Which parts of a picture a random mask takes.
    Mask = 12,
    /// Noise of what a restoration is given.
    Measurement = 13,
}

/// The address of one block of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Seed of the run or trajectory.
    pub seed: u64,
    /// What it is for.
    pub stream: Stream,
    /// Sample within the batch (or whatever the stream says).
    pub sample: u64,
    /// Move, training step or epoch.
    pub mv: u64,
    /// How many blocks this move already drew for this sample.
    pub draw: u64,
}

impl Address {
    /// The generator standing at the start of this block.
    pub fn rng(self) -> ChaCha8Rng {
        let mut key = [0; 32];
        let words = [self.seed, self.stream as u64, self.sample, self.mv];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(self.draw);
        rng
    }

    /// Fills `out` with standard normal numbers.
    pub fn normals(self, out: &mut [f32]) {
        let mut rng = self.rng();
        for pair in out.chunks_mut(2) {
            let (a, b) = box_muller(open_unit(rng.next_u32()), open_unit(rng.next_u32()));
            pair[0] = a as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = b as f32;
            }
        }
    }

    /// Fills `out` with uniform numbers of `(0, 1)`.
    pub fn uniforms(self, out: &mut [f64]) {
        let mut rng = self.rng();
        for v in out {
            *v = open_unit(rng.next_u32());
        }
    }

    /// One uniform number of `(0, 1)`.
    pub fn uniform(self) -> f64 {
        open_unit(self.rng().next_u32())
    }
}

/// The middle of one of 2³² equal pieces of the unit interval: never 0, never 1.
fn open_unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// Two independent normals from two uniforms (Box and Muller 1958).
fn box_muller(u: f64, v: f64) -> (f64, f64) {
    let radius = libm::sqrt(-2.0 * libm::log(u));
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * v);
    (radius * cos, radius * sin)
}

/// A seeded permutation of `0..n` (Fisher and Yates).
pub fn permutation(n: usize, address: Address) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut rng = address.rng();
    for i in (1..n).rev() {
        // The bias of the multiply-shift reduction is below n / 2^64.
        let j = ((u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64) as usize;
        order.swap(i, j);
    }
    order
}

/// Where a reverse process takes its noise from. The program uses [`Seeded`]; tests replay recorded noise.
pub trait NoiseSource: Send {
    /// Fills `out` with the standard normals of `(sample, mv, draw)`.
    fn normals(&self, sample: u64, mv: u64, draw: u64, out: &mut [f32]);
}

/// Noise of [`Stream::Step`] with one seed for all samples.
#[derive(Clone, Copy, Debug)]
pub struct Seeded(
    /// The trajectory's seed.
    pub u64,
);

impl NoiseSource for Seeded {
    fn normals(&self, sample: u64, mv: u64, draw: u64, out: &mut [f32]) {
        Address {
            seed: self.0,
            stream: Stream::Step,
            sample,
            mv,
            draw,
        }
        .normals(out);
    }
}

#[cfg(test)]
mod tests;
