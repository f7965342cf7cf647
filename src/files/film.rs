//! A process as a film: GIF, which opens everywhere, and APNG, which keeps every colour.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    Overwrite, Provenance, Result, comment,
    picture::{add_texts, encoder, unsuitable},
};
use crate::draw::Raster;

/// How long the frames stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Milliseconds of each frame; GIF rounds to hundredths of a second, and less than two of them are shown slowly by
    /// many programs, so two is the least.
    pub frame_ms: u16,
    /// Milliseconds of the last frame, so that the result can be looked at before the film begins again.
    pub last_ms: u16,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            frame_ms: 80,
            last_ms: 1500,
        }
    }
}

impl Timing {
    fn of(self, frame: usize, count: usize) -> u16 {
        if frame + 1 == count {
            self.last_ms
        } else {
            self.frame_ms
        }
    }
}

/// Writes frames as a GIF that repeats for ever, and gives the name that it got.
pub fn write_gif(
    path: &Path,
    frames: &[Raster],
    timing: Timing,
    provenance: Option<&Provenance>,
    over: Overwrite,
) -> Result<PathBuf> {
    over.write(path, &gif(frames, timing, provenance)?)
}

/// Writes frames as an APNG that repeats for ever, and gives the name that it got.
pub fn write_apng(
    path: &Path,
    frames: &[Raster],
    timing: Timing,
    provenance: Option<&Provenance>,
    over: Overwrite,
) -> Result<PathBuf> {
    over.write(path, &apng(frames, timing, provenance)?)
}

/// Frames as the bytes of an APNG; every pixel is exact.
pub fn apng(frames: &[Raster], timing: Timing, provenance: Option<&Provenance>) -> Result<Vec<u8>> {
    let first = check(frames)?;
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, first)?;
    add_texts(&mut encoder, provenance)?;
    let written = encoder.set_animated(frames.len() as u32, 0).and_then(|()| {
        let mut writer = encoder.write_header()?;
        for (i, frame) in frames.iter().enumerate() {
            writer.set_frame_delay(timing.of(i, frames.len()), 1000)?;
            writer.write_image_data(&frame.data)?;
        }
        writer.finish()
    });
    written.map_err(|e| unsuitable(e.to_string()))?;
    Ok(bytes)
}

/// Frames as the bytes of a GIF. Grey films and films of at most 256 colours are exact; in others each frame that has
/// more gets a palette of its own (`NeuQuant`, Dekker 1994). The provenance is a comment, as TOML.
pub fn gif(frames: &[Raster], timing: Timing, provenance: Option<&Provenance>) -> Result<Vec<u8>> {
    let first = check(frames)?;
    let side = |n: usize| {
        u16::try_from(n).map_err(|_too_wide| unsuitable(format!("{n} pixels are too many for a GIF; use APNG")))
    };
    let (width, height) = (side(first.width)?, side(first.height)?);
    let texts = provenance.map(Provenance::to_texts).transpose()?;
    let comment = texts.map(comment::from_texts);
    let palette = Palette::of(frames);
    let indexed: Vec<gif::Frame<'_>> = frames.par_iter().map(|f| palette.frame(f, width, height)).collect();
    let mut bytes = Vec::new();
    let written = gif::Encoder::new(&mut bytes, width, height, &palette.bytes()).and_then(|mut encoder| {
        encoder.set_repeat(gif::Repeat::Infinite)?;
        if let Some(comment) = &comment {
            encoder.write_raw_extension(gif::Extension::Comment.into(), &[comment.as_bytes()])?;
        }
        for (i, frame) in indexed.into_iter().enumerate() {
            let delay = (timing.of(i, frames.len()) / 10).max(2);
            encoder.write_frame(&gif::Frame { delay, ..frame })?;
        }
        Ok(())
    });
    written.map_err(|e| unsuitable(e.to_string()))?;
    Ok(bytes)
}

/// The first of at least one frame of equal size and kind.
fn check(frames: &[Raster]) -> Result<&Raster> {
    let first = frames
        .first()
        .ok_or_else(|| unsuitable("a film needs at least one frame".into()))?;
    let shape = |r: &Raster| (r.width, r.height, r.channels);
    if first.data.is_empty() {
        return Err(unsuitable("frames without pixels make no picture".into()));
    }
    if frames.iter().any(|f| shape(f) != shape(first)) {
        return Err(unsuitable("the frames of a film must have one size".into()));
    }
    Ok(first)
}

/// The colours of a whole film.
enum Palette {
    /// Index and value are the same.
    Greys,
    /// All colours and their indices.
    Exact(BTreeMap<[u8; 3], u8>),
    /// Too many; each frame has its own.
    PerFrame,
}

impl Palette {
    fn of(frames: &[Raster]) -> Self {
        if frames.iter().all(|f| f.channels == 1) {
            return Self::Greys;
        }
        let mut colours = BTreeMap::new();
        for pixel in frames.iter().flat_map(|f| f.data.chunks_exact(3)) {
            let next = colours.len();
            colours.entry([pixel[0], pixel[1], pixel[2]]).or_insert(next);
            if colours.len() > 256 {
                return Self::PerFrame;
            }
        }
        Self::Exact(colours.into_iter().map(|(c, i)| (c, i as u8)).collect())
    }

    /// The global palette, red, green, blue for each index.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Greys => (0..=255).flat_map(|v| [v; 3]).collect(),
            Self::Exact(colours) => {
                let mut bytes = vec![0; colours.len() * 3];
                for (colour, &i) in colours {
                    bytes[usize::from(i) * 3..][..3].copy_from_slice(colour);
                }
                bytes
            }
            Self::PerFrame => Vec::new(),
        }
    }

    fn frame<'a>(&self, raster: &'a Raster, width: u16, height: u16) -> gif::Frame<'a> {
        let indexed = |buffer| gif::Frame {
            width,
            height,
            buffer,
            ..gif::Frame::default()
        };
        match self {
            Self::Greys => indexed(Cow::Borrowed(&raster.data[..])),
            Self::Exact(colours) => {
                let indices = raster.data.chunks_exact(3).map(|p| colours[&[p[0], p[1], p[2]]]);
                indexed(Cow::Owned(indices.collect()))
            }
            // 1 is the best and slowest quantisation, 30 the fastest and worst.
            Self::PerFrame => gif::Frame::from_rgb_speed(width, height, &raster.data, 1),
        }
    }
}
