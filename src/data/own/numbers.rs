//! Arrays of numbers as pictures, points or classes: what idx and NumPy files have in common.

use crate::data::{
    Content, DataError, DataRecipe, Labels, Progress, Skipped,
    picture::{self, Cells, Look},
    points,
};

/// The number types that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false, one byte.
    Bool,
    /// Whole numbers without sign, 1 to 8 bytes.
    Unsigned,
    /// Whole numbers, 1 to 8 bytes.
    Signed,
    /// Floating point, 4 or 8 bytes.
    Float,
}

/// An array in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) kind: Kind,
    /// Bytes of one number.
    pub(super) size: usize,
    pub(super) big_endian: bool,
    pub(super) bytes: Vec<u8>,
}

impl Array {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// Number `i` in row-major order.
    pub(super) fn get(&self, i: usize) -> f64 {
        let mut word = [0; 8];
        word[..self.size].copy_from_slice(&self.bytes[i * self.size..(i + 1) * self.size]);
        if self.big_endian {
            word[..self.size].reverse();
        }
        let bits = u64::from_le_bytes(word);
        let unused = 64 - 8 * self.size as u32;
        match (self.kind, self.size) {
            (Kind::Bool, _) => f64::from(u8::from(bits != 0)),
            (Kind::Unsigned, _) => bits as f64,
            (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// The class of each sample: whole numbers, in rising order of value.
    pub(super) fn classes(&self) -> Result<(Vec<String>, Vec<u32>), String> {
        let values: Vec<f64> = self.values().collect();
        if values.iter().any(|v| v.fract() != 0.0) {
            return Err("classes must be whole numbers".into());
        }
        let mut distinct = values.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let of = values
            .iter()
            .map(|v| distinct.partition_point(|d| d < v) as u32)
            .collect();
        Ok((distinct.iter().map(f64::to_string).collect(), of))
    }
}

/// Class names and the class of each sample, as a file gives them.
pub(super) type Classes = (Vec<String>, Vec<u32>);

/// The shapes that are understood, in words.
pub(super) const SHAPES: &str = "(N, H, W), (N, H, W, C) or (N, C, H, W) for pictures, (N, 2) for points";

/// What an array's shape says it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Points,
    Pictures {
        height: usize,
        width: usize,
        channels: usize,
        channels_first: bool,
    },
}

fn meaning(shape: &[usize]) -> Option<Meaning> {
    let pictures = |height, width, channels, channels_first| Meaning::Pictures {
        height,
        width,
        channels,
        channels_first,
    };
    match *shape {
        [_, 2] => Some(Meaning::Points),
        [_, h, w] => Some(pictures(h, w, 1, false)),
        [_, h, w, c @ (1 | 3 | 4)] if h >= c => Some(pictures(h, w, c, false)),
        [_, c @ (1 | 3 | 4), h, w] => Some(pictures(h, w, c, true)),
        _ => None,
    }
}

/// Whether an array of this shape can be learned from.
pub(super) fn is_data(shape: &[usize]) -> bool {
    meaning(shape).is_some()
}

/// A data set from an array and, where there are any, the classes of its samples. `from` names the file.
pub(super) fn content(
    from: &str,
    array: &Array,
    classes: Option<Classes>,
    recipe: &DataRecipe,
    progress: &Progress,
) -> Result<Content, DataError> {
    let fault = |why: String| DataError::Format { file: from.into(), why };
    let samples = array.shape.first().copied().unwrap_or(0);
    if let Some((_, of)) = classes.as_ref().filter(|(_, of)| of.len() != samples) {
        return Err(fault(format!("has {samples} samples but {} labels", of.len())));
    }
    match meaning(&array.shape) {
        Some(Meaning::Points) => points_content(from, array, classes),
        Some(Meaning::Pictures {
            height,
            width,
            channels,
            channels_first,
        }) => {
            let (bytes, scaled) = bytes_of(array).map_err(fault)?;
            let cells = Cells {
                from: from.into(),
                height,
                width,
                channels,
                bytes: if channels_first {
                    channels_last(&bytes, channels, height * width)
                } else {
                    bytes
                },
            };
            let pictures = picture::assemble(&cells, &Look::new(recipe)?, progress)?;
            let (names, of) = classes.unwrap_or_default();
            let mut content = pictures.labelled(names, &of);
            content.note.push_str(scaled);
            Ok(content)
        }
        None => Err(fault(format!("has shape {:?}; expected {SHAPES}", array.shape))),
    }
}

fn points_content(from: &str, array: &Array, classes: Option<Classes>) -> Result<Content, DataError> {
    let values: Vec<f64> = array.values().collect();
    let is_finite = |p: &&[f64]| p.iter().all(|v| v.is_finite());
    let kept: Vec<usize> = values
        .chunks_exact(2)
        .enumerate()
        .filter(|(_, p)| is_finite(p))
        .map(|(i, _)| i)
        .collect();
    let points: Vec<[f64; 2]> = kept.iter().map(|&i| [values[2 * i], values[2 * i + 1]]).collect();
    let labels = classes.filter(|(names, _)| names.len() > 1).map(|(names, of)| Labels {
        names,
        of: kept.iter().map(|&i| of[i]).collect(),
    });
    let mut content = points::content(from, &points, labels)?;
    content.skipped = values
        .chunks_exact(2)
        .enumerate()
        .filter(|(_, p)| !is_finite(p))
        .map(|(i, p)| Skipped {
            what: format!("point {i}"),
            why: format!("is ({}, {})", p[0], p[1]),
        })
        .collect();
    Ok(content)
}

/// Values as bytes, and what was done to them. The range decides: 0 to 1, -1 to 1, or 0 to 255.
fn bytes_of(array: &Array) -> Result<(Vec<u8>, &'static str), String> {
    let (least, most) = array
        .values()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if let Some(i) = array.values().position(|v| !v.is_finite()) {
        let picture = i / (array.len() / array.shape[0]).max(1);
        return Err(format!("picture {picture} holds {}", array.get(i)));
    }
    let (scale, offset, note) = if least >= 0.0 && most <= 1.0 {
        (255.0, 0.0, "; values 0 to 1")
    } else if least >= -1.0 && most <= 1.0 {
        (127.5, 127.5, "; values -1 to 1")
    } else if least >= 0.0 && most <= 255.0 {
        (1.0, 0.0, "")
    } else {
        return Err(format!(
            "holds values from {least} to {most}; expected 0 to 1, -1 to 1 or 0 to 255"
        ));
    };
    Ok((
        array.values().map(|v| (v * scale + offset).round() as u8).collect(),
        note,
    ))
}

/// `(N, C, P)` to `(N, P, C)`.
fn channels_last(bytes: &[u8], channels: usize, pixels: usize) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    for (from, to) in bytes
        .chunks_exact(channels * pixels)
        .zip(out.chunks_exact_mut(channels * pixels))
    {
        for (i, &byte) in from.iter().enumerate() {
            to[i % pixels * channels + i / pixels] = byte;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(kind: Kind, size: usize, bytes: &[u8]) -> Array {
        Array {
            shape: vec![bytes.len() / size],
            kind,
            size,
            big_endian: false,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn numbers_of_all_types() {
        let first = |kind, size, bytes: &[u8]| array(kind, size, bytes).get(0);
        assert_eq!(first(Kind::Bool, 1, &[1]), 1.0);
        assert_eq!(first(Kind::Unsigned, 2, &[1, 2]), 513.0);
        assert_eq!(first(Kind::Signed, 1, &[255]), -1.0);
        assert_eq!(first(Kind::Signed, 4, &(-70_000_i32).to_le_bytes()), -70_000.0);
        assert_eq!(first(Kind::Signed, 8, &i64::MIN.to_le_bytes()), i64::MIN as f64);
        assert_eq!(first(Kind::Float, 4, &1.5_f32.to_le_bytes()), 1.5);
        assert_eq!(first(Kind::Float, 8, &(-0.1_f64).to_le_bytes()), -0.1);
        let big = Array {
            big_endian: true,
            ..array(Kind::Unsigned, 2, &[1, 2])
        };
        assert_eq!(big.get(0), 258.0);
    }

    #[test]
    fn the_range_decides_how_values_become_bytes() {
        let floats = |v: &[f32]| {
            array(
                Kind::Float,
                4,
                &v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(bytes_of(&floats(&[0.0, 0.5, 1.0])).unwrap().0, [0, 128, 255]);
        assert_eq!(bytes_of(&floats(&[-1.0, 0.0, 1.0])).unwrap().0, [0, 128, 255]);
        assert_eq!(bytes_of(&floats(&[0.0, 7.4, 255.0])).unwrap().0, [0, 7, 255]);
        assert!(bytes_of(&floats(&[0.0, 300.0])).unwrap_err().contains("from 0 to 300"));
        assert!(
            bytes_of(&floats(&[0.0, f32::NAN]))
                .unwrap_err()
                .contains("picture 1 holds NaN")
        );
    }

    #[test]
    fn planes_are_interleaved() {
        assert_eq!(channels_last(&[1, 2, 3, 4, 5, 6], 3, 2), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn classes_are_numbered_by_rising_value() {
        let (names, of) = array(Kind::Unsigned, 1, &[7, 3, 7, 20]).classes().unwrap();
        assert_eq!(
            (names, of),
            (vec!["3".into(), "7".into(), "20".into()], vec![1, 0, 1, 2])
        );
    }
}
