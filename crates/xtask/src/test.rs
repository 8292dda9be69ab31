//! Every test, in the order in which a failure tells most.

use std::fs;
use std::path::PathBuf;

use crate::run::{Failure, cargo, output, program, root, step};
use crate::{browser, page, realetcd, setup};

/// What the first screen may weigh, compressed: all that is loaded before it can be used.
/// The aim is 350; this number only falls.
const FIRST_SCREEN_KIB_MAX: u64 = 375;

/// Rust tests, wasm checks, trace parity; then the browser unless `quick`.
pub(crate) fn all(quick: bool) -> Result<(), Failure> {
    setup::wasm_target()?;
    setup::node()?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--exclude", "web", "--quiet"]);
    if let Some(programs) = realetcd::find() {
        tests.env("QUORUM_REAL_ETCD", programs);
    }
    step("Rust tests", &mut tests)?;
    let core = core_wasm()?;
    step(
        "checking the page for wasm32",
        cargo().args(["check", "--quiet", "-p", "web", "--target", "wasm32-unknown-unknown"]),
    )?;
    step("the page's own tests", cargo().args(["test", "--quiet", "-p", "web"]))?;
    parity(&[core, core_k8s_wasm()?])?;
    if quick {
        println!("xtask: browser tests left out (--quick)");
        return Ok(());
    }
    in_browser()
}

/// Builds the session as the page loads it for the world `cluster`.
pub(crate) fn core_wasm() -> Result<PathBuf, Failure> {
    module("core.wasm", "core")
}

/// Builds the session with everything that other worlds need.
pub(crate) fn core_k8s_wasm() -> Result<PathBuf, Failure> {
    module("core-k8s.wasm", "core,k8s")
}

/// Builds a module of the page and checks that it imports nothing: no import means that no
/// clock, network or random source can reach the world.
fn module(name: &str, features: &str) -> Result<PathBuf, Failure> {
    step(
        &format!("building {name}"),
        cargo()
            .args(["rustc", "--quiet", "--release", "-p", "lab", "--lib", "--no-default-features"])
            .args(["--features", features, "--target", "wasm32-unknown-unknown"])
            .args(["--crate-type", "cdylib", "--", "-Cstrip=none", "-Clink-arg=--emit-relocs"]),
    )?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let built = target.join("wasm32-unknown-unknown/release");
    // Both are built in the same place; each is kept under its own name.
    let file = built.join(name);
    fs::copy(built.join("lab.wasm"), &file)?;
    let script = "const m = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));\
                  console.log(JSON.stringify(WebAssembly.Module.imports(m)))";
    let imports = output(program("node").args(["-e", script]).arg(&file)).unwrap_or_default();
    if imports.trim() != "[]" {
        return Err(Failure::new(format!(
            "{name} must import nothing, but imports {}",
            imports.trim()
        )));
    }
    Ok(file)
}

/// The same commands to the native session and to both modules: every answer equal, byte by byte.
fn parity(modules: &[PathBuf]) -> Result<(), Failure> {
    let streams = root().join("target").join("traces");
    fs::create_dir_all(&streams)?;
    step(
        "recording traces natively",
        cargo().args(["run", "--quiet", "-p", "tests", "--bin", "traces", "--"]).arg(&streams),
    )?;
    // The page begins with what the first commands need of the core.
    let first = root().join("target").join("first.stream");
    step(
        "writing the first commands of a page",
        cargo()
            .args(["run", "--quiet", "-p", "lab", "--no-default-features", "--bin", "first", "--"])
            .arg(&first),
    )?;
    let replay = root().join("tests/traces/replay.mjs");
    for module in modules {
        let what = format!("replaying the traces in {}", module.display());
        step(&what, program("node").arg(&replay).arg(module).arg(&streams).arg(&first))?;
    }
    Ok(())
}

/// The built page, weighed and used in a real browser.
fn in_browser() -> Result<(), Failure> {
    let dist = page::build()?;
    let e2e = root().join("tests/e2e");
    setup::npm(&e2e)?;
    step(
        "weighing the first screen",
        program("node").arg(e2e.join("weigh.mjs")).arg(&dist).arg(FIRST_SCREEN_KIB_MAX.to_string()),
    )?;
    let chromium = browser::find()?;
    println!("xtask: browser: {}", chromium.display());
    step(
        "browser tests",
        program("node")
            .args(["--test", "--test-reporter=spec", "--test-concurrency=1", "tests/"])
            .current_dir(&e2e)
            .env("CHROMIUM", chromium)
            .env("DIST", dist),
    )
}
