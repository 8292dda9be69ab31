//! The command line of kubectl: words and flags in any order (spf13/cobra and pflag).

/// Flags: name, one letter, and whether they stand alone.
const FLAGS: &[(&str, &str, bool)] = &[
    ("all", "", true),
    ("all-containers", "", true),
    ("all-namespaces", "A", true),
    ("allow-missing-template-keys", "", true),
    ("api-group", "", false),
    ("api-version", "", false),
    ("as", "", false),
    ("cascade", "", false),
    ("client", "", true),
    ("cluster-ip", "", false),
    ("clusterip", "", false),
    ("command", "", true),
    ("container", "c", false),
    ("context", "", false),
    ("current", "", true),
    ("delete-emptydir-data", "", true),
    ("disable-eviction", "", true),
    ("dry-run", "", false),
    ("env", "", false),
    ("expose", "", true),
    ("field-manager", "", false),
    ("field-selector", "", false),
    ("filename", "f", false),
    ("follow", "", true),
    ("for", "", false),
    ("force", "", true),
    ("force-conflicts", "", true),
    ("from-env-file", "", false),
    ("from-file", "", false),
    ("from-literal", "", false),
    ("grace-period", "", false),
    ("help", "h", true),
    ("ignore-daemonsets", "", true),
    ("ignore-not-found", "", true),
    ("image", "", false),
    ("insecure-skip-tls-verify", "", true),
    ("kubeconfig", "", false),
    ("label-columns", "L", false),
    ("labels", "", false),
    ("limits", "", false),
    ("list", "", true),
    ("minify", "", true),
    ("name", "", false),
    ("namespace", "n", false),
    ("namespaced", "", false),
    ("no-headers", "", true),
    ("node-port", "", false),
    ("now", "", true),
    ("output", "o", false),
    ("overwrite", "", true),
    ("patch", "p", false),
    ("pod-selector", "", false),
    ("port", "", false),
    ("prefix", "", true),
    ("previous", "", true),
    ("protocol", "", false),
    ("raw", "", false),
    ("record", "", true),
    ("recursive", "R", true),
    ("replicas", "", false),
    ("request-timeout", "", false),
    ("requests", "", false),
    ("resource-version", "", false),
    ("restart", "", false),
    ("revision", "", false),
    ("rm", "", true),
    ("selector", "l", false),
    ("server", "s", false),
    ("server-side", "", true),
    ("short", "", true),
    ("show-kind", "", true),
    ("show-labels", "", true),
    ("show-managed-fields", "", true),
    ("since", "", false),
    ("sort-by", "", false),
    ("stdin", "i", true),
    ("tail", "", false),
    ("target-port", "", false),
    ("tcp", "", false),
    ("template", "", false),
    ("timeout", "", false),
    ("timestamps", "", true),
    ("to-revision", "", false),
    ("tty", "t", true),
    ("type", "", false),
    ("types", "", false),
    ("v", "v", false),
    ("validate", "", false),
    ("wait", "", true),
    ("watch", "w", true),
    ("watch-only", "", true),
];

/// A command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    words: Vec<String>,
    flags: Vec<(&'static str, String)>,
    /// What stands behind `--`.
    pub(super) rest: Option<Vec<String>>,
}

impl Args {
    pub(super) fn parse(all: &[String]) -> Result<Args, String> {
        let mut args = Args::default();
        let mut all = all.iter();
        while let Some(word) = all.next() {
            if word == "--" {
                args.rest = Some(all.cloned().collect());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let flag = FLAGS.iter().find(|(it, ..)| *it == name);
                let (name, _, alone) = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
                let value = match value {
                    Some(value) => value,
                    None if *alone => "true".to_owned(),
                    // These two may stand alone, and take a value only after a sign.
                    None if matches!(*name, "dry-run" | "cascade") => "client".to_owned(),
                    None => all
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("flag needs an argument: --{name}"))?,
                };
                args.flags.push((name, value));
            } else if word.starts_with('-') && word.len() > 1 {
                args.short(word, &mut all)?;
            } else {
                args.words.push(word.clone());
            }
        }
        Ok(args)
    }

    fn short(&mut self, word: &str, all: &mut std::slice::Iter<'_, String>) -> Result<(), String> {
        let letters = &word[1..];
        for (place, c) in letters.char_indices() {
            let letter = c.to_string();
            // In `logs` and `exec` f and p mean something else.
            let command = self.words.first().map(String::as_str);
            let name = match (command, letter.as_str()) {
                (Some("logs"), "f") => "follow",
                (Some("logs"), "p") => "previous",
                _ => "",
            };
            let flag =
                FLAGS.iter().find(
                    |(long, short, _)| {
                        if name.is_empty() { *short == letter } else { *long == name }
                    },
                );
            let (name, _, alone) =
                flag.ok_or_else(|| format!("unknown shorthand flag: '{c}' in {word}"))?;
            if *alone {
                self.flags.push((name, "true".to_owned()));
                continue;
            }
            let rest = letters[place + c.len_utf8()..].trim_start_matches('=');
            let value = match rest {
                "" => all
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("flag needs an argument: '{c}' in {word}"))?,
                rest => rest.to_owned(),
            };
            self.flags.push((name, value));
            return Ok(());
        }
        Ok(())
    }

    pub(super) fn word(&self, place: usize) -> Option<&str> {
        self.words.get(place).map(String::as_str)
    }

    pub(super) fn words(&self, from: usize) -> &[String] {
        self.words.get(from..).unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.flags.iter().rfind(|(it, _)| *it == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.flags.iter().filter(|(it, _)| *it == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(it, _)| *it == name)
    }

    pub(super) fn yes(&self, name: &str) -> bool {
        self.get(name) == "true"
    }
}
