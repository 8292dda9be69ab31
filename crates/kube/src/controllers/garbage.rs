//! The garbage collector: what belongs to something that is gone goes too.

use std::collections::BTreeSet;

use super::Work;
use crate::value::{self, list, text};

/// Kinds that have owners, and kinds that own.
const OWNED: &[&str] = &["ReplicaSet", "Pod", "EndpointSlice", "Endpoints"];

pub(super) async fn reconcile(work: &Work) {
    let mut living: BTreeSet<String> = BTreeSet::new();
    for kind in ["DaemonSet", "Deployment", "Node", "ReplicaSet", "Service"] {
        living.extend(work.informers.all(kind).iter().map(|it| value::uid(it).to_owned()));
    }
    for kind in OWNED {
        for object in work.informers.all(kind) {
            let owners = list(&object, "metadata.ownerReferences");
            let known = |owner: &serde_json::Value| {
                !["DaemonSet", "Deployment", "Node", "ReplicaSet", "Service"]
                    .contains(&text(owner, "kind"))
                    || living.contains(text(owner, "uid"))
            };
            if !owners.is_empty() && !owners.iter().any(known) && !value::is_deleted(&object) {
                work.delete(kind, &object).await;
            }
        }
    }
}
