//! What can be learned from, in the order and groups of the window, and a good recipe for each.

use super::{panels::recipe::RecipeDraft, state::AppState, words};
use crate::{
    data::{self, Maker},
    files::Recipe,
    math::{Entry, Param, Spec, Value},
};

/// Data sets of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Name of the kind.
    pub title: &'static str,
    points: bool,
}

/// All kinds.
pub const GROUPS: &[Group] = &[
    Group {
        title: "Points",
        points: true,
    },
    Group {
        title: "Pictures",
        points: false,
    },
];

impl Group {
    /// Its data sets.
    pub fn entries(self) -> impl Iterator<Item = &'static Entry<dyn Maker>> {
        data::ENTRIES
            .iter()
            .copied()
            .filter(move |e| makes_points(e) == self.points)
    }
}

/// Only point sets are made in any number.
fn makes_points(entry: &Entry<dyn Maker>) -> bool {
    entry.params.iter().any(|p| p.id == "count")
}

fn find(source: &str) -> Option<&'static Entry<dyn Maker>> {
    data::ENTRIES.iter().copied().find(|e| e.id == source)
}

/// Name of a data source in the window.
pub fn label(source: &str) -> String {
    match (find(source), source) {
        (Some(entry), _) => entry.label.to_owned(),
        (None, "drawn") => "Your points".into(),
        (None, "pasted") => "Pasted pictures".into(),
        (None, "dropped") => "Dropped files".into(),
        (None, path) => words::file_name(std::path::Path::new(path)),
    }
}

/// One sentence about a data source.
pub fn about(source: &str) -> String {
    find(source).map_or_else(|| source.to_owned(), |entry| entry.help.to_owned())
}

/// Parameters of a data set.
pub fn data_params(source: &str) -> &'static [Param] {
    find(source).map_or(&[], |e| e.params)
}

/// Whether a source is the user's own.
pub fn is_own(source: &str) -> bool {
    find(source).is_none()
}

/// Whether a source is one of the point sets or drawn by hand.
pub fn is_points(source: &str) -> bool {
    find(source).map_or(source == "drawn", makes_points)
}

/// Whether a source is pictures, as far as its name tells.
pub fn is_pictures(source: &str) -> bool {
    !is_points(source) && !std::path::Path::new(source).extension().is_some_and(|e| e == "csv")
}

/// Whether the data of the form have classes, as far as is known.
pub fn has_classes(state: &AppState, draft: &RecipeDraft) -> bool {
    state.data_for(&draft.recipe.data).is_some_and(|d| d.labels.is_some())
}

/// A recipe that learns `source` well without being changed.
pub fn recipe_for(source: &str) -> Recipe {
    let mut recipe = Recipe::default();
    source.clone_into(&mut recipe.data.source);
    if is_pictures(source) {
        recipe.net = Spec::new("unet").with("preset", Value::Text("tiny".into()));
        recipe.schedule = Spec::new("cosine");
        recipe.train.steps = 6_000;
        recipe.train.batch = 64;
        recipe.preview.count = 36;
        recipe.preview.steps = 12;
    } else {
        recipe.net = Spec::new("mlp");
        recipe.train.steps = 6_000;
        recipe.train.batch = 256;
        recipe.train.lr = 2e-3;
        recipe.preview.count = 800;
        recipe.preview.steps = 24;
    }
    recipe
}
