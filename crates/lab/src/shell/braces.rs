//! `a{b,c}d` and `{1..5}`: one word becomes several, before anything else happens to it.

use super::ast::{Part, Word};

/// At most so many words come of one; beyond it the braces stay as they are.
const WORDS_MAX: usize = 100_000;

/// A plain character, or a part that is left alone.
#[derive(Clone, Debug)]
enum Atom {
    Char(char),
    Part(Part),
}

/// The words that come of `word`.
pub(super) fn expand(word: &Word) -> Vec<Word> {
    let plain = |part: &Part| matches!(part, Part::Literal(text) if text.contains('{'));
    if !word.parts.iter().any(plain) {
        return vec![word.clone()];
    }
    let mut atoms = Vec::new();
    for part in &word.parts {
        match part {
            Part::Literal(text) => atoms.extend(text.chars().map(Atom::Char)),
            other => atoms.push(Atom::Part(other.clone())),
        }
    }
    match expand_atoms(&atoms, 0) {
        Some(all) => all.into_iter().map(to_word).collect(),
        None => vec![word.clone()],
    }
}

fn to_word(atoms: Vec<Atom>) -> Word {
    let mut parts = Vec::new();
    for atom in atoms {
        match (atom, parts.last_mut()) {
            (Atom::Char(c), Some(Part::Literal(text))) => text.push(c),
            (Atom::Char(c), _) => parts.push(Part::Literal(c.to_string())),
            (Atom::Part(part), _) => parts.push(part),
        }
    }
    Word { parts }
}

/// None when too many would come.
fn expand_atoms(atoms: &[Atom], depth: u32) -> Option<Vec<Vec<Atom>>> {
    let mut from = 0;
    while let Some(open) = (from..atoms.len()).find(|i| is_char(&atoms[*i], '{')) {
        let found = if depth < 16 { group(atoms, open) } else { None };
        let Some((close, commas)) = found else {
            from = open + 1;
            continue;
        };
        let inner = &atoms[open + 1..close];
        let choices = if commas.is_empty() {
            sequence(inner)?
        } else {
            let mut choices = Vec::new();
            let mut start = open + 1;
            for end in commas.into_iter().chain([close]) {
                choices.extend(expand_atoms(&atoms[start..end], depth + 1)?);
                start = end + 1;
            }
            choices
        };
        let tails = expand_atoms(&atoms[close + 1..], depth)?;
        if choices.len().saturating_mul(tails.len()) > WORDS_MAX {
            return None;
        }
        let mut all = Vec::with_capacity(choices.len() * tails.len());
        for choice in &choices {
            for tail in &tails {
                all.push([&atoms[..open], choice, tail].concat());
            }
        }
        return Some(all);
    }
    Some(vec![atoms.to_vec()])
}

fn is_char(atom: &Atom, wanted: char) -> bool {
    matches!(atom, Atom::Char(c) if *c == wanted)
}

/// The brace that closes the one at `open`, and the commas between; none where the braces mean
/// nothing.
fn group(atoms: &[Atom], open: usize) -> Option<(usize, Vec<usize>)> {
    let mut depth = 0u32;
    let mut commas = Vec::new();
    for (i, atom) in atoms.iter().enumerate().skip(open + 1) {
        match atom {
            Atom::Char('{') => depth += 1,
            Atom::Char('}') if depth > 0 => depth -= 1,
            Atom::Char('}') => {
                let means = !commas.is_empty() || bounds(&atoms[open + 1..i]).is_some();
                return means.then_some((i, commas));
            }
            Atom::Char(',') if depth == 0 => commas.push(i),
            _ => {}
        }
    }
    None
}

/// `1..5`, `a..e`, `1..9..2`: first, last, step, and whether they are letters.
struct Bounds {
    first: i64,
    last: i64,
    step: i64,
    letters: bool,
    /// Zeros are kept in front up to this width.
    width: usize,
}

fn bounds(inner: &[Atom]) -> Option<Bounds> {
    let mut text = String::new();
    for atom in inner {
        match atom {
            Atom::Char(c) => text.push(*c),
            Atom::Part(_) => return None,
        }
    }
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts.as_slice() {
        [first, last] => (*first, *last, 1),
        [first, last, step] => (*first, *last, step.parse::<i64>().ok()?),
        _ => return None,
    };
    let step = step.checked_abs()?.max(1);
    if let (Ok(low), Ok(high)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let padded = |text: &str| {
            let digits = text.trim_start_matches('-');
            digits.len() > 1 && digits.starts_with('0')
        };
        let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
        return Some(Bounds { first: low, last: high, step, letters: false, width });
    }
    let letter = |text: &str| {
        let mut chars = text.chars();
        let c = chars.next().filter(char::is_ascii_alphabetic)?;
        chars.next().is_none().then_some(i64::from(u32::from(c)))
    };
    Some(Bounds { first: letter(first)?, last: letter(last)?, step, letters: true, width: 0 })
}

fn sequence(inner: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let Bounds { first, last, step, letters, width } = bounds(inner)?;
    let count = usize::try_from(first.abs_diff(last) / step.unsigned_abs()).ok()?;
    if count >= WORDS_MAX {
        return None;
    }
    let mut all = Vec::with_capacity(count + 1);
    for i in 0..=count as i64 {
        let value = if first <= last { first + i * step } else { first - i * step };
        let text = if letters {
            u8::try_from(value).map(char::from).ok()?.to_string()
        } else if value < 0 {
            format!("-{:0>1$}", value.unsigned_abs(), width.saturating_sub(1))
        } else {
            format!("{value:0>width$}")
        };
        all.push(text.chars().map(Atom::Char).collect());
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_expand_as_in_bash() {
        let table = [
            ("a{b,c}d", "abd acd"),
            ("{1..3}", "1 2 3"),
            ("{3..1}", "3 2 1"),
            ("{a..e..2}", "a c e"),
            ("{01..03}", "01 02 03"),
            ("x{a,}", "xa x"),
            ("{a}", "{a}"),
            ("{}", "{}"),
            ("{a,b}{1,2}", "a1 a2 b1 b2"),
            ("a{b{c,d},e}f", "abcf abdf aef"),
            ("{-2..2}", "-2 -1 0 1 2"),
            ("{1..2..0}", "1 2"),
            ("{1..9999999}", "{1..9999999}"),
            ("{a,b", "{a,b"),
            ("{x{a,b}", "{xa {xb"),
            ("a,b", "a,b"),
        ];
        for (text, expected) in table {
            let words = expand(&Word::literal(text));
            let texts: Vec<&str> = words.iter().filter_map(Word::as_literal).collect();
            assert_eq!(texts.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn quoted_parts_are_left_alone() {
        let word = Word {
            parts: vec![
                Part::Literal("{a,".to_owned()),
                Part::Quoted("b,c".to_owned()),
                Part::Literal("}".to_owned()),
            ],
        };
        let words = expand(&word);
        assert_eq!(words.len(), 2);
        assert_eq!(words[1].parts, [Part::Quoted("b,c".to_owned())]);
    }
}
