//! Time grids: which moves a sampler makes.

use super::{Entry, Level, Move, Param, Params, Spec, SpecError, schedule::NoiseSchedule, spec};

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
    /// Even times `u`, moved to `shift u / (1 + (shift - 1) u)`: more steps at the noisy end (Esser et al. 2024).
    Shifted {
        /// 1 changes nothing; larger pictures want more.
        shift: f64,
    },
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

const EXCLUSIVE: Param = Param::flag("exclusive", false, "Make one step more and leave out the clean end");
const TOLD: Param = Param::choice(
    "told",
    &["exact", "rounded", "truncated"],
    "What becomes of times between two indices",
);
const LANDING: Param = Param::choice(
    "landing",
    &["next", "stride"],
    "Where a move lands: where the next begins, or T / steps below",
);
const END: Param = Param::choice("end", &["clean", "first"], "Without noise, or at the schedule's least");
const SIGMA_MIN: Param = Param::real("sigma-min", 0.0, 1e6, 0.0, "Least noise; 0 for the schedule's");
const SIGMA_MAX: Param = Param::real("sigma-max", 0.0, 1e6, 0.0, "Greatest noise; 0 for the schedule's");

/// All spacings.
pub const ENTRIES: &[&Entry<Spacing>] = &[
    &Entry {
        id: "trailing",
        label: "Trailing",
        help: "Starts at the noisiest level and ends at no noise; the safe choice",
        source: "arXiv:2305.08891",
        params: &[LANDING, END],
        build: |p| spacing(Rule::Trailing, Told::Rounded, p),
    },
    &Entry {
        id: "leading",
        label: "Leading",
        help: "diffusers' default; never sees the noisiest level",
        source: "arXiv:2305.08891",
        params: &[
            Param::int("offset", 0, 10, 0, "Added to every index"),
            EXCLUSIVE,
            LANDING,
            END,
        ],
        build: |p| {
            let rule = Rule::Leading {
                offset: p.count("offset"),
                exclusive: p.flag("exclusive"),
            };
            spacing(rule, Told::Rounded, p)
        },
    },
    &Entry {
        id: "linspace",
        label: "Linspace",
        help: "Both ends, evenly between",
        source: "arXiv:2305.08891",
        params: &[
            Param::flag("rounded", true, "Only whole indices of a discrete schedule"),
            EXCLUSIVE,
            LANDING,
            END,
        ],
        build: |p| {
            let rule = Rule::Linspace {
                exclusive: p.flag("exclusive"),
            };
            let told = if p.flag("rounded") { Told::Rounded } else { Told::Exact };
            spacing(rule, told, p)
        },
    },
    &Entry {
        id: "quadratic",
        label: "Quadratic",
        help: "More steps near the clean end",
        source: "arXiv:2010.02502",
        params: &[END],
        build: |p| spacing(Rule::Quadratic, Told::Rounded, p),
    },
    &Entry {
        id: "karras",
        label: "Karras",
        help: "Many small steps near the clean end; the best choice for few steps",
        source: "arXiv:2206.00364",
        params: &[
            Param::real("rho", 1.0, 100.0, 7.0, "How strongly steps gather near the clean end"),
            SIGMA_MIN,
            SIGMA_MAX,
            TOLD,
            END,
        ],
        build: |p| {
            let rule = Rule::Karras {
                rho: p.real("rho"),
                range: sigma_range(p),
            };
            spacing(rule, told(p), p)
        },
    },
    &Entry {
        id: "exponential",
        label: "Even in log-SNR",
        help: "The noise falls by the same factor at every step",
        source: "arXiv:2206.00927",
        params: &[SIGMA_MIN, SIGMA_MAX, TOLD, END],
        build: |p| spacing(Rule::Exponential { range: sigma_range(p) }, told(p), p),
    },
    &Entry {
        id: "shifted",
        label: "Shifted",
        help: "For the flow schedule: more steps at the noisy end",
        source: "arXiv:2403.03206",
        params: &[
            Param::real("shift", 0.1, 20.0, 1.0, "1 is even; larger pictures want more"),
            END,
        ],
        build: |p| spacing(Rule::Shifted { shift: p.real("shift") }, Told::Exact, p),
    },
];

#[expect(clippy::unnecessary_wraps, reason = "the type of Entry::build")]
fn spacing(rule: Rule, told: Told, p: &Params) -> Result<Box<Spacing>, SpecError> {
    let chosen = |id, word| p.has(id) && p.text(id) == word;
    Ok(Box::new(Spacing {
        rule,
        told,
        landing: if chosen("landing", "stride") {
            Landing::Stride
        } else {
            Landing::Next
        },
        end: if chosen("end", "first") { End::First } else { End::Clean },
    }))
}

fn told(p: &Params) -> Told {
    match p.text("told") {
        "rounded" => Told::Rounded,
        "truncated" => Told::Truncated,
        _ => Told::Exact,
    }
}

fn sigma_range(p: &Params) -> SigmaRange {
    let given = |id| Some(p.real(id)).filter(|&v| v > 0.0);
    SigmaRange {
        min: given("sigma-min"),
        max: given("sigma-max"),
    }
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

impl Spacing {
    /// A rule with the usual rounding, ending without noise.
    pub const fn new(rule: Rule) -> Self {
        Self {
            rule,
            told: match rule {
                Rule::Karras { .. } | Rule::Exponential { .. } | Rule::Shifted { .. } => Told::Exact,
                _ => Told::Rounded,
            },
            landing: Landing::Next,
            end: End::Clean,
        }
    }

    /// Falling levels.
    fn levels(self, schedule: &dyn NoiseSchedule, steps: usize) -> Vec<Level> {
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
            Rule::Exponential { range } => by_sigma(range, &|min, max, u| (min.ln() + (max / min).ln() * u).exp()),
            _ => match schedule.steps() {
                Some(total) => self
                    .indices(total, steps.min(total))
                    .map(|t| schedule.level(self.told.index(t)))
                    .collect(),
                None => self.times(schedule, steps).map(|t| schedule.level(t)).collect(),
            },
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
            Rule::Shifted { shift } => last * shifted(u, shift),
            Rule::Linspace { exclusive: false } | Rule::Karras { .. } | Rule::Exponential { .. } => last * u,
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
            Rule::Shifted { shift } => {
                let least = shifted((start - origin) / (end - origin), shift);
                origin + (end - origin) * shifted(least + (1.0 - least) * u, shift)
            }
            Rule::Linspace { exclusive: false } | Rule::Karras { .. } | Rule::Exponential { .. } => {
                start + (end - start) * u
            }
        })
    }
}

impl Told {
    fn index(self, t: f64) -> f64 {
        match self {
            Self::Exact => t,
            Self::Rounded => t.round_ties_even(),
            Self::Truncated => t.floor(),
        }
    }

    /// The level of exactly this noise; only what the network is told is rounded.
    fn level_of(self, sigma_ve: f64, schedule: &dyn NoiseSchedule) -> Level {
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
fn falling(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| 1.0 - i as f64 / (n - 1).max(1) as f64)
}

/// `shift u / (1 + (shift - 1) u)`.
fn shifted(u: f64, shift: f64) -> f64 {
    shift * u / (1.0 + (shift - 1.0) * u)
}

/// The moves backwards: from clean samples to noise (DDIM inversion).
pub fn inverted(moves: &[Move]) -> Vec<Move> {
    moves.iter().rev().map(|mv| mv.inverted()).collect()
}

/// Time travel of `RePaint` (Lugmayr et al. 2022): at every `length`-th level the process jumps `length` moves back and
/// walks them again, until each stretch has been walked `passes` times. Upward moves go through every level between.
pub fn with_jumps(moves: &[Move], length: usize, passes: usize) -> Vec<Move> {
    let mut plan = Vec::new();
    for (i, &mv) in moves.iter().enumerate() {
        plan.push(mv);
        let left = moves.len() - 1 - i;
        if left.is_multiple_of(length) && left + length < moves.len() {
            let stretch = &moves[i + 1 - length..=i];
            for _ in 1..passes {
                plan.extend(stretch.iter().rev().map(|mv| Move {
                    from: mv.to,
                    to: mv.from,
                }));
                plan.extend(stretch);
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Value, schedule};

    fn spacing_of(id: &str) -> Spacing {
        build(&Spec::new(id)).unwrap()
    }

    fn told_times(schedule: &str, spacing: Spacing, steps: usize) -> Vec<f64> {
        let s = schedule::build(&Spec::new(schedule)).unwrap();
        time_grid(&*s, spacing, steps).iter().map(|m| m.from.t).collect()
    }

    /// As listed by diffusers' schedulers for `T = 1000` and ten steps.
    #[test]
    fn spacings_equal_diffusers() {
        let t = |id: &str| told_times("linear", spacing_of(id), 10);
        assert_eq!(
            t("leading"),
            [900.0, 800.0, 700.0, 600.0, 500.0, 400.0, 300.0, 200.0, 100.0, 0.0]
        );
        assert_eq!(
            t("trailing"),
            [999.0, 899.0, 799.0, 699.0, 599.0, 499.0, 399.0, 299.0, 199.0, 99.0]
        );
        assert_eq!(
            t("linspace"),
            [999.0, 888.0, 777.0, 666.0, 555.0, 444.0, 333.0, 222.0, 111.0, 0.0]
        );
        let exclusive = build(&Spec::new("linspace").with("exclusive", Value::Flag(true))).unwrap();
        assert_eq!(
            told_times("linear", exclusive, 10),
            [999.0, 899.0, 799.0, 699.0, 599.0, 500.0, 400.0, 300.0, 200.0, 100.0]
        );
        let exclusive = build(&Spec::new("leading").with("exclusive", Value::Flag(true))).unwrap();
        assert_eq!(
            told_times("linear", exclusive, 10),
            [900.0, 810.0, 720.0, 630.0, 540.0, 450.0, 360.0, 270.0, 180.0, 90.0]
        );
    }

    /// Karras et al. 2022 with 18 steps, and a tenth of the way of diffusers' shifted flow.
    #[test]
    fn noise_grids_equal_the_papers() {
        let edm = schedule::build(&Spec::new("edm")).unwrap();
        let sigma: Vec<f64> = time_grid(&*edm, spacing_of("karras"), 18)
            .iter()
            .map(|m| m.from.sigma)
            .collect();
        for (i, expected) in [
            (0, 80.0),
            (1, 57.586),
            (2, 40.7856),
            (10, 1.0882),
            (16, 0.0075),
            (17, 0.002),
        ] {
            assert!((sigma[i] / expected - 1.0).abs() < 1e-2, "{i}: {}", sigma[i]);
        }
        let exponential: Vec<f64> = time_grid(&*edm, spacing_of("exponential"), 5)
            .iter()
            .map(|m| m.from.lambda())
            .collect();
        let gaps: Vec<f64> = exponential.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps.iter().all(|g| (g - gaps[0]).abs() < 1e-9), "{gaps:?}");
        let shifted = build(&Spec::new("shifted").with("shift", Value::Real(3.0))).unwrap();
        let t = told_times("flow", shifted, 10);
        for (i, expected) in [(0, 1000.0), (1, 960.1293), (8, 278.0488), (9, 8.928571)] {
            assert!((t[i] - expected).abs() < 1e-3, "{i}: {}", t[i]);
        }
    }

    #[test]
    fn grids_are_contiguous_and_end_clean() {
        for schedule in schedule::ENTRIES {
            let s = schedule::build(&Spec::new(schedule.id)).unwrap();
            for entry in ENTRIES {
                for steps in [1, 2, 7, 50, 1000, 5000] {
                    let moves = time_grid(&*s, spacing_of(entry.id), steps);
                    let name = format!("{} {} {steps}", schedule.id, entry.id);
                    assert!(moves.windows(2).all(|w| w[0].to == w[1].from), "{name}");
                    assert!(moves.iter().all(|m| m.from.sigma > 0.0 && !m.is_upward()), "{name}");
                    assert_eq!(moves.last().map(|m| m.to.sigma), Some(0.0), "{name}");
                    assert!(moves.len() <= steps, "{name}");
                }
            }
        }
    }

    #[test]
    fn the_end_and_the_landing_can_be_chosen() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let spacing = Spacing {
            landing: Landing::Stride,
            end: End::First,
            ..spacing_of("linspace")
        };
        let moves = time_grid(&*linear, spacing, 10);
        assert_eq!((moves[0].from.t, moves[0].to), (999.0, linear.level(899.0)));
        assert_eq!((moves[9].from.t, moves[9].to), (0.0, linear.level(0.0)));
    }

    #[test]
    fn inversion_climbs_with_the_higher_label() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let moves = inverted(&time_grid(&*linear, spacing_of("leading"), 10));
        assert_eq!(
            (moves[0].from.t, moves[0].from.sigma, moves[0].to),
            (0.0, 0.0, linear.level(0.0))
        );
        assert_eq!(moves[1].from.t, 100.0);
        assert_eq!(moves[1].from.sigma, linear.level(0.0).sigma);
        assert_eq!(moves.last().map(|m| m.to), Some(linear.level(900.0)));
    }

    #[test]
    fn jumps_make_the_published_number_of_calls() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        for (steps, length, passes, calls) in [
            (250, 10, 10, 2410),
            (100, 10, 10, 910),
            (100, 10, 5, 460),
            (50, 10, 10, 410),
            (50, 5, 5, 230),
        ] {
            let moves = with_jumps(&time_grid(&*linear, spacing_of("trailing"), steps), length, passes);
            assert!(moves.windows(2).all(|w| w[0].to == w[1].from));
            let down = moves.iter().filter(|m| !m.is_upward()).count();
            assert_eq!(down, calls, "{steps} {length} {passes}");
        }
        assert_eq!(
            with_jumps(&time_grid(&*linear, spacing_of("trailing"), 10), 3, 2).len(),
            28
        );
    }
}
