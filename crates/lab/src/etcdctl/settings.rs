//! From flags and environment to a client's settings: `clientConfigFromCmd` and what it calls.

use sim::Sys;

use super::Ctl;
use super::client::{Client, Failure, Secure, Spec};
use super::exit::{BAD_ARGS, BAD_CONNECTION, BAD_FEATURE, ERROR, Exit};
use super::flags::Flags;
use super::go::{addr, json};
use super::password;
use super::printer::Printer;

/// What a command knows once it has looked at the environment.
#[derive(Clone)]
pub struct Settings {
    /// The flags with the variables in them.
    pub flags: Flags,
    /// How to connect.
    pub spec: Spec,
    /// How to print.
    pub printer: Printer,
}

impl Settings {
    /// When a command that starts now must be done.
    pub fn deadline_us(&self, sys: &Sys) -> Option<u64> {
        Some(sys.mono_us() + self.flags.duration_us("command-timeout"))
    }
}

impl Ctl {
    /// Reads the environment, checks files and formats, and says what etcdctl says of them.
    pub async fn settings(&self) -> Result<Settings, Exit> {
        let flags = self.environment().await?;
        if flags.bool("debug") {
            self.debug(&flags).await;
        }
        self.discover(&flags)?;
        // The resolver trims what the command line may have blanks around.
        let endpoints = flags.list("endpoints").iter().map(|item| item.trim().to_owned()).collect();
        for name in ["cert", "key", "cacert"] {
            if flags.text(name).is_empty() && flags.changed(name) {
                let text = format!("empty string is passed to --{name} option");
                return Err(Exit::new(BAD_ARGS, text));
            }
        }
        let user = match flags.text("user") {
            "" => None,
            user => Some(credentials(self, user, flags.text("password"), "Password: ").await?),
        };
        let write_out = flags.text("write-out");
        let printer = Printer::named(write_out, flags.bool("hex"), self.release.is_3_6())
            .ok_or_else(|| Exit::new(BAD_FEATURE, "unsupported output format"))?;
        let spec = Spec { endpoints, user, ..self.spec_of(&flags, "")? };
        Ok(Settings { flags, spec, printer })
    }

    /// What flags say of connecting, but to whom and as whom.
    pub(super) fn spec_of(&self, flags: &Flags, prefix: &str) -> Result<Spec, Exit> {
        let tls = self.tls(flags, prefix).map_err(|error| Exit::new(BAD_ARGS, error))?;
        let max_send_bytes = match u64::try_from(flags.int("max-request-bytes")) {
            Ok(0) | Err(_) => 2 * 1024 * 1024,
            Ok(bytes) => bytes,
        };
        Ok(Spec { endpoints: Vec::new(), tls, max_send_bytes, user: None })
    }

    /// A client over all endpoints.
    pub async fn client(&self) -> Result<(Client, Settings), Exit> {
        let settings = self.settings().await?;
        let client = self.connect(&settings.spec).await?;
        Ok((client, settings))
    }

    /// A client of a given specification, logged in if it names a user.
    pub async fn connect(&self, spec: &Spec) -> Result<Client, Exit> {
        if spec.endpoints.is_empty() {
            return Err(Exit::new(BAD_CONNECTION, "etcdclient: no available endpoints"));
        }
        let client = Client::new(&self.sys, self.release, "etcd-client", spec);
        self.log_in(&client).await.map_err(|error| Exit::new(BAD_CONNECTION, error))?;
        Ok(client)
    }

    /// Logs a new client in, which may take as long as dialing.
    pub async fn log_in(&self, client: &Client) -> Result<(), Failure> {
        let dial_us = self.flags.duration_us("dial-timeout");
        client.log_in(Some(self.sys.mono_us() + dial_us).filter(|_| dial_us > 0)).await
    }

    /// `--discovery-srv` looks for SRV records of a domain; no domain of the lab has any.
    fn discover(&self, flags: &Flags) -> Result<(), Exit> {
        let (domain, name) = (flags.text("discovery-srv"), flags.text("discovery-srv-name"));
        if domain.is_empty() {
            return Ok(());
        }
        let suffix = if name.is_empty() { String::new() } else { format!("-{name}") };
        let missing = |service: &str| {
            format!("lookup _{service}{suffix}._tcp.{domain} on 10.255.255.53:53: no such host")
        };
        let (secure, plain) = (missing("etcd-client-ssl"), missing("etcd-client"));
        Err(Exit::new(ERROR, format!("dns lookup errors: {secure} and {plain}")))
    }

    /// `flags.SetPflagsFromEnv`: fills the inherited flags that the command line left alone,
    /// and says what it thinks of the other variables.
    async fn environment(&self) -> Result<Flags, Exit> {
        let mut flags = self.flags.clone();
        let mut names: Vec<&'static str> = self.path[..self.path.len() - 1]
            .iter()
            .flat_map(|command| command.inherited)
            .filter(|flag| flag.since.has(self.release))
            .map(|flag| flag.name)
            .collect();
        flat::sort(&mut names);
        let mut used = Vec::new();
        let mut shadowed = Vec::new();
        for name in &names {
            let variable = variable_of(name);
            if flags.changed(name) {
                shadowed.push(variable);
                continue;
            }
            let Some(value) = self.sys.env(&variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            // etcdctl drops the error of a value it cannot read.
            let _ = flags.set(name, &value);
            used.push(variable);
        }
        let watching = self.path.last().is_some_and(|command| command.name == "watch");
        if watching {
            used.extend(["ETCDCTL_WATCH_KEY".to_owned(), "ETCDCTL_WATCH_RANGE_END".to_owned()]);
        }
        if !self.release.is_3_6() {
            // main has looked at it and unset it.
            used.push("ETCDCTL_API".to_owned());
        }
        let line = if self.release.is_3_6() { (86, 94) } else { (85, 93) };
        for (name, value) in self.sys.envs() {
            if used.contains(&name) {
                continue;
            }
            if shadowed.contains(&name) {
                return Err(self.conflict(&name, line.0));
            }
            if name.starts_with("ETCDCTL_") {
                let shown = json::zap(&format!("{name}={value}"));
                let fields = format!(",\"environment-variable\":{shown}");
                let caller = format!("flags/flag.go:{}", line.1);
                let msg = "unrecognized environment variable";
                self.log("warn", "", &caller, msg, &fields).await;
            }
        }
        Ok(flags)
    }

    /// The one fatal line of etcdctl, with the stack it shows.
    fn conflict(&self, variable: &str, line: u32) -> Exit {
        let ts = etcd::log::stamp(self.sys.wall_us());
        let stack = json::zap(&self.stack());
        let msg = "conflicting environment variable is shadowed by corresponding command-line \
                   flag (either unset environment variable or disable flag))";
        let text = format!(
            "{{\"level\":\"fatal\",\"ts\":\"{ts}\",\"caller\":\"flags/flag.go:{line}\",\
             \"msg\":\"{msg}\",\"environment-variable\":\"{variable}\",\"stacktrace\":{stack}}}\n"
        );
        Exit { code: ERROR, text }
    }

    /// The frames from reading the environment up to Go's runtime, as zap prints them.
    fn stack(&self) -> String {
        let release = self.release;
        let six = release.is_3_6();
        let pick = |in_3_6: u32, in_3_5: u32| if six { in_3_6 } else { in_3_5 };
        let flags = format!("go.etcd.io/etcd/pkg/v3@v{release}/flags/flag.go");
        let ctl = "go.etcd.io/etcd/etcdctl/v3";
        let commands = format!("{ctl}/ctlv3/command");
        let cobra = if six { "1.10.2" } else { "1.1.3" };
        let cobra = format!("github.com/spf13/cobra@v{cobra}/command.go");
        let maker = &self.path[self.path.len() - 1].maker;
        let direct = if six { maker.direct.0 } else { maker.direct.1 };
        let mut frames = vec![
            ("go.etcd.io/etcd/pkg/v3/flags.verifyEnv".to_owned(), flags.clone(), pick(86, 85)),
            ("go.etcd.io/etcd/pkg/v3/flags.SetPflagsFromEnv".to_owned(), flags, pick(64, 63)),
        ];
        let global = format!("{commands}/global.go");
        // 3.5's `endpoint health` reads the environment by itself.
        if six || maker.function != "epHealthCommandFunc" {
            let place = (format!("{commands}.clientConfigFromCmd"), global.clone(), pick(105, 129));
            frames.push(place);
            if !direct {
                frames.push((format!("{commands}.mustClientFromCmd"), global, pick(154, 175)));
            }
        }
        let file = format!("{commands}/{}", maker.file);
        let (in_3_6, in_3_5) = maker.lines;
        frames.push((format!("{commands}.{}", maker.function), file, pick(in_3_6, in_3_5)));
        let object = "github.com/spf13/cobra.(*Command)";
        for (method, in_3_6, in_3_5) in
            [("execute", 1019, 856), ("ExecuteC", 1148, 960), ("Execute", 1071, 897)]
        {
            frames.push((format!("{object}.{method}"), cobra.clone(), pick(in_3_6, in_3_5)));
        }
        for (function, file, line) in [
            ("ctlv3.Start", "ctlv3/ctl.go", pick(112, 107)),
            ("ctlv3.MustStart", "ctlv3/ctl.go", pick(116, 111)),
        ] {
            frames.push((format!("{ctl}/{function}"), format!("{ctl}/{file}"), line));
        }
        frames.push(("main.main".to_owned(), format!("{ctl}/main.go"), pick(23, 59)));
        frames.push(("runtime.main".to_owned(), "runtime/proc.go".to_owned(), 290));
        let lines: Vec<String> =
            frames.iter().map(|(what, file, line)| format!("{what}\n\t{file}:{line}")).collect();
        lines.join("\n")
    }

    /// `--debug` writes the effective options.
    async fn debug(&self, flags: &Flags) {
        let mut text = String::new();
        for flag in self.path[0].inherited.iter().filter(|flag| flag.since.has(self.release)) {
            text.push_str(&format!("{}={}\n", variable_of(flag.name), flags.show(flag.name)));
        }
        self.err(&text).await;
    }

    /// How the client secures its connections, after the checks of
    /// `transport.TLSInfo.ClientConfig`. `prefix` is that of the flags' names: `dest-` for the
    /// other end of a mirror.
    fn tls(&self, flags: &Flags, prefix: &str) -> Result<Secure, String> {
        let of = |name: &str| format!("{prefix}{name}");
        let (cert, key) = (flags.text(&of("cert")), flags.text(&of("key")));
        let mut secure = Secure::load(&self.sys, cert, key, flags.text(&of("cacert")))?;
        let named = prefix.is_empty()
            && !flags.text("discovery-srv").is_empty()
            && !flags.bool("insecure-discovery");
        let skips = flags.bool(&of("insecure-skip-tls-verify"));
        let given = secure.wanted || named || !flags.bool(&of("insecure-transport"));
        // Until 3.5 skipping the verification alone does not ask for TLS, nor is it heeded.
        secure.skip_verify = skips && (given || self.release.is_3_6());
        secure.wanted = given || secure.skip_verify;
        Ok(secure)
    }
}

/// `name[:password]` of a flag and the password of another; what is missing is asked for.
pub(super) async fn credentials(
    ctl: &Ctl,
    user: &str,
    given: &str,
    prompt: &str,
) -> Result<(String, String), Exit> {
    if !given.is_empty() {
        return Ok((user.to_owned(), given.to_owned()));
    }
    match user.split_once(':') {
        Some((name, word)) => Ok((name.to_owned(), word.to_owned())),
        None => Ok((user.to_owned(), password::ask(ctl, prompt).await)),
    }
}

/// Go prints the texts of errors in lower case.
pub(crate) fn go_errno(text: &str) -> String {
    text.to_lowercase()
}

fn variable_of(flag: &str) -> String {
    format!("ETCDCTL_{}", flag.to_uppercase().replace('-', "_"))
}

/// The address an endpoint is dialed at, and whether its scheme asks for TLS (`Some`), or
/// leaves it to the other options (`None`): `endpoint.translateEndpoint`.
pub(super) fn translate(endpoint: &str) -> (String, Option<bool>) {
    if !endpoint.contains("://") {
        return (endpoint.to_owned(), None);
    }
    match addr::parse_url(endpoint) {
        Ok(url) if url.scheme == "http" => (url.host, Some(false)),
        Ok(url) if url.scheme == "https" => (url.host, Some(true)),
        _ => (endpoint.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lose_the_schemes_of_the_web() {
        let table = [
            ("127.0.0.1:2379", "127.0.0.1:2379", None),
            ("http://n1:2379", "n1:2379", Some(false)),
            ("https://n1:2379", "n1:2379", Some(true)),
            ("ftp://n1:2379", "ftp://n1:2379", None),
        ];
        for (endpoint, address, tls) in table {
            assert_eq!(translate(endpoint), (address.to_owned(), tls));
        }
    }

    #[test]
    fn variables_are_named_after_flags() {
        assert_eq!(variable_of("insecure-skip-tls-verify"), "ETCDCTL_INSECURE_SKIP_TLS_VERIFY");
    }
}
