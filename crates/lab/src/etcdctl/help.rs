//! Help: etcdctl's layout, our sentences, made from the command table.

use std::fmt::Write as _;

use etcd::Release;

use super::flags::{Flag, HELP, Kind};
use super::go::{quote::quote, tabwriter};
use super::table::{Command, Run};

/// The usage of the last command of a path.
pub(super) fn usage(path: &[&'static Command], release: Release) -> String {
    let command = path[path.len() - 1];
    let pad = if release.is_3_6() { "  " } else { "\t" };
    let mut out = String::new();
    let title = if path.len() > 1 { names(&path[1..]) } else { command.name.to_owned() };
    let _ = writeln!(out, "NAME:\n{pad}{title} - {}", command.summary);
    let _ = writeln!(out, "\nUSAGE:\n{pad}{}", usage_line(path));
    if path.len() == 1 {
        let _ = writeln!(out, "\nVERSION:\n{pad}{release}");
    }
    if !command.subs.is_empty() {
        let _ = writeln!(out, "\nAPI VERSION:\n{pad}{}.{}", release.major, release.minor);
        out.push_str("\nCOMMANDS:\n");
        let mut lines = Vec::new();
        list(command, "", release, &mut lines);
        for (name, summary) in lines {
            let _ = writeln!(out, "{pad}{name}\t{summary}");
        }
    }
    if !command.about.is_empty() {
        out.push_str("\nDESCRIPTION:\n");
        for line in command.about.trim().lines() {
            let _ = writeln!(out, "{pad}{line}");
        }
    }
    let own: Vec<&Flag> = command.flags.iter().chain(command.inherited).collect();
    let _ = write!(out, "\nOPTIONS:\n{}", options(own, command.name, release));
    if path.len() > 1 {
        let above = path[..path.len() - 1].iter().flat_map(|command| command.inherited);
        let _ = write!(out, "\nGLOBAL OPTIONS:\n{}", options(above.collect(), "", release));
    }
    out.push('\n');
    tabwriter::align(&out)
}

fn names(path: &[&'static Command]) -> String {
    path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

fn usage_line(path: &[&'static Command]) -> String {
    let command = path[path.len() - 1];
    let args = if command.args.is_empty() { String::new() } else { format!(" {}", command.args) };
    let flags = if command.name == "completion" { "" } else { " [flags]" };
    format!("{}{args}{flags}", names(path))
}

/// The commands below one, those that hold others left out, sorted by name.
fn list(command: &Command, above: &str, release: Release, lines: &mut Vec<(String, &'static str)>) {
    let mut subs: Vec<_> = command.subs(release).filter(|sub| sub.offered()).collect();
    flat::sort_by_key(&mut subs, |sub| sub.name);
    for sub in subs {
        let name =
            if above.is_empty() { sub.name.to_owned() } else { format!("{above} {}", sub.name) };
        match sub.run {
            Run::Group => list(sub, &name, release, lines),
            _ => lines.push((name, sub.summary)),
        }
    }
}

fn options(mut flags: Vec<&Flag>, help_for: &str, release: Release) -> String {
    flags.retain(|flag| flag.since.has(release));
    if !help_for.is_empty() {
        flags.push(&HELP);
    }
    flat::sort_by_key(&mut flags, |flag| flag.name);
    let mut out = String::new();
    for flag in flags {
        let short = flag.short.map_or("    ".to_owned(), |short| format!("-{short}, "));
        let shown = match flag.kind {
            Kind::Bool => format!("[={}]", flag.default),
            Kind::Text => format!("={}", quote(flag.default.as_bytes())),
            Kind::List => format!("=[{}]", flag.default),
            _ => format!("={}", flag.default),
        };
        let usage = if flag.name == "help" {
            format!("help for {help_for}")
        } else {
            flag.usage.to_owned()
        };
        let _ = writeln!(out, "  {short}--{}{shown}\t{usage}", flag.name);
    }
    out
}

/// The usage of a request inside a transaction, in cobra's own layout.
pub(super) fn request_usage(command: &Command, release: Release) -> String {
    let name = command.name;
    let flags = flag_lines(command.flags.iter().collect(), name, release);
    format!("Usage:\n   {name} {} [flags]\n\nFlags:\n{flags}\n", command.args)
}

/// The usage of a command in cobra's own layout, which etcdutl has.
pub(crate) fn cobra_usage(path: &[&'static Command], release: Release) -> String {
    let command = path[path.len() - 1];
    let mut out = "Usage:\n".to_owned();
    if matches!(command.run, Run::Group) {
        let _ = writeln!(out, "  {} [command]\n\nAvailable Commands:", names(path));
        let mut subs: Vec<_> = command.subs(release).filter(|sub| sub.offered()).collect();
        flat::sort_by_key(&mut subs, |sub| sub.name);
        for sub in subs {
            let _ = writeln!(out, "  {:<11} {}", sub.name, sub.summary);
        }
    } else {
        let _ = writeln!(out, "  {}", usage_line(path));
    }
    let own = command.flags.iter().chain(command.inherited).collect();
    let _ = write!(out, "\nFlags:\n{}", flag_lines(own, command.name, release));
    if path.len() > 1 {
        let above = path[..path.len() - 1].iter().flat_map(|command| command.inherited);
        let above = flag_lines(above.collect(), "", release);
        let _ = write!(out, "\nGlobal Flags:\n{above}");
    }
    if matches!(command.run, Run::Group) {
        let names = names(path);
        let _ = writeln!(
            out,
            "\nUse \"{names} [command] --help\" for more information about a command."
        );
    }
    out
}

/// pflag's list of flags.
fn flag_lines(mut flags: Vec<&Flag>, help_for: &str, release: Release) -> String {
    flags.retain(|flag| flag.since.has(release));
    if !help_for.is_empty() {
        flags.push(&HELP);
    }
    flat::sort_by_key(&mut flags, |flag| flag.name);
    let left = |flag: &Flag| {
        let short = flag.short.map_or("    ".to_owned(), |short| format!("-{short}, "));
        let kind = match flag.kind {
            Kind::Bool => "",
            Kind::Int => " int",
            Kind::Uint => " uint",
            Kind::Duration => " duration",
            Kind::Text | Kind::List => " string",
        };
        format!("  {short}--{}{kind}", flag.name)
    };
    let width = flags.iter().map(|flag| left(flag).len()).max().unwrap_or_default();
    let mut out = String::new();
    for flag in flags {
        let usage = if flag.name == "help" {
            format!("help for {help_for}")
        } else {
            flag.usage.to_owned()
        };
        let default = match (flag.kind, flag.default) {
            (_, "" | "0" | "0s" | "false") => String::new(),
            (Kind::Text, default) => format!(" (default \"{default}\")"),
            (_, default) => format!(" (default {default})"),
        };
        let _ = writeln!(out, "{:width$}   {usage}{default}", left(flag));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::table::ROOT;
    use super::*;

    #[test]
    fn help_has_the_layout_of_etcdctl() {
        let member = ROOT.subs.iter().find(|sub| sub.name == "member").unwrap();
        let text = usage(&[&ROOT, member], Release::V3_6);
        assert!(text.starts_with("NAME:\n  member - "));
        assert!(text.contains("\nUSAGE:\n  etcdctl member <subcommand> [flags]\n\nAPI VERSION:\n  3.6\n\nCOMMANDS:\n  add\t\tAdds"));
        assert!(text.contains("\nOPTIONS:\n  -h, --help[=false]\thelp for member\n\nGLOBAL OPTIONS:\n      --cacert=\"\"\t\t\t\t"));
        assert!(text.ends_with(")\n\n") || text.ends_with("table\n\n"));
    }

    #[test]
    fn what_a_release_lacks_is_not_offered() {
        let text = usage(&[&ROOT], Release::V3_6);
        assert!(text.contains("  endpoint health\t"));
        assert!(text.contains("  completion\t"));
        assert!(text.contains("  lock\t"));
        assert!(!usage(&[&ROOT], Release::V3_5).contains("\tcompletion"));
    }
}
