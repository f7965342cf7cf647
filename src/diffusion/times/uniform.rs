//! Every time equally often (Ho et al. 2020, algorithm 1), independently or spread over the batch (Kingma et al. 2021).

use super::{Draw, TimeSampling, at_share};
use crate::math::{Entry, schedule::NoiseSchedule};

/// Registry entry.
pub const ENTRY: Entry<dyn TimeSampling> = Entry {
    id: "uniform",
    label: "Uniform",
    help: "Every time equally often",
    source: "arXiv:2006.11239",
    params: &[],
    build: |_| Ok(Box::new(Uniform)),
};

/// Registry entry.
pub const ENTRY_STRATIFIED: Entry<dyn TimeSampling> = Entry {
    id: "stratified",
    label: "Stratified",
    help: "Every time equally often, spread evenly over each batch; a calmer loss",
    source: "arXiv:2107.00630",
    params: &[],
    build: |_| Ok(Box::new(Stratified)),
};

/// Every time equally often: the indices of a discrete schedule, or its interval.
struct Uniform;

impl TimeSampling for Uniform {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        at_share(schedule, u)
    }
}

/// One uniform time in each of as many equal pieces as the batch has samples.
struct Stratified;

impl TimeSampling for Stratified {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, place: u64, batch: u64) -> Draw {
        at_share(schedule, (place as f64 + u) / batch as f64)
    }
}
