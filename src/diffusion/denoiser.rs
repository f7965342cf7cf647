//! What a network believes about the clean sample and the noise.

use std::sync::Arc;

use candle_core::Tensor;

use super::Result;
use crate::math::{Cond, Level, target::Target};

/// A belief about the two parts of `x = alpha * x0 + sigma * eps`.
///
/// Both parts are kept: diffusers clips `x0` and still uses the raw `eps`, so neither can be derived from the other.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The clean sample; shape of `x`.
    pub x0: Tensor,
    /// The noise; shape of `x`.
    pub eps: Tensor,
    /// Learned-variance networks: the interpolation `v` in `[0, 1]` between the logs of small and large variance.
    pub var: Option<Tensor>,
}

impl Prediction {
    /// What the output of a network at `x` says. `out` has the shape of `x`, or twice its channels (axis 1) where the
    /// variance is learned: the second half then lies in `[-1, 1]` (Nichol and Dhariwal 2021).
    pub fn from_output(out: &Tensor, x: &Tensor, target: Target, at: Level) -> Result<Self> {
        let channels = x.dim(1)?;
        let learned = out.dim(1)? == 2 * channels;
        let mean = if learned {
            out.narrow(1, 0, channels)?
        } else {
            out.clone()
        };
        let var = learned.then(|| (out.narrow(1, channels, channels)? + 1.0)? / 2.0);
        let [[x0_out, x0_x], [eps_out, eps_x]] = target.decode(at);
        let mix = |a: f64, b: f64| (&mean * a)? + (x * b)?;
        Ok(Self {
            x0: mix(x0_out, x0_x)?,
            eps: mix(eps_out, eps_x)?,
            var: var.transpose()?,
        })
    }
}

/// Anything that can be asked for a prediction; the condition is already bound inside.
pub trait Denoiser: Send + Sync {
    /// The belief about `x` (batch first, in the schedule's units) at one noise level.
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction>;

    /// The prediction together with `J^T cotangent`, where `J` is the derivative of its `x0` with respect to `x`.
    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let _ = (x, at, cotangent);
        Err(candle_core::Error::Msg(
            "this denoiser has no gradient with respect to its input".into(),
        ))
    }
}

impl<D: Denoiser + ?Sized> Denoiser for Arc<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        (**self).predict(x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        (**self).vjp(x, at, cotangent)
    }
}

impl<D: Denoiser + ?Sized> Denoiser for Box<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        (**self).predict(x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        (**self).vjp(x, at, cotangent)
    }
}

/// A network ready for inference: fixed weights, no gradients of parameters.
pub trait Net: Send + Sync {
    /// `x`: `(B, …)`, all at one level, of which a trained network is told the time alone. Result: shape of `x` (or twice its
    /// channels where the variance is learned).
    fn forward(&self, x: &Tensor, at: Level, cond: &Cond) -> Result<Tensor>;

    /// The output together with the vector-Jacobian product with respect to `x`; `cotangent` has the shape of the
    /// output, or of its first half where the second says the variance and does not count.
    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)>;
}

/// A network, its target and its condition as a denoiser.
pub struct NetDenoiser {
    /// The network.
    pub net: Arc<dyn Net>,
    /// What it regresses.
    pub target: Target,
    /// One condition per sample of the batch.
    pub cond: Cond,
}

impl Denoiser for NetDenoiser {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let input = scaled(x, self.target.input_scale(at))?;
        let out = self.net.forward(&input, at, &self.cond)?;
        Prediction::from_output(&out, x, self.target, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let [[x0_out, x0_x], _] = self.target.decode(at);
        let scale = self.target.input_scale(at);
        let (out, grad) = self
            .net
            .vjp(&scaled(x, scale)?, at, &self.cond, &(cotangent * x0_out)?)?;
        let grad = (scaled(&grad, scale)? + (cotangent * x0_x)?)?;
        Ok((Prediction::from_output(&out, x, self.target, at)?, grad))
    }
}

/// `x * factor`, without a copy where the factor is one.
pub(super) fn scaled(x: &Tensor, factor: f64) -> Result<Tensor> {
    if factor == 1.0 { Ok(x.clone()) } else { x * factor }
}
