//! The static pods of a control plane, as kubeadm writes them, and the kubelet's configuration.

use etcd::Release;

use super::Node;
use crate::api::WorldOptions;

/// `/var/lib/kubelet/config.yaml`.
pub(super) const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///var/run/containerd/containerd.sock
cpuManagerReconcilePeriod: 0s
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
";

/// The images a host has from the start.
pub(super) fn images(options: &WorldOptions, node: &Node, stacked: bool) -> Vec<String> {
    let version = kube::VERSION;
    let mut images = vec![
        format!("registry.k8s.io/kube-proxy:{version}"),
        "registry.k8s.io/pause:3.10.1".to_owned(),
        "registry.k8s.io/coredns/coredns:v1.13.1".to_owned(),
    ];
    if node.control_plane {
        if stacked {
            images.push(format!("registry.k8s.io/etcd:{}-0", options.release));
        }
        for part in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            images.push(format!("registry.k8s.io/{part}:{version}"));
        }
    }
    images
}

/// Every manifest of a control plane: its file's name and content. Etcd that is external has
/// none.
pub(super) fn all(
    options: &WorldOptions,
    node: &Node,
    nodes: &[Node],
    external: &[String],
) -> Vec<(&'static str, String)> {
    let own = "https://127.0.0.1:2379".to_owned();
    let servers = if external.is_empty() { own } else { external.join(",") };
    let mut all = vec![
        ("kube-apiserver.yaml", api_server(node, &servers)),
        ("kube-controller-manager.yaml", controller_manager()),
        ("kube-scheduler.yaml", scheduler()),
    ];
    if external.is_empty() {
        all.push(("etcd.yaml", etcd(options, node, nodes)));
    }
    all
}

/// What differs between the static pods.
struct Pod<'a> {
    name: &'a str,
    annotation: Option<(&'a str, String)>,
    command: Vec<String>,
    image: String,
    /// Host, port, scheme, and the paths of the three probes.
    probe: (&'a str, u16, &'a str),
    paths: [&'a str; 3],
    requests: &'a str,
    /// Name, path on both sides, type, and whether it is read only.
    volumes: &'a [(&'a str, &'a str, &'a str, bool)],
}

impl Pod<'_> {
    fn text(&self) -> String {
        let Pod { name, image, requests, .. } = self;
        let (host, port, scheme) = self.probe;
        let mut text = String::from("apiVersion: v1\nkind: Pod\nmetadata:\n");
        if let Some((key, value)) = &self.annotation {
            text.push_str(&format!("  annotations:\n    {key}: {value}\n"));
        }
        text.push_str(&format!(
            "  labels:\n    component: {name}\n    tier: control-plane\n  name: {name}\n  \
             namespace: kube-system\nspec:\n  containers:\n  - command:\n"
        ));
        for word in &self.command {
            text.push_str(&format!("    - {word}\n"));
        }
        text.push_str(&format!("    image: {image}\n    imagePullPolicy: IfNotPresent\n"));
        let probe = |title: &str, threshold: u8, delay: u8, period: u8, path: &str| {
            let delay = match delay {
                0 => String::new(),
                delay => format!("      initialDelaySeconds: {delay}\n"),
            };
            format!(
                "    {title}:\n      failureThreshold: {threshold}\n      httpGet:\n        host: \
                 {host}\n        path: {path}\n        port: {port}\n        scheme: {scheme}\n{delay}      \
                 periodSeconds: {period}\n      timeoutSeconds: 15\n"
            )
        };
        let [live, ready, started] = self.paths;
        text.push_str(&probe("livenessProbe", 8, 10, 10, live));
        text.push_str(&format!("    name: {name}\n"));
        if !ready.is_empty() {
            let threshold = 3;
            text.push_str(&probe("readinessProbe", threshold, 0, 1, ready));
        }
        text.push_str(&format!("    resources:\n      requests:\n{requests}"));
        text.push_str(&probe("startupProbe", 24, 10, 10, started));
        text.push_str("    volumeMounts:\n");
        for (volume, path, _, read_only) in self.volumes {
            text.push_str(&format!("    - mountPath: {path}\n      name: {volume}\n"));
            if *read_only {
                text.push_str("      readOnly: true\n");
            }
        }
        text.push_str(
            "  hostNetwork: true\n  priority: 2000001000\n  priorityClassName: \
             system-node-critical\n  securityContext:\n    seccompProfile:\n      type: \
             RuntimeDefault\n  volumes:\n",
        );
        let mut volumes = self.volumes.to_vec();
        if *name == "etcd" {
            volumes.reverse();
        }
        for (volume, path, kind, _) in volumes {
            text.push_str(&format!(
                "  - hostPath:\n      path: {path}\n      type: {kind}\n    name: {volume}\n"
            ));
        }
        text.push_str("status: {}\n");
        text
    }
}

fn words(program: &str, flags: &[String]) -> Vec<String> {
    std::iter::once(program.to_owned()).chain(flags.iter().cloned()).collect()
}

fn etcd(options: &WorldOptions, node: &Node, nodes: &[Node]) -> String {
    let Node { name, address, .. } = node;
    let release = Release::parse(&options.release).expect("checked options name a release");
    let members: Vec<String> = nodes
        .iter()
        .filter(|it| it.control_plane)
        .map(|it| format!("{}=https://{}:2380", it.name, it.address))
        .collect();
    let pki = "/etc/kubernetes/pki/etcd";
    let (check, notify) = if release.is_3_6() {
        ("--feature-gates=InitialCorruptCheck=true", "--watch-progress-notify-interval=5s")
    } else {
        (
            "--experimental-initial-corrupt-check=true",
            "--experimental-watch-progress-notify-interval=5s",
        )
    };
    let mut flags = vec![
        format!("--advertise-client-urls=https://{address}:2379"),
        format!("--cert-file={pki}/server.crt"),
        "--client-cert-auth=true".to_owned(),
        "--data-dir=/var/lib/etcd".to_owned(),
        check.to_owned(),
        format!("--initial-advertise-peer-urls=https://{address}:2380"),
        format!("--initial-cluster={}", members.join(",")),
        format!("--key-file={pki}/server.key"),
        format!("--listen-client-urls=https://127.0.0.1:2379,https://{address}:2379"),
        "--listen-metrics-urls=http://127.0.0.1:2381".to_owned(),
        format!("--listen-peer-urls=https://{address}:2380"),
        format!("--name={name}"),
        format!("--peer-cert-file={pki}/peer.crt"),
        "--peer-client-cert-auth=true".to_owned(),
        format!("--peer-key-file={pki}/peer.key"),
        format!("--peer-trusted-ca-file={pki}/ca.crt"),
        "--snapshot-count=10000".to_owned(),
        format!("--trusted-ca-file={pki}/ca.crt"),
        notify.to_owned(),
    ];
    flags.sort();
    let annotation = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
    Pod {
        name: "etcd",
        annotation: Some((annotation, format!("https://{address}:2379"))),
        command: words("etcd", &flags),
        image: format!("registry.k8s.io/etcd:{}-0", options.release),
        probe: ("127.0.0.1", 2381, "HTTP"),
        paths: ["/livez", "/readyz", "/readyz"],
        requests: "        cpu: 100m\n        memory: 100Mi\n",
        volumes: &[
            ("etcd-data", "/var/lib/etcd", "DirectoryOrCreate", false),
            ("etcd-certs", "/etc/kubernetes/pki/etcd", "DirectoryOrCreate", false),
        ],
    }
    .text()
}

const CA_VOLUMES: [(&str, &str, &str, bool); 4] = [
    ("ca-certs", "/etc/ssl/certs", "DirectoryOrCreate", true),
    ("etc-ca-certificates", "/etc/ca-certificates", "DirectoryOrCreate", true),
    ("k8s-certs", "/etc/kubernetes/pki", "DirectoryOrCreate", true),
    ("usr-share-ca-certificates", "/usr/share/ca-certificates", "DirectoryOrCreate", true),
];

/// The API server's manifest, with etcd at these servers.
fn api_server(node: &Node, etcd_servers: &str) -> String {
    let address = &node.address;
    let pki = "/etc/kubernetes/pki";
    let mut flags = vec![
        format!("--advertise-address={address}"),
        "--allow-privileged=true".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        format!("--client-ca-file={pki}/ca.crt"),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--enable-bootstrap-token-auth=true".to_owned(),
        format!("--etcd-cafile={pki}/etcd/ca.crt"),
        format!("--etcd-certfile={pki}/apiserver-etcd-client.crt"),
        format!("--etcd-keyfile={pki}/apiserver-etcd-client.key"),
        format!("--etcd-servers={etcd_servers}"),
        format!("--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt"),
        format!("--kubelet-client-key={pki}/apiserver-kubelet-client.key"),
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname".to_owned(),
        format!("--proxy-client-cert-file={pki}/front-proxy-client.crt"),
        format!("--proxy-client-key-file={pki}/front-proxy-client.key"),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        format!("--requestheader-client-ca-file={pki}/front-proxy-ca.crt"),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--secure-port=6443".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--service-account-key-file={pki}/sa.pub"),
        format!("--service-account-signing-key-file={pki}/sa.key"),
        "--service-cluster-ip-range=10.96.0.0/12".to_owned(),
        "--storage-media-type=application/json".to_owned(),
        format!("--tls-cert-file={pki}/apiserver.crt"),
        format!("--tls-private-key-file={pki}/apiserver.key"),
    ];
    // Etcd in clear wants no certificates, and kubeadm names none.
    if etcd_servers.starts_with("http://") {
        let tls = ["--etcd-cafile", "--etcd-certfile", "--etcd-keyfile"];
        flags.retain(|flag| !tls.iter().any(|name| flag.starts_with(name)));
    }
    let annotation = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";
    Pod {
        name: "kube-apiserver",
        annotation: Some((annotation, format!("{address}:6443"))),
        command: words("kube-apiserver", &flags),
        image: format!("registry.k8s.io/kube-apiserver:{}", kube::VERSION),
        probe: (address, 6443, "HTTPS"),
        paths: ["/livez", "/readyz", "/livez"],
        requests: "        cpu: 250m\n",
        volumes: &CA_VOLUMES,
    }
    .text()
}

fn controller_manager() -> String {
    let pki = "/etc/kubernetes/pki";
    let conf = "/etc/kubernetes/controller-manager.conf";
    let flags = [
        "--allocate-node-cidrs=true".to_owned(),
        format!("--authentication-kubeconfig={conf}"),
        format!("--authorization-kubeconfig={conf}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--client-ca-file={pki}/ca.crt"),
        "--cluster-cidr=10.244.0.0/16".to_owned(),
        "--cluster-name=kubernetes".to_owned(),
        format!("--cluster-signing-cert-file={pki}/ca.crt"),
        format!("--cluster-signing-key-file={pki}/ca.key"),
        "--controllers=*,bootstrapsigner,tokencleaner".to_owned(),
        format!("--kubeconfig={conf}"),
        "--leader-elect=true".to_owned(),
        format!("--requestheader-client-ca-file={pki}/front-proxy-ca.crt"),
        format!("--root-ca-file={pki}/ca.crt"),
        format!("--service-account-private-key-file={pki}/sa.key"),
        "--service-cluster-ip-range=10.96.0.0/12".to_owned(),
        "--use-service-account-credentials=true".to_owned(),
    ];
    let [certs, etc, k8s, share] = CA_VOLUMES;
    Pod {
        name: "kube-controller-manager",
        annotation: None,
        command: words("kube-controller-manager", &flags),
        image: format!("registry.k8s.io/kube-controller-manager:{}", kube::VERSION),
        probe: ("127.0.0.1", 10_257, "HTTPS"),
        paths: ["/healthz", "", "/healthz"],
        requests: "        cpu: 200m\n",
        volumes: &[certs, etc, k8s, ("kubeconfig", conf, "FileOrCreate", true), share],
    }
    .text()
}

fn scheduler() -> String {
    let conf = "/etc/kubernetes/scheduler.conf";
    let flags = [
        format!("--authentication-kubeconfig={conf}"),
        format!("--authorization-kubeconfig={conf}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--kubeconfig={conf}"),
        "--leader-elect=true".to_owned(),
    ];
    Pod {
        name: "kube-scheduler",
        annotation: None,
        command: words("kube-scheduler", &flags),
        image: format!("registry.k8s.io/kube-scheduler:{}", kube::VERSION),
        probe: ("127.0.0.1", 10_259, "HTTPS"),
        paths: ["/livez", "/readyz", "/livez"],
        requests: "        cpu: 100m\n",
        volumes: &[("kubeconfig", conf, "FileOrCreate", true)],
    }
    .text()
}
