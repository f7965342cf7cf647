//! The pipeline of the reference pack, sampled by the program, against the numbers of diffusers.

use std::path::Path;

use crate::{apart, done, pack, tensors, text};

/// Samples `model` with the reference's starting noise and gives the largest error.
fn error(model: &Path, key: &str, options: &[&str]) -> f32 {
    let folder = tempfile::tempdir().unwrap();
    let (out, reference) = (
        folder.path().join("x.safetensors"),
        pack().join("pipeline/samples.safetensors"),
    );
    let fixed = ["sample", text(model), "--noise", text(&reference), "--out", text(&out)];
    done(&[&fixed, options].concat());
    apart(&tensors(&out)["x"].data, &tensors(&reference)[key].data)
}

/// Every run of the pack: its key and the options that ask for it.
const RUNS: [(&str, &[&str]); 3] = [
    ("ddim20", &["--sampler", "ddim", "--steps", "20"]),
    ("unipc10", &["--sampler", "unipc", "--steps", "10"]),
    ("dpmpp2m12", &["--sampler", "dpmpp-2m", "--steps", "12"]),
];

#[test]
fn a_folder_of_diffusers_is_sampled_with_its_schedulers_settings() {
    let reference = tensors(&pack().join("pipeline/samples.safetensors"));
    assert_eq!(reference.len(), RUNS.len() + 1, "every run of the pack is compared");
    for (key, options) in RUNS {
        // In single precision this network of random weights is chaotic: torch's own runs differ by as much.
        for (device, most) in [("auto", 1e-3), ("cpu", 1e-3), ("cpu-candle", 5e-3)] {
            let error = error(
                &pack().join("pipeline"),
                key,
                &[options, &["--device", device]].concat(),
            );
            println!("{key} on {device}: {error:.1e}");
            assert!(error < most, "{key} on {device}: off by {error}");
        }
    }
}

#[test]
fn a_run_folder_made_of_it_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    done(&["import", text(&pack().join("pipeline")), "--out", text(&run)]);
    for (key, options) in RUNS {
        let error = error(&run, key, options);
        assert!(error < 1e-3, "{key}: off by {error}");
    }
}

#[test]
fn options_come_before_the_schedulers_settings() {
    let other = error(
        &pack().join("pipeline"),
        "ddim20",
        &["--sampler", "ddim", "--steps", "20", "--spacing", "trailing"],
    );
    assert!(
        other > 1e-2,
        "another spacing makes other samples, but they differ by {other}"
    );
}
