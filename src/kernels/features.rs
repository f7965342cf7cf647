//! What the network is told besides the sample: features of the time, and the row of its class.

use rayon::prelude::*;

use super::{
    buffers::Slot,
    simd::{Kernel, Simd},
    step::{BackwardPlan, Run, Step, ValueId},
};
use crate::nn::{Op, inputs};

/// Samples whose features one task computes.
const SAMPLES: usize = 128;

/// Features of the time, which have no gradient.
pub(super) struct TimeFeatures {
    /// `TimeFeatures` or `FourierFeatures`.
    pub(super) op: Op,
    /// Where the frequencies lie among the parameters.
    pub(super) frequencies: std::ops::Range<usize>,
    pub(super) out: Slot,
}

impl Step for TimeFeatures {
    fn slots(&self) -> Vec<Slot> {
        vec![self.out]
    }

    fn forward(&self, run: &mut Run<'_>) {
        let features = |times| Waves {
            op: &self.op,
            frequencies: &run.params[self.frequencies.clone()],
            times,
        };
        let out = run.whole(self.out);
        let each = out.len() / run.batch;
        let chunks = out.par_chunks_mut(SAMPLES * each).zip(run.times.par_chunks(SAMPLES));
        chunks.for_each(|(out, times)| out.copy_from_slice(&run.isa.run(features(times))));
    }

    fn plan_backward(&mut self, _: &mut BackwardPlan<'_>) {}

    fn backward(&self, _: &mut Run<'_>) {}
}

/// The features of some times.
struct Waves<'a> {
    op: &'a Op,
    frequencies: &'a [f32],
    times: &'a [f64],
}

impl Kernel for Waves<'_> {
    type Out = Vec<f32>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Vec<f32> {
        match *self.op {
            Op::TimeFeatures {
                dim,
                flip,
                shift,
                max_period,
                scale,
            } => inputs::time_features(self.times, dim, flip, shift, max_period, scale),
            Op::FourierFeatures { log, flip, .. } => inputs::fourier_features(self.times, self.frequencies, log, flip),
            _ => Vec::new(),
        }
    }
}

/// The class embedding.
pub(super) struct ClassEmbedding {
    /// Where the table begins among the parameters.
    pub(super) weight: usize,
    pub(super) dim: usize,
    pub(super) out: (ValueId, Slot),
    pub(super) d_out: Option<Slot>,
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
        let out = run.whole(self.out.1);
        for (&class, out) in run.classes.iter().zip(out.chunks_exact_mut(self.dim)) {
            out.copy_from_slice(&run.params[self.row(class)]);
        }
    }

    fn plan_backward(&mut self, plan: &mut BackwardPlan<'_>) {
        self.d_out = plan.gradient(self.out.0);
    }

    fn backward(&self, run: &mut Run<'_>) {
        let (Some(d_out), classes) = (self.d_out, run.classes) else {
            return;
        };
        let d_out = run.read(d_out);
        let Some(grads) = run.grads.as_deref_mut() else { return };
        for (&class, d) in classes.iter().zip(d_out.chunks_exact(self.dim)) {
            grads[self.row(class)].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::Isa;

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let op = Op::TimeFeatures {
            dim: 64,
            flip: false,
            shift: 0.0,
            max_period: 1e4,
            scale: 1.0,
        };
        let times: Vec<f64> = (0..1000).map(f64::from).collect();
        let expected = inputs::time_features(&times, 64, false, 0.0, 1e4, 1.0);
        for isa in Isa::available() {
            let (op, frequencies, times) = (&op, &[][..], &times[..]);
            let found = isa.run(Waves { op, frequencies, times });
            assert!(found == expected, "{isa:?}");
        }
    }
}
