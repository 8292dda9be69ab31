//! Shell patterns: `*`, `?`, `[...]`, and `\` before what is meant as itself.
//!
//! Used by file name expansion, `case`, `[[ == ]]`, `${x%pattern}` and `find -name`.

/// A pattern ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    One(char),
    AnyOne,
    AnyRun,
    Set { negated: bool, items: Vec<SetItem> },
}

#[derive(Clone, Debug)]
enum SetItem {
    Range(char, char),
    Class(String),
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut i = 0;
        while i < chars.len() {
            let c = chars[i];
            i += 1;
            match c {
                '\\' if i < chars.len() => {
                    tokens.push(Token::One(chars[i]));
                    i += 1;
                }
                '*' => {
                    if !matches!(tokens.last(), Some(Token::AnyRun)) {
                        tokens.push(Token::AnyRun);
                    }
                }
                '?' => tokens.push(Token::AnyOne),
                '[' => match set(&chars, i) {
                    Some((token, next)) => {
                        tokens.push(token);
                        i = next;
                    }
                    None => tokens.push(Token::One('[')),
                },
                _ => tokens.push(Token::One(c)),
            }
        }
        Pattern { tokens }
    }

    /// Whether the whole of `text` fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.matches_chars(&chars)
    }

    /// The same on characters. It goes back to the last `*` only, which is enough.
    pub(crate) fn matches_chars(&self, text: &[char]) -> bool {
        let (mut t, mut p) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.tokens.get(p) {
                Some(Token::AnyRun) => {
                    star = Some((p, t));
                    p += 1;
                    continue;
                }
                Some(token) if t < text.len() && token.fits(text[t]) => {
                    t += 1;
                    p += 1;
                    continue;
                }
                None if t == text.len() => return true,
                _ => {}
            }
            let Some((star_p, star_t)) = star.filter(|(_, star_t)| *star_t < text.len()) else {
                return false;
            };
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        }
    }

    /// Whether a `.` at the beginning is asked for by itself.
    pub(crate) fn begins_with_dot(&self) -> bool {
        matches!(self.tokens.first(), Some(Token::One('.')))
    }
}

impl Token {
    fn fits(&self, c: char) -> bool {
        match self {
            Token::One(one) => *one == c,
            Token::AnyOne => true,
            Token::AnyRun => false,
            Token::Set { negated, items } => {
                let found = items.iter().any(|item| match item {
                    SetItem::Range(from, to) => (*from..=*to).contains(&c),
                    SetItem::Class(name) => in_class(name, c),
                });
                found != *negated
            }
        }
    }
}

/// Whether `c` is in the class of `[[:name:]]`.
pub(crate) fn in_class(name: &str, c: char) -> bool {
    match name {
        "alpha" => c.is_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_alphanumeric(),
        "upper" => c.is_uppercase(),
        "lower" => c.is_lowercase(),
        "space" => c.is_whitespace(),
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "print" => !c.is_control(),
        "graph" => !c.is_control() && c != ' ',
        "cntrl" => c.is_control(),
        "xdigit" => c.is_ascii_hexdigit(),
        _ => false,
    }
}

/// A set whose `[` stands before `i`: the token, and the place after its `]`.
fn set(chars: &[char], mut i: usize) -> Option<(Token, usize)> {
    let negated = matches!(chars.get(i), Some('!' | '^'));
    if negated {
        i += 1;
    }
    let start = i;
    let mut items = Vec::new();
    loop {
        let mut c = *chars.get(i)?;
        if c == ']' && i > start {
            return Some((Token::Set { negated, items }, i + 1));
        }
        if c == '[' && chars.get(i + 1) == Some(&':') {
            let rest: String = chars[i + 2..].iter().collect();
            if let Some(len) = rest.find(":]") {
                i += 2 + rest[..len].chars().count() + 2;
                items.push(SetItem::Class(rest[..len].to_owned()));
                continue;
            }
        }
        if c == '\\' {
            i += 1;
            c = *chars.get(i)?;
        }
        i += 1;
        if chars.get(i) == Some(&'-') && chars.get(i + 1).is_some_and(|end| *end != ']') {
            let mut end = chars[i + 1];
            i += 2;
            if end == '\\' {
                end = *chars.get(i)?;
                i += 1;
            }
            items.push(SetItem::Range(c, end));
        } else {
            items.push(SetItem::Range(c, c));
        }
    }
}

/// Puts a `\` before what a pattern would take for special.
pub(crate) fn escape_into(text: &str, out: &mut String) {
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '-' | '!' | '^') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Whether the pattern text has anything special in it.
pub(crate) fn is_pattern(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

/// Takes the `\`s of a pattern text away again.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_bash() {
        let table = [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("?", "", false),
            ("??", "ab", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[[:digit:]]*", "7up", true),
            ("[[:upper:][:digit:]]", "a", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("[", "[", true),
            ("[a", "[a", true),
            ("*.txt", "a.txt", true),
            ("a[b", "a[b", true),
            ("é?", "éa", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = Pattern::new(&("a*".repeat(40) + "b"));
        assert!(!pattern.matches(&"a".repeat(2000)));
        assert!(pattern.matches(&("a".repeat(2000) + "b")));
    }
}
