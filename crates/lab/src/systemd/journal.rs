//! The journal: what services print and what systemd says of them, one JSON object a line, in
//! `/var/log/journal`, so that it outlives a reboot.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sim::Sys;

use super::JOURNAL;
use crate::programs::calendar::Moment;

/// What one file of the journal may weigh before a new one is begun.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// An entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Unix time by the host's clock.
    pub(crate) at_us: u64,
    /// The run of the host it is from.
    pub(crate) boot: String,
    /// The unit it is about or from.
    pub(crate) unit: String,
    /// Who says it.
    pub(crate) ident: String,
    /// By which process.
    pub(crate) pid: u32,
    /// 0 emergency to 7 debug.
    pub(crate) priority: u8,
    /// The words.
    pub(crate) message: String,
    /// The host.
    pub(crate) host: String,
}

impl Entry {
    /// Its object.
    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        let mut put = |name: &str, value: String| {
            map.insert(name.to_owned(), Value::String(value));
        };
        put("__REALTIME_TIMESTAMP", self.at_us.to_string());
        put("_BOOT_ID", self.boot.clone());
        put("_HOSTNAME", self.host.clone());
        if self.ident == "systemd" {
            put("UNIT", self.unit.clone());
            put("_SYSTEMD_UNIT", "init.scope".to_owned());
        } else {
            put("_SYSTEMD_UNIT", self.unit.clone());
        }
        put("SYSLOG_IDENTIFIER", self.ident.clone());
        put("_PID", self.pid.to_string());
        put("PRIORITY", self.priority.to_string());
        put("MESSAGE", self.message.clone());
        Value::Object(map)
    }

    fn from_json(line: &str) -> Option<Entry> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let unit = if text("UNIT").is_empty() { text("_SYSTEMD_UNIT") } else { text("UNIT") };
        Some(Entry {
            at_us: text("__REALTIME_TIMESTAMP").parse().ok()?,
            boot: text("_BOOT_ID").to_owned(),
            unit: unit.to_owned(),
            ident: text("SYSLOG_IDENTIFIER").to_owned(),
            pid: text("_PID").parse().ok()?,
            priority: text("PRIORITY").parse().ok()?,
            message: text("MESSAGE").to_owned(),
            host: text("_HOSTNAME").to_owned(),
        })
    }

    /// The line in the manner of syslog.
    pub(crate) fn short(&self, iso: bool) -> String {
        let time = Moment::from_us(self.at_us as i64);
        let time = time.format(if iso { "%FT%T%z" } else { "%b %d %H:%M:%S" });
        format!("{time} {} {}[{}]: {}", self.host, self.ident, self.pid, self.message)
    }
}

/// Writes an entry down.
pub(crate) fn write(sys: &Sys, entry: &Entry) {
    let line = format!("{}\n", entry.to_json());
    if sys.stat(JOURNAL).is_ok_and(|stat| stat.size > FILE_BYTES_MAX) {
        // The one before goes: a host keeps two files of it.
        let _ = sys.rename(JOURNAL, &archived());
    }
    let fresh = sys.stat(JOURNAL).is_err();
    // A full disk loses lines, as in life.
    let _ = sys.append_file(JOURNAL, line.as_bytes());
    if fresh {
        let _ = sys.chmod(JOURNAL, 0o640);
        let _ = sys.chown(JOURNAL, None, Some(ADM), true);
    }
}

/// The group that may read it.
const ADM: u32 = 4;

fn archived() -> String {
    JOURNAL.replace("system.", "system@1.")
}

/// Everything written down, oldest first. None when it may not be read.
pub(crate) fn read(sys: &Sys) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in [archived(), JOURNAL.to_owned()] {
        match sys.read_file(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                entries.extend(text.lines().filter_map(Entry::from_json));
            }
            Err(sim::Errno::Eacces) => return None,
            Err(_) => {}
        }
    }
    Some(entries)
}

/// The newest entries of a unit, oldest first, of this run of the host.
pub(crate) fn newest(sys: &Sys, unit: &str, count: usize) -> Option<Vec<Entry>> {
    let entries = read(sys)?;
    let boot = entries.last().map(|entry| entry.boot.clone()).unwrap_or_default();
    let mut found: Vec<Entry> = entries
        .into_iter()
        .rev()
        .filter(|entry| entry.unit == unit && entry.boot == boot)
        .take(count)
        .collect();
    found.reverse();
    Some(found)
}

/// The runs the journal knows, oldest first.
pub(crate) fn boots(entries: &[Entry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let new = entries.iter().filter(|entry| seen.insert(entry.boot.clone()));
    new.map(|entry| entry.boot.clone()).collect()
}

/// A line for the journal from a program that is not a service's own output.
pub(crate) async fn say(sys: &Sys, ident: &str, message: &str) {
    let words = serde_json::json!({ "ident": ident, "message": message });
    // A host without systemd has no journal.
    let _ = sys.ask_local(super::LOG, words.to_string()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_the_file() {
        let entry = Entry {
            at_us: 1_795_338_000_000_000,
            boot: "b".into(),
            unit: "etcd.service".into(),
            ident: "systemd".into(),
            pid: 1,
            priority: 6,
            message: "Started \"etcd\".".into(),
            host: "etcd1".into(),
        };
        assert_eq!(Entry::from_json(&entry.to_json().to_string()), Some(entry.clone()));
        assert_eq!(entry.short(false), "Nov 22 09:00:00 etcd1 systemd[1]: Started \"etcd\".");
    }
}
