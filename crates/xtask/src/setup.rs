//! What the page's build needs, checked and installed.

use std::fs;
use std::path::Path;

use crate::run::{self, Failure, cargo, output, program, root, step, tools};

/// Equal to the crate's version in Cargo.toml; a tidy test compares them.
pub(crate) const WASM_BINDGEN: &str = "0.2.129";
/// The newest Trunk that this Rust compiles.
pub(crate) const TRUNK: &str = "0.21.14";
const CARGO_DENY: &str = "0.20.2";
const NODE_MAJOR_MIN: u32 = 20;

/// All that `build` and `serve` need.
pub(crate) fn page() -> Result<(), Failure> {
    wasm_target()?;
    node()?;
    cargo_tool("wasm-bindgen", "wasm-bindgen-cli", WASM_BINDGEN, &[])?;
    cargo_tool("trunk", "trunk", TRUNK, &["--no-default-features"])?;
    npm(&root().join("web"))
}

/// The target that the page compiles to.
pub(crate) fn wasm_target() -> Result<(), Failure> {
    let installed =
        output(program("rustup").args(["target", "list", "--installed"])).unwrap_or_default();
    if installed.lines().any(|line| line == "wasm32-unknown-unknown") {
        return Ok(());
    }
    step(
        "adding the wasm32 target",
        program("rustup").args(["target", "add", "wasm32-unknown-unknown"]),
    )
}

/// The licence and duplicate checker of `ci`.
pub(crate) fn cargo_deny() -> Result<(), Failure> {
    cargo_tool("cargo-deny", "cargo-deny", CARGO_DENY, &["--no-default-features"])
}

/// Installs a cargo program of an exact version, unless the PATH has it.
fn cargo_tool(binary: &str, package: &str, version: &str, flags: &[&str]) -> Result<(), Failure> {
    let present = output(program(binary).arg("--version")).unwrap_or_default();
    if present.split_whitespace().any(|word| word == version) {
        return Ok(());
    }
    step(
        &format!("installing {package} {version} into target/tools (some minutes, once)"),
        cargo()
            .args(["install", "--locked", "--debug", "--quiet", "--root"])
            .arg(tools())
            .args(flags)
            .arg(format!("{package}@{version}"))
            .env_remove("CARGO_TARGET_DIR"),
    )
}

/// Node itself is not ours to install: say so.
pub(crate) fn node() -> Result<(), Failure> {
    let version = output(program("node").arg("--version")).unwrap_or_default();
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|m| m.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(()),
        Some(_) => Err(Failure::new(format!(
            "Node {} is too old: {NODE_MAJOR_MIN} or newer is needed",
            version.trim()
        ))),
        None => {
            Err(Failure::new(format!("Node {NODE_MAJOR_MIN} or newer is needed and was not found")))
        }
    }
}

/// Installs a folder's npm packages when its lock file is not the one last installed.
pub(crate) fn npm(folder: &Path) -> Result<(), Failure> {
    let lock = fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules").join(".installed-lock");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let name = folder.strip_prefix(run::root()).unwrap_or(folder).display();
    step(
        &format!("installing the npm packages of {name}"),
        program(npm)
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder)
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
    )?;
    fs::write(stamp, lock)?;
    Ok(())
}
