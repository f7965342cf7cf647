//! PyTorch's older weight files: a zip archive with a pickle that lists the tensors, and a stored file with the numbers
//! of each.
//!
//! A pickle is a program. This reader knows only the words of which such lists are made and calls nothing; it shares
//! instead of copying what is remembered, keeps nothing that is nested deeply, and believes no size before it has
//! compared it with the archive. Memory stays below twice the archive (half precision is widened) plus
//! [`PER_BYTE`] bytes for each byte of the pickle.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
    rc::Rc,
};

use zip::{CompressionMethod, ZipArchive};

use crate::files::{Error, Result, Tensor, Tensors, tensors::Kind};

/// Longest pickle that is read, in bytes; a network of a thousand tensors has a tenth of it.
const LONGEST: u64 = 4 << 20;

/// Memory of the reader for each byte of the pickle, at most.
pub const PER_BYTE: usize = 256;

/// Deepest nesting; a tensor in a list has four levels.
const DEEPEST: usize = 16;

/// Reads the tensors of a `.bin` or `.pth` file.
pub(super) fn read(path: &Path) -> Result<Tensors> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    parse(BufReader::new(file), length).map_err(|reason| Error::broken(path, reason))
}

/// Reads an archive of `length` bytes; the error says what is wrong with it.
pub fn parse(archive: impl Read + Seek, length: u64) -> std::result::Result<Tensors, String> {
    let mut zip = ZipArchive::new(archive).map_err(|e| {
        format!("it is no archive of PyTorch 1.6 or newer ({e}); load it with PyTorch and save it again")
    })?;
    let entries = entries(&mut zip, length)?;
    let (index, prefix) = list(&entries)?;
    let mut program = Vec::new();
    entry(&mut zip, index)?
        .take(LONGEST)
        .read_to_end(&mut program)
        .map_err(|e| e.to_string())?;
    let tensors = Machine::default().run(&program)?;
    check_sizes(&tensors, &entries, &prefix, length)?;
    let read = |(name, slot): (String, Slot)| {
        let stored = entries[&format!("{prefix}data/{}", slot.storage)].0;
        let tensor = slot
            .read(&mut entry(&mut zip, stored)?)
            .map_err(|e| format!("tensor “{name}”: {e}"))?;
        Ok((name, tensor))
    };
    tensors
        .into_iter()
        .map(read)
        .collect::<std::result::Result<_, String>>()
        .map(Tensors)
}

/// Index and size of every entry by name.
type Entries = BTreeMap<String, (usize, u64)>;

/// All entries; they must be stored as they are and lie within the archive.
fn entries<R: Read + Seek>(zip: &mut ZipArchive<R>, length: u64) -> std::result::Result<Entries, String> {
    let mut entries = Entries::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let is_whole = entry.compression() == CompressionMethod::Stored && entry.size() == entry.compressed_size();
        if !is_whole || entry.size() > length {
            return Err(format!("its entry “{name}” is compressed or longer than the file"));
        }
        entries.insert(name, (index, entry.size()));
    }
    Ok(entries)
}

/// Index of the pickle and what stands before the names of its fellows.
fn list(entries: &Entries) -> std::result::Result<(usize, String), String> {
    let found: Vec<_> = entries
        .iter()
        .filter_map(|(name, at)| Some((at, name.strip_suffix("data.pkl")?)))
        .collect();
    match found[..] {
        [((index, size), prefix)] if *size <= LONGEST => Ok((*index, prefix.to_owned())),
        [_] => Err(format!("its list of tensors is longer than {LONGEST} bytes")),
        _ => Err("it holds no list of tensors (data.pkl), or several".into()),
    }
}

fn entry<R: Read + Seek>(zip: &mut ZipArchive<R>, index: usize) -> std::result::Result<impl Read, String> {
    zip.by_index(index).map_err(|e| e.to_string())
}

/// Every tensor must lie within its storage, and all together within the archive.
fn check_sizes(
    tensors: &BTreeMap<String, Slot>,
    entries: &Entries,
    prefix: &str,
    length: u64,
) -> std::result::Result<(), String> {
    let mut total = 0_u64;
    for (name, slot) in tensors {
        let fits = || {
            let (_, stored) = entries.get(&format!("{prefix}data/{}", slot.storage))?;
            let bytes = slot.numel()?.checked_mul(slot.kind.bytes() as u64)?;
            let end = slot.offset.checked_mul(slot.kind.bytes() as u64)?.checked_add(bytes)?;
            total = total.checked_add(bytes)?;
            (end <= *stored && total <= length).then_some(())
        };
        let mut fits = fits;
        fits().ok_or_else(|| {
            format!(
                "tensor “{name}” of shape {:?} is larger than what the file holds",
                slot.shape
            )
        })?;
        if !slot.is_in_order() {
            return Err(format!(
                "tensor “{name}” is not stored in row-major order; save it again with .contiguous()"
            ));
        }
    }
    Ok(())
}

/// Where a tensor lies.
#[derive(Clone, Debug, PartialEq)]
struct Slot {
    storage: String,
    kind: Kind,
    offset: u64,
    shape: Vec<usize>,
    strides: Vec<i64>,
}

impl Slot {
    fn numel(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |n, &d| n.checked_mul(d as u64))
    }

    /// Row-major without gaps; where there is only one index, its stride does not count.
    fn is_in_order(&self) -> bool {
        let mut step = 1;
        self.strides.len() == self.shape.len()
            && self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
                let holds = size == 1 || stride == step;
                step *= size as i64;
                holds
            })
    }

    /// The sizes have been checked.
    fn read(&self, input: &mut impl Read) -> io::Result<Tensor> {
        let skipped = self.offset * self.kind.bytes() as u64;
        io::copy(&mut input.take(skipped), &mut io::sink())?;
        let mut data = Vec::new();
        self.kind.read(input, self.shape.iter().product(), &mut data)?;
        Ok(Tensor {
            shape: self.shape.clone(),
            data,
        })
    }
}

/// What lies on the stack.
#[derive(Clone)]
enum Object {
    /// A class or function by its name.
    Name(Rc<str>),
    Text(Rc<str>),
    Int(i64),
    Tuple(Rc<[Self]>, usize),
    /// Number of a dictionary; the machine holds what is in it.
    Dict(usize),
    Storage(Rc<str>, Kind),
    Tensor(Rc<Slot>),
    /// Something that no list of tensors depends on.
    Other,
}

impl Object {
    fn depth(&self) -> usize {
        match self {
            Self::Tuple(_, depth) => *depth,
            _ => 0,
        }
    }
}

/// The stack machine.
#[derive(Default)]
struct Machine {
    stack: Vec<Object>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Object>,
    dicts: Vec<BTreeMap<String, Slot>>,
}

/// What is left of the program.
struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    fn take(&mut self, n: usize) -> std::result::Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("its list of tensors is cut short")?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> std::result::Result<u8, String> {
        self.take(1).map(|b| b[0])
    }

    /// A whole number of up to eight bytes, least byte first.
    fn number(&mut self, bytes: usize) -> std::result::Result<u64, String> {
        let digits = self.take(bytes)?.iter().rev();
        Ok(digits.fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn text(&mut self, length: usize) -> std::result::Result<Rc<str>, String> {
        let text = std::str::from_utf8(self.take(length)?);
        text.map(Into::into)
            .map_err(|e| format!("a name in its list of tensors: {e}"))
    }

    fn line(&mut self) -> std::result::Result<&'a str, String> {
        let end = self.0.iter().position(|&b| b == b'\n').unwrap_or(self.0.len());
        let line = std::str::from_utf8(self.take(end)?).map_err(|e| e.to_string())?;
        self.take(1).map(|_| line)
    }
}

impl Machine {
    /// Runs the program and gives the tensors of the dictionary that it ends with.
    fn run(mut self, program: &[u8]) -> std::result::Result<BTreeMap<String, Slot>, String> {
        let mut program = Program(program);
        while self.step(&mut program)? {}
        match self.stack.pop() {
            Some(Object::Dict(number)) if !self.dicts[number].is_empty() => Ok(self.dicts.swap_remove(number)),
            _ => Err("it holds no dictionary of tensors by name".into()),
        }
    }

    /// One operation; false at the end.
    fn step(&mut self, program: &mut Program<'_>) -> std::result::Result<bool, String> {
        match program.byte()? {
            b'.' => return Ok(false),
            0x80 => drop(program.byte()?),
            b'(' => self.marks.push(self.stack.len()),
            b'c' => {
                let name = format!("{} {}", program.line()?, program.line()?);
                self.stack.push(Object::Name(name.into()));
            }
            b'X' => {
                let length = program.number(4)? as usize;
                let text = program.text(length)?;
                self.stack.push(Object::Text(text));
            }
            b'K' => self.int(program.number(1)? as i64),
            b'M' => self.int(program.number(2)? as i64),
            b'J' => self.int(i64::from(program.number(4)? as u32 as i32)),
            0x8a => {
                let bytes = program.byte()? as usize;
                let number = if bytes <= 8 {
                    program.number(bytes)?
                } else {
                    return Err("a number is too large".into());
                };
                self.int(number as i64);
            }
            b'G' => {
                program.take(8)?;
                self.stack.push(Object::Other);
            }
            b'N' | b']' | 0x88 | 0x89 => self.stack.push(Object::Other),
            b')' => self.tuple(0)?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let count = self.since_mark()?;
                self.tuple(count)?;
            }
            b'}' => self.dict(),
            b'q' => self.remember(u32::from(program.byte()?))?,
            b'r' => self.remember(program.number(4)? as u32)?,
            b'h' => self.recall(u32::from(program.byte()?))?,
            b'j' => self.recall(program.number(4)? as u32)?,
            b'Q' => self.storage()?,
            b'R' | 0x81 => self.call()?,
            // The state of an object, which lists of tensors do not need.
            b'b' | b'a' => drop(self.pop()?),
            b'e' => {
                let count = self.since_mark()?;
                self.stack.truncate(self.stack.len() - count);
            }
            b's' => self.set_items(2)?,
            b'u' => {
                let count = self.since_mark()?;
                self.set_items(count)?;
            }
            code => {
                return Err(format!(
                    "its list of tensors holds the operation {code:#04x}, which none needs"
                ));
            }
        }
        Ok(true)
    }

    fn int(&mut self, value: i64) {
        self.stack.push(Object::Int(value));
    }

    fn pop(&mut self) -> std::result::Result<Object, String> {
        self.stack.pop().ok_or_else(|| "its list of tensors is damaged".into())
    }

    /// How many objects lie above the last mark, which is taken away.
    fn since_mark(&mut self) -> std::result::Result<usize, String> {
        let height = self.marks.pop().and_then(|mark| self.stack.len().checked_sub(mark));
        height.ok_or_else(|| "its list of tensors is damaged".into())
    }

    fn tuple(&mut self, count: usize) -> std::result::Result<(), String> {
        let from = self
            .stack
            .len()
            .checked_sub(count)
            .ok_or("its list of tensors is damaged")?;
        let parts: Rc<[Object]> = self.stack.drain(from..).collect();
        let depth = 1 + parts.iter().map(Object::depth).max().unwrap_or(0);
        if depth > DEEPEST {
            return Err("its list of tensors is nested too deeply".into());
        }
        self.stack.push(Object::Tuple(parts, depth));
        Ok(())
    }

    fn dict(&mut self) {
        self.stack.push(Object::Dict(self.dicts.len()));
        self.dicts.push(BTreeMap::new());
    }

    fn remember(&mut self, place: u32) -> std::result::Result<(), String> {
        let top = self.stack.last().ok_or("its list of tensors is damaged")?;
        self.memo.insert(place, top.clone());
        Ok(())
    }

    fn recall(&mut self, place: u32) -> std::result::Result<(), String> {
        let found = self.memo.get(&place).ok_or("its list of tensors is damaged")?;
        self.stack.push(found.clone());
        Ok(())
    }

    /// `("storage", class, key, device, count)` becomes a storage.
    fn storage(&mut self) -> std::result::Result<(), String> {
        let Object::Tuple(parts, _) = self.pop()? else {
            return Err("its list of tensors is damaged".into());
        };
        let [Object::Text(_), Object::Name(class), Object::Text(key), ..] = &parts[..] else {
            return Err("its list of tensors is damaged".into());
        };
        let kind = match &**class {
            "torch FloatStorage" => Kind::F32,
            "torch HalfStorage" => Kind::F16,
            "torch BFloat16Storage" => Kind::Bf16,
            "torch DoubleStorage" => Kind::F64,
            other => return Err(format!("it holds numbers of the kind “{other}”, which are no weights")),
        };
        self.stack.push(Object::Storage(key.clone(), kind));
        Ok(())
    }

    /// What a function would give for its arguments; a few are known, and none is called.
    fn call(&mut self) -> std::result::Result<(), String> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Object::Name(name), Object::Tuple(arguments, _)) = (callee, arguments) else {
            return Err("its list of tensors is damaged".into());
        };
        match (&*name, &arguments[..]) {
            ("collections OrderedDict", []) => self.dict(),
            ("torch._utils _rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
                let slot = slot(storage, offset, shape, strides).ok_or("its list of tensors is damaged")?;
                self.stack.push(Object::Tensor(Rc::new(slot)));
            }
            ("torch._utils _rebuild_parameter", [tensor @ Object::Tensor(_), ..]) => self.stack.push(tensor.clone()),
            (other, _) => return Err(format!("its list of tensors calls “{other}”, which none needs")),
        }
        Ok(())
    }

    /// Keys and values from the top of the stack go into the dictionary below them; only tensors are kept.
    fn set_items(&mut self, count: usize) -> std::result::Result<(), String> {
        let from = self
            .stack
            .len()
            .checked_sub(count)
            .ok_or("its list of tensors is damaged")?;
        let items: Vec<Object> = self.stack.drain(from..).collect();
        let Some(&Object::Dict(number)) = self.stack.last() else {
            return Err("its list of tensors is damaged".into());
        };
        for pair in items.chunks_exact(2) {
            if let [Object::Text(name), Object::Tensor(slot)] = pair {
                self.dicts[number].insert(name.to_string(), Slot::clone(slot));
            }
        }
        Ok(())
    }
}

fn slot(storage: &Object, offset: &Object, shape: &Object, strides: &Object) -> Option<Slot> {
    let (Object::Storage(key, kind), Object::Int(offset)) = (storage, offset) else {
        return None;
    };
    let sizes = ints(shape)?.into_iter().map(|n| usize::try_from(n).ok());
    Some(Slot {
        storage: key.to_string(),
        kind: *kind,
        offset: u64::try_from(*offset).ok()?,
        shape: sizes.collect::<Option<_>>()?,
        strides: ints(strides)?,
    })
}

fn ints(tuple: &Object) -> Option<Vec<i64>> {
    let Object::Tuple(parts, _) = tuple else { return None };
    let int = |part: &Object| match part {
        Object::Int(n) => Some(*n),
        _ => None,
    };
    // Tensors have few axes; a made-up one with many would be copied for each name.
    (parts.len() <= 8).then(|| parts.iter().map(int).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &[u8]) -> std::result::Result<BTreeMap<String, Slot>, String> {
        Machine::default().run(program)
    }

    /// A list of one tensor as PyTorch writes it, with this shape.
    fn one(rows: u8, columns: u8) -> Vec<u8> {
        let mut program =
            b"\x80\x02}q\x00(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage".to_vec();
        program.extend(b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00");
        program.extend([b'K', rows, b'K', columns, 0x86, b'K', columns, b'K', 1, 0x86]);
        program.extend(b"\x89ccollections\nOrderedDict\n)RtRu.");
        program
    }

    #[test]
    fn a_list_of_pytorch_is_understood() {
        let found = run(&one(2, 3)).unwrap();
        let slot = &found["a"];
        assert_eq!(
            (slot.shape.as_slice(), slot.strides.as_slice()),
            (&[2, 3][..], &[3, 1][..])
        );
        assert_eq!((slot.storage.as_str(), slot.kind, slot.offset), ("0", Kind::F32, 0));
    }

    #[test]
    fn sizes_are_held_against_the_archive() {
        let entries = Entries::from([("x/data/0".into(), (0, 24))]);
        let check = |rows| check_sizes(&run(&one(rows, 3)).unwrap(), &entries, "x/", 1000);
        check(2).unwrap();
        assert!(check(3).unwrap_err().contains("larger than what the file holds"));
    }

    #[test]
    fn hostile_lists_are_refused() {
        let deep = [b")".to_vec(), vec![0x85; 100]].concat();
        let long_name = b"X\xff\xff\xff\xff".to_vec();
        let call = b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.".to_vec();
        for (program, words) in [
            (deep, "nested too deeply"),
            (long_name, "cut short"),
            (call, "calls “os system”"),
            (b"t".to_vec(), "damaged"),
            (b"u".to_vec(), "damaged"),
            (b"h\x07".to_vec(), "damaged"),
            (b"}.".to_vec(), "no dictionary"),
            (b"\xff".to_vec(), "operation 0xff"),
        ] {
            let message = run(&program).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn every_truncation_of_a_list_is_noticed() {
        let whole = one(2, 3);
        assert!((0..whole.len()).all(|n| run(&whole[..n]).is_err()));
    }
}
