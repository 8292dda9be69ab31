//! What the screens Quorum and Compare know: clusters that are measured beside the lab, what
//! the learner predicted of them, and tables as far as they have come.

use std::collections::VecDeque;

use lab::api::{BenchRow, Measure, Sheet, SheetKind};

use crate::map::Map;

/// The largest cluster on the bench.
pub(crate) const MEMBERS_MAX: u8 = 9;

/// What happens on these screens.
pub(crate) enum BenchMsg {
    /// One of them came on screen.
    Enter,
    /// The worker answered.
    Answer(Box<crate::link::Reply>),
    /// The worker could not be loaded.
    Died,
    /// The learner says how many of so many may be lost.
    Guess { members: u8, lost: u8 },
    /// Ends a member, counted from 1, or starts it again.
    Toggle { members: u8, member: u8 },
    /// Ends one more in every cluster that was predicted.
    EndOne,
    /// All clusters anew; predictions are kept.
    Fresh,
    /// Members can be ended without a prediction.
    Open,
    /// The number of members that is spread over zones.
    Members(u8),
    /// Measures a table anew.
    Measure(SheetKind),
    /// Leaves what is under way.
    Stop,
    /// The row of the split that the picture shows.
    Pick(usize),
}

/// A cluster on the bench, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// As it is now.
    pub(crate) seen: BenchRow,
    /// How many the learner says may be lost.
    pub(crate) guess: Option<u8>,
    /// The most that were dead when a write went through.
    pub(crate) held: u8,
    /// The fewest that were dead when one did not.
    pub(crate) broke: Option<u8>,
}

impl Row {
    /// How many may be lost, once writes have shown it.
    pub(crate) fn found(&self) -> Option<u8> {
        self.broke.filter(|broke| *broke == self.held + 1).map(|_| self.held)
    }

    /// How many are dead.
    pub(crate) fn dead(&self) -> u8 {
        self.seen.alive.iter().map(|alive| u8::from(!alive)).sum()
    }

    /// The member to end next: the leader, since that is the hardest; counted from 1.
    fn next_to_end(&self) -> Option<u8> {
        let first = || (0..).zip(&self.seen.alive).find(|(_, alive)| **alive).map(|(at, _)| at);
        self.seen.leader.or_else(first).map(|place| place + 1)
    }
}

/// Whether the second worker is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Not asked for.
    #[default]
    None,
    /// On its way.
    Coming,
    /// It answers.
    Here,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bench {
    /// The worker.
    pub(crate) stand: Stand,
    /// The clusters by their members.
    pub(crate) rows: Map<u8, Row>,
    /// Tables, as far as they have come.
    pub(crate) sheets: Vec<(SheetKind, Sheet)>,
    /// The table under way.
    pub(crate) running: Option<SheetKind>,
    /// What is to be asked next.
    pub(crate) queue: VecDeque<Measure>,
    /// A question is not answered yet.
    pub(crate) busy: bool,
    /// Members can be ended without a prediction.
    pub(crate) open: bool,
    /// Spread over zones; 0 before anything was chosen.
    pub(crate) members: u8,
    /// The row of the split that the picture shows.
    pub(crate) picked: usize,
    /// Why nothing is measured.
    pub(crate) failed: Option<String>,
}

impl Bench {
    /// A table by its kind.
    pub(crate) fn sheet(&self, kind: SheetKind) -> Option<&Sheet> {
        self.sheets.iter().find(|(it, _)| *it == kind).map(|(_, sheet)| sheet)
    }

    /// What is asked now, if anything is left to ask and nobody is asked already.
    pub(crate) fn next(&mut self) -> Option<Measure> {
        if self.busy || self.stand != Stand::Here {
            return None;
        }
        let next = self.queue.pop_front()?;
        if let Measure::Begin { sheet, .. } = next {
            self.running = Some(sheet);
        }
        self.busy = true;
        Some(next)
    }

    /// Takes a cluster as it is now; answers with the sentence that says so.
    pub(crate) fn take_row(&mut self, seen: BenchRow) -> String {
        let members = seen.members;
        let before = self.rows.get(&members);
        let (guess, held, broke) =
            before.map_or((None, 0, None), |row| (row.guess, row.held, row.broke));
        let mut row = Row { seen, guess, held, broke };
        let dead = row.dead();
        if row.seen.wrote {
            row.held = row.held.max(dead);
        } else {
            row.broke = Some(row.broke.map_or(dead, |broke| broke.min(dead)));
        }
        let said = &row.seen.said;
        let wrote = if row.seen.wrote { "a write took" } else { "a write failed:" };
        let sentence = format!("{members} members, {dead} dead: {wrote} {said}.");
        self.rows.insert(members, row);
        sentence
    }

    /// Takes a table; the next step is asked for before anything else.
    pub(crate) fn take_sheet(&mut self, sheet: Sheet) {
        let Some(kind) = self.running else { return };
        if sheet.done < sheet.of {
            self.queue.push_front(Measure::Next);
        } else {
            self.running = None;
        }
        match self.sheets.iter_mut().find(|(it, _)| *it == kind) {
            Some((_, old)) => *old = sheet,
            None => self.sheets.push((kind, sheet)),
        }
    }

    /// A table is to be measured, after what waits already.
    pub(crate) fn measure(&mut self, sheet: SheetKind) {
        let waits = self
            .queue
            .iter()
            .any(|it| matches!(it, Measure::Begin { sheet: it, .. } if *it == sheet));
        if !waits && self.running != Some(sheet) {
            self.queue.push_back(Measure::Begin { sheet, members: self.members.max(1) });
        }
    }

    /// One more member of each predicted cluster.
    pub(crate) fn end_one(&mut self) {
        for (members, row) in self.rows.iter() {
            let known = row.guess.is_some() || self.open;
            if let Some(member) = row.next_to_end().filter(|_| known) {
                self.queue.push_back(Measure::Toggle { members: *members, member });
            }
        }
    }

    /// All clusters anew.
    pub(crate) fn fresh(&mut self) {
        self.queue.retain(|it| !matches!(it, Measure::Toggle { .. } | Measure::Cluster { .. }));
        for members in 1..=MEMBERS_MAX {
            self.queue.push_back(Measure::Cluster { members });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(alive: &[bool], wrote: bool) -> BenchRow {
        BenchRow {
            members: alive.len() as u8,
            quorum: 2,
            alive: alive.to_vec(),
            leader: None,
            term: 2,
            wrote,
            said: "3.00 ms".into(),
        }
    }

    #[test]
    fn what_may_be_lost_is_known_when_one_more_was_too_many() {
        let mut bench = Bench::default();
        bench.take_row(seen(&[true, true, true], true));
        bench.take_row(seen(&[false, false, true], false));
        assert_eq!(bench.rows.get(&3).unwrap().found(), None, "one dead was never tried");
        let said = bench.take_row(seen(&[false, true, true], true));
        assert_eq!(said, "3 members, 1 dead: a write took 3.00 ms.");
        assert_eq!(bench.rows.get(&3).unwrap().found(), Some(1));
    }

    #[test]
    fn only_predicted_clusters_lose_a_member() {
        let mut bench = Bench::default();
        bench.take_row(seen(&[true], true));
        bench.take_row(seen(&[false, true], true));
        bench.rows.get_mut(&2).unwrap().guess = Some(0);
        bench.end_one();
        assert_eq!(bench.queue, [Measure::Toggle { members: 2, member: 2 }]);
    }

    #[test]
    fn a_table_is_asked_for_step_by_step() {
        let sheet = |done| Sheet {
            title: String::new(),
            note: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            done,
            of: 2,
        };
        let mut bench = Bench { stand: Stand::Here, ..Bench::default() };
        bench.measure(SheetKind::Split);
        bench.measure(SheetKind::Split);
        assert!(matches!(bench.next(), Some(Measure::Begin { sheet: SheetKind::Split, .. })));
        assert_eq!(bench.next(), None, "nobody is asked twice at once");
        bench.busy = false;
        bench.take_sheet(sheet(1));
        assert_eq!(bench.next(), Some(Measure::Next));
        bench.busy = false;
        bench.take_sheet(sheet(2));
        assert_eq!((bench.next(), bench.running), (None, None));
    }
}
