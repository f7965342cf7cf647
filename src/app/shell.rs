//! The frame around the workspaces: takes in events, shows what is in front, applies what was asked for.

use eframe::egui::{self, CentralPanel, Panel, Ui};

use super::{
    action::{Action, Workspace},
    panels::{
        schedule::{ScheduleDraft, schedule_panel},
        trajectory::{TrajectoryDraft, trajectory_panel},
    },
    state::AppState,
    theme,
    worker::Worker,
};
use crate::engine::Command;

/// The window's program.
#[derive(Debug)]
pub struct App {
    /// What panels read.
    pub state: AppState,
    worker: Worker,
    drafts: Drafts,
    out: Vec<Action>,
}

/// Half-edited forms and caches, one for each panel.
#[derive(Debug, Default)]
struct Drafts {
    trajectory: TrajectoryDraft,
    schedule: ScheduleDraft,
}

impl App {
    /// The program on a line to an engine.
    pub fn new(ctx: &egui::Context, worker: Worker) -> Self {
        theme::install(ctx);
        Self {
            state: AppState::default(),
            worker,
            drafts: Drafts::default(),
            out: Vec::new(),
        }
    }

    fn take_in(&mut self) {
        for event in self.worker.events() {
            self.state.apply(event, &mut self.out);
        }
        if let Some(preview) = self.worker.preview() {
            self.state.preview(preview);
        }
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Engine(mut command) => {
                if let Command::Sample(request) = &mut command {
                    self.state.ask(request);
                }
                self.worker.send(command);
            }
            Action::Playback(command) => self.state.playback.apply(command),
            Action::Show(workspace) => self.state.workspace = workspace,
            Action::Select(id) => self.state.select(id),
            Action::Notice(notice) => self.state.notify(notice),
            _ => {}
        }
    }

    fn workspace(&mut self, ui: &mut Ui) {
        let (state, out) = (&self.state, &mut self.out);
        match state.workspace {
            Workspace::Trajectory => trajectory_panel(ui, state, &mut self.drafts.trajectory, out),
            Workspace::Schedule => schedule_panel(ui, state, &mut self.drafts.schedule, out),
            _ => {}
        }
    }

    /// One frame's interface, without a window around it.
    pub fn show(&mut self, ui: &mut Ui) {
        Panel::top("tabs").show(ui, |ui| {
            ui.horizontal(|ui| {
                for tab in Workspace::TABS {
                    if ui.selectable_label(self.state.workspace == tab, tab.label()).clicked() {
                        self.out.push(Action::Show(tab));
                    }
                }
            });
        });
        CentralPanel::default().show(ui, |ui| self.workspace(ui));
        for action in std::mem::take(&mut self.out) {
            self.apply(action);
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.take_in();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }
}
