//! Linear layers and 1x1 convolutions: one matrix product over the pixels of all samples.

#![expect(unsafe_code, reason = "tasks write the results of their own pixels and samples")]

use std::ops::Range;

use rayon::prelude::*;

use super::{Back, Layer};
use crate::kernels::{
    buffers::Shared,
    columns,
    matmul::{Lhs, MatMul, Plus, Rhs, Size},
    step::Run,
};

/// Pixels that one task handles, about: with 128 channels they and a panel of the weights just fill a first cache of 32 KiB.
const BLOCK: usize = 48;

/// Pixels that a share of the way back handles at a time, about.
const GROUP: usize = 192;

/// Numbers from row to row of pixels that are computed into working memory. Rows at multiples of 256 bytes would share few
/// sets of the first cache, which the product for the weights, going down the columns, would fetch again and again.
fn apart(channels: usize) -> usize {
    if channels.is_multiple_of(64) {
        channels + 16
    } else {
        channels
    }
}

impl Layer {
    pub(super) fn pointwise_scratch(&self) -> usize {
        let g = &self.geometry;
        let rows = g.in_pixels().max(GROUP);
        rows * g.c_in + GROUP * apart(g.c_in) + 2 * g.c_in + g.c_out
    }

    /// Blocks of pixels of the whole batch. Where a vector is added to each sample, none has pixels of two.
    fn blocks(&self, batch: usize) -> (usize, impl Fn(usize) -> Range<usize>) {
        let pixels = self.geometry.in_pixels();
        let (runs, run) = if self.channels.is_some() {
            (batch, pixels)
        } else {
            (1, batch * pixels)
        };
        // Two or four threads have equal parts.
        let each = run.div_ceil(BLOCK).next_multiple_of(4).min(run);
        let range = move |i: usize| {
            let (first, part) = (i / each * run, i % each);
            first + run * part / each..first + run * (part + 1) / each
        };
        (runs * each, range)
    }

    pub(super) fn pointwise_forward(&self, run: &Run<'_>) {
        let (out, c_out) = (run.write(self.out.1), self.geometry.c_out);
        let (count, block) = self.blocks(run.batch);
        (0..count).into_par_iter().for_each(|i| {
            let pixels = block(i);
            // SAFETY: blocks are disjoint.
            let out = unsafe { out.part(pixels.start * c_out..pixels.end * c_out) };
            run.scratch
                .lend(self.scratch_len(), |room| self.pointwise_block(run, pixels, out, room));
        });
    }

    fn scratch_len(&self) -> usize {
        self.pointwise_scratch()
    }

    fn pointwise_block(&self, run: &Run<'_>, pixels: Range<usize>, out: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let (staged, room) = room.split_at_mut(BLOCK * apart(g.c_in));
        let (a, row) = self.rows(run, pixels.clone(), staged);
        let bias = self.added(run, pixels.start / g.in_pixels(), room);
        MatMul {
            size: Size::plain(pixels.len(), g.c_out, g.c_in),
            a: Lhs {
                data: a,
                line: 0,
                row,
                segment: 0,
                depth: 1,
            },
            b: Rhs::packed(run.read(self.packed), g.c_in, run.isa),
            plus: Plus {
                bias,
                matrix: self.residual(run, pixels.start * g.c_out..pixels.end * g.c_out),
                former: false,
            },
            c_line: 0,
            c_row: g.c_out,
        }
        .run(run.isa, out);
    }

    /// What the layer reads at these pixels, and the numbers from row to row: the value itself where it is plain, else
    /// computed into `room`.
    fn rows<'r>(&self, run: &Run<'r>, pixels: Range<usize>, room: &'r mut [f32]) -> (&'r [f32], usize) {
        let c_in = self.geometry.c_in;
        if self.view.is_plain() {
            let value = &run.read(self.view.parts[0].slot)[pixels.start * c_in..pixels.end * c_in];
            return (value, c_in);
        }
        self.view.read_pixels(run, pixels, apart(c_in), room);
        (room, apart(c_in))
    }

    pub(super) fn pointwise_backward(&self, run: &Run<'_>, back: &Back) {
        let pixels = self.geometry.in_pixels();
        // Small maps go in groups, so that products are not too flat; working memory bounds the group.
        let group = (GROUP / pixels).max(1);
        let partial = run.write(back.partial);
        (0..self.shares(run.batch)).into_par_iter().for_each(|share| {
            let len = self.partial_len();
            // SAFETY: each share has its own sums.
            let sums = unsafe { partial.part(share * len..(share + 1) * len) };
            sums.fill(0.0);
            let samples = self.share(run.batch, share);
            let mut first = samples.start;
            while first < samples.end {
                let end = samples.end.min(first + group);
                run.scratch.lend(self.scratch_len(), |room| {
                    self.pointwise_group(run, back, first..end, sums, room);
                });
                first = end;
            }
        });
    }

    fn pointwise_group(&self, run: &Run<'_>, back: &Back, samples: Range<usize>, sums: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let pixels = samples.start * g.in_pixels()..samples.end * g.in_pixels();
        // SAFETY: each task has its own samples; the slice is not used once gradients are written, which may be into
        // the same buffer (see `BackwardPlan::pass_on`).
        let dy = unsafe { run.write(back.d_out).part(pixels.start * g.c_out..pixels.end * g.c_out) };
        let (d, room) = room.split_at_mut(pixels.len() * g.c_in);
        let wants = self.view.wants(run);
        if wants {
            self.pointwise_input(run, back, dy, d);
        }
        // What the weights' gradients need to know of the input comes out on the way back through its activation.
        let retraces = wants && run.grads.is_some() && self.view.is_activation();
        if run.grads.is_some() {
            let d = retraces.then_some(&mut *d);
            self.pointwise_weights(run, pixels.clone(), dy, d, sums, room);
        }
        self.pass_dy_on(run, back, samples.clone(), dy, room);
        if retraces {
            self.view.put(run, samples, d);
        } else if wants {
            self.view.unwind(run, samples, d, room);
        }
    }

    /// The gradient of what the layer reads.
    fn pointwise_input(&self, run: &Run<'_>, back: &Back, dy: &[f32], d: &mut [f32]) {
        let g = &self.geometry;
        for (dy, d) in dy.chunks(BLOCK * g.c_out).zip(d.chunks_mut(BLOCK * g.c_in)) {
            MatMul {
                size: Size::plain(dy.len() / g.c_out, g.c_in, g.c_out),
                a: Lhs {
                    data: dy,
                    line: 0,
                    row: g.c_out,
                    segment: 0,
                    depth: 1,
                },
                b: Rhs::packed(run.read(back.packed), g.c_out, run.isa),
                plus: Plus::default(),
                c_line: 0,
                c_row: g.c_in,
            }
            .run(run.isa, d);
        }
    }

    /// Gradients of weights and bias. Takes `d`, where given, back through the activation.
    fn pointwise_weights(
        &self,
        run: &Run<'_>,
        pixels: Range<usize>,
        dy: &[f32],
        mut d: Option<&mut [f32]>,
        sums: &mut [f32],
        room: &mut [f32],
    ) {
        let g = &self.geometry;
        let (weights, bias) = sums.split_at_mut(g.weights());
        columns::add_sums(run.isa, dy, g.c_out, None, bias);
        for start in pixels.clone().step_by(GROUP) {
            let chunk = start..pixels.end.min(start + GROUP);
            let within = |channels: usize| (start - pixels.start) * channels..(chunk.end - pixels.start) * channels;
            let (x, depth) = match &mut d {
                Some(d) => {
                    let d = &mut d[within(g.c_in)];
                    self.view.retrace(run, chunk.clone(), d, apart(g.c_in), room);
                    (&*room, apart(g.c_in))
                }
                None => self.rows(run, chunk.clone(), room),
            };
            MatMul {
                size: Size::plain(g.c_in, g.c_out, chunk.len()),
                a: Lhs {
                    data: x,
                    line: 0,
                    row: 1,
                    segment: 0,
                    depth,
                },
                b: Rhs::rows(&dy[within(g.c_out)], g.c_out, run.isa),
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

    /// Gradients of what was added to the result: the value, and the vector of channels.
    pub(super) fn pass_dy_on(&self, run: &Run<'_>, back: &Back, samples: Range<usize>, dy: &[f32], room: &mut [f32]) {
        let len = self.geometry.out_pixels() * self.geometry.c_out;
        let c_out = self.geometry.c_out;
        if let Some((grad, add)) = run.target(back.residual) {
            // SAFETY: each task has its own samples.
            let grad = unsafe { grad.part(samples.start * len..samples.end * len) };
            columns::put_rows(dy, len, grad, len, add);
        }
        let Some((grad, add)) = run.target(back.channels) else {
            return;
        };
        for (sample, dy) in samples.zip(dy.chunks_exact(len)) {
            let sums = &mut room[..c_out];
            sums.fill(0.0);
            columns::add_sums(run.isa, dy, c_out, None, sums);
            put_sample(grad, sample, sums, add);
        }
    }
}

/// Writes or adds one sample's vector.
fn put_sample(grad: Shared<'_>, sample: usize, x: &[f32], add: bool) {
    // SAFETY: each task has its own samples.
    let grad = unsafe { grad.part(sample * x.len()..(sample + 1) * x.len()) };
    columns::put_rows(x, x.len(), grad, x.len(), add);
}
