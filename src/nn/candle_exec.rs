//! Runs a graph with candle tensors and candle's autograd, on any device that candle knows.

use std::sync::Arc;

use candle_core::{DType, Device, Error, Result, Tensor, Var, backprop::GradStore};

use super::{
    candle_ops as ops,
    exec::{Executor, Interrupt, Mode},
    flat::{Flat, Layout},
    graph::{Graph, Node, NodeId, Op, ParamId},
    inputs,
};
use crate::math::Cond;

/// A graph on a candle device. The flat order is the sorted order of names.
#[derive(Debug)]
pub struct CandleExecutor {
    graph: Graph,
    device: Device,
    /// What is computed with; what goes in and comes out is float32.
    precision: DType,
    layout: Arc<Flat>,
    flat: Vec<f32>,
    /// The flat buffer as tensors, by [`ParamId`]; empty when the buffer has changed since.
    vars: Vec<Var>,
    /// For each node the last one that reads it.
    last_reader: Vec<usize>,
    pass: Option<Pass>,
    interrupt: Interrupt,
}

/// What the backward pass needs from the forward pass.
#[derive(Debug)]
struct Pass {
    x: Var,
    out: Tensor,
}

/// One evaluation: the sample and what the network is told about it.
struct Call<'a> {
    x: &'a Tensor,
    t: &'a [f64],
    cond: &'a Cond,
    params: &'a [Tensor],
}

impl CandleExecutor {
    /// All parameters are zero until they are set through [`Executor::params_mut`].
    pub fn new(graph: Graph, device: &Device) -> Self {
        let layout = Arc::new(Flat::new(&graph));
        let mut last_reader: Vec<usize> = (0..graph.nodes.len()).collect();
        for (reader, node) in graph.nodes.iter().enumerate() {
            for input in &node.inputs {
                last_reader[input.0] = reader;
            }
        }
        last_reader[graph.output.0] = graph.nodes.len();
        Self {
            device: device.clone(),
            precision: DType::F32,
            flat: vec![0.0; layout.len()],
            layout,
            vars: Vec::new(),
            last_reader,
            pass: None,
            interrupt: Interrupt::default(),
            graph,
        }
    }

    /// The same in double precision on the CPU: results are right to the last digit of float32, at a high price.
    pub fn double(graph: Graph) -> Self {
        Self {
            precision: DType::F64,
            ..Self::new(graph, &Device::Cpu)
        }
    }

    /// Brings the tensors up to date with the flat buffer.
    fn refresh(&mut self) -> Result<()> {
        if !self.vars.is_empty() {
            return Ok(());
        }
        let var = |(index, param): (usize, &super::graph::ParamInfo)| {
            let values = &self.flat[self.layout.span(ParamId(index))];
            let tensor = Tensor::from_slice(values, param.shape.as_slice(), &self.device)?;
            Var::from_tensor(&tensor.to_dtype(self.precision)?)
        };
        self.vars = self.graph.params.iter().enumerate().map(var).collect::<Result<_>>()?;
        Ok(())
    }

    /// The parameters as tensors: tracked where they are trained and a backward pass may follow.
    fn tensors(&self, mode: Mode) -> Vec<Tensor> {
        let tensor = |(var, info): (&Var, &super::graph::ParamInfo)| match mode {
            Mode::Train if info.trained => var.as_tensor().clone(),
            _ => var.as_detached_tensor(),
        };
        self.vars.iter().zip(&self.graph.params).map(tensor).collect()
    }

    fn evaluate(&self, call: &Call<'_>) -> Result<Tensor> {
        let mut values: Vec<Option<Tensor>> = Vec::with_capacity(self.graph.nodes.len());
        for (index, node) in self.graph.nodes.iter().enumerate() {
            self.interrupt.check()?;
            let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|i| values[i.0].as_ref()).collect();
            let value = self.node(node, &inputs, call)?;
            values.push(Some(value));
            for input in &node.inputs {
                if self.last_reader[input.0] == index {
                    values[input.0] = None;
                }
            }
        }
        let NodeId(output) = self.graph.output;
        values[output]
            .take()
            .ok_or_else(|| Error::Msg("the graph has no output".into()))
    }

    fn node(&self, node: &Node, inputs: &[&Tensor], call: &Call<'_>) -> Result<Tensor> {
        let param = |id: ParamId| &call.params[id.0];
        let optional = |id: Option<ParamId>| id.map(param);
        match node.op {
            Op::Input => Ok(call.x.clone()),
            Op::TimeFeatures { .. } | Op::FourierFeatures { .. } => self.features(&node.op, call),
            Op::ClassEmbedding { weight } => {
                let classes = self.graph.classes.unwrap_or(0);
                let rows = inputs::class_rows(call.cond, call.t.len(), classes)?;
                let rows = Tensor::from_vec(rows, call.t.len(), &self.device)?;
                param(weight).index_select(&rows, 0)
            }
            Op::Linear { weight, bias } => ops::linear(inputs[0], param(weight), optional(bias)),
            Op::Conv {
                weight,
                bias,
                stride,
                pad,
            } => ops::conv(inputs[0], param(weight), optional(bias), stride, pad),
            Op::GroupNorm {
                weight,
                bias,
                groups,
                eps,
            } => ops::group_norm(inputs[0], param(weight), param(bias), groups, eps),
            Op::Act(f) => ops::activation(inputs[0], f),
            Op::Add => inputs[0] + inputs[1],
            Op::AddChannels => ops::add_channels(inputs[0], inputs[1]),
            Op::ScaleShift => ops::scale_shift(inputs[0], inputs[1]),
            Op::Scale(factor) => inputs[0] * factor,
            Op::Shift(amount) => inputs[0] + amount,
            Op::DivideByTime => ops::divide_by_time(inputs[0], call.t),
            Op::Concat => Tensor::cat(inputs, 1),
            Op::Upsample => ops::upsample(inputs[0]),
            Op::AvgPool => inputs[0].avg_pool2d(2),
            Op::Unshuffle => ops::unshuffle(inputs[0]),
            Op::Shuffle => ops::shuffle(inputs[0]),
            Op::Attention { heads } => ops::attention(inputs[0], inputs[1], inputs[2], heads),
        }
    }

    /// What the network is told of the time.
    fn features(&self, op: &Op, call: &Call<'_>) -> Result<Tensor> {
        let features = match *op {
            Op::FourierFeatures { weight, log, flip } => {
                inputs::fourier_features(call.t, &self.flat[self.layout.span(weight)], log, flip)
            }
            Op::TimeFeatures {
                dim,
                flip,
                shift,
                max_period,
                scale,
            } => inputs::time_features(call.t, dim, flip, shift, max_period, scale),
            _ => Vec::new(),
        };
        let width = features.len() / call.t.len().max(1);
        Tensor::from_vec(features, (call.t.len(), width), &self.device)?.to_dtype(self.precision)
    }

    fn add_gradients(&self, found: &GradStore, grads: &mut [f32]) -> Result<()> {
        for (index, var) in self.vars.iter().enumerate() {
            let Some(grad) = found.get(var) else { continue };
            let values = grad.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            let sums = &mut grads[self.layout.span(ParamId(index))];
            sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
        }
        Ok(())
    }
}

impl Executor for CandleExecutor {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        let place = match &self.device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        };
        let precision = if self.precision == DType::F64 {
            " in double precision"
        } else {
            ""
        };
        format!("candle on {place}{precision}")
    }

    fn watch(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn params(&self) -> &[f32] {
        &self.flat
    }

    fn params_mut(&mut self) -> &mut [f32] {
        self.vars.clear();
        &mut self.flat
    }

    fn layout(&self) -> Arc<dyn Layout> {
        self.layout.clone()
    }

    fn forward(&mut self, x: &Tensor, t: &[f64], cond: &Cond, mode: Mode) -> Result<Tensor> {
        inputs::check(cond, t, x.dim(0)?, self.graph.classes)?;
        self.pass = None;
        self.refresh()?;
        let params = &self.tensors(mode);
        match mode {
            Mode::Infer => {
                let x = &x.detach().to_dtype(self.precision)?;
                self.evaluate(&Call { x, t, cond, params })?.to_dtype(DType::F32)
            }
            Mode::Train => {
                let x = Var::from_tensor(&x.detach().to_dtype(self.precision)?)?;
                let out = self.evaluate(&Call { x: &x, t, cond, params })?;
                let value = out.detach().to_dtype(DType::F32)?;
                self.pass = Some(Pass { x, out });
                Ok(value)
            }
        }
    }

    fn backward(&mut self, d_out: &Tensor, grads: Option<&mut [f32]>, want_input: bool) -> Result<Option<Tensor>> {
        let Some(Pass { x, out }) = self.pass.take() else {
            return Err(Error::Msg(
                "a backward pass needs a forward pass for training before it".into(),
            ));
        };
        let d_out = d_out.detach().to_dtype(self.precision)?;
        let found = (out * d_out)?.sum_all()?.backward()?;
        if let Some(grads) = grads {
            self.add_gradients(&found, grads)?;
        }
        let missing = || Error::Msg("the network does not look at its input".into());
        want_input
            .then(|| found.get(&x).ok_or_else(missing)?.to_dtype(DType::F32))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        math::{Domain, Spec},
        nn::{graph, init},
    };

    fn perceptron(classes: Option<usize>) -> CandleExecutor {
        let graph = graph(&Spec::new("mlp"), Domain::Points, classes).unwrap();
        let weights = init::weights(&graph, 1);
        let mut net = CandleExecutor::new(graph, &Device::Cpu);
        let flat = net.pack(&weights).unwrap();
        net.params_mut().copy_from_slice(&flat);
        net
    }

    fn batch() -> Tensor {
        Tensor::new(&[[0.5_f32, -1.0], [2.0, 0.25]], &Device::Cpu).unwrap()
    }

    fn run(net: &mut CandleExecutor, cond: &Cond, mode: Mode) -> Vec<f32> {
        let out = net.forward(&batch(), &[3.0, 700.0], cond, mode).unwrap();
        out.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn gradients_are_added_to_what_is_there() {
        let mut net = perceptron(None);
        let mut grads = vec![0.0; net.params().len()];
        run(&mut net, &Cond::None, Mode::Train);
        net.backward(&batch(), Some(&mut grads), false).unwrap();
        let once = grads.clone();
        run(&mut net, &Cond::None, Mode::Train);
        net.backward(&batch(), Some(&mut grads), false).unwrap();
        assert!(once.iter().any(|g| *g != 0.0));
        assert!(once.iter().zip(&grads).all(|(one, two)| 2.0 * one == *two));
    }

    #[test]
    fn changed_parameters_are_used_by_the_next_forward_pass() {
        let mut net = perceptron(None);
        let before = run(&mut net, &Cond::None, Mode::Infer);
        net.params_mut().fill(0.0);
        assert_eq!(run(&mut net, &Cond::None, Mode::Infer), [0.0; 4]);
        assert!(before.iter().all(|v| *v != 0.0));
    }

    #[test]
    fn a_sample_does_not_depend_on_its_batch() {
        let mut net = perceptron(Some(3));
        let both = run(&mut net, &Cond::Class(vec![0, 1]), Mode::Infer);
        let second = batch().narrow(0, 1, 1).unwrap();
        let alone = net
            .forward(&second, &[700.0], &Cond::Class(vec![1]), Mode::Infer)
            .unwrap();
        let alone = alone.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(alone.iter().zip(&both[2..]).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn without_a_condition_the_null_class_is_used() {
        let mut net = perceptron(Some(3));
        let null = run(&mut net, &Cond::Class(vec![2, 2]), Mode::Infer);
        assert_eq!(run(&mut net, &Cond::None, Mode::Infer), null);
        assert_ne!(run(&mut net, &Cond::Class(vec![0, 2]), Mode::Infer)[..2], null[..2]);
    }

    #[test]
    fn misuse_is_refused_with_a_reason() {
        let mut net = perceptron(None);
        run(&mut net, &Cond::None, Mode::Infer);
        let fault = net.backward(&batch(), None, true).unwrap_err().to_string();
        assert!(fault.contains("forward pass for training"), "{fault}");
        let classes = Cond::Class(vec![0, 0]);
        let fault = net.forward(&batch(), &[1.0, 2.0], &classes, Mode::Infer).unwrap_err();
        assert!(fault.to_string().contains("without classes"), "{fault}");
        let fault = net.forward(&batch(), &[1.0], &Cond::None, Mode::Infer).unwrap_err();
        assert!(
            fault.to_string().contains("1 times were given for 2 samples"),
            "{fault}"
        );
    }
}
