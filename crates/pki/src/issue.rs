//! Making certificates. [`Template`] makes them as Go and kubeadm do; [`issue`] takes any list
//! of extensions, for who decides about them himself.

use crate::cert::{BasicConstraints, Certificate, Extension, GeneralName};
use crate::der::{bit_string, oid as oid_der, sequence, tag, unsigned, wrap};
use crate::key::{PrivateKey, PublicKey};
use crate::name::Name;
use crate::verify::Usage;
use crate::{oid, time};

/// The bits of a key usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// For handshakes.
    pub const DIGITAL_SIGNATURE: KeyUsage = KeyUsage(1);
    /// For handshakes of old.
    pub const KEY_ENCIPHERMENT: KeyUsage = KeyUsage(4);
    /// For signing certificates.
    pub const CERT_SIGN: KeyUsage = KeyUsage(32);
    /// For signing lists of revoked ones.
    pub const CRL_SIGN: KeyUsage = KeyUsage(64);
    /// What each bit is called by OpenSSL, on the command line and in print.
    pub const NAMES: [(&'static str, &'static str); 9] = [
        ("digitalSignature", "Digital Signature"),
        ("nonRepudiation", "Non Repudiation"),
        ("keyEncipherment", "Key Encipherment"),
        ("dataEncipherment", "Data Encipherment"),
        ("keyAgreement", "Key Agreement"),
        ("keyCertSign", "Certificate Sign"),
        ("cRLSign", "CRL Sign"),
        ("encipherOnly", "Encipher Only"),
        ("decipherOnly", "Decipher Only"),
    ];

    /// Both.
    pub const fn and(self, other: KeyUsage) -> KeyUsage {
        KeyUsage(self.0 | other.0)
    }
}

/// Who signs: an authority's certificate and key.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: PrivateKey,
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct Template {
    /// Whose it is.
    pub subject: Name,
    /// The names it is for.
    pub names: Vec<GeneralName>,
    /// From when it is valid, in seconds since 1970.
    pub not_before_s: i64,
    /// Until when.
    pub not_after_s: i64,
    /// Whether it may sign others.
    pub ca: bool,
    /// What its key is for.
    pub key_usage: KeyUsage,
    /// What it is for.
    pub usages: Vec<Usage>,
}

impl Template {
    /// The certificate of a server or client, or of both, as kubeadm makes them.
    pub fn leaf(subject: Name, usages: &[Usage], names: Vec<GeneralName>) -> Template {
        Template {
            subject,
            names,
            not_before_s: 0,
            not_after_s: 0,
            ca: false,
            key_usage: KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::KEY_ENCIPHERMENT),
            usages: usages.to_vec(),
        }
    }

    /// Valid in these times.
    pub fn valid(mut self, not_before_s: i64, not_after_s: i64) -> Template {
        (self.not_before_s, self.not_after_s) = (not_before_s, not_after_s);
        self
    }

    /// The certificate of a key, signed by an authority.
    pub fn issue(&self, key: &PrivateKey, issuer: &Issuer) -> Certificate {
        let authority = issuer.certificate.key_id.clone();
        self.sign(key, &issuer.certificate.subject, authority, &issuer.key)
    }

    /// The certificate of a key, signed with the same key.
    pub fn self_sign(&self, key: &PrivateKey) -> Certificate {
        self.sign(key, &self.subject, None, key)
    }

    fn sign(
        &self,
        key: &PrivateKey,
        issuer: &Name,
        authority: Option<Vec<u8>>,
        signer: &PrivateKey,
    ) -> Certificate {
        let point = match key.public() {
            Some(PublicKey::P256(point)) => point,
            _ => unreachable!("certificates are made for keys that were made here"),
        };
        let info = PublicKey::p256_info(&point);
        // Go numbers certificates at random; the same contents have the same number here.
        let mut unique = info.clone();
        unique.extend_from_slice(&self.subject.raw);
        unique.extend_from_slice(&issuer.raw);
        unique.extend_from_slice(&self.not_before_s.to_be_bytes());
        unique.extend_from_slice(&self.not_after_s.to_be_bytes());
        let mut serial = crate::sha256(&unique)[..8].to_vec();
        serial[0] = serial[0] & 0x7f | 1;
        let contents = Contents {
            serial,
            issuer: issuer.clone(),
            subject: self.subject.clone(),
            not_before_s: self.not_before_s,
            not_after_s: self.not_after_s,
            key_info: info,
            extensions: self.extensions(&point, authority),
        };
        issue(&contents, signer).expect("authorities have keys that were made here")
    }

    /// In the order Go writes them.
    fn extensions(&self, point: &[u8], authority: Option<Vec<u8>>) -> Vec<Extension> {
        let mut list = vec![key_usage(self.key_usage)];
        if !self.usages.is_empty() {
            let ids: Vec<&[u8]> = self.usages.iter().map(|usage| usage.oid()).collect();
            list.push(ext_key_usage(&ids));
        }
        list.push(basic_constraints(BasicConstraints { ca: self.ca, path_len: None }, true));
        if self.ca {
            list.push(key_id(&crate::sha1(point)));
        }
        if let Some(authority) = authority {
            list.push(authority_id(&authority));
        }
        if !self.names.is_empty() {
            list.push(alt_names(&self.names));
        }
        list
    }
}

/// An authority of this name, as kubeadm makes one: its certificate and key.
pub fn authority(name: &str, seed: u64, not_before_s: i64, not_after_s: i64) -> Issuer {
    let key = PrivateKey::from_seed(seed, &format!("authority {name}"));
    let usage = KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::KEY_ENCIPHERMENT);
    let template = Template {
        subject: Name::new(&[], name),
        names: vec![GeneralName::Dns(name.to_owned())],
        not_before_s,
        not_after_s,
        ca: true,
        key_usage: usage.and(KeyUsage::CERT_SIGN),
        usages: Vec::new(),
    };
    Issuer { certificate: template.self_sign(&key), key }
}

/// All a certificate says.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The serial number's bytes.
    pub serial: Vec<u8>,
    /// Who signs.
    pub issuer: Name,
    /// Whose it is.
    pub subject: Name,
    /// From when it is valid.
    pub not_before_s: i64,
    /// Until when.
    pub not_after_s: i64,
    /// The key: the DER of a SubjectPublicKeyInfo.
    pub key_info: Vec<u8>,
    /// The extensions, in order.
    pub extensions: Vec<Extension>,
}

/// Signs a certificate. None when the key cannot sign.
pub fn issue(contents: &Contents, signer: &PrivateKey) -> Option<Certificate> {
    let algorithm = sequence(&[&oid_der(oid::ECDSA_SHA256)]);
    let validity =
        sequence(&[&time::encode(contents.not_before_s), &time::encode(contents.not_after_s)]);
    let extensions: Vec<Vec<u8>> = contents.extensions.iter().map(encode_extension).collect();
    let extensions = match extensions.is_empty() {
        true => Vec::new(),
        false => wrap(tag::context(3), &wrap(tag::SEQUENCE, &extensions.concat())),
    };
    let version = match contents.extensions.is_empty() {
        true => Vec::new(),
        false => wrap(tag::context(0), &unsigned(&[2])),
    };
    let tbs = sequence(&[
        &version,
        &unsigned(&contents.serial),
        &algorithm,
        &contents.issuer.raw,
        &validity,
        &contents.subject.raw,
        &contents.key_info,
        &extensions,
    ]);
    let signature = bit_string(&signer.sign(&tbs)?);
    let der = sequence(&[&tbs, &algorithm, &signature]);
    Some(Certificate::from_der(&der).expect("what was just written can be read"))
}

pub(crate) fn encode_extension(extension: &Extension) -> Vec<u8> {
    let critical = if extension.critical { wrap(tag::BOOLEAN, &[0xff]) } else { Vec::new() };
    let value = wrap(tag::OCTET_STRING, &extension.value);
    sequence(&[&oid_der(&extension.oid), &critical, &value])
}

fn extension(oid: &[u8], critical: bool, value: Vec<u8>) -> Extension {
    Extension { oid: oid.to_vec(), critical, value }
}

/// keyUsage, critical.
pub fn key_usage(usage: KeyUsage) -> Extension {
    let [low, high] = usage.0.to_le_bytes();
    let mut bytes = vec![low.reverse_bits(), high.reverse_bits()];
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    let unused = bytes.last().map_or(0, |last| last.trailing_zeros());
    bytes.insert(0, u8::try_from(unused).expect("at most seven bits"));
    extension(oid::KEY_USAGE, true, wrap(tag::BIT_STRING, &bytes))
}

/// extKeyUsage.
pub fn ext_key_usage(usages: &[&[u8]]) -> Extension {
    let list: Vec<Vec<u8>> = usages.iter().map(|usage| oid_der(usage)).collect();
    extension(oid::EXT_KEY_USAGE, false, wrap(tag::SEQUENCE, &list.concat()))
}

/// basicConstraints.
pub fn basic_constraints(constraints: BasicConstraints, critical: bool) -> Extension {
    let mut body = Vec::new();
    if constraints.ca {
        body.extend(wrap(tag::BOOLEAN, &[0xff]));
        if let Some(len) = constraints.path_len {
            body.extend(unsigned(&len.to_be_bytes()));
        }
    }
    extension(oid::BASIC_CONSTRAINTS, critical, wrap(tag::SEQUENCE, &body))
}

/// subjectKeyIdentifier.
pub fn key_id(id: &[u8]) -> Extension {
    extension(oid::SUBJECT_KEY_ID, false, wrap(tag::OCTET_STRING, id))
}

/// authorityKeyIdentifier.
pub fn authority_id(id: &[u8]) -> Extension {
    let id = wrap(tag::context_plain(0), id);
    extension(oid::AUTHORITY_KEY_ID, false, sequence(&[&id]))
}

/// subjectAltName. Names that are only read are left out.
pub fn alt_names(names: &[GeneralName]) -> Extension {
    let list: Vec<Vec<u8>> = names
        .iter()
        .map(|name| match name {
            GeneralName::Email(text) => wrap(tag::context_plain(1), text.as_bytes()),
            GeneralName::Dns(text) => wrap(tag::context_plain(2), text.as_bytes()),
            GeneralName::Uri(text) => wrap(tag::context_plain(6), text.as_bytes()),
            GeneralName::Ip(ip) => wrap(tag::context_plain(7), ip),
            GeneralName::Other(_) => Vec::new(),
        })
        .collect();
    extension(oid::SUBJECT_ALT_NAME, false, wrap(tag::SEQUENCE, &list.concat()))
}
