//! Starts the studio or one of its commands.

fn main() {}
