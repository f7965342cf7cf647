//! The bound's part in the loss of a network that learns its variance (Nichol and Dhariwal 2021, eq. 16):
//! `L_hybrid = L_simple + 0.001 L_vlb`, where `L_vlb` is the sum over all `T` times.
//!
//! With one time drawn evenly for each sample that is `0.001 T L_t`. There the guess of the clean sample counts as a
//! constant, so that the bound teaches the variance alone; in a pure `L_vlb` it does not. Like the squared error, `L_t` is
//! a mean over dimensions, in nats.

use candle_core::{DType, Tensor};

use crate::{
    diffusion::{Result, likelihood::Term},
    math::{Domain, Level, schedule::NoiseSchedule, target::Target},
};

/// How much the bound counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Factor of `L_vlb`.
    pub of_bound: f64,
    /// Whether the guess of the clean sample counts as a constant.
    pub detached: bool,
}

/// The terms of one batch.
#[derive(Clone, Debug)]
pub struct Bound {
    samples: Vec<Sample>,
    share: Share,
    /// `T`.
    times: f64,
}

#[derive(Clone, Debug)]
struct Sample {
    term: Term,
    /// `x0` as a factor of the output plus `offset`.
    of_output: f64,
    x0: Vec<f64>,
    offset: Vec<f64>,
}

impl Bound {
    /// For the samples `x0` seen through `eps` (same shape), at one level of the discrete `schedule` a sample.
    pub fn new(
        (x0, eps): (&Tensor, &Tensor),
        levels: &[Level],
        target: Target,
        schedule: &dyn NoiseSchedule,
        domain: Domain,
        share: Share,
    ) -> Result<Self> {
        let sample = |((x0, eps), &at): ((Vec<f64>, Vec<f64>), &Level)| {
            let [of_output, of_x] = target.decode(at)[0];
            let x = x0.iter().zip(&eps).map(|(x0, eps)| at.alpha * x0 + at.sigma * eps);
            Sample {
                term: Term::at(schedule, at.t as usize, domain.range().is_some()),
                of_output,
                offset: x.map(|x| of_x * x).collect(),
                x0,
            }
        };
        Ok(Self {
            samples: rows(x0)?.into_iter().zip(rows(eps)?).zip(levels).map(sample).collect(),
            share,
            times: schedule.steps().unwrap_or(1) as f64,
        })
    }

    pub(super) fn is_detached(&self) -> bool {
        self.share.detached
    }

    /// Adds what each sample costs to `losses`, and the derivatives, times `factor` of the sample, to `grad` of the first half
    /// of the output. Gives the derivative by the whole output.
    pub(super) fn add(
        &self,
        out: &Tensor,
        losses: &mut [f64],
        grad: &Tensor,
        factor: impl Fn(usize) -> f64,
    ) -> Result<Tensor> {
        let mut slopes = Vec::with_capacity(out.elem_count());
        for (i, (sample, out)) in self.samples.iter().zip(rows(out)?).enumerate() {
            let weight = self.share.of_bound * self.times / sample.x0.len() as f64;
            let (nats, slope) = sample.judge(&out, self.share.detached);
            losses[i] += weight * nats;
            slopes.extend(slope.into_iter().map(|s| s * weight * factor(i)));
        }
        let slopes = Tensor::from_vec(slopes, out.shape(), out.device())?.to_dtype(out.dtype())?;
        Tensor::cat(&[grad, &grad.zeros_like()?], 1)? + slopes
    }
}

impl Sample {
    /// The cost of an output, summed over dimensions, and its derivative.
    fn judge(&self, out: &[f64], detached: bool) -> (f64, Vec<f64>) {
        let (answers, variances) = out.split_at(self.x0.len());
        let cost = |i: usize| {
            let guess = self.of_output * answers[i] + self.offset[i];
            // The output of [-1, 1] is a share of [0, 1].
            self.term.cost(self.x0[i], guess, f64::midpoint(variances[i], 1.0))
        };
        let costs: Vec<_> = (0..self.x0.len()).map(cost).collect();
        let of_guess = if detached { 0.0 } else { self.of_output };
        let by_answer = costs.iter().map(|c| c.by_guess * of_guess);
        let by_variance = costs.iter().map(|c| c.by_share / 2.0);
        (
            costs.iter().map(|c| c.nats).sum(),
            by_answer.chain(by_variance).collect(),
        )
    }
}

fn rows(x: &Tensor) -> Result<Vec<Vec<f64>>> {
    x.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2()
}
