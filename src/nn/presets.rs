//! Networks and settings that suit the data, before anything is measured.

use crate::math::{Domain, Spec, Value};

/// Size of a U-Net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preset {
    /// Learns small pictures in minutes on two cores.
    Tiny,
    /// Sharper pictures in an hour or so.
    Small,
    /// For many cores or a graphics card.
    Base,
}

impl Preset {
    /// All presets, smallest first.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Small, Self::Base];

    /// The word in recipes.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Base => "base",
        }
    }

    /// The preset of that name.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.id() == id)
    }

    /// The preset for so many pictures: a larger network only learns few pictures by heart.
    pub fn for_count(count: usize) -> Self {
        match count {
            0..100_000 => Self::Tiny,
            100_000..1_000_000 => Self::Small,
            _ => Self::Base,
        }
    }

    /// The shape of a U-Net for pictures of this size.
    pub fn shape(self, height: usize, width: usize) -> Shape {
        let (base, layers) = match (self, height * width) {
            (Self::Tiny, ..=64) => (32, 1),
            (Self::Tiny, 65..=256) => (24, 1),
            (Self::Tiny, _) => (16, 1),
            (Self::Small, _) => (32, 2),
            (Self::Base, _) => (64, 2),
        };
        let multipliers: &[usize] = match levels(height, width) {
            1 => &[1],
            2 => &[1, 2],
            3 => &[1, 2, 2],
            _ => &[1, 2, 4, 4],
        };
        let few_pixels = |level: &usize| (height >> level) * (width >> level) <= 64;
        Shape {
            base,
            multipliers: multipliers.to_vec(),
            layers,
            attention: (1..multipliers.len()).filter(few_pixels).collect(),
            groups: 8,
            head_dim: 8,
        }
    }
}

/// The numbers that a U-Net is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the finest level.
    pub base: usize,
    /// Channels of each level as multiples of the first.
    pub multipliers: Vec<usize>,
    /// Residual blocks per level on the way down.
    pub layers: usize,
    /// Levels with self-attention, counted from 0.
    pub attention: Vec<usize>,
    /// Groups of the norms.
    pub groups: usize,
    /// Channels of an attention head.
    pub head_dim: usize,
}

/// Levels by divisibility, down to about 8 pixels a side (28 → 14 → 7 are three), at most four. Pictures that are as small
/// as that are halved once.
fn levels(height: usize, width: usize) -> usize {
    let side = height.min(width);
    let halvings = height.trailing_zeros().min(width.trailing_zeros()) as usize;
    let worth_it = |done: &usize| side >> (done + 1) >= 7 || (*done == 0 && side >= 4);
    1 + (0..halvings.min(3)).take_while(worth_it).count()
}

/// What a run starts with when nothing else is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The network.
    pub net: Spec,
    /// Samples per step.
    pub batch: usize,
    /// Learning rate.
    pub lr: f64,
    /// Training steps until finished.
    pub steps: u64,
    /// Largest decay of the averaged weights.
    pub ema_decay: f64,
    /// Training steps until samples can be recognised, by experience with the bundled data.
    pub steps_to_samples: u64,
}

/// Settings for `count` samples of `domain`. The preset matters to pictures only.
pub fn suggest(domain: Domain, count: usize, preset: Preset) -> Suggestion {
    match domain {
        Domain::Points => Suggestion {
            net: Spec::new("mlp"),
            batch: 512.min(count.max(1)),
            lr: 1e-3,
            steps: 6_000,
            ema_decay: 0.995,
            steps_to_samples: 1_500,
        },
        Domain::Image { height, width, .. } => pictures(height * width, count, preset),
    }
}

fn pictures(pixels: usize, count: usize, preset: Preset) -> Suggestion {
    let batch = match (preset, pixels) {
        (Preset::Tiny, ..=64) | (Preset::Small | Preset::Base, ..=784) => 64,
        // 1500 steps in ten minutes on two cores even with the reference executor.
        (Preset::Tiny, 65..=256) => 24,
        (_, ..=1024) => 32,
        (Preset::Tiny | Preset::Small, _) => 16,
        (Preset::Base, _) => 8,
    };
    let (lr, steps, ema_decay) = match preset {
        Preset::Tiny => (1e-3, 10_000, 0.995),
        Preset::Small => (5e-4, 30_000, 0.999),
        Preset::Base => (2e-4, 100_000, 0.9995),
    };
    Suggestion {
        net: Spec::new("unet").with("preset", Value::Text(preset.id().into())),
        batch: batch.min(count.max(1)),
        lr,
        steps,
        ema_decay,
        steps_to_samples: steps / 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::graph;

    fn image(channels: usize, side: usize) -> Domain {
        Domain::Image {
            channels,
            height: side,
            width: side,
        }
    }

    #[test]
    fn levels_follow_divisibility() {
        let found = [8, 16, 28, 32, 64, 7, 30, 2].map(|side| levels(side, side));
        assert_eq!(found, [2, 2, 3, 3, 4, 1, 2, 1]);
        assert_eq!(levels(64, 28), 3);
    }

    #[test]
    fn every_preset_makes_a_network_for_every_size() {
        for (preset, side, channels) in Preset::ALL.into_iter().flat_map(|p| {
            [
                (p, 8, 1),
                (p, 16, 3),
                (p, 28, 1),
                (p, 32, 3),
                (p, 64, 1),
                (p, 7, 1),
                (p, 30, 3),
            ]
        }) {
            let suggestion = suggest(image(channels, side), 1_000, preset);
            let made = graph(&suggestion.net, image(channels, side), Some(4));
            assert!(made.is_ok(), "{preset:?} {side}: {made:?}");
        }
    }

    #[test]
    fn small_and_base_are_the_standard_cases() {
        // The cases rgb16, gray28, rgb32 and rgb64 of the benchmark against PyTorch.
        let shape = |preset: Preset, side| {
            let Shape {
                base,
                multipliers,
                layers,
                attention,
                ..
            } = preset.shape(side, side);
            let widths: Vec<usize> = multipliers.iter().map(|m| m * base).collect();
            (widths, layers, attention)
        };
        assert_eq!(shape(Preset::Small, 16), (vec![32, 64], 2, vec![1]));
        assert_eq!(shape(Preset::Small, 28), (vec![32, 64, 64], 2, vec![2]));
        assert_eq!(shape(Preset::Base, 32), (vec![64, 128, 128], 2, vec![2]));
        assert_eq!(shape(Preset::Small, 64), (vec![32, 64, 128, 128], 2, vec![3]));
    }

    #[test]
    fn a_batch_is_not_larger_than_the_data() {
        assert_eq!(suggest(image(3, 16), 5, Preset::Tiny).batch, 5);
        assert_eq!(suggest(Domain::Points, 0, Preset::Tiny).batch, 1);
    }

    #[test]
    fn ids_are_found() {
        assert!(Preset::ALL.into_iter().all(|p| Preset::find(p.id()) == Some(p)));
        assert_eq!(Preset::find("huge"), None);
    }
}
