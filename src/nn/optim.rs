//! AdamW on flat buffers.
