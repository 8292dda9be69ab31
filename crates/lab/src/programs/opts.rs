//! Options in the manner of GNU: `-abc`, `-n 5`, `-n5`, `--long=value`, `--`, in any order.

use sim::Sys;

use super::Program;

/// The options of a program.
pub(crate) struct Options {
    /// Letters; `:` after one that takes a value. A `+` in front ends the options at the first
    /// operand.
    pub(crate) short: &'static str,
    /// Long names and the letters they stand for.
    pub(crate) long: &'static [(&'static str, char)],
    /// The status of a mistake.
    pub(crate) mistake: i32,
}

/// A command line taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// Letters in order, each with its value or an empty one.
    pub(crate) flags: Vec<(char, String)>,
    pub(crate) operands: Vec<String>,
}

impl Parsed {
    pub(crate) fn has(&self, flag: char) -> bool {
        self.flags.iter().any(|(letter, _)| *letter == flag)
    }

    /// The last value of a flag.
    pub(crate) fn value(&self, flag: char) -> Option<&str> {
        self.flags.iter().rev().find(|(letter, _)| *letter == flag).map(|(_, value)| value.as_str())
    }

    /// The one of these flags that came last.
    pub(crate) fn last_of(&self, letters: &str) -> Option<char> {
        self.flags.iter().rev().map(|(letter, _)| *letter).find(|letter| letters.contains(*letter))
    }
}

impl Options {
    fn takes_value(&self, letter: char) -> Option<bool> {
        let at = self.short.find(letter).filter(|_| !matches!(letter, ':' | '+'))?;
        Some(self.short[at + letter.len_utf8()..].starts_with(':'))
    }

    /// Takes arguments apart; the error is GNU's sentence without the program's name.
    pub(crate) fn parse(&self, args: &[String]) -> Result<Parsed, String> {
        let mut parsed = Parsed::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if arg == "--" {
                parsed.operands.extend(rest.by_ref().cloned());
            } else if let Some(long) = arg.strip_prefix("--") {
                self.long(long, &mut rest, &mut parsed)?;
            } else if arg.len() > 1 && arg.starts_with('-') {
                self.letters(&arg[1..], &mut rest, &mut parsed)?;
            } else {
                parsed.operands.push(arg.clone());
                if self.short.starts_with('+') {
                    parsed.operands.extend(rest.by_ref().cloned());
                }
            }
        }
        Ok(parsed)
    }

    fn letters(
        &self,
        letters: &str,
        rest: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), String> {
        let mut chars = letters.chars();
        while let Some(letter) = chars.next() {
            match self.takes_value(letter) {
                None => return Err(format!("invalid option -- '{letter}'")),
                Some(false) => parsed.flags.push((letter, String::new())),
                Some(true) => {
                    let inline = chars.as_str();
                    let value = if inline.is_empty() {
                        rest.next().cloned()
                    } else {
                        Some(inline.to_owned())
                    };
                    let missing = || format!("option requires an argument -- '{letter}'");
                    parsed.flags.push((letter, value.ok_or_else(missing)?));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn long(
        &self,
        text: &str,
        rest: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let exact = self.long.iter().find(|(long, _)| *long == name);
        let mut fitting = self.long.iter().filter(|(long, _)| long.starts_with(name));
        let found = exact.or_else(|| fitting.next());
        let Some((long, letter)) = found else {
            return Err(format!("unrecognized option '--{name}'"));
        };
        let takes = self.takes_value(*letter).unwrap_or(false);
        let value = match (takes, value) {
            (false, Some(_)) => return Err(format!("option '--{long}' doesn't allow an argument")),
            (false, None) => String::new(),
            (true, Some(value)) => value,
            (true, None) => {
                let missing = || format!("option '--{long}' requires an argument");
                rest.next().cloned().ok_or_else(missing)?
            }
        };
        parsed.flags.push((*letter, value));
        Ok(())
    }

    /// Takes the process's arguments apart. The error is the status to end with: the mistake, or
    /// what `--help` asked for, has been printed.
    pub(crate) async fn read(&self, sys: &Sys, program: &Program) -> Result<Parsed, i32> {
        let args = sys.args();
        let args = args.get(1..).unwrap_or_default();
        self.read_args(sys, program, args).await
    }

    /// The same for arguments that were looked at before.
    pub(crate) async fn read_args(
        &self,
        sys: &Sys,
        program: &Program,
        args: &[String],
    ) -> Result<Parsed, i32> {
        let before_operands = args.iter().take_while(|arg| *arg != "--" && arg.starts_with('-'));
        if before_operands.into_iter().any(|arg| arg == "--help") {
            sys.print(&super::help::page(program)).await;
            return Err(0);
        }
        match self.parse(args) {
            Ok(parsed) => Ok(parsed),
            Err(mistake) => Err(self.refuse(sys, program, &mistake).await),
        }
    }

    /// Says what is wrong with the command line, and where to look; gives the status.
    pub(crate) async fn refuse(&self, sys: &Sys, program: &Program, mistake: &str) -> i32 {
        let name = program.name;
        // Alone among the tools, grep shows its usage first.
        let usage =
            if name == "grep" { "Usage: grep [OPTION]... PATTERNS [FILE]...\n" } else { "" };
        let hint = format!("Try '{name} --help' for more information.");
        sys.eprint(&format!("{name}: {mistake}\n{usage}{hint}\n")).await;
        self.mistake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options =
        Options { short: "an:r", long: &[("all", 'a'), ("lines", 'n')], mistake: 1 };

    fn parse(options: &Options, line: &str) -> Result<Parsed, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        options.parse(&args)
    }

    #[test]
    fn forms() {
        let parsed =
            parse(&OPTIONS, "x -ar -n5 --lines=6 -n 7 --all y -- -z").expect("it is right");
        assert_eq!(parsed.operands, ["x", "y", "-z"]);
        let letters: String = parsed.flags.iter().map(|(letter, _)| *letter).collect();
        assert_eq!(letters, "arnnna");
        assert_eq!(parsed.value('n'), Some("7"));
        let stops = Options { short: "+n:", long: &[], mistake: 1 };
        assert_eq!(
            parse(&stops, "-n 1 cmd -n 2").expect("it is right").operands,
            ["cmd", "-n", "2"]
        );
    }

    #[test]
    fn mistakes() {
        let table = [
            ("-x", "invalid option -- 'x'"),
            ("-n", "option requires an argument -- 'n'"),
            ("--foo", "unrecognized option '--foo'"),
            ("--lines", "option '--lines' requires an argument"),
            ("--all=1", "option '--all' doesn't allow an argument"),
        ];
        for (line, expected) in table {
            assert_eq!(parse(&OPTIONS, line).expect_err(line), expected);
        }
    }
}
