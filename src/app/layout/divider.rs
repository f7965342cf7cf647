//! The lines between panes: dragged, moved with the arrow keys, made even with a double click.

use eframe::egui::{CursorIcon, EventFilter, Id, Key, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo};
use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use super::{Pane, paint::title};
use crate::app::theme;

/// Least width and height of a pane, in points.
const LEAST: [f32; 2] = [140.0, 90.0];

/// How far an arrow key moves a divider, in points.
const NUDGE: f32 = 16.0;

/// Two neighbours and what lies between them.
struct Divider {
    parent: TileId,
    dir: LinearDir,
    between: [TileId; 2],
    sizes: [f32; 2],
    area: Rect,
}

/// All dividers of a tree that was shown. Answers whether one was moved.
pub(super) fn dividers<P: Pane>(ui: &Ui, tree: &mut Tree<P>) -> bool {
    let mut moved = false;
    for divider in found(tree) {
        let response = shown(ui, &tree.tiles, &divider);
        let [before, after] = divider.sizes;
        let first = if response.double_clicked() {
            0.5 * (before + after)
        } else {
            let by = match divider.dir {
                LinearDir::Horizontal => response.drag_delta().x,
                LinearDir::Vertical => response.drag_delta().y,
            };
            before + by + nudged(ui, &response, divider.dir)
        };
        if first != before {
            move_to(&mut tree.tiles, &divider, first);
            moved = true;
        }
    }
    moved
}

fn found<P: Pane>(tree: &Tree<P>) -> Vec<Divider> {
    let mut dividers = Vec::new();
    for id in tree.active_tiles() {
        let Some(Container::Linear(linear)) = tree.tiles.get_container(id) else {
            continue;
        };
        let seen = linear
            .children
            .iter()
            .filter_map(|&child| Some((child, tree.tiles.rect(child)?)));
        let seen: Vec<(TileId, Rect)> = seen.collect();
        dividers.extend(seen.windows(2).map(|pair| between(id, linear.dir, pair[0], pair[1])));
    }
    // The order in which Tab goes from one to the next.
    dividers.sort_by_key(|divider| divider.between.map(|tile| tile.0));
    dividers
}

fn between(parent: TileId, dir: LinearDir, (a, before): (TileId, Rect), (b, after): (TileId, Rect)) -> Divider {
    let (sizes, area) = match dir {
        LinearDir::Horizontal => (
            [before.width(), after.width()],
            Rect::from_x_y_ranges(before.right()..=after.left(), before.y_range()),
        ),
        LinearDir::Vertical => (
            [before.height(), after.height()],
            Rect::from_x_y_ranges(before.x_range(), before.bottom()..=after.top()),
        ),
    };
    Divider {
        parent,
        dir,
        between: [a, b],
        sizes,
        area,
    }
}

fn shown<P: Pane>(ui: &Ui, tiles: &Tiles<P>, divider: &Divider) -> Response {
    let [a, b] = divider.between;
    let id = Id::unique(("divider", P::PLACE, a, b));
    let response = ui.interact(divider.area, id, Sense::click_and_drag());
    let name = format!("Divider between {} and {}", title(tiles, a), title(tiles, b));
    response.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, name.as_str()));
    let response = response.on_hover_cursor(match divider.dir {
        LinearDir::Horizontal => CursorIcon::ResizeHorizontal,
        LinearDir::Vertical => CursorIcon::ResizeVertical,
    });
    let palette = theme::palette(ui);
    let stroke = if response.hovered() || response.dragged() || response.has_focus() {
        Stroke::new(2.0, palette.accent)
    } else {
        Stroke::new(1.0, palette.line)
    };
    match divider.dir {
        LinearDir::Horizontal => ui
            .painter()
            .vline(divider.area.center().x, divider.area.y_range(), stroke),
        LinearDir::Vertical => ui
            .painter()
            .hline(divider.area.x_range(), divider.area.center().y, stroke),
    };
    response
}

/// How far arrow keys move the divider that has the focus.
fn nudged(ui: &Ui, response: &Response, dir: LinearDir) -> f32 {
    if !response.has_focus() {
        return 0.0;
    }
    let horizontal = dir == LinearDir::Horizontal;
    let filter = EventFilter {
        horizontal_arrows: horizontal,
        vertical_arrows: !horizontal,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let (back, on) = if horizontal {
        (Key::ArrowLeft, Key::ArrowRight)
    } else {
        (Key::ArrowUp, Key::ArrowDown)
    };
    let presses = |key| ui.input(|input| input.num_presses(key)) as f32;
    NUDGE * (presses(on) - presses(back))
}

/// Gives the first of the two this size, and the second what is left of both.
fn move_to<P: Pane>(tiles: &mut Tiles<P>, divider: &Divider, first: f32) {
    let Some(Tile::Container(Container::Linear(Linear { shares, .. }))) = tiles.get_mut(divider.parent) else {
        return;
    };
    let [a, b] = divider.between;
    let both = divider.sizes[0] + divider.sizes[1];
    let least = LEAST[usize::from(divider.dir == LinearDir::Vertical)].min(0.5 * both);
    let part = first.clamp(least, both - least) / both.max(1.0);
    let sum = shares[a] + shares[b];
    shares.set_share(a, sum * part);
    shares.set_share(b, sum * (1.0 - part));
}
