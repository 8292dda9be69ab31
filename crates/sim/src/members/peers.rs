//! The transport between members, as rafthttp shows it to them: a stream per peer that is up
//! or down, messages in order while it is up, and dropped while it is down.
//!
//! Nothing is polled: whatever may change who reaches whom calls [`Kernel::review_peers`],
//! which plans when each transport will notice.

use etcd::{Envelope, Member, MemberId, MsgKind};

use super::Inbound;
use super::peertls::Caller;
use crate::event::WorldEvent;
use crate::ids::HostId;
use crate::kernel::Kernel;
use crate::net::tls::TlsError;
use crate::net::{Flight, Load, PortRole, Resolved, Scope, Target, resolve, split_url};
use crate::queue::{Event, EventKey};
use crate::trace::Mark;

/// One member's stream to another.
#[derive(Debug)]
pub(crate) struct PeerLink {
    pub(super) id: MemberId,
    target: Option<Target>,
    /// The run the stream leads to.
    up: Option<(u16, u32)>,
    /// What the transport is about to notice.
    plan: Option<(u64, bool, EventKey)>,
    /// The last attempt was met with silence.
    silent: bool,
    /// The URL behind the target.
    pub(super) url: String,
    /// The last attempt ended in a handshake of TLS that failed.
    refused: bool,
    /// When the log last spoke of that.
    pub(super) told_us: Option<u64>,
}

impl PeerLink {
    fn new(id: MemberId, target: Option<Target>, url: &str) -> PeerLink {
        PeerLink {
            id,
            target,
            up: None,
            plan: None,
            silent: false,
            url: url.to_owned(),
            refused: false,
            told_us: None,
        }
    }
}

/// What an attempt to reach a peer meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The peer.
    Peer(u16, u32),
    /// A member, but not the one that is meant.
    Stranger(u16, u32),
    /// A host that is on and has nobody there.
    Refused,
    /// Nothing at all, or a process that does not answer.
    Silent,
}

/// How often a transport tries to connect, and how long an unanswered try takes.
const REDIAL_US: u64 = 100_000;
const DIAL_TIMEOUT_US: u64 = 1_000_000;
/// How often a handshake that failed is tried again. rafthttp does so ten times a second and
/// logs each; once is enough to read.
const HANDSHAKE_RETRY_US: u64 = 1_000_000;
/// How long a stream may be silent before it is taken for broken.
const READ_TIMEOUT_US: u64 = 5_000_000;

impl Kernel {
    /// Where a peer's URL leads, seen from a host.
    pub(super) fn peer_target(&self, from: HostId, url: &str) -> Option<Target> {
        let (name, port) = split_url(url)?;
        let names = self.hosts.iter().map(|host| host.name.as_str());
        match resolve(names, from, name) {
            Resolved::Host(host, Scope::Any, _) => {
                Some(Target { host, scope: Scope::Loopback, port })
            }
            Resolved::Host(host, scope, _) => Some(Target { host, scope, port }),
            Resolved::Nowhere(_) | Resolved::Unknown => None,
        }
    }

    /// The membership a member knows changed: streams to new peers begin, to old ones end.
    pub(super) fn peers_changed(&mut self, slot: u16, member: &Member) {
        let host = self.members.slot(slot).host;
        let own = self.members.slot(slot).id;
        let mut old = std::mem::take(&mut self.members.slot_mut(slot).peers);
        let mut links = Vec::new();
        for (id, urls) in member.peers() {
            let found = urls.iter().find_map(|url| Some((self.peer_target(host, url)?, url)));
            let (target, url) = match found {
                Some((target, url)) => (Some(target), url.as_str()),
                None => (None, ""),
            };
            let known = old.iter().position(|link| link.id == id);
            match known.map(|place| old.swap_remove(place)) {
                Some(link) if link.target == target && link.url == url => links.push(link),
                Some(link) => {
                    old.push(link);
                    links.push(PeerLink::new(id, target, url));
                }
                None if id != own => {
                    links.push(PeerLink::new(id, target, url));
                }
                None => {}
            }
        }
        for (_, _, key) in old.into_iter().filter_map(|link| link.plan) {
            self.queue.cancel(key);
        }
        self.members.slot_mut(slot).peers = links;
        self.review_peers();
    }

    fn reach(&self, slot: u16, place: usize) -> Reach {
        let hosted = self.members.slot(slot);
        let link = &hosted.peers[place];
        let Some(target) = link.target else { return Reach::Silent };
        if !self.host(target.host).on || !self.net.links.open_both_ways(hosted.host, target.host) {
            return Reach::Silent;
        }
        match self.net.member_at(target) {
            Some((PortRole::Peer, slot, run)) if self.members.runs(slot, run) => {
                let other = self.members.slot(slot);
                if other.stopped {
                    Reach::Silent
                } else if (other.id, other.cluster) == (link.id, hosted.cluster) {
                    Reach::Peer(slot, run)
                } else if link.url.starts_with("https://") {
                    // Who is meant is asked in the handshake already.
                    Reach::Refused
                } else {
                    Reach::Stranger(slot, run)
                }
            }
            _ => Reach::Refused,
        }
    }

    /// Plans what every transport will notice of the world as it is now.
    pub(crate) fn review_peers(&mut self) {
        for slot in self.members.running() {
            if !self.members.slot(slot).stopped {
                for place in 0..self.members.slot(slot).peers.len() {
                    self.review_peer(slot, place);
                }
            }
        }
    }

    fn review_peer(&mut self, slot: u16, place: usize) {
        let reach = self.reach(slot, place);
        let hosted = self.members.slot_mut(slot);
        let (host, run) = (hosted.host, hosted.run);
        let link = &mut hosted.peers[place];
        let other = link.target.map_or(host, |target| target.host);
        let wanted = match (link.up, reach) {
            (Some((to, its_run)), Reach::Peer(slot, run)) if (to, its_run) == (slot, run) => None,
            (Some(_), Reach::Silent) => Some((false, READ_TIMEOUT_US)),
            (Some(_), _) => Some((false, self.net.links.latency_us(other, host))),
            (None, Reach::Peer(..)) => {
                let wait_us = if link.silent { DIAL_TIMEOUT_US } else { REDIAL_US };
                // The draw is made only when something new is planned.
                match link.plan {
                    Some((_, true, _)) => return,
                    _ if link.refused => Some((true, HANDSHAKE_RETRY_US)),
                    _ => Some((true, self.net.links.some_time_us(host, other, wait_us))),
                }
            }
            (None, _) => {
                link.silent = reach == Reach::Silent;
                None
            }
        };
        let Some((up, wait_us)) = wanted else {
            if let Some((_, _, key)) = link.plan.take() {
                self.queue.cancel(key);
            }
            return;
        };
        let at_us = self.now_us + wait_us;
        match link.plan {
            // What was about to be noticed earlier still is.
            Some((planned, same, _)) if same == up && planned <= at_us => return,
            Some((_, _, key)) => self.queue.cancel(key),
            None => {}
        }
        let key = self.queue.push(at_us, Event::PeerStatus { slot, run, peer: link.id });
        link.plan = Some((at_us, up, key));
    }

    /// A transport notices that a peer came or went.
    pub(crate) fn peer_noticed(&mut self, slot: u16, run: u32, peer: MemberId) {
        if !self.members.runs(slot, run) {
            return;
        }
        let hosted = self.members.slot(slot);
        let Some(place) = hosted.peers.iter().position(|link| link.id == peer) else { return };
        let (host, stopped) = (hosted.host, hosted.stopped);
        let reach = self.reach(slot, place);
        let link = &mut self.members.slot_mut(slot).peers[place];
        let Some((_, up, _)) = link.plan.take() else { return };
        if stopped {
            return;
        }
        let to = match (up, reach) {
            (true, Reach::Peer(other, run)) => Some((other, run)),
            (true, _) => return self.review_peers(),
            (false, _) => None,
        };
        if let Some((other, _)) = to {
            let refused = self.peers_shake(slot, place, other).err();
            self.members.slot_mut(slot).peers[place].refused = refused.is_some();
            if let Some(error) = refused {
                self.peer_refuses(slot, place, &error);
                return self.review_peers();
            }
        }
        self.members.slot_mut(slot).peers[place].up = to;
        let content = peer.0 << 1 | u64::from(up);
        self.trace.add(self.now_us, Mark::PeerStatus, u64::from(host.0), content);
        self.events.push(WorldEvent::PeerStatus { host, peer, connected: up });
        self.member_call(slot, |member, now| member.peer_status(peer, up, now));
        self.review_peers();
    }

    /// Whether one of two members can call the other: messages then pass both ways, on the
    /// caller's posts or on the stream he opened.
    fn peers_shake(&mut self, slot: u16, place: usize, other: u16) -> Result<(), TlsError> {
        let own = self.members.slot(slot).id;
        let there = self.members.slot(other).peers.iter().position(|link| link.id == own);
        let first = self.peer_calls(slot, place, other);
        match (first, there) {
            (Err(error), Some(place)) => self.peer_calls(other, place, slot).map_err(|_| error),
            (first, _) => first,
        }
    }

    fn peer_calls(&mut self, slot: u16, place: usize, other: u16) -> Result<(), TlsError> {
        let hosted = self.members.slot(slot);
        let link = &hosted.peers[place];
        let Some(target) = link.target else { return Err(TlsError::Eof) };
        let (url, dial) = (link.url.clone(), hosted.secure.dial.clone());
        let caller = Caller { host: hosted.host, pid: hosted.pid, dial: &dial };
        self.peer_shakes(&caller, &url, target, other)
    }

    /// Sends a message to a peer. False when there is no stream to it: the sender is to be
    /// told that the peer is unreachable.
    pub(super) fn peer_send(&mut self, slot: u16, envelope: Envelope) -> bool {
        let hosted = self.members.slot(slot);
        let (from, sender) = (hosted.host, (slot, hosted.run));
        let to = match hosted.peers.iter().position(|link| link.id == envelope.to) {
            Some(place) => match (hosted.peers[place].up, self.reach_of_new(slot, place)) {
                (Some(run), _) => Some(run),
                (None, Some(Reach::Stranger(slot, run))) => Some((slot, run)),
                (None, _) => None,
            },
            // An answer to somebody who is no member any more goes back on his connection.
            None => self.members.running().into_iter().find_map(|slot| {
                let other = self.members.slot(slot);
                (other.id == envelope.to && other.run != sender.1).then_some((slot, other.run))
            }),
        };
        let Some((slot, run)) = to else { return false };
        // Every message in every member's output is from the running term: it must last.
        if !matches!(envelope.kind, MsgKind::RequestPreVote | MsgKind::RequestPreVoteResponse) {
            self.checks.spoke(sender.0, envelope.term);
        }
        let to = self.members.slot(slot).host;
        let (now_us, size) = (self.now_us, envelope.size_bytes);
        let fly = |kernel: &mut Kernel, arrive_us, lost, env| {
            let load = Load::Peer { env, slot, run, sender };
            let flight = Flight { id: 0, from, to, sent_us: now_us, arrive_us, lost, load };
            let flight = kernel.net.flights.add(flight);
            kernel.queue.push(arrive_us, Event::Peer { flight });
        };
        if envelope.kind == MsgKind::Snapshot {
            let arrive_us = self.net.links.send_aside(from, to, now_us, size);
            let lost = self.net.links.blocked(from, to);
            fly(self, arrive_us, lost, envelope);
            return true;
        }
        let passage = self.net.links.send(from, to, now_us, size);
        if passage.twice {
            let again = self.net.links.send_aside(from, to, passage.arrive_us, size);
            fly(self, again, false, envelope.clone());
        }
        fly(self, passage.arrive_us, passage.lost, envelope);
        true
    }

    /// What a fresh attempt meets where no stream is up; only strangers matter.
    fn reach_of_new(&self, slot: u16, place: usize) -> Option<Reach> {
        let link = &self.members.slot(slot).peers[place];
        link.up.is_none().then(|| self.reach(slot, place))
    }

    /// A message between members arrives, or is found to be lost.
    pub(crate) fn peer_arrives(&mut self, flight: u32) {
        let Flight { from, to, lost, load, .. } = self.net.flights.take(flight);
        let Load::Peer { env, slot, run, sender } = load else {
            unreachable!("only peers' messages are asked for as such")
        };
        let (peer, snapshot) = (env.to, env.kind == MsgKind::Snapshot);
        let arrived = !lost && !self.net.links.blocked(from, to) && self.members.runs(slot, run);
        let heard = arrived && !self.members.slot(slot).stopped;
        if arrived {
            self.member_inbound(slot, run, Inbound::Peer(env));
        } else {
            self.trace.add(self.now_us, Mark::PeerLost, u64::from(to.0), env.kind as u64);
        }
        if snapshot && self.members.runs(sender.0, sender.1) {
            self.member_call(sender.0, |member, now| member.snapshot_sent(peer, heard, now));
        }
    }
}
