//! Simple commands: assignments, functions, builtins and programs.

use std::rc::Rc;

use sim::{Errno, ExitStatus, Group, Pid, Signal, SpawnSpec, Task};

use super::ast::{Assign, Command, Redirect, Word};
use super::builtins;
use super::exec::{Flow, Mode, Shell};
use super::jobs;
use super::redirect::Io;
use super::vars::Var;
use super::{escape, expand, parser};
use crate::programs::launch::{self, NotRun};

impl Shell {
    pub(super) async fn simple(
        &mut self,
        assigns: &[Assign],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Flow {
        self.substituted = None;
        match self.command_fields(words).await {
            Ok(fields) => self.simple_fields(fields, assigns, redirects).await,
            Err(error) => self.fail(error).await,
        }
    }

    /// The fields of a command. What `export` and its kin are given is assigned, not split.
    pub(super) async fn command_fields(&mut self, words: &[Word]) -> expand::Result<Vec<String>> {
        let declares = words.first().and_then(Word::as_literal).is_some_and(|name| {
            matches!(name, "export" | "readonly" | "local" | "declare" | "typeset")
        });
        if !declares {
            return self.fields(words).await;
        }
        let mut fields = Vec::new();
        for word in words {
            match parser::as_assign(word) {
                Some(assign) => {
                    let sign = if assign.append { "+=" } else { "=" };
                    let value = self.assigned(&assign.value).await?;
                    fields.push(format!("{}{sign}{value}", assign.name));
                }
                None => fields.extend(self.fields(std::slice::from_ref(word)).await?),
            }
        }
        Ok(fields)
    }

    /// A simple command whose words are expanded.
    pub(super) async fn simple_fields(
        &mut self,
        fields: Vec<String>,
        assigns: &[Assign],
        redirects: &[Redirect],
    ) -> Flow {
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
    }

    async fn only_assignments(&mut self, assigns: &[Assign]) -> Flow {
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
    }

    async fn assign_one(&mut self, assign: &Assign) -> expand::Result<()> {
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
    async fn with_assignments(&mut self, fields: &[String], assigns: &[Assign]) -> Flow {
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
    pub(super) async fn run_named(&mut self, fields: &[String]) -> Flow {
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
    }

    async fn call_function(&mut self, name: &str, body: &Command, args: &[String]) -> Flow {
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
    }

    /// `exec`: without a command the redirections stay.
    async fn exec(&mut self, fields: &[String], assigns: &[Assign], io: Io) -> Flow {
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
        match self.start_program(fields, self.foreground_group()).await {
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
    }

    pub(super) fn foreground_group(&self) -> Group {
        if self.job_control() { Group::Own } else { Group::Inherit }
    }

    /// Starts a program as a child with the shell's present descriptors; the error is a status,
    /// and its sentence has been printed.
    pub(super) async fn start_program(
        &mut self,
        fields: &[String],
        group: Group,
    ) -> Result<Pid, i32> {
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
        };
        match self.sys.spawn(spec.clone()) {
            Ok(pid) => Ok(pid),
            Err(Errno::Enoexec) if launch::is_text(&self.sys, &path) => {
                self.start_text(&path, fields, spec).await
            }
            Err(Errno::Enoent) => {
                self.complain(&format!("{name}: cannot execute: required file not found")).await;
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
    }

    /// An executable text without `#!` is run by a copy of this shell.
    async fn start_text(
        &mut self,
        path: &str,
        fields: &[String],
        spec: SpawnSpec,
    ) -> Result<Pid, i32> {
        let Ok(bytes) = self.sys.read_file(path) else { return Err(126) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (path, args) = (path.to_owned(), fields[1..].to_vec());
        let run = |sys: sim::Sys| -> Task {
            let mut shell = Shell::for_script(sys, &path, &args);
            Box::pin(async move { shell.run_script(&text).await })
        };
        self.sys.fork_task(spec, run).map_err(|_| 126)
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
    pub(super) async fn foreground(&mut self, pids: &[Pid], text: &str) -> Flow {
        let statuses = self.wait_foreground(pids).await;
        let mut flow = Flow::Next;
        let Some(last) = statuses.last().copied() else { return flow };
        self.status = last.code();
        if self.options.pipefail {
            let failed = statuses.iter().rev().find(|status| status.code() != 0);
            self.status = failed.map_or(0, |status| status.code());
        }
        let by_signal = statuses.iter().any(|s| *s == ExitStatus::Signal(Signal::Int));
        if by_signal && self.job_control() {
            self.status = 130;
            flow = Flow::Abort;
        }
        if let ExitStatus::Signal(signal) = last
            && !matches!(signal, Signal::Int | Signal::Pipe)
        {
            let what = jobs::signal_text(signal);
            let pid = pids.last().copied().unwrap_or(Pid(0));
            if self.job_control() {
                self.print(2, format!("{what}\n").as_bytes()).await;
            } else if !self.subshell {
                self.complain(&format!("{pid:>5} {what:<23} {text}", pid = pid.0)).await;
            }
        }
        flow
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
    async fn trace(&mut self, fields: &[String], assigns: &[Assign]) {
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
    }
}
