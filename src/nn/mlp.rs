//! A residual perceptron for points in the plane.

use super::{
    Graph, NetBuilder, VARIANCE,
    builder::Builder,
    graph::{Activation, NodeId},
};
use crate::math::{Domain, Entry, Param, SpecError};

/// Numbers that the time is told by.
const TIME_FEATURES: usize = 64;

/// `h = lift(x) + temb(features of t) [+ class]`, then `h += hidden(silu(h))` for each layer, then `out(silu(h))`.
pub const ENTRY: Entry<dyn NetBuilder> = Entry {
    id: "mlp",
    label: "Perceptron",
    help: "Residual layers for points in the plane; trains in seconds",
    source: "",
    params: &[
        Param::int("width", 8, 4096, 128, "Numbers in each layer"),
        Param::int("depth", 1, 64, 4, "Hidden layers"),
        VARIANCE,
    ],
    build: |p| {
        Ok(Box::new(Mlp {
            width: p.count("width"),
            depth: p.count("depth"),
            outputs: if p.flag(VARIANCE.id) { 4 } else { 2 },
        }))
    },
};

#[derive(Debug)]
struct Mlp {
    width: usize,
    depth: usize,
    outputs: usize,
}

impl NetBuilder for Mlp {
    fn graph(&self, domain: Domain, classes: Option<usize>) -> Result<Graph, SpecError> {
        if domain != Domain::Points {
            let fault = "the perceptron (mlp) works on points; choose unet for pictures";
            return Err(SpecError::Impossible(fault.into()));
        }
        let mut b = Builder::new(domain, classes);
        let mut h = self.first_layer(&mut b, classes.is_some());
        for layer in 0..self.depth {
            let active = b.act(h, Activation::Silu);
            let change = b.linear(&format!("hidden.{layer}"), active, self.width);
            h = b.add(h, change);
        }
        let active = b.act(h, Activation::Silu);
        let out = b.linear("out", active, self.outputs);
        b.finish(out)
    }
}

impl Mlp {
    fn first_layer(&self, b: &mut Builder, conditional: bool) -> NodeId {
        let x = b.linear("lift", b.input(), self.width);
        let features = b.time_features(TIME_FEATURES, false, 0.0);
        let time = b.linear("temb", features, self.width);
        let h = b.add(x, time);
        if !conditional {
            return h;
        }
        let class = b.class_embedding("class", self.width);
        b.add(h, class)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        math::{Domain, Spec},
        nn::graph,
    };

    #[test]
    fn the_standard_case_has_as_many_weights_as_the_torch_twin() {
        // sum(p.numel() for p in PointMlp().parameters()) of the benchmark in PyTorch.
        let g = graph(&Spec::new("mlp"), Domain::Points, None).unwrap();
        assert_eq!(g.weight_count(), 384 + 8320 + 4 * 16512 + 258);
        let conditional = graph(&Spec::new("mlp"), Domain::Points, Some(3)).unwrap();
        assert_eq!(conditional.weight_count() - g.weight_count(), 3 * 128);
    }

    #[test]
    fn pictures_are_refused() {
        let image = Domain::Image {
            channels: 1,
            height: 8,
            width: 8,
        };
        assert!(graph(&Spec::new("mlp"), image, None).is_err());
    }
}
