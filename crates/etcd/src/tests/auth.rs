//! Users and roles through a cluster: who may do what, on every member, over restarts.

use super::harness::{Net, SECOND, get, put};
use crate::pb;
use crate::rpc::{Answer, Code, Op};

fn user(name: &str, password: &str) -> Op {
    let (name, password) = (name.to_owned(), password.to_owned());
    Op::UserAdd(pb::AuthUserAddRequest { name, password, ..Default::default() })
}

fn grant_role(user: &str, role: &str) -> Op {
    let (user, role) = (user.to_owned(), role.to_owned());
    Op::UserGrantRole(pb::AuthUserGrantRoleRequest { user, role })
}

fn grant(role: &str, kind: pb::PermissionType, key: &'static str, end: &'static [u8]) -> Op {
    let perm = pb::Permission {
        perm_type: kind.into(),
        key: key.as_bytes().into(),
        range_end: end.into(),
    };
    Op::RoleGrantPermission(pb::AuthRoleGrantPermissionRequest {
        name: role.to_owned(),
        perm: Some(perm),
    })
}

/// root with password `r`, alice with `a`, who may read `a` to `c` and write `b`.
fn guarded(members: usize) -> Net {
    let mut net = Net::new(members);
    for host in &mut net.hosts {
        host.config.bcrypt_cost = 4;
    }
    let role = || Op::RoleAdd(pb::AuthRoleAddRequest { name: "some".to_owned() });
    let ops = [
        user("root", "r"),
        user("alice", "a"),
        grant_role("root", "root"),
        role(),
        grant("some", pb::PermissionType::Read, "a", b"c"),
        grant("some", pb::PermissionType::Write, "b", b""),
        grant_role("alice", "some"),
    ];
    for op in ops {
        net.call(0, op).expect("it is done");
    }
    for key in ["a", "b", "z"] {
        net.put(0, key, "1").expect("auth is off");
    }
    net.call(0, Op::AuthEnable).expect("root is there");
    net
}

fn login(net: &mut Net, host: usize, name: &str, password: &str) -> Result<(), String> {
    net.token = String::new();
    let (name, password) = (name.to_owned(), password.to_owned());
    match net.call(host, Op::Authenticate(pb::AuthenticateRequest { name, password })) {
        Ok(Answer::Authenticate(answer)) => {
            net.token = answer.token;
            Ok(())
        }
        Ok(other) => panic!("not an answer to a login: {other:?}"),
        Err(status) => Err(format!("{}: {}", status.code, status.message)),
    }
}

fn refused(net: &mut Net, host: usize, op: Op) -> String {
    let status = net.call(host, op).expect_err("it is refused");
    format!("{}: {}", status.code, status.message)
}

#[test]
fn auth_needs_root_and_its_role() {
    let mut net = Net::new(1);
    let text = refused(&mut net, 0, Op::AuthEnable);
    assert_eq!(text, "FailedPrecondition: etcdserver: root user does not exist");
    net.call(0, user("root", "r")).expect("added");
    let text = refused(&mut net, 0, Op::AuthEnable);
    assert_eq!(text, "FailedPrecondition: etcdserver: root user does not have root role");
    let text = refused(&mut net, 0, user("root", "x"));
    assert_eq!(text, "FailedPrecondition: etcdserver: user name already exists");
    let text = refused(&mut net, 0, grant_role("root", "nosuch"));
    assert_eq!(text, "FailedPrecondition: etcdserver: role name not found");
    let text = refused(&mut net, 0, user("", "x"));
    assert_eq!(text, "InvalidArgument: etcdserver: user name is empty");
    let text = login(&mut net, 0, "root", "r").expect_err("auth is off");
    assert_eq!(text, "FailedPrecondition: etcdserver: authentication is not enabled");
}

#[test]
fn everybody_may_do_what_his_roles_allow() {
    let mut net = guarded(1);
    assert_eq!(
        refused(&mut net, 0, get("a", false)),
        "InvalidArgument: etcdserver: user name is empty"
    );
    let wrong = login(&mut net, 0, "alice", "x").expect_err("a wrong password");
    assert_eq!(
        wrong,
        "InvalidArgument: etcdserver: authentication failed, invalid user ID or password"
    );
    login(&mut net, 0, "alice", "a").expect("right");
    assert_eq!(net.get(0, "a").expect("allowed"), Some("1".to_owned()));
    net.put(0, "b", "2").expect("allowed");
    let denied = "PermissionDenied: etcdserver: permission denied";
    for op in [
        get("z", false),
        get("z", true),
        put("a", "2"),
        Op::AuthDisable,
        Op::UserList,
        Op::Defragment,
    ] {
        assert_eq!(refused(&mut net, 0, op), denied);
    }
    let own = pb::AuthUserGetRequest { name: "alice".to_owned() };
    let Ok(Answer::UserGet(answer)) = net.call(0, Op::UserGet(own)) else { panic!("her own") };
    assert_eq!(answer.roles, ["some"]);
    let other = pb::AuthUserGetRequest { name: "root".to_owned() };
    assert_eq!(refused(&mut net, 0, Op::UserGet(other)), denied);
    let range = |end: &'static [u8]| {
        Op::Range(pb::RangeRequest { key: "a".into(), range_end: end.into(), ..Default::default() })
    };
    assert!(net.call(0, range(b"c")).is_ok());
    assert_eq!(refused(&mut net, 0, range(b"d")), denied);
    net.token = "nonsense".to_owned();
    let text = refused(&mut net, 0, get("a", false));
    assert_eq!(text, "Unauthenticated: etcdserver: invalid auth token");
    login(&mut net, 0, "root", "r").expect("right");
    net.put(0, "z", "2").expect("root may");
    net.call(0, Op::AuthDisable).expect("root may");
    net.token = String::new();
    assert_eq!(net.get(0, "z").expect("auth is off"), Some("2".to_owned()));
}

#[test]
fn a_lease_belongs_to_who_may_write_its_keys() {
    let mut net = guarded(1);
    login(&mut net, 0, "root", "r").expect("right");
    let grant = Op::LeaseGrant(pb::LeaseGrantRequest { ttl: 60, id: 7 });
    net.call(0, grant).expect("granted");
    let leased = |key: &'static str| {
        Op::Put(pb::PutRequest { key: key.into(), lease: 7, ..Default::default() })
    };
    net.call(0, leased("z")).expect("root may");
    login(&mut net, 0, "alice", "a").expect("right");
    let denied = "PermissionDenied: etcdserver: permission denied";
    assert_eq!(refused(&mut net, 0, leased("b")), denied);
    assert_eq!(refused(&mut net, 0, Op::LeaseRevoke(pb::LeaseRevokeRequest { id: 7 })), denied);
    let keys = |keys| Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id: 7, keys });
    assert!(net.call(0, keys(false)).is_ok());
    assert_eq!(refused(&mut net, 0, keys(true)), denied);
    // The leader itself ends leases in root's name.
    net.run(70 * SECOND);
    login(&mut net, 0, "root", "r").expect("right");
    assert_eq!(net.get(0, "z").expect("read"), None);
}

#[test]
fn a_token_is_good_on_every_member_and_ends() {
    let mut net = guarded(3);
    net.agree();
    let leader = net.leader().expect("a leader");
    login(&mut net, leader, "alice", "a").expect("right");
    for host in 0..3 {
        assert_eq!(
            net.get(host, "a").expect("a follower waits for the token"),
            Some("1".to_owned())
        );
    }
    net.run(310 * SECOND);
    let status = net.call(leader, get("a", false)).expect_err("the token is too old");
    assert_eq!(status.code, Code::Unauthenticated);
}

#[test]
fn a_changed_role_voids_what_is_under_way_and_a_new_password_the_tokens() {
    let mut net = guarded(1);
    login(&mut net, 0, "alice", "a").expect("right");
    let alice = net.token.clone();
    login(&mut net, 0, "root", "r").expect("right");
    let change = pb::AuthUserChangePasswordRequest {
        name: "alice".to_owned(),
        password: "b".to_owned(),
        ..Default::default()
    };
    net.call(0, Op::UserChangePassword(change)).expect("changed");
    net.token = alice;
    let status = net.call(0, get("a", false)).expect_err("the token is void");
    assert_eq!(status.message, "etcdserver: invalid auth token");
    assert!(login(&mut net, 0, "alice", "a").is_err());
    login(&mut net, 0, "alice", "b").expect("the new password");
}

#[test]
fn users_survive_a_restart() {
    let mut net = guarded(1);
    net.run(SECOND);
    let before = match net.call(0, Op::AuthStatus) {
        Err(status) => status.message,
        Ok(answer) => panic!("nobody asked: {answer:?}"),
    };
    assert_eq!(before, "etcdserver: user name is empty");
    net.kill(0);
    net.start(0);
    net.run(3 * SECOND);
    login(&mut net, 0, "root", "r").expect("right");
    let Ok(Answer::AuthStatus(status)) = net.call(0, Op::AuthStatus) else { panic!("root may") };
    assert!(status.enabled);
    assert_eq!(status.auth_revision, 8, "seven changes after the first");
    let Ok(Answer::RoleGet(role)) =
        net.call(0, Op::RoleGet(pb::AuthRoleGetRequest { role: "some".to_owned() }))
    else {
        panic!("root may")
    };
    assert_eq!(role.perm.len(), 2);
}

fn downgrade(action: pb::DowngradeAction, version: &str) -> Op {
    Op::Downgrade(pb::DowngradeRequest { action: action.into(), version: version.to_owned() })
}

#[test]
fn a_downgrade_takes_the_cluster_version_down_and_up_again() {
    use pb::DowngradeAction::{Cancel, Enable, Validate};
    let mut net = Net::new(3);
    net.run(6 * SECOND);
    let text = refused(&mut net, 0, downgrade(Validate, "nonsense"));
    assert_eq!(text, "InvalidArgument: etcdserver: wrong downgrade target version format");
    let text = refused(&mut net, 0, downgrade(Enable, "3.4"));
    assert_eq!(text, "InvalidArgument: etcdserver: invalid downgrade target version");
    let Ok(Answer::Downgrade(answer)) = net.call(1, downgrade(Validate, "3.5.0")) else {
        panic!("3.5 is the release before")
    };
    assert_eq!(answer.version, "3.6");
    net.call(1, downgrade(Enable, "3.5")).expect("the same");
    net.run(10 * SECOND);
    let text = refused(&mut net, 2, downgrade(Enable, "3.4"));
    assert_eq!(text, "FailedPrecondition: etcdserver: cluster has a downgrade job in progress");
    let Ok(Answer::Status(status)) = net.call(2, Op::Status) else { panic!("a status") };
    assert_eq!(status.storage_version, "3.5.0");
    let info = status.downgrade_info.expect("3.6 tells");
    assert_eq!((info.enabled, info.target_version.as_str()), (true, "3.5.0"));
    net.call(0, downgrade(Cancel, "")).expect("cancelled");
    net.run(10 * SECOND);
    let Ok(Answer::Status(status)) = net.call(2, Op::Status) else { panic!("a status") };
    assert_eq!(status.storage_version, "3.6.0");
    assert_eq!(status.downgrade_info, Some(pb::DowngradeInfo::default()));
}
