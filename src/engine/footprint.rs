//! Memory that a run will take, counted from what it holds at a time.

use super::{Error, judge, learner::Learner, quality, select};
use crate::{
    data::{Dataset, Samples},
    math::Domain,
    nn::{DeviceChoice, Executor, Mode, classifier},
};

/// Gradient, both moments and the average, beside the weights themselves.
const TRAINED: usize = 5;

/// All of them but the gradient twice while a checkpoint is made: as they lie, and by name. One more on the way to a file.
const WRITTEN: usize = 9;

/// By how much more the process grows: memory that was given back stays with the thread that used it. From
/// `cargo bench --bench estimate`.
const KEPT: f64 = 1.25;

/// Threads, channels and the history of a run; with pictures also what previews and figures are made of. Likewise measured.
const BASE: [f64; 2] = [8e6, 4e7];

/// Bytes by which the process will grow, data included.
pub(super) fn footprint(learner: &Learner, data: &Dataset, device: DeviceChoice) -> Result<u64, Error> {
    let exec = &*learner.exec;
    let train = &learner.recipe.train;
    let micro = train.micro_batch.unwrap_or(train.batch);
    let training = exec.working_bytes(micro, Mode::Train)?;
    // Training and validation take turns in the same memory.
    let working = training.max(exec.working_bytes(asked(exec, data.count), Mode::Infer)?);
    let weights = (TRAINED + WRITTEN) * weight_bytes(exec);
    let counted = data_bytes(data) + weights + working + watchers(learner, data, device)?;
    let base = BASE[usize::from(data.domain != Domain::Points)];
    Ok((base + KEPT * counted as f64) as u64)
}

/// What previews and figures hold: a network each, and the figures' judge.
fn watchers(learner: &Learner, data: &Dataset, device: DeviceChoice) -> Result<usize, Error> {
    let (exec, preview) = (&*learner.exec, &learner.recipe.preview);
    if preview.count == 0 || preview.steps == 0 {
        return Ok(0);
    }
    let figures = match data.domain {
        Domain::Points => held(exec, quality::POINTS)?,
        Domain::Image { .. } => match judge_bytes(learner, data, device)? {
            Some(judge) => held(exec, quality::PICTURES)? + judge,
            None => 0,
        },
    };
    Ok(held(exec, preview.count)? + figures)
}

/// The judge of these pictures; `None` where nobody knows them.
fn judge_bytes(learner: &Learner, data: &Dataset, device: DeviceChoice) -> Result<Option<usize>, Error> {
    let Some(saved) = judge::open(None, &learner.recipe.data.source, data.domain)? else {
        return Ok(None);
    };
    let graph = classifier::graph(data.domain, saved.about.class_names.len())?;
    let weights = saved.weights(&graph.params)?;
    let exec = select::executor(device, graph, &weights)?;
    held(&*exec, quality::KNOWN).map(Some)
}

/// A network that is asked about up to so many samples at a time.
fn held(exec: &dyn Executor, samples: usize) -> Result<usize, Error> {
    Ok(weight_bytes(exec) + exec.working_bytes(asked(exec, samples), Mode::Infer)?)
}

/// Samples of one call.
fn asked(exec: &dyn Executor, samples: usize) -> usize {
    samples.min(select::samples_per_call(exec, exec.graph().forward_flops()))
}

fn weight_bytes(exec: &dyn Executor) -> usize {
    size_of_val(exec.params())
}

fn data_bytes(data: &Dataset) -> usize {
    match &data.samples {
        Samples::Pixels(all) => size_of_val(&all[..]),
        Samples::Points(all) => size_of_val(&all[..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{estimate::learner, suggest},
        files::Recipe,
    };

    fn bytes(data: &Dataset, change: impl FnOnce(&mut Recipe)) -> u64 {
        let mut recipe = suggest::for_data(data, suggest::source(&data.id), None);
        change(&mut recipe);
        let learner = learner(&recipe, data, DeviceChoice::Cpu).unwrap();
        footprint(&learner, data, DeviceChoice::Cpu).unwrap()
    }

    fn without_previews(recipe: &mut Recipe) {
        recipe.preview.count = 0;
    }

    #[test]
    fn every_holder_counts() {
        let (_, data) = suggest::for_source("digits8x8", None).unwrap();
        let all = bytes(&data, |_| {});
        let alone = bytes(&data, without_previews);
        let weights = |data: &Dataset| {
            let (recipe, _) = suggest::for_source(&data.id, None).unwrap();
            weight_bytes(&*learner(&recipe, data, DeviceChoice::Cpu).unwrap().exec) as u64
        };
        // Previews and figures have the weights once each.
        assert!(all > alone + 2 * weights(&data), "{all} {alone}");
        assert!(alone > (TRAINED + WRITTEN) as u64 * weights(&data));
        // Nobody judges data without a name.
        let nameless = Dataset {
            id: "nameless".into(),
            ..data.clone()
        };
        let unjudged = bytes(&nameless, |_| {});
        assert!(alone < unjudged && unjudged < all, "{alone} {unjudged} {all}");
    }

    #[test]
    fn data_count() {
        let (_, data) = suggest::for_source("moons", None).unwrap();
        let mut twice = data.clone();
        let Samples::Points(points) = &data.samples else {
            panic!("moons are points")
        };
        twice.samples = Samples::Points([&points[..], &points[..]].concat().into());
        let more = bytes(&twice, without_previews) - bytes(&data, without_previews);
        assert!(more >= data_bytes(&data) as u64, "{more}");
    }
}
