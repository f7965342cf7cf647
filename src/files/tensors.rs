//! Named tensors in the safetensors format: eight bytes with the header's length, a JSON header, the numbers.
//!
//! Written in name order and without hash maps, so that equal tensors make equal files. Reading compares every claim of
//! the header with the file before it allocates.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Error, Result};
use crate::nn::graph::{ParamInfo, Weights};

/// Longest header that the format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// Largest sum of tensors that is read, in bytes: far above any model that one machine trains.
const LARGEST_DATA: u64 = 16 << 30;

/// A float32 tensor in row-major order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Shape; its product is the length of `data`.
    pub shape: Vec<usize>,
    /// The numbers.
    pub data: Vec<f32>,
}

/// Tensors by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(
    /// Name and tensor.
    pub BTreeMap<String, Tensor>,
);

/// Text in the header (`__metadata__`), e.g. the recipe.
pub type Notes = BTreeMap<String, String>;

/// How a file's tensors differ from the network's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Parameters that the file lacks.
    pub missing: Vec<String>,
    /// Tensors that the network does not have.
    pub surplus: Vec<String>,
    /// `name: shape in the file, shape of the network`.
    pub misshapen: Vec<String>,
}

impl std::error::Error for Mismatch {}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("missing", &self.missing),
            ("surplus", &self.surplus),
            ("of another shape", &self.misshapen),
        ];
        f.write_str("it does not fit this network")?;
        for (what, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
            let more = if names.len() > 5 { ", …" } else { "" };
            write!(
                f,
                "; {} {what}: {}{more}",
                names.len(),
                names[..names.len().min(5)].join(", ")
            )?;
        }
        Ok(())
    }
}

impl Tensors {
    /// Gives named weights the shapes of the network's parameters.
    pub fn from_weights(weights: Weights, params: &[ParamInfo]) -> Self {
        let shapes: BTreeMap<_, _> = params.iter().map(|p| (p.name.as_str(), &p.shape)).collect();
        let shaped = weights.into_iter().map(|(name, data)| {
            let shape = shapes
                .get(name.as_str())
                .map_or_else(|| vec![data.len()], |&s| s.clone());
            (name, Tensor { shape, data })
        });
        Self(shaped.collect())
    }

    /// The weights of a network with these parameters: every name once, every shape equal.
    pub fn into_weights(self, params: &[ParamInfo]) -> std::result::Result<Weights, Mismatch> {
        self.check(params)?;
        Ok(self.0.into_iter().map(|(name, t)| (name, t.data)).collect())
    }

    /// Whether these are the weights of a network with these parameters.
    pub fn check(&self, params: &[ParamInfo]) -> std::result::Result<(), Mismatch> {
        let mut mismatch = Mismatch::default();
        for param in params {
            match self.0.get(&param.name) {
                None => mismatch.missing.push(param.name.clone()),
                Some(t) if t.shape != param.shape => {
                    let text = format!("{} is {:?} instead of {:?}", param.name, t.shape, param.shape);
                    mismatch.misshapen.push(text);
                }
                Some(_) => {}
            }
        }
        let is_known = |name: &String| params.iter().any(|p| &p.name == name);
        mismatch.surplus = self.0.keys().filter(|n| !is_known(n)).cloned().collect();
        if mismatch == Mismatch::default() {
            Ok(())
        } else {
            Err(mismatch)
        }
    }

    /// Size in a file, without the header.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(|t| size_of_val(&t.data[..]) as u64).sum()
    }

    /// Writes the format. Numbers are little-endian, as on every machine that the program supports.
    pub fn write(&self, notes: &Notes, out: &mut dyn Write) -> io::Result<()> {
        self.write_header(notes, Kind::F32, out)?;
        self.0
            .values()
            .try_for_each(|t| out.write_all(bytemuck::cast_slice(&t.data)))
    }

    /// The same in half precision, to the nearest number.
    pub fn write_half(&self, notes: &Notes, out: &mut dyn Write) -> io::Result<()> {
        self.write_header(notes, Kind::F16, out)?;
        let numbers = self.0.values().flat_map(|t| &t.data);
        numbers
            .map(|&number| half::f16::from_f32(number).to_le_bytes())
            .try_for_each(|bytes| out.write_all(&bytes))
    }

    /// Rounds all numbers to half precision. `false` when one of them is too large for it, or no number.
    pub fn round_to_half(&mut self) -> bool {
        let mut is_finite = true;
        for number in self.0.values_mut().flat_map(|t| &mut t.data) {
            *number = half::f16::from_f32(*number).to_f32();
            is_finite &= number.is_finite();
        }
        is_finite
    }

    fn write_header(&self, notes: &Notes, kind: Kind, out: &mut dyn Write) -> io::Result<()> {
        let mut header = serde_json::to_vec(&self.header(notes, kind))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)
    }

    fn header(&self, notes: &Notes, kind: Kind) -> Header {
        let mut end = 0;
        let slots = self.0.iter().map(|(name, tensor)| {
            let start = end;
            end += (tensor.data.len() * kind.bytes()) as u64;
            let slot = Slot {
                dtype: kind.name().into(),
                shape: tensor.shape.clone(),
                data_offsets: [start, end],
            };
            (name.clone(), slot)
        });
        Header {
            notes: notes.clone(),
            slots: slots.collect(),
        }
    }

    /// Reads a safetensors file of float32 tensors.
    pub fn read(path: &Path) -> Result<(Notes, Self)> {
        Self::read_as(path, &[Kind::F32])
    }

    /// Reads a safetensors file; half and double precision become float32.
    pub fn read_any_float(path: &Path) -> Result<(Notes, Self)> {
        Self::read_as(path, &Kind::ALL)
    }

    fn read_as(path: &Path, known: &[Kind]) -> Result<(Notes, Self)> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        Self::read_from(&mut io::BufReader::new(file), length, known).map_err(|e| match e {
            ReadError::Io(cause) => Error::io("read", path)(cause),
            ReadError::Broken(reason) => Error::broken(path, reason),
        })
    }

    /// Reads the format from `length` bytes in memory; the error says what is wrong with them.
    pub fn parse(bytes: &[u8]) -> std::result::Result<(Notes, Self), String> {
        Self::parse_as(bytes, &[Kind::F32])
    }

    /// The same where half and double precision become float32.
    pub fn parse_any_float(bytes: &[u8]) -> std::result::Result<(Notes, Self), String> {
        Self::parse_as(bytes, &Kind::ALL)
    }

    fn parse_as(bytes: &[u8], known: &[Kind]) -> std::result::Result<(Notes, Self), String> {
        Self::read_from(&mut &*bytes, bytes.len() as u64, known).map_err(|e| match e {
            ReadError::Io(cause) => cause.to_string(),
            ReadError::Broken(reason) => reason,
        })
    }

    fn read_from(input: &mut dyn Read, length: u64, known: &[Kind]) -> std::result::Result<(Notes, Self), ReadError> {
        let (header, data_length) = read_header(input, length)?;
        let mut slots: Vec<(String, Slot)> = header.slots.into_iter().collect();
        slots.sort_by_key(|(_, slot)| slot.data_offsets);
        check_slots(&slots, data_length, known)?;
        let mut tensors = BTreeMap::new();
        for (name, slot) in slots {
            tensors.insert(name, read_tensor(input, slot)?);
        }
        Ok((header.notes, Self(tensors)))
    }
}

/// Kinds of numbers that become float32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F16,
    Bf16,
    F64,
}

impl Kind {
    const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::F64];

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F64 => "F64",
        }
    }

    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::F64 => 8,
        }
    }

    /// Reads `count` little-endian numbers into `data`, a block at a time.
    pub(super) fn read(self, input: &mut dyn Read, count: usize, data: &mut Vec<f32>) -> io::Result<()> {
        let mut block = [0; 1 << 13];
        while data.len() < count {
            let bytes = ((count - data.len()) * self.bytes()).min(block.len());
            input.read_exact(&mut block[..bytes])?;
            let numbers = block[..bytes].chunks_exact(self.bytes());
            data.extend(numbers.map(|number| self.widen(number)));
        }
        Ok(())
    }

    fn widen(self, number: &[u8]) -> f32 {
        match *number {
            [a, b] if self == Self::F16 => half::f16::from_le_bytes([a, b]).to_f32(),
            [a, b] => half::bf16::from_le_bytes([a, b]).to_f32(),
            [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
            _ => number
                .try_into()
                .map_or(f32::NAN, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}

#[cfg(target_endian = "big")]
compile_error!("safetensors files are little-endian, and so is the reading and writing here");

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default, skip_serializing_if = "BTreeMap::is_empty")]
    notes: Notes,
    #[serde(flatten)]
    slots: BTreeMap<String, Slot>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

enum ReadError {
    Io(io::Error),
    Broken(String),
}

impl From<io::Error> for ReadError {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

fn broken<T>(reason: impl Into<String>) -> std::result::Result<T, ReadError> {
    Err(ReadError::Broken(reason.into()))
}

/// The header and how many bytes follow it.
fn read_header(input: &mut dyn Read, length: u64) -> std::result::Result<(Header, u64), ReadError> {
    if length < 8 {
        return broken("it is too short for a safetensors file");
    }
    let mut size = [0; 8];
    input.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size > length - 8 {
        return broken(format!(
            "its header claims {size} bytes, but the file has {length}; it is damaged or no safetensors file"
        ));
    }
    let mut text = vec![0; size as usize];
    input.read_exact(&mut text)?;
    let header = serde_json::from_slice(&text).or_else(|e| broken(format!("its header cannot be read: {e}")))?;
    Ok((header, length - 8 - size))
}

/// The slots, sorted by offset, must be float32, fit their shapes, and cover the data without gap or overlap.
fn check_slots(slots: &[(String, Slot)], data_length: u64, known: &[Kind]) -> std::result::Result<(), ReadError> {
    let mut end = 0;
    for (name, slot) in slots {
        let Some(kind) = known.iter().find(|kind| kind.name() == slot.dtype) else {
            let names = known.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
            return broken(format!(
                "tensor “{name}” is {}, but only {names} is read here",
                slot.dtype
            ));
        };
        let [from, to] = slot.data_offsets;
        let bytes = (slot.shape.iter()).try_fold(kind.bytes() as u64, |n, &d| n.checked_mul(d as u64));
        if from != end || to < from || bytes != Some(to - from) {
            return broken(format!(
                "tensor “{name}” of shape {:?} claims the bytes {from}..{to}, which do not fit it and its neighbours",
                slot.shape
            ));
        }
        end = to;
    }
    if end != data_length {
        return broken(format!(
            "its header describes {end} bytes of numbers, but it holds {data_length}"
        ));
    }
    if end > LARGEST_DATA {
        return broken(format!(
            "it holds {end} bytes, more than the {LARGEST_DATA} that are read"
        ));
    }
    Ok(())
}

fn read_tensor(input: &mut dyn Read, slot: Slot) -> std::result::Result<Tensor, ReadError> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == slot.dtype);
    let kind = kind.unwrap_or(Kind::F32);
    let count = ((slot.data_offsets[1] - slot.data_offsets[0]) / kind.bytes() as u64) as usize;
    let mut data = Vec::new();
    if data.try_reserve_exact(count).is_err() {
        return broken(format!(
            "there is not enough memory for a tensor of shape {:?}",
            slot.shape
        ));
    }
    kind.read(input, count, &mut data)?;
    Ok(Tensor {
        shape: slot.shape,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::graph::Init;

    fn some() -> Tensors {
        let tensor = |shape: &[usize], data: &[f32]| Tensor {
            shape: shape.to_vec(),
            data: data.to_vec(),
        };
        Tensors(BTreeMap::from([
            ("b".into(), tensor(&[2], &[f32::MIN_POSITIVE / 2.0, -0.0])),
            ("a.weight".into(), tensor(&[1, 3], &[1.5, f32::INFINITY, 1e-38])),
            ("scalar".into(), tensor(&[], &[7.0])),
            ("none".into(), tensor(&[0, 4], &[])),
        ]))
    }

    fn bytes(tensors: &Tensors, notes: &Notes) -> Vec<u8> {
        let mut out = Vec::new();
        tensors.write(notes, &mut out).unwrap();
        out
    }

    #[test]
    fn the_round_trip_is_exact() {
        let notes = Notes::from([("recipe".into(), "seed = 1\n\"ü\"".into())]);
        assert_eq!(Tensors::parse(&bytes(&some(), &notes)).unwrap(), (notes, some()));
        assert_eq!(
            Tensors::parse(&bytes(&Tensors::default(), &Notes::new())).unwrap().1,
            Tensors::default()
        );
    }

    #[test]
    fn the_reference_implementation_agrees_in_both_directions() {
        let ours = bytes(&some(), &Notes::from([("k".into(), "v".into())]));
        let theirs = safetensors::SafeTensors::deserialize(&ours).unwrap();
        assert_eq!(theirs.len(), 4);
        for (name, tensor) in some().0 {
            let view = theirs.tensor(&name).unwrap();
            assert_eq!(
                (view.shape(), view.data()),
                (&tensor.shape[..], bytemuck::cast_slice(&tensor.data))
            );
        }
        let views = theirs.tensors();
        let again = safetensors::serialize(views, None).unwrap();
        assert_eq!(Tensors::parse(&again).unwrap().1, some());
    }

    /// A file with this header and this many bytes of data.
    fn crafted(header: &str, data: usize) -> String {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.resize(file.len() + data, 0);
        Tensors::parse(&file).unwrap_err()
    }

    #[test]
    fn hostile_files_are_refused_before_anything_is_allocated() {
        let slot = |dtype: &str, shape: &str, from: u64, to: u64| {
            format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}"#)
        };
        let one = |s: String| format!(r#"{{"a":{s}}}"#);
        let two = |s: String, t: String| format!(r#"{{"a":{s},"b":{t}}}"#);
        let huge = "[4611686018427387904,4]";
        let cases = [
            (one(slot("F16", "[2]", 0, 4)), 4, "only F32"),
            (one(slot("F32", "[2]", 0, 4)), 4, "do not fit"),
            (one(slot("F32", "[1]", 4, 0)), 4, "do not fit"),
            (one(slot("F32", huge, 0, 0)), 0, "do not fit"),
            (
                one(slot("F32", "[4611686018427387903]", 0, 18446744073709551612)),
                4,
                "but it holds 4",
            ),
            (one(slot("F32", "[1]", 0, 4)), 8, "but it holds 8"),
            (one(slot("F32", "[2]", 0, 8)), 4, "but it holds 4"),
            (
                two(slot("F32", "[2]", 0, 8), slot("F32", "[2]", 4, 12)),
                12,
                "tensor “b”",
            ),
            (
                two(slot("F32", "[1]", 0, 4), slot("F32", "[1]", 8, 12)),
                12,
                "tensor “b”",
            ),
            (one(slot("F32", "[-1]", 0, 4)), 4, "header cannot be read"),
            ("[]".into(), 0, "header cannot be read"),
            ("{".into(), 0, "header cannot be read"),
            ("[".repeat(100_000), 0, "header cannot be read"),
        ];
        for (header, data, words) in cases {
            let message = crafted(&header, data);
            assert!(
                message.contains(words),
                "{}: {message}",
                &header[..header.len().min(80)]
            );
        }
        assert!(Tensors::parse(b"1234").unwrap_err().contains("too short"));
        for size in [9_u64, 1 << 33, u64::MAX] {
            let mut file = size.to_le_bytes().to_vec();
            file.extend([b' '; 8]);
            assert!(Tensors::parse(&file).unwrap_err().contains("header claims"), "{size}");
        }
    }

    #[test]
    fn half_and_double_precision_are_widened_where_that_is_asked_for() {
        let header = concat!(
            r#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"#,
            r#""c":{"dtype":"F64","shape":[1],"data_offsets":[6,14]}}"#
        );
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        // 1.5, -2, 1 and one tenth.
        file.extend([0x00, 0x3e, 0x00, 0xc0, 0x80, 0x3f]);
        file.extend(0.1_f64.to_le_bytes());
        let (_, tensors) = Tensors::parse_any_float(&file).unwrap();
        let data = |name: &str| tensors.0[name].data.clone();
        assert_eq!(
            (data("a"), data("b"), data("c")),
            (vec![1.5, -2.0], vec![1.0], vec![0.1_f32])
        );
        assert!(Tensors::parse(&file).unwrap_err().contains("only F32"));
    }

    #[test]
    fn every_truncation_is_noticed() {
        let whole = bytes(&some(), &Notes::new());
        assert!((0..whole.len()).all(|n| Tensors::parse(&whole[..n]).is_err()));
    }

    #[test]
    fn weights_must_fit_the_network() {
        let param = |name: &str, shape: &[usize]| ParamInfo {
            name: name.into(),
            shape: shape.to_vec(),
            init: Init::Zero,
            trained: true,
        };
        let params = [param("a", &[2, 1]), param("b", &[3])];
        let weights = Weights::from([("a".into(), vec![1.0, 2.0]), ("b".into(), vec![0.0; 3])]);
        let tensors = Tensors::from_weights(weights.clone(), &params);
        assert_eq!(tensors.0["a"].shape, [2, 1]);
        assert_eq!(tensors.clone().into_weights(&params).unwrap(), weights);
        let other = [param("a", &[1, 2]), param("c", &[3])];
        let mismatch = tensors.into_weights(&other).unwrap_err();
        assert_eq!(
            (&mismatch.missing[..], &mismatch.surplus[..]),
            (&["c".to_owned()][..], &["b".to_owned()][..])
        );
        let message = mismatch.to_string();
        assert!(
            message.contains("a is [2, 1] instead of [1, 2]") && message.contains("1 missing: c"),
            "{message}"
        );
    }
}
