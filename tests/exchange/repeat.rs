//! A picture repeats itself: `sample --from`.

use std::{fs, path::Path};

use diffusion_studio::{
    draw::Raster,
    files::{Overwrite, Tensors, picture},
};

use crate::{copy, done, pack, refused, text};

#[test]
fn a_picture_repeats_itself_to_the_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let noise = pack().join("pipeline/samples.safetensors");
    let pipeline = pack().join("pipeline");
    let cases: [(&str, &[&str], &[&str]); 3] = [
        (
            "exact:moons",
            &[
                "--class",
                "each",
                "--guidance",
                "2",
                "--interval",
                "0.1..5",
                "--rescale",
                "0.5",
                "--sampler",
                "ddim",
                "--eta",
                "0.5",
                "--steps",
                "6",
                "--schedule",
                "cosine",
            ],
            &[],
        ),
        (
            "moons",
            &[
                "--sampler",
                "dpmpp-2m",
                "--set",
                "order=1",
                "--steps",
                "7",
                "--seed",
                "9",
            ],
            &[],
        ),
        (
            text(&pipeline),
            &["--sampler", "ddim", "--steps", "4", "--noise", text(&noise)],
            &["--noise", text(&noise)],
        ),
    ];
    for (index, (model, options, again)) in cases.into_iter().enumerate() {
        let ending = ["png", "gif", "apng"][index];
        let (first, second) = (at(&format!("{index}.{ending}")), at(&format!("{index}-again.{ending}")));
        done(&[&["sample", model, "--out", text(&first)], options].concat());
        let from = ["sample", model, "--from", text(&first), "--out", text(&second)];
        done(&[&from, again].concat());
        assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap(), "{model}");
        if !again.is_empty() {
            refused(
                &["sample", model, "--from", text(&first), "--out", text(&at("x.png"))],
                &["--noise"],
            );
        }
    }
    refused(
        &[
            "sample",
            "moons",
            "--from",
            text(&at("0.png")),
            "--out",
            text(&at("x.png")),
        ],
        &["another model"],
    );
}

/// Trains a model of digits for so many steps.
fn digits(run: &Path, steps: &str) {
    done(&[
        "train",
        "--data",
        "digits8x8",
        "--steps",
        steps,
        "--set",
        "train.batch=4",
        "--set",
        "preview.count=0",
        "--out",
        text(run),
    ]);
}

#[test]
fn other_networks_that_took_part_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (run, weak, weaker) = (at("run"), at("weak"), at("weaker"));
    for (run, steps) in [(&run, "3"), (&weak, "2"), (&weaker, "1")] {
        digits(run, steps);
    }
    let (own, other) = (at("own.safetensors"), at("other.safetensors"));
    for (file, seed) in [(&own, "1"), (&other, "2")] {
        let judge = ["judge", "--data", "digits8x8", "--epochs", "1", "--seed", seed];
        done(&[&judge[..], &["--out", text(file)]].concat());
    }
    let short = ["--steps", "3", "--count", "2"];
    let makes = |options: &[&str], first: &Path| {
        done(&[&["sample", text(&run), "--out", text(first)], &short[..], options].concat());
    };
    let out = at("again.png");
    let from = |first: &Path, more: &[&str]| -> Vec<String> {
        let words = [
            &["sample", text(&run), "--from", text(first), "--out", text(&out)],
            more,
        ]
        .concat();
        words.into_iter().map(str::to_owned).collect()
    };
    let again = |first: &Path, more: &[&str]| {
        let words = from(first, more);
        done(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(fs::read(first).unwrap() == fs::read(&out).unwrap(), "{more:?}");
        fs::remove_file(&out).unwrap();
    };
    let not = |first: &Path, more: &[&str], parts: &[&str]| {
        let words = from(first, more);
        refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), parts);
    };

    let guided = at("guided.png");
    makes(&["--autoguide", text(&weak), "--guidance", "2"], &guided);
    again(&guided, &["--autoguide", text(&weak)]);
    not(&guided, &[], &["away from weak", "--autoguide"]);
    not(
        &guided,
        &["--autoguide", text(&weaker)],
        &["other weights than these", "--autoguide"],
    );

    let led = at("led.png");
    makes(&["--classifier", "2", "--class", "3", "--judge", text(&own)], &led);
    again(&led, &["--judge", text(&own)]);
    not(&led, &[], &["another classifier", "name its file with --judge"]);
    not(
        &led,
        &["--judge", text(&other)],
        &["another classifier", "leave --judge out"],
    );
    not(&led, &["--autoguide", text(&weak)], &["leave --autoguide out"]);
    not(
        &guided,
        &["--autoguide", text(&weak), "--judge", text(&own)],
        &["leave --judge out"],
    );
}

#[test]
fn models_of_one_recipe_are_told_apart_by_their_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (picture, other) = (at("a.png"), at("other"));
    let pipeline = pack().join("pipeline");
    done(&[
        "sample",
        text(&pipeline),
        "--steps",
        "2",
        "--count",
        "1",
        "--out",
        text(&picture),
    ]);
    copy(&pipeline, &other);
    let file = other.join("unet/diffusion_pytorch_model.safetensors");
    let (notes, mut weights) = Tensors::read(&file).unwrap();
    weights.0.values_mut().next().unwrap().data[0] += 1.0;
    weights.write(&notes, &mut fs::File::create(&file).unwrap()).unwrap();
    refused(
        &[
            "sample",
            text(&other),
            "--from",
            text(&picture),
            "--out",
            text(&at("x.png")),
        ],
        &["pipeline, step 0", "another model"],
    );
}

#[test]
fn a_restored_picture_names_the_command_that_makes_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (run, original) = (at("run"), at("original.png"));
    digits(&run, "2");
    let raster = Raster {
        width: 8,
        height: 8,
        channels: 1,
        data: (0..64).map(|i| i * 4).collect(),
    };
    picture::write_png(&original, &raster, None, Overwrite::Refuse).unwrap();
    let mask = ["--mask", text(&original)];
    // RePaint jumps back and forth; noise is a parameter of the task.
    let jumps = ["--method", "repaint", "--task", "inpaint", "--set", "passes=2"];
    let noisy = ["--method", "ddrm", "--task", "sr2", "--set", "task.noise=0.25"];
    for (method, options) in [("repaint", [&jumps[..], &mask].concat()), ("ddrm", noisy.to_vec())] {
        let (first, second) = (at(&format!("{method}-first")), at(&format!("{method}-second")));
        let fixed = ["restore", text(&run), "--steps", "4", "--seed", "7", "--count", "2"];
        let files = ["--image", text(&original), "--out", text(&first)];
        done(&[&fixed, &options[..], &files].concat());
        let (picture, unused) = (first.join(format!("{method}-001.png")), at("x.png"));
        let output = crate::run(&["sample", text(&run), "--from", text(&picture), "--out", text(&unused)]);
        let message = String::from_utf8(output.stderr).unwrap();
        let command = message.split('`').nth(1).unwrap_or_else(|| panic!("{message}"));
        let command = command
            .replace("ORIGINAL", text(&original))
            .replace("MASK", text(&original))
            .replace("FOLDER", text(&second));
        done(&command.split(' ').skip(1).collect::<Vec<_>>());
        for sample in ["000", "001"] {
            let name = format!("{method}-{sample}.png");
            assert!(
                fs::read(first.join(&name)).unwrap() == fs::read(second.join(&name)).unwrap(),
                "{command}"
            );
        }
    }
}
