//! `restore` as it is typed.

use std::{path::Path, process::Command};

use image::{GrayImage, ImageBuffer, Luma};
use tempfile::tempdir;

fn restore(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .args(["restore", "exact:digits8x8"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        assert_eq!(output.status.code(), Some(1));
        Err(text(output.stderr))
    }
}

/// A picture of 16 bits, larger than the model, with a hole of nine by twelve pixels.
fn large(folder: &Path) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    let picture = ImageBuffer::from_fn(50, 30, |x, y| Luma([(x * 1200 + y * 7) as u16]));
    picture.save(folder.join("large.png")).unwrap();
    mask().save(folder.join("mask.png")).unwrap();
    picture
}

fn mask() -> GrayImage {
    let inside = |x, y| (20..29).contains(&x) && (8..20).contains(&y);
    GrayImage::from_fn(50, 30, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
}

#[test]
fn a_larger_picture_keeps_its_size_its_depth_and_what_is_known() {
    let folder = tempdir().unwrap();
    let before = large(folder.path());
    let arguments = [
        "--method",
        "ddrm",
        "--image",
        "large.png",
        "--mask",
        "mask.png",
        "--out",
        "after.png",
        "--json",
    ];
    let rows: serde_json::Value = serde_json::from_str(&restore(folder.path(), &arguments).unwrap()).unwrap();
    assert_eq!((&rows[0]["calls"], &rows[0]["residual"]), (&20.0.into(), &0.0.into()));
    let after = image::open(folder.path().join("after.png")).unwrap();
    assert_eq!(after.color(), image::ColorType::L16);
    let (after, mask) = (after.into_luma16(), mask());
    assert_eq!(after.dimensions(), (50, 30));
    let differs = |(x, y): (u32, u32)| after.get_pixel(x, y) != before.get_pixel(x, y);
    let all = || (0..30).flat_map(|y| (0..50).map(move |x| (x, y)));
    assert!(
        all()
            .filter(|&(x, y)| mask.get_pixel(x, y).0[0] == 0)
            .all(|place| !differs(place))
    );
    assert!(all().filter(|&place| differs(place)).count() > 90);
}

#[test]
fn several_methods_make_a_sheet_and_a_line_for_each_candidate() {
    let folder = tempdir().unwrap();
    large(folder.path());
    let arguments = [
        "--method",
        "ddnm,ddrm",
        "--image",
        "large.png",
        "--task",
        "sr2",
        "--count",
        "2",
        "--steps",
        "5",
        "--out",
        "sheet.png",
    ];
    let table = restore(folder.path(), &arguments).unwrap();
    let names: Vec<&str> = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["ddnm", "ddnm", "ddrm", "ddrm"]);
    let sheet = image::open(folder.path().join("sheet.png")).unwrap();
    // Original, measurement and two candidates, each eight pixels enlarged by eight, with gaps of two.
    assert_eq!((sheet.width(), sheet.height()), (4 * 66 + 2, 2 * 66 + 2));
}

#[test]
fn what_does_not_fit_is_said_before_any_work() {
    let folder = tempdir().unwrap();
    large(folder.path());
    let refusal = |more: &[&str]| {
        let fixed = ["--image", "large.png", "--out", "out.png"];
        restore(folder.path(), &[&fixed, more].concat()).unwrap_err()
    };
    assert!(refusal(&["--method", "ddrm"]).contains("needs --mask"));
    assert!(refusal(&["--method", "repant", "--mask", "mask.png"]).contains("did you mean “repaint”?"));
    assert!(refusal(&["--method", "repaint", "--task", "sr4"]).contains("choose one of: ddrm"));
    assert!(
        refusal(&["--method", "ddrm", "--mask", "mask.png", "--fit", "refuse"])
            .contains("50 × 30 pixels, but the model takes 8 × 8")
    );
    assert!(
        refusal(&["--method", "ddrm", "--task", "denoise", "--set", "jump=3"])
            .contains("none of ddrm has this parameter")
    );
}
