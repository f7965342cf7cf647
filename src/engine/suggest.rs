//! Recipes to start with: bundled ones, and one that suits given data.

use super::Error;
use crate::{
    data::{self, DataRecipe, Dataset, Progress},
    files::Recipe,
    math::{Domain, Spec},
    nn::presets::{self, Preset, Suggestion},
};

/// Recipes that ship with the program, by id; the small trained models were made with them.
pub const RECIPES: &[(&str, &str)] = &[
    ("moons", include_str!("../../assets/recipes/moons.toml")),
    ("digits8x8", include_str!("../../assets/recipes/digits8x8.toml")),
    (
        "pixel-avatars16",
        include_str!("../../assets/recipes/pixel-avatars16.toml"),
    ),
    (
        "dungeon-tiles32",
        include_str!("../../assets/recipes/dungeon-tiles32.toml"),
    ),
    ("fashion-mnist", include_str!("../../assets/recipes/fashion-mnist.toml")),
];

/// The bundled recipe of that id.
pub fn bundled(id: &str) -> Option<Result<Recipe, Error>> {
    let (id, text) = RECIPES.iter().find(|(found, _)| *found == id)?;
    Some(Recipe::parse(text, &format!("bundled recipe {id}")).map_err(Into::into))
}

/// Loads data by name or path and suggests a recipe for them. `preset`: `tiny`, `small` or `base`; `None` chooses.
pub fn for_source(source: &str, preset: Option<&str>) -> Result<(Recipe, Dataset), Error> {
    let recipe = self::source(source);
    let preset = preset.map(find).transpose()?;
    let data = data::load(&recipe, 0, &Progress::default())?;
    Ok((for_data(&data, recipe, preset), data))
}

/// Data by name or path, read as by default.
pub fn source(source: &str) -> DataRecipe {
    DataRecipe {
        source: source.into(),
        ..DataRecipe::default()
    }
}

fn find(id: &str) -> Result<Preset, Error> {
    let known = || Preset::ALL.map(Preset::id).join(", ");
    Preset::find(id).ok_or_else(|| Error::refused(format!("there is no preset “{id}”; choose from: {}", known())))
}

/// A recipe that suits loaded data. Pictures regress v on the cosine schedule, which keeps small pictures crisp with few
/// training steps; points the noise on the linear schedule, as in the papers that students read.
pub fn for_data(data: &Dataset, source: DataRecipe, preset: Option<Preset>) -> Recipe {
    let preset = preset.unwrap_or_else(|| Preset::for_count(data.count));
    let Suggestion {
        net,
        batch,
        lr,
        steps,
        ema_decay,
        ..
    } = presets::suggest(data.domain, data.count, preset);
    let (schedule, target) = match data.domain {
        Domain::Points => ("linear", "eps"),
        Domain::Image { .. } => ("cosine", "v"),
    };
    let mut recipe = Recipe {
        data: source,
        net,
        schedule: Spec::new(schedule),
        target: Spec::new(target),
        ..Recipe::default()
    };
    recipe.train.batch = batch;
    recipe.train.lr = lr;
    recipe.train.steps = steps;
    recipe.ema.decay = ema_decay;
    recipe
}
