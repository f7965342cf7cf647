//! A training sample at five noise levels, and at the cursor's.

use eframe::egui::{self, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use egui_material_icons::icons;

use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        panels::time_bar::decibels,
        state::AppState,
        theme,
        widgets::{button, noised::Noised},
    },
    data::Dataset,
    math::{Domain, Level, Spec, schedule},
};

/// Where the pictures below the curves stand: shares of the schedule.
const STOPS: [(f64, &str); 5] = [(0.0, "start"), (0.25, "¼"), (0.5, "½"), (0.75, "¾"), (1.0, "end")];

/// Which sample is shown, and how it was drawn last.
#[derive(Debug, Default)]
pub(super) struct Shown {
    sample: usize,
    noised: Noised,
}

/// Which data are shown, and the choice of another sample; of points, the whole cloud is shown.
pub(super) fn picture_tools(ui: &mut Ui, state: &AppState, shown: &mut Shown) {
    let Some(data) = dataset(state).filter(|data| data.count > 0) else {
        return;
    };
    let dice = keys::pressed(ui.ctx(), Does::Seed);
    if data.domain != Domain::Points && (button::icon(ui, icons::ICON_CASINO, "Another sample").clicked() || dice) {
        shown.sample = (shown.sample + 1) % data.count;
    }
    ui.label(theme::caption(ui, data.label.as_str()));
}

/// A training sample at five levels, and once more at the cursor.
pub(super) fn pictures(
    ui: &mut Ui,
    state: &AppState,
    schedule: &Spec,
    shown: &mut Shown,
    share: f64,
    out: &mut Vec<Action>,
) {
    let Some(data) = dataset(state).filter(|data| data.count > 0) else {
        ui.horizontal_wrapped(|ui| {
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
    let Ok(schedule) = schedule::build(schedule) else {
        return;
    };
    let shares: Vec<f64> = STOPS.iter().map(|(share, _)| *share).chain([share]).collect();
    let levels: Vec<Level> = shares.iter().map(|&s| schedule.at_share(s)).collect();
    let mut tiles = Vec::new();
    let count = levels.len();
    let width = ((ui.available_width() - 16.0 - 8.0 * (count - 1) as f32) / count as f32).max(8.0);
    let side = width.min(ui.available_height() - 26.0).max(40.0);
    let row = |ui: &mut Ui| {
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
                tiles.push((area, *level));
                if i == STOPS.len() {
                    let stroke = Stroke::new(2.0, theme::palette(ui).accent);
                    ui.painter().rect_stroke(area, 3.0, stroke, StrokeKind::Outside);
                }
                ui.label(theme::caption(ui, format!("{name} · {}", decibels(*level))));
            });
        }
    };
    ScrollArea::horizontal().show(ui, |ui| ui.horizontal(row));
    shown.noised.paint(ui, data, shown.sample, &tiles);
}

/// The data that the Lab trains on, or what the data view shows.
fn dataset(state: &AppState) -> Option<&Dataset> {
    let run = state.run.as_ref().map(|run| &run.info.data);
    run.or_else(|| state.data.loaded().map(|summary| &summary.data))
}
