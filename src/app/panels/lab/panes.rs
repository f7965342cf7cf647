//! The panes of the workspace: samples, numbers and curves of the training.

use eframe::egui::{Label, ScrollArea, Ui, Vec2};
use serde::{Deserialize, Serialize};

use super::{LabDraft, live_view, waiting};
use crate::{
    app::{
        action::Action,
        layout::{Contents, Pane, Place},
        panels::{plots, quality},
        quantities::{Reading, training},
        run_view::RunView,
        state::AppState,
        theme,
        widgets::number,
        words,
    },
    engine::event::RunState,
};

/// Height of the numbers of the moment at first, with their title.
const PROGRESS: f32 = 118.0;

/// Room beside a plot, into which the last number of its axis reaches.
const EDGE: f32 = 12.0;

/// A pane of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabPane {
    /// What the network makes at the moment.
    Samples,
    /// Loss, speed and so on at the moment.
    Progress,
    /// Loss over training steps.
    Loss,
    /// Loss by noise level.
    Levels,
    /// How good samples were.
    Quality,
}

impl Pane for LabPane {
    const PLACE: &'static str = "Lab";
    const ALL: &'static [Self] = &[Self::Samples, Self::Progress, Self::Loss, Self::Levels, Self::Quality];

    fn title(self) -> &'static str {
        match self {
            Self::Samples => "Samples",
            Self::Progress => "Progress",
            Self::Loss => "Loss",
            Self::Levels => "Loss by noise level",
            Self::Quality => "Quality",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Samples => "What the network makes of the same noise each time, while it learns.",
            Self::Progress => "The numbers of the moment.",
            Self::Loss => "How far off each training step was.",
            Self::Levels => "Which noise levels are still hard.",
            Self::Quality => "How good samples were, measured now and then while training.",
        }
    }
}

/// What the panes show.
pub(super) struct Shown<'a> {
    pub(super) state: &'a AppState,
    pub(super) run: &'a RunView,
    pub(super) draft: &'a mut LabDraft,
    pub(super) out: &'a mut Vec<Action>,
}

impl Contents<LabPane> for Shown<'_> {
    fn places(&self, room: Vec2) -> Place<LabPane> {
        let curves = (room.x * 0.42).clamp(280.0, 560.0).min(0.6 * room.x);
        let progress = PROGRESS.min(0.3 * room.y);
        let rest = room.y - progress;
        let lower = Place::Tabs(0, vec![Place::Pane(LabPane::Levels), Place::Pane(LabPane::Quality)]);
        let column = Place::Column(vec![
            (progress, Place::Pane(LabPane::Progress)),
            (0.56 * rest, Place::Pane(LabPane::Loss)),
            (0.44 * rest, lower),
        ]);
        Place::Row(vec![(room.x - curves, Place::Pane(LabPane::Samples)), (curves, column)])
    }

    fn body(&mut self, ui: &mut Ui, pane: LabPane) {
        let height = ui.available_height().max(40.0);
        if matches!(pane, LabPane::Loss | LabPane::Levels | LabPane::Quality) {
            ui.set_max_width(ui.available_width() - EDGE);
        }
        match pane {
            LabPane::Samples => self.samples(ui),
            LabPane::Progress => numbers(ui, self.run),
            LabPane::Loss => plots::loss_plot(ui, self.run, &mut self.draft.curves, height),
            LabPane::Levels => plots::level_plot(ui, self.run, height),
            LabPane::Quality => self.quality(ui, height),
        }
    }

    fn tools(&mut self, ui: &mut Ui, pane: LabPane) {
        match pane {
            LabPane::Loss => plots::loss_tools(ui, &mut self.draft.curves),
            LabPane::Quality => quality::quality_choice(ui, self.run, &mut self.draft.quality),
            LabPane::Samples | LabPane::Progress | LabPane::Levels => {}
        }
    }
}

impl Shown<'_> {
    fn samples(&mut self, ui: &mut Ui) {
        match &self.run.preview {
            Some(preview) => live_view(ui, self.state, self.run, preview, self.draft, self.out),
            None => waiting(ui, self.run),
        }
    }

    fn quality(&mut self, ui: &mut Ui, height: f32) {
        if self.run.quality.is_empty() {
            let text = "Nothing was measured yet. While a network trains, its samples are judged now and then.";
            ui.add_space(0.3 * height);
            ui.vertical_centered(|ui| ui.label(theme::caption(ui, text)));
            return;
        }
        quality::quality_plot(ui, self.run, &self.draft.quality, height - 22.0);
        quality::quality_line(ui, self.run, &self.draft.quality);
    }
}

/// The numbers of the moment, in as many columns as there is room for.
fn numbers(ui: &mut Ui, run: &RunView) {
    let all = moment(run);
    let columns = match ui.available_width() {
        width if width >= 660.0 => 6,
        width if width >= 250.0 => 3,
        _ => 2,
    };
    let row = ui.available_height() / all.len().div_ceil(columns) as f32;
    let is_narrow = ui.available_width() < 110.0 * columns as f32;
    let size = if is_narrow {
        14.0
    } else {
        (0.5 * (row - 16.0)).clamp(15.0, 24.0)
    };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.columns(columns, |columns| {
            for (i, Reading { of, text, values }) in all.into_iter().enumerate() {
                let ui = &mut columns[i % columns.len()];
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.add(Label::new(theme::caption(ui, of.name)).truncate());
                    number::truncated(ui, theme::number(text).size(size), of, of.name, values);
                });
            }
        });
    });
}

/// Each number with its explanation.
fn moment(run: &RunView) -> [Reading<'_>; 6] {
    let now = &run.now;
    let left = match run.state {
        RunState::Running if now.secs_left > 0.0 => words::duration(now.secs_left),
        _ => "–".into(),
    };
    let loss = run.losses.last_smooth().map_or("–".into(), words::reading);
    let speed = words::reading(now.steps_per_sec);
    [
        training::LOSS.reads(loss, || training::loss(run)),
        training::SPEED.reads(speed, || training::speed(run)),
        training::LEFT.reads(left, || training::left(run)),
        training::RATE.reads(words::number(now.lr), || training::rate(run)),
        training::DECAY.reads(words::number(now.ema_decay), || training::decay(run)),
        training::GRADIENT.reads(words::reading(now.grad_norm), || training::gradient(run)),
    ]
}
