//! Which weights samples are made with, and what is known of them before they are read.

use std::path::PathBuf;

use eframe::egui::{Align, ComboBox, Layout, Response, TextEdit, Ui, vec2};
use egui_material_icons::icons;

use super::{small_icon, spec_rows};
use crate::{
    app::{
        catalogue,
        dialogs::{Answer, Asking, Kind, Question},
        state::AppState,
        trajectories::TrajectoryView,
        widgets::form,
        words,
    },
    diffusion::oracle::fit,
    engine::{command::Model, exact::ExactModel},
    files::{Recipe, bundled},
    math::{Domain, Spec, schedule},
};

/// The half-edited choice.
#[derive(Debug)]
pub struct ModelDraft {
    /// With which weights.
    pub chosen: Model,
    folder: String,
    exact: ExactModel,
    asking: Option<Asking>,
    touched: bool,
}

impl Default for ModelDraft {
    fn default() -> Self {
        Self {
            chosen: Model::Present,
            folder: String::new(),
            exact: ExactModel::new("moons"),
            asking: None,
            touched: false,
        }
    }
}

/// What is known about the chosen weights before they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What a sample is.
    pub domain: Option<Domain>,
    /// Names of the classes; `None` when it is not known whether there are any.
    pub classes: Option<Vec<String>>,
    /// What it learned from.
    pub source: Option<String>,
}

/// The choice, and what it needs to be complete.
pub(in crate::app::panels) fn model_rows(ui: &mut Ui, state: &AppState, draft: &mut ModelDraft) {
    let help = "Which weights: those of the run in the Lab, a model that ships with the program, a folder on disk, or no \
                network at all: the exact answer, computed from the data";
    form::row(ui, "Model", help, |ui| choice(ui, state, draft));
    match draft.chosen {
        Model::Folder(_) => folder_row(ui, draft),
        Model::Exact(_) => exact_rows(ui, draft),
        Model::Present | Model::Bundled(_) => {}
    }
}

fn choice(ui: &mut Ui, state: &AppState, draft: &mut ModelDraft) -> Response {
    let before = draft.chosen.clone();
    let mut response = ComboBox::from_id_salt("model")
        .width(ui.available_width())
        .selected_text(model_name(&draft.chosen, state))
        .show_ui(ui, |ui| {
            for model in draft.options() {
                let is_chosen = std::mem::discriminant(&draft.chosen) == std::mem::discriminant(&model)
                    && (!matches!(model, Model::Bundled(_)) || draft.chosen == model);
                if ui.selectable_label(is_chosen, model_name(&model, state)).clicked() {
                    draft.chosen = model;
                }
            }
        })
        .response;
    if before != draft.chosen {
        draft.touched = true;
        response.mark_changed();
    }
    response
}

fn folder_row(ui: &mut Ui, draft: &mut ModelDraft) {
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
    draft.chosen = Model::Folder(PathBuf::from(draft.folder.trim()));
}

fn exact_rows(ui: &mut Ui, draft: &mut ModelDraft) {
    let exact = &mut draft.exact;
    let help = "The data whose exact answer is computed; of large sets 2,048 samples";
    let before = exact.data.source.clone();
    form::row(ui, "Data", help, |ui| data_choice(ui, &mut exact.data.source));
    if exact.data.source != before {
        // Parameters belong to the set that they were made for.
        exact.data.params.clear();
    }
    spec_rows(ui, "Knows", "What it takes the data for", fit::ENTRIES, &mut exact.fit);
    form::row(ui, "Noise", "Noise schedule, with its usual settings", |ui| {
        let (response, chosen) = form::entry(ui, "Noise", &exact.schedule.id, schedule::ENTRIES);
        if let Some(id) = chosen {
            exact.schedule = Spec::new(id);
        }
        response
    });
    draft.chosen = Model::Exact(Box::new(exact.clone()));
}

fn data_choice(ui: &mut Ui, source: &mut String) -> Response {
    ComboBox::from_id_salt("exact data")
        .width(ui.available_width())
        .selected_text(catalogue::label(source))
        .show_ui(ui, |ui| {
            for entry in catalogue::GROUPS.iter().flat_map(|group| group.entries()) {
                ui.selectable_value(source, entry.id.to_owned(), entry.label)
                    .on_hover_text(entry.help);
            }
        })
        .response
}

impl ModelDraft {
    /// Chooses weights, which are then no longer chosen by themselves.
    pub fn choose(&mut self, model: Model) {
        self.put(model);
        self.touched = true;
    }

    fn put(&mut self, model: Model) {
        match &model {
            Model::Folder(path) => self.folder = path.display().to_string(),
            Model::Exact(exact) => self.exact = (**exact).clone(),
            Model::Present | Model::Bundled(_) => {}
        }
        self.chosen = model;
    }

    fn options(&self) -> Vec<Model> {
        let bundled = bundled::ALL.iter().map(|b| Model::Bundled(b.id.to_owned()));
        let folder = Model::Folder(PathBuf::from(self.folder.trim()));
        let exact = Model::Exact(Box::new(self.exact.clone()));
        [Model::Present]
            .into_iter()
            .chain(bundled)
            .chain([folder, exact])
            .collect()
    }

    /// The run of the Lab as soon as there is one; before that the weights of the present trajectory, or a model that ships
    /// with the program.
    pub(in crate::app::panels) fn choose_default(&mut self, state: &AppState) {
        if self.touched {
            return;
        }
        let shown = state.trajectory().and_then(|view| view.request.as_ref());
        self.put(match (&state.run, shown, bundled::ALL.first()) {
            (None, Some(request), _) => request.model.clone(),
            (None, None, Some(first)) => Model::Bundled(first.id.to_owned()),
            _ => Model::Present,
        });
    }

    /// Whether there is something to sample from, or why not.
    pub(in crate::app::panels) fn ready(&self, state: &AppState) -> Result<(), &'static str> {
        match &self.chosen {
            Model::Present if state.run.is_none() => Err("Train something in the Lab first, or choose another model."),
            Model::Folder(path) if path.as_os_str().is_empty() => Err("Name the folder of a run."),
            _ => Ok(()),
        }
    }

    /// What is known of the chosen weights.
    pub(in crate::app::panels) fn known(&self, state: &AppState) -> Known {
        if let (Model::Present, Some(run)) = (&self.chosen, &state.run) {
            let told = run.info.recipe.condition.classes;
            let labels = run.info.data.labels.as_ref().filter(|_| told);
            return Known {
                domain: Some(run.info.domain),
                classes: Some(labels.map(|l| l.names.clone()).unwrap_or_default()),
                source: Some(run.info.recipe.data.source.clone()),
            };
        }
        let made_with = |view: &&TrajectoryView| view.request.as_ref().is_some_and(|r| r.model == self.chosen);
        match state.trajectories.iter().rev().find(made_with) {
            Some(view) => Known {
                domain: Some(view.info.domain),
                classes: Some(view.info.class_names.to_vec()),
                source: Some(view.info.recipe.data.source.clone()),
            },
            None => self.expected(),
        }
    }

    /// The recipe of the chosen weights, where it is known; of an exact model what counts, its schedule.
    pub(in crate::app::panels) fn recipe(&self, state: &AppState) -> Option<Recipe> {
        let made_with = |view: &&TrajectoryView| view.request.as_ref().is_some_and(|r| r.model == self.chosen);
        match &self.chosen {
            Model::Present => state.run.as_ref().map(|run| run.info.recipe.clone()),
            Model::Bundled(id) => bundled_recipe(id),
            Model::Exact(exact) => Some(Recipe {
                schedule: exact.schedule.clone(),
                data: exact.data.clone(),
                ..Recipe::default()
            }),
            Model::Folder(_) => {
                let view = state.trajectories.iter().rev().find(made_with)?;
                Some(view.info.recipe.clone())
            }
        }
    }

    /// What a model that nothing was made with yet says by its name.
    fn expected(&self) -> Known {
        let source = match &self.chosen {
            Model::Bundled(id) => bundled_recipe(id).map(|recipe| recipe.data.source),
            Model::Exact(exact) => Some(exact.data.source.clone()),
            Model::Present | Model::Folder(_) => None,
        };
        let is_points = source.as_deref().is_some_and(catalogue::is_points);
        Known {
            domain: is_points.then_some(Domain::Points),
            classes: None,
            source,
        }
    }
}

/// How a bundled model was trained.
fn bundled_recipe(id: &str) -> Option<Recipe> {
    let found = bundled::ALL.iter().find(|b| b.id == id)?;
    Recipe::parse(found.recipe, id).ok()
}

fn model_name(model: &Model, state: &AppState) -> String {
    match (model, &state.run) {
        (Model::Present, Some(run)) => format!("This run, step {}", words::count(run.step)),
        (Model::Present, None) => "The run in the Lab".into(),
        (Model::Bundled(id), _) => format!("Bundled: {id}"),
        (Model::Folder(_), _) => "From a folder…".into(),
        (Model::Exact(_), _) => "Exact formula".into(),
    }
}
