//! The certificates a member needs on a real machine: the files its flags name and what lies
//! beside them (a client's certificate, the key of the authority), under their own paths.
//!
//! Nothing here reads a certificate: a file is taken as it is.

use bytes::Bytes;
use etcd::{Config, TlsFiles};
use sim::{HostId, World};

/// No more files than this are taken out of one directory: a directory of certificates has a
/// dozen, and a member whose certificate lies in `/etc` shall not bring the host along.
const FILES_MAX: usize = 64;

/// The names of files that hold certificates or keys.
const ENDINGS: [&str; 4] = [".crt", ".key", ".pem", ".csr"];

/// What the flags of one kind of port name.
fn named(tls: &TlsFiles) -> impl Iterator<Item = &str> {
    let all = [
        &tls.cert_file,
        &tls.key_file,
        &tls.client_cert_file,
        &tls.client_key_file,
        &tls.trusted_ca_file,
    ];
    all.into_iter().map(String::as_str).filter(|path| path.starts_with('/'))
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The files of this member, sorted by path. A file that is gone is left out: etcd will name it.
pub(super) fn of(world: &World, host: HostId, config: &Config) -> Vec<(String, Bytes)> {
    let mut paths: Vec<String> = Vec::new();
    for path in named(&config.client_tls).chain(named(&config.peer_tls)) {
        paths.push(path.to_owned());
        let directory = directory(path);
        let beside = world.read_dir(host, directory).unwrap_or_default();
        let files = beside.into_iter().filter(|(name, is_dir)| {
            !is_dir && ENDINGS.iter().any(|ending| name.ends_with(ending))
        });
        paths.extend(files.take(FILES_MAX).map(|(name, _)| format!("{directory}/{name}")));
    }
    flat::sort(&mut paths);
    paths.dedup();
    let read = |path: String| world.read_file(host, &path).ok().map(|bytes| (path, bytes));
    paths.into_iter().filter_map(read).collect()
}

/// A key is its owner's alone.
pub(super) fn mode(path: &str) -> u32 {
    if path.ends_with(".key") { 0o600 } else { 0o644 }
}

/// The directories these files are in, each once.
pub(super) fn directories(certs: &[(String, Bytes)]) -> Vec<&str> {
    let mut all: Vec<&str> = certs.iter().map(|(path, _)| directory(path)).collect();
    all.dedup();
    all
}

/// The variables that say what the flags said.
pub(super) fn variables(config: &Config) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let (client, peer) = (&config.client_tls, &config.peer_tls);
    let texts = [
        ("ETCD_CERT_FILE", &client.cert_file),
        ("ETCD_KEY_FILE", &client.key_file),
        ("ETCD_CLIENT_CERT_FILE", &client.client_cert_file),
        ("ETCD_CLIENT_KEY_FILE", &client.client_key_file),
        ("ETCD_TRUSTED_CA_FILE", &client.trusted_ca_file),
        ("ETCD_PEER_CERT_FILE", &peer.cert_file),
        ("ETCD_PEER_KEY_FILE", &peer.key_file),
        ("ETCD_PEER_CLIENT_CERT_FILE", &peer.client_cert_file),
        ("ETCD_PEER_CLIENT_KEY_FILE", &peer.client_key_file),
        ("ETCD_PEER_TRUSTED_CA_FILE", &peer.trusted_ca_file),
    ];
    all.extend(texts.into_iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (n, v.clone())));
    let skip_san = match config.release.is_3_6() {
        true => "ETCD_PEER_SKIP_CLIENT_SAN_VERIFICATION",
        false => "ETCD_EXPERIMENTAL_PEER_SKIP_CLIENT_SAN_VERIFICATION",
    };
    let switches = [
        ("ETCD_CLIENT_CERT_AUTH", client.client_cert_auth),
        ("ETCD_AUTO_TLS", client.auto),
        ("ETCD_PEER_CLIENT_CERT_AUTH", peer.client_cert_auth),
        ("ETCD_PEER_AUTO_TLS", peer.auto),
        (skip_san, peer.skip_client_san),
    ];
    all.extend(switches.into_iter().filter(|(_, on)| *on).map(|(n, _)| (n, "true".to_owned())));
    let lists = [
        ("ETCD_CLIENT_CERT_ALLOWED_HOSTNAME", &client.allowed_hostnames),
        ("ETCD_PEER_CERT_ALLOWED_CN", &peer.allowed_cns),
        ("ETCD_PEER_CERT_ALLOWED_HOSTNAME", &peer.allowed_hostnames),
    ];
    all.extend(lists.into_iter().filter(|(_, l)| !l.is_empty()).map(|(n, l)| (n, l.join(","))));
    all
}
