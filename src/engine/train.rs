//! A training run: its states, what it tells, and when it is saved. The numbers are those of [`super::learner`].

use std::{sync::Arc, time::Duration};

use super::{
    Error, RunId,
    event::{Event, Mark, MarkKind, Progress, RunInfo, RunState},
    learner::{Learner, Outcome, Report},
    meter::Meter,
    model::{self, ModelInfo, Pinned},
    ports::Ports,
    prepare::Prepared,
    preview::Previews,
    quality::Quality,
    snapshot::Snapshot,
    store::Store,
    validation::Validation,
};
use crate::files::{State, checkpoint::Change, figures, learning, metrics::Row};

/// Weights whose smoothed loss is above this multiple of the lowest are not taken for healthy.
const UNHEALTHY: f64 = 3.0;

/// Copies of weights that wait to be kept at most.
const KEEPS_AT_ONCE: usize = 8;

/// Share of the old value in the smoothed loss.
const SMOOTHING: f64 = 0.98;

/// What follows when the step under way is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Pause,
    Finish,
}

/// A run, from its preparation until another takes its place.
pub(super) struct Run {
    info: RunInfo,
    learner: Learner,
    validation: Option<Validation>,
    previews: Option<Previews>,
    quality: Option<Quality>,
    store: Store,
    state: RunState,
    goal: Option<Goal>,
    /// The state that is reached when everything is saved.
    ending: Option<RunState>,
    meter: Meter,
    rows: Vec<Row>,
    changes: Vec<Change>,
    data_hash: String,
    healthy: Arc<Snapshot>,
    smoothed: Option<f64>,
    lowest: f64,
    saves_under_way: usize,
    keeps_under_way: usize,
    /// The last weights of an earlier step could not be kept, and it was told.
    keeping_fails: bool,
    saved_step: Option<u64>,
    saved_at: Duration,
    pinned: Option<Arc<Pinned>>,
}

impl Run {
    /// Announces the run and puts it into its first state.
    pub(super) fn begin(prepared: Prepared, ports: &mut Ports) -> Self {
        let Prepared {
            info,
            learner,
            validation,
            previews,
            quality,
            store,
            state,
            history,
            figures,
            messages,
            paused,
        } = prepared;
        ports.out.event(Event::Started(Box::new(info.clone())));
        for message in messages {
            ports.failed("Resume", message);
        }
        let mut run = Self {
            healthy: Arc::new(learner.snapshot(state.clone())),
            state: RunState::Preparing,
            goal: None,
            ending: None,
            meter: Meter::new(state.secs),
            rows: Vec::new(),
            data_hash: state.data_hash,
            smoothed: state.loss,
            lowest: state.loss.unwrap_or(f64::INFINITY),
            saves_under_way: 0,
            keeps_under_way: 0,
            keeping_fails: false,
            saved_step: (info.step > 0).then_some(info.step),
            saved_at: ports.clock.now(),
            pinned: None,
            changes: state.changes,
            info,
            learner,
            validation,
            previews,
            quality,
            store,
        };
        run.tell_history(&history, figures, ports);
        ports.out.event(Event::Kept(run.id(), run.store.learning()));
        run.keep(ports);
        run.enter(if paused { RunState::Paused } else { RunState::Running }, ports);
        run
    }

    /// A resumed run repeats what its curve shows.
    fn tell_history(&self, history: &[Row], figures: Vec<figures::Row>, ports: &mut Ports) {
        let Some(newest) = history.last() else { return };
        let run = self.info.run;
        let progress = Progress {
            losses: history.iter().map(|r| (r.step, r.loss)).collect(),
            lr: newest.lr,
            grad_norm: newest.grad_norm,
            ema_decay: newest.ema_decay,
            secs: newest.secs,
            ..Progress::default()
        };
        ports.out.event(Event::Progress(run, progress));
        for row in history {
            if let Some((loss, ema)) = row.validation {
                let step = row.step - 1;
                ports.out.event(Event::Validation { run, step, loss, ema });
            }
        }
        if !figures.is_empty() {
            ports.out.event(Event::Quality(run, figures));
        }
        for change in &self.changes {
            self.tell_mark(change.step, MarkKind::Change, &change.text, ports);
        }
    }

    /// Identity.
    pub(super) fn id(&self) -> RunId {
        self.info.run
    }

    /// Whether the run can still go on.
    pub(super) fn is_live(&self) -> bool {
        self.state.is_live() && self.ending.is_none()
    }

    /// Whether it has ended and all of it is on the disk.
    pub(super) fn is_over(&self) -> bool {
        !self.state.is_live() && self.saves_under_way == 0
    }

    /// Whether [`Run::advance`] has something to do. While training rests, the newest weights get their preview.
    pub(super) fn is_busy(&self) -> bool {
        match self.state {
            _ if self.ending.is_some() => false,
            RunState::Running => true,
            RunState::Paused | RunState::Finished => self.rests_with_stale_preview(),
            RunState::Preparing | RunState::Stopped | RunState::Failed => false,
        }
    }

    fn rests_with_stale_preview(&self) -> bool {
        let step = self.learner.step();
        self.previews.as_ref().is_some_and(|p| p.is_stale(step))
    }

    /// One network call.
    pub(super) fn advance(&mut self, ports: &mut Ports) -> Result<(), Error> {
        if self.state == RunState::Running && self.learner.is_between_steps() && self.is_complete() {
            self.end(RunState::Finished, ports);
            return Ok(());
        }
        let begun = ports.clock.now();
        let step = self.learner.step();
        if self.state != RunState::Running || self.previews.as_ref().is_some_and(|p| p.is_due(step)) {
            self.preview(begun, ports)
        } else if self.learner.is_between_steps() && self.validation.as_ref().is_some_and(|v| v.is_due(step)) {
            self.validate(begun, ports)
        } else if self.quality.as_ref().is_some_and(|q| q.is_due(step)) {
            self.measure(begun, ports)
        } else {
            self.train(begun, ports)
        }
    }

    fn is_complete(&self) -> bool {
        self.learner.step() >= self.info.recipe.train.steps
    }

    fn validate(&mut self, begun: Duration, ports: &mut Ports) -> Result<(), Error> {
        let Some(validation) = &mut self.validation else {
            return Ok(());
        };
        let verdict = validation.advance(&mut self.learner)?;
        self.meter.spend(ports.clock.since(begun), 0.0);
        if let Some(verdict) = verdict {
            ports.out.event(Event::Validation {
                run: self.info.run,
                step: verdict.step,
                loss: verdict.raw,
                ema: verdict.ema,
            });
        }
        Ok(())
    }

    fn preview(&mut self, begun: Duration, ports: &mut Ports) -> Result<(), Error> {
        let Some(previews) = &mut self.previews else {
            return Ok(());
        };
        let made = previews.advance(self.info.run, self.learner.step(), self.learner.ema())?;
        let took = ports.clock.since(begun);
        if self.state == RunState::Running {
            previews.pay(took);
            self.meter.spend(took, 0.0);
        }
        if let Some(shown) = previews.take_kept() {
            self.store.keep_preview(shown, ports);
        }
        if let Some(preview) = made {
            ports.out.preview(preview);
        }
        Ok(())
    }

    fn measure(&mut self, begun: Duration, ports: &mut Ports) -> Result<(), Error> {
        let Some(quality) = &mut self.quality else {
            return Ok(());
        };
        let found = quality.advance(self.learner.step(), self.learner.ema())?;
        let took = ports.clock.since(begun);
        quality.pay(took);
        self.meter.spend(took, 0.0);
        if let Some(rows) = found {
            self.store.keep_figures(rows.clone(), ports);
            ports.out.event(Event::Quality(self.info.run, rows));
        }
        Ok(())
    }

    fn train(&mut self, begun: Duration, ports: &mut Ports) -> Result<(), Error> {
        let outcome = self.learner.advance()?;
        let took = ports.clock.since(begun);
        let steps = if matches!(outcome, Outcome::Stepped(_)) {
            1.0
        } else {
            0.0
        };
        self.meter.spend(took, steps);
        if let Some(previews) = &mut self.previews {
            previews.earn(took);
        }
        if let Some(quality) = &mut self.quality {
            quality.earn(took);
        }
        match outcome {
            Outcome::Partial => {}
            Outcome::Stepped(mut report) => {
                if let Some(dissection) = report.dissection.take() {
                    ports.out.event(Event::Dissected(self.info.run, dissection.into()));
                }
                self.stepped(&report, ports);
            }
            Outcome::Diverged(message) => self.diverged(message, ports),
        }
        Ok(())
    }

    fn stepped(&mut self, report: &Report, ports: &mut Ports) {
        let smoothed = self
            .smoothed
            .map_or(report.loss, |old| SMOOTHING * old + (1.0 - SMOOTHING) * report.loss);
        self.smoothed = Some(smoothed);
        self.lowest = self.lowest.min(smoothed);
        self.meter.add(report);
        self.rows.push(self.row(report));
        self.keep(ports);
        let now = ports.clock.now();
        if let Some(progress) = self.meter.due(now, self.steps_left()) {
            ports.out.event(Event::Progress(self.info.run, progress));
        }
        match self.goal.take() {
            _ if self.is_complete() => self.end(RunState::Finished, ports),
            Some(Goal::Finish) => self.end(RunState::Finished, ports),
            Some(Goal::Pause) => self.pause(ports),
            None => self.autosave(now, ports),
        }
    }

    /// Keeps the averaged weights of every so-manieth step. A slow disk must not fill the memory: then one is left out.
    fn keep(&mut self, ports: &mut Ports) {
        let (step, capacity) = (self.learner.step(), learning::capacity(self.info.weights as u64));
        let spacing = learning::spacing(step, capacity).filter(|spacing| step.is_multiple_of(*spacing));
        if let Some(spacing) = spacing.filter(|_| self.keeps_under_way < KEEPS_AT_ONCE) {
            self.keeps_under_way += 1;
            self.store
                .keep_learning(self.info.run, spacing, self.learner.moment(), ports);
        }
    }

    /// Weights were kept, or not. A full disk is told once, not for each of many steps a second.
    pub(super) fn kept(&mut self, result: Result<Vec<u64>, String>, ports: &mut Ports) {
        self.keeps_under_way -= 1;
        let was_told = std::mem::replace(&mut self.keeping_fails, result.is_err());
        match result {
            Ok(steps) => ports.out.event(Event::Kept(self.info.run, steps)),
            Err(_) if was_told => {}
            Err(message) => ports.failed("Learning", message),
        }
    }

    fn steps_left(&self) -> u64 {
        self.info.recipe.train.steps.saturating_sub(self.learner.step())
    }

    fn row(&self, report: &Report) -> Row {
        let verdict = self.validation.as_ref().and_then(|v| v.verdict(report.step - 1));
        Row {
            step: report.step,
            loss: report.loss as f32,
            grad_norm: report.grad_norm,
            lr: report.lr,
            ema_decay: report.ema_decay,
            validation: verdict.map(|v| (v.raw, v.ema)),
            secs: self.meter.secs(),
            steps_per_sec: self.meter.steps_per_sec(),
        }
    }

    /// A save that is still under way is not queued twice: a slow disk must not fill the memory with copies.
    fn autosave(&mut self, now: Duration, ports: &mut Ports) {
        let waited = now.saturating_sub(self.saved_at).as_secs_f64();
        if waited >= self.info.recipe.train.save_every_secs && self.saves_under_way == 0 {
            self.save(ports);
        }
    }

    /// Hands the present weights to the writing lane, unless they are there already.
    pub(super) fn save(&mut self, ports: &mut Ports) {
        self.saved_at = ports.clock.now();
        if self.saved_step == Some(self.learner.step()) && self.rows.is_empty() {
            return;
        }
        let snapshot = Arc::new(self.learner.snapshot(self.files_state()));
        if self.smoothed.is_none_or(|l| l <= UNHEALTHY * self.lowest) {
            self.healthy = snapshot.clone();
        }
        let rows = std::mem::take(&mut self.rows);
        self.saves_under_way += 1;
        self.saved_step = Some(self.learner.step());
        self.store
            .save(self.info.run, rows, snapshot, self.info.recipe.clone(), ports);
    }

    fn files_state(&self) -> State {
        State {
            secs: self.meter.secs(),
            loss: self.smoothed,
            score: self.validation.as_ref().and_then(Validation::newest).map(|v| v.ema),
            data_hash: self.data_hash.clone(),
            changes: self.changes.clone(),
            ..State::default()
        }
    }

    /// A save ended; rows that could not be written come back.
    pub(super) fn saved(&mut self, step: u64, result: Result<(), (String, Vec<Row>)>, ports: &mut Ports) {
        self.saves_under_way -= 1;
        match result {
            Ok(()) => self.tell_mark(step, MarkKind::Checkpoint, "saved", ports),
            Err((message, rows)) => {
                self.rows.splice(..0, rows);
                self.saved_step = None;
                ports.failed("Save", message);
            }
        }
        self.end_when_saved(ports);
    }

    fn end_when_saved(&mut self, ports: &mut Ports) {
        if self.saves_under_way == 0
            && let Some(state) = self.ending.take()
        {
            self.enter(state, ports);
        }
    }

    fn diverged(&mut self, message: String, ports: &mut Ports) {
        let step = self.learner.step();
        self.learner.drop_work();
        self.goal = None;
        self.tell_mark(step, MarkKind::Divergence, &message, ports);
        self.flush(ports);
        ports.out.event(Event::Diverged {
            run: self.info.run,
            step,
            message,
            healthy_step: self.healthy.state.step,
        });
        self.enter(RunState::Paused, ports);
    }

    fn enter(&mut self, state: RunState, ports: &mut Ports) {
        self.store.set_working(state.is_live());
        self.state = state;
        ports.out.event(Event::RunState(self.info.run, state));
    }

    fn flush(&mut self, ports: &mut Ports) {
        let now = ports.clock.now();
        if let Some(progress) = self.meter.flush(now, self.steps_left()) {
            ports.out.event(Event::Progress(self.info.run, progress));
        }
    }

    fn tell_mark(&self, step: u64, kind: MarkKind, text: &str, ports: &mut Ports) {
        let text = text.to_owned();
        ports.out.event(Event::Mark(self.info.run, Mark { step, kind, text }));
    }

    /// Stops after the present network call.
    pub(super) fn pause(&mut self, ports: &mut Ports) {
        if self.state == RunState::Running {
            self.flush(ports);
            self.enter(RunState::Paused, ports);
            self.save(ports);
        }
    }

    /// Goes on.
    pub(super) fn resume(&mut self, ports: &mut Ports) {
        if self.state == RunState::Paused {
            self.goal = None;
            self.enter(RunState::Running, ports);
        }
    }

    /// Completes one step, then pauses.
    pub(super) fn step_once(&mut self, ports: &mut Ports) {
        self.resume(ports);
        self.goal = Some(Goal::Pause);
    }

    /// Makes one step, tells what happened in it, then pauses.
    pub(super) fn step_slowly(&mut self, ports: &mut Ports) {
        self.learner.watch();
        self.step_once(ports);
    }

    /// Completes the step under way, then ends.
    pub(super) fn finish(&mut self, ports: &mut Ports) {
        if self.learner.is_between_steps() {
            self.end(RunState::Finished, ports);
        } else {
            self.resume(ports);
            self.goal = Some(Goal::Finish);
        }
    }

    /// Ends now; the state is entered when everything is saved.
    pub(super) fn end(&mut self, state: RunState, ports: &mut Ports) {
        self.learner.drop_work();
        self.flush(ports);
        self.ending = Some(state);
        self.save(ports);
        self.end_when_saved(ports);
    }

    /// Ends because of a panic, without saving: the weights may be half-changed, and what is on the disk is sound.
    pub(super) fn abandon(&mut self, ports: &mut Ports) {
        self.enter(RunState::Failed, ports);
    }

    /// The writing lane broke down over a checkpoint.
    pub(super) fn save_panicked(&mut self, message: String, ports: &mut Ports) {
        self.saved(self.learner.step(), Err((message, Vec::new())), ports);
    }

    /// Changes the learning rate after warm-up.
    pub(super) fn set_learning_rate(&mut self, lr: f64, ports: &mut Ports) -> Result<(), Error> {
        if !(lr > 0.0 && lr.is_finite()) {
            return Err(Error::refused(format!(
                "a learning rate must be greater than zero, and {lr} is not"
            )));
        }
        let text = format!("lr {:e} → {lr:e}", self.learner.lr);
        self.learner.lr = lr;
        self.changed(text, ports);
        Ok(())
    }

    /// Changes the largest EMA decay.
    pub(super) fn set_ema_decay(&mut self, decay: f64, ports: &mut Ports) -> Result<(), Error> {
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::refused(format!(
                "an EMA decay must lie in 0..1, and {decay} does not"
            )));
        }
        let text = format!("EMA {} → {decay}", self.learner.ema_decay());
        self.learner.set_ema_decay(decay);
        self.changed(text, ports);
        Ok(())
    }

    /// Changes the length of the run.
    pub(super) fn set_steps(&mut self, steps: u64, ports: &mut Ports) -> Result<(), Error> {
        if steps == 0 {
            return Err(Error::refused("a run needs at least one step"));
        }
        let text = format!("steps {} → {steps}", self.info.recipe.train.steps);
        self.info.recipe.train.steps = steps;
        self.learner.recipe.train.steps = steps;
        self.store.write_recipe(self.info.recipe.clone(), ports);
        self.changed(text, ports);
        Ok(())
    }

    fn changed(&mut self, text: String, ports: &mut Ports) {
        let step = self.learner.step();
        self.tell_mark(step, MarkKind::Change, &text, ports);
        self.changes.push(Change { step, text });
        // A checkpoint of this step would not know the change.
        self.saved_step = None;
    }

    /// Back to the last healthy weights with another learning rate, and on.
    pub(super) fn restore(&mut self, lr_factor: f64, ports: &mut Ports) -> Result<(), Error> {
        let lr = self.learner.lr * lr_factor;
        let healthy = self.healthy.clone();
        let step = healthy.state.step;
        self.learner.restore(&healthy.checkpoint())?;
        self.rows.retain(|row| row.step <= step);
        self.changes.retain(|change| change.step <= step);
        self.meter.rewind(step);
        self.smoothed = healthy.state.loss;
        let mut kept = self.store.learning();
        kept.retain(|kept| *kept <= step);
        ports.out.event(Event::Kept(self.info.run, kept));
        self.store.rewind(step, ports);
        self.tell_mark(step, MarkKind::Restore, &format!("back to step {step}"), ports);
        self.set_learning_rate(lr, ports)?;
        self.resume(ports);
        Ok(())
    }

    /// The averaged weights of this moment.
    pub(super) fn pin(&mut self) -> Arc<Pinned> {
        let step = self.learner.step();
        match &self.pinned {
            Some(pinned) if pinned.info.step == step => pinned.clone(),
            _ => {
                let pinned = Arc::new(Pinned {
                    info: ModelInfo {
                        label: model::label(&model::name(&self.info.folder), step),
                        step,
                        ..self.learner.model().clone()
                    },
                    mind: model::Mind::Weights(Arc::new(self.learner.averaged())),
                });
                self.pinned = Some(pinned.clone());
                pinned
            }
        }
    }
}
