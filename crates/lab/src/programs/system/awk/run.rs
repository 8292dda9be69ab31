//! Running a program over input.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::parse::{Expr, Op, Pattern, Script, Statement};
use super::value::{Value, format_one, number_text};
use crate::programs::posix;

/// How long a program may go on without an end: it computes in no time at all.
const STEPS_MAX: u64 = 20_000_000;

/// What a statement does to what comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Next,
    Break,
    Continue,
    Exit(i32),
}

/// Where something was printed: none is standard output; else a file, and whether it grows.
type Target = Option<(String, bool)>;

pub(super) struct Machine<'a> {
    script: &'a Script,
    vars: BTreeMap<String, Value>,
    arrays: BTreeMap<String, BTreeMap<String, Value>>,
    record: String,
    fields: Vec<String>,
    in_range: Vec<bool>,
    output: Vec<(Target, String)>,
    opened: Vec<String>,
    regexes: BTreeMap<String, Option<Regex>>,
    steps: u64,
    seed: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        script: &'a Script,
        separator: Option<String>,
        vars: BTreeMap<String, String>,
    ) -> Machine<'a> {
        let mut machine = Machine {
            script,
            vars: BTreeMap::new(),
            arrays: BTreeMap::new(),
            record: String::new(),
            fields: Vec::new(),
            in_range: vec![false; script.rules.len()],
            output: Vec::new(),
            opened: Vec::new(),
            regexes: BTreeMap::new(),
            steps: 0,
            seed: 1,
        };
        for (name, value) in [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\u{1c}"),
            ("OFMT", "%.6g"),
        ] {
            machine.vars.insert(name.to_owned(), Value::Text(value.to_owned()));
        }
        for name in ["NR", "NF", "FNR", "RSTART", "RLENGTH"] {
            machine.vars.insert(name.to_owned(), Value::Number(0.0));
        }
        if let Some(separator) = separator {
            let separator = if separator == "t" {
                "\t".to_owned()
            } else {
                super::parse::unescaped(&separator)
            };
            machine.vars.insert("FS".to_owned(), Value::Text(separator));
        }
        for (name, value) in vars {
            machine.vars.insert(name, Value::Input(value));
        }
        machine
    }

    pub(super) fn assign(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), Value::Input(value.to_owned()));
    }

    pub(super) fn take_output(&mut self) -> Vec<(Target, String)> {
        std::mem::take(&mut self.output)
    }

    /// The rules before input; a status where the program ends.
    pub(super) fn begin(&mut self) -> Option<i32> {
        self.rules(|pattern| matches!(pattern, Pattern::Begin))
    }

    /// The rules after input.
    pub(super) fn end(&mut self) -> Option<i32> {
        self.rules(|pattern| matches!(pattern, Pattern::End))
    }

    fn rules(&mut self, wanted: impl Fn(&Pattern) -> bool) -> Option<i32> {
        let script = self.script;
        for rule in script.rules.iter().filter(|rule| wanted(&rule.pattern)) {
            if let Flow::Exit(code) = self.block(rule.body.as_deref().unwrap_or_default()) {
                return Some(code);
            }
        }
        None
    }

    /// The rules for every record of a file.
    pub(super) fn file(&mut self, name: &str, text: &str) -> Option<i32> {
        let shown = if name == "-" { "" } else { name };
        self.vars.insert("FILENAME".to_owned(), Value::Text(shown.to_owned()));
        self.vars.insert("FNR".to_owned(), Value::Number(0.0));
        let separator = self.vars["RS"].text();
        let records: Vec<&str> = match separator.as_str() {
            "" => text
                .split("\n\n")
                .map(|it| it.trim_matches('\n'))
                .filter(|it| !it.is_empty())
                .collect(),
            other => text.strip_suffix(other).unwrap_or(text).split(other).collect(),
        };
        for record in records {
            if text.is_empty() {
                break;
            }
            for name in ["NR", "FNR"] {
                let number = self.vars[name].number() + 1.0;
                self.vars.insert(name.to_owned(), Value::Number(number));
            }
            self.set_record(record.to_owned());
            if let Some(code) = self.one_record() {
                return Some(code);
            }
        }
        None
    }

    fn one_record(&mut self) -> Option<i32> {
        let script = self.script;
        for (at, rule) in script.rules.iter().enumerate() {
            let fits = match &rule.pattern {
                Pattern::Begin | Pattern::End => false,
                Pattern::Always => true,
                Pattern::When(expr) => self.truth(expr),
                Pattern::Range(from, to) => {
                    let inside = self.in_range[at] || self.truth(from);
                    self.in_range[at] = inside && !self.truth(to);
                    inside
                }
            };
            if !fits {
                continue;
            }
            let flow = match &rule.body {
                Some(body) => self.block(body),
                None => {
                    let line = self.record.clone() + &self.vars["ORS"].text();
                    self.emit(None, line);
                    Flow::On
                }
            };
            match flow {
                Flow::Exit(code) => return Some(code),
                Flow::Next => break,
                _ => {}
            }
        }
        None
    }

    fn set_record(&mut self, record: String) {
        let separator = self.vars["FS"].text();
        self.fields = self.split(&record, &separator);
        self.record = record;
        self.vars.insert("NF".to_owned(), Value::Number(self.fields.len() as f64));
    }

    fn split(&mut self, text: &str, separator: &str) -> Vec<String> {
        if separator == " " {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        if text.is_empty() {
            return Vec::new();
        }
        if separator.chars().count() == 1 {
            return text.split(separator).map(str::to_owned).collect();
        }
        if separator.is_empty() {
            return text.chars().map(String::from).collect();
        }
        match self.regex(separator) {
            Some(regex) => regex.split(text).map(str::to_owned).collect(),
            None => vec![text.to_owned()],
        }
    }

    fn join_fields(&mut self) {
        self.record = self.fields.join(&self.vars["OFS"].text());
        self.vars.insert("NF".to_owned(), Value::Number(self.fields.len() as f64));
    }

    fn regex(&mut self, text: &str) -> Option<Regex> {
        let found = self.regexes.entry(text.to_owned());
        found.or_insert_with(|| posix::extended(text, false).ok()).clone()
    }

    fn emit(&mut self, target: Target, text: String) {
        match self.output.last_mut() {
            Some((last, open)) if *last == target => open.push_str(&text),
            _ => self.output.push((target, text)),
        }
    }

    fn block(&mut self, list: &[Statement]) -> Flow {
        for statement in list {
            let flow = self.statement(statement);
            if flow != Flow::On {
                return flow;
            }
        }
        Flow::On
    }

    fn statement(&mut self, statement: &Statement) -> Flow {
        self.steps += 1;
        match statement {
            _ if self.steps > STEPS_MAX => return Flow::Exit(2),
            Statement::Expr(expr) => drop(self.eval(expr)),
            Statement::Print { format, args, into } => self.print(*format, args, into.as_ref()),
            Statement::If(condition, yes, no) => {
                let list = if self.truth(condition) { yes } else { no };
                return self.block(list);
            }
            Statement::While(condition, body) => {
                while self.truth(condition) {
                    if let Some(flow) = self.turn(body) {
                        return flow;
                    }
                }
            }
            Statement::DoWhile(body, condition) => loop {
                if let Some(flow) = self.turn(body) {
                    return flow;
                }
                if !self.truth(condition) {
                    break;
                }
            },
            Statement::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.statement(first);
                }
                while condition.as_ref().is_none_or(|condition| self.truth(condition)) {
                    if let Some(flow) = self.turn(body) {
                        return flow;
                    }
                    if let Some(step) = step {
                        self.statement(step);
                    }
                }
            }
            Statement::ForIn(name, array, body) => {
                let keys: Vec<String> = self
                    .arrays
                    .get(array)
                    .map(|array| array.keys().cloned().collect())
                    .unwrap_or_default();
                for key in keys {
                    self.vars.insert(name.clone(), Value::Input(key));
                    if let Some(flow) = self.turn(body) {
                        return flow;
                    }
                }
            }
            Statement::Delete(name, index) => match index {
                Some(index) => {
                    let key = self.key(index);
                    if let Some(array) = self.arrays.get_mut(name) {
                        array.remove(&key);
                    }
                }
                None => drop(self.arrays.remove(name)),
            },
            Statement::Next => return Flow::Next,
            Statement::Break => return Flow::Break,
            Statement::Continue => return Flow::Continue,
            Statement::Exit(code) => {
                let code = code.as_ref().map_or(0.0, |code| self.eval(code).number());
                return Flow::Exit(code as i32 & 0xff);
            }
        }
        Flow::On
    }

    /// One round of a loop: what ends it, if anything does.
    fn turn(&mut self, body: &[Statement]) -> Option<Flow> {
        self.steps += 1;
        match self.block(body) {
            _ if self.steps > STEPS_MAX => Some(Flow::Exit(2)),
            Flow::On | Flow::Continue => None,
            Flow::Break => Some(Flow::On),
            other => Some(other),
        }
    }

    fn print(&mut self, format: bool, args: &[Expr], into: Option<&(Expr, bool)>) {
        let values: Vec<Value> = args.iter().map(|arg| self.eval(arg)).collect();
        let text = if format {
            match values.split_first() {
                Some((format, rest)) => formatted(&format.text(), rest),
                None => String::new(),
            }
        } else {
            let output = self.vars["OFMT"].text();
            let texts: Vec<String> = values
                .iter()
                .map(|value| match value {
                    Value::Number(number) => number_text(*number, &output),
                    other => other.text(),
                })
                .collect();
            let line = if args.is_empty() {
                self.record.clone()
            } else {
                texts.join(&self.vars["OFS"].text())
            };
            line + &self.vars["ORS"].text()
        };
        let target = into.map(|(path, append)| {
            let path = self.eval(path).text();
            // A file is emptied only when it is first written to.
            let append = *append || self.opened.contains(&path);
            self.opened.push(path.clone());
            (path, append)
        });
        self.emit(target, text);
    }

    fn truth(&mut self, expr: &Expr) -> bool {
        self.eval(expr).truth()
    }

    fn key(&mut self, index: &[Expr]) -> String {
        let parts: Vec<String> = index.iter().map(|part| self.eval(part).text()).collect();
        parts.join(&self.vars["SUBSEP"].text())
    }

    fn eval(&mut self, expr: &Expr) -> Value {
        let flag = |yes: bool| Value::Number(if yes { 1.0 } else { 0.0 });
        match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Regex(text) => {
                let fits = self.regex(text).is_some_and(|regex| regex.is_match(&self.record));
                flag(fits)
            }
            Expr::Var(name) => self.vars.get(name).cloned().unwrap_or(Value::Input(String::new())),
            Expr::Field(index) => {
                let index = self.eval(index).number();
                Value::Input(match index as usize {
                    0 => self.record.clone(),
                    at => self.fields.get(at - 1).cloned().unwrap_or_default(),
                })
            }
            Expr::Element(name, index) => {
                let key = self.key(index);
                let array = self.arrays.entry(name.clone()).or_default();
                array.entry(key).or_insert(Value::Input(String::new())).clone()
            }
            Expr::Assign(target, op, value) => {
                let mut value = self.eval(value);
                if let Some(op) = op {
                    let before = self.eval(target).number();
                    value = Value::Number(arithmetic(*op, before, value.number()));
                }
                self.set(target, value.clone());
                value
            }
            Expr::Step(target, by, before) => {
                let old = self.eval(target).number();
                self.set(target, Value::Number(old + by));
                Value::Number(if *before { old } else { old + by })
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.eval(left), self.eval(right));
                binary(*op, &left, &right)
            }
            Expr::Not(inner) => flag(!self.truth(inner)),
            Expr::Minus(inner) => Value::Number(-self.eval(inner).number()),
            Expr::And(left, right) => flag(self.truth(left) && self.truth(right)),
            Expr::Or(left, right) => flag(self.truth(left) || self.truth(right)),
            Expr::Choice(condition, yes, no) => {
                if self.truth(condition) {
                    self.eval(yes)
                } else {
                    self.eval(no)
                }
            }
            Expr::Match(text, regex, not) => {
                let text = self.eval(text).text();
                let regex = self.pattern(regex);
                let fits = self.regex(&regex).is_some_and(|regex| regex.is_match(&text));
                flag(fits != *not)
            }
            Expr::In(keys, array) => {
                let key = self.key(keys);
                flag(self.arrays.get(array).is_some_and(|array| array.contains_key(&key)))
            }
            Expr::Call(name, args) => self.call(name, args),
        }
    }

    /// What stands for a regex: itself, or a text.
    fn pattern(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::Regex(text) => text.clone(),
            other => self.eval(other).text(),
        }
    }

    fn set(&mut self, target: &Expr, value: Value) {
        match target {
            Expr::Var(name) if name == "NF" => {
                let count = (value.number() as usize).min(100_000);
                self.fields.resize(count, String::new());
                self.join_fields();
            }
            Expr::Var(name) => drop(self.vars.insert(name.clone(), value)),
            Expr::Field(index) => match self.eval(index).number() as usize {
                0 => self.set_record(value.text()),
                at if at <= 100_000 => {
                    if self.fields.len() < at {
                        self.fields.resize(at, String::new());
                    }
                    self.fields[at - 1] = value.text();
                    self.join_fields();
                }
                _ => {}
            },
            Expr::Element(name, index) => {
                let key = self.key(index);
                self.arrays.entry(name.clone()).or_default().insert(key, value);
            }
            _ => {}
        }
    }

    fn call(&mut self, name: &str, args: &[Expr]) -> Value {
        let text = |machine: &mut Machine<'_>, at: usize| match args.get(at) {
            Some(arg) => machine.eval(arg).text(),
            None => machine.record.clone(),
        };
        let number = |machine: &mut Machine<'_>, at: usize| {
            args.get(at).map_or(0.0, |arg| machine.eval(arg).number())
        };
        match name {
            "(" | "(list" => {
                let values: Vec<Value> = args.iter().map(|arg| self.eval(arg)).collect();
                values.into_iter().next_back().unwrap_or(Value::Number(0.0))
            }
            "length" => {
                if let Some(Expr::Var(name)) = args.first()
                    && let Some(array) = self.arrays.get(name)
                {
                    return Value::Number(array.len() as f64);
                }
                Value::Number(text(self, 0).chars().count() as f64)
            }
            "substr" => {
                let chars: Vec<char> = text(self, 0).chars().collect();
                let from = number(self, 1).round();
                let len = if args.len() > 2 { number(self, 2).round() } else { f64::INFINITY };
                let (start, end) = (from.max(1.0), (from + len).min(chars.len() as f64 + 1.0));
                if start >= end {
                    return Value::Text(String::new());
                }
                Value::Text(chars[start as usize - 1..end as usize - 1].iter().collect())
            }
            "index" => {
                let (inside, wanted) = (text(self, 0), text(self, 1));
                let found = inside.find(&wanted).map_or(0, |at| inside[..at].chars().count() + 1);
                Value::Number(found as f64)
            }
            "split" => {
                let whole = text(self, 0);
                self.split_into(&whole, args)
            }
            "sub" | "gsub" => self.substitute(name == "gsub", args),
            "match" => {
                let whole = text(self, 0);
                let regex = args.get(1).map(|arg| self.pattern(arg)).unwrap_or_default();
                self.find(&whole, &regex)
            }
            "sprintf" => {
                let values: Vec<Value> = args.iter().map(|arg| self.eval(arg)).collect();
                match values.split_first() {
                    Some((format, rest)) => Value::Text(formatted(&format.text(), rest)),
                    None => Value::Text(String::new()),
                }
            }
            "tolower" => Value::Text(text(self, 0).to_lowercase()),
            "toupper" => Value::Text(text(self, 0).to_uppercase()),
            "int" => Value::Number(number(self, 0).trunc()),
            "sqrt" => Value::Number(number(self, 0).sqrt()),
            "srand" => {
                self.seed = number(self, 0) as u64;
                Value::Number(0.0)
            }
            "rand" => {
                self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                Value::Number((self.seed >> 11) as f64 / (1_u64 << 53) as f64)
            }
            _ => Value::Number(0.0),
        }
    }

    /// `match`
    fn find(&mut self, whole: &str, regex: &str) -> Value {
        let found = self.regex(regex).and_then(|regex| regex.find(whole).map(|it| it.range()));
        let (start, len) = found.map_or((0, -1.0), |range| {
            (whole[..range.start].chars().count() + 1, whole[range].chars().count() as f64)
        });
        self.vars.insert("RSTART".to_owned(), Value::Number(start as f64));
        self.vars.insert("RLENGTH".to_owned(), Value::Number(len));
        Value::Number(start as f64)
    }

    /// `split`
    fn split_into(&mut self, whole: &str, args: &[Expr]) -> Value {
        let separator = match args.get(2) {
            Some(expr) => self.pattern(expr),
            None => self.vars["FS"].text(),
        };
        let parts = self.split(whole, &separator);
        let count = parts.len();
        if let Some(Expr::Var(array)) = args.get(1) {
            let parts =
                (1..).zip(parts).map(|(at, part): (usize, _)| (at.to_string(), Value::Input(part)));
            self.arrays.insert(array.clone(), parts.collect());
        }
        Value::Number(count as f64)
    }

    fn substitute(&mut self, all: bool, args: &[Expr]) -> Value {
        let [pattern, new, rest @ ..] = args else { return Value::Number(0.0) };
        let whole_record = Expr::Field(Box::new(Expr::Number(0.0)));
        let target = rest.first().unwrap_or(&whole_record);
        let (pattern, new) = (self.pattern(pattern), self.eval(new).text());
        let text = self.eval(target).text();
        let Some(regex) = self.regex(&pattern) else { return Value::Number(0.0) };
        let (mut out, mut last, mut count) = (String::new(), 0, 0);
        for found in regex.find_iter(&text) {
            out.push_str(&text[last..found.start()]);
            out.push_str(&replacement(&new, found.as_str()));
            last = found.end();
            count += 1;
            if !all {
                break;
            }
        }
        out.push_str(&text[last..]);
        if count > 0 {
            self.set(target, Value::Text(out));
        }
        Value::Number(f64::from(count))
    }
}

/// `&` is what was found, `\&` is itself.
fn replacement(new: &str, found: &str) -> String {
    let mut out = String::new();
    let mut chars = new.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|next| matches!(next, '&' | '\\')) => {
                out.extend(chars.next());
            }
            '&' => out.push_str(found),
            c => out.push(c),
        }
    }
    out
}

fn arithmetic(op: char, left: f64, right: f64) -> f64 {
    match op {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        '%' => left % right,
        _ => power(left, right),
    }
}

/// The same on every machine for whole exponents, which are those people use.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.fract() != 0.0 || exponent.abs() > 1024.0 {
        return if exponent == 0.5 { base.sqrt() } else { 0.0 };
    }
    let mut result = 1.0;
    for _ in 0..exponent.abs() as u32 {
        result *= base;
    }
    if exponent < 0.0 { 1.0 / result } else { result }
}

fn binary(op: Op, left: &Value, right: &Value) -> Value {
    let (a, b) = (left.number(), right.number());
    let number = |value: f64| Value::Number(value);
    match op {
        Op::Add => number(a + b),
        Op::Sub => number(a - b),
        Op::Mul => number(a * b),
        Op::Div => number(a / b),
        Op::Mod => number(a % b),
        Op::Pow => number(power(a, b)),
        Op::Concat => Value::Text(left.text() + &right.text()),
        Op::Lt | Op::Le | Op::Eq | Op::Ne | Op::Gt | Op::Ge => {
            let order = if left.is_numeric() && right.is_numeric() {
                a.partial_cmp(&b)
            } else {
                Some(left.text().cmp(&right.text()))
            };
            let yes = order.is_some_and(|order| match op {
                Op::Lt => order.is_lt(),
                Op::Le => order.is_le(),
                Op::Eq => order.is_eq(),
                Op::Ne => order.is_ne(),
                Op::Gt => order.is_gt(),
                _ => order.is_ge(),
            });
            number(if yes { 1.0 } else { 0.0 })
        }
    }
}

/// `printf`
fn formatted(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else { break };
        let mut flags = rest[..end].to_owned();
        let kind = rest[end..].chars().next().unwrap_or('s');
        while flags.contains('*') {
            let width = args.next().map_or(0.0, Value::number);
            flags = flags.replacen('*', &format!("{width:.0}"), 1);
        }
        let empty = Value::Input(String::new());
        out.push_str(&format_one(&flags, kind, args.next().unwrap_or(&empty)));
        rest = &rest[end + 1..];
    }
    out + rest
}
