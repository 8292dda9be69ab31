//! Reading certificates, with the checks and the errors of Go's `x509.ParseCertificate`.
//! Bytes come from anywhere: nothing here panics on any of them.

use std::fmt;

use crate::der::{Reader, Value, tag};
use crate::key::PublicKey;
use crate::name::Name;
use crate::{oid, time};

/// Why bytes are no certificate. `Display` is Go's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError(pub(crate) &'static str);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x509: {}", self.0)
    }
}

impl std::error::Error for ParseError {}

/// An algorithm identifier, by the content of its object identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm(pub Vec<u8>);

/// An extension as it stands in the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// What it is.
    pub oid: Vec<u8>,
    /// Whether who does not know it must refuse the certificate.
    pub critical: bool,
    /// Its value.
    pub value: Vec<u8>,
}

/// Whether a certificate may sign others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether it is an authority.
    pub ca: bool,
    /// How many more authorities may stand below it.
    pub path_len: Option<u64>,
}

/// A name a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// A host name, perhaps with a star.
    Dns(String),
    /// An address: 4 or 16 bytes.
    Ip(Vec<u8>),
    /// An email address.
    Email(String),
    /// A URI.
    Uri(String),
    /// Anything else: its tag.
    Other(u8),
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// All of it.
    pub raw: Vec<u8>,
    /// What is signed.
    pub tbs: Vec<u8>,
    /// 1 to 3.
    pub version: u8,
    /// The serial number, as a positive number's bytes.
    pub serial: Vec<u8>,
    /// How it is signed.
    pub algorithm: SignatureAlgorithm,
    /// Who signed.
    pub issuer: Name,
    /// From when it is valid, in seconds since 1970.
    pub not_before_s: i64,
    /// Until when.
    pub not_after_s: i64,
    /// Whose it is.
    pub subject: Name,
    /// The key.
    pub key: PublicKey,
    /// The DER of the key with its algorithm.
    pub key_info: Vec<u8>,
    /// The extensions, in order.
    pub extensions: Vec<Extension>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Whether it may sign, if it says so.
    pub constraints: Option<BasicConstraints>,
    /// The bits of the key usage, the first in the lowest bit.
    pub key_usage: Option<u16>,
    /// The extended key usages: contents of object identifiers.
    pub usages: Vec<Vec<u8>>,
    /// The names it is for; none when there is no such extension.
    pub names: Option<Vec<GeneralName>>,
    /// The identifier of its key.
    pub key_id: Option<Vec<u8>>,
    /// The identifier of the key it was signed with.
    pub authority_id: Option<Vec<u8>>,
}

type Parsed<T> = Result<T, ParseError>;

fn or<T>(value: Option<T>, error: &'static str) -> Parsed<T> {
    value.ok_or(ParseError(error))
}

impl Certificate {
    /// Reads one certificate.
    pub fn from_der(der: &[u8]) -> Parsed<Certificate> {
        let mut input = Reader::new(der);
        let whole = or(input.get(tag::SEQUENCE), "malformed certificate")?;
        if !input.is_empty() {
            return Err(ParseError("trailing data"));
        }
        let mut outer = Reader::new(whole.body);
        let tbs = or(outer.get(tag::SEQUENCE), "malformed tbs certificate")?;
        let mut rest = Reader::new(tbs.body);
        let version = version(&mut rest)?;
        let serial = or(rest.integer(), "malformed serial number")?;
        if serial[0] >= 0x80 {
            return Err(ParseError("negative serial number"));
        }
        let inner = or(rest.get(tag::SEQUENCE), "malformed signature algorithm identifier")?;
        let signed = or(outer.get(tag::SEQUENCE), "malformed algorithm identifier")?;
        if inner.body != signed.body {
            return Err(ParseError("inner and outer signature algorithm identifiers don't match"));
        }
        let algorithm = or(Reader::new(inner.body).get(tag::OID), "malformed OID")?;
        let issuer = or(rest.get(tag::SEQUENCE), "malformed issuer")?;
        let issuer = or(Name::decode(issuer.raw), "invalid RDNSequence: invalid attribute value")?;
        let validity = or(rest.inside(tag::SEQUENCE), "malformed validity")?;
        let (not_before_s, not_after_s) = or(times(validity), "malformed validity")?;
        let subject = or(rest.get(tag::SEQUENCE), "malformed issuer")?;
        let subject =
            or(Name::decode(subject.raw), "invalid RDNSequence: invalid attribute value")?;
        let key_info = or(rest.get(tag::SEQUENCE), "malformed spki")?;
        let key = PublicKey::decode(key_info.body)?;
        let signature = or(outer.bytes(), "malformed signature")?;
        let mut certificate = Certificate {
            raw: whole.raw.to_vec(),
            tbs: tbs.raw.to_vec(),
            version,
            serial: serial.iter().copied().skip_while(|byte| *byte == 0).collect(),
            algorithm: SignatureAlgorithm(algorithm.body.to_vec()),
            issuer,
            not_before_s,
            not_after_s,
            subject,
            key,
            key_info: key_info.raw.to_vec(),
            extensions: Vec::new(),
            signature: signature.to_vec(),
            constraints: None,
            key_usage: None,
            usages: Vec::new(),
            names: None,
            key_id: None,
            authority_id: None,
        };
        if version > 1 {
            certificate.tail(rest)?;
        }
        Ok(certificate)
    }

    /// The certificates of a PEM text, in order; blocks of other kinds are left out.
    pub fn from_pem(text: &[u8]) -> Parsed<Vec<Certificate>> {
        let blocks = crate::pem::blocks(text).into_iter();
        let blocks = blocks.filter(|block| block.label == "CERTIFICATE");
        blocks.map(|block| Certificate::from_der(&block.der)).collect()
    }

    /// Its PEM.
    pub fn to_pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.raw)
    }

    /// The unique identifiers nobody uses, and the extensions.
    fn tail(&mut self, mut rest: Reader<'_>) -> Parsed<()> {
        let _ = rest.get(tag::context_plain(1));
        let _ = rest.get(tag::context_plain(2));
        if self.version < 3 || rest.peek() != Some(tag::context(3)) {
            return Ok(());
        }
        let list = rest.inside(tag::context(3)).and_then(|mut list| list.inside(tag::SEQUENCE));
        let mut list = or(list, "malformed extensions")?;
        while !list.is_empty() {
            let extension = or(list.inside(tag::SEQUENCE), "malformed extension")?;
            let extension = or(read_extension(extension), "malformed extension")?;
            if self.extensions.iter().any(|other| other.oid == extension.oid) {
                return Err(ParseError("certificate contains duplicate extensions"));
            }
            self.known(&extension)?;
            self.extensions.push(extension);
        }
        Ok(())
    }

    fn known(&mut self, extension: &Extension) -> Parsed<()> {
        let value = Reader::new(&extension.value);
        match extension.oid.as_slice() {
            oid::BASIC_CONSTRAINTS => {
                self.constraints = Some(or(constraints(value), "invalid basic constraints")?);
            }
            oid::KEY_USAGE => self.key_usage = Some(or(key_usage(value), "invalid key usage")?),
            oid::EXT_KEY_USAGE => {
                self.usages = or(usages(value), "invalid extended key usages")?;
            }
            oid::SUBJECT_ALT_NAME => {
                self.names = Some(or(alt_names(value), "invalid subject alternative names")?);
            }
            oid::SUBJECT_KEY_ID => {
                let mut value = value;
                let id = or(value.get(tag::OCTET_STRING), "invalid subject key identifier")?;
                self.key_id = Some(id.body.to_vec());
            }
            oid::AUTHORITY_KEY_ID => {
                let mut value = value;
                let mut list = or(value.inside(tag::SEQUENCE), "invalid authority key identifier")?;
                self.authority_id = list.get(tag::context_plain(0)).map(|id| id.body.to_vec());
            }
            _ => {}
        }
        Ok(())
    }

    /// The first critical extension nobody here understands.
    pub(crate) fn unknown_critical(&self) -> bool {
        const KNOWN: [&[u8]; 6] = [
            oid::BASIC_CONSTRAINTS,
            oid::KEY_USAGE,
            oid::EXT_KEY_USAGE,
            oid::SUBJECT_ALT_NAME,
            oid::SUBJECT_KEY_ID,
            oid::AUTHORITY_KEY_ID,
        ];
        let unknown = |extension: &&Extension| !KNOWN.contains(&extension.oid.as_slice());
        self.extensions.iter().filter(|extension| extension.critical).any(|it| unknown(&it))
    }

    /// Its host names.
    pub fn dns_names(&self) -> Vec<&str> {
        self.names
            .iter()
            .flatten()
            .filter_map(|name| match name {
                GeneralName::Dns(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Its addresses.
    pub fn ips(&self) -> Vec<&[u8]> {
        self.names
            .iter()
            .flatten()
            .filter_map(|name| match name {
                GeneralName::Ip(ip) => Some(ip.as_slice()),
                _ => None,
            })
            .collect()
    }
}

fn version(rest: &mut Reader<'_>) -> Parsed<u8> {
    if rest.peek() != Some(tag::context(0)) {
        return Ok(1);
    }
    let number = rest.inside(tag::context(0)).and_then(|mut inner| inner.small());
    match or(number, "malformed version")? {
        number @ 0..=2 => Ok(u8::try_from(number).expect("it is at most 2") + 1),
        _ => Err(ParseError("invalid version")),
    }
}

fn times(mut validity: Reader<'_>) -> Option<(i64, i64)> {
    let from = time::decode(&validity.any()?)?;
    Some((from, time::decode(&validity.any()?)?))
}

pub(crate) fn read_extension(mut extension: Reader<'_>) -> Option<Extension> {
    let oid = extension.get(tag::OID)?.body.to_vec();
    let critical = match extension.peek() {
        Some(tag::BOOLEAN) => extension.boolean()?,
        _ => false,
    };
    let value = extension.get(tag::OCTET_STRING)?.body.to_vec();
    Some(Extension { oid, critical, value })
}

fn constraints(mut value: Reader<'_>) -> Option<BasicConstraints> {
    let mut list = value.inside(tag::SEQUENCE)?;
    let ca = match list.peek() {
        Some(tag::BOOLEAN) => list.boolean()?,
        _ => false,
    };
    let path_len = match list.peek() {
        Some(tag::INTEGER) => Some(list.small()?),
        _ => None,
    };
    Some(BasicConstraints { ca, path_len })
}

fn key_usage(mut value: Reader<'_>) -> Option<u16> {
    let body = value.get(tag::BIT_STRING)?.body;
    let (unused, bytes) = body.split_first()?;
    if *unused > 7 {
        return None;
    }
    let byte = |place: usize| u16::from(bytes.get(place).map_or(0, |byte| byte.reverse_bits()));
    Some(byte(0) | byte(1) << 8)
}

fn usages(mut value: Reader<'_>) -> Option<Vec<Vec<u8>>> {
    let mut list = value.inside(tag::SEQUENCE)?;
    let mut usages = Vec::new();
    while !list.is_empty() {
        usages.push(list.get(tag::OID)?.body.to_vec());
    }
    Some(usages)
}

fn alt_names(mut value: Reader<'_>) -> Option<Vec<GeneralName>> {
    let mut list = value.inside(tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(general_name(&list.any()?)?);
    }
    Some(names)
}

fn general_name(value: &Value<'_>) -> Option<GeneralName> {
    let text = || value.body.is_ascii().then(|| String::from_utf8_lossy(value.body).into_owned());
    Some(match value.tag {
        0x81 => GeneralName::Email(text()?),
        0x82 => GeneralName::Dns(text()?),
        0x86 => GeneralName::Uri(text()?),
        0x87 if matches!(value.body.len(), 4 | 16) => GeneralName::Ip(value.body.to_vec()),
        0x87 => return None,
        other => GeneralName::Other(other),
    })
}

/// An address as Go prints it.
pub fn ip_text(ip: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(ip) {
        return std::net::Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(ip) {
        Ok(sixteen) => {
            let six = std::net::Ipv6Addr::from(sixteen);
            six.to_ipv4_mapped().map_or_else(|| six.to_string(), |four| four.to_string())
        }
        Err(_) => "?".to_owned(),
    }
}

/// Reads the value of subjectAltName.
pub fn read_names(value: &[u8]) -> Option<Vec<GeneralName>> {
    alt_names(Reader::new(value))
}

/// Reads the value of keyUsage, its first bit lowest.
pub fn read_key_usage(value: &[u8]) -> Option<u16> {
    key_usage(Reader::new(value))
}

/// Reads the value of extKeyUsage: contents of identifiers.
pub fn read_usages(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    usages(Reader::new(value))
}

/// Reads the value of basicConstraints.
pub fn read_constraints(value: &[u8]) -> Option<BasicConstraints> {
    constraints(Reader::new(value))
}
