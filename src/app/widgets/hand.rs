//! The tools of a canvas: what the pointer and the keys do to an easel.

use eframe::egui::{
    Color32, CursorIcon, Event, Key, Painter, PointerButton, Pos2, Rect, Response, Shape, Stroke, StrokeKind, Ui,
};

use super::canvas::Placed;
use crate::{
    app::{
        easel::Easel,
        keys::{self, Does},
    },
    draw::{
        brush::{Brush, Point},
        mask::{Edit, Mode},
        sketch::Mark,
    },
};

/// Radii of a brush, in units of the picture's longer side.
pub const RADII: std::ops::RangeInclusive<f32> = 0.002..=0.25;

/// A tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Adds to the mask.
    #[default]
    Brush,
    /// Takes from the mask.
    Eraser,
    /// A rectangle of the mask.
    Box,
    /// A closed line around a part of the mask.
    Lasso,
    /// Colour over the picture.
    Colour,
    /// Moves the part that the model sees.
    Frame,
}

impl Tool {
    /// All of them, in the order of the window.
    pub const ALL: [Self; 6] = [
        Self::Brush,
        Self::Eraser,
        Self::Box,
        Self::Lasso,
        Self::Colour,
        Self::Frame,
    ];

    /// Name in the window.
    pub fn label(self) -> &'static str {
        match self {
            Self::Brush => "Brush",
            Self::Eraser => "Eraser",
            Self::Box => "Box",
            Self::Lasso => "Lasso",
            Self::Colour => "Colour",
            Self::Frame => "Frame",
        }
    }

    /// One sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Brush => "Paint what is to be filled; Shift and a click draw a straight line",
            Self::Eraser => "Take away from what is to be filled",
            Self::Box => "Drag a rectangle that is to be filled",
            Self::Lasso => "Draw around what is to be filled",
            Self::Colour => "Paint colours on the picture for the model to work from",
            Self::Frame => "Drag the part of the picture that the model sees",
        }
    }

    /// Whether it has a size and an edge.
    pub fn is_brush(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser | Self::Colour)
    }
}

/// What is under way between a press and its release.
#[derive(Clone, Debug, PartialEq)]
enum Gesture {
    Stroke,
    Box { from: [f32; 2], to: [f32; 2] },
    Lasso(Vec<[f32; 2]>),
    Frame { grab: [f32; 2] },
    Size { from: Pos2, brush: Brush },
}

/// The tool in the hand, and what it is doing.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The tool.
    pub tool: Tool,
    /// Whether tools that add take away, and the other way round.
    pub swapped: bool,
    /// Colour of [`Tool::Colour`].
    pub colour: [u8; 3],
    /// Size and edge of the brush, the eraser and the colours.
    brushes: [Brush; 3],
    gesture: Option<Gesture>,
    /// Where the last stroke ended.
    last: Option<Point>,
    /// How often something was drawn.
    drawn: u64,
}

impl Default for Hand {
    fn default() -> Self {
        let brush = |radius, hardness| Brush { radius, hardness };
        Self {
            tool: Tool::default(),
            swapped: false,
            colour: [200, 60, 40],
            brushes: [brush(0.07, 0.9), brush(0.07, 0.9), brush(0.05, 0.6)],
            gesture: None,
            last: None,
            drawn: 0,
        }
    }
}

impl Hand {
    /// The brush of the present tool.
    pub fn brush(&mut self) -> &mut Brush {
        &mut self.brushes[match self.tool {
            Tool::Eraser => 1,
            Tool::Colour => 2,
            Tool::Brush | Tool::Box | Tool::Lasso | Tool::Frame => 0,
        }]
    }

    /// Whether something is under way.
    pub fn is_down(&self) -> bool {
        self.gesture.is_some()
    }

    /// Changes with everything that is drawn.
    pub fn drawn(&self) -> u64 {
        self.drawn
    }

    /// What the tool does to the pixels under it.
    pub fn mode(&self) -> Mode {
        let plain = if self.tool == Tool::Eraser {
            Mode::Subtract
        } else {
            Mode::Add
        };
        if self.swapped { plain.opposite() } else { plain }
    }

    /// The keys of tools, sizes and edits of the mask.
    pub fn keys(&mut self, ui: &Ui, easel: &mut Easel) {
        let ctx = ui.ctx();
        for tool in Tool::ALL {
            if keys::pressed(ctx, Does::Tool(tool)) {
                self.tool = tool;
            }
        }
        if keys::pressed(ctx, Does::Swap) {
            self.swapped = !self.swapped;
        }
        for (does, factor) in [(Does::SmallerBrush, 1.0 / 1.25), (Does::LargerBrush, 1.25)] {
            if keys::pressed(ctx, does) {
                self.resize(factor);
            }
        }
        if self.gesture.is_none() {
            for (does, edit) in [(Does::Invert, Edit::Invert), (Does::ClearMask, Edit::Clear)] {
                if keys::pressed(ctx, does) {
                    self.edit(easel, edit);
                }
            }
            if keys::pressed(ctx, Does::Undo) {
                self.undo(easel);
            }
            if keys::pressed(ctx, Does::Redo) {
                self.redo(easel);
            }
        }
    }

    /// Edits the mask.
    pub fn edit(&mut self, easel: &mut Easel, edit: Edit) {
        easel.edit(edit);
        self.drawn += 1;
    }

    /// Does something else to the drawing.
    pub fn mark(&mut self, easel: &mut Easel, mark: Mark) {
        easel.add(mark);
        self.drawn += 1;
    }

    /// Takes the last thing back.
    pub fn undo(&mut self, easel: &mut Easel) {
        easel.undo();
        self.drawn += 1;
    }

    /// Brings the last thing back.
    pub fn redo(&mut self, easel: &mut Easel) {
        easel.redo();
        self.drawn += 1;
    }

    /// Makes the brush so many times as large.
    pub fn resize(&mut self, factor: f32) {
        let brush = self.brush();
        brush.radius = (brush.radius * factor).clamp(*RADII.start(), *RADII.end());
    }

    /// Lets the pointer work.
    pub fn work(&mut self, ui: &Ui, response: &Response, placed: &Placed, easel: &mut Easel) {
        if response.hovered() {
            let (ctrl, zoom) = ui.input(|i| (i.modifiers.command, i.zoom_delta()));
            if ctrl && zoom != 1.0 {
                self.resize(zoom);
            }
        }
        if response.drag_started_by(PointerButton::Primary)
            && let Some(at) = response.interact_pointer_pos()
        {
            self.press(ui, placed, easel, at);
        }
        if response.dragged_by(PointerButton::Primary) {
            for at in moves(ui, response) {
                self.go(ui, placed, easel, at);
            }
        }
        if response.drag_stopped_by(PointerButton::Primary) {
            self.lift(easel, placed);
        }
        if self.gesture.is_none()
            && let Some(at) = tap(ui, response)
        {
            self.press(ui, placed, easel, at);
            self.lift(easel, placed);
        }
    }

    fn press(&mut self, ui: &Ui, placed: &Placed, easel: &mut Easel, at: Pos2) {
        let (sizes, straight) = ui.input(|i| (i.modifiers.alt || i.modifiers.command, i.modifiers.shift));
        let place = in_units(placed, at);
        self.gesture = Some(match self.tool {
            tool if tool.is_brush() && sizes => Gesture::Size {
                from: at,
                brush: *self.brush(),
            },
            Tool::Brush | Tool::Eraser | Tool::Colour => {
                easel.begin(self.stroke());
                if let Some(last) = self.last.filter(|_| straight) {
                    easel.extend(last);
                }
                let point = Point {
                    pressure: pressure(ui),
                    ..Point::new(place[0], place[1])
                };
                easel.extend(point);
                self.last = Some(point);
                Gesture::Stroke
            }
            Tool::Box => Gesture::Box { from: place, to: place },
            Tool::Lasso => Gesture::Lasso(vec![place]),
            Tool::Frame => {
                let (pixel, frame) = (placed.pixel(at), easel.frame());
                Gesture::Frame {
                    grab: [pixel[0] - frame.left as f32, pixel[1] - frame.top as f32],
                }
            }
        });
    }

    fn stroke(&mut self) -> Mark {
        let (brush, mode, points) = (*self.brush(), self.mode(), Vec::new());
        match self.tool {
            Tool::Colour => Mark::Colour {
                brush,
                points,
                colour: self.colour,
                mode,
            },
            _ => Mark::Mask(Edit::Stroke { brush, points, mode }),
        }
    }

    fn go(&mut self, ui: &Ui, placed: &Placed, easel: &mut Easel, at: Pos2) {
        let place = in_units(placed, at);
        match &mut self.gesture {
            Some(Gesture::Stroke) => {
                let point = Point {
                    pressure: pressure(ui),
                    ..Point::new(place[0], place[1])
                };
                if self.last.is_none_or(|last| last != point) {
                    easel.extend(point);
                    self.last = Some(point);
                }
            }
            Some(Gesture::Box { to, .. }) => *to = place,
            Some(Gesture::Lasso(points)) if points.last() != Some(&place) => points.push(place),
            Some(Gesture::Frame { grab }) => {
                let (pixel, grab) = (placed.pixel(at), *grab);
                easel.move_frame([pixel[0] - grab[0], pixel[1] - grab[1]]);
            }
            Some(Gesture::Size { from, brush }) => {
                let (by, was) = (at - *from, *brush);
                let brush = self.brush();
                brush.radius = (was.radius * (by.x / 120.0).exp()).clamp(*RADII.start(), *RADII.end());
                brush.hardness = (was.hardness - by.y / 200.0).clamp(0.0, 1.0);
            }
            Some(Gesture::Lasso(_)) | None => {}
        }
    }

    fn lift(&mut self, easel: &mut Easel, placed: &Placed) {
        let mode = self.mode();
        let dot = 2.0 / placed.unit().max(1.0);
        match self.gesture.take() {
            Some(Gesture::Stroke) => {
                easel.end();
                self.drawn += 1;
            }
            Some(Gesture::Box { from, to }) if (from[0] - to[0]).abs() > dot && (from[1] - to[1]).abs() > dot => {
                self.edit(easel, Edit::Box { from, to, mode });
            }
            Some(Gesture::Lasso(points)) if points.len() > 2 => self.edit(easel, Edit::Lasso { points, mode }),
            Some(Gesture::Frame { .. }) => self.drawn += 1,
            Some(Gesture::Box { .. } | Gesture::Lasso(_) | Gesture::Size { .. }) | None => {}
        }
    }

    /// Paints the gesture under way and the ring of the brush; answers the cursor that suits the tool.
    pub fn paint(&mut self, painter: &Painter, placed: &Placed, pointer: Option<Pos2>) -> CursorIcon {
        let unit = placed.unit();
        let screen = |p: [f32; 2]| placed.screen([p[0] * unit / placed.scale, p[1] * unit / placed.scale]);
        match &self.gesture {
            Some(Gesture::Box { from, to }) => {
                let rect = Rect::from_two_pos(screen(*from), screen(*to));
                twice(|stroke| {
                    painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Middle);
                });
            }
            Some(Gesture::Lasso(points)) => {
                let line: Vec<Pos2> = points.iter().map(|p| screen(*p)).collect();
                twice(|stroke| {
                    painter.add(Shape::closed_line(line.clone(), stroke));
                });
            }
            _ => {}
        }
        match self.tool {
            Tool::Frame => return CursorIcon::Move,
            Tool::Box | Tool::Lasso => return CursorIcon::Crosshair,
            Tool::Brush | Tool::Eraser | Tool::Colour => {}
        }
        let middle = match &self.gesture {
            Some(Gesture::Size { from, .. }) => Some(*from),
            _ => pointer,
        };
        if let Some(middle) = middle {
            let brush = *self.brush();
            self.ring(painter, middle, brush.radius * unit, 1.0);
            if brush.hardness < 0.95 {
                self.ring(painter, middle, brush.radius * brush.hardness * unit, 0.45);
            }
        }
        CursorIcon::Crosshair
    }

    fn ring(&self, painter: &Painter, middle: Pos2, radius: f32, strength: f32) {
        twice(|stroke| {
            let stroke = Stroke::new(stroke.width, stroke.color.gamma_multiply(strength));
            painter.circle_stroke(middle, radius.max(1.0), stroke);
        });
        if strength == 1.0 && self.mode() == Mode::Subtract {
            twice(|stroke| {
                painter.hline(middle.x - 4.0..=middle.x + 4.0, middle.y, stroke);
            });
        }
    }
}

/// Dark under light, which can be seen on everything.
fn twice(draw: impl Fn(Stroke)) {
    draw(Stroke::new(2.5, Color32::from_black_alpha(150)));
    draw(Stroke::new(1.0, Color32::from_white_alpha(235)));
}

fn in_units(placed: &Placed, at: Pos2) -> [f32; 2] {
    let pixel = placed.pixel(at);
    let longest = placed.size[0].max(placed.size[1]) as f32;
    pixel.map(|v| v / longest)
}

/// Every place that the pointer was at since the last frame, so that fast strokes stay smooth.
fn moves(ui: &Ui, response: &Response) -> Vec<Pos2> {
    let mut places: Vec<Pos2> = ui.input(|i| {
        let moved = i.events.iter().filter_map(|event| match event {
            Event::PointerMoved(at) => Some(*at),
            _ => None,
        });
        moved.collect()
    });
    if places.is_empty() {
        places.extend(response.interact_pointer_pos());
    }
    places
}

/// Where the button was pressed and let go within one frame, which is no drag.
fn tap(ui: &Ui, response: &Response) -> Option<Pos2> {
    if !response.contains_pointer() || response.drag_stopped() {
        return None;
    }
    let button = |event: &Event, down: bool| match *event {
        Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            ..
        } if pressed == down => Some(pos),
        _ => None,
    };
    ui.input(|i| {
        let at = i.events.iter().find_map(|event| button(event, true))?;
        let let_go = i.events.iter().any(|event| button(event, false).is_some());
        (let_go && response.rect.contains(at)).then_some(at)
    })
}

/// How hard the pen is pressed, where the platform tells it.
fn pressure(ui: &Ui) -> f32 {
    ui.input(|i| {
        let mut forces = i.events.iter().filter_map(|event| match event {
            Event::Touch { force, .. } => *force,
            _ => None,
        });
        forces.next_back().unwrap_or(1.0).clamp(0.05, 1.0)
    })
}

/// Whether the key that moves the canvas is held.
pub fn hand_is_down(ui: &Ui) -> bool {
    !ui.text_edit_focused() && ui.input(|i| i.key_down(Key::Space))
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;
    use crate::draw::Raster;

    fn placed() -> Placed {
        Placed {
            area: Rect::from_min_max(Pos2::ZERO, pos2(400.0, 400.0)),
            origin: pos2(0.0, 0.0),
            scale: 4.0,
            size: [100, 50],
        }
    }

    #[test]
    fn each_tool_remembers_its_size() {
        let mut hand = Hand::default();
        hand.resize(2.0);
        let brush = hand.brush().radius;
        hand.tool = Tool::Eraser;
        assert!(hand.brush().radius < brush);
        hand.resize(1e6);
        assert_eq!(hand.brush().radius, *RADII.end());
        hand.resize(0.0);
        assert_eq!(hand.brush().radius, *RADII.start());
        hand.tool = Tool::Brush;
        assert_eq!(hand.brush().radius, brush);
    }

    #[test]
    fn swapping_turns_tools_round() {
        let mut hand = Hand::default();
        let modes = |hand: &mut Hand| {
            [Tool::Brush, Tool::Eraser, Tool::Lasso].map(|tool| {
                hand.tool = tool;
                hand.mode()
            })
        };
        assert_eq!(modes(&mut hand), [Mode::Add, Mode::Subtract, Mode::Add]);
        hand.swapped = true;
        assert_eq!(modes(&mut hand), [Mode::Subtract, Mode::Add, Mode::Subtract]);
    }

    #[test]
    fn the_screen_and_the_picture_agree() {
        let at = in_units(&placed(), pos2(200.0, 100.0));
        assert_eq!(at, [0.5, 0.25]);
    }

    #[test]
    fn a_click_with_the_box_draws_nothing() {
        let mut easel = Easel::new("test", Raster::filled(100, 50, 1, [0; 3]));
        let mut hand = Hand::default();
        for (to, marks) in [([0.2, 0.201], 0), ([0.4, 0.4], 1)] {
            hand.gesture = Some(Gesture::Box { from: [0.2, 0.2], to });
            hand.lift(&mut easel, &placed());
            assert_eq!(easel.sketch().marks().len(), marks);
        }
    }
}
