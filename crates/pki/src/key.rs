//! Keys: P-256 ones that sign, and those of others that are only read.

use std::fmt;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};

use crate::cert::{ParseError, SignatureAlgorithm};
use crate::der::{Reader, bit_string, oid as oid_der, sequence, tag, unsigned, wrap};
use crate::{oid, pem, rsa};

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tls: failed to parse private key")
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point on P-256, uncompressed: 65 bytes.
    P256(Vec<u8>),
    /// A point on another curve: the curve, and the point.
    Curve {
        /// The content of the curve's identifier.
        oid: Vec<u8>,
        /// The point.
        point: Vec<u8>,
    },
    /// RSA: big-endian numbers.
    Rsa {
        /// n.
        modulus: Vec<u8>,
        /// e.
        exponent: u64,
    },
    /// Anything else: the content of its algorithm's identifier.
    Other(Vec<u8>),
}

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub enum PrivateKey {
    /// The one kind that is made here.
    P256(Box<SigningKey>),
    /// RSA: only what tells which public key belongs to it.
    Rsa(PublicKey),
    /// Another curve, or Ed25519.
    Other,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PrivateKey::P256(_) => "PrivateKey::P256",
            PrivateKey::Rsa(_) => "PrivateKey::Rsa",
            PrivateKey::Other => "PrivateKey::Other",
        })
    }
}

impl PublicKey {
    /// Reads the content of a SubjectPublicKeyInfo.
    pub(crate) fn decode(info: &[u8]) -> Result<PublicKey, ParseError> {
        let mut info = Reader::new(info);
        let malformed = ParseError("malformed public key algorithm identifier");
        let mut algorithm = info.inside(tag::SEQUENCE).ok_or(malformed)?;
        let id = algorithm.get(tag::OID).ok_or(malformed)?.body;
        let bytes = info.bytes().ok_or(ParseError("malformed subjectPublicKey"))?;
        match id {
            oid::EC_PUBLIC_KEY => {
                let curve =
                    algorithm.get(tag::OID).ok_or(ParseError("invalid ECDSA parameters"))?;
                match curve.body {
                    oid::P256 => {
                        let key = VerifyingKey::from_sec1_bytes(bytes)
                            .map_err(|_| ParseError("failed to unmarshal elliptic curve point"))?;
                        Ok(PublicKey::P256(key.to_sec1_point(false).as_bytes().to_vec()))
                    }
                    other => Ok(PublicKey::Curve { oid: other.to_vec(), point: bytes.to_vec() }),
                }
            }
            oid::RSA => {
                let mut key = Reader::new(bytes)
                    .inside(tag::SEQUENCE)
                    .ok_or(ParseError("invalid RSA public key"))?;
                let modulus = key.integer().ok_or(ParseError("invalid RSA modulus"))?;
                if modulus[0] >= 0x80 {
                    return Err(ParseError("RSA modulus is not a positive number"));
                }
                let exponent = key.small().ok_or(ParseError("invalid RSA public exponent"))?;
                let modulus = modulus.iter().copied().skip_while(|byte| *byte == 0).collect();
                Ok(PublicKey::Rsa { modulus, exponent })
            }
            other => Ok(PublicKey::Other(other.to_vec())),
        }
    }

    /// Reads a PEM block `PUBLIC KEY`.
    pub fn from_der(der: &[u8]) -> Option<PublicKey> {
        let info = Reader::new(der).get(tag::SEQUENCE)?;
        PublicKey::decode(info.body).ok()
    }

    /// The SubjectPublicKeyInfo of a key on P-256.
    pub fn p256_info(point: &[u8]) -> Vec<u8> {
        let algorithm = sequence(&[&oid_der(oid::EC_PUBLIC_KEY), &oid_der(oid::P256)]);
        sequence(&[&algorithm, &bit_string(point)])
    }

    /// Go's name of its algorithm.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            PublicKey::P256(_) | PublicKey::Curve { .. } => "ECDSA",
            PublicKey::Rsa { .. } => "RSA",
            PublicKey::Other(id) if id == oid::ED25519 => "Ed25519",
            PublicKey::Other(_) => "0",
        }
    }

    /// Whether a signature is this key's. The error is Go's, without its `x509: `.
    pub(crate) fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), String> {
        const UNIMPLEMENTED: &str = "x509: cannot verify signature: algorithm unimplemented";
        match (algorithm.0.as_slice(), self) {
            (oid::ECDSA_SHA256, PublicKey::P256(point)) => {
                let key = VerifyingKey::from_sec1_bytes(point);
                let good = key.is_ok_and(|key| {
                    DerSignature::from_bytes(signature)
                        .is_ok_and(|signature| key.verify(message, &signature).is_ok())
                });
                if good { Ok(()) } else { Err("x509: ECDSA verification failure".to_owned()) }
            }
            (oid::SHA256_RSA, PublicKey::Rsa { modulus, exponent }) => {
                if rsa::verify_sha256(modulus, *exponent, message, signature) {
                    Ok(())
                } else {
                    Err("crypto/rsa: verification error".to_owned())
                }
            }
            (oid::ECDSA_SHA256, PublicKey::Rsa { .. }) => Err(mismatch("ECDSA", "*rsa.PublicKey")),
            (oid::SHA256_RSA, PublicKey::P256(_) | PublicKey::Curve { .. }) => {
                Err(mismatch("RSA", "*ecdsa.PublicKey"))
            }
            _ => Err(UNIMPLEMENTED.to_owned()),
        }
    }
}

fn mismatch(wanted: &str, found: &str) -> String {
    format!(
        "x509: signature algorithm specifies an {wanted} public key, but have public key of type {found}"
    )
}

impl PrivateKey {
    /// The key of a seed and a purpose: the same ones give the same key.
    pub fn from_seed(seed: u64, purpose: &str) -> PrivateKey {
        // Nearly every number of 32 bytes is a key; the few that are none are passed over.
        for turn in 0_u32.. {
            let mut bytes = b"quorum lab key".to_vec();
            bytes.extend_from_slice(&seed.to_be_bytes());
            bytes.extend_from_slice(&turn.to_be_bytes());
            bytes.extend_from_slice(purpose.as_bytes());
            if let Ok(key) = SigningKey::from_slice(&crate::sha256(&bytes)) {
                return PrivateKey::P256(Box::new(key));
            }
        }
        unreachable!("one number in four billion is no key")
    }

    /// Reads DER of any of the three forms: `EC PRIVATE KEY`, `PRIVATE KEY`,
    /// `RSA PRIVATE KEY`. As in Go the form is found out by trying.
    pub fn from_der(der: &[u8]) -> Result<PrivateKey, KeyError> {
        rsa_key(der).or_else(|| pkcs8(der)).or_else(|| sec1(der, None)).ok_or(KeyError)
    }

    /// The first private key of a PEM text.
    pub fn from_pem(text: &[u8]) -> Result<PrivateKey, KeyError> {
        let block =
            pem::blocks(text).into_iter().find(|block| block.label.ends_with("PRIVATE KEY"));
        PrivateKey::from_der(&block.ok_or(KeyError)?.der)
    }

    /// The public key, where it is known.
    pub fn public(&self) -> Option<PublicKey> {
        match self {
            PrivateKey::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                Some(PublicKey::P256(point))
            }
            PrivateKey::Rsa(public) => Some(public.clone()),
            PrivateKey::Other => None,
        }
    }

    /// Its SEC 1 DER; none for keys that are only read.
    pub fn to_sec1(&self) -> Option<Vec<u8>> {
        let (PrivateKey::P256(key), Some(PublicKey::P256(point))) = (self, self.public()) else {
            return None;
        };
        let curve = wrap(tag::context(0), &oid_der(oid::P256));
        let public = wrap(tag::context(1), &bit_string(&point));
        let secret = wrap(tag::OCTET_STRING, &key.to_bytes());
        Some(sequence(&[&unsigned(&[1]), &secret, &curve, &public]))
    }

    /// Its PKCS #8 DER; none for keys that are only read.
    pub fn to_pkcs8(&self) -> Option<Vec<u8>> {
        let (PrivateKey::P256(key), Some(PublicKey::P256(point))) = (self, self.public()) else {
            return None;
        };
        let secret = wrap(tag::OCTET_STRING, &key.to_bytes());
        let public = wrap(tag::context(1), &bit_string(&point));
        let inner = sequence(&[&unsigned(&[1]), &secret, &public]);
        let algorithm = sequence(&[&oid_der(oid::EC_PUBLIC_KEY), &oid_der(oid::P256)]);
        Some(sequence(&[&unsigned(&[]), &algorithm, &wrap(tag::OCTET_STRING, &inner)]))
    }

    /// `EC PRIVATE KEY`, as kubeadm writes it; empty for keys that are only read.
    pub fn to_pem(&self) -> String {
        self.to_sec1().map(|der| pem::encode("EC PRIVATE KEY", &der)).unwrap_or_default()
    }

    /// `PRIVATE KEY`, as OpenSSL writes it; empty for keys that are only read.
    pub fn to_pkcs8_pem(&self) -> String {
        self.to_pkcs8().map(|der| pem::encode("PRIVATE KEY", &der)).unwrap_or_default()
    }

    /// A signature by ECDSA with SHA-256, always the same; none for keys that are only read.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            PrivateKey::P256(key) => {
                let signature: DerSignature = key.sign(message);
                Some(signature.as_bytes().to_vec())
            }
            _ => None,
        }
    }
}

fn rsa_key(der: &[u8]) -> Option<PrivateKey> {
    let mut key = Reader::new(der).inside(tag::SEQUENCE)?;
    if key.small()? > 1 {
        return None;
    }
    let modulus: Vec<u8> = key.integer()?.iter().copied().skip_while(|byte| *byte == 0).collect();
    let exponent = key.small()?;
    // d, p, q and the rest of them have to be there.
    for _ in 0..6 {
        key.integer()?;
    }
    Some(PrivateKey::Rsa(PublicKey::Rsa { modulus, exponent }))
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let mut key = Reader::new(der).inside(tag::SEQUENCE)?;
    key.small()?;
    let mut algorithm = key.inside(tag::SEQUENCE)?;
    let id = algorithm.get(tag::OID)?.body;
    let inner = key.get(tag::OCTET_STRING)?.body;
    match id {
        oid::RSA => rsa_key(inner),
        oid::EC_PUBLIC_KEY => sec1(inner, Some(algorithm.get(tag::OID)?.body)),
        oid::ED25519 => Some(PrivateKey::Other),
        _ => None,
    }
}

fn sec1(der: &[u8], curve: Option<&[u8]>) -> Option<PrivateKey> {
    let mut key = Reader::new(der).inside(tag::SEQUENCE)?;
    if key.small()? != 1 {
        return None;
    }
    let secret = key.get(tag::OCTET_STRING)?.body;
    let named = key.inside(tag::context(0)).and_then(|mut inner| inner.get(tag::OID));
    match curve.or(named.map(|value| value.body))? {
        oid::P256 => {
            // The number may be shorter or longer than 32 bytes by zeros.
            let skip = secret.iter().take_while(|byte| **byte == 0).count();
            let digits = &secret[skip..];
            let mut bytes = [0; 32];
            bytes.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
            Some(PrivateKey::P256(Box::new(SigningKey::from_slice(&bytes).ok()?)))
        }
        oid::P384 | oid::P521 => Some(PrivateKey::Other),
        _ => None,
    }
}
