//! The part of a picture that a model works on: cut out and scaled to the model, scaled back and pasted.

use image::{
    ImageBuffer, Luma,
    imageops::{self, FilterType},
};

use crate::{data::photo::Photo, engine::Error};

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A rectangle of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Leftmost column.
    pub x: usize,
    /// Topmost row.
    pub y: usize,
    /// Extent.
    pub size: Size,
}

/// How much wider than the mask the frame around it is, where the picture has room: what is known is needed to go by.
const CONTEXT: f64 = 2.0;

impl Window {
    /// The whole picture.
    pub fn whole(size: Size) -> Self {
        Self { x: 0, y: 0, size }
    }

    /// The largest part in the middle of a picture that has the proportions of `model`.
    pub fn middle(picture: Size, model: Size) -> Self {
        let size = largest(picture, model);
        Self {
            x: (picture.width - size.width) / 2,
            y: (picture.height - size.height) / 2,
            size,
        }
    }

    /// A part with the proportions of `model` around what is to be filled (from 0.5 on), twice as wide as that and at least
    /// as large as `model`, as far as the picture goes. Refused where the mask is larger than any such part.
    pub fn around(fill: &[f32], picture: Size, model: Size) -> Result<Self, Error> {
        let filled = || (0..fill.len()).filter(|i| fill[*i] >= 0.5);
        let (columns, rows) = (filled().map(|i| i % picture.width), filled().map(|i| i / picture.width));
        let ends = |places: &mut dyn Iterator<Item = usize>| {
            places.fold(None, |ends: Option<(usize, usize)>, i| {
                Some(ends.map_or((i, i), |(low, high)| (low.min(i), high.max(i))))
            })
        };
        let (Some(across), Some(down)) = (ends(&mut { columns }), ends(&mut { rows })) else {
            return Err(Error::refused("the mask is empty: mark what is to be filled"));
        };
        let mask = Size {
            width: across.1 + 1 - across.0,
            height: down.1 + 1 - down.0,
        };
        let most = largest(picture, model);
        if mask.width > most.width || mask.height > most.height {
            return Err(Error::refused(format!(
                "the mask is {} × {} pixels, but a frame of this model's proportions in this picture has at most {} × {}: choose --fit resize, or mask less at a time",
                mask.width, mask.height, most.width, most.height
            )));
        }
        let size = enclosing(mask, most, model);
        Ok(Self {
            x: start(across, size.width, picture.width),
            y: start(down, size.height, picture.height),
            size,
        })
    }

    /// This part of planes of `picture`'s size, scaled to `to`. Values lie in [-1, 1].
    pub fn cut(self, planes: &[f32], picture: Size, to: Size) -> Vec<f32> {
        let each = planes.chunks_exact(picture.width * picture.height);
        let inside = |plane: &[f32]| -> Vec<f32> {
            let rows = plane.chunks_exact(picture.width).skip(self.y).take(self.size.height);
            rows.flat_map(|row| &row[self.x..self.x + self.size.width])
                .copied()
                .collect()
        };
        each.flat_map(|plane| scaled(inside(plane), self.size, to)).collect()
    }

    /// The picture with what was made of this part, planes of size `made`, in its place. `fill` says of each pixel of the
    /// picture how much of it comes from there; without it all of the part does. Other pixels keep their numbers.
    #[must_use]
    pub fn pasted(self, picture: &Photo, planes: &[f32], made: Size, fill: Option<&[f32]>) -> Photo {
        let (units, mut out) = (picture.units(), picture.clone());
        let pixels = picture.width * picture.height;
        let each = planes.chunks_exact(made.width * made.height).enumerate();
        for (channel, plane) in each {
            let plane = scaled(plane.to_vec(), made, self.size);
            for (i, new) in plane.into_iter().enumerate() {
                let (x, y) = (self.x + i % self.size.width, self.y + i / self.size.width);
                let place = y * picture.width + x;
                let share = fill.map_or(1.0, |fill| fill[place]);
                let old = units[channel * pixels + place];
                if share > 0.0 {
                    out.values[place * picture.channels + channel] = out.depth.value(old + share * (new - old));
                }
            }
        }
        out
    }
}

/// The largest size with these proportions in a picture.
fn largest(picture: Size, model: Size) -> Size {
    let scale = (picture.width as f64 / model.width as f64).min(picture.height as f64 / model.height as f64);
    of_scale(model, scale, picture)
}

/// The size around a mask.
fn enclosing(mask: Size, most: Size, model: Size) -> Size {
    let ratio = |mask: usize, model: usize| mask as f64 / model as f64;
    let least = ratio(mask.width, model.width).max(ratio(mask.height, model.height));
    of_scale(model, (least * CONTEXT).max(1.0), most)
}

/// `model` times `scale`, rounded up, but at most `most`.
fn of_scale(model: Size, scale: f64, most: Size) -> Size {
    let side = |side: usize, most: usize| ((side as f64 * scale).ceil() as usize).clamp(1, most);
    Size {
        width: side(model.width, most.width),
        height: side(model.height, most.height),
    }
}

/// Where a line of `length` begins that has the middle of `ends` in its middle and stays within `0..total`.
fn start(ends: (usize, usize), length: usize, total: usize) -> usize {
    let middle = (ends.0 + ends.1).div_ceil(2);
    middle.saturating_sub(length / 2).min(total - length)
}

/// A plane of another size: Lanczos' window where it shrinks, a cubic where it grows. Values lie in [-1, 1] and stay there.
fn scaled(plane: Vec<f32>, from: Size, to: Size) -> Vec<f32> {
    if from == to {
        return plane;
    }
    let shrinks = to.width < from.width || to.height < from.height;
    let filter = if shrinks {
        FilterType::Lanczos3
    } else {
        FilterType::CatmullRom
    };
    // Pictures of floats have black at 0 and white at 1.
    let light = plane.into_iter().map(|v| v.midpoint(1.0)).collect();
    let buffer: Option<ImageBuffer<Luma<f32>, Vec<f32>>> =
        ImageBuffer::from_raw(from.width as u32, from.height as u32, light);
    let resized = buffer.map(|buffer| imageops::resize(&buffer, to.width as u32, to.height as u32, filter));
    let values = resized.map(ImageBuffer::into_raw).unwrap_or_default();
    values.into_iter().map(|v| 2.0 * v - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::photo::Depth;

    const fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    fn fill(picture: Size, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> Vec<f32> {
        let inside = |i: usize| x.contains(&(i % picture.width)) && y.contains(&(i / picture.width));
        (0..picture.width * picture.height)
            .map(|i| f32::from(u8::from(inside(i))))
            .collect()
    }

    #[test]
    fn the_frame_encloses_the_mask_with_room_around_it() {
        let (picture, model) = (size(200, 100), size(16, 16));
        let around = |x, y| Window::around(&fill(picture, x, y), picture, model).unwrap();
        let window = around(90..110, 40..50);
        assert_eq!((window.x, window.y, window.size), (80, 25, size(40, 40)));
        // A small mask gets the model's own size; at the border the frame is moved inside.
        let window = around(0..2, 98..100);
        assert_eq!((window.x, window.y, window.size), (0, 84, size(16, 16)));
        // Two columns too many for a square.
        let wide = Window::around(&fill(picture, 0..102, 0..10), picture, model).unwrap_err();
        assert!(
            wide.to_string().contains("102 × 10") && wide.to_string().contains("100 × 100"),
            "{wide}"
        );
        assert!(Window::around(&fill(picture, 0..0, 0..0), picture, model).is_err());
    }

    #[test]
    fn what_is_not_made_anew_stays_as_it_was() {
        let photo = Photo {
            width: 6,
            height: 5,
            channels: 3,
            depth: Depth::Sixteen,
            values: (0..90).map(|i| i * 700).collect(),
        };
        let (whole, part) = (size(6, 5), size(4, 4));
        let window = Window::middle(whole, part);
        let cut = window.cut(&photo.units(), whole, window.size);
        assert_eq!(window.pasted(&photo, &cut, window.size, None), photo);
        let black = vec![-1.0; 48];
        let half = window.pasted(&photo, &black, part, Some(&[0.5; 30]));
        let fill = fill(whole, 0..6, 0..2);
        let top = window.pasted(&photo, &black, part, Some(&fill));
        for (i, value) in photo.values.iter().enumerate() {
            let (x, y) = (i / 3 % 6, i / 18);
            let columns = window.x..window.x + window.size.width;
            let rows = window.y..window.y + window.size.height;
            let inside = columns.contains(&x) && rows.contains(&y);
            assert!(half.values[i].abs_diff(if inside { value.div_ceil(2) } else { *value }) <= 1);
            assert_eq!(top.values[i], if inside && y < 2 { 0 } else { *value });
        }
    }

    #[test]
    fn even_colours_stay_even_when_scaled() {
        for v in [-1.0, 0.25, 1.0] {
            let up = scaled(vec![v; 12], size(4, 3), size(9, 8));
            let down = scaled(up.clone(), size(9, 8), size(3, 2));
            assert_eq!((up.len(), down.len()), (72, 6));
            assert!(up.iter().chain(&down).all(|found| (found - v).abs() < 1e-5));
        }
    }
}
