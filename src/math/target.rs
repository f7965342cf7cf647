//! What a network regresses: `a * x0 + b * eps`, with `(a, b)` depending on the level.

use super::{Entry, Level, Spec, SpecError, spec};

/// The regression target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The noise.
    Eps,
    /// The clean sample.
    X0,
    /// `alpha * eps - sigma * x0` (Salimans and Ho 2022).
    V,
}

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
        }
    }

    /// What `x` is multiplied by before the network sees it, so that its size does not depend on the level.
    ///
    /// Variance-preserving and flow levels pass unchanged; variance-exploding ones are brought to the size of the data.
    pub fn input_scale(self, at: Level) -> f64 {
        let square = at.alpha.powi(2) + at.sigma.powi(2);
        if square > 1.0 + 1e-9 {
            square.sqrt().recip()
        } else {
            1.0
        }
    }

    /// How `x0` and `eps` follow from the network's output and `x`: `x0 = out * m[0][0] + x * m[0][1]`, `eps` likewise
    /// from `m[1]`. Cramer's rule on the row and `x = alpha * x0 + sigma * eps`.
    pub fn decode(self, at: Level) -> [[f64; 2]; 2] {
        let (a, b) = self.row(at);
        let Level { alpha, sigma, .. } = at;
        let det = a * sigma - b * alpha;
        [[sigma / det, -b / det], [-alpha / det, a / det]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_inverts_the_row() {
        for entry in ENTRIES {
            let target = build(&Spec::new(entry.id)).unwrap();
            for alpha_bar in [0.999_f64, 0.5, 1e-3] {
                let at = Level::from_alpha_bar(0.0, alpha_bar);
                let (x0, eps) = (0.3, -1.7);
                let (a, b) = target.row(at);
                let (out, x) = (a * x0 + b * eps, at.alpha * x0 + at.sigma * eps);
                let m = target.decode(at);
                assert!((m[0][0] * out + m[0][1] * x - x0).abs() < 1e-12, "{}", entry.id);
                assert!((m[1][0] * out + m[1][1] * x - eps).abs() < 1e-12, "{}", entry.id);
            }
        }
    }
}
