//! What a frame of 10 000 moving points costs the processor, as a mesh and as places for a shader, until the graphics
//! processor has it: `cargo bench --bench points`.

use criterion::{Criterion, criterion_group, criterion_main};
use diffusion_studio::{
    app::{
        gpu,
        widgets::{
            aspect::Aspect,
            cloud::{Cloud, Clouds, Layers, cloud_view},
            pictures::Lens,
        },
    },
    draw::noising::noise_of,
    engine::event::StepFrame,
    math::{Frame, Level},
};
use eframe::{
    egui::{Context, Pos2, RawInput, Rect, Vec2},
    egui_wgpu::{RendererOptions, ScreenDescriptor, wgpu::CommandEncoderDescriptor},
};
use egui_kittest::wgpu::{create_render_state, default_wgpu_setup};

const POINTS: usize = 10_000;
const SIDE: u32 = 600;

fn steps() -> Vec<StepFrame> {
    let frame = |index: usize| Frame::Points {
        xy: noise_of(index as u64, 1, 2 * POINTS).into(),
    };
    let step = |index| StepFrame {
        index,
        level: Level::clean(0.0),
        x: frame(index),
        x0: frame(index),
        eps: frame(index),
        change: 0.0,
        x_stats: (0.0, 1.0),
        x0_stats: (0.0, 1.0),
    };
    (0..16).map(step).collect()
}

fn frames(c: &mut Criterion) {
    let steps = steps();
    for (name, shaded) in [("mesh", false), ("places", true)] {
        let state = create_render_state(default_wgpu_setup(), RendererOptions::default());
        let (ctx, mut clouds, mut lens) = (Context::default(), Clouds::default(), Lens::default());
        if shaded {
            gpu::install(&ctx, &state);
        }
        let screen = ScreenDescriptor {
            size_in_pixels: [SIDE; 2],
            pixels_per_point: 1.0,
        };
        let mut index = 0;
        c.bench_function(&format!("frame of 10 000 points as {name}"), |b| {
            b.iter(|| {
                index = (index + 1) % steps.len();
                let input = RawInput {
                    screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::splat(SIDE as f32))),
                    ..RawInput::default()
                };
                let output = ctx.run_ui(input, |ui| {
                    let cloud = Cloud {
                        owner: 1,
                        steps: &steps[..],
                        index,
                        fraction: 0.0,
                        aspect: Aspect::State,
                        data: None,
                        field: None,
                        layers: Layers::default(),
                        name: "cloud",
                    };
                    cloud_view(ui, ui.available_size(), &cloud, &mut clouds, &mut lens);
                });
                let drawn = ctx.tessellate(output.shapes, 1.0);
                let mut encoder = state
                    .device
                    .create_command_encoder(&CommandEncoderDescriptor::default());
                let mut renderer = state.renderer.write();
                renderer.update_buffers(&state.device, &state.queue, &mut encoder, &drawn, &screen);
                state.queue.submit([encoder.finish()]);
            });
        });
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
