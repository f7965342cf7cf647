//! What the window knows: plain data, changed only by what the engine tells and by applied actions.

use std::{collections::VecDeque, sync::Arc};

use super::{
    action::{Action, Workspace},
    desk::Earlier,
    estimates::Estimates,
    learning::Learning,
    playback::Playback,
    run_view::{RunView, Verb},
    runs::Runs,
    trajectories::Trajectories,
};
use crate::data::{Dataset, Progress};
use crate::engine::{
    Command, Event, RunId, TrajectoryId,
    command::SampleRequest,
    event::{DataSummary, Field, Preview},
    laboratory::Table,
    likelihood::Likelihood,
};
use crate::files::recipe::DataRecipe;

/// Notices kept for the list.
const HISTORY: usize = 100;

/// Everything that panels read.
#[derive(Clone, Debug, Default)]
pub struct AppState {
    /// The workspace in front.
    pub workspace: Workspace,
    /// The present or last run.
    pub run: Option<RunView>,
    /// Trajectories under the byte budget.
    pub trajectories: Trajectories,
    /// The trajectory that the time bar belongs to.
    pub current: Option<TrajectoryId>,
    /// Its clock.
    pub playback: Playback,
    /// The training clock of the present trajectory.
    pub learning: Learning,
    /// Samples that were asked for and have not begun yet, oldest first.
    pub asked: Vec<SampleRequest>,
    /// Data of the data view.
    pub data: DataView,
    /// What the engine was last asked to describe.
    data_recipe: Option<DataRecipe>,
    /// What the engine measured.
    pub estimates: Estimates,
    /// The comparison of samplers.
    pub comparison: Comparison,
    /// How likely a picture is.
    pub likelihood: Verdict,
    /// The runs on disk.
    pub runs: Runs,
    /// Name of what is being opened.
    pub opening: Option<String>,
    /// What an earlier start of the program kept of its work.
    pub earlier: Option<Earlier>,
    /// Newest score field.
    pub field: Option<Box<Field>>,
    /// Notices, newest last.
    pub notices: VecDeque<Notice>,
    /// Notices ever made, to tell new ones from old.
    pub notices_made: usize,
    /// Program-wide facts for the status bar.
    pub machine: Machine,
    next_id: u64,
}

/// Data of the data view.
#[derive(Clone, Debug, Default)]
pub enum DataView {
    /// Nothing was asked for.
    #[default]
    Empty,
    /// The engine is reading this source.
    Loading {
        /// The recipe's source.
        source: String,
        /// How far it is; cancels it, too.
        progress: Arc<Progress>,
    },
    /// Loaded.
    Loaded(Box<DataSummary>),
    /// Could not be loaded.
    Failed {
        /// The recipe's source.
        source: String,
        /// What happened and what to do.
        message: String,
    },
}

impl DataView {
    /// The loaded data.
    pub fn loaded(&self) -> Option<&DataSummary> {
        match self {
            Self::Loaded(summary) => Some(summary),
            _ => None,
        }
    }
}

/// The comparison of samplers.
#[derive(Clone, Debug, Default)]
pub enum Comparison {
    /// Nothing was asked for.
    #[default]
    None,
    /// Under way.
    Running(Arc<Progress>),
    /// There it is.
    Done(Box<Table>),
}

/// How likely a picture is.
#[derive(Clone, Debug, Default)]
pub enum Verdict {
    /// Nothing was asked.
    #[default]
    None,
    /// Under way.
    Running(Arc<Progress>),
    /// There it is.
    Done(Box<Likelihood>),
}

/// How the window is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// `Vulkan · NVIDIA …`, or empty before the first frame.
    pub adapter: String,
    /// Pixels are drawn by the processor.
    pub software: bool,
    /// Median time of a frame in milliseconds, the program's own work.
    pub frame_ms: f32,
    /// Frames drawn in the last second.
    pub fps: usize,
}

/// Weight of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something was done.
    Good,
    /// Something went differently.
    Warning,
    /// Something failed.
    Error,
}

/// Something told to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Weight.
    pub severity: Severity,
    /// One or two sentences.
    pub text: String,
    /// What it is about; in the corner it takes the place of an older one about the same.
    pub subject: Option<&'static str>,
}

impl Notice {
    /// A notice.
    pub fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
            subject: None,
        }
    }

    /// The same, in place of what was said about `subject` before.
    pub fn about(self, subject: &'static str) -> Self {
        Self {
            subject: Some(subject),
            ..self
        }
    }
}

impl AppState {
    /// A number that no run and no trajectory of this process has.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The last number that [`AppState::fresh_id`] gave.
    pub fn newest_id(&self) -> u64 {
        self.next_id
    }

    /// The present trajectory.
    pub fn trajectory(&self) -> Option<&super::trajectories::TrajectoryView> {
        self.trajectories.get(self.current?)
    }

    /// Whether these data are neither described nor on their way.
    pub fn data_wanted(&self, recipe: &DataRecipe) -> bool {
        self.data_recipe
            .as_ref()
            .is_none_or(|asked| !(asked.stores_like(recipe) && asked.validation == recipe.validation))
    }

    /// The data of a recipe, if they are the described ones.
    pub fn data_for(&self, recipe: &DataRecipe) -> Option<&Dataset> {
        self.summary_for(recipe).map(|summary| &summary.data)
    }

    /// The same with what was counted of them.
    pub fn summary_for(&self, recipe: &DataRecipe) -> Option<&DataSummary> {
        self.data.loaded().filter(|_| !self.data_wanted(recipe))
    }

    /// The described data have changed and must be described again.
    pub fn data_outdated(&mut self) {
        self.data_recipe = None;
    }

    /// These data are to be described: what was being read before is given up. Returns where the reading is followed.
    pub fn data_asked(&mut self, recipe: &DataRecipe) -> Arc<Progress> {
        self.cancel_reading();
        let progress = Arc::<Progress>::default();
        self.data_recipe = Some(recipe.clone());
        self.data = DataView::Loading {
            source: recipe.source.clone(),
            progress: progress.clone(),
        };
        progress
    }

    /// Whether the reading of the present data was given up.
    pub fn was_cancelled(&self) -> bool {
        self.data_recipe.is_some() && matches!(self.data, DataView::Empty)
    }

    /// Gives up what is being read.
    pub fn cancel_reading(&mut self) {
        if let DataView::Loading { progress, .. } = &self.data {
            progress.cancel();
            self.data = DataView::Empty;
        }
    }

    /// Gives up the comparison that is under way.
    pub fn cancel_comparison(&mut self) {
        if let Comparison::Running(progress) = &self.comparison {
            progress.cancel();
            self.comparison = Comparison::None;
        }
    }

    /// Gives up the question how likely a picture is.
    pub fn cancel_likelihood(&mut self) {
        if let Verdict::Running(progress) = &self.likelihood {
            progress.cancel();
            self.likelihood = Verdict::None;
        }
    }

    /// Something was asked of the run and has not taken effect yet.
    pub fn asked_of_run(&mut self, verb: Verb) {
        if let Some(run) = &mut self.run {
            run.asked = Some(verb);
        }
    }

    /// Adds a notice.
    pub fn notify(&mut self, notice: Notice) {
        self.notices.push_back(notice);
        self.notices_made += 1;
        if self.notices.len() > HISTORY {
            self.notices.pop_front();
        }
    }

    /// After how many of the engine's news a person sees what is waited for: that a verb takes effect, or the frame under
    /// the cursors with the weights of another training step. `None` while nobody waits.
    pub fn awaited_news(&self) -> Option<usize> {
        if self.run.as_ref().is_some_and(|run| run.asked.is_some()) {
            return Some(1);
        }
        let step = self
            .learning
            .making()
            .filter(|&step| self.learning.step() == Some(step))?;
        // Its beginning is told first.
        let told = self.learned_at(step).map_or(0, |view| 1 + view.reached());
        (self.playback.index() + 2).checked_sub(told).filter(|&left| left > 0)
    }

    /// Makes a trajectory the present one, with the cursor on its newest frame.
    pub fn select(&mut self, id: TrajectoryId) {
        let Some(view) = self.trajectories.get(id) else { return };
        self.playback.open(view.reached(), view.ended);
        self.current = Some(id);
    }

    /// Drops a trajectory; the newest other one becomes the present one.
    pub fn forget(&mut self, id: TrajectoryId) {
        self.trajectories.remove(id);
        self.leave(id, None);
    }

    /// Removes a trajectory that may be put back; answers which one cannot be put back any more.
    pub fn set_aside(&mut self, id: TrajectoryId) -> Option<TrajectoryId> {
        let parent = self.trajectories.get(id).and_then(|view| view.parent);
        let gone = self.trajectories.set_aside(id);
        self.leave(id, parent);
        gone
    }

    /// Puts the trajectory back that was removed last, and shows it.
    pub fn put_back(&mut self) {
        if let Some(id) = self.trajectories.put_back() {
            self.select(id);
        }
    }

    /// Shows another trajectory in place of one that is no longer there: this one if it is there, or else the newest.
    fn leave(&mut self, id: TrajectoryId, next: Option<TrajectoryId>) {
        if self.current == Some(id) {
            self.current = None;
            self.playback.open(0, true);
            let next = next.and_then(|next| self.trajectories.get(next));
            let next = next.or_else(|| self.trajectories.iter().next_back());
            if let Some(next) = next.map(|view| view.info.id) {
                self.select(next);
            }
        }
    }

    /// Gives a request for samples an identity of its own and remembers it until its trajectory begins.
    pub fn ask(&mut self, request: &mut SampleRequest) {
        request.id = TrajectoryId(self.fresh_id());
        self.asked.push(request.clone());
    }

    /// The newest preview of a running training, newest wins.
    pub fn preview(&mut self, preview: Arc<Preview>) {
        if let Some(run) = self.run.as_mut().filter(|r| r.info.run == preview.run) {
            run.preview = Some(preview);
        }
    }

    fn run_mut(&mut self, id: RunId) -> Option<&mut RunView> {
        self.run.as_mut().filter(|r| r.info.run == id)
    }

    /// Follows what the engine tells. Messages of a run that is no longer the present one change nothing.
    pub fn apply(&mut self, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::DataLoaded(summary) => self.data = DataView::Loaded(summary),
            Event::DataFailed { source, message } => {
                // The data view says it itself.
                if self.workspace != Workspace::Data {
                    self.notify(Notice::new(Severity::Error, message.as_str()));
                }
                self.data = DataView::Failed { source, message };
            }
            Event::Estimated(estimate) => self.estimates.answer(estimate),
            Event::Started(info) => self.run = Some(RunView::new(*info)),
            Event::RunState(run, state) => {
                if let Some(run) = self.run_mut(run) {
                    run.enter(state);
                }
            }
            Event::Progress(run, progress) => {
                if let Some(run) = self.run_mut(run) {
                    run.progress(progress);
                }
            }
            Event::Validation { run, step, loss, ema } => {
                if let Some(run) = self.run_mut(run) {
                    run.validation.push([step as f64, loss, ema]);
                }
            }
            Event::Judged(found) => self.likelihood = Verdict::Done(found),
            Event::Compared(table) => self.comparison = Comparison::Done(table),
            Event::Quality(run, rows) => {
                if let Some(run) = self.run_mut(run) {
                    run.quality.extend(rows);
                }
            }
            Event::Kept(run, steps) => {
                if let Some(run) = self.run_mut(run) {
                    run.kept = steps;
                }
            }
            Event::Dissected(run, dissection) => {
                if let Some(run) = self.run_mut(run) {
                    run.dissection = Some(dissection);
                }
            }
            Event::Mark(run, mark) => {
                if let Some(run) = self.run_mut(run) {
                    run.marks.push(mark);
                }
            }
            Event::Diverged {
                run,
                step,
                message,
                healthy_step,
            } => {
                if let Some(run) = self.run_mut(run) {
                    run.diverged = Some(super::run_view::Divergence {
                        step,
                        message,
                        healthy_step,
                    });
                }
            }
            Event::SampleStarted(info) => self.begin_trajectory(*info),
            Event::SampleStep(id, frame) => self.trajectory_step(id, *frame, out),
            Event::SampleEnded { id, complete, secs } => self.end_trajectory(id, complete, secs, out),
            Event::Restored(id, figures) => {
                if let Some(view) = self.trajectories.get_mut(id) {
                    view.figures = Some(figures);
                }
            }
            Event::Field(field) => self.field = Some(field),
            Event::Written(path) => {
                self.notify(Notice::new(Severity::Good, format!("Written: {}", path.display())));
            }
            Event::Failed { what, message } => self.failed(what, &message),
        }
    }

    fn begin_trajectory(&mut self, info: crate::engine::event::TrajectoryInfo) {
        let id = info.id;
        if self.learning.is_given_up(id) {
            return;
        }
        if let Some((request, of, step)) = self.learning.begins(id) {
            self.trajectories.insert_learned(info, of, step);
            if let Some(view) = self.trajectories.get_mut(id) {
                view.request = Some(request);
            }
            return;
        }
        self.trajectories.insert(info);
        let place = self.asked.iter().position(|request| request.id == id);
        let request = place.map(|place| self.asked.remove(place));
        if let Some(view) = self.trajectories.get_mut(id) {
            view.request = request;
        }
        // The film of the start page does not push aside what is being looked at.
        if self.workspace != Workspace::Start || self.current.is_none() {
            self.current = Some(id);
            self.playback.open(0, false);
        }
    }

    fn trajectory_step(&mut self, id: TrajectoryId, frame: crate::engine::event::StepFrame, out: &mut Vec<Action>) {
        let gone = self.trajectories.push(id, frame, self.current);
        out.extend(gone.into_iter().map(|id| Action::Engine(Command::ForgetTrajectory(id))));
        self.sync_clock(id);
    }

    fn end_trajectory(&mut self, id: TrajectoryId, complete: bool, secs: f64, out: &mut Vec<Action>) {
        // One that was refused or cancelled before it began still waits.
        self.asked.retain(|request| request.id != id);
        if let Some(view) = self.trajectories.get_mut(id) {
            (view.complete, view.ended, view.secs) = (complete, true, secs);
        }
        if self.learning.ended(id, complete) {
            // Its weights are in the run folder; a copy for each step would fill the memory.
            out.push(Action::Engine(Command::ForgetTrajectory(id)));
            if !complete {
                self.trajectories.remove(id);
            }
        }
        self.sync_clock(id);
    }

    fn sync_clock(&mut self, id: TrajectoryId) {
        if let Some(view) = self.trajectory().filter(|v| v.info.id == id) {
            let (reached, ended) = (view.reached(), view.ended);
            self.playback.grow(reached, ended);
        }
    }

    fn failed(&mut self, what: &'static str, message: &str) {
        match what {
            "Compare" => self.comparison = Comparison::None,
            "Likelihood" => self.likelihood = Verdict::None,
            _ => {}
        }
        if what == "Estimate" {
            self.estimates.fail(message);
        } else {
            // A full disk is told by whatever is written into the run folder, again and again.
            let subject = if matches!(what, "Preview" | "Learning") {
                "Save"
            } else {
                what
            };
            self.notify(Notice::new(Severity::Error, format!("{what}: {message}")).about(subject));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::opening::first_look, engine::command::Model};

    #[test]
    fn only_the_request_that_ended_stops_waiting() {
        let mut state = AppState::default();
        for _ in 0..2 {
            let Command::Sample(mut request) = first_look(Model::Present, 4) else {
                panic!("a request for samples");
            };
            state.ask(&mut request);
        }
        let [first, second] = [state.asked[0].id, state.asked[1].id];
        let ended = |id| Event::SampleEnded {
            id,
            complete: false,
            secs: 0.0,
        };
        state.apply(ended(second), &mut Vec::new());
        assert_eq!(state.asked.iter().map(|r| r.id).collect::<Vec<_>>(), [first]);
        let message = "no such model".into();
        state.apply(
            Event::Failed {
                what: "Sample",
                message,
            },
            &mut Vec::new(),
        );
        assert_eq!(state.asked.len(), 1, "the engine tells the end of each request itself");
    }
}
