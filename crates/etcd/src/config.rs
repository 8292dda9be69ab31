//! What a member is told at its start: etcd's flags as values, with etcd's defaults.

use serde::{Deserialize, Serialize};

use crate::compactor::AutoCompaction;
use crate::ids::{ClusterId, MemberId};
use crate::log::Level;
use crate::status::MemberInfo;

/// A release of etcd. What differs between 3.5 and 3.6 is decided by comparing these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Release {
    /// The 3 of 3.6.14.
    pub major: u8,
    /// The 6 of 3.6.14.
    pub minor: u8,
    /// The 14 of 3.6.14.
    pub patch: u8,
}

impl Release {
    /// The release imitated unless another is asked for.
    pub const V3_6: Release = Release { major: 3, minor: 6, patch: 14 };
    /// The release before it.
    pub const V3_5: Release = Release { major: 3, minor: 5, patch: 33 };

    /// Whether it has what came with 3.6.
    pub fn is_3_6(self) -> bool {
        (self.major, self.minor) >= (3, 6)
    }

    /// The cluster version a cluster of this release agrees on: `3.6.0`.
    pub fn cluster_version(self) -> Release {
        Release { patch: 0, ..self }
    }

    /// How cluster versions are shown: `3.6`.
    pub fn minor_text(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }

    /// Reads `3.6.14`.
    pub fn parse(text: &str) -> Option<Release> {
        let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
        let release =
            Release { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(release)
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// `--initial-cluster-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InitialState {
    /// The members of `--initial-cluster` begin a cluster together.
    New,
    /// The member joins a cluster that was told of it by `member add`.
    Existing,
}

/// Certificates of one kind of port, as `--cert-file`, `--peer-cert-file` and their like name
/// them. A member knows nothing of them: who runs it makes and judges connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field these are the flags of etcd")]
pub struct TlsFiles {
    pub cert_file: String,
    pub key_file: String,
    pub client_cert_file: String,
    pub client_key_file: String,
    pub trusted_ca_file: String,
    pub client_cert_auth: bool,
    /// `--auto-tls`: certificates of its own making.
    pub auto: bool,
    pub allowed_cns: Vec<String>,
    pub allowed_hostnames: Vec<String>,
    pub skip_client_san: bool,
    /// `--self-signed-cert-validity`.
    pub self_signed_years: u64,
}

impl TlsFiles {
    /// Whether neither certificate nor key is named.
    pub fn is_empty(&self) -> bool {
        self.cert_file.is_empty() && self.key_file.is_empty()
    }
}

impl std::fmt::Display for TlsFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cert = {}, key = {}, client-cert={}, client-key={}, trusted-ca = {}, \
             client-cert-auth = {}, crl-file = ",
            self.cert_file,
            self.key_file,
            self.client_cert_file,
            self.client_key_file,
            self.trusted_ca_file,
            self.client_cert_auth
        )
    }
}

/// The flags of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field these are the flags of etcd")]
pub struct Config {
    pub name: String,
    pub release: Release,
    pub data_dir: String,
    /// Where the log goes if not to `member/wal` of the data directory. Paths of disk
    /// operations are relative to the data directory; those below this one are as given.
    pub wal_dir: Option<String>,
    pub listen_peer_urls: Vec<String>,
    pub listen_client_urls: Vec<String>,
    pub initial_advertise_peer_urls: Vec<String>,
    pub advertise_client_urls: Vec<String>,
    /// Name and peer URLs, as `--initial-cluster` lists them.
    pub initial_cluster: Vec<(String, Vec<String>)>,
    pub initial_cluster_state: InitialState,
    pub initial_cluster_token: String,
    pub heartbeat_ms: u64,
    pub election_ms: u64,
    pub initial_election_tick_advance: bool,
    pub pre_vote: bool,
    pub snapshot_count: u64,
    /// Entries kept behind a snapshot for followers that lag a little.
    pub snapshot_catchup: u64,
    /// 0 stands for the default of 2 GiB, negative for no quota.
    pub quota_bytes: i64,
    pub max_txn_ops: u64,
    pub max_request_bytes: u64,
    pub max_learners: u64,
    pub strict_reconfig_check: bool,
    pub auto_compaction: AutoCompaction,
    pub initial_corrupt_check: bool,
    /// 0: the leader never compares the members' whole histories.
    pub corrupt_check_us: u64,
    /// Whether the leader compares the hashes that compactions recorded, and how often.
    pub compact_hash_check: bool,
    pub compact_hash_check_us: u64,
    /// Whether the leader notes in the log how long leases have still to live.
    pub lease_checkpoint: bool,
    pub downgrade_check_us: u64,
    /// Where health and metrics are served besides the client URLs.
    pub listen_metrics_urls: Vec<String>,
    /// Lines less grave are not written.
    pub log_level: Level,
    pub watch_progress_notify_us: u64,
    pub force_new_cluster: bool,
    /// Seconds a simple token lives without being used.
    pub auth_token_ttl_s: u64,
    pub bcrypt_cost: u64,
    /// Whether a client's certificate says who it is.
    pub client_cert_auth: bool,
    /// Certificates at the ports for clients.
    pub client_tls: TlsFiles,
    /// Certificates at the ports for peers.
    pub peer_tls: TlsFiles,
    /// Seeds the election timeouts: the only chance in a member's life.
    pub seed: u64,
}

impl Config {
    /// A member of this name and release with etcd's defaults and nobody beside it.
    pub fn new(name: &str, release: Release) -> Config {
        let client = vec!["http://localhost:2379".to_owned()];
        let peer = vec!["http://localhost:2380".to_owned()];
        Config {
            name: name.to_owned(),
            release,
            data_dir: format!("{name}.etcd"),
            wal_dir: None,
            listen_peer_urls: peer.clone(),
            listen_client_urls: client.clone(),
            initial_advertise_peer_urls: peer.clone(),
            advertise_client_urls: client,
            initial_cluster: vec![(name.to_owned(), peer)],
            initial_cluster_state: InitialState::New,
            initial_cluster_token: "etcd-cluster".to_owned(),
            heartbeat_ms: 100,
            election_ms: 1000,
            initial_election_tick_advance: true,
            pre_vote: true,
            snapshot_count: if release.is_3_6() { 10_000 } else { 100_000 },
            snapshot_catchup: 5000,
            quota_bytes: 0,
            max_txn_ops: 128,
            max_request_bytes: 1536 * 1024,
            max_learners: 1,
            strict_reconfig_check: true,
            auto_compaction: AutoCompaction::Off,
            initial_corrupt_check: false,
            corrupt_check_us: 0,
            compact_hash_check: false,
            compact_hash_check_us: 60_000_000,
            lease_checkpoint: false,
            downgrade_check_us: 5_000_000,
            listen_metrics_urls: Vec::new(),
            log_level: Level::Info,
            watch_progress_notify_us: 600_000_000,
            force_new_cluster: false,
            auth_token_ttl_s: 300,
            bcrypt_cost: 10,
            client_cert_auth: false,
            client_tls: TlsFiles { self_signed_years: 1, ..TlsFiles::default() },
            peer_tls: TlsFiles { self_signed_years: 1, ..TlsFiles::default() },
            seed: 0,
        }
    }

    /// Ticks of an election timeout.
    pub fn election_ticks(&self) -> u64 {
        self.election_ms / self.heartbeat_ms
    }

    /// How long a proposal or a read may take: five seconds and two election timeouts.
    pub fn request_timeout_us(&self) -> u64 {
        5_000_000 + 2 * self.election_ms * 1000
    }
}

/// What a member that is about to boot without a log hears from a running member of
/// `--initial-cluster` (`GET /members` in etcd).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCluster {
    /// The cluster the answering member belongs to.
    pub cluster: ClusterId,
    /// Its members.
    pub members: Vec<MemberInfo>,
    /// Ids that were removed and never come back.
    pub removed: Vec<MemberId>,
    /// The version the cluster agreed on, once it did.
    pub version: Option<Release>,
}
