//! From host to host: `ssh`, `scp`, and the daemon `sshd`. Who has the same name on the other
//! host gets in, as if keys had been exchanged; nobody gets in as somebody else.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use serde_json::{Value, json};
use sim::{
    Conn, DialError, Either, Fd, Group, OpenFlags, Packet, Pid, Signal, SpawnSpec, Sys, race,
};

use super::accounts::Accounts;
use crate::programs::io::last_name;
use crate::programs::{Opened, Program};
use crate::systemd::journal;

/// The entry of the table of programs.
pub(super) const SSH: Program = Program {
    name: "ssh",
    summary: "work on another host",
    usage: "ssh [-tTqn] [-l USER] [-i FILE] [-p PORT] [-o OPTION] [USER@]HOST [COMMAND...]",
    run: |sys| Box::pin(ssh(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SCP: Program = Program {
    name: "scp",
    summary: "copy files from host to host",
    usage: "scp [-rpqC] [-i FILE] [-P PORT] [-o OPTION] SOURCE... TARGET\n  [USER@]HOST:PATH is a file of another host",
    run: |sys| Box::pin(scp(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const SSHD: Program = Program {
    name: "sshd",
    summary: "let users of other hosts in",
    usage: "sshd [-D]",
    run: |sys| Box::pin(sshd(sys)),
    complete: None,
};

const NO_CONNECTION: i32 = 255;

// ---- the daemon

async fn sshd(sys: Sys) -> i32 {
    let listener = match sys.listen("0.0.0.0:22") {
        Ok(listener) => listener,
        Err(_) => {
            sys.eprint("Cannot bind any address.\n").await;
            return NO_CONNECTION;
        }
    };
    sys.print("Server listening on 0.0.0.0 port 22.\n").await;
    crate::systemd::notify(&sys, "READY=1").await;
    let mut sessions: Vec<sim::Task> = Vec::new();
    poll_fn(move |cx| {
        while let Some(conn) = listener.try_accept() {
            sessions.push(Box::pin(session(sys.clone(), conn)));
        }
        sessions.retain_mut(|session| session.as_mut().poll(cx).is_pending());
        Poll::Pending
    })
    .await
}

fn frame(kind: u8, bytes: &[u8]) -> Packet {
    Packet::Bytes(Bytes::from([&[kind], bytes].concat()))
}

/// One client: who he is, what he wants run, and the streams of that.
async fn session(sys: Sys, conn: Conn) -> i32 {
    let Ok(Packet::Bytes(hello)) = conn.recv().await else { return 1 };
    let hello: Value = serde_json::from_slice(&hello).unwrap_or_default();
    let text = |name: &str| hello.get(name).and_then(Value::as_str).unwrap_or_default();
    let accounts = Accounts::read(&sys);
    let (user, from) = (text("user"), text("from"));
    let known = accounts.users.iter().find(|it| it.name == user).filter(|_| user == from).cloned();
    let Some(user) = known else {
        journal::say(&sys, "sshd", &format!("Connection closed by authenticating user {user}"))
            .await;
        let _ = conn.send(frame(b'd', b""));
        return 1;
    };
    journal::say(
        &sys,
        "sshd",
        &format!("Accepted publickey for {from} from {} ssh2", conn.remote_addr()),
    )
    .await;
    let command = hello.get("command").and_then(Value::as_str);
    let (Ok((input, feed)), Ok((out, into)), Ok((err, err_into))) =
        (sys.pipe(), sys.pipe(), sys.pipe())
    else {
        return 1;
    };
    let [input, feed, out, into, err, err_into] =
        [input, feed, out, into, err, err_into].map(|fd| Opened::new(&sys, fd));
    let mut spec = SpawnSpec::new(&user.shell, &["bash"]);
    match command {
        Some(command) => spec.argv.extend(["-c".to_owned(), command.to_owned()]),
        None => spec.argv.push("-i".to_owned()),
    }
    spec.env = [
        ("HOME", user.home.as_str()),
        ("LOGNAME", user.name.as_str()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"),
        ("SHELL", user.shell.as_str()),
        ("SSH_CONNECTION", &conn.remote_addr()),
        ("TERM", "xterm-256color"),
        ("USER", user.name.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    spec.cwd = if sys.stat(&user.home).is_ok() { user.home.clone() } else { "/".to_owned() };
    spec.group = Group::Own;
    spec.user = Some(accounts.cred(&user));
    spec.fds = vec![(Fd::STDIN, input.fd()), (Fd::STDOUT, into.fd()), (Fd::STDERR, err_into.fd())];
    let Ok(child) = sys.spawn(spec) else {
        let _ = conn.send(frame(b'x', b"1"));
        return 1;
    };
    drop((input, into, err_into));
    carry(&sys, &conn, child, feed, out, err).await;
    0
}

/// Carries the streams until the command has ended and all it said was sent.
async fn carry(sys: &Sys, conn: &Conn, child: Pid, feed: Opened, out: Opened, err: Opened) {
    let mut feed = Some(feed);
    let from_client = async {
        loop {
            let Ok(Packet::Bytes(bytes)) = conn.recv().await else {
                // The client is gone: what it started hears of it.
                let _ = sys.kill_group(child, Signal::Hup);
                return std::future::pending::<()>().await;
            };
            match bytes.first() {
                Some(b'i') => {
                    if let Some(feed) = &feed {
                        // A command that ended reads no more.
                        let _ = sys.write(feed.fd(), &bytes[1..]).await;
                    }
                }
                Some(b'e') => feed = None,
                Some(b's') => {
                    let _ = sys.kill_group(child, Signal::Int);
                }
                _ => {}
            }
        }
    };
    let to_client = async {
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            let read = |fd: Fd, open: bool| async move {
                if !open {
                    std::future::pending::<()>().await;
                }
                sys.read(fd, 32_768).await.unwrap_or_default()
            };
            let (kind, bytes) = match race(read(out.fd(), out_open), read(err.fd(), err_open)).await
            {
                Either::Left(bytes) => (b'o', bytes),
                Either::Right(bytes) => (b'r', bytes),
            };
            match (bytes.is_empty(), kind) {
                (true, b'o') => out_open = false,
                (true, _) => err_open = false,
                _ => drop(conn.send(frame(kind, &bytes))),
            }
        }
        let status = sys.wait(child).await.code();
        let _ = conn.send(frame(b'x', status.to_string().as_bytes()));
        // The other end hangs up once it has heard it.
        conn.closed().await;
    };
    // A pipe nobody reads is no reason for the daemon to end.
    sys.ignore(Signal::Pipe);
    race(to_client, from_client).await;
}

// ---- the client

struct Target {
    user: String,
    host: String,
    port: u16,
}

/// `user@host`
fn target(text: &str, own: &str, login: Option<&str>, port: u16) -> Target {
    let (user, host) = match text.split_once('@') {
        Some((user, host)) => (user, host),
        None => (login.unwrap_or(own), text),
    };
    Target { user: user.to_owned(), host: host.to_owned(), port }
}

/// Connects and says what is wanted; the error is the sentence.
async fn connect(sys: &Sys, to: &Target, command: Option<&str>) -> Result<Conn, String> {
    let Target { user, host, port } = to;
    let conn = sys.dial(&format!("{host}:{port}")).await.map_err(|error| match error {
        DialError::NoSuchHost { .. } => {
            format!("ssh: Could not resolve hostname {host}: Name or service not known")
        }
        DialError::Refused { .. } => {
            format!("ssh: connect to host {host} port {port}: Connection refused")
        }
        _ => format!("ssh: connect to host {host} port {port}: Connection timed out"),
    })?;
    let from = Accounts::read(sys).user_name(sys.cred().uid);
    let hello = json!({ "user": user, "from": from, "command": command });
    let closed = |_| format!("Connection closed by {host} port {port}");
    conn.send(Packet::Bytes(hello.to_string().into())).map_err(closed)?;
    Ok(conn)
}

/// What came back of a command that was run elsewhere.
#[derive(Default)]
struct Answer {
    out: Vec<u8>,
    err: Vec<u8>,
    status: i32,
}

/// Runs a command elsewhere with this input; the error is the sentence.
async fn remote(sys: &Sys, to: &Target, command: &str, input: &[u8]) -> Result<Answer, String> {
    let conn = connect(sys, to, Some(command)).await?;
    for part in input.chunks(32_768) {
        let _ = conn.send(frame(b'i', part));
    }
    let _ = conn.send(frame(b'e', b""));
    let mut answer = Answer::default();
    loop {
        let Ok(Packet::Bytes(bytes)) = conn.recv().await else {
            return Err(format!("Connection closed by {} port {}", to.host, to.port));
        };
        match bytes.first() {
            Some(b'o') => answer.out.extend_from_slice(&bytes[1..]),
            Some(b'r') => answer.err.extend_from_slice(&bytes[1..]),
            Some(b'd') => {
                return Err(format!("{}@{}: Permission denied (publickey).", to.user, to.host));
            }
            _ => {
                answer.status = String::from_utf8_lossy(&bytes[1..]).parse().unwrap_or(1);
                return Ok(answer);
            }
        }
    }
}

async fn ssh(sys: Sys) -> i32 {
    let args = sys.args();
    let (mut login, mut port, mut quiet, mut no_input) = (None, 22, false, false);
    let mut words: Vec<String> = Vec::new();
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        if !words.is_empty() {
            words.push(arg.clone());
            continue;
        }
        let Some(letters) = arg.strip_prefix('-') else {
            words.push(arg.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            let tail = &letters[at + 1..];
            if "lpioFJLRDEbceImOQSWw".contains(letter) {
                let value =
                    if tail.is_empty() { rest.next().cloned() } else { Some(tail.to_owned()) };
                match letter {
                    'l' => login = value,
                    'p' => port = value.and_then(|text| text.parse().ok()).unwrap_or(22),
                    _ => {}
                }
                break;
            }
            quiet |= letter == 'q';
            no_input |= letter == 'n';
        }
    }
    let Some((place, command)) = words.split_first() else {
        sys.eprint("usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-l login_name] [-p port] destination [command [argument ...]]\n").await;
        return NO_CONNECTION;
    };
    let own = Accounts::read(&sys).user_name(sys.cred().uid);
    let to = target(place, &own, login.as_deref(), port);
    let command = (!command.is_empty()).then(|| command.join(" "));
    match connect(&sys, &to, command.as_deref()).await {
        Ok(conn) => talk(&sys, &to, &conn, no_input, command.is_none() && !quiet).await,
        Err(sentence) => {
            sys.eprint(&format!("{sentence}\n")).await;
            NO_CONNECTION
        }
    }
}

async fn talk(sys: &Sys, to: &Target, conn: &Conn, no_input: bool, interactive: bool) -> i32 {
    sys.catch(Signal::Int);
    let keys = async {
        if no_input {
            return std::future::pending::<()>().await;
        }
        loop {
            let bytes = sys.read(Fd::STDIN, 4096).await.unwrap_or_default();
            let end = bytes.is_empty();
            let _ = conn.send(if end { frame(b'e', b"") } else { frame(b'i', &bytes) });
            if end {
                return std::future::pending::<()>().await;
            }
        }
    };
    let signals = async {
        loop {
            sys.caught().await;
            let _ = conn.send(frame(b's', b""));
        }
    };
    let said = async {
        loop {
            let Ok(Packet::Bytes(bytes)) = conn.recv().await else {
                sys.eprint(&format!("Connection to {} closed by remote host.\n", to.host)).await;
                return NO_CONNECTION;
            };
            match bytes.first() {
                Some(b'o') => drop(sys.write(Fd::STDOUT, &bytes[1..]).await),
                Some(b'r') => drop(sys.write(Fd::STDERR, &bytes[1..]).await),
                Some(b'd') => {
                    let text = format!("{}@{}: Permission denied (publickey).\n", to.user, to.host);
                    sys.eprint(&text).await;
                    return NO_CONNECTION;
                }
                _ => return String::from_utf8_lossy(&bytes[1..]).parse().unwrap_or(1),
            }
        }
    };
    let status = match race(said, race(keys, signals)).await {
        Either::Left(status) => status,
        Either::Right(_) => NO_CONNECTION,
    };
    if interactive {
        sys.eprint(&format!("Connection to {} closed.\n", to.host)).await;
    }
    status
}

// ---- copying

/// `host:path`, or a path of this host.
fn place(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((host, path)) if !host.contains('/') => (Some(host), path),
        _ => (None, text),
    }
}

fn quoted(path: &str) -> String {
    crate::shell::escape::quote_single(path)
}

async fn scp(sys: Sys) -> i32 {
    let args = sys.args();
    let (mut recursive, mut quiet, mut port) = (false, false, 22);
    let mut words: Vec<String> = Vec::new();
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            words.push(arg.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            if "ioFPlScJ".contains(letter) {
                let tail = &letters[at + 1..];
                let value =
                    if tail.is_empty() { rest.next().cloned() } else { Some(tail.to_owned()) };
                if letter == 'P' {
                    port = value.and_then(|text| text.parse().ok()).unwrap_or(22);
                }
                break;
            }
            recursive |= letter == 'r';
            quiet |= letter == 'q';
        }
    }
    if words.len() < 2 {
        sys.eprint("usage: scp [-346ABCOpqRrsTv] [-P port] [-i identity_file] source ... target\n")
            .await;
        return 1;
    }
    let last = words.pop().unwrap_or_default();
    let own = Accounts::read(&sys).user_name(sys.cred().uid);
    let mut status = 0;
    for source in &words {
        let done = copy(&sys, (source, &last), (&own, port), recursive).await;
        match done {
            Ok(bytes) => {
                if !quiet && sys.is_tty(Fd::STDOUT) {
                    let name = last_name(place(source).1);
                    let size = crate::programs::units::human(bytes);
                    sys.print(&format!("{name:<50} 100% {size:>5}     1.0MB/s   00:00    \n"))
                        .await;
                }
            }
            Err(sentence) => {
                sys.eprint(&format!("{sentence}\n")).await;
                status = if sentence.starts_with("scp:") { 1 } else { NO_CONNECTION };
            }
        }
    }
    status
}

async fn copy(
    sys: &Sys,
    (source, last): (&str, &str),
    (own, port): (&str, u16),
    recursive: bool,
) -> Result<u64, String> {
    let (from, path) = place(source);
    let (to, to_path) = place(last);
    let packed = match from {
        Some(host) => fetch(sys, &target(host, own, None, port), path, recursive).await?,
        None => {
            let stat =
                sys.stat(path).map_err(|error| format!("scp: stat local \"{path}\": {error}"))?;
            if stat.is_dir() && !recursive {
                return Err(format!("scp: local \"{path}\" is not a regular file"));
            }
            if stat.is_dir() {
                local_tar(sys, path).await?
            } else {
                let bytes = sys.read_file(path);
                bytes.map_err(|error| format!("scp: open local \"{path}\": {error}"))?.to_vec()
            }
        }
    };
    let bytes = packed.len() as u64;
    let dir = recursive && (packed.get(257..262) == Some(b"ustar".as_slice()));
    let name = last_name(path);
    match to {
        Some(host) => {
            let place = if to_path.is_empty() { "." } else { to_path };
            let command = if dir {
                unpack(place, name)
            } else {
                let inner = format!("{}/{name}", place.trim_end_matches('/'));
                format!(
                    "if [ -d {0} ]; then cat > {1}; else cat > {0}; fi",
                    quoted(place),
                    quoted(&inner)
                )
            };
            let answer = remote(sys, &target(host, own, None, port), &command, &packed).await?;
            if answer.status != 0 {
                let reason = String::from_utf8_lossy(&answer.err).into_owned();
                let reason = reason.trim().rsplit(": ").next().unwrap_or("Failure").to_owned();
                return Err(format!("scp: dest open \"{place}\": {reason}"));
            }
        }
        None if dir => {
            let input = unpack(to_path, name);
            feed(sys, &input, &packed).await.map_err(|error| format!("scp: {to_path}: {error}"))?;
        }
        None => {
            let into = sys.stat(to_path).is_ok_and(|stat| stat.is_dir());
            let place = if into {
                format!("{}/{name}", to_path.trim_end_matches('/'))
            } else {
                to_path.to_owned()
            };
            sys.write_file(&place, &packed)
                .map_err(|error| format!("scp: open local \"{place}\": {error}"))?;
        }
    }
    Ok(bytes)
}

/// What makes a directory of an archive of one: in a directory that is there, or as one that
/// is not.
fn unpack(place: &str, name: &str) -> String {
    if name.starts_with('.') && name.trim_matches('.').is_empty() {
        return format!("mkdir -p {0} && tar -x -C {0} -f -", quoted(place));
    }
    let place = place.trim_end_matches('/');
    let (place, beside) =
        if place.is_empty() { ("/", String::new()) } else { (place, format!("{place}.scp")) };
    format!(
        "if [ -d {0} ]; then tar -x -C {0} -f -; else mkdir {1} && tar -x -C {1} -f - && mv {2} \
         {0} && rmdir {1}; fi",
        quoted(place),
        quoted(&beside),
        quoted(&format!("{beside}/{name}"))
    )
}

async fn fetch(sys: &Sys, to: &Target, path: &str, recursive: bool) -> Result<Vec<u8>, String> {
    let place = if path.is_empty() { "." } else { path };
    let (dir, name) = match place.trim_end_matches('/').rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((dir, name)) => (dir, name),
        None => (".", place),
    };
    let command = if recursive {
        format!(
            "if [ -d {0} ]; then tar -c -C {1} -f - {2}; else cat {0}; fi",
            quoted(place),
            quoted(dir),
            quoted(name)
        )
    } else {
        format!("cat {}", quoted(place))
    };
    let answer = remote(sys, to, &command, b"").await?;
    if answer.status == 0 {
        return Ok(answer.out);
    }
    let reason = String::from_utf8_lossy(&answer.err).into_owned();
    let reason = reason.trim().rsplit(": ").next().unwrap_or("Failure").to_owned();
    Err(if reason == "Is a directory" {
        format!("scp: download {place}: not a regular file")
    } else {
        format!("scp: {place}: {reason}")
    })
}

async fn local_tar(sys: &Sys, path: &str) -> Result<Vec<u8>, String> {
    let (dir, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", path));
    let temp = format!("/tmp/.scp-{}", sys.pid().0);
    let dir = if dir.is_empty() { "/" } else { dir };
    let argv = ["tar", "-c", "-C", dir, "-f", &temp, name];
    let done = crate::programs::capture(sys, "/usr/bin/tar", &argv).await;
    let bytes = sys.read_file(&temp).map_err(|error| format!("scp: {path}: {error}"));
    let _ = sys.remove_file(&temp);
    match done {
        Ok((0, ..)) => Ok(bytes?.to_vec()),
        _ => Err(format!("scp: {path}: not read")),
    }
}

/// Runs a command of this host's shell with this input.
async fn feed(sys: &Sys, command: &str, input: &[u8]) -> Result<(), sim::Errno> {
    let temp = format!("/tmp/.scp-{}", sys.pid().0);
    sys.write_file(&temp, input)?;
    let file = Opened::new(sys, sys.open(&temp, OpenFlags::READ)?);
    let mut spec = SpawnSpec::new("/bin/sh", &["sh", "-c", command]);
    spec.env = sys.envs();
    spec.fds = vec![(Fd::STDIN, file.fd()), (Fd::STDOUT, Fd::STDOUT), (Fd::STDERR, Fd::STDERR)];
    let child = sys.spawn(spec)?;
    let status = sys.wait(child).await.code();
    sys.remove_file(&temp)?;
    if status == 0 { Ok(()) } else { Err(sim::Errno::Eacces) }
}
