//! Small trained models that ship with the program, so that there is something to play before anything is trained.

use super::{Error, Result, SavedModel, Tensors};
use crate::math::spec;

/// A model embedded in the program: the folder `assets/models/<id>/`, whose two files are named with `include_str!` and
/// `include_bytes!`.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Name of the folder.
    pub id: &'static str,
    /// `recipe.toml`: how it was trained.
    pub recipe: &'static str,
    /// `ema.safetensors`: the averaged weights of a checkpoint.
    pub ema: &'static [u8],
}

/// All models that ship with the program.
pub static ALL: &[Bundled] = &[Bundled {
    id: "moons",
    recipe: include_str!("../../assets/models/moons/recipe.toml"),
    ema: include_bytes!("../../assets/models/moons/ema.safetensors"),
}];

/// Opens a model by id.
pub fn open(id: &str) -> Result<SavedModel> {
    let unknown = || {
        let ids = ALL.iter().map(|b| b.id);
        let known = ids.clone().collect::<Vec<_>>().join(", ");
        Error::broken(
            id.as_ref(),
            format!(
                "no such model ships with the program{}; there are: {known}",
                spec::hint(id, ids)
            ),
        )
    };
    ALL.iter().find(|b| b.id == id).ok_or_else(unknown)?.open()
}

impl Bundled {
    /// Reads recipe and weights.
    pub fn open(&self) -> Result<SavedModel> {
        let origin = format!("assets/models/{}/recipe.toml", self.id);
        let recipe = super::Recipe::parse(self.recipe, &origin)?;
        let (notes, weights) = Tensors::parse(self.ema).map_err(|e| Error::broken(self.id.as_ref(), e))?;
        Ok(SavedModel::from_parts(recipe, &notes, weights))
    }
}
