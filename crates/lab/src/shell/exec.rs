//! The interpreter: a shell's state, and how its commands are run.
//!
//! Simple commands are in `simple`, pipelines and background lists in `pipeline`.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use sim::{Either, Pid, Signal, Sys};

use super::ast::{
    AndOr, CaseArm, CaseEnd, Command, Condition, Connector, Item, Kind, Pipeline, Script, Word,
};
use super::expand::{ExpandError, Result};
use super::jobs::Jobs;
use super::parser::{Aliases, Parser, SyntaxError};
use super::pattern::Pattern;
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

/// A command on its way. Boxed, because commands stand in commands.
pub(super) type Run<'a> = Pin<Box<dyn Future<Output = Flow> + 'a>>;

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
}

/// Commands a shell runs at one instant of virtual time before it rests.
const PACE_COMMANDS: u32 = 1000;

/// How long it rests then, so that loops make time pass.
const PACE_REST_US: u64 = 1000;

/// How deep functions, files and substitutions may call each other.
const CALLS_MAX: u32 = 64;

/// A shell.
pub struct Shell {
    pub(super) sys: Sys,
    pub(super) vars: Vars,
    pub(super) functions: BTreeMap<String, Rc<Command>>,
    pub(super) aliases: Aliases,
    pub(super) io: Io,
    pub(super) mode: Mode,
    /// `$0`
    pub(super) arg0: String,
    /// `$1` and on.
    pub(super) args: Vec<String>,
    /// `$?`
    pub(super) status: i32,
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
    /// `trap ... EXIT`
    pub(super) exit_trap: Option<String>,
    /// `trap ... INT` and the like.
    pub(super) traps: BTreeMap<Signal, String>,
    /// True in `( )`, pipelines and `$( )`.
    pub(super) subshell: bool,
    /// The groups that get the keyboard's signals while the shell itself is at work.
    pub(super) home_groups: Vec<Pid>,
    ended: bool,
    random: std::cell::Cell<u32>,
    start_us: u64,
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
            ("HOME", "/root".to_owned()),
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
        Shell {
            vars,
            functions: BTreeMap::new(),
            aliases: Aliases::new(),
            io: Io::standard(&sys),
            mode,
            arg0: arg0.to_owned(),
            args: args.to_vec(),
            status: 0,
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
            exit_trap: None,
            traps: BTreeMap::new(),
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
            exit_trap: None,
            traps: BTreeMap::new(),
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
    }

    /// Runs what was typed into a terminal: one or more complete commands. Ctrl-C ends it, and
    /// only it.
    pub async fn run_line(&mut self, text: &str) -> i32 {
        if !text.trim().is_empty() {
            self.history.push(text.trim_end_matches('\n').to_owned());
        }
        let (io, sys) = (self.io.clone(), self.sys.clone());
        let interrupted = {
            let run = self.run_text(text);
            matches!(sim::race(run, sys.caught()).await, Either::Right(_))
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

    pub(super) async fn run_exit_trap(&mut self) {
        if let Some(text) = self.exit_trap.take() {
            let status = self.status;
            self.run_text(&text).await;
            self.status = status;
        }
    }

    async fn run_text(&mut self, text: &str) -> Flow {
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

    async fn syntax_error(&mut self, mistake: &SyntaxError, text: &str, first_line: u32) {
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
    }

    /// Prints an error the way this shell does.
    pub(super) async fn complain(&mut self, text: &str) {
        let prefix = match self.mode {
            Mode::Interactive => format!("{}: ", self.arg0),
            _ => format!("{}: line {}: ", self.arg0, self.line),
        };
        self.print(2, format!("{prefix}{text}\n").as_bytes()).await;
    }

    /// What an expansion that failed does to the line.
    pub(super) async fn fail(&mut self, error: ExpandError) -> Flow {
        self.complain(&error.text).await;
        self.status = 1;
        if error.fatal && self.mode != Mode::Interactive {
            self.status = if self.mode == Mode::Command { 127 } else { 1 };
            return Flow::Exit;
        }
        Flow::Abort
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

    /// The value of a parameter that is not a list.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        Some(match name {
            "?" => self.status.to_string(),
            "$" => self.shell_pid.to_string(),
            "!" => self.last_background?.to_string(),
            "#" => self.args.len().to_string(),
            "0" => self.arg0.clone(),
            "@" | "*" => self.args.join(" "),
            "-" => self.flags(),
            "BASHPID" => self.sys.pid().to_string(),
            "PPID" => self.sys.parent_pid().to_string(),
            "UID" | "EUID" => "0".to_owned(),
            "LINENO" => self.line.to_string(),
            "RANDOM" => self.next_random().to_string(),
            "SECONDS" => ((self.sys.mono_us() - self.start_us) / 1_000_000).to_string(),
            "EPOCHSECONDS" => (self.sys.wall_us() / 1_000_000).to_string(),
            "EPOCHREALTIME" => {
                let now_us = self.sys.wall_us();
                format!("{}.{:06}", now_us / 1_000_000, now_us % 1_000_000)
            }
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                self.args.get(name.parse::<usize>().ok()?.checked_sub(1)?)?.clone()
            }
            _ => self.vars.get(name)?.to_owned(),
        })
    }

    fn flags(&self) -> String {
        let Options { errexit, nounset, xtrace, noglob, .. } = self.options;
        let mut flags = String::new();
        for (on, flag) in [
            (errexit, 'e'),
            (noglob, 'f'),
            (true, 'h'),
            (self.mode == Mode::Interactive, 'i'),
            (self.mode == Mode::Interactive, 'm'),
            (nounset, 'u'),
            (xtrace, 'x'),
            (true, 'B'),
            (self.mode == Mode::Command, 'c'),
            (self.mode == Mode::Stdin, 's'),
        ] {
            if on {
                flags.push(flag);
            }
        }
        flags
    }

    /// The same numbers for the same process: nothing here is random.
    fn next_random(&self) -> u32 {
        let next = self.random.get().wrapping_mul(1_103_515_245).wrapping_add(12_345);
        self.random.set(next);
        (next >> 16) & 0x7fff
    }

    pub(super) fn ifs(&self) -> String {
        self.vars.get("IFS").unwrap_or(" \t\n").to_owned()
    }

    /// Assigns, or says that the variable is read-only.
    pub(super) fn assign(&mut self, name: &str, value: &str) -> Result<()> {
        let value = match self.vars.var(name) {
            Some(var) if var.integer => self.evaluate(value)?.to_string(),
            _ => value.to_owned(),
        };
        match name {
            "RANDOM" => {
                self.random.set(value.parse().unwrap_or(0));
                return Ok(());
            }
            "SECONDS" => {
                let offset_us = value.parse::<u64>().unwrap_or(0).saturating_mul(1_000_000);
                self.start_us = self.sys.mono_us().saturating_sub(offset_us);
                return Ok(());
            }
            _ => {}
        }
        let text = || format!("{name}: readonly variable");
        self.vars.set(name, &value).map_err(|_| ExpandError { text: text(), fatal: false })
    }

    /// The prompt by `PS1`.
    pub fn prompt(&self) -> String {
        let template = self.vars.get("PS1").unwrap_or("");
        let mut out = String::new();
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('u') => out.push_str(&self.sys.user()),
                Some('h' | 'H') => out.push_str(&self.sys.hostname()),
                Some('w') => out.push_str(&self.short_cwd()),
                Some('W') => {
                    let cwd = self.short_cwd();
                    out.push_str(cwd.rsplit('/').find(|part| !part.is_empty()).unwrap_or("/"));
                }
                Some('$') => out.push('#'),
                Some('n') => out.push('\n'),
                Some('e') => out.push('\x1b'),
                Some('[' | ']') => {}
                Some(other) => out.push(other),
                None => out.push('\\'),
            }
        }
        out
    }

    fn short_cwd(&self) -> String {
        let cwd = self.sys.cwd();
        let home = self.vars.get("HOME").unwrap_or("/root");
        match cwd.strip_prefix(home) {
            Some("") => "~".to_owned(),
            Some(rest) if rest.starts_with('/') => format!("~{rest}"),
            _ => cwd,
        }
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

    pub(super) fn script<'a>(&'a mut self, script: &'a Script) -> Run<'a> {
        Box::pin(async move {
            for item in &script.items {
                let flow = self.item(item).await;
                if flow != Flow::Next {
                    return flow;
                }
            }
            Flow::Next
        })
    }

    async fn item(&mut self, item: &Item) -> Flow {
        let flow = if item.background {
            self.background(item).await
        } else {
            self.and_or(&item.list).await
        };
        if flow == Flow::Next && !self.traps.is_empty() {
            return self.run_traps().await;
        }
        flow
    }

    /// Runs what was asked for on the signals that came meanwhile.
    async fn run_traps(&mut self) -> Flow {
        while let Some(signal) = self.sys.take_caught() {
            let Some(text) = self.traps.get(&signal).cloned() else { continue };
            let status = self.status;
            if self.run_text(&text).await == Flow::Exit {
                return Flow::Exit;
            }
            self.status = status;
        }
        Flow::Next
    }

    pub(super) async fn and_or(&mut self, list: &AndOr) -> Flow {
        let AndOr { first, rest } = list;
        let mut flow = self.expected(first, !rest.is_empty()).await;
        for (i, (connector, pipeline)) in rest.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            if (self.status == 0) == (*connector == Connector::And) {
                flow = self.expected(pipeline, i + 1 < rest.len()).await;
            }
        }
        flow
    }

    /// A pipeline whose failure is expected where something follows it.
    async fn expected(&mut self, pipeline: &Pipeline, followed: bool) -> Flow {
        let expected = u32::from(followed || pipeline.negated);
        self.conditions += expected;
        let start_us = self.sys.mono_us();
        let flow = self.pipeline(pipeline).await;
        self.conditions -= expected;
        if pipeline.negated {
            self.status = i32::from(self.status == 0);
        }
        if pipeline.timed {
            self.report_time(self.sys.mono_us() - start_us).await;
        }
        let fails = flow == Flow::Next && self.status != 0 && !pipeline.negated;
        if fails && self.options.errexit && self.conditions == 0 {
            return Flow::Exit;
        }
        flow
    }

    async fn report_time(&mut self, spent_us: u64) {
        let (seconds, millis) = (spent_us / 1_000_000, spent_us / 1000 % 1000);
        let real = format!("{}m{}.{millis:03}s", seconds / 60, seconds % 60);
        let text = format!("\nreal\t{real}\nuser\t0m0.000s\nsys\t0m0.000s\n");
        self.print(2, text.as_bytes()).await;
    }

    /// A command in this process.
    pub(super) fn command<'a>(&'a mut self, command: &'a Command) -> Run<'a> {
        Box::pin(async move {
            self.pace().await;
            self.line = command.line;
            if let Kind::Simple { assigns, words } = &command.kind {
                return self.simple(assigns, words, &command.redirects).await;
            }
            let io = self.io.clone();
            if let Err(flow) = self.redirect(&command.redirects).await {
                self.io = io;
                return flow;
            }
            let flow = self.kind(&command.kind).await;
            self.io = io;
            flow
        })
    }

    async fn kind(&mut self, kind: &Kind) -> Flow {
        match kind {
            Kind::Simple { .. } => unreachable!("simple commands are run by their own function"),
            Kind::Subshell(script) => self.run_subshell(script).await,
            Kind::Group(script) => self.script(script).await,
            Kind::If { arms, otherwise } => self.if_command(arms, otherwise.as_ref()).await,
            Kind::While { until, condition, body } => {
                self.while_command(*until, condition, body).await
            }
            Kind::For { name, words, body } => self.for_command(name, words.as_deref(), body).await,
            Kind::ArithFor { heads, body } => self.arith_for(heads, body).await,
            Kind::Case { word, arms } => self.case_command(word, arms).await,
            Kind::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
                self.status = 0;
                Flow::Next
            }
            Kind::Arith(word) => match self.arithmetic(word).await {
                Ok(value) => {
                    self.status = i32::from(value == 0);
                    Flow::Next
                }
                Err(error) => {
                    self.complain(&format!("((: {error}")).await;
                    self.status = 1;
                    Flow::Next
                }
            },
            Kind::Condition(condition) => match self.condition(condition).await {
                Ok(holds) => {
                    self.status = i32::from(!holds);
                    Flow::Next
                }
                Err(error) => self.fail(error).await,
            },
        }
    }

    async fn tested(&mut self, condition: &Script) -> Flow {
        self.conditions += 1;
        let flow = self.script(condition).await;
        self.conditions -= 1;
        flow
    }

    async fn if_command(&mut self, arms: &[(Script, Script)], otherwise: Option<&Script>) -> Flow {
        for (condition, body) in arms {
            let flow = self.tested(condition).await;
            if flow != Flow::Next {
                return flow;
            }
            if self.status == 0 {
                return self.script(body).await;
            }
        }
        self.status = 0;
        match otherwise {
            Some(body) => self.script(body).await,
            None => Flow::Next,
        }
    }

    /// One round of a loop: `Ok` to go on, `Err` with where to go instead.
    async fn round(&mut self, body: &Script) -> std::result::Result<(), Flow> {
        self.loops += 1;
        let flow = self.script(body).await;
        self.loops -= 1;
        self.pace().await;
        match flow {
            Flow::Next | Flow::Continue(1) => Ok(()),
            Flow::Break(1) => Err(Flow::Next),
            Flow::Break(out) => Err(Flow::Break(out - 1)),
            Flow::Continue(out) => Err(Flow::Continue(out - 1)),
            other => Err(other),
        }
    }

    async fn while_command(&mut self, until: bool, condition: &Script, body: &Script) -> Flow {
        let mut status = 0;
        loop {
            self.loops += 1;
            let flow = self.tested(condition).await;
            self.loops -= 1;
            match flow {
                Flow::Next => {}
                Flow::Break(1) => return Flow::Next,
                Flow::Continue(1) => continue,
                other => return other,
            }
            if (self.status == 0) == until {
                self.status = status;
                return Flow::Next;
            }
            if let Err(flow) = self.round(body).await {
                return flow;
            }
            status = self.status;
        }
    }

    async fn for_command(&mut self, name: &str, words: Option<&[Word]>, body: &Script) -> Flow {
        if !super::is_name(name) {
            self.complain(&format!("`{name}': not a valid identifier")).await;
            self.status = 1;
            return Flow::Next;
        }
        let values = match words {
            Some(words) => match self.fields(words).await {
                Ok(values) => values,
                Err(error) => return self.fail(error).await,
            },
            None => self.args.clone(),
        };
        self.status = 0;
        for value in values {
            if let Err(error) = self.assign(name, &value) {
                return self.fail(error).await;
            }
            if let Err(flow) = self.round(body).await {
                return flow;
            }
        }
        Flow::Next
    }

    async fn arith_for(&mut self, heads: &[Word; 3], body: &Script) -> Flow {
        let [start, condition, step] = heads;
        self.status = 0;
        let mut value = self.arithmetic(start).await;
        loop {
            if value.is_ok() && !condition.parts.is_empty() {
                value = self.arithmetic(condition).await;
                if value == Ok(0) {
                    return Flow::Next;
                }
            }
            if let Err(error) = value {
                self.complain(&format!("((: {error}")).await;
                self.status = 1;
                return Flow::Next;
            }
            if let Err(flow) = self.round(body).await {
                return flow;
            }
            value = self.arithmetic(step).await;
        }
    }

    async fn case_command(&mut self, word: &Word, arms: &[CaseArm]) -> Flow {
        let text = match self.text(word).await {
            Ok(text) => text,
            Err(error) => return self.fail(error).await,
        };
        self.status = 0;
        let mut falling = false;
        for arm in arms {
            let mut fits = falling;
            for pattern in &arm.patterns {
                if fits {
                    break;
                }
                match self.pattern(pattern).await {
                    Ok(pattern) => fits = Pattern::new(&pattern).matches(&text),
                    Err(error) => return self.fail(error).await,
                }
            }
            if !fits {
                continue;
            }
            let flow = self.script(&arm.body).await;
            if flow != Flow::Next || arm.end == CaseEnd::Leave {
                return flow;
            }
            falling = arm.end == CaseEnd::FallThrough;
        }
        Flow::Next
    }

    /// `[[ ]]`
    fn condition<'a>(
        &'a mut self,
        condition: &'a Condition,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + 'a>> {
        Box::pin(async move {
            match condition {
                Condition::Not(inner) => Ok(!self.condition(inner).await?),
                Condition::And(left, right) => {
                    Ok(self.condition(left).await? && self.condition(right).await?)
                }
                Condition::Or(left, right) => {
                    Ok(self.condition(left).await? || self.condition(right).await?)
                }
                Condition::Word(word) => Ok(!self.text(word).await?.is_empty()),
                Condition::Unary(op, word) => {
                    let text = self.text(word).await?;
                    Ok(super::builtins::test::unary(self, op, &text))
                }
                Condition::Binary(left, op, right) => self.compared(left, op, right).await,
            }
        })
    }

    async fn compared(&mut self, left: &Word, op: &str, right: &Word) -> Result<bool> {
        let text = self.text(left).await?;
        match op {
            "=" | "==" => Ok(Pattern::new(&self.pattern(right).await?).matches(&text)),
            "!=" => Ok(!Pattern::new(&self.pattern(right).await?).matches(&text)),
            "=~" => {
                let pattern = self.text(right).await?;
                let regex = crate::programs::posix::extended(&pattern, false);
                Ok(regex.is_ok_and(|regex| regex.is_match(&text)))
            }
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                let (left, right) = (self.evaluate(&text)?, self.text(right).await?);
                let right = self.evaluate(&right)?;
                Ok(super::builtins::test::numbers(left, op, right))
            }
            _ => {
                let right = self.text(right).await?;
                Ok(super::builtins::test::texts(self, &text, op, &right))
            }
        }
    }
}
