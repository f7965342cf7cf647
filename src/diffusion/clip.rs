//! Keeping the clean sample in the range of the data.

use candle_core::{DType, Tensor};

use super::{Denoiser, Prediction, Result, loss::column};
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

/// Dynamic thresholding (Saharia et al. 2022): each clean sample is clipped at a quantile of its own absolute values, at
/// least 1, and divided by it.
pub struct Thresholded<D> {
    /// Whose predictions are clipped.
    pub inner: D,
    /// Which share of the values stays within.
    pub ratio: f64,
    /// The greatest threshold, at least 1.
    pub most: f64,
}

impl<D: Denoiser> Denoiser for Thresholded<D> {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        let sizes = belief.x0.abs()?.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2()?;
        let threshold = |size| quantile(size, self.ratio).clamp(1.0, self.most);
        let thresholds: Vec<f64> = sizes.into_iter().map(threshold).collect();
        let limit = column(&thresholds, &belief.x0)?;
        let x0 = belief.x0.broadcast_div(&limit)?.clamp(-1.0, 1.0)?;
        Ok(Prediction { x0, ..belief })
    }
}

/// The value below which the share `q` of the values lies, between two of them in proportion.
fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = q * (values.len() - 1) as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    low + (high - low) * place.fract()
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
    fn thresholds_follow_the_sample() {
        assert_eq!(quantile(vec![4.0, 0.0, 1.0], 0.75), 2.5);
        let model = Thresholded {
            inner: Mixture::gaussian(vec![0.0, 0.0], 1.0),
            ratio: 0.5,
            most: 4.0,
        };
        // x0 is 0.6 x: 6 and 1.8 with threshold 3.9, and 0.3 and 0.12 with threshold 1.
        let x = Tensor::new(&[[10.0_f64, 3.0], [0.5, 0.2]], &Device::Cpu).unwrap();
        let x0 = model.predict(&x, AT).unwrap().x0.to_vec2::<f64>().unwrap();
        for (found, expected) in x0.concat().iter().zip([1.0, 1.8 / 3.9, 0.3, 0.12]) {
            assert!((found - expected).abs() < 1e-12, "{x0:?}");
        }
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
