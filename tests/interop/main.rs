//! Data and commands between the lab and the real etcd 3.5.1, both ways.
//!
//! * `states.rs`: random states made in the lab are restored and served by the real etcd, and
//!   come back; states made by the real etcd are read here.
//! * `sequences.rs`: random command sequences typed into the real etcdctl and ours.
//! * `home.rs`: what *take it home* makes starts three real members that serve the data.
//! * `real.rs`: the real programs; `lab.rs`: the lab's side; `random.rs`: numbers from a seed.
//!
//! The programs come from `cargo xtask test`, which names their folder in `QUORUM_REAL_ETCD`.
//! Without them each test says so in one line and proves nothing. All traffic is on 127.0.0.1.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "these tests run programs of the real machine, and fail where they unwrap"
)]

mod home;
mod lab;
mod random;
mod real;
mod sequences;
mod states;
