//! Programs of the worlds that have a whole system: users, archives, services, reports. They
//! come with the feature `k8s`; the world `cluster` has none of them.

pub(crate) mod accounts;
mod archive;
mod awk;
mod cron;
mod digest;
pub(crate) mod editor;
mod hexdump;
mod jq;
mod look;
mod memory;
mod owners;
mod pager;
pub(crate) mod releases;
mod reports;
mod ssh;
mod sudo;
mod tools;
mod useradd;

use ::bytes::Bytes;

use super::{PROGRAMS as COMMON, Program, secure};
use crate::systemd;

/// All of them.
pub(crate) static PROGRAMS: &[Program] = &[
    accounts::GETENT,
    accounts::GROUPS,
    awk::PROGRAM,
    archive::GUNZIP,
    archive::GZIP,
    archive::TAR,
    archive::ZCAT,
    cron::CRON,
    cron::CRONTAB,
    hexdump::PROGRAM,
    look::DIG,
    look::HOST,
    look::NSLOOKUP,
    look::WHO,
    look::W,
    look::LAST,
    look::USERS,
    look::HOSTNAMECTL,
    look::TIMEDATECTL,
    look::LSB_RELEASE,
    look::ARCH,
    look::DPKG,
    look::TTY,
    look::STTY,
    look::TPUT,
    look::PIDOF,
    look::READLINK,
    look::REALPATH,
    look::FILE,
    look::TREE,
    digest::MD5SUM,
    digest::SHA1SUM,
    digest::SHA512SUM,
    digest::OD,
    digest::CMP,
    digest::TRUNCATE,
    tools::COLUMN,
    tools::ENVSUBST,
    tools::EXPR,
    tools::COMM,
    tools::FOLD,
    tools::YES,
    tools::PRINTENV,
    tools::NICE,
    tools::LOGGER,
    tools::WGET,
    tools::APT,
    tools::APT_GET,
    owners::CHGRP,
    owners::CHOWN,
    owners::INSTALL,
    jq::PROGRAM,
    owners::MKTEMP,
    releases::PROGRAM,
    secure::CURL,
    secure::OPENSSL,
    memory::FREE,
    reports::IP,
    reports::KILLALL,
    pager::LESS,
    reports::LSOF,
    pager::MORE,
    editor::NANO,
    reports::NC,
    reports::NETSTAT,
    reports::NL,
    reports::NPROC,
    reports::PASTE,
    reports::PGREP,
    reports::PING,
    reports::PKILL,
    reports::REV,
    reports::SS,
    reports::TOP,
    reports::UPTIME,
    editor::VI,
    editor::VIEW,
    editor::VIM,
    reports::WATCH,
    ssh::SCP,
    ssh::SSH,
    ssh::SSHD,
    sudo::SU,
    sudo::SUDO,
    systemd::analyze::PROGRAM,
    systemd::ctl::SERVICE,
    systemd::ctl::SYSTEMCTL,
    systemd::journalctl::PROGRAM,
    systemd::manager::PROGRAM,
    systemd::power::POWEROFF,
    systemd::power::REBOOT,
    systemd::power::SHUTDOWN,
    useradd::GROUPADD,
    useradd::USERADD,
    useradd::USERDEL,
    useradd::USERMOD,
];

/// Where those lie that do not lie in `/usr/bin`.
const ELSEWHERE: &[(&str, &str)] = &[
    ("systemd", "/usr/lib/systemd/systemd"),
    ("groupadd", "/usr/sbin/groupadd"),
    ("useradd", "/usr/sbin/useradd"),
    ("userdel", "/usr/sbin/userdel"),
    ("usermod", "/usr/sbin/usermod"),
    ("service", "/usr/sbin/service"),
    ("reboot", "/usr/sbin/reboot"),
    ("poweroff", "/usr/sbin/poweroff"),
    ("shutdown", "/usr/sbin/shutdown"),
    ("cron", "/usr/sbin/cron"),
    ("sshd", "/usr/sbin/sshd"),
    ("answer", "/usr/local/bin/answer"),
    ("sim", "/usr/local/bin/sim"),
];

/// What is not part of a system: somebody installs it, or a world does.
const EXTRA: &[&str] = &["benchmark", "etcd", "etcdctl", "etcdutl", "release-server"];

/// Those that run as root, whoever starts them.
const SETUID: &[&str] = &["crontab", "ping", "su", "sudo"];

/// The files of all programs of a system: path, content, permissions.
pub(crate) fn files() -> Vec<(String, Bytes, u16)> {
    let all = COMMON.iter().chain(PROGRAMS).filter(|program| !EXTRA.contains(&program.name));
    let file = |program: &Program| {
        let name = program.name;
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name);
        let path = elsewhere.map_or_else(|| format!("/usr/bin/{name}"), |(_, path)| (*path).into());
        let mode = if SETUID.contains(&name) { 0o4755 } else { 0o755 };
        (path, ::sim::exe::image(name, ""), mode)
    };
    all.map(file).collect()
}
