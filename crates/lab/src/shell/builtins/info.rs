//! Builtins that answer questions.

use super::super::exec::Shell;
use crate::programs::{self, launch};

const KEYWORDS: [&str; 18] = [
    "if", "then", "else", "elif", "fi", "case", "esac", "for", "while", "until", "do", "done",
    "in", "function", "time", "{", "}", "!",
];

/// What a name stands for.
enum Meaning {
    Alias(String),
    Keyword,
    Function,
    Builtin,
    File(String),
}

fn meaning(shell: &Shell, name: &str) -> Option<Meaning> {
    if let Some(text) = shell.aliases.get(name) {
        return Some(Meaning::Alias(text.clone()));
    }
    if KEYWORDS.contains(&name) || name == "[[" {
        return Some(Meaning::Keyword);
    }
    if shell.functions.contains_key(name) {
        return Some(Meaning::Function);
    }
    if super::find(name).is_some() {
        return Some(Meaning::Builtin);
    }
    let search = shell.vars.get("PATH").unwrap_or("");
    launch::resolve(&shell.sys, search, name).ok().map(Meaning::File)
}

fn sentence(name: &str, meaning: &Meaning) -> String {
    match meaning {
        Meaning::Alias(text) => format!("{name} is aliased to `{text}'\n"),
        Meaning::Keyword => format!("{name} is a shell keyword\n"),
        Meaning::Function => format!("{name} is a function\n"),
        Meaning::Builtin => format!("{name} is a shell builtin\n"),
        Meaning::File(path) => format!("{name} is {path}\n"),
    }
}

pub(super) async fn type_of(shell: &mut Shell, args: &[String]) -> i32 {
    let short = args.first().is_some_and(|arg| arg == "-t");
    let path_only = args.first().is_some_and(|arg| arg == "-p" || arg == "-P");
    let names =
        if args.first().is_some_and(|arg| arg.starts_with('-')) { &args[1..] } else { args };
    let mut status = 0;
    for name in names {
        let Some(meaning) = meaning(shell, name) else {
            status = 1;
            if !short && !path_only {
                shell.complain(&format!("type: {name}: not found")).await;
            }
            continue;
        };
        let line = match &meaning {
            Meaning::File(path) if path_only => format!("{path}\n"),
            _ if path_only => String::new(),
            Meaning::Alias(_) if short => "alias\n".to_owned(),
            Meaning::Keyword if short => "keyword\n".to_owned(),
            Meaning::Function if short => "function\n".to_owned(),
            Meaning::Builtin if short => "builtin\n".to_owned(),
            Meaning::File(_) if short => "file\n".to_owned(),
            meaning => sentence(name, meaning),
        };
        shell.print(1, line.as_bytes()).await;
    }
    status
}

/// `command -v` and `command -V`
pub(super) async fn describe(shell: &mut Shell, names: &[String], verbose: bool) -> i32 {
    let mut status = 1;
    for name in names {
        let Some(meaning) = meaning(shell, name) else {
            if verbose {
                shell.complain(&format!("command: {name}: not found")).await;
            }
            continue;
        };
        status = 0;
        let line = match &meaning {
            meaning if verbose => sentence(name, meaning),
            Meaning::Alias(text) => format!("alias {name}='{text}'\n"),
            Meaning::File(path) => format!("{path}\n"),
            _ => format!("{name}\n"),
        };
        shell.print(1, line.as_bytes()).await;
    }
    status
}

pub(super) async fn history(shell: &mut Shell, args: &[String]) -> i32 {
    if args.first().is_some_and(|arg| arg == "-c") {
        shell.history.clear();
        return 0;
    }
    let shown = match args.first() {
        None => shell.history.len(),
        Some(arg) => match arg.parse::<usize>() {
            Ok(count) => count.min(shell.history.len()),
            Err(_) => {
                shell.complain(&format!("history: {arg}: numeric argument required")).await;
                return 1;
            }
        },
    };
    let from = shell.history.len() - shown;
    let mut text = String::new();
    for (i, command) in shell.history.iter().enumerate().skip(from) {
        text.push_str(&format!("{:>5}  {command}\n", i + 1));
    }
    shell.print(1, text.as_bytes()).await;
    0
}

pub(super) async fn hash(shell: &mut Shell, _: &[String]) -> i32 {
    shell.print(1, b"hash: hash table empty\n").await;
    0
}

pub(super) async fn umask(shell: &mut Shell, args: &[String]) -> i32 {
    let now = shell.sys.umask();
    match args.iter().find(|arg| !arg.starts_with('-')) {
        Some(text) => match u16::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777) {
            Some(mask) => shell.sys.set_umask(mask),
            None => {
                shell.complain(&format!("umask: {text}: octal number out of range")).await;
                return 1;
            }
        },
        None if args.iter().any(|arg| arg == "-S") => {
            let part = |shift: u16| {
                let bits = !now >> shift;
                let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
                letters
                    .iter()
                    .filter(|(bit, _)| bits & bit != 0)
                    .map(|(_, c)| *c)
                    .collect::<String>()
            };
            let text = format!("u={},g={},o={}\n", part(6), part(3), part(0));
            shell.print(1, text.as_bytes()).await;
        }
        None => drop(shell.print(1, format!("{now:04o}\n").as_bytes()).await),
    }
    0
}

/// What `help` says; the program `help` says the same.
pub(super) async fn help(shell: &mut Shell, args: &[String]) -> i32 {
    let (text, status) = programs::help::text(args);
    shell.print(if status == 0 { 1 } else { 2 }, text.as_bytes()).await;
    status
}
