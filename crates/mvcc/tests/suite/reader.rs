//! A second reader of the file format, written from its description and knowing nothing of
//! `bolt`: what a store leaves on disk must be what the model holds, read by somebody else.

use std::collections::BTreeMap;

const PAGE: usize = 4096;
const BRANCH: u16 = 1;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The root page of the newer meta page whose checksum is right.
fn root(file: &[u8]) -> u64 {
    let meta = |page: usize| {
        let body = &file[page * PAGE + 16..page * PAGE + 80];
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        for byte in &body[..56] {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        (sum == u64_at(body, 56)).then(|| (u64_at(body, 48), u64_at(body, 16)))
    };
    [meta(0), meta(1)].into_iter().flatten().max().expect("one meta page is sound").1
}

/// Every element below a page: flags, key, value.
fn walk(file: &[u8], page: &[u8], found: &mut Vec<(usize, Vec<u8>, Vec<u8>)>) {
    for element in 0..usize::from(u16_at(page, 10)) {
        let at = 16 + element * 16;
        if u16_at(page, 8) == BRANCH {
            let child = u64_at(page, at + 8) as usize * PAGE;
            walk(file, &file[child..], found);
        } else {
            let key_at = at + u32_at(page, at + 4);
            let value_at = key_at + u32_at(page, at + 8);
            let key = page[key_at..value_at].to_vec();
            let value = page[value_at..value_at + u32_at(page, at + 12)].to_vec();
            found.push((u32_at(page, at), key, value));
        }
    }
}

/// Every bucket and what is in it.
pub(crate) fn buckets(file: &[u8]) -> BTreeMap<String, Pairs> {
    let mut names = Vec::new();
    walk(file, &file[root(file) as usize * PAGE..], &mut names);
    let read = |(flags, name, value): (usize, Vec<u8>, Vec<u8>)| {
        assert_eq!(flags, 1, "the root holds buckets only");
        let page = u64_at(&value, 0) as usize * PAGE;
        let mut found = Vec::new();
        walk(file, if page == 0 { &value[16..] } else { &file[page..] }, &mut found);
        let pairs = found.into_iter().map(|(_, key, value)| (key, value)).collect();
        (String::from_utf8(name).unwrap(), pairs)
    };
    names.into_iter().map(read).collect()
}
