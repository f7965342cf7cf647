//! The answers: thumbnails, what is looked at, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use eframe::egui::{
    self, Color32, Mesh, Rect, RichText, Sense, Shape, Slider, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};
use egui_material_icons::icons;

use super::job::{Job, picture};
use crate::{
    app::{
        action::Action,
        easel::Easel,
        quantities::{Reading, picture as known},
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{button, canvas::Face, form, live::Live, number::number},
    },
    draw::{Raster, spread},
    engine::event::Figures,
    files::document::Layer,
};

/// Side of a thumbnail.
const SIDE: f32 = 58.0;

/// How an answer is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// The state at the cursor, in its place.
    #[default]
    State,
    /// The clean guess at the cursor.
    Guess,
    /// The picture to the left of a line, the answer to its right.
    Split,
    /// How far it is from the picture.
    Difference,
    /// How far the candidates are from each other.
    Uncertainty,
    /// What the method was told.
    Known,
}

impl Look {
    const ALL: [Self; 6] = [
        Self::State,
        Self::Guess,
        Self::Split,
        Self::Difference,
        Self::Uncertainty,
        Self::Known,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::State => "State",
            Self::Guess => "Guess",
            Self::Split => "Split",
            Self::Difference => "Difference",
            Self::Uncertainty => "Spread",
            Self::Known => "Known",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::State => "The state at the cursor of the time bar",
            Self::Guess => "The finished picture as the model guesses it at the cursor",
            Self::Split => "The picture on the left, the answer on the right",
            Self::Difference => "How far the answer is from the picture; yellow is the largest",
            Self::Uncertainty => "How far the candidates differ from each other; yellow is the largest",
            Self::Known => "What the method was told: the picture without what it has to find",
        }
    }
}

/// A candidate: its job's number and its place in it.
type Candidate = (u64, usize);

/// What is selected, and what is uploaded and composed.
#[derive(Debug, Default)]
pub(super) struct TrayDraft {
    pub(super) selected: Option<Candidate>,
    look: Look,
    split: f32,
    kept: BTreeSet<Candidate>,
    thumbs: BTreeMap<u64, (usize, Live)>,
    composed: Option<(Key, Raster)>,
    /// How often something was composed.
    made: u64,
    /// Largest value of the colours that are shown, where there are some.
    scale: Option<f32>,
}

/// What a composed picture depends on.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    candidate: Candidate,
    index: usize,
    look: Look,
    split: f32,
    version: u64,
    candidates: usize,
}

/// The list of answers, newest first.
pub(super) fn tray(
    ui: &mut Ui,
    state: &AppState,
    jobs: &mut Vec<Job>,
    easel: &mut Easel,
    draft: &mut TrayDraft,
    out: &mut Vec<Action>,
) {
    draft
        .thumbs
        .retain(|number, _| jobs.iter().any(|job| job.number == *number));
    let shown: Vec<Job> = jobs
        .iter()
        .filter(|job| !job.candidates(state).is_empty())
        .cloned()
        .collect();
    if shown.is_empty() {
        ui.label(theme::caption(
            ui,
            "Every answer appears here as soon as its first step is made.",
        ));
        return;
    }
    looks(ui, draft);
    decide(ui, state, jobs, easel, draft, out);
    for job in shown.iter().rev() {
        if let Some(view) = job.view(state) {
            row(ui, state, job, view, draft, out);
        }
    }
}

fn looks(ui: &mut Ui, draft: &mut TrayDraft) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        for look in Look::ALL {
            ui.selectable_value(&mut draft.look, look, look.label())
                .on_hover_text(look.help());
        }
    });
    if draft.look == Look::Split {
        form::row(ui, "Line", "Where the answer begins", |ui| {
            ui.add(Slider::new(&mut draft.split, 0.0..=1.0).show_value(false))
        });
    }
    if let Some(scale) = draft.scale {
        let text = format!("Yellow is {:.2}; black to white is 2.", scale / 127.5);
        ui.label(theme::caption(ui, text));
    }
}

/// What becomes of the selected one.
fn decide(
    ui: &mut Ui,
    state: &AppState,
    jobs: &mut Vec<Job>,
    easel: &mut Easel,
    draft: &mut TrayDraft,
    out: &mut Vec<Action>,
) {
    let selected = draft.selected;
    let job = jobs
        .iter()
        .position(|job| selected.is_some_and(|(number, _)| number == job.number));
    let (Some(place), Some((_, sample))) = (job, selected) else {
        ui.label(theme::caption(ui, "Choose one to look at it."));
        return;
    };
    let ended = jobs[place].view(state).filter(|view| view.ended && view.complete);
    let can = if ended.is_some() {
        Ok(())
    } else {
        Err("Wait for the last step")
    };
    ui.horizontal(|ui| {
        let press = button::icon_text_if(ui, icons::ICON_CHECK, "Accept", can);
        if press
            .on_hover_text("Lay it over the picture; Undo takes it back")
            .clicked()
            && let Some(layer) = ended.and_then(|view| layer(easel, &jobs[place], view, sample))
        {
            easel.accept(layer);
            draft.selected = None;
        }
        let kept = draft.kept.contains(&(jobs[place].number, sample));
        let (icon, name) = if kept {
            (icons::ICON_KEEP_OFF, "Do not keep it")
        } else {
            (icons::ICON_KEEP, "Keep it when the others are discarded")
        };
        if button::icon(ui, icon, name).clicked() {
            let key = (jobs[place].number, sample);
            if !draft.kept.remove(&key) {
                draft.kept.insert(key);
            }
        }
        if button::icon(ui, icons::ICON_DELETE, "Discard it").clicked() {
            jobs[place].discarded.push(sample);
            draft.selected = None;
        }
        if button::icon(ui, icons::ICON_DELETE_SWEEP, "Discard all that are not kept").clicked() {
            for job in jobs.iter_mut() {
                for sample in job.candidates(state) {
                    if !draft.kept.contains(&(job.number, sample)) {
                        job.discarded.push(sample);
                    }
                }
            }
            draft.selected = None;
        }
    });
    forget_empty(state, jobs, out);
}

/// Jobs of which nothing is left.
fn forget_empty(state: &AppState, jobs: &mut Vec<Job>, out: &mut Vec<Action>) {
    jobs.retain(|job| {
        let gone = !job.discarded.is_empty() && job.candidates(state).is_empty();
        if gone {
            super::work::cancel(state, job, out);
            out.extend(job.id(state).map(Action::Forget));
        }
        !gone
    });
}

fn layer(easel: &Easel, job: &Job, view: &TrajectoryView, sample: usize) -> Option<Layer> {
    let result = picture(&view.steps.last()?.x, sample)?;
    Some(easel.layer(&job.place, job.name.clone(), &result))
}

/// One job: its name, its candidates, and their figures while one is selected.
fn row(ui: &mut Ui, state: &AppState, job: &Job, view: &TrajectoryView, draft: &mut TrayDraft, out: &mut Vec<Action>) {
    ui.add_space(4.0);
    let name = if job.live {
        format!("Preview · {}", job.name)
    } else {
        job.name.clone()
    };
    ui.add(egui::Label::new(RichText::new(name).small()).truncate());
    let Some(step) = view.steps.last() else { return };
    let (index, live) = draft
        .thumbs
        .entry(job.number)
        .or_insert_with(|| (usize::MAX, Live::default()));
    if *index != step.index {
        // Noise tells nothing at this size; the guess does.
        live.set(ui.ctx(), &step.x0);
        *index = step.index;
    }
    let mut pressed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for sample in job.candidates(state) {
            let Some((texture, uv)) = live.part(sample, view.info.count) else {
                continue;
            };
            let key = (job.number, sample);
            let lit = draft.selected == Some(key);
            if thumbnail(ui, texture, uv, sample, lit, draft.kept.contains(&key)) {
                pressed = Some(key);
            }
        }
    });
    if let Some(key) = pressed {
        draft.selected = if draft.selected == Some(key) { None } else { Some(key) };
        if state.current != Some(view.info.id) {
            out.push(Action::Select(view.info.id));
        }
    }
    if let Some((number, sample)) = draft.selected
        && number == job.number
        && let Some(readings) = view.figures.as_ref().and_then(|figures| readings(figures, sample))
    {
        figures_line(ui, readings);
    }
}

/// `PSNR 21.3 dB`, `SSIM 0.812`, `seam 1.04`, `known to 40 dB`, `2410 calls`.
fn readings(figures: &Figures, sample: usize) -> Option<Vec<Reading<'_>>> {
    let one = figures.candidates.get(sample)?;
    let psnr = |db| known::PSNR.reads(format!("PSNR {db:.1} dB"), move || known::psnr(db));
    let ssim = |v| known::SSIM.reads(format!("SSIM {v:.3}"), move || known::plain("SSIM", v));
    let seam = |v| known::SEAM.reads(format!("seam {v:.2}"), move || known::plain("seam", v));
    let kept = match one.consistency_db {
        Some(db) => format!("known to {db:.0} dB"),
        None => "known exactly".into(),
    };
    let calls = || known::plain("calls", figures.calls);
    let mut readings = Vec::new();
    readings.extend(one.psnr_db.map(psnr));
    readings.extend(one.ssim.map(ssim));
    readings.extend(one.seam.map(seam));
    readings.push(known::KNOWN.reads(kept, || known::known(one)));
    readings.push(known::CALLS.reads(format!("{:.0} calls", figures.calls), calls));
    Some(readings)
}

fn figures_line(ui: &mut Ui, readings: Vec<Reading<'_>>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
        for (i, Reading { of, text, values }) in readings.into_iter().enumerate() {
            if i > 0 {
                ui.label(theme::caption(ui, "·"));
            }
            number(ui, theme::caption(ui, text), of, of.name, values);
        }
    });
}

fn thumbnail(ui: &mut Ui, texture: egui::TextureId, uv: Rect, sample: usize, lit: bool, kept: bool) -> bool {
    let (area, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::click());
    let name = format!("Candidate {}", sample + 1);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, lit, name.as_str()));
    let palette = theme::palette(ui);
    let mut mesh = Mesh::with_texture(texture);
    mesh.add_rect_with_uv(area, uv, Color32::WHITE);
    ui.painter().add(Shape::mesh(mesh));
    let edge = if lit {
        Stroke::new(2.5, palette.accent)
    } else if response.hovered() || response.has_focus() {
        Stroke::new(1.5, palette.edge)
    } else {
        Stroke::new(1.0, palette.line)
    };
    ui.painter().rect_stroke(area, 2.0, edge, StrokeKind::Outside);
    if kept {
        ui.painter()
            .circle_filled(area.right_top() + vec2(-7.0, 7.0), 4.5, palette.good);
    }
    response
        .on_hover_text(if kept { format!("{name}, kept") } else { name.clone() })
        .clicked()
}

impl TrayDraft {
    /// A quick look takes the place of what was looked at.
    pub(super) fn follow(&mut self, number: u64) {
        self.selected = Some((number, 0));
        if !matches!(self.look, Look::State | Look::Guess | Look::Split) {
            self.look = Look::State;
        }
    }

    /// What the canvas shows: the selected answer in its place, or the easel's own picture.
    pub(super) fn face(&mut self, state: &AppState, jobs: &[Job], easel: &Easel, index: usize) -> Option<Face<'_>> {
        self.scale = None;
        let (number, sample) = self.selected?;
        let job = jobs.iter().find(|job| job.number == number)?;
        let view = job.view(state)?;
        let step = view.at(index)?;
        let key = Key {
            candidate: (number, sample),
            index: step.index,
            look: self.look,
            split: self.split,
            version: easel.version(),
            candidates: job.candidates(state).len(),
        };
        if self.composed.as_ref().is_none_or(|(made, _)| *made != key) {
            let raster = compose(state, job, view, easel, &key)?;
            self.made += 1;
            self.composed = Some((key, raster));
        }
        if matches!(self.look, Look::Difference | Look::Uncertainty) {
            self.scale = values(state, job, view, sample, self.look).map(|v| v.into_iter().fold(0.0, f32::max));
        }
        self.composed.as_ref().map(|(_, raster)| Face::Other(self.made, raster))
    }
}

fn compose(state: &AppState, job: &Job, view: &TrajectoryView, easel: &Easel, key: &Key) -> Option<Raster> {
    let sample = key.candidate.1;
    let step = view.at(key.index)?;
    let raster = match key.look {
        Look::State | Look::Split => picture(&step.x, sample)?,
        Look::Guess => picture(&step.x0, sample)?,
        Look::Known => picture(&view.info.restore.as_ref()?.degraded, 0)?,
        Look::Difference | Look::Uncertainty => {
            let values = values(state, job, view, sample, key.look)?;
            let width = picture(&step.x, sample)?.width;
            return Some(easel.with_colours(job.place.frame, &spread::coloured(&values, width).0));
        }
    };
    if key.look == Look::Known {
        return Some(easel.with_colours(job.place.frame, &raster));
    }
    let layered = easel.with_layer(&easel.layer(&job.place, String::new(), &raster));
    Some(if key.look == Look::Split {
        beside(easel.picture(), &layered, key.split)
    } else {
        layered
    })
}

/// What the colours stand for, in bytes.
fn values(state: &AppState, job: &Job, view: &TrajectoryView, sample: usize, look: Look) -> Option<Vec<f32>> {
    let last = &view.steps.last()?.x;
    if look == Look::Difference {
        return Some(spread::difference(&picture(last, sample)?, &job.given(view)?));
    }
    let all: Vec<Raster> = job
        .candidates(state)
        .into_iter()
        .filter_map(|i| picture(last, i))
        .collect();
    Some(spread::deviation(&all.iter().collect::<Vec<_>>()))
}

/// One picture up to a share of the width, the other one from there on.
fn beside(left: &Raster, right: &Raster, share: f32) -> Raster {
    let mut both = right.clone();
    let (row, cut) = (
        left.width * left.channels,
        (share * left.width as f32).round() as usize * left.channels,
    );
    for (to, from) in both.data.chunks_exact_mut(row).zip(left.data.chunks_exact(row)) {
        to[..cut.min(row)].copy_from_slice(&from[..cut.min(row)]);
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_divides_two_pictures() {
        let (left, right) = (Raster::filled(4, 2, 3, [1; 3]), Raster::filled(4, 2, 3, [9; 3]));
        let both = beside(&left, &right, 0.5);
        let row = [1, 1, 9, 9].map(|v| [v; 3]).concat();
        assert_eq!(both.data, [row.clone(), row].concat());
        assert_eq!((beside(&left, &right, 0.0), beside(&left, &right, 1.0)), (right, left));
    }
}
