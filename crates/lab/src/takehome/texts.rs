//! The texts of the archive. They are read by people, by sh, by systemd and by compose: values
//! stand in single quotes, which all of these take as they are.

use std::fmt::Write as _;

use etcd::{AutoCompaction, Config};

use super::{Plan, Planned, certs};

/// The published image of etcd, by release.
const IMAGE: &str = "gcr.io/etcd-development/etcd";

fn joined(urls: &[String]) -> String {
    urls.join(",")
}

/// `name=URL,...`; a member of several URLs stands there several times.
fn initial_cluster(config: &Config) -> String {
    let one = |(name, urls): &(String, Vec<String>)| {
        urls.iter().map(|url| format!("{name}={url}")).collect::<Vec<_>>().join(",")
    };
    config.initial_cluster.iter().map(one).collect::<Vec<_>>().join(",")
}

/// The member's flags as variables. Those that have etcd's default are left out.
fn variables(config: &Config) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("ETCD_NAME", config.name.clone()),
        ("ETCD_DATA_DIR", config.data_dir.clone()),
        ("ETCD_LISTEN_PEER_URLS", joined(&config.listen_peer_urls)),
        ("ETCD_LISTEN_CLIENT_URLS", joined(&config.listen_client_urls)),
        ("ETCD_INITIAL_ADVERTISE_PEER_URLS", joined(&config.initial_advertise_peer_urls)),
        ("ETCD_ADVERTISE_CLIENT_URLS", joined(&config.advertise_client_urls)),
        ("ETCD_INITIAL_CLUSTER", initial_cluster(config)),
        ("ETCD_INITIAL_CLUSTER_TOKEN", config.initial_cluster_token.clone()),
        ("ETCD_INITIAL_CLUSTER_STATE", "new".to_owned()),
    ];
    if let Some(dir) = &config.wal_dir {
        all.push(("ETCD_WAL_DIR", dir.clone()));
    }
    let usual = Config::new(&config.name, config.release);
    let numbers = [
        ("ETCD_HEARTBEAT_INTERVAL", config.heartbeat_ms, usual.heartbeat_ms),
        ("ETCD_ELECTION_TIMEOUT", config.election_ms, usual.election_ms),
        ("ETCD_SNAPSHOT_COUNT", config.snapshot_count, usual.snapshot_count),
        ("ETCD_MAX_TXN_OPS", config.max_txn_ops, usual.max_txn_ops),
        ("ETCD_MAX_REQUEST_BYTES", config.max_request_bytes, usual.max_request_bytes),
    ];
    for (name, value, usual) in numbers {
        if value != usual {
            all.push((name, value.to_string()));
        }
    }
    if config.quota_bytes != usual.quota_bytes {
        all.push(("ETCD_QUOTA_BACKEND_BYTES", config.quota_bytes.to_string()));
    }
    let compaction = match config.auto_compaction {
        AutoCompaction::Off => None,
        AutoCompaction::Periodic { period_us } => {
            Some(("periodic", etcd::log::go_duration(period_us)))
        }
        AutoCompaction::Revision { retention } => Some(("revision", retention.to_string())),
    };
    if let Some((mode, retention)) = compaction {
        all.push(("ETCD_AUTO_COMPACTION_MODE", mode.to_owned()));
        all.push(("ETCD_AUTO_COMPACTION_RETENTION", retention));
    }
    let switches = [
        ("ETCD_PRE_VOTE", config.pre_vote, usual.pre_vote),
        ("ETCD_STRICT_RECONFIG_CHECK", config.strict_reconfig_check, usual.strict_reconfig_check),
    ];
    for (name, value, usual) in switches {
        if value != usual {
            all.push((name, value.to_string()));
        }
    }
    all.extend(certs::variables(config));
    all
}

/// `etcd.env`: what sh, systemd and compose read alike.
pub(super) fn env(plan: &Plan, member: &Planned) -> String {
    let Planned { label, config, .. } = member;
    let mut text = format!(
        "# The settings of etcd member {label} (release {}), for restore.sh and etcd.service.\n\
         # Every host named here must resolve on every machine of the cluster.\n",
        plan.release
    );
    for (name, value) in variables(config) {
        let _ = writeln!(text, "{name}='{value}'");
    }
    text
}

/// `restore.sh`: the snapshot becomes the member's data directory.
pub(super) fn restore(member: &Planned) -> String {
    let wal_dir = match member.config.wal_dir {
        Some(_) => " \\\n  --wal-dir \"$ETCD_WAL_DIR\"",
        None => "",
    };
    format!(
        "#!/bin/sh\n\
         # Makes the data directory of member {label} out of the snapshot: once, on its machine.\n\
         set -eu\n\
         cd \"$(dirname \"$0\")\"\n\
         . ./etcd.env\n\
         etcdutl snapshot restore ../snapshot.db \\\n  \
           --name \"$ETCD_NAME\" \\\n  \
           --initial-cluster \"$ETCD_INITIAL_CLUSTER\" \\\n  \
           --initial-cluster-token \"$ETCD_INITIAL_CLUSTER_TOKEN\" \\\n  \
           --initial-advertise-peer-urls \"$ETCD_INITIAL_ADVERTISE_PEER_URLS\" \\\n  \
           --data-dir \"$ETCD_DATA_DIR\"{wal_dir}\n\
         # The service runs as user etcd where there is one.\n\
         if [ \"$(id -u)\" = 0 ] && id etcd >/dev/null 2>&1; then\n  \
           chown -R etcd: \"$ETCD_DATA_DIR\"{chown_wal}\n\
         fi\n",
        label = member.label,
        chown_wal = if wal_dir.is_empty() { "" } else { " \"$ETCD_WAL_DIR\"" },
    )
}

/// `etcd.service`.
pub(super) fn unit(member: &Planned) -> String {
    format!(
        "[Unit]\n\
         Description=etcd member {}\n\
         Documentation=https://etcd.io/docs/\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=notify\n\
         User=etcd\n\
         EnvironmentFile=/etc/etcd/etcd.env\n\
         ExecStart=/usr/local/bin/etcd\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         LimitNOFILE=65536\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        member.label
    )
}

/// The host and the port a URL names.
fn place(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.rsplit_once(':').unwrap_or((rest, "2379"))
}

/// The host of a member's first peer URL.
fn host(member: &Planned) -> &str {
    member.config.initial_advertise_peer_urls.first().map_or("", |url| place(url).0)
}

/// The network all members' addresses are in, where their URLs name addresses and not hosts: a
/// container must then own the address its member listens on.
fn subnet(plan: &Plan) -> Option<String> {
    let mut nets: Vec<String> = Vec::new();
    for member in &plan.members {
        let address: std::net::Ipv4Addr = host(member).parse().ok()?;
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        let [a, b, c, _] = address.octets();
        nets.push(format!("{a}.{b}.{c}.0/24"));
    }
    nets.dedup();
    match nets.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// The command line of `etcdutl` that makes a member's data directory in its container.
fn restore_command(config: &Config) -> String {
    let mut words = vec!["/usr/local/bin/etcdutl", "snapshot", "restore", "/snapshot.db"];
    let initial = initial_cluster(config);
    let advertised = joined(&config.initial_advertise_peer_urls);
    words.extend(["--name", &config.name, "--initial-cluster", &initial]);
    words.extend(["--initial-cluster-token", &config.initial_cluster_token]);
    words.extend(["--initial-advertise-peer-urls", &advertised]);
    words.extend(["--data-dir", &config.data_dir]);
    if let Some(dir) = &config.wal_dir {
        words.extend(["--wal-dir", dir]);
    }
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

/// `compose.yaml`: all members on one machine, each in a container.
pub(super) fn compose(plan: &Plan) -> String {
    let mut text = format!(
        "# All members on one machine. README.md says how to use it.\n\
         x-etcd: &etcd\n  image: {IMAGE}:v{}\n\nservices:\n",
        plan.release
    );
    let subnet = subnet(plan);
    for (number, member) in plan.members.iter().enumerate() {
        let Planned { label, config, certs } = member;
        let client = config.advertise_client_urls.first().map_or("", String::as_str);
        let mut dirs = vec![format!("{label}-data:{}", config.data_dir)];
        dirs.extend(config.wal_dir.iter().map(|dir| format!("{label}-wal:{dir}")));
        let line = |dir: &String| format!("      - '{dir}'\n");
        let volumes: String = dirs.iter().map(line).collect();
        let certs: String = certs::directories(certs)
            .into_iter()
            .map(|dir| line(&format!("./{label}/root{dir}:{dir}:ro")))
            .collect();
        let network = match &subnet {
            Some(_) => format!("ipv4_address: '{}'", host(member)),
            None => format!("aliases: ['{}']", host(member)),
        };
        let _ = write!(
            text,
            "  {label}:\n    <<: *etcd\n    command: ['/usr/local/bin/etcd']\n    \
             env_file: '{label}/etcd.env'\n    networks:\n      default:\n        \
             {network}\n    ports:\n      - '127.0.0.1:{published}:{port}'\n    \
             volumes:\n{volumes}{certs}    restart: unless-stopped\n  \
             restore-{label}:\n    <<: *etcd\n    profiles: ['restore']\n    \
             command: [{command}]\n    volumes:\n      - './snapshot.db:/snapshot.db:ro'\n{volumes}",
            published = 23791 + number,
            port = place(client).1,
            command = restore_command(config),
        );
    }
    text.push_str("\nvolumes:\n");
    for member in &plan.members {
        let _ = writeln!(text, "  {}-data: {{}}", member.label);
        if member.config.wal_dir.is_some() {
            let _ = writeln!(text, "  {}-wal: {{}}", member.label);
        }
    }
    if let Some(subnet) = subnet {
        let _ = write!(
            text,
            "\nnetworks:\n  default:\n    ipam:\n      config:\n        - subnet: '{subnet}'\n"
        );
    }
    text
}
