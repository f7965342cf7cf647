//! Eigenvalues and square roots of small symmetric matrices, by Jacobi's rotations.

/// A symmetric matrix of `n` rows, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetric {
    /// Rows.
    pub n: usize,
    /// Entries, row by row; `entries[i * n + j] == entries[j * n + i]`.
    pub entries: Vec<f64>,
}

/// Sweeps over all pairs; a dozen are enough for any matrix that fits here.
const SWEEPS: usize = 40;

impl Symmetric {
    /// The matrix with these entries on and below the diagonal.
    pub fn from_fn(n: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let entries = (0..n * n)
            .map(|k| (k / n, k % n))
            .map(|(i, j)| entry(i.max(j), i.min(j)));
        Self {
            n,
            entries: entries.collect(),
        }
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        self.entries.iter().step_by(self.n + 1).sum()
    }

    /// Eigenvalues, and eigenvectors as the rows of a matrix.
    pub fn eigen(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.n;
        let mut a = self.entries.clone();
        let mut vectors = Self::from_fn(n, |i, j| if i == j { 1.0 } else { 0.0 }).entries;
        let size: f64 = a.iter().map(|v| v * v).sum();
        for _ in 0..SWEEPS {
            let off: f64 = (0..n * n).filter(|k| k / n != k % n).map(|k| a[k] * a[k]).sum();
            if off <= 1e-30 * size {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    rotate(n, &mut a, &mut vectors, p, q);
                }
            }
        }
        (a.into_iter().step_by(n + 1).collect(), vectors)
    }

    /// The positive square root of a matrix without negative eigenvalues; those that rounding made are taken for zero.
    pub fn root(&self) -> Self {
        let n = self.n;
        let (values, vectors) = self.eigen();
        Self::from_fn(n, |i, j| {
            let along = values.iter().zip(vectors.chunks_exact(n));
            along.map(|(value, v)| value.max(0.0).sqrt() * v[i] * v[j]).sum()
        })
    }

    /// `other * self * other`.
    pub fn between(&self, other: &Self) -> Self {
        let n = self.n;
        let half: Vec<f64> = product(n, &other.entries, &self.entries);
        let whole = product(n, &half, &other.entries);
        Self::from_fn(n, |i, j| f64::midpoint(whole[i * n + j], whole[j * n + i]))
    }
}

fn product(n: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for (row, out) in a.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        for (&factor, b) in row.iter().zip(b.chunks_exact(n)) {
            out.iter_mut().zip(b).for_each(|(out, b)| *out += factor * b);
        }
    }
    out
}

/// The rotation in the plane of `p` and `q` that makes their entry zero (Golub and Van Loan, section 8.5.2).
fn rotate(n: usize, a: &mut [f64], vectors: &mut [f64], p: usize, q: usize) {
    let off = a[p * n + q];
    if off == 0.0 {
        return;
    }
    let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let c = t.hypot(1.0).recip();
    let s = t * c;
    for k in 0..n {
        let (kp, kq) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * kp - s * kq, s * kp + c * kq);
    }
    for matrix in [a, vectors] {
        for k in 0..n {
            let (pk, qk) = (matrix[p * n + k], matrix[q * n + k]);
            (matrix[p * n + k], matrix[q * n + k]) = (c * pk - s * qk, s * pk + c * qk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 / (i + j + 1)`, whose eigenvalues lie many powers of ten apart.
    fn hilbert(n: usize) -> Symmetric {
        Symmetric::from_fn(n, |i, j| 1.0 / (i + j + 1) as f64)
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        // numpy.linalg.eigvalsh of the Hilbert matrix of four rows.
        let expected = [
            9.670_230_402_260_835e-5,
            6.738_273_605_760_616_5e-3,
            0.169_141_220_221_450_03,
            1.500_214_280_059_242_6,
        ];
        let (mut values, _) = hilbert(4).eigen();
        values.sort_by(f64::total_cmp);
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} is not {expected}");
        }
    }

    #[test]
    fn vectors_and_values_make_the_matrix() {
        let matrix = hilbert(7);
        let (values, vectors) = matrix.eigen();
        let again = Symmetric::from_fn(7, |i, j| {
            values.iter().zip(vectors.chunks(7)).map(|(l, v)| l * v[i] * v[j]).sum()
        });
        for (a, b) in matrix.entries.iter().zip(&again.entries) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn a_root_times_itself_is_the_matrix() {
        let matrix = hilbert(5);
        let root = matrix.root();
        let one = Symmetric::from_fn(5, |i, j| f64::from(u8::from(i == j)));
        for (a, b) in matrix.entries.iter().zip(&one.between(&root).entries) {
            assert!((a - b).abs() < 1e-13, "{a} {b}");
        }
        assert!((matrix.trace() - (1.0 + 1.0 / 3.0 + 0.2 + 1.0 / 7.0 + 1.0 / 9.0)).abs() < 1e-15);
    }
}
