//! A discrete schedule: one `ᾱ` an index.

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::Level;

/// `ᾱ_t` for `t = 0..=T-1` (diffusers' indices: entry 0 already holds a little noise).
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    alpha_bar: Vec<f64>,
}

impl Table {
    /// From betas, clipped to `[0, 0.999]`.
    pub fn from_betas(betas: impl Iterator<Item = f64>) -> Self {
        let alpha_bar = betas.scan(1.0, |product, beta| {
            *product *= 1.0 - beta.clamp(0.0, 0.999);
            Some(*product)
        });
        Self {
            alpha_bar: alpha_bar.collect(),
        }
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
        let ve = |i: usize| ((1.0 - self.alpha_bar[i]) / self.alpha_bar[i]).sqrt();
        let sigma = ve(low) + (ve(high) - ve(low)) * t.fract();
        Level::from_alpha_bar(t, 1.0 / (1.0 + sigma * sigma))
    }

    fn domain(&self) -> RangeInclusive<f64> {
        0.0..=(self.alpha_bar.len() - 1) as f64
    }

    fn steps(&self) -> Option<usize> {
        Some(self.alpha_bar.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::math::{Level, Spec, Value, schedule};

    fn alpha_bar(id: &str, steps: i64, index: usize) -> f64 {
        let schedule = schedule::build(&Spec::new(id).with("steps", Value::Int(steps))).unwrap();
        schedule.level(index as f64).alpha.powi(2)
    }

    /// diffusion.md's golden table, computed in f64 from the formulas.
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
        check("cosine", 1000, 0, 0.99995872);
        check("cosine", 1000, 749, 0.144272);
        check("cosine", 1000, 999, 2.42877e-9);
    }

    #[test]
    fn every_schedule_gets_noisier_and_keeps_the_variance() {
        for entry in schedule::ENTRIES {
            let s = schedule::build(&Spec::new(entry.id)).unwrap();
            let t = |i: usize| s.domain().start() + (s.domain().end() - s.domain().start()) * i as f64 / 100.0;
            let levels: Vec<Level> = (0..=100).map(|i| s.level(t(i))).collect();
            assert!(
                levels.windows(2).all(|w| w[1].sigma_ve() > w[0].sigma_ve()),
                "{}",
                entry.id
            );
        }
    }
}
