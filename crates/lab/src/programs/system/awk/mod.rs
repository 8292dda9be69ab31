//! `awk`: patterns and actions over lines and fields. A subset: no user functions, no pipes and
//! no `getline`; what is there means what POSIX says.

mod parse;
mod run;
mod value;

use std::collections::BTreeMap;

use sim::{Fd, Sys};

use crate::programs::Program;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "awk",
    summary: "work on lines and fields",
    usage: "awk [-F SEPARATOR] [-v NAME=VALUE] 'PROGRAM' [FILE...]\nawk [-F SEPARATOR] [-v NAME=VALUE] -f FILE [FILE...]",
    run: |sys| Box::pin(awk(sys)),
    complete: None,
};

/// What was asked for.
struct Call {
    separator: Option<String>,
    vars: BTreeMap<String, String>,
    text: String,
    files: Vec<String>,
}

/// Takes the arguments apart; the error is the sentence.
fn call(sys: &Sys) -> Result<Call, String> {
    let args = sys.args();
    let (mut separator, mut vars, mut text) = (None, BTreeMap::new(), None);
    let mut files: Vec<String> = Vec::new();
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        let value = |tail: &str, rest: &mut std::slice::Iter<'_, String>| {
            if tail.is_empty() { rest.next().cloned().unwrap_or_default() } else { tail.to_owned() }
        };
        if let (Some(tail), None) = (arg.strip_prefix("-F"), &text) {
            separator = Some(value(tail, &mut rest));
        } else if let (Some(tail), None) = (arg.strip_prefix("-v"), &text) {
            let pair = value(tail, &mut rest);
            if let Some((name, value)) = pair.split_once('=') {
                vars.insert(name.to_owned(), parse::unescaped(value));
            }
        } else if let (Some(tail), None) = (arg.strip_prefix("-f"), &text) {
            let file = value(tail, &mut rest);
            let wrong = |error| format!("awk: cannot open {file} ({error})\n");
            let bytes = sys.read_file(&file).map_err(wrong)?;
            text = Some(String::from_utf8_lossy(&bytes).into_owned());
        } else if arg == "--" {
            continue;
        } else if text.is_none() {
            text = Some(arg.clone());
        } else {
            files.push(arg.clone());
        }
    }
    let usage = "Usage: awk [-F value][-v var=value][--][program text][file ...]\n";
    Ok(Call { separator, vars, text: text.ok_or(usage)?, files })
}

async fn awk(sys: Sys) -> i32 {
    let Call { separator, vars, text, files } = match call(&sys) {
        Ok(call) => call,
        Err(sentence) => {
            sys.eprint(&sentence).await;
            return 2;
        }
    };
    let program = match parse::program(&text) {
        Ok(program) => program,
        Err(near) => {
            sys.eprint(&format!("awk: line 1: syntax error at or near {near}\n")).await;
            return 2;
        }
    };
    let mut machine = run::Machine::new(&program, separator, vars);
    let mut status = machine.begin();
    flush(&sys, &mut machine).await;
    if status.is_none() && program.reads() {
        let inputs = if files.is_empty() { vec!["-".to_owned()] } else { files };
        for file in inputs {
            if let Some((name, value)) =
                file.split_once('=').filter(|(name, _)| crate::shell::is_name(name))
            {
                machine.assign(name, &parse::unescaped(value));
                continue;
            }
            let bytes =
                if file == "-" { sys.read_to_end(Fd::STDIN).await } else { sys.read_file(&file) };
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    sys.eprint(&format!("awk: cannot open \"{file}\" ({error})\n")).await;
                    return 2;
                }
            };
            status = machine.file(&file, &String::from_utf8_lossy(&bytes));
            flush(&sys, &mut machine).await;
            if status.is_some() {
                break;
            }
        }
    }
    let last = machine.end();
    flush(&sys, &mut machine).await;
    last.or(status).unwrap_or(0)
}

/// What was printed goes to where it was sent.
async fn flush(sys: &Sys, machine: &mut run::Machine<'_>) {
    for (target, text) in machine.take_output() {
        match target {
            None => sys.print(&text).await,
            Some((path, append)) => {
                let done = match path.as_str() {
                    "/dev/stderr" => {
                        sys.eprint(&text).await;
                        Ok(())
                    }
                    "/dev/stdout" => {
                        sys.print(&text).await;
                        Ok(())
                    }
                    _ if append => sys.append_file(&path, text.as_bytes()),
                    _ => sys.write_file(&path, text.as_bytes()),
                };
                if let Err(error) = done {
                    sys.eprint(&format!("awk: cannot open \"{path}\" for output ({error})\n"))
                        .await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awk(separator: Option<&str>, text: &str, input: &str) -> String {
        let program = parse::program(text).unwrap_or_else(|near| panic!("{text}: {near}"));
        let mut machine =
            run::Machine::new(&program, separator.map(str::to_owned), BTreeMap::new());
        let stop = machine.begin().is_some() || machine.file("-", input).is_some();
        let _ = stop;
        machine.end();
        machine.take_output().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn programs_people_type() {
        let people = "ann 30 x\nbob 25 y\ncarl 41 x\n";
        for (separator, text, input, want) in [
            (None, "{print $1}", people, "ann\nbob\ncarl\n"),
            (None, "NR==2 {print $2, $NF}", people, "25 y\n"),
            (None, "$2 > 26", people, "ann 30 x\ncarl 41 x\n"),
            (None, "/^b/ {print NR\": \"$0}", people, "2: bob 25 y\n"),
            (None, "{s += $2} END {print s, s/NR}", people, "96 32\n"),
            (Some(":"), "{print $3}", "a:b:c\n", "c\n"),
            (Some(","), "BEGIN{OFS=\"-\"} {$2=\"\"; print}", "a,b,c\n", "a--c\n"),
            (None, "{c[$3]++} END {for (k in c) print k, c[k]}", people, "x 2\ny 1\n"),
            (None, "NR>1 && !seen[$3]++ {print $1}", people, "bob\ncarl\n"),
            (None, "{printf \"%-5s|%3d|%.1f\\n\", $1, $2, $2/7}", "ann 30\n", "ann  | 30|4.3\n"),
            (
                None,
                "{print length($1), substr($1,2,2), toupper($1), index($1,\"n\")}",
                "anna\n",
                "4 nn ANNA 2\n",
            ),
            (
                None,
                "{gsub(/o+/, \"0\"); print; n=split($0, a, \" \"); print n, a[2]}",
                "foo boo\n",
                "f0 b0\n2 b0\n",
            ),
            (
                None,
                "BEGIN{for(i=0;i<3;i++) {if(i==1) continue; printf i \" \"} print \"\"}",
                "",
                "0 2 \n",
            ),
            (
                None,
                "BEGIN{x=3; while(x-->0) print x; print 2^10, 7%3, 1==1.0, \"a\"<\"b\"}",
                "",
                "2\n1\n0\n1024 1 1 1\n",
            ),
            (None, "$1 ~ \"^a\" {print ($2>20 ? \"old\" : \"young\")}", people, "old\n"),
            (None, "/bob/,/carl/", people, "bob 25 y\ncarl 41 x\n"),
            (None, "match($0, /[0-9]+/) {print substr($0, RSTART, RLENGTH); exit}", people, "30\n"),
        ] {
            assert_eq!(awk(separator, text, input), want, "{text}");
        }
        assert!(parse::program("{print").is_err());
    }
}
