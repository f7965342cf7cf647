//! What a layer reads: one or two values side by side, normalised and activated on the way, perhaps at twice the size.
//!
//! Concatenation, group norm, scale-shift, activation and upsampling are not computed on their own: they happen while a
//! layer reads its input, and again in the backward pass, which then needs only the input itself.

#![expect(unsafe_code, reason = "tasks write the gradients of their own samples")]

use std::ops::Range;

use rayon::prelude::*;

use super::{
    buffers::{Shared, Slot},
    columns::{self, Affine, NormBack, Retrace, Transform, Unwind},
    step::{BackwardPlan, Run, Target, ValueId},
};
use crate::nn::graph::Activation;

/// One value of a view.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) value: ValueId,
    pub(super) slot: Slot,
    pub(super) channels: usize,
    grad: Option<Target>,
}

impl Part {
    /// Pixels counted through all samples.
    fn pixels<'a>(&self, run: &Run<'a>, pixels: Range<usize>) -> &'a [f32] {
        &run.read(self.slot)[pixels.start * self.channels..pixels.end * self.channels]
    }
}

/// A value as a layer reads it: `upsample(act(norm(concat(parts))))`, each of them optional.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) parts: Vec<Part>,
    pub(super) norm: Option<Norm>,
    pub(super) act: Option<Activation>,
    pub(super) upsample: bool,
    /// Rows and columns of the parts; 1 x 1 for vectors.
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Group norm, perhaps scaled and shifted by a vector.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    /// Where its parameters begin, one per channel.
    pub(super) weight: usize,
    pub(super) bias: usize,
    pub(super) groups: usize,
    pub(super) eps: f64,
    /// `(B, 2 C)`: scales, then shifts.
    pub(super) modulation: Option<(ValueId, Slot)>,
    /// `(B, C)`: the inverse deviation of each channel's group.
    pub(super) inverse: Slot,
    /// `(B, 3, C)`: see [`Affine`].
    pub(super) affine: Slot,
    back: Option<NormGrads>,
}

#[derive(Clone, Debug)]
struct NormGrads {
    /// `(B, 2, C)`: of each sample's channels the sums of `d` and of `d` times the normalised value.
    sums: Slot,
    modulation: Option<Target>,
}

impl Norm {
    /// `slots`: buffers of `B C` and `3 B C` numbers.
    pub(super) fn new([weight, bias]: [usize; 2], groups: usize, eps: f64, [inverse, affine]: [Slot; 2]) -> Self {
        Self {
            weight,
            bias,
            groups,
            eps,
            modulation: None,
            inverse,
            affine,
            back: None,
        }
    }
}

impl View {
    /// A value as it is.
    pub(super) fn plain(value: ValueId, slot: Slot, [channels, height, width]: [usize; 3]) -> Self {
        let part = Part {
            value,
            slot,
            channels,
            grad: None,
        };
        Self {
            parts: vec![part],
            norm: None,
            act: None,
            upsample: false,
            height,
            width,
        }
    }

    /// The channels of this plain view, then those of the other.
    pub(super) fn beside(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Whether it is nothing but values.
    pub(super) fn is_raw(&self) -> bool {
        self.norm.is_none() && self.act.is_none() && !self.upsample
    }

    /// Whether it is one value and nothing else.
    pub(super) fn is_plain(&self) -> bool {
        self.is_raw() && self.parts.len() == 1
    }

    /// Channels of all parts.
    pub(super) fn channels(&self) -> usize {
        self.parts.iter().map(|p| p.channels).sum()
    }

    /// Pixels of the parts.
    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Buffers that reading it uses.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let norm = self.norm.iter();
        let norm = norm.flat_map(|n| [n.inverse, n.affine].into_iter().chain(n.modulation.map(|m| m.1)));
        self.parts.iter().map(|p| p.slot).chain(norm).collect()
    }

    /// Each part with the channel it begins at.
    fn placed(&self) -> impl Iterator<Item = (usize, &Part)> {
        self.parts.iter().scan(0, |next, part| {
            let first = *next;
            *next += part.channels;
            Some((first, part))
        })
    }

    /// Computes what the norm multiplies and adds; before anything is read.
    pub(super) fn prepare(&self, run: &Run<'_>) {
        let Some(norm) = &self.norm else { return };
        let channels = self.channels();
        let (inverse, affine) = (run.write(norm.inverse), run.write(norm.affine));
        (0..run.batch).into_par_iter().for_each(|sample| {
            // SAFETY: each task has its own sample.
            let inverse = unsafe { inverse.part(sample * channels..(sample + 1) * channels) };
            // SAFETY: likewise.
            let affine = unsafe { affine.part(3 * sample * channels..3 * (sample + 1) * channels) };
            self.normalise(run, norm, sample, inverse, affine);
        });
    }

    /// Mean and deviation in two passes, which a large mean does not disturb.
    fn normalise(&self, run: &Run<'_>, norm: &Norm, sample: usize, inverse: &mut [f32], affine: &mut [f32]) {
        let channels = self.channels();
        let (centre, rest) = affine.split_at_mut(channels);
        let (factor, offset) = rest.split_at_mut(channels);
        let count = (self.pixels() * channels / norm.groups) as f64;
        centre.fill(0.0);
        self.each_part(run, sample, |first, x, n| {
            columns::add_sums(run.isa, x, n, None, &mut centre[first..first + n]);
        });
        in_groups(centre, norm.groups, |sum| sum / count);
        inverse.fill(0.0);
        self.each_part(run, sample, |first, x, n| {
            let (centre, sums) = (&centre[first..first + n], &mut inverse[first..first + n]);
            columns::add_sums(run.isa, x, n, Some(centre), sums);
        });
        in_groups(inverse, norm.groups, |sum| (sum / count + norm.eps).sqrt().recip());
        let modulation = norm
            .modulation
            .map(|(_, slot)| &run.read(slot)[2 * sample * channels..][..2 * channels]);
        for c in 0..channels {
            let (scale, shift) = modulation.map_or((1.0, 0.0), |m| (1.0 + m[c], m[channels + c]));
            factor[c] = inverse[c] * run.params[norm.weight + c] * scale;
            offset[c] = run.params[norm.bias + c] * scale + shift;
        }
    }

    /// Calls `f` with each part's first channel, the part's values of one sample and its number of channels.
    fn each_part<'a>(&self, run: &Run<'a>, sample: usize, mut f: impl FnMut(usize, &'a [f32], usize)) {
        for (first, part) in self.placed() {
            let len = self.pixels() * part.channels;
            f(first, &run.read(part.slot)[sample * len..][..len], part.channels);
        }
    }

    /// The affine map of one part of a sample.
    fn affine<'a>(&self, run: &Run<'a>, sample: usize, first: usize, channels: usize) -> Option<Affine<'a>> {
        let norm = self.norm.as_ref()?;
        let all = self.channels();
        let coefficients = &run.read(norm.affine)[3 * sample * all..][..3 * all];
        Some(Affine::of(coefficients, all, first, channels))
    }

    /// Reads `pixels` of one sample (counted within it) into rows of `to`, `stride` numbers apart.
    fn read_run(&self, run: &Run<'_>, sample: usize, pixels: Range<usize>, stride: usize, to: &mut [f32]) {
        for (first, part) in self.placed() {
            let first_pixel = sample * self.pixels() + pixels.start;
            Transform {
                x: part.pixels(run, first_pixel..first_pixel + pixels.len()),
                channels: part.channels,
                affine: self.affine(run, sample, first, part.channels),
                act: self.act,
                stride,
            }
            .run(run.isa, &mut to[first..]);
        }
    }

    /// Reads pixels (counted through all samples) into rows of `to`, `stride` numbers apart. Not for upsampled views.
    pub(super) fn read_pixels(&self, run: &Run<'_>, pixels: Range<usize>, stride: usize, to: &mut [f32]) {
        if self.norm.is_none() {
            // All samples are treated alike.
            return self.read_run(run, 0, pixels, stride, to);
        }
        let each = self.pixels();
        let mut start = pixels.start;
        while start < pixels.end {
            let sample = start / each;
            let end = pixels.end.min((sample + 1) * each);
            let within = start - sample * each..end - sample * each;
            self.read_run(run, sample, within, stride, &mut to[(start - pixels.start) * stride..]);
            start = end;
        }
    }

    /// Reads a window of one sample into `to`: `rows` rows of `cols` pixels whose first is at (`top`, `left`), which may
    /// lie outside the picture; outside are zeros.
    pub(super) fn read_window(&self, run: &Run<'_>, sample: usize, window: Window, to: &mut [f32]) {
        let channels = self.channels();
        let scale = if self.upsample { 2 } else { 1 };
        let (height, width) = ((scale * self.height) as isize, (scale * self.width) as isize);
        for (i, row) in to
            .chunks_exact_mut(window.cols * channels)
            .take(window.rows)
            .enumerate()
        {
            let y = window.top + i as isize;
            let (start, end) = (
                window.left.clamp(0, width),
                (window.left + window.cols as isize).clamp(0, width),
            );
            if y < 0 || y >= height || start >= end {
                row.fill(0.0);
                continue;
            }
            let (before, count) = ((start - window.left) as usize, (end - start) as usize);
            row[..before * channels].fill(0.0);
            row[(before + count) * channels..].fill(0.0);
            let inside = &mut row[before * channels..][..count * channels];
            let (y, x) = (y as usize, start as usize);
            if self.upsample {
                self.read_doubled(run, sample, y, x, inside);
            } else {
                let first = y * self.width + x;
                self.read_run(run, sample, first..first + count, channels, inside);
            }
        }
    }

    /// Pixels of row `y` from column `x` on, both counted at twice the size.
    fn read_doubled(&self, run: &Run<'_>, sample: usize, y: usize, x: usize, to: &mut [f32]) {
        let channels = self.channels();
        for (i, out) in to.chunks_exact_mut(channels).enumerate() {
            let column = x + i;
            let pixel = y / 2 * self.width + column / 2;
            self.read_run(run, sample, pixel..pixel + 1, channels, out);
        }
    }

    /// Reserves what the way back needs.
    pub(super) fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        for slot in self.slots() {
            plan.keep(slot);
        }
        let channels = self.channels();
        if let Some(norm) = &mut self.norm {
            let modulation = norm.modulation.and_then(|(value, _)| plan.target(value));
            let sums = plan.temporary(plan.batch * 2 * channels);
            norm.back = Some(NormGrads { sums, modulation });
        }
        for part in &mut self.parts {
            part.grad = plan.target(part.value);
        }
    }

    /// Whether this run asks for the gradient of anything behind it.
    pub(super) fn wants(&self, run: &Run<'_>) -> bool {
        let parts = self.parts.iter().any(|p| p.grad.is_some_and(|t| t.wanted(run)));
        parts || (self.norm.is_some() && run.grads.is_some())
    }

    /// From `d`, the gradient of some samples as the layer read them (its contents are used up), to those of the parts,
    /// and to the sums that [`View::finish`] needs. `room` has two numbers per channel.
    pub(super) fn unwind(&self, run: &Run<'_>, samples: Range<usize>, d: &mut [f32], room: &mut [f32]) {
        if self.norm.is_none() && !self.upsample {
            return self.unwind_plain(run, samples, d);
        }
        let each = d.len() / samples.len();
        for (sample, d) in samples.zip(d.chunks_exact_mut(each)) {
            if self.upsample {
                pool_in_place(d, self.channels(), self.height, self.width);
            }
            match &self.norm {
                None => self.unwind_plain(run, sample..sample + 1, d),
                Some(norm) => self.unwind_norm(run, norm, sample, d, room),
            }
        }
    }

    fn unwind_plain(&self, run: &Run<'_>, samples: Range<usize>, d: &mut [f32]) {
        for (first, part) in self.placed().filter(|_| self.act.is_some()) {
            Unwind {
                x: part.pixels(run, samples.start * self.pixels()..samples.end * self.pixels()),
                channels: part.channels,
                affine: None,
                act: self.act,
                stride: self.channels(),
            }
            .run(run.isa, &mut d[first..], None);
        }
        self.put(run, samples, d);
    }

    /// Whether it is an activation of values and nothing else: what [`View::retrace`] can do.
    pub(super) fn is_activation(&self) -> bool {
        self.act.is_some() && self.norm.is_none() && !self.upsample
    }

    /// Reads pixels (counted through all samples) into rows of `to`, `stride` numbers apart, and in the same pass takes
    /// `d`, the gradient of what is read, back to that of the values.
    pub(super) fn retrace(&self, run: &Run<'_>, pixels: Range<usize>, d: &mut [f32], stride: usize, to: &mut [f32]) {
        for (first, part) in self.placed() {
            Retrace {
                x: part.pixels(run, pixels.clone()),
                channels: part.channels,
                act: self.act,
                strides: [self.channels(), stride],
            }
            .run(run.isa, &mut d[first..], &mut to[first..]);
        }
    }

    /// Writes or adds the gradients of some samples' values.
    pub(super) fn put(&self, run: &Run<'_>, samples: Range<usize>, d: &[f32]) {
        for (first, part) in self.placed() {
            let Some((grad, add)) = run.target(part.grad) else {
                continue;
            };
            let len = self.pixels() * part.channels;
            // SAFETY: each task has its own samples.
            let grad = unsafe { grad.part(samples.start * len..samples.end * len) };
            columns::put_rows(&d[first..], self.channels(), grad, part.channels, add);
        }
    }

    fn unwind_norm(&self, run: &Run<'_>, norm: &Norm, sample: usize, d: &mut [f32], room: &mut [f32]) {
        let Some(back) = &norm.back else { return };
        let channels = self.channels();
        // SAFETY: each task has its own samples.
        let sums = unsafe {
            run.write(back.sums)
                .part(2 * sample * channels..2 * (sample + 1) * channels)
        };
        let (plain, centred) = sums.split_at_mut(channels);
        for (first, part) in self.placed() {
            let len = self.pixels() * part.channels;
            let own = first..first + part.channels;
            Unwind {
                x: &run.read(part.slot)[sample * len..][..len],
                channels: part.channels,
                affine: self.affine(run, sample, first, part.channels),
                act: self.act,
                stride: channels,
            }
            .run(
                run.isa,
                &mut d[first..],
                Some([&mut plain[own.clone()], &mut centred[own]]),
            );
        }
        let inverse = &run.read(norm.inverse)[sample * channels..][..channels];
        let affine = &run.read(norm.affine)[3 * sample * channels..][..3 * channels];
        let (lean, drift) = room[..2 * channels].split_at_mut(channels);
        self.norm_slopes(
            norm,
            &affine[channels..2 * channels],
            inverse,
            [plain, centred],
            [lean, drift],
        );
        for (first, part) in self.placed() {
            let Some((grad, add)) = run.target(part.grad) else {
                continue;
            };
            let (len, own) = (self.pixels() * part.channels, first..first + part.channels);
            let range = sample * len..(sample + 1) * len;
            let back = NormBack {
                x: &run.read(part.slot)[range.clone()],
                channels: part.channels,
                d: &d[first..],
                stride: channels,
                centre: &affine[own.clone()],
                factor: &affine[channels + first..][..part.channels],
                lean: &lean[own.clone()],
                drift: &drift[own],
            };
            // SAFETY: each task has its own samples.
            back.run(run.isa, unsafe { grad.part(range) }, add);
        }
        for (sum, inverse) in centred.iter_mut().zip(inverse) {
            *sum *= inverse;
        }
    }

    /// With `g` the gradient of the norm's result and `f` its factor (which includes the inverse deviation `r`):
    /// `dx = f g - mean(f g) - (x - mean) r² mean(f g (x - mean))`, means over the group.
    fn norm_slopes(
        &self,
        norm: &Norm,
        factor: &[f32],
        inverse: &[f32],
        [plain, centred]: [&[f32]; 2],
        [lean, drift]: [&mut [f32]; 2],
    ) {
        let count = (self.pixels() * factor.len() / norm.groups) as f64;
        for (c, (lean, drift)) in lean.iter_mut().zip(drift.iter_mut()).enumerate() {
            *lean = factor[c] * centred[c] * inverse[c] * inverse[c];
            *drift = factor[c] * plain[c];
        }
        in_groups(lean, norm.groups, |sum| sum / count);
        in_groups(drift, norm.groups, |sum| sum / count);
    }

    /// After all samples: gradients of the norm's parameters and of the vector that scales and shifts.
    pub(super) fn finish(&self, run: &mut Run<'_>) {
        let Some(norm) = &self.norm else { return };
        let Some(back) = &norm.back else { return };
        let channels = self.channels();
        let sums = run.read(back.sums);
        let modulation = norm.modulation.map(|(_, slot)| run.read(slot));
        if let Some((grad, add)) = run.target(back.modulation) {
            modulation_grads(run.params, norm, sums, grad, add, channels);
        }
        let Some(grads) = run.grads.as_deref_mut() else { return };
        for (sample, sums) in sums.chunks_exact(2 * channels).enumerate() {
            for c in 0..channels {
                let scale = modulation.map_or(1.0, |m| 1.0 + m[2 * sample * channels + c]);
                grads[norm.bias + c] += sums[c] * scale;
                grads[norm.weight + c] += sums[channels + c] * scale;
            }
        }
    }
}

/// `d scale = Σ d (normalised * weight + bias)`, `d shift = Σ d`.
fn modulation_grads(params: &[f32], norm: &Norm, sums: &[f32], grad: Shared<'_>, add: bool, channels: usize) {
    // SAFETY: nobody else uses the buffer now.
    let grad = unsafe { grad.part(0..sums.len()) };
    for (sums, grad) in sums.chunks_exact(2 * channels).zip(grad.chunks_exact_mut(2 * channels)) {
        for c in 0..channels {
            let d_scale = sums[channels + c] * params[norm.weight + c] + sums[c] * params[norm.bias + c];
            let former = if add { [grad[c], grad[channels + c]] } else { [0.0; 2] };
            grad[c] = former[0] + d_scale;
            grad[channels + c] = former[1] + sums[c];
        }
    }
}

/// A part of a picture and its surroundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) top: isize,
    pub(super) left: isize,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

/// Replaces the values of each group by `f` of their sum.
fn in_groups(values: &mut [f32], groups: usize, f: impl Fn(f64) -> f64) {
    let each = values.len() / groups;
    for group in values.chunks_exact_mut(each) {
        let sum: f64 = group.iter().map(|&v| f64::from(v)).sum();
        group.fill(f(sum) as f32);
    }
}

/// Sums 2x2 pixels of a `(2 height, 2 width)` picture into the front of the same buffer.
fn pool_in_place(d: &mut [f32], channels: usize, height: usize, width: usize) {
    for y in 0..height {
        for x in 0..width {
            let corner = (4 * y * width + 2 * x) * channels;
            for c in 0..channels {
                let (upper, lower) = (corner + c, corner + 2 * width * channels + c);
                let sum = (d[upper] + d[upper + channels]) + (d[lower] + d[lower + channels]);
                // Never in front of what is still to be read.
                d[(y * width + x) * channels + c] = sum;
            }
        }
    }
}
