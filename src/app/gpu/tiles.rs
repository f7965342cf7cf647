//! Pictures that are made while they are drawn.

use bytemuck::NoUninit;
use eframe::{
    egui::{Color32, Rect, Shape},
    egui_wgpu::wgpu::TextureFormat,
};

use super::View;
use crate::{
    draw::{ColorMap, noising::noise_of},
    math::{Frame, Level},
};

/// A rectangle on the screen, and what its view wants to know of it: level or part of the texture.
#[repr(C)]
#[derive(Clone, Copy, Debug, NoUninit)]
pub struct Tile {
    rect: [f32; 4],
    given: [f32; 4],
}

impl Tile {
    /// A picture at a noise level.
    pub fn noised(rect: Rect, level: Level) -> Self {
        Self {
            rect: sides(rect),
            given: [level.alpha as f32, level.sigma as f32, 0.0, 0.0],
        }
    }

    /// A part of a texture, in units of the whole.
    pub fn part(rect: Rect, uv: Rect) -> Self {
        Self {
            rect: sides(rect),
            given: sides(uv),
        }
    }
}

fn sides(rect: Rect) -> [f32; 4] {
    [rect.left(), rect.top(), rect.right(), rect.bottom()]
}

/// What is drawn in rectangles.
#[derive(Clone, Copy, Debug)]
pub enum Tiles {
    /// The picture of [`Tiles::upload_noised`].
    Noised,
    /// Numbers through a colour map; this one has the last colour.
    Mapped {
        /// It.
        full: f32,
    },
    /// A mask.
    Veil {
        /// Its colour.
        ink: Color32,
        /// Whether its pixels are larger than those of the screen.
        magnified: bool,
        /// Strength of the inside, and of the edge where it is told apart.
        strength: (f32, Option<f32>),
    },
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Uniforms {
    window: [f32; 2],
    /// Numbers or flags.
    given: [u32; 2],
    strength: [f32; 4],
    ink: [f32; 4],
}

impl Tiles {
    /// Uploads a clean picture, and the noise of sample `sample` for a seed. `false` where it is none or too large.
    pub fn upload_noised(view: &mut View, clean: &Frame, seed: u64) -> bool {
        let &Frame::Pixels {
            channels,
            height,
            width,
            ..
        } = clean
        else {
            return false;
        };
        let pixels = width * height;
        let bytes = clean.picture(0);
        let eps = noise_of(0, seed, channels * pixels);
        // Grey pictures have the same three times.
        let channel = |c: usize| c.min(channels - 1);
        let bytes: Vec<[u8; 4]> = (0..pixels)
            .map(|i| [0, 1, 2, 2].map(|c| bytes[i * channels + channel(c)]))
            .collect();
        let eps: Vec<[f32; 4]> = (0..pixels)
            .map(|i| [0, 1, 2, 2].map(|c| eps[channel(c) * pixels + i]))
            .collect();
        view.texture(
            1,
            [width, height],
            TextureFormat::Rgba8Uint,
            bytemuck::cast_slice(&bytes),
        ) && view.texture(
            2,
            [width, height],
            TextureFormat::Rgba32Uint,
            bytemuck::cast_slice(&eps),
        )
    }

    /// Uploads numbers for a colour map, row by row. `false` where they are too many.
    pub fn upload_mapped(view: &mut View, size: [usize; 2], numbers: &[u16], map: ColorMap) -> bool {
        let colours: Vec<[u8; 4]> = map.table().iter().map(|&[r, g, b]| [r, g, b, 255]).collect();
        view.texture(1, size, TextureFormat::R16Uint, bytemuck::cast_slice(numbers))
            && view.texture(2, [256, 1], TextureFormat::Rgba8Uint, bytemuck::cast_slice(&colours))
    }

    /// Uploads a part of a mask of `size`, `part` pixels from `corner`. `false` where it is too large.
    pub fn upload_veil(
        view: &mut View,
        size: [usize; 2],
        corner: [usize; 2],
        part: [usize; 2],
        coverage: &[u8],
    ) -> bool {
        if part == size {
            return view.texture(1, size, TextureFormat::R8Uint, coverage);
        }
        view.rewrite(1, corner, part, coverage)
    }

    /// Draws rectangles.
    pub fn shape(self, view: &mut View, clip: Rect, tiles: &[Tile]) -> Shape {
        if !view.instances(tiles) {
            return Shape::Noop;
        }
        view.shape(clip, &self.uniforms(), &[0], tiles.len())
    }

    fn uniforms(self) -> Uniforms {
        let none = Uniforms {
            window: [0.0; 2],
            given: [0; 2],
            strength: [0.0; 4],
            ink: [0.0; 4],
        };
        match self {
            Self::Noised => none,
            Self::Mapped { full } => Uniforms {
                given: [full.to_bits(), 0],
                ..none
            },
            Self::Veil {
                ink,
                magnified,
                strength: (inside, edge),
            } => Uniforms {
                given: [u32::from(magnified), u32::from(edge.is_some())],
                strength: [inside, edge.unwrap_or(inside), 0.0, 0.0],
                ink: ink.to_normalized_gamma_f32(),
                ..none
            },
        }
    }
}
