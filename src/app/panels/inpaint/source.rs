//! Where the picture comes from: data, a sample, a file, the clipboard.

use eframe::egui::{Align, Layout, Ui, vec2};
use egui_material_icons::icons;

use crate::{
    app::{
        action::{Action, Browse},
        catalogue,
        easel::Easel,
        keys::{self, Does},
        loader::Wanted,
        state::AppState,
        widgets::{button, form},
    },
    data::{self, Dataset},
    draw::Raster,
    math::Domain,
};

/// Which pictures come next.
#[derive(Debug, Default)]
pub(super) struct SourceDraft {
    /// The data that pictures were taken from last.
    data: Option<Dataset>,
    /// How many pictures of the data were taken.
    taken: u64,
    /// The same of the present trajectory's samples.
    samples: usize,
}

impl SourceDraft {
    /// Takes pictures from these data from now on; the next one.
    pub(super) fn take(&mut self, data: Dataset) -> Option<Easel> {
        self.taken += 1;
        let easel = of_data(&data, self.taken);
        self.data = Some(data);
        easel
    }
}

/// Four ways to a picture, in two rows.
pub(super) fn source_form(ui: &mut Ui, state: &AppState, draft: &mut SourceDraft, out: &mut Vec<Action>) {
    form::group(ui, "Picture");
    source_buttons(ui, state, draft, out);
}

/// The same without a title.
pub(super) fn source_buttons(ui: &mut Ui, state: &AppState, draft: &mut SourceDraft, out: &mut Vec<Action>) {
    let width = ((ui.available_width() - 8.0) / 2.0).clamp(40.0, 180.0);
    let row = vec2(2.0 * width + 8.0, 28.0);
    let left = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(row, left, |ui| {
        data_menu(ui, state, draft, width, out);
        let sample = sample(state, draft.samples);
        let can = sample.as_ref().map(|_| ()).map_err(|reason| *reason);
        let press = wide(ui, width, |ui| {
            button::icon_text_wide(ui, icons::ICON_AUTO_AWESOME, "Sample", can, width)
        });
        let press = press.on_hover_text("What a model made; again for another one");
        if let (true, Ok(easel)) = (press.clicked(), sample) {
            draft.samples += 1;
            out.push(Action::Work(Box::new(easel)));
        }
    });
    ui.allocate_ui_with_layout(row, left, |ui| {
        let press = wide(ui, width, |ui| {
            button::icon_text_wide(ui, icons::ICON_FOLDER_OPEN, "Open…", Ok(()), width)
        });
        if press
            .on_hover_text("A picture file; dropping one does the same")
            .clicked()
        {
            out.push(Action::Browse(Browse::Picture));
        }
        let press = wide(ui, width, |ui| {
            button::icon_text_wide(ui, icons::ICON_CONTENT_PASTE, "Paste", Ok(()), width)
        });
        if press.on_hover_text(keys::text(ui.ctx(), Does::Paste)).clicked() {
            out.push(Action::Paste);
        }
    });
}

fn wide<R>(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    ui.allocate_ui(vec2(width, 28.0), contents).inner
}

/// The picture sets that there are.
fn data_menu(ui: &mut Ui, state: &AppState, draft: &mut SourceDraft, width: f32, out: &mut Vec<Action>) {
    let at_hand: Vec<&Dataset> = loaded(state).chain(&draft.data).collect();
    let mut chosen = None;
    let label = (icons::ICON_PHOTO_LIBRARY.rich_text(), "Data");
    let menu = wide(ui, width, |ui| {
        ui.vertical_centered_justified(|ui| {
            ui.menu_button(label, |ui| {
                let own = at_hand.iter().filter(|data| !data::is_registered(&data.id));
                for data in own.take(1) {
                    if ui.button(&data.label).clicked() {
                        chosen = Some((*data).clone());
                    }
                }
                for entry in catalogue::GROUPS.iter().flat_map(|group| group.entries()) {
                    if catalogue::is_points(entry.id) || !ui.button(entry.label).on_hover_text(entry.help).clicked() {
                        continue;
                    }
                    match at_hand.iter().find(|data| data.id == entry.id) {
                        Some(data) => chosen = Some((*data).clone()),
                        None => out.push(Action::Load(Wanted::Data(entry.id))),
                    }
                }
            })
            .response
        })
        .inner
    });
    button::name(&menu, "Data");
    menu.on_hover_text("A picture of a data set; the same set again for another one");
    if let Some(data) = chosen {
        out.extend(draft.take(data).map(|easel| Action::Work(Box::new(easel))));
    }
}

/// The data of the run and of the data view, where they are pictures.
fn loaded(state: &AppState) -> impl Iterator<Item = &Dataset> {
    let run = state.run.as_ref().map(|run| &run.info.data);
    let shown = state.data.loaded().map(|summary| &summary.data);
    let all = run.into_iter().chain(shown);
    all.filter(|data| matches!(data.domain, Domain::Image { .. }))
}

/// One of the data, another one for each number.
fn of_data(data: &Dataset, number: u64) -> Option<Easel> {
    // Steps of the golden ratio visit all parts of the data.
    let index = (number as f64 * 0.618_033_988_749_895).fract() * data.count as f64;
    let index = (index as usize).min(data.count.saturating_sub(1));
    let raster = Raster::picture(&data.frame(&[index]), 0)?;
    let easel = Easel::new(format!("{} {}", data.label, index + 1), raster);
    Some(if data::is_registered(&data.id) {
        easel.of(&data.id)
    } else {
        easel
    })
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
