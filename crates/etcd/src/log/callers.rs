//! Where 3.5.33 says what 3.6.14 says elsewhere: file and line of its source.

use super::{Level, LogLine};

/// Callers of 3.6.14, sorted, and those of 3.5.33.
static CALLERS: [(&str, &str); 79] = [
    ("auth/store.go:1079", "auth/store.go:1185"),
    ("auth/store.go:1137", "auth/store.go:1243"),
    ("auth/store.go:270", "auth/store.go:230"),
    ("auth/store.go:297", "auth/store.go:259"),
    ("auth/store.go:320", "auth/store.go:280"),
    ("auth/store.go:390", "auth/store.go:355"),
    ("auth/store.go:464", "auth/store.go:436"),
    ("auth/store.go:489", "auth/store.go:462"),
    ("auth/store.go:531", "auth/store.go:505"),
    ("auth/store.go:558", "auth/store.go:532"),
    ("auth/store.go:575", "auth/store.go:549"),
    ("auth/store.go:646", "auth/store.go:626"),
    ("auth/store.go:710", "auth/store.go:693"),
    ("auth/store.go:760", "auth/store.go:744"),
    ("auth/store.go:786", "auth/store.go:770"),
    ("auth/store.go:849", "auth/store.go:833"),
    ("auth/store.go:871", "auth/store.go:853"),
    ("backend/batch_tx.go:264", "backend/batch_tx.go:282"),
    ("embed/serve.go:139", "embed/serve.go:125"),
    ("etcdhttp/health.go:357", "etcdhttp/health.go:370"),
    ("etcdhttp/health.go:99", "etcdhttp/health.go:100"),
    ("etcdmain/etcd.go:183", "etcdmain/etcd.go:204"),
    ("etcdserver/bootstrap.go:631", "etcdserver/storage.go:105"),
    ("etcdserver/bootstrap.go:636", "etcdserver/storage.go:110"),
    ("etcdserver/corrupt.go:119", "etcdserver/corrupt.go:122"),
    ("etcdserver/corrupt.go:122", "etcdserver/corrupt.go:125"),
    ("etcdserver/corrupt.go:178", "etcdserver/corrupt.go:177"),
    ("etcdserver/corrupt.go:219", "etcdserver/corrupt.go:217"),
    ("etcdserver/corrupt.go:240", "etcdserver/corrupt.go:238"),
    ("etcdserver/corrupt.go:251", "etcdserver/corrupt.go:249"),
    ("etcdserver/corrupt.go:260", "etcdserver/corrupt.go:276"),
    ("etcdserver/corrupt.go:262", "etcdserver/corrupt.go:260"),
    ("etcdserver/corrupt.go:274", "etcdserver/corrupt.go:271"),
    ("etcdserver/corrupt.go:276", "etcdserver/corrupt.go:326"),
    ("etcdserver/corrupt.go:391", "etcdserver/corrupt.go:317"),
    ("etcdserver/corrupt.go:403", "etcdserver/corrupt.go:329"),
    ("etcdserver/corrupt.go:90", "etcdserver/corrupt.go:96"),
    ("etcdserver/raft.go:261", "etcdserver/raft.go:235"),
    ("etcdserver/server.go:1013", "etcdserver/server.go:1310"),
    ("etcdserver/server.go:1021", "etcdserver/server.go:1318"),
    ("etcdserver/server.go:1055", "etcdserver/server.go:1352"),
    ("etcdserver/server.go:1257", "etcdserver/server.go:1526"),
    ("etcdserver/server.go:1274", "etcdserver/server.go:1543"),
    ("etcdserver/server.go:1288", "etcdserver/server.go:1557"),
    ("etcdserver/server.go:1297", "etcdserver/server.go:1566"),
    ("etcdserver/server.go:1336", "etcdserver/server.go:1605"),
    ("etcdserver/server.go:1422", "etcdserver/server.go:1703"),
    ("etcdserver/server.go:1433", "etcdserver/server.go:1714"),
    ("etcdserver/server.go:1626", "etcdserver/server.go:1900"),
    ("etcdserver/server.go:1644", "etcdserver/server.go:1918"),
    ("etcdserver/server.go:1782", "etcdserver/server.go:2055"),
    ("etcdserver/server.go:1834", "etcdserver/server.go:2125"),
    ("etcdserver/server.go:1844", "etcdserver/server.go:2135"),
    ("etcdserver/server.go:1867", "etcdserver/server.go:2224"),
    ("etcdserver/server.go:1885", "etcdserver/server.go:2242"),
    ("etcdserver/server.go:1939", "etcdserver/server.go:2299"),
    ("etcdserver/server.go:2023", "etcdserver/server.go:2390"),
    ("etcdserver/server.go:2103", "etcdserver/server.go:2422"),
    ("etcdserver/server.go:2434", "etcdserver/server.go:2777"),
    ("etcdserver/server.go:2439", "etcdserver/server.go:2782"),
    ("etcdserver/server.go:2453", "etcdserver/server.go:2761"),
    ("etcdserver/server.go:2461", "etcdserver/server.go:2769"),
    ("etcdserver/server.go:483", "etcdserver/server.go:763"),
    ("etcdserver/server.go:522", "etcdserver/server.go:802"),
    ("etcdserver/server.go:598", "etcdserver/server.go:870"),
    ("etcdserver/server.go:718", "etcdserver/server.go:999"),
    ("etcdserver/server.go:726", "etcdserver/server.go:1007"),
    ("etcdserver/server.go:860", "etcdserver/server.go:1160"),
    ("etcdserver/server.go:861", "etcdserver/server.go:1161"),
    ("etcdserver/server.go:900", "etcdserver/server.go:1204"),
    ("membership/cluster.go:680", "membership/cluster.go:614"),
    ("membership/cluster.go:687", "membership/cluster.go:622"),
    ("mvcc/kvstore.go:408", "mvcc/kvstore.go:425"),
    ("rafthttp/http.go:511", "rafthttp/http.go:500"),
    ("snap/db.go:87", "snap/db.go:88"),
    ("v3compactor/revision.go:91", "v3compactor/revision.go:86"),
    ("v3rpc/maintenance.go:107", "v3rpc/maintenance.go:97"),
    ("v3rpc/maintenance.go:113", "v3rpc/maintenance.go:105"),
    ("version/monitor.go:143", "etcdserver/server.go:2834"),
];

/// Gives a line the caller it has in 3.5.
pub(crate) fn in_3_5(line: &mut LogLine) {
    if line.logger == "raft" {
        // All of raft's lines go through one adapter there.
        line.caller = match line.level {
            Level::Debug => "etcdserver/zap_raft.go:61",
            Level::Info => "etcdserver/zap_raft.go:77",
            Level::Warn => "etcdserver/zap_raft.go:85",
            Level::Error => "etcdserver/zap_raft.go:69",
            Level::Panic => "etcdserver/zap_raft.go:101",
            Level::Fatal => "etcdserver/zap_raft.go:93",
        };
    } else if let Ok(at) = CALLERS.binary_search_by_key(&line.caller, |(new, _)| new) {
        line.caller = CALLERS[at].1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(CALLERS.is_sorted_by(|a, b| a.0 < b.0));
        let mut line = LogLine::new(Level::Info, "auth/store.go:464", "added a user");
        in_3_5(&mut line);
        assert_eq!(line.caller, "auth/store.go:436");
        let mut line = LogLine::raft(Level::Info, "v3@v3.6.0/raft.go:970", "became leader");
        in_3_5(&mut line);
        assert_eq!(line.caller, "etcdserver/zap_raft.go:77");
    }
}
