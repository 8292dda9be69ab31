//! Whole worlds: real members on hosts, faults, clients, and the checkers watching.

#![allow(clippy::unwrap_used, reason = "a test that unwraps too much fails, as it should")]

mod clients;
mod common;
mod disks;
mod elections;
mod membership;
mod network;
#[cfg(feature = "k8s")]
mod secure;
mod serving;
mod soak;
mod upheaval;
