//! Asking for passwords, as `bgentry/speakeasy` does: the terminal does not show them, and
//! without a terminal `stty` complains.

use sim::Fd;

use super::Ctl;
use super::exit::{BAD_ARGS, Exit};

/// Prints a prompt and reads a line that is not shown.
pub(super) async fn ask(ctl: &Ctl, prompt: &str) -> String {
    ctl.out(prompt).await;
    switch_echo(ctl, false).await;
    let mut line = Vec::new();
    loop {
        // A byte at a time: what follows is for whoever reads next.
        match ctl.sys.read(Fd::STDIN, 1).await {
            Ok(byte) if !byte.is_empty() && byte[0] != b'\n' => line.push(byte[0]),
            _ => break,
        }
    }
    switch_echo(ctl, true).await;
    ctl.out("\n").await;
    let line = String::from_utf8_lossy(&line).into_owned();
    line.strip_suffix('\r').unwrap_or(&line).to_owned()
}

async fn switch_echo(ctl: &Ctl, on: bool) {
    if ctl.sys.is_tty(Fd::STDIN) {
        ctl.sys.set_echo(on);
    } else {
        ctl.err("stty: 'standard input': Inappropriate ioctl for device\n").await;
    }
}

/// A new password, asked for twice.
pub(super) async fn choose(ctl: &Ctl, name: &str) -> Result<String, Exit> {
    let first = ask(ctl, &format!("Password of {name}: ")).await;
    if first.is_empty() {
        return Err(Exit::new(BAD_ARGS, "empty password"));
    }
    let again = format!("Type password of {name} again for confirmation: ");
    if ask(ctl, &again).await != first {
        return Err(Exit::new(BAD_ARGS, "given passwords are different"));
    }
    Ok(first)
}

/// `fmt.Scanf("%s")`: the first word of a line of standard input.
pub(super) async fn scan(ctl: &Ctl) -> String {
    let mut word = Vec::new();
    loop {
        match ctl.sys.read(Fd::STDIN, 1).await {
            Ok(byte) if byte.is_empty() || byte[0] == b'\n' => break,
            Ok(byte) if byte[0].is_ascii_whitespace() && word.is_empty() => {}
            Ok(byte) if byte[0].is_ascii_whitespace() => break,
            Ok(byte) => word.push(byte[0]),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&word).into_owned()
}
