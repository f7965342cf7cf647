//! Losses and the sampling of training times.
