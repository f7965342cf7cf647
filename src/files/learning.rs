//! How a run learned: its averaged weights at earlier training steps, evenly spaced over the run so far, within a budget.
//!
//! Which steps are kept depends on the step that training has reached alone: so an interrupted run goes on with the same
//! set. Numbers are stored in half precision, with a relative error of at most 2⁻¹¹ above 6e-5.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result, Tensors, atomic,
    checkpoint::{CLASSES, DOMAIN, hex},
    tensors::Notes,
};

/// Greatest size of all kept weights of a run, in bytes.
pub const BUDGET: u64 = 64 << 20;

/// Greatest number of kept steps, however small the weights are.
pub const MOST: u64 = 64;

/// Distance of the kept steps at the beginning of a run. It doubles whenever the budget is used up.
pub const FIRST_SPACING: u64 = 16;

/// Room for the header of a file: names and shapes of the tensors, the recipe.
const HEADER: u64 = 1 << 16;

/// Key of the checksum in the header.
const SUM: &str = "sha256";

/// Key in the header that tells rounded weights from those of a checkpoint.
pub(super) const ROUNDED: &str = "rounded";

/// How many steps of a network with so many weights are kept at most; 0 where the budget is too small for two. Even, so
/// that the step at which the spacing doubles is one that stays.
pub fn capacity(weights: u64) -> u64 {
    let most = (BUDGET / (2 * weights + HEADER)).min(MOST);
    most - most % 2
}

/// Distance of the kept steps when training has reached `step`: the multiples of it up to there fit `capacity`. `None`
/// where nothing is kept.
pub fn spacing(step: u64, capacity: u64) -> Option<u64> {
    if capacity < 2 {
        return None;
    }
    let mut spacing = FIRST_SPACING;
    while step / spacing >= capacity {
        spacing *= 2;
    }
    Some(spacing)
}

/// Steps and files in a folder, oldest first, sound or not.
pub(super) fn list(folder: &Path) -> Vec<(u64, PathBuf)> {
    let step = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found: Vec<_> = paths.filter_map(|path| Some((step(&path)?, path))).collect();
    found.sort();
    found
}

/// Writes averaged weights with what says what they are.
pub(super) fn write(path: &Path, mut weights: Tensors, recipe: &str, step: u64, about: &About<'_>) -> Result<()> {
    let fault = |cause: io::Error| Error::io("write", path)(cause);
    fs::create_dir_all(atomic::parent(path)).map_err(fault)?;
    if !weights.round_to_half() {
        return Err(fault(io::Error::other("the weights are too large for half precision")));
    }
    let json = |text: serde_json::Result<String>| text.map_err(|cause| fault(cause.into()));
    let notes = Notes::from([
        ("format".into(), "pt".into()),
        ("recipe".into(), recipe.into()),
        ("step".into(), step.to_string()),
        (ROUNDED.into(), "F16".into()),
        (SUM.into(), sum(&weights)),
        (DOMAIN.into(), json(serde_json::to_string(&Some(about.domain)))?),
        (CLASSES.into(), json(serde_json::to_string(about.class_names))?),
    ]);
    atomic::write_without_sync(path, |out| weights.write_half(&notes, out))
}

/// What kept weights say of themselves beside the recipe.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What a sample is.
    pub domain: crate::math::Domain,
    /// Names of the classes that the network is told; empty where it is told none.
    pub class_names: &'a [String],
}

/// Reads weights of any precision and compares them with their checksum, where they carry one.
pub(super) fn read(path: &Path) -> Result<(Notes, Tensors)> {
    let (notes, weights) = Tensors::read_any_float(path)?;
    match notes.get(SUM) {
        Some(expected) if *expected != sum(&weights) => {
            Err(Error::broken(path, "its numbers differ from its checksum"))
        }
        _ => Ok((notes, weights)),
    }
}

/// Removes the files of steps that are not to stay.
pub(super) fn retain(folder: &Path, stays: impl Fn(u64) -> bool) -> Result<()> {
    let mut gone = list(folder).into_iter().filter(|(step, _)| !stays(*step));
    gone.try_for_each(|(_, path)| fs::remove_file(&path).map_err(Error::io("remove", &path)))
}

fn sum(weights: &Tensors) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in &weights.0 {
        hash.update(name.as_bytes());
        hash.update(bytemuck::cast_slice(&tensor.data));
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        files::{Recipe, RunFolder, SavedModel, Tensor},
        math::Domain,
    };

    /// The kept steps after so many, as training keeps and drops them.
    fn kept(steps: u64, capacity: u64) -> Vec<u64> {
        let mut kept = Vec::new();
        for step in 0..=steps {
            if let Some(spacing) = spacing(step, capacity).filter(|spacing| step.is_multiple_of(*spacing)) {
                kept.push(step);
                kept.retain(|step| step.is_multiple_of(spacing));
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn kept_steps_are_even_and_within_the_budget(steps in 0_u64..20_000, weights in 1_u64..40_000_000) {
            let capacity = capacity(weights);
            let kept = kept(steps, capacity);
            prop_assert!(kept.len() as u64 * (2 * weights + HEADER) <= BUDGET);
            if capacity == 0 {
                prop_assert!(kept.is_empty());
            } else {
                let spacing = spacing(steps, capacity).unwrap();
                let expected: Vec<_> = (0..=steps).step_by(spacing as usize).collect();
                prop_assert_eq!(&kept, &expected);
                // Half of what fits is always there, once there are so many steps.
                prop_assert!(spacing == FIRST_SPACING || kept.len() as u64 > capacity / 2);
            }
        }
    }

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let home = tempfile::tempdir().unwrap();
        let (run, _lock) = RunFolder::create(home.path(), &Recipe::default()).unwrap();
        (home, run)
    }

    fn weights(data: &[f32]) -> Tensors {
        let tensor = Tensor {
            shape: vec![data.len()],
            data: data.to_vec(),
        };
        Tensors([("w".to_owned(), tensor)].into())
    }

    fn keep(run: &RunFolder, step: u64, data: &[f32]) -> Result<()> {
        let about = About {
            domain: Domain::Points,
            class_names: &["a".to_owned()],
        };
        run.keep_learning(step, weights(data), &Recipe::default(), &about)
    }

    #[test]
    fn weights_come_back_within_half_precision() {
        let (_home, run) = folder();
        let data: Vec<f32> = (0..2000)
            .map(|i| ((i * 7919 % 2003) as f32 / 1000.0 - 1.0).powi(5))
            .collect();
        keep(&run, 32, &data).unwrap();
        assert_eq!(run.learning(), [32]);
        let model = SavedModel::open(&run.learning_path(32)).unwrap();
        assert_eq!(
            (model.step, model.domain, model.rounded),
            (32, Some(Domain::Points), true)
        );
        assert_eq!(
            (model.class_names, model.recipe),
            (vec!["a".to_owned()], Recipe::default())
        );
        for (got, &wanted) in model.weights.0["w"].data.iter().zip(&data) {
            let error = (got - wanted).abs();
            assert!(error <= wanted.abs() / 2048.0 + 3e-8, "{wanted} became {got}");
        }
        assert_ne!(model.weights, weights(&data));
        assert!(
            keep(&run, 48, &[1e6])
                .unwrap_err()
                .to_string()
                .contains("half precision")
        );
        assert_eq!(run.learning(), [32], "nothing is left of what could not be written");
    }

    #[test]
    fn a_changed_number_is_noticed() {
        let (_home, run) = folder();
        keep(&run, 0, &[1.0, 2.0]).unwrap();
        let path = run.learning_path(0);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        let message = SavedModel::open(&path).unwrap_err().to_string();
        assert!(
            message.contains("step-000000000") && message.contains("checksum"),
            "{message}"
        );
    }

    #[test]
    fn a_run_that_goes_back_forgets_what_came_after() {
        let (_home, run) = folder();
        for step in [0, 16, 32] {
            keep(&run, step, &[1.0]).unwrap();
        }
        run.discard_after(16).unwrap();
        assert_eq!(run.learning(), [0, 16]);
        run.thin_learning(32).unwrap();
        assert_eq!(run.learning(), [0]);
    }
}
