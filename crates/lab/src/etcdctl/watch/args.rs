//! `parseWatchArgs`: keys before `--`, a command after it, keys from the environment.

use etcd::Release;

use super::super::flags::Flags;
use super::super::table::{ROOT, flags_of};

/// What is watched and what is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Key and range end.
    pub(super) keys: Vec<String>,
    /// The command for each event, if any.
    pub(super) exec: Vec<String>,
}

const TOO_FEW: &str = "bad number of arguments";
const CONFLICT: &str = "bad number of arguments (found conflicting environment key)";
const NO_COMMAND: &str = "bad number of arguments (found separator --, but no commands)";

/// The command line form: all words as the shell gave them, and what is left of them without
/// flags.
pub(super) fn one_shot(
    words: &[String],
    args: &[String],
    env_key: &str,
    env_end: &str,
) -> Result<Asked, String> {
    // etcdctl looks for the word itself, not for what abbreviates it.
    let after = words.iter().position(|word| word == "watch").map_or(0, |at| at + 1);
    let raw = &words[after..];
    let separator = raw.iter().position(|word| word == "--");
    if separator.is_some_and(|at| at + 1 == raw.len()) {
        return Err(NO_COMMAND.to_owned());
    }
    if separator.is_none() && raw.is_empty() && env_key.is_empty() {
        return Err(TOO_FEW.to_owned());
    }
    let exec = separator.map(|at| raw[at + 1..].to_vec()).unwrap_or_default();
    let keys = &args[..args.len().saturating_sub(exec.len())];
    finish(keys, exec, env_key, env_end)
}

/// The line form of `watch -i`, with its own flags.
pub(super) fn interactive(
    words: &[String],
    env_key: &str,
    env_end: &str,
    release: Release,
) -> Result<(Asked, Flags), String> {
    let words = &words[1..];
    let separator = words.iter().position(|word| word == "--");
    if separator.is_some_and(|at| at + 1 == words.len()) {
        return Err(NO_COMMAND.to_owned());
    }
    let watch = ROOT.subs.iter().find(|command| command.name == "watch");
    let mut flags = flags_of(&[watch.expect("the table has watch")], release);
    let args = flags.parse(words)?;
    if separator.is_none() && env_key.is_empty() && args.is_empty() {
        return Err(TOO_FEW.to_owned());
    }
    let exec = separator.map(|at| words[at + 1..].to_vec()).unwrap_or_default();
    let keys = &args[..args.len().saturating_sub(exec.len())];
    Ok((finish(keys, exec, env_key, env_end)?, flags))
}

fn finish(
    keys: &[String],
    exec: Vec<String>,
    env_key: &str,
    env_end: &str,
) -> Result<Asked, String> {
    if env_key.is_empty() {
        return Ok(Asked { keys: keys.to_vec(), exec });
    }
    if !keys.is_empty() {
        return Err(CONFLICT.to_owned());
    }
    let mut keys = vec![env_key.to_owned()];
    if !env_end.is_empty() {
        keys.push(env_end.to_owned());
    }
    Ok(Asked { keys, exec })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn asked(keys: &str, exec: &str) -> Result<Asked, String> {
        Ok(Asked { keys: words(keys), exec: words(exec) })
    }

    #[test]
    fn keys_before_the_separator_and_a_command_behind() {
        let shot =
            |line: &str, args: &str, key: &str| one_shot(&words(line), &words(args), key, "");
        assert_eq!(shot("etcdctl watch foo", "foo", ""), asked("foo", ""));
        assert_eq!(
            shot("etcdctl watch foo --rev 1 -- echo hi", "foo echo hi", ""),
            asked("foo", "echo hi")
        );
        assert_eq!(shot("etcdctl watch", "", ""), Err(TOO_FEW.to_owned()));
        assert_eq!(shot("etcdctl watch --prefix", "", ""), asked("", ""));
        assert_eq!(shot("etcdctl watch foo --", "foo", ""), Err(NO_COMMAND.to_owned()));
        assert_eq!(shot("etcdctl watch foo", "foo", "bar"), Err(CONFLICT.to_owned()));
        assert_eq!(shot("etcdctl watch -- echo 1", "echo 1", "foo"), asked("foo", "echo 1"));
    }

    #[test]
    fn lines_have_flags_of_their_own() {
        let line = |line: &str| interactive(&words(line), "", "", Release::V3_6);
        let (read, flags) = line("watch ia --rev 1 -- echo hi").unwrap();
        assert_eq!((read.keys, read.exec), (words("ia"), words("echo hi")));
        assert_eq!(flags.int("rev"), 1);
        assert_eq!(line("watch ia --nosuch").unwrap_err(), "unknown flag: --nosuch");
    }
}
