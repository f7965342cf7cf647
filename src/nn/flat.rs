//! Named weights and flat buffers.

use std::ops::Range;

use candle_core::{Error, Result};

use super::graph::{Graph, ParamId, ParamInfo, Weights};

/// An executor's own order of parameters. It may go to another thread, so that the turning of large networks holds up
/// nobody.
pub trait Layout: Send + Sync {
    /// The parameters.
    fn params(&self) -> &[ParamInfo];

    /// Named weights to a flat buffer. Missing, surplus or misshapen names are an error that lists them.
    fn pack(&self, weights: &Weights) -> Result<Vec<f32>>;

    /// A flat buffer (parameters, moments, EMA) to named weights.
    fn unpack(&self, flat: &[f32]) -> Weights;
}

/// Where each parameter lies in a flat buffer: sorted by name, one after the other, each in PyTorch's layout.
#[derive(Clone, Debug)]
pub struct Flat {
    params: Vec<ParamInfo>,
    spans: Vec<Range<usize>>,
    len: usize,
}

impl Flat {
    /// The layout of a graph's parameters.
    pub fn new(graph: &Graph) -> Self {
        let mut spans = vec![0..0; graph.params.len()];
        let mut len = 0;
        for id in graph.sorted_params() {
            let end = len + graph.params[id.0].numel();
            spans[id.0] = len..end;
            len = end;
        }
        Self {
            params: graph.params.clone(),
            spans,
            len,
        }
    }

    /// Numbers in the buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the graph has no parameters.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of one parameter.
    pub fn span(&self, id: ParamId) -> Range<usize> {
        self.spans[id.0].clone()
    }
}

impl Layout for Flat {
    fn params(&self) -> &[ParamInfo] {
        &self.params
    }

    fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        check(&self.params, weights)?;
        let mut flat = vec![0.0; self.len];
        for (param, span) in self.params.iter().zip(&self.spans) {
            flat[span.clone()].copy_from_slice(&weights[&param.name]);
        }
        Ok(flat)
    }

    fn unpack(&self, flat: &[f32]) -> Weights {
        let named = |(param, span): (&ParamInfo, &Range<usize>)| (param.name.clone(), flat[span.clone()].to_vec());
        self.params.iter().zip(&self.spans).map(named).collect()
    }
}

/// Whether `weights` are exactly these; the error lists what is missing, surplus or of the wrong size.
fn check(params: &[ParamInfo], weights: &Weights) -> Result<()> {
    let known = |name: &String| params.iter().any(|p| &p.name == name);
    let missing = params.iter().filter(|p| !weights.contains_key(&p.name));
    let misfits = params.iter().filter_map(|p| {
        let found = weights.get(&p.name)?.len();
        let text = || format!("{} has {found} numbers instead of {} {:?}", p.name, p.numel(), p.shape);
        (found != p.numel()).then(text)
    });
    let faults = [
        listed("missing", missing.map(|p| p.name.clone())),
        listed("surplus", weights.keys().filter(|n| !known(n)).cloned()),
        listed("of the wrong size", misfits),
    ];
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.join("; ");
    Err(Error::Msg(format!("the weights do not fit the network: {faults}")))
}

fn listed(what: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{math::Domain, nn::builder::Builder};

    fn graph() -> Graph {
        let mut b = Builder::new(Domain::Points, None);
        let h = b.linear("z", b.input(), 3);
        let out = b.linear("a", h, 2);
        b.finish(out).unwrap()
    }

    #[test]
    fn packing_sorts_by_name_and_unpacking_inverts_it() {
        let flat = Flat::new(&graph());
        let buffer: Vec<f32> = (0..flat.len()).map(|i| i as f32).collect();
        let weights = flat.unpack(&buffer);
        assert_eq!(weights["a.bias"], [0.0, 1.0]);
        assert_eq!(weights["z.weight"].len(), 6);
        assert_eq!(flat.pack(&weights).unwrap(), buffer);
    }

    #[test]
    fn misfits_are_listed_by_name() {
        let flat = Flat::new(&graph());
        let mut weights = flat.unpack(&vec![0.0; flat.len()]);
        weights.remove("a.bias");
        weights.insert("q".into(), vec![]);
        weights.insert("z.bias".into(), vec![0.0]);
        let fault = check(flat.params(), &weights).unwrap_err().to_string();
        for part in ["missing: a.bias", "surplus: q", "z.bias has 1 numbers instead of 3"] {
            assert!(fault.contains(part), "{fault}");
        }
    }
}
