//! What to sample: which weights, sampler, steps, seed, how many, of which class.

use eframe::egui::{CollapsingHeader, ProgressBar, Response, Ui, vec2};
use egui_material_icons::{MaterialIcon, icons};

use crate::{
    app::{
        action::{Action, Workspace},
        keys::{self, Does},
        panels::{
            advice::{about, advice_notices},
            schedule::label as schedule_label,
        },
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{button, form},
        words,
    },
    diffusion::sampler,
    engine::{
        Command, TrajectoryId,
        command::SampleRequest,
        lint::{self, About, Change, Part, Settings},
    },
    math::{Domain, Spec, grid},
};

mod guidance;
mod model;

pub use guidance::GuidanceDraft;
pub(super) use guidance::guidance_rows;
pub(super) use model::model_rows;
pub use model::{Known, ModelDraft};

/// The half-edited form.
#[derive(Debug)]
pub struct SampleDraft {
    /// With which weights.
    pub model: ModelDraft,
    /// Sampler and parameters.
    pub sampler: Spec,
    /// Number of moves.
    pub steps: usize,
    /// How times are chosen.
    pub spacing: Spec,
    /// The noise schedule along which they are chosen, where it is not the model's own.
    pub schedule: Option<Spec>,
    /// Seed of all noise.
    pub seed: u64,
    /// How many pictures.
    pub pictures: usize,
    /// How many points.
    pub points: usize,
    /// Class, and how strongly samples are led there.
    pub guidance: GuidanceDraft,
    pace: Option<Pace>,
}

impl Default for SampleDraft {
    fn default() -> Self {
        Self {
            model: ModelDraft::default(),
            sampler: Spec::new("ddim"),
            steps: 50,
            spacing: Spec::new("trailing"),
            schedule: None,
            seed: 1,
            pictures: 16,
            points: 1000,
            guidance: GuidanceDraft::default(),
            pace: None,
        }
    }
}

/// When a trajectory was first seen, to tell how long the rest takes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    id: TrajectoryId,
    since: f64,
    from: usize,
}

/// The form, its button, and the progress of what was asked for.
pub fn sample_form(ui: &mut Ui, state: &AppState, draft: &mut SampleDraft, out: &mut Vec<Action>) {
    draft.model.choose_default(state);
    form::group(ui, "Sample");
    model_rows(ui, state, &mut draft.model);
    let known = draft.model.known(state);
    sampler_rows(ui, draft);
    path_row(ui, &mut draft.schedule, out);
    seed_row(ui, draft);
    let (count, most) = match known.domain {
        Some(Domain::Points) => (&mut draft.points, 20_000),
        _ => (&mut draft.pictures, 1024),
    };
    let help = "How many samples; each has its own noise, whatever the number of others";
    form::row(ui, "Samples", help, |ui| whole(ui, count, 1, most));
    guidance_rows(ui, &mut draft.guidance, &known);
    spacing_rows(ui, &mut draft.spacing);
    trap_rows(ui, state, draft, &known);
    ui.add_space(6.0);
    let ready = draft.model.ready(state);
    let wanted = keys::pressed(ui.ctx(), Does::Go);
    let press = button::primary(
        ui,
        icons::ICON_AUTO_AWESOME,
        "Sample",
        ready.as_ref().copied().map_err(|e| *e),
    );
    let key = keys::text(ui.ctx(), Does::Go);
    if (press.on_hover_text(key).clicked() || wanted) && ready.is_ok() {
        out.push(Action::Engine(Command::Sample(Box::new(draft.request(&known)))));
    }
    if let Err(reason) = ready {
        ui.label(theme::caption(ui, reason));
    }
    progress(ui, state, draft, out);
}

fn sampler_rows(ui: &mut Ui, draft: &mut SampleDraft) {
    spec_rows(
        ui,
        "Sampler",
        "How noise is taken away",
        sampler::ENTRIES,
        &mut draft.sampler,
    );
    let help = "Number of moves from noise to sample; more is slower and finer";
    form::row(ui, "Steps", help, |ui| whole(ui, &mut draft.steps, 1, 1000));
}

/// Seldom changed, so folded into a line that says what is chosen.
fn spacing_rows(ui: &mut Ui, spacing: &mut Spec) {
    let chosen = grid::ENTRIES.iter().find(|entry| entry.id == spacing.id);
    let title = format!("Spacing: {}", chosen.map_or(spacing.id.as_str(), |entry| entry.label));
    CollapsingHeader::new(title).id_salt("spacing").show(ui, |ui| {
        spec_rows(ui, "Spacing", "Which times the steps stop at", grid::ENTRIES, spacing);
    });
}

/// The schedule that was chosen for sampling alone, and the way back.
fn path_row(ui: &mut Ui, schedule: &mut Option<Spec>, out: &mut Vec<Action>) {
    let Some(spec) = schedule.clone() else { return };
    let help =
        "The times are those of this schedule's noise levels; the network is asked at its own times of the same noise";
    form::row(ui, "Along", help, |ui| {
        if small_icon(ui, icons::ICON_CLOSE, "The model's own schedule").clicked() {
            *schedule = None;
        }
        let link = ui
            .link(schedule_label(&spec))
            .on_hover_text("Look at it in the Schedule workspace");
        if link.clicked() {
            out.push(Action::Look(vec![spec.clone()]));
            out.push(Action::Show(Workspace::Schedule));
        }
        link
    });
}

/// One entry of a registry with its parameters.
pub(super) fn spec_rows<T: ?Sized>(
    ui: &mut Ui,
    name: &str,
    help: &str,
    entries: &[&'static crate::math::Entry<T>],
    choice: &mut Spec,
) {
    form::row(ui, name, help, |ui| {
        let (response, chosen) = form::entry(ui, name, &choice.id, entries);
        if let Some(id) = chosen {
            *choice = Spec::new(id);
        }
        response
    });
    if let Some(entry) = entries.iter().find(|e| e.id == choice.id) {
        form::params(ui, entry.params, &mut choice.values);
    }
}

/// What these settings would walk into.
fn trap_rows(ui: &mut Ui, state: &AppState, draft: &mut SampleDraft, known: &Known) {
    let Some(recipe) = draft.model.recipe(state) else {
        return;
    };
    let (request, data) = (draft.request(known), about(state, &recipe));
    let mut told = lint::look(Settings {
        recipe: &recipe,
        request: Some(&request),
        data: About {
            domain: known.domain.or(data.domain),
            ..data
        },
    });
    told.retain(|advice| advice.trap.part == Part::Sampling);
    let can = |change: &Change| change.of_request(&request).is_some();
    if let Some(changed) = advice_notices(ui, &told, can).and_then(|change| change.of_request(&request)) {
        draft.mend(changed);
    }
}

fn seed_row(ui: &mut Ui, draft: &mut SampleDraft) {
    let dice = keys::pressed(ui.ctx(), Does::Seed);
    form::row(
        ui,
        "Seed",
        "Same seed, same noise, same samples, on every machine",
        |ui| {
            let mut seed = i64::try_from(draft.seed).unwrap_or(i64::MAX);
            let response = form::whole(ui, &mut seed, 0..=i64::MAX);
            draft.seed = seed.unsigned_abs();
            if small_icon(ui, icons::ICON_CASINO, "Another seed").clicked() || dice {
                draft.seed = another(draft.seed);
            }
            response
        },
    );
}

/// An icon that is no higher than the fields beside it.
pub(super) fn small_icon(ui: &mut Ui, icon: MaterialIcon, name: &str) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(4.0, 0.0);
        button::icon(ui, icon, name)
    })
    .inner
}

/// A whole number that counts.
pub(super) fn whole(ui: &mut Ui, value: &mut usize, min: i64, max: i64) -> Response {
    let mut v = *value as i64;
    let response = form::whole(ui, &mut v, min..=max);
    *value = v.unsigned_abs() as usize;
    response
}

/// What is under way, how long it still takes, and a button to end it.
fn progress(ui: &mut Ui, state: &AppState, draft: &mut SampleDraft, out: &mut Vec<Action>) {
    let running = state.trajectories.iter().find(|view| !view.ended);
    if running.is_none() && state.asked.is_empty() {
        draft.pace = None;
        return;
    }
    let (share, text) = match running {
        Some(view) => (view.reached() as f32 / view.frames() as f32, draft.left(ui, view)),
        None => (0.0, "preparing the network".into()),
    };
    ui.add_space(4.0);
    ui.add(ProgressBar::new(share).desired_height(6.0));
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, text));
        if let Some(view) = running
            && button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked()
        {
            out.push(Action::Engine(Command::CancelSample(view.info.id)));
        }
    });
    let waiting = state.asked.len();
    if waiting > 0 && running.is_some() {
        ui.label(theme::caption(ui, format!("{waiting} more waiting")));
    }
}

impl SampleDraft {
    /// Takes over what a request asks for.
    pub fn take(&mut self, request: &SampleRequest) {
        self.model.choose(request.model.clone());
        self.sampler.clone_from(&request.sampler);
        self.spacing.clone_from(&request.spacing);
        self.schedule.clone_from(&request.schedule);
        (self.steps, self.seed) = (request.steps, request.seed);
        // Which of both counts is known when the model is.
        (self.pictures, self.points) = (request.count, request.count);
        self.guidance.take(request);
    }

    /// Takes over what the remedy of a trap can change: model, class and counts stay as they are.
    fn mend(&mut self, changed: SampleRequest) {
        (self.sampler, self.steps) = (changed.sampler, changed.steps);
        (self.spacing, self.schedule) = (changed.spacing, changed.schedule);
        self.guidance.rescale(changed.guidance.rescale);
    }

    fn request(&self, known: &Known) -> SampleRequest {
        let mut request = SampleRequest {
            model: self.model.chosen.clone(),
            sampler: self.sampler.clone(),
            steps: self.steps,
            spacing: self.spacing.clone(),
            schedule: self.schedule.clone(),
            seed: self.seed,
            count: if known.domain == Some(Domain::Points) {
                self.points
            } else {
                self.pictures
            },
            ..SampleRequest::default()
        };
        self.guidance.put_into(&mut request, known);
        request
    }

    /// `step 12 of 50 · about 3 s left`.
    fn left(&mut self, ui: &Ui, view: &TrajectoryView) -> String {
        let (now, reached) = (ui.input(|i| i.time), view.reached());
        let started = Pace {
            id: view.info.id,
            since: now,
            from: reached,
        };
        let pace = match self.pace {
            Some(pace) if pace.id == view.info.id => pace,
            _ => *self.pace.insert(started),
        };
        let made = reached.saturating_sub(pace.from);
        let place = format!("step {reached} of {}", view.frames());
        if made == 0 {
            return place;
        }
        let secs = (now - pace.since) / made as f64 * (view.frames() - reached) as f64;
        format!("{place} · {} left", words::duration(secs))
    }
}

/// Another seed of at most four digits, which people can read out to each other.
pub(super) fn another(seed: u64) -> u64 {
    // The generator of Knuth's MMIX; its high bits are well mixed.
    let mixed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (mixed >> 33) % 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_taken_over_is_asked_for_again() {
        let request = SampleRequest {
            model: crate::engine::command::Model::Bundled("moons".into()),
            sampler: Spec::new("ddpm"),
            steps: 17,
            seed: 5,
            count: 3,
            class: crate::engine::command::ClassChoice::One(2),
            guidance: crate::diffusion::Guidance {
                scale: 3.0,
                interval: (0.5, 2.0),
                rescale: 0.7,
            },
            ..SampleRequest::default()
        };
        let mut draft = SampleDraft::default();
        draft.take(&request);
        let again = draft.request(&Known::default());
        assert_eq!(format!("{again:?}"), format!("{request:?}"));
    }

    #[test]
    fn the_dice_do_not_go_round_in_a_small_circle() {
        let mut seen = std::collections::BTreeSet::new();
        let mut seed = 1;
        for _ in 0..30 {
            seed = another(seed);
            assert!(seed < 10_000 && seen.insert(seed), "{seed} came again");
        }
    }
}
