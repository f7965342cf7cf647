//! The reverse process under one cursor: state, clean guess, noise guess and change, side by side.

use eframe::egui::{Align, CentralPanel, Frame as Pane, Label, Layout, Margin, Panel, RichText, ScrollArea, Ui, vec2};
use egui_material_icons::icons;

use super::{
    export::{ExportDraft, export_menu},
    sample_form::{SampleDraft, sample_form},
    time_bar::{clock_keys, marked_time_bar},
    training_bar::{TrainingDraft, training_bar, training_keys},
};
use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        layout::Layout as Panes,
        playback::{Mode, PlaybackCommand},
        state::AppState,
        theme,
        trajectories::{TrajectoryView, family},
        widgets::{
            aspect::Steps as _,
            button,
            cloud::{Clouds, Layers},
            form,
            mark::Mark,
            pictures::{Lens, Pictures},
            strip::Strip,
        },
    },
    data::Samples,
    engine::{
        Command, TrajectoryId,
        command::{ClassChoice, FieldRequest},
        event::{Field, TrajectoryInfo},
    },
    math::{Domain, schedule},
};

mod branch;
mod list;
mod panes;

pub(super) use branch::branch_along;
use branch::{BranchDraft, branch_menu};
use list::{ListDraft, trajectory_list};
pub(super) use list::{called, outcome};
pub use panes::TrajectoryPane;
use panes::panes;

/// Arrows per side of the score field.
const FIELD_SIDE: usize = 20;

/// A field that was asked for and has not come after this time is asked for again.
const FIELD_PATIENCE_SECS: f64 = 2.0;

/// Half-edited settings and caches of this panel.
#[derive(Debug, Default)]
pub struct TrajectoryDraft {
    /// What to sample next.
    pub sample: SampleDraft,
    /// Selection and magnification, shared by all views.
    pub lens: Lens,
    /// What is drawn beside the particles.
    pub layers: Layers,
    /// Uploaded pictures.
    pub pictures: Pictures,
    /// Built clouds.
    pub clouds: Clouds,
    /// Uploaded thumbnails.
    pub strip: Strip,
    export: ExportDraft,
    branch: BranchDraft,
    training: TrainingDraft,
    list: ListDraft,
    /// Where the panes are.
    pub layout: Panes<TrajectoryPane>,
    field_asked: Option<(f64, f64)>,
    noise_stats: Option<(TrajectoryId, usize, (f32, f32))>,
    shown: Option<TrajectoryId>,
}

impl TrajectoryDraft {
    /// Turns to a trajectory, and there to a sample.
    pub fn turn_to(&mut self, id: TrajectoryId, sample: Option<usize>) {
        self.shown = Some(id);
        self.lens = Lens::default();
        self.lens.selected = sample;
    }
}

/// The reverse process under one cursor.
pub fn trajectory_panel(ui: &mut Ui, state: &AppState, draft: &mut TrajectoryDraft, out: &mut Vec<Action>) {
    // Keys are for the clock under the pointer.
    if draft.training.is_meant(ui) {
        training_keys(ui, out);
    } else {
        clock_keys(ui, state, out);
    }
    let lit = draft.list.lit.take();
    let marks = marks(state, lit);
    Panel::bottom("time bar")
        .resizable(false)
        .show(ui, |ui| marked_time_bar(ui, state, &marks, out));
    if state.trajectory().is_some() {
        let sample = draft.lens.selected.unwrap_or(0);
        Panel::bottom("training bar")
            .resizable(false)
            .show(ui, |ui| training_bar(ui, state, sample, &mut draft.training, out));
    }
    let form = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::left("sample form")
        .frame(form)
        .default_size(280.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                sample_form(ui, state, &mut draft.sample, out);
                trajectory_list(ui, state, &mut draft.list, out);
            });
        });
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    CentralPanel::default()
        .frame(pane)
        .show(ui, |ui| match state.learned() {
            Some(view) if view.reached() > 0 => filled(ui, state, view, &marks, draft, out),
            Some(_) => waiting(ui),
            None if !state.asked.is_empty() => waiting(ui),
            None => empty(ui, state, out),
        });
    if draft.list.lit != lit {
        // What is under the pointer is marked everywhere, also where it was drawn before it was known.
        ui.ctx().request_repaint();
    }
}

/// Where others part from the present trajectory; the place where the marked one does stands out.
fn marks(state: &AppState, lit: Option<TrajectoryId>) -> Vec<Mark> {
    let Some(id) = state.current else { return Vec::new() };
    let partings = family::partings(&state.trajectories, id).into_iter();
    let marks = partings.map(|(step, others)| Mark {
        step,
        lit: others.iter().any(|view| Some(view.info.id) == lit),
        names: others.into_iter().map(called).collect::<Vec<_>>().join("\n"),
    });
    marks.collect()
}

fn empty(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    middle(ui, |ui| {
        ui.label(theme::title("Watch noise become a sample"));
        ui.add_space(6.0);
        let text = "Press Sample: every step from pure noise to the finished sample is kept here. Afterwards drag any \
                    picture sideways, use the film strip or the arrow keys to go back and forth in time.";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
        ui.add_space(10.0);
        if state.run.is_none() && button::icon_text(ui, icons::ICON_SCIENCE, "Train a model in the Lab").clicked() {
            out.push(Action::Show(Workspace::Lab));
        }
    });
}

fn waiting(ui: &mut Ui) {
    middle(ui, |ui| {
        ui.label(theme::heading("Preparing the network"));
        let text = "The first step appears here as soon as it is made.";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
    });
}

fn middle(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.34).max(20.0));
        ui.set_max_width(460.0);
        contents(ui);
    });
}

fn filled(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    marks: &[Mark],
    draft: &mut TrajectoryDraft,
    out: &mut Vec<Action>,
) {
    let own = state.trajectory().unwrap_or(view);
    if draft.shown != Some(own.info.id) {
        draft.shown = Some(own.info.id);
        draft.lens = Lens::default();
    }
    header(ui, state, view, draft, out);
    ui.add_space(4.0);
    let seek = panes(ui, state, view, own, marks, draft, out);
    if let Some(frame) = seek {
        out.push(Action::Playback(PlaybackCommand::Seek(frame)));
    }
    if view.info.domain == Domain::Points {
        ask_field(ui, state, view, draft, out);
    }
}

fn header(ui: &mut Ui, state: &AppState, view: &TrajectoryView, draft: &mut TrajectoryDraft, out: &mut Vec<Action>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let sample = draft.lens.selected.unwrap_or(0);
        export_menu(ui, state, view, sample, &mut draft.export, out);
        if state.current == Some(view.info.id) {
            branch_menu(ui, state, view, draft.lens.selected, &mut draft.branch, out);
            let slowly = button::icon(ui, icons::ICON_SLOW_MOTION_VIDEO, "One step back, slowly");
            if slowly.on_hover_text(keys::text(ui.ctx(), Does::Slow)).clicked() {
                out.push(Action::Slowly);
            }
        }
        match view.info.domain {
            Domain::Points => layer_toggles(ui, &mut draft.layers),
            Domain::Image { .. } => solo_toggle(ui, view, &mut draft.lens),
        }
        if draft.lens.zoom != 1.0 && button::icon(ui, icons::ICON_FIT_SCREEN, "Fit everything").clicked() {
            draft.lens.fit();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(theme::heading(called(view))).truncate());
            if view.stride > 1 {
                let text = format!("every {}th step kept", view.stride);
                form::chip(ui, &text, theme::palette(ui).warn)
                    .on_hover_text("The memory budget was reached, so the steps between were let go");
            }
            if view.ended && !view.complete {
                form::chip(ui, "cancelled", theme::palette(ui).warn);
            }
            ui.add(Label::new(theme::caption(ui, facts(&view.info))).truncate());
        });
    });
}

/// `moons-0001, step 1200 · trailing · class 3 · guidance 2`.
fn facts(info: &TrajectoryInfo) -> String {
    let mut parts = vec![info.model.clone()];
    match info.class {
        ClassChoice::None => {}
        ClassChoice::Each => parts.push("each class in turn".into()),
        ClassChoice::One(class) => {
            let name = info.class_names.get(class as usize).cloned();
            parts.push(name.unwrap_or_else(|| format!("class {class}")));
        }
    }
    if info.guidance.is_on() {
        parts.push(format!("guidance {}", crate::app::words::number(info.guidance.scale)));
    }
    parts.join(" · ")
}

fn solo_toggle(ui: &mut Ui, view: &TrajectoryView, lens: &mut Lens) {
    if view.info.count < 2 {
        return;
    }
    let sample = lens.selected.unwrap_or(0);
    ui.selectable_value(&mut lens.solo, true, format!("Sample {}", sample + 1))
        .on_hover_text("Only the selected sample, large; a double click does the same");
    ui.selectable_value(&mut lens.solo, false, "All")
        .on_hover_text("All samples");
}

fn layer_toggles(ui: &mut Ui, layers: &mut Layers) {
    // Right to left.
    ui.toggle_value(&mut layers.density, "Density")
        .on_hover_text("How crowded each place is");
    ui.toggle_value(&mut layers.field, "Score")
        .on_hover_text("Arrows towards more likely places at this noise level");
    ui.toggle_value(&mut layers.trails, "Trails")
        .on_hover_text("Where each particle was during the last eighth");
    ui.toggle_value(&mut layers.data, "Data")
        .on_hover_text("The training data");
}

/// The points that the weights were trained on, where they are at hand.
fn training_points<'a>(state: &'a AppState, view: &TrajectoryView) -> Option<&'a [f32]> {
    let run = state.run.as_ref().map(|run| &run.info.data);
    let shown = state.data.loaded().map(|summary| &summary.data);
    let data = run
        .into_iter()
        .chain(shown)
        .find(|data| data.id == view.info.recipe.data.source)?;
    match &data.samples {
        Samples::Points(xy) => Some(xy),
        Samples::Pixels(_) => None,
    }
}

/// The score field, unless it belongs to quite another level than the cursor's.
fn fresh_field<'a>(state: &'a AppState, view: &TrajectoryView, index: usize) -> Option<&'a Field> {
    let (field, step) = (state.field.as_deref()?, view.step(index)?);
    let [a, b] = [field.level.t, step.level.t].map(|t| share_of_schedule(&view.info, t));
    ((a? - b?).abs() < 0.12 && step.level.sigma > 0.0).then_some(field)
}

/// Asks for the score field at the cursor's level, one at a time.
fn ask_field(ui: &Ui, state: &AppState, view: &TrajectoryView, draft: &mut TrajectoryDraft, out: &mut Vec<Action>) {
    let (Some(request), Some(step)) = (&view.request, view.step(state.playback.index())) else {
        return;
    };
    if state.playback.mode() == Mode::Following {
        // The network is busy with the next step; a field for each would double the time.
        return;
    }
    let Some(at) = share_of_schedule(&view.info, step.level.t).filter(|_| draft.layers.field && step.level.sigma > 0.0)
    else {
        return;
    };
    let now = ui.input(|i| i.time);
    let have = state
        .field
        .as_ref()
        .and_then(|f| share_of_schedule(&view.info, f.level.t));
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    if have.is_some_and(|h| near(h, at)) {
        draft.field_asked = None;
        return;
    }
    let waits = |(asked, since): (f64, f64)| !have.is_some_and(|h| near(h, asked)) && now - since < FIELD_PATIENCE_SECS;
    if draft.field_asked.is_some_and(waits) {
        return;
    }
    draft.field_asked = Some((at, now));
    out.push(Action::Engine(Command::Field(FieldRequest {
        model: request.model.clone(),
        at,
        side: FIELD_SIDE,
        extent: crate::app::widgets::cloud::EXTENT,
    })));
}

/// Where a time lies in the schedule of the weights, 0 (clean) to 1 (noise).
fn share_of_schedule(info: &TrajectoryInfo, t: f64) -> Option<f64> {
    let schedule = schedule::build(&info.recipe.schedule).ok()?;
    let (start, end) = schedule.domain().into_inner();
    Some(((t - start) / (end - start)).clamp(0.0, 1.0))
}
