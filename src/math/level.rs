//! One equation carries the whole core: `x = alpha * x0 + sigma * eps`.

/// A point on the noise axis: `x = alpha * x0 + sigma * eps`.
///
/// `t` is what the network is told (for discrete schedules diffusers' index `0..=T-1`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The time that the network is told.
    pub t: f64,
    /// Factor of the clean sample.
    pub alpha: f64,
    /// Standard deviation of the noise.
    pub sigma: f64,
}

impl Level {
    /// The level without noise, where every reverse process ends.
    pub const fn clean(t: f64) -> Self {
        Self {
            t,
            alpha: 1.0,
            sigma: 0.0,
        }
    }

    /// A variance-preserving level from the cumulated product `ᾱ`.
    pub fn from_alpha_bar(t: f64, alpha_bar: f64) -> Self {
        Self {
            t,
            alpha: alpha_bar.sqrt(),
            sigma: (1.0 - alpha_bar).sqrt(),
        }
    }

    /// Signal-to-noise ratio `alpha² / sigma²`; infinite where there is no noise.
    pub fn snr(self) -> f64 {
        (self.alpha / self.sigma).powi(2)
    }

    /// Half log-SNR `λ = ln(alpha / sigma)` of the DPM-Solver papers.
    pub fn lambda(self) -> f64 {
        self.alpha.ln() - self.sigma.ln()
    }

    /// Noise level in variance-exploding units, `sigma / alpha`; infinite where there is no signal.
    pub fn sigma_ve(self) -> f64 {
        self.sigma / self.alpha
    }

    /// The same level with `alpha = 2⁻¹²` where it is 0: what stands for pure noise where a formula needs
    /// `sigma / alpha` or its logarithm (diffusers' `ᾱ = 2⁻²⁴`).
    pub fn with_signal(self) -> Self {
        const LEAST: f64 = 1.0 / 4096.0;
        if self.alpha > 0.0 {
            return self;
        }
        Self {
            alpha: LEAST,
            sigma: (self.sigma.powi(2) - LEAST.powi(2)).sqrt(),
            ..self
        }
    }
}

/// The units in which a sampler keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// `x = alpha * x0 + sigma * eps`, as the schedule says and the network sees it.
    Schedule,
    /// `x = x0 + (sigma / alpha) * eps`.
    VarianceExploding,
}

impl Units {
    /// Multiplies a state in these units to make it one in the schedule's units.
    pub fn schedule_from_state(self, at: Level) -> f64 {
        match self {
            Self::Schedule => 1.0,
            Self::VarianceExploding => at.with_signal().alpha,
        }
    }
}

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

#[cfg(test)]
mod tests;
