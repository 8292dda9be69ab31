//! Whole worlds: real members on hosts, faults, clients, and the checkers watching.

mod clients;
mod common;
mod disks;
mod elections;
mod membership;
mod network;
mod soak;
