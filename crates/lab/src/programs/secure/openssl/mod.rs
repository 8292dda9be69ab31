//! `openssl`: what guides type about certificates, in the layout of OpenSSL 3.0. Keys are on
//! P-256; those of RSA are read and shown, never made.

mod keys;
mod req;
mod text;
mod verify;
mod x509;

use sim::{Errno, Fd, Sys};

use crate::programs::Program;

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "openssl",
    summary: "show, make and check certificates and keys",
    usage: concat!(
        "openssl COMMAND [OPTION...]\n",
        "  x509, req, verify, s_client, ecparam, genpkey, ec, pkey, rand, dgst, base64, version",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// A command that goes no further: what it says, and its exit code.
#[derive(Debug)]
pub(super) struct Stop {
    text: String,
    code: i32,
}

impl Stop {
    pub(super) fn new(text: impl Into<String>) -> Stop {
        Stop { text: text.into(), code: 1 }
    }
}

type Outcome = Result<i32, Stop>;

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let command = args.get(1).map(String::as_str).unwrap_or_default();
    let words = args.get(2..).unwrap_or_default();
    let outcome = match command {
        "x509" => x509::run(&sys, words).await,
        "req" => req::run(&sys, words).await,
        "verify" => verify::run(&sys, words).await,
        "s_client" => verify::client(&sys, words).await,
        "ecparam" => keys::ecparam(&sys, words).await,
        "genpkey" => keys::genpkey(&sys, words).await,
        "ec" | "pkey" => keys::show(&sys, command, words).await,
        "rand" => keys::rand(&sys, words).await,
        "dgst" | "sha256" => keys::digest(&sys, words).await,
        "base64" | "enc" => keys::base64(&sys, words).await,
        "genrsa" | "rsa" => Err(Stop::new(format!(
            "openssl {command}: this lab makes no RSA keys; `openssl ecparam -genkey -name \
             prime256v1 -noout` makes one that does as well\n"
        ))),
        "version" => {
            let text = "OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026)\n";
            print(&sys, text).await;
            Ok(0)
        }
        "" | "help" => {
            sys.eprint(&format!("{}\n", PROGRAM.usage)).await;
            Ok(0)
        }
        other => Err(Stop::new(format!("Invalid command '{other}'; type \"help\" for a list.\n"))),
    };
    match outcome {
        Ok(code) => code,
        Err(Stop { text, code }) => {
            sys.eprint(&text).await;
            code
        }
    }
}

async fn print(sys: &Sys, text: &str) {
    let _ = sys.write(Fd::STDOUT, text.as_bytes()).await;
}

/// A command's options in order, each with its value or an empty one, and what is no option.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) options: Vec<(String, String)>,
    pub(super) rest: Vec<String>,
}

impl Words {
    /// Reads words: `flags` stand alone, `valued` are followed by a value.
    pub(super) fn read(
        command: &str,
        words: &[String],
        flags: &[&str],
        valued: &[&str],
    ) -> Result<Words, Stop> {
        let mut read = Words::default();
        let mut iter = words.iter();
        while let Some(word) = iter.next() {
            let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
                read.rest.push(word.clone());
                continue;
            };
            let name = name.strip_prefix('-').unwrap_or(name);
            if flags.contains(&name) {
                read.options.push((name.to_owned(), String::new()));
            } else if valued.contains(&name) {
                let value = iter.next().ok_or_else(|| {
                    Stop::new(format!(
                        "{command}: Option -{name} needs a value\n{command}: Use -help for \
                         summary.\n"
                    ))
                })?;
                read.options.push((name.to_owned(), value.clone()));
            } else {
                return Err(Stop::new(format!(
                    "{command}: Unrecognized flag {name}\n{command}: Use -help for summary.\n"
                )));
            }
        }
        Ok(read)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| option == name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().rev().find(|(option, _)| option == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The line a fault of OpenSSL's library leaves; its number is that of a thread.
pub(super) fn fault(sys: &Sys, text: &str) -> String {
    let thread = (sys.wall_us() ^ u64::from(sys.pid().0) << 24) & 0xff_ffff_ffff | 0x80_0000_0000;
    format!("{thread:010X}7F0000:error:{text}\n").replace("7F00007F0000", "7F0000")
}

/// The bytes of a file or of standard input; `what` is to be loaded from there.
pub(super) async fn load(sys: &Sys, path: Option<&str>, what: &str) -> Result<Vec<u8>, Stop> {
    let Some(path) = path.filter(|path| *path != "-") else {
        return Ok(sys.read_to_end(Fd::STDIN).await.unwrap_or_default().to_vec());
    };
    sys.read_file(path).map(|bytes| bytes.to_vec()).map_err(|errno| {
        let number = if errno == Errno::Eacces { "8000000D" } else { "80000002" };
        Stop::new(format!(
            "Could not open file or uri for loading {what} from {path}\n{}{}Unable to load {what}\n",
            fault(
                sys,
                "16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme:\
                 ../crypto/store/store_register.c:237:scheme=file"
            ),
            fault(
                sys,
                &format!(
                    "{number}:system library:file_open:{errno}:\
                     ../providers/implementations/storemgmt/file_store.c:266:calling stat({path})"
                )
            ),
        ))
    })
}

/// What OpenSSL says of a file that holds something else.
pub(super) fn unreadable(sys: &Sys, path: Option<&str>, what: &str) -> Stop {
    let from = path.unwrap_or("<stdin>");
    let why = match path {
        Some(_) => fault(
            sys,
            "1608010C:STORE routines:ossl_store_handle_load_result:unsupported:\
             ../crypto/store/store_result.c:149:",
        ),
        None => String::new(),
    };
    Stop::new(format!("Could not read {what} from {from}\n{why}Unable to load {what}\n"))
}

/// The first certificate of a file or of standard input.
pub(super) async fn certificate(
    sys: &Sys,
    path: Option<&str>,
    what: &str,
) -> Result<pki::Certificate, Stop> {
    let bytes = load(sys, path, what).await?;
    let found = pki::Certificate::from_pem(&bytes).ok().and_then(|list| list.into_iter().next());
    let found = found.or_else(|| pki::Certificate::from_der(&bytes).ok());
    found.ok_or_else(|| unreadable(sys, path, what))
}

/// The private key of a file.
pub(super) async fn private_key(
    sys: &Sys,
    path: Option<&str>,
    what: &str,
) -> Result<pki::PrivateKey, Stop> {
    let bytes = load(sys, path, what).await?;
    pki::PrivateKey::from_pem(&bytes).map_err(|_| unreadable(sys, path, what))
}

/// Writes to `-out`, or prints.
pub(super) async fn put(sys: &Sys, path: Option<&str>, text: &str, mode: u16) -> Result<(), Stop> {
    let Some(path) = path else {
        print(sys, text).await;
        return Ok(());
    };
    sys.write_file(path, text.as_bytes())
        .map_err(|errno| Stop::new(format!("Can't open \"{path}\" for writing, {errno}\n")))?;
    let _ = sys.chmod(path, mode);
    Ok(())
}

/// Bytes nobody else draws: of the host, the process and the time.
pub(super) fn draw(sys: &Sys, len: usize) -> Vec<u8> {
    let mut seed = sys.hostname().into_bytes();
    seed.extend_from_slice(&sys.wall_us().to_be_bytes());
    seed.extend_from_slice(&sys.pid().0.to_be_bytes());
    let mut drawn = Vec::new();
    for turn in 0_u32.. {
        if drawn.len() >= len {
            break;
        }
        let mut block = seed.clone();
        block.extend_from_slice(&turn.to_be_bytes());
        drawn.extend_from_slice(&pki::sha256(&block));
    }
    drawn.truncate(len);
    drawn
}

/// A new key.
pub(super) fn new_key(sys: &Sys) -> pki::PrivateKey {
    let drawn = draw(sys, 8);
    let seed = drawn.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    pki::PrivateKey::from_seed(seed, "openssl")
}

/// Now, in seconds.
pub(super) fn now_s(sys: &Sys) -> i64 {
    i64::try_from(sys.wall_us() / 1_000_000).unwrap_or(i64::MAX)
}
