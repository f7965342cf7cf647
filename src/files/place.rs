//! Where an export goes: never over something that is there already.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Error, Result, Tensors, atomic, tensors::Notes};

/// What happens when the name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// An error that names the file.
    #[default]
    Refuse,
    /// `name-2.png`, `name-3.png`, …
    Numbered,
}

impl Overwrite {
    /// Calls `write` with `path` or the first free name after it, and gives the name that was written. `write` must
    /// refuse a name that is taken with [`Error::Exists`].
    pub fn place(self, path: &Path, mut write: impl FnMut(&Path) -> Result<()>) -> Result<PathBuf> {
        let mut number = 1;
        loop {
            let candidate = numbered(path, number);
            match write(&candidate) {
                Err(Error::Exists { .. }) if self == Self::Numbered => number += 1,
                done => return done.map(|()| candidate),
            }
        }
    }

    /// Writes bytes to a new file.
    pub fn write(self, path: &Path, bytes: &[u8]) -> Result<PathBuf> {
        self.place(path, |path| atomic::write_new(path, |out| out.write_all(bytes)))
    }

    /// Writes tensors to a new safetensors file.
    pub fn write_tensors(self, path: &Path, tensors: &Tensors, notes: &Notes) -> Result<PathBuf> {
        self.place(path, |path| atomic::write_new(path, |out| tensors.write(notes, out)))
    }

    /// Writes files, by name, to a new or empty folder, which appears when it is complete.
    pub fn write_folder(self, folder: &Path, files: &[(String, Vec<u8>)]) -> Result<PathBuf> {
        self.place(folder, |folder| write_folder(folder, files))
    }
}

/// `path`, or for a number above 1 the name with the number before the extension.
fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy()));
    path.with_file_name(format!("{stem}-{number}{}", extension.unwrap_or_default()))
}

fn write_folder(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let is_taken = folder.exists() && fs::read_dir(folder).map_or(true, |mut all| all.next().is_some());
    if is_taken {
        return Err(Error::Exists {
            path: folder.to_owned(),
        });
    }
    let stage = atomic::temporary(folder);
    let staged = stage_files(&stage, files).and_then(|()| {
        // An empty folder makes way; not every system renames onto one.
        if folder.exists() {
            fs::remove_dir(folder)?;
        }
        fs::rename(&stage, folder)
    });
    staged.map_err(|cause| {
        // The first error is the one to report.
        drop(fs::remove_dir_all(&stage));
        Error::io("write", folder)(cause)
    })
}

fn stage_files(stage: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    fs::create_dir(stage)?;
    for (name, bytes) in files {
        atomic::fill_and_sync(&stage.join(name), |out| out.write_all(bytes))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_before_the_extension() {
        let name = |path: &str, n| numbered(Path::new(path), n).to_str().unwrap().to_owned();
        assert_eq!(name("a/grid.png", 1), "a/grid.png");
        assert_eq!(name("a.b/grid.x.png", 2), "a.b/grid.x-2.png");
        assert_eq!(name("grid", 12), "grid-12");
    }

    #[test]
    fn a_taken_name_is_refused_or_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        assert_eq!(Overwrite::Refuse.write(&path, b"1").unwrap(), path);
        let message = Overwrite::Refuse.write(&path, b"2").unwrap_err().to_string();
        assert!(
            message.contains("a.txt") && message.contains("already exists"),
            "{message}"
        );
        for (bytes, name) in [(b"2", "a-2.txt"), (b"3", "a-3.txt")] {
            let written = Overwrite::Numbered.write(&path, bytes).unwrap();
            assert_eq!(written, folder.path().join(name));
            assert_eq!(fs::read(written).unwrap(), bytes);
        }
        assert_eq!(fs::read(&path).unwrap(), b"1");
    }

    #[test]
    fn folders_are_complete_and_never_mixed() {
        let files = [("0.png".to_owned(), vec![1]), ("1.png".to_owned(), vec![2])];
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("out");
        fs::create_dir(&folder).unwrap();
        assert_eq!(Overwrite::Refuse.write_folder(&folder, &files).unwrap(), folder);
        assert_eq!(fs::read(folder.join("1.png")).unwrap(), [2]);
        assert!(matches!(
            Overwrite::Refuse.write_folder(&folder, &files),
            Err(Error::Exists { .. })
        ));
        assert!(
            Overwrite::Numbered
                .write_folder(&folder, &files)
                .unwrap()
                .ends_with("out-2")
        );
        // A file that cannot be written: its name leads into a folder that does not exist.
        let broken = [("0.png".to_owned(), vec![1]), ("no/such.png".to_owned(), vec![2])];
        Overwrite::Refuse
            .write_folder(&home.path().join("broken"), &broken)
            .unwrap_err();
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            2,
            "nothing half-written is left"
        );
    }
}
