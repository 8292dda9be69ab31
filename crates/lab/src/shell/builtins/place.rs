//! Where the shell is.

use super::super::exec::Shell;

pub(super) async fn cd(shell: &mut Shell, args: &[String]) -> i32 {
    let args: Vec<&String> =
        args.iter().filter(|arg| !matches!(arg.as_str(), "-L" | "-P" | "--")).collect();
    if args.len() > 1 {
        shell.complain("cd: too many arguments").await;
        return 1;
    }
    let variable = |shell: &Shell, name: &str| shell.vars.get(name).map(str::to_owned);
    let (target, shows) = match args.first().map(|arg| arg.as_str()) {
        None => (variable(shell, "HOME").ok_or("HOME not set"), false),
        Some("-") => (variable(shell, "OLDPWD").ok_or("OLDPWD not set"), true),
        Some(path) => (Ok(path.to_owned()), false),
    };
    let target = match target {
        Ok(target) => target,
        Err(what) => {
            shell.complain(&format!("cd: {what}")).await;
            return 1;
        }
    };
    let before = shell.sys.cwd();
    if !target.is_empty()
        && let Err(error) = shell.sys.chdir(&target)
    {
        shell.complain(&format!("cd: {target}: {error}")).await;
        return 1;
    }
    let now = shell.sys.cwd();
    shell.vars.export("OLDPWD", &before);
    shell.vars.export("PWD", &now);
    if shows {
        shell.print(1, format!("{now}\n").as_bytes()).await;
    }
    0
}

pub(super) async fn pwd(shell: &mut Shell, args: &[String]) -> i32 {
    if let Some(bad) =
        args.iter().find(|arg| arg.starts_with('-') && !matches!(arg.as_str(), "-L" | "-P"))
    {
        shell.complain(&format!("pwd: {bad}: invalid option")).await;
        return 2;
    }
    let line = format!("{}\n", shell.sys.cwd());
    i32::from(!shell.print(1, line.as_bytes()).await)
}
