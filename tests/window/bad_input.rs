//! Broken files and settings: each is told in one message, and the program goes on.

use std::{fs, path::Path};

use eframe::egui::{Key, Modifiers, Role};

use crate::{
    recipe,
    studio::{Studio, Widget},
};

/// Six sound pictures among a torn one, a text and one of a single pixel.
fn mixed_folder(path: &Path) {
    fs::create_dir(path).unwrap();
    for i in 0..6 {
        let shades = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, i * 40]));
        shades.save(path.join(format!("sound{i}.png"))).unwrap();
    }
    let sound = fs::read(path.join("sound0.png")).unwrap();
    fs::write(path.join("torn.png"), &sound[..sound.len() / 2]).unwrap();
    fs::write(path.join("text.png"), "no picture").unwrap();
    image::RgbImage::new(1, 1).save(path.join("dot.png")).unwrap();
}

/// An array of texts, by NumPy's format description.
fn texts_npy() -> Vec<u8> {
    let header = "{'descr': '<U1', 'fortran_order': False, 'shape': (2,), }";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend([b'a', 0, 0, 0, b'b', 0, 0, 0]);
    file
}

/// Opens a path as a person who types it.
fn open(studio: &mut Studio, path: &Path) {
    studio.key(Modifiers::ALT, Key::Num2);
    let field = studio.wait_for("field for a path", |widgets| {
        let fits = |w: &&Widget| w.role == Role::TextInput && w.name == "Path of your own data";
        widgets.iter().find(fits).cloned()
    });
    studio.click(field.rect.center());
    studio.type_text(path.to_str().unwrap());
    studio.key(Modifiers::NONE, Key::Enter);
}

fn train(studio: &mut Studio, path: &Path) {
    open(studio, path);
    studio.press("Train");
}

#[test]
fn bad_input_is_told_and_the_program_goes_on() {
    let mut studio = Studio::start([1280, 720], &[]);
    let home = studio.home().to_owned();
    let [empty, mixed] = ["empty", "mixed"].map(|name| home.join(name));
    fs::create_dir(&empty).unwrap();
    mixed_folder(&mixed);
    let file = |name: &str, content: &[u8]| {
        let path = home.join(name);
        fs::write(&path, content).unwrap();
        path
    };

    open(&mut studio, &home.join("nowhere"));
    studio.wait_for_text("does not exist");
    open(&mut studio, &empty);
    studio.wait_for_text("0 of at least 2 usable samples found");
    open(&mut studio, &file("texts.npy", &texts_npy()));
    studio.wait_for_text("holds texts; expected numbers");
    open(&mut studio, &file("words.png", b"no picture"));
    studio.wait_for_text("words.png cannot be used");
    open(&mut studio, &mixed);
    for why in ["3 could not be used", "is cut off", "is not a picture", "1×1 pixels"] {
        studio.wait_for_text(why);
    }
    open(&mut studio, &file("unknown.toml", b"version = 1\nsede = 5\n"));
    studio.wait_for_text("there is no key “sede”");
    let steep = recipe(60).replace("batch = 32", "batch = 32\nlr = 1e30");
    train(&mut studio, &file("steep.toml", steep.as_bytes()));
    studio.wait_for_text("diverged at step");
    studio.press("Stop");
    train(&mut studio, &file("sound.toml", recipe(60).as_bytes()));
    studio.wait_for_text("finished");
}
