//! Goal: programs meet the system they know: files, pipes, signals, waiting, terminals.
//! Method: small programs on two hosts without members, driven by a loop that does with the
//! queue what the world does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use super::*;
use crate::event::WorldEvent;
use crate::fs::OpenFlags;
use crate::ids::Fd;
use crate::proc::{ExitStatus, Group, ProcState, Signal};
use crate::task::{Either, ProgramEntry, race};
use crate::tty::Stream;

type Log = Rc<RefCell<Vec<String>>>;

const HOST: HostId = HostId(0);
const TTY: TtyId = TtyId(1);

static PROGRAMS: &[ProgramEntry] = &[
    ProgramEntry { name: "name", run: |sys| Box::pin(name(sys)) },
    ProgramEntry { name: "shell", run: |sys| Box::pin(shell(sys)) },
];

/// Prints its release and arguments.
async fn name(sys: Sys) -> i32 {
    let text = format!("{} {}\n", sys.release(), sys.args().join(" "));
    sys.print(&text).await;
    7
}

/// Runs the commands `print N` (bytes), `cat` (as a child), `loop` and `exit N`.
async fn shell(sys: Sys) -> i32 {
    while let Some(line) = sys.next_command().await {
        let (word, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number: usize = number.parse().unwrap();
        let exit = match word {
            "print" => {
                sys.print(&"x".repeat(number)).await;
                0
            }
            "exit" => return i32::try_from(number).unwrap(),
            word => {
                let spec = SpawnSpec { group: Group::Own, ..SpawnSpec::new("", &[word]) };
                let looping = word == "loop";
                let child = sys.fork_task(spec, |sys| Box::pin(cat(sys, looping))).unwrap();
                sys.set_foreground(&[child]);
                sys.wait(child).await.code()
            }
        };
        sys.command_done(exit);
    }
    0
}

async fn cat(sys: Sys, looping: bool) -> i32 {
    loop {
        if looping {
            sys.print("y\n").await;
            continue;
        }
        let bytes = sys.read(Fd::STDIN, 100).await.unwrap();
        if bytes.is_empty() {
            return 0;
        }
        sys.write(Fd::STDOUT, &bytes).await.unwrap();
    }
}

struct Rig {
    kernel: KernelRef,
    log: Log,
}

impl Drop for Rig {
    fn drop(&mut self) {
        clear(&self.kernel);
        run_ready(&self.kernel);
        assert_eq!(Rc::strong_count(&self.kernel), 1, "a task was not dropped");
    }
}

impl Rig {
    fn new() -> Rig {
        let names = ["n1".to_owned(), "n2".to_owned()];
        let net = crate::net::Net::new(1, 2);
        let checks = crate::checker::Checks::new(false);
        let kernel = Kernel::new(1_000_000_000, 1, &names, PROGRAMS, net, checks);
        Rig { kernel: Rc::new(RefCell::new(kernel)), log: Log::default() }
    }

    fn spawn<F: Future<Output = i32> + 'static>(
        &self,
        code: impl FnOnce(Sys) -> F + 'static,
    ) -> Pid {
        let spec = SpawnSpec::new("", &["test"]);
        let code = Box::new(|sys| -> Task { Box::pin(code(sys)) });
        spawn_task(&self.kernel, HOST, spec, Stdio::Null, code).unwrap()
    }

    fn say(&self) -> impl Fn(&str) + use<> {
        let log = self.log.clone();
        move |text: &str| log.borrow_mut().push(text.to_owned())
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.log.borrow_mut())
    }

    /// Runs until nothing is to happen before `until_us`.
    fn run(&self, until_us: u64) {
        loop {
            run_ready(&self.kernel);
            let mut kernel = self.kernel.borrow_mut();
            match kernel.queue.pop(until_us) {
                Some((at_us, Event::Kernel(event))) => {
                    kernel.now_us = at_us;
                    kernel.handle_kernel_event(event);
                }
                Some((_, event)) => panic!("{event:?} without members"),
                None => break,
            }
        }
        self.kernel.borrow_mut().now_us = until_us;
    }

    fn signal(&self, pid: Pid, signal: Signal) {
        self.kernel.borrow_mut().signal(pid, signal).unwrap();
    }

    fn processes(&self) -> usize {
        self.kernel.borrow().procs.len()
    }

    fn open_tty(&self) -> Pid {
        let image = crate::exe::image("shell", "");
        let at = self.kernel.borrow().at(HOST);
        let mut kernel = self.kernel.borrow_mut();
        kernel.host_mut(HOST).disk.install("/bin/sh", &image, 0o755, at).unwrap();
        drop(kernel);
        tty_open(&self.kernel, TTY, HOST, SpawnSpec::new("/bin/sh", &["-sh"])).unwrap()
    }

    /// What the terminal printed, and the exit codes of its commands.
    fn tty_events(&self) -> (BTreeMap<&'static str, Vec<u8>>, Vec<i32>) {
        let mut output: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        let mut exits = Vec::new();
        for happened in self.kernel.borrow_mut().events.drain() {
            match happened.what {
                WorldEvent::TtyOutput { stream, bytes, .. } => {
                    let name = if stream == Stream::Stdout { "out" } else { "err" };
                    output.entry(name).or_default().extend_from_slice(&bytes);
                }
                WorldEvent::CommandDone { exit, .. } => exits.push(exit),
                _ => {}
            }
        }
        (output, exits)
    }
}

#[test]
fn sleepers_wake_in_the_order_of_their_times() {
    let rig = Rig::new();
    for (name, us) in [("c", 30), ("a", 10), ("b", 20), ("a2", 10), ("now", 0)] {
        let say = rig.say();
        rig.spawn(async move |sys| {
            sys.sleep_us(us).await;
            say(&format!("{name} at {}", sys.mono_us()));
            0
        });
    }
    rig.run(1000);
    assert_eq!(rig.said(), ["now at 0", "a at 10", "a2 at 10", "b at 20", "c at 30"]);
    assert_eq!(rig.processes(), 0);
}

#[test]
fn a_race_drops_the_loser_and_its_timer() {
    let rig = Rig::new();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        let slow = async {
            sys.sleep_us(5_000_000).await;
            "slow"
        };
        let quick = async {
            sys.sleep_us(10).await;
            "quick"
        };
        assert_eq!(race(slow, quick).await, Either::Right("quick"));
        assert_eq!(race(async { 1 }, async { 2 }).await, Either::Left(1));
        say(&format!("at {}", sys.mono_us()));
        0
    });
    rig.run(100);
    assert_eq!(rig.said(), ["at 10"]);
    assert_eq!(rig.kernel.borrow().queue.len(), 0, "the loser's timer is cancelled");
}

#[test]
fn a_full_pipe_holds_its_writer() {
    let rig = Rig::new();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        let (out, into) = sys.pipe().unwrap();
        let spec = SpawnSpec { fds: vec![(Fd::STDOUT, into)], ..SpawnSpec::new("", &["w"]) };
        let told = Rc::new(RefCell::new(0));
        let tell = told.clone();
        let writer = sys.fork_task(spec, |sys| {
            Box::pin(async move {
                let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
                sys.write(Fd::STDOUT, &bytes).await.unwrap();
                *tell.borrow_mut() = sys.mono_us();
                3
            })
        });
        sys.close(into).unwrap();
        sys.sleep_us(1_000_000).await;
        assert_eq!(*told.borrow(), 0, "nobody has read yet");
        let bytes = sys.read_to_end(out).await.unwrap();
        assert!(bytes.iter().enumerate().all(|(i, byte)| *byte == (i as u32 % 251) as u8));
        let status = sys.wait(writer.unwrap()).await;
        say(&format!("{} {status:?} at {}", bytes.len(), told.borrow()));
        0
    });
    rig.run(2_000_000);
    assert_eq!(rig.said(), ["200000 Code(3) at 1000000"]);
}

#[test]
fn a_pipe_without_a_reader_ends_its_writer() {
    let rig = Rig::new();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        for ignore in [false, true] {
            let (out, into) = sys.pipe().unwrap();
            let spec = SpawnSpec { fds: vec![(Fd::STDOUT, into)], ..SpawnSpec::new("", &["w"]) };
            let writer = sys.fork_task(spec, move |sys| {
                Box::pin(async move {
                    if ignore {
                        sys.ignore(Signal::Pipe);
                    }
                    loop {
                        if let Err(errno) = sys.write(Fd::STDOUT, b"y\n").await {
                            return if errno == Errno::Epipe { 1 } else { 2 };
                        }
                    }
                })
            });
            sys.close(into).unwrap();
            sys.read(out, 10).await.unwrap();
            sys.close(out).unwrap();
            say(&format!("{:?}", sys.wait(writer.unwrap()).await));
        }
        0
    });
    rig.run(1_000_000);
    assert_eq!(rig.said(), ["Signal(Pipe)", "Code(1)"]);
}

/// Says so when it is dropped.
struct Guard<F: Fn(&str)>(F);

impl<F: Fn(&str)> Drop for Guard<F> {
    fn drop(&mut self) {
        (self.0)("dropped");
    }
}

#[test]
fn a_signal_ends_caught_or_not() {
    let rig = Rig::new();
    let say = rig.say();
    let deaf = rig.spawn(async move |sys| {
        let _guard = Guard(say);
        sys.sleep_us(1 << 40).await;
        0
    });
    let say = rig.say();
    let polite = rig.spawn(async move |sys: Sys| {
        sys.catch(Signal::Term);
        sys.catch(Signal::Int);
        for _ in 0..2 {
            say(sys.caught().await.name());
        }
        0
    });
    rig.run(10);
    rig.signal(deaf, Signal::Term);
    rig.signal(polite, Signal::Int);
    rig.signal(polite, Signal::Term);
    rig.run(20);
    assert_eq!(rig.said(), ["dropped", "INT", "TERM"]);
    assert_eq!(rig.processes(), 0);
    assert_eq!(rig.kernel.borrow_mut().signal(deaf, Signal::Term), Err(Errno::Esrch));
}

#[test]
fn a_stopped_process_does_nothing_until_it_goes_on() {
    let rig = Rig::new();
    let say = rig.say();
    let pid = rig.spawn(async move |sys: Sys| {
        for _ in 0..3 {
            sys.sleep_us(100).await;
            say(&sys.mono_us().to_string());
        }
        0
    });
    rig.run(150);
    rig.signal(pid, Signal::Stop);
    rig.run(1000);
    assert_eq!(rig.said(), ["100"]);
    assert_eq!(rig.kernel.borrow().ps(HOST)[0].state, ProcState::Stopped);
    rig.signal(pid, Signal::Cont);
    rig.run(1050);
    assert_eq!(rig.said(), ["1000"]);
    rig.signal(pid, Signal::Stop);
    rig.signal(pid, Signal::Term);
    rig.run(2000);
    assert!(rig.kernel.borrow().is_alive(pid), "TERM waits");
    rig.signal(pid, Signal::Cont);
    rig.run(3000);
    assert_eq!(rig.said(), Vec::<String>::new());
    assert_eq!(rig.processes(), 0);
}

#[test]
fn children_are_waited_for_once() {
    let rig = Rig::new();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        let child = |us, code: i32| {
            sys.fork_task(SpawnSpec::new("", &["child"]), move |sys| {
                Box::pin(async move {
                    // A grandchild that outlives its parent is nobody's zombie.
                    let spec = SpawnSpec::new("", &["grandchild"]);
                    let code_of = |sys: Sys| -> Task {
                        Box::pin(async move {
                            sys.sleep_us(us + 500).await;
                            0
                        })
                    };
                    sys.fork_task(spec, code_of).unwrap();
                    sys.sleep_us(us).await;
                    code
                })
            })
            .unwrap()
        };
        let (slow, quick, wrong) = (child(300, 1), child(100, 2), child(200, -1));
        assert_eq!(sys.wait_any().await, Some((quick, ExitStatus::Code(2))));
        assert_eq!(sys.try_wait(slow), None);
        sys.kill(slow, Signal::Kill).unwrap();
        assert_eq!(sys.wait(slow).await, ExitStatus::Signal(Signal::Kill));
        assert_eq!(sys.wait(wrong).await, ExitStatus::Code(255));
        assert_eq!(sys.wait(wrong).await, ExitStatus::Code(127), "only once");
        assert_eq!(sys.wait_any().await, None);
        say(&sys.mono_us().to_string());
        0
    });
    rig.run(250);
    assert_eq!(rig.said(), ["200"]);
    assert_eq!(rig.processes(), 3, "the grandchildren");
    rig.run(2000);
    assert_eq!(rig.processes(), 0);
}

#[test]
fn a_process_that_kills_itself_runs_to_its_next_wait() {
    let rig = Rig::new();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        sys.kill(sys.pid(), Signal::Kill).unwrap();
        say(&format!("still {}", sys.args().join(" ")));
        sys.print("lost").await;
        say("never");
        0
    });
    rig.run(10);
    assert_eq!(rig.said(), ["still test"]);
    assert_eq!(rig.processes(), 0);
}

#[test]
fn endless_work_makes_time_pass() {
    let rig = Rig::new();
    let yes = rig.spawn(async |sys: Sys| {
        loop {
            sys.write(Fd::STDOUT, b"y\n").await.unwrap();
        }
    });
    let spin = rig.spawn(async |sys: Sys| {
        loop {
            sys.yield_now().await;
        }
    });
    let (cat, zero) = (OpenFlags::READ, "/dev/zero");
    let copy = rig.spawn(async move |sys: Sys| {
        let from = sys.open(zero, cat).unwrap();
        sys.read_to_end(from).await.map_or(1, |_| 0)
    });
    rig.run(20_000);
    assert!(rig.kernel.borrow().is_alive(yes) && rig.kernel.borrow().is_alive(spin));
    for pid in [yes, spin, copy] {
        rig.signal(pid, Signal::Kill);
    }
    rig.run(20_001);
    assert_eq!(rig.processes(), 0);
}

#[test]
fn files_are_executed_when_they_can_be() {
    let rig = Rig::new();
    let say = rig.say();
    let install = |path: &str, bytes: &[u8], mode| {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut kernel = rig.kernel.borrow_mut();
        let at = kernel.at(HOST);
        kernel.host_mut(HOST).disk.install(path, &bytes, mode, at).unwrap();
    };
    install("/bin/name", &crate::exe::image("name", "3.6.14"), 0o755);
    install("/bin/plain", &crate::exe::image("name", "3.6.14"), 0o644);
    install("/bin/strange", &crate::exe::image("strange", ""), 0o755);
    install("/bin/text", b"echo", 0o755);
    install("/bin/script", b"#!/bin/name -e\n", 0o755);
    rig.spawn(async move |sys: Sys| {
        let (out, into) = sys.pipe().unwrap();
        for path in ["name", "plain", "strange", "text", "none", "script", "/bin"] {
            sys.chdir("/bin").unwrap();
            let fds = vec![(Fd::STDOUT, into)];
            let spec = SpawnSpec { fds, ..SpawnSpec::new(path, &[path, "arg"]) };
            match sys.spawn(spec) {
                Ok(pid) => {
                    let status = sys.wait(pid).await.code();
                    let text = sys.read(out, 100).await.unwrap();
                    say(&format!("{status} {}", String::from_utf8_lossy(&text).trim_end()));
                }
                Err(errno) => say(&errno.to_string()),
            }
        }
        0
    });
    rig.run(10);
    let want = [
        "7 3.6.14 name arg",
        "Permission denied",
        "Exec format error",
        "Exec format error",
        "No such file or directory",
        "7 3.6.14 /bin/name -e /bin/script arg",
        "Permission denied",
    ];
    assert_eq!(rig.said(), want);
}

#[test]
fn open_files_are_shared_with_children_and_devices_are_devices() {
    let rig = Rig::new();
    rig.spawn(async move |sys: Sys| {
        let file = sys.open("/tmp/f", OpenFlags::WRITE).unwrap();
        sys.write(file, b"one ").await.unwrap();
        let spec = SpawnSpec { fds: vec![(Fd::STDOUT, file)], ..SpawnSpec::new("", &["c"]) };
        let child = sys
            .fork_task(spec, |sys| {
                Box::pin(async move {
                    let out = sys.open("/dev/stdout", OpenFlags::WRITE).unwrap();
                    sys.write(out, b"two ").await.map_or(1, |()| 0)
                })
            })
            .unwrap();
        assert_eq!(sys.wait(child).await, ExitStatus::Code(0));
        sys.write(file, b"three").await.unwrap();
        let more = sys.open("/tmp/f", OpenFlags::APPEND).unwrap();
        sys.write(more, b"!").await.unwrap();
        sys.fsync(more).await.unwrap();
        assert!(sys.mono_us() > 0, "a sync takes time");
        assert_eq!(sys.read_file("/tmp/f").unwrap(), Bytes::from_static(b"one two three!"));
        assert_eq!(sys.open("/tmp", OpenFlags::WRITE), Err(Errno::Eisdir));
        assert_eq!(sys.open("/dev/tty", OpenFlags::READ), Err(Errno::Enxio));
        let full = sys.open("/dev/full", OpenFlags::WRITE).unwrap();
        assert_eq!(sys.write(full, b"x").await, Err(Errno::Enospc));
        let zero = sys.open("/dev/zero", OpenFlags::READ).unwrap();
        assert_eq!(sys.read(zero, 3).await.unwrap(), Bytes::from_static(&[0; 3]));
        assert_eq!(sys.read(full.min(more), 3).await, Err(Errno::Ebadf));
        let excl = OpenFlags { exclusive: true, ..OpenFlags::WRITE };
        assert_eq!(sys.open("/tmp/f", excl), Err(Errno::Eexist));
        0
    });
    rig.run(100_000);
    assert_eq!(rig.processes(), 0, "no assertion was hit");
    assert!(rig.kernel.borrow().opens.is_empty(), "all is closed");
}

#[test]
fn a_flood_on_a_terminal_moves_time() {
    let rig = Rig::new();
    rig.open_tty();
    rig.kernel.borrow_mut().tty_command(TTY, "print 1000".to_owned());
    rig.run(0);
    let (output, exits) = rig.tty_events();
    assert_eq!((output["out"].len(), exits), (1000, vec![0]), "a little takes no time");
    rig.kernel.borrow_mut().tty_command(TTY, "loop".to_owned());
    rig.run(99_999);
    let (output, _) = rig.tty_events();
    let per_rest = crate::tty::FLOOD_BYTES as usize + 2000;
    assert!((10_000..=11 * per_rest).contains(&output["out"].len()), "{}", output["out"].len());
    assert_eq!(rig.kernel.borrow().tty_running(TTY).as_deref(), Some("loop"));
    rig.kernel.borrow_mut().tty_signal(TTY, Signal::Int);
    rig.run(100_000);
    assert_eq!(rig.tty_events().1, [130]);
}

#[test]
fn a_terminal_feeds_the_foreground_and_hangs_up() {
    let rig = Rig::new();
    let shell = rig.open_tty();
    {
        let mut kernel = rig.kernel.borrow_mut();
        kernel.tty_command(TTY, "cat".to_owned());
        kernel.tty_stdin(TTY, b"one\ntwo");
    }
    rig.run(10);
    rig.kernel.borrow_mut().tty_stdin(TTY, b"\n");
    rig.kernel.borrow_mut().tty_eof(TTY);
    rig.run(20);
    let (output, exits) = rig.tty_events();
    assert_eq!((output["out"].as_slice(), exits), (b"one\ntwo\n".as_slice(), vec![0]));
    rig.kernel.borrow_mut().tty_command(TTY, "cat".to_owned());
    rig.run(30);
    rig.kernel.borrow_mut().tty_signal(TTY, Signal::Int);
    rig.run(40);
    assert_eq!(rig.tty_events().1, [130]);
    assert!(rig.kernel.borrow().is_alive(shell), "the shell is not in the foreground");
    rig.kernel.borrow_mut().tty_command(TTY, "cat".to_owned());
    rig.run(50);
    rig.kernel.borrow_mut().tty_close(TTY);
    rig.run(60);
    assert_eq!(rig.processes(), 0);
    assert!(!rig.kernel.borrow().tty_alive(TTY));
}

#[test]
fn a_power_loss_takes_processes_and_what_was_not_synced() {
    let rig = Rig::new();
    let shell = rig.open_tty();
    let say = rig.say();
    rig.spawn(async move |sys: Sys| {
        let _guard = Guard(say);
        sys.mkdir("/data", 0o700).unwrap();
        for name in ["/data/synced", "/data/not"] {
            let file = sys.open(name, OpenFlags::WRITE).unwrap();
            sys.write(file, b"text").await.unwrap();
            if name == "/data/synced" {
                sys.fsync(file).await.unwrap();
            }
        }
        sys.sleep_us(1 << 40).await;
        0
    });
    rig.run(100_000);
    rig.kernel.borrow_mut().power_off(HOST);
    run_ready(&rig.kernel);
    assert_eq!(rig.said(), ["dropped"]);
    assert_eq!(rig.processes(), 0);
    assert!(!rig.kernel.borrow().is_alive(shell));
    assert!(!rig.kernel.borrow().tty_alive(TTY));
    let spec = SpawnSpec::new("/bin/sh", &["sh"]);
    assert_eq!(spawn_exec(&rig.kernel, HOST, spec, Stdio::Null), Err(Errno::Eio));
    rig.kernel.borrow_mut().power_on(HOST);
    let kernel = rig.kernel.borrow();
    let disk = &kernel.host(HOST).disk;
    assert_eq!(disk.read_file("/data/synced").unwrap(), Bytes::from_static(b"text"));
    let not = disk.read_file("/data/not").unwrap_or_default();
    assert!(not.is_empty() || not.len() == 4);
}

#[test]
fn modes_are_enforced_for_all_but_root() {
    use crate::cred::{Cred, Owner};
    use crate::disk::{At, Disk, Need};
    use crate::rng::Rng;
    let mut rig = Disk::new(1 << 30, Rng::for_purpose(1, "disk", 0));
    let root = At { now_us: 0, wall_us: 0, owner: Owner::ROOT };
    let ann = Cred { uid: 1000, gid: 1000, groups: vec![27] };
    let mut put = |path: &str, mode: u16, (uid, gid): (u32, u32)| {
        rig.install(path, &Bytes::from_static(b"x"), mode, root).unwrap();
        rig.give(path, Owner { uid, gid }).unwrap();
    };
    put("/open/file", 0o644, (0, 0));
    put("/open/own", 0o600, (1000, 1000));
    put("/open/group", 0o640, (0, 27));
    put("/open/secret", 0o600, (0, 0));
    put("/closed/file", 0o666, (0, 0));
    put("/tmp/theirs", 0o666, (0, 0));
    put("/tmp/mine", 0o600, (1000, 1000));
    rig.chmod("/closed", 0o700).unwrap();
    rig.chmod("/tmp", 0o1777).unwrap();
    for (path, need, want) in [
        ("/open/file", Need::Read, Ok(())),
        ("/open/file", Need::Write, Err(Errno::Eacces)),
        ("/open/own", Need::ReadWrite, Ok(())),
        ("/open/group", Need::Read, Ok(())),
        ("/open/group", Need::Write, Err(Errno::Eacces)),
        ("/open/secret", Need::Read, Err(Errno::Eacces)),
        ("/open/secret", Need::Reach, Ok(())),
        ("/open/secret", Need::Remove, Err(Errno::Eacces)),
        ("/open/new", Need::Make, Err(Errno::Eacces)),
        ("/open/file", Need::Own, Err(Errno::Eperm)),
        ("/closed", Need::Reach, Ok(())),
        ("/closed", Need::Execute, Err(Errno::Eacces)),
        ("/closed/file", Need::Reach, Err(Errno::Eacces)),
        ("/tmp/new", Need::Make, Ok(())),
        ("/tmp/theirs", Need::Remove, Err(Errno::Eperm)),
        ("/tmp/mine", Need::Remove, Ok(())),
        ("/tmp/mine", Need::Own, Ok(())),
    ] {
        assert_eq!(rig.permits(&ann, path, true, need), want, "{path} {need:?}");
        assert_eq!(rig.permits(&Cred::ROOT, path, true, need), Ok(()), "{path} {need:?}");
    }
    assert_eq!(rig.chown(&ann, "/tmp/mine", true, (Some(0), None)), Err(Errno::Eperm));
    assert_eq!(rig.chown(&ann, "/tmp/mine", true, (None, Some(27))), Ok(()));
    assert_eq!(rig.chown(&Cred::ROOT, "/tmp/mine", true, (Some(0), Some(0))), Ok(()));
}
