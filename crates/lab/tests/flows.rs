//! The guides, typed line by line: every file of `flows/` is one world and what somebody types
//! into it, with what must come of it.
//!
//! `# world NAME [release VERSION]` names the world. A line `$ COMMAND` is typed; lines after it
//! with `|` go on with a here-document. Then `> TEXT` must be in what it printed, `! TEXT` must
//! not, and `= N` is its exit status. Other lines that begin with `#` are remarks.

use lab::session::Session;
use lab::typist::{Outcome, Typist};
use lab::worlds;

/// What a file says of one command.
struct Step {
    line: usize,
    command: String,
    wants: Vec<(char, String)>,
}

struct Flow {
    world: String,
    release: String,
    steps: Vec<Step>,
}

fn read(name: &str) -> Flow {
    let path = format!("{}/tests/flows/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut flow = Flow { world: String::new(), release: "3.6".into(), steps: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        let (mark, rest) = line.split_at(line.len().min(1));
        let rest = rest.strip_prefix(' ').unwrap_or(rest).to_owned();
        match (mark, flow.steps.last_mut()) {
            ("#", _) => {
                let words: Vec<&str> = rest.split_whitespace().collect();
                if let ["world", world, rest @ ..] = words.as_slice() {
                    flow.world = (*world).to_owned();
                    if let ["release", release] = rest {
                        flow.release = (*release).to_owned();
                    }
                }
            }
            ("$", _) => {
                flow.steps.push(Step { line: number + 1, command: rest, wants: Vec::new() });
            }
            ("|", Some(step)) => step.command.push_str(&format!("\n{rest}")),
            (">" | "!" | "=", Some(step)) => {
                step.wants.push((mark.chars().next().unwrap_or(' '), rest));
            }
            ("", _) => {}
            _ => panic!("{path}:{}: {line}", number + 1),
        }
    }
    assert!(!flow.steps.is_empty(), "{path} types nothing");
    flow
}

fn run(name: &str) {
    let flow = read(name);
    let options = worlds::options(&flow.world, 3, &flow.release, 1).expect("a world there is");
    let host = worlds::hosts(&options)[0].clone();
    let mut session = Session::new(options).expect("checked options");
    session.settle_in().expect("the world starts");
    let mut typist = Typist::new(session, &host, 600_000_000);
    for step in &flow.steps {
        let outcome = typist.run(&step.command, &mut |_, _| ()).expect("no promise is broken");
        judge(name, step, &outcome);
    }
}

fn judge(name: &str, step: &Step, outcome: &Outcome) {
    let out = String::from_utf8_lossy(&outcome.stdout).into_owned();
    let said = out + &String::from_utf8_lossy(&outcome.stderr);
    for (mark, want) in &step.wants {
        let good = match mark {
            '>' => said.contains(want.as_str()),
            '!' => !said.contains(want.as_str()),
            _ => outcome.exit.to_string() == *want,
        };
        assert!(
            good,
            "{name}:{}: {}\nwanted {mark} {want}\nexit {}\n{said}",
            step.line, step.command, outcome.exit
        );
    }
}

#[test]
fn install_one_member() {
    // The guide begins with a download; a build without that program cannot follow it.
    if lab::programs::find("curl").is_some() {
        run("install");
    }
}

#[test]
fn mistakes_of_an_installation() {
    run("install-mistakes");
}

#[test]
fn back_up_and_restore_under_systemd() {
    run("external");
}

#[test]
fn a_system_is_a_system() {
    run("system");
}

#[test]
fn ask_etcd_how_it_is() {
    run("status");
}

#[test]
fn an_ordinary_user_asks() {
    run("ordinary");
}

#[test]
fn restore_for_an_api_server() {
    run("restore-external");
}

#[test]
fn what_3_6_removed() {
    run("restore-removed");
}

#[test]
fn find_etcd() {
    run("find-etcd");
}

#[test]
fn replace_a_control_plane_s_member() {
    run("replace-member");
}

#[test]
fn lose_quorum_for_ever() {
    run("quorum-lost");
}

#[test]
fn mistakes_with_static_pods() {
    run("static-pod-mistakes");
}

#[test]
fn encrypt_secrets() {
    run("encrypt");
}

#[test]
fn a_control_plane_leaves() {
    run("kubeadm");
}

#[test]
fn the_shell_s_language_and_the_tools_of_scripts() {
    run("shell");
}
