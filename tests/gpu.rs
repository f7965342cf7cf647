//! What a graphics processor draws, against what the same widgets paint without one. On machines with neither a graphics
//! processor nor software Vulkan the pictures are left out, unless `REQUIRE_VULKAN=1`.
#![cfg(feature = "gui")]

mod vulkan;

use std::{collections::BTreeSet, sync::Arc};

use diffusion_studio::{
    app::{
        easel::Easel,
        gpu::{self, Shader},
        widgets::{
            aspect::Aspect,
            canvas::{Camera, Canvas, Face, Shown},
            cloud::{Cloud, Clouds, Layers, cloud_view},
            noised::Noised,
            pictures::{Lens, Pictures, Spot, View, picture_view},
        },
    },
    data::{Content, Dataset, Samples},
    draw::{
        Raster,
        mask::{Edit, Mode},
        noising::noise_of,
    },
    engine::event::{Field, StepFrame},
    math::{Domain, Frame, Level, domain::byte_from_unit},
};
use eframe::{
    egui::{Rect, Shape, Theme, Ui, Vec2, epaint::ClippedShape, pos2, vec2},
    egui_wgpu::RendererOptions,
};
use egui_kittest::{Harness, wgpu::WgpuTestRenderer};

use vulkan::device;

type Picture = image::RgbaImage;

/// How a widget is shown.
#[derive(Clone, Copy, Debug)]
struct Setting {
    size: Vec2,
    ppp: f32,
    theme: Theme,
    options: RendererOptions,
}

const PLAIN: Setting = Setting {
    size: vec2(320.0, 260.0),
    ppp: 1.0,
    theme: Theme::Dark,
    options: RendererOptions::PREDICTABLE,
};

/// What `paint` shows as a mesh, and as the graphics processor draws it.
fn both<W: FnMut(&mut Ui)>(setting: Setting, widget: impl Fn() -> W) -> Option<[Picture; 2]> {
    let draw = |shaded: bool| {
        let state = device(setting.options)?;
        let for_views = state.clone();
        let harness = Harness::builder()
            .with_size(setting.size)
            .with_pixels_per_point(setting.ppp)
            .with_theme(setting.theme)
            .with_context_setup(move |ctx| {
                if shaded {
                    gpu::install(ctx, &for_views);
                }
            })
            .renderer(WgpuTestRenderer::from_render_state(state));
        let mut harness = harness.build_ui(widget());
        harness.run();
        let is_view = |s: &ClippedShape| matches!(s.shape, Shape::Callback(_));
        assert_eq!(harness.output().shapes.iter().any(is_view), shaded, "who draws it");
        Some(harness.render().expect("a picture"))
    };
    Some([draw(false)?, draw(true)?])
}

/// No channel of any pixel is further off than `most`.
#[track_caller]
fn assert_alike([mesh, shaded]: &[Picture; 2], most: u8, what: &str) {
    assert_eq!(mesh.dimensions(), shaded.dimensions());
    let greatest = mesh.iter().zip(shaded.iter()).map(|(a, b)| a.abs_diff(*b)).max();
    let colours: BTreeSet<_> = mesh.pixels().map(|p| p.0).collect();
    assert!(colours.len() > 4, "{what}: nothing is painted");
    assert!(greatest <= Some(most), "{what}: a pixel is off by {greatest:?}");
}

fn level(alpha: f64) -> Level {
    Level {
        t: 1000.0 * (1.0 - alpha),
        alpha,
        sigma: (1.0 - alpha * alpha).sqrt(),
    }
}

/// A walk of points, or of pictures, towards noise's end.
fn walk(frames: usize, frame: impl Fn(usize) -> Frame) -> Vec<StepFrame> {
    let step = |index| StepFrame {
        index,
        level: level(index as f64 / frames as f64),
        x: frame(index),
        x0: frame(index + 1),
        eps: frame(index + 2),
        change: 0.0,
        x_stats: (0.0, 1.0),
        x0_stats: (0.0, 1.0),
    };
    (0..frames).map(step).collect()
}

fn points(count: usize, seed: u64, index: usize) -> Frame {
    let (start, way) = (noise_of(0, seed, 2 * count), noise_of(1, seed, 2 * count));
    let share = index as f32 / 20.0;
    Frame::Points {
        xy: start.iter().zip(way).map(|(a, b)| a + share * b).collect(),
    }
}

fn images(channels: usize, side: usize, count: usize, seed: u64) -> Frame {
    Frame::Pixels {
        channels,
        height: side,
        width: side,
        data: noise_of(0, seed, channels * side * side * count)
            .into_iter()
            .map(|v| byte_from_unit(v / 2.0))
            .collect(),
    }
}

fn field(side: usize) -> Field {
    let mut score = noise_of(9, 4, 2 * side * side);
    score[..4].copy_from_slice(&[0.0, 0.0, f32::NAN, 1.0]);
    Field {
        level: level(0.6),
        side,
        extent: 3.0,
        score: score.into(),
    }
}

/// The cloud at one index, all layers.
#[derive(Clone)]
struct CloudCase {
    steps: Arc<[StepFrame]>,
    aspect: Aspect,
    zoom: f32,
    density: bool,
}

impl CloudCase {
    fn widget(&self) -> impl FnMut(&mut Ui) + use<> {
        let (case, mut clouds, mut lens) = (self.clone(), Clouds::default(), Lens::default());
        let (data, field) = (noise_of(3, 5, 8000), field(16));
        (lens.zoom, lens.centre) = (case.zoom, vec2(0.55, 0.4));
        lens.selected = Some(3);
        move |ui| {
            let cloud = Cloud {
                owner: 1,
                steps: &case.steps[..],
                index: 13,
                fraction: 0.4,
                aspect: case.aspect,
                data: Some(&data),
                field: Some(&field),
                layers: Layers {
                    density: case.density,
                    ..Layers::default()
                },
                name: "cloud",
            };
            lens.hover = Some(Spot { sample: 1, x: 0, y: 0 });
            cloud_view(ui, ui.available_size(), &cloud, &mut clouds, &mut lens);
        }
    }
}

/// Blending rounds to bytes after each disc on both ways; the colours before it may differ by the last bit of a float.
#[test]
fn clouds_look_the_same() {
    let few: Arc<[_]> = walk(17, |i| points(300, 1, i)).into();
    let many: Arc<[_]> = walk(17, |i| points(3000, 2, i)).into();
    let settings = [
        PLAIN,
        Setting {
            ppp: 1.5,
            theme: Theme::Light,
            size: vec2(220.0, 300.0),
            ..PLAIN
        },
    ];
    for (steps, setting, zoom) in [
        (&few, settings[0], 1.0),
        (&few, settings[1], 3.0),
        (&many, settings[0], 1.0),
    ] {
        for aspect in Aspect::ALL {
            let case = CloudCase {
                steps: steps.clone(),
                aspect,
                zoom,
                density: zoom > 1.0,
            };
            let Some(pictures) = both(setting, || case.widget()) else {
                return;
            };
            let what = format!("{} of {} points, zoom {zoom}", aspect.label(), steps[0].x.count());
            assert_alike(&pictures, 1, &what);
        }
    }
}

#[test]
fn noised_pictures_look_the_same() {
    for (channels, side, seed) in [(1, 28, 1), (3, 32, 2), (3, 64, 3), (1, 8, 4)] {
        let Frame::Pixels { data, .. } = images(channels, side, 5, seed) else {
            return;
        };
        let content = Content {
            domain: Domain::Image {
                channels,
                height: side,
                width: side,
            },
            samples: Samples::Pixels(data),
            labels: None,
            skipped: Vec::new(),
            note: String::new(),
        };
        let data = Dataset::new("made", "made", "", content);
        let pictures = both(PLAIN, || {
            let (mut noised, data) = (Noised::default(), data.clone());
            move |ui: &mut Ui| {
                let at = |i: usize| {
                    Rect::from_min_size(
                        pos2(10.0 + 100.0 * (i % 3) as f32, 10.0 + 110.0 * (i / 3) as f32),
                        Vec2::splat(96.0),
                    )
                };
                let tiles: Vec<_> = (0..6).map(|i| (at(i), level(1.0 - i as f64 / 5.0))).collect();
                noised.paint(ui, &data, 2, &tiles);
            }
        });
        let Some(pictures) = pictures else { return };
        assert_alike(&pictures, 1, &format!("{channels}×{side}×{side} in noise"));
    }
}

#[test]
fn changes_look_the_same() {
    for (channels, side, count, zoom) in [(1, 8, 9, 1.0), (3, 16, 5, 1.0), (3, 16, 7, 2.5), (1, 28, 1, 1.0)] {
        let steps = walk(4, |i| images(channels, side, count, i as u64));
        for index in [1, 3] {
            let pictures = both(PLAIN, || {
                let (steps, mut pictures, mut lens) = (steps.clone(), Pictures::default(), Lens::default());
                lens.zoom = zoom;
                move |ui: &mut Ui| {
                    let view = View {
                        owner: 1,
                        steps: &steps[..],
                        index,
                        aspect: Aspect::Change,
                        name: "change",
                    };
                    picture_view(ui, ui.available_size(), &view, &mut pictures, &mut lens);
                }
            });
            let Some(pictures) = pictures else { return };
            assert_alike(
                &pictures,
                1,
                &format!("change {index} of {count}·{channels}×{side}×{side}"),
            );
        }
    }
}

/// A mask with soft edges, changed after it was uploaded.
#[test]
fn masks_look_the_same() {
    let own = Setting {
        // The filter of the card, which averages small pixels.
        options: RendererOptions::default(),
        ..PLAIN
    };
    for (side, zoom, setting) in [(32, 1.0, PLAIN), (200, 1.0, PLAIN), (200, 4.0, PLAIN), (500, 1.0, own)] {
        let pictures = both(setting, || {
            let mut easel = Easel::new("made", Raster::filled(side, side, 3, [40, 90, 140]));
            easel.edit(Edit::Lasso {
                points: vec![[0.2, 0.2], [0.8, 0.3], [0.5, 0.85]],
                mode: Mode::Add,
            });
            easel.edit(Edit::Feather(0.02));
            let (mut canvas, mut camera, mut frames) = (Canvas::default(), Camera::default(), 0);
            move |ui: &mut Ui| {
                frames += 1;
                if frames == 2 {
                    easel.edit(Edit::Box {
                        from: [0.0, 0.6],
                        to: [0.3, 1.0],
                        mode: Mode::Add,
                    });
                }
                let area = ui.max_rect();
                let placed = camera.place(area, [side, side], ui.ctx().pixels_per_point());
                if frames == 1 && zoom > 1.0 {
                    camera.zoom(&placed, area.center(), zoom);
                }
                let shown = Shown {
                    face: Face::Present,
                    mask: true,
                };
                canvas.paint(ui, &placed, &mut easel, &shown);
                if frames < 4 {
                    ui.ctx().request_repaint();
                }
            }
        });
        let Some(pictures) = pictures else { return };
        // Filters of cards have few bits for the share of a pixel.
        let most = if side == 500 { 2 } else { 1 };
        assert_alike(&pictures, most, &format!("mask of {side}, zoom {zoom}"));
    }
}

#[test]
fn shaders_are_valid() {
    for shader in Shader::ALL {
        let module = naga::front::wgsl::parse_str(shader.source())
            .unwrap_or_else(|e| panic!("{shader:?}: {}", e.emit_to_string(shader.source())));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
        validator
            .validate(&module)
            .unwrap_or_else(|e| panic!("{shader:?}: {}", e.emit_to_string(shader.source())));
    }
}
