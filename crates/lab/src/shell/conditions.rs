//! The grammar of `[[ ]]`.

use super::ast::{Condition, Kind, Part, Word};
use super::lexer::Token;
use super::parser::{Parser, Result, SyntaxError};

impl Parser<'_> {
    /// `[[ expression ]]`.
    pub(super) fn condition_command(&mut self) -> Result<Kind> {
        self.take()?;
        let condition = self.condition_or()?;
        self.expect_word("]]")?;
        Ok(Kind::Condition(condition))
    }

    fn condition_or(&mut self) -> Result<Condition> {
        let mut left = self.condition_and()?;
        while self.is_op("||")? {
            self.take()?;
            self.skip_newlines()?;
            left = Condition::Or(Box::new(left), Box::new(self.condition_and()?));
        }
        Ok(left)
    }

    fn condition_and(&mut self) -> Result<Condition> {
        let mut left = self.condition_term()?;
        while self.is_op("&&")? {
            self.take()?;
            self.skip_newlines()?;
            left = Condition::And(Box::new(left), Box::new(self.condition_term()?));
        }
        Ok(left)
    }

    fn condition_term(&mut self) -> Result<Condition> {
        self.depth += 1;
        self.check_depth()?;
        self.skip_newlines()?;
        let term = self.condition_primary()?;
        self.skip_newlines()?;
        self.depth -= 1;
        Ok(term)
    }

    fn condition_primary(&mut self) -> Result<Condition> {
        if self.is_op("(")? {
            self.take()?;
            let inner = self.condition_or()?;
            self.expect_op(")")?;
            return Ok(inner);
        }
        if self.is_word("!")? {
            self.take()?;
            return Ok(Condition::Not(Box::new(self.condition_term()?)));
        }
        let first = self.condition_word()?;
        if let Some(op) = first.as_literal().filter(|text| is_unary_test(text)) {
            let op = op.to_owned();
            if !self.is_word("]]")? && matches!(self.peek()?, Token::Word(_)) {
                return Ok(Condition::Unary(op, self.condition_word()?));
            }
        }
        let op = match self.peek()? {
            Token::Op(op @ ("<" | ">")) => (*op).to_owned(),
            Token::Word(word) => match word.as_literal() {
                Some("]]") | None => return Ok(Condition::Word(first)),
                Some(text) => text.to_owned(),
            },
            _ => return Ok(Condition::Word(first)),
        };
        if !is_binary_test(&op) {
            let text = "conditional binary operator expected".to_owned();
            return Err(SyntaxError::Other { text, line: self.token_line });
        }
        self.take()?;
        if op == "=~" {
            let pattern = self.regex_word()?;
            return Ok(Condition::Binary(first, op, pattern));
        }
        Ok(Condition::Binary(first, op, self.condition_word()?))
    }

    fn condition_word(&mut self) -> Result<Word> {
        match self.peek()?.clone() {
            Token::Word(word) => {
                self.take()?;
                Ok(word)
            }
            _ => Err(self.unclosed()),
        }
    }

    /// The pattern after `=~`: parentheses and bars in it do not end the word.
    fn regex_word(&mut self) -> Result<Word> {
        let mut word = Word::default();
        let mut end = None;
        loop {
            let token = self.peek()?.clone();
            if end.is_some_and(|end| end != self.token_start) {
                return Ok(word);
            }
            match token {
                Token::Word(found) => word.parts.extend(found.parts),
                Token::Op(op @ ("(" | ")" | "|" | "||" | "<" | ">")) => {
                    word.parts.push(Part::Literal(op.to_owned()));
                }
                _ if end.is_some() => return Ok(word),
                _ => return Err(self.unclosed()),
            }
            self.take()?;
            end = Some(self.pos);
        }
    }
}

/// Tests with one operand.
pub(super) fn is_unary_test(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|c| c.len() == 1 && "abcdefghknoprstuvwxzGLNOS".contains(c))
}

/// Tests with two operands.
pub(super) fn is_binary_test(text: &str) -> bool {
    matches!(
        text,
        "=" | "=="
            | "!="
            | "=~"
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
    )
}
