//! Line plots as SVG and as pixels, and their numbers as CSV.

use std::fmt::Write as _;

use super::Raster;
use pixels::Pixels;
pub use pixels::caption;
use svg::Svg;

mod pixels;
mod svg;

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name in the legend and in the CSV.
    pub name: String,
    /// Colour of the line.
    pub colour: [u8; 3],
    /// `0..=1`; a raw loss below its average is drawn faint.
    pub opacity: f64,
    /// Points from left to right. One that is not finite (or not above 0 on a logarithmic axis) interrupts the line.
    pub points: Vec<[f64; 2]>,
}

/// A plot of lines over a common axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// Heading.
    pub title: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Name of the vertical axis.
    pub y_label: String,
    /// Logarithmic vertical axis.
    pub is_log: bool,
    /// The lines, later ones above earlier ones.
    pub series: Vec<Series>,
}

/// Room around the axes, in pixels: left, top, right, bottom.
const MARGIN: [f64; 4] = [64.0, 36.0, 16.0, 44.0];

/// An axis: the range it covers and how values become shares of it.
#[derive(Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Axis {
    /// Covers all values; a single value gets some room, no value the unit interval.
    fn around(values: impl Iterator<Item = f64>, is_log: bool) -> Self {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = values.fold(ends, |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match (low > high, low < high, is_log) {
            (true, _, false) => (0.0, 1.0),
            (true, _, true) => (0.1, 1.0),
            (_, true, _) => (low, high),
            (_, _, true) => (low / 2.0, high * 2.0),
            _ => (low - 0.5, high + 0.5),
        };
        Self { low, high, is_log }
    }

    fn holds(self, v: f64) -> bool {
        v.is_finite() && (!self.is_log || v > 0.0)
    }

    fn share(self, v: f64) -> f64 {
        if self.is_log {
            (v / self.low).ln() / (self.high / self.low).ln()
        } else {
            (v - self.low) / (self.high - self.low)
        }
    }

    fn ticks(self) -> Vec<f64> {
        if self.is_log {
            log_ticks(self.low, self.high)
        } else {
            ticks(self.low, self.high, 6)
        }
    }
}

/// Round numbers in a range, about `count` of them: multiples of 1, 2 or 5 times a power of ten.
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|&s| s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    (0..=(last - first).max(0.0) as usize)
        .map(|i| (first + i as f64) * step)
        .collect()
}

/// Powers of ten in a range, or round numbers where there are fewer than two.
pub fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    if last - first < 1 {
        return ticks(low, high, 4).into_iter().filter(|&v| v > 0.0).collect();
    }
    let every = ((last - first) as usize / 8 + 1).max(1);
    (first..=last).step_by(every).map(|e| 10_f64.powi(e)).collect()
}

/// A tick's number without superfluous digits.
pub fn label(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".into()
    } else if (1e-3..1e6).contains(&size) {
        let digits = format!("{value:.6}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Where a text stands from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    Middle,
    End,
}

/// What a plot is drawn on. Places are in pixels from the upper left corner, colours opaque unless a series says otherwise.
trait Canvas {
    /// Dark text on a baseline through `at`.
    fn text(&mut self, at: [f64; 2], anchor: Anchor, size: f64, text: &str);
    /// Text that runs upwards; the middle of its baseline is at `at`.
    fn upright(&mut self, at: [f64; 2], size: f64, text: &str);
    /// A straight line one pixel wide.
    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: [u8; 3]);
    /// A piece of a series, one and a half pixels wide with round ends; a single point becomes a dot.
    fn path(&mut self, series: &Series, points: &[[f64; 2]]);
}

/// Lines behind the data.
const GRID: [u8; 3] = [0xdd; 3];
/// The axes.
const AXES: [u8; 3] = [0x44; 3];
/// Words and numbers.
const INK: [u8; 3] = [0x22; 3];

impl Plot {
    /// The plot as a stand-alone SVG picture.
    pub fn to_svg(&self, width: u32, height: u32) -> String {
        let mut svg = Svg::new(width, height);
        self.draw([f64::from(width), f64::from(height)], &mut svg);
        svg.finish()
    }

    /// The same picture in pixels, `scale` of them for each of the SVG's.
    pub fn to_raster(&self, width: u32, height: u32, scale: u32) -> Raster {
        let mut pixels = Pixels::new(width, height, scale);
        self.draw([f64::from(width), f64::from(height)], &mut pixels);
        pixels.finish()
    }

    fn draw(&self, [width, height]: [f64; 2], canvas: &mut dyn Canvas) {
        let [left, top, right, bottom] = MARGIN;
        let (w, h) = (width - left - right, height - top - bottom);
        let (x_axis, y_axis) = self.axes();
        let x = |v: f64| left + w * x_axis.share(v);
        let y = |v: f64| top + h * (1.0 - y_axis.share(v));
        canvas.text([left + w / 2.0, 22.0], Anchor::Middle, 15.0, &self.title);
        canvas.text([left + w / 2.0, top + h + 36.0], Anchor::Middle, 12.0, &self.x_label);
        canvas.upright([16.0, top + h / 2.0], 12.0, &self.y_label);
        for v in x_axis.ticks() {
            canvas.line([x(v), top], [x(v), top + h], GRID);
            canvas.text([x(v), top + h + 16.0], Anchor::Middle, 11.0, &label(v));
        }
        for v in y_axis.ticks() {
            canvas.line([left, y(v)], [left + w, y(v)], GRID);
            canvas.text([left - 6.0, y(v) + 4.0], Anchor::End, 11.0, &label(v));
        }
        for series in &self.series {
            let shown = |p: &[f64; 2]| x_axis.holds(p[0]) && y_axis.holds(p[1]);
            for piece in series.points.split(|p| !shown(p)) {
                let places: Vec<[f64; 2]> = piece.iter().map(|p| [x(p[0]), y(p[1])]).collect();
                canvas.path(series, &places);
            }
        }
        canvas.line([left, top + h], [left + w, top + h], AXES);
        canvas.line([left, top], [left, top + h], AXES);
        for (i, series) in self.series.iter().enumerate() {
            let base = top + 14.0 + 16.0 * i as f64;
            canvas.line(
                [left + w - 24.0, base - 4.0],
                [left + w - 6.0, base - 4.0],
                series.colour,
            );
            canvas.text([left + w - 30.0, base], Anchor::End, 11.0, &series.name);
        }
    }

    fn axes(&self) -> (Axis, Axis) {
        let y_axis = Axis {
            low: 0.0,
            high: 1.0,
            is_log: self.is_log,
        };
        let shown = || {
            let points = self.series.iter().flat_map(|s| &s.points);
            points.filter(|p| p[0].is_finite() && y_axis.holds(p[1]))
        };
        (
            Axis::around(shown().map(|p| p[0]), false),
            Axis::around(shown().map(|p| p[1]), self.is_log),
        )
    }

    /// All points as lines of `series,x,y`.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("series,x,y\n");
        for series in &self.series {
            let name = quoted(&series.name);
            for [x, y] in &series.points {
                writeln!(csv, "{name},{x},{y}").expect("text grows without error");
            }
        }
        csv
    }
}

/// A CSV cell, in quotes where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[[f64; 2]], is_log: bool) -> Plot {
        Plot {
            title: "loss <a & b>".into(),
            is_log,
            series: vec![Series {
                name: "raw, \"faint\"".into(),
                colour: [255, 0, 16],
                opacity: 0.5,
                points: points.to_vec(),
            }],
            ..Plot::default()
        }
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(-3.0, 12.0, 5), [0.0, 5.0, 10.0]);
        assert_eq!(ticks(1.0, 1.0, 5), [1.0]);
        assert_eq!(log_ticks(0.002, 30.0), [0.01, 0.1, 1.0, 10.0]);
        assert_eq!(log_ticks(0.2, 0.9), [0.2, 0.4, 0.6000000000000001, 0.8]);
        assert!(log_ticks(1e-300, 1e300).len() <= 10);
    }

    #[test]
    fn labels_have_no_superfluous_digits() {
        let labels = [0.0, 0.6000000000000001, -1500.0, 1e-4, 2.5e7, 0.001].map(label);
        assert_eq!(labels, ["0", "0.6", "-1500", "1e-4", "2.5e7", "0.001"]);
    }

    #[test]
    fn lines_run_from_corner_to_corner() {
        let svg = plot(&[[0.0, 1.0], [10.0, 3.0]], false).to_svg(380, 280);
        // Axes from (64, 36) to (364, 236).
        assert!(svg.contains("d=\"M64.00,236.00 L64.00,236.00 364.00,36.00\""), "{svg}");
        assert!(svg.contains("stroke=\"#ff0010\"") && svg.contains("loss &lt;a &amp; b&gt;"));
    }

    #[test]
    fn a_logarithmic_axis_spaces_decades_evenly() {
        let svg = plot(&[[0.0, 0.01], [1.0, 0.1], [2.0, 1.0]], true).to_svg(380, 280);
        assert!(svg.contains("64.00,236.00 214.00,136.00 364.00,36.00"), "{svg}");
    }

    #[test]
    fn what_cannot_be_shown_interrupts_the_line() {
        let points = [[0.0, 1.0], [1.0, f64::NAN], [2.0, 2.0], [3.0, 0.0], [4.0, 3.0]];
        let pieces = |is_log| plot(&points, is_log).to_svg(400, 300).matches("<path").count();
        assert_eq!((pieces(false), pieces(true)), (2, 3));
        for odd in [&[][..], &[[1.0, 1.0]], &[[f64::NAN, f64::NAN]]] {
            assert!(!plot(odd, true).to_svg(400, 300).contains("NaN"));
            assert!(!plot(odd, false).to_svg(400, 300).contains("NaN"));
        }
    }

    #[test]
    fn the_csv_holds_every_point() {
        let csv = plot(&[[0.0, 0.1], [1.0, f64::INFINITY]], false).to_csv();
        let name = "\"raw, \"\"faint\"\"\"";
        assert_eq!(csv, format!("series,x,y\n{name},0,0.1\n{name},1,inf\n"));
    }
}
