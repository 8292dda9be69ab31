//! A click of the page is a `sim` line: how it is carried out, and how programs speak to
//! the session.
//!
//! Faults go straight to the world. What needs the cluster's own consent (adding, promoting,
//! removing a member) is typed into a shell of its own, so that it can fail as etcdctl
//! fails; that shell's output becomes sentences of the story.

use sim::{Fault, HostId, Stream};

use super::story::Story;
use super::{Session, sim_tty};
use crate::api::{Speed, StoryKind, TtyId};
use crate::programs;
use crate::simctl::{self, SimCommand};

/// The shell that clicks are typed into; the page's terminals are numbered from 1.
pub(super) const TTY: TtyId = TtyId(0);

impl Session {
    /// Carries out a `sim` line, given without the word `sim`.
    pub(super) fn sim(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let verb = words.first().copied().unwrap_or_default();
        if let Some(why) = self.world.note(&simctl::forbidden_note(verb)) {
            return Err(why);
        }
        match simctl::parse(&words, &self.hosts)? {
            SimCommand::Fault(fault) => self.inject(fault),
            SimCommand::Start { host, args } if args.is_empty() => {
                self.inject(Fault::Start { host, config: None, argv: Vec::new() })
            }
            SimCommand::Start { host, args } => {
                let (config, argv) = programs::etcd::configure(&self.options.release, &args)?;
                self.inject(Fault::Start { host, config: Some(Box::new(config)), argv })
            }
            SimCommand::Speed(speed) => {
                self.speed = Some(speed);
                Ok(())
            }
            SimCommand::Add { .. } | SimCommand::Promote(_) | SimCommand::Remove(_) => {
                self.type_sim(line)
            }
            SimCommand::Status | SimCommand::Help(_) => Err("type this one into a terminal".into()),
        }
    }

    fn inject(&mut self, fault: Fault) -> Result<(), String> {
        self.world.inject(fault).map_err(|error| error.to_string())
    }

    /// Types a `sim` line into the shell for clicks, on a host that can speak for the cluster.
    fn type_sim(&mut self, line: &str) -> Result<(), String> {
        let host = self.speaker().ok_or("no member runs that could be asked")?;
        let open = self.terminals.get(&TTY).is_some_and(|terminal| terminal.host() == host);
        if !open || !self.world.tty_alive(sim_tty(TTY)) {
            if self.terminals.remove(&TTY).is_some() {
                self.world.tty_close(sim_tty(TTY));
            }
            self.open_tty(TTY, host)?;
        }
        if self.world.tty_running(sim_tty(TTY)).is_some() {
            return Err("the last change of the membership is still under way".into());
        }
        self.world.tty_command(sim_tty(TTY), format!("sim {line}"));
        Ok(())
    }

    /// The leader's host, or else one whose member runs.
    fn speaker(&self) -> Option<HostId> {
        let hosts = (0..self.hosts.len()).filter_map(|place| u8::try_from(place).ok()).map(HostId);
        let running: Vec<_> =
            hosts.filter_map(|host| Some((host, self.world.member(host)?))).collect();
        let leads = |(_, status): &&(HostId, etcd::MemberStatus)| status.role == etcd::Role::Leader;
        running
            .iter()
            .filter(leads)
            .max_by_key(|(_, status)| status.term)
            .or(running.first())
            .map(|(host, _)| *host)
    }
}

/// What the shell for clicks prints, as sentences.
pub(super) fn hear(story: &mut Story, now_us: u64, stream: Stream, bytes: &[u8]) {
    let kind = match stream {
        Stream::Stdout => StoryKind::Membership,
        Stream::Stderr => StoryKind::Action,
    };
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().filter(|line| line.starts_with("sim: ") || line.starts_with("Error: "))
    {
        story.push(now_us, None, kind, line.to_string());
    }
}

/// `speed 10000`, `pause`, `run`, `step`: what the program `sim` tells the session.
pub(super) fn speed_of(text: &str) -> Option<Speed> {
    match text.split_once(' ') {
        Some(("speed", per_mille)) => per_mille.parse().ok().map(Speed::PerMille),
        None => match text {
            "pause" => Some(Speed::Pause),
            "run" => Some(Speed::Run),
            "step" => Some(Speed::Step),
            _ => None,
        },
        Some(_) => None,
    }
}

/// The reverse of [`speed_of`].
pub(crate) fn speed_text(speed: Speed) -> String {
    match speed {
        Speed::PerMille(per_mille) => format!("speed {per_mille}"),
        Speed::Pause => "pause".into(),
        Speed::Run => "run".into(),
        Speed::Step => "step".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_speed_crosses_the_border_and_back() {
        for speed in
            [Speed::PerMille(1), Speed::PerMille(50_000), Speed::Pause, Speed::Run, Speed::Step]
        {
            assert_eq!(speed_of(&speed_text(speed)), Some(speed));
        }
        assert_eq!(speed_of("speed fast"), None);
    }
}
