//! The table the literature prints about the three systems, with what is inexact in it. Facts
//! that are not measured here carry their source and the date at which it was read.

use super::sheet::cell;
use crate::api::Cell;

/// The columns.
pub(super) const COLUMNS: [&str; 5] =
    ["About", "etcd", "Consul", "ZooKeeper", "What the usual table gets wrong"];

/// Where it is from.
pub(super) const NOTE: &str = "Not measured here. Read on 2026-11-22: etcd 3.6 documentation \
    (\"etcd versus other key-value stores\", \"Performance\"), which is written by etcd's own \
    team; Consul documentation (\"Consistency modes\"); ZooKeeper documentation \
    (\"Internals\", \"Overview\"), its wiki page \"Failure scenarios\", and the abstract of \
    the ZooKeeper paper of USENIX ATC 2010.";

const ROWS: [[&str; 5]; 10] = [
    [
        "Agreement",
        "Raft",
        "Raft",
        "Zab",
        "All three commit by majority: N/2 + 1 of the voting servers. None tolerates more \
         failures than another.",
    ],
    [
        "Writes",
        "linearizable",
        "linearizable",
        "linearizable",
        "\"ZooKeeper is eventually consistent\" is wrong for writes: they go through the leader \
         in one order.",
    ],
    [
        "Reads unless told otherwise",
        "linearizable",
        "by the leader, without asking a majority",
        "by one's own server: sequential",
        "Consul's default is called strong, and nearly is: a replaced leader can answer for a \
         moment. ZooKeeper's reads are older or newer, but never go backwards for one client.",
    ],
    [
        "The strictest read",
        "linearizable: a majority is asked",
        "consistent: a majority is asked",
        "sync, then read: the leader is asked",
        "sync is not a quorum operation. A leader that was replaced and does not know it \
         answers too.",
    ],
    [
        "The loosest read",
        "serializable, even without a leader",
        "stale, even without a leader",
        "none without a leader, unless read-only mode is switched on",
        "The word \"serializable\" of etcd means: from what this member has. It is about one \
         key-value store that may lag, not about isolation levels.",
    ],
    [
        "Cut off from the majority",
        "writes and linearizable reads wait and fail, serializable reads go on",
        "writes, default and consistent reads fail, stale reads go on",
        "clients are disconnected",
        "\"CP\" says only that no side invents a second truth. What a client sees depends on \
         how it reads.",
    ],
    [
        "Watching for changes",
        "from any past revision not compacted, none left out",
        "blocking queries by index: the newest state, not every step",
        "one notice for each watch; persistent ones since 3.6",
        "Tables that say \"watch: yes\" three times hide the difference that matters.",
    ],
    [
        "Performance",
        "more than 30,000 requests a second on three members (its own documentation)",
        "no figure in its documentation",
        "tens to hundreds of thousands of operations a second, most of them reads (the paper, \
         2010)",
        "Figures of different years, machines, value sizes and read rules cannot be compared. \
         Reads that ask nobody are always the fastest.",
    ],
    [
        "Scalability",
        "more members do not write faster; a learner answers serializable reads only",
        "three or five servers; more than five slow it down. Read replicas (Enterprise)",
        "observers serve reads without a vote",
        "No system here writes faster with more voters; see the latency table of the Quorum \
         screen.",
    ],
    [
        "How much it holds",
        "several gigabytes",
        "hundreds of megabytes",
        "hundreds of megabytes, sometimes gigabytes",
        "The sizes are etcd's own estimate of all three. Consul and ZooKeeper keep everything \
         in memory.",
    ],
];

/// Its rows.
pub(super) fn rows() -> Vec<Vec<Cell>> {
    ROWS.iter().map(|row| row.iter().map(|text| cell(*text)).collect()).collect()
}
