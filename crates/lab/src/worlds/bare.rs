//! World `bare`: three hosts on which etcd is to be installed, and, out of sight, the server
//! that offers it for download.

use pki::{GeneralName, Name, PrivateKey, Template, Usage};
use sim::{Install, WorldSpec};

use super::system;
use crate::api::WorldOptions;
use crate::programs::system::releases;

/// Where the guides download from.
const RELEASE_HOST: &str =
    "github.com objects.githubusercontent.com storage.googleapis.com dl.k8s.io";

/// Where a system keeps the authorities it trusts.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

const YEAR_S: i64 = 365 * 86_400;

/// `etcd1` to `etcd3`.
pub(super) fn hosts(_options: &WorldOptions) -> Vec<String> {
    (1..=3).map(|n| format!("etcd{n}")).collect()
}

/// The world's parts.
pub(super) fn spec(options: &WorldOptions) -> WorldSpec {
    let mut names = hosts(options);
    names.push(RELEASE_HOST.to_owned());
    let mut spec = system::spec(options, names, "student");
    spec.install.extend(release_server(options, RELEASE_HOST));
    spec
}

/// The files that make a host the release server, and those that make others trust it.
pub(super) fn release_server(options: &WorldOptions, host: &str) -> Vec<Install> {
    let unit = "/lib/systemd/system/releases.service";
    let wants = "/etc/systemd/system/multi-user.target.wants/releases.service";
    let now_s = i64::try_from(options.epoch_us / 1_000_000).expect("checked options");
    let ca =
        pki::authority("Quorum Lab Root CA", options.seed, now_s - YEAR_S, now_s + 10 * YEAR_S);
    let key = PrivateKey::from_seed(options.seed, "release server");
    let names = host.split(' ').map(|name| GeneralName::Dns(name.to_owned())).collect();
    let leaf = Template::leaf(Name::new(&[], "github.com"), &[Usage::ServerAuth], names);
    let certificate = leaf.valid(now_s - YEAR_S / 2, now_s + YEAR_S).issue(&key, &ca).to_pem();
    let text = |path: &str, text: String, mode| Install::file(host, path, text.into_bytes(), mode);
    vec![
        Install::everywhere((ROOTS.to_owned(), ca.certificate.to_pem().into_bytes().into(), 0o644)),
        text(releases::CERTIFICATE, certificate, 0o644),
        text(releases::KEY, key.to_pem(), 0o600),
        Install::file(host, unit, releases::UNIT, 0o644),
        Install::link(host, wants, unit),
        Install::file(host, releases::PATH, releases::image(), 0o755),
    ]
}
