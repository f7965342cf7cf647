//! NumPy's `.npy` and `.npz`.
//!
//! The header is a Python dictionary with `descr`, `fortran_order` and `shape`; it is read here rather than by `npyz`
//! because that multiplies the shape without a check and reserves what the header asks for.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use super::{
    broken,
    idx::exactly,
    numbers::{self, Array, Classes, Kind, SHAPES},
};
use crate::data::{Content, DataError, DataRecipe, Progress};

/// The first bytes of a `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Most bytes of a header and of an array.
const MAX_HEADER_BYTES: usize = 1 << 16;
const MAX_BYTES: usize = 2 << 30;
/// Names that arrays of classes and of their names usually have.
const LABELS: [&str; 8] = [
    "labels",
    "label",
    "y",
    "y_train",
    "targets",
    "classes",
    "train_labels",
    "arr_1",
];
const NAMES: [&str; 4] = ["class_names", "label_names", "names", "target_names"];
/// Names that arrays of samples usually have, in order of preference.
const SAMPLES: [&str; 8] = ["images", "x", "X", "x_train", "data", "points", "train_images", "arr_0"];

/// Loads the pictures or points of a `.npy` file.
pub(super) fn load(path: &Path, recipe: &DataRecipe, progress: &Progress) -> Result<Content, DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    let array = read(BufReader::new(file))
        .and_then(Values::numbers)
        .map_err(|why| broken(path, why))?;
    numbers::content(&path.display().to_string(), &array, None, recipe, progress)
}

/// Loads a `.npz`: the samples are in the array called `images`, `x`, `data` or the like, else in the first of a
/// suitable shape; the classes in `labels`, `y` or the like.
pub(super) fn load_archive(path: &Path, recipe: &DataRecipe, progress: &Progress) -> Result<Content, DataError> {
    let fault = |why: String| broken(path, why);
    let mut archive = npyz::npz::NpzArchive::open(path).map_err(|e| fault(format!("is broken: {e}")))?;
    let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names.sort();
    let mut member = |name: &str| -> Result<Values, DataError> {
        let file = archive.zip_archive().by_name(&format!("{name}.npy"));
        let file = file.map_err(|e| fault(format!("array “{name}”: {e}")))?;
        read(file).map_err(|why| fault(format!("array “{name}” {why}")))
    };
    let known = |wanted: &[&str]| {
        wanted
            .iter()
            .find(|w| names.iter().any(|n| n == *w))
            .map(|w| (*w).to_owned())
    };
    let usable = |values: &Values| values.text_width.is_none() && numbers::is_data(&values.array.shape);
    let mut samples = None;
    for name in known(&SAMPLES).iter().chain(&names) {
        let values = member(name)?;
        if usable(&values) {
            samples = Some(values.array);
            break;
        }
    }
    let samples = samples.ok_or_else(|| {
        let list = names.join(", ");
        fault(format!("holds the arrays {list}, none of which has a shape {SHAPES}"))
    })?;
    let labels = known(&LABELS).map(|name| member(&name)).transpose()?;
    let labels = labels.filter(|l| l.array.shape == samples.shape[..1]);
    let class_names = known(&NAMES).map(|name| member(&name)).transpose()?;
    let classes = labels
        .map(|l| l.classes(class_names.as_ref()))
        .transpose()
        .map_err(fault)?;
    numbers::content(&path.display().to_string(), &samples, classes, recipe, progress)
}

/// An array of numbers, or of texts of equal width.
#[derive(Debug)]
struct Values {
    /// For texts: the shape, and all characters as unsigned numbers of `array.size` bytes.
    array: Array,
    /// Characters of one text.
    text_width: Option<usize>,
}

impl Values {
    fn numbers(self) -> Result<Array, String> {
        match self.text_width {
            None => Ok(self.array),
            Some(_) => Err("holds texts; expected numbers".into()),
        }
    }

    fn texts(&self) -> Option<Vec<String>> {
        let width = self.text_width?.max(1);
        let characters: Vec<char> = self
            .array
            .values()
            .map(|v| char::from_u32(v as u32).unwrap_or('\u{fffd}'))
            .collect();
        let text = |c: &[char]| c.iter().collect::<String>().trim_end_matches('\0').to_owned();
        Some(characters.chunks_exact(width).map(text).collect())
    }

    /// Classes from texts, or from numbers that may point into a list of names.
    fn classes(&self, names: Option<&Self>) -> Result<Classes, String> {
        if let Some(texts) = self.texts() {
            let mut distinct = texts.clone();
            distinct.sort();
            distinct.dedup();
            let of = texts
                .iter()
                .map(|t| distinct.partition_point(|d| d < t) as u32)
                .collect();
            return Ok((distinct, of));
        }
        let (numbers, of) = self.array.classes()?;
        let Some(names) = names.and_then(Self::texts) else {
            return Ok((numbers, of));
        };
        let index: Option<Vec<u32>> = self
            .array
            .values()
            .map(|v| (v >= 0.0 && v < names.len() as f64).then_some(v as u32))
            .collect();
        Ok(index.map_or((numbers, of), |index| (names, index)))
    }
}

fn read(mut reader: impl Read) -> Result<Values, String> {
    let mut start = [0; 8];
    reader
        .read_exact(&mut start)
        .map_err(|_cut| "is cut off in its header".to_owned())?;
    if !start.starts_with(MAGIC) {
        return Err("is not a .npy file".into());
    }
    let mut len = [0; 4];
    let width = if start[6] == 1 { 2 } else { 4 };
    reader
        .read_exact(&mut len[..width])
        .map_err(|_cut| "is cut off in its header".to_owned())?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_HEADER_BYTES {
        return Err(format!(
            "has a header of {len} bytes; expected at most {MAX_HEADER_BYTES}"
        ));
    }
    let text = exactly(&mut reader, len)?;
    let header = Header::parse(&String::from_utf8_lossy(&text)).ok_or("has a header that cannot be understood")?;
    header.read(reader)
}

/// What the dictionary at the start says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let after = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}'"))?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = after("descr")?;
        let descr = match descr.strip_prefix('\'') {
            Some(rest) => rest.split_once('\'')?.0,
            // A list of fields: refused later by its first character.
            None => "[",
        };
        let shape = after("shape")?.strip_prefix('(')?.split_once(')')?.0;
        let sides = shape.split(',').map(str::trim).filter(|s| !s.is_empty());
        Some(Self {
            descr: descr.to_owned(),
            fortran_order: after("fortran_order")?.starts_with("True"),
            shape: sides.map(|s| s.parse().ok()).collect::<Option<_>>()?,
        })
    }

    fn read(self, reader: impl Read) -> Result<Values, String> {
        let Self { descr, shape, .. } = &self;
        if self.fortran_order && shape.len() > 1 {
            return Err("is stored column by column; save it with np.ascontiguousarray(...)".into());
        }
        let (kind, size, characters) = number_type(descr).ok_or_else(|| {
            format!("holds “{descr}”; expected bool, int8 to int64, uint8 to uint64, float32 or float64")
        })?;
        let each = characters.map_or(size, |n| n.saturating_mul(size));
        let bytes = shape
            .iter()
            .try_fold(each, |n, &d| usize::checked_mul(n, d))
            .filter(|n| *n <= MAX_BYTES);
        let len = bytes.ok_or_else(|| format!("has shape {shape:?}, more than {} MiB", MAX_BYTES >> 20))?;
        Ok(Values {
            array: Array {
                bytes: exactly(reader, len)?,
                kind,
                size,
                big_endian: descr.starts_with('>'),
                shape: self.shape,
            },
            text_width: characters,
        })
    }
}

/// NumPy's type code as a number type, its bytes, and for texts the number of characters.
fn number_type(descr: &str) -> Option<(Kind, usize, Option<usize>)> {
    let code = descr.strip_prefix(['<', '>', '|', '=']).unwrap_or(descr);
    let size = code.get(1..)?.parse().ok()?;
    match (code.as_bytes()[0], size) {
        (b'b', 1) => Some((Kind::Bool, 1, None)),
        (b'u', 1 | 2 | 4 | 8) => Some((Kind::Unsigned, size, None)),
        (b'i', 1 | 2 | 4 | 8) => Some((Kind::Signed, size, None)),
        (b'f', 4 | 8) => Some((Kind::Float, size, None)),
        (b'S', _) => Some((Kind::Unsigned, 1, Some(size))),
        (b'U', _) => Some((Kind::Unsigned, 4, Some(size))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_numpy_writes_them() {
        let header = |text| Header::parse(text).unwrap();
        let flat = header("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }      \n");
        assert_eq!(
            (flat.descr.as_str(), flat.fortran_order, flat.shape),
            ("|u1", false, vec![3])
        );
        let deep = header("{'descr': '<f8', 'fortran_order': True, 'shape': (10, 28, 28), }\n");
        assert_eq!((deep.fortran_order, deep.shape), (true, vec![10, 28, 28]));
        assert_eq!(
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (), }").shape,
            Vec::<usize>::new()
        );
        assert_eq!(
            Header::parse("{'descr': '<f8', 'shape': (-1, 2), 'fortran_order': False}"),
            None
        );
        assert_eq!(Header::parse("hello"), None);
    }

    #[test]
    fn hostile_headers_are_refused() {
        let file = |descr: &str, shape: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.bytes());
            read(&bytes[..]).unwrap_err()
        };
        assert!(file("'<f4'", "(4294967296, 4294967296, 4)").contains("more than 2048 MiB"));
        assert!(file("'<f4'", "(100, 2)").contains("is cut off: 0 of 800 bytes are there"));
        assert!(file("'|O'", "(100, 2)").contains("holds “|O”; expected bool, int8 to int64"));
        assert!(file("[('a', '<f4')]", "(2,)").contains("holds “[”"));
        assert!(file("'<c16'", "(2, 2)").contains("holds “<c16”"));
    }

    #[test]
    fn texts_and_numbers_become_classes() {
        let letters = |text: &str, width| Values {
            array: Array {
                shape: vec![text.len() / width],
                kind: Kind::Unsigned,
                size: 1,
                big_endian: false,
                bytes: text.bytes().collect(),
            },
            text_width: Some(width),
        };
        let texts = letters("dogcatdogox\0", 3);
        let expected = vec!["cat".to_owned(), "dog".into(), "ox".into()];
        assert_eq!(texts.classes(None).unwrap(), (expected, vec![1, 0, 1, 2]));
        let numbers = Values {
            text_width: None,
            ..letters("\x01\x00\x01", 1)
        };
        let names = letters("cowpig", 3);
        assert_eq!(
            numbers.classes(Some(&names)).unwrap(),
            (vec!["cow".to_owned(), "pig".into()], vec![1, 0, 1])
        );
        assert_eq!(numbers.classes(None).unwrap().0, ["0", "1"]);
    }
}
