//! Importance sampling of times (Nichol and Dhariwal 2021, eq. 18): `p_t ∝ √E[L_t²]`, and the loss divided by `T p_t`.
//!
//! `E[L_t²]` is the mean of the last ten losses at `t`; until every `t` has ten, times are uniform. A share of 0.001 stays
//! uniform for good, so that no time is forgotten.

use std::collections::VecDeque;

use super::{Draw, TimeSampling, at_share, share_of};
use crate::math::{Entry, Level, Param, schedule::NoiseSchedule};

/// Registry entry.
pub const ENTRY: Entry<dyn TimeSampling> = Entry {
    id: "importance",
    label: "By importance",
    help: "Times with large losses more often, and counting less for it; a calmer gradient for the likelihood",
    source: "arXiv:2102.09672",
    params: &[
        Param::int("pieces", 2, 10_000, 1000, "Pieces of the schedule that are told apart"),
        Param::int("history", 1, 1000, 10, "Last losses that are remembered of each"),
        Param::real("uniform", 0.0, 1.0, 0.001, "Share of times that stay uniform"),
    ],
    build: |p| {
        Ok(Box::new(Importance {
            most_pieces: p.count("pieces"),
            history: p.count("history"),
            uniform: p.real("uniform"),
            losses: Vec::new(),
            edges: Vec::new(),
        }))
    },
};

/// One piece for each index of a discrete schedule, unless there are more of them than `most_pieces`.
struct Importance {
    most_pieces: usize,
    history: usize,
    uniform: f64,
    /// The last losses of each piece, newest last.
    losses: Vec<VecDeque<f32>>,
    /// The probability of each piece and all before it; empty while times are uniform.
    edges: Vec<f64>,
}

impl TimeSampling for Importance {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        let pieces = self.edges.len();
        let piece = self.edges.partition_point(|&edge| edge <= u);
        let Some(&edge) = self.edges.get(piece) else {
            return at_share(schedule, u);
        };
        let before = if piece == 0 { 0.0 } else { self.edges[piece - 1] };
        let p = edge - before;
        // Off the very ends, so that rounding cannot leave the piece.
        let within = ((u - before) / p).clamp(1e-9, 1.0 - 1e-9);
        Draw {
            weight: 1.0 / (pieces as f64 * p),
            ..at_share(schedule, (piece as f64 + within) / pieces as f64)
        }
    }

    fn learn(&mut self, schedule: &dyn NoiseSchedule, losses: &[(Level, f64)]) {
        let pieces = schedule
            .steps()
            .map_or(self.most_pieces, |steps| steps.min(self.most_pieces));
        self.losses.resize_with(pieces, VecDeque::new);
        for &(at, loss) in losses {
            let place = (share_of(schedule, at) * pieces as f64) as usize;
            let known = &mut self.losses[place.min(pieces - 1)];
            known.push_back(loss as f32);
            while known.len() > self.history {
                known.pop_front();
            }
        }
        self.weigh();
    }

    /// `history` numbers a piece; not-a-number stands where there is none yet.
    fn memory(&self) -> Vec<f32> {
        let missing = |known: &VecDeque<f32>| std::iter::repeat_n(f32::NAN, self.history - known.len());
        self.losses
            .iter()
            .flat_map(|known| missing(known).chain(known.iter().copied()))
            .collect()
    }

    fn recall(&mut self, memory: &[f32]) {
        let known = |piece: &[f32]| piece.iter().copied().filter(|v| !v.is_nan()).collect();
        self.losses = memory.chunks(self.history).map(known).collect();
        self.weigh();
    }
}

impl Importance {
    fn weigh(&mut self) {
        self.edges.clear();
        if self.losses.iter().any(|known| known.len() < self.history) {
            return;
        }
        let root = |known: &VecDeque<f32>| {
            let squares: f64 = known.iter().map(|&l| f64::from(l).powi(2)).sum();
            (squares / known.len() as f64).sqrt()
        };
        let roots: Vec<f64> = self.losses.iter().map(root).collect();
        let (total, n) = (roots.iter().sum::<f64>(), roots.len() as f64);
        let p = |root: f64| {
            let share = if total > 0.0 { root / total } else { 1.0 / n };
            (1.0 - self.uniform) * share + self.uniform / n
        };
        self.edges.extend(roots.iter().scan(0.0, |edge, &root| {
            *edge += p(root);
            Some(*edge)
        }));
    }
}
