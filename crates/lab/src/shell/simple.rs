//! Simple commands: assignments, functions, builtins and programs.

use std::rc::Rc;

use sim::{Errno, ExitStatus, Group, Pid, Signal, SpawnSpec, Task};

use super::ast::{Assign, Command, Part, Redirect, Word};
use super::builtins;
use super::exec::{Flow, Later, Mode, Shell};
use super::jobs;
use super::redirect::Io;
use super::vars::Var;
use super::{escape, expand, parser};
use crate::programs::launch::{self, NotRun};

impl Shell {
    #[inline(never)]
    pub(super) fn simple<'a>(
        &'a mut self,
        assigns: &'a [Assign],
        words: &'a [Word],
        redirects: &'a [Redirect],
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            self.substituted = None;
            // What `<(...)` opens is for this command alone.
            let io = self.io.clone();
            let keeps = words.first().and_then(Word::as_literal) == Some("exec");
            let flow = match self.command_fields(words).await {
                Ok(fields) => self.simple_fields(fields, assigns, redirects).await,
                Err(error) => self.fail(error).await,
            };
            if !keeps {
                self.io = io;
                if !self.jobs.processes.is_empty() {
                    self.end_processes().await;
                }
            }
            flow
        })
    }

    /// The fields of a command. What `export` and its kin are given is assigned, not split.
    #[inline(never)]
    pub(super) fn command_fields<'a>(
        &'a mut self,
        words: &'a [Word],
    ) -> Later<'a, expand::Result<Vec<String>>> {
        Box::pin(async move {
            if !words.first().is_some_and(parser::declares) {
                return self.fields(words).await;
            }
            let mut fields = Vec::new();
            for word in words {
                match parser::as_assign(word) {
                    Some(Assign { name, append, value, .. })
                        if matches!(value.parts.as_slice(), [Part::Array(_)]) =>
                    {
                        self.declare_list(&fields, &name, append, &value).await?;
                        fields.push(name);
                    }
                    Some(assign) => {
                        let sign = if assign.append { "+=" } else { "=" };
                        let value = self.assigned(&assign.value).await?;
                        fields.push(format!("{}{sign}{value}", assign.name));
                    }
                    None => fields.extend(self.fields(std::slice::from_ref(word)).await?),
                }
            }
            Ok(fields)
        })
    }

    /// A simple command whose words are expanded.
    #[inline(never)]
    pub(super) fn simple_fields<'a>(
        &'a mut self,
        fields: Vec<String>,
        assigns: &'a [Assign],
        redirects: &'a [Redirect],
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            if self.options.xtrace {
                self.trace(&fields, assigns).await;
            }
            let io = self.io.clone();
            if let Err(flow) = self.redirect(redirects).await {
                self.io = io;
                return flow;
            }
            if fields.is_empty() {
                let flow = self.only_assignments(assigns).await;
                self.io = io;
                return flow;
            }
            if fields[0] == "exec" {
                return self.exec(&fields[1..], assigns, io).await;
            }
            let flow = self.with_assignments(&fields, assigns).await;
            self.io = io;
            flow
        })
    }

    #[inline(never)]
    fn only_assignments<'a>(&'a mut self, assigns: &'a [Assign]) -> Later<'a, Flow> {
        Box::pin(async move {
            let mut status = 0;
            for assign in assigns {
                self.substituted = None;
                if let Err(error) = self.assign_one(assign).await {
                    return self.fail(error).await;
                }
                status = self.substituted.unwrap_or(status);
            }
            self.status = self.substituted.unwrap_or(status);
            Flow::Next
        })
    }

    /// The array of a declaration; the builtin then has only its name to declare.
    async fn declare_list(
        &mut self,
        before: &[String],
        name: &str,
        append: bool,
        value: &Word,
    ) -> expand::Result<()> {
        let has = |flag| before[1..].iter().any(|it| it.starts_with('-') && it.contains(flag));
        if self.functions_running > 0 && !has('g') && !before[0].starts_with(['e', 'r']) {
            self.vars.localize(name);
        }
        self.list_of(name)?.named |= has('A');
        let [Part::Array(words)] = value.parts.as_slice() else { return Ok(()) };
        self.assign_list(name, append, words).await
    }

    async fn assign_one(&mut self, assign: &Assign) -> expand::Result<()> {
        if let [Part::Array(words)] = assign.value.parts.as_slice() {
            return self.assign_list(&assign.name, assign.append, words).await;
        }
        if let Some(index) = &assign.index {
            let value = self.assigned(&assign.value).await?;
            return self.assign_element(&assign.name, index, assign.append, &value).await;
        }
        let mut value = self.assigned(&assign.value).await?;
        if assign.append {
            let before = self.vars.get(&assign.name).unwrap_or("");
            value = match self.vars.var(&assign.name) {
                Some(var) if var.integer => format!("{before}+{value}"),
                _ => format!("{before}{value}"),
            };
            if value.len() > expand::VALUE_MAX_BYTES {
                return expand::error(format!("xrealloc: cannot allocate {} bytes", value.len()));
            }
        }
        self.assign(&assign.name, &value)
    }

    /// Runs the command with the variables before it, which are gone afterwards.
    #[inline(never)]
    fn with_assignments<'a>(
        &'a mut self,
        fields: &'a [String],
        assigns: &'a [Assign],
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            let mut saved: Vec<(String, Option<Var>)> = Vec::new();
            for assign in assigns {
                saved.push((assign.name.clone(), self.vars.var(&assign.name).cloned()));
                if let Err(error) = self.assign_one(assign).await {
                    self.restore(saved);
                    return self.fail(error).await;
                }
                self.vars.entry(&assign.name).exported = true;
            }
            let flow = self.dispatch(fields).await;
            self.restore(saved);
            flow
        })
    }

    fn restore(&mut self, saved: Vec<(String, Option<Var>)>) {
        for (name, var) in saved.into_iter().rev() {
            self.vars.restore(&name, var);
        }
    }

    async fn dispatch(&mut self, fields: &[String]) -> Flow {
        if let Some(body) = self.functions.get(&fields[0]).map(Rc::clone) {
            return self.call_function(&fields[0], &body, &fields[1..]).await;
        }
        self.run_named(fields).await
    }

    /// A builtin or a program, but no function.
    #[inline(never)]
    pub(super) fn run_named<'a>(&'a mut self, fields: &'a [String]) -> Later<'a, Flow> {
        Box::pin(async move {
            if let Some(builtin) = builtins::find(&fields[0]) {
                return (builtin.run)(self, &fields[1..]).await;
            }
            match self.start_program(fields, self.foreground_group()).await {
                Ok(pid) => self.foreground(&[pid], &fields.join(" ")).await,
                Err(status) => {
                    self.status = status;
                    Flow::Next
                }
            }
        })
    }

    #[inline(never)]
    fn call_function<'a>(
        &'a mut self,
        name: &'a str,
        body: &'a Command,
        args: &'a [String],
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            if !self.enter_call() {
                self.calls -= 1;
                self.complain(&format!("{name}: maximum function nesting level exceeded")).await;
                self.status = 1;
                return Flow::Abort;
            }
            let outer = std::mem::replace(&mut self.args, args.to_vec());
            let loops = std::mem::take(&mut self.loops);
            self.vars.enter_function();
            self.functions_running += 1;
            let flow = self.command(body).await;
            self.functions_running -= 1;
            self.vars.leave_function();
            self.loops = loops;
            self.args = outer;
            self.calls -= 1;
            match flow {
                Flow::Return | Flow::Break(_) | Flow::Continue(_) => Flow::Next,
                other => other,
            }
        })
    }

    /// `exec`: without a command the redirections stay.
    #[inline(never)]
    fn exec<'a>(
        &'a mut self,
        fields: &'a [String],
        assigns: &'a [Assign],
        io: Io,
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            if fields.is_empty() {
                self.status = 0;
                return Flow::Next;
            }
            for assign in assigns {
                if let Err(error) = self.assign_one(assign).await {
                    self.io = io;
                    return self.fail(error).await;
                }
                self.vars.entry(&assign.name).exported = true;
            }
            let search = self.vars.get("PATH").unwrap_or("").to_owned();
            let found = launch::resolve(&self.sys, &search, &fields[0]);
            let started = match found {
                Err(NotRun::NotFound) if !fields[0].contains('/') => {
                    self.complain(&format!("exec: {}: not found", fields[0])).await;
                    Err(127)
                }
                _ => self.start_program(fields, self.foreground_group()).await,
            };
            match started {
                Ok(pid) => {
                    self.foreground(&[pid], &fields.join(" ")).await;
                    self.exit_trap = None;
                    Flow::Exit
                }
                Err(status) => {
                    self.io = io;
                    self.status = status;
                    if self.mode == Mode::Interactive { Flow::Next } else { Flow::Exit }
                }
            }
        })
    }

    pub(super) fn foreground_group(&self) -> Group {
        if self.job_control() { Group::Own } else { Group::Inherit }
    }

    /// Starts a program as a child with the shell's present descriptors; the error is a status,
    /// and its sentence has been printed.
    #[inline(never)]
    pub(super) fn start_program<'a>(
        &'a mut self,
        fields: &'a [String],
        group: Group,
    ) -> Later<'a, Result<Pid, i32>> {
        Box::pin(async move {
            let name = &fields[0];
            let search = self.vars.get("PATH").unwrap_or("").to_owned();
            let env: Vec<(String, String)> = self.vars.environment().into_iter().collect();
            let path = match launch::resolve(&self.sys, &search, name) {
                Ok(path) => path,
                Err(reason) => return Err(self.not_run(name, reason).await),
            };
            let spec = SpawnSpec {
                path: path.clone(),
                argv: fields.to_vec(),
                env,
                cwd: String::new(),
                fds: self.io.for_child(),
                group,
                user: None,
            };
            match self.sys.spawn(spec.clone()) {
                Ok(pid) => Ok(pid),
                Err(Errno::Enoexec) if launch::is_text(&self.sys, &path) => {
                    self.start_text(&path, fields, spec).await
                }
                Err(Errno::Enoent) => {
                    self.complain(&format!("{name}: cannot execute: required file not found"))
                        .await;
                    Err(127)
                }
                Err(Errno::Enoexec) => {
                    let text = format!("{name}: cannot execute binary file: Exec format error");
                    self.complain(&text).await;
                    Err(126)
                }
                Err(error) => {
                    self.complain(&format!("{name}: {error}")).await;
                    Err(126)
                }
            }
        })
    }

    /// An executable text without `#!` is run by a copy of this shell.
    #[inline(never)]
    fn start_text<'a>(
        &'a mut self,
        path: &'a str,
        fields: &'a [String],
        spec: SpawnSpec,
    ) -> Later<'a, Result<Pid, i32>> {
        Box::pin(async move {
            let Ok(bytes) = self.sys.read_file(path) else { return Err(126) };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let (path, args) = (path.to_owned(), fields[1..].to_vec());
            let run = |sys: sim::Sys| -> Task {
                let mut shell = Shell::for_script(sys, &path, &args);
                Box::pin(async move { shell.run_script(&text).await })
            };
            self.sys.fork_task(spec, run).map_err(|_| 126)
        })
    }

    async fn not_run(&mut self, name: &str, reason: NotRun) -> i32 {
        let (text, status) = match reason {
            NotRun::NotFound if name.contains('/') => (Errno::Enoent.to_string(), 127),
            NotRun::NotFound => ("command not found".to_owned(), 127),
            NotRun::Directory => (Errno::Eisdir.to_string(), 126),
            NotRun::Denied => (Errno::Eacces.to_string(), 126),
            NotRun::Other(error) => (error.to_string(), 126),
        };
        self.complain(&format!("{name}: {text}")).await;
        status
    }

    /// Waits for the processes of a pipeline in the foreground; the last one is its status.
    #[inline(never)]
    pub(super) fn foreground<'a>(&'a mut self, pids: &'a [Pid], text: &'a str) -> Later<'a, Flow> {
        Box::pin(async move {
            let Some(statuses) = self.wait_unless_stopped(pids, text).await else {
                return Flow::Next;
            };
            self.pipe_statuses = statuses.iter().map(|status| status.code()).collect();
            let mut flow = Flow::Next;
            let Some(last) = statuses.last().copied() else { return flow };
            self.status = last.code();
            if self.options.pipefail {
                let failed = statuses.iter().rev().find(|status| status.code() != 0);
                self.status = failed.map_or(0, |status| status.code());
            }
            let by_signal = statuses.contains(&ExitStatus::Signal(Signal::Int));
            if by_signal && self.job_control() {
                self.status = 130;
                flow = Flow::Abort;
            }
            if let ExitStatus::Signal(signal) = last
                && !matches!(signal, Signal::Int | Signal::Pipe)
            {
                let what = jobs::signal_text(signal);
                let pid = pids.last().copied().unwrap_or(Pid(0));
                if self.job_control() || signal == Signal::Term {
                    self.print(2, format!("{what}\n").as_bytes()).await;
                } else if !self.subshell {
                    self.complain(&format!("{pid:>5} {what:<23} {text}", pid = pid.0)).await;
                }
            }
            flow
        })
    }

    /// The same, but what Ctrl-Z stopped becomes a job: none then.
    async fn wait_unless_stopped(&mut self, pids: &[Pid], text: &str) -> Option<Vec<ExitStatus>> {
        if !self.job_control() {
            return Some(self.wait_foreground(pids).await);
        }
        self.sys.set_foreground(pids);
        let mut statuses = Vec::new();
        for pid in pids {
            let Some(status) = self.sys.wait_or_stop(*pid).await else { break };
            statuses.push(status);
        }
        self.sys.set_foreground(&self.home_groups);
        if statuses.len() == pids.len() {
            return Some(statuses);
        }
        let text = if self.typed.is_empty() { text.to_owned() } else { self.typed.clone() };
        self.jobs.add(pids.to_vec(), &text);
        let index = self.jobs.list.len() - 1;
        for (pid, status) in pids.iter().zip(statuses) {
            self.jobs.list[index].ended(*pid, status);
        }
        let line = format!("\n{}", self.job_line(index, false));
        self.print(2, line.as_bytes()).await;
        self.status = 128 + i32::from(Signal::Tstp.number());
        None
    }

    /// Waits with the keyboard's signals going to these processes.
    pub(super) async fn wait_foreground(&mut self, pids: &[Pid]) -> Vec<ExitStatus> {
        if self.job_control() {
            self.sys.set_foreground(pids);
        }
        let mut statuses = Vec::new();
        for pid in pids {
            statuses.push(self.sys.wait(*pid).await);
        }
        if self.job_control() {
            self.sys.set_foreground(&self.home_groups);
        }
        statuses
    }

    /// `set -x`
    #[inline(never)]
    fn trace<'a>(&'a mut self, fields: &'a [String], assigns: &'a [Assign]) -> Later<'a, ()> {
        Box::pin(async move {
            let mut words: Vec<String> = Vec::new();
            for assign in assigns {
                let value = self.assigned(&assign.value).await.unwrap_or_default();
                let sign = if assign.append { "+=" } else { "=" };
                let value = if value.is_empty() { value } else { escape::quote_single(&value) };
                words.push(format!("{}{sign}{value}", assign.name));
            }
            words.extend(fields.iter().map(|field| escape::quote_single(field)));
            let prefix = self.vars.get("PS4").unwrap_or("+ ").to_owned();
            if !words.is_empty() {
                self.print(2, format!("{prefix}{}\n", words.join(" ")).as_bytes()).await;
            }
        })
    }
}
