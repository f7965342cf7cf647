//! Picture files that say inside how they were made.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use super::{Error, Overwrite, Provenance, Result, comment};
use crate::{
    data::photo::{Depth, Photo},
    draw::Raster,
};

/// A picture as the bytes of a PNG: exact pixels, and the provenance in text entries.
pub fn png(raster: &Raster, provenance: Option<&Provenance>) -> Result<Vec<u8>> {
    encoded(raster, png::BitDepth::Eight, provenance)
}

/// A picture at its own depth as the bytes of a PNG.
pub fn photo_png(photo: &Photo, provenance: Option<&Provenance>) -> Result<Vec<u8>> {
    let (depth, data) = match photo.depth {
        Depth::Eight => (png::BitDepth::Eight, photo.values.iter().map(|v| *v as u8).collect()),
        Depth::Sixteen => {
            let bytes = photo.values.iter().flat_map(|v| v.to_be_bytes());
            (png::BitDepth::Sixteen, bytes.collect())
        }
    };
    let raster = Raster {
        width: photo.width,
        height: photo.height,
        channels: photo.channels,
        data,
    };
    encoded(&raster, depth, provenance)
}

/// The bytes of a PNG of pixels with this depth, high bytes first.
fn encoded(raster: &Raster, depth: png::BitDepth, provenance: Option<&Provenance>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, raster)?;
    encoder.set_depth(depth);
    add_texts(&mut encoder, provenance)?;
    let written = encoder.write_header().and_then(|mut w| {
        w.write_image_data(&raster.data)?;
        w.finish()
    });
    written.map_err(|e| unsuitable(e.to_string()))?;
    Ok(bytes)
}

/// Writes a picture as a PNG file and gives the name that it got.
pub fn write_png(path: &Path, raster: &Raster, provenance: Option<&Provenance>, over: Overwrite) -> Result<PathBuf> {
    over.write(path, &png(raster, provenance)?)
}

/// Writes pictures as `000.png`, `001.png`, … in a folder. Each carries the provenance with its own number as sample.
pub fn write_folder(folder: &Path, rasters: &[Raster], provenance: &Provenance, over: Overwrite) -> Result<PathBuf> {
    let files = rasters.iter().enumerate().map(|(i, raster)| {
        let provenance = Provenance {
            sample: Some(i),
            ..provenance.clone()
        };
        Ok((format!("{i:03}.png"), png(raster, Some(&provenance))?))
    });
    over.write_folder(folder, &files.collect::<Result<Vec<_>>>()?)
}

/// How a PNG, APNG or GIF was made; `None` where another program made it.
pub fn read_provenance(path: &Path) -> Result<Option<Provenance>> {
    let texts = read_texts(path)?;
    Provenance::from_texts(&texts).map_err(|e| Error::broken(path, e))
}

/// Longest text that is unpacked from a picture, in bytes: a recipe has a few thousand.
const LONGEST_TEXT: usize = 1 << 20;

/// All text entries of a picture; of equal keys the last.
fn read_texts(path: &Path) -> Result<BTreeMap<String, String>> {
    let broken = |e: &dyn std::fmt::Display| Error::broken(path, e.to_string());
    let mut file = BufReader::new(File::open(path).map_err(Error::io("read", path))?);
    let is_gif = file
        .fill_buf()
        .map_err(Error::io("read", path))?
        .starts_with(comment::SIGNATURE);
    if is_gif {
        return comment::read_texts(&mut file).map_err(|e| broken(&e));
    }
    let mut reader = png::Decoder::new(file).read_info().map_err(|e| broken(&e))?;
    // Other programs move texts behind the pixels.
    reader.finish().map_err(|e| broken(&e))?;
    let info = reader.info();
    let mut texts = BTreeMap::new();
    for chunk in &info.uncompressed_latin1_text {
        texts.insert(chunk.keyword.clone(), chunk.text.clone());
    }
    for mut chunk in info.compressed_latin1_text.iter().cloned() {
        chunk.decompress_text_with_limit(LONGEST_TEXT).map_err(|e| broken(&e))?;
        texts.insert(chunk.keyword.clone(), chunk.get_text().map_err(|e| broken(&e))?);
    }
    for mut chunk in info.utf8_text.iter().cloned() {
        chunk.decompress_text_with_limit(LONGEST_TEXT).map_err(|e| broken(&e))?;
        texts.insert(chunk.keyword.clone(), chunk.get_text().map_err(|e| broken(&e))?);
    }
    Ok(texts)
}

/// An encoder for pictures of this size and kind.
pub(super) fn encoder<'a>(bytes: &'a mut Vec<u8>, raster: &Raster) -> Result<png::Encoder<'static, &'a mut Vec<u8>>> {
    let side = |n: usize| u32::try_from(n).ok().filter(|&n| n > 0);
    let (Some(width), Some(height)) = (side(raster.width), side(raster.height)) else {
        return Err(unsuitable(format!(
            "{} × {} pixels make no picture",
            raster.width, raster.height
        )));
    };
    let mut encoder = png::Encoder::new(bytes, width, height);
    encoder.set_color(if raster.channels == 1 {
        png::ColorType::Grayscale
    } else {
        png::ColorType::Rgb
    });
    encoder.set_depth(png::BitDepth::Eight);
    Ok(encoder)
}

pub(super) fn add_texts(encoder: &mut png::Encoder<'_, &mut Vec<u8>>, provenance: Option<&Provenance>) -> Result<()> {
    let texts = provenance.map_or_else(|| Ok(Vec::new()), Provenance::to_texts)?;
    for (key, text) in texts {
        // The older kind of entry is read by more programs, but knows only Latin-1.
        let added = if text.is_ascii() {
            encoder.add_text_chunk(key.into(), text)
        } else {
            encoder.add_itxt_chunk(key.into(), text)
        };
        added.map_err(|e| unsuitable(e.to_string()))?;
    }
    Ok(())
}

pub(super) fn unsuitable(reason: String) -> Error {
    Error::Unsuitable { reason }
}
