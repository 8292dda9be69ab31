//! The kubelet's own port: logs of containers, and commands in them.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sim::{Conn, Fd, Http, HttpRequest, HttpResponse, Packet, SpawnSpec, TlsServer};

use super::{Kubelet, Part};
use crate::client::unescape;
use crate::klog::log;
use crate::runtime;
use crate::value::text;

const PORT: u16 = 10_250;
const CERT: &str = "/var/lib/kubelet/pki/kubelet.crt";
const KEY: &str = "/var/lib/kubelet/pki/kubelet.key";

pub(super) fn follow(kubelet: Rc<Kubelet>) -> Part {
    Box::pin(async move {
        let listener = match kubelet.sys.listen(&format!("0.0.0.0:{PORT}")) {
            Ok(listener) => listener,
            Err(error) => {
                let text = format!("\"Failed to listen and serve\" err=\"{error}\"");
                log(&kubelet.sys, 'E', "server.go:236", &text).await;
                return;
            }
        };
        loop {
            let conn = listener.accept().await;
            let kubelet = kubelet.clone();
            let spawner = kubelet.spawner.clone();
            spawner.spawn(async move { serve(&kubelet, conn).await });
        }
    })
}

async fn serve(kubelet: &Kubelet, conn: Conn) {
    let tls = TlsServer::from_files(CERT, KEY);
    if conn.accept_tls(&kubelet.sys, &tls).await.is_err() {
        return;
    }
    while let Ok(Packet::Http(Http::Request(request))) = conn.recv().await {
        if !answer(kubelet, &conn, &request).await {
            return;
        }
    }
}

fn plain(code: u16, text: &str) -> HttpResponse {
    HttpResponse::new(code, "text/plain", text.to_owned())
}

/// Answers a request; false when the connection is to end.
#[expect(clippy::too_many_lines, reason = "one arm for each request")]
async fn answer(kubelet: &Kubelet, conn: &Conn, request: &HttpRequest) -> bool {
    let (path, query) = request.split();
    let parts: Vec<String> = path.trim_matches('/').split('/').map(unescape).collect();
    let params: Vec<(String, String)> = query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (unescape(name), unescape(value)))
        .collect();
    let get = |name: &str| {
        params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    let response = match words.as_slice() {
        ["healthz"] => plain(200, "ok"),
        [verb @ ("containerLogs" | "exec"), namespace, pod, container] => {
            let mut found = runtime::containers(&kubelet.sys);
            found.retain(|it| {
                text(it, "namespace") == *namespace
                    && text(it, "pod") == *pod
                    && text(it, "name") == *container
            });
            let latest = found.last();
            if *verb == "exec" {
                match latest.filter(|it| text(it, "state") == "running") {
                    Some(record) => {
                        let command = params.iter().filter(|(name, _)| name == "command");
                        let command: Vec<String> = command.map(|(_, word)| word.clone()).collect();
                        return exec(kubelet, conn, record, &command, &request.body).await;
                    }
                    None => plain(404, &format!("container not found (\"{container}\")\n")),
                }
            } else if get("previous") == "true" {
                match found.iter().rev().nth(1) {
                    Some(record) => plain(200, &log_text(kubelet, record, get("tailLines"))),
                    None => plain(
                        400,
                        &format!(
                            "previous terminated container \"{container}\" in pod \"{pod}\" not found\n"
                        ),
                    ),
                }
            } else {
                match latest {
                    Some(record) if get("follow") == "true" => {
                        return follow_log(kubelet, conn, record, get("tailLines")).await;
                    }
                    Some(record) => plain(200, &log_text(kubelet, record, get("tailLines"))),
                    None => {
                        let why = kubelet.pods.borrow().values().find_map(|it| {
                            let object = it.object.borrow();
                            (crate::value::name(&object) == *pod).then(|| {
                                let state = it.state.borrow();
                                let known = state.containers.get(*container)?;
                                known.waiting.as_ref().map(|(reason, _)| reason.clone())
                            })?
                        });
                        let why = match why.as_deref() {
                            Some("ErrImagePull" | "ImagePullBackOff") => {
                                "trying and failing to pull image"
                            }
                            _ => "ContainerCreating",
                        };
                        plain(
                            400,
                            &format!(
                                "container \"{container}\" in pod \"{pod}\" is waiting to start: {why}\n"
                            ),
                        )
                    }
                }
            }
        }
        _ => plain(404, "404 page not found\n"),
    };
    conn.send(Packet::Http(Http::Response(response))).is_ok()
}

/// What a container printed, without CRI's marks.
pub(crate) fn plain_log(log: &str) -> String {
    let mut out = String::new();
    for line in log.lines() {
        let mut parts = line.splitn(4, ' ');
        let tag = parts.nth(2).unwrap_or("F");
        out.push_str(parts.next().unwrap_or_default());
        if tag == "F" {
            out.push('\n');
        }
    }
    out
}

fn log_text(kubelet: &Kubelet, record: &Value, tail: &str) -> String {
    let bytes = kubelet.sys.read_file(text(record, "logPath")).unwrap_or_default();
    let whole = plain_log(&String::from_utf8_lossy(&bytes));
    match tail.parse::<usize>() {
        Ok(count) => {
            let lines: Vec<&str> = whole.split_inclusive('\n').collect();
            lines[lines.len().saturating_sub(count)..].concat()
        }
        Err(_) => whole,
    }
}

async fn follow_log(kubelet: &Kubelet, conn: &Conn, record: &Value, tail: &str) -> bool {
    let first = log_text(kubelet, record, tail);
    let mut seen = log_text(kubelet, record, "").len();
    let mut response = plain(200, &first);
    response.more = true;
    if conn.send(Packet::Http(Http::Response(response))).is_err() {
        return false;
    }
    loop {
        let id = text(record, "id");
        let runs = runtime::containers(&kubelet.sys)
            .iter()
            .any(|it| text(it, "id") == id && text(it, "state") == "running");
        let whole = log_text(kubelet, record, "");
        if whole.len() > seen {
            let more = Bytes::from(whole[seen..].to_owned());
            seen = whole.len();
            if conn.send_chunk(more, true).is_err() {
                return false;
            }
        }
        if !runs {
            return conn.send_chunk(Bytes::new(), false).is_ok();
        }
        let rest = kubelet.sys.sleep_us(200_000);
        if let sim::Either::Left(()) = sim::race(conn.closed(), rest).await {
            return false;
        }
    }
}

/// Runs a command in a container; the answer is lines of JSON: what it printed, and how it
/// ended.
async fn exec(
    kubelet: &Kubelet,
    conn: &Conn,
    record: &Value,
    command: &[String],
    input: &[u8],
) -> bool {
    let sys = &kubelet.sys;
    let container = runtime::view(record);
    let name = command.first().cloned().unwrap_or_default();
    let Some(path) = runtime::which(sys, &container, &name) else {
        let why = match name.contains('/') {
            true => format!("exec: \"{name}\": stat {name}: no such file or directory"),
            false => format!("exec: \"{name}\": executable file not found in $PATH"),
        };
        let text = format!(
            "OCI runtime exec failed: exec failed: unable to start container process: {why}"
        );
        let body = json!({"error": text}).to_string() + "\n";
        return conn.send(Packet::Http(Http::Response(plain(200, &body)))).is_ok();
    };
    match run(kubelet, record, &path, command, input).await {
        Ok((code, out, err)) => {
            let mut body = String::new();
            for (stream, bytes) in [("stdout", out), ("stderr", err)] {
                body.push_str(
                    &json!({"stream": stream, "data": STANDARD.encode(bytes)}).to_string(),
                );
                body.push('\n');
            }
            body.push_str(&json!({"exit": code}).to_string());
            body.push('\n');
            conn.send(Packet::Http(Http::Response(plain(200, &body)))).is_ok()
        }
        Err(errno) => {
            let body = json!({"error": errno.to_string()}).to_string() + "\n";
            conn.send(Packet::Http(Http::Response(plain(200, &body)))).is_ok()
        }
    }
}

async fn run(
    kubelet: &Kubelet,
    record: &Value,
    path: &str,
    command: &[String],
    input: &[u8],
) -> Result<(i32, Vec<u8>, Vec<u8>), sim::Errno> {
    let sys = &kubelet.sys;
    let (input_out, input_in) = sys.pipe()?;
    let (out, out_in) = sys.pipe()?;
    let (err, err_in) = sys.pipe()?;
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let spec = SpawnSpec {
        env: runtime::env(record),
        cwd: Some(text(record, "cwd")).filter(|it| !it.is_empty()).unwrap_or("/").to_owned(),
        fds: vec![(Fd::STDIN, input_out), (Fd::STDOUT, out_in), (Fd::STDERR, err_in)],
        group: sim::Group::Own,
        ..SpawnSpec::new(path, &words)
    };
    let spawned = sys.spawn_contained(spec, runtime::view(record));
    for fd in [input_out, out_in, err_in] {
        sys.close(fd)?;
    }
    let pid = spawned?;
    // A command that does not read its input is none the worse for it.
    let _ = sys.write(input_in, input).await;
    sys.close(input_in)?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let one = async {
            if !out_open {
                std::future::pending::<()>().await;
            }
            sys.read(out, 65_536).await.unwrap_or_default()
        };
        let other = async {
            if !err_open {
                std::future::pending::<()>().await;
            }
            sys.read(err, 65_536).await.unwrap_or_default()
        };
        match sim::race(one, other).await {
            sim::Either::Left(bytes) => {
                out_open = !bytes.is_empty();
                stdout.extend_from_slice(&bytes);
            }
            sim::Either::Right(bytes) => {
                err_open = !bytes.is_empty();
                stderr.extend_from_slice(&bytes);
            }
        }
    }
    for fd in [out, err] {
        sys.close(fd)?;
    }
    let code = sys.wait(pid).await.code();
    Ok((code, stdout, stderr))
}
