//! A trajectory that parts from another: the shared way is walked once more, exactly, then each sample goes on by itself.

use candle_core::Tensor;

use super::{
    Error, TrajectoryId,
    command::{Branch, SampleRequest},
    event::Parted,
    model::ModelInfo,
    sample::{Moved, Others, Sampling},
    select::Runner,
};
use crate::{
    diffusion::{Prediction, Result as TensorResult, Step, sampler},
    files::provenance::DEEPEST,
    math::{
        Level, Move, Spec, Units,
        grid::{self, Spacing},
        noise::{NoiseSource, Seeded},
        schedule::NoiseSchedule,
    },
};

/// Moves that the rest of a branch may have: as many as the command line offers for a whole trajectory.
const MOST: usize = 10_000;

impl SampleRequest {
    /// What this trajectory parts from, what that one parts from, and so on; the nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.parent(), |request| request.parent())
    }

    /// What this trajectory parts from.
    fn parent(&self) -> Option<&Self> {
        self.branch.as_deref().map(|branch| &branch.parent)
    }

    /// Whether both ask the network the same and take the same moves of it, so that one can go on with the other's memory.
    fn steps_like(&self, other: &Self) -> bool {
        self.sampler == other.sampler
            && self.class == other.class
            && self.guidance == other.guidance
            && self.weaker == other.weaker
            && self.classifier == other.classifier
    }
}

/// Identities of the ancestors of a request, the nearest first.
pub(super) fn lineage(request: &SampleRequest) -> impl Iterator<Item = TrajectoryId> {
    request.ancestors().map(|ancestor| ancestor.id)
}

/// Samples between two moves, in these units, and the steps that led there, newest last.
pub(super) struct Stand {
    pub(super) units: Units,
    pub(super) x: Tensor,
    pub(super) past: Vec<Step>,
}

impl Stand {
    /// The parts of a batch, one after the other.
    pub(super) fn joined(parts: &[Self]) -> TensorResult<Self> {
        let x = joined(parts, |part| &part.x)?;
        let count = parts.iter().map(|part| part.past.len()).min().unwrap_or(0);
        let past = (0..count).map(|i| {
            let var = parts.iter().map(|part| part.past[i].belief.var.clone()).collect();
            let var: Option<Vec<Tensor>> = var;
            Ok(Step {
                mv: parts[0].past[i].mv,
                x: joined(parts, |part| &part.past[i].x)?,
                next: joined(parts, |part| &part.past[i].next)?,
                belief: Prediction {
                    x0: joined(parts, |part| &part.past[i].belief.x0)?,
                    eps: joined(parts, |part| &part.past[i].belief.eps)?,
                    var: var.map(|var| Tensor::cat(&var, 0)).transpose()?,
                },
            })
        });
        Ok(Self {
            units: parts[0].units,
            x,
            past: past.collect::<TensorResult<_>>()?,
        })
    }

    /// Every tensor changed in the same way.
    fn map(&self, change: impl Fn(&Tensor) -> TensorResult<Tensor>) -> TensorResult<Self> {
        let step = |step: &Step| {
            Ok(Step {
                mv: step.mv,
                x: change(&step.x)?,
                next: change(&step.next)?,
                belief: Prediction {
                    x0: change(&step.belief.x0)?,
                    eps: change(&step.belief.eps)?,
                    var: step.belief.var.as_ref().map(&change).transpose()?,
                },
            })
        };
        Ok(Self {
            units: self.units,
            x: change(&self.x)?,
            past: self.past.iter().map(step).collect::<TensorResult<_>>()?,
        })
    }

    /// Samples `first..last`.
    pub(super) fn part(&self, first: usize, last: usize) -> TensorResult<Self> {
        self.map(|tensor| tensor.narrow(0, first, last - first)?.contiguous())
    }

    /// One of the samples, so many times.
    fn repeated(&self, sample: usize, count: usize) -> TensorResult<Self> {
        self.map(|tensor| Tensor::cat(&vec![tensor.narrow(0, sample, 1)?; count], 0))
    }

    /// The state as another sampler keeps it.
    pub(super) fn x_in(&self, units: Units, at: Level) -> TensorResult<Tensor> {
        if units == self.units {
            return Ok(self.x.clone());
        }
        &self.x * (self.units.schedule_from_state(at) / units.schedule_from_state(at))
    }
}

fn joined(parts: &[Stand], tensor: impl Fn(&Stand) -> &Tensor) -> TensorResult<Tensor> {
    match parts {
        [only] => Ok(tensor(only).clone()),
        _ => Tensor::cat(&parts.iter().map(tensor).collect::<Vec<_>>(), 0),
    }
}

/// The way that a branch has in common with its parent, under way.
pub(super) struct Shared {
    parent: Box<Sampling>,
    step: usize,
    sample: Option<usize>,
    count: usize,
    remaining: Option<usize>,
    /// Whether the steps before are remembered: not where another sampler or other guidance goes on.
    remembers: bool,
}

impl Shared {
    /// The parent from its start, after a look at whether it can be branched so.
    pub(super) fn new(
        branch: &Branch,
        request: &SampleRequest,
        model: &ModelInfo,
        runner: &Runner,
        others: Others,
    ) -> Result<Self, Error> {
        check(branch, request)?;
        let parent = Sampling::with_runner(&branch.parent, model, runner, others)?;
        let moves = parent.moves();
        if branch.step >= moves.len() {
            return Err(Error::refused(format!(
                "the trajectory has {} steps and can be branched at step 0 to {}, not at {}",
                moves.len(),
                moves.len() - 1,
                branch.step
            )));
        }
        for sampler in [&branch.parent.sampler, &request.sampler] {
            walks_down(sampler, &moves[branch.step..])?;
        }
        Ok(Self {
            step: branch.step,
            sample: branch.sample,
            count: request.count,
            remaining: branch.remaining,
            remembers: request.steps_like(&branch.parent),
            parent: Box::new(parent),
        })
    }

    /// All moves of the branch, those of the shared way before its own.
    pub(super) fn moves(
        &self,
        schedule: &dyn NoiseSchedule,
        path: Option<&dyn NoiseSchedule>,
        spacing: Spacing,
    ) -> Result<Vec<Move>, Error> {
        let all = self.parent.moves();
        let Some(remaining) = self.remaining else {
            return Ok(all.to_vec());
        };
        let from = all[self.step].from;
        let rest = match path {
            Some(path) => grid::rest_along(schedule, path, spacing, from, remaining),
            None => grid::rest(schedule, spacing, from, remaining),
        };
        if rest.is_empty() {
            return Err(Error::refused(
                "this spacing ends at more noise than there is at this step: choose another one, or branch earlier",
            ));
        }
        Ok([&all[..self.step], &rest].concat())
    }

    /// One network call of the shared way. Gives a whole move when its last chunk is done.
    pub(super) fn advance(&mut self) -> Result<Option<Moved>, Error> {
        let moved = self.parent.advance()?;
        Ok(moved.map(|moved| self.of_branch(moved)))
    }

    /// Whether every shared move was made, `made` of them so far.
    pub(super) fn is_over(&self, made: usize) -> bool {
        made == self.step
    }

    /// The samples where the ways part; what they remember of the way only where it still counts.
    pub(super) fn end(&self) -> Result<Stand, Error> {
        let mut stand = self.stand()?;
        if !self.remembers {
            stand.past.clear();
        }
        Ok(stand)
    }

    /// Where the samples of the branch stand.
    pub(super) fn stand(&self) -> Result<Stand, Error> {
        let stand = self.parent.stand()?;
        Ok(match self.sample {
            Some(sample) => stand.repeated(sample, self.count)?,
            None => stand,
        })
    }

    /// The noise that the samples of the branch began with.
    pub(super) fn start(&self) -> Vec<f32> {
        self.select(self.parent.start().to_vec())
    }

    fn of_branch(&self, moved: Moved) -> Moved {
        Moved {
            x: self.select(moved.x),
            x0: self.select(moved.x0),
            eps: self.select(moved.eps),
            next: self.select(moved.next),
            ..moved
        }
    }

    fn select(&self, values: Vec<f32>) -> Vec<f32> {
        let numel = self.parent.domain().numel();
        match self.sample {
            Some(sample) => values[sample * numel..(sample + 1) * numel].repeat(self.count),
            None => values,
        }
    }

    /// What is told of it.
    pub(super) fn told(&self, branch: &Branch, model: &ModelInfo) -> Result<Parted, Error> {
        Ok(Parted {
            parent: self.parent.info(&branch.parent, model)?,
            step: self.step,
            sample: self.sample,
            remaining: self.remaining,
        })
    }
}

/// What can be told before anything is built.
fn check(branch: &Branch, request: &SampleRequest) -> Result<(), Error> {
    let Branch { parent, sample, .. } = branch;
    if parent.restore.is_some() || request.restore.is_some() {
        return Err(Error::refused(
            "a restoration cannot be branched, because every step of it depends on what was measured: ask for it again \
             with another seed or method",
        ));
    }
    if request.noise.is_some() {
        return Err(Error::refused(
            "a branch begins where its parent stands: give the noise to the trajectory that it parts from",
        ));
    }
    if request.ancestors().count() > DEEPEST {
        return Err(Error::refused(format!(
            "a branch has at most {DEEPEST} ancestors: branch one of the earlier trajectories"
        )));
    }
    if branch.remaining.is_some_and(|steps| !(1..=MOST).contains(&steps)) {
        return Err(Error::refused(format!(
            "the rest of a branch has at least one step and at most {MOST}"
        )));
    }
    if request.schedule.is_some() && branch.remaining.is_none() {
        return Err(Error::refused(
            "a branch along another noise schedule stops at other times: say how many moves the rest has",
        ));
    }
    match sample {
        Some(sample) if *sample >= parent.count => Err(Error::refused(format!(
            "there is no sample {sample} to go on with: the trajectory has {}",
            parent.count
        ))),
        None if request.count != parent.count => Err(Error::refused(format!(
            "a branch of all samples has as many as its parent, {}; choose one sample to give it several futures",
            parent.count
        ))),
        _ => Ok(()),
    }
}

/// Refuses samplers that do not take a grid as it is.
fn walks_down(spec: &Spec, moves: &[Move]) -> Result<(), Error> {
    if sampler::build(spec)?.plan(moves.to_vec()) == moves {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{} does not lead from noise to samples, so that it has no branches: choose another sampler",
        spec.id
    )))
}

/// Whose noise a sample draws: a fan raises the seed for each future, all of which stay the sample that they were.
#[derive(Clone, Copy)]
struct Line {
    raised: u64,
    sample: u64,
}

/// The noise of a trajectory's moves, sample by sample.
pub(super) struct Lines {
    seed: u64,
    lines: Vec<Line>,
}

impl Lines {
    /// Those of a request: sample i draws its own noise, unless it is one of several futures.
    pub(super) fn of(request: &SampleRequest) -> Self {
        Self {
            seed: request.seed,
            lines: (0..request.count).map(|i| line(request, i)).collect(),
        }
    }
}

fn line(request: &SampleRequest, sample: usize) -> Line {
    match request.branch.as_deref() {
        None => Line {
            raised: 0,
            sample: sample as u64,
        },
        Some(branch) => match branch.sample {
            None => line(&branch.parent, sample),
            Some(continued) => Line {
                raised: sample as u64,
                ..line(&branch.parent, continued)
            },
        },
    }
}

impl NoiseSource for Lines {
    fn normals(&self, sample: u64, mv: u64, draw: u64, out: &mut [f32]) {
        let line = self.lines[sample as usize];
        Seeded(self.seed.wrapping_add(line.raised)).normals(line.sample, mv, draw, out);
    }
}
