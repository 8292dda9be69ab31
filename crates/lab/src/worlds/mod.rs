//! The worlds a session can run: hosts, what is installed on them, who runs at the start.

#[cfg(feature = "k8s")]
mod bare;
#[cfg(feature = "k8s")]
mod certificates;
mod cluster;
#[cfg(feature = "k8s")]
mod doors;
#[cfg(feature = "k8s")]
mod external;
#[cfg(feature = "k8s")]
mod kubeadm;
#[cfg(feature = "k8s")]
pub(crate) mod system;

pub(crate) use cluster::{PKI_DIR, member_flags};

use etcd::Release;
use sim::WorldSpec;

use crate::api::{WorldOptions, WorldRow};

/// The virtual date at which a world begins unless told otherwise: 2026-11-22 09:00 UTC.
pub const EPOCH_US: u64 = 1_795_338_000_000_000;

const MEMBERS_MAX: u8 = 9;

/// A kind of world.
pub struct World {
    /// Its name, as `--world` takes it.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Who sits at its terminals.
    pub user: &'static str,
    /// The hosts a learner sees, the default one first.
    hosts: fn(&WorldOptions) -> Vec<String>,
    /// What it is made of.
    spec: fn(&WorldOptions) -> WorldSpec,
    /// Whether what starts with it has started.
    ready: fn(&sim::World) -> bool,
}

/// Every world; the first is the default.
pub static WORLDS: &[World] = &[
    World {
        name: "cluster",
        summary: "hosts n1 to n9; the first N run a member of one etcd cluster",
        user: "root",
        hosts: cluster::hosts,
        spec: cluster::spec,
        ready: |_| true,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "cluster-tls",
        summary: "the same with certificates under /etc/etcd/pki: who shows none is refused",
        user: "root",
        hosts: cluster::hosts,
        spec: cluster::tls_spec,
        ready: |_| true,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "bare",
        summary: "hosts etcd1 to etcd3 with nothing installed, and where etcd is downloaded from",
        user: "student",
        hosts: bare::hosts,
        spec: bare::spec,
        ready: |_| true,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "bare-tls",
        summary: "the same hosts, with etcd's programs and certificates in /root",
        user: "root",
        hosts: bare::hosts,
        spec: doors::bare_tls,
        ready: |_| true,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "external",
        summary: "a control plane whose etcd has hosts of its own: etcd1 to etcd3 under systemd",
        user: "student",
        hosts: external::hosts,
        spec: external::spec,
        ready: external::ready,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "external-plain",
        summary: "the same without TLS; certificates, good and bad, wait in /root/pki",
        user: "student",
        hosts: external::hosts,
        spec: external::plain_spec,
        ready: external::ready,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "kubeadm",
        user: "root",
        summary: "a control plane with stacked etcd and a node, as kubeadm makes them",
        hosts: kubeadm::hosts,
        spec: kubeadm::spec,
        ready: kubeadm::ready,
    },
    #[cfg(feature = "k8s")]
    World {
        name: "kubeadm-ha",
        user: "root",
        summary: "three control planes with stacked etcd and a node, as kubeadm makes them",
        hosts: kubeadm::ha_hosts,
        spec: kubeadm::ha_spec,
        ready: kubeadm::ready,
    },
];

/// The worlds as the page offers them.
pub fn rows() -> Vec<WorldRow> {
    let row = |world: &World| {
        let options = options(world.name, 3, "3.6", 1).expect("three members fit every world");
        let hosts = (world.hosts)(&options);
        // Those called after the cluster have one; the others make theirs, or have it made.
        let members = world.name.starts_with("cluster");
        WorldRow { name: world.name.into(), summary: world.summary.into(), hosts, members }
    };
    WORLDS.iter().map(row).collect()
}

/// Checks the choices of a world; the error is a sentence in the words of the flags.
pub fn options(world: &str, members: u8, release: &str, seed: u64) -> Result<WorldOptions, String> {
    let release = release_of(release)?.to_string();
    let (world, epoch_us) = (world.to_string(), EPOCH_US);
    let options = WorldOptions { world, members, release, seed, epoch_us, checkers: true };
    check(&options)?;
    Ok(options)
}

/// Checks options that came from outside, such as a recipe.
pub fn check(options: &WorldOptions) -> Result<(), String> {
    find(&options.world)?;
    release_of(&options.release)?;
    if !(1..=MEMBERS_MAX).contains(&options.members) {
        return Err(format!("{} members: a world has 1 to {MEMBERS_MAX}", options.members));
    }
    // Beyond it, microseconds since 1970 leave what etcd's own time stamps can say.
    if options.epoch_us > 4 * EPOCH_US {
        return Err("the virtual date of this world lies too far ahead".into());
    }
    Ok(())
}

/// The names of a world's hosts. The options must have passed [`check`].
pub fn hosts(options: &WorldOptions) -> Vec<String> {
    (find(&options.world).expect("checked options name a world").hosts)(options)
}

/// What the world is made of. The options must have passed [`check`].
pub fn spec(options: &WorldOptions) -> WorldSpec {
    (find(&options.world).expect("checked options name a world").spec)(options)
}

/// Who sits at the terminals of a world. The options must have passed [`check`].
pub fn user(options: &WorldOptions) -> &'static str {
    find(&options.world).expect("checked options name a world").user
}

/// Whether what starts with a world has started.
pub fn ready(options: &WorldOptions, world: &sim::World) -> bool {
    (find(&options.world).expect("checked options name a world").ready)(world)
}

fn find(name: &str) -> Result<&'static World, String> {
    WORLDS.iter().find(|world| world.name == name).ok_or_else(|| {
        let names: Vec<&str> = WORLDS.iter().map(|world| world.name).collect();
        format!("unknown world '{name}'; there is {}", names.join(", "))
    })
}

/// `3.6` and `3.5` stand for the releases whose behaviour was recorded.
pub(crate) fn release_of(text: &str) -> Result<Release, String> {
    let release = match text {
        "3.6" => Some(Release::V3_6),
        "3.5" => Some(Release::V3_5),
        full => Release::parse(full.strip_prefix('v').unwrap_or(full)),
    };
    release
        .filter(|release| release.major == 3 && matches!(release.minor, 5 | 6))
        .ok_or_else(|| format!("unknown release '{text}': 3.6, 3.5 or a full version of these"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_options_are_refused_in_the_words_of_the_flags() {
        let error = |world, members, release| options(world, members, release, 1).unwrap_err();
        assert_eq!(
            error("moon", 3, "3.6"),
            "unknown world 'moon'; there is cluster, cluster-tls, bare, bare-tls, external, \
             external-plain, kubeadm, kubeadm-ha"
        );
        assert_eq!(error("cluster", 0, "3.6"), "0 members: a world has 1 to 9");
        assert_eq!(
            error("cluster", 3, "2.3"),
            "unknown release '2.3': 3.6, 3.5 or a full version of these"
        );
        assert_eq!(options("cluster", 3, "3.5", 1).unwrap().release, "3.5.33");
        assert_eq!(options("cluster", 3, "v3.5.9", 1).unwrap().release, "3.5.9");
    }
}
