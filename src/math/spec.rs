//! Registries: what can be chosen, with its parameters described as data.
//!
//! One [`Entry`] a file, one slice of entries a registry. The form in the window, the command line, the recipe and the
//! tables in the documentation are all made from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A parameter of a registry entry.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Key in recipes and on the command line, kebab-case.
    pub id: &'static str,
    /// One sentence for the form and the manual, without a full stop.
    pub help: &'static str,
    /// Type, range and default.
    pub kind: Kind,
    /// What a form shows in place of the default, where that means “chosen elsewhere”.
    pub unset: Option<&'static str>,
}

/// Type, range and default of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A real number.
    Real {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Value when not given.
        default: f64,
    },
    /// A whole number.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
        /// Value when not given.
        default: i64,
    },
    /// One of a few words; the first is the default.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Flag(bool),
    /// Any text, checked by whoever builds the entry; this is the default.
    Text(&'static str),
}

impl Param {
    /// A real parameter.
    pub const fn real(id: &'static str, min: f64, max: f64, default: f64, help: &'static str) -> Self {
        Self {
            id,
            help,
            kind: Kind::Real { min, max, default },
            unset: None,
        }
    }

    /// A whole-number parameter.
    pub const fn int(id: &'static str, min: i64, max: i64, default: i64, help: &'static str) -> Self {
        Self {
            id,
            help,
            kind: Kind::Int { min, max, default },
            unset: None,
        }
    }

    /// A choice; the first option is the default.
    pub const fn choice(id: &'static str, options: &'static [&'static str], help: &'static str) -> Self {
        Self {
            id,
            help,
            kind: Kind::Choice(options),
            unset: None,
        }
    }

    /// A yes-or-no parameter.
    pub const fn flag(id: &'static str, default: bool, help: &'static str) -> Self {
        Self {
            id,
            help,
            kind: Kind::Flag(default),
            unset: None,
        }
    }

    /// A text parameter.
    pub const fn text(id: &'static str, default: &'static str, help: &'static str) -> Self {
        Self {
            id,
            help,
            kind: Kind::Text(default),
            unset: None,
        }
    }

    /// Shows these words in place of the default.
    pub const fn or_else(self, words: &'static str) -> Self {
        Self {
            unset: Some(words),
            ..self
        }
    }

    /// The value when none is given.
    pub fn default(&self) -> Value {
        match self.kind {
            Kind::Real { default, .. } => Value::Real(default),
            Kind::Int { default, .. } => Value::Int(default),
            Kind::Choice(options) => Value::Text(options[0].into()),
            Kind::Flag(default) => Value::Flag(default),
            Kind::Text(default) => Value::Text(default.into()),
        }
    }

    /// The value as this parameter's type, or why not.
    fn accept(&self, value: &Value) -> Result<Value, SpecError> {
        let fault = |expected: String| SpecError::BadValue {
            param: self.id,
            found: value.to_string(),
            expected,
        };
        match (self.kind, value) {
            (Kind::Real { min, max, .. }, Value::Real(_) | Value::Int(_)) => {
                let v = value.as_real();
                // Written so that not-a-number is refused.
                if v >= min && v <= max {
                    Ok(Value::Real(v))
                } else {
                    Err(fault(format!("a number from {min} to {max}")))
                }
            }
            (Kind::Real { min, max, .. }, _) => Err(fault(format!("a number from {min} to {max}"))),
            (Kind::Int { min, max, .. }, &Value::Int(v)) if (min..=max).contains(&v) => Ok(Value::Int(v)),
            (Kind::Int { min, max, .. }, _) => Err(fault(format!("a whole number from {min} to {max}"))),
            (Kind::Choice(options), Value::Text(v)) if options.contains(&v.as_str()) => Ok(value.clone()),
            (Kind::Choice(options), _) => Err(fault(format!("one of {}", options.join(", ")))),
            (Kind::Flag(_), Value::Flag(_)) => Ok(value.clone()),
            (Kind::Flag(_), _) => Err(fault("true or false".into())),
            // The command line reads the text "2" as a number.
            (Kind::Text(_), _) => Ok(Value::Text(value.to_string())),
        }
    }
}

/// A parameter's value as written in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Real(f64),
    /// A word.
    Text(String),
}

impl Value {
    /// Reads a value from the command line: the narrowest type that fits.
    pub fn parse(text: &str) -> Self {
        let flag = || text.parse().ok().map(Self::Flag);
        let int = || text.parse().ok().map(Self::Int);
        let real = || text.parse().ok().map(Self::Real);
        flag()
            .or_else(int)
            .or_else(real)
            .unwrap_or_else(|| Self::Text(text.into()))
    }

    fn as_real(&self) -> f64 {
        match *self {
            Self::Real(v) => v,
            Self::Int(v) => v as f64,
            Self::Flag(_) | Self::Text(_) => f64::NAN,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(v) => v.fmt(f),
            Self::Int(v) => v.fmt(f),
            Self::Real(v) => v.fmt(f),
            Self::Text(v) => v.fmt(f),
        }
    }
}

/// A choice from a registry with its parameters, as a recipe holds it: `{ id = "ddim", eta = 0.5 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Id of the entry.
    pub id: String,
    /// Parameters that differ from their defaults.
    #[serde(flatten)]
    pub values: BTreeMap<String, Value>,
}

impl Spec {
    /// An entry with its default parameters.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            values: BTreeMap::new(),
        }
    }

    /// The same choice with one parameter set.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.values.insert(key.into(), value);
        self
    }
}

/// Checked parameters of one entry: every parameter has a value of its type and in its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Params(BTreeMap<&'static str, Value>);

impl Params {
    /// Checks `given` against `params` and fills in the defaults. An unknown key or a value out of range is an error.
    pub fn check(params: &'static [Param], given: &BTreeMap<String, Value>) -> Result<Self, SpecError> {
        if let Some(key) = given.keys().find(|k| params.iter().all(|p| p.id != k.as_str())) {
            let ids = params.iter().map(|p| p.id);
            return Err(SpecError::UnknownParam {
                found: key.clone(),
                hint: hint(key, ids.clone()),
                known: join(ids),
            });
        }
        let values = params.iter().map(|p| {
            let value = given.get(p.id).map_or_else(|| Ok(p.default()), |v| p.accept(v))?;
            Ok((p.id, value))
        });
        values.collect::<Result<_, SpecError>>().map(Self)
    }

    fn get(&self, id: &str) -> &Value {
        static MISSING: Value = Value::Flag(false);
        debug_assert!(self.0.contains_key(id), "entry reads the undeclared parameter {id}");
        self.0.get(id).unwrap_or(&MISSING)
    }

    /// Whether the entry declares this parameter.
    pub fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// A real parameter.
    pub fn real(&self, id: &str) -> f64 {
        self.get(id).as_real()
    }

    /// A whole-number parameter that is not negative.
    pub fn count(&self, id: &str) -> usize {
        match self.get(id) {
            Value::Int(v) => usize::try_from(*v).unwrap_or(0),
            _ => 0,
        }
    }

    /// A yes-or-no parameter.
    pub fn flag(&self, id: &str) -> bool {
        matches!(self.get(id), Value::Flag(true))
    }

    /// A choice or a text.
    pub fn text(&self, id: &str) -> &str {
        match self.get(id) {
            Value::Text(v) => v,
            _ => "",
        }
    }
}

/// One thing that can be chosen, and how it is built.
pub struct Entry<T: ?Sized + 'static> {
    /// Name in recipes and on the command line, kebab-case.
    pub id: &'static str,
    /// Name in the window.
    pub label: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Where it comes from (arXiv number, author and year), or empty.
    pub source: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// Builds it from checked parameters.
    pub build: fn(&Params) -> Result<Box<T>, SpecError>,
}

impl<T: ?Sized> std::fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Finds an entry by id; the error names what there is and what was probably meant.
pub fn find<T: ?Sized>(
    what: &'static str,
    entries: &[&'static Entry<T>],
    id: &str,
) -> Result<&'static Entry<T>, SpecError> {
    entries.iter().copied().find(|e| e.id == id).ok_or_else(|| {
        let ids = entries.iter().map(|e| e.id);
        SpecError::UnknownId {
            what,
            found: id.into(),
            hint: hint(id, ids.clone()),
            known: join(ids),
        }
    })
}

/// Finds, checks and builds in one go.
pub fn build<T: ?Sized>(what: &'static str, entries: &[&'static Entry<T>], spec: &Spec) -> Result<Box<T>, SpecError> {
    let entry = find(what, entries, &spec.id)?;
    (entry.build)(&Params::check(entry.params, &spec.values)?)
}

/// Why a choice cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// No entry has this id.
    #[error("there is no {what} called “{found}”{hint}; choose from: {known}")]
    UnknownId {
        /// Name of the registry.
        what: &'static str,
        /// What was asked for.
        found: String,
        /// A suggestion with its own punctuation, or empty.
        hint: String,
        /// All ids.
        known: String,
    },
    /// The entry has no such parameter.
    #[error("there is no parameter “{found}” here{hint}; known: {known}")]
    UnknownParam {
        /// What was given.
        found: String,
        /// A suggestion with its own punctuation, or empty.
        hint: String,
        /// All parameters.
        known: String,
    },
    /// Wrong type or out of range.
    #[error("“{param}” is {found}, but must be {expected}")]
    BadValue {
        /// The parameter.
        param: &'static str,
        /// What was given.
        found: String,
        /// What would do.
        expected: String,
    },
    /// Values that do not go together.
    #[error("{0}")]
    Impossible(String),
}

fn join<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let all = ids.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none".into() } else { all }
}

/// A suggestion for a misspelt name: ` (did you mean “x”?)`, or nothing when none is near.
pub fn hint<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|id| (edit_distance(found, id), id)).min();
    match near {
        Some((distance, id)) if distance <= 1 + id.len() / 4 => format!(" (did you mean “{id}”?)"),
        _ => String::new(),
    }
}

/// Levenshtein distance in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[
        Param::real("eta", 0.0, 1.0, 0.5, "Noise"),
        Param::int("steps", 1, 10, 3, "Steps"),
        Param::choice("kind", &["small", "large"], "Kind"),
        Param::text("levels", "1-2", "Levels"),
    ];

    fn given(key: &str, value: Value) -> BTreeMap<String, Value> {
        BTreeMap::from([(key.to_owned(), value)])
    }

    #[test]
    fn defaults_fill_the_gaps_and_whole_numbers_serve_as_real_ones() {
        let p = Params::check(PARAMS, &given("eta", Value::Int(1))).unwrap();
        assert_eq!((p.real("eta"), p.count("steps"), p.text("kind")), (1.0, 3, "small"));
    }

    #[test]
    fn a_text_takes_what_the_command_line_read_as_a_number() {
        let p = Params::check(PARAMS, &given("levels", Value::parse("3"))).unwrap();
        assert_eq!(p.text("levels"), "3");
    }

    #[test]
    fn faults_are_named() {
        let check = |key, value| Params::check(PARAMS, &given(key, value)).unwrap_err().to_string();
        assert!(check("etta", Value::Int(1)).contains("did you mean “eta”?"));
        assert!(check("eta", Value::Real(f64::NAN)).contains("a number from 0 to 1"));
        assert!(check("steps", Value::Real(2.5)).contains("a whole number from 1 to 10"));
        assert!(check("kind", Value::Text("huge".into())).contains("one of small, large"));
    }

    #[test]
    fn the_command_line_reads_the_narrowest_type() {
        let read = |t| Value::parse(t);
        assert_eq!(
            [read("true"), read("3"), read("3.5"), read("x")],
            [
                Value::Flag(true),
                Value::Int(3),
                Value::Real(3.5),
                Value::Text("x".into())
            ]
        );
    }
}
