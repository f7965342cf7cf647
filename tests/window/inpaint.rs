//! A hole painted in the real window, filled, accepted, taken back and saved; the command line fills it alike.

use std::path::Path;

use eframe::egui::{Key, Modifiers, Pos2, Role, vec2};

use crate::studio::{Studio, command, runs};

/// A network of pictures that is trained in seconds; what it fills in does not matter here.
const RECIPE: &str = r#"
version = 1
seed = 5

[data]
source = "digits8x8"

[net]
id = "unet"
preset = "tiny"

[train]
steps = 12
batch = 16

[preview]
count = 4
steps = 4
"#;

/// The middle of the canvas.
fn canvas(studio: &mut Studio) -> Pos2 {
    let canvas = studio.wait_for("canvas", |widgets| {
        widgets
            .iter()
            .find(|w| w.role == Role::Canvas && w.name == "Canvas")
            .cloned()
    });
    canvas.rect.center()
}

/// What the menu above the canvas saves.
fn save(studio: &mut Studio, what: &str, path: &Path) {
    studio.press("Save");
    studio.press(what);
    studio.wait_for("field for the path", |widgets| {
        widgets
            .iter()
            .find(|w| w.role == Role::TextInput && w.value.ends_with(".png"))
            .cloned()
    });
    studio.type_text(path.to_str().unwrap());
    studio.key(Modifiers::NONE, Key::Enter);
    studio.wait_for_text(&format!("Written: {}", path.display()));
}

fn pixels(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().into_luma8().into_raw()
}

#[test]
fn a_painted_hole_is_filled_accepted_taken_back_and_saved() {
    let mut studio = Studio::start([1280, 720], &[("digits.toml", RECIPE)]);
    let home = studio.home().to_owned();
    let [mask, filled, undone] = ["mask.png", "filled.png", "undone.png"].map(|name| home.join(name));
    studio.key(Modifiers::ALT, Key::Num1);
    studio.press("Train");
    studio.wait_for_text("finished");

    studio.key(Modifiers::ALT, Key::Num5);
    studio.press("Data");
    studio.press("Digits 8×8");
    let middle = canvas(&mut studio);
    studio.drag(middle - vec2(40.0, 0.0), middle + vec2(60.0, 30.0));
    // A quick look follows the hand by itself.
    studio.press("Answers");
    studio.wait_for_text("Preview · RePaint");

    studio.press("Settings");
    // Hard edges, so that the mask in the file says all about it.
    studio.press("Grow");
    studio.press("Shrink");
    studio.press("Fill in");
    studio.press("Answers");
    studio.wait_for_text("RePaint · 50 steps · seed 1");
    // The first candidate is looked at by itself. RePaint jumps back on its way: more moves than
    // steps, each of them to be looked at.
    studio.button("Accept");
    studio.key(Modifiers::NONE, Key::Home);
    studio.wait_for_text("step   0/");
    studio.key(Modifiers::NONE, Key::End);
    studio.wait_for_text("result, no noise");
    save(&mut studio, "Mask…", &mask);
    studio.press("Accept");
    save(&mut studio, "Picture…", &filled);
    studio.key(Modifiers::COMMAND, Key::Z);
    save(&mut studio, "Picture…", &undone);
    let home = studio.quit();

    let [run] = &runs(home.path())[..] else {
        panic!("one run")
    };
    let made = home.path().join("made.png");
    let [run, image, hole, out] = [run, &undone, &mask, &made].map(|path| path.to_str().unwrap());
    let line = format!(
        "restore {run} --image {image} --mask {hole} --method repaint --set jump=5 --set passes=3 --steps 50 --seed 1 \
         --out {out}"
    );
    command(home.path(), &line);
    let [filled, undone, made, mask] = [&filled, &undone, &made, &mask].map(|path| pixels(path));
    assert!(mask.contains(&255) && mask.contains(&0));
    assert_ne!(filled, undone, "something was filled, and taken back");
    assert_eq!(filled, made, "the window fills as the command line does");
    for (i, hole) in mask.iter().enumerate() {
        assert!(*hole > 0 || filled[i] == undone[i], "pixel {i} was known");
    }
}
