//! What a plan is made of: steps that read and write buffers, forwards and backwards.

use super::{
    buffers::{Arena, Reservations, Scratch, Shared, Slot},
    simd::Isa,
};
use crate::nn::{Interrupt, graph::Shape};

/// A value with a buffer of its own: `(B, H, W, C)` or `(B, C)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueId(pub(super) usize);

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// One sample.
    pub(super) shape: Shape,
    pub(super) slot: Slot,
    /// Whether its gradient is needed: it depends on trained parameters or on the input.
    pub(super) wants: bool,
}

/// The value that holds the network's input.
pub(super) const INPUT: ValueId = ValueId(0);

/// Where a step leaves the gradient of one of its inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) slot: Slot,
    /// Others have contributed before: add, do not overwrite.
    pub(super) add: bool,
    /// The gradient of the network's input, which is not always wanted.
    input: bool,
}

impl Target {
    /// Whether this run wants it.
    pub(super) fn wanted(self, run: &Run<'_>) -> bool {
        run.want_input || !self.input
    }
}

/// A step while the backward pass is planned.
pub(super) struct BackwardPlan<'a> {
    pub(super) values: &'a [Value],
    pub(super) reservations: &'a mut Reservations,
    /// The gradients that exist so far.
    pub(super) grads: &'a mut [Option<Slot>],
    pub(super) time: usize,
    pub(super) batch: usize,
    pub(super) isa: Isa,
}

impl BackwardPlan<'_> {
    /// The complete gradient of a step's result; `None` where nothing depends on it.
    pub(super) fn gradient(&mut self, value: ValueId) -> Option<Slot> {
        let slot = self.grads[value.0]?;
        self.keep(slot);
        Some(slot)
    }

    /// The backward pass of this step reads the buffer.
    pub(super) fn keep(&mut self, slot: Slot) {
        self.reservations.touch(slot, self.time);
    }

    /// A buffer for this step alone.
    pub(super) fn temporary(&mut self, len: usize) -> Slot {
        let slot = self.reservations.add(len);
        self.keep(slot);
        slot
    }

    /// Where the gradient of an input goes; `None` where it is not needed.
    pub(super) fn target(&mut self, value: ValueId) -> Option<Target> {
        let Value { shape, wants, .. } = self.values[value.0];
        if !wants {
            return None;
        }
        let former = self.grads[value.0];
        let slot = former.unwrap_or_else(|| self.reservations.add(self.batch * shape.numel()));
        self.grads[value.0] = Some(slot);
        self.keep(slot);
        Some(Target {
            slot,
            add: former.is_some(),
            input: value == INPUT,
        })
    }

    /// The gradient of the input equals that of the result in `slot`, which nobody needs after this step: takes it over
    /// where it can (then there is nothing to do), else says where to add it.
    pub(super) fn pass_on(&mut self, value: ValueId, slot: Slot) -> Option<Target> {
        if self.values[value.0].wants && self.grads[value.0].is_none() {
            self.grads[value.0] = Some(slot);
            return None;
        }
        self.target(value)
    }
}

/// One part of a plan.
pub(super) trait Step: Send + Sync {
    /// Buffers that the forward pass uses.
    fn slots(&self) -> Vec<Slot>;

    /// Computes the result.
    fn forward(&self, run: &mut Run<'_>);

    /// Reserves what the backward pass needs. Called in the order of the backward pass.
    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>);

    /// From the gradient of the result to those of inputs and parameters.
    fn backward(&self, run: &mut Run<'_>);
}

/// One pass over a plan.
pub(super) struct Run<'a> {
    pub(super) isa: Isa,
    pub(super) batch: usize,
    pub(super) arena: Arena<'a>,
    pub(super) scratch: &'a Scratch,
    pub(super) params: &'a [f32],
    /// Sums of the parameters' gradients, where wanted.
    pub(super) grads: Option<&'a mut [f32]>,
    pub(super) want_input: bool,
    /// What the network is told of the time, one per sample.
    pub(super) times: &'a [f64],
    /// Rows of the class embedding, one per sample.
    pub(super) classes: &'a [u32],
    /// Heeded between two steps.
    pub(super) interrupt: &'a Interrupt,
}

impl<'a> Run<'a> {
    /// A buffer that is not written to meanwhile.
    pub(super) fn read(&self, slot: Slot) -> &'a [f32] {
        self.arena.read(slot)
    }

    /// A buffer for tasks to write to.
    pub(super) fn write(&self, slot: Slot) -> Shared<'a> {
        self.arena.write(slot)
    }

    /// The whole of a buffer that nobody else uses now.
    pub(super) fn whole(&self, slot: Slot) -> &'a mut [f32] {
        self.arena.whole(slot)
    }

    /// A new moment of the plan begins. In debug builds buffers that come into use now are filled with not-a-number.
    pub(super) fn begin(&self, time: usize) {
        if cfg!(debug_assertions) {
            self.arena.poison(time);
        }
    }

    /// The buffer of a gradient that is wanted.
    pub(super) fn target(&self, target: Option<Target>) -> Option<(Shared<'a>, bool)> {
        let target = target.filter(|t| t.wanted(self))?;
        Some((self.write(target.slot), target.add))
    }
}
