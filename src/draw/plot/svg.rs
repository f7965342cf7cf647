//! A plot as SVG.

use super::{Anchor, Canvas, INK, Series};

/// An SVG picture being written.
pub(super) struct Svg(String);

impl Svg {
    /// A white picture.
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" fill=\"{}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            hex(INK)
        ))
    }

    fn push(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.push("</svg>");
        self.0
    }
}

impl Canvas for Svg {
    fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, size: f64, text: &str) {
        let text = escaped(text);
        let anchor = match anchor {
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{text}</text>"
        ));
    }

    fn upright(&mut self, [x, y]: [f64; 2], size: f64, text: &str) {
        let text = escaped(text);
        self.push(&format!(
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\" text-anchor=\"middle\" \
             font-size=\"{size}\">{text}</text>"
        ));
    }

    fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: [u8; 3]) {
        let colour = hex(colour);
        self.push(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        ));
    }

    fn path(&mut self, series: &Series, points: &[[f64; 2]]) {
        let steps: Vec<String> = points.iter().map(|[x, y]| format!("{x:.2},{y:.2}")).collect();
        if let Some(first) = steps.first() {
            self.push(&format!(
                "<path d=\"M{first} L{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-linecap=\"round\" \
                 stroke-linejoin=\"round\" stroke-opacity=\"{}\"/>",
                steps.join(" "),
                hex(series.colour),
                series.opacity
            ));
        }
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
