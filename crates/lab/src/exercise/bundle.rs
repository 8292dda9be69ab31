//! A whole exercise as one text, and as the text of a link.
//!
//! The text begins with `exercise.toml`; a line `=== NAME` begins each other file: `text.md`,
//! `solution.txt`, `also-NAME.txt`, `wrong-ID.txt`, `cheat-NAME.txt`. So an `exercise.toml` alone is one too,
//! and a line of it has the same number in both. Links and files come from strangers: every
//! length is capped and checked before it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::format::BadExercise;

/// What begins the line before a file.
const RULE: &str = "=== ";
/// All files of an exercise together.
pub(super) const BUNDLE_BYTES_MAX: usize = 512 << 10;
/// A link is typed, mailed and kept in histories: browsers and mail take this much.
const LINK_BYTES_MAX: usize = 64 << 10;
/// How the names of scripts begin.
pub(super) const SCRIPTS: [&str; 3] = ["also-", "wrong-", "cheat-"];
/// As many as an exercise may have.
const SCRIPTS_COUNT_MAX: usize = 200;

const MAGIC: &[u8; 4] = b"QEX1";
const HEAD_LEN: usize = 8;
const DEFLATE_LEVEL: u8 = 9;

/// The files of an exercise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// `exercise.toml`.
    pub source: String,
    /// `text.md`; may be empty.
    pub text: String,
    /// `solution.txt`; may be empty.
    pub solution: String,
    /// `also-*.txt`, `wrong-*.txt` and `cheat-*.txt`, by their names, in order.
    pub scripts: Vec<(String, String)>,
}

impl Folder {
    /// Reads a text that holds all of them.
    pub fn parse(bundle: &str) -> Result<Folder, BadExercise> {
        if bundle.len() > BUNDLE_BYTES_MAX {
            let most = BUNDLE_BYTES_MAX >> 10;
            return Err(BadExercise::new(format!("an exercise has at most {most} KiB")));
        }
        let (source, mut rest) = cut(bundle);
        let mut folder = Folder { source: source.to_owned(), ..Folder::default() };
        let mut line = source.matches('\n').count() + 1;
        while let Some(part) = rest {
            let (head, body) = part.split_once('\n').unwrap_or((part, ""));
            let (body, next) = cut(body);
            let name = head[RULE.len()..].trim();
            folder
                .put(name, body)
                .map_err(|why| BadExercise::new(format!("line {line}: {why}")))?;
            line += 1 + body.matches('\n').count();
            rest = next;
        }
        folder.scripts.sort_unstable();
        Ok(folder)
    }

    fn put(&mut self, name: &str, body: &str) -> Result<(), String> {
        let twice = || Err(format!("{name} is there twice"));
        match name {
            "text.md" if self.text.is_empty() => self.text = body.to_owned(),
            "solution.txt" if self.solution.is_empty() => self.solution = body.to_owned(),
            "text.md" | "solution.txt" => return twice(),
            _ if is_script(name) => {
                if self.scripts.iter().any(|(other, _)| other == name) {
                    return twice();
                }
                if self.scripts.len() >= SCRIPTS_COUNT_MAX {
                    return Err(format!("more than {SCRIPTS_COUNT_MAX} scripts"));
                }
                self.scripts.push((name.to_owned(), body.to_owned()));
            }
            _ => {
                return Err(format!(
                    "'{}' is no file of an exercise, expected text.md, solution.txt, also-NAME.txt, wrong-ID.txt or cheat-NAME.txt",
                    name.chars().take(40).collect::<String>()
                ));
            }
        }
        Ok(())
    }

    /// The text that holds all of them.
    pub fn to_text(&self) -> String {
        let mut out = self.source.clone();
        let own = [("text.md", &self.text), ("solution.txt", &self.solution)];
        let own = own.into_iter().filter(|(_, body)| !body.is_empty());
        let scripts = self.scripts.iter().map(|(name, body)| (name.as_str(), body));
        for (name, body) in own.chain(scripts) {
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&format!("{RULE}{name}\n{body}"));
        }
        out
    }
}

/// The `exercise.toml` a text begins with.
pub(super) fn toml_of(bundle: &str) -> &str {
    cut(bundle).0
}

/// Up to the next line that begins a file, and from there on.
fn cut(text: &str) -> (&str, Option<&str>) {
    if text.starts_with(RULE) {
        return ("", Some(text));
    }
    match text.find("\n=== ") {
        Some(at) => (&text[..=at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn is_script(name: &str) -> bool {
    let stem = name.strip_suffix(".txt").unwrap_or_default();
    let id = SCRIPTS.iter().find_map(|kind| stem.strip_prefix(kind));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    id.is_some_and(|id| !id.is_empty() && id.len() <= 64 && id.chars().all(fits))
}

/// The text of a link that opens this exercise, without what comes before it.
pub fn to_link(bundle: &str) -> Result<String, String> {
    let packed = miniz_oxide::deflate::compress_to_vec(bundle.as_bytes(), DEFLATE_LEVEL);
    if packed.len() > LINK_BYTES_MAX {
        let (is, most) = (packed.len() >> 10, LINK_BYTES_MAX >> 10);
        return Err(format!(
            "packed, this exercise has {is} KiB, and a link holds at most {most}: save it to a file instead"
        ));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&Sha256::digest(&packed)[..HEAD_LEN - MAGIC.len()]);
    bytes.extend_from_slice(&packed);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The exercise a link holds.
pub fn from_link(text: &str) -> Result<String, String> {
    let damaged = || "this link is damaged: a part is missing or was changed on the way".to_owned();
    if text.len() > (HEAD_LEN + LINK_BYTES_MAX) * 4 / 3 + 4 {
        return Err("this link is longer than any of ours".into());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| damaged())?;
    let (head, packed) = bytes.split_at_checked(HEAD_LEN).ok_or_else(damaged)?;
    if head[..MAGIC.len()] != *MAGIC {
        return Err("this link holds no exercise".into());
    }
    if head[MAGIC.len()..] != Sha256::digest(packed)[..HEAD_LEN - MAGIC.len()] {
        return Err(damaged());
    }
    let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, BUNDLE_BYTES_MAX)
        .map_err(|_| damaged())?;
    String::from_utf8(plain).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "slug = \"a\"\n=== text.md\n# A\n\ntext\n=== solution.txt\necho a\n=== cheat-x.txt\ntrue\n=== wrong-y.txt\nfalse\n";

    #[test]
    fn a_bundle_is_its_files_and_back() {
        let folder = Folder::parse(ALL).unwrap();
        assert_eq!(folder.source, "slug = \"a\"\n");
        assert_eq!(folder.text, "# A\n\ntext\n");
        assert_eq!(folder.solution, "echo a\n");
        let names: Vec<&str> = folder.scripts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cheat-x.txt", "wrong-y.txt"]);
        assert_eq!(folder.to_text(), ALL);
        let alone = Folder::parse("slug = \"a\"").unwrap();
        assert_eq!((alone.source.as_str(), alone.text.as_str()), ("slug = \"a\"", ""));
        assert_eq!(Folder::parse("").unwrap(), Folder::default());
    }

    #[test]
    fn a_file_that_is_none_is_named_with_its_line() {
        let error = |text: &str| Folder::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("a = 1\nb = 2\n=== ../../etc/passwd\n"),
            "line 3: '../../etc/passwd' is no file of an exercise, expected text.md, solution.txt, also-NAME.txt, wrong-ID.txt or cheat-NAME.txt"
        );
        assert_eq!(error("=== text.md\na\n=== text.md\nb\n"), "line 3: text.md is there twice");
        assert!(error("=== wrong-.txt\n").starts_with("line 1: 'wrong-.txt' is no file"));
        assert!(error(&"x".repeat(BUNDLE_BYTES_MAX + 1)).contains("at most 512 KiB"));
    }

    #[test]
    fn a_link_brings_it_whole_or_not_at_all() {
        let link = to_link(ALL).unwrap();
        assert_eq!(from_link(&link).as_deref(), Ok(ALL));
        for len in 0..link.len() {
            assert!(from_link(&link[..len]).is_err(), "cut at {len}");
        }
        for at in 0..link.len() {
            let mut damaged = link.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            assert!(from_link(std::str::from_utf8(&damaged).unwrap()).is_err(), "at {at}");
        }
        assert!(from_link("<script>alert(1)</script>").is_err());
    }

    #[test]
    fn a_link_that_unpacks_without_end_is_refused() {
        let packed = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 40 << 20], 9);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&Sha256::digest(&packed)[..4]);
        bytes.extend_from_slice(&packed);
        let link = URL_SAFE_NO_PAD.encode(bytes);
        assert!(from_link(&link).unwrap_err().contains("damaged"));
    }

    #[test]
    fn what_no_link_can_hold_is_said() {
        // Text that does not pack: 200 KiB of hashes.
        let mut text = String::new();
        let mut hash = Sha256::digest(b"a");
        while text.len() < 200 << 10 {
            hash = Sha256::digest(hash);
            text.push_str(&URL_SAFE_NO_PAD.encode(hash));
        }
        assert!(to_link(&text).unwrap_err().contains("save it to a file"));
    }
}
