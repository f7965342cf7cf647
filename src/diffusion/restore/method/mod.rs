//! Methods of restoration, one file each: a sampler that is bound to a measurement.

use super::{Measurement, Result, task};
use crate::{
    diffusion::{Context, Sampler, Step, sampler::ddpm},
    math::{Entry, Spec, SpecError, spec},
};

pub mod blended;
pub mod ddnm;
pub mod ddrm;
pub mod diffpir;
pub mod dps;
pub mod ilvr;
pub mod repaint;
pub mod replace;
pub mod sdedit;

/// A way to restore.
pub trait Method: Send + Sync {
    /// Ids of the tasks that it can do.
    fn tasks(&self) -> &'static [&'static str];

    /// Whether it takes account of noise in the measurement.
    fn bears_noise(&self) -> bool {
        false
    }

    /// Whether samples agree exactly with a measurement without noise.
    fn is_exact(&self) -> bool {
        true
    }

    /// Whether it needs a class to lead to.
    fn needs_class(&self) -> bool {
        false
    }

    /// Moves in the published experiments, before any jumps.
    fn steps(&self) -> usize;

    /// Id of the published spacing of the moves.
    fn spacing(&self) -> &'static str {
        "trailing"
    }

    /// The sampler that restores what was measured.
    fn bind(&self, measured: Measurement) -> Box<dyn Sampler>;
}

/// All methods.
pub const ENTRIES: &[&Entry<dyn Method>] = &[
    &replace::ENTRY,
    &repaint::ENTRY,
    &ddrm::ENTRY,
    &diffpir::ENTRY,
    &ddnm::ENTRY,
    &dps::ENTRY,
    &ilvr::ENTRY,
    &sdedit::ENTRY,
    &blended::ENTRY,
];

/// Builds the chosen method.
pub fn build(spec: &Spec) -> std::result::Result<Box<dyn Method>, SpecError> {
    spec::build("method", ENTRIES, spec)
}

/// Tasks of the methods that put known pixels in their place.
const PIXELS: &[&str] = &["inpaint"];

/// Ancestral sampling, on which the methods of guided-diffusion's family are built.
fn ancestral() -> ddpm::Ddpm {
    ddpm::Ddpm {
        variance: ddpm::Variance::Small,
        final_noise: false,
    }
}
