//! A model of diffusers as a run folder of ours.

use std::path::Path;

use crate::files::{Checkpoint, Result, RunFolder, SavedModel, State, Tensor, Tensors};

/// Makes a run folder with one checkpoint out of a model.
pub fn import(model: &SavedModel, folder: &Path) -> Result<RunFolder> {
    let (run, _lock) = RunFolder::create(folder, &model.recipe)?;
    if let Some(scheduler) = &model.scheduler {
        run.write_scheduler(scheduler)?;
    }
    let zeros = |(name, tensor): (&String, &Tensor)| {
        let data = vec![0.0; tensor.data.len()];
        let shape = tensor.shape.clone();
        (name.clone(), Tensor { shape, data })
    };
    let moments = Tensors(model.weights.0.iter().map(zeros).collect());
    let checkpoint = Checkpoint {
        state: State {
            step: model.step,
            domain: model.domain,
            class_names: model.class_names.clone(),
            ..State::default()
        },
        model: model.weights.clone(),
        ema: model.weights.clone(),
        first_moment: moments.clone(),
        second_moment: moments,
        loss: Tensors::default(),
    };
    run.save(&checkpoint, &model.recipe)?;
    Ok(run)
}
