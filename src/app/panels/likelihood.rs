//! One picture of the data under a model: how many bits it takes, and at which noise level they are spent.

use std::sync::Arc;

use eframe::egui::{Align, Layout, ProgressBar, Ui};
use egui_material_icons::icons;
use egui_plot::{Bar, BarChart};

use super::plots::{even, plot};
use crate::{
    app::{
        action::Action,
        quantities::{Quantity, likelihood},
        state::{AppState, Verdict},
        theme,
        widgets::{button, form, number::number},
        words,
    },
    data::{Dataset, Progress},
    engine::{
        Command,
        command::Model,
        likelihood::{Bound, Likelihood, Unit},
    },
};

/// Height of the chart.
const CHART: f32 = 120.0;

/// The sample that was chosen, and the question that the answer belongs to.
#[derive(Debug, Default)]
pub struct LikelihoodDraft {
    /// Index in the data.
    pub chosen: Option<usize>,
    asked: Option<(String, usize)>,
}

/// The card of the chosen sample; nothing where none is chosen.
pub fn likelihood_card(
    ui: &mut Ui,
    state: &AppState,
    data: &Dataset,
    draft: &mut LikelihoodDraft,
    out: &mut Vec<Action>,
) {
    let Some(index) = draft.chosen.filter(|&i| i < data.count) else {
        return;
    };
    ui.horizontal(|ui| {
        ui.label(theme::heading(format!("Number {}", words::count(index as u64 + 1))));
        if let Some(labels) = &data.labels {
            ui.label(theme::caption(ui, &labels.names[labels.of[index] as usize]));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button::icon(ui, icons::ICON_CLOSE, "Choose none").clicked() {
                draft.chosen = None;
            }
        });
    });
    let model = model(state, data);
    let running = matches!(state.likelihood, Verdict::Running(_));
    let can = match &model {
        _ if running => Err("One is under way."),
        Ok(_) => Ok(()),
        Err(reason) => Err(*reason),
    };
    let press = button::icon_text_if(ui, icons::ICON_BALANCE, "How likely is it?", can);
    let help = "Bits that the present model needs for it: along the path of the reverse process, and by the bound that \
                training holds down";
    if press.on_hover_text(help).clicked()
        && let Ok(model) = &model
    {
        draft.asked = Some((data.hash.clone(), index));
        out.push(Action::Engine(Command::Judge {
            model: model.clone(),
            sample: data.tensor(&[index as u32]).into(),
            progress: Arc::<Progress>::default(),
        }));
    }
    if let (Err(reason), false) = (can, running) {
        ui.label(theme::caption(ui, reason));
    }
    let is_answered = draft
        .asked
        .as_ref()
        .is_some_and(|(hash, i)| (hash, *i) == (&data.hash, index));
    match &state.likelihood {
        Verdict::Running(progress) => under_way(ui, progress, out),
        Verdict::Done(found) if is_answered => answer(ui, found),
        _ => {}
    }
    ui.separator();
}

/// The run of the Lab, or the model of the present trajectory, where it makes such samples.
fn model(state: &AppState, data: &Dataset) -> Result<Model, &'static str> {
    if let Some(run) = &state.run {
        return if run.info.domain == data.domain {
            Ok(Model::Present)
        } else {
            Err("The model in the Lab learns other samples.")
        };
    }
    let view = state.trajectory().filter(|view| view.info.domain == data.domain);
    let request = view.and_then(|view| view.request.as_ref());
    request
        .map(|request| request.model.clone())
        .ok_or("Train a model on such samples in the Lab first, or make some with one in the Trajectory workspace.")
}

fn under_way(ui: &mut Ui, progress: &Progress, out: &mut Vec<Action>) {
    let (done, total) = progress.get();
    ui.add(ProgressBar::new(done as f32 / total.max(1) as f32).desired_height(6.0));
    ui.horizontal(|ui| {
        let stage = if done == 0 { "along the path" } else { "the bound" };
        ui.label(theme::caption(ui, stage));
        if button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked() {
            out.push(Action::CancelLikelihood);
        }
    });
    ui.ctx().request_repaint_after_secs(0.2);
}

fn answer(ui: &mut Ui, found: &Likelihood) {
    let unit = if found.unit == Unit::Nats {
        "nats"
    } else {
        "bits a number"
    };
    ui.label(theme::caption(ui, &found.model));
    let line = |ui: &mut Ui, name: &str, of: &Quantity, value: f64, values: &dyn Fn() -> String| {
        form::row(ui, name, of.said, |ui| {
            number(ui, theme::number(format!("{value:.3} {unit}")), of, of.name, values)
        });
    };
    line(ui, "Path", &likelihood::PATH, found.path, &|| likelihood::path(found));
    let Some(bound) = &found.bound else {
        let text = if found.unit == Unit::Nats {
            "Points have no bound in bits: they are no whole numbers."
        } else {
            "This schedule has no bound: it is continuous, or does not end in noise of unit size."
        };
        ui.label(theme::caption(ui, text));
        return;
    };
    let told = |nats: f64| found.unit.of_probability(nats);
    let whole = || likelihood::bound(bound, found.unit);
    line(ui, "Bound", &likelihood::BOUND, told(bound.total()), &whole);
    for (name, of, nats) in [
        ("Prior", &likelihood::PRIOR, bound.prior),
        ("Steps", &likelihood::MIDDLE, bound.middle()),
        ("Last step", &likelihood::LAST, bound.first),
    ] {
        line(ui, name, of, told(nats), &|| likelihood::part(nats, found.unit));
    }
    chart(ui, bound, found.unit);
}

/// What each part of the way costs.
fn chart(ui: &mut Ui, bound: &Bound, unit: Unit) {
    let palette = theme::palette(ui);
    let parts = bound.terms.len();
    let each = bound.count as f64 / parts as f64;
    let bars = bound.terms.iter().enumerate().map(|(i, (_, nats))| {
        Bar::new((i as f64 + 0.5) / parts as f64, unit.of_probability(nats * each))
            .width(0.86 / parts as f64)
            .fill(palette.curve.gamma_multiply(0.8))
    });
    let chart = BarChart::new("bits", bars.collect())
        .color(palette.curve)
        .element_formatter(Box::new(|bar, _| {
            format!(
                "noise level {:.0} %\n{} bits",
                bar.argument * 100.0,
                words::reading(bar.value)
            )
        }));
    ui.label(theme::caption(ui, "Bits a number by noise level"));
    plot(ui, "bits by level", CHART)
        .allow_zoom(false)
        .allow_drag(false)
        .include_x(-0.04)
        .include_x(1.06)
        .include_y(0.0)
        .y_grid_spacer(|input| even(&input))
        .y_axis_formatter(|mark, _| words::number(mark.value))
        .x_axis_formatter(|mark, _| match mark.value {
            v if v.abs() < 1e-9 => "clean".into(),
            v if (v - 1.0).abs() < 1e-9 => "noise".into(),
            _ => String::new(),
        })
        .show(ui, |plot| plot.bar_chart(chart));
}
