//! A part of the sample is measured as it is: singular values 0 and 1, singular vectors the axes.

use candle_core::{Device, Tensor};

use super::{Operator, Spectrum};
use crate::diffusion::Result;

/// Some numbers of a sample as they are, the others not at all.
pub struct Masked {
    known: Tensor,
    spectrum: Spectrum,
}

impl Masked {
    /// `known` says of each number of a sample whether it is measured; `shape` is that of a batch of one.
    pub fn new(known: &[bool], shape: Vec<usize>, device: &Device) -> Result<Self> {
        let flags: Vec<u8> = known.iter().map(|k| u8::from(*k)).collect();
        Ok(Self {
            known: Tensor::from_vec(flags, &*shape, device)?,
            spectrum: Spectrum::new(known.iter().map(|k| f64::from(u8::from(*k))).collect(), shape, device)?,
        })
    }
}

impl Operator for Masked {
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        x.broadcast_mul(&self.spectrum.seen)
    }

    fn adjoint(&self, y: &Tensor) -> Result<Tensor> {
        self.apply(y)
    }

    fn v_t(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }

    fn v(&self, c: &Tensor) -> Result<Tensor> {
        Ok(c.clone())
    }

    fn u_t(&self, y: &Tensor) -> Result<Tensor> {
        self.apply(y)
    }

    fn u(&self, c: &Tensor) -> Result<Tensor> {
        self.apply(c)
    }

    fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }

    fn known(&self) -> Option<&Tensor> {
        Some(&self.known)
    }
}
