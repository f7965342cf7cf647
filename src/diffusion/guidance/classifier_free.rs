//! Classifier-free guidance (Ho and Salimans 2022, eq. 6, with `scale = 1 + w`):
//! `out = out(no class) + scale (out(class) - out(no class))`.

use std::sync::Arc;

use candle_core::Tensor;

use super::Guidance;
use crate::{
    diffusion::{Denoiser, Net, NetDenoiser, Prediction, Result, denoiser::scaled},
    math::{Cond, Level, target::Target},
};

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
    pub(super) fn conditional(&self) -> NetDenoiser {
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

    /// The prediction from the outputs with and without condition, one after the other. A learned variance stays that of the
    /// condition.
    fn combined(&self, out: &Tensor, x: &Tensor, at: Level) -> Result<Prediction> {
        let (batch, channels) = (x.dim(0)?, x.dim(1)?);
        let answer = |half: usize| out.narrow(0, half * batch, batch)?.narrow(1, 0, channels);
        let guided = self.guidance.combine(&answer(0)?, &answer(1)?)?;
        let var = Prediction::from_output(&out.narrow(0, 0, batch)?, x, self.target, at)?.var;
        Ok(Prediction {
            var,
            ..Prediction::from_output(&guided, x, self.target, at)?
        })
    }
}

impl Denoiser for Guided {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        if !self.guidance.acts_at(at) {
            return self.conditional().predict(x, at);
        }
        let input = scaled(x, self.target.input_scale(at))?;
        let input = Tensor::cat(&[&input, &input], 0)?;
        let out = self.net.forward(&input, at, &self.both())?;
        self.combined(&out, x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        if !self.guidance.acts_at(at) {
            return self.conditional().vjp(x, at, cotangent);
        }
        self.guidance.refuse_rescaled_gradient()?;
        let batch = x.dim(0)?;
        let [[x0_out, x0_x], _] = self.target.decode(at);
        let scale = self.target.input_scale(at);
        let input = scaled(x, scale)?;
        let input = Tensor::cat(&[&input, &input], 0)?;
        let w = self.guidance.scale;
        let cotangents = Tensor::cat(&[(cotangent * (w * x0_out))?, (cotangent * ((1.0 - w) * x0_out))?], 0)?;
        let (out, grad) = self.net.vjp(&input, at, &self.both(), &cotangents)?;
        let halves = (grad.narrow(0, 0, batch)? + grad.narrow(0, batch, batch)?)?;
        let grad = (scaled(&halves, scale)? + (cotangent * x0_x)?)?;
        Ok((self.combined(&out, x, at)?, grad))
    }
}
