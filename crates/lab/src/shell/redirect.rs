//! Redirections, and the table of what the shell's descriptors lead to.
//!
//! The shell never moves its own descriptors: `2>&1` changes this table, children get what the
//! table says, and what was opened is closed when the last table that names it is gone.

use std::rc::Rc;

use flat::Map;
use sim::{Errno, Fd, OpenFlags, Sys};

use super::ast::{Part, Redirect, RedirectOp, Word};
use super::exec::{Flow, Later, Shell};

/// An open file of the shell's process.
#[derive(Debug)]
pub(super) struct Open {
    sys: Sys,
    fd: Fd,
    owned: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.owned {
            // It may be closed already: the process may have ended before its task is dropped.
            let _ = self.sys.close(self.fd);
        }
    }
}

impl Open {
    pub(super) fn new(sys: &Sys, fd: Fd) -> Rc<Open> {
        Rc::new(Open { sys: sys.clone(), fd, owned: true })
    }

    pub(super) fn fd(&self) -> Fd {
        self.fd
    }
}

/// What the shell's descriptors lead to.
#[derive(Clone, Debug)]
pub(super) struct Io {
    map: Map<u32, Rc<Open>>,
}

impl Io {
    /// The three every process has.
    pub(super) fn standard(sys: &Sys) -> Io {
        Io::inherited(sys, &[0, 1, 2])
    }

    /// Those a subshell was given, under the numbers they have for the user.
    pub(super) fn inherited(sys: &Sys, descriptors: &[u32]) -> Io {
        let open = |n: &u32| (*n, Rc::new(Open { sys: sys.clone(), fd: Fd(*n), owned: false }));
        Io { map: descriptors.iter().map(open).collect() }
    }

    pub(super) fn fd(&self, descriptor: u32) -> Option<Fd> {
        self.map.get(&descriptor).map(|open| open.fd)
    }

    pub(super) fn set(&mut self, descriptor: u32, open: Rc<Open>) {
        self.map.insert(descriptor, open);
    }

    pub(super) fn descriptors(&self) -> Vec<u32> {
        self.map.keys().copied().collect()
    }

    /// For a child: its number and ours.
    pub(super) fn for_child(&self) -> Vec<(Fd, Fd)> {
        self.map.iter().map(|(descriptor, open)| (Fd(*descriptor), open.fd)).collect()
    }
}

/// What goes through a pipe without anybody reading it yet.
const PIPE_BYTES: usize = 65_536;

impl Shell {
    /// Does the redirections of a command. On an error the status is set and the caller puts
    /// the table back.
    pub(super) async fn redirect(&mut self, redirects: &[Redirect]) -> Result<(), Flow> {
        for redirect in redirects {
            self.redirect_one(redirect).await?;
        }
        Ok(())
    }

    #[inline(never)]
    fn redirect_one<'a>(&'a mut self, redirect: &'a Redirect) -> Later<'a, Result<(), Flow>> {
        Box::pin(async move {
            let (word, default) = match &redirect.op {
                RedirectOp::Read(word)
                | RedirectOp::ReadWrite(word)
                | RedirectOp::DupIn(word)
                | RedirectOp::HereString(word) => (word, 0),
                RedirectOp::Here(here) => {
                    let word = here.body.get().cloned().unwrap_or_default();
                    return self.here(redirect.fd.unwrap_or(0), &word, "").await;
                }
                RedirectOp::Write(word)
                | RedirectOp::Append(word)
                | RedirectOp::DupOut(word)
                | RedirectOp::Both(word)
                | RedirectOp::BothAppend(word) => (word, 1),
            };
            let descriptor = redirect.fd.unwrap_or(default);
            match &redirect.op {
                RedirectOp::HereString(_) => self.here(descriptor, word, "\n").await,
                RedirectOp::DupIn(_) | RedirectOp::DupOut(_) => {
                    self.duplicate(redirect, descriptor, word).await
                }
                RedirectOp::Both(_) | RedirectOp::BothAppend(_) => {
                    let append = matches!(redirect.op, RedirectOp::BothAppend(_));
                    self.both(word, append).await
                }
                op => {
                    let flags = match op {
                        RedirectOp::Read(_) => OpenFlags::READ,
                        RedirectOp::Append(_) => OpenFlags::APPEND,
                        RedirectOp::ReadWrite(_) => {
                            OpenFlags { read: true, write: true, create: true, ..OpenFlags::READ }
                        }
                        _ => OpenFlags::WRITE,
                    };
                    let path = self.target(word).await?;
                    let open = self.open(&path, flags).await?;
                    self.io.set(descriptor, open);
                    Ok(())
                }
            }
        })
    }

    /// The one field a redirection's word has to be.
    async fn target(&mut self, word: &Word) -> Result<String, Flow> {
        let mut fields = match self.fields(std::slice::from_ref(word)).await {
            Ok(fields) => fields,
            Err(error) => return Err(self.fail(error).await),
        };
        match (fields.pop(), fields.is_empty()) {
            (Some(path), true) => Ok(path),
            _ => Err(self.refuse(&format!("{}: ambiguous redirect", source(&word.parts))).await),
        }
    }

    async fn refuse(&mut self, text: &str) -> Flow {
        self.complain(text).await;
        self.status = 1;
        Flow::Next
    }

    #[inline(never)]
    fn open<'a>(
        &'a mut self,
        path: &'a str,
        flags: OpenFlags,
    ) -> Later<'a, Result<Rc<Open>, Flow>> {
        Box::pin(async move {
            let clobbers = self.options.noclobber
                && flags == OpenFlags::WRITE
                && self.sys.stat(path).is_ok_and(|stat| stat.is_file());
            if clobbers {
                return Err(self.refuse(&format!("{path}: cannot overwrite existing file")).await);
            }
            // What `<(...)` opened is in this table only.
            let own = path.strip_prefix("/dev/fd/").and_then(|number| number.parse().ok());
            if let Some(open) = own.and_then(|number: u32| self.io.map.get(&number)) {
                return Ok(Rc::clone(open));
            }
            let opened =
                if path.is_empty() { Err(Errno::Enoent) } else { self.sys.open(path, flags) };
            match opened {
                Ok(fd) => Ok(Open::new(&self.sys, fd)),
                Err(error) => Err(self.refuse(&format!("{path}: {error}")).await),
            }
        })
    }

    #[inline(never)]
    fn both<'a>(&'a mut self, word: &'a Word, append: bool) -> Later<'a, Result<(), Flow>> {
        Box::pin(async move {
            let path = self.target(word).await?;
            let flags = if append { OpenFlags::APPEND } else { OpenFlags::WRITE };
            let open = self.open(&path, flags).await?;
            self.io.set(1, Rc::clone(&open));
            self.io.set(2, open);
            Ok(())
        })
    }

    /// `2>&1`, `3<&-`, and `>& file`.
    #[inline(never)]
    fn duplicate<'a>(
        &'a mut self,
        redirect: &'a Redirect,
        descriptor: u32,
        word: &'a Word,
    ) -> Later<'a, Result<(), Flow>> {
        Box::pin(async move {
            let text = self.target(word).await?;
            if text == "-" {
                self.io.map.remove(&descriptor);
                return Ok(());
            }
            let (digits, moves) = match text.strip_suffix('-') {
                Some(digits) => (digits, true),
                None => (text.as_str(), false),
            };
            if let Ok(from) = digits.parse::<u32>() {
                let Some(open) = self.io.map.get(&from).cloned() else {
                    return Err(self.refuse(&format!("{from}: Bad file descriptor")).await);
                };
                if moves {
                    self.io.map.remove(&from);
                }
                self.io.set(descriptor, open);
                return Ok(());
            }
            if redirect.fd.is_none() && matches!(redirect.op, RedirectOp::DupOut(_)) {
                return self.both(word, false).await;
            }
            Err(self.refuse(&format!("{text}: ambiguous redirect")).await)
        })
    }

    /// A here-document or here-string: through a pipe when it fits, else through a file.
    #[inline(never)]
    fn here<'a>(
        &'a mut self,
        descriptor: u32,
        word: &'a Word,
        end: &'a str,
    ) -> Later<'a, Result<(), Flow>> {
        Box::pin(async move {
            let text = match self.text(word).await {
                Ok(text) => text + end,
                Err(error) => return Err(self.fail(error).await),
            };
            let opened = if text.len() < PIPE_BYTES {
                self.here_pipe(&text).await
            } else {
                self.here_file(&text)
            };
            match opened {
                Ok(open) => {
                    self.io.set(descriptor, open);
                    Ok(())
                }
                Err(error) => {
                    let text = format!("cannot create temp file for here-document: {error}");
                    Err(self.refuse(&text).await)
                }
            }
        })
    }

    async fn here_pipe(&mut self, text: &str) -> Result<Rc<Open>, Errno> {
        let (read, write) = self.sys.pipe()?;
        let open = Open::new(&self.sys, read);
        let write = Open::new(&self.sys, write);
        self.sys.write(write.fd, text.as_bytes()).await?;
        Ok(open)
    }

    fn here_file(&mut self, text: &str) -> Result<Rc<Open>, Errno> {
        let path = format!("/tmp/sh-thd.{}", self.sys.pid());
        self.sys.write_file(&path, text.as_bytes())?;
        let fd = self.sys.open(&path, OpenFlags::READ)?;
        self.sys.remove_file(&path)?;
        Ok(Open::new(&self.sys, fd))
    }
}

/// A word as it was typed, more or less: for error texts.
pub(super) fn source(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(t) | Part::Quoted(t) => text.push_str(t),
            Part::Double(inner) => text.push_str(&format!("\"{}\"", source(inner))),
            Part::Param(param) => text.push_str(&param.text),
            Part::Command(_) => text.push_str("$(...)"),
            Part::Arith(word) => text.push_str(&format!("$(({}))", source(&word.parts))),
            Part::Array(_) => text.push_str("(...)"),
            Part::Process(write, _) => text.push_str(if *write { ">(...)" } else { "<(...)" }),
        }
    }
    text
}
