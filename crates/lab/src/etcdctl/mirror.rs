//! `make-mirror`: copies the keys of one cluster to another, and then every change.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use etcd::pb::{self, EventType, request_op};
use etcd::rpc::{Answer, Op};
use sim::{Either, race};

use super::Ctl;
use super::client::{Client, Spec};
use super::exit::{BAD_ARGS, ERROR, Exit};
use super::feed::Feed;
use super::kv::range;
use super::settings::credentials;

/// Pairs read at once.
const BATCH: i64 = 1000;
/// How often the number of copied pairs is printed.
const REPORT_US: u64 = 30_000_000;

/// A copy under way.
struct Mirror<'a> {
    ctl: &'a Ctl,
    from: Client,
    to: Client,
    prefix: String,
    to_prefix: String,
    total: &'a Cell<u64>,
}

pub(super) async fn run(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [destination] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "make-mirror takes one destination argument"));
    };
    let to = destination_client(&ctl, destination).await?;
    let (from, _) = ctl.client().await?;
    let flags = &ctl.flags;
    if flags.bool("no-dest-prefix") && !flags.text("dest-prefix").is_empty() {
        let text = "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, \
                    choose one";
        return Err(Exit::new(BAD_ARGS, text));
    }
    let total = Cell::new(0);
    let mirror = Mirror {
        ctl: &ctl,
        from,
        to,
        prefix: flags.text("prefix").to_owned(),
        to_prefix: flags.text("dest-prefix").to_owned(),
        total: &total,
    };
    let reporting = async {
        loop {
            ctl.sys.sleep_us(REPORT_US).await;
            ctl.out(format!("{}\n", total.get())).await;
        }
    };
    let ended = match race(mirror.run(), reporting).await {
        Either::Left(ended) => ended,
        Either::Right(()) => unreachable!("reporting never ends"),
    };
    // A mirror whose watch just ended has no error to show, and shows that.
    Err(Exit::new(ERROR, ended.err().unwrap_or_else(|| "<nil>".to_owned())))
}

/// A client of the other cluster, with its own options.
async fn destination_client(ctl: &Ctl, endpoint: &str) -> Result<Client, Exit> {
    let flags = &ctl.flags;
    let user = match flags.text("dest-user") {
        "" => None,
        user => {
            let given = flags.text("dest-password");
            Some(credentials(ctl, user, given, "Destination Password: ").await?)
        }
    };
    let spec = Spec { endpoints: vec![endpoint.to_owned()], user, ..ctl.spec_of(flags, "dest-")? };
    ctl.connect(&spec).await
}

impl Mirror<'_> {
    async fn run(mut self) -> Result<(), String> {
        let from = self.ctl.flags.int("rev") - 1;
        let revision = if from > 0 { from } else { self.copy_all().await? };
        let keys = range(&self.prefix, None, true, false);
        let mut feed = Feed::new(self.ctl, &self.from, keys, revision + 1);
        loop {
            // A watch that cannot go on just ends.
            let Ok(heard) = feed.next().await else { return Ok(()) };
            if heard.compact_revision != 0 {
                return Err("etcdserver: mvcc: required revision has been compacted".to_owned());
            }
            if heard.canceled {
                return Ok(());
            }
            self.follow(heard.events).await?;
        }
    }

    /// Copies what is there now; gives its revision.
    async fn copy_all(&mut self) -> Result<i64, String> {
        let probe = if self.prefix.is_empty() { "foo" } else { &self.prefix };
        let key = Bytes::copy_from_slice(probe.as_bytes());
        let now = self.get(pb::RangeRequest { key, ..Default::default() }).await?;
        let revision = now.header.map_or(0, |header| header.revision);
        if !self.ctl.flags.bool("no-dest-prefix") && self.to_prefix.is_empty() {
            self.to_prefix = self.prefix.clone();
        }
        let (mut key, range_end) = range(&self.prefix, None, true, false);
        loop {
            let request = pb::RangeRequest {
                key,
                range_end: range_end.clone(),
                limit: BATCH,
                revision,
                ..Default::default()
            };
            let page = self.get(request).await?;
            let last = page.kvs.last().map(|pair| pair.key.clone());
            for pair in page.kvs {
                let put = self.put(&pair);
                self.to.call(&Op::Put(put), None).await.map_err(|error| error.to_string())?;
                self.total.set(self.total.get() + 1);
            }
            match last {
                Some(last) if page.more => key = [&last[..], b"\0"].concat().into(),
                _ => return Ok(revision),
            }
        }
    }

    async fn get(&self, request: pb::RangeRequest) -> Result<pb::RangeResponse, String> {
        match self.from.call(&Op::Range(request), None).await {
            Ok(Answer::Range(answer)) => Ok(answer),
            Ok(_) => unreachable!("a range is answered as one"),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The changes of one answer, those of a revision in one transaction.
    async fn follow(&self, events: Vec<pb::Event>) -> Result<(), String> {
        let most = match self.ctl.release.is_3_6() {
            true => usize::try_from(self.ctl.flags.uint("max-txn-ops")).unwrap_or(usize::MAX),
            false => usize::MAX,
        };
        let mut requests = Vec::new();
        let mut last = 0;
        for event in events {
            let kind = event.r#type();
            let Some(pair) = event.kv else { continue };
            if last != 0 && pair.mod_revision > last || requests.len() == most {
                self.commit(std::mem::take(&mut requests)).await?;
            }
            last = pair.mod_revision;
            let request = match kind {
                EventType::Put => request_op::Request::Put(self.put(&pair)),
                EventType::Delete => request_op::Request::DeleteRange(pb::DeleteRangeRequest {
                    key: self.moved(&pair.key),
                    ..Default::default()
                }),
            };
            requests.push(pb::RequestOp { request: Some(request) });
            self.total.set(self.total.get() + 1);
        }
        if requests.is_empty() { Ok(()) } else { self.commit(requests).await }
    }

    async fn commit(&self, success: Vec<pb::RequestOp>) -> Result<(), String> {
        let txn = pb::TxnRequest { success, ..Default::default() };
        self.to.call(&Op::Txn(txn), None).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn put(&self, pair: &pb::KeyValue) -> pb::PutRequest {
        let (key, value) = (self.moved(&pair.key), pair.value.clone());
        pb::PutRequest { key, value, ..Default::default() }
    }

    /// The key with the other cluster's prefix in place of ours.
    fn moved(&self, key: &[u8]) -> Bytes {
        match key.strip_prefix(self.prefix.as_bytes()) {
            Some(rest) => [self.to_prefix.as_bytes(), rest].concat().into(),
            None => Bytes::copy_from_slice(key),
        }
    }
}
