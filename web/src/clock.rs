//! How wall time becomes virtual time: the only place of the project where it does.

use lab::api::Speed;

use crate::math;

/// The slowest, in thousandths of real time.
pub(crate) const SLOWEST: u32 = 1;
/// Real time.
pub(crate) const REAL: u32 = 1000;
/// The fastest.
pub(crate) const FASTEST: u32 = 50_000;
/// The speeds that have a button, in thousandths.
pub(crate) const STOPS: [u32; 6] = [1, 10, 100, REAL, 10_000, FASTEST];
/// A frame lets at most this much wall time pass: a tab that was away does not catch up.
const FRAME_MS_MAX: f64 = 100.0;

/// The time controls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clock {
    /// Virtual time per wall time, in thousandths.
    pub(crate) per_mille: u32,
    /// Whether time passes.
    pub(crate) running: bool,
    /// What to go back to when the command that was let through at x1 has ended.
    pub(crate) resume: Option<(u32, bool)>,
    /// Wall time of the last frame.
    last_ms: Option<f64>,
    /// Virtual microseconds that did not make a whole one yet.
    rest_us: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { per_mille: REAL, running: true, resume: None, last_ms: None, rest_us: 0.0 }
    }
}

impl Clock {
    /// How much virtual time passes in the frame that begins at `wall_ms`.
    pub(crate) fn frame_us(&mut self, wall_ms: f64) -> u64 {
        let spent = self.last_ms.map_or(0.0, |last| (wall_ms - last).clamp(0.0, FRAME_MS_MAX));
        self.last_ms = Some(wall_ms);
        if !self.running {
            return 0;
        }
        // Wall milliseconds times thousandths of speed are microseconds: 1000 / 1000.
        let us = spent * f64::from(self.per_mille) + self.rest_us;
        self.rest_us = us.fract();
        us as u64
    }

    /// Forgets the wall time that passed: the tab was hidden.
    pub(crate) fn skip(&mut self) {
        self.last_ms = None;
    }

    /// A speed by button, slider or `sim speed`; it also lets time go on.
    pub(crate) fn set(&mut self, per_mille: u32) {
        self.per_mille = per_mille.clamp(SLOWEST, FASTEST);
        self.resume = None;
    }

    /// Does what `sim speed|pause|run` asked; true when it asks for one step.
    pub(crate) fn obey(&mut self, speed: Speed) -> bool {
        match speed {
            Speed::PerMille(per_mille) => {
                self.set(per_mille);
                self.running = true;
            }
            Speed::Pause => self.running = false,
            Speed::Run => self.running = true,
            Speed::Step => self.running = false,
        }
        speed == Speed::Step
    }

    /// The next stop above or below the present speed.
    pub(crate) fn nudge(&mut self, faster: bool) {
        let here = self.per_mille;
        let next = if faster {
            STOPS.into_iter().find(|stop| *stop > here).unwrap_or(FASTEST)
        } else {
            STOPS.into_iter().rev().find(|stop| *stop < here).unwrap_or(SLOWEST)
        };
        self.set(next);
    }

    /// True when a program that waits for the world would seem to hang.
    pub(crate) fn is_slow(&self) -> bool {
        !self.running || self.per_mille < REAL
    }

    /// Lets time pass at x1 until `end_loan`.
    pub(crate) fn lend(&mut self) {
        self.resume.get_or_insert((self.per_mille, self.running));
        self.per_mille = self.per_mille.max(REAL);
        self.running = true;
    }

    /// Back to the speed before `lend`.
    pub(crate) fn end_loan(&mut self) {
        if let Some((per_mille, running)) = self.resume.take() {
            self.per_mille = per_mille;
            self.running = running;
        }
    }
}

/// A speed as the screen has it: `x1/100`, `x1`, `x2.5`.
pub(crate) fn label(per_mille: u32) -> String {
    match per_mille {
        0 => "x0".into(),
        1..REAL if REAL.is_multiple_of(per_mille) => format!("x1/{}", REAL / per_mille),
        1..REAL => format!("x1/{}", (REAL + per_mille / 2) / per_mille),
        _ if per_mille < 10 * REAL && per_mille % REAL >= 100 => {
            format!("x{}.{}", per_mille / REAL, per_mille % REAL / 100)
        }
        _ => format!("x{}", per_mille / REAL),
    }
}

/// The speed of a place on the slider: 0 to 1000, evenly in the logarithm.
pub(crate) fn from_slider(place: f64) -> u32 {
    let (low, high) = (math::ln(f64::from(SLOWEST)), math::ln(f64::from(FASTEST)));
    let exact = math::exp(low + (high - low) * (place / 1000.0).clamp(0.0, 1.0));
    let near = STOPS.into_iter().find(|stop| math::ln(exact / f64::from(*stop)).abs() < 0.12);
    near.unwrap_or_else(|| (exact.round() as u32).clamp(SLOWEST, FASTEST))
}

/// The place of a speed on the slider.
pub(crate) fn to_slider(per_mille: u32) -> u32 {
    let (low, high) = (math::ln(f64::from(SLOWEST)), math::ln(f64::from(FASTEST)));
    ((math::ln(f64::from(per_mille.max(1))) - low) / (high - low) * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_passes_wall_time_times_speed() {
        let mut clock = Clock::default();
        assert_eq!(clock.frame_us(1000.0), 0, "the first frame only notes the time");
        assert_eq!(clock.frame_us(1016.0), 16_000);
        assert_eq!(clock.frame_us(9000.0), 100_000, "a long absence counts as 100 ms");
        clock.set(1);
        assert_eq!(clock.frame_us(9016.5), 16);
        assert_eq!(clock.frame_us(9033.0), 17, "fractions are kept, not lost");
        clock.running = false;
        assert_eq!(clock.frame_us(9050.0), 0);
    }

    #[test]
    fn the_slider_meets_every_stop() {
        for stop in STOPS {
            assert_eq!(from_slider(f64::from(to_slider(stop))), stop);
        }
        assert_eq!(from_slider(0.0), SLOWEST);
        assert_eq!(from_slider(1000.0), FASTEST);
    }

    #[test]
    fn nudging_goes_from_stop_to_stop() {
        let mut clock = Clock::default();
        clock.nudge(false);
        assert_eq!(clock.per_mille, 100);
        for _ in 0..9 {
            clock.nudge(true);
        }
        assert_eq!(clock.per_mille, FASTEST);
    }

    #[test]
    fn a_loan_ends_where_it_began() {
        let mut clock = Clock::default();
        clock.set(10);
        clock.running = false;
        clock.lend();
        assert_eq!((clock.per_mille, clock.running), (REAL, true));
        clock.lend();
        clock.end_loan();
        assert_eq!((clock.per_mille, clock.running), (10, false));
    }

    #[test]
    fn labels_are_the_words_of_sim_speed() {
        let cases = [(1, "x1/1000"), (10, "x1/100"), (250, "x1/4"), (1000, "x1"), (2500, "x2.5")];
        for (per_mille, text) in cases {
            assert_eq!(label(per_mille), text);
        }
    }
}
