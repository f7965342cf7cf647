//! Two to four trajectories at the same noise level, seen beside, over and after one another.

use std::collections::BTreeMap;

use eframe::egui::{
    self, Align, CentralPanel, Color32, Frame as Pane, Layout, Margin, Panel, RichText, ScrollArea, Ui, vec2,
};
use egui_material_icons::icons;

use super::{
    sample_form::ModelDraft,
    time_bar::{clock_keys, time_bar_panel},
    trajectory::called,
};
use crate::{
    app::{
        action::Action,
        export::{Content, Saving},
        playback::PlaybackCommand,
        state::AppState,
        theme::{self, Palette},
        trajectories::TrajectoryView,
        widgets::{
            aspect::Aspect,
            button,
            cloud::{Clouds, Sprite},
            form,
            pictures::{Lens, Pictures},
        },
    },
    engine::{
        TrajectoryId,
        export::{Beside, Facet, Shown},
    },
    math::{Domain, linked::Track},
};

mod choice;
mod difference;
mod figures;
mod show;

use difference::DifferenceDraft;
use figures::{FiguresDraft, figures};
use show::{Mode, Wish};

/// Trajectories that are looked at together.
const MOST: usize = 4;

/// Their names, by which they are told apart without colours.
const LETTERS: [&str; MOST] = ["A", "B", "C", "D"];

/// What is compared, how it is looked at, and caches of this panel.
#[derive(Debug)]
pub struct CompareDraft {
    /// Chosen by hand, the reference first; `None` for the last two of one kind.
    chosen: Option<Vec<TrajectoryId>>,
    model: ModelDraft,
    seed: u64,
    mode: Mode,
    aspect: Aspect,
    /// Which of the others is looked at where there is room for one, from 1.
    other: usize,
    /// Cursors of their own, where the lock is open.
    free: Option<BTreeMap<TrajectoryId, usize>>,
    lens: Lens,
    /// Where the picture is split, as a share of its width.
    divider: f32,
    panes: BTreeMap<TrajectoryId, Uploads>,
    difference: DifferenceDraft,
    sprite: Sprite,
    figures: FiguresDraft,
    tracks: BTreeMap<TrajectoryId, Known>,
}

impl Default for CompareDraft {
    fn default() -> Self {
        Self {
            chosen: None,
            model: ModelDraft::default(),
            seed: 1,
            mode: Mode::Side,
            aspect: Aspect::Clean,
            other: 1,
            free: None,
            lens: Lens::default(),
            divider: 0.5,
            panes: BTreeMap::new(),
            difference: DifferenceDraft::default(),
            sprite: Sprite::default(),
            figures: FiguresDraft::default(),
            tracks: BTreeMap::new(),
        }
    }
}

/// What a trajectory looks like on the graphics card.
#[derive(Debug, Default)]
struct Uploads {
    pictures: Pictures,
    clouds: Clouds,
}

/// The levels of the steps that a trajectory had when they were looked at.
#[derive(Debug, Default)]
struct Known {
    kept: usize,
    stride: usize,
    track: Track,
}

impl Known {
    fn of(view: &TrajectoryView) -> Self {
        let levels = view.steps.iter().map(|step| (step.index, step.level));
        Self {
            kept: view.steps.len(),
            stride: view.stride,
            track: Track::new(levels, view.info.moves),
        }
    }
}

/// A chosen trajectory at its cursor.
#[derive(Clone, Copy, Debug)]
struct Seen<'a> {
    view: &'a TrajectoryView,
    letter: &'static str,
    ink: Color32,
    /// Index of the step under its cursor.
    index: usize,
    /// The time bar goes through its steps.
    leads: bool,
    /// It has not come to the noise level of the one that leads.
    is_behind: bool,
}

impl Seen<'_> {
    /// `A: DDIM · 20 steps · seed 1`.
    fn name(&self) -> String {
        format!("{}: {}", self.letter, called(self.view))
    }
}

/// The trajectory whose steps the time bar goes through: the present one, or else the reference.
fn lead(state: &AppState, views: &[&TrajectoryView]) -> Option<TrajectoryId> {
    let current = views.iter().find(|view| state.current == Some(view.info.id));
    current.or(views.first()).map(|view| view.info.id)
}

/// The colours that go with the letters.
fn inks(palette: &Palette) -> [Color32; MOST] {
    [palette.curve, palette.sample, palette.good, palette.noise]
}

impl CompareDraft {
    /// The trajectories that are compared: those chosen by hand as far as they are still there, or else the last two
    /// of one kind.
    fn views<'a>(&mut self, state: &'a AppState) -> Vec<&'a TrajectoryView> {
        if let Some(chosen) = &mut self.chosen {
            chosen.retain(|id| state.trajectories.get(*id).is_some());
        }
        self.chosen = self.chosen.take().filter(|chosen| !chosen.is_empty());
        if let Some(chosen) = &self.chosen {
            return chosen.iter().filter_map(|id| state.trajectories.get(*id)).collect();
        }
        // What the newest one cannot be measured against is compared by hand only.
        let mut newest_first = state.trajectories.iter().rev();
        let Some(newest) = newest_first.next() else {
            return Vec::new();
        };
        let alike = newest_first.find(|view| view.info.domain == newest.info.domain);
        alike.into_iter().chain([newest]).collect()
    }

    /// Sees each trajectory at its cursor. Those without steps are left out.
    fn look<'a>(&mut self, ui: &Ui, state: &'a AppState, views: &[&'a TrajectoryView]) -> Vec<Seen<'a>> {
        self.learn(views);
        let lead = lead(state, views);
        let inks = inks(theme::palette(ui));
        let mark = lead.and_then(|lead| self.tracks.get(&lead)?.track.at(state.playback.index()));
        let named = views.iter().zip(LETTERS).zip(inks);
        let seen = named.filter_map(|((view, letter), ink)| {
            let id = view.info.id;
            let (own, leads) = (&self.tracks.get(&id)?.track, Some(id) == lead);
            let free = self.free.as_ref().and_then(|free| free.get(&id)).filter(|_| !leads);
            Some(Seen {
                view,
                letter,
                ink,
                index: match free {
                    Some(index) => own.at(*index)?.index,
                    None if leads => own.at(state.playback.index())?.index,
                    None => own.nearest(mark?)?.index,
                },
                leads,
                is_behind: free.is_none() && !view.ended && !own.reaches(mark?),
            })
        });
        seen.collect()
    }

    /// Where `to` is as noisy as `from` at a step.
    fn linked(&self, index: usize, from: TrajectoryId, to: TrajectoryId) -> Option<usize> {
        let mark = self.tracks.get(&from)?.track.at(index)?;
        Some(self.tracks.get(&to)?.track.nearest(mark)?.index)
    }

    /// Forgets what is no longer compared, and looks at the levels of what has more steps than before, or fewer.
    fn learn(&mut self, views: &[&TrajectoryView]) {
        let is_shown = |id: &TrajectoryId| views.iter().any(|view| view.info.id == *id);
        self.tracks.retain(|id, _| is_shown(id));
        self.panes.retain(|id, _| is_shown(id));
        for view in views {
            let known = self.tracks.entry(view.info.id).or_default();
            if (known.kept, known.stride) != (view.steps.len(), view.stride) {
                *known = Known::of(view);
            }
        }
    }

    /// Opens the lock, with each cursor where it is, or closes it.
    fn set_linked(&mut self, linked: bool, seen: &[Seen<'_>]) {
        let cursors = || seen.iter().map(|seen| (seen.view.info.id, seen.index)).collect();
        self.free = (!linked).then(cursors);
    }

    /// Someone asked for a frame of one of them: its own cursor goes there, or all of them to that noise level.
    fn seek(&mut self, state: &AppState, lead: TrajectoryId, id: TrajectoryId, index: usize, out: &mut Vec<Action>) {
        if let Some(free) = &mut self.free
            && id != lead
        {
            let last = state
                .trajectories
                .get(id)
                .map_or(0, |view| view.reached().saturating_sub(1));
            free.insert(id, index.min(last));
        } else if let Some(index) = self.linked(index, id, lead) {
            out.push(Action::Playback(PlaybackCommand::Seek(index)));
        }
    }
}

/// Two to four trajectories at the same noise level.
pub fn compare_panel(ui: &mut Ui, state: &AppState, draft: &mut CompareDraft, out: &mut Vec<Action>) {
    clock_keys(ui, state, out);
    let views = draft.views(state);
    let lead = lead(state, &views);
    if let Some(lead) = lead.filter(|lead| state.current != Some(*lead)) {
        out.push(Action::Select(lead));
    }
    Panel::bottom("time bar")
        .resizable(false)
        .show(ui, |ui| time_bar_panel(ui, state, out));
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::left("compared trajectories")
        .frame(pane)
        .default_size(280.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                choice::list(ui, state, draft, &views);
                choice::preset(ui, state, draft, out);
            });
        });
    let seen = draft.look(ui, state, &views);
    CentralPanel::default().frame(pane).show(ui, |ui| match lead {
        Some(lead) if views.len() > 1 && seen.len() == views.len() => filled(ui, state, draft, lead, &seen, out),
        Some(_) if views.len() > 1 || !state.asked.is_empty() => waiting(ui),
        _ => empty(ui, state, draft, views.len(), out),
    });
}

fn middle(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).max(20.0));
        ui.set_max_width(480.0);
        contents(ui);
    });
}

fn empty(ui: &mut Ui, state: &AppState, draft: &mut CompareDraft, chosen: usize, out: &mut Vec<Action>) {
    middle(ui, |ui| {
        let title = if chosen == 0 {
            "See what a setting changes"
        } else {
            "Choose a second trajectory"
        };
        ui.label(theme::title(title));
        ui.add_space(6.0);
        let text = "Two to four trajectories run here side by side, always at the same noise level, whatever their \
                    steps and schedules. With the same seed they begin in the same noise, so all that differs comes \
                    from the settings. For a beginning, see what twenty steps leave of a thousand:";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
        ui.add_space(10.0);
        choice::preset_button(ui, state, draft, out);
    });
}

fn waiting(ui: &mut Ui) {
    middle(ui, |ui| {
        ui.label(theme::heading("Preparing the network"));
        let text = "Each trajectory appears as soon as its first step is made.";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
    });
}

fn filled(
    ui: &mut Ui,
    state: &AppState,
    draft: &mut CompareDraft,
    lead: TrajectoryId,
    seen: &[Seen<'_>],
    out: &mut Vec<Action>,
) {
    draft.other = draft.other.clamp(1, seen.len() - 1);
    if draft.mode.available(seen).is_err() {
        draft.mode = Mode::Side;
    }
    toolbar(ui, draft, seen, out);
    choice::differences(ui, seen);
    ui.add_space(2.0);
    let pane = Pane::new().inner_margin(Margin { top: 8, ..Margin::ZERO });
    let measured = Panel::bottom("figures")
        .frame(pane)
        .default_size(160.0)
        .size_range(110.0..=360.0)
        .show(ui, |ui| figures(ui, draft, seen));
    match show::show(ui, draft, seen).or(measured.inner) {
        Some(Wish::Seek(id, index)) => draft.seek(state, lead, id, index, out),
        Some(Wish::Lead(id, index)) => {
            // Free cursors stay where they are, that of the one that led among them.
            draft.set_linked(draft.free.is_none(), seen);
            out.push(Action::Select(id));
            out.push(Action::Playback(PlaybackCommand::Seek(index)));
        }
        None => {}
    }
}

fn toolbar(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>], out: &mut Vec<Action>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        film(ui, draft, seen, out);
        if draft.lens.zoom != 1.0 && button::icon(ui, icons::ICON_FIT_SCREEN, "Fit everything").clicked() {
            draft.lens.fit();
        }
        samples(ui, draft, seen);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for mode in Mode::ALL {
                let available = mode.available(seen);
                ui.add_enabled_ui(available.is_ok(), |ui| {
                    ui.selectable_value(&mut draft.mode, mode, mode.label())
                        .on_hover_text(mode.help())
                        .on_disabled_hover_text(available.err().unwrap_or_default());
                });
            }
            ui.add_space(8.0);
            others(ui, draft, seen);
            ui.add_space(6.0);
            aspects(ui, draft);
            lock(ui, draft, seen);
        });
    });
}

/// Writes them as one film, side by side whatever the present way to look at them.
fn film(ui: &mut Ui, draft: &CompareDraft, seen: &[Seen<'_>], out: &mut Vec<Action>) {
    let is_over = seen.iter().all(|seen| seen.view.ended);
    let can = if is_over { Ok(()) } else { Err("Wait for the last step") };
    let pressed = button::icon_if(ui, icons::ICON_MOVIE, "Export a film side by side", can);
    if !pressed
        .on_hover_text("All of them in one GIF or APNG, at the same noise level in each frame")
        .clicked()
    {
        return;
    }
    let shown = |seen: &Seen<'_>| Shown {
        info: seen.view.info.clone(),
        steps: seen.view.steps.clone(),
    };
    let film = Beside {
        parts: seen.iter().map(|seen| (seen.name(), shown(seen))).collect(),
        sample: draft.lens.solo.then_some(draft.lens.selected.unwrap_or(0)),
        facet: match draft.aspect {
            Aspect::Clean => Facet::Clean,
            Aspect::Noise => Facet::Noise,
            Aspect::State | Aspect::Change => Facet::State,
        },
    };
    out.push(Action::Save(Box::new(Saving {
        title: "Export a film side by side".into(),
        name: "compared.gif".into(),
        content: Content::Film(Box::new(film)),
    })));
}

/// Which one is looked at beside the reference.
fn others(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) {
    if seen.len() < 3 || !draft.mode.is_of_two() {
        return;
    }
    for (i, other) in seen.iter().enumerate().skip(1) {
        let text = RichText::new(other.letter).family(theme::strong()).color(other.ink);
        ui.selectable_value(&mut draft.other, i, text).on_hover_text(format!(
            "Beside {}: {}",
            seen[0].letter,
            other.name()
        ));
    }
}

fn aspects(ui: &mut Ui, draft: &mut CompareDraft) {
    let options = [Aspect::State, Aspect::Clean, Aspect::Noise].map(|aspect| (aspect, aspect.label()));
    ui.allocate_ui(vec2(124.0, 26.0), |ui| {
        let response = form::choice(ui, "aspect", &mut draft.aspect, &options).on_hover_text(draft.aspect.help());
        button::name_as(&response, egui::Role::ComboBox, "What is compared");
    });
}

fn lock(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) {
    let (icon, name, help) = if draft.free.is_none() {
        let help = "The cursors stand at the same noise level. Press to move each on its own.";
        (icons::ICON_LINK, "Linked cursors", help)
    } else {
        let help = "Each cursor stands where you put it. Press to bring all to the same noise level.";
        (icons::ICON_LINK_OFF, "Free cursors", help)
    };
    if button::icon(ui, icon, name).on_hover_text(help).clicked() {
        draft.set_linked(draft.free.is_some(), seen);
    }
}

/// All samples, or one of them large.
fn samples(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) {
    let is_of_pictures = seen.iter().all(|seen| seen.view.info.domain != Domain::Points);
    if !is_of_pictures || seen.iter().all(|seen| seen.view.info.count < 2) {
        return;
    }
    let sample = draft.lens.selected.unwrap_or(0);
    ui.selectable_value(&mut draft.lens.solo, true, format!("Sample {}", sample + 1))
        .on_hover_text("Only the selected sample, large; a double click does the same");
    ui.selectable_value(&mut draft.lens.solo, false, "All")
        .on_hover_text("All samples");
}
