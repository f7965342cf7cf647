//! A data set as a scrollable grid of pictures, of which only the visible rows are drawn, or as a cloud of points.

use eframe::egui::{
    self, Color32, ColorImage, Mesh, Rect, Response, Role, ScrollArea, Sense, Shape, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::{
    atlas::Atlas,
    cloud::{EXTENT, Sprite, View, spread},
    pictures::colours,
};
use crate::{
    app::theme,
    data::{Dataset, Samples},
    math::Domain,
};

/// Graphics memory of the pictures.
const BUDGET_BYTES: usize = 64 << 20;

/// Points drawn at most.
const DOTS: usize = 6000;

/// Smallest side of a picture on the screen.
const SMALLEST: f32 = 44.0;

/// Uploaded pictures of one data set.
#[derive(Default)]
pub struct SampleGrid {
    hash: String,
    atlas: Option<Atlas<usize>>,
    sprite: Sprite,
    /// Only samples of this class are shown.
    pub class: Option<u32>,
    shown: Vec<usize>,
    shown_class: Option<u32>,
}

impl std::fmt::Debug for SampleGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SampleGrid")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl SampleGrid {
    /// Shows the data over all the room there is. Answers the index of the picture that was pressed.
    pub fn show(&mut self, ui: &mut Ui, data: &Dataset, name: &str) -> Option<usize> {
        if self.hash != data.hash {
            self.hash.clone_from(&data.hash);
            self.atlas = None;
            self.class = None;
            self.shown_class = Some(u32::MAX);
        }
        if self.shown_class != self.class {
            self.shown_class = self.class;
            self.shown = of_class(data, self.class);
        }
        match (data.domain, &data.samples) {
            (Domain::Image { height, width, .. }, _) => self.pictures(ui, data, [width, height], name),
            (Domain::Points, Samples::Points(xy)) => {
                self.points(ui, data, xy, name);
                None
            }
            (Domain::Points, Samples::Pixels(_)) => None,
        }
    }

    fn pictures(&mut self, ui: &mut Ui, data: &Dataset, size: [usize; 2], name: &str) -> Option<usize> {
        let mut pressed = None;
        let side = tile_side(size);
        let gap = 3.0;
        let columns = ((ui.available_width() + gap) / (side + gap)).floor().max(1.0) as usize;
        let rows = self.shown.len().div_ceil(columns);
        let tall = side * size[1] as f32 / size[0] as f32;
        ui.spacing_mut().item_spacing.y = gap;
        ScrollArea::vertical()
            .auto_shrink(false)
            .show_rows(ui, tall, rows, |ui, visible| {
                for row in visible {
                    let indices = row * columns..((row + 1) * columns).min(self.shown.len());
                    let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), tall), Sense::click());
                    self.row(ui, data, indices, area, vec2(side, tall), gap);
                    let under = described(&response, data, &self.shown, area, side + gap, row * columns, name);
                    pressed = pressed.or(under.filter(|_| response.clicked()));
                }
            });
        pressed
    }

    fn row(&mut self, ui: &Ui, data: &Dataset, places: std::ops::Range<usize>, area: Rect, size: Vec2, gap: f32) {
        let Domain::Image { height, width, .. } = data.domain else {
            return;
        };
        let atlas = self
            .atlas
            .get_or_insert_with(|| Atlas::new([width, height], data.count, BUDGET_BYTES));
        let mut meshes: Vec<Mesh> = Vec::new();
        for (column, place) in places.enumerate() {
            let index = self.shown[place];
            let paint = || ColorImage::new([width, height], colours(&data.frame(&[index]), 0, [width, height]));
            let Some(cell) = atlas.cell(ui.ctx(), &index, paint) else {
                continue;
            };
            if meshes.last().is_none_or(|m| m.texture_id != cell.texture) {
                meshes.push(Mesh::with_texture(cell.texture));
            }
            let corner = pos2(
                (area.left() + column as f32 * (size.x + gap)).round(),
                area.top().round(),
            );
            if let Some(mesh) = meshes.last_mut() {
                mesh.add_rect_with_uv(Rect::from_min_size(corner, size), cell.uv, Color32::WHITE);
            }
        }
        ui.painter().extend(meshes.into_iter().map(Shape::mesh));
    }

    fn points(&mut self, ui: &mut Ui, data: &Dataset, xy: &[f32], name: &str) {
        let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
        let palette = theme::palette(ui);
        ui.painter().rect_filled(area, 6.0, palette.sunken);
        let view = View::new(area, EXTENT, Vec2::ZERO);
        let inks = [
            palette.curve,
            palette.sample,
            palette.field,
            palette.noise,
            palette.good,
            palette.bad,
        ];
        let mut mesh = self.sprite.mesh(ui.ctx());
        for i in spread(self.shown.len(), DOTS).map(|k| self.shown[k]) {
            let class = data.labels.as_ref().map_or(0, |l| l.of[i] as usize);
            let at = view.screen([xy[2 * i], xy[2 * i + 1]]);
            if area.contains(at) {
                Sprite::dot(&mut mesh, at, 1.7, inks[class % inks.len()].gamma_multiply(0.85));
            }
        }
        ui.painter().add(Shape::mesh(mesh));
    }
}

/// Indices of the samples of a class.
fn of_class(data: &Dataset, class: Option<u32>) -> Vec<usize> {
    match (class, &data.labels) {
        (Some(class), Some(labels)) => (0..data.count).filter(|&i| labels.of[i] == class).collect(),
        _ => (0..data.count).collect(),
    }
}

/// A whole multiple of the pictures' own width that can be looked at.
fn tile_side(size: [usize; 2]) -> f32 {
    let own = size[0].max(1) as f32;
    own * (SMALLEST / own).ceil().max(1.0)
}

/// Tells number and class of the picture under the pointer. Answers its index.
fn described(
    response: &Response,
    data: &Dataset,
    shown: &[usize],
    area: Rect,
    step: f32,
    first: usize,
    name: &str,
) -> Option<usize> {
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name}, row from number {}", first + 1)));
    let pointer = response.hover_pos()?;
    let place = first + ((pointer.x - area.left()) / step) as usize;
    let &index = shown.get(place)?;
    let class = data.labels.as_ref().map(|l| l.names[l.of[index] as usize].as_str());
    let text = match class {
        Some(class) => format!("number {} · {class}", index + 1),
        None => format!("number {}", index + 1),
    };
    egui::Tooltip::for_enabled(response)
        .at_pointer()
        .show(|ui| ui.label(text));
    Some(index)
}
