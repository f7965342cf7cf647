//! Four views of a schedule, two by two: its curve, others to compare with, the cursor, the sampler's steps, the knots.

use std::ops::RangeInclusive;

use eframe::egui::{
    self, Align, Align2, Color32, Layout, Response, RichText, Sense, Stroke, TextStyle, Ui, UiBuilder, WidgetInfo,
    pos2, vec2,
};
use egui_plot::{GridMark, Line, LineStyle, Plot, PlotPoints, PlotTransform, PlotUi, Span, VLine};

use super::{
    ScheduleDraft,
    curves::{Curves, text, title},
    handles::handles,
};
use crate::{
    app::{
        quantities::Reading,
        theme::{self, Palette},
        widgets::number::number,
        words,
    },
    draw::plot::ticks as round_values,
    math::{
        Level, Spec,
        schedule::{self, custom::View},
    },
};

/// What the plots show besides the drawn knots.
pub(super) struct Scene<'a> {
    /// The schedule that is edited.
    pub(super) mine: &'a Curves,
    /// The one to compare with.
    pub(super) other: Option<&'a Curves>,
    /// The one before the last change.
    pub(super) ghost: Option<&'a Curves>,
    /// The cursor, as a share of the schedule.
    pub(super) share: f64,
    /// The sampler's stops, at their shares.
    pub(super) ticks: &'a [(f64, Level)],
}

/// Which line is which.
pub(super) fn legend(ui: &mut Ui, draft: &ScheduleDraft, has_ghost: bool) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        line_sample(ui, palette.curve, &[(0.0, 22.0)]);
        ui.label(label(&draft.mine));
        if let Some(other) = &draft.other {
            ui.add_space(8.0);
            line_sample(ui, palette.curve_other, &[(0.0, 6.0), (8.0, 14.0), (16.0, 22.0)]);
            ui.label(label(other));
        }
        if has_ghost {
            ui.add_space(8.0);
            line_sample(ui, palette.curve_faint, &[(0.0, 22.0)]);
            ui.label(RichText::new("before").color(palette.weak));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(theme::caption(
                ui,
                "Drag over a curve to move the cursor. Shaded: nearly clean, already noise.",
            ));
        });
    });
}

/// Name of a schedule in the window.
pub(in crate::app::panels) fn label(spec: &Spec) -> String {
    let entry = schedule::ENTRIES.iter().find(|e| e.id == spec.id);
    entry.map_or(spec.id.clone(), |e| e.label.to_owned())
}

/// A piece of a line as it is drawn below.
fn line_sample(ui: &mut Ui, ink: Color32, dashes: &[(f32, f32)]) {
    let (area, _) = ui.allocate_exact_size(vec2(22.0, 16.0), Sense::hover());
    for (from, to) in dashes {
        let x = area.left() + from..=area.left() + to;
        ui.painter().hline(x, area.center().y, Stroke::new(2.0, ink));
    }
}

/// One view. Answers the share of the schedule that was dragged to.
pub(super) fn plot(ui: &mut Ui, view: View, draft: &mut ScheduleDraft, scene: &Scene<'_>) -> Option<f64> {
    let palette = theme::palette(ui);
    let last = scene.mine.last;
    let held = draft.held.filter(|held| held.view == view);
    let bounds = held.map_or_else(|| bounds(view, scene), |held| held.bounds);
    let shown = Plot::new(title(view))
        .height(ui.available_height().max(40.0))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .sense(Sense::click_and_drag())
        .show_crosshair(false)
        .set_margin_fraction(vec2(0.0, 0.0))
        .y_axis_min_width(44.0)
        .grid_color(palette.line)
        .x_grid_spacer(move |_| times(last))
        .y_grid_spacer(|input| marks(input.bounds))
        .x_axis_formatter(move |mark, _: &RangeInclusive<f64>| words::number((mark.value * last).round()))
        .y_axis_formatter(move |mark, _: &RangeInclusive<f64>| text(view, mark.value))
        .label_formatter(|_| None)
        .show(ui, |plot| {
            plot.set_plot_bounds_x(0.0..=1.0);
            plot.set_plot_bounds_y(bounds.0..=bounds.1);
            lines(plot, view, scene, palette);
        });
    let response = shown.response;
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, title(view)));
    ticks(ui, scene, &shown.transform);
    handles(ui, view, shown.transform, bounds, &mut draft.mine, &mut draft.held);
    reading(ui, view, scene, &shown.transform);
    dragged_to(&response, &shown.transform)
}

fn lines(plot: &mut PlotUi<'_>, view: View, scene: &Scene<'_>, palette: &Palette) {
    for (from, to) in scene.mine.bands() {
        let fill = palette.line.gamma_multiply(0.35);
        plot.span(Span::new("", from..=to).fill(fill).border_width(0.0));
    }
    let line = |name, curves: &Curves| Line::new(name, PlotPoints::from(curves.of(view).to_vec()));
    if let Some(ghost) = scene.ghost {
        plot.line(line("before", ghost).color(palette.curve_faint).width(2.0));
    }
    if let Some(other) = scene.other {
        let dashed = line("other", other).style(LineStyle::dashed_dense());
        plot.line(dashed.color(palette.curve_other).width(1.6));
    }
    plot.line(line("mine", scene.mine).color(palette.curve).width(2.0));
    plot.vline(VLine::new("cursor", scene.share).color(palette.accent).width(1.5));
}

/// The sampler's steps at the bottom.
fn ticks(ui: &Ui, scene: &Scene<'_>, transform: &PlotTransform) {
    let palette = theme::palette(ui);
    let frame = transform.frame();
    let painter = ui.painter_at(*frame);
    for &(at, _) in scene.ticks {
        let x = transform.position_from_point_x(at);
        painter.vline(x, frame.bottom() - 7.0..=frame.bottom(), Stroke::new(1.0, palette.weak));
    }
}

/// What the curve says at the cursor.
fn reading(ui: &mut Ui, view: View, scene: &Scene<'_>, transform: &PlotTransform) {
    let palette = theme::palette(ui);
    let frame = transform.frame();
    let x = transform.position_from_point_x(scene.share);
    let (align, dx) = if x > frame.center().x {
        (Align2::RIGHT_TOP, -6.0)
    } else {
        (Align2::LEFT_TOP, 6.0)
    };
    let Reading { of, text, values } = scene.mine.read(view, scene.share);
    let painter = ui.painter_at(*frame);
    let font = TextStyle::Monospace.resolve(ui.style());
    let size = painter.layout_no_wrap(text.clone(), font, palette.text).size();
    let area = align.anchor_size(pos2(x + dx, frame.top() + 4.0), size);
    painter.rect_filled(area.expand2(vec2(4.0, 2.0)), 3.0, palette.sunken.gamma_multiply(0.85));
    let place = UiBuilder::new().max_rect(area).id_salt(title(view));
    let mut ui = ui.new_child(place);
    ui.shrink_clip_rect(*frame);
    number(&mut ui, theme::number(text), of, of.name, values);
}

fn dragged_to(response: &Response, transform: &PlotTransform) -> Option<f64> {
    let held = response.dragged() || response.clicked() || response.is_pointer_button_down_on();
    let pointer = response.interact_pointer_pos().filter(|_| held)?;
    Some(transform.value_from_position(pointer).x.clamp(0.0, 1.0))
}

/// Least and greatest height of all curves, with some room.
fn bounds(view: View, scene: &Scene<'_>) -> (f64, f64) {
    let curves = [Some(scene.mine), scene.other, scene.ghost];
    let heights = curves.iter().flatten().flat_map(|curves| curves.of(view)).map(|p| p[1]);
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    let room = 0.08 * (high - low).max(1e-6);
    (low - room, high + room)
}

/// About five round times, at their shares of the schedule.
fn times(last: f64) -> Vec<GridMark> {
    let scaled = |mark: GridMark| GridMark {
        value: mark.value / last,
        step_size: mark.step_size / last,
    };
    marks((0.0, last)).into_iter().map(scaled).collect()
}

/// About five round marks.
fn marks((low, high): (f64, f64)) -> Vec<GridMark> {
    let values = round_values(low, high, 5);
    let step_size = values.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    values.into_iter().map(|value| GridMark { value, step_size }).collect()
}
