//! How each kind of message is drawn: one table for the canvas, the legend and the words.

use lab::api::FlightKind;

/// The shape of a message; replies are hollow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Entries of the log.
    Square,
    /// Signs of life.
    Dot,
    /// Elections.
    Triangle,
    /// A whole store.
    Hexagon,
    /// Reads.
    Diamond,
    /// Forwarded and commanded.
    Arrow,
    /// Clients.
    Pill,
}

/// A family of messages: one entry of the legend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// Its name, also the colour's: `--m-append`.
    pub(crate) name: &'static str,
    /// What the legend calls it.
    pub(crate) label: &'static str,
    /// What it is, in a line.
    pub(crate) means: &'static str,
    /// Its shape.
    pub(crate) shape: Shape,
}

/// Every family.
pub(crate) static FAMILIES: &[Family] = &[
    Family {
        name: "append",
        label: "Append entries",
        means: "the leader's log entries and commit index, for a follower to store",
        shape: Shape::Square,
    },
    Family {
        name: "heartbeat",
        label: "Heartbeat",
        means: "the leader is alive; every 100 ms, so only some are drawn",
        shape: Shape::Dot,
    },
    Family {
        name: "vote",
        label: "Vote",
        means: "a candidate asks to lead the next term",
        shape: Shape::Triangle,
    },
    Family {
        name: "prevote",
        label: "Pre-vote",
        means: "asks whether a candidacy would win, before disturbing anyone",
        shape: Shape::Triangle,
    },
    Family {
        name: "snapshot",
        label: "Snapshot",
        means: "the whole store, for a member too far behind the log",
        shape: Shape::Hexagon,
    },
    Family {
        name: "read",
        label: "Read index",
        means: "makes sure a linearizable read is not stale",
        shape: Shape::Diamond,
    },
    Family {
        name: "propose",
        label: "Forwarded",
        means: "a follower passes a write on to the leader",
        shape: Shape::Arrow,
    },
    Family {
        name: "transfer",
        label: "Timeout now",
        means: "the leader hands over: campaign at once",
        shape: Shape::Arrow,
    },
    Family {
        name: "client",
        label: "Client",
        means: "a request of a program such as etcdctl, and its answer",
        shape: Shape::Pill,
    },
];

/// A kind's family and whether it is a reply.
pub(crate) fn family(kind: FlightKind) -> (&'static Family, bool) {
    let (name, reply) = match kind {
        FlightKind::Append => ("append", false),
        FlightKind::AppendReply => ("append", true),
        FlightKind::Heartbeat => ("heartbeat", false),
        FlightKind::HeartbeatReply => ("heartbeat", true),
        FlightKind::Vote => ("vote", false),
        FlightKind::VoteReply => ("vote", true),
        FlightKind::PreVote => ("prevote", false),
        FlightKind::PreVoteReply => ("prevote", true),
        FlightKind::Snapshot => ("snapshot", false),
        FlightKind::ReadIndex => ("read", false),
        FlightKind::ReadIndexReply => ("read", true),
        FlightKind::Propose => ("propose", false),
        FlightKind::TimeoutNow => ("transfer", false),
        FlightKind::Client => ("client", false),
        FlightKind::ClientReply => ("client", true),
    };
    let family = FAMILIES.iter().find(|it| it.name == name).expect("the names are the table's");
    (family, reply)
}

/// What the fields of a clicked message are headed with.
pub(crate) fn title(kind: FlightKind) -> String {
    let (family, reply) = family(kind);
    if reply { format!("{}: reply", family.label) } else { family.label.to_string() }
}

/// Signs of life are thinned out: they come ten times a second on every link.
pub(crate) fn is_quiet(kind: FlightKind) -> bool {
    matches!(kind, FlightKind::Heartbeat | FlightKind::HeartbeatReply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_share_the_family_of_their_request() {
        let pairs = [
            (FlightKind::Append, FlightKind::AppendReply),
            (FlightKind::Vote, FlightKind::VoteReply),
            (FlightKind::PreVote, FlightKind::PreVoteReply),
            (FlightKind::ReadIndex, FlightKind::ReadIndexReply),
            (FlightKind::Client, FlightKind::ClientReply),
        ];
        for (request, reply) in pairs {
            assert_eq!(family(request).0, family(reply).0);
            assert_eq!((family(request).1, family(reply).1), (false, true));
        }
        assert_eq!(title(FlightKind::VoteReply), "Vote: reply");
    }
}
