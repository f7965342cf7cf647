//! Pictures on the graphics card: a few large textures cut into equal cells, each cell written once.
//!
//! egui starts a draw call per texture and makes a new texture on every `TextureHandle::set`, so pictures that are looked
//! at again and again live side by side in one texture; showing another one is a change of texture coordinates.

use std::collections::BTreeMap;

use eframe::egui::{Color32, ColorImage, Context, Pos2, Rect, TextureHandle, TextureId, TextureOptions, pos2};

/// Side of the largest texture, in pixels.
const PAGE_SIDE: usize = 2048;

/// Where a picture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The texture.
    pub texture: TextureId,
    /// The picture's part of it, in texture coordinates.
    pub uv: Rect,
}

impl Cell {
    /// Texture coordinates of a part of the picture, `part` in units of the picture.
    pub fn part(&self, part: Rect) -> Rect {
        let at = |p: Pos2| {
            pos2(
                self.uv.left() + p.x * self.uv.width(),
                self.uv.top() + p.y * self.uv.height(),
            )
        };
        Rect::from_min_max(at(part.min), at(part.max))
    }
}

struct Slot {
    place: usize,
    used: u64,
}

/// Equal cells addressed by `K`; the least recently used one makes room when the budget is spent.
pub struct Atlas<K> {
    cell: [usize; 2],
    expected: usize,
    capacity: usize,
    pages: Vec<TextureHandle>,
    slots: BTreeMap<K, Slot>,
    clock: u64,
    uploads: u64,
}

impl<K: Ord + Clone> Atlas<K> {
    /// Cells of `cell` pixels (width, height), about `expected` of them, in at most `budget_bytes` of graphics memory.
    pub fn new(cell: [usize; 2], expected: usize, budget_bytes: usize) -> Self {
        let cell = cell.map(|side| side.max(1));
        Self {
            cell,
            expected: expected.max(1),
            // Two frames of four views must fit whatever the budget, or every frame would upload again.
            capacity: (budget_bytes / (4 * cell[0] * cell[1])).max(8),
            pages: Vec::new(),
            slots: BTreeMap::new(),
            clock: 0,
            uploads: 0,
        }
    }

    /// How many pictures were written so far.
    pub fn uploads(&self) -> u64 {
        self.uploads
    }

    /// Graphics memory in use.
    pub fn bytes(&self) -> usize {
        self.pages.iter().map(TextureHandle::byte_size).sum()
    }

    /// The cell of `key`; `paint` makes its picture when it is not there yet. `None` when the picture has another size
    /// than the cells.
    pub fn cell(&mut self, ctx: &Context, key: &K, paint: impl FnOnce() -> ColorImage) -> Option<Cell> {
        self.clock += 1;
        if let Some(slot) = self.slots.get_mut(key) {
            slot.used = self.clock;
            let place = slot.place;
            return Some(self.at(ctx, place));
        }
        let image = paint();
        if image.size != self.cell {
            return None;
        }
        let place = self.free_place();
        self.upload(ctx, place, image);
        let used = self.clock;
        self.slots.insert(key.clone(), Slot { place, used });
        Some(self.at(ctx, place))
    }

    fn free_place(&mut self) -> usize {
        if self.slots.len() < self.capacity {
            return self.slots.len();
        }
        let oldest = self
            .slots
            .iter()
            .min_by_key(|(_, slot)| slot.used)
            .map(|(key, _)| key.clone());
        oldest
            .and_then(|key| self.slots.remove(&key))
            .map_or(0, |slot| slot.place)
    }

    fn upload(&mut self, ctx: &Context, place: usize, image: ColorImage) {
        let [cols, rows] = self.grid(ctx);
        let (page, inner) = (place / (cols * rows), place % (cols * rows));
        while self.pages.len() <= page {
            let blank = ColorImage::filled([cols * self.cell[0], rows * self.cell[1]], Color32::TRANSPARENT);
            self.pages.push(ctx.load_texture("atlas", blank, OPTIONS));
        }
        let corner = [inner % cols * self.cell[0], inner / cols * self.cell[1]];
        self.pages[page].set_partial(corner, image, OPTIONS);
        self.uploads += 1;
    }

    fn at(&self, ctx: &Context, place: usize) -> Cell {
        let [cols, rows] = self.grid(ctx);
        let (page, inner) = (place / (cols * rows), place % (cols * rows));
        let (w, h) = (1.0 / cols as f32, 1.0 / rows as f32);
        let min = pos2((inner % cols) as f32 * w, (inner / cols) as f32 * h);
        Cell {
            texture: self.pages[page].id(),
            uv: Rect::from_min_max(min, pos2(min.x + w, min.y + h)),
        }
    }

    /// Cells of one page: as many as are expected, but no more than a page holds.
    fn grid(&self, ctx: &Context) -> [usize; 2] {
        if let Some(page) = self.pages.first() {
            let [w, h] = page.size();
            return [w / self.cell[0], h / self.cell[1]];
        }
        let side = ctx.input(|i| i.max_texture_side).min(PAGE_SIDE);
        let [cols, rows] = self.cell.map(|c| (side / c).max(1));
        let wanted = self.expected.min(self.capacity);
        let cols = cols.min(wanted);
        [cols, rows.min(wanted.div_ceil(cols))]
    }
}

/// Small pictures stay crisp when magnified; what must shrink is scaled before the upload.
const OPTIONS: TextureOptions = TextureOptions::NEAREST;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: [usize; 2]) -> ColorImage {
        ColorImage::filled(size, Color32::WHITE)
    }

    #[test]
    fn each_picture_is_uploaded_once_and_has_its_own_place() {
        let (ctx, mut atlas) = (Context::default(), Atlas::new([8, 4], 1000, 1 << 26));
        let mut places = Vec::new();
        for _ in 0..3 {
            places = (0..1000)
                .filter_map(|key| atlas.cell(&ctx, &key, || image([8, 4])))
                .map(|cell| (cell.texture, cell.uv.min.x.to_bits(), cell.uv.min.y.to_bits()))
                .collect();
        }
        assert_eq!((places.len(), atlas.uploads()), (1000, 1000));
        assert!(places.iter().enumerate().all(|(i, p)| !places[..i].contains(p)));
        assert!(atlas.bytes() <= 1024 * 8 * 4 * 4, "{} bytes", atlas.bytes());
    }

    #[test]
    fn the_budget_holds_and_the_oldest_makes_room() {
        let (ctx, mut atlas) = (Context::default(), Atlas::new([16, 16], 10_000, 100 * 16 * 16 * 4));
        for key in 0..300 {
            assert!(atlas.cell(&ctx, &key, || image([16, 16])).is_some());
            assert!(atlas.cell(&ctx, &0, || image([16, 16])).is_some());
        }
        // Picture 0 was looked at all the time, so it was never written again.
        assert_eq!(atlas.uploads(), 300);
        assert!(atlas.bytes() <= 100 * 16 * 16 * 4);
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        let (ctx, mut atlas) = (Context::default(), Atlas::new([16, 16], 4, 1 << 20));
        assert_eq!(atlas.cell(&ctx, &1, || image([8, 8])), None);
        assert_eq!(atlas.uploads(), 0);
    }
}
