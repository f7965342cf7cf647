//! The standard cases: how long a training step and a forward pass take on this machine.
//!
//! The same networks, batches and steps as the PyTorch yardstick: mean squared error, gradients clipped at norm 1, AdamW.

use std::{
    fmt,
    time::{Duration, Instant},
};

use candle_core::{Device, Result, Tensor};
use serde::Serialize;

use crate::{
    math::{
        Cond, Domain, Spec, SpecError, Value,
        noise::{Address, Stream},
    },
    nn::{
        self, Executor, Graph, Mode, init,
        optim::{self, AdamW, Hyper},
        unet,
    },
};

mod parts;

pub use parts::{Part, parts};

/// A network and the batch that it is timed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Name.
    pub id: &'static str,
    /// Samples in a batch.
    pub batch: usize,
    net: Net,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Net {
    Mlp {
        width: usize,
    },
    /// A U-Net for square pictures with self-attention on the coarsest level.
    UNet {
        side: usize,
        channels: usize,
        width: usize,
        /// Of the width, level by level.
        factors: &'static [usize],
    },
}

/// All standard cases.
pub const CASES: &[Case] = &[
    Case {
        id: "points_mlp",
        batch: 512,
        net: Net::Mlp { width: 128 },
    },
    unet_case("gray28", 64, [28, 1, 32], &[1, 2, 2]),
    unet_case("rgb16", 64, [16, 3, 32], &[1, 2]),
    unet_case("rgb32", 16, [32, 3, 64], &[1, 2, 2]),
    unet_case("rgb64", 8, [64, 3, 32], &[1, 2, 4, 4]),
];

const fn unet_case(
    id: &'static str,
    batch: usize,
    [side, channels, width]: [usize; 3],
    factors: &'static [usize],
) -> Case {
    Case {
        id,
        batch,
        net: Net::UNet {
            side,
            channels,
            width,
            factors,
        },
    }
}

/// What a case can be varied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Samples in a batch.
    Batch,
    /// Rows and columns of a picture.
    Side,
    /// Channels of the finest level, or numbers in each layer of the perceptron.
    Width,
}

impl Axis {
    /// The values of a table of growth. Sides go by eight, so that every case can be halved to its coarsest level; widths
    /// too, for the eight groups of its norms.
    pub const fn values(self) -> &'static [usize] {
        match self {
            Self::Batch => &[1, 2, 4, 8, 16, 32, 64, 128],
            Self::Side => &[8, 16, 24, 32, 40, 48, 56, 64],
            Self::Width => &[16, 24, 32, 48, 64, 96, 128],
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`Case::id`].
    pub case: &'static str,
    /// Samples in a batch.
    pub batch: usize,
    /// Rows and columns of the pictures; `None` for points.
    pub side: Option<usize>,
    /// Channels of the finest level, or numbers in each layer of the perceptron.
    pub width: usize,
    /// Weights of the network.
    pub params: usize,
    /// Median of a training step: forward, loss, backward, clipping, AdamW.
    pub train_step_ms: f64,
    /// Median of a forward pass for inference.
    pub forward_ms: f64,
    /// Billions of operations a second of the training step, the way back counted as twice the way there. Operations are
    /// those of the plain sums of products ([`Graph::forward_flops`]): Winograd's way needs fewer and so seems faster.
    pub train_gflops: f64,
    /// Billions of operations a second of the forward pass, likewise.
    pub forward_gflops: f64,
    /// Growth of the largest resident size since the start; right only for the first case of a process, and known only
    /// on Linux.
    pub peak_mb: Option<f64>,
    /// Threads that shared the work.
    pub threads: usize,
    /// What ran it, with its instruction set.
    pub executor: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            case,
            train_step_ms,
            forward_ms,
            train_gflops,
            forward_gflops,
            ..
        } = self;
        write!(
            f,
            "{case:<11} step {train_step_ms:9.2} ms {train_gflops:6.1} GFLOP/s   \
             forward {forward_ms:9.2} ms {forward_gflops:6.1} GFLOP/s   "
        )?;
        if let Some(mb) = self.peak_mb {
            write!(f, "{mb:5.0} MB   ")?;
        }
        write!(f, "{}", self.executor)
    }
}

impl Case {
    /// The case of this name.
    pub fn find(id: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.id == id)
    }

    /// The same with another value on one axis; `None` where it has no such axis.
    pub fn with(mut self, axis: Axis, value: usize) -> Option<Self> {
        let place = match (axis, &mut self.net) {
            (Axis::Batch, _) => &mut self.batch,
            (Axis::Side, Net::UNet { side, .. }) => side,
            (Axis::Side, Net::Mlp { .. }) => return None,
            (Axis::Width, Net::UNet { width, .. } | Net::Mlp { width }) => width,
        };
        *place = value;
        Some(self)
    }

    fn side(&self) -> Option<usize> {
        match self.net {
            Net::Mlp { .. } => None,
            Net::UNet { side, .. } => Some(side),
        }
    }

    fn width(&self) -> usize {
        match self.net {
            Net::Mlp { width } | Net::UNet { width, .. } => width,
        }
    }

    /// The network.
    pub fn graph(&self) -> std::result::Result<Graph, SpecError> {
        match self.net {
            Net::Mlp { width } => {
                let spec = Spec::new("mlp").with("width", Value::Int(width as i64));
                nn::graph(&spec, Domain::Points, None)
            }
            Net::UNet {
                side,
                channels,
                width,
                factors,
            } => {
                let widths: Vec<usize> = factors.iter().map(|factor| factor * width).collect();
                let domain = Domain::Image {
                    channels,
                    height: side,
                    width: side,
                };
                unet::graph(&config(channels, &widths)?, domain)
            }
        }
    }

    /// Times the case for about `seconds` each way.
    pub fn run(&self, executor: &mut dyn Executor, seconds: f64) -> Result<Report> {
        let start = peak_mb();
        let mut trial = Trial::new(self, executor)?;
        let train_step_ms = median(seconds, || trial.step(executor))?;
        let forward_ms = median(seconds, || trial.forward(executor, Mode::Infer).map(drop))?;
        let forward_flops = self.batch as f64 * executor.graph().forward_flops();
        Ok(Report {
            case: self.id,
            batch: self.batch,
            side: self.side(),
            width: self.width(),
            params: executor.graph().weight_count(),
            train_step_ms,
            forward_ms,
            train_gflops: 3e-6 * forward_flops / train_step_ms,
            forward_gflops: 1e-6 * forward_flops / forward_ms,
            threads: rayon::current_num_threads(),
            peak_mb: peak_mb().zip(start).map(|(end, start)| end - start),
            executor: executor.describe(),
        })
    }
}

/// The configuration of the yardstick's U-Nets.
fn config(channels: usize, widths: &[usize]) -> std::result::Result<unet::Config, SpecError> {
    let coarsest = widths.len() - 1;
    let blocks = |kind: &str, at: usize| -> Vec<String> {
        let name = |i: usize| {
            if i == at {
                format!("Attn{kind}Block2D")
            } else {
                format!("{kind}Block2D")
            }
        };
        (0..widths.len()).map(name).collect()
    };
    let config = serde_json::json!({
        "in_channels": channels, "out_channels": channels,
        "layers_per_block": 2, "block_out_channels": widths,
        "norm_num_groups": 8, "attention_head_dim": 8,
        "down_block_types": blocks("Down", coarsest), "up_block_types": blocks("Up", 0),
    });
    unet::Config::from_json(&config.to_string())
}

/// The data and state of a training that goes nowhere.
#[derive(Debug)]
pub struct Trial {
    x: Tensor,
    noise: Tensor,
    times: Vec<f64>,
    adam: AdamW,
    grads: Vec<f32>,
}

impl Trial {
    /// Gives the executor its initial weights.
    pub fn new(case: &Case, executor: &mut dyn Executor) -> Result<Self> {
        let graph = executor.graph().clone();
        let weights = executor.pack(&init::weights(&graph, 0))?;
        executor.params_mut().copy_from_slice(&weights);
        let shape = graph.domain.shape(case.batch);
        let normals = |draw: u64| {
            let mut x = vec![0.0; shape.iter().product()];
            Address {
                seed: 0,
                stream: Stream::Noise,
                sample: 0,
                mv: 0,
                draw,
            }
            .normals(&mut x);
            Tensor::from_vec(x, shape.as_slice(), &Device::Cpu)
        };
        Ok(Self {
            x: normals(0)?,
            noise: normals(1)?,
            times: (0..case.batch).map(|i| (i * 997 % 1000) as f64).collect(),
            adam: AdamW::new(weights.len(), Hyper::default()),
            grads: vec![0.0; weights.len()],
        })
    }

    /// A forward pass.
    pub fn forward(&self, executor: &mut dyn Executor, mode: Mode) -> Result<Tensor> {
        executor.forward(&self.x, &self.times, &Cond::None, mode)
    }

    /// A training step.
    pub fn step(&mut self, executor: &mut dyn Executor) -> Result<()> {
        let out = self.forward(executor, Mode::Train)?;
        let error = (&out - &self.noise)?;
        let d_out = (error * (2.0 / out.elem_count() as f64))?;
        self.grads.fill(0.0);
        executor.backward(&d_out, Some(&mut self.grads), false)?;
        optim::clip(&mut self.grads, 1.0);
        self.adam.update(executor.params_mut(), &self.grads, 2e-4);
        Ok(())
    }
}

/// Median time in milliseconds of at least three calls in about `seconds`, after two that do not count.
fn median(seconds: f64, mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    f()?;
    f()?;
    let (mut times, end) = (Vec::new(), Instant::now() + Duration::from_secs_f64(seconds));
    while times.len() < 3 || Instant::now() < end {
        let start = Instant::now();
        f()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// The largest resident size of this process so far, in MiB, where the system tells.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_have_as_many_weights_as_the_yardsticks() {
        // Printed by the PyTorch program.
        let expected = [75_010, 1_623_169, 1_002_883, 6_472_195, 6_338_499];
        for (case, expected) in CASES.iter().zip(expected) {
            assert_eq!(case.graph().unwrap().weight_count(), expected, "{}", case.id);
        }
    }

    #[test]
    fn cases_can_be_varied_over_every_axis() {
        for case in CASES {
            for axis in [Axis::Batch, Axis::Side, Axis::Width] {
                for &value in axis.values() {
                    let Some(varied) = case.with(axis, value) else {
                        assert_eq!((case.id, axis), ("points_mlp", Axis::Side));
                        continue;
                    };
                    let numbers = [varied.batch, varied.side().unwrap_or(0), varied.width()];
                    assert_eq!(numbers[axis as usize], value);
                    varied.graph().unwrap();
                }
            }
        }
    }
}
