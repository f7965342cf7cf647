//! Two interleaved half circles.

use std::f64::consts::PI;

use super::{COUNT, Cloud, Draw, noise};
use crate::{data::Maker, math::Entry};

/// Half circles of radius 1 about (0, 0) and (1, 1/2), opening towards each other.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "moons",
    label: "Two moons",
    help: "Two interleaved half circles",
    source: "",
    params: &[COUNT, noise(0.06)],
    build: |p| Ok(Cloud::boxed(p, vec!["upper".into(), "lower".into()], shape)),
};

fn shape(Draw { class, u, .. }: Draw) -> [f64; 2] {
    let (sin, cos) = libm::sincos(PI * u[0]);
    if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moon_is_half_a_unit_circle() {
        for i in 0..100 {
            let u = [f64::from(i) / 100.0 + 0.005, 0.0];
            let [x, y] = shape(Draw {
                class: 0,
                u,
                n: [0.0; 2],
            });
            assert!((x.hypot(y) - 1.0).abs() < 1e-12 && y > 0.0);
            let [x, y] = shape(Draw {
                class: 1,
                u,
                n: [0.0; 2],
            });
            assert!(((x - 1.0).hypot(y - 0.5) - 1.0).abs() < 1e-12 && y < 0.5);
        }
    }
}
