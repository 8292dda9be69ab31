//! Scenarios of raft as text: what is done to a cluster, and what must be told of it.
//!
//! A file of `tests/scenarios` is a list of lines:
//!
//! * `cluster N [seed=N] [release=3.5]`: a fresh world, settled; binds `$leader`, `$f1`, `$f2`…
//!   (the followers, by name). `bind` does so again.
//! * `sim WORDS`: a fault, in the words of the command `sim`.
//! * `run TIME`: time passes.
//! * `HOST$ COMMAND` types a command; lines `| TEXT` below it are its output, stdout then stderr
//!   (`*` stands for anything), and `= EXIT` its status (0 if not given).
//! * `told TEXT`: since the last command or fault of this file a sentence with these words was
//!   told, after those found before it. `untold TEXT`: none was.
//! * `member HOST FIELD=VALUE…`: of its card: role, term, leader, voter, learner, power, lead
//!   (`+1`: one more than when last bound).
//! * `agree`: every running member has applied the same.
//!
//! Each file runs twice and must leave the same trace.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that unwraps fails")]

use std::fs;
use std::path::Path;

use lab::api::{MemberCard, Part, Want};
use lab::session::Session;
use lab::simctl::duration_us;
use lab::typist::{Outcome, Typist};
use lab::worlds;

/// The members of a world, and what was told of it.
struct Play {
    typist: Typist,
    names: Vec<(String, String)>,
    term: u64,
    story: Vec<String>,
    /// Sentences up to here were asked for, or came before the last action.
    heard: usize,
    seen: u64,
    cards: Vec<MemberCard>,
    outcome: Option<(Outcome, String)>,
}

impl Play {
    fn new(words: &[&str]) -> Play {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let members = words[0].parse().unwrap();
        let seed = option("seed=").map_or(1, |seed| seed.parse().unwrap());
        let release = option("release=").unwrap_or("3.6");
        let options = worlds::options("cluster", members, release, seed).unwrap();
        let mut session = Session::new(options).unwrap();
        session.settle_in().unwrap();
        let mut play = Play {
            typist: Typist::new(session, "n1", 600_000_000),
            names: Vec::new(),
            term: 0,
            story: Vec::new(),
            heard: 0,
            seen: 0,
            cards: Vec::new(),
            outcome: None,
        };
        play.bind();
        play
    }

    /// Takes in what the session shows.
    fn look(&mut self) {
        let want = Want { seen: self.seen, ..Want::default() };
        let delta = self.typist.session_mut().view(&want);
        self.seen = delta.seq;
        for part in delta.parts {
            match part {
                Part::Story(rows) => self.story.extend(rows.into_iter().map(|row| row.text)),
                Part::Members(cards) => {
                    for card in cards {
                        self.cards.retain(|old| old.host != card.host);
                        self.cards.push(card);
                    }
                }
                _ => {}
            }
        }
    }

    fn bind(&mut self) {
        self.look();
        let lead = |card: &&MemberCard| format!("{:?}", card.role) == "Some(Leader)";
        let leader = self.cards.iter().filter(lead).max_by_key(|card| card.term);
        let leader = leader.expect("somebody leads").clone();
        let follows = |card: &&MemberCard| card.role.is_some() && card.host != leader.host;
        let mut followers: Vec<String> =
            self.cards.iter().filter(follows).map(|card| card.host.clone()).collect();
        followers.sort();
        self.names = vec![("$leader".to_owned(), leader.host)];
        let numbered = (1..).zip(followers).map(|(n, host)| (format!("$f{n}"), host));
        self.names.extend(numbered);
        self.term = leader.term;
    }

    fn applied(&self, line: &str) -> String {
        self.names.iter().fold(line.to_owned(), |line, (name, host)| line.replace(name, host))
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = self.applied(line);
        if let Some(expected) = line.strip_prefix("| ").or((line == "|").then_some("")) {
            return self.printed(expected);
        }
        if let Some((host, command)) = line.split_once("$ ").filter(|(host, _)| !host.contains(' '))
        {
            self.finished(0)?;
            self.look();
            self.heard = self.story.len();
            return self.type_in(host, command);
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if verb == "=" {
            return self.finished(rest.parse().map_err(|_| "= takes an exit status")?);
        }
        self.finished(0)?;
        self.look();
        match verb {
            "sim" => {
                self.heard = self.story.len();
                let input = lab::api::Input::Sim { line: rest.to_owned() };
                self.typist.session_mut().apply(input)?;
            }
            "run" => {
                let session = self.typist.session_mut();
                let until = session.now_us() + duration_us(rest)?;
                session.advance(until, u32::MAX)?;
            }
            "bind" => self.bind(),
            "told" => {
                let after = self.story[self.heard..].iter().position(|text| text.contains(rest));
                let found = after.ok_or_else(|| format!("told were:\n{}", self.recent()))?;
                self.heard += found + 1;
            }
            "untold" if self.story[self.heard..].iter().any(|text| text.contains(rest)) => {
                return Err(format!("told were:\n{}", self.recent()));
            }
            "untold" => {}
            "member" => self.member(rest)?,
            "agree" => self.agree()?,
            _ => return Err("an unknown verb".to_owned()),
        }
        match self.typist.session().violation() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    fn recent(&self) -> String {
        self.story[self.heard..].join("\n")
    }

    fn type_in(&mut self, host: &str, command: &str) -> Result<(), String> {
        let outcome = self.typist.run(&format!("@{host} {command}"), &mut |_, _| {})?;
        let text = [outcome.stdout.clone(), outcome.stderr.clone()].concat();
        self.outcome = Some((outcome, String::from_utf8_lossy(&text).into_owned()));
        Ok(())
    }

    /// The next line of what the last command printed.
    fn printed(&mut self, expected: &str) -> Result<(), String> {
        let (_, left) = self.outcome.as_mut().ok_or("no command before it")?;
        let (line, rest) = left.split_once('\n').unwrap_or((left, ""));
        if !matches(line, expected) {
            return Err(format!("printed was: {line}"));
        }
        *left = rest.to_owned();
        Ok(())
    }

    /// Everything the last command printed was expected, if anything was; and its status.
    fn finished(&mut self, exit: i32) -> Result<(), String> {
        match self.outcome.take() {
            Some((outcome, left)) if outcome.exit != exit => {
                Err(format!("the command before exits {}: {left}", outcome.exit))
            }
            Some((_, left)) if !left.is_empty() => Err(format!("printed was also: {left}")),
            _ => Ok(()),
        }
    }

    fn member(&self, rest: &str) -> Result<(), String> {
        let mut words = rest.split(' ');
        let host = words.next().unwrap_or_default();
        let card = self.cards.iter().find(|card| card.host == host).ok_or("there is no card")?;
        for word in words {
            let (field, value) = word.split_once('=').ok_or("FIELD=VALUE")?;
            let role = card.role.map_or("none".to_owned(), |role| format!("{role:?}"));
            let found = match field {
                "role" => role.to_lowercase(),
                "term" if value.starts_with('+') => format!("+{}", card.term - self.term),
                "term" => card.term.to_string(),
                "leader" => card.leader.clone().unwrap_or_else(|| "none".to_owned()),
                "voter" => card.voter.to_string(),
                "learner" => card.learner.to_string(),
                "power" => format!("{:?}", card.power).to_lowercase(),
                "revision" => card.revision.to_string(),
                _ => return Err(format!("a card has no {field}")),
            };
            if found != value {
                return Err(format!("{field} is {found}"));
            }
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), String> {
        let state = |card: &MemberCard| (card.applied, card.revision);
        let states: Vec<_> =
            self.cards.iter().filter(|card| card.role.is_some()).map(state).collect();
        match states.windows(2).all(|pair| pair[0] == pair[1]) {
            true => Ok(()),
            false => Err(format!("applied index and revision: {states:?}")),
        }
    }
}

/// Whether a text has a pattern's parts in order; `*` stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    pattern.ends_with('*') || rest.is_empty()
}

fn play(name: &str, text: &str) -> u64 {
    let mut play: Option<Play> = None;
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(words) = line.strip_prefix("cluster ") {
            play = Some(Play::new(&words.split(' ').collect::<Vec<_>>()));
            continue;
        }
        let play = play.as_mut().expect("a scenario begins with a cluster");
        if let Err(error) = play.line(line) {
            panic!("{name}:{number}: {line}\n{error}");
        }
    }
    let mut play = play.expect("a scenario has lines");
    play.finished(0).unwrap_or_else(|error| panic!("{name}: at its end: {error}"));
    play.typist.session_mut().trace_hash()
}

#[test]
fn every_scenario_goes_as_it_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 8, "the scenarios are there");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(play(&name, &text), play(&name, &text), "{name} goes otherwise each time");
    }
}
