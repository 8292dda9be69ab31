//! The README's picture, made by a script so that it cannot grow old by hand.

use crate::run::{Failure, program, root, step};
use crate::{browser, page, setup};

/// Builds the page, opens it, saves the pictures under `static/`.
pub(crate) fn all() -> Result<(), Failure> {
    let dist = page::build()?;
    let e2e = root().join("tests/e2e");
    setup::npm(&e2e)?;
    step(
        "taking the pictures",
        program("node")
            .arg(e2e.join("shots.mjs"))
            .env("CHROMIUM", browser::find()?)
            .env("DIST", dist)
            .env("OUT", root().join("static")),
    )
}
