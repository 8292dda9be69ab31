//! A host: power, clock, disk.
//!
//! Its processes are in the kernel's table, its links in the net.

use crate::cred::Owner;
use crate::disk::{At, CAPACITY_BYTES, Disk};
use crate::fs::Device;
use crate::ids::HostId;
use crate::rng::Rng;

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// Whether it has power.
    pub(crate) on: bool,
    /// How far its clock is ahead of the world's.
    pub(crate) skew_us: i64,
    pub(crate) disk: Disk,
    /// Its first process, where the world has one.
    pub(crate) init: Option<crate::ids::Pid>,
    /// Whether it is between two runs.
    pub(crate) reboots: bool,
}

/// The directories every host has.
const DIRS: &[(&str, u16)] = &[
    ("/bin", 0o755),
    ("/dev", 0o755),
    ("/dev/fd", 0o755),
    ("/etc", 0o755),
    ("/root", 0o700),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/local/bin", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
];

const DEVICES: &[(&str, Device)] = &[
    ("/dev/fd/0", Device::Fd(0)),
    ("/dev/fd/1", Device::Fd(1)),
    ("/dev/fd/2", Device::Fd(2)),
    // What bash gives its process substitutions.
    ("/dev/fd/60", Device::Fd(60)),
    ("/dev/fd/61", Device::Fd(61)),
    ("/dev/fd/62", Device::Fd(62)),
    ("/dev/fd/63", Device::Fd(63)),
    ("/dev/full", Device::Full),
    ("/dev/null", Device::Null),
    ("/dev/random", Device::Random),
    ("/dev/stderr", Device::Fd(2)),
    ("/dev/stdin", Device::Fd(0)),
    ("/dev/stdout", Device::Fd(1)),
    ("/dev/tty", Device::Tty),
    ("/dev/urandom", Device::Random),
    ("/dev/zero", Device::Zero),
];

/// The accounts every host has.
pub(crate) const PASSWD: &str = concat!(
    "root:x:0:0:root:/root:/bin/bash\n",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
);

/// Their groups.
pub(crate) const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";

impl Host {
    /// A host that is on, with an empty system on its disk. `hosts` are the names of all,
    /// for `/etc/hosts`.
    pub(crate) fn new(id: HostId, hosts: &[String], seed: u64, epoch_us: u64) -> Host {
        let rng = Rng::for_purpose(seed, "disk", u64::from(id.0));
        let mut disk = Disk::new(CAPACITY_BYTES, rng);
        let at = At { now_us: 0, wall_us: epoch_us, owner: Owner::ROOT };
        let name = hosts[usize::from(id.0)].clone();
        furnish(&mut disk, &name, hosts, at).expect("an empty disk has room for a system");
        disk.settle(0);
        Host { name, on: true, skew_us: 0, disk, init: None, reboots: false }
    }
}

fn furnish(
    disk: &mut Disk,
    name: &str,
    hosts: &[String],
    at: At,
) -> Result<(), crate::errno::Errno> {
    for (path, mode) in DIRS {
        disk.mkdir_all(path, 0o755, at)?;
        disk.chmod(path, *mode)?;
    }
    for (path, device) in DEVICES {
        disk.make_device(path, *device, at)?;
    }
    disk.install("/etc/hostname", &format!("{name}\n").into(), 0o644, at)?;
    disk.install("/etc/passwd", &PASSWD.into(), 0o644, at)?;
    disk.install("/etc/group", &GROUP.into(), 0o644, at)?;
    let mut table = String::from("127.0.0.1 localhost\n");
    for (index, host) in hosts.iter().enumerate() {
        table.push_str(&format!("10.0.0.{} {host}\n", index + 1));
    }
    disk.install("/etc/hosts", &table.into(), 0o644, at)
}
