//! What can be asked of snapshots, of Kubernetes' objects and of what its hosts run.

use serde::{Deserialize, Deserializer, de};

/// A file on a host is a snapshot that `etcdutl snapshot restore` would take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SnapshotIs {
    /// Where.
    pub host: String,
    /// Its path.
    pub path: String,
    /// A key it must hold.
    pub has: Option<String>,
    /// Whether it must be written after the start, with a revision not below that of the start.
    #[serde(default)]
    pub since_start: bool,
}

/// The API server's etcd holds a key as a snapshot had it when the exercise began: not one
/// that was made again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// The key.
    pub key: String,
    /// Where the snapshot lies.
    pub host: String,
    /// Its path.
    pub path: String,
}

/// An object, as the API server sees it; no object is there while no API server runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectIs {
    /// Its kind, such as `ConfigMap`.
    #[serde(deserialize_with = "kind")]
    pub kind: String,
    /// Its namespace; empty for what has none.
    #[serde(default)]
    pub namespace: String,
    /// Its name; `*` for any text.
    pub name: String,
    /// A field of it, as `data.color` or `spec.containers.0.image`.
    pub field: Option<String>,
    /// What the field holds, `*` for any text; none means that it is there.
    pub is: Option<String>,
    /// Whether such an object must be there.
    #[serde(default = "super::yes")]
    pub there: bool,
}

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let known: Vec<&str> = kube::resources::KINDS.iter().map(|it| it.kind).collect();
    if known.contains(&name.as_str()) {
        return Ok(name);
    }
    let kinds = known.join(", ");
    Err(de::Error::custom(format!("unknown kind `{name}`, expected one of {kinds}")))
}

/// Pods are running and ready, all of those that fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodsRun {
    /// Their namespace.
    pub namespace: String,
    /// Their names, `*` for any text.
    #[serde(default = "any")]
    pub name: String,
    /// How many there must be at least.
    #[serde(default = "one")]
    pub at_least: u32,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u32 {
    1
}

/// So many containers of a name run on a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainersRun {
    /// Where.
    pub host: String,
    /// The container's name.
    pub name: String,
    /// How many, exactly.
    pub count: u32,
    /// Each of them for so long at least.
    #[serde(default)]
    pub seconds: u32,
}

/// What is true of a host's folder of static pods.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestsAre {
    /// Where.
    pub host: String,
    /// What is asked.
    pub are: Folder,
}

/// What can be true of a folder of static pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Folder {
    /// Every file is a pod, and no two files are the same pod.
    Good,
    /// A file is no pod.
    Broken,
    /// Two files are the same pod.
    Twice,
}

/// A process runs on a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIs {
    /// Where.
    pub host: String,
    /// Its program.
    pub program: String,
    /// A flag of it, with the dashes.
    pub flag: Option<String>,
    /// What the flag says, `*` for any text; none means that it is not given.
    pub is: Option<String>,
    /// Whether every URL the flag names must reach a member's port for clients.
    #[serde(default)]
    pub reaches: bool,
    /// It has run for so long at least.
    #[serde(default)]
    pub seconds: u32,
}

/// An API server serves: it runs, and its etcd answers it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiServes {
    /// Where.
    pub host: String,
    /// Its container has run for so long at least.
    #[serde(default)]
    pub seconds: u32,
}

/// A part of Kubernetes leads, and says so: its lease was renewed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseHeld {
    /// The lease's name, such as `kube-scheduler`.
    pub name: String,
    /// Its namespace.
    #[serde(default = "system")]
    pub namespace: String,
    /// In the last seconds.
    pub seconds: u32,
}

fn system() -> String {
    "kube-system".to_owned()
}

/// Where on the host's disk the member keeps its data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataDirIs {
    /// Where the member runs.
    pub host: String,
    /// The directory, `*` for any text.
    pub is: String,
}

/// A file and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileOf {
    /// Where.
    pub host: String,
    /// Its path.
    pub path: String,
}

/// `crictl logs` was asked for a container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsRead {
    /// The container's name.
    pub of: String,
    /// Whether there was a newer one of that name.
    pub old: bool,
}
