//! `test` and `[`: questions about files, texts and numbers.

use sim::{Fd, FileKind, Sys};

use super::super::conditions::{is_binary_test, is_unary_test};
use super::super::exec::Shell;

pub(super) async fn test(shell: &mut Shell, args: &[String]) -> i32 {
    answer(shell, "test", args).await
}

pub(super) async fn bracket(shell: &mut Shell, args: &[String]) -> i32 {
    match args.split_last() {
        Some((last, inner)) if last == "]" => answer(shell, "[", inner).await,
        _ => {
            shell.complain("[: missing `]'").await;
            2
        }
    }
}

async fn answer(shell: &mut Shell, name: &str, args: &[String]) -> i32 {
    let result = {
        let is_set = |name: &str| shell.parameter(name).is_some();
        evaluate(&shell.sys, &is_set, args)
    };
    match result {
        Ok(holds) => i32::from(!holds),
        Err(text) => {
            shell.complain(&format!("{name}: {text}")).await;
            2
        }
    }
}

/// Whether an expression holds; the error is the sentence after `test: `.
pub(crate) fn evaluate(
    sys: &Sys,
    is_set: &dyn Fn(&str) -> bool,
    args: &[String],
) -> Result<bool, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut parser = Parser { sys, is_set, words: &words, at: 0 };
    match words.as_slice() {
        [] => Ok(false),
        // Up to four words are told apart by their number, as POSIX wants it.
        [word] => Ok(!word.is_empty()),
        ["!", word] => Ok(word.is_empty()),
        [op, word] if is_unary_test(op) => parser.unary(op, word),
        [op, _] => Err(format!("{op}: unary operator expected")),
        [left, op, right] if is_binary_test(op) => parser.binary(left, op, right),
        [left, "-a", right] => Ok(!left.is_empty() && !right.is_empty()),
        [left, "-o", right] => Ok(!left.is_empty() || !right.is_empty()),
        ["!", rest @ ..] if rest.len() < 4 => {
            let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            evaluate(sys, is_set, &rest).map(|holds| !holds)
        }
        ["(", word, ")"] => Ok(!word.is_empty()),
        [_, op, _] => Err(format!("{op}: binary operator expected")),
        _ => {
            let holds = parser.or()?;
            match parser.words.get(parser.at) {
                Some(_) => Err("too many arguments".to_owned()),
                None => Ok(holds),
            }
        }
    }
}

struct Parser<'a> {
    sys: &'a Sys,
    is_set: &'a dyn Fn(&str) -> bool,
    words: &'a [&'a str],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self, offset: usize) -> Option<&'a str> {
        self.words.get(self.at + offset).copied()
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut holds = self.and()?;
        while self.peek(0) == Some("-o") {
            self.at += 1;
            holds |= self.and()?;
        }
        Ok(holds)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut holds = self.not()?;
        while self.peek(0) == Some("-a") {
            self.at += 1;
            holds &= self.not()?;
        }
        Ok(holds)
    }

    fn not(&mut self) -> Result<bool, String> {
        let mut negated = false;
        while self.peek(0) == Some("!") {
            self.at += 1;
            negated = !negated;
        }
        Ok(self.primary()? != negated)
    }

    fn primary(&mut self) -> Result<bool, String> {
        let word = self.peek(0).ok_or("argument expected")?;
        if let (Some(op), Some(right)) =
            (self.peek(1).filter(|op| is_binary_test(op)), self.peek(2))
        {
            self.at += 3;
            return self.binary(word, op, right);
        }
        if word == "(" && self.words.len() < 64 {
            self.at += 1;
            let holds = self.or()?;
            if self.peek(0) != Some(")") {
                return Err("`)' expected".to_owned());
            }
            self.at += 1;
            return Ok(holds);
        }
        if let Some(operand) = self.peek(1).filter(|_| is_unary_test(word)) {
            self.at += 2;
            return self.unary(word, operand);
        }
        self.at += 1;
        Ok(!word.is_empty())
    }

    fn unary(&self, op: &str, word: &str) -> Result<bool, String> {
        match op {
            "-v" => Ok((self.is_set)(word)),
            "-t" => Ok(self.sys.is_tty(Fd(integer(word)? as u32))),
            _ => Ok(about_file_or_text(self.sys, op, word)),
        }
    }

    fn binary(&self, left: &str, op: &str, right: &str) -> Result<bool, String> {
        match op {
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                Ok(numbers(integer(left)?, op, integer(right)?))
            }
            "=~" => Err("=~: binary operator expected".to_owned()),
            _ => Ok(compare(self.sys, left, op, right)),
        }
    }
}

fn integer(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("{text}: integer expression expected"))
}

/// A question with one operand, asked by `[[ ]]`.
pub(in crate::shell) fn unary(shell: &Shell, op: &str, word: &str) -> bool {
    match op {
        "-v" => shell.parameter(word).is_some(),
        "-t" => word.parse().is_ok_and(|n| shell.io.fd(n).is_some_and(|fd| shell.sys.is_tty(fd))),
        _ => about_file_or_text(&shell.sys, op, word),
    }
}

fn about_file_or_text(sys: &Sys, op: &str, word: &str) -> bool {
    let stat = || sys.stat(word);
    match op {
        "-n" => !word.is_empty(),
        "-z" => word.is_empty(),
        "-h" | "-L" => sys.lstat(word).is_ok_and(|stat| stat.kind == FileKind::Symlink),
        "-e" | "-a" => stat().is_ok(),
        "-f" => stat().is_ok_and(|stat| stat.is_file()),
        "-d" => stat().is_ok_and(|stat| stat.is_dir()),
        "-c" => stat().is_ok_and(|stat| stat.kind == FileKind::Device),
        "-s" => stat().is_ok_and(|stat| stat.size > 0),
        "-r" => sys.access(word, 4).is_ok(),
        "-w" => sys.access(word, 2).is_ok(),
        "-x" => sys.access(word, 1).is_ok(),
        "-O" => stat().is_ok_and(|stat| stat.uid == sys.cred().uid),
        "-G" => stat().is_ok_and(|stat| stat.gid == sys.cred().gid),
        "-p" | "-S" | "-b" => false,
        _ => false,
    }
}

/// `-eq` and its kin.
pub(in crate::shell) fn numbers(left: i64, op: &str, right: i64) -> bool {
    match op {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        _ => left >= right,
    }
}

/// `<`, `>`, `-nt`, `-ot`, `-ef`, asked by `[[ ]]`.
pub(in crate::shell) fn texts(shell: &Shell, left: &str, op: &str, right: &str) -> bool {
    compare(&shell.sys, left, op, right)
}

fn compare(sys: &Sys, left: &str, op: &str, right: &str) -> bool {
    let changed = |path: &str| sys.stat(path).map(|stat| stat.mtime_us).ok();
    match op {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-nt" => changed(left) > changed(right),
        "-ot" => changed(left) < changed(right),
        "-ef" => sys.stat(left).is_ok_and(|a| sys.stat(right).is_ok_and(|b| a.ino == b.ino)),
        _ => false,
    }
}
