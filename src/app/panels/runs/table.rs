//! The table of runs.

use std::{cmp::Ordering, sync::Arc};

use eframe::egui::{
    self, Align, Button, Color32, CursorIcon, Rect, Response, RichText, Role, ScrollArea, Sense, TextStyle, Ui,
    WidgetInfo, pos2, vec2,
};
use egui_material_icons::icons;

use super::{RunsDraft, is_training, line, line_rect, picture, remark, shot, texture};
use crate::{
    app::{
        action::Action,
        catalogue,
        runs::{Entry, Runs},
        state::AppState,
        theme::{self, Palette},
        widgets::button,
        words,
    },
    files::{Holder, Recipe, Summary},
};

/// Height of a row.
const ROW: f32 = 46.0;

/// Height of the line with the names of the columns.
const HEAD: f32 = 26.0;

/// Between two columns.
const GAP: f32 = 10.0;

/// What the table shows of a run, and can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// Worth finding again.
    Star,
    /// Name of the folder, and tags.
    Name,
    /// What it learned from.
    Data,
    /// In what its recipe differs from the chosen run's.
    Difference,
    /// Steps done and wanted.
    Steps,
    /// Time spent.
    Time,
    /// Lowest validation loss.
    Validation,
    /// Best figure of its samples.
    Figure,
    /// Space on the disk.
    Size,
    /// When it was trained last.
    #[default]
    Trained,
}

/// How the table is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    column: Column,
    is_reversed: bool,
}

struct Head {
    column: Column,
    label: &'static str,
    help: &'static str,
    width: f32,
    align: Align,
}

/// Columns in their order; the one without a width takes what is left.
const HEADS: [Head; 10] = [
    head(Column::Star, "", "Starred runs first", 22.0, Align::Min),
    head(Column::Name, "Run", "Name of the folder, and tags", 190.0, Align::Min),
    head(Column::Data, "Data", "What it learned from", 106.0, Align::Min),
    head(
        Column::Difference,
        "Difference",
        "In what its recipe differs from that of the chosen run",
        0.0,
        Align::Min,
    ),
    head(
        Column::Steps,
        "Steps",
        "Training steps done, and how many were wanted",
        62.0,
        Align::Max,
    ),
    head(Column::Time, "Time", "Time spent on training", 88.0, Align::Max),
    head(
        Column::Validation,
        "Validation",
        "Lowest loss on data that were not trained with; compare runs with equal target and data",
        70.0,
        Align::Max,
    ),
    head(
        Column::Figure,
        "Samples",
        "Best figure of its samples: Feature-Fréchet of pictures, energy distance of points; less is better",
        64.0,
        Align::Max,
    ),
    head(Column::Size, "Size", "Space on the disk", 64.0, Align::Max),
    head(Column::Trained, "Trained", "When it was saved last", 78.0, Align::Max),
];

const fn head(column: Column, label: &'static str, help: &'static str, width: f32, align: Align) -> Head {
    Head {
        column,
        label,
        help,
        width,
        align,
    }
}

impl Order {
    /// The same column again turns it round.
    fn press(&mut self, column: Column) {
        let is_reversed = self.column == column && !self.is_reversed;
        *self = Self { column, is_reversed };
    }
}

/// The runs that fit what is sought, in order.
pub(super) fn shown(runs: &Runs, draft: &RunsDraft) -> Vec<Arc<Entry>> {
    let wanted = draft.filter.to_lowercase();
    let fits = |entry: &&Arc<Entry>| {
        let remarks = entry.summary().map(|s| &s.remarks);
        let is_starred = remarks.is_some_and(|r| r.star);
        let is_archived = remarks.is_some_and(|r| r.archived);
        (!draft.starred || is_starred) && (draft.archived || !is_archived) && text_of(entry).contains(&wanted)
    };
    let mut found: Vec<_> = runs.entries.values().filter(fits).cloned().collect();
    let Order { column, is_reversed } = draft.sort;
    found.sort_by(|a, b| {
        let order = compare(column, a, b);
        let order = if is_reversed { order.reverse() } else { order };
        // Runs without a value come last either way.
        is_blank(column, a).cmp(&is_blank(column, b)).then(order)
    });
    found
}

/// What the filter looks through.
fn text_of(entry: &Entry) -> String {
    let mut text = entry.name();
    if let Some(summary) = entry.summary() {
        for part in [
            summary.recipe.data.source.as_str(),
            &catalogue::label(&summary.recipe.data.source),
            &summary.recipe.net.id,
            &summary.remarks.tags.join(" "),
            &summary.remarks.note,
        ] {
            text.push(' ');
            text.push_str(part);
        }
    }
    text.to_lowercase()
}

fn is_blank(column: Column, entry: &Entry) -> bool {
    let Some(summary) = entry.summary() else {
        return !matches!(column, Column::Name | Column::Size | Column::Trained);
    };
    match column {
        Column::Validation => summary.validation.is_none(),
        Column::Figure => summary.figure.is_none(),
        _ => false,
    }
}

/// What people want to see first: starred, newest, longest, best.
fn compare(column: Column, a: &Entry, b: &Entry) -> Ordering {
    let by = |key: fn(&Summary) -> f64| {
        let [a, b] = [a, b].map(|e| e.summary().map_or(f64::INFINITY, key));
        a.total_cmp(&b)
    };
    let text = |key: fn(&Summary) -> String| a.summary().map(key).cmp(&b.summary().map(key));
    let order = match column {
        Column::Star => by(|s| f64::from(u8::from(!s.remarks.star))),
        Column::Name => Ordering::Equal,
        Column::Data => text(|s| catalogue::label(&s.recipe.data.source)),
        Column::Difference => text(|s| format!("{:?}{:?}", s.recipe.net, s.recipe.target)),
        Column::Steps => by(|s| -(s.step as f64)),
        Column::Time => by(|s| -s.secs),
        Column::Validation => by(|s| s.validation.unwrap_or(f64::INFINITY)),
        Column::Figure => text(|s| s.figure.as_ref().map_or_else(String::new, |f| f.figure.clone()))
            .then(by(|s| s.figure.as_ref().map_or(f64::INFINITY, |f| f.value))),
        Column::Size => b.bytes.cmp(&a.bytes),
        Column::Trained => b.stamp.trained().cmp(&a.stamp.trained()),
    };
    order.then_with(|| natural(&a.name(), &b.name()))
}

/// `run-9` before `run-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = text.split_at(text.len() - digits);
        (stem.to_lowercase(), number.parse::<u64>().unwrap_or(0))
    };
    split(a).cmp(&split(b)).then_with(|| a.cmp(b))
}

/// Left and right of each column.
fn places(area: Rect) -> [Rect; HEADS.len()] {
    let fixed: f32 = HEADS.iter().map(|h| h.width).sum();
    let left_over = (area.width() - fixed - GAP * HEADS.len() as f32).max(60.0);
    let mut x = area.left() + GAP / 2.0;
    std::array::from_fn(|i| {
        let width = if HEADS[i].width > 0.0 {
            HEADS[i].width
        } else {
            left_over
        };
        let rect = Rect::from_min_size(pos2(x, area.top()), vec2(width, area.height()));
        x += width + GAP;
        rect
    })
}

pub(super) fn table(ui: &mut Ui, state: &AppState, shown: &[Arc<Entry>], draft: &mut RunsDraft, out: &mut Vec<Action>) {
    heads(ui, &mut draft.sort);
    let reference = draft.chosen(&state.runs).cloned();
    let wanted = draft
        .reveal
        .then(|| shown.iter().position(|e| Some(&e.folder) == draft.selected.first()))
        .flatten();
    draft.reveal = false;
    let mut list = ScrollArea::vertical().auto_shrink(false);
    if let Some(row) = wanted {
        list = list.vertical_scroll_offset(brought_into_view(draft.scrolled, row));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let scrolled = list.show_rows(ui, ROW, shown.len(), |ui, visible| {
        for entry in &shown[visible] {
            row(ui, state, entry, reference.as_deref(), draft, out);
        }
    });
    draft.scrolled = [scrolled.state.clamped_offset().y, scrolled.inner_rect.height()];
}

/// How far a list that is scrolled by `offset` and shows `height` is scrolled when a row has come into view.
fn brought_into_view([offset, height]: [f32; 2], row: usize) -> f32 {
    let top = row as f32 * ROW;
    offset.min(top).max(top + ROW - height)
}

fn heads(ui: &mut Ui, order: &mut Order) {
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEAD), Sense::hover());
    let palette = theme::palette(ui);
    for (head, place) in HEADS.iter().zip(places(area)) {
        let is_sorted = order.column == head.column;
        let arrow = match (is_sorted, order.is_reversed) {
            (false, _) => "",
            (true, false) => icons::ICON_ARROW_DOWNWARD.codepoint,
            (true, true) => icons::ICON_ARROW_UPWARD.codepoint,
        };
        let response = ui.interact(place, ui.scope_id().with(head.label), Sense::click());
        let ink = if is_sorted || response.hovered() {
            palette.text
        } else {
            palette.weak
        };
        line(ui, place, head.label, &TextStyle::Small, ink, head.align);
        if is_sorted {
            let font = egui::FontId::new(11.0, icons::ICON_ARROW_DOWNWARD.font_family());
            let width = ui.fonts_mut(|f| {
                f.layout_no_wrap(head.label.into(), TextStyle::Small.resolve(ui.style()), ink)
                    .size()
                    .x
            });
            let x = if head.align == Align::Max {
                place.right() - width - 8.0
            } else {
                place.left() + width + 8.0
            };
            ui.painter()
                .text(pos2(x, place.center().y), egui::Align2::CENTER_CENTER, arrow, font, ink);
        }
        let name = if head.label.is_empty() { "star" } else { head.label };
        button::name(&response, &format!("Sort by {}", name.to_lowercase()));
        if response
            .on_hover_cursor(CursorIcon::PointingHand)
            .on_hover_text(head.help)
            .clicked()
        {
            order.press(head.column);
        }
    }
    ui.painter()
        .hline(area.x_range(), area.bottom(), egui::Stroke::new(1.0, palette.line));
}

fn row(
    ui: &mut Ui,
    state: &AppState,
    entry: &Entry,
    reference: Option<&Entry>,
    draft: &mut RunsDraft,
    out: &mut Vec<Action>,
) {
    let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let is_chosen = draft.selected.contains(&entry.folder);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, entry.name()));
    let palette = theme::palette(ui);
    if is_chosen || response.hovered() || response.has_focus() {
        let fill = if is_chosen { palette.selected } else { palette.hover };
        ui.painter().rect_filled(area.shrink2(vec2(0.0, 1.0)), 6.0, fill);
    }
    let places = places(area);
    name_cell(ui, state, entry, places[1], draft, out);
    match &entry.found {
        Ok(summary) => {
            cells(ui, state, entry, summary, reference, &places);
            star(ui, entry, summary.remarks.star, places[0], out);
        }
        Err(reason) => {
            let wide = places[2].union(places[7]);
            line(ui, wide, reason, &TextStyle::Small, palette.bad, Align::Min);
        }
    }
    numbers(ui, places[8], &words::bytes(entry.bytes), palette.weak);
    let age = state.runs.age(entry).map_or_else(String::new, words::ago);
    line(ui, places[9], &age, &TextStyle::Small, palette.weak, Align::Max);
    let hover = hover_text(entry, reference);
    if response.clicked() {
        let several = ui.input(|i| i.modifiers.command || i.modifiers.shift);
        draft.choose(&entry.folder, several);
    }
    if response.double_clicked() && super::details::can_sample(entry).is_ok() {
        out.push(Action::Open(vec![entry.folder.clone()]));
    }
    response.on_hover_text_at_pointer(hover);
}

fn name_cell(ui: &Ui, state: &AppState, entry: &Entry, place: Rect, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let art = Rect::from_center_size(pos2(place.left() + 20.0, place.center().y), vec2(40.0, 40.0));
    let small = shot(entry, false).and_then(|shot| texture(ui, &state.runs, &mut draft.textures, &shot, out));
    picture(ui, art, small);
    let text = Rect::from_min_max(pos2(art.right() + 8.0, place.top()), place.max);
    let below = below_name(state, entry, palette);
    let top = if below.is_some() { 6.0 } else { 14.0 };
    line(
        ui,
        line_rect(text, top),
        &entry.name(),
        &TextStyle::Body,
        palette.text,
        Align::Min,
    );
    if let Some((words, ink)) = below {
        line(ui, line_rect(text, 24.0), &words, &TextStyle::Small, ink, Align::Min);
    }
}

/// What a run is doing, or its tags.
fn below_name(state: &AppState, entry: &Entry, palette: &Palette) -> Option<(String, Color32)> {
    if is_training(state, &entry.folder) {
        return Some(("training now".into(), palette.good));
    }
    let Some(summary) = entry.summary() else {
        return Some(("damaged".into(), palette.bad));
    };
    let is_ours = state.run.as_ref().is_some_and(|run| run.info.folder == entry.folder);
    let tags = summary.remarks.tags.join(", ");
    if entry.holder == Holder::Program && !is_ours {
        Some(("in use by another program".into(), palette.warn))
    } else if entry.is_interrupted() {
        Some(("interrupted".into(), palette.warn))
    } else if !summary.messages.is_empty() {
        Some(("partly damaged".into(), palette.warn))
    } else if summary.remarks.archived {
        Some((format!("archived {tags}"), palette.weak))
    } else {
        (!tags.is_empty()).then_some((tags, palette.accent))
    }
}

fn cells(
    ui: &Ui,
    state: &AppState,
    entry: &Entry,
    summary: &Summary,
    reference: Option<&Entry>,
    places: &[Rect; HEADS.len()],
) {
    let palette = theme::palette(ui);
    let data = catalogue::label(&summary.recipe.data.source);
    line(ui, places[2], &data, &TextStyle::Body, palette.text, Align::Min);
    let difference = match reference.and_then(Entry::summary) {
        Some(_) if reference.is_some_and(|r| r.folder == entry.folder) => "the chosen run".into(),
        Some(other) => short_difference(&summary.recipe, &other.recipe),
        None => String::new(),
    };
    line(ui, places[3], &difference, &TextStyle::Small, palette.weak, Align::Min);
    let live = state.run.as_ref().filter(|_| is_training(state, &entry.folder));
    let step = live.map_or(summary.step, |run| run.step);
    let ink = if summary.is_finished() {
        palette.text
    } else {
        palette.weak
    };
    numbers(ui, line_rect(places[4], 6.0), &words::count(step), ink);
    let wanted = format!("of {}", words::count(summary.recipe.train.steps));
    let place = line_rect(places[4], 24.0);
    line(ui, place, &wanted, &TextStyle::Small, palette.weak, Align::Max);
    let time = if summary.secs > 0.0 {
        words::duration(summary.secs)
    } else {
        "–".into()
    };
    numbers(ui, places[5], &time, palette.text);
    let figure = summary.figure.as_ref().map(|f| f.value);
    for (place, value) in [(places[6], summary.validation), (places[7], figure)] {
        numbers(
            ui,
            place,
            &value.map_or_else(|| "–".into(), words::number),
            palette.text,
        );
    }
}

fn numbers(ui: &Ui, place: Rect, text: &str, ink: Color32) {
    line(ui, place, text, &TextStyle::Monospace, ink, Align::Max);
}

fn star(ui: &mut Ui, entry: &Entry, is_starred: bool, place: Rect, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let ink = if is_starred { palette.warn } else { palette.edge };
    let icon = RichText::new(if is_starred { "★" } else { "☆" }).size(17.0).color(ink);
    let response: Response = ui.put(place, Button::new(icon).frame(false));
    let name = format!("Star {}", entry.name());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_starred, &name));
    if response.clicked() {
        out.extend(remark(entry, |remarks| remarks.star = !remarks.star));
    }
}

/// `lr 0.0003 · net unet`; what the run has that the other has not. The data have a column of their own.
fn short_difference(recipe: &Recipe, other: &Recipe) -> String {
    let all = recipe.differences(other);
    if all.is_empty() {
        return "same recipe".into();
    }
    let told = all.iter().filter(|d| d.key != "data.source");
    let told: Vec<_> = told
        .map(|d| {
            let name = d.key.rsplit('.').next().unwrap_or(&d.key);
            format!("{name} {}", d.ours.as_deref().unwrap_or("as usual"))
        })
        .collect();
    if told.is_empty() {
        "other data".into()
    } else {
        told.join(" · ")
    }
}

fn hover_text(entry: &Entry, reference: Option<&Entry>) -> String {
    let mut lines = vec![entry.folder.display().to_string()];
    match (&entry.found, reference.and_then(Entry::summary)) {
        (Err(reason), _) => lines.push(reason.clone()),
        (Ok(summary), other) => {
            lines.extend((!summary.remarks.note.is_empty()).then(|| summary.remarks.note.clone()));
            let all = other
                .map(|other| summary.recipe.differences(&other.recipe))
                .unwrap_or_default();
            lines.extend(all.iter().take(14).map(|d| {
                let [ours, theirs] = [&d.ours, &d.theirs].map(|v| v.as_deref().unwrap_or("as usual"));
                format!("{}: {theirs} → {ours}", d.key)
            }));
            lines.extend(summary.messages.iter().cloned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::panels::runs::tests::{entry, runs};

    #[test]
    fn numbers_in_names_count() {
        assert_eq!(natural("run-9", "run-10"), Ordering::Less);
        assert_eq!(natural("Moons-2", "moons-2"), Ordering::Less);
        assert_eq!(natural("a", "b-1"), Ordering::Less);
    }

    #[test]
    fn columns_sort_both_ways_and_blanks_stay_last() {
        let runs = runs([
            entry("a", |s| (s.step, s.validation) = (5, Some(0.3))),
            entry("b", |s| (s.step, s.validation) = (50, None)),
            entry("c", |s| (s.step, s.validation) = (20, Some(0.1))),
        ]);
        let mut draft = RunsDraft::default();
        let names = |draft: &RunsDraft| shown(&runs, draft).iter().map(|e| e.name()).collect::<String>();
        for (column, once, twice) in [
            (Column::Name, "abc", "cba"),
            (Column::Steps, "bca", "acb"),
            (Column::Validation, "cab", "acb"),
        ] {
            draft.sort.press(column);
            assert_eq!(names(&draft), once, "{column:?}");
            draft.sort.press(column);
            assert_eq!(names(&draft), twice, "{column:?}");
        }
    }

    #[test]
    fn the_filter_looks_at_names_tags_and_notes() {
        let runs = runs([
            entry("moons-0001", |s| s.remarks.note = "for the paper".into()),
            entry("rings-0001", |s| s.remarks.tags = vec!["Paper".into()]),
            entry("old", |s| s.remarks.archived = true),
            entry("best", |s| s.remarks.star = true),
        ]);
        let mut draft = RunsDraft::default();
        let count = |draft: &RunsDraft| shown(&runs, draft).len();
        assert_eq!(count(&draft), 3);
        draft.filter = "PAPER".into();
        assert_eq!(count(&draft), 2);
        draft.filter.clear();
        draft.starred = true;
        assert_eq!(count(&draft), 1);
        (draft.starred, draft.archived) = (false, true);
        assert_eq!(count(&draft), 4);
    }

    #[test]
    fn rows_come_into_view_with_the_least_scrolling() {
        let height = 3.0 * ROW;
        let scrolled = |offset: f32, row| brought_into_view([offset * ROW, height], row) / ROW;
        assert_eq!(
            [scrolled(0.0, 2), scrolled(0.0, 3), scrolled(5.0, 1), scrolled(5.0, 6)],
            [0.0, 1.0, 1.0, 5.0]
        );
    }

    #[test]
    fn differences_are_short() {
        let mut recipe = Recipe::default();
        assert_eq!(short_difference(&recipe, &Recipe::default()), "same recipe");
        recipe.data.source = "rings".into();
        assert_eq!(short_difference(&recipe, &Recipe::default()), "other data");
        recipe.train.lr = 0.5;
        assert_eq!(short_difference(&recipe, &Recipe::default()), "lr 0.5");
    }
}
