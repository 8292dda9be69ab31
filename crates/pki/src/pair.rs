//! A certificate and its key, read together: Go's `tls.X509KeyPair`.

use std::fmt;

use crate::cert::{Certificate, ParseError};
use crate::key::PrivateKey;
use crate::pem;

/// Why two texts are no certificate and key. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairError {
    /// There is no PEM in one of them: which.
    NoPem(&'static str),
    /// The certificate's text holds a key only.
    Switched,
    /// There is PEM in the certificate's text, and no certificate: the labels.
    NoCertificate(Vec<String>),
    /// The key's text holds a certificate only.
    CertificateForKey,
    /// There is PEM in the key's text, and no key: the labels.
    NoKey(Vec<String>),
    /// The certificate cannot be read.
    Certificate(ParseError),
    /// The key cannot be read.
    Key,
    /// The key is of another kind.
    OtherKind,
    /// The key is another's.
    Mismatch,
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairError::NoPem(what) => {
                write!(f, "tls: failed to find any PEM data in {what} input")
            }
            PairError::Switched => f.write_str(
                "tls: failed to find certificate PEM data in certificate input, but did find a \
                 private key; PEM inputs may have been switched",
            ),
            PairError::NoCertificate(labels) => write!(
                f,
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after \
                 skipping PEM blocks of the following types: [{}]",
                labels.join(" ")
            ),
            PairError::CertificateForKey => f.write_str(
                "tls: found a certificate rather than a key in the PEM for the private key",
            ),
            PairError::NoKey(labels) => write!(
                f,
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input \
                 after skipping PEM blocks of the following types: [{}]",
                labels.join(" ")
            ),
            PairError::Certificate(error) => write!(f, "{error}"),
            PairError::Key => f.write_str("tls: failed to parse private key"),
            PairError::OtherKind => {
                f.write_str("tls: private key type does not match public key type")
            }
            PairError::Mismatch => f.write_str("tls: private key does not match public key"),
        }
    }
}

impl std::error::Error for PairError {}

/// A chain of certificates and the key of the first.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// DER, the own certificate first.
    pub chain: Vec<Vec<u8>>,
    /// The first of them, read.
    pub leaf: Certificate,
    /// Its key.
    pub key: PrivateKey,
}

impl KeyPair {
    /// Reads both texts and checks that they belong together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<KeyPair, PairError> {
        let (mut chain, mut skipped) = (Vec::new(), Vec::new());
        for block in pem::blocks(certificate) {
            if block.label == "CERTIFICATE" {
                chain.push(block.der);
            } else {
                skipped.push(block.label);
            }
        }
        if chain.is_empty() {
            return Err(match skipped.as_slice() {
                [] => PairError::NoPem("certificate"),
                [one] if one.ends_with("PRIVATE KEY") => PairError::Switched,
                _ => PairError::NoCertificate(skipped),
            });
        }
        let blocks = pem::blocks(key);
        let is_key = |label: &str| label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY");
        let Some(found) = blocks.iter().find(|block| is_key(&block.label)) else {
            let labels: Vec<String> = blocks.into_iter().map(|block| block.label).collect();
            return Err(match labels.as_slice() {
                [] => PairError::NoPem("key"),
                [one] if one == "CERTIFICATE" => PairError::CertificateForKey,
                _ => PairError::NoKey(labels),
            });
        };
        let leaf = Certificate::from_der(&chain[0]).map_err(PairError::Certificate)?;
        let key = PrivateKey::from_der(&found.der).map_err(|_| PairError::Key)?;
        // Of keys that are only read it is not known whose they are.
        if let Some(public) = key.public() {
            if public.algorithm() != leaf.key.algorithm() {
                return Err(PairError::OtherKind);
            }
            if public != leaf.key {
                return Err(PairError::Mismatch);
            }
        }
        Ok(KeyPair { chain, leaf, key })
    }
}
