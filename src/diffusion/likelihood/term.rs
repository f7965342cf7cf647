//! One dimension of one term of the variational bound (Ho et al. 2020, eq. 5), with the variance between the posterior's
//! `β̃` and the forward step's `β` (Nichol and Dhariwal 2021, eq. 15): `ln Σ = v ln β + (1 - v) ln β̃`.
//!
//! For `t > 0` the divergence of two Gaussians, `(r - 1 + e^-r (1 + d² / β̃)) / 2` with `r = ln(Σ / β̃)` and `d` between the
//! means. For `t = 0` what the data cost under `N(x0 guess, Σ)`, with the next index's `β̃`, since the first has none:
//! `-ln P(byte)` where each 8-bit value owns the interval of width 2/255 around it, or the plain density.

use crate::math::{Move, normal, schedule::NoiseSchedule};

/// A term, ready to be asked for any numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    kind: Kind,
    /// `ln(β / β̃)`.
    most: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Of two Gaussians; the distance of the means is `scale` posterior deviations for each unit of `x0`.
    Divergence { scale: f64 },
    /// Of 8-bit data in `[-1, 1]`; `std` is that of the posterior.
    Bytes { std: f64 },
    /// Of real numbers.
    Density { std: f64 },
}

/// What one dimension costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The cost.
    pub nats: f64,
    /// Its derivative by the guess of the clean sample.
    pub by_guess: f64,
    /// Its derivative by the share `v` of the large variance.
    pub by_share: f64,
}

impl Term {
    /// The term of index `t` of a discrete schedule of at least two; `bytes` says that data are 8-bit numbers.
    pub fn at(schedule: &dyn NoiseSchedule, t: usize, bytes: bool) -> Self {
        let level = |t: usize| schedule.level(t as f64);
        let mv = |t: usize| Move {
            from: level(t),
            to: level(t - 1),
        };
        if t > 0 {
            return Self::between(mv(t));
        }
        let std = mv(1).posterior_std();
        Self {
            kind: if bytes {
                Kind::Bytes { std }
            } else {
                Kind::Density { std }
            },
            most: 2.0 * (level(0).sigma / std).ln(),
        }
    }

    /// The divergence of the model's step from the posterior; the move must leave noise.
    pub fn between(mv: Move) -> Self {
        let (small, large) = (mv.posterior_std(), mv.forward_std());
        let of_x0 = mv.to.alpha * (large / mv.from.sigma).powi(2);
        Self {
            kind: Kind::Divergence { scale: of_x0 / small },
            most: 2.0 * (large / small).ln(),
        }
    }

    /// What it costs to guess `guess` with the variance at `share` where `x0` is true.
    pub fn cost(self, x0: f64, guess: f64, share: f64) -> Cost {
        let ratio = share * self.most;
        // The derivative by `r` becomes that by `v`.
        let cost = |nats, by_guess, by_ratio: f64| Cost {
            nats,
            by_guess,
            by_share: by_ratio * self.most,
        };
        match self.kind {
            Kind::Divergence { scale } => {
                let (apart, decay) = (scale * (x0 - guess), (-ratio).exp());
                let spread = decay * (1.0 + apart * apart);
                cost(
                    0.5 * (ratio - 1.0 + spread),
                    -decay * apart * scale,
                    0.5 * (1.0 - spread),
                )
            }
            Kind::Density { std } => {
                let std = std * (0.5 * ratio).exp();
                let z = (x0 - guess) / std;
                let nats = std.ln() + 0.5 * (std::f64::consts::TAU.ln() + z * z);
                cost(nats, -z / std, 0.5 * (1.0 - z * z))
            }
            Kind::Bytes { std } => {
                let std = std * (0.5 * ratio).exp();
                let edge = |at: f64| (at - guess) / std;
                let (low, high) = (edge(x0 - 1.0 / 255.0), edge(x0 + 1.0 / 255.0));
                // The outermost values own all that lies beyond.
                let (below, at_low) = if x0 < -0.999 { (0.0, [0.0; 2]) } else { open(low) };
                let (above, at_high) = if x0 > 0.999 { (1.0, [0.0; 2]) } else { open(high) };
                let p = above - below;
                if p <= LEAST {
                    return cost(-LEAST.ln(), 0.0, 0.0);
                }
                let rise = |i: usize| (at_high[i] - at_low[i]) / p;
                cost(-p.ln(), rise(0) / std, 0.5 * rise(1))
            }
        }
    }
}

/// Probabilities below this count as this much.
const LEAST: f64 = 1e-12;

/// What lies below an edge, and the density there, plain and times the edge.
fn open(edge: f64) -> (f64, [f64; 2]) {
    let density = normal::density(edge);
    (normal::cumulative(edge), [density, density * edge])
}
