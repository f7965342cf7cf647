//! Training of a judge: cross-entropy of clean and noisy pictures at every angle between signal and noise.

use std::f64::consts::FRAC_PI_2;

use candle_core::Tensor;

use super::Judge;
use crate::{
    data::{self, Augment, Batcher, DataRecipe, Dataset, Progress, Split},
    diffusion::{
        guidance::{Opinion, classifier::angle},
        loss::{self, Lesson},
    },
    engine::{
        Error,
        select::{Host, executor},
    },
    files::{SavedJudge, Tensors, judge::About},
    math::{
        Cond, Level,
        noise::{Address, Stream},
        target::Target,
    },
    nn::{DeviceChoice, Executor, Mode, classifier, init, optim},
};

/// Share of the pictures that are kept to examine the judge.
const KEPT: f64 = 0.1;
const BATCH: usize = 64;
const RATE: f64 = 2e-3;
/// Pictures are shifted at random by as many pixels as this goes into their side.
const SHIFTED: usize = 16;
/// Share of the pictures of a batch that get no noise.
const CLEAN: f64 = 0.4;

/// What a judge is to learn.
#[derive(Clone, Debug)]
pub struct JudgeRequest {
    /// Labelled pictures by name or path.
    pub data: String,
    /// Passes over them.
    pub epochs: usize,
    /// Seed of weights, split, batches and noise.
    pub seed: u64,
}

/// Trains a judge and examines it with unseen pictures. `tell` hears of each epoch.
pub fn train(request: &JudgeRequest, device: DeviceChoice, tell: impl Fn(&str)) -> Result<SavedJudge, Error> {
    let recipe = DataRecipe {
        source: request.data.clone(),
        ..DataRecipe::default()
    };
    let set = data::load(&recipe, request.seed, &Progress::default())?;
    let names = set.labels.as_ref().map(|labels| labels.names.clone());
    let names = names.filter(|names| names.len() > 1).ok_or_else(|| {
        Error::refused(format!(
            "“{}” has no classes to tell apart: a judge learns from labelled pictures",
            set.label
        ))
    })?;
    let split = Split::new(set.count, KEPT, request.seed);
    let mut saved = SavedJudge {
        about: About {
            data: request.data.clone(),
            domain: set.domain,
            class_names: names,
            epochs: request.epochs,
            seed: request.seed,
            accuracy: 0.0,
            sure: 0.0,
        },
        weights: Tensors::default(),
    };
    saved.weights = Pupil::new(request, &set, &split, device)?.learn(request, &tell)?;
    let host = Host {
        device,
        ..Host::default()
    };
    let verdict = Judge::new(&saved, &host)?.verdict(&set.tensor(&split.validation))?;
    saved.about.accuracy = verdict.accuracy(&set.classes(&split.validation).unwrap_or_default());
    saved.about.sure = verdict.sure();
    Ok(saved)
}

/// A judge in training.
struct Pupil<'a> {
    set: &'a Dataset,
    exec: Box<dyn Executor>,
    batcher: Batcher,
    adam: optim::AdamW,
    augment: Augment,
    seed: u64,
    steps_per_epoch: usize,
}

impl<'a> Pupil<'a> {
    fn new(request: &JudgeRequest, set: &'a Dataset, split: &Split, device: DeviceChoice) -> Result<Self, Error> {
        let classes = set.labels.as_ref().map_or(0, |labels| labels.names.len());
        let graph = classifier::graph(set.domain, classes)?;
        let pixels = graph.nodes[0].shape.pixels();
        let weights = init::weights(&graph, request.seed);
        let exec = executor(device, graph, &weights)?;
        Ok(Self {
            set,
            adam: optim::AdamW::new(exec.params().len(), optim::Hyper::default()),
            exec,
            batcher: Batcher::new(split.train.clone(), BATCH, request.seed),
            augment: Augment {
                shift: (pixels as f64).sqrt() as usize / SHIFTED,
                ..Augment::default()
            },
            seed: request.seed,
            steps_per_epoch: split.train.len().div_ceil(BATCH),
        })
    }

    fn learn(mut self, request: &JudgeRequest, tell: &impl Fn(&str)) -> Result<Tensors, Error> {
        let epochs = request.epochs as u64;
        let steps = epochs * self.steps_per_epoch as u64;
        for epoch in 0..epochs {
            let mut sum = 0.0;
            for step in 0..self.steps_per_epoch as u64 {
                let step = epoch * self.steps_per_epoch as u64 + step;
                sum += self.step(step, optim::rate(step, steps, steps / 20, RATE, 0.0))?;
            }
            let mean = sum / self.steps_per_epoch as f64;
            tell(&format!("epoch {} of {epochs}: cross-entropy {mean:.4}", epoch + 1));
        }
        let weights = self.exec.unpack(self.exec.params());
        Ok(Tensors::from_weights(weights, &self.exec.graph().params))
    }

    /// One step. Gives the mean cross-entropy of its batch.
    fn step(&mut self, step: u64, rate: f64) -> Result<f64, Error> {
        let indices = self.batcher.indices(step);
        let classes = self.set.classes(&indices).unwrap_or_default();
        // The target is not asked for; what the network is given is that of any other training.
        let Lesson { input, t, .. } = self.lesson(step, &indices)?;
        let out = self.exec.forward(&input, &t, &Cond::None, Mode::Train)?;
        let opinion = Opinion::of(&out, self.set.labels.as_ref().map_or(0, |l| l.names.len()))?;
        let descent = (opinion.cotangent(&out, &classes)? / -(BATCH as f64))?;
        let mut grads = vec![0.0; self.exec.params().len()];
        self.exec.backward(&descent, Some(&mut grads), false)?;
        optim::clip(&mut grads, 1.0);
        self.adam.update(self.exec.params_mut(), &grads, rate);
        let probabilities = opinion.probabilities()?.to_vec2::<f32>()?;
        let cost = |(p, class): (Vec<f32>, u32)| -f64::from(p[class as usize].max(f32::MIN_POSITIVE)).ln();
        Ok(probabilities.into_iter().zip(classes).map(cost).sum::<f64>() / BATCH as f64)
    }

    /// No noise, or any angle between signal and noise: all levels of unit size.
    fn level(&self, step: u64, place: u64) -> Level {
        let address = Address {
            seed: self.seed,
            stream: Stream::Times,
            sample: place,
            mv: step,
            draw: 0,
        };
        let u = (address.uniform() - CLEAN).max(0.0) / (1.0 - CLEAN);
        let (sigma, alpha) = (FRAC_PI_2 * u).sin_cos();
        let t = angle(Level { t: 0.0, alpha, sigma });
        Level { t, alpha, sigma }
    }

    fn lesson(&self, step: u64, indices: &[u32]) -> Result<Lesson, Error> {
        let (shape, device) = (self.set.domain.shape(indices.len()), self.exec.device());
        let places = 0..indices.len() as u64;
        let levels: Vec<Level> = places.clone().map(|place| self.level(step, place)).collect();
        let address = Address {
            seed: self.seed,
            stream: Stream::Augment,
            sample: 0,
            mv: step,
            draw: 0,
        };
        let x0 = self.set.gather(indices, &self.augment, address);
        let x0 = Tensor::from_vec(x0, shape.as_slice(), device)?;
        let eps = loss::noise(self.seed, step, places, &shape, device)?;
        Ok(Lesson::new(&x0, &eps, &levels, Target::Eps, vec![1.0; levels.len()])?)
    }
}
