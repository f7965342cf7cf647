//! Runs that start from the weights of another model: `train --from`, and recipes that travel in pictures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diffusion_studio::{
    draw::Raster,
    files::{Checkpoint, Overwrite, Recipe, RunFolder, SavedModel, picture, recipe::StartRecipe},
};

use crate::{copy, done, pack, refused, text};

/// Pictures of another size than any model's.
fn pictures(folder: &Path) -> PathBuf {
    let pictures = folder.join("pictures");
    fs::create_dir(&pictures).unwrap();
    for shade in 0..6 {
        let raster = Raster::filled(20, 20, 3, [40 * shade, 10, 90]);
        let path = pictures.join(format!("{shade}.png"));
        picture::write_png(&path, &raster, None, Overwrite::Refuse).unwrap();
    }
    pictures
}

const SHORT: [&str; 8] = [
    "--steps",
    "3",
    "--set",
    "train.batch=2",
    "--set",
    "preview.count=0",
    "--set",
    "data.validation=0",
];

/// Trains for three steps with more options.
fn train(options: &[&str], run: &Path) {
    done(&[&["train"], &SHORT[..], options, &["--out", text(run)]].concat());
}

fn checkpoint(run: &Path, step: u64) -> Checkpoint {
    Checkpoint::load(&RunFolder::open(run).unwrap().checkpoint_path(step)).unwrap()
}

fn start(run: &Path) -> StartRecipe {
    Recipe::load(&run.join("recipe.toml")).unwrap().start.unwrap()
}

#[test]
fn an_imported_model_is_trained_on_and_a_resume_is_bit_equal() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pictures = pictures(folder.path());
    let (pipeline, run) = (pack().join("pipeline"), at("run"));
    train(&["--from", text(&pipeline), "--data", text(&pictures)], &run);
    let model = SavedModel::open(&pipeline).unwrap();
    let first = checkpoint(&run, 0);
    assert_eq!((&first.model, &first.ema), (&model.weights, &model.weights));
    assert!(first.first_moment.0.values().all(|t| t.data.iter().all(|v| *v == 0.0)));
    let last = checkpoint(&run, 3);
    assert!(last.model != first.model && last.ema != first.ema && last.model != last.ema);
    let recipe = Recipe::load(&run.join("recipe.toml")).unwrap();
    assert_eq!(
        (&recipe.net, &recipe.schedule, &recipe.target, recipe.data.size),
        (
            &model.recipe.net,
            &model.recipe.schedule,
            &model.recipe.target,
            Some(16)
        )
    );
    assert_eq!(start(&run).model, "pipeline, step 0");
    // Killed after the first save, with the other model gone: nothing but the run folder is needed.
    let again = at("again");
    copy(&run, &again);
    fs::remove_dir_all(RunFolder::open(&again).unwrap().checkpoint_path(3)).unwrap();
    done(&["train", "--resume", "--out", text(&again)]);
    let resumed = checkpoint(&again, 3);
    assert!(
        (&resumed.model, &resumed.ema, &resumed.second_moment) == (&last.model, &last.ema, &last.second_moment),
        "other weights"
    );
    let exported = at("exported");
    done(&[
        "export",
        text(&again),
        "--to",
        "diffusers",
        text(&exported),
        "--samples",
        "0",
    ]);
    let card = fs::read_to_string(exported.join("README.md")).unwrap();
    assert!(
        card.contains("pipeline, step 0") && card.contains(&start(&run).weights),
        "{card}"
    );
    // Killed before the first save.
    fs::remove_dir_all(again.join("checkpoints")).unwrap();
    refused(
        &["train", "--resume", "--out", text(&again)],
        &["before it had the weights of “pipeline, step 0”"],
    );
}

#[test]
fn the_same_weights_are_known_wherever_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pictures = pictures(folder.path());
    let pipeline = pack().join("pipeline");
    let file = pipeline.join("unet/diffusion_pytorch_model.safetensors");
    let imported = at("imported");
    done(&["import", text(&pipeline), "--out", text(&imported)]);
    let places = [&pipeline, &file, &imported];
    for (name, place) in ["a", "b", "c"].iter().zip(places) {
        train(&["--from", text(place), "--data", text(&pictures)], &at(name));
    }
    let prints = ["a", "b", "c"].map(|name| start(&at(name)).weights);
    assert!(prints[0] == prints[1] && prints[1] == prints[2], "{prints:?}");
    // A finished run is trained on, with its own data and to another fingerprint.
    train(&["--from", text(&at("a"))], &at("d"));
    assert_eq!(start(&at("d")).model, "a, step 3");
    assert_ne!(start(&at("d")).weights, prints[0]);
    assert_eq!(checkpoint(&at("d"), 0).model, checkpoint(&at("a"), 3).ema);
    // Its recipe means one model only.
    let recipe = at("d").join("recipe.toml");
    refused(
        &["train", text(&recipe), "--out", text(&at("e"))],
        &["“a, step 3”", "--from"],
    );
    refused(
        &[
            "train",
            text(&recipe),
            "--from",
            text(&pipeline),
            "--out",
            text(&at("e")),
        ],
        &["“a, step 3”", "“pipeline, step 0” has other weights"],
    );
    train(&[text(&recipe), "--from", text(&at("a"))], &at("e"));
    assert!(
        checkpoint(&at("e"), 3).model == checkpoint(&at("d"), 3).model,
        "other weights"
    );
}

#[test]
fn what_does_not_fit_the_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (pictures, pipeline, out) = (pictures(folder.path()), pack().join("pipeline"), at("out"));
    let not = |options: &[&str], parts: &[&str]| {
        refused(&[&["train", "--from"], options, &["--out", text(&out)]].concat(), parts);
        assert!(!out.exists(), "nothing is left behind");
    };
    let pipeline = text(&pipeline);
    not(&[pipeline], &["does not say what it learned from", "--data"]);
    not(
        &[pipeline, "--data", "digits8x8"],
        &["grey pictures of 8 × 8 pixels", "makes grey pictures of 16 × 16 pixels"],
    );
    not(
        &[pipeline, "--data", "pixel-avatars16"],
        &["holds colour pictures of 16 × 16"],
    );
    not(&[pipeline, "--data", "moons"], &["holds points"]);
    not(
        &[pipeline, "--data", text(&pictures), "--set", "net=unet"],
        &["another network than that of “pipeline, step 0”"],
    );
    not(&["exact:moons"], &["exact model", "no weights"]);
    not(&[text(&at("none"))], &["none"]);
    let digits = at("digits");
    train(&["--data", "digits8x8"], &digits);
    not(
        &[text(&digits), "--set", "condition.classes=true"],
        &["was told no classes", "tells it 10 classes", "start.new-classes = true"],
    );
}

#[test]
fn classes_are_learned_anew_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (digits, run) = (folder.path().join("digits"), folder.path().join("run"));
    train(&["--data", "digits8x8"], &digits);
    train(
        &[
            "--from",
            text(&digits),
            "--set",
            "condition.classes=true",
            "--set",
            "start.new-classes=true",
        ],
        &run,
    );
    let mut first = checkpoint(&run, 0).model;
    let table = first.0.remove("class_embedding.weight").unwrap();
    assert_eq!(table.shape[0], 11);
    assert!(first == checkpoint(&digits, 3).ema, "everything else is the model's");
}

#[test]
fn a_picture_or_film_starts_a_run_with_the_recipe_inside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for ending in ["png", "gif", "apng"] {
        let (film, run) = (at(&format!("film.{ending}")), at(ending));
        done(&["sample", "moons", "--steps", "3", "--count", "2", "--out", text(&film)]);
        train(&[text(&film)], &run);
        let made = Recipe::load(&run.join("recipe.toml")).unwrap();
        let bundled = diffusion_studio::files::bundled::open("moons").unwrap().recipe;
        assert_eq!(
            (made.net, made.schedule, made.seed),
            (bundled.net, bundled.schedule, bundled.seed)
        );
    }
    let bare = at("bare.png");
    picture::write_png(&bare, &Raster::filled(4, 4, 1, [0; 3]), None, Overwrite::Refuse).unwrap();
    refused(
        &["train", text(&bare), "--out", text(&at("none"))],
        &["does not say how it was made"],
    );
}
