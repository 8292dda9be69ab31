//! Builtins that print. What they print is made by the programs of the same names.

use super::super::exec::Shell;
use crate::programs::{echo, printf};

/// Prints, or says why not, as bash does for its builtins.
async fn put(shell: &mut Shell, name: &str, bytes: &[u8]) -> i32 {
    let Some(fd) = shell.io.fd(1) else {
        shell.complain(&format!("{name}: write error: Bad file descriptor")).await;
        return 1;
    };
    match shell.sys.write(fd, bytes).await {
        Ok(()) => 0,
        Err(error) => {
            shell.complain(&format!("{name}: write error: {error}")).await;
            1
        }
    }
}

pub(super) async fn echo(shell: &mut Shell, args: &[String]) -> i32 {
    put(shell, "echo", &echo::render(args)).await
}

pub(super) async fn printf(shell: &mut Shell, args: &[String]) -> i32 {
    let (variable, args) = match args {
        [flag, name, rest @ ..] if flag == "-v" => (Some(name.clone()), rest),
        [flag, rest @ ..] if flag == "--" => (None, rest),
        _ => (None, args),
    };
    if args.is_empty() {
        shell.print(2, b"printf: usage: printf [-v var] format [arguments]\n").await;
        return 2;
    }
    let printed = printf::format(&args[0], &args[1..]);
    for complaint in &printed.complaints {
        shell.complain(&format!("printf: {complaint}")).await;
    }
    let status = match variable {
        Some(name) => {
            let text = String::from_utf8_lossy(&printed.bytes).into_owned();
            match shell.assign(&name, &text) {
                Ok(()) => 0,
                Err(error) => {
                    shell.complain(&error.text).await;
                    1
                }
            }
        }
        None => put(shell, "printf", &printed.bytes).await,
    };
    if printed.complaints.is_empty() { status } else { 1 }
}
