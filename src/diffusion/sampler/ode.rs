//! The probability-flow ODE with step-size control (Dormand and Prince 1980; Song et al. 2021).
//!
//! In variance-exploding units and `l = ln(sigma)` it reads `dx/dl = x - x0(x, l)`, smooth at all noise levels.

use candle_core::{DType, Tensor};

use super::{Context, Sampler};
use crate::{
    diffusion::{Prediction, Result, Step},
    math::{Entry, Move, Param, Units},
};

/// Each move is made in as many Runge–Kutta steps of fifth order as the tolerance asks for. The steps are shared by the
/// batch: samples agree between batches within the tolerance, not bit for bit.
pub struct Ode {
    /// Greatest error of a step, relative to the size of the state.
    pub tolerance: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "ode",
    label: "Adaptive ODE",
    help: "Solves the path as exactly as asked for, in as many network calls as that takes",
    source: "arXiv:2011.13456",
    params: &[Param::real(
        "tolerance",
        1e-8,
        0.1,
        1e-3,
        "Greatest relative error of a step",
    )],
    build: |p| {
        Ok(Box::new(Ode {
            tolerance: p.real("tolerance"),
        }))
    },
};

/// Nodes and rows of the method; the last row is the fifth-order solution.
const NODES: [f64; 7] = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
const ROWS: [&[f64]; 6] = [
    &[0.2],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
    ],
    &[
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
];
/// Fifth-order weights minus those of fourth order.
const ERROR: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339_200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];
/// Network calls that one move may take; a tolerance that needs more is an error, not an endless loop.
const MOST_STEPS: usize = 1000;

impl Sampler for Ode {
    fn order(&self) -> Option<usize> {
        Some(5)
    }

    fn calls(&self) -> Option<usize> {
        None
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let from = mv.from.with_signal();
        let belief = context.predict_ve(x, from)?;
        let next = if mv.to.sigma == 0.0 {
            belief.x0.clone()
        } else {
            self.integrate(x, &belief, from.sigma_ve().ln(), mv.to.sigma_ve().ln(), context)?
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

impl Ode {
    fn integrate(&self, x: &Tensor, belief: &Prediction, from: f64, to: f64, context: &Context<'_>) -> Result<Tensor> {
        let tangent = |x: &Tensor, l: f64| x - context.predict_ve(x, context.schedule.at_sigma(l.exp()))?.x0;
        let (mut x, mut l, mut h) = (x.clone(), from, to - from);
        let mut first = (&x - &belief.x0)?;
        for _ in 0..MOST_STEPS {
            h = if (l + h - to) * h.signum() > 0.0 { to - l } else { h };
            let mut slopes = vec![first.clone()];
            let mut end = x.clone();
            for (row, node) in ROWS.iter().zip(&NODES[1..]) {
                end = (&x + (weighted(row, &slopes)? * h)?)?;
                slopes.push(tangent(&end, l + node * h)?);
            }
            let error = self.relative(&(weighted(&ERROR, &slopes)? * h)?, &x)?;
            if error <= 1.0 {
                (x, l) = (end, l + h);
                // The last slope of a step is the first of the next.
                first = slopes.swap_remove(slopes.len() - 1);
                if (to - l).abs() <= 1e-12 * (to - from).abs() {
                    return Ok(x);
                }
            }
            h *= (0.9 * error.max(1e-10).powf(-0.2)).clamp(0.2, 5.0);
        }
        Err(candle_core::Error::Msg(format!(
            "the tolerance {} was not reached in {MOST_STEPS} steps; choose a larger one",
            self.tolerance
        )))
    }

    /// The greatest error in units of what is allowed.
    fn relative(&self, error: &Tensor, x: &Tensor) -> Result<f64> {
        let allowed = ((x.abs()? + 1.0)? * self.tolerance)?;
        (error.abs()? / allowed)?.max_all()?.to_dtype(DType::F64)?.to_scalar()
    }
}

fn weighted(row: &[f64], slopes: &[Tensor]) -> Result<Tensor> {
    super::combine(row.iter().copied().zip(slopes))
}
