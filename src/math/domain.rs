//! What a sample is, what it is conditioned on, and how a batch is looked at.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What `x` is: its shape and its range of values. Later kinds (clips, motion, tokens) are added here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Domain {
    /// Points in the plane, `(B, 2)`, standardised, without a fixed range.
    Points,
    /// Pictures `(B, C, H, W)` in `[-1, 1]`.
    Image {
        /// 1 (grey) or 3 (red, green, blue).
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

impl Domain {
    /// Tensor shape of a batch.
    pub fn shape(self, batch: usize) -> Vec<usize> {
        match self {
            Self::Points => vec![batch, 2],
            Self::Image {
                channels,
                height,
                width,
            } => vec![batch, channels, height, width],
        }
    }

    /// Numbers in one sample.
    pub fn numel(self) -> usize {
        self.shape(1).iter().product()
    }

    /// The range that predictions of clean samples are clipped to, where the kind of sample has one.
    pub fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Points => None,
            Self::Image { .. } => Some((-1.0, 1.0)),
        }
    }

    /// Makes a batch of raw numbers (in tensor order) into something to look at.
    ///
    /// `values` holds a whole number of samples. Pictures are rounded to 8 bits by [`byte_from_unit`].
    pub fn frame(self, values: &[f32]) -> Frame {
        match self {
            Self::Points => Frame::Points { xy: values.into() },
            Self::Image {
                channels,
                height,
                width,
            } => Frame::Pixels {
                channels,
                height,
                width,
                data: interleave(values, channels, height * width).into(),
            },
        }
    }
}

/// `(N, C, P)` floats in `[-1, 1]` to `(N, P, C)` bytes.
fn interleave(values: &[f32], channels: usize, pixels: usize) -> Vec<u8> {
    let mut bytes = vec![0; values.len()];
    for (sample, out) in values
        .chunks_exact(channels * pixels)
        .zip(bytes.chunks_exact_mut(channels * pixels))
    {
        for (i, &v) in sample.iter().enumerate() {
            out[i % pixels * channels + i / pixels] = byte_from_unit(v);
        }
    }
    bytes
}

/// `[-1, 1]` to 8 bits: the inverse of `byte / 127.5 - 1`, rounded and clamped. Not-a-number becomes 0.
pub fn byte_from_unit(v: f32) -> u8 {
    ((v + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8
}

/// 8 bits to `[-1, 1]`.
pub fn unit_from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// A batch as it is shown: plain pixels or points, cheap to clone, no tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// `(N, H, W, C)` bytes.
    Pixels {
        /// 1 (grey) or 3 (red, green, blue).
        channels: usize,
        /// Rows of one picture.
        height: usize,
        /// Columns of one picture.
        width: usize,
        /// All pictures, one after the other.
        data: Arc<[u8]>,
    },
    /// `(N, 2)` coordinates.
    Points {
        /// x, y, x, y, …
        xy: Arc<[f32]>,
    },
}

impl Frame {
    /// Number of samples.
    pub fn count(&self) -> usize {
        match self {
            Self::Pixels {
                channels,
                height,
                width,
                data,
            } => data.len() / (channels * height * width).max(1),
            Self::Points { xy } => xy.len() / 2,
        }
    }

    /// Size in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Pixels { data, .. } => data.len(),
            Self::Points { xy } => size_of_val(&**xy),
        }
    }

    /// The bytes of picture `i` as rows of interleaved channels; empty for points or when out of range.
    pub fn picture(&self, i: usize) -> &[u8] {
        match self {
            Self::Pixels {
                channels,
                height,
                width,
                data,
            } => {
                let len = channels * height * width;
                data.get(i * len..(i + 1) * len).unwrap_or_default()
            }
            Self::Points { .. } => &[],
        }
    }
}

/// What the network is conditioned on. Later kinds (picture channels, label map, tokens) are added here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cond {
    /// Nothing.
    #[default]
    None,
    /// One class index per sample. The network's last class is the null class ("no condition").
    Class(Vec<u32>),
}

impl Cond {
    /// The part of the condition that belongs to samples `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        match self {
            Self::None => Self::None,
            Self::Class(ids) => Self::Class(ids[start..end].to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_round_trip() {
        assert!((0..=255).all(|b| byte_from_unit(unit_from_byte(b)) == b));
    }

    #[test]
    fn frames_interleave_channels() {
        let domain = Domain::Image {
            channels: 3,
            height: 1,
            width: 2,
        };
        let frame = domain.frame(&[-1.0, 1.0, 0.0, -1.0, 1.0, 7.0]);
        assert_eq!(frame.picture(0), [0, 128, 255, 255, 0, 255]);
        assert_eq!((frame.count(), frame.picture(1)), (1, &[][..]));
    }
}
