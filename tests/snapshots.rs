//! What the workspaces look like, filled, in both themes: against the pictures in `tests/snapshots`, and with twice the
//! pixels to a point against themselves. `UPDATE_SNAPSHOTS=1 cargo test --test snapshots` paints them anew; look at them
//! before they are kept.
//!
//! On machines with neither a graphics processor nor software Vulkan they are left out, unless `REQUIRE_VULKAN=1`.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod program;
mod rig;
mod vulkan;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use diffusion_studio::{
    app::{action::Workspace, launch::Options, shell::App},
    engine::{
        Command,
        command::{Model, SampleRequest},
        exact::ExactModel,
    },
    files::{Recipe, recipe::PreviewRecipe},
};
use eframe::{
    egui::{Key, Modifiers, Rect, Theme, pos2, vec2},
    egui_wgpu::{RenderState, RendererOptions},
};
use egui_kittest::{Harness, SnapshotResults, kittest::Queryable as _, wgpu::WgpuTestRenderer};
use image::{RgbaImage, imageops};
use program::Program;
use rig::{Rig, points, request};
use tempfile::TempDir;
use vulkan::device;

const WIDTH: f32 = 1280.0;
const HEIGHT: f32 = 720.0;

/// Height of the status bar, whose numbers are the machine's.
const STATUS: f32 = 34.0;

/// Mean distance of cells, 0 to 255: half of what a full page makes that is eight points further on.
const MOST_APART: f64 = 1.5;

/// The program and its engine, whose clock stands still, so that what it says is always the same.
struct Studio<'a> {
    program: Program<'a>,
    rig: Rig,
    _runs: TempDir,
}

impl Studio<'_> {
    fn new(device: RenderState, theme: Theme, pixels_per_point: f32) -> Self {
        let window = Harness::builder()
            .with_size(vec2(WIDTH, HEIGHT))
            .with_pixels_per_point(pixels_per_point)
            .with_theme(theme)
            .with_max_steps(40)
            .renderer(WgpuTestRenderer::from_render_state(device));
        let runs = tempfile::tempdir().unwrap();
        Self {
            program: Program::within(window, Options::default()),
            rig: Rig::new(runs.path()),
            _runs: runs,
        }
    }

    fn app(&mut self) -> &mut App {
        self.program.window.state_mut()
    }

    fn go_to(&mut self, workspace: Workspace) -> &mut Self {
        self.app().state.workspace = workspace;
        self.work()
    }

    /// What the window asks for is done, and told; but for the film of the start page elsewhere and what depends on the
    /// machine.
    fn work(&mut self) -> &mut Self {
        for _ in 0..4 {
            self.program.window.run_steps(2);
            for command in self.program.commands.try_iter() {
                let on_start = self.program.window.state().state.workspace == Workspace::Start;
                let by_itself = match &command {
                    Command::Sample(request) => matches!(request.model, Model::Bundled(_)) && !on_start,
                    Command::Estimate(_) => true,
                    _ => false,
                };
                if !by_itself {
                    self.rig.send(command);
                }
            }
            self.rig.rest();
            for preview in self.rig.take_previews() {
                self.program.newest.store(Some(Arc::new(preview)));
            }
            for event in self.rig.take() {
                self.program.events.send(event).unwrap();
            }
        }
        self.program.window.run_steps(4);
        self
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) -> &mut Self {
        self.program.window.key_press_modifiers(modifiers, key);
        self.work()
    }

    fn sample(&mut self, sampler: &str) -> &mut Self {
        let mut wanted = SampleRequest {
            model: Model::Exact(Box::new(ExactModel::new("moons"))),
            steps: 20,
            ..request(0, 300, sampler)
        };
        self.app().state.asked.clear();
        self.app().state.ask(&mut wanted);
        self.rig.send(Command::Sample(Box::new(wanted)));
        self.work()
    }

    /// Whether something is painted on each card of the start page.
    fn has_pictures(&mut self) -> bool {
        let window = &mut self.program.window;
        let (painted, scale) = (window.render().unwrap(), window.ctx.pixels_per_point());
        let is_filled = |card: Rect| {
            let middle = Rect::from_center_size(card.center() - vec2(0.0, 40.0), vec2(60.0, 60.0)) * scale;
            let (x, y) = (middle.min.x as u32, middle.min.y as u32);
            let part = imageops::crop_imm(&painted, x, y, middle.width() as u32, middle.height() as u32).to_image();
            part.pixels().map(|p| p.0).collect::<BTreeSet<_>>().len() > 2
        };
        let cards = window.get_all_by_label_contains("Learn ");
        cards.map(|card| card.rect()).all(is_filled)
    }

    fn picture(&mut self) -> RgbaImage {
        self.program.window.remove_cursor();
        self.program.window.run_steps(2);
        let status = Rect::from_min_max(pos2(0.0, HEIGHT - STATUS), pos2(WIDTH, HEIGHT));
        self.program.window.mask(status);
        self.program.window.render().unwrap()
    }
}

/// Brings the program to what is looked at.
type Scene = fn(&mut Studio<'_>);

/// What is looked at.
const SCENES: &[(&str, Scene)] = &[
    ("start", start),
    ("lab", lab),
    ("data", data),
    ("trajectory", trajectory),
    ("schedule", schedule),
    ("inpaint", |studio| _ = studio.go_to(Workspace::Inpaint)),
    ("samplers", |studio| _ = studio.go_to(Workspace::Samplers)),
    ("runs", |studio| _ = studio.go_to(Workspace::Runs)),
    ("compare", |studio| _ = studio.go_to(Workspace::Compare)),
    ("keys", keys),
];

/// Nothing moves, and all cards have their pictures, which a thread makes.
fn start(studio: &mut Studio<'_>) {
    studio.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::M);
    for _ in 0..600 {
        if studio.work().has_pictures() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the cards have no pictures");
}

/// A run of 60 steps that has ended.
fn lab(studio: &mut Studio<'_>) {
    studio.go_to(Workspace::Lab);
    let recipe = Recipe {
        preview: PreviewRecipe {
            count: 200,
            ..PreviewRecipe::default()
        },
        ..points(60)
    };
    studio.app().recipe.recipe = recipe;
    studio.work();
    studio.program.window.get_by_label("Train").click();
    studio.work();
}

fn data(studio: &mut Studio<'_>) {
    studio.app().recipe.recipe = points(60);
    studio.go_to(Workspace::Data);
}

/// Twenty moves, seen in the middle.
fn trajectory(studio: &mut Studio<'_>) {
    studio.go_to(Workspace::Trajectory).sample("ddim");
    studio.key(Modifiers::NONE, Key::Home);
    studio.key(Modifiers::SHIFT, Key::ArrowRight);
}

fn schedule(studio: &mut Studio<'_>) {
    studio.app().recipe.recipe = points(60);
    studio.go_to(Workspace::Schedule);
}

fn keys(studio: &mut Studio<'_>) {
    studio.go_to(Workspace::Lab).key(Modifiers::NONE, Key::Questionmark);
}

/// Mean distance of the channels of two pictures of one size, 0 to 255.
fn distance(a: &RgbaImage, b: &RgbaImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

/// A scene as it is painted; `None` where nothing can be painted.
fn painted(scene: Scene, theme: Theme, pixels_per_point: f32) -> Option<RgbaImage> {
    let mut studio = Studio::new(device(RendererOptions::PREDICTABLE)?, theme, pixels_per_point);
    scene(&mut studio);
    Some(studio.picture())
}

/// With twice the pixels to a point everything is where it was. Compared in cells of eight points, in which the edges of
/// letters and lines make no difference.
fn assert_alike(name: &str, one: &RgbaImage, two: &RgbaImage) {
    let cells = |picture| imageops::thumbnail(picture, WIDTH as u32 / 8, HEIGHT as u32 / 8);
    let apart = distance(&cells(one), &cells(two));
    assert!(
        apart < MOST_APART,
        "{name}: with twice the pixels it looks different by {apart:.2}"
    );
}

fn look(theme: Theme, ending: &str) {
    let mut results = SnapshotResults::new();
    for &(name, scene) in SCENES {
        let Some(one) = painted(scene, theme, 1.0) else { return };
        results.add(egui_kittest::try_image_snapshot(&one, format!("{name}-{ending}")));
    }
}

#[test]
fn in_the_dark() {
    look(Theme::Dark, "dark");
}

#[test]
fn in_the_light() {
    look(Theme::Light, "light");
}

#[test]
fn with_twice_the_pixels() {
    for (i, &(name, scene)) in SCENES.iter().enumerate() {
        let theme = [Theme::Dark, Theme::Light][i % 2];
        let [Some(one), Some(two)] = [1.0, 2.0].map(|pixels_per_point| painted(scene, theme, pixels_per_point)) else {
            return;
        };
        assert_alike(name, &one, &two);
    }
}
