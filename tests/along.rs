//! Sampling along another noise schedule than the model's: the same end as that of a model that knows that schedule.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod rig;

use std::{fs, path::Path, process::Command, sync::Arc};

use diffusion_studio::{
    engine::{
        command::{Branch, Model, Restoration, SampleRequest},
        exact::ExactModel,
        headless,
    },
    math::{Spec, Value},
    nn::DeviceChoice,
};
use rig::request;

/// A schedule whose noise all others know.
fn path() -> Spec {
    Spec::new("custom")
        .with("log-snr-0", Value::Real(8.0))
        .with("log-snr-8", Value::Real(-7.5))
}

/// Gaussian data, known exactly, so that nothing but the moves decides the end.
fn gaussian(schedule: Spec) -> Model {
    let exact = ExactModel::parse("exact-gaussian:moons").unwrap();
    Model::Exact(Box::new(ExactModel { schedule, ..exact }))
}

fn end(request: &SampleRequest) -> Vec<f32> {
    headless::sample(request, DeviceChoice::Auto, false, |_, _| {})
        .unwrap()
        .x
}

/// How far two ends are from each other at most.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn refusal(request: &SampleRequest) -> String {
    let answer = headless::sample(request, DeviceChoice::Auto, false, |_, _| {});
    answer.map(|_| ()).unwrap_err().to_string()
}

/// Whatever schedule a model has learned, along another one it makes what a model of that one makes.
#[test]
fn the_samples_are_those_of_a_model_with_that_schedule() {
    for sampler in ["ddim", "euler", "heun", "dpmpp-2m", "unipc"] {
        for spacing in ["trailing", "karras"] {
            let along = |model, schedule| SampleRequest {
                model,
                schedule,
                steps: 12,
                spacing: Spec::new(spacing),
                ..request(1, 40, sampler)
            };
            let expected = end(&along(gaussian(path()), None));
            for own in ["linear", "cosine", "vp", "edm", "flow", "ve"] {
                let found = end(&along(gaussian(Spec::new(own)), Some(path())));
                let worst = apart(&found, &expected);
                assert!(
                    worst < 4e-3,
                    "{sampler}, {spacing}: {own} along the path is {worst} off"
                );
            }
            let other = end(&along(gaussian(Spec::new("linear")), None));
            let change = apart(&other, &expected);
            assert!(
                change > 8e-3,
                "{sampler}, {spacing}: the path changes something, {change}"
            );
        }
    }
}

#[test]
fn along_its_own_schedule_a_model_makes_the_same_bits() {
    let own = |schedule| SampleRequest {
        model: gaussian(Spec::new("cosine")),
        schedule,
        ..request(1, 8, "ddpm")
    };
    assert_eq!(end(&own(None)), end(&own(Some(Spec::new("cosine")))));
    assert_ne!(end(&own(None)), end(&own(Some(path()))));
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let parent = SampleRequest {
        model: gaussian(Spec::new("cosine")),
        ..request(1, 8, "ddim")
    };
    let branch = SampleRequest {
        schedule: Some(path()),
        branch: Some(Arc::new(Branch {
            parent: parent.clone(),
            step: 3,
            sample: None,
            remaining: None,
        })),
        ..parent.clone()
    };
    assert!(refusal(&branch).contains("how many moves"), "{}", refusal(&branch));
    let restoration = SampleRequest {
        schedule: Some(path()),
        sampler: Spec::new("replace"),
        restore: Some(Arc::new(Restoration {
            task: Spec::new("inpaint"),
            picture: [0.5, 0.5].into(),
            measured: false,
            fill: Some([0.0, 1.0].into()),
            guide: None,
        })),
        ..parent.clone()
    };
    assert!(
        refusal(&restoration).contains("restoration"),
        "{}",
        refusal(&restoration)
    );
    let broken = SampleRequest {
        schedule: Some(Spec::new("linar")),
        ..parent
    };
    assert!(refusal(&broken).contains("linear"), "{}", refusal(&broken));
}

fn sample(options: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .args(["sample", "moons"])
        .args(options)
        .output()
        .unwrap()
}

fn picture(out: &Path, options: &[&str]) -> Vec<u8> {
    let output = sample(&[options, &["--out", out.to_str().unwrap()]].concat());
    assert!(
        output.status.success(),
        "{options:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read(out).unwrap()
}

/// A picture says along which schedule it was made, and so does a branch of it.
#[test]
fn pictures_repeat_themselves_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let few = ["--steps", "8", "--count", "6"];
    let drawn = picture(
        &at("a.png"),
        &[&few[..], &["--schedule", "custom,log-snr-4=0.5,log-snr-8=-9.5"]].concat(),
    );
    assert_ne!(drawn, picture(&at("b.png"), &few));
    assert_eq!(drawn, picture(&at("c.png"), &["--from", at("a.png").to_str().unwrap()]));

    let recipe = at("recipe.toml");
    fs::write(
        &recipe,
        "[schedule]\nid = \"custom\"\nlog-snr-4 = 0.5\nlog-snr-8 = -9.5\n",
    )
    .unwrap();
    let read = picture(
        &at("d.png"),
        &[&few[..], &["--schedule", recipe.to_str().unwrap()]].concat(),
    );
    assert_eq!(drawn, read);

    let parted = ["--branch", at("a.png").to_str().unwrap(), "--at", "3"].map(str::to_owned);
    let parted: Vec<&str> = parted.iter().map(String::as_str).collect();
    let branch = picture(
        &at("e.png"),
        &[&parted[..], &["--remaining", "5", "--schedule", "cosine"]].concat(),
    );
    assert_eq!(
        branch,
        picture(&at("f.png"), &["--from", at("e.png").to_str().unwrap()])
    );
    let output = sample(
        &[
            &parted[..],
            &["--schedule", "cosine", "--out", at("g.png").to_str().unwrap()],
        ]
        .concat(),
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("how many moves"));
    let output = sample(&[
        "--schedule",
        "custom,log-snr-4=99",
        "--out",
        at("h.png").to_str().unwrap(),
    ]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("log-snr-4"));
}
