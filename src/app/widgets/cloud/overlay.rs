//! Several clouds in one plane, told apart by colour, with lines between what belongs together.

use eframe::egui::{Color32, Mesh, Shape, Ui, Vec2};

use super::{Sprite, View, faded, nearest, spread, stage};
use crate::{
    app::{
        theme,
        widgets::pictures::{Answer, Lens, Spot},
    },
    draw::scatter::radius,
};

/// Dots of each cloud, and lines, drawn at most.
const DOTS: usize = 6000;

/// Clouds over one another.
#[derive(Debug)]
pub struct Overlay<'a> {
    /// Points and colour of each; sample `i` of one belongs to sample `i` of the others.
    pub clouds: &'a [(&'a [[f32; 2]], Color32)],
    /// Lines from the points of the first cloud to those of the second.
    pub links: bool,
    /// The cursor and the frames that a drag over the whole width goes through.
    pub clock: (usize, usize),
    /// Accessible name.
    pub name: &'a str,
}

/// Shows them. A click selects a sample, the pointer lights up the one it is near in all clouds, a horizontal drag scrubs, the
/// wheel magnifies, the secondary button moves the view.
pub fn overlay_view(ui: &mut Ui, size: Vec2, overlay: &Overlay<'_>, sprite: &mut Sprite, lens: &mut Lens) -> Answer {
    let (painter, response, view) = stage(ui, size, overlay.name, lens);
    let palette = theme::palette(ui);
    if let Some(pointer) = response.hover_pos() {
        let found = overlay
            .clouds
            .iter()
            .find_map(|(points, _)| nearest(points, &view, pointer));
        lens.hover = found.map(|sample| Spot { sample, x: 0, y: 0 });
    }
    if response.clicked() {
        lens.selected = lens.hover.map(|spot| spot.sample);
    }
    if response.double_clicked() {
        lens.fit();
    }
    let marked = [
        (lens.selected, palette.accent),
        (lens.hover.map(|spot| spot.sample), palette.text),
    ];
    painter.add(Shape::mesh(overlay.mesh(sprite.mesh(ui.ctx()), &view, marked)));
    let (index, frames) = overlay.clock;
    let seek = lens.scrub(&response, index, frames);
    Answer { response, seek }
}

impl Overlay<'_> {
    fn mesh(&self, mut mesh: Mesh, view: &View, marked: [(Option<usize>, Color32); 2]) -> Mesh {
        if let (true, [(from, start), (to, end), ..]) = (self.links, self.clouds) {
            for i in spread(from.len().min(to.len()), DOTS) {
                let ends = [view.screen(from[i]), view.screen(to[i])];
                Sprite::line(&mut mesh, ends, 1.2, [faded(*start, 0.5), faded(*end, 0.5)]);
            }
        }
        for (points, ink) in self.clouds {
            let radius = radius(points.len());
            for i in spread(points.len(), DOTS) {
                Sprite::dot(&mut mesh, view.screen(points[i]), radius, faded(*ink, 0.8));
            }
        }
        for (sample, ink) in marked {
            let places = self.clouds.iter().filter_map(|(points, _)| points.get(sample?));
            for place in places {
                Sprite::dot(&mut mesh, view.screen(*place), 4.5, ink);
            }
        }
        mesh
    }
}
