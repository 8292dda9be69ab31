//! Benchmarks: native ones by criterion, the same workloads in the page, one table.

use std::path::Path;

use crate::run::{Failure, cargo, program, root, step};
use crate::{browser, page, setup, test};

/// Runs all benchmarks; `json` names a file for the figures.
pub(crate) fn all(json: Option<&Path>, in_browser: bool) -> Result<(), Failure> {
    setup::wasm_target()?;
    setup::node()?;
    let core = test::core_wasm()?;
    step("criterion", cargo().args(["bench", "--quiet", "-p", "tests"]))?;
    let table = root().join("tests/e2e/bench.mjs");
    let mut command = program("node");
    command.arg(table).arg("--core").arg(core);
    if in_browser {
        let dist = page::build()?;
        setup::npm(&root().join("tests/e2e"))?;
        command.env("CHROMIUM", browser::find()?).arg("--dist").arg(dist);
    }
    if let Some(file) = json {
        command.arg("--json").arg(file);
    }
    step("the table", &mut command)
}
