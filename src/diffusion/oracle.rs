//! Exact denoisers for distributions whose score is known.
