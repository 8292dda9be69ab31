//! Certificates: real X.509 v3, made and judged without a clock and without randomness.
//!
//! Keys come from seeds, signatures are ECDSA on P-256 with RFC 6979, and the time is told by
//! who asks, so the same inputs give the same bytes everywhere. What is wrong with a
//! certificate is said in the words of Go's `crypto/x509`, which etcd and Kubernetes use.
//!
//! Not here: encryption, the network, files. Keys of other kinds than P-256 are read and
//! shown; signatures of RSA are verified, never made.

mod cert;
mod csr;
pub mod der;
mod issue;
mod key;
mod name;
pub mod oid;
mod pair;
pub mod pem;
mod rsa;
mod time;
mod verify;

pub use cert::{
    BasicConstraints, Certificate, Extension, GeneralName, ParseError, SignatureAlgorithm, ip_text,
    read_constraints, read_key_usage, read_names, read_usages,
};
pub use csr::{Request, RequestError};
pub use issue::{
    Contents, Issuer, KeyUsage, Template, alt_names, authority, authority_id, basic_constraints,
    ext_key_usage, issue, key_id, key_usage,
};
pub use key::{KeyError, PrivateKey, PublicKey};
pub use name::{Attribute, Name};
pub use pair::{KeyPair, PairError};
pub use time::{Civil, civil, date, rfc3339, unix_s};
pub use verify::{HostError, Pool, Usage, VerifyError, VerifyOptions, verify};

/// The SHA-256 of bytes, as fingerprints show it.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

/// The SHA-1 of bytes: key identifiers and old fingerprints are made of it.
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    use sha1::Digest as _;
    sha1::Sha1::digest(bytes).into()
}

#[cfg(test)]
mod tests;
