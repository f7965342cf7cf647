//! A device for pictures: a graphics processor, or software Vulkan.

use std::panic::catch_unwind;

use eframe::egui_wgpu::{RenderState, RendererOptions};
use egui_kittest::wgpu::{create_render_state, default_wgpu_setup};

/// A device to draw with; `None` where there is none and none is asked for.
#[expect(clippy::print_stderr, reason = "a skip is to be seen")]
pub(crate) fn device(options: RendererOptions) -> Option<RenderState> {
    let found = catch_unwind(|| create_render_state(default_wgpu_setup(), options)).ok();
    let required = std::env::var("REQUIRE_VULKAN").is_ok_and(|v| v == "1");
    assert!(
        found.is_some() || !required,
        "REQUIRE_VULKAN=1, but no device was found"
    );
    if found.is_none() {
        eprintln!("SKIPPED: neither a graphics processor nor software Vulkan here");
    }
    found
}
