//! What can be written of the present trajectory, with one sentence each.

use eframe::egui::{self, Align2, Ui, Window, vec2};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        export::{ExportKind, ExportRequest},
        keys::{self, Does},
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::button,
    },
    math::Domain,
};

/// Whether the choices are open.
#[derive(Debug, Default)]
pub struct ExportDraft {
    open: bool,
}

/// The button, and the choices while they are open. `sample` is the selected one.
pub fn export_menu(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    sample: usize,
    draft: &mut ExportDraft,
    out: &mut Vec<Action>,
) {
    let key = keys::text(ui.ctx(), Does::Export);
    let pressed = button::icon_text(ui, icons::ICON_DOWNLOAD, "Export")
        .on_hover_text(key)
        .clicked();
    if pressed || keys::pressed(ui.ctx(), Does::Export) {
        draft.open = !draft.open;
    }
    let mut open = draft.open;
    Window::new("Export")
        .id(egui::Id::unique("export choices"))
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::RIGHT_TOP, vec2(-16.0, 96.0))
        .show(ui.ctx(), |ui| {
            ui.set_width(340.0);
            for kind in ExportKind::ALL {
                if let Some(what) = choice(ui, state, view, kind) {
                    out.push(Action::Export(ExportRequest {
                        id: view.info.id,
                        what,
                        index: state.playback.index(),
                        sample,
                        path: None,
                    }));
                    draft.open = false;
                }
            }
        });
    draft.open &= open && !keys::closes(ui.ctx());
}

fn choice(ui: &mut Ui, state: &AppState, view: &TrajectoryView, kind: ExportKind) -> Option<ExportKind> {
    let mut chosen = None;
    ui.horizontal(|ui| {
        let size = vec2(124.0, 28.0);
        let pressed = ui.allocate_ui(size, |ui| {
            let allowed = available(state, view, kind);
            button::icon_text_wide(ui, kind.icon(), kind.label(), allowed, size.x).clicked()
        });
        if pressed.inner {
            chosen = Some(kind);
        }
        ui.label(theme::caption(ui, kind.help()));
    });
    chosen
}

/// Whether this can be written of this trajectory, or why not.
fn available(state: &AppState, view: &TrajectoryView, kind: ExportKind) -> Result<(), &'static str> {
    let whole = view.ended && view.complete;
    match kind {
        ExportKind::Picture if view.info.domain == Domain::Points => {
            Err("Points have no single pictures; take the grid")
        }
        ExportKind::Exact if state.current != Some(view.info.id) => {
            Err("Sample from the run folder with --at-training-step for exact numbers of earlier weights")
        }
        ExportKind::Learned | ExportKind::Diagonal if state.learned_count() < 2 => {
            Err("Compute it at other training steps first: Compute all, above the time bar")
        }
        ExportKind::Exact if !whole => Err("Only a complete trajectory can be written exactly"),
        ExportKind::Gif | ExportKind::Apng | ExportKind::Frames if !view.ended => Err("Wait for the last step"),
        _ => Ok(()),
    }
}
