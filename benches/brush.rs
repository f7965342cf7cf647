//! What a dab costs on a canvas of 1024 * 1024, up to the largest brush: `cargo bench --bench brush`. A frame of the window
//! has 8 ms for it.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use diffusion_studio::draw::{
    Sketch,
    brush::{Brush, Point},
    mask::{Edit, Mode, Preset},
    sketch::Mark,
};

const SIDE: usize = 1024;

fn stroke(brush: Brush) -> Mark {
    Mark::Mask(Edit::Stroke {
        brush,
        points: Vec::new(),
        mode: Mode::Add,
    })
}

fn colour(brush: Brush) -> Mark {
    Mark::Colour {
        brush,
        points: Vec::new(),
        colour: [200, 30, 60],
        mode: Mode::Add,
    }
}

/// One more line of a stroke, and the pixels that the graphics card is then given.
fn dab(sketch: &mut Sketch) -> usize {
    sketch.extend(Point::new(0.51, 0.5));
    let dirty = sketch.take_dirty();
    sketch.mask().copy(dirty.mask).len() + sketch.paint().copy(dirty.paint).len()
}

fn dabs(c: &mut Criterion) {
    let mut group = c.benchmark_group("dab");
    for (name, radius) in [("24", 24.0), ("128", 128.0), ("256", 256.0)] {
        for hardness in [0.0, 1.0] {
            let brush = Brush {
                radius: radius / SIDE as f32,
                hardness,
            };
            for (kind, mark) in [("mask", stroke(brush)), ("colour", colour(brush))] {
                let start = || {
                    let mut sketch = Sketch::new(SIDE, SIDE);
                    sketch.begin(mark.clone());
                    sketch.extend(Point::new(0.5, 0.5));
                    sketch.take_dirty();
                    sketch
                };
                group.bench_function(format!("{kind} radius {name} hardness {hardness}"), |b| {
                    b.iter_batched_ref(start, dab, BatchSize::LargeInput);
                });
            }
        }
    }
}

fn edits(c: &mut Criterion) {
    let mut group = c.benchmark_group("edit");
    for (name, edit) in [
        ("invert", Edit::Invert),
        ("grow", Edit::Grow(0.02)),
        ("feather", Edit::Feather(0.02)),
    ] {
        let start = || Sketch::with_marks(SIDE, SIDE, vec![Mark::Mask(Edit::Preset(Preset::Box(0.5)))]);
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                start,
                |sketch| sketch.add(Mark::Mask(edit.clone())),
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(all, dabs, edits);
criterion_main!(all);
