//! Where each rule puts its levels.

use super::{
    End, Ends, Landing, Rule, SigmaRange, Spacing, Told,
    place::{falling, shifted},
};
use crate::math::{Level, beta as beta_dist, schedule::NoiseSchedule};

impl Spacing {
    /// A rule with the usual rounding, ending without noise.
    pub const fn new(rule: Rule) -> Self {
        Self {
            rule,
            told: match rule {
                Rule::Karras { .. } | Rule::Exponential { .. } | Rule::Beta { .. } | Rule::Shifted { .. } => {
                    Told::Exact
                }
                _ => Told::Rounded,
            },
            landing: Landing::Next,
            end: End::Clean,
        }
    }

    /// Falling levels.
    pub(super) fn levels(self, schedule: &dyn NoiseSchedule, steps: usize) -> Vec<Level> {
        let by_sigma = |range: SigmaRange, between: &dyn Fn(f64, f64, f64) -> f64| {
            let own = schedule.sigma_range();
            let (min, max) = (range.min.unwrap_or(own.0), range.max.unwrap_or(own.1));
            let sigmas = falling(steps).map(|u| between(min, max, u));
            sigmas.map(|sigma| self.told.level_of(sigma, schedule)).collect()
        };
        match self.rule {
            Rule::Karras { rho, range } => by_sigma(range, &|min, max, u| {
                let (low, high) = (min.powf(rho.recip()), max.powf(rho.recip()));
                (low + (high - low) * u).powf(rho)
            }),
            Rule::Exponential { range } => by_sigma(range, &|min, max, u| min.powf(1.0 - u) * max.powf(u)),
            Rule::Beta { alpha, beta, range } => by_sigma(range, &|min, max, u| {
                min + (max - min) * beta_dist::quantile(u, alpha, beta)
            }),
            _ => match schedule.steps() {
                Some(total) => self
                    .indices(total, steps.min(total))
                    .map(|t| schedule.level(self.told.index(t)))
                    .collect(),
                None => self
                    .times(schedule, steps)
                    .map(|t| self.told_level(schedule.level(t)))
                    .collect(),
            },
        }
    }

    /// A level of a continuous schedule; times of its own need no rounding, except those that diffusers counts in indices.
    fn told_level(self, at: Level) -> Level {
        match self.rule {
            Rule::Shifted { .. } => Level {
                t: self.told.index(at.t),
                ..at
            },
            _ => at,
        }
    }

    /// Falling indices of `0..total`, not yet rounded.
    fn indices(self, total: usize, n: usize) -> impl Iterator<Item = f64> {
        let last = (total - 1) as f64;
        falling(n).zip((0..n).rev()).map(move |(u, i)| match self.rule {
            Rule::Leading { offset, exclusive } => {
                let (stride, i) = if exclusive {
                    (total / (n + 1), i + 1)
                } else {
                    (total / n, i)
                };
                ((i * stride + offset) as f64).min(last)
            }
            Rule::Trailing => ((i + 1) as f64 * (total as f64 / n as f64)).round_ties_even() - 1.0,
            Rule::Linspace { exclusive: true } => last * (i + 1) as f64 / n as f64,
            Rule::Quadratic => last * u * u,
            Rule::Shifted { shift, ends } => {
                let least = if ends == Ends::Neither {
                    (total as f64).recip()
                } else {
                    0.0
                };
                last * shifted(ends.place(u, i, n, least), shift)
            }
            Rule::Linspace { exclusive: false }
            | Rule::Karras { .. }
            | Rule::Exponential { .. }
            | Rule::Beta { .. } => last * u,
        })
    }

    /// Falling times of a continuous schedule.
    fn times(self, schedule: &dyn NoiseSchedule, n: usize) -> impl Iterator<Item = f64> {
        let (start, end) = schedule.domain().into_inner();
        // Times that are logarithms have no natural zero.
        let origin = start.min(0.0);
        falling(n).zip((0..n).rev()).map(move |(u, i)| match self.rule {
            Rule::Leading { .. } => start + (end - start) * i as f64 / n as f64,
            Rule::Trailing | Rule::Linspace { exclusive: true } => start + (end - start) * (i + 1) as f64 / n as f64,
            Rule::Quadratic => start + (end - start) * u * u,
            Rule::Shifted { shift, ends } => {
                let least = (start - origin) / (end - origin);
                let least = if ends == Ends::Both {
                    shifted(least, shift)
                } else {
                    least
                };
                let most = if ends == Ends::Noisy { 1.0 - 1e-6 } else { 1.0 };
                origin + (end - origin) * shifted(ends.place(u, i, n, least), shift).min(most)
            }
            Rule::Linspace { exclusive: false }
            | Rule::Karras { .. }
            | Rule::Exponential { .. }
            | Rule::Beta { .. } => start + (end - start) * u,
        })
    }
}
