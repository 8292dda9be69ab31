//! `sim`: changes the world around the cluster, from a shell. The same lines as the page's
//! buttons, so that a tutor and a learner speak with one mouth.

use etcd::Role;
use sim::{Fault, HostId, Power, Sys};

use super::{Program, Running, etcd as server};
use crate::session::speed_text;
use crate::simctl::{self, SimCommand};
use crate::worlds::PKI_DIR;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "sim",
    summary: "change the world: kill, freeze, partition, slow down, grow",
    usage: "sim VERB [ARGUMENT...]",
    run,
    complete: Some(complete),
};

const ETCDCTL: &str = "/usr/local/bin/etcdctl";
const DATA_DIR: &str = "/var/lib/etcd";

fn run(sys: Sys) -> Running {
    Box::pin(async move {
        match try_run(&sys).await {
            Ok(text) => {
                sys.print(&text).await;
                0
            }
            Err(sentence) => {
                sys.eprint(&format!("sim: {sentence}\n")).await;
                1
            }
        }
    })
}

fn complete(sys: &[String]) -> Vec<String> {
    let hosts: Vec<String> = (1..=9).map(|n| format!("n{n}")).collect();
    simctl::complete(sys, &hosts)
}

async fn try_run(sys: &Sys) -> Result<String, String> {
    let args = sys.args();
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let names = sys.host_names();
    let verb = words.first().copied().unwrap_or_default();
    if let Some(why) = sys.note(&simctl::forbidden_note(verb)) {
        return Err(why);
    }
    match simctl::parse(&words, &names)? {
        SimCommand::Fault(fault) => inject(sys, fault),
        SimCommand::Start { host, args } if args.is_empty() => {
            inject(sys, Fault::Start { host, config: None, argv: Vec::new() })
        }
        SimCommand::Start { host, args } => start(sys, host, &args),
        SimCommand::Speed(speed) => {
            sys.tell_session(speed_text(speed));
            Ok(String::new())
        }
        SimCommand::Add { host, learner } => add(sys, host, learner).await,
        SimCommand::Promote(host) => {
            let id = member_on(sys, host).await?;
            etcdctl(sys, &["member", "promote", &id]).await.map(said)
        }
        SimCommand::Remove(host) => {
            let id = member_on(sys, host).await?;
            etcdctl(sys, &["member", "remove", &id]).await.map(said)
        }
        SimCommand::Status => Ok(status(sys)),
        SimCommand::Help(verb) => Ok(simctl::help(verb)),
    }
}

/// What etcdctl answered, marked as ours for the story.
fn said(output: String) -> String {
    output.lines().take(1).map(|line| format!("sim: {line}\n")).collect()
}

fn inject(sys: &Sys, fault: Fault) -> Result<String, String> {
    sys.inject(fault).map(|()| String::new()).map_err(|error| error.to_string())
}

fn start(sys: &Sys, host: HostId, args: &[String]) -> Result<String, String> {
    let (config, argv) = server::configure(&sys.release_on(host, "/usr/local/bin/etcd"), args)?;
    inject(sys, Fault::Start { host, config: Some(Box::new(config)), argv })
}

/// Adds a member as an operator does: `member add`, an empty data directory, and the flags
/// that etcdctl printed.
async fn add(sys: &Sys, host: HostId, learner: bool) -> Result<String, String> {
    let name = sys.host_names()[usize::from(host.0)].clone();
    match sys.host_power(host) {
        Power::Running | Power::Frozen => return Err(format!("a member runs on {name} already")),
        Power::Off => return Err(format!("{name} is off")),
        Power::Idle | Power::Stopped => {}
    }
    let scheme = if has_certificates(sys) { "https" } else { "http" };
    let peer_urls = format!("--peer-urls={scheme}://{name}:2380");
    let mut words = vec!["member", "add", &name, &peer_urls];
    if learner {
        words.push("--learner");
    }
    let output = etcdctl(sys, &words).await?;
    let initial_cluster = output
        .lines()
        .find_map(|line| line.strip_prefix("ETCD_INITIAL_CLUSTER=\"")?.strip_suffix('"'))
        .ok_or("etcdctl did not print ETCD_INITIAL_CLUSTER")?;
    sys.wipe_on(host, DATA_DIR).map_err(|error| format!("{name}:{DATA_DIR}: {error}"))?;
    let mut flags = crate::worlds::member_flags(&name, initial_cluster);
    flags.push("--initial-cluster-state=existing".into());
    start(sys, host, &flags)?;
    Ok(said(output.clone()))
}

/// The id of the member whose peer URL names a host.
async fn member_on(sys: &Sys, host: HostId) -> Result<String, String> {
    let name = &sys.host_names()[usize::from(host.0)];
    let list = etcdctl(sys, &["member", "list"]).await?;
    let place = format!("//{name}:");
    let row = list.lines().find(|line| line.contains(&place));
    let id = row.and_then(|line| line.split(',').next());
    id.map(|id| id.trim().to_string()).ok_or_else(|| format!("the cluster has no member on {name}"))
}

/// Whether this world was made with certificates.
fn has_certificates(sys: &Sys) -> bool {
    sys.stat(&format!("{PKI_DIR}/client.crt")).is_ok()
}

/// What etcd does not say of its own rules.
fn hint(error: &str) -> &'static str {
    match error {
        "etcdserver: unhealthy cluster" => {
            " (etcd wants every voter connected for 5 s before it changes who they are)"
        }
        _ => "",
    }
}

/// Runs etcdctl against every member that runs, and answers with what it printed.
async fn etcdctl(sys: &Sys, words: &[&str]) -> Result<String, String> {
    let names = sys.host_names();
    let running = sys.members();
    let endpoints: Vec<String> = running
        .iter()
        .filter(|(_, status)| !status.is_learner)
        .map(|(host, _)| format!("{}:2379", names[usize::from(host.0)]))
        .collect();
    if endpoints.is_empty() {
        return Err("no member runs that could be asked".into());
    }
    let endpoints = format!("--endpoints={}", endpoints.join(","));
    let mut argv = vec!["etcdctl", &endpoints];
    let secure = ["cacert=%/ca.crt", "cert=%/client.crt", "key=%/client.key"]
        .map(|flag| format!("--{}", flag.replace('%', PKI_DIR)));
    if has_certificates(sys) {
        argv.extend(secure.iter().map(String::as_str));
    }
    argv.extend(words);
    let (exit, stdout, stderr) =
        super::capture(sys, ETCDCTL, &argv).await.map_err(|error| format!("{ETCDCTL}: {error}"))?;
    if exit == 0 {
        return Ok(stdout);
    }
    // The last line is etcdctl's own sentence; what comes before is the client's log.
    let error = stderr.lines().last().unwrap_or("etcdctl failed");
    let why = error.trim_start_matches("Error: ");
    Err(format!("etcdctl {}: {why}{}", words.join(" "), hint(why)))
}

/// Hosts, members, links and the quorum, as a table.
fn status(sys: &Sys) -> String {
    let names = sys.host_names();
    let members = sys.members();
    let wide = names.iter().map(|name| name.len() + 2).max().unwrap_or(0).max(6);
    let mut out = format!(
        "{:<wide$}{:<10}{:<14}{:>5}{:>9}{:>9}{:>10}\n",
        "HOST", "STATE", "ROLE", "TERM", "COMMIT", "APPLIED", "REVISION"
    );
    for (place, name) in names.iter().enumerate() {
        let host = HostId(u8::try_from(place).expect("a world has few hosts"));
        let state = format!("{:?}", sys.host_power(host)).to_lowercase();
        out.push_str(&format!("{name:<wide$}{state:<10}"));
        match members.iter().find(|(at, _)| *at == host) {
            Some((_, status)) => {
                let role = format!("{:?}", status.role).to_lowercase();
                out.push_str(&format!(
                    "{role:<14}{:>5}{:>9}{:>9}{:>10}\n",
                    status.term, status.commit, status.applied, status.revision
                ));
            }
            None => out.push_str("-\n"),
        }
    }
    for link in sys.links() {
        let [from, to] = [link.from, link.to].map(|host| names[usize::from(host.0)].as_str());
        let state =
            if link.cut { "cut".to_string() } else { format!("{} ms", link.latency_us / 1000) };
        let percent = |rate: u16| format!("{}.{:02}%", rate / 100, rate % 100);
        out.push_str(&format!(
            "link {from} -> {to}: {state}, loss {}, duplicates {}\n",
            percent(link.loss_per_10k),
            percent(link.duplicate_per_10k)
        ));
    }
    let newest = members.iter().max_by_key(|(_, status)| status.applied);
    if let Some((_, status)) = newest {
        let voters = status.voters.len();
        let leader = members.iter().find(|(_, status)| status.role == Role::Leader);
        let leader = leader.map_or("nobody", |(host, _)| names[usize::from(host.0)].as_str());
        out.push_str(&format!("voters {voters}, quorum {}, leader {leader}\n", voters / 2 + 1));
    }
    out
}
