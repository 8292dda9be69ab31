//! The arithmetic of `$(( ))`, `(( ))` and `${x:a:b}`: 64-bit integers that wrap, as in bash.

use std::fmt;

/// Variables as arithmetic sees them.
pub(super) trait Variables {
    /// The text of a variable; empty where it is not set.
    fn get(&self, name: &str) -> String;
    /// Assigns.
    fn set(&mut self, name: &str, value: i64);
}

/// A mistake: the expression, what is wrong, and where it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArithError {
    expression: String,
    what: &'static str,
    token: String,
}

impl fmt::Display for ArithError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ArithError { expression, what, token } = self;
        write!(f, "{expression}: {what} (error token is \"{token}\")")
    }
}

/// How deep a variable may name another one, and parentheses may stand in parentheses.
const DEPTH_MAX: u32 = 48;

/// The value of an expression; an empty one is 0.
pub(super) fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, ArithError> {
    evaluate_at(text, variables, 0)
}

fn evaluate_at(text: &str, variables: &mut dyn Variables, depth: u32) -> Result<i64, ArithError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Arith { chars, pos: 0, variables, depth, skipping: 0 };
    parser.blank();
    if parser.pos == parser.chars.len() {
        return Ok(0);
    }
    let value = parser.comma()?;
    if parser.pos < parser.chars.len() {
        return Err(parser.error("syntax error in expression"));
    }
    Ok(value)
}

struct Arith<'a> {
    chars: Vec<char>,
    pos: usize,
    variables: &'a mut dyn Variables,
    depth: u32,
    /// Inside the branch that is not taken: nothing is assigned, nothing fails.
    skipping: u32,
}

type Value = Result<i64, ArithError>;

/// Binary operators, loosest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGNS: [&str; 11] = ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="];

impl Arith<'_> {
    fn error(&self, what: &'static str) -> ArithError {
        let token: String = self.chars[self.pos..].iter().collect();
        self.error_at(what, &token)
    }

    fn error_at(&self, what: &'static str, token: &str) -> ArithError {
        let expression: String = self.chars.iter().collect();
        ArithError { expression: expression.trim_start().to_owned(), what, token: token.to_owned() }
    }

    fn blank(&mut self) {
        while self.chars.get(self.pos).is_some_and(|c| c.is_whitespace()) {
            self.pos += 1;
        }
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.pos + i) == Some(&c))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.pos += text.len();
            self.blank();
        }
        found
    }

    fn comma(&mut self) -> Value {
        let mut value = self.assignment()?;
        while self.eat(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Value {
        let start = self.pos;
        if let Some(name) = self.name() {
            self.blank();
            let op = ASSIGNS.into_iter().rev().find(|op| self.looking_at(op));
            if let Some(op) = op.filter(|op| *op != "=" || !self.looking_at("==")) {
                self.eat(op);
                let right = self.assignment()?;
                let value = match op.strip_suffix('=') {
                    Some("") | None => right,
                    Some(op) => {
                        let left = self.variable(&name)?;
                        self.apply(op, left, right)?
                    }
                };
                if self.skipping == 0 {
                    self.variables.set(&name, value);
                }
                return Ok(value);
            }
        }
        self.pos = start;
        self.ternary()
    }

    fn ternary(&mut self) -> Value {
        let condition = self.binary(0)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.branch(condition != 0)?;
        if !self.eat(":") {
            return Err(self.error("`:' expected for conditional expression"));
        }
        let no = self.branch(condition == 0)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn branch(&mut self, taken: bool) -> Value {
        self.skipping += u32::from(!taken);
        let value = self.assignment();
        self.skipping -= u32::from(!taken);
        value
    }

    /// The operator that stands here, and how tight it binds.
    fn operator(&self) -> Option<(&'static str, usize)> {
        for (level, ops) in LEVELS.iter().enumerate() {
            let Some(op) = ops.iter().find(|op| self.looking_at(op)) else { continue };
            let next = self.chars.get(self.pos + op.len()).copied();
            let longer = match *op {
                "|" | "&" => next == op.chars().next() || next == Some('='),
                "<" | ">" => next == op.chars().next(),
                "*" => next == Some('*') || next == Some('='),
                "^" | "+" | "-" | "/" | "%" | "<<" | ">>" => next == Some('='),
                _ => false,
            };
            if !longer {
                return Some((op, level));
            }
        }
        None
    }

    /// Operators that bind at least so tight. One call for each operand, not one for each
    /// level: the stack of a page is small.
    fn binary(&mut self, loosest: usize) -> Value {
        let mut left = self.power()?;
        while let Some((op, level)) = self.operator().filter(|(_, level)| *level >= loosest) {
            self.eat(op);
            let skips = (op == "&&" && left == 0) || (op == "||" && left != 0);
            self.skipping += u32::from(skips);
            let right_start = self.pos;
            let right = self.binary(level + 1)?;
            self.skipping -= u32::from(skips);
            if matches!(op, "/" | "%") && right == 0 && self.skipping == 0 {
                let token: String = self.chars[right_start..].iter().collect();
                return Err(self.error_at("division by 0", &token));
            }
            left = self.apply(op, left, right)?;
        }
        Ok(left)
    }

    fn apply(&mut self, op: &str, left: i64, right: i64) -> Value {
        Ok(match op {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl((right & 63) as u32),
            ">>" => left.wrapping_shr((right & 63) as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 && self.skipping > 0 => 0,
            "/" | "%" if right == 0 => return Err(self.error_at("division by 0", "0")),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn power(&mut self) -> Value {
        let base = self.unary()?;
        if !self.eat("**") {
            return Ok(base);
        }
        let exponent = self.power()?;
        if exponent < 0 && self.skipping == 0 {
            return Err(self.error("exponent less than 0"));
        }
        let (mut value, mut square, mut left) = (1i64, base, exponent.max(0));
        while left > 0 {
            if left & 1 == 1 {
                value = value.wrapping_mul(square);
            }
            square = square.wrapping_mul(square);
            left >>= 1;
        }
        Ok(value)
    }

    fn unary(&mut self) -> Value {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("expression recursion level exceeded"));
        }
        let value = self.unary_inner();
        self.depth -= 1;
        value
    }

    fn unary_inner(&mut self) -> Value {
        for (op, step) in [("++", 1), ("--", -1)] {
            if self.looking_at(op) {
                let start = self.pos;
                self.eat(op);
                if let Some(name) = self.name() {
                    self.blank();
                    let value = self.variable(&name)?.wrapping_add(step);
                    return Ok(self.assign(&name, value));
                }
                self.pos = start;
                break;
            }
        }
        if self.eat("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.eat("~") {
            return Ok(!self.unary()?);
        }
        if self.eat("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.eat("+") {
            return self.unary();
        }
        self.primary()
    }

    fn assign(&mut self, name: &str, value: i64) -> i64 {
        if self.skipping == 0 {
            self.variables.set(name, value);
        }
        value
    }

    fn primary(&mut self) -> Value {
        if self.eat("(") {
            let value = self.comma()?;
            if !self.eat(")") {
                return Err(self.error("missing `)'"));
            }
            return Ok(value);
        }
        if let Some(name) = self.name() {
            self.blank();
            let value = self.variable(&name)?;
            for (op, step) in [("++", 1), ("--", -1)] {
                if self.eat(op) {
                    self.assign(&name, value.wrapping_add(step));
                    break;
                }
            }
            return Ok(value);
        }
        if self.chars.get(self.pos).is_some_and(char::is_ascii_digit) {
            return self.number();
        }
        if self.pos == self.chars.len() {
            // Bash shows the operator before the missing operand.
            let text: String = self.chars.iter().collect();
            let trimmed = text.trim_end();
            let start = trimmed
                .rfind(|c: char| c.is_alphanumeric() || c == '_' || c == ')' || c == ' ')
                .map_or(0, |i| i + trimmed[i..].chars().next().map_or(1, char::len_utf8));
            return Err(self.error_at("syntax error: operand expected", &text[start..]));
        }
        Err(self.error("syntax error: operand expected"))
    }

    fn name(&mut self) -> Option<String> {
        let first = *self.chars.get(self.pos)?;
        if first != '_' && !first.is_ascii_alphabetic() {
            return None;
        }
        let rest = &self.chars[self.pos..];
        let name: String =
            rest.iter().take_while(|c| **c == '_' || c.is_ascii_alphanumeric()).collect();
        self.pos += name.len();
        if self.chars.get(self.pos) != Some(&'[') {
            return Some(name);
        }
        // An element of an array: its index is an expression too.
        let close = self.chars[self.pos..].iter().position(|c| *c == ']')? + self.pos;
        let inner: String = self.chars[self.pos + 1..close].iter().collect();
        let index = evaluate_at(&inner, self.variables, self.depth + 1).ok()?;
        self.pos = close + 1;
        Some(format!("{name}[{index}]"))
    }

    /// The value of a variable: its text is an expression too.
    fn variable(&mut self, name: &str) -> Value {
        let text = self.variables.get(name);
        if let Ok(value) = text.parse() {
            return Ok(value);
        }
        if self.depth >= DEPTH_MAX {
            return Err(self.error_at("expression recursion level exceeded", name));
        }
        evaluate_at(&text, self.variables, self.depth + 1)
    }

    fn number(&mut self) -> Value {
        let start = self.pos;
        while self
            .chars
            .get(self.pos)
            .is_some_and(|c| c.is_ascii_alphanumeric() || "#@_".contains(*c))
        {
            self.pos += 1;
        }
        let text: String = self.chars[start..self.pos].iter().collect();
        self.blank();
        let (base, digits) = if let Some((base, digits)) = text.split_once('#') {
            let base = base.parse::<i64>().ok().filter(|base| (2..=64).contains(base));
            (base.ok_or_else(|| self.error_at("invalid arithmetic base", &text))?, digits)
        } else if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            (16, digits)
        } else if text.len() > 1 && text.starts_with('0') {
            (8, &text[1..])
        } else {
            (10, text.as_str())
        };
        let mut value = 0i64;
        for c in digits.chars() {
            let digit = match c {
                '0'..='9' => c as i64 - '0' as i64,
                'a'..='z' => c as i64 - 'a' as i64 + 10,
                'A'..='Z' if base <= 36 => c as i64 - 'A' as i64 + 10,
                'A'..='Z' => c as i64 - 'A' as i64 + 36,
                '@' => 62,
                _ => 63,
            };
            if digit >= base {
                return Err(self.error_at("value too great for base", &text));
            }
            value = value.wrapping_mul(base).wrapping_add(digit);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Variables for BTreeMap<String, String> {
        fn get(&self, name: &str) -> String {
            BTreeMap::get(self, name).cloned().unwrap_or_default()
        }

        fn set(&mut self, name: &str, value: i64) {
            self.insert(name.to_owned(), value.to_string());
        }
    }

    #[test]
    fn values_are_those_of_bash() {
        let mut variables = BTreeMap::from([("x".to_owned(), "5".to_owned())]);
        let table = [
            ("", 0),
            ("1 + 2 * 3", 7),
            ("(1+2)*3", 9),
            ("2**10", 1024),
            ("2**3**2", 512),
            ("-7 / 2", -3),
            ("-7 % 3", -1),
            ("7 > 3 && 2 < 1", 0),
            ("1 || 1/0", 1),
            ("0 && 1/0", 0),
            ("x", 5),
            ("x++ + ++x", 12),
            ("x", 7),
            ("x += 3", 10),
            ("x <<= 1", 20),
            ("x == 20 ? 1 : 2", 1),
            ("y = x = 3, y + x", 6),
            ("0x1f", 31),
            ("010", 8),
            ("2#101", 5),
            ("16#ff", 255),
            ("36#z", 35),
            ("64#_", 63),
            ("!0 + !5", 1),
            ("~0", -1),
            ("5 & 3 | 8 ^ 1", 9),
            ("1 << 4 >> 2", 4),
            ("unset_one + 1", 1),
            ("- - 3", 3),
            ("9223372036854775807 + 1", i64::MIN),
            ("1 ? 2 : (x = 100)", 2),
            ("x", 3),
        ];
        for (text, expected) in table {
            assert_eq!(evaluate(text, &mut variables), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_have_the_texts_of_bash() {
        let mut variables = BTreeMap::from([("loop".to_owned(), "loop".to_owned())]);
        let table = [
            ("1/0", "1/0: division by 0 (error token is \"0\")"),
            ("1+", "1+: syntax error: operand expected (error token is \"+\")"),
            ("1 2", "1 2: syntax error in expression (error token is \"2\")"),
            ("(1", "(1: missing `)' (error token is \"\")"),
            ("08", "08: value too great for base (error token is \"08\")"),
        ];
        for (text, expected) in table {
            let error = evaluate(text, &mut variables).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        assert!(evaluate("loop", &mut variables).is_err());
        assert!(evaluate(&"(".repeat(10_000), &mut variables).is_err());
    }
}
