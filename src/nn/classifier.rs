//! A small classifier of noisy pictures: the judge of samples and the guide of samplers.
//!
//! Residual blocks that halve the picture until its sides are at most `LEAST_SIDE`, each told the noise level. The output
//! holds features and, as a linear map of them, logits at every place that is left; the mean over the places is the answer
//! (`diffusion::guidance::classifier`), so that pictures of any size fit.

use super::{
    Graph,
    builder::Builder,
    graph::{Activation, NodeId, Shape},
};
use crate::math::{Domain, SpecError};

/// Channels at full size, after one halving, and after more.
const WIDTHS: [usize; 3] = [16, 32, 48];
/// Pictures are not halved any further at this many pixels a side.
const LEAST_SIDE: usize = 4;
/// Groups of the norms.
const GROUPS: usize = 8;
/// Features of the time, before and after the layer that mixes them.
const TIME: (usize, usize) = (32, 64);

/// The classifier of pictures of this kind; its output has the features first, then one channel a class.
pub fn graph(domain: Domain, classes: usize) -> Result<Graph, SpecError> {
    if domain == Domain::Points {
        let fault = "the classifier works on pictures, not on points";
        return Err(SpecError::Impossible(fault.into()));
    }
    let mut b = Builder::new(domain, None);
    let time = b.time_features(TIME.0, false, 0.0);
    let time = b.linear("time", time, TIME.1);
    let time = b.act(time, Activation::Silu);
    let mut h = b.conv("stem", b.input(), WIDTHS[0], 3, 1, [1; 4]);
    for block in 1.. {
        let Shape::Map(_, height, width) = b.shape(h) else {
            break;
        };
        if height.max(width) <= LEAST_SIDE {
            break;
        }
        h = halved(&mut b, block, h, time);
    }
    let features = normal(&mut b, "norm", h);
    let logits = b.linear("head", features, classes);
    let both = b.concat(features, logits);
    b.finish(both)
}

/// A residual block at half the size.
fn halved(b: &mut Builder, block: usize, h: NodeId, time: NodeId) -> NodeId {
    let width = WIDTHS[block.min(WIDTHS.len() - 1)];
    let name = |part: &str| format!("blocks.{block}.{part}");
    let h = normal(b, &name("norm1"), h);
    let h = b.conv(&name("half"), h, width, 3, 2, [1; 4]);
    let time = b.linear(&name("time"), time, width);
    let h = b.add_channels(h, time);
    let inner = normal(b, &name("norm2"), h);
    let inner = b.conv(&name("conv"), inner, width, 3, 1, [1; 4]);
    b.add(h, inner)
}

fn normal(b: &mut Builder, name: &str, h: NodeId) -> NodeId {
    let h = b.group_norm(name, h, GROUPS, 1e-5);
    b.act(h, Activation::Silu)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(height: usize, width: usize) -> Domain {
        Domain::Image {
            channels: 3,
            height,
            width,
        }
    }

    #[test]
    fn pictures_of_all_sizes_are_judged() {
        for (height, width, left) in [(28, 28, (4, 4)), (8, 8, (4, 4)), (1, 3, (1, 3)), (64, 40, (4, 3))] {
            let graph = graph(image(height, width), 7).unwrap();
            let Shape::Map(channels, h, w) = graph.nodes[graph.output.0].shape else {
                panic!("the output is a map")
            };
            assert_eq!((h, w), left, "{width} x {height}");
            assert!([16 + 7, 32 + 7, 48 + 7].contains(&channels));
        }
        assert!(graph(Domain::Points, 2).is_err());
    }
}
