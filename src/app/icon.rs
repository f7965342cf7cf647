//! The window's icon, drawn by arithmetic: noise on the left becomes a disc on the right.

use eframe::egui::{IconData, lerp};

const SIDE: usize = 64;

/// The window's icon.
pub fn window_icon() -> IconData {
    let rgba = (0..SIDE * SIDE).flat_map(|i| pixel(i % SIDE, i / SIDE)).collect();
    IconData {
        rgba,
        width: SIDE as u32,
        height: SIDE as u32,
    }
}

fn pixel(x: usize, y: usize) -> [u8; 4] {
    let centred = |v: usize| (v as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0;
    let (u, v) = (centred(x), centred(y));
    let corner = (u.abs().max(v.abs()) - 0.7)
        .max(0.0)
        .hypot((u.abs().min(v.abs()) - 0.7).max(0.0));
    if corner > 0.3 {
        return [0; 4];
    }
    let disc = if (u - 0.1).hypot(v) < 0.58 { 1.0 } else { 0.0 };
    let certainty = ((u + 1.0) / 1.4).clamp(0.0, 1.0);
    let ink = lerp(grain(x / 4, y / 4)..=disc, certainty);
    let shade = |ground: f32, paint: f32| lerp(ground..=paint, ink) as u8;
    [shade(16.0, 255.0), shade(20.0, 166.0), shade(32.0, 87.0), 255]
}

/// A fixed number in `0..1` for each cell.
fn grain(x: usize, y: usize) -> f32 {
    let mixed = ((x * 73_856_093) ^ (y * 19_349_663)).wrapping_mul(2_654_435_761);
    ((mixed >> 8) & 0xff) as f32 / 255.0
}
