//! The panes of the workspace: the curve in four quantities, what it does to data, and traps in words.

use eframe::egui::{ScrollArea, Ui, Vec2};
use serde::{Deserialize, Serialize};

use super::{
    ScheduleDraft,
    curves::{help, title},
    in_words,
    pictures::{picture_tools, pictures},
    plots::{Scene, plot},
};
use crate::{
    app::{
        action::Action,
        layout::{Contents, Pane, Place},
        state::AppState,
    },
    engine::lint::Advice,
    files::Recipe,
    math::schedule::custom::View,
};

/// Greatest height of the pictures, and their share of the room where that is less.
const PICTURES: f32 = 206.0;
const PICTURES_SHARE: f32 = 0.32;

/// Share of the width that the words have beside the pictures.
const WORDS_SHARE: f32 = 0.3;

/// A pane of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulePane {
    /// The curve as the signal that is left.
    AlphaBar,
    /// The curve as signal to noise.
    Decibels,
    /// The curve as noise that is added.
    Beta,
    /// The curve as the noise level.
    Sigma,
    /// What it does to data.
    Pictures,
    /// Traps, in words.
    Advice,
}

impl SchedulePane {
    /// The curve in this quantity.
    fn view(self) -> Option<View> {
        match self {
            Self::AlphaBar => Some(View::AlphaBar),
            Self::Decibels => Some(View::Decibels),
            Self::Beta => Some(View::Beta),
            Self::Sigma => Some(View::Sigma),
            Self::Pictures | Self::Advice => None,
        }
    }
}

impl Pane for SchedulePane {
    const PLACE: &'static str = "Schedule";
    const ALL: &'static [Self] = &[
        Self::AlphaBar,
        Self::Decibels,
        Self::Beta,
        Self::Sigma,
        Self::Pictures,
        Self::Advice,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Pictures => "Data in noise",
            Self::Advice => "Advice",
            Self::AlphaBar | Self::Decibels | Self::Beta | Self::Sigma => self.view().map_or("", title),
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Pictures => "What the schedule makes of the data, from start to end.",
            Self::Advice => "What this schedule and these steps would do wrong, and how it is mended.",
            Self::AlphaBar | Self::Decibels | Self::Beta | Self::Sigma => self.view().map_or("", help),
        }
    }
}

/// What the panes show.
pub(super) struct Shown<'a> {
    pub(super) state: &'a AppState,
    pub(super) recipe: &'a Recipe,
    pub(super) draft: &'a mut ScheduleDraft,
    pub(super) scene: Scene<'a>,
    pub(super) told: &'a [Advice],
    /// A share of the schedule that was dragged to.
    pub(super) wanted: Option<f64>,
    pub(super) out: &'a mut Vec<Action>,
}

impl Contents<SchedulePane> for Shown<'_> {
    /// Four curves, two by two; below them what they do, in pictures and in words.
    fn places(&self, room: Vec2) -> Place<SchedulePane> {
        let below = PICTURES.min(PICTURES_SHARE * room.y);
        let above = 0.5 * (room.y - below);
        let pair = |a, b| Place::Row(vec![(1.0, Place::Pane(a)), (1.0, Place::Pane(b))]);
        let effects = Place::Row(vec![
            (1.0 - WORDS_SHARE, Place::Pane(SchedulePane::Pictures)),
            (WORDS_SHARE, Place::Pane(SchedulePane::Advice)),
        ]);
        Place::Column(vec![
            (above, pair(SchedulePane::AlphaBar, SchedulePane::Decibels)),
            (above, pair(SchedulePane::Beta, SchedulePane::Sigma)),
            (below, effects),
        ])
    }

    fn body(&mut self, ui: &mut Ui, pane: SchedulePane) {
        match (pane, pane.view()) {
            (_, Some(view)) => self.wanted = plot(ui, view, self.draft, &self.scene).or(self.wanted),
            (SchedulePane::Advice, _) => {
                let words = |ui: &mut Ui| in_words(ui, self.recipe, self.draft, self.told, self.out);
                ScrollArea::vertical().auto_shrink(false).show(ui, words);
            }
            _ => {
                let (mine, share) = (self.draft.mine.clone(), self.scene.share);
                pictures(ui, self.state, &mine, &mut self.draft.shown, share, self.out);
            }
        }
    }

    fn tools(&mut self, ui: &mut Ui, pane: SchedulePane) {
        if pane == SchedulePane::Pictures {
            picture_tools(ui, self.state, &mut self.draft.shown);
        }
    }
}
