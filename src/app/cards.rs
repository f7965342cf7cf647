//! The pictures of the start screen's cards: real samples drowned in noise, in closed form, from noise to data.

use std::sync::LazyLock;

use crossbeam_channel::{Receiver, unbounded};
use eframe::egui::Context;

use super::catalogue;
use crate::{
    data::{self, DataRecipe, Progress},
    draw::noising::noised,
    files::Recipe,
    math::{Frame, Level, Value},
};

/// Frames of a card's animation.
pub const FRAMES: usize = 32;

/// Pictures on a card.
const PICTURES: usize = 12;

/// Points on a card.
const POINTS: usize = 420;

/// A card of the start screen.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// What is learned.
    pub source: &'static str,
    /// Why one would.
    pub text: &'static str,
}

/// The recipe of each card, in their order.
pub static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
    Card::ALL
        .iter()
        .map(|card| catalogue::recipe_for(card.source))
        .collect()
});

impl Card {
    /// All of them, quickest first.
    pub const ALL: &[Self] = &[
        Self {
            source: "moons",
            text: "Points; the quickest start",
        },
        Self {
            source: "swiss-roll",
            text: "Points on a spiral band",
        },
        Self {
            source: "digits8x8",
            text: "Handwritten, 8×8 pixels",
        },
        Self {
            source: "pixel-avatars16",
            text: "Pixel-art faces in colour",
        },
        Self {
            source: "fashion-mnist",
            text: "Clothes, 28×28 pixels",
        },
    ];
}

/// Animations that are there, and those on their way.
#[derive(Debug, Default)]
pub struct CardArt {
    /// All frames of each card; empty while on its way.
    films: Vec<Vec<Frame>>,
    coming: Option<Receiver<(usize, Vec<Frame>)>>,
    begun: bool,
}

impl CardArt {
    /// Begins to make the animations on a thread of its own, once, and takes in those that are ready.
    pub fn begin(&mut self, ctx: &Context) {
        if !self.begun {
            self.begun = true;
            self.films.resize_with(Card::ALL.len(), Vec::new);
            let (send, coming) = unbounded();
            let ctx = ctx.clone();
            let work = move || {
                for (i, card) in Card::ALL.iter().enumerate() {
                    if send.send((i, film(card.source))).is_err() {
                        return;
                    }
                    ctx.request_repaint();
                }
            };
            // Without a thread the cards stay without pictures, and everything works.
            self.coming = std::thread::Builder::new()
                .name("cards".into())
                .spawn(work)
                .is_ok()
                .then_some(coming);
        }
        let ready = self.coming.iter().flat_map(|c| c.try_iter().collect::<Vec<_>>());
        for (i, film) in ready.collect::<Vec<_>>() {
            self.films[i] = film;
        }
    }

    /// Whether there is no animation yet.
    pub fn is_empty(&self) -> bool {
        self.films.iter().all(Vec::is_empty)
    }

    /// A frame of a card.
    pub fn get(&self, card: usize, frame: usize) -> Option<&Frame> {
        self.films.get(card)?.get(frame)
    }
}

/// A card's animation; empty when its data cannot be read.
fn film(source: &str) -> Vec<Frame> {
    let mut recipe = DataRecipe {
        source: source.into(),
        ..DataRecipe::default()
    };
    if catalogue::is_points(source) {
        recipe.params.insert("count".into(), Value::Int(POINTS as i64));
    }
    let Ok(data) = data::load(&recipe, 1, &Progress::default()) else {
        return Vec::new();
    };
    let count = if catalogue::is_points(source) { POINTS } else { PICTURES };
    let chosen: Vec<usize> = (0..count.min(data.count))
        .map(|i| i * data.count / count.min(data.count))
        .collect();
    let clean = data.frame(&chosen);
    (0..FRAMES).map(|i| noised(&clean, level(i), 3)).collect()
}

/// Noise falls evenly in the angle whose cosine is alpha, as in the cosine schedule.
fn level(frame: usize) -> Level {
    let left = 1.0 - frame as f64 / (FRAMES - 1) as f64;
    let (sigma, alpha) = (left * std::f64::consts::FRAC_PI_2).sin_cos();
    Level { t: left, alpha, sigma }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_run_from_noise_to_the_data() {
        let (first, last) = (level(0), level(FRAMES - 1));
        assert!(first.alpha.abs() < 1e-12 && first.sigma == 1.0);
        assert!(last.alpha == 1.0 && last.sigma == 0.0);
        for card in Card::ALL {
            let film = film(card.source);
            assert_eq!(film.len(), FRAMES, "{}", card.source);
            assert_ne!(film[0], film[FRAMES - 1]);
        }
    }
}
