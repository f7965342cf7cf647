//! The budgets of the window, measured on the real window as a person uses it (software rendering, on a screen of its own):
//! `cargo bench --features inspection --bench window`, or with names of [`ROWS`] behind `--`.
//!
//! `-- memory 60` trains for 60 minutes while a kept trajectory is scrubbed, and follows the memory.
//!
//! The window is driven through egui's inspection port, which makes it describe its widgets as for a screen reader: that
//! is part of all figures. Reads `/proc`, so it needs Linux; and Xvfb.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and says what it found"
)]

mod answers;
#[path = "../cloud/mod.rs"]
mod cloud;
mod frames;
mod headless;
mod memory;
mod person;
mod process;
mod speed;
mod start;
#[path = "../../tests/window/studio.rs"]
#[allow(dead_code, reason = "the tests of the window use the rest")]
mod studio;
mod table;

/// What can be measured, by name.
const ROWS: &[(&str, fn())] = &[
    ("start", start::start),
    ("frames", frames::frames),
    ("idle", frames::idle),
    ("scrub", answers::scrub),
    ("weights", answers::weights),
    ("stop", answers::stop),
    ("speed", speed::speed),
    ("curve", headless::curve),
    ("points", headless::points),
];

fn main() {
    let names: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    println!("{:<62}{:>9}{:>9}", "", "measured", "budget");
    if let [name, minutes] = &*names
        && name == "memory"
    {
        return memory::memory(minutes.parse().unwrap());
    }
    for (_, measure) in ROWS
        .iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        measure();
    }
}
