//! Types a solution as a person would: a line, Enter, a look at what comes, the next line.

use std::collections::VecDeque;

/// Between two keys.
const KEY_MS: f64 = 24.0;
/// Before Enter, so that the line can be read.
const READ_MS: f64 = 420.0;
/// After a command has ended.
const LOOK_MS: f64 = 650.0;
/// Pictures that must have come after Enter before a terminal without a program means that the
/// command has ended.
const PICTURES: u32 = 3;
/// How much faster time passes while a `sleep` is waited for, in thousandths.
pub(crate) const SLEEP_SPEED: u32 = 8000;

/// Where it is.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// The next line is due then.
    Rest(f64),
    /// What is true now is being put into a line.
    Asked,
    /// The line is typed: so much of it, the next key then.
    Typing { line: Vec<u8>, at: usize, next_ms: f64 },
    /// The command runs; so many pictures have come.
    Runs(u32),
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing yet.
    Wait,
    /// The session is to put what is true now into this line; before, a terminal on this host
    /// comes to the front.
    Fill { host: Option<String>, line: String, sleeps: bool },
    /// These bytes are typed.
    Type(Vec<u8>),
    /// All is typed.
    End,
}

/// A solution being typed.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    lines: VecDeque<String>,
    all: usize,
    step: Step,
}

impl Player {
    /// With the commands of a solution, each of one line or of more.
    pub(crate) fn new(lines: Vec<String>) -> Player {
        Player { all: lines.len(), lines: lines.into(), step: Step::Rest(0.0) }
    }

    /// Lines that were begun, and lines there are.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.all - self.lines.len(), self.all)
    }

    /// What is to be done at this wall time. `free` says that the terminal in front waits for
    /// a command and that nothing typed is still on its way.
    pub(crate) fn due(&mut self, wall_ms: f64, free: bool) -> Deed {
        match &mut self.step {
            Step::Asked => Deed::Wait,
            Step::Rest(until_ms) if wall_ms < *until_ms || !free => Deed::Wait,
            Step::Rest(_) => match self.lines.pop_front() {
                None => Deed::End,
                Some(line) => {
                    self.step = Step::Asked;
                    let (host, line) = split(&line);
                    let sleeps = line.starts_with("sleep ");
                    Deed::Fill { host, line: line.into(), sleeps }
                }
            },
            Step::Typing { next_ms, .. } if wall_ms < *next_ms => Deed::Wait,
            Step::Typing { line, at, next_ms } => {
                let Some(first) = line.get(*at).copied() else {
                    self.step = Step::Runs(0);
                    return Deed::Type(vec![b'\r']);
                };
                // A character of several bytes goes at once.
                let more = line[*at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
                let end = *at + 1 + more;
                let key = if first == b'\n' { vec![b'\r'] } else { line[*at..end].to_vec() };
                *at = end;
                *next_ms = wall_ms + if end == line.len() { READ_MS } else { KEY_MS };
                Deed::Type(key)
            }
            Step::Runs(pictures) if *pictures >= PICTURES && free => {
                self.step = Step::Rest(wall_ms + LOOK_MS);
                Deed::Wait
            }
            Step::Runs(_) => Deed::Wait,
        }
    }

    /// The line with what is true now.
    pub(crate) fn filled(&mut self, line: &str, wall_ms: f64) {
        if self.step == Step::Asked {
            let line = line.as_bytes().to_vec();
            self.step = Step::Typing { line, at: 0, next_ms: wall_ms };
        }
    }

    /// A picture came.
    pub(crate) fn pictured(&mut self) {
        if let Step::Runs(pictures) = &mut self.step {
            *pictures += 1;
        }
    }
}

/// The host a line begins with (`@n2 CMD`), and the command.
fn split(line: &str) -> (Option<String>, &str) {
    match line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
        Some((host, command)) => (Some(host.into()), command),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_typed_key_by_key_each_after_the_one_before_ended() {
        let mut player = Player::new(vec!["@n2 ü".into(), "sleep 8".into()]);
        let fill = |host: Option<&str>, line: &str, sleeps| Deed::Fill {
            host: host.map(str::to_string),
            line: line.into(),
            sleeps,
        };
        assert_eq!(player.due(0.0, true), fill(Some("n2"), "ü", false));
        assert_eq!(player.due(1.0, true), Deed::Wait, "it is not filled yet");
        player.filled("ü!", 1.0);
        assert_eq!(player.due(1.0, true), Deed::Type("ü".into()));
        assert_eq!(player.due(2.0, true), Deed::Wait);
        assert_eq!(player.due(30.0, true), Deed::Type(b"!".to_vec()));
        assert_eq!(player.due(100.0, true), Deed::Wait, "it is read");
        assert_eq!(player.due(500.0, true), Deed::Type(b"\r".to_vec()));
        assert_eq!(player.due(501.0, true), Deed::Wait, "no picture since");
        (0..PICTURES).for_each(|_| player.pictured());
        assert_eq!(player.due(5000.0, false), Deed::Wait, "it runs");
        assert_eq!(player.due(6000.0, true), Deed::Wait);
        assert_eq!(player.count(), (1, 2));
        assert_eq!(player.due(6700.0, true), fill(None, "sleep 8", true));
        player.filled("", 6700.0);
        assert_eq!(player.due(6700.0, true), Deed::Type(b"\r".to_vec()));
        (0..PICTURES).for_each(|_| player.pictured());
        player.due(6800.0, true);
        assert_eq!(player.due(7500.0, true), Deed::End);
    }
}
