//! One picture at its own size and depth, to be changed in parts and written again.

use std::{fs::File, io::BufReader, path::Path};

use image::{DynamicImage, ImageBuffer, Luma, Rgb, buffer::ConvertBuffer as _};

use super::{DataError, picture};

/// A picture of any size, grey or colour, of 8 or 16 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Bits of one number.
    pub depth: Depth,
    /// Rows from the top, channels interleaved, black to white 0 to [`Depth::white`].
    pub values: Vec<u16>,
}

/// Bits of one number of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 0 to 255.
    Eight,
    /// 0 to 65535.
    Sixteen,
}

impl Depth {
    /// The greatest number.
    pub fn white(self) -> u16 {
        match self {
            Self::Eight => 255,
            Self::Sixteen => u16::MAX,
        }
    }

    /// `[-1, 1]` to the nearest number; beyond that black or white.
    pub fn value(self, unit: f32) -> u16 {
        let white = f64::from(self.white());
        ((f64::from(unit) + 1.0) * white / 2.0).round().clamp(0.0, white) as u16
    }
}

impl Photo {
    /// Reads a picture of any known format; what is transparent becomes white.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io(path))?;
        let decoded = picture::decode(BufReader::new(file)).map_err(|why| DataError::Format {
            file: path.display().to_string(),
            why: format!("this picture {why}"),
        })?;
        Ok(Self::from_decoded(&on_white(decoded)))
    }

    fn from_decoded(picture: &DynamicImage) -> Self {
        let color = picture.color();
        let is_deep = color.bytes_per_pixel() > color.channel_count();
        let channels = if color.has_color() { 3 } else { 1 };
        let depth = if is_deep { Depth::Sixteen } else { Depth::Eight };
        let widened = |bytes: Vec<u8>| bytes.into_iter().map(u16::from).collect();
        let values = match (is_deep, channels) {
            (true, 1) => picture.to_luma16().into_raw(),
            (true, _) => picture.to_rgb16().into_raw(),
            (false, 1) => widened(picture.to_luma8().into_raw()),
            (false, _) => widened(picture.to_rgb8().into_raw()),
        };
        Self {
            width: picture.width() as usize,
            height: picture.height() as usize,
            channels,
            depth,
            values,
        }
    }

    /// The same picture with 1 or 3 channels: grey is repeated, colour becomes its brightness.
    #[must_use]
    pub fn with_channels(self, channels: usize) -> Self {
        if channels == self.channels {
            return self;
        }
        let (width, height) = (self.width as u32, self.height as u32);
        let values = if channels == 1 {
            let colour: Option<ImageBuffer<Rgb<u16>, _>> = ImageBuffer::from_raw(width, height, self.values);
            let grey =
                |colour: ImageBuffer<Rgb<u16>, Vec<u16>>| -> ImageBuffer<Luma<u16>, Vec<u16>> { colour.convert() };
            colour.map(|colour| grey(colour).into_raw()).unwrap_or_default()
        } else {
            self.values.iter().flat_map(|v| [*v; 3]).collect()
        };
        Self {
            channels,
            values,
            ..self
        }
    }

    /// The numbers in tensor order, `(C, H, W)`, in `[-1, 1]`.
    pub fn units(&self) -> Vec<f32> {
        let white = f64::from(self.depth.white());
        let unit = |v: u16| (f64::from(v) / white * 2.0 - 1.0) as f32;
        let plane = |c: usize| self.values.iter().skip(c).step_by(self.channels).map(|v| unit(*v));
        (0..self.channels).flat_map(plane).collect()
    }

    /// How light each pixel is, from 0 to 1.
    pub fn light(&self) -> Vec<f32> {
        let white = f32::from(self.depth.white()) * self.channels as f32;
        let pixels = self.values.chunks_exact(self.channels);
        pixels
            .map(|p| p.iter().map(|v| f32::from(*v)).sum::<f32>() / white)
            .collect()
    }
}

/// A picture without transparency.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let over = |v: u16, alpha: u16| {
        let (v, alpha, white) = (u64::from(v), u64::from(alpha), u64::from(u16::MAX));
        ((v * alpha + white * (white - alpha) + white / 2) / white) as u16
    };
    let (is_deep, is_colour) = (
        picture.color().bytes_per_pixel() / picture.color().channel_count() > 1,
        picture.color().has_color(),
    );
    let source = picture.into_rgba16();
    let opaque: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_fn(source.width(), source.height(), |x, y| {
        let [r, g, b, a] = source.get_pixel(x, y).0;
        Rgb([r, g, b].map(|v| over(v, a)))
    });
    let opaque = DynamicImage::from(opaque);
    match (is_deep, is_colour) {
        (true, true) => opaque,
        (true, false) => opaque.into_luma16().into(),
        (false, true) => opaque.into_rgb8().into(),
        (false, false) => opaque.into_luma8().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(channels: usize, depth: Depth, values: &[u16]) -> Photo {
        Photo {
            width: values.len() / channels,
            height: 1,
            channels,
            depth,
            values: values.to_vec(),
        }
    }

    #[test]
    fn every_number_survives_the_way_to_units_and_back() {
        for depth in [Depth::Eight, Depth::Sixteen] {
            let all: Vec<u16> = (0..=depth.white()).collect();
            let units = photo(1, depth, &all).units();
            assert_eq!((units[0], units[all.len() - 1]), (-1.0, 1.0));
            let back: Vec<u16> = units.into_iter().map(|unit| depth.value(unit)).collect();
            assert_eq!(back, all);
        }
    }

    #[test]
    fn channels_and_light() {
        let grey = photo(1, Depth::Eight, &[0, 51, 255]);
        let colour = grey.clone().with_channels(3);
        assert_eq!(colour.values, [0, 0, 0, 51, 51, 51, 255, 255, 255]);
        assert_eq!(colour.light(), [0.0, 0.2, 1.0]);
        assert_eq!(colour.units()[3..6], grey.units()[..]);
        assert_eq!(colour.with_channels(1), grey);
    }

    #[test]
    fn transparency_lies_on_white() {
        let pixels = vec![0, 0, 0, 0, 10, 20, 30, 255];
        let clear = DynamicImage::from(image::RgbaImage::from_raw(2, 1, pixels).unwrap());
        let found = Photo::from_decoded(&on_white(clear));
        assert_eq!(
            (found.depth, found.values),
            (Depth::Eight, vec![255, 255, 255, 10, 20, 30])
        );
    }
}
