//! A discrete schedule: one `ᾱ` an index.

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Level, Param, Params};

/// Number of noise levels.
pub(super) const STEPS: Param = Param::int("steps", 2, 10_000, 1000, "Number of noise levels T");

/// Whether betas are stated for `T = 1000`.
pub(super) const SCALE: Param = Param::flag(
    "scale",
    true,
    "Multiply betas by 1000 / T, so that few steps still end in noise",
);

/// Cap of betas that follow from a curve of `ᾱ`.
pub(super) const MAX_BETA: Param = Param::real("max-beta", 0.5, 0.9999, 0.999, "Cap of beta near the end");

/// Whether the last level has no signal at all.
pub(super) const ZERO_SNR: Param = Param::flag(
    "zero-snr",
    false,
    "End in pure noise (needs a v, x₀ or flow target and trailing spacing)",
);

/// First and last beta from the parameters `beta-start`, `beta-end`, `scale` and `steps`.
pub(super) fn beta_ends(p: &Params) -> (f64, f64) {
    let factor = if p.flag("scale") {
        1000.0 / p.count("steps") as f64
    } else {
        1.0
    };
    (p.real("beta-start") * factor, p.real("beta-end") * factor)
}

/// `n` even numbers from `first` to `last`, both included; `n` is at least 2.
pub(super) fn line(first: f64, last: f64, n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| first + (last - first) * i as f64 / (n - 1) as f64)
}

/// `1 / (1 + e^-v)`.
pub(super) fn logistic(v: f64) -> f64 {
    1.0 / (1.0 + (-v).exp())
}

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
mod tests {
    use super::*;
    use crate::math::{Spec, Value, schedule};

    fn alpha_bar(id: &str, steps: i64, index: usize) -> f64 {
        let schedule = schedule::build(&Spec::new(id).with("steps", Value::Int(steps))).unwrap();
        schedule.level(index as f64).alpha.powi(2)
    }

    /// Computed in f64 from the formulas of the papers.
    #[test]
    fn golden_values() {
        let check = |id, steps, index, expected: f64| {
            let found = alpha_bar(id, steps, index);
            assert!(
                (found / expected - 1.0).abs() < 1e-5,
                "{id} {steps} {index}: {found} is not {expected}"
            );
        };
        check("linear", 1000, 0, 0.9999);
        check("linear", 1000, 499, 0.0785872);
        check("linear", 1000, 999, 4.03583e-5);
        check("linear", 50, 49, 7.74477e-6);
        check("linear", 250, 249, 3.26441e-5);
        check("scaled-linear", 1000, 0, 0.99915);
        check("scaled-linear", 1000, 249, 0.675432);
        check("scaled-linear", 1000, 999, 4.6601e-3);
        check("cosine", 1000, 0, 0.99995872);
        check("cosine", 1000, 749, 0.144272);
        check("cosine", 1000, 999, 2.42877e-9);
        check("sigmoid", 1000, 0, 0.99969972);
        check("sigmoid", 1000, 249, 0.850854);
        check("sigmoid", 1000, 499, 0.5);
        check("sigmoid", 1000, 999, 3.00279e-7);
        check("sigmoid-beta", 1000, 0, 0.99985079);
        check("sigmoid-beta", 1000, 499, 0.301931);
        check("sigmoid-beta", 1000, 999, 3.96818e-5);
        check("sqrt", 1000, 0, (1.0 - 0.0011_f64.sqrt()) / 0.99);
        check("sqrt", 1000, 499, (1.0 - 0.5001_f64.sqrt()) / 0.99);
    }

    #[test]
    fn zero_snr_moves_the_end_and_keeps_the_start() {
        let spec = Spec::new("linear").with("zero-snr", Value::Flag(true));
        let table = schedule::build(&spec).unwrap();
        assert!((table.level(0.0).alpha.powi(2) - 0.9999).abs() < 1e-12);
        assert!((table.level(499.0).alpha.powi(2) - 0.07602875).abs() < 1e-8);
        assert_eq!(table.level(999.0).alpha, 0.0);
        assert!(table.level(998.5).sigma_ve().is_finite());
    }

    #[test]
    fn every_schedule_gets_noisier() {
        for entry in schedule::ENTRIES {
            let s = schedule::build(&Spec::new(entry.id)).unwrap();
            let t = |i: usize| s.domain().start() + (s.domain().end() - s.domain().start()) * i as f64 / 100.0;
            let levels: Vec<Level> = (0..=100).map(|i| s.level(t(i))).collect();
            assert!(
                levels.windows(2).all(|w| w[1].sigma_ve() > w[0].sigma_ve()),
                "{}",
                entry.id
            );
            assert!(levels[0].sigma > 0.0, "{}", entry.id);
        }
    }

    #[test]
    fn a_level_is_found_by_its_noise() {
        for entry in schedule::ENTRIES {
            let s = schedule::build(&Spec::new(entry.id)).unwrap();
            let (low, high) = s.sigma_range();
            for share in [0.0_f64, 0.1, 0.5, 0.9, 1.0] {
                let sigma = low * (high / low).powf(share);
                let at = s.at_sigma(sigma);
                assert!((at.sigma_ve() / sigma - 1.0).abs() < 1e-6, "{} {share}", entry.id);
                // Between table entries one direction is linear and the other logarithmic; the neighbours are shared.
                let [below, above] = match s.steps() {
                    Some(_) => [at.t.floor(), at.t.ceil()],
                    None => [at.t, at.t],
                }
                .map(|t| s.level(t).with_signal().sigma_ve());
                let name = format!("{} {share}: {sigma} in {below}..{above}", entry.id);
                assert!(below <= sigma * (1.0 + 1e-9) && above >= sigma * (1.0 - 1e-9), "{name}");
            }
        }
    }

    #[test]
    fn betas_rebuild_the_table() {
        let table = Table::from_betas(line(1e-4, 0.02, 1000));
        let again = Table::from_betas(table.betas());
        for (a, b) in table.alpha_bar.iter().zip(&again.alpha_bar) {
            assert!((a / b - 1.0).abs() < 1e-12);
        }
    }
}
