//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Density at `z`.
pub fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / TAU.sqrt()
}

/// Probability of values up to `z`.
pub fn cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The value that is not exceeded with probability `p` of `(0, 1)`: Newton's method from the logistic approximation.
pub fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    // On the lower half ln(cumulative) is concave, so that Newton's method in it cannot overshoot for long.
    let mut z = (p / (1.0 - p)).ln() / 1.702;
    for _ in 0..50 {
        let c = cumulative(z);
        let step = (c / p).ln() * c / density(z);
        z -= step;
        if step.abs() < 1e-14 {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_values() {
        for (p, z) in [
            (0.5, 0.0),
            (0.841_344_746_068_543, 1.0),
            (0.975, 1.959_963_984_540_054),
            (1e-3, -3.090_232_306_167_813),
            (1e-9, -5.997_807_015_007_687),
        ] {
            assert!((quantile(p) - z).abs() < 1e-9, "{p}: {}", quantile(p));
            assert!((cumulative(z) / p - 1.0).abs() < 1e-9, "{z}");
        }
    }
}
