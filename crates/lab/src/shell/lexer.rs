//! Characters to tokens: words with their quotes and `$`s, operators, here-document bodies.
//!
//! The lexer is one half of [`Parser`]: a `$(` inside a word asks the other half for a whole
//! script, so both move over the same characters.

use std::cell::OnceCell;
use std::rc::Rc;

use super::ast::{HereDoc, Param, ParamOp, Part, Script, Word};
use super::parser::{Parser, SyntaxError};

/// A token of the shell's grammar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(Word),
    Op(&'static str),
    /// Digits that stand against `<` or `>`.
    Io(u32),
    Newline,
    Eof,
}

/// A here-document that was asked for and whose body was not come to yet.
pub(super) struct PendingHere {
    delimiter: String,
    strip_tabs: bool,
    quoted: bool,
    body: Rc<OnceCell<Word>>,
}

/// Longest first, so that the first that fits is the right one.
const OPERATORS: [&str; 21] = [
    ";;&", "&>>", "<<-", "<<<", "&&", "||", ";;", ";&", "&>", "<<", "<&", "<>", ">>", ">&", ">|",
    "|&", "|", "&", ";", "<", ">",
];

/// What ends a word unless it is quoted.
pub(super) fn is_meta(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

/// Whether `text` can name a variable.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// How a run of characters is read that is not a plain word.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Between double quotes.
    Double,
    /// The body of a here-document: `"` is not special.
    Here,
    /// After an operator of `${x...}` outside double quotes, or a pattern anywhere.
    Brace,
    /// After an operator of `${x...}` inside double quotes.
    BraceInDouble,
}

impl Parser<'_> {
    pub(super) fn at(&self, offset: usize) -> Option<char> {
        self.src.get(self.pos + offset).copied()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.at(0)?;
        self.pos += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.at(i) == Some(c))
    }

    /// Skips white space, comments and `\` before a newline.
    fn skip_blank(&mut self) {
        loop {
            match self.at(0) {
                Some(' ' | '\t') => self.pos += 1,
                Some('\\') if self.at(1) == Some('\n') => self.continue_line(),
                Some('#') => {
                    while self.at(0).is_some_and(|c| c != '\n') {
                        self.pos += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Over `\` and newline; at the very end it is a question for more.
    fn continue_line(&mut self) {
        self.bump();
        self.bump();
        self.open_end |= self.at(0).is_none();
    }

    /// The next token, read from the characters.
    pub(super) fn lex(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blank();
        self.token_start = self.pos;
        self.token_line = self.line;
        let Some(c) = self.at(0) else {
            self.abandon_heredocs();
            return Ok(Token::Eof);
        };
        if c == '\n' {
            self.bump();
            self.read_heredocs()?;
            return Ok(Token::Newline);
        }
        if c == '(' || c == ')' {
            self.pos += 1;
            return Ok(Token::Op(if c == '(' { "(" } else { ")" }));
        }
        let process = matches!(c, '<' | '>') && self.at(1) == Some('(');
        if !process && let Some(op) = OPERATORS.into_iter().find(|op| self.looking_at(op)) {
            self.pos += op.len();
            return Ok(Token::Op(op));
        }
        let word = self.word()?;
        if let (Some(text), Some('<' | '>')) = (word.as_literal(), self.at(0))
            && text.chars().all(|c| c.is_ascii_digit())
            && let Ok(fd) = text.parse()
        {
            return Ok(Token::Io(fd));
        }
        Ok(Token::Word(word))
    }

    /// A word, up to a character that ends one.
    fn word(&mut self) -> Result<Word, SyntaxError> {
        let mut parts = Vec::new();
        while let Some(c) = self.at(0) {
            if matches!(c, '<' | '>') && self.at(1) == Some('(') && parts.is_empty() {
                self.pos += 2;
                let script = Rc::new(self.command_until_paren()?);
                parts.push(Part::Process(c == '>', script));
                continue;
            }
            if is_meta(c) {
                break;
            }
            self.word_part(c, &mut parts)?;
        }
        Ok(Word { parts })
    }

    fn word_part(&mut self, c: char, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        match c {
            '\\' => self.backslash(parts),
            '\'' => parts.push(Part::Quoted(self.single()?)),
            '"' => {
                self.pos += 1;
                parts.push(Part::Double(self.quoted_run(Mode::Double)?));
            }
            '$' => self.dollar(false, parts)?,
            '`' => parts.push(self.backticks(false)?),
            _ => {
                self.bump();
                push_literal(parts, c);
            }
        }
        Ok(())
    }

    fn backslash(&mut self, parts: &mut Vec<Part>) {
        match self.at(1) {
            Some('\n') => self.continue_line(),
            Some(c) => {
                self.pos += 2;
                parts.push(Part::Quoted(c.to_string()));
            }
            None => {
                self.pos += 1;
                self.open_end = true;
                parts.push(Part::Quoted("\\".to_owned()));
            }
        }
    }

    /// `'...'`, standing on the first quote.
    fn single(&mut self) -> Result<String, SyntaxError> {
        self.bump();
        let line = self.line;
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(SyntaxError::open(Some('\''), line)),
            }
        }
    }

    /// `$'...'`, standing after the `$`.
    fn ansi(&mut self) -> Result<String, SyntaxError> {
        self.bump();
        let line = self.line;
        let mut raw = String::new();
        loop {
            match self.bump() {
                Some('\'') => break,
                Some('\\') => {
                    raw.push('\\');
                    raw.extend(self.bump());
                }
                Some(c) => raw.push(c),
                None => return Err(SyntaxError::open(Some('\''), line)),
            }
        }
        let bytes = super::escape::ansi(&raw);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A run in which expansions happen and splitting does not, over its end.
    fn quoted_run(&mut self, mode: Mode) -> Result<Vec<Part>, SyntaxError> {
        let line = self.line;
        let mut parts = Vec::new();
        loop {
            let Some(c) = self.at(0) else {
                return match mode {
                    Mode::Here => Ok(parts),
                    Mode::Double => Err(SyntaxError::open(Some('"'), line)),
                    Mode::Brace | Mode::BraceInDouble => Err(SyntaxError::open(Some('}'), line)),
                };
            };
            match c {
                '"' if mode == Mode::Double => {
                    self.pos += 1;
                    return Ok(parts);
                }
                '\\' => self.quoted_backslash(mode, &mut parts),
                '$' => self.dollar(true, &mut parts)?,
                '`' => parts.push(self.backticks(mode == Mode::Double)?),
                _ => {
                    self.bump();
                    push_literal(&mut parts, c);
                }
            }
        }
    }

    fn quoted_backslash(&mut self, mode: Mode, parts: &mut Vec<Part>) {
        match self.at(1) {
            Some('\n') => self.continue_line(),
            Some(c)
                if matches!(c, '$' | '`' | '\\')
                    || (c == '"' && mode != Mode::Here)
                    || (c == '}' && mode == Mode::BraceInDouble) =>
            {
                self.pos += 2;
                parts.push(Part::Quoted(c.to_string()));
            }
            _ => {
                self.pos += 1;
                push_literal(parts, '\\');
            }
        }
    }

    /// Whatever begins with `$`.
    fn dollar(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        self.pos += 1;
        let Some(c) = self.at(0) else {
            push_literal(parts, '$');
            return Ok(());
        };
        match c {
            '\'' if !quoted => parts.push(Part::Quoted(self.ansi()?)),
            '"' if !quoted => {
                self.pos += 1;
                parts.push(Part::Double(self.quoted_run(Mode::Double)?));
            }
            '(' => {
                if self.at(1) == Some('(')
                    && let Some(inner) = self.arith_text()
                {
                    parts.push(Part::Arith(self.arith_word(&inner)?));
                    return Ok(());
                }
                self.pos += 1;
                parts.push(Part::Command(Rc::new(self.command_until_paren()?)));
            }
            '{' => {
                self.pos += 1;
                parts.push(Part::Param(Box::new(self.braced(quoted)?)));
            }
            '@' | '*' | '#' | '?' | '$' | '!' | '-' => {
                self.pos += 1;
                parts.push(plain_param(c.to_string()));
            }
            '0'..='9' => {
                self.pos += 1;
                parts.push(plain_param(c.to_string()));
            }
            c if c == '_' || c.is_ascii_alphabetic() => {
                let name = self.name();
                parts.push(plain_param(name));
            }
            _ => push_literal(parts, '$'),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.at(0).filter(|c| *c == '_' || c.is_ascii_alphanumeric()) {
            name.push(c);
            self.pos += 1;
        }
        name
    }

    /// The text of `((...))`, standing on the first parenthesis, and over its end. None where
    /// the parentheses close apart: it is a subshell in a subshell then.
    pub(super) fn arith_text(&mut self) -> Option<String> {
        let mut depth = 0u32;
        let mut offset = 2;
        let mut inner = String::new();
        loop {
            let c = self.at(offset)?;
            match c {
                '(' => depth += 1,
                ')' if depth > 0 => depth -= 1,
                ')' if self.at(offset + 1) == Some(')') => break,
                ')' => return None,
                _ => {}
            }
            inner.push(c);
            offset += 1;
        }
        for _ in 0..offset + 2 {
            self.bump();
        }
        Some(inner)
    }

    /// The expression of an arithmetic expansion: read like a double-quoted text.
    pub(super) fn arith_word(&mut self, inner: &str) -> Result<Word, SyntaxError> {
        self.nested(inner, |parser| parser.quoted_run(Mode::Here)).map(|parts| Word { parts })
    }

    /// Another parser over a text that came out of this one's.
    fn nested<T>(
        &mut self,
        text: &str,
        read: impl FnOnce(&mut Parser<'_>) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        let mut parser = Parser::new(text, self.token_line);
        parser.depth = self.depth + 1;
        parser.check_depth()?;
        read(&mut parser)
    }

    /// The script of `$(...)`, standing after the parenthesis, and over the one that ends it.
    fn command_until_paren(&mut self) -> Result<Script, SyntaxError> {
        self.depth += 1;
        self.check_depth()?;
        let saved = (self.token_start, self.token_line, self.last_end);
        let line = self.line;
        let script = self.script_until_paren().map_err(|error| match error {
            SyntaxError::Open { .. } => SyntaxError::open(Some(')'), line),
            other => other,
        })?;
        (self.token_start, self.token_line, self.last_end) = saved;
        self.depth -= 1;
        Ok(script)
    }

    /// `` `...` ``, standing on the first one.
    fn backticks(&mut self, double: bool) -> Result<Part, SyntaxError> {
        self.pos += 1;
        let line = self.line;
        let mut raw = String::new();
        loop {
            match self.bump() {
                Some('`') => break,
                Some('\\') => match self.bump() {
                    Some(c) if matches!(c, '$' | '`' | '\\') || (double && c == '"') => raw.push(c),
                    Some(c) => raw.extend(['\\', c]),
                    None => return Err(SyntaxError::open(Some('`'), line)),
                },
                Some(c) => raw.push(c),
                None => return Err(SyntaxError::open(Some('`'), line)),
            }
        }
        let script = self.nested(&raw, |parser| parser.whole_script())?;
        Ok(Part::Command(Rc::new(script)))
    }

    /// `${...}`, standing after the brace.
    fn braced(&mut self, quoted: bool) -> Result<Param, SyntaxError> {
        let start = self.pos;
        let line = self.line;
        self.depth += 1;
        self.check_depth()?;
        let length = self.at(0) == Some('#')
            && self.at(1).is_some_and(|c| {
                c != '}' && (c == '_' || c.is_alphanumeric() || "@*?$!".contains(c))
            });
        let indirect = !length
            && self.at(0) == Some('!')
            && self.at(1).is_some_and(|c| c == '_' || c.is_ascii_alphanumeric());
        if length || indirect {
            self.pos += 1;
        }
        let name = self.braced_name();
        let index = self.index(&name)?;
        let op = match self.at(0) {
            Some('}') if length => {
                self.pos += 1;
                ParamOp::Length
            }
            Some('}') if !name.is_empty() => {
                self.pos += 1;
                ParamOp::Value
            }
            None => return Err(SyntaxError::open(Some('}'), line)),
            _ if length || name.is_empty() => self.bad_braces()?,
            Some(c) => self.braced_op(c, quoted)?,
        };
        self.depth -= 1;
        let inner: String = self.src[start..self.pos].iter().collect();
        Ok(Param { name, indirect, index, op, text: format!("${{{inner}") })
    }

    fn braced_name(&mut self) -> String {
        match self.at(0) {
            Some(c) if c == '_' || c.is_ascii_alphabetic() => self.name(),
            Some(c) if c.is_ascii_digit() => {
                let mut name = String::new();
                while let Some(c) = self.at(0).filter(char::is_ascii_digit) {
                    name.push(c);
                    self.pos += 1;
                }
                name
            }
            Some(c) if "@*#?$!-".contains(c) => {
                self.pos += 1;
                c.to_string()
            }
            _ => String::new(),
        }
    }

    /// `[index]` after a name.
    fn index(&mut self, name: &str) -> Result<Option<Word>, SyntaxError> {
        if self.at(0) != Some('[') || !is_name(name) {
            return Ok(None);
        }
        self.pos += 1;
        let index = self.brace_word(Mode::Brace, &[']'])?;
        if self.at(0) != Some(']') {
            return Ok(None);
        }
        self.pos += 1;
        Ok(Some(index))
    }

    /// Over a `${...}` that means nothing.
    fn bad_braces(&mut self) -> Result<ParamOp, SyntaxError> {
        self.brace_word(Mode::BraceInDouble, &[])?;
        self.pos += 1;
        Ok(ParamOp::Bad)
    }

    fn braced_op(&mut self, c: char, quoted: bool) -> Result<ParamOp, SyntaxError> {
        let inner = if quoted { Mode::BraceInDouble } else { Mode::Brace };
        let mut take = |c: char| {
            let found = self.at(0) == Some(c);
            if found {
                self.pos += 1;
            }
            found
        };
        let op = match c {
            ':' => {
                take(':');
                match self.at(0) {
                    Some(kind @ ('-' | '=' | '?' | '+')) => {
                        self.pos += 1;
                        ParamOp::Default { colon: true, kind, word: self.brace_word(inner, &[])? }
                    }
                    _ => self.slice()?,
                }
            }
            '-' | '=' | '?' | '+' => {
                take(c);
                ParamOp::Default { colon: false, kind: c, word: self.brace_word(inner, &[])? }
            }
            '#' | '%' => {
                take(c);
                let longest = take(c);
                let pattern = self.brace_word(Mode::Brace, &[])?;
                ParamOp::Trim { suffix: c == '%', longest, pattern }
            }
            '/' => {
                take('/');
                let all = take('/');
                let anchor = if all {
                    None
                } else if take('#') {
                    Some('#')
                } else if take('%') {
                    Some('%')
                } else {
                    None
                };
                self.replace(all, anchor, inner)?
            }
            '@' => {
                take('@');
                let kind = self.at(0);
                self.pos += usize::from(kind.is_some());
                match (kind, self.at(0)) {
                    (Some('Q'), Some('}')) => ParamOp::Quote,
                    (Some('U' | 'u'), Some('}')) => {
                        ParamOp::Case { upper: true, all: kind == Some('U') }
                    }
                    (Some('L'), Some('}')) => ParamOp::Case { upper: false, all: true },
                    _ => return self.bad_braces(),
                }
            }
            '^' | ',' => {
                take(c);
                let all = take(c);
                if self.at(0) != Some('}') {
                    return self.bad_braces();
                }
                ParamOp::Case { upper: c == '^', all }
            }
            _ => return self.bad_braces(),
        };
        // Every one of the above stops on the closing brace.
        self.pos += 1;
        Ok(op)
    }

    fn replace(
        &mut self,
        all: bool,
        anchor: Option<char>,
        inner: Mode,
    ) -> Result<ParamOp, SyntaxError> {
        let pattern = self.brace_word(Mode::Brace, &['/'])?;
        let mut with = Word::default();
        if self.at(0) == Some('/') {
            self.pos += 1;
            with = self.brace_word(inner, &[])?;
        }
        Ok(ParamOp::Replace { all, anchor, pattern, with })
    }

    fn slice(&mut self) -> Result<ParamOp, SyntaxError> {
        let offset = self.brace_word(Mode::Brace, &[':'])?;
        let mut length = None;
        if self.at(0) == Some(':') {
            self.pos += 1;
            length = Some(self.brace_word(Mode::Brace, &[])?);
        }
        Ok(ParamOp::Slice { offset, length })
    }

    /// A word inside `${...}`, up to the closing brace or one of `stops`, not over it.
    fn brace_word(&mut self, mode: Mode, stops: &[char]) -> Result<Word, SyntaxError> {
        let line = self.line;
        let mut parts = Vec::new();
        loop {
            let Some(c) = self.at(0) else {
                return Err(SyntaxError::open(Some('}'), line));
            };
            if c == '}' || stops.contains(&c) {
                return Ok(Word { parts });
            }
            match c {
                '\\' if mode == Mode::BraceInDouble => self.quoted_backslash(mode, &mut parts),
                '\'' if mode == Mode::BraceInDouble => {
                    self.pos += 1;
                    push_literal(&mut parts, c);
                }
                '$' if mode == Mode::BraceInDouble => self.dollar(true, &mut parts)?,
                _ => self.word_part(c, &mut parts)?,
            }
        }
    }

    /// Notes that the body of a here-document is to come after this line.
    pub(super) fn ask_heredoc(&mut self, delimiter: &Word, strip_tabs: bool) -> HereDoc {
        let body = Rc::new(OnceCell::new());
        let quoted = !delimiter.parts.iter().all(|part| matches!(part, Part::Literal(_)));
        let mut text = String::new();
        plain_text(&delimiter.parts, &mut text);
        self.heredocs.push(PendingHere {
            delimiter: text,
            strip_tabs,
            quoted,
            body: Rc::clone(&body),
        });
        HereDoc { body }
    }

    /// The bodies asked for on the line that just ended.
    fn read_heredocs(&mut self) -> Result<(), SyntaxError> {
        for here in std::mem::take(&mut self.heredocs) {
            let text = self.heredoc_text(&here);
            let word = if here.quoted {
                Word { parts: vec![Part::Quoted(text)] }
            } else {
                let parts = self.nested(&text, |parser| parser.quoted_run(Mode::Here))?;
                Word { parts: vec![Part::Double(parts)] }
            };
            here.body.set(word).expect("each body is asked for once");
        }
        Ok(())
    }

    fn heredoc_text(&mut self, here: &PendingHere) -> String {
        let mut text = String::new();
        loop {
            if self.at(0).is_none() {
                self.open_here = Some((self.token_line, here.delimiter.clone()));
                return text;
            }
            let mut line = String::new();
            let mut ended = false;
            while let Some(c) = self.bump() {
                if c == '\n' {
                    ended = true;
                    break;
                }
                line.push(c);
            }
            let kept = if here.strip_tabs { line.trim_start_matches('\t') } else { line.as_str() };
            if kept == here.delimiter {
                return text;
            }
            text.push_str(kept);
            if ended {
                text.push('\n');
            }
        }
    }

    /// The text ended before the bodies came.
    fn abandon_heredocs(&mut self) {
        for here in std::mem::take(&mut self.heredocs) {
            self.open_here = Some((self.token_line, here.delimiter));
            here.body.set(Word::default()).expect("each body is asked for once");
        }
    }
}

fn plain_param(name: String) -> Part {
    let text = format!("${name}");
    Part::Param(Box::new(Param { name, indirect: false, index: None, op: ParamOp::Value, text }))
}

fn push_literal(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push(c),
        _ => parts.push(Part::Literal(c.to_string())),
    }
}

/// The characters of a here-document's delimiter, quotes removed.
fn plain_text(parts: &[Part], text: &mut String) {
    for part in parts {
        match part {
            Part::Literal(t) | Part::Quoted(t) => text.push_str(t),
            Part::Double(inner) => plain_text(inner, text),
            Part::Param(param) => text.push_str(&param.text),
            Part::Command(_) | Part::Arith(_) | Part::Array(_) | Part::Process(..) => {}
        }
    }
}
