//! The little Markdown that exercises are written in: headings, paragraphs, lists, code,
//! strong, links. What is not among these stays text; nothing of it is ever HTML.
//!
//! Words of the glossary become buttons that open their meaning, each at its first use.

use lab::api::Term;
use yew::{Html, html};

/// Lists in lists; deeper ones are text.
const DEPTH_MAX: u8 = 3;

/// Turns texts into elements, and remembers which words they used.
pub(crate) struct Writer<'a> {
    words: &'a [Term],
    used: Vec<usize>,
    /// Tells one writer's popovers from another's.
    name: &'static str,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Span<'a> {
    Text(&'a str),
    Code(&'a str),
    Strong(&'a str),
    Link(&'a str, &'a str),
}

/// A block of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    Heading(String),
    Text(String),
    Code(String),
    /// Its items, each of blocks, and whether they are numbered.
    List(bool, Vec<Vec<Block>>),
}

impl<'a> Writer<'a> {
    /// With these words to link.
    pub(crate) fn new(name: &'static str, words: &'a [Term]) -> Writer<'a> {
        Writer { words, used: Vec::new(), name }
    }

    /// A whole text.
    pub(crate) fn text(&mut self, text: &str) -> Html {
        let blocks = blocks(&text.lines().collect::<Vec<_>>(), 0);
        self.blocks(&blocks)
    }

    /// A line: no blocks, only what is inside of them.
    pub(crate) fn line(&mut self, line: &str) -> Html {
        let mut out = Vec::new();
        for span in spans(line) {
            out.push(match span {
                Span::Text(text) => self.linked(text),
                Span::Code(code) => html! { <code>{ code.to_string() }</code> },
                Span::Strong(text) => {
                    let inner = self.linked(text);
                    html! { <strong>{ inner }</strong> }
                }
                Span::Link(text, url) => html! {
                    <a href={url.to_string()} target="_blank" rel="noopener noreferrer">{ text.to_string() }</a>
                },
            });
        }
        out.into_iter().collect()
    }

    /// A word of the glossary by its name, as a button; plain where it is not known.
    pub(crate) fn word(&mut self, name: &str) -> Html {
        match self.words.iter().position(|term| term.names.iter().any(|it| it == name)) {
            Some(place) => self.button(place, name),
            None => html! { <span>{ name.to_string() }</span> },
        }
    }

    /// The meanings of the words that were used; they open from their buttons.
    pub(crate) fn meanings(&self) -> Html {
        let mut out = Vec::new();
        for place in &self.used {
            let term = &self.words[*place];
            out.push(html! {
                <div key={*place} id={self.id(*place)} popover="auto" class="meaning" role="note">
                    <b>{ term.names[0].clone() }</b>{ " " }{ term.means.clone() }
                </div>
            });
        }
        out.into_iter().collect()
    }

    fn id(&self, place: usize) -> String {
        format!("{}-{place}", self.name)
    }

    fn button(&mut self, place: usize, shown: &str) -> Html {
        if !self.used.contains(&place) {
            self.used.push(place);
        }
        html! { <button type="button" class="word" popovertarget={self.id(place)}>{ shown.to_string() }</button> }
    }

    /// Text with the words in it that were not linked yet.
    fn linked(&mut self, text: &str) -> Html {
        let Some((from, to, place)) = find(text, self.words, &self.used) else {
            return html! { text.to_string() };
        };
        // What ends a sentence or a clause stays on the line of the word before it.
        let end =
            text[to..].find(|c: char| !c.is_ascii_punctuation()).map_or(text.len(), |it| to + it);
        let button = self.button(place, &text[from..to]);
        let rest = self.linked(&text[end..]);
        html! {
            <>
                { text[..from].to_string() }
                <span class="together">{ button }{ text[to..end].to_string() }</span>
                { rest }
            </>
        }
    }

    fn blocks(&mut self, blocks: &[Block]) -> Html {
        let mut out = Vec::new();
        for block in blocks {
            out.push(match block {
                Block::Heading(text) => html! { <h3>{ self.line(text) }</h3> },
                Block::Text(text) => html! { <p>{ self.line(text) }</p> },
                Block::Code(text) => {
                    html! { <pre tabindex="0"><code>{ text.clone() }</code></pre> }
                }
                Block::List(numbered, items) => {
                    let mut rows = Vec::new();
                    for item in items {
                        rows.push(html! { <li>{ self.blocks(item) }</li> });
                    }
                    let rows: Html = rows.into_iter().collect();
                    if *numbered {
                        html! { <ol>{ rows }</ol> }
                    } else {
                        html! { <ul>{ rows }</ul> }
                    }
                }
            });
        }
        out.into_iter().collect()
    }
}

/// The first word of the glossary in a text that is not among those used: from, to, which.
fn find(text: &str, words: &[Term], used: &[usize]) -> Option<(usize, usize, usize)> {
    let inner = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut before = ' ';
    for (from, first) in text.char_indices() {
        let begins = !inner(before) && first.is_alphabetic();
        before = first;
        if !begins {
            continue;
        }
        let mut best: Option<(usize, usize, usize)> = None;
        for (place, term) in words.iter().enumerate().filter(|(place, _)| !used.contains(place)) {
            for name in &term.names {
                let to = from + name.len();
                let same = text.get(from..to).is_some_and(|it| it.eq_ignore_ascii_case(name));
                let ends = same && !text[to..].chars().next().is_some_and(inner);
                if ends && best.is_none_or(|(_, end, _)| to > end) {
                    best = Some((from, to, place));
                }
            }
        }
        if best.is_some() {
            return best;
        }
    }
    None
}

/// The pieces of a line.
fn spans(line: &str) -> Vec<Span<'_>> {
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < line.len() {
        let rest = &line[at..];
        let found = enclosed(rest, "`", "`")
            .map(|(inner, size)| (Span::Code(inner), size))
            .or_else(|| enclosed(rest, "**", "**").map(|(inner, size)| (Span::Strong(inner), size)))
            .or_else(|| link(rest));
        match found {
            Some((span, size)) => {
                if from < at {
                    out.push(Span::Text(&line[from..at]));
                }
                out.push(span);
                at += size;
                from = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if from < at {
        out.push(Span::Text(&line[from..at]));
    }
    out
}

/// What is between two marks at the beginning of a text, and how long the whole is.
fn enclosed<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, usize)> {
    let inner = text.strip_prefix(open)?;
    let end = inner.find(close).filter(|end| *end > 0)?;
    Some((&inner[..end], open.len() + end + close.len()))
}

/// A link at the beginning of a text. Only the web is linked to.
fn link(text: &str) -> Option<(Span<'_>, usize)> {
    let (shown, first) = enclosed(text, "[", "]")?;
    let (url, second) = enclosed(&text[first..], "(", ")")?;
    let web = url.starts_with("https://") && !url.contains(char::is_whitespace);
    web.then_some((Span::Link(shown, url), first + second))
}

/// The text of a list item's first line, how far it is indented, and whether it is numbered.
fn item(line: &str) -> Option<(&str, usize, bool)> {
    if let Some(text) = line.strip_prefix("* ").or_else(|| line.strip_prefix("- ")) {
        return Some((text, 2, false));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let text = line[digits..].strip_prefix(". ").filter(|_| digits > 0)?;
    Some((text, digits + 2, true))
}

/// The blocks of lines that are `depth` lists deep already.
fn blocks(lines: &[&str], depth: u8) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut at = 0;
    // Whether the last line belongs to a paragraph that the next one continues.
    let mut open = false;
    while let Some(line) = lines.get(at) {
        at += 1;
        let bare = line.trim_end();
        if bare.is_empty() {
            open = false;
        } else if bare.starts_with("```") {
            let rest = lines[at..].iter();
            let code: Vec<&str> = rest.take_while(|it| !it.starts_with("```")).copied().collect();
            at += code.len() + 1;
            out.push(Block::Code(code.join("\n")));
            open = false;
        } else if let Some(text) = bare.strip_prefix('#') {
            out.push(Block::Heading(text.trim_start_matches('#').trim().into()));
            open = false;
        } else if let Some((text, indent, numbered)) = item(bare).filter(|_| depth < DEPTH_MAX) {
            let inside = |it: &&&str| it.trim().is_empty() || begins_with_spaces(it, indent);
            let more: Vec<&str> = lines[at..].iter().take_while(inside).copied().collect();
            at += more.len();
            let mut inner = vec![text];
            inner.extend(more.iter().map(|it| it.get(indent..).unwrap_or_default()));
            let inner = blocks(&inner, depth + 1);
            match out.last_mut() {
                Some(Block::List(same, items)) if *same == numbered => items.push(inner),
                _ => out.push(Block::List(numbered, vec![inner])),
            }
            open = false;
        } else {
            match out.last_mut() {
                Some(Block::Text(text)) if open => {
                    text.push(' ');
                    text.push_str(bare.trim_start());
                }
                _ => out.push(Block::Text(bare.trim_start().into())),
            }
            open = true;
        }
    }
    out
}

fn begins_with_spaces(line: &str, count: usize) -> bool {
    line.len() >= count && line.as_bytes()[..count].iter().all(|byte| *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Block {
        Block::Text(text.into())
    }

    #[test]
    fn a_text_is_blocks() {
        let lines =
            "# Two\n\nOne\nline.\n\n1. First\n\n   `a b`\n2. Second\n* x\n```\n# not\n```\nEnd";
        let found = blocks(&lines.lines().collect::<Vec<_>>(), 0);
        let wanted = vec![
            Block::Heading("Two".into()),
            text("One line."),
            Block::List(true, vec![vec![text("First"), text("`a b`")], vec![text("Second")]]),
            Block::List(false, vec![vec![text("x")]]),
            Block::Code("# not".into()),
            text("End"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn lists_end_somewhere() {
        assert_eq!(blocks(&["* ".repeat(100_000).as_str()], 0).len(), 1);
    }

    #[test]
    fn a_line_is_spans_and_what_is_not_markdown_stays_text() {
        assert_eq!(
            spans("a `b **c**` **d** [e](https://f.g)"),
            [
                Span::Text("a "),
                Span::Code("b **c**"),
                Span::Text(" "),
                Span::Strong("d"),
                Span::Text(" "),
                Span::Link("e", "https://f.g"),
            ]
        );
        for plain in ["<b onclick=x>", "[a](javascript:alert(1))", "2 * 3 ** 4", "`open", "ü [ ("]
        {
            assert_eq!(spans(plain), [Span::Text(plain)], "{plain}");
        }
    }

    #[test]
    fn the_longest_word_wins_and_parts_of_words_are_none() {
        let term = |names: &[&str]| Term {
            names: names.iter().map(|it| (*it).to_string()).collect(),
            means: String::new(),
        };
        let words = [term(&["term", "terms"]), term(&["election"]), term(&["election timeout"])];
        assert_eq!(find("An election timeout", &words, &[]), Some((3, 19, 2)));
        assert_eq!(find("determine midterm term-0", &words, &[]), None);
        assert_eq!(find("Terms.", &words, &[]), Some((0, 5, 0)));
        assert_eq!(find("Terms.", &words, &[0]), None);
    }
}
