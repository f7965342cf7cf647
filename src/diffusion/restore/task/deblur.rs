//! Deblurring: `H` blurs rows and columns by a Gaussian. Its singular values fall towards fine detail; those of a row or
//! column below three hundredths of the greatest count as nothing, as in DDRM's code, since `1 / s` would amplify nothing
//! but rounding.

use std::sync::Arc;

use candle_core::Device;

use super::{COLUMNS, ROWS, Task, noise_param, picture};
use crate::{
    diffusion::{
        Result,
        restore::{Operator, Separable},
    },
    math::{Domain, Entry, Param, svd::Svd},
};

/// Smallest singular value, as a share of the greatest.
const LEAST: f64 = 0.03;

/// A blurred picture is known.
pub struct Deblur {
    /// Standard deviation of the blur in pixels.
    pub width: f64,
    /// Deviation of the noise in the blurred picture.
    pub noise: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Task> = Entry {
    id: "deblur",
    label: "Deblurring",
    help: "A blurred picture is known",
    source: "",
    params: &[
        Param::real("width", 0.2, 16.0, 1.0, "Standard deviation of the blur in pixels"),
        noise_param(0.0),
    ],
    build: |p| {
        Ok(Box::new(Deblur {
            width: p.real("width"),
            noise: p.real("noise"),
        }))
    },
};

impl Task for Deblur {
    fn operator(&self, domain: Domain, _fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>> {
        let [_, height, width] = picture(domain, "deblurring")?;
        let factors = [(ROWS, self.blur(height)), (COLUMNS, self.blur(width))];
        Ok(Arc::new(Separable::new(&factors, domain.shape(1), device)?))
    }

    fn noise(&self) -> f64 {
        self.noise
    }
}

impl Deblur {
    /// Weighted means of neighbours; at the border of those that there are.
    fn blur(&self, n: usize) -> Svd {
        let weight = |i: usize, j: usize| (-0.5 * (i.abs_diff(j) as f64 / self.width).powi(2)).exp();
        let total: Vec<f64> = (0..n).map(|i| (0..n).map(|j| weight(i, j)).sum()).collect();
        Svd::new(n, n, |i, j| weight(i, j) / total[i], LEAST)
    }
}
