//! Blended diffusion (Avrahami et al. 2022, arXiv:2111.14818, algorithm 2): the picture, noised partway, is led to a class inside the
//! mask and blended with the noised original outside of it after each move. The paper is led by CLIP; here a classifier, or the
//! class that the network was trained with, leads.

use super::{Measurement, Method, PIXELS, sdedit::Partway};
use crate::{
    diffusion::Sampler,
    math::{Entry, Param},
};

/// Guided sampling from partway between known pixels.
pub struct Blended {
    /// The share of the way, at the beginning, that is left out.
    pub skip: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "blended",
    label: "Blended diffusion",
    help: "Makes something of a chosen class inside the mask",
    source: "arXiv:2111.14818",
    params: &[Param::real(
        "skip",
        0.0,
        1.0,
        0.25,
        "Share of the steps, at the beginning, that is left out",
    )],
    build: |p| Ok(Box::new(Blended { skip: p.real("skip") })),
};

impl Method for Blended {
    fn tasks(&self) -> &'static [&'static str] {
        PIXELS
    }

    fn needs_class(&self) -> bool {
        true
    }

    fn steps(&self) -> usize {
        100
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Partway {
            measured,
            walked: 1.0 - self.skip,
        })
    }
}
