//! Time grids: which moves a sampler makes.

use super::{Level, Move, Spec, SpecError, schedule::NoiseSchedule, spec};

mod along;
mod entries;
mod place;
mod plan;
mod rest;
mod rule;
#[cfg(test)]
mod tests;

pub use along::{along, rest_along};
pub use entries::ENTRIES;
pub use plan::{inverted, with_jumps};
pub use rest::rest;

/// Which levels a reverse process visits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Where the moves begin.
    pub rule: Rule,
    /// What becomes of times between two indices of a discrete schedule.
    pub told: Told,
    /// Where the moves land.
    pub landing: Landing,
    /// Where the last move ends.
    pub end: End,
}

/// How the levels are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `0, r, 2r, …` with `r = ⌊T / steps⌋`, plus an offset (diffusers' `leading`).
    Leading {
        /// Added to every index.
        offset: usize,
        /// Makes one step more and leaves out the clean end.
        exclusive: bool,
    },
    /// `T-1, T-1-r, …` with `r = T / steps`: starts at pure noise (diffusers' `trailing`).
    Trailing,
    /// Evenly from `T-1` to 0 (diffusers' `linspace`).
    Linspace {
        /// Makes one step more and leaves out the clean end.
        exclusive: bool,
    },
    /// Squares of an even grid: more steps near the clean end (DDIM paper).
    Quadratic,
    /// `sigma / alpha` even in its `rho`-th root (Karras et al. 2022, eq. 5).
    Karras {
        /// 1 is even in the noise, infinity even in its logarithm.
        rho: f64,
        /// Least and greatest noise.
        range: SigmaRange,
    },
    /// `sigma / alpha` even in its logarithm, that is, even in log-SNR.
    Exponential {
        /// Least and greatest noise.
        range: SigmaRange,
    },
    /// `sigma / alpha` at the quantiles of a Beta distribution: more steps at both ends (Lee et al. 2024).
    Beta {
        /// Below 1: steps gather at the clean end.
        alpha: f64,
        /// Below 1: steps gather at the noisy end.
        beta: f64,
        /// Least and greatest noise.
        range: SigmaRange,
    },
    /// Even times `u`, moved to `shift u / (1 + (shift - 1) u)`: more steps at the noisy end (Esser et al. 2024).
    Shifted {
        /// 1 changes nothing; larger pictures want more.
        shift: f64,
        /// Which ends of the schedule are among the times.
        ends: Ends,
    },
}

/// Which ends of the schedule are among the times; those that are not are one step away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Both.
    Both,
    /// The noisy one (diffusers' flow sigmas of UniPC), but for a millionth, so that a signal is left.
    Noisy,
    /// Neither: one step before no noise, and one index below pure noise (diffusers' flow sigmas of DPM-Solver).
    Neither,
}

/// Least and greatest noise in variance-exploding units, where they are not the schedule's own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SigmaRange {
    /// Least noise.
    pub min: Option<f64>,
    /// Greatest noise.
    pub max: Option<f64>,
}

/// What becomes of times between two indices of a discrete schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// They stay, and the noise is interpolated.
    Exact,
    /// The nearest index (halves to the even one, as Python and `NumPy` round).
    Rounded,
    /// The index below.
    Truncated,
}

/// Where the moves land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Where the next begins.
    Next,
    /// `⌊T / steps⌋` below, whatever the spacing: diffusers' DDIM and PNDM.
    Stride,
}

/// Where the last move ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Without noise.
    Clean,
    /// At the schedule's least noise (diffusers' `set_alpha_to_one = false` and `final_sigmas_type = sigma_min`).
    First,
}

/// Builds the chosen spacing.
pub fn build(spec: &Spec) -> Result<Spacing, SpecError> {
    spec::build("spacing", ENTRIES, spec).map(|s| *s)
}

/// The moves of a reverse process: `steps` of them (fewer where a discrete schedule has fewer levels), the last to no noise.
///
/// Every move carries where it goes, so that no sampler has to guess its target from the number of steps.
pub fn time_grid(schedule: &dyn NoiseSchedule, spacing: Spacing, steps: usize) -> Vec<Move> {
    let mut levels = spacing.levels(schedule, steps.max(1));
    levels.dedup();
    let end = match spacing.end {
        End::Clean => Level::clean(0.0),
        End::First => schedule.level(*schedule.domain().start()),
    };
    let stride = schedule.steps().map(|total| (total / steps.max(1)) as f64);
    let ends = levels.iter().skip(1).copied().chain([end]);
    let landing = |(&from, next): (&Level, Level)| match (spacing.landing, stride) {
        (Landing::Stride, Some(stride)) if from.t >= stride => schedule.level(from.t - stride),
        (Landing::Stride, Some(_)) => end,
        _ => next,
    };
    let lands: Vec<Level> = levels.iter().zip(ends).map(landing).collect();
    levels.iter().zip(lands).map(|(&from, to)| Move { from, to }).collect()
}
