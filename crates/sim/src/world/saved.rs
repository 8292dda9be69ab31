//! A member's data as a value: what somebody takes out of the world without changing it.

use bytes::Bytes;
use etcd::MemberInfo;

use crate::ids::HostId;
use crate::world::World;

/// The database of a member, and what it says of itself.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The file, as `snapshot save` writes it, without the checksum at its end.
    pub file: Bytes,
    /// The store's revision.
    pub revision: i64,
    /// The members the cluster has.
    pub members: Vec<MemberInfo>,
}

impl World {
    /// The data of the host's member as of now, or, where none runs, what its last one left in
    /// its data directory (which lacks what only the log holds).
    pub fn saved(&self, host: HostId) -> Option<Saved> {
        let kernel = self.kernel.borrow();
        let running = kernel.members.of_host(host).and_then(|hosted| hosted.member.as_ref());
        if let Some(member) = running {
            let store = member.store();
            let members = member.status().members;
            let file = store.image_now().to_bytes();
            return Some(Saved { file, revision: store.revision(), members });
        }
        let dir = &kernel.members.last_launch(host)?.config.data_dir;
        let file = kernel.host(host).disk.read_file(&format!("{dir}/member/snap/db")).ok()?;
        let db = bolt::Db::open(&bolt::FileBytes(file)).ok()?;
        let file = db.image().to_bytes();
        let store = mvcc::Store::open(db).ok()?;
        Some(Saved { file, revision: store.revision(), members: etcd::stored_members(&store) })
    }
}
