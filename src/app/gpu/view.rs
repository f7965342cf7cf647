//! Graphics memory of one view, and the callback that draws it.

use std::{collections::BTreeMap, sync::Arc};

use bytemuck::NoUninit;
use eframe::{
    egui::{Context, PaintCallbackInfo, Rect, Shape},
    egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu},
};

use super::{Gpu, Shader, of, stride};

/// Instances of one view in graphics memory at most, in bytes; what is more is painted as a mesh.
pub const BUDGET_BYTES: usize = 64 << 20;

/// Room for the uniforms of any view.
const UNIFORM_BYTES: u64 = 512;

/// What one view keeps in graphics memory. It is freed with this.
#[derive(Debug)]
pub struct View {
    gpu: Arc<Gpu>,
    shader: Shader,
    uniforms: wgpu::Buffer,
    instances: wgpu::Buffer,
    textures: BTreeMap<u32, wgpu::Texture>,
    group: Option<wgpu::BindGroup>,
}

impl View {
    /// The view in `slot`, made there if need be. `None` where the window has no graphics processor.
    pub fn within<'a>(slot: &'a mut Option<Self>, ctx: &Context, shader: Shader) -> Option<&'a mut Self> {
        if slot.is_none() {
            *slot = of(ctx).map(|gpu| Self::new(gpu, shader));
        }
        slot.as_mut()
    }

    fn new(gpu: Arc<Gpu>, shader: Shader) -> Self {
        Self {
            uniforms: buffer(&gpu, UNIFORM_BYTES, wgpu::BufferUsages::UNIFORM),
            instances: buffer(&gpu, 1024, wgpu::BufferUsages::VERTEX),
            textures: BTreeMap::new(),
            group: None,
            shader,
            gpu,
        }
    }

    /// What the instances are from now on. `false` where they are more than the budget.
    pub fn instances<T: NoUninit>(&mut self, all: &[T]) -> bool {
        let bytes: &[u8] = bytemuck::cast_slice(all);
        if bytes.len() > BUDGET_BYTES {
            return false;
        }
        let size = bytes.len() as u64;
        if self.instances.size() < size {
            self.instances = buffer(&self.gpu, size.next_power_of_two(), wgpu::BufferUsages::VERTEX);
        }
        self.gpu.queue.write_buffer(&self.instances, 0, bytes);
        true
    }

    /// The texture at `binding` from now on: `size` pixels (width, height). `false` where it is too large for the
    /// graphics processor.
    pub fn texture(&mut self, binding: u32, size: [usize; 2], format: wgpu::TextureFormat, bytes: &[u8]) -> bool {
        let side = self.gpu.device.limits().max_texture_dimension_2d as usize;
        if size.into_iter().any(|s| s > side) {
            return false;
        }
        let extent = extent(size);
        let known = self.textures.get(&binding);
        if known.is_none_or(|texture| (texture.size(), texture.format()) != (extent, format)) {
            let texture = self.gpu.device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: extent,
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            });
            self.textures.insert(binding, texture);
            self.group = None;
        }
        self.rewrite(binding, [0, 0], size, bytes)
    }

    /// Rewrites a part of the texture at `binding`, `size` pixels from `corner`. `false` where there is no such texture.
    pub fn rewrite(&self, binding: u32, corner: [usize; 2], size: [usize; 2], bytes: &[u8]) -> bool {
        let Some(texture) = self.textures.get(&binding) else {
            return false;
        };
        let [x, y] = corner.map(|v| v as u32);
        let place = wgpu::TexelCopyTextureInfo {
            origin: wgpu::Origin3d { x, y, z: 0 },
            ..texture.as_image_copy()
        };
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some((bytes.len() / size[1].max(1)) as u32),
            rows_per_image: None,
        };
        self.gpu.queue.write_texture(place, bytes, layout, extent(size));
        true
    }

    /// Draws `count` instances within `clip`. Instance buffer i begins at instance `starts[i]`. The first two floats of the
    /// uniforms are the size of the window, which is written here.
    pub fn shape<U: NoUninit>(&mut self, clip: Rect, uniforms: &U, starts: &[u64], count: usize) -> Shape {
        let pipeline = self.gpu.pipeline(self.shader);
        let group = self.group.get_or_insert_with(|| {
            let views: Vec<_> = self
                .textures
                .iter()
                .map(|(i, t)| (*i, t.create_view(&wgpu::TextureViewDescriptor::default())))
                .collect();
            let uniform = wgpu::BindGroupEntry {
                binding: 0,
                resource: self.uniforms.as_entire_binding(),
            };
            let textures = views.iter().map(|(binding, view)| wgpu::BindGroupEntry {
                binding: *binding,
                resource: wgpu::BindingResource::TextureView(view),
            });
            self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &std::iter::once(uniform).chain(textures).collect::<Vec<_>>(),
            })
        });
        let drawing = Drawing {
            pipeline: pipeline.clone(),
            group: group.clone(),
            uniforms: self.uniforms.clone(),
            values: bytemuck::bytes_of(uniforms).to_vec(),
            instances: self.instances.clone(),
            offsets: self
                .shader
                .instance()
                .iter()
                .zip(starts)
                .map(|(a, start)| stride(a) * start)
                .collect(),
            vertices: self.shader.vertices(),
            count: count as u32,
        };
        Shape::Callback(Callback::new_paint_callback(clip, drawing))
    }
}

fn buffer(gpu: &Gpu, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn extent([width, height]: [usize; 2]) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width: width as u32,
        height: height as u32,
        depth_or_array_layers: 1,
    }
}

/// One drawing of a view: handles and uniforms.
struct Drawing {
    pipeline: wgpu::RenderPipeline,
    group: wgpu::BindGroup,
    uniforms: wgpu::Buffer,
    values: Vec<u8>,
    instances: wgpu::Buffer,
    offsets: Vec<u64>,
    vertices: u32,
    count: u32,
}

impl CallbackTrait for Drawing {
    fn prepare(
        &self,
        _: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _: &mut wgpu::CommandEncoder,
        _: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let window = screen.size_in_pixels.map(|side| side as f32 / screen.pixels_per_point);
        let mut values = self.values.clone();
        values[..8].copy_from_slice(bytemuck::bytes_of(&window));
        queue.write_buffer(&self.uniforms, 0, &values);
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _: &CallbackResources) {
        let [width, height] = info.screen_size_px.map(|side| side as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        for (slot, &offset) in (0..).zip(&self.offsets) {
            pass.set_vertex_buffer(slot, self.instances.slice(offset..));
        }
        pass.draw(0..self.vertices, 0..self.count);
    }
}
