//! A network is data: a list of nodes in evaluation order over a small closed set of operations.
//!
//! One description serves the candle executor, the compiled CPU plan, the counting of parameters, operations and bytes,
//! the checkpoint names, the initial weights and the drawing of the network. The builders (`mlp.rs`, `unet.rs`) only
//! make graphs.

use std::collections::BTreeMap;

use crate::math::Domain;

/// Shape of one sample's value at a node (the batch is left out).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `(n,)`.
    Vec(usize),
    /// `(channels, height, width)`.
    Map(usize, usize, usize),
}

impl Shape {
    /// Numbers in one sample.
    pub fn numel(self) -> usize {
        match self {
            Self::Vec(n) => n,
            Self::Map(c, h, w) => c * h * w,
        }
    }

    /// Length of the channel axis (the whole of a vector).
    pub fn channels(self) -> usize {
        match self {
            Self::Vec(n) | Self::Map(n, _, _) => n,
        }
    }

    /// Pixels (1 for a vector).
    pub fn pixels(self) -> usize {
        match self {
            Self::Vec(_) => 1,
            Self::Map(_, h, w) => h * w,
        }
    }
}

/// Index of a node in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Index of a parameter in [`Graph::params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParamId(pub usize);

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All zero.
    Zero,
    /// All one.
    One,
    /// Uniform in `±bound`.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
}

/// A parameter tensor in PyTorch's layout: linear `(out, in)`, convolution `(out, in, kh, kw)`, embedding `(classes, dim)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamInfo {
    /// Name in checkpoints (diffusers' names for the U-Net).
    pub name: String,
    /// Shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
    /// Whether training changes it (Fourier frequencies are fixed).
    pub trained: bool,
}

impl ParamInfo {
    /// Number of entries.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Pointwise functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `max(x, 0)`.
    Relu,
    /// `x * Phi(x)` with the exact normal distribution function.
    Gelu,
    /// `x * tanh(ln(1 + e^x))`.
    Mish,
}

/// What a node computes from its inputs. `(B, …)` is the batch in front of every shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The noisy sample `x`: `Vec(2)` or `Map`. Always node 0, no inputs.
    Input,
    /// Sinusoidal features of `t` -> `Vec(dim)` (diffusers' `get_timestep_embedding`), no inputs, no gradient:
    /// `f_i = exp(-ln(max_period) * i / (dim/2 - shift))`, features `[sin(t f), cos(t f)]`, or cosines first when `flip`.
    TimeFeatures {
        /// Even length.
        dim: usize,
        /// Cosines first (`flip_sin_to_cos`).
        flip: bool,
        /// `freq_shift`, 0 or 1.
        shift: f64,
        /// Longest period, 10000.
        max_period: f64,
        /// `t` is multiplied by this first.
        scale: f64,
    },
    /// Random Fourier features -> `Vec(2 n)`: `p = 2π w t`, `t` replaced by its logarithm where `log`; weight `(n)`.
    FourierFeatures {
        /// Frequencies.
        weight: ParamId,
        /// Takes the logarithm of `t` first.
        log: bool,
        /// Cosines first.
        flip: bool,
    },
    /// Row of a table chosen by the class -> `Vec(dim)`; weight `(classes, dim)`, no inputs.
    ClassEmbedding {
        /// The table.
        weight: ParamId,
    },
    /// `y = W x + b` over channels: `Vec -> Vec`, or at every pixel `Map -> Map`; weight `(out, in)`.
    Linear {
        /// `(out, in)`.
        weight: ParamId,
        /// `(out)`.
        bias: Option<ParamId>,
    },
    /// Cross-correlation `Map -> Map`; weight `(out, in, k, k)`, zero padding `[top, left, bottom, right]`.
    Conv {
        /// `(out, in, k, k)`.
        weight: ParamId,
        /// `(out)`.
        bias: Option<ParamId>,
        /// 1 or 2.
        stride: usize,
        /// Top, left, bottom, right.
        pad: [usize; 4],
    },
    /// Group norm over channels of a `Map` (or `Vec`), affine; weight and bias `(channels)`.
    GroupNorm {
        /// Scale.
        weight: ParamId,
        /// Shift.
        bias: ParamId,
        /// Groups, a divisor of the channels.
        groups: usize,
        /// Added to the variance.
        eps: f64,
    },
    /// A pointwise function, any shape.
    Act(Activation),
    /// Sum of two equal shapes.
    Add,
    /// `Map` plus a `Vec` of its channels at every pixel.
    AddChannels,
    /// `x * (1 + scale) + shift`; inputs: `Map` of c channels, `Vec(2c)` holding scale then shift.
    ScaleShift,
    /// Times a constant.
    Scale(f64),
    /// Plus a constant.
    Shift(f64),
    /// Every sample divided by its time `t` (diffusers' models with Fourier features end so); any shape.
    DivideByTime,
    /// Channels of the first `Map` (or `Vec`), then those of the second.
    Concat,
    /// Each pixel becomes 2x2 pixels.
    Upsample,
    /// Mean over 2x2 pixels.
    AvgPool,
    /// Each block of 2x2 pixels becomes one pixel of four times the channels: `(c, 2 h, 2 w)` -> `(4 c, h, w)`, channel
    /// `4 c + 2 row + column` (PyTorch's `PixelUnshuffle(2)`, arXiv:1609.05158).
    Unshuffle,
    /// The inverse of `Unshuffle`.
    Shuffle,
    /// `softmax(q k^T / sqrt(d)) v` over the pixels; inputs q, k, v: `Map`s of equal shape.
    Attention {
        /// Heads, a divisor of the channels; head i has the channels `i*d..(i+1)*d`.
        heads: usize,
    },
}

/// One step of the evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// From which earlier nodes.
    pub inputs: Vec<NodeId>,
    /// Shape of the result.
    pub shape: Shape,
}

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Nodes in evaluation order; node 0 is the input.
    pub nodes: Vec<Node>,
    /// Parameters in order of first use. Flat buffers and initial weights use sorted name order: [`Graph::sorted_params`].
    pub params: Vec<ParamInfo>,
    /// The node whose value is the result.
    pub output: NodeId,
    /// What `x` is.
    pub domain: Domain,
    /// Number of classes including the null class, where there is a class embedding.
    pub classes: Option<usize>,
}

impl Graph {
    /// Parameter indices in sorted name order.
    pub fn sorted_params(&self) -> Vec<ParamId> {
        let mut ids: Vec<ParamId> = (0..self.params.len()).map(ParamId).collect();
        ids.sort_by(|a, b| self.params[a.0].name.cmp(&self.params[b.0].name));
        ids
    }

    /// Names of the parameters that have one row a class.
    pub fn class_tables(&self) -> Vec<&str> {
        let table = |node: &Node| match node.op {
            Op::ClassEmbedding { weight } => Some(&*self.params[weight.0].name),
            _ => None,
        };
        self.nodes.iter().filter_map(table).collect()
    }

    /// Number of weights.
    pub fn weight_count(&self) -> usize {
        self.params.iter().map(ParamInfo::numel).sum()
    }

    /// Whether the output has a second half that says the variance.
    pub fn says_variance(&self) -> bool {
        let channels = |node: usize| self.nodes[node].shape.channels();
        channels(self.output.0) == 2 * channels(0)
    }

    /// Multiply-adds of one sample's forward pass times two (convolutions, linear maps and attention).
    pub fn forward_flops(&self) -> f64 {
        self.nodes.iter().map(|n| self.node_flops(n)).sum()
    }

    fn node_flops(&self, node: &Node) -> f64 {
        let out = node.shape;
        match &node.op {
            Op::Linear { weight, .. } | Op::Conv { weight, .. } => {
                2.0 * (self.params[weight.0].numel() * out.pixels()) as f64
            }
            Op::Attention { .. } => 4.0 * (out.pixels() * out.pixels() * out.channels()) as f64,
            _ => 0.0,
        }
    }

    /// Bytes of all node values of one sample: what training keeps for the backward pass.
    pub fn activation_bytes(&self) -> usize {
        self.nodes.iter().map(|n| n.shape.numel() * size_of::<f32>()).sum()
    }
}

/// Named weights in PyTorch's layout: what checkpoints hold.
pub type Weights = BTreeMap<String, Vec<f32>>;
