//! Reading of the reference pack and comparison of tensors.

use std::{collections::BTreeMap, path::Path};

use candle_core::{DType, Device, Tensor};
use diffusion_studio::nn::{Graph, Weights};
use safetensors::SafeTensors;
use serde_json::Value;

/// One file of the pack: its tensors and what its header says about them.
pub(crate) struct Case {
    /// The JSON under `case` in the header.
    pub(crate) meta: Value,
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    pub(crate) fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let remarks = header.metadata().clone().unwrap_or_default();
        let meta = remarks.get("case").map(|text| serde_json::from_str(text).unwrap());
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
        Self {
            meta: meta.unwrap_or_default(),
            tensors: tensors.into_iter().collect(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        self.get(name).unwrap_or_else(|| panic!("no tensor {name}")).clone()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }
}

/// A checkpoint's weights after a comparison of all shapes with those of the graph.
pub(crate) fn weights(path: &Path, graph: &Graph) -> Weights {
    let file = Case::open(path);
    for param in &graph.params {
        assert_eq!(file.tensor(&param.name).dims(), param.shape, "{}", param.name);
    }
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    file.tensors.iter().map(|(name, t)| (name.clone(), flat(t))).collect()
}

/// All numbers of a tensor.
pub(crate) fn values(x: &Tensor) -> Vec<f64> {
    x.flatten_all()
        .unwrap()
        .to_dtype(DType::F64)
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// The largest difference must stay below `tolerance` of the largest expected value.
pub(crate) fn assert_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let close = (found - expected).abs() <= tolerance * largest;
        assert!(
            close,
            "{what}: value {i} is {found} instead of {expected}, largest value {largest}"
        );
    }
}
