//! Finds a Chromium, or gets one.

use std::path::{Path, PathBuf};

use crate::run::{Failure, output, program, root, step};

const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "msedge"];

const PLACES: [&str; 7] = [
    "/usr/bin/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/// The path of a Chromium: `$CHROMIUM`, the PATH, the usual places, then
/// Playwright's own download, then apt where we are root.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    if let Some(path) = present() {
        return Ok(path);
    }
    println!("xtask: no Chromium found; trying Playwright's own download");
    let e2e = root().join("tests/e2e");
    let npx = if cfg!(windows) { "npx.cmd" } else { "npx" };
    let download =
        program(npx).args(["playwright-core", "install", "chromium"]).current_dir(&e2e).status();
    if download.is_ok_and(|status| status.success())
        && let Some(path) = playwrights(&e2e)
    {
        return Ok(path);
    }
    if output(program("id").arg("-u")).is_some_and(|id| id.trim() == "0") {
        step("apt-get update", program("apt-get").args(["update", "-qq"]))?;
        step(
            "installing chromium with apt",
            program("apt-get").args(["install", "-y", "-qq", "chromium"]),
        )?;
        if let Some(path) = present() {
            return Ok(path);
        }
    }
    Err(Failure::new("no Chromium: install one, or set CHROMIUM to its path"))
}

fn present() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&path) {
        for name in NAMES {
            let file = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
            if file.is_file() {
                return Some(file);
            }
        }
    }
    PLACES.iter().map(PathBuf::from).find(|place| place.is_file())
}

/// Where Playwright put the browser it downloaded.
fn playwrights(e2e: &Path) -> Option<PathBuf> {
    let script = "console.log(require('playwright-core').chromium.executablePath())";
    let path = PathBuf::from(output(program("node").args(["-e", script]).current_dir(e2e))?.trim());
    path.is_file().then_some(path)
}
