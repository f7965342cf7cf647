//! Convolutions of any size: each tap row of the filter is one stretch of a picture with its borders filled in, so that
//! the matrix product reads pixels where they lie.

#![expect(unsafe_code, reason = "tasks write the results of their own rows and samples")]

use std::ops::Range;

use rayon::prelude::*;

use super::{Back, Geometry, Layer};
use crate::kernels::{
    columns,
    matmul::{Lhs, MatMul, Plus, Rhs, Size},
    pack::{Source, pack_panels},
    step::Run,
    view::Window,
};

/// Results that one task computes, about.
const BAND: usize = 512;

/// Pixels whose products are added to the weight gradient at once: they stay in the first cache.
const STRIP: usize = 128;

impl Geometry {
    /// Rows of results in a task.
    fn band(&self) -> usize {
        BAND.div_ceil(self.out_width).min(self.out_height)
    }

    /// Columns of input that a row of results reads.
    fn reach(&self, outputs: usize) -> usize {
        (outputs - 1) * self.stride + self.k
    }

    /// Rows and columns of the gradient with its borders, spread out by the stride, that the way back reads.
    fn spread(&self) -> [usize; 2] {
        [
            self.height + self.pad[0] + self.k - 1,
            self.width + self.pad[1] + self.k - 1,
        ]
    }
}

impl Layer {
    pub(super) fn spatial_scratch(&self) -> usize {
        let g = &self.geometry;
        let whole = g.reach(g.out_height) * g.reach(g.out_width) * g.c_in;
        let [rows, cols] = g.spread();
        whole + rows * cols * g.c_out + g.in_pixels() * g.c_in + 2 * g.c_in + g.c_out
    }

    /// Weights for the forward pass: rows (ky, kx, in), columns out.
    pub(super) fn pack(&self, run: &Run<'_>) {
        let g = &self.geometry;
        let weights = &run.params[self.weight..self.weight + g.weights()];
        let packed = run.whole(self.packed);
        let from = Source {
            data: weights,
            start: |i| i * g.c_out,
            step: 1,
        };
        pack_panels(run.isa, packed, g.fan_in(), g.c_out, &from);
    }

    /// Weights for the way back: rows (ky, kx, out) with the taps in reverse order, columns in.
    pub(super) fn pack_back(&self, run: &Run<'_>, back: &Back) {
        let g = &self.geometry;
        let weights = &run.params[self.weight..self.weight + g.weights()];
        let packed = run.whole(back.packed);
        let taps = g.k * g.k;
        let from = Source {
            data: weights,
            start: |i| {
                let (tap, out) = (taps - 1 - i / g.c_out, i % g.c_out);
                tap * g.c_in * g.c_out + out
            },
            step: g.c_out,
        };
        pack_panels(run.isa, packed, taps * g.c_out, g.c_in, &from);
    }

    pub(super) fn spatial_forward(&self, run: &Run<'_>) {
        let g = &self.geometry;
        let (out, bands) = (run.write(self.out.1), g.out_height.div_ceil(g.band()));
        (0..run.batch * bands).into_par_iter().for_each(|i| {
            let (sample, first) = (i / bands, i % bands * g.band());
            let rows = first..g.out_height.min(first + g.band());
            let start = (sample * g.out_height + rows.start) * g.out_width * g.c_out;
            let range = start..start + rows.len() * g.out_width * g.c_out;
            // SAFETY: bands are disjoint.
            let band = unsafe { out.part(range.clone()) };
            run.scratch.lend(self.spatial_scratch(), |room| {
                self.spatial_band(run, sample, rows, range, band, room);
            });
        });
    }

    fn spatial_band(
        &self,
        run: &Run<'_>,
        sample: usize,
        rows: Range<usize>,
        range: Range<usize>,
        out: &mut [f32],
        room: &mut [f32],
    ) {
        let g = &self.geometry;
        let (height, width) = (g.reach(rows.len()), g.reach(g.out_width));
        let (staged, room) = room.split_at_mut(height * width * g.c_in);
        let top = (rows.start * g.stride) as isize - g.pad[0] as isize;
        self.view.read_window(
            run,
            sample,
            Window {
                top,
                left: -(g.pad[1] as isize),
                rows: height,
                cols: width,
            },
            staged,
        );
        MatMul {
            size: Size {
                lines: rows.len(),
                rows: g.out_width,
                cols: g.c_out,
                segments: g.k,
                depth: g.k * g.c_in,
            },
            a: Lhs {
                data: staged,
                line: g.stride * width * g.c_in,
                row: g.stride * g.c_in,
                segment: width * g.c_in,
                depth: 1,
            },
            b: Rhs::packed(run.read(self.packed), g.fan_in(), run.isa),
            plus: Plus {
                bias: self.added(run, sample, room),
                matrix: self.residual(run, range),
                former: false,
            },
            c_line: g.out_width * g.c_out,
            c_row: g.c_out,
        }
        .run(run.isa, out);
    }

    pub(super) fn spatial_backward(&self, run: &Run<'_>, back: &Back) {
        let partial = run.write(back.partial);
        (0..self.shares(run.batch)).into_par_iter().for_each(|share| {
            let len = self.partial_len();
            // SAFETY: each share has its own sums.
            let sums = unsafe { partial.part(share * len..(share + 1) * len) };
            sums.fill(0.0);
            for sample in self.share(run.batch, share) {
                run.scratch.lend(self.spatial_scratch(), |room| {
                    self.spatial_sample(run, back, sample, sums, room);
                });
            }
        });
    }

    fn spatial_sample(&self, run: &Run<'_>, back: &Back, sample: usize, sums: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let len = g.out_pixels() * g.c_out;
        // SAFETY: each task has its own samples; the slice is not used once gradients are written, which may be into
        // the same buffer (see `BackwardPlan::pass_on`).
        let dy = unsafe { run.write(back.d_out).part(sample * len..(sample + 1) * len) };
        if run.grads.is_some() {
            self.spatial_weights(run, sample, dy, sums, room);
        }
        self.pass_dy_on(run, back, sample..sample + 1, dy, room);
        if self.view.wants(run) {
            let (d, room) = room.split_at_mut(g.in_pixels() * g.c_in);
            self.spatial_input(run, back, dy, d, room);
            self.view.unwind(run, sample, d, room);
        }
    }

    /// `dW[ky, kx, i, o] += Σ x[y s + ky, x s + kx, i] dy[y, x, o]`.
    fn spatial_weights(&self, run: &Run<'_>, sample: usize, dy: &[f32], sums: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let (weights, bias) = sums.split_at_mut(g.weights());
        columns::add_sums(run.isa, dy, g.c_out, None, bias);
        let (height, width) = (g.reach(g.out_height), g.reach(g.out_width));
        let staged = &mut room[..height * width * g.c_in];
        let window = Window {
            top: -(g.pad[0] as isize),
            left: -(g.pad[1] as isize),
            rows: height,
            cols: width,
        };
        self.view.read_window(run, sample, window, staged);
        let strip = STRIP.div_ceil(g.out_width);
        for first in (0..g.out_height).step_by(strip) {
            let rows = strip.min(g.out_height - first);
            let dy = &dy[first * g.out_width * g.c_out..][..rows * g.out_width * g.c_out];
            for (ky, weights) in weights.chunks_exact_mut(g.k * g.c_in * g.c_out).enumerate() {
                MatMul {
                    size: Size {
                        lines: 1,
                        rows: g.k * g.c_in,
                        cols: g.c_out,
                        segments: rows,
                        depth: g.out_width,
                    },
                    a: Lhs {
                        data: &staged[(first * g.stride + ky) * width * g.c_in..],
                        line: 0,
                        row: 1,
                        segment: g.stride * width * g.c_in,
                        depth: g.stride * g.c_in,
                    },
                    b: Rhs::rows(dy, g.c_out, run.isa),
                    plus: Plus {
                        former: true,
                        ..Plus::default()
                    },
                    c_line: 0,
                    c_row: g.c_out,
                }
                .run(run.isa, weights);
            }
        }
    }

    /// `dx`: the convolution of `dy`, its pixels spread out by the stride, with the weights turned round.
    fn spatial_input(&self, run: &Run<'_>, back: &Back, dy: &[f32], d: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let [rows, cols] = g.spread();
        let spread = &mut room[..rows * cols * g.c_out];
        spread.fill(0.0);
        // Results that read nothing but border have no place there.
        let inside = |size: usize| (size - g.k) / g.stride + 1;
        for (y, row) in dy.chunks_exact(g.out_width * g.c_out).take(inside(rows)).enumerate() {
            let start = ((y * g.stride + g.k - 1) * cols + g.k - 1) * g.c_out;
            for (pixel, x) in row.chunks_exact(g.c_out).take(inside(cols)).enumerate() {
                spread[start + pixel * g.stride * g.c_out..][..g.c_out].copy_from_slice(x);
            }
        }
        MatMul {
            size: Size {
                lines: g.height,
                rows: g.width,
                cols: g.c_in,
                segments: g.k,
                depth: g.k * g.c_out,
            },
            a: Lhs {
                data: &spread[(g.pad[0] * cols + g.pad[1]) * g.c_out..],
                line: cols * g.c_out,
                row: g.c_out,
                segment: cols * g.c_out,
                depth: 1,
            },
            b: Rhs::packed(run.read(back.packed), g.k * g.k * g.c_out, run.isa),
            plus: Plus::default(),
            c_line: g.width * g.c_in,
            c_row: g.c_in,
        }
        .run(run.isa, d);
    }
}
