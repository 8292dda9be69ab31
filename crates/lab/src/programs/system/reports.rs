//! What a host does, for people: `ss netstat lsof pgrep pkill killall top free uptime nproc ip
//! ping nc watch nl rev paste`.

use sim::{DialError, Either, Fd, ProcInfo, Signal, Sys, race};

use super::accounts::Accounts;
use super::memory;
use crate::programs::calendar::Moment;
use crate::programs::opts::Options;
use crate::programs::{Program, posix, sizes, units};

macro_rules! program {
    ($const:ident, $name:literal, $summary:literal, $usage:literal, $run:expr) => {
        /// The entry of the table of programs.
        pub(super) const $const: Program = Program {
            name: $name,
            summary: $summary,
            usage: $usage,
            run: |sys| Box::pin($run(sys)),
            complete: None,
        };
    };
}

program!(
    SS,
    "ss",
    "list sockets",
    "ss [-ltnpa]\n  -l  only those that wait for connections   -p  with processes   -n  with numbers",
    ss
);
program!(NETSTAT, "netstat", "list sockets", "netstat [-ltnpa]", netstat);
program!(LSOF, "lsof", "list who serves a port", "lsof -i [:PORT]", lsof);
program!(PGREP, "pgrep", "find processes by name", "pgrep [-flax] [-u USER] PATTERN", pgrep);
program!(
    PKILL,
    "pkill",
    "signal processes by name",
    "pkill [-SIGNAL] [-fx] [-u USER] PATTERN",
    pkill
);
program!(
    KILLALL,
    "killall",
    "signal processes by exact name",
    "killall [-SIGNAL] NAME...",
    killall
);
program!(TOP, "top", "show what runs", "top [-b] [-n COUNT]", top);
program!(UPTIME, "uptime", "tell how long the host runs", "uptime [-p]", uptime);
program!(NPROC, "nproc", "print the number of processors", "nproc", nproc);
program!(IP, "ip", "show addresses", "ip addr|route", ip);
program!(PING, "ping", "see whether a host answers", "ping [-c COUNT] HOST", ping);
program!(NC, "nc", "see whether a port is open", "nc -zv HOST PORT", nc);
program!(
    WATCH,
    "watch",
    "run a command again and again",
    "watch [-n SECONDS] [-dt] COMMAND [ARGUMENT...]",
    watch
);
program!(NL, "nl", "number lines", "nl [-ba] [FILE...]", nl);
program!(REV, "rev", "turn lines round", "rev [FILE...]", rev);
program!(PASTE, "paste", "join lines of files", "paste [-s] [-d CHARS] FILE...", paste);

fn name_of(proc: &ProcInfo) -> &str {
    let command = proc.argv.first().map_or("", String::as_str).trim_start_matches('-');
    command.rsplit('/').next().unwrap_or(command)
}

/// The process of a socket, as far as the caller may know: others' are root's to see.
fn owner_of(sys: &Sys, pid: Option<sim::Pid>) -> Option<ProcInfo> {
    let all = sys.ps();
    let uid = sys.cred().uid;
    all.into_iter().find(|proc| Some(proc.pid) == pid).filter(|proc| uid == 0 || proc.uid == uid)
}

async fn ss(sys: Sys) -> i32 {
    let args: String =
        sys.args()[1..].iter().flat_map(|arg| arg.trim_start_matches('-').chars()).collect();
    let has = |c: char| args.contains(c);
    let mut text = String::new();
    let process = if has('p') { " Process" } else { "" };
    text.push_str(&format!(
        "{:<7}{:<7}{:<7}{:>20} {:>18}{process}\n",
        "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"
    ));
    for socket in sys.sockets() {
        if (has('l') && !socket.listening) || (!has('l') && !has('a') && socket.listening) {
            continue;
        }
        let state = if socket.listening { "LISTEN" } else { "ESTAB" };
        let (queue, remote) = if socket.listening {
            ("4096", "0.0.0.0:*".to_owned())
        } else {
            ("0", socket.remote.clone())
        };
        let owner = match owner_of(&sys, socket.pid).filter(|_| has('p')) {
            Some(proc) => format!(" users:((\"{}\",pid={},fd=7))", name_of(&proc), proc.pid.0),
            None => String::new(),
        };
        text.push_str(&format!(
            "{state:<7}{:<7}{queue:<7}{:>20} {remote:>18}{owner}\n",
            0, socket.local
        ));
    }
    sys.print(&text).await;
    0
}

async fn netstat(sys: Sys) -> i32 {
    let args: String =
        sys.args()[1..].iter().flat_map(|arg| arg.trim_start_matches('-').chars()).collect();
    let has = |c: char| args.contains(c);
    let head = if has('l') { "(only servers)" } else { "(w/o servers)" };
    let mut text = format!("Active Internet connections {head}\n");
    let last = if has('p') { "PID/Program name    " } else { "" };
    text.push_str(&format!(
        "Proto Recv-Q Send-Q {:<23} {:<23} {:<11} {last}\n",
        "Local Address", "Foreign Address", "State"
    ));
    for socket in sys.sockets() {
        if (has('l') && !socket.listening) || (!has('l') && !has('a') && socket.listening) {
            continue;
        }
        let state = if socket.listening { "LISTEN" } else { "ESTABLISHED" };
        let remote = if socket.listening { "0.0.0.0:*" } else { &socket.remote };
        let local = socket.local.replacen('*', "0.0.0.0", 1);
        let owner = match owner_of(&sys, socket.pid) {
            Some(proc) if has('p') => format!("{}/{}", proc.pid.0, name_of(&proc)),
            None if has('p') => "-".to_owned(),
            _ => String::new(),
        };
        text.push_str(&format!(
            "tcp        0      0 {local:<23} {remote:<23} {state:<11} {owner:<20}\n"
        ));
    }
    sys.print(&text).await;
    0
}

async fn lsof(sys: Sys) -> i32 {
    let args = sys.args();
    let port = args.iter().find_map(|arg| arg.rsplit_once(':').map(|(_, port)| port.to_owned()));
    let accounts = Accounts::read(&sys);
    let mut text = String::from("COMMAND    PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n");
    let mut found = false;
    for socket in sys.sockets() {
        let fits = port.as_ref().is_none_or(|port| {
            [&socket.local, &socket.remote].iter().any(|end| end.ends_with(&format!(":{port}")))
        });
        let Some(proc) = owner_of(&sys, socket.pid).filter(|_| fits) else { continue };
        found = true;
        let name = if socket.listening {
            format!("{} (LISTEN)", socket.local)
        } else {
            format!("{}->{} (ESTABLISHED)", socket.local, socket.remote)
        };
        text.push_str(&format!(
            "{:<8}{:>6} {:<6}  7u  IPv4  {:>5}      0t0  TCP {name}\n",
            name_of(&proc),
            proc.pid.0,
            accounts.user_name(proc.uid),
            proc.pid.0
        ));
    }
    if found {
        sys.print(&text).await;
    }
    i32::from(!found)
}

struct Search {
    full: bool,
    exact: bool,
    list: bool,
    all: bool,
    signal: Signal,
    user: Option<String>,
    pattern: Option<String>,
}

fn search(args: &[String]) -> Search {
    let mut search = Search {
        full: false,
        exact: false,
        list: false,
        all: false,
        signal: Signal::Term,
        user: None,
        pattern: None,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flag) = arg.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            search.pattern = Some(arg.clone());
            continue;
        };
        let number = flag.parse::<u8>().ok().and_then(Signal::from_number);
        if let Some(signal) = number.or_else(|| Signal::from_name(flag)) {
            search.signal = signal;
            continue;
        }
        for letter in flag.chars() {
            match letter {
                'f' => search.full = true,
                'x' => search.exact = true,
                'l' => search.list = true,
                'a' => search.all = true,
                'u' | 'U' => search.user = rest.next().cloned(),
                's' => {
                    let name = rest.next().map_or("TERM", String::as_str);
                    search.signal = Signal::from_name(name).unwrap_or(Signal::Term);
                }
                _ => {}
            }
        }
    }
    search
}

fn matching(sys: &Sys, search: &Search) -> Vec<ProcInfo> {
    let pattern = search.pattern.clone().unwrap_or_default();
    let pattern = if search.exact { format!("^({pattern})$") } else { pattern };
    let uid = search
        .user
        .as_ref()
        .map(|name| Accounts::read(sys).user(name).map_or(u32::MAX, |user| user.uid));
    let Ok(regex) = posix::extended(&pattern, false) else { return Vec::new() };
    let mut found: Vec<ProcInfo> = sys
        .ps()
        .into_iter()
        .filter(|proc| {
            let text = if search.full { proc.argv.join(" ") } else { name_of(proc).to_owned() };
            proc.pid != sys.pid() && regex.is_match(&text) && uid.is_none_or(|uid| proc.uid == uid)
        })
        .collect();
    found.sort_by_key(|proc| proc.pid);
    found
}

async fn pgrep(sys: Sys) -> i32 {
    let search = search(&sys.args()[1..]);
    let found = matching(&sys, &search);
    for proc in &found {
        let line = match (search.all, search.list) {
            (true, _) => format!("{} {}\n", proc.pid.0, proc.argv.join(" ")),
            (_, true) => format!("{} {}\n", proc.pid.0, name_of(proc)),
            _ => format!("{}\n", proc.pid.0),
        };
        sys.print(&line).await;
    }
    i32::from(found.is_empty())
}

async fn pkill(sys: Sys) -> i32 {
    let search = search(&sys.args()[1..]);
    let found = matching(&sys, &search);
    let mut status = i32::from(found.is_empty());
    for proc in &found {
        if let Err(error) = sys.kill(proc.pid, search.signal) {
            sys.eprint(&format!("pkill: killing pid {} failed: {error}\n", proc.pid.0)).await;
            status = 1;
        }
    }
    status
}

async fn killall(sys: Sys) -> i32 {
    let args = sys.args();
    let mut status = 0;
    let mut signal = Signal::Term;
    for arg in &args[1..] {
        if let Some(flag) = arg.strip_prefix('-') {
            let number = flag.parse::<u8>().ok().and_then(Signal::from_number);
            signal = number.or_else(|| Signal::from_name(flag)).unwrap_or(signal);
            continue;
        }
        let found: Vec<ProcInfo> =
            sys.ps().into_iter().filter(|proc| name_of(proc) == arg).collect();
        if found.is_empty() {
            sys.eprint(&format!("{arg}: no process found\n")).await;
            status = 1;
        }
        for proc in found {
            if let Err(error) = sys.kill(proc.pid, signal) {
                sys.eprint(&format!("{arg}({}): {error}\n", proc.pid.0)).await;
                status = 1;
            }
        }
    }
    status
}

fn up_us(sys: &Sys) -> u64 {
    let first = sys.ps().into_iter().find(|proc| proc.pid.0 == 1).map_or(0, |proc| proc.start_us);
    sys.mono_us().saturating_sub(first)
}

pub(super) fn load_line(sys: &Sys) -> String {
    let minutes = up_us(sys) / 60_000_000;
    let up = match minutes {
        0..60 => format!("{minutes} min"),
        60..1440 => format!("{:2}:{:02}", minutes / 60, minutes % 60),
        _ => format!("{} days, {:2}:{:02}", minutes / 1440, minutes / 60 % 24, minutes % 60),
    };
    let mut users: Vec<_> = sys.ps().into_iter().filter_map(|proc| proc.tty).collect();
    users.sort_unstable();
    users.dedup();
    let plural = if users.len() == 1 { "user" } else { "users" };
    let time = Moment::from_us(sys.wall_us() as i64).format("%H:%M:%S");
    format!("{time} up {up},  {} {plural},  load average: 0.00, 0.00, 0.00", users.len())
}

async fn uptime(sys: Sys) -> i32 {
    if sys.args().iter().any(|arg| arg == "-p") {
        let minutes = up_us(&sys) / 60_000_000;
        let hours = if minutes >= 60 { format!("{} hours, ", minutes / 60) } else { String::new() };
        sys.print(&format!("up {hours}{} minutes\n", minutes % 60)).await;
        return 0;
    }
    sys.print(&format!(" {}\n", load_line(&sys))).await;
    0
}

async fn nproc(sys: Sys) -> i32 {
    sys.print("2\n").await;
    0
}

async fn top(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "bn:d:cHp:u:o:i", long: &[], mistake: 1 };
    let args: Vec<String> = sys.args()[1..].to_vec();
    let parsed = match OPTIONS.read_args(&sys, &TOP, &args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let delay = parsed.value('d').unwrap_or("3");
    let pause_us = units::duration_us(delay).unwrap_or(3_000_000).max(100_000);
    let screen = sys.screen().filter(|_| !parsed.has('b') && sys.is_tty(Fd::STDOUT));
    let count = parsed.value('n').and_then(|it| it.parse::<u32>().ok());
    let Some((_, rows)) = screen else {
        let rounds = count.unwrap_or(if sys.screen().is_some() { u32::MAX } else { 1 });
        for round in 0..rounds {
            if round > 0 {
                sys.sleep_us(pause_us).await;
                sys.print("\n").await;
            }
            sys.print(&top_screen(&sys, usize::MAX)).await;
        }
        return 0;
    };
    sys.catch(Signal::Int);
    sys.set_raw(true);
    sys.print("\x1b[?1049h").await;
    for _ in 0..count.unwrap_or(u32::MAX) {
        let text = top_screen(&sys, usize::from(rows));
        sys.print(&format!("\x1b[H\x1b[2J{text}")).await;
        let key = race(sys.read(Fd::STDIN, 16), sys.caught());
        match race(key, sys.sleep_us(pause_us)).await {
            Either::Left(Either::Left(Ok(bytes)))
                if !bytes.starts_with(b"q") && !bytes.is_empty() => {}
            Either::Right(()) => {}
            Either::Left(_) => break,
        }
    }
    sys.print("\x1b[?1049l").await;
    sys.set_raw(false);
    0
}

/// What `top` shows at once, in so many rows.
fn top_screen(sys: &Sys, rows: usize) -> String {
    let accounts = Accounts::read(sys);
    let mut all = sys.ps();
    all.sort_by_key(|proc| (std::cmp::Reverse(sizes::of(sys, proc).0), proc.pid));
    let count = |state| all.iter().filter(|proc| proc.state == state).count();
    let (stopped, zombies) = (count(sim::ProcState::Stopped), count(sim::ProcState::Zombie));
    let mut text = format!(
        "top - {}\nTasks: {:>3} total,   1 running, {:>3} sleeping, {stopped:>3} stopped, {zombies:>3} zombie\n",
        load_line(sys),
        all.len(),
        all.len().saturating_sub(1 + stopped + zombies)
    );
    let now = memory::now(sys);
    let mib = |kib: u64| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024);
    text.push_str(&format!(
        "%Cpu(s):  0.0 us,  0.0 sy,  0.0 ni,100.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\nMiB Mem : {:>8} total, {:>8} free, {:>8} used, {:>8} buff/cache\nMiB Swap: {:>8} total, {:>8} free, {:>8} used. {:>8} avail Mem\n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n",
        mib(sizes::TOTAL_KIB), mib(now.free), mib(now.used), mib(now.cache),
        "0.0", "0.0", "0.0", mib(now.available)
    ));
    for proc in all.iter().take(rows.saturating_sub(8)) {
        let state = match proc.state {
            sim::ProcState::Stopped => 'T',
            sim::ProcState::Zombie => 'Z',
            sim::ProcState::Running if proc.pid == sys.pid() => 'R',
            sim::ProcState::Running => 'S',
        };
        let (resident, mapped) = sizes::of(sys, proc);
        let share = sizes::per_mille(resident);
        let user: String = accounts.user_name(proc.uid).chars().take(8).collect();
        text.push_str(&format!(
            "{:>7} {user:<8}  20   0 {:>7} {:>6} {:>6} {state}   0.0 {:>3}.{}   0:00.00 {}\n",
            proc.pid.0,
            short_size(mapped),
            short_size(resident),
            short_size(resident / 2),
            share / 10,
            share % 10,
            name_of(proc)
        ));
    }
    text
}

/// KiB, or `11.2g` where they would not fit.
fn short_size(kib: u64) -> String {
    if kib < 10_000_000 {
        return kib.to_string();
    }
    let tenths = kib * 10 / (1024 * 1024);
    format!("{}.{}g", tenths / 10, tenths % 10)
}

fn own_ip(sys: &Sys) -> String {
    let number = u32::from(sys.host().0) + 1;
    format!("10.0.0.{number}")
}

async fn ip(sys: Sys) -> i32 {
    let args = sys.args();
    let what = args[1..].iter().find(|arg| !arg.starts_with('-')).map_or("addr", String::as_str);
    let own = own_ip(&sys);
    let text = if "route".starts_with(what) {
        format!("10.0.0.0/24 dev eth0 proto kernel scope link src {own}\n")
    } else if "address".starts_with(what) || "link".starts_with(what) {
        format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether 52:54:00:00:00:{:02x} brd ff:ff:ff:ff:ff:ff\n    inet {own}/24 brd 10.0.0.255 scope global eth0\n       valid_lft forever preferred_lft forever\n",
            sys.host().0 + 1
        )
    } else {
        sys.eprint(&format!("Object \"{what}\" is unknown, try \"ip help\".\n")).await;
        return 1;
    };
    sys.print(&text).await;
    0
}

/// The address of a host's name.
fn address(sys: &Sys, name: &str) -> Option<String> {
    if name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok()) {
        return Some(name.to_owned());
    }
    let bytes = sys.read_file("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let ip = words.next()?;
        words.any(|word| word == name).then(|| ip.to_owned())
    })
}

async fn ping(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "c:i:W:w:qn46s:", long: &[], mistake: 2 };
    let parsed = match OPTIONS.read(&sys, &PING).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let Some(name) = parsed.operands.first() else {
        sys.eprint("ping: usage error: Destination address required\n").await;
        return 1;
    };
    let Some(ip) = address(&sys, name) else {
        sys.eprint(&format!("ping: {name}: Name or service not known\n")).await;
        return 2;
    };
    let count = parsed.value('c').and_then(|text| text.parse::<u32>().ok()).unwrap_or(u32::MAX);
    sys.catch(Signal::Int);
    sys.print(&format!("PING {name} ({ip}) 56(84) bytes of data.\n")).await;
    let (mut sent, mut heard) = (0, 0);
    while sent < count {
        sent += 1;
        let start_us = sys.mono_us();
        // Whether anybody listens there or not: an answer is an answer.
        let asked = race(sys.dial(&format!("{ip}:7")), sys.sleep_us(1_000_000)).await;
        let answered = matches!(asked, Either::Left(Ok(_) | Err(DialError::Refused { .. })));
        let took_us = sys.mono_us() - start_us;
        if answered {
            heard += 1;
            let line = format!(
                "64 bytes from {ip}: icmp_seq={sent} ttl=64 time={}.{:03} ms\n",
                took_us / 1000,
                took_us % 1000
            );
            sys.print(&line).await;
        }
        let rest_us = 1_000_000_u64.saturating_sub(took_us);
        if sent < count
            && matches!(race(sys.sleep_us(rest_us), sys.caught()).await, Either::Right(_))
        {
            break;
        }
    }
    let lost = (sent - heard) * 100 / sent.max(1);
    sys.print(&format!("\n--- {name} ping statistics ---\n{sent} packets transmitted, {heard} received, {lost}% packet loss\n")).await;
    i32::from(heard == 0)
}

async fn nc(sys: Sys) -> i32 {
    const OPTIONS: Options = Options { short: "zvw:nul", long: &[], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &NC).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let [host, port] = parsed.operands.as_slice() else {
        sys.eprint("usage: nc [-zv] [-w timeout] [destination] [port]\n").await;
        return 1;
    };
    let limit_us = parsed.value('w').and_then(units::duration_us).unwrap_or(127_000_000);
    let asked = race(sys.dial(&format!("{host}:{port}")), sys.sleep_us(limit_us)).await;
    let (words, status) = match asked {
        Either::Left(Ok(_)) => (format!("Connection to {host} {port} port [tcp/*] succeeded!"), 0),
        Either::Left(Err(DialError::NoSuchHost { .. })) => (
            format!("nc: getaddrinfo for host \"{host}\" port {port}: Name or service not known"),
            1,
        ),
        Either::Left(Err(DialError::Refused { .. })) => {
            (format!("nc: connect to {host} port {port} (tcp) failed: Connection refused"), 1)
        }
        _ => (
            format!("nc: connect to {host} port {port} (tcp) timed out: Operation now in progress"),
            1,
        ),
    };
    if parsed.has('v') || status != 0 {
        sys.eprint(&format!("{words}\n")).await;
    }
    status
}

async fn watch(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "+n:dtegbcx",
        long: &[("interval", 'n'), ("differences", 'd'), ("no-title", 't')],
        mistake: 1,
    };
    let parsed = match OPTIONS.read(&sys, &WATCH).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if parsed.operands.is_empty() {
        return OPTIONS.refuse(&sys, &WATCH, "missing command").await;
    }
    let text = parsed.value('n').unwrap_or("2");
    let Some(pause_us) = units::duration_us(text).map(|us| us.max(100_000)) else {
        sys.eprint(&format!("watch: failed to parse argument: '{text}'\n")).await;
        return 1;
    };
    let command = parsed.operands.join(" ");
    sys.catch(Signal::Int);
    let screen = sys.screen().filter(|_| sys.is_tty(Fd::STDOUT));
    if screen.is_some() {
        sys.print("\x1b[?1049h").await;
    }
    watching(&sys, &command, pause_us, parsed.has('t'), screen).await;
    if screen.is_some() {
        sys.print("\x1b[?1049l").await;
    }
    0
}

/// Runs the command again and again until Ctrl-C.
async fn watching(
    sys: &Sys,
    command: &str,
    pause_us: u64,
    untitled: bool,
    screen: Option<(u16, u16)>,
) {
    loop {
        let argv = ["sh", "-c", command];
        let run = crate::programs::capture(sys, "/bin/sh", &argv);
        let (out, err) = match race(run, sys.caught()).await {
            Either::Left(Ok((_, out, err))) => (out, err),
            _ => return,
        };
        let seconds = pause_us / 100_000;
        let time = Moment::from_us(sys.wall_us() as i64).format("%a %b %e %H:%M:%S %Y");
        let title = format!(
            "Every {}.{}s: {command}    {}: {time}\n\n",
            seconds / 10,
            seconds % 10,
            sys.hostname()
        );
        let title = if untitled { String::new() } else { title };
        let text = format!("{title}{out}{err}");
        // What does not fit is not shown.
        let rows = screen.map_or(usize::MAX, |(_, rows)| usize::from(rows));
        let text = text.lines().take(rows).collect::<Vec<_>>().join("\n");
        sys.print(&format!("\x1b[H\x1b[2J{text}{}", if screen.is_some() { "" } else { "\n" }))
            .await;
        if matches!(race(sys.sleep_us(pause_us), sys.caught()).await, Either::Right(_)) {
            return;
        }
    }
}

/// The texts of files, or standard input; the error is the status.
pub(super) async fn texts(sys: &Sys, name: &str, files: &[String]) -> Result<Vec<String>, i32> {
    if files.is_empty() {
        let bytes = sys.read_to_end(Fd::STDIN).await.unwrap_or_default();
        return Ok(vec![String::from_utf8_lossy(&bytes).into_owned()]);
    }
    let mut all = Vec::new();
    for file in files {
        let bytes =
            if file == "-" { sys.read_to_end(Fd::STDIN).await } else { sys.read_file(file) };
        match bytes {
            Ok(bytes) => all.push(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                sys.eprint(&format!("{name}: {file}: {error}\n")).await;
                return Err(1);
            }
        }
    }
    Ok(all)
}

async fn nl(sys: Sys) -> i32 {
    let args = sys.args();
    let all = args.iter().any(|arg| arg == "-ba");
    let files: Vec<String> =
        args[1..].iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    match texts(&sys, "nl", &files).await {
        Ok(texts) => {
            let mut number = 0;
            for line in texts.concat().lines() {
                let text = if line.is_empty() && !all {
                    "       \n".to_owned()
                } else {
                    number += 1;
                    format!("{number:>6}\t{line}\n")
                };
                sys.print(&text).await;
            }
            0
        }
        Err(status) => status,
    }
}

async fn rev(sys: Sys) -> i32 {
    match texts(&sys, "rev", &sys.args()[1..]).await {
        Ok(texts) => {
            for line in texts.concat().lines() {
                let turned: String = line.chars().rev().collect();
                sys.print(&format!("{turned}\n")).await;
            }
            0
        }
        Err(status) => status,
    }
}

async fn paste(sys: Sys) -> i32 {
    const OPTIONS: Options =
        Options { short: "sd:", long: &[("serial", 's'), ("delimiters", 'd')], mistake: 1 };
    let parsed = match OPTIONS.read(&sys, &PASTE).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let texts = match texts(&sys, "paste", &parsed.operands).await {
        Ok(texts) => texts,
        Err(status) => return status,
    };
    let between = parsed.value('d').unwrap_or("\t").to_owned();
    let columns: Vec<Vec<&str>> = texts.iter().map(|text| text.lines().collect()).collect();
    if parsed.has('s') {
        for lines in columns {
            sys.print(&format!("{}\n", lines.join(&between))).await;
        }
        return 0;
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..rows {
        let cells: Vec<&str> =
            columns.iter().map(|lines| lines.get(row).copied().unwrap_or("")).collect();
        sys.print(&format!("{}\n", cells.join(&between))).await;
    }
    0
}
