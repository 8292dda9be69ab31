//! What the raft core would panic on, found before it sees it.
//!
//! A lost sync, a flipped bit or a wiped directory can make a leader believe in entries that
//! this member does not have. etcd panics then; the core would too, and take the whole page
//! with it. Here the member alone crashes, with etcd's message.

use raft::Raft;
use raft::eraftpb::{Message, MessageType};

use crate::storage::Log;

/// Why a message cannot be survived: where etcd says it, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Danger {
    pub(crate) caller: &'static str,
    pub(crate) message: String,
}

/// Looks at a message with the core's own eyes.
pub(crate) fn check(raft: &Raft<Log>, m: &Message) -> Result<(), Danger> {
    if m.term < raft.term {
        return Ok(());
    }
    match m.get_msg_type() {
        MessageType::MsgHeartbeat => check_commit(raft, m.commit),
        MessageType::MsgAppend => check_append(raft, m),
        _ => Ok(()),
    }
}

fn check_commit(raft: &Raft<Log>, commit: u64) -> Result<(), Danger> {
    let last = raft.raft_log.last_index();
    if commit <= raft.raft_log.committed || commit <= last {
        return Ok(());
    }
    let message = format!(
        "tocommit({commit}) is out of range [lastIndex({last})]. \
         Was the raft log corrupted, truncated, or lost?"
    );
    Err(Danger { caller: "v3@v3.6.0/log.go:324", message })
}

fn check_append(raft: &Raft<Log>, m: &Message) -> Result<(), Danger> {
    let log = &raft.raft_log;
    if m.index < log.committed {
        return Ok(());
    }
    if !log.match_term(m.index, m.log_term) {
        let hint = m.index.min(log.last_index());
        let (index, term) = log.find_conflict_by_term(hint, m.log_term);
        if term.is_none() {
            let message =
                format!("term({index}) must be valid, but got requested entry is compacted");
            return Err(Danger { caller: "v3@v3.6.0/raft.go:1813", message });
        }
        return Ok(());
    }
    let conflict = log.find_conflict(&m.entries);
    if conflict != 0 && conflict <= log.committed {
        let message = format!(
            "entry {conflict} conflict with committed entry [committed({})]",
            log.committed
        );
        return Err(Danger { caller: "v3@v3.6.0/log.go:120", message });
    }
    Ok(())
}
