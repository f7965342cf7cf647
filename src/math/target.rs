//! What a network regresses: `a * x0 + b * eps`, with `(a, b)` depending on the level.

use super::{Entry, Level, Param, Spec, SpecError, spec};

/// The regression target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The noise.
    Eps,
    /// The clean sample.
    X0,
    /// `alpha * eps - sigma * x0` (Salimans and Ho 2022).
    V,
    /// `-eps / sigma`, the gradient of the log-density (Song and Ermon 2019).
    Score,
    /// `eps - x0`, the velocity of the straight line (Lipman et al. 2023).
    Flow,
    /// The preconditioned network of Karras et al. 2022: `x0 = c_skip x + c_out * output`.
    Edm {
        /// Standard deviation of the data.
        sigma_data: f64,
    },
}

/// What EDM's target and weighting take the data's deviation for.
pub(super) const SIGMA_DATA: Param = Param::real("sigma-data", 0.01, 10.0, 0.5, "Standard deviation of the data");

/// All targets.
pub const ENTRIES: &[&Entry<Target>] = &[
    &Entry {
        id: "eps",
        label: "Noise ε",
        help: "The network guesses the noise; the choice of the first DDPM",
        source: "arXiv:2006.11239",
        params: &[],
        build: |_| Ok(Box::new(Target::Eps)),
    },
    &Entry {
        id: "x0",
        label: "Clean x₀",
        help: "The network guesses the clean sample",
        source: "arXiv:2006.11239",
        params: &[],
        build: |_| Ok(Box::new(Target::X0)),
    },
    &Entry {
        id: "v",
        label: "Velocity v",
        help: "A mixture that is well-conditioned at every noise level",
        source: "arXiv:2202.00512",
        params: &[],
        build: |_| Ok(Box::new(Target::V)),
    },
    &Entry {
        id: "score",
        label: "Score",
        help: "The network guesses where the data get denser",
        source: "arXiv:1907.05600",
        params: &[],
        build: |_| Ok(Box::new(Target::Score)),
    },
    &Entry {
        id: "flow",
        label: "Flow",
        help: "The network guesses the direction from data to noise; for the flow schedule",
        source: "arXiv:2210.02747",
        params: &[],
        build: |_| Ok(Box::new(Target::Flow)),
    },
    &Entry {
        id: "edm",
        label: "EDM",
        help: "Input, output and skip are scaled so that the network always works at unit size",
        source: "arXiv:2206.00364",
        params: &[SIGMA_DATA],
        build: |p| {
            Ok(Box::new(Target::Edm {
                sigma_data: p.real("sigma-data"),
            }))
        },
    },
];

/// Builds the chosen target.
pub fn build(spec: &Spec) -> Result<Target, SpecError> {
    spec::build("target", ENTRIES, spec).map(|t| *t)
}

impl Target {
    /// `(a, b)`: the target is `a * x0 + b * eps`.
    pub fn row(self, at: Level) -> (f64, f64) {
        match self {
            Self::Eps => (0.0, 1.0),
            Self::X0 => (1.0, 0.0),
            Self::V => (-at.sigma, at.alpha),
            Self::Score => (0.0, -1.0 / at.sigma),
            Self::Flow => (-1.0, 1.0),
            Self::Edm { sigma_data } => {
                let (sigma, spread) = (at.sigma_ve(), at.sigma_ve().hypot(sigma_data));
                // (1 - c_skip) / c_out and -c_skip sigma / c_out.
                (sigma / (sigma_data * spread), -sigma_data / spread)
            }
        }
    }

    /// What `x` is multiplied by before the network sees it, so that its size does not depend on the level.
    ///
    /// Variance-preserving and flow levels pass unchanged; variance-exploding ones are brought to unit size; EDM's
    /// `c_in` takes the deviation of the data into account.
    pub fn input_scale(self, at: Level) -> f64 {
        let square = match self {
            Self::Edm { sigma_data } => at.sigma.powi(2) + (at.alpha * sigma_data).powi(2),
            _ => at.sigma.powi(2) + at.alpha.powi(2),
        };
        match self {
            Self::Edm { .. } => square.sqrt().recip(),
            _ if square > 1.0 + 1e-9 => square.sqrt().recip(),
            _ => 1.0,
        }
    }

    /// `a sigma - b alpha`: how well the output and `x` together tell `x0` from `eps`; 0 where they cannot.
    pub fn determinant(self, at: Level) -> f64 {
        let (a, b) = self.row(at);
        a * at.sigma - b * at.alpha
    }

    /// How `x0` and `eps` follow from the network's output and `x`: `x0 = out * m[0][0] + x * m[0][1]`, `eps` likewise
    /// from `m[1]`. Cramer's rule on the row and `x = alpha * x0 + sigma * eps`.
    ///
    /// Without noise neither the clean sample nor the score tells the noise. There the limit counts: `x` is clean, and the
    /// expected noise, `-sigma` times the score, is none.
    pub fn decode(self, at: Level) -> [[f64; 2]; 2] {
        if at.sigma == 0.0 && matches!(self, Self::X0 | Self::Score) {
            return [[0.0, 1.0 / at.alpha], [0.0, 0.0]];
        }
        let (a, b) = self.row(at);
        let det = self.determinant(at);
        [[at.sigma / det, -b / det], [-at.alpha / det, a / det]]
    }
}

#[cfg(test)]
mod tests;
