//! The bar at the bottom: what is going on, what it costs, and on what it runs.

use eframe::egui::{self, Align, Color32, Frame, Layout, Margin, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};
use egui_material_icons::icons::{ICON_MEMORY, ICON_NOTIFICATIONS};

use crate::{
    app::{
        action::Action,
        quantities::{machine, training},
        run_view::RunView,
        state::AppState,
        theme::{self, Palette},
        widgets::{button, form, number::number},
        words,
    },
    engine::event::RunState,
};

/// Training steps in the sparkline.
const SPARK: f64 = 160.0;

/// The bar at the bottom.
pub fn status_bar(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let frame = Frame::new()
        .fill(theme::palette(ui).ground)
        .inner_margin(Margin::symmetric(12, 3));
    egui::Panel::bottom("status")
        .resizable(false)
        .frame(frame)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                job(ui, state);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| machine(ui, state, out));
            });
        });
}

fn job(ui: &mut Ui, state: &AppState) {
    let palette = theme::palette(ui);
    if let Some(name) = &state.opening {
        dot(ui, palette.accent);
        ui.label(theme::caption(ui, format!("Reading {name}…")));
        return;
    }
    let Some(run) = &state.run else {
        dot(ui, palette.weak);
        ui.label(theme::caption(ui, "Nothing is being trained"));
        return;
    };
    let (ink, word) = state_word(run, palette);
    dot(ui, ink);
    ui.label(theme::number(word));
    if run.state == RunState::Running {
        let text = theme::number(format!("{} it/s", words::reading(run.now.steps_per_sec)));
        number(ui, text, &training::SPEED, training::SPEED.name, || {
            training::speed(run)
        });
    }
    if let Some(loss) = run.losses.last_smooth() {
        let text = theme::number(format!("loss {}", words::reading(loss)));
        number(ui, text, &training::LOSS, training::LOSS.name, || training::loss(run));
        sparkline(ui, run);
    }
}

/// The state of a run in a word, and its colour.
pub fn state_word(run: &RunView, p: &Palette) -> (Color32, &'static str) {
    if run.diverged.is_some() {
        return (p.bad, "diverged");
    }
    match run.state {
        RunState::Preparing => (p.warn, "preparing"),
        RunState::Running => (p.good, "training"),
        RunState::Paused => (p.warn, "paused"),
        RunState::Stopped => (p.weak, "stopped"),
        RunState::Finished => (p.good, "finished"),
        RunState::Failed => (p.bad, "failed"),
    }
}

fn dot(ui: &mut Ui, ink: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, ink);
}

fn sparkline(ui: &mut Ui, run: &RunView) {
    let Some([newest, _]) = run.losses.last() else { return };
    let points = run.losses.drawn_smooth(newest - SPARK, newest, 36);
    let (rect, _) = ui.allocate_exact_size(vec2(72.0, 14.0), Sense::hover());
    if points.len() < 2 {
        return;
    }
    let losses = points.iter().map(|p| p[1]);
    let low = losses.clone().fold(f64::INFINITY, f64::min);
    let high = losses.clone().fold(f64::NEG_INFINITY, f64::max);
    let place = |(i, loss): (usize, f64)| {
        let x = i as f32 / (points.len() - 1) as f32;
        let y = ((loss - low) / (high - low).max(1e-12)) as f32;
        pos2(
            rect.left() + x * rect.width(),
            rect.bottom() - 1.0 - y * (rect.height() - 2.0),
        )
    };
    let line = losses.enumerate().map(place).collect();
    ui.painter()
        .add(Shape::line(line, Stroke::new(1.2, theme::palette(ui).curve)));
}

fn machine(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let notes = match state.notices.len() {
        1 => "1 note".into(),
        n => format!("{n} notes"),
    };
    if button::icon_text_small(ui, ICON_NOTIFICATIONS, &notes).clicked() {
        out.push(Action::ToggleNotices);
    }
    ui.separator();
    let m = &state.machine;
    if m.software {
        form::chip(ui, "software rendering", theme::palette(ui).warn).on_hover_text(
            "No graphics processor is used, so the picture is drawn by the processor and refreshed less often while \
             training. Everything works.",
        );
    } else if !m.adapter.is_empty() {
        ui.label(theme::caption(ui, short(&m.adapter)))
            .on_hover_text(&m.adapter);
    }
    if let Some(run) = &state.run {
        ui.label(theme::caption(ui, &run.info.executor))
            .on_hover_text("What computes the network");
    }
    if m.frame_ms > 0.0 && ui.available_width() > 220.0 {
        let text = format!("{} fps  {:.1} ms", m.fps, m.frame_ms);
        let tip = "Frames drawn in the last second, and the program's own work for a typical frame. Nothing is drawn \
                   while nothing changes. F12 shows more.";
        if ui
            .add(egui::Button::new(theme::number(text)).frame(false))
            .on_hover_text(tip)
            .clicked()
        {
            out.push(Action::ToggleTimes);
        }
    }
    memory(ui, state);
}

fn memory(ui: &mut Ui, state: &AppState) {
    if ui.available_width() < 140.0 {
        return;
    }
    let (used, budget) = (state.trajectories.bytes(), state.trajectories.budget);
    let text = format!("{} / {}", words::bytes(used as u64), words::bytes(budget as u64));
    let text = theme::caption(ui, text);
    number(ui, text, &machine::MEMORY, machine::MEMORY.name, || {
        machine::memory(used, budget, state.trajectories.iter().count())
    });
    ui.label(ICON_MEMORY.rich_text().size(14.0).color(theme::palette(ui).weak));
}

/// An adapter's name without what is in brackets.
fn short(adapter: &str) -> String {
    adapter.split('(').next().unwrap_or(adapter).trim().to_owned()
}

/// A thin bar that fills up.
pub fn progress(ui: &mut Ui, share: f32, ink: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, theme::palette(ui).line);
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * share.clamp(0.0, 1.0), rect.height()));
    ui.painter().rect_filled(done, 2.0, ink);
}
