//! Classifier guidance (Dhariwal and Nichol 2021, algorithm 2): `eps' = eps - scale sigma grad_x ln p(class | x)`.
//!
//! The classifier has to know noisy samples and their level. In score form, so that it serves every sampler: with
//! `scale` 1 and the true classifier it is Bayes' rule, and the samples are those of the class.

use std::{f64::consts::FRAC_PI_2, sync::Arc};

use candle_core::{D, Tensor};

use crate::{
    diffusion::{Denoiser, Net, Prediction, Result, denoiser::scaled},
    math::{Cond, Level},
};

/// Says which class a noisy sample is of.
pub trait Classifier: Send + Sync {
    /// `d ln p(class | x) / dx` at one noise level, in the shape of `x`; one class a sample.
    fn gradient(&self, x: &Tensor, at: Level, classes: &[u32]) -> Result<Tensor>;
}

/// A denoiser that follows a classifier.
pub struct ClassifierGuided<D> {
    /// What is guided; usually it is not told the class.
    pub inner: D,
    /// What guides it.
    pub classifier: Arc<dyn Classifier>,
    /// One class per sample of the batch.
    pub classes: Vec<u32>,
    /// 0 is off, 1 is Bayes' rule, more favours typical samples of the class.
    pub scale: f64,
    /// It acts where `low <= sigma / alpha <= high`. Where no class can be seen the slope of a network is nothing but its error,
    /// which the clean sample gets multiplied by `sigma² / alpha`: large scales want a high end.
    pub interval: (f64, f64),
}

impl<D: Denoiser> Denoiser for ClassifierGuided<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        let (low, high) = self.interval;
        if self.scale == 0.0 || !(low..=high).contains(&at.sigma_ve()) {
            return Ok(belief);
        }
        let gradient = self.classifier.gradient(x, at, &self.classes)?;
        let at = at.with_signal();
        // The clean sample that goes with the changed noise.
        let eps = (&belief.eps - (&gradient * (self.scale * at.sigma))?)?;
        let x0 = (&belief.x0 + (gradient * (self.scale * at.sigma.powi(2) / at.alpha))?)?;
        Ok(Prediction { x0, eps, ..belief })
    }
}

/// A network that was trained on noisy samples of every schedule. It is given the sample brought to unit size and, as its
/// time, the [`angle`] of the level. Its output `(B, features + classes, H, W)` holds features and logits at each place; their
/// means over the places count.
pub struct NetClassifier {
    /// The network.
    pub net: Arc<dyn Net>,
    /// How many of the last channels are logits.
    pub classes: usize,
}

/// What a classifier says of some samples.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// What the logits are a linear map of, `(B, features)`.
    pub features: Tensor,
    /// `ln p(class | x)` up to a constant, `(B, classes)`.
    pub logits: Tensor,
}

impl Opinion {
    /// Reads the output of a network whose last `classes` channels are logits.
    pub fn of(out: &Tensor, classes: usize) -> Result<Self> {
        let means = out.flatten_from(2)?.mean(2)?;
        let features = means.dim(1)? - classes;
        Ok(Self {
            features: means.narrow(1, 0, features)?,
            logits: means.narrow(1, features, classes)?,
        })
    }

    /// `p(class | x)`, `(B, classes)`.
    pub fn probabilities(&self) -> Result<Tensor> {
        let logits = &self.logits;
        let powers = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?.exp()?;
        powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
    }

    /// `d ln p(class | x) / d output` of a network whose output has the shape of `out`; one class a sample. The derivative
    /// by the logits is `one-hot(class) - softmax(logits)`.
    pub fn cotangent(&self, out: &Tensor, classes: &[u32]) -> Result<Tensor> {
        let (samples, count) = self.logits.dims2()?;
        let rows = classes
            .iter()
            .flat_map(|&c| (0..count).map(move |i| f64::from(u8::from(c as usize == i))));
        let one_hot = Tensor::from_iter(rows, out.device())?.reshape((samples, count))?;
        let by_logits = (one_hot.to_dtype(out.dtype())? - self.probabilities()?)?;
        let by_means = Tensor::cat(&[&self.features.zeros_like()?, &by_logits], 1)?;
        let (_, _, h, w) = out.dims4()?;
        let by_places = (by_means / (h * w) as f64)?.unsqueeze(2)?.unsqueeze(3)?;
        by_places.broadcast_as(out.shape())?.contiguous()
    }
}

/// How far a level is from the clean sample, from 0 to 1000 for pure noise: `atan(sigma / alpha)` in thousandths of a right
/// angle. Levels of different schedules with equal angles hold equal samples, but for their size.
pub fn angle(at: Level) -> f64 {
    at.sigma.atan2(at.alpha) / FRAC_PI_2 * 1000.0
}

/// What brings a sample of this level to unit size, where the clean sample has it.
pub fn unit_scale(at: Level) -> f64 {
    at.alpha.hypot(at.sigma).recip()
}

/// The level as the classifier is told of it.
fn told(at: Level) -> Level {
    Level { t: angle(at), ..at }
}

impl NetClassifier {
    /// What the network says of `x` (batch first, in the schedule's units) at one level.
    pub fn opinion(&self, x: &Tensor, at: Level) -> Result<Opinion> {
        let input = scaled(x, unit_scale(at))?;
        Opinion::of(&self.net.forward(&input, told(at), &Cond::None)?, self.classes)
    }
}

impl Classifier for NetClassifier {
    fn gradient(&self, x: &Tensor, at: Level, classes: &[u32]) -> Result<Tensor> {
        let (scale, at) = (unit_scale(at), told(at));
        let input = scaled(x, scale)?;
        let out = self.net.forward(&input, at, &Cond::None)?;
        let cotangent = Opinion::of(&out, self.classes)?.cotangent(&out, classes)?;
        let (_, gradient) = self.net.vjp(&input, at, &Cond::None, &cotangent)?;
        scaled(&gradient, scale)
    }
}
