//! `vi`, `vim`, `view` and `nano`: programs that ask their terminal for an editor.
//!
//! The editor itself is the page's: it holds the text while it is changed. What it asks to be
//! written is written here, with the rights of the user, and answered in the program's words.
//! A terminal without a screen has no editor, and the program says so.

use std::rc::Rc;

use sim::{Editor, EditorAsk, Errno, Fd, SpawnSpec, Sys};

use crate::programs::Program;

/// What an editor opens; a recipe carries every text that is saved.
const TEXT_BYTES_MAX: u64 = 1 << 20;
/// `access` asks by this bit whether one may write.
const MAY_WRITE: u16 = 2;
/// Somebody may write a file with one of these bits.
const WRITE_BITS: u16 = 0o222;
const OWNER_WRITES: u16 = 0o200;

macro_rules! program {
    ($const:ident, $name:literal, $keys:expr) => {
        /// The entry of the table of programs.
        pub(super) const $const: Program = Program {
            name: $name,
            summary: "edit a file",
            usage: concat!($name, " [+LINE] [FILE]"),
            run: |sys| Box::pin(run(sys, $keys)),
            complete: None,
        };
    };
}

program!(VI, "vi", Keys::Vi);
program!(VIM, "vim", Keys::Vi);
program!(VIEW, "view", Keys::Vi);
program!(NANO, "nano", Keys::Nano);

/// Whose words and keys an editor has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Vi,
    Nano,
}

/// What became of a wish to write.
struct Written {
    message: String,
    failed: bool,
}

impl Written {
    fn failed(message: String) -> Written {
        Written { message, failed: true }
    }
}

/// A file being edited.
struct Edited {
    sys: Sys,
    keys: Keys,
    editor: Editor,
    /// It held bytes that are no text.
    binary: bool,
}

async fn run(sys: Sys, keys: Keys) -> i32 {
    let args = sys.args();
    let name = args[0].rsplit('/').next().unwrap_or("vi").to_owned();
    let asked = |flag: &str| args[1..].iter().any(|arg| arg == flag);
    let read_only = name == "view" || asked("-R") || asked("-v");
    let is_file = |arg: &&String| !arg.starts_with('+') && (!arg.starts_with('-') || *arg == "-");
    let path = args[1..].iter().find(is_file).cloned().unwrap_or_default();
    if sys.screen().is_none() || !sys.is_tty(Fd::STDIN) {
        let instead = if path.is_empty() { "FILE" } else { &path };
        let text = format!(
            "{name}: this terminal has no screen for an editor; write the file with: tee {instead} <<'EOF'\n"
        );
        sys.eprint(&text).await;
        return 1;
    }
    match Edited::open(&sys, keys, &path, read_only) {
        Ok(edited) => edited.serve().await,
        Err(text) => {
            sys.eprint(&format!("{text}\n")).await;
            1
        }
    }
}

impl Edited {
    fn open(sys: &Sys, keys: Keys, path: &str, read_only: bool) -> Result<Edited, String> {
        let mut editor = Editor {
            keys: if keys == Keys::Vi { "vi" } else { "nano" }.to_owned(),
            path: path.to_owned(),
            ..Editor::default()
        };
        let stat = if path.is_empty() { Err(Errno::Enoent) } else { sys.stat(path) };
        let content = match &stat {
            Ok(stat) if stat.is_dir() => {
                return Err(match keys {
                    Keys::Vi => format!("\"{path}\" is a directory"),
                    Keys::Nano => format!("\"{path}\" is a directory"),
                });
            }
            Ok(stat) if stat.size > TEXT_BYTES_MAX => {
                return Err(format!("{path}: too large for the editor of this terminal"));
            }
            _ if path.is_empty() => Err(Errno::Enoent),
            _ => sys.read_file(path),
        };
        let writable = sys.access(path, MAY_WRITE).is_ok();
        let guarded = stat.as_ref().is_ok_and(|stat| !writable || stat.mode & WRITE_BITS == 0);
        editor.read_only = read_only || guarded;
        let mut binary = false;
        match &content {
            Ok(bytes) => {
                binary = std::str::from_utf8(bytes).is_err();
                editor.text = shown(&String::from_utf8_lossy(bytes)).to_owned();
                editor.message = opened(keys, path, bytes, editor.read_only, guarded);
            }
            Err(error) => {
                (editor.message, editor.failed) = not_opened(sys, keys, path, *error);
            }
        }
        Ok(Edited { sys: sys.clone(), keys, editor, binary })
    }

    /// Shows the editor until its user leaves it.
    async fn serve(mut self) -> i32 {
        self.sys.show_editor(Some(self.editor.clone()));
        loop {
            let ask = self.sys.editor_ask().await;
            let leave = ask.leave;
            let written = self.obey(ask);
            if leave && !written.as_ref().is_some_and(|written| written.failed) {
                self.sys.show_editor(None);
                return 0;
            }
            if let Some(written) = written {
                (self.editor.message, self.editor.failed) = (written.message, written.failed);
            }
            self.sys.show_editor(Some(self.editor.clone()));
        }
    }

    fn obey(&mut self, ask: EditorAsk) -> Option<Written> {
        let text = ask.text?;
        let path = ask.path.unwrap_or_else(|| self.editor.path.clone());
        let written = self.write(&path, &text, ask.force);
        if !written.failed {
            if self.editor.path.is_empty() {
                self.editor.path.clone_from(&path);
            }
            if self.editor.path == path {
                self.editor.text = text;
                self.editor.saved += 1;
            }
        }
        Some(written)
    }

    fn write(&self, path: &str, text: &str, force: bool) -> Written {
        let vi = self.keys == Keys::Vi;
        if path.is_empty() {
            let text = if vi { "E32: No file name" } else { "Cancelled" };
            return Written::failed(text.to_owned());
        }
        let other = path != self.editor.path;
        if vi && !force {
            if !other && self.editor.read_only {
                let text = "E45: 'readonly' option is set (add ! to override)";
                return Written::failed(text.to_owned());
            }
            if other && !self.editor.path.is_empty() && self.sys.stat(path).is_ok() {
                return Written::failed("E13: File exists (add ! to override)".to_owned());
            }
        }
        if self.binary && !other {
            return Written::failed("E513: Write error, conversion failed".to_owned());
        }
        let mut bytes = text.to_owned();
        if !bytes.is_empty() {
            bytes.push('\n');
        }
        let new = self.sys.stat(path).is_err();
        match self.put(path, bytes.as_bytes(), force) {
            Ok(()) => {
                Written { message: said_written(self.keys, path, &bytes, new), failed: false }
            }
            Err(error) => Written::failed(not_written(self.keys, path, error)),
        }
    }

    /// Writes; with force the owner of a file that must not be written does it all the same.
    fn put(&self, path: &str, bytes: &[u8], force: bool) -> Result<(), Errno> {
        let written = self.sys.write_file(path, bytes);
        let (Err(Errno::Eacces), true) = (written, force) else { return written };
        let mode = self.sys.stat(path)?.mode;
        self.sys.chmod(path, mode | OWNER_WRITES).map_err(|_| Errno::Eacces)?;
        let written = self.sys.write_file(path, bytes);
        self.sys.chmod(path, mode)?;
        written
    }
}

/// A text as an editor shows it: its last line end is not a line of its own.
fn shown(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// What is said of a file that was opened.
fn opened(keys: Keys, path: &str, bytes: &[u8], read_only: bool, guarded: bool) -> String {
    let mut lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let open_end = bytes.last().is_some_and(|byte| *byte != b'\n');
    lines += usize::from(open_end);
    match keys {
        Keys::Vi => {
            let mark = if read_only { "[readonly] " } else { "" };
            let end = if open_end { "[noeol] " } else { "" };
            format!("\"{path}\" {mark}{end}{lines}L, {}B", bytes.len())
        }
        Keys::Nano if guarded => format!("File '{path}' is unwritable"),
        Keys::Nano => {
            format!("Read {lines} line{}", if lines == 1 { "" } else { "s" })
        }
    }
}

/// What is said of a file that could not be opened; true where that is a failure.
fn not_opened(sys: &Sys, keys: Keys, path: &str, error: Errno) -> (String, bool) {
    if path.is_empty() {
        return (String::new(), false);
    }
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let homeless = error == Errno::Enoent && !folder.is_empty() && sys.stat(folder).is_err();
    match (keys, error) {
        (Keys::Vi, Errno::Enoent) if homeless => (format!("\"{path}\" [New DIRECTORY]"), false),
        (Keys::Vi, Errno::Enoent) => (format!("\"{path}\" [New]"), false),
        (Keys::Vi, Errno::Eacces) => (format!("\"{path}\" [Permission Denied]"), true),
        (Keys::Vi, error) => (format!("\"{path}\" [{error}]"), true),
        (Keys::Nano, Errno::Enoent) if homeless => {
            (format!("Directory '{folder}' does not exist"), true)
        }
        (Keys::Nano, Errno::Enoent) => ("New File".to_owned(), false),
        (Keys::Nano, error) => (format!("Error reading {path}: {error}"), true),
    }
}

fn said_written(keys: Keys, path: &str, text: &str, new: bool) -> String {
    let lines = text.matches('\n').count();
    match keys {
        Keys::Vi => {
            let mark = if new { "[New] " } else { "" };
            format!("\"{path}\" {mark}{lines}L, {}B written", text.len())
        }
        Keys::Nano => format!("Wrote {lines} line{}", if lines == 1 { "" } else { "s" }),
    }
}

fn not_written(keys: Keys, path: &str, error: Errno) -> String {
    match (keys, error) {
        (Keys::Vi, Errno::Enospc) => "E514: Write error (file system full?)".to_owned(),
        (Keys::Vi, Errno::Eisdir) => format!("\"{path}\" E502: is a directory"),
        (Keys::Vi, _) => format!("\"{path}\" E212: Can't open file for writing"),
        (Keys::Nano, error) => format!("Error writing {path}: {error}"),
    }
}

/// Has the user's own editor change a file, as `crontab -e` and its kin do: the first of these
/// variables that is set, else this program. The answer is its status.
pub(crate) async fn change(
    sys: &Sys,
    variables: &[&str],
    otherwise: &str,
    path: &str,
    user: Option<sim::Cred>,
) -> i32 {
    let chosen = variables.iter().filter_map(|name| sys.env(name)).find(|it| !it.is_empty());
    let command = format!("{} \"$1\"", chosen.as_deref().unwrap_or(otherwise));
    let mut spec = SpawnSpec::new("/bin/sh", &["sh", "-c", &command, "sh", path]);
    spec.env = sys.envs();
    spec.user = user;
    match sys.spawn(spec) {
        Ok(pid) => sys.wait(pid).await.code(),
        Err(_) => 127,
    }
}

/// A text that the user's editor changed, by way of a file in `/tmp`; the error is a status.
pub(crate) async fn changed_text(
    sys: &Sys,
    variables: &[&str],
    path: &str,
    text: &str,
) -> Result<String, i32> {
    let path: Rc<str> = path.into();
    sys.write_file(&path, text.as_bytes()).map_err(|_| 1)?;
    let status = change(sys, variables, "vi", &path, None).await;
    let bytes = sys.read_file(&path);
    if status != 0 {
        let _ = sys.remove_file(&path);
        return Err(status);
    }
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|_| 1)
}
