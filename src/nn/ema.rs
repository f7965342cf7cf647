//! Averaged weights.
