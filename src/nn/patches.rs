//! Patches of pictures as the columns of a matrix (im2col), with their backward pass.
//!
//! On the CPU a convolution is one matrix product with this matrix. candle's own convolution finds the gradient of its
//! input by a transposed convolution, which on the CPU takes more than ten times as long as the rest of a training step.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Which pixels go into a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patches {
    /// Height and width of a patch.
    pub(super) k: usize,
    /// Pixels from one patch to the next.
    pub(super) stride: usize,
    /// Zeros around the picture: top, left, bottom, right.
    pub(super) pad: [usize; 4],
}

/// Height and width of pictures.
type Size = (usize, usize);

/// A row of pixels that one place in the patches reads.
struct Run {
    /// Place within the patch, `0..k * k`.
    tap: usize,
    /// First patch of the row, counted over all pictures.
    patch: usize,
    /// The patches of the row whose pixel lies inside the picture.
    inside: Range<usize>,
    /// Index of the pixel that the first of these reads, counted over all pictures.
    pixel: usize,
}

impl Patches {
    /// Patches per column and row.
    pub(super) fn count(self, (h, w): Size) -> Size {
        let [top, left, bottom, right] = self.pad;
        let count = |padded: usize| (padded - self.k) / self.stride + 1;
        (count(h + top + bottom), count(w + left + right))
    }

    /// `(C, B, H, W)` to `(C * k * k, B * patches)`.
    pub(super) fn columns(self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1(self)
    }

    /// Visits all rows of `batch` pictures.
    fn runs(self, batch: usize, (h, w): Size, mut visit: impl FnMut(Run)) {
        let Self {
            k,
            stride,
            pad: [top, left, ..],
        } = self;
        let (rows, cols) = self.count((h, w));
        for tap in 0..k * k {
            let (ky, kx) = (tap / k, tap % k);
            let start = left.saturating_sub(kx).div_ceil(stride).min(cols);
            let end = (w + left).saturating_sub(kx).div_ceil(stride).clamp(start, cols);
            for (picture, row) in (0..batch).flat_map(|b| (0..rows).map(move |row| (b, row))) {
                let y = (row * stride + ky).checked_sub(top).filter(|y| *y < h);
                let inside = if y.is_some() { start..end } else { 0..0 };
                let x = (inside.start * stride + kx).saturating_sub(left);
                visit(Run {
                    tap,
                    patch: (picture * rows + row) * cols,
                    inside,
                    pixel: (picture * h + y.unwrap_or(0)) * w + x,
                });
            }
        }
    }

    /// The pixels of one channel into its rows of the matrix, which are zero so far.
    fn gather(self, pixels: &[f32], rows: &mut [f32], batch: usize, size: Size) {
        let patches = rows.len() / (self.k * self.k);
        self.runs(batch, size, |run| {
            let to = &mut rows[run.tap * patches + run.patch..][run.inside];
            if self.stride == 1 {
                to.copy_from_slice(&pixels[run.pixel..][..to.len()]);
                return;
            }
            let from = pixels[run.pixel..].iter().step_by(self.stride);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        });
    }

    /// The adjoint: adds the rows of one channel to its pixels.
    fn scatter(self, rows: &[f32], pixels: &mut [f32], batch: usize, size: Size) {
        let patches = rows.len() / (self.k * self.k);
        self.runs(batch, size, |run| {
            let from = &rows[run.tap * patches + run.patch..][run.inside];
            let to = pixels[run.pixel..].chunks_mut(self.stride);
            to.zip(from).for_each(|(to, from)| to[0] += *from);
        });
    }
}

impl CustomOp1 for Patches {
    fn name(&self) -> &'static str {
        "patches"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (channels, batch, h, w) = layout.shape().dims4()?;
        let (rows, cols) = self.count((h, w));
        let (height, patches) = (self.k * self.k, batch * rows * cols);
        let pixels = slice(storage, layout)?;
        let mut columns = vec![0.0; channels * height * patches];
        columns
            .par_chunks_mut(height * patches)
            .zip(pixels.par_chunks(batch * h * w))
            .for_each(|(rows, pixels)| self.gather(pixels, rows, batch, (h, w)));
        Ok((CpuStorage::F32(columns), (channels * height, patches).into()))
    }

    fn bwd(&self, x: &Tensor, _columns: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let fold = Fold {
            patches: *self,
            shape: x.dims4()?,
        };
        grad.contiguous()?.apply_op1_no_bwd(&fold).map(Some)
    }
}

/// The backward pass of [`Patches`]: every pixel gets the sum over the patches it is part of.
struct Fold {
    patches: Patches,
    shape: (usize, usize, usize, usize),
}

impl CustomOp1 for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (channels, batch, h, w) = self.shape;
        let columns = slice(storage, layout)?;
        let mut pixels = vec![0.0; channels * batch * h * w];
        pixels
            .par_chunks_mut(batch * h * w)
            .zip(columns.par_chunks(columns.len() / channels))
            .for_each(|(pixels, rows)| self.patches.scatter(rows, pixels, batch, (h, w)));
        Ok((CpuStorage::F32(pixels), self.shape.into()))
    }
}

/// The numbers of a contiguous float32 tensor.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => Err(Error::Msg("patches are cut from contiguous tensors".into())),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn ramp(n: usize, factor: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * factor).sin()).collect()
    }

    /// All shapes of the U-Net and some odd ones.
    const CASES: [(Patches, Size); 6] = [
        (
            Patches {
                k: 3,
                stride: 1,
                pad: [1; 4],
            },
            (4, 5),
        ),
        (
            Patches {
                k: 3,
                stride: 2,
                pad: [1; 4],
            },
            (6, 4),
        ),
        (
            Patches {
                k: 3,
                stride: 2,
                pad: [0, 0, 1, 1],
            },
            (4, 6),
        ),
        (
            Patches {
                k: 1,
                stride: 2,
                pad: [0; 4],
            },
            (5, 3),
        ),
        (
            Patches {
                k: 3,
                stride: 1,
                pad: [1; 4],
            },
            (1, 1),
        ),
        (
            Patches {
                k: 2,
                stride: 2,
                pad: [2, 3, 0, 1],
            },
            (3, 2),
        ),
    ];

    #[test]
    fn every_entry_is_the_pixel_of_the_definition() {
        for (patches, (h, w)) in CASES {
            let (channels, batch) = (2, 3);
            let pixels = ramp(channels * batch * h * w, 1.3);
            let x = Tensor::from_slice(&pixels, (channels, batch, h, w), &Device::Cpu).unwrap();
            let found = patches.columns(&x).unwrap().to_vec2::<f32>().unwrap();
            let (rows, cols) = patches.count((h, w));
            for (r, c) in (0..found.len()).flat_map(|r| (0..found[0].len()).map(move |c| (r, c))) {
                let (channel, ky, kx) = (r / patches.k.pow(2), r / patches.k % patches.k, r % patches.k);
                let (picture, row, col) = (c / (rows * cols), c / cols % rows, c % cols);
                let y = (row * patches.stride + ky) as isize - patches.pad[0] as isize;
                let x = (col * patches.stride + kx) as isize - patches.pad[1] as isize;
                let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
                let index = ((channel * batch + picture) * h) as isize * w as isize + y * w as isize + x;
                let expected = if inside { pixels[index as usize] } else { 0.0 };
                assert_eq!(found[r][c], expected, "{patches:?} at {r}, {c}");
            }
        }
    }

    #[test]
    fn the_backward_pass_is_the_adjoint() {
        for (patches, (h, w)) in CASES {
            let x = Tensor::from_vec(ramp(6 * h * w, 1.3), (2, 3, h, w), &Device::Cpu).unwrap();
            let columns = patches.columns(&x).unwrap();
            let y = Tensor::from_vec(ramp(columns.elem_count(), 0.7), columns.shape(), &Device::Cpu).unwrap();
            let folded = patches.bwd(&x, &columns, &y).unwrap().unwrap();
            let dot = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            let (left, right) = (dot(&columns, &y), dot(&x, &folded));
            assert!((left - right).abs() < 1e-4, "{patches:?}: {left} {right}");
        }
    }
}
