//! What a network is told besides `x`, computed on the host so that every executor is told the same.

#![expect(
    clippy::inline_always,
    reason = "kernels compile the waves of the time for their instruction set"
)]

use candle_core::{Error, Result};

use super::sincos::sincos;
use crate::math::Cond;

/// Sinusoidal features of each time, `(B, dim)`: see [`Op::TimeFeatures`](super::Op::TimeFeatures), whose fields these are.
///
/// Frequencies and phases are rounded to float32 as diffusers does: a network is used with the features it was trained
/// with, and a phase of 900 radians rounded or not is a difference of 1e-5 that sampling multiplies.
#[inline(always)]
pub fn time_features(t: &[f64], dim: usize, flip: bool, shift: f64, max_period: f64, scale: f64) -> Vec<f32> {
    let half = dim / 2;
    let rate = -libm::log(max_period) as f32;
    let exponent = |i: usize| rate * i as f32 / (half as f64 - shift) as f32;
    let frequencies: Vec<f32> = (0..half).map(|i| libm::exp(exponent(i).into()) as f32).collect();
    waves(t, &frequencies, flip, |t, f| scale as f32 * (t as f32 * f))
}

/// Fourier features of each time, `(B, 2 n)`: see [`Op::FourierFeatures`](super::Op::FourierFeatures). Phases are rounded
/// to float32 as diffusers does.
#[inline(always)]
pub fn fourier_features(t: &[f64], frequencies: &[f32], log: bool, flip: bool) -> Vec<f32> {
    waves(t, frequencies, flip, |t, w| {
        let t = if log { libm::log(t) } else { t } as f32;
        t * w * 2.0 * std::f32::consts::PI
    })
}

/// For each time the sines of its phases at all frequencies, then the cosines; the other way round when `flip`.
#[inline(always)]
fn waves(t: &[f64], frequencies: &[f32], flip: bool, phase: impl Fn(f64, f32) -> f32) -> Vec<f32> {
    let n = frequencies.len();
    let (mut out, mut phases) = (vec![0.0; 2 * n * t.len()], vec![0.0; n]);
    for (&t, row) in t.iter().zip(out.chunks_exact_mut((2 * n).max(1))) {
        for (to, &f) in phases.iter_mut().zip(frequencies) {
            *to = phase(t, f);
        }
        let (first, second) = row.split_at_mut(n);
        let (sin, cos) = if flip { (second, first) } else { (first, second) };
        sincos(&phases, sin, cos);
    }
    out
}

/// The embedding row of each of `batch` samples. Without a condition every sample gets the null class, which is the last.
pub fn class_rows(cond: &Cond, batch: usize, classes: usize) -> Result<Vec<u32>> {
    match cond {
        Cond::None => Ok(vec![classes.saturating_sub(1) as u32; batch]),
        Cond::Class(ids) if ids.len() != batch => {
            let count = ids.len();
            Err(Error::Msg(format!("{count} classes were given for {batch} samples")))
        }
        Cond::Class(ids) => match ids.iter().find(|&&id| id as usize >= classes) {
            Some(id) => Err(Error::Msg(format!("there is no class {id}, only 0 to {}", classes - 1))),
            None => Ok(ids.clone()),
        },
    }
}

/// Refuses a condition that the network has no use for, and a number of times that differs from the batch.
pub fn check(cond: &Cond, t: &[f64], batch: usize, classes: Option<usize>) -> Result<()> {
    if t.len() != batch {
        let count = t.len();
        return Err(Error::Msg(format!("{count} times were given for {batch} samples")));
    }
    match (cond, classes) {
        (Cond::Class(_), None) => Err(Error::Msg("this network was made without classes".into())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_features_equal_those_of_diffusers() {
        // get_timestep_embedding(torch.tensor([3.]), 6, flip_sin_to_cos=False, downscale_freq_shift=1): frequencies 1, 0.01, 0.0001.
        let expected = [
            3f64.sin(),
            0.03f64.sin(),
            3e-4f64.sin(),
            3f64.cos(),
            0.03f64.cos(),
            3e-4f64.cos(),
        ];
        let found = time_features(&[3.0], 6, false, 1.0, 1e4, 1.0);
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6)
        );
        let flipped = time_features(&[3.0], 6, true, 1.0, 1e4, 1.0);
        assert_eq!(flipped, [&found[3..], &found[..3]].concat());
    }

    #[test]
    fn fourier_features_take_the_logarithm() {
        let found = fourier_features(&[1.0, std::f64::consts::E], &[0.25], true, false);
        let expected = [0.0, 1.0, 1.0, 0.0];
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{found:?}"
        );
    }

    #[test]
    fn no_condition_is_the_null_class() {
        assert_eq!(class_rows(&Cond::None, 2, 11).unwrap(), [10, 10]);
        assert!(class_rows(&Cond::Class(vec![11]), 1, 11).is_err());
        assert!(class_rows(&Cond::Class(vec![1]), 2, 11).is_err());
        assert!(check(&Cond::Class(vec![1]), &[0.0], 1, None).is_err());
        assert!(check(&Cond::None, &[0.0], 2, None).is_err());
    }
}
