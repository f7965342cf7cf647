//! Fresh noise of one move.

use std::cell::Cell;

use candle_core::Tensor;

use crate::{diffusion::Result, math::noise::NoiseSource};

/// The noise of one move; every call of [`Noise::like`] is the next draw.
pub struct Noise<'a> {
    source: &'a dyn NoiseSource,
    first_sample: u64,
    mv: u64,
    draw: Cell<u64>,
}

impl<'a> Noise<'a> {
    /// The noise of move `mv` for the samples `first_sample..`.
    pub fn new(source: &'a dyn NoiseSource, first_sample: u64, mv: u64) -> Self {
        Self {
            source,
            first_sample,
            mv,
            draw: Cell::new(0),
        }
    }

    /// Standard normal noise of the shape of `x`; sample i is the same whatever the batch.
    pub fn like(&self, x: &Tensor) -> Result<Tensor> {
        let batch = x.dim(0)?;
        let mut values = vec![0.0; x.elem_count()];
        let draw = self.draw.replace(self.draw.get() + 1);
        for (sample, out) in (self.first_sample..).zip(values.chunks_exact_mut((x.elem_count() / batch.max(1)).max(1)))
        {
            self.source.normals(sample, self.mv, draw, out);
        }
        Tensor::from_vec(values, x.shape(), x.device())?.to_dtype(x.dtype())
    }
}
