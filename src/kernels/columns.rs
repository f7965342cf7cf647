//! Passes over the columns (channels) of a matrix of pixels: sums, and the pointwise work around a norm.
//!
//! A matrix has one row per pixel; `stride` numbers lie from row to row, which is more than its columns where it is a
//! part of another. Sums run over blocks of pixels, so that rounding errors stay small.

#![expect(
    unsafe_code,
    reason = "registers are loaded through pointers; each function checks its bounds first"
)]

use super::{
    activation,
    simd::{Isa, Kernel, Simd},
};
use crate::nn::graph::Activation;

/// Pixels whose sums are kept in a register before they are added to the total.
const BLOCK: usize = 64;

/// Numbers that a matrix of `pixels` rows spans.
fn extent(pixels: usize, channels: usize, stride: usize) -> usize {
    pixels.saturating_sub(1) * stride + channels
}

/// Per channel: `y = f((x - centre) * factor + offset)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine<'a> {
    pub(super) centre: &'a [f32],
    pub(super) factor: &'a [f32],
    pub(super) offset: &'a [f32],
}

impl<'a> Affine<'a> {
    /// From three vectors of `all` channels behind each other, the `channels` from `first` on.
    pub(super) fn of(coefficients: &'a [f32], all: usize, first: usize, channels: usize) -> Self {
        let part = |i: usize| &coefficients[i * all + first..][..channels];
        Self {
            centre: part(0),
            factor: part(1),
            offset: part(2),
        }
    }

    /// The values that registers of `n` lanes from channel `c` on take.
    ///
    /// # Safety
    /// All three slices have `c + min(n, LANES)` numbers.
    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, s: S, x: S::V, c: usize, n: usize) -> S::V {
        // SAFETY: as promised by the caller.
        let [centre, factor, offset] =
            [self.centre, self.factor, self.offset].map(|v| unsafe { s.load_n(v.as_ptr().add(c), n) });
        s.fma(s.sub(x, centre), factor, offset)
    }
}

/// Adds to `sums` each column's sum of `x`, or of `(x - centre)²`.
pub(super) fn add_sums(isa: Isa, x: &[f32], channels: usize, centre: Option<&[f32]>, sums: &mut [f32]) {
    assert!(
        sums.len() == channels && x.len().is_multiple_of(channels),
        "rows of as many columns as there are sums"
    );
    assert!(centre.is_none_or(|c| c.len() == channels), "one centre per column");
    isa.run(Sums {
        x,
        channels,
        centre,
        totals: sums,
    });
}

struct Sums<'a> {
    x: &'a [f32],
    channels: usize,
    centre: Option<&'a [f32]>,
    totals: &'a mut [f32],
}

impl Kernel for Sums<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            x,
            channels,
            centre,
            totals,
        } = self;
        for block in x.chunks(BLOCK * channels) {
            let pixels = block.len() / channels;
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: columns c..c + min(n, LANES) of `pixels` rows lie in the block, and so do those of the
                // vectors, as `add_sums` checked.
                unsafe {
                    let middle = centre.map(|m| s.load_n(m.as_ptr().add(c), n));
                    let mut parts = [s.splat(0.0); 4];
                    for p in 0..pixels {
                        let v = s.load_n(block.as_ptr().add(p * channels + c), n);
                        let part = &mut parts[p % 4];
                        *part = match middle {
                            None => s.add(*part, v),
                            Some(m) => s.fma(s.sub(v, m), s.sub(v, m), *part),
                        };
                    }
                    let total = s.add(s.add(parts[0], parts[1]), s.add(parts[2], parts[3]));
                    let sum = totals.as_mut_ptr().add(c);
                    s.store_n(sum, s.add(s.load_n(sum, n), total), n);
                }
            }
        }
    }
}

/// `to = f(affine(x))` for `pixels` rows; `x` has `channels` columns, `to` has `stride` numbers from row to row.
pub(super) struct Transform<'a> {
    pub(super) x: &'a [f32],
    pub(super) channels: usize,
    pub(super) affine: Option<Affine<'a>>,
    pub(super) act: Option<Activation>,
    pub(super) stride: usize,
}

impl Transform<'_> {
    /// Computes it.
    pub(super) fn run(self, isa: Isa, to: &mut [f32]) {
        let pixels = self.x.len() / self.channels;
        assert!(
            extent(pixels, self.channels, self.stride) <= to.len() || pixels == 0,
            "the result has room"
        );
        if self.affine.is_none() && self.act.is_none() {
            for (row, out) in self.x.chunks_exact(self.channels).zip(to.chunks_mut(self.stride)) {
                out[..self.channels].copy_from_slice(row);
            }
        } else {
            isa.run(Transforming { all: self, to });
        }
    }
}

struct Transforming<'a> {
    all: Transform<'a>,
    to: &'a mut [f32],
}

impl Kernel for Transforming<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Transform {
            x,
            channels,
            affine,
            act,
            stride,
        } = self.all;
        for p in 0..x.len() / channels {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: `Transform::run` checked both matrices; the vectors have `channels` numbers.
                unsafe {
                    let mut v = s.load_n(x.as_ptr().add(p * channels + c), n);
                    if let Some(affine) = &affine {
                        v = affine.apply(s, v, c, n);
                    }
                    if let Some(f) = act {
                        v = activation::value(s, f, v);
                    }
                    s.store_n(self.to.as_mut_ptr().add(p * stride + c), v, n);
                }
            }
        }
    }
}

/// The first half of the way back through `y = f(affine(x))`: `d`, the gradient of `y`, becomes that of `affine(x)`.
pub(super) struct Unwind<'a> {
    pub(super) x: &'a [f32],
    pub(super) channels: usize,
    pub(super) affine: Option<Affine<'a>>,
    pub(super) act: Option<Activation>,
    /// Numbers from row to row of `d`.
    pub(super) stride: usize,
}

impl Unwind<'_> {
    /// With an affine part, `sums` receives each channel's sum of the new `d` and of `d * (x - centre)`.
    pub(super) fn run(self, isa: Isa, d: &mut [f32], sums: Option<[&mut [f32]; 2]>) {
        let pixels = self.x.len() / self.channels;
        assert!(
            extent(pixels, self.channels, self.stride) <= d.len() || pixels == 0,
            "as many gradients as values"
        );
        let fits = |sums: &[&mut [f32]; 2]| sums.iter().all(|v| v.len() == self.channels);
        assert!(
            sums.as_ref().is_none_or(fits) && sums.is_some() == self.affine.is_some(),
            "two sums per channel"
        );
        isa.run(Unwinding { all: self, d, sums });
    }
}

struct Unwinding<'a> {
    all: Unwind<'a>,
    d: &'a mut [f32],
    sums: Option<[&'a mut [f32]; 2]>,
}

impl Kernel for Unwinding<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Unwind {
            x,
            channels,
            affine,
            act,
            stride,
        } = self.all;
        let pixels = x.len() / channels;
        for sums in self.sums.iter_mut().flatten() {
            sums.fill(0.0);
        }
        for first in (0..pixels).step_by(BLOCK) {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let mut totals = [s.splat(0.0); 2];
                for p in first..pixels.min(first + BLOCK) {
                    // SAFETY: `Unwind::run` checked both matrices; the vectors have `channels` numbers.
                    unsafe {
                        let x = s.load_n(x.as_ptr().add(p * channels + c), n);
                        let at = self.d.as_mut_ptr().add(p * stride + c);
                        let mut g = s.load_n(at, n);
                        let u = affine.as_ref().map_or(x, |affine| affine.apply(s, x, c, n));
                        if let Some(f) = act {
                            g = s.mul(g, activation::slope(s, f, u));
                            s.store_n(at, g, n);
                        }
                        if let Some(affine) = &affine {
                            let centre = s.load_n(affine.centre.as_ptr().add(c), n);
                            totals[0] = s.add(totals[0], g);
                            totals[1] = s.fma(g, s.sub(x, centre), totals[1]);
                        }
                    }
                }
                for (sums, total) in self.sums.iter_mut().flatten().zip(totals) {
                    // SAFETY: each holds `channels` sums.
                    unsafe {
                        let sum = sums.as_mut_ptr().add(c);
                        s.store_n(sum, s.add(s.load_n(sum, n), total), n);
                    }
                }
            }
        }
    }
}

/// The second half of the way back through a norm: `dx = d * factor - (x - centre) * lean - drift`, vectors per channel.
pub(super) struct NormBack<'a> {
    pub(super) x: &'a [f32],
    pub(super) channels: usize,
    pub(super) d: &'a [f32],
    /// Numbers from row to row of `d`.
    pub(super) stride: usize,
    pub(super) centre: &'a [f32],
    pub(super) factor: &'a [f32],
    pub(super) lean: &'a [f32],
    pub(super) drift: &'a [f32],
}

impl NormBack<'_> {
    /// Writes or adds to `dx`, which lies as `x` does.
    pub(super) fn run(self, isa: Isa, dx: &mut [f32], add: bool) {
        let (pixels, channels) = (self.x.len() / self.channels, self.channels);
        assert!(
            self.x.len() == dx.len() && extent(pixels, channels, self.stride) <= self.d.len(),
            "equal matrices"
        );
        let vectors = [self.centre, self.factor, self.lean, self.drift];
        assert!(vectors.iter().all(|v| v.len() == channels), "one number per channel");
        isa.run(NormBacking { all: self, dx, add });
    }
}

struct NormBacking<'a> {
    all: NormBack<'a>,
    dx: &'a mut [f32],
    add: bool,
}

impl Kernel for NormBacking<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let NormBack {
            x,
            channels,
            d,
            stride,
            centre,
            factor,
            lean,
            drift,
        } = self.all;
        for p in 0..x.len() / channels {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: `NormBack::run` checked the matrices and the vectors.
                unsafe {
                    let [centre, factor, lean, drift] =
                        [centre, factor, lean, drift].map(|v| s.load_n(v.as_ptr().add(c), n));
                    let x = s.load_n(x.as_ptr().add(p * channels + c), n);
                    let g = s.load_n(d.as_ptr().add(p * stride + c), n);
                    let at = self.dx.as_mut_ptr().add(p * channels + c);
                    let away = s.fma(s.sub(x, centre), lean, drift);
                    let mut v = s.sub(s.mul(g, factor), away);
                    if self.add {
                        v = s.add(v, s.load_n(at, n));
                    }
                    s.store_n(at, v, n);
                }
            }
        }
    }
}

/// Writes or adds the rows of `x`, `stride` numbers apart, to those of `to`, which has `channels` columns.
pub(super) fn put_rows(x: &[f32], stride: usize, to: &mut [f32], channels: usize, add: bool) {
    for (row, out) in x.chunks(stride).zip(to.chunks_exact_mut(channels)) {
        if add {
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x);
        } else {
            out.copy_from_slice(&row[..channels]);
        }
    }
}
