//! Curves of a run: loss over steps, and loss by noise level.

use std::ops::RangeInclusive;

use eframe::egui::{Align2, Color32, RichText, Stroke, TextStyle, Ui, Vec2b};
use egui_material_icons::icons::ICON_MY_LOCATION;
use egui_plot::{
    Bar, BarChart, GridInput, GridMark, HoverPosition, Legend, Line, LineStyle, Plot, PlotBounds, PlotPoint, Points,
    Text, VLine,
};

use crate::{
    app::{
        run_view::{LEVEL_BINS, RunView},
        theme,
        widgets::button,
        words,
    },
    draw::plot::ticks,
    engine::event::MarkKind,
};

/// A curve is drawn with at most two points in each of these columns.
const COLUMNS: usize = 500;

/// Settings of the curves.
#[derive(Clone, Copy, Debug)]
pub struct CurveDraft {
    /// The view moves with the newest step until someone takes hold of it.
    follow: bool,
    /// Logarithmic loss axis.
    log: bool,
}

impl Default for CurveDraft {
    fn default() -> Self {
        Self {
            follow: true,
            log: true,
        }
    }
}

/// Loss over training steps: raw faint, smoothed on top, validation as dots, changes as lines.
pub fn loss_plot(ui: &mut Ui, run: &RunView, draft: &mut CurveDraft, height: f32) {
    let palette = theme::palette(ui);
    let log = draft.log;
    let scale = move |loss: f64| if log { loss.max(1e-12).log10() } else { loss };
    let unscale = move |y: f64| if log { 10.0_f64.powf(y) } else { y };
    let follow = draft.follow;
    let hover_ink = palette.text;
    let response = plot(ui, "loss", height)
        .legend(Legend::default().text_style(TextStyle::Small).background_alpha(0.0))
        .y_grid_spacer(move |input| if log { decades(&input) } else { even(&input) })
        .y_axis_formatter(move |mark, _| words::number(unscale(mark.value)))
        .x_axis_formatter(steps_axis)
        .label_formatter(move |at| {
            let p = hovered(at);
            Some(format!(
                "step {}\n{}",
                words::count(p.x.max(0.0) as u64),
                words::number(unscale(p.y))
            ))
        })
        .show(ui, |plot| {
            if follow {
                plot.set_auto_bounds(Vec2b::TRUE);
            }
            let (from, to) = visible(plot.plot_bounds(), follow, run);
            let place = |points: Vec<[f64; 2]>| points.into_iter().map(|[x, y]| [x, scale(y)]).collect::<Vec<_>>();
            let raw = run.losses.drawn(from, to, COLUMNS);
            let smooth = run.losses.drawn_smooth(from, to, COLUMNS);
            plot.line(
                Line::new("each step", place(raw.points))
                    .color(palette.curve_faint)
                    .width(1.0),
            );
            plot.line(Line::new("smoothed", place(smooth)).color(palette.curve).width(2.0));
            for [x, _] in raw.broken {
                plot.vline(VLine::new("", x).color(palette.bad).allow_hover(false));
            }
            validation(plot, run, scale, [palette.sample, palette.good]);
            marks(plot, run, hover_ink, palette.bad, palette.line);
        });
    let response = response.response;
    let turned = response.hovered() && ui.input(|i| i.zoom_delta() != 1.0);
    if response.drag_started() || turned {
        draft.follow = false;
    }
    if response.double_clicked() {
        draft.follow = true;
    }
}

/// Controls of the loss, from right to left.
pub fn loss_tools(ui: &mut Ui, draft: &mut CurveDraft) {
    ui.toggle_value(&mut draft.log, "log").on_hover_text("Logarithmic axis");
    if !draft.follow
        && button::icon_text_small(ui, ICON_MY_LOCATION, "Follow")
            .on_hover_text("Show the whole run again")
            .clicked()
    {
        draft.follow = true;
    }
}

/// Loss by noise level: which levels are still hard.
pub fn level_plot(ui: &mut Ui, run: &RunView, height: f32) {
    let palette = theme::palette(ui);
    let width = 1.0 / LEVEL_BINS as f64;
    let bars = run.by_level.means().into_iter().enumerate().filter_map(|(i, mean)| {
        let middle = (i as f64 + 0.5) * width;
        Some(
            Bar::new(middle, mean?)
                .width(width * 0.86)
                .fill(palette.curve.gamma_multiply(0.8)),
        )
    });
    let bars: Vec<Bar> = bars.collect();
    let chart_is_empty = bars.is_empty();
    let chart = BarChart::new("loss", bars)
        .color(palette.curve)
        .allow_hover(true)
        .element_formatter(Box::new(|bar, _| {
            format!(
                "noise level {:.0} %\nloss {}",
                bar.argument * 100.0,
                words::number(bar.value)
            )
        }));
    plot(ui, "levels", height)
        .allow_zoom(false)
        .allow_drag(false)
        .include_x(-0.04)
        .include_x(1.04)
        .y_grid_spacer(|input| even(&input))
        .include_y(0.0)
        .include_y(if chart_is_empty { 1.0 } else { 0.0 })
        .y_axis_formatter(|mark, _| words::number(mark.value))
        .x_axis_formatter(|mark, _| match mark.value {
            v if v.abs() < 1e-9 => "clean".into(),
            v if (v - 1.0).abs() < 1e-9 => "noise".into(),
            v => format!("{:.0} %", v * 100.0),
        })
        .show(ui, |plot| plot.bar_chart(chart));
}

/// A plot in the window's style.
pub fn plot<'a>(ui: &Ui, id: &str, height: f32) -> Plot<'a> {
    Plot::new(id)
        .grid_color(theme::palette(ui).line)
        .grid_spacing(6.0..=60.0)
        .height(height)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_background(false)
        .y_axis_min_width(38.0)
        .set_margin_fraction(eframe::egui::vec2(0.02, 0.08))
}

pub(super) fn steps_axis(mark: GridMark, _range: &RangeInclusive<f64>) -> String {
    match mark.value {
        v if v < 0.0 => String::new(),
        v if v >= 1e6 => format!("{} M", words::number(v / 1e6)),
        v if v >= 1e4 => format!("{} k", words::number(v / 1e3)),
        v => words::count(v as u64),
    }
}

/// Marks at round numbers, about four of them.
pub(super) fn even(input: &GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let ticks = ticks(low, high, 4);
    let step_size = ticks.windows(2).map(|t| t[1] - t[0]).next().unwrap_or(high - low);
    ticks.into_iter().map(|value| GridMark { value, step_size }).collect()
}

/// Marks at 1, 2 and 5 times each power of ten of a logarithmic axis.
pub(super) fn decades(input: &GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let wide = high - low > 2.5;
    let mark = move |decade: i32| {
        let minor: &[f64] = if wide { &[] } else { &[2.0, 5.0] };
        let at = move |factor: f64, step_size: f64| GridMark {
            value: f64::from(decade) + factor.log10(),
            step_size,
        };
        std::iter::once(at(1.0, 1.0)).chain(minor.iter().map(move |&factor| at(factor, 0.3)))
    };
    (low.floor() as i32..=high.ceil() as i32)
        .flat_map(mark)
        .filter(|m| (low..=high).contains(&m.value))
        .collect()
}

pub(super) fn hovered(at: &HoverPosition<'_>) -> PlotPoint {
    match *at {
        HoverPosition::NearDataPoint { position, .. } | HoverPosition::Elsewhere { position } => position,
    }
}

/// Steps in view.
fn visible(bounds: PlotBounds, everything: bool, run: &RunView) -> (f64, f64) {
    let (first, last) = run.losses.x_range().unwrap_or((0.0, 1.0));
    if everything || !bounds.is_valid() {
        (first, last)
    } else {
        (bounds.min()[0].max(first), bounds.max()[0].min(last))
    }
}

fn validation(plot: &mut egui_plot::PlotUi<'_>, run: &RunView, scale: impl Fn(f64) -> f64, inks: [Color32; 2]) {
    for (column, (name, ink)) in [("validation", inks[0]), ("validation, EMA", inks[1])]
        .into_iter()
        .enumerate()
    {
        let curve: Vec<_> = run
            .validation
            .iter()
            .map(|v| [v[0], v[column + 1]])
            .filter(|p| p[1].is_finite())
            .collect();
        if curve.is_empty() {
            continue;
        }
        let points: Vec<_> = curve.iter().map(|p| [p[0], scale(p[1])]).collect();
        plot.line(
            Line::new(name, points.clone())
                .color(ink)
                .width(1.2)
                .style(LineStyle::dotted_dense()),
        );
        plot.points(Points::new(name, points).color(ink).radius(2.5));
    }
}

fn marks(plot: &mut egui_plot::PlotUi<'_>, run: &RunView, ink: Color32, bad: Color32, faint: Color32) {
    let top = plot.plot_bounds().max()[1];
    for mark in &run.marks {
        let (stroke, shown) = match mark.kind {
            MarkKind::Checkpoint => (Stroke::new(0.6, faint), false),
            MarkKind::Divergence => (Stroke::new(1.4, bad), true),
            MarkKind::Change | MarkKind::Restore => (Stroke::new(1.0, ink.gamma_multiply(0.6)), true),
        };
        let x = mark.step as f64;
        plot.vline(
            VLine::new("", x)
                .stroke(stroke)
                .style(LineStyle::dashed_loose())
                .allow_hover(false),
        );
        if shown {
            let text = RichText::new(format!(" {}", mark.text)).small();
            plot.text(
                Text::new("", PlotPoint::new(x, top), text)
                    .anchor(Align2::LEFT_TOP)
                    .color(stroke.color)
                    .allow_hover(false),
            );
        }
    }
}
