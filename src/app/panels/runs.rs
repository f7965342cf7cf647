//! All runs on disk: a table, what the chosen run is, and the losses of those that are compared.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use eframe::egui::{
    self, Align, CentralPanel, Frame as Pane, Key, Layout, Margin, Panel, RichText, Role, ScrollArea, TextEdit,
    TextureHandle, TextureOptions, Ui, vec2,
};
use egui_material_icons::icons;
use egui_plot::{Legend, Line};

use super::plots::{decades, even, hovered, plot, steps_axis};
use crate::{
    app::{
        action::{Action, Browse, Workspace},
        keys::{self, Does},
        runs::{Entry, Lazy, Runs, Shot},
        shelf::{Change, Errand},
        state::AppState,
        theme,
        widgets::button,
        words,
    },
    files::Remarks,
};

mod details;
mod table;

pub use table::Column;

/// Curves that are drawn over one another.
const MOST_CURVES: usize = 6;

/// A curve is drawn with at most two points in each of these columns.
const COLUMNS: usize = 400;

/// Textures that are kept.
const TEXTURES: usize = 600;

/// What is chosen, sought and half-typed.
#[derive(Default)]
pub struct RunsDraft {
    /// Chosen runs; the first is the one that others are compared with and that buttons act on.
    selected: Vec<PathBuf>,
    filter: String,
    starred: bool,
    archived: bool,
    sort: table::Order,
    details: details::DetailsDraft,
    textures: BTreeMap<Shot, TextureHandle>,
    linear: bool,
    /// The chosen row is to be brought into view.
    reveal: bool,
    /// How far the table is scrolled, and its height.
    scrolled: [f32; 2],
}

impl std::fmt::Debug for RunsDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunsDraft")
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}

impl RunsDraft {
    /// A run got another name, or a copy.
    pub fn moved(&mut self, from: &Path, to: Option<&Path>) {
        match (self.selected.iter_mut().find(|folder| *folder == from), to) {
            (Some(folder), Some(to)) => to.clone_into(folder),
            (Some(_), None) => self.selected.retain(|folder| folder != from),
            (None, _) => {}
        }
    }

    /// The run that buttons act on.
    fn chosen<'a>(&self, runs: &'a Runs) -> Option<&'a Arc<Entry>> {
        self.selected.first().and_then(|folder| runs.entries.get(folder))
    }

    fn choose(&mut self, folder: &Path, and_others: bool) {
        let place = self.selected.iter().position(|chosen| chosen == folder);
        match (place, and_others) {
            (Some(place), true) => drop(self.selected.remove(place)),
            (None, true) => self.selected.push(folder.to_owned()),
            (_, false) => self.selected = vec![folder.to_owned()],
        }
    }
}

/// Whether the run in the Lab is the one in this folder, and still under way.
fn is_training(state: &AppState, folder: &Path) -> bool {
    let here = state.run.as_ref().filter(|run| run.state.is_live());
    here.is_some_and(|run| run.info.folder == folder)
}

/// Why a run cannot be changed now.
fn obstacle(state: &AppState, entry: &Entry) -> Result<(), &'static str> {
    let is_ours = state.run.as_ref().is_some_and(|run| run.info.folder == entry.folder);
    if is_training(state, &entry.folder) {
        Err("It is being trained; stop it in the Lab first")
    } else if entry.holder == crate::files::Holder::Program && !is_ours {
        Err("Another program trains it")
    } else if state.runs.changing.contains(&entry.folder) {
        Err("It is being changed")
    } else {
        Ok(())
    }
}

/// All runs on disk.
pub fn runs_panel(ui: &mut Ui, state: &AppState, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    let shown = table::shown(&state.runs, draft);
    draft.selected.retain(|folder| state.runs.entries.contains_key(folder));
    if draft.selected.is_empty()
        && let Some(first) = shown.first()
    {
        draft.choose(&first.folder, false);
    }
    table_keys(ui, state, &shown, draft, out);
    if state.runs.entries.is_empty() {
        return nothing(ui, state, out);
    }
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::right("run")
        .frame(pane)
        .default_size(300.0)
        .size_range(260.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| details::details(ui, state, draft, out));
        });
    let pane = Pane::new().inner_margin(Margin::symmetric(12, 8));
    Panel::bottom("losses of runs")
        .frame(pane)
        .default_size(210.0)
        .size_range(120.0..=420.0)
        .show(ui, |ui| losses(ui, &state.runs, draft, out));
    CentralPanel::default().frame(pane).show(ui, |ui| {
        toolbar(ui, state, draft, out);
        ui.add_space(4.0);
        if shown.is_empty() {
            none_fits(ui, draft);
        } else {
            table::table(ui, state, &shown, draft, out);
        }
    });
}

fn table_keys(ui: &Ui, state: &AppState, shown: &[Arc<Entry>], draft: &mut RunsDraft, out: &mut Vec<Action>) {
    let place = draft
        .selected
        .first()
        .and_then(|f| shown.iter().position(|e| e.folder == *f));
    let pressed = |does| keys::pressed(ui.ctx(), does);
    let next = match place {
        _ if shown.is_empty() => None,
        Some(i) if pressed(Does::Above) => Some(i.saturating_sub(1)),
        Some(i) if pressed(Does::Below) => Some((i + 1).min(shown.len() - 1)),
        None if pressed(Does::Above) || pressed(Does::Below) => Some(0),
        _ => None,
    };
    if let Some(next) = next {
        draft.choose(&shown[next].folder, false);
        draft.reveal = true;
    }
    let Some(entry) = draft.chosen(&state.runs) else { return };
    if pressed(Does::Enter) && details::can_continue(state, entry).is_ok() {
        out.push(Action::Continue(entry.folder.clone(), None));
    }
    if pressed(Does::Go) && details::can_sample(entry).is_ok() {
        out.push(Action::Open(vec![entry.folder.clone()]));
    }
    if pressed(Does::Remove) && obstacle(state, entry).is_ok() {
        // The run below takes its place, so that several can be gone through.
        if let Some(i) = place
            && let Some(heir) = shown.get(i + 1).or_else(|| shown.get(i.wrapping_sub(1)))
        {
            draft.selected = vec![heir.folder.clone()];
        }
        out.push(change(entry, Change::Remove));
    }
}

fn change(entry: &Entry, change: Change) -> Action {
    Action::Shelf(Errand::Change(entry.folder.clone(), change))
}

fn remark(entry: &Entry, edit: impl FnOnce(&mut Remarks)) -> Option<Action> {
    let mut remarks = entry.summary()?.remarks.clone();
    edit(&mut remarks);
    Some(change(entry, Change::Remarks(remarks)))
}

/// There are no runs, or nobody knows yet.
fn nothing(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.34).max(20.0));
        ui.set_max_width(460.0);
        if state.runs.looked.is_none() {
            ui.label(theme::heading("Looking for runs…"));
            return;
        }
        ui.label(theme::title("Every run is kept here"));
        ui.add_space(6.0);
        let home = state
            .runs
            .home
            .as_deref()
            .map_or_else(String::new, |home| format!(" New ones go to {}.", home.display()));
        let text =
            format!("Whatever is trained is saved by itself, can be continued, compared and sampled from.{home}");
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
        ui.add_space(10.0);
        if button::primary(ui, icons::ICON_SCIENCE, "Train a first model", Ok(())).clicked() {
            out.push(Action::Show(Workspace::Lab));
        }
        ui.add_space(4.0);
        if button::icon_text(ui, icons::ICON_CREATE_NEW_FOLDER, "Add a folder with runs").clicked() {
            out.push(Action::Browse(Browse::Runs));
        }
    });
}

fn none_fits(ui: &mut Ui, draft: &mut RunsDraft) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.3);
        ui.label(theme::heading("No run fits"));
        ui.label(theme::caption(ui, "Another word, or fewer conditions, may find it."));
        ui.add_space(6.0);
        if button::icon_text(ui, icons::ICON_CLOSE, "Show all runs").clicked() {
            draft.filter.clear();
            (draft.starred, draft.archived) = (false, true);
        }
    });
}

fn toolbar(ui: &mut Ui, state: &AppState, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(&mut draft.filter)
            .hint_text("name, data, tag or note")
            .desired_width(190.0);
        let field = ui.add(field);
        button::name_as(&field, Role::TextInput, "Find runs");
        if field.has_focus() && ui.input(|i| i.key_pressed(Key::Escape)) {
            draft.filter.clear();
        }
        ui.toggle_value(&mut draft.starred, (icons::ICON_STAR.rich_text(), "Starred"))
            .on_hover_text("Only runs with a star");
        ui.toggle_value(&mut draft.archived, (icons::ICON_ARCHIVE.rich_text(), "Archived"))
            .on_hover_text("Runs that were put away, too");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button::icon(ui, icons::ICON_REFRESH, "Look again").clicked() {
                out.push(Action::LookAtRuns);
            }
            if button::icon(ui, icons::ICON_CREATE_NEW_FOLDER, "Add a folder with runs").clicked() {
                out.push(Action::Browse(Browse::Runs));
            }
            let space = ui.label(theme::caption(ui, space(&state.runs)));
            if let Some(home) = &state.runs.home {
                space.on_hover_text(home.display().to_string());
            }
            if !state.runs.changing.is_empty() {
                ui.spinner();
            }
        });
    });
}

/// `12 runs · 1.2 GiB, 55 GiB free`.
fn space(runs: &Runs) -> String {
    let count = runs.entries.len();
    let noun = if count == 1 { "run" } else { "runs" };
    let free = runs
        .free
        .map_or_else(String::new, |free| format!(", {} free", words::bytes(free)));
    format!("{count} {noun} · {}{free}", words::bytes(runs.bytes()))
}

/// The losses of the chosen runs over one another.
fn losses(ui: &mut Ui, runs: &Runs, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    let chosen: Vec<_> = draft
        .selected
        .iter()
        .filter_map(|folder| runs.entries.get(folder))
        .filter(|entry| entry.found.is_ok())
        .collect();
    ui.horizontal(|ui| {
        ui.label(theme::heading("Loss"));
        ui.label(theme::caption(ui, hint(chosen.len())));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut log = !draft.linear;
            ui.toggle_value(&mut log, "log").on_hover_text("Logarithmic axis");
            draft.linear = !log;
        });
    });
    let palette = theme::palette(ui);
    let inks = [
        palette.curve,
        palette.sample,
        palette.good,
        palette.noise,
        palette.warn,
        palette.curve_other,
    ];
    let log = !draft.linear;
    let scale = move |loss: f64| if log { loss.max(1e-12).log10() } else { loss };
    let unscale = move |y: f64| if log { 10.0_f64.powf(y) } else { y };
    let mut lines = Vec::new();
    for (entry, ink) in chosen.into_iter().zip(inks) {
        if runs.wants_curve(entry) {
            out.push(Action::Shelf(Errand::Curve(entry.folder.clone(), entry.stamp.clone())));
        }
        let Some(curve) = runs.curve(&entry.folder).and_then(Lazy::get) else {
            continue;
        };
        let Some((from, to)) = curve.x_range() else { continue };
        let smooth = curve.drawn_smooth(from, to, COLUMNS);
        let points: Vec<_> = smooth.into_iter().map(|[x, y]| [x, scale(y)]).collect();
        lines.push(Line::new(entry.name(), points).color(ink).width(2.0));
    }
    if lines.is_empty() {
        ui.centered_and_justified(|ui| ui.label(theme::caption(ui, "The loss over the steps appears here.")));
        return;
    }
    plot(ui, "losses of runs", ui.available_height())
        .legend(
            Legend::default()
                .text_style(egui::TextStyle::Small)
                .background_alpha(0.6),
        )
        .y_grid_spacer(move |input| if log { decades(&input) } else { even(&input) })
        .y_axis_formatter(move |mark, _| words::number(unscale(mark.value)))
        .x_axis_formatter(steps_axis)
        .label_formatter(move |at| {
            let p = hovered(at);
            let step = words::count(p.x.max(0.0) as u64);
            Some(format!("step {step}\n{}", words::number(unscale(p.y))))
        })
        .show(ui, |plot| lines.into_iter().for_each(|line| plot.line(line)));
}

fn hint(chosen: usize) -> &'static str {
    match chosen {
        0 | 1 => "smoothed; Ctrl+click further runs to compare them",
        2..=MOST_CURVES => "smoothed",
        _ => "smoothed, of the first six",
    }
}

/// The texture of a picture of a run; asks for it where it was not yet.
pub(super) fn texture<'a>(
    ui: &Ui,
    runs: &Runs,
    textures: &'a mut BTreeMap<Shot, TextureHandle>,
    shot: &Shot,
    out: &mut Vec<Action>,
) -> Option<&'a TextureHandle> {
    match runs.shots.get(shot) {
        None => out.push(Action::Shelf(Errand::Shot(shot.clone()))),
        Some(read) if !textures.contains_key(shot) => {
            let image = read.get()?.clone();
            if textures.len() >= TEXTURES {
                textures.clear();
            }
            let texture = ui.ctx().load_texture("run", image, TextureOptions::LINEAR);
            textures.insert(shot.clone(), texture);
        }
        Some(_) => {}
    }
    textures.get(shot)
}

/// The picture of an entry, in the size of a row or larger.
pub(super) fn shot(entry: &Entry, is_large: bool) -> Option<Shot> {
    let summary = entry.summary()?;
    let is_sheet = matches!(summary.domain, Some(crate::math::Domain::Image { .. }));
    Some(Shot {
        path: summary.preview.clone()?,
        samples: if is_sheet { summary.recipe.preview.count } else { 1 },
        is_large,
    })
}

/// Largest size of these proportions within a square.
fn within(size: egui::Vec2, side: f32) -> egui::Vec2 {
    size * (side / size.max_elem().max(1.0))
}

/// A square with a picture in the middle, or the sign that there is none.
pub(super) fn picture(ui: &Ui, area: egui::Rect, texture: Option<&TextureHandle>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(area, 4.0, palette.sunken);
    let Some(texture) = texture else { return };
    let size = within(texture.size_vec2(), area.width().min(area.height()));
    let place = egui::Rect::from_center_size(area.center(), size);
    let uv = egui::Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
    ui.painter().image(texture.id(), place, uv, egui::Color32::WHITE);
}

/// A line of text in a given place, cut where it ends.
fn line(ui: &Ui, place: egui::Rect, text: &str, style: &egui::TextStyle, ink: egui::Color32, align: Align) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.into(), style.resolve(ui.style()), ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(place.width());
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let left = match align {
        Align::Max => place.right() - galley.size().x,
        Align::Center => place.center().x - galley.size().x / 2.0,
        Align::Min => place.left(),
    };
    let at = egui::pos2(left, place.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, ink);
}

/// Room for a line of text.
fn line_rect(area: egui::Rect, top: f32) -> egui::Rect {
    egui::Rect::from_min_size(egui::pos2(area.left(), area.top() + top), vec2(area.width(), 18.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Holder, Recipe, Summary, summary::Stamp};

    /// A run that was given a few facts.
    pub(super) fn entry(name: &str, facts: impl FnOnce(&mut Summary)) -> Entry {
        let mut summary = Summary {
            recipe: Recipe::default(),
            step: 0,
            secs: 0.0,
            validation: None,
            figure: None,
            domain: None,
            checkpoints: Vec::new(),
            preview: None,
            remarks: Remarks::default(),
            messages: Vec::new(),
        };
        facts(&mut summary);
        Entry {
            folder: name.into(),
            stamp: Stamp::default(),
            bytes: 10,
            holder: Holder::Nobody,
            found: Ok(summary),
        }
    }

    pub(super) fn runs<const N: usize>(entries: [Entry; N]) -> Runs {
        let mut runs = Runs::default();
        for entry in entries {
            runs.put(Arc::new(entry));
        }
        runs
    }

    #[test]
    fn a_choice_follows_a_run_that_is_renamed_and_lets_go_of_one_that_is_gone() {
        let mut draft = RunsDraft::default();
        draft.choose(Path::new("a"), false);
        draft.choose(Path::new("b"), true);
        draft.moved(Path::new("a"), Some(Path::new("c")));
        assert_eq!(draft.selected, [PathBuf::from("c"), "b".into()]);
        draft.moved(Path::new("c"), None);
        assert_eq!(draft.selected, [PathBuf::from("b")]);
        draft.choose(Path::new("b"), true);
        assert!(draft.selected.is_empty());
    }
}
