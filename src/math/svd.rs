//! Singular values of small matrices by one-sided Jacobi rotations (Hestenes 1958): exact to the last digits, also for
//! equal and vanishing values.

/// `M = U S V^T` of an `m × n` matrix. All matrices are stored row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// Rows of `M`.
    pub rows: usize,
    /// Columns of `M`.
    pub columns: usize,
    /// `m × n`; the columns whose singular value is 0 are 0, the others orthonormal.
    pub u: Vec<f64>,
    /// `n` values, in no particular order.
    pub singular: Vec<f64>,
    /// `n × n`, orthonormal.
    pub v: Vec<f64>,
}

/// Columns whose product is smaller than this share of their lengths count as orthogonal.
const ORTHOGONAL: f64 = 1e-15;
/// Rounds of rotations at most; a handful are needed.
const ROUNDS: usize = 60;

impl Svd {
    /// Decomposes a matrix. Singular values below `least` times the greatest count as 0.
    pub fn new(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64, least: f64) -> Self {
        // Columns of M and of the identity, turned together until those of M are orthogonal.
        let mut turned: Vec<Vec<f64>> = (0..columns).map(|j| (0..rows).map(|i| entry(i, j)).collect()).collect();
        let mut v: Vec<Vec<f64>> = (0..columns).map(|j| unit(columns, j)).collect();
        let size: f64 = turned.iter().map(|c| dot(c, c)).sum();
        for _ in 0..ROUNDS {
            if !turn_all(&mut turned, &mut v, size) {
                break;
            }
        }
        Self::assemble(rows, &turned, &v, least)
    }

    fn assemble(rows: usize, turned: &[Vec<f64>], v: &[Vec<f64>], least: f64) -> Self {
        let columns = v.len();
        let lengths: Vec<f64> = turned.iter().map(|c| dot(c, c).sqrt()).collect();
        let bound = lengths.iter().copied().fold(0.0, f64::max) * least;
        let singular: Vec<f64> = lengths.into_iter().map(|s| if s > bound { s } else { 0.0 }).collect();
        let unit = |j: usize, i: usize| {
            if singular[j] > 0.0 {
                turned[j][i] / singular[j]
            } else {
                0.0
            }
        };
        Self {
            rows,
            columns,
            u: table(rows, columns, |i, j| unit(j, i)),
            v: table(columns, columns, |i, j| v[j][i]),
            singular,
        }
    }

    /// `U S V^T`, without the values that count as 0.
    pub fn matrix(&self) -> Vec<f64> {
        let n = self.columns;
        table(self.rows, n, |i, j| {
            (0..n)
                .map(|k| self.u[i * n + k] * self.singular[k] * self.v[j * n + k])
                .sum()
        })
    }
}

/// One rotation for each pair of columns. Whether any was needed.
fn turn_all(turned: &mut [Vec<f64>], v: &mut [Vec<f64>], size: f64) -> bool {
    let mut any = false;
    for q in 1..turned.len() {
        for p in 0..q {
            let (a, b) = (dot(&turned[p], &turned[p]), dot(&turned[q], &turned[q]));
            let product = dot(&turned[p], &turned[q]);
            // Columns of rounding errors are left alone.
            if product.abs() <= ORTHOGONAL * (a * b).sqrt().max(ORTHOGONAL * size) {
                continue;
            }
            any = true;
            let zeta = (b - a) / (2.0 * product);
            let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
            let cosine = tangent.hypot(1.0).recip();
            rotate(turned, p, q, cosine, tangent * cosine);
            rotate(v, p, q, cosine, tangent * cosine);
        }
    }
    any
}

fn rotate(columns: &mut [Vec<f64>], p: usize, q: usize, cosine: f64, sine: f64) {
    let (low, high) = columns.split_at_mut(q);
    for (a, b) in low[p].iter_mut().zip(&mut high[0]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(n: usize, j: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from(u8::from(i == j))).collect()
}

fn table(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..rows * columns)
        .map(|at| entry(at / columns, at % columns))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Largest difference of two matrices.
    fn apart(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    fn gram(m: &[f64], rows: usize, n: usize) -> Vec<f64> {
        table(n, n, |i, j| (0..rows).map(|k| m[k * n + i] * m[k * n + j]).sum())
    }

    proptest! {
        #[test]
        fn the_parts_make_the_matrix(
            (rows, columns, values) in (1_usize..7, 1_usize..7).prop_flat_map(|(r, c)| {
                (Just(r), Just(c), prop::collection::vec(-1.0..1.0_f64, r * c))
            })
        ) {
            let svd = Svd::new(rows, columns, |i, j| values[i * columns + j], 1e-12);
            prop_assert!(apart(&svd.matrix(), &values) < 1e-12);
            let identity = table(columns, columns, |i, j| f64::from(u8::from(i == j)));
            prop_assert!(apart(&gram(&svd.v, columns, columns), &identity) < 1e-12);
            let seen = table(columns, columns, |i, j| f64::from(u8::from(i == j && svd.singular[i] > 0.0)));
            prop_assert!(apart(&gram(&svd.u, rows, columns), &seen) < 1e-9);
        }
    }

    #[test]
    fn equal_and_vanishing_values() {
        // Means of pairs: two equal values of 1/√2, two that vanish.
        let svd = Svd::new(2, 4, |i, j| if j / 2 == i { 0.5 } else { 0.0 }, 1e-12);
        let mut singular = svd.singular;
        singular.sort_by(f64::total_cmp);
        assert_eq!(singular[..2], [0.0, 0.0]);
        assert!(
            singular[2..].iter().all(|s| (s - 0.5_f64.sqrt()).abs() < 1e-15),
            "{singular:?}"
        );
    }
}
