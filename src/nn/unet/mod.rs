//! The U-Net of diffusers' `UNet2DModel`: its layout, its parameter names, its configuration.

use super::{
    Graph, NetBuilder, VARIANCE,
    presets::{Preset, Shape},
};
use crate::math::{Domain, Entry, Param, Params, SpecError};

mod blocks;
pub mod config;

pub use blocks::{graph, unshuffled};
pub use config::Config;
use config::{DownBlock, SampleSize, TimeScaleShift, UpBlock};

/// Shown where a number is left to the preset.
const OF_PRESET: &str = "by preset";

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
        )
        .or_else(OF_PRESET),
        Param::text(
            "multipliers",
            "",
            "Channels of each level as multiples of the first, as in 1-2-2",
        )
        .or_else(OF_PRESET),
        Param::int("layers", 0, 8, 0, "Residual blocks per level; 0 takes the preset's").or_else(OF_PRESET),
        Param::text(
            "attention",
            "",
            "Levels with self-attention counted from 0, as in 1-2, or none",
        )
        .or_else(OF_PRESET),
        Param::int("groups", 0, 256, 0, "Groups of the norms; 0 takes the preset's").or_else(OF_PRESET),
        Param::int(
            "head-dim",
            0,
            1024,
            0,
            "Channels of an attention head; 0 takes the preset's",
        )
        .or_else(OF_PRESET),
        Param::flag(
            "time-scale-shift",
            false,
            "The time scales and shifts instead of being added",
        ),
        Param::flag(
            "unshuffle",
            false,
            "Blocks of 2x2 pixels become channels: four times fewer pixels to work on, coarser detail",
        ),
        VARIANCE,
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
        if self.params.flag("unshuffle") {
            unshuffled(&self.config(blocks::halved(domain)?, classes)?, domain)
        } else {
            graph(&self.config(domain, classes)?, domain)
        }
    }

    fn diffusers_config(&self, domain: Domain, classes: Option<usize>) -> Result<Option<Config>, SpecError> {
        // diffusers' U-Net has no such stem.
        let plain = !self.params.flag("unshuffle");
        plain.then(|| self.config(domain, classes)).transpose()
    }
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
        let time = if self.params.flag("time-scale-shift") {
            TimeScaleShift::ScaleShift
        } else {
            TimeScaleShift::Default
        };
        let config = match self.params.text("config") {
            "" => Config {
                out_channels: if self.params.flag(VARIANCE.id) {
                    2 * channels
                } else {
                    channels
                },
                ..config(&self.shape(height, width)?, channels, time)
            },
            json => Config::from_json(json)?,
        };
        let config = Config {
            sample_size: Some(sample_size),
            num_class_embeds: classes,
            ..config
        };
        config.check()?;
        Ok(config)
    }

    /// The preset's shape with the numbers that were given put in their places.
    fn shape(&self, height: usize, width: usize) -> Result<Shape, SpecError> {
        let p = &self.params;
        let preset = Preset::find(p.text("preset")).unwrap_or(Preset::Tiny);
        let mut shape = preset.shape(height, width);
        let multipliers = numbers("multipliers", p.text("multipliers"))?;
        if !multipliers.is_empty() {
            shape.attention = vec![multipliers.len() - 1];
            shape.multipliers = multipliers;
        }
        match p.text("attention") {
            "" => {}
            "none" => shape.attention.clear(),
            levels => shape.attention = numbers("attention", levels)?,
        }
        let or = |given: usize, preset: usize| if given == 0 { preset } else { given };
        shape.base = or(p.count("base-channels"), shape.base);
        shape.layers = or(p.count("layers"), shape.layers);
        shape.groups = or(p.count("groups"), shape.groups);
        shape.head_dim = or(p.count("head-dim"), shape.head_dim);
        let levels = shape.multipliers.len();
        match shape.attention.iter().find(|&&level| level >= levels) {
            None => Ok(shape),
            Some(level) => Err(SpecError::Impossible(format!(
                "attention at level {level}, but the U-Net has {levels} levels, counted from 0"
            ))),
        }
    }
}

/// A shape in diffusers' words.
fn config(shape: &Shape, channels: usize, time: TimeScaleShift) -> Config {
    let attends = |level: usize| shape.attention.contains(&level);
    let down = |level| {
        if attends(level) {
            DownBlock::Attention
        } else {
            DownBlock::Plain
        }
    };
    let up = |level| {
        if attends(level) {
            UpBlock::Attention
        } else {
            UpBlock::Plain
        }
    };
    let levels = 0..shape.multipliers.len();
    Config {
        in_channels: channels,
        out_channels: channels,
        down_block_types: levels.clone().map(down).collect(),
        up_block_types: levels.rev().map(up).collect(),
        block_out_channels: shape.multipliers.iter().map(|m| m * shape.base).collect(),
        layers_per_block: shape.layers,
        attention_head_dim: Some(shape.head_dim),
        norm_num_groups: shape.groups,
        add_attention: !shape.attention.is_empty(),
        resnet_time_scale_shift: time,
        ..Config::default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        math::{Spec, Value},
        nn::build,
    };

    fn made(side: usize, values: &[(&str, Value)]) -> Result<Config, SpecError> {
        let unet = Spec::new("unet");
        let spec = values
            .iter()
            .fold(unet, |spec, (key, value)| spec.with(key, value.clone()));
        let domain = Domain::Image {
            channels: 3,
            height: side,
            width: side,
        };
        let config = build(&spec)?.diffusers_config(domain, Some(5))?;
        Ok(config.unwrap())
    }

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn single_numbers_replace_those_of_the_preset() {
        let config = made(
            32,
            &[
                ("multipliers", text("1-3")),
                ("base-channels", Value::Int(40)),
                ("attention", text("0-1")),
                ("time-scale-shift", Value::Flag(true)),
            ],
        )
        .unwrap();
        assert_eq!(config.block_out_channels, [40, 120]);
        assert_eq!(config.down_block_types, [DownBlock::Attention; 2]);
        assert_eq!(config.resnet_time_scale_shift, TimeScaleShift::ScaleShift);
        assert_eq!((config.num_class_embeds, config.in_channels), (Some(5), 3));
        assert_eq!(config.sample_size, Some(SampleSize::Square(32)));
    }

    #[test]
    fn a_config_of_diffusers_replaces_all_parameters() {
        let tiny = made(16, &[]).unwrap();
        let same = made(
            16,
            &[("config", text(&tiny.to_json().unwrap())), ("layers", Value::Int(3))],
        );
        assert_eq!(same.unwrap(), tiny);
    }

    #[test]
    fn unshuffled_pictures_are_worked_on_at_half_the_size() {
        let spec = Spec::new("unet").with("unshuffle", Value::Flag(true));
        let image = |side| Domain::Image {
            channels: 3,
            height: side,
            width: side,
        };
        let made = super::super::graph(&spec, image(32), None).unwrap();
        assert_eq!(made.nodes[made.output.0].shape, crate::nn::Shape::Map(3, 32, 32));
        let first = made.params.iter().find(|p| p.name == "conv_in.weight").unwrap();
        assert_eq!(first.shape, [24, 12, 3, 3]);
        assert_eq!(build(&spec).unwrap().diffusers_config(image(32), None), Ok(None));
        let fault = super::super::graph(&spec, image(7), None).unwrap_err().to_string();
        assert!(fault.contains("two by two") && fault.contains("7 x 7"), "{fault}");
    }

    #[test]
    fn impossible_wishes_are_refused_with_a_reason() {
        let fault = |side, key, value| {
            let spec = Spec::new("unet").with(key, value);
            let domain = Domain::Image {
                channels: 1,
                height: side,
                width: side,
            };
            super::super::graph(&spec, domain, None).unwrap_err().to_string()
        };
        assert!(fault(28, "multipliers", text("1-2-2-4")).contains("divisible by 8"));
        assert!(fault(28, "multipliers", text("1-x")).contains("1-2-2"));
        assert!(fault(28, "attention", text("7")).contains("level 7"));
        assert!(fault(28, "groups", Value::Int(7)).contains("7 groups"));
        assert!(fault(28, "head-dim", Value::Int(5)).contains("heads of 5"));
    }
}
