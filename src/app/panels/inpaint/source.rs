//! Where the picture comes from: the data, a sample, a file, the clipboard.

use eframe::egui::{Grid, Ui, vec2};
use egui_material_icons::icons;

use crate::{
    app::{
        action::{Action, Browse},
        easel::Easel,
        keys::{self, Does},
        loader::Purpose,
        state::AppState,
        widgets::{button, form},
    },
    data::Dataset,
    draw::Raster,
    math::Domain,
};

/// Which pictures come next.
#[derive(Debug, Default)]
pub(super) struct SourceDraft {
    /// How many pictures of the data were taken.
    taken: u64,
    /// The same of the present trajectory's samples.
    samples: usize,
}

/// Four ways to a picture.
pub(super) fn source_form(ui: &mut Ui, state: &AppState, draft: &mut SourceDraft, out: &mut Vec<Action>) {
    form::group(ui, "Picture");
    source_buttons(ui, state, draft, out);
}

pub(super) fn source_buttons(ui: &mut Ui, state: &AppState, draft: &mut SourceDraft, out: &mut Vec<Action>) {
    let width = ((ui.available_width() - 8.0) / 2.0).min(200.0);
    let data = pictures(state);
    let sample = sample(state, draft.samples);
    let one = |ui: &mut Ui, icon, text, can: Result<(), &str>| {
        ui.allocate_ui(vec2(width, 28.0), |ui| {
            button::icon_text_wide(ui, icon, text, can, width)
        })
        .inner
    };
    Grid::new("picture sources")
        .num_columns(2)
        .spacing([8.0, 6.0])
        .show(ui, |ui| {
            let from_data = one(ui, icons::ICON_PHOTO_LIBRARY, "From data", data.map(|_| ()));
            if let (true, Ok(data)) = (
                from_data
                    .on_hover_text("A picture of the data set; again for another one")
                    .clicked(),
                data,
            ) {
                draft.taken += 1;
                out.extend(of_data(data, draft.taken).map(|easel| Action::Work(Box::new(easel))));
            }
            let can = sample.as_ref().map(|_| ()).map_err(|reason| *reason);
            let from_sample = one(ui, icons::ICON_AUTO_AWESOME, "From a sample", can);
            if let (true, Ok(easel)) = (
                from_sample
                    .on_hover_text("What a model made; again for another one")
                    .clicked(),
                sample,
            ) {
                draft.samples += 1;
                out.push(Action::Work(Box::new(easel)));
            }
            ui.end_row();
            let open = one(ui, icons::ICON_FOLDER_OPEN, "Open…", Ok(()));
            if open
                .on_hover_text("A picture file; dropping one does the same")
                .clicked()
            {
                out.push(Action::Browse(Browse::Picture(Purpose::Work)));
            }
            let paste = one(ui, icons::ICON_CONTENT_PASTE, "Paste", Ok(()));
            if paste.on_hover_text(keys::text(ui.ctx(), Does::Paste)).clicked() {
                out.push(Action::Paste);
            }
            ui.end_row();
        });
}

/// The data of the run or of the data view, where they are pictures.
fn pictures(state: &AppState) -> Result<&Dataset, &'static str> {
    let run = state.run.as_ref().map(|run| &run.info.data);
    let shown = state.data.loaded().map(|summary| &summary.data);
    let is_picture = |data: &&Dataset| matches!(data.domain, Domain::Image { .. });
    let found = run.into_iter().chain(shown).find(is_picture);
    found.ok_or("No pictures are loaded: choose a picture set in the Data workspace")
}

/// One of the data, another one for each number.
fn of_data(data: &Dataset, number: u64) -> Option<Easel> {
    // Steps of the golden ratio visit all parts of the data.
    let index = (number as f64 * 0.618_033_988_749_895).fract() * data.count as f64;
    let index = (index as usize).min(data.count.saturating_sub(1));
    let raster = Raster::picture(&data.frame(&[index]), 0)?;
    Some(Easel::new(format!("{} {}", data.label, index + 1), raster))
}

/// A finished sample of the present trajectory.
fn sample(state: &AppState, number: usize) -> Result<Easel, &'static str> {
    let none = "No samples of pictures are at hand: make some in the Trajectory workspace";
    let view = state.trajectory().ok_or(none)?;
    let last = view.steps.last().filter(|_| view.ended).ok_or(none)?;
    let place = number % view.info.count.max(1);
    let raster = Raster::picture(&last.x, place).ok_or(none)?;
    Ok(Easel::new(format!("Sample {}", place + 1), raster))
}
