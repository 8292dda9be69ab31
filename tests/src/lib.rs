//! What the integration tests and the benchmarks share.

pub mod recorded;
pub mod workload;
