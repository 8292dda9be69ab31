//! What a teacher has on the table: the text of an exercise, what the session says of it, its
//! proof, its link; and the exercises that came by file or link.

use std::rc::Rc;

use lab::api::CourseRow;

use crate::link::Reply;

/// What happens while an exercise is written.
pub(crate) enum Do {
    /// The address names the editor, or `open/TEXT/SEED`, a link that holds an exercise.
    Enter(String),
    /// The text was changed by hand.
    Text(String),
    /// The files of an exercise of the course, or without a slug of a new one.
    Take(String),
    /// Lets the teacher choose a file.
    OpenFile,
    /// It was read.
    FileRead(Vec<u8>),
    /// Offers the text as a file.
    Save,
    /// The seed to try it with.
    Seed(u32),
    /// Begins it, as a learner would.
    Try,
    /// Makes a link of it.
    Link,
    /// Copies the link, or the lines for another page.
    Copy(String),
    /// Begins the proof.
    Prove,
    /// Gives the proof up.
    Stop,
    /// The second worker answered.
    Proved(Box<Reply>),
    /// Goes to a line of the text.
    Jump(u32),
}

/// A proof under way, or ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Steps done, and steps there are; 0 before that is known.
    pub(crate) done: u32,
    pub(crate) steps: u32,
    /// What is being shown.
    pub(crate) now: String,
    /// What is wrong.
    pub(crate) problems: Vec<String>,
    /// Nothing goes on any more.
    pub(crate) ended: bool,
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Teach {
    /// The text: `exercise.toml`, and the other files after lines `=== NAME`.
    pub(crate) text: Rc<str>,
    /// What the session says of it; none before it was asked.
    pub(crate) checked: Option<Result<Rc<CourseRow>, String>>,
    /// The text changed since it was asked.
    pub(crate) changed: bool,
    /// The seed to try it with.
    pub(crate) seed: u32,
    /// Its proof.
    pub(crate) proof: Option<Proof>,
    /// The text of its link.
    pub(crate) link: Option<Rc<str>>,
    /// Exercises that came by file or link.
    pub(crate) own: Vec<CourseRow>,
}

impl Default for Teach {
    fn default() -> Teach {
        Teach {
            text: "".into(),
            checked: None,
            changed: false,
            seed: 1,
            proof: None,
            link: None,
            own: Vec::new(),
        }
    }
}

impl Teach {
    /// The exercise, if the text as it stands is one.
    pub(crate) fn row(&self) -> Option<&CourseRow> {
        match &self.checked {
            Some(Ok(row)) if !self.changed => Some(row),
            _ => None,
        }
    }
}

/// The files of a text, each with the line it begins at.
pub(crate) fn parts(text: &str) -> Vec<(u32, &str)> {
    let mut parts = vec![(1, "exercise.toml")];
    for (number, line) in (1..).zip(text.split('\n')) {
        if let Some(name) = line.strip_prefix("=== ") {
            parts.push((number, name.trim()));
        }
    }
    parts
}

/// The line a sentence of the session is about, if it names one.
pub(crate) fn line_of(sentence: &str) -> Option<u32> {
    let rest = sentence.strip_prefix("line ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Where a line begins and ends, in the units of the browser.
pub(crate) fn place_of(text: &str, line: u32) -> (u32, u32) {
    let mut from = 0_u32;
    for (number, it) in (1..).zip(text.split('\n')) {
        let length = it.chars().map(|c| c.len_utf16() as u32).sum::<u32>();
        if number == line {
            return (from, from + length);
        }
        from += length + 1;
    }
    (from, from)
}

/// What a page that shows the exercise in a frame has to say.
pub(crate) fn frame_of(url: &str, slug: &str, panel: bool) -> String {
    let (page, fragment) = url.split_once('#').unwrap_or((url, ""));
    let page = page.split('?').next().unwrap_or(page);
    let panel = if panel { "shown" } else { "hidden" };
    format!(
        "<iframe src=\"{page}?panel={panel}#{fragment}\" title=\"Quorum Lab: {slug}\" width=\"100%\" height=\"760\"></iframe>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_lines_are_found() {
        let text = "slug = \"a\"\nü\n=== text.md\n# A\n=== solution.txt\nx";
        assert_eq!(parts(text), [(1, "exercise.toml"), (3, "text.md"), (5, "solution.txt")]);
        assert_eq!(line_of("line 12, when: unknown"), Some(12));
        assert_eq!(line_of("slug: no"), None);
        assert_eq!(place_of(text, 1), (0, 10));
        assert_eq!(place_of(text, 2), (11, 12));
        assert_eq!(place_of(text, 3), (13, 24));
        assert_eq!(place_of("a", 9).0, 2);
    }

    #[test]
    fn a_frame_says_whether_the_panel_is_shown() {
        assert_eq!(
            frame_of("https://x/lab/?a=1#/course/b/7", "b", false),
            "<iframe src=\"https://x/lab/?panel=hidden#/course/b/7\" title=\"Quorum Lab: b\" width=\"100%\" height=\"760\"></iframe>"
        );
    }
}
