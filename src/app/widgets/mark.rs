//! Places on a time axis that are worth a look.

/// A step from which on something is different elsewhere.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Which one.
    pub step: usize,
    /// Whether it stands out because the pointer is on what it is about.
    pub lit: bool,
    /// What is different there, a line each.
    pub names: String,
}
