//! What a branched trajectory parts from, as one text: a list of its ancestors, the nearest first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Provenance;

/// Key of the text.
pub(super) const KEY: &str = "Branch";

/// The most ancestors that a trajectory may have.
pub const DEEPEST: usize = 64;

/// Where a trajectory parts from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Branched {
    /// The other one.
    pub parent: Provenance,
    /// Number of moves that both share.
    pub step: usize,
    /// The sample of the parent that all samples continue; `None` where each continues its own.
    pub sample: Option<usize>,
    /// Number of moves of the rest that were asked for; `None` where the times are the parent's.
    pub remaining: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Lineage {
    ancestor: Vec<Ancestor>,
}

/// One of them, and where its branch parts.
#[derive(Serialize, Deserialize)]
struct Ancestor {
    step: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<usize>,
    /// Keys and texts as in the picture of an unbranched trajectory, without what the whole family has in common.
    made: BTreeMap<String, String>,
}

/// The ancestors of `made`; `None` where there are none.
pub(super) fn text(made: &Provenance) -> Option<String> {
    let branches = made.lineage().filter_map(|made| made.branch.as_deref());
    let ancestor: Vec<_> = branches.map(Ancestor::of).collect();
    let lineage = (!ancestor.is_empty()).then_some(Lineage { ancestor })?;
    Some(toml::to_string(&lineage).expect("numbers and texts are representable in TOML"))
}

/// Reads the ancestors of `made`.
pub(super) fn read(texts: &BTreeMap<String, String>, made: &Provenance) -> Result<Option<Box<Branched>>, String> {
    let Some(text) = texts.get(KEY) else { return Ok(None) };
    let Lineage { ancestor } =
        toml::from_str(text).map_err(|e| format!("its entry “{KEY}” cannot be read: {}", e.message()))?;
    if ancestor.len() > DEEPEST {
        return Err(format!("its entry “{KEY}” names more than {DEEPEST} ancestors"));
    }
    let mut branch: Option<Box<Branched>> = None;
    for Ancestor {
        step,
        sample,
        remaining,
        made: way,
    } in ancestor.into_iter().rev()
    {
        let parent = Provenance::of_way(&way, made.recipe.clone(), &made.model, made.training_step)?;
        branch = Some(Box::new(Branched {
            parent: Provenance { branch, ..parent },
            step,
            sample,
            remaining,
        }));
    }
    Ok(branch)
}

impl Ancestor {
    fn of(branched: &Branched) -> Self {
        let way = branched.parent.way().into_iter();
        Self {
            step: branched.step,
            sample: branched.sample,
            remaining: branched.remaining,
            made: way.map(|(key, text)| (key.to_owned(), text)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diffusion::Guidance, files::Recipe, math::Spec};

    /// The last of so many generations, oldest seed 0.
    fn descendant(generations: u64) -> Provenance {
        let first = Provenance {
            recipe: Recipe::default(),
            model: "moons".into(),
            training_step: 3,
            sampler: Spec::new("ddpm"),
            spacing: Spec::new("trailing"),
            schedule: None,
            steps: 10,
            seed: 0,
            count: 2,
            class: String::new(),
            guidance: Guidance::default(),
            weaker: None,
            classifier: None,
            noise: None,
            prints: super::super::Prints::default(),
            restored: None,
            branch: None,
            step: None,
            sample: None,
        };
        (1..generations).fold(first.clone(), |parent, seed| Provenance {
            seed,
            branch: Some(Box::new(Branched {
                parent,
                step: seed as usize % 7,
                sample: None,
                remaining: None,
            })),
            ..first.clone()
        })
    }

    fn texts(made: &Provenance) -> BTreeMap<String, String> {
        let texts = made.to_texts().unwrap().into_iter();
        texts.map(|(key, text)| (key.to_owned(), text)).collect()
    }

    #[test]
    fn a_long_family_is_read_again_and_grows_line_by_line() {
        let length = |generations| texts(&descendant(generations))[KEY].len();
        let made = descendant(DEEPEST as u64 + 1);
        assert_eq!(Provenance::from_texts(&texts(&made)), Ok(Some(made)));
        assert!(
            length(61) - length(31) <= 31 * (length(31) - length(30) + 2),
            "quoted text must not pile up"
        );
    }

    #[test]
    fn damage_is_explained() {
        let fault = |made: &BTreeMap<String, String>| Provenance::from_texts(made).unwrap_err();
        assert!(fault(&texts(&descendant(DEEPEST as u64 + 2))).contains("more than 64 ancestors"));
        let mut damaged = texts(&descendant(3));
        for (text, part) in [
            ("[[ancestor", "cannot be read"),
            ("[[ancestor]]\nstep = 1\nmade = {}", "“Sampler” is missing"),
            ("[[ancestor]]\nstep = -1\nmade = {}", "cannot be read"),
        ] {
            damaged.insert(KEY.into(), text.into());
            assert!(fault(&damaged).contains(part), "{}", fault(&damaged));
        }
    }
}
