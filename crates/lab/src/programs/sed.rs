//! `sed`: scripts are read by `parse`, run by `run`.

mod parse;
mod run;

use sim::Sys;

use super::Program;
use super::io::{Out, inputs};
use super::opts::{Options, Parsed};

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "sed",
    summary: "edit lines as they go by",
    usage: concat!(
        "sed [-nEis] [-e SCRIPT] [-f FILE] [SCRIPT] [FILE...]\n",
        "  -n  print only what p asks for\n",
        "  -E  extended regular expressions\n",
        "  -i  change the files; -i.bak keeps the old ones\n",
        "Commands: s/REGEX/TEXT/gpi, d, p, q, =, a\\ i\\ c\\ TEXT, y/abc/xyz/, n N D P h H g G x, b t :LABEL, { }.\n",
        "Addresses: N, $, /REGEX/, N~STEP, two of them with a comma, ! after them.",
    ),
    run: |sys| Box::pin(run_program(sys)),
    complete: None,
};

async fn run_program(sys: Sys) -> i32 {
    const OPTIONS: Options = Options {
        short: "nErse:f:z",
        long: &[
            ("quiet", 'n'),
            ("silent", 'n'),
            ("regexp-extended", 'E'),
            ("expression", 'e'),
            ("file", 'f'),
            ("separate", 's'),
        ],
        mistake: 1,
    };
    let (args, in_place) = take_in_place(sys.args().get(1..).unwrap_or_default());
    let mut parsed = match OPTIONS.read_args(&sys, &PROGRAM, &args).await {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let script = match script_text(&sys, &mut parsed) {
        Ok(script) => script,
        Err(mistake) => {
            sys.eprint(&format!("{mistake}\n")).await;
            return 1;
        }
    };
    let extended = parsed.has('E') || parsed.has('r');
    let script = match parse::parse(&script, extended) {
        Ok(script) => script,
        Err(mistake) => {
            sys.eprint(&format!("sed: {mistake}\n")).await;
            return 1;
        }
    };
    let mut out = Out::new(&sys);
    let silent = parsed.has('n');
    let paths = inputs(&parsed.operands);
    let mut status = 0;
    if in_place.is_none() && !parsed.has('s') {
        let mut editor = run::Editor::new(&sys, &script, silent, &paths);
        status = editor.run(&mut out).await;
    } else {
        for path in &paths {
            let one = std::slice::from_ref(path);
            let mut editor = run::Editor::new(&sys, &script, silent, one);
            editor.collects = in_place.is_some();
            status = status.max(editor.run(&mut out).await);
            if let (Some(suffix), Some(bytes)) = (&in_place, editor.collected())
                && let Err(error) = replace(&sys, path, suffix, &bytes)
            {
                sys.eprint(&format!("sed: couldn't write {path}: {error}\n")).await;
                status = 4;
            }
        }
    }
    out.finish("sed", status).await
}

/// The text of the script: all of `-e` and `-f`, or the first operand.
fn script_text(sys: &Sys, parsed: &mut Parsed) -> Result<String, String> {
    let mut parts = Vec::new();
    for (flag, value) in &parsed.flags {
        match flag {
            'e' => parts.push(value.clone()),
            'f' => {
                let refused = |error| format!("sed: couldn't open file {value}: {error}");
                let bytes = sys.read_file(value).map_err(refused)?;
                parts.push(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned());
            }
            _ => {}
        }
    }
    if parts.is_empty() {
        if parsed.operands.is_empty() {
            return Err(format!("Usage: {}", PROGRAM.usage));
        }
        parts.push(parsed.operands.remove(0));
    }
    Ok(parts.join("\n"))
}

/// Takes `-i` and `-i.bak` out: its value, unlike others', is never the next argument.
fn take_in_place(args: &[String]) -> (Vec<String>, Option<String>) {
    let mut suffix = None;
    let mut rest = Vec::new();
    let mut ended = false;
    for arg in args {
        ended |= arg == "--";
        if let Some(value) = arg.strip_prefix("--in-place").filter(|_| !ended) {
            suffix = Some(value.trim_start_matches('=').to_owned());
        } else if let Some(value) = arg.strip_prefix("-i").filter(|_| !ended) {
            suffix = Some(value.to_owned());
        } else if !ended && matches!(arg.as_str(), "-ni" | "-Ei" | "-ri") {
            suffix = Some(String::new());
            rest.push(arg[..2].to_owned());
        } else {
            rest.push(arg.clone());
        }
    }
    (rest, suffix)
}

fn replace(sys: &Sys, path: &str, suffix: &str, bytes: &[u8]) -> Result<(), sim::Errno> {
    if !suffix.is_empty() {
        let before = sys.read_file(path)?;
        sys.write_file(&format!("{path}{suffix}"), &before)?;
    }
    let mode = sys.stat(path)?.mode;
    let temporary = format!("{path}.sed{}", sys.pid());
    sys.write_file(&temporary, bytes)?;
    sys.chmod(&temporary, mode)?;
    sys.rename(&temporary, path)
}
