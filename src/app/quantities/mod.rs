//! What the numbers of the window mean: each in a sentence, as a formula, and with the values on screen. A file for each
//! idea; beside an entry stands the function that puts present values into its formula.

pub mod data;
pub mod distance;
pub mod laboratory;
pub mod level;
pub mod likelihood;
pub mod machine;
pub mod picture;
pub mod quality;
pub mod run;
pub mod sample;
pub mod training;

/// What is behind a number.
#[derive(Debug)]
pub struct Quantity {
    /// What it is called.
    pub name: &'static str,
    /// What it means, in a sentence or two.
    pub said: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// The paper with its equation; empty where there is none.
    pub source: &'static str,
}

/// A number on screen: what it is, how it is written, and the formula with its values, which is made when it is asked for.
pub struct Reading<'a> {
    /// What it is.
    pub of: &'static Quantity,
    /// As it is shown.
    pub text: String,
    /// The formula with the values on screen.
    pub values: Box<dyn FnOnce() -> String + 'a>,
}

impl Quantity {
    /// A number of this kind.
    pub fn reads<'a>(&'static self, text: impl Into<String>, values: impl FnOnce() -> String + 'a) -> Reading<'a> {
        Reading {
            of: self,
            text: text.into(),
            values: Box::new(values),
        }
    }
}

/// All of them.
pub static ALL: &[&Quantity] = &[
    &level::STEP,
    &level::TIME,
    &level::ALPHA_BAR,
    &level::BETA,
    &level::SIGMA,
    &level::SNR,
    &sample::STATE,
    &sample::CLEAN,
    &sample::NOISE,
    &sample::CHANGE,
    &training::STEPS,
    &training::LOSS,
    &training::SPEED,
    &training::LEFT,
    &training::RATE,
    &training::DECAY,
    &training::GRADIENT,
    &training::ESTIMATE,
    &quality::FRECHET,
    &quality::KERNEL,
    &quality::RECOGNISED,
    &quality::ACCURACY,
    &distance::WASSERSTEIN,
    &distance::ENERGY,
    &distance::RMS,
    &likelihood::PATH,
    &likelihood::BOUND,
    &likelihood::PRIOR,
    &likelihood::MIDDLE,
    &likelihood::LAST,
    &picture::PSNR,
    &picture::SSIM,
    &picture::SEAM,
    &picture::KNOWN,
    &picture::RESIDUAL,
    &picture::DIVERSITY,
    &picture::CALLS,
    &picture::SECS,
    &laboratory::ERROR,
    &laboratory::ORDER,
    &data::COUNT,
    &data::MEAN,
    &data::DEVIATION,
    &run::VALIDATION,
    &run::TIME,
    &run::SIZE,
    &machine::MEMORY,
];

/// Four significant digits: enough to check a formula by.
fn digits(v: f64) -> String {
    let size = v.abs();
    if !(1e-4..1e5).contains(&size) {
        return super::words::number(v);
    }
    let decimals = 3 - size.log10().floor() as i32;
    format!("{v:.*}", decimals.max(0) as usize)
}

#[cfg(test)]
mod tests;
