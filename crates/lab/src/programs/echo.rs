//! `echo`

use sim::Fd;

use super::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "echo",
    summary: "print its arguments",
    usage: concat!(
        "echo [-neE] [TEXT...]\n",
        "  -n  no newline at the end\n",
        "  -e  understand \\n, \\t, \\xHH and the like\n",
        "  -E  do not (the default)",
    ),
    run: |sys| {
        Box::pin(async move {
            let bytes = render(sys.args().get(1..).unwrap_or_default());
            i32::from(sys.write(Fd::STDOUT, &bytes).await.is_err())
        })
    },
    complete: None,
};

/// What `echo` prints for these arguments.
pub(crate) fn render(args: &[String]) -> Vec<u8> {
    let (mut newline, mut escapes) = (true, false);
    let mut rest = args;
    while let Some(flags) = rest.first().and_then(|arg| arg.strip_prefix('-')) {
        if flags.is_empty() || !flags.chars().all(|c| "neE".contains(c)) {
            break;
        }
        for c in flags.chars() {
            match c {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        rest = &rest[1..];
    }
    let text = rest.join(" ");
    let mut bytes = text.clone().into_bytes();
    if escapes {
        let (expanded, ended) = crate::shell::escape::echo(&text);
        if ended {
            return expanded;
        }
        bytes = expanded;
    }
    if newline {
        bytes.push(b'\n');
    }
    bytes
}
