//! Runs the scripts of `tests/traces` natively, checks their trace hashes against
//! `golden.txt` (`UPDATE=1` writes it anew), and records every command and answer as a
//! stream that `replay.mjs` compares with what core.wasm answers.
//!
//! A script is a list of lines: `new MEMBERS SEED`, `run TIME_MS`, `tty N HOST`,
//! `line N TEXT`, `interrupt N`, `sim LINE`, `step COUNT`, `view`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lab::api::{Answer, Command, Input, TtyId, TtySignal, Want};
use lab::machine::Machine;
use lab::worlds;

const EVENTS_MAX: u32 = 1_000_000_000;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("traces: name the folder for the streams");
        return ExitCode::from(2);
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("traces: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<(), String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut golden = String::new();
    for script in scripts(&here)? {
        let name =
            script.file_stem().and_then(|stem| stem.to_str()).ok_or("a script without a name")?;
        let text = fs::read_to_string(&script).map_err(|error| format!("{name}: {error}"))?;
        let mut recorder = Recorder::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            recorder.line(line).map_err(|error| format!("{name}: {line}: {error}"))?;
        }
        let trace = recorder.machine.session().map_or(0, |session| session.trace_hash());
        let file = folder.join(name).with_extension("stream");
        fs::write(&file, &recorder.stream)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        golden.push_str(&format!("{name} {trace:016x}\n"));
    }
    let file = here.join("golden.txt");
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(&file, golden).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(&file).map_err(|error| format!("golden.txt: {error}"))?;
    if golden == expected {
        return Ok(());
    }
    Err(format!("the traces changed (UPDATE=1 records them):\nwas:\n{expected}is:\n{golden}"))
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "trace"))
        .collect();
    scripts.sort();
    Ok(scripts)
}

#[derive(Default)]
struct Recorder {
    machine: Machine,
    stream: Vec<u8>,
    now_us: u64,
}

impl Recorder {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "new" => {
                let (members, seed) = pair(rest)?;
                let members = u8::try_from(members).map_err(|_| "too many members")?;
                self.send(Command::New(worlds::options("cluster", members, "3.6", seed)?))
            }
            "run" => {
                let until_us =
                    self.now_us + rest.parse::<u64>().map_err(|_| "a time in ms")? * 1000;
                self.send(Command::Advance { until_us, events_max: EVENTS_MAX })
            }
            "tty" => {
                let (tty, host) = tty(rest)?;
                self.input(Input::OpenTty { tty, host })
            }
            "line" => {
                let (tty, text) = tty(rest)?;
                self.input(Input::Line { tty, text })
            }
            "interrupt" => {
                let tty = TtyId(rest.parse().map_err(|_| "a terminal's number")?);
                self.input(Input::Signal { tty, signal: TtySignal::Interrupt })
            }
            "sim" => self.input(Input::Sim { line: rest.into() }),
            "step" => {
                for _ in 0..rest.parse::<u32>().map_err(|_| "a count")? {
                    self.send(Command::Step)?;
                }
                Ok(())
            }
            "view" => {
                let hosts = || (1..=9).map(|n| format!("n{n}")).collect();
                let host = Some("n1".to_string());
                let want = Want {
                    seen: 0,
                    flights: true,
                    logs: hosts(),
                    keys: host.clone(),
                    host,
                    folder: None,
                };
                self.send(Command::View(want))
            }
            other => Err(format!("unknown verb '{other}'")),
        }
    }

    fn input(&mut self, input: Input) -> Result<(), String> {
        self.send(Command::Apply(input))
    }

    fn send(&mut self, command: Command) -> Result<(), String> {
        let bytes = postcard::to_allocvec(&command).map_err(|error| error.to_string())?;
        let answer = self.machine.call_bytes(&bytes);
        for part in [&bytes, &answer] {
            let length = u32::try_from(part.len()).map_err(|_| "an answer over 4 GiB")?;
            self.stream.extend_from_slice(&length.to_le_bytes());
            self.stream.extend_from_slice(part);
        }
        match postcard::from_bytes(&answer).map_err(|error| error.to_string())? {
            Answer::Refused(sentence) => Err(sentence),
            Answer::Advanced(advanced) => {
                self.now_us = advanced.now_us;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn pair(text: &str) -> Result<(u64, u64), String> {
    let (first, second) = text.split_once(' ').ok_or("two numbers")?;
    Ok((first.parse().map_err(|_| "a number")?, second.parse().map_err(|_| "a number")?))
}

fn tty(text: &str) -> Result<(TtyId, String), String> {
    let (tty, rest) = text.split_once(' ').ok_or("a terminal's number and more")?;
    Ok((TtyId(tty.parse().map_err(|_| "a terminal's number")?), rest.into()))
}
