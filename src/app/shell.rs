//! The frame around the workspaces: takes in events, shows what is in front, applies what was asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel, Ui, ViewportCommand};
use serde::{Deserialize, Serialize};

use super::{
    action::{Action, Browse, ThemeChoice, Workspace},
    cards, catalogue,
    desk::Desk,
    dialogs::{Answer, Asking, Kind, Question},
    easel::Easel,
    export::Exports,
    frame_times::FrameTimes,
    gpu,
    keys::{self, Does, OwnKeys},
    launch::{Options, StartTimes},
    layout::{Arranged, Change},
    lessons::{Course, LessonCommand},
    loader::{Loaded, Loader, Wanted},
    opening::{self, Opened},
    own::{Importer, Own},
    panels::{
        compare::{CompareDraft, compare_panel},
        data::{DataDraft, data_panel},
        frame,
        inpaint::{InpaintDraft, inpaint_panel},
        key_list::{KeyListDraft, key_list_window},
        lab::{LabDraft, lab_panel},
        lesson::{LessonDraft, lesson_panel},
        notices,
        offers::{self, OfferDraft},
        palette,
        recipe::{RecipeDraft, recipe_panel},
        runs::{RunsDraft, runs_panel},
        samplers::{SamplersDraft, samplers_panel},
        schedule::{ScheduleDraft, schedule_panel},
        slow::{SlowDraft, slow_window},
        start::{StartDraft, start_panel},
        status,
        trajectory::{TrajectoryDraft, trajectory_panel},
    },
    reactions::{Reactions, Wish},
    run_view::Verb,
    screen::Screen,
    shelf::{Shelf, platform_trash},
    state::{AppState, Comparison, Machine, Notice, Severity, Verdict},
    theme, words,
    worker::{Wake, Worker},
};
use crate::{
    data::Picture,
    engine::{Command, Event, RunId, command::Model, event::RunState},
    files::{Provenance, Recipe, diffusers::UNKNOWN_DATA},
};

mod documents;
mod measured;
mod remade;
mod runs;

/// Key of what is remembered between two starts.
const STORED: &str = "studio";

/// Screens smaller than this are filled.
const ROOMY: egui::Vec2 = egui::vec2(1500.0, 960.0);

/// Runs in the list of recent ones.
const RECENT: usize = 8;

/// The window's program.
#[derive(Debug)]
pub struct App {
    /// What panels read.
    pub state: AppState,
    /// The recipe of the next run.
    pub recipe: RecipeDraft,
    worker: Worker,
    wake: Option<Arc<Wake>>,
    drafts: Drafts,
    view: ViewSettings,
    /// The lesson that is open.
    course: Option<Course>,
    /// A question for a path that is open.
    asking: Option<(Browse, Asking)>,
    importer: Importer,
    loader: Loader,
    model_loader: Loader,
    /// Reads what was opened.
    opener: Loader,
    shelf: Shelf,
    /// A run that is trained until this step once it is open.
    until: Option<(RunId, u64)>,
    /// A picture's trajectory that is being made again, and where its cursor belongs.
    remaking: Option<remade::Cursor>,
    /// A picture whose model is not at hand.
    missing: Option<Box<Provenance>>,
    /// What is worked on, as it is kept.
    desk: Desk,
    /// Trajectories of a document that are to be pinned and named once they begin.
    labels: Vec<documents::Label>,
    exports: Exports,
    times: FrameTimes,
    reactions: Reactions,
    screen: Screen,
    /// Time that `logic` took for the coming frame.
    logic: Duration,
    start_times: StartTimes,
    /// The window's size was compared with the screen's.
    fitted: bool,
    /// What the window is called at present.
    title: String,
    /// A key that the palette presses in the next frame.
    press: Option<egui::KeyboardShortcut>,
    out: Vec<Action>,
}

/// Half-edited forms and caches, one for each panel.
#[derive(Debug, Default)]
struct Drafts {
    start: StartDraft,
    lab: LabDraft,
    data: DataDraft,
    trajectory: TrajectoryDraft,
    schedule: ScheduleDraft,
    inpaint: InpaintDraft,
    samplers: SamplersDraft,
    runs: RunsDraft,
    compare: CompareDraft,
    offer: OfferDraft,
    notices: notices::NoticeDraft,
    keys: KeyListDraft,
    slow: SlowDraft,
    palette: palette::PaletteDraft,
    lesson: LessonDraft,
}

impl Drafts {
    /// The panes of a workspace that has several.
    fn layout(&mut self, workspace: Workspace) -> Option<&mut dyn Arranged> {
        match workspace {
            Workspace::Lab => Some(&mut self.lab.layout),
            Workspace::Trajectory => Some(&mut self.trajectory.layout),
            Workspace::Schedule => Some(&mut self.schedule.layout),
            Workspace::Start
            | Workspace::Data
            | Workspace::Inpaint
            | Workspace::Samplers
            | Workspace::Runs
            | Workspace::Compare => None,
        }
    }

    /// What is to be kept of them, by workspace.
    fn saved_layouts(&mut self) -> BTreeMap<String, String> {
        let saved = |workspace: Workspace| Some((workspace.label().to_owned(), self.layout(workspace)?.saved()?));
        Workspace::TABS.into_iter().filter_map(saved).collect()
    }
}

/// How the window looks; remembered, and never mixed with what is worked on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewSettings {
    /// Colours.
    pub theme: ThemeChoice,
    /// Side panels are shown.
    pub panels: bool,
    /// Size of the interface, 1 is the system's.
    pub zoom: f32,
    /// The newest run folders, newest first.
    pub recent: Vec<PathBuf>,
    /// Titles of the lessons that were played to the end.
    pub lessons: BTreeSet<String>,
    /// Folders with runs beside the platform's.
    pub run_folders: Vec<PathBuf>,
    /// Nothing moves unless it is played.
    pub still: bool,
    /// Keys in place of the table's.
    pub keys: OwnKeys,
    /// Panes as they were arranged, by workspace; each is a text of its own, so that one that cannot be read spoils
    /// nothing else.
    pub layouts: BTreeMap<String, String>,
    /// The list of keys is open.
    #[serde(skip)]
    pub help: bool,
    /// Frame times are shown.
    #[serde(skip)]
    pub times: bool,
    /// The list of notices is open.
    #[serde(skip)]
    pub notices: bool,
}

impl Default for ViewSettings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            panels: true,
            zoom: 1.0,
            recent: Vec::new(),
            lessons: BTreeSet::new(),
            run_folders: Vec::new(),
            still: false,
            keys: OwnKeys::default(),
            layouts: BTreeMap::new(),
            help: false,
            times: false,
            notices: false,
        }
    }
}

impl App {
    /// The program in a window.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        worker: Worker,
        wake: Arc<Wake>,
        machine: Machine,
        options: &Options,
    ) -> Self {
        if let Some(state) = &cc.wgpu_render_state {
            gpu::install(&cc.egui_ctx, state);
        }
        let stored = cc.storage.and_then(|s| eframe::get_value(s, STORED));
        let mut app = Self::bare(
            &cc.egui_ctx,
            worker,
            stored.unwrap_or_default(),
            StartTimes::new(options),
        );
        app.wake = Some(wake);
        app.state.machine = machine;
        app.state.runs.home.clone_from(&options.runs);
        app.look_at_runs();
        app.keep_desk();
        if !options.open.is_empty() {
            app.out.push(Action::Open(options.open.clone()));
        }
        app
    }

    fn bare(ctx: &egui::Context, worker: Worker, view: ViewSettings, start_times: StartTimes) -> Self {
        theme::install(ctx);
        ctx.set_theme(view.theme);
        ctx.set_zoom_factor(view.zoom);
        theme::set_still(ctx, view.still);
        view.keys.put_in_force(ctx);
        let mut drafts = Drafts::default();
        for workspace in Workspace::TABS {
            if let (Some(layout), Some(saved)) = (drafts.layout(workspace), view.layouts.get(workspace.label())) {
                layout.restore(saved);
            }
        }
        Self {
            state: AppState::default(),
            recipe: RecipeDraft::default(),
            worker,
            wake: None,
            drafts,
            view,
            course: None,
            asking: None,
            importer: Importer::default(),
            loader: Loader::default(),
            model_loader: Loader::default(),
            opener: Loader::default(),
            shelf: {
                let ctx = ctx.clone();
                Shelf::new(platform_trash, move || ctx.request_repaint())
            },
            until: None,
            remaking: None,
            missing: None,
            desk: Desk::default(),
            labels: Vec::new(),
            exports: Exports::default(),
            times: FrameTimes::default(),
            reactions: Reactions::default(),
            screen: Screen::watch(ctx),
            logic: Duration::ZERO,
            start_times,
            fitted: false,
            title: String::new(),
            press: None,
            out: Vec::new(),
        }
    }

    /// Takes in what the engine, dialogs and clocks have brought.
    pub fn advance(&mut self, ctx: &egui::Context) {
        if let Some(wake) = &self.wake {
            wake.taken();
        }
        let events: Vec<_> = self.worker.events().collect();
        for event in events {
            self.runs_follow(&event);
            if let Event::RunState(_, RunState::Stopped) = event {
                self.reactions.stopped(Instant::now());
            }
            self.state.apply(event, &mut self.out);
        }
        self.take_news();
        self.place_cursor();
        self.label_again();
        if let Some(data) = self.state.data_for(&self.recipe.recipe.data) {
            self.recipe.learn(data);
        }
        if let Some(preview) = self.worker.preview() {
            self.state.preview(preview);
        }
        self.import_done();
        self.files_read();
        self.ask_engine(ctx);
        self.remember_run();
        self.follow_learning();
        self.follow_lesson();
        self.apply_all(ctx);
        self.follow_desk(ctx);
        if let Some(wake) = &self.wake {
            wake.await_news(self.state.awaited_news());
        }
    }

    /// Sends what the engine should know without anyone pressing a button: data to describe, recipes to measure.
    fn ask_engine(&mut self, ctx: &egui::Context) {
        let live = self.state.run.as_ref().is_some_and(|r| r.state.is_live());
        match self.state.workspace {
            Workspace::Lab => self.state.estimates.want_now(self.recipe.settled()),
            Workspace::Start => cards::RECIPES.iter().for_each(|r| self.state.estimates.want(r)),
            Workspace::Data
            | Workspace::Trajectory
            | Workspace::Schedule
            | Workspace::Inpaint
            | Workspace::Samplers
            | Workspace::Runs
            | Workspace::Compare => {}
        }
        // Work under way would make the measurement wrong, and the measurement the work slow.
        let sampling = !self.state.asked.is_empty()
            || self.state.learning.making().is_some()
            || self.state.trajectories.iter().any(|t| !t.ended);
        if !live
            && !sampling
            && let Some(recipe) = self.state.estimates.take_question()
        {
            self.worker.send(Command::Estimate(Box::new(recipe)));
        }
        let shown = self.state.workspace != Workspace::Start;
        let data = &self.recipe.settled().data;
        if shown && self.state.data_wanted(data) {
            let progress = self.state.data_asked(data);
            match self.recipe.own_data() {
                Some(own) => {
                    let ctx = ctx.clone();
                    self.importer
                        .begin(own.clone(), data.clone(), progress, move || ctx.request_repaint());
                }
                None => {
                    self.worker.send(Command::LoadData(data.clone(), progress));
                }
            }
        }
    }

    /// Own data were read on their thread.
    fn import_done(&mut self) {
        let Some(answer) = self.importer.poll() else { return };
        let event = match answer {
            Ok(summary) => Event::DataLoaded(Box::new(summary)),
            Err(fault) => Event::DataFailed {
                source: self.recipe.settled().data.source.clone(),
                message: fault.to_string(),
            },
        };
        self.state.apply(event, &mut self.out);
    }

    /// What was read on threads of their own.
    fn files_read(&mut self) {
        let answers = [self.loader.poll(), self.model_loader.poll(), self.opener.poll()];
        if !self.opener.is_busy() {
            self.state.opening = None;
        }
        for answer in answers.into_iter().flatten() {
            self.take_loaded(answer);
        }
    }

    fn take_loaded(&mut self, answer: Result<Loaded, String>) {
        let told = answer.and_then(|loaded| match loaded {
            Loaded::Picture(picture) => self.work_on(&picture),
            Loaded::Mask(picture) => self.drafts.inpaint.take_mask(&picture),
            Loaded::Data(data) => {
                self.out.extend(self.drafts.inpaint.take_data(data));
                Ok(())
            }
            Loaded::Opened(opened) => opened.map(|opened| self.take_opened(*opened)),
            Loaded::Filling(request) => request.map(|request| self.out.push(Action::Engine(Command::Sample(request)))),
            Loaded::Domain(model, domain) => {
                self.drafts.inpaint.learn(*model, domain);
                Ok(())
            }
        });
        if let Err(message) = told {
            self.state.notify(Notice::new(Severity::Error, message));
        }
    }

    /// Puts a picture on the easel, and tells when it had to be shrunk for that.
    fn work_on(&mut self, picture: &Picture) -> Result<(), String> {
        let easel = Easel::from_picture(picture)?;
        let (width, height) = (easel.picture().width, easel.picture().height);
        if (width, height) != (picture.width as usize, picture.height as usize) {
            let text = format!(
                "{} has {}×{} pixels; it is worked on, and saved, at {width}×{height}.",
                picture.name, picture.width, picture.height
            );
            self.state.notify(Notice::new(Severity::Info, text));
        }
        self.out.push(Action::Work(Box::new(easel)));
        Ok(())
    }

    /// Asks for what the training clock wants to show.
    fn follow_learning(&mut self) {
        for command in self.state.follow_learning() {
            self.worker.send(command);
        }
    }

    /// Sees what the reader of a lesson has done.
    fn follow_lesson(&mut self) {
        let Some(course) = &mut self.course else { return };
        course.look(&self.state, self.recipe.settled());
        self.out.extend(course.next(&self.state, &self.recipe.recipe));
        if course.is_finished() && !self.view.lessons.contains(&course.lesson().title) {
            self.view.lessons.insert(course.lesson().title.clone());
        }
    }

    fn teach(&mut self, command: LessonCommand) {
        match (command, &mut self.course) {
            (LessonCommand::Begin(lesson), course) => {
                self.recipe.hidden.clone_from(&lesson.hide);
                self.out.extend(course.insert(Course::new(*lesson)).scene());
            }
            (LessonCommand::Go(step), Some(course)) => {
                course.go(step);
                self.out.extend(course.scene());
            }
            (LessonCommand::ShowMe, Some(course)) => {
                course.show_me();
                self.out.extend(course.scene());
            }
            (LessonCommand::Leave, course) => {
                self.recipe.hidden.clear();
                *course = None;
            }
            (_, None) => {}
        }
    }

    fn remember_run(&mut self) {
        let Some(run) = &self.state.run else { return };
        if self.view.recent.first() != Some(&run.info.folder) {
            let folder = run.info.folder.clone();
            self.view.recent.retain(|f| *f != folder);
            self.view.recent.insert(0, folder);
            self.view.recent.truncate(RECENT);
        }
    }

    /// Shows an open question for a path and takes its answer.
    fn question(&mut self, ctx: &egui::Context) {
        let Some((browse, asking)) = &mut self.asking else {
            return;
        };
        let Some(answer) = asking.show(ctx) else { return };
        match (answer, *browse) {
            (Answer::Path(path), Browse::Labels) => self.recipe.recipe.data.labels = Some(path),
            (Answer::Path(path), Browse::File | Browse::Folder) => self.out.push(Action::Open(vec![path])),
            (Answer::Path(path), Browse::Picture) => self.out.push(Action::Load(Wanted::Picture(path))),
            (Answer::Path(path), Browse::Mask) => self.out.push(Action::Load(Wanted::Mask(path))),
            (Answer::Path(path), Browse::Runs) => self.add_runs(path),
            (Answer::Cancelled, _) => {}
        }
        self.asking = None;
    }

    fn apply_all(&mut self, ctx: &egui::Context) {
        // Applying may ask for more, e.g. opening a file asks for a notice.
        while !self.out.is_empty() {
            for action in std::mem::take(&mut self.out) {
                self.apply(ctx, action);
            }
        }
    }

    fn apply(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Engine(command) => self.send(ctx, command),
            Action::Playback(command) => {
                self.state.playback.apply(command);
                self.cursors_moved();
            }
            Action::Learning(command) => {
                self.state.learn(command);
                self.cursors_moved();
            }
            Action::Show(workspace) => self.show_workspace(workspace),
            Action::Shelf(errand) => self.run_errand(errand),
            Action::LookAtRuns => self.look_at_runs(),
            Action::Continue(folder, until) => self.go_on(ctx, folder, until),
            Action::Select(id) => self.state.select(id),
            Action::Pin(id, pinned) => {
                if let Some(view) = self.state.trajectories.get_mut(id) {
                    view.pinned = pinned;
                }
            }
            Action::Forget(id) => {
                self.state.forget(id);
                self.worker.send(Command::ForgetTrajectory(id));
            }
            Action::Remove(id) => {
                self.worker.send(Command::CancelSample(id));
                if let Some(gone) = self.state.set_aside(id) {
                    self.worker.send(Command::ForgetTrajectory(gone));
                }
            }
            Action::PutBack => self.state.put_back(),
            Action::Rename(id, name) => {
                if let Some(view) = self.state.trajectories.get_mut(id) {
                    view.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
                }
            }
            Action::Export(request) => {
                let learned = request
                    .what
                    .diagonal()
                    .and_then(|diagonal| self.state.learning_film(diagonal));
                if let Some(view) = self.state.trajectories.get(request.id) {
                    let view = learned.as_ref().unwrap_or(view);
                    self.exports.begin(ctx, view, request, &mut self.out);
                }
            }
            Action::UseSchedule(spec) => {
                self.recipe.recipe.schedule = spec;
                self.recipe.settle();
            }
            Action::SampleAlong(spec) => self.drafts.trajectory.sample.schedule = Some(spec),
            Action::Look(specs) => self.drafts.schedule.look_at(&specs),
            Action::Lesson(command) => self.teach(command),
            Action::Edit(recipe) => self.recipe.put(*recipe),
            Action::UseData(source) => self.recipe.use_data(&source),
            Action::UseOwn(own) => self.use_own(*own),
            Action::CancelReading => self.state.cancel_reading(),
            Action::CancelComparison => self.state.cancel_comparison(),
            Action::CancelLikelihood => self.state.cancel_likelihood(),
            Action::ReadAgain => self.state.data_outdated(),
            Action::Work(easel) => {
                self.drafts.inpaint.take(*easel, &self.state, &mut self.out);
                self.state.workspace = Workspace::Inpaint;
            }
            Action::Load(wanted) => {
                let ctx = ctx.clone();
                // A picture on its way does not push aside the question about a model.
                let loader = match wanted {
                    Wanted::Domain(_) => &mut self.model_loader,
                    _ => &mut self.loader,
                };
                loader.begin(wanted, move || ctx.request_repaint());
            }
            Action::Save(saving) => self.exports.save(ctx, *saving),
            Action::Open(paths) => self.open(ctx, paths),
            Action::Browse(browse) => self.asking = Some((browse, Asking::new(ctx, question_for(browse)))),
            Action::Paste => self.paste(),
            Action::Theme(choice) => {
                self.view.theme = choice;
                ctx.set_theme(choice);
            }
            Action::TogglePanels => self.view.panels = !self.view.panels,
            Action::Slowly => self.drafts.slow.turn(),
            Action::OwnKey(does, key) => {
                self.view.keys.set(does, key);
                self.view.keys.put_in_force(ctx);
            }
            Action::TableKeys => {
                self.view.keys = OwnKeys::default();
                self.view.keys.put_in_force(ctx);
            }
            Action::Arrange(workspace, change) => {
                if let Some(layout) = self.drafts.layout(workspace) {
                    layout.change(change);
                }
            }
            Action::ToggleHelp => self.view.help = !self.view.help,
            Action::ToggleTimes => self.view.times = !self.view.times,
            Action::MeasureAnew => (self.times, self.reactions) = Default::default(),
            Action::ToggleNotices => self.view.notices = !self.view.notices,
            Action::Notice(notice) => self.state.notify(notice),
            Action::DismissDivergence => {
                if let Some(run) = &mut self.state.run {
                    run.diverged = None;
                }
            }
            Action::Do(does) => self.perform(ctx, does),
            Action::Press(keys) => {
                self.press = Some(keys);
                ctx.request_repaint();
            }
        }
    }

    fn send(&mut self, ctx: &egui::Context, mut command: Command) {
        match &mut command {
            Command::Sample(request) => self.state.ask(request),
            Command::Train(request) => {
                request.run = RunId(self.state.fresh_id());
                self.state.workspace = Workspace::Lab;
            }
            Command::Compare(_, progress) => self.state.comparison = Comparison::Running(progress.clone()),
            Command::Judge { progress, .. } => self.state.likelihood = Verdict::Running(progress.clone()),
            Command::Pause => self.ask_run(ctx, Verb::Pause),
            Command::Stop => self.ask_run(ctx, Verb::Stop),
            Command::Finish => self.ask_run(ctx, Verb::Finish),
            other => self.state.run.iter_mut().for_each(|run| run.note(other)),
        }
        if !self.worker.send(command) {
            let text =
                "The engine has ended; start the program again. Saved runs are complete up to their last checkpoint.";
            self.state.notify(Notice::new(Severity::Error, text));
        }
        ctx.request_repaint();
    }

    /// Asks for an end or a pause, and shows so in the same frame: on a processor, painting a frame takes far longer than
    /// its layout.
    fn ask_run(&mut self, ctx: &egui::Context, verb: Verb) {
        self.state.asked_of_run(verb);
        if verb == Verb::Stop {
            self.wish(Wish::Stop);
        }
        ctx.request_discard("what was asked of the run is shown at once");
    }

    /// Begins to read what was chosen or dropped, so that the window does not wait for a disk.
    fn open(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        if let [path] = &*paths
            && self.state.workspace == Workspace::Inpaint
            && is_picture(path)
        {
            return self.out.push(Action::Load(Wanted::Picture(path.clone())));
        }
        self.state.opening = paths.first().map(|path| words::file_name(path));
        let ctx = ctx.clone();
        self.opener.begin(Wanted::Paths(paths), move || ctx.request_repaint());
    }

    /// What was opened has been read.
    fn take_opened(&mut self, opened: Opened) {
        match opened {
            Opened::Recipe(recipe, own) => {
                self.put(*recipe, own);
                self.out.push(Action::Show(Workspace::Lab));
            }
            Opened::Model(folder, recipe, own) => {
                let count = if catalogue::is_points(&recipe.data.source) {
                    800
                } else {
                    36
                };
                self.recipe.opened = Some((folder.clone(), (*recipe).clone()));
                // Nobody knows what an imported model learned from: the form keeps its data.
                if recipe.data.source != UNKNOWN_DATA {
                    self.put(*recipe, own);
                }
                self.out
                    .push(Action::Engine(opening::first_look(Model::Folder(folder), count)));
                self.out.push(Action::Show(Workspace::Trajectory));
            }
            Opened::Made(made) => self.remake(*made),
            Opened::Document(read) => self.go_on_with(*read),
            Opened::Data(source) => self.use_path(&source),
            Opened::Own(own) => {
                self.use_own(own);
                self.out.push(Action::Show(Workspace::Data));
            }
            Opened::Lesson(lesson) => self.teach(LessonCommand::Begin(lesson)),
        }
    }

    /// The recipe of a run and the data that only the run kept.
    fn put(&mut self, recipe: Recipe, own: Option<Own>) {
        self.recipe.put(recipe);
        if let Some(own) = own {
            self.use_own(own);
        }
    }

    fn use_path(&mut self, source: &str) {
        if self.recipe.recipe.data.source != source {
            self.recipe.use_data(source);
        }
        self.out.push(Action::Show(Workspace::Data));
    }

    fn paste(&mut self) {
        match opening::clipboard_picture() {
            Ok(picture) if self.state.workspace == Workspace::Inpaint => {
                if let Err(message) = self.work_on(&picture) {
                    self.state.notify(Notice::new(Severity::Warning, message));
                }
            }
            Ok(picture) => {
                self.use_own(Own::pasted(picture, self.recipe.own.as_ref()));
                self.out.push(Action::Show(Workspace::Data));
            }
            Err(message) => self.state.notify(Notice::new(Severity::Warning, message)),
        }
    }

    fn use_own(&mut self, own: Own) {
        if self.recipe.recipe.data.source != own.id {
            self.recipe.use_data(&own.id);
        }
        self.recipe.own = Some(own);
        self.state.data_outdated();
    }

    /// One frame's interface, without a window around it.
    pub fn show(&mut self, ui: &mut Ui) {
        if let Some(keys) = self.press.take() {
            ui.ctx().input_mut(|i| i.events.push(palette::press(keys)));
        }
        self.global_keys(ui.ctx());
        let layout = self.drafts.layout(self.state.workspace);
        frame::top_bar(ui, &self.state, layout.as_deref(), &mut self.out);
        status::status_bar(ui, &self.state, &mut self.out);
        let recipe = self.view.panels && self.state.workspace == Workspace::Lab;
        if recipe {
            Panel::left("recipe")
                .frame(Frame::new().fill(theme::palette(ui).panel))
                .default_size(310.0)
                .size_range(270.0..=440.0)
                .show(ui, |ui| recipe_panel(ui, &self.state, &mut self.recipe, &mut self.out));
        }
        if let Some(course) = &self.course {
            let (state, draft) = (&self.state, &mut self.drafts.lesson);
            lesson_panel(ui, state, self.recipe.settled(), course, draft, &mut self.out);
        }
        let ground = Frame::new().fill(theme::palette(ui).ground).inner_margin(Margin::ZERO);
        CentralPanel::default().frame(ground).show(ui, |ui| self.workspace(ui));
        self.windows(ui.ctx());
        frame::take_dropped(ui.ctx(), &mut self.out);
        let ctx = ui.ctx().clone();
        self.question(&ctx);
        self.exports.show(&ctx, &mut self.out);
        self.apply_all(&ctx);
        self.follow_learning();
        self.ask_engine(&ctx);
    }

    fn workspace(&mut self, ui: &mut Ui) {
        let Self {
            state,
            drafts,
            out,
            recipe,
            view,
            ..
        } = self;
        match state.workspace {
            Workspace::Start => start_panel(ui, state, &view.recent, &view.lessons, &mut drafts.start, out),
            Workspace::Lab => lab_panel(ui, state, recipe, &mut drafts.lab, out),
            Workspace::Data => data_panel(ui, state, recipe, &mut drafts.data, out),
            Workspace::Trajectory => trajectory_panel(ui, state, &mut drafts.trajectory, out),
            Workspace::Schedule => schedule_panel(ui, state, recipe.settled(), &mut drafts.schedule, out),
            Workspace::Inpaint => inpaint_panel(ui, state, &mut drafts.inpaint, out),
            Workspace::Samplers => samplers_panel(ui, state, &mut drafts.samplers, out),
            Workspace::Runs => runs_panel(ui, state, &mut drafts.runs, out),
            Workspace::Compare => compare_panel(ui, state, &mut drafts.compare, out),
        }
    }

    fn windows(&mut self, ctx: &egui::Context) {
        let sample = self.drafts.trajectory.lens.selected;
        slow_window(
            ctx,
            &self.state,
            &self.recipe,
            sample,
            &mut self.drafts.slow,
            &mut self.out,
        );
        key_list_window(ctx, &mut self.view.help, &mut self.drafts.keys, &mut self.out);
        let times = if self.view.times { self.measured() } else { Vec::new() };
        frame::times_window(ctx, &mut self.view.times, &times, &mut self.out);
        notices::notice_window(ctx, &self.state, &mut self.view.notices);
        offers::unfinished(ctx, &self.state, &mut self.drafts.offer, &mut self.out);
        self.missing_window(ctx);
        palette::palette_window(ctx, &self.view.recent, &mut self.drafts.palette, &mut self.out);
        notices::toasts(ctx, &self.state, &mut self.drafts.notices);
    }

    /// Keys that work everywhere.
    fn global_keys(&mut self, ctx: &egui::Context) {
        for binding in keys::BINDINGS.iter().filter(|b| b.place.is_none()) {
            if keys::pressed(ctx, binding.does) {
                self.out.push(Action::Do(binding.does));
            }
        }
        if let Some(layout) = self.drafts.layout(self.state.workspace)
            && keys::pressed(ctx, Does::ResetView)
        {
            layout.change(Change::Reset);
        }
        if keys::closes(ctx) {
            (self.view.help, self.view.times, self.view.notices) = (false, false, false);
        }
    }

    /// Does what a key or a line of the menu says.
    fn perform(&mut self, ctx: &egui::Context, does: Does) {
        let live = self.state.run.as_ref().is_some_and(|r| r.state.is_live());
        match does {
            Does::Show(workspace) => self.out.push(Action::Show(workspace)),
            Does::Palette => self.drafts.palette.toggle(),
            Does::Open => self.out.push(Action::Browse(Browse::File)),
            Does::Paste => self.out.push(Action::Paste),
            Does::SaveDocument => self.save_document(),
            Does::Save if live => self.out.push(Action::Engine(Command::Save)),
            Does::Stop if self.state.workspace == Workspace::Inpaint => {
                self.drafts.inpaint.cancel(&self.state, &mut self.out);
            }
            Does::Stop if live => self.out.push(Action::Engine(Command::Stop)),
            Does::Panels => self.out.push(Action::TogglePanels),
            Does::Theme => self.out.push(Action::Theme(frame::opposite(ctx))),
            Does::Motion => self.turn_motion(ctx),
            Does::Larger => self.zoom(ctx, self.view.zoom * 1.1),
            Does::Smaller => self.zoom(ctx, self.view.zoom / 1.1),
            Does::OriginalSize => self.zoom(ctx, 1.0),
            Does::FullScreen => {
                let full = ctx.input(|i| i.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full));
            }
            Does::Help => self.out.push(Action::ToggleHelp),
            Does::Times => self.out.push(Action::ToggleTimes),
            Does::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            // The rest belongs to one workspace, which looks for its keys itself.
            _ => {}
        }
    }

    fn turn_motion(&mut self, ctx: &egui::Context) {
        self.view.still = !self.view.still;
        theme::set_still(ctx, self.view.still);
        let text = if self.view.still {
            "Reduced motion: nothing moves unless you play it."
        } else {
            "Full motion: films and stages begin to play by themselves."
        };
        self.state.notify(Notice::new(Severity::Info, text).about("motion"));
    }

    fn zoom(&mut self, ctx: &egui::Context, zoom: f32) {
        self.view.zoom = zoom.clamp(0.6, 2.5);
        ctx.set_zoom_factor(self.view.zoom);
    }

    /// Lets the clocks go on and asks for the frame in which the next one moves.
    fn tick(&mut self, ctx: &egui::Context) {
        // Frames are asked for when something is due, not at a fixed rate, so only the real time between them counts.
        let secs = f64::from(ctx.input(|i| i.unstable_dt.min(1.0)));
        self.state.playback.tick(secs);
        let least = if self.state.machine.software { 0.05 } else { 0.0 };
        let due = match self.state.workspace {
            Workspace::Start => self.drafts.start.tick(secs, self.view.still),
            Workspace::Lab => self.drafts.lab.tick(secs),
            Workspace::Trajectory => sooner(self.state.playback.next_change_secs(), self.state.learning.tick(secs)),
            Workspace::Schedule | Workspace::Inpaint | Workspace::Compare => self.state.playback.next_change_secs(),
            Workspace::Data | Workspace::Samplers | Workspace::Runs => None,
        };
        if let Some(due) = sooner(due, self.drafts.slow.tick(secs, self.view.still)) {
            ctx.request_repaint_after_secs((due as f32).max(least));
        }
    }

    /// On a small screen the window fills it.
    fn fit_screen(&mut self, ctx: &egui::Context) {
        let monitor = ctx.input(|i| i.viewport().monitor_size);
        if let Some(monitor) = monitor.filter(|_| !std::mem::replace(&mut self.fitted, true))
            && (monitor.x < ROOMY.x || monitor.y < ROOMY.y)
        {
            ctx.send_viewport_cmd(ViewportCommand::Maximized(true));
        }
    }

    fn title(&mut self, ctx: &egui::Context) {
        let title = match &self.state.run {
            Some(run) if run.state.is_live() => {
                let share = 100 * run.step / run.info.recipe.train.steps.max(1);
                format!(
                    "{share} % {} – Diffusion Studio",
                    catalogue::label(&run.info.recipe.data.source)
                )
            }
            _ => "Diffusion Studio".into(),
        };
        // Not every platform tells the title that is shown, and each command brings another frame.
        if self.title != title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

/// The sooner of two times, where something is due.
fn sooner(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::min)
}

/// Endings of pictures.
const PICTURES: &[&str] = &["png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff"];

fn is_picture(path: &std::path::Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    PICTURES.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn question_for(browse: Browse) -> Question {
    let (kind, title, extensions): (_, _, &[&str]) = match browse {
        Browse::Folder => (
            Kind::OpenFolder,
            "Open a folder: pictures, a run or a model of diffusers",
            &[],
        ),
        Browse::File => (Kind::OpenFile, "Open data, a picture, a recipe or a document", &[]),
        Browse::Runs => (Kind::OpenFolder, "A folder with runs, or a run", &[]),
        Browse::Labels => (Kind::OpenFile, "A CSV with file and label", &["csv"]),
        Browse::Picture => (Kind::OpenFile, "A picture to work on", PICTURES),
        Browse::Mask => (Kind::OpenFile, "A mask: what is light is filled", PICTURES),
    };
    Question {
        kind,
        title: title.into(),
        name: String::new(),
        extensions,
        folder: None,
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let before = Instant::now();
        self.advance(ctx);
        self.tick(ctx);
        self.title(ctx);
        self.fit_screen(ctx);
        self.logic = before.elapsed();
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let before = Instant::now();
        self.follow_wishes();
        self.show(ui);
        let layout = before.elapsed();
        let now = ui.input(|i| i.time);
        // eframe measures without the wait for the screen.
        let work = frame.info().cpu_usage;
        let work = work.map(|secs| Duration::from_secs_f32(secs.max(0.0)));
        self.times.frame(now, self.logic, layout, work);
        self.state.machine.fps = self.times.per_second();
        self.state.machine.frame_ms = self.times.total.quantile_ms(0.5) as f32;
        self.start_times.frame();
        if self.state.trajectory().is_some_and(|t| t.steps.len() > 1) {
            self.start_times.motion();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.view.layouts = self.drafts.saved_layouts();
        eframe::set_value(storage, STORED, &self.view);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        for line in self.measured() {
            self.start_times.line(&line);
        }
        if let Err(reason) = self.close_desk() {
            self.start_times
                .line(&format!("what was worked on could not be kept: {reason}"));
        }
        self.worker.shut_down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_store() {
        let settings = ViewSettings {
            zoom: 1.3,
            theme: ThemeChoice::Dark,
            ..ViewSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ViewSettings>(&text).unwrap(), settings);
        assert_eq!(
            serde_json::from_str::<ViewSettings>("{}").unwrap(),
            ViewSettings::default()
        );
    }
}
