//! A cloud of points with comet trails, paths, density and a score field, as one mesh.

use std::{collections::BTreeMap, sync::Arc};

use eframe::egui::{
    self, Color32, ColorImage, Context, CursorIcon, Mesh, Painter, Pos2, Rect, Response, Sense, Shape, Stroke,
    TextureHandle, TextureOptions, Ui, Vec2, pos2, vec2,
};

use super::{
    aspect::{Aspect, Steps},
    pictures::{Answer, Lens, Spot},
};
use crate::{
    app::theme::{self, Palette},
    draw::scatter::radius,
    engine::event::{Field, StepFrame},
    math::Frame,
};

mod overlay;
mod shaded;

pub use overlay::{Overlay, overlay_view};

/// Half the side of the plane that fits the view at magnification 1. Points are standardised.
pub const EXTENT: f32 = 3.2;

/// Width of the trails, in points.
const TRAIL_WIDTH: f32 = 1.3;

/// Radius of data points, in points.
const DATA_RADIUS: f32 = 1.3;

/// How strongly data points and particles hide what is below.
const DATA_STRENGTH: f32 = 0.7;
const DOT_STRENGTH: f32 = 0.9;

/// Width of the field's arrows, in points.
const ARROW_WIDTH: f32 = 1.2;

/// Trail segments drawn at most.
const TRAIL_SEGMENTS: usize = 6000;

/// Data points drawn at most.
const DATA_DOTS: usize = 3000;

/// Corners of a highlighted path.
const PATH_CORNERS: usize = 400;

/// Cells per side of the density.
const DENSITY_SIDE: usize = 48;

/// How near the pointer must come to a particle, in points.
const REACH: f32 = 12.0;

/// A soft disc that dots and lines are drawn with, so that a whole cloud is one mesh with smooth edges.
#[derive(Default)]
pub struct Sprite(Option<TextureHandle>);

impl std::fmt::Debug for Sprite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sprite").field(&self.0.is_some()).finish()
    }
}

impl Sprite {
    const SIDE: usize = 16;
    /// Radius of half coverage, in pixels of the sprite.
    const RADIUS: f32 = 5.5;
    /// Width of the soft edge.
    const EDGE: f32 = 3.0;

    /// An empty mesh that [`Self::dot`] and [`Self::line`] draw into.
    pub fn mesh(&mut self, ctx: &Context) -> Mesh {
        let texture = self.0.get_or_insert_with(|| {
            let middle = (Self::SIDE - 1) as f32 / 2.0;
            let alpha = |i: usize| {
                let (x, y) = ((i % Self::SIDE) as f32 - middle, (i / Self::SIDE) as f32 - middle);
                ((Self::RADIUS - x.hypot(y)) / Self::EDGE + 0.5).clamp(0.0, 1.0)
            };
            let pixels = (0..Self::SIDE * Self::SIDE)
                .map(|i| Color32::from_white_alpha((alpha(i) * 255.0).round() as u8))
                .collect();
            let disc = ColorImage::new([Self::SIDE; 2], pixels);
            ctx.load_texture("disc", disc, TextureOptions::LINEAR)
        });
        Mesh::with_texture(texture.id())
    }

    /// A disc.
    pub fn dot(mesh: &mut Mesh, at: Pos2, radius: f32, colour: Color32) {
        let half = radius * Self::SIDE as f32 / 2.0 / Self::RADIUS;
        let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        mesh.add_rect_with_uv(Rect::from_center_size(at, Vec2::splat(2.0 * half)), uv, colour);
    }

    /// A straight line whose colour changes from `colours[0]` to `colours[1]`.
    pub fn line(mesh: &mut Mesh, ends: [Pos2; 2], width: f32, colours: [Color32; 2]) {
        let along = ends[1] - ends[0];
        if along == Vec2::ZERO {
            return;
        }
        let across = along.normalized().rot90() * (width / 2.0 * Self::SIDE as f32 / 2.0 / Self::RADIUS);
        let first = mesh.vertices.len() as u32;
        for (end, colour) in ends.into_iter().zip(colours) {
            for (side, v) in [(-1.0, 0.0), (1.0, 1.0)] {
                mesh.vertices.push(egui::epaint::Vertex {
                    pos: end + across * side,
                    uv: pos2(0.5, v),
                    color: colour,
                });
            }
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first + 1, first + 2, first + 3);
    }

    /// A solid corner of a mesh.
    fn corner(mesh: &mut Mesh, pos: Pos2, colour: Color32) {
        let uv = pos2(0.5, 0.5);
        mesh.vertices.push(egui::epaint::Vertex { pos, uv, color: colour });
    }
}

/// The part of the plane that a view shows; y points up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    area: Rect,
    /// Points per unit.
    scale: f32,
    centre: Vec2,
}

impl View {
    /// Shows at least `centre ± half` in `area`.
    pub fn new(area: Rect, half: f32, centre: Vec2) -> Self {
        Self {
            area,
            scale: area.width().min(area.height()) / (2.0 * half),
            centre,
        }
    }

    fn of(area: Rect, lens: &Lens) -> Self {
        let share = lens.centre - Vec2::splat(0.5);
        Self::new(area, EXTENT / lens.zoom, vec2(share.x, -share.y) * 2.0 * EXTENT)
    }

    /// Where a point lies on the screen.
    pub fn screen(&self, [x, y]: [f32; 2]) -> Pos2 {
        let from_middle = vec2(x - self.centre.x, self.centre.y - y) * self.scale;
        self.area.center() + from_middle
    }

    /// The point at a place on the screen.
    pub fn plane(&self, at: Pos2) -> [f32; 2] {
        let from_middle = (at - self.area.center()) / self.scale;
        [self.centre.x + from_middle.x, self.centre.y - from_middle.y]
    }
}

/// What is drawn beside the particles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Training data.
    pub data: bool,
    /// Where the particles come from.
    pub trails: bool,
    /// Score arrows.
    pub field: bool,
    /// How crowded each place is.
    pub density: bool,
}

impl Default for Layers {
    fn default() -> Self {
        Self {
            data: true,
            trails: true,
            field: true,
            density: false,
        }
    }
}

/// What a cloud view shows.
pub struct Cloud<'a, S: Steps + ?Sized> {
    /// Tells trajectories (and the data and fields that belong to them) apart.
    pub owner: u64,
    /// The steps.
    pub steps: &'a S,
    /// The cursor.
    pub index: usize,
    /// How far the clock is on its way to the next frame, `0..1`.
    pub fraction: f64,
    /// Which of the four views.
    pub aspect: Aspect,
    /// Training data, `x, y, x, y, …`.
    pub data: Option<&'a [f32]>,
    /// Score field at the cursor's level.
    pub field: Option<&'a Field>,
    /// What is drawn.
    pub layers: Layers,
    /// Accessible name.
    pub name: &'a str,
}

/// Meshes as they were last drawn, and the sprite they are drawn with.
#[derive(Default)]
pub struct Clouds {
    sprite: Sprite,
    drawn: BTreeMap<Aspect, (Key, Arc<Mesh>)>,
    shaded: BTreeMap<Aspect, shaded::Shaded>,
    built: u64,
}

impl std::fmt::Debug for Clouds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clouds")
            .field("built", &self.built)
            .finish_non_exhaustive()
    }
}

impl Clouds {
    /// How many meshes were built so far.
    pub fn built(&self) -> u64 {
        self.built
    }

    /// Everything as one mesh, as it was drawn last where nothing changed.
    fn mesh<S: Steps + ?Sized>(
        &mut self,
        ctx: &Context,
        cloud: &Cloud<'_, S>,
        here: &[[f32; 2]],
        key: &Key,
        palette: &Palette,
    ) -> Arc<Mesh> {
        if let Some((_, mesh)) = self.drawn.get(&cloud.aspect).filter(|(drawn, _)| drawn == key) {
            return mesh.clone();
        }
        let mesh = Arc::new(cloud.build(self.sprite.mesh(ctx), here, key, palette));
        self.built += 1;
        self.drawn.insert(cloud.aspect, (*key, mesh.clone()));
        mesh
    }
}

/// Everything that a mesh depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    owner: u64,
    index: usize,
    reached: usize,
    fraction: f64,
    view: View,
    layers: Layers,
    chosen: Option<usize>,
    hovered: Option<usize>,
    /// Whether the owner's data are there.
    data: bool,
    /// Time of the owner's field.
    field: Option<f64>,
    dark: bool,
}

/// The ground with its axes, steered by the pointer.
fn stage(ui: &mut Ui, size: Vec2, name: &str, lens: &mut Lens) -> (Painter, Response, View) {
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    painter.rect_filled(area, 4.0, palette.sunken);
    let plane = Vec2::splat(area.width().min(area.height()) * lens.zoom);
    lens.steer(ui, &response, plane, 40.0);
    let view = View::of(area, lens);
    paint_axes(&painter, &view, palette);
    (painter, response, view)
}

/// Shows one aspect of all particles at the cursor. A click selects a particle and keeps its path, the pointer lights up
/// the path of the one it is near, a horizontal drag scrubs, the wheel magnifies, the secondary button moves the view.
pub fn cloud_view<S: Steps + ?Sized>(
    ui: &mut Ui,
    size: Vec2,
    cloud: &Cloud<'_, S>,
    clouds: &mut Clouds,
    lens: &mut Lens,
) -> Answer {
    let (painter, response, view) = stage(ui, size, cloud.name, lens);
    let palette = theme::palette(ui);
    let here = cloud.positions();
    if let Some(pointer) = response.hover_pos() {
        lens.hover = nearest(&here, &view, pointer).map(|sample| Spot { sample, x: 0, y: 0 });
    }
    if response.clicked() {
        lens.selected = lens.hover.map(|spot| spot.sample);
    }
    if response.double_clicked() {
        lens.fit();
    }
    let key = cloud.key(view, lens, ui.visuals().dark_mode);
    if let Some(shapes) = clouds.shaded(ui.ctx(), cloud, &here, &key, palette) {
        painter.extend(shapes);
    } else {
        painter.add(Shape::Mesh(clouds.mesh(ui.ctx(), cloud, &here, &key, palette)));
    }
    let seek = lens.scrub(&response, cloud.index, cloud.steps.frames());
    Answer { response, seek }
}

/// Hairlines at whole numbers, stronger through the origin.
fn paint_axes(painter: &Painter, view: &View, palette: &Palette) {
    let area = view.area;
    let (low, high) = (view.plane(area.left_bottom()), view.plane(area.right_top()));
    if view.scale < 8.0 {
        return;
    }
    let stroke = |at: i32| Stroke::new(1.0, palette.line.gamma_multiply(if at == 0 { 1.0 } else { 0.45 }));
    for x in low[0].ceil() as i32..=high[0].floor() as i32 {
        painter.vline(view.screen([x as f32, 0.0]).x.round(), area.y_range(), stroke(x));
    }
    for y in low[1].ceil() as i32..=high[1].floor() as i32 {
        painter.hline(area.x_range(), view.screen([0.0, y as f32]).y.round(), stroke(y));
    }
}

fn nearest(points: &[[f32; 2]], view: &View, pointer: Pos2) -> Option<usize> {
    let distance = |p: &[f32; 2]| view.screen(*p).distance_sq(pointer);
    points
        .iter()
        .map(distance)
        .enumerate()
        .filter(|(_, d)| *d < REACH * REACH)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, _)| i)
}

fn pairs(frame: &Frame) -> &[[f32; 2]] {
    match frame {
        Frame::Points { xy } => xy.as_chunks().0,
        Frame::Pixels { .. } => &[],
    }
}

fn faded(colour: Color32, share: f32) -> Color32 {
    colour.gamma_multiply(share)
}

impl<S: Steps + ?Sized> Cloud<'_, S> {
    fn of<'s>(&self, step: &'s StepFrame) -> &'s [[f32; 2]] {
        pairs(match self.aspect {
            Aspect::State | Aspect::Change => &step.x,
            Aspect::Clean => &step.x0,
            Aspect::Noise => &step.eps,
        })
    }

    /// Where the particles are, between the two frames that the clock is between.
    fn positions(&self) -> Vec<[f32; 2]> {
        let Some(step) = self.steps.step(self.index) else {
            return Vec::new();
        };
        let now = self.of(step);
        match self.steps.step(self.index + 1) {
            Some(next) if self.fraction > 0.0 && next.index > step.index => {
                let share = self.fraction as f32 / (next.index - step.index) as f32;
                let mix = |(a, b): (&[f32; 2], &[f32; 2])| [0, 1].map(|i| a[i] + (b[i] - a[i]) * share);
                now.iter().zip(self.of(next)).map(mix).collect()
            }
            _ => now.to_vec(),
        }
    }

    /// The value of a particle in words.
    pub fn value(&self, spot: Spot) -> Option<String> {
        let step = self.steps.step(self.index)?;
        let [x, y] = *self.of(step).get(spot.sample)?;
        let [x, y] = match self.aspect {
            Aspect::Change => {
                let [a, b] = *self.of(self.steps.before(step.index)?).get(spot.sample)?;
                [x - a, y - b]
            }
            _ => [x, y],
        };
        Some(format!("({x:+.3}, {y:+.3})"))
    }

    fn key(&self, view: View, lens: &Lens, dark: bool) -> Key {
        Key {
            owner: self.owner,
            index: self.index,
            reached: self.steps.reached(),
            fraction: self.fraction,
            view,
            layers: self.layers,
            chosen: lens.selected,
            hovered: lens.hover.map(|s| s.sample),
            data: self.data.is_some(),
            field: self.field.map(|f| f.level.t),
            dark,
        }
    }

    fn build(&self, mut mesh: Mesh, here: &[[f32; 2]], key: &Key, palette: &Palette) -> Mesh {
        let view = &key.view;
        self.ground(&mut mesh, here, view, palette);
        if let Some(data) = self.data_dots() {
            let ink = faded(palette.data, DATA_STRENGTH);
            dots(&mut mesh, data, view, DATA_RADIUS, ink, DATA_DOTS);
        }
        if let Some(field) = self.arrows() {
            arrows(&mut mesh, field, view, palette.field);
        }
        let colour = self.colour(palette);
        self.draw_trails(&mut mesh, here, view, colour);
        dots(
            &mut mesh,
            here,
            view,
            radius(here.len()),
            faded(colour, DOT_STRENGTH),
            usize::MAX,
        );
        self.marks(&mut mesh, here, key, palette);
        mesh
    }

    fn shows_plane(&self) -> bool {
        matches!(self.aspect, Aspect::State | Aspect::Clean)
    }

    fn data_dots(&self) -> Option<&[[f32; 2]]> {
        let data = self.data.filter(|_| self.layers.data && self.shows_plane())?;
        Some(data.as_chunks().0)
    }

    fn arrows(&self) -> Option<&Field> {
        self.field.filter(|_| self.layers.field && self.aspect == Aspect::State)
    }

    fn colour(&self, palette: &Palette) -> Color32 {
        match self.aspect {
            Aspect::Noise => palette.noise,
            _ => palette.sample,
        }
    }

    /// What everything else lies on.
    fn ground(&self, mesh: &mut Mesh, here: &[[f32; 2]], view: &View, palette: &Palette) {
        if self.layers.density && self.shows_plane() {
            density(mesh, here, view, palette.sample);
        }
        if self.aspect == Aspect::Noise {
            circles(mesh, view, palette.noise);
        }
    }

    /// The selected particle and the one under the pointer, with their paths.
    fn marks(&self, mesh: &mut Mesh, here: &[[f32; 2]], key: &Key, palette: &Palette) {
        for (sample, ink) in [(key.chosen, palette.accent), (key.hovered, palette.text)] {
            if let Some(at) = sample.and_then(|s| Some((s, *here.get(s)?))) {
                if self.shows_plane() {
                    self.path(mesh, at.0, &key.view, ink);
                }
                Sprite::dot(mesh, key.view.screen(at.1), radius(here.len()) + 2.5, ink);
            }
        }
    }

    /// Where each particle was during the last eighth of the process (for the change: one step ago), newest first.
    fn trails(&self, here: &[[f32; 2]]) -> Vec<&[[f32; 2]]> {
        let is_change = self.aspect == Aspect::Change;
        let Some(now) = self.steps.step(self.index) else {
            return Vec::new();
        };
        let is_trailed = self.layers.trails && self.aspect == Aspect::State;
        if !(is_change || is_trailed) {
            return Vec::new();
        }
        let corners = self.corners(here);
        let span = if is_change {
            1
        } else {
            (self.steps.frames() / 8).max(corners)
        };
        let mut newest = now.index + 1;
        let mut places = Vec::new();
        for corner in 0..corners {
            let back = (corner + 1) * span / corners;
            let older = if is_change || (corner == 0 && self.fraction > 0.0) {
                self.steps.before(now.index)
            } else {
                now.index.checked_sub(back).and_then(|i| self.steps.step(i))
            };
            let Some(older) = older.filter(|s| s.index < newest) else {
                break;
            };
            places.push(self.of(older));
            newest = older.index;
        }
        places
    }

    /// Corners of a trail that is complete.
    fn corners(&self, here: &[[f32; 2]]) -> usize {
        match self.aspect {
            Aspect::Change => 1,
            _ => (TRAIL_SEGMENTS / here.len().max(1)).clamp(1, 12),
        }
    }

    /// Colours of the trail's corners, newest first: one more than it has lines.
    fn trail_inks(&self, lines: usize, here: &[[f32; 2]], colour: Color32) -> Vec<Color32> {
        let share = |corner: usize| 1.0 - corner as f32 / self.corners(here) as f32;
        (0..=lines).map(|corner| faded(colour, 0.55 * share(corner))).collect()
    }

    /// Fading lines, the oldest ones below.
    fn draw_trails(&self, mesh: &mut Mesh, here: &[[f32; 2]], view: &View, colour: Color32) {
        let older = self.trails(here);
        let inks = self.trail_inks(older.len(), here, colour);
        let newer = std::iter::once(here).chain(older.iter().copied());
        let lines: Vec<_> = newer.zip(&older).zip(inks.windows(2)).collect();
        for ((newer, older), inks) in lines.into_iter().rev() {
            for (a, b) in older.iter().zip(newer) {
                Sprite::line(
                    mesh,
                    [view.screen(*a), view.screen(*b)],
                    TRAIL_WIDTH,
                    [inks[1], inks[0]],
                );
            }
        }
    }

    /// The whole way of one particle, bright up to the cursor.
    fn path(&self, mesh: &mut Mesh, sample: usize, view: &View, colour: Color32) {
        let reached = self.steps.reached();
        let stride = reached.div_ceil(PATH_CORNERS).max(1);
        let at = |index: usize| {
            let step = self.steps.step(index)?;
            Some((step.index, view.screen(*self.of(step).get(sample)?)))
        };
        let corners: Vec<(usize, Pos2)> = (0..reached)
            .step_by(stride)
            .chain(reached.checked_sub(1))
            .filter_map(at)
            .collect();
        for pair in corners.windows(2) {
            let ink = faded(colour, if pair[1].0 <= self.index { 1.0 } else { 0.35 });
            Sprite::line(mesh, [pair[0].1, pair[1].1], 1.6, [ink, ink]);
        }
    }
}

/// At most `most` of `count` indices. Neighbours often belong to different parts of a set, so that every so-manieth would
/// miss whole parts; steps of a prime do not.
pub(super) fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    const PRIME: usize = 7919;
    let step = if count > most && !count.is_multiple_of(PRIME) {
        PRIME
    } else {
        1
    };
    (0..count.min(most)).map(move |k| k * step % count)
}

fn dots(mesh: &mut Mesh, points: &[[f32; 2]], view: &View, radius: f32, colour: Color32, most: usize) {
    // The soft edge of a disc reaches beyond its radius.
    let area = view.area.expand(1.5 * radius);
    mesh.reserve_vertices(4 * points.len().min(most));
    for i in spread(points.len(), most) {
        let at = view.screen(points[i]);
        if area.contains(at) {
            Sprite::dot(mesh, at, radius, colour);
        }
    }
}

/// Colours of an arrow's end and tip.
fn arrow_inks(colour: Color32) -> [Color32; 2] {
    let ink = faded(colour, 0.8);
    [faded(ink, 0.35), ink]
}

/// Arrows towards more likely places. Their length is the noise that the network sees there, `|score| · sigma`, so that
/// they are comparable at all levels.
fn arrows(mesh: &mut Mesh, field: &Field, view: &View, colour: Color32) {
    let side = field.side.max(2);
    let step = 2.0 * field.extent / (side - 1) as f32;
    let [tail, ink] = arrow_inks(colour);
    for (i, score) in field.score.as_chunks::<2>().0.iter().enumerate() {
        let from = [
            -field.extent + (i % side) as f32 * step,
            -field.extent + (i / side) as f32 * step,
        ];
        let size = score[0].hypot(score[1]);
        if size == 0.0 || !size.is_finite() {
            continue;
        }
        let length = step * 0.4 * (size * field.level.sigma as f32).min(2.0);
        let to = [from[0] + score[0] / size * length, from[1] + score[1] / size * length];
        let (a, b) = (view.screen(from), view.screen(to));
        Sprite::line(mesh, [a, b], ARROW_WIDTH, [tail, ink]);
        let head = (b - a).normalized() * 3.5;
        for turn in [head.rot90(), -head.rot90()] {
            Sprite::line(mesh, [b, b - head + turn * 0.6], ARROW_WIDTH, [ink, ink]);
        }
    }
}

/// One, two and three standard deviations: where the noise of a well-trained network lies.
fn circles(mesh: &mut Mesh, view: &View, colour: Color32) {
    const CORNERS: usize = 72;
    for radius in 1..=3 {
        let at = |i: usize| {
            let (sin, cos) = (i as f32 / CORNERS as f32 * std::f32::consts::TAU).sin_cos();
            view.screen([radius as f32 * cos, radius as f32 * sin])
        };
        let ink = faded(colour, 0.5 / radius as f32);
        for i in 0..CORNERS {
            Sprite::line(mesh, [at(i), at(i + 1)], 1.0, [ink, ink]);
        }
    }
}

/// A smooth density: counts on a grid over the view, blurred, as colours of the grid's corners.
fn density(mesh: &mut Mesh, points: &[[f32; 2]], view: &View, colour: Color32) {
    const N: usize = DENSITY_SIDE;
    let mut count = vec![0.0_f32; N * N];
    for point in points {
        let share = (view.screen(*point) - view.area.min) / view.area.size() * (N - 1) as f32;
        let (x, y) = (share.x.round(), share.y.round());
        if (0.0..N as f32).contains(&x) && (0.0..N as f32).contains(&y) {
            count[y as usize * N + x as usize] += 1.0;
        }
    }
    for _ in 0..2 {
        count = blurred(&blurred(&count, 1), N);
    }
    let greatest = count.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let first = mesh.vertices.len() as u32;
    let cell = view.area.size() / (N - 1) as f32;
    for (i, value) in count.iter().enumerate() {
        let corner = view.area.min + vec2((i % N) as f32, (i / N) as f32) * cell;
        Sprite::corner(mesh, corner, faded(colour, 0.6 * (value / greatest).sqrt()));
    }
    for y in 0..N - 1 {
        for x in 0..N - 1 {
            let corner = first + (y * N + x) as u32;
            let below = corner + N as u32;
            mesh.add_triangle(corner, corner + 1, below);
            mesh.add_triangle(corner + 1, below, below + 1);
        }
    }
}

/// Binomial blur of a square grid along the axis whose neighbours are `stride` apart.
fn blurred(grid: &[f32], stride: usize) -> Vec<f32> {
    let n = DENSITY_SIDE;
    let value = |i: usize| {
        let place = if stride == 1 { i % n } else { i / n };
        let before = if place > 0 { grid[i - stride] } else { 0.0 };
        let after = if place + 1 < n { grid[i + stride] } else { 0.0 };
        0.25 * before + 0.5 * grid[i] + 0.25 * after
    };
    (0..grid.len()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn screen_and_plane_are_inverse(x in -5.0_f32..5.0, y in -5.0_f32..5.0, zoom in 1.0_f32..20.0, cx in 0.0_f32..1.0) {
            let mut lens = Lens::default();
            (lens.zoom, lens.centre) = (zoom, vec2(cx, 0.3));
            let view = View::of(Rect::from_min_size(pos2(30.0, 40.0), vec2(300.0, 200.0)), &lens);
            let [u, v] = view.plane(view.screen([x, y]));
            prop_assert!((u - x).abs() < 1e-3 && (v - y).abs() < 1e-3, "{u} {v}");
        }
    }

    #[test]
    fn y_points_up_and_everything_fits() {
        let area = Rect::from_min_size(Pos2::ZERO, vec2(300.0, 200.0));
        let view = View::of(area, &Lens::default());
        assert!(view.screen([0.0, 1.0]).y < view.screen([0.0, 0.0]).y);
        assert!(area.expand(0.1).contains(view.screen([EXTENT, -EXTENT])));
        assert!(!area.contains(view.screen([0.0, 1.01 * EXTENT])));
    }

    #[test]
    fn blurring_keeps_the_mass_in_the_middle() {
        let mut grid = vec![0.0; DENSITY_SIDE * DENSITY_SIDE];
        grid[DENSITY_SIDE * 20 + 20] = 1.0;
        let grid = blurred(&blurred(&grid, 1), DENSITY_SIDE);
        assert!((grid.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(
            (grid[DENSITY_SIDE * 20 + 20], grid[DENSITY_SIDE * 19 + 19]),
            (0.25, 0.0625)
        );
    }

    #[test]
    fn the_nearest_particle_is_found_within_reach() {
        let view = View::new(Rect::from_min_size(Pos2::ZERO, vec2(100.0, 100.0)), 1.0, Vec2::ZERO);
        let points = [[0.0, 0.0], [0.1, 0.0]];
        assert_eq!(nearest(&points, &view, view.screen([0.09, 0.0])), Some(1));
        assert_eq!(nearest(&points, &view, view.screen([0.9, 0.9])), None);
    }
}
