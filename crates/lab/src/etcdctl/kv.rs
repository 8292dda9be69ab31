//! `put`, `get` and `del`, as commands and as requests of a transaction.

use std::rc::Rc;

use bytes::Bytes;
use etcd::Release;
use etcd::pb::{self, SortOrder, SortTarget};
use etcd::rpc::{Answer, Op};
use sim::{Fd, Sys};

use super::Ctl;
use super::exit::{BAD_ARGS, BAD_FEATURE, ERROR, Exit};
use super::flags::Flags;
use super::go::{number, quote::quote};
use super::printer::{Format, Shown};

/// A request with what it comes from: the machine, for standard input and the pause of `del`.
pub(super) struct Request<'a> {
    /// The machine.
    pub sys: &'a Sys,
    /// etcdctl's release.
    pub release: Release,
    /// The request's flags.
    pub flags: &'a Flags,
    /// Its arguments.
    pub args: &'a [String],
}

const BOTH: &str = "`--prefix` and `--from-key` cannot be set at the same time, choose one";
const ONE_KEY: &str =
    "too many arguments, only accept one argument when `--prefix` or `--from-key` is set";

fn bad<T>(message: &str) -> Result<T, Exit> {
    Err(Exit::new(BAD_ARGS, message))
}

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

impl Ctl {
    fn request(&self) -> Request<'_> {
        Request { sys: &self.sys, release: self.release, flags: &self.flags, args: &self.args }
    }
}

pub(super) async fn put(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let op = Op::Put(ctl.request().put().await?);
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    match client.call(&op, deadline_us).await.map_err(failed)? {
        Answer::Put(answer) => ctl.show(&settings.printer, &Shown::Put(answer)).await,
        _ => unreachable!("a put is answered as one"),
    }
}

pub(super) async fn get(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let op = Op::Range(ctl.request().get()?);
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let Answer::Range(answer) = client.call(&op, deadline_us).await.map_err(failed)? else {
        unreachable!("a range is answered as one");
    };
    let format = settings.printer.format;
    if ctl.flags.bool("count-only") && format != Format::Fields {
        return bad("--count-only is only for `--write-out=fields`");
    }
    let values_only = ctl.flags.bool("print-value-only");
    if values_only && format != Format::Simple {
        return bad("print-value-only is only for `--write-out=simple`");
    }
    ctl.show(&settings.printer, &Shown::Get(answer, values_only)).await
}

pub(super) async fn del(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let op = Op::DeleteRange(ctl.request().del().await?);
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    match client.call(&op, deadline_us).await.map_err(failed)? {
        Answer::DeleteRange(answer) => ctl.show(&settings.printer, &Shown::Del(answer)).await,
        _ => unreachable!("a delete is answered as one"),
    }
}

impl Request<'_> {
    pub(super) async fn put(&self) -> Result<pb::PutRequest, Exit> {
        const NEEDS: &str = "put command needs 1 argument and input from stdin or 2 arguments";
        let Some(key) = self.args.first() else { return bad(NEEDS) };
        let ignore_value = self.flags.bool("ignore-value");
        if ignore_value && self.args.len() > 1 {
            return bad("put command needs only 1 argument when 'ignore-value' is set");
        }
        let value = match self.args.get(1) {
            _ if ignore_value => Bytes::new(),
            Some(value) => bytes_of(value),
            None => match read_all(self.sys).await {
                value if value.is_empty() => return bad(NEEDS),
                value => value.into(),
            },
        };
        let lease = number::parse_int(self.flags.text("lease"), 16).map_err(|error| {
            Exit::new(BAD_ARGS, format!("bad lease ID ({error}), expecting ID in Hex"))
        })?;
        Ok(pb::PutRequest {
            key: bytes_of(key),
            value,
            lease,
            prev_kv: self.flags.bool("prev-kv"),
            ignore_value,
            ignore_lease: self.flags.bool("ignore-lease"),
        })
    }

    pub(super) fn get(&self) -> Result<pb::RangeRequest, Exit> {
        let flags = self.flags;
        let (prefix, from_key) = (flags.bool("prefix"), flags.bool("from-key"));
        let Some(key) = self.args.first() else {
            return bad(
                "get command needs one argument as key and an optional argument as range_end",
            );
        };
        if prefix && from_key {
            return bad(BOTH);
        }
        if flags.bool("keys-only") && flags.bool("count-only") {
            return bad(
                "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
            );
        }
        let consistency = flags.text("consistency");
        let serializable = serializable(consistency, consistency)?;
        if self.args.len() > 1 && (prefix || from_key) {
            return bad(ONE_KEY);
        }
        let (sort_target, sort_order) = self.sort()?;
        let (key, range_end) = range(key, self.args.get(1), prefix, from_key);
        let limits = |what: &str| {
            let low = flags.int(&format!("min-{what}-rev")).max(0);
            let high = flags.int(&format!("max-{what}-rev")).max(0);
            (low, high)
        };
        let (min_create, max_create) = limits("create");
        let (min_mod, max_mod) = limits("mod");
        for (what, low, high) in [("Create", min_create, max_create), ("Mod", min_mod, max_mod)] {
            if high > 0 && low > high {
                let text = format!("getMin{what}Rev(={low}) > getMax{what}Rev(={high})");
                return Err(Exit::new(BAD_FEATURE, text));
            }
        }
        Ok(pb::RangeRequest {
            key,
            range_end,
            limit: flags.int("limit"),
            revision: flags.int("rev").max(0),
            sort_order: sort_order.into(),
            sort_target: sort_target.into(),
            serializable,
            keys_only: flags.bool("keys-only"),
            count_only: flags.bool("count-only"),
            min_mod_revision: min_mod,
            max_mod_revision: max_mod,
            min_create_revision: min_create,
            max_create_revision: max_create,
        })
    }

    fn sort(&self) -> Result<(SortTarget, SortOrder), Exit> {
        let (order, target) = (self.flags.text("order"), self.flags.text("sort-by"));
        let unknown = |what, value| Err(Exit::new(BAD_FEATURE, format!("bad sort {what} {value}")));
        let sort_order = match order.to_uppercase().as_str() {
            "" => SortOrder::None,
            "ASCEND" => SortOrder::Ascend,
            "DESCEND" => SortOrder::Descend,
            _ => return unknown("order", order),
        };
        let sort_target = match target.to_uppercase().as_str() {
            "" | "KEY" => SortTarget::Key,
            "CREATE" => SortTarget::Create,
            "MODIFY" => SortTarget::Mod,
            "VALUE" => SortTarget::Value,
            "VERSION" => SortTarget::Version,
            _ => return unknown("target", target),
        };
        // Keys come in this order anyway: the library spares the server the sorting.
        let ascending = (sort_target, sort_order) == (SortTarget::Key, SortOrder::Ascend);
        Ok((sort_target, if ascending { SortOrder::None } else { sort_order }))
    }

    pub(super) async fn del(&self) -> Result<pb::DeleteRangeRequest, Exit> {
        let (prefix, from_key) = (self.flags.bool("prefix"), self.flags.bool("from-key"));
        let (Some(key), true) = (self.args.first(), self.args.len() <= 2) else {
            return bad(
                "del command needs one argument as key and an optional argument as range_end",
            );
        };
        if prefix && from_key {
            return bad(BOTH);
        }
        if let Some(end) = self.args.get(1) {
            if prefix || from_key {
                return bad(ONE_KEY);
            }
            if !self.flags.bool("range") {
                self.warn_of_range(key, end).await;
            }
        }
        let (key, range_end) = range(key, self.args.get(1), prefix, from_key);
        Ok(pb::DeleteRangeRequest { key, range_end, prev_kv: self.flags.bool("prev-kv") })
    }

    /// 3.6 gives two seconds to think before it deletes a range; 3.5 announces that.
    async fn warn_of_range(&self, key: &str, end: &str) {
        if !self.release.is_3_6() {
            let text = "In etcd v3.6, the operation will be suspended for a few seconds to \
                        provide the user time to verify range.\n";
            let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
            return;
        }
        let text = format!(
            "Warning: Keys between {} and {} will be deleted. Please interrupt the command \
             within next 2 seconds to cancel. You can provide `--range` flag to avoid the \
             delay.\n",
            quote(key.as_bytes()),
            quote(end.as_bytes())
        );
        let _ = self.sys.write(Fd::STDERR, text.as_bytes()).await;
        self.sys.sleep_us(2_000_000).await;
    }
}

/// `IsSerializable`. 3.6's `member list` shows the value of another flag in its complaint.
pub(super) fn serializable(value: &str, shown: &str) -> Result<bool, Exit> {
    match value {
        "s" => Ok(true),
        "l" => Ok(false),
        _ => {
            let shown = quote(shown.as_bytes());
            Err(Exit::new(BAD_FEATURE, format!("unknown consistency flag {shown}")))
        }
    }
}

/// Key and end of a range as the client library sends them.
pub(super) fn range(
    key: &str,
    end: Option<&String>,
    prefix: bool,
    from_key: bool,
) -> (Bytes, Bytes) {
    const ZERO: &[u8] = b"\0";
    let all = || (Bytes::from_static(ZERO), Bytes::from_static(ZERO));
    match end {
        Some(end) => (bytes_of(key), bytes_of(end)),
        None if (prefix || from_key) && key.is_empty() => all(),
        None if prefix => (bytes_of(key), prefix_end(key.as_bytes())),
        None if from_key => (bytes_of(key), Bytes::from_static(ZERO)),
        None => (bytes_of(key), Bytes::new()),
    }
}

/// The first key after all that begin with `prefix`.
pub(super) fn prefix_end(prefix: &[u8]) -> Bytes {
    match prefix.iter().rposition(|byte| *byte < 0xff) {
        Some(at) => {
            let mut end = prefix[..=at].to_vec();
            end[at] += 1;
            end.into()
        }
        None => Bytes::from_static(b"\0"),
    }
}

fn bytes_of(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// All of standard input; an error ends it.
async fn read_all(sys: &Sys) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(bytes) = sys.read(Fd::STDIN, 65_536).await {
        if bytes.is_empty() {
            break;
        }
        all.extend_from_slice(&bytes);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sent_as_the_library_does() {
        let text = |(key, end): (Bytes, Bytes)| (key.to_vec(), end.to_vec());
        assert_eq!(text(range("a", None, false, false)), (b"a".to_vec(), vec![]));
        assert_eq!(text(range("a", None, true, false)), (b"a".to_vec(), b"b".to_vec()));
        assert_eq!(text(range("a", None, false, true)), (b"a".to_vec(), vec![0]));
        assert_eq!(text(range("", None, true, false)), (vec![0], vec![0]));
        assert_eq!(text(range("", None, false, false)), (vec![], vec![]));
        let end = "c".to_owned();
        assert_eq!(text(range("a", Some(&end), false, false)), (b"a".to_vec(), b"c".to_vec()));
        assert_eq!(prefix_end(b"a\xff").to_vec(), b"b");
        assert_eq!(prefix_end(b"\xff\xff").to_vec(), vec![0]);
    }
}
