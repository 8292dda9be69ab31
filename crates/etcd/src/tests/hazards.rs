//! One test for each hazard a wrapper around raft-rs can trip over, H1 to H18.

use super::harness::{Net, SECOND, config, get, put};
use crate::disk::DiskOp;
use crate::fact::Fact;
use crate::node::{Node, Settings};
use crate::persist::Journal;
use crate::rpc::{Answer, Code, Op};
use crate::status::Role;
use crate::storage::Log;
use crate::wal::Wal;
use crate::{MemberId, MsgKind, pb};
use raft::eraftpb::{ConfState, HardState};

/// An acknowledgement of an older round, and a read that arrives twice, confirm nothing.
#[test]
fn h01_stale_read_by_a_reused_context() {
    let mut net = Net::new(3);
    let old = net.leader().expect("a leader");
    let follower = net.follower();
    net.put(old, "a", "old").expect("committed");
    net.hold = [MsgKind::ReadIndex, MsgKind::HeartbeatResponse].into();
    let call = net.send(follower, get("a", false), None);
    net.run(10_000);
    let at = net.held.iter().position(|m| m.kind == MsgKind::ReadIndex).expect("it asked");
    let ask = net.held.remove(at);
    net.deliver(ask.clone());
    net.run(10_000);
    let acks = net.held.clone();
    for ack in &acks {
        net.deliver(ack.clone());
    }
    net.run(10_000);
    assert!(net.replies.contains_key(&(follower, call)), "the first round is sound");
    // The leader freezes; the others elect another and change the value.
    net.hold.clear();
    net.hosts[old].frozen = true;
    assert!(net.wait(10 * SECOND, |net| net.leader().is_some_and(|now| now != old)));
    net.put(net.leader().expect("a new one"), "a", "new").expect("committed");
    // It thaws and still believes it leads. The old messages come once more.
    net.hosts[old].frozen = false;
    let answers = net.sent.get(&MsgKind::ReadIndexResponse).copied();
    let local = net.send(old, get("a", false), None);
    net.deliver(ask);
    for ack in acks {
        net.deliver(ack);
    }
    assert_eq!(net.sent.get(&MsgKind::ReadIndexResponse).copied(), answers);
    assert!(!net.replies.contains_key(&(old, local)), "a deposed leader answered a read");
    net.run(10 * SECOND);
    assert_eq!(net.get(old, "a").expect("read"), Some("new".to_owned()));
}

#[test]
fn h02_reads_that_vanish_are_asked_again_or_fail() {
    let mut net = Net::new(3);
    let follower = net.follower();
    net.lose.insert(MsgKind::ReadIndexResponse);
    let call = net.send(follower, get("a", false), None);
    net.run(1_200_000);
    assert!(!net.replies.contains_key(&(follower, call)));
    net.lose.clear();
    net.run(SECOND);
    assert!(net.replies[&(follower, call)][0].result.is_ok(), "the third question was answered");

    net.lose.insert(MsgKind::ReadIndexResponse);
    let error = net.call_within(follower, get("a", false), None).expect_err("never answered");
    assert_eq!(error.message, "etcdserver: request timed out");
    assert_eq!(error.code, Code::Unavailable);

    let call = net.send(follower, get("a", false), None);
    let leader = net.leader().expect("a leader");
    net.kill(leader);
    net.run(4 * SECOND);
    let error = net.replies[&(follower, call)][0].result.clone().expect_err("the leader changed");
    assert_eq!(error.message, "etcdserver: leader changed");
}

#[test]
fn h03_timeouts_come_from_the_seed_alone() {
    let timeouts = |seed: u64, id: u64| {
        let conf = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
        let log = Log::new((0, 0), HardState::default(), conf);
        let settings = Settings { election_ticks: 10, pre_vote: true, seed, boot: 1 };
        let mut node = Node::new(MemberId(id), log, 0, settings);
        let mut out = crate::Output::default();
        let mut drawn = Vec::new();
        for _ in 0..200 {
            node.tick(&mut out);
            drawn.push(node.raft().randomized_election_timeout());
        }
        drawn
    };
    let drawn = timeouts(1, 1);
    assert_eq!(drawn, timeouts(1, 1));
    assert_ne!(drawn, timeouts(2, 1));
    assert_ne!(drawn, timeouts(1, 2));
    assert!(drawn.iter().all(|ticks| (10..20).contains(ticks)));
    let mut different = drawn;
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 3, "every attempt draws anew");
}

/// The writes of a lone member, and which of its puts were acknowledged when.
#[derive(Default)]
struct Recorded {
    ops: Vec<DiskOp>,
    /// For each put the operations done when it was acknowledged.
    acknowledged: Vec<usize>,
}

impl Recorded {
    fn new(config_of: impl Fn(&mut crate::Config)) -> Recorded {
        let mut net = Net::off(1);
        config_of(&mut net.hosts[0].config);
        net.start(0);
        net.run(3 * SECOND);
        let mut acknowledged = Vec::new();
        for n in 0..12 {
            net.put(0, &format!("k{n}"), "v").expect("committed");
            acknowledged.push(net.hosts[0].ops.len());
        }
        net.run(SECOND);
        Recorded { ops: std::mem::take(&mut net.hosts[0].ops), acknowledged }
    }

    /// Restarts a member from every prefix of the operations.
    fn check(&self, config_of: impl Fn(&mut crate::Config)) {
        assert!(self.ops.len() > 40, "{} operations", self.ops.len());
        for crash in 0..=self.ops.len() {
            let mut net = Net::off(1);
            config_of(&mut net.hosts[0].config);
            net.hosts[0].disk.apply(&self.ops[..crash]);
            net.start(0);
            net.run(3 * SECOND);
            let safe = self.acknowledged.iter().filter(|ops| **ops <= crash).count();
            for n in 0..safe {
                let value = net.get(0, &format!("k{n}")).expect("read");
                assert_eq!(value, Some("v".to_owned()), "k{n} after {crash} operations");
            }
            let after = net.put(0, "after", "1");
            assert!(
                after.is_ok(),
                "{crash}: {after:?} {:#?} {:?}",
                net.status(0),
                net.hosts[0].log
            );
        }
    }
}

#[test]
fn h04_a_crash_between_any_two_disk_operations_is_survived() {
    Recorded::new(|_| {}).check(|_| {});
}

#[test]
fn h04_a_crash_around_a_snapshot_is_survived() {
    let often = |config: &mut crate::Config| {
        config.snapshot_count = 3;
        config.snapshot_catchup = 2;
    };
    Recorded::new(often).check(often);
}

/// The commit index is written lazily; what was applied counts all the same.
#[test]
fn h05_applied_never_exceeds_commit_after_a_restart() {
    let mut net = Net::new(3);
    for n in 0..20 {
        net.put(0, &format!("k{n}"), "v").expect("committed");
        net.run(30_000);
        for host in 0..3 {
            let mut copy = Net::off(3);
            copy.hosts[host].disk = net.hosts[host].disk.clone();
            copy.start(host);
            let status = copy.status(host);
            assert!(status.applied <= status.commit, "{status:?}");
            assert!(status.commit <= status.last_index, "{status:?}");
        }
    }
}

/// Members killed at any moment apply every entry exactly once.
#[test]
fn h06_no_entry_is_skipped_or_applied_twice() {
    let mut net = Net::new(3);
    for n in 0..40_u64 {
        let host = (n % 3) as usize;
        let leader = net.wait_leader();
        net.send(leader, put("counter", &n.to_string()), Some(5 * SECOND));
        net.run(n * 731 % 4000);
        net.restart(host);
        net.run(2 * SECOND);
    }
    net.run(5 * SECOND);
    net.wait_leader();
    net.agree();
    let hash = |net: &mut Net, host| match net.call(host, Op::HashKv(pb::HashKvRequest::default()))
    {
        Ok(Answer::HashKv(hash)) => hash.hash,
        other => panic!("a hash answers: {other:?}"),
    };
    let hashes: Vec<u32> = (0..3).map(|host| hash(&mut net, host)).collect();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

/// A vote leaves a member only once it is on its disk.
#[test]
fn h07_a_vote_is_durable_before_it_is_sent() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let voters: Vec<usize> = (0..3).filter(|host| *host != leader).collect();
    for voter in &voters {
        net.hosts[*voter].disk_us = 300_000;
    }
    net.sent.clear();
    net.kill(leader);
    let asked = |net: &Net| net.sent.contains_key(&MsgKind::RequestVote);
    assert!(net.wait(10 * SECOND, asked), "somebody asks for votes");
    let asked_us = net.now_us;
    let term = voters.iter().map(|v| net.status(*v).term).max().expect("two voters");
    assert!(net.wait(SECOND, |net| net.sent.contains_key(&MsgKind::RequestVoteResponse)));
    assert!(net.now_us - asked_us >= 300_000, "the vote waited for the disk");
    assert!(term > 2);
    // A vote that was not durable is forgotten, and was never heard of.
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let voter = net.follower();
    net.hosts[voter].disk_us = 10 * SECOND;
    net.kill(leader);
    net.run(3 * SECOND);
    let before = net.status(voter);
    assert!(before.vote.is_some_and(|vote| vote != before.id) || before.role != Role::Leader);
    net.restart(voter);
    assert_eq!(net.status(voter).term, 2, "what was not synced is gone");
}

/// A ready batch is taken and given back in one call: nothing can come between.
#[test]
fn h08_no_ready_batch_stays_outstanding() {
    let conf = ConfState { voters: vec![1], ..ConfState::default() };
    let log = Log::new((0, 0), HardState::default(), conf);
    let settings = Settings { election_ticks: 10, pre_vote: true, seed: 1, boot: 1 };
    let mut node = Node::new(MemberId(1), log, 0, settings);
    let (wal, ops) = Wal::create("wal", 1, 1);
    let mut journal = Journal::new(wal, ops, Vec::new());
    let mut out = crate::Output::default();
    let mut numbers = Vec::new();
    for step in 0..100_u64 {
        node.tick(&mut out);
        if node.is_leader() {
            let entry = raft::eraftpb::Entry { data: vec![1], ..Default::default() };
            node.propose(vec![entry], &mut out).expect("a leader takes proposals");
        }
        while let Some(batch) = node.take_ready(&mut journal) {
            numbers.push(batch.number);
            if let Some(last) = batch.committed.last() {
                node.applied(last.index);
            }
            if step % 3 == 0 {
                node.persisted(batch.number, &mut out);
            }
        }
        assert!(node.take_ready(&mut journal).is_none());
    }
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    assert!(node.commit() > 10);
}

/// A cluster whose third member misses so much that only a snapshot can help.
fn lagging() -> (Net, usize) {
    let mut net = Net::off(3);
    for host in &mut net.hosts {
        host.config.snapshot_count = 20;
        host.config.snapshot_catchup = 5;
    }
    for host in 0..3 {
        net.start(host);
    }
    net.run(6 * SECOND);
    let behind = net.follower();
    net.kill(behind);
    let leader = net.leader().expect("a leader");
    for n in 0..150 {
        net.put(leader, &format!("k{n}"), "v").expect("committed");
    }
    let first = net.status(leader).first_index;
    assert!(first > 50, "the log was cut at {first}");
    (net, behind)
}

#[test]
fn h09_snapshots_that_come_quickly_on_a_slow_disk() {
    let (mut net, behind) = lagging();
    net.hosts[behind].disk_us = 2 * SECOND;
    net.double.insert(MsgKind::Snapshot);
    net.start(behind);
    let leader = net.leader().expect("a leader");
    for n in 0..60 {
        net.put(leader, &format!("more{n}"), "v").expect("committed");
        if n % 10 == 0 {
            let id = net.member(behind).id();
            net.snapshot_sent(leader, id, n % 20 == 0);
        }
        net.run(100_000);
    }
    net.hosts[behind].disk_us = 1000;
    net.run(40 * SECOND);
    net.agree();
    let received = net
        .facts
        .iter()
        .filter(|(host, fact)| *host == behind && matches!(fact, Fact::SnapshotReceived { .. }));
    assert!(received.count() >= 1);
}

/// From every point of the writes of a received snapshot the member comes back.
#[test]
fn h09_a_crash_while_a_snapshot_is_received() {
    let (mut net, behind) = lagging();
    let disk = net.hosts[behind].disk.clone();
    net.hosts[behind].ops.clear();
    net.start(behind);
    net.run(3 * SECOND);
    net.agree();
    let ops = std::mem::take(&mut net.hosts[behind].ops);
    let is_rename = |op: &DiskOp| matches!(op, DiskOp::Rename { to, .. } if to.ends_with("/db"));
    assert!(ops.iter().any(is_rename), "a database was replaced");
    for crash in 0..=ops.len() {
        net.kill(behind);
        net.hosts[behind].disk = disk.clone();
        net.hosts[behind].disk.apply(&ops[..crash]);
        net.start(behind);
        net.run(3 * SECOND);
        net.agree();
    }
}

#[test]
fn h10_a_lost_snapshot_is_sent_again() {
    for reported in [true, false] {
        let (mut net, behind) = lagging();
        net.lose.insert(MsgKind::Snapshot);
        net.start(behind);
        let sent = |net: &Net| net.sent.contains_key(&MsgKind::Snapshot);
        assert!(net.wait(5 * SECOND, sent), "a snapshot is sent");
        net.lose.clear();
        let leader = net.leader().expect("a leader");
        if reported {
            let id = net.member(behind).id();
            net.snapshot_sent(leader, id, false);
            net.run(5 * SECOND);
        } else {
            net.run(40 * SECOND);
        }
        net.agree();
    }
}

#[test]
fn h11_every_change_of_the_membership_survives_restarts() {
    let mut net = Net::new(3);
    let bounce = |net: &mut Net| {
        for host in 0..net.hosts.len() {
            if net.hosts[host].member.is_some() {
                net.restart(host);
                net.run(50_000);
            }
        }
        net.run(6 * SECOND);
        net.wait_leader();
        net.agree();
    };
    let at = net.leader().expect("a leader");
    let learner = net.join(at, true);
    bounce(&mut net);
    assert_eq!(net.status(0).learners.len(), 1);
    let id = net.member(learner).id();
    let promote = Op::MemberPromote(pb::MemberPromoteRequest { id: id.0 });
    net.call(0, promote).expect("the learner is promoted");
    bounce(&mut net);
    for host in 0..4 {
        assert_eq!((net.status(host).voters.len(), net.status(host).learners.len()), (4, 0));
    }
    let remove = Op::MemberRemove(pb::MemberRemoveRequest { id: id.0 });
    net.call(0, remove).expect("the member is removed");
    net.run(3 * SECOND);
    assert_eq!(net.hosts[learner].exit, Some(0), "a removed member stops");
    bounce(&mut net);
    for host in 0..3 {
        assert_eq!(net.status(host).voters.len(), 3);
    }
}

#[test]
fn h12_a_learner_that_lags_is_not_promoted() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    for n in 0..30 {
        net.put(leader, &format!("k{n}"), "v").expect("committed");
    }
    let learner = net.join(leader, true);
    let id = net.member(learner).id();
    net.kill(learner);
    let promote = || Op::MemberPromote(pb::MemberPromoteRequest { id: id.0 });
    for at in [leader, net.follower()] {
        let error = net.call(at, promote()).expect_err("it has nothing yet");
        let text = "etcdserver: can only promote a learner member which is in sync with leader";
        assert_eq!((error.message.as_str(), error.code), (text, Code::FailedPrecondition));
    }
    net.start(learner);
    net.run(3 * SECOND);
    assert_eq!(net.status(learner).role, Role::Learner);
    net.call(leader, promote()).expect("now it is in sync");
    net.run(SECOND);
    assert_eq!(net.status(learner).voters.len(), 4);
}

/// A member that was away does not disturb those who stayed.
#[test]
fn h13_a_member_that_returns_does_not_disrupt() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let away = net.follower();
    net.partition(&[away]);
    net.run(30 * SECOND);
    let alone = net.status(away);
    assert_eq!((alone.term, alone.leader), (2, None), "rehearsals do not raise the term");
    net.put(leader, "a", "1").expect("two of three commit");
    net.heal();
    net.run(3 * SECOND);
    assert_eq!((net.leader(), net.status(leader).term), (Some(leader), 2));
    net.agree();
    // And the one that lags cannot win when the leader dies.
    net.partition(&[away]);
    net.put(leader, "b", "2").expect("two of three commit");
    net.heal();
    net.kill(leader);
    net.run(10 * SECOND);
    let new = net.wait_leader();
    assert_eq!(net.get(new, "b").expect("read"), Some("2".to_owned()));
}

/// What would make the core panic crashes that member alone, with etcd's words.
#[test]
fn h14_a_lost_log_crashes_the_member_and_nobody_else() {
    let mut net = Net::new(3);
    for n in 0..5 {
        net.put(0, &format!("k{n}"), "v").expect("committed");
    }
    let lost = net.follower();
    net.kill(lost);
    net.hosts[lost].disk = Default::default();
    net.hosts[lost].config.initial_cluster_state = crate::InitialState::Existing;
    net.start(lost);
    net.run(3 * SECOND);
    assert_eq!(net.hosts[lost].exit, Some(2));
    let panicked = net.hosts[lost].log.iter().any(|line| {
        line.contains(
            "tocommit(13) is out of range [lastIndex(0)]. \
             Was the raft log corrupted, truncated, or lost?",
        )
    });
    assert!(panicked, "{:#?}", net.hosts[lost].log);
    net.put(net.leader().expect("a leader"), "after", "1").expect("the others go on");
}

#[test]
fn h15_a_lost_proposal_times_out_and_a_doubled_one_counts_once() {
    let mut net = Net::new(3);
    let follower = net.follower();
    net.lose.insert(MsgKind::Propose);
    let error = net.call_within(follower, put("a", "1"), None).expect_err("it was lost");
    assert_eq!(error.message, "etcdserver: request timed out");
    assert_eq!(error.code, Code::Unavailable);
    net.lose.clear();
    net.double.insert(MsgKind::Propose);
    assert_eq!(net.put(follower, "a", "2").expect("committed"), 2);
    net.run(SECOND);
    assert_eq!(net.put(follower, "a", "3").expect("committed"), 3, "each put counts once");
    // Without a leader a proposal never leaves, and the text says so.
    let leader = net.leader().expect("a leader");
    for host in (0..3).filter(|host| *host != leader) {
        net.kill(host);
    }
    net.run(3 * SECOND);
    let error = net.call_within(leader, put("a", "4"), None).expect_err("no quorum");
    assert_eq!(
        (error.message.as_str(), error.code),
        ("context deadline exceeded", Code::DeadlineExceeded)
    );
}

/// The leader itself can be replaced: the log keeps the change, the others go on.
#[test]
fn h16_the_leader_is_replaced() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let id = net.member(leader).id();
    let call = net.send(leader, Op::MemberRemove(pb::MemberRemoveRequest { id: id.0 }), None);
    net.run(5 * SECOND);
    assert!(net.replies[&(leader, call)][0].result.is_ok());
    assert_eq!(net.hosts[leader].exit, Some(0));
    let new = net.wait_leader();
    assert_ne!(new, leader);
    let status = net.status(new);
    assert_eq!((status.voters.len(), status.members.len()), (2, 2));
    net.put(new, "a", "1").expect("committed");
    net.agree();
}

/// The codec of the core is built without any tool but Rust.
#[test]
fn h17_the_build_needs_no_protoc() {
    let cargo = include_str!("../../../../.cargo/config.toml");
    assert!(cargo.contains("PROTOC = { value = \".cargo/protoc\", relative = true }"));
    let descriptors = include_bytes!("../../../../.cargo/eraftpb.bin");
    assert!(descriptors.len() > 1000);
    let wire = prost::Message::encode_to_vec(&HardState { term: 1, vote: 2, commit: 3 });
    assert_eq!(wire, [8, 1, 16, 2, 24, 3]);
}

/// What the core may ask of its storage is answered exactly; the model test is beside it.
#[test]
fn h18_a_member_far_behind_gets_a_snapshot_and_one_close_by_gets_entries() {
    let (mut net, behind) = lagging();
    net.start(behind);
    net.run(3 * SECOND);
    net.agree();
    let snapshots = net.sent.get(&MsgKind::Snapshot).copied().unwrap_or(0);
    assert!(snapshots >= 1);
    net.kill(behind);
    let leader = net.leader().expect("a leader");
    for n in 0..3 {
        net.put(leader, &format!("few{n}"), "v").expect("committed");
    }
    net.start(behind);
    net.run(3 * SECOND);
    net.agree();
    assert_eq!(net.sent.get(&MsgKind::Snapshot).copied().unwrap_or(0), snapshots);
    assert_eq!(config(0, 1).snapshot_count, 10_000);
}
