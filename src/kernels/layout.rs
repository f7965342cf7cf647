//! Between tensors `(B, C, H, W)` and the plan's values `(B, H, W, C)`.

use candle_core::{CpuStorage, Error, Result, Storage, Tensor};
use rayon::prelude::*;

use crate::nn::Shape;

/// Lends the numbers of a float32 tensor on the CPU; copies only those that are not contiguous.
pub(super) fn with_numbers<R>(x: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    let (Storage::Cpu(CpuStorage::F32(numbers)), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else {
        return Err(Error::Msg("the compiled plan takes float32 tensors on the CPU".into()));
    };
    Ok(f(&numbers[start..end]))
}

/// Samples of `shape` from channels first to channels last.
pub(super) fn channels_last(shape: Shape, x: &[f32], to: &mut [f32]) {
    let (c, pixels) = (shape.channels(), shape.pixels());
    swap_axes([c, pixels], x, to);
}

/// Samples of `shape` from channels last to channels first.
pub(super) fn channels_first(shape: Shape, x: &[f32]) -> Vec<f32> {
    let mut to = vec![0.0; x.len()];
    swap_axes([shape.pixels(), shape.channels()], x, &mut to);
    to
}

/// `(B, rows, cols)` to `(B, cols, rows)`.
fn swap_axes([rows, cols]: [usize; 2], x: &[f32], to: &mut [f32]) {
    let len = rows * cols;
    to.par_chunks_exact_mut(len)
        .zip(x.par_chunks_exact(len))
        .for_each(|(to, x)| {
            for (j, row) in to.chunks_exact_mut(rows).enumerate() {
                for (i, to) in row.iter_mut().enumerate() {
                    *to = x[i * cols + j];
                }
            }
        });
}
