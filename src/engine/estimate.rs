//! What a run will take, measured on this machine by a few network calls.

use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::{Error, event::Estimate, library::Library, prepare::described, select};
use crate::{
    data::Dataset,
    diffusion::loss,
    files::Recipe,
    math::Cond,
    nn::{
        self, DeviceChoice, Executor, Mode,
        optim::AdamW,
        presets::{Preset, suggest},
    },
};

/// How long one network call may take, so that what shares the time with training moves on.
const LONGEST_CALL: Duration = Duration::from_millis(200);

/// How long the measurement goes on.
const PATIENCE: Duration = Duration::from_millis(500);

/// More calls than this do not make the measurement better.
const MANY: usize = 25;

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
    let calls = batch as f64 / micro as f64;
    let times = call_times(&mut *exec, micro, PATIENCE)?;
    let secs_per_call = times[(times.len() - 1) / 2].as_secs_f64();
    let secs_per_step = secs_per_call * calls + update_time(&mut *exec).as_secs_f64();
    Ok(Estimate {
        source: recipe.data.source.clone(),
        secs_per_step,
        bytes: bytes(&*exec, micro),
        weights: exec.graph().weight_count(),
        secs_to_samples: secs_per_step * steps_to_samples(recipe, &data),
        secs_total: secs_per_step * recipe.train.steps as f64,
        executor: exec.describe(),
        data: data.describe(),
    })
}

/// How many samples of a batch go through the network in one call. Counted from the network's operations, so that equal
/// recipes give equal numbers; halved only where this machine is too slow for that.
pub(super) fn micro_batch(exec: &mut dyn Executor, batch: usize) -> Result<usize, Error> {
    // A backward pass takes about twice the time of a forward pass.
    let operations = 3.0 * exec.graph().forward_flops();
    let mut micro = even_parts(batch, select::samples_per_call(exec, operations));
    while micro > 1 {
        // The fastest call says what the machine can do; the others what else it was doing.
        let took = call_times(exec, micro, PATIENCE)?[0];
        if took <= LONGEST_CALL {
            break;
        }
        let halvings = (took.as_secs_f64() / LONGEST_CALL.as_secs_f64()).log2().ceil();
        micro = even_parts(batch, (micro as f64 / halvings.exp2()) as usize);
    }
    Ok(micro)
}

/// Parts of at most `most` samples, as equal as can be.
fn even_parts(batch: usize, most: usize) -> usize {
    let parts = batch.div_ceil(most.max(1));
    batch.div_ceil(parts)
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

/// Times of calls, rising. At least one is made, and more as long as `patience` lasts.
fn call_times(exec: &mut dyn Executor, micro: usize, patience: Duration) -> Result<Vec<Duration>, Error> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || begun.elapsed() < patience && times.len() < MANY {
        let call_begun = Instant::now();
        call(exec, micro)?;
        times.push(call_begun.elapsed());
    }
    times.sort();
    Ok(times)
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

/// After how many steps samples can be recognised: by experience with the preset, for the recipe's batch.
fn steps_to_samples(recipe: &Recipe, data: &Dataset) -> f64 {
    let preset = recipe.net.values.get("preset").map(ToString::to_string);
    let preset = preset.and_then(|id| Preset::find(&id)).unwrap_or(Preset::Tiny);
    let usual = suggest(data.domain, data.count, preset);
    let samples = usual.steps_to_samples as f64 * usual.batch as f64;
    (samples / recipe.train.batch as f64).min(recipe.train.steps as f64)
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
