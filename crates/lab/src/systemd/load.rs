//! Where units lie: fragments in several directories, drop-ins beside them, links that enable.

use sim::{FileKind, Sys};

use super::unit::Settings;

/// Where unit files are looked for; the first that has one wins.
pub(super) const DIRS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
];

/// What was found under the name of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The unit file; none when there is none.
    pub(super) path: Option<String>,
    /// Whether it is a link to `/dev/null`.
    pub(super) masked: bool,
    /// The files that add to it.
    pub(super) drop_ins: Vec<String>,
    /// Each file with a sum over what is in it: when that differs, the unit needs a reload.
    pub(super) stamps: Vec<(String, u64)>,
}

/// The name of a unit as a user writes it: `etcd` is `etcd.service`.
pub(super) fn full_name(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let suffixes = [".service", ".target", ".timer", ".socket", ".mount", ".path", ".slice"];
    let known = suffixes.iter().any(|suffix| name.ends_with(suffix));
    if known { name.to_owned() } else { format!("{name}.service") }
}

/// Looks a unit up on the disk.
pub(super) fn find(sys: &Sys, name: &str) -> Found {
    let mut found = Found::default();
    for dir in DIRS {
        let path = format!("{dir}/{name}");
        let Ok(link) = sys.lstat(&path) else { continue };
        if link.kind == FileKind::Symlink {
            found.masked = sys.read_link(&path).is_ok_and(|target| target == "/dev/null");
        }
        found.path = Some(path);
        break;
    }
    // `foo@bar.service` comes from `foo@.service`.
    if let (None, Some((stem, rest))) = (&found.path, name.split_once('@'))
        && let Some((_, suffix)) =
            rest.rsplit_once('.').filter(|(instance, _)| !instance.is_empty())
    {
        return find(sys, &format!("{stem}@.{suffix}"));
    }
    for dir in DIRS {
        let dir = format!("{dir}/{name}.d");
        let names = sys.read_dir(&dir).unwrap_or_default();
        let files = names.into_iter().filter(|file| file.ends_with(".conf"));
        found.drop_ins.extend(files.map(|file| format!("{dir}/{file}")));
    }
    let files = found.path.iter().chain(&found.drop_ins);
    let stamps = files.map(|path| {
        let bytes = sys.read_file(path).unwrap_or_default();
        (path.clone(), sum(&bytes))
    });
    found.stamps = stamps.collect();
    found
}

/// A sum over what is in a file.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The real file of a unit: where links end.
pub(super) fn real_path(sys: &Sys, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..8 {
        match sys.read_link(&path) {
            Ok(target) if target.starts_with('/') => path = target,
            Ok(target) => {
                let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
                path = sys.absolute(&format!("{dir}/{target}"));
            }
            Err(_) => break,
        }
    }
    path
}

/// What the files of a unit say together.
pub(super) fn settings(sys: &Sys, found: &Found) -> Settings {
    let mut settings = Settings::default();
    for path in found.path.iter().chain(&found.drop_ins) {
        if let Ok(bytes) = sys.read_file(path) {
            settings.read(path, &String::from_utf8_lossy(&bytes));
        }
    }
    settings
}

/// The units that links make a target want (`wants`) or require (`requires`).
pub(super) fn linked(sys: &Sys, name: &str, kind: &str) -> Vec<String> {
    // What a host starts is this target; the other is a name for it.
    let other = (name == "multi-user.target").then_some("default.target");
    let mut names = Vec::new();
    for dir in DIRS {
        for name in std::iter::once(name).chain(other) {
            names.extend(sys.read_dir(&format!("{dir}/{name}.{kind}")).unwrap_or_default());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// All unit files, by name.
pub(super) fn all_names(sys: &Sys) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for dir in DIRS {
        let files = sys.read_dir(dir).unwrap_or_default();
        names.extend(files.into_iter().filter(|file| full_name(file) == *file));
    }
    names.sort();
    names.dedup();
    names
}

/// `enabled`, `disabled`, `static`, `masked`, `alias`; none when there is no such file.
pub(super) fn file_state(sys: &Sys, name: &str) -> Option<&'static str> {
    let found = find(sys, name);
    let path = found.path.as_ref()?;
    if found.masked {
        return Some("masked");
    }
    let real = real_path(sys, path);
    let real_name = real.rsplit('/').next().unwrap_or(&real).to_owned();
    if real_name != name && !name.contains('@') {
        return Some("alias");
    }
    let settings = settings(sys, &found);
    let install = ["WantedBy", "RequiredBy", "Alias", "Also"];
    let kinds = [("WantedBy", "wants"), ("RequiredBy", "requires")];
    // A link in any target's directory enables it, whatever the file says by now.
    let linked = DIRS[..2].iter().any(|dir| {
        let entries = sys.read_dir(dir).unwrap_or_default();
        let dirs = entries
            .iter()
            .filter(|entry| kinds.iter().any(|(_, kind)| entry.ends_with(&format!(".{kind}"))));
        dirs.into_iter().any(|entry| sys.lstat(&format!("{dir}/{entry}/{name}")).is_ok())
    });
    if linked {
        return Some("enabled");
    }
    let installable = install.iter().any(|key| !settings.all("Install", key).is_empty());
    Some(if installable { "disabled" } else { "static" })
}
