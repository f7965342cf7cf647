//! The compiled plan behind the interface that candle's executor has too.

use std::{collections::BTreeMap, sync::Arc};

use candle_core::{Device, Error, Result, Tensor};

use super::{
    buffers::{Arena, Memory, Scratch},
    crew::Crew,
    layout::{channels_first, with_numbers},
    params::Params,
    plan::Plan,
    simd::Isa,
    step::Run,
};
use crate::{
    math::Cond,
    nn::{Executor, Graph, Interrupt, Layout, Mode, Shape, inputs},
};

/// Plans that are kept: training, previews and a last small batch alternate.
const KEPT_PLANS: usize = 6;

/// Choices of a [`PlanExecutor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads that share the work; all cores when `None`.
    pub threads: Option<usize>,
    /// The instruction set.
    pub isa: Isa,
    /// Whether 3x3 convolutions may take Winograd's way: faster, with rounding errors a few times larger.
    pub winograd: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: None,
            isa: Isa::best(),
            winograd: true,
        }
    }
}

/// Runs a graph on the CPU with kernels of its own.
///
/// The same numbers, bit for bit, whatever the number of threads; sample `i` of a forward pass whatever the batch.
pub struct PlanExecutor {
    graph: Graph,
    params: Arc<Params>,
    flat: Vec<f32>,
    options: Options,
    crew: Crew,
    plans: BTreeMap<(usize, bool), Plan>,
    memory: Memory,
    scratch: Scratch,
    /// What the backward pass of the latest forward pass needs besides the memory.
    pass: Option<Pass>,
    interrupt: Interrupt,
    /// The plan for inference whose packed weights lie in the memory and are those of `flat`.
    packed: Option<(usize, bool)>,
}

/// A forward pass for training.
struct Pass {
    times: Vec<f64>,
    classes: Vec<u32>,
}

impl PlanExecutor {
    /// An executor with the fastest kernels of this processor and `threads` threads, all cores when `None`. All
    /// parameters are zero until they are set through [`Executor::params_mut`].
    pub fn new(graph: Graph, threads: Option<usize>) -> Result<Self> {
        let defaults = Options::default();
        Self::with_options(graph, Options { threads, ..defaults })
    }

    /// The same with every choice open.
    pub fn with_options(graph: Graph, options: Options) -> Result<Self> {
        let params = Arc::new(Params::new(&graph));
        Ok(Self {
            flat: vec![0.0; params.len()],
            scratch: Scratch::default(),
            params,
            graph,
            options,
            crew: Crew::new(options.threads),
            plans: BTreeMap::new(),
            memory: Memory::new(0),
            pass: None,
            interrupt: Interrupt::default(),
            packed: None,
        })
    }

    /// Threads that share the work.
    pub fn threads(&self) -> usize {
        self.crew.threads()
    }

    /// Compiles for this batch unless that was done before, and sees to the memory.
    fn prepare(&mut self, batch: usize, mode: Mode) -> Result<()> {
        let key = (batch, mode == Mode::Train);
        if !self.plans.contains_key(&key) {
            if self.plans.len() == KEPT_PLANS {
                self.plans.pop_first();
            }
            let plan = Plan::new(&self.graph, &self.params, batch, mode, self.options)?;
            self.plans.insert(key, plan);
        }
        let plan = &self.plans[&key];
        if self.memory.len() < plan.layout.len() {
            // The former memory goes first: both at a time would be the peak.
            self.memory = Memory::new(0);
            self.memory = Memory::new(plan.layout.len());
            self.packed = None;
        }
        Ok(())
    }

    /// Shape of a batch of values in tensor order.
    fn dims(shape: Shape, batch: usize) -> Vec<usize> {
        match shape {
            Shape::Vec(n) => vec![batch, n],
            Shape::Map(c, h, w) => vec![batch, c, h, w],
        }
    }

    fn check_input(&self, x: &Tensor) -> Result<usize> {
        let batch = x.dim(0)?;
        let expected = Self::dims(self.graph.nodes[0].shape, batch);
        if x.dims() != expected || batch == 0 {
            let found = x.dims();
            return Err(Error::Msg(format!(
                "the network takes {expected:?}, but was given {found:?}"
            )));
        }
        Ok(batch)
    }
}

impl std::fmt::Debug for PlanExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanExecutor")
            .field("runs", &self.describe())
            .finish_non_exhaustive()
    }
}

impl Executor for PlanExecutor {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        let threads = self.threads();
        let plural = if threads == 1 { "" } else { "s" };
        let winograd = if self.options.winograd { "" } else { ", no Winograd" };
        format!("plan, {}, {threads} thread{plural}{winograd}", self.options.isa.name())
    }

    /// About forty milliseconds on two ordinary cores.
    fn call_size(&self) -> f64 {
        2e9
    }

    fn watch(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    fn device(&self) -> &Device {
        &Device::Cpu
    }

    fn params(&self) -> &[f32] {
        &self.flat
    }

    fn params_mut(&mut self) -> &mut [f32] {
        self.packed = None;
        &mut self.flat
    }

    fn layout(&self) -> Arc<dyn Layout> {
        self.params.clone()
    }

    fn forward(&mut self, x: &Tensor, t: &[f64], cond: &Cond, mode: Mode) -> Result<Tensor> {
        self.pass = None;
        let batch = self.check_input(x)?;
        inputs::check(cond, t, batch, self.graph.classes)?;
        let classes = match self.graph.classes {
            Some(classes) => inputs::class_rows(cond, batch, classes)?,
            None => Vec::new(),
        };
        self.prepare(batch, mode)?;
        let key = (batch, mode == Mode::Train);
        let plan = &self.plans[&key];
        let packed = self.packed.take() == Some(key);
        let arena = Arena::new(self.memory.as_mut(), &plan.layout);
        let mut run = Run {
            isa: self.options.isa,
            batch,
            arena,
            scratch: &self.scratch,
            params: &self.flat,
            grads: None,
            want_input: false,
            times: t,
            classes: &classes,
            packed,
            interrupt: &self.interrupt,
        };
        let (input, output) = (self.graph.nodes[0].shape, self.graph.nodes[self.graph.output.0].shape);
        with_numbers(x, |x| self.crew.run(|| plan.forward(&mut run, input, x)))???;
        let out = channels_first(output, run.read(plan.output));
        self.packed = (mode == Mode::Infer).then_some(key);
        self.pass = (mode == Mode::Train).then(|| Pass {
            times: t.to_vec(),
            classes,
        });
        Tensor::from_vec(out, Self::dims(output, batch), &Device::Cpu)
    }

    fn working_bytes(&self, batch: usize, mode: Mode) -> Result<usize> {
        let plan = Plan::new(&self.graph, &self.params, batch, mode, self.options)?;
        Ok(plan.layout.len() * size_of::<f32>())
    }

    fn backward(&mut self, d_out: &Tensor, grads: Option<&mut [f32]>, want_input: bool) -> Result<Option<Tensor>> {
        let Some(Pass { times, classes }) = self.pass.take() else {
            return Err(Error::Msg(
                "a backward pass needs a forward pass for training before it".into(),
            ));
        };
        let batch = times.len();
        let (input, output) = (self.graph.nodes[0].shape, self.graph.nodes[self.graph.output.0].shape);
        let expected = Self::dims(output, batch);
        if d_out.dims() != expected {
            let found = d_out.dims();
            return Err(Error::Msg(format!(
                "the gradient of the result is {expected:?}, not {found:?}"
            )));
        }
        if let Some(grads) = grads.as_ref().filter(|g| g.len() != self.flat.len()) {
            let (found, expected) = (grads.len(), self.flat.len());
            return Err(Error::Msg(format!(
                "there are {expected} gradients, but the buffer holds {found}"
            )));
        }
        let plan = &self.plans[&(batch, true)];
        let arena = Arena::new(self.memory.as_mut(), &plan.layout);
        let mut run = Run {
            isa: self.options.isa,
            batch,
            arena,
            scratch: &self.scratch,
            params: &self.flat,
            grads,
            want_input,
            times: &times,
            classes: &classes,
            packed: false,
            interrupt: &self.interrupt,
        };
        with_numbers(d_out, |d| self.crew.run(|| plan.backward(&mut run, output, d)))???;
        if !want_input {
            return Ok(None);
        }
        let d = match plan.d_input {
            Some(d_input) => channels_first(input, run.read(d_input)),
            None => vec![0.0; batch * input.numel()],
        };
        Tensor::from_vec(d, Self::dims(input, batch), &Device::Cpu).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::bench::{CASES, Trial};

    #[test]
    fn working_memory_is_as_large_as_said() {
        for mode in [Mode::Train, Mode::Infer] {
            let case = &CASES[0];
            let mut executor = PlanExecutor::new(case.graph().unwrap(), Some(1)).unwrap();
            let said = executor.working_bytes(case.batch, mode).unwrap();
            let trial = Trial::new(case, &mut executor).unwrap();
            trial.forward(&mut executor, mode).unwrap();
            assert_eq!(said, executor.memory.len() * size_of::<f32>(), "{mode:?}");
        }
    }
}
