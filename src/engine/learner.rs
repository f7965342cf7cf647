//! The numbers of training: what one step computes, in which order, and nothing about clocks, files or messages.
//!
//! A step is a function of the weights, the moments and the step's number. Batches, times and noise are addressed by
//! seed and step, so an interrupted run continues with the numbers it would have seen anyway.

use candle_core::Result;

use super::{
    Error,
    dissection::{Dissection, Nudge, norm},
    doubt::Doubt,
    feed::{Batch, Feed},
    model::ModelInfo,
    snapshot::{Moment, Snapshot},
};
use crate::{
    diffusion::{
        loss::{self, Bound, Lesson, Share},
        times::{self, Draw, TimeSampling},
    },
    files::{Checkpoint, Recipe, State, Tensor, Tensors},
    math::{
        Cond, Domain, Level,
        schedule::{self, NoiseSchedule},
        target::{self, Target},
        weighting::{self, Weighting},
    },
    nn::{Executor, Mode, Weights, ema::Ema, optim},
};

/// A loss beyond this is as bad as infinity: an untrained network's is about one for every target.
const EXPLODED: f64 = 1e4;

/// How many samples of each step are reported with their noise level.
const REPORTED: usize = 4;

/// Which weights are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that training changes.
    Raw,
    /// Their average.
    Ema,
}

/// What one training step was like.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// Number of the step, from 1.
    pub(super) step: u64,
    /// Mean loss of its batch, with the weights before the step.
    pub(super) loss: f64,
    /// Gradient norm before clipping.
    pub(super) grad_norm: f64,
    /// Learning rate used.
    pub(super) lr: f64,
    /// EMA decay used.
    pub(super) ema_decay: f64,
    /// `(share of the schedule, loss)` of some samples.
    pub(super) by_level: Vec<(f32, f32)>,
    /// Its inside, where that was asked for.
    pub(super) dissection: Option<Box<Dissection>>,
}

/// What a network call of the trainer led to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The step has more parts.
    Partial,
    /// The step is complete.
    Stepped(Report),
    /// Something was not finite; the weights are those before the step.
    Diverged(String),
}

/// Weights in training.
pub(super) struct Learner {
    pub(super) exec: Box<dyn Executor>,
    /// Learning rate after warm-up.
    pub(super) lr: f64,
    pub(super) recipe: Recipe,
    pub(super) schedule: Box<dyn NoiseSchedule>,
    pub(super) target: Target,
    pub(super) weighting: Weighting,
    times: Box<dyn TimeSampling>,
    /// Where the weighting learns how hard each level is.
    doubt: Option<Doubt>,
    /// Where the network's variance is learned.
    bound: Option<Share>,
    feed: Feed,
    adam: optim::AdamW,
    ema: Ema,
    /// 0 where the optimiser must leave a weight alone; `None` where it may change all.
    trained: Option<Vec<f32>>,
    grads: Vec<f32>,
    step: u64,
    work: Option<Work>,
    /// The next step that begins is taken apart.
    watched: bool,
    model: ModelInfo,
}

/// A step under way.
struct Work {
    batch: Batch,
    draws: Vec<Draw>,
    done: usize,
    /// What each sample cost, without the factor of its draw.
    losses: Vec<f64>,
    by_level: Vec<(f32, f32)>,
    dissection: Option<Box<Dissection>>,
}

impl Learner {
    /// A network that starts to learn with the weights that `exec` holds.
    pub(super) fn new(exec: Box<dyn Executor>, model: &ModelInfo, feed: Feed) -> std::result::Result<Self, Error> {
        let recipe = model.recipe.clone();
        let train = &recipe.train;
        let hyper = optim::Hyper {
            beta1: train.beta1,
            beta2: train.beta2,
            eps: train.eps,
            weight_decay: train.weight_decay,
        };
        let len = exec.params().len();
        let weighting = weighting::build(&recipe.weighting)?;
        let schedule = schedule::build(&recipe.schedule)?;
        Ok(Self {
            lr: train.lr,
            target: target::build(&recipe.target)?,
            bound: share_of_bound(weighting, &*schedule, exec.graph().says_variance())?,
            doubt: (weighting == Weighting::Learned).then(|| Doubt::new(recipe.seed, hyper)),
            weighting,
            schedule,
            times: times::build(&recipe.times)?,
            feed,
            adam: optim::AdamW::new(len, hyper),
            ema: Ema::new(exec.params().to_vec(), recipe.ema.decay),
            trained: optim::trained(&*exec)?,
            grads: vec![0.0; len],
            step: 0,
            work: None,
            watched: false,
            model: model.clone(),
            recipe,
            exec,
        })
    }

    /// What the weights are.
    pub(super) fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// What it learns from.
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The raw weights by name.
    pub(super) fn weights(&self) -> Weights {
        self.exec.unpack(self.exec.params())
    }

    /// The averaged weights by name.
    pub(super) fn averaged(&self) -> Weights {
        self.exec.unpack(&self.ema.weights)
    }

    /// Everything that a resume needs; `state` brings what the learner does not know.
    pub(super) fn snapshot(&self, state: State) -> Snapshot {
        let epochs = self.feed.epochs(self.step);
        Snapshot {
            layout: self.exec.layout(),
            model: self.exec.params().to_vec(),
            ema: self.ema.weights.clone(),
            moments: [self.adam.mean.clone(), self.adam.square.clone()],
            loss: self.learned_by_loss(),
            state: State {
                step: self.step,
                updates: self.adam.step,
                epoch: epochs as u64,
                seen: (epochs.fract() * self.feed.count() as f64).round() as u64,
                lr: (self.lr != self.recipe.train.lr).then_some(self.lr),
                ema_decay: (self.ema.decay != self.recipe.ema.decay).then_some(self.ema.decay),
                domain: Some(self.domain()),
                class_names: self.model.class_names.to_vec(),
                ..state
            },
        }
    }

    /// The averaged weights of this moment, with what they are.
    pub(super) fn moment(&self) -> Moment {
        Moment {
            info: ModelInfo {
                recipe: self.recipe.clone(),
                step: self.step,
                ..self.model.clone()
            },
            layout: self.exec.layout(),
            ema: self.ema.weights.clone(),
        }
    }

    fn learned_by_loss(&self) -> Tensors {
        let times = Some((TIMES.to_owned(), vector(self.times.memory()))).filter(|(_, t)| !t.data.is_empty());
        let doubt = self.doubt.iter().flat_map(Doubt::memory);
        Tensors(
            times
                .into_iter()
                .chain(doubt.map(|(name, v)| (name.into(), vector(v))))
                .collect(),
        )
    }

    /// Goes on from a checkpoint of the same recipe.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint) -> std::result::Result<(), Error> {
        let Checkpoint {
            state,
            model,
            ema,
            first_moment,
            second_moment,
            loss,
        } = checkpoint;
        let flat = |tensors: &Tensors| -> std::result::Result<Vec<f32>, Error> {
            let weights = tensors.clone().into_weights(&self.exec.graph().params);
            let weights =
                weights.map_err(|misfit| Error::refused(format!("this checkpoint cannot be used: {misfit}")))?;
            Ok(self.exec.pack(&weights)?)
        };
        let learned = |name: &str| loss.0.get(name).map_or(&[][..], |t| &t.data);
        let params = flat(model)?;
        self.ema.weights = flat(ema)?;
        self.adam.mean = flat(first_moment)?;
        self.adam.square = flat(second_moment)?;
        self.exec.params_mut().copy_from_slice(&params);
        self.adam.step = state.updates;
        self.ema.updates = state.updates;
        self.ema.decay = state.ema_decay.unwrap_or(self.recipe.ema.decay);
        self.lr = state.lr.unwrap_or(self.recipe.train.lr);
        self.step = state.step;
        self.times.recall(learned(TIMES));
        if let Some(doubt) = &mut self.doubt {
            doubt.recall(learned, state.updates)?;
        }
        self.work = None;
        Ok(())
    }

    /// Steps done.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    /// Whether a step is under way.
    pub(super) fn is_between_steps(&self) -> bool {
        self.work.is_none()
    }

    /// Forgets the step under way.
    pub(super) fn drop_work(&mut self) {
        self.work = None;
    }

    /// Begins the next step anew, with the same numbers, and takes it apart.
    pub(super) fn watch(&mut self) {
        self.work = None;
        self.watched = true;
    }

    /// The averaged weights.
    pub(super) fn ema(&self) -> &[f32] {
        &self.ema.weights
    }

    /// Largest EMA decay.
    pub(super) fn ema_decay(&self) -> f64 {
        self.ema.decay
    }

    /// Changes the largest EMA decay.
    pub(super) fn set_ema_decay(&mut self, decay: f64) {
        self.ema.decay = decay;
    }

    /// One network call: a part of a step, and the update when it was the last part. After an error the step under way
    /// starts over, with the same numbers.
    pub(super) fn advance(&mut self) -> Result<Outcome> {
        let taken = self.work.take();
        let mut work = taken.unwrap_or_else(|| self.begin());
        if let Some(fault) = self.call(&mut work)? {
            return Ok(Outcome::Diverged(fault));
        }
        if work.done < work.draws.len() {
            self.work = Some(work);
            return Ok(Outcome::Partial);
        }
        Ok(self.update(work))
    }

    /// Everything random about a step, addressed by its number.
    fn begin(&mut self) -> Work {
        self.grads.fill(0.0);
        let (seed, count) = (self.recipe.seed, self.recipe.train.batch as u64);
        Work {
            draws: times::draw(&*self.times, &*self.schedule, seed, self.step, 0..count, count),
            batch: self.feed.batch(self.step),
            done: 0,
            losses: Vec::new(),
            by_level: Vec::new(),
            dissection: None,
        }
    }

    /// Forward and backward pass of the next samples of the batch. Gives a fault when a loss is not finite.
    fn call(&mut self, work: &mut Work) -> Result<Option<String>> {
        let (first, batch) = (work.done, work.draws.len());
        let last = (first + self.recipe.train.micro_batch.unwrap_or(batch)).min(batch);
        let truth = self.truth(work, first, last)?;
        let lesson = self.lesson(work, first, &truth)?;
        let out = self.exec.forward(
            &lesson.input,
            &lesson.t,
            &work.batch.cond.slice(first, last),
            Mode::Train,
        )?;
        let loss = lesson.judge(&out, batch)?;
        if let Some(i) = loss.per_sample.iter().position(|l| l.is_nan() || *l > EXPLODED) {
            return Ok(Some(self.loss_fault(loss.per_sample[i], work.draws[first + i])));
        }
        if first == 0 && self.watched {
            let levels: Vec<Level> = work.draws[..last].iter().map(|d| d.level).collect();
            let (x0, eps) = (&truth.0, &truth.1);
            let seen = Dissection::new(self.step + 1, (x0, eps), &levels, &lesson, &out, &loss)?;
            work.dissection = Some(Box::new(seen));
        }
        self.exec.backward(&loss.grad, Some(&mut self.grads), false)?;
        work.losses.extend(loss.losses);
        let reported = loss
            .per_sample
            .iter()
            .take(REPORTED - work.by_level.len().min(REPORTED));
        for (draw, loss) in work.draws[first..].iter().zip(reported) {
            work.by_level.push((self.share(draw.level.t), *loss as f32));
        }
        work.done = last;
        Ok(None)
    }

    /// Clean samples and noise of a part of the batch.
    fn truth(&self, work: &Work, first: usize, last: usize) -> Result<(candle_core::Tensor, candle_core::Tensor)> {
        let (domain, device) = (self.domain(), self.exec.device());
        let (shape, numel) = (domain.shape(last - first), domain.numel());
        let x0 = candle_core::Tensor::from_slice(&work.batch.x[first * numel..last * numel], shape.as_slice(), device)?;
        let places = first as u64..last as u64;
        Ok((x0, loss::noise(self.recipe.seed, self.step, places, &shape, device)?))
    }

    fn lesson(
        &self,
        work: &Work,
        first: usize,
        (x0, eps): &(candle_core::Tensor, candle_core::Tensor),
    ) -> Result<Lesson> {
        let draws = &work.draws[first..first + x0.dim(0)?];
        let levels: Vec<Level> = draws.iter().map(|d| d.level).collect();
        let weight = |&at: &Level| self.weighting.weight(self.target, at, &*self.schedule);
        let doubt = |at: Level| self.doubt.as_ref().map_or(1.0, |doubt| doubt.factor(at));
        let lesson = Lesson::new(x0, eps, &levels, self.target, levels.iter().map(weight).collect())?;
        let lesson = Lesson {
            factors: draws.iter().map(|d| d.weight * doubt(d.level)).collect(),
            ..lesson
        };
        let Some(share) = self.bound else { return Ok(lesson) };
        let bound = Bound::new((x0, eps), &levels, self.target, &*self.schedule, self.domain(), share)?;
        Ok(lesson.with_bound(bound))
    }

    fn update(&mut self, mut work: Work) -> Outcome {
        let train = &self.recipe.train;
        let grad_norm = optim::clip(&mut self.grads, train.clip);
        if !grad_norm.is_finite() {
            return Outcome::Diverged(self.grad_fault());
        }
        let lr = optim::rate(self.step, train.steps, train.warmup, self.lr, train.lr_end);
        let before = work.dissection.is_some().then(|| self.exec.params().to_vec());
        self.update_weights(lr);
        let loss = self.update_loss(&work, lr);
        if let Some((dissection, before)) = work.dissection.as_mut().zip(before) {
            let moved = self.exec.params().iter().zip(&before).map(|(new, old)| new - old);
            dissection.nudge = Nudge {
                loss,
                grad_norm,
                lr,
                moved: norm(moved),
                size: norm(before.iter().copied()),
            };
            self.watched = false;
        }
        let ema_decay = self.ema.next_decay();
        self.ema.update(self.exec.params());
        self.step += 1;
        Outcome::Stepped(Report {
            step: self.step,
            loss,
            grad_norm,
            lr,
            ema_decay,
            by_level: work.by_level,
            dissection: work.dissection,
        })
    }

    /// What the times and the weighting learn from a step. Gives the mean loss as if times were drawn evenly.
    fn update_loss(&mut self, work: &Work, lr: f64) -> f64 {
        let samples = || work.draws.iter().zip(&work.losses);
        let seen: Vec<_> = samples().map(|(d, &loss)| (d.level, loss)).collect();
        self.times.learn(&*self.schedule, &seen);
        if let Some(doubt) = &mut self.doubt {
            let seen: Vec<_> = samples().map(|(d, &loss)| (d.level, loss, d.weight)).collect();
            doubt.update(&seen, lr);
        }
        samples().map(|(d, loss)| d.weight * loss).sum::<f64>() / work.losses.len() as f64
    }

    fn update_weights(&mut self, lr: f64) {
        let params = self.exec.params_mut();
        let Some(trained) = &self.trained else {
            return self.adam.update(params, &self.grads, lr);
        };
        let before = params.to_vec();
        self.adam.update(params, &self.grads, lr);
        for ((param, old), trained) in params.iter_mut().zip(before).zip(trained) {
            if *trained == 0.0 {
                *param = old;
            }
        }
    }

    /// Mean squared error of each sample, without training.
    pub(super) fn judge(&mut self, which: Which, lesson: &Lesson, cond: &Cond) -> Result<Vec<f64>> {
        if which == Which::Ema {
            self.exec.params_mut().swap_with_slice(&mut self.ema.weights);
        }
        let out = self.exec.forward(&lesson.input, &lesson.t, cond, Mode::Infer);
        if which == Which::Ema {
            self.exec.params_mut().swap_with_slice(&mut self.ema.weights);
        }
        Ok(lesson.judge(&out?, 1)?.per_sample)
    }

    /// What a sample is.
    pub(super) fn domain(&self) -> Domain {
        self.exec.graph().domain
    }

    /// A time as a share of the schedule.
    fn share(&self, t: f64) -> f32 {
        let (start, end) = self.schedule.domain().into_inner();
        ((t - start) / (end - start)) as f32
    }

    fn loss_fault(&self, loss: f64, draw: Draw) -> String {
        let what = if loss.is_nan() {
            "The loss is not a number".to_owned()
        } else {
            format!("The loss rose to {loss:.3e}")
        };
        let percent = 100.0 * self.share(draw.level.t);
        format!(
            "{what} in step {}, at t = {} ({percent:.0} % of the schedule).",
            self.step + 1,
            draw.level.t
        )
    }

    fn grad_fault(&self) -> String {
        let grads = self.exec.unpack(&self.grads);
        let culprit = grads.iter().find(|(_, g)| g.iter().any(|v| !v.is_finite()));
        let name = culprit.map_or("the network", |(name, _)| name);
        format!("The gradient of {name} is not finite in step {}.", self.step + 1)
    }
}

/// Name of what the times learned, in a checkpoint.
const TIMES: &str = "times";

fn vector(data: Vec<f32>) -> Tensor {
    Tensor {
        shape: vec![data.len()],
        data,
    }
}

/// How the variance is learned, where the network says one.
fn share_of_bound(
    weighting: Weighting,
    schedule: &dyn NoiseSchedule,
    says_variance: bool,
) -> std::result::Result<Option<Share>, Error> {
    if says_variance && schedule.steps().is_none() {
        return Err(Error::refused(
            "a variance is learned for the steps of a discrete schedule: choose one such as cosine, or set net.variance to false",
        ));
    }
    match (weighting, says_variance) {
        (Weighting::Hybrid { share }, true) => Ok(Some(Share {
            of_bound: share,
            detached: true,
        })),
        (Weighting::Vlb, true) => Ok(Some(Share {
            of_bound: 1.0,
            detached: false,
        })),
        (Weighting::Hybrid { .. }, false) => Err(Error::refused(
            "the hybrid weighting teaches a variance, but this network says none: set net.variance to true",
        )),
        (_, true) => Err(Error::refused(
            "this network says a variance, but the weighting teaches it none: choose hybrid or vlb, or set net.variance to false",
        )),
        (_, false) => Ok(None),
    }
}
