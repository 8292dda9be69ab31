//! Certificate requests (PKCS #10): what `openssl req -new` writes and `openssl x509 -req` signs.

use crate::cert::{Extension, read_extension};
use crate::der::{Reader, bit_string, oid as oid_der, sequence, tag, unsigned, wrap};
use crate::issue::encode_extension;
use crate::key::{PrivateKey, PublicKey};
use crate::name::Name;
use crate::{SignatureAlgorithm, oid, pem};

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestError;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// All of it.
    pub raw: Vec<u8>,
    /// Who asks.
    pub subject: Name,
    /// The key.
    pub key: PublicKey,
    /// The DER of the key with its algorithm.
    pub key_info: Vec<u8>,
    /// The extensions it asks for.
    pub extensions: Vec<Extension>,
    /// Whether the signature is the key's.
    pub signed: bool,
    /// How it is signed.
    pub algorithm: SignatureAlgorithm,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Request {
    /// Makes one. None when the key cannot sign.
    pub fn make(subject: &Name, key: &PrivateKey, extensions: &[Extension]) -> Option<Request> {
        let Some(PublicKey::P256(point)) = key.public() else { return None };
        let info = PublicKey::p256_info(&point);
        let attributes = match extensions.is_empty() {
            true => Vec::new(),
            false => {
                let list: Vec<Vec<u8>> = extensions.iter().map(encode_extension).collect();
                let set = wrap(tag::SET, &wrap(tag::SEQUENCE, &list.concat()));
                sequence(&[&oid_der(oid::EXTENSION_REQUEST), &set])
            }
        };
        let attributes = wrap(tag::context(0), &attributes);
        let body = sequence(&[&unsigned(&[]), &subject.raw, &info, &attributes]);
        let algorithm = sequence(&[&oid_der(oid::ECDSA_SHA256)]);
        let signature = bit_string(&key.sign(&body)?);
        Request::from_der(&sequence(&[&body, &algorithm, &signature])).ok()
    }

    /// Reads one.
    pub fn from_der(der: &[u8]) -> Result<Request, RequestError> {
        read(der).ok_or(RequestError)
    }

    /// Reads the first of a PEM text.
    pub fn from_pem(text: &[u8]) -> Result<Request, RequestError> {
        let wanted = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
        let mut blocks = pem::blocks(text).into_iter();
        let block = blocks.find(|block| wanted.contains(&block.label.as_str()));
        Request::from_der(&block.ok_or(RequestError)?.der)
    }

    /// Its PEM.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", &self.raw)
    }
}

fn read(der: &[u8]) -> Option<Request> {
    let mut outer = Reader::new(der).inside(tag::SEQUENCE)?;
    let body = outer.get(tag::SEQUENCE)?;
    let algorithm = outer.inside(tag::SEQUENCE)?.get(tag::OID)?;
    let signature = outer.bytes()?;
    let mut rest = Reader::new(body.body);
    rest.small()?;
    let subject = Name::decode(rest.get(tag::SEQUENCE)?.raw)?;
    let info = rest.get(tag::SEQUENCE)?;
    let key = PublicKey::decode(info.body).ok()?;
    let mut extensions = Vec::new();
    let mut attributes = rest.inside(tag::context(0)).unwrap_or(Reader::new(&[]));
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(tag::SEQUENCE)?;
        let id = attribute.get(tag::OID)?;
        let mut set = attribute.inside(tag::SET)?;
        if id.body == oid::EXTENSION_REQUEST {
            let mut list = set.inside(tag::SEQUENCE)?;
            while !list.is_empty() {
                extensions.push(read_extension(list.inside(tag::SEQUENCE)?)?);
            }
        }
    }
    let algorithm = SignatureAlgorithm(algorithm.body.to_vec());
    let signed = key.verify(&algorithm, body.raw, signature).is_ok();
    Some(Request {
        raw: der.to_vec(),
        subject,
        key,
        key_info: info.raw.to_vec(),
        extensions,
        signed,
        algorithm,
        signature: signature.to_vec(),
    })
}
