//! Folders of pictures: one level of sub-folders, whose names are classes, or a CSV of `file,label` rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use image::DynamicImage;

use super::{advice, broken};
use crate::data::{
    Content, DataError, DataRecipe, Labels, Progress, Skipped,
    picture::{self, Album, FORMATS, Look},
};

/// Endings of files that are opened as pictures.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff"];

/// A picture file that was found.
struct Found {
    path: PathBuf,
    /// Path within the chosen folder, with `/`.
    name: String,
    class: Option<String>,
}

/// The picture files of some folders and files.
struct Listing {
    from: String,
    found: Vec<Found>,
    skipped: Vec<Skipped>,
}

/// Loads the pictures of one folder, or of several dropped files and folders.
pub(super) fn load(paths: &[PathBuf], recipe: &DataRecipe, progress: &Progress) -> Result<Content, DataError> {
    let look = Look::new(recipe)?;
    let mut listing = Listing::of(paths, recipe.labels.as_deref())?;
    if let Some(csv) = &recipe.labels {
        listing.classify(&label_file(csv, paths))?;
    }
    if listing.found.is_empty() {
        let first = listing.skipped.first().map(|s| format!("; {} {}", s.what, s.why));
        return Err(DataError::TooFew {
            from: listing.from,
            found: 0,
            first: first.unwrap_or_else(advice),
        });
    }
    let pictures = picture::assemble(&listing, &look, progress)?;
    let mut content = pictures.content;
    content.labels = classes(pictures.kept.iter().map(|&i| listing.found[i].class.as_deref()));
    listing.skipped.append(&mut content.skipped);
    content.skipped = listing.skipped;
    Ok(content)
}

/// The label file as given, or within the folder.
fn label_file(csv: &Path, paths: &[PathBuf]) -> PathBuf {
    match paths {
        [folder] if !csv.exists() => folder.join(csv),
        _ => csv.to_owned(),
    }
}

impl Listing {
    fn of(paths: &[PathBuf], labels: Option<&Path>) -> Result<Self, DataError> {
        let mut listing = Self {
            from: paths
                .iter()
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
            found: Vec::new(),
            skipped: Vec::new(),
        };
        for path in paths {
            match (path.is_dir(), paths.len()) {
                (true, 1) => listing.folder(path, labels)?,
                (true, _) => listing.sub_folder(path, &file_name(path), labels)?,
                (false, _) => listing.file(path, file_name(path), None),
            }
        }
        Ok(listing)
    }

    fn folder(&mut self, folder: &Path, labels: Option<&Path>) -> Result<(), DataError> {
        for path in visible(folder, labels)? {
            let name = file_name(&path);
            if path.is_dir() {
                self.sub_folder(&path, &name, labels)?;
            } else {
                self.file(&path, name, None);
            }
        }
        Ok(())
    }

    fn sub_folder(&mut self, folder: &Path, class: &str, labels: Option<&Path>) -> Result<(), DataError> {
        for path in visible(folder, labels)? {
            let name = format!("{class}/{}", file_name(&path));
            if path.is_dir() {
                self.skip(
                    name,
                    "is a folder two levels down; only one level of sub-folders is read".into(),
                );
            } else {
                self.file(&path, name, Some(class.to_owned()));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String, class: Option<String>) {
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) {
            let path = path.to_owned();
            self.found.push(Found { path, name, class });
        } else {
            self.skip(name, format!("does not end like a {FORMATS} file"));
        }
    }

    fn skip(&mut self, what: String, why: String) {
        self.skipped.push(Skipped { what, why });
    }

    /// Replaces the classes by those of a CSV of `file,label` rows; pictures without a row are left out.
    fn classify(&mut self, csv: &Path) -> Result<(), DataError> {
        let mut rows = read_labels(csv)?;
        for Found { path, name, .. } in std::mem::take(&mut self.found) {
            if let Some(label) = rows.remove(&name).or_else(|| rows.remove(&file_name(&path))) {
                let class = Some(label);
                self.found.push(Found { path, name, class });
            } else {
                self.skip(name, format!("has no row in {}", file_name(csv)));
            }
        }
        for name in rows.into_keys() {
            self.skip(name, format!("is named in {} but is not there", file_name(csv)));
        }
        Ok(())
    }
}

/// The entries of a folder in the order of their names, without hidden ones and without the label file.
fn visible(folder: &Path, labels: Option<&Path>) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(folder).map_err(DataError::io(folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(DataError::io(folder))?.path();
        let is_label_file = labels.is_some_and(|csv| path.ends_with(csv) || csv == path);
        if !file_name(&path).starts_with('.') && !is_label_file {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// `file` to `label`. The columns are found by their names, or are the first two where there is no such header.
fn read_labels(csv: &Path) -> Result<BTreeMap<String, String>, DataError> {
    let fault = |e: csv::Error| broken(csv, e.to_string());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(csv)
        .map_err(fault)?;
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().map_err(fault)?;
    let column = |name: &str| {
        rows.first()
            .and_then(|r| r.iter().position(|f| f.eq_ignore_ascii_case(name)))
    };
    let (header, file, label) = match (column("file"), column("label")) {
        (Some(file), Some(label)) => (1, file, label),
        _ => (0, 0, 1),
    };
    let pairs = rows
        .iter()
        .enumerate()
        .skip(header)
        .map(|(i, row)| match (row.get(file), row.get(label)) {
            (Some(file), Some(label)) => Ok((file.replace('\\', "/"), label.to_owned())),
            _ => Err(broken(
                csv,
                format!("row {} does not have the two fields file,label", i + 1),
            )),
        });
    pairs.collect()
}

/// Classes in the order of their names, if there are at least two; a picture outside the sub-folders is `unlabelled`.
fn classes<'a>(of: impl Iterator<Item = Option<&'a str>>) -> Option<Labels> {
    let of: Vec<&str> = of.map(|class| class.unwrap_or("unlabelled")).collect();
    let names: Vec<&str> = of.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    (names.len() > 1).then(|| Labels {
        of: of
            .iter()
            .map(|class| names.partition_point(|name| name < class) as u32)
            .collect(),
        names: names.into_iter().map(str::to_owned).collect(),
    })
}

impl Album for Listing {
    fn from(&self) -> String {
        self.from.clone()
    }

    fn len(&self) -> usize {
        self.found.len()
    }

    fn name(&self, i: usize) -> String {
        self.found[i].name.clone()
    }

    fn size(&self, i: usize) -> Result<(u32, u32), String> {
        picture::size(self.reader(i)?)
    }

    fn open(&self, i: usize) -> Result<DynamicImage, String> {
        picture::decode(self.reader(i)?)
    }
}

impl Listing {
    fn reader(&self, i: usize) -> Result<BufReader<File>, String> {
        let file = File::open(&self.found[i].path).map_err(|e| format!("cannot be opened: {e}"))?;
        Ok(BufReader::new(file))
    }
}
