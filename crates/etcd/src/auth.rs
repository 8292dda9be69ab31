//! Users, roles and tokens: who may do what once `auth enable` was applied.
//!
//! Users and roles live in the database's buckets `authUsers`, `authRoles` and `auth`, in
//! etcd's own messages, and change only through the log; this is their image in memory.
//! Tokens are not stored: every member learns them from the log and forgets them when their
//! time is over. How a client's request meets all this is `auth/access.rs`.

mod access;
mod password;
mod permissions;
mod tokens;

use flat::Map;

use bytes::Bytes;
use prost::Message as _;

use crate::fail::AuthFail;
use crate::log::{Level, LogLine};
use crate::pb;
pub(crate) use access::Who;
pub(crate) use password::hash as hash_password;
use permissions::Permissions;
use tokens::Tokens;
pub(crate) use tokens::index_of as token_index;

const AUTH: &str = "auth";
const USERS: &str = "authUsers";
const ROLES: &str = "authRoles";
/// The user, and the role, that may do everything.
pub(crate) const ROOT: &str = "root";

/// The store of users and roles.
#[derive(Debug)]
pub(crate) struct Auth {
    enabled: bool,
    revision: u64,
    users: Map<Bytes, pb::User>,
    roles: Map<Bytes, pb::Role>,
    /// What the roles of each user allow.
    permissions: Map<Bytes, Permissions>,
    pub(crate) tokens: Tokens,
    /// Random things drawn so far: salts and tokens.
    draws: u64,
}

type Outcome<T> = Result<T, AuthFail>;

impl Auth {
    /// What the database says. A fresh one begins with revision 1.
    pub(crate) fn open(store: &mut mvcc::Store, ttl_s: u64) -> Auth {
        let mut auth = Auth {
            enabled: false,
            revision: 0,
            users: Map::new(),
            roles: Map::new(),
            permissions: Map::new(),
            tokens: Tokens::new(ttl_s),
            draws: 0,
        };
        auth.recover(store);
        if auth.revision == 0 {
            auth.commit(store);
        }
        auth
    }

    /// Takes over what a database says that replaces the one before.
    pub(crate) fn recover(&mut self, store: &mvcc::Store) {
        self.enabled = store.get(AUTH, b"authEnabled").is_some_and(|flag| flag.as_ref() == [1]);
        let revision = store.get(AUTH, b"authRevision");
        let revision = revision.and_then(|bytes| bytes.as_ref().try_into().ok());
        self.revision = revision.map_or(0, u64::from_be_bytes);
        let users = store.iter(USERS).into_iter();
        self.users =
            users.filter_map(|(name, user)| Some((name, pb::User::decode(user).ok()?))).collect();
        let roles = store.iter(ROLES).into_iter();
        self.roles =
            roles.filter_map(|(name, role)| Some((name, pb::Role::decode(role).ok()?))).collect();
        self.refresh();
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// A number nobody can guess who does not know the seed.
    pub(crate) fn draw(&mut self, seed: u64) -> u64 {
        self.draws += 1;
        crate::node::mix(seed ^ crate::node::mix(self.draws))
    }

    fn commit(&mut self, store: &mut mvcc::Store) {
        self.revision += 1;
        let revision = Bytes::copy_from_slice(&self.revision.to_be_bytes());
        store.set(AUTH, Bytes::from_static(b"authRevision"), revision);
    }

    /// The revision moves on, and with it what everybody may do.
    fn changed(&mut self, store: &mut mvcc::Store) {
        self.commit(store);
        self.refresh();
    }

    fn refresh(&mut self) {
        let of = |user: &pb::User| {
            let roles = user.roles.iter().filter_map(|role| self.roles.get(role.as_bytes()));
            Permissions::of(roles.flat_map(|role| &role.key_permission))
        };
        self.permissions = self.users.iter().map(|(name, user)| (name.clone(), of(user))).collect();
    }

    fn user(&self, name: &str) -> Outcome<&pb::User> {
        self.users.get(name.as_bytes()).ok_or(AuthFail::UserNotFound)
    }

    fn role(&self, name: &str) -> Outcome<&pb::Role> {
        self.roles.get(name.as_bytes()).ok_or(AuthFail::RoleNotFound)
    }

    fn put_user(&mut self, user: pb::User, store: &mut mvcc::Store) {
        store.set(USERS, user.name.clone(), Bytes::from(user.encode_to_vec()));
        self.users.insert(user.name.clone(), user);
    }

    fn put_role(&mut self, role: pb::Role, store: &mut mvcc::Store) {
        store.set(ROLES, role.name.clone(), Bytes::from(role.encode_to_vec()));
        self.roles.insert(role.name.clone(), role);
    }

    fn set_enabled(&mut self, enabled: bool, store: &mut mvcc::Store) {
        self.enabled = enabled;
        let flag = Bytes::from_static(if enabled { &[1] } else { &[0] });
        store.set(AUTH, Bytes::from_static(b"authEnabled"), flag);
    }

    /// `auth enable`. What is said goes to the log.
    pub(crate) fn enable(&mut self, store: &mut mvcc::Store) -> Outcome<LogLine> {
        if self.enabled {
            let msg = "authentication is already enabled; ignored auth enable request";
            return Ok(LogLine::new(Level::Info, "auth/store.go:270", msg));
        }
        let root = self.user(ROOT).map_err(|_| AuthFail::RootUserNotExist)?;
        if !has_root_role(root) {
            return Err(AuthFail::RootRoleNotExist);
        }
        self.set_enabled(true, store);
        self.refresh();
        Ok(LogLine::new(Level::Info, "auth/store.go:297", "enabled authentication"))
    }

    /// `auth disable`: all tokens are void.
    pub(crate) fn disable(&mut self, store: &mut mvcc::Store) -> Option<LogLine> {
        if !self.enabled {
            return None;
        }
        self.set_enabled(false, store);
        self.commit(store);
        self.tokens.clear();
        Some(LogLine::new(Level::Info, "auth/store.go:320", "disabled authentication"))
    }

    /// A client proved who it is to the member that proposed this.
    pub(crate) fn authenticate(
        &mut self,
        request: &pb::InternalAuthenticateRequest,
        index: u64,
        now_us: u64,
    ) -> Outcome<String> {
        if !self.enabled {
            return Err(AuthFail::NotEnabled);
        }
        let user = self.user(&request.name).map_err(|_| AuthFail::Failed)?;
        if is_without_password(user) {
            return Err(AuthFail::Failed);
        }
        let token = format!("{}.{index}", request.simple_token);
        self.tokens.assign(token.clone(), &request.name, now_us);
        Ok(token)
    }

    /// Whether a password is right; the revision at which it was.
    pub(crate) fn check_password(&self, name: &str, password: &str) -> Outcome<u64> {
        if !self.enabled {
            return Err(AuthFail::NotEnabled);
        }
        let user = self.user(name).map_err(|_| AuthFail::Failed)?;
        if is_without_password(user) {
            return Err(AuthFail::NoPasswordUser);
        }
        if !password::verify(&user.password, password) {
            return Err(AuthFail::Failed);
        }
        Ok(self.revision)
    }

    pub(crate) fn user_add(
        &mut self,
        request: &pb::AuthUserAddRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        if request.name.is_empty() {
            return Err(AuthFail::UserEmpty);
        }
        if self.user(&request.name).is_ok() {
            return Err(AuthFail::UserAlreadyExist);
        }
        let options = request.options.clone().unwrap_or_default();
        let password = if options.no_password {
            Bytes::new()
        } else {
            decode_password(&request.hashed_password)?
        };
        let user = pb::User {
            name: Bytes::from(request.name.clone()),
            password,
            roles: Vec::new(),
            options: Some(options),
        };
        self.put_user(user, store);
        self.changed(store);
        Ok(LogLine::new(Level::Info, "auth/store.go:464", "added a user")
            .with("user-name", request.name.as_str()))
    }

    pub(crate) fn user_delete(
        &mut self,
        request: &pb::AuthUserDeleteRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        if self.enabled && request.name == ROOT {
            return Err(AuthFail::InvalidMgmt);
        }
        let roles = self.user(&request.name)?.roles.clone();
        let name = Bytes::from(request.name.clone());
        self.users.remove(&name);
        store.unset(USERS, name);
        self.changed(store);
        self.tokens.invalidate(&request.name);
        let said = LogLine::new(Level::Info, "auth/store.go:489", "deleted a user");
        Ok(said.with("user-name", request.name.as_str()).with("user-roles", roles))
    }

    pub(crate) fn user_change_password(
        &mut self,
        request: &pb::AuthUserChangePasswordRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        let mut user = self.user(&request.name)?.clone();
        user.password = if is_without_password(&user) {
            Bytes::new()
        } else {
            decode_password(&request.hashed_password)?
        };
        let roles = user.roles.clone();
        self.put_user(user, store);
        self.changed(store);
        self.tokens.invalidate(&request.name);
        let said = LogLine::new(Level::Info, "auth/store.go:531", "changed a password of a user");
        Ok(said.with("user-name", request.name.as_str()).with("user-roles", roles))
    }

    pub(crate) fn user_grant_role(
        &mut self,
        request: &pb::AuthUserGrantRoleRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        let mut user = self.user(&request.user)?.clone();
        if request.role != ROOT {
            self.role(&request.role)?;
        }
        if user.roles.contains(&request.role) {
            let said = LogLine::new(
                Level::Warn,
                "auth/store.go:558",
                "ignored grant role request to a user",
            );
            return Ok(said
                .with("user-name", request.user.as_str())
                .with("user-roles", user.roles)
                .with("duplicate-role-name", request.role.as_str()));
        }
        user.roles.push(request.role.clone());
        user.roles.sort();
        let roles = user.roles.clone();
        self.put_user(user, store);
        self.changed(store);
        let said = LogLine::new(Level::Info, "auth/store.go:575", "granted a role to a user");
        Ok(said
            .with("user-name", request.user.as_str())
            .with("user-roles", roles)
            .with("added-role-name", request.role.as_str()))
    }

    pub(crate) fn user_revoke_role(
        &mut self,
        request: &pb::AuthUserRevokeRoleRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        if self.enabled && request.name == ROOT && request.role == ROOT {
            return Err(AuthFail::InvalidMgmt);
        }
        let mut user = self.user(&request.name)?.clone();
        let old = user.roles.clone();
        user.roles.retain(|role| *role != request.role);
        if user.roles.len() == old.len() {
            return Err(AuthFail::RoleNotGranted);
        }
        let new = user.roles.clone();
        self.put_user(user, store);
        self.changed(store);
        let said = LogLine::new(Level::Info, "auth/store.go:646", "revoked a role from a user");
        Ok(said
            .with("user-name", request.name.as_str())
            .with("old-user-roles", old)
            .with("new-user-roles", new)
            .with("revoked-role-name", request.role.as_str()))
    }

    pub(crate) fn user_roles(&self, name: &str) -> Outcome<Vec<String>> {
        Ok(self.user(name)?.roles.clone())
    }

    pub(crate) fn user_names(&self) -> Vec<String> {
        self.users.keys().map(|name| text(name)).collect()
    }

    pub(crate) fn role_names(&self) -> Vec<String> {
        self.roles.keys().map(|name| text(name)).collect()
    }

    pub(crate) fn has_role(&self, user: &str, role: &str) -> bool {
        self.user(user).is_ok_and(|user| user.roles.iter().any(|own| own == role))
    }

    /// What a role allows; root's is everything, whatever is stored.
    pub(crate) fn role_permissions(&self, name: &str) -> Outcome<Vec<pb::Permission>> {
        let role = self.role(name)?;
        if name == ROOT {
            return Ok(vec![pb::Permission {
                perm_type: pb::PermissionType::Readwrite.into(),
                key: Bytes::new(),
                range_end: Bytes::from_static(&[0]),
            }]);
        }
        Ok(role.key_permission.clone())
    }

    pub(crate) fn role_add(
        &mut self,
        request: &pb::AuthRoleAddRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        if request.name.is_empty() {
            return Err(AuthFail::RoleEmpty);
        }
        if self.role(&request.name).is_ok() {
            return Err(AuthFail::RoleAlreadyExist);
        }
        let name = Bytes::from(request.name.clone());
        self.put_role(pb::Role { name, key_permission: Vec::new() }, store);
        self.commit(store);
        Ok(LogLine::new(Level::Info, "auth/store.go:786", "created a role")
            .with("role-name", request.name.as_str()))
    }

    pub(crate) fn role_delete(
        &mut self,
        request: &pb::AuthRoleDeleteRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        if self.enabled && request.role == ROOT {
            return Err(AuthFail::InvalidMgmt);
        }
        self.role(&request.role)?;
        let name = Bytes::from(request.role.clone());
        self.roles.remove(&name);
        store.unset(ROLES, name);
        let granted = self.users.values().filter(|user| user.roles.contains(&request.role));
        let granted: Vec<pb::User> = granted.cloned().collect();
        for mut user in granted {
            user.roles.retain(|role| *role != request.role);
            self.put_user(user, store);
        }
        self.changed(store);
        Ok(LogLine::new(Level::Info, "auth/store.go:760", "deleted a role")
            .with("role-name", request.role.as_str()))
    }

    pub(crate) fn role_grant_permission(
        &mut self,
        request: &pb::AuthRoleGrantPermissionRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        let granted = request.perm.as_ref().ok_or(AuthFail::PermissionNotGiven)?;
        if !permissions::is_valid(&granted.key, &granted.range_end) {
            return Err(AuthFail::InvalidMgmt);
        }
        let mut role = self.role(&request.name)?.clone();
        // etcd looks at the first permission of this key only; a second range from the same
        // key is stored beside it, and so is its repetition.
        let at = role.key_permission.partition_point(|perm| perm.key < granted.key);
        match role.key_permission.get_mut(at) {
            Some(perm) if perm.key == granted.key && perm.range_end == granted.range_end => {
                perm.perm_type = granted.perm_type;
            }
            _ => {
                role.key_permission.push(granted.clone());
                role.key_permission.sort_by(|a, b| a.key.cmp(&b.key));
            }
        }
        self.put_role(role, store);
        self.changed(store);
        let kind = match granted.perm_type() {
            pb::PermissionType::Read => "READ",
            pb::PermissionType::Write => "WRITE",
            pb::PermissionType::Readwrite => "READWRITE",
        };
        let said = LogLine::new(
            Level::Info,
            "auth/store.go:849",
            "granted/updated a permission to a user",
        );
        Ok(said
            .with("user-name", request.name.as_str())
            .with("permission-name", kind)
            .with("key", text(&granted.key))
            .with("range-end", text(&granted.range_end)))
    }

    pub(crate) fn role_revoke_permission(
        &mut self,
        request: &pb::AuthRoleRevokePermissionRequest,
        store: &mut mvcc::Store,
    ) -> Outcome<LogLine> {
        let mut role = self.role(&request.role)?.clone();
        let before = role.key_permission.len();
        role.key_permission
            .retain(|perm| perm.key != request.key || perm.range_end != request.range_end);
        if role.key_permission.len() == before {
            return Err(AuthFail::PermissionNotGranted);
        }
        self.put_role(role, store);
        self.changed(store);
        let said = LogLine::new(Level::Info, "auth/store.go:710", "revoked a permission on range");
        Ok(said
            .with("role-name", request.role.as_str())
            .with("key", text(&request.key))
            .with("range-end", text(&request.range_end)))
    }

    pub(crate) fn check_admin(&self, who: &Who) -> Outcome<()> {
        if !self.enabled {
            return Ok(());
        }
        if who.user.is_empty() {
            return Err(AuthFail::UserEmpty);
        }
        if has_root_role(self.user(&who.user)?) { Ok(()) } else { Err(AuthFail::PermissionDenied) }
    }

    /// Whether a user may read a key or range.
    pub(crate) fn check_read(&self, who: &Who, key: &[u8], end: &[u8]) -> Outcome<()> {
        self.check(who, |permissions| permissions.may_read(key, end))
    }

    /// Whether a user may write to a key or range.
    pub(crate) fn check_write(&self, who: &Who, key: &[u8], end: &[u8]) -> Outcome<()> {
        self.check(who, |permissions| permissions.may_write(key, end))
    }

    fn check(&self, who: &Who, may: impl FnOnce(&Permissions) -> bool) -> Outcome<()> {
        if !self.enabled {
            return Ok(());
        }
        // Nobody said who they are.
        if who.revision == 0 {
            return Err(AuthFail::UserEmpty);
        }
        if who.revision < self.revision {
            return Err(AuthFail::OldRevision);
        }
        let user = self.user(&who.user).map_err(|_| AuthFail::PermissionDenied)?;
        let permissions = self.permissions.get(who.user.as_bytes());
        if has_root_role(user) || permissions.is_some_and(may) {
            Ok(())
        } else {
            Err(AuthFail::PermissionDenied)
        }
    }
}

fn has_root_role(user: &pb::User) -> bool {
    user.roles.iter().any(|role| role == ROOT)
}

fn is_without_password(user: &pb::User) -> bool {
    user.options.as_ref().is_some_and(|options| options.no_password)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The bcrypt string a request carries in base64.
fn decode_password(encoded: &str) -> Outcome<Bytes> {
    password::from_base64(encoded).map(Bytes::from).ok_or(AuthFail::NoPasswordUser)
}
