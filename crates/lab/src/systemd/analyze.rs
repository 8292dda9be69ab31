//! `systemd-analyze`: what is wrong with a unit file, and how long the start took.

use sim::Sys;

use super::exec::{Command, Specifiers};
use super::load;
use super::unit::Settings;
use crate::programs::Program;

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "systemd-analyze",
    summary: "look for mistakes in unit files",
    usage: "systemd-analyze verify FILE... | time",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let words: Vec<&String> = args[1..].iter().filter(|arg| !arg.starts_with("--")).collect();
    match words.split_first() {
        None => time(&sys).await,
        Some((verb, _)) if *verb == "time" => time(&sys).await,
        Some((verb, [])) if *verb == "verify" => {
            sys.eprint("Too few arguments.\n").await;
            1
        }
        Some((verb, files)) if *verb == "verify" => {
            let mut status = 0;
            for file in files {
                status |= verify(&sys, file).await;
            }
            status
        }
        Some((verb, _)) => {
            sys.eprint(&format!("Unknown command verb {verb}.\n")).await;
            1
        }
    }
}

async fn time(sys: &Sys) -> i32 {
    sys.print("Startup finished in 1.204s (kernel) + 2.611s (userspace) = 3.815s\nmulti-user.target reached after 2.601s in userspace.\n").await;
    0
}

/// Says what is wrong with a unit: its lines, its commands, what it has to have.
async fn verify(sys: &Sys, file: &str) -> i32 {
    let name = load::full_name(file);
    let path = match file.contains('/') {
        true => Some(file.to_owned()),
        false => load::find(sys, &name).path,
    };
    let bytes = path.as_ref().and_then(|path| sys.read_file(path).ok());
    let (Some(path), Some(bytes)) = (path, bytes) else {
        sys.eprint(&format!("Failed to prepare filename {file}: No such file or directory\n"))
            .await;
        return 1;
    };
    let mut settings = Settings::default();
    settings.read(&path, &String::from_utf8_lossy(&bytes));
    let mut wrong: Vec<String> = settings.warnings.clone();
    let mut failed = false;
    if name.ends_with(".service") {
        let host = sys.hostname();
        let specifiers = Specifiers { unit: &name, host: &host, user: "root" };
        let starts = settings.all("Service", "ExecStart");
        let kind = settings.one("Service", "Type").unwrap_or("simple");
        if starts.is_empty() && kind != "oneshot" {
            failed = true;
            wrong.push(format!(
                "{name}: Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."
            ));
        }
        for start in starts {
            let Ok(command) = Command::parse(start, &specifiers) else {
                failed = true;
                wrong.push(format!("{path}: Executable path is not absolute, ignoring: {start}"));
                continue;
            };
            let program = command.argv(&std::collections::BTreeMap::new()).into_iter().next();
            let program = program.unwrap_or_default();
            if sys.access(&program, 1).is_err() {
                failed = true;
                wrong.push(format!(
                    "{name}: Command {program} is not executable: No such file or directory"
                ));
            }
        }
    }
    for line in &wrong {
        sys.eprint(&format!("{line}\n")).await;
    }
    i32::from(failed)
}
