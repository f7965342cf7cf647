//! Recipes of older versions of the format, brought to the present one.

use toml::Table;

/// The version of the format that this program writes. A key that may be left out needs no new version.
pub(super) const VERSION: u32 = 1;

/// What changed from one version to the next, done to a recipe that may lack any key.
type Step = fn(&mut Table);

/// One step a version: the first leads from version 1 to 2, the last to [`VERSION`].
const STEPS: [Step; VERSION as usize - 1] = [];

/// A recipe of `version`, from 1 to [`VERSION`], as the present version has it.
pub(super) fn migrated(recipe: Table, version: u32) -> Table {
    along(recipe, version, &STEPS)
}

fn along(mut recipe: Table, version: u32, steps: &[Step]) -> Table {
    for step in steps.iter().skip(version.saturating_sub(1) as usize) {
        step(&mut recipe);
    }
    recipe.insert("version".into(), (steps.len() as i64 + 1).into());
    recipe
}

/// Why a recipe of another version cannot be read.
pub(super) fn wrong_version(found: &str) -> String {
    let is_newer = found.parse::<i64>().is_ok_and(|found| found > i64::from(VERSION));
    if is_newer {
        format!(
            "this recipe was made by a newer program: it has version {found} of the format, and this program reads \
             versions up to {VERSION}; use the newer program"
        )
    } else {
        format!("there is no version {found} of the recipe format; this program reads versions from 1 to {VERSION}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three versions of a made-up format: a key is renamed, then moved into a table.
    const RENAMED: Step = |recipe| {
        if let Some(rate) = recipe.remove("rate") {
            recipe.insert("lr".into(), rate);
        }
    };
    const MOVED: Step = |recipe| {
        if let Some(lr) = recipe.remove("lr") {
            recipe.insert("train".into(), Table::from_iter([("lr".to_owned(), lr)]).into());
        }
    };

    fn along_all(text: &str, version: u32) -> String {
        along(text.parse().unwrap(), version, &[RENAMED, MOVED]).to_string()
    }

    #[test]
    fn every_version_goes_the_rest_of_the_way() {
        let present = "version = 3\n\n[train]\nlr = 0.5\n";
        assert_eq!(along_all("version = 1\nrate = 0.5", 1), present);
        assert_eq!(along_all("version = 2\nlr = 0.5", 2), present);
        assert_eq!(along_all("version = 3\n[train]\nlr = 0.5", 3), present);
        // A step that was taken already is not taken again.
        assert!(along_all("version = 2\nrate = 0.5", 2).contains("rate"));
        assert_eq!(along_all("", 1), "version = 3\n");
    }

    #[test]
    fn the_present_version_is_not_changed() {
        let recipe: Table = "version = 1\nseed = 4\n[train]\nlr = 0.5".parse().unwrap();
        assert_eq!(migrated(recipe.clone(), VERSION), recipe);
    }

    #[test]
    fn versions_that_cannot_be_read_say_why() {
        assert!(wrong_version("2").contains("made by a newer program"));
        assert!(wrong_version("0").contains("there is no version 0"));
        assert!(wrong_version("-3").contains("there is no version -3"));
    }
}
