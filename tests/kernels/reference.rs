//! A graph in plain loops and double precision, one sample at a time: written to be obviously right, and to share nothing
//! with the kernels.

use std::collections::BTreeMap;

use diffusion_studio::nn::{
    Graph, Op, Shape, Weights,
    graph::{Activation, Node, ParamId},
};

pub(crate) type Params = BTreeMap<String, Vec<f64>>;

pub(crate) fn params(weights: &Weights) -> Params {
    weights
        .iter()
        .map(|(name, w)| (name.clone(), w.iter().map(|&v| f64::from(v)).collect()))
        .collect()
}

/// The output of one sample, channels first.
pub(crate) fn forward(graph: &Graph, params: &Params, x: &[f64], t: f64, class: usize) -> Vec<f64> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for node in &graph.nodes {
        let shapes: Vec<Shape> = node.inputs.iter().map(|i| graph.nodes[i.0].shape).collect();
        let inputs: Vec<&[f64]> = node.inputs.iter().map(|i| &values[i.0][..]).collect();
        let sample = Sample {
            graph,
            params,
            t,
            class,
        };
        let value = if node.op == Op::Input {
            x.to_vec()
        } else {
            sample.node(node, &inputs, &shapes)
        };
        assert_eq!(value.len(), node.shape.numel(), "{node:?}");
        values.push(value);
    }
    values.swap_remove(graph.output.0)
}

struct Sample<'a> {
    graph: &'a Graph,
    params: &'a Params,
    t: f64,
    class: usize,
}

/// Channels, rows, columns.
fn size(shape: Shape) -> [usize; 3] {
    match shape {
        Shape::Vec(n) => [n, 1, 1],
        Shape::Map(c, h, w) => [c, h, w],
    }
}

impl Sample<'_> {
    fn param(&self, id: ParamId) -> &[f64] {
        &self.params[&self.graph.params[id.0].name]
    }

    fn node(&self, node: &Node, x: &[&[f64]], shapes: &[Shape]) -> Vec<f64> {
        let [_, out_h, out_w] = size(node.shape);
        let out_pixels = out_h * out_w;
        match &node.op {
            Op::Input => unreachable!("handled by the caller"),
            Op::TimeFeatures {
                dim,
                flip,
                shift,
                max_period,
                scale,
            } => {
                let half = dim / 2;
                let phase = |i: usize| self.t * scale * (-max_period.ln() * i as f64 / (half as f64 - shift)).exp();
                waves(&(0..half).map(phase).collect::<Vec<_>>(), *flip)
            }
            Op::FourierFeatures { weight, log, flip } => {
                let t = if *log { self.t.ln() } else { self.t };
                waves(
                    &self
                        .param(*weight)
                        .iter()
                        .map(|w| std::f64::consts::TAU * w * t)
                        .collect::<Vec<_>>(),
                    *flip,
                )
            }
            Op::ClassEmbedding { weight } => {
                let dim = node.shape.numel();
                self.param(*weight)[self.class * dim..][..dim].to_vec()
            }
            Op::Linear { weight, bias } => self.conv(x[0], shapes[0], node.shape, *weight, *bias, 1, [0; 4]),
            Op::Conv {
                weight,
                bias,
                stride,
                pad,
            } => self.conv(x[0], shapes[0], node.shape, *weight, *bias, *stride, *pad),
            Op::GroupNorm {
                weight,
                bias,
                groups,
                eps,
            } => {
                let (w, b) = (self.param(*weight), self.param(*bias));
                let len = x[0].len() / groups;
                let mut y = Vec::new();
                for group in x[0].chunks(len) {
                    let mean = group.iter().sum::<f64>() / len as f64;
                    let var = group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / len as f64;
                    y.extend(group.iter().map(|v| (v - mean) / (var + eps).sqrt()));
                }
                y.iter()
                    .enumerate()
                    .map(|(i, v)| v * w[i / out_pixels] + b[i / out_pixels])
                    .collect()
            }
            Op::Act(f) => x[0].iter().map(|&v| activation(*f, v)).collect(),
            Op::Add => x[0].iter().zip(x[1]).map(|(a, b)| a + b).collect(),
            Op::AddChannels => x[0].iter().enumerate().map(|(i, v)| v + x[1][i / out_pixels]).collect(),
            Op::ScaleShift => {
                let c = shapes[0].channels();
                let scaled = |(i, v): (usize, &f64)| v * (1.0 + x[1][i / out_pixels]) + x[1][c + i / out_pixels];
                x[0].iter().enumerate().map(scaled).collect()
            }
            Op::Scale(factor) => x[0].iter().map(|v| v * factor).collect(),
            Op::Shift(amount) => x[0].iter().map(|v| v + amount).collect(),
            Op::DivideByTime => x[0].iter().map(|v| v / self.t).collect(),
            Op::Concat => [x[0], x[1]].concat(),
            Op::Upsample => {
                let [_, h, w] = size(shapes[0]);
                let from = |i: usize| (i / out_pixels * h + i % out_pixels / out_w / 2) * w + i % out_w / 2;
                (0..node.shape.numel()).map(|i| x[0][from(i)]).collect()
            }
            Op::AvgPool => {
                let [_, h, w] = size(shapes[0]);
                let mean = |i: usize| {
                    let (c, row, col) = (i / out_pixels, i % out_pixels / out_w, i % out_w);
                    let at = |dy: usize, dx: usize| x[0][(c * h + 2 * row + dy) * w + 2 * col + dx];
                    (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0
                };
                (0..node.shape.numel()).map(mean).collect()
            }
            Op::Unshuffle => {
                let [_, h, w] = size(shapes[0]);
                let from = |i: usize| {
                    let (c, row, col) = (i / out_pixels, i % out_pixels / out_w, i % out_w);
                    x[0][(c / 4 * h + 2 * row + c % 4 / 2) * w + 2 * col + c % 2]
                };
                (0..node.shape.numel()).map(from).collect()
            }
            Op::Shuffle => {
                let [_, h, w] = size(shapes[0]);
                let from = |i: usize| {
                    let (c, row, col) = (i / out_pixels, i % out_pixels / out_w, i % out_w);
                    x[0][((4 * c + 2 * (row % 2) + col % 2) * h + row / 2) * w + col / 2]
                };
                (0..node.shape.numel()).map(from).collect()
            }
            Op::Attention { heads } => attention(x, size(node.shape), *heads),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the plain definition of a convolution")]
    fn conv(
        &self,
        x: &[f64],
        from: Shape,
        to: Shape,
        weight: ParamId,
        bias: Option<ParamId>,
        stride: usize,
        pad: [usize; 4],
    ) -> Vec<f64> {
        let ([c_in, h, w], [c_out, out_h, out_w]) = (size(from), size(to));
        let k = self.graph.params[weight.0].shape.get(2).copied().unwrap_or(1);
        let weight = self.param(weight);
        let mut y = Vec::new();
        for (o, row, col) in (0..c_out).flat_map(|o| (0..out_h).flat_map(move |r| (0..out_w).map(move |c| (o, r, c)))) {
            let mut sum = bias.map_or(0.0, |b| self.param(b)[o]);
            for (i, ky, kx) in (0..c_in).flat_map(|i| (0..k).flat_map(move |ky| (0..k).map(move |kx| (i, ky, kx)))) {
                let (sy, sx) = (row * stride + ky, col * stride + kx);
                let inside = sy >= pad[0] && sx >= pad[1] && sy < h + pad[0] && sx < w + pad[1];
                if inside {
                    sum += weight[((o * c_in + i) * k + ky) * k + kx] * x[(i * h + sy - pad[0]) * w + sx - pad[1]];
                }
            }
            y.push(sum);
        }
        y
    }
}

fn waves(phases: &[f64], flip: bool) -> Vec<f64> {
    let sin: Vec<f64> = phases.iter().map(|p| p.sin()).collect();
    let cos: Vec<f64> = phases.iter().map(|p| p.cos()).collect();
    if flip { [cos, sin].concat() } else { [sin, cos].concat() }
}

fn activation(f: Activation, x: f64) -> f64 {
    match f {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Relu => x.max(0.0),
        Activation::Gelu => 0.5 * x * libm::erfc(-x / 2f64.sqrt()),
        Activation::Mish => x * x.exp().ln_1p().tanh(),
    }
}

fn attention(x: &[&[f64]], [channels, h, w]: [usize; 3], heads: usize) -> Vec<f64> {
    let (pixels, d) = (h * w, channels / heads);
    let mut y = vec![0.0; channels * pixels];
    for (head, query) in (0..heads).flat_map(|head| (0..pixels).map(move |q| (head, q))) {
        let at = |i: usize, pixel: usize| (head * d + i) * pixels + pixel;
        let score = |key: usize| (0..d).map(|i| x[0][at(i, query)] * x[1][at(i, key)]).sum::<f64>() / (d as f64).sqrt();
        let scores: Vec<f64> = (0..pixels).map(score).collect();
        let top = scores.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
        for i in 0..d {
            let mixed = |(key, s): (usize, &f64)| (s - top).exp() / total * x[2][at(i, key)];
            y[at(i, query)] = scores.iter().enumerate().map(mixed).sum();
        }
    }
    y
}
