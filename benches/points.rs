//! What a frame of 10 000 moving points costs the processor, as a mesh and as places for a shader, until the graphics
//! processor has it: `cargo bench --bench points`.

mod cloud;

use cloud::Moving;
use criterion::{Criterion, criterion_group, criterion_main};
use diffusion_studio::app::gpu;
use eframe::{
    egui::{Context, Pos2, RawInput, Rect, Vec2},
    egui_wgpu::{RendererOptions, ScreenDescriptor, wgpu::CommandEncoderDescriptor},
};
use egui_kittest::wgpu::{create_render_state, default_wgpu_setup};

const SIDE: u32 = 600;

fn frames(c: &mut Criterion) {
    for (name, shaded) in [("mesh", false), ("places", true)] {
        let state = create_render_state(default_wgpu_setup(), RendererOptions::default());
        let (ctx, mut moving) = (Context::default(), Moving::new());
        if shaded {
            gpu::install(&ctx, &state);
        }
        let screen = ScreenDescriptor {
            size_in_pixels: [SIDE; 2],
            pixels_per_point: 1.0,
        };
        c.bench_function(&format!("frame of 10 000 points as {name}"), |b| {
            b.iter(|| {
                let input = RawInput {
                    screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::splat(SIDE as f32))),
                    ..RawInput::default()
                };
                let output = ctx.run_ui(input, |ui| moving.show(ui));
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
