//! The learner's machine: shell, programs, session.

pub mod api;
