//! The picture: what the page draws, and which parts of it changed since the last look.

use etcd::{MemberId, MemberStatus, MsgKind};
use flat::Map;
use sim::{FlightInfo, HostId, World};

use super::{Session, control};
use crate::api::{
    ChecksView, Delta, DiskState, EditorView, FileKind, FileRow, Flight, FlightKind, FolderView,
    HostView, KeyRow, KeysView, LinkView, LogRow, LogView, MemberCard, Part, Power, QuorumView,
    Role, TtyState, Want, WorldView,
};

/// A delta carries at most so many terminal bytes; the rest follows with the next.
const TTY_BYTES_MAX: usize = 48 << 10;
const FLIGHTS_MAX: usize = 96;
const ROWS_MAX: usize = 64;
const FOLDER_ROWS_MAX: usize = 500;
const VALUE_CHARS_MAX: usize = 80;

/// What the page was last sent.
#[derive(Default)]
pub(crate) struct Picture {
    seq: u64,
    /// Each part by its place in the picture, as last sent.
    sent: Map<Slot, Part>,
    story_id: u64,
    /// Terminal bytes by the delta that carried them, until it is acknowledged.
    unseen: Vec<(u64, Part)>,
}

/// A place in the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    World,
    Member(String),
    Quorum,
    Links,
    TtyState(u32),
    Log(String),
    Keys,
    Host,
    Folder,
    Checks,
    Lesson,
}

impl Picture {
    /// Builds the parts that changed.
    pub(crate) fn delta(&mut self, session: &mut Session, want: &Want) -> Delta {
        let everything = want.seen == 0;
        if everything {
            self.sent.clear();
            self.story_id = 0;
        }
        self.unseen.retain(|(seq, _)| *seq > want.seen);
        self.seq += 1;
        let mut parts = Vec::new();
        self.put(&mut parts, Slot::World, Part::World(world(session)));
        self.members(&mut parts, session);
        self.put(&mut parts, Slot::Quorum, Part::Quorum(quorum(&session.world, &session.hosts)));
        self.put(&mut parts, Slot::Links, Part::Links(links(session)));
        session.world.record_flights(want.flights);
        if want.flights {
            let flights = flights(session, everything);
            if !flights.is_empty() {
                parts.push(Part::Flights(flights));
            }
        }
        let rows: Vec<_> = session.story.after(self.story_id).cloned().collect();
        if !rows.is_empty() {
            self.story_id = session.story.last_id();
            parts.push(Part::Story(rows));
        }
        self.ttys(&mut parts, session);
        self.details(&mut parts, session, want);
        self.put(&mut parts, Slot::Checks, Part::Checks(checks(session)));
        if let Some(lesson) = &session.lesson {
            self.put(&mut parts, Slot::Lesson, Part::Lesson(lesson.view()));
        }
        Delta { seq: self.seq, now_us: session.now_us(), parts }
    }

    /// Sends a part if it is not as it was last sent.
    fn put(&mut self, parts: &mut Vec<Part>, slot: Slot, part: Part) {
        if self.sent.get(&slot) != Some(&part) {
            parts.push(part.clone());
            self.sent.insert(slot, part);
        }
    }

    fn members(&mut self, parts: &mut Vec<Part>, session: &Session) {
        let voters = Conf::of(&session.world, session.hosts.len());
        let mut cards = Vec::new();
        for host in host_ids(&session.hosts) {
            let card = member(session, host, &voters);
            let slot = Slot::Member(card.host.clone());
            let part = Part::Members(vec![card.clone()]);
            if self.sent.get(&slot) != Some(&part) {
                self.sent.insert(slot, part);
                cards.push(card);
            }
        }
        if !cards.is_empty() {
            parts.push(Part::Members(cards));
        }
    }

    fn ttys(&mut self, parts: &mut Vec<Part>, session: &mut Session) {
        // What was sent and never acknowledged was lost with the page that asked for it.
        parts.extend(self.unseen.iter().map(|(_, part)| part.clone()));
        let mut room = TTY_BYTES_MAX;
        let mut states = Vec::new();
        for (tty, terminal) in &mut session.terminals {
            if *tty == control::TTY {
                continue;
            }
            let bytes = terminal.take_fresh(room);
            if !bytes.is_empty() {
                room -= bytes.len();
                let part = Part::Tty { tty: *tty, bytes };
                self.unseen.push((self.seq, part.clone()));
                parts.push(part);
            }
            let running = session.world.tty_running(super::sim_tty(*tty));
            let since_us = terminal.since_us();
            let editor = session.world.tty_editor(super::sim_tty(*tty)).map(editor);
            let host = terminal.name().into();
            states.push(TtyState { tty: *tty, host, running, since_us, editor });
        }
        for state in states {
            self.put(parts, Slot::TtyState(state.tty.0), Part::TtyState(state));
        }
    }

    fn details(&mut self, parts: &mut Vec<Part>, session: &Session, want: &Want) {
        for name in &want.logs {
            if let Ok(host) = session.host(name) {
                let rows = session.world.entries(host, ROWS_MAX).into_iter();
                let rows = rows.map(|entry| LogRow {
                    index: entry.index,
                    term: entry.term,
                    text: entry.text,
                });
                let view = LogView { host: name.clone(), rows: rows.collect() };
                self.put(parts, Slot::Log(name.clone()), Part::Log(view));
            }
        }
        if let Some((name, host)) = named(session, want.keys.as_ref()) {
            self.put(parts, Slot::Keys, Part::Keys(keys(session, name, host)));
        }
        if let Some((name, host)) = named(session, want.host.as_ref()) {
            self.put(parts, Slot::Host, Part::Host(host_view(session, name, host)));
        }
        if let Some((name, path)) = &want.folder
            && let Ok(host) = session.host(name)
        {
            let view = folder(session, name, host, path);
            self.put(parts, Slot::Folder, Part::Folder(view));
        }
    }
}

fn editor(editor: sim::Editor) -> EditorView {
    let sim::Editor { keys, path, text, read_only, message, failed, saved } = editor;
    EditorView { keys, path, text, read_only, message, failed, saved }
}

fn named<'a>(session: &Session, name: Option<&'a String>) -> Option<(&'a str, HostId)> {
    let name = name?;
    Some((name, session.host(name).ok()?))
}

fn host_ids(hosts: &[String]) -> impl Iterator<Item = HostId> {
    (0..hosts.len()).filter_map(|place| u8::try_from(place).ok()).map(HostId)
}

/// The configuration of the member that has applied most, and who is where.
struct Conf {
    voters: Vec<MemberId>,
    learners: Vec<MemberId>,
    hosts: Map<MemberId, HostId>,
}

impl Conf {
    fn of(world: &World, hosts: usize) -> Conf {
        let mut newest: Option<MemberStatus> = None;
        let mut place = Map::new();
        for host in (0..hosts).filter_map(|place| u8::try_from(place).ok()).map(HostId) {
            let Some(status) = world.member(host) else { continue };
            place.insert(status.id, host);
            if newest.as_ref().is_none_or(|best| status.applied > best.applied) {
                newest = Some(status);
            }
        }
        let Some(newest) = newest else {
            return Conf { voters: Vec::new(), learners: Vec::new(), hosts: place };
        };
        // A member that does not run now is found by its peer URL, which names its host.
        for info in &newest.members {
            if let Some(host) = info.peer_urls.first().and_then(|url| world.host_of_url(url)) {
                place.entry(info.id).or_insert(host);
            }
        }
        Conf { voters: newest.voters, learners: newest.learners, hosts: place }
    }

    fn name(&self, member: MemberId, hosts: &[String]) -> String {
        let host = self.hosts.get(&member).and_then(|host| hosts.get(usize::from(host.0)));
        host.cloned().unwrap_or_else(|| member.to_string())
    }
}

/// The arithmetic of the quorum.
pub(crate) fn quorum(world: &World, hosts: &[String]) -> QuorumView {
    let conf = Conf::of(world, hosts.len());
    let names = |members: &[MemberId]| {
        let mut names: Vec<String> =
            members.iter().map(|member| conf.name(*member, hosts)).collect();
        flat::sort(&mut names);
        names
    };
    let running: Vec<(MemberId, HostId)> = conf
        .voters
        .iter()
        .filter_map(|member| Some((*member, *conf.hosts.get(member)?)))
        .filter(|(_, host)| world.host_power(*host) == sim::Power::Running)
        .collect();
    let reachable = largest_group(&running, |a, b| world.reachable(a, b));
    let quorum = conf.voters.len() / 2 + 1;
    let small = |count: usize| i8::try_from(count).unwrap_or(i8::MAX);
    QuorumView {
        voters: names(&conf.voters),
        learners: names(&conf.learners),
        quorum: u8::try_from(quorum).unwrap_or(u8::MAX),
        can_lose: small(reachable.len()) - small(quorum),
        has_quorum: !conf.voters.is_empty() && reachable.len() >= quorum,
        reachable: names(&reachable),
    }
}

/// The most members that all reach each other: grown around each one in turn.
fn largest_group(
    members: &[(MemberId, HostId)],
    reach: impl Fn(HostId, HostId) -> bool,
) -> Vec<MemberId> {
    let grow = |seed: &(MemberId, HostId)| {
        let mut group = vec![*seed];
        for other in members {
            let joins = group.iter().all(|(_, host)| *host == other.1 || reach(*host, other.1));
            if other.0 != seed.0 && joins {
                group.push(*other);
            }
        }
        group
    };
    let groups = members.iter().map(grow);
    // The first of equals, so that the picture does not flicker.
    let best = groups.reduce(|best, group| if group.len() > best.len() { group } else { best });
    best.unwrap_or_default().into_iter().map(|(member, _)| member).collect()
}

fn world(session: &Session) -> WorldView {
    let statuses: Vec<_> = host_ids(&session.hosts)
        .filter_map(|host| Some((host, session.world.member(host)?)))
        .collect();
    let quorum = quorum(&session.world, &session.hosts);
    let leads = |(_, status): &&(HostId, MemberStatus)| status.role == etcd::Role::Leader;
    let leader = statuses.iter().filter(leads).max_by_key(|(_, status)| status.term);
    let leader = leader.map(|(host, _)| session.hosts[usize::from(host.0)].clone());
    WorldView {
        options: session.options.clone(),
        cluster_id: statuses
            .first()
            .map_or_else(String::new, |(_, status)| status.cluster.to_string()),
        leader: leader.filter(|name| quorum.reachable.contains(name)),
        term: statuses.iter().map(|(_, status)| status.term).max().unwrap_or(0),
        inputs: u32::try_from(session.inputs.len()).unwrap_or(u32::MAX),
        last_action: session.inputs.last().map(|stamped| action(&stamped.input)),
    }
}

/// An input as the undo button names it.
fn action(input: &crate::api::Input) -> String {
    use crate::api::Input;
    match input {
        Input::OpenTty { host, .. } => format!("open a terminal on {host}"),
        Input::CloseTty { .. } => "close a terminal".into(),
        Input::Screen { .. } => "resize a terminal".into(),
        Input::Editor { text: Some(_), .. } => "save in the editor".into(),
        Input::Editor { .. } => "leave the editor".into(),
        Input::Line { text, .. } => text.lines().next().unwrap_or("").chars().take(60).collect(),
        Input::Stdin { .. } => "input to a program".into(),
        Input::Eof { .. } => "end of input".into(),
        Input::Signal { .. } => "Ctrl-C".into(),
        Input::Sim { line } => format!("sim {line}"),
        Input::Push { host, path, .. } => format!("put {path} on {host}"),
        Input::Begin { .. } => "begin the exercise".into(),
    }
}

fn member(session: &Session, host: HostId, conf: &Conf) -> MemberCard {
    let world = &session.world;
    let name = session.hosts[usize::from(host.0)].clone();
    let power = match world.host_power(host) {
        sim::Power::Running => Power::Running,
        sim::Power::Stopped => Power::Stopped,
        sim::Power::Frozen => Power::Frozen,
        sim::Power::Off => Power::Off,
        sim::Power::Idle => Power::Idle,
    };
    let disk = match world.disk_state(host) {
        _ if world.disk_corrupted(host) => DiskState::Corrupt,
        sim::DiskState::Ok => DiskState::Ok,
        sim::DiskState::Slow => DiskState::Slow,
        sim::DiskState::Full => DiskState::Full,
    };
    // The member a host stands for, also while it does not run.
    let place =
        |members: &[MemberId]| members.iter().find(|id| conf.hosts.get(id) == Some(&host)).copied();
    let (voter, learner) = (place(&conf.voters), place(&conf.learners));
    let mut card = MemberCard {
        host: name,
        id: voter.or(learner).map(|id| id.to_string()),
        power,
        role: None,
        voter: voter.is_some(),
        learner: learner.is_some(),
        term: 0,
        vote: None,
        ballots: Vec::new(),
        leader: None,
        first_index: 0,
        last_index: 0,
        commit: 0,
        applied: 0,
        revision: 0,
        compacted: 0,
        timer_from_us: 0,
        timer_until_us: 0,
        matches: Vec::new(),
        db_bytes: 0,
        disk,
        skew_us: world.skew_us(host),
        alarms: Vec::new(),
    };
    if let Some(status) = world.member(host) {
        fill(&mut card, session, host, conf, status);
    }
    card
}

/// What a running member says of itself.
fn fill(card: &mut MemberCard, session: &Session, host: HostId, conf: &Conf, status: MemberStatus) {
    let name = |member: MemberId| conf.name(member, &session.hosts);
    card.id = Some(status.id.to_string());
    card.role = Some(match status.role {
        etcd::Role::Leader => Role::Leader,
        etcd::Role::Candidate => Role::Candidate,
        etcd::Role::PreCandidate => Role::PreCandidate,
        etcd::Role::Learner => Role::Learner,
        etcd::Role::Follower => Role::Follower,
    });
    card.term = status.term;
    card.vote = status.vote.map(name);
    card.ballots =
        status.ballots.iter().map(|(member, granted)| (name(*member), *granted)).collect();
    card.leader = status.leader.map(name);
    card.first_index = status.first_index;
    card.last_index = status.last_index;
    card.commit = status.commit;
    card.applied = status.applied;
    card.revision = status.revision;
    card.compacted = status.compacted.max(0);
    let timer = session.world.timer(host).filter(|_| card.role != Some(Role::Leader));
    (card.timer_from_us, card.timer_until_us) = timer.unwrap_or((0, 0));
    card.matches = status.progress.iter().map(|peer| (name(peer.id), peer.matched)).collect();
    card.db_bytes = status.db_size_bytes;
    card.alarms = status.alarms.iter().map(|(_, alarm)| alarm.clone()).collect();
    card.alarms.dedup();
}

fn links(session: &Session) -> Vec<LinkView> {
    let name = |host: HostId| session.hosts[usize::from(host.0)].clone();
    let view = |link: sim::LinkInfo| LinkView {
        from: name(link.from),
        to: name(link.to),
        cut: link.cut,
        latency_us: link.latency_us,
        loss_per_10k: link.loss_per_10k,
        duplicate_per_10k: link.duplicate_per_10k,
    };
    session.world.links().into_iter().map(view).collect()
}

fn flights(session: &mut Session, everything: bool) -> Vec<Flight> {
    let mut list = session.world.take_flights();
    if everything {
        list = session.world.flights();
    }
    // Heartbeats are the first to go: there are many, and they say little.
    if list.len() > FLIGHTS_MAX {
        let quiet = |flight: &FlightInfo| {
            matches!(
                flight.kind,
                sim::FlightKind::Peer(MsgKind::Heartbeat | MsgKind::HeartbeatResponse)
            )
        };
        flat::sort_by_key(&mut list, |flight| (quiet(flight), flight.id));
        list.truncate(FLIGHTS_MAX);
    }
    let name = |host: HostId| session.hosts[usize::from(host.0)].clone();
    list.into_iter()
        .map(|flight| Flight {
            id: flight.id,
            from: name(flight.from),
            to: name(flight.to),
            kind: kind(flight.kind),
            sent_us: flight.sent_us,
            arrive_us: flight.arrive_us,
            lost: flight.lost,
            term: flight.term,
            fields: flight
                .fields
                .into_iter()
                .map(|(field, value)| (field.to_string(), value))
                .collect(),
        })
        .collect()
}

/// The page's word for a message: promotion and lease requests travel like proposals.
fn kind(kind: sim::FlightKind) -> FlightKind {
    match kind {
        sim::FlightKind::Client => FlightKind::Client,
        sim::FlightKind::ClientReply => FlightKind::ClientReply,
        sim::FlightKind::Peer(kind) => match kind {
            MsgKind::Append => FlightKind::Append,
            MsgKind::AppendResponse | MsgKind::Refusal => FlightKind::AppendReply,
            MsgKind::Heartbeat => FlightKind::Heartbeat,
            MsgKind::HeartbeatResponse => FlightKind::HeartbeatReply,
            MsgKind::RequestVote => FlightKind::Vote,
            MsgKind::RequestVoteResponse => FlightKind::VoteReply,
            MsgKind::RequestPreVote => FlightKind::PreVote,
            MsgKind::RequestPreVoteResponse => FlightKind::PreVoteReply,
            MsgKind::Snapshot => FlightKind::Snapshot,
            MsgKind::ReadIndex => FlightKind::ReadIndex,
            MsgKind::ReadIndexResponse => FlightKind::ReadIndexReply,
            MsgKind::TimeoutNow | MsgKind::TransferLeader => FlightKind::TimeoutNow,
            MsgKind::Propose
            | MsgKind::LeaseRequest
            | MsgKind::LeaseResponse
            | MsgKind::PromoteRequest
            | MsgKind::PromoteResponse
            | MsgKind::HashRequest
            | MsgKind::HashResponse => FlightKind::Propose,
        },
    }
}

fn keys(session: &Session, name: &str, host: HostId) -> KeysView {
    let status = session.world.member(host);
    KeysView {
        host: name.into(),
        revision: status.as_ref().map_or(0, |status| status.revision),
        compacted: status.as_ref().map_or(0, |status| status.compacted.max(0)),
        total: session.world.live_keys(host),
        rows: session
            .world
            .history(host, ROWS_MAX)
            .into_iter()
            .map(|(revision, kv, tombstone)| KeyRow {
                key: printable(&kv.key),
                value: (!tombstone).then(|| printable(&kv.value)),
                mod_revision: revision.main,
                create_revision: kv.create_revision,
                version: kv.version,
                lease: kv.lease,
            })
            .collect(),
    }
}

/// Bytes as text for the screen: control bytes escaped, cut where a row ends.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * VALUE_CHARS_MAX)]);
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == VALUE_CHARS_MAX {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

fn host_view(session: &Session, name: &str, host: HostId) -> HostView {
    let world = &session.world;
    let files = world.data_dir(host).map(|dir| (world.files(host, &dir), dir));
    HostView {
        host: name.into(),
        flags: world.argv(host),
        files: files
            .into_iter()
            .flat_map(|(files, dir)| {
                files.into_iter().map(move |(path, size)| (format!("{dir}/{path}"), size))
            })
            .collect(),
        journal: world.journal(host, ROWS_MAX),
    }
}

fn folder(session: &Session, name: &str, host: HostId, path: &str) -> FolderView {
    let mut view = FolderView {
        host: name.into(),
        path: path.into(),
        rows: Vec::new(),
        total: 0,
        error: None,
    };
    let names = match session.world.read_dir(host, path) {
        Ok(names) => names,
        Err(error) => {
            view.error = Some(error.to_string());
            return view;
        }
    };
    view.total = names.len() as u64;
    for (name, _) in names.into_iter().take(FOLDER_ROWS_MAX) {
        let at = format!("{}/{name}", path.trim_end_matches('/'));
        let Ok(stat) = session.world.lstat(host, &at) else { continue };
        let kind = match stat.kind {
            sim::FileKind::File => FileKind::File,
            sim::FileKind::Dir => FileKind::Dir,
            _ => FileKind::Other,
        };
        view.rows.push(FileRow { name, kind, mode: stat.mode, size: stat.size });
    }
    view
}

fn checks(session: &Session) -> ChecksView {
    let counters = session.world.counters();
    ChecksView {
        events: counters.events,
        writes: counters.writes_acked,
        reads: counters.reads_checked,
        checks: counters
            .checks
            .into_iter()
            .map(|(name, looks, promise)| (name.to_string(), looks, promise.to_string()))
            .collect(),
        violation: session.violation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_group_is_one_in_which_all_reach_all() {
        let members: Vec<_> = (0..5).map(|n| (MemberId(u64::from(n) + 1), HostId(n))).collect();
        // 0-1 | 2-3-4, and one way around through nobody.
        let side = |host: HostId| host.0 < 2;
        let group = largest_group(&members, |a, b| side(a) == side(b));
        assert_eq!(group, [MemberId(3), MemberId(4), MemberId(5)]);
        // A bridge reaches both sides, but they do not reach each other.
        let group = largest_group(&members, |a, b| a.0 == 2 || b.0 == 2 || side(a) == side(b));
        assert_eq!(group.len(), 3);
        assert!(largest_group(&[], |_, _| true).is_empty());
    }

    #[test]
    fn values_are_shown_without_their_control_bytes() {
        assert_eq!(printable(b"a\x1b[31mb\n"), "a\\u{1b}[31mb\\n");
        assert_eq!(printable(&[b'x'; 100]).chars().count(), 81);
    }
}
