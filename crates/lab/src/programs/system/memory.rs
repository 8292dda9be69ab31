//! What a host's memory is used for: `free`, and the head of `top`.

use sim::Sys;

use crate::programs::Program;
use crate::programs::opts::Options;
use crate::programs::sizes::{self, TOTAL_KIB};

/// The entry of the table of programs.
pub(super) const FREE: Program = Program {
    name: "free",
    summary: "show the memory",
    usage: "free [-bkmgh] [-t]",
    run: |sys| Box::pin(free(sys)),
    complete: None,
};

/// What its kernel takes.
const KERNEL_KIB: u64 = 182_272;
const SHARED_KIB: u64 = 1_024;

/// The figures of `free`, in KiB.
pub(super) struct Memory {
    pub(super) used: u64,
    pub(super) free: u64,
    pub(super) cache: u64,
    pub(super) available: u64,
}

/// How the host's memory is used now.
pub(super) fn now(sys: &Sys) -> Memory {
    let processes: u64 = sys.ps().iter().map(|proc| sizes::of(sys, proc).0).sum();
    let used = (KERNEL_KIB + processes).min(TOTAL_KIB);
    // What was read and written stays in memory as long as there is room.
    let on_disk = sys.disk_usage().1 / 1024 + 217_088;
    let cache = on_disk.min(TOTAL_KIB - used);
    let free = TOTAL_KIB - used - cache;
    Memory { used, free, cache, available: TOTAL_KIB - used }
}

async fn free(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "bkmghtws:c:l",
        long: &[("human", 'h'), ("mega", 'm'), ("mebi", 'm'), ("giga", 'g'), ("total", 't')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &FREE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let unit = parsed.last_of("bkmgh").unwrap_or('k');
    let shown = |kib: u64| match unit {
        'b' => (kib * 1024).to_string(),
        'm' => (kib / 1024).to_string(),
        'g' => (kib / 1024 / 1024).to_string(),
        'h' => human(kib),
        _ => kib.to_string(),
    };
    let memory = now(&sys);
    let row = |head: &str, cells: &[u64]| {
        let cells: String = cells.iter().map(|kib| format!(" {:>11}", shown(*kib))).collect();
        format!("{head:<8}{cells}\n")
    };
    let mut text = format!(
        "{:<8} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n",
        "", "total", "used", "free", "shared", "buff/cache", "available"
    );
    let cells = [TOTAL_KIB, memory.used, memory.free, SHARED_KIB, memory.cache, memory.available];
    text.push_str(&row("Mem:", &cells));
    text.push_str(&row("Swap:", &[0, 0, 0]));
    if parsed.has('t') {
        text.push_str(&row("Total:", &[TOTAL_KIB, memory.used, memory.free]));
    }
    sys.print(&text).await;
    0
}

/// `3.1Gi`
fn human(kib: u64) -> String {
    const UNITS: [&str; 3] = ["Ki", "Mi", "Gi"];
    if kib == 0 {
        return "0B".to_owned();
    }
    let mut tenths = kib * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths < 100 {
        format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{}{}", tenths / 10, UNITS[unit])
    }
}
