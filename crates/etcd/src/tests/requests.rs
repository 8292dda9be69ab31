//! What clients ask, and what they hear.

use super::harness::{Net, SECOND, get, put};
use crate::fact::Fact;
use crate::rpc::{Answer, Code, HttpAsk, Op};
use crate::{MsgKind, pb};

fn watch_from(key: &str, start_revision: i64) -> Op {
    let create = pb::WatchCreateRequest {
        key: key.as_bytes().to_vec().into(),
        start_revision,
        ..pb::WatchCreateRequest::default()
    };
    Op::WatchCreate { create, require_leader: true }
}

fn watched(net: &Net, host: usize, call: u64) -> Vec<pb::WatchResponse> {
    let replies = net.replies.get(&(host, call)).into_iter().flatten();
    let answers = replies.filter_map(|reply| match &reply.result {
        Ok(Answer::Watch(response)) => Some(response.clone()),
        _ => None,
    });
    answers.collect()
}

#[test]
fn reads_under_a_partition() {
    let mut net = Net::new(3);
    let old = net.leader().expect("a leader");
    net.put(old, "a", "old").expect("committed");
    net.agree();
    net.partition(&[old]);
    assert!(net.wait(10 * SECOND, |net| net.leader().is_some_and(|now| now != old)));
    let new = net.leader().expect("a new leader");
    net.put(new, "a", "new").expect("the majority commits");
    let Ok(Answer::Range(stale)) = net.call(old, get("a", true)) else { panic!("it answers") };
    assert_eq!(stale.kvs[0].value.as_ref(), b"old", "a serializable read may be old");
    let error = net.call_within(old, get("a", false), Some(5 * SECOND)).expect_err("no quorum");
    assert_eq!(error.code, Code::DeadlineExceeded);
    let error = net.call_within(old, get("a", false), None).expect_err("no quorum");
    assert_eq!(error.message, "etcdserver: request timed out");
    net.heal();
    net.run(3 * SECOND);
    assert_eq!(net.get(old, "a").expect("read"), Some("new".to_owned()));
}

#[test]
fn what_still_works_without_a_quorum() {
    let mut net = Net::new(3);
    let survivor = net.leader().expect("a leader");
    net.put(survivor, "a", "1").expect("committed");
    let watch = net.send(survivor, watch_from("a", 0), None);
    for host in (0..3).filter(|host| *host != survivor) {
        net.kill(host);
    }
    net.run(2 * SECOND);
    let stepped_down = |fact: &Fact| match fact {
        Fact::QuorumLost { heard, voters, .. } => heard.len() == 1 && voters.len() == 3,
        _ => false,
    };
    assert!(net.facts.iter().any(|(host, fact)| *host == survivor && stepped_down(fact)));
    let Ok(Answer::Status(status)) = net.call(survivor, Op::Status) else { panic!("it answers") };
    assert_eq!(
        (status.leader, status.errors.as_slice()),
        (0, &["etcdserver: no leader".to_owned()][..])
    );
    let list = |linearizable| Op::MemberList(pb::MemberListRequest { linearizable });
    assert!(net.call(survivor, list(false)).is_ok());
    assert!(net.call(survivor, Op::LeaseLeases).is_ok());
    assert!(net.call(survivor, Op::Defragment).is_ok());
    assert!(net.call(survivor, Op::HashKv(pb::HashKvRequest::default())).is_ok());
    let add =
        pb::MemberAddRequest { peer_urls: vec!["http://n9:2380".to_owned()], is_learner: false };
    let error = net.call(survivor, Op::MemberAdd(add)).expect_err("refused at once");
    assert_eq!(error.message, "etcdserver: unhealthy cluster");
    let error = net.call(survivor, watch_from("a", 0)).expect_err("it requires a leader");
    assert_eq!((error.message.as_str(), error.code), ("etcdserver: no leader", Code::Unavailable));
    net.run(4 * SECOND);
    let last = net.replies[&(survivor, watch)].last().expect("the watch ended").clone();
    assert_eq!(last.result.expect_err("for lack of a leader").message, "etcdserver: no leader");
    assert!(last.done);
    let ttl = Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id: 7, keys: false });
    let error = net.call_within(survivor, ttl, None).expect_err("only the leader knows");
    assert_eq!(error.message, "etcdserver: no leader");
    let error = net.call(survivor, Op::MoveLeader(pb::MoveLeaderRequest { target_id: 1 }));
    assert_eq!(error.expect_err("it does not lead").message, "etcdserver: not leader");
}

#[test]
fn a_watch_hears_history_and_what_comes() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.put(leader, "a", "1").expect("committed");
    net.put(leader, "a", "2").expect("committed");
    let host = net.follower();
    net.run(SECOND);
    let call = net.send(host, watch_from("a", 2), None);
    net.run(SECOND);
    net.put(leader, "a", "3").expect("committed");
    net.put(leader, "b", "x").expect("committed");
    net.run(SECOND);
    let responses = watched(&net, host, call);
    assert!(responses[0].created);
    let values: Vec<String> = responses
        .iter()
        .flat_map(|r| &r.events)
        .filter_map(|e| e.kv.as_ref())
        .map(|kv| String::from_utf8_lossy(&kv.value).into_owned())
        .collect();
    assert_eq!(values, ["1", "2", "3"]);
    net.send_on(host, call, Op::WatchProgress, None);
    net.run(SECOND);
    let progress = watched(&net, host, call).pop().expect("a notice");
    assert_eq!((progress.watch_id, progress.events.len()), (-1, 0));
    assert_eq!(progress.header.map(|h| h.revision), Some(5));
    net.send_on(host, call, Op::WatchCancel { watch_id: responses[0].watch_id }, None);
    assert!(watched(&net, host, call).pop().expect("an end").canceled);
}

#[test]
fn a_watch_below_the_compacted_revision_is_cancelled() {
    let mut net = Net::new(1);
    for n in 0..5 {
        net.put(0, "a", &n.to_string()).expect("committed");
    }
    let compact = pb::CompactionRequest { revision: 4, physical: true };
    net.call(0, Op::Compact(compact.clone())).expect("compacted");
    let call = net.send(0, watch_from("a", 2), None);
    net.run(SECOND);
    let last = watched(&net, 0, call).pop().expect("a response");
    assert!(last.canceled);
    assert_eq!(last.compact_revision, 4);
    let error = net.call(0, Op::Compact(compact)).expect_err("again");
    assert_eq!(error.message, "etcdserver: mvcc: required revision has been compacted");
}

fn grant(net: &mut Net, host: usize, ttl: i64) -> i64 {
    let request = pb::LeaseGrantRequest { ttl, id: 0 };
    match net.call(host, Op::LeaseGrant(request)) {
        Ok(Answer::LeaseGrant(granted)) => granted.id,
        other => panic!("a grant answers a grant: {other:?}"),
    }
}

#[test]
fn a_lease_ends_and_takes_its_keys_along() {
    let mut net = Net::new(3);
    let host = net.follower();
    let lease = grant(&mut net, host, 5);
    let member = net.member(host).id().0 & 0x7fff;
    assert_eq!(lease.cast_unsigned() >> 48, member, "ids begin with the member's");
    let with_lease = pb::PutRequest {
        key: "l".as_bytes().into(),
        value: "v".as_bytes().into(),
        lease,
        ..pb::PutRequest::default()
    };
    net.call(host, Op::Put(with_lease)).expect("committed");
    net.run(4 * SECOND);
    assert!(net.get(host, "l").expect("read").is_some(), "it lasts its time");
    net.run(3 * SECOND);
    assert_eq!(net.get(host, "l").expect("read"), None);
    assert!(net.facts.iter().any(|(_, fact)| *fact == Fact::LeaseExpired { lease }));
}

#[test]
fn a_lease_is_kept_alive_through_any_member() {
    let mut net = Net::new(3);
    let follower = net.follower();
    let leader = net.leader().expect("a leader");
    let lease = grant(&mut net, follower, 3);
    for round in 0..6 {
        let host = if round % 2 == 0 { follower } else { leader };
        let alive = Op::LeaseKeepAlive(pb::LeaseKeepAliveRequest { id: lease });
        let Ok(Answer::LeaseKeepAlive(answer)) = net.call(host, alive) else {
            panic!("it answers")
        };
        assert_eq!(answer.ttl, 3);
        net.run(SECOND * 3 / 2);
    }
    let ask = |keys| Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id: lease, keys });
    for host in 0..3 {
        let Ok(Answer::LeaseTimeToLive(state)) = net.call(host, ask(true)) else {
            panic!("answers")
        };
        assert_eq!(state.granted_ttl, 3);
        assert!((0..=3).contains(&state.ttl), "{}", state.ttl);
    }
    net.run(6 * SECOND);
    let Ok(Answer::LeaseTimeToLive(state)) = net.call(follower, ask(false)) else {
        panic!("answers")
    };
    assert_eq!((state.ttl, state.granted_ttl), (-1, 0));
    let alive = Op::LeaseKeepAlive(pb::LeaseKeepAliveRequest { id: lease });
    let Ok(Answer::LeaseKeepAlive(answer)) = net.call(follower, alive) else {
        panic!("it answers")
    };
    assert_eq!(answer.ttl, 0);
}

#[test]
fn a_new_leader_gives_leases_their_full_time() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let lease = grant(&mut net, leader, 10);
    net.run(8 * SECOND);
    net.kill(leader);
    net.run(4 * SECOND);
    let new = net.wait_leader();
    let ask = Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id: lease, keys: false });
    let Ok(Answer::LeaseTimeToLive(state)) = net.call(new, ask) else { panic!("it answers") };
    assert!(state.ttl > 5, "{}", state.ttl);
}

#[test]
fn requests_that_are_too_large_never_enter_the_log() {
    let mut net = Net::new(1);
    let before = net.status(0).last_index;
    let error = net.call(0, put("a", &"x".repeat(1_600_000))).expect_err("1.5 MiB is the limit");
    assert_eq!(
        (error.message.as_str(), error.code),
        ("etcdserver: request is too large", Code::InvalidArgument)
    );
    let error = net.call(0, put("", "x")).expect_err("a key is needed");
    assert_eq!(error.message, "etcdserver: key is not provided");
    assert_eq!(net.status(0).last_index, before);
}

#[test]
fn a_full_database_raises_the_alarm_until_it_is_disarmed() {
    let mut net = Net::off(3);
    for host in &mut net.hosts {
        host.config.quota_bytes = 200_000;
    }
    for host in 0..3 {
        net.start(host);
    }
    net.run(6 * SECOND);
    let leader = net.leader().expect("a leader");
    let text = "etcdserver: mvcc: database space exceeded";
    let mut failed = None;
    for n in 0..100 {
        if let Err(error) = net.put(leader, "a", &format!("{n}{}", "x".repeat(8000))) {
            failed = Some(error);
            break;
        }
        net.run(200_000);
    }
    let error = failed.expect("the quota is reached");
    assert_eq!((error.message.as_str(), error.code), (text, Code::ResourceExhausted));
    let error = net.put(net.follower(), "b", "1").expect_err("everybody refuses");
    assert_eq!(error.message, text);
    let list = Op::Alarm(pb::AlarmRequest::default());
    let Ok(Answer::Alarm(alarms)) = net.call(leader, list) else { panic!("it answers") };
    assert!(!alarms.alarms.is_empty());
    let Ok(Answer::Status(status)) = net.call(leader, Op::Status) else { panic!("it answers") };
    assert!(status.errors[0].ends_with("alarm:NOSPACE "), "{:?}", status.errors);
    let revision = net.status(leader).revision;
    net.call(leader, Op::Compact(pb::CompactionRequest { revision, physical: true }))
        .expect("allowed");
    for host in 0..3 {
        net.call(host, Op::Defragment).expect("allowed");
    }
    for alarm in alarms.alarms {
        let disarm = pb::AlarmRequest {
            action: pb::AlarmAction::Deactivate.into(),
            member_id: alarm.member_id,
            alarm: alarm.alarm,
        };
        net.call(leader, Op::Alarm(disarm)).expect("disarmed");
    }
    net.put(leader, "b", "1").expect("there is room again");
    net.restart(leader);
    net.run(4 * SECOND);
    net.agree();
}

#[test]
fn leadership_moves_where_it_is_told() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let to = net.follower();
    let target_id = net.member(to).id().0;
    let index = net.status(leader).last_index;
    net.call(leader, Op::MoveLeader(pb::MoveLeaderRequest { target_id })).expect("moved");
    net.run(SECOND);
    assert_eq!(net.leader(), Some(to));
    assert_eq!((net.status(to).term, net.status(to).last_index), (3, index + 1));
    let same = Op::MoveLeader(pb::MoveLeaderRequest { target_id });
    assert!(net.call(to, same).is_ok(), "to itself it succeeds too");
    let unknown = Op::MoveLeader(pb::MoveLeaderRequest { target_id: 0x1234 });
    let error = net.call(to, unknown).expect_err("nobody of that name");
    assert_eq!(error.message, "etcdserver: bad leader transferee");
}

#[test]
fn a_snapshot_for_a_client_ends_with_its_sum() {
    use sha2::{Digest, Sha256};
    let mut net = Net::new(1);
    for n in 0..50 {
        net.put(0, &format!("k{n}"), &"v".repeat(2000)).expect("committed");
    }
    let call = net.send(0, Op::Snapshot, None);
    net.run(SECOND);
    let replies = net.replies.remove(&(0, call)).expect("it is sent");
    let mut bytes = Vec::new();
    for reply in &replies {
        let Ok(Answer::Snapshot(piece)) = &reply.result else { panic!("a piece") };
        bytes.extend_from_slice(&piece.blob);
    }
    let (db, sum) = bytes.split_at(bytes.len() - 32);
    assert_eq!(Sha256::digest(db).as_slice(), sum);
    assert_eq!(db.len() % 4096, 0);
    assert!(bolt::check(&db.to_vec()).is_empty());
    assert!(replies.last().is_some_and(|reply| reply.done));
}

#[test]
fn a_fresh_store_hashes_to_etcds_number() {
    let mut net = Net::new(3);
    for host in 0..3 {
        let ask = Op::HashKv(pb::HashKvRequest::default());
        let Ok(Answer::HashKv(hash)) = net.call(host, ask) else { panic!("it answers") };
        assert_eq!((hash.hash, hash.compact_revision, hash.hash_revision), (1_084_519_789, -1, 1));
    }
}

#[test]
fn a_leader_that_dies_with_a_proposal_says_so() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    let host = net.follower();
    net.lose.insert(MsgKind::AppendResponse);
    let call = net.send(host, put("a", "1"), None);
    net.run(10_000);
    net.kill(leader);
    net.lose.clear();
    net.run(10 * SECOND);
    let reply = net.replies[&(host, call)][0].clone();
    // Either the new leader had the entry and committed it, or nobody will ever know.
    if let Err(error) = reply.result {
        assert!(error.message.starts_with("etcdserver: request timed out"), "{error:?}");
    }
}

/// Many clients at once share writes of the log.
#[test]
fn proposals_gather_while_the_disk_is_busy() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.sent.clear();
    let calls: Vec<u64> =
        (0..256).map(|n| net.send(leader, put(&format!("k{n}"), "v"), None)).collect();
    net.run(SECOND);
    assert!(calls.iter().all(|call| net.replies.contains_key(&(leader, *call))));
    let appends = net.sent[&MsgKind::Append];
    assert!(appends < 40, "{appends} messages for 256 puts");
}

fn asked(net: &mut Net, host: usize, path: &str) -> (u16, String) {
    let ask = HttpAsk { method: "GET".to_owned(), path: path.to_owned() };
    match net.call(host, Op::Http(ask)) {
        Ok(Answer::Http(answer)) => (answer.status, answer.body),
        other => panic!("HTTP is answered over HTTP: {other:?}"),
    }
}

#[test]
fn health_and_metrics_over_http() {
    let mut net = Net::new(3);
    net.put(0, "a", "1").expect("committed");
    net.agree();
    let well = "{\"health\":\"true\",\"reason\":\"\"}".to_owned();
    assert_eq!(asked(&mut net, 0, "/health"), (200, well.clone()));
    assert_eq!(asked(&mut net, 0, "/readyz"), (200, "ok\n".to_owned()));
    let all = "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n\
               [+]non_learner ok\nok\n";
    assert_eq!(asked(&mut net, 0, "/readyz?verbose"), (200, all.to_owned()));
    assert_eq!(asked(&mut net, 0, "/nosuch"), (404, "404 page not found\n".to_owned()));
    let versions = "{\"etcdserver\":\"3.6.14\",\"etcdcluster\":\"3.6.0\",\"storage\":\"3.6.0\"}";
    assert_eq!(asked(&mut net, 0, "/version"), (200, versions.to_owned()));
    let (status, metrics) = asked(&mut net, 0, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "etcd_server_has_leader 1\n",
        "etcd_debugging_mvcc_keys_total 1\n",
        "etcd_mvcc_put_total 1\n",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    let survivor = net.leader().expect("a leader");
    for host in (0..3).filter(|host| *host != survivor) {
        net.kill(host);
    }
    net.run(3 * SECOND);
    let sick = "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n".to_owned();
    assert_eq!(asked(&mut net, survivor, "/health"), (503, sick));
    assert_eq!(asked(&mut net, survivor, "/health?serializable=true"), (200, well));
    assert_eq!(asked(&mut net, survivor, "/livez").0, 200);
    let (status, report) = asked(&mut net, survivor, "/readyz");
    assert_eq!(status, 503);
    assert!(report.contains("[-]linearizable_read failed: "), "{report}");
}
