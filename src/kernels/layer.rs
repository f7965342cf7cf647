//! Linear layers and convolutions: `y = W * view + bias [+ vector of channels] [+ value]`, and the way back.

use std::ops::Range;

use super::{
    buffers::Slot,
    pack::packed_len,
    simd::Isa,
    step::{BackwardPlan, Run, Step, Target, ValueId},
    tiles::Filters,
    view::View,
};

mod pointwise;
mod spatial;
mod winograd;

/// Sizes of a convolution; a linear layer is one with `k = 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) c_in: usize,
    pub(super) c_out: usize,
    /// Rows and columns that are read, after upsampling.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) k: usize,
    pub(super) stride: usize,
    /// Top, left, bottom, right.
    pub(super) pad: [usize; 4],
}

impl Geometry {
    fn in_pixels(&self) -> usize {
        self.height * self.width
    }

    fn out_pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Rows of the weight matrix.
    fn fan_in(&self) -> usize {
        self.k * self.k * self.c_in
    }

    fn weights(&self) -> usize {
        self.fan_in() * self.c_out
    }

    /// Each result depends on one pixel, the same one.
    fn is_pointwise(&self) -> bool {
        self.k == 1 && self.stride == 1 && self.pad == [0; 4]
    }
}

/// How a layer is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A product over all pixels.
    Pointwise,
    /// A product over the pixels' surroundings.
    Spatial,
    /// Products of transformed tiles.
    Winograd,
}

impl Way {
    /// The fastest way; Winograd's only where it is allowed.
    pub(super) fn of(geometry: &Geometry, view: &View, winograd: bool) -> Self {
        if geometry.is_pointwise() && !view.upsample {
            Self::Pointwise
        } else if winograd && geometry.suits_winograd() {
            Self::Winograd
        } else {
            Self::Spatial
        }
    }

    /// Numbers of the weights in panels.
    pub(super) fn packed_len(self, geometry: &Geometry, isa: Isa) -> usize {
        let Geometry { c_in, c_out, .. } = *geometry;
        match self {
            Self::Winograd => Filters::packed_len(c_in, c_out, isa.panel()),
            _ => packed_len(geometry.fan_in(), c_out, isa),
        }
    }

    /// Numbers of the weights in panels for the way back.
    fn packed_back_len(self, geometry: &Geometry, isa: Isa) -> usize {
        let Geometry { c_in, c_out, k, .. } = *geometry;
        match self {
            Self::Winograd => Filters::packed_len(c_out, c_in, isa.panel()),
            _ => packed_len(k * k * c_out, c_in, isa),
        }
    }
}

/// A layer with everything that is fused into it.
pub(super) struct Layer {
    pub(super) view: View,
    pub(super) geometry: Geometry,
    pub(super) way: Way,
    /// Where the parameters begin: the weight as `(k, k, in, out)`.
    pub(super) weight: usize,
    pub(super) bias: Option<usize>,
    /// `(B, out)`, added at every pixel.
    pub(super) channels: Option<(ValueId, Slot)>,
    /// Added to the result.
    pub(super) residual: Option<(ValueId, Slot)>,
    pub(super) out: (ValueId, Slot),
    /// The weights as the matrix product wants them.
    pub(super) packed: Slot,
    pub(super) back: Option<Back>,
}

/// What the backward pass uses.
pub(super) struct Back {
    d_out: Slot,
    channels: Option<Target>,
    residual: Option<Target>,
    /// The weights transposed, as the matrix product wants them.
    packed: Slot,
    /// Gradients of weight and bias, one for each of [`Layer::shares`].
    partial: Slot,
}

/// Most parts of the batch whose weight gradients are summed apart. Their number must not depend on that of the threads:
/// the order of a sum would.
const SHARES: usize = 8;

/// Least results of a layer (tiles of results) in a share: each share writes gradients of all weights.
const LEAST_SHARE: usize = 192;

/// Most numbers that the partial gradients of one layer may take, beyond two shares.
const PARTIAL_BUDGET: usize = 1 << 22;

impl Layer {
    fn partial_len(&self) -> usize {
        self.geometry.weights() + self.geometry.c_out
    }

    fn shares(&self, batch: usize) -> usize {
        let affordable = (PARTIAL_BUDGET / self.partial_len()).max(2);
        let results = match self.way {
            Way::Winograd => self.geometry.tiles().iter().product(),
            _ => self.geometry.out_pixels(),
        };
        let worthwhile = (batch * results / LEAST_SHARE).max(1);
        SHARES.min(affordable).min(worthwhile).min(batch)
    }

    /// The samples of a share.
    fn share(&self, batch: usize, share: usize) -> Range<usize> {
        let shares = self.shares(batch);
        batch * share / shares..batch * (share + 1) / shares
    }

    fn bias<'a>(&self, run: &Run<'a>) -> Option<&'a [f32]> {
        self.bias.map(|at| &run.params[at..at + self.geometry.c_out])
    }

    /// What is added to every pixel of a sample: `room`, where a vector joins the bias, or the bias itself.
    fn added<'r>(&self, run: &Run<'r>, sample: usize, room: &'r mut [f32]) -> Option<&'r [f32]> {
        let bias = self.bias(run);
        let Some((_, slot)) = self.channels else { return bias };
        let n = self.geometry.c_out;
        let room = &mut room[..n];
        room.copy_from_slice(&run.read(slot)[sample * n..][..n]);
        for (sum, bias) in room.iter_mut().zip(bias.into_iter().flatten()) {
            *sum += bias;
        }
        Some(room)
    }

    /// What is added to the samples' results, number by number.
    fn residual<'a>(&self, run: &Run<'a>, range: Range<usize>) -> Option<&'a [f32]> {
        self.residual.map(|(_, slot)| &run.read(slot)[range])
    }

    /// Adds the shares' gradients up, in order.
    fn reduce(&self, run: &mut Run<'_>, back: &Back) {
        let shares = self.shares(run.batch);
        let partial = run.read(back.partial);
        let Some(grads) = run.grads.as_deref_mut() else { return };
        let weights = self.geometry.weights();
        let sums = |share: usize, range: Range<usize>| &partial[share * self.partial_len()..][range];
        add_all(&mut grads[self.weight..self.weight + weights], |r| {
            (0..shares).map(move |s| sums(s, r.clone()))
        });
        if let Some(bias) = self.bias {
            let shift = |r: Range<usize>| r.start + weights..r.end + weights;
            add_all(&mut grads[bias..bias + self.geometry.c_out], |r| {
                (0..shares).map(move |s| sums(s, shift(r.clone())))
            });
        }
    }
}

/// Adds to `total` what `parts` gives for each range of it, in parallel over ranges.
fn add_all<'a, I: Iterator<Item = &'a [f32]>>(total: &mut [f32], parts: impl Fn(Range<usize>) -> I + Sync) {
    use rayon::prelude::*;
    const RANGE: usize = 1 << 13;
    total.par_chunks_mut(RANGE).enumerate().for_each(|(i, total)| {
        for part in parts(i * RANGE..i * RANGE + total.len()) {
            total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
    });
}

impl Step for Layer {
    fn slots(&self) -> Vec<Slot> {
        let extra = [self.channels, self.residual].into_iter().flatten().map(|v| v.1);
        self.view
            .slots()
            .into_iter()
            .chain(extra)
            .chain([self.out.1, self.packed])
            .collect()
    }

    fn forward(&self, run: &mut Run<'_>) {
        self.view.prepare(run);
        match self.way {
            Way::Pointwise => {
                self.pack(run);
                self.pointwise_forward(run);
            }
            Way::Spatial => {
                self.pack(run);
                self.spatial_forward(run);
            }
            Way::Winograd => {
                self.winograd_pack(run);
                self.winograd_forward(run);
            }
        }
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        let Some(d_out) = plan.gradient(self.out.0) else { return };
        let channels = self.channels.and_then(|(value, _)| plan.target(value));
        let residual = self.residual.and_then(|(value, _)| plan.pass_on(value, d_out));
        self.view.plan_backward(plan);
        let packed = plan.temporary(self.way.packed_back_len(&self.geometry, plan.isa));
        let partial = plan.temporary(self.shares(plan.batch) * self.partial_len());
        self.back = Some(Back {
            d_out,
            channels,
            residual,
            packed,
            partial,
        });
    }

    fn backward(&self, run: &mut Run<'_>) {
        let Some(back) = &self.back else { return };
        let wants = self.view.wants(run);
        match self.way {
            Way::Winograd if wants => self.winograd_pack_back(run, back),
            _ if wants => self.pack_back(run, back),
            _ => {}
        }
        match self.way {
            Way::Pointwise => self.pointwise_backward(run, back),
            Way::Spatial => self.spatial_backward(run, back),
            Way::Winograd => self.winograd_backward(run, back),
        }
        self.reduce(run, back);
        self.view.finish(run);
    }
}
