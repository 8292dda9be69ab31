//! Certificates, requests and keys as OpenSSL prints them.

use pki::{Certificate, Extension, GeneralName, KeyUsage, PublicKey, Request, oid};

/// Bytes as pairs of digits with colons, some to a line.
pub(super) fn colons(bytes: &[u8], per_line: usize, indent: usize) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> =
        pairs.chunks(per_line).map(|chunk| format!("{:indent$}{}", "", chunk.join(":"))).collect();
    lines.join(":\n") + "\n"
}

/// Bytes as capital pairs with colons.
pub(super) fn capitals(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// The value of a serial number's line in `-text`.
fn serial(bytes: &[u8]) -> String {
    let small = bytes.len() < 8 || (bytes.len() == 8 && bytes[0] < 0x80);
    if small {
        let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        return format!(" {value} ({value:#x})\n");
    }
    format!("\n{}", colons(bytes, bytes.len(), 12))
}

/// `x509 -text`.
pub(super) fn certificate(certificate: &Certificate) -> String {
    let algorithm = oid::long(&certificate.algorithm.0);
    let (issuer, subject) =
        (certificate.issuer.one_line(" = "), certificate.subject.one_line(" = "));
    let mut text = format!(
        "Certificate:\n    Data:\n        Version: {} ({:#x})\n        Serial Number:{}        \
         Signature Algorithm: {algorithm}\n        Issuer: {issuer}\n        Validity\n            \
         Not Before: {}\n            Not After : {}\n        Subject: {subject}\n        \
         Subject Public Key Info:\n",
        certificate.version,
        certificate.version - 1,
        serial(&certificate.serial),
        pki::date(certificate.not_before_s),
        pki::date(certificate.not_after_s),
    );
    text.push_str(&key(&certificate.key, 12));
    if !certificate.extensions.is_empty() {
        text.push_str("        X509v3 extensions:\n");
        text.push_str(&extensions(&certificate.extensions, 12));
    }
    text + &signature(&algorithm, &certificate.signature)
}

/// `req -text`.
pub(super) fn request(request: &Request) -> String {
    let algorithm = oid::long(&request.algorithm.0);
    let mut text = format!(
        "Certificate Request:\n    Data:\n        Version: 1 (0x0)\n        Subject: {}\n        \
         Subject Public Key Info:\n{}        Attributes:\n",
        request.subject.one_line(" = "),
        key(&request.key, 12),
    );
    if request.extensions.is_empty() {
        text.push_str("            (none)\n");
    }
    if !request.extensions.is_empty() {
        text.push_str("            Requested Extensions:\n");
        text.push_str(&extensions(&request.extensions, 16));
    }
    text + &signature(&algorithm, &request.signature)
}

fn signature(algorithm: &str, bytes: &[u8]) -> String {
    format!("    Signature Algorithm: {algorithm}\n    Signature Value:\n{}", colons(bytes, 18, 8))
}

/// A public key with its algorithm.
fn key(key: &PublicKey, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match key {
        PublicKey::P256(point) => format!(
            "{pad}Public Key Algorithm: id-ecPublicKey\n{pad}    Public-Key: (256 bit)\n{}",
            ec(point, indent + 4)
        ),
        PublicKey::Curve { oid: curve, .. } => format!(
            "{pad}Public Key Algorithm: id-ecPublicKey\n{pad}    ASN1 OID: {}\n",
            oid::short(curve)
        ),
        PublicKey::Rsa { modulus, exponent } => {
            let bits = modulus.len() * 8
                - modulus.first().map_or(0, |byte| {
                    usize::try_from(byte.leading_zeros()).expect("at most eight")
                });
            let mut shown = modulus.clone();
            if shown.first().is_some_and(|byte| *byte >= 0x80) {
                shown.insert(0, 0);
            }
            format!(
                "{pad}Public Key Algorithm: rsaEncryption\n{pad}    Public-Key: ({bits} bit)\n\
                 {pad}    Modulus:\n{}{pad}    Exponent: {exponent} ({exponent:#x})\n",
                colons(&shown, 15, indent + 8)
            )
        }
        PublicKey::Other(id) => {
            format!("{pad}Public Key Algorithm: {}\n", oid::long(id))
        }
    }
}

/// A point on P-256 and its curve.
pub(super) fn ec(point: &[u8], indent: usize) -> String {
    let pad = " ".repeat(indent);
    format!(
        "{pad}pub:\n{}{pad}ASN1 OID: prime256v1\n{pad}NIST CURVE: P-256\n",
        colons(point, 15, indent + 4)
    )
}

/// A list of extensions.
pub(super) fn extensions(list: &[Extension], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = String::new();
    for extension in list {
        let critical = if extension.critical { "critical" } else { "" };
        text.push_str(&format!("{pad}{}: {critical}\n", oid::long(&extension.oid)));
        for line in value(extension) {
            text.push_str(&format!("{pad}    {line}\n"));
        }
    }
    text
}

/// The lines of an extension's value.
fn value(extension: &Extension) -> Vec<String> {
    // What is known is read from the certificate it stands in alone.
    let known = match extension.oid.as_slice() {
        oid::SUBJECT_ALT_NAME => names(&extension.value),
        oid::KEY_USAGE => usage_bits(&extension.value),
        oid::EXT_KEY_USAGE => usages(&extension.value),
        oid::BASIC_CONSTRAINTS => constraints(&extension.value),
        oid::SUBJECT_KEY_ID => {
            let mut reader = pki::der::Reader::new(&extension.value);
            reader.get(pki::der::tag::OCTET_STRING).map(|value| vec![capitals(value.body)])
        }
        oid::AUTHORITY_KEY_ID => authority(&extension.value),
        _ => None,
    };
    known.unwrap_or_else(|| {
        let shown: String = extension
            .value
            .iter()
            .map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' })
            .collect();
        vec![shown]
    })
}

fn names(value: &[u8]) -> Option<Vec<String>> {
    let shown: Vec<String> = pki::read_names(value)?
        .iter()
        .map(|name| match name {
            GeneralName::Dns(text) => format!("DNS:{text}"),
            GeneralName::Ip(ip) if ip.len() == 16 => {
                let groups: Vec<String> = ip
                    .chunks(2)
                    .map(|pair| format!("{:X}", u16::from_be_bytes([pair[0], pair[1]])))
                    .collect();
                format!("IP Address:{}", groups.join(":"))
            }
            GeneralName::Ip(ip) => format!("IP Address:{}", pki::ip_text(ip)),
            GeneralName::Email(text) => format!("email:{text}"),
            GeneralName::Uri(text) => format!("URI:{text}"),
            GeneralName::Other(_) => "othername:<unsupported>".to_owned(),
        })
        .collect();
    Some(vec![shown.join(", ")])
}

fn usage_bits(value: &[u8]) -> Option<Vec<String>> {
    let bits = pki::read_key_usage(value)?;
    let set = KeyUsage::NAMES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    Some(vec![set.map(|(_, (_, name))| *name).collect::<Vec<_>>().join(", ")])
}

fn usages(value: &[u8]) -> Option<Vec<String>> {
    let list = pki::read_usages(value)?;
    Some(vec![list.iter().map(|id| oid::long(id)).collect::<Vec<_>>().join(", ")])
}

fn constraints(value: &[u8]) -> Option<Vec<String>> {
    let constraints = pki::read_constraints(value)?;
    let ca = if constraints.ca { "CA:TRUE" } else { "CA:FALSE" };
    Some(vec![match constraints.path_len {
        Some(len) => format!("{ca}, pathlen:{len}"),
        None => ca.to_owned(),
    }])
}

fn authority(value: &[u8]) -> Option<Vec<String>> {
    let mut reader = pki::der::Reader::new(value);
    let mut list = reader.inside(pki::der::tag::SEQUENCE)?;
    let id = list.get(pki::der::tag::context_plain(0))?;
    Some(vec![capitals(id.body)])
}
