//! What a run will take, measured on this machine by a few network calls.

use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::{Error, event::Estimate, library::Library, prepare::described, select};
use crate::{
    diffusion::loss,
    files::Recipe,
    math::{Cond, Domain},
    nn::{self, DeviceChoice, Executor, Mode, optim::AdamW},
};

/// How long one network call may take: a pause must act within a quarter of a second.
const LONGEST_CALL: Duration = Duration::from_millis(150);

/// How long the measurement goes on.
const PATIENCE: Duration = Duration::from_millis(700);

/// Measures one training step and what follows from it.
pub(super) fn estimate(recipe: &Recipe, library: &Library, device: DeviceChoice) -> Result<Estimate, Error> {
    let data = library.load(&recipe.data, recipe.seed)?;
    let model = described(recipe, &data)?;
    let mut exec = select::executor(device, model.graph()?, &nn::init::weights(&model.graph()?, recipe.seed))?;
    let batch = recipe.train.batch;
    let micro = match recipe.train.micro_batch {
        Some(micro) => micro,
        None => micro_batch(&mut *exec, batch)?,
    };
    let secs_per_step = secs_per_step(&mut *exec, batch, micro)?;
    Ok(Estimate {
        source: recipe.data.source.clone(),
        secs_per_step,
        bytes: bytes(&*exec, micro),
        weights: exec.graph().weight_count(),
        secs_to_samples: secs_per_step * steps_to_samples(recipe, data.domain) as f64,
        secs_total: secs_per_step * recipe.train.steps as f64,
        executor: exec.describe(),
        data: data.describe(),
    })
}

/// How many samples of a batch go through the network in one call. Counted from the network's operations, so that equal
/// recipes give equal numbers; halved only where this machine is too slow for that.
pub(super) fn micro_batch(exec: &mut dyn Executor, batch: usize) -> Result<usize, Error> {
    // A backward pass takes about twice the time of a forward pass.
    let counted = select::samples_per_call(3.0 * exec.graph().forward_flops(), exec.device());
    let mut micro = even_parts(batch, counted);
    loop {
        call(exec, micro)?;
        let took = timed(|| call(exec, micro))?;
        if took <= LONGEST_CALL || micro == 1 {
            return Ok(micro);
        }
        micro = even_parts(batch, micro / 2);
    }
}

/// Parts of at most `most` samples, as equal as can be.
fn even_parts(batch: usize, most: usize) -> usize {
    let parts = batch.div_ceil(most.max(1));
    batch.div_ceil(parts)
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, E> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// Forward and backward pass of `micro` samples of noise.
fn call(exec: &mut dyn Executor, micro: usize) -> Result<(), Error> {
    let shape = exec.graph().domain.shape(micro);
    let x = loss::noise(0, 0, 0..micro as u64, &shape, exec.device())?;
    let cond = match exec.graph().classes {
        Some(classes) => Cond::Class(vec![classes as u32 - 1; micro]),
        None => Cond::None,
    };
    let mut grads = vec![0.0; exec.params().len()];
    let out: Tensor = exec.forward(&x, &vec![1.0; micro], &cond, Mode::Train)?;
    exec.backward(&out, Some(&mut grads), false)?;
    Ok(())
}

/// The median call, as often as a step needs it, plus the update.
fn secs_per_step(exec: &mut dyn Executor, batch: usize, micro: usize) -> Result<f64, Error> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed() < PATIENCE && times.len() < 25 {
        times.push(timed(|| call(exec, micro))?);
    }
    times.sort();
    let calls = batch as f64 / micro as f64;
    Ok(times[times.len() / 2].as_secs_f64() * calls + update_time(exec).as_secs_f64())
}

fn update_time(exec: &mut dyn Executor) -> Duration {
    let grads = vec![0.0; exec.params().len()];
    let mut adam = AdamW::new(grads.len(), nn::optim::Hyper::default());
    let begun = Instant::now();
    adam.update(exec.params_mut(), &grads, 0.0);
    begun.elapsed()
}

/// Weights, gradient, both moments, average, the previews' own weights and the device's copies; values and their
/// gradients of one call.
fn bytes(exec: &dyn Executor, micro: usize) -> u64 {
    const COPIES: usize = 8;
    let graph = exec.graph();
    (graph.weight_count() * size_of::<f32>() * COPIES + 2 * graph.activation_bytes() * micro) as u64
}

/// After how many steps samples are usually recognisable, from runs of each preset.
fn steps_to_samples(recipe: &Recipe, domain: Domain) -> u64 {
    let preset = recipe.net.values.get("preset").map(ToString::to_string);
    let steps = match (domain, preset.as_deref()) {
        (Domain::Points, _) => 1000,
        (_, Some("base")) => 8000,
        (_, Some("small")) => 4000,
        _ => 2000,
    };
    steps.min(recipe.train.steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_small_enough() {
        assert_eq!([1, 7, 20, 64, 100].map(|most| even_parts(64, most)), [1, 7, 16, 64, 64]);
        assert_eq!(even_parts(64, 0), 1);
    }
}
