//! What the network is told besides the sample: features of the time, and the row of its class.

#![expect(unsafe_code, reason = "the results are written through the plan's buffers")]

use super::{
    buffers::Slot,
    step::{BackwardPlan, Run, Step, ValueId},
};
use crate::nn::{Op, inputs};

/// Features of the time, which have no gradient.
pub(super) struct TimeFeatures {
    /// `TimeFeatures` or `FourierFeatures`.
    pub op: Op,
    /// Where the frequencies lie among the parameters.
    pub frequencies: std::ops::Range<usize>,
    pub out: Slot,
}

impl Step for TimeFeatures {
    fn slots(&self) -> Vec<Slot> {
        vec![self.out]
    }

    fn forward(&self, run: &mut Run<'_>) {
        let features = match self.op {
            Op::TimeFeatures { dim, flip, shift, max_period, scale } => {
                inputs::time_features(run.times, dim, flip, shift, max_period, scale)
            }
            Op::FourierFeatures { log, flip, .. } => {
                inputs::fourier_features(run.times, &run.params[self.frequencies.clone()], log, flip)
            }
            _ => Vec::new(),
        };
        // SAFETY: nobody else uses the buffer now.
        unsafe { run.write(self.out).part(0..features.len()) }.copy_from_slice(&features);
    }

    fn plan_backward(&mut self, _: &mut BackwardPlan<'_>) {}

    fn backward(&self, _: &mut Run<'_>) {}
}

/// The class embedding.
pub(super) struct ClassEmbedding {
    /// Where the table begins among the parameters.
    pub weight: usize,
    pub dim: usize,
    pub out: (ValueId, Slot),
    pub d_out: Option<Slot>,
}

impl ClassEmbedding {
    fn row(&self, class: u32) -> std::ops::Range<usize> {
        let start = self.weight + class as usize * self.dim;
        start..start + self.dim
    }
}

impl Step for ClassEmbedding {
    fn slots(&self) -> Vec<Slot> {
        vec![self.out.1]
    }

    fn forward(&self, run: &mut Run<'_>) {
        // SAFETY: nobody else uses the buffer now.
        let out = unsafe { run.write(self.out.1).part(0..run.batch * self.dim) };
        for (&class, out) in run.classes.iter().zip(out.chunks_exact_mut(self.dim)) {
            out.copy_from_slice(&run.params[self.row(class)]);
        }
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        self.d_out = plan.gradient(self.out.0);
    }

    fn backward(&self, run: &mut Run<'_>) {
        let (Some(d_out), classes) = (self.d_out, run.classes) else { return };
        let d_out = run.read(d_out);
        let Some(grads) = run.grads.as_deref_mut() else { return };
        for (&class, d) in classes.iter().zip(d_out.chunks_exact(self.dim)) {
            grads[self.row(class)].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
    }
}
