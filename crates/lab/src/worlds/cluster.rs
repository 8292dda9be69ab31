//! World `cluster`: hosts `n1` to `n9` that hold etcd's binaries; the first N run a member
//! of one cluster, the others stand ready for it to grow.

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
    let names = hosts(options);
    let founders = &names[..usize::from(options.members)];
    let initial_cluster: Vec<String> =
        founders.iter().map(|name| format!("{name}=http://{name}:2380")).collect();
    let initial_cluster = initial_cluster.join(",");
    let member = |name: &String| {
        let flags = member_flags(name, &initial_cluster);
        let (config, argv) = programs::etcd::configure(&options.release, &flags)
            .expect("the flags of the founders are ours, and right");
        MemberSpec { host: name.clone(), config, argv }
    };
    let members = founders.iter().map(member).collect();
    WorldSpec {
        hosts: names,
        members,
        seed: options.seed,
        epoch_us: options.epoch_us,
        checkers: options.checkers,
        programs: programs::TABLE,
        install: programs::files(&options.release).into_iter().map(Install::everywhere).collect(),
        ..WorldSpec::default()
    }
}

/// The flags of the member on a host, without the state of the cluster it joins.
pub(crate) fn member_flags(name: &str, initial_cluster: &str) -> Vec<String> {
    vec![
        format!("--name={name}"),
        "--data-dir=/var/lib/etcd".into(),
        // etcd binds to addresses only, never to names.
        "--listen-peer-urls=http://0.0.0.0:2380".into(),
        "--listen-client-urls=http://0.0.0.0:2379".into(),
        format!("--initial-advertise-peer-urls=http://{name}:2380"),
        format!("--advertise-client-urls=http://{name}:2379"),
        format!("--initial-cluster={initial_cluster}"),
        "--initial-cluster-token=etcd-cluster".into(),
    ]
}
