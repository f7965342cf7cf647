//! What is to be done: with which weights, what is known, by which method, how many candidates.

use std::sync::Arc;

use eframe::egui::{ProgressBar, Ui};
use egui_material_icons::icons;

use super::job::{self, Job};
use crate::{
    app::{
        action::{Action, Workspace},
        easel::Easel,
        keys::{self, Does},
        loader::Wanted,
        panels::sample_form::{
            GuidanceDraft, Known, ModelDraft, another, guidance_rows, model_rows, small_icon, spec_rows, whole,
        },
        state::AppState,
        theme,
        widgets::{button, form},
        words,
    },
    diffusion::{
        Guidance,
        restore::{self, method, task},
    },
    draw::plane::Area,
    engine::{
        Command, TrajectoryId,
        command::{ClassChoice, Model, Restoration, SampleRequest},
        exact::ExactModel,
    },
    math::{Domain, Entry, Spec, Value},
};

/// Moves of a live preview at most.
const LIVE_STEPS: usize = 12;

/// How long the hand is lifted before a live preview starts, in seconds.
const LIVE_PAUSE: f64 = 0.15;

/// A live preview that would take longer than this is not started, in seconds.
const LIVE_PATIENCE: f64 = 4.0;

/// The half-edited form.
#[derive(Debug)]
pub(super) struct WorkDraft {
    pub(super) model: ModelDraft,
    pub(super) task: Spec,
    pub(super) method: Spec,
    steps: usize,
    pub(super) count: usize,
    seed: u64,
    guidance: GuidanceDraft,
    live: bool,
    /// What the weights make, where a file had to be asked.
    learned: Option<(Model, Result<Domain, String>)>,
    asked: Option<Model>,
    /// Seconds of one move of one candidate, as measured last.
    pace: Option<f64>,
    /// What was drawn when the last live preview started, and since when the hand is lifted.
    shown: u64,
    lifted: Option<f64>,
    /// Whether something and whether everything is filled at the model's size, and what that depends on.
    filled: Option<(Seen, [bool; 2])>,
    /// When a job was first seen with its first step.
    since: Option<(u64, f64, usize)>,
}

impl Default for WorkDraft {
    fn default() -> Self {
        let mut draft = Self {
            model: ModelDraft::default(),
            task: Spec::new("inpaint"),
            method: Spec::new("repaint"),
            steps: 50,
            count: 4,
            seed: 1,
            guidance: GuidanceDraft::default(),
            live: true,
            learned: None,
            asked: None,
            pace: None,
            shown: 0,
            lifted: None,
            filled: None,
            since: None,
        };
        // The published ten passes take ten times as long; three already make the parts fit on small pictures.
        draft.method.values.insert("passes".into(), Value::Int(3));
        draft.method.values.insert("jump".into(), Value::Int(5));
        draft
    }
}

/// What the mask at the model's size depends on: how often something was drawn, the frame and the model's size.
type Seen = (u64, Area, [usize; 2]);

/// What the form asks for.
pub(super) enum Wish {
    /// These requests, each a job.
    Run(Vec<SampleRequest>),
    /// A quick look.
    Preview(Box<SampleRequest>),
    /// Ends what is under way.
    Cancel,
    /// Compares methods.
    Compare,
}

/// The form.
pub(super) fn work_form(
    ui: &mut Ui,
    state: &AppState,
    draft: &mut WorkDraft,
    easel: &Easel,
    known: &Known,
    out: &mut Vec<Action>,
) {
    model_rows(ui, state, &mut draft.model);
    match known.domain.and_then(job::size_of) {
        None => no_pictures(ui, draft, known, easel, out),
        Some((size, channels)) => {
            frame_rows(ui, easel, size, channels, out);
            method_rows(ui, draft, known);
        }
    }
}

/// What starts and ends the work, always in sight. Answers what is to be done.
pub(super) fn run_bar(
    ui: &mut Ui,
    state: &AppState,
    draft: &mut WorkDraft,
    easel: &Easel,
    jobs: &[Job],
    known: &Known,
) -> Option<Wish> {
    known.domain.and_then(job::size_of)?;
    let ready = draft.ready(state, easel);
    buttons(ui, state, draft, easel, jobs, known, &ready)
}

/// Nothing can be filled in with these weights: what to do instead.
fn no_pictures(ui: &mut Ui, draft: &mut WorkDraft, known: &Known, easel: &Easel, out: &mut Vec<Action>) {
    let text = match (&draft.learned, known.domain) {
        (Some((model, Err(message))), _) if *model == draft.model.chosen => message.clone(),
        (_, Some(Domain::Points)) => "This model makes points. Choose one that makes pictures.".into(),
        _ if matches!(draft.model.chosen, Model::Present) => "Nothing was trained yet.".into(),
        _ => "Reading the model…".into(),
    };
    ui.label(theme::caption(ui, text));
    let source = easel.source().unwrap_or("digits8x8");
    let offer = format!("Use the exact formula of {}", crate::app::catalogue::label(source));
    let press = button::icon_text(ui, icons::ICON_FUNCTION, &offer);
    if press
        .on_hover_text("Needs no training: computed from the pictures themselves")
        .clicked()
    {
        draft.model.choose(Model::Exact(Box::new(ExactModel::new(source))));
    }
    if button::icon_text(ui, icons::ICON_SCIENCE, "Train a model in the Lab").clicked() {
        out.push(Action::UseData(easel.source().unwrap_or("fashion-mnist").to_owned()));
        out.push(Action::Show(Workspace::Lab));
    }
}

/// What the model sees of a picture of another size, and offers to bring the picture to its size.
fn frame_rows(ui: &mut Ui, easel: &Easel, size: [usize; 2], channels: usize, out: &mut Vec<Action>) {
    let picture = easel.picture();
    let [width, height] = size;
    let fits = [picture.width, picture.height] == size;
    if fits && picture.channels == channels {
        return;
    }
    let mut new = None;
    if !fits {
        let frame = easel.frame();
        let text = format!(
            "The model sees the framed {}×{} pixels at its own size of {width}×{height}; the result is pasted back there.",
            frame.width(),
            frame.height()
        );
        ui.label(theme::caption(ui, text));
    }
    if picture.channels != channels {
        let text = if channels == 1 {
            "The model knows greys only: what it fills in is grey."
        } else {
            "The model makes colours, the picture is grey: what it fills in becomes grey."
        };
        ui.label(theme::caption(ui, text));
    }
    ui.horizontal_wrapped(|ui| {
        if !fits {
            if ui.button("Crop").on_hover_text("Keep the frame only").clicked() {
                new = Some(easel.cropped());
            }
            let help = format!("The whole picture at {width}×{height}, its sides cut to these proportions");
            if ui.button("Resize").on_hover_text(help).clicked() {
                new = Some(easel.resized(size));
            }
        }
        if picture.channels != channels {
            let text = if channels == 1 { "To grey" } else { "To colour" };
            if ui.button(text).on_hover_text("As the model has it").clicked() {
                new = Some(easel.converted(channels));
            }
        }
    });
    out.extend(new.map(|easel| Action::Work(Box::new(easel))));
}

fn method_rows(ui: &mut Ui, draft: &mut WorkDraft, known: &Known) {
    let before = (draft.task.id.clone(), draft.method.id.clone());
    spec_rows(
        ui,
        "Task",
        "What is known of the picture",
        task::ENTRIES,
        &mut draft.task,
    );
    let able = able(&draft.task);
    if !able.iter().any(|entry| entry.id == draft.method.id)
        && let Some(first) = able.first()
    {
        draft.method = Spec::new(first.id);
    }
    spec_rows(
        ui,
        "Method",
        "How the model is held to what is known",
        &able,
        &mut draft.method,
    );
    if before != (draft.task.id.clone(), draft.method.id.clone())
        && let Ok(method) = method::build(&draft.method)
    {
        // Published step counts are for large models and patient people.
        draft.steps = method.steps().min(100);
    }
    let help = "Number of moves before jumps are added; more is slower and finer";
    form::row(ui, "Steps", help, |ui| whole(ui, &mut draft.steps, 1, 1000));
    let help = "How many different answers; each has its own noise";
    form::row(ui, "Candidates", help, |ui| whole(ui, &mut draft.count, 1, 64));
    form::row(ui, "Seed", "Same seed, same noise, same answers", |ui| {
        let mut seed = i64::try_from(draft.seed).unwrap_or(i64::MAX);
        let response = form::whole(ui, &mut seed, 0..=i64::MAX);
        draft.seed = seed.unsigned_abs();
        if small_icon(ui, icons::ICON_CASINO, "Another seed").clicked() || keys::pressed(ui.ctx(), Does::Seed) {
            draft.seed = another(draft.seed);
        }
        response
    });
    guidance_rows(ui, &mut draft.guidance, known);
}

/// The methods that can do a task.
pub(super) fn able(task_spec: &Spec) -> Vec<&'static Entry<dyn restore::Method>> {
    let noise = task::build(task_spec).map_or(0.0, |task| task.noise());
    let serves = |entry: &&&'static Entry<dyn restore::Method>| {
        method::build(&Spec::new(entry.id))
            .is_ok_and(|method| restore::check(entry.id, &*method, &task_spec.id, noise).is_ok())
    };
    method::ENTRIES.iter().filter(serves).copied().collect()
}

fn buttons(
    ui: &mut Ui,
    state: &AppState,
    draft: &mut WorkDraft,
    easel: &Easel,
    jobs: &[Job],
    known: &Known,
    ready: &Result<(), String>,
) -> Option<Wish> {
    let mut wish = None;
    let can = ready.as_ref().copied().map_err(String::as_str);
    let text = if draft.task.id == "inpaint" {
        "Fill in"
    } else {
        "Restore"
    };
    let key = keys::text(ui.ctx(), Does::Go);
    let press = button::primary_wide(ui, icons::ICON_AUTO_FIX_HIGH, text, can).on_hover_text(key);
    let wanted = press.clicked() || keys::pressed(ui.ctx(), Does::Go);
    if wanted && ready.is_ok() {
        wish = Some(Wish::Run(vec![draft.request(easel, known, &draft.method)]));
    }
    if let Err(reason) = ready {
        ui.label(theme::caption(ui, reason.as_str()));
    }
    ui.horizontal(|ui| {
        let help = "After each stroke a quick look with few steps; the next stroke takes it away";
        ui.checkbox(&mut draft.live, "Live preview").on_hover_text(help);
        if button::icon_text_if(ui, icons::ICON_TABLE_ROWS, "Compare…", can)
            .on_hover_text("Several methods on this mask, with their figures")
            .clicked()
        {
            wish = Some(Wish::Compare);
        }
    });
    if draft.live
        && ready.is_ok()
        && let Some(secs) = draft.predicted()
        && secs > LIVE_PATIENCE
    {
        let text = format!("A preview would take {}: press {text} instead.", words::duration(secs));
        ui.label(theme::caption(ui, text));
    }
    if progress(ui, state, draft, jobs) {
        wish = Some(Wish::Cancel);
    }
    wish
}

/// What is under way; answers whether it is to be ended.
fn progress(ui: &mut Ui, state: &AppState, draft: &mut WorkDraft, jobs: &[Job]) -> bool {
    let open: Vec<&Job> = jobs.iter().filter(|job| !job.live && job.is_open(state)).collect();
    let Some(first) = open.first() else {
        draft.since = None;
        return false;
    };
    ui.add_space(4.0);
    let now = ui.input(|i| i.time);
    let (share, text) = match first.view(state) {
        Some(view) => {
            let reached = view.reached();
            let (_, since, from) = *match draft.since {
                Some(ref since) if since.0 == first.number => since,
                _ => draft.since.insert((first.number, now, reached)),
            };
            let made = reached.saturating_sub(from).max(1);
            let left = (now - since) / made as f64 * view.frames().saturating_sub(reached) as f64;
            let place = format!("step {reached} of {}", view.frames());
            let text = if reached > from + 1 {
                format!("{place} · {} left", words::duration(left))
            } else {
                place
            };
            (reached as f32 / view.frames() as f32, text)
        }
        None => (0.0, "preparing the network".into()),
    };
    ui.add(ProgressBar::new(share).desired_height(6.0));
    let cancelled = ui.horizontal(|ui| {
        ui.label(theme::caption(ui, text));
        button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked()
    });
    if open.len() > 1 {
        ui.label(theme::caption(ui, format!("{} more waiting", open.len() - 1)));
    }
    cancelled.inner
}

impl WorkDraft {
    /// Weights that suit pictures of this data set, until others are chosen.
    pub(super) fn suggest(&mut self, state: &AppState, source: &str) {
        let fresh = matches!(self.model.chosen, Model::Present | Model::Bundled(_)) && state.run.is_none();
        if fresh && state.trajectory().is_none_or(|view| view.info.domain == Domain::Points) {
            self.model.choose(Model::Exact(Box::new(ExactModel::new(source))));
        }
    }

    /// What some weights make.
    pub(super) fn learn(&mut self, model: Model, domain: Result<Domain, String>) {
        self.learned = Some((model, domain));
    }

    /// What is known of the chosen weights; asks their file where nothing is.
    pub(super) fn known(&mut self, state: &AppState, out: &mut Vec<Action>) -> Known {
        self.model.choose_default(state);
        let mut known = self.model.known(state);
        let model = &self.model.chosen;
        if known.domain.is_some() || self.model.ready(state).is_err() {
            return known;
        }
        match &self.learned {
            Some((learned, domain)) if learned == model => known.domain = domain.as_ref().ok().copied(),
            _ if self.asked.as_ref().is_some_and(|asked| asked == model) => {}
            _ => {
                self.asked = Some(model.clone());
                out.push(Action::Load(Wanted::Domain(Box::new(model.clone()))));
            }
        }
        known
    }

    fn ready(&self, state: &AppState, easel: &Easel) -> Result<(), String> {
        self.model.ready(state)?;
        let method = method::build(&self.method).map_err(|e| e.to_string())?;
        let noise = task::build(&self.task).map_err(|e| e.to_string())?.noise();
        restore::check(&self.method.id, &*method, &self.task.id, noise).map_err(|e| e.to_string())?;
        if method.needs_class() && self.guidance.class == ClassChoice::None {
            return Err("This method is led by a class: choose one.".into());
        }
        if self.task.id != "inpaint" {
            return Ok(());
        }
        if easel.is_blank() {
            return Err("Paint what is to be filled first.".into());
        }
        let [any, all] = self.filled.map_or([true, false], |(_, filled)| filled);
        if !any {
            return Err("What is to be filled lies outside of the frame, or is too thin for the model: move the frame or paint more.".into());
        }
        if all {
            return Err("Everything is to be filled, nothing is left to go by: take some of the mask away, or make samples in the Trajectory workspace.".into());
        }
        Ok(())
    }

    /// Looks at the mask as the model will see it, where it changed.
    pub(super) fn look(&mut self, easel: &Easel, size: [usize; 2], drawn: u64) {
        let seen = (drawn, easel.frame(), size);
        if self.filled.is_none_or(|(known, _)| known != seen) {
            let fill = easel.fill(size);
            let inside = |v: &u8| *v >= 128;
            self.filled = Some((seen, [fill.iter().any(inside), fill.iter().all(inside)]));
        }
    }

    /// Whether a method has the class that it may need.
    pub(super) fn can_lead(&self, method_id: &str) -> bool {
        let needs_class = method::build(&Spec::new(method_id)).is_ok_and(|method| method.needs_class());
        !needs_class || self.guidance.class != ClassChoice::None
    }

    /// Another picture: what was known of its mask no longer holds.
    pub(super) fn forget(&mut self) {
        self.filled = None;
    }

    /// The request for one method.
    pub(super) fn request(&self, easel: &Easel, known: &Known, method_spec: &Spec) -> SampleRequest {
        let domain = known.domain.unwrap_or(Domain::Points);
        let (size, channels) = job::size_of(domain).unwrap_or(([1, 1], 1));
        let given = easel.task(size, channels);
        let fill: Arc<[f32]> = given.fill.iter().map(|&v| f32::from(v) / 255.0).collect();
        let inpaints = self.task.id == "inpaint";
        let spacing = method::build(method_spec).map_or("trailing", |method| method.spacing());
        let mut request = SampleRequest {
            schedule: None,
            id: TrajectoryId::default(),
            model: self.model.chosen.clone(),
            sampler: method_spec.clone(),
            steps: self.steps,
            spacing: Spec::new(spacing),
            seed: self.seed,
            count: self.count,
            class: ClassChoice::None,
            guidance: Guidance::default(),
            weaker: None,
            classifier: None,
            noise: None,
            restore: Some(Arc::new(Restoration {
                task: self.task.clone(),
                picture: job::tensor(if inpaints { &given.truth } else { &given.picture }),
                measured: false,
                fill: inpaints.then_some(fill),
                guide: inpaints.then(|| job::tensor(&given.picture)),
            })),
            branch: None,
        };
        self.guidance.put_into(&mut request, known);
        request
    }

    /// The chosen method without jumps.
    fn preview_method(&self) -> Spec {
        let mut method = self.method.clone();
        let entry = method::ENTRIES.iter().find(|entry| entry.id == method.id);
        if entry.is_some_and(|entry| entry.params.iter().any(|p| p.id == "passes")) {
            method.values.insert("passes".into(), Value::Int(1));
        }
        method
    }

    /// Seconds that a quick look takes, where a move was measured.
    fn predicted(&self) -> Option<f64> {
        Some(self.pace? * self.steps.min(LIVE_STEPS) as f64)
    }

    /// Learns from a finished job how long a move takes.
    pub(super) fn measure(&mut self, state: &AppState, jobs: &[Job]) {
        let mut views = jobs.iter().rev().filter_map(|job| job.view(state));
        if let Some(view) = views.find(|view| view.complete && view.secs > 0.0) {
            self.pace = Some(view.secs / (view.info.moves.max(1) * view.info.count.max(1)) as f64);
        }
    }

    /// A quick look, once the hand was lifted for a moment and something was drawn since the last one.
    pub(super) fn live(
        &mut self,
        ui: &Ui,
        state: &AppState,
        easel: &Easel,
        known: &Known,
        hand: (bool, u64),
    ) -> Option<Wish> {
        let (is_down, drawn) = hand;
        let now = ui.input(|i| i.time);
        if !self.live || drawn == self.shown || is_down {
            self.lifted = None;
            return None;
        }
        let since = *self.lifted.get_or_insert(now);
        if now - since < LIVE_PAUSE {
            ui.ctx().request_repaint_after_secs((LIVE_PAUSE - (now - since)) as f32);
            return None;
        }
        self.shown = drawn;
        known.domain.and_then(job::size_of)?;
        self.ready(state, easel).ok()?;
        let method = self.preview_method();
        if self.predicted().is_some_and(|secs| secs > LIVE_PATIENCE) {
            return None;
        }
        let request = SampleRequest {
            steps: self.steps.min(LIVE_STEPS),
            count: 1,
            ..self.request(easel, known, &method)
        };
        Some(Wish::Preview(Box::new(request)))
    }
}

/// Ends a job: what is under way is cancelled.
pub(super) fn cancel(state: &AppState, job: &Job, out: &mut Vec<Action>) {
    if let Some(id) = job.id(state).filter(|_| job.is_open(state)) {
        out.push(Action::Engine(Command::CancelSample(id)));
    }
}
