//! How far two clouds of points in the plane are apart, as distributions.

/// Directions of [`sliced_wasserstein`].
const DIRECTIONS: usize = 64;

/// Sliced Wasserstein distance (Rabin et al. 2012): the root of the mean, over directions in the plane, of the squared
/// 2-Wasserstein distance of the projections. `a`, `b`: x, y, x, y, …, at least one point each.
///
/// The directions are even on the half circle, so that the mean over all directions is met exactly for all that varies
/// slowly with them, and equal clouds always have equal distances.
pub fn sliced_wasserstein(a: &[f32], b: &[f32]) -> f64 {
    let square = |k: usize| {
        let (sin, cos) = (std::f64::consts::PI * k as f64 / DIRECTIONS as f64).sin_cos();
        transport(&projected(a, cos, sin), &projected(b, cos, sin))
    };
    ((0..DIRECTIONS).map(square).sum::<f64>() / DIRECTIONS as f64).sqrt()
}

/// Projections on `(cos, sin)`, ascending.
fn projected(xy: &[f32], cos: f64, sin: f64) -> Vec<f64> {
    let along = |p: &[f32]| f64::from(p[0]) * cos + f64::from(p[1]) * sin;
    let mut all: Vec<f64> = xy.chunks_exact(2).map(along).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Squared 2-Wasserstein distance on the line: the integral over all quantiles of their squared difference.
fn transport(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut at, mut sum) = (0, 0, 0.0, 0.0);
    while i < a.len() && j < b.len() {
        let ends = ((i + 1) as f64 / a.len() as f64, (j + 1) as f64 / b.len() as f64);
        let end = ends.0.min(ends.1);
        sum += (end - at) * (a[i] - b[j]).powi(2);
        at = end;
        i += usize::from(ends.0 <= ends.1);
        j += usize::from(ends.1 <= ends.0);
    }
    sum
}

/// Energy distance (Székely and Rizzo 2013): `2 E|X - Y| - E|X - X'| - E|Y - Y'|`, without bias, so that it may be a little
/// below 0 for equal distributions. `a`, `b`: x, y, x, y, …, at least two points each.
pub fn energy_distance(a: &[f32], b: &[f32]) -> f64 {
    let within = |xy: &[f32]| {
        let n = (xy.len() / 2) as f64;
        pairs(xy, xy) / (n * (n - 1.0))
    };
    let between = pairs(a, b) / ((a.len() / 2) as f64 * (b.len() / 2) as f64);
    2.0 * between - within(a) - within(b)
}

/// Sum of the distances of all pairs.
fn pairs(a: &[f32], b: &[f32]) -> f64 {
    let distance = |p: &[f32], q: &[f32]| f64::from(p[0] - q[0]).hypot(f64::from(p[1] - q[1]));
    let to_all = |p: &[f32]| b.chunks_exact(2).map(|q| distance(p, q)).sum::<f64>();
    a.chunks_exact(2).map(to_all).sum()
}

/// The mean of some numbers and its standard error; no error for a single one.
pub fn mean_and_error(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (values.len() > 1).then(|| (variance / n).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::noise::{Address, Stream};

    fn normal(n: usize, std: f32, seed: u64) -> Vec<f32> {
        let mut xy = vec![0.0; 2 * n];
        let address = Address {
            seed,
            stream: Stream::Data,
            sample: 0,
            mv: 0,
            draw: 0,
        };
        address.normals(&mut xy);
        xy.iter().map(|v| v * std).collect()
    }

    #[test]
    fn a_shifted_cloud_is_as_far_as_it_was_shifted() {
        let a = normal(50, 1.0, 1);
        let b: Vec<f32> = a.chunks(2).flat_map(|p| [p[0] + 0.6, p[1] - 0.8]).collect();
        assert_eq!(sliced_wasserstein(&a, &a), 0.0);
        // A shift of length 1 projects to its cosine; the mean square of that is one half.
        assert!((sliced_wasserstein(&a, &b) - 0.5_f64.sqrt()).abs() < 1e-6);
        // Every point twice is the same distribution.
        assert!(sliced_wasserstein(&a, &[&a[..], &a[..]].concat()) < 1e-9);
        assert!((sliced_wasserstein(&[&a[..], &a[..]].concat(), &b) - 0.5_f64.sqrt()).abs() < 1e-6);
    }

    /// A cloud twice as wide: every projection of a round normal is one, and their distance is that of the deviations.
    #[test]
    fn a_wider_cloud_is_as_far_as_it_is_wider() {
        let (a, b) = (normal(4000, 1.0, 1), normal(4000, 2.0, 2));
        assert!((sliced_wasserstein(&a, &b) - 1.0).abs() < 0.05);
    }

    /// Two round normals of deviation 1 and s: `E|X - Y| = √((1 + s²) π / 2)`, so the distance is known.
    #[test]
    fn the_energy_distance_of_normals_is_known() {
        let (a, b) = (normal(2000, 1.0, 1), normal(2000, 2.0, 2));
        let pi = std::f64::consts::PI;
        let expected = 2.0 * (5.0 * pi / 2.0).sqrt() - pi.sqrt() - 2.0 * pi.sqrt();
        assert!(
            (energy_distance(&a, &b) - expected).abs() < 0.03,
            "{}",
            energy_distance(&a, &b)
        );
        let same: Vec<f64> = (0..20)
            .map(|i| energy_distance(&normal(100, 1.0, 10 + i), &normal(100, 1.0, 50 + i)))
            .collect();
        let (mean, error) = mean_and_error(&same);
        assert!(mean.abs() < 4.0 * error.unwrap(), "{mean} {error:?}");
        // Exactly: |1 - 0| each way, nothing within.
        assert_eq!(energy_distance(&[0.0; 4], &[1.0, 0.0, 1.0, 0.0]), 2.0);
    }

    #[test]
    fn errors_shrink_with_the_root_of_the_number() {
        assert_eq!(mean_and_error(&[1.0, 3.0]), (2.0, Some(1.0)));
        assert_eq!(mean_and_error(&[4.0]), (4.0, None));
    }
}
