//! Gaussian blades, twisted (Johnson et al. 2016).

use std::f64::consts::TAU;

use super::{COUNT, Cloud, Draw, noise, numbered};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// `(1 + 0.3 n_1, 0.1 n_2)`, turned by the blade's angle plus `twist * exp(1 + 0.3 n_1)`.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "pinwheel",
    label: "Pinwheel",
    help: "Gaussian blades twisted about the middle",
    source: "arXiv:1603.06277",
    params: &[
        COUNT,
        noise(0.0),
        Param::int("blades", 2, 12, 5, "Number of blades"),
        Param::real("twist", 0.0, 1.0, 0.25, "How much the blades are bent"),
    ],
    build: |p| {
        let (blades, twist) = (p.count("blades"), p.real("twist"));
        Ok(Cloud::boxed(p, numbered("blade", blades), move |draw| {
            shape(blades, twist, draw)
        }))
    },
};

fn shape(blades: usize, twist: f64, Draw { class, n, .. }: Draw) -> [f64; 2] {
    let (along, across) = (1.0 + 0.3 * n[0], 0.1 * n[1]);
    let (sin, cos) = libm::sincos(TAU * class as f64 / blades as f64 + twist * libm::exp(along));
    [along * cos - across * sin, along * sin + across * cos]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blades_point_outwards_and_bend() {
        let at = |class, twist, n| shape(4, twist, Draw { class, u: [0.5; 2], n });
        let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < 1e-12;
        assert!(near(at(1, 0.0, [0.0, 0.0]), [0.0, 1.0]));
        assert!(near(at(0, 0.0, [1.0, 2.0]), [1.3, 0.2]));
        let bend = 0.25 * 1.3_f64.exp();
        assert!(near(at(0, 0.25, [1.0, 0.0]), [1.3 * bend.cos(), 1.3 * bend.sin()]));
    }
}
