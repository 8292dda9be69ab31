//! Measurements: small worlds that run for a moment, and tables of what came out. The page's
//! screens Quorum and Compare and the command `quorum measure` show them.
//!
//! A table is made in steps, one world or a few at a time, so that whoever asked can show how
//! far it is and stop. Nothing here knows the learner's own world.

mod books;
mod compare;
mod field;
mod latency;
mod peers;
mod quorum;
mod reads;
mod sheet;

use compare::Tally;
use latency::Setting;
use quorum::{Cluster, MEMBERS_MAX};
use reads::MODES;

use crate::api::{Answer, BenchRow, Measure, Sheet, SheetKind};

/// What is being measured: clusters somebody ends members of, and a table under way.
#[derive(Default)]
pub struct Bench {
    clusters: flat::Map<u8, Cluster>,
    job: Option<Job>,
}

/// A table under way.
struct Job {
    kind: SheetKind,
    members: u8,
    sheet: Sheet,
    /// How many may be lost of the cluster measured before.
    lost: Option<u8>,
    costs: Vec<[latency::Cost; 3]>,
    tallies: [Tally; MODES.len()],
}

impl Bench {
    /// Does what is asked; every call is short.
    pub fn call(&mut self, ask: Measure) -> Result<Answer, String> {
        match ask {
            Measure::Cluster { members } => {
                self.clusters.insert(checked(members)?, Cluster::new(members));
                self.row(members).map(Answer::Bench)
            }
            Measure::Toggle { members, member } => {
                let cluster = self.clusters.get_mut(&members);
                let cluster = cluster.filter(|_| (1..=members).contains(&member));
                cluster.ok_or("there is no such member on the bench")?.toggle(member - 1);
                self.row(members).map(Answer::Bench)
            }
            Measure::Begin { sheet, members } => {
                self.job = Some(Job::new(sheet, checked(members)?));
                self.next()
            }
            Measure::Next => self.next(),
        }
    }

    fn row(&self, members: u8) -> Result<BenchRow, String> {
        let cluster = self.clusters.get(&members).ok_or("there is no such cluster")?;
        Ok(cluster.row())
    }

    fn next(&mut self) -> Result<Answer, String> {
        let job = self.job.as_mut().ok_or("no table was begun")?;
        if job.sheet.done < job.sheet.of {
            job.step();
            job.sheet.done += 1;
        }
        Ok(Answer::Sheet(job.sheet.clone()))
    }
}

fn checked(members: u8) -> Result<u8, String> {
    match members {
        1..=MEMBERS_MAX => Ok(members),
        _ => Err(format!("{members} members: 1 to {MEMBERS_MAX} can be measured")),
    }
}

/// Where the numbers of all measured tables come from.
const MEASURED: &str = "Measured just now in virtual time, in worlds of their own: links of \
    0.5 ms ± 10 %, disks that sync in 0.8 ms, etcd 3.6.14 with its default timers, fixed seeds.";

impl Job {
    fn new(kind: SheetKind, members: u8) -> Job {
        let sheet = head(kind, members);
        Job { kind, members, sheet, lost: None, costs: Vec::new(), tallies: Default::default() }
    }

    fn step(&mut self) {
        let at = usize::from(self.sheet.done);
        match self.kind {
            SheetKind::Kills => {
                let (row, lost) = quorum::kills(self.sheet.done as u8 + 1, self.lost);
                self.lost = Some(lost);
                self.sheet.rows.push(row);
            }
            SheetKind::Zones => {
                let spreads = quorum::spreads(self.members);
                self.sheet.rows.extend(spreads.get(at).map(|spread| quorum::zones(spread)));
            }
            SheetKind::Latency => {
                let members = self.sheet.done as u8 + 1;
                let settings = [Setting::Room, Setting::TwoSites, Setting::SlowDisk];
                self.costs.push(settings.map(|setting| latency::measure(members, setting)));
                self.sheet.rows = latency::rows(&self.costs);
            }
            SheetKind::Reads => self.sheet.rows.push(compare::cost_row(MODES[at])),
            SheetKind::Split => {
                let mode = at.checked_sub(1).map(|at| MODES[at]);
                self.sheet.rows.push(compare::split_row(mode));
            }
            SheetKind::Window => {
                let splits = at as u64 + 1;
                compare::watch(splits, &mut self.tallies);
                self.sheet.rows = compare::watch_rows(splits, &self.tallies);
            }
            SheetKind::Books => self.sheet.rows = books::rows(),
        }
    }
}

/// A table without its rows.
fn head(kind: SheetKind, members: u8) -> Sheet {
    match kind {
        SheetKind::Kills | SheetKind::Zones | SheetKind::Latency => quorum_head(kind, members),
        SheetKind::Books => {
            sheet::sheet("The usual table, corrected", books::NOTE, &books::COLUMNS, 1)
        }
        SheetKind::Reads | SheetKind::Split | SheetKind::Window => compare_head(kind),
    }
}

/// Those of the screen Quorum.
fn quorum_head(kind: SheetKind, members: u8) -> Sheet {
    let all = usize::from(MEMBERS_MAX);
    match kind {
        SheetKind::Kills => {
            let ended: Vec<String> = (0..=MEMBERS_MAX).map(|ended| format!("−{ended}")).collect();
            let mut columns = vec![
                "Members",
                "By the rule",
                "Measured quorum",
                "May be lost",
                "What the last member bought",
            ];
            columns.extend(ended.iter().map(String::as_str));
            let note = format!(
                "Members are killed one after the other, the leader first, and after each a client \
                 writes: −2 is the answer with two killed, \"no\" that none came in 5 s. {MEASURED}"
            );
            sheet::sheet("Kill k of N", &note, &columns, all)
        }
        SheetKind::Zones => {
            let columns = [
                "Zones",
                "Members in each",
                "Lose zone A",
                "Zone B",
                "Zone C",
                "Zone D",
                "Any one may go",
            ];
            let note = format!(
                "All hosts of a zone lose their power at once, a client elsewhere writes. {MEASURED}"
            );
            let title = match members {
                1 => "1 member cannot be spread over zones".to_owned(),
                _ => format!("{members} members over 2, 3 and 4 zones"),
            };
            sheet::sheet(&title, &note, &columns, quorum::spreads(members).len())
        }
        _ => {
            let columns = [
                "Members",
                "One room",
                "99 of 100 below",
                "One more member",
                "Messages a write",
                "Two sites",
                "One slow disk",
            ];
            let note = format!(
                "Half of 100 writes of 256 bytes through the leader, one after the other, were \
                 faster than this. Two sites: the smaller half stands {} ms away, one way. One slow \
                 disk: the last member takes a hundred times as long to sync. {MEASURED}",
                latency::APART_US / 1000
            );
            sheet::sheet("What one more member costs a write", &note, &columns, all)
        }
    }
}

/// Those of the screen Compare.
fn compare_head(kind: SheetKind) -> Sheet {
    match kind {
        SheetKind::Reads => {
            let columns =
                ["How it reads", "Who answers", "Half below", "99 of 100 below", "Messages a read"];
            let note = format!(
                "Five members, all well; 100 reads through a follower. The models ask whether the \
                 leader still leads in a message of its own, which the real servers need not. {MEASURED}"
            );
            sheet::sheet("What a read costs while all is well", &note, &columns, MODES.len())
        }
        SheetKind::Split => {
            let columns = [
                "How it reads",
                "Client beside n2 (minority)",
                "after",
                "Client beside n4 (majority)",
                "after",
            ];
            let note = format!(
                "All had x = old. Then n1 (the leader) and n2 were cut off from n3, n4 and n5; four \
                 seconds later x = new was written on the majority's side, and both clients read. \
                 {MEASURED}"
            );
            sheet::sheet("Who reads what during the split", &note, &columns, MODES.len() + 1)
        }
        _ => {
            let columns = ["How it reads", "Splits with a stale read", "Last one, after the write"];
            let note = format!(
                "In {} splits with {} seeds, a client beside n2 read every 20 ms. Stale: it was \
                 asked after x = new had been acknowledged on the other side, and answered old. \
                 A leader that was replaced steps down by etcd's rule here (it hears no majority \
                 for one election timeout of 1 s); Consul's and ZooKeeper's own timeouts differ. \
                 {MEASURED}",
                compare::SPLITS,
                compare::SPLITS
            );
            let of = compare::SPLITS as usize;
            sheet::sheet("The moment in which nobody knows", &note, &columns, of)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(kind: SheetKind, members: u8) -> Sheet {
        let mut bench = Bench::default();
        let mut ask = Measure::Begin { sheet: kind, members };
        loop {
            let Ok(Answer::Sheet(sheet)) = bench.call(ask) else { panic!("no table") };
            if sheet.done == sheet.of {
                return sheet;
            }
            ask = Measure::Next;
        }
    }

    #[test]
    fn every_table_has_a_cell_for_every_column() {
        for kind in [SheetKind::Zones, SheetKind::Reads, SheetKind::Split, SheetKind::Books] {
            let sheet = whole(kind, 4);
            assert!(!sheet.rows.is_empty() && !sheet.note.is_empty(), "{kind:?}");
            for row in &sheet.rows {
                assert_eq!(row.len(), sheet.columns.len(), "{kind:?}: {row:?}");
            }
        }
    }

    #[test]
    fn a_table_comes_step_by_step_and_the_same_each_time() {
        let mut bench = Bench::default();
        let first = bench.call(Measure::Begin { sheet: SheetKind::Split, members: 5 });
        let Ok(Answer::Sheet(sheet)) = first else { panic!("no table") };
        assert_eq!((sheet.done, sheet.rows.len()), (1, 1));
        assert_eq!(whole(SheetKind::Split, 5), whole(SheetKind::Split, 5));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let mut bench = Bench::default();
        assert!(bench.call(Measure::Next).is_err());
        assert!(bench.call(Measure::Cluster { members: 10 }).is_err());
        assert!(bench.call(Measure::Toggle { members: 3, member: 1 }).is_err());
        bench.call(Measure::Cluster { members: 3 }).unwrap();
        assert!(bench.call(Measure::Toggle { members: 3, member: 4 }).is_err());
        assert!(bench.call(Measure::Toggle { members: 3, member: 0 }).is_err());
        let again = bench.call(Measure::Toggle { members: 3, member: 2 }).unwrap();
        let Answer::Bench(row) = again else { panic!("no row") };
        assert_eq!((row.alive, row.wrote), (vec![true, false, true], true));
    }
}
