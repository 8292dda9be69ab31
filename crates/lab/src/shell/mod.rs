//! The shell: bash's language on a virtual host.
//!
//! | module | what it holds |
//! |---|---|
//! | `lexer`, `parser`, `conditions`, `ast` | text to tree |
//! | `expand`, `braces`, `fields`, `glob`, `pattern`, `arith`, `escape` | words to fields |
//! | `exec`, `control`, `simple`, `pipeline`, `redirect`, `jobs` | running the tree |
//! | `vars`, `params` | variables and what `$x` means |
//! | `builtins` | commands that are the shell itself |
//! | `edit`, `keys`, `history`, `complete`, `width` | the line editor; it needs no world |
//!
//! Commands are processes of the world (`sim`); nothing here touches a host but through `Sys`.

mod arith;
mod ast;
mod braces;
pub(crate) mod builtins;
pub mod complete;
mod conditions;
mod control;
pub mod edit;
pub(crate) mod escape;
mod exec;
mod expand;
mod fields;
mod glob;
mod history;
mod jobs;
mod keys;
mod lexer;
mod params;
mod parser;
pub(crate) mod pattern;
mod pipeline;
mod redirect;
mod simple;
#[cfg(test)]
mod tests;
mod vars;
pub(crate) mod width;

use sim::{Either, Fd, Signal, Sys, Task};

pub use exec::Shell;
pub(crate) use lexer::is_name;
pub use parser::needs_more;

/// The login shell of a terminal: runs its commands until the terminal hangs up or the user
/// leaves.
pub fn login(sys: Sys) -> Task {
    Box::pin(async move {
        // Caught, not ignored: what is ignored, children ignore too.
        for signal in [Signal::Int, Signal::Quit, Signal::Term] {
            sys.catch(signal);
        }
        let mut shell = Shell::new(sys.clone());
        while let Some(text) = sys.next_command().await {
            let status = shell.run_line(&text).await;
            sys.command_done(status);
            if shell.has_ended() {
                return status;
            }
        }
        shell.status()
    })
}

/// The programs `bash` and `sh`: a command line, a script file, or standard input. Started by
/// a terminal without arguments it is that terminal's login shell.
pub fn bash(sys: Sys) -> Task {
    Box::pin(async move {
        let args = sys.args();
        let name = args.first().map_or("bash", String::as_str).to_owned();
        let mut rest = args.get(1..).unwrap_or_default();
        let mut flags = String::new();
        while let Some(flag) = rest.first().and_then(|arg| arg.strip_prefix('-')) {
            rest = &rest[1..];
            if flag.is_empty() || flag == "-" {
                break;
            }
            if !flag.starts_with('-') {
                flags.push_str(flag);
            }
        }
        if let Some(bad) = flags.chars().find(|flag| !"cilseuxfvn".contains(*flag)) {
            sys.eprint(&format!("{name}: -{bad}: invalid option\n")).await;
            return 2;
        }
        if flags.contains('c') {
            let Some((text, args)) = rest.split_first() else {
                sys.eprint(&format!("{name}: -c: option requires an argument\n")).await;
                return 2;
            };
            let mut shell = Shell::for_text(sys, &name, args);
            shell.set_flags(&flags);
            return shell.run_script(text).await;
        }
        let from_stdin = flags.contains('s') || rest.is_empty();
        if from_stdin && sys.is_tty(Fd::STDIN) {
            // Without a parent it was started by the terminal itself.
            let first = sys.parent_pid() == sim::Pid(1);
            return if first { login(sys).await } else { interactive(sys).await };
        }
        if from_stdin {
            let mut shell = Shell::for_stdin(sys, &name, rest);
            shell.set_flags(&flags);
            return shell.run_stdin().await;
        }
        run_file(sys, &name, &flags, rest).await
    })
}

async fn run_file(sys: Sys, name: &str, flags: &str, args: &[String]) -> i32 {
    let path = &args[0];
    let text = match sys.read_file(path) {
        Ok(bytes) if bytes.starts_with(b"\x7fELF") => {
            sys.eprint(&format!("{path}: {path}: cannot execute binary file\n")).await;
            return 126;
        }
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            sys.eprint(&format!("{name}: {path}: {error}\n")).await;
            return if error == sim::Errno::Enoent { 127 } else { 126 };
        }
    };
    let mut shell = Shell::for_script(sys, path, &args[1..]);
    shell.set_flags(flags);
    shell.run_script(&text).await
}

/// `bash` typed into a terminal: reads lines from it without an editor.
async fn interactive(sys: Sys) -> i32 {
    for signal in [Signal::Int, Signal::Quit, Signal::Term] {
        sys.catch(signal);
    }
    let mut shell = Shell::new(sys.clone());
    shell.home_groups = vec![sys.pid()];
    sys.set_foreground(&shell.home_groups);
    let mut text = String::new();
    loop {
        let prompt = if text.is_empty() { shell.prompt() } else { "> ".to_owned() };
        sys.eprint(&prompt).await;
        let line = match sim::race(sys.read(Fd::STDIN, 4096), exec::interrupt(&sys)).await {
            Either::Left(Ok(bytes)) if !bytes.is_empty() => bytes,
            Either::Left(_) => {
                sys.eprint("exit\n").await;
                return shell.status();
            }
            Either::Right(_) => {
                text.clear();
                continue;
            }
        };
        text.push_str(&String::from_utf8_lossy(&line));
        if !text.ends_with('\n') || needs_more(text.trim_end_matches('\n')) {
            continue;
        }
        let status = shell.run_line(&std::mem::take(&mut text)).await;
        if shell.has_ended() {
            return status;
        }
    }
}
