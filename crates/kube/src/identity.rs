//! Who a certificate says somebody is.

use bytes::Bytes;
use pki::{Certificate, Pool, Usage, VerifyOptions};

/// A user: the subject's common name, and its organizations as groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `system:node:node01` and the like.
    pub(crate) name: String,
    /// `system:nodes` and the like.
    pub(crate) groups: Vec<String>,
}

/// Judges a client's certificates by an authority. The error is Go's.
pub(crate) fn judge(chain: &[Bytes], ca: &[u8], wall_us: u64) -> Result<Identity, String> {
    let chain: Result<Vec<Certificate>, _> =
        chain.iter().map(|der| Certificate::from_der(der)).collect();
    let chain = chain.map_err(|error| error.to_string())?;
    let roots = Pool::from_pem(ca);
    let options = VerifyOptions {
        roots: &roots,
        name: None,
        now_s: wall_us / 1_000_000,
        usage: Usage::ClientAuth,
    };
    pki::verify(&chain, &options).map_err(|error| error.to_string())?;
    let subject = &chain.first().ok_or("no certificate")?.subject;
    let groups = subject.organizations().into_iter().map(str::to_owned).collect();
    Ok(Identity { name: subject.common_name().to_owned(), groups })
}
