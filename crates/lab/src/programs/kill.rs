//! `kill`, and what the shell's own `kill` shares with it.

use sim::{Errno, Pid, Signal, Sys};

use super::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "kill",
    summary: "send a signal to processes",
    usage: concat!(
        "kill [-SIGNAL | -s SIGNAL] PID...   or   kill -l\n",
        "Without a signal: TERM. A negative number means a whole process group.",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// What a command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Wish {
    /// `-l`: this text.
    List(String),
    /// None as the signal only asks whether the process is there.
    Send { signal: Option<Signal>, targets: Vec<String> },
}

/// Why a command line was refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    Usage,
    Signal(String),
}

fn signal_of(text: &str) -> Result<Option<Signal>, Refused> {
    if matches!(text, "0" | "EXIT") {
        return Ok(None);
    }
    let found = match text.parse::<u8>() {
        Ok(number) => Signal::from_number(number),
        Err(_) => Signal::from_name(text),
    };
    found.map(Some).ok_or_else(|| Refused::Signal(text.to_owned()))
}

/// Reads the arguments of `kill`.
pub(crate) fn parse(args: &[String]) -> Result<Wish, Refused> {
    let Some((first, rest)) = args.split_first() else { return Err(Refused::Usage) };
    let (signal, targets) = match first.as_str() {
        "-l" | "-L" | "--list" => return list(rest),
        "-s" | "-n" => {
            let (name, targets) = rest.split_first().ok_or(Refused::Usage)?;
            (signal_of(name)?, targets)
        }
        "--" => (Some(Signal::Term), rest),
        flag if flag.len() > 1 && flag.starts_with('-') => (signal_of(&flag[1..])?, rest),
        _ => (Some(Signal::Term), args),
    };
    let targets = match targets.split_first() {
        Some((dashes, after)) if dashes == "--" => after,
        _ => targets,
    };
    if targets.is_empty() {
        return Err(Refused::Usage);
    }
    Ok(Wish::Send { signal, targets: targets.to_vec() })
}

fn list(names: &[String]) -> Result<Wish, Refused> {
    if names.is_empty() {
        let cells: Vec<String> = Signal::ALL
            .iter()
            .map(|signal| format!("{:>2}) SIG{:<5}", signal.number(), signal.name()))
            .collect();
        let rows: Vec<String> =
            cells.chunks(5).map(|row| row.join("\t").trim_end().to_owned()).collect();
        return Ok(Wish::List(rows.join("\n") + "\n"));
    }
    let mut text = String::new();
    for name in names {
        let line = match name.parse::<u8>() {
            // A status of 128 and more is that of a signal.
            Ok(number) => Signal::from_number(number & 0x7f).map(|signal| signal.name().to_owned()),
            Err(_) => Signal::from_name(name).map(|signal| signal.number().to_string()),
        };
        text.push_str(&line.ok_or_else(|| Refused::Signal(name.clone()))?);
        text.push('\n');
    }
    Ok(Wish::List(text))
}

/// Sends to a process, or to a group by a negative number.
pub(crate) fn send(sys: &Sys, signal: Option<Signal>, target: &str) -> Result<(), Errno> {
    let number: i64 = target.parse().map_err(|_| Errno::Einval)?;
    let pid = Pid(u32::try_from(number.unsigned_abs()).map_err(|_| Errno::Esrch)?);
    match signal {
        Some(signal) if number < 0 => sys.kill_group(pid, signal),
        Some(signal) => sys.kill(pid, signal),
        None if sys.exists(pid) => Ok(()),
        None => Err(Errno::Esrch),
    }
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let args = args.get(1..).unwrap_or_default();
    match parse(args) {
        Ok(Wish::List(text)) => {
            sys.print(&text).await;
            0
        }
        Ok(Wish::Send { signal, targets }) => {
            let mut status = 0;
            for target in &targets {
                if let Err(error) = send(&sys, signal, target) {
                    let text = match error {
                        Errno::Einval => format!("kill: failed to parse argument: '{target}'\n"),
                        error => format!("kill: sending signal to {target} failed: {error}\n"),
                    };
                    sys.eprint(&text).await;
                    status = 1;
                }
            }
            status
        }
        Err(Refused::Usage) => {
            sys.eprint(&super::help::page(&PROGRAM)).await;
            1
        }
        Err(Refused::Signal(name)) => {
            sys.eprint(&format!("kill: unknown signal {name}\n")).await;
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wish, Refused> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn forms() {
        let send =
            |signal, target: &str| Ok(Wish::Send { signal, targets: vec![target.to_owned()] });
        assert_eq!(parsed("5"), send(Some(Signal::Term), "5"));
        assert_eq!(parsed("-9 5"), send(Some(Signal::Kill), "5"));
        assert_eq!(parsed("-KILL 5"), send(Some(Signal::Kill), "5"));
        assert_eq!(parsed("-s sigint 5"), send(Some(Signal::Int), "5"));
        assert_eq!(parsed("-0 5"), send(None, "5"));
        assert_eq!(parsed("-TERM -- -5"), send(Some(Signal::Term), "-5"));
        assert_eq!(parsed("-l 15"), Ok(Wish::List("TERM\n".to_owned())));
        assert_eq!(parsed("-l 137"), Ok(Wish::List("KILL\n".to_owned())));
        assert_eq!(parsed("-FOO 1"), Err(Refused::Signal("FOO".to_owned())));
        assert_eq!(parsed(""), Err(Refused::Usage));
    }
}
