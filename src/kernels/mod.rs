//! The CPU executor: a graph compiled to a plan, and its kernels.
