//! Builds the page into `dist/` and weighs it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Failure, program, root, step};
use crate::{browser, setup};

/// Builds the release page; answers with its folder.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    setup::page()?;
    // Relative URLs, so that the folder works under any path of any host.
    step("building the page", program("trunk").args(["build", "--release", "--public-url", "./"]))?;
    let dist = root().join("dist");
    let total = weigh(&dist)?;
    println!("xtask: dist/ is ready: {} KiB on disk", total / 1024);
    Ok(dist)
}

/// Visits the built page and notes which of its functions can come later, for the next build.
pub(crate) fn later() -> Result<(), Failure> {
    let dist = build()?;
    let e2e = root().join("tests/e2e");
    setup::npm(&e2e)?;
    step(
        "noting what a first visit enters",
        program("node")
            .arg(e2e.join("later.mjs"))
            .env("CHROMIUM", browser::find()?)
            .env("DIST", dist),
    )
}

/// The bytes of all files under a folder.
fn weigh(folder: &Path) -> Result<u64, Failure> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        total += if entry.file_type()?.is_dir() {
            weigh(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(total)
}
