//! Samplers: one move of the reverse process each, without memory of their own.

use candle_core::Tensor;

use super::{Denoiser, Noise, Prediction, Result, Step};
use crate::math::{Entry, Level, Move, Spec, SpecError, Units, schedule::NoiseSchedule, spec};

pub mod ddim;
pub mod ddim_inverse;
pub mod ddpm;
pub mod deis;
pub mod dpm2;
pub mod dpmpp_multistep;
pub mod dpmpp_singlestep;
pub mod euler;
pub mod euler_ancestral;
pub mod flow;
pub mod heun;
pub mod langevin;
pub mod lms;
pub mod ode;
pub mod plms;
pub mod predictor_corrector;
pub mod unipc;

/// What a move may use.
pub struct Context<'a> {
    /// Whom to ask.
    pub model: &'a dyn Denoiser,
    /// The levels between the two ends of a move.
    pub schedule: &'a dyn NoiseSchedule,
    /// Fresh noise.
    pub noise: Noise<'a>,
    /// How many moves there are in all.
    pub total: usize,
    /// How many come after this one.
    pub left: usize,
}

impl Context<'_> {
    /// The belief about a state in the schedule's units.
    pub fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        self.model.predict(x, at)
    }

    /// The belief about a state in variance-exploding units.
    pub fn predict_ve(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        self.model.predict(&(x * at.alpha)?, at)
    }

    /// Adds fresh noise of deviation `std` to `x`; draws none where it is 0.
    pub fn add_noise(&self, x: Tensor, std: f64) -> Result<Tensor> {
        if std > 0.0 {
            let noise = (self.noise.like(&x)? * std)?;
            x + noise
        } else {
            Ok(x)
        }
    }
}

/// One move of the reverse process. No `&mut self`: what a multistep method remembers is `past`, so that rewinding and
/// branching cost nothing.
pub trait Sampler: Send + Sync {
    /// The units of `x` and of all states in [`Step`].
    fn units(&self) -> Units {
        Units::Schedule
    }

    /// Order of convergence in the number of moves; `None` where fresh noise is drawn. Near the end of few moves a method may
    /// lower its own.
    fn order(&self) -> Option<usize> {
        None
    }

    /// Network calls of one move, the first and the last ones aside; `None` where they follow from a tolerance.
    fn calls(&self) -> Option<usize> {
        Some(1)
    }

    /// The moves that are really made, where they are not those of the grid.
    fn plan(&self, moves: Vec<Move>) -> Vec<Move> {
        moves
    }

    /// Scales standard normal noise to the first level: to the size of a noisy sample of unit variance, or of the noise
    /// alone where variance-exploding units start at the very top of a schedule with a vanishing signal (diffusers'
    /// convention).
    fn start(&self, first: Move, noise: &Tensor, schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        let Level { t, alpha, sigma } = first.from.with_signal();
        let top = t >= *schedule.domain().end() && alpha < 1.0;
        noise
            * match self.units() {
                Units::Schedule => alpha.hypot(sigma),
                Units::VarianceExploding if top => sigma / alpha,
                Units::VarianceExploding => alpha.hypot(sigma) / alpha,
            }
    }

    /// `past`: up to four earlier steps, newest last; [`contiguous`] says which of them lead up to this move.
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step>;
}

/// All samplers.
pub const ENTRIES: &[&Entry<dyn Sampler>] = &[
    &ddpm::ENTRY,
    &ddim::ENTRY,
    &ddim_inverse::ENTRY,
    &plms::ENTRY,
    &lms::ENTRY,
    &euler::ENTRY,
    &euler_ancestral::ENTRY,
    &heun::ENTRY,
    &dpm2::ENTRY,
    &dpmpp_singlestep::ENTRY_1S,
    &dpmpp_singlestep::ENTRY_2S,
    &dpmpp_singlestep::ENTRY_3S,
    &dpmpp_multistep::ENTRY_2M,
    &dpmpp_multistep::ENTRY_3M,
    &dpmpp_multistep::ENTRY_2M_SDE,
    &unipc::ENTRY,
    &deis::ENTRY,
    &langevin::ENTRY,
    &predictor_corrector::ENTRY,
    &flow::ENTRY_EULER,
    &flow::ENTRY_HEUN,
    &ode::ENTRY,
];

/// Builds the chosen sampler.
pub fn build(spec: &Spec) -> std::result::Result<Box<dyn Sampler>, SpecError> {
    spec::build("sampler", ENTRIES, spec)
}

/// The steps that lead up to `mv` without a gap, newest last. After a jump, a branch or at the start there are none, and
/// multistep methods fall back to first order by themselves.
pub fn contiguous(past: &[Step], mv: Move) -> &[Step] {
    let mut level = mv.from;
    let led_here = |step: &&Step| {
        let here = step.mv.to == level;
        level = step.mv.from;
        here
    };
    let count = past.iter().rev().take_while(led_here).count();
    &past[past.len() - count..]
}

/// The tangent `dx / dsigma = (x - x0) / sigma` of the deterministic path in variance-exploding units.
///
/// Not simply `eps`: where the prediction was clipped, this follows the clipped sample, as diffusers and EDM do.
fn slope(x: &Tensor, belief: &Prediction, at: Level) -> Result<Tensor> {
    (x - &belief.x0)? / at.sigma_ve()
}

/// `sum of weight * tensor`; at least one term.
fn combine<'a>(terms: impl IntoIterator<Item = (f64, &'a Tensor)>) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (weight, tensor) in terms {
        let term = (tensor * weight)?;
        sum = Some(match sum {
            None => term,
            Some(sum) => (sum + term)?,
        });
    }
    sum.ok_or_else(|| candle_core::Error::Msg("a combination of no tensors".into()))
}
