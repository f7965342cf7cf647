//! Sines and cosines of many phases at once, in a form that compilers turn into vector instructions.

#![expect(
    clippy::inline_always,
    reason = "kernels compile the waves of the time for their instruction set"
)]

use std::f64::consts::FRAC_2_PI;

/// Largest phase whose quarter turns are counted exactly: their number times [`QUARTER`]'s first part needs no rounding.
const LIMIT: f32 = 1e6;

/// Half of pi in two parts: 33 bits, and the rest.
const QUARTER: [f64; 2] = [1.570_796_326_734_125_6, 6.077_100_506_506_192e-11];

/// Sine and cosine of each phase, which is taken as exact: off by less than 2e-10 before they are rounded to float32. Adds
/// and multiplies only, so that all machines get the same bits, with whichever instructions the caller is compiled for.
#[inline(always)]
pub(super) fn sincos(phases: &[f32], sin: &mut [f32], cos: &mut [f32]) {
    // Without an early end, which would keep the compiler from comparing many at a time.
    if phases.iter().fold(true, |all, phase| all & (phase.abs() <= LIMIT)) {
        each(phases, sin, cos, series);
    } else {
        each(phases, sin, cos, libm::sincos);
    }
}

#[inline(always)]
fn each(phases: &[f32], sin: &mut [f32], cos: &mut [f32], f: impl Fn(f64) -> (f64, f64)) {
    for ((&phase, sin), cos) in phases.iter().zip(sin).zip(cos) {
        let pair = f(phase.into());
        (*sin, *cos) = (pair.0 as f32, pair.1 as f32);
    }
}

/// Taylor's series around the nearest multiple of a quarter turn; the first terms left out are `x^13/13!` and `x^12/12!`
/// with `|x| <= pi/4`.
#[inline(always)]
fn series(phase: f64) -> (f64, f64) {
    // Adding it leaves no room for a fraction: the number of quarter turns stands in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const SIN: [f64; 5] = [1.0 / 362_880.0, -1.0 / 5_040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0];
    const COS: [f64; 5] = [1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0];
    let shifted = phase * FRAC_2_PI + ROUND;
    let (turns, bits) = (shifted - ROUND, shifted.to_bits());
    let x = (phase - turns * QUARTER[0]) - turns * QUARTER[1];
    let square = x * x;
    let (mut s, mut c) = (-1.0 / 39_916_800.0, -1.0 / 3_628_800.0);
    for (a, b) in SIN.into_iter().zip(COS) {
        (s, c) = (s * square + a, c * square + b);
    }
    // After an odd number of quarter turns sine and cosine change places; then signs. Bits instead of branches.
    let (s, c) = ((s * x).to_bits(), c.to_bits());
    let swapped = (s ^ c) & (bits & 1).wrapping_neg();
    let minus = |bits: u64| (bits & 2) << 62;
    let (s, c) = (s ^ swapped ^ minus(bits), c ^ swapped ^ minus(bits + 1));
    (f64::from_bits(s), f64::from_bits(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phases: &[f32]) {
        let (mut sin, mut cos) = (vec![0.0; phases.len()], vec![0.0; phases.len()]);
        sincos(phases, &mut sin, &mut cos);
        for ((&phase, s), c) in phases.iter().zip(sin).zip(cos) {
            let (exact_s, exact_c) = libm::sincos(phase.into());
            // Half a unit in the last place, and what the series leaves out.
            let near = |found: f32, exact: f64| (f64::from(found) - exact).abs() <= 6e-8 * exact.abs() + 2e-10;
            assert!(
                near(s, exact_s) && near(c, exact_c),
                "{phase}: {s} {c}, not {exact_s} {exact_c}"
            );
        }
    }

    #[test]
    fn all_quadrants_equal_libm() {
        let grid: Vec<f32> = (-40_000..40_000).map(|i| i as f32 * 0.001).collect();
        check(&grid);
        let quarters: Vec<f32> = (-2000..2000).map(|i| i as f32 * std::f32::consts::FRAC_PI_2).collect();
        check(&quarters);
    }

    #[test]
    fn large_phases_equal_libm() {
        let most: Vec<f32> = (0..4000).map(|i| LIMIT - i as f32 * 17.3).collect();
        check(&most);
        check(&[1.0, -1e9, 3e20]);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let (mut sin, mut cos) = ([0.0], [0.0]);
        sincos(&[f32::NAN], &mut sin, &mut cos);
        assert!(sin[0].is_nan() && cos[0].is_nan());
    }
}
