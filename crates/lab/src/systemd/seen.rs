//! What of a host's services shows from outside the world: exercises ask whether a unit is
//! active, enabled, and as its files say. Nothing in the world reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sim::{FileKind, HostId, Sys, World};

use super::load::{self, DIRS};
use super::manager::Unit;

/// A service as the first process of its host knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Its full name.
    pub(crate) name: String,
    /// `active`, `failed` and the like.
    pub(crate) active: String,
    /// `running`, `auto-restart` and the like.
    pub(crate) sub: String,
    /// How its last run ended.
    pub(crate) result: String,
    /// Its main process.
    pub(crate) main: Option<u32>,
    /// The settings in effect: those that were read last.
    pub(crate) settings: BTreeMap<String, Vec<String>>,
    /// The files it was read from, each with a sum over what was in it.
    stamps: Vec<(String, u64)>,
}

impl Seen {
    /// Takes the picture of a unit.
    pub(super) fn of(name: &str, unit: &Unit) -> Seen {
        let settings = unit.settings.each();
        Seen {
            name: name.to_owned(),
            active: unit.active.to_owned(),
            sub: unit.sub.to_owned(),
            result: unit.result.to_owned(),
            main: unit.main.map(|pid| pid.0),
            settings: settings.map(|(_, key, values)| (key.to_owned(), values.to_vec())).collect(),
            stamps: unit.found.stamps.clone(),
        }
    }

    /// Whether its files say something else by now.
    pub(crate) fn stale(&self, world: &World, host: HostId) -> bool {
        self.stamps.iter().any(|(path, before)| {
            world.read_file(host, path).map_or(true, |bytes| load::sum(&bytes) != *before)
        })
    }

    /// Whether it starts with the host: a link in the directory of a target that does.
    pub(crate) fn enabled(&self, world: &World, host: HostId) -> bool {
        let targets = ["multi-user", "default", "basic", "network-online", "sysinit"];
        let dirs = targets.iter().flat_map(|target| {
            ["wants", "requires"].map(|kind| format!("{}/{target}.target.{kind}", DIRS[0]))
        });
        let mut links = dirs.map(|dir| format!("{dir}/{}", self.name));
        links.any(|link| world.lstat(host, &link).is_ok_and(|it| it.kind == FileKind::Symlink))
    }
}

fn note(host: &str) -> String {
    format!("systemd of {host}")
}

/// Leaves the picture of all services of this host.
pub(super) fn leave(sys: &Sys, seen: Vec<Seen>) {
    let text = serde_json::to_string(&seen).expect("names and numbers are JSON");
    sys.leave_note(&note(&sys.hostname()), &text);
}

/// The services of a host that is on; none where no systemd runs.
pub(crate) fn services(world: &World, host: HostId) -> Vec<Seen> {
    if world.host_power(host) == sim::Power::Off {
        return Vec::new();
    }
    let name = world.host_names()[usize::from(host.0)].clone();
    let text = world.note(&note(&name)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
