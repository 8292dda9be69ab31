//! What the learner has done of the course: a record per exercise, by its slug, as one line of
//! text. The store keeps the lines, and a file of them goes from browser to browser.
//!
//! Text and not postcard: a record outlives releases of the page, and a learner can read it.

use crate::map::Map;

/// How a file begins; another number is another form.
const HEAD: &str = "Quorum Lab progress 1";
/// A larger file is none of ours.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What was done of one exercise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Most points at one time.
    pub(crate) best: u32,
    /// Points there are, without bonus.
    pub(crate) of: u32,
    /// When it was done last: milliseconds since 1970; 0 for never.
    pub(crate) done_ms: u64,
    /// Fewest commands that changed the world, of the runs that did it; 0 for none.
    pub(crate) commands: u32,
    /// What a good way takes.
    pub(crate) par: u32,
    /// Hints that were opened.
    pub(crate) hints: u32,
    /// Whether the solution was shown.
    pub(crate) solution: bool,
}

/// The records by slug.
pub(crate) type Records = Map<String, Record>;

impl Record {
    /// The line that the store keeps under the slug.
    pub(crate) fn line(&self) -> String {
        let Record { best, of, done_ms, commands, par, hints, solution } = self;
        format!("{best} {of} {done_ms} {commands} {par} {hints} {}", u8::from(*solution))
    }

    /// The record of a line; none for anything else.
    pub(crate) fn of_line(line: &str) -> Option<Record> {
        let mut numbers = [0_u64; 7];
        let mut words = line.split(' ');
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        let small = |place: usize| u32::try_from(numbers[place]).ok();
        let record = Record {
            best: small(0)?,
            of: small(1)?,
            done_ms: numbers[2],
            commands: small(3)?,
            par: small(4)?,
            hints: small(5)?,
            solution: numbers[6] == 1,
        };
        (words.next().is_none() && numbers[6] <= 1).then_some(record)
    }

    /// Takes over what is better in another record of the same exercise.
    pub(crate) fn join(&mut self, other: &Record) {
        self.best = self.best.max(other.best);
        self.of = self.of.max(other.of);
        self.done_ms = self.done_ms.max(other.done_ms);
        self.par = self.par.max(other.par);
        self.hints = self.hints.max(other.hints);
        self.solution |= other.solution;
        if other.commands > 0 && (self.commands == 0 || other.commands < self.commands) {
            self.commands = other.commands;
        }
    }
}

/// The records as a file.
pub(crate) fn to_file(records: &Records) -> String {
    let mut text = format!("{HEAD}\n");
    for (slug, record) in records.iter() {
        text.push_str(&format!("{slug} {}\n", record.line()));
    }
    let sum = sum(text.as_bytes());
    text.push_str(&format!("sum {sum:016x}\n"));
    text
}

/// The records of a file: all of them, or a sentence why none.
pub(crate) fn of_file(bytes: &[u8]) -> Result<Records, &'static str> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= FILE_BYTES_MAX);
    let foreign = "It is no file of progress saved by this page.";
    let text = text.filter(|text| text.starts_with(HEAD)).ok_or(foreign)?;
    let damaged = "It is damaged: it was changed or cut off after it was saved.";
    let at = text.rfind("sum ").ok_or(damaged)?;
    if text[at..] != format!("sum {:016x}\n", sum(&bytes[..at])) {
        return Err(damaged);
    }
    let mut records = Records::default();
    for line in text[..at].lines().skip(1) {
        let (slug, rest) = line.split_once(' ').ok_or(damaged)?;
        records.insert(slug.into(), Record::of_line(rest).ok_or(damaged)?);
    }
    Ok(records)
}

/// FNV-1a: it finds damage, it keeps nobody from cheating.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            best: 8,
            of: 8,
            done_ms: 1_763_800_000_000,
            commands: 5,
            par: 4,
            hints: 1,
            solution: false,
        }
    }

    fn records() -> Records {
        let mut records = Records::default();
        records.insert("who-leads".into(), record());
        records.insert("first-tour".into(), Record { best: 2, of: 6, ..Record::default() });
        records
    }

    #[test]
    fn a_record_is_a_line_and_a_line_is_a_record() {
        assert_eq!(Record::of_line(&record().line()), Some(record()));
        for line in
            ["", "1 2 3", "8 8 0 0 0 0 2", "8 8 0 0 0 0 0 0", "-1 0 0 0 0 0 0", "a b c d e f g"]
        {
            assert_eq!(Record::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_file_brings_everything_back() {
        assert_eq!(of_file(to_file(&records()).as_bytes()), Ok(records()));
        assert_eq!(of_file(to_file(&Records::default()).as_bytes()), Ok(Records::default()));
    }

    #[test]
    fn a_file_is_refused_whole_whatever_byte_is_damaged() {
        let whole = to_file(&records()).into_bytes();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            assert!(of_file(&bytes).is_err(), "byte {place}");
            assert!(of_file(&whole[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn records_join_to_the_better_of_both() {
        let mut mine = Record { best: 8, of: 8, commands: 9, hints: 2, ..Record::default() };
        mine.join(&Record { best: 5, of: 8, commands: 6, done_ms: 7, ..Record::default() });
        assert_eq!((mine.best, mine.commands, mine.hints, mine.done_ms), (8, 6, 2, 7));
        mine.join(&Record::default());
        assert_eq!(mine.commands, 6, "no run is not a short one");
    }
}
