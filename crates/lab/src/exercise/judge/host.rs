//! Asks what `predicate/host.rs` can ask: of units, owners, processes, certificates.

use etcd::{Config, InitialState, MemberId};
use sim::{HostId, Stat, TlsClient, cred};

use super::{Evidence, Moment, fits, yes};
use crate::exercise::predicate::{Greets, Journal, Locked, MemberRuns, Owned, Port, UnitIs};
use crate::systemd::seen::{self, Seen};

/// The value a flag has in effect, whatever set it: the command line, a variable, a file. The
/// outer none says that this flag is not among those known here, the inner one that it is as
/// if it were not given.
pub(in crate::exercise) fn effective(config: &Config, flag: &str) -> Option<Option<String>> {
    let default = Config::new(&config.name, config.release);
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    let set = |value: String, unset: String| (value != unset).then_some(value);
    let on = |value: bool| value.then(|| "true".to_owned());
    let urls = |of: &Config, get: fn(&Config) -> &Vec<String>| get(of).join(",");
    let list = |get: fn(&Config) -> &Vec<String>| set(urls(config, get), urls(&default, get));
    let number = |get: fn(&Config) -> u64| set(get(config).to_string(), get(&default).to_string());
    let cluster = |of: &Config| {
        let pairs = of.initial_cluster.iter();
        let pairs = pairs.flat_map(|(name, urls)| urls.iter().map(move |url| (name, url)));
        pairs.map(|(name, url)| format!("{name}={url}")).collect::<Vec<_>>().join(",")
    };
    let (client, peer) = (&config.client_tls, &config.peer_tls);
    Some(match flag {
        "--name" => text(&config.name),
        "--data-dir" => text(&config.data_dir),
        "--wal-dir" => config.wal_dir.clone(),
        "--listen-peer-urls" => list(|it| &it.listen_peer_urls),
        "--listen-client-urls" => list(|it| &it.listen_client_urls),
        "--initial-advertise-peer-urls" => list(|it| &it.initial_advertise_peer_urls),
        "--advertise-client-urls" => list(|it| &it.advertise_client_urls),
        "--initial-cluster" => set(cluster(config), cluster(&default)),
        "--initial-cluster-state" => Some(match config.initial_cluster_state {
            InitialState::New => "new".to_owned(),
            InitialState::Existing => "existing".to_owned(),
        }),
        "--initial-cluster-token" => text(&config.initial_cluster_token),
        "--heartbeat-interval" => number(|it| it.heartbeat_ms),
        "--election-timeout" => number(|it| it.election_ms),
        "--snapshot-count" => number(|it| it.snapshot_count),
        "--quota-backend-bytes" => set(config.quota_bytes.to_string(), "0".to_owned()),
        "--force-new-cluster" => on(config.force_new_cluster),
        "--client-cert-auth" => on(client.client_cert_auth),
        "--cert-file" => text(&client.cert_file),
        "--key-file" => text(&client.key_file),
        "--trusted-ca-file" => text(&client.trusted_ca_file),
        "--peer-client-cert-auth" => on(peer.client_cert_auth),
        "--peer-cert-file" => text(&peer.cert_file),
        "--peer-key-file" => text(&peer.key_file),
        "--peer-trusted-ca-file" => text(&peer.trusted_ca_file),
        _ => return None,
    })
}

impl Moment<'_> {
    fn name(&self, host: HostId) -> String {
        self.hosts[usize::from(host.0)].clone()
    }

    fn uid_of(&self, host: HostId, name: &str) -> Option<u32> {
        if let Ok(number) = name.parse() {
            return Some(number);
        }
        let passwd = self.world.read_file(host, "/etc/passwd").ok()?;
        let users = cred::users(&String::from_utf8_lossy(&passwd));
        users.into_iter().find(|user| user.name == name).map(|user| user.uid)
    }

    fn user_of(&self, host: HostId, uid: u32) -> String {
        let passwd = self.world.read_file(host, "/etc/passwd").unwrap_or_default();
        let users = cred::users(&String::from_utf8_lossy(&passwd));
        let found = users.into_iter().find(|user| user.uid == uid);
        found.map_or_else(|| uid.to_string(), |user| user.name)
    }

    /// The unit the member of a host runs under: its main process is the member's, or one that
    /// started it.
    fn member_unit(&self, host: HostId, services: &[Seen]) -> Option<Seen> {
        let pid = self.world.member_pid(host)?;
        let ps = self.world.ps(host);
        let mut at = Some(pid);
        while let Some(pid) = at {
            if let Some(unit) = services.iter().find(|unit| unit.main == Some(pid.0)) {
                return Some(unit.clone());
            }
            at = ps.iter().find(|it| it.pid == pid).and_then(|it| it.parent);
        }
        None
    }

    pub(in crate::exercise) fn unit(&self, wanted: &UnitIs) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let services = seen::services(self.world, host);
        let unit = match &wanted.name {
            Some(name) => {
                let full =
                    if name.contains('.') { name.clone() } else { format!("{name}.service") };
                services.into_iter().find(|unit| unit.name == full)?
            }
            None => self.member_unit(host, &services)?,
        };
        let set = wanted.set.iter().all(|(key, pattern)| {
            let values = unit.settings.get(key).map(Vec::as_slice).unwrap_or_default();
            values.iter().any(|value| fits(pattern, value))
        });
        let fit = wanted.is.as_ref().is_none_or(|is| *is == unit.active)
            && wanted.enabled.is_none_or(|is| is == unit.enabled(self.world, host))
            && wanted.stale.is_none_or(|is| is == unit.stale(self.world, host))
            && set;
        let error = format!("{} ({}), result {}", unit.active, unit.sub, unit.result);
        fit.then(|| {
            Evidence::from([
                ("host", wanted.host.clone()),
                ("value", unit.name.clone()),
                ("error", error),
            ])
        })
    }

    /// The path that is meant, and the directory a relative one starts from.
    fn path_meant(&self, host: HostId, path: &str) -> Option<String> {
        let Some(name) = path.strip_prefix('@') else { return Some(path.to_owned()) };
        if name == "data-dir" {
            return self.world.data_dir(host);
        }
        effective(&self.world.config(host)?, &format!("--{name}"))?
    }

    pub(in crate::exercise) fn owned(&self, wanted: &Owned) -> Option<Evidence> {
        let host = self.host(&wanted.host)?;
        let path = self.path_meant(host, &wanted.path)?;
        let mut all = vec![path.clone()];
        if wanted.deep {
            let below = self.world.files(host, &path);
            all.extend(below.into_iter().map(|(file, _)| format!("{path}/{file}")));
        }
        let by = match wanted.by.as_deref() {
            Some("@member") => Some(self.member_uid(host)?),
            Some(name) => Some(self.uid_of(host, name)?),
            None => None,
        };
        let not_by = wanted.not_by.as_deref().and_then(|name| self.uid_of(host, name));
        let mut bad = None;
        let fit = |stat: &Stat| {
            by.is_none_or(|uid| stat.uid == uid)
                && (wanted.not_by.is_none() || Some(stat.uid) != not_by)
                && wanted.private.is_none_or(|private| private == (stat.mode & 0o077 == 0))
        };
        for path in all {
            let stat = self.world.stat(host, &path).ok()?;
            if !fit(&stat) {
                return None;
            }
            bad = Some((path, stat));
        }
        let mode = wanted.mode.as_ref().map(|mode| u16::from_str_radix(mode, 8));
        let top = self.world.stat(host, &path).ok()?;
        if mode.is_some_and(|mode| mode != Ok(top.mode & 0o7777)) {
            return None;
        }
        let (path, stat) = bad?;
        Some(Evidence::from([
            ("host", wanted.host.clone()),
            ("value", path),
            ("error", format!("{} {:04o}", self.user_of(host, stat.uid), stat.mode & 0o7777)),
        ]))
    }

    fn member_uid(&self, host: HostId) -> Option<u32> {
        let pid = self.world.member_pid(host)?;
        self.world.ps(host).into_iter().find(|it| it.pid == pid).map(|it| it.uid)
    }

    pub(in crate::exercise) fn member_process(&self, wanted: &MemberRuns) -> Option<Evidence> {
        let hosts = match &wanted.host {
            Some(host) => vec![self.host(host)?],
            None => self.members().into_iter().map(|(host, _)| host).collect(),
        };
        let mut evidence = None;
        for host in hosts {
            let pid = self.world.member_pid(host)?;
            let process = self.world.ps(host).into_iter().find(|it| it.pid == pid)?;
            let user = self.user_of(host, process.uid);
            let fit = wanted.user.as_ref().is_none_or(|name| *name == user)
                && wanted.not_user.as_ref().is_none_or(|name| *name != user)
                && wanted.restarted.is_none_or(|is| is == (process.start_us >= self.began_us));
            if !fit {
                return None;
            }
            evidence = Some(Evidence::from([("host", self.name(host)), ("value", user)]));
        }
        evidence
    }

    pub(in crate::exercise) fn locked(&self, wanted: &Locked) -> Option<Evidence> {
        let hosts = match &wanted.hosts {
            Some(names) => names.iter().map(|name| self.host(name)).collect::<Option<Vec<_>>>()?,
            None => self.members().into_iter().map(|(host, _)| host).collect(),
        };
        let nobody = TlsClient { insecure_skip_verify: true, ..TlsClient::default() };
        let peers = wanted.port == Port::Peer;
        let locked = |host: &HostId| {
            let Some(config) = self.world.config(*host) else { return false };
            let urls = if peers { &config.listen_peer_urls } else { &config.listen_client_urls };
            // One port in clear is an open door, whatever the others are.
            urls.iter().all(|url| url.starts_with("https://"))
                && self.world.would_shake(*host, peers, &nobody).is_some_and(|it| it.is_err())
        };
        yes(!hosts.is_empty() && hosts.iter().all(locked))
    }

    pub(in crate::exercise) fn greets(&self, wanted: &Greets) -> Option<Evidence> {
        let (host, from) = (self.host(&wanted.host)?, self.host(&wanted.from)?);
        let read = |path: &str| match path {
            "" => Some(bytes::Bytes::new()),
            path => self.world.read_file(from, path).ok(),
        };
        let client = TlsClient {
            roots: read(&wanted.ca)?,
            certificate: read(&wanted.cert)?,
            key: read(&wanted.key)?,
            server_name: wanted.host.clone(),
            insecure_skip_verify: false,
        };
        let shaken = self.world.would_shake(host, wanted.port == Port::Peer, &client)?;
        let error = shaken.as_ref().err().map(ToString::to_string);
        let fit = match &wanted.error {
            None => error.is_none(),
            Some(text) => error.as_ref().is_some_and(|error| error.contains(text)),
        };
        fit.then(|| {
            let error = error.unwrap_or_default();
            Evidence::from([("host", wanted.host.clone()), ("error", error)])
        })
    }

    pub(in crate::exercise) fn journal(&self, wanted: &Journal) -> Option<Evidence> {
        let hosts = match &wanted.host {
            Some(host) => vec![self.host(host)?],
            None => {
                (0..self.hosts.len()).filter_map(|no| u8::try_from(no).ok()).map(HostId).collect()
            }
        };
        hosts.into_iter().find_map(|host| {
            let past_us = self.now_us - self.began_us;
            let since_us = self.world.wall_us(host).saturating_sub(past_us);
            let line = self.world.journal_line(host, since_us, &wanted.says)?;
            Some(Evidence::from([("host", self.name(host)), ("error", line.trim().to_owned())]))
        })
    }

    pub(in crate::exercise) fn rebooted(&self, wanted: &str) -> Option<Evidence> {
        let host = self.host(wanted)?;
        if self.world.host_power(host) == sim::Power::Off {
            return None;
        }
        let first = self.world.ps(host).into_iter().find(|it| it.pid == sim::Pid(1))?;
        yes(first.start_us >= self.began_us)
    }

    /// No running member's id is one that its URLs and this token make.
    pub(in crate::exercise) fn token_not(&self, token: &str) -> Option<Evidence> {
        let members = self.members();
        let made = |member: &etcd::MemberStatus| {
            let own = member.members.iter().find(|it| it.id == member.id);
            own.is_some_and(|it| MemberId::derive(&it.peer_urls, token, None) == it.id)
        };
        yes(!members.is_empty() && !members.iter().any(|(_, member)| made(member)))
    }
}
