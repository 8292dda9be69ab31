//! How Go writes and reads things: quoting, numbers, durations, JSON strings, addresses, URLs.
//!
//! etcdctl and etcd are Go programs and their texts are full of what Go's standard library
//! prints. Each file is one of its packages, as far as those texts need it. Pure functions.

pub mod addr;
pub mod duration;
pub mod json;
pub mod number;
pub mod quote;
pub mod tabwriter;
