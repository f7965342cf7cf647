//! Interleaved spiral arms.

use std::f64::consts::TAU;

use super::{COUNT, Cloud, Draw, noise, numbered};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// Archimedean arms from the middle to radius 1, as dense outside as inside.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "spiral",
    label: "Spiral",
    help: "Interleaved spiral arms",
    source: "",
    params: &[
        COUNT,
        noise(0.02),
        Param::int("arms", 1, 8, 2, "Number of arms"),
        Param::real("turns", 0.25, 5.0, 1.25, "Turns of each arm"),
    ],
    build: |p| {
        let (arms, turns) = (p.count("arms"), p.real("turns"));
        Ok(Cloud::boxed(p, numbered("arm", arms), move |draw| {
            shape(arms, turns, draw)
        }))
    },
};

fn shape(arms: usize, turns: f64, Draw { class, u, .. }: Draw) -> [f64; 2] {
    // The length of the arm up to radius r grows about as r squared.
    let radius = u[0].sqrt();
    let (sin, cos) = libm::sincos(TAU * (turns * radius + class as f64 / arms as f64));
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_turned_copies() {
        let at = |class| {
            shape(
                2,
                1.5,
                Draw {
                    class,
                    u: [0.49, 0.0],
                    n: [0.0; 2],
                },
            )
        };
        let ([x, y], [x1, y1]) = (at(0), at(1));
        assert!((x + x1).abs() < 1e-12 && (y + y1).abs() < 1e-12);
        assert!((x.hypot(y) - 0.7).abs() < 1e-12);
        // 1.5 turns times 0.7 is 1.05 turns.
        assert!((y.atan2(x) / TAU - 0.05).abs() < 1e-12);
    }
}
