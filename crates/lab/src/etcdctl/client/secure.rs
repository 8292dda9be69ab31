//! TLS of a client: `transport.TLSInfo.ClientConfig` as far as etcdctl uses it, and the
//! handshake of each connection.

use bytes::Bytes;
use sim::{Conn, Sys, TlsClient};

use super::super::settings::go_errno;

/// Where a host keeps the authorities everybody trusts.
pub const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How a client secures its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secure {
    /// Whether the options ask for TLS; an endpoint's scheme has the last word.
    pub wanted: bool,
    /// The file of its certificate, read again for each connection; empty for none.
    pub cert: String,
    /// The file of its key.
    pub key: String,
    /// Whom it trusts, if that is not what the system says: PEM.
    pub roots: Option<Bytes>,
    /// It takes any certificate.
    pub skip_verify: bool,
}

impl Secure {
    /// Reads what three flags name. The error is etcdctl's.
    pub fn load(sys: &Sys, cert: &str, key: &str, ca: &str) -> Result<Secure, String> {
        let mut secure = Secure { cert: cert.to_owned(), key: key.to_owned(), ..Secure::default() };
        if !cert.is_empty() || !key.is_empty() {
            if cert.is_empty() || key.is_empty() {
                return Err(format!(
                    "KeyFile and CertFile must both be present[key: {key}, cert: {cert}]"
                ));
            }
            let (cert, key) = (read(sys, cert)?, read(sys, key)?);
            sim::pair_fault(&cert, &key).map_or(Ok(()), Err)?;
        }
        if !ca.is_empty() {
            let pool = read(sys, ca)?;
            sim::pool_fault(&pool).map_or(Ok(()), Err)?;
            secure.roots = Some(pool);
        }
        secure.wanted = [cert, key, ca].iter().any(|file| !file.is_empty());
        Ok(secure)
    }

    /// The handshake with the server behind `host:port`. The error is grpc-go's.
    pub(super) async fn handshake(
        &self,
        sys: &Sys,
        conn: &Conn,
        address: &str,
    ) -> Result<(), String> {
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        let or_empty = |path: &str| match path {
            "" => Bytes::new(),
            path => sys.read_file(path).unwrap_or_default(),
        };
        let roots = self.roots.clone().unwrap_or_else(|| or_empty(SYSTEM_ROOTS));
        let client = TlsClient {
            roots,
            certificate: or_empty(&self.cert),
            key: or_empty(&self.key),
            server_name: name.to_owned(),
            insecure_skip_verify: self.skip_verify,
        };
        conn.start_tls(sys, &client)
            .await
            .map_err(|error| format!("transport: authentication handshake failed: {error}"))
    }
}

fn read(sys: &Sys, path: &str) -> Result<Bytes, String> {
    sys.read_file(path).map_err(|errno| format!("open {path}: {}", go_errno(&errno.to_string())))
}
