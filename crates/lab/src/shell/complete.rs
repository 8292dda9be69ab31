//! Completion: what the word before the cursor can become.
//!
//! Read-only: it asks [`Surroundings`] for names and changes nothing.

use crate::programs;

use super::builtins;
use super::escape;

/// What completion may know of the host and its shell.
pub trait Surroundings {
    /// Names of the executable files on `PATH`.
    fn programs(&self) -> Vec<String>;
    /// The entries of a directory, each with whether it is one itself; a relative path is meant
    /// from the shell's directory.
    fn list(&self, directory: &str) -> Vec<(String, bool)>;
    /// Names of the shell's variables.
    fn variables(&self) -> Vec<String>;
    /// What `~` stands for.
    fn home(&self) -> String;
}

/// A host nobody knows anything of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn programs(&self) -> Vec<String> {
        Vec::new()
    }

    fn list(&self, _directory: &str) -> Vec<(String, bool)> {
        Vec::new()
    }

    fn variables(&self) -> Vec<String> {
        Vec::new()
    }

    fn home(&self) -> String {
        "/root".to_owned()
    }
}

/// What a word can become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// How many characters before the cursor are replaced.
    pub typed_chars: usize,
    /// The possible words, without quotes, sorted.
    pub candidates: Vec<Candidate>,
    /// The word so far, without quotes.
    typed: String,
    /// A quote that is open.
    quote: Option<char>,
}

/// One possible word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What is put after it when it is the only one.
    ending: &'static str,
    /// It is put into the line as it is: a `$` in it is meant.
    plain: bool,
}

impl Completion {
    /// The text to put in the place of what was typed; none where nothing is gained.
    pub fn insertion(&self) -> Option<String> {
        let first = self.candidates.first()?;
        if self.candidates.len() == 1 {
            let closing = match self.quote {
                Some(quote) if first.ending == " " => quote.to_string(),
                _ => String::new(),
            };
            return Some(format!(
                "{}{closing}{}",
                self.quoted(&first.text, first.plain),
                first.ending
            ));
        }
        let shared = self.candidates.iter().skip(1).fold(first.text.as_str(), |shared, other| {
            let len = shared
                .char_indices()
                .zip(other.text.chars())
                .find(|((_, a), b)| a != b)
                .map_or(shared.len().min(other.text.len()), |((i, _), _)| i);
            &shared[..len]
        });
        (shared.len() > self.typed.len()).then(|| self.quoted(shared, first.plain))
    }

    /// The candidates as they are listed: of paths only the last name.
    pub fn shown(&self) -> Vec<String> {
        let name = |candidate: &Candidate| {
            let mark = if candidate.ending == "/" { "/" } else { "" };
            let text = &candidate.text;
            let from =
                if self.typed.contains('/') { text.rfind('/').map_or(0, |i| i + 1) } else { 0 };
            format!("{}{mark}", &text[from..])
        };
        self.candidates.iter().map(name).collect()
    }

    fn quoted(&self, text: &str, plain: bool) -> String {
        match self.quote {
            None if plain => text.to_owned(),
            Some('\'') => format!("'{}", text.replace('\'', "'\\''")),
            Some(quote) => {
                let mut out = quote.to_string();
                for c in text.chars() {
                    if !plain && matches!(c, '"' | '\\' | '`' | '$') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out
            }
            // A leading `~` is meant.
            None => match text.strip_prefix('~') {
                Some(rest) => format!("~{}", plain_quote(rest)),
                None => plain_quote(text),
            },
        }
    }
}

fn plain_quote(text: &str) -> String {
    if text.is_empty() { String::new() } else { escape::quote(text) }
}

/// Names after which the next word is a command again.
const PREFIXES: [&str; 16] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "command", "exec",
    "env", "xargs", "nohup", "builtin",
];

/// Where the cursor stands in a command line.
#[derive(Debug, Default, PartialEq)]
struct Spot {
    /// The words of the command before the one at the cursor.
    words: Vec<String>,
    /// The word at the cursor so far, without quotes.
    typed: String,
    /// Its length as it stands in the line.
    typed_chars: usize,
    quote: Option<char>,
    /// The word is the file of a redirection.
    redirect: bool,
}

/// The possible completions of the word at the end of `before`.
pub fn complete(before: &str, around: &dyn Surroundings) -> Completion {
    let spot = spot(before);
    let mut candidates = candidates(&spot, around);
    flat::sort(&mut candidates);
    candidates.dedup();
    Completion { typed_chars: spot.typed_chars, candidates, typed: spot.typed, quote: spot.quote }
}

fn spot(before: &str) -> Spot {
    let mut spot = Spot::default();
    let mut in_word = false;
    let mut chars = before.chars();
    while let Some(c) = chars.next() {
        if let Some(quote) = spot.quote {
            spot.typed_chars += 1;
            if c == quote {
                spot.quote = None;
            } else if c == '\\' && quote == '"' {
                spot.typed_chars += usize::from(chars.as_str().starts_with(|_: char| true));
                spot.typed.extend(chars.next());
            } else {
                spot.typed.push(c);
            }
            continue;
        }
        match c {
            ' ' | '\t' => {
                if in_word {
                    spot.end_word();
                }
                in_word = false;
            }
            '|' | ';' | '&' | '(' | '`' | '\n' => {
                spot = Spot::default();
                in_word = false;
            }
            '<' | '>' => {
                if in_word {
                    spot.end_word();
                }
                spot.redirect = true;
                in_word = false;
            }
            _ => {
                in_word = true;
                spot.typed_chars += 1;
                match c {
                    '\'' | '"' => spot.quote = Some(c),
                    '\\' => {
                        let next = chars.next();
                        spot.typed_chars += usize::from(next.is_some());
                        spot.typed.extend(next);
                    }
                    _ => spot.typed.push(c),
                }
            }
        }
    }
    spot
}

impl Spot {
    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.typed);
        self.typed_chars = 0;
        if std::mem::take(&mut self.redirect) {
            return;
        }
        let assignment = word.split_once('=').is_some_and(|(name, _)| super::is_name(name));
        let prefix = PREFIXES.contains(&word.as_str());
        if self.words.is_empty() && (assignment || prefix) {
            return;
        }
        self.words.push(word);
    }
}

fn candidates(spot: &Spot, around: &dyn Surroundings) -> Vec<Candidate> {
    if let Some((head, name)) = variable_at_end(&spot.typed)
        && spot.quote != Some('\'')
    {
        return variables(head, name, around);
    }
    if spot.redirect {
        return files(&spot.typed, false, around);
    }
    let Some(command) = spot.words.first() else {
        return commands(&spot.typed, around);
    };
    let mut found = match command.as_str() {
        "cd" | "rmdir" | "pushd" => files(&spot.typed, true, around),
        "man" | "help" | "which" | "type" => names(&spot.typed, programs_and_builtins(around), " "),
        "export" | "unset" | "readonly" if !spot.typed.contains('=') => {
            names(&spot.typed, around.variables(), "")
        }
        _ => by_program(command, spot),
    };
    if found.is_empty() {
        found = files(&spot.typed, false, around);
    }
    if found.is_empty()
        && let Some((head, path)) = spot.typed.rsplit_once('=')
    {
        found = files(path, false, around);
        for candidate in &mut found {
            candidate.text.insert_str(0, &format!("{head}="));
        }
    }
    found
}

/// What the program's own table says.
fn by_program(command: &str, spot: &Spot) -> Vec<Candidate> {
    let name = command.rsplit('/').next().unwrap_or(command);
    let Some(hook) = programs::find(name).and_then(|program| program.complete) else {
        return Vec::new();
    };
    let mut words = spot.words[1..].to_vec();
    words.push(spot.typed.clone());
    let found = hook(&words);
    let ending = |text: &str| if text.ends_with(['=', '/']) { "" } else { " " };
    found
        .into_iter()
        .filter(|text| text.starts_with(&spot.typed))
        .map(|text| Candidate { ending: ending(&text), text, plain: false })
        .collect()
}

/// `head$na`: the head and `na`.
fn variable_at_end(typed: &str) -> Option<(&str, &str)> {
    let at = typed.rfind('$')?;
    let name = &typed[at + 1..];
    let name_only = name.strip_prefix('{').unwrap_or(name);
    let fits = name_only.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    fits.then_some((&typed[..at], name))
}

fn variables(head: &str, name: &str, around: &dyn Surroundings) -> Vec<Candidate> {
    let (open, prefix, close) = match name.strip_prefix('{') {
        Some(prefix) => ("{", prefix, "}"),
        None => ("", name, ""),
    };
    let fits = around.variables().into_iter().filter(|variable| variable.starts_with(prefix));
    fits.map(|variable| Candidate {
        text: format!("{head}${open}{variable}{close}"),
        ending: "",
        plain: true,
    })
    .collect()
}

fn commands(typed: &str, around: &dyn Surroundings) -> Vec<Candidate> {
    if typed.contains('/') || typed.starts_with('~') {
        return files(typed, false, around);
    }
    names(typed, programs_and_builtins(around), " ")
}

fn programs_and_builtins(around: &dyn Surroundings) -> Vec<String> {
    let mut all = around.programs();
    all.extend(builtins::names().map(str::to_owned));
    all
}

fn names(typed: &str, all: Vec<String>, ending: &'static str) -> Vec<Candidate> {
    let fits = all.into_iter().filter(|name| name.starts_with(typed));
    fits.map(|text| Candidate { text, ending, plain: false }).collect()
}

fn files(typed: &str, directories: bool, around: &dyn Surroundings) -> Vec<Candidate> {
    let (directory, prefix) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None if typed == "~" => ("~/", ""),
        None => ("", typed),
    };
    let place = match directory.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", around.home()),
        None if directory.is_empty() => ".".to_owned(),
        None => directory.to_owned(),
    };
    let mut found = Vec::new();
    for (name, is_directory) in around.list(&place) {
        let hidden = name.starts_with('.') && !prefix.starts_with('.');
        if hidden || !name.starts_with(prefix) || (directories && !is_directory) {
            continue;
        }
        let ending = if is_directory { "/" } else { " " };
        found.push(Candidate { text: format!("{directory}{name}"), ending, plain: false });
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A host with a few names.
    pub(in crate::shell) struct Somewhere;

    impl Surroundings for Somewhere {
        fn programs(&self) -> Vec<String> {
            ["cat", "clear", "cp", "grep"].map(str::to_owned).to_vec()
        }

        fn list(&self, directory: &str) -> Vec<(String, bool)> {
            let names: &[(&str, bool)] = match directory {
                "." => &[
                    (".profile", false),
                    ("my file", false),
                    ("notes", true),
                    ("notes.txt", false),
                ],
                "/var/" => &[("lib", true), ("log", true)],
                "/var/lib/" => &[("etcd", true)],
                "/root/" => &[("x", false)],
                _ => &[],
            };
            names.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect()
        }

        fn variables(&self) -> Vec<String> {
            ["HOME", "HOSTNAME", "PATH"].map(str::to_owned).to_vec()
        }

        fn home(&self) -> String {
            "/root".to_owned()
        }
    }

    #[test]
    fn one_candidate_is_inserted_and_many_share_a_prefix() {
        let table = [
            ("gre", Some("grep ")),
            ("echo x | gre", Some("grep ")),
            ("A=1 gre", Some("grep ")),
            ("if gre", Some("grep ")),
            ("echo $(gre", Some("grep ")),
            ("cat my", Some("my\\ file ")),
            ("cat \"my", Some("\"my file\" ")),
            ("cat 'my", Some("'my file' ")),
            ("cat no", Some("notes")),
            ("cat notes", None),
            ("cd no", Some("notes/")),
            ("cat > my", Some("my\\ file ")),
            ("ls /var/li", Some("/var/lib/")),
            ("ls /var/l", None),
            ("ls /var/lib/", Some("/var/lib/etcd/")),
            ("ls ~/", Some("~/x ")),
            ("echo $PA", Some("$PATH")),
            ("echo \"a$HOM", Some("\"a$HOME")),
            ("echo ${PA", Some("${PATH}")),
            ("export PA", Some("PATH")),
            ("cat zzz", None),
            ("etcd --data-dir=/var/li", Some("--data-dir=/var/lib/")),
        ];
        for (line, expected) in table {
            let found = complete(line, &Somewhere).insertion();
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn listing_shows_last_names() {
        assert_eq!(complete("ls /var/l", &Somewhere).shown(), ["lib/", "log/"]);
        assert_eq!(complete("cat ", &Somewhere).shown(), ["my file", "notes/", "notes.txt"]);
        assert_eq!(complete("cat .", &Somewhere).shown(), [".profile"]);
    }

    #[test]
    fn builtins_are_known() {
        let shown = complete("expo", &Somewhere);
        assert_eq!(shown.insertion().as_deref(), Some("export "));
    }
}
