//! Which schedule, its numbers, how it is drawn, and what is done with it.

use eframe::egui::Ui;
use egui_material_icons::icons;

use super::{ScheduleDraft, plots::label};
use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        panels::trajectory::branch_along,
        state::AppState,
        theme,
        widgets::{button, form},
        words,
    },
    engine::Command,
    math::{
        Spec, grid,
        schedule::{
            self,
            custom::{Drawing, departure},
        },
    },
};

/// A schedule that was drawn after another one.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    drawn: Spec,
    name: String,
    /// How far it is from the other one.
    apart: f64,
}

/// Everything that can be set.
pub(super) fn schedule_form(ui: &mut Ui, draft: &mut ScheduleDraft) {
    form::group(ui, "Schedule");
    let before = (draft.mine.clone(), draft.other.clone());
    choice_row(ui, "Shape", &mut draft.mine);
    drawing_rows(ui, draft);
    param_rows(ui, "Shape", &mut draft.mine);
    form::group(ui, "Compare with");
    let mut comparing = draft.other.is_some();
    if ui.checkbox(&mut comparing, "A second schedule").changed() {
        draft.other = comparing.then(|| Spec::new("cosine"));
    }
    if let Some(other) = &mut draft.other {
        choice_row(ui, "Other shape", other);
        param_rows(ui, "Other shape", other);
    }
    draft.touched |= before != (draft.mine.clone(), draft.other.clone());
    sampler_rows(ui, draft);
}

/// What the schedule can be used for.
pub(super) fn use_rows(ui: &mut Ui, state: &AppState, spec: &Spec, out: &mut Vec<Action>) {
    let sound = schedule::build(spec).map(|_| ()).map_err(|e| e.to_string());
    let sound = sound.as_ref().copied().map_err(String::as_str);
    let press = button::primary(ui, icons::ICON_CHECK, "Use for the next run", sound);
    if press.on_hover_text("Puts this schedule into the Lab's form").clicked() {
        out.push(Action::UseSchedule(spec.clone()));
        out.push(Action::Show(Workspace::Lab));
    }
    let press = button::icon_text_if(ui, icons::ICON_AUTO_AWESOME, "Use for sampling only", sound);
    let help = "Samples stop at these noise levels; the network keeps its own schedule and is asked at its own times";
    if press.on_hover_text(help).clicked() {
        out.push(Action::SampleAlong(spec.clone()));
        out.push(Action::Show(Workspace::Trajectory));
    }
    let rest = sound.and_then(|()| branch_along(state, spec));
    let ready = rest.as_ref().map(|_| ()).map_err(|why| *why);
    let press = button::icon_text_if(ui, icons::ICON_CALL_SPLIT, "Branch from here with it", ready);
    let help = "The rest of the present trajectory, from the cursor on, stops at these noise levels";
    if press.on_hover_text(help).clicked()
        && let Ok(request) = rest
    {
        out.push(Action::Engine(Command::Sample(Box::new(request))));
        out.push(Action::Show(Workspace::Trajectory));
    }
}

/// Drawing on, back and forth.
fn drawing_rows(ui: &mut Ui, draft: &mut ScheduleDraft) {
    let is_drawn = Drawing::of(&draft.mine).is_some();
    if !is_drawn {
        let help = "Nine knots along this curve, which can be dragged in every view";
        if button::icon_text(ui, icons::ICON_DRAW, "Draw on from this")
            .on_hover_text(help)
            .clicked()
        {
            draft.draw_on();
        }
    }
    ui.horizontal(|ui| {
        let (back, forth) = draft.history.is_open();
        let undo = button::icon_if(ui, icons::ICON_UNDO, "Undo", some(back, "Nothing was changed"));
        if undo.clicked() || keys::pressed(ui.ctx(), Does::Undo) {
            draft.history.undo(&mut draft.mine);
        }
        let redo = button::icon_if(ui, icons::ICON_REDO, "Redo", some(forth, "Nothing was undone"));
        if redo.clicked() || keys::pressed(ui.ctx(), Does::Redo) {
            draft.history.redo(&mut draft.mine);
        }
        let ghost = draft.history.before(&draft.mine).cloned();
        let swap = some(ghost.is_some(), "Nothing was changed");
        let swapped = button::icon_text_if(ui, icons::ICON_SWAP_VERT, "Swap with before", swap);
        if let Some(ghost) = ghost.filter(|_| {
            swapped
                .on_hover_text("Back to the faint curve; once more comes back")
                .clicked()
        }) {
            draft.mine = ghost;
        }
    });
    let help = match &draft.followed {
        Some(Followed { drawn, name, apart }) if *drawn == draft.mine => format!(
            "Follows {name} to within {} % of the signal. Drag the knots, or step through them with Tab and move them with \
             ↑ and ↓.",
            words::number(100.0 * apart)
        ),
        _ if is_drawn => {
            "Drag the knots, or step through them with Tab and move them with ↑ and ↓ (Shift: faster).".into()
        }
        _ => return,
    };
    ui.label(theme::caption(ui, help));
}

fn some(is: bool, why_not: &str) -> Result<(), &str> {
    if is { Ok(()) } else { Err(why_not) }
}

fn sampler_rows(ui: &mut Ui, draft: &mut ScheduleDraft) {
    form::group(ui, "Steps of a sampler");
    form::row(ui, "Steps", "How often the reverse process stops", |ui| {
        let mut steps = draft.steps as i64;
        let response = form::whole(ui, &mut steps, 1..=1000);
        draft.steps = steps.unsigned_abs() as usize;
        response
    });
    form::row(ui, "Spacing", "Which times it stops at", |ui| {
        let (response, chosen) = form::entry(ui, "spacing", &draft.spacing.id, grid::ENTRIES);
        if let Some(id) = chosen {
            draft.spacing = Spec::new(id);
        }
        response
    });
    if let Some(entry) = grid::ENTRIES.iter().find(|e| e.id == draft.spacing.id) {
        form::params(ui, entry.params, &mut draft.spacing.values);
    }
    ui.label(theme::caption(ui, "Drawn as ticks under the curves."));
}

fn choice_row(ui: &mut Ui, name: &str, choice: &mut Spec) {
    form::row(ui, name, "How fast the picture drowns", |ui| {
        let (response, chosen) = form::entry(ui, name, &choice.id, schedule::ENTRIES);
        if let Some(id) = chosen {
            *choice = Spec::new(id);
        }
        response
    });
}

fn param_rows(ui: &mut Ui, name: &str, choice: &mut Spec) {
    let Some(entry) = schedule::ENTRIES.iter().find(|e| e.id == choice.id) else {
        return;
    };
    ui.push_id(name, |ui| {
        let before = Drawing::of(choice);
        form::params(ui, entry.params, &mut choice.values);
        pushed(choice, before);
        ui.label(theme::caption(ui, entry.help));
    });
}

/// A knot that was typed past others pushes them, as one that is dragged does.
fn pushed(choice: &mut Spec, before: Option<Drawing>) {
    let (Some(before), Some(after)) = (before, Drawing::of(choice)) else {
        return;
    };
    let knots = before.knots.0.iter().zip(after.knots.0);
    if let Some((i, typed)) = knots
        .map(|(old, new)| (*old != new).then_some(new))
        .enumerate()
        .find_map(|(i, new)| Some((i, new?)))
    {
        let knots = before.knots.moved(i, typed);
        *choice = Drawing { knots, ..after }.spec();
    }
}

impl ScheduleDraft {
    /// Makes a drawn schedule along the present one.
    fn draw_on(&mut self) {
        let Ok(drawn) = Drawing::along(&self.mine).map(|drawing| drawing.spec()) else {
            return;
        };
        if let (Ok(a), Ok(b)) = (schedule::build(&self.mine), schedule::build(&drawn)) {
            self.followed = Some(Followed {
                drawn: drawn.clone(),
                name: label(&self.mine),
                apart: departure(&*a, &*b),
            });
        }
        self.mine = drawn;
    }

    /// One drag, or one typed number, is one undo step.
    pub(super) fn settle(&mut self, ui: &Ui) {
        if !ui.input(|i| i.pointer.any_down()) && !ui.ctx().text_edit_focused() {
            self.history.settle(&self.mine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::spec::Value;

    #[test]
    fn a_typed_knot_pushes_its_neighbours() {
        let before = Spec::new("custom");
        let mut choice = before.clone().with("log-snr-3", Value::Real(5.0));
        pushed(&mut choice, Drawing::of(&before));
        let Drawing { knots, .. } = Drawing::of(&choice).unwrap();
        assert!(
            schedule::build(&choice).is_ok() && knots.0[3] == 5.0 && knots.0[2] > 5.0 && knots.0[4] == 0.0,
            "{knots:?}"
        );
    }

    #[test]
    fn drawing_on_says_how_near_it_is() {
        let mut draft = ScheduleDraft::default();
        draft.draw_on();
        let followed = draft.followed.unwrap();
        assert!(
            followed.drawn == draft.mine && followed.name == "Linear" && followed.apart < 0.05,
            "{followed:?}"
        );
    }
}
