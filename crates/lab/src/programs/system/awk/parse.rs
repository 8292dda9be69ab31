//! The text of a program, to its tree.

use std::iter::Peekable;

/// A program: rules, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) rules: Vec<Rule>,
}

impl Script {
    /// Whether it looks at input at all.
    pub(super) fn reads(&self) -> bool {
        self.rules.iter().any(|rule| !matches!(rule.pattern, Pattern::Begin))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) body: Option<Vec<Statement>>,
}

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Begin,
    End,
    Always,
    When(Expr),
    Range(Expr, Expr),
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Expr(Expr),
    Print { format: bool, args: Vec<Expr>, into: Option<(Expr, bool)> },
    If(Expr, Vec<Statement>, Vec<Statement>),
    While(Expr, Vec<Statement>),
    DoWhile(Vec<Statement>, Expr),
    For(Option<Box<Statement>>, Option<Expr>, Option<Box<Statement>>, Vec<Statement>),
    ForIn(String, String, Vec<Statement>),
    Delete(String, Option<Vec<Expr>>),
    Next,
    Exit(Option<Expr>),
    Break,
    Continue,
}

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Number(f64),
    Text(String),
    Regex(String),
    Var(String),
    Field(Box<Expr>),
    Element(String, Vec<Expr>),
    Assign(Box<Expr>, Option<char>, Box<Expr>),
    /// Target, change, whether the value is that from before.
    Step(Box<Expr>, f64, bool),
    Binary(Op, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Text, regex, whether it must not fit.
    Match(Box<Expr>, Box<Expr>, bool),
    In(Vec<Expr>, String),
    Call(String, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Concat,
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Regex(String),
    Name(String),
    Sign(&'static str),
    Newline,
}

const SIGNS: [&str; 45] = [
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "!=", "<=", ">=",
    ">>", "**", "!~", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    "<", ">", "~", "?", ":", "=", "$", "|", "&", "@", "#", "`",
];

/// A text with the escapes of a string taken away.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(c @ ('\\' | '"' | '/')) => out.push(c),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// What stands between two marks, with escapes; gives what is after it.
fn quoted(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return None,
            c if c == mark => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\\n") {
            rest = after;
        } else if c == '\n' {
            tokens.push(Token::Newline);
            rest = &rest[1..];
        } else if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
        } else if c == '#' {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if c == '"' {
            let (inner, after) = quoted(&rest[1..], '"').ok_or("unterminated string")?;
            tokens.push(Token::Text(unescaped(inner)));
            rest = after;
        } else if c.is_ascii_digit()
            || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..end].parse().map_err(|_| rest[..end].to_owned())?));
            rest = &rest[end..];
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if c == '/' && regex_may_come(tokens.last()) {
            let (inner, after) =
                quoted(&rest[1..], '/').ok_or("unterminated regular expression")?;
            tokens.push(Token::Regex(inner.replace("\\/", "/")));
            rest = after;
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or(c.to_string())?;
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
    }
    Ok(tokens)
}

/// Where a slash begins a regex and does not divide.
fn regex_may_come(last: Option<&Token>) -> bool {
    match last {
        Some(Token::Number(_) | Token::Text(_) | Token::Regex(_)) => false,
        Some(Token::Name(name)) => matches!(name.as_str(), "print" | "in" | "return"),
        Some(Token::Sign(sign)) => !matches!(*sign, ")" | "]" | "$" | "++" | "--"),
        Some(Token::Newline) | None => true,
    }
}

/// Reads a program; the error is what stood where it could not.
pub(super) fn program(text: &str) -> Result<Script, String> {
    let tokens = tokens(text)?;
    let mut parser =
        Parser { tokens: tokens.into_iter().peekable(), no_in: false, no_gt: false, depth: 0 };
    let mut script = Script::default();
    parser.skip();
    while parser.tokens.peek().is_some() {
        script.rules.push(parser.rule()?);
        parser.skip();
    }
    Ok(script)
}

/// How deep a program may be nested.
const DEPTH_MAX: u32 = 200;

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
    /// In the head of a `for`, `in` is not an operator.
    no_in: bool,
    /// In `print`, `>` is a redirection.
    no_gt: bool,
    depth: u32,
}

type Parsed<T> = Result<T, String>;

impl Parser {
    fn near(&mut self) -> String {
        match self.tokens.peek() {
            Some(Token::Sign(sign)) => (*sign).to_owned(),
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Number(number)) => number.to_string(),
            Some(Token::Text(text) | Token::Regex(text)) => text.clone(),
            Some(Token::Newline) | None => "end of line".to_owned(),
        }
    }

    fn is(&mut self, sign: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Sign(next)) if *next == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.tokens.next();
        }
        found
    }

    fn need(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { Err(self.near()) }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.peek(), Some(Token::Name(name)) if name == word);
        if found {
            self.tokens.next();
        }
        found
    }

    fn newlines(&mut self) {
        while self.tokens.next_if_eq(&Token::Newline).is_some() {}
    }

    /// Skips what separates rules and statements.
    fn skip(&mut self) {
        while self
            .tokens
            .next_if(|token| matches!(token, Token::Newline | Token::Sign(";")))
            .is_some()
        {}
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let pattern = if self.word("BEGIN") {
            Pattern::Begin
        } else if self.word("END") {
            Pattern::End
        } else if self.is("{") {
            Pattern::Always
        } else {
            let first = self.expr()?;
            if self.take(",") { Pattern::Range(first, self.expr()?) } else { Pattern::When(first) }
        };
        let body = if self.is("{") { Some(self.block()?) } else { None };
        if body.is_none() && matches!(pattern, Pattern::Begin | Pattern::End) {
            return Err(self.near());
        }
        Ok(Rule { pattern, body })
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.need("{")?;
        let mut list = Vec::new();
        self.skip();
        while !self.take("}") {
            if self.tokens.peek().is_none() {
                return Err(self.near());
            }
            list.push(self.statement()?);
            self.skip();
        }
        Ok(list)
    }

    fn body(&mut self) -> Parsed<Vec<Statement>> {
        self.newlines();
        if self.is("{") {
            return self.block();
        }
        if self.take(";") {
            return Ok(Vec::new());
        }
        let statement = self.statement()?;
        Ok(vec![statement])
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deep".to_owned());
        }
        let statement = self.statement_inner();
        self.depth -= 1;
        statement
    }

    fn statement_inner(&mut self) -> Parsed<Statement> {
        if self.word("if") {
            self.need("(")?;
            let condition = self.expr()?;
            self.need(")")?;
            let yes = self.body()?;
            let ahead = self.tokens.clone();
            self.skip();
            if self.word("else") {
                return Ok(Statement::If(condition, yes, self.body()?));
            }
            self.tokens = ahead;
            return Ok(Statement::If(condition, yes, Vec::new()));
        }
        if self.word("while") {
            self.need("(")?;
            let condition = self.expr()?;
            self.need(")")?;
            return Ok(Statement::While(condition, self.body()?));
        }
        if self.word("do") {
            let body = self.body()?;
            self.skip();
            if !self.word("while") {
                return Err(self.near());
            }
            self.need("(")?;
            let condition = self.expr()?;
            self.need(")")?;
            return Ok(Statement::DoWhile(body, condition));
        }
        if self.word("for") {
            return self.for_loop();
        }
        if self.is("{") {
            return Ok(Statement::If(Expr::Number(1.0), self.block()?, Vec::new()));
        }
        self.simple()
    }

    fn for_loop(&mut self) -> Parsed<Statement> {
        self.need("(")?;
        let ahead = self.tokens.clone();
        if let Some(Token::Name(name)) = self.tokens.next()
            && self.word("in")
            && let Some(Token::Name(array)) = self.tokens.next()
            && self.take(")")
        {
            return Ok(Statement::ForIn(name, array, self.body()?));
        }
        self.tokens = ahead;
        let first = if self.is(";") { None } else { Some(Box::new(self.simple()?)) };
        self.need(";")?;
        let condition = if self.is(";") { None } else { Some(self.expr()?) };
        self.need(";")?;
        let step = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.need(")")?;
        Ok(Statement::For(first, condition, step, self.body()?))
    }

    fn ends(&mut self) -> bool {
        matches!(self.tokens.peek(), None | Some(Token::Newline | Token::Sign(";" | "}" | ")")))
    }

    fn simple(&mut self) -> Parsed<Statement> {
        for (word, format) in [("print", false), ("printf", true)] {
            if self.word(word) {
                return self.print(format);
            }
        }
        if self.word("next") {
            return Ok(Statement::Next);
        }
        if self.word("exit") {
            let code = if self.ends() { None } else { Some(self.expr()?) };
            return Ok(Statement::Exit(code));
        }
        if self.word("break") {
            return Ok(Statement::Break);
        }
        if self.word("continue") {
            return Ok(Statement::Continue);
        }
        if self.word("delete") {
            let Some(Token::Name(name)) = self.tokens.next() else { return Err(self.near()) };
            let index = if self.take("[") { Some(self.list("]")?) } else { None };
            return Ok(Statement::Delete(name, index));
        }
        Ok(Statement::Expr(self.expr()?))
    }

    fn print(&mut self, format: bool) -> Parsed<Statement> {
        let outer = std::mem::replace(&mut self.no_gt, true);
        let mut args = Vec::new();
        if !self.ends() && !self.is(">") && !self.is(">>") {
            let grouped = self.is("(");
            args.push(self.expr()?);
            while self.take(",") {
                self.newlines();
                args.push(self.expr()?);
            }
            // `print(a, b)`: the parentheses hold the list.
            if let (true, [Expr::Call(name, list)]) = (grouped, args.as_slice())
                && name == "(list"
            {
                args = list.clone();
            }
        }
        self.no_gt = outer;
        let append = self.is(">>");
        let into =
            if self.take(">") || self.take(">>") { Some((self.primary()?, append)) } else { None };
        Ok(Statement::Print { format, args, into })
    }

    fn list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let (no_gt, no_in) = (std::mem::take(&mut self.no_gt), std::mem::take(&mut self.no_in));
        let mut list = Vec::new();
        while !self.take(end) {
            list.push(self.expr()?);
            if !self.take(",") {
                self.need(end)?;
                break;
            }
            self.newlines();
        }
        (self.no_gt, self.no_in) = (no_gt, no_in);
        Ok(list)
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deep".to_owned());
        }
        let expr = self.assignment();
        self.depth -= 1;
        expr
    }

    fn assignment(&mut self) -> Parsed<Expr> {
        let left = self.choice()?;
        let settable = matches!(left, Expr::Var(_) | Expr::Field(_) | Expr::Element(..));
        for (sign, op) in [
            ("=", None),
            ("+=", Some('+')),
            ("-=", Some('-')),
            ("*=", Some('*')),
            ("/=", Some('/')),
            ("%=", Some('%')),
            ("^=", Some('^')),
        ] {
            if settable && self.take(sign) {
                self.newlines();
                let right = self.expr()?;
                return Ok(Expr::Assign(Box::new(left), op, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn choice(&mut self) -> Parsed<Expr> {
        let condition = self.or()?;
        if !self.take("?") {
            return Ok(condition);
        }
        self.newlines();
        let yes = self.expr()?;
        self.need(":")?;
        self.newlines();
        let no = self.expr()?;
        Ok(Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.take("||") {
            self.newlines();
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.member()?;
        while self.take("&&") {
            self.newlines();
            left = Expr::And(Box::new(left), Box::new(self.member()?));
        }
        Ok(left)
    }

    fn member(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while !self.no_in && self.word("in") {
            let Some(Token::Name(array)) = self.tokens.next() else { return Err(self.near()) };
            let keys = match left {
                Expr::Call(name, list) if name == "(list" => list,
                other => vec![other],
            };
            left = Expr::In(keys, array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let not = self.is("!~");
            if !self.take("~") && !self.take("!~") {
                return Ok(left);
            }
            let right = self.comparison()?;
            left = Expr::Match(Box::new(left), Box::new(right), not);
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.concat()?;
        for (sign, op) in [
            ("<=", Op::Le),
            ("<", Op::Lt),
            ("==", Op::Eq),
            ("!=", Op::Ne),
            (">=", Op::Ge),
            (">", Op::Gt),
        ] {
            if (op != Op::Gt || !self.no_gt) && self.take(sign) {
                let right = self.concat()?;
                return Ok(Expr::Binary(op, Box::new(left), Box::new(right)));
            }
        }
        Ok(left)
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        loop {
            let goes_on = match self.tokens.peek() {
                Some(Token::Number(_) | Token::Text(_) | Token::Regex(_)) => true,
                Some(Token::Name(name)) => name != "in",
                Some(Token::Sign(sign)) => {
                    matches!(*sign, "$" | "(" | "!" | "-" | "+" | "++" | "--")
                }
                _ => false,
            };
            if !goes_on {
                return Ok(left);
            }
            let right = self.sum()?;
            left = Expr::Binary(Op::Concat, Box::new(left), Box::new(right));
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let op = if self.take("+") {
                Op::Add
            } else if self.take("-") {
                Op::Sub
            } else {
                return Ok(left);
            };
            left = Expr::Binary(op, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let op = if self.take("*") {
                Op::Mul
            } else if self.take("/") {
                Op::Div
            } else if self.take("%") {
                Op::Mod
            } else {
                return Ok(left);
            };
            left = Expr::Binary(op, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        if self.take("!") {
            return Ok(Expr::Not(Box::new(self.unary()?)));
        }
        if self.take("-") {
            return Ok(Expr::Minus(Box::new(self.unary()?)));
        }
        if self.take("+") {
            return self.unary();
        }
        let base = self.postfix()?;
        if self.take("^") || self.take("**") {
            return Ok(Expr::Binary(Op::Pow, Box::new(base), Box::new(self.unary()?)));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.take(sign) {
                return Ok(Expr::Step(Box::new(self.primary()?), by, false));
            }
        }
        let base = self.primary()?;
        if matches!(base, Expr::Var(_) | Expr::Field(_) | Expr::Element(..)) {
            for (sign, by) in [("++", 1.0), ("--", -1.0)] {
                if self.take(sign) {
                    return Ok(Expr::Step(Box::new(base), by, true));
                }
            }
        }
        Ok(base)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.tokens.next() {
            Some(Token::Number(number)) => Ok(Expr::Number(number)),
            Some(Token::Text(text)) => Ok(Expr::Text(text)),
            Some(Token::Regex(text)) => Ok(Expr::Regex(text)),
            Some(Token::Sign("$")) => {
                let index =
                    if self.is("++") || self.is("--") { self.postfix()? } else { self.primary()? };
                Ok(Expr::Field(Box::new(index)))
            }
            Some(Token::Sign("(")) => {
                let mut list = self.list(")")?;
                match list.len() {
                    1 => Ok(match list.remove(0) {
                        // Parentheses make a variable a value: `(a) = 1` is none.
                        inner @ (Expr::Var(_) | Expr::Field(_) | Expr::Element(..)) => {
                            Expr::Call("(".to_owned(), vec![inner])
                        }
                        inner => inner,
                    }),
                    0 => Err(")".to_owned()),
                    _ => Ok(Expr::Call("(list".to_owned(), list)),
                }
            }
            Some(Token::Sign("-")) => Ok(Expr::Minus(Box::new(self.unary()?))),
            Some(Token::Name(name)) if self.is("(") => {
                self.tokens.next();
                Ok(Expr::Call(name, self.list(")")?))
            }
            Some(Token::Name(name)) if self.take("[") => Ok(Expr::Element(name, self.list("]")?)),
            Some(Token::Name(name)) if name == "length" => Ok(Expr::Call(name, Vec::new())),
            Some(Token::Name(name)) => Ok(Expr::Var(name)),
            Some(Token::Sign(sign)) => Err(sign.to_owned()),
            Some(Token::Newline) | None => Err("end of line".to_owned()),
        }
    }
}
