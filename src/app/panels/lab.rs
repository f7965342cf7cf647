//! Train and watch.

use eframe::egui::{self, Align, Frame, Layout, Margin, Slider, Ui, vec2};
use egui_material_icons::icons::{
    ICON_AUTO_AWESOME, ICON_CLOSE, ICON_HEALING, ICON_PAUSE, ICON_PLAY_ARROW, ICON_REPLAY, ICON_SLOW_MOTION_VIDEO,
    ICON_WARNING,
};

use crate::{
    app::{
        action::{Action, Workspace},
        catalogue,
        keys::{self, Does},
        layout::Layout as Panes,
        panels::{
            plots::CurveDraft,
            quality::QualityDraft,
            recipe::{RecipeDraft, main_command},
            status,
        },
        playback::{Mode, Playback, PlaybackCommand},
        quantities::{level, training},
        run_view::{Divergence, RunView},
        state::AppState,
        theme,
        widgets::{
            aspect::Aspect,
            button,
            cloud::{Cloud, Clouds, EXTENT, Layers, cloud_view},
            form, number,
            pictures::{self, Lens, Pictures, picture_view},
            samples::SampleGrid,
        },
        words,
    },
    data::{Dataset, Samples},
    engine::{
        Command,
        command::{FieldRequest, Model},
        event::{Field, Preview, RunState},
    },
    math::{Domain, Frame as Picture, Level},
};

mod panes;

pub use panes::LabPane;
use panes::Shown;

/// Arrows per side of the score field.
const FIELD_SIDE: usize = 22;

/// Shortest time between two requests for a score field, in seconds.
const FIELD_EVERY: f64 = 0.5;

/// What of the live view is shown, and caches.
#[derive(Debug)]
pub struct LabDraft {
    /// Goes over the path of the newest preview.
    clock: Playback,
    aspect: Aspect,
    layers: Layers,
    lens: Lens,
    clouds: Clouds,
    pictures: Pictures,
    data: SampleGrid,
    curves: CurveDraft,
    quality: QualityDraft,
    /// Where the panes are.
    pub layout: Panes<LabPane>,
    field: FieldDesk,
}

impl Default for LabDraft {
    fn default() -> Self {
        Self {
            clock: Playback::default(),
            aspect: Aspect::State,
            layers: Layers {
                field: false,
                trails: false,
                ..Layers::default()
            },
            lens: Lens::default(),
            clouds: Clouds::default(),
            pictures: Pictures::default(),
            data: SampleGrid::default(),
            curves: CurveDraft::default(),
            quality: QualityDraft::default(),
            layout: Panes::default(),
            field: FieldDesk::default(),
        }
    }
}

impl LabDraft {
    /// Lets time pass; answers when the next change is due, in seconds.
    pub fn tick(&mut self, secs: f64) -> Option<f64> {
        self.clock.tick(secs);
        self.clock.next_change_secs()
    }
}

/// Train and watch.
pub fn lab_panel(ui: &mut Ui, state: &AppState, recipe: &RecipeDraft, draft: &mut LabDraft, out: &mut Vec<Action>) {
    lab_keys(ui, state, recipe, draft, out);
    let Some(run) = &state.run else {
        return before_training(ui, state, recipe, draft, out);
    };
    let frame = Frame::new().inner_margin(Margin::symmetric(14, 10));
    egui::CentralPanel::default().frame(frame).show(ui, |ui| {
        headline(ui, run, out);
        if let Some(fault) = &run.diverged {
            divergence_card(ui, state, run, fault, recipe, out);
        }
        let mut layout = std::mem::take(&mut draft.layout);
        layout.show(ui, &mut Shown { state, run, draft, out });
        draft.layout = layout;
    });
}

fn lab_keys(ui: &Ui, state: &AppState, recipe: &RecipeDraft, draft: &mut LabDraft, out: &mut Vec<Action>) {
    let pressed = |does| keys::pressed(ui.ctx(), does);
    let run = state.run.as_ref().filter(|r| r.state.is_live());
    if pressed(Does::Go) && run.is_none() {
        out.push(Action::Engine(recipe.request(state, false)));
    }
    if pressed(Does::Toggle) && run.is_some_and(|r| r.state != RunState::Preparing) {
        out.push(Action::Engine(main_command(state, recipe)));
    }
    if pressed(Does::Step) {
        match run.map(|r| r.state) {
            None => out.push(Action::Engine(recipe.request(state, true))),
            Some(RunState::Paused) => out.push(Action::Engine(Command::StepOnce)),
            Some(_) => {}
        }
    }
    let layers = &mut draft.layers;
    let switches = [
        &mut layers.data,
        &mut layers.trails,
        &mut layers.field,
        &mut layers.density,
    ];
    for (i, layer) in switches.into_iter().enumerate() {
        if pressed(Does::Layer(i)) {
            *layer = !*layer;
        }
    }
    if pressed(Does::Layer(4)) {
        draft.aspect = other(draft.aspect);
    }
}

fn other(aspect: Aspect) -> Aspect {
    if aspect == Aspect::Clean {
        Aspect::State
    } else {
        Aspect::Clean
    }
}

/// Nothing has been trained: the data, and what to do.
fn before_training(ui: &mut Ui, state: &AppState, recipe: &RecipeDraft, draft: &mut LabDraft, out: &mut Vec<Action>) {
    let data = state.data_for(&recipe.recipe.data);
    egui::CentralPanel::default()
        .frame(Frame::new().inner_margin(Margin::symmetric(18, 14)))
        .show(ui, |ui| {
            ui.label(theme::heading(format!("{}: what will be learned", catalogue::label(&recipe.recipe.data.source))));
            ui.label(theme::caption(
                ui,
                "The network starts from pure noise and knows nothing of this. While it trains, its samples appear here.",
            ));
            ui.add_space(6.0);
            let height = (ui.available_height() - 56.0).max(80.0);
            ui.allocate_ui(vec2(ui.available_width(), height), |ui| match data {
                Some(data) => drop(draft.data.show(ui, data, "Training data")),
                None => {
                    ui.centered_and_justified(|ui| ui.label(theme::caption(ui, "Reading the data…")));
                }
            });
            ui.vertical_centered(|ui| {
                ui.add_space(8.0);
                if button::primary(ui, ICON_PLAY_ARROW, "Start training", Ok(())).clicked() {
                    out.push(Action::Engine(recipe.request(state, false)));
                }
            });
        });
}

fn headline(ui: &mut Ui, run: &RunView, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let total = run.info.recipe.train.steps;
    ui.horizontal(|ui| {
        ui.label(theme::heading(&run.info.data.label));
        let (ink, word) = status::state_word(run, palette);
        form::chip(ui, word, ink);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = format!("{} / {}", words::count(run.step), words::count(total));
            number::number(ui, theme::number(text), &training::STEPS, training::STEPS.name, || {
                training::steps(run.step, &run.info.recipe)
            });
            let samples = button::icon_text_small(ui, ICON_AUTO_AWESOME, "Make samples");
            if samples.on_hover_text("Opens the Trajectory workspace").clicked() {
                out.push(Action::Show(Workspace::Trajectory));
            }
            slow_button(ui, run.state.is_live(), out);
        });
    });
    let share = run.step as f32 / total.max(1) as f32;
    let ink = if run.state == RunState::Running {
        palette.accent
    } else {
        palette.weak
    };
    status::progress(ui, share, ink);
    ui.add_space(4.0);
}

/// Training pauses for it and goes on afterwards.
fn slow_button(ui: &mut Ui, live: bool, out: &mut Vec<Action>) {
    let can = if live { Ok(()) } else { Err("The training has ended") };
    let response = button::icon_if(ui, ICON_SLOW_MOTION_VIDEO, "One training step, slowly", can);
    if response.on_hover_text(keys::text(ui.ctx(), Does::Slow)).clicked() {
        out.push(Action::Slowly);
    }
}

fn divergence_card(
    ui: &mut Ui,
    state: &AppState,
    run: &RunView,
    fault: &Divergence,
    recipe: &RecipeDraft,
    out: &mut Vec<Action>,
) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.raised)
        .stroke(egui::Stroke::new(1.0, palette.bad))
        .corner_radius(8)
        .inner_margin(14);
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(ICON_WARNING.rich_text().size(20.0).color(palette.bad));
            ui.label(theme::heading(format!(
                "Training diverged at step {} and paused itself",
                words::count(fault.step)
            )));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if button::icon(ui, ICON_CLOSE, "Close this message").clicked() {
                    out.push(Action::DismissDivergence);
                }
            });
        });
        ui.label(&fault.message);
        ui.label(theme::caption(
            ui,
            format!(
                "The last healthy weights are those of step {}.",
                words::count(fault.healthy_step)
            ),
        ));
        ui.add_space(4.0);
        let lr = run.now.lr;
        for (parts, word) in [(3.0, "a third"), (10.0, "a tenth")] {
            let text = format!(
                "Go back and on with {word} of the learning rate ({})",
                words::number(lr / parts)
            );
            if button::icon_text(ui, ICON_HEALING, &text).clicked() {
                out.push(Action::Engine(Command::Restore { lr_factor: 1.0 / parts }));
            }
        }
        let clip = tighter_clip(run.info.recipe.train.clip);
        let text = format!("Start again with gradients clipped at {}", words::number(clip));
        // Where the run began with another model's weights, starting again would begin with none.
        if run.info.recipe.start.is_none() && button::icon_text(ui, ICON_REPLAY, &text).clicked() {
            let mut again = recipe.clone();
            again.recipe = run.info.recipe.clone();
            again.recipe.train.clip = clip;
            out.push(Action::Edit(Box::new(again.recipe.clone())));
            out.push(Action::Engine(again.request(state, false)));
        }
    });
    ui.add_space(8.0);
}

fn tighter_clip(clip: f64) -> f64 {
    if clip > 0.0 { clip / 4.0 } else { 1.0 }
}

fn waiting(ui: &mut Ui, run: &RunView) {
    let text = match run.state {
        RunState::Preparing => "Reading the data and building the network…",
        RunState::Failed => "The run ended with an error; the message is among the notes below.",
        _ if run.info.recipe.preview.count == 0 => "The live view is switched off in the recipe (preview 0).",
        _ => "The first samples are on their way. An untrained network can only guess, so they begin as noise.",
    };
    ui.centered_and_justified(|ui| ui.label(theme::caption(ui, text)));
}

fn live_view(
    ui: &mut Ui,
    state: &AppState,
    run: &RunView,
    preview: &Preview,
    draft: &mut LabDraft,
    out: &mut Vec<Action>,
) {
    draft.clock.grow(preview.path.len(), true);
    let index = draft.clock.index();
    view_toggles(ui, run, draft);
    let name = if run.step == run.info.step {
        "Samples of the untrained network"
    } else {
        "Live samples"
    };
    let size = vec2(ui.available_width(), (ui.available_height() - 62.0).max(60.0));
    let owner = preview.run.0 << 40 | preview.step;
    let seek = match run.info.domain {
        Domain::Points => {
            let field = FieldDesk::fitting(state, preview, index).filter(|_| draft.layers.field);
            let cloud = Cloud {
                owner,
                steps: &*preview.path,
                index,
                fraction: draft.clock.fraction(),
                aspect: draft.aspect,
                data: points(&run.info.data),
                field,
                layers: draft.layers,
                name,
            };
            cloud_view(ui, size, &cloud, &mut draft.clouds, &mut draft.lens).seek
        }
        Domain::Image { .. } => {
            let view = pictures::View {
                owner,
                steps: &*preview.path,
                index,
                aspect: draft.aspect,
                name,
            };
            picture_view(ui, size, &view, &mut draft.pictures, &mut draft.lens).seek
        }
    };
    if draft.layers.field && run.info.domain == Domain::Points {
        draft.field.ask(ui, run, preview, index, out);
    }
    if let Some(to) = seek {
        draft.clock.apply(PlaybackCommand::Seek(to));
    }
    path_bar(ui, preview, &mut draft.clock);
}

fn points(data: &Dataset) -> Option<&[f32]> {
    match &data.samples {
        Samples::Points(xy) => Some(xy),
        Samples::Pixels(_) => None,
    }
}

fn view_toggles(ui: &mut Ui, run: &RunView, draft: &mut LabDraft) {
    ui.horizontal_wrapped(|ui| {
        for aspect in [Aspect::State, Aspect::Clean] {
            let text = format!("{} {}", aspect.label(), aspect.symbol());
            let response = ui.selectable_label(draft.aspect == aspect, text);
            if response.on_hover_text(aspect.help()).clicked() {
                draft.aspect = aspect;
            }
        }
        if run.info.domain == Domain::Points {
            ui.separator();
            let layers = &mut draft.layers;
            let switches = [
                (&mut layers.data, "data", "The training data (1)"),
                (&mut layers.trails, "paths", "Where the particles come from (2)"),
                (
                    &mut layers.field,
                    "score",
                    "Arrows towards likelier places at this noise level (3)",
                ),
                (&mut layers.density, "density", "How crowded each place is (4)"),
            ];
            for (on, text, tip) in switches {
                ui.toggle_value(on, text).on_hover_text(tip);
            }
        }
    });
}

/// The whole path of the newest preview under one slider.
fn path_bar(ui: &mut Ui, preview: &Preview, clock: &mut Playback) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        let (icon, name) = match clock.mode() {
            Mode::Playing => (ICON_PAUSE, "Pause the replay"),
            Mode::Paused | Mode::Following => (ICON_PLAY_ARROW, "Replay from noise"),
        };
        if button::icon(ui, icon, name).clicked() {
            clock.apply(PlaybackCommand::Toggle);
        }
        let mut index = clock.index();
        ui.spacing_mut().slider_width = (ui.available_width() - 12.0).max(40.0);
        let last = preview.path.len().saturating_sub(1);
        let slider = ui.add(Slider::new(&mut index, 0..=last).show_value(false).trailing_fill(true));
        slider.widget_info(|| egui::WidgetInfo::slider(true, index as f64, "Step of the reverse process"));
        if slider.changed() {
            clock.apply(PlaybackCommand::Seek(index));
        }
    });
    let at = preview.path.get(clock.index()).map_or(Level::clean(0.0), |s| s.level);
    let count = preview.path.first().map_or(0, |s| s.x.count());
    let outside = preview.path.get(clock.index()).map_or(0, |s| outside(&s.x));
    let hidden = if outside > 0 {
        format!(" ({outside} outside the view)")
    } else {
        String::new()
    };
    let text = format!(
        "{count} samples{hidden} from fixed noise after {} training steps · denoising step {} of {} · σ {}",
        words::count(preview.step),
        clock.index(),
        preview.path.len().saturating_sub(1),
        words::number(at.sigma)
    );
    let text = theme::caption(ui, text);
    number::truncated(ui, text, &level::SIGMA, level::SIGMA.name, || level::sigma(at));
}

/// How many points lie beyond the plane that the view shows at first, or are no numbers.
fn outside(frame: &Picture) -> usize {
    match frame {
        Picture::Points { xy } => {
            let inside = |p: &&[f32; 2]| p.iter().all(|v| v.abs() <= EXTENT);
            xy.as_chunks::<2>().0.iter().filter(|p| !inside(p)).count()
        }
        Picture::Pixels { .. } => 0,
    }
}

/// Asks for the score field at the cursor, but not more often than is useful.
#[derive(Debug, Default)]
struct FieldDesk {
    /// Preview and frame of the newest request, and when it was made.
    asked: Option<(u64, usize, f64)>,
}

impl FieldDesk {
    fn ask(&mut self, ui: &Ui, run: &RunView, preview: &Preview, index: usize, out: &mut Vec<Action>) {
        let now = ui.input(|i| i.time);
        let Some(frame) = preview.path.get(index) else { return };
        if let Some((step, at, when)) = self.asked {
            if (step, at) == (preview.step, index) {
                return;
            }
            if now - when < FIELD_EVERY {
                ui.ctx().request_repaint_after_secs((when + FIELD_EVERY - now) as f32);
                return;
            }
        }
        self.asked = Some((preview.step, index, now));
        out.push(Action::Engine(Command::Field(FieldRequest {
            model: Model::Present,
            at: share_of(&run.info.levels, frame.level.t),
            side: FIELD_SIDE,
            extent: EXTENT,
        })));
    }

    /// The newest field, if it belongs to about the noise level of the frame.
    fn fitting<'a>(state: &'a AppState, preview: &Preview, index: usize) -> Option<&'a Field> {
        let sigma = preview.path.get(index)?.level.sigma;
        state.field.as_deref().filter(|f| (f.level.sigma - sigma).abs() < 0.15)
    }
}

/// Where a time lies between the first and the last level, `0..1`.
fn share_of(levels: &[Level], t: f64) -> f64 {
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else {
        return 0.0;
    };
    ((t - first.t) / (last.t - first.t)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_level_is_its_place_in_the_schedule() {
        let levels: Vec<Level> = (0..=10)
            .map(|i| Level {
                t: f64::from(i) * 99.9,
                ..Level::clean(0.0)
            })
            .collect();
        assert!((share_of(&levels, 499.5) - 0.5).abs() < 1e-12);
        assert_eq!(share_of(&levels, 5000.0), 1.0);
        assert_eq!(share_of(&[], 3.0), 0.0);
    }
}
