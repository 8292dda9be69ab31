//! Records of the log as bytes: frames, and the messages in them written field by field as
//! etcd's generated code writes them (fields of zero included, lists not packed).

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, HardState, SnapshotMetadata};

use super::Metadata;

pub(super) const KIND_METADATA: i64 = 1;
pub(super) const KIND_ENTRY: i64 = 2;
pub(super) const KIND_STATE: i64 = 3;
pub(super) const KIND_CRC: i64 = 4;
pub(super) const KIND_SNAPSHOT: i64 = 5;

/// Gathers records; the checksum runs over the data of all records since the log began.
#[derive(Debug)]
pub(super) struct Encoder {
    crc: u32,
    out: Vec<u8>,
    /// The fields of an entry before its data, kept for its allocation.
    head: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(crc: u32) -> Encoder {
        Encoder { crc, out: Vec::new(), head: Vec::new() }
    }

    /// The bytes gathered since the last call.
    pub(super) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }

    /// Makes room for entries to come.
    pub(super) fn reserve(&mut self, entries: &[Entry]) {
        let len = |entry: &Entry| entry.data.len() + entry.context.len() + 80;
        self.out.reserve(entries.iter().map(len).sum());
    }

    /// The first record of a file: the checksum so far.
    pub(super) fn crc(&mut self) {
        self.frame(KIND_CRC, &[]);
    }

    pub(super) fn metadata(&mut self, metadata: Metadata) {
        let mut data = Vec::with_capacity(32);
        put_uint(&mut data, 1, metadata.node_id);
        put_uint(&mut data, 2, metadata.cluster_id);
        self.frame(KIND_METADATA, &[&data]);
    }

    pub(super) fn entry(&mut self, entry: &Entry) {
        let mut head = std::mem::take(&mut self.head);
        put_uint(&mut head, 1, u64::from(entry.entry_type.unsigned_abs()));
        put_uint(&mut head, 2, entry.term);
        put_uint(&mut head, 3, entry.index);
        let mut tail = Vec::new();
        if !entry.data.is_empty() {
            put_len(&mut head, 4, entry.data.len());
        }
        // What etcd's entries do not have; its readers skip them.
        if entry.sync_log {
            put_uint(&mut tail, 5, 1);
        }
        if !entry.context.is_empty() {
            put_len(&mut tail, 6, entry.context.len());
            tail.extend_from_slice(&entry.context);
        }
        self.frame(KIND_ENTRY, &[&head, &entry.data, &tail]);
        head.clear();
        self.head = head;
    }

    pub(super) fn hard_state(&mut self, state: &HardState) {
        let mut data = Vec::with_capacity(32);
        put_uint(&mut data, 1, state.term);
        put_uint(&mut data, 2, state.vote);
        put_uint(&mut data, 3, state.commit);
        self.frame(KIND_STATE, &[&data]);
    }

    pub(super) fn snapshot(&mut self, snapshot: &SnapshotMetadata) {
        let mut data = Vec::with_capacity(64);
        put_uint(&mut data, 1, snapshot.index);
        put_uint(&mut data, 2, snapshot.term);
        if let Some(conf) = snapshot.conf_state.as_ref().filter(|_| snapshot.index > 0) {
            let conf = conf_state(conf);
            put_len(&mut data, 3, conf.len());
            data.extend_from_slice(&conf);
        }
        self.frame(KIND_SNAPSHOT, &[&data]);
    }

    /// One frame: a word with the length of the record and of its padding, the record, zeros up
    /// to a multiple of eight.
    fn frame(&mut self, kind: i64, parts: &[&[u8]]) {
        for part in parts {
            self.crc = flat::crc32c_append(self.crc, part);
        }
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let word_at = self.out.len();
        self.out.extend_from_slice(&[0; 8]);
        put_uint(&mut self.out, 1, kind.unsigned_abs());
        put_uint(&mut self.out, 2, u64::from(self.crc));
        if len > 0 {
            put_len(&mut self.out, 3, len);
            for part in parts {
                self.out.extend_from_slice(part);
            }
        }
        let record = self.out.len() - word_at - 8;
        let padding = record.wrapping_neg() % 8;
        self.out.resize(self.out.len() + padding, 0);
        let flags = if padding == 0 { 0 } else { (0x80 | padding as u64) << 56 };
        let word = record as u64 | flags;
        self.out[word_at..word_at + 8].copy_from_slice(&word.to_le_bytes());
    }
}

/// A membership as bytes.
pub(crate) fn conf_state(conf: &ConfState) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    let lists = [&conf.voters, &conf.learners, &conf.voters_outgoing, &conf.learners_next];
    for (field, ids) in (1..).zip(lists) {
        for id in ids {
            put_uint(&mut out, field, *id);
        }
    }
    put_uint(&mut out, 5, u64::from(conf.auto_leave));
    out
}

/// A field that is a number.
pub(crate) fn put_uint(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    put_varint(out, value);
}

/// The head of a field that is bytes.
pub(crate) fn put_len(out: &mut Vec<u8>, field: u8, len: usize) {
    out.push(field << 3 | 2);
    put_varint(out, len as u64);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// One record read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: i64,
    pub(super) crc: u32,
    pub(super) data: Bytes,
}

/// Why bytes are no record. etcd repairs a log that ends in the first, and gives up at the
/// second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end within a field.
    Short,
    /// The bytes cannot be a message, in the words of etcd's decoder.
    Illegal(String),
}

impl Record {
    pub(super) fn parse(bytes: &Bytes) -> Result<Record, Broken> {
        let mut record = Record::default();
        let mut at = 0;
        while at < bytes.len() {
            let tag = varint(bytes, &mut at)?;
            let (field, wire) = (tag >> 3 & 0x1fff_ffff, tag & 7);
            if wire == 4 {
                let text = "proto: Record: wiretype end group for non-group";
                return Err(Broken::Illegal(text.to_owned()));
            }
            if field == 0 {
                let text = format!("proto: Record: illegal tag {field} (wire type {tag})");
                return Err(Broken::Illegal(text));
            }
            match (field, wire) {
                (1, 0) => record.kind = varint(bytes, &mut at)?.cast_signed(),
                (2, 0) => record.crc = varint(bytes, &mut at)? as u32,
                (3, 2) => record.data = counted(bytes, &mut at)?,
                (1..=3, _) => {
                    let name = ["Type", "Crc", "Data"][field as usize - 1];
                    let text = format!("proto: wrong wireType = {wire} for field {name}");
                    return Err(Broken::Illegal(text));
                }
                _ => skip(bytes, &mut at, wire)?,
            }
        }
        Ok(record)
    }
}

fn skip(bytes: &Bytes, at: &mut usize, wire: u64) -> Result<(), Broken> {
    let len = match wire {
        0 => return varint(bytes, at).map(|_| ()),
        1 => 8,
        2 => return counted(bytes, at).map(|_| ()),
        5 => 4,
        _ => return Err(Broken::Illegal(format!("proto: illegal wireType {wire}"))),
    };
    if bytes.len() - *at < len {
        return Err(Broken::Short);
    }
    *at += len;
    Ok(())
}

fn counted(bytes: &Bytes, at: &mut usize) -> Result<Bytes, Broken> {
    let len = varint(bytes, at)?;
    if len > i64::MAX.unsigned_abs() {
        let text = "proto: negative length found during unmarshaling";
        return Err(Broken::Illegal(text.to_owned()));
    }
    if len > (bytes.len() - *at) as u64 {
        return Err(Broken::Short);
    }
    let from = *at;
    *at += len as usize;
    Ok(bytes.slice(from..*at))
}

fn varint(bytes: &Bytes, at: &mut usize) -> Result<u64, Broken> {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        if shift >= 64 {
            return Err(Broken::Illegal("proto: integer overflow".to_owned()));
        }
        let byte = *bytes.get(*at).ok_or(Broken::Short)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Ok(value)
}
