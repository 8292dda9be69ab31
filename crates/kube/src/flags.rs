//! Command lines of Kubernetes' own programs (spf13/pflag): `--name=value`, `--name value`.

use std::collections::BTreeMap;

/// What a command line said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    values: BTreeMap<String, Vec<String>>,
}

impl Flags {
    /// Reads the arguments after the program's name. `known` are all names, those of truths
    /// with a `?` at their end. The error is pflag's.
    pub fn parse(args: &[String], known: &[&str]) -> Result<Flags, String> {
        let mut flags = Flags::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let Some(rest) = arg.strip_prefix("--") else {
                return Err(match arg.strip_prefix('-') {
                    Some(short) if !short.is_empty() => {
                        let first = short.chars().next().unwrap_or_default();
                        format!("unknown shorthand flag: '{first}' in -{short}")
                    }
                    _ => format!("unknown command \"{arg}\""),
                });
            };
            let (name, value) = match rest.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (rest, None),
            };
            let flag = known.iter().find(|it| it.trim_end_matches('?') == name);
            let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
            let value = match value {
                Some(value) => value,
                None if flag.ends_with('?') => "true".to_owned(),
                None => match args.next() {
                    Some(value) => value.clone(),
                    None => return Err(format!("flag needs an argument: --{name}")),
                },
            };
            flags.values.entry(name.to_owned()).or_default().push(value);
        }
        Ok(flags)
    }

    /// The last value given; empty where none was.
    pub fn get(&self, name: &str) -> &str {
        let values = self.values.get(name);
        values.and_then(|values| values.last()).map(String::as_str).unwrap_or_default()
    }

    /// The same, with what holds where none was given.
    pub fn get_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        if self.has(name) { self.get(name) } else { default }
    }

    /// Whether it was given.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether it was given and is true.
    pub fn yes(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// All values, split at commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.values.get(name).into_iter().flatten();
        let split = values.flat_map(|value| value.split(','));
        split.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_pflag_does() {
        let known = ["etcd-servers", "allow-privileged?"];
        let parse = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            Flags::parse(&args, &known)
        };
        let flags =
            parse(&["--etcd-servers=a,b", "--allow-privileged", "--etcd-servers", "c"]).unwrap();
        assert_eq!(flags.list("etcd-servers"), ["a", "b", "c"]);
        assert!(flags.yes("allow-privileged"));
        for (args, want) in [
            (vec!["--etcd-server=x"], "unknown flag: --etcd-server"),
            (vec!["--etcd-servers"], "flag needs an argument: --etcd-servers"),
            (vec!["-x"], "unknown shorthand flag: 'x' in -x"),
            (vec!["serve"], "unknown command \"serve\""),
        ] {
            assert_eq!(parse(&args).unwrap_err(), want);
        }
    }
}
