//! Documents: saving what is worked on, keeping it by itself, and going on with it.

use std::{path::Path, time::Instant};

use eframe::egui::Context;

use super::{Action, App, Notice, Severity, Workspace, remade};
use crate::{
    app::{
        desk::{Desk, Look},
        easel::Easel,
        export::{Content, Saving},
        trajectories::TrajectoryView,
    },
    engine::{
        Command, TrajectoryId,
        command::Model,
        export::{Kind, Shown},
    },
    files::{
        Document,
        document::{ENDING, View},
    },
};

impl App {
    /// Keeps what is worked on from now on beside the folder of the runs, and offers what was kept before.
    pub(super) fn keep_desk(&mut self) {
        let home = self.state.runs.home.as_deref().and_then(Path::parent);
        if let Some(home) = home {
            (self.desk, self.state.earlier) = Desk::open(&home.join("desks"));
        }
    }

    /// Looks whether something is to be kept.
    pub(super) fn follow_desk(&mut self, ctx: &Context) {
        if !self.is_work() {
            return;
        }
        let now = Instant::now();
        let easel = self.drafts.inpaint.easel.as_ref();
        let look = Look {
            easel: easel.map(|e| (e.name.clone(), e.changes())),
            views: self
                .kept_views()
                .map(|view| (view.info.id.0, view.pinned, view.name.clone()))
                .collect(),
            form: self.recipe.settled().clone(),
        };
        if let Some(left) = self.desk.look(now, look) {
            ctx.request_repaint_after(left);
        }
        let mut desk = std::mem::take(&mut self.desk);
        let ctx = ctx.clone();
        desk.keep(now, || self.document(), move || ctx.request_repaint());
        if let Some(reason) = desk.failure() {
            let text = format!("What you work on could not be kept: {reason}. Save it as a document somewhere else.");
            self.state.notify(Notice::new(Severity::Warning, text));
        }
        self.desk = desk;
    }

    /// Keeps the rest before the program ends.
    pub(super) fn close_desk(&mut self) -> Result<(), String> {
        let mut desk = std::mem::take(&mut self.desk);
        desk.close(|| self.document())
    }

    /// Asks for a name and saves what is worked on.
    pub(super) fn save_document(&mut self) {
        let document = self.document();
        if document.is_empty() {
            let text = "There is nothing to save yet: make a trajectory, or draw on a picture.";
            return self.state.notify(Notice::new(Severity::Info, text));
        }
        self.out.push(Action::Save(Box::new(Saving {
            title: "Save what is open as a document".into(),
            name: format!("studio.{ENDING}"),
            content: Content::Document(Box::new(document)),
        })));
    }

    /// Trajectories that a document can say how to make.
    fn kept_views(&self) -> impl Iterator<Item = &TrajectoryView> {
        let all = self.state.trajectories.iter();
        all.filter(|view| view.complete && view.request.is_some() && view.info.restore.is_none())
    }

    /// Whether there is something of the user's own: what the bundled models make is there at every start.
    fn is_work(&self) -> bool {
        let is_own = |view: &TrajectoryView| {
            let request = view.request.as_ref();
            view.pinned || request.is_some_and(|request| !matches!(request.model, Model::Bundled(_)))
        };
        let drawn = self
            .drafts
            .inpaint
            .easel
            .as_ref()
            .is_some_and(|easel| easel.changes() > 0);
        drawn || self.kept_views().any(is_own)
    }

    fn document(&self) -> Document {
        let (cursor, front) = (self.state.playback.index(), self.state.current);
        let views: Vec<_> = self.kept_views().collect();
        Document {
            workspace: self.state.workspace.label().to_owned(),
            form: self.recipe.settled().clone(),
            front: views.iter().position(|view| Some(view.info.id) == front),
            views: views.iter().map(|view| self.kept(view, cursor)).collect(),
            canvas: self.drafts.inpaint.easel.as_ref().map(Easel::canvas),
        }
    }

    fn kept(&self, view: &TrajectoryView, cursor: usize) -> View {
        let shown = Shown {
            info: view.info.clone(),
            steps: Vec::new(),
        };
        let present = || {
            let run = self.state.run.as_ref()?;
            remade::checkpoint(&run.info.folder, view.info.step)
        };
        let folder = match view.request.as_ref().map(|request| &request.model) {
            Some(Model::Folder(folder)) => Some(folder.clone()),
            Some(Model::Present) => present(),
            _ => None,
        };
        View {
            made: shown.provenance(Kind::Grid { index: cursor }),
            folder,
            pinned: view.pinned,
            name: view.name.clone(),
        }
    }

    /// Puts everything back, and makes the trajectories again.
    pub(super) fn go_on_with(&mut self, (document, easel): (Document, Option<Easel>)) {
        self.state.earlier = None;
        self.recipe.put(document.form);
        if let Some(easel) = easel {
            self.drafts.inpaint.take(easel, &self.state, &mut self.out);
        }
        let mut missing = Vec::new();
        for (i, view) in document.views.into_iter().enumerate() {
            if let Err(reason) = self.make_again(&view, document.front == Some(i)) {
                missing.push(reason);
            }
        }
        if !missing.is_empty() {
            let text = format!(
                "Not everything of the document could be made again. {}",
                missing.join(" ")
            );
            self.state.notify(Notice::new(Severity::Warning, text));
        }
        let mut all = Workspace::TABS.into_iter();
        let workspace = all.find(|workspace| workspace.label() == document.workspace);
        self.out.push(Action::Show(workspace.unwrap_or_default()));
    }

    fn make_again(&mut self, view: &View, in_front: bool) -> Result<(), String> {
        let made = &view.made;
        remade::repeatable(made)?;
        let there = view.folder.clone().filter(|folder| folder.exists()).map(Model::Folder);
        let model = there.or_else(|| self.model_of(made));
        let model = model.ok_or_else(|| remade::explanation(made, None))?;
        let mut request = Box::new(remade::request(made, &model));
        self.state.ask(&mut request);
        if in_front {
            self.drafts.trajectory.sample.take(&request);
            self.remaking = Some(remade::Cursor::new(request.id, made.step));
        }
        self.labels.push(Label {
            id: request.id,
            pinned: view.pinned,
            name: view.name.clone(),
        });
        self.worker.send(Command::Sample(request));
        Ok(())
    }

    /// Pins and names the trajectories of a document once they begin.
    pub(super) fn label_again(&mut self) {
        let Self { labels, state, .. } = self;
        labels.retain(|label| match state.trajectories.get_mut(label.id) {
            Some(view) => {
                view.pinned |= label.pinned;
                view.name.clone_from(&label.name);
                false
            }
            None => state.asked.iter().any(|request| request.id == label.id),
        });
    }
}

/// What the user said of a trajectory that is being made again.
#[derive(Debug)]
pub(super) struct Label {
    id: TrajectoryId,
    pinned: bool,
    name: Option<String>,
}
