//! What a step of a lesson can do in the reader's place.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::Deserialize;

use crate::{
    app::{
        action::Action,
        loader::Wanted,
        playback::{Mode, PlaybackCommand},
        state::{AppState, Notice, Severity},
    },
    data::Dataset,
    engine::{
        Command, RunId,
        command::{ClassChoice, Model, Restoration, SampleRequest, TrainRequest},
        exact::ExactModel,
    },
    files::Recipe,
    math::{Domain, Frame, Spec, Value, domain::unit_from_byte},
};

/// Settings by their key in a recipe, as `train --set` takes them.
pub type Changes = BTreeMap<String, Text>;

/// A setting as text, whatever it is written as.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "toml::Value")]
pub struct Text(pub String);

impl From<toml::Value> for Text {
    fn from(value: toml::Value) -> Self {
        Self(match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

/// One thing that is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Doing {
    /// Takes a data set with its recipe.
    Data(String),
    /// Changes settings of the Lab's form.
    Set(Changes),
    /// Trains what is in the form for so many steps.
    Train(u64),
    /// Makes samples.
    Sample(Sampling),
    /// Fills a hole in a picture.
    Fill(Filling),
    /// Puts a schedule, and perhaps another to compare it with, into the Schedule workspace.
    Schedule(Vec<Spec>),
    /// To a share of the present trajectory, 0 is noise.
    Seek(f64),
    /// Lets the present trajectory play.
    Play,
}

/// Samples that are to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sampling {
    /// `present` for what was trained, a bundled model, or an exact one as `exact:moons`.
    pub model: String,
    /// Its id.
    pub sampler: String,
    /// Its parameters.
    pub params: BTreeMap<String, Value>,
    /// Moves.
    pub steps: usize,
    /// Seed of all noise.
    pub seed: u64,
    /// How many.
    pub count: usize,
    /// The class of all of them; none by default.
    pub class: Option<u32>,
    /// How strongly the class is amplified; 1 is not at all.
    pub guidance: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            model: "present".into(),
            sampler: "ddim".into(),
            params: BTreeMap::new(),
            steps: 50,
            seed: 1,
            count: 1000,
            class: None,
            guidance: 1.0,
        }
    }
}

/// A hole that is to be filled.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filling {
    /// The data set that the picture is from.
    pub data: String,
    /// Which picture.
    pub item: usize,
    /// The hole: left, top, right, bottom in pixels.
    pub hole: [usize; 4],
    /// Samples with this method.
    pub with: Sampling,
}

/// What has to be asked of the window for all of these, one after the other.
pub fn actions(all: &[Doing], state: &AppState, form: &Recipe) -> Vec<Action> {
    let mut form = form.clone();
    let mut out = Vec::new();
    for doing in all {
        match doing.action(state, &mut form) {
            Ok(action) => out.extend(action),
            Err(reason) => out.push(Action::Notice(Notice::new(Severity::Error, reason))),
        }
    }
    out
}

impl Doing {
    /// Whether it has to wait for samples that are being made.
    pub(super) fn waits(&self, state: &AppState) -> bool {
        let is_under_way = !state.asked.is_empty() || state.trajectory().is_none_or(|view| !view.ended);
        matches!(self, Self::Seek(_) | Self::Play) && is_under_way
    }

    /// Whether what comes after it may have to wait for its end.
    pub(super) fn takes_time(&self) -> bool {
        matches!(self, Self::Sample(_) | Self::Fill(_))
    }

    /// `None` where it is so already.
    fn action(&self, state: &AppState, form: &mut Recipe) -> Result<Option<Action>, String> {
        Ok(Some(match self {
            Self::Data(source) => {
                *form = crate::app::catalogue::recipe_for(source);
                Action::Edit(Box::new(form.clone()))
            }
            Self::Set(changes) => {
                *form = changed(form, changes)?;
                Action::Edit(Box::new(form.clone()))
            }
            Self::Train(steps) => {
                form.train.steps = *steps;
                form.check().map_err(|fault| fault.message)?;
                Action::Engine(train(form))
            }
            Self::Sample(sampling) => Action::Engine(Command::Sample(Box::new(sampling.request()))),
            Self::Fill(filling) => Action::Load(Wanted::Filling(Box::new(filling.clone()))),
            Self::Schedule(specs) => Action::Look(specs.clone()),
            Self::Seek(share) => {
                let last = state.playback.len().saturating_sub(1) as f64;
                Action::Playback(PlaybackCommand::Seek((share * last).round() as usize))
            }
            Self::Play if state.playback.mode() == Mode::Playing => return Ok(None),
            Self::Play => Action::Playback(PlaybackCommand::Toggle),
        }))
    }
}

/// A form with some settings changed.
pub(super) fn changed(form: &Recipe, changes: &Changes) -> Result<Recipe, String> {
    let mut recipe = form.clone();
    for (key, value) in changes {
        recipe.set(key, &value.0).map_err(|e| e.to_string())?;
    }
    Ok(recipe)
}

fn train(recipe: &Recipe) -> Command {
    Command::Train(Box::new(TrainRequest {
        run: RunId::default(),
        recipe: recipe.clone(),
        folder: None,
        resume: false,
        paused: false,
        data: None,
        start: None,
    }))
}

impl Sampling {
    fn request(&self) -> SampleRequest {
        let sampler = self.params.iter().fold(Spec::new(&self.sampler), |spec, (key, value)| {
            spec.with(key, value.clone())
        });
        let mut request = SampleRequest {
            model: model(&self.model),
            sampler,
            steps: self.steps,
            seed: self.seed,
            count: self.count,
            class: self.class.map_or(ClassChoice::None, ClassChoice::One),
            ..SampleRequest::default()
        };
        request.guidance.scale = self.guidance;
        request
    }
}

fn model(name: &str) -> Model {
    match (name, ExactModel::parse(name)) {
        ("present", _) => Model::Present,
        (_, Some(exact)) => Model::Exact(Box::new(exact)),
        _ if name.contains(['/', '\\']) => Model::Folder(PathBuf::from(name)),
        _ => Model::Bundled(name.into()),
    }
}

impl Filling {
    /// The request, once the data are there.
    pub fn request(&self, data: &Dataset) -> Result<SampleRequest, String> {
        let Domain::Image {
            channels,
            height,
            width,
        } = data.domain
        else {
            return Err(format!("{} has no pictures to fill.", data.label));
        };
        let Frame::Pixels { data: bytes, .. } = data.frame(&[self.item.min(data.count - 1)]) else {
            return Err(format!("{} has no pictures to fill.", data.label));
        };
        let pixels = width * height;
        let picture = (0..pixels * channels).map(|i| unit_from_byte(bytes[i % pixels * channels + i / pixels]));
        let [left, top, right, bottom] = self.hole;
        let is_hole = |i: usize| (left..right).contains(&(i % width)) && (top..bottom).contains(&(i / width));
        Ok(SampleRequest {
            restore: Some(Arc::new(Restoration {
                task: Spec::new("inpaint"),
                picture: picture.collect(),
                measured: false,
                fill: Some((0..pixels).map(|i| f32::from(u8::from(is_hole(i)))).collect()),
                guide: None,
            })),
            ..self.with.request()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataRecipe, Progress, load};

    fn doing(text: &str) -> Vec<Doing> {
        #[derive(Deserialize)]
        struct Page {
            all: Vec<Doing>,
        }
        toml::from_str::<Page>(&format!("all = {text}")).unwrap().all
    }

    #[test]
    fn what_follows_a_setting_knows_it() {
        let all =
            doing(r#"[{ data = "moons" }, { set = { "train.lr" = 3e-4, "schedule.id" = "cosine" } }, { train = 40 }]"#);
        let actions = actions(&all, &AppState::default(), &Recipe::default());
        let Some(Action::Engine(Command::Train(request))) = actions.last() else {
            panic!("{actions:?}");
        };
        assert_eq!(
            (request.recipe.data.source.as_str(), request.recipe.train.steps),
            ("moons", 40)
        );
        assert_eq!(
            (request.recipe.train.lr, request.recipe.schedule.id.as_str()),
            (3e-4, "cosine")
        );
    }

    #[test]
    fn a_mistake_becomes_a_notice() {
        let actions = actions(
            &doing(r#"[{ set = { "train.speed" = 1 } }]"#),
            &AppState::default(),
            &Recipe::default(),
        );
        assert!(
            matches!(&actions[..], [Action::Notice(notice)] if notice.text.contains("train.speed")),
            "{actions:?}"
        );
    }

    #[test]
    fn a_hole_lies_where_it_was_said() {
        let text =
            r#"[{ fill = { data = "digits8x8", item = 3, hole = [4, 0, 8, 2], with = { sampler = "repaint" } } }]"#;
        let [Doing::Fill(filling)] = &doing(text)[..] else {
            panic!()
        };
        let recipe = DataRecipe {
            source: "digits8x8".into(),
            ..DataRecipe::default()
        };
        let data = load(&recipe, 0, &Progress::default()).unwrap();
        let request = filling.request(&data).unwrap();
        let restore = request.restore.unwrap();
        let fill = restore.fill.as_ref().unwrap();
        let holes: Vec<_> = (0..64).filter(|&i| fill[i] == 1.0).collect();
        assert_eq!(holes, [4, 5, 6, 7, 12, 13, 14, 15]);
        assert_eq!((restore.picture.len(), request.sampler.id.as_str()), (64, "repaint"));
    }
}
