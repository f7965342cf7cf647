//! Even shares of a schedule, and the levels that networks are told.

use super::{Ends, Told};
use crate::math::{Level, schedule::NoiseSchedule};

impl Ends {
    /// The `i`-th of `n` even shares, counted from the clean end; `u` is where it lies with both ends, `least` the share of
    /// the least noise.
    pub(super) fn place(self, u: f64, i: usize, n: usize, least: f64) -> f64 {
        let inner = (i + 1) as f64 / n as f64;
        match self {
            Self::Both => least + (1.0 - least) * u,
            Self::Noisy => least + (1.0 - least) * inner,
            Self::Neither => (1.0 - least) * inner,
        }
    }
}

impl Told {
    pub(super) fn index(self, t: f64) -> f64 {
        match self {
            Self::Exact => t,
            Self::Rounded => t.round_ties_even(),
            Self::Truncated => t.floor(),
        }
    }

    /// The level of exactly this noise; only what the network is told is rounded.
    pub(super) fn level_of(self, sigma_ve: f64, schedule: &dyn NoiseSchedule) -> Level {
        let at = schedule.at_sigma(sigma_ve);
        match schedule.steps() {
            Some(_) => Level {
                t: self.index(at.t),
                ..at
            },
            None => at,
        }
    }
}

/// `n` even numbers from 1 to 0; only 1 where `n` is 1.
pub(super) fn falling(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| 1.0 - i as f64 / (n - 1).max(1) as f64)
}

/// `shift u / (1 + (shift - 1) u)`.
pub(super) fn shifted(u: f64, shift: f64) -> f64 {
    shift * u / (1.0 + (shift - 1.0) * u)
}
