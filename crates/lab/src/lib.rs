//! The learner's machine: shell, programs, session.
//!
//! `api` and `exam` hold the words it shares with the page and are all that is built without
//! the feature `engine`. Everything else is the machine itself; it knows no browser and no wall clock.
//! Read `session` first, then `shell` and `programs`.

pub mod api;

#[cfg(all(feature = "core", target_arch = "wasm32"))]
mod core;
#[cfg(feature = "engine")]
mod course;
#[cfg(feature = "engine")]
pub mod etcdctl;
#[cfg(feature = "engine")]
pub mod etcdutl;
pub mod exam;
#[cfg(feature = "k8s")]
pub mod exercise;
#[cfg(feature = "k8s")]
mod kubectl;
#[cfg(feature = "engine")]
pub mod machine;
#[cfg(feature = "k8s")]
pub mod measure;
#[cfg(feature = "engine")]
pub mod programs;
#[cfg(feature = "engine")]
pub mod recipe;
#[cfg(feature = "engine")]
pub mod session;
#[cfg(feature = "engine")]
pub mod shell;
#[cfg(feature = "engine")]
pub mod simctl;
#[cfg(feature = "k8s")]
mod systemd;
#[cfg(feature = "engine")]
mod takehome;
#[cfg(feature = "engine")]
pub mod typist;
#[cfg(feature = "engine")]
pub mod worlds;
