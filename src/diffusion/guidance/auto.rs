//! Autoguidance (Karras et al. 2024, "Guiding a diffusion model with a bad version of itself", eq. 3):
//! `D = D_bad + scale (D_good - D_bad)`, where the bad network is smaller or less trained and asked for the same.

use candle_core::Tensor;

use super::Guidance;
use crate::{
    diffusion::{Denoiser, Prediction, Result},
    math::Level,
};

/// A good denoiser, led away from what a bad one believes.
pub struct AutoGuided<G, B> {
    /// The one that is followed.
    pub good: G,
    /// The one that is left behind.
    pub bad: B,
    /// How strongly and where.
    pub guidance: Guidance,
}

impl<G: Denoiser, B: Denoiser> AutoGuided<G, B> {
    fn combined(&self, good: Prediction, bad: &Prediction, x: &Tensor, at: Level) -> Result<Prediction> {
        let x0 = self.guidance.combine(&good.x0, &bad.x0)?;
        // A rescaled clean sample needs a noise that goes with it.
        let eps = if self.guidance.rescale == 0.0 {
            self.guidance.combine(&good.eps, &bad.eps)?
        } else {
            ((x - (&x0 * at.alpha)?)? / at.sigma)?
        };
        Ok(Prediction { x0, eps, ..good })
    }
}

impl<G: Denoiser, B: Denoiser> Denoiser for AutoGuided<G, B> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let good = self.good.predict(x, at)?;
        if !self.guidance.acts_at(at) {
            return Ok(good);
        }
        self.combined(good, &self.bad.predict(x, at)?, x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        if !self.guidance.acts_at(at) {
            return self.good.vjp(x, at, cotangent);
        }
        self.guidance.refuse_rescaled_gradient()?;
        let w = self.guidance.scale;
        let (good, towards) = self.good.vjp(x, at, &(cotangent * w)?)?;
        let (bad, away) = self.bad.vjp(x, at, &(cotangent * (1.0 - w))?)?;
        Ok((self.combined(good, &bad, x, at)?, (towards + away)?))
    }
}
