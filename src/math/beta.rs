//! The Beta distribution on `[0, 1]` with density proportional to `x^(a-1) (1-x)^(b-1)`.

/// Probability of values up to `x`: the regularised incomplete beta function `I_x(a, b)`, for positive `a` and `b`.
///
/// Lentz's method on its continued fraction (Abramowitz and Stegun 26.5.8), which converges fast below the mean; above it
/// `I_x(a, b) = 1 - I_(1-x)(b, a)`.
pub fn cumulative(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - cumulative(1.0 - x, b, a);
    }
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    let (mut c, mut d, mut fraction) = (1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0)), 1.0);
    fraction *= d;
    for m in 1..1000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / (1.0 + term * d);
            c = 1.0 + term / c;
            fraction *= c * d;
        }
        if (fraction / before - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front.exp() * fraction / a
}

/// The value that is not exceeded with probability `p`, by bisection.
pub fn quantile(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p.clamp(0.0, 1.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    // Halving more often than a double has bits changes nothing.
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if cumulative(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        for x in [0.01_f64, 0.2, 0.5, 0.77, 0.999] {
            let arcsine = 2.0 / std::f64::consts::PI * x.sqrt().asin();
            for (a, b, expected) in [
                (1.0, 1.0, x),
                (2.0, 2.0, x * x * (3.0 - 2.0 * x)),
                (0.5, 0.5, arcsine),
                (3.0, 1.0, x.powi(3)),
                (1.0, 0.3, 1.0 - (1.0 - x).powf(0.3)),
            ] {
                assert!((cumulative(x, a, b) - expected).abs() < 1e-13, "{x} {a} {b}");
                assert!((quantile(expected, a, b) - x).abs() < 1e-10, "{x} {a} {b}");
            }
        }
    }

    /// `scipy.stats.beta.ppf(p, 0.6, 0.6)`.
    #[test]
    fn quantiles_equal_those_of_scipy() {
        for (p, expected) in SCIPY {
            assert!(
                (quantile(p, 0.6, 0.6) / expected - 1.0).abs() < 1e-10,
                "{p}: {}",
                quantile(p, 0.6, 0.6)
            );
        }
    }

    const SCIPY: [(f64, f64); 4] = [
        (0.01, 0.000_861_238_821_542_905_9),
        (0.111, 0.047_014_300_161_683_245),
        (0.5, 0.500_000_000_000_000_1),
        (0.95, 0.987_445_543_126_388_5),
    ];
}
