//! Leases: who holds which keys, and on the leader when they run out.
//!
//! Only the lessor of the leader (the primary) counts time. It is told the time; it never asks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;

use crate::Error;
use crate::backend::LEASE;
use crate::hash::lease_hash;
use crate::pb::StoredLease;
use crate::store::Store;

/// The longest time to live that can be granted.
pub const MAX_LEASE_TTL_S: i64 = 9_000_000_000;

/// The shortest with etcd's default timing: an election timeout and a half, rounded up.
const DEFAULT_MIN_TTL_S: i64 = 2;
/// An expired lease that nobody revoked is named again after this time.
const RETRY_US: u64 = 3_000_000;
/// How many leases may expire in a second; a promotion spreads more than that.
const REVOKE_RATE: usize = 1000;
/// What a follower says remains of a lease: the longest duration Go knows.
const FOREVER_S: i64 = i64::MAX / 1_000_000_000;
const SECOND_US: u64 = 1_000_000;

/// What is known of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Its id.
    pub id: i64,
    /// The time to live it was granted.
    pub granted_ttl_s: i64,
    /// What remains of it, negative when it is over and not yet revoked. Meaningful on the leader.
    pub remaining_s: i64,
    /// Its keys, ascending.
    pub keys: Vec<Bytes>,
}

/// The answer to a keep-alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease lives for so many seconds more.
    Renewed {
        /// Its time to live.
        ttl_s: i64,
    },
    /// The lease has run out and waits to be revoked: the caller holds the answer back until it is
    /// gone (then it is not found) or this member is no longer the leader.
    Expiring,
}

#[derive(Clone, Debug, Default)]
struct Lease {
    ttl_s: i64,
    /// From a checkpoint; 0 means the full time.
    remaining_ttl_s: i64,
    /// When it runs out. `None` on followers: never.
    expiry_us: Option<u64>,
    /// When it is looked at next, where it stands in `Lessor::due`.
    due_us: u64,
    keys: BTreeSet<Bytes>,
}

impl Lease {
    fn life_us(&self) -> u64 {
        let ttl_s = if self.remaining_ttl_s > 0 { self.remaining_ttl_s } else { self.ttl_s };
        u64::try_from(ttl_s).unwrap_or(0) * SECOND_US
    }

    fn remaining_us(&self, now_us: u64) -> Option<i64> {
        self.expiry_us.map(|expiry_us| expiry_us as i64 - now_us as i64)
    }
}

/// All leases of a store.
#[derive(Clone, Debug)]
pub(crate) struct Lessor {
    leases: BTreeMap<i64, Lease>,
    /// When each is looked at next; empty on followers.
    due: BTreeSet<(u64, i64)>,
    primary: bool,
    min_ttl_s: i64,
    sum: u64,
}

impl Lessor {
    pub(crate) fn new() -> Lessor {
        Lessor {
            leases: BTreeMap::new(),
            due: BTreeSet::new(),
            primary: false,
            min_ttl_s: DEFAULT_MIN_TTL_S,
            sum: 0,
        }
    }

    /// What all leases add to the running hash.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    pub(crate) fn min_ttl_s(&self) -> i64 {
        self.min_ttl_s
    }

    pub(crate) fn exists(&self, id: i64) -> bool {
        self.leases.contains_key(&id)
    }

    /// Binds a key to a lease. Lease 0 and one that is gone hold nothing.
    pub(crate) fn attach(&mut self, id: i64, key: &Bytes) {
        if id != 0
            && let Some(lease) = self.leases.get_mut(&id)
        {
            lease.keys.insert(key.clone());
        }
    }

    /// Frees a key.
    pub(crate) fn detach(&mut self, id: i64, key: &Bytes) {
        if id != 0
            && let Some(lease) = self.leases.get_mut(&id)
        {
            lease.keys.remove(key);
        }
    }

    /// Takes in what bucket `lease` holds.
    pub(crate) fn restore(&mut self, stored: StoredLease) {
        let ttl_s = stored.ttl.max(self.min_ttl_s);
        let lease = Lease { ttl_s, remaining_ttl_s: stored.remaining_ttl, ..Lease::default() };
        self.insert(stored.id, lease);
    }

    fn insert(&mut self, id: i64, lease: Lease) {
        self.sum = self.sum.wrapping_add(lease_hash(id, lease.ttl_s, lease.remaining_ttl_s));
        if lease.expiry_us.is_some() {
            self.due.insert((lease.due_us, id));
        }
        self.leases.insert(id, lease);
    }

    fn remove(&mut self, id: i64) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.due.remove(&(lease.due_us, id));
        self.sum = self.sum.wrapping_sub(lease_hash(id, lease.ttl_s, lease.remaining_ttl_s));
        Some(lease)
    }

    /// Gives a lease its full time from now on, and `extend_us` more.
    fn refresh(&mut self, id: i64, now_us: u64, extend_us: u64) {
        let life_us = self.leases.get(&id).map_or(0, Lease::life_us);
        self.refresh_for(id, now_us, extend_us + life_us);
    }

    /// Gives a lease so much time from now on.
    fn refresh_for(&mut self, id: i64, now_us: u64, time_us: u64) {
        let Some(lease) = self.leases.get_mut(&id) else { return };
        self.due.remove(&(lease.due_us, id));
        let expiry_us = now_us + time_us;
        (lease.expiry_us, lease.due_us) = (Some(expiry_us), expiry_us);
        self.due.insert((expiry_us, id));
    }

    fn stored(&self, id: i64) -> Bytes {
        let lease = &self.leases[&id];
        let stored = StoredLease { id, ttl: lease.ttl_s, remaining_ttl: lease.remaining_ttl_s };
        stored.encode_to_vec().into()
    }

    /// Leases by what remains of them.
    fn by_expiry(&self) -> Vec<(u64, i64)> {
        let expiry = |lease: &Lease| lease.expiry_us.unwrap_or(u64::MAX);
        let mut all: Vec<_> = self.leases.iter().map(|(id, lease)| (expiry(lease), *id)).collect();
        flat::sort(&mut all);
        all
    }

    fn promote(&mut self, now_us: u64, extend_us: u64) {
        self.primary = true;
        let ids: Vec<i64> = self.leases.keys().copied().collect();
        for id in ids {
            self.refresh(id, now_us, extend_us);
        }
        if self.leases.len() >= REVOKE_RATE {
            self.spread(now_us, extend_us);
        }
    }

    /// Moves leases that would run out in the same second apart, so that a new leader does not
    /// have to revoke more than it may.
    fn spread(&mut self, now_us: u64, extend_us: u64) {
        let per_second = (3 * REVOKE_RATE / 4) as u64;
        let all = self.by_expiry();
        let mut base_us = all[0].0 - now_us;
        let mut next_us = base_us + SECOND_US;
        let mut expires = 0;
        for (expiry_us, id) in all {
            let remaining_us = expiry_us - now_us;
            if remaining_us > next_us {
                base_us = remaining_us;
                next_us = base_us + SECOND_US;
                expires = 1;
                continue;
            }
            expires += 1;
            if expires <= per_second {
                continue;
            }
            let delay_us = SECOND_US * expires / per_second;
            // A lease already late in the window needs so much less.
            let delay_us = delay_us.saturating_sub(remaining_us - base_us);
            next_us = base_us + delay_us;
            self.refresh(id, now_us, delay_us + extend_us);
        }
    }

    fn demote(&mut self) {
        self.primary = false;
        self.due.clear();
        for lease in self.leases.values_mut() {
            lease.expiry_us = None;
        }
    }

    fn expired(&mut self, now_us: u64, max: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < max
            && let Some(&(due_us, id)) = self.due.first()
            && due_us <= now_us
        {
            self.due.pop_first();
            let lease = self.leases.get_mut(&id).expect("what is due exists");
            lease.due_us = now_us + RETRY_US;
            self.due.insert((lease.due_us, id));
            ids.push(id);
        }
        ids
    }
}

/// Leases. Methods that change something are for entries being applied, on every member; `promote`,
/// `demote`, `renew` and `expired` are the leader's own affair and leave no trace in the file.
impl Store {
    /// Sets the shortest time to live, in seconds. Two until then, right for etcd's default timing.
    pub fn set_min_lease_ttl(&mut self, min_ttl_s: i64) {
        self.leases.min_ttl_s = min_ttl_s;
        let ids: Vec<i64> = self.leases.leases.keys().copied().collect();
        for id in ids {
            let mut lease = self.leases.remove(id).expect("it was just listed");
            lease.ttl_s = lease.ttl_s.max(min_ttl_s);
            self.leases.insert(id, lease);
        }
    }

    /// Grants a lease; the answer is its time to live, raised to the shortest allowed.
    pub fn lease_grant(&mut self, id: i64, ttl_s: i64, now_us: u64) -> Result<i64, Error> {
        if id == 0 {
            return Err(Error::LeaseNotFound);
        }
        if ttl_s > MAX_LEASE_TTL_S {
            return Err(Error::LeaseTtlTooLarge);
        }
        if self.leases.exists(id) {
            return Err(Error::LeaseExists);
        }
        let ttl_s = ttl_s.max(self.leases.min_ttl_s);
        self.leases.insert(id, Lease { ttl_s, ..Lease::default() });
        if self.leases.primary {
            self.leases.refresh(id, now_us, 0);
        }
        self.persist_lease(id);
        Ok(ttl_s)
    }

    /// Revokes a lease and deletes its keys, sorted, in one revision.
    pub fn lease_revoke(&mut self, id: i64) -> Result<(), Error> {
        let lease = self.leases.remove(id).ok_or(Error::LeaseNotFound)?;
        for key in &lease.keys {
            self.write_delete(key);
        }
        self.backend.set(LEASE, lease_key(id), None);
        self.end();
        Ok(())
    }

    /// Notes what the leader says remains of a lease. A lease that is gone is no error.
    pub fn lease_checkpoint(&mut self, id: i64, remaining_ttl_s: i64) {
        if let Some(mut lease) = self.leases.remove(id) {
            lease.remaining_ttl_s = remaining_ttl_s;
            self.leases.insert(id, lease);
            self.persist_lease(id);
        }
    }

    /// Gives a lease its full time again. Only on the leader.
    pub fn lease_renew(&mut self, id: i64, now_us: u64) -> Result<Renewal, Error> {
        if !self.leases.primary {
            return Err(Error::NotPrimary);
        }
        let lease = self.leases.leases.get(&id).ok_or(Error::LeaseNotFound)?;
        let ttl_s = lease.ttl_s;
        if lease.remaining_us(now_us).is_some_and(|remaining_us| remaining_us <= 0) {
            return Ok(Renewal::Expiring);
        }
        // The whole time, whatever a checkpoint said.
        self.leases.refresh_for(id, now_us, u64::try_from(ttl_s).unwrap_or(0) * SECOND_US);
        Ok(Renewal::Renewed { ttl_s })
    }

    /// Whether a checkpoint said what remains of a lease.
    pub fn lease_has_checkpoint(&self, id: i64) -> bool {
        self.leases.leases.get(&id).is_some_and(|lease| lease.remaining_ttl_s > 0)
    }

    /// This member became the leader: every lease gets its full time again and `extend_us` (one
    /// election timeout) more.
    pub fn lease_promote(&mut self, now_us: u64, extend_us: u64) {
        self.leases.promote(now_us, extend_us);
    }

    /// This member is no longer the leader: leases last until the next one says otherwise.
    pub fn lease_demote(&mut self) {
        self.leases.demote();
    }

    /// Whether this member counts the leases' time.
    pub fn lease_is_primary(&self) -> bool {
        self.leases.primary
    }

    /// Up to `max` leases that have run out, the longest overdue first. The leader proposes to
    /// revoke each; one that still exists 3 s later is named again. etcd asks every 500 ms for at
    /// most 500.
    pub fn lease_expired(&mut self, now_us: u64, max: usize) -> Vec<i64> {
        self.leases.expired(now_us, max)
    }

    /// When [`Store::lease_expired`] may next have an answer. `None`: not as things are.
    pub fn lease_next_due_us(&self) -> Option<u64> {
        self.leases.due.first().map(|(due_us, _)| *due_us)
    }

    /// What is known of a lease.
    pub fn lease_info(&self, id: i64, now_us: u64) -> Option<LeaseInfo> {
        let lease = self.leases.leases.get(&id)?;
        // Go cuts towards zero, and so does this division.
        let remaining_s = lease.remaining_us(now_us).map_or(FOREVER_S, |us| us / SECOND_US as i64);
        Some(LeaseInfo {
            id,
            granted_ttl_s: lease.ttl_s,
            remaining_s,
            keys: lease.keys.iter().cloned().collect(),
        })
    }

    /// The keys attached to a lease, sorted; none when there is no such lease.
    pub fn lease_keys(&self, id: i64) -> Vec<Bytes> {
        let lease = self.leases.leases.get(&id);
        lease.map_or_else(Vec::new, |lease| lease.keys.iter().cloned().collect())
    }

    /// All ids: on the leader by what remains of them, on followers ascending.
    pub fn lease_list(&self) -> Vec<i64> {
        self.leases.by_expiry().into_iter().map(|(_, id)| id).collect()
    }

    fn persist_lease(&mut self, id: i64) {
        let stored = self.leases.stored(id);
        self.backend.set(LEASE, lease_key(id), Some(stored));
    }
}

fn lease_key(id: i64) -> Bytes {
    Bytes::copy_from_slice(&id.to_be_bytes())
}
