//! What the shell does about the runs on disk.

use std::path::{Path, PathBuf};

use eframe::egui::Context;

use super::{Action, App, Notice, Severity, Workspace};
use crate::{
    app::{
        runs::Lazy,
        shelf::{Change, Errand, News, Places},
    },
    engine::{Command, Event, RunId, command::TrainRequest, event::RunState},
    files::Recipe,
};

impl App {
    fn places(&self) -> Places {
        let mut others = self.view.run_folders.clone();
        others.extend(self.view.recent.iter().cloned());
        Places {
            home: self.state.runs.home.clone(),
            others,
        }
    }

    /// Looks at all runs; while someone is looking, as soon as that is done.
    pub(super) fn look_at_runs(&mut self) {
        if std::mem::replace(&mut self.state.runs.is_looking, true) {
            self.state.runs.is_outdated = true;
        } else {
            let known = self.state.runs.entries.clone();
            self.shelf.send(Errand::Look(self.places(), known));
        }
    }

    pub(super) fn show_workspace(&mut self, workspace: Workspace) {
        self.state.workspace = workspace;
        if workspace == Workspace::Runs {
            self.look_at_runs();
        }
    }

    pub(super) fn add_runs(&mut self, folder: PathBuf) {
        if !self.view.run_folders.contains(&folder) {
            self.view.run_folders.push(folder);
        }
        self.look_at_runs();
    }

    /// Sends someone, and remembers what was asked for.
    pub(super) fn run_errand(&mut self, errand: Errand) {
        let runs = &mut self.state.runs;
        match &errand {
            Errand::Shot(shot) => drop(runs.shots.insert(shot.clone(), Lazy::Asked)),
            Errand::Curve(folder, stamp) => {
                // The old losses stay until the new ones are there.
                let old = runs.curves.remove(folder).map_or(Lazy::Asked, |(_, curve)| curve);
                runs.curves.insert(folder.clone(), (stamp.clone(), old));
            }
            Errand::Change(folder, change) => {
                runs.changing.insert(folder.clone());
                if matches!(change, Change::Rename(_) | Change::Copy | Change::Remove) {
                    self.release(&folder.clone());
                }
            }
            Errand::Look(..) => {}
        }
        self.shelf.send(errand);
    }

    /// Lets go of an ended run, so that its folder may be moved.
    fn release(&mut self, folder: &Path) {
        let ended = self
            .state
            .run
            .take_if(|run| run.info.folder == folder && !run.state.is_live());
        if let Some(run) = ended {
            self.worker.send(Command::Release(run.info.run));
            self.view.recent.retain(|recent| recent != folder);
        }
    }

    /// Takes in what came of errands.
    pub(super) fn take_news(&mut self) {
        let news: Vec<_> = self.shelf.news().collect();
        for news in news {
            let runs = &mut self.state.runs;
            match news {
                News::Entry(entry) => runs.put(entry),
                News::Looked { folders, at, free } => {
                    runs.looked(&folders, at, free);
                    self.retry_missing();
                    let runs = &mut self.state.runs;
                    if std::mem::take(&mut runs.is_outdated) {
                        self.look_at_runs();
                    }
                }
                News::Shot(shot, read) => drop(runs.shots.insert(shot, Lazy::Read(read))),
                News::Curve(folder, stamp, read) => {
                    runs.curves.insert(folder, (stamp, Lazy::Read(read)));
                }
                News::Changed { folder, now, told } => self.changed(&folder, now.as_deref(), told),
            }
        }
    }

    fn changed(&mut self, folder: &Path, now: Option<&Path>, told: Result<Option<String>, String>) {
        self.state.runs.changing.remove(folder);
        match told {
            Ok(told) => {
                let is_elsewhere = now != Some(folder);
                if is_elsewhere && !folder.exists() {
                    self.drafts.runs.moved(folder, now);
                    self.followed(folder, now);
                }
                let notice = told.map(|text| Notice::new(Severity::Good, text));
                self.out.extend(notice.map(Action::Notice));
            }
            Err(message) => self.state.notify(Notice::new(Severity::Error, message)),
        }
        self.look_at_runs();
    }

    /// Folders that were remembered got another name, or are gone.
    fn followed(&mut self, folder: &Path, now: Option<&Path>) {
        for list in [&mut self.view.recent, &mut self.view.run_folders] {
            match now {
                Some(now) => list.iter_mut().filter(|f| *f == folder).for_each(|f| now.clone_into(f)),
                None => list.retain(|f| f != folder),
            }
        }
    }

    /// Goes on with a run; one that is finished is opened at rest until its new length is set.
    pub(super) fn go_on(&mut self, ctx: &Context, folder: PathBuf, until: Option<u64>) {
        let request = TrainRequest {
            run: RunId::default(),
            recipe: Recipe::default(),
            folder: Some(folder),
            resume: true,
            start: None,
            paused: until.is_some(),
            data: None,
        };
        self.send(ctx, Command::Train(Box::new(request)));
        // The newest number is the one that the request was given.
        self.until = until.map(|steps| (RunId(self.state.newest_id()), steps));
    }

    /// What the engine tells of a run, and what follows from it for the runs on disk.
    pub(super) fn runs_follow(&mut self, event: &Event) {
        match event {
            Event::RunState(run, RunState::Paused) => {
                if let Some((_, steps)) = self.until.take_if(|(wanted, _)| wanted == run) {
                    self.worker.send(Command::SetSteps(steps));
                    self.worker.send(Command::Resume);
                }
            }
            Event::RunState(_, state) if !state.is_live() => self.look_at_runs(),
            Event::Started(_) => self.look_at_runs(),
            Event::Mark(..) if self.state.workspace == Workspace::Runs => self.look_at_runs(),
            _ => {}
        }
    }
}
