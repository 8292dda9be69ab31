//! Builtins that set variables, aliases and options.

use super::super::escape::quote_single;
use super::super::exec::{Options, Shell};
use super::super::is_name;
use super::super::vars::Var;

/// What a declaration does to each name.
#[derive(Clone, Copy, Default)]
struct Wish {
    export: Option<bool>,
    readonly: bool,
    integer: Option<bool>,
    local: bool,
    /// An array, with true one of names.
    list: Option<bool>,
}

/// `NAME`, `NAME=VALUE`, `NAME+=VALUE`.
fn split(arg: &str) -> (&str, Option<(bool, &str)>) {
    match arg.split_once('=') {
        Some((name, value)) => match name.strip_suffix('+') {
            Some(name) => (name, Some((true, value))),
            None => (name, Some((false, value))),
        },
        None => (arg, None),
    }
}

async fn declare_one(shell: &mut Shell, builtin: &str, arg: &str, wish: Wish) -> i32 {
    let (name, value) = split(arg);
    if let (Some((name, key)), Some((append, value))) =
        (name.strip_suffix(']').and_then(|name| name.split_once('[')), value)
    {
        let index = super::super::ast::Word::literal(key);
        if let Err(error) = shell.assign_element(name, &index, append, value).await {
            shell.complain(&error.text).await;
            return 1;
        }
        return 0;
    }
    if !is_name(name) {
        shell.complain(&format!("{builtin}: `{arg}': not a valid identifier")).await;
        return 1;
    }
    if wish.local {
        shell.vars.localize(name);
    }
    if let Some(named) = wish.list {
        match shell.list_of(name) {
            Ok(list) => list.named |= named,
            Err(error) => {
                shell.complain(&error.text).await;
                return 1;
            }
        }
    }
    if let Some(integer) = wish.integer {
        shell.vars.entry(name).integer = integer;
    }
    if let Some((append, value)) = value {
        let value = match (append, shell.vars.get(name)) {
            (true, Some(before)) => format!("{before}{value}"),
            _ => value.to_owned(),
        };
        if let Err(error) = shell.assign(name, &value) {
            shell.complain(&error.text).await;
            return 1;
        }
    }
    let var = shell.vars.entry(name);
    if let Some(export) = wish.export {
        var.exported = export;
    }
    var.readonly |= wish.readonly;
    0
}

async fn declare_all(shell: &mut Shell, builtin: &str, args: &[String], wish: Wish) -> i32 {
    let mut status = 0;
    for arg in args {
        status |= declare_one(shell, builtin, arg, wish).await;
    }
    status
}

/// A value as a declaration shows it.
fn double_quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// `declare -x NAME="value"`
fn shown(name: &str, var: &Var) -> String {
    let list = var.list.as_ref();
    let mut flags = String::new();
    for (on, flag) in [
        (list.is_some_and(|list| !list.named), 'a'),
        (list.is_some_and(|list| list.named), 'A'),
        (var.integer, 'i'),
        (var.readonly, 'r'),
        (var.exported, 'x'),
    ] {
        if on {
            flags.push(flag);
        }
    }
    let flags = if flags.is_empty() { "-".to_owned() } else { flags };
    let value = match (list, &var.value) {
        (Some(list), _) => {
            let element =
                |(key, value): &(String, String)| format!("[{key}]={}", double_quoted(value));
            let elements: Vec<String> = list.items.iter().map(element).collect();
            let end = if list.named && !elements.is_empty() { " " } else { "" };
            format!("=({}{end})", elements.join(" "))
        }
        (None, Some(value)) => format!("={}", double_quoted(value)),
        (None, None) => String::new(),
    };
    format!("declare -{flags} {name}{value}\n")
}

/// The declarations of those that fit.
async fn list(shell: &mut Shell, fits: impl Fn(&Var) -> bool) -> i32 {
    let all = shell.vars.iter().filter(|(_, var)| fits(var));
    let text: String = all.map(|(name, var)| shown(name, var)).collect();
    shell.print(1, text.as_bytes()).await;
    0
}

pub(super) async fn export(shell: &mut Shell, args: &[String]) -> i32 {
    let mut wish = Wish { export: Some(true), ..Wish::default() };
    let mut rest = args;
    while let Some(flag) = rest.first().filter(|arg| arg.starts_with('-')) {
        match flag.as_str() {
            "-n" => wish.export = Some(false),
            "-p" | "--" => {}
            _ => {
                shell.complain(&format!("export: {flag}: invalid option")).await;
                let usage = "export: usage: export [-fn] [name[=value] ...] or export -p\n";
                shell.print(2, usage.as_bytes()).await;
                return 2;
            }
        }
        rest = &rest[1..];
    }
    if rest.is_empty() {
        return list(shell, |var| var.exported).await;
    }
    declare_all(shell, "export", rest, wish).await
}

pub(super) async fn readonly(shell: &mut Shell, args: &[String]) -> i32 {
    let rest: Vec<String> = args.iter().filter(|arg| *arg != "-p").cloned().collect();
    if rest.is_empty() {
        return list(shell, |var| var.readonly).await;
    }
    declare_all(shell, "readonly", &rest, Wish { readonly: true, ..Wish::default() }).await
}

pub(super) async fn local(shell: &mut Shell, args: &[String]) -> i32 {
    if shell.functions_running == 0 {
        shell.complain("local: can only be used in a function").await;
        return 1;
    }
    declare_flags(shell, "local", args).await
}

pub(super) async fn declare(shell: &mut Shell, args: &[String]) -> i32 {
    declare_flags(shell, "declare", args).await
}

async fn declare_flags(shell: &mut Shell, builtin: &str, args: &[String]) -> i32 {
    let local = shell.functions_running > 0;
    let mut wish = Wish { local, ..Wish::default() };
    let mut rest = args;
    let mut prints = false;
    while let Some(flag) = rest.first().filter(|arg| arg.len() > 1 && arg.starts_with(['-', '+'])) {
        let on = flag.starts_with('-');
        for c in flag[1..].chars() {
            match c {
                'x' => wish.export = Some(on),
                'r' => wish.readonly = on,
                'i' => wish.integer = Some(on),
                'a' => wish.list = Some(false),
                'A' => wish.list = Some(true),
                'g' => wish.local = false,
                'p' => prints = true,
                _ => {
                    shell.complain(&format!("{builtin}: -{c}: invalid option")).await;
                    return 2;
                }
            }
        }
        rest = &rest[1..];
    }
    if !rest.is_empty() && !prints {
        return declare_all(shell, builtin, rest, wish).await;
    }
    if rest.is_empty() {
        return list(shell, |var| wish.export != Some(true) || var.exported).await;
    }
    for name in rest {
        let Some(var) = shell.vars.var(name).cloned() else {
            shell.complain(&format!("{builtin}: {name}: not found")).await;
            return 1;
        };
        shell.print(1, shown(name, &var).as_bytes()).await;
    }
    0
}

pub(super) async fn unset(shell: &mut Shell, args: &[String]) -> i32 {
    let mut status = 0;
    let only_functions = args.first().is_some_and(|arg| arg == "-f");
    for name in args.iter().filter(|arg| !matches!(arg.as_str(), "-f" | "-v" | "--")) {
        if only_functions {
            shell.functions.remove(name);
            continue;
        }
        if let Some((name, key)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            if let Ok(list) = shell.list_of(name) {
                let last = (list.next() as i64 - 1).to_string();
                let key = if key == "-1" && !list.named { last.as_str() } else { key };
                list.items.retain(|(other, _)| other != key);
            }
        } else if !is_name(name) {
            shell.complain(&format!("unset: `{name}': not a valid identifier")).await;
            status = 1;
        } else if shell.vars.var(name).is_none() {
            shell.functions.remove(name);
        } else if shell.vars.unset(name).is_err() {
            shell.complain(&format!("unset: {name}: cannot unset: readonly variable")).await;
            status = 1;
        }
    }
    status
}

pub(super) async fn shift(shell: &mut Shell, args: &[String]) -> i32 {
    let count = match args.first() {
        None => 1,
        Some(arg) => match arg.parse::<usize>() {
            Ok(count) => count,
            Err(_) => {
                shell.complain(&format!("shift: {arg}: numeric argument required")).await;
                return 1;
            }
        },
    };
    if count > shell.args.len() {
        return 1;
    }
    shell.args.drain(..count);
    0
}

/// The switch of an option, by its letter or name.
fn switch<'a>(options: &'a mut Options, name: &str) -> Option<&'a mut bool> {
    Some(match name {
        "e" | "errexit" => &mut options.errexit,
        "u" | "nounset" => &mut options.nounset,
        "x" | "xtrace" => &mut options.xtrace,
        "f" | "noglob" => &mut options.noglob,
        "C" | "noclobber" => &mut options.noclobber,
        "n" | "noexec" => &mut options.noexec,
        "pipefail" => &mut options.pipefail,
        _ => return None,
    })
}

/// `set -o`, and with `+o` as commands.
async fn list_options(shell: &mut Shell, plain: bool) -> i32 {
    let mut text = String::new();
    for (name, on) in [
        ("braceexpand", true),
        ("errexit", shell.options.errexit),
        ("hashall", true),
        ("noclobber", shell.options.noclobber),
        ("noexec", shell.options.noexec),
        ("noglob", shell.options.noglob),
        ("nounset", shell.options.nounset),
        ("pipefail", shell.options.pipefail),
        ("xtrace", shell.options.xtrace),
    ] {
        text.push_str(&match plain {
            true => format!("{name:<15}\t{}\n", if on { "on" } else { "off" }),
            false => format!("set {}o {name}\n", if on { '-' } else { '+' }),
        });
    }
    shell.print(1, text.as_bytes()).await;
    0
}

pub(super) async fn set(shell: &mut Shell, args: &[String]) -> i32 {
    if args.is_empty() {
        let mut text = String::new();
        for (name, var) in shell.vars.iter() {
            if let Some(value) = &var.value {
                text.push_str(&format!("{name}={}\n", quote_single(value)));
            }
        }
        shell.print(1, text.as_bytes()).await;
        return 0;
    }
    let mut rest = args;
    while let Some(flag) = rest.first() {
        let on = flag.starts_with('-');
        if flag == "--" {
            shell.args = rest[1..].to_vec();
            return 0;
        }
        if flag.len() < 2 || !flag.starts_with(['-', '+']) {
            shell.args = rest.to_vec();
            return 0;
        }
        rest = &rest[1..];
        for c in flag[1..].chars() {
            let mut name = c.to_string();
            if c == 'o' {
                let Some(option) = rest.first() else { return list_options(shell, on).await };
                name.clone_from(option);
                rest = &rest[1..];
            }
            match switch(&mut shell.options, &name) {
                Some(option) => *option = on,
                None if matches!(
                    name.as_str(),
                    "m" | "h" | "B" | "b" | "v" | "monitor" | "posix" | "emacs" | "vi"
                ) => {}
                None if c == 'o' => {
                    shell.complain(&format!("set: {name}: invalid option name")).await;
                    return 2;
                }
                None => {
                    shell.complain(&format!("set: {}{c}: invalid option", &flag[..1])).await;
                    let usage = "set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n";
                    shell.print(2, usage.as_bytes()).await;
                    return 2;
                }
            }
        }
    }
    0
}

pub(super) async fn alias(shell: &mut Shell, args: &[String]) -> i32 {
    let shown =
        |name: &str, text: &str| format!("alias {name}='{}'\n", text.replace('\'', "'\\''"));
    let mut status = 0;
    let mut text = String::new();
    if args.is_empty() {
        text = shell.aliases.iter().map(|(name, text)| shown(name, text)).collect();
    }
    for arg in args {
        match arg.split_once('=') {
            Some((name, value)) => {
                shell.aliases.insert(name.to_owned(), value.to_owned());
            }
            None => match shell.aliases.get(arg) {
                Some(value) => text.push_str(&shown(arg, value)),
                None => {
                    shell.complain(&format!("alias: {arg}: not found")).await;
                    status = 1;
                }
            },
        }
    }
    shell.print(1, text.as_bytes()).await;
    status
}

pub(super) async fn unalias(shell: &mut Shell, args: &[String]) -> i32 {
    let mut status = 0;
    for name in args {
        if name == "-a" {
            shell.aliases.clear();
        } else if shell.aliases.remove(name).is_none() {
            shell.complain(&format!("unalias: {name}: not found")).await;
            status = 1;
        }
    }
    status
}
