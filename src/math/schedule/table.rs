//! A discrete schedule: one `ᾱ` an index.

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Level, Params};

/// `ᾱ_t` for `t = 0..=T-1` (diffusers' indices: entry 0 already holds a little noise).
#[derive(Clone, PartialEq)]
pub struct Table {
    alpha_bar: Vec<f64>,
}

impl Table {
    /// From `ᾱ_t`, falling, at least one entry.
    pub const fn new(alpha_bar: Vec<f64>) -> Self {
        Self { alpha_bar }
    }

    /// From betas, clipped to `[0, 0.9999]`.
    pub fn from_betas(betas: impl Iterator<Item = f64>) -> Self {
        let alpha_bar = betas.scan(1.0, |product, beta| {
            *product *= 1.0 - beta.clamp(0.0, 0.9999);
            Some(*product)
        });
        Self::new(alpha_bar.collect())
    }

    /// From a curve proportional to `ᾱ(u)` on `[0, 1]`, with the parameters `steps` and `max-beta`.
    pub(super) fn from_curve(alpha_bar: impl Fn(f64) -> f64, p: &Params) -> Self {
        let (steps, cap) = (p.count("steps"), p.real("max-beta"));
        let at = |i: usize| alpha_bar(i as f64 / steps as f64);
        Self::from_betas((0..steps).map(|i| (1.0 - at(i + 1) / at(i)).min(cap)))
    }

    /// The table with pure noise at its end where the parameter `zero-snr` says so.
    pub(super) fn with_end(self, p: &Params) -> Self {
        if p.flag("zero-snr") { self.with_zero_snr() } else { self }
    }

    /// Shifts and stretches `√ᾱ` so that the last becomes 0 and the first stays (Lin et al. 2024, algorithm 1).
    #[must_use]
    pub fn with_zero_snr(mut self) -> Self {
        let first = self.alpha_bar[0].sqrt();
        let last = self.alpha_bar[self.alpha_bar.len() - 1].sqrt();
        for alpha_bar in &mut self.alpha_bar {
            *alpha_bar = ((alpha_bar.sqrt() - last) * first / (first - last)).powi(2);
        }
        self
    }

    /// The betas that make this table.
    pub fn betas(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(1.0).chain(self.alpha_bar.iter().copied());
        self.alpha_bar
            .iter()
            .zip(before)
            .map(|(now, before)| 1.0 - now / before)
    }

    /// Noise at an index in variance-exploding units, finite.
    fn sigma_ve(&self, index: usize) -> f64 {
        Level::from_alpha_bar(0.0, self.alpha_bar[index])
            .with_signal()
            .sigma_ve()
    }
}

/// The variance-preserving level of this noise.
fn level_from_ve(t: f64, sigma_ve: f64) -> Level {
    Level::from_alpha_bar(t, 1.0 / (1.0 + sigma_ve * sigma_ve))
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} levels)", self.alpha_bar.len())
    }
}

impl NoiseSchedule for Table {
    /// Between entries the VE noise level is interpolated linearly, as diffusers does for fractional steps.
    fn level(&self, t: f64) -> Level {
        let last = self.alpha_bar.len() - 1;
        let t = t.clamp(0.0, last as f64);
        let (low, high) = (t.floor() as usize, t.ceil() as usize);
        if low == high {
            return Level::from_alpha_bar(t, self.alpha_bar[low]);
        }
        let (low, high) = (self.sigma_ve(low), self.sigma_ve(high));
        level_from_ve(t, low + (high - low) * t.fract())
    }

    fn domain(&self) -> RangeInclusive<f64> {
        0.0..=(self.alpha_bar.len() - 1) as f64
    }

    fn steps(&self) -> Option<usize> {
        Some(self.alpha_bar.len())
    }

    /// The noise is exactly `sigma_ve`; the time is interpolated linearly in its logarithm, as diffusers does.
    fn at_sigma(&self, sigma_ve: f64) -> Level {
        let above = (0..self.alpha_bar.len()).find(|&i| self.sigma_ve(i) > sigma_ve);
        let t = match above {
            Some(0) => 0.0,
            None => (self.alpha_bar.len() - 1) as f64,
            Some(high) => {
                let [below, above] = [high - 1, high].map(|i| self.sigma_ve(i).ln());
                (high - 1) as f64 + (sigma_ve.ln() - below) / (above - below)
            }
        };
        level_from_ve(t, sigma_ve)
    }
}

#[cfg(test)]
mod tests;
