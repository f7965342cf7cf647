//! Pictures of any kind to squares of one size: decoding within limits, transparency, fitting, grey or colour.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read as _, Seek},
    sync::Mutex,
};

use image::{
    DynamicImage, GenericImageView, GrayImage, ImageBuffer, ImageDecoder as _, ImageError, ImageReader, Limits, Pixel,
    Rgb, RgbImage, Rgba,
    imageops::{self, FilterType},
};
use rayon::prelude::*;

use super::{Colour, Content, DataError, DataRecipe, Fit, Labels, Progress, Samples, Skipped};
use crate::math::Domain;

/// The formats that are read, in words.
pub(super) const FORMATS: &str = "PNG, JPEG, GIF, BMP, WebP or TIFF";
/// Largest width and height that is opened.
pub(super) const MAX_SIDE: u32 = 16_384;
/// Most memory that one picture may need while it is decoded.
const MAX_DECODED_BYTES: u64 = 512 << 20;
/// Most memory that a data set may need.
const MAX_DATASET_BYTES: usize = 2 << 30;
/// Smaller pictures hold nothing to learn.
const MIN_SIDE: u32 = 4;
/// Sizes that are chosen by themselves.
const USUAL_SIDES: [u32; 4] = [64, 32, 16, 8];
/// The second byte of the JPEG marker after which pixels come.
const START_OF_SCAN: u8 = 0xda;
/// Said of files that end too early.
const CUT_OFF: &str = "is cut off";
/// Pictures with more pixels are decoded one at a time.
const LARGE_PIXELS: u64 = 16 << 20;

/// How the recipe wants pictures, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    side: Option<u32>,
    colour: Colour,
    fit: Fit,
    background: [u8; 3],
}

impl Look {
    pub(super) fn new(recipe: &DataRecipe) -> Result<Self, DataError> {
        let fault = |key, why| DataError::Recipe { key, why };
        let side = recipe.size.map(|side| match u32::try_from(side) {
            Ok(side @ 4..=512) => Ok(side),
            _ => Err(fault("size", format!("is {side}, but must be 4 to 512 pixels"))),
        });
        let background = hex_colour(&recipe.background).ok_or_else(|| {
            let why = format!("is “{}”, but must be a colour like #ffffff", recipe.background);
            fault("background", why)
        })?;
        Ok(Self {
            side: side.transpose()?,
            colour: recipe.colour,
            fit: recipe.fit,
            background,
        })
    }

    /// The side all pictures are brought to, from their sizes: the recipe's; else the common side of equal squares up
    /// to 64; else the largest of 64, 32, 16, 8 that half of the pictures reach. [`Fit::Refuse`] takes the most
    /// frequent square up to 64.
    fn side_for(&self, sizes: &[(u32, u32)]) -> u32 {
        if let Some(side) = self.side {
            return side;
        }
        let mut squares = BTreeMap::new();
        for &(w, _) in sizes.iter().filter(|(w, h)| w == h && *w <= USUAL_SIDES[0]) {
            *squares.entry(w).or_insert(0_usize) += 1;
        }
        if let Some((&side, &count)) = squares.iter().max_by_key(|(_, count)| **count)
            && (count == sizes.len() || self.fit == Fit::Refuse)
        {
            return side;
        }
        let mut short: Vec<u32> = sizes.iter().map(|(w, h)| *w.min(h)).collect();
        short.sort_unstable();
        let median = short.get(short.len() / 2).copied().unwrap_or(0);
        USUAL_SIDES.into_iter().find(|side| *side <= median).unwrap_or(8)
    }
}

fn hex_colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
    let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).ok();
    Some([byte(0)?, byte(2)?, byte(4)?])
}

/// Equal pictures one after the other: `(N, H, W, C)` with 1, 3 or 4 channels.
pub(super) struct Cells {
    /// Where they come from, for messages.
    pub(super) from: String,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) bytes: Vec<u8>,
}

/// A data set made of pictures, and which of the offered ones are in it.
pub(super) struct Assembled {
    pub(super) content: Content,
    /// Ascending numbers of the pictures that were kept.
    pub(super) kept: Vec<usize>,
}

/// Pictures that can be looked at one by one, from several threads.
pub(super) trait Album: Sync {
    /// Where they come from, for messages.
    fn from(&self) -> String;
    fn len(&self) -> usize;
    /// Name of picture `i` for messages.
    fn name(&self, i: usize) -> String;
    /// Width and height without decoding.
    fn size(&self, i: usize) -> Result<(u32, u32), String>;
    fn open(&self, i: usize) -> Result<DynamicImage, String>;
}

/// Brings all pictures to squares of one size; those that cannot be used are listed in `skipped`.
pub(super) fn assemble(album: &impl Album, look: &Look, progress: &Progress) -> Result<Assembled, DataError> {
    let sizes = in_parallel(album.len(), progress, |i| usable(album.size(i)?))?;
    let known: Vec<_> = sizes.iter().flatten().copied().collect();
    let side = look.side_for(&known);
    within_memory(known.len(), side)?;
    let fitted = in_parallel(album.len(), progress, |i| {
        let size = sizes[i].clone()?;
        let _turn = turn(size);
        look.square(album.open(i)?, side)
    })?;
    let (mut kept, mut squares, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (i, result) in fitted.into_iter().enumerate() {
        match result {
            Ok(square) => {
                kept.push(i);
                squares.push(square);
            }
            Err(why) => skipped.push(Skipped {
                what: album.name(i),
                why,
            }),
        }
    }
    if kept.len() < 2 {
        return Err(too_few(album, kept.len(), skipped.first()));
    }
    let (channels, bytes) = pack(&squares, look.colour);
    let side_px = side as usize;
    let content = Content {
        domain: Domain::Image {
            channels,
            height: side_px,
            width: side_px,
        },
        samples: Samples::Pixels(bytes.into()),
        labels: None,
        skipped,
        note: look.note(&known, side),
    };
    Ok(Assembled { content, kept })
}

/// Runs `work` on `0..count` on all cores. The outer error is the user's wish to stop.
fn in_parallel<T: Send>(
    count: usize,
    progress: &Progress,
    work: impl Fn(usize) -> Result<T, String> + Sync,
) -> Result<Vec<Result<T, String>>, DataError> {
    progress.begin(count);
    let all = (0..count).into_par_iter();
    all.map(|i| progress.step().map(|()| work(i))).collect()
}

fn usable((width, height): (u32, u32)) -> Result<(u32, u32), String> {
    if width.min(height) < MIN_SIDE {
        Err(format!(
            "is {width}×{height} pixels; the smallest usable picture is {MIN_SIDE}×{MIN_SIDE}"
        ))
    } else if width.max(height) > MAX_SIDE {
        Err(format!(
            "is {width}×{height} pixels; the largest side that is opened is {MAX_SIDE}"
        ))
    } else {
        Ok((width, height))
    }
}

fn within_memory(count: usize, side: u32) -> Result<(), DataError> {
    let bytes = count.saturating_mul(side as usize * side as usize * 3);
    if bytes <= MAX_DATASET_BYTES {
        return Ok(());
    }
    Err(DataError::Recipe {
        key: "size",
        why: format!(
            "{count} pictures of {side}×{side} need {} MiB, more than the {} MiB that a data set may take; choose a smaller size",
            bytes >> 20,
            MAX_DATASET_BYTES >> 20
        ),
    })
}

/// A large picture waits until no other large one is being decoded, so that memory holds only one.
fn turn((width, height): (u32, u32)) -> Option<std::sync::MutexGuard<'static, ()>> {
    static LARGE: Mutex<()> = Mutex::new(());
    let is_large = u64::from(width) * u64::from(height) > LARGE_PIXELS;
    is_large.then(|| LARGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn too_few(album: &impl Album, found: usize, first: Option<&Skipped>) -> DataError {
    DataError::TooFew {
        from: album.from(),
        found,
        first: first.map_or_else(String::new, |s| format!("; {} {}", s.what, s.why)),
    }
}

/// One square picture with 1 or 3 channels.
struct Square {
    channels: usize,
    bytes: Vec<u8>,
}

impl Look {
    /// Composes transparency on the background and fits the picture to a square.
    fn square(&self, picture: DynamicImage, side: u32) -> Result<Square, String> {
        let [r, g, b] = self.background;
        let grey_background = r == g && g == b;
        if picture.color().has_color() || picture.color().has_alpha() || !grey_background {
            let bytes = self.fit(&self.compose(picture), side, Rgb(self.background))?;
            Ok(Square { channels: 3, bytes })
        } else {
            let bytes = self.fit(&picture.into_luma8(), side, image::Luma([r]))?;
            Ok(Square { channels: 1, bytes })
        }
    }

    /// The picture over the background, rounded to the nearest byte.
    fn compose(&self, picture: DynamicImage) -> RgbImage {
        if !picture.color().has_alpha() {
            return picture.into_rgb8();
        }
        let picture = picture.into_rgba8();
        let over = |c: u8, under: u8, a: u8| {
            let (c, under, a) = (u32::from(c), u32::from(under), u32::from(a));
            ((c * a + under * (255 - a) + 127) / 255) as u8
        };
        RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
            let Rgba([r, g, b, a]) = *picture.get_pixel(x, y);
            let [under_r, under_g, under_b] = self.background;
            Rgb([over(r, under_r, a), over(g, under_g, a), over(b, under_b, a)])
        })
    }

    fn fit<P: Pixel<Subpixel = u8> + 'static>(
        &self,
        picture: &ImageBuffer<P, Vec<u8>>,
        side: u32,
        background: P,
    ) -> Result<Vec<u8>, String> {
        let (w, h) = picture.dimensions();
        if (w, h) == (side, side) {
            return Ok(picture.as_raw().clone());
        }
        let square = match self.fit {
            Fit::Crop => {
                let m = w.min(h);
                let middle = imageops::crop_imm(picture, (w - m) / 2, (h - m) / 2, m, m);
                scale(&*middle, side, side)
            }
            Fit::Stretch => scale(picture, side, side),
            Fit::Pad => {
                let shrunk = |v: u32| ((f64::from(v) * f64::from(side) / f64::from(w.max(h))).round() as u32).max(1);
                let inner = scale(picture, shrunk(w), shrunk(h));
                let mut square = ImageBuffer::from_pixel(side, side, background);
                let offset = |v: u32| i64::from((side - v) / 2);
                imageops::replace(&mut square, &inner, offset(inner.width()), offset(inner.height()));
                square
            }
            Fit::Refuse => return Err(format!("is {w}×{h} pixels, not {side}×{side}")),
        };
        Ok(square.into_raw())
    }

    /// What was done to the pictures, in words.
    fn note(&self, sizes: &[(u32, u32)], side: u32) -> String {
        if sizes.iter().all(|&size| size == (side, side)) {
            return format!("{side}×{side} as stored");
        }
        let how = match self.fit {
            Fit::Crop => "the middle square, scaled",
            Fit::Stretch => "stretched",
            Fit::Pad => "padded with the background",
            Fit::Refuse => return format!("{side}×{side} as stored, other sizes left out"),
        };
        format!("brought to {side}×{side}: {how}")
    }
}

/// Scales with a window wide enough for shrinking; whole factors of enlargement repeat pixels, so that pixel art stays.
fn scale<P: Pixel<Subpixel = u8> + 'static>(
    picture: &impl GenericImageView<Pixel = P>,
    width: u32,
    height: u32,
) -> ImageBuffer<P, Vec<u8>> {
    let (w, h) = picture.dimensions();
    let repeats = width.is_multiple_of(w) && height.is_multiple_of(h);
    let filter = if repeats {
        FilterType::Nearest
    } else {
        FilterType::Lanczos3
    };
    imageops::resize(picture, width, height, filter)
}

/// All squares with the same number of channels, one after the other.
fn pack(squares: &[Square], colour: Colour) -> (usize, Vec<u8>) {
    let grey = match colour {
        Colour::Auto => squares.par_iter().all(Square::is_grey),
        Colour::Grey => true,
        Colour::Colour => false,
    };
    let channels = if grey { 1 } else { 3 };
    let mut bytes = Vec::new();
    for square in squares {
        square.append_to(&mut bytes, channels);
    }
    (channels, bytes)
}

impl Square {
    fn is_grey(&self) -> bool {
        self.channels == 1 || self.bytes.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2])
    }

    fn append_to(&self, out: &mut Vec<u8>, channels: usize) {
        match (self.channels, channels) {
            (1, 3) => out.extend(self.bytes.iter().flat_map(|&v| [v; 3])),
            (3, 1) => {
                let luma = |p: &[u8]| Rgb([p[0], p[1], p[2]]).to_luma().0[0];
                out.extend(self.bytes.chunks_exact(3).map(luma));
            }
            _ => out.extend_from_slice(&self.bytes),
        }
    }
}

impl Cells {
    fn numel(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Album for Cells {
    fn from(&self) -> String {
        self.from.clone()
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.numel().max(1)
    }

    fn name(&self, i: usize) -> String {
        format!("picture {i}")
    }

    fn size(&self, _: usize) -> Result<(u32, u32), String> {
        let pixels = |v: usize| u32::try_from(v).unwrap_or(u32::MAX);
        Ok((pixels(self.width), pixels(self.height)))
    }

    fn open(&self, i: usize) -> Result<DynamicImage, String> {
        let bytes = self.bytes[i * self.numel()..(i + 1) * self.numel()].to_vec();
        from_bytes(self.width as u32, self.height as u32, self.channels, bytes)
    }
}

/// A picture from interleaved bytes with 1, 3 or 4 channels.
pub(super) fn from_bytes(width: u32, height: u32, channels: usize, bytes: Vec<u8>) -> Result<DynamicImage, String> {
    let picture = match channels {
        1 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        4 => image::RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => None,
    };
    picture.ok_or_else(|| format!("does not hold {width}×{height} pixels with {channels} channels"))
}

/// Width and height from the header of an encoded picture.
pub(super) fn size(encoded: impl BufRead + Seek) -> Result<(u32, u32), String> {
    reader(encoded)?.into_dimensions().map_err(|e| reason(&e))
}

/// Decodes a picture of any known format, turned upright as its EXIF data say.
pub(super) fn decode(encoded: impl BufRead + Seek) -> Result<DynamicImage, String> {
    let reader = reader(whole(encoded)?)?;
    let mut decoder = reader.into_decoder().map_err(|e| reason(&e))?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(format!("needs more than {} MiB of memory", MAX_DECODED_BYTES >> 20));
    }
    let upright = decoder.orientation().map_err(|e| reason(&e))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| reason(&e))?;
    picture.apply_orientation(upright);
    Ok(picture)
}

/// The encoded picture, unless it is a JPEG without an end: the decoder would fill the missing part with grey.
fn whole<R: BufRead + Seek>(mut encoded: R) -> Result<R, String> {
    let words = |e: std::io::Error| format!("cannot be read: {e}");
    if encoded.fill_buf().map_err(words)?.starts_with(&[0xff, 0xd8]) {
        let mut jpeg = Vec::new();
        encoded
            .by_ref()
            .take(MAX_DECODED_BYTES)
            .read_to_end(&mut jpeg)
            .map_err(words)?;
        encoded.rewind().map_err(words)?;
        if lacks_end(&jpeg) {
            return Err(CUT_OFF.into());
        }
    }
    Ok(encoded)
}

/// Whether no end marker follows the start of the first scan. Segments before it may hold a thumbnail with its own end.
fn lacks_end(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        if marker == START_OF_SCAN {
            return !jpeg[at..].windows(2).any(|w| w == [0xff, 0xd9]);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    // Headers that cannot be followed are the decoder's to judge, unless the file ends within them.
    at + 4 > jpeg.len()
}

/// A reader within limits that goes by the content, not by the name.
fn reader<R: BufRead + Seek>(encoded: R) -> Result<ImageReader<R>, String> {
    let mut reader = ImageReader::new(encoded)
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    if reader.format().is_none() {
        return Err(format!("is not a picture: its content is not {FORMATS}"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    Ok(reader)
}

fn reason(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => format!(
            "is too large: at most {MAX_SIDE} pixels a side and {} MiB of memory",
            MAX_DECODED_BYTES >> 20
        ),
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => CUT_OFF.into(),
        ImageError::Unsupported(e) => format!("cannot be read: {e}"),
        other => format!("is broken: {other}"),
    }
}

/// The sheet as interleaved bytes with this many channels.
pub(super) fn raw(sheet: DynamicImage, channels: usize) -> Vec<u8> {
    match channels {
        1 => sheet.into_luma8().into_raw(),
        3 => sheet.into_rgb8().into_raw(),
        _ => sheet.into_rgba8().into_raw(),
    }
}

impl Assembled {
    /// Adds classes: `of` holds the class of every offered picture, kept or not.
    pub(super) fn labelled(mut self, names: Vec<String>, of: &[u32]) -> Content {
        self.content.labels = (names.len() > 1).then(|| Labels {
            names,
            of: self.kept.iter().map(|&i| of[i]).collect(),
        });
        self.content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_hexadecimal_digits() {
        assert_eq!(hex_colour("#ff8000"), Some([255, 128, 0]));
        for wrong in ["ff8000", "#ff800", "#ff80000", "#ff80g0", "#ffé00", ""] {
            assert_eq!(hex_colour(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_jpeg_ends_after_its_scan_and_not_within_a_thumbnail() {
        // Start, a segment of 4 bytes that holds an end marker, the scan's header, two bytes of pixels.
        let head = [0xff, 0xd8, 0xff, 0xe1, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 2, 1, 2];
        let whole = [&head[..], &[0xff, 0xd9]].concat();
        assert!(!lacks_end(&whole));
        assert!((2..whole.len()).all(|n| lacks_end(&whole[..n])));
    }
}
