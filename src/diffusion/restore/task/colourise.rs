//! Colourising: `H` takes the mean of the channels. One singular value of `1 / √channels` a pixel.

use std::sync::Arc;

use candle_core::Device;

use super::{CHANNELS, Task, mean, noise_param, picture, refused};
use crate::{
    diffusion::{
        Result,
        restore::{Operator, Separable},
    },
    math::{Domain, Entry},
};

/// A grey picture is known.
pub struct Colourise {
    /// Deviation of the noise in the grey picture.
    pub noise: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Task> = Entry {
    id: "colourise",
    label: "Colourising",
    help: "The mean of red, green and blue is known",
    source: "",
    params: &[noise_param(0.0)],
    build: |p| Ok(Box::new(Colourise { noise: p.real("noise") })),
};

impl Task for Colourise {
    fn operator(&self, domain: Domain, _fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>> {
        let [channels, ..] = picture(domain, "colourising")?;
        if channels == 1 {
            return Err(refused(
                "this model's pictures have no colours: choose another task, or a model of colour pictures".into(),
            ));
        }
        let factors = [(CHANNELS, mean(channels, channels))];
        Ok(Arc::new(Separable::new(&factors, domain.shape(1), device)?))
    }

    fn noise(&self) -> f64 {
        self.noise
    }
}
