//! The flags of kube-apiserver, and what they come to.

use sim::Sys;

use super::crypt::Encryption;
use crate::etcd3::EtcdConfig;
use crate::flags::Flags;
use crate::yaml;

/// Flags kube-apiserver knows; those the lab obeys are read below, the others are taken and
/// have no effect.
const KNOWN: &[&str] = &[
    "admission-control-config-file",
    "advertise-address",
    "allow-privileged?",
    "anonymous-auth?",
    "api-audiences",
    "apiserver-count",
    "audit-log-maxage",
    "audit-log-maxbackup",
    "audit-log-maxsize",
    "audit-log-path",
    "audit-policy-file",
    "authentication-config",
    "authorization-mode",
    "bind-address",
    "cert-dir",
    "client-ca-file",
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "default-watch-cache-size",
    "delete-collection-workers",
    "disable-admission-plugins",
    "egress-selector-config-file",
    "enable-admission-plugins",
    "enable-aggregator-routing?",
    "enable-bootstrap-token-auth?",
    "enable-garbage-collector?",
    "encryption-provider-config",
    "encryption-provider-config-automatic-reload?",
    "endpoint-reconciler-type",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-compaction-interval",
    "etcd-count-metric-poll-period",
    "etcd-db-metric-poll-interval",
    "etcd-healthcheck-timeout",
    "etcd-keyfile",
    "etcd-prefix",
    "etcd-readycheck-timeout",
    "etcd-servers",
    "etcd-servers-overrides",
    "event-ttl",
    "external-hostname",
    "feature-gates",
    "goaway-chance",
    "http2-max-streams-per-connection",
    "kubelet-certificate-authority",
    "kubelet-client-certificate",
    "kubelet-client-key",
    "kubelet-preferred-address-types",
    "kubelet-timeout",
    "livez-grace-period",
    "log-flush-frequency",
    "logging-format",
    "max-mutating-requests-inflight",
    "max-requests-inflight",
    "min-request-timeout",
    "oidc-ca-file",
    "oidc-client-id",
    "oidc-issuer-url",
    "permit-port-sharing?",
    "profiling?",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "request-timeout",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-username-headers",
    "runtime-config",
    "secure-port",
    "service-account-extend-token-expiration?",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-lookup?",
    "service-account-max-token-expiration",
    "service-account-signing-key-file",
    "service-cluster-ip-range",
    "service-node-port-range",
    "shutdown-delay-duration",
    "storage-backend",
    "storage-media-type",
    "tls-cert-file",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-private-key-file",
    "tls-sni-cert-key",
    "token-auth-file",
    "v",
    "vmodule",
    "watch-cache?",
    "watch-cache-sizes",
];

/// What an API server is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) etcd: EtcdConfig,
    pub(crate) root: String,
    pub(crate) advertise: String,
    pub(crate) bind: String,
    pub(crate) port: u16,
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
    pub(crate) client_ca: bytes::Bytes,
    pub(crate) anonymous: bool,
    pub(crate) kubelet_cert: bytes::Bytes,
    pub(crate) kubelet_key: bytes::Bytes,
    pub(crate) service_net: [u8; 4],
    pub(crate) compaction_us: u64,
    pub(crate) encryption: Encryption,
}

/// A refusal to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The command line cannot be read.
    Flags(String),
    /// It can, and something in it is wrong.
    Command(String),
}

/// Reads the command line and the files it names.
#[expect(clippy::too_many_lines, reason = "one flag after the other")]
pub(crate) fn read(sys: &Sys) -> Result<Options, Refusal> {
    let args = sys.args();
    let flags = Flags::parse(args.get(1..).unwrap_or_default(), KNOWN).map_err(Refusal::Flags)?;
    let command = |text: String| Refusal::Command(text);
    let file = |name: &str| -> Result<bytes::Bytes, Refusal> {
        match flags.get(name) {
            "" => Ok(bytes::Bytes::new()),
            path => sys.read_file(path).map_err(|errno| {
                let errno = errno.to_string().to_lowercase();
                command(format!("open {path}: {errno}"))
            }),
        }
    };
    if flags.list("etcd-servers").is_empty() {
        return Err(command("--etcd-servers must be specified".to_owned()));
    }
    let media = flags.get_or("storage-media-type", "application/vnd.kubernetes.protobuf");
    let media_known =
        ["application/json", "application/vnd.kubernetes.protobuf", "application/yaml"];
    if !media_known.contains(&media) {
        return Err(command(format!(
            "--storage-media-type \"{media}\" invalid, allowed values: application/json, \
             application/vnd.kubernetes.protobuf, application/yaml"
        )));
    }
    for name in ["tls-cert-file", "tls-private-key-file"] {
        if let Err(Refusal::Command(text)) = file(name) {
            return Err(command(format!(
                "failed to initialize serving certificate: loading \
                tls config: {text}"
            )));
        }
    }
    let client_ca = file("client-ca-file").map_err(|error| match error {
        Refusal::Command(text) => command(format!("unable to load client CA provider: {text}")),
        other => other,
    })?;
    for name in ["etcd-cafile", "etcd-certfile", "etcd-keyfile"] {
        file(name)?;
    }
    file("service-account-signing-key-file").map_err(|error| match error {
        Refusal::Command(text) => {
            command(format!("failed to parse service-account-issuer-key-file: {text}"))
        }
        other => other,
    })?;
    let port = flags.get_or("secure-port", "6443");
    let port: u16 = port.parse().map_err(|_| {
        Refusal::Flags(format!(
            "invalid argument \"{port}\" for \"--secure-port\" flag: strconv.ParseInt: parsing \
             \"{port}\": invalid syntax"
        ))
    })?;
    let net = flags.get_or("service-cluster-ip-range", "10.0.0.0/24");
    let service_net =
        parse_net(net).ok_or_else(|| command(format!("invalid CIDR address: {net}")))?;
    let encryption = encryption(sys, flags.get("encryption-provider-config")).map_err(command)?;
    let compaction = flags.get_or("etcd-compaction-interval", "5m0s");
    let advertise = match flags.get("advertise-address") {
        "" => sys.hostname(),
        address => address.to_owned(),
    };
    Ok(Options {
        etcd: EtcdConfig {
            servers: flags.list("etcd-servers"),
            ca_file: flags.get("etcd-cafile").to_owned(),
            cert_file: flags.get("etcd-certfile").to_owned(),
            key_file: flags.get("etcd-keyfile").to_owned(),
        },
        root: flags.get_or("etcd-prefix", "/registry").trim_end_matches('/').to_owned(),
        advertise,
        bind: flags.get_or("bind-address", "0.0.0.0").to_owned(),
        port,
        cert_file: flags.get("tls-cert-file").to_owned(),
        key_file: flags.get("tls-private-key-file").to_owned(),
        client_ca,
        anonymous: flags.get_or("anonymous-auth", "true") == "true",
        kubelet_cert: file("kubelet-client-certificate")?,
        kubelet_key: file("kubelet-client-key")?,
        service_net,
        compaction_us: duration_us(compaction).unwrap_or(300_000_000),
        encryption,
    })
}

/// Reads the file of `--encryption-provider-config`, if one is named.
fn encryption(sys: &Sys, path: &str) -> Result<Encryption, String> {
    if path.is_empty() {
        return Ok(Encryption::default());
    }
    let wrong = |text: String| format!("error while parsing file: {text}");
    let bytes = sys.read_file(path).map_err(|errno| {
        let errno = errno.to_string().to_lowercase();
        wrong(format!(
            "error while loading file: error reading encryption provider configuration file \
             \"{path}\": open {path}: {errno}"
        ))
    })?;
    if bytes.is_empty() {
        return Err(wrong(format!(
            "error while loading file: encryption provider configuration file \"{path}\" is empty"
        )));
    }
    let config = yaml::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        wrong(format!(
            "error decoding encryption provider configuration file \"{path}\": couldn't get \
             version/kind; json parse error: error converting YAML to JSON: {error}"
        ))
    })?;
    Encryption::parse(&config).map_err(|error| {
        let decoding = error.starts_with("Object 'Kind'") || error.starts_with("no kind ");
        wrong(match decoding {
            true => {
                format!("error decoding encryption provider configuration file \"{path}\": {error}")
            }
            false => error,
        })
    })
}

fn parse_net(text: &str) -> Option<[u8; 4]> {
    let (address, bits) = text.split_once('/')?;
    bits.parse::<u8>().ok().filter(|bits| *bits <= 32)?;
    let mut net = [0; 4];
    let mut parts = address.split('.');
    for byte in &mut net {
        *byte = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(net)
}

/// Reads a duration such as `5m0s`, `30s` or `0`.
pub(crate) fn duration_us(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut total, mut number) = (0_u64, String::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            number.push(c);
            rest = &rest[1..];
            continue;
        }
        let unit = ["ms", "h", "m", "s"].into_iter().find(|unit| rest.starts_with(unit))?;
        let scale = match unit {
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            _ => 1000,
        };
        total += number.parse::<u64>().ok()? * scale;
        number.clear();
        rest = &rest[unit.len()..];
    }
    number.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        for (text, want) in [
            ("5m0s", Some(300_000_000)),
            ("1h2m3s", Some(3_723_000_000)),
            ("250ms", Some(250_000)),
            ("0", Some(0)),
            ("5", None),
            ("x", None),
        ] {
            assert_eq!(duration_us(text), want, "{text}");
        }
        assert_eq!(parse_net("10.96.0.0/12"), Some([10, 96, 0, 0]));
        assert_eq!(parse_net("10.96.0/12"), None);
    }
}
