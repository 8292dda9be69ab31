//! What the world tells those who watch it: the session, the story, the tests. Values only;
//! the sentences are the lab's.

use bytes::Bytes;
use etcd::{ClusterId, Fact, MemberId};

use crate::checker::Violation;
use crate::fault::Fault;
use crate::ids::{HostId, Pid, TtyId};
use crate::tty::Stream;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When, on the world's clock.
    pub at_us: u64,
    /// What.
    pub what: WorldEvent,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal of this number.
    Killed(u8),
    /// With its host's power.
    PowerLost,
}

/// A program that ended, as a witness saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Where.
    pub host: HostId,
    /// As which process.
    pub pid: Pid,
    /// What it was called with; the first is its name.
    pub argv: Vec<String>,
    /// The directory it ran in.
    pub cwd: String,
    /// When it began, on the world's clock.
    pub start_us: u64,
    /// How it ended.
    pub ending: Ending,
    /// The beginning of what it printed.
    pub stdout: String,
    /// The beginning of what it complained of.
    pub stderr: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum WorldEvent {
    /// Somebody did this to the world.
    Fault(Fault),
    /// A member came up.
    MemberStarted {
        /// Where.
        host: HostId,
        /// As which process.
        pid: Pid,
        /// Its id.
        member: MemberId,
        /// Its cluster.
        cluster: ClusterId,
        /// Whether its disk held nothing.
        fresh: bool,
    },
    /// A member refused to start.
    MemberRefused {
        /// Where.
        host: HostId,
        /// Its exit code.
        exit_code: i32,
        /// The last thing it said.
        message: String,
    },
    /// A member's process ended.
    MemberEnded {
        /// Where.
        host: HostId,
        /// How.
        ending: Ending,
    },
    /// Something happened inside a member.
    Fact {
        /// Where.
        host: HostId,
        /// What.
        fact: Fact,
    },
    /// The transport of one member lost or found another.
    PeerStatus {
        /// Whose transport.
        host: HostId,
        /// The other member.
        peer: MemberId,
        /// Whether they are connected now.
        connected: bool,
    },
    /// From here on etcd promises nothing for this cluster: somebody took away or changed
    /// what a member's disk had promised to keep. The checkers stop judging it.
    PromiseVoid {
        /// Where it was noticed.
        host: HostId,
        /// Of which cluster.
        cluster: ClusterId,
    },
    /// A checker found something; the world stands still.
    Violation(Violation),
    /// A terminal has something to show.
    TtyOutput {
        /// Which.
        tty: TtyId,
        /// On which stream.
        stream: Stream,
        /// What.
        bytes: Bytes,
    },
    /// A command typed into a terminal ended.
    CommandDone {
        /// Which terminal.
        tty: TtyId,
        /// Its exit status.
        exit: i32,
    },
    /// A terminal's shell is gone.
    TtyClosed {
        /// Which terminal.
        tty: TtyId,
    },
    /// A program ended; told only after [`World::witness`](crate::World::witness).
    Ran(Box<Ran>),
    /// A program speaks to the session (`sim speed x10`).
    Session {
        /// What it says.
        text: String,
    },
}

/// Events that wait to be read, each with its time. Bounded: when nobody reads, facts are
/// dropped, never what a terminal printed.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    /// The world's clock; the world sets it whenever time moves.
    pub(crate) now_us: u64,
    events: Vec<Happened>,
    facts: usize,
    dropped: u64,
    /// Whether a terminal is among them.
    said: bool,
}

/// How many facts wait for a reader before more of them are dropped.
const FACTS_MAX: usize = 65_536;

impl EventLog {
    pub(crate) fn new() -> EventLog {
        EventLog::default()
    }

    pub(crate) fn push(&mut self, event: WorldEvent) {
        if matches!(event, WorldEvent::Fact { .. } | WorldEvent::PeerStatus { .. }) {
            if self.facts == FACTS_MAX {
                self.dropped += 1;
                return;
            }
            self.facts += 1;
        }
        self.said |= matches!(
            event,
            WorldEvent::TtyOutput { .. }
                | WorldEvent::CommandDone { .. }
                | WorldEvent::TtyClosed { .. }
        );
        self.events.push(Happened { at_us: self.now_us, what: event });
    }

    /// Whether a terminal said something since the last reading.
    pub(crate) fn has_said(&self) -> bool {
        self.said
    }

    pub(crate) fn drain(&mut self) -> Vec<Happened> {
        self.facts = 0;
        self.said = false;
        std::mem::take(&mut self.events)
    }

    /// How many facts nobody will read.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_facts_are_bounded_and_output_is_not() {
        let mut log = EventLog::new();
        let fact = WorldEvent::Fact { host: HostId(0), fact: Fact::Published };
        for at in 0..70_000 {
            log.now_us = at;
            log.push(fact.clone());
        }
        log.push(WorldEvent::CommandDone { tty: TtyId(1), exit: 0 });
        assert_eq!(log.dropped(), 70_000 - 65_536);
        let events = log.drain();
        assert_eq!(events.len(), 65_537);
        assert_eq!(events.last().unwrap().at_us, 69_999);
        assert!(log.drain().is_empty());
    }
}
