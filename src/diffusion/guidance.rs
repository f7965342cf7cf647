//! Classifier-free guidance (Ho and Salimans 2022), its interval (Kynkäänniemi et al. 2024) and rescaling (Lin et al.
//! 2024).

use std::sync::Arc;

use candle_core::Tensor;

use super::{
    Denoiser, Net, NetDenoiser, Prediction, Result,
    denoiser::scaled,
    loss::{column, mean_of_samples},
};
use crate::math::{Cond, Level, target::Target};

/// How strongly, and where, the condition is amplified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// `out = without + scale * (with - without)`: 1 is no guidance (diffusers' convention), 0 ignores the condition.
    pub scale: f64,
    /// Guidance acts where `low <= sigma / alpha <= high`; elsewhere the condition counts once.
    pub interval: (f64, f64),
    /// From 0 to 1: how far the guided output is brought back to the standard deviation of the conditional one.
    pub rescale: f64,
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

    fn acts_at(&self, at: Level) -> bool {
        let (low, high) = self.interval;
        self.scale != 1.0 && (low..=high).contains(&at.sigma_ve())
    }

    /// The guided output from the outputs with and without condition.
    fn combine(&self, with: &Tensor, without: &Tensor) -> Result<Tensor> {
        let guided = (without + ((with - without)? * self.scale)?)?;
        if self.rescale == 0.0 {
            return Ok(guided);
        }
        let ratio = spread(with)?
            .iter()
            .zip(spread(&guided)?)
            .map(|(a, b)| a / b)
            .collect::<Vec<_>>();
        let factors: Vec<f64> = ratio.iter().map(|r| self.rescale * r + 1.0 - self.rescale).collect();
        guided.broadcast_mul(&column(&factors, &guided)?)
    }
}

/// Standard deviation of each sample over its dimensions.
fn spread(x: &Tensor) -> Result<Vec<f64>> {
    let mean = mean_of_samples(x)?;
    let centred = x.broadcast_sub(&column(&mean, x)?)?;
    Ok(mean_of_samples(&centred.sqr()?)?.into_iter().map(f64::sqrt).collect())
}

/// A network asked with and without its condition; both halves go through it in one batch of `2B`.
pub struct Guided {
    /// The network.
    pub net: Arc<dyn Net>,
    /// What it regresses.
    pub target: Target,
    /// One class per sample of the batch.
    pub classes: Vec<u32>,
    /// The class that means "no condition": the network's last.
    pub null_class: u32,
    /// How strongly and where.
    pub guidance: Guidance,
}

impl Guided {
    fn conditional(&self) -> NetDenoiser {
        NetDenoiser {
            net: self.net.clone(),
            target: self.target,
            cond: Cond::Class(self.classes.clone()),
        }
    }

    fn both(&self) -> Cond {
        let nulls = std::iter::repeat_n(self.null_class, self.classes.len());
        Cond::Class(self.classes.iter().copied().chain(nulls).collect())
    }
}

impl Denoiser for Guided {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        if !self.guidance.acts_at(at) {
            return self.conditional().predict(x, at);
        }
        let batch = x.dim(0)?;
        let input = scaled(x, self.target.input_scale(at))?;
        let input = Tensor::cat(&[&input, &input], 0)?;
        let out = self.net.forward(&input, &vec![at.t; 2 * batch], &self.both())?;
        let guided = self
            .guidance
            .combine(&out.narrow(0, 0, batch)?, &out.narrow(0, batch, batch)?)?;
        Prediction::from_output(&guided, x, self.target, at)
    }

    /// The factor of the rescaling is taken as constant.
    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        if !self.guidance.acts_at(at) {
            return self.conditional().vjp(x, at, cotangent);
        }
        if self.guidance.rescale != 0.0 {
            return Err(candle_core::Error::Msg(
                "guidance with rescaling has no gradient with respect to its input; set rescale to 0".into(),
            ));
        }
        let batch = x.dim(0)?;
        let [[x0_out, x0_x], _] = self.target.decode(at);
        let scale = self.target.input_scale(at);
        let input = scaled(x, scale)?;
        let input = Tensor::cat(&[&input, &input], 0)?;
        let w = self.guidance.scale;
        let cotangents = Tensor::cat(&[(cotangent * (w * x0_out))?, (cotangent * ((1.0 - w) * x0_out))?], 0)?;
        let (out, grad) = self
            .net
            .vjp(&input, &vec![at.t; 2 * batch], &self.both(), &cotangents)?;
        let halves = (grad.narrow(0, 0, batch)? + grad.narrow(0, batch, batch)?)?;
        let guided = self
            .guidance
            .combine(&out.narrow(0, 0, batch)?, &out.narrow(0, batch, batch)?)?;
        let grad = (scaled(&halves, scale)? + (cotangent * x0_x)?)?;
        Ok((Prediction::from_output(&guided, x, self.target, at)?, grad))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// `out = x * (1 + class) + t / 1000`.
    struct Scaling;

    impl Net for Scaling {
        fn forward(&self, x: &Tensor, t: &[f64], cond: &Cond) -> Result<Tensor> {
            let Cond::Class(ids) = cond else {
                return Err(candle_core::Error::Msg("no classes".into()));
            };
            let factors: Vec<f64> = ids.iter().map(|&id| 1.0 + f64::from(id)).collect();
            let offsets: Vec<f64> = t.iter().map(|t| t / 1000.0).collect();
            x.broadcast_mul(&column(&factors, x)?)?
                .broadcast_add(&column(&offsets, x)?)
        }

        fn vjp(&self, x: &Tensor, t: &[f64], cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)> {
            let no_time = vec![0.0; t.len()];
            Ok((self.forward(x, t, cond)?, self.forward(cotangent, &no_time, cond)?))
        }
    }

    fn guided(guidance: Guidance) -> Guided {
        Guided {
            net: Arc::new(Scaling),
            target: Target::V,
            classes: vec![0, 2],
            null_class: 4,
            guidance,
        }
    }

    fn x() -> Tensor {
        Tensor::new(&[[0.3_f32, -1.25, 0.7], [0.9, 0.1, -0.4]], &Device::Cpu).unwrap()
    }

    fn values(t: &Tensor) -> Vec<Vec<f32>> {
        t.to_vec2().unwrap()
    }

    #[test]
    fn scale_one_is_the_identity_bit_for_bit() {
        let at = Level::from_alpha_bar(300.0, 0.3);
        let plain = guided(Guidance::scale(1.0)).conditional().predict(&x(), at).unwrap();
        let same = guided(Guidance::scale(1.0)).predict(&x(), at).unwrap();
        assert_eq!(values(&same.x0), values(&plain.x0));
        assert_eq!(values(&same.eps), values(&plain.eps));
        let elsewhere = Guidance {
            interval: (10.0, 20.0),
            ..Guidance::scale(5.0)
        };
        assert_eq!(
            values(&guided(elsewhere).predict(&x(), at).unwrap().x0),
            values(&plain.x0)
        );
    }

    #[test]
    fn guidance_extrapolates_from_the_null_class() {
        let at = Level::from_alpha_bar(0.0, 0.3);
        let strong = guided(Guidance::scale(3.0)).predict(&x(), at).unwrap();
        // Output 5x without, x or 3x with: 5 + 3 * (1 - 5) = -7 and 5 + 3 * (3 - 5) = -1.
        let factors = Tensor::new(&[[-7.0_f32], [-1.0]], &Device::Cpu).unwrap();
        let expected = Prediction::from_output(&x().broadcast_mul(&factors).unwrap(), &x(), Target::V, at).unwrap();
        for (a, b) in values(&strong.x0).concat().iter().zip(values(&expected.x0).concat()) {
            assert!((a - b).abs() < 1e-5, "{a} is not {b}");
        }
    }

    #[test]
    fn full_rescaling_restores_the_conditional_spread() {
        let (with, without) = (x(), (x() * 5.0).unwrap());
        let guidance = Guidance {
            rescale: 1.0,
            ..Guidance::scale(3.0)
        };
        let out = guidance.combine(&with, &without).unwrap();
        for (a, b) in spread(&out).unwrap().iter().zip(spread(&with).unwrap()) {
            assert!((a - b).abs() < 1e-6, "{a} is not {b}");
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_prediction() {
        let model = guided(Guidance::scale(2.5));
        let at = Level::from_alpha_bar(300.0, 0.3);
        let cotangent = Tensor::new(&[[1.0_f32, -2.0, 0.5], [0.25, 3.0, -1.0]], &Device::Cpu).unwrap();
        let (_, grad) = model.vjp(&x(), at, &cotangent).unwrap();
        // The model is linear in x: the derivative of <x0, cotangent> along d is a difference.
        let d = Tensor::new(&[[1.0_f32, 0.5, -0.25], [-1.0, 2.0, 0.75]], &Device::Cpu).unwrap();
        let moved = model.predict(&(x() + &d).unwrap(), at).unwrap().x0;
        let still = model.predict(&x(), at).unwrap().x0;
        let dot = |a: Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        let (left, right) = (dot((moved - still).unwrap(), &cotangent), dot(grad, &d));
        assert!((left - right).abs() < 1e-4 * left.abs(), "{left} is not {right}");
    }
}
