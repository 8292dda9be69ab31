//! What `.ci/run` runs: the cheap checks first, then the README's test command.

use std::process::Stdio;

use crate::run::{Failure, cargo, step};
use crate::{setup, test};

/// Format, lints, licences and crates, then every test.
pub(crate) fn all() -> Result<(), Failure> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    setup::wasm_target()?;
    let deny_warnings = ["--", "--deny", "warnings"];
    step(
        "lints of the core",
        cargo()
            .args(["clippy", "--quiet", "--workspace", "--exclude", "web", "--all-targets"])
            .args(deny_warnings),
    )?;
    step(
        "lints of core.wasm",
        cargo()
            .args(["clippy", "--quiet", "-p", "lab", "--lib", "--no-default-features"])
            .args(["--features", "core", "--target", "wasm32-unknown-unknown"])
            .args(deny_warnings),
    )?;
    step(
        "lints of the page",
        cargo()
            .args(["clippy", "--quiet", "-p", "web", "--target", "wasm32-unknown-unknown"])
            .args(deny_warnings),
    )?;
    crates()?;
    test::all(false)
}

/// Licences, duplicates and banned crates; advisories where their database can be reached.
fn crates() -> Result<(), Failure> {
    setup::cargo_deny()?;
    step(
        "licences, duplicate and banned crates",
        cargo().args(["deny", "--config", ".deny.toml", "check", "licenses", "bans", "sources"]),
    )?;
    let fetched = cargo()
        .args(["deny", "--config", ".deny.toml", "fetch", "db"])
        .stderr(Stdio::null())
        .status();
    if fetched.is_ok_and(|status| status.success()) {
        return step(
            "advisories",
            cargo().args(["deny", "--config", ".deny.toml", "check", "advisories"]),
        );
    }
    println!("xtask: advisories NOT checked: their database cannot be reached from this machine");
    Ok(())
}
