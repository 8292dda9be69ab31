//! The certificates of world `cluster-tls`: one authority, and for every host a server's, a
//! peer's and a client's certificate, laid out and dated as kubeadm does.

use pki::{GeneralName, Issuer, Name, PrivateKey, Template, Usage};
use sim::{HostId, Install};

use super::cluster::PKI_DIR;
use crate::api::WorldOptions;

/// kubeadm's terms: an authority lives ten years, what it signs one.
const YEAR_S: i64 = 365 * 86_400;

/// The files on every host.
pub(super) fn install(options: &WorldOptions, hosts: &[String]) -> Vec<Install> {
    let now_s = i64::try_from(options.epoch_us / 1_000_000).expect("checked options");
    let ca = pki::authority("etcd-ca", options.seed, now_s, now_s + 10 * YEAR_S);
    let mut files = Vec::new();
    for (number, host) in (0..).zip(hosts) {
        let mut put = |name: &str, text: String, mode| {
            files.push(Install::file(host, &format!("{PKI_DIR}/{name}"), text.into_bytes(), mode));
        };
        put("ca.crt", ca.certificate.to_pem(), 0o644);
        put("ca.key", ca.key.to_pem(), 0o600);
        let names = [
            GeneralName::Dns(host.clone()),
            GeneralName::Dns("localhost".to_owned()),
            GeneralName::Ip(sim::net::ip_of(HostId(number)).to_vec()),
            GeneralName::Ip(vec![127, 0, 0, 1]),
        ];
        let both = [Usage::ServerAuth, Usage::ClientAuth];
        for (name, common, usages, names) in [
            ("server", host.as_str(), &both[..], &names[..]),
            ("peer", host.as_str(), &both[..], &names[..]),
            // Who enables auth can go on with it: it is the user root's.
            ("client", "root", &both[1..], &names[..0]),
        ] {
            let key = PrivateKey::from_seed(options.seed, &format!("{host} {name}"));
            let leaf = Template::leaf(Name::new(&[], common), usages, names.to_vec());
            let certificate = sign(leaf, &key, &ca, now_s);
            put(&format!("{name}.crt"), certificate, 0o644);
            put(&format!("{name}.key"), key.to_pem(), 0o600);
        }
    }
    files
}

fn sign(leaf: Template, key: &PrivateKey, ca: &Issuer, now_s: i64) -> String {
    leaf.valid(now_s, now_s + YEAR_S).issue(key, ca).to_pem()
}
