//! Acting as somebody else: `sudo`, as `/etc/sudoers` allows it, and `su`. Nobody has a
//! password here, so what would ask for one is refused.

use sim::cred::User;
use sim::{Either, Fd, Signal, SpawnSpec, Sys, race};

use super::accounts::Accounts;
use crate::programs::{Program, launch};
use crate::systemd::journal;

/// The entry of the table of programs.
pub(super) const SUDO: Program = Program {
    name: "sudo",
    summary: "run a command as another user",
    usage: concat!(
        "sudo [-EHnkSb] [-u USER] [-g GROUP] [-i | -s] [NAME=VALUE...] [COMMAND [ARGUMENT...]]\n",
        "  -u  as this user instead of root   -E  keep the environment\n",
        "  -i  as a login shell               -s  with a shell            -l  what is allowed",
    ),
    run: |sys| Box::pin(sudo(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SU: Program = Program {
    name: "su",
    summary: "run a shell as another user",
    usage: "su [-] [-c COMMAND] [-s SHELL] [USER [ARGUMENT...]]",
    run: |sys| Box::pin(su(sys)),
    complete: None,
};

const SECURE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug, Default)]
struct Call {
    user: Option<String>,
    group: Option<String>,
    login: bool,
    shell: bool,
    keep: bool,
    list: bool,
    only_check: bool,
    env: Vec<(String, String)>,
    command: Vec<String>,
}

fn parse(args: &[String]) -> Result<Call, String> {
    let mut call = Call::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if let Some(long) = arg.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            match name {
                "user" => call.user = value.or_else(|| rest.next().cloned()),
                "group" => call.group = value.or_else(|| rest.next().cloned()),
                "login" => call.login = true,
                "shell" => call.shell = true,
                "preserve-env" => call.keep = true,
                "list" => call.list = true,
                "validate" | "reset-timestamp" | "remove-timestamp" => call.only_check = true,
                "set-home" | "non-interactive" | "stdin" | "background" => {}
                other => return Err(format!("unrecognized option '--{other}'")),
            }
            continue;
        }
        if arg == "--" {
            call.command.extend(rest.by_ref().cloned());
            break;
        }
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            if let Some((name, value)) = arg.split_once('=')
                && crate::shell::is_name(name)
            {
                call.env.push((name.to_owned(), value.to_owned()));
                continue;
            }
            call.command.push(arg.clone());
            call.command.extend(rest.by_ref().cloned());
            break;
        };
        for (at, letter) in letters.char_indices() {
            let tail = &letters[at + letter.len_utf8()..];
            match letter {
                'u' | 'g' | 'p' | 'C' | 'h' | 'r' | 't' | 'T' | 'U' | 'D' | 'R' => {
                    let own = (!tail.is_empty()).then(|| tail.to_owned());
                    let value = own.or_else(|| rest.next().cloned());
                    let value = value
                        .ok_or_else(|| format!("option requires an argument -- '{letter}'"))?;
                    match letter {
                        'u' => call.user = Some(value),
                        'g' => call.group = Some(value),
                        _ => {}
                    }
                    break;
                }
                'i' => call.login = true,
                's' => call.shell = true,
                'E' => call.keep = true,
                'l' => call.list = true,
                'v' | 'k' | 'K' => call.only_check = true,
                'H' | 'n' | 'S' | 'b' | 'A' | 'P' | 'B' => {}
                other => return Err(format!("invalid option -- '{other}'")),
            }
        }
    }
    Ok(call)
}

/// What the sudoers say of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    No,
    /// After a password.
    Password,
    Yes,
}

fn allowed(sys: &Sys, accounts: &Accounts, user: &User) -> Allowed {
    if user.uid == 0 {
        return Allowed::Yes;
    }
    let mut files = vec!["/etc/sudoers".to_owned()];
    for name in sys.read_dir("/etc/sudoers.d").unwrap_or_default() {
        // As sudo does: no backups and no hidden files.
        if !name.contains('.') && !name.ends_with('~') {
            files.push(format!("/etc/sudoers.d/{name}"));
        }
    }
    let groups: Vec<String> = Accounts::groups_of(&accounts.cred(user))
        .into_iter()
        .map(|gid| accounts.group_name(gid))
        .collect();
    let mut found = Allowed::No;
    for file in files {
        let bytes = sys.read_file(&file).unwrap_or_default();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim();
            let Some((who, rest)) = line.split_once(char::is_whitespace) else { continue };
            let fits = match who.strip_prefix('%') {
                Some(group) => groups.iter().any(|it| it == group),
                None => who == user.name || who == "ALL",
            };
            // The last line that fits decides.
            if fits && rest.contains('=') && !line.starts_with('#') {
                found = if rest.contains("NOPASSWD:") { Allowed::Yes } else { Allowed::Password };
            }
        }
    }
    found
}

async fn sudo(sys: Sys) -> i32 {
    let args = sys.args();
    let call = match parse(&args[1..]) {
        Ok(call) => call,
        Err(mistake) => {
            let usage = "usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\n";
            sys.eprint(&format!("sudo: {mistake}\n{usage}")).await;
            return 1;
        }
    };
    if !sys.cred().is_root() {
        sys.eprint("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n")
            .await;
        return 1;
    }
    let accounts = Accounts::read(&sys);
    let caller = sys.real_uid();
    let Some(caller) = accounts.users.iter().find(|user| user.uid == caller).cloned() else {
        sys.eprint("sudo: you do not exist in the passwd database\n").await;
        return 1;
    };
    match allowed(&sys, &accounts, &caller) {
        Allowed::Yes => {}
        Allowed::No => {
            sys.eprint(&format!("{} is not in the sudoers file.\n", caller.name)).await;
            return 1;
        }
        Allowed::Password => {
            sys.eprint(
                "sudo: a terminal is required to read the password; either use the -S option to \
                 read from standard input or configure an askpass helper\nsudo: a password is \
                 required\n",
            )
            .await;
            return 1;
        }
    }
    if call.only_check && call.command.is_empty() {
        return 0;
    }
    if call.list && call.command.is_empty() {
        let text = format!(
            "Matching Defaults entries for {name} on {host}:\n    env_reset, mail_badpass,\n    \
             secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin,\n    \
             use_pty\n\nUser {name} may run the following commands on {host}:\n    (ALL : ALL) \
             NOPASSWD: ALL\n",
            name = caller.name,
            host = sys.hostname()
        );
        sys.print(&text).await;
        return 0;
    }
    run(&sys, &accounts, &caller, call).await
}

async fn run(sys: &Sys, accounts: &Accounts, caller: &User, call: Call) -> i32 {
    let name = call.user.as_deref().unwrap_or("root");
    let Some(target) = accounts.user(name.trim_start_matches('#')).cloned() else {
        sys.eprint(&format!(
            "sudo: unknown user {name}\nsudo: error initializing audit plugin sudoers_audit\n"
        ))
        .await;
        return 1;
    };
    let mut cred = accounts.cred(&target);
    if let Some(group) = &call.group {
        match accounts.group(group.trim_start_matches('#')) {
            Some(group) => cred.gid = group.gid,
            None => {
                sys.eprint(&format!("sudo: unknown group {group}\n")).await;
                return 1;
            }
        }
    }
    let mut command = call.command.clone();
    let shell = if call.login {
        target.shell.clone()
    } else {
        sys.env("SHELL").unwrap_or(target.shell.clone())
    };
    if call.login || call.shell {
        let text = command.join(" ");
        command = vec![shell];
        if !text.is_empty() {
            command.extend(["-c".to_owned(), text]);
        }
    }
    if command.is_empty() {
        sys.eprint("usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo [-ABbEHnPS] [-C num] [-D directory] [-g group] [-u user] [VAR=value] [-i | -s] [command [arg ...]]\n").await;
        return 1;
    }
    let env = environment(sys, caller, &target, &call, &command);
    let path = match launch::resolve(sys, SECURE_PATH, &command[0]) {
        Ok(path) => path,
        Err(launch::NotRun::Denied | launch::NotRun::Directory) if command[0].contains('/') => {
            sys.eprint(&format!("sudo: {}: command not found\n", command[0])).await;
            return 1;
        }
        Err(_) => {
            sys.eprint(&format!("sudo: {}: command not found\n", command[0])).await;
            return 1;
        }
    };
    let said = format!(
        "{} : PWD={} ; USER={} ; COMMAND={path}{}",
        caller.name,
        sys.cwd(),
        target.name,
        command[1..].iter().map(|arg| format!(" {arg}")).collect::<String>()
    );
    journal::say(sys, "sudo", &format!("  {said}")).await;
    let mut spec = SpawnSpec::new(&path, &[]);
    spec.argv = command;
    spec.env = env;
    spec.user = Some(cred);
    if call.login {
        spec.cwd = target.home;
    }
    follow(sys, "sudo", spec).await
}

fn environment(
    sys: &Sys,
    caller: &User,
    target: &User,
    call: &Call,
    command: &[String],
) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = if call.keep { sys.envs() } else { Vec::new() };
    let mut put = |name: &str, value: &str| {
        env.retain(|(other, _)| other != name);
        env.push((name.to_owned(), value.to_owned()));
    };
    for name in ["TERM", "COLUMNS", "LINES", "LANG", "COLORTERM"] {
        if let Some(value) = sys.env(name) {
            put(name, &value);
        }
    }
    put("PATH", SECURE_PATH);
    if !call.keep || call.login {
        put("HOME", &target.home);
    }
    put("LOGNAME", &target.name);
    put("USER", &target.name);
    put("SHELL", &target.shell);
    put("SUDO_USER", &caller.name);
    put("SUDO_UID", &caller.uid.to_string());
    put("SUDO_GID", &caller.gid.to_string());
    put("SUDO_COMMAND", &command.join(" "));
    for (name, value) in &call.env {
        put(name, value);
    }
    env
}

/// Starts the command and waits for it; signals go on to it.
async fn follow(sys: &Sys, name: &str, spec: SpawnSpec) -> i32 {
    let path = spec.path.clone();
    for signal in [Signal::Int, Signal::Quit, Signal::Term, Signal::Hup] {
        sys.catch(signal);
    }
    let mut spec = spec;
    let child = match sys.spawn(spec.clone()) {
        Err(sim::Errno::Enoexec) if launch::is_text(sys, &path) => {
            spec.argv[0] = path.clone();
            spec.argv.insert(0, "sh".to_owned());
            spec.path = "/bin/sh".to_owned();
            sys.spawn(spec)
        }
        other => other,
    };
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            sys.eprint(&format!("{name}: unable to execute {path}: {error}\n")).await;
            return 1;
        }
    };
    loop {
        match race(sys.wait(child), sys.caught()).await {
            Either::Left(status) => return status.code(),
            // The keyboard's signals have reached the command already.
            Either::Right(Signal::Int | Signal::Quit) => {}
            Either::Right(signal) => {
                // It may just have ended.
                let _ = sys.kill(child, signal);
            }
        }
    }
}

async fn su(sys: Sys) -> i32 {
    let args = sys.args();
    let (mut login, mut command, mut shell, mut user) = (false, None, None, None);
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-" | "-l" | "--login" => login = true,
            "-c" | "--command" => command = rest.next().cloned(),
            "-s" | "--shell" => shell = rest.next().cloned(),
            "-m" | "-p" | "--preserve-environment" => {}
            other if other.starts_with("--shell=") => shell = Some(other[8..].to_owned()),
            other if other.starts_with("--command=") => command = Some(other[10..].to_owned()),
            other => user = user.or(Some(other.to_owned())),
        }
    }
    let accounts = Accounts::read(&sys);
    let name = user.unwrap_or_else(|| "root".to_owned());
    let Some(target) = accounts.users.iter().find(|user| user.name == name).cloned() else {
        sys.eprint(&format!("su: user {name} does not exist or the user entry does not contain all the required fields\n")).await;
        return 1;
    };
    if sys.real_uid() != 0 {
        sys.eprint("Password: \nsu: Authentication failure\n").await;
        return 1;
    }
    let shell = shell.unwrap_or_else(|| target.shell.clone());
    let base = shell.rsplit('/').next().unwrap_or(&shell).to_owned();
    let mut spec = SpawnSpec::new(&shell, &[&base]);
    if let Some(command) = command {
        spec.argv.extend(["-c".to_owned(), command]);
    }
    let mut env = if login { Vec::new() } else { sys.envs() };
    let mut put = |name: &str, value: &str| {
        env.retain(|(other, _)| other != name);
        env.push((name.to_owned(), value.to_owned()));
    };
    for (name, value) in [
        ("HOME", target.home.as_str()),
        ("SHELL", shell.as_str()),
        ("USER", target.name.as_str()),
        ("LOGNAME", target.name.as_str()),
        ("PATH", SECURE_PATH),
    ] {
        put(name, value);
    }
    spec.env = env;
    spec.user = Some(accounts.cred(&target));
    spec.fds = [Fd::STDIN, Fd::STDOUT, Fd::STDERR].map(|fd| (fd, fd)).to_vec();
    if login {
        spec.cwd = if sys.stat(&target.home).is_ok() { target.home } else { "/".to_owned() };
    }
    follow(&sys, "su", spec).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_begins_at_the_first_word_that_is_no_option() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let call = parse(&words("-u etcd -E A=1 etcdctl -w table")).unwrap();
        assert_eq!(call.user.as_deref(), Some("etcd"));
        assert!(call.keep);
        assert_eq!(call.env, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(call.command, ["etcdctl", "-w", "table"]);
        assert!(parse(&words("-i")).unwrap().login);
        assert!(parse(&words("-z x")).is_err());
    }
}
