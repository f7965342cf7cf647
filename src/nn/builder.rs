//! Makes graphs: each call adds one node, infers its shape and declares its parameters with PyTorch's initialisation.

use super::graph::{Activation, Graph, Init, Node, NodeId, Op, ParamId, ParamInfo, Shape};
use crate::math::{Domain, SpecError};

/// A graph in the making. Impossible shapes are remembered and reported by [`Builder::finish`], so that the code that
/// builds a network reads like its forward pass.
#[derive(Debug)]
pub struct Builder {
    graph: Graph,
    fault: Option<String>,
}

impl Builder {
    /// A graph of the input alone; `classes` counts the rows of the class embedding, if there will be one.
    pub fn new(domain: Domain, classes: Option<usize>) -> Self {
        let shape = match domain {
            Domain::Points => Shape::Vec(2),
            Domain::Image {
                channels,
                height,
                width,
            } => Shape::Map(channels, height, width),
        };
        let input = Node {
            op: Op::Input,
            inputs: Vec::new(),
            shape,
        };
        let graph = Graph {
            nodes: vec![input],
            params: Vec::new(),
            output: NodeId(0),
            domain,
            classes,
        };
        Self { graph, fault: None }
    }

    /// The noisy sample.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The finished graph, or the first thing that did not fit.
    pub fn finish(mut self, output: NodeId) -> Result<Graph, SpecError> {
        self.graph.output = output;
        match self.fault {
            None => Ok(self.graph),
            Some(fault) => Err(SpecError::Impossible(fault)),
        }
    }

    /// Remembers `fault` unless `holds` (or an earlier fault is known).
    pub fn require(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(fault());
        }
    }

    /// Shape of a node's value.
    pub fn shape(&self, node: NodeId) -> Shape {
        self.graph.nodes[node.0].shape
    }

    /// Channels of a node's value.
    pub fn channels(&self, node: NodeId) -> usize {
        self.shape(node).channels()
    }

    fn push(&mut self, op: Op, inputs: &[NodeId], shape: Shape) -> NodeId {
        self.graph.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        NodeId(self.graph.nodes.len() - 1)
    }

    fn param(&mut self, name: String, shape: &[usize], init: Init) -> ParamId {
        self.graph.params.push(ParamInfo {
            name,
            shape: shape.to_vec(),
            init,
            trained: true,
        });
        ParamId(self.graph.params.len() - 1)
    }

    /// Weight and bias with PyTorch's default for linear and convolution layers, `±1/sqrt(fan in)` for both.
    fn weight_and_bias(&mut self, name: &str, shape: &[usize]) -> (ParamId, ParamId) {
        let fan_in: usize = shape[1..].iter().product();
        let init = Init::Uniform(1.0 / (fan_in as f64).sqrt());
        let weight = self.param(format!("{name}.weight"), shape, init);
        let bias = self.param(format!("{name}.bias"), &shape[..1], init);
        (weight, bias)
    }

    /// Sinusoidal features of the time with the longest period 10000; `dim` is even.
    pub fn time_features(&mut self, dim: usize, flip: bool, shift: f64) -> NodeId {
        self.require(dim >= 4 && dim.is_multiple_of(2), || {
            format!("{dim} time features: an even number from 4 is needed")
        });
        let op = Op::TimeFeatures {
            dim,
            flip,
            shift,
            max_period: 10_000.0,
            scale: 1.0,
        };
        self.push(op, &[], Shape::Vec(dim))
    }

    /// `2 n` random Fourier features of the logarithm of the time; the frequencies are normal with deviation `scale`
    /// and not trained.
    pub fn fourier_features(&mut self, name: &str, n: usize, scale: f64) -> NodeId {
        let weight = self.param(format!("{name}.weight"), &[n], Init::Normal(scale));
        self.graph.params[weight.0].trained = false;
        let op = Op::FourierFeatures {
            weight,
            log: true,
            flip: false,
        };
        self.push(op, &[], Shape::Vec(2 * n))
    }

    /// One trained vector of length `dim` for each of the graph's classes.
    pub fn class_embedding(&mut self, name: &str, dim: usize) -> NodeId {
        let classes = self.graph.classes.unwrap_or(0);
        self.require(classes > 0, || "a class embedding needs at least one class".into());
        let weight = self.param(format!("{name}.weight"), &[classes, dim], Init::Normal(1.0));
        self.push(Op::ClassEmbedding { weight }, &[], Shape::Vec(dim))
    }

    /// A linear layer over channels.
    pub fn linear(&mut self, name: &str, x: NodeId, out: usize) -> NodeId {
        let shape = match self.shape(x) {
            Shape::Vec(_) => Shape::Vec(out),
            Shape::Map(_, h, w) => Shape::Map(out, h, w),
        };
        let (weight, bias) = self.weight_and_bias(name, &[out, self.channels(x)]);
        let bias = Some(bias);
        self.push(Op::Linear { weight, bias }, &[x], shape)
    }

    /// A `k x k` convolution with zero padding `[top, left, bottom, right]`.
    pub fn conv(&mut self, name: &str, x: NodeId, out: usize, k: usize, stride: usize, pad: [usize; 4]) -> NodeId {
        let (c, h, w) = self.map(x);
        let [top, left, bottom, right] = pad;
        let (padded_h, padded_w) = (h + top + bottom, w + left + right);
        self.require(padded_h >= k && padded_w >= k, || {
            format!("{name}: a picture of {w} x {h} pixels is too small for a {k} x {k} convolution")
        });
        let size = |padded: usize| padded.saturating_sub(k) / stride + 1;
        let (weight, bias) = self.weight_and_bias(name, &[out, c, k, k]);
        let op = Op::Conv {
            weight,
            bias: Some(bias),
            stride,
            pad,
        };
        self.push(op, &[x], Shape::Map(out, size(padded_h), size(padded_w)))
    }

    /// Group norm with scale and shift.
    pub fn group_norm(&mut self, name: &str, x: NodeId, groups: usize, eps: f64) -> NodeId {
        let c = self.channels(x);
        self.require(groups > 0 && c.is_multiple_of(groups), || {
            format!("{name}: {c} channels cannot be divided into {groups} groups")
        });
        let weight = self.param(format!("{name}.weight"), &[c], Init::One);
        let bias = self.param(format!("{name}.bias"), &[c], Init::Zero);
        let op = Op::GroupNorm {
            weight,
            bias,
            groups,
            eps,
        };
        self.push(op, &[x], self.shape(x))
    }

    /// A pointwise function.
    pub fn act(&mut self, x: NodeId, f: Activation) -> NodeId {
        self.push(Op::Act(f), &[x], self.shape(x))
    }

    /// The sum of two values of one shape.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (left, right) = (self.shape(a), self.shape(b));
        self.require(left == right, || format!("{left:?} and {right:?} cannot be added"));
        self.push(Op::Add, &[a, b], left)
    }

    /// A map plus a vector of its channels.
    pub fn add_channels(&mut self, map: NodeId, vec: NodeId) -> NodeId {
        self.push(Op::AddChannels, &[map, vec], self.shape(map))
    }

    /// `map * (1 + scale) + shift`, both halves of `vec`.
    pub fn scale_shift(&mut self, map: NodeId, vec: NodeId) -> NodeId {
        self.push(Op::ScaleShift, &[map, vec], self.shape(map))
    }

    /// Times a constant; no node where it is 1.
    pub fn scale(&mut self, x: NodeId, factor: f64) -> NodeId {
        if factor == 1.0 {
            return x;
        }
        self.push(Op::Scale(factor), &[x], self.shape(x))
    }

    /// Plus a constant.
    pub fn shift(&mut self, x: NodeId, amount: f64) -> NodeId {
        self.push(Op::Shift(amount), &[x], self.shape(x))
    }

    /// Every sample divided by its time.
    pub fn divide_by_time(&mut self, x: NodeId) -> NodeId {
        self.push(Op::DivideByTime, &[x], self.shape(x))
    }

    /// The channels of `a`, then those of `b`.
    pub fn concat(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (left, right) = (self.shape(a), self.shape(b));
        let shape = match (left, right) {
            (Shape::Map(m, h, w), Shape::Map(n, ..)) => Shape::Map(m + n, h, w),
            _ => Shape::Vec(left.channels() + right.channels()),
        };
        self.require(shape.numel() == left.numel() + right.numel(), || {
            format!("{left:?} and {right:?} cannot be joined")
        });
        self.push(Op::Concat, &[a, b], shape)
    }

    /// Each pixel becomes 2x2 pixels.
    pub fn upsample(&mut self, x: NodeId) -> NodeId {
        let (c, h, w) = self.map(x);
        self.push(Op::Upsample, &[x], Shape::Map(c, 2 * h, 2 * w))
    }

    /// The mean over 2x2 pixels.
    pub fn avg_pool(&mut self, x: NodeId) -> NodeId {
        let (c, h, w) = self.map(x);
        self.require(h.is_multiple_of(2) && w.is_multiple_of(2), || {
            format!("{w} x {h} pixels cannot be halved")
        });
        self.push(Op::AvgPool, &[x], Shape::Map(c, h / 2, w / 2))
    }

    /// Each block of 2x2 pixels becomes one pixel of four times the channels.
    pub fn unshuffle(&mut self, x: NodeId) -> NodeId {
        let (c, h, w) = self.map(x);
        self.require(h.is_multiple_of(2) && w.is_multiple_of(2), || {
            format!("{w} x {h} pixels cannot be taken two by two")
        });
        self.push(Op::Unshuffle, &[x], Shape::Map(4 * c, h / 2, w / 2))
    }

    /// The inverse of [`Builder::unshuffle`].
    pub fn shuffle(&mut self, x: NodeId) -> NodeId {
        let (c, h, w) = self.map(x);
        self.require(c.is_multiple_of(4), || {
            format!("{c} channels cannot be spread over 2 x 2 pixels")
        });
        self.push(Op::Shuffle, &[x], Shape::Map(c / 4, 2 * h, 2 * w))
    }

    /// Self-attention over the pixels.
    pub fn attention(&mut self, q: NodeId, k: NodeId, v: NodeId, heads: usize) -> NodeId {
        let c = self.channels(q);
        self.require(heads > 0 && c.is_multiple_of(heads), || {
            format!("{c} channels cannot be divided into {heads} attention heads")
        });
        self.push(Op::Attention { heads }, &[q, k, v], self.shape(q))
    }

    fn map(&mut self, x: NodeId) -> (usize, usize, usize) {
        match self.shape(x) {
            Shape::Map(c, h, w) => (c, h, w),
            Shape::Vec(n) => {
                self.require(false, || "a picture is needed where there is only a vector".into());
                (n, 1, 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(height: usize, width: usize) -> Builder {
        let domain = Domain::Image {
            channels: 2,
            height,
            width,
        };
        Builder::new(domain, None)
    }

    #[test]
    fn convolutions_round_sizes_as_pytorch_does() {
        let mut b = image(7, 8);
        let x = b.input();
        let same = b.conv("a", x, 3, 3, 1, [1; 4]);
        let symmetric = b.conv("b", x, 3, 3, 2, [1; 4]);
        let bottom_right = b.conv("c", x, 3, 3, 2, [0, 0, 1, 1]);
        assert_eq!(b.shape(same), Shape::Map(3, 7, 8));
        assert_eq!(b.shape(symmetric), Shape::Map(3, 4, 4));
        assert_eq!(b.shape(bottom_right), Shape::Map(3, 3, 4));
    }

    #[test]
    fn the_first_thing_that_does_not_fit_is_reported() {
        let mut b = image(4, 4);
        let x = b.input();
        let h = b.group_norm("norm1", x, 3, 1e-5);
        let h = b.attention(h, h, h, 5);
        let fault = b.finish(h).unwrap_err().to_string();
        assert_eq!(fault, "norm1: 2 channels cannot be divided into 3 groups");
    }

    #[test]
    fn initial_bounds_follow_the_fan_in() {
        let mut b = image(4, 4);
        let x = b.input();
        let out = b.conv("conv", x, 5, 3, 1, [1; 4]);
        let graph = b.finish(out).unwrap();
        assert!(graph.params.iter().all(|p| p.init == Init::Uniform(1.0 / 18f64.sqrt())));
    }
}
