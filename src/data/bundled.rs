//! The bundled picture sets: sheets of `assets/data` inside the program, decoded when asked for.
//!
//! A set is a PNG with the pictures row by row in a grid, and a JSON that says how many, how large and of which class.

use std::io::Cursor;

use serde::Deserialize;

use super::{
    Content, DataError, DataRecipe, Maker, Progress,
    picture::{self, Cells, Look},
};
use crate::math::Entry;

/// An entry whose sheet and description lie at `assets/data/ID.{png,json}`.
macro_rules! sheet {
    ($id:literal, $label:literal, $help:literal, $source:literal) => {
        Entry {
            id: $id,
            label: $label,
            help: $help,
            source: $source,
            params: &[],
            build: |_| {
                // Statics: a constant's bytes are copied into every part of the program that names it.
                static PNG: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/data/", $id, ".png"));
                static ABOUT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/data/", $id, ".json"));
                Ok(Box::new(Sheet {
                    name: $id,
                    png: PNG,
                    about: ABOUT,
                }))
            },
        }
    };
}

/// 20,000 grey pictures of clothes.
pub(super) const FASHION_MNIST: Entry<dyn Maker> = sheet!(
    "fashion-mnist",
    "Fashion-MNIST",
    "20,000 grey pictures of clothes, 28×28, 10 classes",
    "MIT, Zalando SE"
);

/// 1,797 handwritten digits.
pub(super) const DIGITS8X8: Entry<dyn Maker> = sheet!(
    "digits8x8",
    "Digits 8×8",
    "1,797 handwritten digits, 8×8, grey, 10 classes; trains in a minute",
    "CC BY 4.0, E. Alpaydin"
);

/// 16,000 pixel-art faces; the class is the hair colour.
pub(super) const PIXEL_AVATARS16: Entry<dyn Maker> = sheet!(
    "pixel-avatars16",
    "Pixel avatars",
    "16,000 pixel-art faces, 16×16, colour; the class is the hair colour",
    "CC0 1.0, DiceBear"
);

/// 3,694 tiles of a dungeon game.
pub(super) const DUNGEON_TILES32: Entry<dyn Maker> = sheet!(
    "dungeon-tiles32",
    "Dungeon tiles",
    "3,694 tiles of a dungeon game, 32×32, transparent, 9 classes",
    "CC0 1.0, Dungeon Crawl Stone Soup tile artists"
);

/// 1,590 emoji.
pub(super) const FLUENT_EMOJI64: Entry<dyn Maker> = sheet!(
    "fluent-emoji64",
    "Fluent emoji",
    "1,590 flat emoji, 64×64, transparent; few enough for a model to learn by heart",
    "MIT, Microsoft Corporation"
);

/// 433 slices of a brain template.
pub(super) const BRAIN_SLICES64: Entry<dyn Maker> = sheet!(
    "brain-slices64",
    "Brain slices",
    "433 slices of one averaged brain, 64×64, grey; the class is the direction of the cut",
    "free with copyright notice, McConnell Brain Imaging Centre, McGill University"
);

/// A sheet and its description as they lie in `assets/data`.
struct Sheet {
    name: &'static str,
    png: &'static [u8],
    about: &'static str,
}

/// What the JSON beside a sheet says; licence and origin stand there too, for people.
#[derive(Deserialize)]
struct About {
    count: usize,
    height: usize,
    width: usize,
    channels: usize,
    columns: usize,
    classes: Vec<String>,
    labels: Vec<u32>,
}

impl Maker for Sheet {
    fn make(&self, recipe: &DataRecipe, _: u64, progress: &Progress) -> Result<Content, DataError> {
        let broken = |why: String| DataError::Format {
            file: format!("{}.png", self.name),
            why,
        };
        let about: About = serde_json::from_str(self.about).map_err(|e| broken(e.to_string()))?;
        let sheet = picture::decode(Cursor::new(self.png)).map_err(broken)?;
        let cells = about.cut(self.name, &picture::raw(sheet, about.channels));
        let pictures = picture::assemble(&cells, &Look::new(recipe)?, progress)?;
        Ok(pictures.labelled(about.classes, &about.labels))
    }
}

impl About {
    /// The pictures one after the other, from the sheet's rows.
    fn cut(&self, name: &str, sheet: &[u8]) -> Cells {
        let row = self.width * self.channels;
        let stride = row * self.columns;
        let mut bytes = Vec::with_capacity(self.count * self.height * row);
        for i in 0..self.count {
            let corner = i / self.columns * self.height * stride + i % self.columns * row;
            for y in 0..self.height {
                let start = corner + y * stride;
                bytes.extend_from_slice(&sheet[start..start + row]);
            }
        }
        Cells {
            from: name.into(),
            height: self.height,
            width: self.width,
            channels: self.channels,
            bytes,
        }
    }
}
