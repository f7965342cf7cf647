//! From a configuration to a graph, block by block, with diffusers' parameter names.

use super::config::{ActFn, Config, DownBlock, Resampling, TimeEmbedding, TimeScaleShift, UpBlock};
use crate::{
    math::{Domain, SpecError},
    nn::{
        builder::Builder,
        graph::{Activation, Graph, NodeId, Shape},
    },
};

/// The network of `config` for pictures of `domain`.
pub fn graph(config: &Config, domain: Domain) -> Result<Graph, SpecError> {
    check_size(config, domain)?;
    UNet::begin(config, domain)?.finish(|net| {
        let x = net.b.input();
        net.forward(x)
    })
}

/// The network of `config` for pictures of `domain` whose blocks of 2x2 pixels are taken as channels of one pixel: the
/// U-Net works at half the size, on four times the channels.
pub fn unshuffled(config: &Config, domain: Domain) -> Result<Graph, SpecError> {
    check_size(config, halved(domain)?)?;
    UNet::begin(config, domain)?.finish(|net| {
        let x = net.b.input();
        let x = net.b.unshuffle(x);
        let h = net.forward(x);
        net.b.shuffle(h)
    })
}

/// What is left of pictures when blocks of 2x2 pixels become channels.
pub(super) fn halved(domain: Domain) -> Result<Domain, SpecError> {
    match domain {
        Domain::Image {
            channels,
            height,
            width,
        } if height % 2 == 0 && width % 2 == 0 => Ok(Domain::Image {
            channels: 4 * channels,
            height: height / 2,
            width: width / 2,
        }),
        Domain::Image { height, width, .. } => Err(SpecError::Impossible(format!(
            "unshuffle takes pixels two by two, but the pictures have {width} x {height}; switch it off"
        ))),
        Domain::Points => Ok(domain),
    }
}

/// A change of size inside a residual block.
#[derive(Clone, Copy)]
enum Resize {
    Half,
    Double,
}

struct UNet<'a> {
    config: &'a Config,
    b: Builder,
    /// The embedded time (and class) after the activation, as every residual block wants it.
    temb: NodeId,
}

/// Sizes must be divisible as often as there are halvings; the message says what would do.
fn check_size(config: &Config, domain: Domain) -> Result<(), SpecError> {
    let Domain::Image {
        channels,
        height,
        width,
    } = domain
    else {
        let fault = "the U-Net (unet) works on pictures; choose mlp for points";
        return Err(SpecError::Impossible(fault.into()));
    };
    if channels != config.in_channels {
        let wanted = config.in_channels;
        let fault = format!("the pictures have {channels} channels, but the network takes {wanted}");
        return Err(SpecError::Impossible(fault));
    }
    let factor = 1 << (config.block_out_channels.len() - 1);
    if height.is_multiple_of(factor) && width.is_multiple_of(factor) && height * width > 0 {
        return Ok(());
    }
    let levels = config.block_out_channels.len();
    Err(SpecError::Impossible(format!(
        "a U-Net of {levels} levels needs sides divisible by {factor}, but the pictures have {width} x {height} pixels; \
         choose fewer levels"
    )))
}

fn activation(f: ActFn) -> Activation {
    match f {
        ActFn::Silu => Activation::Silu,
        ActFn::Mish => Activation::Mish,
        ActFn::Gelu => Activation::Gelu,
        ActFn::Relu => Activation::Relu,
    }
}

/// Features of the time, two linear layers, plus the class, activated.
fn time_embedding(config: &Config, b: &mut Builder) -> NodeId {
    let (features, dim) = (config.block_out_channels[0], config.time_dim());
    let h = match config.time_embedding_type {
        TimeEmbedding::Positional => b.time_features(features, config.flip_sin_to_cos, config.freq_shift),
        TimeEmbedding::Fourier => b.fourier_features("time_proj", features, 16.0),
    };
    let h = b.linear("time_embedding.linear_1", h, dim);
    let h = b.act(h, Activation::Silu);
    let mut h = b.linear("time_embedding.linear_2", h, dim);
    if config.num_class_embeds.is_some() {
        let class = b.class_embedding("class_embedding", dim);
        h = b.add(h, class);
    }
    b.act(h, activation(config.act_fn))
}

impl<'a> UNet<'a> {
    fn begin(config: &'a Config, domain: Domain) -> Result<Self, SpecError> {
        config.check()?;
        let mut b = Builder::new(domain, config.num_class_embeds);
        let temb = time_embedding(config, &mut b);
        Ok(Self { config, b, temb })
    }

    fn finish(mut self, build: impl FnOnce(&mut Self) -> NodeId) -> Result<Graph, SpecError> {
        let out = build(&mut self);
        self.b.finish(out)
    }

    fn forward(&mut self, mut x: NodeId) -> NodeId {
        if self.config.center_input_sample {
            x = self.b.scale(x, 2.0);
            x = self.b.shift(x, -1.0);
        }
        let h = self.conv3("conv_in", x, self.config.block_out_channels[0]);
        let mut skips = vec![h];
        let h = self.down(h, &mut skips);
        let h = self.middle(h);
        let h = self.up(h, &mut skips);
        self.output(h)
    }

    fn output(&mut self, h: NodeId) -> NodeId {
        let h = self.norm("conv_norm_out", h);
        let h = self.b.act(h, Activation::Silu);
        let h = self.conv3("conv_out", h, self.config.out_channels);
        match self.config.time_embedding_type {
            TimeEmbedding::Positional => h,
            TimeEmbedding::Fourier => self.b.divide_by_time(h),
        }
    }

    fn down(&mut self, mut h: NodeId, skips: &mut Vec<NodeId>) -> NodeId {
        let config = self.config;
        let last = config.block_out_channels.len() - 1;
        for (level, (&out, &kind)) in config
            .block_out_channels
            .iter()
            .zip(&config.down_block_types)
            .enumerate()
        {
            let block = format!("down_blocks.{level}");
            for layer in 0..config.layers_per_block {
                h = self.layer(&block, layer, h, out, kind == DownBlock::Attention);
                skips.push(h);
            }
            if level < last {
                h = self.halve(&format!("{block}.downsamplers.0"), h, kind);
                skips.push(h);
            }
        }
        h
    }

    fn middle(&mut self, h: NodeId) -> NodeId {
        let config = self.config;
        if config.mid_block_type.is_none() {
            return h;
        }
        let (out, factor) = (self.b.channels(h), config.mid_block_scale_factor);
        let mut h = self.resnet("mid_block.resnets.0", h, out, None, factor);
        if config.add_attention {
            h = self.attention("mid_block.attentions.0", h, config.mid_attention_groups(), factor);
        }
        self.resnet("mid_block.resnets.1", h, out, None, factor)
    }

    fn up(&mut self, mut h: NodeId, skips: &mut Vec<NodeId>) -> NodeId {
        let config = self.config;
        let last = config.block_out_channels.len() - 1;
        let widths = config.block_out_channels.iter().rev();
        for (level, (&out, &kind)) in widths.zip(&config.up_block_types).enumerate() {
            let block = format!("up_blocks.{level}");
            // The way down pushed exactly as many values as the way up takes.
            let taken = skips.split_off(skips.len() - config.layers_per_block - 1);
            for (layer, &skip) in taken.iter().rev().enumerate() {
                h = self.b.concat(h, skip);
                h = self.layer(&block, layer, h, out, kind == UpBlock::Attention);
            }
            if level < last {
                h = self.double(&format!("{block}.upsamplers.0"), h, kind);
            }
        }
        h
    }

    /// A residual block and perhaps self-attention.
    fn layer(&mut self, block: &str, layer: usize, h: NodeId, out: usize, attention: bool) -> NodeId {
        let h = self.resnet(&format!("{block}.resnets.{layer}"), h, out, None, 1.0);
        if !attention {
            return h;
        }
        let groups = Some(self.config.norm_num_groups);
        self.attention(&format!("{block}.attentions.{layer}"), h, groups, 1.0)
    }

    fn halve(&mut self, name: &str, h: NodeId, kind: DownBlock) -> NodeId {
        let out = self.b.channels(h);
        let by_resnet = match kind {
            DownBlock::Plain => false,
            DownBlock::Attention => self.config.downsample_type == Resampling::Resnet,
            DownBlock::Resnet => true,
        };
        if by_resnet {
            return self.resnet(name, h, out, Some(Resize::Half), 1.0);
        }
        let near = self.config.downsample_padding;
        self.b.conv(&format!("{name}.conv"), h, out, 3, 2, [near, near, 1, 1])
    }

    fn double(&mut self, name: &str, h: NodeId, kind: UpBlock) -> NodeId {
        let out = self.b.channels(h);
        let by_resnet = match kind {
            UpBlock::Plain => false,
            UpBlock::Attention => self.config.upsample_type == Resampling::Resnet,
            UpBlock::Resnet => true,
        };
        if by_resnet {
            return self.resnet(name, h, out, Some(Resize::Double), 1.0);
        }
        let h = self.b.upsample(h);
        self.conv3(&format!("{name}.conv"), h, out)
    }

    /// Norm, activation, convolution, time, norm, activation, convolution, plus the input; divided by `factor`.
    fn resnet(&mut self, name: &str, x: NodeId, out: usize, resize: Option<Resize>, factor: f64) -> NodeId {
        let act = activation(self.config.act_fn);
        let h = self.norm(&format!("{name}.norm1"), x);
        let h = self.b.act(h, act);
        let (x, h) = match resize {
            None => (x, h),
            Some(Resize::Half) => (self.b.avg_pool(x), self.b.avg_pool(h)),
            Some(Resize::Double) => (self.b.upsample(x), self.b.upsample(h)),
        };
        let h = self.conv3(&format!("{name}.conv1"), h, out);
        let h = self.add_time(name, h, out);
        let h = self.b.act(h, act);
        let h = self.conv3(&format!("{name}.conv2"), h, out);
        let x = self.shortcut(name, x, out);
        let sum = self.b.add(x, h);
        self.b.scale(sum, 1.0 / factor)
    }

    /// The time on its way into the second norm.
    fn add_time(&mut self, name: &str, h: NodeId, out: usize) -> NodeId {
        let (proj, norm) = (format!("{name}.time_emb_proj"), format!("{name}.norm2"));
        match self.config.resnet_time_scale_shift {
            TimeScaleShift::Default => {
                let time = self.b.linear(&proj, self.temb, out);
                let h = self.b.add_channels(h, time);
                self.norm(&norm, h)
            }
            TimeScaleShift::ScaleShift => {
                let time = self.b.linear(&proj, self.temb, 2 * out);
                let h = self.norm(&norm, h);
                self.b.scale_shift(h, time)
            }
        }
    }

    fn shortcut(&mut self, name: &str, x: NodeId, out: usize) -> NodeId {
        if self.b.channels(x) == out {
            return x;
        }
        self.b.conv(&format!("{name}.conv_shortcut"), x, out, 1, 1, [0; 4])
    }

    fn attention(&mut self, name: &str, x: NodeId, groups: Option<usize>, factor: f64) -> NodeId {
        let c = self.b.channels(x);
        let head_dim = self.config.attention_head_dim.unwrap_or(c);
        self.b.require(head_dim > 0 && c.is_multiple_of(head_dim), || {
            format!("{name}: {c} channels cannot be divided into heads of {head_dim}")
        });
        let eps = self.config.norm_eps;
        let h = groups.map_or(x, |groups| {
            self.b.group_norm(&format!("{name}.group_norm"), x, groups, eps)
        });
        let [q, k, v] = ["to_q", "to_k", "to_v"].map(|part| self.b.linear(&format!("{name}.{part}"), h, c));
        let h = self.b.attention(q, k, v, c / head_dim.max(1));
        let h = self.b.linear(&format!("{name}.to_out.0"), h, c);
        let sum = self.b.add(h, x);
        self.b.scale(sum, 1.0 / factor)
    }

    fn norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let Config {
            norm_num_groups,
            norm_eps,
            ..
        } = *self.config;
        self.b.group_norm(name, x, norm_num_groups, norm_eps)
    }

    fn conv3(&mut self, name: &str, x: NodeId, out: usize) -> NodeId {
        debug_assert!(matches!(self.b.shape(x), Shape::Map(..)), "convolutions work on maps");
        self.b.conv(name, x, out, 3, 1, [1; 4])
    }
}
