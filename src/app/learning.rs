//! How the present trajectory's model learned: a second clock, over the training steps whose weights were kept.
//!
//! At each of them the same request is made again (same noise, sampler, class, count, guidance) with the weights of that
//! step. What was made is remembered among the trajectories, under their memory budget.

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    playback::{Mode, Playback, PlaybackCommand},
    run_view::RunView,
    state::AppState,
    trajectories::TrajectoryView,
};
use crate::{
    engine::{
        Command, RunId, TrajectoryId,
        command::{Model, SampleRequest},
        event::StepFrame,
    },
    files::RunFolder,
};

/// What can be asked of the training clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LearningCommand {
    /// As the diffusion clock has them.
    Clock(PlaybackCommand),
    /// Both clocks go on together, or no longer.
    Diagonal(bool),
    /// Makes the trajectory at every kept step, or no more of them.
    All(bool),
}

/// The training clock and what is made for it.
#[derive(Clone, Debug, Default)]
pub struct Learning {
    /// The trajectory that it belongs to.
    owner: Option<TrajectoryId>,
    /// The run that was in the Lab when its folder was looked for.
    lab: Option<RunId>,
    /// The folder of the run that the trajectory's weights are of, or why there is none.
    run: Option<Result<PathBuf, &'static str>>,
    /// Training steps that can be looked at, the trajectory's own among them, rising.
    steps: Vec<u64>,
    clock: Playback,
    diagonal: bool,
    /// Steps that are to be made when nothing else is.
    queue: VecDeque<u64>,
    making: Option<Making>,
    /// Steps that could not be made.
    failed: BTreeSet<u64>,
    /// What is no longer wanted, until the engine says that it has ended.
    given_up: BTreeSet<TrajectoryId>,
}

/// A trajectory that was asked for.
#[derive(Clone, Debug)]
struct Making {
    step: u64,
    request: SampleRequest,
    owner: TrajectoryId,
}

impl Learning {
    /// The training steps that can be looked at, rising; empty where there is no choice.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// The clock over [`Learning::steps`].
    pub fn clock(&self) -> &Playback {
        &self.clock
    }

    /// Whether both clocks go on together.
    pub fn is_diagonal(&self) -> bool {
        self.diagonal
    }

    /// Whether all steps are being made.
    pub fn makes_all(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The training step under the cursor.
    pub fn step(&self) -> Option<u64> {
        self.steps.get(self.clock.index()).copied()
    }

    /// The training step that is being made.
    pub fn making(&self) -> Option<u64> {
        self.making.as_ref().map(|making| making.step)
    }

    /// Whether the weights of a step could not be used.
    pub fn has_failed(&self, step: u64) -> bool {
        self.failed.contains(&step)
    }

    /// Lets the clock go on by itself; answers when it moves next, in seconds. What it comes by is made, so it stands still
    /// while nobody sees it.
    pub fn tick(&mut self, secs: f64) -> Option<f64> {
        if self.diagonal {
            return None;
        }
        self.clock.tick(secs);
        self.clock.next_change_secs()
    }

    /// Whether the weights are of the run in this folder.
    pub fn is_of(&self, folder: &Path) -> bool {
        self.folder() == Some(folder)
    }

    fn folder(&self) -> Option<&Path> {
        self.run.as_ref()?.as_deref().ok()
    }

    /// Whether a trajectory that begins was asked for here and is no longer wanted.
    pub(super) fn is_given_up(&self, id: TrajectoryId) -> bool {
        self.given_up.contains(&id)
    }

    /// The request of a trajectory that begins, and which one it repeats at which training step, where it was asked for here.
    pub(super) fn begins(&self, id: TrajectoryId) -> Option<(SampleRequest, TrajectoryId, u64)> {
        let making = self.making.as_ref().filter(|making| making.request.id == id)?;
        Some((making.request.clone(), making.owner, making.step))
    }

    /// A trajectory ended. Answers whether it was made here.
    pub(super) fn ended(&mut self, id: TrajectoryId, complete: bool) -> bool {
        self.given_up.remove(&id);
        let Some(making) = self.making.take_if(|making| making.request.id == id) else {
            return false;
        };
        // What was made for the trajectory before says nothing of the weights of this one.
        if !complete && self.owner == Some(making.owner) {
            self.failed.insert(making.step);
        }
        true
    }
}

/// The folder of the run that a trajectory's weights are of; an error says why there is none.
fn run_of(view: &TrajectoryView, present: Option<&RunView>) -> Result<PathBuf, &'static str> {
    let request = view.request.as_ref().ok_or("How this was made is not known")?;
    if view.info.branch.is_some() {
        return Err("A branch has the weights of the trajectory that it parts from: look at that one");
    }
    match &request.model {
        Model::Present => {
            let is_same = |run: &&RunView| run.info.recipe.trains_like(&view.info.recipe);
            let run = present.filter(is_same);
            run.map(|run| run.info.folder.clone())
                .ok_or("The run that made this is no longer in the Lab: sample from its folder")
        }
        Model::Folder(path) => {
            let folders = path.ancestors().take(3);
            let run = folders.filter(|folder| folder.join("recipe.toml").is_file()).last();
            run.map(Path::to_owned)
                .ok_or("These weights lie in no run folder, so nothing is known of how they were learned")
        }
        Model::Bundled(_) => {
            Err("A model that ships with the program brings its last weights only: train one in the Lab")
        }
        Model::Exact(_) => Err("An exact formula does not learn"),
    }
}

impl AppState {
    /// Why the training clock cannot be used for the present trajectory.
    pub fn learning_unavailable(&self) -> Option<&'static str> {
        match self.learning.run.as_ref()? {
            Err(reason) => Some(reason),
            Ok(_) if self.learning.steps.len() < 2 => Some("This run has kept no weights of other training steps"),
            Ok(_) => None,
        }
    }

    /// The present trajectory as the model of the training clock would have made it: the newest that is far enough.
    pub fn learned(&self) -> Option<&TrajectoryView> {
        let own = self.trajectory()?;
        let Some(step) = self.learning.step().filter(|step| *step != own.info.step) else {
            return Some(own);
        };
        let is_ready = |view: &&TrajectoryView| view.ended || view.reached() > self.playback.index();
        let exact = self.learned_at(step).filter(is_ready);
        // Until it is made, the nearest one that is.
        let nearest = || {
            let made = self
                .trajectories
                .learned(own.info.id)
                .filter(|(_, view)| is_ready(view));
            let nearest = made
                .chain([(own.info.step, own)])
                .min_by_key(|(at, _)| at.abs_diff(step));
            nearest.map(|(_, view)| view)
        };
        exact.or_else(nearest)
    }

    /// The present trajectory with the weights of a training step, as far as it is made.
    pub fn learned_at(&self, step: u64) -> Option<&TrajectoryView> {
        let own = self.trajectory()?;
        if own.info.step == step {
            return Some(own);
        }
        self.trajectories.learned_at(own.info.id, step)
    }

    /// At how many training steps the present trajectory is made.
    pub fn learned_count(&self) -> usize {
        let is_made = |step: &&u64| self.learned_at(**step).is_some_and(|view| view.ended);
        self.learning.steps.iter().filter(is_made).count()
    }

    /// One frame of each training step, oldest first: at the cursor's diffusion step, or along the diagonal of both clocks;
    /// `None` where it is not made.
    pub fn learning_frames(&self, diagonal: bool) -> Vec<Option<Arc<StepFrame>>> {
        let (steps, moves) = (
            &self.learning.steps,
            self.trajectory().map_or(0, |view| view.info.moves),
        );
        let last = steps.len().saturating_sub(1).max(1);
        let index = |place: usize| {
            if diagonal {
                (place * moves + last / 2) / last
            } else {
                self.playback.index()
            }
        };
        let frame = |(place, step): (usize, &u64)| {
            let view = self
                .learned_at(*step)
                .filter(|view| view.ended || view.reached() > index(place))?;
            view.at(index(place)).cloned()
        };
        steps.iter().enumerate().map(frame).collect()
    }

    /// What a film over the training steps shows: at the cursor's diffusion step the clean guess, along the diagonal the
    /// state.
    pub fn learning_film(&self, diagonal: bool) -> Option<TrajectoryView> {
        let frames = self.learning_frames(diagonal).into_iter().flatten();
        let shown = |frame: Arc<StepFrame>| {
            let x = if diagonal { &frame.x } else { &frame.x0 }.clone();
            Arc::new(StepFrame { x, ..(*frame).clone() })
        };
        Some(TrajectoryView {
            steps: frames.map(shown).collect(),
            ..TrajectoryView::new(self.trajectory()?.info.clone())
        })
    }

    /// Does what was asked of the training clock.
    pub fn learn(&mut self, command: LearningCommand) {
        let learning = &mut self.learning;
        match command {
            LearningCommand::Clock(command) => {
                learning.diagonal = false;
                learning.clock.apply(command);
            }
            LearningCommand::Diagonal(diagonal) => {
                learning.diagonal = diagonal;
                if diagonal {
                    self.make_all();
                }
            }
            LearningCommand::All(true) => self.make_all(),
            LearningCommand::All(false) => learning.queue.clear(),
        }
    }

    fn make_all(&mut self) {
        let missing = |step: &&u64| self.learned_at(**step).is_none() && !self.learning.has_failed(**step);
        self.learning.queue = self.learning.steps.iter().filter(missing).copied().collect();
    }

    /// Follows the present trajectory, both clocks and the run; gives what is to be asked of the engine. Call once a frame.
    pub fn follow_learning(&mut self) -> Vec<Command> {
        self.follow_owner();
        self.follow_diagonal();
        let Some(own) = self.trajectory() else {
            return self.give_up();
        };
        if !own.ended {
            return Vec::new();
        }
        let (own_step, moves) = (own.info.step, own.info.moves);
        let wanted = self
            .learning
            .step()
            .filter(|step| *step != own_step && !self.learning.has_failed(*step));
        let wanted = wanted.filter(|step| self.learned_at(*step).is_none());
        if let Some(making) = &self.learning.making {
            // The newest place of the cursor wins, unless what is being made is nearly there or the clock runs.
            let made = self.trajectories.get(making.request.id);
            let reached = made.map_or(0, TrajectoryView::reached);
            let is_still = self.learning.clock.next_change_secs().is_none() && !self.learning.diagonal;
            let is_other = wanted.is_some_and(|step| step != making.step) || self.learning.owner != Some(making.owner);
            if is_other && is_still && reached * 2 < moves {
                return self.give_up();
            }
            return Vec::new();
        }
        let next = wanted.or_else(|| self.next_of_all());
        next.and_then(|step| self.make(step)).into_iter().collect()
    }

    /// What is being made is no longer wanted.
    fn give_up(&mut self) -> Vec<Command> {
        let Some(making) = self.learning.making.take() else {
            return Vec::new();
        };
        let id = making.request.id;
        self.learning.given_up.insert(id);
        self.trajectories.remove(id);
        vec![Command::CancelSample(id), Command::ForgetTrajectory(id)]
    }

    fn next_of_all(&mut self) -> Option<u64> {
        loop {
            let step = self.learning.queue.pop_front()?;
            if self.learned_at(step).is_none() {
                return Some(step);
            }
        }
    }

    fn make(&mut self, step: u64) -> Option<Command> {
        let (own, run) = (self.trajectory()?, self.learning.folder()?);
        let mut request = own.request.clone()?;
        request.model = Model::Folder(RunFolder::open(run).ok()?.learning_path(step));
        let owner = own.info.id;
        request.id = TrajectoryId(self.fresh_id());
        self.learning.making = Some(Making {
            step,
            request: request.clone(),
            owner,
        });
        Some(Command::Sample(Box::new(request)))
    }

    /// Another trajectory, another run in the Lab, or another set of kept steps. Folders are read at the first two only.
    fn follow_owner(&mut self) {
        let Some(own) = self.trajectory() else {
            self.learning.owner = None;
            self.learning.run = None;
            self.learning.steps.clear();
            return;
        };
        let (id, own_step) = (own.info.id, own.info.step);
        let lab = self.run.as_ref().map(|run| run.info.run);
        let is_new = self.learning.owner != Some(id);
        let is_moved = is_new || self.learning.lab != lab;
        let run = is_moved.then(|| run_of(own, self.run.as_ref()));
        if is_new {
            self.learning = Learning {
                owner: Some(id),
                making: self.learning.making.take(),
                given_up: std::mem::take(&mut self.learning.given_up),
                ..Learning::default()
            };
        }
        if run.is_some() {
            (self.learning.lab, self.learning.run) = (lab, run);
        }
        if let Some(kept) = self.kept(is_moved) {
            let steps: BTreeSet<u64> = kept.into_iter().chain([own_step]).collect();
            self.learning.follow(steps.into_iter().collect(), own_step, is_new);
        }
    }

    /// The steps whose weights were kept: a run in the Lab tells them, the folder of another one is read on demand.
    fn kept(&self, is_read: bool) -> Option<Vec<u64>> {
        let folder = self.learning.folder()?;
        match self.run.as_ref().filter(|run| run.info.folder == folder) {
            Some(live) => Some(live.kept.clone()),
            None if is_read => RunFolder::open(folder).ok().map(|run| run.learning()),
            None => None,
        }
    }

    /// While both clocks go on together, the training clock stands where the diffusion clock does.
    fn follow_diagonal(&mut self) {
        if self.learning.diagonal {
            let last = self.trajectory().map_or(1, |view| view.info.moves.max(1));
            let place = self.playback.index() * self.learning.steps.len().saturating_sub(1) + last / 2;
            self.learning.clock.apply(PlaybackCommand::Seek(place / last));
        }
    }
}

impl Learning {
    /// The steps that can be looked at changed: the clock stays at its training step, or at the trajectory's own.
    fn follow(&mut self, steps: Vec<u64>, own: u64, is_new: bool) {
        if steps == self.steps {
            return;
        }
        let stays = self.step().filter(|_| !is_new).unwrap_or(own);
        let place = steps.partition_point(|step| *step < stays);
        self.steps = steps;
        if self.steps.len() > 1 {
            self.clock.grow(self.steps.len(), true);
            let is_playing = self.clock.mode() == Mode::Playing;
            self.clock.apply(PlaybackCommand::Seek(place));
            if is_playing {
                self.clock.apply(PlaybackCommand::Toggle);
            }
        }
    }
}
