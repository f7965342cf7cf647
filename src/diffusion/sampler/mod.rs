//! Samplers: one move of the reverse process each, without memory of their own.

use candle_core::Tensor;

use super::{Denoiser, Noise, Result, Step};
use crate::math::{Entry, Move, Spec, SpecError, spec};

pub mod ddim;
pub mod ddpm;

/// One move of the reverse process. No `&mut self`: what a multistep method remembers is `past`, so that rewinding and
/// branching cost nothing.
pub trait Sampler: Send + Sync {
    /// Scales standard normal noise to the level of the first move.
    fn start(&self, first: Move, noise: &Tensor) -> Result<Tensor> {
        let _ = first;
        Ok(noise.clone())
    }

    /// `past`: up to four earlier steps, newest last; contiguous with this one where `past.last().mv.to == mv.from`.
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], model: &dyn Denoiser, noise: &Noise<'_>) -> Result<Step>;
}

/// All samplers.
pub const ENTRIES: &[&Entry<dyn Sampler>] = &[&ddpm::ENTRY, &ddim::ENTRY];

/// Builds the chosen sampler.
pub fn build(spec: &Spec) -> std::result::Result<Box<dyn Sampler>, SpecError> {
    spec::build("sampler", ENTRIES, spec)
}
