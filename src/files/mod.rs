//! What the program writes and reads back: recipes, run folders, checkpoints, pictures and films with the recipe inside.
//!
//! Everything is written under a temporary name, synced and renamed, so that a kill or a full disk leaves the old file
//! or none. Nothing is memory-mapped, no path from inside a file is followed, and the sizes that a header claims are
//! compared with the file before anything is allocated.

pub mod atomic;
pub mod bundled;
pub mod checkpoint;
mod comment;
pub mod curves;
pub mod diffusers;
pub mod document;
mod error;
pub mod figures;
pub mod film;
pub mod judge;
mod kept_data;
pub mod learning;
pub mod metrics;
pub mod model;
pub mod picture;
pub mod place;
pub mod provenance;
pub mod recipe;
pub mod remarks;
pub mod run;
pub mod summary;
pub mod tensorboard;
pub mod tensors;

pub use checkpoint::{Checkpoint, State};
pub use document::Document;
pub use error::Error;
pub use judge::SavedJudge;
pub use model::SavedModel;
pub use place::Overwrite;
pub use provenance::Provenance;
pub use recipe::Recipe;
pub use remarks::Remarks;
pub use run::{Holder, Lock, Newest, RunFolder};
pub use summary::Summary;
pub use tensors::{Tensor, Tensors};

/// Results of this layer.
pub type Result<T> = std::result::Result<T, Error>;
