//! How likely samples are under a model: along the probability-flow path, and by the variational bound with its terms.

use candle_core::Tensor;
use serde::Serialize;

use super::{
    Error,
    model::{ModelInfo, Pinned},
    select::{Host, Runner},
};
use crate::{
    data::Progress,
    diffusion::{
        NetDenoiser,
        likelihood::{bits_per_dim, bound_term, log_likelihood, prior_kl},
        sampler::ddpm::Variance,
    },
    math::{
        Cond, Domain,
        noise::{Address, Stream},
        schedule::{self, NoiseSchedule},
        target::{self, Target},
    },
    nn::DeviceChoice,
};

/// Times at which the bound of one picture is measured, besides the first.
const BOUND_TIMES: u64 = 32;
/// Runge–Kutta steps of the path whose density is measured.
const PATH_STEPS: usize = 32;

/// Samples to be judged.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Whole samples in tensor order.
    pub values: Vec<f32>,
    /// Class of each, where it is known.
    pub classes: Option<Vec<u32>>,
    /// Seed of all noise.
    pub seed: u64,
}

/// In what likelihoods are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nats a point.
    Nats,
    /// Bits a dimension, of 8-bit pictures of so many numbers.
    Bits(usize),
}

impl Unit {
    /// From a negative log-density in nats.
    pub fn of_density(self, nats: f64) -> f64 {
        match self {
            Self::Nats => nats,
            // From a density to the probability of a byte, which owns 2/255 of the range.
            Self::Bits(numel) => bits_per_dim(nats, numel) + 127.5_f64.log2(),
        }
    }

    /// From a negative log-probability in nats.
    pub fn of_probability(self, nats: f64) -> f64 {
        match self {
            Self::Nats => nats,
            Self::Bits(numel) => bits_per_dim(nats, numel),
        }
    }
}

/// The bound of one sample in nats.
#[derive(Clone, Debug, Serialize)]
pub struct Bound {
    /// `L_T`: what the prior does not know of the noisiest level.
    pub prior: f64,
    /// `L_0`: what the data cost at the last step.
    pub first: f64,
    /// `(t as a share of the schedule, L_(t-1))` at one time in each of equal stretches, rising.
    pub terms: Vec<(f64, f64)>,
    /// How many terms the schedule has besides those two.
    pub count: usize,
}

impl Bound {
    /// `L_T + sum of L_(t-1) + L_0`, without bias.
    pub fn total(&self) -> f64 {
        self.prior + self.middle() + self.first
    }

    /// `sum of L_(t-1)`, estimated.
    pub fn middle(&self) -> f64 {
        let sum: f64 = self.terms.iter().map(|(_, nats)| nats).sum();
        sum * self.count as f64 / self.terms.len() as f64
    }
}

/// How likely one sample is.
#[derive(Clone, Debug, Serialize)]
pub struct Likelihood {
    /// The model, for people.
    pub model: String,
    /// In what `path` is told, and what turns the bound's nats into it.
    pub unit: Unit,
    /// Along the path.
    pub path: f64,
    /// The bound, for discrete schedules that end in noise of unit variance.
    pub bound: Option<Bound>,
}

/// Judges one sample by a model.
pub(super) fn measure(
    pinned: &Pinned,
    sample: &[f32],
    device: DeviceChoice,
    progress: &Progress,
) -> Result<Likelihood, Error> {
    let host = Host {
        device,
        ..Host::default()
    };
    if sample.len() != pinned.info.domain.numel() {
        return Err(Error::refused(format!(
            "{} makes other samples: choose a model of pictures of this size and colour",
            pinned.info.label
        )));
    }
    let runner = pinned.runner(&host)?;
    let exam = Exam::new(&pinned.info, &runner)?;
    let samples = Samples {
        values: sample.to_vec(),
        classes: None,
        seed: 0,
    };
    progress.begin(2);
    let path = exam.path(&samples)?[0];
    progress.step()?;
    let bound = exam.has_bound().then(|| exam.bound(&samples, 0)).transpose()?;
    progress.step()?;
    Ok(Likelihood {
        model: pinned.info.label.clone(),
        unit: exam.unit(),
        path: exam.unit().of_density(path),
        bound,
    })
}

/// A model that judges samples.
pub(super) struct Exam<'a> {
    info: &'a ModelInfo,
    runner: &'a Runner,
    schedule: Box<dyn NoiseSchedule>,
    target: Target,
    /// Whether the network says the variance.
    learned: bool,
}

impl<'a> Exam<'a> {
    pub(super) fn new(info: &'a ModelInfo, runner: &'a Runner) -> Result<Self, Error> {
        Ok(Self {
            info,
            runner,
            schedule: schedule::build(&info.recipe.schedule)?,
            target: target::build(&info.recipe.target)?,
            learned: info.graph()?.says_variance(),
        })
    }

    /// In what likelihoods of its samples are told.
    pub(super) fn unit(&self) -> Unit {
        match self.info.domain {
            Domain::Points => Unit::Nats,
            Domain::Image { .. } => Unit::Bits(self.info.domain.numel()),
        }
    }

    /// The network, told the classes of these samples, or none.
    fn denoiser(&self, classes: Option<&[u32]>, count: usize) -> NetDenoiser {
        NetDenoiser {
            net: self.runner.net.clone(),
            target: self.target,
            cond: match (self.info.null_class(), classes) {
                (None, _) => Cond::None,
                (Some(_), Some(classes)) => Cond::Class(classes.to_vec()),
                (Some(null), None) => Cond::Class(vec![null; count]),
            },
        }
    }

    fn tensor(&self, values: Vec<f32>, count: usize) -> Result<Tensor, Error> {
        Ok(Tensor::from_vec(
            values,
            self.info.domain.shape(count),
            &self.runner.device,
        )?)
    }

    /// Negative log-density of each sample in nats. Bytes are spread over the intervals that they own.
    pub(super) fn path(&self, samples: &Samples) -> Result<Vec<f64>, Error> {
        let numel = self.info.domain.numel();
        let mut all = Vec::new();
        let per_call = self.runner.per_call.max(1);
        for (part, first) in samples.values.chunks(per_call * numel).zip((0..).step_by(per_call)) {
            let count = part.len() / numel;
            let classes = samples.classes.as_ref().map(|all| &all[first..first + count]);
            let (x, probe) = self.probed(part, samples.seed, first);
            let greatest = self.schedule.sigma_range().1;
            let square = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
            let log_p = log_likelihood(
                &self.denoiser(classes, count),
                &*self.schedule,
                &self.tensor(x, count)?,
                &self.tensor(probe, count)?,
                PATH_STEPS,
                greatest.powi(2) + square,
            )?;
            all.extend(log_p.into_iter().map(|log_p| -log_p));
        }
        Ok(all)
    }

    /// The samples with their bytes spread, and random signs for Hutchinson's estimate.
    fn probed(&self, values: &[f32], seed: u64, first: usize) -> (Vec<f32>, Vec<f32>) {
        let numel = self.info.domain.numel();
        let (mut x, mut probe) = (values.to_vec(), vec![0.0; values.len()]);
        let pairs = x.chunks_exact_mut(numel).zip(probe.chunks_exact_mut(numel));
        for ((x, probe), sample) in pairs.zip(first as u64..) {
            let mut uniform = vec![0.0; 2 * numel];
            address(seed, sample, 0).uniforms(&mut uniform);
            let (spread, sign) = uniform.split_at(numel);
            for (p, u) in probe.iter_mut().zip(sign) {
                *p = if *u < 0.5 { -1.0 } else { 1.0 };
            }
            if self.info.domain != Domain::Points {
                for (x, u) in x.iter_mut().zip(spread) {
                    *x += ((2.0 * u - 1.0) / 255.0) as f32;
                }
            }
        }
        (x, probe)
    }

    /// The bound is a sum over the steps of a discrete schedule that ends in noise of unit variance; it counts bytes.
    pub(super) fn has_bound(&self) -> bool {
        let last = self.schedule.level(*self.schedule.domain().end());
        let is_unit = (last.alpha.hypot(last.sigma) - 1.0).abs() < 1e-6;
        self.info.domain != Domain::Points && self.schedule.steps().is_some() && is_unit
    }

    /// The bound of one picture: the first term and that of the prior as they are, the others at one time in each of
    /// [`BOUND_TIMES`] equal stretches.
    pub(super) fn bound(&self, samples: &Samples, sample: usize) -> Result<Bound, Error> {
        let steps = self.schedule.steps().unwrap_or(1) as u64;
        let variance = if self.learned {
            Variance::Learned
        } else {
            Variance::Small
        };
        let numel = self.info.domain.numel();
        let x0 = self.tensor(samples.values[sample * numel..][..numel].to_vec(), 1)?;
        let model = self.denoiser(samples.classes.as_ref().map(|all| &all[sample..=sample]), 1);
        let at = |draw| address(samples.seed, sample as u64, draw);
        let term = |t: u64, draw: u64| -> Result<f64, Error> {
            let mut eps = vec![0.0; numel];
            at(2 + draw).normals(&mut eps);
            let eps = self.tensor(eps, 1)?;
            Ok(bound_term(&model, &*self.schedule, variance, &x0, &eps, t as usize)?[0])
        };
        let middle = |k: u64| {
            let share = (k as f64 + at(1_000 + k).uniform()) / BOUND_TIMES as f64;
            let t = 1 + (share * (steps - 1) as f64) as u64;
            Ok::<_, Error>((t as f64 / (steps - 1) as f64, term(t, k)?))
        };
        let last = self.schedule.level(*self.schedule.domain().end());
        Ok(Bound {
            prior: prior_kl(&x0, last)?[0],
            terms: (0..BOUND_TIMES).map(middle).collect::<Result<_, _>>()?,
            first: term(0, BOUND_TIMES)?,
            count: steps as usize - 1,
        })
    }
}

fn address(seed: u64, sample: u64, draw: u64) -> Address {
    Address {
        seed,
        stream: Stream::Forward,
        sample,
        mv: 0,
        draw,
    }
}
