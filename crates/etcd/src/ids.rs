//! Identities: members and clusters are named by hashes, requests by counters.
//!
//! The formulas are etcd's, so that the ids in the lab are those a learner sees on a real
//! cluster with the same URLs.

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// Names a member for ever, also after its URLs changed. Prints as etcd prints it: hex
/// without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberId(pub u64);

/// Names a cluster. Members of different clusters refuse each other's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u64);

impl std::fmt::Display for MemberId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl std::fmt::Display for ClusterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl MemberId {
    /// The id of a member with these peer URLs. `added_at` is the Unix second of a
    /// `member add` (whose token is the empty string); a bootstrapped member has none.
    pub fn derive(peer_urls: &[String], token: &str, added_at: Option<u64>) -> MemberId {
        let mut urls: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
        flat::sort(&mut urls);
        let mut sha = Sha1::new();
        for url in urls {
            sha.update(url.as_bytes());
        }
        sha.update(token.as_bytes());
        if let Some(second) = added_at {
            sha.update(second.to_string().as_bytes());
        }
        MemberId(first_eight(&sha.finalize()))
    }
}

impl ClusterId {
    /// The id of a cluster that begins with these members.
    pub fn derive(members: &[MemberId]) -> ClusterId {
        let mut ids = members.to_vec();
        flat::sort(&mut ids);
        let mut sha = Sha1::new();
        for id in ids {
            sha.update(id.0.to_be_bytes());
        }
        ClusterId(first_eight(&sha.finalize()))
    }
}

fn first_eight(hash: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(eight)
}

/// Numbers the requests of one run of a member: two bytes of its id, five of the
/// millisecond it started at, one and more of a counter. Ids of different members and of
/// different runs never meet.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u64,
    suffix: u64,
}

impl RequestIds {
    pub(crate) fn new(member: MemberId, start_wall_us: u64) -> RequestIds {
        let millis = start_wall_us / 1000;
        RequestIds { prefix: (member.0 & 0xffff) << 48, suffix: (millis & 0xff_ffff_ffff) << 8 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.suffix = self.suffix.wrapping_add(1);
        self.prefix | (self.suffix & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(url: &str) -> Vec<String> {
        vec![url.to_owned()]
    }

    #[test]
    fn ids_are_those_of_a_real_cluster() {
        let ids: Vec<MemberId> = ["23891", "23892", "23893"]
            .map(|port| {
                MemberId::derive(&urls(&format!("http://127.0.0.1:{port}")), "etcd-cluster", None)
            })
            .to_vec();
        let hex: Vec<String> = ids.iter().map(MemberId::to_string).collect();
        assert_eq!(hex, ["60f98d3b71ac64f3", "c0234bda4e532fe", "611c8d2cc8acb42d"]);
        assert_eq!(ClusterId::derive(&ids).to_string(), "2f0532d7d7614065");
    }

    #[test]
    fn the_default_member_has_its_famous_id() {
        let id = MemberId::derive(&urls("http://localhost:2380"), "etcd-cluster", None);
        assert_eq!(id.to_string(), "8e9e05c52164694d");
        assert_eq!(ClusterId::derive(&[id]).to_string(), "cdf818194e3a8c32");
    }

    #[test]
    fn an_added_member_gets_another_id_every_second() {
        let url = urls("http://127.0.0.1:23894");
        let one = MemberId::derive(&url, "", Some(1_795_336_000));
        let other = MemberId::derive(&url, "", Some(1_795_336_001));
        assert_ne!(one, other);
    }

    #[test]
    fn request_ids_start_with_the_member_and_count_up() {
        let mut ids = RequestIds::new(MemberId(0x60f9_8d3b_71ac_64f3), 1_795_336_000_000_000);
        let first = ids.next();
        assert_eq!(first >> 48, 0x64f3);
        assert_eq!(ids.next(), first + 1);
    }
}
