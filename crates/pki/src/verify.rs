//! Judging chains: Go's `x509.Certificate.Verify`, step by step, with its errors.

use std::fmt;

use crate::cert::{Certificate, ip_text};
use crate::{oid, pem, time};

/// What a certificate has to be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Being a server.
    ServerAuth,
    /// Being a client.
    ClientAuth,
    /// Anything.
    Any,
}

impl Usage {
    /// Its identifier's content.
    pub fn oid(self) -> &'static [u8] {
        match self {
            Usage::ServerAuth => oid::SERVER_AUTH,
            Usage::ClientAuth => oid::CLIENT_AUTH,
            Usage::Any => oid::ANY_USAGE,
        }
    }
}

/// Certificates that are trusted.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// They, in the order they were added.
    pub certificates: Vec<Certificate>,
}

impl Pool {
    /// Those of a PEM text. What is no certificate is left out.
    pub fn from_pem(text: &[u8]) -> Pool {
        let mut pool = Pool::default();
        for block in pem::blocks(text) {
            if block.label == "CERTIFICATE"
                && let Ok(certificate) = Certificate::from_der(&block.der)
            {
                pool.add(certificate);
            }
        }
        pool
    }

    /// Adds one, once.
    pub fn add(&mut self, certificate: Certificate) {
        if !self.contains(&certificate) {
            self.certificates.push(certificate);
        }
    }

    /// Whether it is one of them.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.certificates.iter().any(|other| other.raw == certificate.raw)
    }

    /// Those that may have signed it: by name, and among these the ones whose key fits first.
    fn parents<'a>(&'a self, child: &Certificate) -> Vec<&'a Certificate> {
        let rank = |parent: &Certificate| match (&parent.key_id, &child.authority_id) {
            (Some(key), Some(wanted)) if key == wanted => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        };
        let mut found: Vec<&Certificate> =
            self.certificates.iter().filter(|it| it.subject.raw == child.issuer.raw).collect();
        found.sort_by_key(|parent| rank(parent));
        found
    }
}

/// What is wanted of a chain.
#[derive(Clone, Copy, Debug)]
pub struct VerifyOptions<'a> {
    /// Who is trusted.
    pub roots: &'a Pool,
    /// The name or address the first certificate has to be for.
    pub name: Option<&'a str>,
    /// Now, in seconds since 1970.
    pub now_s: u64,
    /// What it has to be for.
    pub usage: Usage,
}

/// Why a certificate is not for a name. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostError {
    /// It has no alternative names, and the common name would fit.
    LegacyCommonName,
    /// An address was asked for, and it has none.
    NoAddresses {
        /// The address.
        host: String,
    },
    /// It is for others.
    Others {
        /// They, as a list.
        valid: String,
        /// The name.
        host: String,
    },
    /// It is for nobody.
    Nobody {
        /// The name.
        host: String,
    },
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::LegacyCommonName => f.write_str(
                "x509: certificate relies on legacy Common Name field, use SANs instead",
            ),
            HostError::NoAddresses { host } => write!(
                f,
                "x509: cannot validate certificate for {host} because it doesn't contain any IP \
                 SANs"
            ),
            HostError::Others { valid, host } => {
                write!(f, "x509: certificate is valid for {valid}, not {host}")
            }
            HostError::Nobody { host } => write!(
                f,
                "x509: certificate is not valid for any names, but wanted to match {host}"
            ),
        }
    }
}

/// Why a chain is not good. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// There is no certificate.
    Empty,
    /// Nobody who is trusted signed it.
    UnknownAuthority {
        /// It signed itself.
        self_signed: bool,
        /// Why one that has the right name did not, and its name.
        hint: Option<(String, String)>,
    },
    /// Its time is over.
    Expired {
        /// Now.
        now_s: i64,
        /// Its end.
        not_after_s: i64,
    },
    /// Its time has not come.
    NotYetValid {
        /// Now.
        now_s: i64,
        /// Its beginning.
        not_before_s: i64,
    },
    /// It is for other names.
    Hostname(HostError),
    /// It is for other uses.
    IncompatibleUsage,
    /// One that signed may not sign.
    NotAuthorizedToSign,
    /// More authorities are between than one of them allows.
    TooManyIntermediates,
    /// It holds something critical that nobody here understands.
    UnhandledCritical,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TIME: &str = "x509: certificate has expired or is not yet valid: current time";
        match self {
            VerifyError::Empty => f.write_str("x509: missing ASN.1 contents; use ParseCertificate"),
            VerifyError::UnknownAuthority { hint, .. } => {
                f.write_str("x509: certificate signed by unknown authority")?;
                match hint {
                    Some((why, name)) => write!(
                        f,
                        " (possibly because of {why:?} while trying to verify candidate \
                         authority certificate {name:?})"
                    ),
                    None => Ok(()),
                }
            }
            VerifyError::Expired { now_s, not_after_s } => {
                let (now, end) = (time::rfc3339(*now_s), time::rfc3339(*not_after_s));
                write!(f, "{TIME} {now} is after {end}")
            }
            VerifyError::NotYetValid { now_s, not_before_s } => {
                let (now, begin) = (time::rfc3339(*now_s), time::rfc3339(*not_before_s));
                write!(f, "{TIME} {now} is before {begin}")
            }
            VerifyError::Hostname(error) => write!(f, "{error}"),
            VerifyError::IncompatibleUsage => {
                f.write_str("x509: certificate specifies an incompatible key usage")
            }
            VerifyError::NotAuthorizedToSign => {
                f.write_str("x509: certificate is not authorized to sign other certificates")
            }
            VerifyError::TooManyIntermediates => {
                f.write_str("x509: too many intermediates for path length constraint")
            }
            VerifyError::UnhandledCritical => f.write_str("x509: unhandled critical extension"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Signatures that are checked before a chain is given up.
const SIGNATURES_MAX: u32 = 100;

/// Judges a chain, the certificate in question first.
pub fn verify(chain: &[Certificate], options: &VerifyOptions<'_>) -> Result<(), VerifyError> {
    let Some((leaf, rest)) = chain.split_first() else { return Err(VerifyError::Empty) };
    is_valid(leaf, options.now_s, Place::Leaf, 0)?;
    if let Some(name) = options.name.filter(|name| !name.is_empty()) {
        leaf.is_for(name).map_err(VerifyError::Hostname)?;
    }
    let chains = if options.roots.contains(leaf) {
        vec![vec![leaf]]
    } else {
        let mut between = Pool::default();
        rest.iter().for_each(|certificate| between.add(certificate.clone()));
        // The search owns nothing, so the pool of what is between has to outlive it.
        return search(leaf, &between, options);
    };
    used_rightly(&chains, options.usage)
}

fn search(
    leaf: &Certificate,
    between: &Pool,
    options: &VerifyOptions<'_>,
) -> Result<(), VerifyError> {
    let mut search = Search { options, between, checks: 0, chains: Vec::new() };
    search.build(&mut vec![leaf])?;
    used_rightly(&search.chains, options.usage)
}

fn used_rightly(chains: &[Vec<&Certificate>], usage: Usage) -> Result<(), VerifyError> {
    let fits = |certificate: &&Certificate| {
        usage == Usage::Any
            || certificate.usages.is_empty()
            || certificate.usages.iter().any(|id| *id == usage.oid() || *id == oid::ANY_USAGE)
    };
    match chains.iter().any(|chain| chain.iter().all(fits)) {
        true => Ok(()),
        false => Err(VerifyError::IncompatibleUsage),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Leaf,
    Between,
    Root,
}

/// The search for chains from a certificate to a root.
struct Search<'a> {
    options: &'a VerifyOptions<'a>,
    between: &'a Pool,
    checks: u32,
    chains: Vec<Vec<&'a Certificate>>,
}

impl<'a> Search<'a> {
    /// Goes on from the last of a chain. The number of signatures checked bounds the depth.
    fn build(&mut self, chain: &mut Vec<&'a Certificate>) -> Result<(), VerifyError> {
        let child = *chain.last().expect("a chain has its leaf");
        let before = self.chains.len();
        let (mut hint, mut error) = (None, None);
        let roots = self.options.roots.parents(child).into_iter().map(|it| (Place::Root, it));
        let others = self.between.parents(child).into_iter().map(|it| (Place::Between, it));
        for (place, parent) in roots.chain(others) {
            if chain.iter().any(|it| it.subject.raw == parent.subject.raw && it.key == parent.key) {
                continue;
            }
            self.checks += 1;
            if self.checks > SIGNATURES_MAX {
                break;
            }
            let name = || candidate_name(parent);
            if let Err(why) = signed_by(child, parent) {
                hint.get_or_insert_with(|| (why, name()));
                continue;
            }
            let valid = is_valid(parent, self.options.now_s, place, chain.len());
            error = valid.as_ref().err().cloned();
            if let Err(why) = valid {
                hint.get_or_insert_with(|| (why.to_string(), name()));
                continue;
            }
            chain.push(parent);
            match place {
                Place::Root => self.chains.push(chain.clone()),
                _ => error = self.build(chain).err(),
            }
            chain.pop();
        }
        if self.chains.len() > before {
            return Ok(());
        }
        let self_signed = child.subject.raw == child.issuer.raw;
        Err(error.unwrap_or(VerifyError::UnknownAuthority { self_signed, hint }))
    }
}

fn candidate_name(certificate: &Certificate) -> String {
    let subject = &certificate.subject;
    match (subject.common_name(), subject.organizations().first()) {
        ("", Some(organization)) => (*organization).to_owned(),
        ("", None) => "serial".to_owned(),
        (name, _) => name.to_owned(),
    }
}

/// Whether one certificate was signed with another's key, and that one may sign.
fn signed_by(child: &Certificate, parent: &Certificate) -> Result<(), String> {
    let ca = parent.constraints.is_some_and(|constraints| constraints.ca);
    let says = parent.constraints.is_some();
    let may_sign = parent.key_usage.is_none_or(|bits| bits == 0 || bits & 32 != 0);
    if (parent.version == 3 && !says) || (says && !ca) || !may_sign {
        return Err(
            "x509: invalid signature: parent certificate cannot sign this kind of certificate"
                .to_owned(),
        );
    }
    parent.key.verify(&child.algorithm, &child.tbs, &child.signature)
}

fn is_valid(
    certificate: &Certificate,
    now_s: u64,
    place: Place,
    below: usize,
) -> Result<(), VerifyError> {
    if certificate.unknown_critical() {
        return Err(VerifyError::UnhandledCritical);
    }
    let now_s = i64::try_from(now_s).unwrap_or(i64::MAX);
    if now_s < certificate.not_before_s {
        return Err(VerifyError::NotYetValid { now_s, not_before_s: certificate.not_before_s });
    }
    if now_s > certificate.not_after_s {
        return Err(VerifyError::Expired { now_s, not_after_s: certificate.not_after_s });
    }
    let constraints = certificate.constraints;
    if place == Place::Between && !constraints.is_some_and(|it| it.ca) {
        return Err(VerifyError::NotAuthorizedToSign);
    }
    let between = u64::try_from(below).expect("a chain is short").saturating_sub(1);
    if place != Place::Leaf
        && constraints.and_then(|it| it.path_len).is_some_and(|most| between > most)
    {
        return Err(VerifyError::TooManyIntermediates);
    }
    Ok(())
}

impl Certificate {
    /// Whether it is for a name or an address.
    pub fn is_for(&self, host: &str) -> Result<(), HostError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Some(ip) = parse_ip(bare) {
            let same = |other: &&[u8]| parse_ip(&ip_text(other)).as_ref() == Some(&ip);
            if self.ips().iter().any(same) {
                return Ok(());
            }
            return Err(self.not_for(bare, true));
        }
        let wanted = host.to_ascii_lowercase();
        let proper = is_host_name(&wanted);
        let fits = |pattern: &&str| match proper && is_pattern(pattern) {
            true => matches_host(pattern, &wanted),
            false => !wanted.is_empty() && pattern.eq_ignore_ascii_case(&wanted),
        };
        if self.dns_names().iter().any(fits) { Ok(()) } else { Err(self.not_for(host, false)) }
    }

    fn not_for(&self, host: &str, address: bool) -> HostError {
        let host = host.to_owned();
        let common = self.subject.common_name();
        if self.names.is_none() && matches_host(common, &host.to_ascii_lowercase()) {
            return HostError::LegacyCommonName;
        }
        let ips = self.ips();
        if address && ips.is_empty() {
            return HostError::NoAddresses { host };
        }
        let valid = match address {
            true => ips.iter().map(|ip| ip_text(ip)).collect::<Vec<_>>().join(", "),
            false => self.dns_names().join(", "),
        };
        if valid.is_empty() {
            HostError::Nobody { host }
        } else {
            HostError::Others { valid, host }
        }
    }
}

/// An address, with those of version 4 in their own form.
fn parse_ip(text: &str) -> Option<std::net::IpAddr> {
    text.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Whether a pattern of a certificate fits a name in lower case.
fn matches_host(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(host);
    if pattern.is_empty() || host.is_empty() {
        return false;
    }
    let (patterns, parts): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    patterns.len() == parts.len()
        && patterns
            .iter()
            .zip(&parts)
            .enumerate()
            .all(|(place, (pattern, part))| (place == 0 && *pattern == "*") || pattern == part)
}

fn is_host_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    !host.is_empty() && host.split('.').all(is_label)
}

fn is_pattern(pattern: &str) -> bool {
    let mut parts = pattern.split('.');
    let first = parts.next().unwrap_or_default();
    (first == "*" || is_label(first)) && parts.all(is_label)
}

fn is_label(part: &str) -> bool {
    let good = |(place, byte): (usize, u8)| {
        byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'-' && place != 0)
    };
    !part.is_empty() && part.bytes().enumerate().all(good)
}
