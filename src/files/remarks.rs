//! What a person notes about a run: `remarks.toml` in its folder, so that a run that is moved or zipped keeps it.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{Error, Result, atomic};

/// Star, tags and note of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remarks {
    /// Worth finding again.
    pub star: bool,
    /// Put away: lists show it only when asked to.
    pub archived: bool,
    /// Short words, in the order they were given.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
}

impl Remarks {
    /// Reads the file; nothing was noted where there is none.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        toml::from_str(&text).map_err(|e| Error::broken(path, e.message()))
    }

    /// Writes the file, or removes it where nothing is noted any more.
    pub fn save(&self, path: &Path) -> Result<()> {
        if *self != Self::default() {
            let text = toml::to_string(self).map_err(|e| Error::broken(path, e.to_string()))?;
            return atomic::write(path, text.as_bytes());
        }
        match fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
            _ => Ok(()),
        }
    }

    /// Takes tags as people type them, `first, second`: without blanks around them, each once.
    pub fn set_tags(&mut self, typed: &str) {
        self.tags.clear();
        for tag in typed.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if !self.tags.iter().any(|known| known == tag) {
                self.tags.push(tag.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_come_back_and_leave_no_file_when_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remarks.toml");
        assert_eq!(Remarks::load(&path).unwrap(), Remarks::default());
        let mut remarks = Remarks {
            star: true,
            note: "best so far\n\"sharp\" edges, μ = 0.3".into(),
            ..Remarks::default()
        };
        remarks.set_tags(" paper, , fig. 2,paper ");
        assert_eq!(remarks.tags, ["paper", "fig. 2"]);
        remarks.save(&path).unwrap();
        assert_eq!(Remarks::load(&path).unwrap(), remarks);
        Remarks::default().save(&path).unwrap();
        Remarks::default().save(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remarks.toml");
        fs::write(&path, "stars = 3").unwrap();
        let message = Remarks::load(&path).unwrap_err().to_string();
        assert!(
            message.contains("remarks.toml") && message.contains("stars"),
            "{message}"
        );
    }
}
