//! HTTP as it travels on the virtual network: one packet a request, one a response, and more
//! where a response is a stream. Texts and bodies are real bytes; framing is not spoken of.

use std::future::Future;

use bytes::Bytes;

use super::conn::Closed;
use super::end::Conn;
use super::{Packet, len_of};

/// A message of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Http {
    /// A client asks.
    Request(HttpRequest),
    /// A server answers.
    Response(HttpResponse),
    /// More of a response's body.
    Chunk {
        /// The bytes.
        body: Bytes,
        /// Whether still more will come.
        more: bool,
    },
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, as `/health?serializable=true`.
    pub path: String,
    /// Names as the client spells them, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// 200 and the like.
    pub status: u16,
    /// Names as the server spells them, and values.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether more of the body will come in chunks: a watch, the log of a pod that runs.
    pub more: bool,
}

/// The value of a header, whatever the case of its name.
fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn headers_bytes(headers: &[(String, String)]) -> u64 {
    let len = |text: &str| u64::try_from(text.len()).expect("a length fits 64 bits");
    headers.iter().map(|(name, value)| len(name) + len(value) + 4).sum()
}

impl HttpRequest {
    /// A request without headers or body.
    pub fn new(method: &str, path: &str) -> HttpRequest {
        HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The path without the query, and the query.
    pub fn split(&self) -> (&str, &str) {
        self.path.split_once('?').unwrap_or((&self.path, ""))
    }
}

impl HttpResponse {
    /// A whole response.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> HttpResponse {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        HttpResponse { status, headers, body: body.into(), more: false }
    }

    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Http {
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Http::Request(request) => headers_bytes(&request.headers) + len_of(&request.body),
            Http::Response(answer) => headers_bytes(&answer.headers) + len_of(&answer.body),
            Http::Chunk { body, .. } => len_of(body),
        }
    }

    /// What it is, for the picture.
    pub(super) fn name(&self) -> String {
        match self {
            Http::Request(request) => format!("{} {}", request.method, request.path),
            Http::Response(answer) => format!("HTTP {}", answer.status),
            Http::Chunk { .. } => "chunk".to_owned(),
        }
    }
}

impl Conn {
    /// Asks, and waits for the beginning of the answer. Where that says `more`, go on with
    /// [`Conn::chunk`]; a connection serves one request after the other.
    pub async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Closed> {
        self.send(Packet::Http(Http::Request(request)))?;
        loop {
            match self.recv().await? {
                Packet::Http(Http::Response(response)) => return Ok(response),
                // What is left of an answer nobody read to its end.
                Packet::Http(Http::Chunk { .. }) => {}
                _ => return Err(Closed),
            }
        }
    }

    /// The next bytes of an answer's body; none at its end.
    pub async fn chunk(&self) -> Result<Option<Bytes>, Closed> {
        match self.recv().await? {
            Packet::Http(Http::Chunk { body, more }) => {
                Ok(if body.is_empty() && !more { None } else { Some(body) })
            }
            _ => Err(Closed),
        }
    }

    /// Serves requests one after the other until the client hangs up. A response that says
    /// `more` is to be followed by chunks, which `serve` sends itself before it returns.
    pub async fn serve<F: Future<Output = HttpResponse>>(
        &self,
        mut serve: impl FnMut(HttpRequest) -> F,
    ) {
        while let Ok(packet) = self.recv().await {
            let Packet::Http(Http::Request(request)) = packet else { return };
            let response = serve(request).await;
            if self.send(Packet::Http(Http::Response(response))).is_err() {
                return;
            }
        }
    }

    /// Sends a chunk of a streamed answer.
    pub fn send_chunk(&self, body: Bytes, more: bool) -> Result<(), Closed> {
        self.send(Packet::Http(Http::Chunk { body, more }))
    }
}

/// The words of a status, as servers print them.
pub fn status_text(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
