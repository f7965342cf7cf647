//! Run folders and checkpoints as a whole: round trips, kills in the middle, damage, and what is kept.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use diffusion_studio::files::{
    Checkpoint, Error, Holder, Overwrite, Recipe, RunFolder, SavedModel, State, Tensor, Tensors, bundled,
    checkpoint::{Change, EMA, MODEL, OPTIMIZER, STATE},
    metrics::Row,
    run,
};
use diffusion_studio::math::Domain;

fn tensors(seed: f32) -> Tensors {
    let tensor = |shape: &[usize]| Tensor {
        shape: shape.to_vec(),
        data: (0..shape.iter().product())
            .map(|i| (seed + i as f32).sin() / 3.0)
            .collect(),
    };
    Tensors(BTreeMap::from([
        ("in.weight".into(), tensor(&[4, 2])),
        ("in.bias".into(), tensor(&[4])),
    ]))
}

fn checkpoint(step: u64, score: Option<f64>) -> Checkpoint {
    Checkpoint {
        state: State {
            step,
            updates: step - 1,
            epoch: 3,
            seen: 17,
            secs: 12.5,
            // Numbers that many readers of JSON get wrong by the last bit, and one that JSON does not have.
            loss: Some(0.1 + 0.2),
            lr: Some(5e-324),
            ema_decay: Some(f64::INFINITY),
            score,
            domain: Some(Domain::Points),
            class_names: vec!["small".into(), "large".into()],
            data_hash: "abc".into(),
            changes: vec![Change {
                step: 4,
                text: "lr 1e-3 → 3e-4".into(),
            }],
            sha256: BTreeMap::new(),
        },
        model: tensors(step as f32),
        ema: tensors(step as f32 + 0.1),
        first_moment: tensors(step as f32 + 0.2),
        second_moment: tensors(step as f32 + 0.3),
        loss: tensors(step as f32 + 0.4),
    }
}

/// A run folder with checkpoints at the given steps.
fn run_with(steps: &[u64]) -> (tempfile::TempDir, RunFolder, run::Lock) {
    let folder = tempfile::tempdir().unwrap();
    let (run, lock) = RunFolder::create(&folder.path().join("run"), &Recipe::default()).unwrap();
    for &step in steps {
        run.save(&checkpoint(step, None), &Recipe::default()).unwrap();
    }
    (folder, run, lock)
}

fn steps(run: &RunFolder) -> Vec<u64> {
    run.checkpoints().into_iter().map(|(step, _)| step).collect()
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_checkpoint_survives_the_round_trip_bit_for_bit() {
    let (_folder, run, _lock) = run_with(&[]);
    let saved = checkpoint(12, Some(-0.0));
    let path = run.save(&saved, &Recipe::default()).unwrap();
    assert!(path.ends_with("checkpoints/step-000000012"), "{}", path.display());
    let mut loaded = run.newest().unwrap().content;
    assert_eq!(
        loaded.state.sha256.keys().collect::<Vec<_>>(),
        [EMA, MODEL, OPTIMIZER],
        "every tensor file has a checksum"
    );
    assert!(loaded.state.score.unwrap().is_sign_negative());
    loaded.state.sha256.clear();
    assert_eq!(loaded, saved);
}

#[test]
fn equal_checkpoints_make_equal_files() {
    let (_a, first, _lock) = run_with(&[3]);
    let (_b, second, _lock2) = run_with(&[3]);
    for name in [MODEL, EMA, OPTIMIZER, STATE] {
        let read = |run: &RunFolder| fs::read(run.checkpoint_path(3).join(name)).unwrap();
        assert_eq!(read(&first), read(&second), "{name}");
    }
}

#[test]
fn a_damaged_checkpoint_is_skipped_with_a_message_and_the_one_before_is_used() {
    type Damage = fn(&Path);
    let damages: &[(&str, Damage)] = &[
        ("checksum", |dir| flip_a_byte(&dir.join(MODEL))),
        ("checksum", |dir| flip_a_byte(&dir.join(EMA))),
        ("checksum", |dir| flip_a_byte(&dir.join(OPTIMIZER))),
        ("no such file", |dir| fs::remove_file(dir.join(OPTIMIZER)).unwrap()),
        ("no such file", |dir| fs::remove_file(dir.join(STATE)).unwrap()),
        (STATE, |dir| fs::write(dir.join(STATE), "{\"step\": 3").unwrap()),
        ("surprise", |dir| {
            let text = fs::read_to_string(dir.join(STATE)).unwrap();
            fs::write(dir.join(STATE), text.replacen('{', "{\"surprise\": 1,", 1)).unwrap();
        }),
    ];
    for (words, damage) in damages {
        let (_folder, run, _lock) = run_with(&[1, 2, 3]);
        damage(&run.checkpoint_path(3));
        let newest = run.newest().unwrap();
        assert_eq!((newest.content.state.step, newest.skipped.len()), (2, 1), "{words}");
        let message = &newest.skipped[0];
        assert!(
            message.contains(words) && message.contains("step-000000003"),
            "{message}"
        );
    }
}

#[test]
fn samples_need_only_the_averaged_weights() {
    let (_folder, run, _lock) = run_with(&[1, 2]);
    flip_a_byte(&run.checkpoint_path(2).join(OPTIMIZER));
    assert_eq!(run.newest_ema().unwrap().content.0.step, 2);
    flip_a_byte(&run.checkpoint_path(2).join(EMA));
    let model = SavedModel::open(run.path()).unwrap();
    assert_eq!(
        (model.step, model.skipped.len(), &model.weights),
        (1, 1, &checkpoint(1, None).ema)
    );
}

#[test]
fn without_a_usable_checkpoint_the_message_says_what_was_tried() {
    let (_folder, run, _lock) = run_with(&[1]);
    flip_a_byte(&run.checkpoint_path(1).join(MODEL));
    let message = run.newest().unwrap_err().to_string();
    assert!(
        message.contains("no usable checkpoint") && message.contains("checksum"),
        "{message}"
    );
}

#[test]
fn what_a_kill_leaves_behind_is_ignored_and_swept() {
    let (_folder, run, lock) = run_with(&[1, 2]);
    // Killed while writing a checkpoint, while replacing one, and while writing a recipe.
    let checkpoints = run.path().join("checkpoints");
    let leftovers = [
        checkpoints.join(".step-000000003.77.tmp"),
        checkpoints.join(".step-000000002.old.77.tmp"),
    ];
    for folder in &leftovers {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join(MODEL), "half").unwrap();
    }
    let recipe = run.path().join(".recipe.toml.77.tmp");
    fs::write(&recipe, "vers").unwrap();
    assert_eq!((steps(&run), run.newest().unwrap().skipped), (vec![1, 2], vec![]));
    drop(lock);
    let _lock = run.lock().unwrap();
    assert!(!leftovers[0].exists() && !leftovers[1].exists() && !recipe.exists());
    assert_eq!(run.recipe().unwrap(), Recipe::default());
    assert_eq!(steps(&run), [1, 2]);
}

#[test]
fn the_newest_three_the_best_and_the_pinned_stay() {
    let (_folder, run, _lock) = run_with(&[1]);
    run.pin(1, true).unwrap();
    for (step, score) in [
        (2, Some(0.5)),
        (3, Some(f64::NAN)),
        (4, Some(0.9)),
        (5, None),
        (6, Some(0.5)),
        (7, None),
    ] {
        run.save(&checkpoint(step, score), &Recipe::default()).unwrap();
    }
    assert_eq!(steps(&run), [1, 5, 6, 7], "of equals the newer one is the best");
    for step in 8..=11 {
        run.save(&checkpoint(step, Some(0.7)), &Recipe::default()).unwrap();
    }
    assert_eq!(steps(&run), [1, 6, 9, 10, 11]);
    run.pin(1, false).unwrap();
    run.save(&checkpoint(12, Some(0.1)), &Recipe::default()).unwrap();
    assert_eq!(steps(&run), [10, 11, 12]);
}

#[test]
fn a_run_that_goes_back_forgets_what_came_later() {
    let (_folder, run, _lock) = run_with(&[1, 2, 3]);
    run.pin(3, true).unwrap();
    run.discard_after(1).unwrap();
    assert_eq!(steps(&run), [1]);
}

#[test]
fn a_step_can_be_saved_again() {
    let (_folder, run, _lock) = run_with(&[1]);
    let changed = Checkpoint {
        ema: tensors(99.0),
        ..checkpoint(1, None)
    };
    run.save(&changed, &Recipe::default()).unwrap();
    assert_eq!(run.newest().unwrap().content.ema, changed.ema);
    assert_eq!(fs::read_dir(run.path().join("checkpoints")).unwrap().count(), 1);
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_nothing() {
    let (_folder, run, _lock) = run_with(&[]);
    let checkpoints = run.path().join("checkpoints");
    fs::write(&checkpoints, "in the way").unwrap();
    let message = run
        .save(&checkpoint(2, None), &Recipe::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("step-000000002"), "{message}");
    fs::remove_file(&checkpoints).unwrap();
    run.save(&checkpoint(2, None), &Recipe::default()).unwrap();
    assert_eq!(fs::read_dir(&checkpoints).unwrap().count(), 1);
}

/// On a file system of about a megabyte, e.g. `mount -t tmpfs -o size=1m tmpfs DIR`.
#[test]
#[ignore = "needs a small disk, named by SMALL_DISK"]
fn a_full_disk_costs_only_the_checkpoint_that_did_not_fit() {
    let disk = std::env::var("SMALL_DISK").unwrap();
    let folder = tempfile::tempdir_in(disk).unwrap();
    let (run, _lock) = RunFolder::create(&folder.path().join("run"), &Recipe::default()).unwrap();
    run.save(&checkpoint(1, None), &Recipe::default()).unwrap();
    let large = Tensor {
        shape: vec![1 << 20],
        data: vec![0.5; 1 << 20],
    };
    let too_large = Checkpoint {
        ema: Tensors(BTreeMap::from([("w".into(), large)])),
        ..checkpoint(2, None)
    };
    let message = run.save(&too_large, &Recipe::default()).unwrap_err().to_string();
    assert!(
        message.contains("the disk is full (4.2 MB needed, ") && message.contains(" free)"),
        "{message}"
    );
    assert_eq!((steps(&run), run.newest().unwrap().skipped), (vec![1], vec![]));
    run.save(&checkpoint(3, None), &Recipe::default()).unwrap();
    assert_eq!(steps(&run), [1, 3], "and there is room again");
    let picture = folder.path().join("a.bin");
    let message = Overwrite::Refuse
        .write(&picture, &vec![1; 1 << 22])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("a.bin") && message.contains("the disk is full"),
        "{message}"
    );
    assert!(!picture.exists());
}

#[test]
fn two_programs_cannot_train_into_one_folder() {
    let (_folder, run, lock) = run_with(&[]);
    let message = run.lock().unwrap_err().to_string();
    assert!(message.contains("in use by another program"), "{message}");
    if cfg!(unix) {
        assert!(
            message.contains(&format!("process {}", std::process::id())),
            "{message}"
        );
    }
    drop(lock);
    // A dead process's lock file stays, its lock does not.
    fs::write(run.path().join("run.lock"), "1").unwrap();
    let _lock = run.lock().unwrap();
}

#[test]
fn a_sudden_end_in_the_middle_of_work_is_told_apart() {
    let (_folder, run, lock) = run_with(&[]);
    assert_eq!(run.holder(), Holder::Program);
    assert!(run.lock().is_err(), "asking takes nothing away");
    drop(lock);
    assert_eq!(run.holder(), Holder::Nobody);
    let lock = run.lock().unwrap();
    lock.set_working(false);
    assert_eq!(run.holder(), Holder::Program);
    drop(lock);
    // What a killed process leaves.
    fs::write(run.path().join("run.lock"), "1").unwrap();
    assert_eq!(run.holder(), Holder::Killed);
    drop(run.lock().unwrap());
    assert_eq!(run.holder(), Holder::Nobody);
}

#[test]
fn a_run_gets_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe::default();
    let name = |run: &RunFolder| run.path().file_name().unwrap().to_str().unwrap().to_owned();
    let (first, _lock) = RunFolder::create_numbered(folder.path(), "moons", &recipe).unwrap();
    fs::create_dir(folder.path().join("moons-0041")).unwrap();
    fs::create_dir(folder.path().join("moons-x-0099")).unwrap();
    let (second, _lock2) = RunFolder::create_numbered(folder.path(), "moons", &recipe).unwrap();
    assert_eq!(
        (name(&first), name(&second)),
        ("moons-0001".into(), "moons-0042".into())
    );

    let taken = RunFolder::create(first.path(), &recipe).unwrap_err().to_string();
    assert!(taken.contains("is not empty") && taken.contains("--resume"), "{taken}");
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("holiday.jpg"), "").unwrap();
    assert!(matches!(RunFolder::create(&own, &recipe), Err(Error::NotEmpty { .. })));
    assert_eq!(
        fs::read_dir(&own).unwrap().count(),
        1,
        "a refused folder is left as it was"
    );
    assert!(
        RunFolder::open(&own)
            .unwrap_err()
            .to_string()
            .contains("not a run folder")
    );
    assert_eq!(RunFolder::open(second.path()).unwrap().recipe().unwrap(), recipe);
}

#[test]
fn names_of_runs_are_good_on_every_system() {
    let cases = [
        ("moons", "moons"),
        ("/home/x/My pictures!", "My-pictures-"),
        ("a.npz", "a"),
        ("", "run"),
        ("..", "run"),
        ("¡!", "run"),
    ];
    for (source, stem) in cases {
        assert_eq!(run::file_stem(source), stem);
    }
}

#[test]
fn metrics_go_on_at_the_checkpoint() {
    let (_folder, run, _lock) = run_with(&[]);
    assert_eq!(run.metrics().unwrap(), []);
    let row = |step| Row { step, ..Row::default() };
    let mut metrics = run.open_metrics(0).unwrap();
    (1..=5).for_each(|step| metrics.push(&row(step)).unwrap());
    metrics.flush().unwrap();
    drop(run.open_metrics(3).unwrap());
    assert_eq!(run.metrics().unwrap(), (1..=3).map(row).collect::<Vec<_>>());
}

#[test]
fn a_model_opens_from_run_checkpoint_and_file_alike() {
    let (_folder, run, _lock) = run_with(&[1, 5]);
    let paths: [PathBuf; 3] = [
        run.path().into(),
        run.checkpoint_path(5),
        run.checkpoint_path(5).join(EMA),
    ];
    let models: Vec<SavedModel> = paths.iter().map(|p| SavedModel::open(p).unwrap()).collect();
    assert_eq!((models[0].step, &models[0].recipe), (5, &Recipe::default()));
    assert!(models.iter().all(|m| m == &models[0]));
    for (path, words) in [
        (run.checkpoint_path(5).join(MODEL), "carries no recipe"),
        (run.path().join("checkpoints"), "neither a run folder nor a checkpoint"),
        (run.path().join("nowhere"), "no such file"),
    ] {
        let message = SavedModel::open(&path).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn free_space_is_known_or_not_claimed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run::free_bytes(&folder.path().join("missing")), None);
    if let Some(free) = run::free_bytes(folder.path()) {
        assert!(free < 1 << 60, "{free}");
    }
}

#[test]
fn every_model_in_the_assets_ships_with_the_program_and_opens() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models");
    let entries = fs::read_dir(assets).unwrap().map(Result::unwrap);
    let mut folders: Vec<String> = entries
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut ids: Vec<&str> = bundled::ALL.iter().map(|b| b.id).collect();
    ids.sort_unstable();
    assert_eq!(folders, ids);
    for id in ids {
        let model = bundled::open(id).unwrap();
        assert!(!model.weights.0.is_empty() && model.step > 0, "{id}");
    }
    assert!(
        bundled::open("no-such")
            .unwrap_err()
            .to_string()
            .contains("no such model")
    );
}
