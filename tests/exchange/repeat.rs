//! A picture repeats itself: `sample --from`.

use std::fs;

use crate::{done, pack, refused, text};

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
