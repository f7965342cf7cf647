//! Particles with trails, and arrows, in the plane.

use bytemuck::NoUninit;
use eframe::egui::{Color32, Pos2, Rect, Shape, Vec2};

use super::View;

/// Corners of the trails at most.
const CORNERS: usize = 12;

/// What is put in place of coordinates that are not finite; the shader leaves such particles out.
const NOWHERE: f32 = 1e9;

/// Which part of the plane lies where.
#[repr(C)]
#[derive(Clone, Copy, Debug, NoUninit)]
pub struct Window {
    size: [f32; 2],
    middle: [f32; 2],
    centre: [f32; 2],
    scale: f32,
    pad: f32,
}

impl Window {
    /// `middle` of the screen shows `centre` of the plane; a unit is `scale` points.
    pub fn new(middle: Pos2, centre: Vec2, scale: f32) -> Self {
        Self {
            size: [0.0; 2],
            middle: middle.into(),
            centre: centre.into(),
            scale,
            pad: 0.0,
        }
    }
}

/// How particles are drawn.
#[repr(C)]
#[derive(Clone, Copy, Debug, NoUninit)]
pub struct Swarm {
    window: Window,
    particles: u32,
    corners: u32,
    radius: f32,
    width: f32,
    ink: [f32; 4],
    inks: [[f32; 4]; CORNERS + 1],
}

impl Swarm {
    /// Discs of `radius` points, and trails of `width` points whose corners have these colours, the newest (that of the
    /// discs' end) first; none without trails.
    pub fn new(
        window: Window,
        particles: usize,
        (radius, ink): (f32, Color32),
        (width, inks): (f32, &[Color32]),
    ) -> Self {
        let corners = inks.len().saturating_sub(1).min(CORNERS);
        let mut oldest_first = [[0.0; 4]; CORNERS + 1];
        for (slot, ink) in oldest_first
            .iter_mut()
            .zip(inks[..inks.len().min(CORNERS + 1)].iter().rev())
        {
            *slot = ink.to_normalized_gamma_f32();
        }
        Self {
            window,
            particles: particles as u32,
            corners: corners as u32,
            radius,
            width,
            ink: ink.to_normalized_gamma_f32(),
            inks: oldest_first,
        }
    }

    /// Uploads the places of all particles at each corner of their trails, the oldest first and the present ones last.
    /// `false` where they are too many.
    pub fn upload<'a>(view: &mut View, corners: impl DoubleEndedIterator<Item = &'a [[f32; 2]]> + Clone) -> bool {
        let finite = |p: &[f32; 2]| {
            if p.iter().all(|v| v.is_finite()) {
                *p
            } else {
                [NOWHERE; 2]
            }
        };
        // A line ends where the same particle's next one begins. The last ones end nowhere, but must be there.
        let all = corners.clone().chain(corners.rev().take(1));
        let places: Vec<[f32; 2]> = all.flatten().map(finite).collect();
        view.instances(&places)
    }

    /// Draws what was uploaded.
    pub fn shape(&self, view: &mut View, clip: Rect) -> Shape {
        let count = self.particles * (self.corners + 1);
        view.shape(clip, self, &[0, u64::from(self.particles)], count as usize)
    }
}

/// How a field is drawn.
#[repr(C)]
#[derive(Clone, Copy, Debug, NoUninit)]
pub struct Arrows {
    window: Window,
    side: u32,
    extent: f32,
    sigma: f32,
    width: f32,
    tail: [f32; 4],
    ink: [f32; 4],
}

impl Arrows {
    /// `side` nodes over `±extent`, at noise level `sigma`; arrows `width` points wide in `ink`, fading to `tail`.
    pub fn new(
        window: Window,
        (side, extent, sigma): (usize, f32, f32),
        width: f32,
        [tail, ink]: [Color32; 2],
    ) -> Self {
        Self {
            window,
            side: side.max(2) as u32,
            extent,
            sigma,
            width,
            tail: tail.to_normalized_gamma_f32(),
            ink: ink.to_normalized_gamma_f32(),
        }
    }

    /// Uploads the field, row by row from `-extent` upwards. `false` where it is too large.
    pub fn upload(view: &mut View, score: &[[f32; 2]]) -> bool {
        let length = |s: &[f32; 2]| s[0].hypot(s[1]);
        let finite: Vec<_> = score
            .iter()
            .map(|s| if length(s).is_finite() { *s } else { [0.0; 2] })
            .collect();
        view.instances(&finite)
    }

    /// Draws the `nodes` that were uploaded.
    pub fn shape(&self, view: &mut View, clip: Rect, nodes: usize) -> Shape {
        view.shape(clip, self, &[0], nodes)
    }
}
