//! What commands build on the client library's watches and leases, without printing them: the
//! changes of some keys, and a lease that is kept alive (`concurrency.Session`).

use etcd::pb;
use etcd::rpc::{Answer, Op};

use super::Ctl;
use super::client::{Client, Stream};
use super::exit::{ERROR, Exit};
use super::lease::Renewal;
use super::settings::Settings;

/// The pauses before a broken stream is opened again, and their end.
const REOPEN_US: (u64, u64) = (1_000, 100_000);
/// What a session's lease lives unless told otherwise.
const TTL_S: i64 = 60;

/// One watcher on a stream of its own.
pub(super) struct Feed<'a> {
    ctl: &'a Ctl,
    client: Client,
    request: pb::WatchCreateRequest,
    stream: Option<Stream>,
    pause_us: u64,
}

impl<'a> Feed<'a> {
    /// Watches from a revision on.
    pub(super) fn new(
        ctl: &'a Ctl,
        client: &Client,
        (key, range_end): (bytes::Bytes, bytes::Bytes),
        start_revision: i64,
    ) -> Feed<'a> {
        let request = pb::WatchCreateRequest {
            key,
            range_end,
            start_revision,
            ..pb::WatchCreateRequest::default()
        };
        Feed { ctl, client: client.twin(), request, stream: None, pause_us: REOPEN_US.0 }
    }

    /// The next answer with events or with the end of the watch; an error ends it too.
    pub(super) async fn next(&mut self) -> Result<pb::WatchResponse, String> {
        loop {
            if self.stream.is_none() {
                let create = self.request.clone();
                let op = Op::WatchCreate { create, require_leader: false };
                let stream = self.client.stream(op, None).await;
                self.stream = Some(stream.map_err(|error| error.to_string())?);
            }
            let stream = self.stream.as_ref().expect("opened above");
            match stream.recv().await {
                Ok(Some(Answer::Watch(answer))) => {
                    self.pause_us = REOPEN_US.0;
                    if answer.canceled {
                        return Ok(answer);
                    }
                    let last = answer.events.last().and_then(|event| event.kv.as_ref());
                    if let Some(last) = last {
                        self.request.start_revision = last.mod_revision + 1;
                        return Ok(answer);
                    }
                }
                Err(error) if error.halts() => return Err(error.to_string()),
                _ => {
                    if let Some(stream) = self.stream.take() {
                        self.client.drop_stream(stream);
                    }
                    self.ctl.sys.sleep_us(self.pause_us).await;
                    self.pause_us = (self.pause_us * 2).min(REOPEN_US.1);
                }
            }
        }
    }
}

impl Drop for Feed<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.client.drop_stream(stream);
        }
    }
}

/// A lease, and the code that keeps it alive.
pub(super) struct Session<'a> {
    ctl: &'a Ctl,
    settings: &'a Settings,
    client: Client,
    /// The lease.
    pub(super) lease: i64,
}

impl<'a> Session<'a> {
    /// Takes out a lease. Less than a second is as good as nothing said.
    pub(super) async fn new(
        ctl: &'a Ctl,
        client: &Client,
        settings: &'a Settings,
        ttl_s: Option<i64>,
    ) -> Result<Session<'a>, Exit> {
        let ttl = match ttl_s {
            Some(ttl) if ttl <= 0 => {
                if ctl.release.is_3_6() {
                    let msg = "WithTTL(): TTL should be > 0, preserving current TTL";
                    let fields = format!(",\"current-session-ttl\":{TTL_S}");
                    let caller = "concurrency/session.go:133";
                    ctl.log("warn", "etcd-client", caller, msg, &fields).await;
                }
                TTL_S
            }
            ttl => ttl.unwrap_or(TTL_S),
        };
        let op = Op::LeaseGrant(pb::LeaseGrantRequest { ttl, id: 0 });
        let granted = client.call(&op, None).await.map_err(|error| Exit::new(ERROR, error))?;
        let Answer::LeaseGrant(granted) = granted else {
            unreachable!("a grant is answered as one");
        };
        Ok(Session { ctl, settings, client: client.twin(), lease: granted.id })
    }

    /// Ends when the lease does.
    pub(super) async fn over(&self) {
        // It prints nothing, so nothing can go wrong with that.
        let _ = Renewal::silent(self.ctl, self.settings, self.lease).run(&self.client).await;
    }
}
