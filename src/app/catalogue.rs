//! What can be learned from, in the order and groups of the window, and a good recipe for each.

use super::{panels::recipe::RecipeDraft, state::AppState, words};
use crate::{
    data::{self, DataRecipe, Dataset, Maker},
    engine::suggest,
    files::Recipe,
    math::{Domain, Entry, Param},
    nn::presets::Preset,
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
    !is_points(source) && std::path::Path::new(source).extension().is_none_or(|e| e != "csv")
}

/// Whether the data of the form have classes, as far as is known.
pub fn has_classes(state: &AppState, draft: &RecipeDraft) -> bool {
    state.data_for(&draft.recipe.data).is_some_and(|d| d.labels.is_some())
}

/// A recipe for a source that was not looked at yet: the one that ships with the program, or a guess by its name.
pub fn recipe_for(source: &str) -> Recipe {
    if let Some(Ok(recipe)) = suggest::bundled(source) {
        return shown(recipe, is_points(source));
    }
    let like = if is_points(source) { "moons" } else { "digits8x8" };
    let like = suggest::bundled(like).and_then(Result::ok).unwrap_or_default();
    let recipe = Recipe {
        data: suggest::source(source),
        ..like
    };
    shown(recipe, is_points(source))
}

/// Whether a source has a recipe of its own that ships with the program.
pub fn has_recipe(source: &str) -> bool {
    suggest::RECIPES.iter().any(|(id, _)| *id == source)
}

/// A recipe that suits data that were looked at.
pub fn recipe_of(data: &Dataset, source: DataRecipe, preset: Option<Preset>) -> Recipe {
    shown(suggest::for_data(data, source, preset), data.domain == Domain::Points)
}

/// As many samples in the live view as a window can show: a cloud needs many points.
fn shown(mut recipe: Recipe, points: bool) -> Recipe {
    (recipe.preview.count, recipe.preview.steps) = if points { (800, 24) } else { (36, 12) };
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_set_is_listed_once_with_a_sound_recipe() {
        let listed: Vec<_> = GROUPS.iter().flat_map(|g| g.entries()).map(|e| e.id).collect();
        assert_eq!(listed.len(), data::ENTRIES.len());
        for id in listed {
            let recipe = recipe_for(id);
            assert_eq!((recipe.data.source.as_str(), recipe.check()), (id, Ok(())));
            assert_eq!(recipe.net.id == "mlp", is_points(id), "{id}");
        }
    }

    #[test]
    fn own_data_are_named_by_their_file() {
        assert_eq!(label("/home/me/cats"), "cats");
        assert!(is_pictures("/home/me/cats") && !is_pictures("/home/me/walk.csv") && is_own("drawn"));
    }
}
