//! `etcdctl`: the entry of the program; what it does is in `crate::etcdctl`.

use super::Program;
use crate::etcdctl;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "etcdctl",
    summary: "talk to an etcd cluster",
    usage: "etcdctl [global options] COMMAND [options] [arguments]\n  etcdctl help lists the commands, etcdctl help COMMAND explains one.",
    run: |sys| Box::pin(etcdctl::run(sys)),
    complete: Some(etcdctl::complete),
};
