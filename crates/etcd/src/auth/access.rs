//! How a client's request meets the auth store: who asks, whether they may, and what the log
//! does to users and roles.
//!
//! A request that goes through the log is checked when it is applied, with the name and the
//! auth revision it was proposed with; a read is checked when it is served.

use crate::auth::{Auth, ROOT, hash_password, password, tokens};
use crate::fact::RequestKey;
use crate::fail::{AuthFail, Fail};
use crate::log::{Level, LogLine};
use crate::member::Member;
use crate::pb::{self, InternalRaftRequest};
use crate::propose::Asker;
use crate::read::ReadOp;
use crate::rpc::{Answer, Op};

/// Who asks, and as of which revision of the auth store that is known. Nobody has revision 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) user: String,
    pub(crate) revision: u64,
}

impl Auth {
    fn check_range(&self, who: &Who, request: &pb::RangeRequest) -> Result<(), AuthFail> {
        self.check_read(who, &request.key, &request.range_end)
    }

    fn check_put(
        &self,
        who: &Who,
        request: &pb::PutRequest,
        store: &mvcc::Store,
    ) -> Result<(), AuthFail> {
        self.check_write(who, &request.key, b"")?;
        // Who cannot write a lease's keys cannot revoke it, so may not attach to it either.
        self.check_lease(who, request.lease, store)?;
        if request.prev_kv { self.check_read(who, &request.key, b"") } else { Ok(()) }
    }

    fn check_delete(&self, who: &Who, request: &pb::DeleteRangeRequest) -> Result<(), AuthFail> {
        self.check_write(who, &request.key, &request.range_end)?;
        if request.prev_kv {
            self.check_read(who, &request.key, &request.range_end)
        } else {
            Ok(())
        }
    }

    fn check_lease(&self, who: &Who, lease: i64, store: &mvcc::Store) -> Result<(), AuthFail> {
        if self.check_admin(who).is_ok() {
            return Ok(());
        }
        let keys = store.lease_keys(lease);
        keys.iter().try_for_each(|key| self.check_write(who, key, b""))
    }

    /// Comparisons read, operations do what they do; both branches count.
    pub(crate) fn check_txn(
        &self,
        who: &Who,
        txn: &pb::TxnRequest,
        store: &mvcc::Store,
    ) -> Result<(), AuthFail> {
        use pb::request_op::Request;
        for compare in &txn.compare {
            self.check_read(who, &compare.key, &compare.range_end)?;
        }
        for op in txn.success.iter().chain(&txn.failure) {
            match &op.request {
                Some(Request::Range(range)) => self.check_range(who, range)?,
                Some(Request::Put(put)) => self.check_put(who, put, store)?,
                Some(Request::DeleteRange(delete)) => {
                    if delete.prev_kv {
                        self.check_read(who, &delete.key, &delete.range_end)?;
                    }
                    self.check_write(who, &delete.key, &delete.range_end)?;
                }
                Some(Request::Txn(nested)) => self.check_txn(who, nested, store)?,
                None => {}
            }
        }
        Ok(())
    }

    /// What the applier checks before it carries a request out.
    fn check_entry(
        &self,
        request: &InternalRaftRequest,
        store: &mvcc::Store,
    ) -> Result<(), AuthFail> {
        let header = request.header.as_ref();
        let who = header.map_or_else(Who::default, |header| Who {
            user: header.username.clone(),
            revision: header.auth_revision,
        });
        if needs_admin(request) {
            self.check_admin(&who)
        } else if let Some(put) = &request.put {
            self.check_put(&who, put, store)
        } else if let Some(delete) = &request.delete_range {
            self.check_delete(&who, delete)
        } else if let Some(txn) = &request.txn {
            self.check_txn(&who, txn, store)
        } else if let Some(range) = &request.range {
            self.check_range(&who, range)
        } else if let Some(revoke) = &request.lease_revoke {
            self.check_lease(&who, revoke.id, store)
        } else if let Some(get) = &request.auth_user_get {
            // Everybody may look at himself.
            self.check_admin(&who)
                .or_else(|fail| if get.name == who.user { Ok(()) } else { Err(fail) })
        } else if let Some(get) = &request.auth_role_get {
            let own = || self.has_role(&who.user, &get.role);
            self.check_admin(&who).or_else(|fail| if own() { Ok(()) } else { Err(fail) })
        } else {
            Ok(())
        }
    }
}

fn needs_admin(request: &InternalRaftRequest) -> bool {
    request.auth_enable.is_some()
        || request.auth_disable.is_some()
        || request.auth_status.is_some()
        || request.auth_user_add.is_some()
        || request.auth_user_delete.is_some()
        || request.auth_user_change_password.is_some()
        || request.auth_user_grant_role.is_some()
        || request.auth_user_revoke_role.is_some()
        || request.auth_user_list.is_some()
        || request.auth_role_list.is_some()
        || request.auth_role_add.is_some()
        || request.auth_role_delete.is_some()
        || request.auth_role_grant_permission.is_some()
        || request.auth_role_revoke_permission.is_some()
}

impl Member {
    /// A client's certificate names its owner. With `--client-cert-auth` that is who asks
    /// when a request has no token.
    pub fn identified(&mut self, conn: crate::rpc::ConnId, common_name: &str) {
        self.identities.insert(conn, common_name.to_owned());
    }

    /// Who asks: nobody while auth is off.
    pub(crate) fn who(&mut self, key: RequestKey, token: &str) -> Result<Option<Who>, Fail> {
        if !self.auth.is_enabled() {
            return Ok(None);
        }
        let revision = self.auth.revision();
        if !token.is_empty() {
            let token = token.strip_prefix("Bearer ").unwrap_or(token);
            let now_us = self.now.mono_us;
            if let Some(user) = self.auth.tokens.user_of(token, now_us) {
                return Ok(Some(Who { user, revision }));
            }
            let print = tokens::fingerprint(token);
            let line = self.say(Level::Warn, "auth/store.go:1079", "invalid auth token");
            line.fields.push(("token-fingerprint", print.into()));
            return Err(AuthFail::InvalidToken.into());
        }
        if !self.config.client_cert_auth {
            return Ok(None);
        }
        let user = self.identities.get(&key.conn).cloned();
        Ok(user.map(|user| Who { user, revision }))
    }

    /// `requireAuthInfo`: somebody must have said who they are.
    pub(crate) fn require_someone(&mut self, key: RequestKey, token: &str) -> Result<(), Fail> {
        match self.who(key, token)? {
            None if self.auth.is_enabled() => Err(AuthFail::UserEmpty.into()),
            _ => Ok(()),
        }
    }

    /// `isPermitted`: root only.
    pub(crate) fn require_admin(&mut self, key: RequestKey, token: &str) -> Result<(), Fail> {
        let who = self.who(key, token)?.unwrap_or_default();
        Ok(self.auth.check_admin(&who)?)
    }

    /// Whether a read may be answered.
    pub(crate) fn may_read(
        &mut self,
        key: RequestKey,
        token: &str,
        op: &ReadOp,
    ) -> Result<(), Fail> {
        if !self.auth.is_enabled() {
            return Ok(());
        }
        match op {
            ReadOp::Range(range) => {
                let who = self.who(key, token)?.unwrap_or_default();
                Ok(self.auth.check_range(&who, range)?)
            }
            ReadOp::Txn(txn) => {
                let who = self.who(key, token)?.unwrap_or_default();
                Ok(self.auth.check_txn(&who, txn, &self.store)?)
            }
            ReadOp::MemberList => self.require_someone(key, token),
            ReadOp::Renew(lease) => self.may_renew(key, token, *lease),
            ReadOp::Authenticate(_) | ReadOp::Downgrade(_) | ReadOp::Http => Ok(()),
        }
    }

    /// A lease is kept alive by who may write its keys.
    pub(crate) fn may_renew(
        &mut self,
        key: RequestKey,
        token: &str,
        lease: i64,
    ) -> Result<(), Fail> {
        if !self.auth.is_enabled() {
            return Ok(());
        }
        let who = self.who(key, token)?.ok_or(AuthFail::UserEmpty)?;
        Ok(self.auth.check_lease(&who, lease, &self.store)?)
    }

    /// The keys of leases are shown to who may read them.
    pub(crate) fn may_see_leases(
        &mut self,
        key: RequestKey,
        token: &str,
        leases: &[i64],
    ) -> Result<(), Fail> {
        if !self.auth.is_enabled() {
            return Ok(());
        }
        let who = self.who(key, token)?.ok_or(AuthFail::UserEmpty)?;
        if self.auth.check_admin(&who).is_ok() {
            return Ok(());
        }
        for lease in leases {
            for attached in self.store.lease_keys(*lease) {
                self.auth.check_read(&who, &attached, b"")?;
            }
        }
        Ok(())
    }

    /// Why a watcher may not be created, as its stream hears it.
    pub(crate) fn may_watch(
        &mut self,
        key: RequestKey,
        token: &str,
        request: &pb::WatchCreateRequest,
    ) -> Result<(), Fail> {
        if !self.auth.is_enabled() {
            return Ok(());
        }
        let who = self.who(key, token)?.unwrap_or_default();
        let first: &[u8] = if request.key.is_empty() { &[0] } else { &request.key };
        match self.auth.check_read(&who, first, &request.range_end) {
            Ok(()) => Ok(()),
            Err(fail @ (AuthFail::OldRevision | AuthFail::UserEmpty)) => Err(fail.into()),
            Err(_) => Err(AuthFail::PermissionDenied.into()),
        }
    }

    /// The Auth service.
    pub(crate) fn serve_auth(
        &mut self,
        key: RequestKey,
        op: Op,
        token: &str,
        timeout_us: Option<u64>,
    ) -> Result<(), Fail> {
        let mut request = InternalRaftRequest::default();
        match op {
            Op::Authenticate(ask) => {
                self.read(key, ReadOp::Authenticate(ask), String::new(), timeout_us);
                return Ok(());
            }
            Op::AuthEnable => request.auth_enable = Some(pb::AuthEnableRequest {}),
            Op::AuthDisable => request.auth_disable = Some(pb::AuthDisableRequest {}),
            Op::AuthStatus => request.auth_status = Some(pb::AuthStatusRequest {}),
            Op::UserAdd(mut add) => {
                if add.options.as_ref().is_none_or(|options| !options.no_password) {
                    add.hashed_password = self.hash_password(&add.password)?;
                    add.password = String::new();
                }
                request.auth_user_add = Some(Box::new(add));
            }
            Op::UserChangePassword(mut change) => {
                if !change.password.is_empty() {
                    change.hashed_password = self.hash_password(&change.password)?;
                    change.password = String::new();
                }
                request.auth_user_change_password = Some(Box::new(change));
            }
            Op::UserGet(get) => request.auth_user_get = Some(Box::new(get)),
            Op::UserList => request.auth_user_list = Some(pb::AuthUserListRequest {}),
            Op::UserDelete(delete) => request.auth_user_delete = Some(Box::new(delete)),
            Op::UserGrantRole(grant) => request.auth_user_grant_role = Some(Box::new(grant)),
            Op::UserRevokeRole(revoke) => request.auth_user_revoke_role = Some(Box::new(revoke)),
            Op::RoleAdd(add) => request.auth_role_add = Some(Box::new(add)),
            Op::RoleGet(get) => request.auth_role_get = Some(Box::new(get)),
            Op::RoleList => request.auth_role_list = Some(pb::AuthRoleListRequest {}),
            Op::RoleDelete(delete) => request.auth_role_delete = Some(Box::new(delete)),
            Op::RoleGrantPermission(grant) => {
                request.auth_role_grant_permission = Some(Box::new(grant));
            }
            Op::RoleRevokePermission(revoke) => {
                request.auth_role_revoke_permission = Some(Box::new(revoke));
            }
            _ => return Err(Fail::Unimplemented),
        }
        self.propose_for(key, request, token, timeout_us);
        Ok(())
    }

    /// The bcrypt string of a new password in base64: the password itself is never logged.
    fn hash_password(&mut self, password: &str) -> Result<String, Fail> {
        let seed = self.config.seed ^ self.id.0 ^ self.now.wall_us;
        let salt = password::salt(self.auth.draw(seed), self.auth.draw(seed));
        let cost = password::Cost::new(self.config.bcrypt_cost).unwrap_or_default();
        let hashed = hash_password(password, cost, salt).ok_or(AuthFail::PasswordTooLong)?;
        Ok(password::to_base64(&hashed))
    }

    /// The password is checked here, by one member; the log then tells all of the token.
    pub(crate) fn authenticate(
        &mut self,
        key: RequestKey,
        request: pb::AuthenticateRequest,
        timeout_us: Option<u64>,
    ) {
        let revision = match self.auth.check_password(&request.name, &request.password) {
            Ok(revision) => revision,
            Err(fail) => {
                self.tell_unauthenticated(&request.name, &fail);
                self.answer(key, Err(fail.into()));
                return;
            }
        };
        let seed = self.config.seed ^ self.id.0.rotate_left(32) ^ self.now.wall_us;
        let simple_token = tokens::letters(self.auth.draw(seed));
        let internal = pb::InternalAuthenticateRequest {
            name: request.name.clone(),
            password: String::new(),
            simple_token,
        };
        let proposal = InternalRaftRequest {
            authenticate: Some(Box::new(internal)),
            ..InternalRaftRequest::default()
        };
        let asker = Asker::Authentication { key, revision, request: Box::new(request) };
        if let Err(fail) = self.propose(asker, proposal, timeout_us) {
            self.answer(key, Err(fail));
        }
    }

    fn tell_unauthenticated(&mut self, user: &str, fail: &AuthFail) {
        if *fail == AuthFail::NotEnabled {
            return;
        }
        if *fail == AuthFail::Failed && self.auth.user_roles(user).is_ok() {
            let line = self.say(Level::Info, "auth/store.go:390", "invalid password");
            line.fields.push(("user-name", user.into()));
        }
        let msg = "invalid authentication was requested";
        let line = self.say(Level::Warn, "etcdserver/v3_server.go:528", msg);
        line.fields.push(("user", user.into()));
        line.fields.push(("error", fail.internal_text().into()));
    }

    /// The entry of an authentication was applied. If users or roles changed since the
    /// password was checked, it is checked again.
    pub(crate) fn authenticated(
        &mut self,
        key: RequestKey,
        revision: u64,
        request: pb::AuthenticateRequest,
        outcome: Result<Option<Answer>, Fail>,
    ) {
        if outcome.is_ok() && revision != self.auth.revision() {
            let msg = "revision when password checked became stale; retrying";
            self.say(Level::Info, "etcdserver/v3_server.go:559", msg);
            self.authenticate(key, request, None);
        } else if let Some(answer) = outcome.transpose() {
            self.answer(key, answer);
        }
    }

    /// The check of the applier.
    pub(crate) fn may_apply(&mut self, request: &InternalRaftRequest) -> Result<(), Fail> {
        if !self.auth.is_enabled() {
            return Ok(());
        }
        let Err(fail) = self.auth.check_entry(request, &self.store) else { return Ok(()) };
        if fail == AuthFail::OldRevision {
            let given = request.header.as_ref().map_or(0, |header| header.auth_revision);
            let current = self.auth.revision();
            let msg = "request auth revision is less than current node auth revision";
            let line = self.say(Level::Warn, "auth/store.go:871", msg);
            line.fields.push(("current node auth revision", current.into()));
            line.fields.push(("request auth revision", given.into()));
            line.fields.push(("error", fail.internal_text().into()));
        }
        Err(fail.into())
    }

    /// Carries out what concerns users and roles; none for another request.
    pub(crate) fn apply_auth(
        &mut self,
        request: &InternalRaftRequest,
    ) -> Option<Result<Answer, Fail>> {
        let answer = match self.apply_auth_read(request) {
            Some(answer) => answer,
            None => {
                let said = self.apply_auth_change(request)?;
                said.map(|said| {
                    self.out.log.extend(said);
                    Answer::Header(pb::HeaderResponse { header: Some(self.header()) })
                })
            }
        };
        Some(answer.map_err(Fail::from))
    }

    fn apply_auth_read(
        &mut self,
        request: &InternalRaftRequest,
    ) -> Option<Result<Answer, AuthFail>> {
        let header = Some(self.header());
        let auth = &mut self.auth;
        Some(if let Some(ask) = &request.authenticate {
            let token = auth.authenticate(ask, self.applied.index, self.now.mono_us);
            token.map(|token| Answer::Authenticate(pb::AuthenticateResponse { header, token }))
        } else if request.auth_status.is_some() {
            let (enabled, auth_revision) = (auth.is_enabled(), auth.revision());
            Ok(Answer::AuthStatus(pb::AuthStatusResponse { header, enabled, auth_revision }))
        } else if request.auth_user_list.is_some() {
            let users = auth.user_names();
            Ok(Answer::UserList(pb::AuthUserListResponse { header, users }))
        } else if request.auth_role_list.is_some() {
            let roles = auth.role_names();
            Ok(Answer::RoleList(pb::AuthRoleListResponse { header, roles }))
        } else if let Some(get) = &request.auth_user_get {
            let roles = auth.user_roles(&get.name);
            roles.map(|roles| Answer::UserGet(pb::AuthUserGetResponse { header, roles }))
        } else if let Some(get) = &request.auth_role_get {
            // Until 3.5 the role root has nothing to show for itself.
            let hidden = get.role == ROOT && !self.config.release.is_3_6();
            let perm = auth.role_permissions(&get.role);
            let perm = perm.map(|perm| if hidden { Vec::new() } else { perm });
            perm.map(|perm| Answer::RoleGet(pb::AuthRoleGetResponse { header, perm }))
        } else {
            return None;
        })
    }

    fn apply_auth_change(
        &mut self,
        request: &InternalRaftRequest,
    ) -> Option<Result<Option<LogLine>, AuthFail>> {
        let (auth, store) = (&mut self.auth, &mut self.store);
        if request.auth_disable.is_some() {
            return Some(Ok(auth.disable(store)));
        }
        let said = if request.auth_enable.is_some() {
            auth.enable(store)
        } else if let Some(add) = &request.auth_user_add {
            auth.user_add(add, store)
        } else if let Some(delete) = &request.auth_user_delete {
            auth.user_delete(delete, store)
        } else if let Some(change) = &request.auth_user_change_password {
            auth.user_change_password(change, store)
        } else if let Some(grant) = &request.auth_user_grant_role {
            auth.user_grant_role(grant, store)
        } else if let Some(revoke) = &request.auth_user_revoke_role {
            auth.user_revoke_role(revoke, store)
        } else if let Some(add) = &request.auth_role_add {
            auth.role_add(add, store)
        } else if let Some(delete) = &request.auth_role_delete {
            auth.role_delete(delete, store)
        } else if let Some(grant) = &request.auth_role_grant_permission {
            auth.role_grant_permission(grant, store)
        } else if let Some(revoke) = &request.auth_role_revoke_permission {
            auth.role_revoke_permission(revoke, store)
        } else {
            return None;
        };
        Some(said.map(Some))
    }

    /// What the member itself proposes in root's name: the end of a lease.
    pub(crate) fn as_root(&self) -> Who {
        if self.auth.is_enabled() {
            Who { user: ROOT.to_owned(), revision: self.auth.revision() }
        } else {
            Who::default()
        }
    }
}
