//! spf13/cobra's way from words to a command: prefixes, suggestions, help and their errors.

use etcd::Release;

use super::flags::Flags;
use super::go::quote::{quote, quote_char};
use super::table::{Command, Run, flags_of};

/// The names from the root to a command.
pub(crate) type Path = Vec<&'static Command>;

/// What a command line says.
pub(crate) enum Parsed {
    /// Run a command.
    Run {
        /// The command, after those above it.
        path: Path,
        /// Its flags.
        flags: Flags,
        /// Its arguments.
        args: Vec<String>,
    },
    /// Show the usage on standard output; nothing is wrong.
    Help(Path),
    /// Show the usage on standard output and the error.
    Misused(Path, String),
    /// There is no such command.
    Unknown(String),
}

/// Reads a command line, without the program's name.
pub(crate) fn parse(root: &'static Command, words: &[String], release: Release) -> Parsed {
    let (path, rest) = match find(root, words, release) {
        Ok(found) => found,
        Err(error) => return Parsed::Unknown(error),
    };
    let mut flags = flags_of(&path, release);
    flags.add_help();
    let args = match flags.parse(&rest) {
        Ok(args) => args,
        Err(error) => return Parsed::Misused(path, error),
    };
    let command = path[path.len() - 1];
    if flags.bool("help") || matches!(command.run, Run::Group) {
        return Parsed::Help(path);
    }
    match rules(&path, &flags, &args, release) {
        Ok(()) => Parsed::Run { path, flags, args },
        Err(error) => Parsed::Misused(path, error),
    }
}

/// `cobra.ExactArgs(1)`, `cobra.OnlyValidArgs` and `MarkFlagRequired`, in cobra's order.
fn rules(path: &Path, flags: &Flags, args: &[String], release: Release) -> Result<(), String> {
    let command = path[path.len() - 1];
    if let Some(valid) = command.one_of {
        let [arg] = args else {
            return Err(format!("accepts 1 arg(s), received {}", args.len()));
        };
        if !valid.is_empty() && !valid.contains(&arg.as_str()) {
            let names: Vec<&str> = path.iter().map(|command| command.name).collect();
            let (arg, names) = (quote(arg.as_bytes()), quote(names.join(" ").as_bytes()));
            return Err(format!("invalid argument {arg} for {names}"));
        }
    }
    let missing: Vec<String> = command
        .required
        .iter()
        .filter(|(name, since)| since.has(release) && !flags.changed(name))
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("required flag(s) {} not set", missing.join(", ")))
}

/// Finds the command that words name, and the words that are left for it.
pub(crate) fn find(
    root: &'static Command,
    words: &[String],
    release: Release,
) -> Result<(Path, Vec<String>), String> {
    let mut path = vec![root];
    let mut rest = words.to_vec();
    loop {
        let flags = flags_of(&path, release);
        let here = path[path.len() - 1];
        let Some(at) = first_plain(&rest, &flags) else { return Ok((path, rest)) };
        match next(here, &rest[at], release) {
            Some(sub) => {
                rest.remove(at);
                path.push(sub);
            }
            None if path.len() > 1 || here.subs.is_empty() => return Ok((path, rest)),
            None => {
                let name = quote(rest[at].as_bytes());
                let hint = suggestions(here, &rest[at], release);
                return Err(format!(
                    "unknown command {name} for {}{hint}",
                    quote(here.name.as_bytes())
                ));
            }
        }
    }
}

/// The first word that is neither a flag nor what cobra takes for the value of one.
fn first_plain(words: &[String], flags: &Flags) -> Option<usize> {
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_str();
        if word == "--" {
            return None;
        }
        let takes_next = if word.contains('=') {
            false
        } else if let Some(long) = word.strip_prefix("--") {
            !flags.named(long).is_some_and(super::flags::Flag::is_switch)
        } else if let Some(short) = word.strip_prefix('-').filter(|rest| rest.len() == 1) {
            let letter = short.chars().next().unwrap_or_default();
            !flags.lettered(letter).is_some_and(super::flags::Flag::is_switch)
        } else {
            false
        };
        if takes_next {
            at += 2;
        } else if word.is_empty() || word.starts_with('-') {
            at += 1;
        } else {
            return Some(at);
        }
    }
    None
}

/// The subcommand of a name or of the only one that begins so.
fn next(here: &'static Command, word: &str, release: Release) -> Option<&'static Command> {
    let exact = here.subs(release).find(|sub| sub.name == word);
    exact.or_else(|| {
        let mut matching = here.subs(release).filter(|sub| sub.name.starts_with(word));
        matching.next().filter(|_| matching.next().is_none())
    })
}

fn suggestions(here: &'static Command, word: &str, release: Release) -> String {
    let low = word.to_lowercase();
    let near: Vec<String> = here
        .subs(release)
        .filter(|sub| distance(&low, sub.name) <= 2 || sub.name.starts_with(&low))
        .map(|sub| format!("\t{}\n", sub.name))
        .collect();
    if near.is_empty() {
        String::new()
    } else {
        format!("\n\nDid you mean this?\n{}", near.concat())
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// `%#q` of a list of words, for `help` on something unknown.
pub(crate) fn topic(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            if word.contains(['`', '\n', '\r']) || word.chars().any(|c| quote_char(c).len() > 6) {
                quote(word.as_bytes())
            } else {
                format!("`{word}`")
            }
        })
        .collect();
    format!("[{}]", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::table::ROOT;
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn outcome(line: &str, release: Release) -> String {
        let names = |path: &Path| {
            path[1..].iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
        };
        match parse(&ROOT, &words(line), release) {
            Parsed::Run { path, args, .. } => format!("run {} {args:?}", names(&path)),
            Parsed::Help(path) => format!("help {}", names(&path)),
            Parsed::Misused(path, error) => format!("misused {}: {error}", names(&path)),
            Parsed::Unknown(error) => error,
        }
    }

    #[test]
    fn commands_are_found_as_cobra_finds_them() {
        let table = [
            ("put a b", "run put [\"a\", \"b\"]"),
            ("--endpoints x pu a -w json b", "run put [\"a\", \"b\"]"),
            ("end st", "run endpoint status []"),
            ("mem l", "run member list []"),
            ("member bogus", "help member"),
            ("member", "help member"),
            ("", "help "),
            ("member --bogus", "misused member: unknown flag: --bogus"),
            ("--bogus get foo", "unknown command \"foo\" for \"etcdctl\""),
            ("put k -dash3", "run put [\"k\"]"),
            ("put k -- -dash", "run put [\"k\", \"-dash\"]"),
            ("get --help", "help get"),
            ("gett", "unknown command \"gett\" for \"etcdctl\"\n\nDid you mean this?\n\tget\n"),
            (
                "e",
                "unknown command \"e\" for \"etcdctl\"\n\nDid you mean this?\n\tget\n\tdel\n\tendpoint\n\telect\n",
            ),
            ("completion", "misused completion: accepts 1 arg(s), received 0"),
            (
                "completion tcsh",
                "misused completion: invalid argument \"tcsh\" for \"etcdctl completion\"",
            ),
            ("--version", "misused : unknown flag: --version"),
            ("-v", "misused : unknown shorthand flag: 'v' in -v"),
        ];
        for (line, expected) in table {
            assert_eq!(outcome(line, Release::V3_6), expected, "{line}");
        }
    }

    #[test]
    fn a_prefix_may_be_plain_in_one_release_and_not_in_the_next() {
        assert_eq!(outcome("comp 1", Release::V3_5), "run compaction [\"1\"]");
        assert_eq!(
            outcome("comp 1", Release::V3_6),
            "unknown command \"comp\" for \"etcdctl\"\n\nDid you mean this?\n\tcompaction\n\tcompletion\n"
        );
        assert_eq!(
            outcome("get a --min-mod-rev=1", Release::V3_5),
            "misused get: unknown flag: --min-mod-rev"
        );
    }

    #[test]
    fn topics_are_quoted_with_backticks() {
        assert_eq!(topic(&words("bogus x")), "[`bogus` `x`]");
    }
}
