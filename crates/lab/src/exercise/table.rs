//! The exercises that come with the lab, in the order in which they are offered.

/// An exercise's files.
#[derive(Debug)]
pub struct Entry {
    /// Its identity, and the name of its folder.
    pub slug: &'static str,
    /// `exercise.toml`.
    pub source: &'static str,
    /// `text.md`.
    pub text: &'static str,
    /// `solution.txt`.
    pub solution: &'static str,
}

macro_rules! entries {
    ($($slug:literal),* $(,)?) => {
        &[$(Entry {
            slug: $slug,
            source: include_str!(concat!("../../exercises/", $slug, "/exercise.toml")),
            text: include_str!(concat!("../../exercises/", $slug, "/text.md")),
            solution: include_str!(concat!("../../exercises/", $slug, "/solution.txt")),
        }),*]
    };
}

/// Every exercise.
pub static TABLE: &[Entry] = entries![
    "first-tour",
    "key-value-in-five-minutes",
    "who-leads",
    "predict-then-kill",
    "two-truths",
    "one-to-three",
    "replace-a-dead-member",
    "quorum-lost-for-ever",
    "external-etcd-back",
    "all-three-gone",
    "install-as-a-service",
    "lock-the-doors",
    "out-of-space",
    "the-cluster-that-keeps-voting",
    "a-backup-that-counts",
    "bring-it-back",
    "the-api-server-cannot-reach-etcd",
    "after-the-migration",
    "what-kubernetes-really-stores",
];

/// The exercise of a slug.
pub fn find(slug: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.slug == slug)
}
