//! Numbers of a model: how near its samples are to the data, and how likely the data are under it.

use std::{path::PathBuf, sync::Arc};

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;

use super::{
    Error, TrajectoryId,
    command::{ClassChoice, ClassifierChoice, Model, SampleRequest},
    judge::{self, Judge, figures::Trial},
    model::{self, Pinned},
    sample::{Others, Sampling},
    select::{Host, Runner},
};
use crate::{
    data::{self, Dataset, Progress, Split},
    diffusion::{
        Guidance, NetDenoiser,
        likelihood::{bits_per_dim, bound_term, log_likelihood, prior_kl},
        sampler::ddpm::Variance,
    },
    math::{
        Cond, Domain, Spec,
        distance::{energy_distance, mean_and_error, sliced_wasserstein},
        noise::{Address, Stream, permutation},
        schedule::{self, NoiseSchedule},
        target::{self, Target},
    },
    nn::DeviceChoice,
};

/// Times at which the bound of one picture is measured, besides the first.
const BOUND_TIMES: u64 = 32;
/// Runge–Kutta steps of the path whose density is measured.
const PATH_STEPS: usize = 32;
/// Training pictures with whose features those of samples are compared.
const KNOWN: usize = 2048;

/// What is to be measured, and how thoroughly.
#[derive(Clone, Debug)]
pub struct EvalRequest {
    /// The model; not the present run.
    pub model: Model,
    /// Data to compare with, by name or path; `None` for those that the model learned from.
    pub data: Option<String>,
    /// Sampler id and parameters.
    pub sampler: Spec,
    /// Number of moves.
    pub steps: usize,
    /// Samples of each round.
    pub count: usize,
    /// Independent rounds, from whose spread the errors come; at least 1.
    pub rounds: usize,
    /// Seed of the first round.
    pub seed: u64,
    /// Data samples whose likelihood is measured; 0 for none.
    pub likelihood: usize,
    /// The classifier that looks at pictures; `None` for the one that ships with the program, where there is one.
    pub judge: Option<PathBuf>,
    /// How strongly the judge leads the samples of pictures towards each class in turn; `None` for not at all.
    pub classifier: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The weights, for people.
    pub model: String,
    /// The data compared with.
    pub data: String,
    /// Sampler id and parameters.
    pub sampler: Spec,
    /// Number of moves.
    pub steps: usize,
    /// Samples of each round.
    pub count: usize,
    /// Rounds.
    pub rounds: usize,
    /// Seed of the first round.
    pub seed: u64,
    /// What the judge of the pictures was trained on, where there is one.
    pub judge: Option<String>,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// One figure with its error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Name, kebab-case.
    pub id: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Mean over rounds, or over samples for likelihoods.
    pub value: f64,
    /// Standard error of the mean; `None` for a single round.
    pub error: Option<f64>,
    /// What data in place of samples score, where that can be said: the best that is possible.
    pub reference: Option<f64>,
}

impl Figure {
    /// Sliced Wasserstein and energy distances of rounds of samples, beside those of other data.
    pub(super) fn distances(made: [Vec<f64>; 2], ideal: [Vec<f64>; 2]) -> Vec<Self> {
        let best = |values: &[f64]| Some(mean_and_error(values).0);
        vec![
            Self::new(
                "sliced-wasserstein",
                "Sliced 2-Wasserstein distance between samples and data",
                &made[0],
                best(&ideal[0]),
            ),
            Self::new(
                "energy-distance",
                "Energy distance between samples and data, without bias",
                &made[1],
                best(&ideal[1]),
            ),
        ]
    }

    pub(super) fn new(id: &'static str, help: &'static str, values: &[f64], reference: Option<f64>) -> Self {
        let (value, error) = mean_and_error(values);
        Self {
            id,
            help,
            value,
            error,
            reference,
        }
    }
}

/// Measures a model. `tell` hears what is done next.
pub fn evaluate(request: &EvalRequest, device: DeviceChoice, tell: impl Fn(&str)) -> Result<Evaluation, Error> {
    if request.count < 2 || request.rounds == 0 {
        return Err(Error::refused("an evaluation needs at least two samples and one round"));
    }
    let pinned = model::load(&request.model)?;
    let host = Host {
        device,
        ..Host::default()
    };
    let data = held_data(request, &pinned)?;
    let saved = judge::open(request.judge.as_deref(), &data.source, pinned.info.domain)?;
    let subject = Subject {
        runner: pinned.runner(&host)?,
        host: host.clone(),
        judge: saved.map(|saved| Judge::new(&saved, &host).map(Arc::new)).transpose()?,
        data,
        pinned,
    };
    let mut figures = match subject.pinned.info.domain {
        Domain::Points => subject.distances(request, &tell)?,
        Domain::Image { .. } => subject.pictures(request, &tell)?,
    };
    if request.likelihood > 0 {
        figures.extend(subject.likelihoods(request, &tell)?);
    }
    Ok(Evaluation {
        model: subject.pinned.info.label,
        data: subject.data.set.label,
        sampler: request.sampler.clone(),
        steps: request.steps,
        count: request.count,
        rounds: request.rounds,
        seed: request.seed,
        judge: subject.judge.map(|judge| judge.about.data.clone()),
        figures,
    })
}

/// A model under examination.
struct Subject {
    pinned: Pinned,
    runner: Runner,
    host: Host,
    judge: Option<Arc<Judge>>,
    data: Held,
}

/// Data, and which of them the model has not seen.
struct Held {
    /// What the recipe calls them.
    source: String,
    set: Dataset,
    seen: Vec<u32>,
    unseen: Vec<u32>,
}

fn held_data(request: &EvalRequest, pinned: &Pinned) -> Result<Held, Error> {
    let info = &pinned.info;
    let mut recipe = info.recipe.data.clone();
    if let Some(source) = &request.data {
        recipe.source.clone_from(source);
        recipe.params.clear();
    }
    let set = data::load(&recipe, info.recipe.seed, &Progress::default())?;
    if set.domain != info.domain {
        return Err(Error::refused(format!(
            "“{}” holds other samples than {} makes: choose data of the same kind and size",
            set.label, info.label
        )));
    }
    let split = Split::new(set.count, recipe.validation, info.recipe.seed);
    let (seen, unseen) = (split.train.to_vec(), split.validation.to_vec());
    let own = request.data.is_none() && !unseen.is_empty();
    Ok(Held {
        unseen: if own { unseen } else { (0..set.count as u32).collect() },
        seen,
        set,
        source: recipe.source,
    })
}

impl Subject {
    /// The samples of one round, in tensor order.
    fn round(&self, request: &EvalRequest, round: usize) -> Result<Vec<f32>, Error> {
        let wanted = SampleRequest {
            id: TrajectoryId::default(),
            model: request.model.clone(),
            sampler: request.sampler.clone(),
            steps: request.steps,
            spacing: Spec::new("trailing"),
            seed: request.seed + round as u64,
            count: request.count,
            class: match self.pinned.info.null_class() {
                None if request.classifier.is_none() => ClassChoice::None,
                _ => ClassChoice::Each,
            },
            guidance: Guidance::default(),
            weaker: None,
            classifier: request.classifier.map(|scale| ClassifierChoice {
                scale,
                judge: request.judge.clone(),
            }),
            noise: None,
            restore: None,
        };
        let others = Others::of(&wanted, &self.pinned.info, &self.host)?;
        let mut sampling = Sampling::with_runner(&wanted, &self.pinned.info, &self.runner, others)?;
        let mut x = sampling.start().to_vec();
        while !sampling.is_done() {
            x = sampling.advance()?.map_or(x, |moved| moved.next);
        }
        Ok(x)
    }

    /// For points: distances between the samples of each round and as many points of the data, beside those between two
    /// parts of the data.
    fn distances(&self, request: &EvalRequest, tell: &impl Fn(&str)) -> Result<Vec<Figure>, Error> {
        let Held { set, .. } = &self.data;
        let count = request.count.min(set.count / 2);
        let (mut made, mut ideal) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for round in 0..request.rounds {
            tell(&format!("round {} of {}", round + 1, request.rounds));
            let address = Address {
                seed: request.seed,
                stream: Stream::Data,
                sample: 0,
                mv: 2 + round as u64,
                draw: 0,
            };
            let order = permutation(set.count, address);
            let (data, other) = (set.tensor(&order[..count]), set.tensor(&order[count..2 * count]));
            let samples = self.round(request, round)?;
            for (i, distance) in [sliced_wasserstein, energy_distance].into_iter().enumerate() {
                made[i].push(distance(&samples, &data));
                ideal[i].push(distance(&other, &data));
            }
        }
        Ok(Figure::distances(made, ideal))
    }

    /// For pictures: how far the nearest training picture is, where far less than what unseen pictures have means copies; and
    /// what the judge says.
    fn pictures(&self, request: &EvalRequest, tell: &impl Fn(&str)) -> Result<Vec<Figure>, Error> {
        let Held { set, seen, unseen, .. } = &self.data;
        let unseen = rounds(unseen, request.count, request.rounds);
        let unseen: Vec<Vec<f32>> = unseen.iter().map(|round| set.tensor(round)).collect();
        let known = || set.tensor(&spread(seen, KNOWN));
        let trial = self.judge.clone().map(|judge| Trial::new(judge, &known(), &unseen));
        let (mut trial, mut nearest) = (trial.transpose()?, Vec::new());
        for round in 0..request.rounds {
            tell(&format!("round {} of {}", round + 1, request.rounds));
            let made = self.round(request, round)?;
            nearest.push(mean_and_error(&self.to_nearest(&made)).0);
            if let Some(trial) = &mut trial {
                trial.hear(&made, self.asked(request).as_deref())?;
            }
        }
        let nearest = Figure::new(
            "nearest-training-distance",
            "Root mean square difference from the nearest training picture, in units of [-1, 1]",
            &nearest,
            Some(mean_and_error(&self.to_nearest(&unseen.concat())).0),
        );
        let judged = trial.map_or_else(Vec::new, |mut trial| trial.take_figures());
        Ok(judged.into_iter().chain([nearest]).collect())
    }

    /// The classes that samples are asked to be of, in the order of [`ClassChoice::Each`]; `None` where they are asked for none, or
    /// for others than the judge knows.
    fn asked(&self, request: &EvalRequest) -> Option<Vec<u32>> {
        let (told, judged) = (&self.pinned.info.class_names, &self.judge.as_ref()?.about.class_names);
        let known = **told == **judged || told.is_empty() && request.classifier.is_some();
        let classes = judged.len() as u32;
        known.then(|| (0..request.count as u32).map(|i| i % classes).collect())
    }

    /// Root mean square difference of each picture from its nearest training picture.
    fn to_nearest(&self, pictures: &[f32]) -> Vec<f64> {
        const BLOCK: usize = 512;
        let numel = self.pinned.info.domain.numel();
        let mut best = vec![f32::INFINITY; pictures.len() / numel];
        for block in self.data.seen.chunks(BLOCK) {
            let known = self.data.set.tensor(block);
            best.par_iter_mut()
                .zip(pictures.par_chunks_exact(numel))
                .for_each(|(best, picture)| {
                    for other in known.chunks_exact(numel) {
                        let square: f32 = picture.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
                        *best = best.min(square);
                    }
                });
        }
        best.into_iter()
            .map(|square| (f64::from(square) / numel as f64).sqrt())
            .collect()
    }

    /// How likely unseen data are: in bits a dimension for pictures, in nats a point for points.
    fn likelihoods(&self, request: &EvalRequest, tell: &impl Fn(&str)) -> Result<Vec<Figure>, Error> {
        let exam = Exam::new(self, request)?;
        tell("likelihood along the path");
        let path = exam.path()?;
        if exam.domain == Domain::Points {
            let nats: Vec<f64> = path.iter().map(|log_p| -log_p).collect();
            let help = "Negative log-likelihood of unseen points along the probability-flow path, in nats";
            return Ok(vec![Figure::new("nats-path", help, &nats, None)]);
        }
        let dimensions = exam.domain.numel();
        // From a density to the probability of a byte, which owns 2/255 of the range.
        let bits = |log_p: &f64| bits_per_dim(-log_p, dimensions) + 127.5_f64.log2();
        let path: Vec<f64> = path.iter().map(bits).collect();
        let mut figures = vec![Figure::new(
            "bits-per-dim-path",
            "Bits a dimension of unseen pictures along the probability-flow path, with Hutchinson's estimate",
            &path,
            None,
        )];
        if exam.has_bound() {
            tell("variational bound");
            let bound: Vec<f64> = exam
                .bound()?
                .iter()
                .map(|nats| bits_per_dim(*nats, dimensions))
                .collect();
            figures.push(Figure::new(
                "bits-per-dim-bound",
                "Bits a dimension of unseen pictures by the variational bound",
                &bound,
                None,
            ));
        }
        Ok(figures)
    }
}

/// At most `count` of them, evenly spread: data may be sorted by class.
fn spread(all: &[u32], count: usize) -> Vec<u32> {
    let count = count.min(all.len());
    (0..count).map(|i| all[i * all.len() / count]).collect()
}

/// At most `rounds` rounds of `count` of them, each evenly spread; one round of what there is where they are fewer.
fn rounds(all: &[u32], count: usize, rounds: usize) -> Vec<Vec<u32>> {
    let rounds = rounds.min(all.len() / count).max(1);
    let chosen = spread(all, rounds * count);
    let round = |first| chosen.iter().skip(first).step_by(rounds).copied().collect();
    (0..rounds).map(round).collect()
}

/// Unseen data in the hands of a model.
struct Exam<'a> {
    subject: &'a Subject,
    domain: Domain,
    schedule: Box<dyn NoiseSchedule>,
    target: Target,
    seed: u64,
    indices: Vec<u32>,
}

impl<'a> Exam<'a> {
    fn new(subject: &'a Subject, request: &EvalRequest) -> Result<Self, Error> {
        let (info, unseen) = (&subject.pinned.info, &subject.data.unseen);
        let indices = spread(unseen, request.likelihood);
        Ok(Self {
            subject,
            domain: info.domain,
            schedule: schedule::build(&info.recipe.schedule)?,
            target: target::build(&info.recipe.target)?,
            seed: request.seed,
            indices,
        })
    }

    fn device(&self) -> &Device {
        &self.subject.runner.device
    }

    /// The network, told the classes of these samples.
    fn denoiser(&self, indices: &[u32]) -> NetDenoiser {
        let told = self.subject.pinned.info.null_class();
        let classes = || self.subject.data.set.classes(indices).unwrap_or_default();
        NetDenoiser {
            net: self.subject.runner.net.clone(),
            target: self.target,
            cond: match told {
                Some(null) if classes().is_empty() => Cond::Class(vec![null; indices.len()]),
                Some(_) => Cond::Class(classes()),
                None => Cond::None,
            },
        }
    }

    fn tensor(&self, values: Vec<f32>, count: usize) -> Result<Tensor, Error> {
        Ok(Tensor::from_vec(values, self.domain.shape(count), self.device())?)
    }

    fn address(&self, sample: u64, draw: u64) -> Address {
        Address {
            seed: self.seed,
            stream: Stream::Forward,
            sample,
            mv: 0,
            draw,
        }
    }

    /// Log-density of each sample. Bytes are spread over the intervals that they own.
    fn path(&self) -> Result<Vec<f64>, Error> {
        let numel = self.domain.numel();
        let mut all = Vec::new();
        let per_call = self.subject.runner.per_call.max(1);
        for (part, first) in self.indices.chunks(per_call).zip((0..).step_by(per_call)) {
            let mut x = self.subject.data.set.tensor(part);
            let mut probe = vec![0.0; x.len()];
            let samples = x.chunks_exact_mut(numel).zip(probe.chunks_exact_mut(numel));
            for ((x, probe), sample) in samples.zip(first..) {
                let mut uniform = vec![0.0; 2 * numel];
                self.address(sample, 0).uniforms(&mut uniform);
                let (spread, sign) = uniform.split_at(numel);
                probe
                    .iter_mut()
                    .zip(sign)
                    .for_each(|(p, u)| *p = if *u < 0.5 { -1.0 } else { 1.0 });
                if self.domain != Domain::Points {
                    x.iter_mut()
                        .zip(spread)
                        .for_each(|(x, u)| *x += ((2.0 * u - 1.0) / 255.0) as f32);
                }
            }
            let greatest = self.schedule.sigma_range().1;
            let square = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
            let log_p = log_likelihood(
                &self.denoiser(part),
                &*self.schedule,
                &self.tensor(x, part.len())?,
                &self.tensor(probe, part.len())?,
                PATH_STEPS,
                greatest.powi(2) + square,
            )?;
            all.extend(log_p);
        }
        Ok(all)
    }

    /// The bound is a sum over the steps of a discrete schedule that ends in noise of unit variance.
    fn has_bound(&self) -> bool {
        let last = self.schedule.level(*self.schedule.domain().end());
        self.schedule.steps().is_some() && (last.alpha.hypot(last.sigma) - 1.0).abs() < 1e-6
    }

    /// The bound of each picture in nats: the first term and that of the prior as they are, the sum of all others from one time
    /// in each of [`BOUND_TIMES`] equal stretches, so that it has no bias.
    fn bound(&self) -> Result<Vec<f64>, Error> {
        let steps = self.schedule.steps().unwrap_or(1) as u64;
        let variance = if self.subject.pinned.info.graph()?.says_variance() {
            Variance::Learned
        } else {
            Variance::Small
        };
        let last = self.schedule.level(*self.schedule.domain().end());
        let one = |(&index, sample): (&u32, u64)| -> Result<f64, Error> {
            let x0 = self.tensor(self.subject.data.set.tensor(&[index]), 1)?;
            let model = self.denoiser(&[index]);
            let term = |t: u64, draw: u64| -> Result<f64, Error> {
                let mut eps = vec![0.0; self.domain.numel()];
                self.address(sample, 2 + draw).normals(&mut eps);
                let eps = self.tensor(eps, 1)?;
                Ok(bound_term(&model, &*self.schedule, variance, &x0, &eps, t as usize)?[0])
            };
            let mut sum = 0.0;
            for k in 0..BOUND_TIMES {
                let u = self.address(sample, 1_000 + k).uniform();
                let share = (k as f64 + u) / BOUND_TIMES as f64;
                sum += term(1 + (share * (steps - 1) as f64) as u64, k)?;
            }
            let others = sum * (steps - 1) as f64 / BOUND_TIMES as f64;
            Ok(prior_kl(&x0, last)?[0] + others + term(0, BOUND_TIMES)?)
        };
        self.indices.iter().zip(0..).map(one).collect()
    }
}
