//! Turning the host off and on: `reboot`, `poweroff`, `halt`, `shutdown`.

use serde_json::json;
use sim::{Errno, Sys};

use super::ctl;
use crate::programs::Program;

/// The entry of the table of programs.
pub(crate) const REBOOT: Program = Program {
    name: "reboot",
    summary: "start the host anew",
    usage: "reboot",
    run: |sys| Box::pin(end(sys, true)),
    complete: None,
};

/// The entry of the table of programs.
pub(crate) const POWEROFF: Program = Program {
    name: "poweroff",
    summary: "turn the host off",
    usage: "poweroff",
    run: |sys| Box::pin(end(sys, false)),
    complete: None,
};

/// The entry of the table of programs.
pub(crate) const SHUTDOWN: Program = Program {
    name: "shutdown",
    summary: "turn the host off or start it anew",
    usage: "shutdown [-r] [-h] [now]",
    run: |sys| Box::pin(shutdown(sys)),
    complete: None,
};

/// Longer than stopping services may take.
const GOODBYE_US: u64 = 180_000_000;

async fn end(sys: Sys, again: bool) -> i32 {
    ask(&sys, again).await.unwrap_or(1)
}

/// Asks process 1 to end this run.
pub(super) async fn ask(sys: &Sys, again: bool) -> Result<i32, Errno> {
    let answer = ctl::ask(sys, json!({ "verb": "power", "again": again })).await?;
    if answer.get("denied").is_some() {
        let what = if again { "reboot" } else { "poweroff" };
        sys.eprint(&format!(
            "Failed to set wall message, ignoring: Interactive authentication required.\n\
             Call to {}{} failed: Interactive authentication required.\n",
            what[..1].to_uppercase(),
            &what[1..]
        ))
        .await;
        return Ok(1);
    }
    // The next thing that happens to whoever asked is that the power goes.
    sys.sleep_us(GOODBYE_US).await;
    Ok(0)
}

async fn shutdown(sys: Sys) -> i32 {
    let args = sys.args();
    let again = args[1..].iter().any(|arg| arg == "-r" || arg == "--reboot");
    let when = args[1..].iter().find(|arg| !arg.starts_with('-')).map_or("+1", String::as_str);
    let minutes = match when {
        "now" => 0,
        other => match other.trim_start_matches('+').parse::<u64>() {
            Ok(minutes) => minutes,
            Err(_) => {
                sys.eprint(&format!("Failed to parse time specification: {other}\n")).await;
                return 1;
            }
        },
    };
    sys.sleep_us(minutes * 60_000_000).await;
    ask(&sys, again).await.unwrap_or(1)
}
