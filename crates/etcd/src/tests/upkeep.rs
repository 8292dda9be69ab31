//! What members do by themselves: forget history, compare their data, note what leases have
//! left.

use super::harness::{Net, SECOND, get, put};
use crate::compactor::AutoCompaction;
use crate::pb;
use crate::rpc::{Answer, Op};

fn started(members: usize, change: impl Fn(&mut crate::Config)) -> Net {
    let mut net = Net::off(members);
    for host in 0..members {
        change(&mut net.hosts[host].config);
        net.start(host);
    }
    net.run(6 * SECOND);
    net.wait_leader();
    net
}

#[test]
fn periodic_compaction_keeps_one_period() {
    let mode = AutoCompaction::Periodic { period_us: 20 * SECOND };
    let mut net = started(3, |config| config.auto_compaction = mode);
    for round in 0..30 {
        net.put(0, "a", &round.to_string()).expect("committed");
        net.run(2 * SECOND);
    }
    net.agree();
    for host in 0..3 {
        let status = net.status(host);
        let kept = status.revision - status.compacted;
        assert!((8..=22).contains(&kept), "{kept} revisions are kept");
    }
    net.run(60 * SECOND);
    let status = net.status(0);
    assert_eq!(status.compacted, status.revision, "nothing new for a whole period");
    let log = net.hosts.iter().flat_map(|host| &host.log);
    assert!(log.clone().any(|line| line.contains("completed auto periodic compaction")));
    assert!(!log.clone().any(|line| line.contains("failed auto periodic")));
}

#[test]
fn compaction_by_revision_keeps_the_newest() {
    let mode = AutoCompaction::Revision { retention: 5 };
    let mut net = started(1, |config| config.auto_compaction = mode);
    for round in 0..20 {
        net.put(0, "a", &round.to_string()).expect("committed");
    }
    assert_eq!(net.status(0).compacted, -1, "not before five minutes");
    net.run(301 * SECOND);
    assert_eq!(net.status(0).compacted, 16);
}

/// Gives every member a write behind the back of the log, and this one another value: what a
/// damaged disk would do.
fn damage(net: &mut Net, host: usize) {
    net.damaged = true;
    for (at, other) in net.hosts.iter_mut().enumerate() {
        let member = other.member.as_mut().expect("the host is up");
        let value = if at == host { "damaged" } else { "well" };
        let put = pb::PutRequest { key: "d".into(), value: value.into(), ..Default::default() };
        member.store.put(&put).expect("nothing stands in its way");
    }
}

fn alarms(net: &mut Net, host: usize) -> Vec<(u64, pb::AlarmType)> {
    let Ok(Answer::Alarm(answer)) = net.call(host, Op::Alarm(pb::AlarmRequest::default())) else {
        panic!("alarms are told")
    };
    answer.alarms.iter().map(|alarm| (alarm.member_id, alarm.alarm())).collect()
}

#[test]
fn a_member_with_other_data_is_found_and_named() {
    let mut net = started(3, |config| config.corrupt_check_us = 10 * SECOND);
    net.put(0, "a", "1").expect("committed");
    net.run(30 * SECOND);
    assert_eq!(alarms(&mut net, 0), [], "all agree");
    let wrong = net.follower();
    damage(&mut net, wrong);
    net.run(30 * SECOND);
    let id = net.member(wrong).id().0;
    assert_eq!(alarms(&mut net, 0), [(id, pb::AlarmType::Corrupt)]);
    let refused = net.call(0, put("a", "2")).expect_err("writes are refused");
    assert_eq!(refused.message, "etcdserver: corrupt cluster");
    assert!(net.call(0, get("a", false)).is_ok(), "reads are not");
    let disarm = pb::AlarmRequest {
        action: pb::AlarmAction::Deactivate.into(),
        member_id: id,
        alarm: pb::AlarmType::Corrupt.into(),
    };
    net.call(0, Op::Alarm(disarm)).expect("switched off");
    net.put(0, "a", "2").expect("writes go on");
}

#[test]
fn hashes_of_compactions_are_compared() {
    let mut net = started(3, |config| {
        config.compact_hash_check = true;
        config.compact_hash_check_us = 10 * SECOND;
    });
    for value in ["1", "2", "3"] {
        net.put(0, "a", value).expect("committed");
    }
    let wrong = net.follower();
    damage(&mut net, wrong);
    net.put(0, "a", "4").expect("committed");
    net.call(0, Op::Compact(pb::CompactionRequest { revision: 6, physical: true })).expect("done");
    net.run(40 * SECOND);
    let id = net.member(wrong).id().0;
    assert_eq!(alarms(&mut net, 0), [(id, pb::AlarmType::Corrupt)]);
}

#[test]
fn a_member_that_differs_does_not_start_with_the_check() {
    let mut net = started(3, |config| config.initial_corrupt_check = true);
    net.put(0, "a", "1").expect("committed");
    net.agree();
    damage(&mut net, 9);
    let answers = |net: &Net, revision| {
        [0, 1].map(|host| {
            let member = net.member(host);
            (member.id(), member.peer_hash(revision).expect("it is there"))
        })
    };
    let all = answers(&net, 3);
    let member = net.hosts[2].member.as_mut().expect("up");
    member.initial_check(&all).expect("all agree");
    damage(&mut net, 2);
    let all = answers(&net, 4);
    let member = net.hosts[2].member.as_mut().expect("up");
    let error = member.initial_check(&all).expect_err("it differs");
    assert_eq!(error.exit_code, 1);
    let last = error.log.last().expect("it says why").to_json(0);
    assert!(last.contains("found data inconsistency with peers"), "{last}");
}

#[test]
fn a_checkpoint_tells_the_next_leader_what_a_lease_has_left() {
    let mut net = started(3, |config| config.lease_checkpoint = true);
    let grant = Op::LeaseGrant(pb::LeaseGrantRequest { ttl: 1000, id: 7 });
    net.call(0, grant).expect("granted");
    net.run(700 * SECOND);
    let old = net.leader().expect("a leader");
    net.kill(old);
    let new = net.wait_leader();
    net.run(SECOND);
    let ask = Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id: 7, keys: false });
    let Ok(Answer::LeaseTimeToLive(answer)) = net.call(new, ask) else { panic!("it is told") };
    assert!((250..=450).contains(&answer.ttl), "{} of 1000 s are left", answer.ttl);
    let alive = Op::LeaseKeepAlive(pb::LeaseKeepAliveRequest { id: 7 });
    let Ok(Answer::LeaseKeepAlive(answer)) = net.call(new, alive) else { panic!("it lives on") };
    assert_eq!(answer.ttl, 1000);
}
