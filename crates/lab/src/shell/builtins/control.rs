//! Builtins that decide what runs next.

use sim::Signal;

use super::super::exec::{Flow, Mode, Run, Shell};

pub(super) async fn nothing(_: &mut Shell, _: &[String]) -> i32 {
    0
}

pub(super) async fn failure(_: &mut Shell, _: &[String]) -> i32 {
    1
}

/// The count of `break` and `continue`; none after an error.
async fn count(shell: &mut Shell, name: &str, args: &[String]) -> Option<u32> {
    if shell.loops == 0 {
        let text = format!("{name}: only meaningful in a `for', `while', or `until' loop");
        shell.complain(&text).await;
        shell.status = 0;
        return None;
    }
    shell.status = 0;
    let Some(arg) = args.first() else { return Some(1) };
    match arg.parse::<u32>() {
        Ok(0) | Err(_) => {
            let text = match arg.parse::<i64>() {
                Ok(_) => format!("{name}: {arg}: loop count out of range"),
                Err(_) => format!("{name}: {arg}: numeric argument required"),
            };
            shell.complain(&text).await;
            shell.status = 1;
            None
        }
        Ok(count) => Some(count.min(shell.loops)),
    }
}

pub(super) async fn leave(shell: &mut Shell, args: &[String]) -> Flow {
    count(shell, "break", args).await.map_or(Flow::Next, Flow::Break)
}

pub(super) async fn next_round(shell: &mut Shell, args: &[String]) -> Flow {
    count(shell, "continue", args).await.map_or(Flow::Next, Flow::Continue)
}

/// The status `exit` and `return` are given.
async fn status_of(shell: &mut Shell, name: &str, args: &[String]) -> i32 {
    match args.first() {
        None => shell.status,
        Some(arg) => match arg.trim().parse::<i64>() {
            Ok(status) => (status & 0xff) as i32,
            Err(_) => {
                shell.complain(&format!("{name}: {arg}: numeric argument required")).await;
                2
            }
        },
    }
}

pub(super) async fn exit(shell: &mut Shell, args: &[String]) -> Flow {
    if args.len() > 1 && args[0].parse::<i64>().is_ok() {
        shell.complain("exit: too many arguments").await;
        shell.status = 1;
        return Flow::Next;
    }
    shell.status = status_of(shell, "exit", args).await;
    Flow::Exit
}

pub(super) async fn give_back(shell: &mut Shell, args: &[String]) -> Flow {
    if !shell.can_return() {
        shell.complain("return: can only `return' from a function or sourced script").await;
        shell.status = 2;
        return Flow::Next;
    }
    shell.status = status_of(shell, "return", args).await;
    Flow::Return
}

pub(super) fn eval<'a>(shell: &'a mut Shell, args: &'a [String]) -> Run<'a> {
    Box::pin(async move {
        let text = args.join(" ");
        shell.status = 0;
        let line = shell.line;
        shell.run_text_at(&text, line).await
    })
}

/// `exec` behind `command` or `builtin`: without the redirections it is nothing.
pub(super) async fn exec(shell: &mut Shell, args: &[String]) -> Flow {
    if args.is_empty() {
        return Flow::Next;
    }
    shell.run_named(args).await;
    Flow::Exit
}

pub(super) async fn builtin(shell: &mut Shell, args: &[String]) -> Flow {
    let Some((name, rest)) = args.split_first() else {
        shell.status = 0;
        return Flow::Next;
    };
    match super::find(name) {
        Some(builtin) => (builtin.run)(shell, rest).await,
        None => {
            shell.complain(&format!("builtin: {name}: not a shell builtin")).await;
            shell.status = 1;
            Flow::Next
        }
    }
}

pub(super) async fn command(shell: &mut Shell, args: &[String]) -> Flow {
    match args.first().map(String::as_str) {
        Some("-v" | "-V") => {
            shell.status = super::info::describe(shell, &args[1..], args[0] == "-V").await;
            Flow::Next
        }
        Some("-p") => shell.run_named(&args[1..]).await,
        Some("--") if args.len() > 1 => shell.run_named(&args[1..]).await,
        Some(_) => shell.run_named(args).await,
        None => {
            shell.status = 0;
            Flow::Next
        }
    }
}

pub(super) async fn source_status(shell: &mut Shell, args: &[String]) -> i32 {
    let Some((name, rest)) = args.split_first() else {
        shell.complain("source: filename argument required").await;
        shell.print(2, b"source: usage: source filename [arguments]\n").await;
        return 2;
    };
    let path = if name.contains('/') { None } else { on_path(shell, name) };
    let path = path.unwrap_or_else(|| name.clone());
    let text = match shell.sys.read_file(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(sim::Errno::Eisdir) => {
            shell.complain(&format!("source: {name}: is a directory")).await;
            return 1;
        }
        Err(error) => {
            shell.complain(&format!("{name}: {error}")).await;
            return 1;
        }
    };
    if !shell.enter_call() {
        shell.calls -= 1;
        shell.complain(&format!("{name}: maximum source nesting level exceeded")).await;
        return 1;
    }
    let outer_args = (!rest.is_empty()).then(|| std::mem::replace(&mut shell.args, rest.to_vec()));
    let mode = std::mem::replace(&mut shell.mode, Mode::Script);
    let arg0 = std::mem::replace(&mut shell.arg0, path);
    shell.sourcing += 1;
    shell.status = 0;
    shell.run_text_at(&text, 1).await;
    shell.sourcing -= 1;
    shell.arg0 = arg0;
    shell.mode = mode;
    if let Some(args) = outer_args {
        shell.args = args;
    }
    shell.calls -= 1;
    shell.status
}

fn on_path(shell: &Shell, name: &str) -> Option<String> {
    let search = shell.vars.get("PATH")?;
    search
        .split(':')
        .map(|directory| format!("{directory}/{name}"))
        .find(|path| shell.sys.stat(path).is_ok_and(|stat| stat.is_file()))
}

pub(super) async fn arithmetic(shell: &mut Shell, args: &[String]) -> i32 {
    let mut last = 0;
    for arg in args {
        match shell.evaluate(arg) {
            Ok(value) => last = value,
            Err(error) => {
                shell.complain(&format!("let: {error}")).await;
                return 1;
            }
        }
    }
    i32::from(last == 0)
}

pub(super) async fn trap(shell: &mut Shell, args: &[String]) -> i32 {
    let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
    let Some((command, names)) = args.split_first().filter(|(first, _)| *first != "-p") else {
        let mut text = String::new();
        let quoted = super::super::escape::quote_single;
        if let Some(command) = &shell.exit_trap {
            text.push_str(&format!("trap -- {} EXIT\n", quoted(command)));
        }
        for (signal, command) in &shell.traps {
            text.push_str(&format!("trap -- {} SIG{}\n", quoted(command), signal.name()));
        }
        shell.print(1, text.as_bytes()).await;
        return 0;
    };
    let mut status = 0;
    for name in names {
        if matches!(name.as_str(), "EXIT" | "0") {
            shell.exit_trap = (command != "-" && !command.is_empty()).then(|| command.clone());
            continue;
        }
        let number = name.parse::<u8>().ok().and_then(Signal::from_number);
        let Some(signal) = number.or_else(|| Signal::from_name(name)) else {
            shell.complain(&format!("trap: {name}: invalid signal specification")).await;
            status = 1;
            continue;
        };
        shell.traps.remove(&signal);
        match command.as_str() {
            "-" if signal == Signal::Int && shell.job_control() => shell.sys.catch(signal),
            "-" => shell.sys.restore(signal),
            "" => shell.sys.ignore(signal),
            command => {
                shell.sys.catch(signal);
                shell.traps.insert(signal, command.to_owned());
            }
        }
    }
    status
}
