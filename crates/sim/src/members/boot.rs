//! How a process becomes a member: it takes its ports, asks its peers, reads its disk.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use etcd::{BootError, Config, DiskView, Level, LogLine, Member, PeerCluster};

use super::peertls::Caller;
use super::secure::Secure;
use super::{Hosted, Launch};
use crate::checker::Boot;
use crate::disk::Need;
use crate::event::WorldEvent;
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::net::{Owner, Port, PortRole, Resolved, Scope, ip_text, resolve, split_url};
use crate::proc::Signal;
use crate::queue::Event;
use crate::sys::Sys;
use crate::task::{Either, race};
use crate::trace::Mark;

impl Sys {
    /// The calling process becomes a member, until that exits. Its log goes to fd 2.
    pub async fn run_member(&self, config: Config) -> i32 {
        self.catch(Signal::Term);
        self.catch(Signal::Int);
        let booted = self.kernel.borrow_mut().member_boot(self.pid, config);
        let (slot, run) = match booted {
            Ok(member) => member,
            Err(code) => return code,
        };
        loop {
            let exit = poll_fn(|_| match self.kernel.borrow().members.slot(slot).exit {
                Some(code) => Poll::Ready(code),
                None => Poll::Pending,
            });
            match race(exit, self.caught()).await {
                Either::Left(code) => return code,
                Either::Right(_) => self.kernel.borrow_mut().member_shutdown(slot, run),
            }
        }
    }
}

/// What a member that comes up brings beside itself.
struct Entry {
    data_dir: String,
    /// Its disk held nothing.
    fresh: bool,
    secure: Secure,
}

impl Sys {
    /// Whether the calling process is a member that has published itself and serves clients.
    pub fn serves(&self) -> bool {
        let kernel = self.kernel.borrow();
        let slot = kernel.members.slot_of_process(self.pid);
        let member = slot.and_then(|slot| kernel.members.slot(slot).member.as_ref());
        member.is_some_and(|member| member.is_ready())
    }

    /// Whether a member runs on this host in this data directory: it holds the lock on the
    /// database there.
    pub fn holds_lock(&self, dir: &str) -> bool {
        let dir = self.absolute(dir);
        let kernel = self.kernel.borrow();
        let host = kernel.host_of(self.pid);
        kernel.members.running().into_iter().any(|slot| {
            let hosted = kernel.members.slot(slot);
            hosted.host == host && hosted.data_dir == dir
        })
    }
}

impl Kernel {
    /// Boots a member in a process. The error is the exit code; the reason was logged.
    fn member_boot(&mut self, pid: Pid, mut config: Config) -> Result<(u16, u32), i32> {
        let host = self.host_of(pid);
        // The next start may come from another directory.
        config.data_dir = self.absolute(pid, &config.data_dir);
        config.wal_dir = config.wal_dir.map(|dir| self.on_disk(pid, &dir));
        let (argv, contained) =
            (self.caller(pid).argv.clone(), self.caller(pid).container.is_some());
        // Whoever runs a container starts it again, and in the same place.
        let launch = Launch { config: config.clone(), argv };
        self.members.place(host).last = Some(launch).filter(|_| !contained);
        let data_dir = self.on_disk_to_change(pid, &config.data_dir).map_err(|_| 1)?;
        // Every draw of a world comes from its seed, those of its members too.
        config.seed ^= self.seed;
        let secure = match self.member_secure(pid, &config) {
            Ok(secure) => secure,
            Err(refusal) => return Err(self.member_refused(host, pid, refusal)),
        };
        let (slot, run) = self.members.take_slot();
        if let Err(error) = self.member_listen(host, slot, run, &config) {
            self.net.unlisten(slot, run);
            return Err(self.member_refused(host, pid, start_failed(&config, &error)));
        }
        if let Some(refusal) = self.dir_refused(pid, &config, &data_dir) {
            self.net.unlisten(slot, run);
            return Err(self.member_refused(host, pid, refusal));
        }
        let peers = self.peer_cluster(pid, &config, &secure);
        let now = self.member_now(host);
        let view = self.host(host).disk.view(&data_dir);
        let wal = config.wal_dir.as_deref().unwrap_or("member/wal");
        let fresh = view.list(wal).is_empty();
        let booted = Member::boot(config.clone(), &view, peers, now);
        let booted = booted.and_then(|member| self.member_compares(pid, member, &config, &secure));
        match booted {
            Ok(member) => {
                let place = Entry { data_dir, fresh, secure };
                self.member_enter(pid, (slot, run), member, &config, place);
                Ok((slot, run))
            }
            Err(error) => {
                self.net.unlisten(slot, run);
                Err(self.member_refused(host, pid, error))
            }
        }
    }

    /// What etcd says of a data directory its user may not use.
    fn dir_refused(&self, pid: Pid, config: &Config, real: &str) -> Option<BootError> {
        let caller = self.caller(pid);
        if caller.cred.is_root() {
            return None;
        }
        let disk = &self.host(caller.host).disk;
        let may = |path: &str, need| disk.permits(&caller.cred, path, true, need);
        let missing = |path: &str| disk.stat(path).is_err();
        let denied = |verb: &str, path: &str| format!("{verb} {path}: permission denied");
        let shown = &config.data_dir;
        let touch = |dir: &str, said: &str| {
            if missing(dir) {
                return may(dir, Need::Make).is_err().then(|| denied("mkdir", said));
            }
            let touched = format!("{dir}/.touch");
            may(&touched, Need::Write).is_err().then(|| denied("open", &format!("{said}/.touch")))
        };
        let line = |level, caller, msg: &str, path: String, error: String| LogLine {
            level,
            logger: "",
            caller,
            msg: msg.to_owned(),
            fields: vec![("path", path.as_str().into()), ("error", error.as_str().into())],
        };
        if let Some(error) = touch(real, shown) {
            let error = format!("cannot access data directory: {error}");
            return Some(start_failed(config, &error));
        }
        let member = (format!("{real}/member"), format!("{shown}/member"));
        if let Some(error) = touch(&member.0, &member.1) {
            if config.release.is_3_6() {
                let error = format!("cannot access member directory: {error}");
                return Some(start_failed(config, &error));
            }
            let snap = format!("{}/snap", member.1);
            let error = denied("mkdir", &snap);
            let msg = "failed to create snapshot directory";
            let log = vec![line(Level::Fatal, "etcdserver/server.go:379", msg, snap, error)];
            return Some(BootError { log, exit_code: 1 });
        }
        let db = format!("{}/snap/db", member.0);
        if !missing(&db) && may(&db, Need::ReadWrite).is_err() {
            let path = format!("{}/snap/db", member.1);
            let error = denied("open", &path);
            let msg = "failed to open database";
            let log = vec![line(Level::Panic, "backend/backend.go:189", msg, path, error)];
            return Some(BootError { log, exit_code: 2 });
        }
        None
    }

    fn member_refused(&mut self, host: HostId, pid: Pid, error: BootError) -> i32 {
        for line in &error.log {
            self.say(host, pid, line);
        }
        let exit_code = error.exit_code;
        let message = error.log.last().map(last_words).unwrap_or_default();
        self.events.push(WorldEvent::MemberRefused { host, exit_code, message });
        exit_code
    }

    /// The member is up: it gets its slot, its ticks and its place before the checkers.
    fn member_enter(
        &mut self,
        pid: Pid,
        (slot, run): (u16, u32),
        member: Member,
        config: &Config,
        Entry { data_dir, fresh, secure }: Entry,
    ) {
        let host = self.host_of(pid);
        let status = member.status();
        let changed = self.disk_changed(host, &data_dir);
        let (id, cluster) = (status.id, status.cluster);
        let boot = Boot { host, id, cluster, reset: fresh || changed };
        let voided = self.checks.booted(self.now_us, slot, boot, &member);
        let heartbeat_us = config.heartbeat_ms * 1000;
        *self.members.slot_mut(slot) = Hosted {
            id,
            cluster,
            host,
            run,
            pid,
            data_dir,
            secure,
            heartbeat_us,
            log_level: config.log_level,
            ..Hosted::vacant()
        };
        self.trace.add(self.now_us, Mark::Start, u64::from(host.0), id.0);
        self.events.push(WorldEvent::MemberStarted { host, pid, member: id, cluster, fresh });
        if voided {
            self.events.push(WorldEvent::PromiseVoid { host, cluster });
        }
        self.queue.push(self.now_us + heartbeat_us, Event::Tick { slot, run });
        self.peers_changed(slot, &member);
        self.members.slot_mut(slot).member = Some(Box::new(member));
        self.member_pump(slot);
        self.review_peers();
    }

    /// Whether somebody else changed what a member finds on its disk, since one last booted
    /// there.
    fn disk_changed(&mut self, host: HostId, dir: &str) -> bool {
        let count = self.host_mut(host).disk.foreign_changes(dir);
        let place = self.members.place(host);
        let damaged = std::mem::take(&mut place.damaged_unseen);
        match place.foreign_seen.iter_mut().find(|(other, _)| other == dir) {
            Some((_, seen)) => std::mem::replace(seen, count) != count || damaged,
            // A directory no member has booted from: what is in it was made by somebody else,
            // by a restore for instance, and promised nothing so far.
            None => {
                place.foreign_seen.push((dir.to_owned(), count));
                true
            }
        }
    }

    /// Takes the ports, peers' first, as etcd does.
    fn member_listen(
        &mut self,
        host: HostId,
        slot: u16,
        run: u32,
        config: &Config,
    ) -> Result<(), String> {
        let peers = config.listen_peer_urls.iter().map(|url| (url, PortRole::Peer));
        let clients = config.listen_client_urls.iter().map(|url| (url, PortRole::Client));
        let metrics = config.listen_metrics_urls.iter().map(|url| (url, PortRole::Metrics));
        for (url, role) in peers.chain(clients).chain(metrics) {
            let (name, port) =
                split_url(url).ok_or_else(|| format!("listen tcp: address {url}: bad address"))?;
            let names = self.hosts.iter().map(|host| host.name.as_str());
            let (scope, ip) = match resolve(names, host, name) {
                Resolved::Host(of, scope, ip) if of == host => (scope, ip),
                Resolved::Host(_, _, ip) | Resolved::Nowhere(ip) => {
                    let ip = ip_text(ip);
                    return Err(format!(
                        "listen tcp {ip}:{port}: bind: cannot assign requested address"
                    ));
                }
                Resolved::Unknown => {
                    return Err(format!("listen tcp: lookup {name}: no such host"));
                }
            };
            let owner = Owner::Member { slot, run };
            let (tls, backlog) = (url.starts_with("https://"), VecDeque::new());
            let listener = Port { id: 0, host, scope, port, role, owner, tls, backlog };
            let shown = if scope == Scope::Any { String::new() } else { ip_text(ip) };
            if self.net.listen(listener).is_none() {
                return Err(format!("listen tcp {shown}:{port}: bind: address already in use"));
            }
        }
        Ok(())
    }

    /// `InitialCorruptCheck`: a member that has other data than its peers does not start.
    fn member_compares(
        &mut self,
        pid: Pid,
        mut member: Member,
        config: &Config,
        secure: &Secure,
    ) -> Result<Member, BootError> {
        if !config.initial_corrupt_check {
            return Ok(member);
        }
        let host = self.host_of(pid);
        let revision = member.store().revision();
        let mut answers = Vec::new();
        for (peer, urls) in member.peers() {
            let hash = urls.iter().find_map(|url| {
                let target = self.peer_target(host, url)?;
                let open =
                    self.host(target.host).on && self.net.links.open_both_ways(host, target.host);
                let (_, slot, _) = self.net.member_at(target).filter(|_| open)?;
                if self.members.slot(slot).stopped {
                    return None;
                }
                let caller = Caller { host, pid, dial: &secure.dial };
                self.peer_shakes(&caller, url, target, slot).ok()?;
                self.members.slot(slot).member.as_ref()?.peer_hash(revision)
            });
            answers.extend(hash.map(|hash| (peer, hash)));
        }
        member.initial_check(&answers)?;
        Ok(member)
    }

    /// What a running member of `--initial-cluster` answers, the first that can be reached.
    fn peer_cluster(&mut self, pid: Pid, config: &Config, secure: &Secure) -> Option<PeerCluster> {
        let host = self.host_of(pid);
        let own = &config.initial_advertise_peer_urls;
        let others = config.initial_cluster.iter().flat_map(|(_, urls)| urls);
        for url in others.filter(|url| !own.contains(url)) {
            let Some(target) = self.peer_target(host, url) else { continue };
            let open =
                self.host(target.host).on && self.net.links.open_both_ways(host, target.host);
            let at = self.net.member_at(target).filter(|_| open);
            let Some((_, slot, _)) = at else { continue };
            let hosted = self.members.slot(slot);
            if hosted.member.is_none() || hosted.stopped {
                continue;
            }
            let caller = Caller { host, pid, dial: &secure.dial };
            if self.peer_shakes(&caller, url, target, slot).is_ok() {
                return self.members.slot(slot).member.as_ref().map(|it| it.peer_cluster());
            }
        }
        None
    }
}

/// What etcd says when it cannot listen, or not use its directory.
pub(super) fn start_failed(config: &Config, error: &str) -> BootError {
    let line = |level, caller, msg: &str| LogLine {
        level,
        logger: "",
        caller,
        msg: msg.to_owned(),
        fields: vec![("error", error.into())],
    };
    let log = if config.release.is_3_6() {
        vec![line(Level::Fatal, "etcdmain/etcd.go:183", "discovery failed")]
    } else {
        vec![
            line(Level::Warn, "etcdmain/etcd.go:146", "failed to start etcd"),
            line(Level::Fatal, "etcdmain/etcd.go:204", "discovery failed"),
        ]
    };
    BootError { log, exit_code: 1 }
}

/// The reason in a log line: its error, or its message.
fn last_words(line: &LogLine) -> String {
    let error = line.fields.iter().find(|(name, _)| *name == "error");
    error.and_then(|(_, value)| value.as_str()).unwrap_or(&line.msg).to_owned()
}
