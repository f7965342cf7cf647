//! Predictor-corrector sampling (Song et al. 2021, algorithms 2 and 3).

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{
        Prediction, Result, Step,
        loss::{column, mean_of_samples},
    },
    math::{Entry, Level, Move, Param},
};

/// Langevin steps of a fixed signal-to-noise ratio at the level, then one step of the discretised reverse SDE.
pub struct PredictorCorrector {
    /// Langevin steps a level.
    pub corrections: usize,
    /// Ratio of the lengths of the gradient and the noise.
    pub snr: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "pc",
    label: "Predictor-corrector",
    help: "Reverse diffusion with Langevin corrections; wants hundreds of steps",
    source: "arXiv:2011.13456",
    params: &[
        Param::int("corrections", 0, 10, 1, "Langevin steps at each level"),
        Param::real("snr", 0.01, 1.0, 0.16, "Strength of the corrections"),
    ],
    build: |p| {
        Ok(Box::new(PredictorCorrector {
            corrections: p.count("corrections"),
            snr: p.real("snr"),
        }))
    },
};

impl Sampler for PredictorCorrector {
    fn calls(&self) -> Option<usize> {
        Some(1 + self.corrections)
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let at = mv.from.with_signal();
        let first = context.predict(x, at)?;
        let (mut belief, mut corrected) = (first.clone(), x.clone());
        for _ in 0..self.corrections {
            corrected = self.correct(&corrected, &belief, mv, context)?;
            belief = context.predict(&corrected, at)?;
        }
        let (mean, std) = reverse_diffusion(&corrected, &belief, mv)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief: first,
            next: context.add_noise(mean, if mv.to.sigma > 0.0 { std } else { 0.0 })?,
        })
    }
}

impl PredictorCorrector {
    /// `x += a * score + √(2a) * z` with `a = 2 k (snr |z| / |score|)²`, `k` the share of signal that one move keeps. The
    /// lengths are those of each sample, not of the batch, so that samples do not depend on each other.
    fn correct(&self, x: &Tensor, belief: &Prediction, mv: Move, context: &Context<'_>) -> Result<Tensor> {
        let score = score(belief, mv.from.with_signal())?;
        let z = context.noise.like(x)?;
        let lengths = mean_of_samples(&z.sqr()?)?
            .into_iter()
            .zip(mean_of_samples(&score.sqr()?)?);
        let kept = (mv.from.with_signal().alpha / mv.to.alpha).powi(2);
        let steps: Vec<f64> = lengths
            .map(|(z, score)| 2.0 * kept * self.snr.powi(2) * z / score.max(f64::MIN_POSITIVE))
            .collect();
        let noise: Vec<f64> = steps.iter().map(|a| (2.0 * a).sqrt()).collect();
        (x + score.broadcast_mul(&column(&steps, x)?)?)? + z.broadcast_mul(&column(&noise, x)?)?
    }
}

/// Mean and deviation of one step of the reverse SDE: with the forward step `x_from = r x_to + g z`,
/// `x_to = (2 - r) x + g² score + g z`.
fn reverse_diffusion(x: &Tensor, belief: &Prediction, mv: Move) -> Result<(Tensor, f64)> {
    let mv = mv.with_signal();
    let (kept, g) = (mv.from.alpha / mv.to.alpha, mv.forward_std());
    let mean = ((x * (2.0 - kept))? + (score(belief, mv.from)? * (g * g))?)?;
    Ok((mean, g))
}

/// `-eps / sigma`.
fn score(belief: &Prediction, at: Level) -> Result<Tensor> {
    &belief.eps / -at.sigma
}
