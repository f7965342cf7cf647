//! What a network is shown and asked in a training step, and how its answer is judged.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::Result;
use crate::math::{
    Level,
    noise::{Address, Stream},
    target::Target,
};

mod bound;
#[cfg(test)]
mod tests;
pub mod uncertainty;

pub use bound::{Bound, Share};

/// One (part of a) batch of a training step. Samples are along the first axis everywhere.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// What the network sees: the noisy samples, scaled by [`Target::input_scale`].
    pub input: Tensor,
    /// The time that the network is told, one a sample.
    pub t: Vec<f64>,
    /// What it should answer; shape of the clean samples.
    pub answer: Tensor,
    /// Weight of the squared error of each sample.
    pub weights: Vec<f64>,
    /// Factor of all that a sample costs, 1 unless said otherwise: for times drawn unevenly or levels known to be hard.
    pub factors: Vec<f64>,
    /// What the variance is learned by, for networks that say one.
    pub bound: Option<Bound>,
}

impl Lesson {
    /// Noises `x0` with `eps` (same shape) to one level a sample.
    pub fn new(x0: &Tensor, eps: &Tensor, levels: &[Level], target: Target, weights: Vec<f64>) -> Result<Self> {
        let mix = |row: &dyn Fn(Level) -> (f64, f64)| {
            let (a, b): (Vec<f64>, Vec<f64>) = levels.iter().map(|&at| row(at)).unzip();
            x0.broadcast_mul(&column(&a, x0)?)? + eps.broadcast_mul(&column(&b, eps)?)?
        };
        let seen = |at: Level| {
            let scale = target.input_scale(at);
            (at.alpha * scale, at.sigma * scale)
        };
        Ok(Self {
            input: mix(&seen)?,
            t: levels.iter().map(|at| at.t).collect(),
            answer: mix(&|at| target.row(at))?,
            factors: vec![1.0; weights.len()],
            weights,
            bound: None,
        })
    }

    /// The lesson with the bound: besides the squared error where that teaches the answer, or in its place.
    #[must_use]
    pub fn with_bound(mut self, bound: Bound) -> Self {
        if !bound.is_detached() {
            self.weights.fill(0.0);
        }
        Self {
            bound: Some(bound),
            ..self
        }
    }

    /// Judges the network's output: the squared error of the half that has the answer's shape, and what the bound says of
    /// both halves. `batch` is the number of samples of the whole training step, so that the losses and gradients of its
    /// parts add up to those of the whole, however it is split.
    pub fn judge(&self, out: &Tensor, batch: usize) -> Result<Loss> {
        let mean = out.narrow(1, 0, self.answer.dim(1)?)?;
        let difference = (mean - &self.answer)?;
        let per_sample = mean_of_samples(&difference.sqr()?)?;
        let numel = difference.elem_count() as f64 / per_sample.len() as f64;
        let share = |i: usize| self.factors[i] / batch as f64;
        let slope = |(i, w): (usize, &f64)| 2.0 * w / numel * share(i);
        let slopes: Vec<f64> = self.weights.iter().enumerate().map(slope).collect();
        let grad = difference.broadcast_mul(&column(&slopes, &difference)?)?;
        let mut losses: Vec<f64> = per_sample.iter().zip(&self.weights).map(|(l, w)| l * w).collect();
        let grad = match &self.bound {
            Some(bound) => bound.add(out, &mut losses, &grad, share)?,
            None if out.dim(1)? == self.answer.dim(1)? => grad,
            None => Tensor::cat(&[&grad, &grad.zeros_like()?], 1)?,
        };
        Ok(Loss {
            value: losses.iter().enumerate().map(|(i, l)| l * share(i)).sum(),
            losses,
            grad,
            per_sample,
        })
    }
}

/// How far an answer is from the right one.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Share of this part in the mean over the whole batch, with weights and factors.
    pub value: f64,
    /// What each sample costs, with its weight but without its factor.
    pub losses: Vec<f64>,
    /// Mean squared error of each sample over its dimensions, without weights.
    pub per_sample: Vec<f64>,
    /// Derivative of `value` with respect to the network's output, in its shape.
    pub grad: Tensor,
}

/// Standard normal noise for the samples at `places` of the batch of training step `step`; `shape` is that of all these
/// samples together, batch first.
pub fn noise(seed: u64, step: u64, places: Range<u64>, shape: &[usize], device: &Device) -> Result<Tensor> {
    let numel: usize = shape.iter().skip(1).product();
    let mut values = vec![0.0; shape.iter().product()];
    for (sample, out) in places.zip(values.chunks_exact_mut(numel.max(1))) {
        Address {
            seed,
            stream: Stream::Noise,
            sample,
            mv: step,
            draw: 0,
        }
        .normals(out);
    }
    Tensor::from_vec(values, shape, device)
}

/// One number a sample, shaped to multiply or be added to `like`.
pub(super) fn column(values: &[f64], like: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; like.rank()];
    shape[0] = values.len();
    Tensor::from_slice(values, shape, like.device())?.to_dtype(like.dtype())
}

/// The mean of each sample over its dimensions, summed in `f64`.
pub(super) fn mean_of_samples(x: &Tensor) -> Result<Vec<f64>> {
    x.flatten_from(1)?.to_dtype(DType::F64)?.mean(1)?.to_vec1()
}
