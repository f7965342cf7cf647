//! The sampler laboratory: how far each sampler's result is from the exact end of the path, by network calls.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use eframe::egui::{
    self, CentralPanel, Color32, Frame as Pane, Grid, Margin, Panel, ProgressBar, RichText, ScrollArea, Ui,
};
use egui_material_icons::icons;
use egui_plot::{Line, LineStyle, MarkerShape, Points};

use super::{
    plots::{decades, hovered, plot},
    sample_form::{ModelDraft, model_rows, small_icon, spec_rows, whole},
};
use crate::{
    app::{
        action::Action,
        keys::{self, Does},
        quantities::{self, distance, laboratory},
        state::{AppState, Comparison},
        theme,
        widgets::{
            button, form,
            number::{self, number},
        },
        words,
    },
    data::Progress,
    diffusion::sampler,
    engine::{
        Command,
        command::Model,
        exact::ExactModel,
        laboratory::{LEFT_OUT, LaboratoryRequest, Row, Table, Trial},
    },
    math::{Spec, Value, grid},
};

/// Numbers of calls that can be asked for.
const CALLS: &[(&[usize], &str)] = &[
    (&[5, 10, 20, 40], "5 to 40"),
    (&[5, 10, 20, 40, 80, 160], "5 to 160"),
    (&[10, 20, 40, 80, 160, 320, 640], "10 to 640"),
];

/// Samplers whose curves are shown at first.
const SHOWN: [&str; 6] = ["ddim", "heun", "dpmpp-2m", "unipc", "ode", "ddpm"];

/// What the curves show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quantity {
    /// Distance from the exact end of the path.
    #[default]
    Error,
    /// Distance of the samples from the data.
    Distance,
}

/// Half-edited settings of this panel.
#[derive(Debug)]
pub struct SamplersDraft {
    /// With which model.
    pub model: ModelDraft,
    spacing: Spec,
    calls: usize,
    count: usize,
    seed: u64,
    quantity: Quantity,
    shown: BTreeSet<String>,
    /// The column that the table is sorted by: a number of calls; `None` for the registry's order.
    sorted: Option<usize>,
}

impl Default for SamplersDraft {
    fn default() -> Self {
        let mut model = ModelDraft::default();
        let mut exact = ExactModel {
            fit: Spec::new("smooth"),
            schedule: Spec::new("vp"),
            ..ExactModel::new("gaussians")
        };
        // Enough for the shape, and quick.
        exact.data.params.insert("count".into(), Value::Int(512));
        model.choose(Model::Exact(Box::new(exact)));
        Self {
            model,
            spacing: Spec::new("karras"),
            calls: 1,
            count: 100,
            seed: 1,
            quantity: Quantity::Error,
            shown: SHOWN.into_iter().map(str::to_owned).collect(),
            sorted: None,
        }
    }
}

/// The form on the left, curves and table beside it.
pub fn samplers_panel(ui: &mut Ui, state: &AppState, draft: &mut SamplersDraft, out: &mut Vec<Action>) {
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    Panel::left("samplers form")
        .frame(pane)
        .default_size(280.0)
        .size_range(240.0..=420.0)
        .show(ui, |ui| {
            ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| settings(ui, state, draft, out));
        });
    CentralPanel::default().frame(pane).show(ui, |ui| match &state.comparison {
        Comparison::Done(table) => filled(ui, table, draft),
        Comparison::Running(_) => middle(ui, "Comparing", "Each sampler makes the same samples with few and with many network calls."),
        Comparison::None => middle(
            ui,
            "Which sampler gets furthest with few network calls?",
            "Press Compare. With an exact formula in place of a network every error is the sampler's own. Curves that fall \
             steeply belong to samplers of high order; those that draw fresh noise follow no path, so only their distance to \
             the data counts.",
        ),
    });
}

fn settings(ui: &mut Ui, state: &AppState, draft: &mut SamplersDraft, out: &mut Vec<Action>) {
    form::group(ui, "Compare samplers");
    model_rows(ui, state, &mut draft.model);
    spec_rows(
        ui,
        "Spacing",
        "Which times the steps stop at",
        grid::ENTRIES,
        &mut draft.spacing,
    );
    form::row(ui, "Calls", "Network calls that each sampler may make", |ui| {
        let options: Vec<_> = CALLS.iter().map(|(_, name)| *name).enumerate().collect();
        form::choice(ui, "calls", &mut draft.calls, &options)
    });
    let help = "How many samples the errors are a mean of";
    form::row(ui, "Samples", help, |ui| whole(ui, &mut draft.count, 2, 2000));
    form::row(ui, "Seed", "Same seed, same noise", |ui| {
        let mut seed = i64::try_from(draft.seed).unwrap_or(i64::MAX);
        let response = form::whole(ui, &mut seed, 0..=i64::MAX);
        draft.seed = seed.unsigned_abs();
        if small_icon(ui, icons::ICON_CASINO, "Another seed").clicked() {
            draft.seed = draft.seed.wrapping_add(1) % 10_000;
        }
        response
    });
    ui.add_space(6.0);
    let running = matches!(state.comparison, Comparison::Running(_));
    let ready = match draft.model.ready(state) {
        Ok(()) if running => Err("A comparison is under way."),
        ready => ready,
    };
    let wanted = keys::pressed(ui.ctx(), Does::Go);
    let press = button::primary(ui, icons::ICON_SCIENCE, "Compare", ready);
    let press = press.on_hover_text(keys::text(ui.ctx(), Does::Go));
    if (press.clicked() || wanted) && ready.is_ok() {
        let command = Command::Compare(Box::new(draft.request()), Arc::<Progress>::default());
        out.push(Action::Engine(command));
    }
    if let (Err(reason), false) = (ready, running) {
        ui.label(theme::caption(ui, reason));
    }
    progress(ui, state, out);
    for (id, why) in LEFT_OUT {
        let label = sampler::ENTRIES.iter().find(|e| e.id == *id).map_or(*id, |e| e.label);
        ui.add_space(6.0);
        ui.label(theme::caption(ui, format!("Left out: {label}, which {why}.")));
    }
}

fn progress(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let Comparison::Running(progress) = &state.comparison else {
        return;
    };
    let (done, total) = progress.get();
    ui.add_space(4.0);
    ui.add(ProgressBar::new(done as f32 / total.max(1) as f32).desired_height(6.0));
    ui.horizontal(|ui| {
        let text = if total == 0 {
            "the exact path".into()
        } else {
            format!("sampler {done} of {total}")
        };
        ui.label(theme::caption(ui, text));
        if button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked() {
            out.push(Action::CancelComparison);
        }
    });
    ui.ctx().request_repaint_after_secs(0.2);
}

fn middle(ui: &mut Ui, title: &str, text: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.34).max(20.0));
        ui.set_max_width(460.0);
        ui.label(theme::title(title));
        ui.add_space(6.0);
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
    });
}

fn filled(ui: &mut Ui, table: &Table, draft: &mut SamplersDraft) {
    ui.horizontal(|ui| {
        ui.label(theme::heading("Error by network calls"));
        ui.label(theme::caption(ui, &table.model));
        if table.data_distance.is_some() {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let help = "Sliced Wasserstein distance between samples and data; the dashed line is what data themselves have";
                ui.selectable_value(&mut draft.quantity, Quantity::Distance, "Distance to the data")
                    .on_hover_text(help);
                let help = "Root mean square distance from the exact end of the path, for samplers that follow it";
                ui.selectable_value(&mut draft.quantity, Quantity::Error, "Error").on_hover_text(help);
            });
        } else {
            draft.quantity = Quantity::Error;
        }
    });
    let height = (ui.available_height() * 0.5).max(140.0);
    curves(ui, table, draft, height);
    ui.add_space(6.0);
    ScrollArea::both()
        .auto_shrink(false)
        .show(ui, |ui| rows(ui, table, draft));
}

impl Quantity {
    fn of(self, trial: &Trial) -> Option<f64> {
        match self {
            Self::Error => trial.error,
            Self::Distance => trial.distance,
        }
    }

    /// The trial with so many calls, and what is shown of it.
    fn at(self, row: &Row, wanted: usize) -> Option<(&Trial, f64)> {
        let trial = row.trials.iter().find(|t| t.wanted == wanted)?;
        Some((trial, self.of(trial)?))
    }

    fn asked(self) -> &'static quantities::Quantity {
        match self {
            Self::Error => &laboratory::ERROR,
            Self::Distance => &distance::WASSERSTEIN,
        }
    }
}

/// Both axes are logarithmic: an order is a slope.
fn curves(ui: &mut Ui, table: &Table, draft: &SamplersDraft, height: f32) {
    let quantity = draft.quantity;
    let best = table.data_distance.filter(|_| quantity == Quantity::Distance);
    let weak = theme::palette(ui).weak;
    let inks = inks(ui);
    plot(ui, "samplers", height)
        .x_grid_spacer(|input| decades(&input))
        .y_grid_spacer(|input| decades(&input))
        .x_axis_formatter(|mark, _| words::number(10_f64.powf(mark.value)))
        .y_axis_formatter(|mark, _| words::number(10_f64.powf(mark.value)))
        .y_axis_min_width(52.0)
        .label_formatter(|at| {
            let p = hovered(at);
            Some(format!(
                "{:.0} calls\n{}",
                10_f64.powf(p.x),
                words::reading(10_f64.powf(p.y))
            ))
        })
        .legend(egui_plot::Legend::default().background_alpha(0.6))
        .show(ui, |plot| {
            if let Some(best) = best {
                let ends = vec![[0.7, best.log10()], [2.8, best.log10()]];
                plot.line(
                    Line::new("data", ends)
                        .color(weak)
                        .width(1.0)
                        .style(LineStyle::dashed_loose()),
                );
            }
            let chosen = table.rows.iter().filter(|row| draft.shown.contains(&row.sampler));
            for (i, row) in chosen.enumerate() {
                let curve = points(row, quantity);
                let (ink, marker) = inks[i % inks.len()];
                plot.line(Line::new(&row.label, curve.clone()).color(ink).width(1.6));
                plot.points(Points::new(&row.label, curve).color(ink).shape(marker).radius(3.5));
            }
        });
}

/// Colours and marks; each mark differs, so that colour is not the only sign.
fn inks(ui: &Ui) -> [(Color32, MarkerShape); 8] {
    let p = theme::palette(ui);
    [
        (p.curve, MarkerShape::Circle),
        (p.sample, MarkerShape::Square),
        (p.good, MarkerShape::Diamond),
        (p.noise, MarkerShape::Up),
        (p.bad, MarkerShape::Down),
        (p.field, MarkerShape::Cross),
        (p.warn, MarkerShape::Plus),
        (p.data, MarkerShape::Asterisk),
    ]
}

fn points(row: &Row, quantity: Quantity) -> Vec<[f64; 2]> {
    let known = row
        .trials
        .iter()
        .filter_map(|t| Some((t.calls, quantity.of(t).filter(|v| *v > 0.0)?)));
    known
        .map(|(calls, value)| [(calls as f64).log10(), value.log10()])
        .collect()
}

/// What a sampler makes of so many calls. The first of a row can be reached by keyboard.
fn cell(ui: &mut Ui, row: &Row, wanted: usize, quantity: Quantity, is_first: bool) {
    let Some((trial, value)) = quantity.at(row, wanted) else {
        ui.label(theme::number("–"));
        return;
    };
    let of = quantity.asked();
    let subject = format!("{} of {} with {wanted} calls", of.name, row.label);
    let text = theme::number(words::reading(value));
    let values = || laboratory::trial(row, trial, value);
    if is_first {
        number(ui, text, of, &subject, values);
    } else {
        number::cell(ui, text, of, &subject, values);
    }
}

/// A line a sampler; a press on its name shows or hides its curve, one on a number of calls sorts.
fn rows(ui: &mut Ui, table: &Table, draft: &mut SamplersDraft) {
    let calls: BTreeSet<usize> = table
        .rows
        .iter()
        .flat_map(|r| r.trials.iter().map(|t| t.wanted))
        .collect();
    let mut order: Vec<&Row> = table.rows.iter().collect();
    if let Some(wanted) = draft.sorted {
        let key = |row: &Row| draft.quantity.at(row, wanted).map_or(f64::INFINITY, |(_, v)| v);
        order.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(Ordering::Equal));
    }
    Grid::new("sampler table")
        .num_columns(calls.len() + 2)
        .striped(true)
        .spacing([18.0, 4.0])
        .show(ui, |ui| {
            let by_name = ui.selectable_label(draft.sorted.is_none(), "Sampler");
            if by_name.on_hover_text("In the order of the registry").clicked() {
                draft.sorted = None;
            }
            for &wanted in &calls {
                let head = ui.selectable_label(draft.sorted == Some(wanted), format!("{wanted} calls"));
                if head.on_hover_text("Best first").clicked() {
                    draft.sorted = Some(wanted);
                }
            }
            ui.label(theme::caption(ui, "order"))
                .on_hover_text(laboratory::ORDER.said);
            ui.end_row();
            for row in order {
                let mut is_shown = draft.shown.contains(&row.sampler);
                if ui.checkbox(&mut is_shown, &row.label).changed() {
                    if is_shown {
                        draft.shown.insert(row.sampler.clone());
                    } else {
                        draft.shown.remove(&row.sampler);
                    }
                }
                let first = calls.iter().find(|&&wanted| draft.quantity.at(row, wanted).is_some());
                for wanted in &calls {
                    ui.horizontal(|ui| {
                        // Under the words of the button above.
                        ui.add_space(ui.spacing().button_padding.x);
                        cell(ui, row, *wanted, draft.quantity, Some(wanted) == first);
                    });
                }
                let text = theme::number(row.order.map_or_else(|| "–".into(), |o| format!("{o:.1}")));
                let subject = format!("Order of {}", row.label);
                number(ui, text, &laboratory::ORDER, &subject, || laboratory::order(row));
                ui.end_row();
            }
        });
}

impl SamplersDraft {
    fn request(&self) -> LaboratoryRequest {
        LaboratoryRequest {
            model: self.model.chosen.clone(),
            spacing: self.spacing.clone(),
            calls: CALLS[self.calls].0.into(),
            count: self.count,
            seed: self.seed,
        }
    }
}
