//! The order conditions of `UniPC` (Zhao et al. 2023, theorem 3.1) as a small linear system.

/// Solves `sum_k rho_k r_k^(n-1) = n! phi_(n+1)(hh) hh / B` for `n = 1..`, the order conditions of the paper; a single
/// weight is one half, as the paper recommends.
pub(super) fn weights(nodes: &[f64], hh: f64, b: f64) -> Vec<f64> {
    if nodes.len() == 1 {
        return vec![0.5];
    }
    let mut g = hh.exp_m1() / hh - 1.0;
    let mut factorial = 1.0;
    let mut rows = Vec::new();
    for n in 1..=nodes.len() {
        let mut row: Vec<f64> = nodes.iter().map(|r| r.powi(n as i32 - 1)).collect();
        row.push(factorial * g / b);
        rows.push(row);
        factorial *= (n + 1) as f64;
        g = g / hh - 1.0 / factorial;
    }
    solve(rows)
}

/// Gauss–Jordan elimination of an augmented system with distinct nodes (a Vandermonde matrix: the pivots are not 0).
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    for i in 0..rows.len() {
        let pivot: Vec<f64> = rows[i].iter().map(|v| v / rows[i][i]).collect();
        for (j, row) in rows.iter_mut().enumerate() {
            let factor = row[i];
            if j != i {
                row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            }
        }
        rows[i] = pivot;
    }
    rows.iter().filter_map(|row| row.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solver_solves() {
        let x = solve(vec![vec![1.0, 1.0, 3.0], vec![-2.0, 1.0, 0.0]]);
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12, "{x:?}");
    }

    /// With `B = e^hh - 1` the two weights fulfil `rho1 + rho2 = b1` and `r rho1 + rho2 = b2`.
    #[test]
    fn the_weights_fulfil_the_order_conditions() {
        let (r, hh) = (-0.8, -0.3_f64);
        let b = hh.exp_m1();
        let rho = weights(&[r, 1.0], hh, b);
        let g1 = b / hh - 1.0;
        let g2 = g1 / hh - 0.5;
        assert!((rho[0] + rho[1] - g1 / b).abs() < 1e-12);
        assert!((r * rho[0] + rho[1] - 2.0 * g2 / b).abs() < 1e-12);
    }
}
