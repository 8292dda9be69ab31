//! Leases, rule by rule.

use mvcc::{Error, LeaseInfo, MAX_LEASE_TTL_S, Renewal, Store};

use crate::{Random, all, delete, put, reopen};

const S: u64 = 1_000_000;

fn leased(store: &mut Store, key: &str, lease: i64) {
    let mut request = put(key, "v");
    request.lease = lease;
    store.put(&request).unwrap();
}

fn keys(store: &Store, lease: i64) -> String {
    let info = store.lease_info(lease, 0).unwrap();
    let keys: Vec<_> = info.keys.iter().map(|key| key.escape_ascii().to_string()).collect();
    keys.join(" ")
}

#[test]
fn grants() {
    let (mut store, _) = Store::create();
    let table = [
        (0, 60, Err(Error::LeaseNotFound)),
        (1, 60, Ok(60)),
        (1, 60, Err(Error::LeaseExists)),
        (2, 1, Ok(2)),
        (3, 0, Ok(2)),
        (4, -5, Ok(2)),
        (5, MAX_LEASE_TTL_S, Ok(MAX_LEASE_TTL_S)),
        (6, MAX_LEASE_TTL_S + 1, Err(Error::LeaseTtlTooLarge)),
        (-7, 60, Ok(60)),
    ];
    for (id, ttl_s, want) in table {
        assert_eq!(store.lease_grant(id, ttl_s, 0), want, "{id} {ttl_s}");
    }
    assert_eq!(store.revision(), 1, "leases make no revision");
    assert_eq!(store.lease_list(), [-7, 1, 2, 3, 4, 5]);
    drop(store.commit());
    let mut store = reopen(&store);
    assert_eq!(store.lease_list(), [-7, 1, 2, 3, 4, 5]);
    store.set_min_lease_ttl(90);
    let info = store.lease_info(1, 0).unwrap();
    assert_eq!((info.granted_ttl_s, info.remaining_s), (90, 9_223_372_036));
    assert_eq!(store.lease_grant(9, 5, 0), Ok(90));
    assert_eq!(store.lease_info(99, 0), None);
}

#[test]
fn a_key_has_one_lease_at_most() {
    let (mut store, _) = Store::create();
    store.lease_grant(1, 60, 0).unwrap();
    store.lease_grant(2, 60, 0).unwrap();
    for key in ["c", "a", "b", "d"] {
        leased(&mut store, key, 1);
    }
    assert_eq!(keys(&store, 1), "a b c d");
    leased(&mut store, "a", 2);
    leased(&mut store, "b", 0);
    leased(&mut store, "c", 1);
    store.delete_range(&delete("d", "")).unwrap();
    for reopened in [false, true] {
        assert_eq!((keys(&store, 1), keys(&store, 2)), ("c".into(), "a".into()), "{reopened}");
        drop(store.commit());
        store = reopen(&store);
    }
}

#[test]
fn a_revoke_deletes_in_one_revision_sorted() {
    let (mut store, _) = Store::create();
    store.lease_grant(1, 60, 0).unwrap();
    store.lease_grant(2, 60, 0).unwrap();
    for key in ["c", "a", "b"] {
        leased(&mut store, key, 1);
    }
    leased(&mut store, "x", 0);
    store.lease_revoke(1).unwrap();
    assert_eq!(all(&store), "x=v@5/5/1");
    assert_eq!(store.revision(), 6);
    let gone: Vec<String> = store
        .history(3)
        .iter()
        .rev()
        .map(|(rev, kv, tombstone)| format!("{rev} {} {tombstone}", kv.key.escape_ascii()))
        .collect();
    assert_eq!(gone, ["6_0 a true", "6_1 b true", "6_2 c true"]);
    assert_eq!(store.lease_revoke(1), Err(Error::LeaseNotFound));
    store.lease_revoke(2).unwrap();
    assert_eq!(store.revision(), 6, "a lease without keys makes no revision");
    drop(store.commit());
    assert_eq!(reopen(&store).lease_list(), []);
}

#[test]
fn only_the_primary_counts_time() {
    let (mut store, _) = Store::create();
    store.lease_grant(1, 10, 0).unwrap();
    assert_eq!(store.lease_renew(1, 0), Err(Error::NotPrimary));
    assert_eq!(store.lease_expired(1000 * S, 500), []);
    assert_eq!(store.lease_next_due_us(), None);

    store.lease_promote(100 * S, S);
    assert!(store.lease_is_primary());
    store.lease_grant(2, 5, 100 * S).unwrap();
    assert_eq!(store.lease_next_due_us(), Some(105 * S));
    let remaining = |store: &Store, at_us| store.lease_info(1, at_us).unwrap().remaining_s;
    assert_eq!(remaining(&store, 100 * S), 11, "its full time and one election timeout more");
    assert_eq!(remaining(&store, 100 * S + 1), 10);
    assert_eq!(store.lease_list(), [2, 1], "by what remains");
    assert_eq!(store.lease_renew(9, 0), Err(Error::LeaseNotFound));
    assert_eq!(store.lease_renew(1, 110 * S), Ok(Renewal::Renewed { ttl_s: 10 }));

    assert_eq!(store.lease_expired(105 * S - 1, 500), []);
    assert_eq!(store.lease_expired(105 * S, 500), [2]);
    assert_eq!(store.lease_expired(105 * S, 500), [], "it was just named");
    assert_eq!(store.lease_expired(108 * S, 500), [2], "after 3 s again");
    assert_eq!(store.lease_renew(2, 108 * S), Ok(Renewal::Expiring));
    let overdue = store.lease_info(2, 108 * S);
    let info = LeaseInfo { id: 2, granted_ttl_s: 5, remaining_s: -3, keys: vec![] };
    assert_eq!(overdue, Some(info));
    store.lease_revoke(2).unwrap();
    assert_eq!(store.lease_expired(119 * S, 500), []);
    assert_eq!(store.lease_expired(120 * S, 500), [1], "the renewed time");

    store.lease_demote();
    assert_eq!(store.lease_expired(500 * S, 500), []);
    assert_eq!(store.lease_renew(1, 500 * S), Err(Error::NotPrimary));
    store.lease_promote(500 * S, S);
    assert_eq!(store.lease_renew(1, 500 * S), Ok(Renewal::Renewed { ttl_s: 10 }));
}

#[test]
fn a_checkpoint_outlives_the_leader() {
    let (mut store, _) = Store::create();
    store.lease_grant(1, 600, 0).unwrap();
    let before = store.running_hash();
    store.lease_checkpoint(1, 45);
    store.lease_checkpoint(2, 45);
    assert_ne!(store.running_hash(), before);
    drop(store.commit());
    let mut store = reopen(&store);
    store.lease_promote(0, 0);
    let info = store.lease_info(1, 0).unwrap();
    assert_eq!((info.granted_ttl_s, info.remaining_s), (600, 45));
}

#[test]
fn expiry_answers_at_most_so_many_the_longest_overdue_first() {
    let (mut store, _) = Store::create();
    store.lease_promote(0, 0);
    for (id, ttl_s) in [(1, 9), (2, 5), (3, 7), (4, 5)] {
        store.lease_grant(id, ttl_s, 0).unwrap();
    }
    assert_eq!(store.lease_expired(60 * S, 3), [2, 4, 3]);
    assert_eq!(store.lease_expired(60 * S, 3), [1]);
}

#[test]
fn a_promotion_spreads_leases_that_would_expire_at_once() {
    let (mut store, _) = Store::create();
    for id in 1..=3000 {
        store.lease_grant(id, 10, 0).unwrap();
    }
    store.lease_promote(0, S);
    let mut most = 0;
    let mut over = 0;
    for second in 0..40 {
        let expired = store.lease_expired(second * S, usize::MAX);
        for id in &expired {
            store.lease_revoke(*id).unwrap();
        }
        most = most.max(expired.len());
        over += expired.len();
        assert!(second >= 11 || expired.is_empty(), "none gets less than its time");
    }
    assert_eq!(over, 3000);
    assert!(most < 1000, "{most} in one second");
}

/// A lease whose keys are rebuilt from the file is the one that was there.
#[test]
fn random_attachments_survive_the_file() {
    let mut random = Random(3);
    let (mut store, _) = Store::create();
    for id in 1..=3 {
        store.lease_grant(id, 60, 0).unwrap();
    }
    for _ in 0..300 {
        let key = random.pick(&["a", "b", "c", "d", "e"]);
        match random.below(5) {
            0 => drop(store.delete_range(&delete(key, "")).unwrap()),
            lease => leased(&mut store, key, lease as i64 - 1),
        }
        if random.one_in(10) {
            drop(store.commit());
            let reopened = reopen(&store);
            for id in 1..=3 {
                assert_eq!(reopened.lease_info(id, 0), store.lease_info(id, 0));
            }
        }
    }
}
