//! Where panes are, as it is written down: in defaults, in saved layouts, and to undo.

use egui_tiles::{Container, Linear, LinearDir, Tabs, Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize};

use super::Pane;

/// Largest ratio of two sizes beside each other in a saved layout.
const LARGEST_RATIO: f32 = 1e4;

/// A pane, or several in some order. Sizes count in proportion to those beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place<P> {
    /// One pane.
    Pane(P),
    /// One of several is seen: which, and all.
    Tabs(usize, Vec<Self>),
    /// From left to right, with their widths.
    Row(Vec<(f32, Self)>),
    /// From top to bottom, with their heights.
    Column(Vec<(f32, Self)>),
}

impl<P: Pane> Place<P> {
    /// The tree in which these places are.
    pub(super) fn tree(&self, id: eframe::egui::Id) -> Tree<P> {
        let mut tiles = Tiles::default();
        let root = self.insert(&mut tiles);
        Tree::new(id, root, tiles)
    }

    fn insert(&self, tiles: &mut Tiles<P>) -> TileId {
        let container = match self {
            Self::Pane(pane) => return tiles.insert_pane(*pane),
            Self::Tabs(open, children) => {
                let mut tabs = Tabs::new(children.iter().map(|child| child.insert(tiles)).collect());
                tabs.active = tabs.children.get(*open).copied();
                tabs.into()
            }
            Self::Row(children) => linear(tiles, LinearDir::Horizontal, children),
            Self::Column(children) => linear(tiles, LinearDir::Vertical, children),
        };
        tiles.insert_new(Tile::Container(container))
    }

    /// The places in a tree.
    pub(super) fn of(tree: &Tree<P>) -> Option<Self> {
        Self::at(&tree.tiles, tree.root()?)
    }

    fn at(tiles: &Tiles<P>, id: TileId) -> Option<Self> {
        let container = match tiles.get(id)? {
            Tile::Pane(pane) => return Some(Self::Pane(*pane)),
            Tile::Container(container) => container,
        };
        let found = |child: &TileId| Some((*child, Self::at(tiles, *child)?));
        let mut children: Vec<(TileId, Self)> = container.children().filter_map(found).collect();
        // Around a single one, the tree keeps tabs for their title.
        if children.len() < 2 {
            return children.pop().map(|(_, only)| only);
        }
        Some(match container {
            Container::Tabs(tabs) => {
                let open = children.iter().position(|(child, _)| Some(*child) == tabs.active);
                Self::Tabs(
                    open.unwrap_or_default(),
                    children.into_iter().map(|(_, child)| child).collect(),
                )
            }
            Container::Linear(Linear { dir, shares, .. }) => {
                let children = children.into_iter().map(|(id, child)| (shares[id], child)).collect();
                match dir {
                    LinearDir::Horizontal => Self::Row(children),
                    LinearDir::Vertical => Self::Column(children),
                }
            }
            // No default has a grid, and dragging makes none.
            Container::Grid(_) => Self::Row(children.into_iter().map(|(_, child)| (1.0, child)).collect()),
        })
    }

    /// Whether each pane is there once, and nothing is empty, lonely or of no size.
    pub(super) fn is_whole(&self) -> bool {
        let mut panes = Vec::new();
        self.is_sound(&mut panes) && panes.len() == P::ALL.len() && P::ALL.iter().all(|pane| panes.contains(pane))
    }

    fn is_sound(&self, panes: &mut Vec<P>) -> bool {
        match self {
            Self::Pane(pane) => {
                panes.push(*pane);
                true
            }
            Self::Tabs(open, children) => {
                children.len() > 1 && *open < children.len() && children.iter().all(|child| child.is_sound(panes))
            }
            Self::Row(children) | Self::Column(children) => {
                let sizes = || children.iter().map(|(size, _)| *size);
                let largest = sizes().fold(0.0, f32::max);
                children.len() > 1
                    && largest.is_finite()
                    && sizes().all(|size| size * LARGEST_RATIO >= largest && size > 0.0)
                    && children.iter().all(|(_, child)| child.is_sound(panes))
            }
        }
    }
}

fn linear<P: Pane>(tiles: &mut Tiles<P>, dir: LinearDir, children: &[(f32, Place<P>)]) -> Container {
    let mut linear = Linear::new(dir, Vec::new());
    for (size, child) in children {
        let child = child.insert(tiles);
        linear.add_child(child);
        linear.shares.set_share(child, *size);
    }
    linear.into()
}
