//! Concentric circles.

use std::f64::consts::TAU;

use super::{COUNT, Cloud, Draw, noise, numbered};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// Circle k of n has radius k / n.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "rings",
    label: "Rings",
    help: "Concentric circles, each with the same number of points",
    source: "",
    params: &[COUNT, noise(0.02), Param::int("rings", 1, 10, 3, "Number of circles")],
    build: |p| {
        let rings = p.count("rings");
        Ok(Cloud::boxed(p, numbered("ring", rings), move |draw| shape(rings, draw)))
    },
};

fn shape(rings: usize, Draw { class, u, .. }: Draw) -> [f64; 2] {
    let radius = (class + 1) as f64 / rings as f64;
    let (sin, cos) = libm::sincos(TAU * u[0]);
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radii_are_equally_spaced() {
        for class in 0..4 {
            let [x, y] = shape(
                4,
                Draw {
                    class,
                    u: [0.3, 0.0],
                    n: [0.0; 2],
                },
            );
            assert!((x.hypot(y) - (class + 1) as f64 / 4.0).abs() < 1e-12);
        }
    }
}
