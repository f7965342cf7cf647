//! What to sample: which weights, sampler, steps, seed, how many, of which class.

use std::path::PathBuf;

use eframe::egui::{Align, ComboBox, Layout, ProgressBar, Response, TextEdit, Ui, vec2};
use egui_material_icons::{MaterialIcon, icons};

use crate::{
    app::{
        action::Action,
        dialogs::{Answer, Asking, Kind, Question},
        keys::{self, Does},
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{button, form},
        words,
    },
    diffusion::{Guidance, sampler},
    engine::{
        Command, TrajectoryId,
        command::{ClassChoice, Model, SampleRequest},
    },
    files::{Recipe, bundled},
    math::{Domain, Spec, grid},
};

/// The half-edited form.
#[derive(Debug)]
pub struct SampleDraft {
    /// With which weights.
    pub model: Model,
    /// Sampler and parameters.
    pub sampler: Spec,
    /// Number of moves.
    pub steps: usize,
    /// How times are chosen.
    pub spacing: Spec,
    /// Seed of all noise.
    pub seed: u64,
    /// How many pictures.
    pub pictures: usize,
    /// How many points.
    pub points: usize,
    /// Class of the samples.
    pub class: ClassChoice,
    /// Guidance scale; 1 is off.
    pub guidance: f64,
    folder: String,
    asking: Option<Asking>,
    pace: Option<Pace>,
    touched: bool,
}

impl Default for SampleDraft {
    fn default() -> Self {
        Self {
            model: Model::Present,
            sampler: Spec::new("ddim"),
            steps: 50,
            spacing: Spec::new("trailing"),
            seed: 1,
            pictures: 16,
            points: 1000,
            class: ClassChoice::None,
            guidance: 1.0,
            folder: String::new(),
            asking: None,
            pace: None,
            touched: false,
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

/// What is known about the chosen weights before they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    domain: Option<Domain>,
    /// `None` when it is not known whether there are classes.
    classes: Option<Vec<String>>,
}

/// The form, its button, and the progress of what was asked for.
pub fn sample_form(ui: &mut Ui, state: &AppState, draft: &mut SampleDraft, out: &mut Vec<Action>) {
    draft.choose_default(state);
    form::group(ui, "Sample");
    model_rows(ui, state, draft);
    let known = draft.known(state);
    sampler_rows(ui, draft);
    seed_row(ui, draft);
    let (count, most) = match known.domain {
        Some(Domain::Points) => (&mut draft.points, 20_000),
        _ => (&mut draft.pictures, 1024),
    };
    let help = "How many samples; each has its own noise, whatever the number of others";
    form::row(ui, "Samples", help, |ui| whole(ui, count, 1, most));
    class_rows(ui, draft, &known);
    ui.add_space(6.0);
    let ready = draft.ready(state);
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

fn model_rows(ui: &mut Ui, state: &AppState, draft: &mut SampleDraft) {
    let help = "Which weights: those of the run in the Lab, a model that ships with the program, or a folder on disk";
    form::row(ui, "Model", help, |ui| {
        let before = draft.model.clone();
        let mut response = ComboBox::from_id_salt("model")
            .width(ui.available_width())
            .selected_text(model_name(&draft.model, state))
            .show_ui(ui, |ui| {
                let bundled = bundled::ALL.iter().map(|b| Model::Bundled(b.id.to_owned()));
                let folder = Model::Folder(PathBuf::from(draft.folder.trim()));
                for model in [Model::Present].into_iter().chain(bundled).chain([folder]) {
                    let is_chosen = same(&draft.model, &model);
                    if ui.selectable_label(is_chosen, model_name(&model, state)).clicked() {
                        draft.model = model;
                    }
                }
            })
            .response;
        if !same(&before, &draft.model) {
            draft.touched = true;
            response.mark_changed();
        }
        response
    });
    if matches!(draft.model, Model::Folder(_)) {
        folder_row(ui, draft);
    }
}

fn folder_row(ui: &mut Ui, draft: &mut SampleDraft) {
    let help = "A run folder, a checkpoint in it, or an ema.safetensors";
    form::row(ui, "Folder", help, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if small_icon(ui, icons::ICON_FOLDER_OPEN, "Choose a folder").clicked() {
                let question = Question {
                    kind: Kind::OpenFolder,
                    title: "Choose a run folder".into(),
                    name: String::new(),
                    extensions: &[],
                    folder: None,
                };
                draft.asking = Some(Asking::new(ui.ctx(), question));
            }
            let field = TextEdit::singleline(&mut draft.folder).hint_text("path of a run");
            ui.add_sized(vec2(ui.available_width(), 26.0), field)
        })
        .inner
    });
    if let Some(answer) = draft.asking.as_mut().and_then(|asking| asking.show(ui.ctx())) {
        draft.asking = None;
        if let Answer::Path(path) = answer {
            draft.folder = path.display().to_string();
        }
    }
    draft.model = Model::Folder(PathBuf::from(draft.folder.trim()));
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
    spec_rows(
        ui,
        "Spacing",
        "Which times the steps stop at",
        grid::ENTRIES,
        &mut draft.spacing,
    );
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

fn class_rows(ui: &mut Ui, draft: &mut SampleDraft, known: &Known) {
    let unknown = known.classes.is_none();
    let names = known.classes.as_deref().unwrap_or_default();
    if !unknown && names.is_empty() {
        draft.class = ClassChoice::None;
        return;
    }
    let mut options = vec![(ClassChoice::None, "Any"), (ClassChoice::Each, "Each in turn")];
    options.extend(
        (0_u32..)
            .zip(names)
            .map(|(i, name)| (ClassChoice::One(i), name.as_str())),
    );
    if unknown {
        options.push((ClassChoice::One(0), "By number"));
    }
    let help = "What the samples should be of, for networks that were told classes";
    form::row(ui, "Class", help, |ui| {
        let mut shown = match draft.class {
            ClassChoice::One(_) if unknown => ClassChoice::One(0),
            other => other,
        };
        let response = form::choice(ui, "class", &mut shown, &options);
        if response.changed() {
            draft.class = shown;
        }
        response
    });
    if let (ClassChoice::One(class), true) = (&mut draft.class, unknown) {
        form::row(ui, "Number", "Index of the class, from 0", |ui| {
            let mut index = i64::from(*class);
            let response = form::whole(ui, &mut index, 0..=9999);
            *class = index as u32;
            response
        });
    }
    if draft.class != ClassChoice::None {
        let help = "How strongly the class is insisted on; 1 is off, above 1 costs twice the time";
        form::row(ui, "Guidance", help, |ui| {
            form::real(ui, &mut draft.guidance, 0.0..=10.0)
        });
    }
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
    /// Chooses weights, which are then no longer chosen by themselves.
    pub fn choose(&mut self, model: Model) {
        self.model = model;
        self.touched = true;
    }

    /// The run of the Lab as soon as there is one; before that the weights of the present trajectory, or a model that ships
    /// with the program.
    fn choose_default(&mut self, state: &AppState) {
        if self.touched {
            return;
        }
        let shown = state.trajectory().and_then(|view| view.request.as_ref());
        self.model = match (&state.run, shown, bundled::ALL.first()) {
            (None, Some(request), _) => request.model.clone(),
            (None, None, Some(first)) => Model::Bundled(first.id.to_owned()),
            _ => Model::Present,
        };
        if let Model::Folder(path) = &self.model {
            self.folder = path.display().to_string();
        }
    }

    /// Whether there is something to sample from, or why not.
    fn ready(&self, state: &AppState) -> Result<(), &'static str> {
        match &self.model {
            Model::Present if state.run.is_none() => Err("Train something in the Lab first, or choose another model."),
            Model::Folder(path) if path.as_os_str().is_empty() => Err("Name the folder of a run."),
            _ => Ok(()),
        }
    }

    fn request(&self, known: &Known) -> SampleRequest {
        SampleRequest {
            id: TrajectoryId::default(),
            model: self.model.clone(),
            sampler: self.sampler.clone(),
            steps: self.steps,
            spacing: self.spacing.clone(),
            seed: self.seed,
            count: if known.domain == Some(Domain::Points) {
                self.points
            } else {
                self.pictures
            },
            class: self.class,
            guidance: if self.class == ClassChoice::None {
                Guidance::default()
            } else {
                Guidance::scale(self.guidance)
            },
            weaker: None,
            classifier: None,
            noise: None,
        }
    }

    fn known(&self, state: &AppState) -> Known {
        if let (Model::Present, Some(run)) = (&self.model, &state.run) {
            let labels = run
                .info
                .data
                .labels
                .as_ref()
                .filter(|_| run.info.recipe.condition.classes);
            return Known {
                domain: Some(run.info.domain),
                classes: Some(labels.map(|l| l.names.clone()).unwrap_or_default()),
            };
        }
        let made_with = |view: &&TrajectoryView| view.request.as_ref().is_some_and(|r| same(&r.model, &self.model));
        match state.trajectories.iter().rev().find(made_with) {
            Some(view) => Known {
                domain: Some(view.info.domain),
                classes: Some(view.info.class_names.to_vec()),
            },
            None => Known {
                domain: self.is_bundled_cloud().then_some(Domain::Points),
                classes: None,
            },
        }
    }

    /// Whether the chosen bundled model makes points.
    fn is_bundled_cloud(&self) -> bool {
        let Model::Bundled(id) = &self.model else { return false };
        let recipe = bundled::ALL
            .iter()
            .find(|b| b.id == id)
            .map(|b| Recipe::parse(b.recipe, id));
        // Perceptrons are for points; every other network is for pictures.
        recipe.is_some_and(|recipe| recipe.is_ok_and(|r| r.net.id == "mlp"))
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

/// Whether both are the same weights.
pub(super) fn same(a: &Model, b: &Model) -> bool {
    match (a, b) {
        (Model::Present, Model::Present) => true,
        (Model::Bundled(a), Model::Bundled(b)) => a == b,
        (Model::Folder(a), Model::Folder(b)) => a == b,
        _ => false,
    }
}

/// Name of a choice of weights in the window.
pub(super) fn model_name(model: &Model, state: &AppState) -> String {
    match (model, &state.run) {
        (Model::Present, Some(run)) => format!("This run, step {}", words::count(run.step)),
        (Model::Present, None) => "The run in the Lab".into(),
        (Model::Bundled(id), _) => format!("Bundled: {id}"),
        (Model::Folder(_), _) => "From a folder…".into(),
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
    fn the_dice_do_not_go_round_in_a_small_circle() {
        let mut seen = std::collections::BTreeSet::new();
        let mut seed = 1;
        for _ in 0..30 {
            seed = another(seed);
            assert!(seed < 10_000 && seen.insert(seed), "{seed} came again");
        }
    }
}
