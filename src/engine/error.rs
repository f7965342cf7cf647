//! What can go wrong in a job.

use crate::math::SpecError;

/// Why a job cannot be done. The message is shown as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Shapes, arithmetic, devices.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A choice of the recipe or request.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Reading data.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// Files of runs.
    #[error(transparent)]
    Files(#[from] crate::files::Error),
    /// A request that does not fit the present state.
    #[error("{0}")]
    Refused(String),
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

impl Error {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}
