//! The schedule designer: four views of a curve that can be drawn, what it does to a picture, and warnings in words.

use std::rc::Rc;

use eframe::egui::{CentralPanel, Frame as Pane, Margin, Panel, RichText, ScrollArea, Ui};

use super::{
    advice::{about, advice_lines, all_is_well},
    time_bar::{clock_keys, time_bar_panel},
};
use crate::{
    app::{
        action::Action, history::History, layout::Layout as Panes, playback::PlaybackCommand, state::AppState, theme,
        trajectories::TrajectoryView,
    },
    engine::{
        command::{Model, SampleRequest},
        lint::{self, Advice, Change, Settings},
    },
    files::Recipe,
    math::{
        Level, Spec,
        grid::{self, time_grid},
        schedule,
    },
};

mod curves;
mod form;
mod handles;
mod panes;
mod pictures;
mod plots;

use curves::Curves;
use form::{Followed, schedule_form, use_rows};
use handles::{Held, follow};
pub use panes::SchedulePane;
use pictures::Shown;
pub(super) use plots::label;
use plots::{Scene, legend};

/// Half-edited settings and caches of this panel.
#[derive(Debug)]
pub struct ScheduleDraft {
    /// The schedule that is edited.
    pub mine: Spec,
    /// The one to compare with.
    pub other: Option<Spec>,
    steps: usize,
    spacing: Spec,
    share: f64,
    touched: bool,
    history: History<Spec>,
    held: Option<Held>,
    followed: Option<Followed>,
    curves: Cache,
    other_curves: Cache,
    ghost_curves: Cache,
    shown: Shown,
    /// Where the panes are.
    pub layout: Panes<SchedulePane>,
}

/// Curves, and of which schedule.
type Cache = Option<(Spec, Result<Rc<Curves>, String>)>;

impl Default for ScheduleDraft {
    fn default() -> Self {
        Self {
            mine: Spec::new("linear"),
            other: Some(Spec::new("cosine")),
            steps: 20,
            spacing: Spec::new("trailing"),
            share: 0.5,
            touched: false,
            history: History::new(Spec::new("linear")),
            held: None,
            followed: None,
            curves: None,
            other_curves: None,
            ghost_curves: None,
            shown: Shown::default(),
            layout: Panes::default(),
        }
    }
}

/// The designer. `recipe` is what the schedule would be used in.
pub fn schedule_panel(
    ui: &mut Ui,
    state: &AppState,
    recipe: &Recipe,
    draft: &mut ScheduleDraft,
    out: &mut Vec<Action>,
) {
    draft.choose_default(state, recipe);
    follow(ui.ctx(), &mut draft.mine, &mut draft.held);
    clock_keys(ui, state, out);
    if state.trajectory().is_some() {
        Panel::bottom("time bar")
            .resizable(false)
            .show(ui, |ui| time_bar_panel(ui, state, out));
    }
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::left("schedule form")
        .frame(pane)
        .default_size(280.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            Panel::bottom("schedule verbs")
                .resizable(false)
                .frame(Pane::new().inner_margin(Margin::symmetric(0, 8)))
                .show(ui, |ui| use_rows(ui, state, &draft.mine, out));
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| schedule_form(ui, draft));
        });
    CentralPanel::default().frame(pane).show(ui, |ui| {
        draft.refresh();
        match draft.curves.clone() {
            Some((_, Ok(curves))) => consequences(ui, state, recipe, draft, &curves, out),
            Some((_, Err(message))) => {
                ui.label(RichText::new(message).color(theme::palette(ui).bad));
            }
            None => {}
        }
    });
    draft.touched |= draft.mine != *draft.history.settled();
    draft.settle(ui);
}

impl ScheduleDraft {
    /// Until something is chosen: the schedule of the present run, of the trajectory, or of the recipe in the Lab, and another one
    /// to compare with.
    fn choose_default(&mut self, state: &AppState, recipe: &Recipe) {
        if self.touched || self.mine != *self.history.settled() {
            return;
        }
        let run = state.run.as_ref().map(|run| &run.info.recipe);
        // What ships with the program plays by itself: it says nothing of what the user is at.
        let own = state.trajectory().filter(|view| {
            let request = view.request.as_ref();
            !request.is_some_and(|request| matches!(request.model, Model::Bundled(_)))
        });
        let recipe = run.or(own.map(|view| &view.info.recipe)).unwrap_or(recipe);
        self.mine = recipe.schedule.clone();
        self.history.accept(&self.mine);
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
        renew(&mut self.curves, Some(&self.mine));
        renew(&mut self.other_curves, self.other.as_ref());
        renew(&mut self.ghost_curves, self.history.before(&self.mine));
    }

    /// What a sampler with the steps below would be asked.
    fn request(&self, state: &AppState) -> SampleRequest {
        let asked = state.trajectory().and_then(|view| view.request.clone());
        SampleRequest {
            steps: self.steps,
            spacing: self.spacing.clone(),
            schedule: None,
            ..asked.unwrap_or_default()
        }
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

/// Draws the curves of a schedule anew where it is another one.
fn renew(cache: &mut Cache, wanted: Option<&Spec>) {
    let is_same = cache.as_ref().map(|(spec, _)| spec) == wanted;
    if !is_same {
        *cache = wanted.map(|spec| (spec.clone(), Curves::new(spec).map(Rc::new)));
    }
}

fn drawn(cache: &Cache) -> Option<Rc<Curves>> {
    cache.as_ref()?.1.as_ref().ok().cloned()
}

fn consequences(
    ui: &mut Ui,
    state: &AppState,
    recipe: &Recipe,
    draft: &mut ScheduleDraft,
    curves: &Curves,
    out: &mut Vec<Action>,
) {
    let share = cursor(state).unwrap_or(draft.share);
    let told = told(state, recipe, draft);
    let (other, ghost) = (drawn(&draft.other_curves), drawn(&draft.ghost_curves));
    legend(ui, draft, ghost.is_some());
    let ticks = draft.ticks();
    let scene = Scene {
        mine: curves,
        other: other.as_deref(),
        ghost: ghost.as_deref(),
        share,
        ticks: &ticks,
    };
    let mut layout = std::mem::take(&mut draft.layout);
    let mut shown = panes::Shown {
        state,
        recipe,
        draft,
        scene,
        told: &told,
        wanted: None,
        out,
    };
    layout.show(ui, &mut shown);
    let wanted = shown.wanted;
    draft.layout = layout;
    if let Some(wanted) = wanted {
        draft.share = wanted;
        if let Some(index) = nearest_frame(state, wanted) {
            out.push(Action::Playback(PlaybackCommand::Seek(index)));
        }
    }
}

/// Traps that this schedule would be in the recipe, and with the steps of the sampler.
fn told(state: &AppState, recipe: &Recipe, draft: &ScheduleDraft) -> Vec<Advice> {
    let recipe = Recipe {
        schedule: draft.mine.clone(),
        ..recipe.clone()
    };
    lint::look(Settings {
        recipe: &recipe,
        request: Some(&draft.request(state)),
        data: about(state, &recipe),
    })
}

fn in_words(ui: &mut Ui, recipe: &Recipe, draft: &mut ScheduleDraft, told: &[Advice], out: &mut Vec<Action>) {
    if told.is_empty() {
        all_is_well(
            ui,
            "Starts clean, ends in noise, and the sampler covers it: nothing to worry about.",
        );
    }
    let can = |change: &Change| !matches!(change, Change::Sampler(_) | Change::Rescale(_));
    match advice_lines(ui, told, can) {
        Some(Change::Schedule(spec)) => draft.mine = spec,
        Some(Change::Spacing(spec)) => draft.spacing = spec,
        Some(Change::Steps(steps)) => draft.steps = steps,
        Some(change) => out.extend(change.of_recipe(recipe).map(|recipe| Action::Edit(Box::new(recipe)))),
        None => {}
    }
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
