//! A family of trajectories as lanes over one time axis: each leaves the lane that it parts from.

use eframe::egui::{
    Align2, Color32, Rect, Response, Role, ScrollArea, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, text::LayoutJob,
    text::TextWrapping, vec2,
};

use crate::{app::theme, engine::TrajectoryId};

/// Height of a lane.
const LANE: f32 = 22.0;

/// Lanes that are shown without scrolling.
const SHOWN: usize = 5;

/// Width of the names.
const NAMES: f32 = 210.0;

/// One trajectory.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Which one.
    pub id: TrajectoryId,
    /// What it is called.
    pub name: String,
    /// The lane that it leaves, and at which step.
    pub parts: Option<(usize, usize)>,
    /// Steps that were made.
    pub reached: usize,
    /// Whether no more will come.
    pub ended: bool,
    /// What is said of it beside its name.
    pub detail: String,
}

/// All lanes, what is looked at among them, and where the cursor stands.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<'a> {
    /// Each after the one that it leaves.
    pub lanes: &'a [Lane],
    /// The one that is looked at.
    pub current: Option<TrajectoryId>,
    /// One that is marked because the pointer is on it elsewhere.
    pub lit: Option<TrajectoryId>,
    /// The cursor.
    pub index: usize,
    /// Steps of the longest one.
    pub moves: usize,
}

/// Height that so many lanes take.
pub fn height(lanes: usize) -> f32 {
    lanes.min(SHOWN) as f32 * LANE
}

/// Shows the lanes and answers which one the pointer is on, and which one was chosen.
pub fn lanes(ui: &mut Ui, shown: &Lanes<'_>) -> (Option<TrajectoryId>, Option<TrajectoryId>) {
    let (mut hovered, mut chosen) = (None, None);
    ScrollArea::vertical()
        .id_salt("lanes")
        .max_height(height(shown.lanes.len()))
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let mut middles = Vec::new();
            for lane in shown.lanes {
                let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), LANE), Sense::click());
                middles.push(area.center().y);
                draw(ui, area, &response, lane, shown, &middles);
                if response.hovered() {
                    hovered = Some(lane.id);
                }
                if response.clicked() {
                    chosen = Some(lane.id);
                }
                response.on_hover_text(format!("{}\n{}", lane.name, lane.detail));
            }
        });
    (hovered, chosen)
}

fn draw(ui: &Ui, area: Rect, response: &Response, lane: &Lane, shown: &Lanes<'_>, middles: &[f32]) {
    let is_current = shown.current == Some(lane.id);
    let is_lit = response.hovered() || response.has_focus() || shown.lit == Some(lane.id);
    let name = format!("Lane: {}", lane.name);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_current, &name));
    let palette = theme::palette(ui);
    if is_current || is_lit {
        let fill = if is_current { palette.selected } else { palette.hover };
        ui.painter().rect_filled(area, 4.0, fill);
    }
    let ink = if is_current { palette.text } else { palette.weak };
    write(ui, area, &lane.name, ink);
    let axis = area.with_min_x(area.left() + NAMES).shrink2(vec2(10.0, 0.0));
    let x = |step: usize| axis.left() + axis.width() * step as f32 / shown.moves.max(1) as f32;
    let stroke = match (is_current, is_lit) {
        (true, _) => Stroke::new(3.0, palette.accent),
        (_, true) => Stroke::new(2.0, palette.text),
        _ => Stroke::new(1.5, palette.weak),
    };
    let y = area.center().y;
    let from = lane.parts.map_or(0, |(_, step)| step);
    let last = lane.reached.saturating_sub(1).max(from);
    let painter = ui.painter();
    if let Some(before) = lane.parts.and_then(|(place, _)| middles.get(place)) {
        painter.vline(x(from), *before..=y, stroke);
        painter.circle_filled(pos2(x(from), *before), 3.0, stroke.color);
    }
    painter.hline(x(from)..=x(last), y, stroke);
    let end = pos2(x(last), y);
    if lane.ended {
        painter.circle_filled(end, 4.0, stroke.color);
    } else {
        painter.circle_stroke(end, 4.0, stroke);
    }
    if is_current {
        diamond(ui, pos2(x(shown.index), y), palette.accent, palette.panel);
    }
}

fn write(ui: &Ui, area: Rect, name: &str, ink: Color32) {
    let mut job = LayoutJob::simple_singleline(name.into(), TextStyle::Small.resolve(ui.style()), ink);
    job.wrap = TextWrapping::truncate_at_width(NAMES - 16.0);
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let place = Align2::LEFT_CENTER.anchor_size(area.left_center() + vec2(8.0, 0.0), galley.size());
    ui.painter().galley(place.min, galley, ink);
}

/// The cursor on a lane.
fn diamond(ui: &Ui, at: eframe::egui::Pos2, fill: Color32, edge: Color32) {
    let corners = [vec2(0.0, -6.0), vec2(6.0, 0.0), vec2(0.0, 6.0), vec2(-6.0, 0.0)];
    let points = corners.map(|corner| at + corner).to_vec();
    ui.painter().add(eframe::egui::Shape::convex_polygon(
        points,
        fill,
        Stroke::new(1.5, edge),
    ));
}
