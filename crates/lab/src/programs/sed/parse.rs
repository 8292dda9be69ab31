//! Scripts of `sed` to commands.

use regex_lite::Regex;

use crate::programs::posix;

/// A script, flat: blocks are jumps.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
}

/// A command with the lines it is for.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) addresses: Addresses,
    pub(super) negated: bool,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Addresses {
    All,
    One(Address),
    Range(Address, Address),
}

#[derive(Debug)]
pub(super) enum Address {
    Line(u64),
    Last,
    /// `first~step`
    Step(u64, u64),
    /// None: the regex used last.
    Regex(Option<Regex>),
    /// `+N` after a range's first address.
    Plus(u64),
}

#[derive(Debug)]
pub(super) enum Action {
    /// `{`: where its `}` is.
    Block(usize),
    EndBlock,
    Substitute(Box<Substitute>),
    Delete,
    DeleteFirst,
    Print,
    PrintFirst,
    Quit(i32, bool),
    Number,
    Append(String),
    Insert(String),
    Change(String),
    Translate(Vec<char>, Vec<char>),
    Next,
    AppendNext,
    Hold,
    HoldAppend,
    Get,
    GetAppend,
    Exchange,
    List,
    Write(String),
    Read(String),
    Label,
    /// To the command after a label; to the end.
    Branch(Option<usize>),
    BranchIf(Option<usize>),
}

#[derive(Debug)]
pub(super) struct Substitute {
    pub(super) regex: Option<Regex>,
    pub(super) with: Vec<Piece>,
    pub(super) all: bool,
    pub(super) nth: u64,
    pub(super) print: bool,
    pub(super) write: Option<String>,
}

/// A piece of a replacement.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Group(usize),
    /// `\U \L \u \l \E`
    Case(char),
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    /// Names of labels: where they are.
    labels: Vec<(String, usize)>,
    /// Branches whose label may come later.
    jumps: Vec<(usize, String)>,
    blocks: Vec<usize>,
}

type Parse<T> = Result<T, String>;

/// Reads a script; the error is sed's sentence.
pub(super) fn parse(text: &str, extended: bool) -> Parse<Script> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        extended,
        labels: Vec::new(),
        jumps: Vec::new(),
        blocks: Vec::new(),
    };
    let mut commands = Vec::new();
    while reader.skip_to_command() {
        let command = reader.command(&mut commands)?;
        commands.push(command);
    }
    if !reader.blocks.is_empty() {
        return Err("-e expression #1, char 0: unmatched `{'".to_owned());
    }
    for (at, label) in std::mem::take(&mut reader.jumps) {
        let found = reader.labels.iter().find(|(name, _)| *name == label);
        let target = found.map(|(_, to)| *to).ok_or(format!(
            "-e expression #1, char {}: can't find label for jump to `{label}'",
            reader.at
        ))?;
        match &mut commands[at].action {
            Action::Branch(to) | Action::BranchIf(to) => *to = Some(target),
            _ => unreachable!("only branches are noted"),
        }
    }
    Ok(Script { commands })
}

impl Reader {
    fn error<T>(&self, what: &str) -> Parse<T> {
        Err(format!("-e expression #1, char {}: {what}", self.at))
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    fn skip_to_command(&mut self) -> bool {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\n' | ';') => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                found => return found.is_some(),
            }
        }
    }

    fn command(&mut self, before: &mut [Command]) -> Parse<Command> {
        let addresses = self.addresses()?;
        self.blanks();
        let mut negated = false;
        while self.peek() == Some('!') {
            negated = true;
            self.at += 1;
            self.blanks();
        }
        let Some(letter) = self.next() else { return self.error("missing command") };
        let action = self.action(letter, before)?;
        if matches!(letter, '}' | ':') && !matches!(addresses, Addresses::All) {
            return self.error(&format!("{letter} doesn't want any addresses"));
        }
        Ok(Command { addresses, negated, action })
    }

    fn addresses(&mut self) -> Parse<Addresses> {
        let Some(first) = self.address()? else { return Ok(Addresses::All) };
        self.blanks();
        if self.peek() != Some(',') {
            return Ok(Addresses::One(first));
        }
        self.at += 1;
        self.blanks();
        if self.peek() == Some('+') {
            self.at += 1;
            let count = self.number().unwrap_or(0);
            return Ok(Addresses::Range(first, Address::Plus(count)));
        }
        match self.address()? {
            Some(second) => Ok(Addresses::Range(first, second)),
            None => self.error("unexpected `,'"),
        }
    }

    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect::<String>().parse().ok()
    }

    fn address(&mut self) -> Parse<Option<Address>> {
        Ok(Some(match self.peek() {
            Some('$') => {
                self.at += 1;
                Address::Last
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().unwrap_or(0);
                if self.peek() == Some('~') {
                    self.at += 1;
                    Address::Step(first, self.number().unwrap_or(0))
                } else {
                    Address::Line(first)
                }
            }
            Some('/') => {
                self.at += 1;
                self.regex_address('/')?
            }
            Some('\\') => {
                self.at += 1;
                let Some(delimiter) = self.next() else { return self.error("unexpected end") };
                self.regex_address(delimiter)?
            }
            _ => return Ok(None),
        }))
    }

    fn regex_address(&mut self, delimiter: char) -> Parse<Address> {
        let text = self.delimited(delimiter, true, "unterminated address regex")?;
        let ignore_case = self.peek() == Some('I');
        self.at += usize::from(ignore_case);
        Ok(Address::Regex(self.regex(&text, ignore_case)?))
    }

    fn regex(&self, text: &str, ignore_case: bool) -> Parse<Option<Regex>> {
        if text.is_empty() {
            return Ok(None);
        }
        let built = if self.extended {
            posix::extended(text, ignore_case)
        } else {
            posix::basic(text, ignore_case)
        };
        built.map(Some).or_else(|what| self.error(&what))
    }

    /// The text up to the delimiter; a delimiter after `\` is a plain character.
    fn delimited(&mut self, delimiter: char, regex: bool, missing: &str) -> Parse<String> {
        let mut text = String::new();
        let mut in_set = false;
        loop {
            let Some(c) = self.next() else { return self.error(missing) };
            match c {
                // A backslash in a set is one of its members, but for that of a new line.
                '\\' if in_set && !(regex && self.peek() == Some('n')) => text.push(c),
                '\\' => match self.next() {
                    Some(c) if c == delimiter && !in_set => text.push(c),
                    Some('n') if regex => text.push('\n'),
                    Some(c) => text.extend(['\\', c]),
                    None => return self.error(missing),
                },
                '[' if regex && !in_set => {
                    in_set = true;
                    text.push(c);
                    // A `]` that comes first is a member of the set.
                    if self.peek() == Some('^') {
                        text.extend(self.next());
                    }
                    if self.peek() == Some(']') {
                        text.extend(self.next());
                    }
                }
                ']' if in_set => {
                    in_set = false;
                    text.push(c);
                }
                '[' if in_set && self.peek() == Some(':') => {
                    text.push(c);
                    while let Some(c) = self.next() {
                        text.push(c);
                        if c == ']' {
                            break;
                        }
                    }
                }
                c if c == delimiter && !in_set => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn action(&mut self, letter: char, before: &mut [Command]) -> Parse<Action> {
        let here = before.len();
        let action = match letter {
            '{' => {
                self.blocks.push(here);
                return Ok(Action::Block(0));
            }
            '}' => {
                let Some(open) = self.blocks.pop() else { return self.error("unexpected `}'") };
                before[open].action = Action::Block(here);
                Action::EndBlock
            }
            's' => self.substitute()?,
            'y' => self.translate()?,
            'a' | 'i' | 'c' => return self.text_action(letter),
            ':' => {
                let label = self.label();
                if label.is_empty() {
                    return self.error("\":\" lacks a label");
                }
                self.labels.push((label, here));
                Action::Label
            }
            'b' | 't' => {
                self.blanks();
                let label = self.label();
                if !label.is_empty() {
                    self.jumps.push((here, label));
                }
                if letter == 'b' { Action::Branch(None) } else { Action::BranchIf(None) }
            }
            'q' | 'Q' => {
                self.blanks();
                Action::Quit(self.number().unwrap_or(0) as i32, letter == 'q')
            }
            'w' | 'r' => {
                self.blanks();
                let path = self.rest_of_line();
                if path.is_empty() {
                    return self.error("missing filename in r/R/w/W commands");
                }
                return Ok(if letter == 'w' { Action::Write(path) } else { Action::Read(path) });
            }
            _ => self.letter_action(letter)?,
        };
        self.end_of_command()?;
        Ok(action)
    }

    fn letter_action(&self, letter: char) -> Parse<Action> {
        Ok(match letter {
            'd' => Action::Delete,
            'D' => Action::DeleteFirst,
            'p' => Action::Print,
            'P' => Action::PrintFirst,
            '=' => Action::Number,
            'n' => Action::Next,
            'N' => Action::AppendNext,
            'h' => Action::Hold,
            'H' => Action::HoldAppend,
            'g' => Action::Get,
            'G' => Action::GetAppend,
            'x' => Action::Exchange,
            'l' => Action::List,
            _ => return self.error(&format!("unknown command: `{letter}'")),
        })
    }

    fn end_of_command(&mut self) -> Parse<()> {
        self.blanks();
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => Ok(()),
            Some(_) => {
                self.at += 1;
                self.error("extra characters after command")
            }
        }
    }

    fn label(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| !matches!(c, '\n' | ';' | ' ' | '}')) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn rest_of_line(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// The text of `a`, `i`, `c`: on this line or after `\` on the next ones.
    fn text_action(&mut self, letter: char) -> Parse<Action> {
        self.blanks();
        if self.peek() == Some('\\') {
            self.at += 1;
            self.blanks();
            if self.peek() == Some('\n') {
                self.at += 1;
            }
        }
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\n' => break,
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        if text.is_empty() {
            return self.error("expected \\ after `a', `c' or `i'");
        }
        text.push('\n');
        Ok(match letter {
            'a' => Action::Append(text),
            'i' => Action::Insert(text),
            _ => Action::Change(text),
        })
    }

    fn translate(&mut self) -> Parse<Action> {
        let missing = "unterminated `y' command";
        let Some(delimiter) = self.next() else { return self.error(missing) };
        let plain = |text: String| -> Vec<char> {
            let text = text.replace("\\n", "\n").replace("\\\\", "\\");
            text.chars().collect()
        };
        let from = plain(self.delimited(delimiter, false, missing)?);
        let to = plain(self.delimited(delimiter, false, missing)?);
        if from.len() != to.len() {
            return self.error("strings for `y' command are different lengths");
        }
        Ok(Action::Translate(from, to))
    }

    fn substitute(&mut self) -> Parse<Action> {
        let missing = "unterminated `s' command";
        let Some(delimiter) = self.next().filter(|c| !matches!(c, '\n' | '\\')) else {
            return self.error(missing);
        };
        let pattern = self.delimited(delimiter, true, missing)?;
        let with = self.delimited(delimiter, false, missing)?;
        let mut substitute = Substitute {
            regex: None,
            with: pieces(&with),
            all: false,
            nth: 1,
            print: false,
            write: None,
        };
        let mut ignore_case = false;
        loop {
            match self.peek() {
                Some('g') => substitute.all = true,
                Some('p') => substitute.print = true,
                Some('i' | 'I') => ignore_case = true,
                Some('m' | 'M' | 'e') => {}
                Some('0') => return self.error("number option to `s' command may not be zero"),
                Some(c) if c.is_ascii_digit() => {
                    substitute.nth = self.number().unwrap_or(1);
                    continue;
                }
                Some('w') => {
                    self.at += 1;
                    self.blanks();
                    substitute.write = Some(self.rest_of_line());
                    break;
                }
                None | Some('\n' | ';' | '}' | '#' | ' ' | '\t') => break,
                Some(_) => {
                    self.at += 1;
                    return self.error("unknown option to `s'");
                }
            }
            self.at += 1;
        }
        substitute.regex = self.regex(&pattern, ignore_case)?;
        let groups = substitute.regex.as_ref().map_or(0, Regex::captures_len);
        for piece in &substitute.with {
            if let Piece::Group(group) = piece
                && *group >= groups
                && groups > 0
            {
                return self.error(&format!("invalid reference \\{group} on `s' command's RHS"));
            }
        }
        Ok(Action::Substitute(Box::new(substitute)))
    }
}

/// The pieces of a replacement.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '&' => Piece::Group(0),
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_digit() => Piece::Group(c as usize - '0' as usize),
                Some(c @ ('U' | 'L' | 'u' | 'l' | 'E')) => Piece::Case(c),
                other => {
                    plain.push(match other {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some(c) => c,
                        None => '\\',
                    });
                    continue;
                }
            },
            c => {
                plain.push(c);
                continue;
            }
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(piece);
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_the_texts_of_sed() {
        let table = [
            ("s/a/b", "unterminated `s' command"),
            ("s/a/b/k", "unknown option to `s'"),
            ("k", "unknown command: `k'"),
            ("p x", "extra characters after command"),
            ("{p", "unmatched `{'"),
            ("p}", "unexpected `}'"),
            ("y/ab/c/", "strings for `y' command are different lengths"),
            ("s/a/\\1/", "invalid reference \\1 on `s' command's RHS"),
            ("/a", "unterminated address regex"),
            ("1,p", "unexpected `,'"),
            ("b x", "can't find label for jump to `x'"),
        ];
        for (text, expected) in table {
            let mistake = parse(text, false).expect_err(text);
            assert!(mistake.ends_with(expected), "{text}: {mistake}");
        }
    }

    #[test]
    fn replacements() {
        assert_eq!(
            pieces(r"a&\1\&\n"),
            [Piece::Text("a".into()), Piece::Group(0), Piece::Group(1), Piece::Text("&\n".into())]
        );
    }
}
