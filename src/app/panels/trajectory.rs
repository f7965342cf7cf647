//! The reverse process under one cursor: state, clean guess, noise guess and change, side by side.

use eframe::egui::{Align, CentralPanel, Frame as Pane, Label, Layout, Margin, Panel, RichText, ScrollArea, Ui, vec2};
use egui_material_icons::icons;

use super::{
    export::{ExportDraft, export_menu},
    sample_form::{SampleDraft, sample_form},
    time_bar::{clock_keys, marked_time_bar},
};
use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        playback::{Mode, PlaybackCommand},
        state::AppState,
        theme,
        trajectories::{
            TrajectoryView,
            family::{self, Member},
        },
        widgets::{
            aspect::{Aspect, Steps as _, change_scale},
            button,
            cloud::{Cloud, Clouds, Layers, cloud_view},
            form,
            lanes::{self, Lane, Lanes},
            mark::Mark,
            pictures::{Lens, Pictures, Spot, View, picture_view},
            strip::{Film, Strip, film_strip},
        },
    },
    data::Samples,
    engine::{
        Command, TrajectoryId,
        command::{ClassChoice, FieldRequest},
        event::{Field, TrajectoryInfo},
    },
    math::{Domain, Frame, domain::unit_from_byte, schedule},
};

mod branch;
mod list;

pub(super) use branch::branch_along;
use branch::{BranchDraft, branch_menu};
use list::{ListDraft, parted, trajectory_list};
pub(super) use list::{called, outcome};

/// Height of the name and the numbers of a view.
const VIEW_TEXT: f32 = 50.0;

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
    list: ListDraft,
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
    clock_keys(ui, state, out);
    let lit = draft.list.lit.take();
    let marks = marks(state, lit);
    Panel::bottom("time bar")
        .resizable(false)
        .show(ui, |ui| marked_time_bar(ui, state, &marks, out));
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
        .show(ui, |ui| match state.trajectory() {
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
    if draft.shown != Some(view.info.id) {
        draft.shown = Some(view.info.id);
        draft.lens = Lens::default();
    }
    header(ui, state, view, draft, out);
    ui.add_space(4.0);
    let strip_height = 60.0;
    let family = family::of(&state.trajectories, view.info.id);
    let lanes_height = if family.len() > 1 {
        lanes::height(family.len()) + 6.0
    } else {
        0.0
    };
    let views_height = (ui.available_height() - strip_height - lanes_height - 10.0).max(120.0);
    let seek = four_views(ui, state, view, draft, views_height);
    ui.add_space(2.0);
    let film = Film {
        owner: view.info.id.0,
        steps: view,
        domain: view.info.domain,
        index: state.playback.index(),
        sample: draft.lens.selected.unwrap_or(0),
        aspect: Aspect::State,
    };
    let seek = film_strip(ui, strip_height, &film, marks, &mut draft.strip).or(seek);
    if family.len() > 1 {
        ui.add_space(2.0);
        family_lanes(ui, state, view, &family, draft, out);
    }
    if let Some(frame) = seek {
        out.push(Action::Playback(PlaybackCommand::Seek(frame)));
    }
    if view.info.domain == Domain::Points {
        ask_field(ui, state, view, draft, out);
    }
}

/// The family as lanes: what is chosen is looked at from the same step.
fn family_lanes(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    family: &[Member<'_>],
    draft: &mut TrajectoryDraft,
    out: &mut Vec<Action>,
) {
    let place = |id: TrajectoryId| family.iter().position(|member| member.view.info.id == id);
    let lanes: Vec<Lane> = family
        .iter()
        .map(|Member { view, .. }| Lane {
            id: view.info.id,
            name: called(view),
            parts: view
                .parent
                .and_then(place)
                .zip(view.info.branch.as_ref().map(|parted| parted.step)),
            reached: view.reached(),
            ended: view.ended,
            detail: [Some(outcome(view)), parted(view)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n"),
        })
        .collect();
    let index = state.playback.index();
    let shown = Lanes {
        lanes: &lanes,
        current: Some(view.info.id),
        lit: draft.list.lit,
        index,
        moves: family.iter().map(|member| member.view.info.moves).max().unwrap_or(1),
    };
    let (hovered, chosen) = lanes::lanes(ui, &shown);
    draft.list.lit = hovered.or(draft.list.lit);
    if let Some(id) = chosen.filter(|id| *id != view.info.id) {
        out.push(Action::Select(id));
        out.push(Action::Playback(PlaybackCommand::Seek(index)));
    }
}

fn header(ui: &mut Ui, state: &AppState, view: &TrajectoryView, draft: &mut TrajectoryDraft, out: &mut Vec<Action>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let sample = draft.lens.selected.unwrap_or(0);
        export_menu(ui, state, view, sample, &mut draft.export, out);
        branch_menu(ui, state, view, draft.lens.selected, &mut draft.branch, out);
        let slowly = button::icon(ui, icons::ICON_SLOW_MOTION_VIDEO, "One step back, slowly");
        if slowly.on_hover_text(keys::text(ui.ctx(), Does::Slow)).clicked() {
            out.push(Action::Slowly);
        }
        match view.info.domain {
            Domain::Points => layer_toggles(ui, &mut draft.layers),
            Domain::Image { .. } => solo_toggle(ui, view, &mut draft.lens),
        }
        if draft.lens.zoom != 1.0 && button::icon(ui, icons::ICON_FIT_SCREEN, "Fit everything").clicked() {
            draft.lens.fit();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(theme::heading(called(view)));
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

fn four_views(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    draft: &mut TrajectoryDraft,
    height: f32,
) -> Option<usize> {
    let mut seek = None;
    let hovered = draft.lens.hover.take();
    let room = vec2(ui.available_width(), height);
    let size_of = |columns: usize| {
        let rows = Aspect::ALL.len() / columns;
        let gaps = ui.spacing().item_spacing * vec2((columns - 1) as f32, (rows - 1) as f32);
        (room - gaps) / vec2(columns as f32, rows as f32)
    };
    // Four in a row, or two by two where that leaves larger squares.
    let side = |columns: usize| size_of(columns).x.min(size_of(columns).y - VIEW_TEXT);
    let columns = if side(4) >= side(2) { 4 } else { 2 };
    let size = size_of(columns).floor();
    for row in Aspect::ALL.chunks(columns) {
        ui.horizontal_top(|ui| {
            for &aspect in row {
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                    ui.set_min_size(size);
                    let asked = one_view(ui, state, view, draft, aspect, hovered);
                    seek = asked.or(seek);
                });
            }
        });
    }
    if draft.lens.hover != hovered {
        // The other views mark the same place, those before this one in the next frame.
        ui.ctx().request_repaint();
    }
    seek
}

fn one_view(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    draft: &mut TrajectoryDraft,
    aspect: Aspect,
    hovered: Option<Spot>,
) -> Option<usize> {
    let index = state.playback.index();
    ui.horizontal(|ui| {
        ui.label(theme::heading(aspect.label())).on_hover_text(aspect.help());
        ui.label(theme::caption(ui, aspect.symbol()));
    });
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
    let mut lens = std::mem::take(&mut draft.lens);
    let found = lens.hover.take();
    lens.hover = hovered;
    let (answer, value) = match view.info.domain {
        Domain::Image { .. } => {
            let shown = View {
                owner: view.info.id.0,
                steps: view,
                index,
                aspect,
                name: aspect.label(),
            };
            let answer = picture_view(ui, size, &shown, &mut draft.pictures, &mut lens);
            let value = lens.hover.and_then(|spot| Some(reading(ui, spot, &shown.value(spot)?)));
            (answer, value)
        }
        Domain::Points => {
            let shown = Cloud {
                owner: view.info.id.0,
                steps: view,
                index,
                fraction: state.playback.fraction(),
                aspect,
                data: training_points(state, view),
                field: fresh_field(state, view, index),
                layers: draft.layers,
                name: aspect.label(),
            };
            let answer = cloud_view(ui, size, &shown, &mut draft.clouds, &mut lens);
            let value = lens
                .hover
                .and_then(|s| Some(format!("#{} {}", s.sample + 1, shown.value(s)?)));
            (answer, value)
        }
    };
    if !answer.response.contains_pointer() {
        lens.hover = found;
    }
    draft.lens = lens;
    let caption = value.or_else(|| statistics(view, index, aspect, draft));
    let caption = theme::number(caption.unwrap_or_default()).color(theme::palette(ui).weak);
    ui.add(Label::new(caption).truncate());
    answer.seek
}

/// A value with its place, where there is room for both; the place is marked in the picture anyway.
fn reading(ui: &Ui, spot: Spot, value: &str) -> String {
    let whole = format!("#{} pixel {},{}  {value}", spot.sample + 1, spot.x, spot.y);
    let room = ui.available_width() / theme::number_width(ui);
    if whole.chars().count() as f32 <= room {
        whole
    } else {
        value.to_owned()
    }
}

/// Mean and deviation of what a view shows.
fn statistics(view: &TrajectoryView, index: usize, aspect: Aspect, draft: &mut TrajectoryDraft) -> Option<String> {
    let step = view.step(index)?;
    let (mean, std) = match aspect {
        Aspect::State => step.x_stats,
        Aspect::Clean => step.x0_stats,
        Aspect::Noise => noise_stats(view, step.index, &step.eps, draft),
        Aspect::Change => {
            let Some(before) = view.before(step.index) else {
                return Some("start, no change yet".into());
            };
            let scale = change_scale(&before.x, &step.x);
            return Some(match view.info.domain {
                Domain::Image { .. } => format!("mean {:.3}  yellow {scale}", before.change),
                Domain::Points => format!("mean {:.3}", before.change),
            });
        }
    };
    Some(format!("mean {mean:+.2}  std {std:.2}"))
}

fn noise_stats(view: &TrajectoryView, index: usize, eps: &Frame, draft: &mut TrajectoryDraft) -> (f32, f32) {
    match draft.noise_stats {
        Some((id, at, stats)) if (id, at) == (view.info.id, index) => stats,
        _ => {
            let stats = mean_std(eps);
            draft.noise_stats = Some((view.info.id, index, stats));
            stats
        }
    }
}

/// Mean and standard deviation of a noise guess, which is stored at a third of its size.
fn mean_std(eps: &Frame) -> (f32, f32) {
    let values: Vec<f32> = match eps {
        Frame::Pixels { data, .. } => data.iter().map(|&b| 3.0 * unit_from_byte(b)).collect(),
        Frame::Points { xy } => xy.to_vec(),
    };
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n;
    (mean, var.sqrt())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_measured_at_its_own_size() {
        let frame = Domain::Points.frame(&[1.0, 3.0]);
        assert_eq!(mean_std(&frame), (2.0, 1.0));
        let image = Domain::Image {
            channels: 1,
            height: 1,
            width: 2,
        };
        assert_eq!(mean_std(&image.frame(&[-1.0, 1.0])), (0.0, 3.0));
    }
}
