//! Drawing a cloud of points by hand.

use eframe::egui::{self, Align2, Color32, CursorIcon, Pos2, Rect, Sense, Stroke, Ui, Window, vec2};
use egui_material_icons::icons::{ICON_DELETE, ICON_REDO, ICON_SCIENCE, ICON_UNDO};

use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        own::Own,
        theme,
        widgets::{button, form},
        words,
    },
    math::noise::{Address, Stream},
};

/// Side of the sheet on the screen.
const SIDE: f32 = 400.0;

/// Points sprayed for each step of the pointer.
const SPRAY: usize = 14;

/// Fewest points that are worth learning.
const FEWEST: usize = 60;

/// A drawing under way.
#[derive(Debug)]
pub struct DrawDraft {
    /// Whether the sheet is shown.
    pub open: bool,
    /// Finished strokes.
    strokes: Vec<Vec<[f64; 2]>>,
    /// Strokes that were undone.
    undone: Vec<Vec<[f64; 2]>>,
    /// The stroke under the pointer.
    stroke: Vec<[f64; 2]>,
    /// Standard deviation of the spray, as a share of the sheet.
    width: f64,
    last: Option<Pos2>,
}

impl Default for DrawDraft {
    fn default() -> Self {
        Self {
            open: false,
            strokes: Vec::new(),
            undone: Vec::new(),
            stroke: Vec::new(),
            width: 0.025,
            last: None,
        }
    }
}

impl DrawDraft {
    fn count(&self) -> usize {
        self.strokes.iter().map(Vec::len).sum::<usize>() + self.stroke.len()
    }

    /// Sprays points around a place on the sheet, `-1..=1` in both axes with y pointing up.
    fn spray(&mut self, at: [f64; 2]) {
        let address = Address {
            seed: 0,
            stream: Stream::Data,
            sample: self.count() as u64,
            mv: 0,
            draw: 0,
        };
        let mut noise = [0.0; 2 * SPRAY];
        address.normals(&mut noise);
        let spread = noise.as_chunks::<2>().0.iter();
        let width = 2.0 * self.width;
        self.stroke
            .extend(spread.map(|n| [at[0] + width * f64::from(n[0]), at[1] + width * f64::from(n[1])]));
    }

    fn end_stroke(&mut self) {
        self.last = None;
        if !self.stroke.is_empty() {
            self.strokes.push(std::mem::take(&mut self.stroke));
            self.undone.clear();
        }
    }

    fn undo(&mut self) {
        self.undone.extend(self.strokes.pop());
    }

    fn redo(&mut self) {
        self.strokes.extend(self.undone.pop());
    }

    fn clear(&mut self) {
        // Newest stroke last in, so that redo brings them back in their order.
        while let Some(stroke) = self.strokes.pop() {
            self.undone.push(stroke);
        }
    }
}

/// The sheet and its tools.
pub fn draw_window(ctx: &egui::Context, draft: &mut DrawDraft, out: &mut Vec<Action>) {
    let mut open = draft.open;
    Window::new("Draw your own points")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        .show(ctx, |ui| {
            ui.label(theme::caption(
                ui,
                "Drag to spray points. The network will learn where they are.",
            ));
            sheet(ui, draft);
            form::row(ui, "Width", "How far the points are sprayed", |ui| {
                form::real(ui, &mut draft.width, 0.0..=0.2)
            });
            tools(ui, draft, out);
        });
    draft.open &= open && !keys::closes(ctx);
}

fn sheet(ui: &mut Ui, draft: &mut DrawDraft) {
    let (area, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::drag());
    button::name_as(&response, egui::Role::Canvas, "Sheet to draw points on");
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    painter.rect(
        area,
        6.0,
        palette.sunken,
        Stroke::new(1.0, palette.line),
        egui::StrokeKind::Inside,
    );
    if let Some(pointer) = response.interact_pointer_pos() {
        let moved = draft.last.is_none_or(|last| last.distance(pointer) > 5.0);
        if moved && area.contains(pointer) {
            draft.last = Some(pointer);
            draft.spray(from_screen(area, pointer));
        }
    } else {
        draft.end_stroke();
    }
    let ink = palette.sample.gamma_multiply(0.8);
    for point in draft.strokes.iter().chain([&draft.stroke]).flatten() {
        dot(&painter, area, *point, ink);
    }
    response.on_hover_cursor(CursorIcon::Crosshair);
}

fn from_screen(area: Rect, at: Pos2) -> [f64; 2] {
    let from_middle = (at - area.center()) / (area.width() / 2.0);
    [f64::from(from_middle.x), f64::from(-from_middle.y)]
}

fn dot(painter: &egui::Painter, area: Rect, point: [f64; 2], ink: Color32) {
    let offset = vec2(point[0] as f32, -point[1] as f32) * area.width() / 2.0;
    painter.circle_filled(area.center() + offset, 1.6, ink);
}

fn tools(ui: &mut Ui, draft: &mut DrawDraft, out: &mut Vec<Action>) {
    let ctx = ui.ctx().clone();
    let some = |strokes: &[Vec<[f64; 2]>], reason| if strokes.is_empty() { Err(reason) } else { Ok(()) };
    ui.horizontal(|ui| {
        let undo = button::icon_text_if(ui, ICON_UNDO, "Undo", some(&draft.strokes, "Nothing was drawn"));
        if undo.clicked() || keys::pressed(&ctx, Does::Undo) {
            draft.undo();
        }
        let redo = button::icon_text_if(ui, ICON_REDO, "Redo", some(&draft.undone, "Nothing was undone"));
        if redo.clicked() || keys::pressed(&ctx, Does::Redo) {
            draft.redo();
        }
        if button::icon_text_if(ui, ICON_DELETE, "Clear", some(&draft.strokes, "Nothing was drawn")).clicked() {
            draft.clear();
        }
    });
    ui.add_space(4.0);
    let count = draft.count();
    let enough = if count < FEWEST {
        Err("Draw a little more first")
    } else {
        Ok(())
    };
    let text = format!("Learn these {} points", words::count(count as u64));
    if button::primary_wide(ui, ICON_SCIENCE, &text, enough).clicked() {
        let points = draft.strokes.iter().flatten().copied().collect();
        out.push(Action::UseOwn(Box::new(Own::points(points))));
        out.push(Action::Show(Workspace::Lab));
        draft.open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_can_be_undone_and_come_back() {
        let mut draft = DrawDraft::default();
        for x in [0.0, 0.5] {
            draft.spray([x, 0.0]);
            draft.end_stroke();
        }
        let both = draft.strokes.clone();
        assert_eq!(draft.count(), 2 * SPRAY);
        draft.undo();
        assert_eq!(draft.strokes, both[..1]);
        draft.redo();
        draft.clear();
        assert_eq!(draft.count(), 0);
        draft.redo();
        draft.redo();
        assert_eq!(draft.strokes, both);
    }

    #[test]
    fn no_two_sprays_are_alike() {
        let mut draft = DrawDraft::default();
        draft.spray([0.0, 0.0]);
        draft.spray([0.0, 0.0]);
        assert_ne!(draft.stroke[..SPRAY], draft.stroke[SPRAY..]);
    }
}
