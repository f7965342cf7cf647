//! The training clock over the diffusion clock: which weights the present trajectory is looked at with.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use eframe::egui::{Align, Id, Label, Layout, Rect, Slider, Ui, UiBuilder, WidgetInfo, vec2};
use egui_material_icons::icons;

use super::time_bar::{CLOCK, command, ticks};
use crate::{
    app::{
        action::Action,
        keys::{self, Does},
        learning::LearningCommand,
        playback::{Mode, PlaybackCommand},
        quantities::training,
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{
            aspect::{Aspect, Steps},
            button,
            mark::Mark,
            number::number,
            strip::{Film, Strip, film_strip},
        },
        words,
    },
    engine::{TrajectoryId, event::StepFrame},
    files::learning::{BUDGET, MOST},
};

/// Width of the numbers, so that nothing moves while they change.
const READOUT: f32 = 200.0;

/// Height of the strip over the training steps.
const STRIP: f32 = 48.0;

/// What this part of the panel keeps.
#[derive(Debug, Default)]
pub struct TrainingDraft {
    strip: Strip,
    /// Where the training clock was drawn.
    place: Option<Rect>,
}

impl TrainingDraft {
    /// Whether the pointer is on the training clock, so that its keys are meant.
    pub fn is_meant(&self, ui: &Ui) -> bool {
        let pointer = ui.input(|input| input.pointer.hover_pos());
        pointer.zip(self.place).is_some_and(|(at, place)| place.contains(at))
    }
}

/// The keys of the clock, for the training clock.
pub fn training_keys(ui: &Ui, out: &mut Vec<Action>) {
    for does in CLOCK {
        if keys::pressed(ui.ctx(), does) {
            out.extend(command(does).map(clock));
        }
    }
}

fn clock(command: PlaybackCommand) -> Action {
    Action::Learning(LearningCommand::Clock(command))
}

/// One line: the clock where there is one, or else why there is none. Over it the chosen sample as it was learned, once some
/// of that is made.
pub fn training_bar(ui: &mut Ui, state: &AppState, sample: usize, draft: &mut TrainingDraft, out: &mut Vec<Action>) {
    draft.place = None;
    let Some(own) = state.trajectory() else { return };
    if let Some(reason) = state.learning_unavailable() {
        let text = format!("Training clock: {reason}");
        ui.add(Label::new(theme::caption(ui, text)).truncate());
        return;
    }
    if state.trajectories.learned(own.info.id).next().is_some() {
        learned_strip(ui, state, own, sample, draft, out);
    }
    let line = ui.horizontal(|ui| {
        ui.set_min_height(32.0);
        transport(ui, state, out);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            making(ui, state, out);
            diagonal(ui, state, out);
            ui.separator();
            readout(ui, state);
            // What comes and goes before it must not make another slider of it: that would end a drag.
            let same = UiBuilder::new().scope_id(Id::unique("training slider"));
            ui.scope_builder(same, |ui| slider(ui, state, out));
        });
    });
    draft.place = Some(line.response.rect);
}

fn transport(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let learning = &state.learning;
    let playing = learning.clock().mode() == Mode::Playing;
    let (icon, name) = if playing {
        (icons::ICON_PAUSE, "Pause the training")
    } else {
        (icons::ICON_PLAY_ARROW, "Play the training")
    };
    let is_first = !playing && learning.clock().index() == 0;
    let is_last = !playing && learning.clock().index() + 1 >= learning.clock().len();
    let unless = |prevented: bool, reason| if prevented { Err(reason) } else { Ok(()) };
    let buttons = [
        (
            icons::ICON_SKIP_PREVIOUS,
            "First weights",
            Does::First,
            unless(is_first, "These are the first weights"),
        ),
        (icon, name, Does::Toggle, Ok(())),
        (
            icons::ICON_SKIP_NEXT,
            "Newest weights",
            Does::Last,
            unless(is_last, "These are the newest weights"),
        ),
    ];
    ui.spacing_mut().item_spacing.x = 2.0;
    for (icon, name, does, available) in buttons {
        let key = format!("{} with the pointer here", keys::text(ui.ctx(), does));
        if button::icon_if(ui, icon, name, available).on_hover_text(key).clicked() {
            out.extend(command(does).map(clock));
        }
    }
    ui.add_space(8.0);
    let help = format!(
        "While a run trains, the averaged weights of up to {MOST} evenly spaced steps stay in its folder, {} at most; when that \
         is used up every second one goes",
        words::bytes(BUDGET)
    );
    ui.label(theme::caption(ui, "training")).on_hover_text(help);
}

fn slider(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let learning = &state.learning;
    let last = learning.clock().len().saturating_sub(1).max(1);
    let mut index = learning.clock().index();
    ui.add_space(12.0);
    ui.spacing_mut().slider_width = (ui.available_width() - 8.0).max(40.0);
    ui.visuals_mut().widgets.inactive.bg_fill = theme::palette(ui).line;
    let response = ui.add(Slider::new(&mut index, 0..=last).show_value(false));
    let step = learning.step().unwrap_or(0);
    response.widget_info(|| WidgetInfo::slider(true, step as f64, "Training step"));
    ticks(ui, response.rect, &marks(state), last);
    if response.changed() {
        out.push(clock(PlaybackCommand::Seek(index)));
    }
    if response.drag_stopped() || response.clicked() {
        // Otherwise the slider keeps the arrow keys and Space to itself.
        response.surrender_focus();
    }
}

/// The kept steps; that of the trajectory itself stands out.
fn marks(state: &AppState) -> Vec<Mark> {
    let steps = state.learning.steps().iter().enumerate();
    let mark = |(step, &training): (usize, &u64)| Mark {
        step,
        lit: state.trajectory().is_some_and(|own| own.info.step == training),
        names: String::new(),
    };
    steps.map(mark).collect()
}

fn readout(ui: &mut Ui, state: &AppState) {
    let learning = &state.learning;
    let step = learning.step().unwrap_or(0);
    let newest = learning.steps().last().copied().unwrap_or(0);
    let right = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(READOUT, 26.0), right, |ui| {
        ui.set_min_width(READOUT);
        ui.spacing_mut().item_spacing.x = 2.0 * theme::number_width(ui);
        if let Some(loss) = loss(state, step) {
            let text = theme::number(format!("loss {loss:.3}"));
            let values = || training::loss_at(step, loss);
            number(ui, text, &training::LOSS, "Loss of these weights", values);
        }
        let text = theme::number(format!("{} of {}", words::count(step), words::count(newest)));
        let values = || training::kept(step, learning.steps());
        number(ui, text, &training::STEPS, "Training step of these weights", values);
    });
}

/// The loss at a training step, where its curve is at hand.
fn loss(state: &AppState, step: u64) -> Option<f64> {
    let run = state
        .run
        .as_ref()
        .filter(|run| state.learning.is_of(&run.info.folder))?;
    let at = step as f64;
    run.losses.drawn_smooth(at, at + 1.0, 1).first().map(|point| point[1])
}

fn diagonal(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let mut diagonal = state.learning.is_diagonal();
    let response = ui
        .toggle_value(&mut diagonal, "Diagonal")
        .on_hover_text("Both clocks go on together: from the noise of the untrained model to the newest result");
    if response.changed() {
        out.push(Action::Learning(LearningCommand::Diagonal(diagonal)));
    }
}

/// What is being made, and the button for all of it.
fn making(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let learning = &state.learning;
    let (all, made) = (learning.steps().len(), state.learned_count());
    if learning.makes_all() {
        if button::icon_text(ui, icons::ICON_CLOSE, &format!("Stop ({made} of {all})")).clicked() {
            out.push(Action::Learning(LearningCommand::All(false)));
        }
        return;
    }
    let own_ended = state.trajectory().is_some_and(|view| view.ended);
    let available = match (own_ended, made < all) {
        (false, _) => Err("Wait for the last step of this trajectory"),
        (_, false) => Err("The trajectory is there for every kept step"),
        _ => Ok(()),
    };
    let pressed = button::icon_text_if(ui, icons::ICON_BURST_MODE, "Compute all", available);
    if pressed
        .on_hover_text("Makes this trajectory with the weights of every kept step")
        .clicked()
    {
        out.push(Action::Learning(LearningCommand::All(true)));
    }
    let step = learning.step();
    if step.is_some_and(|step| learning.has_failed(step)) {
        ui.label(theme::caption(ui, "not usable"))
            .on_hover_text("The weights of this step could not be used; see the notices");
    } else if learning.making().is_some() {
        ui.label(theme::caption(ui, "making…"));
    }
}

/// The clean guess at the diffusion cursor, for each kept training step.
struct Learned(Vec<Option<StepFrame>>);

impl Steps for Learned {
    fn step(&self, index: usize) -> Option<&StepFrame> {
        self.0.get(index)?.as_ref()
    }
    fn before(&self, index: usize) -> Option<&StepFrame> {
        self.step(index.checked_sub(1)?)
    }
    fn reached(&self) -> usize {
        self.0.len()
    }
    fn frames(&self) -> usize {
        self.0.len()
    }
}

/// Tells films apart: another cursor or another set of steps is another film.
fn film_of(id: TrajectoryId, index: usize, steps: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id.0, index, steps).hash(&mut hasher);
    hasher.finish()
}

fn learned_strip(
    ui: &mut Ui,
    state: &AppState,
    own: &TrajectoryView,
    sample: usize,
    draft: &mut TrainingDraft,
    out: &mut Vec<Action>,
) {
    let numbered = |(index, frame): (usize, Option<std::sync::Arc<StepFrame>>)| {
        frame.map(|frame| StepFrame {
            index,
            ..(*frame).clone()
        })
    };
    let frames = state.learning_frames(false).into_iter().enumerate().map(numbered);
    let learned = Learned(frames.collect());
    let film = Film {
        name: "How it learned",
        owner: film_of(own.info.id, state.playback.index(), state.learning.steps()),
        steps: &learned,
        domain: own.info.domain,
        index: state.learning.clock().index(),
        sample,
        aspect: Aspect::Clean,
    };
    if let Some(index) = film_strip(ui, STRIP, &film, &[], &mut draft.strip) {
        out.push(clock(PlaybackCommand::Seek(index)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the spacing of kept steps doubles, there are as many of them after twice the training.
    #[test]
    fn as_many_other_steps_are_another_film() {
        let film = |index, steps: &[u64]| film_of(TrajectoryId(1), index, steps);
        assert_eq!(film(3, &[0, 16, 32]), film(3, &[0, 16, 32]));
        assert_ne!(film(3, &[0, 16, 32]), film(3, &[0, 32, 64]));
        assert_ne!(film(3, &[0, 16, 32]), film(4, &[0, 16, 32]));
    }
}
