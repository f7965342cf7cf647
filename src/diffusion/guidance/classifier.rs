//! Classifier guidance (Dhariwal and Nichol 2021, algorithm 2): `eps' = eps - scale sigma grad_x ln p(class | x)`.
//!
//! The classifier has to know noisy samples and their level. In score form, so that it serves every sampler: with
//! `scale` 1 and the true classifier it is Bayes' rule, and the samples are those of the class.

use std::sync::Arc;

use candle_core::{D, Tensor};

use crate::{
    diffusion::{Denoiser, Net, Prediction, Result, denoiser::scaled},
    math::{Cond, Level, target::Target},
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
}

impl<D: Denoiser> Denoiser for ClassifierGuided<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        if self.scale == 0.0 {
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

/// A network whose output `(B, classes)` holds logits.
pub struct NetClassifier {
    /// The network, trained on noisy samples.
    pub net: Arc<dyn Net>,
    /// Says how the input was scaled in training, see [`Target::input_scale`].
    pub target: Target,
}

impl Classifier for NetClassifier {
    /// The cotangent of the logits is `one-hot(class) - softmax(logits)`.
    fn gradient(&self, x: &Tensor, at: Level, classes: &[u32]) -> Result<Tensor> {
        let (scale, times) = (self.target.input_scale(at), vec![at.t; x.dim(0)?]);
        let input = scaled(x, scale)?;
        let logits = self.net.forward(&input, &times, &Cond::None)?;
        let powers = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?.exp()?;
        let softmax = powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?;
        let is_class = |i: usize| classes.iter().map(move |&c| f64::from(u8::from(c as usize == i)));
        let columns: Vec<Vec<f64>> = (0..logits.dim(1)?).map(|i| is_class(i).collect()).collect();
        let one_hot = Tensor::new(columns, x.device())?.t()?.to_dtype(logits.dtype())?;
        let (_, gradient) = self.net.vjp(&input, &times, &Cond::None, &(one_hot - softmax)?)?;
        scaled(&gradient, scale)
    }
}
