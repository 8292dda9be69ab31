//! The kinds of the API: one table, from which paths, keys, discovery and kubectl's names come.

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// What kubectl also understands.
    pub short: &'static [&'static str],
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `v1`.
    pub version: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Where etcd keeps them, under `/registry/`.
    pub prefix: &'static str,
    /// What can be asked of an object beside the object itself.
    pub subresources: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub in_all: bool,
}

const fn kind(kind: &'static str, plural: &'static str, singular: &'static str) -> Kind {
    Kind {
        kind,
        plural,
        singular,
        short: &[],
        group: "",
        version: "v1",
        namespaced: true,
        prefix: plural,
        subresources: &[],
        in_all: false,
    }
}

/// Every kind, in the order in which discovery lists them.
pub static KINDS: &[Kind] = &[
    Kind {
        short: &["cs"],
        namespaced: false,
        ..kind("ComponentStatus", "componentstatuses", "componentstatus")
    },
    Kind { short: &["cm"], ..kind("ConfigMap", "configmaps", "configmap") },
    Kind {
        short: &["ep"],
        prefix: "services/endpoints",
        ..kind("Endpoints", "endpoints", "endpoints")
    },
    Kind { short: &["ev"], ..kind("Event", "events", "event") },
    Kind {
        short: &["ns"],
        namespaced: false,
        subresources: &["finalize", "status"],
        ..kind("Namespace", "namespaces", "namespace")
    },
    Kind {
        short: &["no"],
        namespaced: false,
        prefix: "minions",
        subresources: &["status"],
        ..kind("Node", "nodes", "node")
    },
    Kind {
        short: &["po"],
        subresources: &["binding", "eviction", "exec", "log", "status"],
        in_all: true,
        ..kind("Pod", "pods", "pod")
    },
    kind("Secret", "secrets", "secret"),
    Kind { short: &["sa"], ..kind("ServiceAccount", "serviceaccounts", "serviceaccount") },
    Kind {
        short: &["svc"],
        prefix: "services/specs",
        subresources: &["status"],
        in_all: true,
        ..kind("Service", "services", "service")
    },
    Kind {
        short: &["ds"],
        group: "apps",
        subresources: &["status"],
        in_all: true,
        ..kind("DaemonSet", "daemonsets", "daemonset")
    },
    Kind {
        short: &["deploy"],
        group: "apps",
        subresources: &["scale", "status"],
        in_all: true,
        ..kind("Deployment", "deployments", "deployment")
    },
    Kind {
        short: &["rs"],
        group: "apps",
        subresources: &["scale", "status"],
        in_all: true,
        ..kind("ReplicaSet", "replicasets", "replicaset")
    },
    Kind { group: "coordination.k8s.io", ..kind("Lease", "leases", "lease") },
    Kind { group: "discovery.k8s.io", ..kind("EndpointSlice", "endpointslices", "endpointslice") },
];

impl Kind {
    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `deployments.apps`, or `pods`.
    pub fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// `deployment.apps`, or `pod`: how kubectl names an object's kind.
    pub fn qualified_singular(&self) -> String {
        match self.group {
            "" => self.singular.to_owned(),
            group => format!("{}.{group}", self.singular),
        }
    }

    /// The key of an object in etcd.
    pub fn etcd_key(&self, root: &str, namespace: &str, name: &str) -> String {
        match namespace {
            "" => format!("{root}/{}/{name}", self.prefix),
            namespace => format!("{root}/{}/{namespace}/{name}", self.prefix),
        }
    }

    /// The path of its objects: all of them, or those of a namespace.
    pub fn path(&self, namespace: &str) -> String {
        let root = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match namespace {
            "" => format!("{root}/{}", self.plural),
            namespace => format!("{root}/namespaces/{namespace}/{}", self.plural),
        }
    }
}

/// The kind of this group and plural name.
pub fn by_plural(group: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == group && kind.plural == plural)
}

/// The kind of an `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.kind == name && kind.api_version() == api_version)
}

/// The kind of this name, whatever its group.
pub fn named(name: &str) -> &'static Kind {
    let found = KINDS.iter().find(|kind| kind.kind == name);
    found.unwrap_or_else(|| panic!("{name} is no kind of the table"))
}

/// The kind somebody means: `po`, `pods`, `Pod`, `deployments.apps`, `deployments.v1.apps`.
pub fn find(word: &str) -> Option<&'static Kind> {
    let word = word.to_lowercase();
    let (base, rest) = word.split_once('.').unwrap_or((&word, ""));
    KINDS.iter().find(|kind| {
        let named = kind.plural == base || kind.singular == base || kind.short.contains(&base);
        named
            && (rest.is_empty()
                || rest == kind.group
                || rest == format!("{}.{}", kind.version, kind.group))
    })
}
