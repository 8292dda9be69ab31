//! Being born, restarting, stopping.

use super::harness::{Net, SECOND, get, put};
use crate::rpc::{Answer, Op};
use crate::status::Role;

#[test]
fn a_fresh_cluster_of_three_is_where_etcd_is() {
    let net = Net::new(3);
    for host in 0..3 {
        let status = net.status(host);
        assert_eq!((status.term, status.commit, status.applied), (2, 8, 8), "host {host}");
        assert_eq!((status.revision, status.members.len()), (1, 3));
        assert!(status.members.iter().all(|m| !m.name.is_empty() && !m.client_urls.is_empty()));
    }
}

#[test]
fn a_lone_member_leads_within_a_second() {
    let mut net = Net::off(1);
    net.start(0);
    net.run(SECOND + 200_000);
    let status = net.status(0);
    assert_eq!((status.role, status.term, status.commit), (Role::Leader, 2, 4));
}

#[test]
fn other_sizes_elect_a_leader_too() {
    for members in [2, 5, 7] {
        let mut net = Net::new(members);
        assert_eq!(net.put(0, "a", "1").expect("committed"), 2);
        net.agree();
    }
}

#[test]
fn a_fresh_database_has_etcds_size() {
    let mut net = Net::new(1);
    let Ok(Answer::Status(status)) = net.call(0, Op::Status) else { panic!("status answers") };
    assert_eq!((status.db_size, status.db_size_in_use), (20480, 16384));
    assert_eq!(status.version, "3.6.14");
    assert_eq!(status.storage_version, "3.6.0");
    assert_eq!(status.db_size_quota, 2_147_483_648);
}

#[test]
fn a_member_restarts_from_its_disk_alone() {
    let mut net = Net::new(3);
    for n in 0..50 {
        net.put(n % 3, &format!("k{n}"), "v").expect("committed");
    }
    for host in 0..3 {
        net.restart(host);
        net.run(3 * SECOND);
    }
    net.wait_leader();
    for host in 0..3 {
        assert_eq!(net.get(host, "k49").expect("read"), Some("v".to_owned()));
    }
    net.agree();
}

#[test]
fn a_cluster_survives_losing_its_power() {
    let mut net = Net::new(3);
    let mut last = 0;
    for n in 0..30 {
        last = net.put(0, &format!("k{n}"), "v").expect("committed");
    }
    for host in 0..3 {
        net.kill(host);
    }
    for host in 0..3 {
        net.start(host);
    }
    net.wait_leader();
    assert_eq!(net.get(1, "k29").expect("read"), Some("v".to_owned()));
    assert_eq!(net.status(1).revision, last);
    net.agree();
}

/// A leader that stops hands over: there is a new one long before an election timeout.
#[test]
fn sigterm_hands_the_leadership_over() {
    let mut net = Net::new(3);
    let leader = net.leader().expect("a leader");
    net.shutdown(leader);
    assert!(net.wait(SECOND / 2, |net| net.hosts[leader].exit == Some(0)));
    assert!(net.wait(SECOND / 2, |net| net.leader().is_some_and(|now| now != leader)));
    let new = net.leader().expect("a leader");
    net.put(new, "a", "1").expect("committed");
    net.start(leader);
    net.agree();
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = || {
        let mut net = Net::new(5);
        for n in 0..20 {
            net.put(n % 5, &format!("k{n}"), "v").expect("committed");
        }
        let leader = net.leader().expect("a leader");
        net.kill(leader);
        net.wait_leader();
        net.run(5 * SECOND);
        net.trace
    };
    assert_eq!(run(), run());
}

#[test]
fn a_cluster_of_another_id_is_refused() {
    let mut net = Net::new(3);
    let mut config = super::harness::config(0, 3);
    config.initial_cluster_token = "other".to_owned();
    config.name = "n4".to_owned();
    config.initial_cluster.push(("n4".to_owned(), vec!["http://n4:2380".to_owned()]));
    config.initial_advertise_peer_urls = vec!["http://n4:2380".to_owned()];
    let host = net.add_host(config);
    net.start(host);
    net.run(5 * SECOND);
    assert!(net.leader().is_some_and(|leader| leader != host));
    assert_eq!(net.status(host).leader, None);
}

#[test]
fn a_member_that_lost_its_disk_is_told_off() {
    let mut net = Net::new(3);
    net.put(0, "a", "1").expect("committed");
    net.kill(2);
    net.hosts[2].disk = Default::default();
    let refused = net.try_start(2).expect_err("it was here before");
    assert_eq!(refused.exit_code, 1);
    let text = refused.log.last().expect("it says why").to_json(0);
    assert!(text.contains("has already been bootstrapped"), "{text}");
    assert!(text.contains("\"caller\":\"etcdmain/etcd.go:183\",\"msg\":\"discovery failed\""));
}

#[test]
fn a_name_that_is_not_in_the_cluster_is_refused() {
    let mut net = Net::off(1);
    net.hosts[0].config.name = "nope".to_owned();
    let refused = net.try_start(0).expect_err("the name is unknown");
    let text = refused.log.last().expect("it says why").to_json(0);
    assert!(
        text.contains(r#"couldn't find local name \"nope\" in the initial cluster configuration"#)
    );
}

#[test]
fn a_damaged_log_is_refused_and_a_torn_one_repaired() {
    let mut net = Net::new(1);
    for n in 0..5 {
        net.put(0, &format!("k{n}"), "value").expect("committed");
    }
    net.put(0, "k5", &"x".repeat(2000)).expect("committed");
    net.kill(0);
    let name = "member/wal/0000000000000000-0000000000000000.wal";
    let (good, _) = net.hosts[0].disk.files[name].clone();
    let end = good.iter().rposition(|byte| *byte != 0).expect("something was written");
    // The last sectors were never written, as when the power fails in the middle of a write.
    let file = net.hosts[0].disk.files.get_mut(name).expect("the log");
    file.0.truncate((end - 700) / 512 * 512);
    net.applied.clear();
    net.start(0);
    net.run(3 * SECOND);
    assert_eq!(net.get(0, "k4").expect("read"), Some("value".to_owned()));
    net.kill(0);
    let file = net.hosts[0].disk.files.get_mut(name).expect("the log");
    let value = file.0.windows(5).position(|bytes| bytes == b"value").expect("a put");
    file.0[value] ^= 0x10;
    let refused = net.try_start(0).expect_err("the log is damaged");
    assert!(refused.log.iter().any(|line| line.to_json(0).contains("crc mismatch")));
}

#[test]
fn force_new_cluster_makes_one_of_three() {
    let mut net = Net::new(3);
    net.put(0, "a", "1").expect("committed");
    net.agree();
    net.run(SECOND);
    for host in 0..3 {
        net.kill(host);
    }
    net.hosts[1].config.force_new_cluster = true;
    // Another history begins here.
    net.applied.clear();
    net.start(1);
    net.run(3 * SECOND);
    let status = net.status(1);
    assert_eq!((status.role, status.members.len()), (Role::Leader, 1));
    assert_eq!(net.get(1, "a").expect("read"), Some("1".to_owned()));
    net.put(1, "b", "2").expect("committed alone");
    net.hosts[1].config.force_new_cluster = false;
    net.restart(1);
    net.run(3 * SECOND);
    assert_eq!(net.get(1, "b").expect("read"), Some("2".to_owned()));
}

#[test]
fn an_idle_member_asks_for_nothing_between_ticks() {
    let mut net = Net::new(3);
    net.run(5 * SECOND);
    for host in 0..3 {
        assert_eq!(net.member(host).next_wake_us(), None, "host {host}");
    }
    let Ok(Answer::Range(_)) = net.call(0, get("a", true)) else { panic!("a read answers") };
    let call = net.send(0, put("a", "1"), None);
    net.run(SECOND);
    assert!(net.replies.contains_key(&(0, call)));
}
