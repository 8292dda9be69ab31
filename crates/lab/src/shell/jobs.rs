//! Background jobs: what was started with `&` and not forgotten.

use sim::{ExitStatus, Pid, ProcState, Signal};

use super::exec::Shell;

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The number after `%`.
    pub(super) id: u32,
    /// Its processes that have not been waited for.
    pub(super) running: Vec<Pid>,
    /// All of its processes, in the order of the pipeline.
    pub(super) pids: Vec<Pid>,
    /// How its last process ended.
    pub(super) status: Option<ExitStatus>,
    /// What was typed.
    pub(super) text: String,
}

/// The jobs of a shell, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    pub(super) list: Vec<Job>,
    /// Statuses of processes that were waited for and whose job is gone.
    pub(super) ended: Vec<(Pid, i32)>,
    /// What runs for `<( )` and, with true, for `>( )`.
    pub(super) processes: Vec<(Pid, bool)>,
}

/// Ended processes a shell remembers the status of.
const ENDED_MAX: usize = 64;

impl Jobs {
    pub(super) fn add(&mut self, pids: Vec<Pid>, text: &str) -> u32 {
        let id = self.list.iter().map(|job| job.id).max().unwrap_or(0) + 1;
        let text = text.to_owned();
        self.list.push(Job { id, running: pids.clone(), pids, status: None, text });
        id
    }

    /// A job by `%1`, `%%`, `%+`, `%-`, `%name`, or the number of a process.
    pub(super) fn find(&self, spec: &str) -> Option<usize> {
        let count = self.list.len();
        match spec.strip_prefix('%') {
            Some("" | "%" | "+") => count.checked_sub(1),
            Some("-") => count.checked_sub(2).or(count.checked_sub(1)),
            Some(name) => match name.parse::<u32>() {
                Ok(id) => self.list.iter().position(|job| job.id == id),
                Err(_) => self.list.iter().rposition(|job| job.text.starts_with(name)),
            },
            None => {
                let pid = Pid(spec.parse().ok()?);
                self.list.iter().position(|job| job.pids.contains(&pid))
            }
        }
    }

    /// `+` for the newest, `-` for the one before.
    pub(super) fn mark(&self, index: usize) -> char {
        match self.list.len() - index {
            1 => '+',
            2 => '-',
            _ => ' ',
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        let job = self.list.remove(index);
        if let (Some(pid), Some(status)) = (job.pids.last(), job.status) {
            if self.ended.len() == ENDED_MAX {
                self.ended.remove(0);
            }
            self.ended.push((*pid, status.code()));
        }
    }
}

impl Job {
    /// Notes that one of its processes ended.
    pub(super) fn ended(&mut self, pid: Pid, status: ExitStatus) {
        self.running.retain(|running| *running != pid);
        if self.pids.last() == Some(&pid) {
            self.status = Some(status);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.running.is_empty()
    }
}

/// What a shell says of how a process ended.
pub(super) fn describe(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(0) => "Done".to_owned(),
        ExitStatus::Code(code) => format!("Exit {code}"),
        ExitStatus::Signal(signal) => signal_text(signal).to_owned(),
    }
}

/// The words of `strsignal`.
pub(super) fn signal_text(signal: Signal) -> &'static str {
    match signal {
        Signal::Hup => "Hangup",
        Signal::Int => "Interrupt",
        Signal::Quit => "Quit",
        Signal::Abrt => "Aborted",
        Signal::Kill => "Killed",
        Signal::Usr1 => "User defined signal 1",
        Signal::Usr2 => "User defined signal 2",
        Signal::Pipe => "Broken pipe",
        Signal::Alrm => "Alarm clock",
        Signal::Term => "Terminated",
        Signal::Chld => "Child exited",
        Signal::Cont => "Continued",
        Signal::Stop | Signal::Tstp => "Stopped",
    }
}

impl Shell {
    /// Asks which processes of the jobs have ended meanwhile.
    pub(super) fn poll_jobs(&mut self) {
        for job in &mut self.jobs.list {
            for pid in job.running.clone() {
                if let Some(status) = self.sys.try_wait(pid) {
                    job.ended(pid, status);
                }
            }
        }
    }

    /// Waits for what the last command wrote into by `>( )`, and forgets what has ended.
    pub(super) async fn end_processes(&mut self) {
        for (pid, write) in std::mem::take(&mut self.jobs.processes) {
            if write {
                self.sys.wait(pid).await;
            } else if self.sys.try_wait(pid).is_none() {
                self.jobs.processes.push((pid, write));
            }
        }
    }

    /// One line of `jobs`.
    pub(super) fn job_line(&self, index: usize, with_pid: bool) -> String {
        let job = &self.jobs.list[index];
        let stopped = || {
            let all = self.sys.ps();
            all.iter()
                .any(|proc| job.running.contains(&proc.pid) && proc.state == ProcState::Stopped)
        };
        let (state, end) = match job.status {
            Some(status) if job.is_done() => (describe(status), ""),
            _ if stopped() => ("Stopped".to_owned(), ""),
            _ => ("Running".to_owned(), " &"),
        };
        let pid = match job.pids.first().filter(|_| with_pid) {
            Some(pid) => format!("{pid} "),
            None => String::new(),
        };
        format!("[{}]{}  {pid}{state:<24}{}{end}\n", job.id, self.jobs.mark(index), job.text)
    }

    /// Says which jobs have ended, before the next prompt.
    pub(super) async fn report_jobs(&mut self) {
        self.poll_jobs();
        let mut text = String::new();
        for index in 0..self.jobs.list.len() {
            if self.jobs.list[index].is_done() {
                text.push_str(&self.job_line(index, false));
            }
        }
        for index in (0..self.jobs.list.len()).rev() {
            if self.jobs.list[index].is_done() {
                self.jobs.remove(index);
            }
        }
        self.print(2, text.as_bytes()).await;
    }
}
