//! The shell and the programs in a world: what real tools print for a list of cases, and a
//! terminal in use.

use std::cell::RefCell;
use std::rc::Rc;

use sim::{HostId, Install, Signal, SpawnSpec, Stream, TtyId, World, WorldEvent, WorldSpec};

use crate::programs;

const CASES: &str = include_str!("tests_cases.txt");

/// What every case finds in its directory.
const SETUP: &str = r"mkdir -p d/e
printf 'one\ntwo\nthree\n' > a.txt
printf 'b 2\na 10\nc 1\na 10\n' > n.txt
printf 'x=1\ny=2\n' > 'my file'
: > empty
printf '#!/bin/sh\necho script $1\n' > run.sh
chmod +x run.sh
echo data > d/e/f
echo no > noexec
printf 'LIB=loaded\ngreet() { echo hello $1; }\n' > lib.sh
printf '\000\001\377' > bin
";

const HOST: HostId = HostId(0);

fn world() -> World {
    World::new(WorldSpec {
        hosts: vec!["n1".to_owned()],
        programs: programs::TABLE,
        install: programs::files("3.6.14").into_iter().map(Install::everywhere).collect(),
        ..WorldSpec::default()
    })
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Printed {
    stdout: String,
    stderr: String,
    status: i32,
}

/// Runs a script in a directory of its own, its output going to pipes.
fn run_script(world: &mut World, script: &str) -> Printed {
    let found = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&found);
    let script = script.to_owned();
    let code = move |sys: sim::Sys| -> sim::Task {
        Box::pin(async move {
            let argv = ["bash", "-c", &script];
            let (status, stdout, stderr) =
                programs::capture(&sys, "/bin/bash", &argv).await.expect("bash is installed");
            *keep.borrow_mut() = Some(Printed { stdout, stderr, status });
            0
        })
    };
    let mut spec = SpawnSpec::new("", &["test"]);
    "/root/w".clone_into(&mut spec.cwd);
    spec.env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/root"), ("USER", "root")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    world.spawn_task(HOST, spec, Box::new(code)).expect("the host is on");
    let limit_us = world.now_us() + 600_000_000;
    world.advance(limit_us, u32::MAX);
    let found = found.borrow_mut().take();
    found.unwrap_or_else(|| Printed { stderr: "(it never ends)".to_owned(), ..Printed::default() })
}

/// A case of the list.
struct Case {
    /// Why it differs from the real tools, if it does.
    differs: Option<String>,
    script: String,
    expected: Printed,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut differs = None;
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(reason) = line.strip_prefix("? ") {
            differs = Some(reason.to_owned());
            continue;
        }
        if let Some(script) = line.strip_prefix("$ ") {
            let differs = differs.take();
            cases.push(Case { differs, script: script.to_owned(), expected: Printed::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with `$`");
        let (tag, text) = line.split_at(2);
        match tag {
            "> " => {
                case.script.push('\n');
                case.script.push_str(text);
            }
            "1|" => case.expected.stdout.push_str(&format!("{text}\n")),
            "2|" => case.expected.stderr.push_str(&format!("{text}\n")),
            "1:" => case.expected.stdout.push_str(text),
            "2:" => case.expected.stderr.push_str(text),
            "= " => case.expected.status = text.parse().expect("a status is a number"),
            _ => panic!("unknown line in the cases: {line}"),
        }
    }
    cases
}

#[test]
fn scripts_print_what_real_tools_print() {
    let cases = cases();
    assert!(cases.len() >= 250, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let mut world = world();
        let ready = run_script(&mut world, &format!("mkdir /root/w; cd /root/w; {SETUP}"));
        assert_eq!(ready, Printed::default());
        let found = run_script(&mut world, &case.script);
        match (&case.differs, found == case.expected) {
            (None, true) | (Some(_), false) => {}
            (Some(reason), true) => {
                wrong.push(format!("$ {}\nno longer differs: {reason}", case.script));
            }
            (None, false) => wrong.push(format!(
                "$ {}\n--- expected\n{}{}= {}\n--- found\n{}{}= {}",
                case.script,
                case.expected.stdout,
                case.expected.stderr,
                case.expected.status,
                found.stdout,
                found.stderr,
                found.status,
            )),
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A terminal with a login shell, used line by line.
struct Terminal {
    world: World,
}

const TTY: TtyId = TtyId(1);

impl Terminal {
    fn new() -> Terminal {
        let mut world = world();
        world.tty_open(HOST, TTY, "/bin/bash").expect("the host is on");
        world.settle();
        Terminal { world }
    }

    /// Types a command and lets at most so much time pass for it.
    fn run_for(&mut self, line: &str, limit_us: u64) -> Option<Printed> {
        self.world.tty_command(TTY, line.to_owned());
        self.wait(limit_us)
    }

    fn wait(&mut self, limit_us: u64) -> Option<Printed> {
        let until_us = self.world.now_us() + limit_us;
        let mut printed = Printed::default();
        loop {
            self.world.settle();
            for happened in self.world.drain_events() {
                match happened.what {
                    WorldEvent::TtyOutput { stream, bytes, .. } => {
                        let text = String::from_utf8_lossy(&bytes);
                        match stream {
                            Stream::Stdout => printed.stdout.push_str(&text),
                            Stream::Stderr => printed.stderr.push_str(&text),
                        }
                    }
                    WorldEvent::CommandDone { exit, .. } => {
                        printed.status = exit;
                        return Some(printed);
                    }
                    WorldEvent::TtyClosed { .. } => {
                        printed.status = -1;
                        return Some(printed);
                    }
                    _ => {}
                }
            }
            if self.world.now_us() >= until_us {
                return None;
            }
            self.world.advance(until_us, 1);
        }
    }

    fn run(&mut self, line: &str) -> (String, String, i32) {
        let printed =
            self.run_for(line, 600_000_000).unwrap_or_else(|| panic!("{line} never ends"));
        // Numbers of processes differ with every change of the programs.
        let masked = |text: &str| mask_pids(text);
        (masked(&printed.stdout), masked(&printed.stderr), printed.status)
    }
}

fn mask_pids(text: &str) -> String {
    let regex = regex_lite::Regex::new(r"\b1\d{3}\b").expect("it is right");
    regex.replace_all(text, "PID").into_owned()
}

/// Lines typed one after the other: what they print, their status.
const SESSION: &[(&str, &str, &str, i32)] = &[
    ("echo $0 $HOME $USER $PWD $-", "bash /root root /root himB\n", "", 0),
    ("pwd; whoami; hostname", "/root\nroot\nn1\n", "", 0),
    ("nosuch", "", "bash: nosuch: command not found\n", 127),
    ("echo $?", "127\n", "", 0),
    ("cd /tmp && pwd; cd nope", "/tmp\n", "bash: cd: nope: No such file or directory\n", 1),
    ("cd", "", "", 0),
    ("touch x; ./x", "", "bash: ./x: Permission denied\n", 126),
    ("echo )", "", "bash: syntax error near unexpected token `)'\n", 2),
    ("echo a; (", "", "bash: syntax error: unexpected end of file\n", 2),
    ("cat < nope", "", "bash: nope: No such file or directory\n", 1),
    ("echo ${u:?gone}; echo not here", "", "bash: u: gone\n", 1),
    (
        "echo one; echo $((1/0)); echo not here",
        "one\n",
        "bash: 1/0: division by 0 (error token is \"0\")\n",
        1,
    ),
    ("x=5", "", "", 0),
    ("echo $x", "5\n", "", 0),
    ("f() { echo f$1; }", "", "", 0),
    ("f 1", "f1\n", "", 0),
    ("alias ll='ls -d'", "", "", 0),
    ("ll /root", "/root\n", "", 0),
    ("sleep 5 &", "", "[1] PID\n", 0),
    ("jobs", "[1]+  Running                 sleep 5 &\n", "", 0),
    ("sleep 10", "", "[1]+  Done                    sleep 5\n", 0),
    ("jobs", "", "", 0),
    ("false &", "", "[1] PID\n", 0),
    ("sleep 1", "", "[1]+  Exit 1                  false\n", 0),
    ("sleep 100 & sleep 200 &", "", "[1] PID\n[2] PID\n", 0),
    (
        "jobs",
        "[1]-  Running                 sleep 100 &\n[2]+  Running                 sleep 200 &\n",
        "",
        0,
    ),
    ("kill %1; sleep 1", "", "[1]-  Terminated              sleep 100\n", 0),
    ("kill -9 %sleep; sleep 1", "", "[2]+  Killed                  sleep 200\n", 0),
    ("sleep 3 & wait %1", "", "[1] PID\n[1]+  Done                    sleep 3\n", 0),
    (
        "(sleep 2; exit 3) & wait $!; echo $?",
        "3\n",
        "[1] PID\n[1]+  Exit 3                  (sleep 2; exit 3)\n",
        0,
    ),
    ("sleep 7 | cat &", "", "[1] PID\n", 0),
    ("fg", "sleep 7 | cat\n", "", 0),
    ("fg", "", "bash: fg: current: no such job\n", 1),
    ("sleep 50 & kill -STOP $!; jobs", "[1]+  Stopped                 sleep 50\n", "[1] PID\n", 0),
    (
        "bg; jobs; kill %1; wait; sleep 1",
        "[1]+ sleep 50 &\n[1]+  Running                 sleep 50 &\n",
        "[1]+  Terminated              sleep 50\n",
        0,
    ),
    ("sh -c 'kill -TERM $$'", "", "Terminated\n", 143),
    ("sh -c 'kill -INT $$'; echo not here", "", "", 130),
    ("type cd ll", "cd is a shell builtin\nll is aliased to `ls -d'\n", "", 0),
    ("history 2", "   38  type cd ll\n   39  history 2\n", "", 0),
    (
        "ps",
        "    PID TTY          TIME CMD\n   PID pts/1    00:00:00 bash\n   PID pts/1    00:00:00 ps\n",
        "",
        0,
    ),
    ("cat <<E\n$x $(echo sub)\nE", "5 sub\n", "", 0),
    ("echo 'a\nb'", "a\nb\n", "", 0),
    ("for i in 1 2; do echo $i; done > out; cat out", "1\n2\n", "", 0),
    ("clear", "\x1b[H\x1b[2J\x1b[3J", "", 0),
    ("ls /", "bin  dev  etc  root  tmp  usr  var\n", "", 0),
    ("echo $SECONDS > /dev/null; echo $((SECONDS > 20))", "1\n", "", 0),
    ("time sleep 2", "", "\nreal\t0m2.000s\nuser\t0m0.000s\nsys\t0m0.000s\n", 0),
    ("export A=1; bash -c 'echo $A $SHLVL'", "1 2\n", "", 0),
    ("", "", "", 0),
];

#[test]
fn a_terminal_in_use() {
    let mut terminal = Terminal::new();
    let mut wrong = Vec::new();
    for (line, stdout, stderr, status) in SESSION {
        let found = terminal.run(line);
        if found != ((*stdout).to_owned(), (*stderr).to_owned(), *status) {
            wrong.push(format!("{line:?}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ctrl_c_ends_the_line_and_not_the_shell() {
    let lines = [
        "sleep 1000; echo no",
        "while true; do echo x > /dev/null; done",
        "while :; do :; done; echo no",
        "for ((;;)); do sleep 1; done",
        "x=$(sleep 1000); echo no",
        "(sleep 1000; echo no)",
        "sleep 1000 | cat; echo no",
        "cat",
        "read x; echo no",
        "sleep 1000 & wait; echo no",
        "f() { f2; }; f2() { sleep 1000; }; f; echo no",
        "timeout 500 sleep 1000",
        "bash -c 'sleep 1000; echo no'; echo no",
        "xargs -n1 sleep <<< 1000; echo no",
    ];
    for line in lines {
        let mut terminal = Terminal::new();
        assert_eq!(terminal.run_for(line, 2_000_000), None, "{line} ended by itself");
        terminal.world.tty_signal(TTY, Signal::Int);
        let ended = terminal.wait(1_000_000).unwrap_or_else(|| panic!("{line} goes on"));
        assert_eq!(ended.status, 130, "{line}");
        assert!(!ended.stdout.contains("no"), "{line}: {}", ended.stdout);
        assert_eq!(
            terminal.run("echo alive; type f").0,
            "alive\n".to_owned()
                + if line.starts_with('f') && line.contains("f()") {
                    "f is a function\n"
                } else {
                    ""
                }
        );
        // Nothing of it is left but what was sent to the background.
        let left: Vec<_> = terminal
            .world
            .ps(HOST)
            .into_iter()
            .filter(|proc| !proc.argv[0].ends_with("bash"))
            .collect();
        assert_eq!(left.len(), usize::from(line.contains('&')), "{line}: {left:?}");
    }
}

#[test]
fn what_is_typed_reaches_the_program() {
    let mut terminal = Terminal::new();
    terminal.world.tty_command(TTY, "read -p 'name? ' x; echo \"hello $x\"; cat".to_owned());
    terminal.world.advance(1_000_000, u32::MAX);
    terminal.world.tty_stdin(TTY, "world\nline\n".into());
    terminal.world.tty_eof(TTY);
    let printed = terminal.wait(1_000_000).expect("the input has ended");
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("hello world\nline\n", "name? ")
    );
}

#[test]
fn a_shell_in_a_shell() {
    let mut terminal = Terminal::new();
    assert_eq!(terminal.run_for("bash", 1_000_000), None);
    terminal.world.tty_stdin(TTY, "echo in $SHLVL\nsleep 100\n".into());
    assert_eq!(terminal.wait(2_000_000), None);
    terminal.world.tty_signal(TTY, Signal::Int);
    assert_eq!(terminal.wait(2_000_000), None, "the inner shell goes on");
    terminal.world.tty_stdin(TTY, "exit 4\n".into());
    assert_eq!(terminal.wait(2_000_000).map(|printed| printed.status), Some(4));
}

#[test]
fn leaving_the_shell_closes_the_terminal() {
    let mut terminal = Terminal::new();
    assert_eq!(terminal.run("trap 'echo bye' EXIT").2, 0);
    terminal.run_for("exit 3", 1_000_000);
    terminal.world.settle();
    assert!(!terminal.world.tty_alive(TTY));
}

#[test]
fn loops_make_time_pass() {
    let mut terminal = Terminal::new();
    let before_us = terminal.world.now_us();
    assert_eq!(terminal.run_for("while :; do :; done", 1_000_000), None);
    assert!(terminal.world.now_us() >= before_us + 1_000_000);
    let mut terminal = Terminal::new();
    assert_eq!(terminal.run_for("f() { f; }; f", 1_000_000).map(|printed| printed.status), Some(1));
    let mut terminal = Terminal::new();
    assert_eq!(
        terminal.run_for("x=a; while :; do x=$x$x; done", 60_000_000).map(|printed| printed.status),
        Some(1)
    );
}

#[test]
fn same_lines_same_bytes() {
    let lines = "echo $RANDOM $$; for i in 1 2 3; do (echo $i; sleep 0.$i) & done; wait; ps -ef; ls -l /root; date +%s.%N";
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let mut terminal = Terminal::new();
            let printed = terminal.run_for(lines, 60_000_000);
            (printed, terminal.world.trace_hash())
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn no_line_breaks_the_shell() {
    const PARTS: [&str; 44] = [
        "echo a b",
        "cat a.txt",
        "x=1",
        "$x",
        "\"$@\"",
        "*",
        "{a,b}",
        "$(echo s)",
        "`echo t`",
        "$((x+1))",
        "|",
        "||",
        "&&",
        ";",
        "&",
        "( ",
        " )",
        "{ ",
        "; }",
        "if true; then",
        "; fi",
        "for i in 1 2; do",
        "; done",
        "> out",
        "< a.txt",
        "2>&1",
        "<<< here",
        "wait",
        "jobs",
        "kill %1",
        "sleep 0.01",
        "sort -n",
        "sed s/a/b/",
        "grep -o .",
        "xargs -n1 echo",
        "head -1",
        "read y",
        "f() { echo f; }",
        "f",
        "set -e",
        "cd /tmp",
        "exec 3>&1",
        "${x:-d}",
        "[ -f a.txt ]",
    ];
    let mut state = 11u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize
    };
    for _ in 0..40 {
        let mut terminal = Terminal::new();
        terminal.run("printf 'b\\na\\n' > a.txt");
        for _ in 0..25 {
            let words: Vec<&str> = (0..=next() % 6).map(|_| PARTS[next() % PARTS.len()]).collect();
            let line = words.join(" ");
            if terminal.run_for(&line, 2_000_000).is_none() {
                terminal.world.tty_signal(TTY, Signal::Int);
                assert!(terminal.wait(2_000_000).is_some(), "{line:?} cannot be interrupted");
            }
            if !terminal.world.tty_alive(TTY) {
                break;
            }
        }
    }
}
