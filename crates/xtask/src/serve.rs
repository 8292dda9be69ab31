//! Serves the page on this machine only.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tiny_http::{Header, Method, Request, Response, Server};

use crate::page;
use crate::run::{Failure, program, step};
use crate::setup;

/// Builds the release page and serves it until interrupted.
pub(crate) fn release(port: u16) -> Result<(), Failure> {
    // The port first: nobody should wait for a build to hear that it is taken.
    let server = Server::http(("127.0.0.1", port)).map_err(|error| {
        Failure::new(format!("cannot listen on 127.0.0.1:{port}: {error}; --port takes another"))
    })?;
    let dist = page::build()?;
    println!("xtask: Quorum Lab is at http://127.0.0.1:{port}/  (Ctrl-C ends it)");
    for request in server.incoming_requests() {
        answer(request, &dist);
    }
    Ok(())
}

/// Hands over to Trunk, which watches and reloads.
pub(crate) fn dev(port: u16) -> Result<(), Failure> {
    setup::page()?;
    let port = port.to_string();
    step(
        "watching and serving",
        program("trunk").args(["serve", "--address", "127.0.0.1", "--port", &port]),
    )
}

/// Answers one request from the folder; a failed answer is the browser's to report.
fn answer(request: Request, dist: &Path) {
    if !matches!(request.method(), Method::Get | Method::Head) {
        let _ = request.respond(Response::empty(405));
        return;
    }
    let file = file_of(request.url(), dist);
    let _ = match file.and_then(|file| Some((fs::read(&file).ok()?, file))) {
        Some((bytes, file)) => {
            let header = Header::from_bytes("Content-Type", content_type(&file))
                .expect("the types below are plain ASCII");
            request.respond(Response::from_data(bytes).with_header(header))
        }
        None => request.respond(Response::from_string("not found\n").with_status_code(404)),
    };
}

/// The file a URL names; none for what points outside the folder.
fn file_of(url: &str, dist: &Path) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let path = Path::new(if path.is_empty() { "index.html" } else { path });
    path.components().all(|part| matches!(part, Component::Normal(_))).then(|| dist.join(path))
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_inside_the_folder_or_nothing() {
        let dist = Path::new("dist");
        assert_eq!(file_of("/", dist), Some("dist/index.html".into()));
        assert_eq!(file_of("/a/b.js?x=1", dist), Some("dist/a/b.js".into()));
        assert_eq!(file_of("/../Cargo.toml", dist), None);
        assert_eq!(file_of("//etc/passwd", dist), Some("dist/etc/passwd".into()));
    }
}
