//! In what two recipes differ.

use std::collections::BTreeMap;

use toml::Value;

use super::Recipe;

/// Measured at the start of a run instead of chosen.
const MEASURED: &str = "train.micro-batch";

/// One setting that two recipes do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands: `train.lr`.
    pub key: String,
    /// Its value in the first recipe; `None` where it is left to its default there.
    pub ours: Option<String>,
    /// Its value in the second recipe.
    pub theirs: Option<String>,
}

impl Recipe {
    /// What this recipe says differently from another, by key.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let (mut ours, mut theirs) = (flat(self), flat(other));
        let keys: Vec<String> = ours.keys().chain(theirs.keys()).cloned().collect();
        let mut found: Vec<Difference> = keys
            .into_iter()
            .map(|key| Difference {
                ours: ours.remove(&key),
                theirs: theirs.remove(&key),
                key,
            })
            .filter(|d| d.ours != d.theirs)
            .collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    }

    /// Whether both lead to the same weights at the same step: what only says how long a run is, or what is looked at
    /// meanwhile, does not matter.
    pub fn trains_like(&self, other: &Self) -> bool {
        let mut same_length = other.clone();
        same_length.preview = self.preview.clone();
        same_length.train.save_every_secs = self.train.save_every_secs;
        if self.train.lr_end == 1.0 {
            same_length.train.steps = self.train.steps;
        }
        *self == same_length
    }
}

/// All settings by their keys. A recipe that TOML cannot hold has none.
fn flat(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Ok(Value::Table(table)) = Value::try_from(recipe) {
        collect("", table, &mut all);
    }
    all.remove(MEASURED);
    all
}

fn collect(place: &str, table: toml::Table, all: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        // The id of a choice is what the choice is called.
        let key = match (place, name.as_str()) {
            ("", name) => name.to_owned(),
            (place, "id") => place.to_owned(),
            (place, name) => format!("{place}.{name}"),
        };
        match value {
            Value::Table(inner) => collect(&key, inner, all),
            Value::String(text) => drop(all.insert(key, text)),
            other => drop(all.insert(key, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Spec, Value as Setting};

    #[test]
    fn differences_name_the_key_and_both_values() {
        let first = Recipe::default();
        let mut second = first.clone();
        second.train.lr = 3e-4;
        second.train.micro_batch = Some(8);
        second.net = Spec::new("unet").with("preset", Setting::Text("small".into()));
        let told: Vec<_> = second
            .differences(&first)
            .into_iter()
            .map(|d| (d.key, d.ours, d.theirs))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("net".into(), some("unet"), some("mlp")),
                ("net.preset".into(), some("small"), None),
                ("train.lr".into(), some("0.0003"), some("0.001")),
            ]
        );
        assert_eq!(first.differences(&first), []);
    }

    #[test]
    fn the_length_counts_only_where_the_learning_rate_follows_it() {
        let first = Recipe::default();
        let mut longer = first.clone();
        longer.train.steps *= 2;
        longer.preview.count = 3;
        assert!(first.trains_like(&longer) && longer.trains_like(&first));
        let [mut first, mut longer] = [first, longer];
        (first.train.lr_end, longer.train.lr_end) = (0.1, 0.1);
        assert!(!first.trains_like(&longer));
        longer.train.steps = first.train.steps;
        assert!(first.trains_like(&longer));
        longer.seed += 1;
        assert!(!first.trains_like(&longer));
    }
}
