//! The U-Net of diffusers' `UNet2DModel`: its layout, its parameter names, its configuration.

use super::{Graph, NetBuilder};
use crate::math::{Domain, Entry, Param, Params, SpecError};

mod blocks;
pub mod config;

pub use blocks::graph;
pub use config::Config;
use config::{DownBlock, SampleSize, TimeScaleShift, UpBlock};

/// A U-Net from a preset, from single numbers, or from a configuration of diffusers.
pub const ENTRY: Entry<dyn NetBuilder> = Entry {
    id: "unet",
    label: "U-Net",
    help: "Residual blocks on several scales with skip connections; diffusers' UNet2DModel",
    source: "arXiv:2006.11239",
    params: &[
        Param::choice(
            "preset",
            &["tiny", "small", "base"],
            "Size of the network, fitted to the pictures",
        ),
        Param::int(
            "base-channels",
            0,
            1024,
            0,
            "Channels of the finest level; 0 takes the preset's",
        ),
        Param::text(
            "multipliers",
            "",
            "Channels of each level as multiples of the first, as in 1-2-2",
        ),
        Param::int("layers", 0, 8, 0, "Residual blocks per level; 0 takes the preset's"),
        Param::text(
            "attention",
            "",
            "Levels with self-attention counted from 0, as in 1-2, or none",
        ),
        Param::int("groups", 0, 256, 0, "Groups of the norms; 0 takes the preset's"),
        Param::int(
            "head-dim",
            0,
            1024,
            0,
            "Channels of an attention head; 0 takes the preset's",
        ),
        Param::flag(
            "time-scale-shift",
            false,
            "The time scales and shifts instead of being added",
        ),
        Param::text(
            "config",
            "",
            "config.json of a UNet2DModel, instead of all other parameters",
        ),
    ],
    build: |p| Ok(Box::new(UNet { params: p.clone() })),
};

#[derive(Debug)]
struct UNet {
    params: Params,
}

impl NetBuilder for UNet {
    fn graph(&self, domain: Domain, classes: Option<usize>) -> Result<Graph, SpecError> {
        graph(&self.config(domain, classes)?, domain)
    }

    fn diffusers_config(&self, domain: Domain, classes: Option<usize>) -> Result<Option<Config>, SpecError> {
        self.config(domain, classes).map(Some)
    }
}

/// The shape of a preset before it is fitted to the pictures.
struct Plan {
    base: usize,
    multipliers: Vec<usize>,
    layers: usize,
    /// Levels with self-attention.
    attention: Vec<usize>,
    groups: usize,
    head_dim: usize,
}

impl UNet {
    fn config(&self, domain: Domain, classes: Option<usize>) -> Result<Config, SpecError> {
        let Domain::Image {
            channels,
            height,
            width,
        } = domain
        else {
            let fault = "the U-Net (unet) works on pictures; choose mlp for points";
            return Err(SpecError::Impossible(fault.into()));
        };
        let sample_size = if height == width {
            SampleSize::Square(height)
        } else {
            SampleSize::Rectangle([height, width])
        };
        let given = self.params.text("config");
        let config = if given.is_empty() {
            self.plan(height, width)?
                .config(channels, self.params.flag("time-scale-shift"))
        } else {
            Config::from_json(given)?
        };
        let config = Config {
            sample_size: Some(sample_size),
            num_class_embeds: classes,
            ..config
        };
        config.check()?;
        Ok(config)
    }

    /// The preset with the numbers that were given put in their places.
    fn plan(&self, height: usize, width: usize) -> Result<Plan, SpecError> {
        let p = &self.params;
        let mut plan = preset(p.text("preset"), height, width);
        let multipliers = numbers("multipliers", p.text("multipliers"))?;
        if !multipliers.is_empty() {
            plan.multipliers = multipliers;
            plan.attention = vec![plan.multipliers.len() - 1];
        }
        match p.text("attention") {
            "" => {}
            "none" => plan.attention.clear(),
            levels => plan.attention = numbers("attention", levels)?,
        }
        let or = |given: usize, preset: usize| if given == 0 { preset } else { given };
        plan.base = or(p.count("base-channels"), plan.base);
        plan.layers = or(p.count("layers"), plan.layers);
        plan.groups = or(p.count("groups"), plan.groups);
        plan.head_dim = or(p.count("head-dim"), plan.head_dim);
        match plan.attention.iter().find(|&&level| level >= plan.multipliers.len()) {
            None => Ok(plan),
            Some(level) => Err(SpecError::Impossible(format!(
                "attention at level {level}, but the U-Net has only {} levels, counted from 0",
                plan.multipliers.len()
            ))),
        }
    }
}

/// A preset's shape for pictures of this size: as many of its levels as the sides can be halved, with attention where
/// at most 8x8 pixels are left.
fn preset(name: &str, height: usize, width: usize) -> Plan {
    let (base, multipliers, layers): (usize, &[usize], usize) = match name {
        "base" => (64, &[1, 2, 2, 2], 2),
        "small" => (32, &[1, 2, 2, 4], 2),
        _ if height * width <= 64 => (32, &[1, 2], 1),
        _ => (16, &[1, 2, 2, 4], 1),
    };
    let levels = levels(height, width).min(multipliers.len());
    let small = |level: usize| (height >> level) * (width >> level) <= 64;
    Plan {
        base,
        multipliers: multipliers[..levels].to_vec(),
        layers,
        attention: (0..levels).filter(|&level| level > 0 && small(level)).collect(),
        groups: 8,
        head_dim: 8,
    }
}

/// Levels of a U-Net whose coarsest has at least 4 pixels a side: 28 → 14 → 7 are three.
fn levels(height: usize, width: usize) -> usize {
    let side = height.min(width);
    let halvings = height.trailing_zeros().min(width.trailing_zeros()) as usize;
    1 + (0..halvings).take_while(|&done| side >> (done + 1) >= 4).count()
}

impl Plan {
    fn config(&self, channels: usize, scale_shift: bool) -> Config {
        let levels = self.multipliers.len();
        let down = (0..levels).map(|level| match self.attention.contains(&level) {
            true => DownBlock::Attention,
            false => DownBlock::Plain,
        });
        let up = (0..levels).rev().map(|level| match self.attention.contains(&level) {
            true => UpBlock::Attention,
            false => UpBlock::Plain,
        });
        Config {
            in_channels: channels,
            out_channels: channels,
            down_block_types: down.collect(),
            up_block_types: up.collect(),
            block_out_channels: self.multipliers.iter().map(|m| m * self.base).collect(),
            layers_per_block: self.layers,
            attention_head_dim: Some(self.head_dim),
            norm_num_groups: self.groups,
            add_attention: !self.attention.is_empty(),
            resnet_time_scale_shift: if scale_shift {
                TimeScaleShift::ScaleShift
            } else {
                TimeScaleShift::Default
            },
            ..Config::default()
        }
    }
}

/// Reads numbers joined by hyphens; nothing is an empty list.
fn numbers(param: &'static str, text: &str) -> Result<Vec<usize>, SpecError> {
    let bad = || SpecError::BadValue {
        param,
        found: text.into(),
        expected: "small whole numbers joined by hyphens, as in 1-2-2".into(),
    };
    let parts = text.split('-').filter(|_| !text.is_empty());
    parts
        .map(|part| part.trim().parse().ok().filter(|n| *n <= 64).ok_or_else(bad))
        .collect()
}
