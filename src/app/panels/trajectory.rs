//! The reverse process under one cursor.

use eframe::egui;

use crate::app::{action::Action, state::AppState};

/// Half-edited settings and caches of this panel.
#[derive(Debug, Default)]
pub struct TrajectoryDraft {}

/// The reverse process under one cursor.
pub fn trajectory_panel(ui: &mut egui::Ui, state: &AppState, _draft: &mut TrajectoryDraft, _out: &mut Vec<Action>) {
    if state.trajectory().is_none() {
        ui.label("No trajectory yet.");
    }
}
