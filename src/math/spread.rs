//! What becomes of the spread of data on the way through noise and back.

use super::Move;

/// How a move of DDIM or DDPM draws fresh noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// This share of the posterior's deviation: 0 is DDIM, 1 is DDPM with the small variance.
    Posterior(f64),
    /// The deviation of the forward step: DDPM with the large variance.
    Forward,
}

/// The standard deviation of samples that a perfect network would make of Gaussian data with mean 0 and standard deviation
/// `data` (above 0), by DDIM's and DDPM's updates: a recursion of the variance, since each move is linear then.
pub fn of_samples(moves: &[Move], data: f64, draw: Draw) -> f64 {
    let start = moves.first().map_or(0.0, |mv| mv.from.sigma.powi(2));
    moves
        .iter()
        .fold(start, |variance, &mv| after(mv, variance, data, draw))
        .sqrt()
}

/// The variance after a move.
fn after(mv: Move, variance: f64, data: f64, draw: Draw) -> f64 {
    let Move { from, to } = mv;
    // Given x, Gaussian data are expected at `x0 = share * x`, and the noise at what is left.
    let share = from.alpha * data.powi(2) / ((from.alpha * data).powi(2) + from.sigma.powi(2));
    let eps = (1.0 - from.alpha * share) / from.sigma;
    // DDPM's mean is that of DDIM with all of the posterior's noise.
    let (eta, forward) = match draw {
        Draw::Posterior(eta) => (eta, None),
        Draw::Forward => (1.0, Some(mv.forward_std())),
    };
    let [of_x0, of_eps, posterior] = mv.ddim_factors(eta);
    let drawn = forward.filter(|_| to.sigma > 0.0).unwrap_or(posterior);
    (of_x0 * share + of_eps * eps).powi(2) * variance + drawn.powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{
        Spec,
        grid::{self, time_grid},
        schedule,
    };

    fn moves(steps: usize) -> Vec<Move> {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        time_grid(&*linear, grid::build(&Spec::new("trailing")).unwrap(), steps)
    }

    /// Numbers of a simulation that was written without this program, to its three digits.
    #[test]
    fn fifty_steps_change_the_spread_as_simulated() {
        for (draw, expected) in [
            (Draw::Posterior(1.0), 0.444),
            (Draw::Forward, 0.512),
            (Draw::Posterior(0.0), 0.471),
        ] {
            let found = of_samples(&moves(50), 0.5, draw);
            assert!((found - expected).abs() < 6e-4, "{draw:?}: {found} is not {expected}");
        }
    }

    #[test]
    fn many_steps_keep_it() {
        for draw in [
            Draw::Posterior(0.0),
            Draw::Posterior(0.5),
            Draw::Posterior(1.0),
            Draw::Forward,
        ] {
            for data in [0.2, 0.5, 1.0] {
                let found = of_samples(&moves(1000), data, draw);
                assert!((found / data - 1.0).abs() < 0.02, "{draw:?} of {data}: {found}");
            }
        }
    }
}
