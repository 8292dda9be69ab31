//! Pipelines, subshells, command substitution and background lists: whatever runs in other
//! processes than the shell's own.

use std::rc::Rc;

use sim::{Errno, ExitStatus, Fd, Group, OpenFlags, Pid, Signal, SpawnSpec, Sys, Task};

use super::ast::{Command, Item, Kind, Pipeline, RedirectOp, Script};
use super::builtins;
use super::exec::{Flow, Later, Shell};
use super::expand::{self, VALUE_MAX_BYTES};
use super::redirect::{Io, Open};

/// What became of one part of a pipeline.
enum Stage {
    Running(Pid),
    /// It failed before it began.
    Failed(i32),
}

/// The descriptors of `<( )`.
const PROCESS_FDS: std::ops::RangeInclusive<u32> = 60..=63;

/// What `$( )` reads at once.
const READ_BYTES: usize = 65_536;

impl Shell {
    #[inline(never)]
    pub(super) fn pipeline<'a>(&'a mut self, pipeline: &'a Pipeline) -> Later<'a, Flow> {
        Box::pin(async move {
            if let [command] = pipeline.commands.as_slice() {
                return self.command(command).await;
            }
            self.pace().await;
            let group = self.foreground_group();
            let stages = match self.start_pipeline(&pipeline.commands, group).await {
                Ok(stages) => stages,
                Err(error) => {
                    self.complain(&format!("pipe error: {error}")).await;
                    self.status = 1;
                    return Flow::Next;
                }
            };
            let pids = running(&stages);
            let flow = self.foreground(&pids, "").await;
            // What failed before it began was not waited for.
            let mut waited = std::mem::take(&mut self.pipe_statuses).into_iter();
            let status = |stage: &Stage| match stage {
                Stage::Running(_) => waited.next().unwrap_or(0),
                Stage::Failed(status) => *status,
            };
            self.pipe_statuses = stages.iter().map(status).collect();
            if let Some(Stage::Failed(status)) = stages.last() {
                self.status = *status;
            }
            flow
        })
    }

    /// Starts all parts of a pipeline, each with its pipe to the next.
    #[inline(never)]
    fn start_pipeline<'a>(
        &'a mut self,
        commands: &'a [Command],
        mut group: Group,
    ) -> Later<'a, Result<Vec<Stage>, Errno>> {
        Box::pin(async move {
            let mut stages = Vec::new();
            let outer = self.io.clone();
            let mut input: Option<Rc<Open>> = None;
            for (i, command) in commands.iter().enumerate() {
                let mut io = outer.clone();
                if let Some(read) = input.take() {
                    io.set(0, read);
                }
                if i + 1 < commands.len() {
                    let (read, write) = self.sys.pipe()?;
                    input = Some(Open::new(&self.sys, read));
                    io.set(1, Open::new(&self.sys, write));
                }
                let stage = self.start_stage(command, io, group).await;
                if let (Stage::Running(pid), Group::Own) = (&stage, group) {
                    group = Group::Of(*pid);
                }
                stages.push(stage);
            }
            Ok(stages)
        })
    }

    /// Starts a command in a process of its own, with these descriptors.
    #[inline(never)]
    fn start_stage<'a>(
        &'a mut self,
        command: &'a Command,
        io: Io,
        group: Group,
    ) -> Later<'a, Stage> {
        Box::pin(async move {
            let outer = std::mem::replace(&mut self.io, io);
            self.line = command.line;
            let stage = self.start_here(command, group).await;
            self.io = outer;
            stage
        })
    }

    async fn start_here(&mut self, command: &Command, group: Group) -> Stage {
        let Kind::Simple { assigns, words } = &command.kind else {
            let command = command.clone();
            return self.fork(group, move |shell| {
                Box::pin(async move { shell.stage_command(&command).await })
            });
        };
        self.substituted = None;
        let fields = match self.command_fields(words).await {
            Ok(fields) => fields,
            Err(error) => {
                self.fail(error).await;
                return Stage::Failed(self.status);
            }
        };
        let own = fields.first().is_none_or(|name| {
            self.functions.contains_key(name) || builtins::find(name).is_some() || name == "exec"
        });
        if own || !assigns.is_empty() || self.options.xtrace {
            let (assigns, redirects) = (assigns.clone(), command.redirects.clone());
            return self.fork(group, move |shell| {
                Box::pin(async move { shell.simple_fields(fields, &assigns, &redirects).await })
            });
        }
        if self.redirect(&command.redirects).await.is_err() {
            return Stage::Failed(self.status);
        }
        match self.start_program(&fields, group).await {
            Ok(pid) => Stage::Running(pid),
            Err(status) => Stage::Failed(status),
        }
    }

    /// A compound command as a part of a pipeline: `( )` needs no process more.
    async fn stage_command(&mut self, command: &Command) -> Flow {
        let Kind::Subshell(script) = &command.kind else {
            return self.command(command).await;
        };
        match self.redirect(&command.redirects).await {
            Ok(()) => self.script(script).await,
            Err(flow) => flow,
        }
    }

    /// Starts a copy of this shell that runs `body`.
    fn fork<F>(&mut self, group: Group, body: F) -> Stage
    where
        F: for<'a> FnOnce(&'a mut Shell) -> super::exec::Run<'a> + 'static,
    {
        match self.fork_shell(group, body) {
            Ok(pid) => Stage::Running(pid),
            Err(_) => Stage::Failed(254),
        }
    }

    fn fork_shell<F>(&mut self, group: Group, body: F) -> Result<Pid, Errno>
    where
        F: for<'a> FnOnce(&'a mut Shell) -> super::exec::Run<'a> + 'static,
    {
        let spec = SpawnSpec {
            path: String::new(),
            argv: self.sys.args(),
            env: self.vars.environment().into_iter().collect(),
            cwd: String::new(),
            fds: self.io.for_child(),
            group,
            user: None,
        };
        let descriptors = self.io.descriptors();
        let code = |sys: Sys| -> Task {
            let mut shell = self.subshell(sys, &descriptors);
            Box::pin(async move {
                body(&mut shell).await;
                shell.run_exit_trap().await;
                shell.status()
            })
        };
        self.sys.fork_task(spec, code)
    }

    /// `( list )`
    #[inline(never)]
    pub(super) fn run_subshell<'a>(&'a mut self, script: &'a Script) -> Later<'a, Flow> {
        Box::pin(async move {
            let script = script.clone();
            let group = self.foreground_group();
            let stage =
                self.fork(group, move |shell| Box::pin(async move { shell.script(&script).await }));
            match stage {
                Stage::Running(pid) => self.foreground(&[pid], "").await,
                Stage::Failed(status) => {
                    self.status = status;
                    Flow::Next
                }
            }
        })
    }

    /// `$( list )`: what it printed, without the newlines at the end.
    #[inline(never)]
    pub(super) fn substitute<'a>(
        &'a mut self,
        script: &'a Rc<Script>,
    ) -> Later<'a, expand::Result<String>> {
        Box::pin(async move {
            if !self.enter_call() {
                self.calls -= 1;
                return expand::error("maximum substitution level exceeded".to_owned());
            }
            let output = self.substitute_output(script).await;
            self.calls -= 1;
            let (mut bytes, status) = match output {
                Ok(output) => output,
                Err(error) => return expand::error(format!("cannot make pipe: {error}")),
            };
            if status == ExitStatus::Signal(Signal::Int) && self.job_control() {
                return Err(expand::ExpandError::interrupted());
            }
            let status = status.code();
            self.status = status;
            self.substituted = Some(status);
            bytes.retain(|byte| *byte != 0);
            let end = bytes.iter().rposition(|byte| *byte != b'\n').map_or(0, |at| at + 1);
            bytes.truncate(end);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    #[inline(never)]
    fn substitute_output<'a>(
        &'a mut self,
        script: &'a Rc<Script>,
    ) -> Later<'a, Result<(Vec<u8>, ExitStatus), Errno>> {
        Box::pin(async move {
            if let Some(bytes) = self.file_output(script).await {
                return Ok((bytes, ExitStatus::Code(self.status)));
            }
            let (read, write) = self.sys.pipe()?;
            let read = Open::new(&self.sys, read);
            let outer = self.io.clone();
            self.io.set(1, Open::new(&self.sys, write));
            let group = self.foreground_group();
            let body = Rc::clone(script);
            let child = self
                .fork_shell(group, move |shell| Box::pin(async move { shell.script(&body).await }));
            // With the table goes the shell's own end for writing, or the end would never come.
            self.io = outer;
            let pid = child?;
            if self.job_control() {
                self.sys.set_foreground(&[pid]);
            }
            let mut bytes = Vec::new();
            while bytes.len() <= VALUE_MAX_BYTES {
                let more = self.sys.read(read.fd(), READ_BYTES).await?;
                if more.is_empty() {
                    break;
                }
                bytes.extend_from_slice(&more);
            }
            drop(read);
            let statuses = self.wait_foreground(&[pid]).await;
            Ok((bytes, statuses.first().copied().unwrap_or(ExitStatus::Code(0))))
        })
    }

    /// `<(list)`: a file that what the list prints comes out of; with `write` one that goes
    /// into it.
    pub(super) fn process_file(
        &mut self,
        write: bool,
        script: &Rc<Script>,
    ) -> expand::Result<String> {
        let taken = self.io.descriptors();
        let free = PROCESS_FDS.rev().find(|fd| !taken.contains(fd));
        let (Some(number), Ok((read, write_end))) = (free, self.sys.pipe()) else {
            return expand::error("cannot make pipe for process substitution".to_owned());
        };
        let (read, write_end) = (Open::new(&self.sys, read), Open::new(&self.sys, write_end));
        let (ours, theirs, descriptor) =
            if write { (write_end, read, 0) } else { (read, write_end, 1) };
        let outer = self.io.clone();
        self.io.set(descriptor, theirs);
        let body = Rc::clone(script);
        let group = self.foreground_group();
        let child =
            self.fork_shell(group, move |shell| Box::pin(async move { shell.script(&body).await }));
        self.io = outer;
        let Ok(child) = child else {
            return expand::error("cannot make process for process substitution".to_owned());
        };
        self.jobs.processes.push((child, write));
        self.io.set(number, ours);
        Ok(format!("/dev/fd/{number}"))
    }

    /// `$(< file)` needs no process.
    #[inline(never)]
    fn file_output<'a>(&'a mut self, script: &'a Rc<Script>) -> Later<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let [item] = script.items.as_slice() else { return None };
            let [command] = item.list.first.commands.as_slice() else { return None };
            let Kind::Simple { assigns, words } = &command.kind else { return None };
            let [redirect] = command.redirects.as_slice() else { return None };
            let reads = matches!(redirect.op, RedirectOp::Read(_)) && redirect.fd.is_none();
            if !assigns.is_empty() || !words.is_empty() || !item.list.rest.is_empty() || !reads {
                return None;
            }
            let outer = self.io.clone();
            let mut bytes = Vec::new();
            if self.redirect(&command.redirects).await.is_ok()
                && let Some(fd) = self.io.fd(0)
            {
                self.status = 0;
                while let Ok(more) = self.sys.read(fd, READ_BYTES).await {
                    bytes.extend_from_slice(&more);
                    if more.is_empty() || bytes.len() > VALUE_MAX_BYTES {
                        break;
                    }
                }
            }
            self.io = outer;
            Some(bytes)
        })
    }

    /// `list &`
    #[inline(never)]
    pub(super) fn background<'a>(&'a mut self, item: &'a Item) -> Later<'a, Flow> {
        Box::pin(async move {
            self.pace().await;
            let outer = self.io.clone();
            self.detach_input();
            let plain =
                item.list.rest.is_empty() && !item.list.first.negated && !item.list.first.timed;
            let started = if plain {
                self.start_pipeline(&item.list.first.commands, Group::Own).await
            } else {
                let list = item.list.clone();
                let stage = self.fork(Group::Own, move |shell| {
                    Box::pin(async move { shell.and_or(&list).await })
                });
                Ok(vec![stage])
            };
            self.io = outer;
            let pids = started.as_deref().map(running).unwrap_or_default();
            if let Some(last) = pids.last().copied() {
                self.last_background = Some(last);
                let id = self.jobs.add(pids, &item.text);
                if self.job_control() {
                    self.print(2, format!("[{id}] {last}\n").as_bytes()).await;
                }
            }
            self.status = 0;
            Flow::Next
        })
    }

    /// A job in the background must not take what is typed for others.
    fn detach_input(&mut self) {
        let Some(fd) = self.io.fd(0) else { return };
        let typed = self.sys.is_tty(fd);
        if (typed || (!self.job_control() && fd == Fd::STDIN))
            && let Ok(null) = self.sys.open("/dev/null", OpenFlags::READ)
        {
            self.io.set(0, Open::new(&self.sys, null));
        }
    }
}

fn running(stages: &[Stage]) -> Vec<Pid> {
    let pid = |stage: &Stage| match stage {
        Stage::Running(pid) => Some(*pid),
        Stage::Failed(_) => None,
    };
    stages.iter().filter_map(pid).collect()
}
