//! `help` and `man`: our own short pages, made from the tables of programs and builtins.

use sim::Sys;

use super::{PROGRAMS, Program, Running, find};
use crate::shell::builtins::{self, BUILTINS};
use crate::shell::edit::columned;

/// The entry of the table of programs.
pub(super) const HELP: Program = Program {
    name: "help",
    summary: "say what there is, and how it is used",
    usage: "help [NAME]\nWithout a name: all programs and builtins of this shell.",
    run: |sys| Box::pin(run(sys)),
    complete: Some(complete),
};

/// The entry of the table of programs.
pub(super) const MAN: Program = Program {
    name: "man",
    summary: "show the page of a program",
    usage: concat!(
        "man NAME\n",
        "A page says what a program does here; where it does less than the real one, the page names what it does.",
    ),
    run: man,
    complete: Some(complete),
};

fn complete(words: &[String]) -> Vec<String> {
    let typed = words.last().map_or("", String::as_str);
    let names = PROGRAMS.iter().map(|program| program.name).chain(builtins::names());
    names.filter(|name| name.starts_with(typed)).map(str::to_owned).collect()
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let (text, status) = text(args.get(1..).unwrap_or_default());
    if status == 0 {
        sys.print(&text).await;
    } else {
        sys.eprint(&text).await;
    }
    status
}

fn man(sys: Sys) -> Running {
    Box::pin(async move {
        let args = sys.args();
        let Some(name) = args.get(1) else {
            sys.eprint("What manual page do you want?\nFor example, try 'man man'.\n").await;
            return 1;
        };
        match find(name) {
            Some(program) => {
                sys.print(&page(program)).await;
                0
            }
            None => match builtins::find(name) {
                Some(builtin) => {
                    sys.print(&builtin_page(builtin)).await;
                    0
                }
                None => {
                    sys.eprint(&format!("No manual entry for {name}\n")).await;
                    16
                }
            },
        }
    })
}

/// What `help` says, and its status.
pub(crate) fn text(names: &[String]) -> (String, i32) {
    if names.is_empty() {
        return (overview(), 0);
    }
    let mut text = String::new();
    for name in names {
        match (builtins::find(name), find(name)) {
            (Some(builtin), _) => text.push_str(&builtin_page(builtin)),
            (None, Some(program)) => text.push_str(&page(program)),
            (None, None) => {
                let known = "Try `help' for all there is.";
                return (format!("bash: help: no help topics match `{name}'.  {known}\n"), 1);
            }
        }
    }
    (text, 0)
}

fn overview() -> String {
    let mut text =
        String::from("This is a shell on a virtual host. `help NAME' and `man NAME' say more.\n\n");
    let first = ["etcdctl", "etcd", "sim"];
    for program in first.iter().filter_map(|name| find(name)) {
        text.push_str(&format!("  {:<10} {}\n", program.name, program.summary));
    }
    text.push_str("\nPrograms:\n");
    let names: Vec<String> = PROGRAMS.iter().map(|program| program.name.to_owned()).collect();
    text.push_str(&columned(&names, 78).replace("\r\n", "\n"));
    text.push_str("\nBuiltins of the shell:\n");
    let names: Vec<String> = BUILTINS.iter().map(|builtin| builtin.name.to_owned()).collect();
    text.push_str(&columned(&names, 78).replace("\r\n", "\n"));
    text
}

fn builtin_page(builtin: &builtins::Builtin) -> String {
    let builtins::Builtin { name, summary, usage, .. } = builtin;
    format!("{name}: {usage}\n    A builtin of the shell: {summary}.\n")
}

/// The page of a program.
pub(crate) fn page(program: &Program) -> String {
    let Program { name, summary, usage, .. } = program;
    let (synopsis, rest) = usage.split_once('\n').unwrap_or((usage, ""));
    let mut text = format!("Usage: {synopsis}\n{name} - {summary}\n");
    if !rest.is_empty() {
        text.push('\n');
        text.push_str(rest);
        text.push('\n');
    }
    text
}
