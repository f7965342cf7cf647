//! Passes over the columns (channels) of a matrix of pixels: sums, and the pointwise work around a norm.
//!
//! A matrix has one row per pixel; `stride` numbers lie from row to row, which is more than its columns where it is a
//! part of another. Sums run over blocks of pixels, so that rounding errors stay small.

#![expect(
    unsafe_code,
    reason = "registers are loaded through pointers; each function checks its bounds first"
)]

use super::{
    activation::{Curve, Gelu, Identity, Mish, Relu, Silu},
    simd::{Isa, Kernel, Simd},
};
use crate::nn::graph::Activation;

/// Pixels whose sums are kept in a register before they are added to the total.
const BLOCK: usize = 64;

/// Numbers that a matrix of `pixels` rows spans.
fn extent(pixels: usize, channels: usize, stride: usize) -> usize {
    pixels.saturating_sub(1) * stride + channels
}

/// The numbers of a vector from `c` on.
///
/// # Safety
/// It has `c + min(n, LANES)` numbers.
#[inline(always)]
unsafe fn load<S: Simd>(s: S, v: &[f32], c: usize, n: usize) -> S::V {
    // SAFETY: as promised by the caller.
    unsafe { s.load_n(v.as_ptr().add(c), n) }
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

    /// What belongs to the channels from `c` on.
    ///
    /// # Safety
    /// All three slices have `c + min(n, LANES)` numbers.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, s: S, c: usize, n: usize) -> AffineAt<S> {
        // SAFETY: as promised by the caller.
        unsafe {
            AffineAt {
                centre: load(s, self.centre, c, n),
                factor: load(s, self.factor, c, n),
                offset: load(s, self.offset, c, n),
            }
        }
    }
}

/// A kernel that is compiled for each activation, with and without an affine part.
trait ActKernel {
    fn run_with<S: Simd, F: Curve, const AFFINE: bool>(self, s: S);
}

/// Chooses the code for the activation and the affine part.
#[inline(always)]
fn with_act<S: Simd>(s: S, act: Option<Activation>, is_affine: bool, kernel: impl ActKernel) {
    if is_affine {
        with_curve::<S, true>(s, act, kernel);
    } else {
        with_curve::<S, false>(s, act, kernel);
    }
}

#[inline(always)]
fn with_curve<S: Simd, const AFFINE: bool>(s: S, act: Option<Activation>, kernel: impl ActKernel) {
    match act {
        None => kernel.run_with::<S, Identity, AFFINE>(s),
        Some(Activation::Silu) => kernel.run_with::<S, Silu, AFFINE>(s),
        Some(Activation::Relu) => kernel.run_with::<S, Relu, AFFINE>(s),
        Some(Activation::Gelu) => kernel.run_with::<S, Gelu, AFFINE>(s),
        Some(Activation::Mish) => kernel.run_with::<S, Mish, AFFINE>(s),
    }
}

/// Pixels of a block of a pass: what belongs to a channel stays in registers while they pass by. Where nothing does, one
/// row after the other is in the order of memory.
const fn block(is_affine: bool) -> usize {
    if is_affine { BLOCK } else { 1 }
}

/// [`Affine`] for a register of channels.
#[derive(Clone, Copy)]
struct AffineAt<S: Simd> {
    centre: S::V,
    factor: S::V,
    offset: S::V,
}

impl<S: Simd> AffineAt<S> {
    /// The map that changes nothing, or what belongs to the channels from `c` on.
    ///
    /// # Safety
    /// As for [`Affine::at`].
    #[inline(always)]
    unsafe fn of(s: S, affine: Option<&Affine<'_>>, c: usize, n: usize) -> Self {
        match affine {
            // SAFETY: as promised by the caller.
            Some(affine) => unsafe { affine.at(s, c, n) },
            None => Self {
                centre: s.splat(0.0),
                factor: s.splat(1.0),
                offset: s.splat(0.0),
            },
        }
    }

    #[inline(always)]
    fn apply<const AFFINE: bool>(&self, s: S, x: S::V) -> S::V {
        if AFFINE {
            s.fma(s.sub(x, self.centre), self.factor, self.offset)
        } else {
            x
        }
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
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: columns c..c + min(n, LANES) of the block's rows lie in it, and so do those of the vectors, as
                // `add_sums` checked.
                unsafe {
                    let total = match centre {
                        Some(centre) => column_sum::<S, true>(s, block, channels, c, load(s, centre, c, n)),
                        None => column_sum::<S, false>(s, block, channels, c, s.splat(0.0)),
                    };
                    let sum = totals.as_mut_ptr().add(c);
                    s.store_n(sum, s.add(s.load_n(sum, n), total), n);
                }
            }
        }
    }
}

/// The sums of the columns from `c` on, or, where `CENTRED`, of their squared distances from `middle`.
///
/// # Safety
/// `c < channels`, and `x` has rows of `channels` numbers.
#[inline(always)]
unsafe fn column_sum<S: Simd, const CENTRED: bool>(s: S, x: &[f32], channels: usize, c: usize, middle: S::V) -> S::V {
    let n = channels - c;
    let mut parts = [s.splat(0.0); 4];
    macro_rules! add {
        ($part:literal, $row:expr) => {
            // SAFETY: the row is one of `x`, and `c` within it, as promised by the caller.
            let v = unsafe { s.load_n($row.add(c), n) };
            parts[$part] = if CENTRED {
                let away = s.sub(v, middle);
                s.fma(away, away, parts[$part])
            } else {
                s.add(parts[$part], v)
            };
        };
    }
    // Four sums at a time: an addition takes as long as four loads.
    let fours = x.chunks_exact(4 * channels);
    for row in fours.remainder().chunks_exact(channels) {
        add!(0, row.as_ptr());
    }
    for rows in fours {
        let p = rows.as_ptr();
        add!(0, p);
        add!(1, p.add(channels));
        add!(2, p.add(2 * channels));
        add!(3, p.add(3 * channels));
    }
    s.add(s.add(parts[0], parts[1]), s.add(parts[2], parts[3]))
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
        with_act(s, self.all.act, self.all.affine.is_some(), self);
    }
}

impl ActKernel for Transforming<'_> {
    #[inline(always)]
    fn run_with<S: Simd, F: Curve, const AFFINE: bool>(self, s: S) {
        let Transform {
            x,
            channels,
            affine,
            stride,
            ..
        } = self.all;
        let pixels = x.len() / channels;
        for first in (0..pixels).step_by(block(AFFINE)) {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: `Transform::run` checked both matrices; the vectors have `channels` numbers.
                unsafe {
                    let affine = AffineAt::of(s, affine.as_ref(), c, n);
                    for p in first..pixels.min(first + block(AFFINE)) {
                        let v = s.load_n(x.as_ptr().add(p * channels + c), n);
                        let v = F::value(s, affine.apply::<AFFINE>(s, v));
                        s.store_n(self.to.as_mut_ptr().add(p * stride + c), v, n);
                    }
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
    fn run<S: Simd>(self, s: S) {
        with_act(s, self.all.act, self.all.affine.is_some(), self);
    }
}

impl ActKernel for Unwinding<'_> {
    #[inline(always)]
    fn run_with<S: Simd, F: Curve, const AFFINE: bool>(mut self, s: S) {
        let Unwind {
            x,
            channels,
            affine,
            stride,
            ..
        } = self.all;
        let pixels = x.len() / channels;
        for sums in self.sums.iter_mut().flatten() {
            sums.fill(0.0);
        }
        for first in (0..pixels).step_by(block(AFFINE)) {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let mut totals = [s.splat(0.0); 2];
                // SAFETY: `Unwind::run` checked both matrices; the vectors have `channels` numbers.
                unsafe {
                    let affine = AffineAt::of(s, affine.as_ref(), c, n);
                    for p in first..pixels.min(first + block(AFFINE)) {
                        let x = s.load_n(x.as_ptr().add(p * channels + c), n);
                        let at = self.d.as_mut_ptr().add(p * stride + c);
                        let g = s.mul(s.load_n(at, n), F::slope(s, affine.apply::<AFFINE>(s, x)));
                        s.store_n(at, g, n);
                        totals[0] = s.add(totals[0], g);
                        totals[1] = s.fma(g, s.sub(x, affine.centre), totals[1]);
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

/// The way back through `y = f(x)` where `y` is needed again: `d`, the gradient of `y`, becomes that of `x`, and `to`
/// becomes `y`, all in one pass.
pub(super) struct Retrace<'a> {
    pub(super) x: &'a [f32],
    pub(super) channels: usize,
    pub(super) act: Option<Activation>,
    /// Numbers from row to row of `d` and of `to`.
    pub(super) strides: [usize; 2],
}

impl Retrace<'_> {
    /// Computes both.
    pub(super) fn run(self, isa: Isa, d: &mut [f32], to: &mut [f32]) {
        let pixels = self.x.len() / self.channels;
        let fits = |len: usize, stride: usize| extent(pixels, self.channels, stride) <= len || pixels == 0;
        assert!(
            fits(d.len(), self.strides[0]) && fits(to.len(), self.strides[1]),
            "as many gradients and results as values"
        );
        isa.run(Retracing { all: self, d, to });
    }
}

struct Retracing<'a> {
    all: Retrace<'a>,
    d: &'a mut [f32],
    to: &'a mut [f32],
}

impl Kernel for Retracing<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_curve::<S, false>(s, self.all.act, self);
    }
}

impl ActKernel for Retracing<'_> {
    #[inline(always)]
    fn run_with<S: Simd, F: Curve, const AFFINE: bool>(self, s: S) {
        let Retrace {
            x, channels, strides, ..
        } = self.all;
        for p in 0..x.len() / channels {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: `Retrace::run` checked all three matrices.
                unsafe {
                    let [y, slope] = F::both(s, s.load_n(x.as_ptr().add(p * channels + c), n));
                    s.store_n(self.to.as_mut_ptr().add(p * strides[1] + c), y, n);
                    let d = self.d.as_mut_ptr().add(p * strides[0] + c);
                    s.store_n(d, s.mul(s.load_n(d, n), slope), n);
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
        let pixels = x.len() / channels;
        for first in (0..pixels).step_by(BLOCK) {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                // SAFETY: `NormBack::run` checked the matrices and the vectors.
                unsafe {
                    let [centre, factor, lean, drift] = [
                        load(s, centre, c, n),
                        load(s, factor, c, n),
                        load(s, lean, c, n),
                        load(s, drift, c, n),
                    ];
                    for p in first..pixels.min(first + BLOCK) {
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
