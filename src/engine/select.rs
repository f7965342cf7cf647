//! Which executor runs a network. What was asked for is what runs, or an error: never a silent fallback.

use std::sync::Arc;

use candle_core::Device;

use super::Error;
use crate::{
    diffusion::{Net, oracle::ExactNet},
    kernels::PlanExecutor,
    math::Domain,
    nn::{CandleExecutor, DeviceChoice, Executor, Graph, Interrupt, SharedNet, Weights},
};

/// An executor for the graph with these weights on the chosen device: the compiled plan on the CPU, candle elsewhere and
/// where it is asked for.
pub(super) fn executor(choice: DeviceChoice, graph: Graph, weights: &Weights) -> Result<Box<dyn Executor>, Error> {
    let device = choice.device()?;
    let mut executor: Box<dyn Executor> = match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu if device.is_cpu() => Box::new(PlanExecutor::new(graph, None)?),
        _ => Box::new(CandleExecutor::new(graph, &device)),
    };
    let flat = executor.pack(weights)?;
    executor.params_mut().copy_from_slice(&flat);
    Ok(executor)
}

/// Operations of one sample below which an imported network is run in double precision.
///
/// Samples of a network that is followed by clipping can depend on the last bits: on the reference pipeline torch itself
/// differs by 1e-3 from one machine to the next. Where it costs little, such a model is therefore computed exactly.
const SMALL: f64 = 5e7;

/// How many samples one call may hold when each of them takes so many operations; at least one.
pub(super) fn samples_per_call(exec: &dyn Executor, operations: f64) -> usize {
    ((exec.call_size() / operations.max(1.0)) as usize).clamp(1, 4096)
}

/// Where networks run, and what breaks off their calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    /// Where.
    pub(super) device: DeviceChoice,
    /// What.
    pub(super) interrupt: Interrupt,
}

impl Host {
    /// A network with these weights.
    pub(super) fn runner(&self, graph: Graph, weights: &Weights) -> Result<Runner<SharedNet>, Error> {
        Ok(self.with(executor(self.device, graph, weights)?))
    }

    /// A network that came from elsewhere: in double precision where it is small and neither candle nor a graphics processor
    /// was asked for.
    pub(super) fn imported(&self, graph: Graph, weights: &Weights) -> Result<Runner<SharedNet>, Error> {
        let is_free = matches!(self.device, DeviceChoice::Auto | DeviceChoice::Cpu);
        if !is_free || graph.forward_flops() > SMALL {
            return self.runner(graph, weights);
        }
        let mut executor = CandleExecutor::double(graph);
        let flat = executor.pack(weights)?;
        executor.params_mut().copy_from_slice(&flat);
        Ok(self.with(Box::new(executor)))
    }

    fn with(&self, mut exec: Box<dyn Executor>) -> Runner<SharedNet> {
        exec.watch(&self.interrupt);
        Runner {
            device: exec.device().clone(),
            per_call: samples_per_call(&*exec, exec.graph().forward_flops()),
            executor: exec.describe(),
            net: Arc::new(SharedNet::new(exec)),
        }
    }
}

/// A network, and how it likes to be asked.
pub(super) struct Runner<N: ?Sized = dyn Net> {
    /// The network.
    pub(super) net: Arc<N>,
    /// Where its inputs live.
    pub(super) device: Device,
    /// Samples of one forward pass.
    pub(super) per_call: usize,
    /// Name of the executor.
    pub(super) executor: String,
}

impl From<Runner<SharedNet>> for Runner {
    fn from(runner: Runner<SharedNet>) -> Self {
        let Runner {
            net,
            device,
            per_call,
            executor,
        } = runner;
        Self {
            net,
            device,
            per_call,
            executor,
        }
    }
}

impl Runner {
    /// What stands in for a network without weights. It runs on the CPU, and one call takes some twentieths of a second at most.
    pub(super) fn exact(net: &Arc<ExactNet>, domain: Domain) -> Self {
        const CALL: f64 = 4e7;
        Self {
            net: net.clone(),
            device: Device::Cpu,
            per_call: ((CALL / net.operations(domain.numel())) as usize).max(1),
            executor: "exact formula, 1 thread".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        math::{Domain, Spec},
        nn::{self, init},
    };

    #[test]
    fn every_network_runs_on_the_plan_on_a_cpu() {
        let image = Domain::Image {
            channels: 3,
            height: 16,
            width: 16,
        };
        for entry in nn::ENTRIES {
            let graphs = [Domain::Points, image].map(|domain| nn::graph(&Spec::new(entry.id), domain, Some(4)).ok());
            assert!(graphs.iter().any(Option::is_some), "{} fits some data", entry.id);
            for graph in graphs.into_iter().flatten() {
                let weights = init::weights(&graph, 0);
                let runs = |choice| executor(choice, graph.clone(), &weights).unwrap().describe();
                assert!(runs(DeviceChoice::Cpu).starts_with("plan"), "{}", entry.id);
                assert!(runs(DeviceChoice::CpuCandle).starts_with("candle"), "{}", entry.id);
            }
        }
    }
}
