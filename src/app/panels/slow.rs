//! One step, slowly: a training step or a step of the reverse process as a formula that fills with its numbers.

use std::sync::Arc;

use eframe::egui::{
    Align, Align2, Context, Layout, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, Window, vec2,
};
use egui_material_icons::icons;

use super::recipe::RecipeDraft;
use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        playback::PlaybackCommand,
        state::AppState,
        theme,
        widgets::{button, tiles::Tiles},
    },
    engine::{Command, TrajectoryId, event::RunState},
    math::Frame,
};

mod sampling;
mod story;
mod training;

use story::{Stage, Story};

/// Seconds of a stage while it plays.
const STAGE_SECS: f64 = 1.6;

/// Part of a stage in which something moves.
const MOVING: f64 = 0.6;

/// Width of the window's inside.
const WIDTH: f32 = 664.0;

/// Side of the largest tile.
const SIDE: f32 = 148.0;

/// Which step is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Training,
    Sampling,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
enum Depth {
    #[default]
    Picture,
    Formula,
    Numbers,
}

impl Depth {
    const ALL: [(Self, &str, &str); 3] = [
        (Self::Picture, "Picture", "What happens, in pictures and a sentence"),
        (Self::Formula, "Formula", "The same as formulas"),
        (
            Self::Numbers,
            "Numbers",
            "The formulas with the numbers of this very step",
        ),
    ];
}

/// What a story was made from: the step of the run, or the step and the sample of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Run(u64),
    Frame(TrajectoryId, usize, usize),
}

/// What is open, and how far the story is.
#[derive(Debug, Default)]
pub struct SlowDraft {
    subject: Option<Subject>,
    /// It is to be opened or closed.
    turned: bool,
    depth: Depth,
    stage: usize,
    /// Stages wait to be played, and nothing moves within them.
    still: bool,
    /// Seconds of the present stage; `None` while it rests.
    played: Option<f64>,
    /// A training step was asked for and has not come.
    asked: bool,
    /// A run was begun for it.
    begun: bool,
    /// The step that was there when it was asked for.
    old: Option<u64>,
    /// Which sample of a trajectory.
    sample: usize,
    /// The training ran when the window was opened, and goes on when it is closed.
    resume: bool,
    why: bool,
    story: Option<(Source, Arc<Story>)>,
    painted: Option<(Source, usize, u64)>,
    frame: Option<Frame>,
    tiles: Tiles,
}

impl SlowDraft {
    /// Opens it in the next frame, or closes it.
    pub fn turn(&mut self) {
        self.turned = true;
    }

    /// Lets time pass; answers when the next change is due, in seconds.
    pub fn tick(&mut self, secs: f64, still: bool) -> Option<f64> {
        self.still = still;
        let played = self.played? + secs;
        let stages = self.story.as_ref()?.1.stages.len();
        if played < STAGE_SECS {
            self.played = Some(played);
        } else if self.stage + 1 < stages {
            self.stage += 1;
            self.played = Some(0.0);
        } else {
            self.played = None;
            return None;
        }
        Some(if played < MOVING && !still {
            0.0
        } else {
            STAGE_SECS - played
        })
    }

    /// How far what moves in the stage has come, 0 to 1.
    fn moved(&self) -> f64 {
        match self.played {
            Some(played) if !self.still => (played / MOVING).min(1.0),
            _ => 1.0,
        }
    }

    /// A new story: it plays by itself where things may move.
    fn present(&mut self) {
        self.stage = 0;
        self.played = (!self.still).then_some(0.0);
    }

    /// Plays from the first stage.
    fn begin(&mut self) {
        self.stage = 0;
        self.played = Some(0.0);
    }

    fn go(&mut self, stage: usize) {
        self.stage = stage;
        self.played = None;
    }
}

/// The window, and the key that opens it in the Lab and in Trajectory.
///
/// `sample` is the one that is chosen in the trajectory.
pub fn slow_window(
    ctx: &Context,
    state: &AppState,
    recipe: &RecipeDraft,
    sample: Option<usize>,
    draft: &mut SlowDraft,
    out: &mut Vec<Action>,
) {
    draft.sample = sample.unwrap_or(0);
    let subject = match state.workspace {
        Workspace::Lab => Some(Subject::Training),
        Workspace::Trajectory => Some(Subject::Sampling),
        _ => None,
    };
    let turned = std::mem::take(&mut draft.turned) | keys::pressed(ctx, Does::Slow);
    if subject.is_some() && turned {
        toggle(state, recipe, subject.filter(|_| draft.subject.is_none()), draft, out);
    }
    if draft.subject.is_some() && (draft.subject != subject || keys::closes(ctx)) {
        toggle(state, recipe, None, draft, out);
    }
    let Some(subject) = draft.subject else { return };
    follow(state, subject, draft, out);
    let mut open = true;
    let title = match subject {
        Subject::Training => "One training step, slowly",
        Subject::Sampling => "One step of the way back, slowly",
    };
    Window::new(title)
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .pivot(Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .show(ctx, |ui| {
            ui.set_width(WIDTH);
            match draft.story.clone() {
                Some((source, story)) => told(ui, state, source, &story, draft, out),
                None => drop(ui.label(waits_for(state, subject, draft.begun))),
            }
        });
    if !open {
        toggle(state, recipe, None, draft, out);
    }
}

/// Opens the window on a subject, or closes it.
fn toggle(
    state: &AppState,
    recipe: &RecipeDraft,
    subject: Option<Subject>,
    draft: &mut SlowDraft,
    out: &mut Vec<Action>,
) {
    let live = state.run.as_ref().filter(|run| run.state.is_live());
    match subject {
        Some(Subject::Training) => {
            draft.resume = live.is_some_and(|run| run.state == RunState::Running);
            draft.asked = true;
            draft.begun = live.is_none();
            draft.old = live.and_then(|run| Some(run.dissection.as_ref()?.step));
            out.push(Action::Engine(match live {
                Some(_) => Command::StepSlowly,
                None => recipe.request(state, true),
            }));
        }
        Some(Subject::Sampling) => out.push(Action::Playback(PlaybackCommand::Seek(state.playback.index()))),
        None => {
            if std::mem::take(&mut draft.resume) && live.is_some() {
                out.push(Action::Engine(Command::Resume));
            }
        }
    }
    draft.subject = subject;
    draft.story = None;
    draft.present();
}

/// Why there is nothing to tell yet; `begun` while a run is prepared for it.
fn waits_for(state: &AppState, subject: Subject, begun: bool) -> &'static str {
    match (subject, &state.run) {
        (Subject::Sampling, _) if state.trajectory().is_none() => "There is no trajectory yet: make samples first.",
        (Subject::Sampling, _) => "The first step is not made yet.",
        (Subject::Training, Some(run)) if !begun && run.diverged.is_some() => {
            "The step led nowhere: the training diverged. The Lab says what can be done."
        }
        (Subject::Training, Some(run)) if !begun && !run.state.is_live() => "The training has ended.",
        (Subject::Training, Some(_)) if !begun => "The step is being made…",
        (Subject::Training, _) => "The network is being prepared…",
    }
}

/// Makes the story of the newest step, once for each.
fn follow(state: &AppState, subject: Subject, draft: &mut SlowDraft, out: &mut Vec<Action>) {
    let found = match subject {
        Subject::Training => state
            .run
            .as_ref()
            .and_then(|run| Some(Source::Run(run.dissection.as_ref()?.step))),
        Subject::Sampling => state.trajectory().and_then(|view| {
            let index = sampling::index(view, state.playback.index())?;
            Some(Source::Frame(view.info.id, index, draft.sample))
        }),
    };
    let waits = state.run.as_ref().is_some_and(|run| run.state == RunState::Paused);
    if waits && std::mem::take(&mut draft.begun) {
        out.push(Action::Engine(Command::StepSlowly));
    }
    let Some(source) = found else { return };
    let is_old = draft.asked && draft.old.map(Source::Run) == Some(source);
    if is_old || draft.story.as_ref().is_some_and(|(known, _)| *known == source) {
        return;
    }
    let story = match subject {
        Subject::Training => state.run.as_ref().and_then(training::story),
        Subject::Sampling => state
            .trajectory()
            .and_then(|view| sampling::story(view, state.playback.index(), draft.sample)),
    };
    draft.asked = false;
    draft.story = story.map(|story| (source, Arc::new(story)));
    if subject == Subject::Training {
        draft.present();
    }
}

fn told(ui: &mut Ui, state: &AppState, source: Source, story: &Story, draft: &mut SlowDraft, out: &mut Vec<Action>) {
    draft.stage = draft.stage.min(story.stages.len() - 1);
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, &story.about));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (depth, name, help) in Depth::ALL.into_iter().rev() {
                let tab = button::tab(ui, name, name, draft.depth == depth);
                if tab.on_hover_text(help).clicked() {
                    draft.depth = depth;
                }
            }
        });
    });
    ui.add_space(4.0);
    stages(ui, story, draft);
    ui.add_space(6.0);
    tiles(ui, source, story, draft);
    ui.add_space(6.0);
    let stage = &story.stages[draft.stage];
    sentence(ui, stage, draft);
    if draft.depth >= Depth::Formula {
        ui.add_space(4.0);
        formulas(ui, story, draft);
    }
    ui.add_space(6.0);
    controls(ui, state, story, draft, out);
}

/// The names of the stages; a click goes there.
fn stages(ui: &mut Ui, story: &Story, draft: &mut SlowDraft) {
    ui.horizontal(|ui| {
        for (i, stage) in story.stages.iter().enumerate() {
            let text = format!("{} {}", i + 1, stage.title);
            if button::tab(ui, text.as_str(), &text, draft.stage == i).clicked() {
                draft.go(i);
            }
        }
    });
}

fn tiles(ui: &mut Ui, source: Source, story: &Story, draft: &mut SlowDraft) {
    let moved = draft.moved();
    let key = (source, draft.stage, moved.to_bits());
    if draft.painted != Some(key) {
        draft.painted = Some(key);
        draft.frame = story.frame(draft.stage, moved);
        if let Some(frame) = &draft.frame {
            draft.tiles.set(ui, frame);
        }
    }
    let Some(frame) = draft.frame.clone() else { return };
    let count = story.tiles.len();
    let side = ((WIDTH + 8.0) / count as f32 - 8.0).floor().min(SIDE);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        for (i, tile) in story.tiles.iter().enumerate() {
            let named = story.stages[draft.stage].tiles.contains(&i);
            ui.vertical(|ui| {
                ui.set_width(side);
                let (area, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, tile.name));
                draft
                    .tiles
                    .paint(ui, area, &frame, (i, count), if named { 1.0 } else { 0.45 });
                if named {
                    let stroke = Stroke::new(2.0, theme::palette(ui).accent);
                    ui.painter().rect_stroke(area, 3.0, stroke, StrokeKind::Outside);
                }
                let ink = if named {
                    theme::palette(ui).text
                } else {
                    theme::palette(ui).weak
                };
                ui.label(theme::caption(ui, tile.name).color(ink));
                response.on_hover_text(tile.help);
            });
        }
    });
}

/// What happens, and on request the reason. As high in every stage, so that nothing below moves.
fn sentence(ui: &mut Ui, stage: &Stage, draft: &mut SlowDraft) {
    let height = if draft.why { 92.0 } else { 42.0 };
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        ui.label(&stage.said);
        if draft.why {
            ui.label(theme::caption(ui, stage.why));
        }
    });
}

/// One line a stage; the one under discussion stands out, and in it the term that is new.
fn formulas(ui: &mut Ui, story: &Story, draft: &SlowDraft) {
    let palette = theme::palette(ui);
    for (i, stage) in story.stages.iter().enumerate() {
        let current = i == draft.stage;
        let line = if draft.depth == Depth::Numbers {
            &stage.filled
        } else {
            &stage.formula
        };
        ui.spacing_mut().interact_size.y = 20.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            for piece in &line.0 {
                let ink = match (current, piece.new) {
                    (true, true) => palette.accent,
                    (true, false) => palette.text,
                    (false, _) => palette.weak,
                };
                ui.label(theme::number(&piece.text).color(ink));
            }
        });
    }
}

fn controls(ui: &mut Ui, state: &AppState, story: &Story, draft: &mut SlowDraft, out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let last = story.stages.len() - 1;
        let (first, end) = (draft.stage == 0, draft.stage == last);
        let unless = |at_end: bool, reason| if at_end { Err(reason) } else { Ok(()) };
        if button::icon_if(
            ui,
            icons::ICON_CHEVRON_LEFT,
            "Stage before",
            unless(first, "This is the first"),
        )
        .clicked()
        {
            draft.go(draft.stage - 1);
        }
        if play(ui, draft).clicked() {
            match draft.played {
                Some(_) => draft.played = None,
                None if end => draft.begin(),
                None => draft.played = Some(0.0),
            }
        }
        if button::icon_if(
            ui,
            icons::ICON_CHEVRON_RIGHT,
            "Next stage",
            unless(end, "This is the last"),
        )
        .clicked()
        {
            draft.go(draft.stage + 1);
        }
        ui.separator();
        ui.toggle_value(&mut draft.why, "Why?");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            next_step(ui, state, draft, out);
        });
    });
}

fn play(ui: &mut Ui, draft: &SlowDraft) -> Response {
    match draft.played {
        Some(_) => button::icon(ui, icons::ICON_PAUSE, "Pause the story"),
        None => button::icon(ui, icons::ICON_PLAY_ARROW, "Play the story"),
    }
}

/// The same story with the next step of the training, or of the way back.
fn next_step(ui: &mut Ui, state: &AppState, draft: &mut SlowDraft, out: &mut Vec<Action>) {
    let can = match draft.subject {
        Some(Subject::Training) if !state.run.as_ref().is_some_and(|run| run.state.is_live()) => {
            Err("The training has ended")
        }
        Some(Subject::Training) if draft.asked => Err("The step is being made"),
        Some(Subject::Sampling) if state.playback.index() + 2 >= state.playback.len() => Err("This is the last step"),
        _ => Ok(()),
    };
    if !button::icon_text_if(ui, icons::ICON_SKIP_NEXT, "Next step", can).clicked() {
        return;
    }
    draft.present();
    match draft.subject {
        Some(Subject::Training) => {
            draft.asked = true;
            out.push(Action::Engine(Command::StepSlowly));
        }
        _ => out.push(Action::Playback(PlaybackCommand::Step(1))),
    }
}
