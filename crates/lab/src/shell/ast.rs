//! The tree of a command line: what the parser makes and the interpreter runs.
//!
//! Plain data. Nothing here is expanded: a [`Word`] keeps its quotes and its `$`s as parts.

use std::cell::OnceCell;
use std::rc::Rc;

/// Commands one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Script {
    /// In order.
    pub items: Vec<Item>,
}

/// One list of a script, ended by `;`, `&` or a newline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// What runs.
    pub list: AndOr,
    /// Ended by `&`.
    pub background: bool,
    /// As it was typed, for `jobs`.
    pub text: String,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AndOr {
    /// The first one always runs.
    pub first: Pipeline,
    /// The others run by the status before them.
    pub rest: Vec<(Connector, Pipeline)>,
}

/// What joins two pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connector {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// Commands joined by `|`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pipeline {
    /// `! pipeline`
    pub negated: bool,
    /// `time pipeline`
    pub timed: bool,
    /// At least one.
    pub commands: Vec<Command>,
}

/// A command with its redirections.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    /// Where it stands in its script, from 1.
    pub line: u32,
    /// What it is.
    pub kind: Kind,
    /// In the order they were written, which is the order they are done.
    pub redirects: Vec<Redirect>,
}

/// The kinds of commands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `NAME=value command argument`
    Simple {
        /// Before the command's name.
        assigns: Vec<Assign>,
        /// The name and its arguments; none when there are only assignments.
        words: Vec<Word>,
    },
    /// `( list )`
    Subshell(Script),
    /// `{ list; }`
    Group(Script),
    /// `if list; then list; elif list; then list; else list; fi`
    If {
        /// Condition and body.
        arms: Vec<(Script, Script)>,
        /// After `else`.
        otherwise: Option<Script>,
    },
    /// `while list; do list; done`, or `until`
    While {
        /// Goes on while the condition fails.
        until: bool,
        /// The condition.
        condition: Script,
        /// The body.
        body: Script,
    },
    /// `for name in words; do list; done`
    For {
        /// The variable.
        name: String,
        /// None: the positional parameters.
        words: Option<Vec<Word>>,
        /// The body.
        body: Script,
    },
    /// `for ((a; b; c)); do list; done`
    ArithFor {
        /// Start, condition, step.
        heads: Box<[Word; 3]>,
        /// The body.
        body: Script,
    },
    /// `case word in pattern) list;; esac`
    Case {
        /// What is compared.
        word: Word,
        /// With what.
        arms: Vec<CaseArm>,
    },
    /// `name() command`
    Function {
        /// Its name.
        name: String,
        /// Its body.
        body: Rc<Command>,
    },
    /// `((expression))`
    Arith(Word),
    /// `[[ expression ]]`
    Condition(Condition),
}

/// One arm of a `case`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CaseArm {
    /// Any of them.
    pub patterns: Vec<Word>,
    /// The body.
    pub body: Script,
    /// What comes after the body.
    pub end: CaseEnd,
}

/// What follows the body of an arm of a `case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaseEnd {
    /// `;;` leaves the `case`.
    Leave,
    /// `;&` goes on with the next body.
    FallThrough,
    /// `;;&` goes on with the next pattern.
    TestNext,
}

/// The expression of `[[ ]]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// `! c`
    Not(Box<Condition>),
    /// `a && b`
    And(Box<Condition>, Box<Condition>),
    /// `a || b`
    Or(Box<Condition>, Box<Condition>),
    /// `-f word`
    Unary(String, Word),
    /// `word == word`
    Binary(Word, String, Word),
    /// A word alone: true when it is not empty.
    Word(Word),
}

/// `NAME=value` before a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assign {
    /// The variable.
    pub name: String,
    /// `NAME[index]=value`
    pub index: Option<Word>,
    /// `+=`
    pub append: bool,
    /// The value, not split into fields.
    pub value: Word,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Redirect {
    /// The descriptor written before the operator.
    pub fd: Option<u32>,
    /// What is done.
    pub op: RedirectOp,
}

/// What a redirection does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RedirectOp {
    /// `< file`
    Read(Word),
    /// `> file`, `>| file`
    Write(Word),
    /// `>> file`
    Append(Word),
    /// `<> file`
    ReadWrite(Word),
    /// `<& word`
    DupIn(Word),
    /// `>& word`
    DupOut(Word),
    /// `&> file`
    Both(Word),
    /// `&>> file`
    BothAppend(Word),
    /// `<< word`: the body, once the parser has come to it.
    Here(HereDoc),
    /// `<<< word`
    HereString(Word),
}

/// The body of a here-document. It stands after the line that asks for it, so it is filled in
/// later than the rest of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HereDoc {
    /// Filled in when the parser has read it.
    pub body: Rc<OnceCell<Word>>,
}

/// A word: parts side by side, with no white space between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    /// In order.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Plain characters: patterns, tildes and braces in them are meant.
    Literal(String),
    /// Quoted characters: nothing in them is special.
    Quoted(String),
    /// `"..."`: expansions happen, splitting and patterns do not.
    Double(Vec<Part>),
    /// `$name`, `${name...}`
    Param(Box<Param>),
    /// `$(...)` or backticks.
    Command(Rc<Script>),
    /// `$((...))`
    Arith(Word),
    /// `(word word ...)` after `NAME=`: the elements of an array.
    Array(Vec<Word>),
    /// `<(...)`, or with true `>(...)`: a file that leads to other commands.
    Process(bool, Rc<Script>),
}

/// A parameter with what is done to its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Param {
    /// A name, digits, or one of `@ * # ? $ ! - 0`.
    pub name: String,
    /// `${!name}`: the value is the name of another one.
    pub indirect: bool,
    /// `${name[index]}`: arithmetic, or `@` or `*`.
    pub index: Option<Word>,
    /// What is done.
    pub op: ParamOp,
    /// As it was typed, for error texts.
    pub text: String,
}

/// What is done to a parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ParamOp {
    /// `$x`
    Value,
    /// `${#x}`
    Length,
    /// `${x:-w}` and its kin: the character is one of `- = ? +`.
    Default {
        /// `:` before it: empty counts as unset.
        colon: bool,
        /// Which one.
        kind: char,
        /// The word after it.
        word: Word,
    },
    /// `${x#p} ${x##p} ${x%p} ${x%%p}`
    Trim {
        /// `%`
        suffix: bool,
        /// Doubled.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `${x/p/w}`
    Replace {
        /// `//`
        all: bool,
        /// `/#` or `/%`.
        anchor: Option<char>,
        /// The pattern.
        pattern: Word,
        /// The replacement.
        with: Word,
    },
    /// `${x:offset:length}`
    Slice {
        /// Arithmetic.
        offset: Word,
        /// Arithmetic.
        length: Option<Word>,
    },
    /// `${x^} ${x^^} ${x,} ${x,,}`
    Case {
        /// `^`
        upper: bool,
        /// Doubled.
        all: bool,
    },
    /// `${x@Q}`
    Quote,
    /// The text is not something the shell knows: an error when it is expanded.
    Bad,
}

impl Word {
    /// A word of plain characters.
    pub(super) fn literal(text: &str) -> Word {
        Word { parts: vec![Part::Literal(text.to_owned())] }
    }

    /// The text of a word without any quote or expansion.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}
