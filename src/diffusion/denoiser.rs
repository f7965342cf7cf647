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

/// Anything that can be asked for a prediction; the condition is already bound inside.
pub trait Denoiser: Send + Sync {
    /// The belief about `x` (batch first) at one noise level.
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

/// A network ready for inference: fixed weights, no gradients of parameters.
pub trait Net: Send + Sync {
    /// `x`: `(B, …)`, `t`: one time per sample (what the network is told), result: shape of `x` (or twice its channels
    /// where the variance is learned).
    fn forward(&self, x: &Tensor, t: &[f64], cond: &Cond) -> Result<Tensor>;

    /// The output together with the vector-Jacobian product with respect to `x`.
    fn vjp(&self, x: &Tensor, t: &[f64], cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)>;
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

impl NetDenoiser {
    fn times(x: &Tensor, at: Level) -> Result<Vec<f64>> {
        Ok(vec![at.t; x.dim(0)?])
    }

    fn decode(&self, out: &Tensor, x: &Tensor, at: Level) -> Result<Prediction> {
        let [[x0_out, x0_x], [eps_out, eps_x]] = self.target.decode(at);
        let mix = |a: f64, b: f64| (out * a)? + (x * b)?;
        Ok(Prediction {
            x0: mix(x0_out, x0_x)?,
            eps: mix(eps_out, eps_x)?,
            var: None,
        })
    }
}

impl Denoiser for NetDenoiser {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let out = self.net.forward(x, &Self::times(x, at)?, &self.cond)?;
        self.decode(&out, x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let [[x0_out, x0_x], _] = self.target.decode(at);
        let (out, grad) = self
            .net
            .vjp(x, &Self::times(x, at)?, &self.cond, &(cotangent * x0_out)?)?;
        let grad = (grad + (cotangent * x0_x)?)?;
        Ok((self.decode(&out, x, at)?, grad))
    }
}

/// Clips the clean sample to the domain's range. With `Keep` the noise stays as predicted (diffusers); with `Rederive`
/// it is recomputed so that both parts still add up to `x`.
pub struct Clipped<D> {
    /// Whose predictions are clipped.
    pub inner: D,
    /// Least and greatest value.
    pub range: (f64, f64),
    /// What happens to `eps`.
    pub eps: EpsAfterClip,
}

/// What happens to `eps` when `x0` was clipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsAfterClip {
    /// Stays as predicted.
    Keep,
    /// `(x - alpha * x0) / sigma`.
    Rederive,
}

impl<D: Denoiser> Denoiser for Clipped<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        let x0 = belief.x0.clamp(self.range.0 as f32, self.range.1 as f32)?;
        let eps = match self.eps {
            EpsAfterClip::Keep => belief.eps,
            EpsAfterClip::Rederive => ((x - (&x0 * at.alpha)?)? / at.sigma)?,
        };
        Ok(Prediction {
            x0,
            eps,
            var: belief.var,
        })
    }
}
