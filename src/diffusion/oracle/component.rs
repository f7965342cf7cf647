//! One part of a mixture, and what it says about a noisy sample.

use crate::math::Level;

/// One round Gaussian of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Share of the samples; need not be normalised.
    pub weight: f64,
    /// Centre; one number a dimension.
    pub mean: Vec<f64>,
    /// Standard deviation in every direction; 0 for a single point.
    pub std: f64,
}

/// What a component says about one noisy sample.
pub(super) struct Posterior {
    /// First the log of prior times likelihood, then normalised.
    pub(super) weight: f64,
    /// `E[x0 | x, k]`.
    pub(super) mean: Vec<f64>,
    /// `d E[x0 | x, k] / dx`.
    pub(super) slope: f64,
    /// `d log N(x; alpha m, v I) / dx`.
    pub(super) score: Vec<f64>,
}

impl Component {
    pub(super) fn posterior(&self, x: &[f64], at: Level) -> Posterior {
        let Level { alpha, sigma, .. } = at;
        let (prior, noise) = (self.std.powi(2), sigma.powi(2));
        // A point seen without noise has no variance at all; the smallest number stands for the limit.
        let v = (alpha.powi(2) * prior + noise).max(f64::MIN_POSITIVE);
        let score: Vec<f64> = x.iter().zip(&self.mean).map(|(x, m)| (alpha * m - x) / v).collect();
        let distance: f64 = score.iter().map(|s| s * s * v).sum();
        let mean = |(x, m): (&f64, &f64)| (prior * alpha * x + noise * m) / v;
        Posterior {
            weight: self.weight.ln() - 0.5 * (distance + x.len() as f64 * v.ln()),
            mean: x.iter().zip(&self.mean).map(mean).collect(),
            slope: prior * alpha / v,
            score,
        }
    }
}

/// The mean of `part` with the posterior weights.
pub(super) fn weighted(all: &[Posterior], part: impl Fn(&Posterior) -> &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; all.first().map_or(0, |p| part(p).len())];
    for p in all {
        for (s, v) in sum.iter_mut().zip(part(p)) {
            *s += p.weight * v;
        }
    }
    sum
}
