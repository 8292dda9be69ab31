//! The membership of a living cluster.

use super::harness::{Net, SECOND, config, get, put};
use crate::rpc::{Answer, Code, Op};
use crate::status::Role;
use crate::{InitialState, pb};

fn add(host: usize, is_learner: bool) -> Op {
    let peer_urls = vec![format!("http://n{}:2380", host + 1)];
    Op::MemberAdd(pb::MemberAddRequest { peer_urls, is_learner })
}

fn remove(id: crate::MemberId) -> Op {
    Op::MemberRemove(pb::MemberRemoveRequest { id: id.0 })
}

fn refused(net: &mut Net, host: usize, op: Op) -> (String, Code) {
    let error = net.call(host, op).expect_err("the change is refused");
    (error.message, error.code)
}

#[test]
fn a_cluster_grows_from_one_to_five_through_learners() {
    let mut net = Net::new(1);
    for size in 2..=5 {
        let leader = net.wait_leader();
        let learner = net.join(leader, true);
        net.run(6 * SECOND);
        assert_eq!(net.status(learner).role, Role::Learner);
        let id = net.member(learner).id();
        let promote = Op::MemberPromote(pb::MemberPromoteRequest { id: id.0 });
        // Any voter forwards the promotion to the leader.
        let at = if size % 2 == 0 { leader } else { net.follower() };
        let at = if net.status(at).is_learner { leader } else { at };
        net.call(at, promote).expect("promoted");
        net.put(leader, &format!("k{size}"), "v").expect("committed");
        net.run(6 * SECOND);
        assert_eq!(net.status(learner).voters.len(), size);
        assert!(net.member(learner).is_ready());
    }
    net.agree();
}

#[test]
fn a_voter_may_join_directly() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.put(leader, "a", "1").expect("committed");
    let new = net.join(leader, false);
    net.run(6 * SECOND);
    assert_eq!(net.get(new, "a").expect("read"), Some("1".to_owned()));
    assert_eq!(net.status(new).voters.len(), 4);
    assert!(net.member(new).is_ready());
    assert_eq!(net.status(new).term, 2, "nobody was disturbed");
}

#[test]
fn in_the_first_five_seconds_everybody_counts_as_away() {
    let mut net = Net::off(3);
    for host in 0..3 {
        net.start(host);
    }
    net.run(3 * SECOND);
    let leader = net.leader().expect("a leader");
    let unhealthy = ("etcdserver: unhealthy cluster".to_owned(), Code::Unavailable);
    assert_eq!(refused(&mut net, leader, add(3, false)), unhealthy);
    let other = net.member(net.follower()).id();
    assert_eq!(refused(&mut net, leader, remove(other)), unhealthy);
    net.run(3 * SECOND);
    net.call(leader, add(3, false)).expect("now it may");
}

#[test]
fn with_one_of_three_down_nobody_is_added() {
    let mut net = Net::new(3);
    let down = net.follower();
    let id = net.member(down).id();
    net.kill(down);
    net.run(SECOND);
    let leader = net.leader().expect("a leader");
    let unhealthy = ("etcdserver: unhealthy cluster".to_owned(), Code::Unavailable);
    assert_eq!(refused(&mut net, leader, add(3, false)), unhealthy);
    assert_eq!(refused(&mut net, leader, add(3, true)), unhealthy);
    net.call(leader, remove(id)).expect("a member that is down may go");
    assert_eq!(net.status(leader).voters.len(), 2);
}

#[test]
fn with_one_of_five_down_one_may_be_added() {
    let mut net = Net::new(5);
    let down = net.follower();
    net.kill(down);
    net.run(SECOND);
    let leader = net.leader().expect("a leader");
    net.call(leader, add(5, false)).expect("four of six are a quorum");
}

#[test]
fn unstarted_members_count_against_the_next() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.call(leader, add(3, false)).expect("the first");
    net.call(leader, add(4, false)).expect("the second");
    let text = "etcdserver: re-configuration failed due to not enough started members";
    assert_eq!(refused(&mut net, leader, add(5, false)), (text.to_owned(), Code::Unknown));
}

#[test]
fn the_texts_of_refusals() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let own = net.member(leader).id();
    let promote = |id| Op::MemberPromote(pb::MemberPromoteRequest { id });
    let update = |id: u64, host: usize| {
        let peer_urls = vec![format!("http://n{}:2380", host + 1)];
        Op::MemberUpdate(pb::MemberUpdateRequest { id, peer_urls })
    };
    let rows = [
        (add(1, false), "etcdserver: Peer URLs already exists", Code::FailedPrecondition),
        (remove(crate::MemberId(0x1234)), "etcdserver: member not found", Code::NotFound),
        (update(0x1234, 7), "etcdserver: member not found", Code::NotFound),
        (promote(0x1234), "etcdserver: member not found", Code::NotFound),
        (promote(own.0), "etcdserver: can only promote a learner member", Code::FailedPrecondition),
    ];
    for (op, text, code) in rows {
        assert_eq!(refused(&mut net, leader, op), (text.to_owned(), code));
    }
    net.call(leader, add(3, true)).expect("one learner");
    let text = "etcdserver: too many learner members in cluster";
    assert_eq!(
        refused(&mut net, leader, add(4, true)),
        (text.to_owned(), Code::FailedPrecondition)
    );
    let mut net = Net::new(1);
    let text = "etcdserver: re-configuration failed due to not enough started members";
    let own = net.member(0).id();
    assert_eq!(refused(&mut net, 0, remove(own)), (text.to_owned(), Code::Unknown));
}

#[test]
fn a_learner_serves_what_a_learner_serves() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.put(leader, "a", "1").expect("committed");
    let learner = net.join(leader, true);
    net.run(3 * SECOND);
    let text = "etcdserver: rpc not supported for learner".to_owned();
    let list = Op::MemberList(pb::MemberListRequest { linearizable: true });
    for op in [get("a", false), put("a", "2"), list] {
        assert_eq!(refused(&mut net, learner, op), (text.clone(), Code::FailedPrecondition));
    }
    let Ok(Answer::Range(range)) = net.call(learner, get("a", true)) else { panic!("it reads") };
    assert_eq!(range.kvs.len(), 1);
    let Ok(Answer::Status(status)) = net.call(learner, Op::Status) else { panic!("it answers") };
    assert!(status.is_learner);
    let target_id = net.member(learner).id().0;
    let to = Op::MoveLeader(pb::MoveLeaderRequest { target_id });
    let text = "etcdserver: bad leader transferee".to_owned();
    assert_eq!(refused(&mut net, leader, to), (text, Code::FailedPrecondition));
}

#[test]
fn a_stranger_may_not_join() {
    let mut net = Net::new(3);
    let mut config = config(3, 4);
    config.initial_cluster_state = InitialState::Existing;
    let host = net.add_host(config);
    let refused = net.try_start(host).expect_err("nobody added it");
    let text = refused.log.last().expect("it says why").to_json(0);
    assert!(text.contains("error validating peerURLs {ClusterID:"), "{text}");
    assert!(text.contains("RemovedMemberIDs:[]}: member count is unequal"), "{text}");
    assert_eq!(refused.exit_code, 1);
}

/// A member that was away when it was removed finds out from the others, and stops.
#[test]
fn a_member_removed_while_it_was_down_stops_when_it_returns() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let away = net.follower();
    let id = net.member(away).id();
    net.kill(away);
    net.run(SECOND);
    net.call(leader, remove(id)).expect("removed");
    net.start(away);
    net.run(5 * SECOND);
    assert_eq!(net.hosts[away].exit, Some(0));
    let said = |text: &str| net.hosts[away].log.iter().any(|line| line.contains(text));
    assert!(said("the member has been permanently removed from the cluster"));
}

#[test]
fn a_members_urls_are_updated() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let id = net.member(net.follower()).id();
    let peer_urls = vec!["http://elsewhere:2380".to_owned()];
    let update =
        Op::MemberUpdate(pb::MemberUpdateRequest { id: id.0, peer_urls: peer_urls.clone() });
    let Ok(Answer::Members(list)) = net.call(leader, update) else { panic!("updated") };
    let member = list.members.iter().find(|m| m.id == id.0).expect("it is listed");
    assert_eq!(member.peer_urls, peer_urls);
    assert!(!member.name.is_empty(), "the name stays");
    assert_eq!(list.header.map(|h| h.revision), Some(0));
}
