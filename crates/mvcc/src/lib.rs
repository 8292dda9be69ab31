//! etcd's key-value store.

pub mod pb;
