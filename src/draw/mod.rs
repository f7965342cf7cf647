//! Pixels without a window.
