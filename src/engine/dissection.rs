//! One training step taken apart: what the network saw, should have answered and answered, and how far the weights moved.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::{
    diffusion::loss::{Lesson, Loss},
    math::Level,
};

/// Samples that are taken along, where a sample is a point.
const POINTS: usize = 256;

/// A training step from the inside: the first sample of its batch, or the first points.
///
/// Sequences hold `samples` samples one after the other, each in tensor order `(C, H, W)` or `x, y`.
#[derive(Clone, Debug)]
pub struct Dissection {
    /// Number of the step, from 1.
    pub step: u64,
    /// How many samples were taken along.
    pub samples: usize,
    /// The level that was drawn for each.
    pub levels: Vec<Level>,
    /// Clean samples.
    pub x0: Arc<[f32]>,
    /// Noise.
    pub eps: Arc<[f32]>,
    /// What the network sees: `alpha * x0 + sigma * eps`, times [`crate::math::target::Target::input_scale`].
    pub input: Arc<[f32]>,
    /// What it should answer.
    pub target: Arc<[f32]>,
    /// What it answers.
    pub output: Arc<[f32]>,
    /// Mean squared error of the first sample.
    pub error: f64,
    /// Weight of that error.
    pub weight: f64,
    /// How the weights moved.
    pub nudge: Nudge,
}

/// What a training step did to the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nudge {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub lr: f64,
    /// Norm of the change of the weights.
    pub moved: f64,
    /// Norm of the weights before.
    pub size: f64,
}

impl Dissection {
    /// The first samples of a lesson; the rest of the step is not known yet.
    pub(super) fn new(
        step: u64,
        (x0, eps): (&Tensor, &Tensor),
        levels: &[Level],
        lesson: &Lesson,
        out: &Tensor,
        loss: &Loss,
    ) -> Result<Self> {
        let samples = if x0.rank() == 2 { x0.dim(0)?.min(POINTS) } else { 1 };
        let first =
            |t: &Tensor| -> Result<Arc<[f32]>> { Ok(t.narrow(0, 0, samples)?.flatten_all()?.to_vec1::<f32>()?.into()) };
        Ok(Self {
            step,
            samples,
            levels: levels[..samples].to_vec(),
            x0: first(x0)?,
            eps: first(eps)?,
            input: first(&lesson.input)?,
            target: first(&lesson.answer)?,
            output: first(&out.narrow(1, 0, lesson.answer.dim(1)?)?)?,
            error: loss.per_sample[0],
            weight: lesson.weights[0],
            nudge: Nudge::default(),
        })
    }
}

/// Euclidean norm, summed in `f64`.
pub(super) fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}
