//! What is drawn from much data, without a window: layout, tessellation, and a copy of the corners as an upload makes it.

use std::time::{Duration, Instant};

use diffusion_studio::{
    app::{
        panels::plots::{CurveDraft, loss_plot},
        run_view::RunView,
    },
    draw::noising::noise_of,
    engine::{RunId, event::RunInfo, suggest},
};
use eframe::egui::{
    Context, Pos2, RawInput, Rect, Ui,
    epaint::{Primitive, Vertex},
    vec2,
};

use crate::{
    cloud::{Moving, POINTS},
    table::{quantile, row},
};

const FRAMES: usize = 200;

pub(crate) fn curve() {
    let (recipe, data) = suggest::for_source("moons", None).unwrap();
    let mut run = RunView::new(RunInfo {
        run: RunId(1),
        recipe,
        folder: "run".into(),
        domain: data.domain,
        data,
        executor: "cpu".into(),
        weights: 1,
        step: 0,
        levels: Vec::new().into(),
    });
    for (step, noise) in noise_of(1, 1, 1_000_000).into_iter().enumerate() {
        let loss = f64::from(noise.abs()) + 1e3 / (1e3 + step as f64);
        run.losses.push(step as f64, loss);
    }
    let (mut draft, mut step) = (CurveDraft::default(), 1e6);
    let p95 = p95(1_000, |ui| {
        // As while training: a frame of unchanged data could come from a cache.
        step += 1.0;
        run.losses.push(step, 0.5);
        loss_plot(ui, &run, &mut draft, 500.0);
    });
    row("loss curve of a million points, p95", p95, 12.0, "ms");
}

pub(crate) fn points() {
    let mut moving = Moving::new();
    // A point has four corners at least.
    let p95 = p95(4 * POINTS, |ui| moving.show(ui));
    row("10 000 moving points without graphics processor, p95", p95, 15.0, "ms");
}

/// Milliseconds of a frame that shows this alone, and draws so many corners at least.
fn p95(corners: usize, mut show: impl FnMut(&mut Ui)) -> f64 {
    let (ctx, mut buffer) = (Context::default(), Vec::new());
    let mut timed = || {
        let took = frame(&ctx, &mut buffer, &mut show);
        assert!(buffer.len() >= corners * size_of::<Vertex>(), "not all is drawn");
        took
    };
    let mut times: Vec<f64> = (0..FRAMES).map(|_| timed()).collect();
    // The first frames fill caches.
    quantile(&mut times[10..], 0.95)
}

fn frame(ctx: &Context, buffer: &mut Vec<u8>, show: &mut impl FnMut(&mut Ui)) -> f64 {
    let begun = Instant::now();
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(900.0, 600.0))),
        ..RawInput::default()
    };
    let mut output = ctx.run_ui(input, |ui| show(ui));
    output.textures_delta.clear();
    buffer.clear();
    for drawn in ctx.tessellate(output.shapes, 1.0) {
        if let Primitive::Mesh(mesh) = drawn.primitive {
            buffer.extend_from_slice(bytemuck::cast_slice(&mesh.vertices));
            buffer.extend_from_slice(bytemuck::cast_slice(&mesh.indices));
        }
    }
    let took: Duration = begun.elapsed();
    took.as_secs_f64() * 1e3
}
