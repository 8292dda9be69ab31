//! The interpreter: a shell's state, and how its commands are run.
//!
//! Simple commands are in `simple`, pipelines and background lists in `pipeline`.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use flat::Map;
use sim::{Either, Pid, Signal, Sys};

use super::ast::Command;
use super::expand::ExpandError;
use super::jobs::Jobs;
use super::parser::{Aliases, Parser, SyntaxError};
use super::redirect::Io;
use super::vars::Vars;

/// Where control goes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next one.
    Next,
    /// Out of so many loops.
    Break(u32),
    /// To the next round of a loop, so many out.
    Continue(u32),
    /// Out of the function or the sourced file.
    Return,
    /// To the end of the line: an expansion failed or Ctrl-C was typed.
    Abort,
    /// Out of the shell.
    Exit,
}

/// Something on its way. Boxed, because commands stand in commands.
pub(super) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A command on its way.
pub(super) type Run<'a> = Later<'a, Flow>;

/// How the shell came to its text; decides what errors look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A terminal: `bash: ...`
    Interactive,
    /// `bash -c`: `bash: line 1: ...`
    Command,
    /// A file: `name: line 1: ...`
    Script,
    /// Text on standard input: `bash: line 1: ...`
    Stdin,
}

/// What `set` can switch on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) errexit: bool,
    pub(super) nounset: bool,
    pub(super) xtrace: bool,
    pub(super) noglob: bool,
    pub(super) pipefail: bool,
    pub(super) noclobber: bool,
    /// `set -n`: commands are read and not run.
    pub(super) noexec: bool,
    /// `shopt -s nullglob`
    pub(super) nullglob: bool,
}

/// Waits for Ctrl-C; other signals that a terminal's shell catches mean nothing to it.
pub(super) async fn interrupt(sys: &Sys) {
    while sys.caught().await != Signal::Int {}
}

/// Commands a shell runs at one instant of virtual time before it rests.
const PACE_COMMANDS: u32 = 250;

/// How long it rests then, so that loops make time pass.
const PACE_REST_US: u64 = 1000;

/// How deep functions, files and substitutions may call each other.
const CALLS_MAX: u32 = 64;

/// A shell.
pub struct Shell {
    pub(super) sys: Sys,
    pub(super) vars: Vars,
    pub(super) functions: Map<String, Rc<Command>>,
    pub(super) aliases: Aliases,
    pub(super) io: Io,
    pub(super) mode: Mode,
    /// `$0`
    pub(super) arg0: String,
    /// `$1` and on.
    pub(super) args: Vec<String>,
    /// `$?`
    pub(super) status: i32,
    /// `PIPESTATUS`
    pub(super) pipe_statuses: Vec<i32>,
    /// `$!`
    pub(super) last_background: Option<Pid>,
    /// `$$`: in a subshell that of the shell around it.
    pub(super) shell_pid: Pid,
    pub(super) jobs: Jobs,
    pub(super) options: Options,
    pub(super) line: u32,
    pub(super) loops: u32,
    pub(super) calls: u32,
    /// How many functions run.
    pub(super) functions_running: u32,
    /// How many sourced files run.
    pub(super) sourcing: u32,
    /// Greater than 0 where a failure is expected: `set -e` does not end the shell.
    pub(super) conditions: u32,
    /// The status of the last command substitution of a command.
    pub(super) substituted: Option<i32>,
    pub(super) history: Vec<String>,
    /// What `pushd` remembers.
    pub(super) stack: Vec<String>,
    /// The list that runs, as it was typed: what `jobs` calls it when Ctrl-Z stops it.
    pub(super) typed: String,
    /// `trap ... EXIT`
    pub(super) exit_trap: Option<String>,
    /// `trap ... INT` and the like.
    pub(super) traps: Map<Signal, String>,
    /// True in `( )`, pipelines and `$( )`.
    pub(super) subshell: bool,
    /// The groups that get the keyboard's signals while the shell itself is at work.
    pub(super) home_groups: Vec<Pid>,
    ended: bool,
    pub(super) random: std::cell::Cell<u32>,
    pub(super) start_us: u64,
    pace_at_us: u64,
    pace_commands: u32,
}

impl Shell {
    /// An interactive shell: that of a terminal.
    pub fn new(sys: Sys) -> Shell {
        Shell::make(sys, Mode::Interactive, "bash", &[])
    }

    /// `bash -c`
    pub(super) fn for_text(sys: Sys, name: &str, args: &[String]) -> Shell {
        let (arg0, args) = match args.split_first() {
            Some((arg0, args)) => (arg0.as_str(), args),
            None => (name, args),
        };
        Shell::make(sys, Mode::Command, arg0, args)
    }

    /// `bash FILE`
    pub(super) fn for_script(sys: Sys, path: &str, args: &[String]) -> Shell {
        Shell::make(sys, Mode::Script, path, args)
    }

    /// `bash < FILE`
    pub(super) fn for_stdin(sys: Sys, name: &str, args: &[String]) -> Shell {
        Shell::make(sys, Mode::Stdin, name, args)
    }

    fn make(sys: Sys, mode: Mode, arg0: &str, args: &[String]) -> Shell {
        let mut vars = Vars::default();
        for (name, value) in sys.envs() {
            vars.export(&name, &value);
        }
        let defaults = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("USER", sys.user()),
            ("LOGNAME", sys.user()),
            ("SHELL", "/bin/bash".to_owned()),
            ("PWD", sys.cwd()),
        ];
        for (name, value) in defaults {
            if vars.get(name).is_none() || name == "PWD" {
                vars.export(name, &value);
            }
        }
        let level = vars.get("SHLVL").and_then(|level| level.parse::<u32>().ok()).unwrap_or(0);
        vars.export("SHLVL", &level.saturating_add(1).to_string());
        let interactive = mode == Mode::Interactive;
        if interactive && vars.get("HOME").is_none() {
            vars.export("HOME", "/root");
        }
        own_variables(&sys, &mut vars, interactive);
        Shell {
            vars,
            functions: Map::new(),
            aliases: Aliases::new(),
            io: Io::standard(&sys),
            mode,
            arg0: arg0.to_owned(),
            args: args.to_vec(),
            status: 0,
            pipe_statuses: vec![0],
            last_background: None,
            shell_pid: sys.pid(),
            jobs: Jobs::default(),
            options: Options::default(),
            line: 1,
            loops: 0,
            calls: 0,
            functions_running: 0,
            sourcing: 0,
            conditions: 0,
            substituted: None,
            history: Vec::new(),
            stack: Vec::new(),
            typed: String::new(),
            exit_trap: None,
            traps: Map::new(),
            subshell: false,
            home_groups: Vec::new(),
            ended: false,
            random: std::cell::Cell::new(sys.pid().0.wrapping_mul(0x9e37_79b9)),
            start_us: sys.mono_us(),
            pace_at_us: sys.mono_us(),
            pace_commands: 0,
            sys,
        }
    }

    /// A copy for another process: `( )`, a part of a pipeline, `$( )`.
    pub(super) fn subshell(&self, sys: Sys, descriptors: &[u32]) -> Shell {
        Shell {
            vars: self.vars.clone(),
            functions: self.functions.clone(),
            aliases: self.aliases.clone(),
            io: Io::inherited(&sys, descriptors),
            mode: self.mode.clone(),
            arg0: self.arg0.clone(),
            args: self.args.clone(),
            status: self.status,
            pipe_statuses: self.pipe_statuses.clone(),
            last_background: self.last_background,
            shell_pid: self.shell_pid,
            jobs: Jobs::default(),
            options: self.options.clone(),
            line: self.line,
            loops: 0,
            calls: self.calls + 1,
            functions_running: self.functions_running,
            sourcing: self.sourcing,
            conditions: self.conditions,
            substituted: None,
            history: Vec::new(),
            stack: self.stack.clone(),
            typed: String::new(),
            exit_trap: None,
            traps: Map::new(),
            subshell: true,
            home_groups: Vec::new(),
            ended: false,
            random: std::cell::Cell::new(self.random.get() ^ sys.pid().0),
            start_us: self.start_us,
            pace_at_us: 0,
            pace_commands: 0,
            sys,
        }
    }

    /// `$?`
    pub fn status(&self) -> i32 {
        self.status
    }

    /// Whether `exit` was run.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether children get groups of their own, so that the terminal's keys reach them alone.
    pub(super) fn job_control(&self) -> bool {
        self.mode == Mode::Interactive && !self.subshell
    }

    pub(super) fn set_flags(&mut self, flags: &str) {
        self.options.errexit |= flags.contains('e');
        self.options.nounset |= flags.contains('u');
        self.options.xtrace |= flags.contains('x');
        self.options.noglob |= flags.contains('f');
        self.options.noexec |= flags.contains('n');
    }

    /// Runs what was typed into a terminal: one or more complete commands. Ctrl-C ends it, and
    /// only it.
    pub async fn run_line(&mut self, text: &str) -> i32 {
        if !text.trim().is_empty() {
            self.history.push(text.trim_end_matches('\n').to_owned());
        }
        let (io, sys) = (self.io.clone(), self.sys.clone());
        let interrupted = {
            let run = self.run_text_at(text, 1);
            matches!(sim::race(run, interrupt(&sys)).await, Either::Right(()))
        };
        self.io = io;
        if interrupted {
            self.status = 130;
        }
        self.reset();
        if self.ended {
            self.run_exit_trap().await;
        } else {
            self.report_jobs().await;
        }
        self.status
    }

    /// Forgets where it was, after a command was cut short.
    fn reset(&mut self) {
        self.loops = 0;
        self.calls = 0;
        self.conditions = 0;
        self.sourcing = 0;
        for _ in 0..std::mem::take(&mut self.functions_running) {
            self.vars.leave_function();
        }
    }

    /// Runs a whole script and what it left for the exit.
    pub async fn run_script(&mut self, text: &str) -> i32 {
        self.run_text(text).await;
        self.run_exit_trap().await;
        self.status
    }

    /// Runs commands from standard input, each as soon as it is complete.
    pub(super) async fn run_stdin(&mut self) -> i32 {
        let mut text = String::new();
        let mut line = 1;
        loop {
            let Some(next) = self.read_line(0).await else { break };
            text.push_str(&next);
            if super::needs_more(text.trim_end_matches('\n')) {
                continue;
            }
            let lines = text.matches('\n').count() as u32;
            let flow = self.run_text_at(&std::mem::take(&mut text), line).await;
            line += lines;
            if flow == Flow::Exit {
                break;
            }
        }
        if !text.is_empty() && !self.ended {
            self.run_text_at(&text, line).await;
        }
        self.run_exit_trap().await;
        self.status
    }

    #[inline(never)]
    pub(super) fn run_exit_trap<'a>(&'a mut self) -> Later<'a, ()> {
        Box::pin(async move {
            if let Some(text) = self.exit_trap.take() {
                let status = self.status;
                self.run_text(&text).await;
                self.status = status;
            }
        })
    }

    pub(super) async fn run_text(&mut self, text: &str) -> Flow {
        self.run_text_at(text, 1).await
    }

    /// Runs the commands of a text one after the other: what stands before a mistake is run.
    pub(super) fn run_text_at<'a>(&'a mut self, text: &'a str, line: u32) -> Run<'a> {
        Box::pin(async move {
            // Aliases are those from before the text: the parser cannot hold the shell.
            let aliases =
                if self.mode == Mode::Interactive { self.aliases.clone() } else { Aliases::new() };
            let mut parser = Parser::new(text, line).with_aliases(&aliases);
            loop {
                let script = match parser.next_line() {
                    Ok(Some(script)) => script,
                    Ok(None) => return Flow::Next,
                    Err(mistake) => {
                        self.syntax_error(&mistake, text, line).await;
                        return Flow::Abort;
                    }
                };
                if let Some((from, last, delimiter)) = parser.take_open_heredoc() {
                    self.line = last;
                    self.complain(&format!(
                        "warning: here-document at line {from} delimited by end-of-file (wanted `{delimiter}')"
                    ))
                    .await;
                }
                if self.options.noexec && self.mode != Mode::Interactive {
                    continue;
                }
                match self.script(&script).await {
                    Flow::Exit => {
                        self.ended = true;
                        return Flow::Exit;
                    }
                    Flow::Abort if self.mode == Mode::Interactive => return Flow::Abort,
                    Flow::Return if self.can_return() => return Flow::Return,
                    flow @ (Flow::Break(_) | Flow::Continue(_)) if self.loops > 0 => return flow,
                    _ => {}
                }
            }
        })
    }

    #[inline(never)]
    fn syntax_error<'a>(
        &'a mut self,
        mistake: &'a SyntaxError,
        text: &'a str,
        first_line: u32,
    ) -> Later<'a, ()> {
        Box::pin(async move {
            self.status = 2;
            let name = self.arg0.clone();
            let line = mistake.line();
            let prefix = match self.mode {
                Mode::Interactive => format!("{name}: "),
                Mode::Command => format!("{name}: -c: line {line}: "),
                Mode::Script | Mode::Stdin => format!("{name}: line {line}: "),
            };
            let mut message = format!("{prefix}{mistake}\n");
            if matches!(mistake, SyntaxError::Unexpected { .. }) && self.mode != Mode::Interactive {
                let shown = text.lines().nth((line - first_line) as usize).unwrap_or("");
                message.push_str(&format!("{prefix}`{shown}'\n"));
            }
            self.print(2, message.as_bytes()).await;
        })
    }

    /// Prints an error the way this shell does.
    #[inline(never)]
    pub(super) fn complain<'a>(&'a mut self, text: &'a str) -> Later<'a, ()> {
        Box::pin(async move {
            let prefix = match self.mode {
                Mode::Interactive => format!("{}: ", self.arg0),
                _ => format!("{}: line {}: ", self.arg0, self.line),
            };
            self.print(2, format!("{prefix}{text}\n").as_bytes()).await;
        })
    }

    /// What an expansion that failed does to the line.
    #[inline(never)]
    pub(super) fn fail<'a>(&'a mut self, error: ExpandError) -> Later<'a, Flow> {
        Box::pin(async move {
            if error == ExpandError::interrupted() {
                self.status = 130;
                return Flow::Abort;
            }
            self.complain(&error.text).await;
            self.status = 1;
            if error.fatal && self.mode != Mode::Interactive {
                self.status = if self.mode == Mode::Command { 127 } else { 1 };
                return Flow::Exit;
            }
            Flow::Abort
        })
    }

    /// Writes to one of the shell's descriptors; a failure is the command's status.
    pub(super) async fn print(&mut self, descriptor: u32, bytes: &[u8]) -> bool {
        let Some(fd) = self.io.fd(descriptor) else { return false };
        bytes.is_empty() || self.sys.write(fd, bytes).await.is_ok()
    }

    /// One line of input with its newline; none at the end. It takes no more than that line,
    /// because what comes after it may be for somebody else.
    pub(super) async fn read_line(&mut self, descriptor: u32) -> Option<String> {
        let fd = self.io.fd(descriptor)?;
        let mut line = Vec::new();
        loop {
            let Ok(bytes) = self.sys.read(fd, 1).await else { break };
            line.extend_from_slice(&bytes);
            if bytes.is_empty() || bytes[0] == b'\n' {
                break;
            }
        }
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    }

    /// Lets time pass for loops that wait for nothing.
    pub(super) async fn pace(&mut self) {
        self.pace_commands += 1;
        if self.pace_commands < PACE_COMMANDS {
            return;
        }
        let now_us = self.sys.mono_us();
        if now_us == self.pace_at_us {
            self.sys.sleep_us(PACE_REST_US).await;
        }
        self.pace_at_us = self.sys.mono_us();
        self.pace_commands = 0;
    }

    /// Whether `return` means something.
    pub(super) fn can_return(&self) -> bool {
        self.functions_running + self.sourcing > 0
    }

    /// Counts a call of a function, file or substitution; false where there are too many.
    pub(super) fn enter_call(&mut self) -> bool {
        self.calls += 1;
        self.calls <= CALLS_MAX
    }
}

/// Variables every shell has and no program gets.
fn own_variables(sys: &Sys, vars: &mut Vars, interactive: bool) {
    let plain = [
        ("IFS", " \t\n"),
        ("OPTIND", "1"),
        ("HOSTNAME", &sys.hostname()),
        ("BASH", "/bin/bash"),
        ("BASH_VERSION", "5.2.15(1)-release"),
        ("PS4", "+ "),
    ];
    for (name, value) in plain {
        // None of these is read-only.
        let _ = vars.set(name, value);
    }
    if interactive {
        let _ = vars.set("PS1", r"\u@\h:\w\$ ");
        let _ = vars.set("PS2", "> ");
        vars.export("TERM", "xterm-256color");
    }
}
