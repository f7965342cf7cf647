//! How good samples are while a run trains: now and then a small evaluation of the averaged weights, within its share of the time.

use std::{sync::Arc, time::Duration};

use super::{
    Error,
    command::{ClassChoice, SampleRequest},
    eval::Figure,
    judge::{self, Judge, figures::Trial},
    model::ModelInfo,
    sample::{Others, Sampling},
    select::{Host, Runner},
};
use crate::{
    data::{Dataset, Split},
    files::figures::Row,
    math::{
        Domain,
        distance::{energy_distance, sliced_wasserstein},
        noise::{Address, Stream, permutation},
    },
    nn::{SharedNet, init},
};

/// Rounds, from whose spread the errors come.
const ROUNDS: usize = 4;
/// Moves of each sample.
const STEPS: usize = 20;
/// Points or pictures of a round.
pub(super) const POINTS: usize = 500;
pub(super) const PICTURES: usize = 64;
/// Training pictures with whose features those of samples are compared.
pub(super) const KNOWN: usize = 1024;
/// Greatest share of the training time.
pub(super) const SHARE: f64 = 0.05;
/// The weights must be so much older than at the last time.
const GROWTH: f64 = 1.15;
/// Before that step there is nothing to see.
const FIRST: u64 = 20;

/// When the figures are due, and how far they are.
pub(super) struct Quality {
    request: SampleRequest,
    info: ModelInfo,
    net: Arc<SharedNet>,
    runner: Runner,
    yardstick: Yardstick,
    making: Option<Making>,
    spent: Duration,
    trained: Duration,
    due_from: u64,
}

/// Samples of one moment.
struct Making {
    step: u64,
    round: usize,
    sampling: Sampling,
    x: Vec<f32>,
}

impl Quality {
    /// `None` where nothing can be measured: pictures that no classifier knows, or too few data.
    pub(super) fn new(info: &ModelInfo, data: &Dataset, host: &Host) -> Result<Option<Self>, Error> {
        let Some(yardstick) = Yardstick::new(info, data, host)? else {
            return Ok(None);
        };
        let graph = info.graph()?;
        let weights = init::weights(&graph, 0);
        let runner = host.runner(graph, &weights)?;
        Ok(Some(Self {
            request: request(info),
            info: info.clone(),
            net: runner.net.clone(),
            runner: runner.into(),
            yardstick,
            making: None,
            spent: Duration::ZERO,
            trained: Duration::ZERO,
            due_from: FIRST,
        }))
    }

    /// Time that training took, which earns the figures their share.
    pub(super) fn earn(&mut self, time: Duration) {
        self.trained += time;
    }

    /// Time that a call took.
    pub(super) fn pay(&mut self, time: Duration) {
        self.spent += time;
    }

    /// Whether a network call for the figures is due.
    pub(super) fn is_due(&self, step: u64) -> bool {
        let is_earned = self.spent.as_secs_f64() <= SHARE * self.trained.as_secs_f64();
        is_earned && (self.making.is_some() || step >= self.due_from)
    }

    /// One network call with the weights that the evaluation began with: those of `ema` when it starts. Gives the figures
    /// with the last one.
    pub(super) fn advance(&mut self, step: u64, ema: &[f32]) -> Result<Option<Vec<Row>>, Error> {
        let mut making = match self.making.take() {
            Some(making) => making,
            None => self.begin(step, ema)?,
        };
        let done = self.go_on(&mut making);
        if !matches!(done, Ok(true)) {
            self.making = Some(making);
            return done.map(|_| None);
        }
        self.due_from = (making.step as f64 * GROWTH).ceil() as u64;
        let row = |figure: Figure| Row {
            step: making.step,
            figure: figure.id.into(),
            value: figure.value,
            error: figure.error,
            reference: figure.reference,
        };
        Ok(Some(self.yardstick.take_figures().into_iter().map(row).collect()))
    }

    /// One call of a round. Answers whether that was the last round's end.
    fn go_on(&mut self, making: &mut Making) -> Result<bool, Error> {
        if !making.sampling.is_done() {
            if let Some(moved) = making.sampling.advance()? {
                making.x = moved.next;
            }
            return Ok(false);
        }
        self.yardstick.hear(making.round, &making.x)?;
        making.round += 1;
        if making.round == ROUNDS {
            return Ok(true);
        }
        making.sampling = self.round(making.round)?;
        Ok(false)
    }

    fn begin(&self, step: u64, ema: &[f32]) -> Result<Making, Error> {
        self.net.load(ema)?;
        Ok(Making {
            step,
            round: 0,
            sampling: self.round(0)?,
            x: Vec::new(),
        })
    }

    /// Every round has its own noise, and the same at every step, so that only the weights make a difference.
    fn round(&self, round: usize) -> Result<Sampling, Error> {
        let request = SampleRequest {
            seed: self.request.seed + round as u64,
            ..self.request.clone()
        };
        Sampling::with_runner(&request, &self.info, &self.runner, Others::default())
    }
}

/// DDIM; one sample a class where there are classes.
fn request(info: &ModelInfo) -> SampleRequest {
    SampleRequest {
        steps: STEPS,
        seed: info.recipe.seed,
        count: if info.domain == Domain::Points {
            POINTS
        } else {
            PICTURES
        },
        class: match info.null_class() {
            Some(_) => ClassChoice::Each,
            None => ClassChoice::None,
        },
        ..SampleRequest::default()
    }
}

/// What samples are held against.
enum Yardstick {
    /// Rounds of data points, and the distances of each round: to samples and to other data.
    Points {
        rounds: Vec<[Vec<f32>; 2]>,
        found: [Vec<f64>; 4],
    },
    /// The judge, and the classes that are asked for where it knows them.
    Pictures { trial: Trial, asked: Option<Vec<u32>> },
}

impl Yardstick {
    fn new(info: &ModelInfo, data: &Dataset, host: &Host) -> Result<Option<Self>, Error> {
        match info.domain {
            Domain::Points => Ok(Self::points(info, data)),
            Domain::Image { .. } => Self::pictures(info, data, host),
        }
    }

    fn points(info: &ModelInfo, data: &Dataset) -> Option<Self> {
        let rounds = (0..ROUNDS as u64).map(|round| {
            let order = shuffled(data.count, info.recipe.seed, round);
            let part = |from: usize| Some(data.tensor(order.get(from..from + POINTS)?));
            Some([part(0)?, part(POINTS)?])
        });
        Some(Self::Points {
            rounds: rounds.collect::<Option<_>>()?,
            found: Default::default(),
        })
    }

    fn pictures(info: &ModelInfo, data: &Dataset, host: &Host) -> Result<Option<Self>, Error> {
        let Some(saved) = judge::open(None, &info.recipe.data.source, info.domain)? else {
            return Ok(None);
        };
        let split = Split::new(data.count, info.recipe.data.validation, info.recipe.seed);
        let some = |all: &[u32], count: usize| -> Vec<u32> {
            let order = shuffled(all.len(), info.recipe.seed, 0).into_iter();
            order.take(count).map(|i| all[i as usize]).collect()
        };
        let unseen = some(&split.validation, ROUNDS * PICTURES);
        if unseen.len() < PICTURES {
            return Ok(None);
        }
        let unseen: Vec<Vec<f32>> = unseen.chunks_exact(PICTURES).map(|round| data.tensor(round)).collect();
        let classes = saved.about.class_names.len() as u32;
        let is_told = *info.class_names == *saved.about.class_names;
        let judge = Arc::new(Judge::new(&saved, host)?);
        Ok(Some(Self::Pictures {
            trial: Trial::new(judge, &data.tensor(&some(&split.train, KNOWN)), &unseen)?,
            asked: is_told.then(|| (0..PICTURES as u32).map(|i| i % classes).collect()),
        }))
    }

    fn hear(&mut self, round: usize, samples: &[f32]) -> Result<(), Error> {
        match self {
            Self::Points { rounds, found } => {
                let [data, other] = &rounds[round];
                found[0].push(sliced_wasserstein(samples, data));
                found[1].push(energy_distance(samples, data));
                found[2].push(sliced_wasserstein(other, data));
                found[3].push(energy_distance(other, data));
                Ok(())
            }
            Self::Pictures { trial, asked } => trial.hear(samples, asked.as_deref()),
        }
    }

    fn take_figures(&mut self) -> Vec<Figure> {
        match self {
            Self::Points { found, .. } => {
                let [wasserstein, energy, best_wasserstein, best_energy] = std::mem::take(found);
                Figure::distances(&[wasserstein, energy], &[best_wasserstein, best_energy])
            }
            Self::Pictures { trial, .. } => trial.take_figures(),
        }
    }
}

/// Numbers below `count` in an order of chance.
fn shuffled(count: usize, seed: u64, round: u64) -> Vec<u32> {
    let address = Address {
        seed,
        stream: Stream::Data,
        sample: 0,
        mv: 2 + round,
        draw: 0,
    };
    permutation(count, address)
}
