//! Settings as diffusers writes them, of which none may be passed over.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value as Json};

use super::ConfigError;

/// Settings of which each must be asked for before [`Reader::finish`].
pub(super) struct Reader<'a> {
    class: &'a str,
    map: &'a Map<String, Json>,
    asked: RefCell<BTreeSet<String>>,
    /// Those whose value is not the scheduler's own default.
    chosen: RefCell<Map<String, Json>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(class: &'a str, map: &'a Map<String, Json>) -> Self {
        Self {
            class,
            map,
            asked: RefCell::default(),
            chosen: RefCell::default(),
        }
    }

    pub(super) fn mark(&self, key: &str) {
        self.asked.borrow_mut().insert(key.into());
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Json> {
        self.mark(key);
        self.map.get(key).filter(|v| !v.is_null())
    }

    pub(super) fn refused(&self, key: &str, found: &Json, expected: &str) -> ConfigError {
        ConfigError::Unsupported {
            class: self.class.into(),
            key: key.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    pub(super) fn read<T: PartialEq>(
        &self,
        key: &str,
        default: T,
        what: &str,
        read: fn(&'a Json) -> Option<T>,
    ) -> Result<T, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(found) => {
                let value = read(found).ok_or_else(|| self.refused(key, found, what))?;
                if value != default {
                    self.chosen.borrow_mut().insert(key.into(), found.clone());
                }
                Ok(value)
            }
        }
    }

    /// The settings that were read and are not the scheduler's own defaults.
    pub(super) fn chosen(self) -> Map<String, Json> {
        self.chosen.into_inner()
    }

    pub(super) fn real(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        self.read(key, default, "a number", Json::as_f64)
    }

    pub(super) fn optional_real(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.read(key, None, "a number", |v| v.as_f64().map(Some))
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        self.read(key, default, "true or false", Json::as_bool)
    }

    pub(super) fn count(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        self.read(key, default, "a whole number", |v| {
            v.as_u64().and_then(|v| usize::try_from(v).ok())
        })
    }

    pub(super) fn text(&self, key: &str, default: &'a str) -> Result<&'a str, ConfigError> {
        self.read(key, default, "a word", Json::as_str)
    }

    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, ConfigError> {
        self.read(key, None, "a list of numbers", |v| {
            let list = v.as_array()?.iter().map(Json::as_f64);
            list.collect::<Option<Vec<f64>>>().map(Some)
        })
    }

    /// One of a few words, translated.
    pub(super) fn word<'w>(&self, key: &str, default: &str, words: &[(&str, &'w str)]) -> Result<&'w str, ConfigError> {
        let found = self.read(key, default.to_owned(), "a word", |v| v.as_str().map(Into::into))?;
        let known = || words.iter().map(|(theirs, _)| *theirs).collect::<Vec<_>>().join(", ");
        words
            .iter()
            .find(|(theirs, _)| *theirs == found)
            .map(|(_, ours)| *ours)
            .ok_or_else(|| self.refused(key, &found.as_str().into(), &format!("one of {}", known())))
    }

    /// A setting that may only have this value.
    pub(super) fn fixed(&self, key: &str, only: &Json) -> Result<(), ConfigError> {
        match self.get(key) {
            Some(found) if found != only && found.as_f64().is_none_or(|v| Some(v) != only.as_f64()) => {
                Err(self.refused(key, found, &only.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what nobody asked for. Settings that begin with an underline belong to diffusers' own housekeeping.
    pub(super) fn finish(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        match self.map.keys().find(|k| !k.starts_with('_') && !asked.contains(*k)) {
            None => Ok(()),
            Some(key) => Err(ConfigError::Unknown {
                class: self.class.into(),
                key: key.clone(),
            }),
        }
    }
}
