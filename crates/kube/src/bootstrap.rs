//! What `kubeadm init` leaves in the API server: the marks of control planes, its
//! configuration, CoreDNS and kube-proxy. It runs once, as soon as the API server answers.

use serde_json::{Value, json};
use sim::{Sys, Task};

use crate::client::{Client, Kubeconfig};
use crate::resources::named;
use crate::value::{self, list};

const RETRY_US: u64 = 200_000;

/// The file that says the cluster is up.
pub const READY: &str = "/run/cluster-is-up";

/// What the program is told: `kubeadm-bootstrap CONTROL_PLANE... [--node=NAME]...
/// [--external-etcd=URL]...`.
struct Told {
    masters: Vec<String>,
    nodes: Vec<String>,
    external: Vec<String>,
}

impl Told {
    fn read(args: &[String]) -> Told {
        let after = |flag: &str| {
            args.iter().filter_map(|it| it.strip_prefix(flag)).map(str::to_owned).collect()
        };
        let masters = args.iter().skip(1).filter(|it| !it.starts_with('-')).cloned().collect();
        Told { masters, nodes: after("--node="), external: after("--external-etcd=") }
    }

    /// Whether the cluster is as `kubeadm init` and `kubeadm join` leave it: every host is a
    /// node, every static pod has its mirror, and all is well.
    fn all_up(&self, nodes: &Value, pods: &Value) -> bool {
        let ready = |items: &Value, wanted: &str| {
            let found = list(items, "items").iter().find(|it| value::name(it) == wanted);
            found.is_some_and(|it| value::holds(it, "Ready"))
        };
        let mut parts = vec!["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
        if self.external.is_empty() {
            parts.push("etcd");
        }
        let hosts = || self.masters.iter().chain(&self.nodes);
        let on = |start: &str| {
            let here = |it: &&Value| value::name(it).starts_with(start);
            list(pods, "items").iter().filter(here).count()
        };
        hosts().all(|name| ready(nodes, name))
            && self
                .masters
                .iter()
                .all(|it| parts.iter().all(|part| ready(pods, &format!("{part}-{it}"))))
            && on("coredns-") >= 2
            && on("kube-proxy-") >= hosts().count()
            && list(pods, "items").iter().all(|it| value::holds(it, "Ready"))
    }
}

/// The program.
pub(crate) fn program(sys: Sys) -> Task {
    Box::pin(async move {
        let Ok(config) = Kubeconfig::load(&sys, "/etc/kubernetes/admin.conf", None) else {
            return 1;
        };
        let client = Client::new(&sys, config, "kubeadm");
        let told = Told::read(&sys.args());
        for (kind, namespace, object) in objects(&told.external) {
            let path = named(kind).path(namespace);
            loop {
                match client.create(&path, &object).await {
                    Ok(_) => break,
                    Err(error) if error.reason() == "AlreadyExists" => break,
                    Err(_) => sys.sleep_us(RETRY_US).await,
                }
            }
        }
        let mut masters = told.masters.clone();
        while !masters.is_empty() {
            let nodes = client.get("/api/v1/nodes").await.unwrap_or_default();
            for node in list(&nodes, "items") {
                let name = value::name(node).to_owned();
                if masters.contains(&name) && mark(&client, &name).await {
                    masters.retain(|it| *it != name);
                }
            }
            sys.sleep_us(RETRY_US).await;
        }
        loop {
            let nodes = client.get("/api/v1/nodes").await.unwrap_or_default();
            let pods = client.get("/api/v1/namespaces/kube-system/pods").await.unwrap_or_default();
            if told.all_up(&nodes, &pods) {
                break;
            }
            sys.sleep_us(RETRY_US).await;
        }
        match sys.write_file(READY, b"") {
            Ok(()) => 0,
            Err(_) => 1,
        }
    })
}

async fn mark(client: &Client, name: &str) -> bool {
    let key = "node-role.kubernetes.io/control-plane";
    let patch = json!({
        "metadata": {
            "labels": {key: "", "node.kubernetes.io/exclude-from-external-load-balancers": ""},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket":
                "unix:///var/run/containerd/containerd.sock"},
        },
        "spec": {"taints": [{"key": key, "effect": "NoSchedule"}]},
    });
    client.patch(&format!("/api/v1/nodes/{name}"), &patch).await.is_ok()
}

#[expect(clippy::too_many_lines, reason = "a list of objects")]
fn objects(external: &[String]) -> Vec<(&'static str, &'static str, Value)> {
    let system = "kube-system";
    let account = |name: &str| json!({"metadata": {"name": name, "namespace": system}});
    let config = format!(
        "apiServer: {{}}\napiVersion: kubeadm.k8s.io/v1beta4\ncaCertificateValidityPeriod: \
         87600h0m0s\ncertificateValidityPeriod: 8760h0m0s\ncertificatesDir: \
         /etc/kubernetes/pki\nclusterName: kubernetes\ncontrollerManager: {{}}\ndns: \
         {{}}\nencryptionAlgorithm: ECDSA-P256\n{}imageRepository: registry.k8s.io\nkind: \
         ClusterConfiguration\nkubernetesVersion: {}\nnetworking:\n  dnsDomain: cluster.local\n  \
         podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\nproxy: {{}}\nscheduler: {{}}\n",
        etcd_section(external),
        crate::VERSION
    );
    let map = |name: &str, key: &str, text: &str| json!({"metadata": {"name": name, "namespace": system}, "data": {key: text}});
    let corefile = ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    ready\n    \
        kubernetes cluster.local in-addr.arpa ip6.arpa {\n       pods insecure\n       \
        fallthrough in-addr.arpa ip6.arpa\n       ttl 30\n    }\n    prometheus :9153\n    \
        forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n    cache 30\n    loop\n    \
        reload\n    loadbalance\n}\n";
    let dns_labels = json!({"k8s-app": "kube-dns"});
    vec![
        ("ConfigMap", system, map("kubeadm-config", "ClusterConfiguration", &config)),
        ("ConfigMap", system, map("coredns", "Corefile", corefile)),
        (
            "ConfigMap",
            system,
            map(
                "kube-proxy",
                "config.conf",
                "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n",
            ),
        ),
        ("ServiceAccount", system, account("coredns")),
        ("ServiceAccount", system, account("kube-proxy")),
        (
            "Service",
            system,
            json!({
                "metadata": {"name": "kube-dns", "namespace": system,
                    "labels": {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true",
                        "kubernetes.io/name": "CoreDNS"}},
                "spec": {"clusterIP": "10.96.0.10", "selector": dns_labels, "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                    {"name": "metrics", "port": 9153, "protocol": "TCP"}]},
            }),
        ),
        (
            "Deployment",
            system,
            json!({
                "metadata": {"name": "coredns", "namespace": system, "labels": dns_labels},
                "spec": {"replicas": 2, "selector": {"matchLabels": dns_labels},
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                    "template": {"metadata": {"labels": dns_labels}, "spec": {
                        "serviceAccountName": "coredns", "dnsPolicy": "Default",
                        "priorityClassName": "system-cluster-critical",
                        "nodeSelector": {"kubernetes.io/os": "linux"},
                        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"},
                            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
                        "volumes": [{"name": "config-volume", "configMap": {"name": "coredns"}}],
                        "containers": [{"name": "coredns",
                            "image": "registry.k8s.io/coredns/coredns:v1.13.1",
                            "args": ["-conf", "/etc/coredns/Corefile"],
                            "resources": {"limits": {"memory": "170Mi"},
                                "requests": {"cpu": "100m", "memory": "70Mi"}},
                            "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": true}],
                            "ports": [{"containerPort": 53, "name": "dns", "protocol": "UDP"},
                                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                                {"containerPort": 9153, "name": "metrics", "protocol": "TCP"}]}]}}},
            }),
        ),
        (
            "DaemonSet",
            system,
            json!({
                "metadata": {"name": "kube-proxy", "namespace": system, "labels": {"k8s-app": "kube-proxy"}},
                "spec": {"selector": {"matchLabels": {"k8s-app": "kube-proxy"}},
                    "template": {"metadata": {"labels": {"k8s-app": "kube-proxy"}}, "spec": {
                        "hostNetwork": true, "serviceAccountName": "kube-proxy",
                        "priorityClassName": "system-node-critical",
                        "nodeSelector": {"kubernetes.io/os": "linux"},
                        "tolerations": [{"operator": "Exists"}],
                        "volumes": [{"name": "kube-proxy", "configMap": {"name": "kube-proxy"}}],
                        "containers": [{"name": "kube-proxy",
                            "image": format!("registry.k8s.io/kube-proxy:{}", crate::VERSION),
                            "command": ["/usr/local/bin/kube-proxy",
                                "--config=/var/lib/kube-proxy/config.conf",
                                "--hostname-override=$(NODE_NAME)"],
                            "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef":
                                {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
                            "volumeMounts": [{"name": "kube-proxy", "mountPath": "/var/lib/kube-proxy"}]}]}}},
            }),
        ),
    ]
}

/// What the configuration says of etcd.
fn etcd_section(external: &[String]) -> String {
    if external.is_empty() {
        return "etcd:\n  local:\n    dataDir: /var/lib/etcd\n".to_owned();
    }
    let pki = "/etc/kubernetes/pki";
    let endpoints: String = external.iter().map(|url| format!("    - {url}\n")).collect();
    format!(
        "etcd:\n  external:\n    caFile: {pki}/etcd/ca.crt\n    certFile: \
         {pki}/apiserver-etcd-client.crt\n    endpoints:\n{endpoints}    keyFile: \
         {pki}/apiserver-etcd-client.key\n"
    )
}
