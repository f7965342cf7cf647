//! Denoising: `H` is the identity; there is nothing but the noise to undo.

use std::sync::Arc;

use candle_core::Device;

use super::{Task, noise_param};
use crate::{
    diffusion::{
        Result,
        restore::{Operator, Separable},
    },
    math::{Domain, Entry},
};

/// The whole sample is known, with noise.
pub struct Denoise {
    /// Deviation of the noise.
    pub noise: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Task> = Entry {
    id: "denoise",
    label: "Denoising",
    help: "Everything is known, but noisy",
    source: "",
    params: &[noise_param(0.5)],
    build: |p| Ok(Box::new(Denoise { noise: p.real("noise") })),
};

impl Task for Denoise {
    fn operator(&self, domain: Domain, _fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>> {
        Ok(Arc::new(Separable::new(&[], domain.shape(1), device)?))
    }

    fn noise(&self) -> f64 {
        self.noise
    }
}
