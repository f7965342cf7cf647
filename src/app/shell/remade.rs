//! A picture of this program was opened: its recipe, its model, and its trajectory with the cursor where it was.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use eframe::egui::{self, Align, Align2, Layout, Window};
use egui_material_icons::icons;

use super::{Action, App, Notice, Severity, Workspace};
use crate::{
    app::{action::Browse, playback::PlaybackCommand, theme, widgets::button, words},
    engine::{
        Command, TrajectoryId,
        command::{Branch, ClassChoice, ClassifierChoice, Model, SampleRequest},
        exact::ExactModel,
    },
    files::{Provenance, Recipe, RunFolder, bundled},
};

/// Where the cursor belongs once the trajectory is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    id: TrajectoryId,
    step: Option<usize>,
    sample: Option<usize>,
}

impl Cursor {
    /// At a step of a trajectory that was asked for.
    pub(super) fn new(id: TrajectoryId, step: Option<usize>) -> Self {
        Self { id, step, sample: None }
    }
}

impl App {
    /// Puts the recipe into the Lab and, where its model is at hand, makes the trajectory again.
    pub(super) fn remake(&mut self, made: Provenance) {
        self.missing = None;
        self.recipe.put(made.recipe.clone());
        if let Err(reason) = repeatable(&made) {
            let text = format!("The recipe of the picture is in the Lab. {reason}");
            self.state.notify(Notice::new(Severity::Warning, text));
            return self.out.push(Action::Show(Workspace::Lab));
        }
        let Some(model) = self.model_of(&made) else {
            self.missing = Some(Box::new(made));
            return;
        };
        let request = request(&made, &model);
        self.drafts.trajectory.sample.take(&request);
        let mut request = Box::new(request);
        self.state.ask(&mut request);
        self.remaking = Some(Cursor {
            id: request.id,
            step: made.step,
            sample: made.sample,
        });
        self.worker.send(Command::Sample(request));
        self.out.push(Action::Show(Workspace::Trajectory));
    }

    /// The weights that a picture was made with, among those that were used and the runs on disk.
    pub(super) fn model_of(&self, made: &Provenance) -> Option<Model> {
        let mut used = self.state.trajectories.iter();
        let same = used.find(|view| {
            let info = &view.info;
            let is_known = (info.step, &info.prints.model) == (made.training_step, &made.prints.model);
            is_known && info.recipe.trains_like(&made.recipe)
        });
        let asked = same.and_then(|view| view.request.as_ref());
        if let Some(request) = asked.filter(|request| !matches!(request.model, Model::Present)) {
            return Some(request.model.clone());
        }
        // Weights that a recipe does not determine are known by what was used alone.
        let is_determined = made.prints.model.is_none();
        is_determined.then(|| self.determined(made)).flatten()
    }

    fn determined(&self, made: &Provenance) -> Option<Model> {
        let present = self.state.run.as_ref();
        if present.is_some_and(|run| run.step == made.training_step && run.info.recipe.trains_like(&made.recipe)) {
            return Some(Model::Present);
        }
        if let Some(exact) = ExactModel::parse(&made.model) {
            return Some(Model::Exact(Box::new(ExactModel {
                schedule: made.recipe.schedule.clone(),
                ..exact
            })));
        }
        let ships = bundled::ALL.iter().find(|model| {
            let recipe = Recipe::parse(model.recipe, model.id);
            made.model.starts_with(model.id) && recipe.is_ok_and(|recipe| recipe.trains_like(&made.recipe))
        });
        if let Some(model) = ships {
            return Some(Model::Bundled(model.id.to_owned()));
        }
        let step = made.training_step;
        let run = self.state.runs.entries.values().find(|entry| {
            let has = |summary: &crate::files::Summary| {
                summary.checkpoints.contains(&step) && summary.recipe.trains_like(&made.recipe)
            };
            entry.summary().is_some_and(has)
        })?;
        let is_newest = run.summary().is_some_and(|summary| summary.step == step);
        Some(Model::Folder(if is_newest {
            run.folder.clone()
        } else {
            checkpoint(&run.folder, step)?
        }))
    }

    /// Once enough of the trajectory is there, shows what the picture shows.
    pub(super) fn place_cursor(&mut self) {
        let Some(Cursor { id, step, sample }) = self.remaking else {
            return;
        };
        let is_asked = self.state.asked.iter().any(|request| request.id == id);
        let Some(view) = self.state.trajectories.get(id) else {
            if !is_asked {
                self.remaking = None;
            }
            return;
        };
        let wanted = step.unwrap_or(0);
        if view.reached() > wanted || view.ended {
            self.remaking = None;
            self.state.select(id);
            self.drafts.trajectory.turn_to(id, sample);
            if let Some(step) = step {
                self.state.playback.apply(PlaybackCommand::Seek(step));
            }
        }
    }

    /// Tries again with runs that were found meanwhile.
    pub(super) fn retry_missing(&mut self) {
        if let Some(made) = self.missing.take() {
            if self.model_of(&made).is_some() {
                self.remake(*made);
            } else {
                self.missing = Some(made);
            }
        }
    }

    /// Says which model is missing, and offers what can be done.
    pub(super) fn missing_window(&mut self, ctx: &egui::Context) {
        let Some(made) = &self.missing else { return };
        let told = explanation(made, self.near(made).as_ref());
        let out = &mut self.out;
        let mut is_open = true;
        let mut is_done = false;
        Window::new("The model of this picture is not here")
            .open(&mut is_open)
            .anchor(Align2::CENTER_TOP, [0.0, 64.0])
            .collapsible(false)
            .resizable(false)
            .default_width(470.0)
            .show(ctx, |ui| {
                ui.label(told);
                ui.add_space(10.0);
                let bar = egui::vec2(ui.available_width(), 36.0);
                ui.allocate_ui_with_layout(bar, Layout::right_to_left(Align::Center), |ui| {
                    if button::primary(ui, icons::ICON_SCIENCE, "Train this recipe", Ok(())).clicked() {
                        is_done = true;
                        out.push(Action::Show(Workspace::Lab));
                    }
                    if button::icon_text(ui, icons::ICON_FOLDER_OPEN, "Choose the folder of its run").clicked() {
                        out.push(Action::Browse(Browse::Runs));
                    }
                });
                let hint = "The recipe is in the Lab already. Training it makes the same weights again.";
                ui.label(theme::caption(ui, hint));
            });
        if is_done || !is_open {
            self.missing = None;
        }
    }

    /// A known run of the same recipe, which kept other steps.
    fn near(&self, made: &Provenance) -> Option<(String, Vec<u64>)> {
        let mut runs = self.state.runs.entries.values();
        runs.find_map(|entry| {
            let summary = entry.summary()?;
            let is_same = made.prints.model.is_none() && summary.recipe.trains_like(&made.recipe);
            is_same.then(|| (entry.name(), summary.checkpoints.clone()))
        })
    }
}

/// Where a run keeps the weights of a step.
pub(super) fn checkpoint(run: &Path, step: u64) -> Option<PathBuf> {
    Some(RunFolder::open(run).ok()?.checkpoint_path(step))
}

pub(super) fn explanation(made: &Provenance, near: Option<&(String, Vec<u64>)>) -> String {
    let step = words::count(made.training_step);
    match near {
        Some((name, kept)) if !kept.is_empty() => {
            let kept: Vec<_> = kept.iter().map(|step| words::count(*step)).collect();
            let kept = kept.join(", ");
            format!("It was made with {name} at step {step}, and that run kept the steps {kept} only.")
        }
        _ => {
            let name = if made.model.is_empty() {
                "a run"
            } else {
                made.model.as_str()
            };
            format!("It was made with {name} (step {step}), which is not among the runs that are known here.")
        }
    }
}

/// Whether a picture says all that its trajectory needs besides the model, or why not.
pub(super) fn repeatable(made: &Provenance) -> Result<(), &'static str> {
    if made.restored.is_some() {
        Err("It was restored from a picture that it does not hold: put that one on the easel of the Inpaint workspace.")
    } else if made.lineage().any(|made| made.noise.is_some()) {
        Err(
            "Its trajectory began with noise from a file, which only the command line takes: sample --from … --noise ….",
        )
    } else if made.lineage().any(|made| made.weaker.is_some()) {
        Err("It was guided away from a weaker model; name that under More guidance in the Trajectory workspace.")
    } else if made.lineage().any(|made| made.prints.judge.is_some()) {
        Err("It followed a classifier from a file, which only the command line takes: sample --from … --judge ….")
    } else {
        Ok(())
    }
}

/// What makes the trajectory of a picture again.
pub(super) fn request(made: &Provenance, model: &Model) -> SampleRequest {
    let branch = made.branch.as_deref().map(|branched| {
        Arc::new(Branch {
            parent: request(&branched.parent, model),
            step: branched.step,
            sample: branched.sample,
            remaining: branched.remaining,
        })
    });
    SampleRequest {
        model: model.clone(),
        sampler: made.sampler.clone(),
        steps: made.steps,
        spacing: made.spacing.clone(),
        schedule: made.schedule.clone(),
        seed: made.seed,
        count: made.count,
        class: match &*made.class {
            "each" => ClassChoice::Each,
            index => index.parse().map_or(ClassChoice::None, ClassChoice::One),
        },
        guidance: made.guidance,
        classifier: made.classifier.map(|scale| ClassifierChoice { scale, judge: None }),
        branch,
        ..SampleRequest::default()
    }
}
