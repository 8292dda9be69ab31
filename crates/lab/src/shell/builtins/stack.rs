//! Builtins about the shell's surroundings: `pushd popd dirs shopt ulimit times`.

use super::super::exec::Shell;

/// A directory with the home as `~`.
fn short(shell: &Shell, path: &str) -> String {
    let home = shell.vars.get("HOME").unwrap_or("/root");
    match path.strip_prefix(home) {
        Some("") => "~".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => path.to_owned(),
    }
}

pub(super) async fn dirs(shell: &mut Shell, args: &[String]) -> i32 {
    if args.first().is_some_and(|arg| arg == "-c") {
        shell.stack.clear();
        return 0;
    }
    let mut all = vec![shell.sys.cwd()];
    all.extend(shell.stack.iter().rev().cloned());
    let names: Vec<String> = all.iter().map(|path| short(shell, path)).collect();
    let lines = args.iter().any(|arg| arg == "-v" || arg == "-p");
    let text = names.join(if lines { "\n" } else { " " });
    shell.print(1, format!("{text}\n").as_bytes()).await;
    0
}

pub(super) async fn pushd(shell: &mut Shell, args: &[String]) -> i32 {
    let here = shell.sys.cwd();
    let target = match args.first() {
        Some(path) => path.clone(),
        None => match shell.stack.pop() {
            Some(path) => path,
            None => {
                shell.complain("pushd: no other directory").await;
                return 1;
            }
        },
    };
    if let Err(error) = shell.sys.chdir(&target) {
        shell.complain(&format!("pushd: {target}: {error}")).await;
        return 1;
    }
    shell.stack.push(here.clone());
    arrived(shell, &here);
    dirs(shell, &[]).await
}

pub(super) async fn popd(shell: &mut Shell, _: &[String]) -> i32 {
    let here = shell.sys.cwd();
    let Some(target) = shell.stack.pop() else {
        shell.complain("popd: directory stack empty").await;
        return 1;
    };
    if let Err(error) = shell.sys.chdir(&target) {
        shell.complain(&format!("popd: {target}: {error}")).await;
        return 1;
    }
    arrived(shell, &here);
    dirs(shell, &[]).await
}

fn arrived(shell: &mut Shell, before: &str) {
    let now = shell.sys.cwd();
    shell.vars.export("OLDPWD", before);
    shell.vars.export("PWD", &now);
}

/// `shopt`: the options that mean something here; the others are as bash has them.
pub(super) async fn shopt(shell: &mut Shell, args: &[String]) -> i32 {
    const OTHERS: [(&str, bool); 6] = [
        ("checkwinsize", true),
        ("cmdhist", true),
        ("expand_aliases", true),
        ("extglob", false),
        ("globstar", false),
        ("histappend", false),
    ];
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let flags: String = args.iter().filter(|arg| arg.starts_with('-')).cloned().collect();
    let mut status = 0;
    if names.is_empty() {
        let mut text = String::new();
        for (name, on) in OTHERS.into_iter().chain([("nullglob", shell.options.nullglob)]) {
            text.push_str(&format!("{name:<15}\t{}\n", if on { "on" } else { "off" }));
        }
        shell.print(1, text.as_bytes()).await;
        return 0;
    }
    for name in names {
        let known = OTHERS.iter().find(|(other, _)| other == name).map(|(_, on)| *on);
        let own = name == "nullglob";
        if known.is_none() && !own {
            shell.complain(&format!("shopt: {name}: invalid shell option name")).await;
            status = 1;
            continue;
        }
        if flags.contains(['s', 'u']) {
            if own {
                shell.options.nullglob = flags.contains('s');
            }
            continue;
        }
        let on = known.unwrap_or(shell.options.nullglob);
        if !flags.contains('q') {
            let text = format!("{name:<15}\t{}\n", if on { "on" } else { "off" });
            shell.print(1, text.as_bytes()).await;
        }
        status |= i32::from(!on);
    }
    status
}

pub(super) async fn ulimit(shell: &mut Shell, args: &[String]) -> i32 {
    let flags: String = args.iter().filter(|arg| arg.starts_with('-')).cloned().collect();
    let wanted = args.iter().find(|arg| !arg.starts_with('-'));
    let pid = shell.sys.pid();
    let (soft, hard) = shell.sys.files_max(pid).unwrap_or_default();
    let now = if flags.contains('H') { hard } else { soft };
    if flags.contains('a') {
        let text = format!(
            "core file size              (blocks, -c) 0\nfile size                   (blocks, -f) unlimited\nopen files                          (-n) {now}\nmax user processes                  (-u) 15573\nvirtual memory              (kbytes, -v) unlimited\n"
        );
        shell.print(1, text.as_bytes()).await;
        return 0;
    }
    if !flags.contains('n') {
        let text = match flags.trim_start_matches('-') {
            "c" => "0\n",
            "u" => "15573\n",
            _ => "unlimited\n",
        };
        if wanted.is_none() {
            shell.print(1, text.as_bytes()).await;
        }
        return 0;
    }
    let Some(text) = wanted else {
        shell.print(1, format!("{now}\n").as_bytes()).await;
        return 0;
    };
    let number = match text.as_str() {
        "unlimited" => 1_048_576,
        "hard" => hard,
        text => match text.parse() {
            Ok(number) => number,
            Err(_) => {
                shell.complain(&format!("ulimit: {text}: invalid number")).await;
                return 1;
            }
        },
    };
    let limits = match (flags.contains('S'), flags.contains('H')) {
        (true, false) => (number, hard),
        (false, true) => (soft, number),
        _ => (number, number),
    };
    match shell.sys.set_files_max(pid, limits) {
        Ok(()) => 0,
        Err(error) => {
            let error = error.to_string();
            let error = if error.contains("permitted") {
                "Operation not permitted"
            } else {
                "Invalid argument"
            };
            shell.complain(&format!("ulimit: open files: cannot modify limit: {error}")).await;
            1
        }
    }
}

pub(super) async fn times(shell: &mut Shell, _: &[String]) -> i32 {
    shell.print(1, b"0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n").await;
    0
}
