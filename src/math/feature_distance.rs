//! How far two sets of feature vectors are apart: Fréchet distance and kernel distance.
//!
//! The formulas of FID and KID, on the features of whatever network made them; the numbers mean nothing beside those of
//! another network.

use super::symmetric::Symmetric;

/// Feature vectors, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Length of a vector.
    pub len: usize,
    /// All of them.
    pub values: Vec<f64>,
}

impl Features {
    /// How many vectors there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.len
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.len)
    }

    /// Mean and unbiased covariance; at least two vectors.
    pub fn moments(&self) -> (Vec<f64>, Symmetric) {
        let (n, count) = (self.len, self.count() as f64);
        let mut mean = vec![0.0; n];
        for row in self.rows() {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count);
        }
        let mut sums = vec![0.0; n * n];
        for row in self.rows() {
            let apart: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| v - m).collect();
            for (a, sums) in apart.iter().zip(sums.chunks_exact_mut(n)) {
                sums.iter_mut().zip(&apart).for_each(|(sum, b)| *sum += a * b);
            }
        }
        let covariance = Symmetric::from_fn(n, |i, j| sums[i * n + j] / (count - 1.0));
        (mean, covariance)
    }
}

/// `|m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½)` of the means and covariances of two sets (Heusel et al. 2017), the squared
/// 2-Wasserstein distance of the Gaussians that have them. Biased upwards, the more so the smaller the sets: compare only
/// figures of equally many vectors. At least two vectors each.
pub fn frechet_distance(a: &Features, b: &Features) -> f64 {
    let ((mean_a, cov_a), (mean_b, cov_b)) = (a.moments(), b.moments());
    let apart: f64 = mean_a.iter().zip(&mean_b).map(|(a, b)| (a - b).powi(2)).sum();
    let (shared, _) = cov_b.between(&cov_a.root()).eigen();
    let overlap: f64 = shared.into_iter().map(|v| v.max(0.0).sqrt()).sum();
    apart + cov_a.trace() + cov_b.trace() - 2.0 * overlap
}

/// The squared maximum mean discrepancy with the kernel `(x·y / len + 1)³` (Bińkowski et al. 2018), without bias, so that it may
/// be a little below 0 for equal distributions. At least two vectors each.
pub fn kernel_distance(a: &Features, b: &Features) -> f64 {
    let within = |set: &Features| {
        let n = set.count() as f64;
        let own: f64 = set.rows().map(|x| kernel(x, x)).sum();
        (kernels(set, set) - own) / (n * (n - 1.0))
    };
    within(a) + within(b) - 2.0 * kernels(a, b) / (a.count() as f64 * b.count() as f64)
}

fn kernel(x: &[f64], y: &[f64]) -> f64 {
    let dot: f64 = x.iter().zip(y).map(|(a, b)| a * b).sum();
    (dot / x.len() as f64 + 1.0).powi(3)
}

/// Sum over all pairs.
fn kernels(a: &Features, b: &Features) -> f64 {
    a.rows().map(|x| b.rows().map(|y| kernel(x, y)).sum::<f64>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::noise::{Address, Stream};

    fn features<const N: usize>(rows: &[[f64; N]]) -> Features {
        Features {
            len: N,
            values: rows.concat(),
        }
    }

    /// Round normals of unit variance, shifted along the first axis.
    fn normal(count: usize, shift: f64, seed: u64) -> Features {
        let mut z = vec![0.0; 2 * count];
        let address = Address {
            seed,
            stream: Stream::Data,
            sample: 0,
            mv: 0,
            draw: 0,
        };
        address.normals(&mut z);
        let place = |(i, z): (usize, &f32)| f64::from(*z) + if i % 2 == 0 { shift } else { 0.0 };
        Features {
            len: 2,
            values: z.iter().enumerate().map(place).collect(),
        }
    }

    /// Computed in numpy by the lines beside the numbers.
    #[test]
    fn both_distances_are_as_computed_elsewhere() {
        let (a, b) = small();
        assert!(
            (frechet_distance(&a, &b) - FRECHET).abs() < 1e-9,
            "{}",
            frechet_distance(&a, &b)
        );
        assert!(
            (kernel_distance(&a, &b) - KERNEL).abs() < 1e-12,
            "{}",
            kernel_distance(&a, &b)
        );
        assert!((frechet_distance(&b, &a) - FRECHET).abs() < 1e-9);
        assert!((kernel_distance(&b, &a) - KERNEL).abs() < 1e-12);
    }

    // a = np.array([[1, 2, 0.5], [0, -1, 1], [2, 0.3, -0.7], [-1, 0.1, 0.2], [0.4, 0.9, 1.1]])
    // b = np.array([[0.2, 0, 1], [1.5, -0.5, 0.3], [-0.6, 1.2, 2], [0.1, 0.8, -1.4]])
    // ca, cb = np.cov(a.T), np.cov(b.T); d = a.mean(0) - b.mean(0)
    // d @ d + np.trace(ca + cb) - 2 * np.sqrt(np.linalg.eigvals(ca @ cb).astype(complex)).real.sum()
    // k = lambda x, y: (x @ y.T / 3 + 1) ** 3; off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
    // off(k(a, a)) + off(k(b, b)) - 2 * k(a, b).mean()
    fn small() -> (Features, Features) {
        let a = [
            [1.0, 2.0, 0.5],
            [0.0, -1.0, 1.0],
            [2.0, 0.3, -0.7],
            [-1.0, 0.1, 0.2],
            [0.4, 0.9, 1.1],
        ];
        let b = [[0.2, 0.0, 1.0], [1.5, -0.5, 0.3], [-0.6, 1.2, 2.0], [0.1, 0.8, -1.4]];
        (features(&a), features(&b))
    }
    const FRECHET: f64 = 1.730_453_922_627_991_6;
    const KERNEL: f64 = -1.798_469_677_777_778_2;

    /// Four vectors with this mean and exactly the covariance whose roots of eigenvalues are `std`, turned by `angle`.
    fn cross(mean: [f64; 2], std: [f64; 2], angle: f64) -> Features {
        let (sin, cos) = angle.sin_cos();
        let place = |x: f64, y: f64| [mean[0] + cos * x - sin * y, mean[1] + sin * x + cos * y];
        let [x, y] = std.map(|s| s * 1.5_f64.sqrt());
        features(&[place(x, 0.0), place(-x, 0.0), place(0.0, y), place(0.0, -y)])
    }

    /// In the plane `tr (S1 S2)^½ = √(tr S1 S2 + 2 √(det S1 det S2))`, from the characteristic polynomial; where the axes agree
    /// the distance is `Σ (m - m')² + (s - s')²`.
    #[test]
    fn the_frechet_distance_of_gaussians_is_known() {
        let along = frechet_distance(&cross([0.0, 1.0], [1.0, 0.5], 0.4), &cross([0.3, 1.0], [1.5, 0.1], 0.4));
        assert!((along - (0.09 + 0.25 + 0.16)).abs() < 1e-12, "{along}");
        let turned = frechet_distance(&cross([0.0, 1.0], [1.0, 0.5], 0.0), &cross([0.3, 1.0], [1.5, 0.1], 0.4));
        let (cos2, sin2) = (0.4_f64.cos().powi(2), 0.4_f64.sin().powi(2));
        let mixed = 1.0 * (2.25 * cos2 + 0.01 * sin2) + 0.25 * (2.25 * sin2 + 0.01 * cos2);
        let expected = 0.09 + 1.25 + 2.26 - 2.0 * f64::sqrt(mixed + 2.0 * (1.0 * 0.5 * 1.5 * 0.1));
        assert!((turned - expected).abs() < 1e-12, "{turned} is not {expected}");
        let one = cross([0.0, 1.0], [1.0, 0.5], 0.7);
        assert!(frechet_distance(&one, &one).abs() < 1e-12);
    }

    /// Without bias: over many small sets of one distribution the mean is 0, and the distance of shifted ones is that of
    /// expectations, which for this kernel are moments: with `y = x·x'/2`, `E (y + 1)³ = 1 + 3 E y + 3 E y² + E y³`.
    #[test]
    fn the_kernel_distance_has_no_bias() {
        let mean = |shift: f64| {
            let one = |seed| kernel_distance(&normal(20, 0.0, seed), &normal(30, shift, seed + 1000));
            let all: Vec<f64> = (0..600).map(one).collect();
            crate::math::distance::mean_and_error(&all)
        };
        // For independent normals shifted along the first axis by m and m': E y = m m' / 2, E y² = ((1 + m²)(1 + m'²) + 1) / 4,
        // E y³ = ((m³ + 3 m)(m'³ + 3 m') + 3 m m') / 8.
        let expected = |m: f64, n: f64| {
            let cube = |m: f64| m.powi(3) + 3.0 * m;
            let first = m * n / 2.0;
            let second = ((1.0 + m * m) * (1.0 + n * n) + 1.0) / 4.0;
            let third = (cube(m) * cube(n) + 3.0 * m * n) / 8.0;
            1.0 + 3.0 * first + 3.0 * second + third
        };
        for shift in [0.0, 0.8] {
            let exact = expected(0.0, 0.0) + expected(shift, shift) - 2.0 * expected(0.0, shift);
            let (found, error) = mean(shift);
            assert!(
                (found - exact).abs() < 4.0 * error.unwrap(),
                "{shift}: {found} is not {exact}, {error:?}"
            );
        }
    }
}
