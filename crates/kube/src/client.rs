//! A client of the API server: what kubelets, controllers and kubectl speak through.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sim::{Conn, Either, HttpRequest, HttpResponse, Sys, TlsClient, TlsError, race};

use crate::etcd3::address;
use crate::resources::Kind;
use crate::value::{at, list, text};
use crate::yaml;

/// How to reach an API server, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// `https://10.0.0.1:6443`.
    pub server: String,
    /// The authorities it trusts: PEM.
    pub ca: Bytes,
    /// The client's certificate: PEM.
    pub cert: Bytes,
    /// Its key: PEM.
    pub key: Bytes,
    /// Takes any certificate.
    pub insecure: bool,
    /// The namespace where none is named.
    pub namespace: String,
}

impl Kubeconfig {
    /// Reads a file. The error is kubectl's sentence.
    pub fn load(sys: &Sys, path: &str, context: Option<&str>) -> Result<Kubeconfig, String> {
        let bytes = sys
            .read_file(path)
            .map_err(|errno| format!("stat {path}: {}", errno.to_string().to_lowercase()))?;
        let file = yaml::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|error| format!("error loading config file \"{path}\": {error}"))?;
        Kubeconfig::of(sys, &file, context)
    }

    /// What a file's content means.
    pub fn of(sys: &Sys, file: &Value, context: Option<&str>) -> Result<Kubeconfig, String> {
        let named = |list_name: &str, name: &str| {
            list(file, list_name).iter().find(|it| text(it, "name") == name)
        };
        let context = context.unwrap_or(text(file, "current-context"));
        let found = named("contexts", context);
        if found.is_none() && !context.is_empty() {
            return Err(format!("context \"{context}\" does not exist"));
        }
        let context = found.map(|it| at(it, "context")).unwrap_or(&Value::Null);
        let cluster = named("clusters", text(context, "cluster"));
        let cluster = cluster.map(|it| at(it, "cluster")).unwrap_or(&Value::Null);
        let user = named("users", text(context, "user"));
        let user = user.map(|it| at(it, "user")).unwrap_or(&Value::Null);
        let pem = |value: &Value, name: &str| -> Result<Bytes, String> {
            let data = text(value, &format!("{name}-data"));
            let path = text(value, name);
            match (data, path) {
                ("", "") => Ok(Bytes::new()),
                ("", path) => sys.read_file(path).map_err(|errno| {
                    let errno = errno.to_string().to_lowercase();
                    format!("unable to read {name} {path} due to open {path}: {errno}")
                }),
                (data, _) => match STANDARD.decode(data) {
                    Ok(bytes) => Ok(Bytes::from(bytes)),
                    Err(_) => Err(format!("illegal base64 data in {name}-data")),
                },
            }
        };
        let server = match text(cluster, "server") {
            "" => "http://localhost:8080",
            server => server,
        };
        Ok(Kubeconfig {
            server: server.trim_end_matches('/').to_owned(),
            ca: pem(cluster, "certificate-authority")?,
            cert: pem(user, "client-certificate")?,
            key: pem(user, "client-key")?,
            insecure: crate::value::yes(cluster, "insecure-skip-tls-verify"),
            namespace: text(context, "namespace").to_owned(),
        })
    }
}

/// Why there is no answer, or not the one that was wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiError {
    /// Nobody listens: what Go's dialer says.
    Refused(String),
    /// No answer for another reason, in Go's words.
    Network(String),
    /// The server's answer: a `Status` object.
    Status(Value),
}

impl ApiError {
    /// `NotFound` and the like.
    pub fn reason(&self) -> &str {
        match self {
            ApiError::Status(status) => text(status, "reason"),
            _ => "",
        }
    }

    /// The HTTP status; 0 where there was no answer.
    pub fn code(&self) -> i64 {
        match self {
            ApiError::Status(status) => crate::value::int(status, "code").unwrap_or_default(),
            _ => 0,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApiError::Refused(text) | ApiError::Network(text) => f.write_str(text),
            ApiError::Status(status) => f.write_str(text(status, "message")),
        }
    }
}

/// A client. It keeps one idle connection.
pub struct Client {
    sys: Sys,
    config: Kubeconfig,
    agent: String,
    idle: RefCell<Option<Conn>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.config.server)
    }
}

/// How long an answer may take.
const TIMEOUT_US: u64 = 70_000_000;

impl Client {
    /// A client that calls itself `agent`.
    pub fn new(sys: &Sys, config: Kubeconfig, agent: &str) -> Client {
        Client { sys: sys.clone(), config, agent: agent.to_owned(), idle: RefCell::default() }
    }

    /// What it was made from.
    pub fn config(&self) -> &Kubeconfig {
        &self.config
    }

    /// What it calls itself.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    async fn connect(&self) -> Result<Conn, ApiError> {
        let (address, tls) = address(&self.config.server);
        let conn = self.sys.dial(&address).await.map_err(|error| match error {
            sim::DialError::Refused { .. } => ApiError::Refused(error.to_string()),
            error => ApiError::Network(error.to_string()),
        })?;
        if tls {
            let client = TlsClient {
                roots: self.config.ca.clone(),
                certificate: self.config.cert.clone(),
                key: self.config.key.clone(),
                server_name: address.rsplit_once(':').map_or("", |(name, _)| name).to_owned(),
                insecure_skip_verify: self.config.insecure,
            };
            conn.start_tls(&self.sys, &client).await.map_err(|error| {
                ApiError::Network(match error {
                    TlsError::NotTls => {
                        "http: server gave HTTP response to HTTPS client".to_owned()
                    }
                    error => error.to_string(),
                })
            })?;
        }
        Ok(conn)
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: Bytes) -> HttpRequest {
        let mut request = HttpRequest::new(method, path);
        request.headers.push(("User-Agent".to_owned(), self.agent.clone()));
        request.headers.push(("Accept".to_owned(), "application/json".to_owned()));
        if !body.is_empty() {
            request.headers.push(("Content-Type".to_owned(), content_type.to_owned()));
        }
        request.body = body;
        request
    }

    /// Sends a request as it is; the answer may be an error's.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<HttpResponse, ApiError> {
        let asking = async {
            let request = self.request(method, path, content_type, body);
            let idle = self.idle.borrow_mut().take();
            if let Some(conn) = idle
                && let Ok(response) = conn.ask(request.clone()).await
            {
                return self.done(conn, response);
            }
            let conn = self.connect().await?;
            match conn.ask(request).await {
                Ok(response) => self.done(conn, response),
                Err(_) => Err(self.hung_up(&conn)),
            }
        };
        match race(asking, self.sys.sleep_us(TIMEOUT_US)).await {
            Either::Left(result) => result,
            Either::Right(()) => {
                let text =
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
                Err(ApiError::Network(text.to_owned()))
            }
        }
    }

    fn hung_up(&self, conn: &Conn) -> ApiError {
        ApiError::Network(match conn.alert() {
            Some(alert) => format!("remote error: tls: {alert}"),
            None => "EOF".to_owned(),
        })
    }

    fn done(&self, conn: Conn, response: HttpResponse) -> Result<HttpResponse, ApiError> {
        if !response.more {
            *self.idle.borrow_mut() = Some(conn);
        }
        Ok(response)
    }

    /// Sends an object and reads one.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let response = self.raw(method, path, content_type, body).await?;
        read(&response)
    }

    /// Reads an object or a list.
    pub async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.ask("GET", path, "", None).await
    }

    /// Makes an object.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        self.ask("POST", path, "application/json", Some(object)).await
    }

    /// Replaces an object.
    pub async fn update(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        self.ask("PUT", path, "application/json", Some(object)).await
    }

    /// Changes an object by a strategic merge patch.
    pub async fn patch(&self, path: &str, patch: &Value) -> Result<Value, ApiError> {
        let content_type = "application/strategic-merge-patch+json";
        self.ask("PATCH", path, content_type, Some(patch)).await
    }

    /// Deletes an object.
    pub async fn delete(&self, path: &str, options: Option<&Value>) -> Result<Value, ApiError> {
        self.ask("DELETE", path, "application/json", options).await
    }

    /// Opens a stream of bytes, on a connection of its own.
    pub async fn stream(&self, path: &str) -> Result<Watch, ApiError> {
        self.watch(path).await
    }

    /// Opens a watch, on a connection of its own.
    pub async fn watch(&self, path: &str) -> Result<Watch, ApiError> {
        let conn = self.connect().await?;
        let request = self.request("GET", path, "", Bytes::new());
        let response = conn.ask(request).await.map_err(|_| self.hung_up(&conn))?;
        if response.status != 200 {
            return Err(error_of(&response));
        }
        Ok(Watch { conn, buffer: response.body.to_vec(), more: response.more })
    }
}

/// The object in an answer.
pub fn read(response: &HttpResponse) -> Result<Value, ApiError> {
    if response.status >= 300 {
        return Err(error_of(response));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| ApiError::Network(format!("the server's answer cannot be read: {error}")))
}

fn error_of(response: &HttpResponse) -> ApiError {
    match serde_json::from_slice::<Value>(&response.body) {
        Ok(status) if text(&status, "kind") == "Status" => ApiError::Status(status),
        _ => {
            let body = String::from_utf8_lossy(&response.body);
            let quoted = Value::from(body.trim_end()).to_string();
            let code = i64::from(response.status);
            let (reason, message) = match code {
                401 => (
                    "Unauthorized",
                    "the server has asked for the client to provide credentials".to_owned(),
                ),
                404 => ("NotFound", "the server could not find the requested resource".to_owned()),
                503 => (
                    "ServiceUnavailable",
                    "the server is currently unable to handle the request".to_owned(),
                ),
                _ => (
                    "InternalError",
                    format!(
                        "an error on the server ({quoted}) has prevented the request from succeeding"
                    ),
                ),
            };
            ApiError::Status(serde_json::json!({
                "kind": "Status", "status": "Failure", "code": code, "reason": reason,
                "message": message,
            }))
        }
    }
}

/// A watch: events one after the other.
#[derive(Debug)]
pub struct Watch {
    conn: Conn,
    buffer: Vec<u8>,
    more: bool,
}

impl Watch {
    /// The next bytes, as they come. None when the stream ended.
    pub async fn next_bytes(&mut self) -> Option<Vec<u8>> {
        if !self.buffer.is_empty() {
            return Some(std::mem::take(&mut self.buffer));
        }
        if !self.more {
            return None;
        }
        match self.conn.chunk().await {
            Ok(Some(bytes)) => Some(bytes.to_vec()),
            Ok(None) | Err(_) => None,
        }
    }

    /// The next event: its type and object. None when the watch ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let Ok(mut event) = serde_json::from_slice::<Value>(&line) else { continue };
                let kind = text(&event, "type").to_owned();
                let object = event.get_mut("object").map(Value::take).unwrap_or(Value::Null);
                return Some((kind, object));
            }
            if !self.more {
                return None;
            }
            match self.conn.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) | Err(_) => self.more = false,
            }
        }
    }
}

/// The path of an object.
pub fn path(kind: &Kind, namespace: &str, name: &str) -> String {
    format!("{}/{name}", kind.path(if kind.namespaced { namespace } else { "" }))
}

/// Text as part of a query.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What [`escape`] did, undone.
pub fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
