//! When the lab is saved. Inputs are stored the moment they happen; a checkpoint follows when
//! it saves a reload from doing too much again. Idle time costs nothing: it is done again
//! faster than it is read.

/// After an input, as long as nothing else comes.
const QUIET_MS: f64 = 350.0;
/// After an input, whatever comes.
const LATE_MS: f64 = 2000.0;
/// Events that may have to be done again after a reload.
const EVENTS_MAX: u64 = 120_000;

/// What happened since the last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Saver {
    first_ms: Option<f64>,
    last_ms: f64,
    events: u64,
    /// A checkpoint is being made or written.
    busy: bool,
}

impl Saver {
    /// The learner did something.
    pub(crate) fn touched(&mut self, wall_ms: f64) {
        self.first_ms.get_or_insert(wall_ms);
        self.last_ms = wall_ms;
    }

    /// The world handled events.
    pub(crate) fn ran(&mut self, events: u32) {
        self.events += u64::from(events);
    }

    /// Whether a checkpoint is due; from then on one is under way until `done`.
    pub(crate) fn take_due(&mut self, wall_ms: f64) -> bool {
        let quiet = wall_ms - self.last_ms >= QUIET_MS;
        let late = |first: f64| wall_ms - first >= LATE_MS;
        let touched = self.first_ms.is_some_and(|first| quiet || late(first));
        let due = !self.busy && (touched || self.events >= EVENTS_MAX);
        if due {
            self.begin();
        }
        due
    }

    /// A checkpoint is made now, due or not.
    pub(crate) fn begin(&mut self) {
        self.busy = true;
        self.first_ms = None;
        self.events = 0;
    }

    /// It is in the store, or was given up; then the next is tried after a pause.
    pub(crate) fn done(&mut self, ok: bool, wall_ms: f64) {
        self.busy = false;
        if !ok {
            self.first_ms = Some(wall_ms);
            self.last_ms = wall_ms + LATE_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_follows_when_the_hands_rest() {
        let mut saver = Saver::default();
        assert!(!saver.take_due(10_000.0), "nothing happened");
        saver.touched(100.0);
        assert!(!saver.take_due(300.0));
        assert!(saver.take_due(450.0));
        assert!(!saver.take_due(9000.0), "one at a time");
        saver.done(true, 460.0);
        assert!(!saver.take_due(9000.0), "nothing new");
    }

    #[test]
    fn a_long_flood_of_inputs_is_saved_too() {
        let mut saver = Saver::default();
        let mut due = 0;
        for step in 0..100 {
            let now = f64::from(step) * 50.0;
            saver.touched(now);
            if saver.take_due(now) {
                due += 1;
                saver.done(true, now);
            }
        }
        assert_eq!(due, 2);
    }

    #[test]
    fn many_events_are_not_done_again() {
        let mut saver = Saver::default();
        saver.ran(EVENTS_MAX as u32);
        assert!(saver.take_due(0.0));
    }
}
