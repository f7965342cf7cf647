//! A plane of pixels in tiles: a stroke copies the tiles that it touches and no others, and a tile of one colour takes
//! no memory.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// Side of a tile in pixels.
pub const TILE: usize = 32;

/// A rectangle of whole pixels; empty where `left >= right` or `top >= bottom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Behind the last column.
    pub right: usize,
    /// Behind the last row.
    pub bottom: usize,
}

impl Area {
    /// The pixels of a plane of `width * height` that the rectangle between two corners touches.
    pub fn around(min: [f32; 2], max: [f32; 2], width: usize, height: usize) -> Self {
        // A negative or missing number becomes 0.
        let from = |v: f32, most: usize| (v.floor() as usize).min(most);
        let to = |v: f32, most: usize| (v.ceil() as usize).min(most);
        Self {
            left: from(min[0], width),
            top: from(min[1], height),
            right: to(max[0], width),
            bottom: to(max[1], height),
        }
    }

    /// Whether there is no pixel in it.
    pub fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    /// Number of columns.
    pub fn width(self) -> usize {
        self.right.saturating_sub(self.left)
    }

    /// Number of rows.
    pub fn height(self) -> usize {
        self.bottom.saturating_sub(self.top)
    }

    /// The smallest area that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self {
                left: self.left.min(other.left),
                top: self.top.min(other.top),
                right: self.right.max(other.right),
                bottom: self.bottom.max(other.bottom),
            },
        }
    }

    /// What both have.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }
}

type Pixels<const C: usize> = [[u8; C]; TILE * TILE];

/// A tile: one colour, or its pixels, which are copied only when they are written to.
#[derive(Clone, Debug)]
enum Tile<const C: usize> {
    Flat([u8; C]),
    Rough(Arc<Pixels<C>>),
}

impl<const C: usize> Tile<C> {
    fn pixels(&mut self) -> &mut Pixels<C> {
        if let Self::Flat(colour) = *self {
            *self = Self::Rough(Arc::new([colour; TILE * TILE]));
        }
        match self {
            Self::Rough(pixels) => Arc::make_mut(pixels),
            Self::Flat(_) => unreachable!("it was given pixels just now"),
        }
    }

    fn settle(&mut self) {
        if let Self::Rough(pixels) = self
            && pixels.iter().all(|p| *p == pixels[0])
        {
            *self = Self::Flat(pixels[0]);
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Flat(_) => size_of::<Self>(),
            Self::Rough(_) => size_of::<Self>() + size_of::<Pixels<C>>(),
        }
    }
}

/// Tiles as they were before something was drawn.
#[derive(Clone, Debug, Default)]
pub struct Before<const C: usize>(BTreeMap<usize, Tile<C>>);

impl<const C: usize> Before<C> {
    /// Nothing was touched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of tiles that were touched.
    pub fn tiles(&self) -> usize {
        self.0.len()
    }

    /// Memory that it holds at most; tiles that nobody else needs count, shared ones too.
    pub fn bytes(&self) -> usize {
        self.0.values().map(Tile::bytes).sum()
    }
}

/// `width * height` pixels of `C` bytes each.
#[derive(Clone, Debug)]
pub struct Plane<const C: usize> {
    width: usize,
    height: usize,
    tiles: Vec<Tile<C>>,
    /// What was changed since the last call of [`Plane::take_dirty`].
    dirty: Area,
}

impl<const C: usize> Plane<C> {
    /// One colour everywhere.
    pub fn new(width: usize, height: usize, colour: [u8; C]) -> Self {
        let tiles = width.div_ceil(TILE) * height.div_ceil(TILE);
        let mut plane = Self {
            width,
            height,
            tiles: vec![Tile::Flat(colour); tiles],
            dirty: Area::default(),
        };
        plane.dirty = plane.all();
        plane
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels.
    pub fn all(&self) -> Area {
        Area {
            left: 0,
            top: 0,
            right: self.width,
            bottom: self.height,
        }
    }

    /// The pixel at column `x`, row `y`, which must be inside.
    pub fn get(&self, x: usize, y: usize) -> [u8; C] {
        match &self.tiles[y / TILE * self.columns() + x / TILE] {
            Tile::Flat(colour) => *colour,
            Tile::Rough(pixels) => pixels[y % TILE * TILE + x % TILE],
        }
    }

    /// Number of pixels of some kind; tiles of one colour are looked at once.
    pub fn count(&self, is_meant: impl Fn([u8; C]) -> bool) -> usize {
        let in_tile = |(index, tile): (usize, &Tile<C>)| {
            let area = self.tile_area(index);
            match tile {
                Tile::Flat(colour) if is_meant(*colour) => area.width() * area.height(),
                Tile::Flat(_) => 0,
                // The tiles at the edges have pixels outside of the plane.
                Tile::Rough(_) => self.copy(area).into_iter().filter(|pixel| is_meant(*pixel)).count(),
            }
        };
        self.tiles.iter().enumerate().map(in_tile).sum()
    }

    /// The pixels of an area, rows from the top.
    pub fn copy(&self, area: Area) -> Vec<[u8; C]> {
        let area = area.intersection(self.all());
        let mut pixels = vec![[0; C]; area.width() * area.height()];
        for (index, part) in self.parts(area) {
            for y in part.top..part.bottom {
                let start = (y - area.top) * area.width() + part.left - area.left;
                let row = &mut pixels[start..start + part.width()];
                match &self.tiles[index] {
                    Tile::Flat(colour) => row.fill(*colour),
                    Tile::Rough(tile) => {
                        let from = y % TILE * TILE + part.left % TILE;
                        row.copy_from_slice(&tile[from..from + part.width()]);
                    }
                }
            }
        }
        pixels
    }

    /// All pixels, rows from the top.
    pub fn to_pixels(&self) -> Vec<[u8; C]> {
        self.copy(self.all())
    }

    /// Draws within `area`: `draw` is given the first column, the row, and the pixels from there on, piece by piece. Tiles
    /// that are touched for the first time are kept in `before`.
    pub fn draw(&mut self, area: Area, before: &mut Before<C>, mut draw: impl FnMut(usize, usize, &mut [[u8; C]])) {
        self.draw_over(area, before, |x, y, row, _| draw(x, y, row));
    }

    /// The same, where `draw` is also given the pixels as they were `before`.
    pub fn draw_over(
        &mut self,
        area: Area,
        before: &mut Before<C>,
        mut draw: impl FnMut(usize, usize, &mut [[u8; C]], &[[u8; C]]),
    ) {
        let area = area.intersection(self.all());
        for (index, part) in self.parts(area) {
            let tile = &mut self.tiles[index];
            let past = before.0.entry(index).or_insert_with(|| tile.clone());
            let pixels = tile.pixels();
            for y in part.top..part.bottom {
                let start = y % TILE * TILE + part.left % TILE;
                let range = start..start + part.width();
                match past {
                    Tile::Flat(colour) => draw(part.left, y, &mut pixels[range], &[*colour; TILE][..part.width()]),
                    Tile::Rough(past) => draw(part.left, y, &mut pixels[range.clone()], &past[range]),
                }
            }
            tile.settle();
        }
        self.dirty = self.dirty.union(area);
    }

    /// Draws the whole plane anew from `pixels`, rows from the top.
    pub fn replace(&mut self, pixels: &[[u8; C]], before: &mut Before<C>) {
        let width = self.width;
        self.draw(self.all(), before, |x, y, row| {
            let start = y * width + x;
            row.copy_from_slice(&pixels[start..start + row.len()]);
        });
    }

    /// Brings back tiles as they were.
    pub fn restore(&mut self, before: Before<C>) {
        for (index, tile) in before.0 {
            self.tiles[index] = tile;
            self.dirty = self.dirty.union(self.tile_area(index));
        }
    }

    /// The smallest area that holds all changes since the last call.
    pub fn take_dirty(&mut self) -> Area {
        std::mem::take(&mut self.dirty)
    }

    /// Memory of the tiles.
    pub fn bytes(&self) -> usize {
        self.tiles.iter().map(Tile::bytes).sum()
    }

    fn columns(&self) -> usize {
        self.width.div_ceil(TILE)
    }

    fn tile_area(&self, index: usize) -> Area {
        let (left, top) = (index % self.columns() * TILE, index / self.columns() * TILE);
        let area = Area {
            left,
            top,
            right: left + TILE,
            bottom: top + TILE,
        };
        area.intersection(self.all())
    }

    /// The tiles under an area that lies inside, and the part of it in each.
    fn parts(&self, area: Area) -> Vec<(usize, Area)> {
        if area.is_empty() {
            return Vec::new();
        }
        let rows = area.top / TILE..area.bottom.div_ceil(TILE);
        let columns = area.left / TILE..area.right.div_ceil(TILE);
        let indices = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        indices
            .map(|(row, column)| row * self.columns() + column)
            .map(|index| (index, area.intersection(self.tile_area(index))))
            .collect()
    }
}

/// Equal sizes and pixels; which tiles are stored flat does not matter.
impl<const C: usize> PartialEq for Plane<C> {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height) && self.to_pixels() == other.to_pixels()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: (usize, usize) = (70, 50);

    fn area() -> impl Strategy<Value = Area> {
        let sides = (0..SIZE.0, 0..SIZE.1, 1..SIZE.0, 1..SIZE.1);
        sides.prop_map(|(left, top, width, height)| Area {
            left,
            top,
            right: left + width,
            bottom: top + height,
        })
    }

    proptest! {
        #[test]
        fn drawing_touches_the_area_and_nothing_else(area in area()) {
            let mut plane = Plane::new(SIZE.0, SIZE.1, [1]);
            plane.draw(area, &mut Before::default(), |x, y, row| {
                for (i, pixel) in row.iter_mut().enumerate() {
                    *pixel = [2 + ((x + i + y) % 200) as u8];
                }
            });
            for y in 0..SIZE.1 {
                for x in 0..SIZE.0 {
                    let inside = (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y);
                    let expected = if inside { 2 + ((x + y) % 200) as u8 } else { 1 };
                    prop_assert_eq!(plane.get(x, y), [expected]);
                }
            }
        }

        #[test]
        fn a_copy_is_what_was_drawn_and_what_was_before_comes_back(area in area()) {
            let mut plane = Plane::new(SIZE.0, SIZE.1, [7]);
            let (mut before, blank) = (Before::default(), plane.clone());
            plane.draw(area, &mut before, |x, y, row| {
                (0..row.len()).for_each(|i| row[i] = [(x + i) as u8 ^ y as u8]);
            });
            let inside = area.intersection(plane.all());
            let copied = plane.copy(area);
            for (i, pixel) in copied.iter().enumerate() {
                let (x, y) = (inside.left + i % inside.width(), inside.top + i / inside.width());
                prop_assert_eq!(*pixel, plane.get(x, y));
            }
            plane.draw_over(area, &mut before, |_, _, _, past| assert!(past.iter().all(|p| *p == [7])));
            plane.restore(before);
            prop_assert_eq!(plane, blank);
        }
    }

    #[test]
    fn one_colour_takes_no_memory() {
        let mut plane = Plane::<1>::new(1024, 1024, [0]);
        let empty = plane.bytes();
        let mut before = Before::default();
        let pixel = Area {
            left: 40,
            top: 40,
            right: 41,
            bottom: 41,
        };
        plane.draw(pixel, &mut before, |_, _, row| row.fill([9]));
        assert_eq!((plane.bytes() - empty, before.tiles()), (TILE * TILE, 1));
        plane.draw(pixel, &mut before, |_, _, row| row.fill([0]));
        assert_eq!(plane.bytes(), empty);
    }

    #[test]
    fn pixels_are_counted_inside_of_the_plane_only() {
        let mut plane = Plane::<1>::new(70, 50, [3]);
        assert_eq!(plane.count(|p| p == [3]), 70 * 50);
        let corner = Area {
            left: 60,
            top: 40,
            right: 70,
            bottom: 50,
        };
        plane.draw(corner, &mut Before::default(), |_, _, row| row.fill([9]));
        assert_eq!(
            [plane.count(|p| p == [3]), plane.count(|p| p == [9])],
            [70 * 50 - 100, 100]
        );
    }

    #[test]
    fn what_changed_is_told_once() {
        let mut plane = Plane::<1>::new(100, 100, [0]);
        assert_eq!(plane.take_dirty(), plane.all());
        assert!(plane.take_dirty().is_empty());
        let area = |left, right| Area {
            left,
            top: 3,
            right,
            bottom: 5,
        };
        plane.draw(area(10, 12), &mut Before::default(), |_, _, _| {});
        plane.draw(area(60, 500), &mut Before::default(), |_, _, _| {});
        assert_eq!(plane.take_dirty(), area(10, 100));
    }

    #[test]
    fn what_lies_outside_is_empty() {
        assert!(Area::around([-9.0, -9.0], [-1.0, 5.0], 10, 10).is_empty());
        assert!(Area::around([11.0, 0.0], [12.0, 5.0], 10, 10).is_empty());
        assert!(Area::around([f32::NAN, 0.0], [f32::NAN, 5.0], 10, 10).is_empty());
        let cut = Area::around([-3.0, 8.4], [2.2, 99.0], 10, 10);
        assert_eq!((cut.left, cut.top, cut.right, cut.bottom), (0, 8, 3, 10));
    }
}
