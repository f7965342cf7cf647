//! A rolled-up line.

use std::f64::consts::PI;

use super::{COUNT, Cloud, Draw, noise};
use crate::{data::Maker, math::Entry};

/// The Archimedean spiral `r = t / (9 pi / 2)` for t from 3 pi / 2 to 9 pi / 2.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "swiss-roll",
    label: "Swiss roll",
    help: "A line rolled up one and a half times; the example of the first diffusion paper",
    source: "arXiv:1503.03585",
    params: &[COUNT, noise(0.02)],
    build: |p| Ok(Cloud::boxed(p, vec!["roll".into()], shape)),
};

fn shape(Draw { u, .. }: Draw) -> [f64; 2] {
    let t = 1.5 * PI * (1.0 + 2.0 * u[0]);
    let (sin, cos) = libm::sincos(t);
    let radius = t / (4.5 * PI);
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_radius_grows_with_the_angle() {
        for i in 0..100 {
            let u = f64::from(i) / 100.0;
            let [x, y] = shape(Draw {
                class: 0,
                u: [u, 0.0],
                n: [0.0; 2],
            });
            let radius = x.hypot(y);
            assert!((radius - (1.0 + 2.0 * u) / 3.0).abs() < 1e-12);
            // The angle is the radius times 9 pi / 2, up to whole turns.
            let turns = (radius * 4.5 * PI - y.atan2(x)) / (2.0 * PI);
            assert!((turns - turns.round()).abs() < 1e-9, "{turns}");
        }
    }
}
