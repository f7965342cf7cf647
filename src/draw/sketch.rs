//! What a hand made over a picture: a mask of what is to be filled, and colours on top. The strokes are the document; the
//! pixels are made from them at the picture's size.
//!
//! Undoing brings back the tiles that a mark changed. Where their memory was needed for newer marks, everything that is
//! left is drawn again, so that as many marks can be undone as were made.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    Raster,
    brush::{Brush, Point},
    mask::{self, Edit, Mode},
    plane::{Area, Before, Plane},
};

/// Most memory for what undoing brings back.
pub const UNDO_BYTES: usize = 64 << 20;

/// One thing that was done, and that one Undo takes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// To the mask.
    Mask(Edit),
    /// A stroke of colour over the picture, or one that takes colour away.
    Colour {
        /// Its size and edge.
        brush: Brush,
        /// Where the pointer went.
        points: Vec<Point>,
        /// Red, green, blue.
        colour: [u8; 3],
        /// Colours, or takes colour away.
        mode: Mode,
    },
    /// Takes all colour away.
    Wipe,
}

impl Mark {
    fn points(&mut self) -> Option<&mut Vec<Point>> {
        match self {
            Self::Mask(Edit::Stroke { points, .. }) | Self::Colour { points, .. } => Some(points),
            _ => None,
        }
    }

    fn bytes(&self) -> usize {
        let more = match self {
            Self::Mask(Edit::Stroke { points, .. }) | Self::Colour { points, .. } => size_of_val(&**points),
            Self::Mask(Edit::Lasso { points, .. }) => size_of_val(&**points),
            Self::Mask(Edit::Picture(picture)) => picture.data.len(),
            _ => 0,
        };
        size_of::<Self>() + more
    }
}

/// The tiles that a mark changed.
#[derive(Clone, Debug)]
enum Past {
    Mask(Before<1>),
    Paint(Before<4>),
}

impl Past {
    fn of(mark: &Mark) -> Self {
        match mark {
            Mark::Mask(_) => Self::Mask(Before::default()),
            Mark::Colour { .. } | Mark::Wipe => Self::Paint(Before::default()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Mask(before) => before.bytes(),
            Self::Paint(before) => before.bytes(),
        }
    }
}

/// A mask and colours over a picture, with Undo.
#[derive(Clone, Debug)]
pub struct Sketch {
    marks: Vec<Mark>,
    /// Marks that were undone, the next one to come back last.
    undone: Vec<Mark>,
    mask: Plane<1>,
    paint: Plane<4>,
    /// Of the newest marks, newest last.
    past: VecDeque<Past>,
    past_bytes: usize,
    budget: usize,
    /// How much of each pixel the stroke of colour under the pointer covers; `None` when none is under way.
    wet: Option<Plane<1>>,
}

/// What changed since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Of the mask.
    pub mask: Area,
    /// Of the colours.
    pub paint: Area,
}

impl Sketch {
    /// Nothing drawn over a picture of `width * height` pixels.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            marks: Vec::new(),
            undone: Vec::new(),
            mask: Plane::new(width, height, [0]),
            paint: Plane::new(width, height, [0; 4]),
            past: VecDeque::new(),
            past_bytes: 0,
            budget: UNDO_BYTES,
            wet: None,
        }
    }

    /// The drawing that these marks make at a size.
    pub fn with_marks(width: usize, height: usize, marks: Vec<Mark>) -> Self {
        let mut sketch = Self::new(width, height);
        for mark in marks {
            sketch.draw(mark);
        }
        sketch
    }

    /// What was done, oldest first.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// What is to be filled.
    pub fn mask(&self) -> &Plane<1> {
        &self.mask
    }

    /// The colours: red, green, blue and how far they cover the picture.
    pub fn paint(&self) -> &Plane<4> {
        &self.paint
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Whether there is something to bring back.
    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Does something; what was undone can no longer come back.
    pub fn add(&mut self, mark: Mark) {
        self.undone.clear();
        self.draw(mark);
    }

    /// Begins a stroke: a mark whose points follow by [`Sketch::extend`].
    pub fn begin(&mut self, mark: Mark) {
        self.add(mark);
        if let Some(Mark::Colour { .. }) = self.marks.last() {
            self.wet = Some(Plane::new(self.mask.width(), self.mask.height(), [0]));
        }
    }

    /// The stroke under way goes on to a point.
    pub fn extend(&mut self, point: Point) {
        let Some(points) = self.marks.last_mut().and_then(Mark::points) else {
            return;
        };
        let from = points.last().copied().unwrap_or(point);
        points.push(point);
        let Some(mut past) = self.past.pop_back() else { return };
        self.past_bytes -= past.bytes();
        match (self.marks.last(), &mut past) {
            (Some(Mark::Mask(Edit::Stroke { brush, mode, .. })), Past::Mask(before)) => {
                mask::line(&mut self.mask, before, *brush, [from, point], *mode);
            }
            (
                Some(Mark::Colour {
                    brush, colour, mode, ..
                }),
                Past::Paint(before),
            ) => {
                if let Some(wet) = &mut self.wet {
                    wet.take_dirty();
                    mask::line(wet, &mut Before::default(), *brush, [from, point], Mode::Add);
                    let area = wet.take_dirty();
                    lay(&mut self.paint, before, area, wet, *colour, *mode);
                }
            }
            _ => {}
        }
        self.keep(past);
    }

    /// The stroke under way is complete.
    pub fn end(&mut self) {
        self.wet = None;
    }

    /// Takes the newest mark back.
    pub fn undo(&mut self) {
        self.end();
        let Some(mark) = self.marks.pop() else { return };
        self.undone.push(mark);
        match self.past.pop_back() {
            Some(past) => {
                self.past_bytes -= past.bytes();
                match past {
                    Past::Mask(before) => self.mask.restore(before),
                    Past::Paint(before) => self.paint.restore(before),
                }
            }
            None => self.draw_all(),
        }
    }

    /// Brings back what was undone last.
    pub fn redo(&mut self) {
        if let Some(mark) = self.undone.pop() {
            self.draw(mark);
        }
    }

    /// What changed since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        Dirty {
            mask: self.mask.take_dirty(),
            paint: self.paint.take_dirty(),
        }
    }

    /// Memory of everything that undoing and redoing needs.
    pub fn undo_bytes(&self) -> usize {
        let marks = self.marks.iter().chain(&self.undone);
        self.past_bytes + marks.map(Mark::bytes).sum::<usize>()
    }

    /// Whether the mask is empty.
    pub fn is_blank(&self) -> bool {
        self.mask.count(|[v]| v > 0) == 0
    }

    /// Share of the picture that is to be filled, 0 to 1, where hard methods fill it: from half coverage on.
    pub fn share(&self) -> f64 {
        let all = (self.mask.width() * self.mask.height()).max(1);
        self.mask.count(|[v]| v >= 128) as f64 / all as f64
    }

    /// The picture under the colours; both must have the same size.
    pub fn over(&self, picture: &Raster) -> Raster {
        let channels = picture.channels;
        let mut data = picture.data.clone();
        for (pixel, [r, g, b, a]) in data.chunks_exact_mut(channels).zip(self.paint.to_pixels()) {
            let ink = if channels == 1 { [luma([r, g, b]); 3] } else { [r, g, b] };
            for (v, ink) in pixel.iter_mut().zip(ink) {
                *v = mix(*v, ink, a);
            }
        }
        Raster {
            data,
            ..picture.clone()
        }
    }

    fn draw(&mut self, mark: Mark) {
        let mut past = Past::of(&mark);
        self.draw_on(&mark, &mut past);
        self.marks.push(mark);
        self.keep(past);
    }

    fn draw_on(&mut self, mark: &Mark, past: &mut Past) {
        match (mark, past) {
            (Mark::Mask(edit), Past::Mask(before)) => edit.draw(&mut self.mask, before),
            (Mark::Wipe, Past::Paint(before)) => {
                let all = self.paint.all();
                self.paint.draw(all, before, |_, _, row| row.fill([0; 4]));
            }
            (
                Mark::Colour {
                    brush,
                    points,
                    colour,
                    mode,
                },
                Past::Paint(before),
            ) => {
                let mut wet = Plane::new(self.mask.width(), self.mask.height(), [0]);
                wet.take_dirty();
                for (from, to) in mask::lines(points) {
                    mask::line(&mut wet, &mut Before::default(), *brush, [from, to], Mode::Add);
                }
                let area = wet.take_dirty();
                lay(&mut self.paint, before, area, &wet, *colour, *mode);
            }
            _ => {}
        }
    }

    fn draw_all(&mut self) {
        let (width, height, budget) = (self.mask.width(), self.mask.height(), self.budget);
        let undone = std::mem::take(&mut self.undone);
        let marks = std::mem::take(&mut self.marks);
        *self = Self {
            budget,
            ..Self::with_marks(width, height, marks)
        };
        self.undone = undone;
    }

    fn keep(&mut self, past: Past) {
        self.past_bytes += past.bytes();
        self.past.push_back(past);
        while self.past_bytes > self.budget
            && self.past.len() > 1
            && let Some(oldest) = self.past.pop_front()
        {
            self.past_bytes -= oldest.bytes();
        }
    }
}

/// Lays one stroke of colour, `wet` thick, over what was there before it.
fn lay(paint: &mut Plane<4>, before: &mut Before<4>, area: Area, wet: &Plane<1>, colour: [u8; 3], mode: Mode) {
    let thickness = wet.copy(area);
    paint.draw_over(area, before, |x, y, row, past| {
        let start = (y - area.top) * area.width() + x - area.left;
        for ((pixel, past), &[cover]) in row.iter_mut().zip(past).zip(&thickness[start..]) {
            *pixel = match (mode, cover) {
                (_, 0) => *past,
                (Mode::Add, _) => covered(*past, colour, cover),
                (Mode::Subtract, _) => [past[0], past[1], past[2], mix(past[3], 0, cover)],
            };
        }
    });
}

/// A colour over a pixel that is itself a colour over nothing.
fn covered([r, g, b, a]: [u8; 4], [red, green, blue]: [u8; 3], cover: u8) -> [u8; 4] {
    let alpha = mix(a, 255, cover);
    // Nothing was there: most pixels of most strokes, which need no division.
    if a == 0 {
        return [red, green, blue, alpha];
    }
    let share = share_of_seen(cover, alpha);
    [mix(r, red, share), mix(g, green, share), mix(b, blue, share), alpha]
}

/// Of what is seen where both cover `alpha`, the share that the new colour has, rounded.
fn share_of_seen(cover: u8, alpha: u8) -> u8 {
    ((2 * 255 * u32::from(cover) + u32::from(alpha)) / (2 * u32::from(alpha))) as u8
}

/// From one value to another, `share` of 255 of the way, rounded.
fn mix(from: u8, to: u8, share: u8) -> u8 {
    let (from, to, share) = (u32::from(from), u32::from(to), u32::from(share));
    ((from * (255 - share) + to * share + 127) / 255) as u8
}

/// Brightness of a colour by Rec. 601.
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)).round() as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::mask::{Preset, Side};

    const SIDE: usize = 96;

    fn point() -> impl Strategy<Value = Point> {
        (-0.2_f32..1.2, -0.2_f32..1.2, 0.2_f32..1.0).prop_map(|(x, y, pressure)| Point { x, y, pressure })
    }

    fn brush() -> impl Strategy<Value = Brush> {
        (0.01_f32..0.2, 0.0_f32..=1.0).prop_map(|(radius, hardness)| Brush { radius, hardness })
    }

    fn mode() -> impl Strategy<Value = Mode> {
        prop_oneof![Just(Mode::Add), Just(Mode::Subtract)]
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let points = || prop::collection::vec(point(), 1..5);
        let stroke = (brush(), points(), mode())
            .prop_map(|(brush, points, mode)| Mark::Mask(Edit::Stroke { brush, points, mode }));
        let colour =
            (brush(), points(), any::<[u8; 3]>(), mode()).prop_map(|(brush, points, colour, mode)| Mark::Colour {
                brush,
                points,
                colour,
                mode,
            });
        let edit = prop_oneof![
            Just(Edit::Fill),
            Just(Edit::Clear),
            Just(Edit::Invert),
            (-0.1_f32..0.1).prop_map(Edit::Grow),
            (0.0_f32..0.05).prop_map(Edit::Feather),
            Just(Edit::Preset(Preset::Half(Side::Left))),
        ];
        prop_oneof![3 => stroke, 2 => colour, 1 => edit.prop_map(Mark::Mask), 1 => Just(Mark::Wipe)]
    }

    fn same(a: &Sketch, b: &Sketch) -> bool {
        a.mask == b.mask && a.paint == b.paint
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn undo_and_redo_go_back_and_forth(marks in prop::collection::vec(mark(), 1..8), small in any::<bool>()) {
            let mut sketch = Sketch::new(SIDE, SIDE - 10);
            if small {
                // No room for any but the newest tiles: the others are drawn again.
                sketch.budget = 1;
            }
            let mut stages = vec![sketch.clone()];
            for mark in marks {
                sketch.add(mark);
                stages.push(sketch.clone());
            }
            for stage in stages.iter().rev().skip(1) {
                sketch.undo();
                prop_assert!(same(&sketch, stage), "undo to {} marks", stage.marks.len());
            }
            prop_assert!(!sketch.can_undo());
            for stage in &stages[1..] {
                sketch.redo();
                prop_assert!(same(&sketch, stage), "redo to {} marks", stage.marks.len());
            }
            prop_assert!(!sketch.can_redo());
        }

        #[test]
        fn a_stroke_under_the_pointer_is_the_stroke_afterwards(mark in mark(), before in mark()) {
            let mut blank = mark.clone();
            let Some(points) = blank.points().map(std::mem::take) else { return Ok(()) };
            let mut drawn = Sketch::with_marks(SIDE, SIDE, vec![before.clone()]);
            drawn.begin(blank);
            for point in points {
                drawn.extend(point);
            }
            drawn.end();
            prop_assert!(same(&drawn, &Sketch::with_marks(SIDE, SIDE, vec![before.clone(), mark])));
            drawn.undo();
            prop_assert!(same(&drawn, &Sketch::with_marks(SIDE, SIDE, vec![before])));
        }

        #[test]
        fn marks_survive_a_file(marks in prop::collection::vec(mark(), 0..5)) {
            let text = serde_json::to_string(&marks).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Mark>>(&text).unwrap(), marks);
        }

        #[test]
        fn what_changed_lies_within_what_is_told(marks in prop::collection::vec(mark(), 1..5)) {
            let mut sketch = Sketch::new(SIDE, SIDE);
            sketch.take_dirty();
            for mark in marks {
                let before = sketch.clone();
                sketch.add(mark);
                let dirty = sketch.take_dirty();
                let inside = |a: Area, x, y| (a.left..a.right).contains(&x) && (a.top..a.bottom).contains(&y);
                for i in 0..SIDE * SIDE {
                    let (x, y) = (i % SIDE, i / SIDE);
                    prop_assert!(sketch.mask.get(x, y) == before.mask.get(x, y) || inside(dirty.mask, x, y));
                    prop_assert!(sketch.paint.get(x, y) == before.paint.get(x, y) || inside(dirty.paint, x, y));
                }
            }
        }
    }

    fn stroke(i: usize) -> Mark {
        let at = |k: usize| {
            Point::new(
                (i * 37 % 101) as f32 / 101.0 + 0.02 * k as f32,
                (i * 61 % 97) as f32 / 97.0,
            )
        };
        Mark::Mask(Edit::Stroke {
            brush: Brush {
                radius: 0.1,
                hardness: 0.5,
            },
            points: (0..3).map(at).collect(),
            mode: if i % 3 == 2 { Mode::Subtract } else { Mode::Add },
        })
    }

    #[test]
    fn a_thousand_strokes_can_be_undone_within_the_budget() {
        let mut sketch = Sketch::new(512, 512);
        for i in 0..1000 {
            sketch.add(stroke(i));
            assert!(
                sketch.undo_bytes() <= UNDO_BYTES,
                "{} bytes after {i}",
                sketch.undo_bytes()
            );
        }
        assert!(
            sketch.past.len() >= 200,
            "{} strokes without drawing again",
            sketch.past.len()
        );
        for _ in 0..800 {
            sketch.undo();
        }
        assert!(same(
            &sketch,
            &Sketch::with_marks(512, 512, (0..200).map(stroke).collect())
        ));
    }

    #[test]
    fn colour_covers_once_per_stroke_and_mixes_between_strokes() {
        let colour = |colour, hardness| Mark::Colour {
            brush: Brush { radius: 0.3, hardness },
            // Over itself.
            points: vec![Point::new(0.4, 0.5), Point::new(0.6, 0.5), Point::new(0.4, 0.5)],
            colour,
            mode: Mode::Add,
        };
        let mut sketch = Sketch::with_marks(SIDE, SIDE, vec![colour([200, 0, 0], 0.0)]);
        let (x, y) = (SIDE / 2, SIDE / 2 - 14);
        let [r, _, _, a] = sketch.paint.get(x, y);
        assert!(r == 200 && (100..156).contains(&a), "half covered: {a}");
        sketch.add(colour([0, 100, 0], 1.0));
        assert_eq!(sketch.paint.get(x, y), [0, 100, 0, 255]);
        let picture = Raster::filled(SIDE, SIDE, 3, [9, 9, 9]);
        let over = sketch.over(&picture);
        let pixel = |x: usize, y: usize| over.data[3 * (y * SIDE + x)..][..3].to_vec();
        assert_eq!([pixel(x, y), pixel(0, 0)], [vec![0, 100, 0], vec![9, 9, 9]]);
    }

    #[test]
    fn colour_over_nothing_is_all_that_is_seen() {
        for cover in 1..=255 {
            assert_eq!(share_of_seen(cover, cover), 255, "what the short cut leaves out");
            assert_eq!(covered([7, 8, 9, 0], [1, 2, 3], cover), [1, 2, 3, cover]);
        }
    }

    #[test]
    fn colour_on_a_grey_picture_is_its_brightness() {
        let red = Mark::Colour {
            brush: Brush {
                radius: 2.0,
                hardness: 1.0,
            },
            points: vec![Point::new(0.5, 0.5)],
            colour: [255, 0, 0],
            mode: Mode::Add,
        };
        let sketch = Sketch::with_marks(4, 4, vec![red]);
        assert_eq!(sketch.over(&Raster::filled(4, 4, 1, [10; 3])).data, [76; 16]);
    }

    #[test]
    fn how_much_is_filled() {
        let mut sketch = Sketch::new(64, 32);
        assert_eq!(sketch.share(), 0.0);
        sketch.add(Mark::Mask(Edit::Preset(Preset::Half(Side::Top))));
        assert_eq!(sketch.share(), 0.5);
        sketch.add(Mark::Mask(Edit::Fill));
        assert_eq!(sketch.share(), 1.0);
    }
}
