//! Traps that the settings have walked into: what, why, and a button that mends it.

use eframe::egui::{self, Color32, Ui, WidgetInfo};
use egui_material_icons::{MaterialIcon, icons};

use crate::{
    app::{state::AppState, theme, widgets::button},
    engine::lint::{About, Advice, Change, Severity},
    files::Recipe,
};

/// Width of an explanation.
const WIDTH: f32 = 360.0;

/// What the window knows of the data of a recipe.
pub(super) fn about(state: &AppState, recipe: &Recipe) -> About {
    let summary = state.summary_for(&recipe.data);
    About {
        domain: summary.map(|summary| summary.data.domain),
        spread: summary.map(|summary| summary.stats.sigma_data),
    }
}

/// A line for each, in full. Answers the change that was asked for; those that `can` refuses are not offered.
pub(super) fn advice_lines(ui: &mut Ui, told: &[Advice], can: impl Fn(&Change) -> bool) -> Option<Change> {
    let mut wanted = None;
    for advice in told {
        ui.horizontal_wrapped(|ui| {
            let (icon, ink) = sign(ui, advice.severity);
            ui.label(icon.rich_text().size(16.0).color(ink));
            ui.label(&advice.text);
            why(ui, advice);
            wanted = remedy(ui, advice, &can).or(wanted.take());
        });
    }
    wanted
}

/// A short line for each, which opens the explanation.
pub(super) fn advice_notices(ui: &mut Ui, told: &[Advice], can: impl Fn(&Change) -> bool) -> Option<Change> {
    let mut wanted = None;
    for advice in told {
        let (icon, ink) = sign(ui, advice.severity);
        let title = (icon.rich_text().size(16.0).color(ink), advice.trap.title);
        let opened = ui.menu_button(title, |ui| {
            ui.set_width(WIDTH);
            ui.label(&advice.text);
            explanation(ui, advice);
            wanted = remedy(ui, advice, &can).or(wanted.take());
        });
        button::name(&opened.response, advice.trap.title);
    }
    wanted
}

/// A good word where there is nothing to say.
pub(super) fn all_is_well(ui: &mut Ui, text: &str) {
    ui.horizontal_wrapped(|ui| {
        let ink = theme::palette(ui).good;
        ui.label(icons::ICON_CHECK_CIRCLE.rich_text().size(16.0).color(ink));
        ui.label(text);
    });
}

fn sign(ui: &Ui, severity: Severity) -> (MaterialIcon, Color32) {
    let palette = theme::palette(ui);
    match severity {
        Severity::Note => (icons::ICON_INFO, palette.weak),
        Severity::Warning => (icons::ICON_WARNING, palette.warn),
        Severity::Fault => (icons::ICON_ERROR, palette.bad),
    }
}

fn why(ui: &mut Ui, advice: &Advice) {
    let opened = ui.menu_button("Why?", |ui| {
        ui.set_width(WIDTH);
        ui.label(theme::heading(advice.trap.title));
        explanation(ui, advice);
    });
    let name = format!("Why? {}", advice.trap.title);
    let said = || WidgetInfo::labeled(egui::Role::Button, true, name.as_str());
    opened.response.widget_info(said);
}

fn explanation(ui: &mut Ui, advice: &Advice) {
    ui.label(theme::caption(ui, advice.trap.reason));
    if !advice.trap.source.is_empty() {
        ui.label(theme::caption(ui, advice.trap.source));
    }
}

fn remedy(ui: &mut Ui, advice: &Advice, can: &impl Fn(&Change) -> bool) -> Option<Change> {
    let remedy = advice.remedy.as_ref().filter(|remedy| can(&remedy.change))?;
    let is_wanted = button::icon_text_small(ui, icons::ICON_BUILD, remedy.label).clicked();
    is_wanted.then(|| remedy.change.clone())
}
