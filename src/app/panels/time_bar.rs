//! The diffusion clock at the foot of the window: play, step, loop, speed, and where the cursor stands.

use eframe::egui::{self, Align, ComboBox, Layout, Rect, Slider, Stroke, Ui, WidgetInfo, style::HandleShape, vec2};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        keys::{self, Does},
        playback::{Mode, PlaybackCommand, SPEEDS},
        quantities::{Reading, level},
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{button, mark::Mark, number::number},
        words,
    },
    math::Level,
};

/// Why nothing of the bar can be used.
const EMPTY: &str = "There is no trajectory yet: make samples first";

/// Width of the numbers on the right, so that nothing moves while they change.
const READOUT: f32 = 330.0;

/// The keys of the clock; call before the widgets that would take them.
pub fn clock_keys(ui: &Ui, state: &AppState, out: &mut Vec<Action>) {
    keys_of(ui, state, &CLOCK, out);
}

/// The same where Space has another meaning.
pub fn clock_keys_without_space(ui: &Ui, state: &AppState, out: &mut Vec<Action>) {
    keys_of(ui, state, &CLOCK[1..], out);
}

fn keys_of(ui: &Ui, state: &AppState, keys: &[Does], out: &mut Vec<Action>) {
    if state.playback.is_empty() {
        return;
    }
    for &does in keys {
        if keys::pressed(ui.ctx(), does) {
            out.extend(command(does).map(Action::Playback));
        }
    }
}

/// Keys and buttons of the clock.
pub(super) const CLOCK: [Does; 7] = [
    Does::Toggle,
    Does::Back,
    Does::On,
    Does::Back10,
    Does::On10,
    Does::First,
    Does::Last,
];

/// What a key or button of the clock asks for.
pub(super) fn command(does: Does) -> Option<PlaybackCommand> {
    Some(match does {
        Does::Toggle => PlaybackCommand::Toggle,
        Does::Back => PlaybackCommand::Step(-1),
        Does::On => PlaybackCommand::Step(1),
        Does::Back10 => PlaybackCommand::Step(-10),
        Does::On10 => PlaybackCommand::Step(10),
        Does::First => PlaybackCommand::Home,
        Does::Last => PlaybackCommand::End,
        _ => return None,
    })
}

/// The whole bar, one line high.
pub fn time_bar_panel(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    marked_time_bar(ui, state, &[], out);
}

/// The same with marks on the clock.
pub fn marked_time_bar(ui: &mut Ui, state: &AppState, marks: &[Mark], out: &mut Vec<Action>) {
    let clock = &state.playback;
    ui.add_enabled_ui(!clock.is_empty(), |ui| {
        ui.horizontal(|ui| {
            ui.set_min_height(34.0);
            transport(ui, state, out);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                speed(ui, state, out);
                looping(ui, state, out);
                ui.separator();
                readout(ui, state.trajectory(), clock.index());
                slider(ui, state, marks, out);
            });
        });
    });
}

fn transport(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let clock = &state.playback;
    let playing = clock.mode() == Mode::Playing;
    let (icon, name) = if playing {
        (icons::ICON_PAUSE, "Pause")
    } else {
        (icons::ICON_PLAY_ARROW, "Play")
    };
    let (first, last) = ("This is the first step", "This is the last step");
    let is_last = !playing && clock.index() + 1 >= clock.len();
    let unless = |prevented: bool, reason| match (clock.is_empty(), prevented) {
        (true, _) => Err(EMPTY),
        (false, true) => Err(reason),
        (false, false) => Ok(()),
    };
    let back = unless(!playing && clock.index() == 0, first);
    let on = unless(is_last, last);
    let follow = unless(
        is_last && (clock.is_complete() || clock.mode() == Mode::Following),
        last,
    );
    let buttons = [
        (icons::ICON_SKIP_PREVIOUS, "First step", Does::First, back),
        (icons::ICON_CHEVRON_LEFT, "One step back", Does::Back, back),
        (icon, name, Does::Toggle, unless(false, EMPTY)),
        (icons::ICON_CHEVRON_RIGHT, "One step on", Does::On, on),
        (icons::ICON_SKIP_NEXT, "Last step, and follow", Does::Last, follow),
    ];
    ui.spacing_mut().item_spacing.x = 2.0;
    for (icon, name, does, available) in buttons {
        let key = keys::text(ui.ctx(), does);
        let pressed = button::icon_if(ui, icon, name, available).on_hover_text(key).clicked();
        if pressed {
            out.extend(command(does).map(Action::Playback));
        }
    }
    ui.add_space(8.0);
}

fn slider(ui: &mut Ui, state: &AppState, marks: &[Mark], out: &mut Vec<Action>) {
    let clock = &state.playback;
    let mut index = clock.index();
    let last = state.trajectory().map_or(0, |view| view.info.moves).max(1);
    ui.add_space(12.0);
    // In a very narrow or enlarged window there is no room left.
    ui.spacing_mut().slider_width = (ui.available_width() - 8.0).max(40.0);
    ui.visuals_mut().widgets.inactive.bg_fill = theme::palette(ui).line;
    let response = ui.add(Slider::new(&mut index, 0..=last).show_value(false));
    response.widget_info(|| WidgetInfo::slider(!clock.is_empty(), clock.index() as f64, "Diffusion time"));
    ticks(ui, response.rect, marks, last);
    if response.changed() {
        out.push(Action::Playback(PlaybackCommand::Seek(index)));
    }
    if response.drag_stopped() || response.clicked() {
        // Otherwise the slider keeps the arrow keys and Space to itself.
        response.surrender_focus();
    }
}

/// Marks under the rail; the one that stands out is longer and thicker as well.
pub(super) fn ticks(ui: &Ui, slider: Rect, marks: &[Mark], last: usize) {
    let palette = theme::palette(ui);
    let handle = match ui.visuals().handle_shape {
        HandleShape::Circle => 1.0,
        HandleShape::Rect { aspect_ratio } => aspect_ratio,
    };
    // As the slider itself lays its rail.
    let rail = slider.x_range().shrink(slider.height() / 2.5 * handle);
    for mark in marks {
        let x = rail.min + rail.span() * mark.step as f32 / last as f32;
        let (above, stroke) = if mark.lit {
            (6.0, Stroke::new(4.0, palette.sample))
        } else {
            (-4.0, Stroke::new(3.0, palette.sample))
        };
        let middle = slider.center().y;
        ui.painter().vline(x, middle - above..=middle + 12.0, stroke);
    }
}

fn looping(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let mut looping = state.playback.looping();
    let icon = icons::ICON_REPEAT.rich_text().size(18.0);
    let response = ui
        .toggle_value(&mut looping, icon)
        .on_hover_text("Begin again after the last step")
        .on_disabled_hover_text(EMPTY);
    let name = || WidgetInfo::selected(egui::Role::CheckBox, ui.is_enabled(), looping, "Loop");
    response.widget_info(name);
    if response.changed() {
        out.push(Action::Playback(PlaybackCommand::SetLoop(looping)));
    }
}

fn speed(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let now = state.playback.speed();
    let combo = ComboBox::from_id_salt("speed")
        .width(64.0)
        .selected_text(format!("{now}×"))
        .show_ui(ui, |ui| {
            for &speed in SPEEDS {
                if ui.selectable_label(speed == now, format!("{speed}×")).clicked() {
                    out.push(Action::Playback(PlaybackCommand::SetSpeed(speed)));
                }
            }
        });
    let name = || WidgetInfo::labeled(egui::Role::ComboBox, ui.is_enabled(), "Speed");
    combo
        .response
        .on_hover_text("Speed: at 1× a whole trajectory takes four seconds")
        .on_disabled_hover_text(EMPTY)
        .widget_info(name);
}

fn readout(ui: &mut Ui, view: Option<&TrajectoryView>, index: usize) {
    let right = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(READOUT, 26.0), right, |ui| {
        ui.set_min_width(READOUT);
        ui.spacing_mut().item_spacing.x = 3.0 * theme::number_width(ui);
        let Some((view, step)) = view.and_then(|v| Some((v, v.at(index)?))) else {
            ui.label(theme::number("no trajectory"));
            return;
        };
        for Reading { of, text, values } in readings(step.index, view.info.moves, step.level).into_iter().rev() {
            number(ui, theme::number(text), of, of.name, values);
        }
    });
}

/// `step 12/50`, `t 740`, `σ 0.830`, `SNR −4.2 dB`.
fn readings(index: usize, moves: usize, at: Level) -> Vec<Reading<'static>> {
    let width = moves.to_string().len();
    let place = level::STEP.reads(format!("step {index:>width$}/{moves}"), move || {
        level::step(index, moves)
    });
    let sigma = |text| level::SIGMA.reads(text, move || level::sigma(at));
    if at.sigma == 0.0 {
        return vec![place, sigma("result, no noise".into())];
    }
    vec![
        place,
        level::TIME.reads(format!("t {:>4}", words::number(at.t)), move || level::time(at)),
        sigma(format!("σ {:.3}", at.sigma)),
        level::SNR.reads(format!("SNR {:>8}", decibels(at)), move || level::snr(at)),
    ]
}

/// The signal-to-noise ratio in decibels.
pub fn decibels(level: Level) -> String {
    let db = 10.0 * level.snr().log10();
    let sign = if db < 0.0 { '−' } else { '+' };
    if db.is_finite() {
        format!("{sign}{:.1} dB", db.abs())
    } else {
        "∞ dB".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_out_in_words() {
        let level = Level::from_alpha_bar(740.0, 0.275_3);
        let texts = |index, level| readings(index, 50, level).into_iter().map(|r| r.text);
        assert!(texts(12, level).eq(["step 12/50", "t  740", "σ 0.851", "SNR  −4.2 dB"]));
        assert!(texts(50, Level::clean(0.0)).eq(["step 50/50", "result, no noise"]));
        // Equal power of signal and noise.
        assert_eq!(decibels(Level::from_alpha_bar(0.0, 0.5)), "+0.0 dB");
    }
}
