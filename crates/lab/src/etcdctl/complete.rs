//! Completion of etcdctl's words, from the command table.

use etcd::Release;

use super::flags::{Flag, HELP};
use super::parse::find;
use super::table::{Command, ROOT};

/// What could stand in place of the last of `words`, which follow the word `etcdctl`.
pub fn complete(words: &[String]) -> Vec<String> {
    complete_from(&ROOT, words)
}

/// The same for the commands below a root.
pub(crate) fn complete_from(root: &'static Command, words: &[String]) -> Vec<String> {
    let release = Release::V3_6;
    let Some((last, before)) = words.split_last() else { return Vec::new() };
    let Ok((path, _)) = find(root, before, release) else { return Vec::new() };
    let here = path[path.len() - 1];
    let flags = || {
        let own = here.flags.iter();
        own.chain(path.iter().flat_map(|command| command.inherited))
            .chain([&HELP])
            .filter(|flag| flag.since.has(release))
    };
    let named = |word: &str| -> Option<&Flag> {
        flags().find(|flag| {
            word.strip_prefix("--") == Some(flag.name)
                || flag.short.is_some_and(|short| word == format!("-{short}"))
        })
    };
    if let Some((name, value)) = last.split_once('=') {
        let values = named(name).map_or(&[][..], |flag| flag.values);
        return starting(value, values.iter().map(|value| (*value).to_owned()))
            .into_iter()
            .map(|value| format!("{name}={value}"))
            .collect();
    }
    if let Some(flag) = before.last().and_then(|word| named(word))
        && !flag.is_switch()
    {
        return starting(last, flag.values.iter().map(|value| (*value).to_owned()));
    }
    if last.starts_with('-') {
        let end = |flag: &Flag| if flag.is_switch() { "" } else { "=" };
        return starting(last, flags().map(|flag| format!("--{}{}", flag.name, end(flag))));
    }
    let subs = here.subs(release).filter(|sub| sub.offered());
    starting(last, subs.map(|sub| sub.name.to_owned()))
}

fn starting(prefix: &str, words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.filter(|word| word.starts_with(prefix)).collect();
    flat::sort(&mut words);
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_commands_flags_and_values() {
        let table: &[(&[&str], &[&str])] = &[
            (&["me"], &["member"]),
            (&["member", ""], &["add", "list", "promote", "remove", "update"]),
            (&["--endpoints", "x", "endpoint", "h"], &["hashkv", "health"]),
            (&["get", "--key"], &["--key=", "--keys-only"]),
            (&["get", "-w", "j"], &["json"]),
            (&["get", "--write-out=f"], &["--write-out=fields"]),
            (&["get", "--order", ""], &["ASCEND", "DESCEND"]),
            (&["loc"], &["lock"]),
        ];
        for (words, expected) in table {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let found = complete(&words);
            assert_eq!(found, *expected, "{words:?}");
        }
    }
}
