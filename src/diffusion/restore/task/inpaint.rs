//! Inpainting: `H` keeps the known numbers of a sample. Its singular values are 0 and 1.

use std::sync::Arc;

use candle_core::Device;

use super::{Task, noise_param, refused};
use crate::{
    diffusion::{
        Result,
        restore::{Masked, Operator},
    },
    math::{Domain, Entry},
};

/// The unmasked pixels are known.
pub struct Inpaint {
    /// Deviation of the noise in them.
    pub noise: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Task> = Entry {
    id: "inpaint",
    label: "Inpainting",
    help: "The masked part is unknown",
    source: "",
    params: &[noise_param(0.0)],
    build: |p| Ok(Box::new(Inpaint { noise: p.real("noise") })),
};

impl Task for Inpaint {
    fn operator(&self, domain: Domain, fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>> {
        let fill = fill.ok_or_else(|| refused("inpainting needs a mask that says what is to be filled".into()))?;
        let (numel, places) = (domain.numel(), places(domain));
        if fill.len() != places {
            return Err(refused(format!(
                "the mask has {} places, but a sample of this model has {places}",
                fill.len()
            )));
        }
        let known: Vec<bool> = (0..numel).map(|i| fill[i % places] < 0.5).collect();
        Ok(Arc::new(Masked::new(&known, domain.shape(1), device)?))
    }

    fn noise(&self) -> f64 {
        self.noise
    }
}

/// How many places a mask has: pixels, or the two coordinates of a point.
pub fn places(domain: Domain) -> usize {
    match domain {
        Domain::Points => 2,
        Domain::Image { height, width, .. } => height * width,
    }
}
