//! The member: its whole public face.

use crate::config::{Config, PeerCluster};
use crate::disk::{DiskError, DiskView, WriteBatch, WriteId};
use crate::envelope::Envelope;
use crate::fact::Fact;
use crate::ids::MemberId;
use crate::log::LogLine;
use crate::rpc::{ConnId, Reply, Request};
use crate::status::{EntryInfo, MemberStatus};

/// The time, as the member's host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Its monotonic clock.
    pub mono_us: u64,
    /// Its wall clock: microseconds since 1970, with whatever skew the host has.
    pub wall_us: u64,
}

/// What a member wants done. Taken with [`Member::drain`] after every call.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Messages to peers.
    pub send: Vec<Envelope>,
    /// Writes to the disk, in order.
    pub write: Vec<WriteBatch>,
    /// Answers to clients.
    pub replies: Vec<Reply>,
    /// Lines for stderr.
    pub log: Vec<LogLine>,
    /// What happened.
    pub facts: Vec<Fact>,
    /// Set when the process ends, with its exit code. The member must not be called again.
    pub exit: Option<i32>,
}

/// A member that did not come up.
#[derive(Clone, Debug, PartialEq)]
pub struct BootError {
    /// What it says on stderr.
    pub log: Vec<LogLine>,
    /// Its exit code.
    pub exit_code: i32,
}

/// One etcd member.
pub struct Member {}

impl Member {
    /// Starts a member on a disk: a fresh one, one that joins, or one that was here before.
    /// `peers` is what another member of `--initial-cluster` told, if one answered; it is
    /// not asked for when the disk holds a log.
    pub fn boot(
        config: Config,
        disk: &dyn DiskView,
        peers: Option<PeerCluster>,
        now: Now,
    ) -> Result<Member, BootError> {
        let _ = (config, disk, peers, now);
        todo!()
    }

    /// To be called every `heartbeat_ms` of the member's own clock.
    pub fn tick(&mut self, now: Now) {
        let _ = now;
        todo!()
    }

    /// When, on the monotonic clock, the member wants [`Member::wake`] besides its ticks.
    pub fn next_wake_us(&self) -> Option<u64> {
        todo!()
    }

    /// The time asked for by [`Member::next_wake_us`] has come.
    pub fn wake(&mut self, now: Now) {
        let _ = now;
        todo!()
    }

    /// A message of a peer arrived.
    pub fn step(&mut self, env: Envelope, now: Now) {
        let _ = (env, now);
        todo!()
    }

    /// A client asks.
    pub fn request(&mut self, conn: ConnId, req: Request, now: Now) {
        let _ = (conn, req, now);
        todo!()
    }

    /// A client's connection ended.
    pub fn disconnected(&mut self, conn: ConnId) {
        let _ = conn;
        todo!()
    }

    /// The transport found a peer reachable, or not. To be told on every change, and for
    /// messages that could not be delivered.
    pub fn peer_status(&mut self, peer: MemberId, connected: bool, now: Now) {
        let _ = (peer, connected, now);
        todo!()
    }

    /// The transport finished sending a snapshot to a peer, or gave up.
    pub fn snapshot_sent(&mut self, peer: MemberId, ok: bool, now: Now) {
        let _ = (peer, ok, now);
        todo!()
    }

    /// A batch of writes is durable.
    pub fn disk_done(&mut self, id: WriteId, now: Now) {
        let _ = (id, now);
        todo!()
    }

    /// A batch of writes failed.
    pub fn disk_failed(&mut self, id: WriteId, err: DiskError, now: Now) {
        let _ = (id, err, now);
        todo!()
    }

    /// SIGTERM: hands leadership over if it has it, then stops. `Output::exit` tells when.
    pub fn shutdown(&mut self, now: Now) {
        let _ = now;
        todo!()
    }

    /// Takes what the last calls want done.
    pub fn drain(&mut self) -> Output {
        todo!()
    }

    /// Everything worth showing.
    pub fn status(&self) -> MemberStatus {
        todo!()
    }

    /// Up to `max` entries of the log from an index on.
    pub fn entries(&self, from: u64, max: usize) -> Vec<EntryInfo> {
        let _ = (from, max);
        todo!()
    }

    /// The term of an entry; none when it is compacted away or not there yet.
    pub fn entry_term(&self, index: u64) -> Option<u64> {
        let _ = index;
        todo!()
    }

    /// What this member answers a booting one (`GET /members`).
    pub fn peer_cluster(&self) -> PeerCluster {
        todo!()
    }

    /// The peers and where they listen, for the transport. Changes with [`Fact::Conf`].
    pub fn peers(&self) -> Vec<(MemberId, Vec<String>)> {
        todo!()
    }
}
