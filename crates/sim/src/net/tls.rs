//! TLS on the virtual network: who shows which certificates to whom, and what each side makes
//! of them. Nothing is encrypted, for nobody listens in; what fails fails for the true reason,
//! and both ends say so in Go's words.
//!
//! Certificates are opaque bytes here. What is in them is judged by the crate `pki`, which is
//! there with the feature `k8s`; without it no handshake succeeds.

use std::fmt;

use bytes::Bytes;

use super::{Packet, len_of};
use crate::errno::Errno;

/// The client's side of a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsClient {
    /// The authorities it trusts: PEM.
    pub roots: Bytes,
    /// Its own certificates and key, or nothing: PEM.
    pub certificate: Bytes,
    /// The key of the first of them: PEM.
    pub key: Bytes,
    /// Who the server must be: a name or an address.
    pub server_name: String,
    /// Takes any certificate.
    pub insecure_skip_verify: bool,
}

/// Where a server has a certificate or key from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// From memory.
    Bytes(Bytes),
    /// From a file, read anew for every handshake.
    File(String),
}

/// What a server wants of a client's certificate: Go's `tls.ClientAuthType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not ask.
    #[default]
    None,
    /// It asks, and takes none or any.
    Request,
    /// It wants one, whoever signed it.
    RequireAny,
    /// One that is shown must be good.
    VerifyIfGiven,
    /// It wants one, and a good one.
    RequireAndVerify,
}

/// The server's side of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsServer {
    /// Its certificates, its own first.
    pub certificate: Pem,
    /// The key of the first.
    pub key: Pem,
    /// The authorities whose clients it takes: PEM. It is read once, at the start.
    pub client_ca: Option<Bytes>,
    /// Whether it asks for clients' certificates.
    pub client_auth: ClientAuth,
    /// The only common names it takes, if any are named.
    pub allowed_cn: Vec<String>,
    /// The only host names it takes, if any are named.
    pub allowed_hostname: Vec<String>,
}

/// An alert of TLS. `Display` is Go's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the names of the alerts in RFC 8446")]
pub enum Alert {
    UnexpectedMessage,
    HandshakeFailure,
    BadCertificate,
    CertificateExpired,
    UnknownCa,
    InternalError,
    CertificateRequired,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Alert::UnexpectedMessage => "unexpected message",
            Alert::HandshakeFailure => "handshake failure",
            Alert::BadCertificate => "bad certificate",
            Alert::CertificateExpired => "expired certificate",
            Alert::UnknownCa => "unknown certificate authority",
            Alert::InternalError => "internal error",
            Alert::CertificateRequired => "certificate required",
        })
    }
}

/// What kind of fault a certificate has, for programs that have words of their own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read.
    Malformed,
    /// Nobody who is trusted signed it.
    UnknownAuthority,
    /// The same, and it signed itself.
    SelfSigned,
    /// It is for other names.
    Name,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// It is for other uses.
    Usage,
    /// Anything else.
    Other,
}

/// Why there is no connection. `Display` is what Go says at this end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The other end hung up.
    Eof,
    /// The other end speaks in clear.
    NotTls,
    /// The client showed no certificate where one is wanted.
    NoCertificate,
    /// The other end's certificate is not good: how, and in Go's words.
    Verify(Fault, String),
    /// The other end sent an alert.
    Remote(Alert),
    /// A file, a key, or a rule of the server's own.
    Other(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Eof => f.write_str("EOF"),
            TlsError::NotTls => f.write_str("tls: first record does not look like a TLS handshake"),
            TlsError::NoCertificate => f.write_str("tls: client didn't provide a certificate"),
            TlsError::Verify(_, text) => write!(f, "tls: failed to verify certificate: {text}"),
            TlsError::Remote(alert) => write!(f, "remote error: tls: {alert}"),
            TlsError::Other(text) => f.write_str(text),
        }
    }
}

/// A message of the handshake. Chains are DER, the own certificate first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMessage {
    /// The client begins.
    Hello {
        /// The name it asks for; empty for an address.
        server_name: String,
    },
    /// The server shows who it is, and says whether it asks for the same.
    Server {
        /// Its certificates.
        chain: Vec<Bytes>,
        /// Whether it asks for the client's.
        asks: bool,
    },
    /// The client is content; its certificates, if it was asked and has any.
    Finish {
        /// Its certificates.
        chain: Vec<Bytes>,
    },
    /// One side gives up.
    Alert(Alert),
}

impl TlsMessage {
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            TlsMessage::Hello { .. } => 250,
            TlsMessage::Server { chain, .. } | TlsMessage::Finish { chain } => {
                200 + chain.iter().map(len_of).sum::<u64>()
            }
            TlsMessage::Alert(_) => 0,
        }
    }
}

pub(crate) fn packet(message: TlsMessage) -> Packet {
    Packet::Tls(message)
}

/// A fault of this side, and what the other side is told.
pub(crate) type Refusal = (TlsError, Alert);

/// How a server reads its files.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Bytes, Errno>;

impl TlsServer {
    /// A server with certificate and key from files, which asks for no certificates.
    pub fn from_files(certificate: &str, key: &str) -> TlsServer {
        TlsServer {
            certificate: Pem::File(certificate.to_owned()),
            key: Pem::File(key.to_owned()),
            client_ca: None,
            client_auth: ClientAuth::None,
            allowed_cn: Vec::new(),
            allowed_hostname: Vec::new(),
        }
    }

    /// Whether it asks clients for certificates.
    pub(crate) fn asks(&self) -> bool {
        self.client_auth != ClientAuth::None
    }
}

pub(crate) use judge::{common_name, names_in, self_signed};
pub use judge::{pair_fault, pool_fault};

#[cfg(not(feature = "k8s"))]
mod judge {
    use super::{Alert, Bytes, ReadFile, Refusal, TlsClient, TlsError, TlsServer};

    /// Why two PEM texts are no certificate and key, in Go's words.
    pub fn pair_fault(_: &[u8], _: &[u8]) -> Option<String> {
        Some(ABSENT.to_owned())
    }

    /// Why a PEM text is no list of authorities.
    pub fn pool_fault(_: &[u8]) -> Option<String> {
        Some(ABSENT.to_owned())
    }

    pub(crate) fn self_signed(_: (u64, &str), _: &[&str], _: u64, _: u64) -> (String, String) {
        Default::default()
    }

    pub(crate) fn common_name(_: &[u8]) -> String {
        String::new()
    }

    pub(crate) fn names_in(_: &[u8]) -> (Vec<String>, Vec<String>) {
        Default::default()
    }

    const ABSENT: &str = "tls: this build reads no certificates";

    fn absent<T>() -> Result<T, Refusal> {
        Err((TlsError::Other(ABSENT.to_owned()), Alert::InternalError))
    }

    impl TlsClient {
        pub(crate) fn judge(&self, _: &[Bytes], _: u64) -> Result<Vec<Bytes>, Refusal> {
            absent()
        }
    }

    impl TlsServer {
        pub(crate) fn offer(&self, _: ReadFile<'_>) -> Result<Vec<Bytes>, Refusal> {
            absent()
        }

        pub(crate) fn judge(&self, _: &[Bytes], _: u64) -> Result<(), Refusal> {
            absent()
        }
    }
}

#[cfg(feature = "k8s")]
mod judge {
    use pki::{
        Certificate, GeneralName, KeyPair, Name, Pool, PrivateKey, Template, Usage, VerifyError,
        VerifyOptions,
    };

    use super::{
        Alert, Bytes, ClientAuth, Fault, Pem, ReadFile, Refusal, TlsClient, TlsError, TlsServer,
    };

    /// Why two PEM texts are no certificate and key, in Go's words.
    pub fn pair_fault(certificate: &[u8], key: &[u8]) -> Option<String> {
        KeyPair::from_pem(certificate, key).err().map(|error| error.to_string())
    }

    /// Why a PEM text is no list of authorities. Blocks of any kind have to be certificates.
    pub fn pool_fault(text: &[u8]) -> Option<String> {
        let blocks = pki::pem::blocks(text);
        blocks.iter().find_map(|block| {
            Certificate::from_der(&block.der).err().map(|error| error.to_string())
        })
    }

    /// A certificate that trusts nobody, and its key: both PEM.
    pub(crate) fn self_signed(
        (seed, purpose): (u64, &str),
        names: &[&str],
        from_s: u64,
        until_s: u64,
    ) -> (String, String) {
        let key = PrivateKey::from_seed(seed, purpose);
        let names = names.iter().map(|name| match name.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(ip)) => GeneralName::Ip(ip.octets().to_vec()),
            Ok(std::net::IpAddr::V6(ip)) => GeneralName::Ip(ip.octets().to_vec()),
            Err(_) => GeneralName::Dns((*name).to_owned()),
        });
        let subject = Name::of(&[(pki::oid::O, "etcd")]);
        let seconds = |at_s: u64| i64::try_from(at_s).unwrap_or(i64::MAX);
        let template = Template::leaf(subject, &[Usage::ServerAuth], names.collect())
            .valid(seconds(from_s), seconds(until_s));
        (template.self_sign(&key).to_pem(), key.to_pem())
    }

    /// The common name of a certificate's owner.
    pub(crate) fn common_name(der: &[u8]) -> String {
        let certificate = Certificate::from_der(der);
        certificate.map_or_else(|_| String::new(), |it| it.subject.common_name().to_owned())
    }

    /// The addresses and the names a certificate is for.
    pub(crate) fn names_in(der: &[u8]) -> (Vec<String>, Vec<String>) {
        let Ok(certificate) = Certificate::from_der(der) else { return Default::default() };
        let ips = certificate.ips().iter().map(|ip| pki::ip_text(ip)).collect();
        (ips, certificate.dns_names().iter().map(|name| (*name).to_owned()).collect())
    }

    /// Why a certificate cannot even be looked at, as Go's client says it.
    fn unreadable(error: &pki::ParseError) -> TlsError {
        TlsError::Other(format!("tls: failed to parse certificate from server: {error}"))
    }

    fn fault(error: &VerifyError) -> Fault {
        match error {
            VerifyError::UnknownAuthority { self_signed: true, .. } => Fault::SelfSigned,
            VerifyError::UnknownAuthority { .. } => Fault::UnknownAuthority,
            VerifyError::Expired { .. } => Fault::Expired,
            VerifyError::NotYetValid { .. } => Fault::NotYet,
            VerifyError::Hostname { .. } => Fault::Name,
            VerifyError::IncompatibleUsage => Fault::Usage,
            _ => Fault::Other,
        }
    }

    fn parse(chain: &[Bytes]) -> Result<Vec<Certificate>, pki::ParseError> {
        chain.iter().map(|der| Certificate::from_der(der)).collect()
    }

    impl TlsClient {
        /// Looks at the server's certificates; gives its own.
        pub(crate) fn judge(&self, chain: &[Bytes], wall_us: u64) -> Result<Vec<Bytes>, Refusal> {
            let certificates =
                parse(chain).map_err(|error| (unreadable(&error), Alert::BadCertificate))?;
            if !self.insecure_skip_verify {
                let roots = Pool::from_pem(&self.roots);
                let options = VerifyOptions {
                    roots: &roots,
                    name: Some(&self.server_name),
                    now_s: wall_us / 1_000_000,
                    usage: Usage::ServerAuth,
                };
                pki::verify(&certificates, &options).map_err(|error| {
                    let verify = TlsError::Verify(fault(&error), error.to_string());
                    (verify, Alert::BadCertificate)
                })?;
            }
            if self.certificate.is_empty() {
                return Ok(Vec::new());
            }
            match KeyPair::from_pem(&self.certificate, &self.key) {
                Ok(pair) => Ok(pair.chain.into_iter().map(Bytes::from).collect()),
                Err(error) => Err((TlsError::Other(error.to_string()), Alert::InternalError)),
            }
        }
    }

    impl TlsServer {
        /// The certificates it shows. Its files are read here, so that new ones are used at
        /// once.
        pub(crate) fn offer(&self, read: ReadFile<'_>) -> Result<Vec<Bytes>, Refusal> {
            let get = |pem: &Pem| match pem {
                Pem::Bytes(bytes) => Ok(bytes.clone()),
                Pem::File(path) => read(path).map_err(|errno| {
                    let text = format!("open {path}: {}", errno.to_string().to_lowercase());
                    (TlsError::Other(text), Alert::InternalError)
                }),
            };
            let (certificate, key) = (get(&self.certificate)?, get(&self.key)?);
            let pair = KeyPair::from_pem(&certificate, &key)
                .map_err(|error| (TlsError::Other(error.to_string()), Alert::InternalError))?;
            Ok(pair.chain.into_iter().map(Bytes::from).collect())
        }

        /// Looks at the client's certificates.
        pub(crate) fn judge(&self, chain: &[Bytes], wall_us: u64) -> Result<(), Refusal> {
            let wanted =
                matches!(self.client_auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify);
            if chain.is_empty() {
                return match wanted {
                    true => Err((TlsError::NoCertificate, Alert::CertificateRequired)),
                    false => Ok(()),
                };
            }
            let certificates = parse(chain).map_err(|error| {
                let text = format!("tls: failed to parse client certificate: {error}");
                (TlsError::Other(text), Alert::BadCertificate)
            })?;
            let verified = matches!(
                self.client_auth,
                ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify
            );
            if verified {
                let roots = Pool::from_pem(self.client_ca.as_deref().unwrap_or_default());
                let options = VerifyOptions {
                    roots: &roots,
                    name: None,
                    now_s: wall_us / 1_000_000,
                    usage: Usage::ClientAuth,
                };
                pki::verify(&certificates, &options).map_err(|error| {
                    let alert = match error {
                        VerifyError::UnknownAuthority { .. } => Alert::UnknownCa,
                        VerifyError::Expired { .. } | VerifyError::NotYetValid { .. } => {
                            Alert::CertificateExpired
                        }
                        _ => Alert::BadCertificate,
                    };
                    (TlsError::Verify(fault(&error), error.to_string()), alert)
                })?;
            }
            self.allows(&certificates[0])
        }

        /// The rules of `--peer-cert-allowed-cn` and its like.
        fn allows(&self, certificate: &Certificate) -> Result<(), Refusal> {
            let by_name = self.allowed_cn.is_empty()
                || self.allowed_cn.iter().any(|cn| *cn == certificate.subject.common_name());
            let by_host = self.allowed_hostname.is_empty()
                || self.allowed_hostname.iter().any(|host| certificate.is_for(host).is_ok());
            if by_name && by_host {
                return Ok(());
            }
            let text = "client certificate authentication failed".to_owned();
            Err((TlsError::Other(text), Alert::BadCertificate))
        }
    }
}
