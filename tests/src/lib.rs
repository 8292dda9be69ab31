//! What the integration tests and the benchmarks share.

pub mod workload;
