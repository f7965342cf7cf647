//! Folders of diffusers: the networks of the reference pack, every layout, and what is refused.

use std::{fs, path::Path};

use diffusion_studio::{
    files::SavedModel,
    kernels::PlanExecutor,
    math::Cond,
    nn::{CandleExecutor, Executor, Graph, Mode},
};

use crate::{apart, copy, pack, refused, text};

/// Networks of the pack by folder.
fn networks() -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(pack()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.join("io.safetensors").is_file()).collect();
    found.sort();
    found
}

pub(crate) fn graph(model: &SavedModel) -> Graph {
    let classes = model.class_names.len();
    let classes = (classes > 0).then_some(classes + 1);
    diffusion_studio::nn::graph(&model.recipe.net, model.domain.unwrap(), classes).unwrap()
}

#[test]
fn networks_of_the_pack_give_the_same_on_both_executors() {
    let networks = networks();
    assert!(networks.len() >= 4, "there are networks in the pack");
    for folder in networks {
        let model = SavedModel::open(&folder).unwrap();
        let io = candle_core::safetensors::load(folder.join("io.safetensors"), &candle_core::Device::Cpu).unwrap();
        let numbers = |t: &candle_core::Tensor| -> Vec<f32> {
            let t = t.to_dtype(candle_core::DType::F32).unwrap();
            t.flatten_all().unwrap().to_vec1().unwrap()
        };
        let graph = graph(&model);
        let weights = model.weights.into_weights(&graph.params).unwrap();
        let t: Vec<f64> = numbers(&io["t"]).into_iter().map(f64::from).collect();
        let cond = io.get("class_labels").map_or(Cond::None, |labels| {
            Cond::Class(numbers(labels).into_iter().map(|c| c as u32).collect())
        });
        let candle: Box<dyn Executor> = Box::new(CandleExecutor::new(graph.clone(), &candle_core::Device::Cpu));
        let double: Box<dyn Executor> = Box::new(CandleExecutor::double(graph.clone()));
        let plan: Box<dyn Executor> = Box::new(PlanExecutor::new(graph, None).unwrap());
        for mut executor in [candle, double, plan] {
            let flat = executor.pack(&weights).unwrap();
            executor.params_mut().copy_from_slice(&flat);
            let y = executor.forward(&io["x"], &t, &cond, Mode::Infer).unwrap();
            let error = apart(&numbers(&y), &numbers(&io["y"]));
            assert!(
                error < 1e-4,
                "{} on {}: off by {error}",
                folder.display(),
                executor.describe()
            );
        }
    }
}

#[test]
fn every_layout_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pack().join("pipeline");
    let whole = SavedModel::open(&pipeline).unwrap();
    assert_eq!(whole.scheduler.as_ref().unwrap().class(), "DDPMScheduler");
    // Older folders have all files side by side.
    let flat = folder.path().join("flat");
    for part in ["unet", "scheduler"] {
        copy(&pipeline.join(part), &flat);
    }
    fs::copy(pipeline.join("model_index.json"), flat.join("model_index.json")).unwrap();
    assert_eq!(SavedModel::open(&flat).unwrap(), whole);
    let bare = SavedModel::open(&pipeline.join("unet")).unwrap();
    assert_eq!((&bare.weights, &bare.scheduler), (&whole.weights, &None));
    let file = SavedModel::open(&pipeline.join("unet/diffusion_pytorch_model.safetensors")).unwrap();
    assert_eq!(file, bare);
}

/// Changes one file of a copy of the pipeline and expects to be refused.
fn spoilt(file: &str, change: impl Fn(&str) -> String, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    copy(&pack().join("pipeline"), folder.path());
    let path = folder.path().join(file);
    let old = fs::read_to_string(&path).unwrap();
    let new = change(&old);
    assert_ne!(old, new, "{file} was to be changed");
    fs::write(&path, new).unwrap();
    let out = folder.path().join("x.png");
    refused(
        &["sample", text(folder.path()), "--steps", "1", "--out", text(&out)],
        &[&[file], parts].concat(),
    );
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let in_unet = |old: &'static str, new: &'static str, named: &'static str| {
        spoilt("unet/config.json", |text| text.replacen(old, new, 1), &[named]);
    };
    in_unet("\"act_fn\": \"silu\"", "\"act_fn\": \"snake\"", "snake");
    in_unet("\"DownBlock2D\"", "\"SkipDownBlock2D\"", "SkipDownBlock2D");
    in_unet(
        "\"class_embed_type\": null",
        "\"class_embed_type\": \"timestep\"",
        "class_embed_type",
    );
    in_unet(
        "\"time_embedding_type\": \"positional\"",
        "\"time_embedding_type\": \"learned\"",
        "learned",
    );
    in_unet("\"dropout\": 0.0", "\"dropout\": 0.0, \"flux\": 3", "flux");
    in_unet("\"sample_size\": 16", "\"sample_size\": null", "sample_size");
    in_unet("\"in_channels\": 1", "\"in_channels\": 4", "in_channels");
    in_unet("\"norm_num_groups\": 4", "\"norm_num_groups\": 3", "3 groups");
    let index = |old: &'static str, new: &'static str, named: &'static str| {
        spoilt("model_index.json", |text| text.replacen(old, new, 1), &[named]);
    };
    index("DDPMPipeline", "LDMPipeline", "LDMPipeline");
    index("UNet2DModel", "UNet2DConditionModel", "UNet2DConditionModel");
    index(
        "\"unet\": [",
        "\"vqvae\": [\"diffusers\", \"VQModel\"], \"unet\": [",
        "vqvae",
    );
    let scheduler = |old: &'static str, new: &'static str, named: &'static str| {
        spoilt(
            "scheduler/scheduler_config.json",
            |text| text.replacen(old, new, 1),
            &[named],
        );
    };
    scheduler("\"thresholding\"", "\"colour\": 1, \"thresholding\"", "colour");
    scheduler("fixed_small", "fixed_large_log", "fixed_large_log");
}

#[test]
fn tensors_that_do_not_fit_are_listed() {
    let more_layers = |text: &str| text.replacen("\"layers_per_block\": 1", "\"layers_per_block\": 2", 1);
    let folder = tempfile::tempdir().unwrap();
    copy(&pack().join("pipeline"), folder.path());
    let path = folder.path().join("unet/config.json");
    fs::write(&path, more_layers(&fs::read_to_string(&path).unwrap())).unwrap();
    let message = SavedModel::open(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("missing: down_blocks.0.resnets.1") && message.contains("of another shape: "),
        "{message}"
    );
}

#[test]
fn weights_that_are_divided_or_absent_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let unet = folder.path().join("unet");
    copy(&pack().join("pipeline"), folder.path());
    let file = unet.join("diffusion_pytorch_model.safetensors");
    fs::remove_file(&file).unwrap();
    let message = |path: &Path| SavedModel::open(path).unwrap_err().to_string();
    assert!(
        message(folder.path()).contains("it holds no weights"),
        "{}",
        message(folder.path())
    );
    fs::write(unet.join("diffusion_pytorch_model.safetensors.index.json"), "{}").unwrap();
    assert!(message(folder.path()).contains("divided among several files"));
}
