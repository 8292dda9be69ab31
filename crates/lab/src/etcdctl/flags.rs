//! Flags: what one is, and the values a command line gave to them (spf13/pflag).

use super::go::{duration, number, quote::quote, quote::quote_char};
use etcd::Release;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `=true`, `=false`.
    Bool,
    /// Any text.
    Text,
    /// A 64-bit number, also as 0x10.
    Int,
    /// One that is not negative.
    Uint,
    /// Like 5s or 1m30s.
    Duration,
    /// Values separated by commas; repeats add up.
    List,
}

/// Which releases have a flag or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// 3.5 and 3.6.
    Both,
    /// It came with 3.6.
    V36,
    /// It was gone with 3.6.
    Until35,
}

impl Since {
    /// Whether a release has it.
    pub fn has(self, release: Release) -> bool {
        match self {
            Since::Both => true,
            Since::V36 => release.is_3_6(),
            Since::Until35 => !release.is_3_6(),
        }
    }
}

/// A flag of a command.
#[derive(Debug)]
pub struct Flag {
    /// Without the dashes.
    pub name: &'static str,
    /// The letter after one dash.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// As help shows it.
    pub default: &'static str,
    /// One sentence for help.
    pub usage: &'static str,
    /// Which releases have it.
    pub since: Since,
    /// What completion offers as its value.
    pub values: &'static [&'static str],
}

impl Flag {
    /// A flag of both releases with no short form.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        usage: &'static str,
    ) -> Flag {
        Flag { name, short: None, kind, default, usage, since: Since::Both, values: &[] }
    }

    /// A switch.
    pub const fn switch(name: &'static str, usage: &'static str) -> Flag {
        Flag::new(name, Kind::Bool, "false", usage)
    }

    /// The same with a letter.
    pub const fn short(self, short: char) -> Flag {
        Flag { short: Some(short), ..self }
    }

    /// The same, in some releases only.
    pub const fn since(self, since: Since) -> Flag {
        Flag { since, ..self }
    }

    /// The same with values for completion.
    pub const fn values(self, values: &'static [&'static str]) -> Flag {
        Flag { values, ..self }
    }

    /// Whether it can stand without a value.
    pub fn is_switch(&self) -> bool {
        self.kind == Kind::Bool
    }
}

/// `-h` of every command.
pub(crate) static HELP: Flag = Flag::switch("help", "").short('h');

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Bool(bool),
    Text(String),
    Int(i64),
    Uint(u64),
    /// In nanoseconds.
    Duration(i64),
    List(Vec<String>),
}

#[derive(Clone, Debug)]
struct Entry {
    flag: &'static Flag,
    value: Value,
    changed: bool,
}

/// The flags a command knows, with their values.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    entries: Vec<Entry>,
}

impl Flags {
    /// Adds flags with their defaults, those the release has.
    pub fn add(&mut self, flags: &'static [Flag], release: Release) {
        for flag in flags.iter().filter(|flag| flag.since.has(release)) {
            self.push(flag);
        }
    }

    fn push(&mut self, flag: &'static Flag) {
        let value = match flag.kind {
            Kind::List => Value::List(flag.default.split(',').map(str::to_owned).collect()),
            _ => read(flag.kind, flag.default).expect("defaults in the table are valid"),
        };
        self.entries.push(Entry { flag, value, changed: false });
    }

    /// Adds `--help`.
    pub fn add_help(&mut self) {
        self.push(&HELP);
    }

    /// The flag of a name.
    pub fn named(&self, name: &str) -> Option<&'static Flag> {
        self.entries.iter().find(|entry| entry.flag.name == name).map(|entry| entry.flag)
    }

    /// The flag of a letter.
    pub fn lettered(&self, short: char) -> Option<&'static Flag> {
        self.entries.iter().find(|entry| entry.flag.short == Some(short)).map(|entry| entry.flag)
    }

    /// Sets a flag as the command line or a variable does; the error is the value's own.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let entry = self.entries.iter_mut().find(|entry| entry.flag.name == name);
        let entry = entry.expect("only flags that were looked up are set");
        if let Value::List(items) = &mut entry.value {
            let read = read_csv(text)?;
            if entry.changed {
                items.extend(read);
            } else {
                *items = read;
            }
        } else {
            entry.value = read(entry.flag.kind, text)?;
        }
        entry.changed = true;
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|entry| entry.flag.name == name).map(|entry| &entry.value)
    }

    /// Whether the flag was given.
    pub fn changed(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.flag.name == name && entry.changed)
    }

    /// A switch; a release that has no such flag has it off.
    pub fn bool(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    /// A text; empty where the release has no such flag.
    pub fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A number; zero where the release has no such flag.
    pub fn int(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Int(value)) => *value,
            _ => 0,
        }
    }

    /// A number that is not negative; zero where the release has no such flag.
    pub fn uint(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Uint(value)) => *value,
            _ => 0,
        }
    }

    /// A duration in microseconds. Less than nothing is nothing.
    pub fn duration_us(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Duration(ns)) => u64::try_from(ns / 1000).unwrap_or(0),
            _ => 0,
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> &[String] {
        match self.value(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// The value as `--debug` prints it.
    pub fn show(&self, name: &str) -> String {
        match self.value(name) {
            None => String::new(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Uint(value)) => value.to_string(),
            Some(Value::Duration(ns)) => duration::format(*ns),
            Some(Value::List(items)) => format!("[{}]", items.join(",")),
        }
    }

    /// pflag's parsing of a command line: flags anywhere, `--` ends them. Gives the arguments.
    pub fn parse(&mut self, args: &[String]) -> Result<Vec<String>, String> {
        let mut rest = args.iter();
        let mut plain = Vec::new();
        while let Some(word) = rest.next() {
            if word == "--" {
                plain.extend(rest.cloned());
                return Ok(plain);
            }
            match word.strip_prefix("--") {
                Some(long) => self.parse_long(word, long, &mut rest)?,
                None => match word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                    Some(letters) => self.parse_short(letters, &mut rest)?,
                    None => plain.push(word.clone()),
                },
            }
        }
        Ok(plain)
    }

    fn parse_long(
        &mut self,
        word: &str,
        long: &str,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        if long.starts_with(['-', '=']) {
            return Err(format!("bad flag syntax: {word}"));
        }
        let (name, given) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let Some(flag) = self.named(name) else {
            return Err(format!("unknown flag: --{name}"));
        };
        let value = match given {
            Some(value) => value,
            None if flag.is_switch() => "true".to_owned(),
            None => rest.next().ok_or_else(|| format!("flag needs an argument: {word}"))?.clone(),
        };
        self.assign(flag, &value)
    }

    fn parse_short(
        &mut self,
        letters: &str,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        for (at, letter) in letters.char_indices() {
            let shown = &letters[at..];
            let after = &letters[at + letter.len_utf8()..];
            let Some(flag) = self.lettered(letter) else {
                let letter = quote_char(letter);
                return Err(format!("unknown shorthand flag: {letter} in -{shown}"));
            };
            if let Some(value) = after.strip_prefix('=').filter(|value| !value.is_empty()) {
                return self.assign(flag, value);
            }
            if flag.is_switch() {
                self.assign(flag, "true")?;
                continue;
            }
            if !after.is_empty() {
                return self.assign(flag, after);
            }
            let missing = || format!("flag needs an argument: {} in -{shown}", quote_char(letter));
            let value = rest.next().ok_or_else(missing)?.clone();
            return self.assign(flag, &value);
        }
        Ok(())
    }

    fn assign(&mut self, flag: &'static Flag, value: &str) -> Result<(), String> {
        self.set(flag.name, value).map_err(|error| {
            let shown = match flag.short {
                Some(short) => format!("-{short}, --{}", flag.name),
                None => format!("--{}", flag.name),
            };
            format!(
                "invalid argument {} for {} flag: {error}",
                quote(value.as_bytes()),
                quote(shown.as_bytes())
            )
        })
    }
}

fn read(kind: Kind, text: &str) -> Result<Value, String> {
    Ok(match kind {
        Kind::Bool => Value::Bool(number::parse_bool(text)?),
        Kind::Text => Value::Text(text.to_owned()),
        Kind::Int => Value::Int(number::parse_int(text, 0)?),
        Kind::Uint => Value::Uint(number::parse_uint(text, 0)?),
        Kind::Duration => Value::Duration(duration::parse(text)?),
        Kind::List => Value::List(read_csv(text)?),
    })
}

/// One line of `encoding/csv`: fields may stand in double quotes.
fn read_csv(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let line = text.lines().next().unwrap_or_default();
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(line, quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if let Some(at) = rest[..end].find('"') {
                    let column = line.len() - rest.len() + at + 1;
                    return Err(format!(
                        "parse error on line 1, column {column}: bare \" in non-quoted-field"
                    ));
                }
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

fn quoted_field<'a>(line: &str, mut rest: &'a str) -> Result<(String, &'a str), String> {
    let mut field = String::new();
    loop {
        let column = line.len() - rest.len() + 1;
        let fault = || {
            format!(
                "parse error on line 1, column {column}: extraneous or missing \" in quoted-field"
            )
        };
        let end = rest.find('"').ok_or_else(fault)?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.as_bytes().first() {
            Some(b'"') => {
                field.push('"');
                rest = &rest[1..];
            }
            None | Some(b',') => return Ok((field, rest)),
            Some(_) => return Err(fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SOME: [Flag; 5] = [
        Flag::switch("prefix", "").short('p'),
        Flag::new("limit", Kind::Int, "0", ""),
        Flag::new("write-out", Kind::Text, "simple", "").short('w'),
        Flag::new("endpoints", Kind::List, "127.0.0.1:2379", ""),
        Flag::new("command-timeout", Kind::Duration, "5s", ""),
    ];

    fn parse(words: &str) -> Result<(Flags, Vec<String>), String> {
        let mut flags = Flags::default();
        flags.add(&SOME, Release::V3_6);
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let args = flags.parse(&words)?;
        Ok((flags, args))
    }

    #[test]
    fn flags_stand_anywhere_until_two_dashes() {
        let (flags, args) = parse("a -pwjson b --limit 0x10 - -- --limit").unwrap();
        assert!(flags.bool("prefix"));
        assert_eq!(flags.text("write-out"), "json");
        assert_eq!(flags.int("limit"), 16);
        assert_eq!(args, ["a", "b", "-", "--limit"]);
    }

    #[test]
    fn lists_replace_the_default_and_then_add_up() {
        assert_eq!(parse("").unwrap().0.list("endpoints"), ["127.0.0.1:2379"]);
        let (flags, _) = parse("--endpoints=a,b --endpoints c").unwrap();
        assert_eq!(flags.list("endpoints"), ["a", "b", "c"]);
        assert!(parse("--endpoints=").unwrap().0.list("endpoints").is_empty());
        assert_eq!(read_csv("\"a,b\",c"), Ok(vec!["a,b".to_owned(), "c".to_owned()]));
        assert!(read_csv("a\"b").is_err());
    }

    #[test]
    fn faults_are_those_of_pflag() {
        let table = [
            ("--bogus", "unknown flag: --bogus"),
            ("-z", "unknown shorthand flag: 'z' in -z"),
            ("-pz", "unknown shorthand flag: 'z' in -z"),
            ("--limit", "flag needs an argument: --limit"),
            ("-w", "flag needs an argument: 'w' in -w"),
            ("---x", "bad flag syntax: ---x"),
            (
                "--limit=abc",
                "invalid argument \"abc\" for \"--limit\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax",
            ),
            (
                "-p=maybe",
                "invalid argument \"maybe\" for \"-p, --prefix\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "--command-timeout=5",
                "invalid argument \"5\" for \"--command-timeout\" flag: time: missing unit in duration \"5\"",
            ),
        ];
        for (words, error) in table {
            assert_eq!(parse(words).map(|_| ()), Err(error.to_owned()));
        }
    }
}
