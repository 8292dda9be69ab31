//! What `$x` means: variables, positional and special parameters, and the prompt.

use super::exec::{Mode, Options, Shell};
use super::expand::{ExpandError, Result};

impl Shell {
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
            "PIPESTATUS" => self.pipe_statuses.first().copied().unwrap_or(0).to_string(),
            "BASHPID" => self.sys.pid().to_string(),
            "PPID" => self.sys.parent_pid().to_string(),
            "UID" => self.sys.real_uid().to_string(),
            "EUID" => self.sys.cred().uid.to_string(),
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
                Some('$') => out.push(if self.sys.cred().is_root() { '#' } else { '$' }),
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
}
