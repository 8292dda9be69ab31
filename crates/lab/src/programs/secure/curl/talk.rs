//! One request of curl: the URL, the connection, the handshake, the answer.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sim::net::http::status_text;
use sim::net::tls::Fault;
use sim::{
    Alert, Conn, DialError, Either, HttpRequest, HttpResponse, Sys, TlsClient, TlsError, race,
};

use super::{Failure, Options};
use crate::etcdctl::SYSTEM_ROOTS;

/// A URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Url, Failure> {
        let bad = || Failure::new(3, "URL using bad/illegal format or missing URL");
        let (tls, rest) = match text.split_once("://") {
            None => (false, text),
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some((scheme, _)) => {
                let text = format!("Protocol \"{scheme}\" not supported or disabled in libcurl");
                return Err(Failure::new(1, text));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| bad())?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        if host.is_empty() {
            return Err(bad());
        }
        Ok(Url { tls, host: host.to_owned(), port, path })
    }

    /// Where a redirect leads.
    pub(super) fn join(&self, location: &str) -> Result<Url, Failure> {
        if location.contains("://") {
            return Url::parse(location);
        }
        let path = match location.strip_prefix('/') {
            Some(_) => location.to_owned(),
            None => {
                let folder = self.path.split('?').next().unwrap_or("/");
                let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{location}")
            }
        };
        Ok(Url { path, ..self.clone() })
    }

    /// The last part of the path.
    pub(super) fn remote_name(&self) -> Option<&str> {
        let path = self.path.split('?').next()?;
        path.rsplit('/').next().filter(|name| !name.is_empty())
    }

    fn is_usual_port(&self) -> bool {
        self.port == if self.tls { 443 } else { 80 }
    }

    fn authority(&self) -> String {
        match self.is_usual_port() {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn text(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
}

/// An answer that has begun.
pub(super) struct Exchange {
    pub(super) conn: Conn,
    pub(super) status: u16,
    tls: bool,
}

impl Exchange {
    /// The head of an answer as `-i` shows it: over TLS curl and Go speak HTTP/2.
    pub(super) fn head(&self, response: &HttpResponse) -> String {
        let mut text = match self.tls {
            true => format!("HTTP/2 {} \r\n", response.status),
            false => format!("HTTP/1.1 {} {}\r\n", response.status, status_text(response.status)),
        };
        for (name, value) in &response.headers {
            let name = if self.tls { name.to_lowercase() } else { name.clone() };
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text
    }
}

/// Waits for something, as long as the transfer may take.
async fn within<T>(
    sys: &Sys,
    deadline_us: Option<u64>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let Some(deadline_us) = deadline_us else { return Some(future.await) };
    let left_us = deadline_us.saturating_sub(sys.mono_us());
    match race(future, sys.sleep_us(left_us)).await {
        Either::Left(value) => Some(value),
        Either::Right(()) => None,
    }
}

/// Asks a URL, up to the head of its answer.
pub(super) async fn exchange(
    sys: &Sys,
    options: &Options,
    url: &Url,
    begun_us: u64,
) -> Result<(Exchange, HttpResponse), Failure> {
    let deadline_us = options.max_time_us.map(|us| begun_us + us);
    let late = || {
        let ms = (sys.mono_us() - begun_us) / 1000;
        let text = format!("Operation timed out after {ms} milliseconds with 0 bytes received");
        Failure::new(28, text)
    };
    let conn = connect(sys, options, url, begun_us).await?;
    if url.tls {
        let client = client(sys, options, url)?;
        let shaken = within(sys, deadline_us, conn.start_tls(sys, &client)).await;
        shaken.ok_or_else(late)?.map_err(|error| not_secure(&error, url))?;
        tell_certificate(sys, options, &conn).await;
    }
    let request = request(sys, options, url).await?;
    if options.verbose {
        let version = if url.tls { "2" } else { "1.1" };
        let mut text = format!("> {} {} HTTP/{version}\r\n", request.method, request.path);
        for (name, value) in &request.headers {
            text.push_str(&format!("> {name}: {value}\r\n"));
        }
        sys.eprint(&format!("{text}> \r\n")).await;
    }
    let answer = within(sys, deadline_us, conn.ask(request)).await.ok_or_else(late)?;
    let response = match (answer, conn.alert()) {
        (Ok(response), _) => response,
        (Err(_), Some(alert)) => {
            let text = format!("OpenSSL SSL_read: {}, errno 0", openssl_alert(alert));
            return Err(Failure::new(56, text));
        }
        (Err(_), None) => return Err(Failure::new(52, "Empty reply from server")),
    };
    let exchange = Exchange { conn, status: response.status, tls: url.tls };
    if options.verbose {
        let mut text: String =
            exchange.head(&response).lines().map(|line| format!("< {line}\r\n")).collect();
        text.push_str(&format!("* Connection #0 to host {} left intact\n", url.host));
        sys.eprint(&text).await;
    }
    Ok((exchange, response))
}

async fn connect(sys: &Sys, options: &Options, url: &Url, begun_us: u64) -> Result<Conn, Failure> {
    /// curl's own limit for a connection.
    const CONNECT_US: u64 = 300_000_000;
    let addr = format!("{}:{}", url.host, url.port);
    let wait_us = [options.max_time_us, options.connect_timeout_us];
    let wait_us = wait_us.into_iter().flatten().min().unwrap_or(CONNECT_US);
    let dialed = within(sys, Some(begun_us + wait_us), sys.dial(&addr)).await;
    let ms = (sys.mono_us() - begun_us) / 1000;
    let (host, port) = (&url.host, url.port);
    match dialed {
        None => {
            let text = format!("Connection timed out after {ms} milliseconds");
            Err(Failure::new(28, text))
        }
        Some(Ok(conn)) => {
            if options.verbose {
                let remote = conn.remote_addr();
                let ip = remote.rsplit_once(':').map_or("", |(ip, _)| ip);
                let text = format!(
                    "*   Trying {remote}...\n* Connected to {host} ({ip}) port {port} (#0)\n"
                );
                sys.eprint(&text).await;
            }
            Ok(conn)
        }
        Some(Err(DialError::NoSuchHost { .. })) => {
            Err(Failure::new(6, format!("Could not resolve host: {host}")))
        }
        Some(Err(DialError::TimedOut { .. })) => {
            let text = format!(
                "Failed to connect to {host} port {port} after {ms} ms: Couldn't connect to server"
            );
            Err(Failure::new(28, text))
        }
        Some(Err(_)) => {
            let text = format!(
                "Failed to connect to {host} port {port} after {ms} ms: Couldn't connect to server"
            );
            Err(Failure::new(7, text))
        }
    }
}

/// What the client trusts and shows.
fn client(sys: &Sys, options: &Options, url: &Url) -> Result<TlsClient, Failure> {
    let roots = match options.cacert.as_str() {
        "" => sys.read_file(SYSTEM_ROOTS).unwrap_or_default(),
        path => match sys.read_file(path) {
            Ok(bytes) if !pki::Pool::from_pem(&bytes).certificates.is_empty() => bytes,
            _ if options.insecure => Bytes::new(),
            _ => {
                let text = format!("error setting certificate file: {path}");
                return Err(Failure::new(77, text));
            }
        },
    };
    let (mut certificate, mut key) = (Bytes::new(), Bytes::new());
    if !options.cert.is_empty() {
        let path = &options.cert;
        let unreadable = |why: &str| {
            let text = format!(
                "could not load PEM client certificate from {path}, OpenSSL error {why}, (no key \
                 found, wrong pass phrase, or wrong file format?)"
            );
            Failure::new(58, text)
        };
        certificate = sys
            .read_file(path)
            .map_err(|errno| unreadable(&format!("error:80000002:system library::{errno}")))?;
        if !pki::Certificate::from_pem(&certificate).is_ok_and(|list| !list.is_empty()) {
            return Err(unreadable("error:0480006C:PEM routines::no start line"));
        }
        let key_path = if options.key.is_empty() { path } else { &options.key };
        key = sys.read_file(key_path).unwrap_or_default();
        if pki::KeyPair::from_pem(&certificate, &key).is_err() {
            let text = format!("unable to set private key file: '{key_path}' type PEM");
            return Err(Failure::new(58, text));
        }
    }
    Ok(TlsClient {
        roots,
        certificate,
        key,
        server_name: url.host.clone(),
        insecure_skip_verify: options.insecure,
    })
}

/// Why there is no secure connection, in curl's and OpenSSL's words.
fn not_secure(error: &TlsError, url: &Url) -> Failure {
    let problem = |text: &str| Failure::new(60, format!("SSL certificate problem: {text}"));
    match error {
        TlsError::Verify(Fault::UnknownAuthority, _) => {
            problem("unable to get local issuer certificate")
        }
        TlsError::Verify(Fault::SelfSigned, _) => problem("self-signed certificate"),
        TlsError::Verify(Fault::Expired, _) => problem("certificate has expired"),
        TlsError::Verify(Fault::NotYet, _) => problem("certificate is not yet valid"),
        TlsError::Verify(Fault::Usage, _) => problem("unsuitable certificate purpose"),
        TlsError::Verify(Fault::Name, _) => {
            let text = format!(
                "SSL: no alternative certificate subject name matches target host name '{}'",
                url.host
            );
            Failure::new(60, text)
        }
        TlsError::Remote(alert) => Failure::new(35, openssl_alert(*alert)),
        TlsError::Eof => {
            let text = format!(
                "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to {}:{} ",
                url.host, url.port
            );
            Failure::new(35, text)
        }
        _ => Failure::new(35, "error:0A00010B:SSL routines::wrong version number"),
    }
}

/// An alert in OpenSSL's words.
fn openssl_alert(alert: Alert) -> String {
    let (number, text) = match alert {
        Alert::UnexpectedMessage => ("0A0003F2", "sslv3 alert unexpected message"),
        Alert::HandshakeFailure => ("0A000410", "sslv3 alert handshake failure"),
        Alert::BadCertificate => ("0A000412", "sslv3 alert bad certificate"),
        Alert::CertificateExpired => ("0A000415", "sslv3 alert certificate expired"),
        Alert::UnknownCa => ("0A000418", "tlsv1 alert unknown ca"),
        Alert::InternalError => ("0A000438", "tlsv1 alert internal error"),
        Alert::CertificateRequired => ("0A00045C", "tlsv13 alert certificate required"),
    };
    format!("error:{number}:SSL routines::{text}")
}

async fn tell_certificate(sys: &Sys, options: &Options, conn: &Conn) {
    let chain = conn.peer_chain();
    let Some(leaf) = chain.first().and_then(|der| pki::Certificate::from_der(der).ok()) else {
        return;
    };
    if !options.verbose {
        return;
    }
    let verified = match options.insecure {
        true => {
            "SSL certificate verify result: unable to get local issuer certificate (20), \
                 continuing anyway."
        }
        false => "SSL certificate verify ok.",
    };
    let text = format!(
        "* SSL connection using TLSv1.3 / TLS_AES_128_GCM_SHA256\n* Server certificate:\n\
         *  subject: {}\n*  start date: {}\n*  expire date: {}\n*  issuer: {}\n*  {verified}\n",
        leaf.subject.one_line("=").replace(", ", "; "),
        pki::date(leaf.not_before_s),
        pki::date(leaf.not_after_s),
        leaf.issuer.one_line("=").replace(", ", "; "),
    );
    sys.eprint(&text).await;
}

/// What is asked.
async fn request(sys: &Sys, options: &Options, url: &Url) -> Result<HttpRequest, Failure> {
    let mut data = Vec::new();
    for (number, item) in options.data.iter().enumerate() {
        if number > 0 {
            data.push(b'&');
        }
        match item.strip_prefix('@') {
            Some("-") => data.extend(sys.read_to_end(sim::Fd::STDIN).await.unwrap_or_default()),
            Some(path) => match sys.read_file(path) {
                Ok(bytes) => data.extend(bytes.iter().filter(|byte| !b"\r\n".contains(byte))),
                Err(_) => {
                    let text = format!("Failed to open {path}");
                    return Err(Failure::new(26, text));
                }
            },
            None => data.extend_from_slice(item.as_bytes()),
        }
    }
    let mut path = url.path.clone();
    if options.data_in_query() && !data.is_empty() {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&String::from_utf8_lossy(&data));
        data.clear();
    }
    let mut headers = vec![("Host".to_owned(), url.authority())];
    if !options.user.is_empty() {
        let value = format!("Basic {}", STANDARD.encode(&options.user));
        headers.push(("Authorization".to_owned(), value));
    }
    headers.push(("User-Agent".to_owned(), options.agent.clone()));
    let accept = if options.json { "application/json" } else { "*/*" };
    headers.push(("Accept".to_owned(), accept.to_owned()));
    for header in &options.headers {
        let Some((name, value)) = header.split_once(':') else { continue };
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if !data.is_empty() {
        headers.push(("Content-Length".to_owned(), data.len().to_string()));
        let known = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !known {
            let kind = match options.json {
                true => "application/json",
                false => "application/x-www-form-urlencoded",
            };
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
    }
    Ok(HttpRequest { method: options.method().to_owned(), path, headers, body: Bytes::from(data) })
}
