//! The same split for every way to read: five members, the leader among the two that are cut
//! off, a client on each side. What each client got is what is shown.

use std::cell::RefCell;
use std::rc::Rc;

use sim::{Fault, HostId};

use super::field::{Field, PATIENCE_US, put};
use super::peers::{Peers, range, value};
use super::reads::{KEY, MODES, Mode, Reader};
use super::sheet::{cell, percentile, tenths, time, toned};
use crate::api::{Cell, Tone};

/// Members of every comparison.
const MEMBERS: u8 = 5;
/// The server of the client on the side of the old leader, and of the one on the other side.
const FEW: u8 = 1;
const MANY: u8 = 3;
/// Reads of one measurement.
const READS: u64 = 100;
/// How long after the split each side is asked.
const SETTLED_US: u64 = 4_000_000;
/// How often somebody reads while leadership changes, and for how long.
const EVERY_US: u64 = 20_000;
const WATCHED_US: u64 = 6_000_000;
/// How long a reader waits there, so that it reads often.
const IMPATIENCE_US: u64 = 500_000;
/// Splits that are watched, each with a seed of its own.
pub(super) const SPLITS: u64 = 20;
/// The seed of everything else.
const SEED: u64 = 7;

/// What one client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Got {
    /// The value, or what the user is told.
    pub(super) value: Result<String, String>,
    /// How long it took.
    pub(super) us: u64,
}

/// Five members led by the first, who all have `x = old`.
fn whole(seed: u64) -> Field {
    let mut field = Field::new(MEMBERS, 0, seed);
    field.lead_from_first();
    let host = field.member(MANY);
    let wrote = at(&mut field, host, MANY, |peers| async move {
        peers.call(usize::from(MANY), put(KEY, "old"), PATIENCE_US).await.map(|_| String::new())
    });
    wrote.value.expect("a healthy cluster writes");
    field.pass(500_000);
    field
}

/// The first two, with the leader, here; the other three there.
fn split(field: &mut Field) {
    let group = |places: std::ops::Range<u8>| places.map(HostId).collect();
    field.inject(Fault::Partition { groups: vec![group(0..2), group(2..MEMBERS)] });
}

/// Does something on a host, with connections to the members, and says how long it took.
fn at<F>(
    field: &mut Field,
    host: HostId,
    own: u8,
    code: impl FnOnce(Rc<Peers>) -> F + 'static,
) -> Got
where
    F: Future<Output = Result<String, String>> + 'static,
{
    let directory = field.directory();
    field.run(host, move |sys| async move {
        let peers = Rc::new(Peers::new(&sys, directory));
        // The connection to one's own server is there before anything is measured.
        let _ = peers.status(usize::from(own), PATIENCE_US).await;
        let begun_us = peers.now_us();
        let value = code(Rc::clone(&peers)).await;
        Got { value, us: peers.now_us() - begun_us }
    })
}

/// One read on the side of `own`.
fn read(field: &mut Field, own: u8, mode: Mode) -> Got {
    let host = field.member(own);
    let directory = field.directory();
    field.run(host, move |sys| async move {
        let reader = Reader::new(Peers::new(&sys, directory), usize::from(own), mode);
        let _ = reader.peers.status(reader.own, PATIENCE_US).await;
        let begun_us = reader.peers.now_us();
        let value = reader.read(mode).await;
        Got { value, us: reader.peers.now_us() - begun_us }
    })
}

fn write(field: &mut Field, own: u8, value: &'static str) -> Got {
    let host = field.member(own);
    at(field, host, own, move |peers| async move {
        let op = put(KEY, value);
        peers.call(usize::from(own), op, PATIENCE_US).await.map(|_| "OK".to_owned())
    })
}

/// What a read through a follower costs while all is well.
pub(super) struct Cost {
    /// How long each took, the fastest first.
    pub(super) us: Vec<u64>,
    /// Messages between hosts for one read, in tenths.
    pub(super) messages: u64,
}

/// Reads a hundred times through a follower.
pub(super) fn cost(mode: Mode) -> Cost {
    let mut field = whole(SEED);
    let idle = field.idle_in_10s();
    let host = field.member(MANY);
    let directory = field.directory();
    field.count();
    let (mut us, whole_us) = field.run(host, move |sys| async move {
        let reader = Reader::new(Peers::new(&sys, directory), usize::from(MANY), mode);
        let begun_us = reader.peers.now_us();
        let mut all = Vec::new();
        for _ in 0..=READS {
            let at_us = reader.peers.now_us();
            reader.read(mode).await.expect("a healthy cluster answers");
            all.push(reader.peers.now_us() - at_us);
        }
        // The first one also made the connections.
        all.remove(0);
        (all, reader.peers.now_us() - begun_us)
    });
    let background = idle * whole_us / 1_000_000;
    let messages = (field.counted() * 10).saturating_sub(background) / (READS + 1);
    flat::sort(&mut us);
    Cost { us, messages }
}

/// The row of a way to read in the table of a healthy cluster.
pub(super) fn cost_row(mode: Mode) -> Vec<Cell> {
    let cost = cost(mode);
    vec![
        cell(mode.name()),
        cell(mode.rule()),
        cell(time(percentile(&cost.us, 50))),
        cell(time(percentile(&cost.us, 99))),
        cell(tenths(cost.messages)),
    ]
}

/// What the clients on both sides got, four seconds into the split.
pub(super) fn both_sides(mode: Option<Mode>) -> [Got; 2] {
    let mut field = whole(SEED);
    split(&mut field);
    field.pass(SETTLED_US);
    match mode {
        None => [write(&mut field, FEW, "new"), write(&mut field, MANY, "new")],
        Some(mode) => {
            let wrote = write(&mut field, MANY, "new");
            wrote.value.expect("the majority has elected a leader");
            [read(&mut field, FEW, mode), read(&mut field, MANY, mode)]
        }
    }
}

/// The row of a way to read, or of a write, in the table of the split.
pub(super) fn split_row(mode: Option<Mode>) -> Vec<Cell> {
    let name = mode.map_or("a write (etcd's, for all three)", Mode::name);
    let sides = both_sides(mode);
    let mut row = vec![cell(name)];
    for got in sides {
        let (tone, text) = match &got.value {
            Ok(value) if value == "old" => (Tone::Warn, "old: stale".to_owned()),
            Ok(value) if value == "new" => (Tone::Good, "new: fresh".to_owned()),
            Ok(value) => (Tone::Good, value.clone()),
            Err(error) => (Tone::Bad, format!("error: {error}")),
        };
        row.push(toned(tone, text));
        row.push(cell(time(got.us)));
    }
    row
}

/// Stale reads of one way after the other side had taken the new value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Splits in which there was one.
    pub(super) splits: u64,
    /// The longest time after which one was still answered.
    pub(super) longest_us: u64,
    /// Splits in which one was still answered when nobody looked any more.
    pub(super) to_the_end: u64,
}

/// Watches one split, and adds what each way to read did.
pub(super) fn watch(seed: u64, tallies: &mut [Tally; MODES.len()]) {
    let mut field = whole(seed);
    type Seen = Rc<RefCell<Vec<(usize, u64)>>>;
    let stale: Seen = Rc::default();
    let taken: Rc<RefCell<Option<u64>>> = Rc::default();
    split(&mut field);
    let until_us = field.world.now_us() + WATCHED_US;
    for (place, mode) in MODES.into_iter().enumerate() {
        let (stale, directory) = (Rc::clone(&stale), field.directory());
        let host = field.member(FEW);
        field.start(host, move |sys| async move {
            let peers = Peers::new(&sys, directory);
            let reader = Reader { peers, own: usize::from(FEW), patience_us: IMPATIENCE_US };
            loop {
                // When it was asked is what counts: an answer may be overtaken on its way.
                let asked_us = reader.peers.now_us();
                if reader.read(mode).await.is_ok_and(|value| value == "old") {
                    stale.borrow_mut().push((place, asked_us));
                }
                reader.peers.sleep_us(EVERY_US).await;
            }
        });
    }
    let (done, directory) = (Rc::clone(&taken), field.directory());
    let host = field.member(MANY);
    field.start(host, move |sys| async move {
        let peers = Peers::new(&sys, directory);
        let own = usize::from(MANY);
        while peers.call(own, put(KEY, "new"), IMPATIENCE_US).await.is_err() {}
        // What was taken can be read.
        let seen = peers.call(own, range(KEY, false), PATIENCE_US).await;
        assert_eq!(seen.map(|answer| value(&answer)).as_deref(), Ok("new"));
        *done.borrow_mut() = Some(peers.now_us());
    });
    field.pass(until_us - field.world.now_us());
    let taken_us = taken.borrow().expect("three of five elect a leader in six seconds");
    for (place, tally) in tallies.iter_mut().enumerate() {
        let mine = stale.borrow();
        let after = mine.iter().filter(|(of, asked_us)| *of == place && *asked_us > taken_us);
        let Some(last_us) = after.map(|(_, asked_us)| *asked_us).max() else { continue };
        tally.splits += 1;
        tally.longest_us = tally.longest_us.max(last_us - taken_us);
        tally.to_the_end += u64::from(last_us + 10 * EVERY_US > until_us);
    }
}

/// The rows of the watched splits.
pub(super) fn watch_rows(splits: u64, tallies: &[Tally; MODES.len()]) -> Vec<Vec<Cell>> {
    let row = |(mode, tally): (Mode, &Tally)| {
        let many = format!("{} of {splits}", tally.splits);
        let (tone, longest) = match tally {
            Tally { splits: 0, .. } => (Tone::Good, "never".to_owned()),
            Tally { to_the_end: 1.., .. } => (Tone::Bad, "as long as the split lasts".to_owned()),
            tally => (Tone::Warn, time(tally.longest_us)),
        };
        vec![cell(mode.name()), toned(tone, many), toned(tone, longest)]
    };
    MODES.into_iter().zip(tallies).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(mode: Mode) -> [String; 2] {
        both_sides(Some(mode)).map(|got| got.value.unwrap_or_else(|error| format!("! {error}")))
    }

    #[test]
    fn the_majority_reads_fresh_and_the_minority_by_its_rule() {
        let deadline = "! context deadline exceeded";
        let cases = [
            (Mode::EtcdLinearizable, deadline),
            (Mode::EtcdSerializable, "old"),
            (Mode::ConsulConsistent, "! No cluster leader"),
            (Mode::ConsulDefault, "! No cluster leader"),
            (Mode::ConsulStale, "old"),
            (Mode::ZooKeeperSync, "! ConnectionLoss"),
            (Mode::ZooKeeperLocal, "! ConnectionLoss"),
        ];
        for (mode, few) in cases {
            assert_eq!(sides(mode), [few.to_owned(), "new".to_owned()], "{mode:?}");
        }
        let [few, many] = both_sides(None);
        assert_eq!(few.value, Err("context deadline exceeded".to_owned()));
        assert_eq!(few.us, PATIENCE_US, "the client gave up, nobody refused it");
        assert_eq!(many.value, Ok("OK".to_owned()));
    }

    #[test]
    fn only_reads_that_ask_a_majority_are_never_stale() {
        let mut tallies = [Tally::default(); MODES.len()];
        for seed in 1..=SPLITS {
            watch(seed, &mut tallies);
        }
        for (mode, tally) in MODES.into_iter().zip(&tallies) {
            match mode {
                Mode::EtcdLinearizable | Mode::ConsulConsistent => {
                    assert_eq!(*tally, Tally::default(), "{mode:?}");
                }
                Mode::EtcdSerializable | Mode::ConsulStale => {
                    assert_eq!(tally.to_the_end, SPLITS, "{mode:?}");
                }
                // A leader that does not know it was replaced: a short time, in some splits.
                _ => {
                    assert_eq!(tally.to_the_end, 0, "{mode:?} {tally:?}");
                    assert!(tally.longest_us < 3_000_000, "{mode:?} {tally:?}");
                }
            }
        }
    }

    #[test]
    fn asking_more_servers_costs_more_messages() {
        let messages = |mode| cost(mode).messages;
        assert_eq!(messages(Mode::EtcdSerializable), 0, "nobody else is asked");
        assert!(messages(Mode::ConsulDefault) < messages(Mode::ConsulConsistent));
        assert!(messages(Mode::ZooKeeperSync) < messages(Mode::EtcdLinearizable));
    }
}
