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

#[cfg(test)]
mod tests;
