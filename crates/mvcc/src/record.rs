//! One change as bytes: the revision key and the `mvccpb.KeyValue` behind it, in one allocation.
//!
//! Writing this by hand instead of through `prost` makes the value in the index, in the write
//! buffer and in the page one piece of memory.

use bytes::Bytes;
use prost::Message;

use crate::pb::KeyValue;
use crate::revision::{REV_LEN, Revision, TOMBSTONE_LEN};

/// A change that is not yet in a page.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) rev: Revision,
    pub(crate) tombstone: bool,
    /// Revision key, then value.
    bytes: Bytes,
}

impl Record {
    /// Encodes a put. The `kv` it returns shares the record's memory for its value (not for its
    /// key, which the index owns).
    pub(crate) fn put(rev: Revision, mut kv: KeyValue) -> (Record, KeyValue) {
        let len = REV_LEN
            + field_len(kv.key.len())
            + field_len(kv.value.len())
            + int_len(kv.create_revision)
            + int_len(kv.mod_revision)
            + int_len(kv.version)
            + int_len(kv.lease);
        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(&rev.to_bytes());
        put_field(&mut out, 0x0a, &kv.key);
        put_int(&mut out, 0x10, kv.create_revision);
        put_int(&mut out, 0x18, kv.mod_revision);
        put_int(&mut out, 0x20, kv.version);
        put_field(&mut out, 0x2a, &kv.value);
        let value_end = out.len();
        put_int(&mut out, 0x30, kv.lease);
        debug_assert_eq!(out.len(), len);
        let bytes = Bytes::from(out);
        if !kv.value.is_empty() {
            kv.value = bytes.slice(value_end - kv.value.len()..value_end);
        }
        (Record { rev, tombstone: false, bytes }, kv)
    }

    /// Encodes a tombstone: only the key.
    pub(crate) fn tombstone(rev: Revision, key: &[u8]) -> Record {
        let mut out = Vec::with_capacity(TOMBSTONE_LEN + field_len(key.len()));
        out.extend_from_slice(&rev.to_tombstone_bytes());
        put_field(&mut out, 0x0a, key);
        Record { rev, tombstone: true, bytes: Bytes::from(out) }
    }

    fn key_len(&self) -> usize {
        if self.tombstone { TOMBSTONE_LEN } else { REV_LEN }
    }

    /// What it is stored under in the bucket `key`.
    pub(crate) fn stored_key(&self) -> Bytes {
        self.bytes.slice(..self.key_len())
    }

    /// What is stored there.
    pub(crate) fn stored_value(&self) -> Bytes {
        self.bytes.slice(self.key_len()..)
    }
}

/// Decodes what is stored; `None` where it is not a `KeyValue`.
pub(crate) fn decode(value: Bytes) -> Option<KeyValue> {
    KeyValue::decode(value).ok()
}

fn varint_len(value: u64) -> usize {
    // Seven bits a byte; zero takes one.
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field_len(len: usize) -> usize {
    if len == 0 { 0 } else { 1 + varint_len(len as u64) + len }
}

fn int_len(value: i64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value as u64) }
}

fn put_field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.push(tag);
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

fn put_int(out: &mut Vec<u8>, tag: u8, value: i64) {
    if value != 0 {
        out.push(tag);
        put_varint(out, value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_what_prost_encodes() {
        let values: [&'static [u8]; 4] = [b"", b"v", &[7; 200], &[9; 20000]];
        for value in values {
            for number in [0, 1, 127, 128, 1 << 40, i64::MAX, -1] {
                let kv = KeyValue {
                    key: Bytes::from_static(b"some/key"),
                    create_revision: 3,
                    mod_revision: number,
                    version: 1,
                    value: Bytes::from_static(value),
                    lease: number,
                };
                let rev = Revision { main: 9, sub: 2 };
                let (record, shared) = Record::put(rev, kv.clone());
                assert_eq!(record.stored_key(), rev.to_bytes().as_slice());
                assert_eq!(record.stored_value(), kv.encode_to_vec());
                assert_eq!(shared, kv);
                assert_eq!(decode(record.stored_value()), Some(kv));
            }
        }
    }

    #[test]
    fn a_tombstone_holds_only_the_key() {
        let record = Record::tombstone(Revision { main: 9, sub: 2 }, b"gone");
        let kv = KeyValue { key: Bytes::from_static(b"gone"), ..KeyValue::default() };
        assert_eq!(record.stored_key().len(), TOMBSTONE_LEN);
        assert_eq!(record.stored_value(), kv.encode_to_vec());
    }
}
