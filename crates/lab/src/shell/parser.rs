//! Tokens to the tree of [`super::ast`]: bash's grammar, one complete command at a time, so
//! that what stands before a mistake has run when the mistake is met.

use std::fmt;

use super::ast::{
    AndOr, Assign, CaseArm, CaseEnd, Command, Connector, Item, Kind, Part, Pipeline, Redirect,
    RedirectOp, Script, Word,
};
use super::lexer::{PendingHere, Token, is_name};
use flat::Map;

/// How deep commands may stand in commands. It bounds the recursion of the parser and of the
/// interpreter, and so their stack; people stay below ten.
pub(super) const DEPTH_MAX: u32 = 40;

/// Why a text is not a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SyntaxError {
    /// A token that cannot stand there.
    Unexpected {
        /// The token.
        token: String,
        /// Its line.
        line: u32,
    },
    /// The text ended in the middle of something: more lines may complete it.
    Open {
        /// The character that would close it, where one would.
        matching: Option<char>,
        /// The line it was opened on, or the one after the last.
        line: u32,
    },
    /// Any other mistake, as a sentence.
    Other {
        /// What bash says.
        text: String,
        /// Its line.
        line: u32,
    },
}

impl SyntaxError {
    pub(super) fn open(matching: Option<char>, line: u32) -> SyntaxError {
        SyntaxError::Open { matching, line }
    }

    /// The line it stands on, from 1.
    pub(super) fn line(&self) -> u32 {
        match self {
            SyntaxError::Unexpected { line, .. }
            | SyntaxError::Open { line, .. }
            | SyntaxError::Other { line, .. } => *line,
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxError::Unexpected { token, .. } => {
                write!(f, "syntax error near unexpected token `{token}'")
            }
            SyntaxError::Open { matching: Some(c), .. } => {
                write!(f, "unexpected EOF while looking for matching `{c}'")
            }
            SyntaxError::Open { matching: None, .. } => {
                f.write_str("syntax error: unexpected end of file")
            }
            SyntaxError::Other { text, .. } => f.write_str(text),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, SyntaxError>;

/// Names replaced by text where a command begins.
pub(super) type Aliases = Map<String, String>;

/// Reads complete commands off a text.
pub(super) struct Parser<'a> {
    pub(super) src: Vec<char>,
    pub(super) pos: usize,
    pub(super) line: u32,
    /// Where the token that was read last begins.
    pub(super) token_start: usize,
    pub(super) token_line: u32,
    /// Where the token that was taken last ends.
    pub(super) last_end: usize,
    pub(super) heredocs: Vec<PendingHere>,
    /// A here-document that met the end of the text: its line and delimiter.
    pub(super) open_here: Option<(u32, String)>,
    /// The text ends with a `\`.
    pub(super) open_end: bool,
    pub(super) depth: u32,
    peeked: Option<Token>,
    aliases: Option<&'a Aliases>,
    /// Aliases whose text is being read, and where that text ends.
    expanding: Vec<(String, usize)>,
}

/// Reserved words that cannot begin a command.
const CLOSERS: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl<'a> Parser<'a> {
    /// A parser of `text`, whose first line has this number.
    pub(super) fn new(text: &str, line: u32) -> Parser<'a> {
        Parser {
            src: text.chars().collect(),
            pos: 0,
            line,
            token_start: 0,
            token_line: line,
            last_end: 0,
            heredocs: Vec::new(),
            open_here: None,
            open_end: false,
            depth: 0,
            peeked: None,
            aliases: None,
            expanding: Vec::new(),
        }
    }

    /// Replaces these names where a command begins.
    pub(super) fn with_aliases(mut self, aliases: &'a Aliases) -> Parser<'a> {
        self.aliases = Some(aliases);
        self
    }

    /// A here-document that met the end of the text: its line, the last line, its delimiter.
    pub(super) fn take_open_heredoc(&mut self) -> Option<(u32, u32, String)> {
        let last = if self.src.last() == Some(&'\n') { self.line - 1 } else { self.line };
        self.open_here.take().map(|(line, delimiter)| (line, last, delimiter))
    }

    /// The next complete command: everything up to the end of its last line.
    pub(super) fn next_line(&mut self) -> Result<Option<Script>> {
        self.skip_newlines()?;
        if *self.peek()? == Token::Eof {
            return Ok(None);
        }
        let mut items = Vec::new();
        loop {
            let mut item = self.item()?;
            let ended = match self.peek()?.clone() {
                Token::Op("&") => {
                    self.take()?;
                    item.background = true;
                    false
                }
                Token::Op(";") => {
                    self.take()?;
                    false
                }
                Token::Newline | Token::Eof => true,
                _ => return Err(self.unexpected()),
            };
            items.push(item);
            if ended || matches!(self.peek()?, Token::Newline | Token::Eof) {
                self.take()?;
                return Ok(Some(Script { items }));
            }
        }
    }

    /// Everything that is left, as one script.
    pub(super) fn whole_script(&mut self) -> Result<Script> {
        let mut items = Vec::new();
        while let Some(script) = self.next_line()? {
            items.extend(script.items);
        }
        Ok(Script { items })
    }

    /// The script of `$(...)` and what follows its `)`.
    pub(super) fn script_until_paren(&mut self) -> Result<Script> {
        let script = self.list_until(&[")"], true)?;
        self.expect_op(")")?;
        Ok(script)
    }

    pub(super) fn check_depth(&self) -> Result<()> {
        if self.depth < DEPTH_MAX {
            return Ok(());
        }
        let text = format!("maximum nesting level exceeded ({DEPTH_MAX})");
        Err(SyntaxError::Other { text, line: self.line })
    }

    pub(super) fn peek(&mut self) -> Result<&Token> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lex()?);
        }
        Ok(self.peeked.as_ref().expect("it was just filled"))
    }

    pub(super) fn take(&mut self) -> Result<Token> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.lex()?,
        };
        if !matches!(token, Token::Newline | Token::Eof) {
            self.last_end = self.pos;
        }
        Ok(token)
    }

    pub(super) fn skip_newlines(&mut self) -> Result<()> {
        while *self.peek()? == Token::Newline {
            self.take()?;
        }
        Ok(())
    }

    /// The error of standing on the token that was read last.
    fn unexpected(&self) -> SyntaxError {
        let token = match &self.peeked {
            Some(Token::Newline | Token::Eof) | None => "newline".to_owned(),
            Some(_) => self.src[self.token_start..self.pos].iter().collect(),
        };
        SyntaxError::Unexpected { token, line: self.token_line }
    }

    /// The error of not finding the end of a compound command.
    pub(super) fn unclosed(&mut self) -> SyntaxError {
        if self.peeked == Some(Token::Eof) {
            // Bash counts the newline it adds at the end of a text.
            let line = self.line + u32::from(self.src.last() != Some(&'\n'));
            return SyntaxError::open(None, line);
        }
        self.unexpected()
    }

    pub(super) fn is_op(&mut self, op: &str) -> Result<bool> {
        Ok(matches!(self.peek()?, Token::Op(found) if *found == op))
    }

    pub(super) fn is_word(&mut self, text: &str) -> Result<bool> {
        Ok(matches!(self.peek()?, Token::Word(word) if word.as_literal() == Some(text)))
    }

    pub(super) fn expect_op(&mut self, op: &str) -> Result<()> {
        if self.is_op(op)? {
            self.take()?;
            return Ok(());
        }
        Err(self.unclosed())
    }

    pub(super) fn expect_word(&mut self, text: &str) -> Result<()> {
        if self.is_word(text)? {
            self.take()?;
            return Ok(());
        }
        Err(self.unclosed())
    }

    fn at_stop(&mut self, stops: &[&str]) -> Result<bool> {
        Ok(match self.peek()? {
            Token::Op(op) => stops.contains(op),
            Token::Word(word) => word.as_literal().is_some_and(|text| stops.contains(&text)),
            _ => false,
        })
    }

    /// Commands up to one of `stops`, not over it.
    fn list_until(&mut self, stops: &[&str], may_be_empty: bool) -> Result<Script> {
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.at_stop(stops)? && (may_be_empty || !items.is_empty()) {
                return Ok(Script { items });
            }
            if *self.peek()? == Token::Eof {
                return Err(self.unclosed());
            }
            let mut item = self.item()?;
            match self.peek()?.clone() {
                Token::Op("&") => {
                    self.take()?;
                    item.background = true;
                }
                Token::Op(";") | Token::Newline => {
                    self.take()?;
                }
                _ if self.at_stop(stops)? => {}
                Token::Eof => return Err(self.unclosed()),
                _ => return Err(self.unexpected()),
            }
            items.push(item);
        }
    }

    fn item(&mut self) -> Result<Item> {
        self.peek()?;
        let start = self.token_start;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let connector = match self.peek()? {
                Token::Op("&&") => Connector::And,
                Token::Op("||") => Connector::Or,
                _ => break,
            };
            self.take()?;
            self.more_lines()?;
            rest.push((connector, self.pipeline()?));
        }
        let text = self.src[start.min(self.last_end)..self.last_end].iter().collect();
        Ok(Item { list: AndOr { first, rest }, background: false, text })
    }

    /// After `&&`, `||` and `|` the command may stand on a later line.
    fn more_lines(&mut self) -> Result<()> {
        self.skip_newlines()?;
        if *self.peek()? == Token::Eof { Err(self.unclosed()) } else { Ok(()) }
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        let mut negated = false;
        let mut timed = false;
        loop {
            if self.is_word("!")? {
                negated = !negated;
            } else if self.is_word("time")? && !timed {
                timed = true;
            } else {
                break;
            }
            self.take()?;
        }
        let ends = matches!(self.peek()?, Token::Newline | Token::Eof | Token::Op(";"));
        if (negated || timed) && ends {
            let kind = Kind::Simple { assigns: Vec::new(), words: Vec::new() };
            let nothing = Command { line: self.token_line, kind, redirects: Vec::new() };
            return Ok(Pipeline { negated, timed, commands: vec![nothing] });
        }
        let mut commands = vec![self.command()?];
        loop {
            let both = self.is_op("|&")?;
            if !both && !self.is_op("|")? {
                return Ok(Pipeline { negated, timed, commands });
            }
            self.take()?;
            if both {
                let op = RedirectOp::DupOut(Word::literal("1"));
                let last = commands.last_mut().expect("a pipeline has a command");
                last.redirects.push(Redirect { fd: Some(2), op });
            }
            self.more_lines()?;
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command> {
        self.depth += 1;
        self.check_depth()?;
        self.expand_alias()?;
        let token = self.peek()?.clone();
        let line = self.token_line;
        let kind = match &token {
            Token::Op("(") => Some(self.paren()?),
            Token::Word(word) => match word.as_literal() {
                Some(text) if CLOSERS.contains(&text) => return Err(self.unexpected()),
                Some(text) => self.compound(text)?,
                None => None,
            },
            Token::Io(_) => None,
            Token::Op(op) if is_redirect(op) => None,
            _ => return Err(self.unexpected()),
        };
        let command = match kind {
            Some(kind) => {
                let mut redirects = Vec::new();
                while let Some(redirect) = self.redirect()? {
                    redirects.push(redirect);
                }
                Command { line, kind, redirects }
            }
            None => self.simple(line)?,
        };
        self.depth -= 1;
        Ok(command)
    }

    /// Puts the text of an alias in the place of its name.
    fn expand_alias(&mut self) -> Result<()> {
        let Some(aliases) = self.aliases else { return Ok(()) };
        loop {
            let Token::Word(word) = self.peek()? else { return Ok(()) };
            let Some(name) = word.as_literal().map(str::to_owned) else { return Ok(()) };
            let start = self.token_start;
            self.expanding.retain(|(_, end)| start < *end);
            let Some(text) = aliases.get(&name) else { return Ok(()) };
            if self.expanding.iter().any(|(other, _)| *other == name) {
                return Ok(());
            }
            let grown: Vec<char> = text.chars().collect();
            let (end, len) = (self.pos, grown.len());
            self.src.splice(start..end, grown);
            for (_, other) in &mut self.expanding {
                *other = *other + len - (end - start);
            }
            self.expanding.push((name, start + len));
            self.pos = start;
            self.peeked = None;
        }
    }

    /// `( list )` or `(( expression ))`.
    fn paren(&mut self) -> Result<Kind> {
        if self.at(0) == Some('(') {
            let (pos, line) = (self.pos, self.line);
            self.pos = self.token_start;
            if let Some(inner) = self.arith_text() {
                self.peeked = None;
                self.last_end = self.pos;
                return Ok(Kind::Arith(self.arith_word(&inner)?));
            }
            (self.pos, self.line) = (pos, line);
        }
        self.take()?;
        let script = self.list_until(&[")"], false)?;
        self.expect_op(")")?;
        Ok(Kind::Subshell(script))
    }

    /// A command that begins with a reserved word; none where it does not.
    fn compound(&mut self, word: &str) -> Result<Option<Kind>> {
        Ok(Some(match word {
            "{" => {
                self.take()?;
                let script = self.list_until(&["}"], false)?;
                self.expect_word("}")?;
                Kind::Group(script)
            }
            "if" => self.if_command()?,
            "while" | "until" => {
                self.take()?;
                let condition = self.list_until(&["do"], false)?;
                Kind::While { until: word == "until", condition, body: self.do_group()? }
            }
            "for" => self.for_command()?,
            "case" => self.case_command()?,
            "[[" => self.condition_command()?,
            "function" => {
                self.take()?;
                let Token::Word(name) = self.peek()?.clone() else { return Err(self.unexpected()) };
                let name = name.as_literal().ok_or_else(|| self.unexpected())?.to_owned();
                self.take()?;
                if self.is_op("(")? {
                    self.take()?;
                    self.expect_op(")")?;
                }
                self.function_body(name)?
            }
            _ => return Ok(None),
        }))
    }

    fn do_group(&mut self) -> Result<Script> {
        self.skip_newlines()?;
        self.expect_word("do")?;
        let body = self.list_until(&["done"], false)?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn if_command(&mut self) -> Result<Kind> {
        self.take()?;
        let mut arms = Vec::new();
        loop {
            let condition = self.list_until(&["then"], false)?;
            self.expect_word("then")?;
            let body = self.list_until(&["elif", "else", "fi"], false)?;
            arms.push((condition, body));
            if self.is_word("elif")? {
                self.take()?;
                continue;
            }
            let mut otherwise = None;
            if self.is_word("else")? {
                self.take()?;
                otherwise = Some(self.list_until(&["fi"], false)?);
            }
            self.expect_word("fi")?;
            return Ok(Kind::If { arms, otherwise });
        }
    }

    fn for_command(&mut self) -> Result<Kind> {
        self.take()?;
        if self.is_op("(")? && self.at(0) == Some('(') {
            return self.arith_for();
        }
        let Token::Word(word) = self.peek()?.clone() else { return Err(self.unexpected()) };
        let name = self.src[self.token_start..self.pos].iter().collect::<String>();
        let name = word.as_literal().map_or(name, str::to_owned);
        self.take()?;
        let mut newlines = false;
        while *self.peek()? == Token::Newline {
            self.take()?;
            newlines = true;
        }
        let mut words = None;
        if self.is_word("in")? {
            self.take()?;
            words = Some(self.words_to_line_end()?);
        } else if !newlines && self.is_op(";")? {
            self.take()?;
        }
        Ok(Kind::For { name, words, body: self.do_group()? })
    }

    /// Words up to `;` or a newline, and over it.
    fn words_to_line_end(&mut self) -> Result<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            match self.peek()?.clone() {
                Token::Word(word) => {
                    self.take()?;
                    words.push(word);
                }
                Token::Op(";") | Token::Newline => {
                    self.take()?;
                    return Ok(words);
                }
                Token::Eof => return Err(self.unclosed()),
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn arith_for(&mut self) -> Result<Kind> {
        self.pos = self.token_start;
        self.peeked = None;
        let inner = self.arith_text().ok_or(SyntaxError::open(Some(')'), self.line))?;
        let parts: Vec<&str> = inner.split(';').collect();
        let [start, condition, step] = parts.as_slice() else {
            let text = "syntax error: arithmetic expression required".to_owned();
            return Err(SyntaxError::Other { text, line: self.line });
        };
        let heads = Box::new([
            self.arith_word(start)?,
            self.arith_word(condition)?,
            self.arith_word(step)?,
        ]);
        if self.is_op(";")? {
            self.take()?;
        }
        Ok(Kind::ArithFor { heads, body: self.do_group()? })
    }

    fn case_command(&mut self) -> Result<Kind> {
        self.take()?;
        let Token::Word(word) = self.peek()?.clone() else { return Err(self.unexpected()) };
        self.take()?;
        self.skip_newlines()?;
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.is_word("esac")? {
                self.take()?;
                return Ok(Kind::Case { word, arms });
            }
            arms.push(self.case_arm()?);
        }
    }

    fn case_arm(&mut self) -> Result<CaseArm> {
        if self.is_op("(")? {
            self.take()?;
        }
        let mut patterns = Vec::new();
        loop {
            let Token::Word(pattern) = self.peek()?.clone() else { return Err(self.unclosed()) };
            self.take()?;
            patterns.push(pattern);
            if !self.is_op("|")? {
                break;
            }
            self.take()?;
        }
        self.expect_op(")")?;
        let body = self.list_until(&[";;", ";&", ";;&", "esac"], true)?;
        let end = match self.peek()? {
            Token::Op(";&") => CaseEnd::FallThrough,
            Token::Op(";;&") => CaseEnd::TestNext,
            _ => CaseEnd::Leave,
        };
        if !self.is_word("esac")? {
            self.take()?;
        }
        Ok(CaseArm { patterns, body, end })
    }

    fn function_body(&mut self, name: String) -> Result<Kind> {
        self.skip_newlines()?;
        if *self.peek()? == Token::Eof {
            return Err(self.unclosed());
        }
        let body = self.command()?;
        if matches!(body.kind, Kind::Simple { .. } | Kind::Function { .. }) {
            return Err(self.unexpected());
        }
        Ok(Kind::Function { name, body: body.into() })
    }

    fn simple(&mut self, line: u32) -> Result<Command> {
        let mut assigns = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        loop {
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let Token::Word(mut word) = self.peek()?.clone() else { break };
            self.take()?;
            let declares = words.first().is_none_or(declares);
            if declares && self.at(0) == Some('(') && as_assign(&word).is_some_and(is_bare) {
                self.pos += 1;
                word.parts.push(Part::Array(self.elements()?));
            }
            if words.is_empty()
                && let Some(assign) = as_assign(&word)
            {
                assigns.push(assign);
                continue;
            }
            words.push(word);
        }
        if self.is_op("(")? && words.len() == 1 && assigns.is_empty() && redirects.is_empty() {
            let name = words[0].as_literal().map(str::to_owned);
            if let Some(name) = name {
                self.take()?;
                self.expect_op(")")?;
                let kind = self.function_body(name)?;
                return Ok(Command { line, kind, redirects });
            }
        }
        Ok(Command { line, kind: Kind::Simple { assigns, words }, redirects })
    }

    /// The words of an array, up to its `)` and over it.
    fn elements(&mut self) -> Result<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek()?.clone() {
                Token::Word(word) => {
                    self.take()?;
                    words.push(word);
                }
                Token::Op(")") => {
                    self.take()?;
                    return Ok(words);
                }
                Token::Eof => {
                    let line = self.token_line;
                    return Err(SyntaxError::open(Some(')'), line));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// A redirection, where one stands.
    fn redirect(&mut self) -> Result<Option<Redirect>> {
        let fd = match self.peek()? {
            Token::Io(fd) => Some(*fd),
            Token::Op(op) if is_redirect(op) => None,
            _ => return Ok(None),
        };
        if fd.is_some() {
            self.take()?;
        }
        let Token::Op(op) = self.take()? else { return Err(self.unexpected()) };
        let Token::Word(word) = self.peek()?.clone() else { return Err(self.unexpected()) };
        self.take()?;
        let op = match op {
            "<" => RedirectOp::Read(word),
            ">" | ">|" => RedirectOp::Write(word),
            ">>" => RedirectOp::Append(word),
            "<>" => RedirectOp::ReadWrite(word),
            "<&" => RedirectOp::DupIn(word),
            ">&" => RedirectOp::DupOut(word),
            "&>" => RedirectOp::Both(word),
            "&>>" => RedirectOp::BothAppend(word),
            "<<" | "<<-" => RedirectOp::Here(self.ask_heredoc(&word, op == "<<-")),
            "<<<" => RedirectOp::HereString(word),
            _ => return Err(self.unexpected()),
        };
        Ok(Some(Redirect { fd, op }))
    }
}

fn is_redirect(op: &str) -> bool {
    matches!(op, "<" | ">" | ">>" | ">|" | "<>" | "<&" | ">&" | "&>" | "&>>" | "<<" | "<<-" | "<<<")
}

/// Builtins whose arguments are assignments.
pub(super) fn declares(word: &Word) -> bool {
    let is_one =
        |name: &str| matches!(name, "export" | "readonly" | "local" | "declare" | "typeset");
    word.as_literal().is_some_and(is_one)
}

/// An assignment of nothing: an array may follow.
fn is_bare(assign: Assign) -> bool {
    assign.value.parts.is_empty() && assign.index.is_none()
}

/// `NAME=value` or `NAME[index]=value`, where the name and the `=` are not quoted.
pub(super) fn as_assign(word: &Word) -> Option<Assign> {
    let Some(Part::Literal(head)) = word.parts.first() else { return None };
    let bracket = head.find('[').unwrap_or(head.len());
    if head.find('=').is_none_or(|sign| bracket < sign) {
        let name = head.get(..bracket).filter(|name| is_name(name))?.to_owned();
        let mut rest = word.clone();
        rest.parts[0] = Part::Literal(head[bracket..].to_owned());
        let (index, append, value) = subscript(&rest)?;
        return Some(Assign { name, index: Some(index), append, value });
    }
    let (name, value) = head.split_once('=')?;
    let (name, append) = match name.strip_suffix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if !is_name(name) {
        return None;
    }
    let value = after(word, 0, value);
    Some(Assign { name: name.to_owned(), index: None, append, value })
}

/// The rest of a word: this text, then the parts after one.
fn after(word: &Word, at: usize, text: &str) -> Word {
    let first = (!text.is_empty()).then(|| Part::Literal(text.to_owned()));
    Word { parts: first.into_iter().chain(word.parts[at + 1..].iter().cloned()).collect() }
}

/// `[index]=value`: the index, whether `+=`, the value.
pub(super) fn subscript(word: &Word) -> Option<(Word, bool, Word)> {
    let Some(Part::Literal(head)) = word.parts.first() else { return None };
    let mut inner = Word::default();
    for (at, part) in word.parts.iter().enumerate() {
        let Part::Literal(text) = part else {
            inner.parts.push(part.clone());
            continue;
        };
        let text = if at == 0 { head.strip_prefix('[')? } else { text };
        for (sign, append) in [("]=", false), ("]+=", true)] {
            if let Some((index, value)) = text.split_once(sign) {
                if !index.is_empty() {
                    inner.parts.push(Part::Literal(index.to_owned()));
                }
                return Some((inner, append, after(word, at, value)));
            }
        }
        if !text.is_empty() {
            inner.parts.push(Part::Literal(text.to_owned()));
        }
    }
    None
}

/// Whether `text` is the beginning of a command rather than a whole one: an open quote, a
/// here-document whose end is to come, `|`, `&&` or `\` at the end, an open `(`, `{` or `if`.
pub fn needs_more(text: &str) -> bool {
    let mut parser = Parser::new(text, 1);
    loop {
        match parser.next_line() {
            Ok(Some(_)) => {}
            Ok(None) => return parser.open_here.is_some() || parser.open_end,
            Err(SyntaxError::Open { .. }) => return true,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
