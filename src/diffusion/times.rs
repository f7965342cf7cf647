//! Which noise levels a network trains on.

use std::ops::Range;

use crate::math::{
    Entry, Level, Param, Spec, SpecError,
    noise::{Address, Stream},
    normal,
    schedule::NoiseSchedule,
    spec,
};

/// A level to train on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The level.
    pub level: Level,
    /// Factor of the loss that makes up for levels being drawn more or less often than evenly; 1 where the uneven draw is
    /// itself the weighting.
    pub weight: f64,
}

/// How training times are drawn.
pub trait TimeSampling: Send + Sync {
    /// The level for the sample at `place` of `batch`, from a uniform number `u` of `(0, 1)`.
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, place: u64, batch: u64) -> Draw;
}

/// All ways to draw training times.
pub const ENTRIES: &[&Entry<dyn TimeSampling>] = &[&UNIFORM, &STRATIFIED, &LOG_NORMAL, &LOGIT_NORMAL];

/// Builds the chosen one.
pub fn build(spec: &Spec) -> Result<Box<dyn TimeSampling>, SpecError> {
    spec::build("time sampling", ENTRIES, spec)
}

const UNIFORM: Entry<dyn TimeSampling> = Entry {
    id: "uniform",
    label: "Uniform",
    help: "Every time equally often",
    source: "arXiv:2006.11239",
    params: &[],
    build: |_| Ok(Box::new(Uniform)),
};

const STRATIFIED: Entry<dyn TimeSampling> = Entry {
    id: "stratified",
    label: "Stratified",
    help: "Every time equally often, spread evenly over each batch; a calmer loss",
    source: "arXiv:2107.00630",
    params: &[],
    build: |_| Ok(Box::new(Stratified)),
};

const LOG_NORMAL: Entry<dyn TimeSampling> = Entry {
    id: "log-normal",
    label: "Log-normal noise",
    help: "The logarithm of the noise is normal; for the EDM target",
    source: "arXiv:2206.00364",
    params: &[
        Param::real("mean", -10.0, 10.0, -1.2, "Mean of ln(sigma / alpha)"),
        Param::real("std", 0.01, 10.0, 1.2, "Its standard deviation"),
    ],
    build: |p| {
        Ok(Box::new(LogNormal {
            mean: p.real("mean"),
            std: p.real("std"),
        }))
    },
};

const LOGIT_NORMAL: Entry<dyn TimeSampling> = Entry {
    id: "logit-normal",
    label: "Logit-normal",
    help: "More often the middle times; for the flow target",
    source: "arXiv:2403.03206",
    params: &[
        Param::real("mean", -5.0, 5.0, 0.0, "Above 0 favours much noise"),
        Param::real("std", 0.01, 5.0, 1.0, "Smaller keeps nearer to the middle"),
        Param::real(
            "shift",
            0.1,
            20.0,
            1.0,
            "Above 1 favours much noise, as larger pictures want",
        ),
    ],
    build: |p| {
        Ok(Box::new(LogitNormal {
            mean: p.real("mean"),
            std: p.real("std"),
            shift: p.real("shift"),
        }))
    },
};

/// Every time equally often: the indices of a discrete schedule, or its interval.
struct Uniform;

impl TimeSampling for Uniform {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        at_share(schedule, u)
    }
}

/// One uniform time in each of as many equal pieces as the batch has samples.
struct Stratified;

impl TimeSampling for Stratified {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, place: u64, batch: u64) -> Draw {
        at_share(schedule, (place as f64 + u) / batch as f64)
    }
}

/// `ln(sigma / alpha)` normal.
struct LogNormal {
    mean: f64,
    std: f64,
}

impl TimeSampling for LogNormal {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        let at = schedule.at_sigma((self.mean + self.std * normal::quantile(u)).exp());
        let level = match schedule.steps() {
            Some(_) => schedule.level(at.t.round()),
            None => at,
        };
        Draw { level, weight: 1.0 }
    }
}

/// The share of time is the logistic function of a normal number, then shifted.
struct LogitNormal {
    mean: f64,
    std: f64,
    shift: f64,
}

impl TimeSampling for LogitNormal {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        let share = 1.0 / (1.0 + (-self.mean - self.std * normal::quantile(u)).exp());
        at_share(schedule, self.shift * share / (1.0 + (self.shift - 1.0) * share))
    }
}

fn at_share(schedule: &dyn NoiseSchedule, u: f64) -> Draw {
    Draw {
        level: schedule.level(time_at(schedule, u)),
        weight: 1.0,
    }
}

/// The time at the share `u` of `(0, 1)` of the schedule's times.
fn time_at(schedule: &dyn NoiseSchedule, u: f64) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    match schedule.steps() {
        Some(steps) => (u * steps as f64).floor().min(end),
        None => start + (end - start) * u,
    }
}

/// The levels for the samples at `places` of a batch of `batch` in training step `step`.
pub fn draw(
    sampling: &dyn TimeSampling,
    schedule: &dyn NoiseSchedule,
    seed: u64,
    step: u64,
    places: Range<u64>,
    batch: u64,
) -> Vec<Draw> {
    let one = |sample| {
        let address = Address {
            seed,
            stream: Stream::Times,
            sample,
            mv: step,
            draw: 0,
        };
        sampling.draw(schedule, address.uniform(), sample, batch)
    };
    places.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Value, schedule};

    #[test]
    fn uniform_times_meet_every_index_equally_often() {
        let linear = schedule::build(&Spec::new("linear").with("steps", Value::Int(10))).unwrap();
        let uniform = build(&Spec::new("uniform")).unwrap();
        let mut counts = [0_u32; 10];
        for step in 0..1000 {
            for d in draw(&*uniform, &*linear, 3, step, 0..10, 10) {
                assert_eq!((d.level, d.weight), (linear.level(d.level.t), 1.0));
                counts[d.level.t as usize] += 1;
            }
        }
        // Five standard deviations of a binomial count.
        assert!(counts.iter().all(|&n| n.abs_diff(1000) < 150), "{counts:?}");
    }

    #[test]
    fn strata_hold_one_time_each() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let stratified = build(&Spec::new("stratified")).unwrap();
        let drawn = draw(&*stratified, &*linear, 3, 7, 0..10, 10);
        for (i, d) in drawn.iter().enumerate() {
            assert_eq!(d.level.t as usize / 100, i);
        }
    }

    /// Quartiles of many draws against those of the distribution.
    #[test]
    fn normal_times_have_their_quartiles() {
        let quartiles = |sampling: &str, schedule: &str, value: fn(Level) -> f64| {
            let schedule = schedule::build(&Spec::new(schedule)).unwrap();
            let sampling = build(&Spec::new(sampling)).unwrap();
            let drawn = draw(&*sampling, &*schedule, 3, 7, 0..20_000, 20_000);
            let mut values: Vec<f64> = drawn.iter().map(|d| value(d.level)).collect();
            values.sort_by(f64::total_cmp);
            [values[5_000], values[10_000], values[15_000]]
        };
        let check = |found: [f64; 3], expected: [f64; 3]| {
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 0.05, "{found:?} is not {expected:?}");
            }
        };
        let reach = 0.674_489_8;
        let log = [-1.2 - 1.2 * reach, -1.2, -1.2 + 1.2 * reach];
        check(quartiles("log-normal", "edm", |at| at.sigma.ln()), log);
        check(quartiles("log-normal", "linear", |at| at.sigma_ve().ln()), log);
        let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
        check(
            quartiles("logit-normal", "flow", |at| at.sigma),
            [logistic(-reach), 0.5, logistic(reach)],
        );
    }

    #[test]
    fn a_part_of_a_batch_draws_the_same_times() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let uniform = build(&Spec::new("uniform")).unwrap();
        let whole = draw(&*uniform, &*linear, 3, 7, 0..8, 8);
        assert_eq!(whole[5..], draw(&*uniform, &*linear, 3, 7, 5..8, 8));
    }
}
