//! The user's own data: folders of pictures, dropped and pasted pictures, idx, `.npy`, `.npz` and CSV files.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{
    Content, DataError, DataRecipe, Dataset, Progress,
    picture::{self, FORMATS, Look},
};

mod folder;
mod idx;
mod npy;
mod numbers;
mod table;

/// A picture without a file, e.g. from the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Name for messages.
    pub name: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue, alpha of each pixel, row by row.
    pub rgba: Vec<u8>,
}

/// Loads a file or folder by what it holds, not by its name.
pub(super) fn load(path: &Path, recipe: &DataRecipe, progress: &Progress) -> Result<Dataset, DataError> {
    let content = if path.is_dir() {
        folder::load(&[path.to_owned()], recipe, progress)?
    } else {
        file(path, recipe, progress)?
    };
    Ok(named(path, content))
}

/// Loads several dropped files and folders together. Pictures of a folder get its name as their class; a single path is
/// loaded as [`super::load`] would.
pub fn from_files(paths: &[PathBuf], recipe: &DataRecipe, progress: &Progress) -> Result<Dataset, DataError> {
    match paths {
        [path] => load(path, recipe, progress),
        _ => {
            let place = paths.first().and_then(|p| p.parent()).unwrap_or(Path::new(""));
            Ok(named(place, folder::load(paths, recipe, progress)?))
        }
    }
}

/// Makes a data set of pictures that are already decoded, e.g. pasted ones.
pub fn from_pictures(pictures: &[Picture], recipe: &DataRecipe, progress: &Progress) -> Result<Dataset, DataError> {
    let content = picture::assemble(&pictures, &Look::new(recipe)?, progress)?.content;
    Ok(Dataset::new("pasted", "Pasted pictures", "", content))
}

fn named(path: &Path, content: Content) -> Dataset {
    let label = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Dataset::new(&path.to_string_lossy(), &label, "", content)
}

fn file(path: &Path, recipe: &DataRecipe, progress: &Progress) -> Result<Content, DataError> {
    let mut start = [0; 16];
    let mut reader = File::open(path).map_err(DataError::io(path))?;
    let len = read_up_to(&mut reader, &mut start).map_err(DataError::io(path))?;
    let start = &start[..len];
    let extension = path
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    if start.starts_with(npy::MAGIC) {
        npy::load(path, recipe, progress)
    } else if start.starts_with(b"PK") {
        npy::load_archive(path, recipe, progress)
    } else if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0, 0]) && start.len() > 4 {
        idx::load(path, recipe, progress)
    } else if image::guess_format(start).is_ok() {
        Err(broken(path, "is a single picture; give the folder of all pictures"))
    } else if ["csv", "tsv", "txt"].contains(&extension.as_str()) {
        table::load(path)
    } else {
        Err(broken(
            path,
            "is neither idx, .npy, .npz nor a CSV of points; for pictures give their folder",
        ))
    }
}

fn read_up_to(reader: &mut File, start: &mut [u8]) -> std::io::Result<usize> {
    let mut bytes = Vec::new();
    reader.take(start.len() as u64).read_to_end(&mut bytes)?;
    start[..bytes.len()].copy_from_slice(&bytes);
    Ok(bytes.len())
}

fn broken(path: &Path, why: impl Into<String>) -> DataError {
    DataError::Format {
        file: path.display().to_string(),
        why: why.into(),
    }
}

impl picture::Album for &[Picture] {
    fn from(&self) -> String {
        format!("{} pasted pictures", <[Picture]>::len(self))
    }

    fn len(&self) -> usize {
        <[Picture]>::len(self)
    }

    fn name(&self, i: usize) -> String {
        self[i].name.clone()
    }

    fn size(&self, i: usize) -> Result<(u32, u32), String> {
        Ok((self[i].width, self[i].height))
    }

    fn open(&self, i: usize) -> Result<image::DynamicImage, String> {
        let Picture {
            width, height, rgba, ..
        } = &self[i];
        picture::from_bytes(*width, *height, 4, rgba.clone())
    }
}

/// What to do about a folder without pictures, continuing the message of [`DataError::TooFew`].
fn advice() -> String {
    format!("; put {FORMATS} files into it, or into one sub-folder per class")
}
