//! A family of trajectories as lanes over one time axis: each leaves the lane that it parts from.

use eframe::egui::{
    Align2, Color32, Pos2, Rect, Response, Role, ScrollArea, Sense, Shape, Stroke, TextStyle, Ui, WidgetInfo, pos2,
    text::LayoutJob, text::TextWrapping, vec2,
};

use crate::{app::theme, engine::TrajectoryId};

/// Height of a lane.
const LANE: f32 = 22.0;

/// Lanes that are shown without scrolling.
const SHOWN: usize = 5;

/// Width of the names.
const NAMES: f32 = 250.0;

/// Room at both ends of the axis.
const EDGE: f32 = 10.0;

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

impl Lane {
    /// The step at which it begins.
    fn from(&self) -> usize {
        self.parts.map_or(0, |(_, step)| step)
    }
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
            let mut axis = Axis::new(ui, shown.moves);
            let mut lit = shown.lit;
            for lane in shown.lanes {
                let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), LANE), Sense::click());
                axis.middles.push(area.center().y);
                if response.hovered() {
                    hovered = Some(lane.id);
                }
                if response.hovered() || response.has_focus() {
                    lit = Some(lane.id);
                }
                if response.clicked() {
                    chosen = Some(lane.id);
                }
                label(
                    ui,
                    area,
                    &response,
                    lane,
                    shown.current == Some(lane.id),
                    lit == Some(lane.id),
                );
                response.on_hover_text(format!("{}\n{}", lane.name, lane.detail));
            }
            draw(ui, shown, lit, &axis);
        });
    (hovered, chosen)
}

/// Where steps and lanes are on the screen.
struct Axis {
    left: f32,
    width: f32,
    moves: f32,
    middles: Vec<f32>,
}

impl Axis {
    fn new(ui: &Ui, moves: usize) -> Self {
        let area = ui.available_rect_before_wrap();
        Self {
            left: area.left() + NAMES + EDGE,
            width: (area.width() - NAMES - 2.0 * EDGE).max(1.0),
            moves: moves.max(1) as f32,
            middles: Vec::new(),
        }
    }

    fn at(&self, step: usize, lane: usize) -> Pos2 {
        pos2(self.left + self.width * step as f32 / self.moves, self.middles[lane])
    }
}

/// The name, on a ground that says whether it is looked at.
fn label(ui: &Ui, area: Rect, response: &Response, lane: &Lane, is_current: bool, is_lit: bool) {
    let name = format!("Lane: {}", lane.name);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_current, &name));
    let palette = theme::palette(ui);
    if is_current || is_lit {
        let fill = if is_current { palette.selected } else { palette.hover };
        ui.painter().rect_filled(area, 4.0, fill);
    }
    write(
        ui,
        area,
        &lane.name,
        if is_current { palette.text } else { palette.weak },
    );
}

/// All lines, then the way that is looked at over them, and the cursor on it.
fn draw(ui: &Ui, shown: &Lanes<'_>, lit: Option<TrajectoryId>, axis: &Axis) {
    let palette = theme::palette(ui);
    for (place, lane) in shown.lanes.iter().enumerate() {
        let stroke = if lit == Some(lane.id) {
            Stroke::new(2.5, palette.text)
        } else {
            Stroke::new(1.5, palette.weak)
        };
        let last = lane.reached.saturating_sub(1);
        line(ui, axis, place, lane, last, stroke);
        let end = axis.at(last.max(lane.from()), place);
        if lane.ended {
            ui.painter().circle_filled(end, 3.5, stroke.color);
        } else {
            ui.painter().circle(end, 3.5, palette.panel, stroke);
        }
    }
    let mut next = shown.lanes.iter().position(|lane| shown.current == Some(lane.id));
    let mut last = next.map_or(0, |place| shown.lanes[place].reached.saturating_sub(1));
    let mut cursor = None;
    while let Some(place) = next {
        let lane = &shown.lanes[place];
        line(ui, axis, place, lane, last, Stroke::new(3.0, palette.accent));
        if (lane.from()..=last).contains(&shown.index) {
            cursor.get_or_insert(axis.at(shown.index, place));
        }
        (next, last) = (lane.parts.map(|(parent, _)| parent), last.min(lane.from()));
    }
    if let Some(cursor) = cursor {
        diamond(ui, cursor, palette.accent, palette.panel);
    }
}

/// A lane up to a step, with the way down to it from the lane that it leaves.
fn line(ui: &Ui, axis: &Axis, place: usize, lane: &Lane, last: usize, stroke: Stroke) {
    let start = axis.at(lane.from(), place);
    if let Some((parent, step)) = lane.parts {
        let parting = axis.at(step, parent);
        ui.painter().line_segment([parting, start], stroke);
        ui.painter().circle_filled(parting, 3.0, stroke.color);
    }
    ui.painter()
        .line_segment([start, axis.at(last.max(lane.from()), place)], stroke);
}

fn write(ui: &Ui, area: Rect, name: &str, ink: Color32) {
    let mut job = LayoutJob::simple_singleline(name.into(), TextStyle::Small.resolve(ui.style()), ink);
    job.wrap = TextWrapping::truncate_at_width(NAMES - 16.0);
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let place = Align2::LEFT_CENTER.anchor_size(area.left_center() + vec2(8.0, 0.0), galley.size());
    ui.painter().galley(place.min, galley, ink);
}

/// The cursor on a lane.
fn diamond(ui: &Ui, at: Pos2, fill: Color32, edge: Color32) {
    let corners = [vec2(0.0, -6.0), vec2(6.0, 0.0), vec2(0.0, 6.0), vec2(-6.0, 0.0)];
    let points = corners.map(|corner| at + corner).to_vec();
    ui.painter()
        .add(Shape::convex_polygon(points, fill, Stroke::new(1.5, edge)));
}
