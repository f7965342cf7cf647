//! Panes of a workspace as a person arranges them: moved, joined as tabs, closed and brought back, seen alone, saved.
//!
//! A workspace names its panes ([`Pane`]), says where they are at first and paints each ([`Contents`]).

use std::fmt::Debug;

use eframe::egui::{Id, RichText, Ui, Vec2};
use egui_tiles::{Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{history::History, theme};

mod divider;
mod paint;
mod place;

pub use place::Place;

use paint::Painter;

/// What saved layouts are written as.
const VERSION: u32 = 1;

/// Names of the panes of one workspace.
pub trait Pane: Copy + Debug + Eq + Serialize + DeserializeOwned + 'static {
    /// The workspace, as saved layouts and the interface call it.
    const PLACE: &'static str;

    /// All, in the order of menus.
    const ALL: &'static [Self];

    /// What it is called.
    fn title(self) -> &'static str;

    /// What stands small beside its title.
    fn symbol(self) -> &'static str {
        ""
    }

    /// What it shows, in words.
    fn help(self) -> &'static str;
}

/// What a workspace paints into its panes.
pub trait Contents<P> {
    /// Where the panes are until a person moves them, with so much room.
    fn places(&self, room: Vec2) -> Place<P>;

    /// The pane itself.
    fn body(&mut self, ui: &mut Ui, pane: P);

    /// Controls beside its title, from right to left.
    fn tools(&mut self, _ui: &mut Ui, _pane: P) {}
}

/// What a menu or a key asks of a layout. Panes are numbered as in [`Pane::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Closes a pane, or brings it back.
    Toggle(usize),
    /// Shows one pane alone, or all again.
    Alone(usize),
    /// As it was before the last change.
    Undo,
    /// The change that was taken back, again.
    Redo,
    /// As it was at first.
    Reset,
}

/// A pane in a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is called.
    pub title: &'static str,
    /// Whether it is not closed.
    pub is_shown: bool,
    /// Whether it is the only one in sight.
    pub is_alone: bool,
}

/// A layout, whatever its panes are.
pub trait Arranged {
    /// All panes.
    fn lines(&self) -> Vec<Line>;
    /// Whether there is something to undo, and something to redo.
    fn is_open(&self) -> (bool, bool);
    /// Arranges the panes differently.
    fn change(&mut self, change: Change);
    /// What is to be kept; nothing while all is as it was at first.
    fn saved(&self) -> Option<String>;
    /// As it was saved; what cannot be read or does not fit changes nothing.
    fn restore(&mut self, saved: &str);
}

/// What a person has made of a layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Own<P> {
    version: u32,
    /// Where the panes are, if they were moved.
    places: Option<Place<P>>,
    /// The panes that were closed.
    closed: Vec<P>,
}

impl<P> Default for Own<P> {
    fn default() -> Self {
        Self {
            version: VERSION,
            places: None,
            closed: Vec::new(),
        }
    }
}

/// The panes of a workspace in their places.
#[derive(Debug)]
pub struct Layout<P> {
    own: Own<P>,
    history: History<Own<P>>,
    /// The only pane in sight.
    alone: Option<P>,
    /// What is shown, and the places that it was built from or has come to.
    built: Option<(Tree<P>, Place<P>)>,
}

impl<P: Pane> Default for Layout<P> {
    fn default() -> Self {
        Self {
            own: Own::default(),
            history: History::new(Own::default()),
            alone: None,
            built: None,
        }
    }
}

impl<P: Pane> Layout<P> {
    /// Shows the panes in all the room that there is.
    pub fn show(&mut self, ui: &mut Ui, contents: &mut dyn Contents<P>) {
        if P::ALL.iter().all(|&pane| !self.is_shown(pane)) {
            return self.nothing(ui);
        }
        let places = match &self.own.places {
            Some(own) => own.clone(),
            None => contents.places(ui.available_size()),
        };
        let built = self.built.take().filter(|(_, from)| *from == places);
        let (mut tree, before) = built.unwrap_or_else(|| (places.tree(Id::unique(("layout", P::PLACE))), places));
        if let Some(root) = tree.root() {
            show_some(&mut tree.tiles, root, &|pane| self.is_shown(pane));
        }
        let mut painter = Painter::new(contents, self.alone, ui.clip_rect());
        tree.ui(&mut painter, ui);
        let (edited, wanted) = (painter.edited, painter.wanted);
        let resized = divider::dividers(ui, &mut tree);
        let after = match Place::of(&tree) {
            Some(after) if (edited || resized) && after != before => {
                self.own.places = Some(after.clone());
                after
            }
            _ => before,
        };
        self.built = Some((tree, after));
        if let Some(change) = wanted {
            self.change(change);
            ui.ctx().request_repaint();
        }
        if ui.ctx().dragged_id().is_none() {
            self.history.settle(&self.own);
        }
    }

    fn is_shown(&self, pane: P) -> bool {
        match self.alone {
            Some(alone) => alone == pane,
            None => !self.own.closed.contains(&pane),
        }
    }

    /// Every pane was closed.
    fn nothing(&mut self, ui: &mut Ui) {
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.34).max(20.0));
            let text = "Every pane is closed. The View menu at the top brings each back.";
            ui.label(RichText::new(text).color(theme::palette(ui).weak));
            ui.add_space(8.0);
            if ui.button("Show all panes").clicked() {
                self.own.closed.clear();
                self.history.settle(&self.own);
            }
        });
    }

    fn toggle(&mut self, pane: P) {
        // One that cannot be seen beside the one that is alone is wanted back, not closed.
        let is_hidden = self.alone.take().is_some_and(|alone| alone != pane);
        let is_closed = self.own.closed.contains(&pane);
        self.own.closed.retain(|other| *other != pane);
        if !is_closed && !is_hidden {
            self.own.closed.push(pane);
        } else if let Some((tree, _)) = &mut self.built {
            tree.make_active(|_, tile| matches!(tile, Tile::Pane(found) if *found == pane));
        }
    }
}

impl<P: Pane> Arranged for Layout<P> {
    fn lines(&self) -> Vec<Line> {
        let line = |&pane: &P| Line {
            title: pane.title(),
            is_shown: !self.own.closed.contains(&pane),
            is_alone: self.alone == Some(pane),
        };
        P::ALL.iter().map(line).collect()
    }

    fn is_open(&self) -> (bool, bool) {
        self.history.is_open()
    }

    fn change(&mut self, change: Change) {
        let pane = |index: usize| P::ALL.get(index).copied();
        match change {
            Change::Toggle(index) => pane(index).into_iter().for_each(|pane| self.toggle(pane)),
            Change::Alone(index) => self.alone = pane(index).filter(|&pane| self.alone != Some(pane)),
            Change::Undo => {
                self.history.undo(&mut self.own);
            }
            Change::Redo => {
                self.history.redo(&mut self.own);
            }
            Change::Reset => (self.own, self.alone) = (Own::default(), None),
        }
        self.history.settle(&self.own);
    }

    fn saved(&self) -> Option<String> {
        let is_own = self.own != Own::default();
        is_own.then(|| serde_json::to_string(&self.own).ok()).flatten()
    }

    fn restore(&mut self, saved: &str) {
        let Ok(own) = serde_json::from_str::<Own<P>>(saved) else {
            return;
        };
        let fits = own.places.as_ref().is_none_or(Place::is_whole);
        if own.version == VERSION && fits {
            self.own = own;
            self.history.accept(&self.own);
        }
    }
}

/// Makes a tile visible where it holds a pane that `is_shown`. Answers whether it does.
fn show_some<P: Pane>(tiles: &mut Tiles<P>, id: TileId, is_shown: &dyn Fn(P) -> bool) -> bool {
    let is_visible = match tiles.get(id) {
        Some(Tile::Pane(pane)) => is_shown(*pane),
        Some(Tile::Container(container)) => {
            let children = container.children_vec();
            let shown = children.into_iter().map(|child| show_some(tiles, child, is_shown));
            shown.fold(false, |any, one| any | one)
        }
        None => false,
    };
    tiles.set_visible(id, is_visible);
    is_visible
}

#[cfg(test)]
mod tests;
