//! Command lines of units: prefixes, quotes, variables, specifiers.

use std::collections::BTreeMap;

/// A command of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, before variables are put in.
    words: Vec<Word>,
    /// A failure means nothing (`-`).
    pub(super) tolerant: bool,
    /// It runs as root, whatever `User` says (`+`, `!`).
    pub(super) privileged: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// Without quotes, a word that is one variable is split.
    plain: bool,
}

impl Command {
    /// Reads a value of `ExecStart` and its like; the error is what the journal says.
    pub(super) fn parse(value: &str, specifiers: &Specifiers<'_>) -> Result<Command, String> {
        let mut command = Command::default();
        let body = value.trim_start_matches(|c| {
            command.tolerant |= c == '-';
            command.privileged |= matches!(c, '+' | '!');
            matches!(c, '-' | '@' | ':' | '+' | '!')
        });
        for (text, plain) in split(body).ok_or_else(|| format!("Unbalanced quoting: {value}"))? {
            command.words.push(Word { text: specifiers.put_in(&text), plain });
        }
        let path = command.words.first().map_or("", |word| word.text.as_str());
        if path.is_empty() || (path.contains('/') && !path.starts_with('/')) {
            return Err(format!("Neither a valid executable name nor an absolute path: {path}"));
        }
        Ok(command)
    }

    /// The program as it is written.
    pub(super) fn path(&self) -> &str {
        &self.words[0].text
    }

    /// The words without variables put in: what `systemctl status` shows.
    pub(super) fn shown(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    /// The argument list, with variables put in.
    pub(super) fn argv(&self, env: &BTreeMap<String, String>) -> Vec<String> {
        let mut argv = vec![self.path().to_owned()];
        for word in &self.words[1..] {
            let whole = word.text.strip_prefix('$').filter(|_| word.plain);
            let name = whole.filter(|name| crate::shell::is_name(name));
            match name {
                Some(name) => {
                    let value = env.get(name).map_or("", String::as_str);
                    argv.extend(value.split_whitespace().map(str::to_owned));
                }
                None => argv.push(braces(&word.text, env)),
            }
        }
        argv
    }
}

/// `${NAME}` and `$NAME` inside a word; `$$` is a dollar.
fn braces(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        {
            out.push_str(env.get(name).map_or("", String::as_str));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// Words with quotes taken away, and whether there were none. None where a quote stays open.
pub(super) fn split(text: &str) -> Option<Vec<(String, bool)>> {
    let mut words = Vec::new();
    let mut word: Option<(String, bool)> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                let (text, _) = word.get_or_insert((String::new(), true));
                match chars.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    's' => text.push(' '),
                    other @ ('\\' | '"' | '\'' | ' ') => text.push(other),
                    other => text.extend(['\\', other]),
                }
            }
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert((String::new(), false)).0.push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert((String::new(), false)).1 = false;
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert((String::new(), true)).0.push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// What `%n` and its like stand for.
pub(super) struct Specifiers<'a> {
    pub(super) unit: &'a str,
    pub(super) host: &'a str,
    pub(super) user: &'a str,
}

impl Specifiers<'_> {
    /// A text with them put in.
    pub(super) fn put_in(&self, text: &str) -> String {
        let stem = self.unit.rsplit_once('.').map_or(self.unit, |(stem, _)| stem);
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => out.push_str(self.unit),
                Some('N') => out.push_str(stem),
                Some('p') => out.push_str(prefix),
                Some('i' | 'I') => out.push_str(instance),
                Some('H' | 'l') => out.push_str(self.host),
                Some('u') => out.push_str(self.user),
                Some('%') => out.push('%'),
                Some(other) => out.extend(['%', other]),
                None => out.push('%'),
            }
        }
        out
    }
}

/// The assignments of an `Environment` value.
pub(super) fn assignments(value: &str) -> Vec<(String, String)> {
    let words = split(value).unwrap_or_default();
    let pair = |(word, _): (String, bool)| {
        let (name, value) = word.split_once('=')?;
        crate::shell::is_name(name).then(|| (name.to_owned(), value.to_owned()))
    };
    words.into_iter().filter_map(pair).collect()
}

/// The assignments of a file named by `EnvironmentFile`.
pub(super) fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in text.replace("\\\n", "").lines() {
        let line = line.trim();
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))
        else {
            continue;
        };
        let name = name.trim();
        let words = split(value.trim()).unwrap_or_default();
        let words: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
        if crate::shell::is_name(name) {
            found.push((name.to_owned(), words.join(" ")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_variables_and_specifiers() {
        let specifiers = Specifiers { unit: "etcd.service", host: "etcd1", user: "root" };
        let line = "-/usr/bin/etcd --name=%H \"--a b\" $OPTS '$OPTS' --d=${DIR}/x $$1 100%%";
        let command = Command::parse(line, &specifiers).unwrap();
        assert!(command.tolerant && !command.privileged);
        let env = [("OPTS", "-x -y"), ("DIR", "/data")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(
            command.argv(&env),
            [
                "/usr/bin/etcd",
                "--name=etcd1",
                "--a b",
                "-x",
                "-y",
                "$OPTS",
                "--d=/data/x",
                "$1",
                "100%"
            ]
        );
        assert!(Command::parse("bin/etcd", &specifiers).is_err());
        assert!(Command::parse("/bin/etcd 'a", &specifiers).is_err());
    }

    #[test]
    fn environments() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(assignments("A=1 \"B=two words\" c"), [pair("A", "1"), pair("B", "two words")]);
        let text = "# c\nETCD_NAME=a\nETCD_DATA_DIR=\"/var/lib/etcd\"\n\nX='y z'\n";
        assert_eq!(
            environment_file(text),
            [pair("ETCD_NAME", "a"), pair("ETCD_DATA_DIR", "/var/lib/etcd"), pair("X", "y z")]
        );
    }
}
