//! Texts in the comments of a GIF, as TOML.
//!
//! The file is walked block by block (`GIF89a`, 1990); pixels are passed over.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

/// Introduces an extension.
const EXTENSION: u8 = 0x21;
/// Kind of extension that is meant for people.
const COMMENT: u8 = 0xfe;
/// Introduces a frame.
const FRAME: u8 = 0x2c;
/// Ends the file.
const TRAILER: u8 = 0x3b;

/// Longest comment that is kept, in bytes: a recipe has a few thousand.
const LONGEST: usize = 1 << 20;

/// What every GIF begins with.
pub(super) const SIGNATURE: &[u8] = b"GIF8";

/// Keys and texts as one comment.
pub(super) fn from_texts(texts: Vec<(&'static str, String)>) -> String {
    let texts: BTreeMap<_, _> = texts.into_iter().collect();
    toml::to_string(&texts).expect("texts under keys are representable in TOML")
}

/// The texts in a GIF's comments; those of other programs, which are no TOML, are passed over.
pub(super) fn read_texts(file: &mut impl Read) -> io::Result<BTreeMap<String, String>> {
    let header: [u8; 13] = take(file)?;
    skip_colours(file, header[10])?;
    let mut texts = BTreeMap::new();
    loop {
        match take::<1>(file)?[0] {
            EXTENSION if take::<1>(file)?[0] == COMMENT => texts.extend(parse(&sub_blocks(file, LONGEST)?)),
            EXTENSION => drop(sub_blocks(file, 0)?),
            FRAME => {
                let descriptor: [u8; 9] = take(file)?;
                skip_colours(file, descriptor[8])?;
                let _code_size: [u8; 1] = take(file)?;
                sub_blocks(file, 0)?;
            }
            TRAILER => return Ok(texts),
            other => {
                let message = format!("it has a block of the unknown kind {other:#04x}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
}

fn parse(comment: &[u8]) -> BTreeMap<String, String> {
    let text = str::from_utf8(comment).unwrap_or_default();
    toml::from_str(text).unwrap_or_default()
}

fn take<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Passes over the table of colours that `flags` announce.
fn skip_colours(file: &mut impl Read, flags: u8) -> io::Result<()> {
    let has_table = flags & 0x80 != 0;
    for _ in 0..(2 << (flags & 7)) * usize::from(has_table) {
        take::<3>(file)?;
    }
    Ok(())
}

/// The data of a chain of sub-blocks, as far as `most` bytes; nothing where there are more.
fn sub_blocks(file: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let (mut data, mut block) = (Vec::new(), [0; 255]);
    let mut is_whole = true;
    loop {
        let length = usize::from(take::<1>(file)?[0]);
        let block = &mut block[..length];
        file.read_exact(block)?;
        is_whole &= data.len() + length <= most;
        match (length, is_whole) {
            (0, true) => return Ok(data),
            (0, false) => return Ok(Vec::new()),
            (_, true) => data.extend_from_slice(block),
            (_, false) => {}
        }
    }
}
