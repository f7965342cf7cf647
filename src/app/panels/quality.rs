//! How good samples were while the run trained: one figure with its errors, beside what real data score.

use eframe::egui::Ui;
use egui_plot::{Line, LineStyle, PlotPoint, Points};

use super::plots::{even, hovered, plot, steps_axis};
use crate::{
    app::{
        quantities::{Quantity, distance, quality},
        run_view::RunView,
        theme,
        widgets::{form, number::number},
        words,
    },
    files::figures::Row,
};

/// Which figure is shown.
#[derive(Clone, Debug, Default)]
pub struct QualityDraft {
    /// Its id; the first that there is while empty.
    figure: String,
}

/// The figures by their ids.
const KNOWN: &[(&str, &Quantity)] = &[
    ("feature-frechet", &quality::FRECHET),
    ("feature-kid", &quality::KERNEL),
    ("recognised-share", &quality::RECOGNISED),
    ("class-accuracy", &quality::ACCURACY),
    ("sliced-wasserstein", &distance::WASSERSTEIN),
    ("energy-distance", &distance::ENERGY),
];

/// What a figure is.
pub(super) fn quantity(figure: &str) -> Option<&'static Quantity> {
    KNOWN.iter().find(|(id, _)| *id == figure).map(|(_, of)| *of)
}

/// The choice of the figure.
pub fn quality_choice(ui: &mut Ui, run: &RunView, draft: &mut QualityDraft) {
    let is_measured = |id: &str| run.quality.iter().any(|row| row.figure == id);
    let known = KNOWN.iter().filter(|(id, _)| is_measured(id));
    let options: Vec<_> = known.map(|(id, of)| (*id, of.name)).collect();
    let Some(first) = options.first() else { return };
    let mut chosen = options.iter().find(|(id, _)| *id == draft.figure).unwrap_or(first).0;
    let help = quantity(chosen).map_or("", |of| of.said);
    ui.scope(|ui| {
        ui.set_max_width(170.0);
        form::choice(ui, "figure", &mut chosen, &options).on_hover_text(help);
    });
    chosen.clone_into(&mut draft.figure);
}

/// The chosen figure over training steps but the first few: means as dots, errors as bars, real data as a dashed line.
pub fn quality_plot(ui: &mut Ui, run: &RunView, draft: &QualityDraft, height: f32) {
    let palette = theme::palette(ui);
    // The samples of a run's first tenth are noise, beside which nothing else could be seen.
    let from = run.quality.last().map_or(0, |row| row.step / 10);
    let shown = |row: &&Row| row.figure == draft.figure && row.step >= from;
    let rows: Vec<&Row> = run.quality.iter().filter(shown).collect();
    let at = |row: &&Row| [row.step as f64, row.value];
    let curve: Vec<[f64; 2]> = rows.iter().map(at).collect();
    let best = rows.last().and_then(|row| row.reference);
    plot(ui, "quality", height)
        .y_grid_spacer(|input| even(&input))
        .y_axis_formatter(|mark, _| words::number(mark.value))
        .x_axis_formatter(steps_axis)
        .include_x(0.0)
        .include_y(0.0)
        .label_formatter(move |place| {
            let PlotPoint { x, y } = hovered(place);
            Some(format!(
                "step {}\n{}",
                words::count(x.max(0.0) as u64),
                words::number(y)
            ))
        })
        .show(ui, |plot| {
            if let (Some(best), Some(last)) = (best, curve.last()) {
                let ends = vec![[0.0, best], [last[0], best]];
                let line = Line::new("real data", ends).color(palette.weak).width(1.2);
                plot.line(line.style(LineStyle::dashed_loose()));
            }
            for row in &rows {
                let (x, spread) = (row.step as f64, row.error.unwrap_or(0.0));
                let bar = vec![[x, row.value - spread], [x, row.value + spread]];
                plot.line(
                    Line::new("error", bar)
                        .color(palette.good)
                        .width(1.0)
                        .allow_hover(false),
                );
            }
            plot.line(Line::new("samples", curve.clone()).color(palette.good).width(1.4));
            plot.points(Points::new("samples", curve).color(palette.good).radius(3.0));
        });
}

/// The newest value in words: `0.12 ± 0.03 · real data 0.05`.
pub fn quality_line(ui: &mut Ui, run: &RunView, draft: &QualityDraft) {
    let newest = run.quality.iter().rev().find(|row| row.figure == draft.figure);
    let Some((row, of)) = newest.and_then(|row| Some((row, quantity(&row.figure)?))) else {
        return;
    };
    let error = row.error.map(|e| format!(" ± {}", words::reading(e)));
    let best = row.reference.map(|r| format!(" · real data {}", words::reading(r)));
    let [error, best] = [error, best].map(Option::unwrap_or_default);
    let text = theme::caption(ui, format!("{}{error}{best}", words::reading(row.value)));
    number(ui, text, of, of.name, || quality::figure(row));
}
