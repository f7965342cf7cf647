//! Time grids: which moves a sampler makes.

use super::{Entry, Level, Move, Param, Spec, SpecError, schedule::NoiseSchedule, spec};

/// How the times of a reverse process are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spacing {
    /// `0, r, 2r, …` with `r = ⌊T / steps⌋`, plus an offset (diffusers' `leading`).
    Leading {
        /// Added to every index.
        offset: usize,
    },
    /// `T-1, T-1-r, …` with `r = T / steps`: starts at pure noise (diffusers' `trailing`).
    Trailing,
    /// Evenly from `T-1` to 0 (diffusers' `linspace`).
    Linspace,
    /// Squares of an even grid: more steps near the clean end (DDIM paper).
    Quadratic,
}

/// All spacings.
pub const ENTRIES: &[&Entry<Spacing>] = &[
    &Entry {
        id: "trailing",
        label: "Trailing",
        help: "Starts at the noisiest level and ends at no noise; the safe choice",
        source: "arXiv:2305.08891",
        params: &[],
        build: |_| Ok(Box::new(Spacing::Trailing)),
    },
    &Entry {
        id: "leading",
        label: "Leading",
        help: "diffusers' default; never sees the noisiest level",
        source: "",
        params: &[Param::int("offset", 0, 10, 0, "Added to every index")],
        build: |p| {
            Ok(Box::new(Spacing::Leading {
                offset: p.count("offset"),
            }))
        },
    },
    &Entry {
        id: "linspace",
        label: "Linspace",
        help: "Both ends, evenly between",
        source: "",
        params: &[],
        build: |_| Ok(Box::new(Spacing::Linspace)),
    },
    &Entry {
        id: "quadratic",
        label: "Quadratic",
        help: "More steps near the clean end",
        source: "arXiv:2010.02502",
        params: &[],
        build: |_| Ok(Box::new(Spacing::Quadratic)),
    },
];

/// Builds the chosen spacing.
pub fn build(spec: &Spec) -> Result<Spacing, SpecError> {
    spec::build("spacing", ENTRIES, spec).map(|s| *s)
}

/// The moves of a reverse process: `steps` of them (fewer where a discrete schedule has fewer levels), the last to no noise.
///
/// Every move carries where it goes, so that no sampler has to guess its target from the number of steps.
pub fn time_grid(schedule: &dyn NoiseSchedule, spacing: Spacing, steps: usize) -> Vec<Move> {
    let levels: Vec<Level> = times(schedule, spacing, steps)
        .into_iter()
        .map(|t| schedule.level(t))
        .collect();
    let ends = levels.iter().skip(1).copied().chain([Level::clean(0.0)]);
    levels.iter().zip(ends).map(|(&from, to)| Move { from, to }).collect()
}

/// Falling times without repetition.
fn times(schedule: &dyn NoiseSchedule, spacing: Spacing, steps: usize) -> Vec<f64> {
    let total = schedule.steps().unwrap_or(1000);
    let n = steps.clamp(1, total);
    let last = (total - 1) as f64;
    let step = total as f64 / n as f64;
    let even = |i: usize| {
        if n == 1 {
            last
        } else {
            last * (n - 1 - i) as f64 / (n - 1) as f64
        }
    };
    let mut index: Vec<f64> = (0..n)
        .map(|i| match spacing {
            Spacing::Leading { offset } => (((n - 1 - i) * (total / n) + offset) as f64).min(last),
            // Python and numpy round halves to even.
            Spacing::Trailing => (total as f64 - i as f64 * step).round_ties_even() - 1.0,
            Spacing::Linspace => even(i).round_ties_even(),
            Spacing::Quadratic => (even(i).powi(2) / last).round_ties_even(),
        })
        .collect();
    index.dedup();
    match schedule.steps() {
        Some(_) => index,
        None => {
            let (start, end) = schedule.domain().into_inner();
            index.into_iter().map(|t| start + (end - start) * t / last).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::schedule;

    /// diffusion.md 3.8.
    #[test]
    fn spacings_equal_diffusers() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let t = |spacing| {
            time_grid(&*linear, spacing, 10)
                .iter()
                .map(|m| m.from.t as usize)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            t(Spacing::Leading { offset: 0 }),
            [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]
        );
        assert_eq!(t(Spacing::Trailing), [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]);
        assert_eq!(t(Spacing::Linspace), [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]);
    }

    #[test]
    fn grids_are_contiguous_and_end_clean() {
        for entry in schedule::ENTRIES {
            let s = schedule::build(&Spec::new(entry.id)).unwrap();
            for spacing in [
                Spacing::Leading { offset: 0 },
                Spacing::Trailing,
                Spacing::Linspace,
                Spacing::Quadratic,
            ] {
                for steps in [1, 2, 7, 50, 1000, 5000] {
                    let moves = time_grid(&*s, spacing, steps);
                    assert!(
                        moves.windows(2).all(|w| w[0].to == w[1].from && !w[0].is_upward()),
                        "{} {spacing:?} {steps}",
                        entry.id
                    );
                    assert_eq!(moves.last().map(|m| m.to.sigma), Some(0.0));
                }
            }
        }
    }
}
