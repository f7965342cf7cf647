//! A trajectory as the engine makes it: one network call at a time, in chunks that keep the engine responsive.

use std::{path::Path, sync::Arc};

use candle_core::Tensor;
use sha2::{Digest as _, Sha256};

use super::{
    Error,
    branch::{Lines, Shared, Stand},
    command::{ClassChoice, ClassifierChoice, SampleRequest},
    event::{Figures, Parted, StepFrame, TrajectoryInfo},
    judge::{self, Judge},
    model::{self, ModelInfo, Pinned},
    restore::{self, Restoring},
    select::{Host, Runner},
};
use crate::{
    diffusion::{
        AutoGuided, ClassifierGuided, Clipped, Denoiser, EpsAfterClip, Guided, Net, NetDenoiser, Step, Trajectory,
        guidance::Classifier, sampler, scheduler_config::Setup,
    },
    files::{SavedJudge, provenance::Prints},
    math::{
        Cond, Domain, Frame, Level, Move, Units, grid,
        noise::{Address, Stream},
        schedule::{self, NoiseSchedule},
        target,
    },
};

/// One move of all samples, exactly: raw numbers in tensor order.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Index of the move.
    pub index: usize,
    /// The move.
    pub mv: Move,
    /// The units of `x` and `next`.
    pub units: Units,
    /// The state before it, in the sampler's units.
    pub x: Vec<f32>,
    /// The clean sample as guessed from `x`.
    pub x0: Vec<f32>,
    /// The noise as guessed from `x`.
    pub eps: Vec<f32>,
    /// The state after it, in the sampler's units.
    pub next: Vec<f32>,
}

/// A reverse process of many samples under way. The chunks take turns, so that each call of [`Sampling::advance`] is one
/// network call however many samples there are.
pub struct Sampling {
    domain: Domain,
    start: Vec<f32>,
    /// The way in common with another trajectory, until it parts from that one.
    shared: Option<Shared>,
    parted: Option<Arc<Parted>>,
    chunks: Vec<Trajectory>,
    made: Vec<Step>,
    restoring: Option<Restoring>,
    judge: Option<Judge>,
    prints: Prints,
}

impl Sampling {
    /// Builds the network of `pinned` and starts from the request's noise.
    pub(super) fn new(request: &SampleRequest, pinned: &Pinned, host: &Host) -> Result<Self, Error> {
        let others = Others::of(request, &pinned.info, host)?;
        Self::with_runner(request, &pinned.info, &pinned.runner(host)?, others)
    }

    /// The same with networks that are already there.
    pub(super) fn with_runner(
        request: &SampleRequest,
        model: &ModelInfo,
        runner: &Runner,
        mut others: Others,
    ) -> Result<Self, Error> {
        let ancestors = others.ancestors.take().map(|others| *others).unwrap_or_default();
        let branch = request.branch.as_deref();
        let shared = branch.map(|branch| Shared::new(branch, request, model, runner, ancestors));
        let shared = shared.transpose()?;
        let restoring = Restoring::of(request, model.domain, &runner.device)?;
        let plan = Plan::new(request, model, others, restoring, shared.as_ref())?;
        let passes = if plan.is_guided() { 2 } else { 1 };
        let chunk = (runner.per_call / passes).max(1);
        let start = match &shared {
            Some(shared) => shared.start(),
            None => plan.start_noise()?,
        };
        let parted = branch
            .zip(shared.as_ref())
            .map(|(branch, shared)| shared.told(branch, model));
        let firsts = (0..request.count).step_by(chunk);
        let chunks = firsts.map(|first| {
            let last = (first + chunk).min(request.count);
            plan.chunk(runner, &start, first, last)
        });
        let mut sampling = Self {
            domain: model.domain,
            chunks: chunks.collect::<Result<_, Error>>()?,
            made: Vec::new(),
            start,
            shared,
            parted: parted.transpose()?.map(Arc::new),
            restoring: plan.restoring,
            prints: plan.others.prints(model),
            judge: plan.others.judge,
        };
        sampling.part(0)?;
        Ok(sampling)
    }

    /// Leaves the shared way at its end, `made` moves from the start.
    fn part(&mut self, made: usize) -> Result<(), Error> {
        let Some(shared) = self.shared.take_if(|shared| shared.is_over(made)) else {
            return Ok(());
        };
        let (stand, mut first) = (shared.end()?, 0);
        for chunk in &mut self.chunks {
            let last = first + chunk.x().dim(0)?;
            let part = stand.part(first, last)?;
            let x = part.x_in(chunk.units(), chunk.moves()[made].from)?;
            chunk.seek(made, x, part.past);
            first = last;
        }
        Ok(())
    }

    /// Where the samples stand between two moves.
    pub(super) fn stand(&self) -> Result<Stand, Error> {
        if let Some(shared) = &self.shared {
            return shared.stand();
        }
        let stands = self.chunks.iter().map(|chunk| Stand {
            units: chunk.units(),
            x: chunk.x().clone(),
            past: chunk.past().cloned().collect(),
        });
        Ok(Stand::joined(&stands.collect::<Vec<_>>())?)
    }

    /// All moves.
    pub fn moves(&self) -> &[Move] {
        self.chunks.first().map_or(&[], Trajectory::moves)
    }

    /// The starting noise: standard normal, before the sampler scales it.
    pub fn start(&self) -> &[f32] {
        &self.start
    }

    /// One network call. Gives the whole move when its last chunk is done, `None` before that. A call that failed may be
    /// made again.
    /// After the last move there is nothing to call: see [`Sampling::is_done`].
    pub fn advance(&mut self) -> Result<Option<Moved>, Error> {
        if let Some(shared) = &mut self.shared {
            let Some(moved) = shared.advance()? else {
                return Ok(None);
            };
            self.part(moved.index + 1)?;
            return Ok(Some(moved));
        }
        let turn = self.made.len();
        if let Some(step) = self.chunks.get_mut(turn).and_then(Iterator::next) {
            self.made.push(step?);
        }
        if self.made.is_empty() || self.made.len() < self.chunks.len() {
            return Ok(None);
        }
        let steps = std::mem::take(&mut self.made);
        let gather = |part: fn(&Step) -> &Tensor| concat(steps.iter().map(part));
        Ok(Some(Moved {
            index: self.chunks[0].index() - 1,
            mv: steps[0].mv,
            units: self.chunks[0].units(),
            x: gather(|s| &s.x)?,
            x0: gather(|s| &s.belief.x0)?,
            eps: gather(|s| &s.belief.eps)?,
            next: gather(|s| &s.next)?,
        }))
    }

    /// Whether every move was made.
    pub fn is_done(&self) -> bool {
        self.shared.is_none() && self.made.is_empty() && self.chunks.iter().all(|c| c.index() == c.moves().len())
    }

    /// What is told at the start.
    pub(super) fn info(&self, request: &SampleRequest, model: &ModelInfo) -> Result<TrajectoryInfo, Error> {
        let restoring = self.restoring.as_ref();
        Ok(TrajectoryInfo {
            restore: restoring.map(|restoring| restoring.told(request.steps)).transpose()?,
            prints: self.prints.clone(),
            branch: self.parted.clone(),
            ..info(request, model, self.moves().len())
        })
    }

    /// Figures of the results `x` that took so many seconds, where something was restored.
    pub(super) fn figures(&self, x: &[f32], secs: f64) -> Result<Option<Figures>, Error> {
        let Some(restoring) = &self.restoring else {
            return Ok(None);
        };
        let mut figures = restoring.figures(x, secs)?;
        if let Some(judge) = &self.judge {
            restore::name_classes(&mut figures.candidates, x, judge)?;
        }
        Ok(Some(figures))
    }

    /// What a sample is.
    pub fn domain(&self) -> Domain {
        self.domain
    }
}

/// All tensors one after the other.
fn concat<'a>(parts: impl Iterator<Item = &'a Tensor>) -> Result<Vec<f32>, Error> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(part.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(all)
}

/// Networks besides the model that a trajectory asks.
#[derive(Default)]
pub(super) struct Others {
    weaker: Option<Weaker>,
    guide: Option<Guide>,
    /// Looks at what was restored.
    judge: Option<Judge>,
    /// Those of the trajectory that this one parts from.
    ancestors: Option<Box<Self>>,
}

impl Others {
    /// Those that the request names.
    pub(super) fn of(request: &SampleRequest, model: &ModelInfo, host: &Host) -> Result<Self, Error> {
        Ok(Self {
            weaker: Weaker::of(request, model, host)?,
            guide: Guide::of(request, model, host)?,
            judge: match &request.restore {
                Some(_) => restore::judge(model, host)?,
                None => None,
            },
            ancestors: match request.branch.as_deref() {
                Some(branch) => Some(Box::new(Self::of(&branch.parent, model, host)?)),
                None => None,
            },
        })
    }

    fn prints(&self, model: &ModelInfo) -> Prints {
        Prints {
            model: model.weights.clone(),
            weaker: self.weaker.as_ref().and_then(|weaker| weaker.print.clone()),
            judge: self.guide.as_ref().map(|guide| guide.print.clone()),
        }
    }
}

/// Which weights a request takes, where a recipe does not say.
pub fn prints(request: &SampleRequest, model: &ModelInfo) -> Result<Prints, Error> {
    Ok(Others::of(request, model, &Host::default())?.prints(model))
}

/// The classifier that leads towards a class.
struct Guide {
    print: String,
    classifier: Arc<dyn Classifier>,
    scale: f64,
    classes: Vec<u32>,
}

impl Guide {
    fn of(request: &SampleRequest, model: &ModelInfo, host: &Host) -> Result<Option<Self>, Error> {
        let Some(ClassifierChoice { scale, judge }) = &request.classifier else {
            return Ok(None);
        };
        let fits = |saved: &SavedJudge| model.null_class().is_none() || saved.about.class_names == *model.class_names;
        let saved = judge::open(judge.as_deref(), &model.recipe.data.source, model.domain)?;
        let saved = saved.filter(fits).ok_or_else(|| {
            Error::refused(format!(
                "there is no classifier of the classes of {}: train one with `diffusion-studio judge` and name its file",
                model.label
            ))
        })?;
        let classes = classes(request, saved.about.class_names.len() as u32)?
            .ok_or_else(|| Error::refused("a classifier leads towards a class: choose one, or each"))?;
        let named = saved.weights.0.iter().map(|(name, t)| (&**name, &*t.data));
        Ok(Some(Self {
            print: model::digest(named),
            classifier: Judge::new(&saved, host)?.guide(),
            scale: *scale,
            classes,
        }))
    }
}

/// The classes that samples of this model can be asked for when a classifier leads: its own, or else the classifier's.
pub fn class_names(model: &ModelInfo, judge: Option<&Path>) -> Result<Arc<[String]>, Error> {
    if model.null_class().is_some() {
        return Ok(model.class_names.clone());
    }
    let saved = judge::open(judge, &model.recipe.data.source, model.domain)?;
    Ok(saved.map_or_else(|| Arc::from([]), |saved| saved.about.class_names.into()))
}

/// The network that autoguidance leaves behind.
pub(super) struct Weaker {
    print: Option<String>,
    runner: Runner,
    target: target::Target,
}

impl Weaker {
    /// The one that the request names, if it does. It must know the same samples, noise levels and classes as `model`.
    pub(super) fn of(request: &SampleRequest, model: &ModelInfo, host: &Host) -> Result<Option<Self>, Error> {
        let Some(wanted) = &request.weaker else { return Ok(None) };
        let pinned = model::load(wanted)?;
        let info = &pinned.info;
        let differs = [
            (info.domain != model.domain, "other samples"),
            (info.recipe.schedule != model.recipe.schedule, "another noise schedule"),
            (info.class_names.len() != model.class_names.len(), "other classes"),
        ];
        if let Some((_, what)) = differs.iter().find(|(differs, _)| *differs) {
            return Err(Error::refused(format!(
                "{} has {what} than {}: autoguidance needs a weaker model of the same kind",
                info.label, model.label
            )));
        }
        Ok(Some(Self {
            print: pinned.fingerprint(),
            runner: pinned.runner(host)?,
            target: target::build(&info.recipe.target)?,
        }))
    }
}

/// A checked request: everything that the chunks have in common.
struct Plan<'a> {
    request: &'a SampleRequest,
    domain: Domain,
    target: target::Target,
    moves: Vec<Move>,
    schedule: Arc<dyn NoiseSchedule>,
    cond: Cond,
    null_class: Option<u32>,
    /// What an imported model's scheduler says about clipping.
    setup: Option<Setup>,
    others: Others,
    restoring: Option<Restoring>,
}

impl<'a> Plan<'a> {
    fn new(
        request: &'a SampleRequest,
        model: &ModelInfo,
        others: Others,
        restoring: Option<Restoring>,
        shared: Option<&Shared>,
    ) -> Result<Self, Error> {
        if request.count == 0 || request.steps == 0 {
            return Err(Error::refused("a trajectory needs at least one sample and one step"));
        }
        if others.weaker.is_some() && !request.guidance.is_on() {
            return Err(Error::refused(
                "a weaker model counts for nothing at guidance 1: choose a guidance of, say, 2",
            ));
        }
        if let Some(restoring) = &restoring {
            restoring.check_class(request.class != ClassChoice::None)?;
        }
        let schedule: Arc<dyn NoiseSchedule> = schedule::build(&model.recipe.schedule)?.into();
        let spacing = grid::build(&request.spacing)?;
        let path = path(request, model)?;
        Ok(Self {
            request,
            domain: model.domain,
            target: target::build(&model.recipe.target)?,
            moves: match (shared, path.as_deref()) {
                (Some(shared), path) => shared.moves(&*schedule, path, spacing)?,
                (None, Some(path)) => grid::along(&*schedule, path, spacing, request.steps),
                (None, None) => grid::time_grid(&*schedule, spacing, request.steps),
            },
            schedule,
            cond: condition(request, model)?,
            null_class: model.null_class(),
            setup: model.setup(Some(&request.sampler.id), request.steps)?,
            others,
            restoring,
        })
    }

    /// Sample i's noise depends on the seed and i alone.
    fn start_noise(&self) -> Result<Vec<f32>, Error> {
        let numel = self.domain.numel();
        let wanted = self.request.count * numel;
        if let Some(given) = &self.request.noise {
            return match given.get(..wanted) {
                Some(used) => Ok(used.to_vec()),
                None => Err(Error::refused(format!(
                    "the given noise holds {} numbers, but {} samples need {wanted}",
                    given.len(),
                    self.request.count
                ))),
            };
        }
        let mut start = vec![0.0; wanted];
        for (sample, out) in (0..).zip(start.chunks_exact_mut(numel)) {
            start_address(self.request.seed, sample).normals(out);
        }
        Ok(start)
    }

    fn chunk(&self, runner: &Runner, start: &[f32], first: usize, last: usize) -> Result<Trajectory, Error> {
        let numel = self.domain.numel();
        let noise = Tensor::from_slice(
            &start[first * numel..last * numel],
            self.domain.shape(last - first),
            &runner.device,
        )?;
        let (sampler, net) = match &self.restoring {
            None => (sampler::build(&self.request.sampler)?, runner.net.clone()),
            Some(restoring) => (restoring.sampler(), restoring.counted(runner.net.clone())),
        };
        Ok(Trajectory::new(
            self.moves.clone(),
            sampler,
            self.denoiser(net, first, last),
            self.schedule.clone(),
            Box::new(Lines::of(self.request)),
            &noise,
            first as u64,
        )?)
    }

    /// Whether each move asks the network twice.
    fn is_guided(&self) -> bool {
        self.request.guidance.is_on() && (self.knows_class() || self.others.weaker.is_some())
    }

    /// Whether the network is told the class of the samples.
    fn knows_class(&self) -> bool {
        self.null_class.is_some() && self.request.class != ClassChoice::None
    }

    /// Guidance first, then the classifier, clipping last.
    fn denoiser(&self, net: Arc<dyn Net>, first: usize, last: usize) -> Box<dyn Denoiser> {
        let inner = self.guided(net, self.cond.slice(first, last));
        match &self.others.guide {
            None => self.clipped(inner),
            Some(guide) => {
                let led = ClassifierGuided {
                    inner,
                    classifier: guide.classifier.clone(),
                    classes: guide.classes[first..last].to_vec(),
                    scale: guide.scale,
                    interval: self.request.guidance.interval,
                };
                self.clipped(Box::new(led))
            }
        }
    }

    /// Clips to the domain's range where it has one, the noise staying as predicted; an imported model is clipped as its
    /// scheduler says.
    fn clipped(&self, inner: Box<dyn Denoiser>) -> Box<dyn Denoiser> {
        match (&self.setup, self.domain.range()) {
            (Some(setup), _) => setup.clipped(inner),
            (None, None) => inner,
            (None, Some(range)) => Box::new(Clipped {
                inner,
                range,
                eps: EpsAfterClip::Keep,
            }),
        }
    }

    fn guided(&self, net: Arc<dyn Net>, cond: Cond) -> Box<dyn Denoiser> {
        let (target, guidance) = (self.target, self.request.guidance);
        if let Some(Weaker {
            runner, target: theirs, ..
        }) = &self.others.weaker
        {
            let bad = NetDenoiser {
                net: runner.net.clone(),
                target: *theirs,
                cond: cond.clone(),
            };
            let good = NetDenoiser { net, target, cond };
            return Box::new(AutoGuided { good, bad, guidance });
        }
        match (cond, self.null_class) {
            (Cond::Class(classes), Some(null_class)) if self.is_guided() => Box::new(Guided {
                net,
                target,
                classes,
                null_class,
                guidance,
            }),
            (cond, _) => Box::new(NetDenoiser { net, target, cond }),
        }
    }
}

/// The schedule that the times are chosen over, where it is not the model's.
fn path(request: &SampleRequest, model: &ModelInfo) -> Result<Option<Box<dyn NoiseSchedule>>, Error> {
    if request.schedule.is_some() && request.restore.is_some() {
        return Err(Error::refused(
            "a restoration keeps the noise schedule of its model: leave the other schedule out",
        ));
    }
    let other = request
        .schedule
        .as_ref()
        .filter(|other| **other != model.recipe.schedule);
    Ok(other.map(schedule::build).transpose()?)
}

/// Address of sample i's starting noise.
pub(super) fn start_address(seed: u64, sample: u64) -> Address {
    Address {
        seed,
        stream: Stream::Start,
        sample,
        mv: 0,
        draw: 0,
    }
}

/// What the network is told of each sample.
fn condition(request: &SampleRequest, model: &ModelInfo) -> Result<Cond, Error> {
    let Some(null) = model.null_class() else {
        return match request.class {
            ClassChoice::None => Ok(Cond::None),
            _ if request.classifier.is_some() => Ok(Cond::None),
            _ => Err(Error::refused(
                "this model was trained without classes: choose no class, train with classes, or let a classifier lead",
            )),
        };
    };
    let classes = classes(request, null)?;
    Ok(Cond::Class(classes.unwrap_or_else(|| vec![null; request.count])))
}

/// The class of each sample, of `known` ones; `None` where none was asked for.
fn classes(request: &SampleRequest, known: u32) -> Result<Option<Vec<u32>>, Error> {
    match request.class {
        ClassChoice::None => Ok(None),
        ClassChoice::Each => Ok(Some((0..request.count as u32).map(|i| i % known).collect())),
        ClassChoice::One(class) if class < known => Ok(Some(vec![class; request.count])),
        ClassChoice::One(class) => Err(Error::refused(format!(
            "there is no class {class}: the classes are 0 to {}",
            known - 1
        ))),
    }
}

/// Tells one starting noise from another: the beginning of the SHA-256 of the numbers that are used.
pub fn fingerprint(noise: &[f32], used: usize) -> String {
    let digest = Sha256::digest(bytemuck::cast_slice(&noise[..used.min(noise.len())]));
    let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
    digest.iter().take(16).fold(String::new(), hex)
}

/// What is told about a trajectory at its start.
pub(super) fn info(request: &SampleRequest, model: &ModelInfo, moves: usize) -> TrajectoryInfo {
    TrajectoryInfo {
        id: request.id,
        domain: model.domain,
        model: model.label.clone(),
        recipe: model.recipe.clone(),
        step: model.step,
        sampler: request.sampler.clone(),
        spacing: request.spacing.clone(),
        schedule: request.schedule.clone(),
        moves,
        seed: request.seed,
        count: request.count,
        class: request.class,
        guidance: request.guidance,
        weaker: request.weaker.as_ref().map(model::place),
        classifier: request.classifier.as_ref().map(|choice| choice.scale),
        noise: request
            .noise
            .as_deref()
            .map(|given| fingerprint(given, request.count * model.domain.numel())),
        prints: Prints::default(),
        class_names: model.class_names.clone(),
        restore: None,
        branch: None,
    }
}

/// The picture of one move. States are shown in the schedule's units, whatever the sampler's are.
pub fn step_frame(domain: Domain, moved: &Moved) -> StepFrame {
    let (x, next) = (
        shown(&moved.x, moved.units, moved.mv.from),
        shown(&moved.next, moved.units, moved.mv.to),
    );
    let change: f64 = x.iter().zip(&next).map(|(a, b)| f64::from((a - b).abs())).sum();
    StepFrame {
        index: moved.index,
        level: moved.mv.from,
        x: domain.frame(&x),
        x0: domain.frame(&moved.x0),
        eps: noise_frame(domain, &moved.eps),
        change: (change / x.len() as f64) as f32,
        x_stats: mean_and_std(&x),
        x0_stats: mean_and_std(&moved.x0),
    }
}

/// The picture of the result, which follows the last move: no noise is left in it.
pub fn last_frame(domain: Domain, moved: &Moved) -> StepFrame {
    let x = domain.frame(&moved.next);
    let stats = mean_and_std(&moved.next);
    StepFrame {
        index: moved.index + 1,
        level: moved.mv.to,
        x0: x.clone(),
        x,
        eps: noise_frame(domain, &vec![0.0; moved.next.len()]),
        change: 0.0,
        x_stats: stats,
        x0_stats: stats,
    }
}

fn shown(state: &[f32], units: Units, at: Level) -> Vec<f32> {
    let factor = units.schedule_from_state(at) as f32;
    state.iter().map(|v| v * factor).collect()
}

/// Three standard deviations of noise fill the range of pictures.
fn noise_frame(domain: Domain, eps: &[f32]) -> Frame {
    match domain {
        Domain::Points => domain.frame(eps),
        Domain::Image { .. } => domain.frame(&eps.iter().map(|v| v / 3.0).collect::<Vec<_>>()),
    }
}

fn mean_and_std(values: &[f32]) -> (f32, f32) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let var = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    (mean as f32, var.sqrt() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diffusion::Guidance,
        engine::{
            TrajectoryId,
            command::{Branch, Model},
        },
        files::Recipe,
        math::{Spec, Value},
        nn,
    };

    /// An untrained perceptron.
    fn pinned() -> Pinned {
        let info = ModelInfo {
            label: String::new(),
            recipe: Recipe {
                net: Spec::new("mlp")
                    .with("width", Value::Int(16))
                    .with("depth", Value::Int(1)),
                ..Recipe::default()
            },
            step: 0,
            domain: Domain::Points,
            class_names: Arc::new(["left".into(), "right".into()]),
            scheduler: None,
            weights: None,
        };
        let weights = nn::init::weights(&info.graph().unwrap(), 5);
        Pinned {
            info,
            mind: model::Mind::Weights(Arc::new(weights)),
        }
    }

    fn request(count: usize) -> SampleRequest {
        SampleRequest {
            id: TrajectoryId(1),
            model: Model::Present,
            sampler: Spec::new("ddpm"),
            steps: 6,
            spacing: Spec::new("trailing"),
            schedule: None,
            seed: 9,
            count,
            class: ClassChoice::Each,
            guidance: Guidance::scale(2.0),
            weaker: None,
            classifier: None,
            noise: None,
            restore: None,
            branch: None,
        }
    }

    /// Network calls and result, `per_call` samples at a time.
    fn made(request: &SampleRequest, per_call: usize) -> (usize, Vec<f32>) {
        let pinned = pinned();
        let runner = Runner {
            per_call,
            ..pinned.runner(&Host::default()).unwrap()
        };
        let mut sampling = Sampling::with_runner(request, &pinned.info, &runner, Others::default()).unwrap();
        let (mut calls, mut x) = (0, Vec::new());
        while !sampling.is_done() {
            calls += 1;
            x = sampling.advance().unwrap().map_or(x, |moved| moved.next);
        }
        (calls, x)
    }

    #[test]
    fn chunks_make_no_difference() {
        // Guidance asks twice, so four samples a call are two.
        let (parts, whole) = (made(&request(7), 4), made(&request(7), 100));
        assert_eq!((parts.0, whole.0), (4 * 6, 6));
        assert_eq!(whole.1.len(), 14);
        for (a, b) in parts.1.iter().zip(&whole.1) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }

    #[test]
    fn a_branch_parts_from_every_chunk() {
        let parent = SampleRequest {
            sampler: Spec::new("dpmpp-2m-sde"),
            ..request(7)
        };
        let mut branch = SampleRequest {
            branch: Some(Arc::new(Branch {
                parent: parent.clone(),
                step: 3,
                sample: None,
                remaining: None,
            })),
            ..parent.clone()
        };
        assert_eq!(made(&branch, 4), made(&parent, 4));
        // Without guidance a call holds twice as many, so that the chunks of both differ.
        branch.guidance = Guidance::scale(1.0);
        let (parts, whole) = (made(&branch, 4), made(&branch, 100));
        assert_eq!((parts.0, whole.0), (4 * 3 + 2 * 3, 6));
        for (a, b) in parts.1.iter().zip(&whole.1) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }

    #[test]
    fn statistics_of_known_numbers() {
        let (mean, std) = mean_and_std(&[1.0, 3.0, 1.0, 3.0]);
        assert_eq!((mean, std), (2.0, 1.0));
    }
}
