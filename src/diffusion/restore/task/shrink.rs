//! Super-resolution: `H` takes the mean of each block of pixels. One singular value of `1 / side` a block.

use std::sync::Arc;

use candle_core::Device;

use super::{COLUMNS, ROWS, Task, mean, noise_param, picture, refused};
use crate::{
    diffusion::{
        Result,
        restore::{Operator, Separable},
    },
    math::{Domain, Entry},
};

/// A smaller picture is known.
pub struct Shrink {
    /// Pixels along the side of a block.
    pub side: usize,
    /// Deviation of the noise in the smaller picture.
    pub noise: f64,
}

/// Registry entry.
pub const ENTRY_2: Entry<dyn Task> = Entry {
    id: "sr2",
    label: "Super-resolution 2×",
    help: "The mean of each block of 2 × 2 pixels is known",
    source: "",
    params: &[noise_param(0.0)],
    build: |p| {
        Ok(Box::new(Shrink {
            side: 2,
            noise: p.real("noise"),
        }))
    },
};

/// Registry entry.
pub const ENTRY_4: Entry<dyn Task> = Entry {
    id: "sr4",
    label: "Super-resolution 4×",
    help: "The mean of each block of 4 × 4 pixels is known",
    source: "",
    params: &[noise_param(0.0)],
    build: |p| {
        Ok(Box::new(Shrink {
            side: 4,
            noise: p.real("noise"),
        }))
    },
};

impl Task for Shrink {
    fn operator(&self, domain: Domain, _fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>> {
        let [_, height, width] = picture(domain, "super-resolution")?;
        let side = self.side;
        if !height.is_multiple_of(side) || !width.is_multiple_of(side) {
            return Err(refused(format!(
                "blocks of {side} × {side} pixels do not divide this model's pictures of {width} × {height}: choose another task"
            )));
        }
        let factors = [(ROWS, mean(height, side)), (COLUMNS, mean(width, side))];
        Ok(Arc::new(Separable::new(&factors, domain.shape(1), device)?))
    }

    fn noise(&self) -> f64 {
        self.noise
    }
}
