//! A person at the real window: the real program, from a clean profile, on a screen of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod bad_input;
mod buttons;
mod inpaint;
mod runs;
#[allow(dead_code, reason = "the bench of the window uses the rest")]
mod studio;

use std::{fs, io::BufReader, path::Path};

use eframe::egui::{Key, Modifiers};
use image::{
    AnimationDecoder as _,
    codecs::{gif::GifDecoder, png::PngDecoder},
};
use studio::{Studio, command, runs};

/// Two moons for a network so small that an unoptimised build trains it in seconds.
fn recipe(steps: u64) -> String {
    format!(
        r#"
version = 1
seed = 3

[data]
source = "moons"

[net]
id = "mlp"
width = 16
depth = 1

[train]
steps = {steps}
batch = 32

[preview]
count = 8
steps = 4
"#
    )
}

/// A studio that was given the recipe.
fn with_recipe(size: [u32; 2], steps: u64) -> Studio {
    let mut studio = Studio::start(size, &[("small.toml", &recipe(steps))]);
    studio.key(Modifiers::ALT, Key::Num1);
    studio
}

fn export(studio: &mut Studio, what: &str, path: &Path) {
    studio.press("Export");
    studio.press(what);
    studio.button("Save");
    studio.type_text(path.to_str().unwrap());
    studio.press("Save");
    studio.wait_for_text(&format!("Written: {}", path.display()));
}

/// Noise and 50 steps, in every form that shows more than one.
fn films_hold_every_step(folder: &Path) {
    let open = |name: &str| BufReader::new(fs::File::open(folder.join(name)).unwrap());
    let gif = GifDecoder::new(open("film.gif")).unwrap().into_frames().count();
    let apng = PngDecoder::new(open("film.apng")).unwrap().apng().unwrap();
    let frames = fs::read_dir(folder.join("frames")).unwrap();
    let pictures = frames.filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == "png"));
    let rows = fs::read_to_string(folder.join("curves.csv")).unwrap().lines().count() - 1;
    assert_eq!([gif, apng.into_frames().count(), pictures.count(), rows], [51; 4]);
    let strip = image::open(folder.join("strip.png")).unwrap();
    assert!(
        strip.width() > 4 * strip.height(),
        "{}x{}",
        strip.width(),
        strip.height()
    );
}

#[test]
fn what_the_window_makes_is_what_the_command_line_makes() {
    let mut studio = with_recipe([1280, 720], 60);
    assert!(runs(studio.home()).is_empty());
    studio.press("Train");
    studio.wait_for_text("finished");

    studio.key(Modifiers::ALT, Key::Num3);
    studio.press("Sample");
    studio.wait_for_text("step 50/50");
    studio.key(Modifiers::NONE, Key::Home);
    studio.wait_for_text("step  0/50");
    studio.key(Modifiers::NONE, Key::ArrowRight);
    studio.wait_for_text("step  1/50");
    studio.key(Modifiers::NONE, Key::End);
    studio.wait_for_text("step 50/50");

    let shown = studio.home().to_owned();
    export(&mut studio, "Grid", &shown.join("window.png"));
    export(&mut studio, "Tensors", &shown.join("window.safetensors"));
    for (what, name) in [
        ("Film strip", "strip.png"),
        ("GIF", "film.gif"),
        ("APNG", "film.apng"),
        ("Frames", "frames"),
        ("Curves", "curves.csv"),
    ] {
        export(&mut studio, what, &shown.join(name));
    }
    let home = studio.quit();
    films_hold_every_step(home.path());

    let [run] = &runs(home.path())[..] else {
        panic!("one run")
    };
    let metrics = fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 1 + 60, "{metrics}");
    let run = run.to_str().unwrap();
    let [png, tensors] = ["made.png", "made.safetensors"].map(|name| home.path().join(name));
    command(
        home.path(),
        &format!(
            "sample {run} --count 1000 --seed 1 --steps 50 --out {} --trajectory {}",
            png.display(),
            tensors.display()
        ),
    );
    assert!(fs::read(home.path().join("window.png")).unwrap() == fs::read(png).unwrap());
    assert!(fs::read(home.path().join("window.safetensors")).unwrap() == fs::read(tensors).unwrap());
}
