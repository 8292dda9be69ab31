//! Recorded sessions of real programs: reading the files, and what of a text is compared.
//!
//! The files keep the recorder's own form, described in `tests/README.md`.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

/// A step of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something the recorder did to the cluster: the words after `@`.
    Do(String),
    /// A command and what came of it.
    Command(Recorded),
}

/// A command and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands in the file.
    pub line: usize,
    /// As it was typed.
    pub command: String,
    /// What it was fed.
    pub stdin: String,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
    /// Its exit code; minus a signal's number if the recorder ended it.
    pub exit: i32,
    /// When the recorder sent the signal, if it did.
    pub signal_after_us: Option<u64>,
    /// For a server: the lines of its log that were kept, and its exit code if it ended.
    pub server: Option<Option<i32>>,
}

/// Reads a file.
pub fn parse(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(words) = line.strip_prefix("@ ") {
            steps.push(Step::Do(words.to_owned()));
        } else if let Some(command) = line.strip_prefix("$ ") {
            let mut recorded =
                Recorded { line: at + 1, command: command.to_owned(), ..Recorded::default() };
            let mut body = Vec::new();
            for (_, line) in lines.by_ref() {
                body.push(line);
                if line.starts_with("[exit ") || line.starts_with("[server exit ") {
                    break;
                }
            }
            recorded.read(&body);
            steps.push(Step::Command(recorded));
        }
    }
    steps
}

static EXIT: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"^\[exit (-?\d+)\] \[([\d.]+)s\](?: \(after ([\d.]+)s sent SIG\w+\)| (\(KILLED))?";
    Regex::new(text).expect("it is right")
});

impl Recorded {
    fn read(&mut self, body: &[&str]) {
        let mut section = "";
        for line in body {
            if let Some(rest) = line.strip_prefix("[server exit ") {
                self.server = Some(rest.trim_end_matches(']').parse().ok());
            } else if line.starts_with("[exit ") {
                self.read_exit(line);
            } else if let Some(name) =
                ["stdin", "stdout", "stderr"].into_iter().find(|name| opens(line, name))
            {
                section = name;
            } else if let Some(log) = line.strip_prefix("   ").filter(|_| section.is_empty()) {
                push_line(&mut self.stderr, log);
            } else {
                let into = match section {
                    "stdin" => &mut self.stdin,
                    "stdout" => &mut self.stdout,
                    _ => &mut self.stderr,
                };
                push_line(into, line);
            }
        }
    }

    fn read_exit(&mut self, line: &str) {
        let found = EXIT.captures(line).expect("the exit line has its form");
        let us = |text: &str| text.parse::<f64>().map(|s| (s * 1e6) as u64).unwrap_or_default();
        self.exit = found[1].parse().unwrap_or_default();
        self.signal_after_us = match (found.get(3), found.get(4)) {
            (Some(after), _) => Some(us(after.as_str())),
            (None, Some(_)) => Some(us(&found[2])),
            (None, None) => None,
        };
    }
}

fn opens(line: &str, section: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|rest| rest.strip_prefix(section))
        .is_some_and(|rest| rest == "]" || rest == "] (empty)")
}

fn push_line(text: &mut String, line: &str) {
    match line.strip_suffix("⏎(no newline)") {
        Some(line) => text.push_str(line),
        None => {
            text.push_str(line);
            text.push('\n');
        }
    }
}

/// A pattern and what stands in its place.
struct Mask(Regex, &'static str);

/// What differs from run to run: times, ids, ports, pointers, and which of two texts a race
/// ended with.
static MASKS: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    [
        (r#""ts":"[^"]*""#, r#""ts":"<time>""#),
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
        (r"\b[0-9a-f]{64}\b", "<sha256>"),
        (r"\[(\d{1,3} ){31}\d{1,3}\]", "<sha256>"),
        (r"0x[0-9a-f]+", "<pointer>"),
        (r"\bE\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ ", "E<time> <pid> "),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        (r"\b\d+(\.\d+)?(ns|µs|ms)\b", "<took>"),
        (r"\b\d+\.\d+s\b", "<took>"),
        (r"\b[0-9a-f]{16}\b", "<id>"),
        (r"\b0?[0-9a-f]{15}\b", "<id>"),
        (r"\b\d{15,20}\b", "<id>"),
        (r"\[http://127\.0\.0\.1:<port>\]", "[<url>]"),
        (r#""stacktrace":"[^"]*""#, r#""stacktrace":"<stack>""#),
        // The deadline travels with the request: either end may see it first.
        (r"stream terminated by RST_STREAM with error code: CANCEL", "context deadline exceeded"),
        (r"Member +<id>", "Member <id>"),
        // A progress bar: how many frames there are depends on how long it took.
        (r"(\d+ / \d+ \[[-_>]*\] [\d.]+% [?\d]+ p/s)+", "<bar>"),
        (r"(\r \d+ / \d+ +[\d.]+%( \w+)?)+", "<bar>"),
        // The last write of a minute may fall outside it.
        (r"Throughput is 15[01] writes", "Throughput is <150 or 151> writes"),
        (r"memory used : [\d.]+ MB", "memory used : <size>"),
        // Keys that end in a lease's id, in base64: `l1/…` and `e2/…`.
        (r#""key":"(bDEv|ZTIv)[0-9A-Za-z+/=]*""#, r#""key":"<lease key>""#),
    ]
    .into_iter()
    .map(|(pattern, with)| Mask(Regex::new(pattern).expect("it is right"), with))
    .collect()
});

/// Field 2 of a header: a tag and a number of nine or ten bytes.
static ANSWERER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"10([89a-f][0-9a-f]){8,9}[0-7][0-9a-f]").expect("it is right"));
/// The hash of a database, in which the members' ids count.
static HASH: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#"(?m)^[0-9a-f]{5,8}\b|^\| +[0-9a-f]{5,8}\b|"hash":\d+|"Hash" : \d+"#;
    Regex::new(text).expect("it is right")
});
static RUNS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r" {2,}|-{2,}").expect("it is right"));
static ATTEMPT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""attempt":\d+"#).expect("it is right"));
static MEMBERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""(members|leases)":\[\{(.*)\}\]"#).expect("it is right"));
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(ETCD_INITIAL_CLUSTER=\x22|keys\(\[|keys\x22:\[)([^\x22\]]*|[^\]]*)")
        .expect("it is right")
});

/// A text with what differs from run to run masked and what comes in any order sorted.
pub fn masked(text: &str, command: &str) -> String {
    let mut text = usage_masked(text);
    if command.contains("protobuf") && command.contains("xxd") {
        text = dump_masked(&text);
    }
    if command.contains("snapshot status") {
        text = HASH.replace_all(&text, "<hash>").into_owned();
    }
    for Mask(pattern, with) in MASKS.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    text = MEMBERS
        .replace_all(&text, |found: &Captures<'_>| {
            let mut items: Vec<&str> = found[2].split("},{").collect();
            items.sort_unstable();
            format!("\"{}\":[{{{}}}]", &found[1], items.join("},{"))
        })
        .into_owned();
    text = LISTED
        .replace_all(&text, |found: &Captures<'_>| {
            let mut items: Vec<&str> = found[2].split([',', ' ']).collect();
            items.sort_unstable();
            format!("{}{}", &found[1], items.join(","))
        })
        .into_owned();
    // Widths follow the ids and durations in a column.
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| match line.starts_with(['|', '+']) {
            true => {
                RUNS.replace_all(line, |found: &Captures<'_>| found[0][..1].to_owned()).into_owned()
            }
            false => line.to_owned(),
        })
        .collect();
    lines = repeats(lines);
    let unordered = ["endpoint health", "member list", "lease list", "--cluster"];
    if unordered.iter().any(|part| command.contains(part)) {
        if command.contains("fields") {
            let joined = lines.join("\n").replace("\n\"ID\" :", "\n\n\"ID\" :");
            let mut groups: Vec<&str> = joined.split("\n\n").map(str::trim).collect();
            groups.sort_unstable();
            return groups.join("\n\n");
        }
        lines.sort();
    }
    lines.join("\n")
}

/// The member id in a dumped answer is that of whoever answered.
fn dump_masked(text: &str) -> String {
    let hex: String = text
        .lines()
        .filter_map(|line| line.get(10..49))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    ANSWERER.replace(&hex, "10<id>").into_owned()
}

/// Help is ours: only that it was shown counts. So is the stack of a Go program.
fn usage_masked(text: &str) -> String {
    if let Some(at) = text.find("NAME:\n") {
        return format!("{}<usage>\n", &text[..at]);
    }
    let cobra = text.find("Usage:\n   ").or_else(|| text.find("Usage:\n  etcd"));
    match (cobra, text.rfind("Error: ")) {
        (Some(from), Some(to)) if from < to => format!("{}<usage>\n{}", &text[..from], &text[to..]),
        (Some(from), None) => format!("{}<usage>\n", &text[..from]),
        _ => text.to_owned(),
    }
}

/// Ten or more warnings alike but for their number count as one and how many follow.
fn repeats(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let plain = ATTEMPT.replace_all(&line, "").into_owned();
        let mut run = vec![line];
        while plain.starts_with("{\"level\":\"warn\"")
            && lines.peek().is_some_and(|next| ATTEMPT.replace_all(next, "") == plain)
        {
            run.extend(lines.next());
        }
        if run.len() >= 10 {
            let more = run.len() - 1;
            run.truncate(1);
            run.push(format!("<{more} more>"));
        }
        out.extend(run);
    }
    out
}

/// Ids of a recording and those the same things have in a run. Later commands name them.
#[derive(Debug, Default)]
pub struct Names {
    pairs: Vec<(String, String)>,
}

static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [r"(?m)^lease ([0-9a-f]{16}) granted", r"(?m)^Member +([0-9a-f]+) added"]
        .into_iter()
        .map(|pattern| Regex::new(pattern).expect("it is right"))
        .collect()
});
static ROW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^([0-9a-f]+), (?:un)?started, [^,]*, (\S+),").expect("it is right")
});

impl Names {
    /// Learns from what a command printed in the recording and in a run.
    pub fn learn(&mut self, recorded: &str, ran: &str) {
        for pattern in NAMED.iter() {
            let (old, new) = (pattern.captures(recorded), pattern.captures(ran));
            if let (Some(old), Some(new)) = (old, new) {
                self.pairs.push((old[1].to_owned(), new[1].to_owned()));
            }
        }
        for old in ROW.captures_iter(recorded) {
            if let Some(new) = ROW.captures_iter(ran).find(|new| new[2] == old[2]) {
                self.pairs.push((old[1].to_owned(), new[1].to_owned()));
            }
        }
    }

    /// A command of the recording as it must be typed here.
    pub fn applied(&self, command: &str) -> String {
        self.pairs.iter().rev().fold(command.to_owned(), |command, (old, new)| {
            if command.contains(new.as_str()) { command } else { command.replace(old, new) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = "# note\n\n@ cluster 3\n\n$ etcdctl txn\n[stdin]\n\nput x 1\n\n[stdout]\nSUCCESS\n[stderr] (empty)\n[exit -2] [2.51s] (after 2.5s sent SIGINT)\n";
        let steps = parse(text);
        assert_eq!(steps[0], Step::Do("cluster 3".to_owned()));
        let Step::Command(recorded) = &steps[1] else { panic!("a command") };
        assert_eq!(recorded.stdin, "\nput x 1\n\n");
        assert_eq!((recorded.stdout.as_str(), recorded.exit), ("SUCCESS\n", -2));
        assert_eq!(recorded.signal_after_us, Some(2_500_000));
    }

    #[test]
    fn what_differs_is_masked_and_what_counts_is_not() {
        let a = "lease 64f3a20256f72a04 granted with TTL(60s), remaining(59s)\n";
        assert_eq!(masked(a, ""), "lease <id> granted with TTL(60s), remaining(59s)");
        assert_ne!(masked("1\n", ""), masked("2\n", ""));
        assert_eq!(masked("b\na\n", "etcdctl member list"), "a\nb");
    }
}
