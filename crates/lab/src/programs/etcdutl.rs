//! `etcdutl`: the entry of the program; what it does is in `crate::etcdutl`.

use super::Program;
use crate::etcdutl;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "etcdutl",
    summary: "work on etcd's files: snapshots, databases, data directories",
    usage: "etcdutl [options] COMMAND [options] [arguments]\n  etcdutl help lists the commands, etcdutl help COMMAND explains one.",
    run: |sys| Box::pin(etcdutl::run(sys)),
    complete: Some(etcdutl::complete),
};
