//! Numbers of a model: how near its samples are to the data, and how likely the data are under it.

use std::{path::PathBuf, sync::Arc};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Error,
    command::{ClassChoice, ClassifierChoice, Model, SampleRequest},
    judge::{self, Judge, figures::Trial},
    likelihood::{Exam, Samples, Unit},
    model::{self, Pinned},
    sample::{Others, Sampling},
    select::{Host, Runner},
};
use crate::{
    data::{self, Dataset, Progress, Split},
    math::{
        Domain, Spec,
        distance::{energy_distance, mean_and_error, sliced_wasserstein},
        noise::{Address, Stream, permutation},
    },
    nn::DeviceChoice,
};

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
    pub(super) fn distances(made: &[Vec<f64>; 2], ideal: &[Vec<f64>; 2]) -> Vec<Self> {
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
            model: request.model.clone(),
            sampler: request.sampler.clone(),
            steps: request.steps,
            seed: request.seed + round as u64,
            count: request.count,
            class: match self.pinned.info.null_class() {
                None if request.classifier.is_none() => ClassChoice::None,
                _ => ClassChoice::Each,
            },
            classifier: request.classifier.map(|scale| ClassifierChoice {
                scale,
                judge: request.judge.clone(),
            }),
            ..SampleRequest::default()
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
        Ok(Figure::distances(&made, &ideal))
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
        let indices = spread(&self.data.unseen, request.likelihood);
        let exam = Exam::new(&self.pinned.info, &self.runner)?;
        let samples = Samples {
            values: self.data.set.tensor(&indices),
            classes: self.data.set.classes(&indices),
            seed: request.seed,
        };
        let unit = exam.unit();
        tell("likelihood along the path");
        let path: Vec<f64> = exam
            .path(&samples)?
            .into_iter()
            .map(|nats| unit.of_density(nats))
            .collect();
        if unit == Unit::Nats {
            let help = "Negative log-likelihood of unseen points along the probability-flow path, in nats";
            return Ok(vec![Figure::new("nats-path", help, &path, None)]);
        }
        let mut figures = vec![Figure::new(
            "bits-per-dim-path",
            "Bits a dimension of unseen pictures along the probability-flow path, with Hutchinson's estimate",
            &path,
            None,
        )];
        if exam.has_bound() {
            tell("variational bound");
            let of = |sample| Ok::<_, Error>(unit.of_probability(exam.bound(&samples, sample)?.total()));
            let bound = (0..indices.len()).map(of).collect::<Result<Vec<_>, _>>()?;
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
