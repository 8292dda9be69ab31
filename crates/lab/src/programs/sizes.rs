//! What processes take of their host's memory, as `ps`, `top` and `free` tell it.
//!
//! Processes of this world have no pages. What one takes is told by its program, and for an
//! etcd by its database, which it maps into memory: it grows and shrinks with that.

use sim::{ProcInfo, Sys};

/// What a host has, in KiB.
pub(crate) const TOTAL_KIB: u64 = 4_013_056;

/// Resident and virtual size of a program that has done nothing yet, in KiB.
const SIZES: &[(&str, u64, u64)] = &[
    ("etcd", 21_504, 11_216_896),
    ("kube-apiserver", 286_720, 1_507_328),
    ("kube-controller-manager", 110_592, 1_331_200),
    ("kube-scheduler", 61_440, 1_286_144),
    ("kubelet", 96_256, 1_974_272),
    ("containerd", 55_296, 1_843_200),
    ("containerd-shim-runc-v2", 14_336, 1_237_888),
    ("init", 12_032, 168_960),
    ("bash", 5_120, 7_168),
    ("sshd", 8_704, 15_360),
    ("etcdctl", 24_576, 1_273_856),
    ("kubectl", 45_056, 1_286_144),
];
const OTHER: (u64, u64) = (3_072, 8_192);

/// Resident and virtual size of a process in KiB.
pub(crate) fn of(sys: &Sys, proc: &ProcInfo) -> (u64, u64) {
    let command = proc.argv.first().map_or("", String::as_str).trim_start_matches('-');
    let name = command.rsplit('/').next().unwrap_or(command);
    let size = SIZES.iter().find(|(known, ..)| *known == name);
    let (resident, mapped) = size.map_or(OTHER, |(_, resident, mapped)| (*resident, *mapped));
    let database = if name == "etcd" { sys.database_bytes(proc.pid) / 1024 } else { 0 };
    (resident + database, mapped + database)
}

/// A share of the memory in thousandths.
pub(crate) fn per_mille(resident_kib: u64) -> u64 {
    resident_kib * 1000 / TOTAL_KIB
}
