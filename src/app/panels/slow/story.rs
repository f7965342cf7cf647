//! A step as a story: a few tiles, and stages that speak of some of them.

use crate::{app::widgets::tiles::joined, math::Frame};

/// A step, told stage by stage.
#[derive(Debug)]
pub(super) struct Story {
    /// Which step it is.
    pub(super) about: String,
    /// What is shown, from left to right.
    pub(super) tiles: Vec<Tile>,
    /// What happens, one after the other.
    pub(super) stages: Vec<Stage>,
}

/// Something that is shown.
#[derive(Debug)]
pub(super) struct Tile {
    /// Its name below it.
    pub(super) name: &'static str,
    /// What it is, and how it is scaled.
    pub(super) help: &'static str,
    /// A picture, or a cloud.
    pub(super) frame: Frame,
}

/// A part of the step.
#[derive(Debug)]
pub(super) struct Stage {
    /// One word.
    pub(super) title: &'static str,
    /// What happens, with the numbers of this step where they help.
    pub(super) said: String,
    /// The reason.
    pub(super) why: &'static str,
    /// The tiles that it speaks of.
    pub(super) tiles: Vec<usize>,
    /// The tile that changes, and the one that it comes from.
    pub(super) moving: Option<(usize, usize)>,
    /// In symbols.
    pub(super) formula: Line,
    /// With the numbers of this step.
    pub(super) filled: Line,
}

/// A formula in pieces, so that one term can stand out.
#[derive(Debug)]
pub(super) struct Line(pub(super) Vec<Piece>);

/// A piece of a formula.
#[derive(Debug)]
pub(super) struct Piece {
    /// As it is written.
    pub(super) text: String,
    /// Whether it is what the stage brings.
    pub(super) new: bool,
}

impl Line {
    /// What stands between asterisks is new: `"xₜ = α x₀ + *σ ε*"`.
    pub(super) fn new(text: &str) -> Self {
        let pieces = text.split('*').enumerate().map(|(i, text)| Piece {
            text: text.to_owned(),
            new: i % 2 == 1,
        });
        Self(pieces.filter(|piece| !piece.text.is_empty()).collect())
    }
}

impl Story {
    /// All tiles side by side while stage `stage` has come so far, 0 to 1: what moves is on its way.
    pub(super) fn frame(&self, stage: usize, moved: f64) -> Option<Frame> {
        let mut frames: Vec<Frame> = self.tiles.iter().map(|tile| tile.frame.clone()).collect();
        if let Some((to, from)) = self.stages[stage].moving {
            frames[to] = between(&frames[from], &frames[to], moved as f32);
        }
        joined(&frames)
    }
}

/// `from` at 0, `to` at 1, and the straight way between.
fn between(from: &Frame, to: &Frame, share: f32) -> Frame {
    let mix = |a: f32, b: f32| a + (b - a) * share;
    match (from, to) {
        (Frame::Points { xy: a }, Frame::Points { xy: b }) => Frame::Points {
            xy: a.iter().zip(&b[..]).map(|(&a, &b)| mix(a, b)).collect(),
        },
        (
            Frame::Pixels { data: a, .. },
            &Frame::Pixels {
                channels,
                height,
                width,
                data: ref b,
            },
        ) => Frame::Pixels {
            channels,
            height,
            width,
            data: a
                .iter()
                .zip(&b[..])
                .map(|(&a, &b)| mix(a.into(), b.into()).round() as u8)
                .collect(),
        },
        _ => to.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_asterisks_is_new() {
        let line = Line::new("x = a + *s e*");
        let pieces: Vec<_> = line.0.iter().map(|p| (p.text.as_str(), p.new)).collect();
        assert_eq!(pieces, [("x = a + ", false), ("s e", true)]);
    }

    #[test]
    fn what_moves_begins_at_one_tile_and_ends_at_the_other() {
        let points = |xy: [f32; 2]| Frame::Points { xy: xy.into() };
        let (a, b) = (points([0.0, 1.0]), points([2.0, -1.0]));
        assert_eq!(between(&a, &b, 0.0), a);
        assert_eq!(between(&a, &b, 1.0), b);
        assert_eq!(between(&a, &b, 0.5), points([1.0, 0.0]));
    }
}
