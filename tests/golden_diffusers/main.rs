//! Every case of a reference pack made with torch and diffusers, walked by what each file says about itself.
//!
//! `REFERENCE_DIR` names another pack. A case is a file of a pack with a metadata entry `case` (JSON with a `kind`), or
//! the folder that holds it. An unknown kind, scheduler or setting fails, and so does a tensor that nobody compared.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it compared"
)]

mod net;
mod pipeline;
mod schedules;
mod train;
mod unet;
mod walk;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor};
use serde_json::{Map, Value as Json};

/// One case of the pack.
struct Case {
    /// The file that holds the numbers.
    file: PathBuf,
    /// How it was made.
    about: Map<String, Json>,
    /// Its numbers.
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    /// Reads a file; `None` where it says nothing about a case (weights of a network, for instance).
    fn read(file: &Path) -> Option<Self> {
        let bytes = fs::read(file).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let about = header.metadata().as_ref()?.get("case")?.clone();
        Some(Self {
            file: file.into(),
            about: diffusion_studio::diffusion::scheduler_config::parse_json(&about).unwrap(),
            tensors: candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
                .unwrap()
                .into_iter()
                .collect(),
        })
    }

    fn kind(&self) -> &str {
        self.about["kind"].as_str().unwrap()
    }

    fn name(&self) -> String {
        self.file.strip_prefix(pack()).unwrap().display().to_string()
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        numbers(&self.tensors[key])
    }
}

/// What a case amounted to.
#[derive(Default)]
struct Outcome {
    compared: usize,
    /// Largest difference over largest value, of all tensors, and its name.
    worst: (f64, String),
    faults: Vec<String>,
}

impl Outcome {
    /// Compares a tensor with its reference: the largest difference may be `tolerance` of the largest value.
    fn compare(&mut self, name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
        self.compared += 1;
        if found.len() != expected.len() {
            let fault = format!("{name}: {} numbers instead of {}", found.len(), expected.len());
            return self.faults.push(fault);
        }
        let largest = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let difference = found
            .iter()
            .zip(expected)
            .fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        let finite = found.iter().all(|v| v.is_finite());
        let relative = if largest > 0.0 {
            difference / largest
        } else {
            difference
        };
        if relative > self.worst.0 {
            self.worst = (relative, name.into());
        }
        if !finite || relative > tolerance {
            self.faults
                .push(format!("{name}: off by {relative:.1e} of the largest value"));
        }
    }

    /// Notes every tensor of the case that was not compared.
    fn demand_all(&mut self, case: &Case, compared: impl Fn(&str) -> bool) {
        for name in case.tensors.keys().filter(|name| !compared(name)) {
            self.faults.push(format!("{name} was not compared"));
        }
    }
}

fn pack() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::env::var_os("REFERENCE_DIR").map_or_else(own, PathBuf::from)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    found.sort();
    found
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.flatten_all().unwrap();
    flat.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Walks all cases of one kind and says what it did.
fn walk_all(kind: &str, check: impl Fn(&Case) -> Outcome) {
    let (mut cases, mut compared, mut faults) = (0, 0, Vec::new());
    for case in files(&pack()).iter().filter_map(|file| Case::read(file)) {
        if case.kind() != kind {
            continue;
        }
        let outcome = check(&case);
        let (worst, where_) = &outcome.worst;
        println!(
            "{}: {} tensors, worst {worst:.1e} {where_}",
            case.name(),
            outcome.compared
        );
        cases += 1;
        compared += outcome.compared;
        faults.extend(outcome.faults.iter().map(|fault| format!("{}: {fault}", case.name())));
    }
    println!("{kind}: walked {cases} cases, compared {compared} tensors");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_kind_of_case_is_known() {
    let cases: Vec<Case> = files(&pack()).iter().filter_map(|file| Case::read(file)).collect();
    println!("the pack {} holds {} cases", pack().display(), cases.len());
    assert!(!cases.is_empty(), "there are no cases in {}", pack().display());
    for case in &cases {
        match case.kind() {
            "schedules" | "walk" | "unet" | "train" | "pipeline" => {}
            kind => panic!("{}: the kind “{kind}” is not known", case.name()),
        }
    }
}

#[test]
fn schedules_equal_the_reference() {
    walk_all("schedules", schedules::check);
}

#[test]
fn walks_equal_the_reference() {
    walk_all("walk", walk::check);
}

#[test]
fn networks_equal_the_reference() {
    walk_all("unet", unet::check);
}

#[test]
fn training_equals_the_reference() {
    walk_all("train", train::check);
}

#[test]
fn pipelines_equal_the_reference() {
    walk_all("pipeline", pipeline::check);
}
