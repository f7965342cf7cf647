//! Learned uncertainty (Karras et al. 2024, EDM2, eq. 21): `loss = l / e^u + u`, where `u` is learned for each noise level.
//!
//! Its best value is `u = ln E[l]`, at which every level contributes alike, whatever weighting `l` has. As in the paper `u` is
//! linear in random Fourier features of `ln(sigma / alpha) / 4`, here with a constant among them.

use std::f64::consts::{SQRT_2, TAU};

use crate::math::{
    Level,
    noise::{Address, Stream},
};

/// Number of features.
const FEATURES: usize = 128;

/// The learned function of the noise level.
#[derive(Clone, Debug)]
pub struct Uncertainty {
    /// One weight a feature; all 0 at the start, where `u` is 0. These are learned.
    pub weights: Vec<f32>,
    /// Frequency and phase of each feature, in turns.
    waves: Vec<(f64, f64)>,
}

impl Uncertainty {
    /// Knows nothing yet. The features are those of the run's `seed`.
    pub fn new(seed: u64) -> Self {
        let address = Address {
            seed,
            stream: Stream::Weights,
            sample: u64::MAX,
            mv: 0,
            draw: 0,
        };
        let (mut frequencies, mut phases) = ([0.0; FEATURES], [0.0; FEATURES]);
        address.normals(&mut frequencies);
        Address { draw: 1, ..address }.uniforms(&mut phases);
        let mut waves: Vec<_> = frequencies.iter().map(|&f| f64::from(f)).zip(phases).collect();
        waves[0] = (0.0, 0.0);
        Self {
            weights: vec![0.0; FEATURES],
            waves,
        }
    }

    /// `u` at a level.
    pub fn at(&self, level: Level) -> f64 {
        let terms = self.weights.iter().zip(self.features(level));
        terms.map(|(&w, feature)| f64::from(w) * feature).sum()
    }

    /// The derivative of the mean of `factor (l / e^u + u)` by the weights, from level, `l` and factor of each sample.
    pub fn gradient(&self, samples: &[(Level, f64, f64)]) -> Vec<f32> {
        let mut sum = [0.0; FEATURES];
        for &(level, loss, factor) in samples {
            let slope = factor * (1.0 - loss * (-self.at(level)).exp()) / samples.len() as f64;
            for (s, feature) in sum.iter_mut().zip(self.features(level)) {
                *s += slope * feature;
            }
        }
        sum.iter().map(|&s| s as f32).collect()
    }

    fn features(&self, level: Level) -> impl Iterator<Item = f64> {
        let place = level.with_signal().sigma_ve().ln() / 4.0;
        let scale = SQRT_2 / (FEATURES as f64).sqrt();
        self.waves
            .iter()
            .map(move |(frequency, phase)| scale * (TAU * (frequency * place + phase)).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Spec, schedule};

    fn levels() -> Vec<Level> {
        let schedule = schedule::build(&Spec::new("cosine")).unwrap();
        (0..100).map(|i| schedule.level(f64::from(10 * i))).collect()
    }

    #[test]
    fn the_gradient_is_a_difference() {
        let mut learned = Uncertainty::new(4);
        let samples: Vec<_> = levels()
            .into_iter()
            .zip(1..)
            .map(|(at, i)| (at, 0.1 * f64::from(i), 0.5))
            .collect();
        learned
            .weights
            .iter_mut()
            .zip(0_u8..)
            .for_each(|(w, i)| *w = 0.1 - 0.002 * f32::from(i));
        let loss = |u: &Uncertainty| -> f64 {
            let each = samples
                .iter()
                .map(|&(at, l, factor)| factor * (l * (-u.at(at)).exp() + u.at(at)));
            each.sum::<f64>() / samples.len() as f64
        };
        let gradient = learned.gradient(&samples);
        for i in [0, 1, 77] {
            let moved = |by: f32| {
                let mut moved = learned.clone();
                moved.weights[i] += by;
                loss(&moved)
            };
            let h = 1.0 / 128.0;
            let difference = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
            assert!(
                (f64::from(gradient[i]) - difference).abs() < 1e-3 * (0.01 + difference.abs()),
                "{i}"
            );
        }
    }

    /// Losses that fall by a factor of a thousand from the clean end to the noisy one.
    #[test]
    fn it_learns_the_logarithm_of_the_loss() {
        let loss = |at: Level| 2.0 * (at.snr() / (1.0 + at.snr())) + 0.002;
        let samples: Vec<_> = levels().into_iter().map(|at| (at, loss(at), 1.0)).collect();
        let mut learned = Uncertainty::new(4);
        for _ in 0..3000 {
            let gradient = learned.gradient(&samples);
            learned
                .weights
                .iter_mut()
                .zip(gradient)
                .for_each(|(w, g)| *w -= 0.5 * g);
        }
        // The last levels of the schedule are so noisy that nearly no sample meets them.
        for &(at, loss, _) in &samples[..90] {
            assert!(
                (learned.at(at) - loss.ln()).abs() < 0.5,
                "{at:?}: {} is not {}",
                learned.at(at),
                loss.ln()
            );
        }
    }
}
