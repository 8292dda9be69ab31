//! Keys, and the small tools: `ecparam`, `genpkey`, `ec`, `pkey`, `rand`, `dgst`, `base64`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::PublicKey;
use sim::{Fd, Sys};

use super::{Outcome, Stop, Words, draw, load, new_key, print, private_key, put, text};

/// The names of the one curve there is.
const P256: [&str; 3] = ["prime256v1", "P-256", "secp256r1"];

pub(super) async fn ecparam(sys: &Sys, words: &[String]) -> Outcome {
    let words =
        Words::read("ecparam", words, &["genkey", "noout", "list_curves"], &["name", "out"])?;
    if words.has("list_curves") {
        print(sys, "  prime256v1: X9.62/SECG curve over a 256 bit prime field\n").await;
        return Ok(0);
    }
    let name = words.value("name").unwrap_or_default();
    if !P256.contains(&name) {
        return Err(Stop::new(format!("unknown curve name ({name})\n")));
    }
    let mut shown = String::new();
    if !words.has("noout") {
        let curve = pki::der::oid(pki::oid::P256);
        shown.push_str(&pki::pem::encode("EC PARAMETERS", &curve));
    }
    if words.has("genkey") {
        shown.push_str(&new_key(sys).to_pem());
    }
    put(sys, words.value("out"), &shown, 0o600).await?;
    Ok(0)
}

pub(super) async fn genpkey(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("genpkey", words, &["quiet"], &["algorithm", "pkeyopt", "out"])?;
    let algorithm = words.value("algorithm").unwrap_or_default();
    if !algorithm.eq_ignore_ascii_case("ec") {
        return Err(Stop::new(format!(
            "openssl genpkey: this lab makes keys of EC only, not of '{algorithm}'\n"
        )));
    }
    let curve = words.value("pkeyopt").and_then(|opt| opt.strip_prefix("ec_paramgen_curve:"));
    if !curve.is_some_and(|curve| P256.contains(&curve)) {
        return Err(Stop::new("genpkey: Error setting ec_paramgen_curve parameter\n"));
    }
    put(sys, words.value("out"), &new_key(sys).to_pkcs8_pem(), 0o600).await?;
    Ok(0)
}

pub(super) async fn show(sys: &Sys, command: &str, words: &[String]) -> Outcome {
    let words = Words::read(command, words, &["noout", "text", "pubout", "check"], &["in", "out"])?;
    let old = command == "ec";
    if old {
        sys.eprint("read EC key\n").await;
    }
    let key = private_key(sys, words.value("in"), "private key").await?;
    let mut shown = String::new();
    if words.has("text")
        && let (Some(PublicKey::P256(point)), Some(sec1)) = (key.public(), key.to_sec1())
    {
        // The secret number stands behind the heads of the sequence, its version and itself.
        let secret = sec1.get(7..39).unwrap_or_default();
        shown.push_str(&format!(
            "Private-Key: (256 bit)\npriv:\n{}{}",
            text::colons(secret, 15, 4),
            text::ec(&point, 0)
        ));
    }
    if words.has("check") {
        sys.eprint("EC Key valid.\n").await;
    }
    if !words.has("noout") {
        if old {
            sys.eprint("writing EC key\n").await;
        }
        match (words.has("pubout"), key.public()) {
            (true, Some(PublicKey::P256(point))) => {
                let info = PublicKey::p256_info(&point);
                shown.push_str(&pki::pem::encode("PUBLIC KEY", &info));
            }
            (true, _) => return Err(Stop::new("This lab shows public keys of EC only\n")),
            (false, _) if old => shown.push_str(&key.to_pem()),
            (false, _) => shown.push_str(&key.to_pkcs8_pem()),
        }
    }
    put(sys, words.value("out"), &shown, 0o600).await?;
    Ok(0)
}

pub(super) async fn rand(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("rand", words, &["base64", "hex"], &["out"])?;
    let count = words.rest.first().and_then(|word| word.parse::<usize>().ok());
    let Some(count) = count.filter(|count| *count <= 1 << 20) else {
        return Err(Stop::new("rand: Use -help for summary.\n"));
    };
    let bytes = draw(sys, count);
    if words.has("hex") {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        put(sys, words.value("out"), &format!("{digits}\n"), 0o644).await?;
    } else if words.has("base64") {
        put(sys, words.value("out"), &wrapped(&bytes), 0o644).await?;
    } else if let Some(path) = words.value("out") {
        sys.write_file(path, &bytes).map_err(|errno| Stop::new(format!("{path}: {errno}\n")))?;
    } else {
        let _ = sys.write(Fd::STDOUT, &bytes).await;
    }
    Ok(0)
}

/// Base64 in lines of 64 letters.
fn wrapped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(48) {
        text.push_str(&STANDARD.encode(chunk));
        text.push('\n');
    }
    text
}

pub(super) async fn digest(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("dgst", words, &["sha256", "sha1", "hex", "r"], &["out"])?;
    let files: Vec<Option<&str>> = match words.rest.is_empty() {
        true => vec![None],
        false => words.rest.iter().map(|path| Some(path.as_str())).collect(),
    };
    let mut shown = String::new();
    for path in files {
        let bytes = load(sys, path, "file").await?;
        let (name, hash) = match words.has("sha1") {
            true => ("SHA1", pki::sha1(&bytes).to_vec()),
            false => ("SHA2-256", pki::sha256(&bytes).to_vec()),
        };
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let from = path.unwrap_or("stdin");
        shown.push_str(&match words.has("r") {
            true => format!("{digits} *{from}\n"),
            false => format!("{name}({from})= {digits}\n"),
        });
    }
    put(sys, words.value("out"), &shown, 0o644).await?;
    Ok(0)
}

pub(super) async fn base64(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("base64", words, &["d", "e", "A", "base64"], &["in", "out"])?;
    let bytes = load(sys, words.value("in"), "file").await?;
    if words.has("d") {
        let text: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let plain = STANDARD.decode(text).map_err(|_| Stop::new("error reading input file\n"))?;
        match words.value("out") {
            Some(path) => sys
                .write_file(path, &plain)
                .map_err(|errno| Stop::new(format!("{path}: {errno}\n")))?,
            None => drop(sys.write(Fd::STDOUT, &plain).await),
        }
        return Ok(0);
    }
    let text = match words.has("A") {
        true => STANDARD.encode(&bytes),
        false => wrapped(&bytes),
    };
    put(sys, words.value("out"), &text, 0o644).await?;
    Ok(0)
}
