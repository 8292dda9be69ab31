//! A simple loop of mutations, for machines without nightly: no coverage guides it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Inputs do not grow beyond it.
const LEN_MAX: usize = 1 << 17;

/// Numbers at which lengths and counts break.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 62,
    i64::MAX as u64,
    u64::MAX,
];

/// Pseudo-random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

/// Runs a target for the seconds of the first argument, from the seed of the second. What makes
/// it panic is kept in `artifacts/`, and named before the panic ends the program.
pub fn run(name: &str, target: fn(&[u8])) {
    let mut words = std::env::args().skip(1);
    let first = words.next().unwrap_or_else(|| "60".to_owned());
    if let Ok(input) = fs::read(&first) {
        target(&input);
        println!("{name}: {first} is harmless");
        return;
    }
    let seconds: u64 = first.parse().expect("seconds to run, or a file to try");
    let seed: u64 = words.next().map_or(1, |word| word.parse().expect("a number as the seed"));
    let corpus = corpus(name);
    let mut random = Random(seed);
    let (begin, mut tried) = (Instant::now(), 0_u64);
    let artifact = folder().join("artifacts").join(name);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(5) {
            change(&mut input, &corpus, &mut random);
        }
        tried += 1;
        let run = std::panic::catch_unwind(|| target(&input));
        if let Err(cause) = run {
            fs::create_dir_all(&artifact).expect("the folder for what was found");
            let file = artifact.join(format!("seed{seed}-{tried}"));
            fs::write(&file, &input).expect("what was found is kept");
            eprintln!("{name}: input {tried} of seed {seed} panics: {}", file.display());
            std::panic::resume_unwind(cause);
        }
    }
    println!("{name}: {tried} inputs in {seconds} s from {} files, seed {seed}", corpus.len());
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let read = |path: &Path| fs::read(path).expect("a file of the corpus");
    let entries = fs::read_dir(folder().join("corpus").join(name)).expect("the corpus");
    let mut files: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    files.sort();
    assert!(!files.is_empty(), "a corpus has at least one file");
    files.iter().map(|path| read(path)).collect()
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len());
    let until = (at + 1 + random.below(64)).min(input.len());
    match random.below(9) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = u8::try_from(random.below(256)).unwrap_or(0),
        2 | 3 => {
            // A number, where one may stand, in either order of bytes.
            let edge = EDGES[random.below(EDGES.len())];
            let width = [1, 2, 4, 8][random.below(4)];
            let bytes = if random.below(2) == 0 {
                edge.to_le_bytes()[..width].to_vec()
            } else {
                edge.to_be_bytes()[8 - width..].to_vec()
            };
            for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
        }
        4 => input.truncate(at),
        5 if at < until => drop(input.drain(at..until)),
        6 if at < until => {
            let part = input[at..until].to_vec();
            let to = random.below(input.len());
            input.splice(to..to, part);
        }
        7 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len());
            let part = &other[from..(from + 1 + random.below(200)).min(other.len())];
            input.splice(at..at, part.iter().copied());
        }
        _ if at < until => {
            let to = random.below(input.len().saturating_sub(until - at));
            input.copy_within(at..until, to);
        }
        _ => input.push(b' '),
    }
    input.truncate(LEN_MAX);
}
