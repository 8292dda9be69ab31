//! systemd: units parsed and obeyed, the first process of a host, the journal, and the programs
//! that speak with them.
//!
//! | module | what it holds |
//! |---|---|
//! | `unit` | the text of unit files, to settings |
//! | `exec` | command lines of units: quotes, variables, specifiers |
//! | `load` | where units lie: fragments, drop-ins, symbolic links |
//! | `manager` | process 1: jobs, order, requests |
//! | `service` | the life of one service |
//! | `journal` | what is written down, and how it is read |
//! | `seen` | what of all that shows from outside the world, for exercises |
//! | `ctl`, `status`, `enable` | the program `systemctl` |
//! | `journalctl`, `power` | `journalctl`; `reboot`, `shutdown`, `service` and their kin |
//!
//! Texts are those of systemd 252. There are no cgroups: the processes of a service are its
//! process group.

pub(crate) mod analyze;
pub(crate) mod ctl;
mod edit;
mod enable;
mod exec;
pub(crate) mod journal;
pub(crate) mod journalctl;
mod load;
pub(crate) mod manager;
pub(crate) mod power;
pub(crate) mod seen;
mod service;
mod status;
mod unit;

/// Tells systemd how a service is, where systemd started it and wants to know.
pub(crate) async fn notify(sys: &sim::Sys, state: &str) {
    if let Some(socket) = sys.env("NOTIFY_SOCKET") {
        // A manager that is gone needs no news.
        let _ = sys.ask_local(&socket, state.to_owned()).await;
    }
}

/// Where systemctl asks.
pub(crate) const PRIVATE: &str = "/run/systemd/private";
/// Where services say that they are ready.
pub(crate) const NOTIFY: &str = "/run/systemd/notify";
/// Where programs leave lines for the journal.
pub(crate) const LOG: &str = "/dev/log";
/// The journal of a host.
pub(crate) const JOURNAL: &str = "/var/log/journal/system.journal";

/// The units every system has: path and text.
pub(crate) const UNITS: &[(&str, &str)] = &[
    (
        "/lib/systemd/system/basic.target",
        "[Unit]\nDescription=Basic System\nDocumentation=man:systemd.special(7)\n",
    ),
    ("/lib/systemd/system/sysinit.target", "[Unit]\nDescription=System Initialization\n"),
    ("/lib/systemd/system/network.target", "[Unit]\nDescription=Network\nAfter=basic.target\n"),
    (
        "/lib/systemd/system/network-online.target",
        "[Unit]\nDescription=Network is Online\nAfter=network.target\n",
    ),
    (
        "/lib/systemd/system/multi-user.target",
        "[Unit]\nDescription=Multi-User System\nDocumentation=man:systemd.special(7)\n\
         Requires=basic.target\nWants=network.target\nAfter=basic.target\nAllowIsolate=yes\n",
    ),
    (
        "/lib/systemd/system/cron.service",
        "[Unit]\nDescription=Regular background program processing daemon\n\
         Documentation=man:cron(8)\nAfter=remote-fs.target nss-user-lookup.target\n\n\
         [Service]\nExecStart=/usr/sbin/cron -f\nIgnoreSIGPIPE=false\nKillMode=process\n\
         Restart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n",
    ),
    (
        "/lib/systemd/system/ssh.service",
        "[Unit]\nDescription=OpenBSD Secure Shell server\nDocumentation=man:sshd(8)\n\
         After=network.target auditd.service\n\n[Service]\nExecStart=/usr/sbin/sshd -D\n\
         KillMode=process\nRestart=on-failure\nRestartPreventExitStatus=255\nType=notify\n\n\
         [Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n",
    ),
];

/// What is enabled on every system.
pub(crate) const ENABLED: &[&str] = &["cron.service", "ssh.service"];
