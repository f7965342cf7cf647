//! The form that continues a trajectory differently from the cursor on.

use eframe::egui::{self, Align2, ScrollArea, Ui, Window, vec2};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        keys::{self, Does},
        panels::sample_form::{GuidanceDraft, Known, another, guidance_rows, small_icon, spec_rows, whole},
        state::{AppState, Notice, Severity},
        theme,
        trajectories::TrajectoryView,
        widgets::{button, form},
    },
    diffusion::sampler,
    engine::{
        Command, TrajectoryId,
        command::{Branch, SampleRequest},
        judge,
    },
    math::{Spec, Value, grid},
};

/// Futures of a fan, unless another number is wanted.
const FUTURES: usize = 8;

/// Whether the form is open, and what is in it.
#[derive(Debug, Default)]
pub(super) struct BranchDraft {
    form: Option<Form>,
}

/// The half-edited form.
#[derive(Debug)]
struct Form {
    of: TrajectoryId,
    /// Several futures of one sample, or else one of each.
    fan: bool,
    sample: usize,
    /// The sample that was selected in the pictures when they were last looked at.
    selected: Option<usize>,
    futures: usize,
    seed: u64,
    sampler: Spec,
    /// Whether the sampler was changed to one that draws noise.
    stirred: bool,
    guidance: GuidanceDraft,
    respaced: bool,
    steps: usize,
    spacing: Spec,
}

/// The button, its key, and the form while it is open. `sample` is the selected one.
pub(super) fn branch_menu(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    sample: Option<usize>,
    draft: &mut BranchDraft,
    out: &mut Vec<Action>,
) {
    let ready = branchable(state, view);
    let response = button::icon_text_if(
        ui,
        icons::ICON_CALL_SPLIT,
        "Branch",
        ready.as_ref().map(|_| ()).map_err(|e| *e),
    );
    let key = keys::text(ui.ctx(), Does::Branch);
    let is_clicked = response
        .on_hover_text(format!("Continue differently from this step on   {key}"))
        .clicked();
    let is_pressed = keys::pressed(ui.ctx(), Does::Branch);
    if (is_clicked || is_pressed) && draft.form.take().is_none() {
        match ready {
            Ok(parent) => draft.form = Some(Form::new(view, parent, sample)),
            Err(reason) => out.push(Action::Notice(Notice::new(Severity::Info, reason).about("Branch"))),
        }
    }
    if draft.form.as_ref().is_some_and(|form| form.of != view.info.id) || keys::closes(ui.ctx()) {
        draft.form = None;
    }
    let is_done = draft.form.as_mut().is_some_and(|form| {
        form.follow(sample, view);
        form_window(ui, state, view, form, out)
    });
    if is_done {
        draft.form = None;
    }
}

/// What made the trajectory, or why it cannot be continued at the cursor.
fn branchable<'a>(state: &AppState, view: &'a TrajectoryView) -> Result<&'a SampleRequest, &'static str> {
    let Some(request) = &view.request else {
        return Err("How these samples were asked for is not known here: make them again with the form on the left");
    };
    if view.info.restore.is_some() {
        return Err("A restoration cannot be branched: every step of it depends on what was measured");
    }
    if request.sampler.id == sampler::ddim_inverse::ENTRY.id {
        return Err("Inversion leads from samples to noise and has no branches");
    }
    if state.playback.index() >= view.info.moves {
        return Err("This is the result: go back to the step from which it is to go on differently");
    }
    Ok(request)
}

/// The rest of the present trajectory along another noise schedule, with as many moves as are left.
pub(in crate::app::panels) fn branch_along(state: &AppState, schedule: &Spec) -> Result<SampleRequest, &'static str> {
    let view = state.trajectory().ok_or("There is no trajectory yet")?;
    let parent = branchable(state, view)?;
    let step = state.playback.index();
    Ok(SampleRequest {
        schedule: Some(schedule.clone()),
        noise: None,
        branch: Some(
            Branch {
                parent: parent.clone(),
                step,
                sample: None,
                remaining: Some(view.info.moves - step),
            }
            .into(),
        ),
        ..parent.clone()
    })
}

/// Answers whether the form is done with.
fn form_window(ui: &Ui, state: &AppState, view: &TrajectoryView, form: &mut Form, out: &mut Vec<Action>) -> bool {
    let (mut is_open, mut is_done) = (true, false);
    Window::new("Branch")
        .id(egui::Id::unique("branch form"))
        .open(&mut is_open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::RIGHT_TOP, vec2(-16.0, 96.0))
        .show(ui.ctx(), |ui| {
            ui.set_width(320.0);
            let room = ui.ctx().content_rect().height() - 300.0;
            ScrollArea::vertical().max_height(room.max(120.0)).show(ui, |ui| {
                ui.set_width(308.0);
                rows(ui, state, view, form);
            });
            ui.add_space(6.0);
            is_done = ending(ui, state, view, form, out);
        });
    is_done || !is_open
}

fn rows(ui: &mut Ui, state: &AppState, view: &TrajectoryView, form: &mut Form) {
    let left = view.info.moves - state.playback.index().min(view.info.moves);
    if view.info.count > 1 {
        fan_rows(ui, view, form);
    }
    if form.fan {
        let help = "How often the sample is continued, each time with other noise";
        form::row(ui, "Futures", help, |ui| whole(ui, &mut form.futures, 1, 1024));
    }
    form::row(
        ui,
        "Seed",
        "Of the noise from here on; future after future it is raised by one",
        |ui| {
            let mut seed = i64::try_from(form.seed).unwrap_or(i64::MAX);
            let response = form::whole(ui, &mut seed, 0..=i64::MAX);
            form.seed = seed.unsigned_abs();
            if small_icon(ui, icons::ICON_CASINO, "Another seed for the branch").clicked() {
                form.seed = another(form.seed);
            }
            response
        },
    );
    let before = form.sampler.clone();
    spec_rows(
        ui,
        "Sampler",
        "How noise is taken away from here on",
        sampler::ENTRIES,
        &mut form.sampler,
    );
    form.stirred &= before == form.sampler;
    guidance_rows(ui, &mut form.guidance, &known(view));
    let mut respaced = form.respaced;
    let times = [(false, "as they were"), (true, "new ones")];
    form::row(ui, "Steps left", "Whether the rest stops at the same times", |ui| {
        form::choice(ui, "rest", &mut respaced, &times)
    });
    if respaced && !form.respaced {
        form.steps = left;
    }
    form.respaced = respaced;
    if form.respaced {
        let help = "Number of moves from here to the end";
        form::row(ui, "Number", help, |ui| whole(ui, &mut form.steps, 1, 1000));
        spec_rows(
            ui,
            "Spacing",
            "Which times they stop at",
            grid::ENTRIES,
            &mut form.spacing,
        );
    }
}

fn fan_rows(ui: &mut Ui, view: &TrajectoryView, form: &mut Form) {
    let before = (form.fan, form.sample);
    let whom = [(true, "one sample, several futures"), (false, "all samples, one each")];
    form::row(ui, "Continue", "What goes on from this step", |ui| {
        form::choice(ui, "whom", &mut form.fan, &whom)
    });
    if form.fan {
        let mut number = form.sample + 1;
        let help = "Which sample; a click on a picture selects one";
        form::row(ui, "Sample", help, |ui| {
            whole(ui, &mut number, 1, view.info.count as i64)
        });
        form.sample = number.clamp(1, view.info.count) - 1;
    }
    if before != (form.fan, form.sample)
        && let Some(request) = &view.request
    {
        form.inherit_class(view, request);
    }
}

/// What will be made, the button, and what is worth knowing before. Answers whether it was pressed.
fn ending(ui: &mut Ui, state: &AppState, view: &TrajectoryView, form: &Form, out: &mut Vec<Action>) -> bool {
    let index = state.playback.index();
    let ready = branchable(state, view);
    if let Some(text) = form.remark(ready.as_ref().ok().copied()) {
        ui.label(theme::caption(ui, text));
    }
    let text = format!("Continue from step {index}");
    let wanted = button::primary_wide(
        ui,
        icons::ICON_CALL_SPLIT,
        &text,
        ready.as_ref().map(|_| ()).map_err(|e| *e),
    )
    .clicked();
    match ready {
        Ok(parent) if wanted => {
            let request = form.request(view, parent, index);
            out.push(Action::Engine(Command::Sample(Box::new(request))));
            true
        }
        Ok(_) => false,
        Err(reason) => {
            ui.label(theme::caption(ui, reason));
            false
        }
    }
}

fn known(view: &TrajectoryView) -> Known {
    Known {
        domain: Some(view.info.domain),
        classes: Some(view.info.class_names.to_vec()),
        source: Some(view.info.recipe.data.source.clone()),
    }
}

impl Form {
    /// The same way on with other noise: several futures of one sample.
    fn new(view: &TrajectoryView, parent: &SampleRequest, sample: Option<usize>) -> Self {
        let mut form = Self {
            of: view.info.id,
            fan: true,
            sample: sample.unwrap_or(0).min(view.info.count.saturating_sub(1)),
            selected: sample,
            futures: FUTURES,
            seed: another(parent.seed),
            stirred: !draws_noise(&parent.sampler),
            sampler: stirred(&parent.sampler),
            guidance: GuidanceDraft::default(),
            respaced: false,
            steps: view.info.moves,
            spacing: parent.spacing.clone(),
        };
        form.guidance.take(parent);
        form.inherit_class(view, parent);
        form
    }

    /// Takes over a sample that was selected in the pictures meanwhile.
    fn follow(&mut self, selected: Option<usize>, view: &TrajectoryView) {
        if self.selected != selected
            && let (Some(sample), Some(request)) = (selected, &view.request)
        {
            self.sample = sample;
            self.inherit_class(view, request);
        }
        self.selected = selected;
    }

    /// One sample of each class in turn is of one class.
    fn inherit_class(&mut self, view: &TrajectoryView, parent: &SampleRequest) {
        let named = view.info.class_names.len();
        let judged = judge::class_names(&view.info.recipe.data.source).len();
        let classes = if named > 0 { named } else { judged };
        self.guidance.class = if self.fan {
            parent.class.of_sample(self.sample, classes)
        } else {
            parent.class
        };
    }

    fn request(&self, view: &TrajectoryView, parent: &SampleRequest, step: usize) -> SampleRequest {
        let mut request = SampleRequest {
            model: parent.model.clone(),
            sampler: self.sampler.clone(),
            steps: parent.steps,
            spacing: if self.respaced { &self.spacing } else { &parent.spacing }.clone(),
            schedule: parent.schedule.clone().filter(|_| self.respaced),
            seed: self.seed,
            count: if self.fan { self.futures } else { parent.count },
            branch: Some(
                Branch {
                    parent: parent.clone(),
                    step,
                    sample: self.fan.then_some(self.sample),
                    remaining: self.respaced.then_some(self.steps),
                }
                .into(),
            ),
            ..SampleRequest::default()
        };
        self.guidance.put_into(&mut request, &known(view));
        request
    }

    /// What the user would otherwise wonder about.
    fn remark(&self, parent: Option<&SampleRequest>) -> Option<&'static str> {
        let parent = parent?;
        if self.stirred {
            return Some("The sampler so far draws no noise, and nothing new would come of it: this one draws some.");
        }
        if draws_noise(&self.sampler) {
            return None;
        }
        let is_new = self.sampler != parent.sampler || self.respaced || self.guidance.class != parent.class;
        match (self.fan, is_new) {
            (true, _) => Some("This sampler draws no noise: all futures will be equal."),
            (false, false) => Some("This sampler draws no noise: another seed alone changes nothing."),
            (false, true) => None,
        }
    }
}

fn draws_noise(spec: &Spec) -> bool {
    sampler::build(spec).is_ok_and(|sampler| sampler.order().is_none())
}

/// The same sampler, or its like that draws noise.
fn stirred(spec: &Spec) -> Spec {
    match spec.id.as_str() {
        _ if draws_noise(spec) => spec.clone(),
        "ddim" => spec.clone().with("eta", Value::Real(1.0)),
        _ => Spec::new("ddpm"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(sampler: &str, change: impl FnOnce(&mut Form)) -> Option<&'static str> {
        let parent = SampleRequest {
            sampler: Spec::new(sampler),
            ..SampleRequest::default()
        };
        let mut form = Form {
            of: TrajectoryId(1),
            fan: false,
            sample: 0,
            selected: None,
            futures: FUTURES,
            seed: 3,
            sampler: parent.sampler.clone(),
            stirred: false,
            guidance: GuidanceDraft::default(),
            respaced: false,
            steps: 10,
            spacing: parent.spacing.clone(),
        };
        change(&mut form);
        form.remark(Some(&parent))
    }

    #[test]
    fn a_branch_that_would_change_nothing_says_so() {
        assert!(remark("heun", |_| {}).is_some_and(|text| text.contains("changes nothing")));
        assert!(remark("heun", |form| form.fan = true).is_some_and(|text| text.contains("equal")));
        assert_eq!(remark("ddpm", |form| form.fan = true), None);
        assert_eq!(remark("heun", |form| form.sampler = Spec::new("euler")), None);
        assert_eq!(remark("heun", |form| form.respaced = true), None);
    }

    #[test]
    fn a_fan_begins_with_a_sampler_that_draws_noise() {
        for entry in sampler::ENTRIES
            .iter()
            .filter(|e| e.id != sampler::ddim_inverse::ENTRY.id)
        {
            let spec = Spec::new(entry.id);
            assert!(draws_noise(&stirred(&spec)), "{}", entry.id);
            assert!(!draws_noise(&spec) || stirred(&spec) == spec, "{}", entry.id);
        }
        assert_eq!(
            stirred(&Spec::new("ddim")),
            Spec::new("ddim").with("eta", Value::Real(1.0))
        );
    }
}
