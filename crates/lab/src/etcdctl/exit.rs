//! How etcdctl ends: `pkg/cobrautl`'s codes, and the line that goes with them.

/// An RPC failed, or cobra complained.
pub(crate) const ERROR: i32 = 1;
/// There is no client to be had.
pub(crate) const BAD_CONNECTION: i32 = 2;
/// A transaction or a watch request cannot be read.
pub(crate) const INVALID_INPUT: i32 = 3;
/// An option has a value that is not known.
pub(crate) const BAD_FEATURE: i32 = 4;
/// A watch or a snapshot ended early.
pub(crate) const INTERRUPTED: i32 = 5;
/// The arguments are wrong.
pub(crate) const BAD_ARGS: i32 = 128;

/// An end that is not success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code.
    pub code: i32,
    /// What standard error gets, with its line end; empty if all was said before.
    pub text: String,
}

impl Exit {
    /// `Error: message` and a code.
    pub fn new(code: i32, message: impl std::fmt::Display) -> Exit {
        Exit { code, text: format!("Error: {message}\n") }
    }

    /// Just a code.
    pub fn silent(code: i32) -> Exit {
        Exit { code, text: String::new() }
    }

    /// A Go panic: etcdctl has some. The stack of a Go program is left out.
    pub fn panic(message: &str) -> Exit {
        Exit { code: 2, text: format!("panic: {message}\n") }
    }
}
