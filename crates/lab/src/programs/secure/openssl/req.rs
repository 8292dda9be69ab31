//! `openssl req`: requests, and certificates that sign themselves.

use pki::{BasicConstraints, Contents, Extension, GeneralName, KeyUsage, Name, Request, oid};
use sim::Sys;

use super::{Outcome, Stop, Words, load, now_s, private_key, put, text};

const FLAGS: &[&str] = &[
    "new", "x509", "nodes", "noenc", "noout", "text", "subject", "verify", "pubkey", "sha256",
    "batch", "utf8",
];
const VALUED: &[&str] = &[
    "in",
    "out",
    "key",
    "keyout",
    "newkey",
    "pkeyopt",
    "subj",
    "addext",
    "days",
    "config",
    "extensions",
    "reqexts",
    "set_serial",
    "section",
];

pub(super) async fn run(sys: &Sys, words: &[String]) -> Outcome {
    let words = Words::read("req", words, FLAGS, VALUED)?;
    if words.has("new") || words.has("x509") || words.value("newkey").is_some() {
        return make(sys, &words).await;
    }
    let bytes = load(sys, words.value("in"), "PKCS #10 certificate request").await?;
    let request =
        Request::from_pem(&bytes).map_err(|_| Stop::new("Unable to load X509 request\n"))?;
    if words.has("verify") {
        let said = if request.signed { "verify OK" } else { "verify failure" };
        sys.eprint(&format!("Certificate request self-signature {said}\n")).await;
    }
    let mut shown = String::new();
    for (option, _) in &words.options {
        match option.as_str() {
            "text" => shown.push_str(&text::request(&request)),
            "subject" => {
                shown.push_str(&format!("subject={}\n", request.subject.one_line(" = ")));
            }
            "pubkey" => shown.push_str(&pki::pem::encode("PUBLIC KEY", &request.key_info)),
            _ => {}
        }
    }
    if !words.has("noout") {
        shown.push_str(&request.to_pem());
    }
    put(sys, words.value("out"), &shown, 0o644).await?;
    Ok(i32::from(words.has("verify") && !request.signed))
}

async fn make(sys: &Sys, words: &Words) -> Outcome {
    let config = match words.value("config") {
        Some(path) => {
            let bytes = load(sys, Some(path), "config file").await?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        None => String::new(),
    };
    let key = match (words.value("newkey"), words.value("key")) {
        (None, Some(path)) => private_key(sys, Some(path), "private key").await?,
        (Some(kind), _) if kind.starts_with("rsa") => {
            return Err(Stop::new(
                "openssl req: this lab makes no RSA keys; write -newkey ec -pkeyopt \
                 ec_paramgen_curve:prime256v1\n",
            ));
        }
        _ => {
            let key = super::new_key(sys);
            let out = words.value("keyout").unwrap_or("privkey.pem");
            put(sys, Some(out), &key.to_pkcs8_pem(), 0o600).await?;
            sys.eprint("-----\n").await;
            key
        }
    };
    let subject = match words.value("subj") {
        Some(text) => name(text)?,
        None => configured_name(&config)
            .ok_or_else(|| Stop::new("openssl req: give the name with -subj /CN=NAME\n"))?,
    };
    let mut extensions = Vec::new();
    let section = match words.has("x509") {
        true => words.value("extensions").or(setting(&config, "req", "x509_extensions")),
        false => words.value("reqexts").or(setting(&config, "req", "req_extensions")),
    };
    if let Some(section) = section {
        extensions = self::extensions(&config, section).map_err(Stop::new)?;
    }
    for (_, line) in words.options.iter().filter(|(option, _)| option == "addext") {
        extensions.push(extension(line, &config).map_err(Stop::new)?);
    }
    let text = if words.has("x509") {
        self_signed(sys, words, &subject, &key, extensions)?
    } else {
        let request = Request::make(&subject, &key, &extensions);
        request.ok_or_else(|| Stop::new("This key cannot sign in this lab\n"))?.to_pem()
    };
    if words.has("noout") {
        return Ok(0);
    }
    put(sys, words.value("out"), &text, 0o644).await?;
    Ok(0)
}

/// `req -x509`.
fn self_signed(
    sys: &Sys,
    words: &Words,
    subject: &Name,
    key: &pki::PrivateKey,
    mut extensions: Vec<Extension>,
) -> Result<String, Stop> {
    let cannot = || Stop::new("This key cannot sign in this lab\n");
    let Some(pki::PublicKey::P256(point)) = key.public() else { return Err(cannot()) };
    let key_info = pki::PublicKey::p256_info(&point);
    let own = key_id_of(&key_info);
    let has = |list: &[Extension], id: &[u8]| list.iter().any(|it| it.oid == id);
    let mut list = Vec::new();
    if !has(&extensions, oid::SUBJECT_KEY_ID) {
        list.push(pki::key_id(&own));
    }
    if !has(&extensions, oid::AUTHORITY_KEY_ID) {
        list.push(pki::authority_id(&own));
    }
    if !has(&extensions, oid::BASIC_CONSTRAINTS) {
        list.push(pki::basic_constraints(BasicConstraints { ca: true, path_len: None }, true));
    }
    list.append(&mut extensions);
    let days: i64 = words.value("days").unwrap_or("30").parse().unwrap_or(30);
    let mut serial = super::draw(sys, 20);
    serial[0] = serial[0] & 0x7f | 1;
    let contents = Contents {
        serial,
        issuer: subject.clone(),
        subject: subject.clone(),
        not_before_s: now_s(sys),
        not_after_s: now_s(sys) + days * 86_400,
        key_info,
        extensions: list,
    };
    Ok(pki::issue(&contents, key).ok_or_else(cannot)?.to_pem())
}

/// The identifier of a key: the SHA-1 of its bits.
pub(super) fn key_id_of(key_info: &[u8]) -> Vec<u8> {
    let mut reader = pki::der::Reader::new(key_info);
    let bits = reader.inside(pki::der::tag::SEQUENCE).and_then(|mut info| {
        info.any()?;
        info.bytes()
    });
    pki::sha1(bits.unwrap_or_default()).to_vec()
}

/// `/O=lab/CN=n1`, or the form with commas.
fn name(text: &str) -> Result<Name, Stop> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(Stop::new(format!(
            "name is expected to be in the format /type0=value0/type1=value1/type2=... where \
             characters may be escaped by \\. This name is not in that format: '{text}'\n"
        )));
    };
    let mut parts: Vec<(&[u8], &str)> = Vec::new();
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let Some((kind, value)) = part.split_once('=') else {
            return Err(Stop::new(format!(
                "req: Missing '=' after RDN type string '{part}' in subject name string\n"
            )));
        };
        match oid::named(kind) {
            Some(id) => parts.push((id, value)),
            None => {
                return Err(Stop::new(format!(
                    "req: Skipping unknown subject name attribute \"{kind}\"\n"
                )));
            }
        }
    }
    Ok(Name::of(&parts).as_utf8())
}

/// The name a configuration file gives without asking.
fn configured_name(config: &str) -> Option<Name> {
    let section = setting(config, "req", "distinguished_name")?;
    let lines = lines(config, section);
    let parts: Vec<(&[u8], &str)> = lines
        .iter()
        .filter_map(|(key, value)| {
            let key = key.trim_end_matches("_default");
            let key = key.split_once('.').map_or(key, |(_, key)| key);
            Some((oid::named(key)?, *value))
        })
        .collect();
    (!parts.is_empty()).then(|| Name::of(&parts).as_utf8())
}

/// The lines of a section: key and value.
fn lines<'a>(config: &'a str, section: &str) -> Vec<(&'a str, &'a str)> {
    let mut current = "default";
    let mut found = Vec::new();
    for line in config.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            current = name.trim();
        } else if let (true, Some((key, value))) = (current == section, line.split_once('=')) {
            found.push((key.trim(), value.trim()));
        }
    }
    found
}

fn setting<'a>(config: &'a str, section: &str, key: &str) -> Option<&'a str> {
    lines(config, section).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The extensions of a section of a configuration file.
pub(super) fn extensions(config: &str, section: &str) -> Result<Vec<Extension>, String> {
    lines(config, section)
        .into_iter()
        .filter(|(key, _)| !matches!(*key, "subjectKeyIdentifier" | "authorityKeyIdentifier"))
        .map(|(key, value)| extension(&format!("{key}={value}"), config))
        .collect()
}

/// One extension: `subjectAltName=DNS:n1,IP:10.0.0.1`.
fn extension(line: &str, config: &str) -> Result<Extension, String> {
    let bad = || format!("Error adding extension from line: {line}\n");
    let (key, value) = line.split_once('=').ok_or_else(bad)?;
    let mut items: Vec<&str> = value.split(',').map(str::trim).collect();
    let critical = items.first() == Some(&"critical");
    if critical {
        items.remove(0);
    }
    let mut extension = match key.trim() {
        "subjectAltName" => {
            let mut names = Vec::new();
            for item in items {
                match item.strip_prefix('@') {
                    Some(section) => {
                        for (kind, value) in lines(config, section) {
                            let kind = kind.split('.').next().unwrap_or_default();
                            names.push(general_name(kind, value).ok_or_else(bad)?);
                        }
                    }
                    None => {
                        let (kind, value) = item.split_once(':').ok_or_else(bad)?;
                        names.push(general_name(kind, value).ok_or_else(bad)?);
                    }
                }
            }
            pki::alt_names(&names)
        }
        "keyUsage" => {
            let mut bits = 0;
            for item in items {
                let mut names = KeyUsage::NAMES.iter();
                let place = names.position(|(short, long)| *short == item || *long == item);
                bits |= 1 << place.ok_or_else(bad)?;
            }
            pki::key_usage(KeyUsage(bits))
        }
        "extendedKeyUsage" => {
            let ids: Option<Vec<&[u8]>> = items.into_iter().map(oid::named).collect();
            pki::ext_key_usage(&ids.ok_or_else(bad)?)
        }
        "basicConstraints" => {
            let mut constraints = BasicConstraints { ca: false, path_len: None };
            for item in items {
                match item.split_once(':').ok_or_else(bad)? {
                    ("CA", value) => constraints.ca = value.eq_ignore_ascii_case("true"),
                    ("pathlen", value) => {
                        constraints.path_len = Some(value.trim().parse().map_err(|_| bad())?);
                    }
                    _ => return Err(bad()),
                }
            }
            pki::basic_constraints(constraints, critical)
        }
        _ => return Err(bad()),
    };
    extension.critical = critical;
    Ok(extension)
}

fn general_name(kind: &str, value: &str) -> Option<GeneralName> {
    let value = value.trim();
    match kind.trim() {
        "DNS" => Some(GeneralName::Dns(value.to_owned())),
        "IP" => Some(GeneralName::Ip(match value.parse::<std::net::IpAddr>().ok()? {
            std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
            std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
        })),
        "URI" => Some(GeneralName::Uri(value.to_owned())),
        "email" => Some(GeneralName::Email(value.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_come_from_lines_and_sections() {
        let config = "[v3]\nsubjectAltName = @names # here\nkeyUsage=critical,digitalSignature\n\
                      basicConstraints=CA:FALSE\n[names]\nDNS.1 = n1\nIP.1 = 10.0.0.1\n";
        let list = extensions(config, "v3").unwrap();
        assert_eq!(list.len(), 3);
        assert!(list[1].critical && !list[2].critical);
        assert_eq!(
            text::extensions(&list[..1], 0),
            "X509v3 Subject Alternative Name: \n    DNS:n1, IP Address:10.0.0.1\n"
        );
        assert_eq!(
            extension("keyUsage=flying", "").unwrap_err(),
            "Error adding extension from line: keyUsage=flying\n"
        );
        assert!(name("CN=x").is_err());
        assert_eq!(name("/O=lab/CN=n1").unwrap().one_line(" = "), "O = lab, CN = n1");
    }
}
