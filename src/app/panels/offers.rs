//! What the program offers by itself: to go on with a training that a sudden end interrupted.

use std::{collections::BTreeMap, path::PathBuf};

use eframe::egui::{Align, Align2, Context, Layout, Sense, TextureHandle, Ui, Window, vec2};
use egui_material_icons::icons;

use super::runs::{picture, shot, texture};
use crate::app::{
    action::Action,
    catalogue,
    runs::{Entry, Shot},
    shelf::{Change, Errand},
    state::AppState,
    theme,
    widgets::button,
    words,
};

/// Side of the picture, in points.
const PICTURE: f32 = 150.0;

/// Whether the offer was made and answered.
#[derive(Default)]
pub struct OfferDraft {
    folder: Option<PathBuf>,
    is_answered: bool,
    is_focused: bool,
    textures: BTreeMap<Shot, TextureHandle>,
}

impl std::fmt::Debug for OfferDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfferDraft")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Offers once, after the first look at the runs, to go on with the one that was interrupted last.
pub fn unfinished(ctx: &Context, state: &AppState, draft: &mut OfferDraft, out: &mut Vec<Action>) {
    if draft.is_answered || state.runs.looked.is_none() {
        return;
    }
    if draft.folder.is_none() {
        draft.folder = state.runs.interrupted().map(|entry| entry.folder.clone());
    }
    let entry = draft.folder.as_ref().and_then(|folder| state.runs.entries.get(folder));
    // Whoever trains already has decided.
    let Some(entry) = entry.filter(|_| state.run.is_none()) else {
        draft.is_answered = true;
        return;
    };
    Window::new("Unfinished training")
        .anchor(Align2::CENTER_TOP, [0.0, 64.0])
        .collapsible(false)
        .resizable(false)
        .default_width(470.0)
        .show(ctx, |ui| offer(ui, state, entry, draft, out));
}

fn offer(ui: &mut Ui, state: &AppState, entry: &Entry, draft: &mut OfferDraft, out: &mut Vec<Action>) {
    let Some(summary) = entry.summary() else { return };
    ui.horizontal_top(|ui| {
        if let Some(shot) = shot(entry, true) {
            let (area, _) = ui.allocate_exact_size(vec2(PICTURE, PICTURE), Sense::hover());
            picture(ui, area, texture(ui, &state.runs, &mut draft.textures, &shot, out));
            ui.add_space(6.0);
        }
        ui.vertical(|ui| {
            ui.set_width(290.0);
            ui.label(theme::heading(entry.name()));
            ui.label(catalogue::label(&summary.recipe.data.source));
            ui.add_space(4.0);
            let [step, steps] = [summary.step, summary.recipe.train.steps].map(words::count);
            ui.label(format!(
                "The program was ended while it trained. Step {step} of {steps} is safe."
            ));
            let age = state
                .runs
                .age(entry)
                .map_or_else(String::new, |age| format!("Saved {}; at ", words::ago(age)));
            let lost = words::duration(summary.recipe.train.save_every_secs);
            let most = if age.is_empty() { "At most " } else { "most " };
            ui.label(theme::caption(ui, format!("{age}{most}{lost} of training are lost.")));
        });
    });
    ui.add_space(10.0);
    let bar = vec2(ui.available_width(), 36.0);
    ui.allocate_ui_with_layout(bar, Layout::right_to_left(Align::Center), |ui| {
        let go_on = button::primary(ui, icons::ICON_PLAY_ARROW, "Continue", Ok(()));
        if !std::mem::replace(&mut draft.is_focused, true) {
            go_on.request_focus();
        }
        if go_on.clicked() {
            draft.is_answered = true;
            out.push(Action::Continue(entry.folder.clone(), None));
        }
        let leave = button::icon_text(ui, icons::ICON_CLOSE, "Leave");
        if leave
            .on_hover_text("It stays among the runs and can be continued there")
            .clicked()
        {
            draft.is_answered = true;
            let interrupted = state.runs.entries.values().filter(|entry| entry.is_interrupted());
            out.extend(interrupted.map(|e| Action::Shelf(Errand::Change(e.folder.clone(), Change::Leave))));
        }
    });
}
