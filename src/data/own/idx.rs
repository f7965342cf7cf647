//! idx files, MNIST's format: two zero bytes, a type, the number of dimensions, each dimension as a big-endian u32,
//! then the numbers. Also packed as `.gz`.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::{
    broken,
    numbers::{self, Array, Classes, Kind},
};
use crate::data::{Content, DataError, DataRecipe, Progress};

/// Most bytes that are read.
const MAX_BYTES: usize = 2 << 30;

/// Loads the pictures or points of an idx file, with the classes of the label file beside it if there is one.
pub(super) fn load(path: &Path, recipe: &DataRecipe, progress: &Progress) -> Result<Content, DataError> {
    let array = read(path).map_err(|why| broken(path, why))?;
    if array.shape.len() == 1 {
        return Err(broken(path, "holds labels; choose the file of the pictures beside it"));
    }
    let classes = label_file(path).map(|labels| read_classes(&labels)).transpose()?;
    numbers::content(&path.display().to_string(), &array, classes, recipe, progress)
}

fn read_classes(path: &Path) -> Result<Classes, DataError> {
    read(path)
        .and_then(|array| array.classes())
        .map_err(|why| broken(path, why))
}

/// `train-images-idx3-ubyte.gz` has its labels in `train-labels-idx1-ubyte.gz` or the same without `.gz`.
fn label_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let labels = name
        .replace("images", "labels")
        .replace("idx3", "idx1")
        .replace("idx4", "idx1");
    let plain = labels.strip_suffix(".gz").unwrap_or(&labels);
    let candidates = [labels.clone(), plain.to_owned(), format!("{plain}.gz")];
    let beside = |candidate: &String| path.with_file_name(candidate);
    candidates
        .iter()
        .filter(|c| *c != name)
        .map(beside)
        .find(|p| p.is_file())
}

fn read(path: &Path) -> Result<Array, String> {
    let words = |e: io::Error| format!("cannot be read: {e}");
    let mut file = BufReader::new(File::open(path).map_err(words)?);
    if file.fill_buf().map_err(words)?.starts_with(&[0x1f, 0x8b]) {
        parse(MultiGzDecoder::new(file))
    } else {
        parse(file)
    }
}

fn parse(mut reader: impl Read) -> Result<Array, String> {
    let magic: [u8; 4] = word(&mut reader)?;
    let (kind, size) = match magic {
        [0, 0, 0x08, _] => (Kind::Unsigned, 1),
        [0, 0, 0x09, _] => (Kind::Signed, 1),
        [0, 0, 0x0b, _] => (Kind::Signed, 2),
        [0, 0, 0x0c, _] => (Kind::Signed, 4),
        [0, 0, 0x0d, _] => (Kind::Float, 4),
        [0, 0, 0x0e, _] => (Kind::Float, 8),
        _ => return Err(format!("is not an idx file: it begins with {magic:02x?}")),
    };
    let dimension = |_| word(&mut reader).map(|bytes| u32::from_be_bytes(bytes) as usize);
    let shape: Vec<usize> = (0..magic[3]).map(dimension).collect::<Result<_, String>>()?;
    let bytes = shape
        .iter()
        .try_fold(size, |n, &d| usize::checked_mul(n, d))
        .filter(|n| *n <= MAX_BYTES);
    let len = bytes.ok_or_else(|| format!("has shape {shape:?}, more than {} MiB", MAX_BYTES >> 20))?;
    Ok(Array {
        bytes: exactly(reader, len)?,
        shape,
        kind,
        size,
        big_endian: true,
    })
}

fn word(reader: &mut impl Read) -> Result<[u8; 4], String> {
    let mut bytes = [0; 4];
    reader
        .read_exact(&mut bytes)
        .map_err(|e| format!("is cut off in its header: {e}"))?;
    Ok(bytes)
}

/// Reads `len` bytes. Memory grows with what is really there, so that a false header cannot ask for too much.
pub(super) fn exactly(reader: impl Read, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let result = reader.take(len as u64).read_to_end(&mut bytes);
    match result {
        Ok(_) if bytes.len() == len => Ok(bytes),
        Ok(_) => Err(format!("is cut off: {} of {len} bytes are there", bytes.len())),
        Err(e) => Err(format!("is broken after {} of {len} bytes: {e}", bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_by_hand() {
        let file = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
        let array = parse(&file[..]).unwrap();
        assert_eq!((array.shape, array.bytes), (vec![2, 1, 3], vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(parse(&file[..20]).unwrap_err(), "is cut off: 4 of 6 bytes are there");
        assert!(parse(&file[..6]).unwrap_err().starts_with("is cut off in its header"));
        assert_eq!(
            parse(&b"\0\0\x07\x01"[..]).unwrap_err(),
            "is not an idx file: it begins with [00, 00, 07, 01]"
        );
    }

    #[test]
    fn a_header_that_asks_for_too_much_is_refused_before_reading() {
        let huge = [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];
        assert!(parse(&huge[..]).unwrap_err().contains("more than 2048 MiB"));
    }
}
