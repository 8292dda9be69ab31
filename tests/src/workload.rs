//! The workloads of the benchmarks, as commands to a machine: the same bytes drive the
//! native session and core.wasm, so their times can be compared.

use lab::api::{Answer, Command, Input, Part, TtyId, Want, WorldOptions};
use lab::machine::Machine;
use lab::worlds;

const EVENTS_MAX: u32 = 1_000_000_000;
const TTY: TtyId = TtyId(1);
const SLICE_US: u64 = 100_000;

/// A workload that was run once, to know its commands.
pub struct Workload {
    /// Its name in the table.
    pub name: &'static str,
    /// What the figure counts per second.
    pub unit: &'static str,
    /// What comes before the measured part.
    pub setup: Vec<Command>,
    /// The measured part.
    pub measured: Vec<Command>,
    /// How many units the measured part is.
    pub amount: u64,
    /// The figure to reach in the page.
    pub goal: u64,
    /// The linear memory to stay within after it, in megabytes; 0 where none is asked.
    pub memory_goal_mb: u64,
}

/// Every workload of the table.
pub fn all() -> Vec<Workload> {
    vec![
        idle("idle, 3 members, checkers on", true),
        idle("idle, 3 members, checkers off", false),
        steady(),
        puts("puts, 3 members, checkers on", &PUTS, true, 3, 25_000, 0),
        puts("puts, 3 members, checkers off", &PUTS, false, 3, 50_000, 0),
        puts("100,000 keys, 3 members", &KEYS, false, 3, 50_000, 100),
        puts("100,000 keys, 4 members", &KEYS, false, 4, 0, 140),
    ]
}

/// Runs commands one by one; a refusal is a broken benchmark.
pub fn run(machine: &mut Machine, commands: &[Command]) {
    for command in commands {
        send(machine, command);
    }
}

fn send(machine: &mut Machine, command: &Command) -> Answer {
    let answer = machine.call(command.clone());
    assert!(!matches!(answer, Answer::Refused(_)), "{command:?}: {answer:?}");
    answer
}

/// A load of puts: how many, and the flags that say of what.
struct Load {
    amount: u64,
    flags: &'static str,
}

/// As in the benchmark of etcd's documentation.
const PUTS: Load = Load { amount: 50_000, flags: "--val-size=256" };
/// Every key once: what a member holds of them.
const KEYS: Load =
    Load { amount: 100_000, flags: "--key-size=64 --key-space-size=100000 --val-size=256" };

fn settled(checkers: bool, members: u8) -> (WorldOptions, u64, Vec<Command>) {
    let options = worlds::options("cluster", members, "3.6", 7).expect("these options are right");
    let options = WorldOptions { checkers, ..options };
    let until_us = 7_000_000;
    let setup = vec![
        Command::New(options.clone()),
        Command::Advance { until_us, events_max: EVENTS_MAX },
        Command::Apply(Input::OpenTty { tty: TTY, host: "n1".into() }),
    ];
    (options, until_us, setup)
}

/// Nothing but heartbeats: how much faster than real time.
fn idle(name: &'static str, checkers: bool) -> Workload {
    let (_, now_us, setup) = settled(checkers, 3);
    let span_us = 600_000_000;
    let measured = vec![Command::Advance { until_us: now_us + span_us, events_max: EVENTS_MAX }];
    Workload {
        name,
        unit: "x real time",
        setup,
        measured,
        amount: span_us / 1_000_000,
        goal: 10_000,
        memory_goal_mb: 0,
    }
}

/// A hundred writes a second: how much faster than real time.
fn steady() -> Workload {
    let (_, now_us, mut setup) = settled(true, 3);
    let span_us = 60_000_000;
    setup.push(line("benchmark put --rate=100 --total=100000 --val-size=256"));
    let measured = vec![Command::Advance { until_us: now_us + span_us, events_max: EVENTS_MAX }];
    let name = "100 writes/s, 3 members, checkers on";
    Workload {
        name,
        unit: "x real time",
        setup,
        measured,
        amount: span_us / 1_000_000,
        goal: 200,
        memory_goal_mb: 0,
    }
}

/// As many puts as go through with 256 outstanding.
fn puts(
    name: &'static str,
    load: &Load,
    checkers: bool,
    members: u8,
    goal: u64,
    memory_goal_mb: u64,
) -> Workload {
    let Load { amount, flags } = *load;
    let (_, mut now_us, setup) = settled(checkers, members);
    let mut machine = Machine::new();
    run(&mut machine, &setup);
    let leader = leader(&mut machine);
    let put =
        format!("benchmark put --endpoints={leader}:2379 --total={amount} --clients=256 {flags}");
    let mut measured = vec![line(&put)];
    run(&mut machine, &measured);
    while is_running(&mut machine) {
        now_us += SLICE_US;
        let advance = Command::Advance { until_us: now_us, events_max: EVENTS_MAX };
        send(&mut machine, &advance);
        measured.push(advance);
    }
    Workload { name, unit: "puts/s", setup, measured, amount, goal, memory_goal_mb }
}

fn line(text: &str) -> Command {
    Command::Apply(Input::Line { tty: TTY, text: text.into() })
}

fn parts(machine: &mut Machine) -> Vec<Part> {
    match send(machine, &Command::View(Want::default())) {
        Answer::Delta(delta) => delta.parts,
        other => panic!("a view is answered by a delta, not {other:?}"),
    }
}

fn leader(machine: &mut Machine) -> String {
    let leader = parts(machine).into_iter().find_map(|part| match part {
        Part::World(world) => world.leader,
        _ => None,
    });
    leader.expect("after seven seconds there is a leader")
}

fn is_running(machine: &mut Machine) -> bool {
    parts(machine)
        .iter()
        .any(|part| matches!(part, Part::TtyState(state) if state.running.is_some()))
}
