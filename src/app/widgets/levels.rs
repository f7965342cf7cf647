//! The noise level of every step of a trajectory over its index: a falling line, a saw-tooth where a method goes back up.

use eframe::egui::{PointerButton, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::{
    app::{theme, trajectories::TrajectoryView},
    math::Level,
};

/// Shows the levels that were reached so far, and answers the frame that was clicked or dragged to.
pub fn level_line(ui: &mut Ui, view: &TrajectoryView, index: usize, size: Vec2) -> Option<usize> {
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, index as f64, "Noise level of each step"));
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    painter.rect_filled(area, 4.0, palette.sunken);
    let inner = area.shrink2(vec2(6.0, 5.0));
    let last = view.info.moves.max(1);
    let points: Vec<Pos2> = view
        .steps
        .iter()
        .map(|s| place(inner, s.index, last, s.level))
        .collect();
    let width = if points.len() > 400 { 1.0 } else { 1.5 };
    painter.add(Shape::line(points, Stroke::new(width, palette.noise)));
    if let Some(step) = view.at(index) {
        let at = place(inner, step.index, last, step.level);
        painter.vline(at.x, area.y_range(), Stroke::new(1.0, palette.accent));
        painter.circle_filled(at, 3.5, palette.accent);
    }
    let response = response.on_hover_text("Noise level of each step, noise at the top; drag to go there");
    let asked = response.clicked() || response.dragged_by(PointerButton::Primary);
    let pointer = response.interact_pointer_pos().filter(|_| asked)?;
    let share = (pointer.x - inner.left()) / inner.width().max(1.0);
    let wanted = (share * last as f32)
        .round()
        .clamp(0.0, view.reached().saturating_sub(1) as f32);
    Some(wanted as usize)
}

/// Where a step lies: to the right with its index, up with its noise.
fn place(area: Rect, index: usize, last: usize, level: Level) -> Pos2 {
    let x = area.left() + area.width() * index as f32 / last as f32;
    pos2(x, area.bottom() - area.height() * share_of_noise(level))
}

/// 0 for a clean sample, 1 for pure noise, the angle between.
fn share_of_noise(level: Level) -> f32 {
    (level.sigma.atan2(level.alpha) / std::f64::consts::FRAC_PI_2) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_at_the_top_and_the_result_at_the_bottom() {
        let area = Rect::from_min_max(pos2(10.0, 20.0), pos2(110.0, 60.0));
        let at = |index, level| place(area, index, 50, level);
        assert_eq!(at(0, Level::from_alpha_bar(999.0, 0.0)), pos2(10.0, 20.0));
        assert_eq!(at(50, Level::clean(0.0)), pos2(110.0, 60.0));
        let middle = at(25, Level::from_alpha_bar(400.0, 0.5));
        assert!((middle - pos2(60.0, 40.0)).length() < 1e-3, "{middle:?}");
    }
}
