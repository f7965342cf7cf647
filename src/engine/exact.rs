//! Models that need no training: the exact denoiser of a data set.

use std::sync::Arc;

use super::{Error, model::ModelInfo, suggest};
use crate::{
    data::{self, DataRecipe, Dataset, Progress},
    diffusion::oracle::{
        ExactNet, Mixture,
        fit::{self, Fit},
    },
    math::{Spec, noise, schedule},
};

/// The most samples that an exact model knows: every one is looked at in every call.
const MOST: usize = 2048;

/// Which exact denoiser.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactModel {
    /// What it knows.
    pub data: DataRecipe,
    /// How it knows them: id and parameters of [`fit::ENTRIES`].
    pub fit: Spec,
    /// Noise schedule of its trajectories.
    pub schedule: Spec,
}

impl ExactModel {
    /// The data set by heart.
    pub fn new(source: &str) -> Self {
        Self {
            data: suggest::source(source),
            fit: Spec::new("data"),
            schedule: Spec::new("linear"),
        }
    }

    /// `exact:moons`, or `exact-gaussian:moons`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, source) = text.split_once(':')?;
        let fit = match kind.strip_prefix("exact")? {
            "" => "data",
            fit => fit.strip_prefix('-')?,
        };
        Some(Self {
            fit: Spec::new(fit),
            ..Self::new(source)
        })
    }

    /// For people; [`ExactModel::parse`] reads it again.
    pub fn label(&self) -> String {
        match self.fit.id.as_str() {
            "data" => format!("exact:{}", self.data.source),
            fit => format!("exact-{fit}:{}", self.data.source),
        }
    }
}

/// Reads the data and fits them.
pub(super) fn load(wanted: &ExactModel) -> Result<(ModelInfo, ExactNet), Error> {
    let fit = fit::build(&wanted.fit)?;
    schedule::build(&wanted.schedule)?;
    let data = data::load(&wanted.data, 0, &Progress::default())?;
    let net = ExactNet::new(whole(&*fit, &data), by_class(&*fit, &data));
    let mut recipe = suggest::for_data(&data, wanted.data.clone(), None);
    (recipe.schedule, recipe.target) = (wanted.schedule.clone(), Spec::new("x0"));
    let class_names: Arc<[String]> = data.labels.map_or_else(|| Arc::from([]), |labels| labels.names.into());
    recipe.condition.classes = !class_names.is_empty();
    let info = ModelInfo {
        label: wanted.label(),
        recipe,
        step: 0,
        domain: data.domain,
        class_names,
        scheduler: None,
        weights: None,
    };
    Ok((info, net))
}

fn whole(fit: &dyn Fit, data: &Dataset) -> Mixture {
    let all: Vec<u32> = (0..data.count as u32).collect();
    fit.fit(&data.tensor(&some(&all, MOST)), data.domain.numel())
}

fn by_class(fit: &dyn Fit, data: &Dataset) -> Vec<Mixture> {
    let Some(labels) = &data.labels else { return Vec::new() };
    let mut members = vec![Vec::new(); labels.names.len()];
    for (i, class) in (0..).zip(labels.of.iter()) {
        members[*class as usize].push(i);
    }
    let most = MOST / labels.names.len().max(1);
    members
        .iter()
        .map(|of_class: &Vec<u32>| fit.fit(&data.tensor(&some(of_class, most.max(1))), data.domain.numel()))
        .collect()
}

/// At most `count` of them, drawn at random but always the same.
fn some(all: &[u32], count: usize) -> Vec<u32> {
    let order = noise::permutation(
        all.len(),
        noise::Address {
            seed: 0,
            stream: noise::Stream::Data,
            sample: 0,
            mv: 0,
            draw: 0,
        },
    );
    order.into_iter().take(count).map(|i| all[i as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_the_model_again() {
        for text in ["exact:moons", "exact-gaussian:digits8x8", "exact-smooth:data/a:b"] {
            assert_eq!(
                ExactModel::parse(text).map(|model| model.label()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(ExactModel::parse("exactly:moons"), None);
        assert_eq!(ExactModel::parse("moons"), None);
    }

    #[test]
    fn a_labelled_set_is_known_class_by_class() {
        let (info, net) = load(&ExactModel::new("digits8x8")).unwrap();
        assert_eq!((info.class_names.len(), info.null_class()), (10, Some(10)));
        assert!(net.operations(64) > 1_797.0 * 64.0);
    }
}
