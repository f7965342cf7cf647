//! Guidance: away from a worse prediction, towards a class. Each kind is a denoiser made of others.
//!
//! [`classifier_free`] leaves the unconditional prediction behind, [`auto`] that of a weaker network; both extrapolate by
//! `without + scale (with - without)`, within an interval of noise levels (Kynkäänniemi et al. 2024) and brought back to the
//! spread of the better prediction (Lin et al. 2024, section 3.4). [`classifier`] follows the gradient of a classifier.

use candle_core::Tensor;

use super::{
    Result,
    loss::{column, mean_of_samples},
};
use crate::math::Level;

pub mod auto;
pub mod classifier;
pub mod classifier_free;
#[cfg(test)]
mod tests;

pub use auto::AutoGuided;
pub use classifier::{Classifier, ClassifierGuided, NetClassifier, Opinion};
pub use classifier_free::Guided;

/// How strongly, and where, the better prediction is amplified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// `out = without + scale * (with - without)`: 1 is no guidance (diffusers' convention), 0 ignores the condition.
    pub scale: f64,
    /// Guidance acts where `low <= sigma / alpha <= high`; elsewhere the better prediction counts once.
    pub interval: (f64, f64),
    /// From 0 to 1: how far the guided output is brought back to the standard deviation of the better one.
    pub rescale: f64,
}

impl Default for Guidance {
    /// None.
    fn default() -> Self {
        Self::scale(1.0)
    }
}

impl Guidance {
    /// Guidance at all noise levels, without rescaling.
    pub const fn scale(scale: f64) -> Self {
        Self {
            scale,
            interval: (0.0, f64::INFINITY),
            rescale: 0.0,
        }
    }

    /// Whether it changes anything anywhere.
    pub fn is_on(&self) -> bool {
        self.scale != 1.0
    }

    fn acts_at(&self, at: Level) -> bool {
        let (low, high) = self.interval;
        self.is_on() && (low..=high).contains(&at.sigma_ve())
    }

    /// The guided output from the better one and the worse one.
    fn combine(&self, with: &Tensor, without: &Tensor) -> Result<Tensor> {
        let guided = (without + ((with - without)? * self.scale)?)?;
        if self.rescale == 0.0 {
            return Ok(guided);
        }
        let ratio = spread(with)?.into_iter().zip(spread(&guided)?).map(|(a, b)| a / b);
        let factors: Vec<f64> = ratio.map(|r| self.rescale * r + 1.0 - self.rescale).collect();
        guided.broadcast_mul(&column(&factors, &guided)?)
    }

    /// The factor of the rescaling depends on all of `x`, in a way that nobody needs the derivative of.
    fn refuse_rescaled_gradient(&self) -> Result<()> {
        if self.rescale == 0.0 {
            return Ok(());
        }
        Err(candle_core::Error::Msg(
            "guidance with rescaling has no gradient with respect to its input; set rescale to 0".into(),
        ))
    }
}

/// Standard deviation of each sample over its dimensions.
fn spread(x: &Tensor) -> Result<Vec<f64>> {
    let mean = mean_of_samples(x)?;
    let centred = x.broadcast_sub(&column(&mean, x)?)?;
    Ok(mean_of_samples(&centred.sqr()?)?.into_iter().map(f64::sqrt).collect())
}
