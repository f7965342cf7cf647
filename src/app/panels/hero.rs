//! A model that ships with the program, making samples before anything was trained.

use eframe::egui::{Frame, Margin, Stroke, Ui, vec2};
use egui_material_icons::icons::{ICON_PAUSE, ICON_PLAY_ARROW, ICON_ZOOM_IN};

use crate::{
    app::{
        action::{Action, Workspace},
        catalogue, opening,
        playback::{Mode, Playback, PlaybackCommand},
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{
            aspect::Aspect,
            button,
            cloud::{Cloud, Clouds, Layers, cloud_view},
            pictures::{self, Lens, Pictures, picture_view},
        },
    },
    engine::command::{Model, SampleRequest},
    files::bundled,
    math::Domain,
};

/// Seconds that the film plays by itself.
const SHOW_SECS: f64 = 14.0;

/// Models that are shown, the first one that there is.
const PREFERRED: [&str; 3] = ["pixel-avatars16", "digits8x8", "moons"];

/// Height of the film.
const HEIGHT: f32 = 200.0;

/// The film's clock and caches.
#[derive(Debug, Default)]
pub struct HeroDraft {
    asked: bool,
    /// Asked for in this frame.
    asking: bool,
    /// It waits to be played.
    still: bool,
    /// Plays by itself once, when the film is complete.
    begun: bool,
    played: f64,
    clock: Playback,
    lens: Lens,
    pictures: Pictures,
    clouds: Clouds,
}

impl HeroDraft {
    /// Lets time pass; answers when the next frame is due, in seconds.
    pub fn tick(&mut self, secs: f64, still: bool) -> Option<f64> {
        self.still = still;
        if self.clock.mode() == Mode::Playing {
            self.clock.tick(secs);
            self.played += secs;
        }
        if self.played > SHOW_SECS {
            self.rest();
        }
        self.clock.next_change_secs()
    }

    fn rest(&mut self) {
        self.played = 0.0;
        self.clock.apply(PlaybackCommand::End);
    }

    fn follow(&mut self, view: &TrajectoryView) {
        self.clock.grow(view.reached(), view.ended);
        if view.ended && !self.begun {
            self.begun = true;
            if !self.still {
                self.clock.apply(PlaybackCommand::Toggle);
            }
        }
    }
}

/// The samples of a bundled model, where there are any.
pub fn film(state: &AppState) -> Option<&TrajectoryView> {
    let of_bundled = |v: &&TrajectoryView| v.request.as_ref().is_some_and(is_bundled);
    state.trajectories.iter().find(of_bundled)
}

/// Whether the film is on its way.
pub fn is_awaited(state: &AppState, draft: &HeroDraft) -> bool {
    draft.asking || state.asked.iter().any(is_bundled)
}

fn is_bundled(request: &SampleRequest) -> bool {
    matches!(request.model, Model::Bundled(_))
}

/// Asks for the film, once.
pub fn ask(draft: &mut HeroDraft, out: &mut Vec<Action>) {
    draft.asking = !std::mem::replace(&mut draft.asked, true);
    if !draft.asking {
        return;
    }
    let ids = || bundled::ALL.iter().map(|b| b.id);
    let preferred = PREFERRED.into_iter().find(|p| ids().any(|id| id == *p));
    if let Some(id) = preferred.or_else(|| ids().next()) {
        let count = if catalogue::is_points(id) { 800 } else { 28 };
        out.push(Action::Engine(opening::first_look(
            Model::Bundled(id.to_owned()),
            count,
        )));
    }
}

/// The film with what it is, or its place while it is being made.
pub fn hero(ui: &mut Ui, view: Option<&TrajectoryView>, draft: &mut HeroDraft, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(10)
        .inner_margin(Margin::same(10));
    frame.show(ui, |ui| {
        let Some(view) = view else { return place(ui) };
        draft.follow(view);
        if let Some(to) = picture(ui, view, draft) {
            draft.clock.apply(PlaybackCommand::Seek(to));
        }
        ui.horizontal(|ui| controls(ui, view, draft, out));
    });
}

/// As high as the film with its controls, so that nothing jumps when it comes.
fn place(ui: &mut Ui) {
    ui.allocate_space(vec2(ui.available_width(), HEIGHT));
    ui.horizontal(|ui| {
        ui.set_min_height(30.0);
        ui.label(theme::caption(
            ui,
            "A trained model that comes along makes its first samples…",
        ));
    });
}

fn controls(ui: &mut Ui, view: &TrajectoryView, draft: &mut HeroDraft, out: &mut Vec<Action>) {
    let (icon, name) = match draft.clock.mode() {
        Mode::Playing => (ICON_PAUSE, "Pause the film"),
        Mode::Paused | Mode::Following => (ICON_PLAY_ARROW, "Play the film"),
    };
    if button::icon(ui, icon, name).clicked() {
        draft.played = 0.0;
        draft.clock.apply(PlaybackCommand::Toggle);
    }
    let source = catalogue::label(&view.info.recipe.data.source);
    let text = format!("A trained model that comes along: {source}. Drag sideways to rewind.");
    ui.label(theme::caption(ui, text));
    if button::icon(ui, ICON_ZOOM_IN, "Look closer").clicked() {
        out.push(Action::Select(view.info.id));
        out.push(Action::Show(Workspace::Trajectory));
    }
}

/// Shows the frame under the clock; answers where it was dragged to.
fn picture(ui: &mut Ui, view: &TrajectoryView, draft: &mut HeroDraft) -> Option<usize> {
    let size = vec2(ui.available_width(), HEIGHT);
    let (owner, index, name) = (view.info.id.0, draft.clock.index(), "Samples of a trained model");
    match view.info.domain {
        Domain::Points => {
            let cloud = Cloud {
                owner,
                steps: view,
                index,
                fraction: draft.clock.fraction(),
                aspect: Aspect::State,
                data: None,
                field: None,
                layers: Layers::default(),
                name,
            };
            cloud_view(ui, size, &cloud, &mut draft.clouds, &mut draft.lens).seek
        }
        Domain::Image { .. } => {
            let view = pictures::View {
                owner,
                steps: view,
                index,
                aspect: Aspect::State,
                name,
            };
            picture_view(ui, size, &view, &mut draft.pictures, &mut draft.lens).seek
        }
    }
}
