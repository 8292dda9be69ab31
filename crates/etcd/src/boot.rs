//! Starting a member: from nothing, into a cluster that is there, or from its disk alone.
//!
//! A write-ahead log on the disk decides: with one, the `--initial-*` flags mean nothing.

use flat::Map;

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType, HardState, SnapshotMetadata};

use crate::apply::stored_progress;
use crate::auth::Auth;
use crate::cluster::Cluster;
use crate::compactor::Compactor;
use crate::confchange::{ConfChange, entries_for_file, entries_from_file};
use crate::config::{Config, InitialState, PeerCluster};
use crate::corrupt::Checker;
use crate::disk::{DiskOp, DiskView};
use crate::downgrade::Downgrade;
use crate::http::Stats;
use crate::ids::{ClusterId, MemberId, RequestIds};
use crate::lease::Forwards;
use crate::log::{Level, LogLine};
use crate::maintenance::{Chores, Stage};
use crate::member::{Applied, BootError, Member, Now, Output, Timers};
use crate::node::{Node, Settings, mix};
use crate::observe;
use crate::peer::Peers;
use crate::persist::{DB_FILE, DbLane, Journal, SNAP_DIR, WriteIds, received_db};
use crate::propose::Proposals;
use crate::read::Reads;
use crate::snapfile;
use crate::snapshot::{Snapshots, stored_alarms};
use crate::status::MemberInfo;
use crate::storage::Log;
use crate::version::Publisher;
use crate::wal::{self, Wal};
use crate::watch::Streams;

/// Where etcd keeps its log below the data directory.
const WAL_DIR: &str = "member/wal";

/// What a member begins with, however it starts.
struct Start {
    id: MemberId,
    cluster: Cluster,
    log: Log,
    wal: Wal,
    /// The first writes of the log lane.
    ops: Vec<DiskOp>,
    last: u64,
    hard: HardState,
}

/// The database at boot.
struct Backend {
    store: mvcc::Store,
    lane: DbLane,
    /// What the file says: index, term, membership.
    progress: (u64, u64, Option<ConfState>),
    snapshot: Option<SnapshotMetadata>,
    snap_files: Vec<String>,
    ops: Vec<DiskOp>,
}

pub(crate) fn boot(
    config: Config,
    disk: &dyn DiskView,
    peers: Option<PeerCluster>,
    now: Now,
) -> Result<Member, BootError> {
    let mut out = Output::default();
    let dir = config.wal_dir.clone().unwrap_or_else(|| WAL_DIR.to_owned());
    let has_log = wal::exists(&disk.list(&dir));
    let mut backend = open_backend(&config, disk, &dir, has_log, now, &mut out)?;
    let start = if has_log {
        restart(&config, disk, &dir, &backend, &mut out)?
    } else {
        match config.initial_cluster_state {
            InitialState::New => begin(&config, peers, &dir, &mut out)?,
            InitialState::Existing => join(&config, peers, &dir, &mut out)?,
        }
    };
    check_downgrade(&config, &start.cluster, &out)?;
    let mut ops = std::mem::take(&mut backend.ops);
    ops.extend(start.ops.iter().cloned());
    Ok(assemble(config, backend, start, ops, now, out))
}

fn assemble(
    config: Config,
    backend: Backend,
    start: Start,
    ops: Vec<DiskOp>,
    now: Now,
    mut out: Output,
) -> Member {
    let Start { id, mut cluster, log, wal, last, hard, .. } = start;
    let Backend {
        store, lane, progress: (stored, stored_term, conf), snapshot, snap_files, ..
    } = backend;
    cluster.recover(&store);
    let applied = stored.min(last);
    let boot = mix(now.wall_us ^ mix(hard.term ^ mix(last)));
    let settings = Settings {
        election_ticks: config.election_ticks(),
        pre_vote: config.pre_vote,
        seed: config.seed,
        boot,
    };
    tell_raft(id, &cluster, &hard, &log, applied, &mut out);
    tell_start(&config, id, &cluster, store.revision(), &mut out);
    let node = Node::new(id, log, applied, settings);
    out.facts.push(observe::booted(&node));
    let applied = Applied {
        index: applied,
        term: if stored == 0 { 0 } else { stored_term },
        stored,
        conf: conf.unwrap_or_else(|| node.conf_state()),
        leader: None,
        elected_us: None,
    };
    let removed = cluster.is_removed(id);
    let mut store = store;
    let auth = Auth::open(&mut store, config.auth_token_ttl_s);
    let mut member = Member {
        id,
        node,
        auth,
        identities: Map::new(),
        early: Vec::new(),
        downgrade: Downgrade::stored(&store),
        http_waiting: Map::new(),
        stats: Stats::default(),
        compactor: Compactor::new(config.auto_compaction, now.mono_us),
        checker: Checker::new(config.corrupt_check_us, config.compact_hash_check_us, now.mono_us),
        alarms: stored_alarms(&store),
        store,
        cluster,
        peers: Peers::new(boot),
        journal: Journal::new(wal, ops, snap_files),
        db: lane,
        write_ids: WriteIds::default(),
        out,
        now,
        request_ids: RequestIds::new(id, now.wall_us),
        applied,
        proposals: Proposals::default(),
        reads: Reads::default(),
        forwards: Forwards::default(),
        streams: Streams::default(),
        snapshots: Snapshots::at(snapshot.map_or(0, |meta| meta.index)),
        publisher: Publisher::default(),
        stage: Stage::Running,
        chores: Chores::default(),
        timers: Timers::new(now.mono_us),
        config,
    };
    member.start(removed);
    member
}

impl Member {
    /// The first moments: lease time, the election clock of a lone member, publishing.
    fn start(&mut self, removed: bool) {
        // Half as long again as an election, in whole seconds.
        let ticks = 3 * self.config.election_ticks() / 2;
        let min_ttl_s = (ticks * self.config.heartbeat_ms).div_ceil(1000);
        self.store.set_min_lease_ttl(min_ttl_s.cast_signed());
        if self.cluster.len() == 1 {
            let ticks = self.config.election_ticks() - 1;
            self.node.advance_ticks(ticks);
            let id = self.id.to_string();
            let line = self.say(
                Level::Info,
                "etcdserver/server.go:483",
                "started as single-node; fast-forwarding election ticks",
            );
            line.fields.push(("local-member-id", id.into()));
            line.fields.push(("forward-ticks", ticks.into()));
        }
        if removed {
            self.removed(100_000, 1);
        } else {
            self.publish();
        }
        self.pump();
    }
}

fn tell_raft(
    id: MemberId,
    cluster: &Cluster,
    hard: &HardState,
    log: &Log,
    applied: u64,
    out: &mut Output,
) {
    let peers: Vec<String> = cluster.members().map(|m| m.id.to_string()).collect();
    let last_term = log.term_of(log.last()).unwrap_or(0);
    let text = format!(
        "newRaft {id} [peers: [{}], term: {}, commit: {}, applied: {applied}, lastindex: {}, \
         lastterm: {last_term}]",
        peers.join(","),
        hard.term,
        hard.commit,
        log.last(),
    );
    out.log.push(LogLine::raft(
        Level::Info,
        "v3@v3.6.0/raft.go:897",
        format!("{id} became follower at term {}", hard.term),
    ));
    out.log.push(LogLine::raft(Level::Info, "v3@v3.6.0/raft.go:493", text));
}

fn tell_start(config: &Config, id: MemberId, cluster: &Cluster, revision: i64, out: &mut Output) {
    let signed = "simple token is not cryptographically signed";
    out.log.push(LogLine::new(Level::Warn, "auth/store.go:1137", signed));
    let restored = LogLine::new(Level::Info, "mvcc/kvstore.go:408", "kvstore restored");
    out.log.push(restored.with("current-rev", revision));
    let version = cluster.version();
    let version =
        version.map_or("to_be_decided".to_owned(), |v| format!("{}.{}", v.major, v.minor));
    let line = LogLine::new(Level::Info, "etcdserver/server.go:598", "starting etcd server");
    let line = line.with("local-member-id", id.to_string());
    let line = line.with("local-server-version", config.release.to_string());
    out.log.push(line.with("cluster-version", version));
}

/// A failure etcd reports as a failed bootstrap.
fn refuse(config: &Config, out: &Output, error: &str) -> BootError {
    let mut log = out.log.clone();
    let (level, caller, msg) = if config.release.is_3_6() {
        (Level::Error, "etcdserver/server.go:309", "bootstrap failed")
    } else {
        (Level::Warn, "etcdmain/etcd.go:146", "failed to start etcd")
    };
    log.push(LogLine::new(level, caller, msg).with("error", error));
    let fatal = LogLine::new(Level::Fatal, "etcdmain/etcd.go:183", "discovery failed");
    log.push(fatal.with("error", error));
    BootError { log, exit_code: 1 }
}

/// A panic at boot.
fn panic(out: &Output, line: LogLine) -> BootError {
    let mut log = out.log.clone();
    log.push(line);
    BootError { log, exit_code: 2 }
}

/// The database file through the eyes of `bolt`.
struct DbFile<'a> {
    disk: &'a dyn DiskView,
    file: String,
}

impl bolt::PageFile for DbFile<'_> {
    fn len_bytes(&self) -> u64 {
        self.disk.len(&self.file).unwrap_or(0)
    }

    fn page(&self, pgid: u64) -> Result<Bytes, bolt::Error> {
        self.disk.page(&self.file, pgid).ok_or(bolt::Error::Unreadable { page: pgid })
    }
}

fn open_db(disk: &dyn DiskView, file: &str, out: &Output) -> Result<mvcc::Store, BootError> {
    let db = bolt::Db::open(&DbFile { disk, file: file.to_owned() });
    let store = db.map_err(|error| error.to_string());
    let store = store.and_then(|db| mvcc::Store::open(db).map_err(|error| error.to_string()));
    store.map_err(|error| {
        let line = LogLine::new(Level::Panic, "backend/backend.go:203", "failed to open database");
        panic(out, line.with("path", file).with("error", error))
    })
}

/// Opens the database, or the one a snapshot brought that is not in its place yet, or makes one.
fn open_backend(
    config: &Config,
    disk: &dyn DiskView,
    dir: &str,
    has_log: bool,
    now: Now,
    out: &mut Output,
) -> Result<Backend, BootError> {
    let mut ops = vec![DiskOp::Mkdir { dir: SNAP_DIR.to_owned() }];
    let mut snapshot = None;
    if has_log {
        let marks = wal::valid_snapshots(disk, dir)
            .map_err(|error| refuse(config, out, &error.to_string()))?;
        let loaded = snapfile::load_newest(disk, SNAP_DIR, &marks);
        ops.extend(loaded.ops);
        snapshot = loaded.snapshot.and_then(|snapshot| snapshot.metadata);
    }
    // As in bbolt, an empty file is one to begin with: the power went before its first sync.
    let exists = disk.len(DB_FILE).is_some_and(|len| len > 0);
    let mut lane = DbLane::new(disk.len(DB_FILE).unwrap_or(0));
    let mut store = if exists {
        open_db(disk, DB_FILE, out)?
    } else {
        let (store, commit) = mvcc::Store::create();
        lane.replace(commit, 0, now.mono_us);
        store
    };
    if let Some(meta) = &snapshot
        && stored_progress(&store).0 < meta.index
    {
        let file = received_db(meta.index);
        let Some(len_bytes) = disk.len(&file) else {
            return Err(lost_snapshot(&file, out));
        };
        store = open_db(disk, &file, out)?;
        lane = DbLane::new(len_bytes);
        lane.install(meta.index, len_bytes);
    }
    let snap_files =
        disk.list(SNAP_DIR).into_iter().filter(|name| name.ends_with(".snap")).collect();
    let progress = stored_progress(&store);
    Ok(Backend { store, lane, progress, snapshot, snap_files, ops })
}

fn lost_snapshot(file: &str, out: &mut Output) -> BootError {
    let msg = "failed to find [SNAPSHOT-INDEX].snap.db";
    let line = LogLine::new(Level::Warn, "snap/db.go:87", msg);
    out.log.push(
        line.with("snapshot-file-path", file).with("error", "snap: snapshot file doesn't exist"),
    );
    let msg = "failed to recover v3 backend from snapshot";
    let error = "failed to find database snapshot file (snap: snapshot file doesn't exist)";
    panic(out, LogLine::new(Level::Panic, "etcdserver/bootstrap.go:420", msg).with("error", error))
}

fn check_downgrade(config: &Config, cluster: &Cluster, out: &Output) -> Result<(), BootError> {
    let determined = cluster.version().filter(|v| *v > config.release.cluster_version());
    let Some(determined) = determined else { return Ok(()) };
    let msg = "invalid downgrade; server version is lower than determined cluster version";
    let line = LogLine::new(Level::Fatal, "membership/downgrade.go:69", msg);
    let line = line.with("current-server-version", config.release.to_string());
    let version = format!("{}.{}", determined.major, determined.minor);
    let mut log = out.log.clone();
    log.push(line.with("determined-cluster-version", version));
    Err(BootError { log, exit_code: 1 })
}

/// The members `--initial-cluster` names, with the ids they have in a new cluster.
fn initial_members(config: &Config) -> Vec<MemberInfo> {
    let member = |(name, urls): &(String, Vec<String>)| {
        let mut peer_urls = urls.clone();
        flat::sort(&mut peer_urls);
        MemberInfo {
            id: MemberId::derive(&peer_urls, &config.initial_cluster_token, None),
            name: name.clone(),
            peer_urls,
            client_urls: Vec::new(),
            is_learner: false,
        }
    };
    let mut members: Vec<MemberInfo> = config.initial_cluster.iter().map(member).collect();
    flat::sort_by_key(&mut members, |m| m.id);
    members
}

/// What the flags must say before a first start.
fn check_flags(config: &Config) -> Result<(), String> {
    let own = config.initial_cluster.iter().find(|(name, _)| *name == config.name);
    let Some((name, urls)) = own else {
        let name = &config.name;
        return Err(format!(
            "couldn't find local name \"{name}\" in the initial cluster configuration"
        ));
    };
    let mut all: Vec<&String> = config.initial_cluster.iter().flat_map(|(_, urls)| urls).collect();
    let count = all.len();
    flat::sort(&mut all);
    all.dedup();
    if all.len() != count {
        return Err("initial cluster has duplicate url".to_owned());
    }
    let sorted = |urls: &[String]| {
        let mut urls = urls.to_vec();
        flat::sort(&mut urls);
        urls
    };
    let (mut wanted, advertised) = (sorted(urls), sorted(&config.initial_advertise_peer_urls));
    if wanted == advertised {
        return Ok(());
    }
    let text = |urls: &[String]| urls.join(",");
    let resolved = format!("(resolved urls: \"{}\" != \"{}\")", text(&advertised), text(&wanted));
    wanted.retain(|url| !advertised.contains(url));
    if wanted.is_empty() {
        let extra: Vec<&String> = advertised.iter().filter(|url| !urls.contains(url)).collect();
        let extra: Vec<String> = extra.into_iter().cloned().collect();
        return Err(format!(
            "--initial-advertise-peer-urls has {} but missing from \
             --initial-cluster={name}={} {resolved}",
            text(&extra),
            text(&sorted(urls)),
        ));
    }
    Err(format!(
        "--initial-cluster has {name}={} but missing from \
         --initial-advertise-peer-urls={} {resolved}",
        text(&wanted),
        text(&config.initial_advertise_peer_urls),
    ))
}

/// A first start in a new cluster: the members are in the log before anybody leads.
fn begin(
    config: &Config,
    peers: Option<PeerCluster>,
    dir: &str,
    out: &mut Output,
) -> Result<Start, BootError> {
    check_flags(config).map_err(|error| refuse(config, out, &error))?;
    let members = initial_members(config);
    let ids: Vec<MemberId> = members.iter().map(|m| m.id).collect();
    let own = members.iter().find(|m| m.name == config.name).expect("the flags were checked");
    let id = own.id;
    let there = peers.as_ref().and_then(|p| p.members.iter().find(|m| m.id == id));
    if there.is_some_and(|member| !member.client_urls.is_empty()) {
        let error = format!("member {id} has already been bootstrapped");
        return Err(refuse(config, out, &error));
    }
    let cluster_id = ClusterId::derive(&ids);
    let (hard, conf, entries) = first_entries(&members);
    let last = hard.commit;
    let mut log = Log::new((0, 0), hard.clone(), conf);
    let (mut wal, mut ops) = Wal::create(dir, id.0, cluster_id.0);
    ops.extend(wal.save(Some(&hard), &entries_for_file(&entries)));
    log.append(entries);
    let line = LogLine::new(Level::Info, "etcdserver/bootstrap.go:499", "starting local member");
    let line = line.with("local-member-id", id.to_string());
    out.log.push(line.with("cluster-id", cluster_id.to_string()));
    let cluster = Cluster::new(cluster_id, members, config.max_learners);
    Ok(Start { id, cluster, log, wal, ops, last, hard })
}

/// How the log of a new cluster begins: one change for each member, committed by agreement
/// of the flags.
fn first_entries(members: &[MemberInfo]) -> (HardState, ConfState, Vec<Entry>) {
    let mut entries = Vec::new();
    for (index, member) in (1..).zip(members) {
        let change = ConfChange::add(0, member);
        let mut entry = Entry { term: 1, index, data: change.for_entry(), ..Entry::default() };
        entry.set_entry_type(EntryType::EntryConfChange);
        entries.push(entry);
    }
    let hard = HardState { term: 1, vote: 0, commit: entries.len() as u64 };
    let voters = members.iter().map(|m| m.id.0).collect();
    (hard, ConfState { voters, ..ConfState::default() }, entries)
}

/// A first start in a cluster that is there: it must know this member.
fn join(
    config: &Config,
    peers: Option<PeerCluster>,
    dir: &str,
    out: &mut Output,
) -> Result<Start, BootError> {
    check_flags(config).map_err(|error| refuse(config, out, &error))?;
    let Some(peers) = peers else {
        let error = "cannot fetch cluster info from peer urls: could not retrieve cluster \
                     information from the given URLs";
        return Err(refuse(config, out, error));
    };
    let members = match_members(config, &peers).map_err(|error| {
        let error = format!("error validating peerURLs {}: {error}", go_cluster(&peers));
        refuse(config, out, &error)
    })?;
    if peers.version.is_some_and(|version| version > config.release.cluster_version()) {
        return Err(refuse(config, out, "incompatible with current running cluster"));
    }
    let own = config.initial_cluster.iter().position(|(name, _)| *name == config.name);
    let id = members[own.expect("the flags were checked")];
    let (wal, ops) = Wal::create(dir, id.0, peers.cluster.0);
    let line = LogLine::new(Level::Info, "etcdserver/bootstrap.go:499", "starting local member");
    let line = line.with("local-member-id", id.to_string());
    out.log.push(line.with("cluster-id", peers.cluster.to_string()));
    let hard = HardState::default();
    let log = Log::new((0, 0), hard.clone(), ConfState::default());
    let cluster = Cluster::new(peers.cluster, peers.members, config.max_learners);
    Ok(Start { id, cluster, log, wal, ops, last: 0, hard })
}

/// The ids the existing cluster gave the members of `--initial-cluster`, in its order.
fn match_members(config: &Config, peers: &PeerCluster) -> Result<Vec<MemberId>, String> {
    if config.initial_cluster.len() != peers.members.len() {
        return Err("member count is unequal".to_owned());
    }
    let find = |urls: &Vec<String>| {
        let mut urls = urls.clone();
        flat::sort(&mut urls);
        let matches = |member: &&MemberInfo| {
            let mut theirs = member.peer_urls.clone();
            flat::sort(&mut theirs);
            theirs == urls
        };
        let member = peers.members.iter().find(matches);
        member.map(|m| m.id).ok_or_else(|| {
            let urls = urls.join(" ");
            format!("unmatched member while checking PeerURLs (\"[{urls}]\")")
        })
    };
    config.initial_cluster.iter().map(|(_, urls)| find(urls)).collect()
}

/// A cluster as Go prints the struct.
fn go_cluster(peers: &PeerCluster) -> String {
    let member = |m: &MemberInfo| {
        format!(
            "&{{ID:{} RaftAttributes:{{PeerURLs:[{}] IsLearner:{}}} \
             Attributes:{{Name:{} ClientURLs:[{}]}}}}",
            m.id,
            m.peer_urls.join(" "),
            m.is_learner,
            m.name,
            m.client_urls.join(" "),
        )
    };
    let members: Vec<String> = peers.members.iter().map(member).collect();
    let removed: Vec<String> = peers.removed.iter().map(MemberId::to_string).collect();
    format!(
        "{{ClusterID:{} Members:[{}] RemovedMemberIDs:[{}]}}",
        peers.cluster,
        members.join(" "),
        removed.join(" ")
    )
}

/// A start from the disk alone.
fn restart(
    config: &Config,
    disk: &dyn DiskView,
    dir: &str,
    backend: &Backend,
    out: &mut Output,
) -> Result<Start, BootError> {
    let from = backend.snapshot.clone().unwrap_or_default();
    let (mut wal, replay) = Wal::open(disk, dir, &from).map_err(|error| {
        let msg = "failed to read WAL, cannot be repaired";
        let line = LogLine::new(Level::Fatal, "etcdserver/bootstrap.go:631", msg);
        let mut log = out.log.clone();
        log.push(line.with("error", error.to_string()));
        BootError { log, exit_code: 1 }
    })?;
    if let Some(repaired) = &replay.repaired {
        let line = LogLine::new(Level::Info, "etcdserver/bootstrap.go:636", "repaired WAL");
        out.log.push(line.with("error", repaired.error.to_string()));
    }
    let id = MemberId(replay.metadata.node_id);
    let cluster_id = ClusterId(replay.metadata.cluster_id);
    let (mut hard, mut entries, mut ops) = (replay.hard_state, replay.entries, replay.ops);
    entries_from_file(&mut entries);
    let (stored, _, conf) = &backend.progress;
    let mut conf = conf.clone().or(from.conf_state.clone()).unwrap_or_default();
    let untouched = entries.is_empty() && from.index == 0 && hard == HardState::default();
    let mut members = Vec::new();
    if untouched && config.initial_cluster_state == InitialState::New {
        // The first start was cut short before it had told anybody anything: it is done again.
        members = initial_members(config);
        (hard, conf, entries) = first_entries(&members);
        ops.extend(wal.save(Some(&hard), &entries_for_file(&entries)));
    }
    // What the database holds was committed, whatever the lazily written hard state says.
    let end = entries.last().map_or(from.index, |entry| entry.index);
    if hard.commit <= end {
        hard.commit = hard.commit.max(from.index).max((*stored).min(end));
    }
    if config.force_new_cluster {
        ops.extend(make_alone(id, &from, &conf, &mut hard, &mut entries, &mut wal));
    }
    let last = entries.last().map_or(from.index, |entry| entry.index);
    if hard.commit > last {
        let text =
            format!("{id} state.commit {} is out of range [{}, {last}]", hard.commit, from.index);
        return Err(panic(out, LogLine::raft(Level::Panic, "v3@v3.6.0/raft.go:2035", text)));
    }
    let line = LogLine::new(Level::Info, "etcdserver/bootstrap.go:599", "restarting local member");
    let line = line.with("cluster-id", cluster_id.to_string());
    let line = line.with("local-member-id", id.to_string());
    out.log.push(line.with("commit-index", hard.commit));
    let mut log = Log::new((from.index, from.term), hard.clone(), conf);
    log.append(entries);
    let mut cluster = Cluster::new(cluster_id, members, config.max_learners);
    cluster.recover(&backend.store);
    Ok(Start { id, cluster, log, wal, ops, last, hard })
}

/// `--force-new-cluster`: what was not committed is dropped, and entries are added that take
/// everybody else out.
fn make_alone(
    id: MemberId,
    from: &SnapshotMetadata,
    conf: &ConfState,
    hard: &mut HardState,
    entries: &mut Vec<Entry>,
    wal: &mut Wal,
) -> Vec<DiskOp> {
    entries.retain(|entry| entry.index <= hard.commit);
    let mut members: flat::Set<u64> = conf.voters.iter().chain(&conf.learners).copied().collect();
    for entry in entries.iter().filter(|e| e.get_entry_type() == EntryType::EntryConfChange) {
        let Some(change) = ConfChange::of_entry(entry) else { continue };
        if change.kind() == crate::confchange::ChangeType::Remove {
            members.remove(&change.node_id);
        } else {
            members.insert(change.node_id);
        }
    }
    let mut index = entries.last().map_or(from.index, |entry| entry.index);
    let mut added = Vec::new();
    for member in members.into_iter().filter(|member| *member != id.0) {
        index += 1;
        let change = ConfChange::remove(0, MemberId(member));
        let data = change.for_entry();
        let mut entry = Entry { term: hard.term, index, data, ..Entry::default() };
        entry.set_entry_type(EntryType::EntryConfChange);
        added.push(entry);
    }
    hard.commit = index;
    let ops = wal.save(Some(hard), &entries_for_file(&added));
    entries.extend(added);
    ops
}
