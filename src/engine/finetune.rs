//! Fine-tuning: a run that starts from the weights of another model.

use std::sync::Arc;

use super::{
    Error,
    command::{Model, TrainRequest},
    model::{self, Mind, ModelInfo, fingerprint},
};
use crate::{
    data::{self, DataRecipe, Dataset},
    files::{
        Recipe,
        diffusers::UNKNOWN_DATA,
        recipe::{Colour, StartRecipe},
    },
    math::Domain,
    nn::{Graph, Weights},
};

/// A model whose weights a run starts from.
#[derive(Clone, Debug)]
pub struct Start {
    info: ModelInfo,
    weights: Arc<Weights>,
}

impl Start {
    /// Reads the averaged weights of a model. Exact models, which have none, are refused.
    pub fn open(model: &Model) -> Result<Self, Error> {
        let pinned = model::load(model)?;
        match pinned.mind {
            Mind::Weights(weights) => Ok(Self {
                info: pinned.info,
                weights,
            }),
            Mind::Exact(_) => Err(Error::refused(format!(
                "{} is an exact model, which has no weights to start from: choose a trained one",
                pinned.info.label
            ))),
        }
    }

    /// The model that a request names, checked against what its recipe says of it.
    pub(super) fn of(request: &TrainRequest) -> Result<Option<Self>, Error> {
        let Some(model) = &request.start else {
            return request.recipe.start.as_ref().map_or(Ok(None), |start| {
                Err(Error::refused(format!(
                    "this recipe starts from the weights of “{}”: name that model with --from, or remove [start] from \
                     the recipe to begin with new weights",
                    start.model
                )))
            });
        };
        let start = Self::open(model)?;
        match &request.recipe.start {
            Some(wanted) if wanted.weights != start.origin().weights => Err(Error::refused(format!(
                "the recipe starts from “{}”, but “{}” has other weights: name the model that it means, or remove [start] \
                 from the recipe",
                wanted.model, start.info.label
            ))),
            _ => Ok(Some(start)),
        }
    }

    /// What the model is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What a recipe says of it.
    pub fn origin(&self) -> StartRecipe {
        StartRecipe {
            model: self.info.label.clone(),
            weights: fingerprint(&self.weights),
            new_classes: false,
        }
    }

    /// The recipe that trains the model on: its own, with these data in place of those that it learned from. Own pictures
    /// are brought to its size and channels. `None` keeps the data; refused where nobody knows them.
    pub fn recipe(&self, data: Option<DataRecipe>) -> Result<Recipe, Error> {
        let mut recipe = self.info.recipe.clone();
        if let Some(data) = data {
            recipe.data = fitted(data, self.info.domain);
        } else if recipe.data.source == UNKNOWN_DATA {
            return Err(Error::refused(format!(
                "“{}” does not say what it learned from: name the data with --data",
                self.info.label
            )));
        }
        recipe.train.micro_batch = None;
        recipe.start = Some(self.origin());
        Ok(recipe)
    }

    /// The weights that `graph` starts to learn these data with; `new` are those of a network that knows nothing.
    pub(super) fn weights(
        &self,
        recipe: &Recipe,
        data: &Dataset,
        graph: &Graph,
        mut new: Weights,
    ) -> Result<Weights, Error> {
        let is_anew = recipe.start.as_ref().is_some_and(|start| start.new_classes);
        if !is_anew {
            self.check_classes(graph, data)?;
        }
        if recipe.net != self.info.recipe.net {
            return Err(Error::refused(format!(
                "the recipe describes another network than that of “{}”: a run that starts from a model has its network",
                self.info.label
            )));
        }
        let tables = if is_anew { graph.class_tables() } else { Vec::new() };
        for (name, values) in &mut new {
            if !tables.contains(&&**name) {
                values.clone_from(self.weight(name)?);
            }
        }
        Ok(new)
    }

    fn weight(&self, name: &str) -> Result<&Vec<f32>, Error> {
        let found = self.weights.get(name);
        found.ok_or_else(|| Error::refused(format!("“{}” has no weights named {name}", self.info.label)))
    }

    /// Whether the model makes samples like these.
    pub(super) fn check_domain(&self, data: &Dataset) -> Result<(), Error> {
        let domain = self.info.domain;
        if data.domain == domain {
            return Ok(());
        }
        Err(Error::refused(format!(
            "“{}” holds {}, but “{}” makes {}: choose data of its kind; own pictures are brought to data.size and \
             data.colour",
            data.label,
            kind(data.domain),
            self.info.label,
            kind(domain)
        )))
    }

    fn check_classes(&self, graph: &Graph, data: &Dataset) -> Result<(), Error> {
        let told = |classes: usize| match classes {
            0 => "no classes".to_owned(),
            1 => "one class".to_owned(),
            n => format!("{n} classes"),
        };
        let (old, new) = (
            self.info.class_names.len(),
            graph.classes.map_or(0, |n| n.saturating_sub(1)),
        );
        if old == new {
            return Ok(());
        }
        Err(Error::refused(format!(
            "“{}” was told {}, but the recipe tells it {} of “{}”: choose condition.classes and data to fit, or let classes be \
             learned anew with start.new-classes = true",
            self.info.label,
            told(old),
            told(new),
            data.label
        )))
    }
}

/// Own pictures in the size and with the channels that a model makes.
fn fitted(data: DataRecipe, domain: Domain) -> DataRecipe {
    match domain {
        Domain::Image {
            channels,
            height,
            width,
        } if height == width && !data::is_registered(&data.source) => DataRecipe {
            size: Some(height),
            colour: if channels == 1 { Colour::Grey } else { Colour::Colour },
            ..data
        },
        _ => data,
    }
}

fn kind(domain: Domain) -> String {
    match domain {
        Domain::Points => "points".into(),
        Domain::Image {
            channels,
            height,
            width,
        } => {
            let colour = if channels == 1 { "grey" } else { "colour" };
            format!("{colour} pictures of {width} × {height} pixels")
        }
    }
}
