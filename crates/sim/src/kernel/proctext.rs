//! What `/proc` says of processes and of the host, as text made when it is asked for.

use super::Kernel;
use crate::errno::Errno;
use crate::ids::Pid;

impl Kernel {
    /// The content of a file under `/proc`, as this process sees it.
    pub(super) fn proc_text(&self, asking: Pid, path: &str) -> Result<String, Errno> {
        let host = self.host_of(asking);
        let Some((owner, file)) = path.split_once('/') else { return self.host_text(asking, path) };
        let pid = match owner {
            "self" => asking,
            number => self.meant(host, Pid(number.parse().map_err(|_| Errno::Enoent)?)),
        };
        let proc = self.proc(pid).filter(|proc| proc.host == host).ok_or(Errno::Enoent)?;
        let caller = &self.caller(asking).cred;
        let allowed = caller.is_root() || caller.uid == proc.cred.uid;
        let command = proc.argv.first().map_or("", String::as_str).trim_start_matches('-');
        let name = command.rsplit('/').next().unwrap_or(command);
        Ok(match file {
            "comm" => format!("{name}\n"),
            "cmdline" => proc.argv.iter().map(|arg| format!("{arg}\0")).collect(),
            "environ" | "limits" if !allowed => return Err(Errno::Eacces),
            "environ" => proc.env.iter().map(|(name, value)| format!("{name}={value}\0")).collect(),
            "limits" => limits(proc.files_max),
            "status" => format!(
                "Name:\t{name}\nState:\t{}\nPid:\t{}\nPPid:\t{}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nThreads:\t1\n",
                if proc.stopped { "T (stopped)" } else { "S (sleeping)" },
                self.shown(host, pid),
                proc.parent.map_or(Pid(1), |parent| self.shown(host, parent)),
                uid = proc.cred.uid
            ),
            _ => return Err(Errno::Enoent),
        })
    }

    fn host_text(&self, asking: Pid, file: &str) -> Result<String, Errno> {
        let up_us = self.mono_us(self.host_of(asking));
        Ok(match file {
            "cpuinfo" => (0..2)
                .map(|core| {
                    format!(
                        "processor\t: {core}\nmodel name\t: Quorum virtual CPU\ncpu cores\t: 2\n\n"
                    )
                })
                .collect(),
            "loadavg" => "0.00 0.00 0.00 1/64 1000\n".to_owned(),
            "meminfo" => "MemTotal:        4013056 kB\nSwapTotal:             0 kB\n".to_owned(),
            "mounts" => "/dev/vda1 / ext4 rw,relatime 0 0\n".to_owned(),
            "swaps" => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned(),
            "uptime" => {
                let text = format!("{}.{:02}", up_us / 1_000_000, up_us / 10_000 % 100);
                format!("{text} {text}\n")
            }
            "version" => "Linux version 6.1.0-quorum (Quorum Lab) #1 SMP\n".to_owned(),
            _ => return Err(Errno::Enoent),
        })
    }
}

fn limits((soft, hard): (u64, u64)) -> String {
    let mut text =
        format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let unlimited = "unlimited".to_owned();
    let rows = [
        ("Max cpu time", unlimited.clone(), unlimited.clone(), "seconds"),
        ("Max file size", unlimited.clone(), unlimited.clone(), "bytes"),
        ("Max core file size", "0".to_owned(), unlimited, "bytes"),
        ("Max processes", "15573".to_owned(), "15573".to_owned(), "processes"),
        ("Max open files", soft.to_string(), hard.to_string(), "files"),
        ("Max locked memory", "8388608".to_owned(), "8388608".to_owned(), "bytes"),
    ];
    for (name, soft, hard, unit) in rows {
        text.push_str(&format!("{name:<25} {soft:<20} {hard:<20} {unit:<10}\n"));
    }
    text
}
