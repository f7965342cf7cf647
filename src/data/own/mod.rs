//! The user's own data: folders of pictures, dropped and pasted pictures, idx, `.npy`, `.npz` and CSV files.

use std::{
    fs::File,
    io::{BufReader, Read as _},
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

/// Reads one picture of any known format, upright, with its transparency.
pub fn read_picture(path: &Path) -> Result<Picture, DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    let rgba = picture::decode(BufReader::new(file))
        .map_err(|why| broken(path, why))?
        .into_rgba8();
    Ok(Picture {
        name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into(),
        width: rgba.width(),
        height: rgba.height(),
        rgba: rgba.into_raw(),
    })
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
    if let [path] = paths {
        return load(path, recipe, progress);
    }
    let place = paths.first().and_then(|p| p.parent()).unwrap_or(Path::new(""));
    Ok(named(place, folder::load(paths, recipe, progress)?))
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
        "pasted pictures".into()
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// A sound file of each kind.
    fn sound() -> [Vec<u8>; 4] {
        let pixels: Vec<u8> = (0..48).collect();
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 4), }\n";
        let npy = [npy::MAGIC, &[1, 0, header.len() as u8, 0], header.as_bytes(), &pixels].concat();
        let idx = [&[0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 4], &pixels[..]].concat();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&idx).unwrap();
        [npy, idx, packed.finish().unwrap(), b"x,y\n1,2\n3,4\n".to_vec()]
    }

    fn load_bytes(bytes: &[u8]) -> Result<Dataset, DataError> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, bytes).unwrap();
        load(&path, &DataRecipe::default(), &Progress::default())
    }

    #[test]
    fn the_sound_files_are_read() {
        assert_eq!(sound().map(|bytes| load_bytes(&bytes).unwrap().count), [3, 3, 3, 2]);
    }

    proptest! {
        /// Whatever happens to a file, loading it is a data set or an error, never a crash.
        #[test]
        fn damage_is_never_fatal(
            which in 0..4_usize,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut bytes = sound()[which].clone();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(data) = load_bytes(&bytes) {
                prop_assert!(data.count >= 2);
            }
        }
    }
}
