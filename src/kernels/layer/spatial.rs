//! Convolutions of any size: each tap row of the filter is one stretch of a picture with its borders filled in, so that
//! the matrix product reads pixels where they lie.

#![expect(unsafe_code, reason = "tasks write the results of their own rows and samples")]

use std::ops::Range;

use rayon::prelude::*;

use super::{Back, Geometry, Layer};
use crate::kernels::{
    columns,
    matmul::{Lhs, MatMul, Plus, Rhs, Size},
    pack::{Source, pack_panels, packed_len},
    simd::Isa,
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

    /// Rows and columns of the gradient with its borders that the way back reads.
    fn framed(&self) -> [usize; 2] {
        let along = |size: usize, pad: usize| self.k + (size - 1 + pad) / self.stride;
        [along(self.height, self.pad[0]), along(self.width, self.pad[1])]
    }

    /// The classes of input pixels: those of a class are read through the same taps. Without those that nobody reads.
    fn classes(&self) -> impl Iterator<Item = Class> {
        let (g, stride) = (*self, self.stride);
        let places = (0..stride).flat_map(move |y| (0..stride).map(move |x| [y, x]));
        let classes = places.scan(0, move |start, first| {
            let class = Class {
                first,
                along: [g.taps(first[0], g.pad[0]), g.taps(first[1], g.pad[1])],
                start: *start,
            };
            *start += class.rows(&g);
            Some(class)
        });
        classes.filter(move |class| class.rows(&g) > 0)
    }

    /// The taps through which pixels `first`, `first + stride`, … of a row or column are read.
    fn taps(&self, first: usize, pad: usize) -> Taps {
        let lowest = (first + pad) % self.stride;
        Taps {
            lowest,
            count: self.k.saturating_sub(lowest).div_ceil(self.stride),
            shift: (first + pad - lowest) / self.stride,
        }
    }
}

/// Taps `lowest`, `lowest + stride`, … of a filter along one axis. Pixel `i` of the class is read through tap `j` of them
/// by the result `i + shift - j`.
#[derive(Clone, Copy, Debug)]
struct Taps {
    lowest: usize,
    count: usize,
    shift: usize,
}

/// Every `stride`-th pixel of every `stride`-th row.
#[derive(Clone, Copy, Debug)]
struct Class {
    /// The first row and column.
    first: [usize; 2],
    along: [Taps; 2],
    /// Rows of the weights for the way back before this class's.
    start: usize,
}

impl Class {
    /// Rows of its weights for the way back.
    fn rows(&self, g: &Geometry) -> usize {
        self.along[0].count * self.along[1].count * g.c_out
    }

    /// Where its panels lie among those of all classes.
    fn panels(&self, g: &Geometry, isa: Isa) -> Range<usize> {
        let start = packed_len(self.start, g.c_in, isa);
        start..start + packed_len(self.rows(g), g.c_in, isa)
    }
}

impl Layer {
    pub(super) fn spatial_scratch(&self) -> usize {
        let g = &self.geometry;
        let whole = g.reach(g.out_height) * g.reach(g.out_width) * g.c_in;
        let [rows, cols] = g.framed();
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

    /// Weights for the way back, class by class: rows (ky, kx, out) with the taps in reverse order, columns in.
    pub(super) fn pack_back(&self, run: &Run<'_>, back: &Back) {
        let g = &self.geometry;
        let packed = run.whole(back.packed);
        for class in g.classes() {
            let [ys, xs] = class.along;
            let tap = |taps: Taps, i: usize| taps.lowest + (taps.count - 1 - i) * g.stride;
            let from = Source {
                data: &run.params[self.weight..self.weight + g.weights()],
                start: |i| {
                    let (place, out) = (i / g.c_out, i % g.c_out);
                    let (ky, kx) = (tap(ys, place / xs.count), tap(xs, place % xs.count));
                    (ky * g.k + kx) * g.c_in * g.c_out + out
                },
                step: g.c_out,
            };
            let panels = &mut packed[class.panels(g, run.isa)];
            pack_panels(run.isa, panels, class.rows(g), g.c_in, &from);
        }
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
            self.view.unwind(run, sample..sample + 1, d, room);
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

    /// `dx`: for each class of pixels a convolution of `dy` with the taps that read them, turned round.
    fn spatial_input(&self, run: &Run<'_>, back: &Back, dy: &[f32], d: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let [rows, cols] = g.framed();
        let framed = &mut room[..rows * cols * g.c_out];
        framed.fill(0.0);
        // Results that read nothing but border have no place there.
        let (border, count) = (g.k - 1, g.out_width.min(cols - (g.k - 1)) * g.c_out);
        let lines = framed.chunks_exact_mut(cols * g.c_out).skip(border);
        for (line, from) in lines.zip(dy.chunks_exact(g.out_width * g.c_out)) {
            line[border * g.c_out..][..count].copy_from_slice(&from[..count]);
        }
        if g.stride > g.k {
            // Some pixels are read by nobody.
            d.fill(0.0);
        }
        for class in g.classes() {
            let ([y, x], [ys, xs]) = (class.first, class.along);
            if y >= g.height || x >= g.width {
                continue;
            }
            let corner = (border + ys.shift + 1 - ys.count) * cols + border + xs.shift + 1 - xs.count;
            MatMul {
                size: Size {
                    lines: (g.height - y).div_ceil(g.stride),
                    rows: (g.width - x).div_ceil(g.stride),
                    cols: g.c_in,
                    segments: ys.count,
                    depth: xs.count * g.c_out,
                },
                a: Lhs {
                    data: &framed[corner * g.c_out..],
                    line: cols * g.c_out,
                    row: g.c_out,
                    segment: cols * g.c_out,
                    depth: 1,
                },
                b: Rhs::packed(&run.read(back.packed)[class.panels(g, run.isa)], class.rows(g), run.isa),
                plus: Plus::default(),
                c_line: g.stride * g.width * g.c_in,
                c_row: g.stride * g.c_in,
            }
            .run(run.isa, &mut d[(y * g.width + x) * g.c_in..]);
        }
    }
}
