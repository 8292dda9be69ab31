//! The README of the archive: what is in it and what starts the cluster.

use std::fmt::Write as _;

use super::{Plan, certs};

/// How the first member is asked from this machine, with its certificates where it wants them.
fn question(plan: &Plan) -> String {
    let Some(first) = plan.members.first() else { return String::new() };
    let tls = &first.config.client_tls;
    if first.certs.is_empty() || tls.is_empty() {
        return "etcdctl --endpoints=127.0.0.1:23791 endpoint status -w table".to_owned();
    }
    let has = |path: &str| first.certs.iter().any(|(one, _)| one == path);
    let beside = tls.cert_file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let clients = ["client", "healthcheck-client"].map(|name| format!("{beside}/{name}"));
    let client = clients
        .iter()
        .find(|stem| has(&format!("{stem}.crt")) && has(&format!("{stem}.key")))
        .map_or((tls.cert_file.clone(), tls.key_file.clone()), |stem| {
            (format!("{stem}.crt"), format!("{stem}.key"))
        });
    let root = format!("{}/root", first.label);
    format!(
        "etcdctl --endpoints=https://127.0.0.1:23791 --cacert={root}{} \\\n  \
         --cert={root}{} --key={root}{} endpoint status -w table",
        tls.trusted_ca_file, client.0, client.1
    )
}

/// `README.md`.
pub(super) fn readme(plan: &Plan) -> String {
    let labels: Vec<&str> = plan.members.iter().map(|member| member.label.as_str()).collect();
    let mut text = format!(
        "# Your cluster\n\n\
         A snapshot of a cluster of Quorum Lab, taken on {} at revision {}, and what starts it \
         on real machines with etcd {}.\n\n\
         | file | what it is |\n|---|---|\n\
         | `snapshot.db` | the data, as `etcdctl snapshot save` writes it |\n\
         | `MEMBER/etcd.env` | the settings of a member |\n\
         | `MEMBER/restore.sh` | makes the member's data directory out of the snapshot |\n\
         | `MEMBER/etcd.service` | a systemd unit that runs the member |\n{certs}\
         | `compose.yaml` | all members in containers on one machine |\n\n\
         Members: {}.\n\n",
        plan.source,
        plan.revision,
        plan.release,
        labels.join(", "),
        certs = match plan.has_certs() {
            true =>
                "| `MEMBER/root` | its certificates and keys, under the paths they have there |\n",
            false => "",
        },
    );
    machines(&mut text, plan);
    containers(&mut text, plan);
    differences(&mut text, plan);
    text
}

/// The member's files, put where systemd finds them.
fn machines(text: &mut String, plan: &Plan) {
    text.push_str(
        "## On machines with systemd\n\n\
         Install `etcd` and `etcdutl` of that release (or a later patch) in `/usr/local/bin`. The \
         hosts in the URLs of `etcd.env` must resolve on every machine, by DNS or `/etc/hosts`; \
         or edit the URLs, in the files of all members alike.\n\
         Unpack this archive on each machine and, with its MEMBER:\n\n\
         ```\n\
         sudo useradd --system --shell /usr/sbin/nologin etcd\n\
         sudo MEMBER/restore.sh\n\
         sudo install -D -m 644 MEMBER/etcd.env /etc/etcd/etcd.env\n\
         sudo install -m 644 MEMBER/etcd.service /etc/systemd/system/etcd.service\n",
    );
    if plan.has_certs() {
        text.push_str("sudo cp -R MEMBER/root/. /\n");
        for dir in certs::directories(&plan.members[0].certs) {
            let _ = writeln!(text, "sudo chown -R etcd: {dir}");
        }
    }
    text.push_str(
        "sudo systemctl enable --now etcd\n```\n\n\
         A member is up when a quorum of them is.\n\n",
    );
}

/// All members on one machine.
fn containers(text: &mut String, plan: &Plan) {
    text.push_str("## In containers on one machine\n\n```\n");
    for member in &plan.members {
        let _ = writeln!(text, "docker compose run --rm restore-{}", member.label);
    }
    let _ = writeln!(text, "docker compose up --detach\n{}\n```\n", question(plan));
}

/// What is otherwise than in the lab.
fn differences(text: &mut String, plan: &Plan) {
    text.push_str(
        "## What is not the same\n\n\
         * The ids of the cluster and its members are new: `snapshot restore` makes them.\n\
         * Leases begin again with their full time to live. Alarms, users and roles are kept.\n",
    );
    if plan.has_certs() {
        text.push_str(
            "* Certificates and keys are the lab's own and no secret: issue others before anything \
             of value lies in this cluster. They name the hosts the members had in the lab.\n",
        );
    }
    if !plan.promoted.is_empty() {
        let _ = writeln!(text, "* Learners start as voters: {}.", plan.promoted.join(", "));
    }
    for url in &plan.left_out {
        let _ = writeln!(text, "* The member of {url} had not started and is left out.");
    }
    if !plan.live {
        text.push_str(
            "* No member ran: the data is what a stopped one had in its file, without what was \
             only in its log.\n",
        );
    }
}
