//! The score field of a point model: where the reverse process pulls from each place.

use std::sync::Arc;

use candle_core::Tensor;

use super::{
    Error,
    command::FieldRequest,
    event::Field,
    model::Pinned,
    select::{Host, Runner},
};
use crate::{
    diffusion::{Denoiser as _, NetDenoiser},
    math::{
        Cond, Domain,
        schedule::{self, NoiseSchedule},
        target,
    },
};

/// The most points per side.
const MAX_SIDE: usize = 64;

/// Score `-eps / sigma` on a square grid, row by row from below.
pub(super) fn score(request: &FieldRequest, pinned: &Pinned, host: &Host) -> Result<Field, Error> {
    let FieldRequest { side, extent, at, .. } = *request;
    if pinned.info.domain != Domain::Points {
        return Err(Error::refused("a score field can be drawn for points only"));
    }
    if !(2..=MAX_SIDE).contains(&side) {
        return Err(Error::refused(format!(
            "a score field needs 2 to {MAX_SIDE} points a side"
        )));
    }
    let schedule = schedule::build(&pinned.info.recipe.schedule)?;
    let level = schedule.level(time_at(&*schedule, at));
    let Runner { net, device, .. } = pinned.runner(host)?;
    let count = side * side;
    let cond = pinned
        .info
        .null_class()
        .map_or(Cond::None, |null| Cond::Class(vec![null; count]));
    let target = target::build(&pinned.info.recipe.target)?;
    let x = Tensor::from_vec(grid(side, extent), (count, 2), &device)?;
    let belief = NetDenoiser { net, target, cond }.predict(&x, level)?;
    let score = (belief.eps * (-1.0 / level.sigma))?;
    Ok(Field {
        level,
        side,
        extent,
        score: score.flatten_all()?.to_vec1::<f32>()?.into(),
    })
}

/// The time that is this share of the schedule, 0 being the clean end. Discrete schedules have whole times only.
pub(super) fn time_at(schedule: &dyn NoiseSchedule, share: f64) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    let t = start + (end - start) * share.clamp(0.0, 1.0);
    if schedule.steps().is_some() { t.round() } else { t }
}

fn grid(side: usize, extent: f32) -> Vec<f32> {
    let place = |i: usize| extent * (2.0 * i as f32 / (side - 1) as f32 - 1.0);
    (0..side * side)
        .flat_map(|i| [place(i % side), place(i / side)])
        .collect()
}

/// `n + 1` levels evenly over the schedule's domain, noise rising, for pictures of the forward process.
pub(super) fn levels(schedule: &dyn NoiseSchedule, n: usize) -> Arc<[crate::math::Level]> {
    (0..=n)
        .map(|i| schedule.level(time_at(schedule, i as f64 / n as f64)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Spec;

    #[test]
    fn the_grid_starts_below_left_and_ends_above_right() {
        assert_eq!(grid(2, 3.0), [-3.0, -3.0, 3.0, -3.0, -3.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn shares_of_a_discrete_schedule_are_whole_times() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        assert_eq!(
            [0.0, 0.5, 1.0, 7.0].map(|share| time_at(&*linear, share)),
            [0.0, 500.0, 999.0, 999.0]
        );
    }
}
