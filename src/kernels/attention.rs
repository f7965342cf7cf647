//! `softmax(q kᵀ / sqrt(d)) v` over the pixels, head by head, in blocks of queries: the matrix of all scores never exists.
//! The backward pass computes the scores again.

#![expect(
    unsafe_code,
    reason = "tasks write the results of their own samples, and registers are loaded through pointers"
)]

use std::ops::Range;

use rayon::prelude::*;

use super::{
    activation,
    buffers::Slot,
    matmul::{Lhs, MatMul, Plus, Rhs, Size},
    pack::{pack_panels, packed_len},
    simd::{Isa, Kernel, Simd},
    step::{BackwardPlan, Run, Step, Target, ValueId},
};

/// Queries whose scores are computed together.
const BLOCK: usize = 48;

/// Queries, keys and values `(B, P, C)` to a value of the same shape.
pub(super) struct Attention {
    pub(super) inputs: [(ValueId, Slot); 3],
    pub(super) out: (ValueId, Slot),
    pub(super) pixels: usize,
    pub(super) channels: usize,
    pub(super) heads: usize,
    pub(super) isa: Isa,
    pub(super) back: Option<Back>,
}

/// Gradients of result and inputs.
pub(super) struct Back {
    d_out: Slot,
    targets: [Option<Target>; 3],
}

/// One head of one sample: its channels in `(P, C)` matrices.
struct Head<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    /// Keys (and for the way back values) transposed into panels.
    k_panels: &'a [f32],
    v_panels: &'a [f32],
}

impl Attention {
    /// Numbers of working memory.
    fn scratch(&self) -> usize {
        2 * self.panels_len() + 3 * self.pixels * self.width() + 2 * BLOCK * self.pixels
    }

    fn width(&self) -> usize {
        self.channels / self.heads
    }

    fn scale(&self) -> f32 {
        (1.0 / (self.width() as f64).sqrt()) as f32
    }

    fn panels_len(&self) -> usize {
        packed_len(self.width(), self.pixels, self.isa)
    }

    fn sample_len(&self) -> usize {
        self.pixels * self.channels
    }

    /// One sample of the inputs.
    fn sample<'a>(&self, run: &Run<'a>, sample: usize) -> [&'a [f32]; 3] {
        let len = self.sample_len();
        self.inputs
            .map(|(_, slot)| &run.read(slot)[sample * len..(sample + 1) * len])
    }

    /// Packs the transpose of a head's keys or values.
    fn transpose(&self, x: &[f32], first: usize, panels: &mut [f32]) {
        let c = self.channels;
        pack_panels(self.isa, panels, self.width(), self.pixels, |i, pixel| {
            x[pixel * c + first + i]
        });
    }

    fn forward_sample(&self, run: &Run<'_>, sample: usize, out: &mut [f32], room: &mut [f32]) {
        let [q, k, v] = self.sample(run, sample);
        let (k_panels, scores) = room.split_at_mut(self.panels_len());
        for first in (0..self.channels).step_by(self.width()) {
            self.transpose(k, first, k_panels);
            let head = Head {
                q: &q[first..],
                k: &k[first..],
                v: &v[first..],
                k_panels,
                v_panels: &[],
            };
            for start in (0..self.pixels).step_by(BLOCK) {
                let rows = start..self.pixels.min(start + BLOCK);
                let scores = &mut scores[..rows.len() * self.pixels];
                self.shares(&head, rows.clone(), scores);
                self.times_rows(
                    rows.len(),
                    scores,
                    head.v,
                    &mut out[rows.start * self.channels + first..],
                    self.channels,
                );
            }
        }
    }

    /// Rows of `softmax(q kᵀ / sqrt(d))`.
    fn shares(&self, head: &Head<'_>, rows: Range<usize>, scores: &mut [f32]) {
        self.times_panels(&head.q[rows.start * self.channels..], rows.len(), head.k_panels, scores);
        self.isa.run(Softmax {
            scores,
            width: self.pixels,
            scale: self.scale(),
        });
    }

    /// `(rows, d)` rows of a head's matrix times a transposed one: `(rows, P)`.
    fn times_panels(&self, x: &[f32], rows: usize, panels: &[f32], to: &mut [f32]) {
        MatMul {
            size: Size::plain(rows, self.pixels, self.width()),
            a: Lhs {
                data: x,
                line: 0,
                row: self.channels,
                segment: 0,
                depth: 1,
            },
            b: Rhs::packed(panels, self.width(), self.isa),
            plus: Plus::default(),
            c_line: 0,
            c_row: self.pixels,
        }
        .run(self.isa, to);
    }

    /// `(rows, P)` times a head's matrix: `(rows, d)`, `stride` numbers from row to row.
    fn times_rows(&self, rows: usize, scores: &[f32], x: &[f32], to: &mut [f32], stride: usize) {
        MatMul {
            size: Size::plain(rows, self.width(), self.pixels),
            a: Lhs {
                data: scores,
                line: 0,
                row: self.pixels,
                segment: 0,
                depth: 1,
            },
            b: Rhs::rows(x, self.channels, self.isa),
            plus: Plus::default(),
            c_line: 0,
            c_row: stride,
        }
        .run(self.isa, to);
    }

    /// Adds the transpose of `(rows, P)` times rows of a head's matrix to `(P, d)`.
    fn add_transposed(&self, rows: usize, scores: &[f32], x: &[f32], to: &mut [f32]) {
        MatMul {
            size: Size::plain(self.pixels, self.width(), rows),
            a: Lhs {
                data: scores,
                line: 0,
                row: 1,
                segment: 0,
                depth: self.pixels,
            },
            b: Rhs::rows(x, self.channels, self.isa),
            plus: Plus {
                former: true,
                ..Plus::default()
            },
            c_line: 0,
            c_row: self.width(),
        }
        .run(self.isa, to);
    }

    fn backward_sample(&self, run: &Run<'_>, back: &Back, sample: usize, room: &mut [f32]) {
        let [q, k, v] = self.sample(run, sample);
        let len = self.sample_len();
        let dy = &run.read(back.d_out)[sample * len..(sample + 1) * len];
        let (k_panels, room) = room.split_at_mut(self.panels_len());
        let (v_panels, room) = room.split_at_mut(self.panels_len());
        let head_len = self.pixels * self.width();
        let (grads, scores) = room.split_at_mut(3 * head_len);
        for first in (0..self.channels).step_by(self.width()) {
            self.transpose(k, first, k_panels);
            self.transpose(v, first, v_panels);
            let head = Head {
                q: &q[first..],
                k: &k[first..],
                v: &v[first..],
                k_panels,
                v_panels,
            };
            grads.fill(0.0);
            let (d_q, rest) = grads.split_at_mut(head_len);
            let (d_k, d_v) = rest.split_at_mut(head_len);
            self.backward_head(&head, &dy[first..], [d_q, d_k, d_v], scores);
            for (target, d) in back.targets.into_iter().zip(grads.chunks_exact(head_len)) {
                let Some((grad, add)) = run.target(target) else {
                    continue;
                };
                // SAFETY: each task has its own samples.
                let grad = unsafe { grad.part(sample * len..(sample + 1) * len) };
                self.put_head(d, first, grad, add);
            }
        }
    }

    /// Adds to the gradients of queries, keys and values, `(P, d)` each.
    fn backward_head(&self, head: &Head<'_>, dy: &[f32], [d_q, d_k, d_v]: [&mut [f32]; 3], scores: &mut [f32]) {
        let (c, d) = (self.channels, self.width());
        let (shares, d_scores) = scores.split_at_mut(BLOCK * self.pixels);
        for start in (0..self.pixels).step_by(BLOCK) {
            let rows = start..self.pixels.min(start + BLOCK);
            let n = rows.len();
            let (shares, d_scores) = (&mut shares[..n * self.pixels], &mut d_scores[..n * self.pixels]);
            let dy = &dy[start * c..];
            self.shares(head, rows, shares);
            self.add_transposed(n, shares, dy, d_v);
            self.times_panels(dy, n, head.v_panels, d_scores);
            self.isa.run(SoftmaxBack {
                shares,
                d: d_scores,
                width: self.pixels,
                scale: self.scale(),
            });
            self.times_rows(n, d_scores, head.k, &mut d_q[start * d..], d);
            self.add_transposed(n, d_scores, &head.q[start * c..], d_k);
        }
    }

    /// Writes or adds a head's gradient to its channels.
    fn put_head(&self, d: &[f32], first: usize, grad: &mut [f32], add: bool) {
        for (row, pixel) in d.chunks_exact(self.width()).zip(grad.chunks_exact_mut(self.channels)) {
            for (g, &x) in pixel[first..].iter_mut().zip(row) {
                *g = if add { *g + x } else { x };
            }
        }
    }
}

impl Step for Attention {
    fn slots(&self) -> Vec<Slot> {
        self.inputs.iter().map(|v| v.1).chain([self.out.1]).collect()
    }

    fn forward(&self, run: &mut Run<'_>) {
        let run = &*run;
        let (out, len) = (run.write(self.out.1), self.sample_len());
        (0..run.batch).into_par_iter().for_each(|sample| {
            // SAFETY: each task has its own sample.
            let out = unsafe { out.part(sample * len..(sample + 1) * len) };
            run.scratch
                .lend(self.scratch(), |room| self.forward_sample(run, sample, out, room));
        });
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        let Some(d_out) = plan.gradient(self.out.0) else { return };
        self.inputs.iter().for_each(|v| plan.keep(v.1));
        let targets = self.inputs.map(|v| plan.target(v.0));
        self.back = Some(Back { d_out, targets });
    }

    fn backward(&self, run: &mut Run<'_>) {
        let (run, Some(back)) = (&*run, &self.back) else { return };
        (0..run.batch).into_par_iter().for_each(|sample| {
            run.scratch
                .lend(self.scratch(), |room| self.backward_sample(run, back, sample, room));
        });
    }
}

/// Each row of `scores` becomes `softmax(scale * row)`.
struct Softmax<'a> {
    scores: &'a mut [f32],
    width: usize,
    scale: f32,
}

impl Kernel for Softmax<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let scale = s.splat(self.scale);
        for row in self.scores.chunks_exact_mut(self.width) {
            let top = s.splat(largest(s, row));
            let mut sums = s.splat(0.0);
            for part in row.chunks_mut(S::LANES) {
                let (p, n) = (part.as_mut_ptr(), part.len());
                // SAFETY: `n` numbers are read and written where `n` are.
                unsafe {
                    s.store_n(p, activation::exp(s, s.mul(s.sub(s.load_n(p, n), top), scale)), n);
                    // Read again: lanes beyond the row count as zero.
                    sums = s.add(sums, s.load_n(p, n));
                }
            }
            let inverse = lanes(s, sums).iter().sum::<f32>().recip();
            for x in row {
                *x *= inverse;
            }
        }
    }
}

/// The numbers of a register, zeros behind them.
#[inline(always)]
fn lanes<S: Simd>(s: S, v: S::V) -> [f32; 16] {
    let mut lanes = [0.0; 16];
    // SAFETY: no register has more lanes than the array.
    unsafe { s.store(lanes.as_mut_ptr(), v) };
    lanes
}

/// The largest number of a row.
#[inline(always)]
fn largest<S: Simd>(s: S, row: &[f32]) -> f32 {
    let parts = row.chunks_exact(S::LANES);
    let mut top = row[0];
    for &x in parts.remainder() {
        top = top.max(x);
    }
    let mut tops = s.splat(top);
    for part in parts {
        // SAFETY: each part has as many numbers as a register.
        tops = s.max(tops, unsafe { s.load(part.as_ptr()) });
    }
    lanes(s, tops)[..S::LANES].iter().copied().fold(top, f32::max)
}

/// Each row of `d`, the gradient of softmax's result `shares`, becomes that of its argument.
struct SoftmaxBack<'a> {
    shares: &'a [f32],
    d: &'a mut [f32],
    width: usize,
    scale: f32,
}

impl Kernel for SoftmaxBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let scale = s.splat(self.scale);
        let rows = self.d.chunks_exact_mut(self.width);
        for (shares, d) in self.shares.chunks_exact(self.width).zip(rows) {
            let mut sums = s.splat(0.0);
            for (share, d) in shares.chunks(S::LANES).zip(d.chunks(S::LANES)) {
                // SAFETY: as many numbers are read as there are.
                let (p, d) = unsafe { (s.load_n(share.as_ptr(), share.len()), s.load_n(d.as_ptr(), d.len())) };
                sums = s.fma(p, d, sums);
            }
            let mean = s.splat(lanes(s, sums).iter().sum());
            for (share, d) in shares.chunks(S::LANES).zip(d.chunks_mut(S::LANES)) {
                let (at, n) = (d.as_mut_ptr(), d.len());
                // SAFETY: as many numbers are read and written as there are.
                unsafe {
                    let p = s.mul(s.load_n(share.as_ptr(), n), scale);
                    s.store_n(at, s.mul(p, s.sub(s.load_n(at, n), mean)), n);
                }
            }
        }
    }
}
