//! Certificates and kubeconfigs of a cluster, in kubeadm's layout.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{GeneralName, Issuer, Name, PrivateKey, Template, Usage};

use super::Node;
use crate::api::WorldOptions;

/// A file: path, content, permissions.
pub(super) type File = (String, String, u16);

/// A certificate and its key, as PEM.
struct Pair {
    cert: String,
    key: String,
}

/// The authorities of a cluster.
pub(super) struct Pki {
    seed: u64,
    made_s: i64,
    cluster: Issuer,
    front: Issuer,
    etcd: Issuer,
    accounts: PrivateKey,
}

const DAY_S: i64 = 86_400;
/// kubeadm's certificates hold a year, its authorities ten.
const YEAR_S: i64 = 365 * DAY_S;

fn ip(address: &str) -> GeneralName {
    let bytes = address.split('.').filter_map(|part| part.parse().ok()).collect();
    GeneralName::Ip(bytes)
}

fn dns(name: &str) -> GeneralName {
    GeneralName::Dns(name.to_owned())
}

impl Pki {
    pub(super) fn new(options: &WorldOptions) -> Pki {
        let now_s = i64::try_from(options.epoch_us / 1_000_000).unwrap_or_default();
        let made_s = now_s - 300;
        let authority = |name| pki::authority(name, options.seed, made_s, made_s + 10 * YEAR_S);
        Pki {
            seed: options.seed,
            made_s,
            cluster: authority("kubernetes"),
            front: authority("front-proxy-ca"),
            etcd: authority("etcd-ca"),
            accounts: PrivateKey::from_seed(options.seed, "service accounts"),
        }
    }

    fn issue(
        &self,
        by: &Issuer,
        purpose: &str,
        subject: Name,
        usages: &[Usage],
        names: Vec<GeneralName>,
    ) -> Pair {
        let key = PrivateKey::from_seed(self.seed, purpose);
        let template =
            Template::leaf(subject, usages, names).valid(self.made_s, self.made_s + YEAR_S);
        Pair { cert: template.issue(&key, by).to_pem(), key: key.to_pem() }
    }

    #[expect(clippy::too_many_lines, reason = "one certificate after the other")]
    /// The files under `/etc/kubernetes` and `/var/lib/kubelet` of a host. `stacked` tells
    /// whether etcd's are among them.
    pub(super) fn files(&self, node: &Node, nodes: &[Node], stacked: bool) -> Vec<File> {
        let mut files: Vec<File> = Vec::new();
        let root = "/etc/kubernetes/pki";
        let mut pair = |path: String, pair: Pair| {
            files.push((format!("{path}.crt"), pair.cert, 0o644));
            files.push((format!("{path}.key"), pair.key, 0o600));
        };
        let name = node.name.as_str();
        let host = format!("{name}@{SECOND}");
        let kubelet = self.issue(
            &self.cluster,
            &format!("kubelet {name}"),
            Name::new(&[], &host),
            &[Usage::ServerAuth],
            vec![dns(name), ip(&node.address)],
        );
        pair("/var/lib/kubelet/pki/kubelet".to_owned(), kubelet);
        if !node.control_plane {
            files.push((format!("{root}/ca.crt"), self.cluster.certificate.to_pem(), 0o644));
            return files;
        }
        let authority =
            |issuer: &Issuer| Pair { cert: issuer.certificate.to_pem(), key: issuer.key.to_pem() };
        pair(format!("{root}/ca"), authority(&self.cluster));
        pair(format!("{root}/front-proxy-ca"), authority(&self.front));
        if stacked {
            pair(format!("{root}/etcd/ca"), authority(&self.etcd));
        }
        let server = &[Usage::ServerAuth][..];
        let client = &[Usage::ClientAuth][..];
        let both = &[Usage::ServerAuth, Usage::ClientAuth][..];
        let mut api_names: Vec<GeneralName> = [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ]
        .map(dns)
        .to_vec();
        api_names.extend([
            dns(name),
            ip("10.96.0.1"),
            ip(&node.address),
            ip("127.0.0.1"),
            dns("localhost"),
        ]);
        for other in nodes.iter().filter(|it| it.control_plane && it.name != node.name) {
            api_names.extend([dns(&other.name), ip(&other.address)]);
        }
        let mut leaf =
            |place: &str, by: &Issuer, organization: &[&str], cn: &str, usages: &[Usage], names| {
                let purpose = format!("{name} {place}");
                let made = self.issue(by, &purpose, Name::new(organization, cn), usages, names);
                pair(format!("{root}/{place}"), made);
            };
        let masters = &["kubeadm:cluster-admins"][..];
        leaf("apiserver", &self.cluster, &[], "kube-apiserver", server, api_names);
        leaf(
            "apiserver-kubelet-client",
            &self.cluster,
            masters,
            "kube-apiserver-kubelet-client",
            client,
            vec![],
        );
        leaf("front-proxy-client", &self.front, &[], "front-proxy-client", client, vec![]);
        if stacked {
            leaf(
                "apiserver-etcd-client",
                &self.etcd,
                &[],
                "kube-apiserver-etcd-client",
                client,
                vec![],
            );
            let etcd_names = || {
                vec![
                    dns(name),
                    dns("localhost"),
                    ip(&node.address),
                    ip("127.0.0.1"),
                    GeneralName::Ip([[0; 15].as_slice(), &[1]].concat()),
                ]
            };
            leaf("etcd/server", &self.etcd, &[], name, both, etcd_names());
            leaf("etcd/peer", &self.etcd, &[], name, both, etcd_names());
            leaf(
                "etcd/healthcheck-client",
                &self.etcd,
                &[],
                "kube-etcd-healthcheck-client",
                client,
                vec![],
            );
        }
        files.push((format!("{root}/sa.key"), self.accounts.to_pem(), 0o600));
        files.push((format!("{root}/sa.pub"), public_pem(&self.accounts), 0o600));
        let api = format!("https://{}:6443", node.address);
        for (file, user, organization) in [
            ("admin.conf", "kubernetes-admin", masters),
            ("super-admin.conf", "kubernetes-super-admin", &["system:masters"][..]),
            ("controller-manager.conf", "system:kube-controller-manager", &[][..]),
            ("scheduler.conf", "system:kube-scheduler", &[][..]),
        ] {
            let text = self.kubeconfig(&format!("{name} {file}"), user, organization, &api);
            files.push((format!("/etc/kubernetes/{file}"), text, 0o600));
        }
        files
    }

    /// The kubelet's kubeconfig.
    pub(super) fn kubelet_conf(&self, node: &Node, server: &str) -> String {
        let user = format!("system:node:{}", node.name);
        self.kubeconfig(&format!("{} kubelet.conf", node.name), &user, &["system:nodes"], server)
    }

    fn kubeconfig(&self, purpose: &str, user: &str, organization: &[&str], server: &str) -> String {
        let names = Vec::new();
        let name = Name::new(organization, user);
        let made = self.issue(&self.cluster, purpose, name, &[Usage::ClientAuth], names);
        let ca = STANDARD.encode(self.cluster.certificate.to_pem());
        let (cert, key) = (STANDARD.encode(made.cert), STANDARD.encode(made.key));
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    \
             server: {server}\n  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    \
             user: {user}\n  name: {user}@kubernetes\ncurrent-context: {user}@kubernetes\nkind: \
             Config\nusers:\n- name: {user}\n  user:\n    client-certificate-data: {cert}\n    \
             client-key-data: {key}\n"
        )
    }
}

/// What the kubelet puts behind the host's name in its own certificate.
const SECOND: &str = "1795337700";

fn public_pem(key: &PrivateKey) -> String {
    match key.public() {
        Some(pki::PublicKey::P256(point)) => {
            pki::pem::encode("PUBLIC KEY", &pki::PublicKey::p256_info(&point))
        }
        _ => unreachable!("keys made here are of this kind"),
    }
}
