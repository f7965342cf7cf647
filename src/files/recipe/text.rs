//! Recipes as TOML: reading with the line of a fault, writing, and changing one key.

use std::path::Path;

use serde::Deserialize as _;
use toml::{
    Table,
    de::{DeTable, DeValue},
};

use super::{
    Fault, Recipe, StartRecipe,
    migrate::{VERSION, migrated, wrong_version},
};
use crate::{
    files::{Error, Result, atomic},
    math::{Value, spec},
};

/// Tables whose keys belong to a registry entry and are checked there.
const OPEN: [&str; 6] = ["net", "schedule", "target", "weighting", "times", "data.params"];

impl Recipe {
    /// Reads and checks `recipe.toml`.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads and checks a recipe. `origin` says in messages where the text comes from.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        read(text).map_err(|(at, message)| Error::Recipe {
            origin: origin.into(),
            line: at.map(|byte| line_of(text, byte)),
            message,
        })
    }

    /// The recipe as TOML, which [`Recipe::parse`] reads back to an equal recipe. Fails for a seed beyond 63 bits.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::Recipe {
            origin: "the recipe".into(),
            line: None,
            message: e.to_string(),
        })
    }

    /// Writes `recipe.toml`.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic::write(path, self.to_toml()?.as_bytes())
    }

    /// Changes one key, e.g. `train.lr` to `1e-4`; `none` empties an optional key, and choices from
    /// a registry (`net`, `schedule`, `target`, `weighting`, `times`) take an id, which drops the parameters of the one
    /// before.
    ///
    /// Only the key and the type are checked: several changes together may make sense where one alone does not, so call
    /// [`Recipe::check`] after the last.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.changed(key, value)
            .map(|new| *self = new)
            .map_err(|fault| Error::Recipe {
                origin: format!("{key}={value}"),
                line: None,
                message: fault.message,
            })
    }

    fn changed(&self, key: &str, value: &str) -> std::result::Result<Self, Fault> {
        let fault = |e: &dyn std::fmt::Display| Fault::new(key, e.to_string());
        let mut table = Table::try_from(self).map_err(|e| fault(&e))?;
        match sample(key)? {
            Some(_) if OPEN[..5].contains(&key) => {
                table.insert(key.into(), Table::from_iter([("id".into(), value.into())]).into());
            }
            Some(sample) => put(&mut table, key, typed(key, value, &sample)?),
            None => put(&mut table, key, Some(from_value(Value::parse(value)))),
        }
        Self::deserialize(table).map_err(|e| fault(&e.message()))
    }
}

/// Byte of the fault, where it is known, and what it is.
type Located = (Option<usize>, String);

fn read(text: &str) -> std::result::Result<Recipe, Located> {
    let syntax = |e: toml::de::Error| (e.span().map(|s| s.start), e.message().trim().replace('\n', " "));
    let document = DeTable::parse(text).map_err(syntax)?;
    let document = document.get_ref();
    let version = version(document)?;
    if version < VERSION {
        let recipe: Table = toml::from_str(text).map_err(syntax)?;
        // Lines of a text that nobody wrote would mislead.
        return read(&migrated(recipe, version).to_string()).map_err(|(_, message)| (None, message));
    }
    compare(document, &samples(), "")?;
    let recipe: Recipe = toml::from_str(text).map_err(syntax)?;
    recipe
        .check()
        .map_err(|fault| (place(document, &fault.key), fault.message))?;
    Ok(recipe)
}

/// The version of a recipe; the present one where it names none. It comes first, because the keys of another version would
/// only give misleading messages.
fn version(document: &DeTable<'_>) -> std::result::Result<u32, Located> {
    let Some((at, number)) = document
        .get("version")
        .and_then(|v| Some((v.span().start, v.get_ref().as_integer()?)))
    else {
        return Ok(VERSION);
    };
    let found = number.as_str().parse().ok().filter(|n| (1..=VERSION).contains(n));
    found.ok_or_else(|| (Some(at), wrong_version(number.as_str())))
}

/// A recipe in which every key has a value: what is known, and of which type.
fn samples() -> Table {
    let mut recipe = Recipe {
        start: Some(StartRecipe::default()),
        ..Recipe::default()
    };
    recipe.data.size = Some(1);
    recipe.data.labels = Some("labels.csv".into());
    recipe.train.micro_batch = Some(1);
    Table::try_from(recipe).expect("the default recipe is representable in TOML")
}

/// Holds every key of the document against the known ones.
fn compare(document: &DeTable<'_>, known: &Table, path: &str) -> std::result::Result<(), Located> {
    for (key, value) in document {
        let name = join(path, key.get_ref());
        let at = |message| (Some(key.span().start), message);
        match (known.get(key.get_ref().as_ref()), value.get_ref()) {
            (Some(toml::Value::Table(inner)), DeValue::Table(table)) => compare(table, inner, &name)?,
            (Some(sample), found) if fits(found, sample) => {}
            (Some(sample), found) => {
                let message = format!(
                    "“{name}” is {}, but must be {}",
                    a_type(found.type_str()),
                    expected(sample)
                );
                return Err(at(message));
            }
            (None, found) if OPEN.contains(&path) && is_plain(found) => {}
            (None, _) if OPEN.contains(&path) => {
                return Err(at(format!("“{name}” must be a number, a word, true or false")));
            }
            (None, _) => return Err(at(unknown(key.get_ref(), known, path))),
        }
    }
    Ok(())
}

fn fits(found: &DeValue<'_>, sample: &toml::Value) -> bool {
    match sample {
        toml::Value::Float(_) => found.is_float() || found.is_integer(),
        _ => found.type_str() == sample.type_str(),
    }
}

fn is_plain(value: &DeValue<'_>) -> bool {
    !(value.is_array() || value.is_table() || value.is_datetime())
}

/// `a` or `an` with the name of a TOML type.
fn a_type(name: &str) -> String {
    let article = if name.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {name}")
}

fn expected(sample: &toml::Value) -> &'static str {
    match sample {
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Table(_) => "a table, as in `[net]` with `id = \"mlp\"` below it",
        _ => "text in quotes",
    }
}

/// The message about a key that does not exist: where it belongs, or which one was meant, and which there are.
fn unknown(key: &str, known: &Table, path: &str) -> String {
    let place = if path.is_empty() {
        "a recipe".into()
    } else {
        format!("[{path}]")
    };
    let home = samples()
        .into_iter()
        .find(|(_, v)| v.as_table().is_some_and(|t| key != "id" && t.contains_key(key)));
    let hint = match home {
        Some((home, _)) => format!(" (it belongs under [{home}])"),
        None => spec::hint(key, known.keys().map(String::as_str)),
    };
    let keys = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("there is no key “{key}” in {place}{hint}; known: {keys}")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.into()
    } else {
        format!("{path}.{key}")
    }
}

/// Byte of a key, or of the nearest table around it that the document has.
fn place(document: &DeTable<'_>, key: &str) -> Option<usize> {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    let (found, value) = document.get_key_value(head)?;
    let deeper = value.get_ref().as_table().and_then(|table| place(table, rest));
    deeper.or(Some(found.span().start))
}

/// Line of a byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&b| b == b'\n').count()
}

/// The sample value of a dotted key; `None` for a parameter of a registry entry.
fn sample(key: &str) -> std::result::Result<Option<toml::Value>, Fault> {
    let mut table = samples();
    let mut path = String::new();
    for part in key.split('.') {
        let inner = join(&path, part);
        match table.remove(part) {
            Some(value) if inner == key => return Ok(Some(value)),
            Some(toml::Value::Table(next)) => table = next,
            None if OPEN.contains(&path.as_str()) && inner == key => return Ok(None),
            _ => return Err(Fault::new(key, unknown(part, &table, &path))),
        }
        path = inner;
    }
    Err(Fault::new(key, unknown("", &table, &path)))
}

/// A value for a key of a known type; `None` empties an optional key.
fn typed(key: &str, text: &str, sample: &toml::Value) -> std::result::Result<Option<toml::Value>, Fault> {
    let is_optional = ["data.size", "data.labels", "train.micro-batch"].contains(&key);
    if is_optional && text == "none" {
        return Ok(None);
    }
    let value = match sample {
        toml::Value::Float(_) => text.parse().ok().map(toml::Value::Float),
        toml::Value::Integer(_) => text.parse().ok().map(toml::Value::Integer),
        toml::Value::Boolean(_) => text.parse().ok().map(toml::Value::Boolean),
        toml::Value::String(_) => Some(text.into()),
        _ => None,
    };
    match (value, sample) {
        (Some(value), _) => Ok(Some(value)),
        (None, toml::Value::Table(inner)) => {
            let keys = inner.keys().map(|k| join(key, k)).collect::<Vec<_>>().join(", ");
            Err(Fault::new(
                key,
                format!("“{key}” is a group of keys; set one of them: {keys}"),
            ))
        }
        (None, _) => Err(Fault::new(key, format!("“{text}” is not {}", expected(sample)))),
    }
}

fn from_value(value: Value) -> toml::Value {
    match value {
        Value::Flag(v) => v.into(),
        Value::Int(v) => v.into(),
        Value::Real(v) => v.into(),
        Value::Text(v) => v.into(),
    }
}

/// Sets or removes the value at a dotted key, making tables on the way.
fn put(table: &mut Table, key: &str, value: Option<toml::Value>) {
    match (key.split_once('.'), value) {
        (Some((head, rest)), value) => {
            let inner = table.entry(head).or_insert_with(|| Table::new().into());
            if let toml::Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
        (None, Some(value)) => {
            table.insert(key.into(), value);
        }
        (None, None) => {
            table.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Spec;

    fn refused(text: &str) -> String {
        Recipe::parse(text, "recipe.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_recipe_survives_the_round_trip() {
        let mut recipe = Recipe {
            seed: i64::MAX as u64,
            net: Spec::new("unet").with("attention", Value::Text("\"1-2\" \n ü".into())),
            ..Recipe::default()
        };
        recipe.schedule = recipe
            .schedule
            .with("beta-end", Value::Real(0.1 + 0.2))
            .with("scale", Value::Flag(false));
        recipe.data.params.insert("noise".into(), Value::Real(1.0));
        recipe.data.params.insert("count".into(), Value::Int(777));
        recipe.data.size = Some(32);
        recipe.data.labels = Some("a/b.csv".into());
        recipe.train.micro_batch = Some(8);
        recipe.train.lr = 1.0 / 3.0;
        recipe.train.eps = 1e-300;
        recipe.start = Some(StartRecipe {
            model: "cats, step 7".into(),
            weights: "0123456789abcdef".repeat(4),
            new_classes: true,
        });
        assert_eq!(Recipe::parse(&recipe.to_toml().unwrap(), "").unwrap(), recipe);
        assert_eq!(Recipe::parse("", "").unwrap(), Recipe::default());
    }

    #[test]
    fn faults_name_file_line_and_suggestion() {
        let cases = [
            (
                "version = 1\n[train]\nlrr = 1e-3",
                "recipe.toml, line 3",
                "did you mean “lr”?",
            ),
            ("[train]\nmicro_batch = 4", "line 2", "did you mean “micro-batch”?"),
            ("[train]\nwhatever = 4", "line 2", "known: batch, beta1"),
            ("seed = 3\nlr = 1e-3", "line 2", "it belongs under [train]"),
            ("[trian]\nlr = 1e-3", "line 1", "did you mean “train”?"),
            (
                "\n[train]\nsteps = \"many\"",
                "line 3",
                "“train.steps” is a string, but must be a whole number",
            ),
            (
                "[train]\nsteps = 1.5",
                "line 2",
                "is a float, but must be a whole number",
            ),
            ("[train]\nsteps = -4", "line 2", "-4"),
            ("net = \"unet\"", "line 1", "must be a table"),
            ("[net]\nwidth = 3", "line 1", "missing field `id`"),
            (
                "[net]\nid = \"unet\"\nwidth = [3]",
                "line 3",
                "“net.width” must be a number, a word",
            ),
            (
                "[data]\ncolour = \"gray\"",
                "line 2",
                "expected one of `auto`, `grey`, `colour`",
            ),
            ("[data]\n\nsource = 3", "line 3", "must be text in quotes"),
            ("[schedule]\nid = \"cosin\"", "line 2", "did you mean “cosine”?"),
            (
                "[data.params]\nnoise = 0.1\nnosie = 0.1",
                "line 3",
                "did you mean “noise”?",
            ),
            (
                "[net]\nid = \"unet\"\npreset = \"huge\"",
                "line 3",
                "one of tiny, small, base",
            ),
            (
                "[train]\nbatch = 8\nmicro-batch = 9",
                "line 3",
                "from 1 to “train.batch”",
            ),
            ("[ema]\ndecay = 1", "line 2", "“ema.decay” is 1"),
            ("version = 2\nnew-key = 1", "line 1", "made by a newer program"),
            ("seed = 1\nversion = 0", "line 2", "there is no version 0"),
            ("[train\nlr = 1", "line 1", "recipe.toml"),
            ("[train]\nlr = 1\nlr = 2", "line 3", "duplicate key"),
        ];
        for (text, line, words) in cases {
            let message = refused(text);
            assert!(
                message.contains(line) && message.contains(words),
                "{text:?} gave: {message}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = Recipe::load(Path::new("no/such.toml")).unwrap_err().to_string();
        assert_eq!(message, "cannot read “no/such.toml”: there is no such file or folder");
    }

    #[test]
    fn single_keys_can_be_set() {
        let mut recipe = Recipe::default();
        for (key, value) in [
            ("train.lr", "1e-4"),
            ("train.steps", "12"),
            ("train.micro-batch", "4"),
            ("train.micro-batch", "none"),
            ("data.flip", "true"),
            ("data.fit", "pad"),
            ("data.labels", "x.csv"),
            ("data.params.noise", "0.5"),
            ("net", "unet"),
            ("net.preset", "tiny"),
            ("schedule.steps", "200"),
            ("seed", "9"),
        ] {
            recipe.set(key, value).unwrap();
        }
        let mut expected = Recipe {
            seed: 9,
            net: Spec::new("unet").with("preset", Value::Text("tiny".into())),
            schedule: Spec::new("linear").with("steps", Value::Int(200)),
            ..Recipe::default()
        };
        (expected.train.lr, expected.train.steps) = (1e-4, 12);
        (expected.data.flip, expected.data.fit) = (true, crate::files::recipe::Fit::Pad);
        expected.data.labels = Some("x.csv".into());
        expected.data.params.insert("noise".into(), Value::Real(0.5));
        assert_eq!(recipe, expected);
    }

    #[test]
    fn keys_that_cannot_be_set_are_explained_and_change_nothing() {
        let mut recipe = Recipe::default();
        for (key, value, words) in [
            ("train.lrr", "1", "did you mean “lr”?"),
            ("lr", "1", "it belongs under [train]"),
            ("train.lr", "fast", "“fast” is not a number"),
            ("train.lr.x", "1", "there is no key"),
            ("train", "1", "set one of them: train.batch"),
            ("data.params", "1", "group of keys"),
            ("data.fit", "squeeze", "expected one of `crop`"),
            ("train.steps", "none", "not a whole number"),
            ("data.params.a.b", "1", "there is no key"),
            ("", "1", "there is no key"),
        ] {
            let message = recipe.set(key, value).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{key}={value}: ")) && message.contains(words),
                "{key}: {message}"
            );
        }
        assert_eq!(recipe, Recipe::default());
    }
}
