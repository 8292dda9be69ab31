//! How three systems read, as rules of a client.
//!
//! etcd's two ways are real. Those of Consul and ZooKeeper are their documented rules carried
//! out over our members: which server answers, whom it asks first, when it refuses. Their
//! servers, and ZooKeeper's Zab, are not here: writes are etcd's, and so is the timing of
//! elections and of a leader that steps down.

use etcd::rpc::{Answer, Op};

use super::field::PATIENCE_US;
use super::peers::{Peers, range, value};

/// How long a Consul server holds a request while it knows no leader, by default.
const CONSUL_HOLD_US: u64 = 7_000_000;
/// How often a rule looks again.
const LOOK_AGAIN_US: u64 = 1_000;
/// The key that is read.
pub(super) const KEY: &str = "x";

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    EtcdLinearizable,
    EtcdSerializable,
    ConsulConsistent,
    ConsulDefault,
    ConsulStale,
    ZooKeeperSync,
    ZooKeeperLocal,
}

/// Every way, the strictest of each system first.
pub(super) const MODES: [Mode; 7] = [
    Mode::EtcdLinearizable,
    Mode::EtcdSerializable,
    Mode::ConsulConsistent,
    Mode::ConsulDefault,
    Mode::ConsulStale,
    Mode::ZooKeeperSync,
    Mode::ZooKeeperLocal,
];

impl Mode {
    /// The system, and the way by its own name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::EtcdLinearizable => "etcd, linearizable",
            Mode::EtcdSerializable => "etcd, serializable",
            Mode::ConsulConsistent => "Consul, consistent (model)",
            Mode::ConsulDefault => "Consul, default (model)",
            Mode::ConsulStale => "Consul, stale (model)",
            Mode::ZooKeeperSync => "ZooKeeper, sync then read (model)",
            Mode::ZooKeeperLocal => "ZooKeeper, read (model)",
        }
    }

    /// Who answers, and who is asked first.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Mode::EtcdLinearizable => "any member, after the leader has heard a majority",
            Mode::EtcdSerializable => "any member, from what it has",
            Mode::ConsulConsistent => "the leader, after it has heard a majority",
            Mode::ConsulDefault => "the leader, while it takes itself for one",
            Mode::ConsulStale => "any server, from what it has",
            Mode::ZooKeeperSync => "one's own server, once it has caught up with its leader",
            Mode::ZooKeeperLocal => "one's own server, while it has a leader",
        }
    }
}

/// A client that reads through the server beside it.
pub(super) struct Reader {
    pub(super) peers: Peers,
    /// The server it speaks to.
    pub(super) own: usize,
    /// How long it waits for an answer.
    pub(super) patience_us: u64,
}

impl Reader {
    /// With the patience of each system's own client.
    pub(super) fn new(peers: Peers, own: usize, mode: Mode) -> Reader {
        let consul = matches!(mode, Mode::ConsulConsistent | Mode::ConsulDefault);
        let patience_us = if consul { CONSUL_HOLD_US } else { PATIENCE_US };
        Reader { peers, own, patience_us }
    }

    /// The value, or what the user is told.
    pub(super) async fn read(&self, mode: Mode) -> Result<String, String> {
        match mode {
            Mode::EtcdLinearizable => self.range(self.own, false).await,
            Mode::EtcdSerializable | Mode::ConsulStale => self.range(self.own, true).await,
            Mode::ConsulConsistent | Mode::ConsulDefault => self.consul(mode).await,
            Mode::ZooKeeperSync => self.synced().await,
            Mode::ZooKeeperLocal => {
                self.zookeeper_leader().await?;
                self.range(self.own, true).await
            }
        }
    }

    async fn range(&self, at: usize, serializable: bool) -> Result<String, String> {
        let op = range(KEY, serializable);
        Ok(value(&self.peers.call(at, op, self.patience_us).await?))
    }

    /// The leader one's own server knows.
    async fn leader(&self) -> Result<Option<usize>, String> {
        let status = self.peers.status(self.own, self.patience_us).await?;
        Ok(self.peers.place_of(status.leader))
    }

    /// The server passes the request on to the leader it knows, and holds it while it knows none.
    async fn consul(&self, mode: Mode) -> Result<String, String> {
        let until_us = self.peers.now_us() + self.patience_us;
        loop {
            let left_us = until_us.saturating_sub(self.peers.now_us());
            if let Some(leader) = self.leader().await? {
                if mode == Mode::ConsulConsistent {
                    let answer = self.peers.call(leader, range(KEY, false), left_us).await;
                    return answer.map(|answer| value(&answer)).map_err(through_leader);
                }
                // Both at once: whether it still takes itself for the leader, and the value.
                let ops = vec![Op::Status, range(KEY, true)];
                let answers = self.peers.calls(leader, ops, left_us).await;
                let answers = answers.map_err(through_leader)?;
                let Answer::Status(status) = &answers[0] else {
                    unreachable!("a question for the status is answered with it")
                };
                if status.leader == self.peers.id(leader) {
                    return Ok(value(&answers[1]));
                }
            }
            if left_us == 0 {
                return Err("No cluster leader".to_owned());
            }
            self.peers.sleep_us(LOOK_AGAIN_US.max(left_us / 32)).await;
        }
    }

    /// A server without a leader closes its clients' connections.
    async fn zookeeper_leader(&self) -> Result<usize, String> {
        let leader = self.leader().await?;
        leader.ok_or_else(|| "ConnectionLoss".to_owned())
    }

    /// `sync` asks the leader how far it is, and no majority; then the server catches up.
    async fn synced(&self) -> Result<String, String> {
        let leader = self.zookeeper_leader().await?;
        let far = self.peers.status(leader, self.patience_us).await?;
        if far.leader != self.peers.id(leader) {
            return Err("ConnectionLoss".to_owned());
        }
        loop {
            let own = self.peers.status(self.own, self.patience_us).await?;
            if own.raft_applied_index >= far.raft_index {
                return self.range(self.own, true).await;
            }
            if self.peers.place_of(own.leader).is_none() {
                return Err("ConnectionLoss".to_owned());
            }
            self.peers.sleep_us(LOOK_AGAIN_US).await;
        }
    }
}

fn through_leader(error: String) -> String {
    format!("rpc error making call: {error}")
}
