//! Noise schedules and what they do to a picture.

use eframe::egui;

use crate::app::{action::Action, state::AppState};

/// Half-edited settings and caches of this panel.
#[derive(Debug, Default)]
pub struct ScheduleDraft {}

/// Noise schedules and what they do to a picture.
pub fn schedule_panel(ui: &mut egui::Ui, _state: &AppState, _draft: &mut ScheduleDraft, _out: &mut Vec<Action>) {
    ui.label("Schedules");
}
