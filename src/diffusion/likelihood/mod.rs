//! How likely samples are under a model: the terms of the variational bound (Ho et al. 2020, eq. 5) and the exact density
//! of the probability-flow path (Song et al. 2021, section 4.3). All in nats a sample.

mod bound;
mod path;
mod term;
#[cfg(test)]
mod tests;

pub use bound::{bound_term, prior_kl};
pub use path::log_likelihood;
pub use term::{Cost, Term};

/// Nats of a whole sample as bits a dimension.
pub fn bits_per_dim(nats: f64, dimensions: usize) -> f64 {
    nats / (dimensions as f64 * std::f64::consts::LN_2)
}
