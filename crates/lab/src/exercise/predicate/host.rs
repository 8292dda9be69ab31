//! What can be asked of hosts with systemd, users and certificates.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A unit of a host. Without a name it is the one the host's member runs under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnitIs {
    /// Where.
    pub host: String,
    /// Its name; `etcd` is `etcd.service`.
    pub name: Option<String>,
    /// `active`, `failed`, `inactive`, `activating`.
    pub is: Option<String>,
    /// Whether it starts with the host.
    pub enabled: Option<bool>,
    /// Whether its files changed since systemd read them.
    pub stale: Option<bool>,
    /// Settings in effect and their values; `*` stands for any text.
    pub set: BTreeMap<String, String>,
}

/// Whose a file or directory is, and who may use it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owned {
    /// Where.
    pub host: String,
    /// Its path; `@data-dir` is the data directory of the host's member, running or last, and
    /// `@FLAG` the path that this flag of it names.
    pub path: String,
    /// The owner's name; `@member` is the user the member runs as.
    pub by: Option<String>,
    /// An owner it must not have.
    pub not_by: Option<String>,
    /// Its mode, octal.
    pub mode: Option<String>,
    /// Nobody but its owner may do anything with it.
    pub private: Option<bool>,
    /// Everything below it, too.
    #[serde(default)]
    pub deep: bool,
}

/// The process of a host's member.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRuns {
    /// Where; none means on every host that runs a member.
    pub host: Option<String>,
    /// The user it runs as.
    pub user: Option<String>,
    /// A user it must not run as.
    pub not_user: Option<String>,
    /// Whether it was started after the exercise began.
    pub restarted: Option<bool>,
}

/// Which ports of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// Those for clients.
    #[default]
    Client,
    /// Those for other members.
    Peer,
}

/// Ports at which nobody gets in who shows no certificate, or one a stranger signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The members' hosts; none means every host that runs one.
    pub hosts: Option<Vec<String>>,
    /// Which ports.
    #[serde(default)]
    pub port: Port,
}

/// Somebody with these certificates is let in, and trusts whom he meets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greets {
    /// The member's host; he calls it by this name.
    pub host: String,
    /// Which port.
    #[serde(default)]
    pub port: Port,
    /// The host whose files are meant.
    pub from: String,
    /// Whom he trusts.
    pub ca: String,
    /// What he shows; empty for nothing.
    #[serde(default)]
    pub cert: String,
    /// Its key.
    #[serde(default)]
    pub key: String,
    /// Text of why he is not let in: then this is what is asked.
    pub error: Option<String>,
}

/// A line a member wrote since the exercise began.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Where; none means anywhere.
    pub host: Option<String>,
    /// What it says.
    pub says: String,
}
