//! From one level to another.

use super::Level;

/// One transition of the reverse chain. `to` is noisier than `from` where RePaint jumps back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// Where the state is.
    pub from: Level,
    /// Where it goes.
    pub to: Level,
}

impl Move {
    /// Standard deviation of `q(x_to | x_from, x0)`, for any distance (Ho et al. 2020, eq. 7; Song et al. 2021, eq. 16).
    pub fn posterior_std(self) -> f64 {
        let Self { from, to } = self;
        let kept = (from.alpha * to.sigma / (to.alpha * from.sigma)).powi(2);
        to.sigma * (1.0 - kept).max(0.0).sqrt()
    }

    /// Standard deviation of `q(x_from | x_to)`: the "large" variance of DDPM.
    pub fn forward_std(self) -> f64 {
        let Self { from, to } = self;
        let ratio = from.alpha / to.alpha;
        (from.sigma.powi(2) - (ratio * to.sigma).powi(2)).max(0.0).sqrt()
    }

    /// Factors of the guessed clean sample, of the guessed noise and of fresh noise in DDIM's step, which takes `eta` of the
    /// posterior's noise (Song et al. 2021, eq. 12).
    pub fn ddim_factors(self, eta: f64) -> [f64; 3] {
        let churn = eta * self.posterior_std();
        let keep = (self.to.sigma.powi(2) - churn.powi(2)).max(0.0).sqrt();
        [self.to.alpha, keep, churn]
    }

    /// Factors of the clean sample and of the state in the mean of `q(x_to | x_from, x0)` (Ho et al. 2020, eq. 7).
    pub fn posterior_factors(self) -> [f64; 2] {
        let Self { from, to } = self;
        let of_x0 = to.alpha * (self.forward_std() / from.sigma).powi(2);
        let of_x = from.alpha / to.alpha * (to.sigma / from.sigma).powi(2);
        [of_x0, of_x]
    }

    /// The same move with a signal at both ends, see [`Level::with_signal`].
    pub fn with_signal(self) -> Self {
        Self {
            from: self.from.with_signal(),
            to: self.to.with_signal(),
        }
    }

    /// The move backwards along the deterministic path, told the time of its noisier end (DDIM inversion evaluates the
    /// network at the higher time).
    pub fn inverted(self) -> Self {
        Self {
            from: Level {
                t: self.from.t,
                ..self.to
            },
            to: self.from,
        }
    }

    /// Whether this move adds noise.
    pub fn is_upward(self) -> bool {
        self.to.sigma_ve() > self.from.sigma_ve()
    }
}
