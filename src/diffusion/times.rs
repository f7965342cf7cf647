//! Which noise levels a network trains on.

use std::ops::Range;

use crate::math::{
    Entry, Level, Spec, SpecError,
    noise::{Address, Stream},
    schedule::NoiseSchedule,
    spec,
};

/// A level to train on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The level.
    pub level: Level,
    /// Factor of the loss that makes up for levels being drawn more or less often than evenly; 1 where that is meant.
    pub weight: f64,
}

/// How training times are drawn.
pub trait TimeSampling: Send + Sync {
    /// The level for the sample at `place` of `batch`, from a uniform number `u` of `(0, 1)`.
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, place: u64, batch: u64) -> Draw;
}

/// All ways to draw training times.
pub const ENTRIES: &[&Entry<dyn TimeSampling>] = &[&UNIFORM];

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

/// Every time equally often: the indices of a discrete schedule, or its interval.
struct Uniform;

impl TimeSampling for Uniform {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        Draw {
            level: schedule.level(time_at(schedule, u)),
            weight: 1.0,
        }
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
    fn a_part_of_a_batch_draws_the_same_times() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let uniform = build(&Spec::new("uniform")).unwrap();
        let whole = draw(&*uniform, &*linear, 3, 7, 0..8, 8);
        assert_eq!(whole[5..], draw(&*uniform, &*linear, 3, 7, 5..8, 8));
    }
}
