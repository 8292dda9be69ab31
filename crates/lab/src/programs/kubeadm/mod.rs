//! `kubeadm`, as far as looking after etcd needs it: its version, the certificates it made, and
//! `reset`. A host is joined by hand here: certificates and manifests lie where kubeadm puts
//! them.

mod reset;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::client::{Client, Kubeconfig};
use kube::value::{list, text};
use kube::yaml;
use pki::{Certificate, Issuer, PrivateKey, Template, Usage};
use serde_json::Value;
use sim::Sys;

use super::Program;
use super::calendar::Moment;
use crate::kubectl::tabwriter;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "kubeadm",
    summary: "look after a control plane that kubeadm made",
    usage: "kubeadm version [-o short|json|yaml]\nkubeadm certs check-expiration\n\
            kubeadm certs renew all|NAME\nkubeadm reset [-f]",
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const DIR: &str = "/etc/kubernetes";
const YEAR_S: i64 = 365 * 86_400;

/// A certificate kubeadm looks after: its name, its file below [`DIR`], its authority's name,
/// and what it is.
struct Managed(&'static str, &'static str, &'static str, &'static str);

/// By name, as lists show them.
const MANAGED: &[Managed] = &[
    Managed(
        "admin.conf",
        "admin.conf",
        "ca",
        "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself",
    ),
    Managed("apiserver", "pki/apiserver", "ca", "certificate for serving the Kubernetes API"),
    Managed(
        "apiserver-etcd-client",
        "pki/apiserver-etcd-client",
        "etcd-ca",
        "certificate the apiserver uses to access etcd",
    ),
    Managed(
        "apiserver-kubelet-client",
        "pki/apiserver-kubelet-client",
        "ca",
        "certificate for the API server to connect to kubelet",
    ),
    Managed(
        "controller-manager.conf",
        "controller-manager.conf",
        "ca",
        "certificate embedded in the kubeconfig file for the controller manager to use",
    ),
    Managed(
        "etcd-healthcheck-client",
        "pki/etcd/healthcheck-client",
        "etcd-ca",
        "certificate for liveness probes to healthcheck etcd",
    ),
    Managed(
        "etcd-peer",
        "pki/etcd/peer",
        "etcd-ca",
        "certificate for etcd nodes to communicate with each other",
    ),
    Managed("etcd-server", "pki/etcd/server", "etcd-ca", "certificate for serving etcd"),
    Managed(
        "front-proxy-client",
        "pki/front-proxy-client",
        "front-proxy-ca",
        "certificate for the front proxy client",
    ),
    Managed(
        "scheduler.conf",
        "scheduler.conf",
        "ca",
        "certificate embedded in the kubeconfig file for the scheduler manager to use",
    ),
    Managed(
        "super-admin.conf",
        "super-admin.conf",
        "ca",
        "certificate embedded in the kubeconfig file for the super-admin",
    ),
];

/// The authorities: name and file.
const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "pki/ca"), ("etcd-ca", "pki/etcd/ca"), ("front-proxy-ca", "pki/front-proxy-ca")];

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let done = match words.as_slice() {
        ["version", rest @ ..] => version(&sys, rest).await,
        ["certs" | "certificates", "check-expiration", ..] => Kubeadm(sys.clone()).check().await,
        ["certs" | "certificates", "renew", name, ..] => Kubeadm(sys.clone()).renew(name).await,
        ["certs" | "certificates", "renew"] => Err("missing subcommand; \"renew\" is not meant \
             to be run on its own"
            .to_owned()),
        ["certs" | "certificates", "certificate-key"] => {
            let key: [u8; 32] = kube::value::draw(&sys);
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            sys.print(&format!("{key}\n")).await;
            Ok(())
        }
        ["reset", rest @ ..] => Kubeadm(sys.clone()).reset(rest).await,
        [] => {
            sys.print(&format!("{}\n", PROGRAM.usage)).await;
            return 0;
        }
        [word, ..] => Err(format!("unknown command \"{word}\" for \"kubeadm\"")),
    };
    match done {
        Ok(()) => 0,
        Err(why) => {
            let hint = if why.starts_with("unknown ") || why.starts_with("missing ") {
                "\nTo see the stack trace of this error execute with --v=5 or higher"
            } else {
                ""
            };
            sys.eprint(&format!("error: {why}{hint}\n")).await;
            1
        }
    }
}

async fn version(sys: &Sys, rest: &[&str]) -> Result<(), String> {
    let mut info = kube::version_info();
    let format = match rest {
        [] => "",
        ["-o" | "--output", format] => format,
        [one] => one
            .strip_prefix("-o=")
            .or(one.strip_prefix("--output="))
            .or(one.strip_prefix("-o"))
            .ok_or_else(|| format!("unknown flag: {one}"))?,
        _ => return Err("unknown flags".to_owned()),
    };
    if let Some(map) = info.as_object_mut() {
        map.retain(|name, _| !name.starts_with("emulation") && !name.starts_with("minComp"));
    }
    let part = |name: &str| text(&info, name).to_owned();
    let shown = match format {
        "short" => format!("{}\n", kube::VERSION),
        "yaml" => yaml::print(&serde_json::json!({"clientVersion": info})),
        "json" => {
            let all = serde_json::json!({"clientVersion": info});
            format!("{}\n", serde_json::to_string_pretty(&all).unwrap_or_default())
        }
        "" => format!(
            "kubeadm version: &version.Info{{Major:\"{}\", Minor:\"{}\", EmulationMajor:\"\", \
             EmulationMinor:\"\", MinCompatibilityMajor:\"\", MinCompatibilityMinor:\"\", \
             GitVersion:\"{}\", GitCommit:\"{}\", GitTreeState:\"{}\", BuildDate:\"{}\", \
             GoVersion:\"{}\", Compiler:\"{}\", Platform:\"{}\"}}\n",
            part("major"),
            part("minor"),
            part("gitVersion"),
            part("gitCommit"),
            part("gitTreeState"),
            part("buildDate"),
            part("goVersion"),
            part("compiler"),
            part("platform"),
        ),
        other => return Err(format!("invalid output format: {other}")),
    };
    sys.print(&shown).await;
    Ok(())
}

/// What a certificate's column says of the time it has left.
fn residual(seconds: i64) -> String {
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..YEAR_S => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / YEAR_S),
    }
}

/// One call of the program.
struct Kubeadm(Sys);

impl Kubeadm {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let path = format!("{DIR}/{path}");
        let bytes = self
            .0
            .read_file(&path)
            .map_err(|errno| format!("open {path}: {}", errno.to_string().to_lowercase()))?;
        Ok(bytes.to_vec())
    }

    fn exists(&self, path: &str) -> bool {
        self.0.stat(&format!("{DIR}/{path}")).is_ok()
    }

    fn now_s(&self) -> i64 {
        i64::try_from(self.0.wall_us() / 1_000_000).unwrap_or_default()
    }

    /// The cluster's configuration, and whether its etcd is external. A cluster that does not
    /// answer does not stop the work.
    async fn settings(&self, title: &str) -> bool {
        let Self(sys) = self;
        if let Ok(config) = Kubeconfig::load(sys, &format!("{DIR}/admin.conf"), None) {
            sys.print(&format!(
                "[{title}] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \
                 \"kube-system\"...\n[{title}] Use 'kubeadm init phase upload-config kubeadm \
                 --config your-config-file' to re-upload it.\n"
            ))
            .await;
            let client = Client::new(sys, config, "kubeadm");
            let path = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
            if let Ok(map) = client.get(path).await {
                sys.print("\n").await;
                let config = yaml::parse(text(&map, "data.ClusterConfiguration"));
                return config.is_ok_and(|config| config["etcd"]["external"].is_object());
            }
            sys.print(&format!(
                "[{title}] Error reading configuration from the Cluster. Falling back to default \
                 configuration\n\n"
            ))
            .await;
        }
        false
    }

    /// Those kubeadm looks after in this cluster.
    fn managed(external: bool) -> impl Iterator<Item = &'static Managed> {
        MANAGED.iter().filter(move |it| !external || it.2 != "etcd-ca")
    }

    fn certificate(&self, Managed(_, path, ..): &Managed) -> Result<Certificate, String> {
        let pem = if path.ends_with(".conf") {
            let config = yaml::parse(&String::from_utf8_lossy(&self.read(path)?))?;
            let data = text(user_of(&config), "client-certificate-data").to_owned();
            STANDARD.decode(data).map_err(|_| format!("{path} holds no certificate"))?
        } else {
            self.read(&format!("{path}.crt"))?
        };
        let all = Certificate::from_pem(&pem).map_err(|error| error.to_string())?;
        all.into_iter().next().ok_or_else(|| format!("{path} holds no certificate"))
    }

    async fn check(&self) -> Result<(), String> {
        let external = self.settings("check-expiration").await;
        let line = |certificate: &Certificate| {
            let until = Moment::from_us(certificate.not_after_s * 1_000_000);
            let left = residual(certificate.not_after_s - self.now_s());
            format!("{}\t{left}", until.format("%b %d, %Y %H:%M UTC"))
        };
        let managed_elsewhere = |authority: &str| {
            let path =
                AUTHORITIES.iter().find(|(name, _)| *name == authority).map_or("", |it| it.1);
            let elsewhere = authority != "etcd-ca" && !self.exists(&format!("{path}.key"));
            format!("{:<8}", if elsewhere { "yes" } else { "no" })
        };
        let mut out = String::from(
            "CERTIFICATE\tEXPIRES\tRESIDUAL TIME\tCERTIFICATE AUTHORITY\tEXTERNALLY MANAGED\n",
        );
        for one in Self::managed(external) {
            let Managed(name, path, authority, _) = one;
            if !self.exists(path) && !self.exists(&format!("{path}.crt")) {
                out.push_str(&format!("!MISSING! {name}\t\t\t\t\n"));
                continue;
            }
            let shown = line(&self.certificate(one)?);
            out.push_str(&format!(
                "{name}\t{shown}\t{authority}\t{}\n",
                managed_elsewhere(authority)
            ));
        }
        out.push_str("\nCERTIFICATE AUTHORITY\tEXPIRES\tRESIDUAL TIME\tEXTERNALLY MANAGED\n");
        for (name, path) in AUTHORITIES.iter().filter(|it| !external || it.0 != "etcd-ca") {
            if !self.exists(&format!("{path}.crt")) {
                out.push_str(&format!("!MISSING! {name}\t\t\t\n"));
                continue;
            }
            let shown = line(&self.authority_certificate(path)?);
            out.push_str(&format!("{name}\t{shown}\t{}\n", managed_elsewhere(name)));
        }
        self.0.print(&tabwriter(&out, 10, 3)).await;
        Ok(())
    }

    fn authority_certificate(&self, path: &str) -> Result<Certificate, String> {
        let pem = self.read(&format!("{path}.crt"))?;
        let all = Certificate::from_pem(&pem).map_err(|error| error.to_string())?;
        all.into_iter().next().ok_or_else(|| format!("{path}.crt holds no certificate"))
    }

    async fn renew(&self, name: &str) -> Result<(), String> {
        if name != "all" && !MANAGED.iter().any(|it| it.0 == name) {
            return Err(format!("unknown command \"{name}\" for \"kubeadm certs renew\""));
        }
        let external = self.settings("renew").await;
        for one in Self::managed(external).filter(|it| name == "all" || it.0 == name) {
            let text = self.renew_one(one)?;
            self.0.print(&text).await;
        }
        if name == "all" {
            self.0
                .print(
                    "\nDone renewing certificates. You must restart the kube-apiserver, \
                     kube-controller-manager, kube-scheduler and etcd, so that they can use the new \
                     certificates.\n",
                )
                .await;
        }
        Ok(())
    }

    fn renew_one(&self, one: &Managed) -> Result<String, String> {
        let Managed(_, path, authority, what) = one;
        if !self.exists(path) && !self.exists(&format!("{path}.crt")) {
            return Ok(format!("MISSING! {what}\n"));
        }
        let base = AUTHORITIES.iter().find(|(name, _)| name == authority).map_or("", |it| it.1);
        if !self.exists(&format!("{base}.key")) {
            let base = base.trim_start_matches("pki/");
            return Ok(format!("Detected external {base}, {what} can't be renewed\n"));
        }
        let old = self.certificate(one)?;
        let certificate = self.authority_certificate(base)?;
        let key = PrivateKey::from_pem(&self.read(&format!("{base}.key"))?)
            .map_err(|error| error.to_string())?;
        let issuer = Issuer { certificate, key };
        let usages: Vec<Usage> = [Usage::ServerAuth, Usage::ClientAuth]
            .into_iter()
            .filter(|usage| old.usages.iter().any(|oid| oid == usage.oid()))
            .collect();
        let key = PrivateKey::from_seed(self.0.draw(), what);
        let names = old.names.unwrap_or_default();
        let new = Template::leaf(old.subject, &usages, names)
            .valid(issuer.certificate.not_before_s, self.now_s() + YEAR_S)
            .issue(&key, &issuer);
        self.put(path, &new.to_pem(), &key.to_pem())?;
        Ok(format!("{what} renewed\n"))
    }

    fn put(&self, path: &str, certificate: &str, key: &str) -> Result<(), String> {
        let write = |path: &str, text: &str| {
            let path = format!("{DIR}/{path}");
            self.0
                .write_file(&path, text.as_bytes())
                .map_err(|errno| format!("open {path}: {}", errno.to_string().to_lowercase()))
        };
        if !path.ends_with(".conf") {
            write(&format!("{path}.key"), key)?;
            return write(&format!("{path}.crt"), certificate);
        }
        let mut config = yaml::parse(&String::from_utf8_lossy(&self.read(path)?))?;
        let name = user_name(&config).to_owned();
        let users = config.get_mut("users").and_then(Value::as_array_mut);
        for user in users.into_iter().flatten() {
            if text(user, "name") == name {
                kube::value::set(
                    user,
                    "user.client-certificate-data",
                    STANDARD.encode(certificate),
                );
                kube::value::set(user, "user.client-key-data", STANDARD.encode(key));
            }
        }
        write(path, &yaml::print(&config))
    }
}

/// The name of the user of a kubeconfig's current context.
fn user_name(config: &Value) -> &str {
    let current = text(config, "current-context");
    let context = list(config, "contexts").iter().find(|it| text(it, "name") == current);
    context.map_or("", |it| text(it, "context.user"))
}

/// The credentials of that user.
fn user_of(config: &Value) -> &Value {
    let name = user_name(config);
    let user = list(config, "users").iter().find(|it| text(it, "name") == name);
    user.and_then(|it| it.get("user")).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_short() {
        let day_s = 86_400;
        for (seconds, want) in [
            (-10, "<invalid>"),
            (59, "59s"),
            (7200, "2h"),
            (YEAR_S - 1, "364d"),
            (10 * YEAR_S - day_s, "9y"),
        ] {
            assert_eq!(residual(seconds), want);
        }
    }
}
