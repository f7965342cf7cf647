//! The real program, started as a person starts it.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

fn run(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_diffusion-studio");
    Command::new(program)
        .args(args)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap()
}

/// Runs, expects success and gives stdout.
fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs, expects exit code 1 with one message that holds all of `parts`.
fn refused(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
    assert_eq!(message.matches("error: ").count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "“{part}” is not in: {message}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn train(folder: &Path, options: &[&str]) {
    let fixed = [
        "train",
        "--data",
        "moons",
        "--set",
        "train.batch=32",
        "--out",
        text(folder),
    ];
    done(&[&fixed, options].concat());
}

/// Metrics without the wall-clock columns, which come last.
fn metrics(folder: &Path) -> Vec<String> {
    let all = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    let deterministic = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned();
    all.lines().map(deterministic).collect()
}

fn weights(folder: &Path, step: u64) -> BTreeMap<&'static str, Vec<u8>> {
    let checkpoint = folder.join(format!("checkpoints/step-{step:09}"));
    let read = |name: &'static str| (name, fs::read(checkpoint.join(name)).unwrap());
    ["model.safetensors", "ema.safetensors", "optimizer.safetensors"]
        .map(read)
        .into()
}

#[test]
fn the_same_recipe_gives_the_same_bits_also_when_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let [once, twice, resumed, unseen] = ["once", "twice", "resumed", "unseen"].map(|name| folder.path().join(name));
    train(&once, &["--steps", "12"]);
    train(&twice, &["--steps", "12"]);
    train(&resumed, &["--steps", "5"]);
    // Without previews the engine has nothing to do while it waits for the new number of steps.
    train(&unseen, &["--steps", "5", "--set", "preview.count=0"]);
    for run in [&resumed, &unseen] {
        done(&["train", "--resume", "--steps", "12", "--out", text(run)]);
    }
    assert_eq!(metrics(&once).len(), 13, "a header and twelve steps");
    for other in [&twice, &resumed] {
        assert!(weights(&once, 12) == weights(other, 12), "other weights");
    }
    for other in [&twice, &resumed, &unseen] {
        assert_eq!(metrics(&once), metrics(other));
    }
}

#[test]
fn samples_are_written_in_every_format_and_never_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(&at("run"), &["--steps", "3"]);
    let sample = |out: &str, more: &[&str]| {
        let (run, out) = (at("run"), at(out));
        let fixed = [
            "sample",
            text(&run),
            "--count",
            "3",
            "--steps",
            "4",
            "--out",
            text(&out),
        ];
        done(&[&fixed, more].concat());
    };
    let exact = at("path.safetensors");
    for out in ["a.png", "a.gif", "a.apng", "pictures"] {
        sample(out, &[]);
        assert!(at(out).exists(), "{out}");
    }
    sample("a.safetensors", &["--trajectory", text(&exact)]);
    let tensors = |path: &Path| {
        safetensors::SafeTensors::deserialize(&fs::read(path).unwrap())
            .unwrap()
            .tensors()
            .len()
    };
    assert_eq!(tensors(&at("a.safetensors")), 1);
    assert_eq!(tensors(&exact), 1 + 2 * 4, "x_init, and x and x0 of four moves");
    let (run, taken) = (at("run"), at("a.png"));
    refused(
        &["sample", text(&run), "--out", text(&taken)],
        &["a.png", "already exists"],
    );
}

#[test]
fn the_starting_noise_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    train(Path::new(&at("run")), &["--steps", "3"]);
    let fixed = ["sample", &at("run"), "--count", "2", "--steps", "3"];
    let (first, path, second) = (
        at("first.safetensors"),
        at("path.safetensors"),
        at("second.safetensors"),
    );
    done(&[&fixed[..], &["--seed", "5", "--trajectory", &path, "--out", &first]].concat());
    done(&[&fixed[..], &["--seed", "6", "--noise", &path, "--out", &second]].concat());
    assert_eq!(
        fs::read(first).unwrap(),
        fs::read(second).unwrap(),
        "DDIM depends on the starting noise only"
    );
}

#[test]
fn registries_are_listed_as_json() {
    for registry in [
        "samplers",
        "spacings",
        "schedules",
        "targets",
        "nets",
        "data",
        "recipes",
        "models",
    ] {
        let all: serde_json::Value = serde_json::from_str(&done(&["list", registry, "--json"])).unwrap();
        let entries = all.as_array().unwrap();
        assert!(!entries.is_empty(), "{registry}");
        assert!(entries.iter().all(|e| e["id"].is_string()), "{registry}");
    }
}

#[test]
fn a_recipe_is_checked_without_running_it() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.toml");
    fs::write(&recipe, "[schedule]\nid = \"linear\"\nsteps = 50\nscale = false\n").unwrap();
    let told = done(&["check", text(&recipe)]);
    for part in [
        "60.3 % of the signal",
        "[unscaled-betas]",
        "arXiv:2305.08891",
        "remedy: Scale β",
    ] {
        assert!(told.contains(part), "“{part}” is not in: {told}");
    }
    let leading = ["check", "moons", "--spacing", "leading", "--steps", "10", "--json"];
    let told: serde_json::Value = serde_json::from_str(&done(&leading)).unwrap();
    assert_eq!(
        (&told[0]["trap"], &told[0]["severity"]),
        (&"late-start".into(), &"warning".into())
    );
    assert_eq!(done(&["check", "moons"]).trim(), "nothing to worry about");
    refused(&["check", "moons", "--sampler", "dimm"], &["ddim"]);
}

#[test]
fn a_case_is_measured_as_the_yardstick_does() {
    for (device, executor) in [("cpu", "plan"), ("cpu-candle", "candle")] {
        let line = done(&["bench", "points_mlp", "--json", "--seconds", "0", "--device", device]);
        let report: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            [&report["case"], &report["params"]],
            [&serde_json::json!("points_mlp"), &serde_json::json!(75_010)]
        );
        assert!(report["executor"].as_str().unwrap().starts_with(executor), "{report}");
        for number in ["train_step_ms", "forward_ms", "train_gflops", "forward_gflops"] {
            assert!(report[number].as_f64().unwrap() > 0.0, "{report}");
        }
    }
    let text = done(&["bench", "points_mlp", "points_mlp", "--seconds", "0"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2 && lines.iter().all(|l| l.contains("GFLOP/s")),
        "one line a case: {text}"
    );
    refused(&["bench", "points"], &["points", "points_mlp", "rgb64"]);
}

#[test]
fn faults_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let empty = text(folder.path());
    refused(&["train", "--data", "mooons"], &["mooons", "did you mean “moons”?"]);
    refused(&["train", "--data", empty], &[empty]);
    refused(
        &["train", "--data", "moons", "--set", "train.lrr=1"],
        &["train.lrr", "lr"],
    );
    refused(
        &["train", "--data", "moons", "--preset", "huge"],
        &["tiny, small, base"],
    );
    refused(&["train", "--data", "moons", "--device", "abacus"], &["abacus", "cpu"]);
    refused(&["sample", empty, "--out", "x.png"], &[empty]);
    refused(&["sample", empty, "--out", "x.bmp"], &[".bmp", ".png"]);
    let recipe = folder.path().join("recipe.toml");
    fs::write(&recipe, "version = 1\n[train]\nstpes = 3\n").unwrap();
    refused(&["train", text(&recipe)], &["recipe.toml", "line 3", "stpes", "steps"]);
    assert_eq!(run(&["train", "--nonsense"]).status.code(), Some(2));
}

#[cfg(all(feature = "gui", target_os = "linux"))]
#[test]
fn without_a_display_the_headless_command_is_named() {
    refused(&[], &["display", "diffusion-studio train"]);
}
