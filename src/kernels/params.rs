//! The executor's own order of parameters: sorted by name, convolutions as `(k, k, in, out)`, linear layers as `(in, out)`.

use std::ops::Range;

use candle_core::Result;

use crate::nn::{
    Graph, Layout, Op, Weights,
    flat::Flat,
    graph::{ParamId, ParamInfo},
};

/// Where each parameter lies, and how it is turned.
#[derive(Clone, Debug)]
pub(super) struct Params {
    flat: Flat,
    /// For weights of layers `(out, in, taps)`.
    turned: Vec<Option<[usize; 3]>>,
}

impl Params {
    /// The order of a graph's parameters.
    pub(super) fn new(graph: &Graph) -> Self {
        let mut turned = vec![None; graph.params.len()];
        for node in &graph.nodes {
            if let Op::Linear { weight, .. } | Op::Conv { weight, .. } = node.op {
                let shape = &graph.params[weight.0].shape;
                turned[weight.0] = Some([shape[0], shape[1], shape[2..].iter().product()]);
            }
        }
        Self {
            flat: Flat::new(graph),
            turned,
        }
    }

    /// Numbers in all parameters.
    pub(super) fn len(&self) -> usize {
        self.flat.len()
    }

    /// The place of a parameter.
    pub(super) fn span(&self, id: ParamId) -> Range<usize> {
        self.flat.span(id)
    }

    /// Where a parameter begins.
    pub(super) fn start(&self, id: ParamId) -> usize {
        self.span(id).start
    }

    fn each_turned(&self, mut f: impl FnMut(Range<usize>, [usize; 3])) {
        for (index, sizes) in self.turned.iter().enumerate() {
            if let Some(sizes) = *sizes {
                f(self.span(ParamId(index)), sizes);
            }
        }
    }
}

impl Layout for Params {
    fn params(&self) -> &[ParamInfo] {
        self.flat.params()
    }

    fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        let mut flat = self.flat.pack(weights)?;
        self.each_turned(|span, [out, inner, taps]| {
            let turned = turn(&flat[span.clone()], [out, inner * taps]);
            // (in, taps, out) to (taps, in, out)
            flat[span].copy_from_slice(&swap(&turned, [inner, taps], out));
        });
        Ok(flat)
    }

    fn unpack(&self, flat: &[f32]) -> Weights {
        let mut flat = flat.to_vec();
        self.each_turned(|span, [out, inner, taps]| {
            let turned = swap(&flat[span.clone()], [taps, inner], out);
            flat[span].copy_from_slice(&turn(&turned, [inner * taps, out]));
        });
        self.flat.unpack(&flat)
    }
}

/// Rows that are turned together: as many cache lines are written side by side.
const ROWS: usize = 16;

/// The transpose of a `rows x cols` matrix.
fn turn(x: &[f32], [rows, cols]: [usize; 2]) -> Vec<f32> {
    let mut turned = vec![0.0; rows * cols];
    for first in (0..rows).step_by(ROWS) {
        for col in 0..cols {
            for row in first..rows.min(first + ROWS) {
                turned[col * rows + row] = x[row * cols + col];
            }
        }
    }
    turned
}

/// `(a, b, n)` to `(b, a, n)`.
fn swap(x: &[f32], [a, b]: [usize; 2], n: usize) -> Vec<f32> {
    let row = |i: usize| &x[(i % a * b + i / a) * n..][..n];
    (0..a * b).flat_map(|i| row(i).iter().copied()).collect()
}
