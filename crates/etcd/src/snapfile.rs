//! Snapshot files (`.snap`): which state a log may begin from.
//!
//! The file is small: index, term, membership, a checksum, and a picture of the membership in
//! the tree of etcd's old store, which versions before 3.6 read. The keys themselves are in the
//! database file. A file counts only with its mark in the write-ahead log.

use std::fmt;
use std::fmt::Write as _;

use bytes::Bytes;
use flat::Map;
use prost::Message;
use raft::eraftpb::{Snapshot, SnapshotMetadata};

use crate::disk::{DiskOp, DiskView};
use crate::wal::{conf_state, put_len, put_uint};

/// So many snapshot files are kept.
pub const FILES_KEPT: usize = 5;

/// The old store remembers so many events, and writes the empty places too.
const HISTORY: usize = 1000;

/// Why a snapshot file cannot be used. Displayed in etcd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapError {
    /// No bytes, or no state in them.
    Empty,
    /// The bytes are not those written.
    CrcMismatch,
    /// The bytes are no message.
    Malformed,
}

impl fmt::Display for SnapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapError::Empty => "snap: empty snapshot",
            SnapError::CrcMismatch => "snap: crc mismatch",
            SnapError::Malformed => "unexpected EOF",
        })
    }
}

impl std::error::Error for SnapError {}

/// `<term>-<index>.snap`, 16 hex digits each.
pub fn file_name(term: u64, index: u64) -> String {
    format!("{term:016x}-{index:016x}.snap")
}

/// Writes the file of a snapshot. `data` is [`v2_store`]'s.
pub fn save(dir: &str, meta: &SnapshotMetadata, data: &[u8]) -> Vec<DiskOp> {
    let file = format!("{dir}/{}", file_name(meta.term, meta.index));
    let bytes = encode(meta, data);
    let len = bytes.len() as u64;
    vec![
        DiskOp::Write { file: file.clone(), offset: 0, bytes },
        DiskOp::Truncate { file: file.clone(), len },
        DiskOp::Sync { file },
    ]
}

/// The bytes of a snapshot file.
pub fn encode(meta: &SnapshotMetadata, data: &[u8]) -> Bytes {
    let conf = conf_state(&meta.conf_state.clone().unwrap_or_default());
    let mut metadata = Vec::with_capacity(64);
    put_len(&mut metadata, 1, conf.len());
    metadata.extend_from_slice(&conf);
    put_uint(&mut metadata, 2, meta.index);
    put_uint(&mut metadata, 3, meta.term);
    let mut snapshot = Vec::with_capacity(data.len() + 64);
    if !data.is_empty() {
        put_len(&mut snapshot, 1, data.len());
        snapshot.extend_from_slice(data);
    }
    put_len(&mut snapshot, 2, metadata.len());
    snapshot.extend_from_slice(&metadata);
    let mut out = Vec::with_capacity(snapshot.len() + 16);
    put_uint(&mut out, 1, u64::from(flat::crc32c(&snapshot)));
    put_len(&mut out, 2, snapshot.len());
    out.extend_from_slice(&snapshot);
    Bytes::from(out)
}

#[derive(Clone, PartialEq, Message)]
struct Wrapper {
    #[prost(uint32, tag = "1")]
    crc: u32,
    #[prost(bytes = "bytes", optional, tag = "2")]
    data: Option<Bytes>,
}

/// The snapshot in a file's bytes.
///
/// # Errors
/// When the file is empty or damaged.
pub fn decode(bytes: Bytes) -> Result<Snapshot, SnapError> {
    if bytes.is_empty() {
        return Err(SnapError::Empty);
    }
    let wrapper = Wrapper::decode(bytes).map_err(|_| SnapError::Malformed)?;
    let data = wrapper.data.filter(|data| !data.is_empty() && wrapper.crc != 0);
    let data = data.ok_or(SnapError::Empty)?;
    if flat::crc32c(&data) != wrapper.crc {
        return Err(SnapError::CrcMismatch);
    }
    Snapshot::decode(data).map_err(|_| SnapError::Malformed)
}

/// What a directory of snapshots offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The newest one that is whole and marked in the log.
    pub snapshot: Option<Snapshot>,
    /// Files that cannot be used, and why. They are renamed to `.broken`.
    pub broken: Vec<(String, SnapError)>,
    /// Left by a defragmentation that did not finish. They are removed.
    pub orphans: Vec<String>,
    /// Names that mean nothing here.
    pub unexpected: Vec<String>,
    /// The renames and removals.
    pub ops: Vec<DiskOp>,
}

/// Looks for the newest usable snapshot. `marks` are those of the log, see
/// [`crate::wal::valid_snapshots`].
pub fn load_newest(disk: &dyn DiskView, dir: &str, marks: &[SnapshotMetadata]) -> Loaded {
    let mut loaded = Loaded::default();
    let mut names = disk.list(dir);
    flat::sort(&mut names);
    let mut snaps = Vec::new();
    for name in names {
        if name.starts_with("db.tmp") {
            loaded.ops.push(DiskOp::Remove { file: format!("{dir}/{name}") });
            loaded.orphans.push(name);
        } else if name.ends_with(".snap") {
            snaps.push(name);
        } else if name != "db" {
            loaded.unexpected.push(name);
        }
    }
    for name in snaps.into_iter().rev() {
        let file = format!("{dir}/{name}");
        let len = disk.len(&file).unwrap_or(0);
        match decode(disk.read(&file, 0, len).unwrap_or_default()) {
            Ok(snapshot) => {
                let meta = snapshot.get_metadata();
                let marked =
                    |mark: &SnapshotMetadata| mark.term == meta.term && mark.index == meta.index;
                if marks.iter().any(marked) {
                    loaded.snapshot = Some(snapshot);
                    break;
                }
            }
            Err(error) => {
                loaded
                    .ops
                    .push(DiskOp::Rename { from: file.clone(), to: format!("{file}.broken") });
                loaded.broken.push((name, error));
            }
        }
    }
    loaded
}

/// Of the names with a suffix, the oldest beyond [`FILES_KEPT`]: what etcd purges.
pub fn surplus(names: &[String], suffix: &str) -> Vec<String> {
    let mut found: Vec<_> = names.iter().filter(|name| name.ends_with(suffix)).cloned().collect();
    flat::sort(&mut found);
    let count = found.len().saturating_sub(FILES_KEPT);
    found.truncate(count);
    found
}

/// A member as the old store describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct V2Member {
    /// The member's id.
    pub id: u64,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Whether it only learns.
    pub is_learner: bool,
    /// Its name; empty until it has started.
    pub name: String,
    /// Where its clients reach it; empty until it has started.
    pub client_urls: Vec<String>,
}

/// The membership as the old store writes itself: members, removed ids and the cluster's version.
pub fn v2_store(members: &[V2Member], removed: &[u64], version: Option<&str>) -> Vec<u8> {
    let mut store = V2Store::new();
    let mut members: Vec<_> = members.iter().collect();
    flat::sort_by_key(&mut members, |member| member.id);
    for member in members {
        let path = format!("/0/members/{:x}", member.id);
        let mut raft = format!("{{\"peerURLs\":{}", json_list(&member.peer_urls));
        if member.is_learner {
            raft.push_str(",\"isLearner\":true");
        }
        raft.push('}');
        store.write("create", &format!("{path}/raftAttributes"), &raft);
        if !member.client_urls.is_empty() {
            let mut attributes = Vec::new();
            if !member.name.is_empty() {
                attributes.push(format!("\"name\":{}", json_text(&member.name)));
            }
            attributes.push(format!("\"clientURLs\":{}", json_list(&member.client_urls)));
            let attributes = format!("{{{}}}", attributes.join(","));
            store.write("set", &format!("{path}/attributes"), &attributes);
        }
    }
    for id in removed {
        store.write("create", &format!("/0/removed_members/{id:x}"), "");
    }
    if let Some(version) = version {
        store.write("set", "/0/version", version);
    }
    store.to_json().into_bytes()
}

/// As much of the old store as a membership needs: a tree, and the history of its events.
struct V2Store {
    root: V2Node,
    index: u64,
    creates: u64,
    sets: u64,
    events: Vec<String>,
}

#[derive(Default)]
struct V2Node {
    index: u64,
    value: String,
    /// None for a leaf.
    children: Option<Map<String, V2Node>>,
}

impl V2Node {
    fn directory(index: u64) -> V2Node {
        V2Node { index, value: String::new(), children: Some(Map::new()) }
    }

    fn to_json(&self, path: &str, out: &mut String) {
        let shown = if path.is_empty() { "/" } else { path };
        let (index, value) = (self.index, json_text(&self.value));
        let _ = write!(
            out,
            "{{\"Path\":{},\"CreatedIndex\":{index},\"ModifiedIndex\":{index},\
             \"ExpireTime\":\"0001-01-01T00:00:00Z\",\"Value\":{value},\"Children\":",
            json_text(shown)
        );
        match &self.children {
            None => out.push_str("null"),
            Some(children) => {
                out.push('{');
                for (n, (name, child)) in children.iter().enumerate() {
                    let _ = write!(out, "{}{}:", if n > 0 { "," } else { "" }, json_text(name));
                    child.to_json(&format!("{path}/{name}"), out);
                }
                out.push('}');
            }
        }
        out.push('}');
    }
}

impl V2Store {
    fn new() -> V2Store {
        let mut root = V2Node::directory(0);
        let top = root.children.get_or_insert_default();
        top.insert("0".to_owned(), V2Node::directory(0));
        top.insert("1".to_owned(), V2Node::directory(0));
        V2Store { root, index: 0, creates: 0, sets: 0, events: Vec::new() }
    }

    fn write(&mut self, action: &str, path: &str, value: &str) {
        self.index += 1;
        let index = self.index;
        let mut node = &mut self.root;
        for name in path.split('/').skip(1) {
            let children = node.children.get_or_insert_default();
            node = children.entry(name.to_owned()).or_insert_with(|| V2Node::directory(index));
        }
        *node = V2Node { index, value: value.to_owned(), children: None };
        *(if action == "create" { &mut self.creates } else { &mut self.sets }) += 1;
        let (path, value) = (json_text(path), json_text(value));
        self.events.push(format!(
            "{{\"action\":\"{action}\",\"node\":{{\"key\":{path},\"value\":{value},\
             \"modifiedIndex\":{index},\"createdIndex\":{index}}}}}"
        ));
    }

    /// The history is a ring: the newest events overwrite the oldest.
    fn history(&self) -> String {
        let mut ring = vec!["null"; HISTORY];
        for (n, event) in self.events.iter().enumerate() {
            ring[n % HISTORY] = event;
        }
        let count = self.events.len();
        let (size, back) = (count.min(HISTORY), count % HISTORY);
        let front = if count > HISTORY { back } else { 0 };
        let first = self.index + 1 - size as u64;
        format!(
            "{{\"Queue\":{{\"Events\":[{}],\"Size\":{size},\"Front\":{front},\"Back\":{back},\
             \"Capacity\":{HISTORY}}},\"StartIndex\":{},\"LastIndex\":{}}}",
            ring.join(","),
            if size == 0 { 0 } else { first },
            self.index
        )
    }

    fn to_json(&self) -> String {
        let mut out = String::from("{\"Root\":");
        self.root.to_json("", &mut out);
        let _ = write!(
            out,
            ",\"WatcherHub\":{{\"EventHistory\":{}}},\"CurrentIndex\":{},\"Stats\":{{\
             \"getsSuccess\":0,\"getsFail\":0,\"setsSuccess\":{},\"setsFail\":0,\
             \"deleteSuccess\":0,\"deleteFail\":0,\"updateSuccess\":0,\"updateFail\":0,\
             \"createSuccess\":{},\"createFail\":0,\"compareAndSwapSuccess\":0,\
             \"compareAndSwapFail\":0,\"compareAndDeleteSuccess\":0,\
             \"compareAndDeleteFail\":0,\"expireCount\":0,\"watchers\":0}},\
             \"CurrentVersion\":2}}",
            self.history(),
            self.index,
            self.sets,
            self.creates
        );
        out
    }
}

fn json_list(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| json_text(text)).collect();
    format!("[{}]", texts.join(","))
}

/// A string as Go's encoder writes it, which escapes what HTML would read.
fn json_text(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is always JSON");
    quoted.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::testing::MemDisk;
    use raft::eraftpb::ConfState;

    const REAL: &[u8] = include_bytes!("../tests/data/etcd-3.5.1.snap");
    const RESTORED: &[u8] = include_bytes!("../tests/data/restored-3.5.1.snap");

    fn meta(index: u64, term: u64, voters: &[u64]) -> SnapshotMetadata {
        let conf_state = Some(ConfState { voters: voters.to_vec(), ..ConfState::default() });
        SnapshotMetadata { conf_state, index, term }
    }

    fn text(s: &str) -> Vec<String> {
        vec![s.to_owned()]
    }

    #[test]
    fn writes_the_file_etcdutl_writes() {
        // etcdutl 3.5.1 snapshot restore with three members.
        let ids = [0x0294_3212_f5e2_cf73, 0x3760_a4ec_3b84_f7fa, 0xbdae_9bbc_11dd_390d];
        let ports = [23802, 23803, 23801];
        let members: Vec<_> = ids
            .iter()
            .zip(ports)
            .map(|(id, port)| V2Member {
                id: *id,
                peer_urls: text(&format!("http://127.0.0.1:{port}")),
                ..V2Member::default()
            })
            .collect();
        let data = v2_store(&members, &[], None);
        assert_eq!(encode(&meta(3, 1, &ids), &data), RESTORED);
    }

    #[test]
    fn writes_the_file_etcd_writes() {
        // etcd 3.5.1 with --snapshot-count 10, which had looked for a key in vain once.
        let member = V2Member {
            id: 9_265_619_892_315_062_708,
            peer_urls: text("http://127.0.0.1:33800"),
            is_learner: false,
            name: "default".to_owned(),
            client_urls: text("http://127.0.0.1:33790"),
        };
        let id = member.id;
        let data = String::from_utf8(v2_store(&[member], &[], Some("3.5.0"))).unwrap();
        let data = data.replace("\"getsFail\":0", "\"getsFail\":1");
        assert_eq!(encode(&meta(22, 2, &[id]), data.as_bytes()), REAL);
        let snapshot = decode(Bytes::from_static(REAL)).unwrap();
        assert_eq!(snapshot.metadata, Some(meta(22, 2, &[id])));
        assert_eq!(snapshot.data, data.as_bytes());
    }

    #[test]
    fn the_old_store_is_json_with_everything_in_it() {
        let learner = V2Member {
            id: 10,
            peer_urls: text("http://a&b"),
            is_learner: true,
            ..V2Member::default()
        };
        let removed: Vec<u64> = (100..1200).collect();
        let json = v2_store(&[learner], &removed, Some("3.6.0"));
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let children = &value["Root"]["Children"]["0"]["Children"];
        let raft = &children["members"]["Children"]["a"]["Children"]["raftAttributes"]["Value"];
        assert_eq!(raft, "{\"peerURLs\":[\"http://a\\u0026b\"],\"isLearner\":true}");
        let gone = children["removed_members"]["Children"].as_object().unwrap();
        assert_eq!(gone.len(), 1100);
        let history = &value["WatcherHub"]["EventHistory"];
        assert_eq!(history["Queue"]["Events"].as_array().unwrap().len(), HISTORY);
        assert_eq!((&history["StartIndex"], &history["LastIndex"]), (&103.into(), &1102.into()));
        assert_eq!(value["CurrentIndex"], 1102);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let whole = decode(Bytes::from_static(RESTORED)).unwrap();
        for bit in 0..RESTORED.len() * 8 {
            let mut bytes = RESTORED.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = decode(Bytes::from(bytes)) {
                assert_eq!(read, whole, "bit {bit}");
            }
        }
        for len in 0..RESTORED.len() {
            assert!(decode(Bytes::from_static(&RESTORED[..len])).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn loads_the_newest_that_is_whole_and_marked() {
        let mut disk = MemDisk::default();
        for (index, term) in [(5, 1), (9, 2), (12, 2), (14, 3)] {
            disk.apply(&save("snap", &meta(index, term, &[1]), b"{}"));
        }
        disk.apply(&[DiskOp::Write {
            file: format!("snap/{}", file_name(2, 12)),
            offset: 9,
            bytes: Bytes::from_static(b"x"),
        }]);
        for name in ["db", "db.tmp123", "what"] {
            let file = format!("snap/{name}");
            disk.apply(&[DiskOp::Write { file, offset: 0, bytes: Bytes::from_static(b"x") }]);
        }
        let marks = [meta(5, 1, &[]), meta(9, 2, &[]), meta(12, 2, &[])];
        let loaded = load_newest(&disk, "snap", &marks);
        assert_eq!(loaded.snapshot.unwrap().metadata, Some(meta(9, 2, &[1])));
        assert_eq!(loaded.broken, [(file_name(2, 12), SnapError::CrcMismatch)]);
        assert_eq!((loaded.orphans, loaded.unexpected), (text("db.tmp123"), text("what")));
        disk.apply(&loaded.ops);
        let names = disk.list("snap");
        assert!(names.contains(&format!("{}.broken", file_name(2, 12))));
        assert!(!names.contains(&"db.tmp123".to_owned()));
        assert_eq!(
            load_newest(&disk, "snap", &marks[..1]).snapshot.unwrap().get_metadata().index,
            5
        );
        assert_eq!(load_newest(&disk, "none", &marks), Loaded::default());
    }

    #[test]
    fn keeps_five() {
        let names: Vec<_> = (0..8).map(|n| file_name(1, n)).collect();
        assert_eq!(surplus(&names, ".snap"), names[..3]);
        assert_eq!(surplus(&names[..5], ".snap"), [""; 0]);
        assert_eq!(surplus(&names, ".snap.db"), [""; 0]);
    }
}
