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

impl Component {
    /// Variance of `x`. A point seen without noise has none at all; the smallest number stands for the limit.
    fn variance(&self, at: Level) -> f64 {
        ((at.alpha * self.std).powi(2) + at.sigma.powi(2)).max(f64::MIN_POSITIVE)
    }

    /// The part of the log of prior times likelihood that does not depend on the sample, but for a constant that all
    /// components share.
    pub(super) fn log_scale(&self, at: Level) -> f64 {
        self.weight.ln() - 0.5 * self.mean.len() as f64 * self.variance(at).ln()
    }

    /// The other part.
    pub(super) fn log_shape(&self, x: &[f64], at: Level) -> f64 {
        let square = |(x, m): (&f64, &f64)| (x - at.alpha * m).powi(2);
        -0.5 * x.iter().zip(&self.mean).map(square).sum::<f64>() / self.variance(at)
    }

    /// `E[x0 | x, k]`.
    pub(super) fn mean<'a>(&'a self, x: &'a [f64], at: Level) -> impl Iterator<Item = f64> + 'a {
        let (v, prior, noise) = (self.variance(at), self.std.powi(2), at.sigma.powi(2));
        x.iter()
            .zip(&self.mean)
            .map(move |(x, m)| (prior * at.alpha * x + noise * m) / v)
    }

    /// `d E[x0 | x, k] / dx`.
    pub(super) fn slope(&self, at: Level) -> f64 {
        self.std.powi(2) * at.alpha / self.variance(at)
    }

    /// `d log N(x; alpha m, v I) / dx`.
    pub(super) fn score<'a>(&'a self, x: &'a [f64], at: Level) -> impl Iterator<Item = f64> + 'a {
        let v = self.variance(at);
        x.iter().zip(&self.mean).map(move |(x, m)| (at.alpha * m - x) / v)
    }
}
