//! Certificates that wait to be used, in `/root/pki`: for the world in which plain doors are
//! to be locked a choice of good and bad ones, for the one in which etcd is to be installed
//! the right ones.

use pki::{GeneralName, Issuer, Name, PrivateKey, Template, Usage};
use sim::{HostId, Install, Rng, WorldSpec};

use super::external::YEAR_S;
use super::{bare, system};
use crate::api::WorldOptions;

/// Where they wait.
const DIR: &str = "/root/pki";

const DAY_S: i64 = 86_400;

/// A certificate that is to be made.
struct Wanted<'a> {
    /// What its key is made from.
    purpose: String,
    common: &'a str,
    issuer: &'a Issuer,
    from_s: i64,
    until_s: i64,
    names: Vec<GeneralName>,
    usages: &'a [Usage],
}

impl Wanted<'_> {
    fn make(self, seed: u64) -> (String, String) {
        let key = PrivateKey::from_seed(seed, &self.purpose);
        let leaf = Template::leaf(Name::new(&[], self.common), self.usages, self.names);
        let certificate = leaf.valid(self.from_s, self.until_s).issue(&key, self.issuer);
        (certificate.to_pem(), key.to_pem())
    }
}

const BOTH: [Usage; 2] = [Usage::ServerAuth, Usage::ClientAuth];

fn names_of(name: &str, ip: [u8; 4]) -> Vec<GeneralName> {
    vec![
        GeneralName::Dns(name.to_owned()),
        GeneralName::Dns("localhost".to_owned()),
        GeneralName::Ip(ip.to_vec()),
        GeneralName::Ip(vec![127, 0, 0, 1]),
    ]
}

/// The directory with the authority, and a certificate for clients.
fn common(options: &WorldOptions, host: &str, ca: &Issuer, now_s: i64) -> Vec<Install> {
    let client = Wanted {
        purpose: format!("{host} client"),
        common: "etcd-client",
        issuer: ca,
        from_s: now_s - 30 * DAY_S,
        until_s: now_s + YEAR_S,
        names: Vec::new(),
        usages: &BOTH[1..],
    };
    let mut all =
        vec![Install::dir(host, DIR, 0o700), put(host, "ca.crt", ca.certificate.to_pem(), 0o644)];
    all.extend(pair(host, "client", client.make(options.seed)));
    all
}

fn put(host: &str, name: &str, text: String, mode: u16) -> Install {
    Install::file(host, &format!("{DIR}/{name}"), text.into_bytes(), mode)
}

fn pair(host: &str, name: &str, (certificate, key): (String, String)) -> [Install; 2] {
    [
        put(host, &format!("{name}.crt"), certificate, 0o644),
        put(host, &format!("{name}.key"), key, 0o600),
    ]
}

/// Four certificates for a member's host of which one is good: `a` to `d`, in an order the
/// seed draws.
pub(super) fn choice(
    options: &WorldOptions,
    (host, number): (&str, HostId),
    ca: &Issuer,
    now_s: i64,
) -> Vec<Install> {
    let ip = sim::net::ip_of(number);
    let stranger =
        pki::authority("old-etcd-ca", options.seed, now_s - 2 * YEAR_S, now_s + 8 * YEAR_S);
    let (from_s, until_s) = (now_s - 30 * DAY_S, now_s + YEAR_S);
    let other = format!("{host}.old.example");
    let make = |kind: &str, issuer, from_s, until_s, names| Wanted {
        purpose: format!("{host} {kind}"),
        common: host,
        issuer,
        from_s,
        until_s,
        names,
        usages: &BOTH,
    };
    let mut made = vec![
        make("good", ca, from_s, until_s, names_of(host, ip)),
        make(
            "misnamed",
            ca,
            from_s,
            until_s,
            vec![GeneralName::Dns(other), GeneralName::Ip(vec![10, 9, 9, ip[3]])],
        ),
        make("expired", ca, now_s - YEAR_S - DAY_S, now_s - DAY_S, names_of(host, ip)),
        make("stranger", &stranger, from_s, until_s, names_of(host, ip)),
    ];
    let mut rng = Rng::for_purpose(options.seed, host, 1);
    let mut all = common(options, host, ca, now_s);
    for name in ["a", "b", "c", "d"] {
        let left = u64::try_from(made.len()).expect("four are few");
        let place = usize::try_from(rng.below(left)).expect("below the length");
        all.extend(pair(host, name, made.remove(place).make(options.seed)));
    }
    all
}

/// World `bare-tls`: three hosts with etcd's programs and good certificates in root's
/// directory, and nothing installed.
pub(super) fn bare_tls(options: &WorldOptions) -> WorldSpec {
    let names = bare::hosts(options);
    let mut spec = system::spec(options, names.clone(), "root");
    let now_s = i64::try_from(options.epoch_us / 1_000_000).expect("checked options");
    let ca = pki::authority("etcd-ca", options.seed, now_s - YEAR_S, now_s + 9 * YEAR_S);
    for (number, host) in (0..).map(HostId).zip(&names) {
        let mut all = common(options, host, &ca, now_s);
        for name in ["server", "peer"] {
            let wanted = Wanted {
                purpose: format!("{host} {name}"),
                common: host,
                issuer: &ca,
                from_s: now_s - DAY_S,
                until_s: now_s + YEAR_S,
                names: names_of(host, sim::net::ip_of(number)),
                usages: &BOTH,
            };
            all.extend(pair(host, name, wanted.make(options.seed)));
        }
        for program in ["etcd", "etcdctl", "etcdutl"] {
            let image = sim::exe::image(program, &options.release);
            all.push(Install::file(host, &format!("/root/bin/{program}"), image, 0o755));
        }
        spec.install.extend(all);
    }
    spec
}
