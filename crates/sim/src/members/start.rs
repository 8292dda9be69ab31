//! Starting members from outside: at the beginning of a world, after a restart, when the
//! power comes back.

use super::{Hosted, Launch, Members};
use crate::errno::Errno;
use crate::ids::{HostId, Pid};
use crate::kernel::{Kernel, KernelRef, spawn_task};
use crate::proc::{Group, SpawnSpec, Stdio};
use crate::queue::Event;

impl Hosted {
    /// A slot without a member.
    pub(super) fn vacant() -> Hosted {
        Hosted {
            host: HostId(0),
            run: 0,
            pid: Pid(0),
            member: None,
            id: etcd::MemberId(0),
            cluster: etcd::ClusterId(0),
            data_dir: String::new(),
            heartbeat_us: 0,
            log_level: etcd::Level::Info,
            stopped: false,
            inbox: std::collections::VecDeque::new(),
            missed_tick: false,
            writes: Default::default(),
            wake: None,
            peers: Vec::new(),
            waiting: Vec::new(),
            handshakes: Vec::new(),
            secure: super::Secure::default(),
            exit: None,
        }
    }

    /// Where on its host's disk it keeps its data.
    pub(crate) fn data_dir(&self) -> &str {
        &self.data_dir
    }
}

impl Members {
    /// A slot for a new member, and the number of its run.
    pub(super) fn take_slot(&mut self) -> (u16, u32) {
        self.runs += 1;
        let free = self.slots.iter().position(|slot| slot.run == 0);
        let place = free.unwrap_or_else(|| {
            self.slots.push(Hosted::vacant());
            self.slots.len() - 1
        });
        (u16::try_from(place).expect("fewer than 65536 members run at once"), self.runs)
    }

    /// Notes that the member is to start again when it is gone.
    pub(crate) fn restart_when_gone(&mut self, host: HostId) {
        self.place(host).restart = true;
    }

    /// Forgets every start that was planned for a host. Returns whether a member ran there.
    pub(crate) fn power_went(&mut self, host: HostId) {
        let ran = self.of_host(host).is_some();
        let place = self.place(host);
        place.on_with_power = ran || place.pending.is_some();
        place.pending = None;
        place.restart = false;
    }
}

impl Kernel {
    /// Plans the start of a member at this instant.
    pub(crate) fn member_start(&mut self, host: HostId, launch: Launch) {
        let now_us = self.now_us;
        let place = self.members.place(host);
        place.serial += 1;
        let serial = place.serial;
        place.pending = Some((serial, launch));
        self.queue.push(now_us, Event::Start { host, serial });
    }

    /// A member that was told to restart is gone: it comes up again.
    pub(super) fn restart_if_asked(&mut self, host: HostId) {
        let place = self.members.place(host);
        if std::mem::take(&mut place.restart)
            && let Some(launch) = place.last.clone()
        {
            self.member_start(host, launch);
        }
    }

    /// The power came back: the member that ran when it went starts again.
    pub(crate) fn member_after_power(&mut self, host: HostId) {
        let place = self.members.place(host);
        if std::mem::take(&mut place.on_with_power)
            && let Some(launch) = place.last.clone()
        {
            self.member_start(host, launch);
        }
    }
}

/// A planned start's time has come.
pub(crate) fn start_planned(kernel: &KernelRef, host: HostId, serial: u32) {
    let launch = {
        let mut kernel = kernel.borrow_mut();
        let place = kernel.members.place(host);
        match &place.pending {
            Some((planned, _)) if *planned == serial => place.pending.take(),
            _ => None,
        }
    };
    if let Some((_, launch)) = launch {
        // A host that went off meanwhile starts nothing.
        let _ = start(kernel, host, launch);
    }
}

/// Starts a member's process at once.
pub(crate) fn start(kernel: &KernelRef, host: HostId, launch: Launch) -> Result<Pid, Errno> {
    let Launch { config, argv } = launch;
    let argv = if argv.is_empty() { command_line(&config) } else { argv };
    let spec = SpawnSpec {
        path: "/usr/local/bin/etcd".to_owned(),
        argv,
        env: Vec::new(),
        cwd: "/".to_owned(),
        fds: Vec::new(),
        group: Group::Own,
        user: None,
    };
    let code = move |sys: crate::sys::Sys| -> crate::task::Task {
        Box::pin(async move { sys.run_member(config).await })
    };
    spawn_task(kernel, host, spec, Stdio::Null, Box::new(code))
}

/// The flags that say a configuration, for `ps`.
fn command_line(config: &etcd::Config) -> Vec<String> {
    let cluster: Vec<String> = config
        .initial_cluster
        .iter()
        .flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")))
        .collect();
    let flags = [
        ("--name", config.name.clone()),
        ("--data-dir", config.data_dir.clone()),
        ("--listen-peer-urls", config.listen_peer_urls.join(",")),
        ("--listen-client-urls", config.listen_client_urls.join(",")),
        ("--initial-advertise-peer-urls", config.initial_advertise_peer_urls.join(",")),
        ("--advertise-client-urls", config.advertise_client_urls.join(",")),
        ("--initial-cluster", cluster.join(",")),
    ];
    let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
    std::iter::once("etcd".to_owned()).chain(flags).collect()
}
