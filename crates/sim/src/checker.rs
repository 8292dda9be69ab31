//! The safety checkers: they see every leader, commit, application, acknowledgement and read
//! of every member, and stop the world at the first that etcd could not have produced.
//!
//! One file per promise. Here is only who belongs to which history: a cluster id can live
//! several lives, when its disks were wiped and it began anew.

mod hashes;
mod leaders;
mod logs;
mod order;
mod reads;
mod writes;

use etcd::rpc::{Answer, Op, Status};
use etcd::{ClusterId, Member, MemberId, pb};

use crate::ids::HostId;
use hashes::Hashes;
use leaders::Leaders;
use logs::Logs;
use order::{Order, Vitals};
use writes::Writes;

/// A promise that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// One leader per term.
    Leaders,
    /// Logs agree below commit.
    Logs,
    /// Equal applied index, equal state.
    Hashes,
    /// No acknowledged write is lost.
    Writes,
    /// Linearizable reads are never stale.
    Reads,
    /// Terms, commits and applied indexes never go back.
    Order,
}

impl Check {
    /// All of them, in the order they are shown.
    pub const ALL: [Check; 6] =
        [Check::Leaders, Check::Logs, Check::Hashes, Check::Writes, Check::Reads, Check::Order];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Check::Leaders => "leaders",
            Check::Logs => "logs",
            Check::Hashes => "hashes",
            Check::Writes => "writes",
            Check::Reads => "reads",
            Check::Order => "order",
        }
    }

    /// The promise in a sentence.
    pub fn promise(self) -> &'static str {
        match self {
            Check::Leaders => "a term has at most one leader",
            Check::Logs => "committed entries are the same on every member",
            Check::Hashes => "members that applied the same entries hold the same data",
            Check::Writes => "an acknowledged write is never lost",
            Check::Reads => "a linearizable read sees every write acknowledged before it",
            Check::Order => "terms, commits and applied indexes never go back",
        }
    }
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at_us: u64,
    /// Which promise.
    pub check: Check,
    /// On which host.
    pub host: HostId,
    /// By which member.
    pub member: MemberId,
    /// What was seen.
    pub text: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let promise = self.check.promise();
        write!(f, "{promise}: {} (member {}, at {} us)", self.text, self.member, self.at_us)
    }
}

/// What the checkers did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Writes acknowledged to clients.
    pub writes: u64,
    /// Linearizable reads answered.
    pub reads: u64,
    /// How often each promise was looked at, in the order of [`Check::ALL`].
    pub looked: [u64; 6],
}

/// What was known when a client asked: it comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallNote {
    history: u16,
    /// The highest revision acknowledged to anybody before.
    floor: i64,
    write: bool,
    linearizable: bool,
}

/// All checkers of a world.
#[derive(Debug)]
pub(crate) struct Checks {
    on: bool,
    histories: Vec<History>,
    seats: Vec<Seat>,
    counters: Counters,
    violation: Option<Violation>,
    /// The violation was not reported yet.
    news: bool,
}

/// One life of a cluster.
#[derive(Debug)]
struct History {
    cluster: ClusterId,
    /// Its members so far, with the last term each was heard to speak in.
    members: Vec<(MemberId, u64)>,
    /// A disk lost what it had promised to keep: nothing is promised any more.
    void: bool,
    /// What members came up with that were restored: applied index, revision and hash.
    bases: Vec<(u64, i64, u64)>,
    leaders: Leaders,
    logs: Logs,
    hashes: Hashes,
    writes: Writes,
}

/// A member's run, by the slot it has in the world.
#[derive(Clone, Debug)]
struct Seat {
    host: HostId,
    id: MemberId,
    history: u16,
    running: bool,
    order: Order,
}

/// How a member came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) host: HostId,
    pub(crate) id: MemberId,
    pub(crate) cluster: ClusterId,
    /// Its disk held no log, or somebody else changed what was on it.
    pub(crate) reset: bool,
}

impl Checks {
    pub(crate) fn new(on: bool) -> Checks {
        Checks {
            on,
            histories: Vec::new(),
            seats: Vec::new(),
            counters: Counters::default(),
            violation: None,
            news: false,
        }
    }

    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The violation, the first time somebody asks.
    pub(crate) fn take_news(&mut self) -> Option<Violation> {
        std::mem::take(&mut self.news).then(|| self.violation.clone()).flatten()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// A member came up. True when this voids the promises of its cluster.
    pub(crate) fn booted(&mut self, now_us: u64, slot: u16, boot: Boot, member: &Member) -> bool {
        if !self.on {
            return false;
        }
        let (history, mut voided) = self.enter_history(boot);
        let seat = usize::from(slot);
        let vitals = Vitals::of(member);
        let entered = Seat {
            host: boot.host,
            id: boot.id,
            history,
            running: true,
            order: Order::starting(vitals),
        };
        if self.seats.len() <= seat {
            self.seats.resize(seat + 1, Seat { running: false, ..entered.clone() });
        }
        self.seats[seat] = entered;
        let life = &mut self.histories[usize::from(history)];
        if boot.reset {
            let status = member.status();
            let base = (status.applied, status.revision, status.running_hash);
            // Members restored from different snapshots agree on entries and not on data. That
            // is somebody's doing, not etcd's.
            let differs = |other: &(u64, i64, u64)| other.0 == base.0 && *other != base;
            if life.bases.iter().any(differs) {
                voided |= !std::mem::replace(&mut life.void, true);
            }
            life.bases.push(base);
        }
        let spoken = *life.spoken_term(boot.id);
        if !life.void && !boot.reset {
            let result = order::check_restart(spoken, vitals.term);
            self.look(now_us, slot, Check::Order, result);
            self.committed(now_us, slot, 0, vitals.commit, member);
        }
        voided
    }

    /// Which life of its cluster a member belongs to.
    fn enter_history(&mut self, boot: Boot) -> (u16, bool) {
        let of_cluster = |history: &History| history.cluster == boot.cluster;
        let knows = |history: &History| history.members.iter().any(|(id, _)| *id == boot.id);
        let newest = self.histories.iter().rposition(of_cluster);
        let place = match newest {
            Some(newest) if boot.reset && knows(&self.histories[newest]) => self.begin(boot),
            Some(newest) if boot.reset => newest,
            Some(newest) => self
                .histories
                .iter()
                .rposition(|history| of_cluster(history) && knows(history))
                .unwrap_or(newest),
            None => self.begin(boot),
        };
        let history = &mut self.histories[place];
        history.spoken_term(boot.id);
        let number = u16::try_from(place).expect("a cluster is not wiped 65536 times");
        // Members of two lives of one cluster in the world at once: all bets are off.
        let mixed = self.seats.iter().any(|seat| {
            seat.running
                && seat.id != boot.id
                && seat.history != number
                && self.histories[usize::from(seat.history)].cluster == boot.cluster
        });
        let mut voided = false;
        if mixed {
            for history in self.histories.iter_mut().filter(|history| of_cluster(history)) {
                voided |= !std::mem::replace(&mut history.void, true);
            }
        }
        (number, voided)
    }

    fn begin(&mut self, boot: Boot) -> usize {
        self.histories.push(History {
            cluster: boot.cluster,
            members: Vec::new(),
            void: false,
            bases: Vec::new(),
            leaders: Leaders::default(),
            logs: Logs::default(),
            hashes: Hashes::default(),
            writes: Writes::default(),
        });
        self.histories.len() - 1
    }

    /// A member's run ended.
    pub(crate) fn ended(&mut self, slot: u16) {
        if let Some(seat) = self.seats.get_mut(usize::from(slot)) {
            seat.running = false;
        }
    }

    /// A member spoke in a term, which it therefore must never forget.
    pub(crate) fn spoke(&mut self, slot: u16, term: u64) {
        if let Some((seat, history)) = self.judged(slot) {
            let spoken = history.spoken_term(seat.id);
            *spoken = term.max(*spoken);
        }
    }

    /// A member became the leader of a term.
    pub(crate) fn elected(&mut self, now_us: u64, slot: u16, term: u64, member: &Member) {
        let Some((seat, history)) = self.judged(slot) else { return };
        let unique = history.leaders.elected(term, seat.id);
        let complete = history.writes.elected(term, |index| logs::held(member, index));
        self.look(now_us, slot, Check::Leaders, unique);
        self.look(now_us, slot, Check::Writes, complete);
    }

    /// A member learned that entries above `from` up to `to` are committed.
    pub(crate) fn committed(
        &mut self,
        now_us: u64,
        slot: u16,
        from: u64,
        to: u64,
        member: &Member,
    ) {
        let Some((_, history)) = self.judged(slot) else { return };
        let result = history.logs.committed(from, to, |index| member.entry_term(index));
        self.look(now_us, slot, Check::Logs, result);
    }

    /// A member applied an entry, or received the state at it.
    pub(crate) fn applied(&mut self, now_us: u64, slot: u16, index: u64, hash: u64, revision: i64) {
        let Some((_, history)) = self.judged(slot) else { return };
        let result = history.hashes.applied(index, hash, revision);
        self.look(now_us, slot, Check::Hashes, result);
    }

    /// Anything happened to a member: its numbers must not have gone back.
    pub(crate) fn moved(&mut self, now_us: u64, slot: u16, member: &Member) {
        if !self.on {
            return;
        }
        let Some(seat) = self.seats.get_mut(usize::from(slot)) else { return };
        let from = seat.order.now().commit;
        let vitals = Vitals::of(member);
        let result = seat.order.moved(vitals);
        self.look(now_us, slot, Check::Order, result);
        if vitals.commit > from {
            self.committed(now_us, slot, from, vitals.commit, member);
        }
    }

    /// A client sends a request to a member. What comes back belongs to the call.
    pub(crate) fn asked(&mut self, slot: u16, op: &Op) -> Option<CallNote> {
        let (write, linearizable) = match op {
            Op::Put(_) | Op::DeleteRange(_) => (true, true),
            Op::Range(range) => (false, !range.serializable),
            Op::Txn(txn) => (true, !only_serializable(txn)),
            _ => return None,
        };
        let (seat, history) = self.judged(slot)?;
        let floor = history.writes.acknowledged_revision();
        Some(CallNote { history: seat.history, floor, write, linearizable })
    }

    /// A member answers a client.
    pub(crate) fn replied(
        &mut self,
        now_us: u64,
        slot: u16,
        note: CallNote,
        result: &Result<Answer, Status>,
    ) {
        let Ok(answer) = result else { return };
        let Some(revision) = revision_of(answer) else { return };
        let Some((seat, history)) = self.judged(slot) else { return };
        if seat.history != note.history || !(note.write || note.linearizable) {
            return;
        }
        let fresh = if note.linearizable { reads::check(note.floor, revision) } else { Ok(()) };
        let kept = history.writes.acknowledged(revision, &history.hashes, &history.logs);
        match note.write {
            true => self.counters.writes += 1,
            false => self.counters.reads += 1,
        }
        if note.linearizable {
            self.look(now_us, slot, Check::Reads, fresh);
        }
        self.look(now_us, slot, Check::Writes, kept);
    }

    /// The seat of a member and its history, as long as that is judged.
    fn judged(&mut self, slot: u16) -> Option<(&Seat, &mut History)> {
        if !self.on {
            return None;
        }
        let seat = self.seats.get(usize::from(slot))?;
        let history = &mut self.histories[usize::from(seat.history)];
        (!history.void).then_some((seat, history))
    }

    fn look(&mut self, now_us: u64, slot: u16, check: Check, result: Result<(), String>) {
        self.counters.looked[check as usize] += 1;
        if let (Err(text), None) = (result, &self.violation) {
            let seat = &self.seats[usize::from(slot)];
            let (host, member) = (seat.host, seat.id);
            self.violation = Some(Violation { at_us: now_us, check, host, member, text });
            self.news = true;
        }
    }
}

impl History {
    /// The last term a member spoke in; notes the member if it is new.
    fn spoken_term(&mut self, id: MemberId) -> &mut u64 {
        let place = self.members.iter().position(|(other, _)| *other == id);
        let place = place.unwrap_or_else(|| {
            self.members.push((id, 0));
            self.members.len() - 1
        });
        &mut self.members[place].1
    }
}

/// Whether a transaction only reads, and asks for no more than what the member has.
fn only_serializable(txn: &pb::TxnRequest) -> bool {
    txn.success.iter().chain(&txn.failure).all(|op| {
        matches!(&op.request, Some(pb::request_op::Request::Range(range)) if range.serializable)
    })
}

fn revision_of(answer: &Answer) -> Option<i64> {
    let header = match answer {
        Answer::Put(put) => put.header.as_ref(),
        Answer::Range(range) => range.header.as_ref(),
        Answer::DeleteRange(delete) => delete.header.as_ref(),
        Answer::Txn(txn) => txn.header.as_ref(),
        _ => None,
    };
    header.map(|header| header.revision)
}
