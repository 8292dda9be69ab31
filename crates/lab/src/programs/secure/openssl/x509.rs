//! `openssl x509`: showing a certificate, or signing a request.

use pki::{Certificate, Contents, Extension, Name, PrivateKey, Request, oid};
use sim::Sys;

use super::{Outcome, Stop, Words, certificate, load, now_s, private_key, put, text};

const FLAGS: &[&str] = &[
    "noout",
    "text",
    "subject",
    "issuer",
    "serial",
    "startdate",
    "enddate",
    "dates",
    "fingerprint",
    "pubkey",
    "req",
    "CAcreateserial",
    "sha1",
    "sha256",
    "md5",
    "email",
    "hash",
    "modulus",
];
const VALUED: &[&str] = &[
    "in",
    "out",
    "ext",
    "checkend",
    "CA",
    "CAkey",
    "CAserial",
    "days",
    "extfile",
    "extensions",
    "set_serial",
    "signkey",
    "key",
    "inform",
    "outform",
    "nameopt",
    "certopt",
    "copy_extensions",
];

pub(super) async fn run(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("x509", words, FLAGS, VALUED)?;
    let certificate = if words.has("req") {
        sign(sys, &words).await?
    } else {
        certificate(sys, words.value("in"), "certificate").await?
    };
    let mut shown = String::new();
    for (option, value) in &words.options {
        shown.push_str(&show(&certificate, option, value, &words));
    }
    let mut code = 0;
    if let Some(seconds) = words.value("checkend") {
        let seconds: i64 = seconds.parse().map_err(|_| {
            Stop::new(format!("x509: Non-positive number \"{seconds}\" for option -checkend\n"))
        })?;
        let expires = certificate.not_after_s < now_s(sys).saturating_add(seconds);
        let not = if expires { "" } else { "not " };
        shown.push_str(&format!("Certificate will {not}expire\n"));
        code = i32::from(expires);
    }
    let (out, noout) = (words.value("out"), words.has("noout"));
    if !noout && words.value("checkend").is_none() {
        shown.push_str(&certificate.to_pem());
    }
    put(sys, out, &shown, 0o644).await?;
    Ok(code)
}

/// What one option shows.
fn show(certificate: &Certificate, option: &str, value: &str, words: &Words) -> String {
    let rfc = words.value("nameopt").is_some_and(|it| it.eq_ignore_ascii_case("rfc2253"));
    let name = |name: &Name| {
        if !rfc {
            return name.one_line(" = ");
        }
        let mut parts: Vec<String> = name.one_line("=").split(", ").map(str::to_owned).collect();
        parts.reverse();
        parts.join(",")
    };
    match option {
        "text" => text::certificate(certificate),
        "subject" => format!("subject={}\n", name(&certificate.subject)),
        "issuer" => format!("issuer={}\n", name(&certificate.issuer)),
        "serial" => {
            let digits: String =
                certificate.serial.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("serial={digits}\n")
        }
        "startdate" => format!("notBefore={}\n", pki::date(certificate.not_before_s)),
        "enddate" => format!("notAfter={}\n", pki::date(certificate.not_after_s)),
        "dates" => format!(
            "notBefore={}\nnotAfter={}\n",
            pki::date(certificate.not_before_s),
            pki::date(certificate.not_after_s)
        ),
        "fingerprint" if words.has("sha256") => {
            let print = text::capitals(&pki::sha256(&certificate.raw));
            format!("sha256 Fingerprint={print}\n")
        }
        "fingerprint" => {
            let print = text::capitals(&pki::sha1(&certificate.raw));
            let name = if words.has("sha1") { "sha1" } else { "SHA1" };
            format!("{name} Fingerprint={print}\n")
        }
        "pubkey" => pki::pem::encode("PUBLIC KEY", &certificate.key_info),
        "ext" => {
            let wanted: Vec<&[u8]> = value.split(',').filter_map(oid::named).collect();
            let chosen: Vec<Extension> = certificate
                .extensions
                .iter()
                .filter(|extension| wanted.contains(&extension.oid.as_slice()))
                .cloned()
                .collect();
            match (chosen.is_empty(), certificate.extensions.is_empty()) {
                (false, _) => text::extensions(&chosen, 0),
                (true, true) => "No extensions in certificate\n".to_owned(),
                (true, false) => "No extensions matching specified criteria\n".to_owned(),
            }
        }
        _ => String::new(),
    }
}

/// `x509 -req`: an authority signs a request.
async fn sign(sys: &Sys, words: &Words) -> Result<Certificate, Stop> {
    let bytes = load(sys, words.value("in"), "certificate request").await?;
    let request = Request::from_pem(&bytes)
        .map_err(|_| super::unreadable(sys, words.value("in"), "certificate request"))?;
    if !request.signed {
        return Err(Stop::new("Certificate request self-signature did not match the contents\n"));
    }
    sys.eprint(&format!(
        "Certificate request self-signature ok\nsubject={}\n",
        request.subject.one_line(" = ")
    ))
    .await;
    let days: i64 = words.value("days").unwrap_or("30").parse().unwrap_or(30);
    let (ca, key) = issuer(sys, words).await?;
    let mut extensions = Vec::new();
    if let Some(path) = words.value("extfile") {
        let file = load(sys, Some(path), "extension file").await?;
        let file = String::from_utf8_lossy(&file).into_owned();
        let section = words.value("extensions").unwrap_or("default");
        extensions = super::req::extensions(&file, section).map_err(Stop::new)?;
    }
    if words.value("copy_extensions").is_some_and(|how| how != "none") {
        for extension in &request.extensions {
            if !extensions.iter().any(|other| other.oid == extension.oid) {
                extensions.push(extension.clone());
            }
        }
    }
    let issuer = ca.as_ref().map_or_else(|| request.subject.clone(), |ca| ca.subject.clone());
    if !extensions.is_empty() {
        let point = request.key_info.clone();
        let own = super::req::key_id_of(&point);
        extensions.push(pki::key_id(&own));
        let above = ca.as_ref().map_or(Some(own), |ca| ca.key_id.clone());
        extensions.extend(above.map(|id| pki::authority_id(&id)));
    }
    let now_s = now_s(sys);
    let contents = Contents {
        serial: serial(sys, words)?,
        issuer,
        subject: request.subject.clone(),
        not_before_s: now_s,
        not_after_s: now_s + days * 86_400,
        key_info: request.key_info.clone(),
        extensions,
    };
    pki::issue(&contents, &key).ok_or_else(|| Stop::new("This key cannot sign in this lab\n"))
}

/// Who signs: an authority, or the request's own key.
async fn issuer(sys: &Sys, words: &Words) -> Result<(Option<Certificate>, PrivateKey), Stop> {
    if let Some(path) = words.value("signkey").or(words.value("key")) {
        return Ok((None, private_key(sys, Some(path), "private key").await?));
    }
    let Some(path) = words.value("CA") else {
        return Err(Stop::new("We need a private key to sign with, use -signkey or -CAkey\n"));
    };
    let ca = certificate(sys, Some(path), "CA certificate").await?;
    let key_path = words.value("CAkey").unwrap_or(path);
    let key = private_key(sys, Some(key_path), "CA private key").await?;
    if key.public().is_some_and(|public| public != ca.key) {
        let why = super::fault(
            sys,
            "05800074:x509 certificate routines:X509_check_private_key:key values mismatch:\
             ../crypto/x509/x509_cmp.c:403:",
        );
        let text = format!("CA certificate and CA private key do not match\n{why}");
        return Err(Stop::new(text));
    }
    Ok((Some(ca), key))
}

/// The next serial number: of the authority's file, given, or drawn.
fn serial(sys: &Sys, words: &Words) -> Result<Vec<u8>, Stop> {
    if let Some(text) = words.value("set_serial") {
        let number: u64 = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        }
        .map_err(|_| Stop::new("x509: Invalid serial number\n"))?;
        return Ok(number.to_be_bytes().to_vec());
    }
    let mut drawn = super::draw(sys, 20);
    drawn[0] = drawn[0] & 0x7f | 1;
    let Some(ca) = words.value("CA").filter(|_| words.has("CAcreateserial")) else {
        return Ok(drawn);
    };
    let stem = ca.rsplit_once('.').map_or(ca, |(stem, _)| stem);
    let path = words.value("CAserial").map_or_else(|| format!("{stem}.srl"), str::to_owned);
    let serial = match sys.read_file(&path) {
        Ok(bytes) => next(&String::from_utf8_lossy(&bytes)).unwrap_or(drawn),
        Err(_) => drawn,
    };
    let digits: String = serial.iter().map(|byte| format!("{byte:02X}")).collect();
    let _ = sys.write_file(&path, format!("{digits}\n").as_bytes());
    Ok(serial)
}

/// The number after one in hexadecimal digits.
fn next(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let mut bytes: Vec<u8> = (0..text.len() / 2)
        .map(|place| u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok())
        .collect::<Option<_>>()?;
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}
