//! What is fuzzed, and a way to do it without a nightly compiler.
//!
//! `targets` holds one function a target: bytes in, a panic if something is wrong. cargo-fuzz
//! drives them with libFuzzer, guided by coverage. On a stable compiler
//! `cargo run --bin bolt -- SECONDS [SEED]` drives the same function by the loop of `mutate`,
//! which changes the files of `corpus/` at random: it sees no coverage, so it finds less, and
//! says how many inputs it tried.

pub mod mutate;
pub mod targets;
