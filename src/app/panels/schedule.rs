//! Noise schedules and what they do to a picture: four curves, a picture drowning in noise, and warnings in words.

use std::ops::RangeInclusive;

use eframe::egui::{
    self, Align, CentralPanel, Color32, Frame as Pane, Layout, Margin, Mesh, Panel, Pos2, Rect, RichText, ScrollArea,
    Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, emath::GuiRounding as _, pos2, vec2,
};
use egui_material_icons::icons;
use egui_plot::{GridMark, Line, LineStyle, Plot, PlotPoints, Span, VLine};

use super::time_bar::{clock_keys, decibels, time_bar_panel};
use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        playback::PlaybackCommand,
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{
            button,
            cloud::{self, Sprite},
            form,
            live::Live,
        },
        words,
    },
    data::Dataset,
    draw::{noising::noised, plot::ticks as round_values},
    math::{
        Domain, Frame, Level, Spec,
        grid::{self, time_grid},
        schedule::{self, NoiseSchedule},
    },
};

/// Points of each curve.
const CURVE: usize = 400;

/// Where the pictures below the curves stand: shares of the schedule.
const STOPS: [(f64, &str); 5] = [(0.0, "start"), (0.25, "¼"), (0.5, "½"), (0.75, "¾"), (1.0, "end")];

/// Height of the row of pictures.
const PICTURES: f32 = 206.0;

/// Points of a cloud that is shown noised.
const DOTS: usize = 600;

/// Seed of the noise that drowns the picture.
const NOISE_SEED: u64 = 0;

/// Half-edited settings and caches of this panel.
#[derive(Debug)]
pub struct ScheduleDraft {
    /// The schedule that is edited.
    pub mine: Spec,
    /// The one to compare with.
    pub other: Option<Spec>,
    steps: usize,
    spacing: Spec,
    sample: usize,
    share: f64,
    touched: bool,
    curves: Option<(Spec, Result<Curves, String>)>,
    other_curves: Option<(Spec, Result<Curves, String>)>,
    noised: Option<(NoisedKey, Frame)>,
    live: Live,
    sprite: Sprite,
}

impl Default for ScheduleDraft {
    fn default() -> Self {
        Self {
            mine: Spec::new("linear"),
            other: Some(Spec::new("cosine")),
            steps: 20,
            spacing: Spec::new("trailing"),
            sample: 0,
            share: 0.5,
            touched: false,
            curves: None,
            other_curves: None,
            noised: None,
            live: Live::default(),
            sprite: Sprite::default(),
        }
    }
}

/// What the noised pictures depend on: data, sample and levels.
type NoisedKey = (String, usize, Vec<Level>);

/// A schedule drawn.
#[derive(Clone, Debug)]
struct Curves {
    last: f64,
    beta: Vec<[f64; 2]>,
    alpha_bar: Vec<[f64; 2]>,
    snr: Vec<[f64; 2]>,
    sigma: Vec<[f64; 2]>,
}

/// One of the four curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    AlphaBar,
    Snr,
    Beta,
    Sigma,
}

impl Quantity {
    const ALL: [Self; 4] = [Self::AlphaBar, Self::Snr, Self::Beta, Self::Sigma];

    fn label(self) -> &'static str {
        match self {
            Self::AlphaBar => "Signal left, ᾱ",
            Self::Snr => "Signal to noise, dB",
            Self::Beta => "Noise added per step, β (log)",
            Self::Sigma => "Noise level, σ",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::AlphaBar => "Share of the picture's variance that is left at time t: 1 is the picture, 0 is noise",
            Self::Snr => "10 log₁₀(α² / σ²): above 20 dB the picture is nearly clean, below −20 dB it is gone",
            Self::Beta => "Variance of the noise that the step to time t adds",
            Self::Sigma => "Standard deviation of the noise in x at time t",
        }
    }

    /// A value of the axis in words.
    fn text(self, value: f64) -> String {
        words::number(if self == Self::Beta { 10_f64.powf(value) } else { value })
    }

    fn of(self, curves: &Curves) -> &[[f64; 2]] {
        match self {
            Self::AlphaBar => &curves.alpha_bar,
            Self::Snr => &curves.snr,
            Self::Beta => &curves.beta,
            Self::Sigma => &curves.sigma,
        }
    }
}

impl Curves {
    /// Curves over the share of the schedule, 0 to 1.
    fn new(spec: &Spec) -> Result<Self, String> {
        let schedule = schedule::build(spec).map_err(|e| e.to_string())?;
        let along = |value: &dyn Fn(f64) -> f64| -> Vec<[f64; 2]> {
            let share = |i: usize| i as f64 / (CURVE - 1) as f64;
            (0..CURVE).map(|i| [share(i), value(share(i))]).collect()
        };
        let at = |share: f64| level_at(&*schedule, share);
        Ok(Self {
            last: *schedule.domain().end(),
            beta: along(&|share| beta(&*schedule, share).max(1e-6).log10()),
            alpha_bar: along(&|share| at(share).alpha.powi(2)),
            snr: along(&|share| (10.0 * at(share).snr().log10()).clamp(-60.0, 60.0)),
            sigma: along(&|share| at(share).sigma),
        })
    }
}

/// The level at a share of the schedule, 0 (least noise) to 1 (most).
fn level_at(schedule: &dyn NoiseSchedule, share: f64) -> Level {
    let (start, end) = schedule.domain().into_inner();
    schedule.level(start + share * (end - start))
}

/// Variance of the noise that one step of the schedule adds; a thousandth of a continuous one counts as a step.
fn beta(schedule: &dyn NoiseSchedule, share: f64) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    let step = (end - start) / (schedule.steps().unwrap_or(1001).max(2) - 1) as f64;
    let t = start + ((share * (end - start)) / step).round() * step;
    let before = if t - step < start - step / 2.0 {
        Level::clean(t)
    } else {
        schedule.level(t - step)
    };
    1.0 - (schedule.level(t).alpha / before.alpha).powi(2)
}

/// Noise schedules and what they do to a picture.
pub fn schedule_panel(ui: &mut Ui, state: &AppState, draft: &mut ScheduleDraft, out: &mut Vec<Action>) {
    draft.choose_default(state);
    clock_keys(ui, state, out);
    if state.trajectory().is_some() {
        Panel::bottom("time bar")
            .resizable(false)
            .show(ui, |ui| time_bar_panel(ui, state, out));
    }
    let form = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::left("schedule form")
        .frame(form)
        .default_size(280.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| schedule_form(ui, draft, out));
        });
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    CentralPanel::default().frame(pane).show(ui, |ui| {
        draft.refresh();
        match draft.curves.clone() {
            Some((_, Ok(curves))) => consequences(ui, state, draft, &curves, out),
            Some((_, Err(message))) => {
                ui.label(RichText::new(message).color(theme::palette(ui).bad));
            }
            None => {}
        }
    });
}

fn schedule_form(ui: &mut Ui, draft: &mut ScheduleDraft, out: &mut Vec<Action>) {
    form::group(ui, "Schedule");
    let before = (draft.mine.clone(), draft.other.clone());
    spec_rows(ui, "Shape", &mut draft.mine);
    ui.add_space(4.0);
    let press = button::primary(ui, icons::ICON_CHECK, "Use for the next run", Ok(()));
    if press.on_hover_text("Puts this schedule into the Lab's form").clicked() {
        out.push(Action::UseSchedule(draft.mine.clone()));
        out.push(Action::Show(Workspace::Lab));
    }
    form::group(ui, "Compare with");
    let mut comparing = draft.other.is_some();
    if ui.checkbox(&mut comparing, "A second schedule").changed() {
        draft.other = comparing.then(|| Spec::new("cosine"));
    }
    if let Some(other) = &mut draft.other {
        spec_rows(ui, "Other shape", other);
    }
    draft.touched |= before != (draft.mine.clone(), draft.other.clone());
    form::group(ui, "Steps of a sampler");
    form::row(ui, "Steps", "How often the reverse process stops", |ui| {
        let mut steps = draft.steps as i64;
        let response = form::whole(ui, &mut steps, 1..=1000);
        draft.steps = steps.unsigned_abs() as usize;
        response
    });
    form::row(ui, "Spacing", "Which times it stops at", |ui| {
        let (response, chosen) = form::entry(ui, "spacing", &draft.spacing.id, grid::ENTRIES);
        if let Some(id) = chosen {
            draft.spacing = Spec::new(id);
        }
        response
    });
    if let Some(entry) = grid::ENTRIES.iter().find(|e| e.id == draft.spacing.id) {
        form::params(ui, entry.params, &mut draft.spacing.values);
    }
    ui.label(theme::caption(ui, "Drawn as ticks under the curves."));
}

fn spec_rows(ui: &mut Ui, name: &str, choice: &mut Spec) {
    ui.push_id(name, |ui| {
        form::row(ui, name, "How fast the picture drowns", |ui| {
            let (response, chosen) = form::entry(ui, name, &choice.id, schedule::ENTRIES);
            if let Some(id) = chosen {
                *choice = Spec::new(id);
            }
            response
        });
        if let Some(entry) = schedule::ENTRIES.iter().find(|e| e.id == choice.id) {
            form::params(ui, entry.params, &mut choice.values);
            ui.label(theme::caption(ui, entry.help));
        }
    });
}

impl ScheduleDraft {
    /// Until something is chosen: the schedule of the present run or trajectory, and another one to compare with.
    fn choose_default(&mut self, state: &AppState) {
        if self.touched {
            return;
        }
        let run = state.run.as_ref().map(|run| &run.info.recipe);
        if let Some(recipe) = run.or_else(|| state.trajectory().map(|view| &view.info.recipe)) {
            self.mine = recipe.schedule.clone();
        }
        if self.other.as_ref().is_some_and(|other| other.id == self.mine.id) {
            let another = schedule::ENTRIES.iter().find(|e| e.id != self.mine.id);
            self.other = another.map(|e| Spec::new(e.id));
        }
    }

    /// Shows these: the first as its own, the second to compare with.
    pub fn look_at(&mut self, specs: &[Spec]) {
        if let Some(mine) = specs.first() {
            self.mine = mine.clone();
            self.other = specs.get(1).cloned();
            self.touched = true;
        }
    }

    fn refresh(&mut self) {
        if self.curves.as_ref().is_none_or(|(spec, _)| *spec != self.mine) {
            self.curves = Some((self.mine.clone(), Curves::new(&self.mine)));
        }
        match &self.other {
            None => self.other_curves = None,
            Some(other) if self.other_curves.as_ref().is_none_or(|(spec, _)| spec != other) => {
                self.other_curves = Some((other.clone(), Curves::new(other)));
            }
            Some(_) => {}
        }
    }

    fn other(&self) -> Option<&Curves> {
        self.other_curves.as_ref()?.1.as_ref().ok()
    }

    /// Times that the sampler stops at, as shares of the schedule, noisiest first.
    fn ticks(&self) -> Vec<(f64, Level)> {
        let (Ok(schedule), Ok(spacing)) = (schedule::build(&self.mine), grid::build(&self.spacing)) else {
            return Vec::new();
        };
        let (start, end) = schedule.domain().into_inner();
        let moves = time_grid(&*schedule, spacing, self.steps);
        moves
            .iter()
            .map(|mv| ((mv.from.t - start) / (end - start), mv.from))
            .collect()
    }
}

fn consequences(ui: &mut Ui, state: &AppState, draft: &mut ScheduleDraft, curves: &Curves, out: &mut Vec<Action>) {
    let share = cursor(state).unwrap_or(draft.share);
    let ticks = draft.ticks();
    legend(ui, draft);
    let strip = if dataset(state).is_some() { PICTURES } else { 30.0 };
    let warnings = warnings(&draft.mine, &ticks);
    let text = 22.0 * warnings.len() as f64 as f32 + 8.0;
    let height = (ui.available_height() - strip - text - 24.0).max(220.0);
    if let Some(wanted) = plots(ui, draft, curves, share, &ticks, height) {
        draft.share = wanted;
        if let Some(index) = nearest_frame(state, wanted) {
            out.push(Action::Playback(PlaybackCommand::Seek(index)));
        }
    }
    ui.add_space(4.0);
    for warning in &warnings {
        said(ui, warning);
    }
    ui.add_space(4.0);
    pictures(ui, state, draft, share, out);
}

fn legend(ui: &mut Ui, draft: &ScheduleDraft) {
    let palette = theme::palette(ui);
    let label = |spec: &Spec| {
        let entry = schedule::ENTRIES.iter().find(|e| e.id == spec.id);
        entry.map_or(spec.id.clone(), |e| e.label.to_owned())
    };
    ui.horizontal(|ui| {
        line_sample(ui, palette.curve, &[(0.0, 22.0)]);
        ui.label(label(&draft.mine));
        if let Some(other) = &draft.other {
            ui.add_space(8.0);
            line_sample(ui, palette.curve_other, &[(0.0, 6.0), (8.0, 14.0), (16.0, 22.0)]);
            ui.label(label(other));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(theme::caption(
                ui,
                "Drag over a curve to move the cursor. Shaded: nearly clean, already noise.",
            ));
        });
    });
}

/// A piece of a line as it is drawn below.
fn line_sample(ui: &mut Ui, ink: Color32, dashes: &[(f32, f32)]) {
    let (area, _) = ui.allocate_exact_size(vec2(22.0, 16.0), Sense::hover());
    for (from, to) in dashes {
        let x = area.left() + from..=area.left() + to;
        ui.painter().hline(x, area.center().y, Stroke::new(2.0, ink));
    }
}

/// Four curves, two by two. Answers the share of the schedule that was dragged to.
fn plots(
    ui: &mut Ui,
    draft: &ScheduleDraft,
    curves: &Curves,
    share: f64,
    ticks: &[(f64, Level)],
    height: f32,
) -> Option<f64> {
    let gap = ui.spacing().item_spacing;
    let size = vec2((ui.available_width() - gap.x) / 2.0, (height - gap.y) / 2.0).max(vec2(40.0, 30.0));
    let mut wanted = None;
    for row in Quantity::ALL.chunks(2) {
        ui.horizontal(|ui| {
            for &quantity in row {
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                    ui.set_min_size(size);
                    ui.label(theme::heading(quantity.label()))
                        .on_hover_text(quantity.help());
                    wanted = plot(ui, quantity, draft, curves, share, ticks).or(wanted);
                });
            }
        });
    }
    wanted
}

fn plot(
    ui: &mut Ui,
    quantity: Quantity,
    draft: &ScheduleDraft,
    curves: &Curves,
    share: f64,
    ticks: &[(f64, Level)],
) -> Option<f64> {
    let palette = theme::palette(ui);
    let last = curves.last;
    let shown = Plot::new(quantity.label())
        .height(ui.available_height())
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .sense(Sense::click_and_drag())
        .show_crosshair(false)
        .include_x(0.0)
        .include_x(1.0)
        .set_margin_fraction(vec2(0.0, 0.08))
        .y_axis_min_width(44.0)
        .grid_color(palette.line)
        .x_grid_spacer(move |_| times(last))
        .y_grid_spacer(|input| marks(input.bounds))
        .x_axis_formatter(move |mark, _: &RangeInclusive<f64>| words::number((mark.value * last).round()))
        .y_axis_formatter(move |mark, _: &RangeInclusive<f64>| quantity.text(mark.value))
        .label_formatter(|_| None)
        .show(ui, |plot| {
            for (from, to) in bands(curves) {
                let fill = palette.line.gamma_multiply(0.35);
                plot.span(Span::new("", from..=to).fill(fill).border_width(0.0));
            }
            if let Some(other) = draft.other() {
                let line = Line::new("other", PlotPoints::from(quantity.of(other).to_vec()));
                plot.line(
                    line.color(palette.curve_other)
                        .width(1.6)
                        .style(LineStyle::dashed_dense()),
                );
            }
            let line = Line::new("mine", PlotPoints::from(quantity.of(curves).to_vec()));
            plot.line(line.color(palette.curve).width(2.0));
            plot.vline(VLine::new("cursor", share).color(palette.accent).width(1.5));
        });
    let response = shown.response;
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, quantity.label()));
    let frame = shown.transform.frame();
    let painter = ui.painter_at(*frame);
    let x_of = |share: f64| frame.left() + share as f32 * frame.width();
    for &(at, _) in ticks {
        let x = shown.transform.position_from_point_x(at);
        painter.vline(x, frame.bottom() - 7.0..=frame.bottom(), Stroke::new(1.0, palette.weak));
    }
    let value = value_at(quantity.of(curves), share);
    let right_half = x_of(share) > frame.center().x;
    let (align, dx) = if right_half {
        (egui::Align2::RIGHT_TOP, -6.0)
    } else {
        (egui::Align2::LEFT_TOP, 6.0)
    };
    let at = pos2(shown.transform.position_from_point_x(share) + dx, frame.top() + 4.0);
    let text = format!("t {}   {}", words::number((share * last).round()), quantity.text(value));
    let galley = painter.layout_no_wrap(text, egui::TextStyle::Monospace.resolve(ui.style()), palette.text);
    let area = align.anchor_size(at, galley.size());
    painter.rect_filled(area.expand2(vec2(4.0, 2.0)), 3.0, palette.sunken.gamma_multiply(0.85));
    painter.galley(area.min, galley, palette.text);
    let held = response.dragged() || response.clicked() || response.is_pointer_button_down_on();
    let pointer = response.interact_pointer_pos().filter(|_| held)?;
    Some(shown.transform.value_from_position(pointer).x.clamp(0.0, 1.0))
}

/// About five round times, at their shares of the schedule.
fn times(last: f64) -> Vec<GridMark> {
    let scaled = |mark: GridMark| GridMark {
        value: mark.value / last,
        step_size: mark.step_size / last,
    };
    marks((0.0, last)).into_iter().map(scaled).collect()
}

/// About five round marks.
fn marks((low, high): (f64, f64)) -> Vec<GridMark> {
    let values = round_values(low, high, 5);
    let step_size = values.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    values.into_iter().map(|value| GridMark { value, step_size }).collect()
}

/// Parts of the schedule where the picture is nearly clean (above 20 dB) or gone (below −20 dB).
fn bands(curves: &Curves) -> Vec<(f64, f64)> {
    let clean = curves.snr.iter().take_while(|p| p[1] > 20.0).last();
    let gone = curves.snr.iter().find(|p| p[1] < -20.0);
    clean
        .map(|p| (0.0, p[0]))
        .into_iter()
        .chain(gone.map(|p| (p[0], 1.0)))
        .collect()
}

fn value_at(curve: &[[f64; 2]], share: f64) -> f64 {
    let i = (share * (curve.len() - 1) as f64).round() as usize;
    curve.get(i).map_or(0.0, |p| p[1])
}

/// The cursor of the present trajectory as a share of its schedule.
fn cursor(state: &AppState) -> Option<f64> {
    let view = state.trajectory()?;
    let step = view.at(state.playback.index())?;
    // The result has no noise at all, which lies just before the first entry.
    if step.level.sigma == 0.0 {
        Some(0.0)
    } else {
        share_of(view, step.level.t)
    }
}

fn share_of(view: &TrajectoryView, t: f64) -> Option<f64> {
    let (start, end) = schedule::build(&view.info.recipe.schedule).ok()?.domain().into_inner();
    Some(((t - start) / (end - start)).clamp(0.0, 1.0))
}

/// The frame of the present trajectory whose level lies nearest to a share of the schedule.
fn nearest_frame(state: &AppState, share: f64) -> Option<usize> {
    let view = state.trajectory()?;
    let (start, end) = schedule::build(&view.info.recipe.schedule).ok()?.domain().into_inner();
    let distance = |t: f64| ((t - start) / (end - start) - share).abs();
    let noisy = view.steps.iter().filter(|s| s.level.sigma > 0.0);
    let nearest = noisy.min_by(|a, b| distance(a.level.t).total_cmp(&distance(b.level.t)))?;
    Some(nearest.index)
}

/// Something to know about a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    is_warning: bool,
    text: String,
}

fn said(ui: &mut Ui, said: &Said) {
    let palette = theme::palette(ui);
    let (icon, ink) = if said.is_warning {
        (icons::ICON_WARNING, palette.warn)
    } else {
        (icons::ICON_CHECK_CIRCLE, palette.good)
    };
    ui.horizontal(|ui| {
        ui.label(icon.rich_text().size(16.0).color(ink));
        ui.label(&said.text);
    });
}

/// What is wrong with a schedule and the sampler's steps through it, in plain words; one good word when nothing is.
fn warnings(spec: &Spec, ticks: &[(f64, Level)]) -> Vec<Said> {
    let Ok(schedule) = schedule::build(spec) else {
        return Vec::new();
    };
    let (first, last) = (level_at(&*schedule, 0.0), level_at(&*schedule, 1.0));
    let mut found = Vec::new();
    let left = last.alpha.powi(2);
    if left > 0.01 {
        found.push(format!(
            "The end is not pure noise: {} % of the signal is left (ᾱ = {}). Sampling starts from pure noise, so \
             samples will look pale.",
            words::number(100.0 * left),
            words::number(left)
        ));
    }
    if first.sigma > 0.2 {
        found.push(format!(
            "Already the first level is noisy (σ = {}): fine detail is never learned.",
            words::number(first.sigma)
        ));
    }
    let gone = (0..=100)
        .map(f64::from)
        .find(|p| level_at(&*schedule, p / 100.0).alpha.powi(2) < 1e-4);
    if let Some(percent) = gone.filter(|p| *p < 75.0) {
        found.push(format!(
            "From {percent} % of the schedule on nothing of the picture is left: much of the training teaches nothing."
        ));
    }
    if let Some((share, level)) = ticks.first().filter(|(share, _)| *share < 0.985) {
        found.push(format!(
            "The sampler starts at t = {}, {} % of the way: the network is told that pure noise is less noisy than it is.",
            words::number(level.t),
            words::number(100.0 * share)
        ));
    }
    if let Some((_, level)) = ticks.last().filter(|(_, level)| level.sigma > 0.5) {
        found.push(format!(
            "The last step jumps from σ = {} to no noise at once: take more steps or another spacing.",
            words::number(level.sigma)
        ));
    }
    let is_warning = !found.is_empty();
    if !is_warning {
        found.push("Starts clean, ends in noise, and the sampler covers it: nothing to worry about.".into());
    }
    found.into_iter().map(|text| Said { is_warning, text }).collect()
}

/// A training sample at five levels, and once more at the cursor.
fn pictures(ui: &mut Ui, state: &AppState, draft: &mut ScheduleDraft, share: f64, out: &mut Vec<Action>) {
    let Some(data) = dataset(state).filter(|data| data.count > 0) else {
        ui.horizontal(|ui| {
            ui.label(theme::caption(
                ui,
                "With data loaded, a training picture is shown here at five noise levels.",
            ));
            if button::icon_text(ui, icons::ICON_DATABASE, "Choose data").clicked() {
                out.push(Action::Show(Workspace::Data));
            }
        });
        return;
    };
    let dice = keys::pressed(ui.ctx(), Does::Seed);
    ui.horizontal(|ui| {
        ui.set_min_height(32.0);
        ui.label(theme::heading(format!("{} in noise", data.label)));
        // Of points the whole cloud is shown.
        let has_choice = data.domain != Domain::Points;
        if has_choice && (button::icon(ui, icons::ICON_CASINO, "Another sample").clicked() || dice) {
            draft.sample = (draft.sample + 1) % data.count;
        }
    });
    let Ok(schedule) = schedule::build(&draft.mine) else {
        return;
    };
    let shares: Vec<f64> = STOPS.iter().map(|(share, _)| *share).chain([share]).collect();
    let levels: Vec<Level> = shares.iter().map(|&s| level_at(&*schedule, s)).collect();
    let frame = draft.noised(ui, data, &levels);
    let count = levels.len();
    let width = ((ui.available_width() - 16.0 - 8.0 * (count - 1) as f32) / count as f32).max(8.0);
    let side = width.min(ui.available_height() - 26.0).max(40.0);
    ui.horizontal(|ui| {
        for (i, level) in levels.iter().enumerate() {
            if i == STOPS.len() {
                ui.add_space(8.0);
            }
            let name = STOPS.get(i).map_or("cursor", |(_, name)| name);
            ui.vertical(|ui| {
                ui.set_width(side);
                let (area, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
                let said = format!("Sample at {name}");
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, said.as_str()));
                draft.paint(ui, area, &frame, i, count);
                if i == STOPS.len() {
                    let stroke = Stroke::new(2.0, theme::palette(ui).accent);
                    ui.painter().rect_stroke(area, 3.0, stroke, StrokeKind::Outside);
                }
                ui.label(theme::caption(ui, format!("{name} · {}", decibels(*level))));
            });
        }
    });
}

/// The data that the Lab trains on, or what the data view shows.
fn dataset(state: &AppState) -> Option<&Dataset> {
    let run = state.run.as_ref().map(|run| &run.info.data);
    run.or_else(|| state.data.loaded().map(|summary| &summary.data))
}

impl ScheduleDraft {
    /// The sample at all levels: as many pictures, or as many clouds one after the other.
    fn noised(&mut self, ui: &Ui, data: &Dataset, levels: &[Level]) -> Frame {
        let sample = self.sample % data.count;
        let key = (data.hash.clone(), sample, levels.to_vec());
        if let Some((_, frame)) = self.noised.as_ref().filter(|(made, _)| *made == key) {
            return frame.clone();
        }
        let stride = data.count.div_ceil(DOTS).max(1);
        let clean = match data.frame(&[sample]) {
            pixels @ Frame::Pixels { .. } => pixels,
            Frame::Points { .. } => data.frame(&(0..data.count).step_by(stride).collect::<Vec<_>>()),
        };
        let frames: Vec<Frame> = levels.iter().map(|&level| noised(&clean, level, NOISE_SEED)).collect();
        let frame = joined(&frames).unwrap_or(clean);
        self.live.set(ui.ctx(), &frame);
        self.noised = Some((key, frame.clone()));
        frame
    }

    fn paint(&mut self, ui: &Ui, area: Rect, frame: &Frame, i: usize, count: usize) {
        let painter = ui.painter_at(area);
        painter.rect_filled(area, 3.0, theme::palette(ui).sunken);
        match frame {
            Frame::Pixels { width, height, .. } => {
                let Some((texture, uv)) = self.live.part(i, count) else {
                    return;
                };
                let rect = fitted(area, *width, *height, ui.ctx().pixels_per_point());
                let mut mesh = Mesh::with_texture(texture);
                mesh.add_rect_with_uv(rect, uv, Color32::WHITE);
                painter.add(Shape::mesh(mesh));
            }
            Frame::Points { xy } => {
                let points = xy.as_chunks::<2>().0;
                let each = points.len() / count;
                let view = cloud::View::new(area, cloud::EXTENT, Vec2::ZERO);
                let mut mesh = self.sprite.mesh(ui.ctx());
                for point in &points[i * each..(i + 1) * each] {
                    Sprite::dot(&mut mesh, view.screen(*point), 1.4, theme::palette(ui).sample);
                }
                painter.add(Shape::mesh(mesh));
            }
        }
    }
}

/// The largest rectangle in the middle of `area` that shows every pixel equally large.
fn fitted(area: Rect, width: usize, height: usize, pixels_per_point: f32) -> Rect {
    let room = area.size() * pixels_per_point / vec2(width as f32, height as f32);
    let scale = room.x.min(room.y);
    let scale = if scale >= 1.0 { scale.floor() } else { scale };
    let size = vec2(width as f32, height as f32) * scale / pixels_per_point;
    let corner: Pos2 = area.center() - size / 2.0;
    Rect::from_min_size(corner.round_to_pixels(pixels_per_point), size)
}

/// Batches one after the other; `None` when there are none or they are of different kinds.
fn joined(frames: &[Frame]) -> Option<Frame> {
    match frames.first()? {
        &Frame::Pixels {
            channels,
            height,
            width,
            ..
        } => {
            let all = frames.iter().flat_map(|f| (0..f.count()).flat_map(|i| f.picture(i)));
            Some(Frame::Pixels {
                channels,
                height,
                width,
                data: all.copied().collect(),
            })
        }
        Frame::Points { .. } => {
            let all = frames.iter().flat_map(|f| match f {
                Frame::Points { xy } => &xy[..],
                Frame::Pixels { .. } => &[],
            });
            Some(Frame::Points {
                xy: all.copied().collect(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Value;

    fn told(spec: &Spec, spacing: Spec, steps: usize) -> Vec<String> {
        let draft = ScheduleDraft {
            mine: spec.clone(),
            spacing,
            steps,
            ..ScheduleDraft::default()
        };
        let all = warnings(spec, &draft.ticks());
        all.into_iter().filter(|s| s.is_warning).map(|s| s.text).collect()
    }

    #[test]
    fn a_sound_schedule_is_not_complained_about() {
        assert_eq!(told(&Spec::new("linear"), Spec::new("trailing"), 50), [""; 0]);
        assert_eq!(told(&Spec::new("cosine"), Spec::new("trailing"), 20), [""; 0]);
    }

    #[test]
    fn faults_are_told_in_words() {
        let short = Spec::new("linear")
            .with("steps", Value::Int(100))
            .with("scale", Value::Flag(false));
        assert!(told(&short, Spec::new("trailing"), 50)[0].contains("not pure noise"));
        let steep = Spec::new("linear").with("beta-end", Value::Real(0.2));
        assert!(told(&steep, Spec::new("trailing"), 50)[0].contains("nothing of the picture"));
        assert!(told(&Spec::new("linear"), Spec::new("leading"), 10)[0].contains("starts at t = 900"));
        let rough = Spec::new("linear")
            .with("beta-start", Value::Real(0.1))
            .with("beta-end", Value::Real(0.1));
        assert!(
            told(&rough, Spec::new("trailing"), 50)
                .iter()
                .any(|w| w.contains("first level is noisy"))
        );
        assert!(
            told(&Spec::new("linear"), Spec::new("trailing"), 1)
                .iter()
                .any(|w| w.contains("jumps"))
        );
    }

    #[test]
    fn betas_are_those_of_the_formula() {
        let schedule = schedule::build(&Spec::new("linear")).unwrap();
        for (t, expected) in [(0.0, 1e-4), (999.0, 0.02), (500.0, 1e-4 + 500.0 / 999.0 * 0.0199)] {
            let found = beta(&*schedule, t / 999.0);
            assert!((found - expected).abs() < 1e-9, "{t}: {found}");
        }
    }

    #[test]
    fn clean_and_drowned_parts_are_shaded() {
        let curves = Curves::new(&Spec::new("linear")).unwrap();
        let bands = bands(&curves);
        assert_eq!((bands.len(), bands[0].0, bands[1].1), (2, 0.0, 1.0));
        let edge = level_at(&*schedule::build(&Spec::new("linear")).unwrap(), bands[1].0);
        assert!((10.0 * edge.snr().log10() + 20.0).abs() < 0.3);
    }

    #[test]
    fn pictures_keep_whole_pixels() {
        let area = Rect::from_min_size(pos2(3.0, 4.0), vec2(100.0, 120.0));
        let rect = fitted(area, 28, 28, 1.0);
        assert_eq!(rect.size(), vec2(84.0, 84.0));
        assert!(area.contains_rect(rect));
    }
}
