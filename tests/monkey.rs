//! Ten thousand random inputs: clicks, drags, keys, text and files that are dropped. The program must neither panic nor stop.
//!
//! `MONKEY_SEED` and `MONKEY_STEPS` give other ones; what was done last is printed when it fails.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

#[path = "rig/window.rs"]
mod window;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use diffusion_studio::app::{
    keys::{BINDINGS, Does},
    shell::App,
};
use eframe::egui::{
    DroppedFile, Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2, pos2,
    vec2,
};
use egui_kittest::{Harness, kittest::Queryable as _};
use window::program;

const SIZE: Vec2 = vec2(1280.0, 720.0);

/// Set in the process that plays, to the folder that stands for the home.
const HOME: &str = "MONKEY_HOME";

/// Random numbers by their place (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn place(&mut self) -> Pos2 {
        pos2(SIZE.x * self.share(), SIZE.y * self.share())
    }
}

/// What cannot go on in this process: the window, and dialogs of the system.
const LEFT_OUT: [Does; 2] = [Does::Quit, Does::FullScreen];

const TEXTS: [&str; 7] = ["0", "-1", "1e30", "nan", "moons", "/nowhere/at/all", "\u{e9}\u{0}"];

/// A file in the hand of the desktop.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

struct Monkey<'a> {
    window: Harness<'a, App>,
    dice: Dice,
    done: VecDeque<String>,
    files: Vec<PathBuf>,
}

impl Monkey<'_> {
    fn event(&mut self, event: Event) {
        self.window.input_mut().events.push(event);
    }

    fn button(&mut self, pos: Pos2, pressed: bool) {
        self.event(Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }

    fn key(&mut self, key: Key, modifiers: Modifiers) {
        for pressed in [true, false] {
            self.event(Event::Key {
                key,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers,
            });
        }
    }

    /// The middle of something that can be clicked.
    fn widget(&mut self) -> Pos2 {
        let places: Vec<Pos2> = self
            .window
            .query_all_by(|node| !node.is_disabled() && node.label().is_some() && node.bounding_box().is_some())
            .map(|node| node.rect().center())
            .collect();
        let chosen = self.dice.below(places.len());
        places.get(chosen).copied().unwrap_or_default()
    }

    fn act(&mut self) -> String {
        match self.dice.below(20) {
            0..9 => {
                let at = self.widget();
                self.event(Event::PointerMoved(at));
                self.button(at, true);
                self.button(at, false);
                format!("click on a widget at {at}")
            }
            9 => {
                let (from, to) = (self.dice.place(), self.dice.place());
                self.event(Event::PointerMoved(from));
                self.button(from, true);
                self.window.step();
                self.event(Event::PointerMoved(to));
                self.window.step();
                self.button(to, false);
                format!("drag from {from} to {to}")
            }
            10 => {
                let at = self.dice.place();
                self.event(Event::PointerMoved(at));
                format!("hover {at}")
            }
            11 => {
                let delta = vec2(0.0, 200.0 * (self.dice.share() - 0.5));
                self.event(Event::MouseWheel {
                    unit: MouseWheelUnit::Point,
                    delta,
                    source: MouseWheelSource::Wheel,
                    phase: TouchPhase::Move,
                    modifiers: Modifiers::NONE,
                });
                format!("wheel {delta}")
            }
            12..16 => {
                let able: Vec<_> = BINDINGS.iter().filter(|b| !LEFT_OUT.contains(&b.does)).collect();
                let binding = able[self.dice.below(able.len())];
                let shortcut = binding.keys[self.dice.below(binding.keys.len())];
                self.key(shortcut.logical_key, shortcut.modifiers);
                format!("key: {}", binding.label)
            }
            16 => {
                let key = [Key::Tab, Key::Escape, Key::Enter, Key::Space, Key::Backspace][self.dice.below(5)];
                self.key(key, Modifiers::NONE);
                format!("{key:?}")
            }
            17 => {
                let text = TEXTS[self.dice.below(TEXTS.len())];
                self.event(Event::Text(text.into()));
                format!("text {text:?}")
            }
            18 => {
                let path = self.files[self.dice.below(self.files.len())].clone();
                let told = format!("drop {}", path.display());
                self.window.input_mut().dropped_files.push(Arc::new(Dropped(path)));
                told
            }
            _ => {
                // Time for what is under way.
                std::thread::sleep(Duration::from_millis(30));
                "wait".into()
            }
        }
    }

    fn play(&mut self, steps: usize) {
        for step in 0..steps {
            let done = self.act();
            self.done.push_back(format!("{step}: {done}"));
            if self.done.len() > 30 {
                self.done.pop_front();
            }
            self.window.step();
        }
    }
}

impl Drop for Monkey<'_> {
    #[expect(clippy::print_stderr, reason = "what was done last explains a failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", Vec::from(std::mem::take(&mut self.done)).join("\n"));
        }
    }
}

/// Pictures, points, a recipe, and files that are not what they seem.
fn files(home: &Path) -> Vec<PathBuf> {
    let path = |name: &str| home.join(name);
    image::RgbImage::from_fn(20, 30, |x, y| image::Rgb([x as u8 * 12, y as u8 * 8, 90]))
        .save(path("picture.png"))
        .unwrap();
    std::fs::write(path("points.csv"), "x,y\n1,2\n3,4\n-1,0.5\n").unwrap();
    std::fs::write(
        path("recipe.toml"),
        "version = 1\n[train]\nsteps = 40\nbatch = 8\n[net]\nwidth = 8\n",
    )
    .unwrap();
    std::fs::write(path("wrong.toml"), "version = 1\nseeds = true\n").unwrap();
    std::fs::write(path("torn.png"), b"\x89PNG\r\n\x1a\n and no more").unwrap();
    std::fs::write(path("empty.dstudio"), b"").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    let names = [
        "picture.png",
        "points.csv",
        "recipe.toml",
        "wrong.toml",
        "torn.png",
        "empty.dstudio",
        "folder",
        "none",
    ];
    names.map(path).into()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn play(home: &Path) {
    let files = files(home);
    let mut monkey = Monkey {
        window: program(home.join("runs")),
        dice: Dice(number("MONKEY_SEED", 1)),
        done: VecDeque::new(),
        files,
    };
    monkey.play(number("MONKEY_STEPS", 10_000) as usize);
    // It is still there, and finds back to its start.
    for _ in 0..5 {
        monkey.key(Key::Escape, Modifiers::NONE);
        monkey.window.step();
    }
    monkey.key(Key::Num0, Modifiers::ALT);
    monkey.window.step();
    monkey.window.step();
    assert!(monkey.window.query_by_label("Watch noise become data").is_some());
}

#[test]
#[ignore = "minutes without optimisation: cargo test --release --features inspection --test monkey -- --ignored"]
fn ten_thousand_random_inputs_do_no_harm() {
    if let Ok(home) = std::env::var(HOME) {
        return play(home.as_ref());
    }
    // What is saved, exported or thrown away goes into a home of its own.
    let home = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture"])
        .env(HOME, home.path())
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .current_dir(home.path())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
