//! World `bare`: three hosts on which etcd is to be installed, and, out of sight, the server
//! that offers it for download.

use sim::{Install, WorldSpec};

use super::system;
use crate::api::WorldOptions;
use crate::programs::system::releases;

/// Where the guides download from.
const RELEASE_HOST: &str =
    "github.com objects.githubusercontent.com storage.googleapis.com dl.k8s.io";

/// `etcd1` to `etcd3`.
pub(super) fn hosts(_options: &WorldOptions) -> Vec<String> {
    (1..=3).map(|n| format!("etcd{n}")).collect()
}

/// The world's parts.
pub(super) fn spec(options: &WorldOptions) -> WorldSpec {
    let mut names = hosts(options);
    names.push(RELEASE_HOST.to_owned());
    let mut spec = system::spec(options, names, "student");
    spec.install.extend(release_server(RELEASE_HOST));
    spec
}

/// The files that make a host the release server.
pub(super) fn release_server(host: &str) -> Vec<Install> {
    let unit = "/lib/systemd/system/releases.service";
    let wants = "/etc/systemd/system/multi-user.target.wants/releases.service";
    vec![
        Install::file(host, unit, releases::UNIT, 0o644),
        Install::link(host, wants, unit),
        Install::file(host, releases::PATH, releases::image(), 0o755),
    ]
}
