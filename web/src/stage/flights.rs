//! Messages as they are drawn: slower than they are, in the order they caused each other.
//!
//! At real speed a message lives for half a millisecond. Each is drawn for at least
//! [`SHOWN_MS`]; one that was caused by another, still drawn, message waits for its end.

use std::rc::Rc;

use lab::api::Flight;

use super::kinds;
use crate::map::Map;

/// A message is seen at least so long.
pub(crate) const SHOWN_MS: f64 = 520.0;
/// A chain of messages is drawn late by at most so much; what is later is not drawn.
const LATE_MS_MAX: f64 = 1600.0;
/// One heartbeat per link and so much wall time is drawn.
const QUIET_EVERY_MS: f64 = 1500.0;
/// The same for other messages of one kind: a flood stays readable.
const BUSY_EVERY_MS: f64 = 55.0;
/// As many are drawn at once.
const DRAWN_MAX: usize = 260;

/// A message on the stage.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    /// What it is.
    pub(crate) flight: Rc<Flight>,
    /// Wall time its drawing begins.
    pub(crate) born_ms: f64,
}

impl Drawn {
    /// How far it has come, 0 to 1: no faster than the eye, no faster than the world.
    pub(crate) fn part(&self, wall_ms: f64, now_us: u64) -> f64 {
        let seen = (wall_ms - self.born_ms) / SHOWN_MS;
        let flight = &self.flight;
        let whole = flight.arrive_us.saturating_sub(flight.sent_us).max(1);
        let real = now_us.saturating_sub(flight.sent_us) as f64 / whole as f64;
        seen.min(real).min(1.0)
    }
}

/// All that are drawn.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// In the order they were born.
    pub(crate) drawn: Vec<Drawn>,
    last: Map<(String, String, u8), f64>,
    /// Messages that came and were not drawn since the last count.
    pub(crate) skipped: u64,
}

impl Flights {
    /// New messages, in the order they were sent.
    pub(crate) fn add(&mut self, flights: Vec<Flight>, wall_ms: f64) {
        for flight in flights {
            let quiet = kinds::is_quiet(flight.kind);
            let born_ms = self.birth(&flight, wall_ms);
            let every = if quiet { QUIET_EVERY_MS } else { BUSY_EVERY_MS };
            let key = (flight.from.clone(), flight.to.clone(), flight.kind as u8);
            let early = self.last.get(&key).is_some_and(|last| born_ms - last < every);
            let late = born_ms - wall_ms > LATE_MS_MAX;
            if flight.from == flight.to || early || late || self.drawn.len() >= DRAWN_MAX {
                self.skipped += 1;
                continue;
            }
            self.last.insert(key, born_ms);
            self.drawn.push(Drawn { flight: Rc::new(flight), born_ms });
        }
    }

    /// When a message's drawing begins: not before the message that caused it has arrived.
    fn birth(&self, flight: &Flight, wall_ms: f64) -> f64 {
        let causes = self.drawn.iter().filter(|it| {
            it.flight.to == flight.from && it.flight.arrive_us <= flight.sent_us && !it.flight.lost
        });
        let end = |it: &Drawn| it.born_ms + SHOWN_MS;
        causes.max_by_key(|it| it.flight.arrive_us).map_or(wall_ms, |it| end(it).max(wall_ms))
    }

    /// Takes those that arrived off the stage.
    pub(crate) fn sweep(&mut self, wall_ms: f64, now_us: u64) {
        self.drawn.retain(|it| it.part(wall_ms, now_us) < 1.0);
        self.last.retain(|_, last| wall_ms - *last < QUIET_EVERY_MS);
    }

    /// Nothing is on its way: a new world, an undo.
    pub(crate) fn clear(&mut self) {
        self.drawn.clear();
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use lab::api::FlightKind;

    use super::*;

    fn flight(id: u64, from: &str, to: &str, kind: FlightKind, sent_us: u64) -> Flight {
        Flight {
            id,
            from: from.into(),
            to: to.into(),
            kind,
            sent_us,
            arrive_us: sent_us + 500,
            lost: false,
            term: 2,
            fields: Vec::new(),
        }
    }

    #[test]
    fn a_reply_is_drawn_after_its_request() {
        let mut flights = Flights::default();
        flights.add(
            vec![
                flight(1, "n1", "n2", FlightKind::Vote, 1000),
                flight(2, "n2", "n1", FlightKind::VoteReply, 1500),
            ],
            50.0,
        );
        let born: Vec<f64> = flights.drawn.iter().map(|it| it.born_ms).collect();
        assert_eq!(born, [50.0, 50.0 + SHOWN_MS]);
        assert_eq!(flights.drawn[1].part(60.0, 9000), (60.0 - 50.0 - SHOWN_MS) / SHOWN_MS);
    }

    #[test]
    fn a_slow_world_is_drawn_at_its_own_pace() {
        let drawn =
            Drawn { flight: Rc::new(flight(1, "n1", "n2", FlightKind::Vote, 1000)), born_ms: 0.0 };
        assert_eq!(drawn.part(10_000.0, 1250), 0.5);
        assert_eq!(drawn.part(SHOWN_MS / 2.0, 9000), 0.5);
        assert_eq!(drawn.part(10_000.0, 9000), 1.0);
    }

    #[test]
    fn heartbeats_do_not_flood_the_eye() {
        let mut flights = Flights::default();
        for beat in 0..100 {
            let at = beat * 100_000;
            flights.add(
                vec![flight(beat, "n1", "n2", FlightKind::Heartbeat, at)],
                beat as f64 * 100.0,
            );
            flights.sweep(beat as f64 * 100.0, at);
        }
        // Ten seconds, one heartbeat every one and a half.
        assert_eq!(flights.skipped, 93);
    }
}
