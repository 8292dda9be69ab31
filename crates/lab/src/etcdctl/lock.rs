//! `lock` and `elect`: keys under a prefix, each with its owner's lease; the oldest has it.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use etcd::pb::compare::TargetUnion;
use etcd::pb::response_op::Response;
use etcd::pb::{self, EventType, SortOrder, SortTarget, request_op};
use etcd::rpc::{Answer, Op};
use sim::{Either, Signal, race};

use super::client::Client;
use super::exit::{BAD_ARGS, ERROR, Exit};
use super::feed::{Feed, Session};
use super::kv::prefix_end;
use super::printer::Shown;
use super::settings::Settings;
use super::{Ctl, exec};

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

/// The keys of a lock or an election, and ours among them.
struct Place<'a> {
    ctl: &'a Ctl,
    client: &'a Client,
    settings: &'a Settings,
    prefix: Bytes,
    key: Bytes,
    lease: i64,
    /// The revision our key was made at.
    revision: i64,
}

fn range(key: &Bytes) -> pb::RangeRequest {
    pb::RangeRequest { key: key.clone(), ..pb::RangeRequest::default() }
}

/// The first or the last key made under a prefix.
fn outermost(prefix: &Bytes, sort_order: SortOrder) -> pb::RangeRequest {
    pb::RangeRequest {
        range_end: prefix_end(prefix),
        limit: 1,
        sort_order: sort_order.into(),
        sort_target: SortTarget::Create.into(),
        ..range(prefix)
    }
}

fn created_at(key: &Bytes, revision: i64) -> pb::Compare {
    pb::Compare {
        result: pb::CompareResult::Equal.into(),
        target: pb::CompareTarget::Create.into(),
        key: key.clone(),
        target_union: Some(TargetUnion::CreateRevision(revision)),
        range_end: Bytes::new(),
    }
}

fn request(request: request_op::Request) -> pb::RequestOp {
    pb::RequestOp { request: Some(request) }
}

async fn get(client: &Client, request: pb::RangeRequest) -> Result<pb::RangeResponse, Exit> {
    match client.call(&Op::Range(request), None).await.map_err(failed)? {
        Answer::Range(answer) => Ok(answer),
        _ => unreachable!("a range is answered as one"),
    }
}

async fn commit(client: &Client, txn: pb::TxnRequest) -> Result<pb::TxnResponse, Exit> {
    match client.call(&Op::Txn(txn), None).await.map_err(failed)? {
        Answer::Txn(answer) => Ok(answer),
        _ => unreachable!("a transaction is answered as one"),
    }
}

fn revision_of(header: Option<&pb::ResponseHeader>) -> i64 {
    header.map_or(0, |header| header.revision)
}

fn ranged(answer: &pb::TxnResponse, at: usize) -> &[pb::KeyValue] {
    match answer.responses.get(at).and_then(|op| op.response.as_ref()) {
        Some(Response::Range(range)) => &range.kvs,
        _ => &[],
    }
}

impl<'a> Place<'a> {
    fn new(
        ctl: &'a Ctl,
        client: &'a Client,
        settings: &'a Settings,
        name: &str,
        lease: i64,
    ) -> Place<'a> {
        let prefix = Bytes::from(format!("{name}/"));
        let key = Bytes::from(format!("{name}/{lease:x}"));
        Place { ctl, client, settings, prefix, key, lease, revision: 0 }
    }

    /// Puts our key, unless it is there.
    async fn enter(&mut self, value: &str, and_owner: bool) -> Result<pb::TxnResponse, Exit> {
        let put = request_op::Request::Put(pb::PutRequest {
            key: self.key.clone(),
            value: Bytes::copy_from_slice(value.as_bytes()),
            lease: self.lease,
            ..pb::PutRequest::default()
        });
        let mut success = vec![request(put)];
        let mut failure = vec![request(request_op::Request::Range(range(&self.key)))];
        if and_owner {
            let owner = outermost(&self.prefix, SortOrder::Ascend);
            success.push(request(request_op::Request::Range(owner.clone())));
            failure.push(request(request_op::Request::Range(owner)));
        }
        let compare = vec![created_at(&self.key, 0)];
        let answer = commit(self.client, pb::TxnRequest { compare, success, failure }).await?;
        self.revision = match ranged(&answer, 0).first() {
            Some(kept) if !answer.succeeded => kept.create_revision,
            _ => revision_of(answer.header.as_ref()),
        };
        Ok(answer)
    }

    /// Waits until no key made before ours is left.
    async fn wait(&self) -> Result<(), Exit> {
        loop {
            let older = pb::RangeRequest {
                max_create_revision: self.revision - 1,
                ..outermost(&self.prefix, SortOrder::Descend)
            };
            let answer = get(self.client, older).await?;
            let Some(last) = answer.kvs.first() else { return Ok(()) };
            let from = revision_of(answer.header.as_ref());
            let mut feed = Feed::new(self.ctl, self.client, (last.key.clone(), Bytes::new()), from);
            loop {
                let heard = feed.next().await.map_err(failed)?;
                if heard.events.iter().any(|event| event.r#type() == EventType::Delete) {
                    break;
                }
                if heard.canceled {
                    return Err(failed(canceled(&heard)));
                }
            }
        }
    }

    /// Deletes our key, which is how a lock is released.
    async fn unlock(&self) -> Result<(), Exit> {
        let key = self.key.clone();
        let op = Op::DeleteRange(pb::DeleteRangeRequest { key, ..Default::default() });
        self.client.call(&op, None).await.map(|_| ()).map_err(failed)
    }

    /// Deletes our key if it is still the one we made, which is how a leader resigns.
    async fn resign(&self) -> Result<(), Exit> {
        let delete = pb::DeleteRangeRequest { key: self.key.clone(), ..Default::default() };
        let txn = pb::TxnRequest {
            compare: vec![created_at(&self.key, self.revision)],
            success: vec![request(request_op::Request::DeleteRange(delete))],
            failure: Vec::new(),
        };
        commit(self.client, txn).await.map(|_| ())
    }

    async fn show_own(&self) -> Result<(), Exit> {
        let answer = get(self.client, range(&self.key)).await?;
        self.ctl.show(&self.settings.printer, &Shown::Get(answer, false)).await
    }
}

/// Why a server ended a watch.
fn canceled(answer: &pb::WatchResponse) -> String {
    match answer.cancel_reason.as_str() {
        _ if answer.compact_revision != 0 => {
            "etcdserver: mvcc: required revision has been compacted".to_owned()
        }
        "" => "etcdserver: watch canceled".to_owned(),
        why => why.to_owned(),
    }
}

/// SIGINT or SIGTERM.
async fn interrupted(ctl: &Ctl) {
    ctl.sys.caught().await;
}

/// Runs something while a session is kept alive beside it. Its end only sets a mark: who
/// holds a lock or leads looks at it.
async fn beside<T>(session: &Session<'_>, lost: &Cell<bool>, work: impl Future<Output = T>) -> T {
    let session = async {
        session.over().await;
        lost.set(true);
        pending::<()>().await;
    };
    match race(work, session).await {
        Either::Left(done) => done,
        Either::Right(()) => unreachable!("it never ends"),
    }
}

/// Until the session is lost or a signal comes; true for a signal.
async fn hold_on(ctl: &Ctl, lost: &Cell<bool>) -> bool {
    let over = poll_fn(|_| if lost.get() { Poll::Ready(()) } else { Poll::Pending });
    matches!(race(interrupted(ctl), over).await, Either::Left(()))
}

fn catch(ctl: &Ctl) {
    ctl.sys.catch(Signal::Int);
    ctl.sys.catch(Signal::Term);
}

pub(super) async fn lock(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [name, command @ ..] = ctl.args.as_slice() else {
        let text = "lock takes a lock name argument and an optional command to execute";
        return Err(Exit::new(BAD_ARGS, text));
    };
    let (client, settings) = ctl.client().await?;
    let session = Session::new(&ctl, &client, &settings, Some(ctl.flags.int("ttl"))).await?;
    let place = Place::new(&ctl, &client, &settings, name, session.lease);
    catch(&ctl);
    let lost = Cell::new(false);
    beside(&session, &lost, hold(place, command, &lost)).await
}

async fn hold(mut place: Place<'_>, command: &[String], lost: &Cell<bool>) -> Result<(), Exit> {
    let ctl = place.ctl;
    let taking = async {
        let answer = place.enter("", true).await?;
        let first = ranged(&answer, 1).first();
        if first.is_none_or(|first| first.create_revision == place.revision) {
            return Ok(revision_of(answer.header.as_ref()));
        }
        let waited = async {
            place.wait().await?;
            get(place.client, range(&place.key)).await
        };
        match waited.await {
            Ok(own) if own.kvs.is_empty() => Err(failed("mutex: session is expired")),
            Ok(own) => Ok(revision_of(own.header.as_ref())),
            Err(exit) => {
                let _ = place.unlock().await;
                Err(exit)
            }
        }
    };
    let revision = match race(taking, interrupted(ctl)).await {
        Either::Left(taken) => taken?,
        Either::Right(()) => {
            place.unlock().await?;
            return Err(failed("context canceled"));
        }
    };
    if !command.is_empty() {
        return run(&place, command, revision).await;
    }
    let own = get(place.client, range(&place.key)).await?;
    if own.kvs.is_empty() {
        return Err(failed("lock lost on init"));
    }
    ctl.show(&place.settings.printer, &Shown::Get(own, false)).await?;
    if hold_on(ctl, lost).await { place.unlock().await } else { Err(failed("session expired")) }
}

/// Runs a command while the lock is held.
async fn run(place: &Place<'_>, command: &[String], revision: i64) -> Result<(), Exit> {
    let sys = &place.ctl.sys;
    let key = String::from_utf8_lossy(&place.key).into_owned();
    let mut env =
        vec![("ETCD_LOCK_KEY".to_owned(), key), ("ETCD_LOCK_REV".to_owned(), revision.to_string())];
    env.extend(sys.envs());
    let done = exec::run(sys, command, env).await;
    let unlocked = place.unlock().await;
    match done {
        Ok(()) => unlocked,
        Err(error) => Err(Exit::new(error.code, error.text)),
    }
}

pub(super) async fn elect(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let listen = ctl.flags.bool("listen");
    if ctl.args.is_empty() || ctl.args.len() > 2 {
        let text = "elect takes one election name argument and an optional proposal argument";
        return Err(Exit::new(BAD_ARGS, text));
    }
    let (client, settings) = ctl.client().await?;
    let proposal = match ctl.args.get(1) {
        None if !listen => {
            return Err(Exit::new(BAD_ARGS, "no proposal argument but -l not set"));
        }
        Some(_) if listen => return Err(Exit::new(BAD_ARGS, "proposal given but -l is set")),
        proposal => proposal,
    };
    let session = Session::new(&ctl, &client, &settings, None).await?;
    let place = Place::new(&ctl, &client, &settings, &ctl.args[0], session.lease);
    catch(&ctl);
    let lost = Cell::new(false);
    match proposal {
        Some(proposal) => beside(&session, &lost, campaign(place, proposal, &lost)).await,
        None => {
            let observing = race(observe(&place), interrupted(&ctl));
            match beside(&session, &lost, observing).await {
                Either::Left(over) => over,
                Either::Right(()) => Ok(()),
            }
        }
    }
}

async fn campaign(mut place: Place<'_>, proposal: &str, lost: &Cell<bool>) -> Result<(), Exit> {
    let ctl = place.ctl;
    let running = async {
        place.enter(proposal, false).await?;
        place.wait().await
    };
    match race(running, interrupted(ctl)).await {
        Either::Left(won) => won?,
        Either::Right(()) => {
            place.resign().await?;
            return Err(failed("context canceled"));
        }
    }
    place.show_own().await?;
    if hold_on(ctl, lost).await {
        place.resign().await
    } else {
        Err(failed("elect: session expired"))
    }
}

/// Shows the leader and every later one, until the watch is lost.
async fn observe(place: &Place<'_>) -> Result<(), Exit> {
    let lost = || failed("elect: observer lost");
    let show = async |answer: pb::RangeResponse| {
        place.ctl.show(&place.settings.printer, &Shown::Get(answer, false)).await
    };
    let everyone = (place.prefix.clone(), prefix_end(&place.prefix));
    loop {
        let first = outermost(&place.prefix, SortOrder::Ascend);
        let got = get(place.client, first).await.map_err(|_| lost())?;
        let found = match got.kvs.first() {
            Some(pair) => Some((pair.clone(), got.header.clone())),
            None => {
                let from = revision_of(got.header.as_ref());
                let mut feed = Feed::new(place.ctl, place.client, everyone.clone(), from);
                let heard = feed.next().await.map_err(|_| lost())?;
                if heard.canceled {
                    return Err(lost());
                }
                let put = heard.events.iter().find(|event| event.r#type() == EventType::Put);
                let pair = put.and_then(|event| event.kv.clone());
                pair.map(|pair| {
                    let revision = pair.mod_revision;
                    let header = heard.header.clone();
                    let header = header.map(|it| pb::ResponseHeader { revision, ..it });
                    (pair, header)
                })
            }
        };
        let Some((pair, header)) = found else { continue };
        let (key, from) = (pair.key.clone(), revision_of(header.as_ref()) + 1);
        show(pb::RangeResponse { header, kvs: vec![pair], ..Default::default() }).await?;
        let mut feed = Feed::new(place.ctl, place.client, (key, Bytes::new()), from);
        'leads: loop {
            let heard = feed.next().await.map_err(|_| lost())?;
            if heard.canceled {
                return Err(lost());
            }
            for event in heard.events {
                if event.r#type() == EventType::Delete {
                    break 'leads;
                }
                let (header, kvs) = (heard.header.clone(), Vec::from_iter(event.kv));
                show(pb::RangeResponse { header, kvs, ..got.clone() }).await?;
            }
        }
    }
}
