//! What a run will take, measured on this machine by a few network calls of the training itself.

use std::time::{Duration, Instant};

use super::{
    Error, event::Estimate, feed::Feed, footprint::footprint, learner::Learner, library::Library, model::ModelInfo,
    prepare::described, quality, select, validation,
};
use crate::{
    data::Dataset,
    files::Recipe,
    nn::{
        self, DeviceChoice, Executor,
        presets::{Preset, suggest},
    },
};

/// How long the measurement goes on.
const PATIENCE: Duration = Duration::from_millis(700);

/// More calls than this do not make the measurement better.
const MANY: usize = 25;

/// Measures one training step and what follows from it.
pub(super) fn estimate(recipe: &Recipe, library: &Library, device: DeviceChoice) -> Result<Estimate, Error> {
    let data = library.load(&recipe.data, recipe.seed)?;
    let mut learner = learner(recipe, &data, device)?;
    let micro = learner.recipe.train.micro_batch.unwrap_or(recipe.train.batch);
    let calls = recipe.train.batch as f64 / micro as f64;
    let training = call_time(&mut learner, PATIENCE)?.as_secs_f64() * calls;
    let secs_per_step = training * (1.0 + share_beside(recipe));
    Ok(Estimate {
        source: recipe.data.source.clone(),
        secs_per_step,
        bytes: footprint(&learner, &data, device)?,
        weights: learner.exec.graph().weight_count(),
        secs_to_samples: secs_per_step * steps_to_samples(recipe, &data),
        secs_total: secs_per_step * recipe.train.steps as f64,
        executor: learner.exec.describe(),
        data: data.describe(),
    })
}

/// The trainer of such a run, at its first step.
pub(super) fn learner(recipe: &Recipe, data: &Dataset, device: DeviceChoice) -> Result<Learner, Error> {
    let model = described(recipe, data)?;
    let graph = model.graph()?;
    let weights = nn::init::weights(&graph, recipe.seed);
    let exec = select::executor(device, graph, &weights)?;
    let mut recipe = recipe.clone();
    let micro = micro_batch(&*exec, recipe.train.batch);
    recipe.train.micro_batch.get_or_insert(micro);
    let feed = Feed::new(data.clone(), &recipe)?;
    Learner::new(exec, &ModelInfo { recipe, ..model }, feed)
}

/// Time that previews, validation and figures take, as a share of that of the training alone.
fn share_beside(recipe: &Recipe) -> f64 {
    let shown = recipe.preview.count > 0 && recipe.preview.steps > 0;
    let watching = if shown {
        recipe.preview.share + quality::SHARE
    } else {
        0.0
    };
    watching + validation::SHARE
}

/// How many samples of a batch go through the network in one call, so that a pause acts soon. Counted from the network's
/// operations and never measured: a gradient is summed call by call, and equal recipes must give equal numbers.
pub(super) fn micro_batch(exec: &dyn Executor, batch: usize) -> usize {
    // A backward pass takes about twice the time of a forward pass.
    let operations = 3.0 * exec.graph().forward_flops();
    even_parts(batch, select::samples_per_call(exec, operations))
}

/// Parts of at most `most` samples, as equal as can be.
fn even_parts(batch: usize, most: usize) -> usize {
    let parts = batch.div_ceil(most.max(1));
    batch.div_ceil(parts)
}

/// The median time of a call of the training, without the first, which prepares. At least one is made, and more as long
/// as `patience` lasts.
fn call_time(learner: &mut Learner, patience: Duration) -> Result<Duration, Error> {
    learner.advance()?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || begun.elapsed() < patience && times.len() < MANY {
        let call_begun = Instant::now();
        learner.advance()?;
        times.push(call_begun.elapsed());
    }
    times.sort();
    Ok(times[(times.len() - 1) / 2])
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
