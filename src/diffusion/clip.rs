//! Keeping the clean sample in the range of the data.

use candle_core::Tensor;

use super::{Denoiser, Prediction, Result};
use crate::math::Level;

/// Clips the clean sample to the domain's range.
pub struct Clipped<D> {
    /// Whose predictions are clipped.
    pub inner: D,
    /// Least and greatest value.
    pub range: (f64, f64),
    /// What happens to the noise.
    pub eps: EpsAfterClip,
}

/// What happens to `eps` when `x0` was clipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsAfterClip {
    /// Stays as predicted: diffusers' DDIM.
    Keep,
    /// `(x - alpha * x0) / sigma`, so that both parts still add up to `x`.
    Rederive,
}

impl<D: Denoiser> Denoiser for Clipped<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        self.clip(belief, x, at)
    }

    /// Clipped values do not move with `x`: the cotangent passes only where the prediction lies within the range.
    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let belief = self.inner.predict(x, at)?;
        let inside = (belief.x0.ge(self.range.0)? * belief.x0.le(self.range.1)?)?.to_dtype(cotangent.dtype())?;
        let (belief, grad) = self.inner.vjp(x, at, &(cotangent * inside)?)?;
        Ok((self.clip(belief, x, at)?, grad))
    }
}

impl<D> Clipped<D> {
    fn clip(&self, belief: Prediction, x: &Tensor, at: Level) -> Result<Prediction> {
        let x0 = belief.x0.clamp(self.range.0, self.range.1)?;
        let eps = match self.eps {
            EpsAfterClip::Rederive if at.sigma > 0.0 => ((x - (&x0 * at.alpha)?)? / at.sigma)?,
            _ => belief.eps,
        };
        Ok(Prediction { x0, eps, ..belief })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::diffusion::oracle::Mixture;

    const AT: Level = Level {
        t: 0.0,
        alpha: 0.6,
        sigma: 0.8,
    };

    fn clipped(eps: EpsAfterClip) -> Clipped<Mixture> {
        Clipped {
            inner: Mixture::gaussian(vec![0.0, 0.0], 1.0),
            range: (-1.0, 1.0),
            eps,
        }
    }

    #[test]
    fn the_two_rules_for_the_noise() {
        let x = Tensor::new(&[[10.0_f64, 0.5]], &Device::Cpu).unwrap();
        let kept = clipped(EpsAfterClip::Keep).predict(&x, AT).unwrap();
        let derived = clipped(EpsAfterClip::Rederive).predict(&x, AT).unwrap();
        let row = |t: &Tensor| t.to_vec2::<f64>().unwrap()[0].clone();
        // x0 of the unit normal is alpha * x, here 6 and 0.3; eps is sigma * x.
        assert_eq!(row(&kept.x0)[0], 1.0);
        assert!((row(&kept.x0)[1] - 0.3).abs() < 1e-12);
        assert!((row(&kept.eps)[0] - 8.0).abs() < 1e-12);
        assert!((row(&derived.eps)[0] - (10.0 - 0.6) / 0.8).abs() < 1e-12);
        assert!((row(&derived.eps)[1] - row(&kept.eps)[1]).abs() < 1e-12);
    }

    #[test]
    fn clipped_values_have_no_gradient() {
        let x = Tensor::new(&[[10.0_f64, 0.5]], &Device::Cpu).unwrap();
        let (_, grad) = clipped(EpsAfterClip::Keep)
            .vjp(&x, AT, &x.ones_like().unwrap())
            .unwrap();
        let grad = grad.to_vec2::<f64>().unwrap();
        assert_eq!(grad[0][0], 0.0);
        assert!((grad[0][1] - 0.6).abs() < 1e-12);
    }
}
