//! `txn`: three blocks of lines become one transaction.

use std::rc::Rc;

use bytes::Bytes;
use etcd::pb::compare::TargetUnion;
use etcd::pb::{self, CompareResult, CompareTarget, request_op};
use etcd::rpc::{Answer, Op};
use sim::{Fd, Sys};

use super::exit::{BAD_ARGS, ERROR, Exit, INVALID_INPUT};
use super::go::{number, quote::quote, quote::unquote_prefix};
use super::kv::Request;
use super::parse::{Parsed, parse};
use super::printer::Shown;
use super::table::TXN_ROOT;
use super::{Ctl, help};

pub(super) async fn run(ctl: Rc<Ctl>) -> Result<(), Exit> {
    if !ctl.args.is_empty() {
        return Err(Exit::new(BAD_ARGS, "txn command does not accept argument"));
    }
    let (client, settings) = ctl.client().await?;
    let mut input = Lines::new(&ctl.sys);
    let mut request = pb::TxnRequest::default();
    prompt(&ctl, "compares:").await;
    while let Some(line) = block_line(&mut input).await? {
        request.compare.push(compare(&line)?);
    }
    prompt(&ctl, "success requests (get, put, del):").await;
    while let Some(line) = block_line(&mut input).await? {
        request.success.push(operation(&ctl, &line).await?);
    }
    prompt(&ctl, "failure requests (get, put, del):").await;
    while let Some(line) = block_line(&mut input).await? {
        request.failure.push(operation(&ctl, &line).await?);
    }
    let answer = client.call(&Op::Txn(request), None).await;
    match answer.map_err(|error| Exit::new(ERROR, error))? {
        Answer::Txn(answer) => ctl.show(&settings.printer, &Shown::Txn(answer)).await,
        _ => unreachable!("a transaction is answered as one"),
    }
}

async fn prompt(ctl: &Ctl, text: &str) {
    if ctl.flags.bool("interactive") {
        ctl.out(format!("{text}\n")).await;
    }
}

/// The next line of a block, trimmed; none at the empty line that ends it.
async fn block_line(input: &mut Lines) -> Result<Option<String>, Exit> {
    let line = input.next().await.ok_or_else(|| Exit::new(INVALID_INPUT, "EOF"))?;
    let line = line.trim().to_owned();
    Ok((!line.is_empty()).then_some(line))
}

/// Standard input line by line (`bufio.Reader.ReadString('\n')`).
pub(super) struct Lines {
    sys: Sys,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(sys: &Sys) -> Lines {
        Lines { sys: sys.clone(), buffer: Vec::new() }
    }

    /// A line without its end; none at the end of input, even behind half a line.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let bytes = self.sys.read(Fd::STDIN, 4096).await.ok()?;
            if bytes.is_empty() {
                return None;
            }
            self.buffer.extend_from_slice(&bytes);
        }
    }
}

/// `ParseCompare`: `target("key") op "value"`.
fn compare(line: &str) -> Result<pb::Compare, Exit> {
    let malformed =
        |detail: &str| Exit::new(INVALID_INPUT, format!("malformed comparison: {line}{detail}"));
    let Some((target, rest)) = line.split_once('(') else { return Err(malformed("")) };
    let scanned = scan(rest);
    let Some((key, op, value)) = scanned.complete() else {
        let Scanned { key, op, .. } = &scanned;
        let key = quote(key.as_deref().unwrap_or_default());
        let op = op.as_deref().unwrap_or_default();
        return Err(malformed(&format!("; got {target}({key}) {op} \"\"")));
    };
    let target = match target {
        "ver" | "version" => CompareTarget::Version,
        "c" | "create" => CompareTarget::Create,
        "m" | "mod" => CompareTarget::Mod,
        "val" | "value" => CompareTarget::Value,
        "lease" => CompareTarget::Lease,
        other => return Err(malformed(&format!(" (unknown target {other})"))),
    };
    let text = String::from_utf8_lossy(value);
    let is_number = !matches!(target, CompareTarget::Value | CompareTarget::Lease);
    let parsed = number::parse_int(&text, 10);
    if is_number && parsed.is_err() {
        let text = format!("invalid txn compare request: {line}");
        return Err(Exit::new(INVALID_INPUT, text));
    }
    let result = match op {
        "=" => CompareResult::Equal,
        "!=" => CompareResult::NotEqual,
        ">" => CompareResult::Greater,
        "<" => CompareResult::Less,
        // The client library panics here, and etcdctl with it.
        _ => return Err(Exit::panic("Unknown result op")),
    };
    let number = parsed.unwrap_or_default();
    let target_union = match target {
        CompareTarget::Version => TargetUnion::Version(number),
        CompareTarget::Create => TargetUnion::CreateRevision(number),
        CompareTarget::Mod => TargetUnion::ModRevision(number),
        CompareTarget::Value => TargetUnion::Value(Bytes::copy_from_slice(value)),
        // etcdctl hands the library a text where it wants a number.
        CompareTarget::Lease => return Err(Exit::panic("bad value")),
    };
    Ok(pb::Compare {
        result: result.into(),
        target: target.into(),
        key: Bytes::copy_from_slice(key),
        target_union: Some(target_union),
        range_end: Bytes::new(),
    })
}

/// What `Sscanf("%q) %s %q")` filled in before it stopped.
#[derive(Default)]
struct Scanned {
    key: Option<Vec<u8>>,
    op: Option<String>,
    value: Option<Vec<u8>>,
}

impl Scanned {
    fn complete(&self) -> Option<(&[u8], &str, &[u8])> {
        Some((self.key.as_deref()?, self.op.as_deref()?, self.value.as_deref()?))
    }
}

fn scan(text: &str) -> Scanned {
    let mut scanned = Scanned::default();
    // A blank in the format asks for one at least.
    let blanks = |text: &'_ str| -> Option<usize> {
        let rest = text.trim_start_matches([' ', '\t']);
        (rest.len() < text.len()).then_some(text.len() - rest.len())
    };
    let Some((key, len)) = unquote_prefix(text.trim_start()) else { return scanned };
    scanned.key = Some(key);
    let rest = &text.trim_start()[len..];
    let Some(rest) = rest.strip_prefix(')') else { return scanned };
    let Some(skip) = blanks(rest) else { return scanned };
    let rest = &rest[skip..];
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    if end == 0 {
        return scanned;
    }
    scanned.op = Some(rest[..end].to_owned());
    let rest = &rest[end..];
    let Some(skip) = blanks(rest) else { return scanned };
    scanned.value = unquote_prefix(&rest[skip..]).map(|(value, _)| value);
    scanned
}

/// A request line: the words of `put`, `get` or `del`.
async fn operation(ctl: &Ctl, line: &str) -> Result<pb::RequestOp, Exit> {
    let words = argify(line)?;
    let invalid = |what: &str| Exit::new(INVALID_INPUT, format!("invalid txn {what}: {line}"));
    if words.len() < 2 {
        return Err(invalid("compare request"));
    }
    let (path, flags, args) = match parse(&TXN_ROOT, &words, ctl.release) {
        Parsed::Run { path, flags, args } => (path, flags, args),
        Parsed::Misused(path, _) | Parsed::Help(path) => {
            ctl.err(&help::request_usage(path[path.len() - 1], ctl.release)).await;
            return Err(invalid("request"));
        }
        Parsed::Unknown(_) => return Err(invalid("request")),
    };
    let request = Request { sys: &ctl.sys, release: ctl.release, flags: &flags, args: &args };
    let request = match path[path.len() - 1].name {
        "put" => request_op::Request::Put(request.put().await?),
        "get" => request_op::Request::Range(request.get()?),
        _ => request_op::Request::DeleteRange(request.del().await?),
    };
    Ok(pb::RequestOp { request: Some(request) })
}

/// `Argify`: words, `"quoted as in Go"` or `'as they are'`.
pub(super) fn argify(line: &str) -> Result<Vec<String>, Exit> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => closing_quote(rest),
            '\'' => rest[1..].find('\'').map(|end| end + 2),
            _ if first.is_whitespace() => None,
            _ => Some(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        let Some(len) = len else {
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (word, after) = rest.split_at(len);
        rest = after;
        words.push(match first {
            '\'' => word[1..len - 1].to_owned(),
            '"' => match unquote_prefix(word) {
                Some((bytes, _)) => String::from_utf8_lossy(&bytes).into_owned(),
                None => return Err(Exit::new(INVALID_INPUT, "invalid syntax")),
            },
            _ => word.to_owned(),
        });
    }
    Ok(words)
}

/// The length of a text in double quotes at the start of `text`.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().enumerate().skip(1).find_map(|(at, byte)| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends.then_some(at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_read_as_by_sscanf() {
        let read = compare("mod(\"key1\") > \"0\"").unwrap();
        assert_eq!(read.target_union, Some(TargetUnion::ModRevision(0)));
        assert_eq!((read.result(), &read.key[..]), (CompareResult::Greater, &b"key1"[..]));
        let table = [
            ("bogus", "Error: malformed comparison: bogus\n"),
            (
                "mod(key1) = \"0\"",
                "Error: malformed comparison: mod(key1) = \"0\"; got mod(\"\")  \"\"\n",
            ),
            (
                "mod(\"key1\") = 0",
                "Error: malformed comparison: mod(\"key1\") = 0; got mod(\"key1\") = \"\"\n",
            ),
            (
                "mod(\"key1\")= \"0\"",
                "Error: malformed comparison: mod(\"key1\")= \"0\"; got mod(\"key1\")  \"\"\n",
            ),
            (
                "mod(\"key1\") = \"abc\"",
                "Error: invalid txn compare request: mod(\"key1\") = \"abc\"\n",
            ),
            (
                "nosuch(\"k\") = \"0\"",
                "Error: malformed comparison: nosuch(\"k\") = \"0\" (unknown target nosuch)\n",
            ),
        ];
        for (line, text) in table {
            assert_eq!(compare(line), Err(Exit { code: 3, text: text.to_owned() }));
        }
        assert_eq!(compare("mod(\"k\") == \"0\""), Err(Exit::panic("Unknown result op")));
        assert_eq!(compare("lease(\"k\") = \"0\""), Err(Exit::panic("bad value")));
    }

    #[test]
    fn words_may_be_quoted() {
        let words = |line: &str| argify(line).unwrap();
        assert_eq!(words("put y \"two words\""), ["put", "y", "two words"]);
        assert_eq!(words("put z 'single q' a\"b"), ["put", "z", "single q", "a\"b"]);
        assert_eq!(words("put \"a\\\"b\\n\" \"open"), ["put", "a\"b\n", "open"]);
        assert!(words("  ").is_empty());
    }
}
