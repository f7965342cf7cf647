//! Samplers: one move of the reverse process each, without memory of their own.

use candle_core::Tensor;

use super::{Denoiser, Noise, Prediction, Result, Step};
use crate::math::{Entry, Level, Move, Spec, SpecError, Units, schedule::NoiseSchedule, spec};

pub mod ddim;
pub mod ddpm;

/// What a move may use.
pub struct Context<'a> {
    /// Whom to ask.
    pub model: &'a dyn Denoiser,
    /// The levels between the two ends of a move.
    pub schedule: &'a dyn NoiseSchedule,
    /// Fresh noise.
    pub noise: Noise<'a>,
}

impl Context<'_> {
    /// The belief about a state in the schedule's units.
    pub fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        self.model.predict(x, at)
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

    /// The moves that are really made, where they are not those of the grid.
    fn plan(&self, moves: Vec<Move>) -> Vec<Move> {
        moves
    }

    /// Scales standard normal noise to the first level: to the size of a noisy sample of unit variance, or of the noise
    /// alone where variance-exploding units start at the very top (diffusers' convention).
    fn start(&self, first: Move, noise: &Tensor, schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        let Level { t, alpha, sigma } = first.from;
        match self.units() {
            Units::Schedule => noise * alpha.hypot(sigma),
            Units::VarianceExploding => {
                let ve = first.from.with_signal().sigma_ve();
                let top = t >= *schedule.domain().end();
                noise * if top { ve } else { ve.hypot(1.0) }
            }
        }
    }

    /// `past`: up to four earlier steps, newest last; contiguous with this one where `past.last().mv.to == mv.from`.
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step>;
}

/// All samplers.
pub const ENTRIES: &[&Entry<dyn Sampler>] = &[&ddpm::ENTRY, &ddim::ENTRY];

/// Builds the chosen sampler.
pub fn build(spec: &Spec) -> std::result::Result<Box<dyn Sampler>, SpecError> {
    spec::build("sampler", ENTRIES, spec)
}
