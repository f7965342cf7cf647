//! The validation loss: always the same samples, times and noise, so that only the weights make a difference.

use std::ops::{Range, RangeInclusive};

use candle_core::{Result, Tensor};

use super::{
    feed::{Batch, Feed},
    learner::{Learner, Which},
};
use crate::{
    diffusion::loss::Lesson,
    math::{
        Cond, Level,
        noise::{Address, Stream},
        schedule::NoiseSchedule,
    },
};

/// How many samples are judged: as many as a batch has, within these bounds, so that it never takes long.
const SAMPLES: RangeInclusive<usize> = 32..=256;

/// The greatest share of the network calls that go into validation, a backward pass counting as two calls.
pub(super) const SHARE: f64 = 0.05;

/// Validation losses of both sets of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) step: u64,
    pub(super) raw: f64,
    pub(super) ema: f64,
}

/// When the validation loss is due, and how far it is. Which steps these are follows from the recipe alone.
pub(super) struct Validation {
    samples: Batch,
    count: usize,
    every: u64,
    per_call: usize,
    pass: Pass,
    newest: Option<Verdict>,
}

/// A validation under way.
#[derive(Default)]
struct Pass {
    step: u64,
    done: usize,
    raw: f64,
    ema: f64,
}

impl Validation {
    /// `None` where the recipe keeps no samples for validation.
    pub(super) fn new(feed: &Feed, batch: usize, per_call: usize) -> Option<Self> {
        let wanted = batch.clamp(*SAMPLES.start(), *SAMPLES.end());
        let count = feed.validation_count().min(wanted);
        (count > 0).then(|| Self {
            samples: feed.validation(count),
            count,
            every: interval(count, batch),
            per_call,
            pass: Pass::default(),
            newest: None,
        })
    }

    /// Whether the weights of `step` are to be judged and were not yet.
    pub(super) fn is_due(&self, step: u64) -> bool {
        step.is_multiple_of(self.every) && self.newest.is_none_or(|v| v.step != step)
    }

    /// The verdict on the weights of `step`, if they were judged.
    pub(super) fn verdict(&self, step: u64) -> Option<Verdict> {
        self.newest.filter(|v| v.step == step)
    }

    /// The newest verdict.
    pub(super) fn newest(&self) -> Option<Verdict> {
        self.newest
    }

    /// One network call. Gives the verdict with the last one.
    pub(super) fn advance(&mut self, learner: &mut Learner) -> Result<Option<Verdict>> {
        let step = learner.step();
        if self.pass.step != step {
            self.pass = Pass {
                step,
                ..Pass::default()
            };
        }
        // The raw weights are asked first, then the averaged ones.
        let (which, first) = match self.pass.done {
            done if done < self.count => (Which::Raw, done),
            done => (Which::Ema, done - self.count),
        };
        let part = first..(first + self.per_call).min(self.count);
        let (lesson, cond) = self.lesson(learner, part.clone())?;
        let sum: f64 = learner.judge(which, &lesson, &cond)?.iter().sum();
        self.pass.done += part.len();
        match which {
            Which::Raw => self.pass.raw += sum,
            Which::Ema => self.pass.ema += sum,
        }
        if self.pass.done < 2 * self.count {
            return Ok(None);
        }
        let Pass { raw, ema, .. } = std::mem::take(&mut self.pass);
        let n = self.count as f64;
        self.newest = Some(Verdict {
            step,
            raw: raw / n,
            ema: ema / n,
        });
        Ok(self.newest)
    }

    fn lesson(&self, learner: &Learner, part: Range<usize>) -> Result<(Lesson, Cond)> {
        let (domain, device) = (learner.domain(), learner.exec.device());
        let (numel, shape) = (domain.numel(), domain.shape(part.len()));
        let x0 = Tensor::from_slice(
            &self.samples.x[part.start * numel..part.end * numel],
            shape.as_slice(),
            device,
        )?;
        let mut noise = vec![0.0; part.len() * numel];
        for (sample, out) in part.clone().zip(noise.chunks_exact_mut(numel)) {
            address(learner.recipe.seed, sample).normals(out);
        }
        let eps = Tensor::from_vec(noise, shape.as_slice(), device)?;
        let levels: Vec<_> = part
            .clone()
            .map(|i| learner.schedule.level(time(&*learner.schedule, i, self.count)))
            .collect();
        let weigh = |&at: &Level| learner.weighting.weight(learner.target, at, &*learner.schedule);
        let weights = levels.iter().map(weigh).collect();
        let lesson = Lesson::new(&x0, &eps, &levels, learner.target, weights)?;
        Ok((lesson, self.samples.cond.slice(part.start, part.end)))
    }
}

/// Steps between two validations: the fewest, in fifties, that keep to [`SHARE`].
fn interval(count: usize, batch: usize) -> u64 {
    let validation_calls = 2.0 * count as f64;
    let calls_per_step = 3.0 * batch as f64;
    let steps = validation_calls / (SHARE * calls_per_step);
    50 * (steps / 50.0).ceil().max(1.0) as u64
}

fn address(seed: u64, sample: usize) -> Address {
    Address {
        seed,
        stream: Stream::Validation,
        sample: sample as u64,
        mv: 0,
        draw: 0,
    }
}

/// The times of the samples lie evenly in the schedule. Neighbours in the list get far-apart times (golden ratio), so
/// that a class-sorted validation set still meets all noise levels.
fn time(schedule: &dyn NoiseSchedule, sample: usize, count: usize) -> f64 {
    let place = (sample as f64 * 0.618_033_988_749_894_9).fract();
    let share = ((place * count as f64).floor() + 0.5) / count as f64;
    super::field::time_at(schedule, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation_keeps_to_its_share() {
        assert_eq!((interval(256, 64), interval(256, 8), interval(10, 512)), (100, 450, 50));
        for (count, batch) in [(256, 64), (256, 8), (100, 16)] {
            let share = 2.0 * count as f64 / (3.0 * (batch as u64 * interval(count, batch)) as f64);
            assert!(share <= SHARE, "{share}");
        }
    }
}
