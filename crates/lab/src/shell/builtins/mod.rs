//! Commands that are the shell itself: one table of them, which runs, lists and completes them.

mod control;
mod declare;
mod info;
mod input;
mod jobs;
mod output;
mod place;
mod stack;
pub(crate) mod test;

use super::exec::{Flow, Run, Shell};

/// A builtin command.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// How it is called.
    pub(crate) usage: &'static str,
    pub(super) run: for<'a> fn(&'a mut Shell, &'a [String]) -> Run<'a>,
}

/// A builtin whose outcome is a status and nothing else.
macro_rules! plain {
    ($name:literal, $usage:literal, $summary:literal, $run:path) => {
        Builtin {
            name: $name,
            summary: $summary,
            usage: $usage,
            run: |shell, args| {
                Box::pin(async move {
                    let status = $run(shell, args).await;
                    shell.status = status;
                    Flow::Next
                })
            },
        }
    };
}

/// A builtin that may send control elsewhere; it sets the status itself.
macro_rules! control {
    ($name:literal, $usage:literal, $summary:literal, $run:path) => {
        Builtin {
            name: $name,
            summary: $summary,
            usage: $usage,
            run: |shell, args| Box::pin($run(shell, args)),
        }
    };
}

/// All of them, by name.
pub(crate) static BUILTINS: &[Builtin] = &[
    plain!(
        ".",
        ". FILE [ARGUMENT...]",
        "run the commands of a file in this shell",
        control::source_status
    ),
    plain!(":", ": [ARGUMENT...]", "do nothing, successfully", control::nothing),
    plain!("[", "[ EXPRESSION ]", "test files, texts and numbers", test::bracket),
    plain!(
        "alias",
        "alias [NAME[=TEXT]...]",
        "name a text that stands for a command",
        declare::alias
    ),
    plain!("bg", "bg [JOB]", "let a stopped job go on in the background", jobs::bg),
    control!("break", "break [N]", "leave a loop", control::leave),
    control!(
        "builtin",
        "builtin NAME [ARGUMENT...]",
        "run a builtin, whatever functions there are",
        control::builtin
    ),
    plain!("cd", "cd [DIRECTORY|-]", "change the current directory", place::cd),
    control!(
        "command",
        "command [-vV] NAME [ARGUMENT...]",
        "run a command, or say what it is",
        control::command
    ),
    control!(
        "continue",
        "continue [N]",
        "go on with the next round of a loop",
        control::next_round
    ),
    plain!(
        "declare",
        "declare [-xirp] [NAME[=VALUE]...]",
        "set variables and their properties",
        declare::declare
    ),
    plain!("dirs", "dirs [-cpv]", "show the stack of directories", stack::dirs),
    plain!("disown", "disown [JOB...]", "forget jobs", jobs::disown),
    plain!("echo", "echo [-neE] [TEXT...]", "print texts", output::echo),
    control!("eval", "eval [TEXT...]", "run a text as a command", control::eval),
    control!(
        "exec",
        "exec [COMMAND [ARGUMENT...]]",
        "replace the shell, or keep redirections",
        control::exec
    ),
    control!("exit", "exit [N]", "leave the shell", control::exit),
    plain!(
        "export",
        "export [-n] [NAME[=VALUE]...]",
        "pass variables on to programs",
        declare::export
    ),
    plain!("false", "false", "do nothing, unsuccessfully", control::failure),
    plain!("fg", "fg [JOB]", "bring a job to the foreground", jobs::fg),
    plain!("getopts", "getopts LETTERS NAME [ARGUMENT...]", "take options apart", input::getopts),
    plain!("hash", "hash", "nothing: programs are looked up each time", info::hash),
    plain!("help", "help [NAME]", "say what there is, and how it is used", info::help),
    plain!("history", "history [-c] [N]", "show the commands of this terminal", info::history),
    plain!("jobs", "jobs [-lp]", "list what runs in the background", jobs::jobs),
    plain!("kill", "kill [-SIGNAL] PID|%JOB...", "send a signal", jobs::kill),
    plain!("let", "let EXPRESSION...", "evaluate arithmetic", control::arithmetic),
    plain!("local", "local NAME[=VALUE]...", "make variables local to a function", declare::local),
    control!("logout", "logout [N]", "leave the shell", control::exit),
    plain!(
        "mapfile",
        "mapfile [-t] [-n N] [-s N] [-d C] [NAME]",
        "read lines into an array",
        input::mapfile
    ),
    plain!("popd", "popd", "go back to the directory pushd left", stack::popd),
    plain!("printf", "printf FORMAT [ARGUMENT...]", "print by a format", output::printf),
    plain!("pushd", "pushd [DIRECTORY]", "go to a directory and remember this one", stack::pushd),
    plain!("pwd", "pwd [-LP]", "print the current directory", place::pwd),
    plain!(
        "read",
        "read [-r] [-p PROMPT] [-t SECONDS] [-n N] [-d C] [NAME...]",
        "read a line into variables",
        input::read
    ),
    plain!(
        "readarray",
        "readarray [-t] [-n N] [-s N] [-d C] [NAME]",
        "read lines into an array",
        input::mapfile
    ),
    plain!(
        "readonly",
        "readonly [NAME[=VALUE]...]",
        "make variables unchangeable",
        declare::readonly
    ),
    control!("return", "return [N]", "leave a function", control::give_back),
    plain!(
        "set",
        "set [-eufx] [-o OPTION] [--] [ARGUMENT...]",
        "set options and positional parameters",
        declare::set
    ),
    plain!("shift", "shift [N]", "drop positional parameters", declare::shift),
    plain!("shopt", "shopt [-suq] [NAME...]", "show or set options of the shell", stack::shopt),
    plain!(
        "source",
        "source FILE [ARGUMENT...]",
        "run the commands of a file in this shell",
        control::source_status
    ),
    plain!("test", "test EXPRESSION", "test files, texts and numbers", test::test),
    plain!("times", "times", "print the time used", stack::times),
    plain!(
        "trap",
        "trap [COMMAND] [SIGNAL...]",
        "run a command on a signal or at the exit",
        control::trap
    ),
    plain!("true", "true", "do nothing, successfully", control::nothing),
    plain!("type", "type [-t] NAME...", "say what a name would run", info::type_of),
    plain!(
        "typeset",
        "typeset [-xirp] [NAME[=VALUE]...]",
        "set variables and their properties",
        declare::declare
    ),
    plain!("ulimit", "ulimit [-SHa] [-n [NUMBER]]", "show or set limits", stack::ulimit),
    plain!("umask", "umask [-S] [MODE]", "print or set the mask of new files", info::umask),
    plain!("unalias", "unalias [-a] [NAME...]", "forget aliases", declare::unalias),
    plain!("unset", "unset [-fv] NAME...", "forget variables or functions", declare::unset),
    plain!("wait", "wait [-n] [PID|%JOB...]", "wait for jobs", jobs::wait),
];

/// The builtin of this name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|builtin| builtin.name)
}
