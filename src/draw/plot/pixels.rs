//! A plot as pixels, with smooth edges and the program's own font.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};

use super::{Anchor, Canvas, INK, Raster, Series};
use crate::draw::{
    brush::{Brush, Line, Point},
    plane::Area,
};

/// Inter, which the window uses too.
const FONT: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");

/// Rows of a caption, and the size of its letters.
const CAPTION_HEIGHT: u32 = 20;
const CAPTION_SIZE: f64 = 12.0;

/// A picture being drawn.
pub(super) struct Pixels {
    raster: Raster,
    scale: f64,
    font: Option<FontRef<'static>>,
}

/// How far each pixel of a rectangle is covered, 0 to 1, rows from the top.
struct Coverage {
    /// Column and row of the first pixel; may lie outside of the picture.
    corner: [i64; 2],
    width: usize,
    values: Vec<f32>,
}

impl Coverage {
    /// A line within `area`, which lies in the rectangle `all`: the larger coverage of each pixel is kept.
    fn add(&mut self, line: &Line, all: Area, area: Area) {
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                let value = &mut self.values[(y - all.top) * self.width + x - all.left];
                *value = value.max(f32::from(line.coverage(x, y)) / 255.0);
            }
        }
    }
}

impl Pixels {
    /// A white picture with `scale` pixels for each unit of length.
    pub(super) fn new(width: u32, height: u32, scale: u32) -> Self {
        let pixels = |n: u32| (n * scale) as usize;
        Self {
            raster: Raster::filled(pixels(width), pixels(height), 3, [0xff; 3]),
            scale: f64::from(scale),
            font: FontRef::try_from_slice(FONT).ok(),
        }
    }

    /// The whole picture.
    pub(super) fn finish(self) -> Raster {
        self.raster
    }

    /// Lays a colour over the pixels as far as they are covered.
    fn lay(&mut self, coverage: &Coverage, colour: [u8; 3], opacity: f64) {
        let Raster {
            width, height, data, ..
        } = &mut self.raster;
        for (i, &covered) in coverage.values.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            let x = coverage.corner[0] + (i % coverage.width) as i64;
            let y = coverage.corner[1] + (i / coverage.width) as i64;
            if !(0..*width as i64).contains(&x) || !(0..*height as i64).contains(&y) {
                continue;
            }
            let at = 3 * (y as usize * *width + x as usize);
            for (old, new) in data[at..at + 3].iter_mut().zip(colour) {
                let share = f64::from(covered) * opacity;
                *old = (f64::from(*old) + share * (f64::from(new) - f64::from(*old))).round() as u8;
            }
        }
    }

    /// Lines through points, each pixel covered once however often they cross.
    fn stroke(&mut self, points: &[[f64; 2]], thickness: f64, colour: [u8; 3], opacity: f64) {
        let brush = Brush {
            radius: (thickness / 2.0) as f32,
            hardness: 1.0,
        };
        let place = |[x, y]: [f64; 2]| Point::new(x as f32, y as f32);
        let ends = points.iter().zip(points.iter().skip(1).chain(points.last()));
        let lines: Vec<Line> = ends
            .map(|(&from, &to)| brush.line(place(from), place(to), self.scale as f32))
            .collect();
        let (width, height) = (self.raster.width, self.raster.height);
        let areas = lines.iter().map(|line| line.area(width, height));
        let all = areas.fold(Area::default(), Area::union);
        let mut coverage = Coverage {
            corner: [all.left as i64, all.top as i64],
            width: all.width(),
            values: vec![0.0; all.width() * all.height()],
        };
        for line in &lines {
            coverage.add(line, all, line.area(width, height));
        }
        self.lay(&coverage, colour, opacity);
    }

    /// A text whose baseline begins at the origin, and its length in pixels.
    fn typeset(&self, size: f64, text: &str) -> (Vec<Glyph>, f32) {
        let Some(font) = &self.font else {
            return (Vec::new(), 0.0);
        };
        let em = (size * self.scale) as f32;
        // A font's scale is its height from line to line; SVG's font-size is its em.
        let per_em = font.units_per_em().map_or(1.0, |units| font.height_unscaled() / units);
        let scaled = font.as_scaled(PxScale::from(em * per_em));
        let mut end = 0.0;
        let mut glyphs = Vec::new();
        for letter in text.chars() {
            let id = scaled.glyph_id(letter);
            glyphs.push(id.with_scale_and_position(scaled.scale(), point(end, 0.0)));
            end += scaled.h_advance(id);
        }
        (glyphs, end)
    }

    /// Shapes of glyphs around a place on their baseline in pixels; turned by a right angle so that they run upwards, or not.
    fn print(&mut self, glyphs: Vec<Glyph>, [x, y]: [f64; 2], is_upright: bool) {
        let Some(font) = self.font.clone() else { return };
        let (x, y) = (x.round() as i64, y.round() as i64);
        for outline in glyphs.into_iter().filter_map(|glyph| font.outline_glyph(glyph)) {
            let bounds = outline.px_bounds();
            let (width, height) = (bounds.width() as usize, bounds.height() as usize);
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            let mut values = vec![0.0; width * height];
            let mut corner = [x + left, y + top];
            if is_upright {
                corner = [x + top, y - left - width as i64];
            }
            outline.draw(|column, row, covered| {
                let (column, row) = (column as usize, row as usize);
                let place = if is_upright {
                    (width - 1 - column) * height + row
                } else {
                    row * width + column
                };
                values[place] = covered.min(1.0);
            });
            let width = if is_upright { height } else { width };
            self.lay(&Coverage { corner, width, values }, INK, 1.0);
        }
    }
}

/// One line of dark text in the middle of a white strip of this width; what does not fit is cut.
pub fn caption(text: &str, width: usize) -> Raster {
    let mut strip = Pixels::new(width as u32, CAPTION_HEIGHT, 1);
    let (mut left, mut shown) = (text, text.to_owned());
    while strip.typeset(CAPTION_SIZE, &shown).1 > width as f32
        && let Some((end, _)) = left.char_indices().next_back()
    {
        left = left[..end].trim_end();
        shown = format!("{left}…");
    }
    let at = [width as f64 / 2.0, f64::from(CAPTION_HEIGHT) - 6.0];
    strip.text(at, Anchor::Middle, CAPTION_SIZE, &shown);
    strip.finish()
}

impl Canvas for Pixels {
    fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, size: f64, text: &str) {
        let (glyphs, length) = self.typeset(size, text);
        let back = match anchor {
            Anchor::Middle => f64::from(length) / 2.0,
            Anchor::End => f64::from(length),
        };
        self.print(glyphs, [x * self.scale - back, y * self.scale], false);
    }

    fn upright(&mut self, [x, y]: [f64; 2], size: f64, text: &str) {
        let (glyphs, length) = self.typeset(size, text);
        self.print(glyphs, [x * self.scale, y * self.scale + f64::from(length) / 2.0], true);
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: [u8; 3]) {
        self.stroke(&[from, to], 1.0, colour, 1.0);
    }

    fn path(&mut self, series: &Series, points: &[[f64; 2]]) {
        if !points.is_empty() {
            self.stroke(points, 1.5, series.colour, series.opacity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Plot, *};

    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn a_caption_is_cut_to_its_strip_however_narrow() {
        let whole = caption("DDIM · 50 steps", 200);
        assert_eq!((whole.width, whole.height), (200, CAPTION_HEIGHT as usize));
        assert_ne!(whole, caption("DDIM · 50 steps, seed 1", 200));
        let long = "DDIM · 50 steps ".repeat(9);
        assert_eq!(caption(&long, 200), caption(&(long.clone() + "more"), 200));
        assert_eq!(caption("DDIM", 3).width, 3);
    }

    fn pixel(raster: &Raster, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * raster.width + x);
        [raster.data[at], raster.data[at + 1], raster.data[at + 2]]
    }

    /// Sum of darkness in a rectangle, in whole pixels of `colour` on white.
    fn ink(raster: &Raster, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> f64 {
        let dark = |(x, y)| f64::from(255 - pixel(raster, x, y)[0]) / f64::from(255 - INK[0]);
        y.flat_map(|y| x.clone().map(move |x| (x, y))).map(dark).sum()
    }

    #[test]
    fn a_line_covers_its_width_and_length() {
        for scale in [1, 2] {
            let mut pixels = Pixels::new(40, 20, scale);
            pixels.line([5.0, 10.5], [35.0, 10.5], INK);
            let raster = pixels.finish();
            let side = |n: u32| (n * scale) as usize;
            let expected = (30 * scale * scale) as f64;
            let found = ink(&raster, side(6)..side(34), 0..side(20)) * 30.0 / 28.0;
            assert!((found / expected - 1.0).abs() < 0.02, "{found} for {expected}");
            assert_eq!(pixel(&raster, side(20), side(2)), WHITE);
        }
    }

    #[test]
    fn a_line_that_crosses_itself_is_no_darker_there() {
        let series = Series {
            name: String::new(),
            colour: [0, 0, 0],
            opacity: 0.5,
            points: Vec::new(),
        };
        let mut pixels = Pixels::new(20, 20, 2);
        pixels.path(
            &series,
            &[[2.0, 10.0], [18.0, 10.0], [2.0, 10.0], [10.0, 2.0], [10.0, 18.0]],
        );
        let darkest = pixels.finish().data.into_iter().min();
        assert_eq!(darkest, Some(128));
    }

    #[test]
    fn text_stands_where_its_anchor_says_and_upright_text_is_turned() {
        let mut flat = Pixels::new(100, 100, 1);
        flat.text([50.0, 60.0], Anchor::Middle, 12.0, "loss");
        let flat = flat.finish();
        let mut end = Pixels::new(100, 100, 1);
        end.text([50.0, 60.0], Anchor::End, 12.0, "loss");
        let end = end.finish();
        let (left, right) = (ink(&flat, 0..50, 0..100), ink(&flat, 50..100, 0..100));
        assert!(left > 20.0 && (left / right - 1.0).abs() < 0.5, "{left} {right}");
        assert!(ink(&end, 0..50, 0..100) > 40.0 && ink(&end, 51..100, 0..100) == 0.0);
        // Above the baseline and not higher than an em.
        assert_eq!(ink(&flat, 0..100, 61..100) + ink(&flat, 0..100, 0..48), 0.0);
        let mut upright = Pixels::new(100, 100, 1);
        upright.upright([60.0, 50.0], 12.0, "loss");
        let upright = upright.finish();
        // A quarter turn to the left about the middle takes one to the other.
        let turned = |x: usize, y: usize| pixel(&flat, 99 - y, x);
        let mut places = (0..100).flat_map(|y| (0..100).map(move |x| (x, y)));
        assert!(places.all(|(x, y)| turned(x, y) == pixel(&upright, x, y)));
    }

    #[test]
    fn both_pictures_have_the_same_content() {
        let plot = Plot {
            title: "Loss".into(),
            series: vec![Series {
                name: "raw".into(),
                colour: [200, 0, 0],
                opacity: 1.0,
                points: vec![[0.0, 1.0], [10.0, 3.0]],
            }],
            ..Plot::default()
        };
        let raster = plot.to_raster(380, 280, 2);
        assert_eq!((raster.width, raster.height), (760, 560));
        // The SVG's line runs from (64, 236) to (364, 36); its middle is red, and so is the mark in the legend.
        assert_eq!(pixel(&raster, 428, 272), [200, 0, 0]);
        assert_eq!(pixel(&raster, 2 * 350, 2 * 46), [200, 0, 0]);
        assert_eq!(pixel(&raster, 428, 300), WHITE);
    }
}
