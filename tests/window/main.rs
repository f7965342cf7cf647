//! A person at the real window: the real program, from a clean profile, on a screen of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod buttons;
mod studio;

use std::{fs, path::Path};

use eframe::egui::{Key, Modifiers};
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
    let home = studio.quit();

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
