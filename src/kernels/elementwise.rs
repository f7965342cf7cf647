//! Operations that no layer takes over: sums, scalings and pooling of whole values, one sample at a time.

#![expect(unsafe_code, reason = "tasks write the results of their own samples")]

use rayon::prelude::*;

use super::{
    buffers::Slot,
    step::{BackwardPlan, Run, Step, Target, ValueId},
    view::{View, Window},
};
use crate::nn::graph::Shape;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// `a + b`.
    Sum,
    /// A map plus a vector at every pixel.
    AddChannels,
    /// `map * (1 + scale) + shift`.
    ScaleShift,
    /// `factor * x + amount`.
    Line { factor: f32, amount: f32 },
    /// `x / t`.
    DivideByTime,
    /// Mean over 2x2 pixels; a last odd row or column is left out.
    AvgPool,
    /// Blocks of 2x2 pixels become channels.
    Unshuffle,
    /// Channels become blocks of 2x2 pixels.
    Shuffle,
}

/// One such operation.
pub(super) struct Elementwise {
    pub(super) kind: Kind,
    /// Values with the shapes of their samples.
    pub(super) inputs: Vec<(ValueId, Slot, Shape)>,
    pub(super) out: (ValueId, Slot, Shape),
    pub(super) back: Option<Back>,
}

/// Gradients of result and inputs.
pub(super) struct Back {
    d_out: Slot,
    targets: Vec<Option<Target>>,
}

fn width(shape: Shape) -> usize {
    match shape {
        Shape::Vec(_) => 1,
        Shape::Map(_, _, width) => width,
    }
}

/// Calls `f` with the place of each number where blocks of 2x2 pixels are channels (`few` pixels), and where they are
/// pixels.
fn each_moved(few: Shape, mut f: impl FnMut(usize, usize)) {
    let (channels, narrow) = (few.channels(), width(few));
    for i in 0..few.numel() {
        let (pixel, channel) = (i / channels, i % channels);
        let (row, col) = (
            2 * (pixel / narrow) + channel / 2 % 2,
            2 * (pixel % narrow) + channel % 2,
        );
        f(i, (row * 2 * narrow + col) * (channels / 4) + channel / 4);
    }
}

impl Elementwise {
    /// Number `i` of the input `n` of a sample.
    fn forward_sample(&self, x: &[&[f32]], t: f64, y: &mut [f32]) {
        let c = self.out.2.channels();
        let put = |y: &mut [f32], f: &dyn Fn(usize) -> f32| y.iter_mut().enumerate().for_each(|(i, y)| *y = f(i));
        match self.kind {
            Kind::Sum => put(y, &|i| x[0][i] + x[1][i]),
            Kind::AddChannels => put(y, &|i| x[0][i] + x[1][i % c]),
            Kind::ScaleShift => put(y, &|i| x[0][i] * (1.0 + x[1][i % c]) + x[1][c + i % c]),
            Kind::Line { factor, amount } => put(y, &|i| x[0][i] * factor + amount),
            Kind::DivideByTime => put(y, &|i| x[0][i] * (1.0 / t) as f32),
            Kind::AvgPool => self.each_pooled(|i, from| y[i] = 0.25 * from.iter().map(|&j| x[0][j]).sum::<f32>()),
            Kind::Unshuffle => each_moved(self.out.2, |few, many| y[few] = x[0][many]),
            Kind::Shuffle => each_moved(self.inputs[0].2, |few, many| y[many] = x[0][few]),
        }
    }

    /// Adds the gradient of one input to `d`.
    fn backward_sample(&self, input: usize, x: &[&[f32]], t: f64, dy: &[f32], d: &mut [f32]) {
        let c = self.out.2.channels();
        let add = |d: &mut [f32], f: &dyn Fn(usize) -> f32| d.iter_mut().enumerate().for_each(|(i, d)| *d += f(i));
        match (self.kind, input) {
            (Kind::Sum, _) | (Kind::AddChannels, 0) => add(d, &|i| dy[i]),
            (Kind::AddChannels, _) => dy.iter().enumerate().for_each(|(i, g)| d[i % c] += g),
            (Kind::ScaleShift, 0) => add(d, &|i| dy[i] * (1.0 + x[1][i % c])),
            (Kind::ScaleShift, _) => dy.iter().enumerate().for_each(|(i, g)| {
                d[i % c] += g * x[0][i];
                d[c + i % c] += g;
            }),
            (Kind::Line { factor, .. }, _) => add(d, &|i| dy[i] * factor),
            (Kind::DivideByTime, _) => add(d, &|i| dy[i] * (1.0 / t) as f32),
            (Kind::AvgPool, _) => self.each_pooled(|i, to| to.iter().for_each(|&j| d[j] += 0.25 * dy[i])),
            (Kind::Unshuffle, _) => each_moved(self.out.2, |few, many| d[many] += dy[few]),
            (Kind::Shuffle, _) => each_moved(self.inputs[0].2, |few, many| d[few] += dy[many]),
        }
    }

    /// Calls `f` with each result's index and those of the four numbers that it is the mean of.
    fn each_pooled(&self, mut f: impl FnMut(usize, [usize; 4])) {
        let (c, wide, narrow) = (self.out.2.channels(), width(self.inputs[0].2), width(self.out.2));
        for i in 0..self.out.2.numel() {
            let (pixel, channel) = (i / c, i % c);
            let corner = (pixel / narrow * 2 * wide + pixel % narrow * 2) * c + channel;
            f(i, [corner, corner + c, corner + wide * c, corner + (wide + 1) * c]);
        }
    }

    fn sample<'a>(&self, run: &Run<'a>, sample: usize) -> Vec<&'a [f32]> {
        let of =
            |&(_, slot, shape): &(ValueId, Slot, Shape)| &run.read(slot)[sample * shape.numel()..][..shape.numel()];
        self.inputs.iter().map(of).collect()
    }
}

impl Step for Elementwise {
    fn slots(&self) -> Vec<Slot> {
        self.inputs.iter().map(|v| v.1).chain([self.out.1]).collect()
    }

    fn forward(&self, run: &mut Run<'_>) {
        let run = &*run;
        let (out, len) = (run.write(self.out.1), self.out.2.numel());
        (0..run.batch).into_par_iter().for_each(|sample| {
            // SAFETY: each task has its own sample.
            let out = unsafe { out.part(sample * len..(sample + 1) * len) };
            self.forward_sample(&self.sample(run, sample), run.times[sample], out);
        });
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        let Some(d_out) = plan.gradient(self.out.0) else { return };
        self.inputs.iter().for_each(|v| plan.keep(v.1));
        let targets = self.inputs.iter().map(|v| plan.target(v.0)).collect();
        self.back = Some(Back { d_out, targets });
    }

    fn backward(&self, run: &mut Run<'_>) {
        let (run, Some(back)) = (&*run, &self.back) else { return };
        let len = self.out.2.numel();
        (0..run.batch).into_par_iter().for_each(|sample| {
            let x = self.sample(run, sample);
            let dy = &run.read(back.d_out)[sample * len..(sample + 1) * len];
            for (input, target) in back.targets.iter().enumerate() {
                let Some((grad, add)) = run.target(*target) else {
                    continue;
                };
                let len = self.inputs[input].2.numel();
                // SAFETY: each task has its own sample.
                let d = unsafe { grad.part(sample * len..(sample + 1) * len) };
                if !add {
                    d.fill(0.0);
                }
                self.backward_sample(input, &x, run.times[sample], dy, d);
            }
        });
    }
}

/// A view as a value of its own, where several steps read it or none can read it as a view.
pub(super) struct Materialise {
    pub(super) view: View,
    pub(super) out: (ValueId, Slot),
    /// Numbers in one sample of the result.
    pub(super) len: usize,
    pub(super) d_out: Option<Slot>,
}

impl Materialise {
    /// Numbers of working memory.
    fn scratch(&self) -> usize {
        self.len + 2 * self.view.channels()
    }

    fn window(&self) -> Window {
        let scale = if self.view.upsample { 2 } else { 1 };
        Window {
            top: 0,
            left: 0,
            rows: scale * self.view.height,
            cols: scale * self.view.width,
        }
    }
}

impl Step for Materialise {
    fn slots(&self) -> Vec<Slot> {
        self.view.slots().into_iter().chain([self.out.1]).collect()
    }

    fn forward(&self, run: &mut Run<'_>) {
        self.view.prepare(run);
        let run = &*run;
        let out = run.write(self.out.1);
        (0..run.batch).into_par_iter().for_each(|sample| {
            // SAFETY: each task has its own sample.
            let out = unsafe { out.part(sample * self.len..(sample + 1) * self.len) };
            self.view.read_window(run, sample, self.window(), out);
        });
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        self.d_out = plan.gradient(self.out.0);
        if self.d_out.is_some() {
            self.view.plan_backward(plan);
        }
    }

    fn backward(&self, run: &mut Run<'_>) {
        let Some(d_out) = self.d_out else { return };
        {
            let run = &*run;
            (0..run.batch).into_par_iter().for_each(|sample| {
                let dy = &run.read(d_out)[sample * self.len..(sample + 1) * self.len];
                run.scratch.lend(self.scratch(), |room| {
                    let (d, room) = room.split_at_mut(self.len);
                    d.copy_from_slice(dy);
                    self.view.unwind(run, sample..sample + 1, d, room);
                });
            });
        }
        self.view.finish(run);
    }
}
