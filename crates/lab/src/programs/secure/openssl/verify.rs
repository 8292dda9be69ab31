//! `openssl verify` and a small `openssl s_client`.

use pki::{Certificate, Pool, Usage, VerifyError, VerifyOptions};
use sim::{Sys, TlsClient};

use super::{Outcome, Stop, Words, certificate, load, now_s, print};
use crate::etcdctl::SYSTEM_ROOTS;

pub(super) async fn run(sys: &Sys, words: &[String]) -> Outcome {
    let flags = ["verbose", "show_chain", "partial_chain", "x509_strict"];
    let valued = ["CAfile", "untrusted", "CApath", "purpose", "verify_hostname", "verify_ip"];
    let words = Words::read("verify", words, &flags, &valued)?;
    let roots = match words.value("CAfile") {
        Some(path) => load(sys, Some(path), "file").await?,
        None => sys.read_file(SYSTEM_ROOTS).unwrap_or_default().to_vec(),
    };
    let roots = Pool::from_pem(&roots);
    let between = match words.value("untrusted") {
        Some(path) => load(sys, Some(path), "untrusted certificates").await?,
        None => Vec::new(),
    };
    let between = Certificate::from_pem(&between).unwrap_or_default();
    let mut code = 0;
    for path in &words.rest {
        let leaf = match certificate(sys, Some(path), "certificate file").await {
            Ok(leaf) => leaf,
            Err(Stop { text, .. }) => {
                sys.eprint(&text).await;
                code = 2;
                continue;
            }
        };
        let chain: Vec<Certificate> =
            std::iter::once(leaf.clone()).chain(between.iter().cloned()).collect();
        let name = words.value("verify_hostname").map(|name| (name, 62, "hostname mismatch"));
        let ip = words.value("verify_ip").map(|ip| (ip, 64, "IP address mismatch"));
        let named = name.into_iter().chain(ip).find(|(name, ..)| leaf.is_for(name).is_err());
        let verdict = judge(sys, &chain, &roots).or(named.map(|(_, no, what)| (no, what)));
        match verdict {
            None => print(sys, &format!("{path}: OK\n")).await,
            Some((number, what)) => {
                let subject = leaf.subject.one_line(" = ");
                sys.eprint(&format!(
                    "{subject}\nerror {number} at 0 depth lookup: {what}\nerror {path}: \
                     verification failed\n"
                ))
                .await;
                code = 2;
            }
        }
    }
    Ok(code)
}

/// OpenSSL's number and words for what is wrong with a chain.
fn judge(sys: &Sys, chain: &[Certificate], roots: &Pool) -> Option<(u32, &'static str)> {
    let now_s = u64::try_from(now_s(sys)).unwrap_or(0);
    let options = VerifyOptions { roots, name: None, now_s, usage: Usage::Any };
    let error = pki::verify(chain, &options).err()?;
    Some(match error {
        VerifyError::Expired { .. } => (10, "certificate has expired"),
        VerifyError::NotYetValid { .. } => (9, "certificate is not yet valid"),
        VerifyError::UnknownAuthority { self_signed: true, .. } => (18, "self-signed certificate"),
        VerifyError::UnknownAuthority { hint: Some((why, _)), .. }
            if why.contains("verification failure") =>
        {
            (7, "certificate signature failure")
        }
        VerifyError::UnknownAuthority { hint: Some(_), .. } => (24, "invalid CA certificate"),
        VerifyError::UnknownAuthority { .. } => (20, "unable to get local issuer certificate"),
        VerifyError::NotAuthorizedToSign => (24, "invalid CA certificate"),
        VerifyError::TooManyIntermediates => (25, "path length constraint exceeded"),
        VerifyError::UnhandledCritical => (34, "unhandled critical extension"),
        _ => (26, "unsuitable certificate purpose"),
    })
}

/// `s_client`: connects, shows what the server shows, and ends.
pub(super) async fn client(sys: &Sys, words: &[String]) -> Outcome {
    let flags = ["showcerts", "brief", "quiet", "ign_eof"];
    let valued = ["connect", "CAfile", "cert", "key", "servername", "verify"];
    let words = Words::read("s_client", words, &flags, &valued)?;
    let addr = words.value("connect").or(words.rest.first().map(String::as_str));
    let addr = addr.unwrap_or("localhost:4433").to_owned();
    let conn = match sys.dial(&addr).await {
        Ok(conn) => conn,
        Err(sim::DialError::Refused { .. }) => {
            let connect = super::fault(
                sys,
                "8000006F:system library:BIO_connect:Connection refused:\
                 ../crypto/bio/bio_sock2.c:117:calling connect()",
            );
            let error = super::fault(
                sys,
                "10000067:BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:119:",
            );
            return Err(Stop::new(format!("{connect}{error}connect:errno=111\n")));
        }
        Err(error) => return Err(Stop::new(format!("s_client: {error}\n"))),
    };
    let read = |name: &str| {
        words.value(name).and_then(|path| sys.read_file(path).ok()).unwrap_or_default()
    };
    let host = addr.rsplit_once(':').map_or("", |(host, _)| host);
    let client = TlsClient {
        roots: read("CAfile"),
        certificate: read("cert"),
        key: read("key"),
        server_name: words.value("servername").unwrap_or(host).to_owned(),
        insecure_skip_verify: true,
    };
    let shaken = conn.start_tls(sys, &client).await;
    print(sys, "CONNECTED(00000003)\n").await;
    if let Err(error) = shaken {
        let text = super::fault(
            sys,
            &format!("0A000126:SSL routines:ssl3_read_n:unexpected eof while reading: {error}"),
        );
        return Err(Stop::new(format!(
            "{text}---\nno peer certificate available\n---\nNo client certificate CA names sent\n\
             ---\n"
        )));
    }
    let chain: Vec<Certificate> =
        conn.peer_chain().iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let verdict = judge(sys, &chain, &Pool::from_pem(&client.roots));
    let mut shown = "---\nCertificate chain\n".to_owned();
    for (number, certificate) in (0..).zip(&chain) {
        shown.push_str(&entry(number, certificate, words.has("showcerts")));
    }
    if let Some(leaf) = chain.first() {
        shown.push_str(&format!(
            "---\nServer certificate\n{}subject={}\nissuer={}\n",
            leaf.to_pem(),
            leaf.subject.one_line(" = "),
            leaf.issuer.one_line(" = ")
        ));
    }
    let verdict =
        verdict.map_or_else(|| "0 (ok)".to_owned(), |(no, what)| format!("{no} ({what})"));
    shown.push_str(&format!(
        "---\nNew, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\nVerify return code: {verdict}\n---\n"
    ));
    print(sys, &shown).await;
    Ok(0)
}

fn entry(number: u32, certificate: &Certificate, pem: bool) -> String {
    let mut shown = format!(
        " {number} s:{}\n   i:{}\n   a:PKEY: id-ecPublicKey, 256 (bit); sigalg: \
         ecdsa-with-SHA256\n   v:NotBefore: {}; NotAfter: {}\n",
        certificate.subject.one_line(" = "),
        certificate.issuer.one_line(" = "),
        pki::date(certificate.not_before_s),
        pki::date(certificate.not_after_s)
    );
    if pem {
        shown.push_str(&certificate.to_pem());
    }
    shown
}
