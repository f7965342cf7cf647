//! What a step of a lesson can wait for.

use serde::Deserialize;

use super::{
    doing::{Changes, changed},
    file::workspace,
};
use crate::{
    app::{state::AppState, trajectories::TrajectoryView},
    diffusion::sampler,
    files::Recipe,
};

/// One condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Until {
    /// This workspace is in front.
    Workspace(String),
    /// The Lab's form has these settings.
    Form(Changes),
    /// The present run has these settings.
    Run(Changes),
    /// The present run has done so many steps.
    Trained(u64),
    /// Such samples were made, and all of their steps are there.
    Sampled(Sampled),
    /// The cursor of the present trajectory lies between these shares of it; 0 is noise.
    Cursor([f64; 2]),
}

/// What samples are looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sampled {
    /// Id of the sampler or method.
    pub sampler: Option<String>,
    /// Moves that were asked for.
    pub steps: Option<usize>,
    /// With at least this guidance.
    pub guidance: Option<f64>,
    /// Whether a picture was restored.
    pub restored: bool,
}

impl Until {
    /// Whether it is so now.
    pub fn holds(&self, state: &AppState, form: &Recipe) -> bool {
        match self {
            Self::Workspace(name) => workspace(name) == Ok(state.workspace),
            Self::Form(changes) => has(form, changes),
            Self::Run(changes) => state.run.as_ref().is_some_and(|run| has(&run.info.recipe, changes)),
            Self::Trained(steps) => trained(state) >= *steps,
            Self::Sampled(wanted) => state.trajectories.iter().any(|view| wanted.is(view)),
            Self::Cursor([from, to]) => {
                let last = state.playback.len().saturating_sub(1).max(1) as f64;
                state.trajectory().is_some() && (*from..=*to).contains(&(state.playback.index() as f64 / last))
            }
        }
    }

    /// What is still to be done, for the reader.
    pub fn says(&self, state: &AppState) -> String {
        match self {
            Self::Workspace(name) => match workspace(name) {
                Ok(place) => format!("open the {} workspace", place.label()),
                Err(unknown) => unknown,
            },
            Self::Form(changes) => format!("set {} in the Lab", listed(changes)),
            Self::Run(changes) => format!("train with {}", listed(changes)),
            Self::Trained(steps) => format!("train {steps} steps ({} so far)", trained(state)),
            Self::Sampled(wanted) => wanted.says(),
            Self::Cursor([from, to]) => {
                format!(
                    "drag the time bar to between {:.0} and {:.0} %",
                    100.0 * from,
                    100.0 * to
                )
            }
        }
    }
}

fn trained(state: &AppState) -> u64 {
    state.run.as_ref().map_or(0, |run| run.step)
}

/// Settings are the same where setting them changes nothing.
fn has(recipe: &Recipe, changes: &Changes) -> bool {
    changed(recipe, changes).is_ok_and(|same| same == *recipe)
}

fn listed(changes: &Changes) -> String {
    let all: Vec<_> = changes
        .iter()
        .map(|(key, value)| format!("{key} = {}", value.0))
        .collect();
    all.join(", ")
}

impl Sampled {
    fn is(&self, view: &TrajectoryView) -> bool {
        let Some(request) = view.request.as_ref().filter(|_| view.complete) else {
            return false;
        };
        self.sampler.as_ref().is_none_or(|id| *id == request.sampler.id)
            && self.steps.is_none_or(|steps| steps == request.steps)
            && self.guidance.is_none_or(|least| request.guidance.scale >= least)
            && self.restored == request.restore.is_some()
    }

    fn says(&self) -> String {
        let verb = if self.restored { "fill the hole" } else { "make samples" };
        let sampler = self.sampler.as_ref().map(|id| format!(" with {}", label(id)));
        let steps = self.steps.map(|steps| format!(" in {steps} steps"));
        let guidance = self.guidance.map(|least| format!(" at guidance {least} or more"));
        [Some(verb.to_owned()), sampler, steps, guidance]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn label(sampler: &str) -> &str {
    sampler::ENTRIES
        .iter()
        .find(|e| e.id == sampler)
        .map_or(sampler, |e| e.label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Workspace;

    #[test]
    fn settings_are_compared_by_value() {
        let form = Recipe::default();
        let until = |text: &str| toml::from_str::<Until>(text).unwrap();
        let mut state = AppState::default();
        state.workspace = Workspace::Schedule;
        assert!(until("form = { \"train.lr\" = 1e-3 }").holds(&state, &form) == (form.train.lr == 1e-3));
        assert!(!until("form = { \"train.lr\" = 0.77 }").holds(&state, &form));
        assert!(until("workspace = \"schedule\"").holds(&state, &form));
        assert!(!until("trained = 1").holds(&state, &form));
        assert!(
            !until("cursor = [0.0, 1.0]").holds(&state, &form),
            "there is no trajectory"
        );
        let sampled = until("sampled = { sampler = \"ddim\" }");
        assert!(!sampled.holds(&state, &form));
        assert_eq!(sampled.says(&state), "make samples with DDIM", "as the window calls it");
    }
}
