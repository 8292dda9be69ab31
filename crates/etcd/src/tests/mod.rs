//! Members against each other: the harness and the scenarios.

mod auth;
mod harness;
mod hazards;
mod life;
mod membership;
mod requests;
mod soak;
mod upkeep;
