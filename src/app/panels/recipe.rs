//! The form of the next run, and the buttons that start, pause and end it.

use std::path::PathBuf;

use eframe::egui::{self, ComboBox, Frame, Margin, Response, RichText, ScrollArea, Ui, vec2};
use egui_material_icons::icons::{
    ICON_CASINO, ICON_FLAG, ICON_MODEL_TRAINING, ICON_PAUSE, ICON_PLAY_ARROW, ICON_RESTART_ALT, ICON_SKIP_NEXT,
    ICON_STOP, ICON_WARNING,
};

use crate::{
    app::{
        action::{Action, Workspace},
        catalogue,
        history::History,
        keys::{self, Does},
        own::Own,
        panels::advice::{about, advice_notices},
        quantities::training,
        run_view::{RunView, Verb},
        state::AppState,
        theme,
        widgets::{button, form, number::number},
        words,
    },
    data::Dataset,
    diffusion::times,
    engine::{
        Command,
        command::{Model, TrainRequest},
        event::{Estimate, RunState},
        lint::{self, Change, Settings},
    },
    files::Recipe,
    math::{Spec, schedule, target, weighting},
    nn::{self, presets::Preset},
};

/// The recipe of the next run.
#[derive(Clone, Debug)]
pub struct RecipeDraft {
    /// What will be trained.
    pub recipe: Recipe,
    /// Drawn points, pasted pictures or dropped files; used while `recipe.data.source` is their id.
    pub own: Option<Own>,
    /// The model that was opened last, with its recipe; it can be trained on.
    pub opened: Option<(PathBuf, Recipe)>,
    history: History<Recipe>,
    /// A recipe that was only guessed from the name of its data; it is replaced when the data are known, unless it was
    /// changed.
    guessed: Option<Recipe>,
    /// Seed before the dice were thrown.
    old_seed: Option<u64>,
    /// Groups of the form that a lesson does without.
    pub hidden: Vec<String>,
}

impl Default for RecipeDraft {
    fn default() -> Self {
        let recipe = catalogue::recipe_for("moons");
        Self {
            history: History::new(recipe.clone()),
            recipe,
            own: None,
            opened: None,
            guessed: None,
            old_seed: None,
            hidden: Vec::new(),
        }
    }
}

impl RecipeDraft {
    /// Puts another recipe into the form; can be undone.
    pub fn put(&mut self, recipe: Recipe) {
        self.recipe = recipe;
        self.settle();
    }

    /// Takes over other data with a recipe that suits them.
    pub fn use_data(&mut self, source: &str) {
        let seed = self.recipe.seed;
        self.put(Recipe {
            seed,
            ..catalogue::recipe_for(source)
        });
        self.guessed = (!catalogue::has_recipe(source)).then(|| self.recipe.clone());
    }

    /// The data are known now: a recipe that was only guessed is replaced by one that suits them.
    pub fn learn(&mut self, data: &Dataset) {
        let guessed = self.guessed.take_if(|g| *g == self.recipe && g.data.source == data.id);
        if let Some(guess) = guessed {
            self.recipe = Recipe {
                seed: guess.seed,
                ..catalogue::recipe_of(data, guess.data, None)
            };
            self.history.accept(&self.recipe);
        }
    }

    /// Closes an edit: what changed since the last call is one undo step.
    pub fn settle(&mut self) {
        self.history.settle(&self.recipe);
    }

    /// The recipe without an edit that is still under way.
    pub fn settled(&self) -> &Recipe {
        self.history.settled()
    }

    /// Goes back one step. `false` when there is none.
    pub fn undo(&mut self) -> bool {
        self.history.undo(&mut self.recipe)
    }

    /// Goes forward again. `false` when nothing was undone.
    pub fn redo(&mut self) -> bool {
        self.history.redo(&mut self.recipe)
    }

    /// The own data, while the recipe means them.
    pub fn own_data(&self) -> Option<&Own> {
        self.own.as_ref().filter(|own| own.id == self.recipe.data.source)
    }

    /// The request that starts the recipe with new weights. Own data travel with it, since no path leads to them.
    pub fn request(&self, state: &AppState, paused: bool) -> Command {
        let recipe = Recipe {
            start: None,
            ..self.recipe.clone()
        };
        self.request_of(recipe, None, state, paused)
    }

    /// The name of the model that can be trained on, and the request that does: the run that has ended, or else the model
    /// that was opened last. Network, schedule and target are the model's, everything else is the form's.
    pub fn train_on(&self, state: &AppState) -> Option<(String, Command)> {
        let ended = state.run.as_ref().filter(|run| run.step > 0 && !run.state.is_live());
        let ended = ended.map(|run| (&run.info.folder, &run.info.recipe));
        let (folder, theirs) = ended.or(self.opened.as_ref().map(|(folder, recipe)| (folder, recipe)))?;
        let mut recipe = Recipe {
            start: None,
            net: theirs.net.clone(),
            schedule: theirs.schedule.clone(),
            target: theirs.target.clone(),
            ..self.recipe.clone()
        };
        recipe.train.micro_batch = None;
        let name = folder.file_name()?.to_string_lossy().into_owned();
        let model = Model::Folder(folder.clone());
        Some((name, self.request_of(recipe, Some(model), state, false)))
    }

    fn request_of(&self, recipe: Recipe, start: Option<Model>, state: &AppState, paused: bool) -> Command {
        let own = self.own_data().and_then(|_| state.data_for(&self.recipe.data));
        Command::Train(Box::new(TrainRequest {
            run: crate::engine::RunId::default(),
            recipe,
            folder: None,
            resume: false,
            paused,
            start,
            data: own.cloned(),
        }))
    }
}

/// The form of the next run.
pub fn recipe_panel(ui: &mut Ui, state: &AppState, draft: &mut RecipeDraft, out: &mut Vec<Action>) {
    egui::Panel::bottom("recipe-verbs")
        .resizable(false)
        .frame(Frame::new().inner_margin(Margin::symmetric(14, 12)))
        .show(ui, |ui| {
            // In sight wherever the form is scrolled to.
            if !draft.hidden.iter().any(|hidden| hidden == "Noise") {
                trap_rows(ui, state, &mut draft.recipe);
            }
            verbs(ui, state, draft, out);
        });
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(14, 6)).show(ui, |ui| {
            let shown = |draft: &RecipeDraft, group: &str| !draft.hidden.iter().any(|hidden| hidden == group);
            if shown(draft, "Data") {
                data_rows(ui, state, draft, out);
            }
            if shown(draft, "Network") {
                net_rows(ui, state, &mut draft.recipe);
            }
            if shown(draft, "Noise") {
                noise_rows(ui, &mut draft.recipe);
            }
            training_rows(ui, state, &mut draft.recipe, out);
            seed_row(ui, draft);
            if shown(draft, "More") {
                more_rows(ui, &mut draft.recipe);
            }
            hidden_rows(ui, draft);
        });
    });
    // One drag of a number is one undo step.
    if !ui.input(|i| i.pointer.any_down()) && !ui.ctx().text_edit_focused() {
        draft.settle();
    }
    if keys::pressed(ui.ctx(), Does::Seed) {
        draft.recipe.seed = dice(draft.recipe.seed);
    }
    if keys::pressed(ui.ctx(), Does::Undo) {
        draft.undo();
    }
    if keys::pressed(ui.ctx(), Does::Redo) {
        draft.redo();
    }
}

/// What a lesson has hidden, and the way back to it.
fn hidden_rows(ui: &mut Ui, draft: &mut RecipeDraft) {
    if draft.hidden.is_empty() {
        return;
    }
    ui.add_space(8.0);
    ui.label(theme::caption(ui, "The lesson hides settings that it does not need."));
    if ui.button("Show all settings").clicked() {
        draft.hidden.clear();
    }
}

fn data_rows(ui: &mut Ui, state: &AppState, draft: &mut RecipeDraft, out: &mut Vec<Action>) {
    form::group(ui, "Data");
    let mut chosen = None;
    form::row(ui, "Set", "What is learned from", |ui| {
        data_choice(ui, draft, &mut chosen)
    });
    if let Some(source) = chosen {
        draft.use_data(&source);
    }
    let source = &draft.recipe.data.source;
    let about = state
        .data_for(&draft.recipe.data)
        .map_or_else(|| catalogue::about(source), Dataset::describe);
    ui.horizontal_wrapped(|ui| {
        ui.label(theme::caption(ui, about));
        if ui.link(RichText::new("look at it").small()).clicked() {
            out.push(Action::Show(Workspace::Data));
        }
    });
    let params = catalogue::data_params(&draft.recipe.data.source);
    form::params(ui, params, &mut draft.recipe.data.params);
    let has_classes = catalogue::has_classes(state, draft);
    if has_classes || draft.recipe.condition.classes {
        form::row(ui, "Classes", "The network is told the class of each sample", |ui| {
            ui.checkbox(&mut draft.recipe.condition.classes, "")
        });
    }
}

fn data_choice(ui: &mut Ui, draft: &RecipeDraft, chosen: &mut Option<String>) -> Response {
    let present = &draft.recipe.data.source;
    ComboBox::from_id_salt("data")
        .width(ui.available_width())
        .truncate()
        .selected_text(catalogue::label(present))
        .show_ui(ui, |ui| {
            for group in catalogue::GROUPS {
                ui.label(theme::caption(ui, group.title));
                for entry in group.entries() {
                    let line = ui.selectable_label(entry.id == present, entry.label);
                    if line.on_hover_text(entry.help).clicked() {
                        *chosen = Some(entry.id.to_owned());
                    }
                }
            }
            if let Some(own) = &draft.own {
                ui.label(theme::caption(ui, "Your own"));
                if ui.selectable_label(own.id == *present, &own.label).clicked() {
                    *chosen = Some(own.id.clone());
                }
            }
        })
        .response
}

fn net_rows(ui: &mut Ui, state: &AppState, recipe: &mut Recipe) {
    form::group(ui, "Network");
    let before = recipe.net.clone();
    spec_rows(ui, "Kind", &mut recipe.net, nn::ENTRIES, 2);
    if recipe.net != before
        && let Some(preset) = preset_of(&recipe.net).filter(|p| Some(*p) != preset_of(&before))
        && let Some(data) = state.data_for(&recipe.data)
    {
        // A larger network wants another batch and learning rate, and more steps.
        let usual = catalogue::recipe_of(data, recipe.data.clone(), Some(preset));
        recipe.train = usual.train;
        recipe.ema = usual.ema;
    }
}

/// The preset of a network that has one.
fn preset_of(net: &Spec) -> Option<Preset> {
    let entry = nn::ENTRIES.iter().find(|e| e.id == net.id)?;
    let param = entry.params.iter().find(|p| p.id == "preset")?;
    let value = net.values.get(param.id).cloned().unwrap_or_else(|| param.default());
    Preset::find(&value.to_string())
}

fn noise_rows(ui: &mut Ui, recipe: &mut Recipe) {
    form::group(ui, "Noise");
    spec_rows(ui, "Schedule", &mut recipe.schedule, schedule::ENTRIES, 3);
    spec_rows(ui, "Target", &mut recipe.target, target::ENTRIES, 3);
    spec_rows(ui, "Weighting", &mut recipe.weighting, weighting::ENTRIES, 3);
    spec_rows(ui, "Times", &mut recipe.times, times::ENTRIES, 3);
}

/// What these settings would walk into.
fn trap_rows(ui: &mut Ui, state: &AppState, recipe: &mut Recipe) {
    let told = lint::look(Settings {
        recipe,
        request: None,
        data: about(state, recipe),
    });
    let can = |change: &Change| change.of_recipe(recipe).is_some();
    if let Some(changed) = advice_notices(ui, &told, can).and_then(|change| change.of_recipe(recipe)) {
        *recipe = changed;
    }
}

/// A registry entry and its parameters; those beyond the first few are folded away.
fn spec_rows<T: ?Sized>(
    ui: &mut Ui,
    name: &str,
    spec: &mut Spec,
    entries: &[&'static crate::math::Entry<T>],
    shown: usize,
) {
    let found = entries.iter().find(|e| e.id == spec.id);
    let mut chosen = None;
    form::row(ui, name, found.map_or("", |e| e.help), |ui| {
        let (response, id) = form::entry(ui, name, &spec.id, entries);
        chosen = id;
        response
    });
    if let Some(id) = chosen {
        *spec = Spec::new(id);
    }
    let params = entries.iter().find(|e| e.id == spec.id).map_or(&[][..], |e| e.params);
    let (first, rest) = params.split_at(shown.min(params.len()));
    form::params(ui, first, &mut spec.values);
    if !rest.is_empty() {
        egui::CollapsingHeader::new(RichText::new(format!("{} more", rest.len())).small())
            .id_salt((name, "more"))
            .show_unindented(ui, |ui| form::params(ui, rest, &mut spec.values));
    }
}

fn training_rows(ui: &mut Ui, state: &AppState, recipe: &mut Recipe, out: &mut Vec<Action>) {
    form::group(ui, "Training");
    let train = &mut recipe.train;
    form::row(ui, "Steps", "Training steps until finished", |ui| {
        unsigned(ui, &mut train.steps, 1..=100_000_000)
    });
    form::row(ui, "Batch", "Samples per training step", |ui| {
        let mut batch = train.batch as u64;
        let response = unsigned(ui, &mut batch, 1..=65_536);
        train.batch = batch as usize;
        response
    });
    let live = state.run.as_ref().filter(|r| r.state.is_live());
    let lr = live_row(
        ui,
        live.is_some(),
        "Learning rate",
        "How far one step moves the weights",
        |ui| form::real(ui, &mut train.lr, 1e-7..=1.0),
    );
    if let (Some(run), true) = (live, settled(&lr)) {
        send_if_new(run.live.lr, train.lr, Command::SetLearningRate(train.lr), out);
    }
    let decay = &mut recipe.ema.decay;
    let ema = live_row(
        ui,
        live.is_some(),
        "EMA decay",
        "Samples are made with averaged weights; 0 switches averaging off",
        |ui| {
            ui.add_sized(
                vec2(ui.available_width().min(150.0), 26.0),
                egui::DragValue::new(decay)
                    .range(0.0..=0.99999)
                    .speed(0.0005)
                    .max_decimals(5),
            )
        },
    );
    if let (Some(run), true) = (live, settled(&ema)) {
        send_if_new(run.live.ema_decay, *decay, Command::SetEmaDecay(*decay), out);
    }
}

/// Whether an edit of a number has come to its end in this frame.
fn settled(response: &Response) -> bool {
    response.drag_stopped()
        || response.lost_focus()
        || (response.changed() && !response.dragged() && !response.has_focus())
}

fn send_if_new(before: f64, now: f64, command: Command, out: &mut Vec<Action>) {
    if before != now {
        out.push(Action::Engine(command));
    }
}

/// A row whose value also acts on the run under way.
fn live_row(ui: &mut Ui, live: bool, name: &str, help: &str, control: impl FnOnce(&mut Ui) -> Response) -> Response {
    form::row(ui, name, help, |ui| {
        let response = control(ui);
        let ink = if live {
            theme::palette(ui).good
        } else {
            theme::palette(ui).weak
        };
        let text = if live {
            "Acts on the run under way at once"
        } else {
            "Can be changed while training"
        };
        ui.label(RichText::new("● live").small().color(ink)).on_hover_text(text);
        response
    })
}

fn seed_row(ui: &mut Ui, draft: &mut RecipeDraft) {
    form::row(
        ui,
        "Seed",
        "Decides weights, batches and noise: same seed, same numbers",
        |ui| {
            let seed = &mut draft.recipe.seed;
            let response = ui.add_sized(vec2(110.0, 26.0), egui::DragValue::new(seed).speed(0.2));
            if button::icon(ui, ICON_CASINO, "Another seed").clicked() {
                draft.old_seed.get_or_insert(*seed);
                *seed = dice(*seed);
            }
            if let Some(old) = draft.old_seed.filter(|old| old != seed)
                && button::icon(ui, ICON_RESTART_ALT, "Back to the old seed").clicked()
            {
                *seed = old;
                draft.old_seed = None;
            }
            response
        },
    );
}

/// A seed that looks unlike the one before and is short enough to be read aloud.
fn dice(seed: u64) -> u64 {
    (seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 10_000
}

fn more_rows(ui: &mut Ui, recipe: &mut Recipe) {
    ui.add_space(6.0);
    egui::CollapsingHeader::new("Optimiser, augmentation, previews").show_unindented(ui, |ui| {
        let train = &mut recipe.train;
        form::row(ui, "Warm-up", "Steps in which the learning rate rises from 0", |ui| {
            unsigned(ui, &mut train.warmup, 0..=1_000_000)
        });
        form::row(
            ui,
            "Final rate",
            "Learning rate at the end as a share of the full one; 1 keeps it constant",
            |ui| form::real(ui, &mut train.lr_end, 0.0..=1.0),
        );
        form::row(ui, "Clip", "Largest gradient norm; 0 switches clipping off", |ui| {
            form::real(ui, &mut train.clip, 0.0..=1000.0)
        });
        form::row(ui, "Weight decay", "Pulls the weights towards 0", |ui| {
            form::real(ui, &mut train.weight_decay, 0.0..=1.0)
        });
        let data = &mut recipe.data;
        form::row(ui, "Validation", "Share of the samples kept for validation", |ui| {
            form::real(ui, &mut data.validation, 0.0..=0.5)
        });
        if catalogue::is_pictures(&data.source) {
            form::row(ui, "Mirror", "Mirrors left and right at random", |ui| {
                ui.checkbox(&mut data.flip, "")
            });
            form::row(ui, "Shift", "Largest random shift in pixels", |ui| {
                ui.add(egui::DragValue::new(&mut data.shift).range(0..=16))
            });
            form::row(ui, "Rotate", "Largest random rotation in degrees", |ui| {
                form::real(ui, &mut data.rotate, 0.0..=45.0)
            });
        }
        let preview = &mut recipe.preview;
        form::row(ui, "Preview", "Samples in the live view; 0 switches it off", |ui| {
            ui.add(egui::DragValue::new(&mut preview.count).range(0..=256))
        });
        form::row(ui, "Preview steps", "DDIM steps of each preview", |ui| {
            ui.add(egui::DragValue::new(&mut preview.steps).range(1..=100))
        });
    });
}

fn unsigned(ui: &mut Ui, value: &mut u64, range: std::ops::RangeInclusive<i64>) -> Response {
    let mut v = i64::try_from(*value).unwrap_or(i64::MAX);
    let response = form::whole(ui, &mut v, range);
    *value = v.unsigned_abs();
    response
}

/// The estimate and the buttons.
fn verbs(ui: &mut Ui, state: &AppState, draft: &RecipeDraft, out: &mut Vec<Action>) {
    let run = state.run.as_ref().filter(|r| r.state.is_live());
    match run {
        None => estimate_lines(ui, state, &draft.recipe),
        Some(run) => run_lines(ui, run),
    }
    ui.add_space(6.0);
    if primary(ui, run).clicked() {
        out.push(Action::Engine(main_command(state, draft)));
    }
    if run.is_none()
        && let Some((name, command)) = draft.train_on(state)
    {
        let tip =
            "A new run that begins with this model's weights, network, schedule and target, and else follows the form";
        let text = format!("Train on from {name}");
        if wide(ui, ICON_MODEL_TRAINING, &text, Ok(()), tip).clicked() {
            out.push(Action::Engine(command));
        }
    }
    ui.columns(3, |columns| {
        let ready = step_available(run);
        if wide(
            &mut columns[0],
            ICON_SKIP_NEXT,
            "Step",
            ready,
            "Exactly one training step",
        )
        .clicked()
        {
            out.push(Action::Engine(
                run.map_or_else(|| draft.request(state, true), |_| Command::StepOnce),
            ));
        }
        let (finish, stop) = (verb_available(run, Verb::Finish), verb_available(run, Verb::Stop));
        let tip = "Completes the present step, saves, and ends the run";
        let name = if asked(run, Verb::Finish) {
            "Finishing…"
        } else {
            "Finish"
        };
        if wide(&mut columns[1], ICON_FLAG, name, finish, tip).clicked() {
            out.push(Action::Engine(Command::Finish));
        }
        let tip = "Ends the run at once; everything before the present step is saved";
        let name = if asked(run, Verb::Stop) { "Stopping…" } else { "Stop" };
        if wide(&mut columns[2], ICON_STOP, name, stop, tip).clicked() {
            out.push(Action::Engine(Command::Stop));
        }
    });
    if let Some(run) = run.filter(|r| differs(&draft.recipe, &r.info.recipe)) {
        let text = format!(
            "Train this recipe instead of {}",
            catalogue::label(&run.info.recipe.data.source)
        );
        let response = button::icon_text(ui, ICON_RESTART_ALT, &text);
        if response
            .on_hover_text("Saves and ends the run under way first")
            .clicked()
        {
            out.push(Action::Engine(draft.request(state, false)));
        }
    }
}

fn asked(run: Option<&RunView>, verb: Verb) -> bool {
    run.is_some_and(|r| r.asked == Some(verb))
}

fn wide(
    ui: &mut Ui,
    icon: egui_material_icons::MaterialIcon,
    text: &str,
    can: Result<(), &str>,
    tip: &str,
) -> Response {
    let width = ui.available_width();
    button::icon_text_wide(ui, icon, text, can, width).on_hover_text(tip)
}

fn primary(ui: &mut Ui, run: Option<&RunView>) -> Response {
    let (icon, text, available) = match run.map(|r| (r.state, r.asked)) {
        None => (ICON_PLAY_ARROW, "Train", Ok(())),
        Some((_, Some(Verb::Pause))) => (ICON_PAUSE, "Pausing…", Err("Ends with the present network call")),
        Some((RunState::Running, None)) => (ICON_PAUSE, "Pause", Ok(())),
        Some((RunState::Paused, None)) => (ICON_PLAY_ARROW, "Resume", Ok(())),
        Some((RunState::Preparing, _)) => (
            ICON_PLAY_ARROW,
            "Preparing…",
            Err("Reading the data and building the network"),
        ),
        Some(_) => (ICON_PLAY_ARROW, "Ending…", Err("The run is being saved")),
    };
    button::primary_wide(ui, icon, text, available)
}

/// What the large button asks for.
pub fn main_command(state: &AppState, draft: &RecipeDraft) -> Command {
    match state.run.as_ref().map(|r| r.state) {
        Some(RunState::Running) => Command::Pause,
        Some(RunState::Paused) => Command::Resume,
        _ => draft.request(state, false),
    }
}

fn step_available(run: Option<&RunView>) -> Result<(), &'static str> {
    match run.map(|r| r.state) {
        None | Some(RunState::Paused) => Ok(()),
        Some(RunState::Running) => Err("Pause first; then each press makes one step"),
        Some(_) => Err("The run is still being prepared"),
    }
}

fn verb_available(run: Option<&RunView>, verb: Verb) -> Result<(), &'static str> {
    match run {
        None => Err("Nothing is being trained"),
        Some(run) if run.asked == Some(verb) => Err("Ends with the present network call"),
        Some(_) => Ok(()),
    }
}

/// Whether the form says something else than the run, apart from what is changed live.
fn differs(draft: &Recipe, run: &Recipe) -> bool {
    let mut same = draft.clone();
    same.train.lr = run.train.lr;
    same.ema = run.ema.clone();
    same.train.micro_batch = run.train.micro_batch;
    same.start.clone_from(&run.start);
    same != *run
}

fn estimate_lines(ui: &mut Ui, state: &AppState, recipe: &Recipe) {
    match state.estimates.get(recipe) {
        Some(Ok(estimate)) => estimate_words(ui, estimate, recipe.train.steps),
        Some(Err(fault)) => {
            let ink = theme::palette(ui).warn;
            ui.horizontal_wrapped(|ui| {
                ui.label(ICON_WARNING.rich_text().color(ink));
                ui.label(RichText::new(fault).small().color(ink));
            });
        }
        None => {
            ui.label(theme::caption(ui, "Measuring how long this takes on this machine…"));
            ui.label(theme::caption(ui, " "));
        }
    }
}

fn estimate_words(ui: &mut Ui, e: &Estimate, steps: u64) {
    let ink = theme::palette(ui).text;
    let first = format!("First good samples after ≈ {}", words::duration(e.secs_to_samples));
    ui.label(RichText::new(first).color(ink));
    let rest = format!(
        "{} a step · all steps {} · {} · {} weights",
        words::duration(e.secs_per_step),
        words::duration(e.secs_per_step * steps as f64),
        words::bytes(e.bytes),
        words::count(e.weights as u64)
    );
    let rest = theme::caption(ui, rest);
    number(ui, rest, &training::ESTIMATE, training::ESTIMATE.name, || {
        training::estimate(e, steps)
    });
}

fn run_lines(ui: &mut Ui, run: &RunView) {
    let total = run.info.recipe.train.steps;
    let line = format!("Step {} of {}", words::count(run.step), words::count(total));
    number(ui, RichText::new(line), &training::STEPS, training::STEPS.name, || {
        training::steps(run.step, &run.info.recipe)
    });
    let left = match run.state {
        _ if run.asked.is_some() => "Ends with the present network call".into(),
        RunState::Running if run.now.secs_left > 0.0 => {
            let text = theme::caption(ui, format!("{} left", words::duration(run.now.secs_left)));
            number(ui, text, &training::LEFT, training::LEFT.name, || training::left(run));
            return;
        }
        RunState::Paused => format!("Paused at step {}", words::count(run.step)),
        RunState::Preparing => "Reading the data and building the network".into(),
        _ => String::from(" "),
    };
    ui.label(theme::caption(ui, left));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_one_undo_and_comes_back() {
        let mut draft = RecipeDraft::default();
        let first = draft.recipe.clone();
        draft.recipe.train.lr = 0.5;
        draft.recipe.train.lr = 0.25;
        draft.settle();
        draft.recipe.seed = 9;
        assert!(draft.undo() && draft.recipe.seed == first.seed && draft.recipe.train.lr == 0.25);
        assert!(draft.undo() && draft.recipe == first);
        assert!(!draft.undo());
        assert!(draft.redo() && draft.redo() && draft.recipe.seed == 9);
        assert!(!draft.redo());
    }

    #[test]
    fn a_guessed_recipe_gives_way_to_the_data_unless_it_was_changed() {
        let data = Dataset::from_points("Your points", &[[0.0, 0.0], [1.0, 3.0], [2.0, 1.0]]).unwrap();
        let mut draft = RecipeDraft::default();
        draft.use_data("drawn");
        assert_ne!(draft.recipe.train.batch, 3);
        draft.learn(&data);
        assert_eq!((draft.recipe.train.batch, draft.settled()), (3, &draft.recipe));
        draft.use_data("drawn");
        draft.recipe.train.batch = 77;
        draft.learn(&data);
        assert_eq!(draft.recipe.train.batch, 77);
    }

    #[test]
    fn an_opened_model_is_trained_on_with_its_network_and_the_forms_data() {
        let state = AppState::default();
        let mut draft = RecipeDraft::default();
        assert!(draft.train_on(&state).is_none());
        let mut theirs = catalogue::recipe_for("digits8x8");
        theirs.train.lr = 0.5;
        draft.opened = Some(("/runs/digits-0001".into(), theirs.clone()));
        let (name, command) = draft.train_on(&state).unwrap();
        let Command::Train(request) = command else {
            panic!("{command:?}")
        };
        assert_eq!(name, "digits-0001");
        assert!(matches!(request.start, Some(Model::Folder(path)) if path == *"/runs/digits-0001"));
        let found = (&request.recipe.net, &request.recipe.schedule, &request.recipe.target);
        assert_eq!(found, (&theirs.net, &theirs.schedule, &theirs.target));
        assert_eq!(
            (
                &request.recipe.data,
                request.recipe.train.lr,
                request.recipe.train.micro_batch
            ),
            (&draft.recipe.data, draft.recipe.train.lr, None)
        );
    }

    #[test]
    fn training_anew_begins_with_new_weights() {
        let mut draft = RecipeDraft::default();
        draft.recipe.start = Some(crate::files::recipe::StartRecipe::default());
        let Command::Train(request) = draft.request(&AppState::default(), false) else {
            panic!("a run is asked for")
        };
        assert!(request.recipe.start.is_none() && request.start.is_none());
    }

    #[test]
    fn dice_give_another_seed() {
        for seed in 0..1000 {
            assert_ne!(dice(seed), seed);
        }
    }
}
