//! A picture in memory.

use crate::math::Frame;

/// `(height, width, channels)` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows from the top, channels interleaved.
    pub data: Vec<u8>,
}

impl Raster {
    /// One colour everywhere; grey when `channels` is 1, which takes the mean of the colour.
    pub fn filled(width: usize, height: usize, channels: usize, colour: [u8; 3]) -> Self {
        let pixel = if channels == 1 {
            vec![mean(colour)]
        } else {
            colour.to_vec()
        };
        Self {
            width,
            height,
            channels,
            data: pixel.repeat(width * height),
        }
    }

    /// Picture `i` of a batch, pixel by pixel; `None` for points or when out of range.
    pub fn picture(frame: &Frame, i: usize) -> Option<Self> {
        match frame {
            &Frame::Pixels {
                channels,
                height,
                width,
                ..
            } if i < frame.count() => Some(Self {
                width,
                height,
                channels,
                data: frame.picture(i).to_vec(),
            }),
            _ => None,
        }
    }

    /// Each pixel becomes `factor * factor` pixels.
    #[must_use]
    pub fn enlarged(&self, factor: usize) -> Self {
        let row_bytes = self.width * self.channels;
        let mut data = Vec::with_capacity(self.data.len() * factor * factor);
        for row in self.data.chunks_exact(row_bytes.max(1)) {
            let wide: Vec<u8> = row.chunks_exact(self.channels).flat_map(|p| p.repeat(factor)).collect();
            (0..factor).for_each(|_| data.extend_from_slice(&wide));
        }
        Self {
            width: self.width * factor,
            height: self.height * factor,
            channels: self.channels,
            data,
        }
    }

    /// Copies `other` to column `x`, row `y`, where it must lie inside and have the same channels.
    pub fn paste(&mut self, other: &Self, x: usize, y: usize) {
        assert!(
            self.channels == other.channels && x + other.width <= self.width && y + other.height <= self.height,
            "pasted outside or onto other channels"
        );
        let (from, to) = (other.width * other.channels, self.width * self.channels);
        if from == 0 {
            return;
        }
        for (i, row) in other.data.chunks_exact(from).enumerate() {
            let start = (y + i) * to + x * self.channels;
            self.data[start..start + from].copy_from_slice(row);
        }
    }

    /// The same picture with three channels.
    #[must_use]
    pub fn to_rgb(&self) -> Self {
        match self.channels {
            1 => Self {
                channels: 3,
                data: self.data.iter().flat_map(|&v| [v; 3]).collect(),
                ..*self
            },
            _ => self.clone(),
        }
    }

    /// Red, green, blue, 255 for each pixel: what textures and the clipboard take.
    pub fn to_rgba(&self) -> Vec<u8> {
        let opaque = |p: &[u8]| match *p {
            [v] => [v, v, v, 255],
            [r, g, b, ..] => [r, g, b, 255],
            [] | [_, _] => [0, 0, 0, 255],
        };
        self.data.chunks_exact(self.channels).flat_map(opaque).collect()
    }
}

/// Whether a colour is a grey.
pub(super) fn is_grey([r, g, b]: [u8; 3]) -> bool {
    r == g && g == b
}

fn mean(colour: [u8; 3]) -> u8 {
    (colour.iter().map(|&v| u32::from(v)).sum::<u32>() / 3) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarging_repeats_pixels() {
        let small = Raster {
            width: 2,
            height: 1,
            channels: 3,
            data: vec![1, 2, 3, 4, 5, 6],
        };
        let row = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6];
        let large = small.enlarged(2);
        assert_eq!((large.width, large.height), (4, 2));
        assert_eq!(large.data, [row, row].concat());
    }

    #[test]
    fn pasting_leaves_the_rest() {
        let mut canvas = Raster::filled(3, 2, 1, [9, 9, 9]);
        let stamp = Raster {
            width: 2,
            height: 1,
            channels: 1,
            data: vec![1, 2],
        };
        canvas.paste(&stamp, 1, 1);
        assert_eq!(canvas.data, [9, 9, 9, 9, 1, 2]);
    }

    #[test]
    fn grey_becomes_colour_and_opaque() {
        let grey = Raster::filled(1, 1, 1, [7, 7, 7]);
        assert_eq!(
            (grey.to_rgb().data, grey.to_rgba()),
            (vec![7, 7, 7], vec![7, 7, 7, 255])
        );
        assert_eq!(Raster::filled(1, 1, 3, [1, 2, 3]).to_rgba(), [1, 2, 3, 255]);
    }
}
