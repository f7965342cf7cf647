//! Views that a graphics processor draws: the shaders of `shaders/`, and what each view keeps in graphics memory.
//!
//! Only a window that wgpu draws has them; [`of`] answers `None` everywhere else, and the widget paints its mesh as it
//! always does. That mesh is also what the picture is tested against. Graphics memory belongs to the view that filled it
//! and goes with it.

mod points;
mod tiles;
mod view;

use std::sync::{Arc, OnceLock};

use eframe::{
    egui::{Context, Id},
    egui_wgpu::{RenderState, wgpu},
};

pub use points::{Arrows, Swarm, Window};
pub use tiles::{Tile, Tiles};
pub use view::{BUDGET_BYTES, View};

/// The views there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shader {
    /// Particles with trails.
    Points,
    /// Arrows of a score field.
    Field,
    /// A picture at several noise levels.
    Noising,
    /// Numbers through a colour map.
    ColorMap,
    /// A mask over a picture.
    Mask,
}

macro_rules! wgsl {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../../shaders/", $file, ".wgsl"))),+) };
}

/// Two floats, and two floats of the instance after the next ones.
const PLACES: [&[wgpu::VertexAttribute]; 2] = [
    &wgpu::vertex_attr_array![0 => Float32x2],
    &wgpu::vertex_attr_array![1 => Float32x2],
];
/// A rectangle, and what the view wants to know of it.
const TILE: &[wgpu::VertexAttribute] = &wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4];

impl Shader {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Points, Self::Field, Self::Noising, Self::ColorMap, Self::Mask];

    /// WGSL, with what it shares with others.
    pub fn source(self) -> &'static str {
        match self {
            Self::Points => wgsl!("shared", "plane", "points"),
            Self::Field => wgsl!("shared", "plane", "field"),
            Self::Noising => wgsl!("shared", "picture", "noising"),
            Self::ColorMap => wgsl!("shared", "picture", "colormap"),
            Self::Mask => wgsl!("shared", "picture", "mask"),
        }
    }

    /// What each instance has, buffer by buffer.
    fn instance(self) -> &'static [&'static [wgpu::VertexAttribute]] {
        match self {
            Self::Points => &PLACES,
            Self::Field => &PLACES[..1],
            Self::Noising | Self::ColorMap | Self::Mask => &[TILE],
        }
    }

    /// Corners of one instance: two triangles for each rectangle.
    fn vertices(self) -> u32 {
        if self == Self::Field { 18 } else { 6 }
    }

    fn pipeline(self, device: &wgpu::Device, target: wgpu::TextureFormat) -> wgpu::RenderPipeline {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(self.source().into()),
        });
        let buffer = |attributes: &&'static [wgpu::VertexAttribute]| {
            Some(wgpu::VertexBufferLayout {
                array_stride: stride(attributes),
                step_mode: wgpu::VertexStepMode::Instance,
                attributes,
            })
        };
        let buffers: Vec<_> = self.instance().iter().map(buffer).collect();
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &buffers,
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

/// Bytes from one instance to the next.
fn stride(attributes: &[wgpu::VertexAttribute]) -> u64 {
    attributes.iter().map(|a| a.format.size()).sum()
}

/// The graphics processor of a window, with a pipeline for each shader that was needed so far: the start does not wait for
/// those of other workspaces.
#[derive(Debug)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    target: wgpu::TextureFormat,
    pipelines: [OnceLock<wgpu::RenderPipeline>; Shader::ALL.len()],
}

impl Gpu {
    fn pipeline(&self, shader: Shader) -> &wgpu::RenderPipeline {
        self.pipelines[shader as usize].get_or_init(|| shader.pipeline(&self.device, self.target))
    }
}

/// From now on the views of this window are drawn by the graphics processor.
pub fn install(ctx: &Context, state: &RenderState) {
    let gpu = Gpu {
        device: state.device.clone(),
        queue: state.queue.clone(),
        target: state.target_format,
        pipelines: std::array::from_fn(|_| OnceLock::new()),
    };
    ctx.data_mut(|data| data.insert_temp(Id::NULL, Arc::new(gpu)));
}

/// The graphics processor of this window, where there is one.
pub fn of(ctx: &Context) -> Option<Arc<Gpu>> {
    ctx.data(|data| data.get_temp(Id::NULL))
}
