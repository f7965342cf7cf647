//! The knots of a drawn schedule: dragged with the pointer in every view, moved with the arrows in that of the log-SNR.

use eframe::egui::{
    Align2, Context, CursorIcon, EventFilter, Id, Key, Modifiers, Pos2, Rect, Response, Sense, Stroke, TextStyle, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};
use egui_plot::{PlotPoint, PlotTransform};

use super::curves::{height, text, value};
use crate::{
    app::theme,
    math::{
        Spec,
        schedule::custom::{COUNT, Drawing, View},
    },
};

/// Side of the square that takes the pointer.
const REACH: f32 = 18.0;

/// Decibels that an arrow moves a knot, alone and with Shift.
const ARROW: [f64; 2] = [0.25, 2.5];

/// A knot that is being dragged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Where it is dragged.
    pub(super) view: View,
    /// What the axis shows: it stays while the curve moves.
    pub(super) bounds: (f64, f64),
    id: Id,
    knot: usize,
    /// Where the knot was.
    at: Pos2,
    /// What a place of the pointer means.
    transform: PlotTransform,
    /// All knots at the start: those that are pushed come back when the hand does.
    before: Drawing,
}

/// Moves the knot that is dragged, before anything is drawn: curves, pictures and words follow in the same frame.
pub(super) fn follow(ctx: &Context, spec: &mut Spec, held: &mut Option<Held>) {
    let Some(now) = *held else { return };
    let response = ctx
        .read_response(now.id)
        .filter(|response| response.dragged() || response.drag_stopped());
    if let Some(moved) = response.as_ref().and_then(|response| now.dragged(response)) {
        *spec = moved.spec();
    }
    if response.is_none_or(|response| response.drag_stopped()) {
        *held = None;
    }
}

impl Held {
    fn dragged(&self, response: &Response) -> Option<Drawing> {
        let way = response.total_drag_delta().filter(|way| way.y != 0.0)?;
        let shown = self.transform.value_from_position(self.at + way).y;
        Some(Drawing {
            knots: self.view.moved(&self.before, self.knot, value(self.view, shown)),
            ..self.before
        })
    }
}

/// Draws the knots over a plot, takes hold of them, and moves the one that has the focus.
pub(super) fn handles(
    ui: &Ui,
    view: View,
    transform: PlotTransform,
    bounds: (f64, f64),
    spec: &mut Spec,
    held: &mut Option<Held>,
) {
    let Some(drawing) = Drawing::of(spec) else { return };
    for knot in 0..COUNT {
        let Some(seen) = view.value(&drawing, knot) else {
            continue;
        };
        let at = transform.position_from_point(&PlotPoint::new(view.place(knot), height(view, seen)));
        let response = handle(ui, view, knot, at, seen, *transform.frame());
        if response.drag_started() {
            *held = Some(Held {
                view,
                bounds,
                id: response.id,
                knot,
                at,
                transform,
                before: drawing,
            });
            ui.ctx().request_repaint();
        }
        if let Some(moved) = arrowed(ui, &response, &drawing, knot) {
            *spec = moved.spec();
            ui.ctx().request_repaint();
        }
    }
}

/// One knot with its name; what it stands for while it is looked at.
fn handle(ui: &Ui, view: View, knot: usize, at: Pos2, seen: f64, frame: Rect) -> Response {
    // One stop for the Tab key is enough for each knot.
    let sense = if view == View::Decibels {
        Sense::click_and_drag()
    } else {
        Sense::CLICK | Sense::DRAG
    };
    let id = ui.scope_id().with((super::curves::title(view), knot));
    let response = ui
        .interact(Rect::from_center_size(at, Vec2::splat(REACH)), id, sense)
        .on_hover_and_drag_cursor(CursorIcon::ResizeVertical);
    let name = format!("Knot {} of {COUNT}, {}", knot + 1, super::curves::title(view));
    response.widget_info(|| WidgetInfo::slider(true, seen, &name));
    let palette = theme::palette(ui);
    let is_lit = response.hovered() || response.dragged() || response.has_focus();
    let (radius, ring) = if is_lit {
        (6.5, palette.accent)
    } else {
        (5.0, palette.panel)
    };
    let painter = ui.painter();
    painter.circle(at, radius, palette.curve, Stroke::new(2.0, ring));
    if is_lit {
        let words = text(view, height(view, seen));
        let font = TextStyle::Monospace.resolve(ui.style());
        let galley = painter.layout_no_wrap(words, font, palette.text);
        let half = galley.size().x / 2.0 + 4.0;
        let middle =
            at.x.clamp(frame.left() + half, (frame.right() - half).max(frame.left() + half));
        let area = Align2::CENTER_BOTTOM.anchor_size(pos2(middle, at.y - 10.0), galley.size());
        painter.rect_filled(area.expand2(vec2(4.0, 2.0)), 3.0, palette.sunken.gamma_multiply(0.85));
        painter.galley(area.min, galley, palette.text);
    }
    response
}

/// Up and down move the knot that has the focus.
fn arrowed(ui: &Ui, response: &Response, drawing: &Drawing, knot: usize) -> Option<Drawing> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter {
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |modifiers, key| ui.input_mut(|i| i.count_and_consume_key(modifiers, key)) as f64;
    let way = |modifiers| pressed(modifiers, Key::ArrowUp) - pressed(modifiers, Key::ArrowDown);
    // Shift first: without modifiers any of them would do.
    let steps = ARROW[1] * way(Modifiers::SHIFT) + ARROW[0] * way(Modifiers::NONE);
    (steps != 0.0).then(|| {
        let seen = View::Decibels.value(drawing, knot).unwrap_or_default();
        Drawing {
            knots: View::Decibels.moved(drawing, knot, seen + steps),
            ..*drawing
        }
    })
}
