//! From a graph to the steps that compute it for one batch size.
//!
//! Layers take over what surrounds them: their input is read through a [`View`], and a vector of channels or a residual
//! that is added to their result is added as it is stored. What remains are the steps, in order, and a buffer for each
//! of their results; the backward pass is the same steps in reverse.

use candle_core::{Error, Result};

use super::{
    attention::Attention,
    buffers::{Layout, Reservations, Slot},
    elementwise::{Elementwise, Kind, Materialise},
    executor::Options,
    features::{ClassEmbedding, TimeFeatures},
    layer::{Geometry, Layer, Way},
    layout::channels_last,
    params::Params,
    step::{BackwardPlan, INPUT, Run, Step, Value, ValueId},
    view::{Norm, View},
};
use crate::nn::{
    Graph, Mode, Op, Shape,
    graph::{Node, NodeId},
};

/// A graph compiled for one batch size.
pub(super) struct Plan {
    pub(super) steps: Vec<Box<dyn Step>>,
    pub(super) layout: Layout,
    pub(super) input: Slot,
    pub(super) output: Slot,
    /// The gradient of the output, which the caller brings, and that of the input. Both only for training.
    pub(super) d_output: Option<Slot>,
    pub(super) d_input: Option<Slot>,
}

impl Plan {
    /// Compiles `graph`.
    pub(super) fn new(graph: &Graph, params: &Params, batch: usize, mode: Mode, options: Options) -> Result<Self> {
        let mut lowering = Lowering::new(graph, params, batch, options);
        for index in 0..graph.nodes.len() {
            lowering.node(NodeId(index))?;
        }
        let output = lowering.value(graph.output)?;
        Ok(lowering.finish(output, mode))
    }

    /// Computes the output from a batch of inputs of `shape`, channels first.
    pub(super) fn forward(&self, run: &mut Run<'_>, shape: Shape, x: &[f32]) -> Result<()> {
        run.begin(0);
        channels_last(shape, x, run.whole(self.input));
        for (time, step) in self.steps.iter().enumerate() {
            if time > 0 {
                run.begin(time);
            }
            run.interrupt.check()?;
            step.forward(run);
        }
        Ok(())
    }

    /// From the gradient of the output, of `shape`, channels first, to those of parameters and input.
    pub(super) fn backward(&self, run: &mut Run<'_>, shape: Shape, d: &[f32]) -> Result<()> {
        let Some(d_output) = self.d_output else { return Ok(()) };
        let last = self.steps.len();
        run.begin(last);
        channels_last(shape, d, run.whole(d_output));
        for (i, step) in self.steps.iter().rev().enumerate() {
            run.begin(last + 1 + i);
            run.interrupt.check()?;
            step.backward(run);
        }
        Ok(())
    }
}

/// A node's value while the graph is compiled.
#[derive(Clone)]
enum Lowered {
    /// Not needed, or not yet: a layer waits for what it will take over.
    Nothing,
    Value(ValueId),
    View(View),
}

/// What a layer takes over.
#[derive(Clone, Copy, Debug)]
struct Fusion {
    /// The node whose value the layer computes.
    at: NodeId,
    channels: Option<NodeId>,
    residual: Option<NodeId>,
}

struct Lowering<'g> {
    graph: &'g Graph,
    params: &'g Params,
    batch: usize,
    options: Options,
    /// For each node those that read it, once for each time; empty for nodes without effect on the output.
    readers: Vec<Vec<NodeId>>,
    /// For each layer what it takes over.
    fusions: Vec<Option<Fusion>>,
    lowered: Vec<Lowered>,
    values: Vec<Value>,
    reservations: Reservations,
    /// Packed weights.
    packed: Vec<Slot>,
    steps: Vec<Box<dyn Step>>,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, params: &'g Params, batch: usize, options: Options) -> Self {
        let readers = readers(graph);
        let fusions = fusions(graph, &readers);
        Self {
            graph,
            params,
            batch,
            options,
            readers,
            fusions,
            lowered: vec![Lowered::Nothing; graph.nodes.len()],
            values: Vec::new(),
            reservations: Reservations::default(),
            packed: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn is_live(&self, id: NodeId) -> bool {
        id == self.graph.output || id.0 == 0 || !self.readers[id.0].is_empty()
    }

    /// Whether a view of this node can be left to its only reader.
    fn has_one_reader(&self, id: NodeId) -> bool {
        id != self.graph.output && self.readers[id.0].len() == 1
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.graph.nodes[id.0].shape
    }

    /// A value with a buffer of its own.
    fn new_value(&mut self, shape: Shape, wants: bool) -> (ValueId, Slot) {
        let slot = self.reservations.add(self.batch * shape.numel());
        self.values.push(Value { shape, slot, wants });
        (ValueId(self.values.len() - 1), slot)
    }

    fn emit(&mut self, step: impl Step + 'static) {
        for slot in step.slots() {
            self.reservations.touch(slot, self.steps.len());
        }
        self.steps.push(Box::new(step));
    }

    /// Compiles one node, or leaves it to the layer that takes it over.
    fn node(&mut self, id: NodeId) -> Result<()> {
        if !self.is_live(id) {
            return Ok(());
        }
        let hosted = self.fusions.iter().position(|f| f.is_some_and(|f| f.at == id));
        if let Some(layer) = hosted {
            return self.layer(NodeId(layer));
        }
        let node = &self.graph.nodes[id.0];
        match &node.op {
            Op::Linear { .. } | Op::Conv { .. } => Ok(()),
            Op::AddChannels if self.is_taken_over(id) => Ok(()),
            Op::Input => {
                let (value, slot) = self.new_value(node.shape, true);
                self.reservations.touch(slot, 0);
                self.lowered[id.0] = Lowered::Value(value);
                Ok(())
            }
            Op::TimeFeatures { .. } | Op::FourierFeatures { .. } => {
                self.time_features(id, node);
                Ok(())
            }
            Op::ClassEmbedding { weight } => {
                let out = self.new_value(node.shape, true);
                let (weight, dim) = (self.params.start(*weight), node.shape.numel());
                self.emit(ClassEmbedding {
                    weight,
                    dim,
                    out,
                    d_out: None,
                });
                self.lowered[id.0] = Lowered::Value(out.0);
                Ok(())
            }
            Op::GroupNorm { .. } | Op::Act(_) | Op::Upsample | Op::Concat => self.view_of(id, node),
            Op::ScaleShift => self.scale_shift(id, node),
            Op::Attention { heads } => self.attention(id, node, *heads),
            Op::Add => self.elementwise(id, node, Kind::Sum),
            Op::AddChannels => self.elementwise(id, node, Kind::AddChannels),
            Op::Scale(factor) => self.elementwise(
                id,
                node,
                Kind::Line {
                    factor: *factor as f32,
                    amount: 0.0,
                },
            ),
            Op::Shift(amount) => self.elementwise(
                id,
                node,
                Kind::Line {
                    factor: 1.0,
                    amount: *amount as f32,
                },
            ),
            Op::DivideByTime => self.elementwise(id, node, Kind::DivideByTime),
            Op::AvgPool => self.elementwise(id, node, Kind::AvgPool),
            Op::Unshuffle => self.elementwise(id, node, Kind::Unshuffle),
            Op::Shuffle => self.elementwise(id, node, Kind::Shuffle),
        }
    }

    /// Whether a layer adds this node's vector itself, on the way to a later node.
    fn is_taken_over(&self, id: NodeId) -> bool {
        let node = &self.graph.nodes[id.0];
        let fusion = self.fusions[node.inputs[0].0];
        fusion.is_some_and(|f| f.channels == Some(node.inputs[1]) && f.at != id)
    }

    fn time_features(&mut self, id: NodeId, node: &Node) {
        let out = self.new_value(node.shape, false);
        let frequencies = match node.op {
            Op::FourierFeatures { weight, .. } => self.params.span(weight),
            _ => 0..0,
        };
        self.emit(TimeFeatures {
            op: node.op.clone(),
            frequencies,
            out: out.1,
        });
        self.lowered[id.0] = Lowered::Value(out.0);
    }

    /// The value of a node in a buffer of its own.
    fn value(&mut self, id: NodeId) -> Result<ValueId> {
        match self.lowered[id.0].clone() {
            Lowered::Value(value) => Ok(value),
            Lowered::View(view) => {
                let shape = self.shape(id);
                let out = self.new_value(shape, self.view_wants(&view));
                self.emit(Materialise {
                    view,
                    out,
                    len: shape.numel(),
                    d_out: None,
                });
                self.lowered[id.0] = Lowered::Value(out.0);
                Ok(out.0)
            }
            Lowered::Nothing => Err(Error::Msg(format!("node {} is used before it is computed", id.0))),
        }
    }

    fn slot_of(&mut self, id: NodeId) -> Result<(ValueId, Slot)> {
        let value = self.value(id)?;
        Ok((value, self.values[value.0].slot))
    }

    fn view_wants(&self, view: &View) -> bool {
        view.norm.is_some() || view.parts.iter().any(|p| self.values[p.value.0].wants)
    }

    /// A node as a layer reads it.
    fn view(&mut self, id: NodeId) -> Result<View> {
        match self.lowered[id.0].clone() {
            Lowered::View(view) => Ok(view),
            _ => self.plain(id),
        }
    }

    fn plain(&mut self, id: NodeId) -> Result<View> {
        let (value, slot) = self.slot_of(id)?;
        let size = match self.shape(id) {
            Shape::Vec(n) => [n, 1, 1],
            Shape::Map(c, h, w) => [c, h, w],
        };
        Ok(View::plain(value, slot, size))
    }

    /// A node as a view to which a norm or an activation can be added: its values side by side, perhaps normalised.
    fn base(&mut self, id: NodeId, may_be_normal: bool) -> Result<View> {
        let view = self.view(id)?;
        let fits = view.act.is_none() && !view.upsample && (view.norm.is_none() || may_be_normal);
        if fits { Ok(view) } else { self.plain(id) }
    }

    /// Operations that are done while their reader reads.
    fn view_of(&mut self, id: NodeId, node: &Node) -> Result<()> {
        let input = node.inputs[0];
        let view = match node.op {
            Op::GroupNorm {
                weight,
                bias,
                groups,
                eps,
            } => {
                let mut view = self.base(input, false)?;
                let numbers = self.batch * view.channels();
                let slots = [self.reservations.add(numbers), self.reservations.add(3 * numbers)];
                let starts = [weight, bias].map(|p| self.params.start(p));
                view.norm = Some(Norm::new(starts, groups, eps, slots));
                view
            }
            Op::Act(f) => {
                let mut view = self.base(input, true)?;
                view.act = Some(f);
                view
            }
            Op::Upsample => {
                let mut view = self.plain(input)?;
                view.upsample = true;
                view
            }
            _ => self.plain(input)?.beside(self.plain(node.inputs[1])?),
        };
        let is_free = view.is_raw() && !view.upsample;
        self.lowered[id.0] = Lowered::View(view);
        if !(is_free || self.has_one_reader(id)) {
            self.value(id)?;
        }
        Ok(())
    }

    fn scale_shift(&mut self, id: NodeId, node: &Node) -> Result<()> {
        let (map, vector) = (node.inputs[0], node.inputs[1]);
        let modulation = self.slot_of(vector)?;
        let mut view = self.view(map)?;
        let free = view.act.is_none() && self.has_one_reader(map);
        let Some(norm) = view.norm.as_mut().filter(|n| free && n.modulation.is_none()) else {
            return self.elementwise(id, node, Kind::ScaleShift);
        };
        norm.modulation = Some(modulation);
        self.lowered[id.0] = Lowered::View(view);
        if !self.has_one_reader(id) {
            self.value(id)?;
        }
        Ok(())
    }

    fn attention(&mut self, id: NodeId, node: &Node, heads: usize) -> Result<()> {
        let inputs = [
            self.slot_of(node.inputs[0])?,
            self.slot_of(node.inputs[1])?,
            self.slot_of(node.inputs[2])?,
        ];
        let wants = inputs.iter().any(|v| self.values[v.0.0].wants);
        let out = self.new_value(node.shape, wants);
        let (pixels, channels, isa) = (node.shape.pixels(), node.shape.channels(), self.options.isa);
        self.emit(Attention {
            inputs,
            out,
            pixels,
            channels,
            heads,
            isa,
            back: None,
        });
        self.lowered[id.0] = Lowered::Value(out.0);
        Ok(())
    }

    fn elementwise(&mut self, id: NodeId, node: &Node, kind: Kind) -> Result<()> {
        let mut inputs = Vec::new();
        for &input in &node.inputs {
            let (value, slot) = self.slot_of(input)?;
            inputs.push((value, slot, self.shape(input)));
        }
        let wants = inputs.iter().any(|v| self.values[v.0.0].wants);
        let (value, slot) = self.new_value(node.shape, wants);
        self.emit(Elementwise {
            kind,
            inputs,
            out: (value, slot, node.shape),
            back: None,
        });
        self.lowered[id.0] = Lowered::Value(value);
        Ok(())
    }

    fn layer(&mut self, id: NodeId) -> Result<()> {
        let node = &self.graph.nodes[id.0];
        let Some(fusion) = self.fusions[id.0] else {
            return Ok(());
        };
        let (Op::Linear { weight, bias } | Op::Conv { weight, bias, .. }) = node.op else {
            return Ok(());
        };
        let view = self.view(node.inputs[0])?;
        let channels = fusion.channels.map(|id| self.slot_of(id)).transpose()?;
        let residual = fusion.residual.map(|id| self.slot_of(id)).transpose()?;
        let geometry = geometry(
            &view,
            node,
            self.graph.params[weight.0].shape.get(2).copied().unwrap_or(1),
        );
        let out = self.new_value(node.shape, true);
        let way = Way::of(&geometry, &view, self.options.winograd);
        let packed = self.reservations.add(way.packed_len(&geometry, self.options.isa));
        self.packed.push(packed);
        let (weight, bias) = (self.params.start(weight), bias.map(|b| self.params.start(b)));
        self.emit(Layer {
            view,
            geometry,
            way,
            weight,
            bias,
            channels,
            residual,
            out,
            packed,
            back: None,
        });
        self.lowered[fusion.at.0] = Lowered::Value(out.0);
        Ok(())
    }

    /// Plans the backward pass and gives every buffer its place.
    fn finish(mut self, output: ValueId, mode: Mode) -> Plan {
        let last = self.steps.len();
        let input = self.values[INPUT.0].slot;
        let out = self.values[output.0].slot;
        self.reservations.touch(out, last);
        if mode == Mode::Infer {
            // Weights stay packed from one pass to the next.
            self.packed.iter().for_each(|&slot| self.reservations.hold(slot, last));
        }
        let mut grads = vec![None; self.values.len()];
        let mut d_output = None;
        if mode == Mode::Train {
            let slot = self.reservations.add(self.batch * self.values[output.0].shape.numel());
            self.reservations.touch(slot, last);
            d_output = Some(slot);
            grads[output.0] = d_output;
            for (i, step) in self.steps.iter_mut().rev().enumerate() {
                step.plan_backward(&mut BackwardPlan {
                    values: &self.values,
                    reservations: &mut self.reservations,
                    grads: &mut grads,
                    time: last + 1 + i,
                    batch: self.batch,
                    isa: self.options.isa,
                });
            }
            if let Some(d_input) = grads[INPUT.0] {
                self.reservations.touch(d_input, 2 * last + 1);
            }
        }
        Plan {
            steps: self.steps,
            layout: self.reservations.place(),
            input,
            output: out,
            d_output,
            d_input: grads[INPUT.0],
        }
    }
}

/// For each node those that read it, nodes without effect on the output left out.
fn readers(graph: &Graph) -> Vec<Vec<NodeId>> {
    let mut readers = vec![Vec::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if index == graph.output.0 || !readers[index].is_empty() {
            for input in &node.inputs {
                readers[input.0].push(NodeId(index));
            }
        }
    }
    readers
}

/// What each layer takes over: first a vector of channels, then a residual, as long as nobody else reads what is between.
fn fusions(graph: &Graph, readers: &[Vec<NodeId>]) -> Vec<Option<Fusion>> {
    let mut fusions: Vec<Option<Fusion>> = vec![None; graph.nodes.len()];
    let mut taken = vec![false; graph.nodes.len()];
    let only_reader = |id: NodeId| match readers[id.0][..] {
        [reader] if id != graph.output => Some(reader),
        _ => None,
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        let is_live = index == graph.output.0 || !readers[index].is_empty();
        if !is_live || !matches!(node.op, Op::Linear { .. } | Op::Conv { .. }) {
            continue;
        }
        let mut fusion = Fusion {
            at: NodeId(index),
            channels: None,
            residual: None,
        };
        if let Some(reader) = only_reader(fusion.at) {
            let next = &graph.nodes[reader.0];
            if next.op == Op::AddChannels && next.inputs[0] == fusion.at {
                fusion = Fusion {
                    at: reader,
                    channels: Some(next.inputs[1]),
                    residual: None,
                };
            }
        }
        if let Some(reader) = only_reader(fusion.at) {
            let next = &graph.nodes[reader.0];
            if next.op == Op::Add && !taken[reader.0] {
                taken[reader.0] = true;
                let other = next.inputs.iter().copied().find(|&i| i != fusion.at);
                fusion = Fusion {
                    at: reader,
                    residual: other,
                    ..fusion
                };
            }
        }
        fusions[index] = Some(fusion);
    }
    fusions
}

fn geometry(view: &View, node: &Node, k: usize) -> Geometry {
    let scale = if view.upsample { 2 } else { 1 };
    let (out_height, out_width) = match node.shape {
        Shape::Vec(_) => (1, 1),
        Shape::Map(_, h, w) => (h, w),
    };
    let (stride, pad) = match node.op {
        Op::Conv { stride, pad, .. } => (stride, pad),
        _ => (1, [0; 4]),
    };
    Geometry {
        c_in: view.channels(),
        c_out: node.shape.channels(),
        height: scale * view.height,
        width: scale * view.width,
        out_height,
        out_width,
        k,
        stride,
        pad,
    }
}
