//! What is learned from: every sample, and what can be said about all of them.

use std::{path::PathBuf, time::Duration};

use eframe::egui::{self, Align, Frame, Layout, Margin, RichText, ScrollArea, Sense, TextEdit, Ui, vec2};
use egui_material_icons::icons::{
    ICON_CLOSE, ICON_CONTENT_PASTE, ICON_ERROR, ICON_FILE_OPEN, ICON_FOLDER_OPEN, ICON_REFRESH, ICON_SCIENCE,
    ICON_WARNING,
};

use crate::{
    app::{
        action::{Action, Browse, Workspace},
        catalogue,
        panels::{
            likelihood::{LikelihoodDraft, likelihood_card},
            recipe::RecipeDraft,
            status,
        },
        quantities::data as known,
        state::{AppState, DataView},
        theme,
        widgets::{button, colour::colour_button, form, number::number, samples::SampleGrid},
        words,
    },
    data::{Dataset, Progress},
    engine::event::DataSummary,
    files::recipe::{Colour, DataRecipe, Fit},
    math::Domain,
};

/// Left-out files listed at most.
const LISTED: usize = 200;

/// Typed path and caches.
#[derive(Debug, Default)]
pub struct DataDraft {
    path: String,
    grid: SampleGrid,
    likelihood: LikelihoodDraft,
}

/// What is learned from.
pub fn data_panel(
    ui: &mut Ui,
    state: &AppState,
    recipe: &mut RecipeDraft,
    draft: &mut DataDraft,
    out: &mut Vec<Action>,
) {
    side_panel(egui::Panel::left("data-sets"), ui, |ui| {
        own_rows(ui, recipe, draft, out);
        if catalogue::is_pictures(&recipe.recipe.data.source) {
            import_rows(ui, &mut recipe.recipe.data, out);
        }
        set_list(ui, recipe, out);
    });
    if let Some(summary) = state.data.loaded() {
        side_panel(egui::Panel::right("data-facts"), ui, |ui| {
            likelihood_card(ui, state, &summary.data, &mut draft.likelihood, out);
            facts(ui, summary, &mut draft.grid);
        });
    }
    let frame = Frame::new().inner_margin(Margin::symmetric(14, 10));
    egui::CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| match &state.data {
            DataView::Empty => empty(ui, state, out),
            DataView::Loading { source, progress } => loading(ui, source, progress, out),
            DataView::Loaded(summary) => loaded(ui, summary, draft, out),
            DataView::Failed { source, message } => failed(ui, source, message, out),
        });
    if !ui.input(|i| i.pointer.any_down()) && !ui.ctx().text_edit_focused() {
        recipe.settle();
    }
}

/// A column at the side that scrolls; the bar lies in its margin.
fn side_panel(panel: egui::Panel, ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let fill = Frame::new().fill(theme::palette(ui).panel);
    panel
        .frame(fill)
        .default_size(290.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                Frame::new().inner_margin(Margin::symmetric(14, 10)).show(ui, content);
            });
        });
}

fn empty(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        ui.label(theme::caption(
            ui,
            "Choose data on the left, or drop pictures, a folder, a CSV or .npy on the window.",
        ));
        if state.was_cancelled() {
            ui.add_space(8.0);
            read_again(ui, out);
        }
    });
}

fn read_again(ui: &mut Ui, out: &mut Vec<Action>) {
    if button::icon_text(ui, ICON_REFRESH, "Read again").clicked() {
        out.push(Action::ReadAgain);
    }
}

fn loading(ui: &mut Ui, source: &str, progress: &Progress, out: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        ui.label(format!("Reading {}…", catalogue::label(source)));
        let (done, total) = progress.get();
        if total > 0 {
            ui.set_max_width(280.0);
            status::progress(ui, done as f32 / total as f32, theme::palette(ui).accent);
            ui.label(theme::caption(
                ui,
                format!("{} of {}", words::count(done as u64), words::count(total as u64)),
            ));
        }
        ui.add_space(8.0);
        if button::icon_text(ui, ICON_CLOSE, "Cancel").clicked() {
            out.push(Action::CancelReading);
        }
    });
    // The count is followed although nothing else tells the window to draw.
    ui.ctx().request_repaint_after(Duration::from_millis(100));
}

fn failed(ui: &mut Ui, source: &str, message: &str, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.add_space(24.0);
    let frame = Frame::new()
        .fill(palette.raised)
        .stroke(egui::Stroke::new(1.0, palette.bad))
        .corner_radius(8)
        .inner_margin(16);
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(ICON_ERROR.rich_text().size(20.0).color(palette.bad));
            ui.label(theme::heading(format!("{} cannot be used", catalogue::label(source))));
        });
        ui.label(message);
        ui.label(theme::caption(
            ui,
            "Nothing else has changed; choose other data on the left.",
        ));
        ui.add_space(4.0);
        read_again(ui, out);
    });
}

fn loaded(ui: &mut Ui, summary: &DataSummary, draft: &mut DataDraft, out: &mut Vec<Action>) {
    let data = &summary.data;
    // The class may have been chosen among those of other data.
    let classes = data.labels.as_ref().map_or(0, |labels| labels.names.len());
    draft.grid.class = draft.grid.class.filter(|class| (*class as usize) < classes);
    ui.horizontal(|ui| {
        ui.label(theme::heading(&data.label));
        ui.label(theme::caption(ui, data.describe()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button::primary(ui, ICON_SCIENCE, "Learn from this", Ok(())).clicked() {
                out.push(Action::Show(Workspace::Lab));
            }
            if let (Some(class), Some(labels)) = (draft.grid.class, &data.labels) {
                let text = format!("only {}", labels.names[class as usize]);
                if button::icon_text_small(ui, ICON_CLOSE, &text)
                    .on_hover_text("Show all classes again")
                    .clicked()
                {
                    draft.grid.class = None;
                }
            }
        });
    });
    ui.add_space(6.0);
    if let Some(index) = draft.grid.show(ui, data, "Samples") {
        draft.likelihood.chosen = Some(index);
    }
}

fn own_rows(ui: &mut Ui, recipe: &mut RecipeDraft, draft: &mut DataDraft, out: &mut Vec<Action>) {
    ui.label(theme::heading("Your own"));
    let hint = "path of a folder, CSV, .npy, idx";
    let field = ui.add(
        TextEdit::singleline(&mut draft.path)
            .hint_text(hint)
            .desired_width(f32::INFINITY),
    );
    button::name_as(&field, egui::Role::TextInput, "Path of your own data");
    if field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) && !draft.path.trim().is_empty() {
        out.push(Action::Open(vec![PathBuf::from(draft.path.trim())]));
    }
    ui.horizontal_wrapped(|ui| {
        if button::icon_text(ui, ICON_FOLDER_OPEN, "Folder").clicked() {
            out.push(Action::Browse(Browse::Folder));
        }
        if button::icon_text(ui, ICON_FILE_OPEN, "File").clicked() {
            out.push(Action::Browse(Browse::File));
        }
        let paste = button::icon_text(ui, ICON_CONTENT_PASTE, "Paste");
        if paste
            .on_hover_text("A picture from the clipboard (Ctrl+V); each one is added")
            .clicked()
        {
            out.push(Action::Paste);
        }
    });
    if let Some(own) = &recipe.own
        && ui
            .selectable_label(own.id == recipe.recipe.data.source, &own.label)
            .clicked()
    {
        out.push(Action::UseData(own.id.clone()));
    }
}

/// How own pictures are brought into one shape.
fn import_rows(ui: &mut Ui, data: &mut DataRecipe, out: &mut Vec<Action>) {
    form::group(ui, "How pictures are read");
    let mut size = data.size.unwrap_or(0);
    let sizes = [
        (0, "as they are"),
        (8, "8"),
        (16, "16"),
        (28, "28"),
        (32, "32"),
        (48, "48"),
        (64, "64"),
        (96, "96"),
        (128, "128"),
    ];
    form::row(ui, "Size", "Side in pixels; every picture is brought to it", |ui| {
        form::choice(ui, "size", &mut size, &sizes)
    });
    data.size = (size > 0).then_some(size);
    let fits = [
        (Fit::Crop, "crop the middle"),
        (Fit::Pad, "pad"),
        (Fit::Stretch, "stretch"),
        (Fit::Refuse, "leave out"),
    ];
    form::row(
        ui,
        "Other shapes",
        "How pictures that are not square are brought to it",
        |ui| form::choice(ui, "fit", &mut data.fit, &fits),
    );
    let colours = [
        (Colour::Auto, "as they are"),
        (Colour::Grey, "grey"),
        (Colour::Colour, "colour"),
    ];
    form::row(ui, "Colours", "Channels that the network sees", |ui| {
        form::choice(ui, "colour", &mut data.colour, &colours)
    });
    form::row(
        ui,
        "Background",
        "Colour under transparent pixels and of padding",
        |ui| background(ui, data),
    );
    if catalogue::is_own(&data.source) {
        form::row(
            ui,
            "Labels",
            "A CSV with file and label; without one the sub-folders are the classes",
            |ui| {
                let shown = data.labels.as_deref().map_or("sub-folders".into(), words::file_name);
                let response = ui.button(shown);
                if response.clicked() {
                    out.push(Action::Browse(Browse::Labels));
                }
                if data.labels.is_some() && button::icon(ui, ICON_CLOSE, "Use the sub-folders again").clicked() {
                    data.labels = None;
                }
                response
            },
        );
    }
}

fn background(ui: &mut Ui, data: &mut DataRecipe) -> egui::Response {
    let shown = egui::Color32::from_hex(&data.background).unwrap_or(egui::Color32::WHITE);
    let mut colour = [shown.r(), shown.g(), shown.b()];
    let response = colour_button(ui, &mut colour);
    if response.changed() {
        let [r, g, b] = colour;
        data.background = format!("#{r:02x}{g:02x}{b:02x}");
    }
    response
}

fn set_list(ui: &mut Ui, recipe: &RecipeDraft, out: &mut Vec<Action>) {
    for group in catalogue::GROUPS {
        form::group(ui, group.title);
        for entry in group.entries() {
            let chosen = entry.id == recipe.recipe.data.source;
            let size = vec2(ui.available_width(), 26.0);
            let layout = Layout::left_to_right(Align::Center)
                .with_main_justify(true)
                .with_main_align(Align::LEFT);
            let line = ui
                .allocate_ui_with_layout(size, layout, |ui| ui.selectable_label(chosen, entry.label))
                .inner;
            if line.on_hover_text(entry.help).clicked() {
                out.push(Action::UseData(entry.id.to_owned()));
            }
        }
    }
}

fn facts(ui: &mut Ui, summary: &DataSummary, grid: &mut SampleGrid) {
    let data = &summary.data;
    ui.label(theme::heading("Facts"));
    let split = format!(
        "{} to learn from, {} for validation",
        words::count((data.count - summary.validation) as u64),
        words::count(summary.validation as u64)
    );
    let text = RichText::new(split);
    number(ui, text, &known::COUNT, known::COUNT.name, || {
        known::split(data.count, summary.validation)
    });
    channel_rows(ui, summary);
    for line in [&data.note, &data.licence].into_iter().filter(|l| !l.is_empty()) {
        ui.label(theme::caption(ui, line));
    }
    form::group(ui, "Values");
    histogram(ui, summary);
    classes(ui, summary, grid);
    skipped(ui, data);
}

fn channel_rows(ui: &mut Ui, summary: &DataSummary) {
    let names: &[&str] = match (summary.data.domain, summary.stats.mean.len()) {
        (Domain::Points, _) => &["x", "y"],
        (_, 3) => &["red", "green", "blue"],
        _ => &["grey"],
    };
    egui::Grid::new("channels")
        .num_columns(3)
        .spacing([18.0, 2.0])
        .show(ui, |ui| {
            for head in ["", "mean", "deviation"] {
                ui.label(theme::caption(ui, head));
            }
            ui.end_row();
            for ((name, mean), std) in names.iter().zip(&summary.stats.mean).zip(&summary.stats.std) {
                ui.label(*name);
                let shown = [(&known::MEAN, signed(*mean)), (&known::DEVIATION, format!("{std:.3}"))];
                for (of, text) in shown {
                    let subject = format!("{}, {name}", of.name);
                    number(ui, theme::number(text), of, &subject, || {
                        known::channel(name, *mean, *std)
                    });
                }
                ui.end_row();
            }
        });
}

/// Without a minus sign before zero.
fn signed(v: f64) -> String {
    format!("{:+.3}", (v * 1e3).round() / 1e3 + 0.0)
}

fn histogram(ui: &mut Ui, summary: &DataSummary) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 84.0), Sense::hover());
    button::name_as(&response, egui::Role::Image, "Histogram of all values");
    let plot = rect.with_max_y(rect.bottom() - 16.0);
    ui.painter().rect_filled(plot, 4.0, palette.sunken);
    // A square root keeps rare values visible beside the background of most pictures.
    let height = |n: u64| (n as f32).sqrt();
    let most = summary.stats.histogram.iter().copied().map(height).fold(1.0, f32::max);
    let width = plot.width() / summary.stats.histogram.len().max(1) as f32;
    for (i, &n) in summary.stats.histogram.iter().enumerate() {
        let left = plot.left() + i as f32 * width;
        let top = plot.bottom() - plot.height() * height(n) / most;
        let bar = egui::Rect::from_min_max(egui::pos2(left, top), egui::pos2(left + width.max(1.0), plot.bottom()));
        ui.painter().rect_filled(bar, 0.0, palette.curve);
    }
    let ends = if summary.data.domain == Domain::Points {
        ["−3", "+3"]
    } else {
        ["−1 (black)", "+1 (white)"]
    };
    let font = egui::FontId::proportional(11.0);
    let (left, right) = (rect.left_bottom(), rect.right_bottom());
    ui.painter()
        .text(left, egui::Align2::LEFT_BOTTOM, ends[0], font.clone(), palette.weak);
    ui.painter()
        .text(right, egui::Align2::RIGHT_BOTTOM, ends[1], font, palette.weak);
    response.on_hover_text("How often each value occurs; the height is the square root of the count");
}

fn classes(ui: &mut Ui, summary: &DataSummary, grid: &mut SampleGrid) {
    let Some(labels) = &summary.data.labels else { return };
    form::group(ui, &format!("{} classes", labels.names.len()));
    let most = summary.stats.per_class.iter().copied().max().unwrap_or(1).max(1);
    for (i, (name, &n)) in labels.names.iter().zip(&summary.stats.per_class).enumerate() {
        let chosen = grid.class == Some(i as u32);
        let row = class_row(ui, name, n, n as f32 / most as f32, chosen);
        if row.on_hover_text("Show only this class").clicked() {
            grid.class = (!chosen).then_some(i as u32);
        }
    }
}

fn class_row(ui: &mut Ui, name: &str, n: u64, share: f32, chosen: bool) -> egui::Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, chosen, name));
    if chosen || response.hovered() || response.has_focus() {
        ui.painter()
            .rect_filled(rect, 4.0, if chosen { palette.selected } else { palette.hover });
    }
    let bar = egui::Rect::from_min_size(rect.left_bottom() - vec2(0.0, 3.0), vec2(rect.width() * share, 2.0));
    ui.painter().rect_filled(bar, 1.0, palette.curve);
    let font = egui::FontId::proportional(13.0);
    let number = egui::FontId::monospace(12.0);
    let at = rect.left_center() + vec2(4.0, -1.0);
    ui.painter()
        .text(at, egui::Align2::LEFT_CENTER, name, font, palette.text);
    let at = rect.right_center() - vec2(4.0, 1.0);
    ui.painter()
        .text(at, egui::Align2::RIGHT_CENTER, words::count(n), number, palette.weak);
    response
}

fn skipped(ui: &mut Ui, data: &Dataset) {
    if data.skipped.is_empty() {
        return;
    }
    form::group(ui, "Left out");
    let ink = theme::palette(ui).warn;
    ui.horizontal(|ui| {
        ui.label(ICON_WARNING.rich_text().color(ink));
        ui.label(format!("{} could not be used", words::count(data.skipped.len() as u64)));
    });
    for skipped in data.skipped.iter().take(LISTED) {
        ui.label(RichText::new(&skipped.what).small());
        ui.label(theme::caption(ui, &skipped.why));
    }
    if data.skipped.len() > LISTED {
        ui.label(theme::caption(ui, format!("and {} more", data.skipped.len() - LISTED)));
    }
}
