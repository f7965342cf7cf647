//! The same numbers in PyTorch and diffusers, both ways. `DIFFUSERS_PYTHON` names a Python that has both (and, for the
//! curves, TensorBoard); without it these tests say loudly that they skip.

use std::{collections::BTreeMap, path::Path, process::Command};

use candle_core::{DType, Device, Tensor as Array};
use diffusion_studio::{
    files::{SavedModel, Tensor, Tensors, tensors::Notes},
    kernels::PlanExecutor,
    math::{
        Cond,
        noise::{Address, NoiseSource as _, Seeded, Stream},
    },
    nn::{CandleExecutor, Executor, Mode},
};

use crate::{apart, done, import::graph, tensors, text};

/// Runs the script; `None` where there is no Python for it.
#[expect(clippy::print_stderr, reason = "a skip is to be seen")]
fn python(arguments: &[&str]) -> Option<String> {
    let Some(python) = std::env::var_os("DIFFUSERS_PYTHON") else {
        eprintln!("SKIPPED: set DIFFUSERS_PYTHON to a Python with torch and diffusers to compare with them");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange/exchange.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {message}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What a network of ours makes of `x` at `t`, on each executor.
fn outputs(model: &SavedModel, x: &Tensor, t: &[f32], classes: Option<&[f32]>) -> Vec<(String, Vec<f32>)> {
    let graph = graph(model);
    let weights = model.weights.clone().into_weights(&graph.params).unwrap();
    let x = Array::from_slice(&x.data, x.shape.as_slice(), &Device::Cpu).unwrap();
    let t: Vec<f64> = t.iter().copied().map(f64::from).collect();
    let cond = classes.map_or(Cond::None, |c| Cond::Class(c.iter().map(|&c| c as u32).collect()));
    let candle: Box<dyn Executor> = Box::new(CandleExecutor::new(graph.clone(), &Device::Cpu));
    let plan: Box<dyn Executor> = Box::new(PlanExecutor::new(graph, None).unwrap());
    let each = [candle, plan].into_iter().map(|mut executor| {
        let flat = executor.pack(&weights).unwrap();
        executor.params_mut().copy_from_slice(&flat);
        let y = executor.forward(&x, &t, &cond, Mode::Infer).unwrap();
        let y = y.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
        (executor.describe(), y.to_vec1().unwrap())
    });
    each.collect()
}

/// Largest difference as a share of the largest value, where that is above one.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    apart(found, expected) / expected.iter().fold(1.0_f32, |most, v| most.max(v.abs()))
}

#[test]
fn networks_of_diffusers_with_random_settings_give_the_same_here() {
    let folder = tempfile::tempdir().unwrap();
    if python(&["make", "24", text(folder.path())]).is_none() {
        return;
    }
    for seed in 0..24 {
        let folder = folder.path().join(seed.to_string());
        let settings = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let model = SavedModel::open(&folder).unwrap_or_else(|e| panic!("{e}\n{settings}"));
        let io = tensors(&folder.join("io.safetensors"));
        let classes = io.get("class").map(|c| &*c.data);
        for (executor, y) in outputs(&model, &io["x"], &io["t"].data, classes) {
            let error = error(&y, &io["y"].data);
            assert!(error < 1e-4, "{executor}: off by {error}\n{settings}");
        }
    }
}

const SEED: u64 = 5;
const MOVES: usize = 10;

/// Inputs for a network and for a walk: the noise is that of our own sampler.
fn inputs(shape: [usize; 4], class: Option<f32>, path: &Path) -> BTreeMap<String, Tensor> {
    let numel: usize = shape.iter().product();
    let normal = |stream, mv: u64| -> Vec<f32> {
        let each = numel / shape[0];
        let mut out = vec![0.0; numel];
        for (sample, out) in (0..).zip(out.chunks_exact_mut(each)) {
            let address = Address {
                seed: SEED,
                stream,
                sample,
                mv,
                draw: 0,
            };
            address.normals(out);
        }
        out
    };
    let steps: Vec<f32> = (0..MOVES as u64).flat_map(|mv| normal(Stream::Step, mv)).collect();
    // The sampler's source of noise is the one that is written here.
    let mut first = vec![0.0; numel / shape[0]];
    Seeded(SEED).normals(1, 3, 0, &mut first);
    assert_eq!(first, steps[3 * numel + numel / shape[0]..][..numel / shape[0]]);
    let tensor = |shape: &[usize], data: Vec<f32>| Tensor {
        shape: shape.to_vec(),
        data,
    };
    let walk = [&[MOVES][..], &shape].concat();
    let mut all = BTreeMap::from([
        ("x".to_owned(), tensor(&shape, normal(Stream::Forward, 0))),
        (
            "t".to_owned(),
            tensor(&shape[..1], (0..shape[0]).map(|i| 300.0 * i as f32).collect()),
        ),
        ("z".to_owned(), tensor(&walk, steps)),
        ("x_init".to_owned(), tensor(&shape, normal(Stream::Start, 0))),
    ]);
    if let Some(class) = class {
        all.insert("class".to_owned(), tensor(&shape[..1], vec![class; shape[0]]));
    }
    let mut out = std::fs::File::create(path).unwrap();
    Tensors(all.clone()).write(&Notes::new(), &mut out).unwrap();
    all
}

/// Trains, exports, and compares one network call and a walk with fresh noise.
fn there_and_back(options: &[&str], class: Option<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (run, pipeline, source, theirs, ours) = (
        at("run"),
        at("pipeline"),
        at("in.safetensors"),
        at("theirs"),
        at("ours.safetensors"),
    );
    let fixed = [
        "train",
        "--data",
        "digits8x8",
        "--steps",
        "3",
        "--set",
        "train.batch=4",
        "--set",
        "preview.count=0",
    ];
    done(&[&fixed, options, &["--out", text(&run)]].concat());
    done(&[
        "export",
        text(&run),
        "--to",
        "diffusers",
        text(&pipeline),
        "--samples",
        "2",
    ]);
    let inputs = inputs([3, 1, 8, 8], class, &source);
    if python(&["run", text(&pipeline), text(&source), text(&theirs)]).is_none() {
        return;
    }
    let theirs = tensors(&theirs);
    let model = SavedModel::open(&pipeline).unwrap();
    for (executor, y) in outputs(
        &model,
        &inputs["x"],
        &inputs["t"].data,
        inputs.get("class").map(|c| &*c.data),
    ) {
        let error = error(&y, &theirs["y"].data);
        assert!(error < 1e-4, "{options:?}, {executor}: off by {error}");
    }
    let (moves, seed) = (MOVES.to_string(), SEED.to_string());
    let sample = [
        "sample",
        text(&pipeline),
        "--steps",
        &moves,
        "--seed",
        &seed,
        "--noise",
        text(&source),
        "--out",
        text(&ours),
    ];
    let class = class.map(|class| class.to_string());
    let told: Vec<&str> = class.iter().flat_map(|class| ["--class", class]).collect();
    done(&[&sample[..], &told].concat());
    let error = apart(&tensors(&ours)["x"].data, &theirs["x"].data);
    assert!(error < 1e-3, "{options:?}: the walk is off by {error}");
}

#[test]
fn a_model_trained_here_is_the_same_in_diffusers() {
    there_and_back(&["--set", "schedule=cosine"], None);
    there_and_back(
        &[
            "--set",
            "condition.classes=true",
            "--set",
            "target=v",
            "--set",
            "schedule.zero-snr=true",
        ],
        Some(4.0),
    );
    there_and_back(
        &[
            "--set",
            "net.variance=true",
            "--set",
            "weighting=hybrid",
            "--set",
            "net.time-scale-shift=true",
        ],
        None,
    );
}

#[test]
fn curves_are_read_by_tensorboard() {
    let folder = tempfile::tempdir().unwrap();
    let (run, events) = (folder.path().join("run"), folder.path().join("events"));
    done(&[
        "train",
        "--data",
        "moons",
        "--steps",
        "30",
        "--set",
        "train.batch=8",
        "--out",
        text(&run),
    ]);
    done(&["export", text(&run), "--to", "tensorboard", text(&events)]);
    let file = std::fs::read_dir(&events).unwrap().next().unwrap().unwrap().path();
    let Some(read) = python(&["events", text(&file)]) else {
        return;
    };
    let scalars: serde_json::Value = serde_json::from_str(&read).unwrap();
    if scalars.is_null() {
        eprintln!("SKIPPED: this Python has no TensorBoard to compare with");
        return;
    }
    let losses = scalars["train/loss"].as_array().unwrap();
    let metrics = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert_eq!(losses.len(), 30);
    for (line, point) in metrics.lines().skip(1).zip(losses) {
        let cells: Vec<f64> = line.split(',').take(2).map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(
            (point[0].as_f64(), point[1].as_f64().map(|v| v as f32)),
            (Some(cells[0]), Some(cells[1] as f32))
        );
    }
}
