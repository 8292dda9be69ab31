//! The programs of a host: one table of them.
//!
//! An entry of [`PROGRAMS`] is all there is to know: it is installed on the hosts, run by its
//! name, listed by `help`, shown by `man`, and completed. A new program is a file and a line.

pub(crate) mod accounts;
mod answer;
mod benchmark;
mod bytes;
pub(crate) mod calendar;
mod cat;
#[cfg(feature = "k8s")]
mod crictl;
mod dd;
mod diff;
pub(crate) mod echo;
pub mod etcd;
mod etcdctl;
mod etcdutl;
mod files;
mod find;
mod grep;
mod head;
pub(crate) mod help;
mod host;
pub(crate) mod io;
pub(crate) mod kill;
#[cfg(feature = "k8s")]
mod kubeadm;
pub(crate) mod launch;
mod ls;
mod opts;
pub(crate) mod posix;
pub(crate) mod printf;
mod procs;
#[cfg(feature = "k8s")]
mod secure;
mod sed;
mod seq;
mod sim;
pub(crate) mod sizes;
mod sort;
mod text;
pub(crate) mod units;
mod wc;

#[cfg(feature = "k8s")]
pub(crate) mod system;

use ::bytes::Bytes;
use ::sim::{Errno, Fd, ProgramEntry, ProgramTable, Sys};

use crate::shell;

/// A program on its way.
pub use ::sim::Task as Running;

/// What could stand in the place of the last of these words, which follow a program's name.
pub type Complete = fn(&[String]) -> Vec<String>;

/// A program of the table.
pub struct Program {
    /// The name of its file.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// How it is called; what its options mean on the lines after the first.
    pub usage: &'static str,
    /// Its code.
    pub run: ::sim::Program,
    /// How its words are completed, where files are not enough.
    pub complete: Option<Complete>,
}

const BASH: Program = Program {
    name: "bash",
    summary: "the shell",
    usage: concat!(
        "bash [-eux] [-c TEXT | FILE] [ARGUMENT...]\n",
        "Without a text or a file it reads commands from standard input.",
    ),
    run: shell::bash,
    complete: None,
};

const SH: Program = Program { name: "sh", ..BASH };

/// All of them, by name.
pub static PROGRAMS: &[Program] = &[
    procs::BRACKET,
    answer::PROGRAM,
    bytes::BASE64,
    text::BASENAME,
    BASH,
    benchmark::PROGRAM,
    cat::PROGRAM,
    files::CHMOD,
    host::CLEAR,
    files::CP,
    text::CUT,
    host::DATE,
    dd::PROGRAM,
    host::DF,
    diff::PROGRAM,
    text::DIRNAME,
    host::DU,
    echo::PROGRAM,
    grep::EGREP,
    procs::ENV,
    etcd::PROGRAM,
    etcdctl::PROGRAM,
    etcdutl::PROGRAM,
    procs::FALSE,
    grep::FGREP,
    find::PROGRAM,
    grep::PROGRAM,
    head::HEAD,
    help::HELP,
    host::HOSTNAME,
    host::ID,
    kill::PROGRAM,
    files::LN,
    ls::PROGRAM,
    help::MAN,
    files::MKDIR,
    files::MV,
    procs::NOHUP,
    printf::PROGRAM,
    procs::PS,
    host::PWD,
    files::RM,
    files::RMDIR,
    sed::PROGRAM,
    seq::PROGRAM,
    SH,
    bytes::SHA256SUM,
    sim::PROGRAM,
    procs::SLEEP,
    sort::SORT,
    host::STAT,
    procs::SYNC,
    text::TAC,
    head::TAIL,
    text::TEE,
    procs::TEST,
    procs::TIMEOUT,
    files::TOUCH,
    text::TR,
    procs::TRUE,
    host::UNAME,
    sort::UNIQ,
    wc::PROGRAM,
    host::WHICH,
    host::WHOAMI,
    procs::XARGS,
    bytes::XXD,
];

/// Where what is not of the system is installed.
const LOCAL: [&str; 6] = ["answer", "benchmark", "etcd", "etcdctl", "etcdutl", "sim"];

/// What only the worlds of the feature `k8s` have.
#[cfg(feature = "k8s")]
use system::PROGRAMS as MORE;
#[cfg(not(feature = "k8s"))]
static MORE: &[Program] = &[];

/// What only hosts of a Kubernetes cluster have.
#[cfg(feature = "k8s")]
pub(crate) static TOOLS: &[Program] = &[crictl::PROGRAM, kubeadm::PROGRAM, crate::kubectl::PROGRAM];
#[cfg(not(feature = "k8s"))]
static TOOLS: &[Program] = &[];

/// Programs of container images and of Kubernetes' hosts.
#[cfg(feature = "k8s")]
use kube::PROGRAMS as PARTS;
#[cfg(not(feature = "k8s"))]
static PARTS: &[ProgramEntry] = &[];

const COUNT: usize = PROGRAMS.len() + MORE.len() + TOOLS.len();

static ENTRIES: [ProgramEntry; COUNT + PARTS.len()] = {
    let mut entries = [ProgramEntry { name: "", run: PROGRAMS[0].run }; COUNT + PARTS.len()];
    let mut i = 0;
    while i < COUNT {
        let program = if i < PROGRAMS.len() {
            &PROGRAMS[i]
        } else if i < PROGRAMS.len() + MORE.len() {
            &MORE[i - PROGRAMS.len()]
        } else {
            &TOOLS[i - PROGRAMS.len() - MORE.len()]
        };
        entries[i] = ProgramEntry { name: program.name, run: program.run };
        i += 1;
    }
    while i < entries.len() {
        entries[i] = PARTS[i - COUNT];
        i += 1;
    }
    entries
};

/// The table as a world wants it.
pub static TABLE: ProgramTable = &ENTRIES;

/// The program of this name.
pub fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().chain(MORE).chain(TOOLS).find(|program| program.name == name)
}

/// The files of all programs: path, content, permissions. `release` is that of etcd's own.
pub fn files(release: &str) -> Vec<(String, Bytes, u16)> {
    let mut files = Vec::new();
    for program in PROGRAMS {
        let name = program.name;
        let local = LOCAL.contains(&name);
        let directory = if local { "/usr/local/bin" } else { "/usr/bin" };
        let release = if name.starts_with("etcd") { release } else { "" };
        files.push((format!("{directory}/{name}"), ::sim::exe::image(name, release), 0o755));
        if matches!(name, "bash" | "sh") {
            // Scripts name them by this path.
            files.push((format!("/bin/{name}"), ::sim::exe::image(name, ""), 0o755));
        }
    }
    files
}

/// The files of `curl` and `openssl`, for worlds that have no other program of a system.
pub fn tools() -> Vec<(String, Bytes, u16)> {
    let file = |program: &Program| {
        let name = program.name;
        (format!("/usr/bin/{name}"), ::sim::exe::image(name, ""), 0o755)
    };
    MORE.iter().filter(|program| matches!(program.name, "curl" | "openssl")).map(file).collect()
}

/// An open file that is closed when it is no longer used.
pub(crate) struct Opened {
    sys: Sys,
    fd: Fd,
}

impl Opened {
    pub(crate) fn new(sys: &Sys, fd: Fd) -> Opened {
        Opened { sys: sys.clone(), fd }
    }

    pub(crate) fn fd(&self) -> Fd {
        self.fd
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // The process may have ended, and its files with it.
        let _ = self.sys.close(self.fd);
    }
}

/// Runs a program and keeps what it prints: its status, standard output and standard error.
pub(crate) async fn capture(
    sys: &Sys,
    path: &str,
    argv: &[&str],
) -> Result<(i32, String, String), Errno> {
    let (out, out_in) = sys.pipe()?;
    let (out, out_in) = (Opened::new(sys, out), Opened::new(sys, out_in));
    let (err, err_in) = sys.pipe()?;
    let (err, err_in) = (Opened::new(sys, err), Opened::new(sys, err_in));
    let null = Opened::new(sys, sys.open("/dev/null", ::sim::OpenFlags::READ)?);
    let mut spec = ::sim::SpawnSpec::new(path, argv);
    spec.env = sys.envs();
    spec.fds = vec![(Fd::STDIN, null.fd()), (Fd::STDOUT, out_in.fd()), (Fd::STDERR, err_in.fd())];
    let pid = sys.spawn(spec)?;
    drop((out_in, err_in, null));
    // One that prints much to both would wait for ever if they were read one after the other.
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let from_out = read_or_wait(sys, out.fd(), out_open);
        let from_err = read_or_wait(sys, err.fd(), err_open);
        match ::sim::race(from_out, from_err).await {
            ::sim::Either::Left(bytes) => {
                out_open = !bytes.is_empty();
                stdout.extend_from_slice(&bytes);
            }
            ::sim::Either::Right(bytes) => {
                err_open = !bytes.is_empty();
                stderr.extend_from_slice(&bytes);
            }
        }
    }
    let status = sys.wait(pid).await.code();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((status, text(stdout), text(stderr)))
}

/// The next bytes of a pipe; one that is at its end never has any.
async fn read_or_wait(sys: &Sys, fd: Fd, open: bool) -> Bytes {
    if !open {
        std::future::pending::<()>().await;
    }
    sys.read(fd, 65_536).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_a_page_for_each() {
        for pair in PROGRAMS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for program in PROGRAMS {
            let synopsis = program.usage.lines().next().unwrap_or("");
            assert!(synopsis.starts_with(program.name) || program.name == "sh", "{}", program.name);
            assert!(
                !program.summary.is_empty() && !program.summary.ends_with('.'),
                "{}",
                program.name
            );
        }
    }

    #[test]
    fn every_program_has_a_file() {
        let files = files("3.6.14");
        for program in PROGRAMS {
            let path = format!("/{}", program.name);
            assert!(files.iter().any(|(file, ..)| file.ends_with(&path)), "{}", program.name);
        }
    }
}
