//! Equal Gaussians on a circle.

use std::f64::consts::TAU;

use super::{COUNT, Cloud, Draw, noise, numbered};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// Centres on the unit circle; the jitter is what makes each a Gaussian.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "gaussians",
    label: "Gaussians",
    help: "Equal Gaussians on a circle: does the model find every one of them?",
    source: "",
    params: &[COUNT, noise(0.08), Param::int("modes", 2, 32, 8, "Number of Gaussians")],
    build: |p| {
        let modes = p.count("modes");
        Ok(Cloud::boxed(p, numbered("mode", modes), move |draw| {
            centre(modes, draw)
        }))
    },
};

fn centre(modes: usize, Draw { class, .. }: Draw) -> [f64; 2] {
    let (sin, cos) = libm::sincos(TAU * class as f64 / modes as f64);
    [cos, sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_centres_are_the_corners_of_a_square() {
        let at = |class| {
            centre(
                4,
                Draw {
                    class,
                    u: [0.5; 2],
                    n: [0.0; 2],
                },
            )
            .map(|v| v.round() as i32)
        };
        assert_eq!([at(0), at(1), at(2), at(3)], [[1, 0], [0, 1], [-1, 0], [0, -1]]);
    }
}
