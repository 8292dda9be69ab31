//! `auth`, `user` and `role`.

use std::rc::Rc;

use bytes::Bytes;
use etcd::pb::{self, Permission, PermissionType};
use etcd::rpc::{Answer, Op};

use super::Ctl;
use super::client::{Client, Failure};
use super::exit::{BAD_ARGS, ERROR, Exit};
use super::kv::prefix_end;
use super::password;
use super::printer::Shown;

/// The end of a range without one.
const OPEN: &[u8] = b"\0";

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

fn bad<T>(message: impl std::fmt::Display) -> Result<T, Exit> {
    Err(Exit::new(BAD_ARGS, message))
}

impl Ctl {
    /// The only argument.
    fn one(&self, complaint: &str) -> Result<&str, Exit> {
        match self.args.as_slice() {
            [arg] => Ok(arg),
            _ => bad(complaint),
        }
    }

    /// Asks for a change of users or roles, without a time limit, and says what was done.
    async fn change(&self, op: Op, done: String) -> Result<(), Exit> {
        let (client, settings) = self.client().await?;
        let answer = header(client.call(&op, None).await).map_err(failed)?;
        self.show(&settings.printer, &Shown::Done(done, answer)).await
    }
}

fn header(answer: Result<Answer, Failure>) -> Result<pb::HeaderResponse, Failure> {
    match answer? {
        Answer::Header(answer) => Ok(answer),
        _ => unreachable!("what changes users and roles is answered with a header"),
    }
}

pub(super) async fn status(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return bad("auth status command does not accept any arguments");
    }
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    match client.call(&Op::AuthStatus, deadline_us).await.map_err(failed)? {
        Answer::AuthStatus(answer) => ctl.show(&settings.printer, &Shown::AuthStatus(answer)).await,
        _ => unreachable!("a status is answered as one"),
    }
}

pub(super) async fn enable(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return bad("auth enable command does not accept any arguments");
    }
    let deadline_us = ctl.deadline_us();
    let (client, _) = ctl.client().await?;
    while let Err(error) = header(client.call(&Op::AuthEnable, deadline_us).await) {
        if error.to_string() != "etcdserver: root user does not have root role" {
            return Err(failed(error));
        }
        make_root(&client, deadline_us).await.map_err(failed)?;
    }
    ctl.out("Authentication Enabled\n").await;
    Ok(())
}

/// Gives the user root the role it lacks.
async fn make_root(client: &Client, deadline_us: Option<u64>) -> Result<(), Failure> {
    let name = || "root".to_owned();
    let add = Op::RoleAdd(pb::AuthRoleAddRequest { name: name() });
    header(client.call(&add, deadline_us).await)?;
    let grant = Op::UserGrantRole(pb::AuthUserGrantRoleRequest { user: name(), role: name() });
    header(client.call(&grant, deadline_us).await).map(|_| ())
}

pub(super) async fn disable(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return bad("auth disable command does not accept any arguments");
    }
    let deadline_us = ctl.deadline_us();
    let (client, _) = ctl.client().await?;
    header(client.call(&Op::AuthDisable, deadline_us).await).map_err(failed)?;
    ctl.out("Authentication Disabled\n").await;
    Ok(())
}

pub(super) async fn user_add(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let arg = ctl.one("user add command requires user name as its argument")?;
    let no_password = ctl.flags.bool("no-password");
    let given = ctl.flags.text("new-user-password");
    let (name, password) = match arg.split_once(':') {
        _ if no_password => (arg, String::new()),
        _ if !given.is_empty() => (arg, given.to_owned()),
        Some(("", _)) => return bad("empty user name is not allowed"),
        Some((name, password)) => (name, password.to_owned()),
        None if ctl.flags.bool("interactive") => (arg, password::choose(&ctl, arg).await?),
        None => (arg, password::scan(&ctl).await),
    };
    let op = Op::UserAdd(pb::AuthUserAddRequest {
        name: name.to_owned(),
        password,
        options: Some(pb::UserAddOptions { no_password }),
        hashed_password: String::new(),
    });
    ctl.change(op, format!("User {name} created")).await
}

pub(super) async fn user_delete(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let name = ctl.one("user delete command requires user name as its argument")?.to_owned();
    let done = format!("User {name} deleted");
    ctl.change(Op::UserDelete(pb::AuthUserDeleteRequest { name }), done).await
}

pub(super) async fn user_get(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let name = ctl.one("user get command requires user name as its argument")?.to_owned();
    let (client, settings) = ctl.client().await?;
    let op = Op::UserGet(pb::AuthUserGetRequest { name: name.clone() });
    let Answer::UserGet(answer) = client.call(&op, None).await.map_err(failed)? else {
        unreachable!("a user is answered as one");
    };
    if !ctl.flags.bool("detail") {
        return ctl.show(&settings.printer, &Shown::User(name, answer)).await;
    }
    ctl.out(format!("User: {name}\n")).await;
    for role in answer.roles {
        ctl.out("\n").await;
        let found = get_role(&client, &role).await?;
        ctl.show(&settings.printer, &Shown::Role(role, found)).await?;
    }
    Ok(())
}

async fn get_role(client: &Client, role: &str) -> Result<pb::AuthRoleGetResponse, Exit> {
    let op = Op::RoleGet(pb::AuthRoleGetRequest { role: role.to_owned() });
    match client.call(&op, None).await.map_err(failed)? {
        Answer::RoleGet(answer) => Ok(answer),
        _ => unreachable!("a role is answered as one"),
    }
}

pub(super) async fn user_list(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return bad("user list command requires no arguments");
    }
    let (client, settings) = ctl.client().await?;
    match client.call(&Op::UserList, None).await.map_err(failed)? {
        Answer::UserList(answer) => ctl.show(&settings.printer, &Shown::Users(answer)).await,
        _ => unreachable!("a list of users is answered as one"),
    }
}

pub(super) async fn user_passwd(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let name = ctl.one("user passwd command requires user name as its argument")?.to_owned();
    let password = if ctl.flags.bool("interactive") {
        password::choose(&ctl, &name).await?
    } else {
        password::scan(&ctl).await
    };
    let hashed_password = String::new();
    let request = pb::AuthUserChangePasswordRequest { name, password, hashed_password };
    ctl.change(Op::UserChangePassword(request), "Password updated".to_owned()).await
}

pub(super) async fn user_grant_role(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [user, role] = ctl.args.as_slice() else {
        return bad("user grant command requires user name and role name as its argument");
    };
    let done = format!("Role {role} is granted to user {user}");
    let request = pb::AuthUserGrantRoleRequest { user: user.clone(), role: role.clone() };
    ctl.change(Op::UserGrantRole(request), done).await
}

pub(super) async fn user_revoke_role(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [name, role] = ctl.args.as_slice() else {
        return bad("user revoke-role requires user name and role name as its argument");
    };
    let done = format!("Role {role} is revoked from user {name}");
    let request = pb::AuthUserRevokeRoleRequest { name: name.clone(), role: role.clone() };
    ctl.change(Op::UserRevokeRole(request), done).await
}

pub(super) async fn role_add(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let name = ctl.one("role add command requires role name as its argument")?.to_owned();
    let done = format!("Role {name} created");
    ctl.change(Op::RoleAdd(pb::AuthRoleAddRequest { name }), done).await
}

pub(super) async fn role_delete(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let role = ctl.one("role delete command requires role name as its argument")?.to_owned();
    let done = format!("Role {role} deleted");
    ctl.change(Op::RoleDelete(pb::AuthRoleDeleteRequest { role }), done).await
}

pub(super) async fn role_get(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let role = ctl.one("role get command requires role name as its argument")?.to_owned();
    let (client, settings) = ctl.client().await?;
    let found = get_role(&client, &role).await?;
    ctl.show(&settings.printer, &Shown::Role(role, found)).await
}

pub(super) async fn role_list(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return bad("role list command requires no arguments");
    }
    let (client, settings) = ctl.client().await?;
    match client.call(&Op::RoleList, None).await.map_err(failed)? {
        Answer::RoleList(answer) => ctl.show(&settings.printer, &Shown::Roles(answer)).await,
        _ => unreachable!("a list of roles is answered as one"),
    }
}

pub(super) async fn role_grant(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [name, kind, keys @ ..] = ctl.args.as_slice() else {
        return bad(ROLE_GRANT);
    };
    if keys.is_empty() {
        return bad(ROLE_GRANT);
    }
    // Go's map of names, which are in capitals there.
    let perm_type = match kind.to_uppercase().as_str() {
        "READ" => PermissionType::Read,
        "WRITE" => PermissionType::Write,
        "READWRITE" => PermissionType::Readwrite,
        _ => return bad(format!("invalid permission type: {kind}")),
    };
    let (key, range_end) = ctl.key_range(keys)?;
    let perm = Some(Permission { perm_type: perm_type.into(), key, range_end });
    let request = pb::AuthRoleGrantPermissionRequest { name: name.clone(), perm };
    ctl.change(Op::RoleGrantPermission(request), format!("Role {name} updated")).await
}

const ROLE_GRANT: &str = "role grant command requires role name, permission type, and key \
                          [endkey] as its argument";

pub(super) async fn role_revoke(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [role, keys @ ..] = ctl.args.as_slice() else {
        return bad(ROLE_REVOKE);
    };
    let Some(shown) = keys.first() else { return bad(ROLE_REVOKE) };
    let (key, range_end) = ctl.key_range(keys)?;
    let end = String::from_utf8_lossy(&range_end);
    let what = match range_end.as_ref() {
        b"" => format!("key {shown}"),
        OPEN => format!("range [{shown}, <open ended>"),
        _ => format!("range [{shown}, {end})"),
    };
    let done = format!("Permission of {what} is revoked from role {role}");
    let request = pb::AuthRoleRevokePermissionRequest { role: role.clone(), key, range_end };
    ctl.change(Op::RoleRevokePermission(request), done).await
}

const ROLE_REVOKE: &str =
    "role revoke-permission command requires role name and key [endkey] as its argument";

impl Ctl {
    /// `permRange`: the keys a permission is about.
    fn key_range(&self, keys: &[String]) -> Result<(Bytes, Bytes), Exit> {
        const BOTH: &str = "--from-key and --prefix flags are mutually exclusive";
        let (prefix, from_key) = (self.flags.bool("prefix"), self.flags.bool("from-key"));
        let key = Bytes::copy_from_slice(keys[0].as_bytes());
        if key.is_empty() {
            if prefix && from_key {
                return bad(BOTH);
            }
            let end = if prefix || from_key { OPEN } else { b"" };
            return Ok((Bytes::from_static(OPEN), Bytes::from_static(end)));
        }
        let end = match keys.get(1) {
            None if prefix && from_key => return bad(BOTH),
            None if prefix => prefix_end(&key),
            None if from_key => Bytes::from_static(OPEN),
            None => Bytes::new(),
            Some(_) if prefix => return bad("unexpected endkey argument with --prefix flag"),
            Some(_) if from_key => return bad("unexpected endkey argument with --from-key flag"),
            Some(end) => Bytes::copy_from_slice(end.as_bytes()),
        };
        Ok((key, end))
    }
}
