//! World `cluster`: hosts `n1` to `n9` that hold etcd's binaries; the first N run a member
//! of one cluster, the others stand ready for it to grow.
//!
//! World `cluster-tls` is the same with certificates under `/etc/etcd/pki` of every host:
//! members talk only to those an authority of their own has signed, clients included.

use sim::{Install, MemberSpec, WorldSpec};

use crate::api::WorldOptions;
use crate::programs;

/// Hosts of the world, whatever the number of members.
const HOSTS: u8 = 9;

/// `n1` to `n9`.
pub(super) fn hosts(_options: &WorldOptions) -> Vec<String> {
    (1..=HOSTS).map(|n| format!("n{n}")).collect()
}

/// The world's parts.
pub(super) fn spec(options: &WorldOptions) -> WorldSpec {
    parts(options, "http", Vec::new())
}

/// The same world with certificates.
#[cfg(feature = "k8s")]
pub(super) fn tls_spec(options: &WorldOptions) -> WorldSpec {
    let mut more = super::certificates::install(options, &hosts(options));
    more.extend(programs::tools().into_iter().map(Install::everywhere));
    parts(options, "https", more)
}

fn parts(options: &WorldOptions, scheme: &str, more: Vec<Install>) -> WorldSpec {
    let names = hosts(options);
    let founders = &names[..usize::from(options.members)];
    let initial_cluster: Vec<String> =
        founders.iter().map(|name| format!("{name}={scheme}://{name}:2380")).collect();
    let initial_cluster = initial_cluster.join(",");
    let member = |name: &String| {
        let flags = member_flags(name, &initial_cluster);
        let (config, argv) = programs::etcd::configure(&options.release, &flags)
            .expect("the flags of the founders are ours, and right");
        MemberSpec { host: name.clone(), config, argv }
    };
    let members = founders.iter().map(member).collect();
    let files = programs::files(&options.release).into_iter().map(Install::everywhere);
    WorldSpec {
        hosts: names,
        members,
        seed: options.seed,
        epoch_us: options.epoch_us,
        checkers: options.checkers,
        programs: programs::TABLE,
        install: files.chain(more).collect(),
        ..WorldSpec::default()
    }
}

/// Where a host of a world with certificates has them.
pub(crate) const PKI_DIR: &str = "/etc/etcd/pki";

/// The flags of the member on a host, without the state of the cluster it joins. Whether it
/// speaks TLS is seen from the URLs of that cluster.
pub(crate) fn member_flags(name: &str, initial_cluster: &str) -> Vec<String> {
    let tls = initial_cluster.contains("=https://");
    let scheme = if tls { "https" } else { "http" };
    let mut flags = vec![
        format!("--name={name}"),
        "--data-dir=/var/lib/etcd".into(),
        // etcd binds to addresses only, never to names.
        format!("--listen-peer-urls={scheme}://0.0.0.0:2380"),
        format!("--listen-client-urls={scheme}://0.0.0.0:2379"),
        format!("--initial-advertise-peer-urls={scheme}://{name}:2380"),
        format!("--advertise-client-urls={scheme}://{name}:2379"),
        format!("--initial-cluster={initial_cluster}"),
        "--initial-cluster-token=etcd-cluster".into(),
    ];
    if tls {
        for (prefix, files) in [("", "server"), ("peer-", "peer")] {
            flags.extend([
                format!("--{prefix}cert-file={PKI_DIR}/{files}.crt"),
                format!("--{prefix}key-file={PKI_DIR}/{files}.key"),
                format!("--{prefix}trusted-ca-file={PKI_DIR}/ca.crt"),
                format!("--{prefix}client-cert-auth"),
            ]);
        }
    }
    flags
}
