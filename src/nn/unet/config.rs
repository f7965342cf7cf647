//! The configuration of diffusers' `UNet2DModel`, which is also ours: what it writes we read, what we write it reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::math::{Domain, SpecError};

/// `config.json` of a `UNet2DModel`. Keys that are left out have diffusers' defaults; see [`Config::from_json`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pixels; only a remark, since a U-Net takes any size that its levels divide.
    pub sample_size: Option<SampleSize>,
    /// Channels of `x`.
    pub in_channels: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// The network sees `2 x - 1`.
    pub center_input_sample: bool,
    /// How the time is told.
    pub time_embedding_type: TimeEmbedding,
    /// Length of the embedded time; `None`: four times the first level's channels.
    pub time_embedding_dim: Option<usize>,
    /// Shift in the exponent of the sinusoidal frequencies.
    pub freq_shift: f64,
    /// Cosines before sines.
    pub flip_sin_to_cos: bool,
    /// Down blocks from the finest level to the coarsest.
    pub down_block_types: Vec<DownBlock>,
    /// The block between; `None` leaves it out.
    pub mid_block_type: Option<MidBlock>,
    /// Up blocks from the coarsest level to the finest.
    pub up_block_types: Vec<UpBlock>,
    /// Channels of each level.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of each down block; up blocks have one more.
    pub layers_per_block: usize,
    /// Sums in the middle are divided by this.
    pub mid_block_scale_factor: f64,
    /// 1: padding on all sides before halving; 0: on the right and at the bottom.
    pub downsample_padding: usize,
    /// How attention blocks halve.
    pub downsample_type: Resampling,
    /// How attention blocks double.
    pub upsample_type: Resampling,
    /// Share of values dropped in training. Kept for the exchange; this program trains without dropout.
    pub dropout: f64,
    /// The function between layers.
    pub act_fn: ActFn,
    /// Channels of an attention head; `None`: a single head.
    pub attention_head_dim: Option<usize>,
    /// Groups of the group norms.
    pub norm_num_groups: usize,
    /// Groups of the norm before the middle's attention; `None`: `norm_num_groups`, or no norm with `scale_shift`.
    pub attn_norm_num_groups: Option<usize>,
    /// Added to the variance in group norms.
    pub norm_eps: f64,
    /// How the time enters residual blocks.
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Self-attention in the middle.
    pub add_attention: bool,
    /// Other kinds of class embedding than a table; only `None` is supported.
    pub class_embed_type: Option<String>,
    /// Rows of the class embedding.
    pub num_class_embeds: Option<usize>,
    /// Only meant for learned time embeddings, which are not supported; kept for the exchange.
    pub num_train_timesteps: Option<usize>,
}

/// One side of a square, or height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SampleSize {
    /// Both sides.
    Square(usize),
    /// Height and width.
    Rectangle([usize; 2]),
}

/// How the time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeEmbedding {
    /// Sinusoidal features.
    Positional,
    /// Random Fourier features of the logarithm; the result is divided by the time.
    Fourier,
}

/// A down block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlock {
    /// Residual blocks, halved by a convolution.
    #[serde(rename = "DownBlock2D")]
    Plain,
    /// The same with self-attention after each.
    #[serde(rename = "AttnDownBlock2D")]
    Attention,
    /// Residual blocks, halved by a residual block.
    #[serde(rename = "ResnetDownsampleBlock2D")]
    Resnet,
}

/// The block between the way down and the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MidBlock {
    /// Two residual blocks around self-attention.
    #[serde(rename = "UNetMidBlock2D")]
    Standard,
}

/// An up block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlock {
    /// Residual blocks, doubled by nearest neighbours and a convolution.
    #[serde(rename = "UpBlock2D")]
    Plain,
    /// The same with self-attention after each.
    #[serde(rename = "AttnUpBlock2D")]
    Attention,
    /// Residual blocks, doubled by a residual block.
    #[serde(rename = "ResnetUpsampleBlock2D")]
    Resnet,
}

/// How attention blocks change the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// A convolution.
    Conv,
    /// A residual block.
    Resnet,
}

/// The function between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActFn {
    /// `x sigmoid(x)`.
    #[serde(alias = "swish")]
    Silu,
    /// `x tanh(ln(1 + e^x))`.
    Mish,
    /// `x Phi(x)`.
    Gelu,
    /// `max(x, 0)`.
    Relu,
}

/// How the time enters residual blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeScaleShift {
    /// Added before the second norm.
    Default,
    /// Scales and shifts after the second norm.
    ScaleShift,
}

impl Default for Config {
    /// diffusers' defaults.
    fn default() -> Self {
        use {DownBlock as Down, UpBlock as Up};
        Self {
            sample_size: None,
            in_channels: 3,
            out_channels: 3,
            center_input_sample: false,
            time_embedding_type: TimeEmbedding::Positional,
            time_embedding_dim: None,
            freq_shift: 0.0,
            flip_sin_to_cos: true,
            down_block_types: vec![Down::Plain, Down::Attention, Down::Attention, Down::Attention],
            mid_block_type: Some(MidBlock::Standard),
            up_block_types: vec![Up::Attention, Up::Attention, Up::Attention, Up::Plain],
            block_out_channels: vec![224, 448, 672, 896],
            layers_per_block: 2,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            downsample_type: Resampling::Conv,
            upsample_type: Resampling::Conv,
            dropout: 0.0,
            act_fn: ActFn::Silu,
            attention_head_dim: Some(8),
            norm_num_groups: 32,
            attn_norm_num_groups: None,
            norm_eps: 1e-5,
            resnet_time_scale_shift: TimeScaleShift::Default,
            add_attention: true,
            class_embed_type: None,
            num_class_embeds: None,
            num_train_timesteps: None,
        }
    }
}

impl Config {
    /// Reads `config.json`. Keys beginning with an underscore are remarks, except that `_class_name`, where given, must
    /// be `UNet2DModel`. Unknown keys and values that this program does not support are refused by name.
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        let fault = |e: serde_json::Error| SpecError::Impossible(format!("config of a UNet2DModel: {e}"));
        let mut keys: Map<String, Value> = serde_json::from_str(text).map_err(fault)?;
        if let Some(class) = keys.get("_class_name").filter(|class| *class != "UNet2DModel") {
            let text = format!("the config describes a {class}; only \"UNet2DModel\" is supported");
            return Err(SpecError::Impossible(text));
        }
        keys.retain(|key, _| !key.starts_with('_'));
        let config: Self = serde_json::from_value(Value::Object(keys)).map_err(fault)?;
        config.check()?;
        Ok(config)
    }

    /// Writes `config.json` for diffusers.
    pub fn to_json(&self) -> Result<String, SpecError> {
        let fault = |e: serde_json::Error| SpecError::Impossible(format!("config of a UNet2DModel: {e}"));
        let mut value = serde_json::to_value(self).map_err(fault)?;
        if let Value::Object(keys) = &mut value {
            keys.insert("_class_name".into(), "UNet2DModel".into());
            keys.insert("_diffusers_version".into(), "0.42.1".into());
        }
        serde_json::to_string_pretty(&value).map_err(fault)
    }

    /// What `x` is for this network at its remarked size; `None` where the config has no size.
    pub fn domain(&self) -> Option<Domain> {
        let [height, width] = match self.sample_size? {
            SampleSize::Square(side) => [side; 2],
            SampleSize::Rectangle(sides) => sides,
        };
        Some(Domain::Image {
            channels: self.in_channels,
            height,
            width,
        })
    }

    /// Length of the embedded time.
    pub fn time_dim(&self) -> usize {
        let first = self.block_out_channels.first().copied().unwrap_or_default();
        self.time_embedding_dim.unwrap_or(4 * first)
    }

    /// Groups of the norm before the middle's attention.
    pub fn mid_attention_groups(&self) -> Option<usize> {
        let default = match self.resnet_time_scale_shift {
            TimeScaleShift::Default => Some(self.norm_num_groups),
            TimeScaleShift::ScaleShift => None,
        };
        self.attn_norm_num_groups.or(default)
    }

    /// Whether the parts go together; sizes are bounded so that a made-up file cannot ask for absurd memory.
    pub fn check(&self) -> Result<(), SpecError> {
        let levels = self.block_out_channels.len();
        let rules = [
            (
                (1..=12).contains(&levels)
                    && self.down_block_types.len() == levels
                    && self.up_block_types.len() == levels,
                "block_out_channels, down_block_types and up_block_types must have the same length, 1 to 12",
            ),
            (
                self.block_out_channels.iter().all(|c| (1..=8192).contains(c)),
                "block_out_channels must be from 1 to 8192",
            ),
            (
                (1..=64).contains(&self.in_channels) && (1..=64).contains(&self.out_channels),
                "in_channels and out_channels must be from 1 to 64",
            ),
            (
                (1..=16).contains(&self.layers_per_block),
                "layers_per_block must be from 1 to 16",
            ),
            (
                (1..=65536).contains(&self.time_dim()),
                "time_embedding_dim must be from 1 to 65536",
            ),
            (
                self.num_class_embeds.is_none_or(|n| (1..=1 << 20).contains(&n)),
                "num_class_embeds must be from 1 to 1048576",
            ),
            (self.class_embed_type.is_none(), "class_embed_type must be null"),
            (self.downsample_padding <= 1, "downsample_padding must be 0 or 1"),
            (
                self.mid_block_scale_factor.is_normal() && self.mid_block_scale_factor > 0.0,
                "mid_block_scale_factor must be positive",
            ),
            (
                self.norm_eps.is_finite() && self.norm_eps > 0.0,
                "norm_eps must be positive",
            ),
            (
                (0.0..1.0).contains(&self.dropout),
                "dropout must be from 0 to less than 1",
            ),
            ((0.0..=1.0).contains(&self.freq_shift), "freq_shift must be from 0 to 1"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, fault)) => Err(SpecError::Impossible(format!("config of a UNet2DModel: {fault}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let config = Config {
            sample_size: Some(SampleSize::Rectangle([8, 16])),
            num_class_embeds: Some(11),
            act_fn: ActFn::Mish,
            resnet_time_scale_shift: TimeScaleShift::ScaleShift,
            ..Config::default()
        };
        let text = config.to_json().unwrap();
        assert!(text.contains("\"_class_name\": \"UNet2DModel\""));
        assert_eq!(Config::from_json(&text).unwrap(), config);
    }

    #[test]
    fn left_out_keys_have_the_defaults_of_diffusers() {
        assert_eq!(Config::from_json("{}").unwrap(), Config::default());
        assert_eq!(Config::from_json(r#"{"act_fn": "swish"}"#).unwrap().act_fn, ActFn::Silu);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (text, named) in [
            (r#"{"learn_sigma": true}"#, "learn_sigma"),
            (r#"{"down_block_types": ["SkipDownBlock2D"]}"#, "SkipDownBlock2D"),
            (r#"{"time_embedding_type": "learned"}"#, "learned"),
            (r#"{"class_embed_type": "timestep"}"#, "class_embed_type"),
            (r#"{"block_out_channels": [8]}"#, "block_out_channels"),
            (r#"{"block_out_channels": [1000000000, 8, 8, 8]}"#, "block_out_channels"),
            (r#"{"mid_block_scale_factor": 0}"#, "mid_block_scale_factor"),
            (r#"{"_class_name": "UNet2DConditionModel"}"#, "UNet2DConditionModel"),
        ] {
            let fault = Config::from_json(text).unwrap_err().to_string();
            assert!(fault.contains(named), "{fault}");
        }
    }
}
