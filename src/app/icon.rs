//! The window's icon, drawn by arithmetic: noise on the left becomes a disc on the right.

use eframe::egui::{IconData, lerp};

/// Cells of noise along a side.
const CELLS: usize = 16;

/// The window's icon.
pub fn window_icon() -> IconData {
    icon(64)
}

/// The icon with `side * side` pixels; `side` is a multiple of 16.
fn icon(side: usize) -> IconData {
    IconData {
        rgba: (0..side * side).flat_map(|i| pixel(i % side, i / side, side)).collect(),
        width: side as u32,
        height: side as u32,
    }
}

fn pixel(x: usize, y: usize, side: usize) -> [u8; 4] {
    let centred = |v: usize| (v as f32 + 0.5) / side as f32 * 2.0 - 1.0;
    let (u, v) = (centred(x), centred(y));
    let corner = (u.abs().max(v.abs()) - 0.7)
        .max(0.0)
        .hypot((u.abs().min(v.abs()) - 0.7).max(0.0));
    if corner > 0.3 {
        return [0; 4];
    }
    let disc = if (u - 0.1).hypot(v) < 0.58 { 1.0 } else { 0.0 };
    let certainty = ((u + 1.0) / 1.4).clamp(0.0, 1.0);
    let ink = lerp(grain(x * CELLS / side, y * CELLS / side)..=disc, certainty);
    let shade = |ground: f32, paint: f32| lerp(ground..=paint, ink) as u8;
    [shade(16.0, 255.0), shade(20.0, 166.0), shade(32.0, 87.0), 255]
}

/// A fixed number in `0..1` for each cell.
fn grain(x: usize, y: usize) -> f32 {
    let mixed = ((x * 73_856_093) ^ (y * 19_349_663)).wrapping_mul(2_654_435_761);
    ((mixed >> 8) & 0xff) as f32 / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_ICON=1` writes the file anew.
    #[test]
    fn the_desktop_s_icon_is_the_window_s() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/icon.png");
        let IconData { rgba, width, height } = icon(256);
        let drawn = image::RgbaImage::from_raw(width, height, rgba).unwrap();
        if std::env::var("UPDATE_ICON").is_ok() {
            drawn.save(path).unwrap();
        }
        assert!(image::open(path).unwrap().into_rgba8() == drawn);
    }
}
