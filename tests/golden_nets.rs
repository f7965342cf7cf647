//! Networks against PyTorch and diffusers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

#[path = "golden_diffusers/read.rs"]
mod read;
#[path = "golden_diffusers/train.rs"]
mod train;
#[path = "golden_diffusers/unet.rs"]
mod unet;

fn folder(name: &str) -> PathBuf {
    let root = std::env::var("REFERENCE_DIR").unwrap_or_else(|_| "tests/golden".into());
    PathBuf::from(root).join(name)
}

#[test]
fn unets() {
    for name in ["attention", "class_conditional", "ddpm_cifar_layout", "plain"] {
        println!("{name}: {}", unet::check(&folder(&format!("unet_{name}"))));
    }
}

#[test]
fn training() {
    println!("train: {}", train::check(&folder("train")));
}
